"""Whether and when to try again: pure sums, no clock.

Every call that creates something carries an Idempotency-Key, so that a second try finds what
the first one made; that is what makes trying again safe.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rushes.client.errors import ApiError, ConnectionFailed, RushesError

# 408 and 429 ask for another try. A 5xx without Retry-After comes from a proxy or from a
# fault that may pass. No other 4xx becomes right by saying it twice.
PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})


def may_pass(fault: RushesError) -> bool:
    """Say whether the same call may succeed later."""
    if isinstance(fault, ApiError):
        return fault.status in PASSING
    return isinstance(fault, ConnectionFailed)


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how patiently to try again.

    `attempts_max` counts the first try. Where the server says Retry-After, that is the pause;
    one longer than `retry_after_s_max` is not waited for, unless under a deadline. Else the
    pause doubles from `backoff_s` to `backoff_s_max`, less up to half of it by `draw` (0 to
    1), so that many clients do not come back at once.
    """

    attempts_max: int = 4
    backoff_s: float = 0.5
    backoff_s_max: float = 8.0
    retry_after_s_max: float = 60.0
    draw: Callable[[], float] = random.random

    def pause_s(self, attempt: int, fault: RushesError) -> float | None:
        """Return how long to pause after a failed attempt (the first is 1); None: give up."""
        pause_s = self.patient_pause_s(attempt, fault)
        if attempt >= self.attempts_max or pause_s is None or pause_s > self.retry_after_s_max:
            return None
        return pause_s

    def patient_pause_s(self, attempt: int, fault: RushesError) -> float | None:
        """Return the pause for one who counts no attempts, as a deadline ends it anyway."""
        if not may_pass(fault):
            return None
        if isinstance(fault, ApiError) and fault.retry_after_s is not None:
            return fault.retry_after_s
        doublings = min(attempt - 1, 32)  # beyond that a float says nothing new
        pause_s = min(self.backoff_s_max, self.backoff_s * 2.0**doublings)
        return pause_s * (1 - self.draw() / 2)
