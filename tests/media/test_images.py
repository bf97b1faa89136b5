"""A caller's images and data URIs: refused with a sentence, or good to the last pixel."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from rushes.domain.catalog import InputRule
from rushes.domain.errors import InvalidMedia
from rushes.domain.spec import Medium, Size
from rushes.media.headers import Header, read_header
from rushes.media.images import ImageFacts, check_image, decode_offered

NOT_READABLE = "'image' is not a readable JPEG, PNG or WebP image."
ORIENTATION = 0x0112
FORMATS = ["jpeg", "png", "webp"]
PNG = b"\x89PNG\r\n\x1a\n"
WEBP = b"RIFF\0\0\0\0WEBP"


def noise(width_px: int = 61, height_px: int = 33) -> Image.Image:
    pixels = np.random.default_rng(7).integers(0, 255, (height_px, width_px, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def saved(picture: Image.Image, image_format: str, **wishes: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, image_format, **wishes)
    return out.getvalue()


def check(content: bytes, **rule: object) -> ImageFacts:
    asked = InputRule(Medium.IMAGE, **({"bytes_max": 30_000_000} | rule))  # type: ignore[arg-type]
    return check_image(io.BytesIO(content), param="image", rule=asked)


def fault(content: bytes, **rule: object) -> str:
    with pytest.raises(InvalidMedia) as refused:
        check(content, **rule)
    assert refused.value.param == "image"
    return refused.value.message


def png_chunk(name: bytes, content: bytes) -> bytes:
    check_sum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check_sum


def bomb(width_px: int, height_px: int) -> bytes:
    """Return a PNG of a few KB that unpacks to a picture of one grey, of any size."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(width_px + 1)) for _ in range(height_px))
    head = struct.pack(">IIBBBBB", width_px, height_px, 8, 0, 0, 0, 0)
    body = png_chunk(b"IHDR", head) + png_chunk(b"IDAT", rows + packer.flush())
    return PNG + body + png_chunk(b"IEND", b"")


def canvas(width_px: int, height_px: int) -> bytes:
    """Return a WebP that declares a canvas, with nothing to put on it."""
    edges = (width_px - 1).to_bytes(3, "little") + (height_px - 1).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", 10) + bytes(4) + edges
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


@pytest.mark.parametrize("image_format", FORMATS)
def test_the_format_is_known_by_content(image_format: str) -> None:
    facts = check(saved(noise(), image_format))
    assert facts == ImageFacts(facts.format, Size(61, 33))
    assert facts.format == image_format
    assert facts.content_type == f"image/{image_format}"


