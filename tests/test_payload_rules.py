"""The rules for converters (docs/reference/payloads.md), each by the smallest payload that shows it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cobrowse_session import DecodeError, Event, Lifecycle
from cobrowse_session.model import AfterCallWork
from cobrowse_session.settings import Settings
from cobrowse_session.sources import Converted, convert
from cobrowse_session.sources.reconcile import reconcile
from cobrowse_session.stream import fold
from cobrowse_session.times import time_text
from cobrowse_session.vocabulary import AfterCallWorkState, WrapupPrompt
from cobrowse_session.wire import encode_event

Json = dict[str, Any]  # `Any`: JSON
NINE = datetime(2026, 3, 1, 9, tzinfo=UTC)


def t(seconds: float) -> str:
    """A time after nine, as the platform writes it."""
    return time_text(NINE + timedelta(seconds=seconds))


def ms(seconds: float) -> int:
    """A time after nine in milliseconds since 1970."""
    return round((NINE.timestamp() + seconds) * 1000)


def conversation(leg: Json, purpose: str = "agent", **participant: Any) -> Json:
    """A conversation of one participant with one call."""
    listed = {"calls": [{"id": "leg"} | leg]}
    return {"id": "conv", "participants": [{"id": "p1", "purpose": purpose} | listed | participant]}


def flat(**participant: Any) -> Json:
    """A conversation of one kind of media, whose participant is the leg."""
    return {"id": "conv", "participants": [{"id": "leg", "purpose": "agent"} | participant]}


def analytics(*segments: Json, session: Json | None = None, purpose: str = "agent", **conversation: Any) -> Json:
    """The details of a conversation with one session."""
    one = {"sessionId": "leg", "mediaType": "voice", "segments": list(segments)} | (session or {})
    return {"conversationId": "conv", "participants": [{"purpose": purpose, "sessions": [one]}]} | conversation


def segment(kind: str, start: float, end: float | None = None, **more: str) -> Json:
    times = {"segmentStart": t(start)} | ({} if end is None else {"segmentEnd": t(end)})
    return {"segmentType": kind} | times | more


def detail(kind: str, at: float, **more: Any) -> Json:
    body = {"eventTime": ms(at), "conversationId": "conv", "sessionId": "leg"} | more
    return {"topicName": f"v2.detail.events.conversation.conv.{kind}", "eventBody": body}


def batch(key: str, at: float, **more: Any) -> Json:
    event = {"eventId": "e1", "eventDateTime": t(at), "conversationId": "conv", "communicationId": "leg"}
    return {key: [event | more]}


def event_bridge(body: Json, topic: str | None, at: float) -> Json:
    named = {} if topic is None else {"topicName": topic}
    detail_type = {} if topic is None else {"detail-type": topic}
    return {"version": "0", "source": "aws.partner/x", "time": t(at), "detail": {"eventBody": body} | named} | detail_type


def facts(document: Any, **more: Any) -> dict[str, Event]:
    """The events of a document, by their id without the leg's."""
    return {event.id.removeprefix("leg/"): event for event in convert(document, **more).events}


def data(event: Event) -> Json:
    return dict(json.loads(encode_event(event)).get("data", {}))


def problems(converted: Converted) -> list[tuple[str, str]]:
    return [(problem.error, problem.path) for problem in converted.warnings]


ENDED = {"state": "disconnected", "disconnectType": "peer", "connectedTime": t(0), "disconnectedTime": t(60)}

# --- Ids ----------------------------------------------------------------------------------------------------------------------


def test_each_detail_is_a_fact_of_its_own() -> None:  # FACT-3, EDITION-7
    found = facts(conversation({"state": "connected", "connectedTime": t(0), "peerId": "leg-2"}))

    assert data(found["peerId"]) == {"peerId": "leg-2"}
    assert found["peerId"].sequence is not None


