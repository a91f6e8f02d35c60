"""Payloads of every family, as the vendor's tables spell them, and the events and sessions that follow, written by hand."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from attrs import evolve

from cobrowse_session import DecodeError, Event, SessionLog
from cobrowse_session.sources import Converted, convert
from cobrowse_session.sources.genesys import FAMILIES, GENESYS, family_of
from cobrowse_session.sources.reader import PayloadReader
from cobrowse_session.stream import fold
from cobrowse_session.times import time_text
from cobrowse_session.wire import decode_event, encode_event, encode_session

Json = dict[str, Any]  # `Any`: JSON

NINE = 1_772_355_600_000  # 2026-03-01T09:00:00Z, in milliseconds since 1970


def t(seconds: float) -> str:
    """A time after nine, as the platform writes it."""
    minute, second = divmod(round(seconds * 1000), 60_000)
    return f"2026-03-01T09:{minute:02}:{second // 1000:02}.{second % 1000:03}Z"


def ms(seconds: float) -> int:
    """A time after nine, as detail events write it."""
    return NINE + round(seconds * 1000)


def event(
    kind: str,
    at: str,
    *,
    fact: str | None = None,
    received: str | None = None,
    derived: str | None = None,
    leg: str = "leg",
    number: str | None = None,
    **data: Any,
) -> Json:
    """An event as it is written, without its edition and its context.

    Args:
        kind: the type.
        at: the time.
        fact: the second part of the id. None: the kind.
        received: the platform's own stamp.
        derived: where the time comes from.
        leg: the communication.
        number: the platform's own id of the event. None: it has none, and the id begins with the communication's.
        data: of the event.
    """
    envelope = {
        "specversion": "1.0",
        "id": f"{number or leg}/{fact or kind}",
        "source": "/genesys/conversations/conv",
        "type": f"cobrowse.session.{kind}",
        "subject": leg,
        "time": at,
        "receivedtime": received,
        "derivedfrom": derived,
        "data": data,
    }
    return {key: value for key, value in envelope.items() if value not in (None, {})}


def details(at: str, received: str | None = None, **stated: Any) -> list[Json]:
    """The events that bring a detail each, in their order. They have the times of the first state."""
    named = {name.removesuffix("_"): value for name, value in stated.items()}
    return [event("updated", at, fact=name, received=received, **{name: value}) for name, value in sorted(named.items())]


def wrapup(at: str, fact: str | None = None, **data: Any) -> Json:
    """A wrap-up that is finished."""
    return event("wrapup", at, fact=fact or f"wrapup/{at}", **data)


def edition(own: str | None = None, received: str | None = None, place: int = 0) -> str:
    """Return a sequence: the payload's time in 13 digits, when it was received in 13, its place in 7."""
    return f"{_epoch(own or received):013}{_epoch(received):013}{place:07}"


def _epoch(at: str | None) -> int:
    return round(datetime.fromisoformat(at).timestamp() * 1000) if at else 0


CONTEXT = ("conversationid", "participantid", "userid", "queueid", "purpose", "mediatype")


def written(document: Any, family: str | None = None, **how: Any) -> list[Json]:
    """The events as they are written."""
    return [json.loads(encode_event(event)) for event in convert(document, family, **how).events]


def facts(document: Any, family: str | None = None, **how: Any) -> list[Json]:
    """The events as they are written, without editions and contexts."""
    return [
        {key: value for key, value in one.items() if key not in ("sequence", *CONTEXT)}
        for one in written(document, family, **how)
    ]


def data(one: Json) -> Json:
    return dict(one.get("data", {}))


def events_of(document: Any, family: str | None = None, **how: Any) -> list[str]:
    """The events by fact and time of day."""
    return [f"{one['id'].removeprefix('leg/')} {one['time'][11:-1]}" for one in written(document, family, **how)]


def warned(document: Any, family: str | None = None, **how: Any) -> list[tuple[str, str]]:
    """The warnings by kind and path."""
    return [(problem.error, problem.path) for problem in convert(document, family, **how).warnings]


def session(document: Any, family: str | None = None, **how: Any) -> Json:
    """The session of the only leg of a payload."""
    return dict(json.loads(encode_session(fold(convert(document, family, **how).events).session)))


def conversation(leg: Json, *more: Json, media: str = "cobrowsesessions", **participant: Any) -> Json:
    """A conversation with one participant."""
    return {"id": "conv", "participants": [{"id": "p1", "purpose": "agent", **participant, media: [{"id": "leg"} | leg, *more]}]}


def media(**participant: Any) -> Json:
    """A conversation of one kind of media: the participant is the leg."""
    return {"id": "conv", "participants": [{"id": "leg", "purpose": "agent"} | participant]}


def notification(topic: str, body: Json) -> Json:
    return {"topicName": topic, "version": "2", "eventBody": body, "metadata": {"CorrelationId": "k1"}}


def eventbridge(body: Json, topic: str) -> Json:
    return {
        "version": "0",
        "id": "b1",
        "detail-type": "v2.anything.{id}",
        "source": "aws.partner/genesys.com/cloud/o1/bus",
        "account": "1",
        "time": t(99),
        "region": "eu",
        "resources": [],
        "detail": {"topicName": topic, "version": "2", "eventBody": body},
    }


# --- A conversation, as the REST API shows it ---------------------------------------------------------------------------------

ADDRESS: Json = {
    "name": "Zoë",
    "nameRaw": "zoe",
    "addressNormalized": "n",
    "addressRaw": "r",
    "addressDisplayable": "unavailable",
}
COBROWSE: Json = {
    "state": "disconnected",
    "initialState": "alerting",
    "disconnectType": "client",
    "self": ADDRESS,
    "cobrowseSessionId": "cb1",
    "cobrowseRole": "viewer",
    "controlling": [],
    "viewerUrl": "https://v",
    "providerEventTime": t(77.22),
    "startAlertingTime": t(0.03),
    "connectedTime": t(3),
    "disconnectedTime": t(63),
    "provider": "acme",
    "peerId": "peer1",
    "segments": [
        {"startTime": t(0), "endTime": t(2.977), "type": "Alert", "howEnded": "Interact"},
        {"startTime": t(2.977), "endTime": t(63), "type": "Interact", "howEnded": "Disconnect", "disconnectType": "client"},
    ],
    "wrapup": {
        "code": "code1",
        "name": "Sale",
        "notes": "n",
        "tags": ["a", "b"],
        "durationSeconds": 14,
        "endTime": t(77.22),
        "provisional": False,
    },
    "afterCallWork": {"startTime": t(63), "endTime": t(77.22), "state": "complete"},
    "afterCallWorkRequired": False,
}
SETTINGS: Json = {"wrapupPrompt": "timeout", "wrapupTimeoutMs": 30000, "alertingTimeoutMs": 20000}
WHOLE = conversation(COBROWSE, startTime=t(0), endTime=t(63), connectedTime=t(3), wrapupRequired=True, **SETTINGS)
ON_EACH: Json = {"provider": "acme", "initialState": "alerting", "afterCallWorkRequired": False, **SETTINGS}
LINKS: Json = {"peerId": "peer1", "cobrowseSessionId": "cb1", "viewerUrl": "https://v"}
FINISHED = [
    wrapup(t(77.22), code="code1", name="Sale", notes="n", tags=["a", "b"]),
    event("acw.ended", t(77.22), by="platform", state="complete"),
]


def test_a_conversation_gives_every_fact_of_its_leg() -> None:
    assert warned(WHOLE) == []
    assert facts(WHOLE) == [
        event("alerting", t(0), received=t(0.03), **ON_EACH),
        *details(t(0), t(0.03), self_=ADDRESS, cobrowseRole="viewer", **LINKS),
        event("connected", t(2.977), received=t(3), **ON_EACH),
        event("disconnected", t(63), **ON_EACH, disconnectType="client"),
        *FINISHED,
    ]


def test_a_conversation_comes_out_as_it_went_in() -> None:
    shown = {**COBROWSE}
    del shown["controlling"]  # nothing was granted

    saved = {**COBROWSE["wrapup"]}
    del saved["provisional"]
    assert session(WHOLE) == {**shown, "id": "leg", "wrapup": saved}


LISTS = (
    *("calls", "callbacks", "chats", "cobrowsesessions", "emails", "messages", "internalMessages", "screenMonitorings"),
    *("screenshares", "socialExpressions", "videos"),
)


@pytest.mark.parametrize("name", LISTS)
def test_every_kind_of_media_has_the_same_life(name: str) -> None:
    whole = conversation(COBROWSE, media=name, startTime=t(0), **SETTINGS)

    assert facts(whole) == facts(WHOLE)
    assert warned(whole) == []


def test_the_legs_of_every_participant_and_every_list_are_converted() -> None:
    legs = [{"id": f"leg{number}", "state": "connected", "connectedTime": t(number)} for number in range(3)]
    both = {"id": "conv", "participants": [{"calls": [legs[0]], "callbacks": [legs[1]]}, {"chats": [legs[2]], "calls": []}]}

    assert [one["id"] for one in facts(both)] == [f"leg{number}/connected" for number in range(3)]


@pytest.mark.parametrize("state", ["scheduled", "offering", "contacting", "dialing", "alerting"])
def test_a_pending_leg_whose_segments_lag_begins_with_its_participant(state: str) -> None:
    live = conversation({"state": state, "initialState": state, "segments": []}, startTime=t(0))

    assert facts(live) == [event(state, t(0), initialState=state)]


def test_a_leg_that_was_offered_before_it_alerted_states_both_though_its_segments_lag() -> None:
    live = {"state": "alerting", "initialState": "offering", "startAlertingTime": t(1), "segments": []}

    assert events_of(conversation(live, startTime=t(0))) == ["offering 09:00:00.000", "alerting 09:00:01.000"]


@pytest.mark.parametrize(
    ("type_", "state"),
    [
        ("Scheduled", "scheduled"),
        ("System", "offering"),
        ("Contacting", "contacting"),
        ("Dialing", "dialing"),
        ("Alert", "alerting"),
    ],
)
def test_a_segments_type_names_the_state(type_: str, state: str) -> None:
    live = conversation({"state": state, "segments": [{"startTime": t(1), "type": type_, "howEnded": "Disconnect"}]})

    assert facts(live) == [event(state, t(1))]


def test_a_segment_of_the_platforms_own_type_keeps_it() -> None:
    segments = [{"startTime": t(0), "endTime": t(1), "type": "System"}, {"startTime": t(1), "type": "IVR"}]
    ivr = conversation({"state": "connected", "initialState": "offering", "connectedTime": t(1), "segments": segments})

    assert facts(ivr)[1] == event("connected", t(1), received=t(1), initialState="offering", segmentType="IVR")
    assert [segment["type"] for segment in session(ivr)["segments"]] == ["System", "IVR"]


def test_before_it_is_connected_the_platforms_own_type_is_the_first_state() -> None:
    queued = conversation(
        {"state": "offering", "initialState": "offering", "segments": [{"startTime": t(1), "type": "Delay"}]}, startTime=t(0)
    )

    assert facts(queued) == [event("offering", t(1), initialState="offering", segmentType="Delay")]


def test_an_interaction_states_the_connection_though_its_stamp_is_missing() -> None:
    segments = [{"startTime": t(0), "endTime": t(3), "type": "Alert"}, {"startTime": t(3), "type": "Interact"}]

    assert events_of(conversation({"state": "connected", "initialState": "alerting", "segments": segments})) == [
        "alerting 09:00:00.000",
        "connected 09:00:03.000",
    ]


def test_a_leg_without_a_stamp_of_its_end_ends_with_its_last_segment() -> None:
    alert = {"startTime": t(0), "endTime": t(30), "type": "Alert", "disconnectType": "system"}

    assert facts(conversation({"state": "disconnected", "segments": [alert]}))[1] == event(
        "disconnected", t(30), disconnectType="system"
    )


def test_a_segment_that_is_still_open_does_not_keep_a_leg_from_ending() -> None:
    lagging = {"state": "disconnected", "disconnectedTime": t(30), "segments": [{"startTime": t(0), "type": "Alert"}]}

    assert session(conversation(lagging, wrapupPrompt="optional"))["segments"] == [
        {"startTime": t(0), "endTime": t(30), "type": "Alert", "howEnded": "Disconnect"}
    ]


def test_a_released_leg_is_disconnected_and_terminated() -> None:
    assert events_of(conversation({"state": "terminated", "connectedTime": t(3), "disconnectedTime": t(63)}, media="calls")) == [
        "connected 09:00:03.000",
        "disconnected 09:01:03.000",
        "terminated 09:01:03.000",
    ]


@pytest.mark.parametrize("state", ["connected", "CONNECTED", "Connected"])
def test_words_are_read_in_any_case(state: str) -> None:
    assert facts(conversation({"state": state, "initialState": "ALERTING", "connectedTime": t(3)})) == [
        event("connected", t(3), received=t(3), initialState="alerting")
    ]


# --- Settings, grants, requests -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", ["mandatory", "optional", "agentRequested", "timeout", "forcedTimeout", "newfangled"])
def test_a_participants_prompt_is_its_legs(prompt: str) -> None:
    (connected,) = facts(conversation({"state": "connected", "connectedTime": t(3)}, wrapupPrompt=prompt, wrapupTimeoutMs=20000))

    assert connected["data"] == {"wrapupPrompt": prompt, "wrapupTimeoutMs": 20000}


