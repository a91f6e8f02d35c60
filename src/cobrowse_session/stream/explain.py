"""Why a session is as it is: which event and row set a value, and its life in plain sentences.

Both read the steps of a fold and the sentences of the rows; nothing is worded twice.
"""

import re
from collections.abc import Iterator
from copy import copy
from datetime import datetime
from typing import Any

import attrs
from attrs import frozen

from cobrowse_session.checks import NO_EXTRA
from cobrowse_session.events import Event, Timer
from cobrowse_session.lifecycle import Applied, Ignored, Lifecycle, Refused
from cobrowse_session.lifecycle.actions import COMMON, TOLERANCE, apply_details
from cobrowse_session.lifecycle.machine import machines
from cobrowse_session.lifecycle.row import Action, Row, clock_of, written_by
from cobrowse_session.lifecycle.table import LEG_ENDED
from cobrowse_session.model import Address, AfterCallWork, CobrowseSession, Wrapup, vendor_name
from cobrowse_session.printable import printable
from cobrowse_session.segments import Segment, Segments
from cobrowse_session.stream.fold import FoldResult, TraceEntry
from cobrowse_session.times import time_text

_INDEX = re.compile("[0-9]{1,9}")
_ATTRIBUTES = {vendor_name(a.name): a.name for a in attrs.fields(CobrowseSession) if a.name not in ("extra", "settings")}


_PARTS = {"self": Address, "segments": Segment, "wrapup": Wrapup, "after_call_work": AfterCallWork}


@frozen
class Reason:
    """Why one field of a session holds what it holds.

    Attributes:
        field: its name in the session JSON, dots leading inside: `wrapup.endTime`.
        value: what it holds in the end; None: nothing. `Any`: any field's.
        step: what set it last; None: nothing ever did.
        rows: the rows that decided then.
        rules: what the stamps that wrote it say of themselves, with the marks of the specification.
        clock: the clock that its time is on; None: it is no time.
        instead: what would have changed it: rows that were asked before, and events that were turned away.
    """

    field: str
    value: Any
    step: TraceEntry | None
    rows: tuple[str, ...]
    rules: tuple[str, ...]
    clock: str | None
    instead: tuple[str, ...]

    def __str__(self) -> str:
        if self.step is None:
            known = "is unset; no event has set it." if self.value is None else f"is {_spoken(self.value)}; no event has set it."
            lines = [f"{self.field} {known}"]
        else:
            lines = [
                f"{self.field} is {_spoken(self.value)}.",
                f"  set by     {_named(self.step.event)}",
                f"  row        {' + '.join(self.rows)}: {self.step.outcome.reason}",
                *(f"  rule       {rule}" for rule in self.rules),
                *([f"  clock      {self.clock}"] if self.clock else []),
            ]
        return "\n".join(map(printable, [*lines, *(f"  otherwise  {other}" for other in self.instead)]))


def explain(folded: FoldResult, field: str) -> Reason:
    """Why a field of the session holds what it holds.

    Args:
        folded: what the session's events amount to.
        field: its name in the session JSON; dots lead inside: `wrapup.endTime`, `segments.0.endTime`.

    Raises:
        KeyError: a session has no such field.
        ValueError: the log was sealed under other rules and restored. Today's rows did not decide it.
    """
    attribute, inside = _path(field)
    session = folded.lifecycle.new(folded.session.id or "")
    step: TraceEntry | None = None
    rows: tuple[Row, ...] = ()
    asked: tuple[str, ...] = ()
    for one in folded.trace:
        before, held = copy(session), _inside(getattr(session, attribute), inside)
        _judge_again(folded.lifecycle, session, one)
        if _inside(getattr(session, attribute), inside) != held:
            step, rows = one, _deciding(one)
            asked = tuple(_passed_over(folded.lifecycle, one, attribute, before, session))
    stamps = _stamps(step, rows, attribute, getattr(session, attribute))
    value = _inside(getattr(session, attribute), inside)
    clocks = [clock for stamp in stamps if (clock := clock_of(stamp)) and isinstance(value, datetime)]
    return Reason(
        field=field,
        value=value,
        step=step,
        rows=tuple(row.name for row in rows),
        rules=tuple(dict.fromkeys(_sentence(stamp) for stamp in stamps)),
        clock=clocks[-1] if clocks else None,
        instead=(*asked, *_turned_away(folded, attribute)),
    )


def tell(folded: FoldResult) -> list[str]:
    """The life of a session in plain sentences, one a line, from the rows' own."""
    told = [f"Session {folded.session.id}."]
    for step in folded.trace:
        outcome = step.outcome
        verdict = f"{outcome.kind.capitalize()} ({outcome.rule}): " if isinstance(outcome, Refused | Ignored) else ""
        noted = "".join(f" ({note})" for note in outcome.notes)
        late = f" [received {_clock_time(step.event.received)}]" if isinstance(step.event, Event) and _is_late(step.event) else ""
        unchanged = "" if isinstance(outcome, Applied) else " Nothing changed."
        what = f"{_clock_time(step.event.occurred_at)}  {step.event.kind}: "
        told.append(f"{what}{verdict}{outcome.reason}{unchanged}{noted}{late}")
    return told


# --- Within -------------------------------------------------------------------------------------------------------------------


