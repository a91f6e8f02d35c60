"""The log where it is rarely looked at: what a change says of order, copies that move, and what `explain` and `tell` read."""

import json
import pickle
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from attrs import evolve
from tests.strategies import at

from cobrowse_session import (
    Address,
    CobrowseSession,
    ConnectionState,
    Context,
    Details,
    Event,
    Lifecycle,
    Outcome,
    Segment,
    Segments,
    SessionLog,
    Settings,
    UnknownEvent,
    WrapupPrompt,
)
from cobrowse_session.canonical import canonical
from cobrowse_session.events import AfterCallWorkTimeout
from cobrowse_session.model import NO_CONTEXT
from cobrowse_session.stream import FoldResult, fold
from cobrowse_session.stream.copies import Copies
from cobrowse_session.tables import NO_TRANSITION, Deadline, Policy, Row, Table, instead
from cobrowse_session.testing import START, Stream, run, stream
from cobrowse_session.wire import restore_log, save_log

TIMED = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=timedelta(seconds=30)))
CALL = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")
A, B, C = CALL.events


def filled(events: Sequence[Event]) -> SessionLog:
    log = SessionLog(TIMED, "s1")
    for event in events:
        log.add(event)
    return log


def copy(call: Stream, received: float) -> Event:
    """A copy of `x`, where the stream stands."""
    return call.updated(id="x", received_at=at(received)).events[-1]


def result_of(log: SessionLog) -> FoldResult:
    counts = log.repeats, log.conflicts, log.corrected
    return FoldResult(log.lifecycle, log.session, log.trace, *counts, log.context)


def test_what_a_log_amounts_to_is_what_the_fold_says() -> None:
    log = filled([C, A, A, B])
    log.advance(at(100))

    assert result_of(log) == fold([A, B, C, A], at(100), lifecycle=TIMED)


@pytest.mark.parametrize(
    ("before", "event", "out_of_order"),
    [
        ([], A, False),
        ([A, B], C, False),
        ([B, C], A, True),
        ([A, C], B, True),
        ([A, B, C], A, False),  # a repeat stands nowhere
        ([copy(CALL, 99)], copy(CALL, 98), False),  # the copy that gives way is no other event
        ([*CALL, copy(CALL.after(1), 99)], copy(CALL.after(1), 98), False),
        ([A, copy(stream("s1").after(1), 99), B], copy(CALL, 98), False),  # it moves to the end: nothing stands after it
        ([*CALL, copy(CALL, 99)], copy(stream("s1").after(1), 98), True),
    ],
    ids=["first", "next", "before all", "between", "repeat", "copy alone", "copy at the end", "copy to the end", "copy back"],
)
def test_out_of_order_is_what_stands_before_others_that_had_come(
    before: Sequence[Event],
    event: Event,
    out_of_order: bool,  # noqa: FBT001 (a case)
) -> None:
    assert filled(before).add(event).out_of_order is out_of_order


def test_a_timer_that_gives_way_puts_nothing_out_of_order() -> None:
    log = filled([A, B, C])
    log.advance(at(100))

    change = log.add(CALL.after(20).wrapup("sale").events[-1])

    assert [step.event.kind for step in change.withdrawn] == ["timer.acw"]
    assert not change.out_of_order


def test_a_copy_that_gives_way_takes_its_time_with_it() -> None:  # TIMER-6
    log = filled([*CALL, copy(CALL.after(3600), 99)])
    assert [step.event.kind for step in log.trace][-2:] == ["timer.acw", "updated"]

    change = log.add(copy(CALL, 98))  # it occurred before the deadline

    assert [step.event.kind for step in change.withdrawn] == ["timer.acw"]
    assert (log.latest, log.deadline) == (at(63), at(93))


@pytest.mark.parametrize("moment", [START, at(3), at(1000)])
def test_before_its_first_event_a_log_shows_a_session_of_which_nothing_is_known(moment: datetime) -> None:
    log = SessionLog(TIMED, "s1")

    assert not log.advance(moment)
    assert (log.session, log.trace, log.deadline, log.latest) == (TIMED.new("s1"), (), None, None)
    assert log.as_of(moment).trace == ()


