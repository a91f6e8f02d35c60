"""The likely causes of a difference between a session and the record of another program.

`CAUSES` has them, the most certain first. Each looks for what a program with this one fault would have had instead. If that is
the value of the record, the cause is likely.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import frozen

from cobrowse_session.canonical import identity, order
from cobrowse_session.events import Ended, Event, Timer
from cobrowse_session.lifecycle.row import CLOUD
from cobrowse_session.printable import printable
from cobrowse_session.stream import Explanation, SessionLog, explainable_fields
from cobrowse_session.stream.changes import steps
from cobrowse_session.stream.revisions import Revision
from cobrowse_session.stream.words import clock_time, length
from cobrowse_session.times import time_text
from cobrowse_session.wire.converter import plain, read_time

NEAR = timedelta(seconds=1)
"""How soon after the receipt of an event a program reads its clock."""
_INDEX = re.compile(r"\.[0-9]+")
_WORDS = re.compile("(?<=[a-z])(?=[A-Z])")


@frozen
class Case:
    """A difference whose cause is looked for.

    Attributes:
        log: the session here.
        field: the field.
        ours: its value here. None: it is unset. `Any`: JSON.
        theirs: its value in the record. `Any`: JSON.
        record: the whole record. `Any`: JSON.
        explanation: why the field holds its value here.
        arrived: the events as they arrived.
        revised: returns the arrivals that revised the session. All differences of a session share them.
    """

    log: SessionLog
    field: str
    ours: Any
    theirs: Any
    record: Mapping[str, Any]
    explanation: Explanation | None
    arrived: tuple[Event, ...]
    revised: Callable[[], tuple[Revision, ...]]

    @property
    def decided(self) -> Event | Timer | None:
        """The event or the timer that set the field here."""
        return self.explanation.entry.event if self.explanation and self.explanation.entry else None

    @property
    def event(self) -> Event | None:
        """The event that set the field here. None: a timer did, or nothing."""
        return self.decided if isinstance(self.decided, Event) else None

    @property
    def times(self) -> tuple[datetime, datetime] | None:
        """Our time and theirs. None: one of them is no time."""
        try:
            return read_time(self.ours), read_time(self.theirs)
        except ValueError:
            return None

    def states(self, event: Event) -> bool:
        """Return whether an event states the value of the record."""
        return self.theirs is not None and self.stated(event) == self.theirs

    def stated(self, event: Event) -> Any:
        """Return what an event states about the field, as JSON. None: nothing."""
        *part, name = self.field.split(".")
        if part[:1] == ["self"]:  # its names are those of a wrap-up, too
            return None
        if name.endswith("Time"):
            return time_text(self.moment(event)) if self.event and _is_alike(event, self.event) else None
        if self.field == "state":
            return plain(getattr(event, "target_state", None))
        attribute = _WORDS.sub("_", name).lower()
        return plain(getattr(event, attribute, None) or getattr(event.details, attribute, None))

    def moment(self, event: Event) -> datetime:
        """Return the time of an event on the clock of the field."""
        return event.received if self.explanation and self.explanation.clock == CLOUD else event.occurred_at

    def shown(self, session: object) -> Any:
        """Return the value of the field in a session, as JSON."""
        value = plain(session)
        for name in self.field.split("."):
            value = _item(value, int(name)) if isinstance(value, list) else (value or {}).get(name)
        return value


def _item(items: list[Any], index: int) -> Any:  # JSON
    return items[index] if index < len(items) else None


def _named(event: Event) -> str:
    return printable(f"{event.kind} {event.id}")


def _is_alike(one: Event, other: Event) -> bool:
    return one.kind == other.kind or (isinstance(one, Ended) and isinstance(other, Ended))


# --- Each cause ---------------------------------------------------------------------------------------------------------------


def _unknown_field(case: Case) -> str | None:
    """The name may be misspelt."""
    if case.ours is not None or _INDEX.sub(".0", case.field) in explainable_fields(case.log.lifecycle.table.session):
        return None
    return printable(f"a session has no field {case.field}")


def _whole_seconds(case: Case) -> str | None:
    """The record keeps no milliseconds."""
    if not (times := case.times) or times[1].microsecond or abs(times[0] - times[1]) >= timedelta(seconds=1):
        return None
    return "theirs has no milliseconds; a tolerance of 1 s takes it for equal"


def _clock_not_corrected(case: Case) -> str | None:
    """The provider's clock is off, and the record has its time as it came."""
    before = case.event and case.event.provider_time
    if before is None or time_text(before) != case.theirs:
        return None
    return f"theirs is the time of {before and clock_time(before)} on the provider's own clock, which is off"


def _correction_ignored(case: Case) -> str | None:
    """A later edition of an event corrected it, and the record has the earlier one."""
    for copy in case.log.copies:
        if case.event and identity(copy) == identity(case.event) and case.states(copy) and not case.states(case.event):
            return f"theirs is what another edition of {_named(case.event)} states"
    return next(_revised(case, is_copy=True), None)


def _order_of_arrival(case: Case) -> str | None:
    """A late event belonged before others, and the record has what was known until then, or what arrived last."""
    stating = [event for event in case.arrived if case.stated(event) is not None]
    if stating and case.states(stating[-1]) and order(stating[-1]) < max(map(order, stating)):
        return f"theirs is what {_named(stating[-1])} states, which arrived last and occurred before others"
    return next(_revised(case, is_copy=False), None)


