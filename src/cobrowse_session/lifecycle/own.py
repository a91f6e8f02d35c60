"""Checks of a table's own parts: kinds of event, guards and actions, the session's class, deadlines."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from copy import copy, deepcopy
from dis import get_instructions
from functools import cache
from inspect import isasyncgenfunction, isclass, iscoroutinefunction, isgeneratorfunction, signature
from itertools import pairwise
from types import FunctionType
from typing import Any

import attrs

from cobrowse_session.checks import shown
from cobrowse_session.events import KINDS, TYPE_PREFIX, Entered, Event, Timer, UnknownEvent, Updated
from cobrowse_session.lifecycle.check import Part
from cobrowse_session.lifecycle.deadline import Deadline
from cobrowse_session.lifecycle.own_values import is_own
from cobrowse_session.lifecycle.row import is_marked, meaning_of, name_of, written_by
from cobrowse_session.lifecycle.states import States
from cobrowse_session.lifecycle.table import LEG_ENDED
from cobrowse_session.model import CobrowseSession, vendor_name
from cobrowse_session.times import EPOCH


def name_problems(name: object) -> Iterator[str]:
    """Yield one line if the name of a table is none."""
    if not _is_text(name):
        yield f"name: expected text on one line, found {shown(name)}"


def class_problems(
    events: Iterable[type[Event]],
    session: type[CobrowseSession],
    deadlines: Iterable[Deadline],
    timers: Mapping[str, type[Timer]],
) -> Iterator[str]:
    """Yield one line for each problem of the classes of a table.

    Args:
        events: all of them.
        session: the class of the sessions.
        deadlines: those that are added.
        timers: those that the table has, by kind.
    """
    yield from _event_problems(events)
    yield from _session_problems(session)
    taken = {LEG_ENDED: "the end of the leg"}
    taken |= {event.kind: event.__name__ for event in events if isclass(event) and hasattr(event, "kind")}
    for deadline in deadlines:
        yield from _deadline_problems(deadline, taken, timers)


def _deadline_problems(deadline: Deadline, taken: Mapping[str, str], timers: Mapping[str, type[Timer]]) -> Iterator[str]:
    if not isinstance(deadline, Deadline):
        yield f"deadlines: expected a Deadline, found {shown(deadline)}"
        return
    timer = deadline.timer
    if not (isclass(timer) and issubclass(timer, Timer)):
        yield f"deadline: timer: expected a subclass of Timer, found {shown(timer)}"
        return
    kind = getattr(timer, "kind", "")
    if not _is_text(kind):
        yield f"{timer.__name__}: expected a kind of its own: kind = 'timer.pause'"
    elif kind in taken:
        yield f"{timer.__name__}: kind {kind!r} is that of {taken[kind]}: choose another one"
    elif timers.get(kind, timer) is not timer:
        yield f"{timer.__name__}: kind {kind!r} is that of {timers[kind].__name__}: choose another one"
    elif not _takes(timer.__init__, ("subject", "occurred_at")):
        yield f"{timer.__name__}: expected defaults: a timer is made of subject and occurred_at"
    elif not _is_a_value(deadline.due):
        yield f"deadline of {timer.__name__}: due: {_EXPECTED}"
    elif _returns_later(deadline.due):
        yield f"deadline of {timer.__name__}: due: {_AT_ONCE}"
    elif not _has_meaning(deadline.due):
        yield f"deadline of {timer.__name__}: due: its docstring has braces around what is no parameter"


def state_problems(like: Mapping[str, str], states: States) -> Iterator[str]:
    """Yield one line for each problem of own states and the states that they are like.

    Args:
        like: each own state, and the state that it is like.
        states: those that the table has.
    """
    known = [*states.connection, *states.after_call_work]
    words = {word.lower() for word in known}
    for state, other in like.items():
        if other not in known:  # in order, so an own state may be like one before it
            yield f"state {state!r} is like {other!r}: expected one of {', '.join(sorted(known))}"
        if not _is_text(state):
            yield f"state {state!r}: expected a name"
        elif state.lower() in words:  # known words are read in any case
            yield f"state {state!r}: the table has this state: choose another name"
        else:
            words.add(state.lower())
            known.append(state)


def likeness_problems(like: Mapping[str, str], known: Mapping[str, type[Event]], own: AbstractSet[str]) -> Iterator[str]:
    """Yield one line for each problem of the likeness of kinds of event.

    Args:
        like: each own kind, and the kind that it is like.
        known: all kinds that there are, with their classes.
        own: the kinds that may be like another.
    """
    for kind, other in like.items():
        if not isinstance(other, str) or other not in known or other == kind:
            yield f"kind {kind!r} is like {other!r}: expected one of {', '.join(sorted(known.keys() - {kind}))}"
        if kind not in own:
            yield f"kind {kind!r} is like {other!r}: add its class to `kinds`"
        elif isinstance(other, str) and (names := _lacking(known[kind], known.get(other))):
            yield f"kind {kind!r} is like {other!r}, whose rows read {names}: add it to {known[kind].__name__}, or a base with it"


def _lacking(own: type[Event], other: type[Event] | None) -> str:
    """Return the attributes that an own class lacks to be like another one."""
    if not (isclass(other) and issubclass(other, Event) and attrs.has(other)) or other is UnknownEvent:
        return ""
    names = [attribute.name for attribute in attrs.fields(other)] + ["segment"] * issubclass(other, Entered)
    return ", ".join(name for name in names if not hasattr(own, name))


def part_problems(
    session: type[CobrowseSession], parts: Iterable[Part], classes: Mapping[str, type[Event | Timer]]
) -> Iterator[str]:
    """Yield one line for each problem of the states, guards and actions of a table.

    Args:
        session: the class of the sessions.
        parts: the rows of both machines.
        classes: those of events and timers, by kind.
    """
    for part in parts:
        yield from _function_problems(part, session)
        yield from _reading_problems(part, classes)


_EXPECTED = "expected a function of a module or an object of a frozen attrs class, so that the table can be compared and pickled"
_AT_ONCE = "expected a function that is neither async nor a generator: nobody would await what it returns"


# --- Kinds of event -----------------------------------------------------------------------------------------------------------


def _event_problems(events: Iterable[type[Event]]) -> Iterator[str]:
    taken: dict[str, dict[object, type[Event]]] = {"kind": {}, "rank": {}, "type": {}}
    for event in events:
        if not (isclass(event) and issubclass(event, Event)):
            yield f"kinds: expected subclasses of Event, each one @frozen(kw_only=True), found {shown(event)}"
            continue
        if event not in KINDS.values():
            yield from (f"{event.__name__}: {problem}" for problem in _own_event_problems(event))
        kind = getattr(event, "kind", None)
        values = {"kind": kind, "rank": getattr(event, "rank", None), "type": f"{event.prefix}{kind}"}
        for what, known in taken.items():
            value = values[what]
            if known.setdefault(value, event) is not event:
                yield f"{event.__name__}: {what} {value!r} is that of {known[value].__name__}: choose another one"


def _own_event_problems(event: type[Event]) -> Iterator[str]:
    if "__attrs_attrs__" not in vars(event):
        yield "expected an attrs class: @frozen(kw_only=True, repr=False)"
    else:
        yield from (f"{flaw}: expected @frozen(kw_only=True, repr=False)" for flaw in _flaws(event, _AN_EVENT))
        yield from _name_problems(event, Event)
    kind, rank = vars(event).get("kind"), vars(event).get("rank")
    if not _is_text(kind):
        yield "expected a kind of its own: kind = 'held'"
    if not (isinstance(rank, int) and 0 < rank < UnknownEvent.rank):
        yield f"expected a rank of its own, from 1 to {UnknownEvent.rank - 1}: its place among events of one instant"
    if not _is_text(event.prefix) or f"{event.prefix}{kind}".startswith(TYPE_PREFIX):
        yield f"expected a prefix of its own for its type, as prefix = 'com.acme.': the standard kinds have {TYPE_PREFIX!r}"


def _session_problems(session: type[CobrowseSession]) -> Iterator[str]:
    if not (isclass(session) and issubclass(session, CobrowseSession)):
        yield f"session: expected a subclass of CobrowseSession, found {shown(session)}"
        return
    if session is CobrowseSession:
        return
    name = session.__name__
    standard = attrs.fields_dict(CobrowseSession)
    if "__attrs_attrs__" not in vars(session):
        yield f"{name}: expected an attrs class: {_DEFINE}"
    elif session.__setattr__ is not CobrowseSession.__setattr__:
        yield f"{name}: each write would fail or run hooks: expected {_DEFINE}"
    else:
        yield from (f"{name}: {flaw}: expected {_DEFINE}" for flaw in _flaws(session, CobrowseSession(id="s1")))
    if any(isinstance(attribute.type, str) for attribute in attrs.fields(session)):  # `from __future__ import annotations`
        try:
            attrs.resolve_types(session)
        except NameError as error:
            yield f"{name}: the type of a field is not known here: {error}"
    yield from (f"{name}: {problem}" for problem in _name_problems(session, CobrowseSession))
    for attribute in attrs.fields(session):
        if attribute.name not in standard and attribute.default is attrs.NOTHING:
            yield f"{name}: {attribute.name}: expected a default, because a session begins without its first event"


_DEFINE = "@define(kw_only=True, on_setattr=attrs.setters.NO_OP, repr=False)"
_AN_EVENT = Updated(subject="s1", source="/s", id="e1", occurred_at=EPOCH)


def _flaws(cls: type[Any], standard: attrs.AttrsInstance) -> Iterator[str]:  # `Any`: an event or a session
    """Yield what a log needs of a class and its decorator takes away: a copy of a value is equal, a change is not, and so on.

    Args:
        cls: an attrs class.
        standard: a value of its base.
    """
    attributes = attrs.fields_dict(cls)
    values = {name: getattr(standard, name, name) for name in attributes}
    own = [name for name in attributes if not hasattr(standard, name)]
    yield from (f"{name}: no constructor takes this field" for name in own if not attributes[name].init)
    if not _takes(cls.__init__, [attribute.alias or "" for attribute in attributes.values() if attribute.init]):
        yield "its constructor does not take its fields by name, and nothing else"
    one = _with_values(cls, values)
    for way in (copy, deepcopy):  # a deep copy goes the way of pickle, and finds what slots=False loses
        try:
            same = way(one)
            if same is one or any(getattr(same, name) != getattr(one, name) for name in attributes):
                yield f"{way.__name__} does not copy its fields"
        except Exception as error:  # noqa: BLE001 (whatever a method of the class raises)
            yield f"{way.__name__} raises {type(error).__name__}: {error}"
    if any(getattr(attributes[name], "eq_key", None) for name in own):  # a function of the user's own, for values of its own
        return
    if any(one == _with_values(cls, {**values, name: "another"}) for name in own if attributes[name].eq):
        yield "values that differ are equal"
    if one != _with_values(cls, values):
        yield "values that are the same differ"


def _with_values(cls: type[Any], values: Mapping[str, object]) -> Any:  # an event or a session
    """Return a value whose constructor has not run: it may demand what is not known here."""
    one = object.__new__(cls)
    for name, value in values.items():
        object.__setattr__(one, name, value)
    return one


def _takes(constructor: Callable[..., None], names: Iterable[str]) -> bool:
    """Return whether a constructor can be called with these keywords, and needs no others."""
    try:
        signature(constructor).bind(None, **dict.fromkeys(names))
    except TypeError:
        return False
    return True


def _name_problems(cls: type[Any], base: type[Any]) -> Iterator[str]:  # an event or a session
    """Yield one line for each field of a class whose name or key is taken.

    Args:
        cls: an attrs class.
        base: the class that all events or all sessions have.
    """
    standard, keys, word = attrs.fields_dict(base), dict[str, str](), "event" if base is Event else "session"
    for attribute in attrs.fields(cls):
        name = attribute.name
        if name in standard:
            if attribute != standard[name]:
                yield f"{name}: each {word} has this field: choose another name"
        elif hasattr(base, name):  # `type`, for example, a property: the field would hide it
            yield f"{name}: each {word} has an attribute of this name: choose another name"
        elif keys.setdefault(key := vendor_name(name), name) != name:
            yield f"{name}: its key {key} is that of {keys[key]}: choose another name"


# --- Guards and actions -------------------------------------------------------------------------------------------------------


def _function_problems(part: Part, session: type[CobrowseSession]) -> Iterator[str]:
    attributes = attrs.fields_dict(session)
    for row in part.rows:
        for kind, functions in (("guard", row.guards), ("action", row.actions)):
            for function in functions:
                where = f"row {row.name!r}: {kind} {getattr(function, '__name__', type(function).__name__)}"
                if not _is_a_value(function):
                    yield f"{where}: {_EXPECTED}"
                elif _returns_later(function):
                    yield f"{where}: {_AT_ONCE}"
                elif not _has_meaning(function):
                    yield f"{where}: its docstring has braces around what is no parameter"
                elif not is_marked(function):
                    yield f"{where}: expected a mark: {'@reads_session or @reads_event' if kind == 'guard' else '@writes(...)'}"
        for name in dict.fromkeys(name for action in row.actions for name in written_by(action)):
            if name not in attributes:
                yield f"row {row.name!r}: an action writes {name!r}, which is no field of {session.__name__}: add it there"


def _reading_problems(part: Part, classes: Mapping[str, type[Event | Timer]]) -> Iterator[str]:
    """Yield one line for each class of a user's own that lacks what a standard guard or action of its rows reads."""
    for row in part.rows:
        own = [kind for kind in row.on if kind in classes and is_own(classes[kind])]
        for function in (*row.guards, *row.actions):
            for kind in own:
                if lacking := [name for name in _read_by(function) if not hasattr(classes[kind], name)]:
                    what = f"{name_of(function)} reads {', '.join(lacking)} of {kind!r}"
                    yield f"row {row.name!r}: {what}: add it to {classes[kind].__name__}, or a base with it"


