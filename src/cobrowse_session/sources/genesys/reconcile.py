"""Our sessions against the platform's own record, field by field."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Literal

from attrs import frozen

from cobrowse_session.lifecycle.row import CLOUD, PROVIDER
from cobrowse_session.model import Communication, vendor_name
from cobrowse_session.segments import Segment
from cobrowse_session.sources.genesys.leg import Leg
from cobrowse_session.times import time_text
from cobrowse_session.vocabulary import AfterCallWorkState, ConnectionState, read_acw_state, read_disconnect_type, read_state

ACROSS_CLOCKS = timedelta(seconds=1)
"""How far two times may lie apart where the platform's clocks are not the same: they differ by up to about a second [O]."""

_SAYS_NOTHING = (AfterCallWorkState.UNKNOWN, AfterCallWorkState.NOT_APPLICABLE)

RowOutcome = Literal["equal", "within", "different", "missing"]
DIFFERENCES: tuple[RowOutcome, ...] = ("different", "missing")
"""The results that someone must look at."""


@frozen
class Compared:
    """One field of one session beside the platform's.

    Attributes:
        session: the session's id.
        field: its name in the session JSON.
        ours: what our session holds. `Any`: any field's.
        theirs: what the platform shows.
        result: `equal`; `within` the tolerance; `different`; `missing`, on our side.
        clock: the clock of a time; None: it is no time.
        tolerance: how far apart the two may lie.
    """

    session: str
    field: str
    ours: Any
    theirs: Any
    result: RowOutcome
    clock: str | None = None
    tolerance: timedelta | None = None

    def __str__(self) -> str:
        on = "" if self.clock is None else f" ({self.clock}, tolerance {self.tolerance_in_words()})"
        return f"{self.result:<9}  {self.session}  {self.field}: ours {_spoken(self.ours)}, theirs {_spoken(self.theirs)}{on}"

    def tolerance_in_words(self) -> str:
        """The tolerance for a person."""
        return f"{self.tolerance.total_seconds():g} s" if self.tolerance else "none"


def reconcile(sessions: Iterable[Communication], legs: Iterable[Leg]) -> tuple[Compared, ...]:
    """Compare sessions with the legs of a payload, field by field. What the platform does not show is not compared.

    Args:
        sessions: ours.
        legs: the platform's, as `convert` reads them from its own record.

    Returns:
        One comparison a leg and field; a leg that has no session of ours is `missing` as a whole.
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
            yield Compared(leg.id, field, ours, theirs, _verdict(ours, theirs, tolerance), clock, tolerance)


def _fields(session: Communication, leg: Leg) -> Iterator[tuple[str, Any, Any, str | None]]:
    """Field, ours, theirs, clock. After-call work and wrap-up are ended by the cloud [D]; everything else is the provider's."""
    work, saved = session.after_call_work, session.wrapup
    theirs = leg.after_call_work if leg.after_call_work and leg.after_call_work.state not in _SAYS_NOTHING else None
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
        if segment.end_time:  # an open one may lag behind the leg [O]
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


def _verdict(ours: Any, theirs: Any, tolerance: timedelta | None) -> RowOutcome:
    if ours == theirs:
        return "equal"
    if ours is None:
        return "missing"
    if tolerance is None:
        return "different"
    most = tolerance if isinstance(theirs, datetime) else tolerance // timedelta(seconds=1)
    return "within" if abs(ours - theirs) <= most else "different"


def _spoken(value: Any) -> str:
    return time_text(value) if isinstance(value, datetime) else "nothing" if value is None else str(value)
