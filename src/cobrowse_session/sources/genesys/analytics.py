"""Analytics conversation details, read after the fact: sessions with segments in a spelling of their own."""

from collections.abc import Iterator

from attrs import evolve

from cobrowse_session.model import AfterCallWork, Wrapup
from cobrowse_session.segments import Segment
from cobrowse_session.sources.leg import Leg
from cobrowse_session.sources.reader import PayloadReader
from cobrowse_session.vocabulary import AfterCallWorkState, read_disconnect_type

_TYPES = {
    "alert": "Alert",
    "callback": "Scheduled",
    "contacting": "Contacting",
    "delay": "Delay",
    "dialing": "Dialing",
    "interact": "Interact",
    "ivr": "IVR",
    "scheduled": "Scheduled",
    "system": "System",
}
"""The segment types of analytics, and those of the conversation API for them."""

_WITHIN = frozenset({"hold", "barging", "coaching", "monitoring", "parked", "screenmonitoring", "sharing", "voicemail"})
"""Segment types inside a connection. They begin no state."""

_CONNECTED = frozenset({"interact", "ivr", "delay"})


def analytics_legs(conversation: PayloadReader) -> Iterator[Leg]:
    """Yield the legs of a conversation's details. The id is the `sessionId`. A leg ends with its last segment before wrap-up."""
    for participant in conversation.many("participants"):
        for session in participant.many("sessions"):
            yield _leg(conversation, session)


def _leg(conversation: PayloadReader, session: PayloadReader) -> Leg:
    leg = Leg(
        conversation=conversation.text("conversationId") or "",
        id=session.text("sessionId") or "",
        path=session.path,
        provider=session.text("provider"),
    )
    last = None
    segments: list[Segment] = []
    for segment in session.many("segments"):
        kind = (segment.text("segmentType") or "").lower()
        if kind == "wrapup":
            _wrap_up(leg, segment)
            continue
        last = segment
        if kind in _CONNECTED | _WITHIN and leg.connected_time and segments:
            segments[-1] = evolve(segments[-1], end_time=segment.time("segmentEnd"))  # the leg stays connected
            continue
        if kind in _CONNECTED:
            leg.connected_time = segment.time("segmentStart")
        if kind not in _WITHIN:
            segments.append(
                Segment(
                    start_time=segment.time("segmentStart"),
                    end_time=segment.time("segmentEnd"),
                    type=_TYPES.get(kind, segment.text("segmentType")),
                )
            )
    leg.segments = tuple(segments)
    if last and (ended := last.time("segmentEnd")) and (reason := last.text("disconnectType")):
        leg.state, leg.disconnected_time, leg.disconnect_type = "disconnected", ended, read_disconnect_type(reason)
    if peer := session.text("peerId"):
        leg.changing = {"peer_id": peer}
    return leg


def _wrap_up(leg: Leg, segment: PayloadReader) -> None:
    """Set the wrap-up of a leg and its after-call work from a wrap-up segment. Both end at the same time (WRAP-8)."""
    end = segment.time("segmentEnd")
    leg.wrapup = Wrapup(
        code=segment.text("wrapUpCode"), notes=segment.text("wrapUpNote"), tags=segment.words("wrapUpTags"), end_time=end
    )
    if end:
        leg.after_call_work = AfterCallWork(end_time=end, state=AfterCallWorkState.COMPLETE)
