"""The step: exactly one outcome, in order, all or nothing; deadlines; what is allowed (docs/lifecycle.md, sections 3 and 7)."""

import pickle
from collections.abc import Callable
from copy import copy, deepcopy
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from cobrowse_session import (
    AfterCallWork,
    AfterCallWorkState,
    Allowed,
    Applied,
    CobrowseError,
    CobrowseSession,
    Communication,
    ConnectionState,
    Duplicate,
    Event,
    Fired,
    Ignored,
    Lifecycle,
    Outcome,
    Refused,
    RefusedError,
    Segment,
    Settings,
    Stale,
    StaleError,
    Wrapup,
)
from cobrowse_session.testing import START, Stream, run, stream

ALERT = stream().alerting(alerting_timeout=20)
TIMED: dict[str, Any] = {"wrapup_prompt": "timeout", "wrapup_timeout": 30}
RESCUER = Lifecycle(alerting_grace=timedelta(milliseconds=250))


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def pending(prompt: str = "timeout", timeout: int | None = 30) -> Stream:
    return stream().connected(wrapup_prompt=prompt, wrapup_timeout=timeout).after(60).disconnected("peer")


def only(events: Stream) -> Event:
    (event,) = events
    return event


# --- Stale --------------------------------------------------------------------------------------------------------------------

LATEST = [
    pytest.param(run(stream().after(60).connected()).session, 60, id="providerEventTime"),
    pytest.param(run(ALERT, lifecycle=RESCUER, until=at(60)).session, 20.25, id="disconnectedTime"),
    pytest.param(run(pending(), until=at(90)).session, 90, id="afterCallWork.endTime"),
]


@pytest.mark.parametrize(("session", "latest"), LATEST)
# OUTCOME-4, STREAM-3
def test_an_event_older_than_what_the_session_has_seen_is_stale(session: CobrowseSession, latest: float) -> None:
    run(stream().after(latest - 0.001).updated(peer_id="p"), session=session).expect(Stale.match(row=None), peer_id=None)


@pytest.mark.parametrize(("session", "latest"), LATEST)
def test_an_event_of_the_same_instant_is_not_stale(session: CobrowseSession, latest: float) -> None:  # OUTCOME-4
    run(stream().after(latest).updated(peer_id="p"), session=session).expect(Applied.match(), peer_id="p")


@pytest.mark.parametrize("unapplied", [stream().connected().after(9).alerting(), stream().connected().after(9).connected()])
def test_what_was_not_applied_makes_nothing_stale(unapplied: Stream) -> None:
    run(stream().after(8).updated(peer_id="p"), session=run(unapplied).session).expect(Applied.match())


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(stream().unknown(), id="unknown_type"),
        pytest.param(stream().done(by="nobody"), id="unknown_value"),
        pytest.param(stream().alerting(), id="session_is_over"),
        pytest.param(stream().required(), id="not_connected"),
        pytest.param(stream().wrapup(), id="code_required"),
        pytest.param(stream().disconnected("peer"), id="duplicate"),
    ],
)
def test_stale_is_asked_first(late: Stream) -> None:  # OUTCOME-10
    run(late, session=run(pending()).session).expect(Stale.match(from_state="disconnected", acw="pending", fired=()))


# --- The deadline before an event ---------------------------------------------------------------------------------------------

AFTER_THE_DEADLINE = [
    pytest.param(lambda s: s.updated(peer_id="p"), Applied, id="applied"),
    pytest.param(lambda s: s.done(), Duplicate, id="duplicate"),
    pytest.param(lambda s: s.wrapup(), Ignored, id="ignored"),
    pytest.param(lambda s: s.unknown(), Ignored, id="ignored, unknown"),
    pytest.param(lambda s: s.alerting(), Refused, id="refused"),
]


@pytest.mark.parametrize(("act", "outcome"), AFTER_THE_DEADLINE)
# OUTCOME-8
def test_apply_fires_an_earlier_deadline_first_and_lists_it(act: Callable[[Stream], Stream], outcome: type[Outcome]) -> None:
    lifecycle, session = Lifecycle(), run(pending()).session
    found = lifecycle.apply(session, only(act(stream().after(90.001))))
    assert found == outcome.match(acw="complete")
    assert [(timer.timer, timer.at, timer.acw) for timer in found.fired] == [("timer.acw", at(90), "complete")]
    assert session.after_call_work == AfterCallWork(state=AfterCallWorkState.COMPLETE, start_time=at(60), end_time=at(90))


