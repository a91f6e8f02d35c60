"""The story of a session: one line for each step, refusals with their reason."""

from collections.abc import Iterable
from typing import Protocol

from cobrowse_session.events import Event, Timer
from cobrowse_session.lifecycle import Applied, Duplicate, Outcome
from cobrowse_session.printable import printable


class Decided(Protocol):
    """A step of a run, or an entry of a trace."""

    @property
    def event(self) -> Event | Timer:
        """The event, or the timer."""
        ...

    @property
    def outcome(self) -> Outcome:
        """Its outcome."""
        ...


def story(steps: Iterable[Decided]) -> str:
    """Return one line for each step, safe to print."""
    return "\n".join(printable(_line(step.event, step.outcome)) for step in steps)


def _line(event: Event | Timer, outcome: Outcome) -> str:
    what = f"{event.occurred_at:%H:%M:%S.%f}"[:-3] + f"  {event.kind:<14} {getattr(event, 'id', '⏰'):<5}"
    if isinstance(outcome, Applied):
        moved = f"{outcome.from_state} → {outcome.to_state}" if outcome.from_state != outcome.to_state else outcome.to_state
        return f"{what} ● {outcome.row}: {moved}" + (f", after-call work {outcome.acw}" if outcome.acw else "")
    mark = "○" if isinstance(outcome, Duplicate) else "◆"
    rule = getattr(outcome, "rule", None)
    return f"{what} {mark} {outcome.kind}{f' {rule}' if rule else ''}: {outcome.reason}"