@pytest.mark.parametrize("length", [3, 14, 15, 16, 17, 63, 64, 65, 200])
def test_copies_are_known_in_short_sessions_and_in_long_ones(length: int) -> None:
    life = stream("s1")
    for page in range(length):
        life = life.after(1).updated(viewer_url=f"https://example.com/{page}", received_at=at(900))
    first, *_, latest = life.events
    copies = [
        evolve(event, received_at=at(800 - n), details=Details(peer_id=f"p{n}"))
        for n, event in enumerate((first, latest, first, latest))
    ]
    log = filled(life.events)

    for copy_ in [first, *copies, latest, *copies[::-1]]:
        log.add(copy_)

    everything = [*life, first, *copies, latest, *copies]
    assert result_of(log) == fold(everything, lifecycle=TIMED)
    assert (log.repeats, log.conflicts, len(log.trace)) == (10, 2, length)
    assert {event.received_at for event in log.events} == {at(798), at(797), at(900)}


# --- Values and steps in corners ----------------------------------------------------------------------------------------------


def test_a_time_line_is_a_sequence_that_hashes_and_prints_as_its_segments() -> None:
    line = Segments((Segment(type="Alert"), Segment(type="Interact")))

    assert (hash(line), repr(line)) == (hash(tuple(line)), repr(tuple(line)))
    assert (line[0].type, line[-1].type, line[:1], len(Segments())) == ("Alert", "Interact", (Segment(type="Alert"),), 0)
    assert line != [*line]
    assert pickle.loads(pickle.dumps(line)) == line  # noqa: S301 (our own bytes)


def test_a_context_fills_in_what_an_earlier_one_states() -> None:
    full = Context(conversation_id="c", participant_id="p", user_id="u", queue_id="q", purpose="agent", media_type="call")

    assert full.with_defaults(full) is full
    assert NO_CONTEXT.with_defaults(full) is full
    assert full.with_defaults(NO_CONTEXT) is full
    assert full.with_defaults(Context(queue_id="other")) == full
    assert Context(queue_id="q2").with_defaults(full) == evolve(full, queue_id="q2")


def test_the_step_takes_events_only() -> None:
    lifecycle = Lifecycle()

    with pytest.raises(TypeError, match="expected an Event"):
        lifecycle.apply(lifecycle.new("s1"), {"type": "alerting"})  # type: ignore[arg-type]  # the point


def always_due(session: CobrowseSession, _: Policy) -> datetime | None:
    return session.disconnected_time


def test_a_timer_that_leaves_its_own_deadline_is_an_error_and_no_endless_loop() -> None:
    kept = Row(name="stays", on=("timer.acw",), source=("pending",), result=NO_TRANSITION, reason="It stays.", cites=())
    table = Table.standard().extended(
        "stuck", after_call_work=[instead("complete_by_timeout", kept)], deadlines=[Deadline(AfterCallWorkTimeout, always_due)]
    )
    lifecycle = Lifecycle(table=table)
    session = run(stream("s1").connected(wrapup_prompt="optional").after(1).disconnected("peer"), lifecycle=lifecycle).session

    with pytest.raises(RuntimeError, match=r"timer\.acw leaves its own deadline"):
        lifecycle.advance(session, at(100))


def test_a_sealed_log_has_no_deadline_also_under_a_table_that_has_one_for_its_session() -> None:  # STREAM-8
    log = SessionLog.of(stream("s1").connected(wrapup_prompt="optional").after(1).disconnected("peer"))
    assert log.seal(at(100))
    table = Table.standard().extended("due", deadlines=[Deadline(AfterCallWorkTimeout, always_due)])
    again = restore_log(save_log(log), table=table)

    assert again.lifecycle.deadline(again.session) == at(1)
    assert (again.sealed, again.deadline) == (True, None)


def test_copies_that_were_taken_and_kept_are_not_undone() -> None:
    one, two = stream("s1").updated().events[0], stream("s1").updated(peer_id="p").events[0]

    assert set(map(canonical, Copies(one, two).undone())) == {canonical(one), canonical(two)}


