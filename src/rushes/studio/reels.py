"""Reels: a film's pictures in their order, whatever they are made from.

Both halves of a film are painted by processes of their own, so a reel can begin anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from typing import Protocol

from rushes.studio.camera import View, moment
from rushes.studio.crossing import Crossing
from rushes.studio.grade import Grade
from rushes.studio.ink import Drawing
from rushes.studio.motion import Within, fade
from rushes.studio.order import Input
from rushes.studio.pictures import clip
from rushes.studio.planes import Frame, blank, over
from rushes.studio.stage import Piece, Stage


class Reel(Protocol):
    """Pictures in their order."""

    def frames(self, first: int, end: int) -> Iterator[Frame]:
        """Paint the frames from `first` to before `end`; each is good until the next."""
        ...


@dataclass(slots=True)
class Pace:
    """How many frames there are, and how fast they go."""

    frame_count: int
    fps: int

    @property
    def seconds(self) -> float:
        """From the first frame to the last."""
        return max(1, self.frame_count - 1) / self.fps

    def progress(self, index: int) -> float:
        """Return how far a frame is on the way, 0-1."""
        return min(1.0, max(0.0, index / max(1, self.frame_count - 1)))


@dataclass(slots=True)
class Staged:
    """A scene before a camera."""

    stage: Stage
    pace: Pace

    def frames(self, first: int, end: int) -> Iterator[Frame]:
        """Paint the frames from `first` to before `end`; each is good until the next."""
        view = self.stage.view
        frame = blank(view.width, view.height)
        seconds = self.pace.seconds
        self.stage.settle(frame, moment(view, 0.0, seconds))
        for index in range(first, end):
            self.stage.draw(frame, moment(view, index / self.pace.fps, seconds))
            yield frame


@dataclass(slots=True)
class Moving:
    """A camera within a still."""

    within: Within
    view: View
    pace: Pace

    def frames(self, first: int, end: int) -> Iterator[Frame]:
        """Paint the frames from `first` to before `end`; each is good until the next."""
        frame = blank(self.view.width, self.view.height)
        for index in range(first, end):
            self.within.paint(frame, self.pace.progress(index))
            yield frame


@dataclass(slots=True)
class Crossed:
    """One still turning into another."""

    crossing: Crossing
    view: View
    pace: Pace

    def frames(self, first: int, end: int) -> Iterator[Frame]:
        """Paint the frames from `first` to before `end`; each is good until the next."""
        frame = blank(self.view.width, self.view.height)
        for index in range(first, end):
            self.crossing.paint(frame, self.pace.progress(index))
            yield frame


@dataclass(slots=True)
class Source:
    """A clip of the caller's, at this film's size and pace; its last frame stays."""

    source: Input
    view: View
    fps: int

    def frames(self, first: int, end: int) -> Iterator[Frame]:
        """Paint the frames from `first` to before `end`; each is good until the next."""
        pictures = clip(self.source, self.view.width, self.view.height, self.fps)
        return islice(_held(pictures), first, end)


@dataclass(slots=True)
class Spliced:
    """One reel after another: the first has `count` frames."""

    one: Reel
    count: int
    other: Reel

    def frames(self, first: int, end: int) -> Iterator[Frame]:
        """Paint the frames from `first` to before `end`; each is good until the next."""
        cut = min(end, max(first, self.count))
        return chain(
            self.one.frames(first, cut),
            self.other.frames(cut - self.count, end - self.count) if end > cut else (),
        )


@dataclass(slots=True)
class Take:
    """A reel within a film: it is seen from frame `start` to before `stop`, from its own `first`.

    It is built when its first frame is due, and let go after its last: a film of many shots
    takes the memory of two. Its `titles` come from frame `titled` on, and do not fade.
    """

    build: Callable[[], Reel]
    start: int
    stop: int
    first: int = 0
    titled: int = 0
    titles: Sequence[Drawing] = ()

    def frames(self, begin: int, end: int) -> Iterator[Frame]:
        """Paint the film's frames from `begin` to before `end`; each is good until the next."""
        shift = self.first - self.start
        return self.build().frames(begin + shift, min(end, self.stop) + shift)


@dataclass(slots=True)
class Cutting:
    """One take after another; where two overlap, the first fades into the second."""

    takes: Sequence[Take]

    def frames(self, first: int, end: int) -> Iterator[Frame]:
        """Paint the frames from `first` to before `end`; each is good until the next."""
        running: dict[int, Iterator[Frame]] = {}
        for index in range(first, end):
            for place, take in enumerate(self.takes):
                if index >= take.stop:
                    running.pop(place, None)
                elif index >= take.start and place not in running:
                    running[place] = take.frames(index, end)
            places = sorted(running)
            frame, *others = (next(running[place]) for place in places)
            for place, other in zip(places[1:], others, strict=True):
                start, stop = self.takes[place].start, self.takes[place - 1].stop
                fade(frame, other, (index - start + 1) / (stop - start + 1))
            titled = max(place for place in places if index >= self.takes[place].titled)
            for title in self.takes[titled].titles:
                over(frame, title.sprite, title.x, title.y)
            yield frame


@dataclass(slots=True)
class Dressed:
    """A reel with a grade, with weather before it, and with words on it."""

    reel: Reel
    view: View
    pace: Pace
    grade: Grade | None = None
    pieces: Sequence[Piece] = ()
    after: Grade | None = None
    titles: Sequence[Drawing] = ()

    def frames(self, first: int, end: int) -> Iterator[Frame]:
        """Paint the frames from `first` to before `end`; each is good until the next."""
        seconds = self.pace.seconds
        for index, frame in enumerate(self.reel.frames(first, end), first):
            if self.grade is not None:
                self.grade.apply(frame)
            at = moment(self.view, index / self.pace.fps, seconds)
            for piece in self.pieces:
                piece.draw(frame, at)
            if self.after is not None:
                self.after.apply(frame)
            for title in self.titles:
                over(frame, title.sprite, title.x, title.y)
            yield frame


def _held(pictures: Iterator[Frame]) -> Iterator[Frame]:
    """Go on with the last picture for ever, each time a fresh copy: frames are painted on."""
    last: Frame | None = None
    for picture in pictures:
        last = Frame(picture.y.copy(), picture.u.copy(), picture.v.copy())
        yield picture
    if last is not None:
        for held in repeat(last):
            yield Frame(held.y.copy(), held.u.copy(), held.v.copy())
