"""The page /docs, whole: what to know before the first call, then every operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from rushes.http.reference.article import article, block, verb
from rushes.http.reference.exchanges import WEBHOOK, Exchange
from rushes.http.reference.markup import Html, joined, pretty, prose, tag
from rushes.http.reference.operations import Operation
from rushes.http.reference.snippets import Ask, snippets
from rushes.http.reference.words import GROUPS

AN_ERROR: Final = "generations.submit.value-outside-card"


def page(
    document: Mapping[str, Any],
    operations: Sequence[Operation],
    exchanges: Sequence[Exchange],
    links: Mapping[str, str],
) -> str:
    """Return the page; `links` lead elsewhere in the house, by what they are called."""
    info = document["info"]
    groups = [(name, list(found)) for name, found in groupby(operations, lambda one: one.route.tag)]
    told = [
        _introduction(document, {one.route.path for one in operations}, exchanges),
        *(_group(name, found, exchanges) for name, found in groups),
        tag(
            "footer", tag("p", f"Rushes {info['version']}. Everything on this page comes from it.")
        ),
    ]
    return "<!doctype html>" + tag(
        "html",
        _head(info["title"]),
        tag(
            "body",
            tag("a", "Skip to the reference", href="#main", class_="skip"),
            _bar(info["version"], links),
            tag(
                "div",
                _navigation(groups),
                tag("main", *told, id="main", tabindex="-1"),
                class_="house",
            ),
        ),
        lang="en",
    )


def _head(title: str) -> Html:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("title", f"{title} API reference"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("link", rel="stylesheet", href="docs/palette.css"),
        tag("link", rel="stylesheet", href="docs/reference.css"),
        tag("script", src="docs/reference.js", defer=True),
    )


def _bar(version: str, links: Mapping[str, str]) -> Html:
    brand = tag("a", tag("b", "Rushes"), tag("span", "API reference"), href="#main", class_="brand")
    others = [tag("a", name, href=where) for name, where in links.items()]
    return tag(
        "header",
        brand,
        tag("span", version, class_="version"),
        tag("span", *others, class_="others"),
        class_="bar",
    )


def _navigation(groups: Sequence[tuple[str, Sequence[Operation]]]) -> Html:
    lists = [
        joined(
            tag("p", tag("a", title_of(name), href=f"#{name}")),
            tag("ul", *(tag("li", _entry(one)) for one in found)),
        )
        for name, found in groups
    ]
    return tag(
        "nav",
        tag(
            "details",
            tag("summary", "Operations"),
            tag(
                "p",
                tag("label", "Find an operation", for_="find", class_="unseen"),
                tag("input", id="find", type="search", placeholder="Find an operation  /"),
                class_="find",
                hidden=True,
            ),
            *lists,
            tag("p", "Nothing is called that.", class_="none", hidden=True),
            open=True,
        ),
        aria_label="Operations",
    )


def _entry(one: Operation) -> Html:
    said = f"{one.route.method} {one.route.path} {one.route.summary}".lower()
    return tag(
        "a",
        verb(one.route.method),
        tag("span", prose(one.route.summary)),
        href=f"#{one.id}",
        data_words=said,
    )


def title_of(name: str) -> str:
    """Return the title of a group; one that nobody wrote words for has its own name."""
    return GROUPS[name][0] if name in GROUPS else name.capitalize()


def _group(name: str, found: Sequence[Operation], exchanges: Sequence[Exchange]) -> Html:
    words = GROUPS.get(name, ("", ""))[1]
    return tag(
        "section",
        tag(
            "header",
            tag("h2", title_of(name)),
            tag("p", prose(words)) if words else joined(),
            class_="group",
        ),
        _posted(exchanges) if name == "webhooks" else joined(),
        *(article(one) for one in found),
        id=name,
    )


def _posted(exchanges: Sequence[Exchange]) -> Html:
    """Return what is posted to callers: the one thing here that they answer, and we ask."""
    events = [one for one in exchanges if one.name.startswith(WEBHOOK)]
    rows = [
        tag(
            "details",
            tag("summary", one.case),
            block(_told(one), f"Event: {one.case}"),
            open=place == 0,
        )
        for place, one in enumerate(events)
    ]
    words = (
        "Answer with any 2xx within 10 seconds. Without one the event comes again, ten times more "
        "within 24 hours, under the same `webhook-id`."
    )
    return tag(
        "article",
        tag("div", tag("h3", "What is posted to you"), tag("p", prose(words)), class_="told"),
        tag("div", *rows, class_="shown"),
        id="events",
    )


def _told(one: Exchange) -> str:
    lines = [f"{name}: {value}" for name, value in one.headers.items()]
    return "\n".join(lines) + "\n\n" + pretty(one.body)


def _introduction(
    document: Mapping[str, Any], paths: set[str], exchanges: Sequence[Exchange]
) -> Html:
    info, base = document["info"], document["servers"][0]["url"]
    first = Ask(
        base,
        "POST",
        "/v1/video/generations",
        body={"model": "sandbox", "prompt": "A paper boat crosses a rain puddle"},
    )
    is_callers = first.path in paths
    shown = snippets("post_video_generations", first)["curl"] if is_callers else ""
    told = [
        tag("h1", "API reference"),
        tag("p", info["description"], class_="lead"),
        tag("p", prose(f"The server is at `{base}`. Bodies are JSON, or forms on every POST that "
            "takes one. Times are Unix seconds, money is in millionths of a US dollar.")),
        tag("h2", "Authentication", class_="minor"),
        tag("p", prose("`Authorization: Bearer sk-…` on everything under `/v1` and `/admin/v1`. A "
            "key has scopes: `generate` opens what makes and removes, `read` what looks, `admin` "
            "what operators do. A key that begins `sk-test-` is free: whatever it asks for is "
            "rehearsed by the built-in engine.")),
        tag("h2", "Asking again", class_="minor"),
        tag("p", prose("Send an `Idempotency-Key` with what makes a film, and send it again when "
            "no answer came: one film, however often. What is refused uses up no key.")),
        tag("h2", "Errors", class_="minor"),
        tag("p", prose("`code` is stable and for programs, `message` for people, `param` is the "
            "name as you spelled it. Any call may answer 500 `internal_error`; quote the "
            "`X-Request-Id` that every answer has. 429 and 503 say in `Retry-After` when to come "
            "again.")),
    ]  # fmt: skip
    return tag(
        "section",
        tag(
            "article",
            tag("div", *told, class_="told"),
            tag(
                "div",
                _key(),
                joined(tag("h2", "A first film", class_="minor"), block(shown, "A first film"))
                if shown
                else "",
                *(
                    joined(
                        tag("h2", "An error", class_="minor"), block(pretty(one.answer), "An error")
                    )
                    for one in exchanges
                    if one.name == AN_ERROR
                ),
                class_="shown",
            ),
        ),
        id="begin",
    )


def _key() -> Html:
    return tag(
        "form",
        tag("label", "Your key, to try things here", for_="key"),
        tag(
            "span",
            tag(
                "input",
                id="key",
                type="password",
                autocomplete="off",
                spellcheck="false",
                placeholder="sk-…",
                aria_describedby="key-note",
            ),
            tag("button", "Forget", type="button", class_="quiet forget"),
            class_="pair",
        ),
        tag(
            "p",
            "Kept for this tab only, and sent to nobody but this server.",
            id="key-note",
            class_="note",
        ),
        class_="key",
        hidden=True,
    )
