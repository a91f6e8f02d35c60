"""What holds for every stream, every session and every rule, whatever they are."""

import json
import pickle
from collections.abc import Iterator
from copy import copy, deepcopy
from datetime import timedelta
from itertools import pairwise, product
from random import Random
from typing import Any

import attrs
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import SECOND, at, decoded, events, lifecycles, moments, reached, session_documents, streams
from tests.tables import STANDARD, build

from cobrowse_session import (
    AfterCallWorkState,
    Applied,
    CobrowseSession,
    Communication,
    ConnectionState,
    Duplicate,
    Event,
    Ignored,
    Lifecycle,
    Refused,
    RefusedError,
    SessionLog,
    Settings,
    Stale,
    StaleError,
    UnknownPrompt,
    Updated,
)
from cobrowse_session.events import KINDS
from cobrowse_session.lifecycle import table
from cobrowse_session.lifecycle.row import Row
from cobrowse_session.stream import FoldResult, fold
from cobrowse_session.testing import START, Stream, run, stream
from cobrowse_session.testing.mischief import duplicate, shuffle
from cobrowse_session.wire import decode_event, decode_session, encode_event, encode_session
from cobrowse_session.wire.trace import trace_entry

OUTCOMES = (Applied, Duplicate, Stale, Ignored, Refused)
STAMPS = ("start_alerting_time", "connected_time", "disconnected_time", "disconnect_type", "initial_state")
PENDING = (ConnectionState.SCHEDULED, "offering", "contacting", "dialing", "alerting")
ENDED = ("disconnected", "terminated")
KEYS = [
    *("session", "conversation", "participant", "user", "queue", "purpose", "media"),
    *("event", "source", "type", "at", "received"),
    *("outcome", "row", "rule", "from", "to", "acw", "set", "notes"),
]


def everything(session: Communication) -> tuple[Communication, Settings]:
    """What equality sees, and the settings that it does not."""
    return copy(session), session.settings


def in_order(events: list[Event]) -> list[Event]:
    return [step.event for step in fold(events).trace if isinstance(step.event, Event)]


def told(folded: FoldResult) -> list[dict[str, Any]]:
    return list(map(trace_entry, folded.trace))


# --- Totality -----------------------------------------------------------------------------------------------------------------


@given(streams(), lifecycles(), st.sampled_from((CobrowseSession, Communication)))
# OUTCOME-1, OUTCOME-3, OUTCOME-5, OUTCOME-7
def test_every_event_gets_exactly_one_outcome_and_what_is_not_applied_changes_nothing(
    stream: list[Event], lifecycle: Lifecycle, leg: type[Communication]
) -> None:
    session = leg(id="s1")
    for event in stream:
        before = copy(session)
        fired = lifecycle.fire_before(before, event)
        outcome = lifecycle.apply(session, event)
        assert type(outcome) in OUTCOMES
        assert outcome.fired == fired
        assert outcome.reason
        assert isinstance(outcome, Applied) or everything(session) == everything(before)


@given(decoded, events(), lifecycles())
def test_sessions_that_someone_else_wrote_get_an_outcome_too(
    session: CobrowseSession, event: Event, lifecycle: Lifecycle
) -> None:
    assert type(lifecycle.apply(session, event)) in OUTCOMES
    lifecycle.advance(session, at(3600))
    assert lifecycle.deadline(session) is None or lifecycle.settings.wrapup_timeout is None
    assert decode_session(encode_session(session)).state == session.state


@pytest.mark.parametrize(
    "written",
    [
        {"state": "disconnected", "afterCallWork": {"state": "pending", "startTime": "9999-12-31T12:00:00Z"}},
        {"state": "alerting", "segments": [{"startTime": "9999-12-31T12:00:00Z"}]},
    ],
    ids=["after-call work", "alert"],
)
def test_a_deadline_after_the_end_of_time_is_no_exception(written: dict[str, Any]) -> None:
    day = timedelta(days=1)
    lifecycle = Lifecycle(
        settings=Settings(wrapup_prompt="timeout", wrapup_timeout=day, alerting_timeout=day), alerting_grace=day
    )
    session = decode_session(json.dumps({"id": "s1", **written}))
    assert type(lifecycle.apply(session, Updated(subject="s1", source="/a", id="e1", occurred_at=START))) in OUTCOMES
    assert lifecycle.advance(session, at(0)) == ()


