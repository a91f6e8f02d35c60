"""Snapshots of whole conversations, from the REST API and from notifications, and flattened ones of one kind of media.

The families spell the same facts differently::

    fact                    conversation                    one kind of media
    the leg                 an entry of a list, per media   the participant itself
    its end                 disconnectedTime                endTime
    the other side          peerId                          peer
    after-call work         afterCallWork of the leg, or    startAcwTime and endAcwTime
                            the participant's two times

Example: startAcwTime 09:01:00.000 and endAcwTime 09:01:00.000 without a wrap-up code are after-call work that was skipped. With a
code they are complete work of no length. Without endAcwTime it is pending.
"""

from collections.abc import Iterator
from datetime import timedelta

from cobrowse_session.model import AfterCallWork
from cobrowse_session.segments import Segment
from cobrowse_session.sources.genesys.parts import address, settings, wrapup
from cobrowse_session.sources.leg import Leg
from cobrowse_session.sources.reader import PayloadReader
from cobrowse_session.vocabulary import AfterCallWorkState, CobrowseRole, read_acw_state, read_disconnect_type

MEDIA = (
    "calls",
    "callbacks",
    "chats",
    "cobrowsesessions",
    "emails",
    "messages",
    "internalMessages",
    "screenMonitorings",
    "screenshares",
    "socialExpressions",
    "videos",
)
"""The participant's lists of communications, one per kind of media."""


def conversation_legs(conversation: PayloadReader) -> Iterator[Leg]:
    """Yield the legs of a conversation as `GET /conversations/{id}` and the conversation topics show it.

    By default the platform keeps wrap-up and after-call work on the participant. Then each connected leg gets them (WRAP-12).
    """
    for participant in conversation.many("participants"):
        reader = [leg for media in MEDIA for leg in participant.many(media)]
        for one in reader:
            if not (leg_id := one.text("id")):
                yield _nameless(one)
                continue
            leg = _leg(conversation, one, leg_id)
            leg.settings = settings(participant, _seconds(one))
            leg.disconnected_time = one.time("disconnectedTime")
            leg.wrapup = wrapup(one.one("wrapup"))
            leg.after_call_work = _after_call_work(one.one("afterCallWork"))
            leg.after_call_work_required = one.flag("afterCallWorkRequired")
            _add_details(leg, one, peer="peerId")
            # A participant may have several legs, and one set of these. A leg that never connected has no after-call work
            # (ACW-3).
            if leg.connected_time:
                leg.wrapup = leg.wrapup or wrapup(participant.one("wrapup"))
                leg.after_call_work = leg.after_call_work or _participants_work(participant, leg)
            # The participant's start is that of its first leg. With several legs it is not known which one that is.
            if len(reader) == 1:
                leg.begins = participant.time("startTime")
            yield leg


def media_legs(conversation: PayloadReader) -> Iterator[Leg]:
    """Yield the legs of a conversation of one kind of media, in which each participant is its own leg.

    `GET /conversations/cobrowsesessions`, `/calls`, and so on, and their notifications. Here `disconnectedTime` is called
    `endTime`, `peerId` is called `peer`, and the times of after-call work are `startAcwTime` and `endAcwTime`.
    """
    for participant in conversation.many("participants"):
        if not (leg_id := participant.text("communicationId") or participant.text("id")):
            yield _nameless(participant)
            continue
        leg = _leg(conversation, participant, leg_id)
        leg.settings = settings(participant, _seconds(participant))
        leg.disconnected_time = participant.time("endTime")
        leg.begins = participant.time("startTime")
        leg.wrapup = wrapup(participant.one("wrapup"))
        leg.after_call_work = _participants_work(participant, leg)
        _add_details(leg, participant, peer="peer")
        yield leg


def _nameless(reader: PayloadReader) -> Leg:
    """Return a leg without an id, for a warning only. To read the rest of many would take long."""
    return Leg(conversation="", id="", path=reader.path)


def _leg(conversation: PayloadReader, reader: PayloadReader, leg_id: str) -> Leg:
    return Leg(
        conversation=conversation.text("id") or "",
        id=leg_id,
        path=reader.path,
        state=reader.text("state"),
        initial_state=reader.text("initialState"),
        disconnect_type=reader.text("disconnectType"),
        provider=reader.text("provider"),
        provider_event_time=reader.time("providerEventTime"),
        start_alerting_time=reader.time("startAlertingTime"),
        connected_time=reader.time("connectedTime"),
        segments=tuple(map(_segment, reader.many("segments"))),
    )


def _segment(reader: PayloadReader) -> Segment:
    disconnect_type = reader.text("disconnectType")
    return Segment(
        start_time=reader.time("startTime"),
        end_time=reader.time("endTime"),
        type=reader.text("type"),
        how_ended=reader.text("howEnded"),
        disconnect_type=disconnect_type and read_disconnect_type(disconnect_type),
    )


def _add_details(leg: Leg, reader: PayloadReader, peer: str) -> None:
    role = reader.text("cobrowseRole")
    found = {
        "self_": address(reader.one("self")),
        "peer_id": reader.text(peer),
        "cobrowse_session_id": reader.text("cobrowseSessionId"),
        "cobrowse_role": role and CobrowseRole.read(role),
        "controlling": reader.words("controlling"),
        "viewer_url": reader.text("viewerUrl"),
    }
    leg.changing = {name: value for name, value in found.items() if value is not None}


def _seconds(reader: PayloadReader) -> timedelta | None:
    """Return the alerting timeout that some notifications have here, in seconds."""
    queue = reader.one("queueMediaSettings")
    return queue.timeout("alertingTimeoutSeconds", timedelta(seconds=1)) if queue else None


def _after_call_work(reader: PayloadReader | None) -> AfterCallWork | None:
    if reader is None:
        return None
    state = reader.text("state")
    return AfterCallWork(
        start_time=reader.time("startTime"), end_time=reader.time("endTime"), state=state and read_acw_state(state)
    )


def _participants_work(participant: PayloadReader, leg: Leg) -> AfterCallWork | None:
    """Return after-call work from the participant's two times. It was skipped if it has no length and no code."""
    start, end = participant.time("startAcwTime"), participant.time("endAcwTime")
    if start is None and end is None:
        return None
    skipped = participant.flag("wrapupSkipped") or (start == end and (leg.wrapup is None or leg.wrapup.code is None))
    ended = AfterCallWorkState.SKIPPED if skipped else AfterCallWorkState.COMPLETE
    return AfterCallWork(start_time=start, end_time=end, state=ended if end else AfterCallWorkState.PENDING)
