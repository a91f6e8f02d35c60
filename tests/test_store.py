"""The durable store, on each database: stored once, found, sealed, forgotten and handed over, whatever races."""

import random
import re
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from attrs import evolve
from examples.tables import hold
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, func, insert, select, text
from tests.effort import examples, share
from tests.stores import Databases, Place, assert_is_the_fold, proved, rows, statements, stored_events
from tests.strategies import SECOND, at, lifecycles, streams
from tests.strategies import events as any_events

from cobrowse_session import Change, Event, Lifecycle, SessionLog, Settings, SettingsError, WrapupPrompt
from cobrowse_session.canonical import canonical
from cobrowse_session.errors import ConflictError, StoreError
from cobrowse_session.store import Outbox, Store
from cobrowse_session.store.database import LostRace
from cobrowse_session.store.schema import EVENTS, MESSAGES, RULES, SESSIONS
from cobrowse_session.store.unit import Unit
from cobrowse_session.testing import START, Stream, stream
from cobrowse_session.wire.trace import trace_entry

HOUR = timedelta(hours=1)
TIMED = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=30 * SECOND))
ENDED = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")  # its deadline: 93 s
OVER = ENDED.after(20).wrapup("sale")  # at 83 s


def named(call: Stream, session: str) -> list[Event]:
    """Return the events of a stream, of another session."""
    return [evolve(event, subject=session) for event in call]


def shown(log: SessionLog | None) -> tuple[Any, ...]:
    """Return everything that a log shows. `Any`: to be compared."""
    assert log is not None
    return log.session, log.context, log.deadline, log.sealed, list(map(trace_entry, log.trace)), log.copies


def one(call: Stream) -> Event:
    """The latest event of a stream."""
    return call.events[-1]


def kind_of(change: Change) -> str:
    """The kind of the outcome of a change."""
    assert change.outcome is not None
    return change.outcome.kind


# --- The promise --------------------------------------------------------------------------------------------------------------


def test_an_event_stored_is_stored_once(place: Place) -> None:
    store = place.open()
    event = ENDED.events[0]

    kinds = [[kind_of(change) for change in store.append(batch)] for batch in ([event, event], [event])]
    again = [kind_of(change) for change in place.open().append([event])]  # it has nothing in memory

    assert (kinds, again) == ([["applied", "repeat"], ["repeat"]], ["repeat"])
    assert [row["position"] for row in rows(store, EVENTS)] == [0]


@examples(60)
@given(events=streams(most=5), lifecycle=lifecycles(), seed=st.integers(0, 2**32))
def test_the_session_equals_the_fold_of_its_events_whatever_order_they_came_in(
    databases: Databases, events: list[Event], lifecycle: Lifecycle, seed: int
) -> None:
    chance = random.Random(seed)
    with databases.emptied() as place:
        store = place.open(lifecycle)
        left = chance.sample(events, len(events))
        while left:
            size = chance.randrange(1, 4)
            store.append(left[:size])
            del left[:size]

        for log in (store.load("s1"), place.open(lifecycle).load("s1")):
            assert log is not None
            assert_is_the_fold(log, events, None)
        assert proved(store) == 1


def test_a_deadline_fires_once_and_at_its_own_instant_however_long_the_store_was_down(place: Place) -> None:
    place.open(TIMED).append([*ENDED, *named(stream("x").connected().after(5).disconnected(), "s2")])
    place.close()
    later = at(365 * 86_400)

    first = place.open(TIMED).advance(later)
    second = place.open(TIMED).advance(later + HOUR)

    assert {session: [step.event.occurred_at for step in change.new] for session, change in first.items()} == {
        "s2": [at(35)],
        "s1": [at(93)],
    }
    assert second == {}


# --- Append -------------------------------------------------------------------------------------------------------------------


def test_events_of_many_sessions_are_stored_in_one_transaction_with_one_statement_for_each_kind_of_row(place: Place) -> None:
    store = place.open()
    store.append(stream("warm").alerting())  # the rules have a row
    calls = [stream(f"s{number}").alerting().connected() for number in range(50)]

    with statements(store) as sent:
        changes = store.append(event for call in calls for event in call)

    assert [kind_of(change) for change in changes] == ["applied"] * 100
    assert [statement.split()[:3] for statement in sent if statement.startswith("INSERT")] == [
        ["INSERT", "INTO", "sessions"],
        ["INSERT", "INTO", "events"],
        ["INSERT", "INTO", "messages"],
    ]
    assert proved(store) == 51


def test_a_repeat_writes_nothing(place: Place) -> None:
    store = place.open(TIMED)
    store.append(ENDED)
    before = rows(store, SESSIONS), rows(store, MESSAGES)

    for again in (store, place.open(TIMED)):
        with statements(again) as sent:
            again.append(ENDED)
        assert {statement.split()[0] for statement in sent} <= {"SELECT", "BEGIN"}
    assert (rows(store, SESSIONS), rows(store, MESSAGES)) == before


def test_a_copy_that_says_something_else_is_stored_beside_the_first(place: Place) -> None:
    store = place.open()
    first = one(stream("s1").alerting(sequence="1"))
    store.append([first])

    (change,) = store.append([evolve(first, sequence="2", occurred_at=at(2))])
    store.append([evolve(first, sequence="2", occurred_at=at(2))])

    assert change
    assert len(rows(store, EVENTS)) == 2
    log = place.open().load("s1")
    assert log is not None
    assert log.session.start_alerting_time == at(2)


BAD: list[Any] = [
    7,
    None,
    {"id": "e1"},
    one(stream("s1").alerting()).kind,
    hold.Held(subject="s1", source="/a", id="h", occurred_at=START),
]


@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_what_is_no_event_of_the_table_stores_nothing_of_its_batch(place: Place, bad: Any) -> None:
    store = place.open()

    with pytest.raises(TypeError):
        store.append([*ENDED, bad])

    assert (store.count(), rows(store, EVENTS), store.outbox.pending()) == (0, [], ())
    store.append(ENDED)
    assert proved(store) == 1


