"""What `rushes init` will write: what was said, completed by questions or by what is usual."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rushes.cli.asking import Asker
from rushes.cli.plainly import Refused, complain
from rushes.configured import catalog_of
from rushes.providers import registry
from rushes.providers.base import Setup
from rushes.providers.rest import Credential
from rushes.settings import CONFIG_NAME, load

EXAMPLE: Final = (
    "rushes init --kind openai_videos --base-url http://10.0.0.5:8000/v1 --model sora-2 --yes"
)

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_KEY: Final = "none"


@dataclass(frozen=True, slots=True)
class Given:
    """What was said by flags; None is not said. `options` are KEY=VALUE."""

    kind: str | None = None
    name: str | None = None
    base_url: str | None = None
    profile: str | None = None
    api_key: str | None = None
    model: str | None = None
    upstream_model: str | None = None
    card: str | None = None
    is_billable: bool | None = None
    options: tuple[str, ...] = ()
    output: Path = Path(CONFIG_NAME)
    is_forced: bool = False
    is_hurried: bool = False
    is_for_machines: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """All that the file will say."""

    kind: str
    name: str
    base_url: str | None
    profile: str | None
    api_key: str | None
    options: Mapping[str, object]
    model: str
    card: str
    upstream_model: str
    is_billable: bool
    in_flight_max: int


def kinds() -> list[str]:
    """Return the kinds that an operator can configure."""
    return [kind for kind in registry.kinds() if not registry.setup_of(kind).is_built_in]


def planned(given: Given, person: Asker | None) -> Plan:
    """Complete what was said, by asking or by what is usual.

    Raises:
        Refused: what is wrong, or what must still be said.
    """
    _must_be_said(given, person)
    kind = _kind(given, person)
    setup = _setup(kind)
    base_url = _or_asked(
        given.base_url,
        person,
        "Its address (base_url)",
        default="" if _has_region(given) else setup.base_url or "",
        needs="--base-url" if setup.needs_base_url else "",
    )
    profile = _profile(given, person, kind)
    api_key = reference(given.api_key if given.api_key is not None else _asked_key(person, setup))
    model = _or_asked(
        given.model, person, "The model's name, as your callers write it", needs="--model"
    )
    upstream_model = _or_asked(
        given.upstream_model,
        person,
        "What the upstream is asked for",
        default=_likeliest(setup, model, person) if given.upstream_model is None else "",
    )
    plan = Plan(
        kind=kind,
        name=_name(given.name or kind.rpartition(".")[2].lower()),
        base_url=base_url or None,
        profile=profile,
        api_key=api_key,
        options=options_of(given.options),
        model=model,
        card=_card(given.card, person, model),
        upstream_model=upstream_model,
        is_billable=_is_billable(given, person, setup),
        in_flight_max=setup.in_flight_max,
    )
    return _buildable(plan, person)


def _must_be_said(given: Given, person: Asker | None) -> None:
    missing = [
        flag for flag, said in (("--kind", given.kind), ("--model", given.model)) if said is None
    ]
    if person is None and missing:
        raise Refused(
            f"Nobody is here to be asked, so {' and '.join(missing)} must be said; "
            f"for instance: {EXAMPLE}"
        )


def _has_region(given: Given) -> bool:
    """Say whether a region was said, which stands in the place of an address."""
    return any(option.startswith("region=") for option in given.options)


def _likeliest(setup: Setup, model: str, person: Asker | None) -> str:
    """Return what an upstream is likely to be asked for, where that was not said.

    Raises:
        Refused: nobody can be asked, and it may be one film or another.
    """
    known = setup.upstream_models
    if not known or model in known:
        return model
    alike = [name for name in known if name.startswith(model)]
    if len(alike) == 1:
        return alike[0]
    if person is None and len(known) > 1:
        raise Refused(
            f"What the upstream calls {model} must be said: --upstream-model, for instance "
            f"{' or '.join(alike or known)}."
        )
    return known[0]


def _kind(given: Given, person: Asker | None) -> str:
    known = kinds()
    if given.kind is not None or person is None:
        return given.kind or ""
    return person.choice("Which kind of upstream", known, default=known[0])


def _setup(kind: str) -> Setup:
    try:
        setup = registry.setup_of(kind)
    except registry.Misconfigured as error:
        raise Refused(f"{error}") from None
    if setup.is_built_in:
        raise Refused(
            f"{kind} is built in and needs no settings; the kinds to configure are "
            f"{', '.join(kinds())}"
        )
    return setup


def _profile(given: Given, person: Asker | None, kind: str) -> str | None:
    known = list(registry.profiles_of(kind))
    if given.profile is not None or person is None or len(known) < 2:  # noqa: PLR2004 -- a choice
        return given.profile
    return person.choice("Which profile", known, default=known[0])


def _asked_key(person: Asker | None, setup: Setup) -> str:
    usual = setup.api_key or _NO_KEY
    if person is None:
        return usual
    question = "Where its key is (env:NAME, file:PATH, command:…, or none)"
    return person.text(question, default=usual, check=lambda said: reference(said) or _NO_KEY)


def reference(said: str) -> str | None:
    """Return where a key is, None for no key; a key itself is refused, and not repeated.

    Raises:
        Refused: it is no reference.
    """
    if said in {"", _NO_KEY}:
        return None
    source, _, rest = said.partition(":")
    if source in {"file", "command"} and rest:
        return said
    if source == "env" and _VARIABLE.fullmatch(rest):
        return said
    raise Refused(
        "That is no reference to a key, and a key itself does not belong into a settings file. "
        "Put it into the environment of the server (export UPSTREAM_KEY=…) and say "
        "env:UPSTREAM_KEY, or into a file that only you can read (chmod 600) and say file:PATH; "
        "if a key was typed here, your shell may remember it."
    )


def _or_asked(
    said: str | None, person: Asker | None, question: str, *, default: str = "", needs: str = ""
) -> str:
    def check(text: str) -> str:
        if needs and not text:
            raise Refused(f"{question}: it must be said ({needs}); for instance: {EXAMPLE}")
        if not text.isprintable():
            raise Refused(f"{question}: {text!r} is no line of text")
        return text

    if said is not None:
        return check(said)
    if person is None:
        return check(default)
    return person.text(question, default=default, check=check)


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Refused(
            f"--name {name!r} cannot name a provider: lowercase letters, digits, - and _, "
            "beginning with a letter or digit, at most 63."
        )
    return name


def _card(said: str | None, person: Asker | None, model: str) -> str:
    known = _cards()

    def check(card: str) -> str:
        if card not in known:
            raise Refused(
                f"There is no card {card!r}, and a model needs one: its seconds, sizes and "
                f"inputs. Say --card with one of {', '.join(known)}; `rushes models update FILE` "
                "adds your own."
            )
        return card

    if said is None and person is not None and model not in known:
        return person.text(f"Whose card rules {model}", check=check)
    return check(said or model)


def _cards() -> list[str]:
    """Return the cards that a model can name, whatever the settings of this folder say."""
    return sorted(catalog_of(load(providers=(), models=())).cards)


def _is_billable(given: Given, person: Asker | None, setup: Setup) -> bool:
    if given.is_billable is not None:
        return given.is_billable
    if person is None:
        return setup.is_billable
    question = "May a film cost money there (no: your own GPU, which may be asked again)"
    return person.confirms(question, default=setup.is_billable)


def options_of(pairs: tuple[str, ...]) -> dict[str, object]:
    """Read KEY=VALUE; a value is TOML where it can be, else text.

    Raises:
        Refused: a pair is none.

    >>> options_of(("region=intl", "ask_timeout_s=20"))
    {'region': 'intl', 'ask_timeout_s': 20}
    """
    options: dict[str, object] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not re.fullmatch(r"[A-Za-z0-9_-]+", key):
            raise Refused(f"--option {pair!r} is not KEY=VALUE, such as region=intl")
        try:
            options[key] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            options[key] = value
    return options


def _buildable(plan: Plan, person: Asker | None) -> Plan:
    """Return a plan of which a provider can be built, asking for what its kind still wants.

    Raises:
        Refused: it cannot be built so.
    """
    while True:
        try:
            _build(plan)
        except Refused as refused:
            if person is None:
                raise
            complain(str(refused))
            more = person.text(
                "Another setting of it, as KEY=VALUE (nothing gives up)", check=_pair
            )
            if not more:
                raise
            plan = replace(plan, options={**plan.options, **options_of((more,))})
        else:
            return plan


def _pair(said: str) -> str:
    if said:
        options_of((said,))
    return said


def _build(plan: Plan) -> None:
    """Build the provider once, with no credential of anybody's."""
    stand_in = None if plan.api_key is None else Credential(plan.api_key, "not-the-key")
    try:
        provider = registry.build(
            plan.kind,
            name=plan.name,
            base_url=plan.base_url,
            credential=stand_in,
            profile=plan.profile,
            options=plan.options,
        )
    except registry.Misconfigured as error:
        hint = "--option KEY=VALUE says what else stands in the provider's table."
        raise Refused(str(error), hint=hint) from None
    asyncio.run(provider.close())
