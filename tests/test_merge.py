"""Two logs of one session as one: their events and copies, what each counted, and in what they differ."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import examples
from tests.strategies import at, lifecycles, streams

from cobrowse_session import Event, Lifecycle, SessionLog, Settings
from cobrowse_session.stream import fold, merge_logs
from cobrowse_session.stream.merge import MergedLogs
from cobrowse_session.testing import stream
from cobrowse_session.wire.trace import trace_entry

RULES, OTHER_RULES = Lifecycle(), Lifecycle(settings=Settings(wrapup_prompt="optional"))
CALL = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")
A, B, C = CALL.events


def log_of(*events: Event, rules: Lifecycle = RULES) -> SessionLog:
    log = SessionLog(rules, "s1")
    for event in events:
        log.add(event)
    return log


def sealed(*events: Event, rules: Lifecycle = RULES) -> SessionLog:
    log = log_of(*events, rules=rules)
    assert log.seal(at(10_000))
    return log


def both_ways(one: SessionLog, other: SessionLog) -> tuple[MergedLogs, MergedLogs]:
    return merge_logs(one, other), merge_logs(other, one)


@examples(150)
@given(events=streams(), lifecycle=lifecycles(), cut=st.integers(0, 8), until=st.integers(0, 20).map(at))
def test_merged_logs_are_the_log_of_all_copies(events: list[Event], lifecycle: Lifecycle, cut: int, until: datetime) -> None:
    old, new = log_of(*events[:cut], rules=lifecycle), log_of(*events[cut:], rules=lifecycle)
    old.advance(until)
    expected = fold(events, until, lifecycle=lifecycle)

    for merged in both_ways(old, new):
        assert list(map(trace_entry, merged.log.trace)) == list(map(trace_entry, expected.trace))
        assert (merged.log.session, merged.log.conflicts) == (expected.session, expected.conflicts)
        assert (merged.log.advanced, merged.late, merged.differences) == (until, (), ())


def test_logs_of_two_sessions_are_not_merged() -> None:
    with pytest.raises(ValueError, match="expected two logs of one session, found 's1' and 's2'"):
        merge_logs(SessionLog(RULES, "s1"), SessionLog(RULES, "s2"))


# --- Repeats and late events --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("new", "repeats"),
    [
        ((A, B, B), 1),  # the same state
        ((A, B, B, C), 1),  # a later state: it counts the repeat already
        ((B, C), 2),  # it began while the other ended: b came twice there and once here
        ((C,), 1),  # they share nothing
        ((), 1),
    ],
)
def test_what_was_received_twice_counts_once_if_one_log_is_a_state_of_the_other(new: Sequence[Event], repeats: int) -> None:
    for merged in both_ways(log_of(A, B, B), log_of(*new)):
        assert merged.log.events == tuple(sorted({A, B, *new}, key=lambda event: event.occurred_at))
        assert merged.log.repeats == repeats


def test_late_events_of_both_logs_count() -> None:
    one, other = log_of(), log_of()
    one.restore([A, B], late=1)
    other.restore([B, C], late=2)

    assert [merged.log.late for merged in both_ways(one, other)] == [3, 3]


# --- Sealed logs --------------------------------------------------------------------------------------------------------------


def test_a_log_that_is_sealed_stays_and_what_came_too_late_for_it_is_handed_back() -> None:
    late = CALL.after(1).updated(peer_id="p").events[-1]
    for events, other in (((A, B, C), (B, late)), ((B, C), (A, B, late))):  # it begins first, and second
        handed_back = tuple(event for event in other if event not in events)
        for merge in (merge_logs, lambda one, two: merge_logs(two, one)):
            log = sealed(*events)
            merged = merge(log, log_of(*other))

            assert merged.log is log
            assert merged.late == handed_back
            assert (log.events, log.repeats, log.late) == (events, 1, len(handed_back))


def test_of_two_sealed_logs_the_one_that_begins_first_stays() -> None:
    one, other = sealed(A, C), sealed(B, C)

    for merged in both_ways(one, other):
        assert merged.log is one
        assert merged.late == (B,)


# --- What can be in one of them only ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [((A, B), (B, C)), ((B,), ()), ((A,), (B, C))],
    ids=["both have one event", "the other is empty", "they share nothing"],
)
def test_the_lifecycle_and_the_offsets_of_the_log_that_begins_first_count(
    first: Sequence[Event], second: Sequence[Event]
) -> None:
    one, other = log_of(*first), log_of(*second, rules=OTHER_RULES)
    one.offsets = {"/a": timedelta(seconds=1), "/b": timedelta(seconds=1), "/c": timedelta(seconds=1)}
    other.offsets = {"/a": timedelta(seconds=2), "/b": timedelta(seconds=1), "/d": timedelta(seconds=2)}

    for merged in both_ways(one, other):
        assert merged.log.lifecycle == RULES
        assert merged.log.offsets == {**other.offsets, **one.offsets}
        assert merged.differences == ("lifecycle", "offset of /a")


def test_of_logs_that_begin_with_one_event_the_first_argument_counts() -> None:
    assert merge_logs(log_of(A), log_of(A, B, rules=OTHER_RULES)).log.lifecycle == RULES
    assert merge_logs(log_of(A, B, rules=OTHER_RULES), log_of(A)).log.lifecycle == OTHER_RULES
    assert merge_logs(log_of(), log_of(rules=OTHER_RULES)).log.lifecycle == RULES


def test_a_sealed_log_stays_with_its_lifecycle_and_the_difference_is_named() -> None:
    log = sealed(B, C)
    merged = merge_logs(log_of(A, rules=OTHER_RULES), log)

    assert merged.log is log
    assert merged.differences == ("lifecycle",)


def test_a_copy_in_one_of_them_is_kept() -> None:
    edition = evolve(B, sequence="2")

    for merged in both_ways(log_of(A, B), log_of(A, edition)):
        assert merged.log.copies_of(B) == log_of(A, B, edition).copies_of(B)
        assert merged.log.repeats == 2