BEGUN = stream("s1")
UP = BEGUN.alerting().after(1).connected(controlling=["p1"], wrapup_prompt="timeout", wrapup_timeout=60).after(1)
REACHED: dict[str, Stream] = {
    **{state: getattr(BEGUN, state)() for state in ("scheduled", "offering", "contacting", "dialing", "alerting")},
    "connected": UP,
    "connected, prepared": UP.wrapup("sale"),
    "connected, draft": UP.wrapup("sale", provisional=True),
    **{
        f"{end}, {work}": after
        for end in ENDED
        for work, after in {
            "absent": getattr(UP, end)(wrapup_prompt="none"),
            "pending": getattr(UP, end)(),
            "pending, draft": getattr(UP.wrapup("sale", provisional=True), end)(),
            "complete": getattr(UP.wrapup("sale"), end)("peer"),
            "skipped": getattr(UP, end)("transfer"),
        }.items()
    },
}
RULES = [
    Lifecycle(
        settings=Settings(wrapup_prompt=prompt, wrapup_timeout=60 * SECOND, alerting_timeout=9 * SECOND),
        acw_when_unanswered=unanswered,
        acw_after_transfer=transfer,
        alerting_grace=SECOND,
    )
    for prompt in (
        None,
        "mandatory",
        "optional",
        "agentRequested",
        "timeout",
        "forcedTimeout",
        "none",
        UnknownPrompt("newfangled"),
    )
    for unanswered, transfer in product((False, True), repeat=2)
]
NEWS: tuple[dict[str, Any], ...] = ({}, {"viewer_url": "https://v"}, {"controlling": ["p2"]}, {"wrapup_prompt": "optional"})


def every_event(begun: Stream) -> Iterator[Event]:
    """One event of every kind and every word of its own, with every sort of news."""
    for said in NEWS:
        for state in (
            "scheduled",
            "offering",
            "contacting",
            "dialing",
            "alerting",
            "connected",
            "updated",
            "disconnected",
            "terminated",
        ):
            yield from getattr(begun, state)(**said).events[-1:]
        for end, disconnect_type in product(ENDED, ("peer", "transfer.consult", "meteor")):
            yield from getattr(begun, end)(disconnect_type, **said).events[-1:]
        for required in (True, False):
            yield from begun.required(required, **said).events[-1:]
        for code, provisional in product((None, "sale", "lead"), (True, False)):
            yield from begun.wrapup(code, provisional=provisional, **said).events[-1:]
        for made in (begun.done, begun.offline, begun.started):
            yield from made(**said).events[-1:]
        for state in ("complete", "skipped", "notApplicable", "pending", "lost"):
            yield from begun.platform(state, **said).events[-1:]
    yield from begun.unknown().events[-1:]


@pytest.mark.parametrize("beginning", ["none", *REACHED])
def test_every_state_event_and_setting_gives_one_outcome(beginning: str) -> None:  # OUTCOME-1, OUTCOME-9
    begun = REACHED.get(beginning, BEGUN).after(1)
    for lifecycle in RULES:
        session = run(begun, lifecycle=lifecycle).session if begun.events else lifecycle.new("s1")
        for event in every_event(begun):
            after = copy(session)
            outcome = lifecycle.apply(after, event)
            assert type(outcome) in OUTCOMES
            assert isinstance(outcome, Applied) or everything(after) == everything(session)
            assert not isinstance(outcome, Applied) or outcome.to_state == after.state


