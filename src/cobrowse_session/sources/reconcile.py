"""Our sessions compared with the platform's own record, field by field.

`FIELDS` has what is compared. A time must be equal, with one exception: this package moves a time if it cannot have come first.
Where ours is the time to which it would be moved, theirs may be the one before the move.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import zip_longest
from operator import attrgetter
from typing import Any, Literal, get_args

from attrs import frozen

from cobrowse_session.canonical import Edition, edition
from cobrowse_session.lifecycle.row import CLOUD, PROVIDER
from cobrowse_session.model import Communication, Wrapup
from cobrowse_session.sources.leg import ACROSS_CLOCKS, Leg, joined_segments
from cobrowse_session.times import time_text
from cobrowse_session.vocabulary import (
    ENDED_STATES,
    AfterCallWorkState,
    ConnectionState,
    read_disconnect_type,
    read_state,
)

Result = Literal["equal", "within", "different", "missing", "extra"]
RESULTS: tuple[Result, ...] = get_args(Result)
DIFFERENCES: tuple[Result, ...] = ("different", "missing", "extra")
"""The results that a person must look at."""


@frozen
class Tolerance:
    """When a time may differ from ours, by less than `ACROSS_CLOCKS`: if ours is the time to which a rule moves it.

    Attributes:
        reason: the rule.
        moved_to: the field of the session to which it is moved.
        theirs_earlier: whether theirs may be the earlier one.
        theirs_later: whether theirs may be the later one.
    """

    reason: str
    moved_to: str
    theirs_earlier: bool = False
    theirs_later: bool = False

    def allows(self, session: Communication, ours: datetime, theirs: datetime) -> bool:
        """Return whether ours is theirs after the move."""
        in_direction = self.theirs_earlier if theirs < ours else self.theirs_later
        return in_direction and ours == getattr(session, self.moved_to) and abs(ours - theirs) < ACROSS_CLOCKS

    def __str__(self) -> str:
        return self.reason


@frozen
class Field:
    """A field that is compared.

    Attributes:
        name: in the session JSON.
        ours: returns the value of a session. `Any`: the fields' types differ.
        theirs: returns the value of a leg. None: the record does not show it, or it cannot be compared.
        clock: the clock of a time. None: it is no time.
        tolerance: of a time. None: it must be equal.
    """

    name: str
    ours: Callable[[Communication], Any]
    theirs: Callable[[Leg], Any]
    clock: str | None = None
    tolerance: Tolerance | None = None


@frozen
class Compared:
    """The comparison of one field of one session with the platform's.

    Attributes:
        session: the session's id.
        field: its name in the session JSON.
        ours: the value in our session. `Any`: the fields' types differ.
        theirs: the value in the platform's record.
        result: `equal`, `within` the tolerance, `different`, `missing` on our side, or `extra`: the record has no such session.
        clock: the clock of a time. None: it is no time.
        tolerance: why the two values may differ. None: they must be equal.
    """

    session: str
    field: str
    ours: Any
    theirs: Any
    result: Result
    clock: str | None = None
    tolerance: Tolerance | None = None

    def __str__(self) -> str:
        reason = f": {self.tolerance}" if self.tolerance and self.result == "within" else ""
        on = "" if self.clock is None else f" ({self.clock}{reason})"
        values = f"ours {_value_text(self.ours)}, theirs {_value_text(self.theirs)}"
        return f"{self.result:<9}  {self.session}  {self.field}: {values}{on}"


@frozen
class Reconciled:
    """The comparison of sessions with the legs of a record.

    Attributes:
        compared: one for each field of each leg that was compared.
        legs: how many legs were compared.
        older: how many records of a leg were not, because a later one of the same leg was.
        single: how many were not, because they show one event, not the leg.
    """

    compared: tuple[Compared, ...]
    legs: int
    older: int
    single: int

    @property
    def shown(self) -> int:
        """The number of legs that the record shows, compared or not."""
        return self.legs + self.older + self.single

    @property
    def differences(self) -> tuple[Compared, ...]:
        """The differences that a person must look at."""
        return tuple(one for one in self.compared if one.result in DIFFERENCES)

    @property
    def counts(self) -> Mapping[str, int]:
        """The number of fields with each result."""
        return Counter(one.result for one in self.compared)


def reconcile(sessions: Iterable[Communication], legs: Iterable[Leg]) -> Reconciled:
    """Return the comparison of sessions with the legs of a record, field by field.

    Args:
        sessions: ours, those which the record should have.
        legs: the platform's, as `convert` reads them from its own record.

    Returns:
        One comparison per leg and field. Only the final record of a leg is compared: one that shows its end, and of several the
        highest edition. What it does not show is not compared. A leg that has no session of ours is `missing` as a whole. A
        session that has no leg is `extra`, if the record has any.
    """
    ours = {session.id: session for session in sessions}
    every = list(legs)
    records = [leg for leg in every if leg.is_record and not leg.is_empty]
    final = _final(records)
    compared = [one for leg in final for one in _compare(ours.get(leg.id), leg)]
    if final:
        known = {leg.id for leg in every}
        compared += [Compared(one, "id", one, None, "extra") for one in ours if one and one not in known]
    return Reconciled(tuple(compared), len(final), len(records) - len(final), sum(not leg.is_record for leg in every))


def _final(records: Iterable[Leg]) -> list[Leg]:
    """Return the final record of each leg, in the order of their first ones."""
    # A snapshot that shows no end may come after the one that does, late or from another topic: nothing leaves an end (CONN-8).
    final: dict[str, Leg] = {}
    for leg in records:
        other = final.setdefault(leg.id, leg)
        if _finality(leg) >= _finality(other):
            final[leg.id] = leg
    return list(final.values())


def _finality(leg: Leg) -> tuple[bool, bool, Edition]:
    return leg.has_ended, ConnectionState.read(leg.state or "") == ConnectionState.TERMINATED, edition(leg.sequence)


def _compare(session: Communication | None, leg: Leg) -> Iterator[Compared]:
    if session is None:
        yield Compared(leg.id, "id", None, leg.id, "missing")
        return
    for field in FIELDS:
        theirs = field.theirs(leg)
        if theirs is not None:
            ours = field.ours(session)
            result = _result(session, ours, theirs, field.tolerance)
            yield Compared(leg.id, field.name, ours, theirs, result, field.clock, field.tolerance)
    yield from _closed_segments(session, leg)


def _closed_segments(session: Communication, leg: Leg) -> Iterator[Compared]:
    """Yield the comparison of each field of each closed segment. An open one may lag behind the leg."""
    closed = tuple(segment for segment in joined_segments(leg) if segment.end_time)
    for index, (ours, theirs) in enumerate(zip_longest(tuple(session.segments or ())[: len(closed)], closed)):
        for name, attribute in SEGMENT_FIELDS.items():
            value, other = getattr(ours, attribute, None), getattr(theirs, attribute)
            if other is not None:
                result = _result(session, value, other)
                yield Compared(leg.id, f"segments[{index}].{name}", value, other, result, segment_clock(name))


def _result(session: Communication, ours: Any, theirs: Any, tolerance: Tolerance | None = None) -> Result:
    # `Any`: the fields' types differ
    if ours == theirs:
        return "equal"
    if ours is None:
        return "missing"
    return "within" if tolerance and tolerance.allows(session, ours, theirs) else "different"


# --- What is compared ---------------------------------------------------------------------------------------------------------

SEGMENT_FIELDS = {
    "type": "type",
    "startTime": "start_time",
    "endTime": "end_time",
    "howEnded": "how_ended",
    "disconnectType": "disconnect_type",
}
"""The fields of a closed segment, and their attributes."""


def segment_clock(name: str) -> str | None:
    """Return the clock of a segment's field. None: it is no time."""
    return PROVIDER if name.endswith("Time") else None


