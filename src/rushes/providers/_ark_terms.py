"""What an operator sets for all tasks of an `ark` provider, read from its options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

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
class Options:
    """All options of a provider; `region` is None where a base URL stands in its place."""

    region: str | None
    terms: Terms
    timeouts: Timeouts


def read(options: Mapping[str, object]) -> Options:
    """Read the options that an operator wrote.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    said = _Said(options)
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
    submit_s = said.seconds("submit_timeout_s", Timeouts().submit_s)
    ask_s = said.seconds("ask_timeout_s", Timeouts().ask_s)
    said.check_all_known()
    return Options(region, terms, Timeouts(submit_s=submit_s, ask_s=ask_s, read_s=ask_s))


class _Said:
    """An operator's options, read one by one."""

    def __init__(self, options: Mapping[str, object]) -> None:
        self._options = options
        self._known: list[str] = []

    def one_of(self, name: str, words: Sequence[str]) -> str | None:
        value = self._get(name)
        if value is not None and value not in words:
            raise ValueError(f"option {name!r} is one of {', '.join(words)}; got {value!r}")
        return str(value) if value is not None else None

    def whole(self, name: str, least: int, most: int) -> int | None:
        value = self._get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"option {name!r} is a number from {least} to {most}; got {value!r}")
        return value

    def seconds(self, name: str, default: float) -> float:
        value = self._get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise ValueError(f"option {name!r} is a number of seconds above 0; got {value!r}")
        return float(value)

    def flag(self, name: str) -> bool:
        value = self._get(name)
        if value not in {None, True, False}:
            raise ValueError(f"option {name!r} is true or false; got {value!r}")
        return bool(value)

    def check_all_known(self) -> None:
        for name in self._options:
            if name not in self._known:
                known = ", ".join(sorted(self._known))
                raise ValueError(f"ark has no option {name!r}; it has {known}")

    def _get(self, name: str) -> object:
        self._known.append(name)
        return self._options.get(name)
