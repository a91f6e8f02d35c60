"""The question: what does a durable append cost, beside the database alone and beside a library for event sourcing."""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from time import perf_counter_ns
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import psycopg
from attrs import frozen
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from sqlalchemy import event as listener
from tests import postgresql

from bench.measure import Ratio, Section, interleaved, times
from cobrowse_session import Event
from cobrowse_session.store import Store
from cobrowse_session.testing import stream

SINGLE, BATCHED, BATCH = 600, 12_000, 200
ROUNDS = 9
TEXT = (
    f"Lives of six events, of interleaved sessions: {SINGLE:,} events one by one, and {BATCHED:,} in batches of {BATCH}. Each "
    "append is a transaction, on disk when it returns: SQLite with a write-ahead log and `synchronous=FULL`, PostgreSQL as it "
    "is installed. *The driver alone* runs the statements that our store ran, with their parameters, without SQLAlchemy and "
    "without a lifecycle. *eventsourcing* stores events of an aggregate with the same kinds and times, and decides nothing. "
    f"Wall time, medians of {ROUNDS} interleaved rounds."
)
Statement = tuple[str, Any, bool]  # the parameters are the driver's
Appended = list[list[Statement]]


def measure(_: int) -> Section:
    """Measure all ways on both databases."""
    rows, ratios = [], []
    for database in databases():
        with database.opened() as fresh:
            for size, number, how, goal in (1, SINGLE, "one by one", "≥ 0.6"), (BATCH, BATCHED, f"batches of {BATCH}", "≥ 0.5"):
                cost = interleaved(_ways(database, fresh, number, size), ROUNDS)
                rate = {way: number / (nanos / 1e9) for way, nanos in cost.items()}
                ratio = {way: times(rate[OURS] / one) for way, one in rate.items()}
                rows += [[f"{database.name}, {how}: {way}", f"{rate[way]:,.0f}", ratio[way]] for way in rate]
                ratios += [
                    Ratio(
                        f"store, {database.name}, {how}: events a second, ours / {way}",
                        ratio[way],
                        goal if way == ALONE else "> 1",
                    )
                    for way in (ALONE, THEIRS)
                ]
    return Section("Store", TEXT, ("way", "events a second", "ours / this"), rows, tuple(ratios))


OURS, ALONE, THEIRS = "cobrowse-session", "the driver alone", "eventsourcing"


def _ways(database: "Database", fresh: Callable[[], str], number: int, size: int) -> dict[str, Callable[[], float]]:
    events = some_events(number)
    parts = [events[start : start + size] for start in range(0, number, size)]
    statements = recorded(fresh(), parts)
    return {
        OURS: lambda: ours(fresh(), parts),
        ALONE: lambda: database.alone(prepared(fresh()), statements),
        THEIRS: lambda: theirs(database.environment(fresh()), parts),
    }