def test_a_state_that_comes_again_has_its_place_in_the_id() -> None:  # FACT-4
    segments = [("Alert", 0, 1), ("Dialing", 1, 2), ("Alert", 2.5, 3)]
    listed = [{"type": kind, "startTime": t(start), "endTime": t(end)} for kind, start, end in segments]

    assert {"alerting", "dialing", "alerting/2"} <= facts(conversation({"state": "alerting", "segments": listed})).keys()
    listed[2]["startTime"] = t(2.4)  # a corrected start
    assert facts(conversation({"state": "alerting", "segments": listed}))["alerting/2"].occurred_at == NINE + timedelta(
        seconds=2.4
    )


def test_a_finished_wrap_up_and_a_draft_are_two_facts() -> None:  # FACT-5, FACT-6, DRAFT-1, DRAFT-2
    finished = facts(conversation(ENDED, wrapup={"code": "sale", "endTime": t(70)}))
    draft = facts(conversation(ENDED, wrapup={"code": "sale"}))

    saved = finished[f"wrapup/{t(70)}"]
    assert (saved.occurred_at, data(saved)) == (NINE + timedelta(seconds=70), {"code": "sale"})
    assert data(draft["wrapup/draft"]) == {"code": "sale", "provisional": True}


def test_the_events_of_a_provider_have_its_ids() -> None:  # FACT-8
    assert {event.id for event in convert(batch("callAnsweredEvents", 4)).events} == {"e1/connected"}


# --- Editions -----------------------------------------------------------------------------------------------------------------

_RECEIVED = NINE + timedelta(seconds=9)
_ALERTING = {"state": "alerting", "startAlertingTime": t(0)}


@pytest.mark.parametrize(
    ("document", "seconds"),
    [
        (conversation(_ALERTING | {"providerEventTime": t(1)}), 1),
        (event_bridge(conversation(_ALERTING | {"providerEventTime": t(1)}), "v2.users.u1.conversations", 5), 1),
        (event_bridge(conversation(_ALERTING), "v2.users.u1.conversations", 5), 5),
        (detail("user.start", 2), 2),
        (batch("callEstablishedEvents", 3, initialConfiguration={"alerting": True}), 3),
        (conversation(_ALERTING), 9),
    ],
)
def test_an_edition_is_the_time_of_the_payload_its_arrival_and_its_place(  # EDITION-2, EDITION-3
    document: Json, seconds: float
) -> None:
    (alert,) = [event for event in convert(document, received_at=_RECEIVED, place=7).events if event.kind == "alerting"]

    assert alert.sequence == f"{ms(seconds):013}{ms(9):013}0000007"


def test_what_is_not_known_of_an_edition_is_zeros() -> None:  # EDITION-3, EDITION-4
    assert facts(conversation(_ALERTING))["alerting"].sequence == "0" * 33
    stated = facts(conversation(_ALERTING | {"providerEventTime": t(1)}))["alerting"]
    assert stated.sequence == f"{ms(1):013}{'0' * 20}"


# --- What state events carry --------------------------------------------------------------------------------------------------


def test_every_state_event_has_settings_provider_and_initial_state() -> None:  # CARRY-1, CARRY-4
    leg = ENDED | {"state": "terminated", "initialState": "alerting", "startAlertingTime": t(-5), "provider": "Edge"}
    found = facts(conversation(leg | {"afterCallWorkRequired": False}, wrapupPrompt="timeout", wrapupTimeoutMs=30_000))

    carried = {"initialState": "alerting", "provider": "Edge", "afterCallWorkRequired": False}
    for fact in ("alerting", "connected", "disconnected", "terminated"):
        assert carried.items() <= data(found[fact]).items()
        assert {"wrapupPrompt": "timeout", "wrapupTimeoutMs": 30_000}.items() <= data(found[fact]).items()


def test_a_provider_that_is_not_stated_is_absent() -> None:  # CARRY-3
    assert all("provider" not in data(event) for event in facts(conversation(ENDED)).values())


