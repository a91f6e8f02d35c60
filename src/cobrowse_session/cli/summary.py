"""The summary of a replay, for a person."""

from collections import Counter
from collections.abc import Mapping

from cobrowse_session.cli.screen import breakdown, inform, plural
from cobrowse_session.io.replay import FarAhead, ReplayStats
from cobrowse_session.lifecycle import Refused
from cobrowse_session.times import time_text

SHOWN = 10
"""Sessions that a summary names."""


def summary(stats: ReplayStats, rejected: Counter[str]) -> None:
    """Print the summary of a replay."""
    named = len(stats.conversations)
    within = f" of {plural(named, 'conversation')}" if named else ""
    inform(f"{plural(stats.outcomes.total() + stats.repeats + stats.late, 'event')}, {plural(stats.sessions, 'session')}{within}")
    for kind, count in stats.outcomes.most_common():
        _line(kind, count, stats.refusals if kind == Refused.kind else {})
    _line("timers", stats.timers.total(), stats.timers)
    _line("repeats", stats.repeats)
    _line("conflicts", stats.conflicts)
    _line("corrected", stats.corrected)
    _line("rejected", rejected.total(), rejected)
    _line("out of order", stats.out_of_order)
    _line("late", stats.late)
    _line("refused, later accepted", len(stats.accepted_later))
    revised = list(stats.revised_sessions)
    inform(f"  {'revised sessions':<24}{len(revised):>8}" + (f"   {', '.join(revised[:SHOWN])}" if revised else ""))
    if stats.far_ahead:
        _far_ahead(stats.far_ahead)
    for source, report in stats.clocks.items():
        inform(f"The clock of {source} is {report}. Nothing was corrected; see the command clocks.")


def _far_ahead(far: FarAhead) -> None:
    event, at = far.event, time_text(far.event.occurred_at)
    inform(f"The latest time, {at}, is far after all others, which end at {time_text(far.others)}.")
    inform(f"It is that of event {event.id} of session {event.subject}. If it is wrong, remove the event.")
    inform(f"All sessions are advanced to it; {plural(far.timers, 'timer')} fired on the way.")


def _line(what: str, count: int, parts: Mapping[str, int] | None = None) -> None:
    inform(f"  {what:<24}{count:>8}{breakdown(parts or {})}")