@pytest.mark.parametrize("moment", [60, 90])
def test_apply_fires_nothing_that_is_not_earlier(moment: float) -> None:  # OUTCOME-8
    session = run(pending()).session
    assert Lifecycle().apply(session, only(stream().after(moment).updated(peer_id="p"))) == Applied.match(fired=(), acw="pending")


def test_apply_fires_exactly_as_advance_would() -> None:  # OUTCOME-8
    lifecycle, one, other = Lifecycle(), run(pending()).session, run(pending()).session
    late = only(stream().after(100).unknown())
    assert lifecycle.apply(one, late).fired == lifecycle.advance(other, at(100))
    assert one == other


def test_at_the_instant_of_a_deadline_that_fired_an_event_comes_after_it() -> None:  # STREAM-5
    fired = run(pending(), until=at(90)).session
    run(stream().after(30 + 60).wrapup("sale"), session=fired).expect(
        Applied.match(acw="complete"), wrapup=Wrapup(code="sale", end_time=at(90), duration_seconds=30)
    )
    run(stream().after(30 + 60).done(), session=fired).expect(Duplicate.match(acw="complete"))


# --- Advance ------------------------------------------------------------------------------------------------------------------


def test_advance_fires_what_is_due_and_a_second_time_nothing() -> None:
    lifecycle, session = Lifecycle(), run(pending()).session
    assert lifecycle.advance(session, at(89.999)) == ()
    assert [timer.at for timer in lifecycle.advance(session, at(7200))] == [at(90)]
    assert lifecycle.advance(session, at(7200)) == ()


def test_advance_to_an_earlier_time_changes_nothing() -> None:  # TIMER-5
    lifecycle, session = Lifecycle(), run(pending(), until=at(90)).session
    before = copy(session)
    assert lifecycle.advance(session, at(0)) == ()
    assert session == before


def test_advance_fires_several_timers_in_order_each_at_its_own_instant() -> None:  # TIMER-10
    session = CobrowseSession(
        id="s1",
        state=ConnectionState.ALERTING,
        segments=(Segment(start_time=at(0), type="Alert"),),
        after_call_work=AfterCallWork(state=AfterCallWorkState.PENDING, start_time=at(0)),
        settings=Settings(wrapup_prompt="timeout", wrapup_timeout=timedelta(seconds=9), alerting_timeout=timedelta(seconds=20)),
    )
    fired = RESCUER.advance(session, at(60))
    assert [(timer.timer, timer.at) for timer in fired] == [("timer.acw", at(9)), ("timer.alerting", at(20.25))]


def test_advance_takes_any_zone_and_cuts_to_the_millisecond() -> None:
    for now, fired in [(at(89.9999), 0), (at(90).astimezone(timezone(timedelta(hours=5))), 1)]:
        assert len(Lifecycle().advance(run(pending()).session, now)) == fired


@pytest.mark.parametrize("ask", [Lifecycle().advance, Lifecycle().allowed])
def test_a_naive_time_is_a_type_error(ask: Callable[[Communication, datetime], object]) -> None:  # TIME-12
    with pytest.raises(TypeError):
        ask(CobrowseSession(id="s1"), datetime(2026, 3, 1, 9))  # noqa: DTZ001  # naive is what is tested


# --- Deadline -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "deadline"),
    [
        pytest.param(stream().updated(**TIMED), None, id="none"),
        pytest.param(ALERT, at(20.25), id="alerting"),
        pytest.param(stream().connected(**TIMED), None, id="connected"),
        pytest.param(pending(), at(90), id="pending"),
        pytest.param(pending("mandatory"), None, id="pending without a deadline"),
        pytest.param(pending().after(1).wrapup("sale"), None, id="complete"),
        pytest.param(pending().after(5).terminated(), at(90), id="terminated"),
    ],
)
def test_the_deadline_says_when_there_is_something_to_do(events: Stream, deadline: datetime | None) -> None:  # TIMER-9
    session = run(events, lifecycle=RESCUER).session
    before = copy(session)
    assert RESCUER.deadline(session) == deadline
    assert session == before