@pytest.mark.parametrize("stated", [{}, {"wrapupPrompt": None}, {"wrapupPrompt": ""}, {"wrapupRequired": True}])
@pytest.mark.parametrize("purpose", ["agent", "user", "AGENT", None])
def test_an_agents_leg_without_a_prompt_states_none(stated: Json, purpose: str | None) -> None:
    (connected,) = facts(conversation({"state": "connected", "connectedTime": t(3)}, purpose=purpose, **stated))

    assert data(connected) == {}


OTHERS = ["customer", "external", "acd", "ivr", "workflow", "voicemail", "fax", "Customer", "newfangled"]


@pytest.mark.parametrize("stated", [{}, {"wrapupPrompt": "mandatory"}])
@pytest.mark.parametrize("purpose", OTHERS)
def test_a_leg_that_is_no_agents_has_the_prompt_none(purpose: str, stated: Json) -> None:
    ended = conversation({"state": "disconnected", "connectedTime": t(3), "disconnectedTime": t(63)}, purpose=purpose, **stated)

    assert [data(one) for one in facts(ended)] == [{"wrapupPrompt": "none"}] * 2
    assert "afterCallWork" not in session(ended)


@pytest.mark.parametrize("prompt", ["mandatory", "optional", "agentRequested", "timeout", "forcedTimeout"])
@pytest.mark.parametrize("named", [0, 1])
@pytest.mark.parametrize("at", [{}, {"providerEventTime": t(63)}])
def test_of_two_snapshots_the_one_that_names_a_prompt_counts(prompt: str, named: int, at: Json) -> None:
    ended = {"state": "disconnected", "connectedTime": t(3), "disconnectedTime": t(63)} | at
    both = [conversation(ended), conversation(ended)]
    both[named] = conversation(ended, wrapupPrompt=prompt, wrapupTimeoutMs=20000)

    assert session(both) == session(both[named])


@pytest.mark.parametrize(
    ("leg", "participant", "expected"),
    [
        ({}, {"alertingTimeoutMs": 30000}, 30000),
        ({"queueMediaSettings": {"alertingTimeoutSeconds": 15}}, {}, 15000),
        ({"queueMediaSettings": {"alertingTimeoutSeconds": 15}}, {"alertingTimeoutMs": 30000}, 30000),
        ({"queueMediaSettings": {"alertingTimeoutSeconds": 86400}}, {}, 86400000),
        ({"queueMediaSettings": {}}, {}, None),
        ({}, {"alertingTimeoutMs": 86_400_001}, None),
    ],
)
def test_the_alerting_timeout_may_be_in_either_place(leg: Json, participant: Json, expected: int | None) -> None:
    (alerting, *_) = facts(conversation({"state": "alerting", "startAlertingTime": t(0)} | leg, **participant))

    assert data(alerting).get("alertingTimeoutMs") == expected


def test_a_grant_counts_while_connected_from_the_providers_own_time_on() -> None:
    granted = {"state": "connected", "connectedTime": t(3), "controlling": ["p9"], "providerEventTime": t(9)}

    assert facts(conversation(granted))[1:] == [event("updated", t(9), fact=f"controlling/{t(9)}", controlling=["p9"])]
    assert session(conversation(granted))["controlling"] == ["p9"]


@pytest.mark.parametrize(
    "leg",
    [
        {"state": "alerting", "startAlertingTime": t(0), "controlling": ["p9"]},
        {"state": "disconnected", "connectedTime": t(3), "disconnectedTime": t(63), "controlling": ["p9"]},
    ],
)
def test_a_grant_outside_of_connected_is_none(leg: Json) -> None:
    assert not any("controlling" in one["id"] for one in facts(conversation(leg)))


def test_a_grant_that_is_taken_back_while_connected_is_gone() -> None:
    granted = {"state": "connected", "connectedTime": t(3), "controlling": ["p9"], "providerEventTime": t(9)}
    withdrawn = granted | {"controlling": [], "providerEventTime": t(12)}

    assert session([conversation(granted), conversation(withdrawn)])["controlling"] == []


@pytest.mark.parametrize(("required", "work"), [(True, "pending"), (False, "skipped")])
def test_the_request_for_after_call_work_is_a_detail_of_the_state_events(*, required: bool, work: str) -> None:
    asked = {"state": "disconnected", "connectedTime": t(3), "disconnectedTime": t(63), "afterCallWorkRequired": required}
    whole = conversation(asked, wrapupPrompt="agentRequested")

    found = convert(whole).events
    assert [one.details.after_call_work_required for one in found] == [required] * 2
    assert [decode_event(encode_event(one)) for one in found] == [*found]
    assert [data(one)["afterCallWorkRequired"] for one in facts(whole)] == [required] * 2
    assert session(whole)["afterCallWorkRequired"] is required
    assert session(whole)["afterCallWork"]["state"] == work


def test_a_request_that_is_not_stated_is_none() -> None:
    assert data(facts(conversation({"state": "alerting", "startAlertingTime": t(0)}))[0]) == {}


# --- Wrap-up and after-call work ----------------------------------------------------------------------------------------------

ENDED: Json = {"state": "disconnected", "disconnectType": "client", "connectedTime": t(3), "disconnectedTime": t(63)}


def after(leg: Json, **participant: Any) -> list[Json]:
    """The events beyond connected and disconnected."""
    found = facts(conversation(leg, **{"wrapupPrompt": "optional"} | participant))
    return [one for one in found if one["id"] not in ("leg/connected", "leg/disconnected")]


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (
            {"state": "complete", "startTime": t(63), "endTime": t(70)},
            [event("acw.ended", t(70), by="platform", state="complete")],
        ),
        ({"state": "SKIPPED", "startTime": t(63), "endTime": t(63)}, [event("acw.ended", t(63), by="platform", state="skipped")]),
        ({"state": "pending", "startTime": t(63)}, [event("acw.started", t(63), wrapupPrompt="optional")]),
        ({"state": "notApplicable"}, [event("acw.ended", t(63), by="platform", state="notApplicable")]),
        ({}, []),
        (None, []),
    ],
)
def test_after_call_work_is_reported_by_the_platform(work: Json | None, expected: list[Json]) -> None:
    assert after(ENDED | {"afterCallWork": work}) == expected


@pytest.mark.parametrize("state", ["unknown", "newfangled"])
def test_an_unknown_state_of_after_call_work_is_a_warning(state: str) -> None:
    leg = conversation(ENDED | {"afterCallWork": {"state": state, "startTime": t(63), "endTime": t(70)}})

    assert warned(leg) == [("unknown_value", "$.participants[0].cobrowsesessions[0].afterCallWork.state")]
    assert events_of(leg) == ["connected 09:00:03.000", "disconnected 09:01:03.000"]


def test_after_call_work_that_ended_at_no_time_is_a_warning() -> None:
    leg = conversation(ENDED | {"afterCallWork": {"state": "complete"}})

    assert warned(leg) == [("no_time", "$.participants[0].cobrowsesessions[0].afterCallWork.endTime")]
    assert len(facts(leg)) == 2


COMPLETE: Json = {"afterCallWork": {"state": "complete", "startTime": t(63)}}


@pytest.mark.parametrize(
    ("leg", "participant", "at", "derived"),
    [
        ({}, {"endAcwTime": t(70)}, t(70), None),
        ({"wrapup": {"endTime": t(71)}}, {}, t(71), None),
        ({"wrapup": {"endTime": t(71)}, "providerEventTime": t(80)}, {"endAcwTime": t(70)}, t(70), None),
        ({"providerEventTime": t(80)}, {}, t(80), "providerEventTime"),
    ],
)
def test_the_end_of_after_call_work_is_the_first_time_that_exists(
    leg: Json, participant: Json, at: str, derived: str | None
) -> None:
    assert after(ENDED | COMPLETE | leg, **participant)[-1] == event(
        "acw.ended", at, derived=derived, by="platform", state="complete"
    )


@pytest.mark.parametrize("work", [{"state": "complete", "endTime": t(62.981)}, {"state": "skipped", "endTime": t(62.981)}])
def test_after_call_work_does_not_end_before_the_leg(work: Json) -> None:
    (ended,) = after(ENDED | {"afterCallWork": work})

    assert (ended["time"], bool(ended["derivedfrom"])) == (t(63), True)
    assert warned(conversation(ENDED | {"afterCallWork": work})) == []


def test_after_call_work_that_ended_long_before_the_leg_is_a_contradiction() -> None:
    leg = conversation(ENDED | {"afterCallWork": {"state": "complete", "endTime": t(60)}})

    assert warned(leg) == [("contradiction", "$.participants[0].cobrowsesessions[0].afterCallWork")]
    assert events_of(leg)[-1] == "acw.ended 09:01:03.000"


def test_pending_work_without_a_start_begins_at_the_end_of_the_leg() -> None:
    assert events_of(conversation(ENDED | {"afterCallWork": {"state": "pending"}}))[-1] == "acw.started 09:01:03.000"


def test_pending_work_of_a_leg_that_goes_on_is_a_warning_if_it_has_no_start() -> None:
    leg = conversation({"state": "connected", "connectedTime": t(3), "afterCallWork": {"state": "pending"}})

    assert warned(leg) == [("no_time", "$.participants[0].cobrowsesessions[0].afterCallWork.startTime")]


def test_pending_work_has_the_settings_of_the_leg() -> None:
    leg = ENDED | {"afterCallWork": {"state": "pending", "startTime": t(63)}, "providerEventTime": t(64)}

    assert data(facts(conversation(leg, **SETTINGS))[-1]) == SETTINGS
    assert session(conversation(leg))["afterCallWork"] == {"startTime": t(63), "state": "pending"}


DRAFT = wrapup(t(3), fact="wrapup/draft", code="c", provisional=True)


@pytest.mark.parametrize(
    ("leg", "saved", "expected"),
    [
        pytest.param(ENDED, {"code": "c", "endTime": t(70)}, [wrapup(t(70), code="c")], id="saved"),
        pytest.param(ENDED, {"code": "c"}, [DRAFT], id="prepared"),
        pytest.param(
            *(ENDED, {"notes": "n", "provisional": True}),
            [wrapup(t(3), fact="wrapup/draft", notes="n", provisional=True)],
            id="provisional",
        ),
        pytest.param(ENDED, {"code": "c", "endTime": t(70), "provisional": True}, [wrapup(t(70), code="c")], id="finished"),
        pytest.param(ENDED, {"endTime": t(70), "provisional": True}, [], id="finished without a code"),
        pytest.param(ENDED, {"endTime": t(70)}, [], id="skipped"),
        pytest.param(ENDED, {"code": "", "endTime": t(70)}, [], id="empty code"),
        pytest.param(
            ENDED, {"code": "ININ-WRAP-UP-TIMEOUT", "endTime": t(70)}, [wrapup(t(70), code="ININ-WRAP-UP-TIMEOUT")], id="timeout"
        ),
        pytest.param(ENDED, {}, [], id="empty"),
    ],
)
def test_a_wrapup_was_finished_at_its_end_and_is_a_draft_without_one(leg: Json, saved: Json, expected: list[Json]) -> None:
    assert after(leg | {"wrapup": saved}) == expected


def test_a_wrapup_while_connected_is_a_preparation() -> None:
    live = conversation({"state": "connected", "connectedTime": t(3), "wrapup": {"code": "c", "tags": []}})

    assert facts(live)[1:] == [wrapup(t(3), fact="wrapup/draft", code="c", tags=[], provisional=True)]
    assert session(live)["wrapup"] == {"code": "c", "tags": [], "provisional": True}


@pytest.mark.parametrize("work", [{}, {"state": "pending"}, {"state": "complete", "endTime": t(70)}, {"state": "notApplicable"}])
@pytest.mark.parametrize("prompt", [None, "none", "optional", "mandatory", "forcedTimeout", "agentRequested"])
def test_the_code_of_a_draft_is_kept_whatever_the_after_call_work_is(work: Json, prompt: str | None) -> None:
    leg = ENDED | {"wrapup": {"code": "c"}, "afterCallWork": work}

    assert session(conversation(leg, wrapupPrompt=prompt))["wrapup"]["code"] == "c"


@pytest.mark.parametrize("finished", [{}, {"endTime": t(70)}])
@pytest.mark.parametrize("content", [{"notes": "n"}, {"name": "n"}, {"tags": ["a"]}])
def test_the_content_of_a_wrapup_without_a_code_is_a_warning(content: Json, finished: Json) -> None:
    leg = conversation(ENDED | {"wrapup": content | finished})

    assert warned(leg) == [("no_code", "$.participants[0].cobrowsesessions[0].wrapup")]
    assert len(facts(leg)) == 2


def test_a_wrapup_on_a_leg_without_times_is_a_warning() -> None:
    assert warned(conversation({"state": "alerting", "startAlertingTime": t(0), "wrapup": {"code": "c"}})) == [
        ("no_time", "$.participants[0].cobrowsesessions[0].wrapup")
    ]


@pytest.mark.parametrize(("end", "at", "warnings"), [(62.9, 63, []), (62, 63, []), (61.999, 61.999, ["contradiction"])])
def test_a_wrapup_that_ended_before_the_leg_is_moved_or_a_contradiction(end: float, at: float, warnings: list[str]) -> None:
    leg = ENDED | {"wrapup": {"code": "c", "endTime": t(end)}}

    (saved,) = after(leg)
    assert (saved["id"], saved["time"]) == (f"leg/wrapup/{t(end)}", t(at))
    assert [error for error, _ in warned(conversation(leg))] == warnings


OWN: Json = {
    "wrapup": {"code": "own", "endTime": t(65)},
    "afterCallWork": {"state": "complete", "startTime": t(63), "endTime": t(65)},
}
SHARED: Json = {
    "startAcwTime": t(63),
    "endAcwTime": t(77.22),
    "wrapup": {"code": "c", "durationSeconds": 14, "endTime": t(77.22)},
}


