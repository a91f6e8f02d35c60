"""The likely causes of a difference between a session and the record of another program.

`CAUSES` has them, the most certain first. Each looks for what a program with this one fault would have had instead. If that is
the value of the record, the cause is likely.

A cause describes their value. `basis` describes ours: which of occurrence and receipt counts for this event, and by which rule.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import frozen

from cobrowse_session.canonical import identity, order
from cobrowse_session.checks import nearest
from cobrowse_session.events import Ended, Event, Timer
from cobrowse_session.lifecycle.actions import TOLERANCE, cloud_time
from cobrowse_session.lifecycle.row import CLOUD, PROVIDER
from cobrowse_session.printable import printable
from cobrowse_session.stream import Explanation, SessionLog, explainable_fields
from cobrowse_session.stream.changes import steps
from cobrowse_session.stream.explain import as_listed
from cobrowse_session.stream.revisions import Revision
from cobrowse_session.stream.words import clock_time, length
from cobrowse_session.times import time_text
from cobrowse_session.wire.converter import plain, read_time

NEAR = timedelta(seconds=1)
"""How soon after the receipt of an event a program reads its clock."""
_DURATION = "wrapup.durationSeconds"
_SECOND = timedelta(seconds=1)
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
        ours, theirs = _time(self.ours), _time(self.theirs)
        return (ours, theirs) if ours and theirs else None

    @property
    def is_cloud(self) -> bool:
        """True if the field is on the cloud clock."""
        return self.explanation is not None and self.explanation.clock == CLOUD

    @property
    def others(self) -> Iterator[Event]:
        """The events that came here, without the one that set the field and its copies."""
        decided = self.event and identity(self.event)
        held = (entry.event for entry in self.log.trace if isinstance(entry.event, Event))
        return (event for event in (*held, *self.arrived) if identity(event) != decided)

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
        return cloud_time(event) if self.is_cloud else event.occurred_at

    def before(self) -> Any:
        """Return the value of the field before it was set here, as JSON."""
        return self.shown(next(step.before for step in steps(self.log) if step.entry.event == self.decided))

    def shown(self, session: object) -> Any:
        """Return the value of the field in a session, as JSON."""
        value = plain(session)
        for name in self.field.split("."):
            value = _item(value, int(name)) if isinstance(value, list) else (value or {}).get(name)
        return value


def _time(value: Any) -> datetime | None:  # JSON
    try:
        return read_time(value)
    except ValueError:
        return None


def _item(items: list[Any], index: int) -> Any:  # JSON
    return items[index] if index < len(items) else None


def _named(event: Event) -> str:
    return printable(f"{event.kind} {event.id}")


def _is_alike(one: Event, other: Event) -> bool:
    return one.kind == other.kind or (isinstance(one, Ended) and isinstance(other, Ended))


# --- Our value ----------------------------------------------------------------------------------------------------------------


def basis(case: Case) -> str:
    """Return from what our time or duration follows, and by which rule. Empty: it is neither, or follows from the row alone."""
    if lasted := _lasted(case, {}):
        return f"{_exact(lasted)} from disconnectedTime to wrapup.endTime, rounded down (WRAP-11)"
    ours, decided, session = _time(case.ours), case.decided, case.log.session
    if isinstance(decided, Timer):
        at_deadline = "the timer fires at its own deadline, whenever that is noticed, and what occurred later did not move it"
        return at_deadline if ours == decided.occurred_at else ""
    if ours is None or decided is None or case.explanation is None or case.explanation.clock is None:
        return ""
    if ours == case.moment(decided):
        return _counts(case, decided)
    if ours == session.start_alerting_time and case.field == "connectedTime":
        return f"{_counts(case, decided)}; that is before startAlertingTime, so startAlertingTime counts (STAMP-3)"
    return "it is disconnectedTime" if ours == session.disconnected_time else ""


def _counts(case: Case, event: Event) -> str:
    """Return which time of an event counts for the field: that of its occurrence or that of its receipt."""
    # Examples, for a field on the cloud clock:
    #
    #     received after   counts
    #     0.4 s            the receipt
    #     61 s             the occurrence: the delivery was late
    #     -0.1 s           the receipt: the clocks differ
    if not case.is_cloud:
        return f"the field is on {PROVIDER}, so the occurrence of {_named(event)} counts, whenever it was received"
    if event.received_at is None:
        return f"{_named(event)} has no time of receipt, so the occurrence counts (TIME-8)"
    apart = event.received - event.occurred_at
    side = "after" if apart >= timedelta(0) else "before"
    occurred = "occurred" if event.provider_time is None else f"occurred on {PROVIDER}"
    near, what = ("within", "receipt") if abs(apart) <= TOLERANCE else ("more than", "occurrence")
    return (
        f"{_named(event)} was received {length(abs(apart))} {side} it {occurred}: {near} {length(TOLERANCE)}, "
        f"so the {what} counts (TIME-8)"
    )


def _lasted(case: Case, record: Mapping[str, Any]) -> timedelta | None:
    """Return the exact time from the end of the leg to that of the wrap-up, with the times of a record in place of ours.

    None: the field is not that duration, or it is unset here, or the times are not known.
    """
    if case.field != _DURATION or case.ours is None:
        return None
    session = case.log.session
    start = _time(record.get("disconnectedTime")) or session.disconnected_time
    end = _time((record.get("wrapup") or {}).get("endTime")) or (session.wrapup and session.wrapup.end_time)
    return end - start if start and end and end > start else None


def _exact(lasted: timedelta) -> str:
    return f"{lasted / _SECOND:.15g} s"


# --- Each cause ---------------------------------------------------------------------------------------------------------------


def _unknown_field(case: Case) -> str | None:
    """The name may be misspelt."""
    known = explainable_fields(case.log.lifecycle.table.session)
    if case.ours is not None or as_listed(case.field) in known:
        return None
    return printable(f"a session has no field {case.field}.{nearest(case.field, known)}".removesuffix("."))


def _whole_seconds(case: Case) -> str | None:
    """The record keeps no milliseconds."""
    if not (times := case.times) or times[1].microsecond or abs(times[0] - times[1]) >= _SECOND:
        return None
    if case.event and times[1] in (case.event.occurred_at, case.event.received):  # that event has none, either
        return None
    return "theirs has no milliseconds; a tolerance of 1 s takes it for equal"


def _clock_not_corrected(case: Case) -> str | None:
    """The provider's clock is off, and the record has its time as it came."""
    if case.event is None or (before := case.event.provider_time) is None or time_text(before) != case.theirs:
        return None
    off = length(abs(case.event.occurred_at - before))
    return f"theirs is when {_named(case.event)} occurred on the provider's own clock, which is off by {off}"


