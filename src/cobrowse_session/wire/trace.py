"""The trace, one JSON object per row (TRACE-1)."""

from collections.abc import Iterable, Iterator
from typing import Any

import attrs
from attrs import frozen

from cobrowse_session.checks import NO_EXTRA, Extra
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Applied, Ignored, Outcome, Refused
from cobrowse_session.model import CobrowseSession, Details, vendor_name
from cobrowse_session.stream import TraceEntry
from cobrowse_session.times import time_text
from cobrowse_session.wire.converter import structured
from cobrowse_session.wire.strict_json import dump, read_object

TRACE_FORMAT = 1
"""The version of the trace rows."""


ATTRIBUTES = {vendor_name(a.name): a.name for cls in (CobrowseSession, Details) for a in attrs.fields(cls)}
"""The attribute of a session or its details behind each name in `set`."""


def trace_rows(steps: Iterable[TraceEntry]) -> Iterator[dict[str, Any]]:
    """The trace of one session as JSON objects. `Any`: JSON."""
    return map(_row, steps)


def encode_row(row: dict[str, Any]) -> str:
    """Write a trace row on one line."""
    return dump(row)


def decode_row(raw: str | bytes) -> dict[str, Any]:
    """Read a trace row. `Any`: JSON.

    Raises:
        DecodeError: it is no trace row.
    """
    document = read_object(raw)
    structured(document, _Row)
    return document


@frozen(kw_only=True)
class _Row:
    """The fields of a trace row that every reader needs."""

    session: str
    type: str
    event: str | None = None
    source: str | None = None
    set: tuple[str, ...] = ()
    extra: Extra = NO_EXTRA


def _row(step: TraceEntry) -> dict[str, Any]:
    event, outcome = step.event, step.outcome
    sent = event if isinstance(event, Event) else None
    row = {
        "session": event.subject,
        "conversation": step.conversation,
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
    return {key: value for key, value in row.items() if value not in (None, [])}


def _plain(word: str | None) -> str | None:
    """Return a known word as plain text: readers of saved data take no enum."""
    return None if word is None else str(word)


def _written(outcome: Outcome) -> list[str]:
    return sorted(map(vendor_name, outcome.set)) if isinstance(outcome, Applied) else []