def owned(*ends: float | None, **participant: Any) -> tuple[list[str], list[str]]:
    """The wrap-ups and ends of after-call work of several legs, which ended at these times, and the warnings."""
    legs = [
        {"id": f"leg{n}", "connectedTime": t(n), "state": "connected"}
        | ({} if end is None else {"state": "disconnected", "disconnectedTime": t(end)})
        for n, end in enumerate(ends)
    ]
    whole = {
        "id": "conv",
        "participants": [{"id": "p1", "purpose": "agent", "callbacks": legs[:1], "calls": legs[1:], **participant}],
    }
    work = [one for one in written(whole) if one["type"].rpartition("session.")[2] in ("wrapup", "acw.started", "acw.ended")]
    return [f"{one['id']} {data(one).get('state', '')}".rstrip() for one in work], [error for error, _ in warned(whole)]


COMPLETED = f"wrapup/{t(77.22)}"
CHOSEN = ["chosen_leg"]


@pytest.mark.parametrize(("end", "warnings"), [(50, []), (61.999, []), (62, CHOSEN), (63.5, CHOSEN), (64, CHOSEN)])
def test_a_participants_after_call_work_belongs_to_the_leg_that_ended_when_it_began(
    end: float, warnings: list[str]
) -> None:  # WRAP-12
    """Equal is what differs by 1 s at most. Of several equal ones, the leg that ended last has it."""
    first, second = (0, 1) if end < 63 else (1, 0)

    found, errors = owned(63, end, **SHARED)

    assert sorted(found) == sorted(
        [f"leg{first}/{COMPLETED}", f"leg{first}/acw.ended complete", f"leg{second}/acw.ended notApplicable"]
    )
    assert errors == warnings


@pytest.mark.parametrize("ends", [(63, 90), (90, 63)])
def test_without_an_equal_end_it_belongs_to_the_leg_that_ended_last(ends: tuple[float, float]) -> None:
    last = ends.index(90)

    found, errors = owned(*ends, startAcwTime=t(100), endAcwTime=t(110))

    assert sorted(found) == sorted([f"leg{last}/acw.ended complete", f"leg{1 - last}/acw.ended notApplicable"])
    assert errors == CHOSEN


def test_the_wrapup_of_a_participant_without_times_belongs_to_the_leg_that_ended_last() -> None:
    found, errors = owned(63, 90, wrapup={"code": "c", "endTime": t(95)})

    assert sorted(found) == ["leg0/acw.ended notApplicable", f"leg1/wrapup/{t(95)}"]
    assert errors == CHOSEN


def test_of_legs_that_have_not_ended_one_is_chosen_with_a_warning() -> None:
    found, errors = owned(None, None, wrapup={"code": "c"})

    assert len(found) == 1
    assert errors == CHOSEN


def test_a_leg_that_has_not_ended_has_no_after_call_work() -> None:
    assert owned(63, None, startAcwTime=t(63)) == (["leg0/acw.started"], [])


def test_the_only_leg_of_a_participant_has_its_after_call_work() -> None:
    assert owned(63, startAcwTime=t(70), endAcwTime=t(75)) == (["leg0/acw.ended complete"], [])


@pytest.mark.parametrize("end", [t(63), None])
def test_a_callback_and_its_call_do_not_both_have_after_call_work(end: str | None) -> None:
    """The kind of case o1: one participant, two legs."""
    found, _ = owned(63, 40, startAcwTime=t(63), endAcwTime=end)

    assert sorted(found) == sorted([f"leg0/{'acw.ended skipped' if end else 'acw.started'}", "leg1/acw.ended notApplicable"])


def test_a_legs_own_wrapup_and_after_call_work_count_before_its_participants() -> None:  # WRAP-12
    assert after(ENDED | OWN, **SHARED) == [
        wrapup(t(65), code="own"),
        event("acw.ended", t(65), by="platform", state="complete"),
    ]


@pytest.mark.parametrize(
    ("participant", "state", "end"),
    [
        ({"startAcwTime": t(63)}, "pending", None),
        ({"startAcwTime": t(63), "endAcwTime": t(63)}, "skipped", t(63)),
        ({"startAcwTime": t(63), "endAcwTime": t(70), "wrapupSkipped": True}, "skipped", t(70)),
        ({"startAcwTime": t(63), "endAcwTime": t(70)}, "complete", t(70)),
        ({"startAcwTime": t(63), "endAcwTime": t(63), "wrapup": {"code": "c", "endTime": t(63)}}, "complete", t(63)),
        ({"endAcwTime": t(70)}, "complete", t(70)),
        ({}, "pending", None),  # ours, by the prompt
    ],
)
def test_a_participants_times_state_its_after_call_work(participant: Json, state: str, end: str | None) -> None:
    work = session(conversation(ENDED, wrapupPrompt="optional", **participant))["afterCallWork"]

    assert (work["startTime"], work.get("endTime"), work["state"]) == (t(63), end, state)


def test_elapsed_after_call_work_is_cut_to_whole_seconds() -> None:
    """A call of 2022: 14.220 s, of which the platform shows 14."""
    day = "2022-12-13T13:"
    call = ENDED | {"connectedTime": f"{day}10:00.000Z", "disconnectedTime": f"{day}14:47.101Z"}
    shared = {"code": "c", "endTime": f"{day}15:01.321Z"}
    whole = conversation(
        call,
        media="calls",
        wrapupPrompt="timeout",
        wrapupTimeoutMs=20000,
        startAcwTime=f"{day}14:47.101Z",
        endAcwTime=f"{day}15:01.321Z",
        wrapup=shared,
    )

    assert session(whole)["wrapup"] == {**shared, "durationSeconds": 14}
    assert session(whole)["afterCallWork"] == {
        "startTime": f"{day}14:47.101Z",
        "endTime": f"{day}15:01.321Z",
        "state": "complete",
    }


# --- Notifications ------------------------------------------------------------------------------------------------------------

TOPIC_COBROWSE: Json = {
    key: value for key, value in COBROWSE.items() if key not in ("segments", "startAlertingTime", "controlling", "wrapup")
} | {
    "roomId": "room",
    "scriptId": "script",
    "queueMediaSettings": {"alertingTimeoutSeconds": 20, "enableAutoAnswer": False},
    "wrapup": {"code": "Sale", "notes": "n", "tags": ["a", "b"], "durationSeconds": 14, "endTime": t(77.22)},
}
NOTIFIED = conversation(TOPIC_COBROWSE, connectedTime=t(3), endTime=t(63), wrapupPrompt="timeout", wrapupTimeoutMs=30000)
TOPICS = ("v2.users.u1.conversations", "v2.routing.queues.q1.conversations")


@pytest.mark.parametrize("topic", TOPICS)
def test_a_conversation_notification_is_converted(topic: str) -> None:
    shown = notification(topic, NOTIFIED)

    assert warned(shown) == []
    assert facts(shown) == [
        event("connected", t(3), received=t(3), **ON_EACH),
        *details(t(3), t(3), self_=ADDRESS, cobrowseRole="viewer", **LINKS),
        event("disconnected", t(63), **ON_EACH, disconnectType="client"),
        wrapup(t(77.22), code="Sale", notes="n", tags=["a", "b"]),
        event("acw.ended", t(77.22), by="platform", state="complete"),
    ]


def test_a_notified_alert_without_any_time_is_no_fact_yet() -> None:
    shown = notification(TOPICS[0], conversation({"state": "alerting", "initialState": "alerting", "provider": "acme"}))

    assert facts(shown) == []
    assert warned(shown) == [("no_time", "$.eventBody.participants[0].cobrowsesessions[0].state")]


@pytest.mark.parametrize("word", ["endpoint.dnd", "transfer.noanswer", "transfer.notavailable", "transfer.dnd", "uncallable"])
def test_a_notifications_disconnect_types_are_the_models(word: str) -> None:
    leg = conversation({"state": "disconnected", "disconnectedTime": t(63), "disconnectType": word})

    assert session(notification(TOPICS[0], leg))["disconnectType"] == word


USER, CONVERSATION, DETAILED = "v2.users.u1", "v2.conversations.conv", "v2.detail.events.conversation.conv"
SKIPPED = [
    ("heartbeat", {"topicName": "channel.metadata", "eventBody": {"message": "WebSocket Heartbeat"}}),
    ("pong", {"message": "pong"}),
    ("socket closing", {"topicName": "v2.system.socket_closing", "eventBody": {"message": "Socket is closing"}}),
    ("presence", {"topicName": f"{USER}.presence", "eventBody": {"presenceDefinition": {"id": "x"}}}),
    ("routing status", {"topicName": f"{USER}.routingStatus", "eventBody": {"id": "u1", "routingStatus": {"status": "IDLE"}}}),
    ("conversation summary", {"topicName": f"{USER}.conversationsummary", "eventBody": {"userId": "u1", "call": {}}}),
    ("transcription", {"topicName": f"{CONVERSATION}.transcription", "eventBody": {"conversationId": "conv", "transcripts": []}}),
    ("attributes", {"topicName": f"{DETAILED}.attributes", "eventBody": {"eventTime": NINE, "sessionId": "leg"}}),
    ("flow event", {"topicName": f"{DETAILED}.flow.start", "eventBody": {"eventTime": NINE, "sessionId": "leg"}}),
    ("flow event", {"topicName": f"{DETAILED}.flow.outcome", "eventBody": {"eventTime": NINE, "sessionId": "leg"}}),
]
"""The traffic of a channel that states nothing of a leg, by kind."""


@pytest.mark.parametrize(("kind", "payload"), SKIPPED)
def test_traffic_that_states_nothing_of_a_leg_is_skipped_and_counted(kind: str, payload: Json) -> None:
    found = convert([payload, WHOLE, payload])

    assert (found.skipped, found.warnings) == ((kind, kind), ())
    assert [leg.id for leg in found.legs] == ["leg"]


@pytest.mark.parametrize(
    "topic",
    [
        "v2.conversations.conv.suggestions",
        "v2.conversations.conv.suggestions.thirdpartyaction",
        "v2.conversations.conv.agentchecklist",
        "v2.conversations.chats.conv.messages",
        "v2.conversations.chats.conv.members",
        "v2.conversations.{id}.agentchecklist",
    ],
)
def test_known_topics_of_a_conversation_that_state_nothing_of_a_leg_are_skipped(topic: str) -> None:  # SKIP-4
    found = convert(notification(topic, {"conversationId": "conv"}))

    assert (found.skipped, found.warnings, found.events) == (("conversation content",), (), ())


@pytest.mark.parametrize("wrap", [notification, lambda topic, body: eventbridge(body, topic)])
def test_an_unknown_topic_of_a_conversation_is_one_warning_with_its_name(wrap: Any) -> None:  # SKIP-4
    payloads = [wrap(f"v2.conversations.{one}.agentassist.hint", {"conversationId": one, "text": "?"}) for one in ("a", "b")]
    found = convert([*payloads, wrap("v2.conversations.a.mood", {"smiles": 3}), *payloads])

    assert [(one.error, one.found) for one in found.warnings] == [
        ("unknown_topic", "v2.conversations.{id}.agentassist.hint"),
        ("unknown_topic", "v2.conversations.{id}.mood"),
    ]
    assert (found.skipped, found.events) == ((), ())


def test_an_unknown_topic_of_a_conversation_is_read_if_its_payload_is_recognised() -> None:  # SKIP-4
    found = convert(notification("v2.conversations.conv.everything", WHOLE))

    assert (found.warnings, found.skipped) == ((), ())
    assert {event.id for event in found.events} == {event.id for event in convert(WHOLE).events}


def test_an_unknown_payload_of_another_topic_is_rejected() -> None:  # SKIP-3
    with pytest.raises(DecodeError, match="not_recognised"):
        convert(notification("v2.weather.today", {"sun": True}))


@pytest.mark.parametrize(("kind", "payload"), SKIPPED)
def test_skipped_traffic_may_be_in_eventbridge(kind: str, payload: Json) -> None:
    if "topicName" in payload:
        enclosed = eventbridge(payload["eventBody"], payload["topicName"])
        assert convert(enclosed).skipped == (kind,)
        assert GENESYS.recognise(enclosed) == kind
    assert GENESYS.recognise(payload) == kind


# --- Conversations of one kind of media ---------------------------------------------------------------------------------------

FLAT: Json = {
    "startTime": t(0),
    "startAlertingTime": t(0.03),
    "connectedTime": t(3),
    "endTime": t(63),
    "state": "disconnected",
    "direction": "inbound",
    "disconnectType": "transfer.donotdisturb",
    "held": False,
    "wrapupRequired": True,
    **SETTINGS,
    "provider": "acme",
    "peer": "peer1",
    "wrapup": COBROWSE["wrapup"],
    "startAcwTime": t(63),
    "endAcwTime": t(77.22),
    "cobrowseSessionId": "cb1",
    "cobrowseRole": "sharer",
    "viewerUrl": "https://v",
    "providerEventTime": t(77.22),
}
MEDIA: Json = media(**FLAT)
MEDIA_TOPIC = "v2.users.u1.conversations.cobrowseSessions"
MEDIA_NOTIFIED = media(
    **{key: value for key, value in FLAT.items() if key != "startAlertingTime"}
    | {"initialState": "alerting", "disconnectType": "transfer.dnd"}
)
FLAT_EACH: Json = {"provider": "acme", **SETTINGS}


