"""The log: any order, any repetition, any batching, save and restore between; always what the fold of the set of events says."""

import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import examples
from tests.strategies import at, lifecycles, moments, streams

from cobrowse_session import (
    Alerting,
    Applied,
    Communication,
    Details,
    Event,
    FormatVersionError,
    Ignored,
    Late,
    Lifecycle,
    Outcome,
    Refused,
    Repeat,
    Settings,
)
from cobrowse_session.events import Timer
from cobrowse_session.stream import Change, SessionLog, TraceEntry, fold
from cobrowse_session.testing import START, stream
from cobrowse_session.testing.mischief import duplicate, shuffle
from cobrowse_session.wire import encode_entry, encode_session, restore_log, save_log
from cobrowse_session.wire.trace import trace_entry

TIMED = Lifecycle(settings=Settings(wrapup_prompt="timeout", wrapup_timeout=timedelta(seconds=30)))
CALL = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")


def shown(log: SessionLog) -> tuple[str, list[str]]:
    """Session and trace, as bytes would have them."""
    return encode_session(log.session), [encode_entry(row) for row in map(trace_entry, log.trace)]


def filled(events: Sequence[Event], lifecycle: Lifecycle = TIMED) -> SessionLog:
    log = SessionLog(lifecycle, "s1")
    for event in events:
        log.add(event)
    return log


# --- Convergence --------------------------------------------------------------------------------------------------------------


@examples(400)
@given(
    events=streams(most=9),
    lifecycle=lifecycles(),
    until=st.none() | moments,
    seed=st.integers(0, 2**32),
    extra=st.integers(0, 6),
)
# STREAM-6, STREAM-7
def test_any_order_repetition_interleaving_and_restart_shows_what_the_fold_says(
    events: list[Event], lifecycle: Lifecycle, until: datetime | None, seed: int, extra: int
) -> None:
    chance = random.Random(seed)
    arriving = [*events, *(chance.choice(events) for _ in range(extra))]
    chance.shuffle(arriving)
    expected = fold(arriving, until, lifecycle=lifecycle)

    log = SessionLog(lifecycle, events[0].subject)
    for event in arriving:
        if chance.random() < 0.3 and until is not None:
            log.advance(until - timedelta(seconds=chance.randrange(8)))
        if chance.random() < 0.2:
            log = restore_log(json.loads(json.dumps(save_log(log))))
        log.add(event)
    if until is not None:
        log.advance(until)

    assert log.trace == expected.trace
    assert shown(log) == (encode_session(expected.session), [encode_entry(row) for row in map(trace_entry, expected.trace)])
    assert (log.repeats, log.conflicts) == (expected.repeats, expected.conflicts)
    assert (log.session, log.session.settings) == (expected.session, expected.session.settings)


@examples(300)
@given(events=streams(most=9), lifecycle=lifecycles(), until=moments, seed=st.integers(0, 2**32))
# LOG-5
def test_the_changes_that_a_log_tells_add_up_to_its_trace(
    events: list[Event], lifecycle: Lifecycle, until: datetime, seed: int
) -> None:
    chance = random.Random(seed)
    arriving = shuffle(duplicate(events, chance), chance)
    log = SessionLog(lifecycle, events[0].subject)
    told: list[TraceEntry] = []

    for event in arriving:
        for change in (log.add(event), log.advance(until) if chance.random() < 0.3 else Change()):
            before = list(told)
            for step in (*change.withdrawn, *(old for old, _ in change.changed)):
                told.remove(step)
            told += [*change.new, *(new for _, new in change.changed)]
            assert bool(change) == (before != told)
        assert sorted(map(repr, told)) == sorted(map(repr, log.trace))


@given(events=streams(most=9), lifecycle=lifecycles(), moment=moments)
# LOG-2
def test_as_of_is_the_fold_of_what_had_been_received(events: list[Event], lifecycle: Lifecycle, moment: datetime) -> None:
    received = [event for event in events if event.received <= moment]
    log = SessionLog(lifecycle, events[0].subject)
    for event in events:
        log.add(event)

    then = log.as_of(moment)

    if received:
        assert then.trace == fold(received, moment, lifecycle=lifecycle).trace
    else:
        assert then.trace == ()


