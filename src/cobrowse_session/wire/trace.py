"""The trace, one JSON object per entry (TRACE-1)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import attrs
from attrs import frozen

from cobrowse_session.checks import NO_EXTRA, Extra
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Applied, Ignored, Outcome, Refused
from cobrowse_session.model import CobrowseSession, Details, vendor_name
from cobrowse_session.stream import FieldChange, SessionLog, TraceEntry, field_changes
from cobrowse_session.times import milliseconds, time_text
from cobrowse_session.wire.converter import CONVERTER, structured
from cobrowse_session.wire.strict_json import dump, read_object

TRACE_FORMAT = 1
"""The version of the trace entries."""


ATTRIBUTES = {vendor_name(a.name): a.name for cls in (CobrowseSession, Details) for a in attrs.fields(cls)}
"""The attribute of a session or its details behind each name in `set`."""


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
    changed = {one.field: [field_value(one.before), field_value(one.after)] for one in changes}
    return {**entry, "changed": changed} if changed else entry


def field_value(value: Any) -> Any:  # any field's, and JSON
    """Return the value of a field or a setting as JSON. A duration is whole milliseconds."""
    return milliseconds(value) if isinstance(value, timedelta) else CONVERTER.unstructure(value)


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
    event, outcome, context = entry.event, entry.outcome, entry.context
    sent = event if isinstance(event, Event) else None
    found = {
        "session": event.subject,
        "conversation": context.conversation_id,
        "participant": context.participant_id,
        "user": context.user_id,
        "queue": context.queue_id,
        "purpose": context.purpose,
        "media": context.media_type,
        "event": sent and sent.id,
        "source": sent and sent.source,
        "type": event.type,
        "at": time_text(event.occurred_at),
        "received": sent and time_text(sent.received),
        "outcome": outcome.kind,
        "row": outcome.row,
        "rule": outcome.rule if isinstance(outcome, Ignored | Refused) else None,
        "from": _plain(outcome.from_state),
        "to": _plain(outcome.to_state) if isinstance(outcome, Applied) else None,
        "acw": _plain(outcome.acw),
        "set": _written(outcome),
        "notes": list(outcome.notes),
    }
    return {key: value for key, value in found.items() if value not in (None, [])}


def _plain(word: str | None) -> str | None:
    """Return a known word as plain text: readers of saved data take no enum."""
    return None if word is None else str(word)


def _written(outcome: Outcome) -> list[str]:
    return sorted(map(vendor_name, outcome.set)) if isinstance(outcome, Applied) else []
