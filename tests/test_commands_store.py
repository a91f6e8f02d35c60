"""The commands of a store: verify, export, import and upgrade, and a store in place of a file of events."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from examples.tables import hold
from freezegun import freeze_time
from tests.commands import command

from cobrowse_session import Event, Lifecycle, SessionLog, Settings
from cobrowse_session.store import Store
from cobrowse_session.store.schema import EVENTS, RULES, SESSIONS, SHARED
from cobrowse_session.stream import explain, history_entries
from cobrowse_session.testing import stream
from cobrowse_session.wire import encode_event, encode_session, trace_entries
from cobrowse_session.wire.converter import read_time

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
    assert [*map(json.loads, done.out.splitlines())] == [
        {"session": "open", "found": "1 events are stored, 2 were"},
        {"sessions": 2, "events": 6, "proved": 1, "wrong": 1, "otherTable": 0, "toUpgrade": 0},
    ]


def test_a_store_with_sessions_of_another_table_is_not_called_proved(file: Path) -> None:
    table = ("--table", "examples.tables.hold:TABLE")
    done, as_json = command("store", "verify", address(file), *table), command("store", "verify", address(file), *table, "--json")

    assert (done.code, done.out, as_json.code) == (1, "", 1)
    assert "2 sessions, 7 events: 0 of 2 sessions proved" in done.err
    assert "1 session of another table, not sealed" in done.err
    assert "`store upgrade`" in done.err
    numbers = {"sessions": 2, "events": 7, "proved": 0, "wrong": 0, "otherTable": 2, "toUpgrade": 1}
    assert json.loads(as_json.out) == numbers


def test_a_session_that_was_sealed_under_another_table_is_no_fault(file: Path) -> None:
    table = ("--table", "examples.tables.hold:TABLE")
    command("store", "upgrade", address(file), *table)
    done = command("store", "verify", address(file), *table)

    assert done.code == 0
    assert "2 sessions, 7 events: 1 of 2 sessions proved" in done.err
    assert "1 session sealed under another table, and kept as sealed. That is no fault." in done.err
    assert "store upgrade" not in done.err


# --- Repair -------------------------------------------------------------------------------------------------------------------


def damage(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        assert database.execute(statement).rowcount


def test_a_session_whose_document_is_broken_is_repaired_and_a_second_repair_does_nothing(file: Path) -> None:
    whole = command("store", "export", address(file)).out
    damage(file, "update sessions set document = '{broken' where id = 'open'")
    done, again = command("store", "repair", address(file)), command("store", "repair", address(file))

    assert (done.code, done.out, again.code) == (0, "", 0)
    assert "1 session repaired" in done.err
    assert "0 sessions repaired" in again.err
    assert command("store", "verify", address(file)).code == 0
    assert command("store", "export", address(file)).out == whole


def test_an_event_that_cannot_be_read_comes_from_a_backup(file: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup.jsonl"
    whole = command("store", "export", address(file), "-o", backup)
    damage(file, "update events set document = '{broken' where session = 'open' and position = 1")
    done = command("store", "repair", address(file), backup, "-o", tmp_path / "lost.jsonl")

    assert (whole.code, done.code) == (0, 0)
    assert not (tmp_path / "lost.jsonl").exists()
    assert command("store", "export", address(file)).out == backup.read_text(encoding="utf-8")


@pytest.mark.parametrize("to_file", [True, False])
def test_an_event_that_cannot_be_kept_is_named_and_added_to_a_file(file: Path, tmp_path: Path, *, to_file: bool) -> None:
    lost = tmp_path / "lost.jsonl"
    lost.write_text("before\n", encoding="utf-8")
    damage(file, "update events set document = '{broken' where session = 'open' and position = 1")
    done = command("store", "repair", address(file), "-o", lost if to_file else "-")

    assert done.code == 1
    assert "session 'open': the event at position 1 could not be kept" in done.err
    written = lost.read_text(encoding="utf-8").splitlines()[1:] if to_file else done.out.splitlines()
    assert [*map(json.loads, written)] == [{"session": "open", "position": 1, "document": "{broken"}]
    assert command("store", "verify", address(file)).code == 0


def test_a_file_that_cannot_be_written_keeps_the_event_where_it_is(file: Path, tmp_path: Path) -> None:
    damage(file, "update events set document = '{broken' where session = 'open' and position = 1")
    done = command("store", "repair", address(file), "-o", tmp_path / "no folder" / "lost.jsonl")

    assert done.code == 1
    assert "No such file or directory" in done.err
    assert "1 session not repaired" in done.err
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("select count(*) from events where document = '{broken'").fetchone() == (1,)


def test_a_session_without_an_event_that_can_be_read_needs_a_backup(file: Path) -> None:
    damage(file, "update events set document = '{broken' where session = 'open'")
    done = command("store", "repair", address(file))

    assert done.code == 1
    assert "session 'open': no event of it can be read: give a backup that has it" in done.err
    assert "1 session not repaired" in done.err


def test_a_backup_of_another_kind_repairs_nothing(file: Path, tmp_path: Path) -> None:
    damage(file, "update sessions set document = '{broken' where id = 'open'")
    (tmp_path / "payload.json").write_text('{"id":"c1","participants":[{"id":"p1","calls":[]}]}\n', encoding="utf-8")
    done = command("store", "repair", address(file), tmp_path / "payload.json")

    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "not saved logs or events" in done.err
    assert command("store", "verify", address(file)).code == 1


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


@pytest.mark.parametrize(
    ("content", "holds", "advice"),
    [
        ('{"id":"c1","participants":[{"id":"p1","purpose":"agent","calls":[]}]}', "a payload", "cobrowse-session convert"),
        (json.dumps({"session": "s", "type": "t", "at": "", "outcome": "applied"}), "the trace", "store export"),
        (encode_session(SessionLog.of(OPEN).session), "sessions", "store export"),
        (json.dumps(json.loads(encode_event(OPEN.events[0])), indent=1), "events that are spread", "jq -c"),
    ],
)
def test_a_file_of_another_kind_is_one_sentence_with_what_helps_and_no_database_is_made(
    tmp_path: Path, content: str, holds: str, advice: str
) -> None:
    lines, store = tmp_path / "lines.jsonl", tmp_path / "new.db"
    lines.write_text(content + "\n", encoding="utf-8")
    done = command("store", "import", address(store), lines)

    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert f"it holds {holds}" in done.err
    assert "not saved logs or events" in done.err
    assert advice in done.err
    assert not store.exists()


@pytest.mark.parametrize("table", ["sessions", "events"])
def test_an_export_leaves_out_a_session_that_cannot_be_read_and_has_the_others(file: Path, tmp_path: Path, table: str) -> None:
    lines, key = tmp_path / "sessions.jsonl", {"sessions": "id", "events": "session"}[table]
    whole = command("store", "export", address(file)).out.splitlines()
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(f"update {table} set document = '{{broken' where {key} = 'open'")  # noqa: S608 (as above)
    done = command("store", "export", address(file), "-o", lines)

    assert done.code == 1
    assert "session 'open' cannot be read" in done.err
    assert "1 session exported" in done.err
    assert "1 session not exported. See `store repair`." in done.err
    assert lines.read_text(encoding="utf-8").splitlines() == whole[1:]


def test_an_export_leaves_out_a_clock_that_cannot_be_read_and_has_the_sessions(file: Path, tmp_path: Path) -> None:
    lines, whole = tmp_path / "sessions.jsonl", command("store", "export", address(file)).out
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("insert into clocks (worker, source, document) values (?, '/acme', '{}')", (SHARED,))
    done = command("store", "export", address(file), "-o", lines)

    assert done.code == 1
    assert "the clock of source '/acme' cannot be read" in done.err
    assert "2 sessions exported" in done.err
    assert "1 clock not exported. Delete the row of the table clocks, and it learns anew." in done.err
    assert "session not exported" not in done.err
    assert lines.read_text(encoding="utf-8") == whole


# --- Upgrade ------------------------------------------------------------------------------------------------------------------


def test_upgrade_folds_the_sessions_of_another_table_that_are_not_sealed(file: Path) -> None:
    table = ("--table", "examples.tables.hold:TABLE")

    assert "1 session folded anew" in command("store", "upgrade", address(file), *table).err
    assert "0 sessions folded anew" in command("store", "upgrade", address(file), *table).err


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


# --- Clean --------------------------------------------------------------------------------------------------------------------


def test_forget_deletes_sealed_sessions_whose_messages_were_acknowledged_and_no_others(file: Path) -> None:
    later = ("--before", "2026-03-02T00:00:00Z")
    waiting = command("store", "forget", address(file), *later)
    with Store(address(file)) as store:
        store.outbox.acknowledge(store.outbox.pending())
    early = command("store", "forget", address(file), "--before", "2026-03-01T00:00:00Z")
    done = command("store", "forget", address(file), *later)

    assert (waiting.code, early.code, done.code) == (0, 0, 0)
    assert "0 sessions deleted" in waiting.err
    assert "8 messages not handed over. Sessions stay until theirs are." in waiting.err
    assert "0 sessions deleted" in early.err
    assert "1 session deleted" in done.err
    with Store(address(file)) as store:
        assert [one.id for one in store.find().sessions] == ["open"]
    assert command("store", "verify", address(file)).code == 0


def test_trim_deletes_acknowledged_messages_of_quiet_sessions_and_no_others(file: Path) -> None:
    with Store(address(file)) as store:
        every = store.outbox.pending()
        store.outbox.acknowledge(every[1:])
        old = [message for message in every[1:] if message.stored.latest < OVER.now]  # type: ignore[operator]  # each has events
    done = command("store", "trim", address(file), "--before", OVER.now.isoformat())

    assert len({message.stored.id for message in every}) == 2
    assert f"{len(old)} message" in done.err
    assert len(old) > 0
    with Store(address(file)) as store:
        assert len(store.outbox.feed()) == len(every) - len(old)
        assert [message.id for message in store.outbox.pending()] == [every[0].id]
        assert store.count() == 2


def test_a_duration_is_so_long_ago(file: Path) -> None:
    with Store(address(file)) as store:
        store.outbox.acknowledge(store.outbox.pending())
        (latest,) = [one.latest for one in store.find(sealed=True).sessions]
        assert latest is not None
    with freeze_time(latest + timedelta(hours=36)):
        done = [command("store", "forget", address(file), "--before", before).err for before in ("1.5d", "35h")]

    assert ["0 sessions deleted" in done[0], "1 session deleted" in done[1]] == [True, True]


@pytest.mark.parametrize("name", ["forget", "trim"])
@pytest.mark.parametrize("before", ["9000-01-01T00:00:00Z", "yesterday", "2026-03-01", "90", "-1d", "1 d", "3y", "1.5.0d"])
def test_a_time_that_is_ahead_or_none_deletes_nothing(file: Path, name: str, before: str) -> None:
    done = command("store", name, address(file), "--before", before)

    assert (done.code, "--before" in done.err) == (2, True)
    with Store(address(file)) as store:
        assert (store.count(), len(store.outbox.feed())) == (2, 8)


# --- In place of a file -------------------------------------------------------------------------------------------------------


@pytest.fixture
def fired(tmp_path: Path) -> tuple[Path, SessionLog]:
    """A store of a service: a session whose timer has fired, under settings that no event states. And its log."""
    call = stream("fired").alerting(user_id="ann", purpose="agent").after(3).connected().after(60).disconnected("peer")
    goes_on = stream("goes on").alerting(user_id="ben", purpose="agent").after(3).connected().after(90).disconnected("peer")
    with Store(f"sqlite:///{tmp_path / 'fired.db'}", LIFECYCLE) as store:
        store.append([*call, *goes_on])
        store.advance(call.now + timedelta(seconds=40))
        log = store.load("fired")
        assert log is not None
        assert log.trace
    return tmp_path / "fired.db", log


def test_each_command_shows_a_session_as_the_store_has_it(fired: tuple[Path, SessionLog], tmp_path: Path) -> None:
    file, log = fired
    store, trace = address(file), tmp_path / "trace.jsonl"
    sessions = command("replay", store, "--trace", trace).out.splitlines()

    assert sessions[0] == encode_session(log.session)
    assert [json.loads(line) for line in trace.read_text(encoding="utf-8").splitlines() if '"fired"' in line] == [
        *trace_entries(log)
    ]
    assert command("history", store, "fired").out.splitlines()[1:] == [
        line if not number else f"    {line}" for entry in history_entries(log) for number, line in enumerate(entry.lines)
    ]
    assert command("explain", store, "fired", "wrapup.code").out == f"{explain(log, 'wrapup.code')}\n"
    assert "timer.acw" in command("timeline", store, "fired").out
    assert "after-call work" in command("perfetto", store).out
    listed = command("replay", store, "--by", "user").out
    assert "ben" in listed
    assert "ann" not in listed


def test_a_store_shows_a_session_as_it_was_known_at_a_time(fired: tuple[Path, SessionLog]) -> None:
    file, log = fired
    then = "2026-03-01T09:00:30Z"
    shown = command("replay", address(file), "--known-at", then).out.splitlines()

    assert shown[0] == encode_session(log.as_of(read_time(then)).session)


def test_until_advances_the_sessions_of_a_store_and_stores_nothing(fired: tuple[Path, SessionLog]) -> None:
    file, _ = fired
    shown = command("history", address(file), "goes on", "--until", "end")

    assert "timer.acw" in shown.out
    with Store(address(file)) as store:
        stored = store.get("goes on")
        assert stored is not None
        assert stored.session.wrapup is None


def test_rules_in_the_options_fold_the_events_of_a_store_anew_and_the_command_says_so(
    fired: tuple[Path, SessionLog], tmp_path: Path
) -> None:
    events = tmp_path / "events.jsonl"
    with Store(address(fired[0])) as store:
        events.write_text(text(*(copy for log in store.iterate() for copy in log.copies)), encoding="utf-8")
    options = ("--acw", "mandatory")
    shown = command("history", address(fired[0]), *options)

    assert shown.out == command("history", events, *options).out
    assert "Leave them out to see the sessions as they are stored" in shown.err


def test_a_store_is_shown_without_the_events_that_came_too_late(file: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_text(text(*OPEN, *OVER), encoding="utf-8")
    options = ("--acw", "timeout", "--acw-timeout", "30")

    assert command("replay", address(file)).out == command("replay", events, *options).out
    assert command("explain", address(file), "open", "state").out == command("explain", events, "open", "state").out


def test_a_session_that_a_store_does_not_have_is_an_error_with_the_nearest(file: Path) -> None:
    done = command("history", address(file), "opem")

    assert (done.code, "Did you mean 'open'?" in done.err) == (2, True)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A store with a session of a table of its own."""
    held = stream("held").alerting().after(3).connected().after(60).event(hold.Held)
    with Store(address(tmp_path / "own.db"), Lifecycle(table=hold.TABLE)) as store:
        store.append(held)
    return tmp_path / "own.db"