def test_a_participant_of_one_kind_of_media_is_its_leg() -> None:
    assert warned(MEDIA) == []
    assert facts(MEDIA) == [
        event("alerting", t(0.03), received=t(0.03), **FLAT_EACH),
        *details(t(0.03), t(0.03), cobrowseRole="sharer", **LINKS),
        event("connected", t(3), received=t(3), **FLAT_EACH),
        event("disconnected", t(63), **FLAT_EACH, disconnectType="transfer.dnd"),
        *FINISHED,
    ]


def test_the_session_of_a_flat_leg_has_the_platforms_times() -> None:
    assert session(MEDIA) == {
        "state": "disconnected",
        "initialState": "alerting",
        "id": "leg",
        "disconnectType": "transfer.dnd",
        "cobrowseSessionId": "cb1",
        "cobrowseRole": "sharer",
        "viewerUrl": "https://v",
        "providerEventTime": t(77.22),
        "startAlertingTime": t(0.03),
        "connectedTime": t(3),
        "disconnectedTime": t(63),
        "provider": "acme",
        "peerId": "peer1",
        "segments": [
            {"startTime": t(0.03), "endTime": t(3), "type": "Alert", "howEnded": "Interact"},
            {"startTime": t(3), "endTime": t(63), "type": "Interact", "howEnded": "Disconnect", "disconnectType": "transfer.dnd"},
        ],
        "wrapup": {
            "code": "code1",
            "name": "Sale",
            "notes": "n",
            "tags": ["a", "b"],
            "durationSeconds": 14,
            "endTime": t(77.22),
        },
        "afterCallWork": {"startTime": t(63), "endTime": t(77.22), "state": "complete"},
    }


def test_the_media_notification_begins_with_its_participant() -> None:
    """It shows no startAlertingTime, but the initial state and the participant's own start."""
    each = {"provider": "acme", "initialState": "alerting", **SETTINGS}
    shown = notification(MEDIA_TOPIC, MEDIA_NOTIFIED)

    assert warned(shown) == []
    assert facts(shown)[:7] == [
        event("alerting", t(0), **each),
        *details(t(0), cobrowseRole="sharer", **LINKS),
        event("connected", t(3), received=t(3), **each),
        event("disconnected", t(63), **each, disconnectType="transfer.dnd"),
    ]


def test_a_communication_id_counts_before_the_participants_own() -> None:
    assert [one["subject"] for one in facts(media(**FLAT, communicationId="other"))][:1] == ["other"]


@pytest.mark.parametrize("state", ["parked", "converting", "uploading", "transmitting"])
def test_a_state_that_is_not_the_models_is_kept_with_a_warning(state: str) -> None:
    parked = media(state=state, connectedTime=t(3), providerEventTime=t(20), parkTime=t(20))

    assert warned(parked) == [("unknown_state", "$.participants[0].state")]
    assert facts(parked) == [
        event("connected", t(3), received=t(3)),
        event("updated", t(20), fact=f"state/{state}", state=state),
    ]
    assert session(parked)["state"] == "connected"


def test_a_state_that_is_not_the_models_and_has_no_time_is_a_warning() -> None:
    assert facts(media(state="converting")) == []
    assert warned(media(state="converting")) == [("unknown_state", "$.participants[0].state")]


# --- Detail events ------------------------------------------------------------------------------------------------------------

DETAIL: Json = {
    "eventTime": ms(63),
    "conversationId": "conv",
    "participantId": "p1",
    "sessionId": "leg",
    "mediaType": "COBROWSE",
} | {
    "provider": "Edge",
    "direction": "INBOUND",
}
DURATIONS: Json = {"interactingDurationMs": 51274, "alertingDurationMs": 0, "heldDurationMs": 9}
FOR = "eventTime - interactingDurationMs - heldDurationMs"
NONE: Json = {"provider": "Edge", "wrapupPrompt": "none"}
BEGINS = [event("updated", t(63), fact="begins", **NONE)]
ENDS = [event("disconnected", t(63), **NONE, disconnectType="peer")]
SAVED = [wrapup(t(63), code="c", notes="n")]
DETAILS: dict[str, tuple[Json, list[Json]]] = {
    "user.start": ({"userId": "u1"}, [event("alerting", t(63), provider="Edge", initialState="alerting")]),
    "customer.start": ({}, BEGINS),
    "acd.start": ({"requestedRoutingSkillIds": []}, BEGINS),
    "voicemail.start": ({}, BEGINS),
    "user.end": (
        {"userId": "u1", "disconnectType": "PEER", **DURATIONS},
        [
            event("connected", t(63 - 51.274 - 0.009), derived=FOR, provider="Edge"),
            event("disconnected", t(63), provider="Edge", disconnectType="peer"),
        ],
    ),
    "customer.end": (
        {"disconnectType": "PEER", "interactingDurationMs": 5},
        [
            event("connected", t(62.995), derived=FOR, **NONE),
            *ENDS,
        ],
    ),
    "acd.end": ({"disconnectType": "PEER", "acdOutcome": "ANSWERED", "connectedDurationMs": 9}, ENDS),
    "voicemail.end": ({"disconnectType": "PEER"}, ENDS),
    "wrapup": ({"wrapupCode": "c", "wrapupNotes": "n", "wrapupDurationMs": 5}, SAVED),
    "acw": (
        {"userId": "u1", "wrapupCode": "c", "wrapupNotes": "n", "wrapupDurationMs": 5},
        [*SAVED, event("acw.ended", t(63), by="platform", state="complete")],
    ),
}


def detailed(kind: str) -> Json:
    return notification(f"v2.detail.events.conversation.conv.{kind}", DETAIL | DETAILS[kind][0])


@pytest.mark.parametrize("kind", DETAILS)
def test_a_detail_event_states_its_facts(kind: str) -> None:
    assert facts(detailed(kind)) == DETAILS[kind][1]
    assert warned(detailed(kind)) == []


@pytest.mark.parametrize("kind", DETAILS)
def test_a_detail_event_without_its_topic_is_named(kind: str) -> None:
    assert facts(DETAIL | DETAILS[kind][0], f"detail.{kind}") == DETAILS[kind][1]


@pytest.mark.parametrize("kind", ["user.end", "customer.end", "wrapup", "acw"])
def test_a_detail_event_without_its_topic_is_recognised_by_its_keys(kind: str) -> None:
    assert facts(DETAIL | DETAILS[kind][0]) == DETAILS[kind][1]


@pytest.mark.parametrize("kind", ["user.start", "customer.start", "acd.start"])
def test_a_detail_event_whose_keys_are_those_of_several_kinds_is_rejected(kind: str) -> None:
    with pytest.raises(DecodeError, match=r"not_recognised: \$: "):
        convert(DETAIL | DETAILS[kind][0])


def test_detail_events_of_a_leg_amount_to_its_session() -> None:
    life = [("user.start", 0), ("user.end", 63), ("acw", 70)]

    assert session([detailed(kind) | {"eventBody": DETAIL | DETAILS[kind][0] | {"eventTime": ms(at)}} for kind, at in life]) == {
        "state": "disconnected",
        "initialState": "alerting",
        "id": "leg",
        "disconnectType": "peer",
        "providerEventTime": t(70),
        "startAlertingTime": t(0),
        "connectedTime": t(11.717),
        "disconnectedTime": t(63),
        "provider": "Edge",
        "segments": [
            {"startTime": t(0), "endTime": t(11.717), "type": "Alert", "howEnded": "Interact"},
            {"startTime": t(11.717), "endTime": t(63), "type": "Interact", "howEnded": "Disconnect", "disconnectType": "peer"},
        ],
        "wrapup": {"code": "c", "notes": "n", "durationSeconds": 7, "endTime": t(70)},
        "afterCallWork": {"startTime": t(63), "endTime": t(70), "state": "complete"},
    }


UPPER = {
    **{word.upper(): word for word in ("endpoint", "client", "system", "transfer", "error", "peer", "other", "spam", "timeout")},
    **{word.upper(): word for word in ("uncallable", "inactivity", "takeover")},
    "TRANSPORT_FAILURE": "transport.failure",
    "CONFERENCE_TRANSFER": "transfer.conference",
    "CONSULT_TRANSFER": "transfer.consult",
    "FORWARD_TRANSFER": "transfer.forward",
    "NO_ANSWER_TRANSFER": "transfer.noanswer",
    "NOT_AVAILABLE_TRANSFER": "transfer.notavailable",
    "DND_ENDPOINT": "endpoint.dnd",
    "DND_TRANSFER": "transfer.dnd",
    "SESSION_EXPIRED": "session.expired",
    "UNKNOWN": "UNKNOWN",
}


@pytest.mark.parametrize(("theirs", "ours"), UPPER.items())
def test_a_detail_events_disconnect_type_is_translated(theirs: str, ours: str) -> None:  # DISC-2
    body = DETAIL | {"userId": "u1", "disconnectType": theirs}

    assert facts(body) == [event("disconnected", t(63), provider="Edge", disconnectType=ours)]


@pytest.mark.parametrize("time", [None, "2026-03-01T09:00:00Z", 1.5, True, -1, 10**18, 10**400])
def test_a_detail_event_without_a_time_that_makes_sense_is_a_warning(time: object) -> None:
    body = notification("v2.detail.events.conversation.conv.user.end", DETAIL | {"eventTime": time})

    assert facts(body) == []
    assert warned(body)[-1] == ("no_time", "$.eventBody.eventTime")


@pytest.mark.parametrize("durations", [{}, {"interactingDurationMs": 0, "heldDurationMs": 0}, {"interactingDurationMs": None}])
def test_a_leg_that_did_not_interact_was_not_connected(durations: Json) -> None:
    assert events_of(DETAIL | {"userId": "u1", "disconnectType": "PEER"} | durations) == ["disconnected 09:01:03.000"]


@pytest.mark.parametrize(
    "durations",
    [{"interactingDurationMs": -5}, {"interactingDurationMs": 9, "heldDurationMs": -5}, {"interactingDurationMs": 10**15}],
)
def test_durations_that_make_no_sense_are_a_warning(durations: Json) -> None:
    body = DETAIL | {"userId": "u1", "disconnectType": "PEER"} | durations

    assert events_of(body) == ["disconnected 09:01:03.000"]
    assert warned(body) == [("out_of_bounds", "$.interactingDurationMs")]


@pytest.mark.parametrize("kind", ["acw", "wrapup"])
def test_the_notes_of_a_detail_event_without_a_code_are_a_warning(kind: str) -> None:
    body = notification(f"v2.detail.events.conversation.conv.{kind}", DETAIL | {"wrapupNotes": "n"})

    assert warned(body) == [("no_code", "$.eventBody.wrapup")]


def test_after_call_work_without_a_code_is_complete_without_a_wrapup() -> None:
    body = notification("v2.detail.events.conversation.conv.acw", DETAIL | {"userId": "u1", "wrapupDurationMs": 5})

    assert events_of(body) == ["acw.ended 09:01:03.000"]


# --- Analytics ----------------------------------------------------------------------------------------------------------------


Segment = tuple[str, float, float | None] | Json


def analytics(*segments: Segment, **stated: Any) -> Json:
    """A conversation's details with one session; segments by type, start and end, or written out."""
    written = [
        one
        if isinstance(one, dict)
        else {"segmentType": one[0], "segmentStart": t(one[1])} | ({} if one[2] is None else {"segmentEnd": t(one[2])})
        for one in segments
    ]
    about = {"sessionId": "leg", "mediaType": "cobrowse", "direction": "inbound", "provider": "acme", "segments": written}
    return {
        "conversationId": "conv",
        "conversationStart": t(0),
        "participants": [{"participantId": "p1", "purpose": "agent", "sessions": [about | stated]}],
    }


def last(type_: str, start: float, end: float, reason: str = "client") -> Json:
    """The segment with which the leg ends."""
    return {"segmentType": type_, "segmentStart": t(start), "segmentEnd": t(end), "disconnectType": reason}


WRAPPED: Json = {"segmentType": "wrapup", "segmentStart": t(63.2), "segmentEnd": t(70)} | {
    "wrapUpCode": "c",
    "wrapUpNote": "n",
    "wrapUpTags": ["a"],
}
ANALYTICS = analytics(("alert", 0, 3), ("interact", 3, 40), last("hold", 40, 63), WRAPPED, peerId="peer1")
ACME: Json = {"provider": "acme"}


def test_analytics_state_the_whole_life_of_a_leg() -> None:
    assert warned(ANALYTICS) == []
    assert facts(ANALYTICS) == [
        event("alerting", t(0), **ACME),
        *details(t(0), peerId="peer1"),
        event("connected", t(3), **ACME),
        event("disconnected", t(63), **ACME, disconnectType="client"),
        event("acw.started", t(63.2), **ACME),
        wrapup(t(70), code="c", notes="n", tags=["a"]),
        event("acw.ended", t(70), by="platform", state="complete"),
    ]


def test_hold_opens_no_segment_and_wrapup_none_either() -> None:  # SEG-7
    found = session(analytics(("alert", 0, 3), ("interact", 3, 20), ("hold", 20, 40), last("interact", 40, 63), WRAPPED))

    assert [(one["type"], one["startTime"], one["endTime"]) for one in found["segments"]] == [
        ("Alert", t(0), t(3)),
        ("Interact", t(3), t(63)),
    ]


