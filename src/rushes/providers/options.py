"""An operator's options for one provider, read one by one: what nobody reads is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rushes.providers.registry import resolve
from rushes.providers.rest import Timeouts


class Options:
    """The options of a provider of some kind.

    Each method reads one, and raises ValueError with a sentence for the operator where its value
    is wrong. None is what was not written. In the end `check_all_known` refuses what was not read.
    """

    def __init__(self, kind: str, said: Mapping[str, object]) -> None:
        self._kind = kind
        self._said = said
        self._known: dict[str, None] = {}

    def any(self, name: str) -> object:
        """Read an option of a form of its own."""
        self._known[name] = None
        return self._said.get(name)

    def text(self, name: str) -> str | None:
        """Read a text that is not empty."""
        value = self.any(name)
        if value is not None and (not isinstance(value, str) or not value):
            raise ValueError(f"option {name!r} is a text; got {value!r}")
        return value

    def secret(self, name: str) -> str | None:
        """Read a reference to a secret, and resolve it; no message repeats what was written."""
        reference = self.any(name)
        if reference is not None and not isinstance(reference, str):
            raise ValueError(f"option {name!r} is a reference: env:NAME, file:PATH or command:…")
        return None if reference is None else resolve(reference).secret

    def one_of(self, name: str, words: Iterable[str]) -> str | None:
        """Read one of some words."""
        value, known = self.any(name), tuple(words)
        if value is not None and value not in known:
            raise ValueError(f"option {name!r} is one of {', '.join(known)}; got {value!r}")
        return None if value is None else str(value)

    def flag(self, name: str) -> bool:
        """Read true or false; what was not written is false."""
        value = self.any(name)
        if value is not None and not isinstance(value, bool):
            raise ValueError(f"option {name!r} is true or false; got {value!r}")
        return bool(value)

    def whole(self, name: str, least: int, most: int | None = None) -> int | None:
        """Read a whole number within bounds."""
        value = self.any(name)
        if value is None:
            return None
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not isinstance(value, int) or not is_whole or not least <= value <= (most or value):
            bounds = f"from {least}" if most is None else f"from {least} to {most}"
            raise ValueError(f"option {name!r} is a whole number {bounds}; got {value!r}")
        return value

    def seconds(self, name: str, default: float) -> float:
        """Read a time."""
        value = self.any(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise ValueError(f"option {name!r} is a number of seconds above 0; got {value!r}")
        return float(value)

    def timeouts(self) -> Timeouts:
        """Read `submit_timeout_s`, which bounds a whole submit, and `ask_timeout_s`, for the rest.

        Every provider with an address has these two.
        """
        usual = Timeouts()
        submit_s = self.seconds("submit_timeout_s", usual.submit_s)
        ask_s = self.seconds("ask_timeout_s", usual.ask_s)
        return Timeouts(submit_s=submit_s, ask_s=ask_s, read_s=ask_s)

    def check_all_known(self) -> None:
        """Refuse an option that was not read."""
        for name in self._said:
            if name not in self._known:
                known = ", ".join(self._known)
                raise ValueError(f"{self._kind} has no option {name!r}; it has {known}")
