"""`rushes verify-provider`: one film, one submit, within a price; and a page that tells nothing."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from living import Typed
from rushes.cli.asking import Asker
from rushes.cli.attempt import Attempt
from rushes.cli.plainly import Refused
from rushes.cli.transcript import Transcript, page_of, shape
from rushes.cli.trial import Terms, Trial, allow, hidden, trial_of, where
from rushes.configured import upstream_of
from rushes.domain.catalog import Price
from rushes.domain.reading import shipped_cards
from rushes.domain.smallest import PROMPT, can_start_from_words, cost_max, smallest_spec
from rushes.settings import ProviderSettings, Settings, load
from rushes.testing.conformance.scenes.simulated import NOON
from rushes.testing.fakes import ManualClock
from rushes.testing.live import DELIVERED, LOOPBACK, REMOTE, Live, live_of
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.jobs import Pace
from rushes.testing.simulators.openai_videos import OpenAIVideosServer
from rushes.testing.simulators.openai_videos import Settings as Behaviour
from rushes.testing.simulators.script import Rule, Script
from upstreams import Answers, upstream

KEY = "sk-Winter42Winter42"
TERMS = Terms(0.20, knows_price=True, is_hurried=True)


def settings_for(url: str, *, billable: bool = True, card: str = "sora-2") -> Settings:
    provider = {
        "name": "gpu", "kind": "openai_videos", "base_url": url, "api_key": f"command:echo {KEY}",
    }  # fmt: skip
    route = {"provider": "gpu", "model": "wan-small", "billable": billable}
    return load(providers=[provider], models=[{"id": card, "card": card, "routes": [route]}])


@asynccontextmanager
async def attempted(
    *rules: Rule, film: Path | None = None
) -> AsyncIterator[tuple[OpenAIVideosServer, Transcript, Attempt]]:
    """Try a simulated upstream whose time passes while we wait."""
    clock = ManualClock(NOON)
    server = OpenAIVideosServer(
        clock=clock, script=Script(rules), settings=Behaviour(pace=Pace(5, 10), key=KEY)
    )

    async def pause(seconds: float) -> None:
        clock.advance(seconds)

    async with serving(server) as port:
        settings = settings_for(f"http://127.0.0.1:{port}/v1")
        trial = trial_of(settings, "gpu", None)
        provider = upstream_of(trial.provider, submit_call_s=1).provider
        attempt = Attempt(
            trial, provider, settings, TERMS, is_price_shown=False, pause=pause, clock=clock
        )
        yield server, await attempt.run(film), attempt


def page_for(transcript: Transcript, attempt: Attempt) -> str:
    return page_of(transcript, hide=hidden(attempt.trial.provider))


async def test_one_film_is_submitted_once_followed_opened_and_decoded(tmp_path: Path) -> None:
    home = tmp_path / "film.mp4"
    async with attempted(film=home) as (server, transcript, attempt):
        page = page_for(transcript, attempt)
        assert len(server.log.entries) == 1
        (job,) = server.jobs.values()
    assert transcript.outcome == DELIVERED
    assert transcript.film is not None
    assert transcript.film.probe.video_codec == "h264"
    assert home.stat().st_size == transcript.film.size_bytes
    assert (job.prompt, job.said("seconds"), job.said("size")) == (PROMPT, "4", "1280x720")
    assert "| submit | POST `/videos` | 200 | accepted |" in page
    assert "working, 0 %" in page
    assert live_of(page) is None, "a simulator is not live"
    elsewhere = page_for(replace(transcript, where=REMOTE), attempt)
    assert live_of(elsewhere) == Live("openai_videos", None, NOON.date())
    assert re.search(r"open \| GET `/videos/\{id\}/content` \| 200 \| \d+ bytes", page)


async def test_the_page_tells_no_key_no_host_and_no_ticket() -> None:
    async with attempted(Rule("retrieve", "unavailable", times=2)) as (server, transcript, attempt):
        page = page_for(transcript, attempt)
        (job,) = server.jobs.values()
    for secret in (KEY, job.id, "127.0.0.1", str(attempt.trial.provider.base_url)):
        assert secret not in page
    assert "'id': 'text of" in page
    assert "unreachable: HTTP 503" in page


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        (Rule("create", "invalid"), "refused, and not made: "),
        (Rule("create", "out_of_money"), "refused, and not made: "),
        (Rule("create", "rate_limited"), "too busy, and not made: HTTP 429"),
        (Rule("create", "drop"), "in doubt: "),
        (Rule("create", "fail"), "lost: "),
        (Rule("create", "no_content"), "made, and not to be had: HTTP 404"),
        (Rule("content", "empty"), "what came is no film: "),
        (Rule("content", "gone"), "made, and gone again: "),
        (Rule("retrieve", "unknown_word"), "20 looks taught nothing: "),
        (Rule("create", "never_ends"), "not finished within 3600 s"),
    ],
)
async def test_whatever_goes_wrong_nothing_is_submitted_again(rule: Rule, outcome: str) -> None:
    async with attempted(rule) as (server, transcript, attempt):
        assert transcript.outcome.startswith(outcome)
        assert len(server.log.entries) == 1
        assert KEY not in page_for(transcript, attempt)


async def test_a_submit_that_got_no_answer_is_found_and_followed() -> None:
    async with attempted(Rule("create", "drop", accepted=True)) as (server, transcript, _):
        assert transcript.outcome == DELIVERED
        assert len(server.log.entries) == 1
    assert [step.verb for step in transcript.steps][:2] == ["submit", "find"]


# -- which film ------------------------------------------------------------------------------


def test_every_shipped_card_has_a_smallest_film() -> None:
    for card in shipped_cards():
        if can_start_from_words(card):
            spec = smallest_spec(card, model=card.id)
            assert spec.seconds == min(s for s in card.seconds if s > 0)
            assert spec.resolution in card.resolutions


def test_a_model_that_wants_a_picture_is_not_tried_with_words() -> None:
    settings = settings_for("http://127.0.0.1:9/v1", card="wan2.5-i2v-preview")
    with pytest.raises(Refused, match="wants a picture"):
        trial_of(settings, "gpu", None)


def test_what_is_not_configured_is_told_with_what_is() -> None:
    settings = settings_for("http://127.0.0.1:9/v1")
    with pytest.raises(Refused, match="configured are gpu"):
        trial_of(settings, "cpu", None)
    with pytest.raises(Refused, match="veo is not served there; gpu serves sora-2"):
        trial_of(settings, "gpu", "veo")
    bare = load(providers=[{"name": "gpu", "kind": "openai_videos", "base_url": "http://x/v1"}])
    with pytest.raises(Refused, match="No model has a route to gpu"):
        trial_of(bare, "gpu", None)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:8000/v1", LOOPBACK),
        ("http://localhost/v1", LOOPBACK),
        ("http://[::1]:8000", LOOPBACK),
        ("https://api.lumen.example", REMOTE),
        (None, REMOTE),
    ],
)
def test_only_another_machine_can_be_live(url: str | None, said: str) -> None:
    assert where(ProviderSettings(name="a", kind="b", base_url=url)) == said


# -- what it may cost ------------------------------------------------------------------------


def trial(*prices: Price, billable: bool = True) -> Trial:
    found = trial_of(settings_for("http://127.0.0.1:9/v1", billable=billable), "gpu", None)
    return replace(found, listing=replace(found.listing, prices=prices))


SECOND = Price("second", 30_000)


def test_a_price_that_is_configured_is_shown_to_fit() -> None:
    assert allow(trial(SECOND), Terms(0.12, is_hurried=True), None)
    with pytest.raises(Refused, match=r"may cost \$0.12, and --max-cost allows \$0.11"):
        allow(trial(SECOND), Terms(0.11, knows_price=True, is_hurried=True), None)


def test_a_price_that_nobody_can_show_is_not_assumed() -> None:
    for unknown in (
        trial(),
        trial(Price("million_tokens", 1, {"resolution": "1080p"})),
    ):
        with pytest.raises(Refused, match="--i-know-the-price"):
            allow(unknown, Terms(9, is_hurried=True), None)
        assert not allow(unknown, replace(TERMS, max_cost_usd=9), None)


def test_an_own_gpu_costs_nothing() -> None:
    assert allow(trial(billable=False), Terms(0, is_hurried=True), None)


def test_nobody_is_surprised_by_a_submit() -> None:
    with pytest.raises(Refused, match="say --yes"):
        allow(trial(SECOND), Terms(1), None)
    with pytest.raises(Refused, match="look the price up"):
        allow(trial(), Terms(1), Asker(Answers("n\n")))
    with pytest.raises(Refused, match="Nothing was sent"):
        allow(trial(), Terms(1), Asker(Answers("y\nn\n")))
    assert not allow(trial(), Terms(1), Asker(Answers("y\ny\n")))


def test_of_each_kind_of_price_the_first_that_is_for_the_film_counts() -> None:
    spec, card = trial().spec, trial().listing.card
    hd, quiet = Price("film", 9, {"resolution": "1080p"}), Price("film", 5, {"audio": False})
    assert cost_max((hd, quiet, Price("film", 3, {"resolution": "720p"})), spec, card) == 3
    assert cost_max((Price("film", 3), Price("film", 7)), spec, card) == 3
    assert cost_max((Price("film", 3), Price("second", 7)), spec, card) == 3 + 7 * spec.seconds
    assert cost_max((hd,), spec, card) is None


# -- as it is typed --------------------------------------------------------------------------


def config(folder: Path, url: str) -> str:
    path = folder / "rushes.toml"
    path.write_text(
        f'[[providers]]\nname = "gpu"\nkind = "openai_videos"\nbase_url = "{url}"\n'
        'api_key = "env:GPU_KEY"\n[[models]]\nid = "sora-2"\ncard = "sora-2"\n'
        '[[models.routes]]\nprovider = "gpu"\nmodel = "wan"\nbillable = true\n'
    )
    return str(path)


def test_a_film_in_real_time_and_its_page(typed: Typed, tmp_path: Path) -> None:
    server = OpenAIVideosServer(settings=Behaviour(pace=Pace(0.1, 0.2), key=KEY, poll_after_ms=500))
    page = tmp_path / "page.md"
    told: dict[str, Any] = {"GPU_KEY": KEY}
    with upstream(server) as url:
        told["RUSHES_CONFIG"] = config(tmp_path, url)
        words = ("verify-provider", "gpu", "--max-cost", "0.20", "--yes", "-o", str(page))
        refused = typed(*words, **told)
        assert refused.exit_code == 2
        assert "--i-know-the-price" in refused.stderr
        assert server.log.entries == []
        run = typed(*words, "--i-know-the-price", "--json", **told)
    assert run.exit_code == 0, run.output
    answer = json.loads(run.stdout)
    assert (answer["is_delivered"], answer["page"]) == (True, str(page))
    assert len(server.log.entries) == 1
    assert f"| outcome | {DELIVERED} |" in page.read_text()
    assert f"| where | {LOOPBACK} |" in page.read_text()
    assert KEY not in page.read_text() + run.output


def test_a_provider_that_is_away_leaves_a_page_and_exit_one(typed: Typed, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    settings = {"RUSHES_CONFIG": config(tmp_path, "http://127.0.0.1:9/v1"), "GPU_KEY": KEY}
    words = ("--max-cost", "1", "--yes", "--i-know-the-price", "-o", str(page))
    run = typed("verify-provider", "gpu", *words, **settings)
    assert run.exit_code == 1
    assert "too busy, and not made: not sent" in page.read_text()


def test_a_shape_keeps_no_text() -> None:
    told = {"id": "cgt-2026", "urls": [{"u": "https://x/?sig=1"}], "n": 3, "ok": True, "r": "720p"}
    assert shape(told) == {
        "id": "text of 8", "urls": [{"u": "text of 16"}], "n": 3, "ok": True, "r": "720p",
    }  # fmt: skip


async def test_of_a_link_the_page_tells_nothing() -> None:
    async with attempted() as (_, transcript, attempt):
        *before, last = transcript.steps
        assert last.call is not None
        link = replace(last.call, has_key=False, path="/films/secret-signature")
        page = page_for(replace(transcript, steps=(*before, replace(last, call=link))), attempt)
    assert "| open | GET, behind a link | 200 |" in page
    assert "secret-signature" not in page
