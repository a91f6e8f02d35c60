"""What a row writes: times, segments, wrap-up, after-call work. And, above the stamps, what they would write; guards ask that.

Every stamp gets (session, event, policy), writes attributes of the session and replaces values, never changing one in place. The
machine writes the states themselves.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from attrs import evolve

from cobrowse_session.events import (
    AfterCallWorkEnded,
    AfterCallWorkStarted,
    AlertingTimeout,
    Connected,
    Ended,
    Entered,
    Event,
    Timer,
    WrapupSaved,
)
from cobrowse_session.lifecycle.row import CLOUD, PROVIDER, Policy, writes
from cobrowse_session.model import NO_DETAILS, AfterCallWork, Communication, Wrapup, is_ended
from cobrowse_session.segments import Segment, Segments
from cobrowse_session.settings import NO_SETTINGS
from cobrowse_session.vocabulary import ConnectionState

TOLERANCE = timedelta(seconds=2)
"""How far, at most, an event's arrival may lie from its occurrence and still stand for it on the cloud clock [C]."""


# --- What would be written ----------------------------------------------------------------------------------------------------


def cloud_time(event: Event) -> datetime:
    """When the event happened, on the cloud clock; one delivered minutes late must not move a stamp minutes away [C]."""
    return event.received if abs(event.received - event.occurred_at) <= TOLERANCE else event.occurred_at


def grants_count(session: Communication, event: Event) -> bool:
    """Whether a grant to control is taken from this event: only while connected, the `connected` event included [C]."""
    return (event.target_state or session.state) == ConnectionState.CONNECTED


def settings_count(session: Communication, event: Event) -> bool:
    """Return whether settings are taken from this event: until the leg has ended, and from `acw.started` afterwards, too."""
    return not is_ended(session) or isinstance(event, AfterCallWorkStarted)


def details_taken(session: Communication, event: Event) -> Iterator[tuple[str, Any]]:
    """The details of an event that this session takes now, as (attribute, value). `Any`: the values' types differ."""
    for name, value in event.details.items():
        if name == "initial_state":
            taken = session.initial_state is None
        elif name == "controlling":
            taken = hasattr(session, name) and grants_count(session, event)
        elif name == "after_call_work_required":
            taken = not is_ended(session)
        else:
            taken = hasattr(session, name)  # a call has no viewer's address
        if taken:
            yield name, value


def prepared(event: WrapupSaved) -> Wrapup:
    """The wrap-up of a save that ends nothing: it has no end yet [D]."""
    return Wrapup(code=event.code, name=event.name, notes=event.notes, tags=event.tags, provisional=event.provisional)


def saved(session: Communication, event: WrapupSaved) -> Wrapup:
    """Return the wrap-up of a save while none is awaited. It ends when it was saved, unless it is to keep the end it has [D]."""
    kept = session.wrapup.end_time if session.wrapup and event.disable_end_time_updates else None
    return _ended(session, prepared(event), kept or event.occurred_at)


def without_timeout_code(wrapup: Wrapup | None, code: str) -> Wrapup | None:
    """Return a wrap-up without the timer's code and its name. Notes and tags that remain are a draft, else there is none."""
    if wrapup is None or wrapup.code != code:
        return wrapup
    if wrapup.notes is None and wrapup.tags is None:
        return None
    return evolve(wrapup, code=None, name=None, provisional=True)


def _ended(session: Communication, wrapup: Wrapup, end: datetime) -> Wrapup:
    # An end before the leg's end is a decoded session's; zero is the nearest truth that a duration can tell.
    since = max(end - session.disconnected_time, timedelta(0)) if session.disconnected_time else None
    seconds = None if since is None else since // timedelta(seconds=1)
    return evolve(wrapup, end_time=end, duration_seconds=seconds, provisional=False)


# --- Every applied event ------------------------------------------------------------------------------------------------------


@writes()
def apply_details(session: Communication, event: Event, _: Policy) -> None:
    """Details replace what the session holds. The outcome lists them by itself: they are the event's, not the row's."""
    if event.details is not NO_DETAILS:
        for name, value in list(details_taken(session, event)):
            setattr(session, name, value)


