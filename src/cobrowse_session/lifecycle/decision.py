"""A decision: the row that decided about an event, and the outcome that follows. Where the leg ended, there are two rows."""

from functools import lru_cache
from typing import TypedDict

from cobrowse_session.events import Timer
from cobrowse_session.lifecycle.machine import RowTransition
from cobrowse_session.lifecycle.outcome import Applied, Duplicate, Fired, Ignored, Outcome, Refused
from cobrowse_session.lifecycle.row import RowOutcome
from cobrowse_session.model import Communication
from cobrowse_session.vocabulary import AfterCallWorkState, ConnectionState

Decision = tuple[RowTransition, ...]


class _Common(TypedDict):
    row: str
    reason: str
    cites: tuple[str, ...]
    from_state: ConnectionState | str
    acw: AfterCallWorkState | str | None


@lru_cache(maxsize=4096)
def outcome_of(
    decision: Decision,
    before: ConnectionState | str,
    after: ConnectionState | str,
    acw: AfterCallWorkState | str | None,
    details: tuple[str, ...],
) -> Outcome:
    """Return the outcome of an event. Equal outcomes are shared, because each costs more than the look-up.

    Args:
        decision: the row that decided, and the row of after-call work if the leg ended.
        before: the connection state before the event.
        after: the connection state afterwards.
        acw: the state of after-call work afterwards.
        details: the names of the details that the event has.
    """
    common = _common(decision, before, acw)
    match decision[0].row.outcome:
        case RowOutcome("ignored", str(rule)):
            return Ignored(rule=rule, **common)
        case RowOutcome("refused", str(rule)):
            return Refused(rule=rule, **common)
        case RowOutcome("duplicate"):
            return Duplicate(**common)
        case _:
            return Applied(to_state=after, set=_set(decision, details), **common)


def fired(decision: Decision, before: ConnectionState | str, session: Communication, timer: Timer) -> Fired:
    """Return the outcome of a timer."""
    common = _common(decision, before, acw_state(session))
    return Fired(timer=timer.kind, at=timer.occurred_at, to_state=session.state, set=_set(decision, ()), **common)


def acw_state(session: Communication) -> AfterCallWorkState | str | None:
    """Return the state of a session's after-call work. None: there is none."""
    return session.after_call_work.state if session.after_call_work else None


def _common(decision: Decision, before: ConnectionState | str, acw: AfterCallWorkState | str | None) -> _Common:
    rows = [transition.row for transition in decision]
    return _Common(
        row="+".join(row.name for row in rows),  # `ended+begins`
        reason=" ".join(row.reason for row in rows),
        cites=tuple(rule for row in rows for rule in row.cites),
        from_state=before,
        acw=acw,
    )


def _set(decision: Decision, details: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({name for transition in decision for name in transition.set}.union(details)))