_CONNECTION = Tolerance(
    "`connectedTime` is never before `startAlertingTime` (STAMP-3)", "start_alerting_time", theirs_earlier=True
)
_WORK = Tolerance(
    "after-call work begins at the end of the leg (ACW-6)", "disconnected_time", theirs_earlier=True, theirs_later=True
)
_END = Tolerance("after-call work does not end before the leg (SKEW-3)", "disconnected_time", theirs_earlier=True)


def _detail(name: str) -> Callable[[Leg], Any]:
    return lambda leg: leg.changing.get(name)


def _state(leg: Leg) -> Any:
    """Return the state, if the model has it and the record does not contradict it: a leg with a `disconnectedTime` has ended."""
    state = ConnectionState.read(leg.state or "")
    contradicts = leg.disconnected_time is not None and state not in ENDED_STATES
    return state if isinstance(state, ConnectionState) and not contradicts else None


def _reason(leg: Leg) -> Any:
    return read_disconnect_type(leg.disconnect_type) if leg.disconnect_type and leg.has_ended else None


def _grants(leg: Leg) -> Any:
    """Return the grants of a connected leg. They count only then (DETAIL-7)."""
    is_connected = read_state(leg.state or "") == ConnectionState.CONNECTED and not leg.has_ended
    return leg.changing.get("controlling") if is_connected else None


