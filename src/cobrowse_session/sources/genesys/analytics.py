"""Analytics conversation details, read after the fact: sessions with segments in a spelling of their own."""

from collections.abc import Iterator

from attrs import evolve

from cobrowse_session.model import AfterCallWork, Context, Wrapup
from cobrowse_session.segments import Segment
from cobrowse_session.settings import Settings
from cobrowse_session.sources.genesys.parts import media_type, prompt, source_of, warn_of_missing_id
from cobrowse_session.sources.leg import Leg
from cobrowse_session.sources.reader import PayloadReader
from cobrowse_session.times import EPOCH, time_text
from cobrowse_session.vocabulary import AfterCallWorkState, read_disconnect_type

TYPES = {
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
            if leg_id := session.text("sessionId"):
                yield _leg(conversation, participant, session, leg_id)
            else:
                warn_of_missing_id(session)


def _leg(conversation: PayloadReader, participant: PayloadReader, session: PayloadReader, leg_id: str) -> Leg:
    read = sorted(session.many("segments"), key=lambda one: one.time("segmentStart") or EPOCH)
    typed = [(_type(one), one) for one in read]
    wrapups = [one for kind, one in typed if kind == "wrapup"]
    segments = [(kind, one) for kind, one in typed if kind != "wrapup"]
    purpose = participant.text("purpose")
    leg = Leg(
        id=leg_id,
        source=source_of(conversation.text("conversationId")),
        origin=session.origin,
        path=session.path,
        provider=session.text("provider"),
        settings=Settings(wrapup_prompt=prompt(purpose)),
        context=Context(
            conversation_id=conversation.text("conversationId"),
            participant_id=participant.text("participantId"),
            user_id=participant.text("userId"),
            queue_id=next((queue for one in reversed(read) if (queue := one.text("queueId"))), None),
            purpose=purpose,
            media_type=media_type(session.text("mediaType")),
        ),
    )
    _add_segments(leg, segments)
    if segments and (wrapups or segments[-1][1].text("disconnectType") or conversation.time("conversationEnd")):
        _end(leg, segments[-1][1])
    for one in wrapups:
        _wrap_up(leg, one)
    if session.flag("acwSkipped"):
        _skip_work(leg, session)
    if peer := session.text("peerId"):
        leg.changing = {"peer_id": peer}
    return leg


def _type(segment: PayloadReader) -> str:
    return (segment.text("segmentType") or "").lower()


def _add_segments(leg: Leg, segments: list[tuple[str, PayloadReader]]) -> None:
    """Add the segments that begin a state, each after its type. Those within a connection prolong it."""
    added: list[Segment] = []
    for kind, one in segments:
        start, end = one.time("segmentStart"), one.time("segmentEnd")
        if kind in _CONNECTED | _WITHIN and leg.connected_since and added:
            before = added[-1].end_time
            if before and start and start > before:
                gap = f"no segment from {time_text(before)} to {time_text(start)}"
                one.warnings.add("gap", one.path, gap, "segments that follow each other")
            added[-1] = evolve(added[-1], end_time=end)  # the leg stays connected
            continue
        if kind in _CONNECTED:
            leg.connected_since = start
        if kind not in _WITHIN:
            added.append(Segment(start_time=start, end_time=end, type=TYPES.get(kind, one.text("segmentType"))))
        else:
            one.warn("unplaced_segment", "segmentType", "a connection before it")
    leg.segments = tuple(added)


def _end(leg: Leg, last: PayloadReader) -> None:
    """Set the end of a leg whose last segment before wrap-up is closed (END-1)."""
    reason = last.text("disconnectType")
    ended = last.time("segmentEnd")
    if ended is None and last.time("segmentStart"):
        last.warn("no_time", "segmentEnd", "the end of the leg, which has ended", leg.id)
    elif ended:
        leg.state, leg.disconnected_time = "disconnected", ended
        leg.disconnect_type = read_disconnect_type(reason) if reason else None


def _skip_work(leg: Leg, session: PayloadReader) -> None:
    """Set after-call work that was skipped at the end of the leg (WORK-8). It counts before wrap-up segments (WORK-13)."""
    at = leg.disconnected_time
    if at is None:
        session.warn("no_time", "acwSkipped", "the end of the leg, at which its after-call work was skipped", leg.id)
        return
    if leg.wrapup or (leg.after_call_work and leg.after_call_work.end_time != at):
        expected = "no wrap-up segment; that the work was skipped at the end of the leg counts"
        session.warn("contradiction", "acwSkipped", expected, leg.id)
    leg.after_call_work = AfterCallWork(start_time=at, end_time=at, state=AfterCallWorkState.SKIPPED)


def _wrap_up(leg: Leg, segment: PayloadReader) -> None:
    """Set the wrap-up of a leg and its after-call work from a wrap-up segment. Both end at the same time (WRAP-8)."""
    start, end = segment.time("segmentStart"), segment.time("segmentEnd")
    code, notes, tags = segment.text("wrapUpCode"), segment.text("wrapUpNote"), segment.words("wrapUpTags")
    if code and leg.wrapup:
        segment.warn("contradiction", "wrapUpCode", f"one wrap-up; it replaces {leg.wrapup.code}")
    if code:
        leg.wrapup = Wrapup(code=code, notes=notes, tags=tags, end_time=end)
    elif notes or tags:
        segment.warn("no_code", "wrapUpCode", "a code, or neither notes nor tags")
    if start or end:
        start = leg.after_call_work.start_time if leg.after_call_work else start  # of several wrap-up segments, the first
        state = AfterCallWorkState.COMPLETE if end else AfterCallWorkState.PENDING
        leg.after_call_work = AfterCallWork(start_time=start, end_time=end, state=state)
        leg.work_starts = True
    else:
        segment.warn("no_time", "segmentStart", "the time at which after-call work began", leg.id)
