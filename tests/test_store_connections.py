"""Connections of a store: after a fork, while another program holds a lock, and the order of messages of two transactions."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import event as listeners
from sqlalchemy import text, update
from tests.postgresql import Server
from tests.stores import Databases, Place, postgresql_databases, proved, rows, statements

from cobrowse_session.errors import ConflictError, StoreError
from cobrowse_session.store import Store
from cobrowse_session.store.schema import MESSAGES, SESSIONS
from cobrowse_session.store.store import ATTEMPTS
from cobrowse_session.store.unit import Unit
from cobrowse_session.store.verify import verify
from cobrowse_session.testing import stream

DAY = timedelta(days=1)
ENDED = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")


@pytest.fixture(scope="module")
def server_databases(postgresql: Server) -> Iterator[Databases]:
    """Return what makes databases of PostgreSQL."""
    made = postgresql_databases(postgresql)
    yield made
    made.close()


@pytest.fixture
def server_place(server_databases: Databases) -> Iterator[Place]:
    """Return an empty database of PostgreSQL."""
    with server_databases.emptied() as one:
        yield one


# --- The order of messages ----------------------------------------------------------------------------------------------------


def test_messages_of_a_session_come_in_the_order_in_which_it_changed_whichever_transaction_began_first(
    server_place: Place,
) -> None:
    store, other = server_place.open(), server_place.open()
    store.append(ENDED.events[:1])

    def work(unit: Unit) -> None:
        unit.connection.execute(text("select pg_current_xact_id()"))  # this transaction has the lower number
        other.append([*ENDED.events[1:2], *stream("s2").alerting()])
        unit.add(ENDED.events[2])

    store.run(work)

    of_session = [message for message in store.outbox.feed() if message.stored.id == "s1"]
    assert [message.version for message in of_session] == [1, 2, 3]
    assert [message.version for message in store.outbox.pending() if message.stored.id == "s1"] == [1, 2, 3]


def test_a_reader_misses_no_message_of_a_transaction_that_began_early_and_ended_late(server_place: Place) -> None:
    store, other = server_place.open(), server_place.open()
    store.append(ENDED.events[:1])
    read = list(other.outbox.feed())

    def work(unit: Unit) -> None:
        unit.connection.execute(text("select pg_current_xact_id()"))
        other.append(ENDED.events[1:2])
        read.extend(other.outbox.feed(read[-1].position))
        unit.add(ENDED.events[2])

    store.run(work)
    read.extend(other.outbox.feed(read[-1].position))

    assert [message.version for message in read] == [1, 2, 3]
    assert sorted(message.id for message in read) == [row["id"] for row in rows(store, MESSAGES)]


def test_messages_that_an_open_transaction_holds_back_are_counted(server_place: Place) -> None:
    store, other = server_place.open(), server_place.open()

    def work(unit: Unit) -> int:
        unit.connection.execute(text("select pg_current_xact_id()"))
        other.append(ENDED)
        assert other.outbox.feed() == ()
        return other.outbox.held_back

    assert store.run(work) == len(ENDED)
    assert store.outbox.held_back == 0


# --- Locks of others ----------------------------------------------------------------------------------------------------------


def test_a_lock_of_another_program_is_an_error_after_a_time_and_not_tried_ten_times(server_place: Place) -> None:
    store = server_place.open()
    store.append(ENDED.events[:1])
    impatient = Place(f"{server_place.url}?options=-c%20lock_timeout%3D50").open()

    with store.writing() as connection:
        connection.execute(text("select id from sessions for update"))
        with (
            statements(impatient) as sent,
            pytest.raises(StoreError, match="another transaction has held a lock for long: end it"),
        ):
            impatient.append(ENDED.events[1:])
    assert sum("FOR UPDATE" in statement for statement in sent) == 1

    assert len(impatient.append(ENDED.events[1:])) == 2
    impatient.close()


@pytest.mark.parametrize(
    ("query", "timeout"),
    [
        ("", "30s"),
        ("?options=-c%20lock_timeout%3D5s", "5s"),
        ("?options=-c%20statement_timeout%3D60s", "30s"),
        ("?connect_timeout=9", "30s"),
    ],
)
def test_a_lock_is_waited_for_half_a_minute_unless_the_address_states_a_time(
    server_place: Place, query: str, timeout: str
) -> None:
    store = Place(server_place.url + query).open()

    with store.database.reading() as connection:
        shown = {name: connection.scalar(text(f"show {name}")) for name in ("lock_timeout", "statement_timeout")}
    store.close()

    assert shown == {"lock_timeout": timeout, "statement_timeout": "1min" if "statement" in query else "0"}


# --- Forgetting ---------------------------------------------------------------------------------------------------------------


def test_a_late_event_that_is_stored_while_its_session_is_looked_for_keeps_the_session_and_its_message(
    server_place: Place,
) -> None:
    store, other = server_place.open(), server_place.open()
    store.append(ENDED)
    store.seal(ENDED.now + DAY)
    store.outbox.acknowledge(store.outbox.pending())
    late = ENDED.after(1).wrapup("sale").events[-1]

    def wait_after_the_snapshot(*call: Any) -> tuple[str, Any]:  # SQLAlchemy's
        wait = "FROM sessions CROSS JOIN (SELECT pg_advisory_xact_lock(7)) AS waiting"
        _, _, statement, parameters, *_ = call
        if "SKIP LOCKED" in statement:
            statement = statement.replace("FROM sessions", wait, 1).replace("FOR UPDATE", "FOR UPDATE OF sessions")
        return statement, parameters

    listeners.listen(other.database.engine, "before_cursor_execute", wait_after_the_snapshot, retval=True)
    with ThreadPoolExecutor() as threads:
        with store.writing() as connection:
            connection.execute(text("select pg_advisory_xact_lock(7)"))
            forgotten = threads.submit(other.forget, ENDED.now + DAY)
            waiting = text("select count(*) from pg_locks where locktype = 'advisory' and not granted")
            while not connection.scalar(waiting):
                assert not forgotten.done()
            server_place.open().append([late])
        assert forgotten.result(timeout=60) == 0

    assert [message.kind for message in store.outbox.pending()] == ["late"]
    assert proved(store) == 1


# --- Fork ---------------------------------------------------------------------------------------------------------------------

FORKS = """
import os, sys
from cobrowse_session.store import Store
from cobrowse_session.testing import stream

