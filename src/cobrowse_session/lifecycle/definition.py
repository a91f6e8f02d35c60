"""A table as one value: the kinds of event, the states, the rows of both machines, the deadlines, and the class of the session.

The standard table is `Table.standard()`. `extended` returns another one. It changes nothing that others see: a lifecycle has its
table, and everything that follows a lifecycle follows its table.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cache, cached_property
from inspect import getmodule, getsource
from types import FunctionType
from typing import Any, Generic, overload
from weakref import WeakValueDictionary

from attrs import field, fields, frozen

from cobrowse_session.checks import shown
from cobrowse_session.errors import TableError
from cobrowse_session.events import KINDS, Event, Timer, UnknownEvent
from cobrowse_session.lifecycle import table
from cobrowse_session.lifecycle.check import Part, row_problems
from cobrowse_session.lifecycle.deadline import DEADLINES, Deadline
from cobrowse_session.lifecycle.extension import Change, like_kinds, like_states, placed
from cobrowse_session.lifecycle.own import class_problems, likeness_problems, name_problems, part_problems, state_problems
from cobrowse_session.lifecycle.own_values import is_own
from cobrowse_session.lifecycle.row import Row
from cobrowse_session.lifecycle.states import STANDARD, States
from cobrowse_session.model import CobrowseSession, S_co, T


@frozen(kw_only=True, slots=False, cache_hash=True, repr=False)
class Table(Generic[S_co]):
    """The rules of a lifecycle, as a value. It is checked when it is made, and equal tables are one object.

    Args:
        name: its name, for errors and titles.
        events: the classes of its events, in the order of their rank.
        session: the class of its sessions.
        states: the states of both machines.
        connection: the rows of the connection, in order.
        after_call_work: the rows of after-call work, in order.
        deadlines: its timers, and when they are due.

    Raises:
        TableError: an event in a state has no outcome or several, a row is never reached, a guard or an action is not marked, two
            kinds of event share a rank, and so on. It has one line for each problem.
    """

    name: str
    events: tuple[type[Event], ...]
    session: type[S_co]
    states: States
    connection: tuple[Row, ...]
    after_call_work: tuple[Row, ...]
    deadlines: tuple[Deadline, ...]
    #: The source of each module of its own parts. None: there is none. It follows from the parts, so it is in no comparison.
    sources: Mapping[str, str | None] = field(init=False, eq=False)
    # Python's `==` takes 1, 1.0 and True for equal, and a guard with the one parameter for that with the other.
    _parameters: tuple[object, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        problems = (
            *part_problems(self.session, self.parts, {**self.kinds, **self.timers}),
            *row_problems(self.parts, (*self.kinds, table.LEG_ENDED), self.timers),
        )
        if problems:
            raise TableError(problems)
        object.__setattr__(self, "_parameters", tuple(map(_parameters, self._functions())))
        modules = self._own_modules()
        object.__setattr__(self, "sources", {name: _source(modules[name]) for name in sorted(modules)})

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {len(self.connection)} + {len(self.after_call_work)} rows)"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the standard table by its name, and another one by its fields, which are pickled by name in turn."""
        if self is Table.standard():
            return Table.standard, ()
        return _interned, ({attribute.name: getattr(self, attribute.name) for attribute in fields(Table) if attribute.init},)

    @staticmethod
    @cache
    def standard() -> "Table[CobrowseSession]":
        """Return the table of the specification."""
        return Table(
            name="standard",
            events=tuple(KINDS.values()),
            session=CobrowseSession,
            states=STANDARD,
            connection=table.CONNECTION,
            after_call_work=table.AFTER_CALL_WORK,
            deadlines=DEADLINES,
        )

    @overload
    def extended(
        self,
        name: str,
        *,
        session: type[T],
        kinds: Iterable[type[Event]] = (),
        like: Mapping[str, str] | None = None,
        states: Mapping[str, str] | None = None,
        connection: Iterable[Change] = (),
        after_call_work: Iterable[Change] = (),
        deadlines: Iterable[Deadline] = (),
    ) -> "Table[T]": ...
    @overload
    def extended(
        self,
        name: str,
        *,
        kinds: Iterable[type[Event]] = (),
        like: Mapping[str, str] | None = None,
        states: Mapping[str, str] | None = None,
        connection: Iterable[Change] = (),
        after_call_work: Iterable[Change] = (),
        deadlines: Iterable[Deadline] = (),
    ) -> "Table[S_co]": ...
    def extended(  # noqa: PLR0913 (the parts of a table)
        self,
        name: str,
        *,
        session: type[CobrowseSession] | None = None,
        kinds: Iterable[type[Event]] = (),
        like: Mapping[str, str] | None = None,
        states: Mapping[str, str] | None = None,
        connection: Iterable[Change] = (),
        after_call_work: Iterable[Change] = (),
        deadlines: Iterable[Deadline] = (),
    ) -> "Table[Any]":  # `Any`: the class of `session`, or of this table
        """Return this table with additions of your own.

        Args:
            name: of the new table.
            kinds: classes of events of your own, each with a `kind`, a `prefix` and a `rank` of its own.
            session: a subclass of the session, with fields of your own.
            like: a kind of event of your own, and the kind that it is like: every row of this table for the one is a row for the
                other, too.
            states: a state of your own, and the state that it is like: every row of this table that holds there holds here, too,
                and it is in the same groups.
            connection: rows for the connection: at the end, or `before`, `after` or `instead` of a row, or `also` its actions.
            after_call_work: rows for after-call work, likewise.
            deadlines: timers of your own. One for a timer that the table has replaces when that timer is due.

        Raises:
            TypeError: `kinds`, `connection`, `after_call_work` or `deadlines` is one thing and no tuple of them, or `like` or
                `states` is no dict.
            TableError: with one line for each problem.
        """
        several = {"kinds": kinds, "connection": connection, "after_call_work": after_call_work, "deadlines": deadlines}
        for what, given in several.items():
            if not isinstance(given, Iterable) or isinstance(given, str):
                raise TypeError(f"Table.extended: {what}: expected a tuple, found {shown(given)}; one alone is (one,)")
        for what, likeness in {"like": like, "states": states}.items():
            if not isinstance(likeness or {}, Mapping):
                raise TypeError(f"Table.extended: {what}: expected a dict, as {{'parked': 'offering'}}, found {shown(likeness)}")
        kinds, like, states, deadlines = tuple(kinds), dict(like or {}), dict(states or {}), tuple(deadlines)
        events = (*self.events, *kinds)
        known = {event.kind: event for event in events if hasattr(event, "kind")}
        problems = (
            *name_problems(name),
            *class_problems(events, session or self.session, deadlines, self.timers),
            *likeness_problems(like, known, known.keys() - self.kinds.keys()),
            *state_problems(states, self.states),
        )
        if problems:
            raise TableError(problems)
        stated = {event.kind: event.target_state for event in events if event.target_state is not None}
        stated |= {one.timer.kind: one.timer.target_state for one in self.deadlines if one.timer.target_state is not None}

        def changed(rows: tuple[Row, ...], changes: Iterable[Change]) -> tuple[Row, ...]:
            # Likeness first: rows of your own name the states that they are for.
            return placed(like_states(like_kinds(rows, like, stated), states), changes)

        return _interned(
            {
                "name": name,
                "events": tuple(sorted(events, key=lambda event: event.rank)),
                "session": session or self.session,
                "states": self.states.extended(states),
                "connection": changed(self.connection, connection),
                "after_call_work": changed(self.after_call_work, after_call_work),
                "deadlines": _replaced(self.deadlines, deadlines),
            }
        )

    def _functions(self) -> Iterator[Callable[..., object]]:
        """Yield its guards, actions and deadlines."""
        for row in (*self.connection, *self.after_call_work):
            yield from (*row.guards, *row.actions)
        yield from (one.due for one in self.deadlines)

    def _own_modules(self) -> dict[str, object]:
        """Return the modules of guards, actions, deadlines and classes of a user's own, each with one of these parts."""
        classes = [self.session, *self.events, *(one.timer for one in self.deadlines)]
        parts = [*self._functions(), *(base for cls in classes for base in cls.__mro__[:-1])]
        return {part.__module__: part for part in parts if is_own(part)}

    @cached_property
    def kinds(self) -> Mapping[str, type[Event]]:
        """The classes of its events, by kind, in the order of their rank."""
        return {event.kind: event for event in self.events}

    @cached_property
    def types(self) -> Mapping[str, type[Event]]:
        """The classes of its events, by CloudEvents type. Any other type is an `UnknownEvent`."""
        return {event.prefix + event.kind: event for event in self.events if event is not UnknownEvent}

    @cached_property
    def timers(self) -> Mapping[str, type[Timer]]:
        """The classes of its timers, by kind."""
        return {one.timer.kind: one.timer for one in self.deadlines}

    @cached_property
    def parts(self) -> tuple[Part, Part]:
        """The rows of the connection and of after-call work, each with the states of its machine."""
        classes: list[type[Event | Timer]] = [*self.events, *self.timers.values()]
        named = {one.kind: str(one.target_state) for one in classes if one.target_state}
        return (
            Part("connection", self.states.connection, self.connection, named, self.states.same),
            Part("after-call work", self.states.after_call_work, self.after_call_work, named),
        )