def test_a_long_log_in_any_order_shows_what_the_fold_says() -> None:
    life = stream("s1").alerting()
    for page in range(300):
        life = life.after(1).updated(viewer_url=f"https://example.com/{page}")
    life = life.after(1).connected().after(9).disconnected("peer").after(31).updated(peer_id="p")
    expected = fold(life, lifecycle=TIMED)

    for seed in range(5):
        assert filled(shuffle(life, seed)).trace == expected.trace


# --- Cost ---------------------------------------------------------------------------------------------------------------------


class Counted(Lifecycle):
    """Counts the steps that it is asked for."""

    count = 0

    def decide(self, session: Communication, event: Event | Timer) -> Outcome:
        Counted.count += 1
        return super().decide(session, event)


@pytest.mark.parametrize(("late_by", "most"), [(0, 1), (1, 1 + 1 + 63), (10, 1 + 10 + 63), (500, 1 + 500 + 63)])
def test_in_order_costs_one_step_and_late_the_steps_after_its_place_and_at_most_64_more(late_by: int, most: int) -> None:  # LOG-6
    life = stream("s1")
    for page in range(1000):
        life = life.after(1).updated(viewer_url=f"https://example.com/{page}")
    events = list(life)
    late = events.pop(len(events) - 1 - late_by)
    log = filled(events, Counted())

    Counted.count = 0
    log.add(late)

    assert Counted.count <= most


# --- Late, repeated, conflicting ----------------------------------------------------------------------------------------------


def test_a_wrapup_in_time_that_arrives_late_undoes_the_timer() -> None:  # LOG-4
    wrapup = CALL.after(20).wrapup("sale").events[-1]
    log = filled(list(CALL))
    fired = log.advance(START + timedelta(hours=1))

    change = log.add(wrapup)

    assert [step.event.kind for step in fired.new] == ["timer.acw"]
    assert (change.withdrawn, change.changed) == (fired.new, ())
    assert [step.event for step in change.new] == [wrapup]
    assert change.outcome == Applied.match(row="complete_by_code")
    assert log.session.wrapup is not None
    assert log.session.wrapup.code == "sale"


def test_a_refused_event_is_kept_and_applied_once_the_missing_one_makes_it_legal() -> None:  # LOG-3
    asked = stream("s1").alerting().after(3).connected().after(1).required()
    log = filled([asked.events[0], asked.events[2]])

    refused = log.trace[-1]
    change = log.add(asked.events[1])

    assert refused.outcome == Refused.match(rule="not_connected")
    assert change.changed == ((refused, log.trace[-1]),)
    assert log.trace[-1].outcome == Applied.match(row="request")
    assert log.session.after_call_work_required is True


def test_a_repeat_has_no_row_and_is_counted() -> None:  # OUTCOME-14, OUTCOME-15, COPY-1
    log = filled(list(CALL))

    change = log.add(CALL.events[1])

    assert not change
    assert change.outcome == Repeat.match(row="connected", kept=Applied.match(row="connected"))
    assert (log.repeats, log.conflicts, len(log.trace)) == (1, 0, 3)


def test_a_copy_that_changes_what_is_kept_is_no_repeat() -> None:  # OUTCOME-15
    told = stream("s1").updated(peer_id="p", sequence="2", received_at=at(1)).events[0]
    log = filled([told])

    corrected = log.add(evolve(told, sequence="3", details=Details(peer_id="q")))
    lower = log.add(evolve(told, sequence="1", details=Details(peer_id="r")))

    assert corrected.outcome == Applied.match(row="details")
    assert lower.outcome == Repeat.match(kept=Applied.match(row="details"))
    assert (log.session.peer_id, log.repeats) == ("q", 2)


def test_of_copies_that_differ_the_one_first_received_is_kept_and_its_time_counts() -> None:
    late = stream("s1").after(50).alerting(id="x", received_at=START + timedelta(seconds=9))
    early = stream("s1").alerting(id="x", received_at=START + timedelta(seconds=8))

    log = filled([*late, *early])

    assert (log.repeats, log.conflicts) == (1, 1)
    assert log.session.segments is not None
    assert log.session.segments[0].start_time == START
    assert shown(log) == shown(filled([*early, *late]))


