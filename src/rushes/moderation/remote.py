"""Moderation by a service that speaks OpenAI's protocol.

POST /moderations {"model"?, "input": [text, …]} -> {"results": [{"flagged", "categories"}, …]},
a result for each text; {"input": [{"type": "image_url", "image_url": {"url": …}}]} -> one result.
Source: openai-python, types/moderation_create_params.py and moderation.py. More than one picture
in a request is refused there (400 `too_many_images`), so each travels alone, as a data URL: a
service is shown bytes, and no address of ours or of a caller's.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Final

from rushes.domain.errors import Failure, Reason
from rushes.ports import Objection, Passage, Picture, Unjudged
from rushes.providers.answers import ignorance, plain
from rushes.providers.base import Unreachable
from rushes.providers.rest import Rest

QUESTIONS_MAX: Final = 64
"""How many questions are on their way at once; others wait for their turn."""

TEXT_CHARACTERS_MAX: Final = 10_000
"""A longer text is shown in parts, so that no caller can make one that the service refuses."""

PICTURE_BYTES_MAX: Final = 20 * 2**20
_ABOUT_IT: Final = frozenset({400, 413, 415, 422})
"""The question was refused, and perhaps because of what is in it."""

CATEGORIES_SHOWN: Final = 6
CATEGORY_CHARACTERS_MAX: Final = 40


class RemoteModerator:
    """A service that judges texts, and pictures where it is shown them. `model` may be its own."""

    def __init__(self, rest: Rest, *, model: str | None) -> None:
        self._rest = rest
        self._model = {} if model is None else {"model": model}
        self._places = asyncio.Semaphore(QUESTIONS_MAX)

    async def judge(
        self, passages: Sequence[Passage], pictures: Sequence[Picture]
    ) -> Objection | None:
        """Return the first objection, texts before pictures; None if there is none.

        Raises:
            Unjudged: the service did not answer, or not as it should.
            OSError: a picture could not be read now.
        """
        parts = [(passage.name, part) for passage in passages for part in _parts(passage.text)]
        if parts:
            results = await self._ask([part for _, part in parts], len(parts))
            for (name, _), flagged in zip(parts, results, strict=True):
                if flagged is not None:
                    return Objection.to(name, flagged)
        for picture in pictures:
            objection = await self._look_at(picture, does_judge=bool(parts))
            if objection is not None:
                return objection
        return None

    async def close(self) -> None:
        """Let go of connections."""
        await self._rest.close()

    async def _look_at(self, picture: Picture, *, does_judge: bool) -> Objection | None:
        """Judge a picture. A service that just judged the words, and refuses it, cannot read it."""
        if picture.size_bytes > PICTURE_BYTES_MAX:
            told = f"{picture.size_bytes} bytes are more than the {PICTURE_BYTES_MAX} allowed"
            return _unreadable(picture, told)
        url = await asyncio.to_thread(_data_url, picture)
        try:
            [flagged] = await self._ask([{"type": "image_url", "image_url": {"url": url}}], 1)
        except _Refused:
            if does_judge:
                return _unreadable(picture, "moderation takes no such image")
            raise
        return None if flagged is None else Objection.to(picture.name, flagged)

    async def _ask(self, shown: Sequence[object], count: int) -> list[str | None]:
        """Return what each thing shown was flagged for, None for what was not."""
        try:
            async with self._places:
                answer = await self._rest.ask(
                    "POST", "/moderations", body={**self._model, "input": shown}
                )
        except Unreachable as trouble:
            raise Unjudged(str(trouble), retry_after_s=trouble.retry_after_s) from trouble
        if not answer.is_success:
            silence = ignorance(answer)
            wait_s = silence.retry_after_s if isinstance(silence, Unreachable) else None
            kind = _Refused if answer.status in _ABOUT_IT else Unjudged
            raise kind(plain(str(silence), self._rest.hidden), retry_after_s=wait_s)
        results = (answer.json_object() or {}).get("results")
        if not isinstance(results, list) or len(results) != count:
            raise Unjudged("its answer has no result for each thing that it was shown")
        return [_flagged(result) for result in results]


def _data_url(picture: Picture) -> str:
    encoded = base64.b64encode(picture.path.read_bytes()).decode("ascii")
    return f"data:{picture.content_type};base64,{encoded}"


class _Refused(Unjudged):
    """The service refused the question itself."""


def _parts(text: str) -> list[str]:
    starts = range(0, len(text), TEXT_CHARACTERS_MAX)
    return [text[start : start + TEXT_CHARACTERS_MAX] for start in starts]


def _flagged(result: object) -> str | None:
    """Return what something was flagged for, None if it was not.

    Raises:
        Unjudged: it does not say.
    """
    verdict = result.get("flagged") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(verdict, bool):
        raise Unjudged("its answer does not say whether something was flagged")
    if not verdict:
        return None
    categories = result.get("categories")
    named = categories if isinstance(categories, Mapping) else {}
    said = [str(name)[:CATEGORY_CHARACTERS_MAX] for name, is_so in named.items() if is_so is True]
    return ", ".join(sorted(said)[:CATEGORIES_SHOWN]) or "flagged"


def _unreadable(picture: Picture, why: str) -> Objection:
    """Object to a picture that cannot be judged: it would wait for ever, and holds up others."""
    failure = Failure.of(
        Reason.PARAMETERS_REFUSED, f"{picture.name} cannot be moderated: {why}. Send another."
    )
    return Objection(failure, f"an image that cannot be judged: {why}")