class Interrupted(BaseException):
    """A signal."""


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Interrupted])
def test_a_transaction_that_raises_stores_nothing_and_leaves_the_logs_in_memory_as_they_were(
    place: Place, error: type[BaseException]
) -> None:
    store = place.open(TIMED)
    store.append(ENDED.events[:1])
    before = shown(store.load("s1"))

    def work(unit: Unit) -> None:
        for event in (*ENDED.events[1:], *named(ENDED, "s2")):
            unit.add(event)
        raise error

    with pytest.raises(error):
        store.run(work)

    assert shown(store.load("s1")) == before
    assert store.count() == 1
    assert [kind_of(change) for change in store.append([*ENDED, *named(ENDED, "s2")])] == [
        *("repeat", "applied", "applied"),
        *["applied"] * 3,
    ]
    assert proved(store) == 2


def test_an_empty_append_does_nothing(place: Place) -> None:
    assert place.open().append([]) == ()


# --- Ids and text -------------------------------------------------------------------------------------------------------------

ODD = [
    "\0",
    "a\0b\0",
    "\\",
    "\\0",
    "\\\\0\0\\",
    "'; drop table events; --",
    'a "quoted" $1 %s :id ?',
    "Zoë 😀 \U0010ffff",
    "  ",
    "\n\r\t\x7f\x85\u2028",
    "a" * 1000,
    "\\" * 1000,
    "\0" * 1000,
    "😀" * 250,
]


@pytest.mark.parametrize("session", ODD, ids=lambda session: ascii(session[:12]))
def test_any_id_of_at_most_1000_bytes_is_stored_found_and_forgotten(place: Place, session: str) -> None:
    store = place.open()
    call = stream(session).alerting(queue_id=session, user_id=session, conversation_id=session).after(3).connected().terminated()
    store.append(call)
    again = place.open()

    assert shown(again.load(session)) == shown(SessionLog.of(call))
    for found in (again.find(queue=session), again.find(user=session), again.find(conversation=session), again.find()):
        assert [stored.id for stored in found.sessions] == [session]
    assert [log.session_id for log in again.iterate()] == [session]
    assert {message.stored.id for message in again.outbox.pending()} == {session}
    assert proved(again) == 1
    again.outbox.acknowledge(again.outbox.pending())
    assert again.seal(at(HOUR.seconds)) == (session,)
    again.outbox.acknowledge(again.outbox.pending())
    assert again.forget(at(HOUR.seconds)) == 1
    assert again.load(session) is None


@pytest.mark.parametrize("session", ["a" * 1001, "😀" * 250 + "a", "\0" * 1001], ids=["text", "emoji", "NUL"])
def test_an_id_of_1001_bytes_is_refused_with_its_path_and_nothing_of_the_batch_is_stored(place: Place, session: str) -> None:
    store = place.open()

    with pytest.raises(ValueError, match=r"\$\.subject.*at most 1000 bytes"):
        store.append([*ENDED, one(stream(session).alerting())])

    assert (store.count(), store.load(session)) == (0, None)


def test_ids_are_in_one_order_on_every_page(place: Place) -> None:
    store = place.open()
    ids = [*ODD, "a", "B", "b", "ä", "Z", "1", "10", "2"]
    store.append(one(stream(session).alerting()) for session in ids)

    found: list[str] = []
    after: str | None = None
    while True:
        page = store.find(after=after, limit=3)
        found += [stored.id for stored in page.sessions]
        if (after := page.next) is None:
            break

    assert sorted(found) == sorted(ids)
    assert len(found) == len(set(found))
    assert [log.session_id for log in store.iterate()] == found
    assert [log.session_id for log in store.iterate(after=found[4])] == found[5:]


@examples(100)
@given(events=st.lists(any_events(), min_size=1, max_size=4), lifecycle=lifecycles())
def test_whatever_a_log_accepts_can_be_stored_and_read_back(
    databases: Databases, events: list[Event], lifecycle: Lifecycle
) -> None:
    with databases.emptied() as place:
        place.open(lifecycle).append(events)
        store = place.open(lifecycle)
        log = store.load("s1")

        assert log is not None
        assert_is_the_fold(log, events, None)
        assert {canonical(copy) for copy in log.copies} == {canonical(event) for event in events}
        assert proved(store) == 1
        assert [message.kind for message in store.outbox.pending()] == ["changed"] * len(store.outbox.pending())


# --- Find ---------------------------------------------------------------------------------------------------------------------


def some_sessions() -> list[Event]:
    """Ten sessions: even ones of queue `q0`, odd ones of `q1`; three over, the rest connected; a second apart."""
    calls = [
        stream(f"s{number}", start=at(number)).connected(queue_id=f"q{number % 2}", user_id=f"u{number}", conversation_id="c")
        for number in range(10)
    ]
    calls[:3] = [call.after(60).disconnected("peer") for call in calls[:3]]
    return [event for call in calls for event in call]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, range(10)),
        ({"state": "connected"}, range(3, 10)),
        ({"state": "disconnected", "queue": "q0"}, (0, 2)),
        ({"acw": "pending"}, (0, 1, 2)),
        ({"queue": "q1", "user": "u3"}, (3,)),
        ({"conversation": "c", "since": at(9)}, (0, 1, 2, 9)),
        ({"since": at(62.001)}, ()),
        ({"sealed": True}, ()),
        ({"sealed": False, "user": "u0"}, (0,)),
        ({"queue": "q2"}, ()),
    ],
    ids=str,
)
def test_sessions_are_found_by_each_condition_and_by_all_at_once(place: Place, wanted: dict[str, Any], found: range) -> None:
    store = place.open(TIMED)
    store.append(some_sessions())

    page = store.find(**wanted)

    assert ([stored.id for stored in page.sessions], page.next) == ([f"s{number}" for number in found], None)


