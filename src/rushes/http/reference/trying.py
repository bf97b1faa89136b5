"""The form by which an operation is tried; `reference.js` sends it, and without it is hidden."""

from __future__ import annotations

from rushes.http.reference.markup import Html, joined, pretty, tag
from rushes.http.reference.operations import Operation, path_samples
from rushes.http.reference.schemas import Field

BODY_ROWS_MAX = 16


def form_of(operation: Operation) -> Html:
    """Return the form of an operation."""
    route, samples = operation.route, path_samples(operation)
    inputs = [_input(operation, one, samples) for one in operation.parameters]
    if operation.body is not None:
        inputs.append(_body(operation))
    note = (
        "Sent to this server with your key. What it makes is real, unless the key is a test key."
        if route.submits
        else "Sent to this server"
        + (" with your key." if route.needs_key else "; it needs no key.")
    )
    return tag(
        "details",
        tag("summary", "Try it"),
        tag(
            "form",
            tag("p", note, class_="note"),
            *inputs,
            tag(
                "p",
                tag("button", "Send", type="submit", class_="send"),
                tag("button", "Stop", type="button", class_="stop quiet", hidden=True),
                class_="acts",
            ),
            tag("div", class_="outcome", aria_live="polite", tabindex="-1"),
            data_method=route.method,
            data_path=route.path,
            data_key="yes" if route.needs_key else None,
            data_makes="yes" if route.submits else None,
            novalidate=True,
        ),
        class_="try",
        hidden=True,
    )


def _input(operation: Operation, field: Field, samples: dict[str, str]) -> Html:
    name = field.names[0]
    mark = f"{operation.id}-{field.place}-{name}".lower()
    hint = f"{field.place}, required" if field.is_required else field.place
    named = {"id": mark, "name": name, "data_place": field.place}
    shown = samples.get(name) if field.place == "path" else None
    if field.choices:
        control = tag(
            "select",
            tag("option", field.default or "", value=""),
            *(tag("option", one, value=one) for one in field.choices if one != field.default),
            **named,
        )
    else:
        control = tag(
            "input",
            type="text",
            placeholder=shown or field.default,
            autocomplete="off",
            spellcheck="false",
            required=field.is_required,
            **named,
        )
    return tag("p", tag("label", name, tag("small", hint), for_=mark), control, class_="ask")


def _body(operation: Operation) -> Html:
    mark = f"{operation.id}-body"
    text = pretty(operation.body)
    return joined(
        tag(
            "p",
            tag("label", "Body", tag("small", "JSON"), for_=mark),
            tag(
                "textarea",
                text,
                id=mark,
                name="body",
                rows=str(min(BODY_ROWS_MAX, text.count("\n") + 2)),
                spellcheck="false",
                data_place="body",
            ),
            class_="ask",
        )
    )