def test_the_deadline_of_a_new_session_is_never() -> None:
    assert RESCUER.deadline(RESCUER.new("s1")) is None


def test_a_restart_loses_no_deadline() -> None:  # TIMER-11
    session = pickle.loads(pickle.dumps(run(pending()).session))  # noqa: S301  # our own bytes
    assert Lifecycle().deadline(session) == at(90)
    assert [timer.at for timer in Lifecycle().advance(session, at(90))] == [at(90)]


# --- Whose event --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("foreign", [stream("s2").after(600).alerting(), stream("s2").unknown(), stream("S1").connected()])
# OUTCOME-11
def test_an_event_of_another_session_is_the_callers_error_and_changes_nothing(foreign: Stream, *, strict: bool) -> None:
    session = run(pending()).session
    before = copy(session)
    with pytest.raises(ValueError, match=only(foreign).subject):
        Lifecycle(strict=strict).apply(session, only(foreign))
    assert session == before


def test_the_step_knows_no_ids() -> None:  # STREAM-4
    twice = stream().connected(id="x").after(1).updated(id="x", peer_id="p").after(1).updated(id="x", peer_id="q")
    run(twice).expect(Applied.match(), Applied.match(), Applied.match(), peer_id="q")


# --- Strict -------------------------------------------------------------------------------------------------------------------

RAISING: list[tuple[str, Stream, Stream, type[CobrowseError]]] = [
    ("refused", stream().connected(), stream().after(1).alerting(), RefusedError),
    ("refused after a deadline", pending(), stream().after(100).alerting(), RefusedError),
    ("refused with notes", stream().connected(), stream().after(1).alerting(cobrowse_role="observer"), RefusedError),
    ("stale", stream().after(9).connected(), stream().alerting(), StaleError),
    ("stale, unknown", stream().after(9).connected(), stream().unknown(), StaleError),
]


@pytest.mark.parametrize(("before", "event", "error"), [pytest.param(*rest, id=name) for name, *rest in RAISING])
# OUTCOME-12
def test_strict_raises_on_refused_and_stale_with_the_same_content(
    before: Stream, event: Stream, error: type[CobrowseError]
) -> None:
    lenient, strict = run(before).session, run(before).session
    outcome = Lifecycle().apply(lenient, only(event))
    with pytest.raises(error) as raised:
        Lifecycle(strict=True).apply(strict, only(event))
    assert isinstance(raised.value, RefusedError | StaleError)
    assert raised.value.outcome == outcome
    assert (raised.value.session, strict) == ("s1", lenient)
    assert "e1" in raised.value.event
    assert outcome.reason in str(raised.value)


@pytest.mark.parametrize(("before", "event", "error"), [pytest.param(*rest, id=name) for name, *rest in RAISING])
def test_what_strict_raises_can_be_pickled(before: Stream, event: Stream, error: type[CobrowseError]) -> None:
    with pytest.raises(error) as raised:
        Lifecycle(strict=True).apply(run(before).session, only(event))
    again = pickle.loads(pickle.dumps(raised.value))  # noqa: S301  # our own bytes
    assert (type(again), str(again), again.outcome) == (error, str(raised.value), raised.value.outcome)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        (stream().alerting(), Applied.match()),
        (stream().alerting().alerting(), Duplicate.match()),
        (stream().alerting().unknown(), Ignored.match()),
        (pending().after(60).done(), Duplicate.match(acw="complete")),
    ],
    ids=["applied", "duplicate", "ignored", "duplicate after a deadline"],
)
def test_strict_returns_every_other_outcome(events: Stream, outcome: object) -> None:  # OUTCOME-12
    assert run(events, lifecycle=Lifecycle(strict=True)).outcomes[-1] == outcome


# --- Allowed ------------------------------------------------------------------------------------------------------------------


def allowed(events: Stream, now: float, lifecycle: Lifecycle = RESCUER) -> dict[str, Allowed]:
    session = run(events, lifecycle=lifecycle).session
    before = copy(session)
    answers = lifecycle.allowed(session, at(now))
    assert session == before
    assert len({answer.event for answer in answers}) == len(answers)
    return {answer.event.kind: answer for answer in answers}


