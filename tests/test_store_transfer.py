"""Sessions out of a store and into another one: what is new, late and forgotten, and sessions of another table."""

import json
from datetime import timedelta
from io import BytesIO

import pytest
from attrs import evolve
from examples.tables import hold
from tests.stores import Databases, Place, proved, rows
from tests.strategies import at

from cobrowse_session import Lifecycle, SessionLog
from cobrowse_session.errors import DecodeError
from cobrowse_session.io.replay import Rejected
from cobrowse_session.store import DurableInbox, Store
from cobrowse_session.store.schema import CLOCKS, HORIZON
from cobrowse_session.store.transfer import Imported, export_lines, import_lines
from cobrowse_session.store.verify import verify
from cobrowse_session.stream import ProviderClock
from cobrowse_session.testing import stream
from cobrowse_session.wire import encode_event, restore_log, save_log
from cobrowse_session.wire.clock import save_clock

ENDED = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")
LATE = ENDED.after(20).wrapup("sale").events[-1]


def put_in(store: Store, lines: list[str]) -> Imported:
    rejected: list[Rejected] = []
    imported = import_lines(store, BytesIO("".join(f"{line}\n" for line in lines).encode()), rejected.append)
    assert len(rejected) == imported.rejected
    return imported


@pytest.fixture
def lines(databases: Databases) -> list[str]:
    """Return the export of a store with a sealed session, a late event, and a session that goes on."""
    with databases.place() as other:
        store = other.open()
        store.append([*ENDED, *stream("s2").alerting()])
        store.seal(at(1000))
        store.append([LATE])
        return list(export_lines(store))


def test_an_import_counts_what_is_new_and_nothing_the_second_time(place: Place, lines: list[str]) -> None:
    store = place.open()

    assert put_in(store, lines) == Imported(sessions=2, new=5, late=1)
    assert put_in(store, lines) == Imported(sessions=2, new=0, late=1)
    assert put_in(store, [encode_event(event) for event in ENDED]) == Imported(events=3, new=0)
    assert put_in(store, [encode_event(evolve(LATE, id="w2"))]) == Imported(events=1, new=1, late=1)
    assert list(export_lines(store))[1:] == lines[1:]


def test_events_of_forgotten_sessions_are_counted_as_such_and_not_as_new(place: Place) -> None:
    store = place.open()
    store.append(ENDED)
    store.seal(at(1000))
    store.outbox.acknowledge(store.outbox.pending())
    store.forget(at(1000))

    assert put_in(store, [encode_event(event) for event in ENDED]) == Imported(events=3, new=0, forgotten=3)
    assert store.count() == 0


def test_the_horizon_is_exported_and_imported_and_never_set_back(place: Place, databases: Databases) -> None:
    store = place.open()
    store.append(ENDED)
    store.seal(at(1000))
    store.outbox.acknowledge(store.outbox.pending())
    store.forget(at(900))
    exported = list(export_lines(store))

    assert list(map(json.loads, exported)) == [{"format": 1, "forgotten": "2026-03-01T09:01:03.001Z"}]
    with databases.place() as other:
        again = other.open()
        assert put_in(again, exported) == Imported()
        assert again.forgotten == at(63.001)
        assert put_in(again, [encode_event(event) for event in ENDED]) == Imported(events=3, forgotten=3)
        assert put_in(again, ['{"format":1,"forgotten":"2026-03-01T09:00:01.000Z"}']) == Imported()
        assert again.forgotten == at(63.001)
        assert list(export_lines(again)) == exported


def test_sessions_that_are_older_than_the_horizon_of_their_export_are_imported(place: Place, databases: Databases) -> None:
    store = place.open()
    store.append(ENDED)
    store.seal(at(1000))
    store.outbox.acknowledge(store.outbox.pending())
    store.append(stream("open").alerting())
    store.forget(at(1000))
    exported = list(export_lines(store))

    with databases.place() as other:
        again = other.open()
        assert put_in(again, exported) == Imported(sessions=1, new=1)
        assert put_in(again, exported) == Imported(sessions=1)
        assert list(export_lines(again)) == exported


@pytest.mark.parametrize(
    "line",
    [
        '{"forgotten":"2026-03-01T09:15:00.000Z"}',
        '{"format":9,"forgotten":""}',
        '{"format":1,"forgotten":7}',
        '{"format":1,"forgotten":"9998-03-01T09:15:00.000Z"}',
    ],
)
def test_a_line_that_is_no_horizon_is_rejected(place: Place, line: str) -> None:
    store = place.open()

    assert put_in(store, [line]) == Imported(rejected=1)
    assert [row["forgotten"] for row in rows(store, HORIZON)] == [None]


