"""The trace, one JSON object a row; and the log itself, saved as plain data (specification, section 7)."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import frozen

from cobrowse_session.errors import DecodeError, FormatVersionError
from cobrowse_session.events import Event, as_json
from cobrowse_session.lifecycle import Applied, Ignored, Lifecycle, Outcome, Refused
from cobrowse_session.model import NOTHING, Extra, Settings, milliseconds, time_text, vendor_name
from cobrowse_session.stream import SessionLog, Step
from cobrowse_session.wire.cloudevents import read_event
from cobrowse_session.wire.text import dump, read_object
from cobrowse_session.wire.values import CONVERTER, problems

TRACE_FORMAT = 1
"""The version of the trace rows."""
LOG_FORMAT = 1
"""The version of a saved log."""


def trace_rows(steps: Iterable[Step]) -> Iterator[dict[str, Any]]:
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
    try:
        CONVERTER.structure(document, _Row)
    except Exception as error:  # noqa: BLE001 (`problems` raises again what it does not know)
        raise DecodeError(tuple(problems(error, "$"))) from None
    return document


@frozen(kw_only=True)
class _Row:
    """What every reader of a trace row may count on."""

    session: str
    type: str
    event: str | None = None
    source: str | None = None
    set: tuple[str, ...] = ()
    extra: Extra = NOTHING


def _row(step: Step) -> dict[str, Any]:
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
        "from": outcome.from_state,
        "to": outcome.to_state if isinstance(outcome, Applied) else None,
        "acw": outcome.acw,
        "set": _written(outcome),
        "notes": list(outcome.notes),
    }
    return {key: value for key, value in row.items() if value not in (None, [])}


def _written(outcome: Outcome) -> list[str]:
    return sorted(map(vendor_name, outcome.set)) if isinstance(outcome, Applied) else []


# --- Saved logs ---------------------------------------------------------------------------------------------------------------


def save_log(log: SessionLog) -> dict[str, Any]:
    """A log as plain data, fit for JSON: its events, its settings, its clocks and what it counted. `Any`: JSON.

    Session and trace are not saved: they follow from the events.
    """
    return {
        "format": LOG_FORMAT,
        "session": log.session_id,
        "lifecycle": _save_lifecycle(log.lifecycle),
        "advanced": log.advanced and time_text(log.advanced),
        "sealed": log.sealed,
        "repeats": log.repeats,
        "late": log.late,
        "conflicts": [[source, event] for _, source, event in sorted(log.conflicting)],
        "offsets": {source: milliseconds(offset) for source, offset in log.offsets.items()},
        "events": [as_json(event) for event in log.events],
    }


def restore_log(data: Mapping[str, Any]) -> SessionLog:
    """A log from what `save_log` wrote: it shows the same, and goes on the same. `Any`: JSON.

    Raises:
        FormatVersionError: a newer version of this package wrote it.
        DecodeError: an event in it cannot be read.
    """
    if data["format"] != LOG_FORMAT:
        raise FormatVersionError("a saved log", data["format"], LOG_FORMAT)
    log = SessionLog(_restore_lifecycle(data["lifecycle"]), data["session"])
    for event in data["events"]:
        log.add(read_event(event, ahead=timedelta.max))
    if data["advanced"]:
        log.advance(datetime.fromisoformat(data["advanced"]))
    log.offsets = {source: timedelta(milliseconds=offset) for source, offset in data["offsets"].items()}
    log.restore_counts(
        repeats=data["repeats"],
        late=data["late"],
        sealed=data["sealed"],
        conflicting=((log.session_id, source, event) for source, event in data["conflicts"]),
    )
    return log


def _save_lifecycle(lifecycle: Lifecycle) -> dict[str, Any]:
    settings = lifecycle.settings
    return {
        "wrapupPrompt": settings.wrapup_prompt,
        "wrapupTimeoutMs": _saved(settings.wrapup_timeout),
        "alertingTimeoutMs": _saved(settings.alerting_timeout),
        "acwWhenUnanswered": lifecycle.acw_when_unanswered,
        "acwAfterTransfer": lifecycle.acw_after_transfer,
        "alertingGraceMs": _saved(lifecycle.alerting_grace),
    }


def _restore_lifecycle(data: Mapping[str, Any]) -> Lifecycle:
    return Lifecycle(
        settings=Settings(
            wrapup_prompt=data["wrapupPrompt"],
            wrapup_timeout=_restored(data["wrapupTimeoutMs"]),
            alerting_timeout=_restored(data["alertingTimeoutMs"]),
        ),
        acw_when_unanswered=data["acwWhenUnanswered"],
        acw_after_transfer=data["acwAfterTransfer"],
        alerting_grace=_restored(data["alertingGraceMs"]),
    )


def _saved(duration: timedelta | None) -> int | None:
    return None if duration is None else milliseconds(duration)


def _restored(number: int | None) -> timedelta | None:
    return None if number is None else timedelta(milliseconds=number)