@pytest.mark.parametrize(
    "document",
    [
        conversation(ENDED, userId="u1", queueId="q1"),
        {"id": "conv", "participants": [{"id": "p1", "communicationId": "leg", "purpose": "agent", **ENDED, "endTime": t(60)}]}
        | {"topicName": "v2.users.u1.conversations.calls"},
        analytics(segment("interact", 0, 60, disconnectType="peer", queueId="q1")),
        detail("user.end", 60, disconnectType="PEER", participantId="p1", userId="u1", queueId="q1", mediaType="VOICE"),
        batch("userEstablishedEvents", 0, userId="u1", queueId="q1"),
    ],
)
def test_the_context_is_what_the_payload_has_of_it(document: Json) -> None:  # CARRY-5
    body = document.get("eventBody", document)
    topic = document.pop("topicName", None)
    notified = {"topicName": topic, "eventBody": body} if topic else body

    for event in convert(notified).events:
        assert event.context.conversation_id == "conv"
        assert event.context.purpose == "agent"
        assert event.context.media_type == "call"
        assert event.context.user_id == ("u1" if "u1" in json.dumps(body) else None)
        assert event.context.queue_id == ("q1" if "q1" in json.dumps(body) else None)
        assert event.context.participant_id == ("p1" if '"p1"' in json.dumps(body) else None)


# --- Settings and times -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", ["agent", "user"])
def test_the_leg_of_an_agent_has_the_prompt_that_is_stated(purpose: str) -> None:  # PROMPT-1
    assert data(facts(conversation(ENDED, purpose, wrapupPrompt="optional"))["disconnected"])["wrapupPrompt"] == "optional"
    assert "wrapupPrompt" not in data(facts(conversation(ENDED, purpose))["disconnected"])


@pytest.mark.parametrize("purpose", ["customer", "external", "acd", "ivr", "workflow", "voicemail", "fax"])
def test_other_legs_have_no_after_call_work(purpose: str) -> None:  # PROMPT-2
    assert data(facts(conversation(ENDED, purpose, wrapupPrompt="optional"))["disconnected"])["wrapupPrompt"] == "none"


def test_the_stamp_beside_a_segment_is_when_the_state_was_received() -> None:  # WHEN-3
    alert = {"state": "alerting", "startAlertingTime": t(0.02), "segments": [{"type": "Alert", "startTime": t(0)}]}

    found = facts(conversation(alert))["alerting"]
    assert (found.occurred_at, found.received_at) == (NINE, NINE + timedelta(seconds=0.02))


def test_work_does_not_end_before_the_leg() -> None:  # SKEW-3
    work = {"state": "complete", "startTime": t(60), "endTime": t(59.981)}

    ended = facts(conversation(ENDED | {"afterCallWork": work}))["acw.ended"]
    assert ended.occurred_at == NINE + timedelta(seconds=60)
    assert ended.derived_from is not None


def test_an_alert_is_not_after_the_connection() -> None:  # SKEW-4
    alert = facts(conversation(ENDED | {"startAlertingTime": t(0.019)}))["alerting"]

    assert alert.occurred_at == NINE
    assert alert.derived_from is not None


# --- After-call work ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("work", "at", "state"),
    [
        ({"state": "complete", "startTime": t(60), "endTime": t(75)}, 75, "complete"),
        ({"state": "skipped", "startTime": t(60), "endTime": t(75)}, 75, "skipped"),
        ({"state": "notApplicable"}, 60, "notApplicable"),  # WORK-3
    ],
)
def test_the_end_of_work_is_the_platforms(work: Json, at: float, state: str) -> None:  # WORK-2
    ended = facts(conversation(ENDED | {"afterCallWork": work}))["acw.ended"]

    assert (ended.occurred_at, data(ended)) == (NINE + timedelta(seconds=at), {"by": "platform", "state": state})


def test_another_state_of_work_is_a_warning() -> None:  # WORK-4
    converted = convert(conversation(ENDED | {"afterCallWork": {"state": "paused"}}))

    assert [path for _, path in problems(converted)] == ["$.participants[0].calls[0].afterCallWork.state"]
    assert not any(event.kind.startswith("acw") for event in converted.events)


@pytest.mark.parametrize(
    ("participant", "leg", "at"),
    [
        ({"startAcwTime": t(60), "endAcwTime": t(80)}, {}, 80),
        ({"wrapup": {"code": "sale", "endTime": t(70)}}, {}, 70),
        ({}, {"providerEventTime": t(90)}, 90),
    ],
)
def test_work_without_an_end_ended_by_what_else_shows_it(participant: Json, leg: Json, at: float) -> None:  # WORK-5
    work = {"afterCallWork": {"state": "complete", "startTime": t(60)}}

    assert facts(conversation(ENDED | work | leg, **participant))["acw.ended"].occurred_at == NINE + timedelta(seconds=at)


