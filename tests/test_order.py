"""The fold: one order, one copy, one session, whatever came first (docs/lifecycle.md, section 7)."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from itertools import pairwise, permutations
from typing import Any

import pytest
from attrs import evolve

from cobrowse_session import AfterCallWork, AfterCallWorkState, CobrowseSession, Event, Lifecycle, Settings
from cobrowse_session.canonical import canonical, order
from cobrowse_session.events import KINDS as EVENT_KINDS
from cobrowse_session.stream import FoldResult, SessionLog, fold
from cobrowse_session.testing import START, Stream, duration, stream
from cobrowse_session.wire import decode_event, encode_session
from cobrowse_session.wire.trace import trace_entry

SECOND = timedelta(seconds=1)
BEGUN = stream("s1")
TIMED = BEGUN.connected(wrapup_prompt="timeout", wrapup_timeout=30).after(60).disconnected("peer")
"""Connected for a minute; the deadline is 30 s later, at 90 s."""
DEADLINE = START + 90 * SECOND


def told(folded: FoldResult) -> list[str]:
    """The trace, a word or two a row: who, and by which row or rule it was decided."""
    return [f"{row.get('event', row['type'])} {row.get('rule', row['row'])}" for row in map(trace_entry, folded.trace)]


def folds(events: Iterable[Event], until: float | None = None, **rules: Any) -> FoldResult:
    """The fold of the events, which is the same for all orders in which they may come."""
    every = list(events)
    lifecycle, moment = Lifecycle(**rules), None if until is None else START + until * SECOND
    arrivals = permutations(every) if len(every) < 5 else (every, every[::-1], every[1::2] + every[::2])
    first, *others = [fold(arrived, moment, lifecycle=lifecycle) for arrived in arrivals]
    for other in others:
        assert other.session == first.session
        assert list(map(trace_entry, other.trace)) == list(map(trace_entry, first.trace))
        assert (other.repeats, other.conflicts) == (first.repeats, first.conflicts)
    return first


def one(made: Stream) -> Event:
    return made.events[-1]


def minimum(copies: Sequence[Event]) -> Event:
    """The copy that is kept."""
    (step,) = folds(copies).trace
    assert isinstance(step.event, Event)
    return step.event


# --- Order --------------------------------------------------------------------------------------------------------------------

RANKS: list[Callable[[Stream], Stream]] = [
    Stream.scheduled,
    Stream.offering,
    Stream.contacting,
    Stream.dialing,
    Stream.alerting,
    Stream.connected,
    Stream.updated,
    Stream.required,
    Stream.disconnected,
    Stream.terminated,
    Stream.started,
    Stream.wrapup,
    Stream.done,
    Stream.unknown,
]
KINDS = [
    *("scheduled", "offering", "contacting", "dialing", "alerting", "connected", "updated", "acw.required"),
    *("disconnected", "terminated", "acw.started", "wrapup", "acw.ended", "unknown"),
]


def test_at_one_instant_rank_decides() -> None:  # ORDER-2
    # Source and id stand the other way round.
    events = [evolve(one(made(BEGUN)), id=chr(ord("z") - n), source=f"/{chr(ord('z') - n)}") for n, made in enumerate(RANKS)]
    assert [step.event.kind for step in folds(events).trace] == KINDS


def test_the_rank_of_a_kind_is_never_another_one() -> None:
    # A new kind takes a rank between two of these, and gets a line here. No line changes: tables of users have ranks between
    # them, and saved logs were sorted by them.
    pinned = {
        "scheduled": 0,
        "offering": 10,
        "contacting": 20,
        "dialing": 30,
        "alerting": 40,
        "connected": 50,
        "updated": 60,
        "acw.required": 70,
        "disconnected": 80,
        "terminated": 90,
        "acw.started": 100,
        "wrapup": 110,
        "acw.ended": 120,
        "unknown": 130,
    }

    assert [(event.kind, event.rank) for event in EVENT_KINDS.values()] == [*pinned.items()]
    assert all(vars(event)["rank"] == pinned[event.kind] for event in EVENT_KINDS.values())  # in the class, by no place in a list


@pytest.mark.parametrize(("earlier", "later"), list(pairwise(RANKS)), ids=[f"{a} {b}" for a, b in pairwise(KINDS)])
# ORDER-2
def test_each_rank_comes_before_the_next(earlier: Callable[[Stream], Stream], later: Callable[[Stream], Stream]) -> None:
    first, second = evolve(one(earlier(BEGUN)), id="z"), evolve(one(later(BEGUN)), id="a")
    assert [step.event for step in folds([first, second]).trace] == [first, second]


def test_time_decides_before_rank() -> None:  # ORDER-1
    late = BEGUN.disconnected().after("1ms").scheduled()
    assert told(folds(late)) == ["e1 ended+none_when_unanswered", "e2 session_is_over"]


@pytest.mark.parametrize("name", ["source", "id"])
@pytest.mark.parametrize(("smaller", "larger"), [("/Z", "/a"), ("/a", "/a/"), ("/z", "/é"), ("/10", "/9"), ("/\uffee", "/😀")])
def test_then_source_and_id_by_code_point(name: str, smaller: str, larger: str) -> None:  # ORDER-1
    events = [one(BEGUN.alerting(**{name: value})) for value in (larger, smaller)]
    assert [getattr(step.event, name) for step in folds(events).trace] == [smaller, larger]


def test_source_decides_before_id() -> None:  # ORDER-1
    events = [evolve(one(BEGUN.alerting()), source=source, id=name) for source, name in (("/a", "z"), ("/b", "a"))]
    assert [step.event for step in folds(events).trace] == events
    assert order(events[0]) < order(events[1])


def test_received_at_has_no_say_in_the_order() -> None:  # TIME-2
    events = BEGUN.alerting(received_at=START + 9 * SECOND).after(1).connected(received_at=START)
    assert told(folds(events)) == ["e1 alerting", "e2 connected"]


def test_a_fold_has_the_lifecycle_by_which_its_events_were_decided() -> None:
    rules = Lifecycle(settings=Settings(wrapup_prompt="optional"))

    assert fold(stream("s1").alerting(), lifecycle=rules).lifecycle is rules


def test_the_fold_has_no_stale_events() -> None:
    folded = folds(evolve(TIMED, now=START - 30 * SECOND).alerting())
    assert {step.outcome.kind for step in folded.trace} == {"applied"}
    assert folded.session.start_alerting_time == START - 30 * SECOND


# --- Repeats and copies -------------------------------------------------------------------------------------------------------


def test_a_repeat_has_no_row_and_is_counted() -> None:  # COPY-1, COPY-19
    events = [*TIMED, *TIMED, *TIMED.events[:1]]
    folded = folds(events)
    assert told(folded) == ["e1 connected", "e2 ended+begins"]
    assert (folded.repeats, folded.conflicts) == (3, 0)


def test_the_same_id_from_another_source_is_another_event() -> None:  # WORD-6
    events = [one(BEGUN.alerting()), one(stream("s1", source="/other").alerting())]
    folded = folds(events)
    assert told(folded) == ["e1 alerting", "e1 duplicate"]
    assert folded.repeats == 0


def wrapup(code: str | None, received: float | None = None, **said: Any) -> Event:
    return one(BEGUN.wrapup(code, received_at=None if received is None else START + received * SECOND, **said))


def test_of_copies_the_earliest_received_is_kept() -> None:
    copies = [wrapup("a", 5), wrapup("z", 1), wrapup("m", 3)]
    assert minimum(copies) == copies[1]
    assert folds(copies).conflicts == 1
    assert folds(copies).repeats == 2


def test_an_absent_receivedtime_counts_as_time() -> None:  # EVENT-4
    assert minimum([wrapup("a", 1), wrapup("z")]) == wrapup("z")
    assert minimum([wrapup("z", -1), wrapup("a")]) == wrapup("z", -1)


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        (wrapup("a"), wrapup("b")),
        (wrapup("B"), wrapup("a")),
        (wrapup("z"), wrapup("é")),  # unescaped: as \u00e9 it would come first
        (wrapup("\uffee"), wrapup("😀")),  # by code point
        (wrapup("a"), wrapup(None)),  # "data" before "id"
        (wrapup("a", name="n"), wrapup("a")),  # '"code":"a","name"' before '"code":"a"}'
        (wrapup("a", name="n", provisional=True), wrapup("a", provisional=True)),
        (one(BEGUN.alerting()), one(BEGUN.connected())),
        (one(BEGUN.alerting()), one(BEGUN.after("1ms").alerting(id="e1", received_at=START))),
        (one(BEGUN.alerting(conversation_id="c1")), one(BEGUN.alerting())),
        (one(BEGUN.updated(wrapup_timeout=10)), one(BEGUN.updated(wrapup_timeout=9))),  # 10000 before 9000, as text
    ],
    ids=[
        *("code", "upper case first", "not escaped", "code points", "data first", "the comma first", "keys sorted"),
        *("type", "time", "conversation", "as text"),
    ],
)
def test_then_the_one_with_the_smallest_canonical_form(smaller: Event, larger: Event) -> None:  # COPY-9
    assert minimum([larger, smaller]) == smaller
    assert folds([smaller, larger]).conflicts == 1


def line(**changed: Any) -> str:
    event = {"specversion": "1.0", "id": "e1", "source": "/a", "type": "cobrowse.session.wrapup", "subject": "s1"}
    return json.dumps({**event, "time": "2026-03-01T09:00:00.000Z", **changed})


def test_the_canonical_form_is_sorted_dense_unescaped_json_without_receivedtime() -> None:  # COPY-11, COPY-14, COPY-15
    text = line(
        receivedtime="2026-03-01T09:00:01.000Z", data={"tags": ["é"], "code": "x", "name": None, "ünheard": {"b": 1, "a": None}}
    )
    assert canonical(decode_event(text)) == (
        '{"data":{"code":"x","tags":["é"],"ünheard":{"a":null,"b":1}},"id":"e1","source":"/a","specversion":"1.0","subject":"s1",'
        '"time":"2026-03-01T09:00:00.000Z","type":"cobrowse.session.wrapup"}'
    )


@pytest.mark.parametrize(
    "same",
    [
        line(receivedtime="2026-03-01T09:05:00.000Z"),
        line(time="2026-03-01T10:00:00.0009+01:00"),
        line(data={}),
        line(data=None),
        line(data={"code": ""}),
        line(data={"name": None, "self": None, "wrapupTimeoutMs": None}),
        line(providertime=None, conversationid=None),
        line(data={"provisional": False}),
        line(data={"disableEndTimeUpdates": False}),
    ],
)
def test_copies_that_read_the_same_are_no_conflict(same: str) -> None:  # COPY-10, COPY-12
    folded = folds([decode_event(line()), decode_event(same)])
    assert (folded.repeats, folded.conflicts) == (1, 0)


@pytest.mark.parametrize(
    ("one_spelling", "other"),
    [
        ({"cobrowseRole": "viewer"}, {"cobrowseRole": "VIEWER"}),
        ({"wrapupPrompt": "timeout"}, {"wrapupPrompt": "MANDATORY_TIMEOUT"}),
    ],
)
# COPY-10
def test_copies_that_spell_the_same_word_differently_are_no_conflict(one_spelling: dict[str, str], other: dict[str, str]) -> None:
    assert folds([decode_event(line(data=data)) for data in (one_spelling, other)]).conflicts == 0


@pytest.mark.parametrize("other", [{"code": "x"}, {"unheard": 1}, {"unheard": None}, {"tags": []}, {"wrapupTimeoutMs": 0}])
def test_copies_that_differ_in_anything_else_are_in_conflict(other: dict[str, Any]) -> None:  # COPY-11
    assert folds([decode_event(line()), decode_event(line(data=other))]).conflicts == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"code": None}, {}),
        ({"code": ""}, {}),
        ({"provisional": False}, {}),
        ({"cobrowseRole": "VIEWER"}, {"cobrowseRole": "viewer"}),
    ],
)
def test_data_of_an_unknown_type_are_compared_as_they_came(one: dict[str, Any], other: dict[str, Any]) -> None:  # COPY-13
    copies = [decode_event(line(type="com.example.new", data={"a": 1, **data})) for data in (one, other)]

    assert [json.loads(canonical(copy))["data"] for copy in copies] == [{"a": 1, **one}, {"a": 1, **other}]
    assert folds(copies).conflicts == 1


def test_identities_in_conflict_are_counted_not_copies() -> None:  # COPY-17
    copies = [wrapup(code, n) for n, code in enumerate("abcd")]
    others = [evolve(event, id="e2") for event in copies[:2]]
    folded = folds([*copies, *others])
    assert (folded.conflicts, folded.repeats) == (2, 4)


def test_a_copy_that_gives_way_takes_its_time_with_it() -> None:  # TIMER-6
    ended = TIMED.after(40).updated(id="e3", received_at=START + 200 * SECOND)  # after the deadline
    earlier = evolve(ended.events[-1], occurred_at=START + 10 * SECOND, received_at=START + 10 * SECOND)
    assert told(folds(ended)) == ["e1 connected", "e2 ended+begins", "timer.acw complete_by_timeout", "e3 duplicate"]
    assert told(folds([*ended, earlier])) == ["e1 connected", "e3 duplicate", "e2 ended+begins"]


def test_events_of_two_sessions_are_the_callers_mistake() -> None:
    for other in (stream("s2").after(1).connected(id="e9"), stream("s2").alerting()):
        with pytest.raises(ValueError, match="s2"):
            fold([*BEGUN.alerting(), *other])


def test_no_events_are_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="at least one event"):
        fold([])


# --- What was missing ---------------------------------------------------------------------------------------------------------


def test_an_event_refused_now_is_accepted_once_the_missing_one_is_there() -> None:  # LOG-3
    without = [*BEGUN.after(5).required(id="e2")]
    assert told(folds(without)) == ["e2 not_connected"]
    assert told(folds([*without, one(BEGUN.connected())])) == ["e1 connected", "e2 request"]


def test_an_event_accepted_now_is_refused_once_an_earlier_one_is_there() -> None:
    assert told(folds(BEGUN.after(5).alerting(id="e2"))) == ["e2 alerting"]
    assert told(folds([*BEGUN.after(5).alerting(id="e2"), one(BEGUN.connected())])) == ["e1 connected", "e2 no_way_back"]


def test_stamps_are_written_in_order_not_as_they_come() -> None:  # STAMP-1
    session = folds(BEGUN.alerting().after(3).dialing().after(3).alerting().after(1).connected()).session
    assert session.start_alerting_time == START
    assert session.initial_state == "alerting"
    assert session.connected_time == START + 7 * SECOND


def test_settings_count_by_where_they_occurred() -> None:  # SETTING-4
    late = one(BEGUN.after(30).updated(id="e9", wrapup_timeout=5))
    folded = folds([*TIMED, late], until=66)
    assert told(folded)[-1] == "timer.acw complete_by_timeout"
    assert folded.trace[-1].event.occurred_at == START + 65 * SECOND
    too_late = one(BEGUN.after(61).updated(id="e9", wrapup_timeout=5))
    assert told(folds([*TIMED, too_late], until=66))[-1] == "e9 settings_after_end"


# --- After-call-work deadline -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "fires"), [(None, False), (0, False), (89.999, False), (90, True), (90.001, True), (86_400, True)]
)
def test_a_deadline_at_or_before_the_latest_advance_has_fired(until: float | None, *, fires: bool) -> None:  # TIMER-2
    folded = folds(TIMED, until)
    assert told(folded) == ["e1 connected", "e2 ended+begins", *["timer.acw complete_by_timeout"] * fires]
    assert folded.session.after_call_work is not None
    assert folded.session.after_call_work.end_time == (DEADLINE if fires else None)


@pytest.mark.parametrize(("passed", "fires"), [("29999ms", False), (30, False), ("30001ms", True), ("12h", True)])
@pytest.mark.parametrize("made", [Stream.unknown, Stream.updated, Stream.connected, Stream.required])
# TIMER-1
def test_a_deadline_before_the_latest_event_has_fired_whatever_became_of_that(
    made: Callable[[Stream], Stream], passed: str, *, fires: bool
) -> None:
    rows = told(folds(made(TIMED.after(passed))))
    assert len(rows) == 3 + fires
    assert rows[2].startswith("timer.acw") == fires


def test_an_advance_before_the_latest_event_changes_nothing() -> None:
    assert told(folds(TIMED.after(31).updated(), until=70)) == told(folds(TIMED.after(31).updated()))


def test_an_event_at_the_deadline_comes_before_it() -> None:  # ACW-26, TIMER-3
    folded = folds(TIMED.after(30).wrapup("sale"), until=1000)
    assert told(folded) == ["e1 connected", "e2 ended+begins", "e3 complete_by_code"]
    assert outcome(folded.session) == ("complete", DEADLINE, "sale", 30)


def test_a_late_wrapup_that_occurred_in_time_replaces_the_timeout() -> None:  # LOG-4
    assert outcome(folds(TIMED, until=1000).session) == ("complete", DEADLINE, "ININ-WRAP-UP-TIMEOUT", 30)
    in_time = TIMED.after("14220ms").wrapup("sale")
    assert told(folds(in_time, until=1000)) == ["e1 connected", "e2 ended+begins", "e3 complete_by_code"]
    assert outcome(folds(in_time, until=1000).session) == ("complete", START + 74.22 * SECOND, "sale", 14)


def test_a_wrapup_after_the_deadline_leaves_after_call_work_as_it_was() -> None:
    folded = folds(TIMED.after(31).wrapup("sale"))
    assert told(folded) == ["e1 connected", "e2 ended+begins", "timer.acw complete_by_timeout", "e3 saved_again"]
    assert outcome(folded.session) == ("complete", DEADLINE, "sale", 31)


def test_a_draft_that_occurred_in_time_gives_the_timeout_its_code() -> None:
    folded = folds(TIMED.after(5).wrapup("sale", provisional=True), until=1000)
    assert told(folded)[2:] == ["e3 draft", "timer.acw complete_by_timeout"]
    assert outcome(folded.session) == ("complete", DEADLINE, "sale", 30)
    assert folded.session.wrapup is not None
    assert not folded.session.wrapup.provisional


def test_a_late_end_of_the_leg_moves_the_deadline() -> None:
    released = [*TIMED, one(BEGUN.after(50).terminated("peer", id="e9"))]
    folded = folds(released, until=1000)
    assert told(folded) == ["e1 connected", "e9 ended+begins", "e2 duplicate", "timer.acw complete_by_timeout"]
    assert outcome(folded.session)[1] == START + 80 * SECOND


def outcome(session: CobrowseSession) -> tuple[Any, ...]:
    """After-call work's state and end, the wrap-up's code and length."""
    assert session.after_call_work is not None
    assert session.wrapup is not None
    return session.after_call_work.state, session.after_call_work.end_time, session.wrapup.code, session.wrapup.duration_seconds


# --- The platform's own report ------------------------------------------------------------------------------------------------


def test_a_report_after_the_timer_replaces_what_the_timer_said() -> None:  # ACW-28, ACW-29
    folded = folds(TIMED.after("30200ms").platform("skipped"))
    assert told(folded)[2:] == ["timer.acw complete_by_timeout", "e3 skipped_by_platform"]
    assert folded.session.after_call_work == AfterCallWork(
        state=AfterCallWorkState.SKIPPED, start_time=START + 60 * SECOND, end_time=START + 90.2 * SECOND
    )
    assert folded.session.wrapup is None  # the timer's code is withdrawn


@pytest.mark.parametrize("passed", [10, 30])
def test_a_report_at_or_before_the_deadline_leaves_it_nothing_to_do(passed: int) -> None:
    folded = folds(TIMED.after(passed).platform("complete"), until=1000)
    assert told(folded)[2:] == ["e3 complete_by_platform"]
    assert folded.session.after_call_work is not None
    assert folded.session.after_call_work.end_time == START + (60 + passed) * SECOND
    assert folded.session.wrapup is None


def test_an_equal_report_is_a_duplicate_and_a_later_one_replaces_it() -> None:
    twice = TIMED.after(10).platform("complete").platform("complete")
    assert told(folds(twice))[2:] == ["e3 complete_by_platform", "e4 duplicate"]
    assert told(folds(twice.after(1).platform("complete")))[-1] == "e5 complete_by_platform"


def test_a_report_that_occurred_before_the_end_is_refused_wherever_it_arrives() -> None:
    assert told(folds([*TIMED, one(BEGUN.after(59).platform("complete", id="e9"))]))[1] == "e9 not_ended"


# --- Alerting deadline --------------------------------------------------------------------------------------------------------

ALERTED = BEGUN.alerting(alerting_timeout=8)
GRACE: dict[str, Any] = {"alerting_grace": SECOND}


@pytest.mark.parametrize(("until", "fires"), [(None, False), (8.999, False), (9, True), (3600, True)])
def test_an_alert_is_ended_by_advance_at_its_own_instant(until: float | None, *, fires: bool) -> None:
    folded = folds(ALERTED, until, **GRACE)
    assert told(folded) == ["e1 alerting", *["timer.alerting alert_timed_out+none_after_alert_timeout"] * fires]
    assert folded.session.disconnected_time == (START + 9 * SECOND if fires else None)
    assert folded.session.disconnect_type == ("system" if fires else None)
    assert folded.session.provider_event_time == START  # timers do not move it
    assert folded.session.after_call_work is None


def test_without_a_grace_an_alert_is_left_to_the_provider() -> None:  # ALERT-2
    assert told(folds(ALERTED, until=3600)) == ["e1 alerting"]


def test_events_alone_never_end_an_alert() -> None:  # ALERT-5, TIMER-4
    assert told(folds(ALERTED.after("1h").connected(), **GRACE)) == ["e1 alerting", "e2 connected"]


def test_it_is_the_last_row_whatever_its_time() -> None:  # ALERT-6
    folded = folds(ALERTED.after(20).updated(viewer_url="https://v"), until=9, **GRACE)
    assert told(folded) == ["e1 alerting", "e2 details", "timer.alerting alert_timed_out+none_after_alert_timeout"]
    assert folded.trace[-1].event.occurred_at == START + 9 * SECOND
    assert folded.session.disconnected_time == START + 9 * SECOND


def test_what_arrives_later_is_judged_as_if_it_had_never_fired() -> None:  # ALERT-7
    late = folds([*ALERTED, *BEGUN.after(20).connected(id="e2")], until=3600, **GRACE)
    assert told(late) == ["e1 alerting", "e2 connected"]
    settings = folds([*ALERTED, *BEGUN.after(1).updated(id="e2", alerting_timeout=60)], until=60, **GRACE)
    assert told(settings) == ["e1 alerting", "e2 details"]


def test_an_alert_counts_from_the_open_segment() -> None:
    again = ALERTED.after(5).dialing().after(2).alerting()
    assert folds(again, until=15.999, **GRACE).session.state == "alerting"
    assert folds(again, until=16, **GRACE).session.disconnected_time == START + 16 * SECOND


def test_an_alert_that_timed_out_has_no_after_call_work_whatever_the_rules() -> None:  # ALERT-4
    settings = Settings(wrapup_prompt="timeout", wrapup_timeout=duration(30))
    folded = folds(ALERTED, until=3600, settings=settings, acw_when_unanswered=True, **GRACE)
    assert folded.session.after_call_work is None


# --- Trace --------------------------------------------------------------------------------------------------------------------


def test_trace_rows_show_the_conversation_timers_too() -> None:  # EVENT-6
    events = BEGUN.connected(conversation_id="c1", wrapup_prompt="timeout", wrapup_timeout=30).after(1).disconnected()
    assert [row["conversation"] for row in map(trace_entry, folds(events, until=60).trace)] == ["c1", "c1", "c1"]
    assert "conversation" not in next(map(trace_entry, folds(BEGUN.connected()).trace))


def test_trace_rows_show_the_context_as_of_the_entry_timers_too() -> None:  # EVENT-6, CONTEXT-3, TRACE-16
    leg = BEGUN.alerting(participant_id="p1", queue_id="sales", purpose="agent", media_type="cobrowse")
    leg = leg.after(3).connected(user_id="ann", wrapup_prompt="timeout", wrapup_timeout=30)
    events = leg.after(5).unknown(queue_id="support").after(60).disconnected("peer")
    keys = ("participant", "user", "queue", "purpose", "media")
    shown = [(row["type"].removeprefix("cobrowse.session."), *map(row.get, keys)) for row in rows(events, until=120)]

    assert shown == [
        ("alerting", "p1", None, "sales", "agent", "cobrowse"),
        ("connected", "p1", "ann", "sales", "agent", "cobrowse"),
        ("com.example.unheard", "p1", "ann", "support", "agent", "cobrowse"),
        ("disconnected", "p1", "ann", "support", "agent", "cobrowse"),
        ("timer.acw", "p1", "ann", "support", "agent", "cobrowse"),
    ]


def test_a_late_event_with_a_queue_changes_the_entries_after_it() -> None:  # CONTEXT-3, LOG-5
    events = BEGUN.connected(queue_id="sales").after(5).updated(queue_id="support").after(5).disconnected("peer").events
    log = SessionLog.of([events[0], events[2]])
    change = log.add(events[1])

    assert [(before.context.queue_id, after.context.queue_id) for before, after in change.changed] == [("sales", "support")]


def rows(events: Iterable[Event], until: float) -> list[dict[str, Any]]:
    return list(map(trace_entry, folds(events, until=until).trace))


def test_the_session_is_the_same_to_the_byte() -> None:
    first, *others = [encode_session(fold(arrived).session) for arrived in permutations(TIMED.after(5).wrapup("sale").events)]
    assert set(others) == {first}
