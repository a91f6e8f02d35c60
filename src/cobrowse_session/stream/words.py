"""Events, values, times and conditions as text for a person."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from cobrowse_session.events import Event, Timer
from cobrowse_session.lifecycle.row import Guard, meaning_of
from cobrowse_session.model import Context
from cobrowse_session.printable import printable
from cobrowse_session.segments import Segments
from cobrowse_session.stream.changes import PARTS
from cobrowse_session.times import time_text

_CITED = re.compile(r" \(([A-Z]+-[0-9]+(?:, [A-Z]+-[0-9]+)*)\)")

_MOST = 20
"""Items of a list that are shown. A leg may have 10,000 segments, and each revision of them is a line."""


def condition(guard: Guard) -> str:
    """Return the condition of a guard, to follow other words: `the leg is connected`."""
    text = _CITED.sub("", meaning_of(guard)).partition(". ")[0].removesuffix(".")
    return text[:1].lower() + text[1:]


def named(event: Event | Timer) -> str:
    """Return an event or a timer by its type, id, source and times."""
    at = time_text(event.occurred_at)
    if isinstance(event, Timer):
        return f"{event.type}, at {at}"
    return printable(f"{event.type} {event.id} of {event.source}, at {at}, received {time_text(event.received)}")


def session_name(session: str, context: Context) -> str:
    """Return a session with whose leg it is, where that is known: `s1 (agent ann, queue sales)`."""
    user = context.user_id and f"{context.purpose or 'user'} {context.user_id}"
    queue = context.queue_id and f"queue {context.queue_id}"
    leg = ", ".join(filter(None, [user or context.purpose, queue]))
    return printable(f"{session} ({leg})" if leg else session)


def clock_time(moment: datetime) -> str:
    """Return a moment in UTC: `2026-03-01 09:00:00.000`."""
    return time_text(moment).removesuffix("Z").replace("T", " ")


def set_by(timers: Iterable[Timer]) -> str:
    """Return which timers set a value, to follow other words. It is empty if none did."""
    fired = " and ".join(f"{timer.kind} at {clock_time(timer.occurred_at)}" for timer in timers)
    return f", set by {fired}" if fired else ""


def length(duration: timedelta) -> str:
    """Return a duration in its two largest units: `56 min 46 s`. Below a minute, it has milliseconds: `2.001 s`."""
    whole = duration // timedelta(seconds=1)
    if whole < 60:
        return f"{duration / timedelta(seconds=1):.3f}".rstrip("0").rstrip(".") + " s"
    units = {"d": whole // 86400, "h": whole // 3600 % 24, "min": whole // 60 % 60, "s": whole % 60}
    parts = [f"{count} {unit}" for unit, count in units.items()]
    first = next(place for place, count in enumerate(units.values()) if count)
    return " ".join(parts[first : first + 2])


def value_text(value: Any) -> str:  # any field's value
    """Return the value of a field, as the session JSON has it. Of a long list, the first items."""
    match value:
        case None:
            return "unset"
        case datetime():
            return time_text(value)
        case tuple() | Segments():
            shown = [
                *map(value_text, islice(value, _MOST)),
                *([f"and {len(value) - _MOST:,} more"] if len(value) > _MOST else []),
            ]
            return f"[{', '.join(shown)}]"
        case bool():
            return str(value).lower()
        case timedelta():
            return length(value)
    if (parts := PARTS.get(type(value))) is None:
        return printable(str(value))
    held = ((name, getattr(value, attribute)) for name, attribute in parts.items())
    stated = (f"{name} {value_text(part)}" for name, part in held if part is not None and part is not False)
    return f"({', '.join(stated)})"
