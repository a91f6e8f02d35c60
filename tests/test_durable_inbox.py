"""The inbox over a store: it does what the inbox in memory does, it is on disk when it answers, and workers agree."""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from tests.effort import examples
from tests.stores import Databases, Place, assert_is_the_fold, proved, rows, statements
from tests.strategies import SECOND, at, lifecycles, streams

from cobrowse_session import Change, Event, Lifecycle, ProviderClock, SessionLog, Settings, SettingsError, WrapupPrompt
from cobrowse_session.errors import StoreError
from cobrowse_session.io.answers import Advanced, Received
from cobrowse_session.io.arrival import MAX_SOURCES
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.io.replay import Rejected
from cobrowse_session.store import DurableInbox, Store, TimerRunner
from cobrowse_session.store.schema import CLOCKS, EVENTS, MAX_ID
from cobrowse_session.stream import Sealed, TraceEntry
from cobrowse_session.testing import START, Stream, stream
from cobrowse_session.testing.payloads import payloads
from cobrowse_session.wire import encode_event, restore_log, save_log

ROOT = Path(__file__).parents[1]
HOUR = timedelta(hours=1)
MS = timedelta(milliseconds=1)
TIMED = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=30 * SECOND))
CALL = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")  # its deadline: 93 s
OVER = CALL.after(20).wrapup("sale")  # at 83 s


def one(call: Stream) -> Event:
    """The latest event of a stream."""
    return call.events[-1]


def take(inbox: DurableInbox | Inbox, event: Event, now: datetime | None = None) -> Received:
    """Receive an event that is not rejected."""
    received = inbox.receive(encode_event(event), now or event.received)
    assert isinstance(received, Received)
    return received


def take_all(inbox: DurableInbox | Inbox, *calls: Stream) -> None:
    for event in sorted((event for call in calls for event in call), key=lambda event: event.occurred_at):
        take(inbox, event)


def timers(advanced: Advanced) -> dict[str, list[datetime]]:
    return {session: [step.event.occurred_at for step in change.new] for session, change in advanced.changes.items()}


def late_source(number: int, behind: timedelta = 10 * SECOND) -> tuple[Event, datetime]:
    """An event of a source whose clock is slow, and when it arrives. Every ten seconds one, of a session of its own."""
    happened = START + number * 10 * SECOND
    event = one(stream(f"slow{number}", start=happened - behind, source="/slow").alerting())
    return event, happened + (30 + 7 * (number % 3)) * MS


# --- As the inbox in memory ---------------------------------------------------------------------------------------------------


@st.composite
def crowds(draw: st.DrawFn) -> list[Event]:
    """Events of up to three sessions, copies among them."""
    drawn = [draw(streams(most=5)) for _ in range(draw(st.integers(1, 3)))]
    return [evolve(event, subject=f"s{number}") for number, events in enumerate(drawn) for event in events]