@writes()
def apply_settings(session: Communication, event: Event, _: Policy) -> None:
    """Settings count up to and including the event that ends the leg, and from `acw.started`. The vendor's model has none."""
    if event.settings is not NO_SETTINGS and settings_count(session, event):
        session.settings = event.settings.with_defaults(session.settings)


@writes("provider_event_time", clock=PROVIDER)
def stamp_provider_event(session: Communication, event: Event, _: Policy) -> None:
    """When the last applied event happened, in the corrected provider clock [D]."""
    session.provider_event_time = event.occurred_at


COMMON = (apply_details, apply_settings, stamp_provider_event)


# --- The connection -----------------------------------------------------------------------------------------------------------


@writes("initial_state")
def set_initial_state(session: Communication, event: Entered | Ended | AlertingTimeout, _: Policy) -> None:
    """The state in which the leg was first seen."""
    if session.initial_state is None:
        session.initial_state = event.target_state


@writes("segments", clock=PROVIDER)
def begin_segment(session: Communication, event: Entered, _: Policy) -> None:
    """The next segment begins at the very instant at which the last one ends [O]."""
    segment_type = event.segment_type or event.segment
    begun = Segment(start_time=event.occurred_at, type=segment_type)
    session.segments = _closed(session, event.occurred_at, segment_type).appended(begun)


@writes("segments", clock=PROVIDER)
def close_segments(session: Communication, event: Ended | AlertingTimeout, _: Policy) -> None:
    """The last segment ends with the leg and says why."""
    if session.segments:
        closed = _closed(session, event.occurred_at, "Disconnect")
        session.segments = closed.with_last(evolve(closed[-1], disconnect_type=session.disconnect_type))


def _closed(session: Communication, end: datetime, how_ended: str) -> Segments:
    """Return the session's segments with the open one closed."""
    if not session.segments:
        return Segments()
    last = session.segments[-1]
    return session.segments if last.end_time else session.segments.with_last(evolve(last, end_time=end, how_ended=how_ended))


@writes("start_alerting_time", clock=CLOUD)
def stamp_alerting(session: Communication, event: Event, _: Policy) -> None:
    """When the leg was first put into alerting, in the cloud clock [O]."""
    if session.start_alerting_time is None:
        session.start_alerting_time = cloud_time(event)


@writes("connected_time", clock=CLOUD)
def stamp_connected(session: Communication, event: Connected, _: Policy) -> None:
    """When the leg was connected, in the cloud clock [D], never before the alert."""
    if session.connected_time is None:
        session.connected_time = max(cloud_time(event), session.start_alerting_time or cloud_time(event))


@writes("disconnected_time", clock=PROVIDER)
def stamp_disconnected(session: Communication, event: Ended | AlertingTimeout, _: Policy) -> None:
    """When the leg ended, in the provider clock [D], corrected [C]."""
    if session.disconnected_time is None:
        session.disconnected_time = event.occurred_at


@writes("disconnect_type")
def set_disconnect_type(session: Communication, event: Ended | AlertingTimeout, _: Policy) -> None:
    """The first disconnect type that an end names stays."""
    if session.disconnect_type is None:
        session.disconnect_type = event.disconnect_type


@writes("segments", clock=PROVIDER)
def set_segment_disconnect_type(session: Communication, _event: Ended, _: Policy) -> None:
    """A disconnect type that came after the end goes to the last segment, too."""
    if session.segments and session.segments[-1].disconnect_type is None:
        named = evolve(session.segments[-1], disconnect_type=session.disconnect_type)
        session.segments = session.segments.with_last(named)


@writes("controlling")
def clear_controlling(session: Communication, _event: Ended | AlertingTimeout, _: Policy) -> None:
    """A grant to control must not outlive its session [C]."""
    if getattr(session, "controlling", None):
        session.controlling = ()  # type: ignore[attr-defined]  # asked in the line above


# --- Wrap-up ------------------------------------------------------------------------------------------------------------------


@writes("wrapup", clock=PROVIDER)
def prepare_wrapup(session: Communication, event: WrapupSaved, _: Policy) -> None:
    """A save replaces the whole wrap-up; this one has no end yet [D]."""
    session.wrapup = prepared(event)


