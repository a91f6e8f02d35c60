"""The commands of a store: verify, export, import and upgrade, and a store in place of a file of events."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from tests.commands import command

from cobrowse_session import Event, Lifecycle, Settings
from cobrowse_session.store import Store
from cobrowse_session.store.schema import EVENTS, RULES, SESSIONS
from cobrowse_session.testing import stream
from cobrowse_session.wire import encode_event

LIFECYCLE = Lifecycle(settings=Settings(wrapup_prompt="timeout", wrapup_timeout=timedelta(seconds=30)))
OPEN = stream("open").alerting(queue_id="sales").after(3).connected()
OVER = stream("over").alerting().after(3).connected().after(60).disconnected("peer").after(20).wrapup("sale")
TOO_LATE = OVER.after(60).updated(peer_id="p").events[-1]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A store with a session that goes on, and a sealed one for which an event came too late."""
    path = tmp_path / "sessions.db"
    with Store(f"sqlite:///{path}", LIFECYCLE) as store:
        store.append([*OPEN, *OVER])
        assert store.seal(OVER.now + timedelta(hours=1)) == ("over",)
        assert store.append([TOO_LATE])[0].outcome.kind == "late"  # type: ignore[union-attr]  # an event has an outcome
    return path


def text(*events: Event) -> str:
    return "".join(f"{encode_event(event)}\n" for event in events)


def address(path: Path) -> str:
    return f"sqlite:///{path}"


# --- Verify -------------------------------------------------------------------------------------------------------------------


def test_a_store_that_is_right_verifies_clean(file: Path) -> None:
    done = command("store", "verify", address(file))

    assert (done.code, done.out) == (0, "")
    assert "2 sessions, 7 events: every session follows from its events" in done.err


CHANGES = [
    *(("events", column.name) for column in EVENTS.columns),
    *(("sessions", column.name) for column in SESSIONS.columns),
    *(("rules", column.name) for column in RULES.columns if column.name != "id"),
]


@pytest.mark.parametrize(("table", "column"), CHANGES)
def test_a_change_of_any_column_of_any_row_is_found(file: Path, table: str, column: str) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        names = [name for _, name, *_ in database.execute(f"pragma table_info({table})")]
        rows = database.execute(f"select * from {table}").fetchall()  # noqa: S608 (a table of the schema)
    place = names.index(column)
    for row in rows:
        changed = list(row)
        value = changed[place]
        changed[place] = f"{value}x" if isinstance(value, str) else 1 - value if column in ("late", "sealed") else 10**15
        with closing(sqlite3.connect(file)) as database, database:
            database.execute(f"delete from {table} where {names[0]} = ? and {names[1]} = ?", row[:2])  # noqa: S608 (as above)
            database.execute(f"insert into {table} values ({', '.join('?' * len(row))})", changed)  # noqa: S608 (as above)

        done = command("store", "verify", address(file))
        assert done.code == 1, (row, changed)
        assert done.out

        with closing(sqlite3.connect(file)) as database, database:
            database.execute(f"delete from {table} where {names[0]} = ? and {names[1]} = ?", changed[:2])  # noqa: S608 (as above)
            database.execute(f"insert into {table} values ({', '.join('?' * len(row))})", row)  # noqa: S608 (as above)
    assert command("store", "verify", address(file)).code == 0