def test_a_log_keeps_a_copy_that_no_copy_says_or_none_that_was_received_earlier() -> None:
    (event,) = stream("s1", delay=5).alerting()
    edition, log = evolve(event, sequence="2"), SessionLog.of([event])
    received = [event.received + timedelta(seconds=seconds) for seconds in (-1, 0, 1)]

    assert [log.keeps(evolve(event, received_at=at)) for at in received] == [True, False, False]
    assert log.keeps(edition)
    assert log.keeps(evolve(event, id="e9"))
    log.add(edition)
    assert not log.keeps(edition)
    assert log.copies_of(edition) == log.copies_of(event) == log.copies
    assert {copy.sequence for copy in log.copies} == {None, "2"}
    assert log.copies_of(evolve(event, id="e9")) == ()


def test_copies_that_differ_in_when_they_were_received_alone_are_no_conflict() -> None:  # COPY-15
    first = stream("s1").alerting(received_at=at(0.5))
    second = stream("s1").alerting(received_at=at(0.2))

    log = filled([*first, *second])

    assert (log.repeats, log.conflicts) == (1, 0)
    assert log.session.start_alerting_time == at(0.2)


# --- Time ---------------------------------------------------------------------------------------------------------------------


def test_a_deadline_long_past_fires_at_its_own_instant() -> None:  # TIMER-9
    log = filled(list(CALL))

    change = log.advance(START + timedelta(days=365))

    assert [(step.event.kind, step.event.occurred_at) for step in change.new] == [("timer.acw", START + timedelta(seconds=93))]
    assert log.deadline is None


def test_going_back_changes_nothing() -> None:  # TIMER-5
    log = filled(list(CALL))
    log.advance(START + timedelta(hours=1))
    before = shown(log)

    assert not log.advance(START)
    assert shown(log) == before
    assert log.advanced == START + timedelta(hours=1)


def test_an_advance_without_a_zone_is_the_callers_mistake() -> None:  # TIME-12
    with pytest.raises(TypeError):
        filled(list(CALL)).advance(datetime(2026, 3, 1))  # noqa: DTZ001 (the point)


GRACED = Lifecycle(settings=Settings(alerting_timeout=timedelta(seconds=30)), alerting_grace=timedelta(milliseconds=250))


def test_the_alerting_timeout_is_taken_back_by_any_event_and_leaves_no_trace() -> None:  # ALERT-7
    ringing = stream("s1").alerting()
    log = filled(list(ringing), GRACED)
    fired = log.advance(START + timedelta(minutes=1))

    change = log.add(ringing.after(40).connected().events[-1])

    assert [step.event.kind for step in fired.new] == ["timer.alerting"]
    assert change.withdrawn == fired.new
    assert change.outcome == Applied.match(row="connected")
    assert not change.out_of_order
    assert log.session.state == "connected"
    assert log.session.disconnected_time is None


def test_an_alerting_timeout_that_fires_again_and_reads_the_same_is_no_change() -> None:  # ALERT-7, ALERT-8
    ringing = stream("s1").alerting()
    log = filled(list(ringing), GRACED)
    log.advance(START + timedelta(minutes=1))

    change = log.add(ringing.after(40).unknown().events[-1])

    assert [step.event.kind for step in change.new] == ["unknown"]
    assert (change.withdrawn, change.changed) == ((), ())
    assert [step.event.kind for step in log.trace] == ["alerting", "unknown", "timer.alerting"]
    assert log.trace[-2].outcome == Ignored.match(from_state="alerting")


def test_an_alerting_timeout_that_reads_differently_is_a_change() -> None:  # ALERT-7
    ringing = stream("s1").alerting()
    log = filled(list(ringing), GRACED)
    (fired,) = log.advance(START + timedelta(minutes=1)).new

    change = log.add(ringing.after(10).updated(alerting_timeout=20).events[-1])

    assert change.changed == ((fired, log.trace[-1]),)
    assert log.session.disconnected_time == START + timedelta(seconds=20.25)


