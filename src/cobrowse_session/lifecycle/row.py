"""The parts of a row: kinds of event, source states, guards, result, actions, reason."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from attrs import frozen

from cobrowse_session.lifecycle.policy import Policy
from cobrowse_session.model import Communication
from cobrowse_session.vocabulary import ENDED_STATES, ConnectionState

# Guards and actions take (session, event, policy). `Any`: the row names the kinds of event.
Guard = Callable[[Communication, Any, Policy], bool]
Action = Callable[[Communication, Any, Policy], None]
G = TypeVar("G", bound=Guard)
A = TypeVar("A", bound=Action)

CLOUD = "the cloud clock"
PROVIDER = "the corrected provider clock"


def reads_session(guard: G) -> G:
    """Mark a guard that reads the session and the policy only. `Lifecycle.allowed` calls it before there is an event."""
    guard.__dict__["reads_event"] = False
    return guard


def reads_event(guard: G) -> G:
    """Mark a guard that reads the event."""
    guard.__dict__["reads_event"] = True
    return guard


def needs_event(guard: Guard) -> bool:
    """Return whether a guard reads the event."""
    return bool(getattr(guard, "reads_event", True))


def writes(*attributes: str, clock: str | None = None) -> Callable[[A], A]:
    """Mark an action with the attributes of the session that it may write, and with the clock of the times among them."""

    def mark(action: A) -> A:
        action.__dict__.update(writes=attributes, clock=clock)
        return action

    return mark


def written_by(action: Action) -> tuple[str, ...]:
    """Return the attributes of the session that an action may write."""
    return tuple(getattr(action, "writes", ()))


def clock_of(action: Action) -> str | None:
    """Return the clock of the times that an action writes. None: it writes no time."""
    return getattr(action, "clock", None)


@frozen(cache_hash=True)
class RowOutcome:
    """The result of a row that enters no state: the kind of outcome, and the rule of a refused or ignored event."""

    kind: Literal["applied", "duplicate", "ignored", "refused"]
    rule: str | None = None


NO_TRANSITION = RowOutcome("applied")
DUPLICATE = RowOutcome("duplicate")


def ignored(rule: str) -> RowOutcome:
    """Return the result of an event that has no meaning here (OUTCOME-5)."""
    return RowOutcome("ignored", rule)


def refused(rule: str) -> RowOutcome:
    """Return the result of an event that breaks a rule (OUTCOME-6)."""
    return RowOutcome("refused", rule)


EVENT_STATE = "the state that the event names"
SAME_STATE = "the state that the event names, or one that includes it"


@frozen
class OtherStates:
    """Some states, without the one that the event names."""

    states: tuple[str, ...]


def other_states(*states: str) -> OtherStates:
    """Return these states, without the one that the event names."""
    return OtherStates(states)


@frozen(kw_only=True)
class Row:
    """One row of the table.

    Attributes:
        name: stable. Outcomes and traces have it.
        on: the kinds of event.
        source: the source states. `SAME_STATE`: the state that the event names. `terminated` includes `disconnected`.
        guards: all must hold. None: the default row, which is the last one of its kind and state.
        result: the state that is entered (`EVENT_STATE`: the one that the event names), or an outcome without a transition.
        actions: what is written, in order.
        reason: one sentence for the outcome.
        cites: the rules of the specification that the row implements.
    """

    name: str
    on: tuple[str, ...]
    source: tuple[str, ...] | OtherStates | str
    guards: tuple[Guard, ...] = ()
    result: str | RowOutcome
    actions: tuple[Action, ...] = ()
    reason: str
    cites: tuple[str, ...]

    def sources(self, event_state: str | None) -> tuple[str, ...]:
        """Return the source states for an event that names the state `event_state`."""
        match self.source:
            case OtherStates(states):
                return tuple(state for state in states if state != event_state)
            case str():
                return tuple(map(str, ENDED_STATES)) if event_state == ConnectionState.DISCONNECTED else (event_state or "",)
            case states:
                return states

    def target(self, event_state: str | None) -> str | None:
        """Return the state that is entered. None: the state stays."""
        match self.result:
            case RowOutcome():
                return None
            case state:
                return event_state if state == EVENT_STATE else state

    @property
    def outcome(self) -> RowOutcome | None:
        """The outcome of a row that enters no state. None: the row enters one."""
        return self.result if isinstance(self.result, RowOutcome) else None

    @property
    def is_applied(self) -> bool:
        """True if the row changes the session."""
        return self.outcome in (None, NO_TRANSITION)
