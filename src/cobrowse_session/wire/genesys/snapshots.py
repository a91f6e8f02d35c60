"""Snapshots of whole conversations: the REST API's, the notifications', and the flattened ones of one kind of media."""

from collections.abc import Iterator
from datetime import timedelta

from cobrowse_session.model import (
    AfterCallWork,
    AfterCallWorkState,
    CobrowseRole,
    Segment,
    read_acw_state,
    read_disconnect_type,
)
from cobrowse_session.wire.genesys.leg import Leg, address, settings, wrapup
from cobrowse_session.wire.genesys.said import Said

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
"""The participant's lists of communications, one a kind of media."""


def conversation_legs(conversation: Said) -> Iterator[Leg]:
    """The legs of a conversation as `GET /conversations/{id}` and the conversation topics show it.

    Where the platform keeps wrap-up and after-call work on the participant, its default [D], each connected leg gets them.
    """
    for participant in conversation.many("participants"):
        said = [leg for media in MEDIA for leg in participant.many(media)]
        for one in said:
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
            if leg.connected_time:
                leg.wrapup = leg.wrapup or wrapup(participant.one("wrapup"))
                leg.after_call_work = leg.after_call_work or _participants_work(participant, leg)
            if len(said) == 1:
                leg.begins = participant.time("startTime")
            yield leg


def media_legs(conversation: Said) -> Iterator[Leg]:
    """The legs of a conversation of one kind of media, where each participant is its own leg.

    `GET /conversations/cobrowsesessions`, `/calls`, and so on, and their notifications. Here `endTime` stands for
    `disconnectedTime`, `peer` for `peerId`, and `startAcwTime` and `endAcwTime` for after-call work.
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


def _nameless(said: Said) -> Leg:
    """A leg without an id, which is only told; to read the rest of many would take long."""
    return Leg(conversation="", id="", path=said.path)


def _leg(conversation: Said, said: Said, leg_id: str) -> Leg:
    return Leg(
        conversation=conversation.text("id") or "",
        id=leg_id,
        path=said.path,
        state=said.text("state"),
        initial_state=said.text("initialState"),
        disconnect_type=said.text("disconnectType"),
        provider=said.text("provider"),
        provider_event_time=said.time("providerEventTime"),
        start_alerting_time=said.time("startAlertingTime"),
        connected_time=said.time("connectedTime"),
        segments=tuple(map(_segment, said.many("segments"))),
    )


def _segment(said: Said) -> Segment:
    disconnect_type = said.text("disconnectType")
    return Segment(
        start_time=said.time("startTime"),
        end_time=said.time("endTime"),
        type=said.text("type"),
        how_ended=said.text("howEnded"),
        disconnect_type=disconnect_type and read_disconnect_type(disconnect_type),
    )


def _add_details(leg: Leg, said: Said, peer: str) -> None:
    role = said.text("cobrowseRole")
    found = {
        "self_": address(said.one("self")),
        "peer_id": said.text(peer),
        "cobrowse_session_id": said.text("cobrowseSessionId"),
        "cobrowse_role": role and CobrowseRole.read(role),
        "controlling": said.words("controlling"),
        "viewer_url": said.text("viewerUrl"),
    }
    leg.changing = {name: value for name, value in found.items() if value is not None}


def _seconds(said: Said) -> timedelta | None:
    """Some notifications keep the alerting timeout here, in seconds."""
    queue = said.one("queueMediaSettings")
    return queue.timeout("alertingTimeoutSeconds", timedelta(seconds=1)) if queue else None


def _after_call_work(said: Said | None) -> AfterCallWork | None:
    if said is None:
        return None
    state = said.text("state")
    return AfterCallWork(start_time=said.time("startTime"), end_time=said.time("endTime"), state=state and read_acw_state(state))


def _participants_work(participant: Said, leg: Leg) -> AfterCallWork | None:
    """After-call work from the participant's two times; it was skipped where it has no length and no code [O]."""
    start, end = participant.time("startAcwTime"), participant.time("endAcwTime")
    if start is None and end is None:
        return None
    skipped = participant.flag("wrapupSkipped") or (start == end and (leg.wrapup is None or leg.wrapup.code is None))
    ended = AfterCallWorkState.SKIPPED if skipped else AfterCallWorkState.COMPLETE
    return AfterCallWork(start_time=start, end_time=end, state=ended if end else AfterCallWorkState.PENDING)
