"""Bytes of strangers, through the whole door: never a 5xx, never for long, never much memory.

Bodies made of the page's own names are tried in tests/http/test_strangers.py, requests made from
the OpenAPI document in tests/http/test_openapi.py. Here are those that no library would write:
forms with broken heads, JSON of any depth, width and number, data URIs, ranges, queries, paths;
and films with a bit turned over, before the decoder's child sees them and in it.
"""

from __future__ import annotations

import asyncio
import base64
import io
import struct
import time
import tracemalloc
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filming import Scene, shoot
from rushes.domain.errors import InvalidJson, InvalidMedia
from rushes.domain.task import Status
from rushes.http.body import BodyLimits, read_json
from rushes.media.clips import check_video
from rushes.media.containers import mp4_shape, webm_shape
from rushes.media.inspector import FilmInspector
from rushes.ports import NotAFilm, Probe
from rushes.testing.builders import put_task
from wiring import FILM, SECRET, Wired

ROOT = "/v1/video/generations"
CREATES = (ROOT, "/v1/videos", "/v1/videos/edits", "/v1/videos/extensions")
CPU_S_MAX = 5.0
"""How long one request may keep us at it; it takes some milliseconds."""

COUNTS = [60, pytest.param(5_000, marks=pytest.mark.long)]
counts = pytest.mark.parametrize("count", COUNTS, ids=["some", "many"])

Try = Callable[..., Coroutine[Any, Any, httpx2.Response]]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wired]:
    found = Wired(tmp_path_factory.mktemp("fuzz"))
    asyncio.run(found.keyring.reload())
    yield found
    found.close()


def fuzz(house: Wired, count: int, act: Try, **drawn: st.SearchStrategy[Any]) -> set[int]:
    """Try an act with whatever is drawn; return the statuses that were answered."""
    statuses: set[int] = set()
    with asyncio.Runner() as runner:

        @settings(
            max_examples=count,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(**drawn)
        def try_one(**values: Any) -> None:
            begun = time.process_time()
            answer = runner.run(act(house, **values))
            assert time.process_time() - begun < CPU_S_MAX
            assert answer.status_code < 500, answer.text
            if answer.is_error and answer.content:
                assert answer.json()["error"]["message"]
            statuses.add(answer.status_code)

        try_one()
    return statuses


async def post(house: Wired, root: str, body: bytes, kind: str) -> httpx2.Response:
    async with house.client() as client:
        headers = {"Content-Type": kind.encode("latin-1", "replace")}
        return await client.post(root, content=body, headers=headers)


# -- forms --------------------------------------------------------------------------------------

NAMES = [
    "model",
    "prompt",
    "image",
    "input_reference",
    "images",
    "content",
    "metadata",
    "video[id]",
    "input_reference[image_url]",
    "metadata[a][b]",
    "images[]",
    "images[0]",
    "images[99999999]",
    "[",
    "]",
    "[]",
    "a[b",
    "",
    "size",
    "seconds",
    "callback_url",
    "__proto__",
    "\u00ff",
]
part_heads = st.one_of(
    st.sampled_from(NAMES).map(lambda name: f'Content-Disposition: form-data; name="{name}"'),
    st.sampled_from(NAMES).map(
        lambda name: f'content-disposition: form-data; name="{name}"; filename="a.png"'
    ),
    st.sampled_from(
        [
            "Content-Disposition: attachment",
            "Content-Disposition: form-data",
            "Content-Disposition: form-data; name=",
            "Content-Disposition: form-data; name*=utf-8''prompt",
            'Content-Disposition: form-data; name="prompt"; name="model"',
            "Content-Type: text/plain; charset=utf-16",
            "Content-Type: text/plain; charset=no-such",
            "Content-Type: multipart/mixed; boundary=b",
            "Content-Transfer-Encoding: base64",
            "Content-Transfer-Encoding: quoted-printable",
            "Content-Length: -1",
            "X: " + "y" * 9000,
            "no colon",
            ": ",
            "",
        ]
    ),
)
part_bodies = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"sandbox", b"a heron", b"{", b"[" * 100, b'{"a":' * 50, b"\xff\xfe", b"\x00"]
    ),
    st.sampled_from([b"https://assets.example.com/a.png", b"data:image/png;base64,AAAA", FILM]),
)
parts = st.builds(
    lambda heads, body: b"\r\n".join([*(head.encode("latin-1") for head in heads), b"", body]),
    st.lists(part_heads, min_size=1, max_size=3),
    part_bodies,
)
marks = st.sampled_from(
    [b"--b\r\n", b"--b\r\n", b"--b\r\n", b"--b", b"--b--\r\n", b"\r\n--b\r\n", b"-"]
)
forms = st.builds(
    lambda pieces, end: b"".join(mark + part + b"\r\n" for mark, part in pieces) + end,
    st.lists(st.tuples(marks, parts), max_size=6),
    st.sampled_from([b"--b--\r\n", b"--b--", b"", b"--b", b"--b--\r\ntail"]),
)
kinds = st.sampled_from(
    [
        "multipart/form-data; boundary=b",
        "multipart/form-data; boundary=b",
        "multipart/form-data",
        'multipart/form-data; boundary="b"',
        "multipart/form-data; boundary=",
        "multipart/form-data;",
        "multipart/form-data; boundary=b; charset=utf-16",
        "multipart/form-data; boundary=b; charset=?",
        "Multipart/Form-Data; BOUNDARY=b",
        "multipart/form-data; boundary=\u00e9",
        "multipart/form-data; boundary=" + "b" * 500,
    ]
)