WARNING = "1 session of another table. Fields, states and events of its own are not shown. Name it with --table"


@pytest.mark.parametrize(
    "arguments",
    [
        ("history", "{}", "held"),
        ("explain", "{}", "held", "state"),
        ("replay", "{}"),
        ("timeline", "{}", "held"),
        ("store", "export", "{}"),
    ],
)
def test_a_table_that_is_not_named_is_missed_and_one_that_is_named_is_used(own: Path, arguments: tuple[str, ...]) -> None:
    words = [word.format(address(own)) for word in arguments]
    without, named = command(*words), command(*words, "--table", "examples.tables.hold:TABLE")

    assert (WARNING in without.err, WARNING in named.err) == (True, False)
    assert (without.code, named.code) == (0, 0)
    if arguments[0] == "replay":
        assert ('"held":true' in without.out, '"held":true' in named.out) == (False, True)


def test_an_upgrade_without_the_table_that_sessions_had_names_the_option_and_one_with_it_brings_their_fields_back(
    own: Path,
) -> None:
    table, hint = ("--table", "examples.tables.hold:TABLE"), "upgrade again with --table MODULE:NAME"
    without = command("store", "upgrade", address(own))
    named = command("store", "upgrade", address(own), *table)

    assert "session 'held' reads differently: providerEventTime, segments, held, holdCount" in without.out
    assert "session 'held' reads differently: providerEventTime, segments, held, holdCount" in named.out
    assert (hint in without.err, hint in named.err) == (True, False)
    assert '"held":true' in command("replay", address(own), *table).out
    assert hint not in command("store", "upgrade", address(own), *table).err
