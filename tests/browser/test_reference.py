"""The page /docs in a browser: read, found one's way in, tried, with and without scripts."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Locator, Page, expect

from browsing import Booth, Visit, check_access
from consoling import check_it_plays
from playhouse import Playhouse

SUBMIT = "#post_video_generations"
SMALL = {"model": "sandbox", "prompt": "A fox in fresh snow", "seconds": 1, "resolution": "480p"}


def opened(visit: Visit, operation: str = "") -> Page:
    visit.page.goto(f"/docs{operation}")
    return visit.page


def trying(page: Page, operation: str, **given: str) -> Locator:
    """Open the form of an operation, and fill in what is given by a field's name."""
    article = page.locator(operation)
    article.get_by_text("Try it", exact=True).click()
    for name, value in given.items():
        article.locator(f"[name={name}][data-place]").fill(value)
    return article


def sent(article: Locator) -> Locator:
    article.get_by_role("button", name="Send").click()
    return article.locator(".outcome")


def test_a_film_is_made_from_the_page_in_rehearsal_and_plays(
    booth: Booth, house: Playhouse, visit: Visit
) -> None:
    page = opened(visit)
    page.get_by_label("Your key").fill(house.keys["rehearsal"])
    article = trying(page, SUBMIT, body=json.dumps(SMALL))
    outcome = sent(article)
    expect(outcome.locator(".state").first).to_contain_text("200")
    outcome.get_by_role("button", name="Wait for the film").click()
    expect(outcome.get_by_text("Here is the film.")).to_be_visible(timeout=60_000)
    check_it_plays(outcome.locator("video"))

    # What was made is what the next call is about: nobody copies its id.
    still = trying(page, "#get_videos_video_id_content")
    still.locator("[name=variant][data-place]").select_option("spritesheet")
    picture = sent(still).locator("img")
    expect(picture).to_be_visible()
    assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 100

    events = sent(trying(page, "#get_video_generations_task_id_events"))
    expect(events.get_by_text("The stream has ended.")).to_be_visible()
    expect(events.locator("pre").last).to_contain_text('"status":"succeeded"')


@pytest.mark.long
def test_what_goes_wrong_is_said_in_words(booth: Booth, house: Playhouse, visit: Visit) -> None:
    visit.expect_refusals(400, 401)
    page = opened(visit)
    article = trying(page, SUBMIT, body='{"model": "sora-2", "prompt": "A cat", "seconds": 7}')
    expect(sent(article)).to_contain_text("This call needs a key: enter yours.")
    page.get_by_label("Your key").fill("sk-live-nobody")
    expect(sent(article)).to_contain_text("invalid_api_key")
    page.get_by_label("Your key").fill(house.keys["caller"])
    expect(sent(article)).to_contain_text("must be one of 4, 8, 12, 16, 20")
    look = trying(page, "#get_video_generations_task_id")
    expect(sent(look)).to_contain_text("task_id is required.")
    expect(look.locator("[name=task_id]")).to_be_focused()


@pytest.mark.long
def test_the_key_is_kept_for_the_tab_alone_and_is_the_consoles_too(
    booth: Booth, house: Playhouse, visit: Visit
) -> None:
    page = opened(visit)
    page.get_by_label("Your key").fill(house.keys["reader"])
    assert page.evaluate("sessionStorage.getItem('rushes.key')") == house.keys["reader"]
    assert house.keys["reader"] not in page.evaluate("JSON.stringify(localStorage)")
    page.reload()
    expect(page.get_by_label("Your key")).to_have_value(house.keys["reader"])
    page.get_by_role("button", name="Forget").click()
    assert page.evaluate("sessionStorage.getItem('rushes.key')") is None
    other = visit.another_tab()
    other.goto("/docs")
    expect(other.get_by_label("Your key")).to_have_value("")


def test_the_way_is_found_by_keyboard(booth: Booth, house: Playhouse, visit: Visit) -> None:
    page = opened(visit)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the reference")).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.type("revoke")
    links = page.get_by_role("navigation").locator("li a:visible")
    expect(links).to_have_count(1)
    page.keyboard.press("Tab")  # the title of its group
    page.keyboard.press("Tab")
    expect(links).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Revoke a key")).to_be_in_viewport()
    expect(links).to_have_attribute("aria-current", "true")
    page.get_by_role("searchbox").fill("no such call")
    expect(page.get_by_text("Nothing is called that.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(links.first).to_be_visible()

    tabs = page.locator(SUBMIT).get_by_role("tab")
    tabs.first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(SUBMIT).get_by_role("tab", name="Python")).to_be_focused()
    expect(page.locator(SUBMIT).get_by_role("tabpanel")).to_contain_text("from rushes import")
    page.reload()
    expect(page.locator("#get_models").get_by_role("tabpanel")).to_contain_text("import Rushes")


FEW: str = """
    document.querySelectorAll("article").forEach((article) => {
        if (!["begin", "events", "post_video_generations", "get_videos_video_id_content"]
            .includes(article.id || article.parentElement.id)) article.remove();
    });
"""
OPEN: str = "document.querySelectorAll('details').forEach((fold) => (fold.open = true))"


def test_nobody_is_kept_out(booth: Booth, house: Playhouse, visit: Visit) -> None:
    """A few operations stand for all here: they are made alike, and axe takes its time."""
    page = opened(visit)
    page.evaluate(FEW)
    page.evaluate(OPEN)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        check_access(page, f"/docs, {scheme}")


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out_of_any_operation(booth: Booth, house: Playhouse, scheme: str) -> None:
    for width in (320, 1440):
        wanted = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
        with booth.visit(house.url, **wanted) as visit:
            page = opened(visit)
            page.evaluate(OPEN)
            check_access(page, f"/docs, {width} px, {scheme}")
            visit.held()


@pytest.mark.long
def test_the_page_fits_every_screen(booth: Booth, house: Playhouse) -> None:
    for width in (320, 768, 1440):
        with booth.visit(house.url, viewport={"width": width, "height": 900}) as visit:
            page = opened(visit)
            page.evaluate(OPEN)
            assert page.evaluate("document.documentElement.scrollWidth") == width
            visit.held()


def test_the_page_reads_without_scripts(booth: Booth, house: Playhouse) -> None:
    with booth.visit(house.url, java_script_enabled=False) as visit:
        page = opened(visit)
        expect(page.get_by_role("heading", name="Submit a video task")).to_be_visible()
        expect(page.locator(SUBMIT).get_by_text("from rushes import Rushes")).to_be_visible()
        expect(page.locator(SUBMIT).get_by_text("await fetch(")).to_be_visible()
        expect(page.locator(".try:visible, form:visible, .find:visible")).to_have_count(0)
        page.get_by_role("link", name="Cancel a task", exact=True).first.click()
        expect(page.get_by_role("heading", name="Cancel a task").first).to_be_in_viewport()
        visit.held()
