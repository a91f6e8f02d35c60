"""Observers of a log and of an inbox: called after the write, in order, and never able to change a log or to hide a change."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import count, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import SECOND, at, lifecycles, streams

from cobrowse_session import Change, Event, Late, Lifecycle, Repeat, SessionLog, Settings, WrapupPrompt
from cobrowse_session.io.inbox import Inbox, Received
from cobrowse_session.observe import AsyncObserver
from cobrowse_session.stream import Observer, Sealed, merge_logs
from cobrowse_session.stream.observers import raised_by_observers
from cobrowse_session.testing import stream
from cobrowse_session.wire import encode_event, restore_log, save_log

TIMED = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=30 * SECOND))
CALL = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")  # its deadline: 93 s
OVER = at(3600)


class Seen(list[tuple[str, Change]]):
    """An observer that keeps what it was called with."""

    def __call__(self, log: SessionLog, change: Change) -> None:
        self.append((log.session_id, change))

    @property
    def changes(self) -> list[Change]:
        return [change for _, change in self]


def fails(_log: SessionLog, _change: Change) -> None:
    raise ZeroDivisionError


def log_of(*observers: Observer, events: Iterable[Event] = ()) -> SessionLog:
    log = SessionLog(TIMED, "s1", observers)
    for event in events:
        log.add(event)
    return log


def result_of(log: SessionLog) -> tuple[Any, ...]:
    """Everything that a log shows."""
    counts = log.repeats, log.late, log.conflicts, log.corrected
    return log.session, log.trace, log.events, log.copies, log.context, log.deadline, log.advanced, log.sealed, counts


# --- Of a log -----------------------------------------------------------------------------------------------------------------


def test_an_observer_gets_each_change_that_add_returns() -> None:
    seen = Seen()
    log = log_of(seen)
    first, second, third = CALL
    returned = [log.add(event) for event in (first, third, second, second)]

    assert seen.changes == returned
    assert [bool(change.changed) for change in seen.changes] == [False, False, True, False]
    assert isinstance(seen.changes[-1].outcome, Repeat)


def test_an_observer_is_called_after_the_write() -> None:
    found = []
    log = log_of(lambda log, change: found.append((log.session.state, log.trace[-1] == change.new[-1])), events=CALL)

    assert found == [("alerting", True), ("connected", True), ("disconnected", True)]
    assert log.session.state == "disconnected"


def test_observers_are_called_in_order() -> None:
    found: list[str] = []
    log_of(lambda *_: found.append("first"), lambda *_: found.append("second"), events=CALL.events[:2])

    assert found == ["first", "second", "first", "second"]


def test_an_observer_gets_what_advance_fires_and_nothing_if_nothing_fires() -> None:
    seen = Seen()
    log = log_of(events=CALL)
    log.observers = [seen]
    log.advance(at(92))
    fired = log.advance(at(93))
    log.advance(at(92))
    log.advance(at(94))

    assert seen.changes == [fired]
    assert [step.event.kind for step in fired.new] == ["timer.acw"]


def test_an_observer_is_called_once_when_the_log_is_sealed() -> None:
    seen = Seen()
    log = log_of(events=CALL)
    log.advance(at(93))
    log.observers = [seen]
    sealed = [log.seal(at(63)), log.seal(OVER), log.seal(OVER)]

    assert sealed == [False, True, True]
    assert seen.changes == [Sealed(context=log.context)]
    assert not seen.changes[0]
    assert repr(seen.changes[0]) == "Sealed()"


def test_an_observer_gets_what_comes_too_late() -> None:
    seen = Seen()
    log = log_of(events=CALL)
    log.advance(at(93))
    log.seal(OVER)
    log.observers = [seen]
    log.advance(OVER)
    returned = [log.add(CALL.events[0]), log.add(CALL.updated(peer_id="p").events[-1])]

    assert seen.changes == returned
    assert [type(change.outcome) for change in seen.changes] == [Repeat, Late]


def test_an_event_that_the_log_does_not_take_calls_no_observer() -> None:
    seen = Seen()
    log = log_of(seen)

    with pytest.raises(ValueError, match="s2"):
        log.add(stream("s2").alerting().events[0])
    with pytest.raises(TypeError):
        log.advance(0)  # type: ignore[arg-type]  # the mistake that is tried
    assert seen == []


def test_restoring_merging_and_looking_back_call_no_observer() -> None:
    seen = Seen()
    log = log_of(events=CALL)
    log.observers = [seen]
    restored, merged, then = restore_log(save_log(log), TIMED), merge_logs(log, log).log, log.as_of(OVER)

    assert [other.observers for other in (restored, merged, then)] == [(), (), ()]
    assert seen == []


# --- Observers that fail ------------------------------------------------------------------------------------------------------


def test_an_observer_that_raises_is_reported_and_the_next_one_is_called(caplog: pytest.LogCaptureFixture) -> None:
    seen = Seen()
    log = log_of(fails, seen, events=CALL.events[:1])
    (record,) = caplog.records

    assert len(seen) == len(log.trace) == 1
    assert (record.name, record.levelname) == ("cobrowse_session.observers", "ERROR")
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError
    assert (vars(record)["session"], vars(record)["change"]) == ("s1", "new alerting e1")
    assert record.getMessage().startswith(
        "session s1, new alerting e1: the change was made, but an observer raised: <function fails"
    )


def test_a_report_names_each_entry_or_the_outcome(caplog: pytest.LogCaptureFixture) -> None:
    log = log_of(events=CALL)
    log.advance(at(93))
    log.observers = [fails]
    log.add(CALL.after(5).wrapup("sale").events[-1])
    log.add(CALL.events[0])
    log.seal(OVER)

    assert [vars(record)["change"] for record in caplog.records] == [
        "new wrapup e4, withdrawn timer.acw",
        "Change(repeat)",
        "Sealed()",
    ]


def test_a_report_names_each_entry_that_changed(caplog: pytest.LogCaptureFixture) -> None:
    log = log_of(events=[CALL.events[1]])
    log.observers = [fails]
    log.add(CALL.events[0])

    assert vars(caplog.records[0])["change"] == "new alerting e1, changed connected e2"


def test_text_from_outside_is_printable_in_a_report(caplog: pytest.LogCaptureFixture) -> None:
    (event,) = stream("s\n1").alerting(id="e\x1b1")
    SessionLog(TIMED, "s\n1", [fails]).add(event)

    assert caplog.messages[0].startswith(r"session s\n1, new alerting e\x1b1: ")


def test_a_report_that_fails_changes_nothing() -> None:
    """A filter of the embedder raises where `logging` itself does not catch it."""
    logger, seen = logging.getLogger("cobrowse_session.observers"), Seen()

    def refuse(_record: logging.LogRecord) -> bool:
        raise ZeroDivisionError

    logger.addFilter(refuse)
    try:
        log = log_of(fails, seen, events=CALL)
    finally:
        logger.removeFilter(refuse)

    assert result_of(log) == result_of(log_of(events=CALL))
    assert len(seen) == 3


@pytest.mark.parametrize("signal", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_a_signal_in_an_observer_comes_out_and_the_log_has_the_event(signal: type[BaseException]) -> None:
    def stops(_log: SessionLog, _change: Change) -> None:
        raise signal

    log = log_of(stops)
    for event in CALL:
        with pytest.raises(signal):
            log.add(event)
    log.observers = ()

    assert result_of(log) == result_of(log_of(events=CALL))


@given(streams(), lifecycles(), st.data())
def test_with_a_failing_observer_at_any_point_the_log_equals_one_without(
    events: list[Event], lifecycle: Lifecycle, data: st.DataObject
) -> None:
    moments = st.integers(0, 20).map(at)
    acts = data.draw(st.lists(st.sampled_from(events) | moments, max_size=20))
    failing = data.draw(st.sets(st.integers(0, 20)))
    number = count()

    def fails_sometimes(_log: SessionLog, _change: Change) -> None:
        if next(number) in failing:
            raise ZeroDivisionError

    session = events[0].subject
    plain, seen = SessionLog(lifecycle, session), Seen()
    observed = SessionLog(lifecycle, session, [fails_sometimes, seen])
    returned = []
    for act in acts:
        pair = [log.add(act) if isinstance(act, Event) else log.advance(act) for log in (plain, observed)]
        assert pair[0] == pair[1]
        returned += [pair[0]] if isinstance(act, Event) or pair[0] else []
    returned += [Sealed(context=plain.context)] if plain.seal(at(10)) else []
    observed.seal(at(10))

    assert result_of(plain) == result_of(observed)
    assert seen.changes == returned


# --- What is no observer ------------------------------------------------------------------------------------------------------


async def publish(_log: SessionLog, _change: Change) -> None: ...


class Publisher:
    async def __call__(self, _log: SessionLog, _change: Change) -> None: ...


@pytest.mark.parametrize(
    ("observers", "message"),
    [
        (fails, r"observers: expected a sequence of functions, found <function fails at .*; write observers=\[function\]"),
        (None, "observers: expected a sequence of functions, found None"),
        ([fails, 5], r"observers\[1\]: expected a function of a log and a change, found 5"),
        (
            [publish],
            r"observers\[0\]: expected a function that is not async, found <function publish .*; use .*AsyncObserver\(function\)",
        ),
        ([partial(publish)], r"observers\[0\]: expected a function that is not async"),
        ([Publisher()], r"observers\[0\]: expected a function that is not async"),
    ],
)
@pytest.mark.parametrize("make", [partial(SessionLog, TIMED, "s1"), partial(Inbox, TIMED)], ids=["log", "inbox"])
def test_what_is_no_observer_is_an_error(make: Callable[..., object], observers: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make(observers=observers)


def test_what_is_no_observer_cannot_be_assigned() -> None:
    log = log_of(fails)
    with pytest.raises(TypeError, match="AsyncObserver"):
        log.observers = [publish]

    assert log.observers == (fails,)


# --- Of an inbox --------------------------------------------------------------------------------------------------------------


def test_the_observers_of_an_inbox_get_what_it_returns_for_all_sessions() -> None:
    seen = Seen()
    inbox = Inbox(TIMED, observers=[seen])
    others = stream("s2").alerting()
    returned = []
    for event in (*CALL, *others):
        received = inbox.receive(encode_event(event), event.received)
        assert isinstance(received, Received)
        returned.append((event.subject, received.change))
    advanced = inbox.advance(at(93))

    assert seen == [*returned, ("s1", advanced.changes["s1"])]


def test_the_observers_of_an_inbox_get_events_of_batches_and_those_that_are_added() -> None:
    seen = Seen()
    inbox = Inbox(TIMED, observers=[seen])
    inbox.add(CALL.events[0], at(0))
    inbox.take([CALL.events[1], CALL.events[2]], at(63))

    assert [step.event.kind for change in seen.changes for step in change.new] == ["alerting", "connected", "disconnected"]


def test_what_is_rejected_calls_no_observer() -> None:
    seen = Seen()
    Inbox(TIMED, observers=[seen]).receive("{broken", at(0))

    assert seen == []


def test_the_observers_of_an_inbox_get_a_sealed_log_once() -> None:
    found: list[tuple[bool, type[Change]]] = []
    inbox = Inbox(
        TIMED, seal_after=timedelta(seconds=60), observers=[lambda log, change: found.append((log.sealed, type(change)))]
    )
    inbox.take(list(CALL), at(63))
    found.clear()
    inbox.advance(at(93))
    inbox.advance(OVER)
    inbox.advance(2 * SECOND + OVER)

    assert found == [(False, Change), (True, Sealed)]


def test_the_observers_of_an_inbox_get_what_comes_for_an_evicted_session_with_an_empty_sealed_log() -> None:
    found: list[tuple[str, bool, int, type]] = []
    inbox = Inbox(TIMED, seal_after=timedelta(seconds=60))
    inbox.take(list(CALL), at(63))
    inbox.advance(OVER)
    inbox.observers = (lambda log, change: found.append((log.session_id, log.sealed, len(log.events), type(change.outcome))),)
    inbox.add(CALL.events[0], OVER)
    inbox.add(CALL.updated(peer_id="p").events[-1], OVER)

    assert found == [("s1", True, 0, Repeat), ("s1", True, 0, Late)]
    assert inbox.logs == {}


def test_an_observer_of_an_inbox_sees_a_timer_of_a_log_that_was_put_there_with_the_event() -> None:
    """The inbox returns both as one change, so the observer gets one."""
    seen = Seen()
    inbox = Inbox(TIMED)
    inbox.advance(at(100))
    inbox.put(log_of(events=CALL))
    inbox.observers = (seen,)
    received = inbox.add(CALL.after(60).updated(peer_id="p").events[-1], at(130))
    assert isinstance(received, Received)

    assert seen.changes == [received.change]
    assert [step.event.kind for step in received.change.new] == ["timer.acw", "updated"]


def test_putting_a_log_into_an_inbox_calls_no_observer() -> None:
    seen = Seen()
    inbox = Inbox(TIMED, observers=[seen])
    inbox.put(log_of(events=CALL))
    inbox.put(log_of(events=CALL.events[:1]))

    assert seen == []


def test_an_observer_that_raises_breaks_no_inbox(caplog: pytest.LogCaptureFixture) -> None:
    plain = Inbox(TIMED, seal_after=timedelta(seconds=60))
    observed = Inbox(TIMED, seal_after=timedelta(seconds=60), observers=[fails])
    results = []
    for inbox in (plain, observed):
        received = [inbox.receive(encode_event(event), event.received) for event in CALL]
        fired, deadline, (sealed,) = inbox.advance(at(93)).changes, inbox.deadline, inbox.advance(OVER).sealed
        results.append((received, fired, deadline, result_of(sealed), inbox.save_state()))

    assert results[0] == results[1]
    assert [vars(record)["change"] for record in caplog.records] == [
        *("new alerting e1", "new connected e2", "new disconnected e3", "new timer.acw", "Sealed()")
    ]


def test_an_observer_that_writes_to_its_inbox_is_reported_as_a_second_writer(caplog: pytest.LogCaptureFixture) -> None:
    inbox = Inbox(TIMED)
    inbox.observers = (lambda _log, _change: inbox.add(CALL.events[1], at(3)),)
    inbox.add(CALL.events[0], at(0))

    assert [step.event.kind for step in inbox.logs["s1"].trace] == ["alerting"]
    assert "a second writer entered the inbox" in (caplog.records[0].exc_text or str(caplog.records[0].exc_info))


def test_what_an_observer_interrupts_in_advance_is_handed_over_by_the_next_one() -> None:
    seen, stop = Seen(), [True]

    def stops(_log: SessionLog, _change: Change) -> None:
        if stop.pop():
            raise KeyboardInterrupt

    inbox = Inbox(TIMED)
    inbox.take(list(CALL), at(63))
    inbox.observers = (seen, stops)
    with pytest.raises(KeyboardInterrupt):
        inbox.advance(at(93))
    stop.append(False)
    again = inbox.advance(at(94))

    assert [step.event.kind for step in again.changes["s1"].new] == ["timer.acw"]
    assert seen.changes == [again.changes["s1"], again.changes["s1"]]


# --- Async functions ----------------------------------------------------------------------------------------------------------


def test_an_async_observer_gets_all_changes_in_order() -> None:
    found: list[tuple[str, Change]] = []

    async def slow_at_first(log: SessionLog, change: Change) -> None:
        await asyncio.sleep(0 if found else 0.001)
        found.append((log.session_id, change))

    observer, seen = AsyncObserver(slow_at_first), Seen()

    async def main() -> None:
        inbox = Inbox(TIMED, observers=[seen, observer])
        for event in CALL:
            inbox.add(event, event.received)
        await asyncio.gather(observer.deliver(), observer.deliver())
        inbox.advance(at(93))
        await observer.deliver()
        await observer.deliver()

    asyncio.run(main())

    assert len(found) == 4
    assert found == seen


def test_an_async_observer_that_raises_is_reported_and_the_next_change_is_delivered(caplog: pytest.LogCaptureFixture) -> None:
    found = []

    async def fails_at_first(_log: SessionLog, change: Change) -> None:
        found.append(change)
        if len(found) == 1:
            raise ZeroDivisionError

    observer = AsyncObserver(fails_at_first)
    log_of(observer, events=CALL)
    asyncio.run(observer.deliver())

    assert len(found) == 3
    assert [vars(record)["change"] for record in caplog.records] == ["new alerting e1"]


def test_a_change_whose_delivery_is_cancelled_is_delivered_again() -> None:
    found: list[Change] = []

    async def hangs_at_first(_log: SessionLog, change: Change) -> None:
        found.append(change)
        if len(found) == 1:
            await asyncio.Event().wait()

    observer, seen = AsyncObserver(hangs_at_first), Seen()
    log_of(seen, observer, events=CALL)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(observer.deliver(), 0.01)
        await observer.deliver()

    asyncio.run(main())

    assert found == [seen.changes[0], *seen.changes]


def test_several_tasks_of_one_loop_after_the_other_deliver_all_changes() -> None:
    found: list[Change] = []

    async def publish(_log: SessionLog, change: Change) -> None:
        await asyncio.sleep(0)
        found.append(change)

    observer, seen = AsyncObserver(publish), Seen()
    log = log_of(seen, observer)

    async def main(event: Event) -> None:
        log.add(event)
        await asyncio.gather(observer.deliver(), observer.deliver(), observer.deliver())

    for event in CALL:
        asyncio.run(main(event))

    assert found == seen.changes


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_loop_that_stops_in_a_delivery_keeps_no_change_from_the_next_loop(*, goes_on: bool) -> None:
    found: list[Change] = []
    first = asyncio.new_event_loop()
    gates = [first.create_future()]

    async def publish(_log: SessionLog, change: Change) -> None:
        if gates:
            await gates.pop()
        found.append(change)

    gate, observer, seen = gates[0], AsyncObserver(publish), Seen()
    log_of(seen, observer, events=CALL)
    delivery = first.create_task(observer.deliver())
    first.run_until_complete(asyncio.sleep(0))
    asyncio.run(asyncio.wait_for(observer.deliver(), 5))
    if goes_on:  # it delivers its change a second time, as one that was cancelled, and no other
        gate.set_result(None)
        first.run_until_complete(delivery)
    else:
        delivery.get_coro().close()
    first.close()

    assert found == [*seen.changes, *seen.changes[:1] * goes_on]


def test_a_function_that_awaits_its_own_delivery_is_told_so(caplog: pytest.LogCaptureFixture) -> None:
    async def publish(_log: SessionLog, _change: Change) -> None:
        await observer.deliver()

    observer = AsyncObserver(publish)
    log_of(observer, events=CALL)
    asyncio.run(asyncio.wait_for(observer.deliver(), 5))
    asyncio.run(observer.deliver())

    assert len(caplog.records) == 3
    assert all("the function awaits deliver, which awaits the function" in str(record.exc_info) for record in caplog.records)


def test_a_full_queue_is_reported_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    queue: asyncio.Queue[Change] = asyncio.Queue(maxsize=2)
    seen = Seen()
    log = log_of(lambda _, change: queue.put_nowait(change), seen, events=CALL)

    assert [queue.get_nowait(), queue.get_nowait()] == seen.changes[:2]
    assert [vars(record)["change"] for record in caplog.records] == ["new disconnected e3"]
    assert result_of(log) == result_of(log_of(events=CALL))


def test_a_loop_that_is_closed_is_reported_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    log = log_of(lambda _, change: loop.call_soon_threadsafe(print, change), events=CALL)

    assert [vars(record)["change"] for record in caplog.records] == ["new alerting e1", "new connected e2", "new disconnected e3"]
    assert result_of(log) == result_of(log_of(events=CALL))


# --- Observers that write -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [*permutations(range(3))], ids=str)
def test_an_observer_that_adds_the_next_event_leaves_the_log_that_all_events_make(order: tuple[int, ...]) -> None:
    left = [CALL.events[place] for place in order]
    log = log_of()
    log.observers = [lambda log, _: left and log.add(left.pop())]
    log.add(left.pop())

    assert result_of(log) == result_of(log_of(events=CALL))


def test_an_observer_that_takes_itself_away_is_not_called_again() -> None:
    seen = Seen()

    def once(log: SessionLog, change: Change) -> None:
        seen(log, change)
        log.observers = ()

    log = log_of(once)
    for event in CALL:
        log.add(event)

    assert len(seen) == 1
    assert result_of(log) == result_of(log_of(events=CALL))


@pytest.mark.parametrize("signal", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_what_is_no_exception_leaves_the_log_that_all_events_make_in_any_order(signal: type[BaseException]) -> None:
    def stops(_log: SessionLog, _change: Change) -> None:
        raise signal

    for order in permutations(CALL):
        log = log_of(stops)
        for event in order:
            with pytest.raises(signal):
                log.add(event)

        assert result_of(log) == result_of(log_of(events=CALL))


@pytest.mark.parametrize(
    "way",
    [
        lambda inbox: inbox.add(CALL.events[1], at(3)),
        lambda inbox: inbox.receive(encode_event(CALL.events[1]), at(3)),
        lambda inbox: inbox.take(json.loads(encode_event(CALL.events[1])), at(3)),
        lambda inbox: inbox.put(log_of(events=CALL)),
        lambda inbox: inbox.drop("s1"),
        lambda inbox: inbox.advance(at(9000)),
        lambda inbox: inbox.restore_state(Inbox(TIMED).save_state()),
    ],
    ids=["add", "receive", "take", "put", "drop", "advance", "restore_state"],
)
def test_an_observer_cannot_write_to_its_inbox_in_any_way(way: Callable[[Inbox], object]) -> None:
    refused: list[str] = []

    def write(_log: SessionLog, _change: Change) -> None:
        with pytest.raises((RuntimeError, ValueError)) as raised:
            way(inbox)
        refused.append(str(raised.value))

    inbox, other = Inbox(TIMED, observers=[write]), Inbox(TIMED)
    for event in CALL:
        assert inbox.add(event, event.received) == other.add(event, event.received)

    assert len(refused) == len(CALL.events)
    assert result_of(inbox.logs["s1"]) == result_of(other.logs["s1"])


# --- What observers raise, for tests ------------------------------------------------------------------------------------------


def test_a_block_gets_what_observers_raise_in_it_even_where_logging_is_switched_off() -> None:
    log_of(fails, events=CALL.events[:1])
    logging.disable()
    try:
        with raised_by_observers() as errors:
            log_of(fails, Seen(), fails, events=CALL.events[:1])
    finally:
        logging.disable(logging.NOTSET)
    log_of(fails, events=CALL.events[:1])

    assert [type(error) for error in errors] == [ZeroDivisionError] * 2


def test_of_two_blocks_the_inner_one_gets_what_observers_raise() -> None:
    with raised_by_observers() as outer:
        with suppress(LookupError), raised_by_observers() as inner:
            log_of(fails, events=CALL.events[:1])
            raise LookupError
        log_of(fails, events=CALL.events[:2])

    assert (len(outer), len(inner)) == (2, 1)


def test_a_block_gets_what_an_observer_without_a_text_raises() -> None:
    class Silent:
        def __call__(self, _log: SessionLog, _change: Change) -> None:
            raise LookupError

        def __repr__(self) -> str:
            raise ZeroDivisionError

    with raised_by_observers() as errors:
        log_of(Silent(), events=CALL.events[:1])

    assert [type(error) for error in errors] == [LookupError]
