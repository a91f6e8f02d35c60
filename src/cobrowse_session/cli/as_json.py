"""The JSON that commands print with `--json`, one object per line. `Any` is JSON everywhere here."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cobrowse_session.errors import Problem
from cobrowse_session.times import milliseconds
from cobrowse_session.wire.converter import plain

if TYPE_CHECKING:  # each command needs one or two of them
    from cobrowse_session.io.clocks import Clock
    from cobrowse_session.io.diff import Difference
    from cobrowse_session.sources.reconcile import Compared
    from cobrowse_session.store import Finding, Lost, Verified


def problem_json(line: int | None, problem: Problem) -> dict[str, Any]:
    """Return one problem of a line that cannot be read."""
    return {
        "line": line,
        "error": problem.error,
        "path": problem.path,
        "found": problem.found,
        "expected": problem.expected,
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


def lost_json(lost: "Lost") -> dict[str, Any]:
    """Return a row of an event that could not be kept."""
    position = lost.position if isinstance(lost.position, int) else str(lost.position)
    return {"session": lost.session, "position": position, "document": lost.document}


def verified_json(verified: "Verified") -> dict[str, Any]:
    """Return the numbers of what was verified in a store."""
    return {
        "sessions": verified.sessions,
        "events": verified.events,
        "proved": verified.proved,
        "wrong": len(verified.wrong),
        "otherTable": verified.other_table,
        "toUpgrade": verified.to_upgrade,
    }


def _ms(duration: timedelta | None) -> int | None:
    return None if duration is None else milliseconds(duration)
