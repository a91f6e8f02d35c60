"""The actions: what a row writes.

An action takes (session, event, policy). It writes attributes of the session and replaces values. It never changes a value in
place. The machine writes the states. The functions in front return what the actions would write. Guards compare with them.
"""

from datetime import datetime, timedelta
from typing import Any

from attrs import evolve

from cobrowse_session.events import (
    KINDS,
    AfterCallWorkEnded,
    AfterCallWorkRequired,
    AfterCallWorkStarted,
    AlertingTimeout,
    Connected,
    Ended,
    Entered,
    Event,
    Timer,
    WrapupSaved,
)
from cobrowse_session.lifecycle.policy import Policy
from cobrowse_session.lifecycle.row import CLOUD, PROVIDER, writes
from cobrowse_session.model import NO_DETAILS, NO_WORK, CobrowseSession, Communication, Wrapup
from cobrowse_session.segments import Segment, Segments
from cobrowse_session.settings import NO_SETTINGS

TOLERANCE = timedelta(seconds=2)
"""The longest time between `occurred_at` and `received_at` for which the latter counts as the cloud time (TIME-8)."""


# --- What would be written ----------------------------------------------------------------------------------------------------


def cloud_time(event: Event) -> datetime:
    """Return when the event happened, on the cloud clock. A late delivery does not move a stamp (TIME-8)."""
    # Examples, for an event that occurred at 09:00:00 on the provider's clock:
    #
    #     received at    stamp
    #     09:00:00.030   09:00:00.030
    #     08:59:59       08:59:59: the clocks differ by a second, which is normal
    #     09:00:02.001   09:00:00: the delivery was late, so the receipt shows nothing
    #     unset          09:00:00
    return event.received if abs(event.received - event.occurred_at) <= TOLERANCE else event.occurred_at


def grants_count(session: Communication, event: Event, policy: Policy) -> bool:
    """Return whether a grant to control is taken: only while connected, the `connected` event included (DETAIL-7)."""
    return (event.target_state or session.state) in policy.states.connected


def settings_count(session: Communication, event: Event, policy: Policy) -> bool:
    """Return whether settings are taken from this event: until the leg has ended, and from `acw.started` afterwards."""
    return session.state not in policy.states.ended or isinstance(event, AfterCallWorkStarted)


def details_taken(session: Communication, event: Event, policy: Policy) -> list[tuple[str, Any]]:
    """Return the details of an event that the session takes, as (attribute, value). `Any`: the values' types differ."""
    found = []
    details = event.details
    for name in details.names:
        if name == "initial_state":
            taken = session.initial_state is None
        elif name == "controlling":
            taken = hasattr(session, name) and grants_count(session, event, policy)
        elif name == "after_call_work_required":
            taken = session.state not in policy.states.ended
        else:
            taken = hasattr(session, name)  # a call has no viewer's address
        if taken:
            found.append((name, getattr(details, name)))
    return found


def prepared(event: WrapupSaved) -> Wrapup:
    """Return the wrap-up of a save that ends nothing. It has no end yet (WRAP-5)."""
    return Wrapup(code=event.code, name=event.name, notes=event.notes, tags=event.tags, provisional=event.provisional)


def saved(session: Communication, event: WrapupSaved) -> Wrapup:
    """Return the wrap-up of a save while no after-call work is pending. It ends now (WRAP-10), or keeps its end (WRAP-2)."""
    kept = session.wrapup.end_time if session.wrapup and event.disable_end_time_updates else None
    return _final(session, event, kept or event.occurred_at)


def without_timeout_code(wrapup: Wrapup | None, code: str) -> Wrapup | None:
    """Return a wrap-up without the timer's code and its name. Notes and tags that remain are a draft (ACW-39)."""
    # Examples: the code of the timer alone gives no wrap-up. The code with the note "n" gives a draft with the note. A wrap-up
    # with the agent's own code stays as it is.
    if wrapup is None or wrapup.code != code:
        return wrapup
    if wrapup.notes is None and wrapup.tags is None:
        return None
    return evolve(wrapup, code=None, name=None, provisional=True)


def _final(session: Communication, event: WrapupSaved, end: datetime) -> Wrapup:
    """Return the final wrap-up of a save."""
    return Wrapup(
        code=event.code,
        name=event.name,
        notes=event.notes,
        tags=event.tags,
        duration_seconds=_seconds(session, end),
        end_time=end,
    )


def _seconds(session: Communication, end: datetime) -> int | None:
    """Return the seconds from the end of the leg. A decoded session may have an end before it. None: the leg has not ended."""
    since = session.disconnected_time
    return None if since is None else (end - since) // _SECOND if end > since else 0


_SECOND = timedelta(seconds=1)


# --- Every applied event ------------------------------------------------------------------------------------------------------