# --- Sealing ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "horizon", "sealed"),
    [
        (CALL, 64, False),  # a deadline is left
        (CALL.after(20).wrapup("sale"), 83, False),  # its latest event is not before the horizon
        (CALL.after(20).wrapup("sale"), 84, True),
        (stream("s1").connected(), 3600, False),  # it has not ended
        (CALL.after(1).updated(wrapup_prompt="none"), 3600, False),  # settings after the end: the deadline stays
        (stream("s1").connected(wrapup_prompt="mandatory").disconnected(), 3600, True),  # pending, without a deadline
    ],
)
# SEAL-2
def test_only_what_is_over_is_sealed(events: Sequence[Event], horizon: float, sealed: bool) -> None:  # noqa: FBT001 (a case)
    log = filled(list(events))

    assert log.seal(at(horizon)) is sealed
    assert log.sealed is sealed


def test_an_empty_log_is_not_sealed() -> None:
    assert SessionLog(TIMED, "s1").seal(at(3600)) is False


# OUTCOME-14, OUTCOME-16, OUTCOME-17, SEAL-3, SEAL-4
def test_what_comes_after_the_seal_is_late_and_handed_back_but_a_repeat_is_a_repeat() -> None:
    over = CALL.after(20).wrapup("sale")
    log = filled(list(over))
    log.seal(at(3600))
    before = shown(log)

    again = log.add(over.events[0])
    changing = log.add(evolve(over.events[0], received_at=START - timedelta(seconds=1)))
    fresh = log.add(over.after(1).updated(peer_id="p").events[-1])

    assert again.outcome == Repeat.match(row=log.trace[0].outcome.row)
    assert changing.outcome == Late.match(row=None)
    assert fresh.outcome == Late.match(row=None, from_state="disconnected", acw="complete")
    assert not again
    assert shown(log)[:2] == before[:2]
    assert (log.late, log.repeats) == (2, 1)
    assert not log.advance(at(7200))


# --- Saved --------------------------------------------------------------------------------------------------------------------


def test_a_saved_log_keeps_what_the_events_alone_do_not_tell() -> None:  # STREAM-8
    log = filled([*CALL, CALL.events[0], *stream("s1").alerting(id="e1", peer_id="p")])
    log.offsets["/test"] = timedelta(milliseconds=-400)
    log.advance(at(3600))
    log.seal(at(3600))
    log.add(CALL.events[0])

    again = restore_log(json.loads(json.dumps(save_log(log))))

    assert shown(again) == shown(log)
    assert save_log(again) == save_log(log)
    assert (again.repeats, again.conflicts, again.late, again.sealed) == (3, 1, 0, True)
    assert again.offsets == {"/test": timedelta(milliseconds=-400)}
    assert again.lifecycle == TIMED


def test_a_saved_log_of_a_newer_format_is_refused() -> None:
    data = save_log(filled(list(CALL))) | {"format": 3}

    with pytest.raises(FormatVersionError, match="a saved log has format version 3, this package reads up to 2"):
        restore_log(data)


def test_an_event_of_another_session_is_the_callers_mistake() -> None:
    log = SessionLog(TIMED, "s1")

    with pytest.raises(ValueError, match="expected an event of session 's1', found one of 's2'"):
        log.add(stream("s2").alerting().events[0])
    assert isinstance(CALL.events[0], Alerting)


def test_a_log_holds_an_event_by_its_identity_whatever_else_the_copy_states() -> None:  # WORD-6
    first, second = stream("s1").alerting().after(1).connected().events
    log = SessionLog(Lifecycle(), "s1")
    log.add(first)

    assert log.holds(first)
    assert log.holds(evolve(first, sequence="2", occurred_at=second.occurred_at))
    assert not log.holds(second)
    assert not log.holds(evolve(first, source="/other"))


def test_an_event_of_no_kind_is_a_type_error_and_leaves_the_log_as_it_was() -> None:  # OUTCOME-18
    log = SessionLog(Lifecycle(), "s1")

    class Parked(Event):
        kind = "parked"
        rank = 3

    for made in (Event, Parked):
        with pytest.raises(TypeError, match=f"of a class that the table 'standard' has: Scheduled, .*, found {made.__name__};"):
            log.add(made(subject="s1", source="/a", id="e1", occurred_at=START))
    assert (log.events, log.repeats) == ((), 0)


