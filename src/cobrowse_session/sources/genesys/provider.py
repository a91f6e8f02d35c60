"""Batches of events that an outside provider sends to the platform (`POST /events/conversations`)."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TypeVar

from attrs import evolve

from cobrowse_session.model import AfterCallWork, Context, Wrapup
from cobrowse_session.segments import Segment
from cobrowse_session.settings import Settings
from cobrowse_session.sources.genesys.parts import prompt, source_of
from cobrowse_session.sources.leg import Leg
from cobrowse_session.sources.reader import PayloadReader
from cobrowse_session.vocabulary import AfterCallWorkState, DisconnectType

T = TypeVar("T")

_OWN_WORDS = {"self": DisconnectType.CLIENT, "transferacd": DisconnectType.TRANSFER, "transferuser": DisconnectType.TRANSFER}
"""Disconnect types of providers that the model does not have, and those of the model for them."""

PURPOSES: Mapping[str, str] = {
    "userestablishedevents": "agent",
    "routingestablishedevents": "acd",
    "externalestablishedevents": "external",
    "ivrestablishedevents": "ivr",
    "flowestablishedevents": "workflow",
}
"""The endings of the keys of legs that begin, and the purpose of such a leg. Another leg that begins has no known purpose."""

_SKIPPED: Mapping[str, str] = {
    "transferevents": "transfer",
    "holdupdatedevents": "hold",
    "audioupdatedevents": "audio",
    "transmittingevents": "transmission",
    "sentmessageevents": "message",
}
"""The endings of the keys of events that state nothing about the life of a leg, and the word for them."""


def _established(leg: Leg, event: PayloadReader, at: datetime) -> None:
    initial = event.one("initialConfiguration")
    alerts = bool(initial and initial.flag("alerting"))
    leg.state, kind = ("alerting", "Alert") if alerts else ("connected", "Interact")
    leg.segments = (Segment(start_time=at, type=kind),)
    leg.after_call_work_required = event.flag("afterCallWorkRequired")
    configuration = event.one("sourceConfiguration")
    leg.provider = configuration.text("sourceId") if configuration else None
    if peer := event.text("invitedBy"):
        leg.changing = {"peer_id": peer}


def _answered(leg: Leg, event: PayloadReader, at: datetime) -> None:  # noqa: ARG001 (a reader of the table)
    leg.state, leg.segments = "connected", (Segment(start_time=at, type="Interact"),)


def _ended(leg: Leg, event: PayloadReader, at: datetime) -> None:
    reason = event.text("disconnectType") or ""
    leg.state, leg.disconnected_time = "disconnected", at
    leg.disconnect_type = _OWN_WORDS.get(reason.lower(), reason) or None


def _disposed(leg: Leg, event: PayloadReader, at: datetime) -> None:
    """Add a disposition. Without a code it is a skip (KIND-7)."""
    leg.wrapup = Wrapup(code=event.text("code"), notes=event.text("notes"), tags=event.words("tags"), end_time=at)
    if leg.wrapup.code is None:
        leg.after_call_work = AfterCallWork(end_time=at, state=AfterCallWorkState.SKIPPED)


_READERS: Mapping[str, Callable[[Leg, PayloadReader, datetime], None]] = {
    "establishedevents": _established,
    "answeredevents": _answered,
    "endedevents": _ended,
    "dispositionappliedevents": _disposed,
}
KEYS = (*_READERS, *_SKIPPED)
"""The endings of the keys of a batch, in any case. Voice, email and messaging each have a beginning of their own."""


def provider_legs(batch: PayloadReader) -> Iterator[Leg]:
    """Yield the legs of a batch, one per event."""
    for key in batch.object:
        read = _by_ending(key, _READERS)
        skipped = _by_ending(key, _SKIPPED)
        if read is None and skipped is None:
            batch.warn("unread", key, "a key of a batch: a list of events")
        for event in batch.many(key) if read or skipped else ():
            if skipped:
                batch.warnings.skipped.append(skipped)
            elif read and (leg := _leg(event, key)):
                at = event.time("eventDateTime")
                assert at is not None
                read(leg, event, at)
                yield leg


def _by_ending(key: str, table: Mapping[str, T]) -> T | None:
    return next((found for ending, found in table.items() if key.lower().endswith(ending)), None)


def _leg(event: PayloadReader, key: str) -> Leg | None:
    """Return the leg of an event. None: it has no time, which is a warning."""
    if (at := event.time("eventDateTime")) is None:
        event.warn("no_time", "eventDateTime", "the time at which it happened")
        return None
    conversation, purpose = event.text("conversationId"), _by_ending(key, PURPOSES)
    return Leg(
        id=event.text("communicationId") or "",
        source=source_of(conversation),
        event_id=event.text("eventId"),
        origin=evolve(event.origin, stated=("eventDateTime", at)),
        path=event.path,
        is_record=False,
        settings=Settings(wrapup_prompt=prompt(purpose)),
        context=Context(
            conversation_id=conversation,
            user_id=event.text("userId"),
            queue_id=event.text("queueId"),
            purpose=purpose,
            media_type=_media(key),
        ),
    )


def _media(key: str) -> str:
    """Return the media type of a key: emails and messages have a beginning, and the others are calls."""
    lower = key.lower()
    return "email" if lower.startswith("email") else "message" if lower.startswith("messag") else "call"