@pytest.mark.parametrize("limit", [1, 3, 9, 10, 11])
def test_pages_have_every_session_once(place: Place, limit: int) -> None:
    store = place.open()
    store.append(some_sessions())
    pages = [store.find(limit=limit)]
    while pages[-1].next is not None:
        pages.append(store.find(after=pages[-1].next, limit=limit))

    assert [stored.id for page in pages for stored in page.sessions] == [f"s{number}" for number in range(10)]
    assert [len(page.sessions) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert pages[-1].sessions


def test_a_session_that_is_found_is_what_its_log_shows(place: Place) -> None:
    store = place.open(TIMED)
    store.append(ENDED)
    (found,), log = place.open().find().sessions, store.load("s1")

    assert log is not None
    assert (found.session, found.session.settings, found.context) == (log.session, log.session.settings, log.context)
    assert (found.latest, found.deadline, found.sealed, found.version, found.events) == (at(63), at(93), False, 1, 3)
    assert found.lifecycle == TIMED


def test_a_queue_with_a_long_name_is_found_by_its_first_200_characters(place: Place) -> None:
    store = place.open()
    store.append([one(stream("s1").alerting(queue_id="q" * 5000)), one(stream("s2").alerting(queue_id="q" * 199))])

    assert [stored.id for stored in store.find(queue="q" * 5000).sessions] == ["s1"]
    assert store.find().sessions[0].context.queue_id == "q" * 5000


@pytest.mark.parametrize("limit", [0, -1, 1 << 31, 10**30])
def test_a_limit_out_of_bounds_is_the_callers_mistake(place: Place, limit: int) -> None:
    store = place.open(TIMED)
    store.append(ENDED)
    calls: list[Callable[..., object]] = [
        store.find,
        partial(store.due, at(100)),
        partial(store.advance, at(100)),
        partial(store.seal, at(100)),
        partial(store.forget, at(100)),
        store.refold,
        store.outbox.pending,
        store.outbox.feed,
    ]

    for call in calls:
        with pytest.raises(ValueError, match="limit: expected 1 or more, less than 2,147,483,648, found"):
            call(limit=limit)
        with pytest.raises(TypeError, match="limit: expected int, found"):
            call(limit="1")
    assert store.due(at(100)) == ("s1",)


WRONG: list[tuple[Callable[[Store], object], str]] = [
    (lambda store: store.append(5), "events: expected"),  # type: ignore[arg-type]  # the point, as below
    (lambda store: store.append(ENDED.events[0]), "events: expected"),  # type: ignore[arg-type]
    (lambda store: store.get(5), "session: expected text, found 5"),  # type: ignore[arg-type]
    (lambda store: store.get("\ud800"), "session: expected text without lone surrogates"),
    (lambda store: store.load(b"s1"), "session: expected text, found b's1'"),  # type: ignore[arg-type]
    (lambda store: store.load("\ud800"), "session: expected text without lone surrogates"),
    (lambda store: store.iterate(5), "after: expected text, found 5"),  # type: ignore[arg-type]
    (lambda store: store.iterate("\ud800"), "after: expected text without lone surrogates"),
    (lambda store: store.find(state=5), "state: expected text, found 5"),  # type: ignore[arg-type]
    (lambda store: store.find(acw=True), "acw: expected text, found True"),  # type: ignore[arg-type]
    (lambda store: store.outbox.acknowledge(["1"]), "expected a message or its number, found '1'"),  # type: ignore[list-item]
    (lambda store: store.outbox.acknowledge([True]), "expected a message or its number, found True"),
    (lambda store: store.outbox.acknowledge(1), "messages: expected"),  # type: ignore[arg-type]
    (lambda store: store.outbox.acknowledge(store.outbox.feed()[0]), "messages: expected"),  # type: ignore[arg-type]
    (lambda store: store.outbox.feed(5), "after: expected a str, found 5"),  # type: ignore[arg-type]
    (lambda store: store.outbox.trim(""), "before: expected the position of a message"),
    (lambda store: store.outbox.trim(5), "before: expected a str, found 5"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("call", "sentence"), WRONG, ids=map(str, range(len(WRONG))))
def test_an_argument_of_another_type_gets_a_sentence_that_names_it_and_nothing_changes(
    place: Place, call: Callable[[Store], object], sentence: str
) -> None:
    store = place.open()
    store.append(ENDED)

    with pytest.raises((TypeError, ValueError), match=re.escape(sentence)) as raised:
        call(store)

    assert not isinstance(raised.value, UnicodeError)
    assert store.outbox.count() == 3
    assert store.count() == 1


@pytest.mark.parametrize(("cached", "error"), [(-1, SettingsError), ("x", TypeError), (None, TypeError), (1.5, TypeError)])
def test_the_number_of_events_in_memory_is_checked_before_anything_is_stored(
    place: Place, cached: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match="cached: expected"):
        place.open(cached=cached)


def test_a_time_without_a_zone_is_the_callers_mistake(place: Place) -> None:
    store, naive = place.open(), datetime(2026, 3, 1)  # noqa: DTZ001 (the point)

    for call in (store.advance, store.seal, store.forget, store.due, lambda since: store.find(since=since)):
        with pytest.raises(TypeError):
            call(naive)


# --- Time ---------------------------------------------------------------------------------------------------------------------


def test_due_has_the_sessions_whose_deadline_has_come_the_earliest_first(place: Place) -> None:
    store = place.open(TIMED)
    store.append(
        event for number in (5, 1, 3) for event in named(stream("x").connected().after(number).disconnected(), f"s{number}")
    )

    assert store.deadline == at(31)
    assert store.due(at(30.999)) == ()
    assert store.due(at(33)) == ("s1", "s3")
    assert store.due(at(100), limit=1) == ("s1",)
    assert list(store.advance(at(33))) == ["s1", "s3"]
    assert (store.due(at(34.999)), store.deadline) == ((), at(35))


def test_a_limit_is_the_number_of_sessions_that_are_advanced_sealed_or_forgotten(place: Place) -> None:
    store = place.open(TIMED)
    store.append(event for number in range(7) for event in named(ENDED, f"s{number}"))

    assert [len(store.advance(at(100), limit=3)) for _ in range(4)] == [3, 3, 1, 0]
    assert [len(store.seal(at(100), limit=3)) for _ in range(4)] == [3, 3, 1, 0]
    store.outbox.acknowledge(store.outbox.pending())
    assert [store.forget(at(100), limit=3) for _ in range(4)] == [3, 3, 1, 0]


def test_a_wrapup_in_time_that_arrives_after_the_timer_fired_undoes_it(place: Place) -> None:
    store = place.open(TIMED)
    store.append(ENDED)
    store.advance(at(100))

    (change,) = place.open(TIMED).append([one(OVER)])

    assert [entry.event.kind for entry in change.withdrawn] == ["timer.acw"]
    assert [entry["type"] for entry in store.outbox.pending()[-1].document["withdrawn"]] == ["timer.acw"]
    assert (store.deadline, proved(store)) == (None, 1)


# --- Sealed and forgotten -----------------------------------------------------------------------------------------------------


def test_only_what_is_over_and_lies_before_the_horizon_is_sealed(place: Place) -> None:
    store = place.open(TIMED)
    store.append([*named(OVER, "over"), *named(ENDED, "waits for its timer"), *named(stream("x").connected(), "goes on")])

    assert store.seal(at(83)) == ()
    assert store.seal(at(83.001)) == ("over",)
    assert store.seal(at(10**6)) == ()
    store.advance(at(100))
    assert store.seal(at(10**6)) == ("waits for its timer",)
    assert [stored.id for stored in store.find(sealed=True).sessions] == ["over", "waits for its timer"]
    assert (store.count(sealed=True), store.count(sealed=False), store.count()) == (2, 1, 3)
    assert proved(store) == 3


def test_a_late_event_is_kept_once_and_does_not_change_the_session(place: Place) -> None:
    store = place.open(TIMED)
    store.append(OVER)
    store.seal(at(1000))
    before = shown(store.load("s1"))
    late = one(OVER.after(1).updated(peer_id="p", id="late"))

    writers = (store, store, place.open(TIMED))
    kinds = [kind_of(change) for writer in writers for change in writer.append([late, OVER.events[0]])]

    assert kinds == ["late", "repeat"] * 3
    assert shown(store.load("s1")) == before
    assert [(row["position"], row["late"]) for row in rows(store, EVENTS)] == [
        (0, False),
        (1, False),
        (2, False),
        (3, False),
        (4, True),
    ]
    assert [message.kind for message in store.outbox.pending()] == ["changed"] * 4 + ["sealed", "late"]
    assert store.outbox.pending()[-1].document["id"] == "late"
    assert proved(store) == 1


def test_a_session_stays_until_its_messages_were_handed_over(place: Place) -> None:
    store = place.open()
    store.append(stream("s1").connected().after(1).terminated())
    store.seal(at(10))

    assert store.forget(at(10)) == 0
    store.outbox.acknowledge(store.outbox.pending())
    assert store.forget(at(1)) == 0  # its latest event is not before this time
    assert store.forget(at(10)) == 1
    assert (rows(store, SESSIONS), rows(store, EVENTS), rows(store, MESSAGES)) == ([], [], [])


def test_of_a_forgotten_session_an_event_before_the_horizon_is_late_and_a_later_one_begins_a_session(place: Place) -> None:
    store = place.open()
    store.append(stream("s1").connected().after(1).terminated())
    store.seal(at(10))
    store.outbox.acknowledge(store.outbox.pending())
    store.forget(at(10))
    store.forget(at(5))  # an earlier horizon changes nothing

    for writer in (store, place.open()):
        (change,) = writer.append([one(stream("s1", start=at(1)).connected())])
        assert kind_of(change) == "late"
    (change,) = store.append([one(stream("s1", start=at(1.001)).connected())])
    assert kind_of(change) == "applied"
    assert store.forgotten == at(1.001)  # just after the latest event that was sealed


# --- Outbox -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_bytes", [1, 21_000, 45_000, 1_000_000])
def test_a_letter_of_two_bytes_counts_twice_in_the_bytes_of_messages(place: Place, max_bytes: int) -> None:
    store = place.open()

    def pending(letters: str) -> int:
        numbers = [message.id for message in store.outbox.pending()]
        store.outbox.acknowledge(numbers)
        for number in range(5):
            store.append(stream(f"{letters[0]}{number}").connected(viewer_url=letters))
        return len(store.outbox.pending(10, max_bytes))

    assert pending("\u00fc" * 10_000) == pending("u" * 20_000)


def test_a_message_is_pending_until_it_is_acknowledged_and_keeps_its_number(place: Place) -> None:
    store = place.open()
    store.append(ENDED.events[:1])
    store.append(ENDED.events[1:])
    first, second, third = store.outbox.pending()

    assert [message.id for message in place.open().outbox.pending()] == [first.id, second.id, third.id]
    store.outbox.acknowledge([second])
    assert [message.id for message in store.outbox.pending(limit=1)] == [first.id]
    assert [message.id for message in store.outbox.pending()] == [first.id, third.id]
    store.outbox.acknowledge([])


def test_a_message_has_what_changed_and_the_session_as_it_is_now(place: Place) -> None:
    store = place.open(TIMED)
    log = SessionLog(TIMED, "s1")
    changes = [log.add(event) for event in reversed(ENDED.events)]
    store.append(reversed(ENDED.events))

    for message, change in zip(store.outbox.pending(), changes, strict=True):
        assert message.document["new"] == [trace_entry(entry) for entry in change.new]
        assert message.document["changed"] == [[trace_entry(a), trace_entry(b)] for a, b in change.changed]
        assert (message.kind, message.version, message.stored.session) == ("changed", 1, log.session)


def test_what_was_acknowledged_by_another_one_is_a_conflict_and_nothing_is_marked(place: Place) -> None:
    store, other = place.open(), place.open()
    store.append(ENDED)
    first, second, third = store.outbox.pending()
    other.outbox.acknowledge([second])

    with pytest.raises(ConflictError, match=f"message {second.id} is not pending: it was acknowledged by somebody else"):
        store.outbox.acknowledge([first, second, third])

    assert [message.id for message in store.outbox.pending()] == [first.id, third.id]


def test_more_messages_than_a_statement_takes_parameters_are_acknowledged_at_once_or_not_at_all(place: Place) -> None:
    store = place.open()
    store.append(ENDED)
    numbers = [message.id for message in store.outbox.pending()]

    with pytest.raises(ConflictError, match="acknowledged by somebody else"):
        store.outbox.acknowledge([*numbers, *range(10**6, 10**6 + 70_000)])

    assert store.outbox.count() == 3


@pytest.mark.parametrize("number", [77_777_777, -1, 10**30, -(10**30)])
def test_a_message_that_does_not_exist_cannot_be_acknowledged(place: Place, number: int) -> None:
    store = place.open()
    store.append(ENDED)
    (first, *_) = store.outbox.pending()

    with pytest.raises(ConflictError, match=rf"message {number} is not pending: .*, or there is none"):
        store.outbox.acknowledge([first.id, number])

    assert store.outbox.count() == 3


def test_two_that_acknowledge_some_of_the_same_messages_in_another_order_do_not_wait_for_ever(place: Place) -> None:
    store, other = place.open(), place.open()
    store.append(event for number in range(200) for event in named(ENDED, f"s{number}"))
    numbers = [message.id for message in store.outbox.pending(limit=1000)]
    start = Barrier(2)

    def acknowledge(outbox: Outbox, some: list[int]) -> bool:
        start.wait()
        try:
            outbox.acknowledge(some)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor() as threads:
        done = [threads.submit(acknowledge, *both) for both in ((store.outbox, numbers), (other.outbox, numbers[::-1]))]
        assert sorted(one.result() for one in done) == [False, True]

    assert store.outbox.count() == 0


BILLS = Table("bills", MetaData(), Column("message", Integer, primary_key=True), Column("session", Text, nullable=False))


def bill(store: Store) -> int:
    """Write a bill for some messages, in the transaction in which they are acknowledged. Return how many."""
    messages = store.outbox.pending(limit=3)
    with store.writing() as connection:
        for message in messages:
            connection.execute(insert(BILLS).values(message=message.id, session=message.stored.id))
        store.outbox.acknowledge(messages, connection)
    return len(messages)


def test_two_consumers_that_write_bills_in_their_own_transaction_write_each_once(place: Place) -> None:
    store = place.open(TIMED)
    with store.writing() as connection:
        BILLS.create(connection)
    store.append(event for number in range(8) for event in named(ENDED, f"s{number}"))
    conflicts, start = [], Barrier(2)

    def consume() -> None:
        own = Store(place.url)
        start.wait()
        while True:
            try:
                if not bill(own):
                    break
            except ConflictError as error:
                conflicts.append(error)
        own.close()

    with ThreadPoolExecutor() as threads:
        for done in [threads.submit(consume) for _ in range(2)]:
            done.result()

    with store.database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(BILLS)) == 24
    assert store.outbox.pending() == ()


def test_a_consumer_that_fails_writes_no_bill_and_acknowledges_nothing(place: Place) -> None:
    store = place.open()
    with store.writing() as connection:
        BILLS.create(connection)
    store.append(ENDED)

    def fail() -> None:
        with store.writing() as connection:
            connection.execute(insert(BILLS).values(message=1, session="s1"))
            store.outbox.acknowledge(messages, connection)
            raise RuntimeError("printer")

    messages = store.outbox.pending()
    with pytest.raises(RuntimeError, match="printer"):
        fail()

    assert len(store.outbox.pending()) == 3
    with store.database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(BILLS)) == 0