def test_a_log_of_no_events_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected at least one event, found none"):
        SessionLog.of([])


def test_a_change_is_true_if_the_trace_changed() -> None:
    log = filled(CALL.events)
    entry = log.trace[0]

    assert [bool(one) for one in (Change(new=(entry,)), Change(withdrawn=(entry,)), Change(changed=((entry, entry),)))] == [
        True
    ] * 3
    assert not Change()
    assert not log.add(CALL.events[0])


def test_the_change_of_a_next_event_has_the_context_up_to_it() -> None:  # CONTEXT-3
    call = stream("s1").alerting(queue_id="sales").after(1).connected(user_id="ann").after(1).disconnected("peer")
    log = SessionLog(TIMED, "s1")

    changes = [log.add(event) for event in call]

    assert [(one.context.queue_id, one.context.user_id) for one in changes] == [
        ("sales", None),
        ("sales", "ann"),
        ("sales", "ann"),
    ]


def test_the_change_of_a_late_event_has_the_context_of_the_leg() -> None:  # CONTEXT-3
    call = stream("s1").alerting(queue_id="sales").after(1).connected()
    log = filled([call.events[1]])

    assert log.add(call.events[0]).context == log.context
    assert log.context.queue_id == "sales"


def test_each_change_has_the_context_of_the_leg() -> None:  # CONTEXT-3
    call = stream("s1").alerting(queue_id="sales", conversation_id="c1").after(1).disconnected("peer")
    log = filled(call.events)
    repeat = log.add(call.events[0])
    advanced = log.advance(at(100)), log.advance(at(100)), log.advance(at(50))
    assert log.seal(at(200))
    sealed = log.add(call.events[0]), log.add(call.after(1).updated(peer_id="p").events[-1])

    assert (log.context.queue_id, log.context.conversation_id) == ("sales", "c1")
    assert [one.context for one in (repeat, *advanced, *sealed)] == [log.context] * 6
    assert isinstance(sealed[1].outcome, Late)
    assert sealed[1].outcome.reason == "The session was sealed before the event came."


def test_a_restored_log_without_a_deadline_has_its_context_when_time_goes_on() -> None:
    log = restore_log(save_log(filled(stream("s1").connected(queue_id="sales").events)), TIMED)

    assert log.advance(at(100)).context.queue_id == "sales"


def test_what_restores_a_log_states_no_late_events_unless_it_is_told() -> None:
    log = SessionLog(TIMED, "s1")
    log.restore(CALL.events)

    assert (log.late, log.repeats) == (0, 0)


def test_a_log_of_many_events_has_none_of_a_source_that_never_sent() -> None:
    call = CALL.updated(peer_id="p0")
    for number in range(40):
        call = call.after(1).updated(peer_id=f"p{number}")
    log = filled(call.events)

    assert all(map(log.holds, call))
    assert not log.holds(evolve(call.events[0], source="/other"))


@pytest.mark.parametrize("is_late", [False, True])
def test_a_log_of_many_events_takes_the_first_one_of_another_source(*, is_late: bool) -> None:
    call = CALL
    for number in range(40):
        call = call.after(1).updated(peer_id=f"p{number}")
    log = filled(call.events)
    other = evolve((CALL if is_late else call).after(0.5).updated(viewer_url="https://v").events[-1], source="/other")
    assert not log.holds(other)
    log.add(other)

    assert log.holds(other)
    assert log.session.viewer_url == "https://v"


def test_a_timer_comes_after_an_event_of_any_kind_at_its_instant_that_arrives_late() -> None:  # ACW-26
    call = CALL.after(30).unknown()
    log = filled(CALL.events)
    log.advance(at(1000))
    log.add(call.events[-1])

    assert [step.event.kind for step in log.trace] == ["alerting", "connected", "disconnected", "unknown", "timer.acw"]


