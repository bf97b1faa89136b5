"""Whose look is next, where an account allows so many a second."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

LINE_SHARE: Final = 0.99
"""How much of what an account allows the line hands out: what is left is to catch up with."""

AT_TURNSTILE_MAX_S: Final = 5.0
"""How long a step may stand at the turnstile, where nobody can wake it."""

CLAIM_LIFE: Final = timedelta(seconds=2)
"""How long a look is kept for one that was told to come back for it, and does not."""

TURNS_KEPT: Final = 1_000
TURN_LIFE: Final = timedelta(minutes=10)
"""How long a turn is kept that nobody comes for: its task has ended, or is carried elsewhere."""

PACE_AHEAD_MAX: Final = timedelta(minutes=15)

EARLY_MAX: Final = timedelta(milliseconds=20)
"""How long before its turn one may come: clocks are set, and timers ring a little early."""


@dataclass(slots=True)
class Looks:
    """How many looks, searches and cancels an account still allows at this moment.

    No second sees more than `per_s`; below one a second, each has its share of time. It is told
    the time, and lets a worker wait instead of holding it. Where `crowd` processes look, each
    has an equal share.

    A task that is watched stands in a line: it is told once when its turn is, so that of ten
    thousand only those wake who may look; what was rung for need not wait for its turn. Who
    may look goes to the turnstile, where the `waiting` get the looks as they become free.
    So a process that stood still looks later, but in the same order, and nobody has to ask twice.
    Who would wait there too long goes back to the end of the line.

    Others ask without a place in line, and are told to come back; the look that is free then is
    kept for them.
    """

    per_s: float | None = None
    crowd: int = 1
    waiting: int = field(default=0, init=False)
    _taken: deque[datetime] = field(default_factory=deque, init=False)
    _claims: deque[datetime] = field(default_factory=deque, init=False)
    _turns: dict[str, datetime] = field(default_factory=dict, init=False)
    _line_ends_at: datetime | None = field(default=None, init=False)
    _heard_at: datetime | None = field(default=None, init=False)
    _set_back: timedelta = field(default=timedelta(0), init=False)
    _turns_max: int = field(default=TURNS_KEPT, init=False)

    def turn_s(self, at: datetime, who: str, *, is_rung: bool = False) -> float:
        """Return 0 if somebody may go to the turnstile, or how long to wait before asking again."""
        if self.per_s is None:
            return 0.0
        at = self._hear(at)
        free_s = self._free_s(at)
        if is_rung:
            return 0.0 if free_s <= AT_TURNSTILE_MAX_S else self._claim(at)
        there_s = free_s + self.waiting * self.crowd / self.per_s
        turn = self._turns.get(who)
        if turn is None:
            turn = self._end_of_line(at)
        elif turn <= at and self.waiting and there_s > AT_TURNSTILE_MAX_S:
            turn = max(self._end_of_line(at), at + timedelta(seconds=there_s))
            self._line_ends_at = turn + self._pause
        self._turns[who] = turn
        if turn > at + EARLY_MAX:
            return (turn - at).total_seconds()
        return 0.0 if there_s <= AT_TURNSTILE_MAX_S else there_s

    def wait_s(self, at: datetime) -> float:
        """Take one look and return 0, or return how long to wait before asking again."""
        if self.per_s is None:
            return 0.0
        at = self._hear(at)
        if self._room(at) <= 0:
            return self._claim(at)
        if self._claims and self._claims[0] <= at:
            self._claims.popleft()
        self._taken.append(at)
        return 0.0

    def again_s(self, at: datetime, who: str, pause_s: float) -> float:
        """Take the next turn after a pause; return how long it is until then."""
        if self.per_s is None:
            return pause_s
        at = self._hear(at)
        turn = max(at + timedelta(seconds=pause_s), self._end_of_line(at))
        self._turns[who] = turn
        return (turn - at).total_seconds()

    def free_s(self, at: datetime) -> float:
        """Return how long it is until one at the turnstile may look."""
        return 0.0 if self.per_s is None else self._free_s(self._hear(at))

    def take(self, at: datetime) -> None:
        """Take the look that is free."""
        if self.per_s is not None:
            self._taken.append(self._hear(at))

    @property
    def _count_max(self) -> int:
        return max(1, int((self.per_s or 1.0) / self.crowd))

    @property
    def _span(self) -> timedelta:
        """In which time no more than `_count_max` may be taken."""
        return timedelta(seconds=max(1.0, self.crowd / (self.per_s or 1.0)))

    @property
    def _pause(self) -> timedelta:
        """What is between two turns."""
        return timedelta(seconds=self.crowd / (LINE_SHARE * (self.per_s or 1.0)))

    def _room(self, at: datetime) -> int:
        """Count the looks that are free."""
        while self._taken and self._taken[0] + self._span <= at:
            self._taken.popleft()
        return self._count_max - len(self._taken)

    def _free_s(self, at: datetime) -> float:
        room = self._room(at)
        while self._claims and self._claims[0] + CLAIM_LIFE <= at:
            self._claims.popleft()
        claimed = sum(claim <= at for claim in self._claims)
        if room > claimed:
            return 0.0
        free_at = self._taken[0] + self._span if self._taken else at + CLAIM_LIFE
        if claimed and room > 0:
            free_at = min(free_at, self._claims[0] + CLAIM_LIFE)
        return (free_at - at).total_seconds()

    def _claim(self, at: datetime) -> float:
        """Return how long it is until a look is free that nobody was told of, and keep it."""
        place = min(len(self._claims), len(self._taken) - 1)
        free_at = self._taken[place] + self._span if self._taken else at + self._span
        if len(self._claims) < max(1, self._count_max // 10):
            self._claims.append(free_at)
        return (free_at - at).total_seconds()

    def _end_of_line(self, at: datetime) -> datetime:
        """Return when the turn of the next one is, and let the line end after it."""
        turn = max(at, self._line_ends_at or at)
        self._line_ends_at = turn + self._pause
        return turn

    def _hear(self, at: datetime) -> datetime:
        """Return the time as it is counted here; forget turns that nobody came for.

        A clock that is set back, by a millisecond (one that is shared with others is set all the
        time) or by an hour, stands still here for a moment, and nobody loses a turn.
        """
        at += self._set_back
        if self._heard_at is not None and at < self._heard_at:
            self._set_back += self._heard_at - at
            at = self._heard_at
        self._heard_at = at
        if len(self._turns) >= self._turns_max:
            since = at - TURN_LIFE
            self._turns = {who: turn for who, turn in self._turns.items() if turn > since}
            self._turns_max = max(TURNS_KEPT, 2 * len(self._turns))
        return at


@dataclass(slots=True)
class Pace:
    """Lets whoever comes go on one after the other, `per_s` of them in a second.

    Each is told once how long to wait, so that nobody has to ask again.
    """

    per_s: float
    _free_at: datetime | None = field(default=None, init=False)

    def wait_s(self, at: datetime) -> float:
        """Return how long the next has to wait."""
        free_at = self._free_at
        if free_at is None or not at < free_at < at + PACE_AHEAD_MAX:  # a clock may be set
            free_at = at
        self._free_at = free_at + timedelta(seconds=1.0 / self.per_s)
        return (free_at - at).total_seconds()
