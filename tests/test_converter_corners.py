"""What an attack on the converters found, one test for each kind. The rules are in docs/reference/payloads.md."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import fields
from tests.commands import command

from cobrowse_session.model import AfterCallWork, Wrapup
from cobrowse_session.segments import Segment
from cobrowse_session.settings import Settings
from cobrowse_session.sources import Converted, convert
from cobrowse_session.sources.facts import _EventBuilder, events_of
from cobrowse_session.sources.join import Joiner
from cobrowse_session.sources.leg import Leg
from cobrowse_session.sources.reader import Origin, Warnings
from cobrowse_session.sources.reconcile import reconcile
from cobrowse_session.stream import fold
from cobrowse_session.vocabulary import AfterCallWorkState, WrapupPrompt

Json = dict[str, Any]
NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)


def t(seconds: float) -> str:
    return (NINE + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def conversation(*legs: Json, media: str = "calls", **participant: Any) -> Json:
    return {"id": "c", "participants": [{"id": "p1", "purpose": "agent", media: list(legs), **participant}]}


def connected(leg: str, **shown: Any) -> Json:
    return {"id": leg, "state": "connected", "connectedTime": t(0), **shown}


def ended(leg: str, at: float, **shown: Any) -> Json:
    return {"id": leg, "state": "disconnected", "connectedTime": t(0), "disconnectedTime": t(at), **shown}


def analytics(*segments: Json, **session: Any) -> Json:
    sessions = [{"sessionId": "s", "segments": list(segments), **session}]
    return {"conversationId": "c", "participants": [{"participantId": "p1", "purpose": "agent", "sessions": sessions}]}


def segment(kind: str, start: float, end: float | None, **shown: Any) -> Json:
    ends = {} if end is None else {"segmentEnd": t(end)}
    return {"segmentType": kind, "segmentStart": t(start), **ends, **shown}


def errors(converted: Converted) -> list[str]:
    return [warning.error for warning in converted.warnings]


def session_of(converted: Converted, leg: str) -> Any:
    return fold([event for event in converted.events if event.subject == leg]).session


def is_clean(payload: Json) -> bool:
    converted = convert(payload)
    sessions = [session_of(converted, leg) for leg in {event.subject for event in converted.events}]
    return reconcile(sessions, converted.legs).differences == ()


# --- Times --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("year", [1969, 9999])
def test_a_time_of_receipt_that_no_event_can_have_is_refused_before_anything_is_read(year: int) -> None:
    with pytest.raises(ValueError, match="1970"):
        convert(conversation(connected("a")), received_at=datetime(year, 1, 1, tzinfo=UTC))


def test_the_command_names_a_time_of_receipt_that_no_event_can_have() -> None:
    done = command("convert", "-", "--received", "9999-12-31T00:00:00Z", stdin=b"{}")

    assert (done.code, "Traceback" in done.err) == (2, False)


def test_a_stale_report_of_pending_work_does_not_reopen_work_that_ended() -> None:  # EDITION-6
    states = ("pending", "complete", "pending")
    payloads = [conversation({"id": "a", "state": "disconnected", "afterCallWork": {"state": state}}) for state in states]
    received = [convert(one, received_at=NINE + timedelta(minutes=index)) for index, one in enumerate(payloads)]

    events = [event for one in received for event in one.events]
    assert fold(events).session.after_call_work.state == "complete"  # type: ignore[union-attr]  # it has after-call work


# --- After-call work of a participant -----------------------------------------------------------------------------------------


def test_a_leg_that_ended_with_its_last_segment_has_the_work_not_one_that_goes_on() -> None:  # SHARE-1
    gone = {
        "id": "a",
        "state": "disconnected",
        "connectedTime": t(0),
        "segments": [{"type": "Interact", "startTime": t(0), "endTime": t(60)}],
    }
    payload = conversation(gone, connected("b"), startAcwTime=t(60), endAcwTime=t(90))
    converted = convert(payload)

    assert [event.id for event in converted.events if "acw" in event.id] == ["a/acw.ended"]
    assert is_clean(payload)


def test_of_several_legs_that_all_go_on_none_has_after_call_work() -> None:  # SHARE-4
    converted = convert(conversation(connected("a"), connected("b"), startAcwTime=t(60)))

    assert [event.id for event in converted.events if "acw" in event.id] == []
    assert errors(converted) == ["chosen_leg"]


@pytest.mark.parametrize(
    ("own", "shared"),
    [
        ({"wrapup": {"code": "A", "endTime": t(90)}}, {"wrapup": {"code": "B", "endTime": t(90)}}),
        (
            {"afterCallWork": {"state": "pending", "startTime": t(60)}},
            {"startAcwTime": t(60), "endAcwTime": t(90)},
        ),
    ],
)
def test_a_fact_of_the_participant_that_contradicts_the_leg_is_a_warning(own: Json, shared: Json) -> None:  # LOST-3
    assert errors(convert(conversation(ended("a", 60, **own), **shared))) == ["contradiction"]


@pytest.mark.parametrize("state", ["complete", "skipped"])
def test_work_without_its_own_end_ends_with_the_participants(state: str) -> None:  # WORK-5
    payload = conversation(ended("a", 60, afterCallWork={"state": state}), startAcwTime=t(60), endAcwTime=t(80))

    assert session_of(convert(payload), "a").after_call_work.end_time == NINE + timedelta(seconds=80)
    assert is_clean(payload)


def test_a_draft_has_no_duration_to_compare() -> None:  # DRAFT-1
    assert is_clean(conversation(ended("a", 60, wrapup={"code": "A", "durationSeconds": 30})))


@pytest.mark.parametrize(
    "shown", [{"disconnectType": "client"}, {"afterCallWork": {"state": "pending", "startTime": t(120)}}], ids=["reason", "work"]
)
def test_what_only_an_ended_leg_has_is_a_warning_on_one_that_goes_on(shown: Json) -> None:  # LOST-3
    payload = conversation(connected("a", **shown))

    assert errors(convert(payload)) == ["contradiction"]
    assert is_clean(payload)


# --- Analytics ----------------------------------------------------------------------------------------------------------------

TALK = segment("interact", 10, 60, disconnectType="client")


def test_of_two_wrap_up_segments_the_first_begins_the_work_and_a_code_that_is_replaced_is_a_warning() -> None:  # WORK-7
    payload = analytics(TALK, segment("wrapup", 60, 70, wrapUpCode="A"), segment("wrapup", 70, 90, wrapUpCode="B"))
    converted = convert(payload)
    session = session_of(converted, "s")

    assert (session.wrapup.code, session.after_call_work.start_time) == ("B", NINE + timedelta(seconds=60))
    assert errors(converted) == ["contradiction"]
    assert is_clean(payload)


def test_segments_in_any_order_are_the_same_leg() -> None:  # END-1
    alert = segment("alert", 0, 10)

    assert convert(analytics(TALK, alert)).events == convert(analytics(alert, TALK)).events


def test_an_end_without_a_time_is_a_warning() -> None:  # END-1
    assert errors(convert(analytics(segment("interact", 0, None, disconnectType="peer")))) == ["no_time"]


# --- Lists, detail events, two ids --------------------------------------------------------------------------------------------


def test_the_conversations_of_one_list_are_in_their_order() -> None:  # EDITION-5
    both = [conversation(connected("a", viewerUrl=url), media="cobrowsesessions") for url in ("z", "a", "m")]

    assert session_of(convert({"entities": both}), "a").viewer_url == "m"


def test_a_bare_event_of_the_queue_is_not_taken_for_the_customers() -> None:  # CARRY-5
    body = {"eventTime": 1767258000000, "conversationId": "c", "sessionId": "s", "disconnectType": "TRANSFER"}
    (event,) = convert(body | {"acdOutcome": "ANSWERED", "queueId": "q"}).events

    assert (event.context.purpose, event.context.queue_id) == ("acd", "q")


def flat(topic: str | None) -> Json:
    body = {"id": "c", "participants": [connected("p1", purpose="agent")]}
    return {"topicName": f"v2.users.u.conversations.{topic}", "eventBody": body} if topic else body


def test_a_leg_that_may_be_one_of_several_is_a_warning() -> None:  # JOIN-3
    joiner = Joiner()
    joiner.join(convert(conversation(connected("c1"), callbacks=[connected("c2")])))

    assert errors(joiner.join(convert(flat(None)))) == ["two_ids"]


def test_a_leg_of_another_kind_of_media_is_not_the_same_leg() -> None:  # JOIN-3
    joiner = Joiner()
    joiner.join(convert(flat("calls")))

    assert errors(joiner.join(convert(conversation(connected("k1"), media="chats")))) == []
    assert errors(joiner.join(convert(conversation(connected("c1"))))) == ["two_ids"]


# --- Legs that state nothing --------------------------------------------------------------------------------------------------

STATED: dict[str, Any] = {
    "state": "connected",
    "initial_state": "alerting",
    "disconnect_type": "peer",
    "provider": "acme",
    "begins": NINE,
    "provider_event_time": NINE,
    "start_alerting_time": NINE,
    "connected_time": NINE,
    "connected_since": NINE,
    "disconnected_time": NINE,
    "derived": (("connected", "eventTime", NINE),),
    "segments": (Segment(start_time=NINE, type="Alert"),),
    "wrapup": Wrapup(code="sale", end_time=NINE),
    "after_call_work": AfterCallWork(state=AfterCallWorkState.COMPLETE, end_time=NINE),
    "work_starts": True,
    "after_call_work_required": True,
    "settings": Settings(wrapup_prompt=WrapupPrompt.OPTIONAL),
    "changing": {"peer_id": "p"},
}
"""A value of each attribute from which an event might follow."""


def test_each_attribute_of_a_leg_has_a_value_here() -> None:
    whose = {"id", "source", "event_id", "context", "origin", "path", "is_record", "is_empty", "is_participant"}

    assert STATED.keys() | whose == {attribute.name for attribute in fields(Leg)}


@pytest.mark.parametrize("beside", [{}, {"state": "disconnected"}], ids=["alone", "of a leg that has ended"])
@pytest.mark.parametrize("name", STATED)
def test_a_leg_of_which_one_thing_is_known_gives_all_that_follows_from_it(name: str, beside: Json) -> None:  # LOST-1
    stated: Json = beside | {name: STATED[name]}
    leg = Leg(id="leg", source="/s", origin=Origin(stated=("a stamp", NINE)), **stated)
    quick, full = Warnings(), Warnings()

    events = events_of(leg, quick)
    assert events == _EventBuilder(leg, full).events()
    assert [one.error for one in quick.kept] == ([one.error for one in full.kept] or ([] if events else ["no_fact"]))
