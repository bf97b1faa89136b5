"""What a server has to itself: its folder, its database, its storage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rushes.folder import Unready, lock_all
from rushes.settings import Settings, SettingsRefused, load


def settings(folder: Path, **given: Any) -> Settings:
    return load(data_dir=folder, **given)


@pytest.mark.promise("P10")
@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({}, "RUSHES_DATA_DIR"),
        ({"database": {"url": "sqlite:///{}/rushes.db"}}, "RUSHES_DATABASE_URL"),
        ({"storage": {"url": "file://{}/blobs"}}, "RUSHES_STORAGE_URL"),
    ],
    ids=["folder", "database", "storage"],
)
def test_two_servers_share_nothing_however_they_are_led_there(
    tmp_path: Path, given: dict[str, dict[str, str]], setting: str
) -> None:
    one = settings(tmp_path / "one")
    led = {name: {"url": value["url"].format(one.data_dir)} for name, value in given.items()}
    other = settings(tmp_path / ("other" if given else "one"), **led)
    with lock_all(one), pytest.raises(Unready, match=setting):
        lock_all(other)
    lock_all(other).close()


@pytest.mark.promise("P11")
def test_a_submit_is_looked_after_for_longer_than_its_task_can_live(tmp_path: Path) -> None:
    """Else the end of its life comes before the provider was told to stop."""
    with pytest.raises(SettingsRefused, match="aftercare_s: must be more than 90240"):
        settings(tmp_path, times={"render_s": 90_000})
    settings(tmp_path, times={"render_s": 90_000, "aftercare_s": 90_241})