MACHINES = {"connection": STANDARD.connection, "after-call work": STANDARD.after_call_work}
STATES = {
    "connection": ("none", *PENDING, "connected", *ENDED),
    "after-call work": ("absent", "pending", "complete", "skipped"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_in_every_cell_the_last_row_alone_has_no_guard(kind: str) -> None:
    owners = [name for name, machine in MACHINES.items() if kind in machine.events]
    assert len(owners) == 1
    for state in STATES[owners[0]]:
        rows = [one.row for one in STANDARD.triggers[kind].row_transitions(state)]
        assert [bool(row.guards) for row in rows] == [True] * (len(rows) - 1) + [False], state


def table_rows(*, guarded: bool) -> list[Any]:
    """The rows of outside events, and of the leg's end: timers may be without."""
    return [
        pytest.param(name, place, id=f"{name}-{place}-{row.name}")
        for name in ("CONNECTION", "AFTER_CALL_WORK")
        for place, row in enumerate(getattr(table, name))
        if bool(row.guards) == guarded and not row.on[0].startswith("timer.")
    ]


def built_from(name: str, rows: list[Row]) -> None:
    build(**{"connection": table.CONNECTION, "after_call_work": table.AFTER_CALL_WORK, name.lower(): rows})


@pytest.mark.parametrize(("name", "place"), table_rows(guarded=False))
def test_a_table_without_its_last_row_is_not_built(name: str, place: int) -> None:
    rows = list(getattr(table, name))
    del rows[place]
    with pytest.raises(ValueError, match=r"without guards|has no rows"):
        built_from(name, rows)


@pytest.mark.parametrize(("name", "place"), table_rows(guarded=False))
def test_a_table_in_which_the_row_without_a_guard_stands_twice_is_not_built(name: str, place: int) -> None:
    rows = list(getattr(table, name))
    with pytest.raises(ValueError, match=r"without guards|no guards"):
        built_from(name, [rows[place], *rows])


@pytest.mark.parametrize(("name", "place"), table_rows(guarded=True))
def test_a_table_in_which_a_row_lost_its_guards_is_not_built(name: str, place: int) -> None:
    rows = list(getattr(table, name))
    rows[place] = evolve(rows[place], guards=())
    with pytest.raises(ValueError, match=r"without guards|no guards"):
        built_from(name, rows)


# --- The step -----------------------------------------------------------------------------------------------------------------


@given(streams(), lifecycles())
# OUTCOME-12
def test_strict_raises_what_else_would_be_returned_and_leaves_the_same_session(stream: list[Event], lifecycle: Lifecycle) -> None:
    strict = evolve(lifecycle, strict=True)
    kind, strictly = lifecycle.new("s1"), strict.new("s1")
    for event in stream:
        try:
            outcome = strict.apply(strictly, event)
            assert not isinstance(outcome, Refused | Stale)
        except RefusedError as refused:
            outcome = refused.outcome
        except StaleError as stale:
            outcome = stale.outcome
        assert outcome == lifecycle.apply(kind, event)
        assert everything(strictly) == everything(kind)


@given(streams(), lifecycles(), moments)
def test_advance_to_an_earlier_time_changes_nothing(stream: list[Event], lifecycle: Lifecycle, now: Any) -> None:
    session = fold(stream, lifecycle=lifecycle).session
    lifecycle.advance(session, now)
    before = everything(session)
    for earlier in (now, now - SECOND, START):
        assert lifecycle.advance(session, earlier) == ()
    assert everything(session) == before


@given(streams(), lifecycles())
def test_many_small_advances_are_one_big_one(stream: list[Event], lifecycle: Lifecycle) -> None:
    once = fold(stream, lifecycle=lifecycle).session
    often = copy(once)
    fired = lifecycle.advance(once, at(40))
    assert tuple(timer for half in range(81) for timer in lifecycle.advance(often, at(half / 2))) == fired
    assert everything(often) == everything(once)
    assert list(fired) == sorted(fired, key=lambda timer: timer.at)


@given(streams(), lifecycles(), moments)
def test_advance_fires_what_deadline_says(stream: list[Event], lifecycle: Lifecycle, now: Any) -> None:
    session = fold(stream, lifecycle=lifecycle).session
    due = lifecycle.deadline(session)
    fired = lifecycle.advance(session, now)
    assert [timer.at for timer in fired[:1]] == ([due] if due is not None and due <= now else [])
    assert (left := lifecycle.deadline(session)) is None or left > now


@given(streams(), lifecycles(), events())
def test_allowed_says_what_apply_does(stream: list[Event], lifecycle: Lifecycle, event: Event) -> None:
    session = fold(stream, lifecycle=lifecycle).session
    before = everything(session)
    answers = {allowed.event: allowed for allowed in lifecycle.allowed(session, event.occurred_at)}
    assert everything(session) == before
    outcome = lifecycle.apply(session, event)
    if (allowed := answers.get(type(event))) is not None:
        assert allowed.answer != "yes" or isinstance(outcome, Applied)
        assert allowed.answer != "no" or not isinstance(outcome, Applied)
        assert isinstance(outcome, Applied) or getattr(outcome, "rule", outcome.kind) in allowed.rules


@given(streams(), lifecycles(), events(), st.integers(0, 60))
def test_allowed_says_what_a_log_does_with_an_event_of_any_time(
    stream: list[Event], lifecycle: Lifecycle, event: Event, advanced: int
) -> None:
    log = SessionLog.of(stream, lifecycle, until=at(advanced))
    late = evolve(event, id="late", occurred_at=event.occurred_at + timedelta(milliseconds=1))  # after those of its instant
    answers = {allowed.event: allowed for allowed in log.allowed(late.occurred_at)}
    assert log.session == SessionLog.of(stream, lifecycle, until=at(advanced)).session

    outcome = log.add(late).outcome

    assert outcome is not None
    if (allowed := answers.get(type(event))) is not None:
        assert allowed.answer != "yes" or isinstance(outcome, Applied)
        assert allowed.answer != "no" or not isinstance(outcome, Applied)
        assert isinstance(outcome, Applied) or getattr(outcome, "rule", outcome.kind) in allowed.rules


@given(streams(), lifecycles())
def test_nothing_is_allowed_in_a_log_that_is_sealed(stream: list[Event], lifecycle: Lifecycle) -> None:
    log = SessionLog.of(stream, lifecycle)
    if log.seal(at(10**6)):
        assert {(one.answer, one.rules) for one in log.allowed(at(0))} == {("no", ("late",))}


# --- What a stream leaves behind ----------------------------------------------------------------------------------------------


@given(streams(), lifecycles())
def test_stamps_are_written_once(stream: list[Event], lifecycle: Lifecycle) -> None:  # STAMP-1
    steps = run(in_order(stream), lifecycle=lifecycle, until=at(60)).steps
    for before, after in pairwise(step.session for step in steps):
        for stamp in STAMPS:
            assert getattr(before, stamp) in (None, getattr(after, stamp)), stamp


@given(streams(), lifecycles())
def test_what_changed_is_listed_and_sorted(stream: list[Event], lifecycle: Lifecycle) -> None:  # OUTCOME-2
    before = lifecycle.new("s1")
    for step in run(in_order(stream), lifecycle=lifecycle, until=at(60)).steps:
        if isinstance(step.outcome, Applied):
            names = [a.name for a in attrs.fields(CobrowseSession) if a.eq]
            changed = {name for name in names if getattr(before, name) != getattr(step.session, name)}
            assert changed <= set(step.outcome.set)
            assert list(step.outcome.set) == sorted(set(step.outcome.set))
        before = step.session


@given(streams(), lifecycles())
def test_segments_are_contiguous(stream: list[Event], lifecycle: Lifecycle) -> None:  # SEG-3, SEG-5
    session = fold(stream, at(60), lifecycle=lifecycle).session
    segments = session.segments or ()
    for one, two in pairwise(segments):
        assert (one.end_time, one.how_ended, one.disconnect_type) == (two.start_time, two.type, None)
    for last in segments[-1:]:
        ended = session.state in ENDED
        assert (last.end_time, last.how_ended) == ((session.disconnected_time, "Disconnect") if ended else (None, None))
        assert last.disconnect_type == session.disconnect_type


@given(streams(), lifecycles())
def test_a_wrapup_lasts_from_the_end_of_the_leg_to_its_own(stream: list[Event], lifecycle: Lifecycle) -> None:  # WRAP-11
    for step in run(in_order(stream), lifecycle=lifecycle, until=at(60)).steps:
        session, work = step.session, step.session.after_call_work
        pending = work is not None and work.state == AfterCallWorkState.PENDING
        if (wrapup := session.wrapup) is None:
            continue
        if session.state == ConnectionState.CONNECTED or pending:
            assert (wrapup.end_time, wrapup.duration_seconds) == (None, None)
        else:
            assert wrapup.end_time is not None
            assert session.disconnected_time is not None
            assert not wrapup.provisional
            assert wrapup.duration_seconds == int((wrapup.end_time - session.disconnected_time).total_seconds())


@given(streams(), lifecycles())
def test_after_call_work_begins_where_the_leg_ends(stream: list[Event], lifecycle: Lifecycle) -> None:
    for step in run(in_order(stream), lifecycle=lifecycle, until=at(60)).steps:
        session = step.session
        if (work := session.after_call_work) is not None:
            assert session.state in ENDED
            assert work.start_time == session.disconnected_time
            assert work.state in ("pending", "complete", "skipped")
            assert (work.end_time is None) == (work.state == "pending")
        assert session.state not in ENDED or not session.controlling


# --- Order, repetition --------------------------------------------------------------------------------------------------------


@given(streams(), lifecycles(), st.none() | moments, st.randoms(use_true_random=False))
# STREAM-7
def test_any_order_and_any_repetition_give_the_equal_session_and_trace(
    stream: list[Event], lifecycle: Lifecycle, until: Any, random: Random
) -> None:
    shuffled = shuffle(duplicate(stream, random), random)
    one, two = (fold(events, until, lifecycle=lifecycle) for events in (stream, shuffled))
    assert everything(one.session) == everything(two.session)
    assert encode_session(one.session) == encode_session(two.session)
    assert told(one) == told(two)
    assert one.conflicts == two.conflicts
    assert two.repeats - one.repeats == len(shuffled) - len(stream)


@given(streams(), lifecycles(), moments)
def test_fold_until_leaves_nothing_due_and_does_not_go_back(stream: list[Event], lifecycle: Lifecycle, until: Any) -> None:
    folded = fold(stream, until, lifecycle=lifecycle)
    again = copy(folded.session)
    assert lifecycle.advance(again, until) == ()
    assert everything(again) == everything(folded.session)
    assert told(fold(stream, until, lifecycle=lifecycle)) == told(folded)
    assert told(fold(stream, START - SECOND, lifecycle=lifecycle)) == told(fold(stream, lifecycle=lifecycle))


@given(streams(distinct=True), lifecycles(), moments)
def test_the_step_in_order_is_the_fold(stream: list[Event], lifecycle: Lifecycle, until: Any) -> None:  # STREAM-3
    ran = run(in_order(stream), lifecycle=lifecycle, until=until)
    folded = fold(stream, until, lifecycle=lifecycle)
    assert everything(ran.session) == everything(folded.session)
    assert [evolve(outcome, fired=()) for outcome in ran.outcomes] == [step.outcome for step in folded.trace]


@given(streams(), lifecycles(), moments)
def test_strict_makes_no_difference_to_the_fold(stream: list[Event], lifecycle: Lifecycle, until: Any) -> None:  # OUTCOME-13
    assert fold(stream, until, lifecycle=evolve(lifecycle, strict=True)) == fold(stream, until, lifecycle=lifecycle)


@given(streams(), lifecycles(), moments)
# TRACE-1, TRACE-10
def test_a_trace_row_has_the_specified_keys_in_their_order(stream: list[Event], lifecycle: Lifecycle, until: Any) -> None:
    folded = fold(stream, until, lifecycle=lifecycle)
    rows = told(folded)
    assert len(rows) == len(folded.trace)
    for row in rows:
        assert list(row) == [key for key in KEYS if key in row]
        assert row.keys() >= {"session", "type", "at", "outcome", "row", "from"}
        assert all(value not in (None, [], ()) for value in row.values())
        assert row["outcome"] in ("applied", "duplicate", "ignored", "refused")
        assert ("rule" in row) == (row["outcome"] in ("ignored", "refused"))
        assert ("to" in row) == ("set" in row) == (row["outcome"] == "applied")
        assert row.get("set", []) == sorted(row.get("set", []))
        assert row["type"].startswith("timer.") == (not row.keys() & {"event", "source", "received"})


# --- Values -------------------------------------------------------------------------------------------------------------------


@given(events())
def test_an_event_survives_json_pickle_and_copy(event: Event) -> None:
    text = encode_event(event)
    assert decode_event(text) == event
    assert encode_event(decode_event(text)) == text
    assert decode_event(text.encode()) == event
    assert pickle.loads(pickle.dumps(event)) == event  # noqa: S301 (our own bytes)
    assert copy(event) == deepcopy(event) == event


@pytest.mark.parametrize("kind", KINDS)
def test_no_field_of_an_event_can_be_set(kind: str) -> None:  # WORD-5
    cls = KINDS[kind]
    event = next(event for event in every_event(BEGUN) if type(event) is cls)
    for name in (field.name for field in attrs.fields(cls)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(event, name, getattr(event, name))


@given(reached())
def test_a_session_that_was_reached_survives_json_pickle_and_copy(session: CobrowseSession) -> None:  # JSON-8
    survives(session)
    restored = pickle.loads(pickle.dumps(session))  # noqa: S301 (our own bytes)
    assert everything(restored) == everything(copy(session)) == everything(deepcopy(session)) == everything(session)


@given(session_documents)
def test_a_session_that_someone_else_wrote_survives_json(document: dict[str, Any]) -> None:  # JSON-8
    survives(decode_session(json.dumps(document)))


def survives(session: CobrowseSession) -> None:
    text = encode_session(session)
    assert decode_session(text) == session
    assert encode_session(decode_session(text)) == text


@given(streams(), lifecycles())
def test_a_copy_of_a_session_is_a_whole_copy(stream: list[Event], lifecycle: Lifecycle) -> None:
    session = lifecycle.new("s1")
    for event in in_order(stream):
        kept, text = copy(session), encode_session(session)
        lifecycle.apply(session, event)
        assert encode_session(kept) == text
