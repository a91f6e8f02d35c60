"""Mischief: what each function does to events, and the guarantee that it states, on logs, inboxes and stores."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from datetime import datetime, timedelta
from functools import reduce
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.stores import Databases, sqlite_databases
from tests.strategies import PROMPTS, moments, streams

from cobrowse_session import CobrowseSession, Connected, Event, Lifecycle, SessionLog, Settings
from cobrowse_session.io.inbox import Inbox, Received
from cobrowse_session.io.replay import Rejected
from cobrowse_session.store import Store
from cobrowse_session.stream import merge_logs
from cobrowse_session.testing import START, expect, run, stream, together
from cobrowse_session.testing.mischief import delay, drop, duplicate, outage, shuffle, skew, split
from cobrowse_session.wire import encode_event

LIFECYCLE = Lifecycle(settings=Settings(wrapup_prompt="timeout", wrapup_timeout=timedelta(seconds=3)))
END = START + timedelta(minutes=10)
CALL = (
    stream("s1", delay="30ms")
    .alerting(wrapup_prompt="timeout", wrapup_timeout=30)
    .after(3)
    .connected()
    .after(60)
    .disconnected("peer")
    .after(10)
    .wrapup("sale")
)
seeds = st.integers(0, 2**32)
calls = streams(distinct=True)


# --- Whatever takes events ----------------------------------------------------------------------------------------------------


def log_of(events: Iterable[Event]) -> SessionLog:
    return SessionLog.of(events, LIFECYCLE, until=END)


def inbox_log(events: Iterable[Event], **options: Any) -> SessionLog:
    """The log of an inbox that receives each event when it arrives."""
    inbox = Inbox(LIFECYCLE, **options)
    for event in events:
        assert isinstance(inbox.receive(encode_event(event), event.received), Received)
    inbox.advance(END)
    return inbox.logs["s1"]


def stored_log(databases: Databases, events: Iterable[Event]) -> SessionLog:
    """The log of a store that gets the events in two batches."""
    every = list(events)
    with databases.emptied() as place:
        store = place.open(LIFECYCLE)
        store.append(every[: len(every) // 2])
        store.append(every[len(every) // 2 :])
        store.advance(END)
        log = store.load("s1")
        assert log is not None
        assert log.trace  # its events are read while the store is open
        return log


Taker = Callable[[Iterable[Event]], SessionLog]
everywhere = pytest.mark.parametrize("take", [log_of, inbox_log])


def shown(log: SessionLog) -> tuple[object, ...]:
    return log.session, log.trace, log.context


def without_stamps(log: SessionLog) -> CobrowseSession:
    session = copy(log.session)
    session.start_alerting_time = session.connected_time = None
    return session


# --- Every function -----------------------------------------------------------------------------------------------------------

EVERY: dict[str, Callable[[Iterable[Event], Any], Sequence[object]]] = {
    "duplicate": duplicate,
    "shuffle": shuffle,
    "drop": lambda events, seed: drop(events, seed=seed),
    "delay": lambda events, seed: delay(events, 5, seed=seed),
    "split": split,
}


@pytest.mark.parametrize("name", EVERY)
def test_the_same_seed_gives_the_same_list_and_nothing_is_global(name: str) -> None:
    before, function = random.getstate(), EVERY[name]

    for seed in range(20):
        assert function(CALL, seed) == function(iter(CALL), seed) == function(CALL, random.Random(seed))
    assert len({repr(function(CALL, seed)) for seed in range(20)}) > 1
    assert random.getstate() == before


def test_one_source_of_random_numbers_serves_several_functions() -> None:
    one, two = random.Random(7), random.Random(7)

    first, second = shuffle(CALL, one), shuffle(CALL, one)

    assert (first, second) == (shuffle(CALL, two), shuffle(CALL, two))
    assert first != second


@pytest.mark.parametrize("name", ["duplicate", "drop", "delay"])
@pytest.mark.parametrize("share", [0.01, 0.25, 0.5])
@pytest.mark.parametrize("call", [CALL, CALL.events[:1]], ids=["four", "one"])
def test_at_least_one_event_is_changed_by_any_seed(name: str, share: float, call: Iterable[Event]) -> None:
    change: Callable[[int], list[Event]] = {
        "duplicate": lambda seed: duplicate(call, seed, share=share),
        "drop": lambda seed: drop(call, seed=seed, share=share),
        "delay": lambda seed: delay(call, "2m", seed=seed, share=share),
    }[name]

    assert not [seed for seed in range(200) if change(seed) == [*call]]


def test_a_share_of_nothing_changes_no_event_and_no_events_stay_none() -> None:
    for call in ([*CALL], []):
        assert duplicate(call, share=0) == drop(call, share=0) == delay(call, "2m", share=0) == call
    assert duplicate([], 1) == drop([], seed=1) == delay([], "2m", seed=1) == []


# --- duplicate ----------------------------------------------------------------------------------------------------------------


@everywhere
@given(events=streams(), seed=seeds)
# COPY-1, STREAM-6
def test_duplicated_events_give_the_same_session_and_trace(take: Taker, events: list[Event], seed: int) -> None:
    arriving = duplicate(events, seed)

    expected, found = take(events), take(arriving)

    assert shown(found) == shown(expected)
    assert found.repeats - expected.repeats == len(arriving) - len(events)


@given(calls, seeds, st.floats(0, 1))
def test_each_event_comes_once_or_twice_and_the_first_copies_are_in_order(events: list[Event], seed: int, share: float) -> None:
    arriving = duplicate(events, seed, share=share)

    assert list({event.id: event for event in arriving}.values()) == events
    assert max(Counter(event.id for event in arriving).values()) <= 2


def test_every_event_or_none_may_be_duplicated() -> None:
    assert duplicate(CALL, share=0) == [*CALL]
    for seed in range(20):  # copies that still wait in the end come, too
        assert Counter(event.id for event in duplicate(CALL, seed, share=1)) == dict.fromkeys(("e1", "e2", "e3", "e4"), 2)


# --- shuffle ------------------------------------------------------------------------------------------------------------------


@everywhere
@given(events=streams(), seed=seeds)
# STREAM-6
def test_shuffled_events_give_the_same_session_and_trace(take: Taker, events: list[Event], seed: int) -> None:
    assert shown(take(shuffle(events, seed))) == shown(take(events))


@given(streams(), seeds)
def test_shuffled_events_are_the_same_ones(events: list[Event], seed: int) -> None:
    assert sorted(map(id, shuffle(events, seed))) == sorted(map(id, events))


# --- drop ---------------------------------------------------------------------------------------------------------------------


@everywhere
@given(events=calls, seed=seeds)
# LOG-3
def test_lost_events_that_arrive_later_give_the_session_of_all(take: Taker, events: list[Event], seed: int) -> None:
    kept = drop(events, seed=seed, share=0.5)
    lost = [event for event in events if event not in kept]

    assert shown(take([*kept, *lost])) == shown(take(events))


@everywhere
@given(events=calls, seed=seeds)
def test_each_event_that_arrives_has_its_outcome(take: Taker, events: list[Event], seed: int) -> None:
    if kept := drop(events, seed=seed):
        assert {entry.event.id for entry in take(kept).trace if isinstance(entry.event, Event)} == {event.id for event in kept}


@everywhere
@pytest.mark.parametrize("prompt", PROMPTS)
# ACW-3
def test_a_leg_whose_connection_was_lost_ends_without_after_call_work(take: Taker, prompt: str) -> None:
    call = stream("s1").alerting(wrapup_prompt=prompt, wrapup_timeout=30).after(3).connected().after(60).disconnected("peer")
    saved = call.after(5).wrapup("sale")

    expect(take(drop(saved, "connected")), state="disconnected", connected_time=None, after_call_work=None, wrapup__code="sale")


def test_the_events_of_some_kinds_are_lost() -> None:
    assert [event.kind for event in drop(CALL, "connected", "wrapup")] == ["alerting", "disconnected"]


# --- delay and outage ---------------------------------------------------------------------------------------------------------


@everywhere
@given(events=calls, seed=seeds, late=st.sampled_from((0.5, 2, 3, 60)))
# TIME-8
def test_delayed_events_give_the_same_session_but_for_two_stamps(
    take: Taker, events: list[Event], seed: int, late: float
) -> None:
    found, expected = take(delay(events, late, seed=seed, share=0.5)), take(events)

    assert without_stamps(found) == without_stamps(expected)
    assert [entry.outcome.row for entry in found.trace] == [entry.outcome.row for entry in expected.trace]


@given(calls, seeds, moments)
# LOG-2
def test_until_a_late_event_arrives_the_session_is_without_it(events: list[Event], seed: int, moment: datetime) -> None:
    late = delay(events, 5, seed=seed, share=0.5)

    known = log_of(late).as_of(moment)

    assert {event.id for event in known.events} == {event.id for event in late if event.received <= moment}


def test_a_stamp_that_came_too_late_is_the_time_of_the_event() -> None:
    expect(log_of(delay(CALL, 1, "connected")), connected_time=START + timedelta(seconds=4, milliseconds=30))
    expect(log_of(delay(CALL, 60, "connected")), connected_time=START + timedelta(seconds=3))


def any_is_received(events: list[Event], start: datetime, lasts: float) -> bool:
    return any(start <= event.received < start + timedelta(seconds=lasts) for event in events)


@everywhere
@given(events=calls, start=moments, lasts=st.sampled_from((1, 5, 60)))
def test_an_outage_gives_the_same_session_but_for_two_stamps(
    take: Taker, events: list[Event], start: datetime, lasts: float
) -> None:
    assume(any_is_received(events, start, lasts))
    found, expected = take(outage(events, start, lasts)), take(events)

    assert without_stamps(found) == without_stamps(expected)
    assert [entry.outcome.row for entry in found.trace] == [entry.outcome.row for entry in expected.trace]


@given(calls, moments, st.sampled_from((1, 5, 60)), seeds)
def test_nothing_arrives_during_an_outage_and_then_all_at_once_in_the_order_of_receipt(
    events: list[Event], start: datetime, lasts: int, seed: int
) -> None:
    end = start + timedelta(seconds=lasts)
    assume(any_is_received(events, start, lasts))
    events.sort(key=attrgetter("received"))
    for arriving in (outage(events, start, lasts), delay(events, lasts, seed=seed)):
        assert [event.received for event in arriving] == sorted(event.received for event in arriving)
    arriving = outage(events, start, lasts)
    assert not [event for event in arriving if start <= event.received < end]
    assert {(event.id, event.occurred_at) for event in arriving} == {(event.id, event.occurred_at) for event in events}


def test_a_timer_that_fired_during_an_outage_is_withdrawn() -> None:  # LOG-4
    inbox, arriving = Inbox(LIFECYCLE), outage(CALL, CALL.now, "5m")
    for event in arriving[:-1]:
        inbox.add(event, event.received)

    inbox.advance(CALL.now + timedelta(minutes=1))
    expect(inbox, "s1", wrapup__code="ININ-WRAP-UP-TIMEOUT")

    inbox.add(arriving[-1], arriving[-1].received)
    expect(inbox, "s1", wrapup__code="sale")


# --- skew ---------------------------------------------------------------------------------------------------------------------

uncorrected = calls.map(lambda events: [evolve(event, provider_time=None) for event in events])
offsets = st.sampled_from((-30.0, -2.5, -0.5, 0.5, 2.5, 30.0)).map(lambda seconds: timedelta(seconds=seconds))


@given(uncorrected, offsets)
# CLOCK-8
def test_an_inbox_that_corrects_a_clock_has_the_session_of_a_right_clock(events: list[Event], by: timedelta) -> None:
    found = inbox_log(skew(events, by), correct={"/a": -by, "/b": -by})

    expected = inbox_log(events)
    assert found.session == expected.session
    assert [entry.outcome.row for entry in found.trace] == [entry.outcome.row for entry in expected.trace]
    assert {event.provider_time for event in found.events} == {event.occurred_at + by for event in events}


@pytest.mark.parametrize("by", [0.0004, -0.0006, timedelta(microseconds=1500), "0.5ms"], ids=str)
def test_a_clock_that_is_off_by_a_part_of_a_millisecond_is_an_error_because_nothing_could_correct_it(by: Any) -> None:
    with pytest.raises(ValueError, match=r"^skew: by: expected whole milliseconds, found "):
        skew(CALL, by)


@everywhere
@given(events=uncorrected, by=offsets)
def test_nothing_but_times_differs_with_a_clock_that_is_off(take: Taker, events: list[Event], by: timedelta) -> None:
    found, expected = take(skew(events, by)), take(events)

    assert [entry.outcome.row for entry in found.trace] == [entry.outcome.row for entry in expected.trace]
    assert [entry.event.occurred_at - by for entry in found.trace] == [entry.event.occurred_at for entry in expected.trace]


@pytest.mark.parametrize("days", [-400, -2, 2, 400])
def test_a_clock_that_is_off_by_days_runs_in_a_run_and_is_rejected_by_an_inbox_if_it_is_fast(days: int) -> None:
    skewed, inbox = skew(CALL, f"{days}d" if days > 0 else timedelta(days=days)), Inbox(LIFECYCLE)

    run(skewed).expect(state="disconnected", wrapup__code="sale")
    received = [inbox.receive(encode_event(event), event.received) for event in skewed]
    assert {isinstance(one, Rejected) for one in received} == {days > 0}


# --- split --------------------------------------------------------------------------------------------------------------------


@given(calls, seeds, st.integers(1, 4))
# STREAM-7
def test_the_merged_logs_of_workers_are_the_log_of_all_events(events: list[Event], seed: int, workers: int) -> None:
    logs = [log_of(some) for some in split(events, seed, workers=workers) if some]

    assert shown(reduce(lambda one, other: merge_logs(one, other).log, logs)) == shown(log_of(events))


@given(calls, seeds, st.integers(1, 4))
def test_each_event_goes_to_one_worker_and_each_worker_keeps_the_order(events: list[Event], seed: int, workers: int) -> None:
    parts = split(events, seed, workers=workers)

    assert len(parts) == workers
    assert sorted(map(id, (event for some in parts for event in some))) == sorted(map(id, events))
    places = {id(event): place for place, event in enumerate(events)}
    assert all([places[id(event)] for event in some] == sorted(places[id(event)] for event in some) for some in parts)


@pytest.mark.parametrize("workers", range(1, 7))
def test_each_worker_gets_an_event_if_there_are_enough(workers: int) -> None:
    for seed in range(100):
        counts = [len(some) for some in split(CALL, seed, workers=workers)]
        assert counts.count(0) == max(0, workers - len(CALL))


def test_any_worker_may_get_any_event() -> None:
    found = {tuple(event.id for event in some) for seed in range(200) for some in split(CALL, seed)}

    assert len(found) == 2**4 - 2  # every choice of the four events, but none and all


@pytest.mark.parametrize("seed", range(3))
def test_workers_that_share_a_store_have_one_session(tmp_path: Path, seed: int) -> None:
    url = f"sqlite:///{tmp_path / 'sessions.db'}"
    with Store(url) as one, Store(url) as two:
        for store, some in zip((one, two), split(CALL, seed), strict=True):
            store.append(some)

        for store in (one, two):
            expect(store, "s1", state="disconnected", wrapup__code="sale", after_call_work__state="complete")


# --- Several together ---------------------------------------------------------------------------------------------------------


@everywhere
@given(events=calls, seed=seeds)
def test_a_bad_network_gives_the_session_of_a_good_one(take: Taker, events: list[Event], seed: int) -> None:
    assert shown(take(badly_sent(events, seed))) == shown(take(events))


def badly_sent(events: Iterable[Event], seed: int) -> tuple[Event, ...]:
    chance = random.Random(seed)
    return together(*split(shuffle(duplicate(events, chance), chance), chance))


def test_a_store_has_the_session_of_a_good_network_in_every_case(tmp_path: Path) -> None:
    """A store costs more than a log, so a few seeds are enough. Its log is that of the other tests."""
    databases = sqlite_databases(tmp_path)
    expected = stored_log(databases, CALL)
    for seed in range(5):
        lost = drop(CALL, seed=seed, share=0.5)
        rest = [event for event in CALL if event not in lost]
        for arriving in (badly_sent(CALL, seed), [*lost, *rest]):
            assert shown(stored_log(databases, arriving)) == shown(expected)
        late = stored_log(databases, delay(CALL, 60, seed=seed))
        assert late.session.wrapup == expected.session.wrapup
    databases.close()


LATE: dict[str, Callable[[Iterable[Event]], list[Event]]] = {
    "delay": lambda events: delay(events, 5, "connected"),
    "delay some": lambda events: delay(events, 5, seed=1, share=0.5),
    "outage": lambda events: outage(events, CALL.events[1].received, 5),
}


@pytest.mark.parametrize("name", LATE)
@given(events=st.permutations([*CALL, CALL.events[0], CALL.events[3]]))
def test_what_is_not_late_keeps_the_order_that_other_mischief_gave_it(name: str, events: list[Event]) -> None:
    arriving = LATE[name](events)
    on_time = [event for event in arriving if event in CALL.events]

    rest = iter(events)
    assert all(event in rest for event in on_time)  # takes from the iterator, so the order is the same
    assert len(on_time) < len(arriving) == len(events)


@pytest.mark.parametrize("name", LATE)
def test_what_is_late_comes_before_the_next_event_that_is_received_after_it(name: str) -> None:
    arriving = LATE[name](CALL)

    assert [event.received for event in arriving] == sorted(event.received for event in arriving)
    assert len({tuple(event.id for event in LATE[name](shuffle(CALL, seed))) for seed in range(20)}) > 5


@pytest.mark.parametrize("mischief", [drop, lambda events, kind: delay(events, "2m", kind)], ids=["drop", "delay"])
@pytest.mark.parametrize("kind", ["conected", "wrapup", Connected, 5])
def test_a_kind_that_no_event_has_is_an_error(mischief: Callable[..., object], kind: object) -> None:
    call = stream("s1").alerting().after(3).connected()

    with pytest.raises(ValueError, match=r"expected a kind of the events \(alerting, connected\), found"):
        mischief(call, kind)
