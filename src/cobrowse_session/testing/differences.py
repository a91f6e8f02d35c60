"""What differs between two outcomes, lists of outcomes, sessions or traces, line by line, for the assertions of pytest."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from itertools import zip_longest
from typing import Any, TypeGuard

import attrs

from cobrowse_session.events import Event, Timer
from cobrowse_session.lifecycle import Outcome
from cobrowse_session.lifecycle.outcome import Match
from cobrowse_session.model import CobrowseSession, vendor_name
from cobrowse_session.printable import printable
from cobrowse_session.stream import TraceEntry, difference
from cobrowse_session.times import time_text

__all__ = ["differences"]

_FOLLOWS = ("reason", "cites")
"""What follows from the row. It is left out where the rows differ."""


def differences(left: object, right: object) -> list[str] | None:
    """Return a title and what differs, one line for each field. None: they are no two things of one of these sorts.

    Args:
        left: an outcome or a match of one, a list of these, a session, or a trace.
        right: the same.
    """
    if isinstance(left, Outcome | Match) and isinstance(right, Outcome | Match):
        return ["two outcomes differ", *_of_outcomes(left, right)]
    if isinstance(left, CobrowseSession) and isinstance(right, CobrowseSession):
        return ["two sessions differ", *_of_sessions(left, right)]
    if (entries := _trace(left)) and (others := _trace(right)):
        return [f"traces of {len(entries)} and {len(others)} entries differ", *_of_traces(entries, others)]
    if _are_outcomes(left) and _are_outcomes(right):
        return [f"{len(left)} and {len(right)} outcomes differ", *_of_lists(left, right)]
    return None


def _are_outcomes(value: object) -> TypeGuard[Sequence[Outcome | Match]]:
    return isinstance(value, tuple | list) and bool(value) and all(isinstance(one, Outcome | Match) for one in value)


def _of_lists(left: Sequence[Outcome | Match], right: Sequence[Outcome | Match]) -> Iterator[str]:
    for number, (ours, theirs) in enumerate(zip_longest(left, right), 1):
        if ours is None or theirs is None:
            which = "left" if theirs is None else "right"
            yield f"outcome {number}: only {which} has {ours or theirs!r}"
        elif ours != theirs:
            yield f"outcome {number}:"
            yield from (f"  {line}" for line in _of_outcomes(ours, theirs))


def _of_outcomes(left: Outcome | Match, right: Outcome | Match) -> Iterator[str]:
    ours, theirs = _fields(left), _fields(right)
    names = [name for name in ours if name in theirs]
    if "row" in names and ours["row"] != theirs["row"]:
        names = [name for name in names if name not in _FOLLOWS]
    yield from (f"{name}: {_text(ours[name])} != {_text(theirs[name])}" for name in names if ours[name] != theirs[name])


def _fields(outcome: Outcome | Match) -> Mapping[str, Any]:  # any attribute's value
    if isinstance(outcome, Match):
        return {"outcome": getattr(outcome.outcome, "kind", "any"), **outcome.expected}
    return {"outcome": outcome.kind, **{a.name: getattr(outcome, a.name) for a in attrs.fields(type(outcome))}}


def _of_sessions(left: CobrowseSession, right: CobrowseSession) -> Iterator[str]:
    if type(left) is not type(right):
        yield f"class: {type(left).__name__} != {type(right).__name__}"
        return
    found = difference(left, right)
    yield from (f"{one.field}: {_text(one.before)} != {_text(one.after)}" for one in found)
    shown = {one.field.partition(".")[0] for one in found}
    names = [attribute.name for attribute in attrs.fields(type(left))]  # `difference` compares no unknown keys
    pairs = ((name, getattr(left, name), getattr(right, name)) for name in names if vendor_name(name) not in shown)
    yield from (f"{name}: {_text(ours)} != {_text(theirs)}" for name, ours, theirs in pairs if ours != theirs)


def _of_traces(left: Sequence[TraceEntry], right: Sequence[TraceEntry]) -> Iterator[str]:
    for number, (ours, theirs) in enumerate(zip_longest(left, right), 1):
        if ours is None or theirs is None:
            which = "left" if theirs is None else "right"
            for one in filter(None, (ours, theirs)):
                yield f"entry {number}: only {which} has {_whose(one.event)}, {one.outcome.kind} by {one.outcome.row}"
        elif ours != theirs:
            yield f"entry {number}: {_whose(ours.event)}"
            if ours.event != theirs.event:
                yield f"  event: {ours.event!r} != {theirs.event!r}"
            yield from (f"  {line}" for line in _of_outcomes(ours.outcome, theirs.outcome))
            if ours.context != theirs.context:
                yield f"  context: {ours.context!r} != {theirs.context!r}"


def _trace(value: object) -> Sequence[TraceEntry]:
    is_trace = isinstance(value, tuple | list) and all(isinstance(one, TraceEntry) for one in value)
    return value if is_trace else ()  # type: ignore[return-value]  # a sequence of entries


def _whose(event: Event | Timer) -> str:
    return printable(f"{event.kind} {event.id}") if isinstance(event, Event) else event.kind


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return time_text(value)
    return repr(str(value)) if isinstance(value, Enum) else repr(value)
