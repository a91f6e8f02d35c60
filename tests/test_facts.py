"""A leg as one payload shows it gives events and warnings: each fact once, each warning with what was found (payloads.md)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cobrowse_session import Event
from cobrowse_session.events import Alerting, Connected, Updated
from cobrowse_session.model import AfterCallWork, Wrapup
from cobrowse_session.segments import Segment
from cobrowse_session.sources.facts import events_of
from cobrowse_session.sources.leg import ACROSS_CLOCKS, Leg, joined_segments
from cobrowse_session.sources.reader import Origin, Warnings
from cobrowse_session.times import time_text
from cobrowse_session.wire.cloudevents import MAX_FUTURE

MS = timedelta(milliseconds=1)


def at(seconds: float) -> datetime:
    return datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(seconds=seconds)


def text(seconds: float) -> str:
    return time_text(at(seconds))


def segment(kind: str | None, start: float | None, end: float | None = None) -> Segment:
    return Segment(type=kind, start_time=None if start is None else at(start), end_time=None if end is None else at(end))


def seen(seconds: float) -> Origin:
    return Origin(stated=("the time of the payload", at(seconds)))


def read(**stated: Any) -> tuple[list[Event], list[tuple[str, str, str, str]]]:
    warnings = Warnings()
    events = events_of(Leg(id="leg", source="/g", path="$.calls[0]", **stated), warnings)
    return events, [(one.error, one.path.removeprefix("$.calls[0]"), one.found, one.expected) for one in warnings.kept]


def told(**stated: Any) -> list[tuple[str, datetime]]:
    return [(event.id, event.occurred_at) for event in read(**stated)[0]]


# --- Warnings -----------------------------------------------------------------------------------------------------------------


WARNINGS: dict[str, tuple[dict[str, Any], tuple[str, str, str, str]]] = {
    "nothing is stated": ({}, ("no_fact", "", "nothing that is known", "a state with its time, or another fact of the leg")),
    "a segment of an unknown type": (
        {"segments": (segment("Swim", 0),)},
        ("unplaced_segment", ".segments", f"Swim from {text(0)}", "a known state"),
    ),
    "a segment without a start": (
        {"segments": (segment("Alert", None),)},
        ("unplaced_segment", ".segments", "Alert without a start", "a segment with its start"),
    ),
    "a gap between segments": (
        {"segments": (segment("Alert", 0, 3), segment("Interact", 5))},
        ("gap", ".segments", f"no segment from {text(3)} to {text(5)}", "segments that follow each other"),
    ),
    "an alert long after the connection": (
        {"start_alerting_time": at(5), "connected_time": at(3)},
        ("contradiction", ".connectedTime", text(3), "a time after the alert"),
    ),
    "another state than the stamps": (
        {"state": "alerting", "connected_time": at(3)},
        ("contradiction", ".state", "alerting", "connected, because the leg has a connectedTime"),
    ),
    "a state without a time": (
        {"state": "alerting"},
        ("no_time", ".state", "alerting", "a time of this state or of the payload, or when it was received"),
    ),
    "a beginning without a state": (
        {"begins": at(0), "start_alerting_time": at(5)},
        ("unused_time", ".startTime", f"{text(0)}, 5 s before the first state", "an initialState, in which the leg began"),
    ),
    "a segment a day after its stamp": (
        {"segments": (segment("Alert", 86_401),), "start_alerting_time": at(0)},
        ("contradiction", ".segments", f"Alert from {text(86_401)}", f"a time about {text(0)}"),
    ),
    "an end without a time": (
        {"state": "disconnected"},
        (
            "no_time",
            ".disconnectedTime",
            "nothing",
            "the time at which the leg ended, a time of the payload, or when it was received",
        ),
    ),
    "a reason without an end": (
        {"connected_time": at(0), "disconnect_type": "peer"},
        ("contradiction", ".disconnectType", "peer", "a leg that has ended, and when"),
    ),
    "an end of a leg that goes on": (
        {"state": "connected", "connected_time": at(0), "disconnected_time": at(9)},
        ("contradiction", ".state", "connected", "disconnected, because the leg has a disconnectedTime"),
    ),
    "an end before the connection": (
        {"state": "disconnected", "connected_time": at(9), "disconnected_time": at(5)},
        ("contradiction", ".disconnectedTime", text(5), f"a time from {text(9)} on"),
    ),
    "a state of other media": (
        {"state": "parked", "start_alerting_time": at(0)},
        (
            "unknown_state",
            ".state",
            "parked",
            "one of none, scheduled, offering, contacting, dialing, alerting, connected, disconnected, terminated",
        ),
    ),
    "a wrap-up without a code": (
        {"disconnected_time": at(0), "wrapup": Wrapup(notes="n", end_time=at(3))},
        ("no_code", ".wrapup", "a wrap-up without a code", "a code, or a provisional wrap-up"),
    ),
    "a wrap-up without a time": (
        {"wrapup": Wrapup(code="sale")},
        ("no_time", ".wrapup", "nothing", "an endTime, or a time of the leg"),
    ),
    "a wrap-up long before the end": (
        {"disconnected_time": at(9), "wrapup": Wrapup(code="sale", end_time=at(3))},
        ("contradiction", ".wrapup.endTime", text(3), f"a time from {text(9)} on"),
    ),
    "after-call work of a connected leg": (
        {"connected_time": at(0), "after_call_work": AfterCallWork(state="complete", end_time=at(3))},
        ("contradiction", ".afterCallWork", "complete", "the end of the leg, which comes before after-call work"),
    ),
    "after-call work of another kind": (
        {"disconnected_time": at(0), "after_call_work": AfterCallWork(state="resting")},
        ("unknown_value", ".afterCallWork.state", "resting", "one of pending, complete, skipped, notApplicable"),
    ),
    "a start of after-call work without a time": (
        {"after_call_work": AfterCallWork(state="pending")},
        ("no_time", ".afterCallWork.startTime", "nothing", "the time at which after-call work began"),
    ),
    "an end of after-call work without a time": (
        {"after_call_work": AfterCallWork(state="complete")},
        ("no_time", ".afterCallWork.endTime", "nothing", "the time at which after-call work ended"),
    ),
    "after-call work long before the end": (
        {"disconnected_time": at(9), "after_call_work": AfterCallWork(state="complete", end_time=at(3))},
        ("contradiction", ".afterCallWork", text(3), f"a time from {text(9)} on"),
    ),
    "a fact a day after it was received": (
        {"start_alerting_time": at(86_401), "origin": Origin(received_at=at(0))},
        ("contradiction", ".alerting", text(86_401), f"a time about {text(0)}, when it was received"),
    ),
}


@pytest.mark.parametrize(("stated", "warning"), WARNINGS.values(), ids=WARNINGS)
def test_a_warning_says_where_it_is_what_was_found_and_what_was_expected(
    stated: dict[str, Any], warning: tuple[str, str, str, str]
) -> None:
    assert read(**stated)[1] == [warning]


@pytest.mark.parametrize(
    "stated",
    [
        pytest.param({"start_alerting_time": at(3) + ACROSS_CLOCKS, "connected_time": at(3)}, id="an alert after the connection"),
        pytest.param({"begins": at(0), "start_alerting_time": at(0) + ACROSS_CLOCKS}, id="a beginning before the first state"),
        pytest.param({"segments": (segment("Alert", 86_400),), "start_alerting_time": at(0)}, id="a segment after its stamp"),
        pytest.param({"segments": (segment("Alert", 0, 3), segment("Interact", 3))}, id="segments that follow each other"),
        pytest.param({"connected_time": at(3), "disconnected_time": at(3)}, id="an end at the connection"),
        pytest.param(
            {"disconnected_time": at(9), "wrapup": Wrapup(code="a", end_time=at(9) - ACROSS_CLOCKS)},
            id="a wrap-up before the end",
        ),
        pytest.param(
            {"disconnected_time": at(9), "after_call_work": AfterCallWork(state="complete", end_time=at(9) - ACROSS_CLOCKS)},
            id="after-call work before the end",
        ),
        pytest.param(
            {"start_alerting_time": at(0) + MAX_FUTURE, "origin": Origin(received_at=at(0))}, id="a fact after it was received"
        ),
        pytest.param({"begins": at(0), "state": "alerting", "origin": seen(9)}, id="a state that was seen"),
        pytest.param({"begins": at(0), "derived": (("alerting", "another time", at(9)),)}, id="a state with a derived time"),
    ],
)
def test_what_the_clocks_may_differ_by_is_no_warning(stated: dict[str, Any]) -> None:
    assert read(**stated)[1] == []


# --- States -------------------------------------------------------------------------------------------------------------------


def test_a_leg_that_was_connected_stays_so_whatever_segments_follow() -> None:
    shown = segment("Interact", 3, 9), segment("Hold", 9, 12), segment("Interact", 12)

    assert told(segments=shown, connected_time=at(3)) == [("leg/connected", at(3))]


def test_each_alert_is_a_fact_with_its_number_and_only_the_first_has_the_stamp() -> None:
    shown = segment("Alert", 0, 3), segment("Dialing", 3, 5), segment("Alert", 5)
    events, _ = read(segments=shown, start_alerting_time=at(0) + 31 * MS, origin=Origin(received_at=at(60)))

    assert [(event.id, event.received_at) for event in events] == [
        ("leg/alerting", at(0) + 31 * MS),
        ("leg/dialing", at(60)),
        ("leg/alerting/2", at(60)),
    ]


def test_only_an_alert_is_moved_to_the_stamp_of_the_connection() -> None:
    """The start of a segment is of another clock than the stamp (SKEW-4)."""
    assert told(segments=(segment("Dialing", 3.5),), connected_time=at(3)) == [("leg/connected", at(3)), ("leg/dialing", at(3.5))]
    assert told(segments=(segment("Alert", 3.5),), connected_time=at(3)) == [("leg/alerting", at(3)), ("leg/connected", at(3))]


def test_an_alert_after_a_segment_of_the_connection_stays_where_it_is() -> None:
    shown = segment("Interact", 0, 5), segment("Alert", 5)

    assert told(segments=shown) == [("leg/connected", at(0)), ("leg/alerting", at(5))]


@pytest.mark.parametrize(("alert", "words"), [(3, None), (3.5, "the connection, because the alert was not after it")])
def test_a_time_that_was_moved_says_to_what(alert: float, words: str | None) -> None:
    (event, _), _ = read(start_alerting_time=at(alert), connected_time=at(3))

    assert isinstance(event, Alerting)
    assert (event.occurred_at, event.derived_from) == (at(3), words)


def test_a_state_that_was_seen_only_has_no_edition() -> None:
    (event,), _ = read(state="connected", origin=seen(9))

    assert isinstance(event, Connected)
    assert (event.occurred_at, event.derived_from, event.sequence) == (at(9), "the time of the payload", None)


def test_a_state_that_several_facts_show_is_one_event() -> None:
    shown = ("alerting", "the first fact", at(0)), ("alerting", "the second fact", at(1))
    (event,), _ = read(derived=shown)

    assert (event.id, event.occurred_at, event.derived_from) == ("leg/alerting", at(0), "the first fact")


def test_a_state_of_other_media_that_was_not_seen_has_the_time_of_the_first_event() -> None:
    events, _ = read(state="parked", start_alerting_time=at(5), disconnected_time=at(9))

    (update,) = [event for event in events if isinstance(event, Updated)]
    assert (update.id, update.occurred_at, update.extra) == ("leg/state/parked", at(5), {"state": "parked"})


@pytest.mark.parametrize(
    ("segments", "joined"),
    [
        ((), ()),
        ((segment("Alert", 0, 3), segment("Interact", 3, 9)), (segment("Alert", 0, 3), segment("Interact", 3, 9))),
        ((segment("Interact", 3, 9), segment("Hold", 9, 12), segment("Interact", 12)), (segment("Interact", 3),)),
        (
            (segment("Alert", 0, 3), segment("ALERT", 3, 5), segment("Dialing", 5, 7), segment("Alert", 7, 9)),
            (segment("Alert", 0, 5), segment("Dialing", 5, 7), segment("Alert", 7, 9)),
        ),
        ((segment("Swim", 0, 1), segment("Swim", 1, 2)), (segment("Swim", 0, 1), segment("Swim", 1, 2))),
    ],
    ids=["none", "two states", "a connection with a hold", "two alerts", "unknown types"],
)
def test_the_same_state_again_is_no_new_segment(segments: tuple[Segment, ...], joined: tuple[Segment, ...]) -> None:  # CONN-7
    assert joined_segments(Leg(id="leg", segments=segments, connected_time=at(3))) == joined


def test_a_joined_segment_ends_as_its_last_part_did() -> None:  # CONN-7
    first = Segment(type="Interact", start_time=at(0), end_time=at(3), how_ended="Hold")
    last = Segment(type="Hold", start_time=at(3), end_time=at(9), how_ended="Disconnect", disconnect_type="peer")

    assert joined_segments(Leg(id="leg", segments=(first, last), connected_time=at(0))) == (
        Segment(type="Interact", start_time=at(0), end_time=at(9), how_ended="Disconnect", disconnect_type="peer"),
    )


# --- Details, wrap-ups and after-call work ------------------------------------------------------------------------------------


def test_details_of_a_leg_that_only_began_have_the_time_of_its_beginning() -> None:
    assert told(begins=at(0), changing={"peer_id": "p"}) == [("leg/begins", at(0)), ("leg/peerId", at(0))]


def test_details_have_the_time_of_the_first_event() -> None:
    found = dict(told(begins=at(0), start_alerting_time=at(5), changing={"peer_id": "p"}))

    assert found == {"leg/begins": at(0), "leg/alerting": at(5), "leg/peerId": at(5)}


@pytest.mark.parametrize(("controlling", "at_connection"), [((), []), (("p",), [(f"leg/controlling/{text(3)}", at(3))])])
def test_a_grant_that_was_not_seen_begins_with_the_connection_and_no_grant_does_not(
    controlling: tuple[str, ...], at_connection: list[tuple[str, datetime]]
) -> None:
    found = told(connected_time=at(3), changing={"controlling": controlling})

    assert found == [("leg/connected", at(3)), *at_connection]


@pytest.mark.parametrize(
    ("stated", "moment"),
    [
        ({"connected_time": at(3), "disconnected_time": at(9), "origin": seen(12)}, at(3)),
        ({"disconnected_time": at(9), "origin": seen(12)}, at(9)),
        ({"origin": seen(12)}, at(12)),
    ],
    ids=["the connection", "the end of the leg", "when it was seen"],
)
def test_a_draft_has_the_first_time_from_which_it_counts(stated: dict[str, Any], moment: datetime) -> None:  # WRAP-5
    assert dict(told(wrapup=Wrapup(notes="n", provisional=True), **stated))["leg/wrapup/draft"] == moment


def test_what_came_shortly_before_the_end_comes_with_the_end_and_says_so() -> None:  # SKEW-3
    work = AfterCallWork(state="complete", end_time=at(8.5))
    events, _ = read(disconnected_time=at(9), wrapup=Wrapup(code="sale", end_time=at(8.5)), after_call_work=work)

    words = "the end of the leg, because after-call work comes after it"
    assert [(event.id, event.occurred_at, event.derived_from) for event in events] == [
        ("leg/disconnected", at(9), None),
        (f"leg/wrapup/{text(8.5)}", at(9), words),
        ("leg/acw.ended", at(9), words),
    ]


@pytest.mark.parametrize(
    ("stated", "has_edition"), [({"disconnected_time": at(9)}, True), ({"state": "disconnected", "origin": seen(9)}, False)]
)
def test_pending_work_without_a_start_begins_with_the_end_of_the_leg(stated: dict[str, Any], has_edition: bool) -> None:  # noqa: FBT001 (a case)
    events, _ = read(after_call_work=AfterCallWork(state="pending"), **stated)

    (started,) = [event for event in events if event.id == "leg/acw.started"]
    assert (started.occurred_at, started.derived_from) == (at(9), "the end of the leg")
    assert (started.sequence is not None) == has_edition
