"""Payloads of Genesys Cloud for tests: what the platform would send while the legs of a conversation live.

Theory of operation
===================

`moments.py` has the changes of all legs, in order of time. What a platform sends at a moment depends on the family:

- `conversation`, `shared`, `media` and `analytics` are snapshots: all legs as they are by then.
- `detail`, `provider` and `messenger` are single facts: what has just changed about one leg.

A leg of a snapshot is the session JSON, because that is the platform's own model. The fields of each model are those of
`sources/genesys/fields.py`, so a field that no reader reads is not written either.

A family does not show everything. `FAMILIES` lists the attributes of a session that come back. Some things a snapshot cannot
show at all: what was taken back (after-call work that was reopened, or that began later than the leg ended, a draft or a timer's
code that was dropped), and, without segments, a state that was left and entered again.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeAlias

from attrs import frozen

from cobrowse_session.events import SETTING_NAMES, Event
from cobrowse_session.lifecycle import Lifecycle
from cobrowse_session.model import CobrowseSession
from cobrowse_session.sources.genesys.analytics import TYPES
from cobrowse_session.sources.genesys.details import KINDS, TOPIC
from cobrowse_session.sources.genesys.fields import FIELDS, Unread
from cobrowse_session.sources.genesys.messenger import OFFERS
from cobrowse_session.sources.genesys.parts import MEDIA
from cobrowse_session.sources.genesys.provider import PURPOSES
from cobrowse_session.testing.moments import Leg, Moment, moments_of
from cobrowse_session.times import EPOCH, time_text
from cobrowse_session.vocabulary import AfterCallWorkState, DisconnectType
from cobrowse_session.wire import encode_session

__tracebackhide__ = True  # a failed test shows the line that called the kit, and not the kit. `pytest --full-trace` shows all

__all__ = ["ENVELOPES", "FAMILIES", "Family", "payloads"]

Json: TypeAlias = dict[str, Any]
"""A JSON object. `Any`: JSON."""

_MILLISECOND = timedelta(milliseconds=1)
_LISTS = {media: name for name, media in MEDIA.items()}


@frozen
class Sent:
    """A payload without its envelope.

    Attributes:
        topic: under which it is sent. Empty: no topic sends it.
        body: the payload. `Any`: JSON.
    """

    topic: str
    body: Json


# --- Snapshots ----------------------------------------------------------------------------------------------------------------


def _list_name(leg: Leg) -> str:
    """Return the name of the participant's list of such legs: `calls`."""
    if leg.media_type not in _LISTS:
        raise ValueError(f"media_type: expected one of {', '.join(_LISTS)}, found {leg.media_type!r}")
    return _LISTS[leg.media_type]


def _only(document: Json, model: str) -> Json:
    """Return the fields of an object that its model has and a reader reads, without those that are unset."""
    # Example: a leg with `segments` and `roomId`. `Cobrowsesession`, the model of REST, has segments, and its topic has none. The
    # topic's model has `roomId`, but nothing reads it. So REST shows the segments, and the topic neither of them.
    fields = FIELDS[model]
    return {
        key: value for key, value in document.items() if value is not None and not isinstance(fields.get(key, Unread), Unread)
    }


def _session_json(leg: Leg, wrapup: str) -> Json:
    """Return a leg as the platform's own model, with a wrap-up of some model."""
    shown: Json = json.loads(encode_session(leg.session))
    if "wrapup" in shown:
        shown["wrapup"] = _only(shown["wrapup"], wrapup)
    return shown


