"""What the code has and a page must tell: settings, errors, events. Undocumented is a failure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import rushes.engine.workflows  # every fault of the house is known once its rooms are
import rushes.http.server
from rushes.domain.errors import Fault, HouseFault, Refusal
from rushes.domain.task import Event, Status
from rushes.domain.webhooks import TYPES
from rushes.http.errors import GENERATIONS_CODES, VIDEOS_CODES
from rushes.http.looking import WORDS
from rushes.settings import Settings
from rushes.testing import errors_page, events_page, settings_page

DOCS = Path(__file__).parent.parent / "docs"
ROOMS = (rushes.engine.workflows, rushes.http.server)


@pytest.mark.parametrize("name", ["settings", "errors", "events"])
def test_a_page_that_is_written_from_the_code_is_as_the_code(name: str) -> None:
    made: Any = {"settings": settings_page, "errors": errors_page, "events": events_page}[name]
    assert (DOCS / f"{name}.md").read_text(encoding="utf-8") == made.page(), "run `make docs`"


def test_every_setting_has_its_row_with_its_own_variable() -> None:
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, BaseModel):
            for key in type(field.default).model_fields:
                assert f"| `{key}` | `RUSHES_{name.upper()}_{key.upper()}` |" in page
        elif name not in settings_page.TABLES:
            assert f"| `{name}` | `RUSHES_{name.upper()}` |" in page
    for name, model in settings_page.TABLES.items():
        assert {f"{name}.{key}" for key in model.model_fields} <= set(settings_page.MEANINGS)


def test_every_variable_of_the_page_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUSHES_LOG_JSON", "true")
    monkeypatch.setenv("RUSHES_LIMITS_KEEP_ALIVE_S", "7")
    monkeypatch.setenv("RUSHES_SERVER_TRUSTED_PROXIES", '["10.0.0.0/8"]')
    read = Settings()
    assert (read.log_json, read.limits.keep_alive_s) == (True, 7)
    assert [str(one) for one in read.server.trusted_proxies] == ["10.0.0.0/8"]


def every_code(root: type[Fault]) -> set[str]:
    below = {code for one in root.__subclasses__() for code in every_code(one)}
    return below | ({root.code} if root.__module__ == Fault.__module__ else set())


def test_every_error_says_what_it_means_and_what_to_do() -> None:
    page = (DOCS / "errors.md").read_text(encoding="utf-8")
    codes = every_code(Refusal) | every_code(HouseFault) | {Fault.code}
    assert codes == set(errors_page.TO_DO)
    for code in codes:
        assert page.count(f"`{code}` |") == 1, code


def test_the_words_of_a_failure_are_the_wires_own() -> None:
    assert errors_page.GENERATIONS == GENERATIONS_CODES
    assert errors_page.VIDEOS == VIDEOS_CODES
    assert {one: WORDS[one] for one in Status} == events_page.SHOWN


def test_every_event_is_told() -> None:
    page = (DOCS / "events.md").read_text(encoding="utf-8")
    for name in {*TYPES.values(), *Event, *Status}:
        assert f"| `{name}` |" in page, name
    assert set(events_page.TO_CALLERS) == set(TYPES.values())
