"""Making films in the playground: from a form to a film that plays, or to a reason in words."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from browsing import Visit
from consoling import check_it_plays, come_in, settle
from playhouse import Playhouse


def wish(page: Page, prompt: str, *, model: str = "sandbox") -> None:
    """Fill the form in, as small as it gets, and press."""
    settle(page, "Playground")
    page.get_by_label("Model").select_option(model)
    page.get_by_label("Prompt", exact=True).fill(prompt)
    if model == "sandbox":
        page.get_by_label("Length").fill("1")
        page.get_by_text("480p", exact=True).click()
    page.get_by_role("button", name="Make the film").click()


def test_a_wish_in_the_form_becomes_a_film_that_plays(visit: Visit, house: Playhouse) -> None:
    page = come_in(visit, house, "caller")
    wish(page, "A yellow submarine below the ice.")
    expect(page.get_by_role("heading", name="Your film is ready")).to_be_visible()
    check_it_plays(page.locator("video"))


def test_why_there_is_no_film_is_told_in_words(visit: Visit, house: Playhouse) -> None:
    page = come_in(visit, house, "caller")
    wish(page, "A kite that fails to rise.", model="sora-2")
    expect(page.get_by_role("heading", name="The provider failed.")).to_be_visible()
    expect(page.locator(".note.bad")).to_contain_text("provider_error")
    wish(page, "Something that is refused.", model="sora-2")
    expect(page.get_by_role("heading", name="It was refused for what it shows.")).to_be_visible()
    expect(page.locator(".note.bad")).to_contain_text("content_policy_violation")


def test_what_the_form_lacks_is_told_before_it_is_sent(visit: Visit, house: Playhouse) -> None:
    page = come_in(visit, house, "caller")
    wish(page, "")
    prompt = page.get_by_label("Prompt", exact=True)
    expect(prompt).to_be_focused()
    expect(prompt).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("heading", name="Your film is ready")).to_have_count(0)


def test_a_refusal_of_the_server_is_told_in_its_words(visit: Visit, house: Playhouse) -> None:
    visit.expect_refusals(429)
    limits = {"in_flight_max": 0}
    made = house.ask("POST", "/admin/v1/keys", {"name": "bound", "limits": limits})
    house.keys["bound"] = made["secret"]
    page = come_in(visit, house, "bound")
    wish(page, "One film too many.")
    refusal = page.get_by_role("alert")
    expect(refusal).to_contain_text("too_many_active_tasks")
    expect(refusal).to_contain_text("Wait until one of your films is finished")


def test_a_film_is_made_and_opened_by_keys_alone(visit: Visit, house: Playhouse) -> None:
    page = visit.page
    page.goto("/console/")
    press_to(page, "API key")
    page.keyboard.type(house.keys["caller"])
    page.keyboard.press("Enter")
    settle(page, "Playground")
    press_to(page, "Prompt")
    page.keyboard.type("A paper boat, by keys alone.")
    press_to(page, "Length")
    page.keyboard.press("Home")
    press_to(page, "Make the film")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your film is ready")).to_be_focused()
    press_to(page, "What happened")
    page.keyboard.press("Enter")
    settle(page)
    expect(page.locator("main video")).to_be_visible()


def press_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus is called so; it must be seen where one is."""
    for _ in range(60):
        page.keyboard.press("Tab")
        here = page.evaluate(_FOCUSED)
        if name in here["name"]:
            assert here["is_seen"], f"{name} has the focus, and nothing shows it"
            return
    raise AssertionError(f"no way by Tab to {name!r}")


_FOCUSED = """() => {
    const one = document.activeElement;
    const label = one.labels?.[0]?.innerText ?? one.getAttribute("aria-label") ?? one.innerText;
    const {outlineStyle, outlineWidth} = getComputedStyle(one);
    return {name: label ?? "", is_seen: outlineStyle !== "none" && outlineWidth !== "0px"};
}"""