@counts
def test_any_form_is_understood_or_refused(house: Wired, count: int) -> None:
    statuses = fuzz(house, count, post, root=st.sampled_from(CREATES), body=forms, kind=kinds)
    assert statuses <= {200, 400, 404, 413, 415}


@pytest.mark.parametrize("count", [199, 201, 20_000])
async def test_a_form_of_ever_more_fields_is_cut(house: Wired, count: int) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n'
    answer = await post(house, ROOT, part * count + b"--b--\r\n", "multipart/form-data; boundary=b")
    assert answer.status_code == 400
    assert ("too many" in answer.text.lower()) == (count > 200)


# -- JSON ---------------------------------------------------------------------------------------

numbers = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),
    st.sampled_from(
        [
            "9" * 5000,
            "-" + "9" * 5000,
            "1e400",
            "-1e400",
            "1e-400",
            "0.1e1",
            "1E+2",
            "-0",
            "-0.0",
            "00",
            "01",
            "+1",
            ".5",
            "5.",
            "1e",
            "0x10",
            "NaN",
            "Infinity",
            "-Infinity",
            "1_000",
            "5.0",
            "9007199254740993",
            "1" + "0" * 308 + ".0",
            "18446744073709551616",
        ]
    ),
)
texts = st.one_of(
    st.sampled_from(
        [
            '"a heron"',
            '"\\ud800"',
            '"\\udc00\\ud800"',
            '"\\u0000"',
            '"\x00"',
            '"\\x41"',
            '"a',
            "'a'",
            '"' + "\\u0041" * 2000 + '"',
            '"\ufeff"',
            '"\u202e"',
            '"sandbox"',
            '""',
            "null",
            "true",
        ]
    ),
    st.text(max_size=10).map(lambda text: f'"{text}"'),
)
nested = st.sampled_from(
    ["[" * depth + "]" * depth for depth in (1, 31, 32, 33, 1000, 60_000)]
    + ['{"a":' * depth + "1" + "}" * depth for depth in (31, 32, 33, 1000, 60_000)]
    + ["[" * 60_000, '{"a":' * 9000, "[" + "1," * 60_000 + "1]", "[" + "[]," * 20_000 + "[]]"]
    + ["{" + ",".join(f'"k{n}":{n}' for n in range(20_000)) + "}", '{"a":1,"a":2}', "{,}", "[,]"]
)
names = st.sampled_from(
    [
        "model",
        "prompt",
        "seconds",
        "n",
        "seed",
        "size",
        "width",
        "height",
        "images",
        "content",
        "metadata",
        "image",
        "user",
        "callback_url",
        "x",
        "\\u0000",
        "metadata.input",
        "__class__",
    ]
)
members = st.tuples(names, st.one_of(numbers, texts, nested))