def test_an_open_wrap_up_segment_is_pending_work() -> None:  # WORK-6
    found = facts(analytics(segment("interact", 0, 60, disconnectType="peer"), segment("wrapup", 60)))

    assert found["acw.started"].occurred_at == NINE + timedelta(seconds=60)
    assert "acw.ended" not in found


def test_a_closed_wrap_up_segment_is_work_from_begin_to_end() -> None:  # WORK-7, DRAFT-3
    found = facts(analytics(segment("interact", 0, 60, disconnectType="peer"), segment("wrapup", 60, 75)))

    assert [found[fact].occurred_at for fact in ("acw.started", "acw.ended")] == [NINE + timedelta(seconds=s) for s in (60, 75)]
    assert not any("wrapup" in fact for fact in found)


def test_work_that_analytics_calls_skipped_ended_with_the_leg() -> None:  # WORK-8
    found = facts(analytics(segment("interact", 0, 60, disconnectType="peer"), session={"acwSkipped": True}))["acw.ended"]

    assert (found.occurred_at, data(found)["state"]) == (NINE + timedelta(seconds=60), "skipped")


def test_the_detail_event_acw_is_a_wrap_up_and_the_end_of_work() -> None:  # WORK-9
    found = facts(detail("acw", 70, wrapupCode="sale", userId="u1"))

    assert data(found[f"wrapup/{t(70)}"])["code"] == "sale"
    assert data(found["acw.ended"]) == {"by": "platform", "state": "complete"}
    assert {event.occurred_at for event in found.values()} == {NINE + timedelta(seconds=70)}


# The purposes of legs that are no agent's, as the platform spells them.
OTHERS = [
    "acd",
    "api",
    "campaign",
    "customer",
    "dialer",
    "external",
    "fax",
    "ivr",
    "outbound",
    "station",
    "voicemail",
    "workflow",
]
_WORK = {"startAcwTime": t(60), "endAcwTime": t(75)}
REPORTS = {
    "of the leg": lambda purpose: conversation(
        ENDED | {"afterCallWork": {"state": "complete", "startTime": t(60), "endTime": t(75)}}, purpose
    ),
    "of the participant": lambda purpose: conversation(ENDED, purpose, **_WORK),
    "of one kind of media": lambda purpose: flat(
        state="disconnected", connectedTime=t(0), endTime=t(60), **_WORK | {"purpose": purpose}
    ),
    "of analytics": lambda purpose: analytics(segment("interact", 0, 60), segment("wrapup", 60, 75), purpose=purpose),
}


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("purpose", OTHERS)
def test_a_report_of_work_counts_for_a_leg_of_any_purpose(purpose: str, report: str) -> None:  # WORK-10, ACW-27
    session = fold(convert(REPORTS[report](purpose)).events).session

    assert session.after_call_work == AfterCallWork(
        start_time=NINE + timedelta(seconds=60), end_time=NINE + timedelta(seconds=75), state=AfterCallWorkState.COMPLETE
    )


@pytest.mark.parametrize("purpose", OTHERS)
def test_without_a_report_a_leg_of_another_purpose_has_no_work_whatever_the_rules(purpose: str) -> None:  # PROMPT-1
    lifecycle = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.MANDATORY))

    assert fold(convert(conversation(ENDED, purpose)).events, lifecycle=lifecycle).session.after_call_work is None
    assert fold(convert(conversation(ENDED, "agent")).events, lifecycle=lifecycle).session.after_call_work is not None


