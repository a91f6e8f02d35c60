"""The trace, one JSON object per entry (TRACE-1)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

import attrs
from attrs import frozen

from cobrowse_session.checks import NO_EXTRA, Extra
from cobrowse_session.events import Event, Timer
from cobrowse_session.lifecycle import Applied, Fired, Ignored, Outcome, Refused
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.model import Context, Details, vendor_name
from cobrowse_session.stream import SessionLog, TraceEntry
from cobrowse_session.stream.changes import Changed, changed_values
from cobrowse_session.times import time_text
from cobrowse_session.wire.converter import plain, structured
from cobrowse_session.wire.quick_text import WRITERS
from cobrowse_session.wire.strict_json import dump, encode_text, read_object

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
    return tuple(
        {**trace_entry(entry), "changed": {field: [plain(before), plain(after)] for field, before, after in changed}}
        if changed
        else trace_entry(entry)
        for entry, changed in zip(log.trace, _changes(log), strict=True)
    )


def trace_lines(log: SessionLog) -> Iterator[str]:
    """Yield the trace of a log as JSON, one line for each entry, as `encode_entry` writes `trace_entries`."""
    # Piece by piece, because most pieces are texts that other lines have, too. An object for each line, and then its text, would
    # cost three times as much.
    for entry, changed in zip(log.trace, _changes(log), strict=True):
        line = entry_line(entry)
        fields = ",".join(
            [f'"{field}":[{WRITERS[type(before)](before)},{WRITERS[type(after)](after)}]' for field, before, after in changed]
        )
        yield f'{line[:-1]},"changed":{{{fields}}}}}' if changed else line


def entry_line(entry: TraceEntry) -> str:
    """Return an entry of a trace as JSON, without what it changed, as `encode_entry` writes `trace_entry`."""
    session = encode_text(entry.event.subject)
    return f'{{"session":{session}{_whose_text(entry.context)},{_event_text(entry.event)},{_outcome_text(entry.outcome)}}}'


def _changes(log: SessionLog) -> Sequence[Sequence[Changed]]:
    """Return what each entry changed. A log that was sealed under another table does not know it any more."""
    if log.restored is None or not log.restored.as_saved:
        return changed_values(log)
    if not log.restored.table_changed:
        with suppress(ValueError):  # it has the digest of this table, but its entries were changed
            return changed_values(log)
    return [()] * len(log.trace)


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
    event = entry.event
    row: dict[str, Any] = {"session": event.subject, **_whose(entry.context)}
    if isinstance(event, Event):
        row["event"], row["source"], row["type"] = event.id, event.source, event.type
        row["at"], row["received"] = time_text(event.occurred_at), time_text(event.received)
    else:
        row["type"], row["at"] = event.type, time_text(event.occurred_at)
    return {**row, **_decided(entry.outcome)}


def _decided(outcome: Outcome) -> dict[str, Any]:  # JSON
    """Return an outcome in the keys of the trace."""
    decided: dict[str, Any] = {"outcome": outcome.kind}
    if outcome.row is not None:
        decided["row"] = outcome.row
    if isinstance(outcome, Ignored | Refused):
        decided["rule"] = outcome.rule
    decided["from"] = str(outcome.from_state)  # plain text: readers of saved data take no enum
    if isinstance(outcome, Applied):
        decided["to"] = str(outcome.to_state)
    if outcome.acw is not None:
        decided["acw"] = str(outcome.acw)
    if isinstance(outcome, Applied) and outcome.set:
        decided["set"] = sorted(map(vendor_name, outcome.set))
    if outcome.notes:
        decided["notes"] = [*outcome.notes]
    return decided


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


# --- The text of an entry -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _whose_text(context: Context) -> str:
    return "".join(f",{encode_text(key)}:{encode_text(value)}" for key, value in _whose(context).items())


def _event_text(event: Event | Timer) -> str:
    at = time_text(event.occurred_at)
    if not isinstance(event, Event):
        return f'"type":"{event.type}","at":"{at}"'
    who = f'"event":{encode_text(event.id)},"source":{encode_text(event.source)},"type":{encode_text(event.type)}'
    return f'{who},"at":"{at}","received":"{time_text(event.received)}"'


_MOST_OUTCOMES = 4096
_outcome_texts: dict[int, tuple[Outcome, str]] = {}
"""The texts of outcomes that many entries share, by the identity of the outcome, which is kept beside. A hash takes longer."""


def _outcome_text(outcome: Outcome) -> str:
    kept = _outcome_texts.get(id(outcome))
    if kept is None:
        kept = outcome, dump(_decided(outcome))[1:-1]
        if len(_outcome_texts) < _MOST_OUTCOMES and not isinstance(outcome, Fired):  # no other has its time
            _outcome_texts[id(outcome)] = kept
    return kept[1]