def test_after_call_work_of_an_alert_that_nobody_answered_is_the_platforms_own() -> None:
    """An agent's leg of 2024: alert, then wrap-up."""
    found = session(analytics(last("alert", 0, 2, "error"), WRAPPED))

    assert (found["disconnectType"], found["afterCallWork"]) == (
        "error",
        {"startTime": t(2), "endTime": t(70), "state": "complete"},
    )
    assert "connectedTime" not in found


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([("system", 0, 1), ("ivr", 1, None)], ["offering/System", "connected/IVR"]),
        ([("system", 0, 1), ("delay", 1, None)], ["offering/System", "connected/Delay"]),
        (
            [("contacting", 0, 1), ("dialing", 1, 2), ("interact", 2, None)],
            ["contacting/Contacting", "dialing/Dialing", "connected/Interact"],
        ),
        ([("scheduled", 0, 1), ("callback", 1, None)], ["scheduled/Scheduled", "scheduled/Scheduled"]),
        ([("ALERT", 0, 1)], ["alerting/Alert"]),
    ],
)
def test_a_segments_type_in_analytics_names_a_state(segments: list[tuple[str, float, float | None]], expected: list[str]) -> None:
    types = {"offering": "System", "connected": "Interact"}
    found = [(one["type"].rpartition(".")[2], one["data"].get("segmentType")) for one in facts(analytics(*segments))]

    assert [f"{kind}/{own or types.get(kind) or kind.removesuffix('ing').capitalize()}" for kind, own in found] == [
        one.replace("Contacting", "Contact").replace("Dialing", "Dial") for one in expected
    ]


@pytest.mark.parametrize(
    "within", ["hold", "barging", "coaching", "monitoring", "parked", "screenmonitoring", "sharing", "voicemail"]
)
def test_a_segment_within_a_connection_begins_no_state(within: str) -> None:
    assert events_of(analytics(("interact", 0, 5), (within, 5, 9))) == ["connected 09:00:00.000"]


@pytest.mark.parametrize("kind", ["unknown", "converting", "newfangled"])
def test_a_segment_that_names_no_state_is_a_warning(kind: str) -> None:
    assert events_of(analytics((kind, 0, 5))) == []
    assert warned(analytics((kind, 0, 5))) == [("unplaced_segment", "$.participants[0].sessions[0].segments")]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("conferenceTransfer", "transfer.conference"),
        ("noAnswerTransfer", "transfer.noanswer"),
        ("notAvailableTransfer", "transfer.notavailable"),
        ("dndEndpoint", "endpoint.dnd"),
        ("sessionExpired", "session.expired"),
        ("transportFailure", "transport.failure"),
        ("peer", "peer"),
        ("newfangled", "newfangled"),
    ],
)
def test_analytics_disconnect_types_are_translated(theirs: str, ours: str) -> None:  # DISC-2
    assert session(analytics(last("interact", 0, 5, theirs)))["disconnectType"] == ours


LIFE: list[Segment] = [("alert", 0, 3), last("interact", 3, 63)]


def test_a_wrapup_segment_that_is_open_is_after_call_work_that_goes_on() -> None:
    open_one = {key: value for key, value in WRAPPED.items() if key != "segmentEnd"}

    assert events_of(analytics(*LIFE, open_one))[2:] == [
        *("wrapup/draft 09:00:03.000", "disconnected 09:01:03.000", "acw.started 09:01:03.200")
    ]
    found = session(analytics(*LIFE, open_one))
    assert found["afterCallWork"] == {"startTime": t(63), "state": "pending"}
    assert found["wrapup"]["code"] == "c"


def test_a_wrapup_segment_without_a_code_is_no_wrapup() -> None:
    """The kind of case a1."""
    whole = analytics(*LIFE, ("wrapup", 63, 64.855))

    assert events_of(whole)[3:] == ["acw.started 09:01:03.000", "acw.ended 09:01:04.855"]
    assert "wrapup" not in session(whole)
    assert session(whole)["afterCallWork"] == {"startTime": t(63), "endTime": t(64.855), "state": "complete"}


@pytest.mark.parametrize("key", ["wrapUpNote", "wrapUpTags"])
def test_the_notes_of_a_wrapup_segment_without_a_code_are_a_warning(key: str) -> None:
    segment = {name: value for name, value in WRAPPED.items() if name != "wrapUpCode"}
    del segment[{"wrapUpNote": "wrapUpTags", "wrapUpTags": "wrapUpNote"}[key]]

    assert [error for error, _ in warned(analytics(*LIFE, segment))] == ["no_code"]


def test_a_wrapup_segment_without_times_is_a_warning() -> None:
    assert ("no_time", "$.participants[0].sessions[0].segments[2].segmentStart") in warned(
        analytics(*LIFE, {"segmentType": "wrapup"})
    )


def test_after_call_work_that_was_skipped_is_skipped_at_the_end() -> None:
    assert facts(analytics(*LIFE, acwSkipped=True))[3:] == [event("acw.ended", t(63), by="platform", state="skipped")]


def test_after_call_work_that_was_skipped_on_a_leg_that_goes_on_is_a_warning() -> None:
    assert warned(analytics(("interact", 3, None), acwSkipped=True)) == [("no_time", "$.participants[0].sessions[0].acwSkipped")]


def test_a_leg_whose_last_segment_is_closed_has_ended_with_its_conversation() -> None:
    closed = analytics(("alert", 0, 3), ("interact", 3, 9))

    assert events_of(closed) == ["alerting 09:00:00.000", "connected 09:00:03.000"]
    assert facts(closed | {"conversationEnd": t(20)})[2:] == [event("disconnected", t(9), **ACME)]


def test_a_leg_whose_last_segment_is_closed_has_ended_if_a_wrapup_follows() -> None:
    """The kind of case c1."""
    found = facts(analytics(("alert", 0, 3), ("interact", 3, 63), WRAPPED))

    assert found[2] == event("disconnected", t(63), **ACME)
    assert "disconnectType" not in data(found[2])


def test_a_leg_whose_last_segment_is_open_has_not_ended() -> None:
    assert events_of(analytics(("alert", 0, 3), ("interact", 3, None)) | {"conversationEnd": t(20)}) == [
        "alerting 09:00:00.000",
        "connected 09:00:03.000",
    ]


def test_a_leg_without_segments_is_a_warning_and_an_empty_leg() -> None:
    """The kind of case a3."""
    assert warned(analytics()) == [("no_fact", "$.participants[0].sessions[0]")]
    assert [leg.is_empty for leg in convert(analytics()).legs] == [True]


def test_a_gap_between_segments_is_a_warning() -> None:
    assert warned(analytics(("dialing", 0, 3), ("dialing", 8, None))) == [("gap", "$.participants[0].sessions[0].segments")]
    assert [error for error, _ in warned(analytics(("interact", 0, 3), ("hold", 8, None)))] == ["gap"]


# --- Providers' batches -------------------------------------------------------------------------------------------------------


def pushed(at: float, **stated: Any) -> Json:
    return {"eventId": f"e{at:g}", "eventDateTime": t(at), "conversationId": "conv", "communicationId": "leg"} | stated


def batch(prefix: str = "communication") -> Json:
    return {
        f"{prefix}AnsweredEvents": [pushed(3)],
        f"{prefix}EndedEvents": [pushed(63, disconnectType="Peer", destinationConversationId="d")],
        f"{prefix}DispositionAppliedEvents": [pushed(70, code="c", notes="n", tags=["a"])],
    }


@pytest.mark.parametrize("prefix", ["communication", "emailCommunication", "messagingCommunication", "Communication"])
def test_a_batch_of_a_providers_events_is_converted(prefix: str) -> None:
    assert warned(batch(prefix)) == []
    assert facts(batch(prefix)) == [
        event("connected", t(3), number="e3"),
        event("disconnected", t(63), number="e63", disconnectType="peer"),
        wrapup(t(70), code="c", notes="n", tags=["a"]) | {"id": f"e70/wrapup/{t(70)}"},
    ]


def test_an_event_without_an_id_of_its_own_has_that_of_its_leg() -> None:
    assert events_of({"communicationAnsweredEvents": [pushed(3) | {"eventId": None}]}) == ["connected 09:00:03.000"]


@pytest.mark.parametrize("alerts", [True, False])
@pytest.mark.parametrize(
    ("key", "purpose"),
    [
        ("userEstablishedEvents", "agent"),
        ("routingEstablishedEvents", "acd"),
        ("externalEstablishedEvents", "external"),
        ("ivrEstablishedEvents", "ivr"),
        ("flowEstablishedEvents", "workflow"),
        ("emailUserEstablishedEvents", "agent"),
        ("messagingExternalEstablishedEvents", "external"),
        ("UserEstablishedEvents", "agent"),
    ],
)
def test_an_established_leg_is_alerting_or_connected(*, key: str, purpose: str, alerts: bool) -> None:
    """The kind of case e1."""
    configuration = {"initialConfiguration": {"alerting": alerts}, "sourceConfiguration": {"sourceId": "acme"}}
    both = {key: [pushed(2, afterCallWorkRequired=True, invitedBy="peer1", **configuration)]}
    none = {} if purpose == "agent" else {"wrapupPrompt": "none"}
    each: Json = {"provider": "acme", "afterCallWorkRequired": True, **none}

    assert warned(both) == []
    assert facts(both) == [
        event("alerting" if alerts else "connected", t(2), number="e2", **each),
        event("updated", t(2), number="e2", fact="peerId", peerId="peer1"),
    ]
    assert {one["purpose"] for one in written(both)} == {purpose}


def test_an_established_leg_without_a_configuration_is_connected() -> None:
    assert facts({"userEstablishedEvents": [pushed(2)]}) == [event("connected", t(2), number="e2")]


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("holdUpdatedEvents", "hold"),
        ("transferEvents", "transfer"),
        ("consultTransferEvents", "transfer"),
        ("blindTransferEvents", "transfer"),
    ],
)
def test_transfers_and_holds_of_a_batch_are_skipped(key: str, kind: str) -> None:
    found = convert({key: [pushed(9, held=True), pushed(10)], **batch()})

    assert (found.skipped, found.warnings, len(found.events)) == ((kind, kind), (), 3)


def test_a_key_of_a_batch_that_is_not_read_is_a_warning() -> None:
    assert warned(batch() | {"newfangledEvents": [pushed(9)], "version": 2}) == [
        ("unread", "$.newfangledEvents"),
        ("unread", "$.version"),
    ]


@pytest.mark.parametrize("stated", [{}, {"code": None}, {"code": ""}])
def test_a_disposition_without_a_code_is_skip(stated: Json) -> None:
    assert facts({"communicationDispositionAppliedEvents": [pushed(70, **stated)]}) == [
        event("acw.ended", t(70), number="e70", by="platform", state="skipped")
    ]


@pytest.mark.parametrize("content", [{"notes": "n"}, {"tags": ["a"]}])
def test_the_content_of_a_disposition_without_a_code_is_a_warning(content: Json) -> None:
    assert warned({"communicationDispositionAppliedEvents": [pushed(70, **content)]}) == [
        ("no_code", "$.communicationDispositionAppliedEvents[0].wrapup")
    ]


PASCAL = {
    "Self": "client",
    "Peer": "peer",
    "System": "system",
    "Error": "error",
    "Transfer": "transfer",
    "TransferACD": "transfer",
    "TransferUser": "transfer",
    "TransferConference": "transfer.conference",
    "TransferConsult": "transfer.consult",
    "SessionExpired": "session.expired",
    "Unknown": "Unknown",
}


@pytest.mark.parametrize(("theirs", "ours"), PASCAL.items())
def test_a_providers_disconnect_type_is_translated(theirs: str, ours: str) -> None:
    assert facts({"communicationEndedEvents": [pushed(63, disconnectType=theirs)]}) == [
        event("disconnected", t(63), number="e63", disconnectType=ours)
    ]


def test_a_pushed_event_without_a_time_is_a_warning() -> None:
    assert warned({"communicationAnsweredEvents": [pushed(3) | {"eventDateTime": None}]}) == [
        ("no_time", "$.communicationAnsweredEvents[0].eventDateTime")
    ]


# --- Co-browse events of web messaging ----------------------------------------------------------------------------------------

MESSENGER: Json = {
    "conversationId": "conv",
    "channel": {"time": t(5), "type": "Private"},
    "events": [{"eventType": "CoBrowse", "coBrowse": {"type": "Offering", "sessionId": "leg", "sessionJoinToken": "j"}}],
}
OFFERS: dict[str, tuple[str, list[Json]]] = {
    "Offering": ("offering", [event("offering", t(5))]),
    "OfferingExpired": ("disconnected", [event("disconnected", t(5), disconnectType="timeout")]),
    "OfferingAccepted": ("connected", [event("connected", t(5))]),
    "OfferingRejected": ("disconnected", [event("disconnected", t(5), disconnectType="client")]),
}


def offer(type_: str, **message: Any) -> Json:
    return {"conversationId": "conv", "events": [{"coBrowse": {"type": type_, "sessionId": "leg"}}], **message}


@pytest.mark.parametrize("type_", OFFERS)
@pytest.mark.parametrize("at", [{"time": t(5)}, {"timestamp": t(5)}, {"channel": {"time": t(5)}}])
def test_an_offer_of_web_messaging_is_a_leg(type_: str, at: Json) -> None:
    assert warned(offer(type_, **at)) == []
    assert facts(offer(type_, **at)) == OFFERS[type_][1]


@pytest.mark.parametrize("type_", OFFERS)
def test_an_offer_without_a_time_was_seen_when_it_was_received(type_: str) -> None:
    state = OFFERS[type_][0]
    received = datetime.fromisoformat(t(8))

    (one,) = facts(offer(type_), received_at=received)
    assert (one["id"], one["time"], one["derivedfrom"]) == (f"leg/{state}", t(8), RECEIVED)
    assert facts(offer(type_)) == []
    assert [error for error, _ in warned(offer(type_))] == ["no_time"]