def test_a_bill_that_is_there_already_is_an_error_of_the_caller_that_he_can_catch(place: Place) -> None:
    store = place.open()
    with store.writing() as connection:
        BILLS.create(connection)
        connection.execute(insert(BILLS).values(message=1, session="s1"))

    with pytest.raises(ConflictError), store.writing() as connection:
        connection.execute(insert(BILLS).values(message=1, session="s1"))


@pytest.mark.parametrize(
    "row", ["'s1', null, null", "'s1', -1, null", "'s1', 1, 'nobody'"], ids=["not null", "check", "foreign key"]
)
def test_a_row_that_violates_another_constraint_than_its_key_is_no_lost_race(place: Place, row: str) -> None:
    if place.is_sqlite and "nobody" in row:
        pytest.skip("it checks no foreign keys, unless it is asked to")
    store = place.open()
    with store.writing() as connection:
        columns = "session text primary key, seconds integer not null check (seconds >= 0), person text references sessions"
        connection.execute(text(f"create table bills_of_people ({columns})"))
    tried: list[int] = []

    def write(connection: Connection) -> None:
        tried.append(1)
        connection.execute(text(f"insert into bills_of_people values ({row})"))  # noqa: S608 (ours)

    with pytest.raises(StoreError, match="correct the row") as raised, store.writing() as connection:
        write(connection)
    with pytest.raises(StoreError, match="correct the row") as raised_again:
        store.run(lambda unit: write(unit.connection))

    assert not isinstance(raised.value, ConflictError)
    assert not isinstance(raised_again.value, ConflictError)
    assert len(tried) == 2