def test_a_repeat_of_one_of_several_events_of_an_instant_has_its_own_outcome() -> None:  # OUTCOME-14
    call = stream("s1").connected().updated(peer_id="p").required()
    log = filled(call.events)

    assert [log.add(event).outcome for event in call] == [
        Repeat.match(row=row, kept=Applied.match(row=row)) for row in ("connected", "details", "request")
    ]


def test_a_repeat_has_the_states_of_the_outcome_that_is_kept() -> None:  # OUTCOME-14
    call = CALL.after(5).wrapup("sale")
    log = filled(call.events)

    for event in call:
        repeat = log.add(event).outcome
        assert isinstance(repeat, Repeat)
        assert repeat.kept is not None
        assert (repeat.from_state, repeat.acw) == (repeat.kept.from_state, repeat.kept.acw)
    assert log.trace[-1].outcome == Applied.match(from_state="disconnected", acw="complete")


def test_a_repeat_names_all_that_its_copy_states_otherwise() -> None:
    (told,) = stream("s1").updated(peer_id="p", viewer_url="https://v", sequence="2")
    log = filled([told])
    repeat = log.add(evolve(told, details=Details(peer_id="q", viewer_url="https://w"), sequence="1")).outcome

    assert repeat is not None
    assert repeat.reason == "The log holds this event already, and that one counts. This copy has another peerId, viewerUrl."


def test_a_change_and_a_log_that_has_not_loaded_its_events_print_on_one_line() -> None:
    log = filled(CALL.events)
    entry = log.trace[0]

    assert repr(Change(new=(entry,), withdrawn=(entry, entry))) == "Change(1 new, 2 withdrawn)"
    assert repr(restore_log(save_log(log), TIMED)) == "SessionLog('s1', events not loaded, state='disconnected')"


def test_a_copy_that_says_what_several_others_say_together_is_kept() -> None:
    """They are merged into the event that counts. So it changes nothing, but it differs from each of them."""
    (first,) = stream("s1").connected(viewer_url="v", sequence="1")
    second = evolve(first, sequence="2", details=Details(peer_id="p"))
    both = evolve(second, details=Details(viewer_url="v", peer_id="p"))
    log = filled([first, second])

    change = log.add(both)

    assert isinstance(change.outcome, Repeat)
    assert set(log.copies) == {first, second, both}
    assert log.session == filled([first, both]).session


def test_a_late_copy_between_two_editions_is_late_if_it_would_have_counted() -> None:
    (first,) = stream("s1").disconnected("peer", viewer_url="v1", sequence="1")
    third = evolve(first, sequence="3", details=Details(peer_id="p"))
    log = filled([first, third])
    assert log.seal(at(1_000_000))

    between = evolve(first, sequence="2", details=Details(viewer_url="v2"))

    assert filled([first, third, between]).session.viewer_url == "v2"
    assert isinstance(log.add(between).outcome, Late)
    assert log.session.viewer_url == "v1"


# --- What is allowed ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "answer"),
    [
        (0, "yes"),  # of the instant of `alerting`: that counts as earlier
        (2, "yes"),
        (63, "no"),  # of the instant of `disconnected`
        (1000, "no"),
    ],
)
def test_what_is_allowed_at_a_time_is_answered_for_the_place_among_the_others(when: float, answer: str) -> None:
    log = filled(CALL.events)
    log.advance(at(500))

    assert {one.event.kind: one.answer for one in log.allowed(at(when))}["connected"] == answer


def test_an_alert_that_was_given_up_allows_what_came_before_that() -> None:  # TIMER-4
    log = filled(stream("s1").alerting(alerting_timeout=20).events, Lifecycle(alerting_grace=timedelta(seconds=1)))
    log.advance(at(60))
    assert log.session.state == "disconnected"

    assert {one.event.kind: one.answer for one in log.allowed(at(40))}["connected"] == "yes"


def test_nothing_is_allowed_in_a_sealed_log() -> None:  # SEAL-3
    log = filled(CALL.events)
    log.advance(at(500))
    assert log.seal(at(1000))

    assert {(one.answer, one.rules, one.reasons) for one in log.allowed(at(2))} == {
        ("no", ("late",), ("The session was sealed before the event came.",))
    }