def _path(field: str) -> tuple[str, tuple[str, ...]]:
    """The attribute of the session that a field names, and the way inside, as attributes and indexes."""
    first, *inside = field.split(".")
    if first not in _ATTRIBUTES:
        raise KeyError(f"a session has no field {first!r}; it has {', '.join(_ATTRIBUTES)}")
    attribute = _ATTRIBUTES[first]
    names = [name for name in inside if not _INDEX.fullmatch(name)]  # the others lead into lists
    fields = attrs.fields(_PARTS[attribute]) if attribute in _PARTS else ()
    part = {vendor_name(a.name): a.name for a in fields if a.name != "extra"}
    if len(names) > 1 or any(name not in part for name in names):
        raise KeyError(f"{first} has no field {'.'.join(inside)!r}; it has {', '.join(part) or 'none inside'}")
    if first == "segments" and inside and inside[0] in part:
        raise KeyError(f"{first} is a list; expected an index first: {first}.0.{inside[0]}")
    return attribute, tuple(part.get(name, name) for name in inside)


def _judge_again(lifecycle: Lifecycle, session: CobrowseSession, step: TraceEntry) -> None:
    """Judge the event of a step once more, as a check that the same row decides."""
    try:
        outcome = lifecycle.decide(session, step.event)
    except LookupError:  # a timer that has no row in this state any more
        outcome = None
    if outcome is None or (outcome.kind, outcome.row) != (step.outcome.kind, step.outcome.row):
        raise ValueError("the log was sealed under other rules, so the rows of today do not explain it")


def _deciding(step: TraceEntry) -> tuple[Row, ...]:
    """The rows that a step's outcome names."""
    names = (step.outcome.row or "").split("+")
    return tuple(
        next(cell.row for cells in machines().triggers[kind].transitions.values() for cell in cells if cell.row.name == name)  # type: ignore[attr-defined]  # RowTransition
        for kind, name in zip((step.event.kind, LEG_ENDED), names, strict=False)
    )


def _stamps(step: TraceEntry | None, rows: tuple[Row, ...], attribute: str, value: Any) -> list[Action]:  # any field's value
    """The stamps that wrote an attribute."""
    if step is None or attribute == "state":
        return []
    said = dict(step.event.details.items()) if isinstance(step.event, Event) else {}
    if attribute in said and said[attribute] == value:
        return [apply_details]  # it names no attributes, the event does
    return [stamp for row in rows for stamp in (*COMMON, *row.actions) if attribute in written_by(stamp)]


def _passed_over(
    lifecycle: Lifecycle, step: TraceEntry, attribute: str, before: CobrowseSession, after: CobrowseSession
) -> Iterator[str]:
    """The rows that were asked before the one that wrote the attribute, and what each would have needed."""
    for kind, session, row in zip((step.event.kind, LEG_ENDED), (before, after), _deciding(step), strict=False):
        if attribute == "state" or any(attribute in written_by(stamp) for stamp in row.actions):
            every = machines().rows(kind, session)
            rules = lifecycle.policy_for(session, step.event) if kind != LEG_ENDED else lifecycle.policy(session)
            for other in every[: every.index(row)]:
                needed = [guard for guard in other.guards if not guard(session, step.event, rules)]
                yield f"{other.name}, had this been so: {' '.join(map(_sentence, needed))}"


def _turned_away(folded: FoldResult, attribute: str) -> Iterator[str]:
    """Events that would have written the attribute, had they not been refused or ignored."""
    common = {name for stamp in COMMON for name in written_by(stamp)}
    for step in folded.trace:
        if isinstance(step.outcome, Refused | Ignored) and isinstance(step.event, Event):
            kind = machines().triggers[step.event.kind]
            could = {name for cells in kind.transitions.values() for cell in cells for name in cell.set}  # type: ignore[attr-defined]  # RowTransition
            if attribute in could - common or attribute in dict(step.event.details.items()):
                yield f"{_named(step.event)} was {step.outcome.kind}: {step.outcome.reason}"


def _inside(value: Any, names: tuple[str, ...]) -> Any:  # any field's value
    for name in names:
        if isinstance(value, tuple | Segments):
            value = value[int(name)] if int(name) < len(value) else None
        else:
            value = getattr(value, name, None)
    return value


def _sentence(function: Any) -> str:  # a guard or a stamp
    return " ".join((function.__doc__ or "").split())


def _named(event: Event | Timer) -> str:
    at = time_text(event.occurred_at)
    if isinstance(event, Timer):
        return f"{event.type}, at {at}"
    return printable(f"{event.type} {event.id} of {event.source}, at {at}, received {time_text(event.received)}")


def _spoken(value: Any) -> str:  # any field's value
    match value:
        case datetime():
            return time_text(value)
        case tuple() | Segments():
            return f"[{', '.join(map(_spoken, value))}]"
        case Address() | Segment() | Wrapup() | AfterCallWork():
            said = ((vendor_name(a.name), getattr(value, a.name)) for a in attrs.fields(type(value)))
            return f"({', '.join(f'{name} {_spoken(part)}' for name, part in said if part not in (None, NO_EXTRA, False))})"
        case bool():
            return str(value).lower()
        case _:
            return printable(str(value))


def _clock_time(moment: datetime) -> str:
    return time_text(moment).removesuffix("Z").replace("T", " ")


def _is_late(event: Event) -> bool:
    return event.received - event.occurred_at > TOLERANCE