_LEG, _SESSION = "$.participants[0].calls[0]", "$.participants[0].sessions[0]"
_TALK, _SKIPPED = segment("interact", 0, 60, disconnectType="peer"), {"acwSkipped": True}
_HAS_NONE = ENDED | {"afterCallWork": {"state": "notApplicable"}}
INCOMPLETE: dict[str, tuple[Json, str, str]] = {
    "start without a state": (
        conversation(ENDED | {"afterCallWork": {"startTime": t(60)}}),  # WORK-11
        *("missing", f"{_LEG}.afterCallWork.state"),
    ),
    "end without a state": (
        conversation(ENDED | {"afterCallWork": {"endTime": t(70)}}),  # WORK-11
        *("missing", f"{_LEG}.afterCallWork.state"),
    ),
    "skipped without times": (
        conversation(ENDED, wrapupSkipped=True),  # WORK-12
        *("no_time", "$.participants[0].wrapupSkipped"),
    ),
    "skipped without an end": (
        conversation(ENDED, wrapupSkipped=True, startAcwTime=t(60)),  # WORK-12
        *("no_time", "$.participants[0].wrapupSkipped"),
    ),
    "skipped without times, of one kind of media": (
        flat(state="disconnected", connectedTime=t(0), endTime=t(60), wrapupSkipped=True),  # WORK-12
        *("no_time", "$.participants[0].wrapupSkipped"),
    ),
    "skipped beside a wrap-up segment": (
        analytics(_TALK, segment("wrapup", 60, 70), session=_SKIPPED),  # WORK-13
        *("contradiction", f"{_SESSION}.acwSkipped"),
    ),
    "skipped beside an open wrap-up segment": (
        analytics(_TALK, segment("wrapup", 60), session=_SKIPPED),  # WORK-13
        *("contradiction", f"{_SESSION}.acwSkipped"),
    ),
    "skipped beside a code": (
        analytics(_TALK, segment("wrapup", 60, 60, wrapUpCode="sale"), session=_SKIPPED),  # WORK-13
        *("contradiction", f"{_SESSION}.acwSkipped"),
    ),
    "none beside a start": (
        conversation(_HAS_NONE, startAcwTime=t(60)),  # SHARE-5
        *("contradiction", "$.participants[0].startAcwTime"),
    ),
    "none beside both times": (
        conversation(_HAS_NONE, startAcwTime=t(60), endAcwTime=t(70)),  # SHARE-5
        *("contradiction", "$.participants[0].startAcwTime"),
    ),
    "an open segment of a conversation that has ended": (
        analytics(segment("interact", 0), conversationEnd=t(60)),  # END-6
        *("no_time", f"{_SESSION}.segments[0].segmentEnd"),
    ),
}


@pytest.mark.parametrize("case", INCOMPLETE)
def test_a_report_that_is_incomplete_or_contradicts_itself_is_one_warning(case: str) -> None:  # LOST-3
    document, error, path = INCOMPLETE[case]
    converted = convert(document)

    assert problems(converted) == [(error, path)]
    session = fold(converted.events).session
    assert [str(one) for one in reconcile([session], converted.legs).differences] == []  # LOST-4


@pytest.mark.parametrize(
    "document",
    [
        conversation(ENDED | {"afterCallWork": {}}),
        conversation(ENDED | {"afterCallWork": {"state": None}}),
        conversation(ENDED | {"afterCallWork": {"state": "skipped", "startTime": t(60), "endTime": t(60)}}, wrapupSkipped=True),
        conversation(ENDED, wrapupSkipped=False),
        conversation(ENDED, wrapupSkipped=True, startAcwTime=t(60), endAcwTime=t(60)),
        conversation(_HAS_NONE),
        analytics(_TALK, segment("wrapup", 60, 60), session=_SKIPPED),
    ],
)
def test_a_report_that_is_complete_is_no_warning(document: Json) -> None:  # WORK-11 to WORK-13
    assert problems(convert(document)) == []


# --- Work of the participant --------------------------------------------------------------------------------------------------


def two_legs(first: float, second: float, **participant: Any) -> Json:
    legs = [{"id": name, **ENDED, "disconnectedTime": t(at)} for name, at in (("one", first), ("two", second))]
    return {"id": "conv", "participants": [{"id": "p1", "purpose": "agent", "calls": legs} | participant]}


def work_of(document: Json) -> dict[str, list[Json]]:
    """What ended after-call work, by leg."""
    found = [event for event in convert(document).events if event.kind == "acw.ended"]
    return {leg: [data(event) for event in found if event.subject == leg] for leg in ("one", "two")}


