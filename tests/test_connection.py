"""Every event in every connection state, its stamps, segments, an alert that nobody answers (docs/lifecycle.md, section 4)."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from cobrowse_session import (
    Applied,
    CobrowseSession,
    Duplicate,
    Fired,
    Ignored,
    Lifecycle,
    Refused,
    Segment,
    Settings,
    Stale,
    UnknownPrompt,
    WrapupPrompt,
)
from cobrowse_session.testing import START, Stream, run, stream


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


# --- Every event in every state -----------------------------------------------------------------------------------------------

AT = {
    "none": stream(),
    "scheduled": stream().scheduled(),
    "offering": stream().offering(),
    "contacting": stream().contacting(),
    "dialing": stream().dialing(),
    "alerting": stream().alerting(),
    "connected": stream().connected(),
    "disconnected": stream().connected().disconnected("peer"),
    "terminated": stream().connected().terminated("peer"),
}
CELLS = """
event         none     scheduled  offering  contacting  dialing  alerting  connected    disconnected     terminated
scheduled     moves    duplicate  moves     moves       moves    moves     no_way_back  session_is_over  session_is_over
offering      moves    moves      duplicate moves       moves    moves     no_way_back  session_is_over  session_is_over
contacting    moves    moves      moves     duplicate   moves    moves     no_way_back  session_is_over  session_is_over
dialing       moves    moves      moves     moves      duplicate moves     no_way_back  session_is_over  session_is_over
alerting      moves    moves      moves     moves       moves    duplicate no_way_back  session_is_over  session_is_over
connected     moves    moves      moves     moves       moves    moves     duplicate    session_is_over  session_is_over
disconnected  moves    moves      moves     moves       moves    moves     moves        duplicate        duplicate
terminated    moves    moves      moves     moves       moves    moves     moves        moves            duplicate
updated    duplicate   duplicate  duplicate duplicate  duplicate duplicate duplicate    duplicate        duplicate
unknown       unheard  unheard    unheard   unheard     unheard  unheard   unheard      unheard          unheard
"""
VERDICTS: dict[str, object] = {
    "duplicate": Duplicate.match(),
    "no_way_back": Refused.match(rule="no_way_back"),
    "session_is_over": Refused.match(rule="session_is_over"),
    "unheard": Ignored.match(rule="unknown_type"),
}


def cells() -> list[tuple[str, str, str]]:
    (_, *states), *rows = map(str.split, CELLS.strip().splitlines())
    return [(event, state, verdict) for event, *verdicts in rows for state, verdict in zip(states, verdicts, strict=True)]


@pytest.mark.parametrize(("event", "state", "verdict"), cells())
# KIND-2, KIND-3, KIND-4, KIND-5, OUTCOME-2, OUTCOME-3, CONN-1, CONN-2, CONN-3, CONN-4, CONN-5, CONN-6, CONN-7, CONN-8, CONN-9
def test_every_event_in_every_state(event: str, state: str, verdict: str) -> None:
    ran = run(getattr(AT[state].after(1), event)())
    reached = event if verdict == "moves" else state
    moves = Applied.match(from_state=state, to_state=event)
    assert ran.outcomes[-1] == VERDICTS.get(verdict, moves), ran.story()
    assert ran.outcomes[-1].from_state == state
    assert ran.session.state == reached


@pytest.mark.parametrize("state", AT)
def test_new_details_in_the_state_it_is_in_already_are_applied_from_and_to_the_same(state: str) -> None:  # CONN-7
    event = "updated" if state == "none" else state
    ran = run(getattr(AT[state].after(1), event)(peer_id="p2"))
    assert ran.outcomes[-1] == Applied.match(from_state=state, to_state=state)
    ran.expect(state=state, peer_id="p2", provider_event_time=at(1))


def test_disconnected_with_new_details_leaves_a_terminated_leg_terminated() -> None:  # CONN-6
    ran = run(AT["terminated"].after(1).disconnected(peer_id="p2"))
    ran.expect(Applied.match(), Applied.match(), Applied.match(from_state="terminated", to_state="terminated"), peer_id="p2")


def test_a_refusal_has_a_sentence_for_a_person() -> None:  # OUTCOME-6
    *_, refused = run(AT["connected"].after(1).alerting()).outcomes
    assert refused.reason.endswith(".")
    assert " " in refused.reason


# --- First sight --------------------------------------------------------------------------------------------------------------

FIRST_SIGHT: list[tuple[str, dict[str, Any]]] = [
    ("scheduled", {}),
    ("offering", {}),
    ("contacting", {}),
    ("dialing", {}),
    ("alerting", {"start_alerting_time": at(0)}),
    ("connected", {"connected_time": at(0)}),
    ("disconnected", {"disconnected_time": at(0)}),
    ("terminated", {"disconnected_time": at(0)}),
]


@pytest.mark.parametrize(("event", "stamps"), FIRST_SIGHT, ids=[event for event, _ in FIRST_SIGHT])
# CONN-10, CONN-11, CONN-12, CONN-13
def test_first_sight_may_come_in_any_state_and_what_was_not_seen_stays_unset(event: str, stamps: dict[str, Any]) -> None:
    unseen = {"start_alerting_time": None, "connected_time": None, "disconnected_time": None}
    ran = run(getattr(stream(), event)())
    ran.expect(
        Applied.match(from_state="none", to_state=event),
        state=event,
        initial_state=event,
        provider_event_time=at(0),
        disconnect_type=None,
        after_call_work=None,
        **{**unseen, **stamps},
    )


# --- Stamps -------------------------------------------------------------------------------------------------------------------

ARRIVALS = [
    pytest.param(0, 0, id="at once"),
    pytest.param(0.031, 0.031, id="31 ms later"),
    pytest.param(2, 2, id="2 s later, the last that counts"),
    pytest.param(2.001, 0, id="later than that"),
    pytest.param(300, 0, id="minutes later"),
    pytest.param(-2, -2, id="2 s earlier, the last that counts"),
    pytest.param(-2.001, 0, id="earlier than that"),
    pytest.param(None, 0, id="nobody stamped it"),
]


@pytest.mark.parametrize(("delay", "stamp"), ARRIVALS)
def test_start_alerting_time_is_cloud_time(delay: float | None, stamp: float) -> None:  # TIME-8, STAMP-2
    run(stream(delay=delay).alerting()).expect(start_alerting_time=at(stamp))


@pytest.mark.parametrize(("delay", "stamp"), ARRIVALS)
def test_connected_time_is_cloud_time(delay: float | None, stamp: float) -> None:  # TIME-8, STAMP-3
    run(stream(delay=delay).connected()).expect(connected_time=at(stamp))


@pytest.mark.parametrize("delay", [None, 0.031, 2, 300])
def test_provider_and_end_times_and_segments_are_when_it_occurred(delay: float | None) -> None:  # STAMP-4, CLOCK-12
    run(stream(delay=delay).connected().after(5).disconnected("peer")).expect(
        disconnected_time=at(5),
        provider_event_time=at(5),
        segments=(Segment(start_time=at(0), end_time=at(5), type="Interact", how_ended="Disconnect", disconnect_type="peer"),),
    )


@pytest.mark.parametrize(
    ("alerted", "connected", "stamp"),
    [
        pytest.param(1.5, 1.031, 1.5, id="arrived before the alert"),
        pytest.param(1.5, 1.5, 1.5, id="arrived with the alert"),
        pytest.param(1.5, 1.6, 1.6, id="arrived after the alert"),
        pytest.param(1.5, 90, 1.5, id="arrived minutes late"),
    ],
)
def test_connected_time_is_never_before_start_alerting_time(alerted: float, connected: float, stamp: float) -> None:  # STAMP-3
    answered = stream().alerting(received_at=at(alerted)).after(1).connected(received_at=at(connected))
    run(answered).expect(start_alerting_time=at(alerted), connected_time=at(stamp))


def test_start_alerting_time_is_that_of_the_first_alerting() -> None:  # STAMP-2
    run(stream().alerting().after(1).offering().after(1).alerting()).expect(state="alerting", start_alerting_time=at(0))


def test_a_repeated_state_moves_no_stamp() -> None:  # STAMP-6
    run(stream().alerting().after(1).alerting().after(1).connected().after(1).connected(peer_id="p")).expect(
        start_alerting_time=at(0), connected_time=at(2), provider_event_time=at(3)
    )


@pytest.mark.parametrize("order", ["disconnected terminated", "terminated disconnected"])
def test_disconnected_time_is_that_of_the_event_that_closed_the_leg(order: str) -> None:  # STAMP-4
    first, second = order.split()
    both = getattr(getattr(stream().connected().after(5), first)("peer").after(1), second)("client", peer_id="p")
    run(both).expect(state="terminated", disconnected_time=at(5), disconnect_type="peer", provider_event_time=at(6))


@pytest.mark.parametrize(
    "unapplied",
    [
        pytest.param(stream().connected().after(1).connected(), id="duplicate"),
        pytest.param(stream().connected().after(1).unknown(), id="ignored"),
        pytest.param(stream().connected().after(1).alerting(), id="refused"),
    ],
)
def test_provider_event_time_is_that_of_the_last_applied_event(unapplied: Stream) -> None:  # STAMP-6
    run(unapplied).expect(provider_event_time=at(0))


# --- Disconnect type ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "before"), [(event, state) for event in ("disconnected", "terminated") for state in list(AT)[:7]]
)
def test_disconnect_type_stays_unset_where_nothing_says_one(event: str, before: str) -> None:  # KIND-4, STAMP-5
    run(getattr(AT[before].after(1), event)()).expect(state=event, disconnect_type=None)


LATER_NAMED = [
    ("disconnected", "disconnected", "disconnected"),
    ("disconnected", "terminated", "terminated"),
    ("terminated", "disconnected", "terminated"),
    ("terminated", "terminated", "terminated"),
]


@pytest.mark.parametrize(("end", "later", "state"), LATER_NAMED)
def test_an_end_that_names_a_missing_disconnect_type_sets_it_once(end: str, later: str, state: str) -> None:  # CONN-15, STAMP-5
    ended = getattr(stream().alerting().after(1).connected().after(5), end)()
    named = getattr(ended.after(1), later)("client")
    run(named.after(1).disconnected("peer").after(1).terminated("peer")).expect(
        Applied.match(),
        Applied.match(),
        Applied.match(to_state=end),
        Applied.match(to_state=state),
        Duplicate.match(),
        Duplicate.match() if state == "terminated" else Applied.match(to_state="terminated"),
        disconnect_type="client",
        disconnected_time=at(6),
        segments=(
            Segment(start_time=at(0), end_time=at(1), type="Alert", how_ended="Interact"),
            Segment(start_time=at(1), end_time=at(6), type="Interact", how_ended="Disconnect", disconnect_type="client"),
        ),
    )


def test_a_leg_first_seen_ended_takes_a_disconnect_type_later() -> None:  # CONN-15
    run(stream().disconnected().after(1).disconnected("error")).expect(
        Applied.match(), Applied.match(), disconnect_type="error", segments=None
    )


@pytest.mark.parametrize("end", ["disconnected", "terminated"])
def test_a_disconnect_type_named_later_leaves_after_call_work_as_decided(end: str) -> None:  # CONN-15
    ended = stream().connected(wrapup_prompt="mandatory").after(5).disconnected().after(1)
    run(getattr(ended, end)("transfer")).expect(disconnect_type="transfer", after_call_work__state="pending")


# --- Segments -----------------------------------------------------------------------------------------------------------------

TYPES = {
    "scheduled": "Scheduled",
    "offering": "System",
    "contacting": "Contacting",
    "dialing": "Dialing",
    "alerting": "Alert",
    "connected": "Interact",
}


@pytest.mark.parametrize(("event", "segment"), TYPES.items())
def test_entering_a_state_opens_its_segment(event: str, segment: str) -> None:  # SEG-1, SEG-2
    run(getattr(stream(), event)()).expect(segments=(Segment(start_time=at(0), type=segment),))


@pytest.mark.parametrize("event", TYPES)
def test_the_event_may_name_its_segment(event: str) -> None:  # SEG-2
    run(getattr(stream(), event)(segment_type="IVR")).expect(segments=(Segment(start_time=at(0), type="IVR"),))


def test_a_whole_life_is_a_chain_of_segments() -> None:  # SEG-3, SEG-4, SEG-5
    life = stream().scheduled().after(1).offering().after(1).contacting().after(1).dialing().after(1).alerting()
    run(life.after(1).connected().after(1).disconnected("peer").after(1).terminated("peer")).expect(
        segments=(
            Segment(start_time=at(0), end_time=at(1), type="Scheduled", how_ended="System"),
            Segment(start_time=at(1), end_time=at(2), type="System", how_ended="Contacting"),
            Segment(start_time=at(2), end_time=at(3), type="Contacting", how_ended="Dialing"),
            Segment(start_time=at(3), end_time=at(4), type="Dialing", how_ended="Alert"),
            Segment(start_time=at(4), end_time=at(5), type="Alert", how_ended="Interact"),
            Segment(start_time=at(5), end_time=at(6), type="Interact", how_ended="Disconnect", disconnect_type="peer"),
        )
    )


def test_how_ended_is_the_next_segments_own_type() -> None:  # SEG-4
    run(stream().offering(segment_type="IVR").after(1).alerting(segment_type="Delay").after(1).connected()).expect(
        segments=(
            Segment(start_time=at(0), end_time=at(1), type="IVR", how_ended="Delay"),
            Segment(start_time=at(1), end_time=at(2), type="Delay", how_ended="Interact"),
            Segment(start_time=at(2), type="Interact"),
        )
    )


def test_a_pending_state_entered_again_opens_another_segment() -> None:  # CONN-9
    run(stream().alerting().after(1).offering().after(1).alerting().after(1).terminated("client")).expect(
        segments=(
            Segment(start_time=at(0), end_time=at(1), type="Alert", how_ended="System"),
            Segment(start_time=at(1), end_time=at(2), type="System", how_ended="Alert"),
            Segment(start_time=at(2), end_time=at(3), type="Alert", how_ended="Disconnect", disconnect_type="client"),
        )
    )


def test_a_segment_of_no_length_is_kept() -> None:
    run(stream().alerting().connected()).expect(
        segments=(
            Segment(start_time=at(0), end_time=at(0), type="Alert", how_ended="Interact"),
            Segment(start_time=at(0), type="Interact"),
        )
    )


def test_only_entering_a_state_opens_a_segment() -> None:  # SEG-6
    calm = stream().connected(wrapup_prompt="mandatory").after(1).connected(peer_id="p").after(1).updated(viewer_url="v")
    busy = calm.after(1).required().after(1).wrapup("sale", provisional=True).after(1).disconnected("peer")
    run(busy.after(1).wrapup("sale").after(1).updated(peer_id="q")).expect(
        segments=(Segment(start_time=at(0), end_time=at(5), type="Interact", how_ended="Disconnect", disconnect_type="peer"),)
    )


@pytest.mark.parametrize("end", ["disconnected", "terminated"])
def test_a_leg_first_seen_ended_has_no_segments(end: str) -> None:  # SEG-6
    run(getattr(stream(), end)("peer")).expect(segments=None)


# --- Alerting timeout ---------------------------------------------------------------------------------------------------------

GRACE = timedelta(milliseconds=250)
RESCUER = Lifecycle(alerting_grace=GRACE)
ALERT = stream().alerting(alerting_timeout=20)


def test_an_alert_is_ended_at_its_own_instant_by_the_system() -> None:  # ALERT-3
    run(ALERT, lifecycle=RESCUER, until=at(3600)).expect(
        Applied.match(),
        Fired.match(timer="timer.alerting", at=at(20.25), from_state="alerting", to_state="disconnected", acw=None),
        state="disconnected",
        disconnect_type="system",
        disconnected_time=at(20.25),
        connected_time=None,
        after_call_work=None,
        provider_event_time=at(0),
        segments=(Segment(start_time=at(0), end_time=at(20.25), type="Alert", how_ended="Disconnect", disconnect_type="system"),),
    )


@pytest.mark.parametrize(("until", "state"), [(20.249, "alerting"), (20.25, "disconnected")])
def test_an_alert_is_ended_at_timeout_and_grace_and_not_before(until: float, state: str) -> None:  # ALERT-3
    run(ALERT, lifecycle=RESCUER, until=at(until)).expect(state=state)


@pytest.mark.parametrize(
    ("events", "lifecycle", "deadline"),
    [
        pytest.param(ALERT, Lifecycle(), None, id="no grace: the provider ends it"),
        pytest.param(stream().alerting(), RESCUER, None, id="no timeout"),
        pytest.param(ALERT, Lifecycle(alerting_grace=timedelta(0)), at(20), id="a grace of zero"),
        pytest.param(ALERT, RESCUER, at(20.25), id="timeout and grace"),
        pytest.param(
            stream().alerting(),
            Lifecycle(alerting_grace=GRACE, settings=Settings(alerting_timeout=timedelta(seconds=8))),
            at(8.25),
            id="the default timeout",
        ),
        pytest.param(
            ALERT,
            Lifecycle(alerting_grace=GRACE, settings=Settings(alerting_timeout=timedelta(seconds=8))),
            at(20.25),
            id="the leg's own over the default",
        ),
        pytest.param(ALERT.after(5).updated(alerting_timeout=60), RESCUER, at(60.25), id="changed by a later event"),
        pytest.param(ALERT.after(5).alerting(peer_id="p"), RESCUER, at(20.25), id="a repeated alerting starts nothing anew"),
        pytest.param(ALERT.after(5).offering().after(5).alerting(), RESCUER, at(30.25), id="counts from the open segment"),
        pytest.param(stream(delay=1.5).alerting(alerting_timeout=20), RESCUER, at(20.25), id="counts from when it occurred"),
        pytest.param(ALERT.after(5).offering(), RESCUER, None, id="no longer alerting"),
        pytest.param(ALERT.after(5).connected(), RESCUER, None, id="answered"),
        pytest.param(ALERT.after(5).disconnected("client"), RESCUER, None, id="ended"),
    ],
)
# TIME-2, ALERT-2, ALERT-3
def test_when_an_alert_runs_out(events: Stream, lifecycle: Lifecycle, deadline: datetime | None) -> None:
    assert lifecycle.deadline(run(events, lifecycle=lifecycle).session) == deadline


@pytest.mark.parametrize("prompt", [*WrapupPrompt, UnknownPrompt("unheard")])
@pytest.mark.parametrize("answered_only", [True, False])
# ALERT-4
def test_an_alert_that_ran_out_has_no_after_call_work_whatever_the_settings(prompt: str, *, answered_only: bool) -> None:
    lifecycle = Lifecycle(alerting_grace=GRACE, acw_when_unanswered=not answered_only, acw_after_transfer=True)
    alert = stream().alerting(alerting_timeout=20, wrapup_prompt=prompt, wrapup_timeout=30)
    run(alert, lifecycle=lifecycle, until=at(3600)).expect(state="disconnected", after_call_work=None, wrapup=None)


def test_apply_never_ends_an_alert() -> None:  # ALERT-5
    ran = run(ALERT.after(60).updated(peer_id="p").after(60).connected(), lifecycle=RESCUER)
    ran.expect(Applied.match(), Applied.match(fired=()), Applied.match(fired=()), state="connected", connected_time=at(120))


@pytest.mark.parametrize(
    ("late", "outcome"),
    [
        pytest.param(stream().after(20).connected(), Stale.match(), id="answered before"),
        pytest.param(stream().after(21).connected(), Refused.match(rule="session_is_over"), id="answered after"),
        pytest.param(stream().after(21).disconnected("client"), Duplicate.match(), id="the provider's own end"),
        pytest.param(stream().after(21).terminated("client"), Applied.match(to_state="terminated"), id="released"),
    ],
)
def test_after_an_alert_ran_out_the_leg_has_ended(late: Stream, outcome: object) -> None:
    ended = run(ALERT, lifecycle=RESCUER, until=at(60)).session
    run(late, lifecycle=RESCUER, session=ended).expect(outcome, disconnect_type="system", disconnected_time=at(20.25))


def test_a_grant_does_not_outlive_an_alert_that_ran_out() -> None:  # DETAIL-8
    granted = CobrowseSession(
        id="s1", state="alerting", segments=(Segment(start_time=at(0), type="Alert"),), controlling=("mouse",)
    )
    run(ALERT.after(1).updated(peer_id="p"), lifecycle=RESCUER, session=granted, until=at(60)).expect(
        state="disconnected", controlling=()
    )
