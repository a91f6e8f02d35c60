"""The repair of a store: whatever something else changed of a session, it is rebuilt from its events."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from attrs import evolve
from examples.tables import hold
from sqlalchemy import delete, insert, text, update
from tests.stores import Databases, Place, proved, rows
from tests.strategies import at
from tests.test_verify import TIMED, filled, key_of, other

from cobrowse_session import Lifecycle, StoreError
from cobrowse_session.checks import json_text
from cobrowse_session.io.replay import Rejected
from cobrowse_session.store import Finding, Lost, Repaired, Store, repair, verify
from cobrowse_session.store.rows import rules_digest, with_digest
from cobrowse_session.store.schema import EVENTS, MESSAGES, RULES, SESSIONS
from cobrowse_session.store.transfer import export_lines
from cobrowse_session.testing import stream
from cobrowse_session.wire import encode_event
from cobrowse_session.wire.saved import save_context
from cobrowse_session.wire.trace import trace_entries

FORGED = {"json": "{broken", "list": "[]", "null": "null", "object": "{}", "deep": "[" * 100_000}
WEIRD = ["x'ff'", "cast(x'62ff' as text)", "'abc'", "-1", "9223372036854775807"]


def backup_of(store: Store) -> BytesIO:
    return BytesIO("".join(f"{line}\n" for line in export_lines(store)).encode())


def shown(store: Store) -> dict[str, Any]:
    """Return what a store shows of each session, without what counts its writing. `Any`: JSON."""
    found = {}
    for log, late in store.iterate_with_late():
        one = store.get(log.session_id)
        assert one is not None
        trace = [*map(dict, trace_entries(log))]
        found[one.id] = one.session, save_context(one.context), trace, one.latest, one.deadline, one.sealed, late, log.lifecycle
    return found


def others(store: Store, session: str) -> list[Any]:
    """Return all rows of other sessions, and all messages. `Any`: what the columns hold."""
    sessions = [row for row in rows(store, SESSIONS) if row["id"] != session]
    events = [row for row in rows(store, EVENTS) if row["session"] != session]
    return [sessions, events, rows(store, MESSAGES)]


def run(store: Store, statement: Any) -> None:  # SQLAlchemy's
    with store.writing() as connection:
        assert connection.execute(statement).rowcount


def assert_is_repaired(place: Place, session: str, before: dict[str, Any], rest: list[Any], backup: BytesIO | None) -> None:
    """Repair what was damaged, and check that everything is as before, apart from the version of the session."""
    store = place.open(TIMED)
    version = {row["id"]: row["version"] for row in rows(store, SESSIONS)}
    assert session in verify(store).wrong

    repaired = repair(store, backup)

    assert (repaired.left, repaired.lost) == ([], [])
    assert session in repaired.sessions
    assert proved(store) == len(before)
    assert shown(place.open(TIMED)) == before
    assert others(store, session) == rest
    (row,) = (row for row in rows(store, SESSIONS) if row["id"] == session)
    was = version.get(session, 0)
    assert not isinstance(was, int) or not 0 < was < 1_000 or row["version"] > was
    after = [rows(store, table) for table in (SESSIONS, EVENTS, RULES, MESSAGES)]
    assert repair(store, backup) == Repaired()
    assert [rows(store, table) for table in (SESSIONS, EVENTS, RULES, MESSAGES)] == after


SESSION_COLUMNS = [column.name for column in SESSIONS.columns if column.name not in ("id", "rules")]
NAMES = ["goes on", "sealed", "waits", "fired"]


@pytest.mark.parametrize("with_backup", [True, False], ids=["backup", "alone"])
@pytest.mark.parametrize("session", NAMES)
def test_a_session_with_any_changed_column_is_as_it_was(place: Place, session: str, *, with_backup: bool) -> None:
    store = filled(place)
    for column in SESSION_COLUMNS:
        before, rest, backup = shown(store), others(store, session), backup_of(store)
        (row,) = (row for row in rows(store, SESSIONS) if row["id"] == session)
        if row[column] is None:
            continue
        run(store, update(SESSIONS).where(SESSIONS.c.id == session).values({column: other(row[column])}))
        assert_is_repaired(place, session, before, rest, backup if with_backup else None)


@pytest.mark.parametrize("with_backup", [True, False], ids=["backup", "alone"])
@pytest.mark.parametrize("session", ["sealed", "waits"])
def test_a_session_whose_row_has_values_of_any_type_is_as_it_was(place: Place, session: str, *, with_backup: bool) -> None:
    if not place.is_sqlite:
        pytest.skip("a server checks the types")
    store = filled(place)
    for column in (*SESSION_COLUMNS, "rules"):
        for value in WEIRD:
            before, rest, backup = shown(store), others(store, session), backup_of(store)
            (row,) = (row for row in rows(store, SESSIONS) if row["id"] == session)
            with store.writing() as connection:
                connection.execute(text(f"update sessions set {column} = {value} where id = :of"), {"of": session})  # noqa: S608 (ours)
            if rows(store, SESSIONS) == [*sorted([*rest[0], row], key=lambda one: one["id"])]:
                continue  # the value of before
            assert_is_repaired(place, session, before, rest, backup if with_backup else None)


@pytest.mark.parametrize("with_backup", [True, False], ids=["backup", "alone"])
@pytest.mark.parametrize("document", FORGED)
@pytest.mark.parametrize("session", NAMES)
def test_a_session_whose_document_cannot_be_read_is_as_it_was(
    place: Place, session: str, document: str, *, with_backup: bool
) -> None:
    store = filled(place)
    before, rest, backup = shown(store), others(store, session), backup_of(store)
    run(store, update(SESSIONS).where(SESSIONS.c.id == session).values(document=FORGED[document]))

    assert_is_repaired(place, session, before, rest, backup if with_backup else None)


@pytest.mark.parametrize("with_backup", [True, False], ids=["backup", "alone"])
@pytest.mark.parametrize("value", ["'x'", *WEIRD[:2]])
def test_a_session_whose_id_was_changed_is_as_it_was(place: Place, value: str, *, with_backup: bool) -> None:
    if not place.is_sqlite and value != "'x'":
        pytest.skip("a server checks the types")
    store = filled(place)
    before, rest, backup = shown(store), others(store, "waits"), backup_of(store)
    with store.writing() as connection:
        connection.execute(text(f"update sessions set id = {value} where id = 'waits'"))  # noqa: S608 (ours)

    assert_is_repaired(place, "waits", before, rest, backup if with_backup else None)


@pytest.mark.parametrize("session", NAMES)
def test_a_session_whose_row_is_missing_is_as_it_was_in_the_backup(place: Place, session: str) -> None:
    store = filled(place)
    before, rest, backup = shown(store), others(store, session), backup_of(store)
    run(store, delete(SESSIONS).where(SESSIONS.c.id == session))

    assert_is_repaired(place, session, before, rest, backup)


@pytest.mark.parametrize("session", NAMES)
def test_a_session_with_any_changed_event_is_as_it_was_in_the_backup(place: Place, session: str) -> None:
    store = filled(place)
    for number in range(len([row for row in rows(store, EVENTS) if row["session"] == session])):
        for column in EVENTS.columns:
            before, rest, backup = shown(store), others(store, session), backup_of(store)
            row = [row for row in rows(store, EVENTS) if row["session"] == session][number]
            changed = 100 if column.name == "position" else other(row[column.name])
            run(store, update(EVENTS).where(key_of(EVENTS, row)).values({column: changed}))
            assert_is_repaired(place, session, before, rest, backup)


@pytest.mark.parametrize("session", NAMES)
def test_a_session_without_one_of_its_events_is_as_it_was_in_the_backup(place: Place, session: str) -> None:
    store = filled(place)
    for number in range(len([row for row in rows(store, EVENTS) if row["session"] == session])):
        before, rest, backup = shown(store), others(store, session), backup_of(store)
        row = [row for row in rows(store, EVENTS) if row["session"] == session][number]
        run(store, delete(EVENTS).where(key_of(EVENTS, row)))
        assert_is_repaired(place, session, before, rest, backup)


@pytest.mark.parametrize("value", WEIRD)
@pytest.mark.parametrize("column", [column.name for column in EVENTS.columns])
def test_a_session_with_an_event_row_of_any_type_is_as_it_was_in_the_backup(place: Place, column: str, value: str) -> None:
    if not place.is_sqlite:
        pytest.skip("a server checks the types")
    store = filled(place)
    before, rest, backup = shown(store), others(store, "sealed"), backup_of(store)
    with store.writing() as connection:
        broken = f"update events set {column} = {value} where session = 'sealed' and position = 1"  # noqa: S608 (ours)
        connection.execute(text(broken))

    assert_is_repaired(place, "sealed", before, rest, backup)


@pytest.mark.parametrize("with_backup", [True, False], ids=["backup", "alone"])
def test_rules_that_were_changed_are_written_again_if_a_backup_or_the_store_has_them(place: Place, *, with_backup: bool) -> None:
    store = filled(place)
    backup, before = backup_of(store), [rows(store, table) for table in (SESSIONS, EVENTS, RULES, MESSAGES)]
    run(store, update(RULES).values(document="{broken"))

    assert sorted(repair(store, backup if with_backup else None).sessions) == sorted(NAMES)

    assert [rows(store, table) for table in (SESSIONS, EVENTS, RULES, MESSAGES)] == before
    assert proved(place.open(TIMED)) == 4


def test_rules_that_nothing_has_are_left_and_a_backup_brings_them(place: Place) -> None:
    store = filled(place)
    backup = backup_of(store)
    run(store, update(RULES).values(document="{broken"))
    other_rules = place.open()

    assert len(repair(other_rules).left) == 4
    assert len(repair(other_rules, backup).sessions) == 4
    assert proved(place.open(TIMED)) == 4


def test_a_session_whose_rules_are_those_of_others_is_as_it_was(place: Place) -> None:
    store = filled(place)
    place.open(Lifecycle(settings=evolve(TIMED.settings, wrapup_timeout=at(20) - at(0)))).append(stream("y").alerting())
    numbers = [row["id"] for row in rows(store, RULES)]
    before, rest = shown(store), others(store, "goes on")
    (row,) = (row for row in rows(store, SESSIONS) if row["id"] == "goes on")
    wrong = next(number for number in numbers if number != row["rules"])
    run(store, update(SESSIONS).where(SESSIONS.c.id == "goes on").values(rules=wrong))

    assert_is_repaired(place, "goes on", before, rest, None)


def test_the_file_of_a_store_in_use_is_no_backup_and_a_copy_that_sqlite_makes_is(tmp_path: Path) -> None:
    """What the page of the store says of backups."""
    with Store(f"sqlite:///{tmp_path / 'used.db'}", TIMED) as store:
        store.append(stream("first").alerting())
        copyfile(tmp_path / "used.db", tmp_path / "copied.db")
        with closing(sqlite3.connect(tmp_path / "used.db")) as database:
            database.execute("vacuum into ?", (str(tmp_path / "good.db"),))
        store.append(stream("second").alerting())
        copyfile(tmp_path / "used.db-wal", tmp_path / "left-wal")  # as after a crash
    with Store(f"sqlite:///{tmp_path / 'good.db'}", TIMED, create=False) as good:
        assert proved(good) == 1
    with pytest.raises(StoreError, match="no tables of a store"):
        Store(f"sqlite:///{tmp_path / 'copied.db'}", TIMED, create=False)
    copyfile(tmp_path / "good.db", tmp_path / "used.db")
    copyfile(tmp_path / "left-wal", tmp_path / "used.db-wal")
    with Store(f"sqlite:///{tmp_path / 'used.db'}", TIMED, create=False) as store:
        assert store.count() == 2  # the log of before was applied to the copy


# --- What cannot be repaired --------------------------------------------------------------------------------------------------


def test_an_event_that_cannot_be_read_is_handed_out_and_the_session_follows_from_the_others(place: Place) -> None:
    store, lost = filled(place), list[Lost]()
    run(store, update(EVENTS).where(EVENTS.c.session == "goes on", EVENTS.c.position == 0).values(document="{broken"))

    repaired = repair(store, lose=lost.append)

    assert repaired == Repaired(["goes on"], [Lost("goes on", 0, "{broken")], [])
    assert lost == repaired.lost
    assert proved(store) == 4
    log = store.load("goes on")
    assert log is not None
    assert [step.event.kind for step in log.trace] == ["connected"]
    assert [row["position"] for row in rows(store, EVENTS) if row["session"] == "goes on"] == [0]


def test_if_the_row_that_is_lost_cannot_be_kept_elsewhere_it_stays(place: Place) -> None:
    store = filled(place)
    run(store, update(EVENTS).where(EVENTS.c.session == "goes on", EVENTS.c.position == 0).values(document="{broken"))
    before = [rows(store, table) for table in (SESSIONS, EVENTS)]

    def full(_: Lost) -> None:
        raise OSError("no space")

    repaired = repair(store, lose=full)

    assert ([finding.session for finding in repaired.left], repaired.sessions) == (["goes on"], [])
    assert "no space" in repaired.left[0].found
    assert [rows(store, table) for table in (SESSIONS, EVENTS)] == before


@pytest.mark.parametrize(
    ("damage", "advice"),
    [
        (update(EVENTS).where(EVENTS.c.session == "waits").values(document="{"), "no event of it can be read: give a backup"),
        (delete(EVENTS).where(EVENTS.c.session == "waits"), "no event of it can be read: give a backup"),
        (delete(SESSIONS).where(SESSIONS.c.id == "waits"), "its row is missing, and with it its rules: give a backup"),
        (
            update(EVENTS).where(EVENTS.c.session == "waits", EVENTS.c.position == 1).values(digest="x"),
            "the event at position 1 was changed, and can be read. To take what it was, give a backup",
        ),
    ],
    ids=["broken events", "no events", "no row", "changed event"],
)
def test_what_cannot_be_rebuilt_stays_as_it_is_and_the_reason_says_what_helps(place: Place, damage: Any, advice: str) -> None:
    store = filled(place)
    backup = backup_of(store)
    run(store, damage)
    before = [rows(store, table) for table in (SESSIONS, EVENTS, RULES)]

    (left,) = repair(store).left

    assert left.session == "waits"
    assert advice in left.found
    assert [rows(store, table) for table in (SESSIONS, EVENTS, RULES)] == before
    assert repair(store, backup).sessions == ["waits"]
    assert proved(store) == 4


def test_rows_of_no_session_that_anything_knows_are_left_and_the_reason_says_that_the_backup_has_none(place: Place) -> None:
    store = filled(place)
    backup = backup_of(store)
    (row,) = (row for row in rows(store, SESSIONS) if row["id"] == "waits")
    run(store, insert(SESSIONS).values({**row, "id": "nobody", "acw": "x"}))

    (left,) = repair(store, backup).left

    assert left.session == "nobody"
    assert left.found == (
        "no event of it can be read, and the backup does not have it. If there was no such session, delete its rows"
    )


def test_a_session_that_cannot_be_rebuilt_stops_no_other(place: Place) -> None:
    store = filled(place)
    run(store, delete(EVENTS).where(EVENTS.c.session == "goes on"))
    run(store, update(SESSIONS).where(SESSIONS.c.id == "waits").values(document="{"))

    repaired = repair(store)

    assert (repaired.sessions, [one.session for one in repaired.left]) == (["waits"], ["goes on"])


def test_events_after_the_backup_stay(place: Place) -> None:
    store = filled(place)
    backup = backup_of(store)
    call = stream("waits").connected().after(5000).disconnected()
    store.append([call.after(1).updated(peer_id="new").events[-1]])
    before, rest = shown(store), others(store, "waits")
    run(store, update(EVENTS).where(EVENTS.c.session == "waits", EVENTS.c.position == 0).values(document="{"))

    assert_is_repaired(place, "waits", before, rest, backup)


def test_a_changed_event_that_the_backup_does_not_have_is_handed_out(place: Place) -> None:
    store = filled(place)
    backup = backup_of(store)
    late = stream("waits").connected().after(5000).disconnected().after(1).updated(peer_id="new").events[-1]
    store.append([late])
    run(store, update(EVENTS).where(EVENTS.c.session == "waits", EVENTS.c.position == 2).values(digest="x"))

    assert repair(store, backup).lost == [Lost("waits", 2, encode_event(late))]
    assert proved(store) == 4


def test_a_session_of_another_table_is_left_and_says_so(place: Place) -> None:
    place.open(Lifecycle(table=hold.TABLE)).append(stream("held").alerting())
    store = filled(place)
    run(store, update(SESSIONS).where(SESSIONS.c.id == "held").values(document="{"))
    before = rows(store, SESSIONS)

    (left,) = repair(store).left

    assert "of another table: name it with --table" in left.found
    assert rows(store, SESSIONS) == before
    assert repair(place.open(Lifecycle(table=hold.TABLE))).sessions == ["held"]


def test_a_session_of_an_earlier_version_of_the_package_is_repaired_and_then_upgraded(place: Place) -> None:
    store = filled(place)
    (row,) = rows(store, RULES)
    document = json.loads(row["document"])
    document["table"]["code"] = "of before"
    earlier = json_text(document)
    run(store, update(RULES).values(document=earlier, digest=rules_digest(earlier)))
    run(store, update(SESSIONS).where(SESSIONS.c.id == "waits").values(document="{"))
    upgraded = place.open(TIMED)

    assert repair(upgraded).sessions == ["waits"]
    assert upgraded.refold().keys() == {"goes on", "waits", "fired"}
    assert verify(upgraded).findings == []


def test_events_in_the_name_of_nobody_are_removed_if_their_session_has_them(place: Place) -> None:
    store = filled(place)
    first, *_ = rows(store, EVENTS)
    before = rows(store, EVENTS)
    run(store, insert(EVENTS).values({**first, "session": "nobody"}))

    assert repair(store) == Repaired(["nobody"])
    assert rows(store, EVENTS) == before


def test_a_sealed_session_that_lost_its_end_takes_events_again(place: Place) -> None:
    store = filled(place)
    for row in rows(store, EVENTS):
        if row["session"] == "sealed" and "disconnected" in row["document"] and not row["late"]:
            run(store, update(EVENTS).where(key_of(EVENTS, row)).values(document="{"))

    repaired = repair(store)

    assert len(repaired.lost) == 1
    assert proved(store) == 4
    stored = store.get("sealed")
    assert stored is not None
    assert not stored.sealed


def test_a_session_that_was_sealed_stays_sealed_though_the_backup_is_of_before(place: Place, databases: Databases) -> None:
    store = filled(place)
    with databases.place() as elsewhere:
        early = elsewhere.open(TIMED)
        log = store.load("sealed")
        assert log is not None
        early.append(log.copies)
        backup = backup_of(early)
    run(store, delete(SESSIONS).where(SESSIONS.c.id == "sealed"))

    assert repair(store, backup).sessions == ["sealed"]
    found = store.get("sealed")
    assert found is not None
    assert found.sealed
    assert proved(store) == 4


def test_another_worker_reads_on_after_a_repair(place: Place) -> None:
    store, worker = filled(place), place.open(TIMED)
    run(store, update(SESSIONS).where(SESSIONS.c.id == "waits").values(document="{"))
    assert worker.advance(at(10_000)) == {}
    assert worker.unreadable.keys() == {"waits"}

    assert repair(store).sessions == ["waits"]

    assert list(worker.advance(at(10_000))) == ["waits"]
    assert worker.unreadable == {}
    assert proved(worker) == 4


class Meanwhile(BytesIO):
    """A backup that does something else before it is read: what another worker does meanwhile."""

    def __init__(self, backup: BytesIO, act: Callable[[], object]) -> None:
        super().__init__(backup.getvalue())
        self._act = act

    def readline(self, size: int | None = -1, /) -> bytes:
        self._act()
        self._act = lambda: None
        return super().readline(size)


def test_what_another_worker_has_repaired_and_changed_meanwhile_stays(place: Place) -> None:
    store, worker = filled(place), place.open(TIMED)
    backup, new = (
        backup_of(store),
        stream("waits").connected().after(5000).disconnected().after(1).updated(peer_id="new").events[-1],
    )
    run(store, update(SESSIONS).where(SESSIONS.c.id == "waits").values(document="{"))

    def act() -> None:
        repair(worker)
        worker.append([new])

    repaired = repair(store, Meanwhile(backup, act))

    assert repaired == Repaired(["waits"])
    assert [row["version"] for row in rows(store, SESSIONS) if row["id"] == "waits"] == [3]
    assert proved(store) == 4
    assert new in [copy for log in store.iterate() for copy in log.copies]


def test_a_session_that_was_forgotten_meanwhile_does_not_come_back(place: Place) -> None:
    store, worker = filled(place), place.open(TIMED)
    backup = backup_of(store)
    run(store, update(SESSIONS).where(SESSIONS.c.id == "sealed").values(acw="x"))
    store.outbox.acknowledge([row["id"] for row in rows(store, MESSAGES)])

    repair(store, Meanwhile(backup, lambda: worker.forget(at(10_000))))

    assert "sealed" not in {row["id"] for row in rows(store, SESSIONS)}
    assert "sealed" not in {row["session"] for row in rows(store, EVENTS)}


def test_lines_of_a_backup_that_cannot_be_read_are_rejected(place: Place) -> None:
    store, rejected = filled(place), list[Rejected]()
    backup = BytesIO(b"nonsense\n" + backup_of(store).getvalue())
    run(store, delete(SESSIONS).where(SESSIONS.c.id == "waits"))

    assert repair(store, backup, reject=rejected.append).sessions == ["waits"]
    assert [one.error.line for one in rejected] == [1]


def test_a_row_with_a_right_digest_that_does_not_follow_is_rebuilt(place: Place) -> None:
    store = filled(place)
    before, rest = shown(store), others(store, "sealed")
    (row,) = (row for row in rows(store, SESSIONS) if row["id"] == "sealed")
    row["document"] = row["document"].replace('"sale"', '"sold"')
    json.loads(row["document"])
    del row["digest"]
    run(store, update(SESSIONS).where(SESSIONS.c.id == "sealed").values(with_digest(row)))

    assert_is_repaired(place, "sealed", before, rest, None)


def test_findings_are_sentences() -> None:
    assert str(Finding("s1", "it is wrong")) == "session 's1': it is wrong"
    assert str(Lost("s1", 2, "{")) == "session 's1': the event at position 2 could not be kept"