def test_an_event_that_is_missing_is_found_and_named_as_json(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("delete from events where session = 'open' and position = 1")
    done = command("store", "verify", address(file), "--json")

    assert done.code == 1
    assert json.loads(done.out) == {"session": "open", "found": "1 events are stored, 2 were"}


def test_sessions_of_another_table_are_counted_and_no_fault(file: Path) -> None:
    done = command("store", "verify", address(file), "--table", "examples.tables.hold:TABLE")

    assert done.code == 0
    assert "2 sessions of another table could not be proved" in done.err


# --- Out and in ---------------------------------------------------------------------------------------------------------------


def test_an_export_is_imported_with_all_it_shows_and_without_its_messages(file: Path, tmp_path: Path) -> None:
    lines, other = tmp_path / "sessions.jsonl", tmp_path / "other.db"
    exported = command("store", "export", address(file), "-o", lines)
    imported = command("store", "import", address(other), lines)

    assert (exported.code, imported.code) == (0, 0)
    assert "8 messages not handed over, and not exported" in exported.err
    with Store(address(file)) as one, Store(address(other)) as copy:
        assert [log.session for log in copy.iterate()] == [log.session for log in one.iterate()]
        assert [log.trace for log in copy.iterate()] == [log.trace for log in one.iterate()]
        assert [late for _, late in copy.iterate_with_late()] == [(), (TOO_LATE,)]
        assert copy.outbox.pending() == ()
    assert command("store", "verify", address(other)).code == 0
    assert command("store", "export", address(other)).out == lines.read_text(encoding="utf-8")


def test_an_import_that_is_repeated_changes_nothing(file: Path, tmp_path: Path) -> None:
    lines, other = tmp_path / "sessions.jsonl", tmp_path / "other.db"
    command("store", "export", address(file), "-o", lines)
    for _ in range(2):
        command("store", "import", address(other), lines)

    assert command("store", "export", address(other)).out == lines.read_text(encoding="utf-8")


def test_a_line_that_is_no_saved_log_and_no_event_is_rejected_and_the_others_are_stored(tmp_path: Path) -> None:
    lines, rejects = tmp_path / "lines.jsonl", tmp_path / "rejects.jsonl"
    lines.write_text('{"format":99}\nnonsense\n[]\n' + text(*OPEN), encoding="utf-8")
    done = command("store", "import", address(tmp_path / "new.db"), lines, "--rejects", rejects)

    assert done.code == 1
    assert "2 events imported" in done.err
    assert "3 lines rejected" in done.err
    assert [json.loads(line)["line"] for line in rejects.read_text(encoding="utf-8").splitlines()] == [1, 2, 3]


# --- Upgrade ------------------------------------------------------------------------------------------------------------------


def test_upgrade_folds_the_sessions_of_another_table_that_are_not_sealed(file: Path) -> None:
    table = ("--table", "examples.tables.hold:TABLE")

    assert "1 session folded anew" in command("store", "upgrade", address(file), *table).err
    assert "0 sessions folded anew" in command("store", "upgrade", address(file), *table).err
    assert "1 session of another table could not be proved" in command("store", "verify", address(file), *table).err


# --- What is no store ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["verify", "export", "upgrade"])
def test_a_file_that_does_not_exist_is_an_error_and_is_not_created(tmp_path: Path, name: str) -> None:
    done = command("store", name, address(tmp_path / "none.db"))

    assert done.code == 2
    assert "there is no such file" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["verify", "export", "upgrade"])
def test_a_file_that_is_no_database_is_an_error_with_advice(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.db").write_text("no database" * 100, encoding="utf-8")
    done = command("store", name, address(tmp_path / "text.db"))

    assert done.code == 2
    assert "file is not a database" in done.err


@pytest.mark.parametrize("name", ["sessions.db", "mysql://host/db", "sqlite:", ""])
def test_what_is_no_address_of_a_store_is_an_error_with_an_example(name: str) -> None:
    done = command("store", "verify", name)

    assert done.code == 2
    assert "sqlite:///sessions.db" in done.err


# --- In place of a file -------------------------------------------------------------------------------------------------------


def test_a_store_stands_for_the_events_in_it_without_those_that_came_too_late(file: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_text(text(*OPEN, *OVER), encoding="utf-8")
    options = ("--acw", "timeout", "--acw-timeout", "30")

    assert command("replay", address(file), *options).out == command("replay", events, *options).out
    assert command("explain", address(file), "open", "state").out == command("explain", events, "open", "state").out
