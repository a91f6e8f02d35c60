"""The limit: the benchmark's own life, written by hand in one function. It has no refusals, no other settings, no outcomes."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cobrowse_session import (
    AfterCallWork,
    AfterCallWorkState,
    Alerting,
    CobrowseSession,
    Connected,
    ConnectionState,
    Disconnected,
    Event,
    Lifecycle,
    Segment,
    Segments,
    Updated,
    Wrapup,
    WrapupSaved,
)


def live(events: Sequence[Event], _: Lifecycle) -> CobrowseSession:
    """Return one life."""
    session = CobrowseSession(id="s1")
    for event in events:
        at = event.occurred_at
        match event:
            case Alerting():
                session.state = session.initial_state = ConnectionState.ALERTING
                session.segments = Segments((Segment(start_time=at, type="Alert"),))
                session.start_alerting_time = event.received
                session.cobrowse_role = event.details.cobrowse_role
                session.settings = event.settings
            case Connected():
                session.state = ConnectionState.CONNECTED
                alert = Segment(start_time=at_start(session), end_time=at, type="Alert", how_ended="Interact")
                session.segments = Segments((alert, Segment(start_time=at, type="Interact")))
                session.connected_time = event.received
            case Updated():
                session.controlling = event.details.controlling
            case Disconnected():
                session.state = ConnectionState.DISCONNECTED
                session.disconnect_type = event.disconnect_type
                alert, talk = session.segments or Segments()
                ended = Segment(
                    start_time=talk.start_time,
                    end_time=at,
                    type="Interact",
                    how_ended="Disconnect",
                    disconnect_type=event.disconnect_type,
                )
                session.segments = Segments((alert, ended))
                session.disconnected_time = at
                session.controlling = ()
                session.after_call_work = AfterCallWork(start_time=at, state=AfterCallWorkState.PENDING)
            case WrapupSaved():
                ended_at = session.disconnected_time or at
                seconds = (at - ended_at) // timedelta(seconds=1)
                session.wrapup = Wrapup(code=event.code, name=event.name, duration_seconds=seconds, end_time=at)
                if session.after_call_work and session.after_call_work.state == AfterCallWorkState.PENDING:
                    session.after_call_work = AfterCallWork(start_time=ended_at, end_time=at, state=AfterCallWorkState.COMPLETE)
        session.provider_event_time = at
    return session


def at_start(session: CobrowseSession) -> datetime | None:
    """Return the start of the open segment."""
    return session.segments[-1].start_time if session.segments else None
