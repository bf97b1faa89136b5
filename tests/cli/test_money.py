"""`rushes budgets` and `rushes usage`, prices in rushes.toml, and what doctor and explain say."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from living import Typed, at_keyboard, environment_of
from rushes.cli import checks
from rushes.cli.checks import State
from rushes.cli.money import By, For
from rushes.clock import SystemClock
from rushes.configured import catalog_of
from rushes.deeds.story import drift, prices_told, read_case
from rushes.domain.access import DEFAULT_ACCOUNT_ID, Period
from rushes.domain.catalog import Price
from rushes.domain.submit import Verdict
from rushes.domain.task import Event, Status, Task
from rushes.domain.usage import UsageBy
from rushes.folder import Unready, open_books
from rushes.ports import Transaction
from rushes.settings import Settings, SettingsRefused, load
from rushes.testing.builders import a_key, a_measure, moved, put_task

PRICED = """
[[providers]]
name = "gpu"
kind = "openai_videos"
base_url = "http://127.0.0.1:9/v1"
[[models]]
id = "film"
card = "wan2.5-t2v-preview"
[[models.routes]]
provider = "gpu"
model = "wan"
[[models.prices]]
per = "second"
microusd = 100_000
when = {{ resolution = "720p", audio = false }}
[[models.prices]]
{rule}
[[models]]
id = "other"
card = "sora-2"
[[models.routes]]
provider = "gpu"
model = "wan"
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Settings]:
    """Write a rushes.toml with a rule more, and read it."""

    def written(rule: str) -> Settings:
        path = tmp_path / "rushes.toml"
        path.write_text(PRICED.format(rule=rule))
        monkeypatch.setenv("RUSHES_CONFIG", str(path))
        return load(data_dir=tmp_path / "data")

    return written


@pytest.fixture
def typed(tmp_path: Path) -> Typed:
    data = tmp_path / "data"
    with closing(open_books(load(data_dir=data), SystemClock(), may_make=True)) as store:
        key = a_key(id="key_1", account_id=DEFAULT_ACCOUNT_ID)
        store.write_now(lambda tx: tx.add_key(key))
    return at_keyboard(environment_of(data))


@pytest.fixture
def books(tmp_path: Path) -> Callable[[Callable[[Transaction], Any]], Any]:
    def act(do: Callable[[Transaction], Any]) -> Any:
        settings = load(data_dir=tmp_path / "data")
        with closing(open_books(settings, SystemClock(), may_make=True)) as store:
            return store.write_now(do)

    return act


Books = Callable[[Callable[[Transaction], Any]], Any]


def stored(tx: Transaction, *, charged: int = 400_000, **born: Any) -> Task:
    """A task that ended a minute ago with a film."""
    at = SystemClock().now() - timedelta(minutes=1)
    born = {"account_id": DEFAULT_ACCOUNT_ID, "key_id": "key_1", "created_at": at, **born}
    task = put_task(tx, Status.STORING, **born)
    (submit,) = tx.submits(task.id)
    tx.change_submit(replace(submit, verdict=Verdict.DELIVERED), frozenset(Verdict))
    after = moved(task, Event.STORED, measures=a_measure(), charged_microusd=charged)
    assert tx.move(task, after, Event.STORED, at=at)
    return after


# -- budgets -------------------------------------------------------------------------------------