@examples(50)
@given(events=crowds(), lifecycle=lifecycles(), after=st.sampled_from((None, 5, 60)), seed=st.integers(0, 2**32))
def test_it_answers_what_the_inbox_in_memory_answers(
    databases: Databases, events: list[Event], lifecycle: Lifecycle, after: int | None, seed: int
) -> None:
    chance = random.Random(seed)
    seal_after = None if after is None else after * SECOND
    sealing = {"seal_after": seal_after, "seal_unfinished_after": chance.choice((0, 20, 86_400)) * SECOND}
    correct = {"/a": chance.choice((0, 1, -2)) * SECOND}
    memory = Inbox(lifecycle, **sealing, correct=dict(correct))  # type: ignore[arg-type]  # each has its own type
    with databases.emptied() as place:
        durable = DurableInbox(
            place.open(lifecycle, cached=chance.choice((0, 1, 100))),
            **sealing,  # type: ignore[arg-type]  # as above
            correct=dict(correct),
        )
        now, arrival, late = START, START, 0
        for event in chance.sample(events, len(events)) + chance.choices(events, k=3):
            arrival = at(400) if after is None else max(arrival, chance.choice((event.occurred_at, now, at(400))))
            # A copy with an earlier receipt than the one that is there makes the session older. Memory does not look for it.
            sent = event if after is None else evolve(event, received_at=None)
            ours, theirs = take(durable, sent, arrival), take(memory, sent, arrival)
            assert (ours.event, ours.offset, ours.notes) == (theirs.event, theirs.offset, theirs.notes)
            # In memory, a sealed session is a set of fingerprints. The store has its log, which knows what a copy would change.
            kinds = {ours.outcome.kind, theirs.outcome.kind}
            assert len(kinds) == 1 or kinds == {"late", "repeat"}
            late += ours.outcome.kind == "late"
            assert (ours.change.new, ours.change.withdrawn) == (theirs.change.new, theirs.change.withdrawn)
            assert ours.change.changed == theirs.change.changed
            now += chance.choice((0, 1, 9, 90)) * SECOND
            done, expected = durable.advance(now), memory.advance(now)
            assert timers(done) == timers(expected)
            assert sorted(log.session_id for log in done.sealed) == sorted(log.session_id for log in expected.sealed)
            assert durable.deadline == memory.deadline
        assert set(durable.logs) == set(memory.logs)
        for session, log in memory.logs.items():
            assert (durable.logs[session].trace, durable.logs[session].session) == (log.trace, log.session)
            assert durable.logs[session].offsets == log.offsets
        assert durable.late == late
        proved(durable.store)


@pytest.mark.parametrize("name", ["s", "café", "\N{GRINNING FACE}", "\0", "\\", "x" * 999], ids=lambda name: ascii(name[:9]))
def test_all_sessions_of_a_batch_are_locked_in_one_order_whatever_their_ids(place: Place, name: str) -> None:
    inbox = DurableInbox(place.open())
    events = [one(stream(f"{name}{number}").alerting()) for number in (2, 0, 1)]
    inbox.take(events[:1])

    with statements(inbox.store, with_parameters=True) as sent:
        inbox.take([events[0], json.loads(encode_event(events[1])), events[2], {"subject": "\ud800"}])

    assert sum("ids" in statement for statement in sent) == 1


def test_payloads_events_batches_and_garbage_are_taken_as_in_memory(place: Place) -> None:
    rejects: list[Rejected] = []
    durable, memory = DurableInbox(place.open(TIMED), reject=rejects.append), Inbox(TIMED)
    payload = (ROOT / "tests" / "corpus" / "notification_agent_disconnected" / "payload.json").read_text(encoding="utf-8")
    event = json.loads(encode_event(CALL.events[0]))
    now = datetime.fromisoformat("2026-06-01T00:00:00Z")

    for document in (payload, event, [event, event, 5], f"[{encode_event(CALL.events[1])}]", "{garbage", CALL.events[2]):
        ours, theirs = durable.take(document, now), memory.take(document, now)
        assert [answer.outcome.kind for answer in ours.answers] == [answer.outcome.kind for answer in theirs.answers]
        assert (ours.warnings, ours.skipped) == (theirs.warnings, theirs.skipped)

    assert set(durable.logs) == set(memory.logs)
    assert len(durable.logs) == len(memory.logs)
    assert len(rejects) == 2
    assert proved(durable.store) == len(memory.logs)


