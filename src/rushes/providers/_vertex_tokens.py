"""Access tokens for Google: as the operator gives them, or minted for a service account.

A token ends after an hour or so. That of a service account is renewed before (google-auth knows
when); any other is asked for again at its reference once it was refused. Both happen before a
request and never because of one: nothing is sent twice for a token's sake.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, Protocol

import msgspec

from rushes.providers.registry import Misconfigured, resolve
from rushes.providers.rest import Credential

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
WANTED: Final = (
    "a service account is opened by google-auth, which is not installed: pip install rushes[vertex]"
)


class NoToken(Exception):
    """There is no token to be had; `is_final` says that asking again cannot help."""

    def __init__(self, note: str, *, is_final: bool) -> None:
        super().__init__(note)
        self.note = note
        self.is_final = is_final


class Source(Protocol):
    """Where tokens come from."""

    @property
    def project(self) -> str | None:
        """The project that the credential itself names, if it does."""
        ...

    def held(self) -> str | None:
        """Return the token there is, None where it is time for another."""
        ...

    def renew(self) -> str:
        """Get another token; this blocks.

        Raises:
            NoToken: there is none.
        """
        ...


class Given:
    """A token that an operator gives by reference: `command:gcloud auth print-access-token`."""

    project: str | None = None

    def __init__(self, credential: Credential) -> None:
        self._credential = credential

    def held(self) -> str | None:
        """Return the token: how long it lives only its maker knows."""
        return self._credential.secret

    def renew(self) -> str:
        """Look again where the token was found; what cannot be found anew is tried once more."""
        try:
            found = resolve(self._credential.reference)
        except Misconfigured:
            return self._credential.secret
        if _is_token(found.secret):
            self._credential = found
        return self._credential.secret


class ServiceAccount:
    """A service account by its key file: google-auth signs, Google gives a token for it."""

    def __init__(self, account: Mapping[str, Any]) -> None:
        """Read a key file.

        Raises:
            ValueError: it is none, or google-auth is not installed.
        """
        try:
            module = import_module("google.oauth2.service_account")
            self._errors = import_module("google.auth.exceptions")
            transport = import_module("google.auth.transport.requests")
        except ImportError as error:
            raise ValueError(WANTED) from error
        try:
            made = module.Credentials.from_service_account_info(dict(account), scopes=[SCOPE])
        except ValueError:  # its own sentence may quote the file
            raise ValueError("the api_key is no key file of a service account") from None
        self._credentials = made
        self._transport = transport
        project = account.get("project_id")
        self.project: str | None = project if isinstance(project, str) else None

    def held(self) -> str | None:
        """Return the token while it is good for some minutes more."""
        return str(self._credentials.token) if self._credentials.valid else None

    def renew(self) -> str:
        """Mint a token.

        Raises:
            NoToken: Google gives none, or cannot be reached.
        """
        try:
            self._credentials.refresh(self._transport.Request())
        except self._errors.TransportError:
            raise NoToken("the token server cannot be reached", is_final=False) from None
        except self._errors.GoogleAuthError as error:
            is_final = not getattr(error, "retryable", False)
            raise NoToken("the service account is given no token", is_final=is_final) from None
        return str(self._credentials.token)


def source_of(credential: Credential) -> Source:
    """Tell a key file from a token.

    Raises:
        ValueError: it is neither.
    """
    if credential.secret.startswith("{"):
        try:
            account = msgspec.json.decode(credential.secret, type=dict[str, Any])
        except msgspec.DecodeError:
            raise ValueError("the api_key begins like a key file, and is no JSON") from None
        if account.get("type") != "service_account":
            raise ValueError("the api_key is a key file, but of no service account")
        return ServiceAccount(account)
    if not _is_token(credential.secret):
        raise ValueError(f"the credential {credential.reference} is no line of visible ASCII")
    return Given(credential)


class Tokens:
    """The token that requests go out with."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lock = asyncio.Lock()
        self._worked: str | None = None
        self._refused: str | None = None

    async def token(self) -> str:
        """Return a token, renewed where its time has come.

        Raises:
            NoToken: there is none.
        """
        async with self._lock:
            held = self._source.held()
            if held is None or held == self._refused:
                held = await asyncio.to_thread(self._source.renew)
                self._refused = None
            if not _is_token(held):
                raise NoToken("the token is no line of visible ASCII", is_final=True)
            return held

    def took(self, token: str) -> None:
        """Hear that a request with a token was let in."""
        self._worked = token

    def refused(self, token: str) -> bool:
        """Hear that a token was not taken; say whether it is one that had been, and has ended."""
        has_ended = self._worked == token
        self._refused, self._worked = token, None
        return has_ended


def _is_token(text: str) -> bool:
    return text.isascii() and text.isprintable() and bool(text)
