"""What an operator sets for all tasks of an `ark` provider, read from its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rushes.providers.options import Options
from rushes.providers.rest import Timeouts

REGIONS: Final[Mapping[str, str]] = {
    "cn": "https://ark.cn-beijing.volces.com/api/v3",  # SDK
    "intl": "https://ark.ap-southeast.bytepluses.com/api/v3",  # SDK
}
EXPIRES_AFTER_S_MIN: Final = 3_600
EXPIRES_AFTER_S_MAX: Final = 259_200
LOOK_AGAIN_S: Final = 7.0
"""A clip takes minutes, and no answer says when to look again."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an operator sets for all tasks of a provider; None leaves it to Ark.

    `look_again_s` is between two looks at a task.
    """

    service_tier: str | None = None
    expires_after_s: int | None = None
    returns_last_frame: bool = False
    finds_by_token: bool = False
    look_again_s: float = LOOK_AGAIN_S


@dataclass(frozen=True, slots=True)
class Said:
    """All options of a provider; `region` is None where a base URL stands in its place."""

    region: str | None
    terms: Terms
    timeouts: Timeouts


def read(options: Mapping[str, object]) -> Said:
    """Read the options that an operator wrote.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    said = Options("ark", options)
    region = said.one_of("region", tuple(REGIONS))
    terms = Terms(
        service_tier=said.one_of("service_tier", ("default", "flex")),
        expires_after_s=said.whole(
            "execution_expires_after", EXPIRES_AFTER_S_MIN, EXPIRES_AFTER_S_MAX
        ),
        returns_last_frame=said.flag("return_last_frame"),
        finds_by_token=said.one_of("find", ("list", "token")) == "token",
        look_again_s=said.seconds("look_again_s", LOOK_AGAIN_S),
    )
    timeouts = said.timeouts()
    said.check_all_known()
    return Said(region, terms, timeouts)