def as_object(found: list[tuple[str, str]]) -> str:
    told = [("model", '"sandbox"'), ("prompt", '"x"'), *found]
    return "{" + ",".join(f'"{name}":{value}' for name, value in told) + "}"


objects = st.lists(members, max_size=5).map(as_object)
documents = st.one_of(
    objects,
    objects.map(lambda text: '{"metadata":' + text + ',"model":"sandbox","prompt":"x"}'),
    nested,
    st.tuples(objects, st.integers(0, 200)).map(lambda cut: cut[0][: cut[1]]),
    objects.map(lambda text: "\ufeff" + text),
    objects.map(lambda text: text + "{}"),
).map(lambda text: text.encode("utf-8", "surrogatepass"))


@counts
def test_any_json_is_understood_or_refused(house: Wired, count: int) -> None:
    statuses = fuzz(
        house,
        count,
        post,
        root=st.sampled_from(CREATES),
        body=st.one_of(
            documents, documents, documents.map(lambda text: text.decode().encode("utf-16"))
        ),
        kind=st.sampled_from(["application/json", "application/json; charset=utf-16", ""]),
    )
    assert statuses <= {200, 400, 404, 413}
    assert 400 in statuses


# -- data URIs ----------------------------------------------------------------------------------


def as_uri(kind: str, middle: str, content: bytes, cut: int) -> str:
    written = base64.b64encode(content).decode()
    return f"data:{kind}{middle}{written[: len(written) - cut]}"


uris = st.one_of(
    st.builds(
        as_uri,
        st.sampled_from(
            ["image/png", "image/svg+xml", "text/html", "", "a/b;c=d;e", "é/é", "x" * 900]
        ),
        st.sampled_from(
            [";base64,", ";BASE64,", ",", ";base64", ";base64;x,", ";base64,,", ";base64, "]
        ),
        st.one_of(
            st.binary(max_size=60), st.just(FILM), st.just(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
        ),
        st.integers(0, 3),
    ),
    st.text(max_size=20).map(lambda text: f"data:{text}"),
    st.sampled_from(
        [
            "data:",
            "DATA:image/png;base64,",
            "data:image/png;base64," + "A" * 100_001,
            "data:image/png;base64," + "\n" * 5000 + "AAAA",
            "data:;base64,=" + "=" * 50,
        ]
    ),
)


async def offer(house: Wired, root: str, place: int, uri: str) -> httpx2.Response:
    item = {"type": "image_url", "image_url": {"url": uri}}
    places: list[dict[str, Any]] = [
        {"image": uri},
        {"input_reference": {"image_url": uri}},
        {"images": [uri, uri]},
        {"content": [item]},
        {"audio_url": uri, "image": uri},
        {"video": uri, "seconds": 4},
        {"metadata": {"input": {"media": [{"type": "first_clip", "url": uri}]}}},
    ]
    body = {"model": "sandbox", "prompt": "a heron", **places[place % len(places)]}
    async with house.client() as client:
        return await client.post(root, json=body)


@counts
def test_any_data_uri_is_a_file_or_refused(house: Wired, count: int) -> None:
    drawn = {"root": st.sampled_from(CREATES), "place": st.integers(0, 6), "uri": uris}
    assert fuzz(house, count, offer, **drawn) <= {200, 400, 413}


# -- ranges, queries, paths ----------------------------------------------------------------------

range_pieces = st.sampled_from(
    [
        "bytes",
        "=",
        "-",
        ",",
        " ",
        "0",
        "1",
        "9" * 30,
        "9" * 5000,
        "99",
        "bytes=0-",
        "bytes=-1",
        "\t",
        "items",
        "é",
        "0-0",
        "5-2",
        "-0",
        "bytes=0-0,1-1",
        ", " * 500,
    ]
)


async def ranged(house: Wired, header: str, validator: str, task_id: str) -> httpx2.Response:
    headers = [(b"range", header.encode("latin-1")), (b"if-range", validator.encode("latin-1"))]
    async with house.client() as client:
        answer = await client.get(
            f"/v1/videos/{task_id}/content", headers=headers[: 1 + bool(validator)]
        )
    assert len(answer.content) <= len(FILM) or answer.is_error
    return answer


@counts
def test_any_range_is_a_part_the_whole_or_refused(house: Wired, count: int) -> None:
    task = house.store.write_now(
        lambda tx: put_task(tx, account_id=house.key.account_id, key_id=house.key.id)
    )
    asyncio.run(house.bring(task, Status.SUCCEEDED))
    statuses = fuzz(
        house,
        count,
        ranged,
        header=st.lists(range_pieces, max_size=6).map("".join),
        validator=st.sampled_from(["", '"x"', 'W/"x"', "Mon, 23 Nov 2026 12:00:00 GMT", "x"]),
        task_id=st.just(task.id),
    )
    assert statuses <= {200, 206, 416}


words = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "%00",
            "%ff",
            "%ED%A0%80",
            "9" * 5000,
            "-1",
            "1e3",
            "٣",
            "%",
            "&&&",
            "=",
            "asc",
            "video_" + "0" * 32,
            "succeeded",
            "%u0041",
            "+",
        ]
    ),
)


