"""Fetching from real servers on the loopback, which is allowed here as an operator would."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

import httpcore2
import httpx2
import pytest

from rushes.domain.errors import InvalidMedia, UrlNotAllowed
from rushes.media.addresses import Address, NotPublic
from rushes.media.fetch import FetchLimits, GuardedFetcher
from rushes.media.transport import ERRORS, GuardedTransport, SystemResolver
from rushes.ports import Fetched, Fetcher

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
HERE = IPv4Address("127.0.0.1")
OFFICE = IPv4Address("10.0.0.1")
HOST = "films.example"
BYTES_MAX = 1_000_000
QUICK = FetchLimits(connect_s=5, read_s=5, total_s=20)
PATIENCE_S = 20.0

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Site:
    """A server that answers by script, and remembers what it was asked."""

    answers: dict[str, bytes | Serve] = field(default_factory=dict)
    heads: list[str] = field(default_factory=list)
    connection_count: int = 0
    port: int = 0
    answering: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, path: str = "/film", host: str = HOST, scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connection_count += 1
        task = asyncio.current_task()
        assert task is not None
        self.answering.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            said = self.answers[head.split(" ")[1]]
            if isinstance(said, bytes):
                writer.write(said)
                await writer.drain()
            else:
                await said(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(site: Site, tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    server = await asyncio.start_server(site.answer, "127.0.0.1", 0, ssl=tls)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
        await server.wait_closed()
        for task in site.answering:
            task.cancel()
        await asyncio.gather(*site.answering, return_exceptions=True)


@dataclass
class Names:
    """A name server of our own: each name answers its lists of addresses in turn."""

    known: dict[str, list[tuple[Address, ...]]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str) -> tuple[Address, ...]:
        self.asked.append(host)
        answers = self.known.get(host)
        if not answers:
            raise OSError(f"nobody knows {host}")
        return answers.pop(0) if len(answers) > 1 else answers[0]


def names(*first: Address) -> Names:
    return Names({HOST: [first or (HERE,)]})


def said(body: bytes = b"film", status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    if "Content_Length" not in headers and "Transfer_Encoding" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, status: str = "302 Found", **headers: str) -> bytes:
    return said(b"", status, Location=location, **headers)


async def fetch(
    url: str,
    folder: Path,
    resolve: Names | None = None,
    limits: FetchLimits = QUICK,
    bytes_max: int = BYTES_MAX,
    tls: ssl.SSLContext | None = None,
) -> Fetched:
    fetcher: Fetcher = GuardedFetcher(
        allow=LOOPBACK, resolve=resolve or names(), limits=limits, ssl_context=tls or NO_TLS
    )
    return await fetcher.fetch(url, param="image", bytes_max=bytes_max, folder=folder)


NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_file_is_fetched_under_a_name_of_ours(tmp_path: Path) -> None:
    body = bytes(range(256)) * 10_000
    site = Site({"/a%20b.png?x=1": said(body, Content_Type="Image/PNG; charset=x")})
    async with serving(site):
        fetched = await fetch(site.url("/a%20b.png?x=1"), tmp_path, bytes_max=len(body))
    assert fetched.size_bytes == len(body)
    assert fetched.sha256 == hashlib.sha256(body).hexdigest()
    assert fetched.content_type == "image/png"
    assert left_in(tmp_path) == [fetched.path.name]
    assert fetched.path.read_bytes() == body
    assert fetched.path.stat().st_mode & 0o077 == 0


@pytest.mark.advisory("CVE-2025-6242", "vllm#57157")
async def test_nothing_is_sent_but_the_address(tmp_path: Path) -> None:
    site = Site({"/film": said()})
    async with serving(site):
        await fetch(site.url(), tmp_path)
    (head,) = site.heads
    first, *rest = head.strip().split("\r\n")
    headers = {line.partition(":")[0].lower(): line.partition(": ")[2] for line in rest}
    assert first == "GET /film HTTP/1.1"
    assert headers == {
        "host": f"{HOST}:{site.port}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "user-agent": "rushes",
    }


@pytest.mark.advisory("GO-2025-4154", "CVE-2025-6242")
@pytest.mark.promise("P9")
async def test_a_name_is_looked_up_once_and_its_judged_address_is_used(tmp_path: Path) -> None:
    rebinding = Names({HOST: [(HERE,), (OFFICE,)]})
    site = Site({"/film": said()})
    async with serving(site):
        await fetch(site.url(), tmp_path, rebinding)
    assert rebinding.asked == [HOST]


@pytest.mark.advisory("GO-2025-4154", "CVE-2025-6242")
@pytest.mark.promise("P9")
async def test_a_name_that_answers_differently_at_a_redirect_is_judged_again(
    tmp_path: Path,
) -> None:
    rebinding = Names({HOST: [(HERE,), (OFFICE,)]})
    site = Site({"/film": redirect("/inner"), "/inner": said(b"secret")})
    async with serving(site):
        with pytest.raises(UrlNotAllowed):
            await fetch(site.url(), tmp_path, rebinding)
    assert rebinding.asked == [HOST, HOST]
    assert site.connection_count == 1


@pytest.mark.advisory("GO-2025-4154", "CVE-2025-6242")
@pytest.mark.promise("P9")
@pytest.mark.parametrize("addresses", [(OFFICE,), (HERE, OFFICE), (OFFICE, HERE)])
async def test_a_name_with_any_private_address_is_refused_unasked(
    addresses: tuple[Address, ...], tmp_path: Path
) -> None:
    site = Site({"/film": said()})
    async with serving(site):
        with pytest.raises(UrlNotAllowed):
            await fetch(site.url(), tmp_path, names(*addresses))
    assert site.connection_count == 0


@pytest.mark.advisory("CVE-2025-66405", "CVE-2026-110719", "CVE-2025-6242")
@pytest.mark.promise("P9")
@pytest.mark.parametrize("host", ["127.0.0.1", HOST, "[::ffff:127.0.0.1]", "localhost"])
async def test_our_own_machine_is_refused_where_no_operator_lists_it(
    host: str, tmp_path: Path
) -> None:
    fetcher = GuardedFetcher(resolve=names(), ssl_context=NO_TLS)
    site = Site({"/film": said()})
    async with serving(site):
        with pytest.raises(UrlNotAllowed) as refused:
            await fetcher.fetch(
                site.url(host=host), param="image", bytes_max=BYTES_MAX, folder=tmp_path
            )
    assert site.connection_count == 0
    assert refused.value.message == "'image' must be an http or https URL with a public address."


@pytest.mark.advisory("GO-2025-4154", "CVE-2025-6242", "sglang#17269", "vllm-omni#2565")
@pytest.mark.promise("P9")
@pytest.mark.parametrize(
    "location",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:10.0.0.1]/",
        "http://inner.example/",
        "http://2130706433.example@10.0.0.1/",
        "ftp://films.example/",
        "file:///etc/passwd",
        "//0x0a000001/",
        "http://films.example:99999/",
    ],
)
async def test_a_redirect_to_where_no_caller_may_point_is_refused(
    location: str, tmp_path: Path
) -> None:
    known = Names({HOST: [(HERE,)], "inner.example": [(OFFICE,)]})
    site = Site({"/film": redirect(location)})
    async with serving(site):
        with pytest.raises(UrlNotAllowed):
            await fetch(site.url(), tmp_path, known)
    assert site.connection_count == 1


async def test_five_redirects_are_followed_and_no_cookie_comes_along(tmp_path: Path) -> None:
    site = Site({f"/{n}": redirect(f"/{n + 1}", Set_Cookie="a=b") for n in range(5)})
    site.answers["/5"] = said(b"film")
    async with serving(site):
        fetched = await fetch(site.url("/0"), tmp_path)
    assert fetched.path.read_bytes() == b"film"
    assert site.connection_count == 6
    assert not any("cookie" in head.lower() or "referer" in head.lower() for head in site.heads)


async def test_a_sixth_redirect_is_one_too_many(tmp_path: Path) -> None:
    site = Site({"/film": redirect("/film", "301 Moved")})
    async with serving(site):
        with pytest.raises(InvalidMedia, match="'image' is redirected more than 5 times"):
            await fetch(site.url(), tmp_path)
    assert site.connection_count == 6


@pytest.mark.parametrize(
    "status", ["400 No", "401 No", "403 No", "404 No", "410 No", "204 No", "206 Part", "300 Many"]
)
async def test_a_no_for_good_is_the_callers_fault(status: str, tmp_path: Path) -> None:
    site = Site({"/film": said(b"", status)})
    async with serving(site):
        with pytest.raises(InvalidMedia) as refused:
            await fetch(site.url(), tmp_path)
    assert refused.value.message == (
        f"'image' could not be fetched: its server answered {status[:3]}."
    )
    assert refused.value.param == "image"


@pytest.mark.parametrize("status", ["408 Slow", "425 Early", "429 Many", "500 Oh", "503 Later"])
async def test_a_no_for_now_may_be_tried_again(status: str, tmp_path: Path) -> None:
    site = Site({"/film": said(b"", status)})
    async with serving(site):
        with pytest.raises(OSError, match=f"'image' could not be fetched now: .* {status[:3]}"):
            await fetch(site.url(), tmp_path)


async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(said(b"", Transfer_Encoding="chunked"))
    while True:
        writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        await writer.drain()


async def test_a_body_without_end_is_cut_at_the_limit(tmp_path: Path) -> None:
    site = Site({"/film": endless})
    async with serving(site):
        with pytest.raises(InvalidMedia, match=r"'image' must be at most 1,000,000 bytes"):
            await fetch(site.url(), tmp_path)
    assert left_in(tmp_path) == []


async def test_a_body_that_says_it_is_too_large_is_not_read(tmp_path: Path) -> None:
    heard: list[bytes] = []
    is_left = asyncio.Event()

    async def listening(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said(b"", Content_Length=str(BYTES_MAX + 1)))
        heard.append(await reader.read())
        is_left.set()

    async with serving(Site({"/film": listening})) as site:
        with pytest.raises(InvalidMedia, match="at most"):
            await fetch(site.url(), tmp_path)
        await asyncio.wait_for(is_left.wait(), PATIENCE_S)
    assert heard == [b""]
    assert left_in(tmp_path) == []


async def test_exactly_the_limit_is_not_too_large(tmp_path: Path) -> None:
    site = Site({"/film": said(b"12345")})
    async with serving(site):
        assert (await fetch(site.url(), tmp_path, bytes_max=5)).size_bytes == 5
        with pytest.raises(InvalidMedia):
            await fetch(site.url(), tmp_path, bytes_max=4)


@pytest.mark.parametrize(
    "broken",
    [
        said(b"half", Content_Length="8"),
        said(b"4\r\nhalf\r\n", Transfer_Encoding="chunked"),
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"no HTTP at all\r\n\r\n",
        b"",
        said(b"", Content_Length="9" * 5_000),
        said(b"", Content_Length="-1"),
    ],
    ids=["length", "chunks", "head", "nonsense", "nothing", "long length", "negative length"],
)
async def test_a_body_cut_short_may_be_tried_again(broken: bytes, tmp_path: Path) -> None:
    site = Site({"/film": broken})
    async with serving(site):
        with pytest.raises(OSError, match="'image' could not be fetched now"):
            await fetch(site.url(), tmp_path)
    assert left_in(tmp_path) == []


async def test_an_encoded_body_is_refused(tmp_path: Path) -> None:
    site = Site({"/film": said(b"\x1f\x8b", Content_Encoding="gzip")})
    async with serving(site):
        with pytest.raises(InvalidMedia, match="without a content encoding"):
            await fetch(site.url(), tmp_path)


async def test_an_empty_body_is_refused(tmp_path: Path) -> None:
    site = Site({"/film": said(b"")})
    async with serving(site):
        with pytest.raises(InvalidMedia, match="'image' is empty"):
            await fetch(site.url(), tmp_path)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("claim", ["", "nonsense", "a/b/c", "text/<html>", "x" * 80 + "/y"])
async def test_a_content_type_that_is_none_is_left_out(claim: str, tmp_path: Path) -> None:
    site = Site({"/film": said(Content_Type=claim)})
    async with serving(site):
        assert (await fetch(site.url(), tmp_path)).content_type == ""


async def silent(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def halting(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(said(b"half", Content_Length="8"))
    await asyncio.Event().wait()


@pytest.mark.parametrize("serve", [silent, halting])
@pytest.mark.parametrize("limits", [FetchLimits(read_s=0.05), FetchLimits(total_s=0.1)])
async def test_a_server_that_takes_its_time_is_left(
    serve: Serve, limits: FetchLimits, tmp_path: Path
) -> None:
    async with serving(Site({"/film": serve})) as site:
        with pytest.raises(OSError, match="'image' could not be fetched now"):
            await asyncio.wait_for(fetch(site.url(), tmp_path, limits=limits), PATIENCE_S)
    assert left_in(tmp_path) == []


async def test_a_fetch_that_is_canceled_leaves_nothing(tmp_path: Path) -> None:
    is_halfway = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_halfway.set()
        await halting(reader, writer)

    async with serving(Site({"/film": serve})) as site:
        fetching = asyncio.create_task(fetch(site.url(), tmp_path))
        await asyncio.wait_for(is_halfway.wait(), PATIENCE_S)
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
    assert left_in(tmp_path) == []


async def test_a_name_nobody_knows_may_be_tried_again(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="'image' could not be fetched now"):
        await fetch("http://unknown.example/film", tmp_path)
    with pytest.raises(OSError, match="'image' could not be fetched now"):
        await fetch("http://empty.example/film", tmp_path, Names({"empty.example": [()]}))


async def test_a_name_server_that_never_answers_is_left(tmp_path: Path) -> None:
    class Hanging(Names):
        async def __call__(self, host: str) -> tuple[Address, ...]:
            await asyncio.Event().wait()
            return ()

    limits = FetchLimits(connect_s=0.05)
    with pytest.raises(OSError, match="'image' could not be fetched now"):
        await fetch("http://films.example/film", tmp_path, Hanging({}), limits)


async def test_the_second_address_is_tried_where_the_first_does_not_answer(
    tmp_path: Path,
) -> None:
    async with serving(Site({"/film": said()})) as site:
        nobody_there = IPv4Address("127.0.0.2")
        fetched = await fetch(site.url(), tmp_path, names(nobody_there, HERE))
        assert fetched.size_bytes == 4
        with pytest.raises(OSError, match="'image' could not be fetched now"):
            await fetch(site.url(), tmp_path, names(nobody_there))


async def test_proxies_of_the_environment_are_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Site({})
    async with serving(proxy), serving(Site({"/film": said()})) as site:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        await fetch(site.url(), tmp_path)
    assert proxy.connection_count == 0
    assert site.connection_count == 1


async def test_no_fault_tells_of_addresses(tmp_path: Path) -> None:
    told: list[str] = []
    async with serving(
        Site({"/film": said(b"", "404 No"), "/in": redirect("//10.0.0.1/")})
    ) as site:
        for url, resolve in (
            (site.url(), names()),
            (site.url("/in"), names()),
            (site.url(), names(OFFICE)),
            (site.url(), names(IPv4Address("127.0.0.2"))),
            ("http://10.0.0.1/", names()),
            ("http://unknown.example/", names()),
        ):
            with pytest.raises((InvalidMedia, UrlNotAllowed, OSError)) as fault:
                await fetch(url, tmp_path, resolve)
            told.append(str(fault.value))
    assert all(message.startswith("'image' ") for message in told)
    assert not any(secret in text for text in told for secret in ("10.", "127.", str(site.port)))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for films.example, and its key, made for this run."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=films"
    names_and_files = f"-addext subjectAltName=DNS:{HOST} -keyout key.pem -out cert.pem"
    subprocess.run(
        ["openssl", *request.split(), *names_and_files.split()],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


async def test_the_certificate_is_checked_by_name_though_the_address_is_pinned(
    authority: Path, tmp_path: Path
) -> None:
    asked: list[str | None] = []
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(authority / "cert.pem", authority / "key.pem")
    served.sni_callback = lambda _, name, __: asked.append(name)
    trusting = ssl.create_default_context(cafile=str(authority / "cert.pem"))
    known = Names({HOST: [(HERE,)], "other.example": [(HERE,)]})
    async with serving(Site({"/film": said()}), served) as site:
        await fetch(site.url(scheme="https"), tmp_path, known, tls=trusting)
        for url in (site.url(host="other.example", scheme="https"), site.url(scheme="https")):
            tls = trusting if "other" in url else ssl.create_default_context()
            with pytest.raises(OSError, match="'image' could not be fetched now"):
                await fetch(url, tmp_path, known, tls=tls)
    assert asked == [HOST, "other.example", HOST]
    assert [head.split("\r\n")[1] for head in site.heads] == [f"Host: {HOST}:{site.port}"]


async def test_certificates_are_those_of_the_system_where_none_are_given(
    authority: Path, tmp_path: Path
) -> None:
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(authority / "cert.pem", authority / "key.pem")
    fetcher = GuardedFetcher(allow=LOOPBACK, resolve=names(), limits=QUICK)
    async with serving(Site({"/film": said()}), served) as site:
        url = site.url(scheme="https")
        with pytest.raises(OSError, match="'image' could not be fetched now") as fault:
            await fetcher.fetch(url, param="image", bytes_max=BYTES_MAX, folder=tmp_path)
    assert "CERTIFICATE_VERIFY_FAILED" in str(fault.value.__cause__)


async def test_the_wall_also_stands_in_front_of_an_ordinary_client() -> None:
    async def staying(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said(b"", "204 No Content"))
        await asyncio.Event().wait()

    async with serving(Site({"/hook": staying})) as site:
        transport = GuardedTransport(resolve=names(), ssl_context=NO_TLS, allow=LOOPBACK)
        async with httpx2.AsyncClient(transport=transport, trust_env=False) as client:
            for _ in range(2):
                answer = await client.post(site.url("/hook"), content=b"{}")
                assert answer.status_code == 204
        strict = GuardedTransport(resolve=names(), ssl_context=NO_TLS)
        async with httpx2.AsyncClient(transport=strict, trust_env=False) as client:
            for host in (HOST, "127.0.0.1", "localhost"):
                with pytest.raises(NotPublic):
                    await client.post(site.url("/hook", host), content=b"{}")
    assert site.connection_count == 2  # none is kept: each request is judged anew


async def test_the_machines_own_resolver_knows_this_machine() -> None:
    found = await SystemResolver()("localhost")
    assert HERE in found
    assert len(set(found)) == len(found)


def test_every_error_of_the_core_has_one_of_the_client() -> None:
    core = {
        error
        for name in httpcore2.__all__
        if isinstance(error := getattr(httpcore2, name), type) and issubclass(error, Exception)
    }
    assert core - {httpcore2.ConnectionNotAvailable} == set(ERRORS)
    assert all(mine.__name__ == theirs.__name__ for mine, theirs in ERRORS.items())


def test_an_address_is_checked_without_looking_it_up() -> None:
    known = names()
    fetcher = GuardedFetcher(resolve=known, ssl_context=NO_TLS)
    fetcher.check(f"https://{HOST}/first.png", param="image")
    with pytest.raises(UrlNotAllowed):
        fetcher.check("https://127.0.0.1/first.png", param="image")
    assert known.asked == []
