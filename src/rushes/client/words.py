"""What a model takes and costs, in words short enough for a line of a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from rushes.client.shapes import Choice, Model


def choice(given: Choice[int] | Choice[str]) -> str:
    """Say what may be chosen, runs of numbers drawn together, and the default.

    >>> choice(Choice((4, 6, 8), 4)), choice(Choice((-1, 2, 3, 4, 5), 5)), choice(Choice((), None))
    ('4, 6, 8 (4)', 'auto, 2-5 (5)', '')
    """
    numbers = [value for value in given.allowed if isinstance(value, int)]
    texts = spans(numbers) if numbers else [str(value) for value in given.allowed]
    has_default = given.default is not None and len(given.allowed) > 1
    return ", ".join(texts) + (f" ({given.default})" if has_default else "")


def spans(numbers: Iterable[int]) -> list[str]:
    """Draw runs of three or more numbers together; -1 is the provider's own choice.

    >>> spans([1, 2, 3, 5, 6])
    ['1-3', '5', '6']
    """
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1 and number > 0:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts: list[str] = []
    for run in runs:
        if len(run) > 2:  # noqa: PLR2004 -- two numbers are no run
            texts.append(f"{run[0]}-{run[-1]}")
        else:
            texts += ["auto" if number < 0 else str(number) for number in run]
    return texts


def price_words(model: Model) -> tuple[str, ...]:
    """Say what a film costs, a rule at a time; nothing where no price was set.

    Of those for the same unit the first that fits counts, and units add up.
    """
    price = model.capabilities.get("price")
    rules = price.get("rules") if isinstance(price, Mapping) else None
    return tuple(map(price_rule, rules)) if isinstance(rules, list) else ()


def price_rule(rule: Mapping[str, object]) -> str:
    """Say one rule.

    >>> price_rule({"when": {"resolution": "720p", "audio": True}, "per": "second",
    ...             "microusd": 140000})
    '$0.14 per second (resolution 720p, audio)'
    >>> price_rule({"when": {}, "per": "million_tokens", "microusd": 4000000})
    '$4.00 per million tokens'
    """
    per = str(rule.get("per"))
    amount = rule.get("microusd")
    dollars = f"{amount / 1_000_000:.6f}" if isinstance(amount, int) else "?"
    whole, _, part = dollars.partition(".")
    cents = part.rstrip("0").ljust(2, "0")
    when = rule.get("when")
    facts = when.items() if isinstance(when, Mapping) else ()
    limits = ", ".join(_limit(str(name), value) for name, value in facts)
    return f"${whole}.{cents} per {_PER.get(per, per)}" + (f" ({limits})" if limits else "")


_PER: Final = {
    "input_second": "second of video sent in",
    "million_tokens": "million tokens",
}


def _limit(name: str, value: object) -> str:
    if isinstance(value, bool):
        return name if value else f"no {name}"
    return f"{name} {value}"
