"""Rows to words and back: whatever a value holds, it comes back the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rushes.domain.access import Key, Limits, Scope
from rushes.domain.errors import Failure, Reason
from rushes.domain.spec import SEED_MAX, Asset, Mode, Role, Script, Size, Spec
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import Measures, Status, Task
from rushes.ports import Answer, Artifact, ArtifactKind, ArtifactState, new_try
from rushes.store import rows, schema
from rushes.testing.builders import NOON, a_key, a_submit, a_task, an_answer, an_artifact

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
"""What databases hold; the rest is replaced, as the conformance suite asks."""

maybe_text = st.none() | text
counts = st.integers(0, 2**31 - 1)
amounts = st.integers(0, 10**15)
instants = st.integers(0, 253_402_300_799_999_999).map(rows.instant)  # to the end of 9999
maybe_instant = st.none() | instants
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
json_objects = st.dictionaries(text, json_values, max_size=4)
sizes = st.builds(Size, counts, counts)
assets = st.builds(
    Asset,
    role=st.sampled_from(Role),
    param=text,
    url=maybe_text,
    blob=maybe_text,
    content_type=maybe_text,
    size_bytes=st.none() | st.integers(0, 2**40),
)
specs = st.builds(
    Spec,
    model=text,
    mode=st.sampled_from(Mode),
    prompt=text,
    seconds=st.integers(-1, 60),
    size=sizes,
    seed=st.integers(0, SEED_MAX),
    resolution=maybe_text,
    ratio=maybe_text,
    with_audio=st.booleans(),
    with_watermark=st.booleans(),
    negative_prompt=maybe_text,
    assets=st.lists(assets, max_size=3).map(tuple),
    options=json_objects,
    passthrough=json_objects,
    source_id=maybe_text,
    source_seconds=st.none() | st.floats(0, 1e6),
    script=st.none() | st.builds(Script, outcome=text, delay_s=st.floats(0, 1e6)),
)
tasks = st.builds(
    Task,
    id=text,
    account_id=text,
    key_id=text,
    model=text,
    spec=specs,
    created_at=instants,
    queue_deadline_at=instants,
    deadline_at=maybe_instant,
    status=st.sampled_from(Status),
    version=counts,
    progress=st.integers(0, 100),
    hold_microusd=amounts,
    charged_microusd=st.none() | amounts,
    start_within_s=st.none() | counts,
    submit_count=counts,
    takeover_count=counts,
    fault_count=counts,
    lease_epoch=counts,
    work_id=maybe_text,
    finished_at=maybe_instant,
    failure=st.none() | st.builds(Failure, st.sampled_from(Reason), text),
    measures=st.none() | st.builds(Measures, counts, st.floats(0, 1e6), sizes, text),
    expires_at=maybe_instant,
    is_film_gone=st.booleans(),
    is_rehearsal=st.booleans(),
    served_by=maybe_text,
    callback_url=maybe_text,
    user=maybe_text,
    metadata=json_objects,
)
submits = st.builds(
    Submit,
    task_id=text,
    n=counts,
    provider=text,
    upstream_model=text,
    credential=text,
    token=text,
    is_billable=st.booleans(),
    epoch=counts,
    intent_at=instants,
    verdict=st.sampled_from(Verdict),
    answered_at=maybe_instant,
    ticket=st.none() | json_objects,
    film=st.none() | json_objects,
    usage=st.none() | json_objects,
    reason=st.none() | st.sampled_from(Reason),
    note=text,
    missing_count=counts,
    missing_since=maybe_instant,
    next_try_at=maybe_instant,
    look_at=maybe_instant,
    look_count=counts,
    is_cancel_told=st.booleans(),
)
artifacts = st.builds(
    Artifact,
    blob=text,
    task_id=text,
    epoch=counts,
    kind=st.sampled_from(ArtifactKind),
    state=st.sampled_from(ArtifactState),
    created_at=instants,
    content_type=text,
    size_bytes=st.integers(0, 2**62),
    sha256=text,
)
networks = st.ip_addresses().map(ip_network)
bound = st.none() | st.integers(0, 2**31 - 1)
limits = st.builds(
    Limits, requests_per_s=bound, submits_per_minute=bound, in_flight_max=bound, queued_max=bound
)
keys = st.builds(
    Key,
    id=text,
    account_id=text,
    name=text,
    digest=st.binary(max_size=32),
    prefix=text,
    created_at=instants,
    scopes=st.frozensets(st.sampled_from(Scope)),
    models=st.none() | st.frozensets(text, max_size=3),
    expires_at=maybe_instant,
    revoked_at=maybe_instant,
    networks=st.none() | st.lists(networks, max_size=3).map(tuple),
    limits=limits,
    replaced_by=maybe_text,
)
answers = st.builds(
    Answer,
    account_id=text,
    route=text,
    key=maybe_text,
    digest=st.binary(max_size=32),
    task_id=text,
    body=st.binary(max_size=64),
    headers=st.dictionaries(text, text, max_size=3),
    created_at=instants,
)

quickly = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
Through = Callable[[sa.Table, dict[str, Any]], sa.RowMapping]


@pytest.fixture(scope="module")
def through() -> Iterator[Through]:
    """Write a row and read it back, through the database's own types."""
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    schema.metadata.create_all(engine)

    def read_back(table: sa.Table, values: dict[str, Any]) -> sa.RowMapping:
        with engine.connect() as connection, connection.begin() as transaction:
            connection.execute(sa.insert(table), values)
            found = connection.execute(sa.select(table)).mappings().one()
            transaction.rollback()
        return found

    yield read_back
    engine.dispose()


