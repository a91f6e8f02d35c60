"""The parts of a leg that several families spell alike: context, settings, address, wrap-up, after-call work."""

from collections.abc import Mapping
from datetime import timedelta

from attrs import evolve

from cobrowse_session.model import Address, AfterCallWork, Context, Wrapup
from cobrowse_session.settings import Settings
from cobrowse_session.sources.reader import PayloadReader
from cobrowse_session.stream.activity import AGENT_PURPOSES
from cobrowse_session.vocabulary import AfterCallWorkState, WrapupPrompt, read_acw_state, read_prompt

MEDIA: Mapping[str, str] = {
    "calls": "call",
    "callbacks": "callback",
    "chats": "chat",
    "cobrowsesessions": "cobrowse",
    "emails": "email",
    "messages": "message",
    "internalMessages": "internalMessage",
    "screenMonitorings": "screenMonitoring",
    "screenshares": "screenshare",
    "socialExpressions": "socialExpression",
    "videos": "video",
}
"""The participant's lists of communications, and the media type of each."""

_MEDIA_TYPES = {word.lower(): media for one, media in MEDIA.items() for word in (one, media)} | {"voice": "call"}


def warn_of_missing_id(reader: PayloadReader) -> None:
    """Warn of a leg without an id. Nothing else of it is read: to read the rest of many would take long."""
    reader.warnings.add("missing", f"{reader.path}.id", "nothing", "the ids of a conversation and its communication")


def source_of(conversation: str | None) -> str:
    """Return the source of a conversation's events. It is empty if the conversation is not known."""
    return f"/genesys/conversations/{conversation}" if conversation else ""


def media_type(word: str | None) -> str | None:
    """Return the media type for a word of any family: `call` for `VOICE`, `calls` and `call`. Others are returned as they are."""
    return known_media(word) or word


def known_media(word: str | None) -> str | None:
    """Return the media type for a word of any family. None: the word is not known."""
    return _MEDIA_TYPES.get((word or "").lower())


def context(conversation: str | None, participant: PayloadReader, participant_id: str | None, media: str | None) -> Context:
    """Return the context of a participant's leg. User and queue are an id, or an object that has one."""
    return Context(
        conversation_id=conversation,
        participant_id=participant_id,
        user_id=participant.text("userId") or _id_of(participant, "user"),
        queue_id=participant.text("queueId") or _id_of(participant, "queue"),
        purpose=participant.text("purpose"),
        media_type=media,
    )


def _id_of(reader: PayloadReader, key: str) -> str | None:
    found = reader.one(key)
    return found.text("id") if found else None


def settings(participant: PayloadReader, purpose: str | None) -> Settings:
    """Return the queue's settings as a participant states them. Its purpose is None if it is not known."""
    return Settings(
        wrapup_prompt=prompt(purpose, participant.text("wrapupPrompt")),
        wrapup_timeout=participant.timeout("wrapupTimeoutMs"),
        alerting_timeout=participant.timeout("alertingTimeoutMs"),
    )


def with_alerting_seconds(stated: Settings, reader: PayloadReader) -> Settings:
    """Return the settings with the alerting timeout in seconds, which some notifications have, if they have none."""
    queue = reader.one("queueMediaSettings")
    seconds = queue.timeout("alertingTimeoutSeconds", timedelta(seconds=1)) if queue else None
    return evolve(stated, alerting_timeout=seconds) if seconds and stated.alerting_timeout is None else stated


def prompt(purpose: str | None, stated: str | None = None) -> WrapupPrompt | str | None:
    """Return the prompt of a leg (PROMPT-1 to PROMPT-4). None: nothing is stated, which is no statement that there is none."""
    if purpose is not None and purpose.lower() not in AGENT_PURPOSES:
        return WrapupPrompt.NONE
    return read_prompt(stated) if stated else None


def address(reader: PayloadReader | None) -> Address | None:
    """Return an address, read from the platform's JSON."""
    if reader is None:
        return None
    return Address(
        name=reader.text("name"),
        name_raw=reader.text("nameRaw"),
        address_normalized=reader.text("addressNormalized"),
        address_raw=reader.text("addressRaw"),
        address_displayable=reader.text("addressDisplayable"),
    )


def wrapup(reader: PayloadReader | None) -> Wrapup | None:
    """Return a wrap-up, read from the platform's JSON."""
    if reader is None:
        return None
    return Wrapup(
        code=reader.text("code"),
        name=reader.text("name"),
        notes=reader.text("notes"),
        tags=reader.words("tags"),
        duration_seconds=reader.number("durationSeconds"),
        end_time=reader.time("endTime"),
        provisional=reader.flag("provisional") or False,
    )


def after_call_work(reader: PayloadReader | None) -> AfterCallWork | None:
    """Return after-call work, read from the platform's JSON. None: it has no state. Times without one are a warning (WORK-11)."""
    if reader is None:
        return None
    state, start, end = reader.text("state"), reader.time("startTime"), reader.time("endTime")
    if state is None and (start or end):
        reader.warn("missing", "state", "pending, complete, skipped or notApplicable, for these times")
    return AfterCallWork(start_time=start, end_time=end, state=read_acw_state(state)) if state else None


def participants_work(participant: PayloadReader, saved: Wrapup | None) -> AfterCallWork | None:
    """Return after-call work from the participant's two times. It was skipped if it has no length and no code.

    Example: startAcwTime 09:01:00.000 and endAcwTime 09:01:00.000 without a wrap-up code are after-call work that was skipped.
    With a code they are complete work of no length. Without endAcwTime it is pending.
    """
    start, end = participant.time("startAcwTime"), participant.time("endAcwTime")
    if start is None and end is None:
        return None
    skipped = participant.flag("wrapupSkipped") or (start == end and (saved is None or saved.code is None))
    ended = AfterCallWorkState.SKIPPED if skipped else AfterCallWorkState.COMPLETE
    return AfterCallWork(start_time=start, end_time=end, state=ended if end else AfterCallWorkState.PENDING)
