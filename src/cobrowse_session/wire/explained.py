"""The JSON of what is said about a session: its history, why a field holds its value, and what goes on in it. `Any` is JSON."""

from datetime import datetime, timedelta
from typing import Any

from cobrowse_session.stream import Activity, Explanation, HistoryEntry
from cobrowse_session.times import milliseconds, time_text
from cobrowse_session.wire.converter import plain
from cobrowse_session.wire.trace import trace_entry


def history_json(entry: HistoryEntry) -> dict[str, Any]:
    """Return an entry of a history: that of the trace, with its sentences."""
    return {**trace_entry(entry.entry), "sentences": list(entry.lines)}


def field_json(session: str, field: str, value: Any) -> dict[str, Any]:
    """Return a field and its value. None: it is unset."""
    return {"session": session, "field": field, "value": value}


def explanation_json(session: str, explanation: Explanation) -> dict[str, Any]:
    """Return why a field holds its value."""
    return {
        **field_json(session, explanation.field, plain(explanation.value)),
        "entry": explanation.entry and trace_entry(explanation.entry),
        "rows": list(explanation.rows),
        "cites": list(explanation.cites),
        "rules": list(explanation.rules),
        "clock": explanation.clock,
        "unset": list(explanation.unset),
        "earlier": list(explanation.earlier),
        "alternatives": list(explanation.alternatives),
    }


def activity_json(activity: Activity, at: datetime) -> dict[str, Any]:
    """Return what goes on in a session at a time."""
    context, deadline = activity.context, activity.deadline
    return {
        "at": time_text(at),
        "queue": context.queue_id,
        "user": context.user_id,
        "state": activity.state,
        "since": time_text(activity.since),
        "forMs": milliseconds(activity.lasted(at)),
        "deadline": deadline and time_text(deadline),
        "leftMs": _ms(None if deadline is None else deadline - at),
        "session": activity.session,
        "conversation": context.conversation_id,
        "participant": context.participant_id,
        "purpose": context.purpose,
        "media": context.media_type,
    }


def _ms(duration: timedelta | None) -> int | None:
    return None if duration is None else milliseconds(duration)
