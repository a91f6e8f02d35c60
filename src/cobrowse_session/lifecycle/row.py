"""The grammar of a row: how the table says from where, when and whereto."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal, TypeVar

from attrs import field, frozen

from cobrowse_session.model import Communication
from cobrowse_session.vocabulary import WrapupPrompt

WRAPUP_TIMED_OUT = "ININ-WRAP-UP-TIMEOUT"
"""The code that the platform assigns if the agent chose none in time [D]."""


@frozen(kw_only=True)
class Policy:
    """The rules in force for one session: its settings over the lifecycle's defaults, read as the specification reads them.

    Attributes:
        prompt: `mandatory` also for a limit without a timeout, `optional` also for an unknown prompt. None: no after-call work.
        acw_timeout: how long after-call work may last; None: as long as it takes.
        alerting_timeout_and_grace: how long an alert may last, the grace included; None: the library never ends one.
        acw_when_unanswered: whether a leg that never connected may have after-call work.
        acw_after_transfer: whether a transferred leg may have after-call work.
        timeout_code: the wrap-up code that the timer assigns.
    """

    prompt: WrapupPrompt | None = None
    acw_timeout: timedelta | None = None
    alerting_timeout_and_grace: timedelta | None = None
    acw_when_unanswered: bool = False
    acw_after_transfer: bool = True
    timeout_code: str = WRAPUP_TIMED_OUT


# What a row asks and writes gets (session, event, policy). `Any`: which event it is, the row's own name says.
Guard = Callable[[Communication, Any, Policy], bool]
Action = Callable[[Communication, Any, Policy], None]
G = TypeVar("G", bound=Guard)
S = TypeVar("S", bound=Action)


def reads_session(guard: G) -> G:
    """Mark a guard that can be answered before the event is there."""
    guard.asks = "session"  # type: ignore[attr-defined]  # functions take attributes, their types do not say so
    return guard


def reads_event(guard: G) -> G:
    """Mark a guard whose answer depends on what the event says."""
    guard.asks = "event"  # type: ignore[attr-defined]
    return guard


def reads_the_event(guard: Guard) -> bool:
    """Whether a guard's answer depends on what the event says."""
    return bool(guard.asks == "event")  # type: ignore[attr-defined]


CLOUD = "the cloud clock"
PROVIDER = "the corrected provider clock"


def writes(*attributes: str, clock: str | None = None) -> Callable[[S], S]:
    """Mark a stamp with the attributes of the session that it may write, and the clock of the times among them."""

    def mark(stamp: S) -> S:
        stamp.writes, stamp.clock = attributes, clock  # type: ignore[attr-defined]
        return stamp

    return mark


def written_by(stamp: Action) -> tuple[str, ...]:
    """The attributes of the session that a stamp may write."""
    return stamp.writes  # type: ignore[attr-defined, no-any-return]


def clock_of(stamp: Action) -> str | None:
    """The clock of the times that a stamp writes; None: it writes none."""
    return stamp.clock  # type: ignore[attr-defined, no-any-return]


@frozen(cache_hash=True)
class RowOutcome:
    """What a row gives where it gives no state."""

    kind: Literal["applied", "duplicate", "ignored", "refused"]
    rule: str | None = None


NO_TRANSITION = RowOutcome("applied")
DUPLICATE = RowOutcome("duplicate")


def ignored(rule: str) -> RowOutcome:
    """The event has no meaning here."""
    return RowOutcome("ignored", rule)


def refused(rule: str) -> RowOutcome:
    """The event breaks a rule."""
    return RowOutcome("refused", rule)


EVENT_STATE = "the state that the event names"
SAME_STATE = "the state that the event names, or one that includes it"


@frozen
class OtherStates:
    """States, without the one that the event names."""

    states: tuple[str, ...]


def other_states(*states: str) -> OtherStates:
    """Any of these states but the one that the event names."""
    return OtherStates(states)


@frozen(kw_only=True)
class Row:
    """One row: these events, from these states, when all of these hold, give this, write that, because.

    Attributes:
        name: stable; traces carry it.
        on: the kinds of event.
        source: the machine's states; `SAME_STATE`: where what the event names is so already (`terminated` includes `disconnected`).
        guards: all must hold. None at all: what remains.
        result: a state of the machine (`EVENT_STATE`: the one that the event names), or a verdict.
        actions: what it writes, in order.
        reason: one sentence for a person.
    """

    name: str
    on: tuple[str, ...]
    source: tuple[str, ...] | OtherStates | str
    guards: tuple[Guard, ...] = ()
    result: str | RowOutcome
    actions: tuple[Action, ...] = ()
    reason: str = field()

    def sources(self, named: str | None) -> tuple[str, ...]:
        """The states from which this row holds, for an event that names the state `named`."""
        match self.source:
            case OtherStates(states):
                return tuple(state for state in states if state != named)
            case str():
                return ("disconnected", "terminated") if named == "disconnected" else (named or "",)
            case states:
                return states

    def target(self, named: str | None) -> str | None:
        """The state into which this row leads; None: it stays where it is."""
        match self.result:
            case RowOutcome():
                return None
            case state:
                return named if state == EVENT_STATE else state

    @property
    def is_applied(self) -> bool:
        """Whether this row changes the session."""
        return self.result == NO_TRANSITION or not isinstance(self.result, RowOutcome)