def test_the_feed_has_every_message_in_an_order_for_any_number_of_readers(place: Place) -> None:
    store = place.open()
    store.append(ENDED.events[:1])
    (first,) = store.outbox.feed()
    store.append(ENDED.events[1:])
    store.outbox.acknowledge(store.outbox.pending())

    rest = store.outbox.feed(first.position)

    assert [len(rest), len(store.outbox.feed()), len(store.outbox.feed(limit=2))] == [2, 3, 2]
    assert [message.id for message in (first, *rest)] == [message.id for message in store.outbox.feed()]
    assert store.outbox.feed(rest[-1].position) == ()


@pytest.mark.parametrize("position", ["", "1", "1-", "-1", "a-1", "1-2-3", "1-²", "1-" + "9" * 20])
def test_a_text_that_is_no_position_is_the_callers_mistake(place: Place, position: str) -> None:
    with pytest.raises(ValueError, match="position of a message"):
        place.open().outbox.feed(position)


def test_a_feed_that_is_read_while_many_write_misses_no_message(place: Place) -> None:
    store, writers = place.open(), 4

    def write(number: int) -> None:
        with Store(place.url) as own:
            for call in range(10):
                own.append(stream(f"{number}-{call}").alerting().after(1).connected())

    read: list[int] = []
    position: str | None = None
    with ThreadPoolExecutor() as threads:
        running = [threads.submit(write, number) for number in range(writers)]
        while not all(one.done() for one in running):
            for message in store.outbox.feed(position, limit=5):
                read.append(message.id)
                position = message.position
        for written in running:
            written.result()
    while messages := store.outbox.feed(position, limit=5):
        read += [message.id for message in messages]
        position = messages[-1].position

    assert sorted(read) == sorted(row["id"] for row in rows(store, MESSAGES))
    assert len(read) == len(set(read)) == writers * 20


# --- Two stores over one database ---------------------------------------------------------------------------------------------