@pytest.mark.parametrize("session", ["s" * 1001, "é" * 501, "s" * 8000])
def test_a_session_whose_id_is_too_long_for_a_store_is_a_rejected_line_and_the_others_are_stored(
    place: Place, session: str
) -> None:
    store, call = place.open(), stream(session).alerting()
    rejected: list[Rejected] = []
    lines = [encode_event(call.events[0]), json.dumps(save_log(SessionLog.of(call))), encode_event(ENDED.events[0])]

    imported = import_lines(store, BytesIO("\n".join(lines).encode()), rejected.append)

    assert imported == Imported(events=1, new=1, rejected=2)
    found = [(one.error.problems[0].error, one.error.problems[0].path) for one in rejected]
    assert found == [("too_long", "$.subject"), ("too_long", "$.session")]
    assert [one.id for one in store.find().sessions] == ["s1"]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("s" * 1001, "too_long"),
        ("é" * 501, "too_long"),
        ("".join(map(chr, range(0x4E00, 0x6E00))), "too_long"),  # an index cannot compress it
        ("\ud800", "lone_surrogate"),
    ],
    ids=["ascii", "utf8", "incompressible", "surrogate"],
)
def test_a_clock_whose_source_is_no_key_is_a_rejected_line_and_the_others_are_stored(
    place: Place, source: str, error: str
) -> None:
    store, rejected = place.open(), list[Rejected]()
    clock = {"format": 1, "clock": {"source": source, "learned": save_clock(ProviderClock())}}
    lines = [json.dumps(clock), encode_event(ENDED.events[0])]

    assert import_lines(store, BytesIO("\n".join(lines).encode()), rejected.append) == Imported(events=1, new=1, rejected=1)
    assert [(one.error.problems[0].error, one.error.problems[0].path) for one in rejected] == [(error, "$.clock.source")]
    assert rows(store, CLOCKS) == []


@pytest.mark.parametrize("session", ["s" * 1001, "é" * 501, "s" * 8000])
def test_a_log_whose_session_has_an_id_that_is_too_long_cannot_be_put(place: Place, session: str) -> None:
    inbox = DurableInbox(place.open())

    with pytest.raises(DecodeError, match="at most 1000 bytes"):
        inbox.put(SessionLog.of(stream(session).alerting()))

    assert inbox.store.count() == 0


@pytest.mark.parametrize("late", [{}, 5, [5], [json.loads(encode_event(event)) for event in stream("s2").alerting()]])
def test_a_line_whose_late_events_are_no_events_of_its_session_is_rejected(place: Place, late: object) -> None:
    store, line = place.open(), json.dumps({**save_log(SessionLog.of(ENDED)), "lateEvents": late})

    assert put_in(store, [line]) == Imported(rejected=1)
    assert store.count() == 0


def test_a_late_event_long_after_it_was_received_is_exported_and_imported(place: Place, databases: Databases) -> None:
    store = place.open()
    store.append(ENDED)
    store.seal(at(1000))
    store.append([evolve(LATE, occurred_at=at(1000) + timedelta(days=90), received_at=at(1000))])
    lines = list(export_lines(store))

    with databases.place() as other:
        again = other.open()
        assert put_in(again, lines) == Imported(sessions=1, new=4, late=1)
        assert list(export_lines(again)) == lines


# --- Another table ------------------------------------------------------------------------------------------------------------

HELD = Lifecycle(table=hold.TABLE)


@pytest.mark.parametrize("way", ["import", "put", "twice"])
def test_a_sealed_log_of_another_table_is_no_fault_and_keeps_the_digest_of_its_table(
    place: Place, databases: Databases, way: str
) -> None:
    sealed = SessionLog.of(ENDED, HELD)
    assert sealed.seal(at(1000))
    saved = save_log(sealed)
    store = place.open()

    if way == "put":
        DurableInbox(store).put(restore_log(saved))
    else:
        put_in(store, [json.dumps(saved)])
    if way == "twice":
        with databases.place() as other:
            first, store = store, other.open()
            put_in(store, list(export_lines(first)))
            assert_of_another_table(store, saved["table"])
    else:
        assert_of_another_table(store, saved["table"])


def assert_of_another_table(store: Store, table: dict[str, str]) -> None:
    verified = verify(store)
    assert (verified.sessions, verified.findings, verified.other_table) == (1, [], 1)
    assert store.refold() == {}
    (line,) = export_lines(store)
    assert json.loads(line)["table"] == table


def test_a_sealed_log_of_the_same_table_is_proved_after_an_import(place: Place, lines: list[str]) -> None:
    store = place.open()
    put_in(store, lines)

    assert proved(store) == 2
    assert verify(store).other_table == 0


# --- Logs that the caller has -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_sealed", [False, True])
def test_what_a_caller_does_to_a_log_that_he_put_or_got_changes_nothing_in_the_store(place: Place, *, is_sealed: bool) -> None:
    inbox = DurableInbox(place.open())
    log = SessionLog.of(ENDED)
    if is_sealed:
        log.seal(at(1000))
    inbox.put(log)
    log.offsets["/spoiled"] = at(1) - at(0)
    log.add(LATE)
    again = inbox.put(SessionLog.of(ENDED))
    if again.log is not None:
        again.log.add(LATE)

    (change,) = inbox.store.append([LATE])

    assert change.outcome is not None
    assert change.outcome.kind == ("late" if is_sealed else "applied")
    assert proved(inbox.store) == 1


def test_what_a_caller_does_to_a_log_that_an_advance_returned_changes_nothing_in_the_store(place: Place) -> None:
    timed = stream("s1").connected(wrapup_prompt="timeout", wrapup_timeout=30).after(5).disconnected()
    inbox = DurableInbox(place.open(), seal_after=at(60) - at(0))
    inbox.store.append(timed)
    wrapup = timed.after(1).wrapup("sale").events[-1]
    (log,) = inbox.advance(at(40)).logs
    log.add(wrapup)

    (change,) = inbox.store.append([wrapup])

    assert change.outcome is not None
    assert change.outcome.kind == "applied"
    assert proved(inbox.store) == 1
