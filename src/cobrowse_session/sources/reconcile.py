"""Our sessions compared with the platform's own record, field by field."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Literal

from attrs import frozen

from cobrowse_session.lifecycle.row import CLOUD, PROVIDER
from cobrowse_session.model import Communication, vendor_name
from cobrowse_session.segments import Segment
from cobrowse_session.sources.leg import Leg
from cobrowse_session.times import time_text
from cobrowse_session.vocabulary import AfterCallWorkState, ConnectionState, read_acw_state, read_disconnect_type, read_state

ACROSS_CLOCKS = timedelta(seconds=1)
"""The tolerance for times on the cloud clock. The platform's clocks differ by up to about a second (CLOCK-11)."""

_NO_STATEMENT = (AfterCallWorkState.UNKNOWN, AfterCallWorkState.NOT_APPLICABLE)

Result = Literal["equal", "within", "different", "missing"]
DIFFERENCES: tuple[Result, ...] = ("different", "missing")
"""The results that a person must look at."""


@frozen
class Compared:
    """The comparison of one field of one session with the platform's.

    Attributes:
        session: the session's id.
        field: its name in the session JSON.
        ours: the value in our session. `Any`: the fields' types differ.
        theirs: the value in the platform's record.
        result: `equal`, `within` the tolerance, `different`, or `missing` on our side.
        clock: the clock of a time. None: it is no time.
        tolerance: how far apart the two values may lie.
    """

    session: str
    field: str
    ours: Any
    theirs: Any
    result: Result
    clock: str | None = None
    tolerance: timedelta | None = None

    def __str__(self) -> str:
        on = "" if self.clock is None else f" ({self.clock}, tolerance {self.tolerance_in_words()})"
        values = f"ours {_value_text(self.ours)}, theirs {_value_text(self.theirs)}"
        return f"{self.result:<9}  {self.session}  {self.field}: {values}{on}"

    def tolerance_in_words(self) -> str:
        """Return the tolerance as text."""
        return f"{self.tolerance.total_seconds():g} s" if self.tolerance else "none"


def reconcile(sessions: Iterable[Communication], legs: Iterable[Leg]) -> tuple[Compared, ...]:
    """Return the comparison of sessions with the legs of a payload, field by field.

    Args:
        sessions: ours.
        legs: the platform's, as `convert` reads them from its own record.

    Returns:
        One comparison per leg and field. What the platform does not show is not compared. A leg that has no session of ours is
        `missing` as a whole.
    """
    ours = {session.id: session for session in sessions}
    return tuple(compared for leg in legs for compared in _compare(ours.get(leg.id), leg))


def _compare(session: Communication | None, leg: Leg) -> Iterator[Compared]:
    if session is None:
        yield Compared(leg.id, "id", None, leg.id, "missing")
        return
    for field, ours, theirs, clock in _fields(session, leg):
        if theirs is not None:
            tolerance = None if clock is None else ACROSS_CLOCKS if clock == CLOUD else timedelta(0)
            yield Compared(leg.id, field, ours, theirs, _result(ours, theirs, tolerance), clock, tolerance)


def _fields(session: Communication, leg: Leg) -> Iterator[tuple[str, Any, Any, str | None]]:
    """Yield field, ours, theirs, clock. The cloud ends after-call work and wrap-up. The other times are the provider's."""
    work, saved = session.after_call_work, session.wrapup
    theirs = leg.after_call_work if leg.after_call_work and leg.after_call_work.state not in _NO_STATEMENT else None
    wrapup = leg.wrapup
    yield "state", session.state, leg.state and read_state(leg.state), None
    yield "initialState", session.initial_state, leg.initial_state and read_state(leg.initial_state), None
    yield "disconnectType", session.disconnect_type, leg.disconnect_type and read_disconnect_type(leg.disconnect_type), None
    yield "provider", session.provider, leg.provider, None
    yield "self", session.self, leg.changing.get("self_"), None
    for attribute in ("peer_id", "cobrowse_session_id", "cobrowse_role", "viewer_url"):
        yield vendor_name(attribute), getattr(session, attribute, None), leg.changing.get(attribute), None
    if read_state(leg.state or "") == ConnectionState.CONNECTED:  # a grant counts only then
        yield "controlling", getattr(session, "controlling", None), leg.changing.get("controlling"), None
    yield "afterCallWorkRequired", session.after_call_work_required, leg.after_call_work_required or None, None
    yield "startAlertingTime", session.start_alerting_time, leg.start_alerting_time, CLOUD
    yield "connectedTime", session.connected_time, leg.connected_time, CLOUD
    yield "disconnectedTime", session.disconnected_time, leg.disconnected_time, PROVIDER
    for index, segment in enumerate(leg.segments):
        if segment.end_time:  # an open one may lag behind the leg
            yield from _segment_fields(index, tuple(session.segments or ()), segment)
    yield "afterCallWork.state", work and work.state, theirs and theirs.state and read_acw_state(theirs.state), None
    yield "afterCallWork.startTime", work and work.start_time, theirs and theirs.start_time, PROVIDER
    yield "afterCallWork.endTime", work and work.end_time, theirs and theirs.end_time, CLOUD
    yield "wrapup.code", saved and saved.code, wrapup and wrapup.code, None
    yield "wrapup.name", saved and saved.name, wrapup and wrapup.name, None
    yield "wrapup.notes", saved and saved.notes, wrapup and wrapup.notes, None
    yield "wrapup.tags", saved and saved.tags, wrapup and wrapup.tags, None
    yield "wrapup.endTime", saved and saved.end_time, wrapup and wrapup.end_time, CLOUD
    yield "wrapup.durationSeconds", saved and saved.duration_seconds, wrapup and wrapup.duration_seconds, CLOUD


def _segment_fields(index: int, segments: tuple[Segment, ...], theirs: Segment) -> Iterator[tuple[str, Any, Any, str | None]]:
    ours = segments[index] if index < len(segments) else Segment()
    yield f"segments[{index}].type", ours.type, theirs.type, None
    yield f"segments[{index}].startTime", ours.start_time, theirs.start_time, PROVIDER
    yield f"segments[{index}].endTime", ours.end_time, theirs.end_time, PROVIDER
    yield f"segments[{index}].howEnded", ours.how_ended, theirs.how_ended, None
    yield f"segments[{index}].disconnectType", ours.disconnect_type, theirs.disconnect_type, None


def _result(ours: Any, theirs: Any, tolerance: timedelta | None) -> Result:
    if ours == theirs:
        return "equal"
    if ours is None:
        return "missing"
    if tolerance is None:
        return "different"
    most = tolerance if isinstance(theirs, datetime) else tolerance // timedelta(seconds=1)
    return "within" if abs(ours - theirs) <= most else "different"


def _value_text(value: Any) -> str:
    return time_text(value) if isinstance(value, datetime) else "nothing" if value is None else str(value)