def test_a_store_sees_what_another_one_has_appended_and_reads_the_new_events_only(place: Place) -> None:
    first, second = place.open(TIMED), place.open(TIMED)
    first.append(ENDED.events[:2])
    second.append(ENDED.events[2:])

    with statements(first) as sent:
        (change,) = first.append([one(OVER)])

    assert kind_of(change) == "applied"
    assert sum("FROM events" in statement for statement in sent) == 1
    assert shown(first.load("s1")) == shown(SessionLog.of(OVER, TIMED))
    with statements(second) as sent:
        second.append(OVER)
    assert sum("FROM events" in statement for statement in sent) == 1


def test_a_log_whose_row_has_not_changed_is_not_read_again(place: Place) -> None:
    store = place.open(TIMED)
    store.append(ENDED.events[:2])

    with statements(store) as sent:
        store.append(ENDED.events[2:])

    assert not any("FROM events" in statement for statement in sent)


@pytest.mark.parametrize("cached", [0, 1, 10_000])
def test_any_number_of_logs_in_memory_gives_the_same(place: Place, cached: int) -> None:
    store = place.open(TIMED, cached=cached)
    for event in OVER:
        store.append([evolve(event, subject=session) for session in ("s1", "s2", "s3")])
        store.append([evolve(event, subject="s2")])

    for session in ("s1", "s2", "s3"):
        assert shown(store.load(session)) == shown(SessionLog.of(named(OVER, session), TIMED))


def test_the_logs_in_memory_are_bounded_by_their_events(place: Place) -> None:
    number = len(ENDED.events)
    store = place.open(TIMED, cached=2 * number)
    for session in ("s1", "s2", "s3"):
        store.append(named(ENDED, session))

    def is_read(session: str) -> bool:
        with statements(store) as sent:
            store.append([evolve(ENDED.events[0], subject=session, id="new", sequence=session)])
        return any("FROM events" in statement for statement in sent)

    assert [is_read(session) for session in ("s3", "s1")] == [False, True]


def test_a_session_that_another_store_has_sealed_takes_no_more_events(place: Place) -> None:
    first, second = place.open(TIMED), place.open(TIMED)
    first.append(OVER)
    second.seal(at(1000))

    (change,) = first.append([one(OVER.after(1).updated(peer_id="p", id="late"))])

    assert kind_of(change) == "late"
    assert proved(first) == 1


@pytest.mark.parametrize("sent_before", [1, 2, 3])
@pytest.mark.parametrize("sent_by_other", [1, 2, 3])
def test_a_session_that_was_forgotten_and_began_anew_is_not_the_one_in_memory(
    place: Place, sent_before: int, sent_by_other: int
) -> None:
    store, other = place.open(), place.open()
    for event in OVER.events[:sent_before]:
        store.append([event])
    place.open().append(OVER)
    other.seal(at(1000))
    other.outbox.acknowledge(other.outbox.pending())
    assert other.forget(at(1000)) == 1
    anew = stream("s1", start=at(2000)).alerting(queue_id="other").after(3).connected().after(9).disconnected("peer")
    for event in anew.events[:sent_by_other]:
        other.append([event])

    changes = store.append([*anew.events[sent_by_other - 1 :], *anew.events])

    left = len(anew.events) - sent_by_other
    assert [kind_of(change) for change in changes] == ["repeat", *["applied"] * left, *["repeat"] * 3]
    assert shown(place.open().load("s1")) == shown(SessionLog.of(anew))
    assert proved(store) == 1


@pytest.mark.parametrize("lost", [1, 2])
@pytest.mark.parametrize("stored", [0, 1, 2])
def test_a_database_that_was_restored_from_a_backup_is_not_what_is_in_memory(place: Place, lost: int, stored: int) -> None:
    store = place.open()
    store.append(OVER.events[:1])
    backup = {table: rows(store, table) for table in (SESSIONS, EVENTS)}
    for event in OVER.events[1 : 1 + lost]:
        store.append([event])
    with store.writing() as connection:
        for table, before in backup.items():
            connection.execute(table.delete())
            connection.execute(insert(table), before)
    others = [evolve(one(ENDED), id="other", occurred_at=at(20)), *stream("s1", start=at(30)).terminated()]
    for event in others[:stored]:
        place.open().append([event])

    changes = store.append(OVER.events[1:])

    assert [kind_of(change) for change in changes].count("repeat") == 0
    assert sorted(event.id for event in stored_events(store)["s1"]) == sorted(
        event.id for event in [*OVER.events, *others[:stored]]
    )
    assert proved(store) == 1


def test_a_session_that_another_store_has_forgotten_is_gone(place: Place) -> None:
    first, second = place.open(TIMED), place.open(TIMED)
    first.append(OVER)
    log = first.load("s1")
    second.seal(at(1000))
    second.outbox.acknowledge(second.outbox.pending())
    second.forget(at(1000))

    (change,) = first.append([one(OVER.updated(id="late"))])

    assert (kind_of(change), first.count(), first.load("s1")) == ("late", 0, None)
    assert log is not None
    assert log.session.state == "disconnected"
    with pytest.raises(StoreError, match="was forgotten after it was read; load it again"):  # not a log without events
        _ = log.trace


def test_a_session_keeps_the_rules_under_which_it_began_and_a_new_one_has_the_new_rules(place: Place) -> None:
    place.open(TIMED).append(named(ENDED, "old")[:2])
    other = place.open(Lifecycle())

    other.append([*named(ENDED, "old"), *named(ENDED, "new")])

    assert (other.deadline, len(rows(other, RULES))) == (at(93), 2)
    assert shown(other.load("old")) == shown(SessionLog.of(named(ENDED, "old"), TIMED))
    assert shown(other.load("new")) == shown(SessionLog.of(named(ENDED, "new"), Lifecycle()))


def test_two_stores_that_write_the_same_new_rules_at_once_write_them_once(place: Place) -> None:
    start = Barrier(4)
    place.open()

    def begin(number: int) -> None:
        with Store(place.url, TIMED) as own:
            start.wait()
            own.append(named(ENDED, f"s{number}"))

    with ThreadPoolExecutor() as threads:
        list(threads.map(begin, range(4)))

    assert len(rows(place.open(), RULES)) == 1
    assert proved(place.open(TIMED)) == 4