def test_an_offer_of_an_unknown_type_is_a_warning() -> None:
    assert warned(offer("Newfangled", time=t(5))) == [("unknown_value", "$.events[0].coBrowse.type")]


def test_an_offer_by_itself_has_a_source_of_its_own() -> None:
    (one,) = written({"coBrowse": {"type": "Offering", "sessionId": "leg"}, "timestamp": t(5)})

    assert (one["source"], one["subject"], one["time"]) == ("/genesys/cobrowse", "leg", t(5))


# --- The history of calls -----------------------------------------------------------------------------------------------------


def history(**participant: Any) -> Json:
    """`GET /conversations/calls/history`: participants without a state."""
    shown = {"id": "leg", "purpose": "agent", "user": {"id": "u1"}, "startTime": t(0), "endTime": t(63), "didInteract": False}
    return {"entities": [{"id": "conv", "hadCobrowse": True, "participants": [shown | participant]}], "pageSize": 25, "total": 1}


def test_a_leg_of_the_history_has_an_end() -> None:
    """The kind of case z1."""
    assert warned(history(disconnectType="peer")) == []
    assert facts(history(disconnectType="peer")) == [
        event("updated", t(0), fact="begins"),
        event("disconnected", t(63), disconnectType="peer"),
    ]


def test_a_leg_of_the_history_that_interacted_is_a_warning_because_its_connection_has_no_time() -> None:
    assert warned(history(didInteract=True)) == [("no_time", "$.entities[0].participants[0].didInteract")]
    assert warned(history(didInteract=True, connectedTime=t(0.5))) == []


def test_a_leg_of_the_history_without_times_is_a_warning() -> None:
    assert warned(history(startTime=None, endTime=None)) == [("no_fact", "$.entities[0].participants[0]")]
    assert [leg.is_empty for leg in convert(history(startTime=None, endTime=None)).legs] == [True]


# --- Envelopes and lists ------------------------------------------------------------------------------------------------------

PAYLOADS: dict[str, Json] = {
    "conversation": WHOLE,
    **{topic: notification(topic, NOTIFIED) for topic in TOPICS},
    "media": MEDIA,
    MEDIA_TOPIC: notification(MEDIA_TOPIC, MEDIA_NOTIFIED),
    "parked": media(state="parked", connectedTime=t(3), providerEventTime=t(20), controlling=["p9"]),
    "shared": conversation(ENDED | {"afterCallWorkRequired": True}, wrapupPrompt="agentRequested", **SHARED),
    **{kind: detailed(kind) for kind in DETAILS},
    "analytics": ANALYTICS,
    "provider": batch(),
    "messenger": MESSENGER,
}
"""A payload of every family; the properties mutate them."""


@pytest.mark.parametrize("name", PAYLOADS)
def test_eventbridge_changes_nothing(name: str) -> None:
    payload = PAYLOADS[name]
    enclosed: Json = payload if "topicName" in payload else {"topicName": TOPICS[0], "eventBody": payload}

    assert facts(eventbridge(enclosed["eventBody"], enclosed["topicName"])) == facts(payload)


@pytest.mark.parametrize("name", PAYLOADS)
def test_eventbridge_without_a_topics_name_changes_nothing(name: str) -> None:
    payload = PAYLOADS[name]
    topic, body = payload.get("topicName", TOPICS[0]), payload.get("eventBody", payload)
    enclosed = eventbridge(body, topic) | {"detail-type": topic}
    del enclosed["detail"]["topicName"]

    assert facts(enclosed) == facts(payload)


def records(*payloads: Json) -> Json:
    return {"Records": [{"messageId": f"m{n}", "body": json.dumps(one)} for n, one in enumerate(payloads)]}


@pytest.mark.parametrize("name", PAYLOADS)
def test_the_records_of_a_queue_are_opened(name: str) -> None:
    assert facts(records(PAYLOADS[name])) == facts(PAYLOADS[name])


def test_the_records_of_a_queue_have_places_of_their_own() -> None:
    ended = {"state": "disconnected", "disconnectedTime": t(63)}
    found = written(records(*(conversation(ended | {"disconnectType": word}) for word in ("client", "transfer"))))

    assert [one["sequence"] for one in found] == [edition(place=0), edition(place=1)]
    assert (
        session(records(*(conversation(ended | {"disconnectType": word}) for word in ("client", "transfer"))))["disconnectType"]
        == "transfer"
    )


@pytest.mark.parametrize("body", [None, True, "", "{", "[]", "5", '{"id": 1, "id": 2}'])
def test_a_record_whose_body_is_no_payload_is_rejected(body: object) -> None:
    with pytest.raises(DecodeError) as caught:
        convert({"Records": [{"body": body}]})

    assert caught.value.problems


@pytest.mark.parametrize("key", ["conversations", "entities"])
@pytest.mark.parametrize("name", ["conversation", "media", "analytics"])
def test_a_listing_is_opened(name: str, key: str) -> None:
    assert facts({key: [PAYLOADS[name]], "pageSize": 25, "totalHits": 1}) == facts(PAYLOADS[name])


def test_a_list_of_payloads_of_any_families_is_converted_whole() -> None:
    other = {"conversationId": "conv2", "sessionId": "leg2"}
    found = facts([WHOLE, DETAIL | {"userId": "u1", "disconnectType": "PEER"} | other])

    assert found[:-1] == facts(WHOLE)
    assert (found[-1]["source"], found[-1]["id"]) == ("/genesys/conversations/conv2", "leg2/disconnected")


def test_an_empty_list_has_no_events() -> None:
    assert facts([]) == facts({"conversations": []}) == facts({"id": "conv", "participants": []}) == []


def test_the_families_are_those_that_can_be_named() -> None:
    assert [*FAMILIES] == ["conversation", "media", "analytics", "provider", "messenger", *(f"detail.{kind}" for kind in DETAILS)]


@pytest.mark.parametrize("name", ["conversation", "media", "analytics", "provider"])
def test_naming_the_right_family_changes_nothing(name: str) -> None:
    assert facts(PAYLOADS[name], name) == facts(PAYLOADS[name])


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (5, "$"),
        (None, "$"),
        ("text", "$"),
        ({}, "$"),
        ({"id": "conv"}, "$"),
        (COBROWSE, "$"),
        ({"topicName": TOPICS[0]}, "$.eventBody"),
        ({"topicName": TOPICS[0], "eventBody": {}}, "$.eventBody"),
        ({"topicName": 5}, "$.eventBody"),
        (notification("v2.detail.events.conversation.conv.newfangled", DETAIL), "$.eventBody.topicName"),
        (eventbridge(DETAIL, "v2.detail.events.conversation.conv.newfangled"), "$.detail.eventBody.topicName"),
        ({"type": "interactionSubscription", "data": {"category": "add", "interaction": {"id": "i1"}}}, "$"),
        ([WHOLE, {}], "$[1]"),
        ([WHOLE, 5], "$[1]"),
        ([WHOLE, [WHOLE, {}]], "$[1][1]"),
        ({"entities": [WHOLE, {"id": "u1"}]}, "$.entities[1]"),
    ],
)
def test_what_is_no_payload_is_rejected_with_its_path_and_what_was_expected(document: Any, path: str) -> None:
    with pytest.raises(DecodeError) as caught:
        convert(document)

    (problem,) = caught.value.problems
    assert (problem.error, problem.path) == ("not_recognised", path)
    assert problem.expected


@pytest.mark.parametrize("participants", [5, 1.5, True, "p1", {"id": "p1"}, None, [5, "p1", None, []]])
def test_participants_of_any_type_give_events_or_a_reason(participants: object) -> None:
    try:
        assert facts({"id": "conv", "participants": participants}) == []
    except DecodeError as error:
        assert error.problems  # noqa: PT017 (either will do)


@pytest.mark.parametrize(
    ("document", "family"),
    [
        ({}, "conversation"),
        ({}, "media"),
        ({}, "analytics"),
        ({}, "provider"),
        (DETAIL, "conversation"),
        (WHOLE, "provider"),
        (WHOLE, "no such family"),
    ],
)
def test_a_document_that_is_not_of_the_family_that_is_named_is_rejected(document: Json, family: str) -> None:
    with pytest.raises(DecodeError):
        convert(document, family)


# --- When ---------------------------------------------------------------------------------------------------------------------

LIVE: Json = {"state": "connected", "connectedTime": t(3)}
RECEIVED = "the time at which it was received"
ENVELOPE = "the envelope's time"
SOURCES: list[tuple[Json, str, str | None]] = [
    ({"segments": [{"startTime": t(1), "type": "Alert"}]}, t(1), None),
    ({"startAlertingTime": t(2)}, t(2), None),
    ({"providerEventTime": t(4)}, t(4), "providerEventTime"),
]
"""What states when a leg began to alert, with the time and the words of `derivedfrom`: the first that exists counts."""


@pytest.mark.parametrize("first", range(3))
def test_the_time_of_a_state_is_the_first_that_exists(first: int) -> None:
    leg = {"state": "alerting"} | {key: value for stated, _, _ in SOURCES[first:] for key, value in stated.items()}
    received = t(2) if first < 2 else None  # its own stamp is the time of receipt

    whole = eventbridge(conversation(leg), TOPICS[0])
    (one, *_) = facts(whole)
    assert one == event("alerting", *SOURCES[first][1:2], received=received, derived=SOURCES[first][2])


@pytest.mark.parametrize(
    ("state", "fact"), [("alerting", "alerting"), ("connected", "connected"), ("disconnected", "disconnected")]
)
def test_a_state_without_any_time_has_that_of_the_envelope_and_then_of_the_receipt(state: str, fact: str) -> None:
    received = datetime.fromisoformat(t(105))
    body = conversation({"state": state})

    (enclosed,) = facts(eventbridge(body, TOPICS[0]), received_at=received)
    (bare,) = facts(notification(TOPICS[0], body), received_at=received)
    assert enclosed == event(fact, t(99), received=t(105), derived=ENVELOPE)
    assert bare == event(fact, t(105), received=t(105), derived=RECEIVED)
    assert facts(notification(TOPICS[0], body)) == []
    assert [error for error, _ in warned(notification(TOPICS[0], body))] == ["no_time"]


def test_the_alerting_timeout_of_a_leg_that_was_seen_alerting_can_be_armed() -> None:
    live = {"state": "alerting", "providerEventTime": t(4)}
    log = SessionLog(GENESYS.lifecycle, "leg")
    for one in convert(conversation(live, alertingTimeoutMs=20000)).events:
        log.add(one)

    assert log.deadline is not None
    assert time_text(log.deadline) == t(24.25)


ENDS_AT: list[tuple[Json, Json, str, str | None]] = [
    ({"disconnectedTime": t(50)}, {}, t(50), None),
    ({"segments": [{"startTime": t(0), "endTime": t(51), "type": "Alert"}]}, {}, t(51), None),
    ({"afterCallWork": {"state": "pending", "startTime": t(52)}}, {}, t(52), "afterCallWork.startTime"),
    ({}, {"startAcwTime": t(53)}, t(53), "startAcwTime"),
    ({}, {"endTime": t(54)}, t(54), "the participant's endTime"),
    ({"providerEventTime": t(55)}, {}, t(55), "providerEventTime"),
]
"""What states when a leg ended, with the time and the words of `derivedfrom`: the first that exists counts."""


@pytest.mark.parametrize("first", range(len(ENDS_AT)))
def test_the_end_of_a_leg_is_the_first_time_that_exists(first: int) -> None:
    leg: Json = {"state": "disconnected"}
    participant: Json = {}
    for more, around, _, _ in ENDS_AT[first:]:
        leg |= more
        participant |= around

    ended = next(one for one in facts(conversation(leg, **participant)) if one["id"] == "leg/disconnected")
    assert (ended["time"], ended.get("derivedfrom")) == ENDS_AT[first][2:]


def test_a_terminated_leg_restates_its_end_with_a_later_reason() -> None:
    """The kind of case h1."""
    ended = {"connectedTime": t(3), "disconnectedTime": t(63)}
    told = [("disconnected", "transfer", 63), ("disconnected", "peer", 63.1), ("terminated", "peer", 63.2)]
    stream = [
        conversation(ended | {"state": state, "disconnectType": reason, "providerEventTime": t(at)}) for state, reason, at in told
    ]

    assert events_of(stream[-1]) == ["connected 09:00:03.000", "disconnected 09:01:03.000", "terminated 09:01:03.000"]
    for order in permutations(stream):
        assert session([*order])["disconnectType"] == "peer"


def test_an_end_that_is_corrected_at_night_is_the_later_one() -> None:
    ended = {"state": "disconnected", "connectedTime": t(3)}
    evening = conversation(ended | {"disconnectedTime": t(63), "providerEventTime": t(64)})
    night = conversation(ended | {"disconnectedTime": t(62), "providerEventTime": t(600)})

    for order in ([evening, night], [night, evening]):
        assert session(order)["disconnectedTime"] == t(62)