def test_an_end_that_is_stamped_already_keeps_its_stamp() -> None:
    session = Lifecycle().new("s1")
    session.state, session.disconnected_time = ConnectionState.CONNECTED, at(-9)

    ended = run(stream("s1").disconnected("peer"), session=session).session

    assert (ended.segments, ended.disconnected_time) == (None, at(-9))


def test_a_match_equals_outcomes_and_names_what_it_expects() -> None:
    assert Outcome.match(acw=None) == run(stream("s1").alerting()).outcomes[0]
    with pytest.raises(TypeError, match="has no attribute rule"):
        Outcome.match(rule="x")
    assert repr(Outcome.match(acw=None)) == "Outcome.match(acw=None)"


def test_one_more_segment_copies_none_of_the_earlier_ones() -> None:
    first = line = Segments((Segment(type="Alert"), Segment(type="Interact")))
    for number in range(300):
        line = line.appended(Segment(type=str(number)))

    assert len(line) == 302
    assert line._earlier is first._earlier  # noqa: SLF001 (the cost cannot be seen from outside)


@pytest.mark.parametrize("filler", range(59, 64))
@pytest.mark.parametrize("seconds", [31, 36, 41, 46])
def test_a_late_event_is_judged_by_the_session_before_it_wherever_the_timers_are(filler: int, seconds: int) -> None:
    # A timer and the event behind it are taken at once. The mark of step 64 may be in between.
    call = stream("s1").connected()
    for number in range(filler):
        call = call.updated(viewer_url=f"https://{number}.example")
    end = call.disconnected("peer")
    later = end.after(40).updated(viewer_url="https://a.example").after(5).updated(viewer_url="https://b.example")
    (late,) = stream("s1").after(seconds).updated(viewer_url="https://a.example", id="late").events
    log = filled([*later, late])

    assert result_of(log) == fold([*later, late], lifecycle=TIMED)


def test_the_copies_of_a_log_do_not_depend_on_their_order_of_arrival() -> None:
    (first,) = stream("s1").connected()
    copies = [first, *(evolve(first, details=Details(viewer_url=view), sequence="1") for view in "bc")]
    logs = [SessionLog.of(order) for order in permutations(copies)]

    assert all([canonical(copy) for copy in log.copies] == sorted(map(canonical, copies)) for log in logs)
    assert len({json.dumps(save_log(log)["events"]) for log in logs}) == 1


@pytest.mark.parametrize(
    "made",
    [
        {"extra": {"x": {"y": [1]}}},
        {"extensions": {"x": {"y": [1]}}},
        {"details": Details(self_=Address(extra={"x": {"y": [1]}}))},
    ],
)
def test_what_is_saved_belongs_to_the_caller(made: dict[str, Any]) -> None:
    (event,) = stream("s1").connected()
    unknown = UnknownEvent(subject="s1", source="/a", id="e2", occurred_at=event.occurred_at, type="other", data={"x": [1]})
    log = SessionLog.of([evolve(event, **made), unknown])
    before = json.dumps(save_log(log))
    _grow(save_log(log))

    assert json.dumps(save_log(log)) == before


def _grow(part: Any) -> None:  # JSON
    for inner in list(part.values()) if isinstance(part, dict) else part if isinstance(part, list) else ():
        _grow(inner)
    if isinstance(part, dict):
        part["more"] = 1
    elif isinstance(part, list):
        part.append("more")


def test_two_branches_of_a_time_line_do_not_see_each_other() -> None:
    alert, *others = (Segment(type=word) for word in ("Alert", "Interact", "Hold", "Disconnect"))
    root = Segments((alert,)).appended(others[0])
    one, other = root.appended(others[1]), root.appended(others[2])
    longer = one.appended(others[0])

    assert [[part.type for part in line] for line in (root, one, other, longer)] == [
        ["Alert", "Interact"],
        ["Alert", "Interact", "Hold"],
        ["Alert", "Interact", "Disconnect"],
        ["Alert", "Interact", "Hold", "Interact"],
    ]