ALLOWED = """
event         none              alerting          connected         pending           no_work
scheduled     yes               yes               no_way_back       session_is_over   session_is_over
offering      yes               yes               no_way_back       session_is_over   session_is_over
contacting    yes               yes               no_way_back       session_is_over   session_is_over
dialing       yes               yes               no_way_back       session_is_over   session_is_over
alerting      yes               ?duplicate        no_way_back       session_is_over   session_is_over
connected     yes               yes               ?duplicate        session_is_over   session_is_over
disconnected  yes               yes               yes               ?duplicate        ?duplicate
terminated    yes               yes               yes               yes               yes
updated       ?duplicate        ?duplicate        ?duplicate        ?duplicate        ?duplicate
acw.required  not_connected     not_connected     ?duplicate        not_connected     not_connected
wrapup        not_connected     not_connected     ?nothing_to_save  ?code_required    ?already_final
acw.ended     not_ended         not_ended         not_ended         ?code_required    ?no_after_call_work
"""
SITUATIONS = {
    "none": stream().wrapup(),
    "alerting": stream().alerting(),
    "connected": stream().connected(),
    "pending": pending(),
    "no_work": stream().connected().after(60).disconnected("peer"),
}


def allowed_cells() -> list[tuple[str, str, str]]:
    (_, *situations), *rows = map(str.split, ALLOWED.strip().splitlines())
    return [(event, where, answer) for event, *answers in rows for where, answer in zip(situations, answers, strict=True)]


@pytest.mark.parametrize(("event", "situation", "answer"), allowed_cells())
def test_what_is_allowed_now(event: str, situation: str, answer: str) -> None:
    found = allowed(SITUATIONS[situation], 61)[event]
    assert found.answer == ("yes" if answer == "yes" else "depends" if answer.startswith("?") else "no")
    assert (answer.strip("?") in found.rules) == (answer != "yes")
    assert bool(found.reasons) == (answer != "yes")


def test_a_rule_that_cannot_apply_is_not_named() -> None:
    assert "no_early_exit" not in allowed(pending("mandatory"), 61)["acw.ended"].rules
    assert "no_early_exit" in allowed(pending("forcedTimeout"), 61)["acw.ended"].rules
    assert "code_required" not in allowed(pending("optional"), 61)["acw.ended"].rules


def test_a_rule_that_a_saved_code_has_met_is_not_named() -> None:
    assert "code_required" in allowed(pending("mandatory"), 61)["acw.ended"].rules
    assert "code_required" not in allowed(pending("mandatory").wrapup("x", provisional=True), 61)["acw.ended"].rules


@pytest.mark.parametrize(("now", "rule"), [(90, True), (90.001, False)])
def test_a_deadline_before_now_counts_as_fired(now: float, *, rule: bool) -> None:
    assert ("code_required" in allowed(pending(), now)["wrapup"].rules) == rule
    assert ("duplicate" in allowed(pending(), now)["acw.ended"].rules) != rule


def test_an_alert_that_could_be_ended_counts_as_open() -> None:
    assert allowed(ALERT, 60)["connected"].answer == "yes"


def test_nothing_is_allowed_in_the_past() -> None:
    assert {(a.answer, a.rules) for a in allowed(stream().after(60).connected(), 59.999).values()} == {("no", ("stale",))}
    assert allowed(stream().after(60).connected(), 60)["disconnected"].answer == "yes"


# --- Any session, any event ---------------------------------------------------------------------------------------------------