def _rounded(case: Case) -> str | None:
    """The record has the duration with the seconds rounded up, or to the nearest one."""
    for whose, record in (("", {}), (", between its own times,", case.record)):
        lasted = _lasted(case, record)
        if lasted and lasted % _SECOND and case.theirs == lasted // _SECOND + 1:
            how = "up" if lasted % _SECOND < _SECOND / 2 else "up or to the nearest second"
            return f"theirs is {_exact(lasted)}{whose} rounded {how}"
    return None


def _follows_from_another_field(case: Case) -> str | None:
    """The record has the duration or the deadline that follows from times of its own, which differ from ours."""
    lasted = _lasted(case, case.record)
    if lasted and lasted != _lasted(case, {}) and case.theirs == lasted // _SECOND:
        return f"theirs is {_exact(lasted)} between its own disconnectedTime and wrapup.endTime, rounded down"
    here, there = case.log.session.disconnected_time, _time(case.record.get("disconnectedTime"))
    if isinstance(case.decided, Timer) and case.times and here and there and here != there:
        ours, theirs = case.times
        if theirs - there == ours - here:
            return f"theirs is {length(ours - here)} after its own disconnectedTime, as ours is after ours"
    return None


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
        if case.event and _is_alike(repeat, case.event) and _is_receipt(case, repeat, case.event):
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
    if case.event is None or not case.times or not _is_receipt(case, case.event):
        return None
    ours, theirs = case.times
    what = f"{_named(case.event)} was received"
    if ours == case.event.received:  # two clocks, or one that was read twice
        return f"theirs is {_apart(theirs, ours)} {what} here; with one `now` for both, or a tolerance, it is equal"
    if theirs == case.event.received:
        return f"theirs is when {what}, by the clock of the host"
    return f"theirs is {_apart(theirs, case.event.received)} {what}, by the clock of the host"


