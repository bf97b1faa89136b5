"""What the settings make of films' provenance: refused in words, made once, told by the doctor."""

from __future__ import annotations

import stat
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from filming import Scene, shoot
from rushes.cli.checks import State
from rushes.cli.seals import of_seals
from rushes.clock import SystemClock
from rushes.folder import Unready
from rushes.media.sealer import FilmSealer, Unsealed
from rushes.media.signet import OWN_NAME, own_signet
from rushes.media.tagger import FilmTagger, Producer
from rushes.provenance import finishing_of
from rushes.settings import Settings, SettingsRefused, load
from sealed import ORIGIN, sealed, signet_in

CLOCK = SystemClock()


def settings_in(folder: Path, **provenance: object) -> Settings:
    return load(data_dir=folder, provenance=provenance)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"aigc": True}, "provenance.aigc_producer: must say who makes the films"),
        ({"key": "env:KEY"}, "provenance: certificate and key go together"),
        ({"key": "-----BEGIN"}, "provenance.key: .*must be a reference"),
        ({"tells": ["seed"]}, "provenance.tells"),
        ({"label": "AI生成", "label_s": 1}, "provenance.label_s"),
        ({"name": ""}, "provenance.name"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    given: dict[str, object], words: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsRefused, match=words):
        settings_in(tmp_path, **given)


def test_the_first_start_makes_a_signet_and_waits_for_nothing(tmp_path: Path) -> None:
    finishing = finishing_of(settings_in(tmp_path, name="Example Films"), CLOCK)
    assert isinstance(finishing.sealer, FilmSealer)
    for thread in threading.enumerate():
        if thread.name == "signet":
            thread.join()
    path = tmp_path / OWN_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    assert own_signet(tmp_path, "Other", CLOCK.now()).holder == "Example Films"
    finishing_of(settings_in(tmp_path), CLOCK)
    assert path.read_bytes() == before


def test_nothing_is_made_or_done_where_it_is_not_wanted(tmp_path: Path) -> None:
    finishing = finishing_of(settings_in(tmp_path, c2pa=False), CLOCK)
    assert (finishing.sealer, finishing.tagger) == (None, None)
    assert list(tmp_path.iterdir()) == []


def test_china_has_its_tag_and_label(tmp_path: Path) -> None:
    wanted = {"c2pa": False, "aigc": True, "aigc_producer": "001", "label": "AI生成"}
    assert isinstance(finishing_of(settings_in(tmp_path, **wanted), CLOCK).tagger, FilmTagger)
    assert '"ContentPropagator":"002","PropagateID":"video_1"' in Producer("1", "002").tag(
        "video_1"
    )


def test_an_operators_key_is_tried_at_the_start(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        signet_in(tmp_path / name)
    own, other = (f"file:{tmp_path / name / OWN_NAME}" for name in ("a", "b"))
    given = settings_in(tmp_path, certificate=own, key=own)
    assert finishing_of(given, CLOCK).sealer is not None
    assert of_seals(given, CLOCK.now()).state is State.OK
    with pytest.raises(Unready, match="not that of the first certificate"):
        finishing_of(settings_in(tmp_path, certificate=own, key=other), CLOCK)
    with pytest.raises(Unready, match="is not set"):
        finishing_of(settings_in(tmp_path, certificate=own, key="env:NO_SUCH_KEY"), CLOCK)
    assert not (tmp_path / OWN_NAME).exists()


async def test_an_expired_certificate_seals_nothing_and_costs_no_film(tmp_path: Path) -> None:
    sealer = FilmSealer(lambda: signet_in(tmp_path))
    late = replace(ORIGIN, at=CLOCK.now() + timedelta(days=365 * 21))
    with pytest.raises(Unsealed, match="the certificate expired at"):
        await sealed(shoot(Scene()), tmp_path / "work", sealer, late)


async def test_a_spoiled_signet_is_told_with_the_film(tmp_path: Path) -> None:
    (tmp_path / OWN_NAME).write_text("nonsense")
    sealer = FilmSealer(lambda: signet_in(tmp_path))
    with pytest.raises(Unsealed, match="certificate is no PEM"):
        await sealed(shoot(Scene()), tmp_path / "work", sealer)


def test_the_doctor_says_what_films_are_sealed_with(tmp_path: Path) -> None:
    settings, now = settings_in(tmp_path), CLOCK.now()
    assert "made at the first start" in of_seals(settings, now).told
    assert list(tmp_path.iterdir()) == []
    signet_in(tmp_path)
    assert of_seals(settings, now).state is State.OK
    soon = of_seals(settings, now + timedelta(days=365 * 20 - 10))
    assert (soon.state, "soon" in soon.told) == (State.WARN, True)
    gone = of_seals(settings, now + timedelta(days=365 * 21))
    assert (gone.state, "expired" in gone.told) == (State.FAIL, True)
    (tmp_path / OWN_NAME).chmod(0o644)
    assert "can be read by others" in of_seals(settings, now).told
    assert of_seals(settings_in(tmp_path, c2pa=False), now).told == "films are not sealed, as set"