NOW = stream().after(3600)
EVERY = [
    *(getattr(NOW, event)() for event in ("scheduled", "offering", "contacting", "dialing", "alerting", "connected")),
    NOW.updated(),
    NOW.updated(peer_id="p", controlling=["mouse"], **TIMED),
    NOW.required(),
    NOW.disconnected("peer"),
    NOW.terminated("transfer"),
    NOW.wrapup("sale"),
    NOW.wrapup("sale", disable_end_time_updates=True),
    NOW.wrapup(provisional=True),
    NOW.wrapup(),
    NOW.done(),
    NOW.offline(),
    NOW.platform("complete"),
    NOW.platform("skipped"),
    NOW.unknown(),
]
ODD: dict[str, dict[str, Any]] = {
    "an unknown state": {"state": "parked"},
    "a state with nothing to show for it": {"state": ConnectionState.ALERTING},
    "connected without a stamp": {"state": ConnectionState.CONNECTED, "segments": ()},
    "ended without a stamp": {"state": ConnectionState.DISCONNECTED},
    "a segment without times": {"state": ConnectionState.ALERTING, "segments": (Segment(),)},
    "a closed segment": {"state": ConnectionState.CONNECTED, "segments": (Segment(start_time=at(0), end_time=at(1)),)},
    "after-call work that says nothing": {"after_call_work": AfterCallWork()},
    "after-call work without a state": {"after_call_work": AfterCallWork(start_time=at(0))},
    "after-call work pending for ever": {
        "state": ConnectionState.DISCONNECTED,
        "after_call_work": AfterCallWork(state=AfterCallWorkState.PENDING),
    },
    "after-call work before the end": {
        "state": ConnectionState.CONNECTED,
        "after_call_work": AfterCallWork(state=AfterCallWorkState.PENDING, start_time=at(0)),
    },
    "after-call work complete before the end": {
        "state": ConnectionState.CONNECTED,
        "after_call_work": AfterCallWork(state=AfterCallWorkState.COMPLETE, start_time=at(0), end_time=at(1)),
    },
    "after-call work not applicable": {
        "state": ConnectionState.DISCONNECTED,
        "disconnected_time": at(0),
        "after_call_work": AfterCallWork(state=AfterCallWorkState.NOT_APPLICABLE),
    },
    "after-call work in an unknown state": {
        "state": ConnectionState.TERMINATED,
        "disconnected_time": at(0),
        "after_call_work": AfterCallWork(state="dreaming", start_time=at(0)),
    },
    "a wrap-up that ended before the leg": {
        "state": ConnectionState.DISCONNECTED,
        "disconnected_time": at(60),
        "wrapup": Wrapup(code="sale", end_time=at(0), provisional=True),
        "after_call_work": AfterCallWork(state=AfterCallWorkState.PENDING, start_time=at(60)),
    },
    "an unknown disconnect type": {"state": ConnectionState.TERMINATED, "disconnect_type": "blackout"},
}
LIFECYCLES = [
    Lifecycle(),
    Lifecycle(
        settings=Settings(wrapup_prompt="timeout", wrapup_timeout=timedelta(seconds=30), alerting_timeout=timedelta(seconds=20)),
        alerting_grace=timedelta(seconds=1),
        acw_when_unanswered=True,
        acw_after_transfer=True,
    ),
]


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=["default", "timed"])
@pytest.mark.parametrize("odd", ODD)
def test_every_event_on_an_odd_session_gets_exactly_one_outcome(odd: str, lifecycle: Lifecycle) -> None:  # OUTCOME-1
    session = CobrowseSession(id="s1", **ODD[odd])
    for event in EVERY:
        *_, outcome = run(event, lifecycle=lifecycle, session=session).outcomes
        assert isinstance(outcome, Applied | Duplicate | Ignored | Refused)


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=["default", "timed"])
@pytest.mark.parametrize("odd", ODD)
def test_time_passes_on_an_odd_session(odd: str, lifecycle: Lifecycle) -> None:
    session = CobrowseSession(id="s1", **ODD[odd])
    assert len(lifecycle.allowed(session, at(3600))) >= 12
    assert all(isinstance(fired, Fired) for fired in lifecycle.advance(session, at(3600)))
    assert lifecycle.deadline(session) is None


@pytest.mark.parametrize(
    "session",
    [
        CobrowseSession(
            id="s1",
            state=ConnectionState.DISCONNECTED,
            after_call_work=AfterCallWork(state=AfterCallWorkState.PENDING, start_time=datetime.max.replace(tzinfo=UTC)),
        ),
        CobrowseSession(
            id="s1", state=ConnectionState.ALERTING, segments=(Segment(start_time=datetime.max.replace(tzinfo=UTC)),)
        ),
    ],
    ids=["timer.acw", "timer.alerting"],
)
def test_a_deadline_beyond_the_end_of_time_never_raises(session: CobrowseSession) -> None:
    lifecycle = LIFECYCLES[1]
    assert lifecycle.apply(copy(session), only(NOW.unknown())) == Ignored.match(rule="unknown_type", fired=())
    assert lifecycle.advance(copy(session), at(3600)) == ()
    assert lifecycle.allowed(copy(session), at(3600))