def _read_by(function: Callable[..., object]) -> list[str]:
    """Return what a standard guard or action reads of an event or a timer, as it is in its code."""
    # What a function of a user's own reads is not known: it may ask for the class first.
    return _read_in(function) if isinstance(function, FunctionType) and not is_own(function) else []


@cache
def _read_in(function: FunctionType) -> list[str]:
    # Example: `set_disconnect_type(session, event: Ended | AlertingTimeout, _)` reads `event.disconnect_type`, which both have.
    read = set()
    for before, instruction in pairwise(get_instructions(function)):
        # Some versions of Python load two variables at once. The last one is asked for its attribute.
        loaded = before.argval[-1] if isinstance(before.argval, tuple) and before.argval else before.argval
        if instruction.opname == "LOAD_ATTR" and "LOAD_FAST" in before.opname and loaded == "event":
            read.add(instruction.argval)
    return sorted(read)


def _is_text(value: object) -> bool:
    """Return whether a value is a name that can be written, as JSON and on one line, without spaces around it."""
    return isinstance(value, str) and value.isprintable() and value == value.strip() != ""


def _is_a_value(function: object) -> bool:
    """Return whether a function or an object can be compared with, and found again from, its name."""
    if not isinstance(function, FunctionType):
        return (
            attrs.has(type(function))
            and type(function).__eq__ is not object.__eq__
            and callable(function)
            and _has_hash(function)
        )
    first, *inside = function.__qualname__.split(".")
    found: object = function.__globals__.get(first)
    for name in inside:
        found = getattr(found, name, None)
    return found is function


def _returns_later(function: Callable[..., object]) -> bool:
    """Return whether a call returns a coroutine or a generator, which is true as a guard, and does nothing as an action."""
    called = function if isinstance(function, FunctionType) else type(function).__call__
    return any(is_later(called) for is_later in (iscoroutinefunction, isgeneratorfunction, isasyncgenfunction))


def _has_hash(part: object) -> bool:
    try:
        hash(part)
    except TypeError:  # a parameter is a list, or another value that can change
        return False
    return True


def _has_meaning(part: Callable[..., object]) -> bool:
    try:
        meaning_of(part)
    except (LookupError, ValueError, AttributeError):
        return False
    return True
