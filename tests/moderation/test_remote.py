"""A moderator by OpenAI's protocol: what it is shown, what it says, and when it says nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from rushes.domain.errors import Reason
from rushes.moderation.remote import PICTURE_BYTES_MAX, RemoteModerator
from rushes.ports import Objection, Passage, Picture, Unjudged
from rushes.providers.rest import Credential, Rest, Timeouts
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.moderation import ModerationServer
from rushes.testing.simulators.script import Rule, Script

KEY = "sk-moderator-0000000000"
Draw = Callable[..., Picture]
HARMLESS = Passage("The prompt", "a red fox in the snow")


@pytest.fixture
def picture(tmp_path: Path) -> Draw:
    """Write a picture down, as an input is."""

    def write(content: bytes, *, size_bytes: int | None = None) -> Picture:
        path = tmp_path / sha256(content).hexdigest()
        path.write_bytes(content)
        size_bytes = len(content) if size_bytes is None else size_bytes
        return Picture("The image in 'image'", "image/png", size_bytes, path)

    return write


@asynccontextmanager
async def asked(
    server: ModerationServer, *, model: str | None = None, timeout_s: float = 5.0
) -> AsyncIterator[RemoteModerator]:
    async with serving(server) as port:
        rest = Rest(
            f"http://127.0.0.1:{port}/v1",
            Credential("env:MODERATOR", KEY),
            timeouts=Timeouts(ask_s=timeout_s),
        )
        moderator = RemoteModerator(rest, model=model)
        try:
            yield moderator
        finally:
            await moderator.close()


async def judged(
    server: ModerationServer, passages: Sequence[Passage], pictures: Sequence[Picture] = ()
) -> Objection | None:
    async with asked(server) as moderator:
        return await moderator.judge(passages, pictures)


async def test_texts_travel_in_one_question_with_the_key_and_the_model() -> None:
    server = ModerationServer(key=KEY)
    async with asked(server, model="omni-moderation-latest") as moderator:
        assert await moderator.judge([HARMLESS, HARMLESS], ()) is None
    assert server.asked == [
        {"model": "omni-moderation-latest", "input": [HARMLESS.text, HARMLESS.text]}
    ]


async def test_what_is_flagged_is_named_and_its_categories_are_for_the_operator() -> None:
    flagged = Passage("The negative prompt", "Kill it, nude")
    objection = await judged(ModerationServer(), [HARMLESS, flagged])
    assert objection is not None
    assert objection.failure.reason is Reason.CONTENT_REFUSED
    assert objection.failure.message == "The negative prompt was refused: content policy."
    assert objection.why == "sexual, violence"


async def test_each_picture_is_shown_alone_as_bytes(picture: Draw) -> None:
    server = ModerationServer()
    objection = await judged(server, [HARMLESS], [picture(b"\x89PNG fox"), picture(b"nude")])
    assert objection is not None
    assert objection.failure.message == "The image in 'image' was refused: content policy."
    assert len(server.asked) == 3
    assert server.asked[1] == {
        "input": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORyBmb3g="}}]
    }


async def test_a_picture_that_is_too_large_to_be_judged_is_refused_with_the_limit(
    picture: Draw,
) -> None:
    server = ModerationServer()
    objection = await judged(server, [], [picture(b"", size_bytes=PICTURE_BYTES_MAX + 1)])
    assert objection is not None
    assert objection.failure.reason is Reason.PARAMETERS_REFUSED
    assert str(PICTURE_BYTES_MAX) in objection.failure.message
    assert server.asked == []


async def test_a_picture_that_the_service_refuses_beside_words_that_it_judged_is_no_outage(
    picture: Draw,
) -> None:
    refused = {"status": 400, "body": {"error": {"code": "invalid_image_format"}}}
    rule = Rule("judge", "answer", prompt="GIF", value=refused)
    objection = await judged(ModerationServer(script=Script([rule])), [HARMLESS], [picture(b"GIF")])
    assert objection is not None
    assert objection.failure.reason is Reason.PARAMETERS_REFUSED
    assert "cannot be moderated" in objection.failure.message
    with pytest.raises(Unjudged):
        await judged(ModerationServer(script=Script([rule])), [], [picture(b"GIF")])


async def test_a_long_text_is_shown_in_parts_and_none_is_left_out() -> None:
    server = ModerationServer()
    long = Passage("A text in 'metadata'", "x" * 25_000 + " kill")
    objection = await judged(server, [HARMLESS, long])
    assert objection is not None
    assert objection.failure.message == "A text in 'metadata' was refused: content policy."
    (asked_for,) = server.asked
    shown = asked_for["input"]
    assert isinstance(shown, list)
    assert [len(text) for text in shown] == [len(HARMLESS.text), 10_000, 10_000, 5_005]
    assert "".join(shown[1:]) == long.text


async def test_nothing_to_judge_asks_nothing() -> None:
    server = ModerationServer()
    assert await judged(server, [], []) is None
    assert server.asked == []


def answering(body: object, status: int = 200) -> Rule:
    return Rule("judge", "answer", value={"status": status, "body": body})


SILENCES = {
    "busy": Rule("judge", "busy", value={"retry-after": "7"}),
    "server_error": Rule("judge", "server_error"),
    "unauthorized": Rule("judge", "unauthorized"),
    "drop": Rule("judge", "drop"),
    "half": Rule("judge", "half"),
    "hang": Rule("judge", "hang"),
    "no results": answering({"results": []}),
    "one too many": answering({"results": [{"flagged": False}, {"flagged": False}]}),
    "no verdict": answering({"results": [{"flagged": "no"}]}),
    "no object": answering([1]),
    "another page": answering("<html>", 200),
    "a redirect": answering({}, 302),
}


@pytest.mark.parametrize("rule", SILENCES.values(), ids=SILENCES.keys())
async def test_whatever_is_no_verdict_is_unjudged_and_never_harmless(rule: Rule) -> None:
    server = ModerationServer(script=Script([rule]))
    async with asked(server, timeout_s=0.3) as moderator:
        with pytest.raises(Unjudged) as unjudged:
            await moderator.judge([HARMLESS], ())
    assert unjudged.value.retry_after_s == (7 if rule.fault == "busy" else None)
    told = str(unjudged.value)
    assert KEY not in told
    assert HARMLESS.text not in told


async def test_a_moderator_that_quotes_the_key_is_not_repeated() -> None:
    rule = answering({"error": {"message": f"Bad key {KEY}", "code": KEY}}, 401)
    server = ModerationServer(script=Script([rule]))
    with pytest.raises(Unjudged) as unjudged:
        await judged(server, [HARMLESS])
    assert KEY not in str(unjudged.value)
