"""The history of a session in plain sentences."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from cobrowse_session.canonical import Identity, identity
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Applied, Ignored, Outcome, Refused
from cobrowse_session.printable import printable
from cobrowse_session.stream.changes import FieldChange, attributes_of, field_changes
from cobrowse_session.stream.fold import TraceEntry
from cobrowse_session.stream.log import SessionLog
from cobrowse_session.stream.revisions import Revision, is_late, revisions
from cobrowse_session.stream.words import clock_time, length, session_name, set_by, value_text

_INDENT = " " * 25
_TELLING = ("state", "disconnectType", "wrapup.code", "afterCallWork.state")
"""Where a revision changed one of these fields, only these are named. The others follow from them."""
_UNNAMED = ("providerEventTime",)
_MAX_NAMED = 3


@frozen
class HistoryEntry:
    """One entry of the trace in sentences.

    Attributes:
        entry: the entry.
        lines: what happened, with its time. Further lines are about its arrival.
    """

    entry: TraceEntry
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All lines in one."""
        return " ".join(self.lines)


def history(log: SessionLog) -> list[str]:
    """Return the history of a session in plain sentences.

    Each entry of the trace has a line with its time, the kind and the id of the event, and the reason for its outcome. Indented
    lines follow for an event that arrived late or was corrected, with what the session showed until then.

    Args:
        log: the log of the session. For what was known earlier: `history(log.as_of(moment))`.

    Returns:
        Lines that are safe to print. All times are UTC.

    >>> from cobrowse_session.testing import stream
    >>> for line in history(SessionLog.of(stream("s1").alerting().after(3).connected())):
    ...     print(line)
    Session s1. All times are UTC.
    2026-03-01 09:00:00.000  alerting e1: The agent is being alerted.
    2026-03-01 09:00:03.000  connected e2: Both sides are connected.
    """
    lines = [f"Session {session_name(log.session_id, log.context)}. All times are UTC."]
    for one in history_entries(log):
        lines += (one.lines[0], *(_INDENT + line for line in one.lines[1:]))
    return [*lines, *after_sealing(log)]


def after_sealing(log: SessionLog) -> Iterator[str]:
    """Yield a sentence about the events that came too late, if there were any."""
    if log.late:
        events = "1 event" if log.late == 1 else f"{log.late} events"
        yield f"{events} came after the session was sealed, and changed nothing."


def history_entries(log: SessionLog) -> tuple[HistoryEntry, ...]:
    """Return each entry of the trace in sentences: the reason, what changed, notes, and how the event arrived."""
    revised: dict[Identity, list[Revision]] = defaultdict(list)
    for one in revisions(log):
        revised[identity(one.event)].append(one)
    return tuple(
        HistoryEntry(entry, tuple(map(printable, _lines(entry, changes, revised))))
        for entry, changes in zip(log.trace, _details(log), strict=True)
    )


def _lines(entry: TraceEntry, changes: Sequence[FieldChange], revised: Mapping[Identity, Sequence[Revision]]) -> Iterator[str]:
    event = entry.event
    name = f"{event.kind} {event.id}" if isinstance(event, Event) else event.kind
    yield f"{clock_time(event.occurred_at)}  {name}: {_what(entry.outcome, changes)}"
    if isinstance(event, Event):
        yield from _arrival(event, revised.get(identity(event), ()))


def _what(outcome: Outcome, changes: Sequence[FieldChange]) -> str:
    reason = outcome.reason
    if changes:
        names = ", ".join(f"{one.field.removeprefix('settings.')} to {value_text(one.after)}" for one in changes)
        reason = f"{reason.removesuffix('.')}: {names}."
    if isinstance(outcome, Refused | Ignored):
        reason = f"{outcome.kind.capitalize()} ({outcome.rule}): {reason}"
    unchanged = "" if isinstance(outcome, Applied) else "Nothing changed."
    return " ".join(filter(None, [reason, unchanged, *(f"({note})" for note in outcome.notes)]))


def _details(log: SessionLog) -> Sequence[Sequence[FieldChange]]:
    """Return what changed, for each entry whose reason does not name it: details and settings."""
    wanted = [entry.outcome.row == "details" for entry in log.trace]
    if not any(wanted):
        return [()] * len(wanted)
    try:
        changes = field_changes(log)
    except ValueError:  # the log was sealed under another table
        return [()] * len(wanted)
    return [
        [change for change in some if want and change.field != "providerEventTime"]
        for want, some in zip(wanted, changes, strict=True)
    ]


# --- Arrival ------------------------------------------------------------------------------------------------------------------


def _arrival(event: Event, revised: Sequence[Revision]) -> Iterator[str]:
    late = f"Arrived {length(event.received - event.occurred_at)} late." if is_late(event) else ""
    if late and all(one.is_copy for one in revised):
        yield late
    for one in revised:
        if one.is_copy:
            lead = f"Corrected at {clock_time(one.received)} by edition {one.event.sequence}."
        else:
            lead = late or f"Arrived at {clock_time(one.received)}, after later events."
        yield " ".join(filter(None, [lead, until_then(one)]))


def until_then(revision: Revision) -> str:
    """Return what the session showed until a revision, in a sentence. It is empty if the session showed nothing else."""
    shown = [change for change in revision.differences if change.before is not None and change.field not in _UNNAMED]
    shown = [change for change in shown if change.field in _TELLING] or shown[:_MAX_NAMED]
    if not shown:
        return ""
    fields = ", ".join(f"{change.field} {value_text(change.before)}" for change in shown)
    names = attributes_of(type(revision.after))
    attributes = {names[change.field.partition(".")[0]] for change in shown if not change.field.startswith("settings.")}
    return f"Until then the session showed {fields}{set_by(revision.withdrawn_of(*attributes))}."
