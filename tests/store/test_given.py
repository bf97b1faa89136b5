"""Which PostgreSQL the tests use: the one that is given, else one of their own."""

from __future__ import annotations

import os

import psycopg
import pytest
import sqlalchemy as sa

from postgres import GIVEN, Server, shared


def test_databases_are_made_on_the_server_that_is_given_and_it_is_left_running(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUSHES_TEST_DATABASE_URL", postgres.url)
    with shared() as given:
        assert (given.url, given.folder, given.process) == (postgres.url, None, None)
        made = given.make_database()
        ours, theirs = sa.make_url(made), sa.make_url(postgres.url)
        assert (ours.host, ours.port, ours.username) == (theirs.host, theirs.port, theirs.username)
        psycopg.connect(made).close()
        given.drop_database(made)
    psycopg.connect(postgres.url).close()


def test_a_server_that_is_given_is_believed_without_being_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(GIVEN, "postgresql://films:secret@db.example.com:6432/rushes")
    with shared() as given:
        assert given.at("copy") == "postgresql://films:secret@db.example.com:6432/copy"


def test_without_one_the_tests_run_a_server_of_their_own(postgres: Server) -> None:
    is_ours = postgres.process is not None
    assert is_ours is not bool(os.environ.get(GIVEN))
    assert is_ours is (postgres.folder is not None)
