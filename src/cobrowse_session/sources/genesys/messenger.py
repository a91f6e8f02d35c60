"""The co-browse events of web messaging, the successor of legacy co-browse: an offer, its answer, its expiry."""

from collections.abc import Iterator, Mapping

from attrs import evolve, frozen

from cobrowse_session.model import Context
from cobrowse_session.segments import Segment
from cobrowse_session.sources.genesys.parts import source_of
from cobrowse_session.sources.leg import Leg
from cobrowse_session.sources.reader import PayloadReader

KEY = "coBrowse"


@frozen
class _Meaning:
    state: str
    segment: str | None = None
    disconnect_type: str | None = None


OFFERS: Mapping[str, _Meaning] = {
    "Offering": _Meaning("offering", segment="System"),
    "OfferingExpired": _Meaning("disconnected", disconnect_type="timeout"),
    "OfferingAccepted": _Meaning("connected", segment="Interact"),
    "OfferingRejected": _Meaning("disconnected", disconnect_type="client"),
}
"""The types of co-browse events. They are read in any case."""

_OFFERS = {word.lower(): meaning for word, meaning in OFFERS.items()}


def messenger_legs(message: PayloadReader) -> Iterator[Leg]:
    """Yield the legs of the co-browse events of a message, or of one such event by itself. The id is the `sessionId`."""
    events = list(message.many("events")) or [message]
    for event in events:
        if shown := event.one(KEY):
            meaning = _OFFERS.get((shown.text("type") or "").lower())
            if meaning is None:
                shown.warn("unknown_value", "type", f"one of {', '.join(OFFERS)}")
            else:
                yield _leg(message, shown, meaning)


def _leg(message: PayloadReader, shown: PayloadReader, meaning: _Meaning) -> Leg:
    channel = message.one("channel")
    at = message.time("time") or message.time("timestamp") or (channel.time("time") if channel else None)
    conversation = message.text("conversationId")
    origin = evolve(shown.origin, stated=("the message's time", at)) if at else shown.origin
    leg = Leg(
        id=shown.text("sessionId") or "",
        source=source_of(conversation) or "/genesys/cobrowse",  # an offer belongs to a communication that it does not name
        origin=origin,
        path=shown.path,
        is_record=False,
        state=meaning.state,
        disconnect_type=meaning.disconnect_type,
        context=Context(conversation_id=conversation, media_type="cobrowse"),
    )
    if at and meaning.segment:
        leg.segments = (Segment(start_time=at, type=meaning.segment),)
    elif at:
        leg.disconnected_time = at
    return leg
