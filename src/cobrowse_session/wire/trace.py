"""The trace, one JSON object per entry (TRACE-1)."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import attrs
from attrs import frozen

from cobrowse_session.checks import NO_EXTRA, Extra
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Applied, Ignored, Refused
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.model import Context, Details, vendor_name
from cobrowse_session.stream import FieldChange, SessionLog, TraceEntry, field_changes
from cobrowse_session.times import time_text
from cobrowse_session.wire.converter import plain, structured
from cobrowse_session.wire.strict_json import dump, read_object, written

TRACE_FORMAT = 1
"""The version of the trace entries."""


@lru_cache(maxsize=64)
def set_attributes(table: Table) -> Mapping[str, str]:
    """Return the attribute of a session or its details behind each name in `set`."""
    return {vendor_name(a.name): a.name for cls in (table.session, Details) for a in attrs.fields(cls)}


def trace_entries(log: SessionLog) -> tuple[dict[str, Any], ...]:
    """Return the trace of a log as JSON objects (TRACE-1). `Any`: JSON.

    Args:
        log: the log.

    Returns:
        One object for each event and timer, in order. `changed` has what it changed, before and after (TRACE-15). A log that was
        sealed under another table has entries without it.
    """
    return tuple(_with_changes(trace_entry(entry), some) for entry, some in zip(log.trace, _changes(log), strict=True))


def _changes(log: SessionLog) -> Sequence[Sequence[FieldChange]]:
    """Return what each entry changed. A log that was sealed under another table does not know it any more."""
    if log.restored is not None and log.restored.as_saved and log.restored.table_changed:
        return [()] * len(log.trace)
    return field_changes(log)


def _with_changes(entry: dict[str, Any], changes: Sequence[FieldChange]) -> dict[str, Any]:
    if changes:
        entry["changed"] = {
            # Before the first event of a leg most fields are None, so half of the values need no call.
            one.field: [before if (before := one.before) is None else plain(before), plain(one.after)]
            for one in changes
        }
    return entry


def trace_lines(log: SessionLog) -> Iterator[str]:
    """Yield the trace of a log as JSON, one line for each entry. See `trace_entries`."""
    return map(written, trace_entries(log))


def encode_entry(entry: dict[str, Any]) -> str:
    """Return a trace entry as JSON on one line."""
    return dump(entry)


def decode_entry(raw: str | bytes) -> dict[str, Any]:
    """Return a trace entry, read from JSON. `Any`: JSON.

    Raises:
        DecodeError: it is no trace entry.
    """
    document = read_object(raw)
    structured(document, _Entry)
    return document


@frozen(kw_only=True)
class _Entry:
    """The fields of a trace entry that every reader needs."""

    session: str
    type: str
    event: str | None = None
    source: str | None = None
    set: tuple[str, ...] = ()
    extra: Extra = NO_EXTRA


def trace_entry(entry: TraceEntry) -> dict[str, Any]:
    """Return an entry of a trace as a JSON object, without what it changed. `Any`: JSON."""
    event, outcome = entry.event, entry.outcome
    row: dict[str, Any] = {"session": event.subject, **_whose(entry.context)}
    if isinstance(event, Event):
        row["event"], row["source"], row["type"] = event.id, event.source, event.type
        row["at"], row["received"] = time_text(event.occurred_at), time_text(event.received)
    else:
        row["type"], row["at"] = event.type, time_text(event.occurred_at)
    row["outcome"] = outcome.kind
    if outcome.row is not None:
        row["row"] = outcome.row
    if isinstance(outcome, Ignored | Refused):
        row["rule"] = outcome.rule
    row["from"] = str(outcome.from_state)  # plain text: readers of saved data take no enum
    if isinstance(outcome, Applied):
        row["to"] = str(outcome.to_state)
    if outcome.acw is not None:
        row["acw"] = str(outcome.acw)
    if isinstance(outcome, Applied) and outcome.set:
        row["set"] = [*_vendor_names(outcome.set)]
    if outcome.notes:
        row["notes"] = [*outcome.notes]
    return row


@lru_cache(maxsize=256)
def _whose(context: Context) -> Mapping[str, str]:
    """Return the context in the keys of the trace. The entries of a session share it."""
    found = {
        "conversation": context.conversation_id,
        "participant": context.participant_id,
        "user": context.user_id,
        "queue": context.queue_id,
        "purpose": context.purpose,
        "media": context.media_type,
    }
    return {key: value for key, value in found.items() if value is not None}


@lru_cache(maxsize=256)
def _vendor_names(attributes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the vendor's names, sorted. Most rows write one of a few sets of attributes."""
    return tuple(sorted(map(vendor_name, attributes)))
