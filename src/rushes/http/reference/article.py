"""One operation on the page: what it is for, what it takes, what it answers, and examples."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Final

from rushes.domain.errors import Fault
from rushes.http.reference.exchanges import Exchange
from rushes.http.reference.markup import Html, coloured, joined, pretty, prose, tag
from rushes.http.reference.operations import Answer, Operation
from rushes.http.reference.schemas import Field
from rushes.http.reference.trying import form_of
from rushes.http.reference.words import NOTES

_LANGUAGES: Final = ("curl", "Python", "JavaScript")
_PLACES: Final = {"path": "In the path", "query": "In the query", "header": "Headers"}


def article(operation: Operation) -> Html:
    """Return the whole of an operation."""
    route = operation.route
    notes = NOTES.get((route.method, route.path), ())
    told = [
        tag("h3", tag("a", prose(route.summary), href=f"#{operation.id}", class_="self")),
        tag("p", verb(route.method), tag("code", route.path), class_="line"),
        tag("p", _scopes(operation), class_="scopes"),
        *(tag("p", prose(note)) for note in notes),
        *_parameters(operation),
        _fields(operation),
        _answers(operation),
        _faults(operation),
    ]
    shown = [_snippets(operation), *_examples(operation), form_of(operation)]
    return tag(
        "article",
        tag("div", *told, class_="told"),
        tag("div", *shown, class_="shown"),
        id=operation.id,
    )


def verb(method: str) -> Html:
    """Return a method, as it is shown everywhere."""
    return tag("span", method, class_=f"verb {method.lower()}")


def _scopes(operation: Operation) -> Html:
    scopes = sorted(operation.route.scopes)
    if not scopes:
        return prose("Needs no key.")
    return prose("Opened by the scope " + " or ".join(f"`{scope}`" for scope in scopes) + ".")


# -- what it takes ---------------------------------------------------------------------------------


def _parameters(operation: Operation) -> list[Html]:
    return [
        joined(tag("h4", title), fields(found))
        for place, title in _PLACES.items()
        if (found := [one for one in operation.parameters if one.place == place])
    ]


def _fields(operation: Operation) -> Html:
    if not operation.fields:
        return joined()
    return joined(tag("h4", "Body"), fields(operation.fields))


def fields(found: Sequence[Field]) -> Html:
    """Return fields as a list: name, type, bounds, meaning."""
    return tag("dl", *(_field(one) for one in found), class_="fields")


def _field(one: Field) -> Html:
    names = [tag("code", name, class_="name") for name in one.names]
    facts = [one.kind]
    if one.bounds:
        facts.append(one.bounds)
    if one.default is not None:
        facts.append(f"default {one.default}")
    marks = [tag("span", "required", class_="required")] if one.is_required else []
    choices = [tag("code", choice) for choice in one.choices]
    return joined(
        tag("dt", *names, tag("span", ", ".join(facts), class_="kind"), *marks),
        tag(
            "dd",
            tag("span", prose(one.words)) if one.words else joined(),
            tag("span", "One of ", *_listed(choices), class_="choices") if choices else joined(),
        ),
    )


def _listed(parts: Sequence[Html]) -> list[str]:
    listed: list[str] = []
    for part in parts:
        listed += [Html(" "), part] if listed else [part]
    return listed


# -- what it answers -------------------------------------------------------------------------------


def _answers(operation: Operation) -> Html:
    if not operation.answers:
        return joined()
    return joined(
        tag("h4", "Answers"),
        tag("ul", *(tag("li", _answer(one)) for one in operation.answers), class_="answers"),
    )


def _answer(one: Answer) -> Html:
    head = joined(tag("b", one.status), " ", tag("code", one.media) if one.media else one.kind)
    if not one.fields:
        return head
    return tag(
        "details",
        tag("summary", head, " ", tag("span", one.kind, class_="kind")),
        fields(one.fields),
    )


def _faults(operation: Operation) -> Html:
    if not operation.faults:
        return joined()
    items = [_fault(operation, one) for one in operation.faults]
    return tag(
        "details",
        tag("summary", f"Errors ({len(items)})"),
        tag("dl", *items, class_="fields faults"),
        class_="errors",
    )


def _fault(operation: Operation, one: type[Fault]) -> Html:
    golden = operation.refusal(one)
    said = _message(golden)
    return joined(
        tag(
            "dt",
            tag("b", str(one.http_status)),
            " ",
            tag("code", one.code, class_="name"),
        ),
        tag(
            "dd",
            tag("span", meaning(one)),
            tag("q", said, class_="said") if said else joined(),
        ),
    )


def meaning(kind: type[Fault]) -> str:
    """Return what an error means: the first line of its docstring."""
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def _message(golden: Exchange | None) -> str:
    if golden is None or not isinstance(golden.answer, dict):
        return ""
    error = golden.answer.get("error", golden.answer)
    return str(error.get("message", "")) if isinstance(error, dict) else ""


# -- examples --------------------------------------------------------------------------------------


def _snippets(operation: Operation) -> Html:
    panels = [
        tag(
            "div",
            tag("h4", language),
            block(operation.snippets[language], f"{operation.route.summary}: {language}"),
            data_language=language,
        )
        for language in _LANGUAGES
    ]
    return tag("div", *panels, class_="snippets")


def _examples(operation: Operation) -> list[Html]:
    first = operation.first
    if first is None:
        return []
    others = [one for one in operation.examples if one is not first]
    told = [tag("h4", "Answer"), block(_answered(first), f"Answer: {first.case}")]
    if others:
        rows = [
            tag(
                "details",
                tag("summary", tag("b", str(one.status)), " ", one.case[:1].upper() + one.case[1:]),
                block(_asked(one), f"Request: {one.case}", is_coloured=False),
                block(_answered(one), f"Answer: {one.case}", is_coloured=False),
            )
            for one in others
        ]
        word = "exchange" if len(rows) == 1 else "exchanges"
        told.append(
            tag("details", tag("summary", f"{len(rows)} more {word}"), *rows, class_="more")
        )
    return told


def _asked(one: Exchange) -> str:
    head = f"{one.method} {one.path}"
    lines = [head, *(f"{name}: {value}" for name, value in one.headers.items())]
    text = "\n".join(lines)
    if one.body is not None:
        text += "\n\n" + _text(one.body)
    return text


def _answered(one: Exchange) -> str:
    lines = [str(one.status), *(f"{name}: {value}" for name, value in one.answer_headers.items())]
    text = "\n".join(lines)
    if one.answer is not None:
        text += "\n\n" + _text(one.answer)
    return text


def _text(value: object) -> str:
    return value if isinstance(value, str) else pretty(value)


def block(text: str, label: str, *, is_coloured: bool = True) -> Html:
    """Return text to be read and copied as it is; it can be scrolled by keyboard."""
    shown = coloured(text) if is_coloured else text
    return tag("pre", tag("code", shown), tabindex="0", role="group", aria_label=label)
