"""Secrets that are misplaced or mistyped are not told back."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from living import at_keyboard, environment_of
from rushes.configured import configure, secrets_of
from rushes.settings import SettingsRefused, load
from rushes.store.migrate import migrate
from rushes.store.sqlite import SqliteStore
from rushes.testing.builders import NOON

PASSWORD = "hunter2-hunter2"
ADDRESSES = [
    f"postgresql://rushes:{PASSWORD}@127.0.0.1:9/rushes",
    f"postgresql://rushes:{PASSWORD}@127.0.0.1:port/rushes",
    f"postgresql://rushes:{PASSWORD}@[::/rushes",
    f"mysql://rushes:{PASSWORD}@db/rushes",
]


@pytest.mark.parametrize("url", ADDRESSES)
@pytest.mark.parametrize("words", [("keys", "list"), ("doctor", "--json"), ("migrate",)])
def test_the_databases_password_is_not_told_back(
    tmp_path: Path, url: str, words: tuple[str, ...]
) -> None:
    typed = at_keyboard(environment_of(tmp_path / "data", RUSHES_DATABASE_URL=url))
    told = typed(*words)
    assert told.exit_code != 0
    assert told.output
    assert PASSWORD not in told.output


def test_a_key_in_place_of_its_reference_is_not_told_back() -> None:
    key = "prov-secret-0123456789"
    provider = {"name": "gpu", "kind": "ark", "api_key": key}
    with pytest.raises(SettingsRefused) as refused:
        load(
            providers=[provider],
            links={"secrets": [key]},
            moderation={"url": "https://moderator.test/v1", "api_key": key},
            storage={"url": "s3://films", "access_key_id": key, "secret_access_key": key},
        )
    told = str(refused.value)
    assert told.count("must be a reference") == 5
    assert key not in told


def test_every_secret_of_the_configuration_is_known_to_the_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named = {name: f"{name.lower()}-0123456789" for name in ("GPU", "MOD", "AKID", "SECRET")}
    for name, secret in named.items():
        monkeypatch.setenv(name, secret)
    settings = load(
        data_dir=tmp_path,
        providers=[
            {
                "name": "gpu",
                "kind": "openai_videos",
                "base_url": "http://gpu/v1",
                "api_key": "env:GPU",
            }
        ],
        moderation={"url": "https://moderator.test/v1", "api_key": "env:MOD"},
        storage={
            "url": "s3://films",
            "access_key_id": "env:AKID",
            "secret_access_key": "env:SECRET",
        },
        database={"url": "postgresql://rushes:p%40ss-word-1@db/rushes"},
    )
    found = set(secrets_of(settings, configure(settings)))
    assert found == {*named.values(), "p%40ss-word-1", "p@ss-word-1"}


def test_the_halves_of_a_pair_and_what_an_option_names_are_known_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PAIR", "access-0123456789:secret-0123456789")
    monkeypatch.setenv("SIGNS", "whsec_MDEyMzQ1Njc4OQ==")
    provider = {
        "name": "kling",
        "kind": "kling",
        "api_key": "env:PAIR",
        "options": {"region": "intl", "webhook_secret": "env:SIGNS", "look_again_s": 9},
    }
    settings = load(data_dir=tmp_path, providers=[provider])
    assert set(secrets_of(settings, configure(settings))) == {
        "access-0123456789:secret-0123456789",
        "access-0123456789",
        "secret-0123456789",
        "whsec_MDEyMzQ1Njc4OQ==",
    }


def test_a_secret_that_is_changed_behind_its_reference_is_read_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As after a leak: the reference is the same, and what it leads to is not."""
    monkeypatch.setenv("PAIR", "access-0123456789:secret-0123456789")
    monkeypatch.setenv("SIGNS", "whsec_MDEyMzQ1Njc4OQ==")
    options = {"region": "intl", "webhook_secret": "env:SIGNS"}
    provider = {"name": "kling", "kind": "kling", "api_key": "env:PAIR", "options": options}
    settings = load(data_dir=tmp_path, providers=[provider])
    before = configure(settings)
    same = configure(settings, before=before)
    assert same.upstreams["kling"] is before.upstreams["kling"]
    monkeypatch.setenv("SIGNS", "whsec_OTg3NjU0MzIxMA==")
    after = configure(settings, before=before)
    assert after.upstreams["kling"] is not before.upstreams["kling"]


def test_an_error_of_the_database_quotes_no_prompt(tmp_path: Path) -> None:
    path = tmp_path / "rushes.db"
    migrate(path, at=NOON)
    store = SqliteStore(path)
    try:
        engine = store.engine_for_workflows()
        with engine.connect() as connection, pytest.raises(sa.exc.OperationalError) as told:
            connection.execute(sa.text("INSERT INTO nowhere VALUES (:x)"), {"x": "a violet heron"})
        engine.dispose()
    finally:
        store.close()
    assert "violet heron" not in str(told.value)
