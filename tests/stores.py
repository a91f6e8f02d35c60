"""Databases for the tests of stores: SQLite files, and databases of a PostgreSQL server of the tests' own."""

import os
import random
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import define, field
from sqlalchemy import delete, inspect, select, update
from sqlalchemy import event as listeners
from tests.postgresql import Server, program, server

from cobrowse_session import Event, Lifecycle, SessionLog
from cobrowse_session.store import Store
from cobrowse_session.store.database import Database
from cobrowse_session.store.schema import EVENTS, HORIZON, METADATA, SESSIONS
from cobrowse_session.store.verify import verify
from cobrowse_session.wire import decode_event
from cobrowse_session.wire.trace import trace_entry

# --- Databases ----------------------------------------------------------------------------------------------------------------

NUMBERS = count()
"""For the names of databases."""


@define
class Place:
    """A database, and the stores that a test opens over it."""

    url: str
    _opened: list[Store] = field(factory=list, init=False)

    def open(self, lifecycle: Lifecycle | None = None, **options: Any) -> Store:
        """Open a store. `Any`: its options."""
        store = Store(self.url, lifecycle, **options)
        self._opened.append(store)
        return store

    def close(self) -> None:
        """Close all stores."""
        for store in self._opened:
            store.close()
        self._opened.clear()

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file."""
        return self.url.startswith("sqlite")


@define
class Databases:
    """Makes databases of one kind."""

    kind: str
    _create: Callable[[], str]
    _reused: Database | None = field(default=None, init=False)

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Make an empty database, for one test."""
        place = Place(self._create())
        try:
            yield place
        finally:
            place.close()

    @contextmanager
    def emptied(self) -> Iterator[Place]:
        """Empty a database that is used again and again: a database of its own costs PostgreSQL much longer."""
        if self._reused is None:
            self._reused = Store(self._create()).database
        with self._reused.writing() as connection:
            found = set(inspect(connection).get_table_names()) - METADATA.tables.keys() - {"alembic_version"}
            for name in found:
                connection.exec_driver_sql(f"drop table {name}")
            for table in reversed(METADATA.sorted_tables):
                if table is not HORIZON:
                    connection.execute(delete(table))
            connection.execute(update(HORIZON).values(sealed=None, forgotten=None))
        place = Place(self._reused.engine.url.render_as_string(hide_password=False))
        try:
            yield place
        finally:
            place.close()

    def close(self) -> None:
        """Close the connections."""
        if self._reused is not None:
            self._reused.close()


def sqlite_databases(folder: Path) -> Databases:
    """Return what makes SQLite files in a folder."""
    numbers = count()
    return Databases("sqlite", lambda: f"sqlite:///{folder / f'{next(numbers)}.db'}")


def postgresql_databases(server: Server) -> Databases:
    """Return what makes databases of a server."""

    def create() -> str:
        name = f"tests{next(NUMBERS)}"
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"create database {name}")
        return server.url_of(name)

    return Databases("postgresql", create)


@contextmanager
def a_server() -> Iterator[Server]:
    """Run a server of PostgreSQL, or skip the test where none is installed."""
    if program("initdb") is None:
        assert "REQUIRE_POSTGRESQL" not in os.environ, "no server of PostgreSQL is installed"
        pytest.skip("no server of PostgreSQL is installed")
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))  # not in pytest's folders: another user must reach it
    try:
        with server(folder) as one:
            yield one
    finally:
        shutil.rmtree(folder)


# --- What is in them ----------------------------------------------------------------------------------------------------------


@contextmanager
def statements(store: Store, *, with_parameters: bool = False) -> Iterator[list[str]]:
    """Collect the statements that a store sends."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        sent.append(f"{statement} {parameters}" if with_parameters else statement)

    listeners.listen(store.database.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        listeners.remove(store.database.engine, "before_cursor_execute", note)


def rows(store: Store, table: Any) -> list[dict[str, Any]]:
    """Return all rows of a table, in the order of its key. `Any`: what the columns hold."""
    with store.database.reading() as connection:
        return [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]


def stored_events(store: Store) -> dict[str, list[Event]]:
    """Return the events of each session, as they were stored, without those that came too late."""
    found: dict[str, list[Event]] = defaultdict(list)
    for row in rows(store, EVENTS):
        if not row["late"]:
            found[row["session"]].append(decode_event(row["document"], table=store.lifecycle.table))
    return found


def proved(store: Store) -> int:
    """Check that a store verifies, and that each session is the fold of its events in another order. Return their number."""
    assert verify(store).findings == []
    copies, count = stored_events(store), 0
    for log in store.iterate():
        events = copies[log.session_id]
        shuffled = random.Random(log.session_id).sample(events, len(events))
        assert_is_the_fold(log, shuffled, log.advanced)
        count += 1
    assert count == len(rows(store, SESSIONS))
    return count


def assert_is_the_fold(log: SessionLog, events: Iterable[Event], until: datetime | None) -> None:
    """Check a log beside one that takes the events anew."""
    expected = SessionLog.of(events, log.lifecycle, until=until)
    assert list(map(trace_entry, log.trace)) == list(map(trace_entry, expected.trace))
    assert (log.session, log.session.settings, log.context) == (expected.session, expected.session.settings, expected.context)
    assert log.deadline == expected.deadline
