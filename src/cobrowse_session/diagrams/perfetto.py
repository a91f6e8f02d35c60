"""A replay as a Chrome trace, which Perfetto and every other trace viewer opens.

A conversation is a process, a session a track. Segments and after-call work are slices, events are instants, and an event that
was received late is an arrow from when it happened to when it was received.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Ignored, Refused
from cobrowse_session.lifecycle.actions import TOLERANCE
from cobrowse_session.printable import printable
from cobrowse_session.stream import SessionLog, TraceEntry
from cobrowse_session.times import EPOCH

Item = dict[str, Any]  # JSON
"""An item of a Chrome trace."""
_MOMENT = 1000
"""Microseconds of a slice that an arrow begins or ends at: times are whole milliseconds, so it fits into what is around it."""


def perfetto(logs: Iterable[SessionLog]) -> str:
    """Return the outcomes of events as a Chrome trace, one item per line.

    Args:
        logs: of the sessions, in the order of their tracks.
    """
    processes: dict[str, int] = {}
    arrows = count(1)
    items: list[Item] = []
    for track, log in enumerate(logs, 1):
        trace = log.trace
        conversation = log.context.conversation_id or "no conversation"
        known = conversation in processes
        process = processes.setdefault(conversation, len(processes) + 1)
        if not known:
            items.append(_named("process_name", conversation, process, 0))
        late = [step.event for step in trace if isinstance(step.event, Event) and step.event.received - _at(step) > TOLERANCE]
        here, arrivals = {"pid": process, "tid": 2 * track - 1}, {"pid": process, "tid": 2 * track}
        items.append(_named("thread_name", log.session_id, **here))
        items += ({**item, **here} for item in (*_slices(log), *map(_instant, trace)))
        if late:
            items.append(_named("thread_name", f"{log.session_id}: received late", **arrivals))
        for event in late:
            items += _arrow(event, next(arrows), here, arrivals)
    lines = ",\n".join(json.dumps(_shown(item), ensure_ascii=False, separators=(",", ":")) for item in items)
    return f'{{"displayTimeUnit":"ms","traceEvents":[\n{lines}\n]}}\n'


def _slices(log: SessionLog) -> Iterator[Item]:
    """Return segments and after-call work. An open one lasts to the latest time."""
    session, work = log.session, log.session.after_call_work
    reached = max(time for time in (log.latest, log.advanced) if time) if log.latest else EPOCH
    for segment in session.segments or ():
        if segment.start_time:
            said = {"howEnded": segment.how_ended, "disconnectType": segment.disconnect_type}
            yield _slice(segment.type or "segment", "segment", segment.start_time, segment.end_time, reached, said)
    if work and work.start_time:
        code = session.wrapup and session.wrapup.code
        yield _slice(f"after-call work: {work.state}", "acw", work.start_time, work.end_time, reached, {"code": code})


def _slice(  # noqa: PLR0913, PLR0917 (what a slice has)
    name: str, category: str, start: datetime, end: datetime | None, reached: datetime, said: dict[str, Any]
) -> Item:
    args = {key: value for key, value in said.items() if value} | ({} if end else {"open": True})
    length = max(0, _microseconds(end or reached) - _microseconds(start))
    return {"ph": "X", "name": name, "cat": category, "ts": _microseconds(start), "dur": length, "args": args}


def _instant(step: TraceEntry) -> Item:
    outcome, event = step.outcome, step.event
    rule = outcome.rule if isinstance(outcome, Ignored | Refused) else None
    said = {
        "outcome": outcome.kind,
        "row": outcome.row,
        "rule": rule,
        "because": outcome.reason,
        "event": event.id if isinstance(event, Event) else None,
        "source": event.source if isinstance(event, Event) else None,
    }
    name = event.kind + (f" ✗ {rule}" if isinstance(outcome, Refused) else "")
    args = {key: value for key, value in said.items() if value}
    return {"ph": "i", "s": "t", "name": name, "cat": outcome.kind, "ts": _microseconds(_at(step)), "args": args}


def _arrow(event: Event, number: int, here: dict[str, int], arrivals: dict[str, int]) -> Iterator[Item]:
    """From a moment on the session's track to one on its track of arrivals. Viewers tie arrows to slices, not to instants."""
    by = (event.received - event.occurred_at) / timedelta(seconds=1)
    shared = {"name": f"{event.kind}, received {by:.3f} s late", "cat": "late"}
    for place, time, sign in ((here, event.occurred_at, "s"), (arrivals, event.received, "f")):
        moment = {"ts": _microseconds(time), **place}
        yield {"ph": "X", **shared, **moment, "dur": _MOMENT, "args": {"event": event.id, "source": event.source}}
        yield {"ph": sign, **shared, **moment, "id": number, **({"bp": "e"} if sign == "f" else {})}


def _shown(item: Item) -> Item:
    """Return the item with all its texts printable: a viewer draws them as they come."""
    return {
        key: printable(value) if isinstance(value, str) else _shown(value) if isinstance(value, dict) else value
        for key, value in item.items()
    }


def _named(what: str, name: str, pid: int, tid: int) -> Item:
    return {"ph": "M", "name": what, "pid": pid, "tid": tid, "args": {"name": name}}


def _at(step: TraceEntry) -> datetime:
    return step.event.occurred_at


def _microseconds(time: datetime) -> int:
    return (time - EPOCH) // timedelta(microseconds=1)
