"""What answers tell browsers: never to guess a type, whom not to tell of us, what a page may do.

Callers are programs, and none of this changes what they read. It is for whoever opens a link in
a browser: an answer is what its `Content-Type` says, the address of a film (whose signature is the
permission to see it) is told to no other site, and a page of ours runs its own files only, and is
framed by nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

HSTS: Final = ("strict-transport-security", "max-age=31536000")

FILM_HEADERS: Final = {"Cross-Origin-Resource-Policy": "cross-origin"}
"""A film may be shown by the pages of callers: its link, or its key, is the permission."""

_ALONE: Final = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
"""A page of ours is framed, opened and embedded by nobody else's."""


def standing_headers(public_url: str) -> list[tuple[str, str]]:
    """Return what every answer says, the quickest included; the server writes them once.

    Only where callers come by TLS do browsers hear that they always should.

    >>> [name for name, _ in standing_headers("http://localhost:8080")]
    ['x-content-type-options', 'referrer-policy']
    """
    standing = [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer")]
    return [*standing, HSTS] if public_url.startswith("https://") else standing


def page_headers(film_origins: Sequence[str]) -> dict[str, str]:
    """Return the headers of a page and of its files: its own scripts run, and no others.

    `film_origins` are where films are fetched from, besides where the page came from.
    """
    films = "".join(f" {origin}" for origin in film_origins)
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        f"img-src 'self' blob: data:{films}",
        f"media-src 'self' blob:{films}",
        f"connect-src 'self'{films}",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return {"Content-Security-Policy": "; ".join(policy), **_ALONE}