async def listed(house: Wired, path: str, query: list[tuple[str, str]]) -> httpx2.Response:
    text = "&".join(f"{name}={value}" for name, value in query)
    raw = "".join(
        sign
        if sign.isascii() and sign.isprintable() and sign not in ' "<>#\\^`{|}'
        else "".join(f"%{byte:02X}" for byte in sign.encode("utf-8", "replace"))
        for sign in text
    )
    async with house.client() as client:
        return await client.get(f"{path}?{raw}")


@counts
def test_any_query_is_read_or_refused(house: Wired, count: int) -> None:
    fields = st.sampled_from(
        ["limit", "after", "order", "status", "model", "wait", "id", "variant", "x"]
    )
    statuses = fuzz(
        house,
        count,
        listed,
        path=st.sampled_from(
            [
                ROOT,
                "/v1/videos",
                f"{ROOT}/download",
                "/v1/models",
                "/v1/videos/video_" + "0" * 32 + "/content",
                "/files/x/video.mp4",
            ]
        ),
        query=st.lists(st.tuples(fields, words), max_size=4),
    )
    assert statuses <= {200, 400, 403, 404}


async def walked(house: Wired, method: str, path: str) -> httpx2.Response:
    """Ask with a path as the server would tell it, whatever is in it."""
    heard: list[Any] = []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": b"/",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {SECRET}".encode())],
        "http_version": "1.1",
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:
        heard.append(message)

    await house.application(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in heard[1:])
    return httpx2.Response(heard[0]["status"], content=body)


@counts
def test_any_path_leads_somewhere_or_nowhere(house: Wired, count: int) -> None:
    pieces = st.one_of(
        st.sampled_from(
            [
                "v1",
                "video",
                "generations",
                "videos",
                "models",
                "hooks",
                "files",
                "download",
                "events",
                "cancel",
                "content",
                "remix",
                "edits",
                "characters",
                "video.mp4",
                "",
                ".",
                "..",
                "\x00",
                "\ufffd",
                "x" * 5000,
                "video_" + "0" * 32,
            ]
        ),
        st.text(max_size=5),
    )
    statuses = fuzz(
        house,
        count,
        walked,
        method=st.sampled_from(["GET", "POST", "DELETE", "PUT", "HEAD", "", "GET\n", "BREW"]),
        path=st.lists(pieces, max_size=6).map(lambda found: "/" + "/".join(found)),
    )
    assert statuses <= {200, 400, 403, 404, 405, 415}


# -- films --------------------------------------------------------------------------------------


@cache
def films() -> tuple[bytes, ...]:
    """Shoot a few honest films, once."""
    forms = ("", "frag_keyframe+empty_moov", "faststart")
    return tuple(shoot(Scene(frame_count=6, has_sound=form != "", movflags=form)) for form in forms)


LENGTHS = [0, 1, 7, 8, 15, 16, 2**31 - 1, 2**31, 2**32 - 1]