def test_arguments_of_another_type_get_a_sentence(place: Place) -> None:
    store = place.open()
    inbox = DurableInbox(store)

    with pytest.raises(TypeError, match="store: expected"):
        DurableInbox("sqlite://")  # type: ignore[arg-type]  # the point
    with pytest.raises(TypeError, match="worker: expected"):
        DurableInbox(store, worker=1)  # type: ignore[arg-type]  # the point
    for name in ("", "w" * 1001, "é" * 501, "\ud800"):
        with pytest.raises(SettingsError, match="worker: expected a name of 1 to 1000 bytes"):
            DurableInbox(store, worker=name)
    with pytest.raises(SettingsError, match="seal_after"):
        DurableInbox(store, seal_after=-SECOND)
    with pytest.raises(TypeError, match=r"found an Event; use inbox\.add\(event\)"):
        inbox.receive(CALL.events[0])  # type: ignore[arg-type]  # the point
    with pytest.raises(TypeError, match=r"use inbox\.receive\(raw\)"):
        inbox.add("{}")  # type: ignore[arg-type]  # the point
    with pytest.raises(TypeError, match="expected an event, CloudEvents or a payload"):
        inbox.take(7)
    with pytest.raises(TypeError, match="put: expected"):
        inbox.put({})  # type: ignore[arg-type]  # the point
    with pytest.raises(ValueError, match="limit"):
        inbox.advance(START, 0)
    assert store.count() == 0


@pytest.mark.parametrize("taken", ["take_each", "take"])
def test_the_sessions_of_a_batch_are_locked_at_once_so_two_workers_never_wait_for_each_other(place: Place, taken: str) -> None:
    store = place.open(TIMED)
    inbox = DurableInbox(store)
    events = [json.loads(encode_event(stream(f"s{number}").alerting().events[0])) for number in range(10)]

    with statements(store) as sent:
        if taken == "take_each":
            inbox.take_each(events, at(1000))
        else:
            inbox.take(events, at(1000))

    assert sum("FROM sessions" in statement for statement in sent) == 1


@pytest.mark.parametrize("form", ["payloads", "list", "text", "mixed"])
def test_the_sessions_of_payloads_are_locked_at_once_too(place: Place, form: str) -> None:
    if place.is_sqlite:
        pytest.skip("it has one writer")
    inbox = DurableInbox(place.open(TIMED))
    every = [payloads(stream(f"s{number}").alerting(user_id="ann"))[0] for number in (3, 1, 2)]
    documents: dict[str, list[object]] = {
        "payloads": [*every],
        "list": [every],
        "text": [*map(json.dumps, every)],
        "mixed": [[*every[:2], json.loads(encode_event(CALL.events[0])), {"nothing": 1}, 5], "{", json.dumps(every[2]), '"text"'],
    }

    with statements(inbox.store) as sent:
        taken = inbox.take_each(documents[form], at(1000))

    assert sum(answer.outcome.kind == "applied" for one in taken for answer in one.answers) >= 3
    assert sum("ids" in statement for statement in sent) == 1


@pytest.mark.parametrize("limit", [1, 2, 7, 1000, None])
def test_slices_of_an_advance_amount_to_the_whole(place: Place, limit: int | None) -> None:
    inbox = DurableInbox(place.open(TIMED), seal_after=60 * SECOND)
    calls = [stream(f"s{number}", start=at(number)).connected().after(number % 7).disconnected() for number in range(20)]
    inbox.take_each([list(map(json.loads, map(encode_event, call))) for call in calls], at(1000))
    fired: dict[str, list[datetime]] = {}
    sealed: list[str] = []

    more = True
    while more:
        advanced = inbox.advance(at(10_000), limit)
        fired |= timers(advanced)
        sealed += [log.session_id for log in advanced.sealed]
        more = advanced.more

    assert fired == {f"s{number}": [at(number + number % 7 + 30)] for number in range(20)}
    assert sorted(sealed) == sorted(fired)
    assert dict(inbox.logs) == {}


def test_a_log_that_is_put_is_stored_and_united_with_what_is_there(place: Place) -> None:
    inbox = DurableInbox(place.open(TIMED))
    log = SessionLog(TIMED, "s1")
    for event in CALL.events[:2]:
        log.add(event)

    assert inbox.put(restore_log(save_log(log))).differences == ()
    take(inbox, CALL.events[2])
    again = inbox.put(restore_log(save_log(log)))

    assert again.log is not None
    assert (len(again.log.events), again.late) == (3, ())
    assert timers(DurableInbox(place.open(TIMED)).advance(at(365 * 86_400))) == {"s1": [at(93)]}