def _source(part: object) -> str | None:
    """Return the source of the module of a part as it is when its table is made.

    Later, the file may be that of another version: the program is installed anew, while the old one still runs.
    """
    try:
        return getsource(getmodule(part))  # type: ignore[arg-type]  # None is a TypeError
    except (OSError, TypeError):  # no file, as of what is typed in, or no module that is imported by this name
        return None


def _parameters(part: Callable[..., object]) -> object:
    """Return the parameters of a guard, an action or a deadline so that those of other types differ."""
    cls: type = type(part)
    return None if isinstance(part, FunctionType) else tuple(_exact(getattr(part, one.name)) for one in fields(cls))


def _exact(value: object) -> object:
    if isinstance(value, tuple | AbstractSet):
        items = [str(_exact(one)) for one in value]
        return tuple(items if isinstance(value, tuple) else sorted(items))
    return repr(value) if isinstance(value, int | float) else type(value).__qualname__


def _replaced(deadlines: tuple[Deadline, ...], more: Iterable[Deadline]) -> tuple[Deadline, ...]:
    by_timer = {one.timer: one for one in deadlines}
    by_timer.update((one.timer, one) for one in more)
    return tuple(by_timer.values())


# A lifecycle that was unpickled has an equal table. If that were another object, each comparison of two lifecycles would compare
# all rows, and the machines would be found by hash and equality instead of identity. The fields are the key and not the table, so
# that a table that nobody needs is let go.
_TABLES: WeakValueDictionary[tuple[object, ...], Table] = WeakValueDictionary()


def _interned(parts: dict[str, Any]) -> Table:  # `Any`: the fields' types differ
    made = Table(**parts)
    return _TABLES.setdefault((*parts.values(), made._parameters), made)  # noqa: SLF001 (of this very class)