@writes()
def apply_details(session: Communication, event: Event, policy: Policy) -> None:
    """Details replace what the session holds. The outcome lists them itself, because the event names them and not the row."""
    for name, value in details_taken(session, event, policy):
        setattr(session, name, value)


@writes()
def apply_settings(session: Communication, event: Event, policy: Policy) -> None:
    """Settings are taken up to the event that ends the leg, and from `acw.started`. The vendor's model has none."""
    if settings_count(session, event, policy):
        session.settings = event.settings.with_defaults(session.settings)


@writes("provider_event_time", clock=PROVIDER)
def take_event(session: Communication, event: Event, policy: Policy) -> None:
    """The time of the last applied event (STAMP-6)."""
    # Details and settings are no part of the docstring, because `explain` and the reference show it for `providerEventTime`.
    if event.details is not NO_DETAILS:
        apply_details(session, event, policy)
    if event.settings is not NO_SETTINGS:
        apply_settings(session, event, policy)
    session.provider_event_time = event.occurred_at


COMMON = (take_event,)
"""What every applied event of outside writes."""


# --- The connection -----------------------------------------------------------------------------------------------------------


@writes("initial_state")
def set_initial_state(session: Communication, event: Entered | Ended | AlertingTimeout, _: Policy) -> None:
    """The state in which the leg was first seen."""
    if session.initial_state is None:
        session.initial_state = event.target_state


@writes("segments", clock=PROVIDER)
def begin_segment(session: Communication, event: Entered | Event | Timer, _: Policy) -> None:
    """A segment begins at the instant at which the previous one ends (SEG-1, SEG-3)."""
    segment_type = _segment_type(event)
    begun = Segment(start_time=event.occurred_at, type=segment_type)
    segments = session.segments or Segments()
    if segments and not (last := segments[-1]).end_time:
        segments = segments.with_last(last.closed(event.occurred_at, segment_type, last.disconnect_type))
    session.segments = segments.appended(begun)


def _segment_type(event: Event | Timer) -> str | None:
    """Return the type of the segment that begins: that of the event, of its class, or of the state that it names."""
    stated: str | None = getattr(event, "segment_type", None) or getattr(event, "segment", None)
    return stated or (event.target_state and _SEGMENTS.get(event.target_state, str(event.target_state)))


_SEGMENTS = {one.target_state: one.segment for one in KINDS.values() if issubclass(one, Entered)}


@writes("segments", clock=PROVIDER)
def close_segments(session: Communication, event: Ended | AlertingTimeout, _: Policy) -> None:
    """The last segment ends with the leg and has its disconnect type (SEG-4, SEG-5)."""
    if session.segments:
        last = session.segments[-1]
        end, how_ended = (last.end_time, last.how_ended) if last.end_time else (event.occurred_at, "Disconnect")
        session.segments = session.segments.with_last(last.closed(end, how_ended, session.disconnect_type))


@writes("start_alerting_time", clock=CLOUD)
def stamp_alerting(session: Communication, event: Event, _: Policy) -> None:
    """The cloud time of the first alert (STAMP-2)."""
    if session.start_alerting_time is None:
        session.start_alerting_time = cloud_time(event)


@writes("connected_time", clock=CLOUD)
def stamp_connected(session: Communication, event: Connected, _: Policy) -> None:
    """The cloud time of the connection, never before the alert (STAMP-3)."""
    if session.connected_time is None:
        session.connected_time = max(cloud_time(event), session.start_alerting_time or cloud_time(event))


@writes("disconnected_time", clock=PROVIDER)
def stamp_disconnected(session: Communication, event: Ended | AlertingTimeout, _: Policy) -> None:
    """The time at which the leg ended (STAMP-4)."""
    if session.disconnected_time is None:
        session.disconnected_time = event.occurred_at


@writes("disconnect_type")
def set_disconnect_type(session: Communication, event: Ended | AlertingTimeout, _: Policy) -> None:
    """The first disconnect type that an end names (CONN-15)."""
    if session.disconnect_type is None:
        session.disconnect_type = event.disconnect_type


@writes("segments", clock=PROVIDER)
def set_segment_disconnect_type(session: Communication, _event: Ended, _: Policy) -> None:
    """A disconnect type that came after the end is set on the last segment too (CONN-15)."""
    if session.segments and session.segments[-1].disconnect_type is None:
        named = evolve(session.segments[-1], disconnect_type=session.disconnect_type)
        session.segments = session.segments.with_last(named)


@writes("controlling")
def clear_controlling(session: Communication, _event: Ended | AlertingTimeout, _: Policy) -> None:
    """Grants to control end with the leg (DETAIL-8)."""
    if isinstance(session, CobrowseSession) and session.controlling:
        session.controlling = ()


# --- Wrap-up ------------------------------------------------------------------------------------------------------------------


@writes("wrapup", clock=PROVIDER)
def prepare_wrapup(session: Communication, event: WrapupSaved, _: Policy) -> None:
    """A save replaces the whole wrap-up. It has no end yet (WRAP-1, WRAP-5)."""
    session.wrapup = prepared(event)


