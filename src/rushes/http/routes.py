"""The table of routes, and what a handler gets and gives.

One table feeds the dispatch, the 405s with their `Allow`, and the OpenAPI document, so that
the three cannot drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from rushes.domain.access import Address, Key
from rushes.domain.access import Scope as KeyScope
from rushes.domain.errors import MethodNotAllowed, RouteNotFound, ScopeMissing

_PARAMETER: Final = re.compile(r"\{([a-z_]+)\}")
LOOKING: Final = frozenset({KeyScope.READ})
MAKING: Final = frozenset({KeyScope.GENERATE})
OPERATING: Final = frozenset({KeyScope.ADMIN})
_WITH_SLASHES: Final = frozenset({"model", "file"})
"""Operators name models as they like, `org/name` too; files of the console lie in folders."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request on its way to a handler. `caller` is None on paths that need no key.

    `origin` is the address that it came from (`http/origins.py`), None where nobody knows.
    """

    scope: Scope
    receive: Receive
    request_id: str
    path: Mapping[str, str]
    headers: Headers
    maybe_caller: Key | None
    origin: Address | None = None

    @property
    def caller(self) -> Key:
        """The key of the request; the door let nobody through without one."""
        if self.maybe_caller is None:
            raise RuntimeError(f"{self.scope['path']} has no caller")
        return self.maybe_caller

    @property
    def method(self) -> str:
        """The request's method."""
        return str(self.scope["method"])

    def query(self) -> dict[str, str]:
        """Return the query; of a name given twice the last counts."""
        text = self.scope["query_string"].decode("latin-1")
        return dict(parse_qsl(text, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. The door adds what every answer has."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Streaming:
    """An answer that sends itself; `headers` of every answer are handed to it."""

    send: Callable[[Call, Mapping[str, str], Send], Awaitable[None]]


Handler = Callable[[Call], Awaitable[Reply | Streaming]]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. `answers` names what it may answer, for the OpenAPI document.

    A key needs one of its `scopes`. Where a route does not say `opened_by` which, looking asks for
    `read`, and everything else for `generate`. One that `submits` makes tasks, and counts among
    the submits of its caller. One that is not `is_described` is no part of the wire, and stands in
    no document of it.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    tag: str
    request: str | None = None
    answers: Mapping[int, str] = field(default_factory=dict)
    query: Sequence[str] = ()
    needs_key: bool = True
    has_head: bool = True
    successful: int = 200
    submits: bool = False
    opened_by: frozenset[KeyScope] | None = None
    is_described: bool = True

    @property
    def scopes(self) -> frozenset[KeyScope]:
        """Which scopes open the route, any of them; empty where no key is needed."""
        if not self.needs_key:
            return frozenset()
        if self.opened_by is not None:
            return self.opened_by
        return LOOKING if self.method == "GET" else MAKING

    def check(self, caller: Key) -> None:
        """Make sure that a key has a scope for this; a test key is never an operator's.

        Raises:
            ScopeMissing: it has none.
        """
        scopes = self.scopes
        own = caller.scopes - OPERATING if caller.is_test else caller.scopes
        if scopes and not scopes & own:
            raise ScopeMissing(f"This key lacks the scope {' or '.join(sorted(scopes))}.")


class Table:
    """Finds the route of a request; fixed paths win over those with a parameter."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self._fixed: dict[str, dict[str, Route]] = {}
        self._patterns: list[tuple[re.Pattern[str], dict[str, Route]]] = []
        by_path: dict[str, dict[str, Route]] = {}
        for route in routes:
            methods = by_path.setdefault(route.path, {})
            methods[route.method] = route
            if route.method == "GET" and route.has_head:
                methods.setdefault("HEAD", route)
        for path, methods in by_path.items():
            if "{" not in path:
                self._fixed[path] = methods
            else:
                pattern = _PARAMETER.sub(_group, path)
                self._patterns.append((re.compile(pattern), methods))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """Return the route of a request, and the values of its path's parameters.

        Raises:
            RouteNotFound, MethodNotAllowed: with what is allowed.
        """
        methods, values = self._methods(path)
        if methods is None:
            raise RouteNotFound(f"There is no route {method} {path}.")
        route = methods.get(method)
        if route is None:
            allowed = ", ".join(sorted(methods))
            raise MethodNotAllowed(
                f"{method} is not allowed here; allowed: {allowed}.", headers={"Allow": allowed}
            )
        return route, values

    def _methods(self, path: str) -> tuple[dict[str, Route] | None, dict[str, str]]:
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed, {}
        for pattern, methods in self._patterns:
            found = pattern.fullmatch(path)
            if found is not None:
                return methods, found.groupdict()
        return None, {}


def _group(parameter: re.Match[str]) -> str:
    name = parameter[1]
    return f"(?P<{name}>{'.+' if name in _WITH_SLASHES else '[^/]+'})"
