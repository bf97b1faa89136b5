"""What the soak does at random, fault by fault: callers lose nothing, and nothing is paid twice.

One site carries wishes while it is broken; then everything ends, and the auditor finds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from chaos import BUCKET_MENU, DATABASE_MENU, FOLDER_MENU, MENU, Site, Soak, a_site
from journeying import put_into, wait_until
from rushes.domain.submit import Verdict
from rushes.domain.task import FINAL, Status
from rushes.engine.keeper import SWEEP_EVERY, WRITING_MARGIN
from rushes.ports import ArtifactState, Budgets

ON_ONE = MENU | FOLDER_MENU
ON_MANY = MENU | BUCKET_MENU | DATABASE_MENU
MACHINES = ("api", "api", "worker", "worker")
WISHES = 8
CALM_S = 120.0
KILLS_MAX = 8
LOST_FOR_SURE = Budgets().collect + 2 * WRITING_MARGIN
SWEPT_WITHIN_S = SWEEP_EVERY.total_seconds() + 30.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with a_site(tmp_path_factory.mktemp("faults"), seed=11) as one:
        yield one


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two that answer callers and two that work, on one PostgreSQL and one object store."""
    folder = tmp_path_factory.mktemp("machines")
    with a_site(folder, seed=12, roles=MACHINES, is_on_postgres=True, is_in_bucket=True) as many:
        yield many


def wish(site: Site, about: str) -> None:
    """Have films asked for, and be on their way when the fault comes."""
    assert site.crowd is not None
    site.crowd.wish(*(f"{about} {n:02d}" for n in range(WISHES)))
    wait_until(
        lambda: len({line for line in site.crowd.told().accepted.values() if about in line}) > 2,
        timeout_s=60,
    )


def judge(site: Site) -> None:
    """Let everything end, and audit it."""
    assert site.crowd is not None
    crowd = site.crowd
    wait_until(
        lambda: crowd.is_answered and site.statuses().keys() <= FINAL,
        timeout_s=CALM_S,
        why=lambda: f"{site.books().open}, {crowd.refused}",
    )
    verdict = site.audited(may_be_open=False)
    assert verdict.is_clean, verdict.findings
    assert not crowd.refused
    assert verdict.wishes == len(crowd.told().accepted)


@pytest.mark.promise("P4")
@pytest.mark.promise("P10")
def test_a_stop_under_load_ends_well_and_storage_that_goes_away_costs_no_film(site: Site) -> None:
    wish(site, "drained")
    assert site.servers[0].stop() == 0
    asking = [
        submit
        for kept in site.books().tasks.values()
        for submit in kept.submits
        if submit.verdict is Verdict.INTENT
    ]
    assert not asking, "a stop waits for the answers to its submits"
    site.start(0).ready()
    wish(site, "storage away")
    ON_ONE["take storage"][0](site)
    judge(site)


@pytest.mark.promise("P3")
@pytest.mark.promise("P11")
@pytest.mark.parametrize("hours", [2, pytest.param(-2, marks=pytest.mark.long)])
def test_a_clock_that_is_set_and_put_right_again_costs_no_film_and_no_time(
    hours: int, site: Site
) -> None:
    """A film may take a minute and a half here; the clock says that two hours have passed."""
    about, clock = f"clock {hours:+d}", site.clock(0)
    wish(site, about)
    clock.write_text(str(hours * 3600))
    wait_until(lambda: f"{hours * 3600:+d} s" in site.servers[0].log.read_text(), timeout_s=10)
    wish(site, f"{about}, wrong")
    clock.unlink()
    judge(site)
    kept = [one for one in site.books().tasks.values() if about in one.task.spec.prompt]
    assert len(kept) == 2 * WISHES
    assert {one.task.status for one in kept} == {Status.SUCCEEDED}
    instants = [told.at for one in kept for told in one.events]
    assert max(instants) - min(instants) < timedelta(minutes=5)


@pytest.mark.long
@pytest.mark.promise("P1")
@pytest.mark.promise("P2")
@pytest.mark.promise("P10")
@pytest.mark.parametrize("fault", sorted(ON_ONE))
def test_every_fault_of_the_menu_is_survived(fault: str, site: Site) -> None:
    wish(site, fault)
    site.recover(ON_ONE[fault][0](site))
    judge(site)


@pytest.mark.long
@pytest.mark.promise("P1")
@pytest.mark.promise("P2")
@pytest.mark.promise("P10")
@pytest.mark.parametrize("fault", sorted(ON_MANY))
def test_every_fault_is_survived_by_many_machines(fault: str, machines: Site) -> None:
    wish(machines, fault)
    strike, _ = ON_MANY[fault]
    machines.recover(strike(machines))
    judge(machines)


@pytest.mark.long
@pytest.mark.promise("P4")
@pytest.mark.parametrize("where", ["site", "machines"])
def test_what_a_killed_try_left_in_storage_is_swept_and_nothing_else_is_there(
    where: str, request: pytest.FixtureRequest
) -> None:
    """Of files and of a bucket; lost tries are made as old as the sweep wants them.

    A worker is seldom killed in the moment between the last byte and the row that keeps it: what
    is not there of a lost try is put there.
    """
    house: Site = request.getfixturevalue(where)
    workers = [slot for slot, role in enumerate(house.roles) if role != "api"]
    assert house.crowd is not None
    lost: list[str] = []
    for n in range(KILLS_MAX):
        wait_for_a_try(house, f"left behind {n:02d}")
        for slot in workers:
            house.servers[slot].kill()
        for slot in workers:
            house.start(slot).ready()
        judge(house)
        if lost := house.books().lost_tries:
            break
    assert lost, "no kill came in the middle of a try"
    put_into(lost, house.data, **house.places)
    assert house.stored() >= set(lost)
    house.age_tries(LOST_FOR_SURE)
    wait_until(lambda: not house.books().lost_tries, timeout_s=SWEPT_WITHIN_S)
    judge(house)
    kept = [one for kept in house.books().tasks.values() for one in kept.artifacts]
    assert house.stored() == {one.blob for one in kept if one.state is ArtifactState.KEPT}


def wait_for_a_try(site: Site, about: str) -> None:
    """Have films asked for until one is on its way into storage; it is so for a moment only."""
    crowd, numbers = site.crowd, count()
    assert crowd is not None

    def is_storing() -> bool:
        statuses = site.statuses()
        if crowd.is_answered and statuses.keys() <= FINAL:
            crowd.wish(*(f"{about}, {next(numbers)}" for _ in range(WISHES)))
        return Status.STORING in statuses

    wait_until(is_storing, timeout_s=CALM_S, why=lambda: str(site.statuses()))


@pytest.mark.long
@pytest.mark.promise("P2")
@pytest.mark.promise("P11")
def test_a_soak_of_a_minute_ends_with_clean_books(tmp_path: Path) -> None:
    with a_site(tmp_path, seed=29) as site:
        soak = Soak(site, minutes=1)
        verdict = soak.run()
        assert verdict.is_clean, soak.report(verdict)
        assert verdict.films > 10