def _time_of_occurrence(case: Case) -> str | None:
    """The record has the time at which the event occurred, where another one counts."""
    if case.event is None or time_text(case.event.occurred_at) != case.theirs:
        return None
    return f"theirs is when {_named(case.event)} occurred"


def _is_receipt(case: Case, event: Event, first: Event | None = None) -> bool:
    """Return whether theirs is about the receipt of an event, and not rather our value, or that of the first copy."""
    if not (times := case.times) or event.received_at is None:
        return False
    ours, theirs = times
    apart = abs(theirs - event.received)
    if first and abs(theirs - first.received) <= apart:
        return False
    if apart and (apart > NEAR or any(theirs in (one.occurred_at, one.received) for one in case.others)):  # those are exact
        return False
    return not apart or ours == event.received or apart < abs(theirs - ours)


def _apart(one: datetime, other: datetime) -> str:
    return f"{length(abs(one - other))} {'after' if one > other else 'before'}"


def _time_of_another_event(case: Case) -> str | None:
    """The record has the time of an event that did not set the field here."""
    if not case.times:
        return None
    found = [(*match, event) for event in case.others if (match := _match(case.times[1], event))]
    if not found:
        return None
    _, text, event = min(found, key=lambda one: one[0])  # the most certain one, among all events
    outcomes = (entry.outcome for entry in case.log.trace if entry.event == event)
    outcome = next((f"; it was {one.kind}: {one.reason}" for one in outcomes if one.kind != "applied"), "")
    return f"theirs is {text}{outcome}"


def _match(theirs: datetime, event: Event) -> tuple[int, str] | None:
    """Return which time of an event theirs is, in words, after a number: the smaller, the more certain. None: it is none."""
    name, near = _named(event), event.received_at is not None and abs(theirs - event.received) <= NEAR
    matches = (
        (theirs == event.occurred_at, f"when {name} occurred"),
        (theirs == event.received, f"when {name} was received"),
        (theirs == event.provider_time, f"when {name} occurred on the provider's own clock"),
        (theirs == event.occurred_at.replace(microsecond=0), f"when {name} occurred, without milliseconds"),
        (theirs == event.received.replace(microsecond=0), f"when {name} was received, without milliseconds"),
        (near, f"{_apart(theirs, event.received)} {name} was received"),
    )
    return next(((place, text) for place, (is_theirs, text) in enumerate(matches) if is_theirs), None)


def _timer_late(case: Case) -> str | None:
    """A timer fired at its deadline here, and later there, or not yet."""
    if not isinstance(case.decided, Timer):
        return None
    deadline = f"the deadline, {clock_time(case.decided.occurred_at)}"
    if (times := case.times) and times[1] > times[0]:
        return f"theirs is {length(times[1] - times[0])} after {deadline}"
    return f"theirs is what was before {deadline}" if case.before() == case.theirs else None


def _after_call_work_missed(case: Case) -> str | None:
    """The record has no after-call work, or nothing of what happened in it."""
    if case.theirs is not None or not case.field.startswith(("afterCallWork.", "wrapup.")):
        return None
    return "the leg has after-call work here, and theirs has nothing of it"


def _event_missed(case: Case) -> str | None:
    """The record has nothing of what an event set here."""
    if case.event is None or (case.theirs is not None and case.theirs != case.before()):
        return None
    what = "has nothing of what" if case.theirs is None else "is what was before"
    twin = next((one for one in case.others if one.id == case.event.id), None)
    because = f"; {_named(twin)} of {printable(twin.source)} is another event of this id (WORD-6)" if twin else ""
    return f"theirs {what} {_named(case.event)}{' set' if case.theirs is None else ''}{because}"


def _nothing_here_sets_it(case: Case) -> str | None:
    """The event that sets the field did not come here, or does not do so here."""
    if case.ours is not None or case.explanation is None:
        return None
    return "; ".join(case.explanation.unset) or "no event that came here sets it"


CAUSES: Mapping[str, Callable[[Case], str | None]] = {
    "unknown field": _unknown_field,
    "rounded": _rounded,
    "follows from another field": _follows_from_another_field,
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