def hurt(which: int, wounds: list[tuple[int, int, int]], cut: int) -> bytes:
    """Turn bits over, put odd lengths where boxes have theirs, and cut the end off."""
    bent = bytearray(films()[which])
    for kind, at, what in wounds:
        place = at % max(1, len(bent) - 8)
        if kind == 0:
            bent[place] ^= 1 << what % 8
        elif kind == 1:
            bent[place : place + 4] = struct.pack(">I", LENGTHS[what % len(LENGTHS)])
        else:
            names = [
                bent.find(name) for name in (b"moov", b"trak", b"tkhd", b"stsz", b"stco", b"mdhd")
            ]
            box = names[what % len(names)]
            if box >= 4:
                bent[box - 4 : box] = struct.pack(">I", LENGTHS[at % len(LENGTHS)])
    return bytes(bent[: len(bent) - cut % (len(bent) + 1)])


wounded = st.builds(
    hurt,
    st.integers(0, 2),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2**16), st.integers(0, 255)), max_size=6),
    st.one_of(st.just(0), st.just(0), st.integers(0, 2**14)),
)


@pytest.mark.parametrize("count", [150, pytest.param(20_000, marks=pytest.mark.long)])
def test_a_hurt_film_is_read_without_a_fault_and_within_its_bytes(count: int) -> None:
    """What stands before the decoder: pure reading, in our own process."""

    @settings(max_examples=count, deadline=None, database=None)
    @given(film=wounded)
    def try_one(film: bytes) -> None:
        begun = time.process_time()
        for shape_of in (mp4_shape, webm_shape):
            shape = shape_of(io.BytesIO(film))
            assert shape.seconds is None or shape.seconds > 0
        try:
            facts = check_video(io.BytesIO(film), param="first_clip")
        except InvalidMedia:
            facts = None
        assert facts is None or facts.size_bytes == len(film)
        assert time.process_time() - begun < CPU_S_MAX

    try_one()


@pytest.mark.parametrize("count", [8, pytest.param(400, marks=pytest.mark.long)])
def test_a_hurt_film_is_a_film_or_refused_by_the_decoder(count: int, tmp_path: Path) -> None:
    """In the limited child: a verdict in time, and nothing is left in the folder on a refusal."""
    inspector = FilmInspector()

    path = tmp_path / "film.mp4"

    async def look() -> Probe | None:
        try:
            return await asyncio.wait_for(inspector.inspect(path, tmp_path), 60)
        except NotAFilm:
            return None

    verdicts: set[bool] = set()
    with asyncio.Runner() as runner:

        @settings(
            max_examples=count,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(film=wounded)
        def try_one(film: bytes) -> None:
            path.write_bytes(film)
            probe = runner.run(look())
            verdicts.add(probe is not None)
            left = {each for each in tmp_path.iterdir() if each != path}
            assert left == set() or probe is not None
            for each in left:
                each.unlink()
            if probe is not None:
                assert 0 < probe.size.width_px < 10_000
                assert probe.seconds > 0

        try_one()
    assert verdicts


# -- memory -------------------------------------------------------------------------------------

HEAVY = {
    "a list of numbers": b'{"model":"sandbox","prompt":"x","x":[' + b"1," * 2_000_000 + b"1]}",
    "a list of lists": b'{"model":"sandbox","prompt":"x","x":[' + b"[]," * 1_300_000 + b"1]}",
    "one long text": b'{"model":"sandbox","prompt":"x","x":"' + b"a" * 4_000_000 + b'"}',
    "a file as a data URI": b'{"model":"sandbox","prompt":"x","image":"data:image/png;base64,'
    + b"A" * 4_000_000
    + b'"}',
    "brackets": b"[" * 4_000_000,
    "escapes": b'{"x":"' + b"\\u0041" * 660_000 + b'"}',
}
TIMES_MAX = 4
"""How many times its own length a body may take while it is read."""


@pytest.mark.long
@pytest.mark.parametrize("body", HEAVY.values(), ids=HEAVY)
def test_a_body_takes_memory_by_its_length_and_gives_it_back(body: bytes) -> None:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        with suppress(InvalidJson):
            read_json(body)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < TIMES_MAX * len(body)
    assert after - before < len(body) / 10
    assert BodyLimits(25 * 2**20, 64 * 2**20).json_bytes_max >= len(body)