@writes("wrapup", clock=PROVIDER)
def save_wrapup(session: Communication, event: WrapupSaved, _: Policy) -> None:
    """A save replaces the whole wrap-up. Its duration is in whole seconds, rounded down (WRAP-1, WRAP-10)."""
    session.wrapup = saved(session, event)


@writes("wrapup", clock=PROVIDER)
def save_final_wrapup(session: Communication, event: WrapupSaved, _: Policy) -> None:
    """A save replaces the whole wrap-up, which ends with after-call work. Seconds are rounded down (WRAP-1, WRAP-8, WRAP-11)."""
    session.wrapup = _final(session, event, event.occurred_at)


@writes("wrapup", clock=PROVIDER)
def reopen_wrapup(session: Communication, _event: Event, policy: Policy) -> None:
    """While after-call work is pending, a wrap-up has no end, and the timer's code is withdrawn (ACW-38, ACW-39)."""
    kept = without_timeout_code(session.wrapup, policy.timeout_code)
    session.wrapup = None if kept is None else evolve(kept, end_time=None, duration_seconds=None)


@writes("wrapup", clock=PROVIDER)
def withdraw_timeout_code(session: Communication, _event: Event, policy: Policy) -> None:
    """After-call work was not done, so the timer's code is withdrawn (ACW-30)."""
    session.wrapup = without_timeout_code(session.wrapup, policy.timeout_code)


@writes("wrapup", clock=PROVIDER)
def finish_wrapup_at_end(session: Communication, event: Event, _: Policy) -> None:
    """Without after-call work, a wrap-up without an end becomes final at the end of the leg (ACW-7, ACW-31)."""
    _finish(session, session.disconnected_time or event.occurred_at)


@writes("wrapup", clock=PROVIDER)
def drop_draft(session: Communication, _event: WrapupSaved, _: Policy) -> None:
    """Only a skip drops a draft (ACW-21)."""
    if session.wrapup and session.wrapup.provisional:
        session.wrapup = None


@writes("wrapup", clock=PROVIDER)
def finish_wrapup(session: Communication, event: Event | Timer, _: Policy) -> None:
    """The saved wrap-up becomes final. If it has no end, it ends now. Its duration is in whole seconds, rounded down (ACW-20)."""
    _finish(session, event.occurred_at)


def _finish(session: Communication, end: datetime) -> None:
    wrapup = session.wrapup
    if wrapup is None:
        return
    if wrapup.end_time is None:
        session.wrapup = wrapup.ended(end, _seconds(session, end))
    elif wrapup.provisional:
        session.wrapup = wrapup.ended(wrapup.end_time, wrapup.duration_seconds)


@writes("wrapup", clock=PROVIDER)
def assign_timeout_code(session: Communication, _event: Timer, policy: Policy) -> None:
    """A saved code is kept, final or not. Without one, the timeout code is assigned (ACW-22, ACW-23)."""
    if session.wrapup is None or session.wrapup.code is None:
        session.wrapup = evolve(session.wrapup or Wrapup(), code=policy.timeout_code, name=None)


# --- After-call work ----------------------------------------------------------------------------------------------------------


def _set_times(session: Communication, start: datetime | None, end: datetime | None) -> None:
    session.after_call_work = (session.after_call_work or NO_WORK).at(start, end)


@writes("after_call_work_required")
def apply_request(session: Communication, event: AfterCallWorkRequired, _: Policy) -> None:
    """The agent's request. It counts under the prompt `agentRequested` only (ACW-47)."""
    session.after_call_work_required = event.required


@writes("after_call_work", clock=PROVIDER)
def begin_after_call_work(session: Communication, _event: Event, _: Policy) -> None:
    """After-call work starts when the leg ended, to the millisecond (ACW-6)."""
    _set_times(session, session.disconnected_time, None)


@writes("after_call_work", clock=PROVIDER)
def set_zero_length_acw(session: Communication, _event: Event, _: Policy) -> None:
    """After-call work starts and ends when the leg ended: zero length (ACW-11)."""
    _set_times(session, session.disconnected_time, session.disconnected_time)


@writes("after_call_work", clock=PROVIDER)
def end_after_call_work(session: Communication, event: Event | Timer, _: Policy) -> None:
    """After-call work ends when the event happened. For the timer that is the deadline (ACW-25, WRAP-8)."""
    started = session.after_call_work.start_time if session.after_call_work else None
    _set_times(session, started or session.disconnected_time, event.occurred_at)


@writes("after_call_work", clock=PROVIDER)
def apply_platform_report(session: Communication, event: AfterCallWorkEnded, _: Policy) -> None:
    """The platform's report replaces the times (ACW-29)."""
    _set_times(session, session.disconnected_time, event.occurred_at)