@pytest.mark.parametrize(
    ("leg", "moved", "to"),
    [
        (LIVE | {"startAlertingTime": t(3.02)}, "alerting", t(3)),
        (
            LIVE | {"segments": [{"startTime": t(3.02), "type": "Alert"}]},
            *("alerting", t(3)),
        ),
        (
            {"startAlertingTime": t(2.99), "segments": [{"startTime": t(2.977), "type": "Interact"}]} | LIVE,
            *("alerting", t(2.977)),
        ),
        (
            LIVE | {"controlling": ["p9"], "providerEventTime": t(2.99)},
            *(f"controlling/{t(3)}", t(3)),
        ),
        (ENDED | {"afterCallWork": {"state": "complete", "endTime": t(62.981)}}, "acw.ended", t(63)),
        (ENDED | {"afterCallWork": {"state": "pending", "startTime": t(62.981)}}, "acw.started", t(63)),
    ],
)
def test_what_cannot_have_come_first_is_moved_and_states_so(leg: Json, moved: str, to: str) -> None:
    whole = conversation(leg)
    one = next(one for one in written(whole) if one["id"] == f"leg/{moved}")

    assert (one["time"], bool(one.get("derivedfrom"))) == (to, True)
    assert one["sequence"] == edition(leg.get("providerEventTime"))  # its time is a stamp of the platform
    assert warned(whole) == []
    assert {step.outcome.kind for step in fold(convert(whole).events).trace} <= {"applied", "timer"}


def test_a_receipt_a_day_before_the_fact_is_a_contradiction_and_not_taken() -> None:
    whole = conversation({"state": "connected", "connectedTime": t(3), "peerId": "peer1"})
    found = convert(whole, received_at=datetime(2020, 1, 1, tzinfo=UTC))

    assert {problem.error for problem in found.warnings} == {"contradiction"}
    assert [decode_event(encode_event(one)) for one in found.events] == [*found.events]


def test_a_stamp_a_day_before_its_segment_is_a_contradiction_and_not_taken() -> None:
    segments = [{"startTime": t(0), "type": "Alert"}]
    whole = conversation({"state": "alerting", "startAlertingTime": "2026-02-01T09:00:00Z", "segments": segments})

    assert warned(whole) == [("contradiction", "$.participants[0].cobrowsesessions[0].segments")]
    assert facts(whole) == [event("alerting", t(0))]


def test_a_naive_time_of_receipt_is_the_callers_type_error() -> None:
    with pytest.raises(TypeError, match="aware"):
        convert(WHOLE, received_at=datetime(2026, 3, 1))  # noqa: DTZ001


def test_a_participant_without_legs_is_a_warning() -> None:
    assert warned({"id": "conv", "participants": [{"id": "p1", "purpose": "agent"}]}) == [("no_fact", "$.participants")]


# --- Segments that repeat, and gaps -------------------------------------------------------------------------------------------


def dialled(*segments: tuple[str, float, float | None]) -> Json:
    written = [{"type": kind, "startTime": t(start), "endTime": end and t(end)} for kind, start, end in segments]
    return conversation({"state": "dialing", "segments": written})


def test_the_same_state_a_second_time_has_an_id_of_its_own() -> None:
    whole = dialled(("Alert", 0, 3), ("Dialing", 3, 8), ("Alert", 8, 9), ("Dialing", 9, None))

    assert [one.split()[0] for one in events_of(whole)] == ["alerting", "dialing", "alerting/2", "dialing/2"]
    assert warned(whole) == []


def test_a_corrected_start_is_the_same_fact() -> None:
    both = [dialled(("Alert", 0, 3), ("Dialing", 3, 8), ("Alert", at, None)) for at in (8, 8.5)]

    assert {one["id"] for one in written(both)} == {"leg/alerting", "leg/dialing", "leg/alerting/2"}
    assert session(both)["segments"][-1]["startTime"] == t(8.5)


def test_a_gap_between_segments_of_a_leg_is_a_warning() -> None:
    """The kind of case p1."""
    whole = dialled(("Dialing", 0, 30), ("Dialing", 300, 308))

    assert warned(whole) == [("gap", "$.participants[0].cobrowsesessions[0].segments")]
    assert [one["startTime"] for one in session(whole)["segments"]] == [t(0)]


def test_a_beginning_without_its_state_is_a_warning() -> None:
    """The kind of case a4: what was between the participant's start and the connection is not known."""
    assert warned(media(state="connected", startTime=t(0), connectedTime=t(2.7))) == [
        ("unused_time", "$.participants[0].startTime")
    ]
    assert warned(media(state="connected", startTime=t(0), connectedTime=t(1))) == []
    assert warned(media(state="connected", startTime=t(0), connectedTime=t(2.7), initialState="offering")) == []


# --- Identity and edition -----------------------------------------------------------------------------------------------------

AT_RECEIPT = datetime.fromisoformat(t(105))
OWN_TIMES: dict[str, str | None] = {
    "conversation": t(77.22),
    **dict.fromkeys(TOPICS, t(77.22)),
    "media": t(77.22),
    MEDIA_TOPIC: t(77.22),
    "parked": t(20),
    "shared": None,
    **dict.fromkeys(DETAILS, t(63)),
    "analytics": None,
    "messenger": t(5),
}
"""The payload's own time, by payload."""


@pytest.mark.parametrize("name", OWN_TIMES)
@pytest.mark.parametrize("received", [None, t(105)])
@pytest.mark.parametrize("place", [0, 42, 9_999_999, 10**12])
def test_an_edition_is_the_payloads_time_its_receipt_and_its_place(name: str, received: str | None, place: int) -> None:
    expected = edition(OWN_TIMES[name], received, min(place, 9_999_999))

    for one in written(PAYLOADS[name], received_at=received and datetime.fromisoformat(received), place=place):
        assert one.get("sequence") == (None if one.get("derivedfrom") else expected)
    assert len(expected) == 33


def test_an_event_of_a_batch_has_the_edition_of_its_own_time() -> None:
    assert {one["time"]: one["sequence"] for one in written(batch())} == {at: edition(at) for at in (t(3), t(63), t(70))}


def test_the_time_of_the_envelope_is_the_edition_of_a_payload_without_one() -> None:
    (one,) = written(eventbridge(conversation({"state": "connected", "connectedTime": t(3)}), TOPICS[0]))

    assert one["sequence"] == edition(t(99))


@pytest.mark.parametrize("source", ["providerEventTime", ENVELOPE, RECEIVED])
@pytest.mark.parametrize("state", ["alerting", "connected", "disconnected", "terminated"])
def test_a_state_whose_time_is_derived_has_no_edition(source: str, state: str) -> None:
    leg = {"state": state, "peerId": "peer1"} | ({"providerEventTime": t(4)} if source == "providerEventTime" else {})
    body = conversation(leg)
    found = written(eventbridge(body, TOPICS[0]) if source == ENVELOPE else body, received_at=AT_RECEIPT)

    states = [one for one in found if one["type"].rpartition(".")[2] != "updated"]
    assert [(one.get("sequence"), one["derivedfrom"]) for one in states] == [(None, source)] * len(states)
    assert [one["id"] for one in found if one.get("sequence")] == ["leg/peerId"]  # its value matters, not its time


def test_of_derived_states_the_first_that_was_received_counts_until_a_stamp_corrects_it() -> None:
    seen = [convert(conversation({"state": "alerting", "providerEventTime": t(at)}), received_at=AT_RECEIPT) for at in (4, 9)]
    later = [evolve(one, received_at=AT_RECEIPT + timedelta(seconds=1)) for one in seen[1].events]
    stamped = convert(conversation({"state": "alerting", "startAlertingTime": t(2)})).events

    for events in permutations([*seen[0].events, *later]):
        assert time_text(fold(events).session.start_alerting_time or AT_RECEIPT) == t(4)
    for events in permutations([*seen[0].events, *later, *stamped]):
        assert time_text(fold(events).session.start_alerting_time or AT_RECEIPT) == t(2)


def test_equal_times_are_settled_by_receipt_and_then_by_the_place() -> None:
    def ended(reason: str, received: float | None, place: int) -> Sequence[Event]:
        leg = ENDED | {"disconnectType": reason, "providerEventTime": t(64)}
        at = None if received is None else datetime.fromisoformat(t(received))
        return convert(conversation(leg), received_at=at, place=place).events

    for first, second in [((70, 9), (71, 0)), ((70, 0), (70, 1)), ((None, 0), (None, 1)), ((None, 9), (70, 0))]:
        both = [*ended("client", *first), *ended("transfer", *second)]
        assert fold(both).session.disconnect_type == fold(both[::-1]).session.disconnect_type == "transfer"


def test_the_provider_is_what_a_payload_states_or_nothing() -> None:
    assert "provider" not in session(conversation(ENDED))
    assert session(conversation(ENDED | {"provider": "acme"}))["provider"] == "acme"


STATED: Json = {"provider": "acme", "initialState": "alerting", "afterCallWorkRequired": True}
BARE_STATES: list[Json] = [{}, {"startAlertingTime": t(1)}]


@pytest.mark.parametrize("bare", BARE_STATES)
@pytest.mark.parametrize("stated", [0, 1])
def test_a_payload_that_states_less_takes_nothing_away(bare: Json, stated: int) -> None:  # CARRY-2
    """In either order, also if the state of both is derived."""
    both = [conversation({"state": "alerting"} | bare | {"providerEventTime": t(at)}) for at in (1, 2)]
    both[stated] = conversation({"state": "alerting"} | bare | STATED | {"providerEventTime": t(1 + stated)}, **SETTINGS)

    for order in (both, both[::-1]):
        found = session(order)
        assert {key: found[key] for key in STATED} == STATED
        ended = session([*order, conversation(ENDED)])
        assert ended["afterCallWork"]["state"] == "pending"


def test_the_events_of_a_leg_are_in_their_order() -> None:  # ORDER-1
    for payload in PAYLOADS.values():
        for leg in {event.subject: None for event in convert(payload).events}:
            events = [
                event for event in convert(payload).events if event.subject == leg and "/" not in event.id.partition("/")[2]
            ]
            assert [event.occurred_at for event in events] == sorted(event.occurred_at for event in events)


# --- Context ------------------------------------------------------------------------------------------------------------------

ABOUT: Json = {"userId": "u1", "queueId": "q1"}
PARTICIPANT = ("conv", "p1", "u1", "q1", "agent")
CONTEXTS: list[tuple[Json, tuple[str | None, ...]]] = [
    (conversation(LIVE, **ABOUT), (*PARTICIPANT, "cobrowse")),
    (conversation(LIVE, media="calls", **ABOUT), (*PARTICIPANT, "call")),
    (conversation(LIVE, media="internalMessages", user={"id": "u1"}, queue={"id": "q1"}), (*PARTICIPANT, "internalMessage")),
    (notification(TOPICS[0], conversation(LIVE, media="callbacks", **ABOUT)), (*PARTICIPANT, "callback")),
    (media(id="p1", communicationId="leg", **LIVE, **ABOUT), (*PARTICIPANT, None)),
    (media(id="p1", cobrowseSessionId="cb1", user={"id": "u1"}, queue={"id": "q1"}, **LIVE), (*PARTICIPANT, "cobrowse")),
    (notification("v2.users.u1.conversations", media(id="p1", **LIVE, **ABOUT)), (*PARTICIPANT, None)),
    (notification("v2.users.u1.conversations.cobrowseSessions", media(id="p1", **LIVE, **ABOUT)), (*PARTICIPANT, "cobrowse")),
    (notification("v2.users.u1.conversations.calls", media(id="p1", **LIVE, **ABOUT)), (*PARTICIPANT, "call")),
    (notification("v2.detail.events.conversation.conv.user.start", DETAIL | ABOUT), (*PARTICIPANT, "cobrowse")),
    (
        notification("v2.detail.events.conversation.conv.customer.start", DETAIL | {"mediaType": "VOICE"}),
        ("conv", "p1", None, None, "customer", "call"),
    ),
    (
        notification("v2.detail.events.conversation.conv.acd.start", DETAIL | {"queueId": "q1"}),
        ("conv", "p1", None, "q1", "acd", "cobrowse"),
    ),
    ({"userEstablishedEvents": [pushed(2, **ABOUT)]}, ("conv", None, "u1", "q1", "agent", "call")),
    ({"emailEstablishedEvents": [pushed(2, queueId="q1")]}, ("conv", None, None, "q1", None, "email")),
    ({"messagingCommunicationEndedEvents": [pushed(2)]}, ("conv", None, None, None, None, "message")),
    (offer("Offering", time=t(5)), ("conv", None, None, None, None, "cobrowse")),
    (history(id="p1"), ("conv", "p1", "u1", None, "agent", None)),
]


@pytest.mark.parametrize(("payload", "expected"), CONTEXTS)
def test_an_event_has_the_context_that_its_family_has(payload: Json, expected: tuple[str | None, ...]) -> None:
    found = written(payload)

    assert found
    assert {tuple(one.get(key) for key in CONTEXT) for one in found} == {expected}


def test_the_queue_of_an_analytics_leg_is_that_of_its_segments() -> None:
    segments: list[Segment] = [
        {"segmentType": "alert", "segmentStart": t(0), "segmentEnd": t(3), "queueId": "q1"},
        ("interact", 3, None),
    ]
    whole = analytics(*segments)
    whole["participants"][0]["userId"] = "u1"

    assert {tuple(one.get(key) for key in CONTEXT) for one in written(whole)} == {(*PARTICIPANT, "cobrowse")}


# --- What contradicts itself, or makes no sense ----------------------------------------------------------------------------

