"""Webhooks beside a running server, or before the first one; and forwarding to a developer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook

from client.scripted import StillClock, told, video_body
from living import Typed
from rushes.cli.listening import Listener, event_of
from rushes.client import Retry, Rushes, Video, VideoError
from rushes.domain.access import DEFAULT_ACCOUNT_ID
from rushes.domain.task import Status
from rushes.domain.webhooks import Answered, Post, PostState, after_attempt, new_secret, posts_of
from rushes.ports import Transaction
from rushes.store.sqlite import SqliteStore
from rushes.testing.builders import put_task

HOOK = "https://caller.example/hook?token=open-sesame"
SHOWN = "https://caller.example/hook?…"
NOW = datetime.now(UTC)


@pytest.fixture
def store(typed: Typed, tmp_path: Path) -> Iterator[SqliteStore]:
    assert typed("keys", "create", "bob").exit_code == 0
    with closing(SqliteStore(tmp_path / "data" / "rushes.db")) as store:
        yield store


def a_post(store: SqliteStore, *answers: int) -> Post:
    """An ended task whose post was attempted so often."""

    def act(tx: Transaction) -> Post:
        task = put_task(tx, Status.FAILED, callback_url=HOOK)
        (news,) = [one for one in tx.unposted(100) if one.task_id == task.id]
        (post,) = posts_of(news, [], NOW)
        assert tx.post(news, [post], at=NOW)
        for answer in answers:
            answered = Answered.of(answer)
            tx.add_delivery(post, answered, at=NOW)
            after = after_attempt(post, answered, NOW, 0.5)
            assert tx.change_post(post, after)
            post = after
        return post

    return store.write_now(act)


def test_an_address_is_added_listed_and_removed(typed: Typed, store: SqliteStore) -> None:
    made = json.loads(typed("webhooks", "endpoints", "add", HOOK, "--json").stdout)
    (endpoint,) = store.read_now(lambda tx: tx.endpoints())
    assert (endpoint.id, endpoint.url, endpoint.account_id) == (
        made["id"],
        HOOK,
        DEFAULT_ACCOUNT_ID,
    )
    listed = typed("webhooks", "endpoints", "list")
    assert made["id"] in listed.stdout
    assert "well" in listed.stdout
    assert "open-sesame" not in listed.stdout + json.dumps(made)
    again = typed("webhooks", "endpoints", "add", HOOK)
    assert (again.exit_code, "already" in again.stderr) == (1, True)
    assert typed("webhooks", "endpoints", "remove", made["id"]).exit_code == 0
    assert store.read_now(lambda tx: tx.endpoints()) == []
    assert typed("webhooks", "endpoints", "remove", made["id"]).exit_code == 1


@pytest.mark.promise("P9")
@pytest.mark.parametrize("url", ["http://caller.example/", "https://10.0.0.1/", "hook"])
def test_an_address_that_is_not_public_https_is_refused(
    typed: Typed, store: SqliteStore, url: str
) -> None:
    run = typed("webhooks", "endpoints", "add", url)
    assert (run.exit_code, "allow_networks" in run.stderr) == (2, True)
    assert store.read_now(lambda tx: tx.endpoints()) == []


def test_what_the_operator_allows_is_taken(typed: Typed, store: SqliteStore) -> None:
    allowed = {
        "RUSHES_WEBHOOKS_ALLOW_HTTP": "true",
        "RUSHES_WEBHOOKS_ALLOW_NETWORKS": '["10.0.0.0/8"]',
    }
    run = typed("webhooks", "endpoints", "add", "http://10.0.0.1:3000/hook", **allowed)
    assert run.exit_code == 0, run.stderr
    refused = typed("webhooks", "endpoints", "add", "http://192.168.0.1/", **allowed)
    assert refused.exit_code == 2


def test_a_strange_account_is_refused(typed: Typed, store: SqliteStore) -> None:
    run = typed("webhooks", "endpoints", "add", HOOK, "--account", "acct_nobody")
    assert (run.exit_code, "no account" in run.stderr) == (1, True)


def test_a_disabled_address_is_enabled_again(typed: Typed, store: SqliteStore) -> None:
    made = json.loads(typed("webhooks", "endpoints", "add", HOOK, "--json").stdout)
    (before,) = store.read_now(lambda tx: tx.endpoints())
    disabled = replace(before, failing_since=NOW, disabled_at=NOW, note="silent for days")
    store.write_now(lambda tx: tx.change_endpoint(before, disabled))
    assert "disabled" in typed("webhooks", "endpoints", "list").stdout
    assert typed("webhooks", "endpoints", "enable", made["id"]).exit_code == 0
    assert store.read_now(lambda tx: tx.endpoint(made["id"])) == before
    assert typed("webhooks", "endpoints", "enable", "ep_0").exit_code == 1


def test_the_secret_is_made_once_and_rotated_when_asked(typed: Typed, store: SqliteStore) -> None:
    first = typed("webhooks", "secret").stdout.strip()
    assert first.startswith("whsec_")
    assert typed("webhooks", "secret").stdout.strip() == first
    rotated = json.loads(typed("webhooks", "secret", "--rotate", "--json").stdout)
    assert (rotated["previous"], rotated["secret"] != first) == (first, True)
    until = datetime.fromisoformat(rotated["previous_until"])
    assert timedelta(hours=23) < until - NOW < timedelta(hours=25)
    found = store.read_now(lambda tx: tx.webhook_secret(DEFAULT_ACCOUNT_ID))
    assert found is not None
    assert found.secret == rotated["secret"]


def test_posts_are_listed_in_words_and_without_secrets(typed: Typed, store: SqliteStore) -> None:
    assert "Nothing was posted" in typed("webhooks", "list").stderr
    waiting, done, dead = a_post(store, 500), a_post(store, 503, 204), a_post(store, 410)
    listed = typed("webhooks", "list").stdout
    for post, word in ((waiting, "waiting"), (done, "delivered"), (dead, "dead")):
        (line,) = [line for line in listed.splitlines() if post.event_id in line]
        assert word in line
        assert post.note in line
    assert "open-sesame" not in listed
    told_dead = json.loads(typed("webhooks", "list", "--dead", "--json").stdout)
    assert [post["event_id"] for post in told_dead] == [dead.event_id]
    assert [one["http_status"] for one in told_dead[0]["attempts"]] == [410]


@pytest.mark.parametrize("url", [None, HOOK, SHOWN])
def test_an_event_is_sent_again(typed: Typed, store: SqliteStore, url: str | None) -> None:
    dead = a_post(store, 410)
    run = typed("webhooks", "redeliver", dead.event_id, *([url] if url else []))
    assert run.exit_code == 0, run.stderr
    (post,) = store.read_now(lambda tx: tx.posts_of(dead.event_id))
    assert (post.state, post.attempt_count) == (PostState.WAITING, 0)
    assert post.due_at is not None
    missing = typed("webhooks", "redeliver", dead.event_id, "https://other.example/")
    assert missing.exit_code == 1
    assert typed("webhooks", "redeliver", "evt_0").exit_code == 1


def test_a_disabled_endpoint_is_enabled_before_it_is_sent_to_again(
    typed: Typed, store: SqliteStore
) -> None:
    typed("webhooks", "endpoints", "add", HOOK)
    (endpoint,) = store.read_now(lambda tx: tx.endpoints())
    post = a_post(store, 410)

    def act(tx: Transaction) -> None:
        tx.change_endpoint(endpoint, replace(endpoint, disabled_at=NOW, note="silent"))
        tx.change_post(post, replace(post, endpoint_id=endpoint.id))

    store.write_now(act)
    run = typed("webhooks", "redeliver", post.event_id)
    assert (run.exit_code, "endpoints enable" in run.stderr) == (1, True)


# -- a developer's own machine -----------------------------------------------------------------

SECRET = new_secret()


class Stage:
    """A server with some videos, and a hook on this machine."""

    def __init__(self) -> None:
        self.videos: list[dict[str, Any]] = []
        self.status = 200
        self.got: list[httpx2.Request] = []
        self.is_away = False
        client = Rushes(
            api_key="sk-1",
            base_url="http://films.test",
            http_client=httpx2.Client(transport=httpx2.MockTransport(self._serve)),
            retry=Retry(attempts_max=1),
            clock=StillClock(),
        )
        http = httpx2.Client(transport=httpx2.MockTransport(self._receive))
        self.listener = Listener(client, http, "http://localhost:3000/hook")

    def _serve(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if self.is_away:
            return told(503, {"error": {"message": "Away.", "code": "overloaded"}})
        if path == "/v1/webhooks/secret":
            return told(200, {"object": "webhook_secret", "secret": SECRET, "previous": None})
        if path == "/v1/videos":
            page = {"object": "list", "data": self.videos, "has_more": False}
            return told(200, {**page, "first_id": None, "last_id": None})
        (video,) = [one for one in self.videos if path.endswith(one["id"])]
        if path.startswith("/v1/videos/"):
            return told(200, video)
        lean = {"task_id": video["id"], "status": "succeeded", "format": "mp4"}
        return told(200, {**lean, "url": "https://films.test/files/x"})

    def _receive(self, request: httpx2.Request) -> httpx2.Response:
        self.got.append(request)
        return httpx2.Response(self.status)


def a_video(name: str, status: str) -> dict[str, Any]:
    return {**video_body(status), "id": f"video_{name}"}


def test_what_ends_while_somebody_listens_is_forwarded_once_and_signed() -> None:
    stage = Stage()
    stage.videos = [a_video("old", "completed"), a_video("new", "in_progress")]
    stage.listener.begin()
    stage.listener.look()
    assert stage.got == []
    stage.videos[1] = a_video("new", "completed")
    stage.listener.look()
    stage.listener.look()
    (request,) = stage.got
    event = Webhook(SECRET).verify(request.content, dict(request.headers))
    assert (event["type"], event["data"]["id"]) == ("video.completed", "video_new")
    assert event["data"]["url"] == "https://films.test/files/x"
    assert request.headers["webhook-id"] == event["id"]


def test_a_server_that_is_away_is_asked_again_and_nothing_is_lost() -> None:
    stage = Stage()
    stage.listener.begin()
    stage.videos = [a_video("new", "completed")]
    stage.is_away = True
    stage.listener.look()
    stage.is_away = False
    stage.listener.look()
    assert len(stage.got) == 1


def test_a_failure_speaks_the_numbers_of_an_event() -> None:
    video = Video(
        id="video_1",
        status="failed",
        progress=100,
        error=VideoError("canceled", "Canceled by caller"),
    )
    event: Any = event_of(video, NOW)
    assert event["type"] == "video.canceled"
    assert event["data"]["error"] == {"code": 499, "message": "Canceled by caller"}
    late = replace(video, error=VideoError("timed_out", "Late."))
    event = event_of(late, NOW)
    assert (event["type"], event["data"]["error"]["code"]) == ("video.failed", 504)


def test_an_address_that_is_none_is_refused(typed: Typed) -> None:
    run = typed("webhooks", "listen", "--forward-to", "ftp://x", RUSHES_API_KEY="sk-1")
    assert (run.exit_code, "localhost:3000" in run.stderr) == (2, True)


def test_the_numbers_are_those_of_the_wire() -> None:
    from rushes.cli.listening import CODES
    from rushes.http.errors import GENERATIONS_CODES, VIDEOS_CODES

    assert {VIDEOS_CODES[reason]: code for reason, code in GENERATIONS_CODES.items()} == CODES


def test_what_operators_do_with_webhooks_is_written_down_without_a_secret(
    typed: Typed, store: SqliteStore
) -> None:
    made = json.loads(typed("webhooks", "endpoints", "add", HOOK, "--json").stdout)
    secret = typed("webhooks", "secret").stdout.strip()
    assert typed("webhooks", "secret", "--rotate").exit_code == 0
    dead = a_post(store, 410)
    assert typed("webhooks", "redeliver", dead.event_id).exit_code == 0
    assert typed("webhooks", "endpoints", "enable", made["id"]).exit_code == 0
    assert typed("webhooks", "endpoints", "remove", made["id"]).exit_code == 0
    log = typed("audit", "--json").stdout
    assert [(deed["verb"], deed["object"]) for deed in json.loads(log)][-2::-1] == [
        ("webhooks endpoints add", made["id"]),
        ("webhooks secret rotate", DEFAULT_ACCOUNT_ID),
        ("webhooks redeliver", dead.event_id),
        ("webhooks endpoints enable", made["id"]),
        ("webhooks endpoints remove", made["id"]),
    ]
    assert "open-sesame" not in log
    assert secret not in log