def test_a_sealed_log_that_is_put_still_answers_late(place: Place) -> None:
    log = SessionLog.of(OVER, TIMED)
    assert log.seal(at(3600))
    inbox = DurableInbox(place.open(TIMED))

    assert inbox.put(restore_log(save_log(log))).log is None
    assert take(inbox, OVER.events[0]).outcome.kind == "repeat"
    assert take(inbox, one(OVER.after(1).updated(peer_id="p"))).outcome.kind == "late"
    assert inbox.late == 1
    assert proved(inbox.store) == 1


# --- All or nothing -----------------------------------------------------------------------------------------------------------


@contextmanager
def refusing(place: Place, what: str, column: str, least: int) -> Iterator[None]:
    """Let the database refuse to insert or update rows with a high number in a column."""
    statement, table = what.split()
    with place.open().writing() as connection:
        if place.is_sqlite:
            refuse = (
                f"before {statement} on {table} when new.{column} >= {least} begin select raise(fail, 'the disk is broken'); end"
            )
            connection.execute(text(f"create trigger refuse {refuse}"))
        else:
            connection.execute(text(f"alter table {table} add constraint refuse check ({column} < {least}) not valid"))
    try:
        yield
    finally:
        with place.open().writing() as connection:
            connection.execute(text("drop trigger refuse" if place.is_sqlite else f"alter table {table} drop constraint refuse"))


def test_a_document_is_stored_with_all_its_events_or_not_at_all_and_nobody_is_told_of_what_was_not(place: Place) -> None:
    told: list[str] = []
    rejects: list[Rejected] = []
    inbox = DurableInbox(place.open(TIMED), observers=[lambda log, _: told.append(log.session_id)], reject=rejects.append)
    document = [*map(json.loads, map(encode_event, CALL)), 5]
    with refusing(place, "insert events", "position", 2), pytest.raises(StoreError):
        inbox.take(document, at(100))
    assert (dict(inbox.logs), inbox.clocks, told, rejects, inbox.late) == ({}, {}, [], [], 0)

    taken = inbox.take(document, at(100))

    assert [answer.outcome.kind for answer in taken.answers] == ["applied"] * 3 + ["rejected"]
    assert (told, len(rejects), inbox.clocks["/test"].pairs) == (["s1"] * 3, 1, 3)
    assert proved(inbox.store) == 1


def test_observers_and_the_sink_are_called_after_the_commit_and_may_use_the_inbox(place: Place) -> None:
    seen: list[tuple[str, int]] = []
    other = place.open(TIMED)

    def observe(_: SessionLog, change: Change) -> None:
        seen.append((change.outcome.kind if change.outcome else type(change).__name__, len(rows(other, EVENTS))))
        if len(seen) == 2:
            inbox.add(one(stream("more").alerting()))

    def reject(rejected: Rejected) -> None:
        seen.append((rejected.outcome.kind, len(rows(other, EVENTS))))

    inbox = DurableInbox(place.open(TIMED), observers=[observe], reject=reject, seal_after=60 * SECOND)
    inbox.take([json.loads(encode_event(event)) for event in CALL] + [None], at(100))
    inbox.advance(at(1000))

    assert seen[0] == ("rejected", 3)
    assert ("applied", 4) in seen
    assert seen[-1] == ("Sealed", 4)