def test_work_belongs_to_the_leg_that_ended_when_it_began() -> None:  # SHARE-1, SHARE-3
    document = two_legs(60, 90, startAcwTime=t(60.9), endAcwTime=t(75), wrapup={"code": "sale", "endTime": t(75)})

    done = {"by": "platform", "state": "complete"}
    assert work_of(document) == {"one": [done], "two": [{"by": "platform", "state": "notApplicable"}]}
    assert {event.subject for event in convert(document).events if event.kind == "wrapup"} == {"one"}
    assert convert(document).warnings == ()


def test_a_leg_that_ended_with_its_last_segment_ended_then() -> None:  # SHARE-1
    document = two_legs(60, 90, startAcwTime=t(60), endAcwTime=t(75))
    for leg, end in zip(document["participants"][0]["calls"], (60, 90), strict=True):
        leg |= {"disconnectedTime": None, "segments": [{"type": "Interact", "startTime": t(0), "endTime": t(end)}]}

    assert [[one["state"] for one in work_of(document)[name]] for name in ("one", "two")] == [["complete"], ["notApplicable"]]
    assert convert(document).warnings == ()


def test_work_of_no_leg_in_particular_belongs_to_the_one_that_ended_last() -> None:  # SHARE-2, SHARE-4
    document = two_legs(60, 90, startAcwTime=t(100), endAcwTime=t(110), wrapup={"code": "sale", "endTime": t(110)})

    assert [one["state"] for one in work_of(document)["two"]] == ["complete"]
    (warning,) = convert(document).warnings
    assert warning.path.startswith("$.participants[0]")


def test_a_leg_that_states_that_it_has_no_work_is_not_chosen() -> None:  # SHARE-5
    document = two_legs(60, 60, startAcwTime=t(60), endAcwTime=t(75))
    document["participants"][0]["calls"][1]["afterCallWork"] = {"state": "notApplicable"}

    assert [one["state"] for one in work_of(document)["one"]] == ["complete"]
    assert convert(document).warnings == ()


# --- Ends ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [[segment("wrapup", 60, 70)], []])
def test_a_leg_of_analytics_ended_with_its_last_segment(after: list[Json]) -> None:  # END-1
    conversation_end: dict[str, Any] = {} if after else {"conversationEnd": t(60)}

    found = facts(analytics(segment("interact", 0, 60), *after, **conversation_end))["disconnected"]
    assert (found.occurred_at, "disconnectType" in data(found)) == (NINE + timedelta(seconds=60), False)


def test_an_open_leg_of_analytics_has_not_ended() -> None:  # END-1
    assert "disconnected" not in facts(analytics(segment("interact", 0, 60)))


def test_user_start_is_an_alert() -> None:  # END-2
    assert facts(detail("user.start", 0, userId="u1")).keys() == {"alerting"}


@pytest.mark.parametrize("kind", ["user.end", "customer.end"])
def test_a_leg_that_interacted_was_connected(kind: str) -> None:  # END-3
    found = facts(detail(kind, 60, disconnectType="PEER", interactingDurationMs=50_000, heldDurationMs=4_000))["connected"]

    assert found.occurred_at == NINE + timedelta(seconds=6)
    assert found.derived_from is not None


def test_an_end_without_a_time_is_that_of_what_else_shows_it() -> None:  # END-4
    leg = {"state": "disconnected", "connectedTime": t(0)}
    work = {"afterCallWork": {"state": "pending", "startTime": t(60)}}
    topic = "v2.users.u1.conversations"
    for seconds, document in {
        60: event_bridge(conversation(leg | work, endTime=t(61)), topic, 62),
        59: event_bridge(conversation(leg, startAcwTime=t(59), endTime=t(61)), topic, 62),
        61: event_bridge(conversation(leg, endTime=t(61)), topic, 62),
        62: event_bridge(conversation(leg), topic, 62),
        63: conversation(leg),
    }.items():
        ended = facts(document, received_at=NINE + timedelta(seconds=63))["disconnected"]
        assert ended.occurred_at == NINE + timedelta(seconds=seconds)
        assert ended.derived_from is not None


