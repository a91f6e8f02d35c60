"""A payload gives legs, warnings, or an error: each is expected as a whole (payloads.md)."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.test_payload_rules import ENDED, NINE, Json, analytics, batch, conversation, detail, flat, ms, segment, t

from cobrowse_session import DecodeError, Problem
from cobrowse_session.model import AfterCallWork, Context, Wrapup
from cobrowse_session.segments import Segment
from cobrowse_session.settings import Settings
from cobrowse_session.sources import convert
from cobrowse_session.sources.genesys import GENESYS
from cobrowse_session.sources.leg import Leg
from cobrowse_session.sources.reader import Origin
from cobrowse_session.times import EPOCH
from cobrowse_session.vocabulary import WrapupPrompt


def at(seconds: float) -> datetime:
    return NINE + timedelta(seconds=seconds)


# --- Legs ---------------------------------------------------------------------------------------------------------------------

WHOSE = {"participantId": "p1", "userId": "u1", "queueId": "q1", "mediaType": "VOICE", "provider": "Edge"}


def leg(purpose: str | None = "agent", media: str | None = "call", participant: str | None = None, **stated: Any) -> Leg:
    """A leg of an agent, or of another purpose."""
    ids = {"participant_id": participant} | (
        {"participant_id": "p1", "user_id": "u1", "queue_id": "q1"} if purpose == "agent" else {}
    )
    return Leg(
        id="leg",
        source="/genesys/conversations/conv",
        context=Context(conversation_id="conv", purpose=purpose, media_type=media, **ids),
        settings=Settings(wrapup_prompt=WrapupPrompt.NONE if purpose not in ("agent", None) else None),
        **stated,
    )


def of_detail(kind: str, seconds: float, purpose: str = "agent", media: str | None = "call", **stated: Any) -> Leg:
    origin = Origin(stated=("eventTime", at(seconds)), topic=f"v2.detail.events.conversation.conv.{kind}")
    return leg(purpose, media, origin=origin, path="$.eventBody", is_record=False, **stated)


def of_batch(key: str, seconds: float, purpose: str | None = None, media: str = "call", **stated: Any) -> Leg:
    origin, path = Origin(stated=("eventDateTime", at(seconds))), f"$.{key}[0]"
    return leg(purpose, media, event_id="e1", origin=origin, path=path, is_record=False, **stated)


def offer(kind: str) -> Json:
    return {"conversationId": "conv", "time": t(1), "coBrowse": {"type": kind, "sessionId": "leg"}}


def of_offer(state: str, **stated: Any) -> Leg:
    return Leg(
        id="leg",
        source="/genesys/conversations/conv",
        context=Context(conversation_id="conv", media_type="cobrowse"),
        origin=Origin(stated=("the message's time", at(1))),
        path="$.coBrowse",
        is_record=False,
        state=state,
        **stated,
    )


LEGS: dict[str, tuple[Json, Leg]] = {
    "the detail event user.start": (
        detail("user.start", 0, **WHOSE),
        of_detail(
            *("user.start", 0),
            provider="Edge",
            state="alerting",
            initial_state="alerting",
            segments=(Segment(start_time=at(0), type="Alert"),),
        ),
    ),
    "the detail event customer.start": (
        detail("customer.start", 0, mediaType="VOICE"),
        of_detail("customer.start", 0, "customer", begins=at(0)),
    ),
    "the detail event user.end": (
        detail("user.end", 60, **WHOSE, disconnectType="peer", interactingDurationMs=50_000, heldDurationMs=4_000),
        of_detail(
            *("user.end", 60),
            provider="Edge",
            state="disconnected",
            disconnected_time=at(60),
            disconnect_type="peer",
            derived=(("connected", "eventTime - interactingDurationMs - heldDurationMs", at(6)),),
        ),
    ),
    "the end of a leg that was connected since 1970": (
        detail("acd.end", 60, interactingDurationMs=ms(60)),
        of_detail(
            *("acd.end", 60, "acd", None),
            state="disconnected",
            disconnected_time=at(60),
            derived=(("connected", "eventTime - interactingDurationMs - heldDurationMs", EPOCH),),
        ),
    ),
    "a leg of a conversation": (
        conversation(
            {
                "state": "disconnected",
                "segments": [
                    {"type": "Alert", "startTime": t(0), "endTime": t(5), "howEnded": "Disconnect", "disconnectType": "PEER"}
                ],
                "disconnectedTime": t(60),
                "disconnectType": "peer",
                "wrapup": {"code": "sale", "name": "Sale", "notes": "n", "tags": ["x"], "durationSeconds": 9, "endTime": t(70)},
                "afterCallWork": {"state": "complete", "startTime": t(60), "endTime": t(70)},
                "peerId": "leg-2",
                "cobrowseRole": "SHARER",
            },
            "fax",
            startTime=t(-5),
            endTime=t(61),
        ),
        leg(
            *("fax", "call", "p1"),
            path="$.participants[0].calls[0]",
            state="disconnected",
            begins=at(-5),
            segments=(Segment(type="Alert", start_time=at(0), end_time=at(5), how_ended="Disconnect", disconnect_type="peer"),),
            disconnected_time=at(60),
            disconnect_type="peer",
            derived=(("end", "afterCallWork.startTime", at(60)), ("end", "the participant's endTime", at(61))),
            wrapup=Wrapup(code="sale", name="Sale", notes="n", tags=("x",), duration_seconds=9, end_time=at(70)),
            after_call_work=AfterCallWork(start_time=at(60), end_time=at(70), state="complete"),
            changing={"peer_id": "leg-2", "cobrowse_role": "sharer"},
        ),
    ),
    "a leg of a conversation whose participant had work": (
        conversation(ENDED, "fax", startAcwTime=t(60), endAcwTime=t(60)),
        leg(
            *("fax", "call", "p1"),
            path="$.participants[0].calls[0]",
            state="disconnected",
            connected_time=at(0),
            disconnected_time=at(60),
            disconnect_type="peer",
            derived=(("end", "startAcwTime", at(60)),),
            after_call_work=AfterCallWork(start_time=at(60), end_time=at(60), state="skipped"),
        ),
    ),
    "a leg of one kind of media": (
        flat(
            purpose="fax",
            state="disconnected",
            startTime=t(-5),
            endTime=t(60),
            peer="leg-2",
            startAcwTime=t(60),
            endAcwTime=t(60),
            wrapup={"code": "sale"},
            communicationId="leg",
            id="p1",
        ),
        leg(
            *("fax", None, "p1"),
            path="$.participants[0]",
            state="disconnected",
            begins=at(-5),
            disconnected_time=at(60),
            derived=(("end", "startAcwTime", at(60)),),
            wrapup=Wrapup(code="sale"),
            after_call_work=AfterCallWork(start_time=at(60), end_time=at(60), state="complete"),
            changing={"peer_id": "leg-2"},
        ),
    ),
    "a leg of one kind of media in an envelope without a time": (
        {
            "detail-type": "v2.users.u1.conversations.calls",
            "detail": {"eventBody": flat(state="connected", connectedTime=t(0), purpose="fax")},
        },
        leg(
            "fax",
            participant="leg",
            origin=Origin(topic="v2.users.u1.conversations.calls"),
            path="$.detail.eventBody.participants[0]",
            is_participant=True,
            state="connected",
            connected_time=at(0),
        ),
    ),
    "a leg of one kind of media in a record": (
        {"Records": [{"body": json.dumps(flat(state="connected", connectedTime=t(0), purpose="fax"))}]},
        leg(
            *("fax", None, "leg"),
            path="$.Records[0].body.participants[0]",
            is_participant=True,
            state="connected",
            connected_time=at(0),
        ),
    ),
    "the detail event acw": (
        detail("acw", 70, **WHOSE, wrapupCode="sale", wrapupNotes="n"),
        of_detail(
            *("acw", 70),
            provider="Edge",
            wrapup=Wrapup(code="sale", notes="n", end_time=at(70)),
            after_call_work=AfterCallWork(end_time=at(70), state="complete"),
        ),
    ),
    "a leg of a provider that alerts": (
        batch("externalEstablishedEvents", 1, initialConfiguration={"alerting": True}),
        of_batch(
            *("externalEstablishedEvents", 1, "external"),
            state="alerting",
            segments=(Segment(start_time=at(1), type="Alert"),),
        ),
    ),
    "a leg of a provider that is connected": (
        batch("emailUserEstablishedEvents", 1, afterCallWorkRequired=True, sourceConfiguration={"sourceId": "a"}, invitedBy="b"),
        Leg(
            id="leg",
            source="/genesys/conversations/conv",
            event_id="e1",
            context=Context(conversation_id="conv", purpose="agent", media_type="email"),
            origin=Origin(stated=("eventDateTime", at(1))),
            path="$.emailUserEstablishedEvents[0]",
            is_record=False,
            state="connected",
            provider="a",
            segments=(Segment(start_time=at(1), type="Interact"),),
            after_call_work_required=True,
            changing={"peer_id": "b"},
        ),
    ),
    "an answer": (
        batch("messagingAnsweredEvents", 2),
        of_batch(
            *("messagingAnsweredEvents", 2, None, "message"),
            state="connected",
            segments=(Segment(start_time=at(2), type="Interact"),),
        ),
    ),
    "an end": (
        batch("callEndedEvents", 60, disconnectType="Self"),
        of_batch("callEndedEvents", 60, state="disconnected", disconnected_time=at(60), disconnect_type="client"),
    ),
    "an end without a reason": (
        batch("callEndedEvents", 60),
        of_batch("callEndedEvents", 60, state="disconnected", disconnected_time=at(60)),
    ),
    "a disposition without a code": (
        batch("callDispositionAppliedEvents", 70, notes="n", tags=["x"]),
        of_batch(
            *("callDispositionAppliedEvents", 70),
            wrapup=Wrapup(notes="n", tags=("x",), end_time=at(70)),
            after_call_work=AfterCallWork(end_time=at(70), state="skipped"),
        ),
    ),
    "an offer": (offer("Offering"), of_offer("offering", segments=(Segment(start_time=at(1), type="System"),))),
    "an offer that expired": (
        offer("OfferingExpired"),
        of_offer("disconnected", disconnect_type="timeout", disconnected_time=at(1)),
    ),
    "an offer that was accepted": (
        offer("OfferingAccepted"),
        of_offer("connected", segments=(Segment(start_time=at(1), type="Interact"),)),
    ),
    "an offer that was rejected": (
        offer("OfferingRejected"),
        of_offer("disconnected", disconnect_type="client", disconnected_time=at(1)),
    ),
    "a session of analytics": (
        analytics(
            segment("alert", 0, 5),
            segment("Wink", 5, 10),
            segment("interact", 10, 50),
            segment("hold", 50, 60, disconnectType="PEER"),
            segment("wrapup", 60, 70, wrapUpCode="sale", wrapUpNote="n"),
            session={"provider": "Edge", "peerId": "leg-2"},
            purpose="customer",
        ),
        leg(
            "customer",
            path="$.participants[0].sessions[0]",
            provider="Edge",
            state="disconnected",
            disconnected_time=at(60),
            disconnect_type="peer",
            connected_since=at(10),
            segments=(
                Segment(start_time=at(0), end_time=at(5), type="Alert"),
                Segment(start_time=at(5), end_time=at(10), type="Wink"),
                Segment(start_time=at(10), end_time=at(60), type="Interact"),
            ),
            wrapup=Wrapup(code="sale", notes="n", end_time=at(70)),
            after_call_work=AfterCallWork(start_time=at(60), end_time=at(70), state="complete"),
            work_starts=True,
            changing={"peer_id": "leg-2"},
        ),
    ),
    "a session of analytics whose work goes on": (
        analytics(segment("interact", 0, 60), segment("wrapup", 60), purpose="customer"),
        leg(
            "customer",
            path="$.participants[0].sessions[0]",
            state="disconnected",
            disconnected_time=at(60),
            connected_since=at(0),
            segments=(Segment(start_time=at(0), end_time=at(60), type="Interact"),),
            after_call_work=AfterCallWork(start_time=at(60), state="pending"),
            work_starts=True,
        ),
    ),
    "a session of analytics without work": (
        analytics(segment("interact", 0, 60, disconnectType="peer"), session={"acwSkipped": True}, purpose="customer"),
        leg(
            "customer",
            path="$.participants[0].sessions[0]",
            state="disconnected",
            disconnected_time=at(60),
            disconnect_type="peer",
            connected_since=at(0),
            segments=(Segment(start_time=at(0), end_time=at(60), type="Interact"),),
            after_call_work=AfterCallWork(start_time=at(60), end_time=at(60), state="skipped"),
        ),
    ),
}


@pytest.mark.parametrize("case", LEGS)
def test_a_leg_has_all_that_its_payload_shows_and_nothing_else(case: str) -> None:
    document, expected = LEGS[case]

    assert convert(document).legs == (expected,)


# --- Warnings -----------------------------------------------------------------------------------------------------------------

LEG, PARTICIPANT, SESSION = "$.participants[0].calls[0]", "$.participants[0]", "$.participants[0].sessions[0]"
TALK = segment("interact", 0, 60, disconnectType="peer")
NO_IDS = "the ids of a conversation and its communication"


def two_legs(first: Json, second: Json, **participant: Any) -> Json:
    return conversation({}, calls=[{"id": "one"} | first, {"id": "two"} | second], **participant)


def no_fact(path: str) -> tuple[str, str, str, str, str]:
    """The warning of a leg without any fact (LOST-1)."""
    return "no_fact", path, "nothing that is known", "a state with its time, or another fact of the leg", "leg"


Warned = tuple[str, str, str, str, str | None]

WARNINGS: dict[str, tuple[Json, list[Warned]]] = {
    "a detail event without ids": (
        detail("user.end", 60) | {"eventBody": {"eventTime": ms(60)}},
        [("missing", "$.eventBody.id", "nothing", NO_IDS, None)],
    ),
    "a detail event of a conversation without the id of its leg": (
        detail("user.end", 60, sessionId=None),
        [("missing", "$.eventBody.id", "nothing", NO_IDS, None)],
    ),
    "an event of a provider without the id of its leg": (
        batch("callAnsweredEvents", 1, communicationId=None),
        [("missing", "$.callAnsweredEvents[0].id", "nothing", NO_IDS, None)],
    ),
    "an offer without an id": (
        {"coBrowse": {"type": "Offering"}},
        [("missing", "$.coBrowse.id", "nothing", NO_IDS, None)],
    ),
    "a session of analytics without an id": (
        analytics(TALK, session={"sessionId": None}),
        [("missing", f"{SESSION}.id", "nothing", NO_IDS, None)],
    ),
    "a leg of one kind of media without an id": (
        flat(id=None, state="connected"),
        [("missing", f"{PARTICIPANT}.id", "nothing", NO_IDS, None)],
    ),
    "a gap between segments of a connected leg": (
        analytics(segment("interact", 0, 10), segment("hold", 15)),
        [("gap", f"{SESSION}.segments[1]", f"no segment from {t(10)} to {t(15)}", "segments that follow each other", None)],
    ),
    "a segment of a connection that did not begin": (
        analytics(segment("hold", 0)),
        [("unplaced_segment", f"{SESSION}.segments[0].segmentType", '"hold"', "a connection before it", None), no_fact(SESSION)],
    ),
    "an unknown segment": (
        analytics(segment("Wink", 0)),
        [("unplaced_segment", f"{SESSION}.segments", f"Wink from {t(0)}", "a known state", "leg")],
    ),
    "an open segment of a conversation that has ended": (  # END-6
        analytics(segment("interact", 0), conversationEnd=t(60)),
        [("no_time", f"{SESSION}.segments[0].segmentEnd", "null", "the end of the leg, which has ended", "leg")],
    ),
    "work that was skipped at an unknown time": (
        analytics(segment("interact", 0), session={"acwSkipped": True}),
        [("no_time", f"{SESSION}.acwSkipped", "true", "the end of the leg, at which its after-call work was skipped", "leg")],
    ),
    "work that was skipped beside a wrap-up": (  # WORK-13
        analytics(TALK, segment("wrapup", 60, 70), session={"acwSkipped": True}),
        [
            (
                *("contradiction", f"{SESSION}.acwSkipped", "true"),
                *("no wrap-up segment; that the work was skipped at the end of the leg counts", "leg"),
            )
        ],
    ),
    "two codes": (
        analytics(TALK, segment("wrapup", 60, 70, wrapUpCode="A"), segment("wrapup", 70, 80, wrapUpCode="B")),
        [("contradiction", f"{SESSION}.segments[2].wrapUpCode", '"B"', "one wrap-up; it replaces A", None)],
    ),
    "notes without a code": (
        analytics(TALK, segment("wrapup", 60, 70, wrapUpNote="n")),
        [("no_code", f"{SESSION}.segments[1].wrapUpCode", "null", "a code, or neither notes nor tags", None)],
    ),
    "a wrap-up segment without times": (
        analytics(TALK, {"segmentType": "wrapup"}),
        [("no_time", f"{SESSION}.segments[1].segmentStart", "null", "the time at which after-call work began", "leg")],
    ),
    "a detail event without a time": (
        detail("user.end", 60, eventTime=None),
        [("no_time", "$.eventBody.eventTime", "null", "milliseconds since 1970", None)],
    ),
    "a connection of less than no time": (
        detail("user.end", 60, interactingDurationMs=-1),
        [
            (
                *("out_of_bounds", "$.eventBody.interactingDurationMs", "-1"),
                *("milliseconds that the leg was connected before it ended", None),
            )
        ],
    ),
    "a connection before 1970": (
        detail("user.end", 60, interactingDurationMs=ms(60), heldDurationMs=1),
        [
            (
                *("out_of_bounds", "$.eventBody.interactingDurationMs", str(ms(60))),
                *("milliseconds that the leg was connected before it ended", None),
            )
        ],
    ),
    "a type of offer that is not known": (
        offer("OfferingMuted"),
        [
            (
                *("unknown_value", "$.coBrowse.type", '"OfferingMuted"'),
                *("one of Offering, OfferingExpired, OfferingAccepted, OfferingRejected", None),
            )
        ],
    ),
    "times of work without a state": (  # WORK-11
        conversation(ENDED | {"afterCallWork": {"startTime": t(60)}}),
        [
            (
                *("missing", f"{LEG}.afterCallWork.state", "null"),
                *("pending, complete, skipped or notApplicable, for these times", None),
            )
        ],
    ),
    "a key of a batch that is not read": (  # LOST-2
        batch("callAnsweredEvents", 1) | {"callSomethingNew": [{}]},
        [("unread", "$.callSomethingNew", "[{}]", "a key of a batch: a list of events", None)],
    ),
    "an event of a provider without a time": (
        batch("callAnsweredEvents", 1, eventDateTime=None),
        [("no_time", "$.callAnsweredEvents[0].eventDateTime", "null", "the time at which it happened", None)],
    ),
    "two wrap-ups": (
        conversation(ENDED | {"wrapup": {"code": "A", "endTime": t(70)}}, wrapup={"code": "B", "endTime": t(70)}),
        [
            (
                *("contradiction", f"{PARTICIPANT}.wrapup", f'{{"code": "B", "endTime": "{t(70)}"}}'),
                *("the wrap-up of the leg leg, which counts", None),
            )
        ],
    ),
    "times of work of a leg that has none": (  # SHARE-5
        conversation(ENDED | {"afterCallWork": {"state": "notApplicable"}}, startAcwTime=t(60)),
        [
            (
                *("contradiction", f"{PARTICIPANT}.startAcwTime", f'"{t(60)}"'),
                *("no after-call work, because the leg leg states that it has none", None),
            )
        ],
    ),
    "two ends of work": (
        conversation(
            ENDED | {"afterCallWork": {"state": "complete", "startTime": t(60), "endTime": t(70)}},
            startAcwTime=t(60),
            endAcwTime=t(75),
        ),
        [
            (
                *("contradiction", f"{PARTICIPANT}.endAcwTime", f'"{t(75)}"'),
                *("the end of after-call work of the leg leg, which counts", None),
            )
        ],
    ),
    "work of several legs that was skipped at an unknown time": (  # WORK-12
        two_legs(ENDED, ENDED, wrapupSkipped=True),
        [
            (
                *("no_time", f"{PARTICIPANT}.wrapupSkipped", "true"),
                *("endAcwTime, the time at which after-call work was skipped", "one or two"),
            )
        ],
    ),
    "work of no leg that was skipped at an unknown time": (  # WORK-12
        conversation({}, calls=[], wrapupSkipped=True),
        [
            (
                *("no_time", f"{PARTICIPANT}.wrapupSkipped", "true"),
                *("endAcwTime, the time at which after-call work was skipped", None),
            )
        ],
    ),
    "work of legs that go on": (  # SHARE-4
        two_legs({"connectedTime": t(0)}, {"connectedTime": t(0)}, startAcwTime=t(60)),
        [
            (
                *("chosen_leg", f"{PARTICIPANT}.startAcwTime", f"2 legs, after-call work from {t(60)}"),
                *("a leg that has ended", None),
            )
        ],
    ),
    "a wrap-up of several legs": (  # SHARE-2, SHARE-4
        two_legs(ENDED, ENDED | {"disconnectedTime": t(90)}, wrapup={"code": "A", "endTime": t(99)}),
        [
            (
                *("chosen_leg", f"{PARTICIPANT}.startAcwTime", "2 legs, after-call work from an unknown time"),
                *("one leg that ended then; two ended last and has it", None),
            )
        ],
    ),
    "a leg of one kind of media that was connected at an unknown time": (
        flat(startTime=t(0), endTime=t(60), state="disconnected", didInteract=True),
        [
            (
                *("no_time", f"{PARTICIPANT}.didInteract", "true"),
                *("the time at which the leg was connected, which this family does not have", "leg"),
            )
        ],
    ),
    "an unknown topic": (  # SKIP-4
        {"topicName": "v2.conversations.conv.mood", "eventBody": {"smiles": 3}},
        [("unknown_topic", "$.eventBody", "v2.conversations.{id}.mood", "a topic whose payloads can be read", None)],
    ),
}


@pytest.mark.parametrize("case", WARNINGS)
def test_a_warning_says_where_it_is_what_was_found_what_was_expected_and_of_which_leg(case: str) -> None:
    document, expected = WARNINGS[case]
    found = convert(document).warnings

    assert [(one.error, one.path, one.found, one.expected, one.leg) for one in found] == expected


# --- Errors -------------------------------------------------------------------------------------------------------------------

TOPIC, UNKNOWN = "v2.users.u1.conversations", "a payload of a known family"
REJECTED: dict[str, tuple[Json, str | None, tuple[str, str, str]]] = {
    "no payload": ({"id": "conv"}, "analytics", ("$", '{"id": "conv"}', "a payload of analytics")),
    "a payload in an envelope": (
        {"topicName": TOPIC, "eventBody": {"id": "conv"}},
        None,
        ("$.eventBody", '{"id": "conv"}', UNKNOWN),
    ),
    "a notification without a body": (
        {"topicName": TOPIC, "eventBody": 5},
        None,
        ("$.eventBody", "5", "the body of a notification"),
    ),
    "data of another kind": ({"data": 5}, None, ("$", '{"data": 5}', f"{UNKNOWN} (sources: genesys)")),
    "an interaction without data": (
        {"type": "interaction"},
        None,
        ("$", '{"type": "interaction"}', f"{UNKNOWN} (sources: genesys)"),
    ),
    "analytics without participants": (
        {"conversationId": "conv", "participants": []},
        "media",
        ("$", '{"conversationId": "conv", "participants": []}', "a payload of media"),
    ),
    "a record without a body": ({"Records": [{}]}, None, ("$.Records[0].body", "null", "a payload as JSON text")),
    "a record with another body": ({"Records": [{"body": "[5]"}]}, None, ("$.Records[0].body", "[5]", "a payload as JSON text")),
    "an event of the Embeddable Framework": (
        {"type": "interactionSubscription", "data": {}},
        None,
        (
            "$",
            '{"type": "interactionSubscription", "data": {}}',
            (
                "a payload that names a communication; this is an event of the Embeddable Framework, which names none: "
                "subscribe to the topic v2.users.{id}.conversations"
            ),
        ),
    ),
}


@pytest.mark.parametrize("case", REJECTED)
def test_an_error_says_where_it_is_what_was_found_and_what_was_expected(case: str) -> None:  # SKIP-3
    document, family, expected = REJECTED[case]
    with pytest.raises(DecodeError) as caught:
        convert(document, family)

    (problem,) = caught.value.problems
    assert (problem.error, problem.path, problem.found, problem.expected) == ("not_recognised", *expected)


@pytest.mark.parametrize("payload", [None, 5, "text", [{}]])
def test_genesys_converts_objects_only(payload: Any) -> None:
    with pytest.raises(DecodeError) as caught:
        GENESYS.convert(payload, path="$.items[3]")

    assert GENESYS.recognise(payload) is None
    assert caught.value.problems == (Problem("not_recognised", "$.items[3]", json.dumps(payload), "a JSON object"),)


@pytest.mark.parametrize(
    ("payload", "word"),
    [
        ({"conversations": []}, "nothing"),
        ({"topicName": TOPIC, "eventBody": 5}, "unreadable"),
        ({"topicName": TOPIC, "eventBody": {"id": "conv"}}, "unreadable"),
        ({"type": "interactionSubscription", "data": {}}, "unreadable"),
        ({"id": "conv"}, None),
    ],
)
def test_what_gives_no_leg_of_genesys_is_recognised_by_a_word(payload: Json, word: str | None) -> None:
    assert GENESYS.recognise(payload) == word


@pytest.mark.parametrize(
    ("keys", "is_known"),
    [
        ({"participants"}, True),
        ({"participants", "id"}, True),
        ({"topicName", "eventBody"}, True),
        ({"detail", "detail-type"}, True),
        ({"eventTime", "sessionId"}, True),
        ({"Records", "body"}, True),
        ({"conversations"}, True),
        ({"entities"}, True),
        ({"coBrowse"}, True),
        ({"callAnsweredEvents"}, True),
        ({"holdUpdatedEvents"}, True),
        ({"topicName"}, False),
        ({"detail"}, False),
        ({"eventTime"}, False),
        ({"Records"}, False),
        ({"answered"}, False),
        (set(), False),
    ],
)
def test_a_file_with_the_keys_of_a_payload_looks_like_one(keys: set[str], *, is_known: bool) -> None:
    assert GENESYS.looks_like(keys) == is_known


def test_records_that_are_no_list_hide_no_payload() -> None:
    assert convert(conversation(ENDED) | {"Records": 5}).events == convert(conversation(ENDED)).events


@pytest.mark.parametrize("key", ["conversations", "entities"])
def test_the_conversations_of_a_list_have_a_place_each(key: str) -> None:  # EDITION-2
    listed = {key: [conversation({"connectedTime": t(seconds)}) for seconds in range(3)]}

    assert [one.origin.place for one in convert(listed, place=5).legs] == [5, 6, 7]


@pytest.mark.parametrize("document", [conversation(ENDED), conversation({"state": "asleep"})], ids=["legs", "warnings"])
def test_a_payload_of_genesys_is_the_first_one_and_a_whole_document_unless_said_otherwise(document: Json) -> None:
    assert GENESYS.convert(document) == GENESYS.convert(document, None, received_at=None, place=0, path="$")


def test_genesys_counts_all_warnings_of_a_payload_under_its_path() -> None:
    *kept, counted = GENESYS.convert({"userAnsweredEvents": [{}] * 30}, path="$.items[3]").warnings

    assert {one.path for one in kept} == {f"$.items[3].userAnsweredEvents[{index}].eventDateTime" for index in range(20)}
    assert (counted.error, counted.path, counted.found) == ("too_many_problems", "$.items[3]", "30")