def test_an_unknown_state_is_left_by_the_next_state_that_is_known() -> None:
    run(stream().alerting(), session=CobrowseSession(id="s1", state="parked")).expect(Applied.match(to_state="alerting"))


# --- Any kind of communication ------------------------------------------------------------------------------------------------


def test_a_call_lives_the_same_life_without_the_co_browse_fields() -> None:  # WORD-4
    lifecycle, call = Lifecycle(), Communication(id="s1")
    said = {"cobrowse_role": "viewer", "controlling": ["mouse"], "viewer_url": "v", "cobrowse_session_id": "c", "peer_id": "p"}
    life = stream(source="/voice").alerting(**said).after(3).connected(**said, **TIMED).after(60).disconnected("peer")
    outcomes = [lifecycle.apply(call, event) for event in life.after(5).wrapup("sale").terminated(controlling=[])]
    assert outcomes == [Applied.match()] * 5
    assert call == Communication(
        id="s1",
        state=ConnectionState.TERMINATED,
        initial_state=ConnectionState.ALERTING,
        disconnect_type="peer",
        peer_id="p",
        provider_event_time=at(68),
        start_alerting_time=at(0),
        connected_time=at(3),
        disconnected_time=at(63),
        segments=(
            Segment(start_time=at(0), end_time=at(3), type="Alert", how_ended="Interact"),
            Segment(start_time=at(3), end_time=at(63), type="Interact", how_ended="Disconnect", disconnect_type="peer"),
        ),
        wrapup=Wrapup(code="sale", end_time=at(68), duration_seconds=5),
        after_call_work=AfterCallWork(state=AfterCallWorkState.COMPLETE, start_time=at(63), end_time=at(68)),
    )


@pytest.mark.parametrize("detail", [{"cobrowse_role": "viewer"}, {"controlling": ["mouse"]}, {"viewer_url": "v"}])
def test_details_that_a_call_has_no_room_for_are_no_news(detail: dict[str, Any]) -> None:  # WORD-4
    lifecycle, call = Lifecycle(), Communication(id="s1")
    first, second = stream().connected().after(1).updated(**detail)
    assert [lifecycle.apply(call, first), lifecycle.apply(call, second)] == [Applied.match(), Duplicate.match()]


# --- A session is a plain value -----------------------------------------------------------------------------------------------


def pickled(session: CobrowseSession) -> CobrowseSession:
    return pickle.loads(pickle.dumps(session))  # type: ignore[no-any-return]  # noqa: S301  # our own bytes


@pytest.mark.parametrize("again", [copy, deepcopy, pickled])
def test_a_copy_is_equal_and_goes_its_own_way(again: Callable[[CobrowseSession], CobrowseSession]) -> None:
    life = stream().alerting(cobrowse_role="viewer").connected(controlling=["mouse"], **TIMED).wrapup("sale", tags=["a"])
    session, untouched = run(life).session, run(life).session
    other = again(session)
    assert (other, other.settings) == (session, session.settings)
    run_on = Lifecycle().apply(other, only(stream().after(60).disconnected("peer", peer_id="p")))
    assert run_on == Applied.match(acw="pending")
    assert session == untouched != other


def test_settings_are_no_part_of_equality() -> None:  # JSON-9
    assert CobrowseSession(id="s1", settings=Settings(wrapup_prompt="mandatory")) == CobrowseSession(id="s1")


def test_allowed_names_settings_after_the_end_only_once_the_leg_has_ended() -> None:
    connected = stream("s1").connected().after(1)
    named = {}
    for call in (connected, connected.disconnected("peer").after(1)):
        session = run(call).session
        named[session.state] = {
            one.event.kind for one in Lifecycle().allowed(session, call.now) if "settings_after_end" in one.rules
        }

    assert named["connected"] == set()
    assert {"updated", "disconnected"} <= named["disconnected"]
