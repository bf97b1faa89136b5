"""A browser for tests: Debian's Chromium, driven by Playwright, in a thread of its own.

    with a_booth() as booth, booth.visit(server.url) as visit:
        booth.run(lambda: visit.page.goto("/console"))

Playwright's synchronous API keeps an event loop running in its thread, and every other test
that wants one there would be refused. So all that touches a page happens in the booth: tests of
`tests/browser` are run in it (its conftest sees to that), others hand it what they want done.

A visit notes whatever a visitor must never see: an error in the console, an exception nobody
caught, a breach of the content security policy, a request to anybody but our server. `held` tells.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, ParamSpec, TypeVar
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

P = ParamSpec("P")
R = TypeVar("R")

CHROMIUM: Final = shutil.which("chromium")
MISSING: Final = (
    "There is no `chromium` here, so that pages cannot be looked at: `apt-get install chromium`"
)
ARGUMENTS: Final = (
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
PATIENCE_MS: Final = 30_000
DESK: Final = ViewportSize(width=1440, height=900)
LOCAL: Final = frozenset({"blob", "data", "about"})
ASKED_AND_REFUSED: Final = "Failed to load resource"


@dataclass
class Visit:
    """Somebody before a screen: a browser context of his own, and the page he looks at."""

    context: BrowserContext
    page: Page
    origin: str
    faults: list[str] = field(default_factory=list)
    refusals: set[int] = field(default_factory=set)

    def watch(self, page: Page) -> None:
        """Note what goes wrong on a page."""
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.faults.append(f"not caught: {error}"))
        page.on("request", self._asked)

    def expect_refusals(self, *statuses: int) -> None:
        """Say which refusals this visit is about: the browser logs each as an error."""
        self.refusals.update(statuses)

    def held(self) -> None:
        """Make sure that nothing went wrong which a visitor should never see."""
        assert not self.faults, "\n".join(self.faults)

    def another_tab(self) -> Page:
        """Open a second tab of the same browser; what the first kept for itself is not there."""
        page = self.context.new_page()
        self.watch(page)
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        at = message.location.get("url", "")
        if message.text.startswith(ASKED_AND_REFUSED) and any(
            f"status of {status} " in message.text for status in self.refusals
        ):
            return
        self.faults.append(f"{message.type} in the console: {message.text} ({at})")

    def _asked(self, request: Request) -> None:
        asked = urlsplit(request.url)
        if asked.scheme not in LOCAL and f"{asked.scheme}://{asked.netloc}" != self.origin:
            self.faults.append(f"asked of somebody else: {request.method} {request.url}")


class Booth:
    """One Chromium, and the thread that everything about it happens in."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._ident = self._thread.submit(threading.get_ident).result()
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def run(self, act: Callable[P, R], /, *given: P.args, **named: P.kwargs) -> R:
        """Do something in the booth, and return what came of it; who is in there just does it."""
        if threading.get_ident() == self._ident:
            return act(*given, **named)
        return self._thread.submit(act, *given, **named).result()

    @contextmanager
    def visit(self, origin: str, **wanted: Any) -> Iterator[Visit]:
        """Have a fresh context on a server's pages; `wanted` are options of a context."""
        visit = self.run(self._open, origin, wanted)
        try:
            yield visit
        finally:
            self.run(visit.context.close)

    def close(self) -> None:
        """End the browser, and the thread."""
        self.run(self._stop)
        self._thread.shutdown()

    # -- in the thread -----------------------------------------------------------------------

    def _open(self, origin: str, wanted: dict[str, Any]) -> Visit:
        chosen = {"viewport": DESK, "locale": "en-GB", "reduced_motion": "reduce", **wanted}
        context = self._started().new_context(base_url=origin, service_workers="block", **chosen)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        visit = Visit(context, page, origin)
        visit.watch(page)
        return visit

    def _started(self) -> Browser:
        if self._browser is None:
            expect.set_options(timeout=PATIENCE_MS)
            self._playwright = sync_playwright().start()
            self._browser = self._playwright.chromium.launch(
                executable_path=CHROMIUM, args=list(ARGUMENTS), chromium_sandbox=False
            )
        return self._browser

    def _stop(self) -> None:
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()


@contextmanager
def a_booth() -> Iterator[Booth]:
    """Have a browser; it starts with the first visit."""
    booth = Booth()
    try:
        yield booth
    finally:
        booth.close()


# -- who cannot see, or has no mouse ---------------------------------------------------------------


def check_access(page: Page, where: str = "") -> None:
    """Make sure that axe finds nothing on a page which keeps somebody out."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert not found, "\n".join([f"axe, {where or page.url}", *map(_violation, found)])


def _violation(found: dict[str, Any]) -> str:
    """Tell one rule that is broken: where, and what would mend it."""
    lines = [f"{found['id']} ({found['impact']}): {found['help']}"]
    for node in found["nodes"]:
        lines += [f"    {' '.join(map(str, node['target']))}   {node['html'][:160]}"]
        lines += [f"        {line.strip()}" for line in node["failureSummary"].splitlines()[1:]]
    return "\n".join(lines)
