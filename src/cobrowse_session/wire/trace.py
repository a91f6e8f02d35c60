"""The trace: one JSON object a row, saying what became of an event or a timer (specification, section 7)."""

from collections.abc import Iterable, Iterator
from typing import Any

from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Applied, Ignored, Outcome, Refused
from cobrowse_session.model import time_text, vendor_name
from cobrowse_session.stream import Step
from cobrowse_session.wire.text import dump

TRACE_FORMAT = 1
"""The version of the trace rows."""


def trace_rows(steps: Iterable[Step]) -> Iterator[dict[str, Any]]:
    """The trace of one session as JSON objects. `Any`: JSON.

    A row that names no conversation of its own, a timer's among them, shows the last one named before it.
    """
    conversation = None
    for step in steps:
        if isinstance(step.event, Event):
            conversation = step.event.conversation_id or conversation
        yield _row(step, conversation)


def encode_row(row: dict[str, Any]) -> str:
    """Write a trace row on one line."""
    return dump(row)


def _row(step: Step, conversation: str | None) -> dict[str, Any]:
    event, outcome = step.event, step.outcome
    sent = event if isinstance(event, Event) else None
    row = {
        "session": event.subject,
        "conversation": conversation,
        "event": sent and sent.id,
        "source": sent and sent.source,
        "type": event.type,
        "at": time_text(event.occurred_at),
        "received": sent and time_text(sent.received),
        "outcome": outcome.kind,
        "row": outcome.row,
        "rule": outcome.rule if isinstance(outcome, Ignored | Refused) else None,
        "from": outcome.from_state,
        "to": outcome.to_state if isinstance(outcome, Applied) else None,
        "acw": outcome.acw,
        "set": _written(outcome),
        "notes": list(outcome.notes),
    }
    return {key: value for key, value in row.items() if value not in (None, [])}


def _written(outcome: Outcome) -> list[str]:
    return sorted(map(vendor_name, outcome.set)) if isinstance(outcome, Applied) else []