def _settings_json(leg: Leg) -> Json:
    """Return the settings of the queue. Legs of others than agents have no prompt (PROMPT-2)."""
    stated = {key: getattr(leg.session.settings, name) for key, name in SETTING_NAMES.items()}
    if not leg.is_agents:
        del stated["wrapupPrompt"]
    return {key: value // _MILLISECOND if isinstance(value, timedelta) else value for key, value in stated.items()}


def _conversation(moment: Moment, *, is_sent: bool, is_shared: bool = False) -> Iterator[Sent]:
    """Yield a conversation, as `GET /conversations/{id}` returns it, or as its topics send it.

    Args:
        moment: the moment.
        is_sent: a topic sends it.
        is_shared: wrap-up and after-call work are of the participant, which is the default of the platform, not of the leg.
    """
    kind = "ConversationEventTopic" if is_sent else ""
    participants: dict[str, list[Leg]] = defaultdict(list)
    for leg in moment.legs:
        participants[leg.participant_id].append(leg)
    shown = [_participant(legs, kind, is_shared=is_shared) for legs in participants.values()]
    yield Sent(f"v2.users.{_user(moment)}.conversations", {"id": moment.conversation_id, "participants": shown})


def _participant(legs: list[Leg], kind: str, *, is_shared: bool) -> Json:
    one, lists = legs[-1], defaultdict[str, list[Json]](list)
    for leg in legs:
        lists[_list_name(leg)].append(_communication(leg, kind, is_shared=is_shared))
    begun, ended = [leg.begun for leg in legs if leg.begun], [leg.session.disconnected_time for leg in legs]
    shown = {
        "id": one.participant_id,
        "purpose": one.purpose,
        "userId": one.context.user_id,
        "queueId": one.context.queue_id,
        "startTime": _text(min(begun, default=None)),
        "endTime": _text(max(filter(None, ended))) if all(ended) else None,
        **_settings_json(one),
    }
    worked = [leg for leg in legs if leg.session.wrapup or leg.session.after_call_work]
    if is_shared and worked:  # of several legs, the one that ended last has the work of the participant (SHARE-2)
        last = max(worked, key=lambda leg: leg.session.disconnected_time or EPOCH)
        shown |= {"wrapup": _session_json(last, f"{kind}Wrapup").get("wrapup"), **_work_json(last.session)}
    return _only(shown, f"{kind}Participant") | lists


def _communication(leg: Leg, kind: str, *, is_shared: bool) -> Json:
    shown = _session_json(leg, f"{kind}Wrapup")
    if is_shared:
        shown |= {"wrapup": None, "afterCallWork": None}
    # A session without after-call work is ambiguous: a reader would decide by the prompt, and begin some. The platform says so.
    elif leg.is_agents and leg.has_ended and leg.connected and leg.session.after_call_work is None:
        shown["afterCallWork"] = {"state": AfterCallWorkState.NOT_APPLICABLE}
    return _only(shown, f"{kind}Cobrowse" if kind else "Cobrowsesession")


def _work_json(session: CobrowseSession) -> Json:
    """Return after-call work as the times of a participant."""
    work = session.after_call_work
    return {
        "startAcwTime": _text(work.start_time) if work else None,
        "endAcwTime": _text(work.end_time) if work else None,
        "wrapupSkipped": (work is not None and work.state == AfterCallWorkState.SKIPPED) or None,
    }


def _media(moment: Moment, *, is_sent: bool) -> Iterator[Sent]:
    """Yield a conversation of one kind of media, as `GET /conversations/cobrowsesessions/{id}` returns it, or its topic."""
    kind, name = "ConversationCobrowseEventTopic" if is_sent else "", _list_name(moment.after)
    shown = [_flat(leg, kind) for leg in moment.legs if _list_name(leg) == name]
    yield Sent(f"v2.users.{_user(moment)}.conversations.{name}", {"id": moment.conversation_id, "participants": shown})


def _flat(leg: Leg, kind: str) -> Json:
    """Return a participant that is its own leg. Its id is that of the leg, so that its events are those of the leg."""
    whole = _session_json(leg, f"{kind}Wrapup")
    shown = whole | {
        "purpose": leg.purpose,
        "user": _object(leg.context.user_id),
        "queue": _object(leg.context.queue_id),
        "startTime": _text(leg.begun),
        "endTime": whole.get("disconnectedTime"),
        "peer": whole.get("peerId"),
        **_work_json(leg.session),
        **_settings_json(leg),
    }
    return _only(shown, f"{kind}CobrowseMediaParticipant")


def _analytics(moment: Moment, *, is_sent: bool) -> Iterator[Sent]:  # noqa: ARG001 (no topic sends it)
    """Yield the details of a conversation, as `GET /analytics/conversations/{id}/details` returns them."""
    participants: dict[str, Json] = {}
    for leg in moment.legs:
        one: Json = {"participantId": leg.participant_id, "purpose": leg.purpose, "userId": leg.context.user_id, "sessions": []}
        participants.setdefault(leg.participant_id, _stated(one))["sessions"].append(_analytics_session(leg))
    ended = [leg.session.disconnected_time for leg in moment.legs]
    shown = {
        "conversationId": moment.conversation_id,
        "conversationStart": _text(min((leg.begun for leg in moment.legs if leg.begun), default=None)),
        "conversationEnd": _text(max(filter(None, ended))) if all(ended) else None,
        "participants": [*participants.values()],
    }
    yield Sent("", _stated(shown))


def _analytics_session(leg: Leg) -> Json:
    session = leg.session
    # Analytics has no object for a wrap-up and after-call work. Both are the last segment:
    #
    #     after-call work    wrap-up     shown as
    #     none               any         nothing: the wrap-up is lost
    #     pending            none        segment `wrapup`, open
    #     complete           code        segment `wrapup`, closed, with the code
    #     skipped            any         `acwSkipped`, without the time and the wrap-up
    segments: list[Json] = [
        {
            "segmentType": _SEGMENT_TYPES.get(one.type or "", (one.type or "").lower()),
            "segmentStart": _text(one.start_time),
            "segmentEnd": _text(one.end_time),
            "disconnectType": _camel_case(one.disconnect_type),
            "queueId": leg.context.queue_id,
        }
        for one in session.segments or ()
    ]
    work, saved = session.after_call_work, session.wrapup
    is_skipped = work is not None and work.state == AfterCallWorkState.SKIPPED
    if work and not is_skipped:
        ended = {"segmentType": "wrapup", "segmentStart": _text(work.start_time), "segmentEnd": _text(work.end_time)}
        record = {"wrapUpCode": saved.code, "wrapUpNote": saved.notes, "wrapUpTags": saved.tags} if saved and saved.code else {}
        segments.append(ended | record)
    shown = {
        "sessionId": leg.id,
        "mediaType": "voice" if leg.media_type == "call" else leg.media_type,
        "provider": session.provider,
        "peerId": session.peer_id,
        "acwSkipped": is_skipped or None,
        "segments": [_stated(one) for one in segments],
    }
    return _stated(shown)


# --- Single facts -------------------------------------------------------------------------------------------------------------


def _detail(moment: Moment, *, is_sent: bool) -> Iterator[Sent]:  # noqa: ARG001 (they are always sent)
    """Yield the detail events of a moment, one for each fact."""
    leg, session = moment.after, moment.after.session
    purpose = "agent" if leg.is_agents else leg.purpose
    # The kinds of an agent's leg that is alerted at 0 s, connected at 3 s, ended at 60 s, with a wrap-up at 70 s and 99 s:
    #
    #     0 s     user.start   begins an alert
    #     3 s     none: `user.end` has the length of the connection
    #     60 s    user.end     interactingDurationMs 57,000
    #     70 s    acw          after-call work became complete, with the wrap-up
    #     99 s    wrapup       the wrap-up alone
    for kind, content in KINDS.items():
        is_of_leg = content.purpose == purpose
        if is_of_leg and (
            (content.alerts and moment.begins("start_alerting_time")) or (content.begins and moment.before is None)
        ):
            yield _detail_event(moment, kind, moment.at)
        elif is_of_leg and content.ends and moment.ends and session.disconnected_time:
            interacted = (session.disconnected_time - leg.connected) // _MILLISECOND if leg.connected else None
            ended = {"disconnectType": _upper_case(session.disconnect_type), "interactingDurationMs": interacted}
            yield _detail_event(moment, kind, session.disconnected_time, **ended)
        elif content.wraps_up and leg.is_agents and content.ends_work == _completes(moment):
            yield from _detail_wrapup(moment, kind)


def _detail_wrapup(moment: Moment, kind: str) -> Iterator[Sent]:
    work, saved = moment.after.session.after_call_work, moment.after.session.wrapup
    at = work.end_time if work and _completes(moment) else saved.end_time if saved and _saves(moment) else None
    if at:
        # Work may end later than the wrap-up. Then the wrap-up had an event of its own.
        record = {"wrapupCode": saved.code, "wrapupNotes": saved.notes} if saved and saved.end_time == at else {}
        yield _detail_event(moment, kind, at, **record)


def _completes(moment: Moment) -> bool:
    """Return whether after-call work becomes complete here."""
    work, before = moment.after.session.after_call_work, moment.earlier.after_call_work
    return work is not None and work.state == AfterCallWorkState.COMPLETE and not (before and before.state == work.state)


def _saves(moment: Moment) -> bool:
    """Return whether a final wrap-up is new or other than before."""
    saved = moment.after.session.wrapup
    return saved is not None and saved.end_time is not None and saved != moment.earlier.wrapup


def _detail_event(moment: Moment, kind: str, at: datetime, **content: Any) -> Sent:  # JSON
    leg = moment.after
    shown = {
        "eventTime": (at - EPOCH) // _MILLISECOND,
        "conversationId": moment.conversation_id,
        "participantId": leg.participant_id,
        "sessionId": leg.id,
        "mediaType": "VOICE" if leg.media_type == "call" else leg.media_type.upper(),
        "provider": leg.session.provider,
        "userId": leg.context.user_id,
        "queueId": leg.context.queue_id,
        **content,
    }
    return Sent(f"{TOPIC}{moment.conversation_id}.{kind}", _stated(shown))


def _provider(moment: Moment, *, is_sent: bool) -> Iterator[Sent]:  # noqa: ARG001 (the provider posts them)
    """Yield the batch of one event that an outside provider posts. It knows nothing of the platform's timers."""
    leg, session = moment.after, moment.after.session
    alerts, connects = moment.begins("start_alerting_time"), moment.begins("connected_time")
    is_known = moment.earlier.start_alerting_time or moment.earlier.connected_time
    if moment.event_id is None:
        return
    if (alerts or connects) and not is_known:
        purpose = "agent" if leg.is_agents else leg.purpose
        configuration = {
            "initialConfiguration": {"alerting": alerts},
            "sourceConfiguration": _stated({"sourceId": session.provider}),
        }
        yield _pushed(moment, f"{_ESTABLISHED.get(purpose, 'external')}EstablishedEvents", moment.at, **configuration)
    elif connects:
        yield _pushed(moment, "communicationAnsweredEvents", moment.at)
    if moment.ends:
        yield _pushed(moment, "communicationEndedEvents", moment.at, disconnectType=_pascal_case(session.disconnect_type))
    if session.wrapup and session.wrapup.end_time and _saves(moment):
        saved = session.wrapup
        record = {"code": saved.code, "notes": saved.notes, "tags": saved.tags}
        yield _pushed(moment, "communicationDispositionAppliedEvents", session.wrapup.end_time, **record)


def _pushed(moment: Moment, key: str, at: datetime, **content: Any) -> Sent:  # JSON
    leg = moment.after
    shown = {
        "eventId": moment.event_id,
        "eventDateTime": _text(at),
        "conversationId": moment.conversation_id,
        "communicationId": leg.id,
        "userId": leg.context.user_id,
        "queueId": leg.context.queue_id,
        **content,
    }
    word = {"email": "email", "message": "messaging"}.get(leg.media_type)
    return Sent("", {f"{word}{key[0].upper()}{key[1:]}" if word else key: [_stated(shown)]})


def _messenger(moment: Moment, *, is_sent: bool) -> Iterator[Sent]:  # noqa: ARG001 (a webhook, not a topic)
    """Yield the co-browse event of web messaging. There is none for the end of a leg that was connected."""
    session = moment.after.session
    reason = None if session.connected_time and moment.ends else session.disconnect_type
    word = _OFFERS.get((str(session.state), reason))
    if word and session.state != moment.earlier.state:
        offer = {"eventType": "CoBrowse", "coBrowse": {"type": word, "sessionId": moment.after.id}}
        yield Sent("", {"conversationId": moment.conversation_id, "time": _text(moment.at), "events": [offer]})


_OFFERS = {(meaning.state, meaning.disconnect_type): word for word, meaning in OFFERS.items()}
"""The word for each state of an offer and the cause of its end."""
_ESTABLISHED = {purpose: key.removesuffix("establishedevents") for key, purpose in PURPOSES.items()}
"""The beginning of the key of a leg that begins, by its purpose."""
_SEGMENT_TYPES = {ours: theirs for theirs, ours in TYPES.items()}
"""The segment types of analytics."""


# --- Values -------------------------------------------------------------------------------------------------------------------


def _stated(document: Json) -> Json:
    """Return what is set of an object."""
    return {key: value for key, value in document.items() if value is not None}


def _object(name: str | None) -> Json | None:
    return None if name is None else {"id": name}


def _text(at: datetime | None) -> str | None:
    return None if at is None else time_text(at)


def _user(moment: Moment) -> str:
    """Return the agent whose topic sends a conversation."""
    return next((leg.context.user_id for leg in moment.legs if leg.context.user_id), "u1")


def _camel_case(reason: str | None) -> str | None:
    """Return a disconnect type as analytics spells it: `conferenceTransfer`. A word that nobody knows comes back as it is."""
    if not isinstance(reason, DisconnectType):
        return reason
    first, *rest = _words(reason)
    return first + "".join(map(str.capitalize, rest))


def _upper_case(reason: str | None) -> str | None:
    """Return a disconnect type as detail events spell it: `CONFERENCE_TRANSFER`."""
    return "_".join(_words(reason)).upper() if isinstance(reason, DisconnectType) else reason


def _pascal_case(reason: str | None) -> str | None:
    """Return a disconnect type as providers spell it: `TransferConference`. `client` is `Self` there."""
    if not isinstance(reason, DisconnectType):
        return reason
    return "Self" if reason is DisconnectType.CLIENT else "".join(map(str.capitalize, reason.value.split(".")))


def _words(reason: DisconnectType) -> list[str]:
    """Return the words of a disconnect type in the order of analytics: of a transfer and an endpoint, the kind comes first."""
    #     transfer.noanswer     no answer transfer      noAnswerTransfer      NO_ANSWER_TRANSFER
    #     transport.failure     transport failure       transportFailure      TRANSPORT_FAILURE
    first, _, second = reason.value.partition(".")
    kind = _DIVIDED.get(second, second).split()
    return [*kind, first] if first in ("transfer", "endpoint") else [first, *kind]


_DIVIDED = {"noanswer": "no answer", "notavailable": "not available"}


# --- The families -------------------------------------------------------------------------------------------------------------


@frozen
class Family:
    """A family of payloads.

    Attributes:
        payloads: yields the payloads of a moment. `is_sent`: by a topic, whose models have fewer fields than those of REST.
        carries: the attributes of a session that come back, as `expect` takes them. Times that come back differ by the time
            between an event and its receipt where a family has only one of two clocks.
        is_sent: whether topics send it.
        is_posted: whether it comes without an envelope: as the answer of REST, or from a webhook.
        is_whole: whether it shows legs that end as `terminated`, and offers, dials and schedules before an alert.
    """

    payloads: Callable[..., Iterator[Sent]]
    carries: tuple[str, ...]
    is_sent: bool = False
    is_posted: bool = True
    is_whole: bool = False


_STATES = ("state", "connected_time", "disconnected_time", "disconnect_type")
_SAVED = ("wrapup__code", "wrapup__notes", "wrapup__end_time")
_WORK = ("after_call_work__state", "after_call_work__start_time")
_DETAILS = ("provider", "peer_id", "cobrowse_session_id", "cobrowse_role", "controlling", "viewer_url")
_SNAPSHOT = (*_STATES, *_SAVED, "wrapup__tags", "wrapup__duration_seconds", *_WORK, "after_call_work__end_time", *_DETAILS)

_CONVERSATION = (*_SNAPSHOT, "initial_state", "self", "after_call_work_required")

FAMILIES: Mapping[str, Family] = {
    "conversation": Family(_conversation, _CONVERSATION, is_sent=True, is_whole=True),
    "shared": Family(partial(_conversation, is_shared=True), _CONVERSATION, is_sent=True, is_whole=True),
    "media": Family(_media, _SNAPSHOT, is_sent=True, is_whole=True),
    "analytics": Family(_analytics, (*_STATES, "segments", *_SAVED, "wrapup__tags", *_WORK, "provider", "peer_id")),
    "detail": Family(_detail, (*_STATES, *_SAVED, "provider"), is_sent=True, is_posted=False),
    "provider": Family(_provider, (*_STATES, *_SAVED, "wrapup__tags")),
    "messenger": Family(_messenger, ("state",)),
}
"""The families by name. `shared` is `conversation` with wrap-up and after-call work of the participant, the platform's default.
The kinds of detail events are one family here, and `detail.user.end` are those of one kind."""

ENVELOPES = ("notification", "eventbridge", "sqs")
"""What is around a payload that a topic sends: a notification, that in an event of EventBridge, that in a message of SQS."""


def payloads(
    events: Iterable[Event],
    family: str = "conversation",
    *,
    envelope: str | None = None,
    lifecycle: Lifecycle | None = None,
    until: datetime | None = None,
) -> list[Json]:
    """Return the payloads that Genesys Cloud would send for some events, in their order: a conversation as it grows.

    Args:
        events: of the legs of one conversation or of several, in any order. What is refused or ignored changes nothing, so
            nothing is sent for it. The conversation of an event without one is `c1`, and its leg is that of an agent.
        family: one of `FAMILIES`, or a kind of detail event: `detail.user.end`.
        envelope: one of `ENVELOPES`. None: none, as REST answers. Detail events are in a notification then.
        lifecycle: the rules by which the platform decides about after-call work. None: the default ones.
        until: when the platform has fired its timers. None: at the time of the last event.

    Returns:
        Parsed JSON. `convert` makes events of it again, and the session that follows from them has the same values of the
        attributes that the family carries.

    Raises:
        ValueError: an unknown family or envelope, an envelope for a family that no topic sends, or an unknown media type.

    >>> from cobrowse_session import SessionLog
    >>> from cobrowse_session.sources import convert
    >>> from cobrowse_session.testing import expect, stream
    >>> call = stream("s1").alerting(user_id="ann").after(3).connected().after("5m").disconnected("peer")
    >>> shown = payloads(call, "conversation", envelope="notification")
    >>> [one["eventBody"]["participants"][0]["cobrowsesessions"][0]["state"] for one in shown]
    ['alerting', 'connected', 'disconnected']
    >>> expect(SessionLog.of(convert(shown).events), state="disconnected", disconnect_type="peer", context__user_id="ann")
    """
    # `detail.user.end` is the family `detail`, of which only the topics that end with `user.end` are kept.
    name, _, kind = family.partition(".")
    if name not in FAMILIES or (kind and f"{name}.{kind}" not in _DETAIL_FAMILIES):
        raise ValueError(f"family: expected one of {', '.join((*FAMILIES, *_DETAIL_FAMILIES))}, found {family!r}")
    chosen = FAMILIES[name]
    envelope = envelope or (None if chosen.is_posted else ENVELOPES[0])
    if envelope is not None and (envelope not in ENVELOPES or not chosen.is_sent):
        expected = ", ".join(ENVELOPES) if chosen.is_sent else "none, because no topic sends this family"
        raise ValueError(f"envelope of {family}: expected {expected}, found {envelope!r}")
    return [
        _enclosed(sent, envelope, moment.at)
        for moment in moments_of(events, lifecycle or Lifecycle(), until)
        for sent in chosen.payloads(moment, is_sent=envelope is not None)
        if sent.topic.endswith(kind)
    ]


_DETAIL_FAMILIES = tuple(f"detail.{kind}" for kind in KINDS)


def _enclosed(sent: Sent, envelope: str | None, at: datetime) -> Json:
    """Return a payload in its envelope, as plain JSON."""
    body = sent.body
    if envelope:
        body = {"topicName": sent.topic, "version": "2", "eventBody": body, "metadata": {}}
    if envelope in ("eventbridge", "sqs"):
        source = "aws.partner/genesys.com/cloud/test/bus"
        body = {"version": "0", "detail-type": sent.topic, "source": source, "time": time_text(at), "detail": body}
    if envelope == "sqs":
        body = {"Records": [{"messageId": "m1", "body": json.dumps(body)}]}
    plain: Json = json.loads(json.dumps(body))  # enums become their words, and tuples lists
    return plain