# --- Families -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alerting", [True, False])
@pytest.mark.parametrize("key", ["userEstablishedEvents", "externalEstablishedEvents", "emailUserEstablishedEvents"])
def test_an_established_event_begins_a_leg(key: str, *, alerting: bool) -> None:  # BATCH-1
    (event,) = convert(batch(key, 1, initialConfiguration={"alerting": alerting})).events

    assert (event.kind, event.occurred_at) == ("alerting" if alerting else "connected", NINE + timedelta(seconds=1))


def test_an_established_event_has_details() -> None:  # BATCH-2, BATCH-3, BATCH-4
    more = {"afterCallWorkRequired": False, "sourceConfiguration": {"sourceId": "acme"}, "invitedBy": "leg-2"}
    events = convert(batch("userEstablishedEvents", 1, **more)).events

    carried = [data(event) for event in events]
    assert {"afterCallWorkRequired": False, "provider": "acme"}.items() <= carried[0].items()
    assert {"peerId": "leg-2"} in carried


def test_answers_ends_and_dispositions_are_read() -> None:  # BATCH-5
    document = {
        **batch("callAnsweredEvents", 1),
        **batch("callEndedEvents", 60, disconnectType="Peer"),
        **batch("callDispositionAppliedEvents", 70, code="sale"),
    }

    assert {event.kind for event in convert(document).events} == {"connected", "disconnected", "wrapup"}


@pytest.mark.parametrize("key", ["callTransferEvents", "callHoldUpdatedEvents"])
def test_transfers_and_holds_are_skipped(key: str) -> None:  # BATCH-6
    converted = convert(batch(key, 1))

    assert (converted.events, converted.warnings, len(converted.skipped)) == ((), (), 1)


@pytest.mark.parametrize(
    ("word", "kind", "reason"),
    [
        ("Offering", "offering", None),  # OFFER-1
        ("OfferingExpired", "disconnected", "timeout"),  # OFFER-2
        ("OfferingAccepted", "connected", None),  # OFFER-3
        ("OfferingRejected", "disconnected", "client"),  # OFFER-4
    ],
)
def test_an_offer_of_web_messaging_is_a_leg(word: str, kind: str, reason: str | None) -> None:
    offer = {"eventType": "CoBrowse", "coBrowse": {"type": word, "sessionId": "leg"}}
    (event,) = convert({"conversationId": "conv", "channel": {"time": t(1)}, "events": [offer]}).events

    assert (event.subject, event.kind, event.occurred_at) == ("leg", kind, NINE + timedelta(seconds=1))
    assert data(event).get("disconnectType") == reason


def test_the_history_of_calls_gives_its_legs() -> None:  # FAMILY-1
    participant = {"id": "leg", "purpose": "agent", "startTime": t(0), "endTime": t(20), "disconnectType": "peer"}
    history = {"entities": [{"id": "conv", "participants": [participant | {"didInteract": False}]}], "pageNumber": 1}

    assert facts(history)["disconnected"].occurred_at == NINE + timedelta(seconds=20)


def test_the_records_of_sqs_are_read() -> None:  # FAMILY-2
    plain = conversation(ENDED)
    event = event_bridge(plain, "v2.users.u1.conversations", 61)

    assert facts({"Records": [{"body": json.dumps(plain)}]}).keys() == facts(plain).keys()
    assert facts({"Records": [{"body": json.dumps(event)}]}).keys() == facts(plain).keys()


def test_an_event_without_the_name_of_its_topic_is_read() -> None:  # FAMILY-3
    assert facts(event_bridge(conversation(ENDED), None, 61)).keys() == facts(conversation(ENDED)).keys()


def test_what_nobody_recognises_is_rejected() -> None:  # SKIP-3
    with pytest.raises(DecodeError):
        convert({"hello": "world"})


def test_a_key_of_a_batch_that_is_not_read_is_a_warning() -> None:  # LOST-2
    converted = convert(batch("callAnsweredEvents", 1) | {"callSomethingNew": [{}]})

    assert [path for _, path in problems(converted)] == ["$.callSomethingNew"]