def same(found: object, written: object) -> bool:
    """Equal, and equal as text: 1, 1.0 and True are the same to Python."""
    texts = [msgspec.json.encode(value, enc_hook=str, order="sorted") for value in (found, written)]
    return found == written and texts[0] == texts[1]


@quickly
@given(tasks)
def test_a_task_comes_back_from_its_columns(through: Through, task: Task) -> None:
    assert same(rows.task_of(through(schema.tasks, rows.task_values(task))), task)


@quickly
@given(tasks, tasks)
def test_a_move_writes_every_column_that_makes_the_difference(
    through: Through, before: Task, after: Task
) -> None:
    values = {**rows.task_values(before), **rows.moved_values(after)}
    found = rows.task_of(through(schema.tasks, values))
    assert rows.moved_values(found) == rows.moved_values(after)
    kept = {"id", "account_id", "lease_epoch", "spec", "metadata", "hold_microusd"}
    assert {name: rows.task_values(found)[name] for name in kept} == {
        name: rows.task_values(before)[name] for name in kept
    }


@quickly
@given(submits)
def test_a_submit_comes_back_from_its_columns(through: Through, submit: Submit) -> None:
    found = through(schema.submits, rows.submit_values(submit))
    assert same(rows.submit_of(found), submit)


@quickly
@given(artifacts)
def test_an_artifact_comes_back_from_its_columns(through: Through, artifact: Artifact) -> None:
    found = through(schema.artifacts, rows.artifact_values(artifact))
    assert same(rows.artifact_of(found), artifact)


KINDS_BEFORE = {"film", "poster", "spritesheet"}


def test_to_code_of_before_a_last_frame_is_a_poster_that_comes_after_the_poster() -> None:
    """It takes the first poster for the poster, and breaks on a kind that it does not know."""
    tried = new_try(a_task(), ArtifactKind, at=NOON)
    written = [rows.artifact_values(one) for one in tried.values()]
    assert {row["kind"] for row in written} == KINDS_BEFORE
    posters = [row for row in written if row["kind"] == "poster"]
    posters.sort(key=lambda row: (row["created_at"], row["blob"]))
    assert [row["blob"] for row in posters] == [
        tried[ArtifactKind.POSTER].blob,
        tried[ArtifactKind.LAST_FRAME].blob,
    ]


def test_a_last_frame_that_code_of_after_wrote_is_read() -> None:
    last = an_artifact(a_task(), kind=ArtifactKind.LAST_FRAME, content_type="image/webp")
    written = {**rows.artifact_values(last), "kind": "last_frame", "content_type": "image/webp"}
    assert rows.artifact_of(written) == last


@quickly
@given(keys)
def test_a_key_comes_back_from_its_columns(through: Through, key: Key) -> None:
    found = through(schema.keys, rows.key_values(key))
    assert same(rows.key_of(found), key)


@quickly
@given(answers)
def test_an_answer_comes_back_from_its_columns(through: Through, answer: Answer) -> None:
    found = through(schema.idempotency, rows.answer_values(answer))
    assert same(rows.answer_of(found), answer)


@quickly
@given(instants)
def test_an_instant_keeps_its_microseconds(at: datetime) -> None:
    assert rows.instant(rows.micros(at)) == at


@quickly
@given(json_objects, st.randoms(use_true_random=False))
def test_equal_objects_are_equal_text(value: dict[str, Any], chance: Any) -> None:
    names = list(value)
    chance.shuffle(names)
    assert rows.to_json({name: value[name] for name in names}) == rows.to_json(value)


def test_values_name_every_column() -> None:
    task = a_task()
    for values, table in (
        (rows.task_values(task), schema.tasks),
        (rows.submit_values(a_submit(task)), schema.submits),
        (rows.artifact_values(an_artifact(task)), schema.artifacts),
        (rows.answer_values(an_answer(task)), schema.idempotency),
        (rows.key_values(a_key()), schema.keys),
    ):
        assert set(values) == set(table.c.keys())