@pytest.mark.parametrize(
    ("image_format", "wishes"),
    [
        ("jpeg", {"progressive": True}),
        ("jpeg", {"quality": 100, "subsampling": 0}),
        ("png", {"compress_level": 0}),
        ("webp", {"lossless": True}),
        ("webp", {"lossless": True, "exif": Image.Exif()}),
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [(61, 33), (1, 1), (7, 200)])
def test_every_usual_form_is_taken(
    image_format: str, wishes: dict[str, object], mode: str, size: tuple[int, int]
) -> None:
    assert check(saved(noise(*size).convert(mode), image_format, **wishes)).size == Size(*size)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_usual_png_is_taken(mode: str) -> None:
    picture = Image.new(mode, (9, 5)) if mode == "I;16" else noise(9, 5).convert(mode)
    assert check(saved(picture, "png")).size == Size(9, 5)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", FORMATS)
def test_the_size_is_as_a_viewer_shows_it(image_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    content = saved(noise(), image_format, exif=exif)
    with Image.open(io.BytesIO(content)) as picture:
        shown = ImageOps.exif_transpose(picture)
    assert check(content).size == Size(*shown.size)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize(
    "exif", [b"", b"MM\0\x2a\xff\xff\xff\xff", b"II\x2a\0\x08\0\0\0\xff\xff", b"nonsense"]
)
def test_broken_exif_does_not_spoil_a_picture(exif: bytes) -> None:
    assert check(saved(noise(), "jpeg", exif=b"Exif\0\0" + exif)).size == Size(61, 33)


@pytest.mark.parametrize("image_format", FORMATS)
def test_an_image_that_ends_early_is_refused(image_format: str) -> None:
    whole = saved(noise(), image_format)
    cuts = [*range(0, len(whole), max(1, len(whole) // 40)), *range(len(whole) - 30, len(whole))]
    for cut in cuts:
        assert fault(whole[:cut]) == NOT_READABLE, cut


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\0",
        b"<svg/>",
        b"GIF89a",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\0\0\0\0WEBP",
    ],
)
def test_what_is_no_image_is_refused(content: bytes) -> None:
    assert fault(content) == NOT_READABLE


@pytest.mark.parametrize("image_format", ["gif", "bmp", "tiff", "ico", "ppm"])
def test_other_formats_are_refused(image_format: str) -> None:
    assert fault(saved(noise(16, 16), image_format)) == NOT_READABLE


def test_animations_are_refused() -> None:
    frames = {"save_all": True, "append_images": [noise().rotate(180)]}
    for image_format in ("png", "webp"):
        message = fault(saved(noise(), image_format, **frames))
        assert message == "'image' must be a single picture, not an animation."


def test_an_animation_that_denies_it_is_refused() -> None:
    frames = {"save_all": True, "append_images": [noise().rotate(180)]}
    content = bytearray(saved(noise(), "webp", **frames))
    assert content[20] & 0x02
    content[20] &= ~0x02
    assert "not an animation" in fault(bytes(content))


def test_a_phones_second_picture_does_not_matter() -> None:
    content = saved(noise(), "mpo", save_all=True, append_images=[noise(8, 8)])
    assert check(content) == ImageFacts("jpeg", Size(61, 33))


def test_a_bomb_is_refused_by_its_header() -> None:
    content = bomb(10_000, 8_000)
    assert len(content) < 100_000
    assert fault(content) == "'image' must be at most 6,000 px a side; got 10000x8000."
    assert "6,000 px a side" in fault(canvas(16_384, 16_384))
    assert "6,000 px a side" in fault(bomb(6_001, 1))


def test_the_largest_image_is_taken() -> None:
    assert check(bomb(6_000, 6_000)).size == Size(6_000, 6_000)


def test_a_canvas_with_nothing_on_it_is_refused() -> None:
    assert fault(canvas(6_000, 6_000)) == NOT_READABLE


def test_a_jpeg_of_many_scans_is_refused() -> None:
    content = saved(noise(), "jpeg", progressive=True)
    last_scan = content[content.rindex(b"\xff\xda") : -2]
    assert "at most 64 scans" in fault(content[:-2] + last_scan * 60 + content[-2:])


def test_bytes_are_limited() -> None:
    content = saved(noise(), "png")
    check(content, bytes_max=len(content))
    message = f"'image' must be at most {len(content) - 1:,} bytes."
    assert fault(content, bytes_max=len(content) - 1) == message


def test_a_card_may_take_fewer_formats() -> None:
    formats = ("jpeg", "png")
    message = "'image' must be a JPEG or PNG image; got WebP."
    assert fault(saved(noise(), "webp"), formats=formats) == message
    assert fault(b"nothing", formats=formats) == "'image' is not a readable JPEG or PNG image."
    assert check(saved(noise(), "png"), formats=formats).format == "png"


def test_a_card_may_ask_for_an_exact_size() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    turned = saved(noise(), "jpeg", exif=exif)
    check(turned, exact_size=Size(33, 61))
    message = "'image' must be exactly 61x33 px, the size of the video; got 33x61."
    assert fault(turned, exact_size=Size(61, 33)) == message


@given(
    image_format=st.sampled_from(FORMATS),
    at=st.integers(0, 5_000),
    piece=st.binary(min_size=1, max_size=8),
)
def test_no_damage_breaks_the_check(image_format: str, at: int, piece: bytes) -> None:
    content = bytearray(saved(noise(9, 7), image_format))
    at %= len(content)
    content[at : at + len(piece)] = piece
    with suppress(InvalidMedia):  # and nothing else
        check(bytes(content))


heads = st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP"])
words = st.sampled_from(
    [
        b"IHDR",
        b"acTL",
        b"eXIf",
        b"IEND",
        b"VP8X",
        b"VP8L",
        b"ANMF",
        b"Exif\0\0MM\0\x2a",
        b"\0\0\0\x0d",
    ]
)


@given(head=heads, rest=st.lists(st.binary(max_size=40) | words, max_size=12))
@example(head=b"\xff\xd8\xff", rest=[b"\xff" * 40])
def test_any_bytes_have_a_header_or_none(head: bytes, rest: list[bytes]) -> None:
    found = read_header(head + b"".join(rest))
    assert found is None or isinstance(found, Header)
    if found is not None:
        assert found.width_px > 0
        assert found.height_px > 0


@pytest.mark.parametrize("head", [PNG, WEBP, b"\xff\xd8"])
def test_a_walk_over_empty_chunks_ends(head: bytes) -> None:
    filler = b"\xff\xe0\0\x02" if head == b"\xff\xd8" else bytes(12)
    assert read_header(head + filler * 2_000_000) is None


# -- data URIs ----------------------------------------------------------------------------------


@given(
    content=st.binary(min_size=1, max_size=200), lead=st.sampled_from(["", "image/png", "X/y-z"])
)
def test_what_was_encoded_is_decoded(content: bytes, lead: str) -> None:
    text = base64.b64encode(content).decode()
    assert decode_offered(text, param="image") == (None, content)
    uri = f"data:{lead};base64,{text}"
    assert decode_offered(uri, param="image") == (lead.lower() or None, content)


@given(
    text=st.text(max_size=60),
    lead=st.sampled_from(["", "data:", "data:image/png;base64,", "DATA:;"]),
)
def test_any_text_is_decoded_or_refused(text: str, lead: str) -> None:
    declared, content = None, b""
    with suppress(InvalidMedia):  # and nothing else
        declared, content = decode_offered(lead + text, param="image")
    if not content:
        return
    encoded = base64.b64encode(content).decode()
    assert (lead + text)[:-4].endswith(encoded[:-4])  # the last bits may be anything
    assert declared is None or lead.lower().startswith("data:")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "AAA",
        "AAAAA",
        "AA=A",
        "AAAA=",
        "AAAA====",
        "AAAA\n",
        " AAAA",
        "AA-_",
        "A-A-A-A-",
        "AAAA\n\n\n\n",
        "ÄÖÜA",
        "data:image/png;base64,",
        "data:image/png;base64,AAAA\n",
        "data:image/png,AAAA",
        "data:image/png;base64",
        "data:image/png;base64;AAAA",
        "data:,AAAA",
        "data:image png;base64,AAAA",
        "data:" + "a" * 2_000 + ";base64,AAAA",
    ],
)
def test_sloppy_base64_is_refused(text: str) -> None:
    with pytest.raises(InvalidMedia, match=r"^'images\[1\]' must be "):
        decode_offered(text, param="images[1]")


@pytest.mark.parametrize("size_bytes", [9, 10, 11])
def test_the_size_is_refused_before_anything_is_decoded(size_bytes: int) -> None:
    text = base64.b64encode(bytes(size_bytes)).decode()
    decode_offered(text, param="image", bytes_max=size_bytes)
    with pytest.raises(InvalidMedia, match=f"'image' must be at most {size_bytes - 1} bytes"):
        decode_offered(text, param="image", bytes_max=size_bytes - 1)
    with pytest.raises(InvalidMedia, match="at most 8 bytes"):
        decode_offered("data:image/png;base64," + "!" * 100, param="image", bytes_max=8)


def test_the_golden_exchange_is_kept() -> None:
    _, content = decode_offered("data:image/png;base64,AAAA", param="image")
    assert fault(content) == NOT_READABLE