CONTRADICTORY = [
    pytest.param(
        {"state": "connected", "connectedTime": t(3), "disconnectedTime": t(63)},
        *(["connected 09:00:03.000", "disconnected 09:01:03.000"], [("contradiction", "state")], "disconnected"),
        id="ended and connected at once",
    ),
    pytest.param(
        {"state": "alerting", "initialState": "alerting", "connectedTime": t(3)},
        *(["connected 09:00:03.000"], [("contradiction", "state")], "connected"),
        id="connected and alerting at once",
    ),
    pytest.param(
        {"state": "disconnected", "connectedTime": t(3)},
        *(["connected 09:00:03.000"], [("no_time", "disconnectedTime")], "connected"),
        id="ended without a time",
    ),
    pytest.param(
        {"state": "disconnected", "connectedTime": t(63), "disconnectedTime": t(3)},
        *(["disconnected 09:00:03.000", "connected 09:01:03.000"], [("contradiction", "disconnectedTime")], "disconnected"),
        id="ended before it was connected",
    ),
    pytest.param(
        {"state": "connected", "startAlertingTime": t(0)},
        *(["alerting 09:00:00.000"], [("no_time", "state")], "alerting"),
        id="connected without a time",
    ),
    pytest.param(
        {"state": "alerting", "startAlertingTime": t(0), "segments": [{"type": "Alert"}]},
        *(["alerting 09:00:00.000"], [("unplaced_segment", "segments")], "alerting"),
        id="a segment without a start",
    ),
    pytest.param(
        {"state": "connected", "startAlertingTime": t(5), "connectedTime": t(3)},
        *(["alerting 09:00:03.000", "connected 09:00:03.000"], [("contradiction", "connectedTime")], "connected"),
        id="connected before it alerted",
    ),
]


@pytest.mark.parametrize(("leg", "expected", "warnings", "state"), CONTRADICTORY)
def test_a_contradiction_has_a_defined_result_and_a_warning(
    leg: Json, expected: list[str], warnings: list[tuple[str, str]], state: str
) -> None:
    whole = conversation(leg, wrapupPrompt="optional")

    assert events_of(whole) == expected
    assert warned(whole) == [(error, f"$.participants[0].cobrowsesessions[0].{key}") for error, key in warnings]
    assert session(whole)["state"] == state


def test_a_leg_that_ended_before_it_was_connected_was_never_connected() -> None:
    found = fold(convert(conversation({"state": "disconnected", "connectedTime": t(63), "disconnectedTime": t(3)})).events)

    assert [step.outcome.kind for step in found.trace] == ["applied", "refused"]
    assert found.session.connected_time is None


AT = "$.participants[0].cobrowsesessions[0]"
SENSELESS = [
    ({"state": 5}, ("wrong_type", f"{AT}.state")),
    ({"provider": ["acme"]}, ("wrong_type", f"{AT}.provider")),
    ({"connectedTime": 1772355603000}, ("bad_time", f"{AT}.connectedTime")),
    ({"connectedTime": "2026-03-01T09:00:03"}, ("bad_time", f"{AT}.connectedTime")),
    ({"disconnectedTime": "9999-01-01T00:00:00Z"}, ("bad_time", f"{AT}.disconnectedTime")),
    ({"startAlertingTime": "1969-12-31T23:59:59.999Z"}, ("bad_time", f"{AT}.startAlertingTime")),
    ({"segments": {}}, ("wrong_type", f"{AT}.segments")),
    ({"segments": [5]}, ("wrong_type", f"{AT}.segments")),
    ({"segments": [{"startTime": t(3), "type": 5}]}, ("wrong_type", f"{AT}.segments[0].type")),
    ({"wrapup": "code"}, ("wrong_type", f"{AT}.wrapup")),
    ({"wrapup": {"code": "c", "tags": ["a", 5]}}, ("wrong_type", f"{AT}.wrapup.tags")),
    ({"wrapup": {"code": "c", "durationSeconds": "14"}}, ("wrong_type", f"{AT}.wrapup.durationSeconds")),
    ({"wrapup": {"code": "c", "provisional": "false"}}, ("wrong_type", f"{AT}.wrapup.provisional")),
    ({"afterCallWork": []}, ("wrong_type", f"{AT}.afterCallWork")),
    ({"afterCallWorkRequired": 1}, ("wrong_type", f"{AT}.afterCallWorkRequired")),
    ({"controlling": "p9"}, ("wrong_type", f"{AT}.controlling")),
    ({"self": {"name": 5}}, ("wrong_type", f"{AT}.self.name")),
    (
        {"queueMediaSettings": {"alertingTimeoutSeconds": 86401}},
        ("out_of_bounds", f"{AT}.queueMediaSettings.alertingTimeoutSeconds"),
    ),
]


@pytest.mark.parametrize(("stated", "warning"), SENSELESS)
def test_what_has_no_sense_counts_as_absent_and_is_a_warning_with_its_path(stated: Json, warning: tuple[str, str]) -> None:
    live = {"state": "connected", "startAlertingTime": t(0), "connectedTime": t(3)}

    assert warning in warned(conversation(live | stated))


@pytest.mark.parametrize(
    ("stated", "key"), [({"wrapupTimeoutMs": 0}, "wrapupTimeoutMs"), ({"alertingTimeoutMs": -1}, "alertingTimeoutMs")]
)
def test_a_timeout_out_of_bounds_is_not_taken(stated: Json, key: str) -> None:
    live = conversation({"state": "connected", "connectedTime": t(3)}, **stated)

    assert warned(live) == [("out_of_bounds", f"$.participants[0].{key}")]
    assert facts(live) == [event("connected", t(3), received=t(3))]


@pytest.mark.parametrize("missing", [None, "", 5, []])
@pytest.mark.parametrize("of", ["conversation", "leg"])
def test_a_leg_without_its_ids_is_a_warning(of: str, missing: object) -> None:
    whole = conversation({"id": missing if of == "leg" else "leg", "state": "connected", "connectedTime": t(3)})

    assert facts(whole | ({"id": missing} if of == "conversation" else {})) == []
    assert ("missing", f"{AT}.id") in warned(whole | ({"id": missing} if of == "conversation" else {}))


@pytest.mark.parametrize(
    ("key", "null"), [*((key, None) for key in COBROWSE), ("self", {}), ("wrapup", {}), ("afterCallWork", {})]
)
def test_null_and_nothing_are_the_same_as_absent(key: str, null: object) -> None:
    leg = {name: value for name, value in COBROWSE.items() if name != key}

    assert facts(conversation(leg | {key: null}, **SETTINGS)) == facts(conversation(leg, **SETTINGS))


# --- The same fact is the same event ------------------------------------------------------------------------------------------


def growing() -> Iterator[Json]:
    """One conversation, as it was shown again and again."""
    alert = {"startTime": t(0), "type": "Alert", "howEnded": "Disconnect"}
    base = {"id": "leg", "initialState": "alerting", "startAlertingTime": t(0.03), "provider": "acme"}
    yield base | {"state": "alerting", "segments": []}
    yield base | {"state": "alerting", "segments": [alert]}
    yield base | {"state": "connected", "connectedTime": t(3), "segments": [alert], "peerId": "peer1"}
    closed = [alert | {"endTime": t(3), "howEnded": "Interact"}, {"startTime": t(3), "type": "Interact"}]
    yield base | {"state": "connected", "connectedTime": t(3), "segments": closed, "peerId": "peer1"}
    ended = {"state": "disconnected", "disconnectType": "client", "connectedTime": t(3), "disconnectedTime": t(63)}
    pending = {"afterCallWork": {"state": "pending", "startTime": t(63)}, "peerId": "peer1"}
    yield base | ended | pending | {"segments": closed}
    yield base | COBROWSE


SNAPSHOTS = [conversation(leg, startTime=t(0), **SETTINGS) for leg in growing()]


def test_the_same_fact_from_any_number_of_snapshots_is_the_same_event() -> None:
    ids = [*dict.fromkeys(one["id"].removeprefix("leg/") for one in written(SNAPSHOTS))]

    assert ids == [
        *("alerting", "peerId", "connected", "disconnected", "acw.started"),
        *("cobrowseRole", "cobrowseSessionId", "self", "viewerUrl", f"wrapup/{t(77.22)}", "acw.ended"),
    ]
    assert session(SNAPSHOTS * 2) == session(SNAPSHOTS) == session(SNAPSHOTS[-1])


def test_an_event_carries_its_conversation_and_its_communication() -> None:
    for one in convert(list(PAYLOADS.values())).events:
        assert (one.subject, one.source, one.context.conversation_id) == ("leg", "/genesys/conversations/conv", "conv")
        begins, fact = one.id.split("/", 1)
        assert begins == "leg" or begins.startswith("e")  # a batch brings an id for each event
        assert fact


@pytest.mark.parametrize("name", PAYLOADS)
def test_only_the_platforms_own_stamps_are_times_of_receipt(name: str) -> None:
    stamps: dict[str, set[str | None]] = {"alerting": {t(0.03), None}, "connected": {t(3), None}}
    stamps["updated"] = stamps["alerting"] | stamps["connected"]  # a detail was received with the first state

    def received(one: Event) -> str | None:
        return None if one.received_at is None else time_text(one.received_at)

    assert all(received(one) in stamps.get(one.kind, {None}) for one in convert(PAYLOADS[name]).events)


# --- The family of a body, and what its warnings say --------------------------------------------------------------------------

ENDED_LEG = {"sessionId": "s", "eventTime": 1_772_355_600_000, "disconnectType": "peer"}


@pytest.mark.parametrize(
    ("body", "family"),
    [
        (ENDED_LEG, "detail.customer.end"),
        (ENDED_LEG | {"userId": "u"}, "detail.user.end"),
        ({key: ENDED_LEG[key] for key in ("sessionId", "disconnectType")}, None),
        ({key: ENDED_LEG[key] for key in ("eventTime", "disconnectType")}, None),
        ({"sessionId": "s", "eventTime": 1, "wrapupCode": "a"}, "detail.wrapup"),
        ({"sessionId": "s", "eventTime": 1, "wrapupDurationMs": 5}, "detail.wrapup"),
        ({"sessionId": "s", "eventTime": 1, "wrapupDurationMs": 5, "userId": "u"}, "detail.acw"),
        ({"sessionId": "s", "eventTime": 1, "acdOutcome": "ANSWERED"}, "detail.acd.end"),
        ({"sessionId": "s", "eventTime": 1, "connectedDurationMs": 5}, "detail.acd.end"),
        ({"sessionId": "s", "eventTime": 1, "userId": "u"}, None),
        ({"events": [5, {}]}, None),
        ({"events": {"id": "i1"}}, None),
        ({"participants": [], "conversationId": "c"}, "analytics"),
        ({"participants": [{"sessions": []}]}, "analytics"),
        ({"participants": [{}]}, "conversation"),
        ({"participants": [{"state": "connected"}]}, "media"),
        ({"participants": [{"state": "connected", "calls": []}]}, "conversation"),
    ],
)
def test_the_keys_of_a_body_tell_its_family(body: Any, family: str | None) -> None:
    assert family_of(PayloadReader(body)) == family


def told(payload: Any) -> list[tuple[str, str, str, str]]:
    return [(one.error, one.path, one.found, one.expected) for one in convert(payload).warnings]


def test_a_leg_without_ids_a_conversation_without_legs_and_an_event_that_is_too_long_are_warnings() -> None:
    leg = {"state": "connected", "connectedTime": "2026-03-01T09:00:00Z"}
    nobody = {"participants": [{"purpose": "agent", "calls": [leg]}]}
    no_leg = {"id": "c", "participants": [{"purpose": "agent"}]}
    long = {
        "id": "c",
        "participants": [{"id": "p", "purpose": "agent", "calls": [leg | {"id": "l", "provider": "y" * 1_048_576}]}],
    }

    missing = "the ids of a conversation and its communication"
    assert told(nobody) == [("missing", "$.participants[0].calls[0].id", "nothing", missing)]
    assert told(no_leg) == [("no_fact", "$.participants", "no leg", "participants with their communications")]
    (warning,) = told(long)
    assert warning[:2] == ("line_too_long", "l/connected")
    assert re.fullmatch(r"1,04\d,\d{3} bytes", warning[2])
    assert warning[3] == "an event of at most 1,048,576 bytes"


def test_an_event_of_exactly_a_line_is_converted() -> None:
    def converted(letters: int) -> Converted:
        leg = {"id": "l", "state": "connected", "connectedTime": "2026-03-01T09:00:00Z", "provider": "y" * letters}
        return convert({"id": "c", "participants": [{"id": "p", "purpose": "agent", "calls": [leg]}]})

    (event,) = converted(1).events
    letters = 1_048_576 - len(encode_event(event)) + 1

    assert [len(encode_event(one)) for one in converted(letters).events] == [1_048_576]
    assert [one.found for one in converted(letters + 1).warnings] == ["1,048,577 bytes"]


@pytest.mark.parametrize("family", ["conversation", "media"])
def test_a_conversation_without_participants_is_of_the_family_that_it_is_said_to_be(family: str) -> None:
    found = convert({"id": "c", "participants": []}, family=family)

    assert (found.events, found.warnings) == ((), ())


def test_a_detail_event_of_another_topic_is_rejected_with_the_topics_about_a_leg() -> None:
    with pytest.raises(DecodeError) as caught:
        convert(notification("v2.detail.events.conversation.conv.newfangled", DETAIL))

    assert GENESYS.recognise(notification("v2.detail.events.conversation.conv.newfangled", DETAIL)) == "unreadable"
    (problem,) = caught.value.problems
    assert (problem.found, problem.expected) == (
        '"newfangled"',
        (
            "a detail event about a leg: user.start, customer.start, acd.start, voicemail.start, user.end, customer.end, "
            "acd.end, voicemail.end, wrapup, acw"
        ),
    )


def test_a_payload_of_another_family_than_it_is_said_to_be_is_rejected_with_that_family() -> None:
    with pytest.raises(DecodeError, match="a payload of analytics"):
        convert({"id": "conv"}, family="analytics")
    with pytest.raises(DecodeError, match="a payload of a known family"):
        convert({})
