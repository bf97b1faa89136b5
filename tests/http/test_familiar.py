"""Familiar heads: what is known again without a parser is what a parser would have found."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from loopback import PATIENCE_S, Caller, serving
from rushes.domain.ids import is_task_id
from rushes.http.familiar import HEAD_BYTES_MAX, HEADS_MAX, LEARNED_ONE_OF, PREFIX, Asked, Familiar
from rushes.http.guard import GuardCounters, GuardLimits, guarded

TASK = b"video_" + b"0a" * 16
OTHER_TASK = b"video_" + b"1b" * 16
SECRET = b"sk-live-familiar"
OTHER_SECRET = b"sk-live-another-one"
CONNECTIONS_MAX = 4
LINES = (b"Host: films", b"User-Agent: python-requests/2.32.5", b"Accept: */*")


def head(
    *lines: bytes, task: bytes = TASK, secret: bytes = SECRET, name: bytes = b"Authorization"
) -> bytes:
    """A look, as programs ask it: what stands before the key, the key, and one line more."""
    asked = b"GET %b%b HTTP/1.1" % (PREFIX, task)
    key = b"%b: Bearer %b" % (name, secret)
    return b"\r\n".join([asked, *(lines or LINES), key, b"Connection: keep-alive", b"", b""])


@dataclass
class Parsed:
    """What a parser finds in a packet; it raises what a parser raises."""

    packet: bytes
    urls: list[bytes] = field(default_factory=list)
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    whole: int = 0

    def __post_init__(self) -> None:
        httptools.HttpRequestParser(self).feed_data(self.packet)

    def on_url(self, url: bytes) -> None:
        self.urls.append(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_message_complete(self) -> None:
        self.whole += 1


def learned(*packets: bytes) -> Familiar:
    familiar = Familiar()
    for packet in packets:
        familiar.learn(packet, Parsed(packet).headers)
    return familiar


# -- what is known again -------------------------------------------------------------------
@pytest.mark.parametrize("name", [b"Authorization", b"authorization"])
def test_a_head_is_known_again_whatever_task_and_key_it_is_for(name: bytes) -> None:
    familiar = learned(head(name=name))
    packet = head(name=name, task=OTHER_TASK, secret=OTHER_SECRET)
    assert familiar.asked(packet) == Asked(OTHER_TASK, OTHER_SECRET, None)


def test_what_a_caller_knows_already_is_part_of_a_head() -> None:
    conditional = head(b"Host: films", b'If-None-Match: W/"3"')
    familiar = learned(conditional)
    assert familiar.asked(conditional) == Asked(TASK, SECRET, b'W/"3"')
    assert familiar.asked(head(b"Host: films", b'If-None-Match: W/"4"')) is None
    assert familiar.asked(head(b"Host: films")) is None


@pytest.mark.parametrize(
    "packet",
    [
        head(b"Host: films"),
        head(*LINES, b"Prefer: wait=30"),
        head(*LINES, name=b"Proxy-Authorization"),
        head()[:-1],
        head() + b"\r\n",
        head() + head(),
        head(task=TASK[:-1]),
        head(task=TASK + b"0"),
        head(task=TASK + b"?x=1"),
        head().replace(b"GET", b"HEAD", 1),
        head().replace(b"HTTP/1.1", b"HTTP/1.0", 1),
        head().replace(b"\r\n", b"\n"),
        b"\r\n" + head(),
        b"",
    ],
)
def test_another_head_is_not_known(packet: bytes) -> None:
    assert learned(head()).asked(packet) is None


@pytest.mark.parametrize(
    "packet",
    [
        head() + head(),
        b"\r\n" + head(),
        head(*LINES, name=b"X-Authorization"),
        head(b"Host: films", b"X-Long: " + b"x" * HEAD_BYTES_MAX),
        head().replace(b"Bearer", b"bearer"),
        head(*LINES, b"Authorization: Bearer sk-live-of-somebody-else"),
        head(task=TASK + b"0"),
        head() + b"GET",
    ],
    ids=[
        "two",
        "a line before",
        "another name",
        "long",
        "small letters",
        "two keys",
        "a longer address",
        "more to come",
    ],
)
def test_what_is_not_one_plain_head_is_not_learned(packet: bytes) -> None:
    assert len(learned(packet)) == 0


def test_the_rest_of_a_head_that_came_in_pieces_is_not_learned() -> None:
    familiar = Familiar()
    packet = head()
    familiar.learn(packet[10:], Parsed(packet).headers)
    familiar.learn(packet[:-2], Parsed(packet).headers)
    assert len(familiar) == 0


def test_only_so_many_are_kept_and_the_next_is_learned_all_the_same() -> None:
    *packets, one_more = [
        head(b"Host: films", b"X-Trace: %d" % number) for number in range(HEADS_MAX + 1)
    ]
    familiar = learned(*packets)
    assert len(familiar) == HEADS_MAX
    assert familiar.asked(packets[0]) is not None
    familiar.learn(one_more, Parsed(one_more).headers)
    assert 1 <= len(familiar) <= HEADS_MAX
    assert familiar.asked(one_more) is not None


def test_where_no_head_comes_twice_few_are_learned_until_one_does() -> None:
    familiar = learned(*(head(b"Host: films", b"X-Trace: %d" % n) for n in range(HEADS_MAX)))
    asked = head()
    for times in range(LEARNED_ONE_OF):
        assert familiar.asked(asked) is None, times
        familiar.learn(asked, Parsed(asked).headers)
        if familiar.asked(asked) is not None:
            break
    assert times >= 1
    another = head(b"Host: films")
    familiar.learn(another, Parsed(another).headers)
    assert familiar.asked(another) is not None


# -- nothing is known that a parser would read in another way ------------------------------
LINE = st.sampled_from(
    [
        b"Host: films",
        b"Accept: */*",
        b'If-None-Match: W/"1"',
        b"X-Said: Authorization: Bearer sk-live-familiar",
        b"Proxy-Authorization: Bearer sk-live-familiar",
        b"x-authorization: Bearer sk-live-familiar",
        b"Connection: keep-alive",
    ]
)
HEAD = st.builds(
    lambda lines, name, secret: head(*lines, name=name, secret=secret),
    st.lists(LINE, min_size=1, max_size=4),
    st.sampled_from([b"Authorization", b"authorization"]),
    st.sampled_from([SECRET, OTHER_SECRET]),
)
SCRAP = st.sampled_from(
    [b"\r", b"\n", b"\r\n", b" ", b":", b"\t", b"\0", b"0", b"\r\n ", b"Content-Length: 1\r\n"]
) | st.sampled_from([b"\r\nAuthorization: Bearer ", b"\r\nauthorization: Bearer x", b"\r\n\r\n"])


def inserted(packet: bytes, place: float, scrap: bytes) -> bytes:
    at = round(place * len(packet))
    return packet[:at] + scrap + packet[at:]


def cut(packet: bytes, place: float, count: int) -> bytes:
    at = round(place * len(packet))
    return packet[:at] + packet[at + count :]


def replaced(packet: bytes, place: float, scrap: bytes) -> bytes:
    at = round(place * len(packet))
    return packet[:at] + scrap + packet[at + len(scrap) :]


PLACE = st.floats(0, 1)
CHANGE: st.SearchStrategy[Callable[[bytes], bytes]] = st.one_of(
    st.builds(lambda at, what: partial(inserted, place=at, scrap=what), PLACE, SCRAP),
    st.builds(lambda at, what: partial(replaced, place=at, scrap=what), PLACE, SCRAP),
    st.builds(lambda at, n: partial(cut, place=at, count=n), PLACE, st.integers(1, 40)),
    st.builds(lambda task: lambda packet: packet.replace(TASK, task), st.just(OTHER_TASK)),
    st.just(lambda packet: packet + packet),
)


@pytest.mark.promise("P8")
@given(st.lists(HEAD, min_size=1, max_size=3), HEAD, st.lists(CHANGE, max_size=3))
def test_a_head_known_again_is_one_that_a_parser_reads_alike(
    before: Sequence[bytes], packet: bytes, changes: Sequence[Callable[[bytes], bytes]]
) -> None:
    familiar = learned(*before)
    for change in changes:
        packet = change(packet)
    asked = familiar.asked(packet)
    if asked is None or not is_task_id(asked.task_id.decode("latin-1")):
        return
    if asked.secret not in {SECRET, OTHER_SECRET}:
        return  # no key is like that, so that nobody is answered
    found = Parsed(packet)
    assert (found.whole, found.urls) == (1, [PREFIX + asked.task_id])
    named = [value for name, value in found.headers if name == b"authorization"]
    assert named == [b"Bearer " + asked.secret]
    assert dict(found.headers).get(b"if-none-match") == asked.if_none_match
    assert any(set(Parsed(each).headers) - set(found.headers) <= own(each) for each in before)


def own(packet: bytes) -> set[tuple[bytes, bytes]]:
    """What a head says of its key."""
    return {each for each in Parsed(packet).headers if each[0] == b"authorization"}


# -- on a connection -----------------------------------------------------------------------
class Looks:
    """Answers every look at once, and says whether its head was read by a parser."""

    def __init__(self) -> None:
        self.familiar = Familiar()

    def __call__(
        self, url: bytes, headers: Sequence[tuple[bytes, bytes]], standing: bytes
    ) -> bytes | None:
        del headers
        return answer(b"parsed", standing) if url.startswith(PREFIX) else None

    def again(self, packet: bytes, standing: bytes) -> bytes | None:
        return answer(b"known", standing) if self.familiar.asked(packet) else None

    def learn(self, packet: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.familiar.learn(packet, headers)


def answer(body: bytes, standing: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n%b" % (standing, len(body), body)


class App:
    """Answers at once, but whoever asks to be held only when the test lets go."""

    def __init__(self) -> None:
        self.holding = threading.Semaphore(0)
        self.let_go = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/held":
            self.holding.release()
            assert await asyncio.to_thread(self.let_go.wait, PATIENCE_S)
        body = f"the app: {scope['path']}".encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@dataclass
class House:
    port: int
    app: App
    counters: GuardCounters

    def hold(self, caller: Caller) -> None:
        """Have the app be at something for a caller."""
        caller.say(b"GET /held HTTP/1.1\r\nHost: films\r\n\r\n")
        assert self.app.holding.acquire(timeout=PATIENCE_S)


@pytest.fixture(params=["uvloop", "asyncio"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    limits = GuardLimits(idle_timeout_s=0.5, connections_max=CONNECTIONS_MAX)
    app, protocol = App(), guarded(limits, at_once=Looks())
    with serving(app, protocol, request.param) as port:
        yield House(port, app, protocol.counters)


def test_the_second_look_of_a_kind_is_not_parsed_on_any_connection(house: House) -> None:
    with Caller(house.port) as caller, Caller(house.port) as another:
        caller.say(head())
        assert caller.reply().body == b"parsed"
        for one in (caller, another, another):
            one.say(head(task=OTHER_TASK, secret=OTHER_SECRET))
            told = one.reply()
            assert told.body == b"known"
            assert told.headers["date"].endswith("GMT")


def test_what_comes_in_pieces_or_by_twos_is_parsed_and_answered_in_its_order(house: House) -> None:
    with Caller(house.port) as caller, Caller(house.port) as another:
        caller.say(head())
        assert caller.reply().body == b"parsed"
        caller.say(head() + head())
        assert [caller.reply().body for _ in range(2)] == [b"parsed", b"parsed"]
        caller.say(head()[:40])
        for _ in range(2):  # meanwhile the first piece is read
            another.say(head())
            assert another.reply().body == b"known"
        caller.say(head()[40:])
        assert caller.reply().body == b"parsed"
        caller.say(head())
        assert caller.reply().body == b"known"


def test_a_familiar_head_waits_behind_what_the_app_is_at(house: House) -> None:
    with Caller(house.port) as caller, Caller(house.port) as another:
        caller.say(head())
        assert caller.reply().body == b"parsed"
        house.hold(caller)
        caller.say(head())
        for _ in range(2):  # meanwhile it is read
            another.say(head())
            assert another.reply().body == b"known"
        house.app.let_go.set()
        assert caller.reply().body == b"the app: /held"
        assert caller.reply().body == b"the app: " + PREFIX + TASK
        caller.say(head())
        assert caller.reply().body == b"known"


def test_who_is_one_too_many_is_told_so_however_familiar(house: House) -> None:
    with Caller(house.port) as caller:
        caller.say(head())
        assert caller.reply().body == b"parsed"
    with ExitStack() as others:
        for _ in range(CONNECTIONS_MAX):
            house.hold(others.enter_context(Caller(house.port)))
        newest = others.enter_context(Caller(house.port))
        newest.say(head())
        assert newest.reply().status == 503
        house.app.let_go.set()


def test_what_looks_like_a_head_within_a_body_is_that_body(house: House) -> None:
    with Caller(house.port) as caller:
        caller.say(head())
        assert caller.reply().body == b"parsed"
        posted = b"POST /x HTTP/1.1\r\nHost: films\r\nContent-Length: %d\r\n\r\n" % len(head())
        caller.say(posted)
        assert caller.reply().body == b"the app: /x"
        caller.say(head(), head())
        assert caller.reply().body in {b"known", b"parsed"}  # as the network cuts it
        caller.hang_up_sending()
        assert caller.hear_all() == b""


def test_a_connection_with_nothing_but_familiar_looks_is_closed_when_it_idles(house: House) -> None:
    with Caller(house.port) as caller:
        caller.say(head())
        assert caller.reply().body == b"parsed"
    with Caller(house.port) as caller:
        caller.say(head())
        assert caller.reply().body == b"known"
        assert caller.hear_all() == b""
    assert house.counters.malformed_count == 0