# --- Races --------------------------------------------------------------------------------------------------------------------


def test_a_lost_race_is_tried_again_within_a_bound_and_is_then_a_clear_error(place: Place) -> None:
    store = place.open()
    tried: list[int] = []

    def loses(unit: Unit) -> None:
        tried.append(1)
        unit.add(ENDED.events[0])
        raise LostRace("a session was changed")

    with pytest.raises(ConflictError, match=r"other writers were first 10 times.*nothing was stored: try again later"):
        store.run(loses)

    assert (len(tried), store.count()) == (10, 0)


def test_who_loses_a_race_once_wins_the_next_time_and_returns_that_change_only(place: Place) -> None:
    store, other = place.open(), place.open()
    tried: list[int] = []

    def work(unit: Unit) -> str | None:
        tried.append(1)
        outcome = unit.add(ENDED.events[1]).outcome
        if len(tried) == 1:
            raise LostRace("a session was changed")
        return outcome.kind if outcome else None

    other.append(ENDED.events[:1])

    assert store.run(work) == "applied"
    assert (len(tried), len(rows(store, EVENTS)), proved(store)) == (2, 2, 1)


def test_an_attempt_locks_first_all_sessions_of_the_one_before_so_that_two_do_not_wait_for_each_other_again(place: Place) -> None:
    store = place.open()
    store.append([*named(ENDED, "a"), *named(ENDED, "b"), *named(ENDED, "c")])
    attempts: list[int] = []

    def work(unit: Unit) -> None:
        attempts.append(len(attempts))
        for session in ("c", "a", "b")[: len(attempts)]:
            unit.read([session])
        if len(attempts) < 3:
            raise LostRace("a deadlock")

    with statements(store, with_parameters=True) as sent:
        store.run(work)

    locked = [re.findall("'([abc])'|\"([abc])\"", statement) for statement in sent if "ids" in statement]
    assert [["".join(found) for found in every] for every in locked] == [["c"], ["c"], ["a"], ["a", "c"], ["b"]]


def test_new_sessions_are_inserted_in_one_order_so_that_two_that_begin_them_do_not_wait_for_each_other(place: Place) -> None:
    store = place.open()

    with statements(store, with_parameters=True) as sent:
        store.append([one(stream(session).alerting()) for session in ("b", "c", "a")])

    (inserted,) = (statement for statement in sent if statement.startswith("INSERT INTO sessions"))
    assert re.findall("'id': '([abc])'", inserted) == ["a", "b", "c"]


def test_stores_that_begin_the_same_sessions_at_once_lose_no_event(place: Place) -> None:
    place.open(TIMED)
    workers, calls = 4, 15
    start = Barrier(workers)

    def send(number: int) -> None:
        chance = random.Random(number)
        with Store(place.url, TIMED) as own:
            start.wait()
            for call in range(calls):
                events = named(OVER, f"s{call}")
                own.append(chance.sample(events, len(events)))

    with ThreadPoolExecutor() as threads:
        list(threads.map(send, range(workers)))

    store = place.open(TIMED)
    assert proved(store) == calls
    assert all(len(events) == len(OVER) for events in stored_events(store).values())


def test_many_threads_may_use_one_store(place: Place) -> None:
    store, workers = place.open(TIMED, cached=2), 6
    start = Barrier(workers)

    def use(number: int) -> None:
        chance = random.Random(number)
        start.wait()
        for _ in range(12):
            session = f"s{chance.randrange(3)}"
            store.append(chance.sample(named(OVER, session), 2))
            log = store.load(session)
            assert log is not None
            assert len(log.trace) >= 2  # the events are read when they are asked for
            store.advance(at(chance.randrange(200)))
            assert all(stored.events >= 2 for stored in store.find().sessions)

    with ThreadPoolExecutor(workers) as threads:
        for done in [threads.submit(use, number) for number in range(workers)]:
            done.result()

    assert proved(store) == 3


def test_a_log_that_was_loaded_never_reads_what_another_thread_has_not_committed(place: Place) -> None:
    store = place.open(TIMED)
    store.append(OVER)
    log = store.load("s1")
    store.seal(at(1000))
    store.outbox.acknowledge(store.outbox.pending())
    deleted, read = Barrier(2, timeout=30), Barrier(2, timeout=30)

    def work(unit: Unit) -> None:
        assert unit.forget(at(1000), 1) == 1
        deleted.wait()
        read.wait()
        raise ValueError("rolled back")

    with ThreadPoolExecutor() as threads:
        writer = threads.submit(store.run, work)
        deleted.wait()
        try:
            assert log is not None
            kinds = [entry.event.kind for entry in log.trace]
        finally:
            read.wait()
        with pytest.raises(ValueError, match="rolled back"):
            writer.result()

    assert kinds == ["alerting", "connected", "disconnected", "wrapup"]


# --- Own tables ---------------------------------------------------------------------------------------------------------------

HELD = [
    *stream("s1").connected(),
    hold.Held(subject="s1", source="/test", id="h1", occurred_at=at(5)),
    hold.Resumed(subject="s1", source="/test", id="h2", occurred_at=at(9)),
    hold.Held(subject="s1", source="/test", id="h3", occurred_at=at(12)),
]


def test_a_session_of_an_own_table_with_own_fields_is_stored_found_and_sealed(place: Place) -> None:
    lifecycle = Lifecycle(table=hold.TABLE)
    place.open(lifecycle).append(HELD)
    store = place.open(lifecycle)

    (found,) = store.find().sessions
    assert isinstance(found.session, hold.HoldSession)
    assert (found.session.held, found.session.hold_count) == (True, 2)
    assert shown(store.load("s1")) == shown(SessionLog.of(HELD, lifecycle))
    store.append(stream("s1", start=at(20)).terminated(id="t"))
    assert store.seal(at(100)) == ("s1",)
    sealed = place.open(lifecycle).load("s1")
    assert sealed is not None
    assert isinstance(sealed.session, hold.HoldSession)
    assert (sealed.session.held, sealed.session.hold_count) == (False, 2)
    assert proved(place.open(lifecycle)) == 1


