"""Xai: what it is told, and what its words come to.

What every provider promises is in the conformance suite, where this one is enrolled by standing
in the package.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from rushes.domain.errors import Blame, Reason
from rushes.domain.spec import SECONDS_BY_PROVIDER, Mode
from rushes.providers import registry
from rushes.providers.base import NotUnderstood, Ready, Refused, Working
from rushes.providers.rest import Rest
from rushes.providers.xai import MODES, Xai, told
from rushes.testing.conformance.scenes.xai import SPEC


def xai() -> Xai:
    return Xai("xai", Rest("https://api.xai.example"))


def test_a_spec_is_told_in_the_upstreams_words() -> None:
    assert told(SPEC, "xai-1") == {
        "prompt": "A paper boat on a quiet canal.",
        "model": "xai-1",
        "size": "1280x720",
        "seconds": 5,
        "seed": 7,
    }


def test_a_length_that_the_provider_may_choose_is_not_told() -> None:
    assert "seconds" not in told(replace(SPEC, seconds=SECONDS_BY_PROVIDER), "xai-1")


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode not in MODES])
def test_what_it_cannot_make_is_refused_and_no_caller_blamed(mode: Mode) -> None:
    with pytest.raises(Refused) as raised:
        told(replace(SPEC, mode=mode), "xai-1")
    assert raised.value.blame is Blame.PROVIDER
    assert raised.value.failure.reason is Reason.PARAMETERS_REFUSED


@pytest.mark.parametrize("state", ["waiting", "drawing"])
def test_a_job_that_is_not_done_is_work(state: str) -> None:
    assert xai()._outcome({"state": state, "percent": 40}) == Working(40)


def test_a_job_that_is_done_has_a_link() -> None:
    job = {"state": "done", "film": "https://films.xai.example/1?sig=2"}
    assert xai()._outcome(job) == Ready({"link": job["film"]})


@pytest.mark.parametrize(
    "link", [None, "", "/films/1", "file:///etc/passwd", "https://" + 3000 * "a"]
)
def test_a_film_without_a_link_is_not_understood(link: object) -> None:
    with pytest.raises(NotUnderstood):
        xai()._outcome({"state": "done", "film": link})


def test_an_unknown_word_is_neither_working_nor_lost() -> None:
    with pytest.raises(NotUnderstood, match="pondering"):
        xai()._outcome({"state": "pondering"})


@pytest.mark.parametrize(
    ("base_url", "profile", "options", "sentence"),
    [
        (None, None, {}, "needs a base_url"),
        ("xai", None, {}, "no http"),
        ("https://api.xai.example", "pro", {}, "no profile 'pro'"),
        ("https://api.xai.example", None, {"colour": 1}, "no option 'colour'"),
        ("https://api.xai.example", None, {"ask_timeout_s": 0}, "above 0"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(
    base_url: str | None, profile: str | None, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(registry.Misconfigured, match=sentence):
        registry.build("xai", name="lab", base_url=base_url, profile=profile, options=options)
