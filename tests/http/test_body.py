"""Bodies are read in the time their length takes, whatever is in them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.datastructures import Headers

from rushes.domain.errors import InvalidJson
from rushes.http.body import VALUES_MAX, Body, BodyLimits, read_body, read_json

LIMITS = BodyLimits(25 * 2**20, 64 * 2**20)


async def read_form(*fields: tuple[str, str], charset: str = "utf-8") -> Body:
    lines = [f'--B\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields]

    async def chunks() -> AsyncIterator[bytes]:
        yield "".join([*lines, "--B--\r\n"]).encode()

    kind = f"multipart/form-data; boundary=B; charset={charset}"
    body = await read_body(Headers({"Content-Type": kind}), chunks(), LIMITS)
    await body.close()
    return body


async def test_a_string_that_never_ends_takes_no_longer_than_its_length() -> None:
    """Reading on from each of its quotes again would take hours."""
    with pytest.raises(InvalidJson):
        read_json(b'{"a":"' + b'\\"' * 2**20)


def test_brackets_are_counted_outside_strings_only() -> None:
    inside = "[" * 100 + '\\"' + "{" * 100
    assert read_json(f'{{"a":"{inside}"}}'.encode()).values


@pytest.mark.parametrize(("depth", "is_read"), [(32, True), (33, False), (100_000, False)])
@pytest.mark.parametrize("pair", [("[", "]"), ('{"a":', "}")])
def test_a_body_may_be_32_levels_deep(depth: int, is_read: bool, pair: tuple[str, str]) -> None:
    opening, closing = pair
    text = f'{{"a":{opening * (depth - 2)}{{}}{closing * (depth - 2)}}}'
    if is_read:
        assert read_json(text.encode()).values
        return
    with pytest.raises(InvalidJson, match="deeper"):
        read_json(text.encode())


def test_many_leaves_are_not_deep() -> None:
    assert len(read_json(b'{"a":[' + b"[]," * 99 + b"{}]}").values["a"]) == 100


@pytest.mark.parametrize("value", [b"[]", b"1", b'{"a":1}'])
async def test_a_body_may_have_100_000_values(value: bytes) -> None:
    """A list of empty lists takes twenty times its length; a caller may send 25 MiB."""
    assert read_json(b'{"a":[' + value + (b"," + value) * (VALUES_MAX - 2) + b"]}").values
    wide = b'{"a":[' + value + (b"," + value) * VALUES_MAX + b"]}"
    with pytest.raises(InvalidJson, match=r"more than 100,000 values"):
        read_json(wide)
    with pytest.raises(InvalidJson, match=r"'metadata' has more than 100,000 values"):
        await read_form(("metadata", wide.decode()))


@pytest.mark.parametrize(
    ("one", "other"), [(b"5.0", b"5"), (b"5e0", b"5"), (b"[1.0]", b"[1]"), (b'"5.0"', b'"5.0"')]
)
def test_equal_values_have_equal_digests(one: bytes, other: bytes) -> None:
    digests = {read_json(b'{"a":%b}' % value).digest for value in (one, other)}
    assert len(digests) == 1


def test_a_text_is_not_the_number_in_it() -> None:
    assert read_json(b'{"a":"5"}').digest != read_json(b'{"a":5}').digest


@pytest.mark.parametrize("cut", range(1, 60, 3))
async def test_a_form_that_ends_in_the_middle_is_refused_and_nothing_of_it_dropped(
    cut: int,
) -> None:
    """A film made without its first frame would be another film, and be paid for."""
    parts = [
        'name="prompt"\r\n\r\nx',
        'name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\nPNG',
    ]
    text = "".join(f"--B\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
    text += "--B--\r\n"

    async def chunks() -> AsyncIterator[bytes]:
        yield text.encode()[: -cut - 2]

    with pytest.raises(InvalidJson, match="closing boundary"):
        await read_body(
            Headers({"Content-Type": "multipart/form-data; boundary=B"}), chunks(), LIMITS
        )


async def test_half_a_character_is_no_text() -> None:
    with pytest.raises(InvalidJson):
        await read_form(("prompt", "+2AA-"), charset="utf-7")


@pytest.mark.parametrize(
    ("name", "text", "meant"),
    [
        ("last_frame", '{"image_url":"https://x"}', {"last_frame": {"image_url": "https://x"}}),
        ("images", '["a","b"]', {"images": ["a", "b"]}),
        ("metadata[parameters]", '{"seed":1}', {"metadata": {"parameters": {"seed": 1}}}),
        ("metadata[note]", "[draft] of a boat", {"metadata": {"note": "[draft] of a boat"}}),
        (
            "input_reference[image_url]",
            "https://x",
            {"input_reference": {"image_url": "https://x"}},
        ),
        ("prompt", "[wide] a boat", {"prompt": "[wide] a boat"}),
        ("prompt", "", {}),
    ],
)
async def test_a_form_value_is_json_where_an_object_or_a_list_is_meant(
    name: str, text: str, meant: dict[str, Any]
) -> None:
    assert (await read_form((name, text))).values == meant


async def test_a_list_may_follow_a_text_of_the_same_name() -> None:
    body = await read_form(("content", "x"), ("content", "[]"))
    assert body.values == {"content": "x"}
