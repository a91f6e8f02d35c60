"""Checks of a table's own parts: kinds of event, guards and actions, the session's class, deadlines."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from inspect import isclass
from types import FunctionType

import attrs

from cobrowse_session.checks import shown
from cobrowse_session.events import KINDS, TYPE_PREFIX, Event, Timer, UnknownEvent
from cobrowse_session.lifecycle.check import Part
from cobrowse_session.lifecycle.deadline import Deadline
from cobrowse_session.lifecycle.row import is_marked, written_by
from cobrowse_session.model import CobrowseSession


def class_problems(events: Iterable[type[Event]], session: type[CobrowseSession], deadlines: Iterable[Deadline]) -> Iterator[str]:
    """Yield one line for each problem of the classes of a table."""
    yield from _event_problems(events)
    yield from _session_problems(session)
    for deadline in deadlines:
        if not (isclass(deadline.timer) and issubclass(deadline.timer, Timer)):
            yield f"deadline: timer: expected a subclass of Timer, found {shown(deadline.timer)}"
        elif not _is_a_value(deadline.due):
            yield f"deadline of {deadline.timer.__name__}: due: {_EXPECTED}"


def likeness_problems(
    what: str, like: Mapping[str, str], known: AbstractSet[str], own: AbstractSet[str] | None = None
) -> Iterator[str]:
    """Yield one line for each problem of a likeness.

    Args:
        what: kinds of event, or states.
        like: each own word, and the word that it is like.
        known: all words that there are.
        own: the words that may be like another. None: those that are in `like`.
    """
    for word, other in like.items():
        if other not in known or other == word:
            yield f"{what} {word!r} is like {other!r}: expected one of {', '.join(sorted(known - {word}))}"
        if own is not None and word not in own:
            yield f"{what} {word!r} is like {other!r}: add its class to `kinds`"


def part_problems(session: type[CobrowseSession], parts: Iterable[Part]) -> Iterator[str]:
    """Yield one line for each problem of the states, guards and actions of a table."""
    for part in parts:
        yield from _function_problems(part, session)


_EXPECTED = "expected a function of a module or an object of a frozen attrs class, so that the table can be compared and pickled"


# --- Kinds of event -----------------------------------------------------------------------------------------------------------


def _event_problems(events: Iterable[type[Event]]) -> Iterator[str]:
    ranks: dict[object, type[Event]] = {}
    kinds: dict[object, type[Event]] = {}
    for event in events:
        if not (isclass(event) and issubclass(event, Event)):
            yield f"kinds: expected subclasses of Event, each one @frozen(kw_only=True), found {shown(event)}"
            continue
        if KINDS.get(event.kind) is not event:
            yield from (f"{event.__name__}: {problem}" for problem in _own_event_problems(event))
        for what, known in (("kind", kinds), ("rank", ranks)):
            value = getattr(event, what, None)
            if known.setdefault(value, event) is not event:
                yield f"{event.__name__}: {what} {value!r} is that of {known[value].__name__}: choose another one"


def _own_event_problems(event: type[Event]) -> Iterator[str]:
    if "__attrs_attrs__" not in vars(event):
        yield "expected an attrs class: @frozen(kw_only=True, repr=False)"
    if "kind" not in vars(event):
        yield "expected a kind of its own: kind = 'held'"
    rank = vars(event).get("rank")
    if not (isinstance(rank, int) and 0 < rank < UnknownEvent.rank):
        yield f"expected a rank of its own, from 1 to {UnknownEvent.rank - 1}: its place among events of one instant"
    if not event.prefix or event.prefix.startswith(TYPE_PREFIX):
        yield f"expected a prefix of its own for its type, as prefix = 'com.acme.': the standard kinds have {TYPE_PREFIX!r}"


def _session_problems(session: type[CobrowseSession]) -> Iterator[str]:
    if not (isclass(session) and issubclass(session, CobrowseSession)):
        yield f"session: expected a subclass of CobrowseSession, found {shown(session)}"
        return
    if session is CobrowseSession:
        return
    name = session.__name__
    if "__attrs_attrs__" not in vars(session):
        yield f"{name}: expected an attrs class: @define(kw_only=True, on_setattr=attrs.setters.NO_OP, repr=False)"
    standard = attrs.fields_dict(CobrowseSession)
    for attribute in attrs.fields(session):
        if attribute.name not in standard and attribute.default is attrs.NOTHING:
            yield f"{name}: {attribute.name}: expected a default, because a session begins without its first event"
    if session.__setattr__ is not CobrowseSession.__setattr__:
        yield f"{name}: each write would run hooks: @define(kw_only=True, on_setattr=attrs.setters.NO_OP)"


# --- Guards and actions -------------------------------------------------------------------------------------------------------


def _function_problems(part: Part, session: type[CobrowseSession]) -> Iterator[str]:
    attributes = attrs.fields_dict(session)
    for row in part.rows:
        for kind, functions in (("guard", row.guards), ("action", row.actions)):
            for function in functions:
                where = f"row {row.name!r}: {kind} {getattr(function, '__name__', type(function).__name__)}"
                if not _is_a_value(function):
                    yield f"{where}: {_EXPECTED}"
                elif not is_marked(function):
                    yield f"{where}: expected a mark: {'@reads_session or @reads_event' if kind == 'guard' else '@writes(...)'}"
        for name in dict.fromkeys(name for action in row.actions for name in written_by(action)):
            if name not in attributes:
                yield f"row {row.name!r}: an action writes {name!r}, which is no field of {session.__name__}: add it there"


def _is_a_value(function: object) -> bool:
    """Return whether a function or an object can be compared with, and found again from, its name."""
    if not isinstance(function, FunctionType):
        return attrs.has(type(function)) and type(function).__hash__ is not None and callable(function)
    first, *inside = function.__qualname__.split(".")
    found: object = function.__globals__.get(first)
    for name in inside:
        found = getattr(found, name, None)
    return found is function