@writes("wrapup", clock=PROVIDER)
def save_wrapup(session: Communication, event: WrapupSaved, _: Policy) -> None:
    """A save replaces the whole wrap-up; this one stands, and its length is in whole seconds, rounded down [O]."""
    session.wrapup = saved(session, event)


@writes("wrapup", clock=PROVIDER)
def save_final_wrapup(session: Communication, event: WrapupSaved, _: Policy) -> None:
    """A save replaces the whole wrap-up. This one ends after-call work, so it ends when that does [O]."""
    session.wrapup = _ended(session, prepared(event), event.occurred_at)


@writes("wrapup", clock=PROVIDER)
def reopen_wrapup(session: Communication, _event: Event, policy: Policy) -> None:
    """While after-call work is pending, a wrap-up has no end. A code that the timer assigned is withdrawn."""
    kept = without_timeout_code(session.wrapup, policy.timeout_code)
    session.wrapup = None if kept is None else evolve(kept, end_time=None, duration_seconds=None)


@writes("wrapup", clock=PROVIDER)
def withdraw_timeout_code(session: Communication, _event: Event, policy: Policy) -> None:
    """After-call work was not done, so the timer's code for it is withdrawn."""
    session.wrapup = without_timeout_code(session.wrapup, policy.timeout_code)


@writes("wrapup", clock=PROVIDER)
def finish_wrapup_at_end(session: Communication, event: Event, _: Policy) -> None:
    """There is no after-call work: a wrap-up without an end is final when the leg ended."""
    _finish(session, session.disconnected_time or event.occurred_at)


@writes("wrapup", clock=PROVIDER)
def drop_draft(session: Communication, _event: WrapupSaved, _: Policy) -> None:
    """Only a skip drops a draft."""
    if session.wrapup and session.wrapup.provisional:
        session.wrapup = None


@writes("wrapup", clock=PROVIDER)
def finish_wrapup(session: Communication, event: Event | Timer, _: Policy) -> None:
    """What was saved becomes final, and ends now where it had no end; its length is in whole seconds, rounded down [O]."""
    _finish(session, event.occurred_at)


def _finish(session: Communication, end: datetime) -> None:
    if session.wrapup:
        has_end = session.wrapup.end_time is not None
        session.wrapup = evolve(session.wrapup, provisional=False) if has_end else _ended(session, session.wrapup, end)


@writes("wrapup", clock=PROVIDER)
def assign_timeout_code(session: Communication, _event: Timer, policy: Policy) -> None:
    """A code chosen in time counts, saved as final or not. If there is none, the timeout code is assigned [D]."""
    if session.wrapup is None or session.wrapup.code is None:
        session.wrapup = evolve(session.wrapup or Wrapup(), code=policy.timeout_code, name=None)


# --- After-call work ----------------------------------------------------------------------------------------------------------


def _set_times(session: Communication, start: datetime | None, end: datetime | None) -> None:
    session.after_call_work = evolve(session.after_call_work or AfterCallWork(), start_time=start, end_time=end)


@writes("after_call_work_required")
def apply_request(session: Communication, event: Any, _: Policy) -> None:
    """Whether the agent wants after-call work; it counts under the prompt agentRequested only [D]."""
    session.after_call_work_required = event.required


@writes("after_call_work", clock=PROVIDER)
def begin_after_call_work(session: Communication, _event: Event, _: Policy) -> None:
    """It starts when the leg ended, to the millisecond [O]."""
    _set_times(session, session.disconnected_time, None)


@writes("after_call_work", clock=PROVIDER)
def set_zero_length_acw(session: Communication, _event: Event, _: Policy) -> None:
    """It starts and ends when the leg ended: zero length [O]."""
    _set_times(session, session.disconnected_time, session.disconnected_time)


@writes("after_call_work", clock=PROVIDER)
def end_after_call_work(session: Communication, event: Event | Timer, _: Policy) -> None:
    """It ends when the event happened, as its wrap-up does [O]; for the timer that is the deadline."""
    started = session.after_call_work.start_time if session.after_call_work else None
    _set_times(session, started or session.disconnected_time, event.occurred_at)


@writes("after_call_work", clock=PROVIDER)
def apply_platform_report(session: Communication, event: AfterCallWorkEnded, _: Policy) -> None:
    """The platform's own report replaces ours."""
    _set_times(session, session.disconnected_time, event.occurred_at)
