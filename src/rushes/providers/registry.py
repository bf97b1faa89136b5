"""Finds a provider by its kind, and a secret by its reference.

`kind = "ark"` is the module `rushes.providers.ark`; a kind with a dot is a module of someone
else's package. Kinds and references come from the operator's configuration, never from a
request. A provider module has one function, `build`, with the arguments of `Build`. It may have
`SETUP`, what helps an operator to configure it, and `PROFILES`, its profiles by their names.
"""

from __future__ import annotations

import os
import pkgutil
import re
import shlex
import subprocess
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol, cast

from rushes import providers
from rushes.providers.base import Provider, Setup
from rushes.providers.rest import Credential

FLOOR: Final = frozenset(
    {
        "answers",
        "base",
        "fields",
        "google_status",
        "links",
        "lists",
        "options",
        "orders",
        "profiles",
        "registry",
        "rest",
        "signed_calls",
    }
)
"""Modules of the package that are no provider, but what providers stand on."""

_FACT: Final = re.compile(r"(?ms)^- (.*?)(?=^- |^\s*$|\Z)")
_UNREAD: Final = re.compile(r"\bMEM\b|\bUNKNOWN\s*$")

SECRET_BYTES_MAX: Final = 64 * 1024
COMMAND_TIMEOUT_S: Final = 30.0


class Misconfigured(ValueError):
    """What an operator wrote cannot be meant; the sentence says why, and holds no secret."""


class Build(Protocol):
    """The function `build` of a provider module.

    `base_url` and `credential` are None where the operator gave none, `options` are whatever
    else stands in the provider's table.

    Raises:
        ValueError: with a sentence for the operator.
    """

    def __call__(
        self,
        *,
        name: str,
        base_url: str | None,
        credential: Credential | None,
        profile: str | None,
        options: Mapping[str, object],
    ) -> Provider:
        """Build a provider."""
        ...


def kinds() -> tuple[str, ...]:
    """List the kinds that come with the house, by name."""
    found = {module.name for module in pkgutil.iter_modules(providers.__path__)}
    return tuple(sorted(kind for kind in found - FLOOR if not kind.startswith("_")))


def build(
    kind: str,
    *,
    name: str,
    base_url: str | None = None,
    credential: Credential | None = None,
    profile: str | None = None,
    options: Mapping[str, object] | None = None,
) -> Provider:
    """Build the provider that an operator configured as `name`.

    Raises:
        Misconfigured: there is no such kind, or it cannot be built so.
    """
    builder = _builder(kind)
    try:
        return builder(
            name=name,
            base_url=base_url,
            credential=credential,
            profile=profile,
            options=dict(options or {}),
        )
    except ValueError as error:
        raise Misconfigured(f"provider {name!r}: {error}") from error


def setup_of(kind: str) -> Setup:
    """Return what helps to configure a kind; a module that says nothing has no hints.

    Raises:
        Misconfigured: there is no such kind.
    """
    said = getattr(_module(kind), "SETUP", None)
    return said if isinstance(said, Setup) else Setup()


def unverified_of(kind: str) -> tuple[str, ...]:
    """Return what a kind rests on that nobody read: the wire facts marked MEM or UNKNOWN.

    A fact is an item of the list in the docstring of its module, or of a part of that.

    Raises:
        Misconfigured: there is no such kind.
    """
    modules = [_module(kind)]
    if kind in kinds():
        found = (module.name for module in pkgutil.iter_modules(providers.__path__))
        parts = sorted(name for name in found if name.startswith(f"_{kind}_"))
        modules += [import_module(f"{providers.__name__}.{part}") for part in parts]
    docs = (module.__doc__ or "" for module in modules)
    facts = (fact for doc in docs for fact in _FACT.findall(doc))
    return tuple(" ".join(fact.split()) for fact in facts if _UNREAD.search(fact))


def profiles_of(kind: str) -> Mapping[str, object]:
    """Return the profiles of a kind by their names; most kinds have none.

    Raises:
        Misconfigured: there is no such kind.
    """
    said = getattr(_module(kind), "PROFILES", None)
    return said if isinstance(said, Mapping) else {}


def _builder(kind: str) -> Build:
    builder = getattr(_module(kind), "build", None)
    if not callable(builder):
        raise Misconfigured(f"provider kind {kind!r} has no function build")
    return cast("Build", builder)


def _module(kind: str) -> ModuleType:
    module_name = kind if "." in kind else f"{providers.__name__}.{kind}"
    is_known = kind in kinds() or ("." in kind and _exists(module_name))
    if not is_known:
        raise Misconfigured(
            f"there is no provider kind {kind!r}; known are {', '.join(kinds())}, "
            "and any module of another package by its dotted name"
        )
    try:
        return import_module(module_name)
    except ImportError as error:
        raise Misconfigured(f"provider kind {kind!r} cannot be imported: {error}") from error


def _exists(module_name: str) -> bool:
    try:
        return find_spec(module_name) is not None
    except (ImportError, ValueError):
        return False


SOURCES: Final = ("env:", "file:", "command:")
"""How a reference to a secret begins."""


def resolve(reference: str, environment: Mapping[str, str] | None = None) -> Credential:
    """Fetch the secret that a reference names: `env:NAME`, `file:PATH` or `command:…`.

    A command is run without a shell and prints the secret. White space around a secret is
    none of it. This may block; call it while the house is put together, never in a request.

    Raises:
        Misconfigured: there is no secret to be had. No message ever holds one.
    """
    source, _, rest = reference.partition(":")
    match source:
        case "env" if rest:
            secret = (os.environ if environment is None else environment).get(rest, "")
        case "file" if rest:
            secret = _from_file(Path(rest))
        case "command" if rest:
            secret = _from_command(rest)
        case _:
            raise Misconfigured(
                "a credential is written as env:NAME, file:PATH or command:…, never as itself"
            )
    secret = secret.strip()
    if not 0 < len(secret) <= SECRET_BYTES_MAX:
        shown = "command:…" if source == "command" else reference
        raise Misconfigured(f"the credential {shown} is not set, empty, or far too long")
    return Credential(reference, secret)


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(SECRET_BYTES_MAX + 1).decode("utf-8", "replace")
    except OSError as error:
        raise Misconfigured(f"the credential file {path}: {error.strerror}") from error


def _from_command(line: str) -> str:
    try:
        run = subprocess.run(  # noqa: S603 -- the operator's own words, split, and no shell
            shlex.split(line), capture_output=True, timeout=COMMAND_TIMEOUT_S, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        kind = type(error).__name__  # the error itself would quote the command and its output
        raise Misconfigured(f"the credential command failed: {kind}") from None
    return run.stdout.decode("utf-8", "replace")
