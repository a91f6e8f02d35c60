"""The summary of a replay."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from attrs import define, field

from cobrowse_session.cli.screen import breakdown, inform, plural
from cobrowse_session.io.replay import FarAhead, Rejected, ReplayStats
from cobrowse_session.lifecycle import Refused
from cobrowse_session.model import Context
from cobrowse_session.times import time_text

SHOWN = 10
"""Sessions that a summary names."""
_COLOURS = {Refused.kind: "red", "rejected": "red", "conflicts": "yellow", "late": "yellow"}
"""The colours of counts that someone should look at, where they are not zero."""


@define
class Summary:
    """The summary of a replay.

    Attributes:
        stats: what became of the events.
        rejected: how many lines were rejected, by error.
        queues: the queues of the sessions, where known.
        users: the users of the sessions, where known.
    """

    stats: ReplayStats
    rejected: Counter[str] = field(factory=Counter)
    queues: set[str] = field(factory=set)
    users: set[str] = field(factory=set)

    def reject(self, line: Rejected) -> None:
        """Count a rejected line."""
        self.rejected[line.error.error] += 1

    def take(self, context: Context) -> None:
        """Count the context of a session."""
        self.queues.update(filter(None, [context.queue_id]))
        self.users.update(filter(None, [context.user_id]))

    @property
    def events(self) -> int:
        """The number of events that were read, with their copies."""
        return self.stats.outcomes.total() + self.stats.repeats + self.stats.late

    def inform(self) -> None:
        """Print the summary for a person."""
        stats = self.stats
        inform(f"{plural(self.events, 'event')}, {plural(stats.sessions, 'session')}{self._context()}")
        for kind, count in stats.outcomes.most_common():
            _line(kind, count, stats.refusals if kind == Refused.kind else {})
        _line("timers", stats.timers.total(), stats.timers)
        _line("repeats", stats.repeats)
        _line("conflicts", stats.conflicts)
        _line("corrected", stats.corrected)
        _line("rejected", self.rejected.total(), self.rejected)
        _line("out of order", stats.out_of_order)
        _line("late", stats.late)
        _line("refused, later applied", len(stats.accepted_later))
        revised = list(stats.revised_sessions)
        more = f" and {len(revised) - SHOWN:,} more" if len(revised) > SHOWN else ""
        inform(f"  {'revised sessions':<24}{len(revised):>8,}   {', '.join(revised[:SHOWN])}{more}".rstrip())
        if stats.far_ahead:
            _far_ahead(stats.far_ahead)
        for source, report in stats.clocks.items():
            inform(f"The clock of {source} is {report}. Nothing was corrected; see the command clocks.", "yellow")

    def as_json(self) -> dict[str, Any]:
        """Return the summary as a JSON object. `Any`: JSON."""
        stats = self.stats
        return {
            "events": self.events,
            "sessions": stats.sessions,
            "conversations": len(stats.conversations),
            "queues": len(self.queues),
            "users": len(self.users),
            "outcomes": dict(stats.outcomes),
            "refusals": dict(stats.refusals),
            "timers": dict(stats.timers),
            "repeats": stats.repeats,
            "conflicts": stats.conflicts,
            "corrected": stats.corrected,
            "rejected": dict(self.rejected),
            "outOfOrder": stats.out_of_order,
            "late": stats.late,
            "laterApplied": len(stats.accepted_later),
            "revisedSessions": list(stats.revised_sessions),
            "farAhead": stats.far_ahead and time_text(stats.far_ahead.event.occurred_at),
            "clocks": {source: str(report) for source, report in stats.clocks.items()},
        }

    def _context(self) -> str:
        parts = {"conversation": self.stats.conversations, "queue": self.queues, "user": self.users}
        known = [plural(len(ids), what) for what, ids in parts.items() if ids]
        return f" of {', '.join(known)}" if known else ""


def _far_ahead(far: FarAhead) -> None:
    event, at = far.event, time_text(far.event.occurred_at)
    inform(f"The latest time, {at}, is far after all others, which end at {time_text(far.others)}.", "yellow")
    inform(f"It is that of event {event.id} of session {event.subject}. If it is wrong, remove the event.", "yellow")
    inform(f"All sessions are advanced to it; {plural(far.timers, 'timer')} fired on the way.", "yellow")


def _line(what: str, count: int, parts: Mapping[str, int] | None = None) -> None:
    inform(f"  {what:<24}{count:>8,}{breakdown(parts or {})}", _COLOURS.get(what) if count else None)