def test_a_session_that_was_stored_under_another_table_is_folded_anew(place: Place) -> None:
    place.open(Lifecycle(table=hold.TABLE)).append(HELD[:1])
    standard = place.open()

    log = standard.load("s1")
    assert log is not None
    assert log.restored is not None
    assert log.restored.table_changed
    assert shown(log)[1:] == shown(SessionLog.of(HELD[:1]))[1:]
    standard.append(stream("s1", start=at(20)).terminated(id="t"))

    assert len(rows(standard, RULES)) == 2
    assert proved(standard) == 1
    again = place.open(Lifecycle(table=hold.TABLE)).load("s1")
    assert again is not None
    assert again.session.state == "terminated"


# --- Long sessions ------------------------------------------------------------------------------------------------------------


def test_an_append_to_a_long_session_writes_one_event_and_another_store_reads_the_new_ones_only(place: Place) -> None:
    store, other = place.open(), place.open()
    long = share(50_000)
    first = one(stream("s1").connected())
    added = [evolve(first, id=f"u{number}", occurred_at=at(number)) for number in range(1, long + 2)]
    store.append([first, *added[:-1]])
    other.append([first])  # a repeat, so it has read everything

    with statements(store) as sent:
        store.append(added[-1:])
    assert [statement.split()[:3] for statement in sent if not statement.startswith(("SELECT", "BEGIN"))] == [
        ["UPDATE", "sessions", "SET"],
        ["INSERT", "INTO", "events"],
        ["INSERT", "INTO", "messages"],
    ]
    assert not any("FROM events" in statement for statement in sent)
    (row,) = rows(store, SESSIONS)
    (message,) = store.outbox.feed(store.outbox.feed(limit=long + 1)[-1].position)
    assert row["events"] == long + 2
    assert max(len(row["document"]), len(str(message.document))) < 2000

    with statements(other, with_parameters=True) as sent:
        (change,) = other.append(added[-1:])
    assert kind_of(change) == "repeat"
    (of_events,) = (statement for statement in sent if "FROM events" in statement)
    assert str(long + 1) in of_events.partition("FROM events")[2]  # from this position on
    assert str(long + 2) in of_events.partition("FROM events")[2]  # up to this one


@pytest.mark.parametrize(("name", "word", "meant"), [("state", "conected", "connected"), ("acw", "pendign", "pending")])
def test_a_state_that_does_not_exist_is_an_error_with_the_nearest_one(place: Place, name: str, word: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: expected one of .*, found '{word}'. Did you mean {meant}"):
        place.open().find(**{name: word})  # type: ignore[arg-type]  # a name of two


@pytest.mark.parametrize("name", ["state", "acw", "conversation", "queue", "user", "after"])
@pytest.mark.parametrize(("value", "error"), [(5, TypeError), (b"x", TypeError), ("\ud800", ValueError)])
def test_a_condition_that_is_no_text_is_named(place: Place, name: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=name):
        place.open().find(**{name: value})


def test_a_transaction_may_read_more_sessions_than_a_statement_takes_parameters(place: Place) -> None:
    store, many = place.open(), [f"s{number}" for number in range(70_000)]
    store.append(stream(many[-1]).alerting())

    def work(unit: Unit) -> list[str]:
        unit.read(many)
        return [session for session, held in unit.held.items() if held is not None]

    assert store.run(work) == many[-1:]


# --- Any interleaving ---------------------------------------------------------------------------------------------------------


class Model:
    """The sessions as they must be: the events that were taken, and the times to which each was advanced."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self.lifecycle = lifecycle
        self.taken: dict[str, list[Event]] = defaultdict(list)
        self.until: dict[str, datetime] = {}
        self.heard: dict[str, datetime] = {}
        self.sealed: set[str] = set()

    def log(self, session: str) -> SessionLog:
        return SessionLog.of(self.taken[session], self.lifecycle, until=self.until.get(session))

    def append(self, events: list[Event]) -> None:
        for event in events:
            if event.subject not in self.sealed:
                if not self.taken[event.subject] or self.log(event.subject).keeps(event):
                    times = (event.occurred_at, event.received, self.heard.get(event.subject, event.received))
                    self.heard[event.subject] = max(times)
                self.taken[event.subject].append(event)

    def advance(self, now: datetime) -> None:
        for session in self.taken:
            due = self.log(session).deadline
            if session not in self.sealed and due is not None and due <= now:
                self.until[session] = max(now, self.until.get(session, now))

    def seal(self, horizon: datetime) -> None:
        for session in self.taken:
            log = self.log(session)
            work = log.session.after_call_work
            is_pending = work is not None and work.state == "pending"  # for a week
            if not is_pending and self.heard[session] < horizon and log.seal(horizon):
                self.sealed.add(session)


@examples(100)
@given(drawn=st.lists(streams(most=5), min_size=1, max_size=3), lifecycle=lifecycles(), seed=st.integers(0, 2**32))
def test_any_interleaving_of_appends_advances_seals_and_restarts_of_some_stores_shows_what_the_fold_says(
    databases: Databases, drawn: list[list[Event]], lifecycle: Lifecycle, seed: int
) -> None:
    chance = random.Random(seed)
    events = [evolve(event, subject=f"s{number}") for number, some in enumerate(drawn) for event in some]
    left = chance.sample(events, len(events)) + chance.choices(events, k=3)
    model = Model(lifecycle)
    with databases.emptied() as place:
        stores = [place.open(lifecycle, cached=chance.choice((0, 1, 100))) for _ in range(chance.randrange(1, 4))]
        while left:
            number = chance.randrange(len(stores))
            step = chance.choice(("append", "append", "append", "advance", "seal", "reopen"))
            moment = at(chance.choice((*range(20), 150, 400)))
            if step == "append":
                size = chance.randrange(1, 4)
                stores[number].append(left[:size])
                model.append(left[:size])
                del left[:size]
            elif step == "advance":
                stores[number].advance(moment)
                model.advance(moment)
            elif step == "seal":
                stores[number].seal(moment)
                model.seal(moment)
            else:
                stores[number].close()
                stores[number] = place.open(lifecycle)

        for store in stores:
            assert {log.session_id for log in store.iterate()} == model.taken.keys()
            for log in store.iterate():
                assert log.sealed is (log.session_id in model.sealed)
                assert_is_the_fold(log, model.taken[log.session_id], model.until.get(log.session_id))
        assert proved(stores[0]) == len(model.taken)