def _work_state(leg: Leg) -> Any:
    state = leg.after_call_work and leg.after_call_work.state
    return state if leg.has_ended and state != AfterCallWorkState.UNKNOWN else None


def _our_work_state(session: Communication) -> Any:
    """Return the state of after-call work. None is what the platform calls `notApplicable` (ACW-31)."""
    if session.after_call_work is None:
        return AfterCallWorkState.NOT_APPLICABLE if session.state in ENDED_STATES else None
    return session.after_call_work.state


def _their_work(name: str) -> Callable[[Leg], Any]:
    """Return a reader of a time of after-call work of a leg that has ended."""
    read = _work(name)
    return lambda leg: read(leg) if leg.has_ended else None


def _their_duration(leg: Leg) -> Any:
    """Return the duration of a wrap-up that is finished. A draft has none yet (DRAFT-1)."""
    return leg.wrapup.duration_seconds if leg.wrapup and leg.wrapup.end_time and leg.wrapup.code else None


def _work(name: str) -> Callable[[Any], Any]:
    """Return a reader of a time of after-call work, of a session or a leg. There is none if it does not apply."""

    def read(holder: Any) -> Any:
        work = holder.after_call_work
        applies = work and work.state not in (AfterCallWorkState.NOT_APPLICABLE, AfterCallWorkState.UNKNOWN)
        return getattr(work, name) if applies else None

    return read


def _saved(name: str) -> Callable[[Any], Any]:
    """Return a reader of a field of the wrap-up, of a session or a leg. A wrap-up without a code is none (DRAFT-3)."""

    def read(holder: Any) -> Any:
        saved: Wrapup | None = holder.wrapup
        return getattr(saved, name) if saved and (saved.code or saved.provisional) else None

    return read


FIELDS: tuple[Field, ...] = (
    Field("state", attrgetter("state"), _state),
    Field("initialState", attrgetter("initial_state"), lambda leg: read_state(leg.initial_state) if leg.initial_state else None),
    Field("disconnectType", attrgetter("disconnect_type"), _reason),
    Field("provider", attrgetter("provider"), attrgetter("provider")),
    Field("self", attrgetter("self"), _detail("self_")),
    Field("peerId", attrgetter("peer_id"), _detail("peer_id")),
    Field("cobrowseSessionId", attrgetter("cobrowse_session_id"), _detail("cobrowse_session_id")),
    Field("cobrowseRole", attrgetter("cobrowse_role"), _detail("cobrowse_role")),
    Field("viewerUrl", attrgetter("viewer_url"), _detail("viewer_url")),
    Field("controlling", attrgetter("controlling"), _grants),
    Field("afterCallWorkRequired", attrgetter("after_call_work_required"), attrgetter("after_call_work_required")),
    Field("startAlertingTime", attrgetter("start_alerting_time"), attrgetter("start_alerting_time"), CLOUD),
    Field("connectedTime", attrgetter("connected_time"), attrgetter("connected_time"), CLOUD, _CONNECTION),
    Field("disconnectedTime", attrgetter("disconnected_time"), attrgetter("disconnected_time"), PROVIDER),
    Field("afterCallWork.state", _our_work_state, _work_state),
    Field("afterCallWork.startTime", _work("start_time"), _their_work("start_time"), PROVIDER, _WORK),
    Field("afterCallWork.endTime", _work("end_time"), _their_work("end_time"), CLOUD, _END),
    Field("wrapup.code", _saved("code"), _saved("code")),
    Field("wrapup.name", _saved("name"), _saved("name")),
    Field("wrapup.notes", _saved("notes"), _saved("notes")),
    Field("wrapup.tags", _saved("tags"), _saved("tags")),
    Field("wrapup.endTime", _saved("end_time"), _saved("end_time"), CLOUD, _END),
    Field("wrapup.durationSeconds", _saved("duration_seconds"), _their_duration),
)
"""What is compared, beside closed segments. The cloud ends after-call work and wrap-up. The other times are the provider's."""


def _value_text(value: Any) -> str:  # any field's
    return time_text(value) if isinstance(value, datetime) else "nothing" if value is None else str(value)
