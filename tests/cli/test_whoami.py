"""What a film would cost, and what the key is, typed against a living server."""

from __future__ import annotations

import json

from living import Living, Typed
from rushes.cli.telling import key_facts, quote_facts
from rushes.client import Budget, KeyFacts, Limits, Quote

NO_LIMITS = Limits(
    requests_per_s=None, submits_per_minute=None, in_flight_max=None, queued_max=None
)


def test_a_quote_tells_the_film_and_makes_none(asked: Typed, server: Living) -> None:
    with server.client() as client:
        before = [video.id for video in client.videos.list(limit=1)]
        told = asked("generate", "a heron", "-s", "3", "--resolution", "720p", "--quote", "--json")
        shown = asked("generate", "a heron", "-m", "sora-2", "-s", "8", "--quote")
        assert [video.id for video in client.videos.list(limit=1)] == before
    facts = json.loads(told.stdout)
    assert (facts["seconds"], facts["size"], facts["cost_max_microusd"]) == (3, "1280x720", 0)
    assert "8 s, 720x1280" in shown.stdout
    assert "rehearsed by the sandbox" in shown.stdout
    assert "nothing" in shown.stdout


def test_a_quote_is_refused_as_the_film_would_be(asked: Typed) -> None:
    run = asked("generate", "a heron", "--seconds", "99", "--quote")
    assert run.exit_code == 1
    assert "'seconds' must be one of" in run.stderr


def test_a_key_is_told_without_its_secret(asked: Typed, server: Living) -> None:
    run = asked("whoami", "--json")
    told = json.loads(run.stdout)
    assert told["name"] == server.opened["key"]["name"]
    assert told["scopes"] == ["generate", "read"]
    assert told["models"] is None
    assert server.secret not in run.stdout + asked("whoami").stdout
    assert "every model" in asked("whoami").stdout
    stranger = asked("whoami", RUSHES_API_KEY="sk-live-nobody")
    assert stranger.exit_code == 1
    assert "keys create" in stranger.stderr


def test_what_is_left_of_a_key_is_said_in_words() -> None:
    key = KeyFacts(
        id="key_1", name="ci", prefix="sk-test-1a2b", account_id="acct_1", account_name="films",
        is_test=True, scopes=("generate",), models=("sora-2",), expires_at=None,
        limits=Limits(
            requests_per_s=5, submits_per_minute=None, in_flight_max=2, queued_max=None
        ),
        account_limits=NO_LIMITS,
        budgets=(
            Budget(
                owner="key_1", period="month", limit_microusd=25_000_000,
                spent_microusd=1_200_000, left_microusd=23_800_000,
            ),
        ),
        operators="off",
    )  # fmt: skip
    told = dict(key_facts(key))
    assert told["limits"] == "5 requests a second, 2 unfinished at once"
    assert told["budget, month"] == "$23.80 of $25.00 left (the key's)"
    assert "a test key" in str(told["key"])
    assert not {"of the account", "expires"} & set(told)


def test_a_price_is_said_in_words() -> None:
    quote = Quote(
        model="wan", seconds=-1, size="1280x720", resolution="720p", ratio="16:9",
        with_audio=False, cost_max_microusd=500_000, price="$0.10 a second of film at 720p.",
        coerced_parameters=("seconds=5",),
    )  # fmt: skip
    assert dict(quote_facts(quote)) == {
        "model": "wan",
        "film": "as long as the provider likes, 1280x720",
        "sound": "silent",
        "costs": "$0.50 at most",
        "price": "$0.10 a second of film at 720p.",
        "changed": "seconds=5",
    }
