"""Batches of events that an outside provider sends to the platform (`POST /events/conversations`)."""

from collections.abc import Iterator

from cobrowse_session.model import AfterCallWork, Wrapup
from cobrowse_session.sources.leg import Leg
from cobrowse_session.sources.reader import PayloadReader
from cobrowse_session.vocabulary import AfterCallWorkState, DisconnectType

_ANSWERED, _ENDED, _DISPOSED = "answeredevents", "endedevents", "dispositionappliedevents"
KEYS = (_ANSWERED, _ENDED, _DISPOSED)
"""The endings of the keys of a batch, in any case. Voice, email and messaging each have a beginning of their own."""

_OWN_WORDS = {"self": DisconnectType.CLIENT, "transferacd": DisconnectType.TRANSFER, "transferuser": DisconnectType.TRANSFER}
"""Disconnect types of providers that the model does not have, and those of the model for them."""


def provider_legs(batch: PayloadReader) -> Iterator[Leg]:
    """Yield the legs of a batch, one per event. A disposition without a code is a skip (KIND-7)."""
    for key in batch.object:
        kind = next((end for end in KEYS if key.lower().endswith(end)), None)
        for event in batch.many(key) if kind else ():
            at = event.time("eventDateTime")
            if at is None:
                event.warn("no_time", "eventDateTime", "the time at which it happened")
                continue
            leg = Leg(conversation=event.text("conversationId") or "", id=event.text("communicationId") or "", path=event.path)
            if kind == _ANSWERED:
                leg.state, leg.connected_time = "connected", at
            elif kind == _ENDED:
                reason = event.text("disconnectType") or ""
                leg.state, leg.disconnected_time = "disconnected", at
                leg.disconnect_type = _OWN_WORDS.get(reason.lower(), reason) or None
            elif code := event.text("code"):
                leg.wrapup = Wrapup(code=code, notes=event.text("notes"), tags=event.words("tags"), end_time=at)
            else:
                leg.after_call_work = AfterCallWork(end_time=at, state=AfterCallWorkState.SKIPPED)
            yield leg
