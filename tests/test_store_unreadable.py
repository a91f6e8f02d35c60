"""Rows that something other than the package changed: one session cannot be read, and all others go on."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

import pytest
from attrs import evolve
from sqlalchemy import delete, text, update
from tests.own_tables import MISTAKEN
from tests.stores import Place, rows, statements
from tests.strategies import SECOND, at

from cobrowse_session import (
    Change,
    Event,
    Lifecycle,
    ProviderClock,
    Settings,
    StoreError,
    UnreadableError,
    WrapupPrompt,
)
from cobrowse_session.io.answers import Received
from cobrowse_session.io.replay import Rejected
from cobrowse_session.store import DurableInbox, Store, TimerRunner
from cobrowse_session.store.rows import with_digest
from cobrowse_session.store.schema import EVENTS, HORIZON, MESSAGES, RULES, SESSIONS
from cobrowse_session.store.shelf import RETRIED
from cobrowse_session.store.transfer import event_lines, export_lines
from cobrowse_session.store.verify import verify
from cobrowse_session.testing import Stream, stream
from cobrowse_session.testing.payloads import payloads
from cobrowse_session.wire import encode_event

HOUR = timedelta(hours=1)
TIMED = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=30 * SECOND))
ENDED = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")  # its deadline: 93 s
OVER = ENDED.after(20).wrapup("sale")
BROKEN = ["{", "[]", "null", "{}", "[" * 100_000]


def named(call: Stream, session: str) -> list[Event]:
    return [evolve(event, subject=session) for event in call]


def kind_of(change: Change) -> str:
    assert change.outcome is not None
    return change.outcome.kind


def break_session(store: Store, document: str) -> None:
    change(store, SESSIONS, SESSIONS.c.id == "bad", document)


def break_event(store: Store, document: str) -> None:
    change(store, EVENTS, (EVENTS.c.session == "bad") & (EVENTS.c.position == 1), document)


def lose_event(store: Store, _: str) -> None:
    with store.writing() as connection:
        connection.execute(delete(EVENTS).where(EVENTS.c.session == "bad", EVENTS.c.position == 1))


def change(store: Store, table: Any, where: Any, document: str) -> None:  # SQLAlchemy's
    with store.writing() as connection:
        assert connection.execute(update(table).where(where).values(document=document)).rowcount


Break = Callable[[Store, str], None]
EVERY = [
    *(pytest.param(break_session, text, id=f"session {text[:12]}") for text in BROKEN),
    *(pytest.param(break_event, text, id=f"event {text[:12]}") for text in BROKEN),
    pytest.param(lose_event, "", id="no event"),
]
SOME = [EVERY[0], EVERY[len(BROKEN)], EVERY[-1]]


def filled(place: Place, call: Stream, broken: Break, text: str) -> Store:
    """Return a store that has nothing in memory, with four sessions. The rows of the second one are broken."""
    writer = place.open(TIMED)
    writer.append(event for name in ("a", "bad", "c", "d") for event in named(call, name))
    broken(writer, text)
    writer.outbox.acknowledge([row["id"] for row in rows(writer, MESSAGES)])
    return place.open(TIMED)


# --- Time goes on -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("broken", "text"), EVERY)
def test_timers_of_other_sessions_fire_and_the_one_that_cannot_be_read_is_logged_once(
    place: Place, broken: Break, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = filled(place, ENDED, broken, text)

    assert store.advance(at(100)).keys() == {"a", "c", "d"}
    assert store.advance(at(101)) == {}

    assert store.unreadable.keys() == {"bad"}
    assert "'bad' cannot be read" in str(store.unreadable["bad"])
    assert "store verify" in str(store.unreadable["bad"])
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "'bad' cannot be read" in caplog.text
    assert store.deadline is None


@pytest.mark.parametrize(("broken", "text"), SOME)
def test_a_session_that_cannot_be_read_takes_the_place_of_no_other_in_a_slice(place: Place, broken: Break, text: str) -> None:
    store = filled(place, ENDED, broken, text)

    slices = [[*store.advance(at(100), limit=1)] for _ in range(4)]
    assert sorted(slices) == [[], ["a"], ["c"], ["d"]]


@pytest.mark.parametrize(("broken", "text"), SOME)
@pytest.mark.parametrize("limit", [1, 2, None])
def test_an_inbox_fires_and_seals_all_that_can_be_read(place: Place, broken: Break, text: str, limit: int | None) -> None:
    inbox = DurableInbox(filled(place, ENDED, broken, text), seal_after=60 * SECOND)

    fired: set[str] = set()
    sealed: list[str] = []
    more = True
    while more:
        advanced = inbox.advance(at(1000), limit)
        fired |= advanced.changes.keys()
        sealed += [log.session_id for log in advanced.sealed]
        more = advanced.more

    assert fired == {"a", "c", "d"}
    assert sorted(sealed) == ["a", "c", "d"]


def test_the_runner_does_not_look_for_a_timer_that_cannot_fire_again_and_again(place: Place) -> None:
    inbox = DurableInbox(filled(place, ENDED, break_session, "{"))
    runner = TimerRunner(inbox, look_again=HOUR, clock=lambda: at(200))

    assert runner._step() == (False, HOUR)  # noqa: SLF001 (how long it waits cannot be seen without waiting)


@pytest.mark.parametrize(("broken", "text"), SOME)
def test_sessions_beside_one_that_cannot_be_read_are_sealed_and_all_are_forgotten(place: Place, broken: Break, text: str) -> None:
    store = filled(place, OVER, broken, text)

    slices = [store.seal(at(1000), limit=2) for _ in range(3)]
    assert ([len(some) for some in slices], {session for some in slices for session in some}) == ([2, 1, 0], {"a", "c", "d"})
    store.outbox.acknowledge(store.outbox.pending())
    assert store.forget(at(1000)) == 3
    assert store.unreadable.keys() == {"bad"}


@pytest.mark.parametrize("broken", [break_session, break_event])
def test_a_sealed_session_that_cannot_be_read_is_forgotten_with_the_others(place: Place, broken: Break) -> None:
    writer = place.open(TIMED)
    writer.append(event for name in ("a", "bad") for event in named(OVER, name))
    writer.seal(at(1000))
    writer.outbox.acknowledge(writer.outbox.pending())
    broken(writer, "{")

    assert place.open(TIMED).forget(at(1000)) == 2


@pytest.mark.parametrize(("broken", "text"), SOME)
def test_sessions_beside_one_that_cannot_be_read_are_folded_anew(place: Place, broken: Break, text: str) -> None:
    from examples.tables import hold  # noqa: PLC0415 (this test alone)

    filled(place, ENDED, broken, text)
    store = place.open(Lifecycle(table=hold.TABLE))

    assert [list(store.refold(limit=2)) for _ in range(3)] == [["a", "c"], ["d"], []]


def test_rules_that_cannot_be_read_stop_their_sessions_only(place: Place) -> None:
    writer = place.open(TIMED)
    writer.append(named(ENDED, "bad"))
    place.open(Lifecycle(settings=evolve(TIMED.settings, wrapup_timeout=20 * SECOND))).append(named(ENDED, "good"))
    change(writer, RULES, RULES.c.id == rows(writer, RULES)[0]["id"], "{")
    store = place.open(TIMED)

    assert list(store.advance(at(100))) == ["good"]
    assert store.refold() == {}
    assert store.unreadable.keys() == {"bad"}


def test_a_session_that_was_repaired_goes_on(place: Place) -> None:
    writer = place.open(TIMED)
    writer.append(named(ENDED, "bad"))
    (row,) = rows(writer, SESSIONS)
    break_session(writer, "{")
    store = place.open(TIMED)
    assert store.advance(at(100)) == {}
    break_session(writer, row["document"])

    assert list(store.advance(at(100))) == ["bad"]
    assert store.unreadable == {}


def many(place: Place, number: int) -> Store:
    """Return a store with nothing in memory, with so many sessions that cannot be read, and one that is due after all of them."""
    writer = place.open(TIMED)
    writer.append(event for n in range(number) for event in named(ENDED, f"bad{n:03}"))
    with writer.writing() as connection:
        connection.execute(update(EVENTS).where(EVENTS.c.position == 1).values(document="{"))
    writer.append(stream("good", start=at(100)).alerting().after(3).connected().after(60).disconnected("peer"))
    return place.open(TIMED)


def test_of_many_sessions_that_cannot_be_read_each_is_logged_once_and_a_look_reads_some_of_them(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    number = 3 * RETRIED + 1
    store = many(place, number)
    store.advance(at(150), limit=7)

    with statements(store) as sent:
        for _ in range(10):
            assert store.advance(at(150), limit=7) == {}
            assert store.deadline == at(193)

    assert len(caplog.records) == len(store.unreadable) == number
    loads = [statement for statement in sent if "FROM events" in statement]
    assert len(loads) <= 10 * RETRIED
    assert list(store.advance(at(200), limit=7)) == ["good"]


def test_of_many_sessions_that_cannot_be_read_one_that_was_repaired_goes_on(place: Place) -> None:
    store = many(place, 2 * RETRIED + 5)
    store.advance(at(150))
    (document,) = {row["document"] for row in rows(store, EVENTS) if row["session"] == "good" and row["position"] == 1}
    repaired = encode_event(evolve(named(ENDED, "bad017")[1]))
    assert document != repaired
    change(store, EVENTS, (EVENTS.c.session == "bad017") & (EVENTS.c.position == 1), repaired)

    fired = [session for _ in range(4) for session in [*store.advance(at(150), limit=3), *store.seal(at(0), limit=3)]]

    assert fired == ["bad017"]
    assert len(store.unreadable) == 2 * RETRIED + 4


# --- A table of one's own that raises -----------------------------------------------------------------------------------------


def test_a_guard_that_raises_for_one_session_stops_no_timer_of_the_others_and_is_logged_once(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    store = place.open(Lifecycle(settings=TIMED.settings, table=MISTAKEN))
    inbox = DurableInbox(store, seal_after=60 * SECOND)
    store.append(event for name in ("a", "bad", "c") for event in named(ENDED, name))

    looks = [inbox.advance(at(1000)) for _ in range(3)]

    assert [set(look.changes) for look in looks] == [{"a", "c"}, set(), set()]
    assert {log.session_id for look in looks for log in look.sealed} == {"a", "c"}
    assert [record.getMessage() for record in caplog.records] == [f"{store.unreadable['bad']}; its timers do not fire until then"]
    assert "'bad' cannot be advanced: ZeroDivisionError: a mistake; correct the table" in caplog.text
    assert store.deadline is None
    assert list(place.open(TIMED).advance(at(1000))) == ["bad"]


# --- Events -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("broken", "text"), SOME)
def test_an_event_of_a_session_that_cannot_be_read_is_an_error_and_nothing_of_its_batch_is_stored(
    place: Place, broken: Break, text: str
) -> None:
    store = filled(place, ENDED, broken, text)
    wrapups = [evolve(OVER.events[-1], subject=name) for name in ("a", "bad", "new")]
    before = rows(store, EVENTS)

    with pytest.raises(UnreadableError, match="'bad' cannot be read") as raised:
        store.append(wrapups)

    assert raised.value.session == "bad"
    assert rows(store, EVENTS) == before
    assert [change.outcome and change.outcome.kind for change in store.append(wrapups[::2])] == ["applied", "refused"]


Take = Callable[[DurableInbox, Event], Received | Rejected]
TAKE: dict[str, Take] = {
    "receive": lambda inbox, event: inbox.receive(encode_event(event)),
    "add": lambda inbox, event: inbox.add(event),
    "take": lambda inbox, event: inbox.take(event).answers[0],
    "take text": lambda inbox, event: inbox.take(encode_event(event)).answers[0],
}


@pytest.mark.parametrize("take", TAKE)
@pytest.mark.parametrize(("broken", "text"), SOME)
def test_an_inbox_rejects_an_event_of_a_session_that_cannot_be_read(place: Place, broken: Break, text: str, take: str) -> None:
    told: list[Rejected] = []
    store = filled(place, ENDED, broken, text)
    inbox = DurableInbox(store, reject=told.append)
    before = rows(store, EVENTS), rows(store, SESSIONS)

    found = TAKE[take](inbox, evolve(OVER.events[-1], subject="bad"))

    assert isinstance(found, Rejected)
    assert [(problem.error, problem.found) for problem in found.error.problems] == [("unreadable_session", '"bad"')]
    assert told == [found]
    assert (rows(store, EVENTS), rows(store, SESSIONS)) == before
    assert store.unreadable.keys() == {"bad"}
    assert TAKE[take](inbox, evolve(OVER.events[-1], subject="a")).outcome.kind == "applied"


@pytest.mark.parametrize(("broken", "text"), SOME)
@pytest.mark.parametrize("names", ["a bad c", "bad a bad c", "a c bad", "bad c a"])
def test_what_comes_with_an_event_of_a_session_that_cannot_be_read_is_stored(
    place: Place, broken: Break, text: str, names: str
) -> None:
    inbox = DurableInbox(filled(place, ENDED, broken, text))

    taken = inbox.take([evolve(OVER.events[-1], subject=name) for name in names.split()])

    found = [answer.outcome.kind for answer in taken.answers]
    assert found == ["rejected" if name == "bad" else "applied" for name in names.split()]
    assert {name for name in "acd" if place.open(TIMED).find(acw="complete").sessions} >= {"a", "c"}


def test_an_event_of_a_session_that_was_repaired_is_taken(place: Place) -> None:
    store = place.open(TIMED)
    store.append(named(ENDED, "bad"))
    document = rows(store, SESSIONS)[0]["document"]
    break_session(store, "{")
    inbox = DurableInbox(place.open(TIMED))
    wrapup = evolve(OVER.events[-1], subject="bad")
    assert inbox.add(wrapup).outcome.kind == "rejected"
    break_session(store, document)

    assert inbox.add(wrapup).outcome.kind == "applied"
    assert verify(store).findings == []


@pytest.mark.parametrize(("broken", "text"), SOME)
def test_a_payload_of_a_session_that_cannot_be_read_is_rejected_and_the_others_of_its_list_are_stored(
    place: Place, broken: Break, text: str
) -> None:
    store = place.open(TIMED)
    sent = {name: [*payloads(named(OVER, name), "conversation")] for name in ("a", "bad")}
    DurableInbox(store).take([bodies[0] for bodies in sent.values()])
    broken(store, text) if broken is break_session else change(store, EVENTS, EVENTS.c.session == "bad", "{")

    taken = DurableInbox(place.open(TIMED)).take([bodies[-1] for bodies in sent.values()])

    kinds = {kind: [answer for answer in taken.answers if answer.outcome.kind == kind] for kind in ("applied", "rejected")}
    assert {answer.event.subject for answer in kinds["applied"] if isinstance(answer, Received)} == {"a"}
    assert {p.error for answer in kinds["rejected"] if isinstance(answer, Rejected) for p in answer.error.problems} == {
        "unreadable_session"
    }


# --- What is shown ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: text[:12])
def test_whatever_shows_a_session_that_cannot_be_read_names_it(place: Place, text: str) -> None:
    store = filled(place, ENDED, break_session, text)
    with store.writing() as connection:
        connection.execute(update(MESSAGES).where(MESSAGES.c.session != "a").values(handed_over=False))
    calls: list[Callable[[], object]] = [
        lambda: store.get("bad"),
        lambda: store.load("bad"),
        lambda: list(store.iterate()),
    ]

    for call in calls:
        with pytest.raises(UnreadableError, match=r"'bad' cannot be read.*store verify") as raised:
            call()
        assert raised.value.session == "bad"
    assert store.get("a") is not None
    assert [one.id for one in store.find(acw="pending").sessions] == ["a", "c", "d"]
    assert sorted(one.session for one in store.active()) == ["a", "c", "d"]
    assert [log.session_id for log in store.iterate(after="bad")] == ["c", "d"]


@pytest.mark.parametrize(("broken", "text"), [param for param in EVERY if param.values[0] is not break_session])
def test_an_event_that_cannot_be_read_is_named_by_its_session_when_the_log_needs_it(
    place: Place, broken: Break, text: str
) -> None:
    store = filled(place, ENDED, broken, text)
    loaded, (iterated,) = store.load("bad"), [log for log in store.iterate() if log.session_id == "bad"]
    assert loaded is not None

    for log in (loaded, iterated):
        assert log.session.state == "disconnected"
        with pytest.raises(UnreadableError, match="'bad' cannot be read"):
            _ = log.trace


def break_messages(store: Store, document: str) -> None:
    change(store, MESSAGES, MESSAGES.c.session == "bad", document)


UNREADABLE_MESSAGES = [pytest.param(break_session, id="session"), pytest.param(break_messages, id="message")]


@pytest.mark.parametrize("broken", UNREADABLE_MESSAGES)
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize("max_bytes", [None, 1])
def test_messages_of_a_session_that_cannot_be_read_wait_and_all_others_are_handed_over(
    place: Place, broken: Break, limit: int, max_bytes: int | None
) -> None:
    store = filled(place, ENDED, lambda *_: None, "")
    with store.writing() as connection:
        connection.execute(update(MESSAGES).values(handed_over=False))
    whole = [message.id for message in store.outbox.pending()]
    (document,) = {row["document"] for row in rows(store, SESSIONS) if row["id"] == "bad"}
    written = [row["document"] for row in rows(store, MESSAGES) if row["session"] == "bad"]
    broken(store, "{")
    handed_over: list[tuple[int, str]] = []

    def hand_over() -> None:
        while messages := store.outbox.pending(limit, max_bytes):
            handed_over.extend((message.id, message.stored.id) for message in messages)
            store.outbox.acknowledge(messages)

    hand_over()
    assert [session for _, session in handed_over] == ["a"] * 3 + ["c"] * 3 + ["d"] * 3
    assert store.unreadable.keys() == {"bad"}
    assert store.outbox.count() == 3
    break_session(store, document)
    with store.writing() as connection:
        for number, text in zip(whole[3:6], written, strict=True):
            connection.execute(update(MESSAGES).where(MESSAGES.c.id == number).values(document=text))
    hand_over()
    assert sorted(number for number, _ in handed_over) == whole


@pytest.mark.parametrize("broken", UNREADABLE_MESSAGES)
@pytest.mark.parametrize("limit", [1, 2, 100])
def test_a_reader_of_the_feed_is_told_of_each_message_that_cannot_be_read_and_reads_on(
    place: Place, broken: Break, limit: int
) -> None:
    store = filled(place, ENDED, lambda *_: None, "")
    whole = [message.position for message in store.outbox.feed()]
    broken(store, "{")
    read: dict[str, str] = {}
    position: str | None = None
    while True:
        try:
            messages = store.outbox.feed(position, limit)
        except UnreadableError as error:
            position = error.position or "no position"
            read[position] = error.session
            continue
        if not messages:
            break
        read |= {message.position: message.stored.id for message in messages}
        position = messages[-1].position

    assert [*read] == whole
    assert [*read.values()] == ["a"] * 3 + ["bad"] * 3 + ["c"] * 3 + ["d"] * 3


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: text[:12])
@pytest.mark.parametrize("table", [SESSIONS, EVENTS], ids=["session", "event"])
def test_a_row_with_a_right_digest_that_is_no_session_or_event_is_a_finding(place: Place, table: Any, text: str) -> None:
    store = filled(place, ENDED, lambda *_: None, "")
    key = "id" if table is SESSIONS else "session"
    row = next(row for row in rows(store, table) if row[key] == "bad")
    del row["digest"]
    where = [column == row[column.name] for column in table.primary_key]
    with store.writing() as connection:
        connection.execute(update(table).where(*where).values(with_digest({**row, "document": text})))

    assert {finding.session for finding in verify(store).findings} == {"bad"}


def test_times_are_as_they_were(place: Place) -> None:
    """Guard of this file: without a broken row all four sessions fire, are sealed and shown."""
    store = filled(place, ENDED, lambda *_: None, "")

    assert len(store.advance(at(100))) == 4
    assert len(store.seal(at(1000))) == 4
    assert isinstance(store.find(sealed=True).sessions[0].latest, datetime)
    assert store.unreadable == {}


# --- Columns ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [10**18, -(10**18)])
@pytest.mark.parametrize("column", ["latest", "deadline"])
def test_a_number_that_is_no_time_stops_its_session_only(place: Place, column: str, number: int) -> None:
    writer = place.open(TIMED)
    writer.append(event for name in ("a", "bad") for event in named(ENDED, name))
    with writer.writing() as connection:
        connection.execute(update(SESSIONS).where(SESSIONS.c.id == "bad").values({column: number}))
    store = place.open(TIMED)

    with pytest.raises(UnreadableError, match="'bad' cannot be read"):
        store.get("bad")
    assert store.deadline == at(93)
    assert "a" in store.advance(at(100))
    assert store.deadline is None
    assert {finding.session for finding in verify(store).findings} <= {"bad"}


def test_a_deadline_that_something_else_wrote_is_set_right_when_it_is_due(place: Place) -> None:
    writer = place.open(TIMED)
    writer.append(ENDED)
    with writer.writing() as connection:
        connection.execute(update(SESSIONS).values(deadline=0))
    store = place.open(TIMED)
    assert store.deadline != at(93)

    store.advance(at(50))

    assert store.deadline == at(93)
    assert list(store.advance(at(93))) == ["s1"]
    assert verify(store).findings == []


# --- Bytes that are no text ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["sessions.id", "events.session"])
def test_bytes_of_a_file_that_are_no_text_stop_their_session_only_and_are_found(place: Place, key: str) -> None:
    if not place.is_sqlite:
        pytest.skip("a server checks the encoding")
    table, column = key.split(".")
    writer = place.open(TIMED)
    writer.append(event for name in ("a", "bad", "c") for event in named(ENDED, name))
    with writer.writing() as connection:  # a byte in the middle, as a disk would change it
        broken = "cast(substr(document, 1, 30) || x'ff' || substr(document, 32) as text)"
        connection.execute(text(f"update {table} set document = {broken} where {column} = 'bad'"))  # noqa: S608 (ours)
    store = place.open(TIMED)

    assert {finding.session for finding in verify(store).findings} == {"bad"}
    assert store.advance(at(100)).keys() == {"a", "c"}
    assert store.unreadable.keys() == {"bad"}
    assert store.get("a") is not None


COLUMNS = [column.name for column in SESSIONS.columns]
VALUES = ["x'ff'", "cast(x'62ff' as text)", "'abc'", "-1", "9223372036854775807"]


def broken_in(place: Place, column: str, value: str) -> None:
    """Store some sessions, and write a value of any type into a column of the second one. It is due then."""
    writer = place.open(TIMED)
    writer.append(event for name in ("a", "bad", "c") for event in named(ENDED, name))
    with writer.writing() as connection:
        connection.execute(text(f"update sessions set deadline = 1, {column} = {value} where id = 'bad'"))  # noqa: S608 (ours)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("column", COLUMNS)
def test_a_value_of_any_type_in_a_column_of_a_file_stops_no_other_session_and_is_found(
    place: Place, column: str, value: str
) -> None:
    if not place.is_sqlite:
        pytest.skip("a server checks the types")
    broken_in(place, column, value)
    store = place.open(TIMED)
    inbox = DurableInbox(store, seal_after=HOUR)

    assert verify(store).findings
    with suppress(UnreadableError):  # it is the only error
        assert len(list(export_lines(store))) == 3
    assert {"a", "c"} <= inbox.advance(at(100)).changes.keys()
    assert store.deadline in (None, at(93))
    assert {"a", "c"} <= {log.session_id for log in inbox.advance(at(10_000)).sealed}
    assert store.deadline is None
    assert list(map(kind_of, store.append(named(OVER, "d")))) == ["applied"] * 4


@pytest.mark.parametrize("number", [-1, 0, (1 << 31) - 1])
def test_a_version_that_cannot_be_counted_up_stops_its_session_only(place: Place, number: int) -> None:
    broken_in(place, "version", str(number))
    store = place.open(TIMED)

    assert store.advance(at(100)).keys() == {"a", "c"}
    assert store.unreadable.keys() == {"bad"}
    assert store.deadline is None


# At most 50 of what they find: they did not come to an end.
READERS: dict[str, Callable[[Store], list[str]]] = {
    "verify": lambda store: ["a session"] * verify(store).sessions,
    "export": lambda store: [json.loads(line)["session"] for line in export_lines(store, lambda _: None)],
    "events": lambda store: [json.loads(line)["subject"] for line in islice(event_lines(store), 50)],
    "logs": lambda store: [*islice(DurableInbox(store).logs, 50)],
    **{f"find {limit}": partial(lambda limit, store: [*islice(found(store, limit), 50)], limit) for limit in (1, 2, 3, 7)},
}


def found(store: Store, limit: int) -> Iterator[str]:
    """Yield what `find` returns, page by page."""
    after = None
    while True:
        page = store.find(after=after, limit=limit)
        yield from (one.id for one in page.sessions)
        if (after := page.next) is None:
            return


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (("store", "PAGE"), ("verify", "PAGE"), ("transfer", "EVENTS_AT_ONCE")):
        monkeypatch.setattr(sys.modules[f"cobrowse_session.store.{module}"], name, 3)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("new", ["cast({} as blob)", "cast({} || x'ff' as text)"])
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_pages_that_end_with_an_id_that_is_no_text_come_to_an_end_and_leave_out_no_other(
    place: Place, read: Callable[[Store], list[str]], new: str
) -> None:
    if not place.is_sqlite:
        pytest.skip("a server checks the types")
    names, store = [f"s{number}" for number in range(12)], place.open()
    store.append(stream(name).alerting().events[0] for name in names)
    bad = [*names[3:4], *names[5:9]]
    with store.writing() as connection:
        for table, key in (("sessions", "id"), ("events", "session")):
            these = f"where {key} in ({', '.join(map(repr, bad))})"
            connection.execute(text(f"update {table} set {key} = {new.format(key)} {these}"))  # noqa: S608 (ours)

    if read in (READERS["verify"], READERS["events"]):  # these read every row
        assert len(read(store)) == len(names)
    else:
        assert sorted(read(store)) == sorted(set(names) - set(bad))


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_sessions_whose_ids_begin_with_nul_end_no_pages(place: Place, read: Callable[[Store], list[str]]) -> None:
    names, store = [*(f"\0b'{number}'" for number in range(9)), *(f"s{number}" for number in range(9))], place.open()
    store.append(stream(name).alerting().events[0] for name in names)

    assert len(read(store)) == len(names)
    assert {*read(store)} <= {*names, "a session"}


# --- Rows that have no digest -------------------------------------------------------------------------------------------------


def put_back(store: Store, row: dict[str, Any]) -> None:  # what the columns hold
    """Put the row of the horizon back: the database is used again."""
    with store.writing() as connection:
        connection.execute(delete(HORIZON))
        connection.execute(HORIZON.insert(), row)


HORIZON_USES: dict[str, tuple[str, Callable[[Store], object]]] = {
    "append": ("forgotten", lambda store: store.append(named(ENDED, "new"))),
    "forgotten": ("forgotten", lambda store: store.forgotten),
    "export": ("forgotten", lambda store: list(export_lines(store))),
    "forget": ("sealed", lambda store: store.forget(at(1000))),
}


@pytest.mark.parametrize("value", ["'abc'", "x'ff'", "-1", "9223372036854775807", None])
@pytest.mark.parametrize("use", HORIZON_USES)
def test_a_row_of_the_horizon_that_cannot_be_read_is_an_error_that_says_so(place: Place, use: str, value: str | None) -> None:
    if not place.is_sqlite and value is not None and not value.lstrip("-").isdigit():
        pytest.skip("a server checks the types")
    store = place.open(TIMED)
    store.append(OVER)
    store.seal(at(1000))
    store.outbox.acknowledge(store.outbox.pending())
    (row,) = rows(store, HORIZON)
    column, call = HORIZON_USES[use]
    with store.writing() as connection:
        connection.execute(text("delete from horizon" if value is None else f"update horizon set {column} = {value}"))  # noqa: S608 (ours)

    try:
        with pytest.raises(StoreError, match=r"the row of horizon cannot be read.*restore it from a backup"):
            call(store)
    finally:
        put_back(store, row)


@pytest.mark.parametrize(
    "call",
    [Store.begin_epoch, lambda store: store.outbox.end, lambda store: store.outbox.feed()],
    ids=["begin_epoch", "end", "feed"],
)
def test_without_a_row_of_the_horizon_there_is_no_epoch(place: Place, call: Callable[[Store], object]) -> None:
    store = place.open()
    (row,) = rows(store, HORIZON)
    with store.writing() as connection:
        connection.execute(delete(HORIZON))

    try:
        with pytest.raises(StoreError, match=r"the row of horizon was deleted: restore it"):
            call(store)
    finally:
        put_back(store, row)


DOCUMENTS_OF_NO_CLOCK = ["'{'", "'[]'", "'{}'", "'5'", "x'ff'", "cast(x'ff' as text)"]


@pytest.mark.parametrize("document", DOCUMENTS_OF_NO_CLOCK)
@pytest.mark.parametrize("correct", [False, True])
def test_a_clock_that_cannot_be_read_is_an_error_that_names_its_source(place: Place, document: str, *, correct: bool) -> None:
    if not place.is_sqlite and "x'" in document:
        pytest.skip("a server checks the types")
    corrections = {"/test": ProviderClock()} if correct else {}
    inbox = DurableInbox(place.open(TIMED), correct=corrections)
    inbox.receive(encode_event(stream("s1", delay=0.03).alerting().events[0]))
    with inbox.store.writing() as connection:
        connection.execute(text(f"update clocks set document = {document}"))  # noqa: S608 (ours)

    with pytest.raises(StoreError, match=r"the clock of source '/test' cannot be read.*delete its row") as raised:
        DurableInbox(place.open(TIMED), correct={source: ProviderClock() for source in corrections})
    assert not isinstance(raised.value, UnreadableError)
    if correct:
        with pytest.raises(StoreError, match=r"the clock of source '/test' cannot be read.*delete its row"):
            list(export_lines(inbox.store))
        with pytest.raises(StoreError, match="the clock of source '/test' cannot be read"):
            inbox.receive(encode_event(stream("s2", delay=0.03).alerting().events[0]))


@pytest.mark.parametrize("document", DOCUMENTS_OF_NO_CLOCK)
def test_an_export_passes_over_a_clock_that_cannot_be_read_and_has_the_others(place: Place, document: str) -> None:
    if not place.is_sqlite and "x'" in document:
        pytest.skip("a server checks the types")
    store, passed_over = place.open(TIMED), list[StoreError]()
    inbox = DurableInbox(store, correct={"/a": ProviderClock(), "/b": ProviderClock()})
    for source in inbox.correct:
        inbox.receive(encode_event(stream(f"of {source}", source=source, delay=0.03).alerting().events[0]))
    whole = list(export_lines(store))
    with store.writing() as connection:
        connection.execute(text(f"update clocks set document = {document} where source = '/a'"))  # noqa: S608 (ours)

    assert list(export_lines(store, passed_over.append)) == [line for line in whole if '"clock":{"source":"/a"' not in line]
    assert len(whole) == 4
    assert [("cannot be read" in error.problem, type(error)) for error in passed_over] == [(True, StoreError)]


def test_a_page_is_found_with_few_statements_however_many_ids_in_a_row_are_no_text(place: Place) -> None:
    if not place.is_sqlite:
        pytest.skip("a server checks the types")
    names, store = [f"s{number:03}" for number in range(200)], place.open()
    store.append(stream(name).alerting().events[0] for name in names)
    with store.writing() as connection:
        connection.execute(text("update sessions set id = cast(id as blob)"))

    with statements(store) as sent:
        assert store.find(limit=1).sessions == ()
    assert len(sent) < 15
