"""Snapshots of whole conversations, from the REST API and from notifications, and flattened ones of one kind of media.

The families spell the same facts differently::

    fact                    conversation                    one kind of media
    the leg                 an entry of a list, per media   the participant itself
    its end                 disconnectedTime                endTime
    the other side          peerId                          peer
    after-call work         afterCallWork of the leg, or    startAcwTime and endAcwTime
                            the participant's two times
"""

from collections.abc import Iterator
from datetime import datetime

from attrs import evolve

from cobrowse_session.model import AfterCallWork
from cobrowse_session.segments import Segment
from cobrowse_session.sources.genesys.parts import (
    MEDIA,
    address,
    after_call_work,
    context,
    known_media,
    participants_work,
    settings,
    source_of,
    warn_of_missing_id,
    with_alerting_seconds,
    wrapup,
)
from cobrowse_session.sources.leg import ACROSS_CLOCKS, Leg
from cobrowse_session.sources.reader import PayloadReader
from cobrowse_session.times import EPOCH, time_text
from cobrowse_session.vocabulary import AfterCallWorkState, CobrowseRole, read_disconnect_type

# --- Whole conversations ------------------------------------------------------------------------------------------------------


def conversation_legs(conversation: PayloadReader) -> Iterator[Leg]:
    """Yield the legs of a conversation as `GET /conversations/{id}` and the conversation topics show it."""
    for participant in conversation.many("participants"):
        legs = list(_legs_of(conversation, participant))
        # The participant's start is that of its first leg. With several legs it is not known which one that is.
        if len(legs) == 1:
            legs[0].begins = participant.time("startTime")
        _share(participant, legs)
        yield from legs


def _legs_of(conversation: PayloadReader, participant: PayloadReader) -> Iterator[Leg]:
    """Yield the legs of a participant, of every kind of media. What they share is read once."""
    listed = [media for media in MEDIA if media in participant.object]
    if not listed:
        return
    whose = context(conversation.text("id"), participant, participant.text("id"), None)
    stated, end = settings(participant, whose.purpose), participant.time("endTime")
    for media in listed:
        of_media = evolve(whose, media_type=MEDIA[media])
        for one in participant.many(media):
            if leg_id := one.text("id"):
                leg = _of_list(conversation, one, leg_id, end)
                leg.context, leg.settings = of_media, with_alerting_seconds(stated, one)
                yield leg
            else:
                warn_of_missing_id(one)


def _of_list(conversation: PayloadReader, one: PayloadReader, leg_id: str, participants_end: datetime | None) -> Leg:
    leg = _leg(conversation, one, leg_id)
    leg.disconnected_time = one.time("disconnectedTime")
    leg.wrapup = wrapup(one.one("wrapup"))
    leg.after_call_work = after_call_work(one.one("afterCallWork"))
    leg.after_call_work_required = one.flag("afterCallWorkRequired")
    leg.changing = _details(one, peer="peerId")
    start = leg.after_call_work.start_time if leg.after_call_work else None
    leg.derived = _ends(("afterCallWork.startTime", start), ("the participant's endTime", participants_end))
    return leg


_ENDED_WORK = (AfterCallWorkState.COMPLETE, AfterCallWorkState.SKIPPED)


def _share(participant: PayloadReader, legs: list[Leg]) -> None:
    """Give wrap-up and after-call work of a participant, the platform's default, to one leg (SHARE-1 to SHARE-5)."""
    # Example: a callback that ended at 09:12:00 and a call that ended at 09:11:30 are two legs of one agent. `startAcwTime`
    # 09:12:00 belongs to the callback. The call has no after-call work of its own.
    saved = wrapup(participant.one("wrapup"))
    work = participants_work(participant, saved)
    _warn_of_skipped(participant, legs)
    if not legs or (saved is None and work is None):
        return
    owner = _owner(participant, [leg for leg in legs if not _has_no_work(leg)] or legs, work)
    if owner is None:
        return
    if saved and owner.wrapup and (saved.code, saved.end_time) != (owner.wrapup.code, owner.wrapup.end_time):
        participant.warn("contradiction", "wrapup", f"the wrap-up of the leg {owner.id}, which counts")
    owner.wrapup = owner.wrapup or saved
    if owner.after_call_work is None:
        owner.after_call_work = work
        owner.derived = _ends(("startAcwTime", work.start_time if work else None)) + owner.derived
    elif work and _has_no_work(owner):
        participant.warn(
            "contradiction", "startAcwTime", f"no after-call work, because the leg {owner.id} states that it has none"
        )
    elif owner.after_call_work.end_time is None and owner.after_call_work.state in _ENDED_WORK and work:
        owner.after_call_work = evolve(owner.after_call_work, end_time=work.end_time)
    elif work and work.end_time != owner.after_call_work.end_time:
        participant.warn("contradiction", "endAcwTime", f"the end of after-call work of the leg {owner.id}, which counts")
    for leg in legs:
        if leg is not owner and leg.after_call_work is None and leg.has_ended:
            leg.after_call_work = AfterCallWork(state=AfterCallWorkState.NOT_APPLICABLE)


def _has_no_work(leg: Leg) -> bool:
    return leg.after_call_work is not None and leg.after_call_work.state == AfterCallWorkState.NOT_APPLICABLE


