"""Callers who do not give up: they wish, look and download while servers die around them.

A wish that got no answer is sent again under the same Idempotency-Key, as CONTRACT says a
caller should. What they are told goes into a `Witness`, for the auditor.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from copy import deepcopy
from hashlib import sha256
from http import HTTPStatus
from typing import Final

import httpx2

from rushes.testing.audit import Witness

ASK_S: Final = 5.0
DOWNLOAD_S: Final = 30.0
AGAIN_S: Final = 0.1
LOOK_EVERY_S: Final = 0.25
ENDED: Final = frozenset({"completed", "failed"})
NO_ROOM: Final = "Storage is nearly full"


class Crowd:
    """Threads of callers; `urls` are the servers that may answer now, `key` opens them all.

    `refused` holds what a server said no to for good: there should be nothing. `without_room`
    counts wishes that were to come again since storage was nearly full.
    """

    def __init__(
        self, urls: Callable[[], Sequence[str]], key: str, *, model: str, callers: int = 4
    ) -> None:
        self.witness = Witness()
        self.refused: list[str] = []
        self.asked_again = 0
        self.without_room = 0
        self._urls = urls
        self._headers = {"Authorization": f"Bearer {key}"}
        self._model = model
        self._wishes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._wished = 0
        self._door = threading.Lock()
        self._is_over = threading.Event()
        self._client = httpx2.Client(timeout=ASK_S)
        work = [self._wish] * callers + [self._watch]
        self._threads = [threading.Thread(target=each, daemon=True) for each in work]
        for thread in self._threads:
            thread.start()

    def wish(self, *prompts: str) -> None:
        """Have films asked for, one caller each, until there is an answer."""
        for prompt in prompts:
            self._wished += 1
            self._wishes.put(prompt)

    def told(self) -> Witness:
        """Return what callers know by now; it does not change any more."""
        with self._door:
            return deepcopy(self.witness)

    @property
    def is_answered(self) -> bool:
        """Whether every wish has its answer."""
        with self._door:
            return len(self.witness.accepted) + len(self.refused) == self._wished

    def ended(self) -> dict[str, str]:
        """Return the tasks that callers saw end, and how."""
        with self._door:
            last = {task_id: told[-1][0] for task_id, told in self.witness.seen.items()}
        return {task_id: status for task_id, status in last.items() if status in ENDED}

    def download(self, task_id: str, url: str) -> bytes:
        """Fetch a film, and note its digest.

        Raises:
            httpx2.HTTPError: it could not be had.
        """
        answer = self._client.get(
            f"{url}/v1/videos/{task_id}/content", headers=self._headers, timeout=DOWNLOAD_S
        )
        answer.raise_for_status()
        self.witness.films[task_id] = sha256(answer.content).hexdigest()
        return answer.content

    def close(self) -> None:
        """Send the callers home."""
        self._is_over.set()
        for thread in self._threads:
            thread.join(ASK_S * 2)
        self._client.close()

    # -- what callers do -----------------------------------------------------------------

    def _wish(self) -> None:
        while not self._is_over.is_set():
            try:
                prompt = self._wishes.get(timeout=AGAIN_S)
            except queue.Empty:
                continue
            while not self._is_over.is_set() and not self._is_taken(prompt):
                self._is_over.wait(AGAIN_S)

    def _is_taken(self, prompt: str) -> bool:
        """Ask once; say whether there is an answer that ends the asking."""
        headers = {**self._headers, "Idempotency-Key": sha256(prompt.encode()).hexdigest()}
        body = {"model": self._model, "prompt": prompt}
        answer = self._ask("POST", "/v1/video/generations", prompt, headers=headers, json=body)
        if answer is None:
            with self._door:
                self.asked_again += 1
            return False
        with self._door:
            if answer.is_success:
                self.witness.accepted[answer.json()["task_id"]] = prompt
            else:
                self.refused.append(f"{prompt!r}: {answer.status_code} {answer.text[:200]}")
        return True

    def _watch(self) -> None:
        while not self._is_over.wait(LOOK_EVERY_S):
            over = self.ended()
            with self._door:
                waiting = [task_id for task_id in self.witness.accepted if task_id not in over]
            for task_id in waiting:
                answer = self._ask("GET", f"/v1/videos/{task_id}", task_id)
                if answer is None or self._is_over.is_set():
                    break
                if answer.is_success:
                    told = answer.json()
                    with self._door:
                        self.witness.see(task_id, told["status"], told["progress"])
                elif answer.status_code == HTTPStatus.NOT_FOUND:
                    with self._door:
                        self.refused.append(f"{task_id} was accepted, and is not found")

    def _ask(
        self,
        method: str,
        path: str,
        about: str,
        *,
        headers: dict[str, str] | None = None,
        json: object = None,
    ) -> httpx2.Response | None:
        """Ask one of the servers; None where it is worth asking again."""
        urls = self._urls()
        if not urls:
            return None
        url = urls[sum(about.encode()) % len(urls)]
        try:
            answer = self._client.request(
                method, url + path, headers=headers or self._headers, json=json
            )
        except httpx2.TransportError:
            return None
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and NO_ROOM in answer.text:
            with self._door:
                self.without_room += 1
        is_later = answer.status_code in {HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
        return None if is_later or answer.is_server_error else answer
