"""Coming in with a key, seeing what it opens, and leaving nothing of it behind."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from browsing import Booth, Visit, check_access
from consoling import CONSOLE, PLACE, ROOMS, SCOPES, come_in, go, menu, settle
from playhouse import Playhouse

POLICY = ("default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'")


def kept(page: Page) -> dict[str, Any]:
    """Everything that a page can keep, and where."""
    found: dict[str, Any] = page.evaluate(
        """async () => ({
            session: {...sessionStorage},
            local: {...localStorage},
            cookies: document.cookie,
            databases: (await indexedDB.databases()).length,
            address: location.href,
            history: JSON.stringify(history.state),
        })"""
    )
    return found


def test_a_key_stays_in_its_tab_and_signing_out_forgets_it(visit: Visit, house: Playhouse) -> None:
    secret = house.keys["caller"]
    page = come_in(visit, house, "caller")
    here = kept(page)
    assert here.pop("session") == {PLACE: secret}
    assert secret not in str(here)
    assert visit.context.cookies() == []
    page.reload()
    expect(menu(page)).to_be_visible()
    elsewhere = visit.another_tab()
    elsewhere.goto(CONSOLE)
    expect(elsewhere.get_by_label("API key")).to_be_visible()
    go(page, ROOMS[1])
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_have_value("")
    assert secret not in str(kept(page))
    page.go_back()
    expect(page.get_by_label("API key")).to_be_visible()


def test_a_key_that_nobody_knows_is_refused_in_words_and_not_kept(visit: Visit) -> None:
    visit.expect_refusals(401)
    page = visit.page
    page.goto(CONSOLE)
    check_access(page, "signing in")
    page.get_by_label("API key").fill("sk-live-nobody")
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("alert")).to_have_text("This API key is not valid.")
    check_access(page, "signing in, refused")
    assert "nobody" not in str(kept(page))


def test_a_key_that_ends_while_one_looks_leads_back_to_the_door(
    visit: Visit, house: Playhouse
) -> None:
    visit.expect_refusals(401)
    made = house.ask("POST", "/admin/v1/keys", {"name": "short-lived"})
    house.keys["short-lived"] = made["secret"]
    page = come_in(visit, house, "short-lived")
    house.ask("POST", f"/admin/v1/keys/{made['id']}/revoke", {"force": True})
    page.reload()
    expect(page.get_by_label("API key")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_visible()
    assert PLACE not in kept(page)["session"]


@pytest.mark.parametrize("who", SCOPES)
def test_a_key_sees_the_pages_that_it_opens_and_no_others(
    who: str, visit: Visit, house: Playhouse
) -> None:
    page = come_in(visit, house, who)
    opened = [room for room in ROOMS if room.scope in SCOPES[who]]
    expect(menu(page).get_by_role("link")).to_have_text([*(room.name for room in opened), "API"])
    settle(page, opened[0].name)
    for room in ROOMS:
        if room in opened:
            menu(page).get_by_role("link", name=room.name).click()
            settle(page, room.name)
            expect(page.get_by_role("alert")).to_have_count(0)
        elif room is not ROOMS[0]:
            go(page, room)
            expect(page.get_by_role("heading", level=1)).to_contain_text("closed to this key")


def test_a_page_that_is_not_there_leads_back(visit: Visit, house: Playhouse) -> None:
    page = come_in(visit, house, "caller", "#/nowhere")
    settle(page, "There is no such page")
    check_access(page)
    page.get_by_role("link", name="To the playground").click()
    settle(page, "Playground")


def test_the_console_speaks_only_to_its_server_under_a_strict_policy(
    booth: Booth, house: Playhouse
) -> None:
    with booth.visit(house.url) as visit:
        answer = visit.page.goto(CONSOLE)
        assert answer is not None
        told = answer.headers["content-security-policy"] + ";"
        assert all(part in told for part in POLICY)
        assert "unsafe" not in told
        visit.page.evaluate("document.body.setAttribute('onclick', 'alert(1)')")
        with pytest.raises(AssertionError, match="Content Security Policy"):
            visit.held()


def test_without_the_server_the_page_says_so(visit: Visit, house: Playhouse) -> None:
    page = visit.page
    page.goto(CONSOLE)
    visit.context.set_offline(offline=True)
    page.get_by_label("API key").fill(house.keys["owner"])
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
    visit.faults.clear()