def _revised(case: Case, *, is_copy: bool) -> Iterator[str]:
    """Yield each arrival that changed the field from their value to another one."""
    for one in case.revised():
        before, after = case.shown(one.before), case.shown(one.after)
        if one.is_copy == is_copy and before == case.theirs and after not in (case.theirs, None):
            yield f"theirs is what was known until {_named(one.event)} arrived"


def _repeat_counted(case: Case) -> str | None:
    """An event came twice, and the record was changed by the second one."""
    for entry in case.log.trace:
        if entry.outcome.kind == "duplicate" and isinstance(entry.event, Event) and case.states(entry.event):
            return f"theirs is what {_named(entry.event)} states, a duplicate: {entry.outcome.reason}"
    for repeat in _repeats(case.arrived):
        if case.event and _is_alike(repeat, case.event) and _is_receipt(case, repeat):
            return f"theirs is when {_named(repeat)} came again"
    if case.log.repeats and type(case.ours) is type(case.theirs) is int and case.ours and not case.theirs % case.ours:
        return f"theirs is {case.theirs // case.ours} times ours, and an event came again"
    items = case.record.get("segments", ()) if case.field.startswith("segments.") else ()
    begun = [(item.get("type"), item.get("startTime")) for item in items]
    if len(set(begun)) < len(begun):
        return "theirs has a segment twice"
    return None


def _repeats(arrived: tuple[Event, ...]) -> Iterator[Event]:
    seen = set()
    for event in arrived:
        if identity(event) in seen:
            yield event
        seen.add(identity(event))


def _refused_event_taken(case: Case) -> str | None:
    """An event that may not change the session has changed the record."""
    for entry in case.log.trace:
        if entry.outcome.kind in ("refused", "ignored") and isinstance(entry.event, Event) and case.states(entry.event):
            return f"theirs is what {_named(entry.event)} states, which was {entry.outcome.kind}: {entry.outcome.reason}"
    return None


def _time_of_receipt(case: Case) -> str | None:
    """The record has the time of its own host, at which it got the event."""
    if case.event is None or not _is_receipt(case, case.event):
        return None
    return f"theirs is when {_named(case.event)} was received, by the clock of the host"


def _time_of_occurrence(case: Case) -> str | None:
    """The record has the provider's time in a field of the cloud's."""
    if case.event is None or time_text(case.event.occurred_at) != case.theirs:
        return None
    return f"theirs is when {_named(case.event)} occurred; the field is on {CLOUD}, so the time of receipt counts"


def _is_receipt(case: Case, event: Event) -> bool:
    if not (times := case.times) or event.received_at is None:
        return False
    ours, theirs = times
    return abs(theirs - event.received) <= NEAR and abs(theirs - event.received) < abs(theirs - ours)


def _time_of_another_event(case: Case) -> str | None:
    """The record has the time of an event that did not set the field here."""
    for entry in case.log.trace:
        event = entry.event
        if not isinstance(event, Event) or event is case.event or not case.times:
            continue
        what = next((word for word, moment in _moments(event) if time_text(moment) == case.theirs), None)
        if what is not None:
            outcome = "" if entry.outcome.kind == "applied" else f"; it was {entry.outcome.kind}: {entry.outcome.reason}"
            return f"theirs is when {_named(event)} {what}{outcome}"
    return None


def _moments(event: Event) -> Iterator[tuple[str, datetime]]:
    yield "occurred", event.occurred_at
    yield "was received", event.received


def _timer_late(case: Case) -> str | None:
    """A timer fired at its deadline here, and later there, or not yet."""
    if not isinstance(case.decided, Timer):
        return None
    times, fired = case.times, f"the timer fires at its own deadline, {clock_time(case.decided.occurred_at)}"
    if times and times[1] > times[0]:
        return f"{fired}; theirs is {length(times[1] - times[0])} later"
    before = next(step.before for step in steps(case.log) if step.entry.event == case.decided)
    return f"{fired}; theirs is what was before it" if case.shown(before) == case.theirs else None


def _after_call_work_missed(case: Case) -> str | None:
    """The record has no after-call work, or nothing of what happened in it."""
    if case.theirs is not None or not case.field.startswith(("afterCallWork.", "wrapup.")):
        return None
    return "the leg has after-call work here, and theirs has nothing of it"


def _event_missed(case: Case) -> str | None:
    """The record has nothing of what an event set here."""
    return f"theirs has nothing of what {_named(case.event)} set" if case.theirs is None and case.event else None


def _nothing_here_sets_it(case: Case) -> str | None:
    """The event that sets the field did not come here, or does not do so here."""
    if case.ours is not None or case.explanation is None:
        return None
    return "; ".join(case.explanation.unset) or "no event that came here sets it"


CAUSES: Mapping[str, Callable[[Case], str | None]] = {
    "unknown field": _unknown_field,
    "whole seconds": _whole_seconds,
    "clock not corrected": _clock_not_corrected,
    "correction ignored": _correction_ignored,
    "order of arrival": _order_of_arrival,
    "repeat counted": _repeat_counted,
    "refused event taken": _refused_event_taken,
    "time of occurrence": _time_of_occurrence,
    "time of receipt": _time_of_receipt,
    "time of another event": _time_of_another_event,
    "timer late": _timer_late,
    "after-call work missed": _after_call_work_missed,
    "event missed": _event_missed,
    "nothing here sets it": _nothing_here_sets_it,
}
"""The causes by name, the most certain first. Each returns what makes it likely, or None."""