def some_events(number: int) -> list[Event]:
    """Return events of interleaved sessions, in order."""
    lives = [
        stream(f"session-{one}")
        .offering()
        .alerting(queue_id="sales")
        .after(3)
        .connected()
        .after(60)
        .disconnected()
        .after(20)
        .wrapup("x")
        .after(2)
        .done()
        for one in range(number // 6)
    ]
    return [part for step in zip(*lives, strict=True) for part in step]


def passed(act: Callable[[], object]) -> float:
    """Return the nanoseconds that pass in one call. Processor time would leave out the disk."""
    began = perf_counter_ns()
    act()
    return float(perf_counter_ns() - began)


# --- Ways ---------------------------------------------------------------------------------------------------------------------


def ours(url: str, parts: Sequence[Sequence[Event]]) -> float:
    """Return the nanoseconds of our store."""
    with Store(url) as store:
        return passed(lambda: [store.append(part) for part in parts])


def recorded(url: str, parts: Sequence[Sequence[Event]]) -> Appended:
    """Return the statements of each append."""
    every: Appended = []
    with Store(url) as store:
        database, run = store.database, store.database.run

        def record(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:  # noqa: FBT001 (SQLAlchemy's)
            every[-1].append((statement, parameters, many))

        def run_and_record(connection: Any, statement: Any, rows: Any) -> Any:
            many = len(rows) > 1
            every[-1].append((database.compiled(statement, rows[0]), rows if many else rows[0], many))
            return run(connection, statement, rows)

        listener.listen(database.engine, "before_cursor_execute", record)
        database.run = run_and_record  # type: ignore[method-assign] # the statements that are sent without SQLAlchemy
        for part in parts:
            every.append([])
            store.append(part)
    return every


def prepared(url: str) -> str:
    """Create the tables, and return the address."""
    Store(url).close()
    return url


def sqlite_alone(url: str, appended: Appended) -> float:
    """Return the nanoseconds of SQLite's driver."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("pragma synchronous=full")

    def run() -> None:
        for statements in appended:
            connection.execute("begin immediate")
            for statement, parameters, many in statements:
                cursor = connection.executemany(statement, parameters) if many else connection.execute(statement, parameters)
                cursor.fetchall()
            connection.execute("commit")

    taken = passed(run)
    connection.close()
    return taken


def postgresql_alone(url: str, appended: Appended) -> float:
    """Return the nanoseconds of PostgreSQL's driver."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:

        def run() -> None:
            for statements in appended:
                for statement, parameters, many in statements:
                    if many:
                        cursor.executemany(statement, parameters)
                    else:
                        cursor.execute(statement, parameters)
                        if cursor.description:
                            cursor.fetchall()
                connection.commit()

        return passed(run)


class Life(Aggregate):
    """An aggregate with an event for each of ours."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.kind = ""

    @staticmethod
    def create_id(session: str) -> UUID:
        """Return the id of a session."""
        return uuid5(NAMESPACE_URL, session)

    @event("Happened")
    def happened(self, kind: str, at: str, source: str) -> None:  # noqa: ARG002 (they are in the event)
        """Take an event."""
        self.kind = kind


def theirs(environment: dict[str, str], parts: Sequence[Sequence[Event]]) -> float:
    """Return the nanoseconds of eventsourcing."""
    application = Application[UUID](env={"AGGREGATE_CACHE_MAXSIZE": "10000", **environment})

    def run() -> None:
        for part in parts:
            changed = {}
            for one in part:
                key = Life.create_id(one.subject)
                if key not in changed:
                    changed[key] = application.repository.get(key) if key in known else Life(one.subject)
                known.add(key)
                changed[key].happened(one.kind, one.occurred_at.isoformat(), one.source)
            application.save(*changed.values())

    known: set[UUID] = set()
    taken = passed(run)
    application.close()
    return taken


# --- Databases ----------------------------------------------------------------------------------------------------------------


@frozen
class Database:
    """A database.

    Attributes:
        name: of it.
        opened: yields a function that returns the address of a new database.
        alone: runs statements by the driver.
        environment: the settings of eventsourcing for an address.
    """

    name: str
    opened: Callable[[], Any]  # a context manager
    alone: Callable[[str, Appended], float]
    environment: Callable[[str], dict[str, str]]


def databases() -> Iterator[Database]:
    """Yield SQLite, and PostgreSQL where it is installed."""
    yield Database("SQLite", _sqlite, sqlite_alone, _sqlite_environment)
    if postgresql.program("initdb"):
        yield Database("PostgreSQL", _postgresql, postgresql_alone, _postgresql_environment)


@contextmanager
def _sqlite() -> Iterator[Callable[[], str]]:
    with tempfile.TemporaryDirectory() as folder:
        numbers = count()
        yield lambda: f"sqlite:///{folder}/{next(numbers)}.db"


def _sqlite_environment(url: str) -> dict[str, str]:
    return {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": url.removeprefix("sqlite:///")}


@contextmanager
def _postgresql() -> Iterator[Callable[[], str]]:
    with tempfile.TemporaryDirectory() as folder, postgresql.server(Path(folder)) as server:
        numbers = count()

        def fresh() -> str:
            name = f"bench_{next(numbers)}"
            with psycopg.connect(server.url, autocommit=True) as connection:
                connection.execute(f"create database {name}")
            return server.url_of(name)

        yield fresh


def _postgresql_environment(url: str) -> dict[str, str]:
    parts = psycopg.conninfo.conninfo_to_dict(url)
    names = {"DBNAME": "dbname", "HOST": "host", "PORT": "port", "USER": "user"}
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_PASSWORD": "none",
        **{f"POSTGRES_{name}": str(parts[key]) for name, key in names.items()},
    }
