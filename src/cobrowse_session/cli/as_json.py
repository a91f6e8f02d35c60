"""The JSON that commands print with `--json`, one object per line. `Any` is JSON everywhere here."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cobrowse_session.errors import Problem
from cobrowse_session.times import milliseconds, time_text
from cobrowse_session.wire.converter import plain
from cobrowse_session.wire.trace import trace_entry

if TYPE_CHECKING:  # each command needs one or two of them
    from cobrowse_session.io.clocks import Clock
    from cobrowse_session.io.diff import Difference
    from cobrowse_session.sources.reconcile import Compared
    from cobrowse_session.store import Finding
    from cobrowse_session.stream import Activity, Explanation, HistoryEntry


def problem_json(line: int | None, problem: Problem) -> dict[str, Any]:
    """Return one problem of a line that cannot be read."""
    return {
        "line": line,
        "error": problem.error,
        "path": problem.path,
        "found": problem.found,
        "expected": problem.expected,
    }


def history_json(entry: "HistoryEntry") -> dict[str, Any]:
    """Return an entry of a history: that of the trace, with its sentences."""
    return {**trace_entry(entry.entry), "sentences": list(entry.lines)}


def field_json(session: str, field: str, value: Any) -> dict[str, Any]:
    """Return a field and its value. None: it is unset."""
    return {"session": session, "field": field, "value": value}


def explanation_json(session: str, explanation: "Explanation") -> dict[str, Any]:
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


def activity_json(activity: "Activity", at: datetime) -> dict[str, Any]:
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


def compared_json(conversation: str, compared: "Compared") -> dict[str, Any]:
    """Return one field of one session beside the platform's."""
    return {
        "conversation": conversation or None,
        "session": compared.session,
        "field": compared.field,
        "result": compared.result,
        "ours": plain(compared.ours),
        "theirs": plain(compared.theirs),
        "clock": compared.clock,
        "tolerance": compared.tolerance and compared.tolerance.reason,
    }


def difference_json(difference: "Difference") -> dict[str, Any]:
    """Return one entry that two traces do not share."""
    return {
        "session": difference.session,
        "entry": difference.entry,
        "fields": list(difference.fields),
        "before": difference.before,
        "after": difference.after,
    }


def clock_json(observed: "Clock") -> dict[str, Any]:
    """Return one provider's clock."""
    clock = observed.clock
    return {
        "source": observed.source,
        "pairs": clock.pairs,
        "windows": clock.windows,
        "healthyWindows": clock.healthy,
        "differenceMs": _ms(clock.base),
        "wouldAddMs": _ms(clock.offset),
        "driftPpm": None if clock.drift is None else clock.drift * 1e6,
        "jumps": clock.jumps,
        "impossible": observed.impossible,
        "worstMs": _ms(observed.worst),
        "report": clock.report and str(clock.report),
    }


def finding_json(finding: "Finding") -> dict[str, Any]:
    """Return what is wrong with a stored session."""
    return {"session": finding.session, "found": finding.found}


def _ms(duration: timedelta | None) -> int | None:
    return None if duration is None else milliseconds(duration)