def test_a_budget_is_set_topped_up_listed_and_removed(typed: Typed, books: Books) -> None:
    books(stored)
    assert "No budgets" in typed("budgets", "list").output
    told = json.loads(typed("budgets", "set", DEFAULT_ACCOUNT_ID, "12.50", "--json").stdout)
    assert told == {
        "owner": DEFAULT_ACCOUNT_ID, "period": "total", "limit_microusd": 12_500_000,
        "spent_microusd": 400_000, "left_microusd": 12_100_000,
    }  # fmt: skip
    raised = typed("budgets", "set", DEFAULT_ACCOUNT_ID, "2.5", "--add")
    assert "$15.00 in all" in raised.output
    assert "$14.60 of it is left" in raised.output
    daily = typed("budgets", "set", "key_1", "0.1", "--for", "day")
    assert "-$0.30 of it is left" in daily.output
    read = typed("budgets", "list").stdout
    for word in ("$15.00", "$14.60", "key_1", "day", "-$0.30"):
        assert word in read
    assert len(json.loads(typed("budgets", "list", "key_1", "--json").stdout)) == 1
    assert typed("budgets", "remove", "key_1", "--for", "day").exit_code == 0
    again = typed("budgets", "remove", "key_1", "--for", "day")
    assert (again.exit_code, "no budget a day" in again.output) == (1, True)
    verbs = [deed["verb"] for deed in json.loads(typed("audit", "--json").stdout)]
    assert verbs == ["budgets remove", "budgets set", "budgets set", "budgets set"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nobody", "5"), 1, "no nobody"),
        (("key_1", "5", "--add"), 1, "no budget of period total"),
        (("key_1", "five"), 2, "no amount"),
        (("key_1", "0.0000001"), 2, "six decimals"),
        (("key_1", "1e30"), 2, "no amount"),
        (("key_1", "NaN"), 2, "no amount"),
        (("key_1", "--", "-5"), 2, "no amount"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(
    typed: Typed, words: tuple[str, ...], code: int, said: str
) -> None:
    refused = typed("budgets", "set", *words)
    assert (refused.exit_code, said in refused.output) == (code, True), refused.output
    assert json.loads(typed("budgets", "list", "--json").stdout) == []


def test_a_recount_mends_sums_and_fills_in_what_an_older_version_ended(
    typed: Typed, books: Books
) -> None:
    books(stored)
    typed("budgets", "set", "key_1", "5")

    def spoil(tx: Transaction) -> None:
        for table in ("usage", "spending"):
            tx.connection.exec_driver_sql(f"DELETE FROM {table}")  # type: ignore[attr-defined]

    books(spoil)
    told = typed("budgets", "recount").output
    assert "1 ended tasks were missing" in told
    assert "$0 spent is $0.40" in told
    again = json.loads(typed("budgets", "recount", "--json").stdout)
    assert again == {"tasks_filled_in": 0, "mended": []}


# -- usage ---------------------------------------------------------------------------------------


def test_usage_is_added_up_on_paper_as_json_and_as_a_table(typed: Typed, books: Books) -> None:
    assert "No task ended" in typed("usage", "--since", "2026-01-01").output
    books(lambda tx: [stored(tx, model="wan"), stored(tx, model="wan"), stored(tx, model="sora")])
    since = ("--since", "2026-01-01")
    read = typed("usage", *since).stdout
    for word in ("MODEL", "wan", "$0.80", "total", "$1.20"):
        assert word in read
    told = json.loads(typed("usage", "--by", "key", *since, "--json").stdout)
    assert [(one["key"], one["films"]) for one in told["lines"]] == [("key_1", 3)]
    table = typed("usage", "--by", "task", *since, "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(table)))
    assert {row["model"] for row in rows} == {"wan", "sora"}
    assert {row["status"] for row in rows} == {"succeeded"}
    nobody = json.loads(typed("usage", "--account", "nobody", *since, "--json").stdout)
    assert nobody["lines"] == []
    assert typed("usage", "--since", "someday").exit_code == 2


# -- prices --------------------------------------------------------------------------------------


def test_prices_are_read_from_the_settings(write: Callable[[str], Settings]) -> None:
    rule = 'per = "million_tokens"\nmicrousd = 7\ntokens_max = 9\nwhen = { mode = "text_to_video" }'
    listing = catalog_of(write(rule)).listings["film"]
    assert listing.prices == (
        Price("second", 100_000, {"resolution": "720p", "audio": False}),
        Price("million_tokens", 7, {"mode": "text_to_video"}, tokens_max=9),
    )


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ('per = "minute"\nmicrousd = 1', "models.0.prices.1.per"),
        ('per = "film"\nmicrousd = -1', "models.0.prices.1.microusd"),
        ('per = "film"\nmicrousd = 0.5', "models.0.prices.1.microusd"),
        ('per = "film"\nmicrousd = true', "models.0.prices.1.microusd"),
        ('per = "film"\nmicrousd = 1\nwhen = { tier = "flex" }', "prices.1.when.tier"),
        ('per = "film"\nmicrousd = 1\nwhen = { audio = 1 }', "prices.1.when.audio"),
        ('per = "film"\nmicrousd = 1\nwhen = { mode = "dream" }', "prices.1.when.mode"),
        ('per = "film"', "models.0.prices.1.microusd"),
    ],
)
def test_a_rule_of_another_shape_is_refused_with_its_place(
    write: Callable[[str], Settings], rule: str, said: str
) -> None:
    with pytest.raises(SettingsRefused, match=said):
        write(rule)


def test_rules_that_do_not_fit_the_card_are_all_told(write: Callable[[str], Settings]) -> None:
    settings = write(
        'per = "film"\nmicrousd = 1\nwhen = { resolution = "4k", mode = "extend" }\ntokens_max = 3'
    )
    with pytest.raises(Unready) as refused:
        catalog_of(settings)
    lines = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["models.film"] * 3
    assert [word for word in ("when.resolution", "when.mode", "tokens_max") if word in lines[0]]


def test_the_doctor_names_what_is_free_beside_prices(write: Callable[[str], Settings]) -> None:
    findings = list(checks.prices(write('per = "film"\nmicrousd = 1\nwhen = { audio = true }')))
    told = {finding.name: (finding.state, finding.told) for finding in findings}
    assert told["prices"] == (State.OK, "1 of 3 models have prices")
    assert "text_to_video at 480p, silent" in told["prices of film"][1]
    assert told["prices of other"][0] is State.WARN
    whole = list(checks.prices(write('per = "film"\nmicrousd = 1')))
    assert "prices of film" not in {finding.name for finding in whole}


def test_without_prices_the_doctor_says_nothing_of_them(tmp_path: Path) -> None:
    assert list(checks.prices(load(data_dir=tmp_path))) == []


# -- explain -------------------------------------------------------------------------------------


def test_explain_tells_the_prices_and_what_came_to_more_than_was_held(
    typed: Typed, books: Books
) -> None:
    def fill(tx: Transaction) -> Task:
        task = stored(tx, charged=500_000, hold_microusd=500_000)
        tx.add_tariff(task.id, (Price("second", 110_000, {"audio": False, "resolution": "720p"}),))
        return task

    task = books(fill)
    case = books(lambda tx: read_case(tx, task.id, at=SystemClock().now(), holder=None))
    over = round(a_measure().seconds) * 110_000 - 500_000
    assert drift(case) == over > 0
    assert prices_told(case)[0] == "$0.11 per second (silent, 720p)"
    read = " ".join(typed("explain", task.id).output.split())
    assert "$0.50 held, $0.50 charged, $0 released" in read
    assert "more than was held" in read
    told = json.loads(typed("explain", task.id, "--json").stdout)["money"]
    assert (told["drift_microusd"], told["prices"][0]["microusd"]) == (over, 110_000)


def test_what_can_be_typed_is_what_the_house_knows() -> None:
    """The light command line repeats these words, as it loads nothing of the server."""
    assert [word.value for word in For] == [period.value for period in Period]
    assert [word.value for word in By] == [by.value for by in UsageBy]
