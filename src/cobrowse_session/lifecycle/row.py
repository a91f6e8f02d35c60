"""The parts of a row: kinds of event, source states, guards, result, actions, reason."""

import re
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import timedelta
from types import FunctionType
from typing import Any, Literal, TypeVar

from attrs import fields, frozen, has

from cobrowse_session.checks import shown
from cobrowse_session.errors import TableError
from cobrowse_session.lifecycle.policy import Policy
from cobrowse_session.lifecycle.states import SAME

# Guards and actions take (session, event, policy). `Any`: the table names the class of the session, the row the kinds of event.
Guard = Callable[[Any, Any, Policy], bool]
Action = Callable[[Any, Any, Policy], None]
# What is marked is a guard or an action, or a class of them.
G = TypeVar("G", bound=Callable[..., object])
A = TypeVar("A", bound=Callable[..., object])

CLOUD = "the cloud clock"
PROVIDER = "the corrected provider clock"


# A guard or an action is a function of a module. Or it is an instance of a frozen attrs class with `__call__`, where it has
# parameters: its class is marked then. So a table is a value: it can be compared, and pickled by name.


def reads_session(guard: G) -> G:
    """Mark a guard, or its class, that reads the session and the policy only. `Lifecycle.allowed` asks it without an event."""
    setattr(guard, _READS_EVENT, False)
    return guard


def reads_event(guard: G) -> G:
    """Mark a guard, or its class, that reads the event."""
    setattr(guard, _READS_EVENT, True)
    return guard


def needs_event(guard: Guard) -> bool:
    """Return whether a guard reads the event."""
    return bool(getattr(guard, _READS_EVENT, True))


def writes(*attributes: str, clock: str | None = None) -> Callable[[A], A]:
    """Mark an action, or its class, with the attributes that it may write, and with the clock of the times among them.

    Raises:
        TypeError: an attribute is no name.
    """
    for name in attributes:
        if not isinstance(name, str):  # `@writes` without parentheses, for example
            raise TypeError(f"writes: expected names of fields, as @writes('held'), found {shown(name)}")

    def mark(action: A) -> A:
        setattr(action, _WRITES, attributes)
        setattr(action, _CLOCK, clock)
        return action

    return mark


def is_marked(part: Guard | Action) -> bool:
    """Return whether a guard or an action says what it reads or writes."""
    return hasattr(part, _READS_EVENT) or hasattr(part, _WRITES)


_READS_EVENT, _WRITES, _CLOCK = "reads_event", "writes", "clock"


def written_by(action: Action) -> tuple[str, ...]:
    """Return the attributes of the session that an action may write."""
    return tuple(getattr(action, _WRITES, ()))


def clock_of(action: Action) -> str | None:
    """Return the clock of the times that an action writes. None: it writes no time."""
    return getattr(action, _CLOCK, None)


def name_of(part: Callable[..., object]) -> str:
    """Return the name of a guard, an action or a deadline: of its function, or of its class with the values of its parameters.

    >>> from cobrowse_session.lifecycle.guards import connected
    >>> name_of(connected)
    'connected'
    """
    if isinstance(part, FunctionType):
        return part.__name__
    cls: type = type(part)
    values = " ".join(_short(getattr(part, attribute.name)) for attribute in fields(cls)) if has(cls) else ""
    return f"{_CAPITAL.sub('_', cls.__name__).lower()} {values}".rstrip()


def meaning_of(part: Callable[..., object]) -> str:
    """Return the docstring on one line. In that of a class, `{seconds}` is the value of the parameter `seconds`."""
    text = " ".join((part.__doc__ or "").split())
    cls: type = type(part)
    if not has(cls):
        return text
    return text.format_map({attribute.name: _short(getattr(part, attribute.name)) for attribute in fields(cls)})


def _short(value: object) -> str:
    if isinstance(value, AbstractSet):  # its order differs between two runs
        return ", ".join(sorted(map(_short, value)))
    return f"{value / timedelta(seconds=1):.15g} s" if isinstance(value, timedelta) else str(value)


_CAPITAL = re.compile("(?<!^)(?=[A-Z])")


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


@frozen(cache_hash=True)
class OtherStates:
    """Some states, without the one that the event names."""

    states: tuple[str, ...]


def other_states(*states: str) -> OtherStates:
    """Return these states, without the one that the event names."""
    return OtherStates(states)


@frozen(kw_only=True, cache_hash=True)
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
        cites: the rules of the specification that the row implements. A row of one's own may cite none.

    Raises:
        TableError: a field has another type. It has one line for each.
    """

    name: str
    on: tuple[str, ...]
    source: tuple[str, ...] | OtherStates | str
    guards: tuple[Guard, ...] = ()
    result: str | RowOutcome
    actions: tuple[Action, ...] = ()
    reason: str
    cites: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        if problems := tuple(f"row {shown(self.name)}: {problem}" for problem in _type_problems(self)):
            raise TableError(problems)

    def sources(self, event_state: str | None, same: Mapping[str, tuple[str, ...]] = SAME) -> tuple[str, ...]:
        """Return the source states for an event.

        Args:
            event_state: the state that the event names.
            same: the states that include it, itself among them.
        """
        match self.source:
            case OtherStates(states):
                return tuple(state for state in states if state != event_state)
            case str():
                return same.get(event_state or "", ())
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


# --- The types of its fields --------------------------------------------------------------------------------------------------


def _type_problems(row: Row) -> Iterator[str]:
    for name, value in (("name", row.name), ("reason", row.reason)):
        if not isinstance(value, str):
            yield f"{name}: expected text, found {shown(value)}"
    source = row.source.states if isinstance(row.source, OtherStates) else row.source
    yield from _items_problems("on", row.on, _is_text, ("kinds of event", "the kind of an event, as 'held'"))
    if source != SAME_STATE:
        yield from _items_problems("source", source, _is_text, ("states, or SAME_STATE", "a state"))
    for name, functions in (("guards", row.guards), ("actions", row.actions)):
        yield from _items_problems(name, functions, callable, ("functions", "a function"))
    yield from _items_problems("cites", row.cites, _is_text, ("rules", "the name of a rule"))
    rule = row.result.rule if isinstance(row.result, RowOutcome) and row.result.kind in ("ignored", "refused") else "none"
    if not isinstance(row.result, str | RowOutcome):
        yield f"result: expected a state, NO_TRANSITION, DUPLICATE, refused(...) or ignored(...), found {shown(row.result)}"
    elif not _is_text(rule):
        yield f"result: expected a rule in words, as refused('not_connected'), found {shown(rule)}"


def _items_problems(field: str, value: object, is_one: Callable[[object], bool], expected: tuple[str, str]) -> Iterator[str]:
    """Yield the problems of a field that is a tuple. What is expected is given for all of its items, and for one."""
    # Example: the text "held" in place of ("held",) would be a row for the kinds h, e, l and d.
    if not isinstance(value, tuple):
        yield f"{field}: expected a tuple of {expected[0]}, found {shown(value)}; one alone is (one,)"
        return
    for place, item in enumerate(value):
        if not is_one(item):
            yield f"{field}[{place}]: expected {expected[1]}, found {shown(item)}"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)