def test_an_observer_or_a_sink_that_raises_undoes_nothing(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    def full(_: Rejected) -> None:
        raise OSError("disk full")

    told: list[str] = []
    inbox = DurableInbox(place.open(TIMED), reject=full, observers=[lambda log, _: told.append(log.session_id)])
    taken = inbox.take([json.loads(encode_event(CALL.events[0])), None, "no"], START)

    assert [answer.outcome.kind for answer in taken.answers] == ["applied", "rejected", "rejected"]
    assert told == ["s1"]
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["disk full"] * 2
    assert [log.session_id for log in place.open(TIMED).iterate()] == ["s1"]
    assert take(inbox, CALL.events[0]).outcome.kind == "repeat"


# --- Clocks -------------------------------------------------------------------------------------------------------------------


def test_clocks_survive_a_restart_each_with_its_worker(place: Place) -> None:
    first, second = DurableInbox(place.open(TIMED), worker="a"), DurableInbox(place.open(TIMED), worker="b")
    for number in range(20):
        event, arrives = late_source(number)
        take(first, event, arrives)
    take(second, late_source(20)[0], late_source(20)[1])

    assert DurableInbox(place.open(TIMED), worker="a").clocks == first.clocks
    assert DurableInbox(place.open(TIMED), worker="b").clocks == second.clocks
    assert DurableInbox(place.open(TIMED), worker="c").clocks == {}
    assert (first.clocks["/slow"].pairs, second.clocks["/slow"].pairs) == (20, 1)


def test_what_a_clock_learned_in_a_transaction_that_was_rolled_back_is_undone(place: Place) -> None:
    inbox = DurableInbox(place.open(TIMED), correct={"/slow": ProviderClock()})
    for number in range(5):
        event, arrives = late_source(number)
        take(inbox, event, arrives)
    for source in ("/slow", "/new"):
        event = one(stream("never", start=at(100), source=source).alerting())
        with refusing(place, "insert events", "position", 0), pytest.raises(StoreError):
            inbox.receive(encode_event(event), at(101))

    assert {source: clock.pairs for source, clock in inbox.clocks.items()} == {"/slow": 5}
    assert inbox.clocks["/slow"] is inbox.correct["/slow"]
    assert DurableInbox(place.open(TIMED), correct={"/slow": ProviderClock()}).clocks == inbox.clocks


def test_a_repeat_teaches_no_clock_and_writes_none(place: Place) -> None:
    inbox = DurableInbox(place.open(TIMED))
    take(inbox, CALL.events[0], at(1))

    with statements(inbox.store) as sent:
        take(inbox, CALL.events[0], at(50))

    assert {statement.split()[0] for statement in sent} <= {"SELECT", "BEGIN"}
    assert inbox.clocks["/test"].pairs == 1


def test_workers_that_take_turns_learn_and_correct_as_one(place: Place) -> None:
    memory = Inbox(TIMED, correct={"/slow": ProviderClock()})
    workers = [DurableInbox(place.open(TIMED), worker=f"w{number}", correct={"/slow": ProviderClock()}) for number in range(3)]
    for number in range(61 * 6):
        event, arrives = late_source(number)
        ours = take(workers[number % 3], event, arrives)
        assert ours.offset == take(memory, event, arrives).offset

    assert ours.offset == 10.03 * SECOND
    restarted = DurableInbox(place.open(TIMED), worker="new", correct={"/slow": ProviderClock()})
    assert restarted.clocks["/slow"] == memory.clocks["/slow"]
    event, arrives = late_source(61 * 6)
    assert take(restarted, event, arrives).offset == 10.03 * SECOND


def test_workers_at_the_same_time_correct_the_events_of_a_session_by_one_offset(place: Place) -> None:
    store = place.open(TIMED)
    teacher = DurableInbox(store, correct={"/slow": ProviderClock()})
    for number in range(60 * 6 - 3):
        event, arrives = late_source(number)
        take(teacher, event, arrives)
    start = Barrier(3)

    def work(number: int) -> None:
        with Store(place.url, TIMED) as own:
            inbox = DurableInbox(own, worker=f"w{number}", correct={"/slow": ProviderClock()})
            start.wait()
            for call in range(60 * 6 - 3, 60 * 6 + 12):
                begun = START + call * 10 * SECOND - 10 * SECOND
                ends = stream(f"both{call}", start=begun, source="/slow").alerting().after(1).connected().after(1).disconnected()
                take(inbox, ends.events[number], begun + 10.03 * SECOND + number * SECOND)

    with ThreadPoolExecutor() as threads:
        for done in [threads.submit(work, number) for number in range(3)]:
            done.result()

    for log in store.iterate():
        if log.session_id.startswith("both"):
            added = {event.occurred_at - event.provider_time if event.provider_time else 0 * SECOND for event in log.events}
            assert (len(log.events), len(added)) == (3, 1)
            assert log.offsets == {"/slow": added.pop()}
    clock = DurableInbox(place.open(TIMED), correct={"/slow": ProviderClock()}).clocks["/slow"]
    assert clock.pairs == 60 * 6 - 3 + 3 * 15


def test_the_clocks_that_are_observed_are_bounded_after_a_restart_too(place: Place) -> None:
    store = place.open(TIMED)
    take(DurableInbox(store), CALL.events[0])
    (row,) = rows(store, CLOCKS)
    with store.writing() as connection:
        connection.execute(CLOCKS.insert(), [{**row, "source": f"/{number}"} for number in range(MAX_SOURCES + 5)])

    again = DurableInbox(place.open(TIMED), correct={"/kept": ProviderClock()})

    assert len(again.clocks) == MAX_SOURCES
    assert "/kept" in again.clocks


@pytest.mark.parametrize("source", ["\0", "\\0", "a'b\"c", "😀", "x" * MAX_ID], ids=lambda source: ascii(source[:5]))
def test_the_clock_of_any_source_is_stored(place: Place, source: str) -> None:
    inbox = DurableInbox(place.open(TIMED))
    inbox.add(evolve(CALL.events[0], source=source))
    take(inbox, evolve(CALL.events[1], source=source))

    assert DurableInbox(place.open(TIMED)).clocks.keys() == {source}


def test_a_source_with_a_name_that_is_too_long_for_an_index_is_taken_and_its_clock_is_only_in_memory(place: Place) -> None:
    inbox = DurableInbox(place.open(TIMED))
    source = "/" + random.Random(0).randbytes(5000).hex()  # it cannot be compressed to fit

    assert take(inbox, evolve(CALL.events[0], source=source)).outcome.kind == "applied"

    assert inbox.clocks.keys() == {source}
    assert DurableInbox(place.open(TIMED)).clocks == {}
    assert proved(inbox.store) == 1


@pytest.mark.parametrize(
    "odd", [random.Random(0).randbytes(3000).hex(), "\0", "\\", "\ud800"], ids=["long", "NUL", "backslash", "half"]
)
def test_a_payload_with_odd_ids_of_participants_is_taken_as_in_memory(place: Place, odd: str) -> None:
    durable, memory = DurableInbox(place.open(TIMED)), Inbox(TIMED)
    for payload in sorted((ROOT / "tests" / "corpus").glob("*/payload.json")):
        text_of = payload.read_text(encoding="utf-8")
        for key in ('"participantId": "', '"id": "'):
            document = text_of.replace(key, key + json.dumps(odd)[1:-1])
            now = datetime.fromisoformat("2027-06-01T00:00:00Z")
            kinds = [answer.outcome.kind for answer in durable.take(document, now).answers]
            if len(odd) < 1000 or "participant" in key:  # a longer id of a session is rejected
                assert kinds == [answer.outcome.kind for answer in memory.take(document, now).answers]
    proved(durable.store)


# --- Restarts and workers -----------------------------------------------------------------------------------------------------


class Told:
    """The rows of all traces, as the changes alone tell of them."""

    def __init__(self) -> None:
        self.rows: dict[str, list[TraceEntry]] = defaultdict(list)

    def change(self, session: str, change: Change) -> None:
        rows = self.rows[session]
        for step in (*change.withdrawn, *(before for before, _ in change.changed)):
            rows.remove(step)
        rows += [*change.new, *(after for _, after in change.changed)]

    def advanced(self, advanced: Advanced) -> None:
        for session, change in advanced.changes.items():
            self.change(session, change)


@examples(50)
@given(events=crowds(), lifecycle=lifecycles(), seed=st.integers(0, 2**32))
def test_any_order_of_arrival_advance_and_restart_of_some_workers_shows_what_the_fold_says_and_tells_it_once(
    databases: Databases, events: list[Event], lifecycle: Lifecycle, seed: int
) -> None:
    chance = random.Random(seed)
    told, taken = Told(), dict[str, list[Event]]()
    with databases.emptied() as place:
        workers = [DurableInbox(place.open(lifecycle)) for _ in range(chance.randrange(1, 4))]
        for event in chance.sample(events, len(events)) + chance.choices(events, k=3):
            number = chance.randrange(len(workers))
            if chance.random() < 0.4:
                told.advanced(workers[number].advance(at(chance.choice((*range(20), 150, 400)))))
            if chance.random() < 0.2:
                workers[number] = DurableInbox(place.open(lifecycle))
            received = take(workers[number], event, at(chance.randrange(400)))
            taken.setdefault(event.subject, []).append(received.event)
            told.change(event.subject, received.change)
        for worker in workers:
            told.advanced(worker.advance(at(1000)))

        for worker in workers:
            assert worker.deadline is None or worker.deadline > at(1000)
            for session, log in worker.logs.items():
                assert_is_the_fold(log, taken[session], log.advanced)
                assert sorted(map(repr, told.rows[session])) == sorted(map(repr, log.trace))
        assert proved(workers[0].store) == len(taken)


def test_a_timer_that_another_worker_would_fire_only_in_memory_is_fired_and_written(place: Place) -> None:
    first, second = DurableInbox(place.open(TIMED)), place.open(TIMED)
    take(first, CALL.events[0])
    first.advance(at(500))
    take(first, CALL.events[0])  # a repeat: it is advanced in memory, and nothing is written
    second.append(CALL.events[1:])

    fired = first.advance(at(500))

    assert timers(fired) == {"s1": [at(93)]}
    assert (first.deadline, second.deadline) == (None, None)
    assert proved(second) == 1


# --- The timers in asyncio ----------------------------------------------------------------------------------------------------


class FakeClock:
    """A clock that is set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def runner_of(
    place: Place, clock: FakeClock, *, failed: Callable[[StoreError], object] | None = None
) -> tuple[TimerRunner, "Ends"]:
    """Return a runner that looks again only when it is woken, and what it did."""
    ends = Ends()
    inbox = DurableInbox(place.open(TIMED), seal_after=60 * SECOND)
    return TimerRunner(inbox, slice=3, look_again=HOUR, told=ends.append, failed=failed, clock=clock), ends


class Ends(list[Advanced]):
    """What a runner did, slice by slice."""

    @property
    def fired(self) -> dict[str, list[datetime]]:
        return {session: moments for advanced in self for session, moments in timers(advanced).items()}


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop go on until something is so. It is a matter of turns, not of time."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 (no event: what is waited for happens in the code under test)
            await asyncio.sleep(0)


@pytest.mark.parametrize("days", [21_000, 999_999_999])
def test_a_runner_whose_times_are_longer_than_since_1970_forgets_nothing_and_goes_on(place: Place, days: int) -> None:
    inbox = DurableInbox(place.open(TIMED))
    inbox.store.append(OVER)
    inbox.store.seal(at(1000))
    inbox.store.outbox.acknowledge(inbox.store.outbox.pending())
    inbox.store.append(stream("s9").connected().after(5).disconnected("peer"))  # with a deadline
    long = timedelta(days=days)
    runner = TimerRunner(inbox, delay=long, forget_after=long, clock=lambda: at(10_000))
    runner.worked = runner.stop

    asyncio.run(runner.run())

    assert (runner.failure, inbox.store.count()) == (None, 2)


@pytest.mark.parametrize("name", ["w", "w" * 1000, "é" * 500, "\0\\"])
def test_a_worker_of_any_name_that_is_a_key_has_its_clock_after_a_restart(place: Place, name: str) -> None:
    inbox = DurableInbox(place.open(TIMED), worker=name)
    take_all(inbox, CALL)

    assert DurableInbox(place.open(TIMED), worker=name).clocks == inbox.clocks != {}


def test_the_runner_fires_what_is_due_in_slices_and_stops_when_it_is_told_to(place: Place) -> None:
    clock = FakeClock(at(0))
    runner, ends = runner_of(place, clock)
    take_all(runner.inbox, *(stream(f"s{number}").connected().after(number).disconnected() for number in range(10)))

    async def serve() -> None:
        running = asyncio.create_task(runner.run())
        clock.now = at(200)
        runner.wake()
        await until(lambda: len(ends.fired) == 10)
        runner.stop()
        await running

    asyncio.run(serve())

    assert ends.fired == {f"s{number}": [at(number + 30)] for number in range(10)}
    assert max(len(advanced.logs) for advanced in ends) == 3
    assert proved(runner.inbox.store) == 10


def test_a_timer_waits_for_late_events_by_the_delay(place: Place) -> None:
    clock = FakeClock(at(93) + 2 * SECOND - MS)
    runner, ends = runner_of(place, clock)
    take_all(runner.inbox, CALL)

    assert runner._step() == (False, MS)  # noqa: SLF001 (how long it waits cannot be seen without waiting)
    clock.now += MS
    assert runner._step()[0] is False  # noqa: SLF001 (as above)

    assert ends.fired == {"s1": [at(93)]}


def test_the_runner_waits_for_the_next_deadline_but_never_longer_than_it_is_told(place: Place) -> None:
    clock = FakeClock(at(0))
    runner, _ = runner_of(place, clock)

    assert runner._step() == (False, HOUR)  # noqa: SLF001 (as above): nothing is due
    take_all(runner.inbox, CALL)
    assert runner._step() == (False, 95 * SECOND)  # noqa: SLF001 (as above)
    runner.look_again = SECOND
    assert runner._step() == (False, SECOND)  # noqa: SLF001 (as above)


def test_the_runner_sees_an_earlier_deadline_when_it_is_woken(place: Place) -> None:
    clock = FakeClock(at(0))
    runner, ends = runner_of(place, clock)

    async def serve() -> None:
        running = asyncio.create_task(runner.run())
        await asyncio.to_thread(take_all, runner.inbox, CALL)
        clock.now = at(200)
        runner.wake()
        await until(lambda: bool(ends.fired))
        runner.stop()
        await running

    asyncio.run(serve())

    assert ends.fired == {"s1": [at(93)]}


def test_a_runner_that_is_stopped_first_does_nothing(place: Place) -> None:
    runner, ends = runner_of(place, FakeClock(at(200)))
    take_all(runner.inbox, CALL)
    runner.stop()

    asyncio.run(runner.run())

    assert ends == []


def test_an_error_of_the_store_is_handed_over_and_the_runner_goes_on(place: Place) -> None:
    clock, failures = FakeClock(at(200)), list[StoreError]()
    runner, ends = runner_of(place, clock, failed=failures.append)
    take_all(runner.inbox, CALL)

    async def serve() -> None:
        with refusing(place, "update sessions", "version", 4):
            running = asyncio.create_task(runner.run())
            await until(lambda: bool(failures))
        assert ends == []
        runner.wake()
        await until(lambda: bool(ends))
        runner.stop()
        await running

    asyncio.run(serve())

    assert ends.fired == {"s1": [at(93)]}
    assert proved(runner.inbox.store) == 1


def test_an_error_of_the_store_that_nobody_wants_to_know_ends_the_runner(place: Place) -> None:
    runner, ends = runner_of(place, FakeClock(at(200)))
    take_all(runner.inbox, CALL)

    with refusing(place, "update sessions", "version", 4), pytest.raises(StoreError):
        asyncio.run(runner.run())

    assert ends == []


def test_what_is_sealed_is_handed_to_the_observers_once(place: Place) -> None:
    seen: list[str] = []

    def observe(log: SessionLog, change: Change) -> None:
        if isinstance(change, Sealed):
            seen.append(log.session_id)

    workers = [DurableInbox(place.open(TIMED), seal_after=60 * SECOND, observers=[observe]) for _ in range(2)]
    take_all(workers[0], OVER)
    for worker in workers * 2:
        worker.advance(at(3600))

    assert seen == ["s1"]