store = Store(sys.argv[1])
store.append(stream("before").alerting())
inherited = store.database.engine.pool
children = []
for number in range(2):
    child = os.fork()
    if not child:
        code = 1
        try:
            assert store.database.engine.pool is not inherited
            for call in range(20):
                store.append(stream(f"{number}-{call}").alerting())
            code = 0
        finally:
            os._exit(code)
    children.append(child)
for call in range(20):
    store.append(stream(f"parent-{call}").alerting())
codes = [os.waitpid(child, 0)[1] for child in children]
store.append(stream("after").alerting())
store.close()
sys.exit(codes != [0, 0])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="it has no fork")
def test_processes_that_were_forked_after_a_store_was_opened_use_connections_of_their_own(place: Place) -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", FORKS, place.url], capture_output=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
    assert proved(place.open()) == 62


FORK_IN_MEMORY = """
import os
from cobrowse_session.store import Store
from cobrowse_session.testing import stream

store = Store("sqlite://")
store.append(stream("before").alerting())
child = os.fork()
store.append(stream("child" if child == 0 else "parent").alerting())
found = [stored.id for stored in store.find().sessions]
if child == 0:
    os._exit(found != ["before", "child"])
assert found == ["before", "parent"]
assert os.waitpid(child, 0)[1] == 0
store.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="it has no fork")
def test_a_process_that_was_forked_has_a_copy_of_a_store_in_memory() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", FORK_IN_MEMORY], capture_output=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


# --- Statements that are sent together ----------------------------------------------------------------------------------------


def test_a_connection_that_breaks_before_the_rows_are_sent_is_an_error_and_the_next_append_opens_another(
    server_place: Place,
) -> None:
    store, other = server_place.open(), server_place.open()
    store.append(ENDED.events[:1])

    def work(unit: Unit) -> None:
        unit.read(["s1"])
        unit.add(ENDED.events[1])
        own = unit.connection.scalar(text("select pg_backend_pid()"))
        with other.writing() as connection:
            connection.execute(text("select pg_terminate_backend(:own, 10000)"), {"own": own})

    with pytest.raises(StoreError):
        store.run(work)

    kinds = [change.outcome.kind for change in store.append(ENDED) if change.outcome]
    assert kinds == ["repeat", "applied", "applied"]
    assert proved(store) == 1


@pytest.mark.parametrize("begins", [False, True], ids=["read", "write"])
def test_a_connection_that_breaks_while_it_waits_for_answers_says_why_and_logs_no_traceback(
    server_place: Place, caplog: pytest.LogCaptureFixture, *, begins: bool
) -> None:
    store, other = server_place.open(), server_place.open()
    store.append(ENDED.events[:1])
    new = stream("s2").alerting() if begins else ENDED.events[1:]

    with ThreadPoolExecutor() as threads:
        with other.writing() as connection:
            connection.execute(text("lock table events in share mode" if begins else "select id from sessions for update"))
            appended = threads.submit(store.append, new)
            waiting = text("select pid from pg_stat_activity where wait_event_type = 'Lock'")
            while (pid := connection.scalar(waiting)) is None:
                connection.execute(text("select pg_stat_clear_snapshot()"))
                assert not appended.done()
            connection.execute(text("select pg_terminate_backend(:pid, 10000)"), {"pid": pid})
        with pytest.raises(StoreError, match="connection"):
            appended.result(timeout=60)

    assert [record.name for record in caplog.records if record.exc_info] == []
    assert all(change.outcome.kind == "applied" for change in store.append(new) if change.outcome)
    assert proved(store) == 1 + begins


def test_a_connection_that_cannot_take_another_statement_after_an_error_is_discarded_without_a_traceback(
    server_place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    store = server_place.open()
    store.append(ENDED.events[:1])

    def fail_before_the_answer(unit: Unit) -> None:
        with store.database.together(unit.connection):
            driver = unit.connection.connection.driver_connection
            assert driver is not None
            driver.pgconn.send_query_params(b"select 1", None)  # nobody fetches its answer, so the pipeline cannot end
            raise psycopg.OperationalError("the network is slow")

    with pytest.raises(StoreError, match="the network is slow"):
        store.run(fail_before_the_answer)

    assert [record.name for record in caplog.records if record.exc_info] == []
    assert len(store.append(ENDED)) == 3
    assert proved(store) == 1


def test_a_version_that_is_not_the_one_that_was_read_is_a_lost_race_on_every_database(place: Place) -> None:
    store = place.open()
    store.append(ENDED.events[:1])
    before = rows(store, SESSIONS)
    tried: list[int] = []

    def work(unit: Unit) -> None:
        unit.read(["s1"])
        unit.connection.execute(update(SESSIONS).values(version=SESSIONS.c.version + 1))
        unit.add(ENDED.events[1])
        tried.append(1)

    with pytest.raises(ConflictError, match="other writers were first"):
        store.run(work)

    assert (len(tried), rows(store, SESSIONS)) == (ATTEMPTS, before)


# --- After the end ------------------------------------------------------------------------------------------------------------

USES: dict[str, Callable[[Store], object]] = {
    "append": lambda store: store.append(ENDED),
    "run": lambda store: store.run(lambda unit: unit.new_events),
    "load": lambda store: store.load("s1"),
    "get": lambda store: store.get("s1"),
    "find": lambda store: store.find(),
    "active": lambda store: store.active(),
    "iterate": lambda store: list(store.iterate()),
    "count": lambda store: store.count(),
    "deadline": lambda store: store.deadline,
    "due": lambda store: store.due(ENDED.now),
    "advance": lambda store: store.advance(ENDED.now),
    "seal": lambda store: store.seal(ENDED.now),
    "refold": lambda store: store.refold(),
    "forget": lambda store: store.forget(ENDED.now),
    "begin_epoch": lambda store: store.begin_epoch(),
    "probe": lambda store: store.probe(),
    "pending": lambda store: store.outbox.pending(),
    "acknowledge": lambda store: store.outbox.acknowledge([1]),
    "feed": lambda store: store.outbox.feed(),
    "verify": verify,
}


@pytest.mark.parametrize("name", USES)
def test_a_store_that_was_closed_says_so_and_opens_no_connection(place: Place, name: str) -> None:
    store = place.open()
    store.append(ENDED)
    store.close()
    opened: list[object] = []
    listeners.listen(store.database.engine, "connect", lambda connection, _: opened.append(connection))

    with pytest.raises(StoreError, match=r"the store was closed.*open it again"):
        USES[name](store)
    assert opened == []


def test_a_connection_that_is_in_use_when_the_store_is_closed_is_closed_when_it_is_returned(place: Place) -> None:
    store = place.open()
    with store.database.reading() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        store.close()

    with pytest.raises((sqlite3.ProgrammingError, psycopg.OperationalError), match="closed"):
        driver.cursor().execute("select 1")


def test_a_log_whose_events_were_not_read_before_its_store_was_closed_says_so(place: Place) -> None:
    store = place.open()
    store.append(ENDED)
    log = store.load("s1")
    assert log is not None
    store.close()

    assert log.session.state == "disconnected"  # it was read
    with pytest.raises(StoreError, match="read what is needed before it is closed"):
        _ = log.trace


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_all_characters_is_no_store(postgresql: Server, encoding: str) -> None:
    name = f"of_{encoding.lower()}"
    with psycopg.connect(postgresql.url, autocommit=True) as connection:
        connection.execute(f"create database {name} encoding '{encoding}' template template0 lc_collate 'C' lc_ctype 'C'")

    with pytest.raises(StoreError, match=f"its encoding is {encoding}; create the database with the encoding UTF8"):
        Store(postgresql.url_of(name))