def _warn_of_skipped(participant: PayloadReader, legs: list[Leg]) -> None:
    """Warn of after-call work that was skipped at an unknown time, if no leg states that it ended (WORK-12)."""
    stated = any(leg.after_call_work and leg.after_call_work.state in _ENDED_WORK for leg in legs)
    if participant.object.get("wrapupSkipped") is True and not participant.object.get("endAcwTime") and not stated:
        expected = "endAcwTime, the time at which after-call work was skipped"
        participant.warn("no_time", "wrapupSkipped", expected, " or ".join(leg.id for leg in legs) or None)


def _owner(participant: PayloadReader, legs: list[Leg], work: AfterCallWork | None) -> Leg | None:
    """Return the leg to which a participant's after-call work belongs: it ended when the work began, or it ended last.

    None: there are several legs, and none has ended. That is a warning.
    """
    start = work.start_time if work else None
    equal = [leg for leg in legs if start and (end := _end_of(leg)) and abs(end - start) <= ACROSS_CLOCKS]
    if len(legs) == 1 or len(equal) == 1:
        return (equal or legs)[0]
    found = f"{len(legs)} legs, after-call work from {time_text(start) if start else 'an unknown time'}"
    path = f"{participant.path}.startAcwTime"
    among = equal or [leg for leg in legs if leg.has_ended] or ([] if work else legs)  # a wrap-up may be prepared
    if not among:
        participant.warnings.add("chosen_leg", path, found, "a leg that has ended")
        return None
    chosen = max(among, key=lambda leg: (_end_of(leg) or EPOCH, leg.id))
    participant.warnings.add("chosen_leg", path, found, f"one leg that ended then; {chosen.id} ended last and has it")
    return chosen


def _end_of(leg: Leg) -> datetime | None:
    """Return the end of a leg that has ended: its own, or that of its last segment."""
    last = leg.segments[-1].end_time if leg.segments and leg.has_ended else None
    return leg.disconnected_time or last


# --- One kind of media --------------------------------------------------------------------------------------------------------


def media_legs(conversation: PayloadReader) -> Iterator[Leg]:
    """Yield the legs of a conversation of one kind of media, in which each participant is its own leg.

    `GET /conversations/cobrowsesessions`, `/calls`, and so on, their notifications, and the history of calls. Here
    `disconnectedTime` is called `endTime`, `peerId` is called `peer`, and the times of after-call work are `startAcwTime` and
    `endAcwTime`.
    """
    media = known_media((conversation.origin.topic or "").rpartition(".")[2])
    for participant in conversation.many("participants"):
        communication = participant.text("communicationId")
        if leg_id := communication or participant.text("id"):
            leg = _leg(conversation, participant, leg_id)
            _add_flat(leg, conversation, participant, media)
            leg.is_participant = communication is None
            yield leg
        else:
            warn_of_missing_id(participant)


def _add_flat(leg: Leg, conversation: PayloadReader, participant: PayloadReader, media: str | None) -> None:
    leg.changing = _details(participant, peer="peer")
    kind = media or ("cobrowse" if "cobrowse_session_id" in leg.changing else None)
    leg.context = context(conversation.text("id"), participant, participant.text("id"), kind)
    leg.settings = with_alerting_seconds(settings(participant, leg.context.purpose), participant)
    leg.disconnected_time = participant.time("endTime")
    leg.begins = participant.time("startTime")
    leg.wrapup = wrapup(participant.one("wrapup"))
    leg.after_call_work = participants_work(participant, leg.wrapup)
    leg.derived = _ends(("startAcwTime", leg.after_call_work.start_time if leg.after_call_work else None))
    _warn_of_skipped(participant, [leg])
    if participant.flag("didInteract") and leg.connected_time is None:
        expected = "the time at which the leg was connected, which this family does not have"
        participant.warn("no_time", "didInteract", expected, leg.id)


# --- What both share ----------------------------------------------------------------------------------------------------------


def _leg(conversation: PayloadReader, reader: PayloadReader, leg_id: str) -> Leg:
    return Leg(
        id=leg_id,
        source=source_of(conversation.text("id")),
        origin=reader.origin,
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


def _ends(*shown: tuple[str, datetime | None]) -> tuple[tuple[str, str, datetime], ...]:
    """Return the times that show when the leg ended, if it has no time of its own for that."""
    return tuple(("end", words, at) for words, at in shown if at)


def _segment(reader: PayloadReader) -> Segment:
    disconnect_type = reader.text("disconnectType")
    return Segment(
        start_time=reader.time("startTime"),
        end_time=reader.time("endTime"),
        type=reader.text("type"),
        how_ended=reader.text("howEnded"),
        disconnect_type=disconnect_type and read_disconnect_type(disconnect_type),
    )


def _details(reader: PayloadReader, peer: str) -> dict[str, object]:
    role = reader.text("cobrowseRole")
    found = {
        "self_": address(reader.one("self")),
        "peer_id": reader.text(peer),
        "cobrowse_session_id": reader.text("cobrowseSessionId"),
        "cobrowse_role": role and CobrowseRole.read(role),
        "controlling": reader.words("controlling"),
        "viewer_url": reader.text("viewerUrl"),
    }
    return {name: value for name, value in found.items() if value is not None}
