"""Nobody can have the server as it comes read from, or post to, a place that is not public."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import httpx2
import pytest

from journeying import Running

PLACES = ("127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254")
DOORS = ("/v1/video/generations", "/v1/videos")
PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Porch:
    """A port on this machine's own addresses, which keeps whoever came in the order they came."""

    port: int
    ears: tuple[socket.socket, ...]

    def visits_before(self, ear: socket.socket) -> int:
        """Come in ourselves; return how many had come before us."""
        with socket.create_connection(ear.getsockname()[:2], PATIENCE_S) as ours:
            count = 0
            while True:
                visitor, address = ear.accept()
                visitor.close()
                if address == ours.getsockname():
                    return count
                count += 1


@contextmanager
def a_porch() -> Iterator[Porch]:
    """Listen on 127.0.0.1, and on ::1 where there is one."""
    with ExitStack() as stack:
        ears = [stack.enter_context(socket.create_server(("127.0.0.1", 0)))]
        port: int = ears[0].getsockname()[1]
        with suppress(OSError):  # a machine without IPv6
            ear = socket.create_server(("::1", port), family=socket.AF_INET6)
            ears.append(stack.enter_context(ear))
        for ear in ears:
            ear.settimeout(PATIENCE_S)
        yield Porch(port, tuple(ears))


@pytest.mark.promise("P9")
def test_an_address_of_a_private_place_is_refused_and_nobody_comes_there(server: Running) -> None:
    with (
        a_porch() as porch,
        httpx2.Client(
            base_url=server.url,
            headers={"Authorization": f"Bearer {server.key}"},
            timeout=20,
            trust_env=False,
        ) as caller,
    ):

        def accepted() -> list[str]:
            return [video["id"] for video in caller.get("/v1/videos").json()["data"]]

        before = accepted()
        for place in PLACES:
            url = f"{place}:{porch.port}/x.png"
            for door in DOORS:
                for param, given in (
                    ("callback_url", f"https://{url}"),
                    ("callback_url", f"http://{url}"),
                    ("image", f"https://{url}"),
                    ("image", f"http://{url}"),
                ):
                    wish = {"model": "sandbox", "prompt": "a heron", param: given}
                    answer = caller.post(door, json=wish)
                    assert answer.status_code == 400, (door, wish, answer.text)
                    error = answer.json()["error"]
                    assert (error["type"], error["code"], error["param"]) == (
                        "invalid_request_error",
                        "url_not_allowed",
                        param,
                    )
        assert accepted() == before
        assert [porch.visits_before(ear) for ear in porch.ears] == [0] * len(porch.ears)
