"""Whatever stands in an Authorization header, in a query or in a path is a value, never SQL."""

from __future__ import annotations

import ast
import asyncio
import contextlib
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import rushes
from postgres import Server
from rushes.domain.access import DEFAULT_ACCOUNT_ID, Key
from rushes.domain.errors import InvalidApiKey, MissingApiKey
from rushes.domain.ids import digest_of, new_key_id
from rushes.http.auth import Keyring
from rushes.ports import Page, Store
from rushes.store.migrate import migrate
from rushes.store.postgres import PostgresStore
from rushes.store.sqlite import SqliteStore
from rushes.testing.builders import NOON, put_task
from rushes.testing.fakes import ManualClock

STORE = Path(rushes.__file__).parent / "store"
SECRET = b"sk-live-the-only-key-there-is"
SPOKEN = [
    b"' OR 1=1 --",
    b"' OR '1'='1",
    b"x' UNION SELECT * FROM keys --",
    b"x'; DROP TABLE keys; --",
    b'" OR ""="',
    b"\\' OR 1=1 --",
    b"$$; SELECT pg_sleep(9); $$",
    b"%",
    b"sk-live-%",
    b"sk-live-\x00",
    SECRET + b"\x00",
    SECRET + b"' --",
    b"\xff\xfe'",
    "\u02bc OR 1=1".encode(),
]
"""What is sent where a key is looked up by its text."""

schemes = st.sampled_from([b"Bearer ", b"bearer ", b"BEARER  ", b"Basic ", b"Bearer\t", b"", b"'"])
secrets = st.one_of(st.sampled_from(SPOKEN), st.binary(max_size=64), st.text(max_size=20).map(
    lambda text: text.encode("utf-8", "replace")
))  # fmt: skip
authorizations = st.builds(lambda scheme, secret: scheme + secret, schemes, secrets)


class Digests:
    """A store in which nothing is found; it notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    async def read(self, act: Callable[[Any], Any]) -> Any:
        return act(self)

    def key_by_digest(self, digest: bytes) -> None:
        self.asked.append(digest)


def a_key() -> Key:
    return Key(
        id=new_key_id(NOON),
        account_id=DEFAULT_ACCOUNT_ID,
        name="only",
        digest=digest_of(SECRET),
        prefix="sk-live-the-",
        created_at=NOON,
    )


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SqliteStore | PostgresStore]:
    """Both databases, with one key and one task."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("injected") / "rushes.db"
        migrate(path, at=NOON)
        with contextlib.closing(SqliteStore(path)) as one:
            yield filled(one)
        return
    server: Server = request.getfixturevalue("postgres")
    url = server.make_database()
    migrate(url, at=NOON)
    with contextlib.closing(PostgresStore(url)) as other:
        yield filled(other)
    server.drop_database(url)


def filled(store: Any) -> Any:
    store.write_now(lambda tx: tx.add_key(a_key()))
    store.write_now(put_task)
    return store


@pytest.mark.advisory("CVE-2026-42208")
@given(authorization=authorizations)
def test_only_a_digest_ever_reaches_the_lookup_of_a_key(authorization: bytes) -> None:
    store = Digests()
    keyring = Keyring(cast("Store", store), ManualClock(NOON), lambda: 0)
    with pytest.raises((MissingApiKey, InvalidApiKey)):
        asyncio.run(keyring.caller(authorization))
    for digest in store.asked:
        assert digest == sha256(authorization[7:].strip()).digest()


@pytest.mark.advisory("CVE-2026-42208")
def test_no_authorization_opens_the_door_or_changes_a_row(
    store: SqliteStore | PostgresStore,
) -> None:
    before = store.read_now(lambda tx: tx.keys())
    with asyncio.Runner() as runner:

        @settings(
            max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(authorization=authorizations)
        @example(authorization=b"Bearer " + SECRET[:-1])
        @example(authorization=b"Bearer " + SECRET.upper())
        def try_one(authorization: bytes) -> None:
            keyring = Keyring(store, ManualClock(NOON), lambda: 0)
            with pytest.raises((MissingApiKey, InvalidApiKey)):
                runner.run(keyring.caller(authorization))

        try_one()
        keyring = Keyring(store, ManualClock(NOON), lambda: 0)
        assert runner.run(keyring.caller(b"Bearer " + SECRET)).name == "only"
    assert store.read_now(lambda tx: tx.keys()) == before


@pytest.mark.advisory("CVE-2026-42208")
@pytest.mark.advisory("CVE-2026-25591")
def test_words_of_a_caller_are_looked_up_as_they_are(store: SqliteStore | PostgresStore) -> None:
    """A name in a filter, and a token in a path: neither wildcards nor quotes mean anything."""
    texts = ["%", "%%%%%%%%%%%%", "_", "wan2.5%", "' OR 1=1 --", "\x00", "a\x00b", "\ud800", "\\"]
    for text in texts:
        page = Page(account_id="acct_" + "a" * 32, limit=20, model=text)
        assert not list(store.read_now(lambda tx, page=page: tx.page(page))), text  # type: ignore[misc]
        assert store.read_now(lambda tx, text=text: tx.submit_by_token(text, text)) is None  # type: ignore[misc]
        assert store.read_now(lambda tx, text=text: tx.task(text)) is None  # type: ignore[misc]


# -- the statements themselves ------------------------------------------------------------------

RUNS = {"execute", "executemany", "executescript", "exec_driver_sql", "text", "literal_column"}
OWN_WORDS = {
    ("feed.py", "execute"): "LISTEN takes no value; the channel is a constant of ours",
    ("migrate.py", "exec_driver_sql"): "a column's type cannot be a value; names come quoted, "
    "from the database's own catalog",
    ("sqlite.py", "execute"): "PRAGMA takes no value; the numbers are ours",
    ("money.py", "text"): "a CASE of our own words, which two statements share",
    ("limits.py", "literal_column"): "a word of our own enumeration, so that an index of it fits",
    ("tasks.py", "literal_column"): "words of our own enumerations, so that an index of them fits",
}
"""Where a statement is put together, and why no word of a caller can be in it."""


def is_put_together(statement: ast.expr) -> bool:
    """Say whether a statement is more than a constant, a name or an expression of SQLAlchemy."""
    if isinstance(statement, ast.JoinedStr | ast.BinOp):
        return True
    return (
        isinstance(statement, ast.Call)
        and isinstance(statement.func, ast.Attribute)
        and statement.func.attr in {"format", "join", "replace"}
    )


def put_together(path: Path) -> set[tuple[str, str]]:
    return {
        (path.name, node.func.attr)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in RUNS
        and node.args
        and is_put_together(node.args[0])
    }


@pytest.mark.advisory("CVE-2026-42208")
def test_no_statement_is_put_together_from_values() -> None:
    found = {place for path in sorted(STORE.glob("*.py")) for place in put_together(path)}
    assert found == set(OWN_WORDS)


@pytest.mark.advisory("CVE-2026-42208")
def test_a_statement_put_together_would_be_seen(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text('c.execute(f"SELECT {x}")\nc.execute("a" + x)\nsa.text("a {}".format(x))\n')
    assert put_together(file) == {("bad.py", "execute"), ("bad.py", "text")}


@pytest.mark.advisory("CVE-2026-25591")
def test_nothing_is_searched_by_a_pattern() -> None:
    """No LIKE at all: what callers filter by is compared whole; `startswith` has a constant."""
    patterns = {"like", "ilike", "notlike", "icontains", "regexp_match", "op"}
    for path in STORE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Attribute):
                assert node.attr not in patterns, f"{path.name}: {node.attr}"
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert " LIKE " not in node.value, path.name
