"""Paths through the table of a lifecycle: streams that reach each row, each state and each pair of rows.

Theory of operation
===================

A search in breadth applies events to sessions, from a new session on, with the lifecycle itself. From each session it tries the
same moves: every kind of event of the table in a few variants, and letting time pass until the next deadline. A session that is
like one that was found before is not searched again. So the first stream that is found for a row is a shortest one.

*Like* means: equal in what guards read. The connection state, the state of after-call work, the settings, the request for
after-call work and the fields of a table's own count by their values. Of the wrap-up counts whether it has a code, is provisional
and has an end. Of other values counts whether they are set. Details count only while an event is tried, because they would make
many sessions of each.

The search knows nothing of guards. A guard of a table's own that asks for a certain value of a text or a number may hold for no
variant. Its row has no path then. `variants` adds events to the search.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from copy import copy
from datetime import datetime, timedelta
from functools import cache
from itertools import combinations, product
from typing import Any, TypeVar, get_args, get_origin

import attrs
from attrs import evolve, frozen

from cobrowse_session.checks import members_of
from cobrowse_session.events import (
    AfterCallWorkEnded,
    AfterCallWorkRequired,
    Disconnected,
    Event,
    Terminated,
    UnknownEvent,
    WrapupSaved,
    own_names,
)
from cobrowse_session.lifecycle import Applied, Lifecycle
from cobrowse_session.lifecycle.decision import acw_state
from cobrowse_session.model import Communication, Details, Wrapup
from cobrowse_session.settings import Settings
from cobrowse_session.testing.run import Run, run
from cobrowse_session.testing.stream import START, Stream, stream
from cobrowse_session.vocabulary import Vocabulary, WrapupPrompt

__all__ = ["EVERY_ROW", "Path", "Variant", "pairs", "rows", "shortest_paths", "variants"]

SECOND = timedelta(seconds=1)
K = TypeVar("K", bound=Hashable)

EVERY_ROW = Lifecycle(acw_after_transfer=False, alerting_grace=timedelta(milliseconds=250))
"""A lifecycle under which every row of the standard table can decide. Paths are for it by default."""


@frozen
class Variant:
    """An event of a path, without its time: its class and its arguments, as a stream takes them."""

    event: type[Event]
    arguments: Mapping[str, Any] = {}  # an attribute's value may be anything


@frozen
class Path:
    """A stream, and the rows that decide its events and timers.

    Attributes:
        id: for `pytest.mark.parametrize(..., ids=str)`.
        stream: the events. Its `now` is the end of the path: a timer may be due then.
        rows: the row of each step, timers among them.
        lifecycle: the lifecycle under which they decide.
    """

    id: str
    stream: Stream
    rows: tuple[str, ...]
    lifecycle: Lifecycle = attrs.field(repr=False)

    def __str__(self) -> str:
        return self.id

    def run(self) -> Run:
        """Return the run of the events, advanced to the end of the path."""
        return run(self.stream, lifecycle=self.lifecycle, until=self.stream.now)


def rows(lifecycle: Lifecycle = EVERY_ROW, more: Iterable[Variant] = ()) -> tuple[Path, ...]:
    """Return a shortest path to each row of the table, in the order of the rows.

    Args:
        lifecycle: its table and its arguments count. A row that it never reaches has no path.
        more: events that the search tries, too.

    >>> for path in rows()[:2]:
    ...     print(path, path.stream)
    unknown_type Stream('s1', unknown)
    pending Stream('s1', scheduled)
    """
    names = dict.fromkeys(row.name for part in lifecycle.table.parts for row in part.rows)
    found = _first(lifecycle, more, lambda step: step.row.split("+"), wanted=len(names))
    return tuple(found[name].path(name, lifecycle) for name in names if name in found)


def shortest_paths(lifecycle: Lifecycle = EVERY_ROW, more: Iterable[Variant] = ()) -> tuple[Path, ...]:
    """Return a shortest path to each state that a session can be in: of the connection, and of after-call work if there is any.

    Args:
        lifecycle: its table and its arguments count.
        more: events that the search tries, too.
    """
    found = _first(lifecycle, more, lambda step: [_state(step.session)] if step.goes_on else [])
    return tuple(step.path(state, lifecycle) for state, step in found.items())


def pairs(lifecycle: Lifecycle = EVERY_ROW, more: Iterable[Variant] = ()) -> tuple[Path, ...]:
    """Return a shortest path for each two rows of which one directly follows the other, and the first one is applied.

    Args:
        lifecycle: its table and its arguments count.
        more: events that the search tries, too.
    """
    found = _first(lifecycle, more, lambda step: [step.rows[-2:]] if len(step.rows) > 1 else [], by_row=True)
    return tuple(step.path("-".join(two), lifecycle) for two, step in found.items())


# --- The search ---------------------------------------------------------------------------------------------------------------


@frozen
class _Step:
    """Where the search has come to."""

    session: Communication
    now: datetime = START
    moves: tuple[Variant | timedelta, ...] = ()
    rows: tuple[str, ...] = ()
    goes_on: bool = True

    @property
    def row(self) -> str:
        return self.rows[-1]

    def path(self, name: str, lifecycle: Lifecycle) -> Path:
        made = stream("s1")
        for move in self.moves:
            made = made.after(move) if isinstance(move, timedelta) else made.event(move.event, **move.arguments)
        return Path(name, made, self.rows, lifecycle)


def _first(
    lifecycle: Lifecycle,
    more: Iterable[Variant],
    keys: Callable[[_Step], Iterable[K]],
    *,
    wanted: int | None = None,
    by_row: bool = False,
) -> dict[K, _Step]:
    """Return the first step with each key, until as many as are wanted are found."""
    found: dict[K, _Step] = {}
    for step in _search(lifecycle, tuple(more), by_row=by_row):
        for key in keys(step):
            found.setdefault(key, step)
        if len(found) == wanted:
            break
    return found


def _search(lifecycle: Lifecycle, more: tuple[Variant, ...], *, by_row: bool) -> Iterator[_Step]:
    """Yield steps, those with few moves first.

    Args:
        lifecycle: decides.
        more: variants beside those of the table.
        by_row: two sessions that different rows have led to are not like each other.
    """
    first = _Events((*variants(lifecycle, first=True), *more))
    later = _Events((*variants(lifecycle), *more))
    waiting, seen = deque([_Step(lifecycle.new("s1"))]), set[Hashable]()
    while waiting:
        step = waiting.popleft()
        for after in (*_waits(step, lifecycle), *_events(step, lifecycle, later if step.rows else first)):
            yield after
            if after.goes_on:
                key = (_likeness(after.session), after.row if by_row else None)
                if key not in seen:
                    seen.add(key)
                    waiting.append(after)


def _waits(step: _Step, lifecycle: Lifecycle) -> Iterator[_Step]:
    due = lifecycle.deadline(step.session)
    if due is None:
        return
    session = copy(step.session)
    fired = lifecycle.advance(session, due)
    is_end = any(lifecycle.is_last_resort_timer(lifecycle.timer_of(session, one)) for one in fired)  # no event comes behind it
    rows = (*step.rows, *(one.row or "" for one in fired))
    yield _Step(session, due, (*step.moves, due - step.now), rows, goes_on=not is_end)


def _events(step: _Step, lifecycle: Lifecycle, ready: "_Events") -> Iterator[_Step]:
    passed = (SECOND,) if step.rows else ()
    now = step.now + sum(passed, timedelta())
    for variant, event in ready.at(now):
        session = copy(step.session)
        outcomes = (*lifecycle.fire_before(session, event), lifecycle.decide(session, event))
        rows = (*step.rows, *(one.row or "" for one in outcomes))
        yield _Step(session, now, (*step.moves, *passed, variant), rows, goes_on=isinstance(outcomes[-1], Applied))


class _Events:
    """The variants as events, made once for each time."""

    def __init__(self, every: tuple[Variant, ...]) -> None:
        self._every = every
        self._made: dict[datetime, list[tuple[Variant, Event]]] = {}

    def at(self, now: datetime) -> list[tuple[Variant, Event]]:
        """Return each variant with its event at a time."""
        if now not in self._made:
            empty = evolve(stream("s1"), now=now)
            self._made[now] = [(one, *empty.event(one.event, **one.arguments)) for one in self._every]
        return self._made[now]


# --- Likeness -----------------------------------------------------------------------------------------------------------------

_ONLY_TRIED = frozenset(a.name for a in attrs.fields(Details)) - {"after_call_work_required"} | {"id", "segments", "extra"}


def _likeness(session: Communication) -> Hashable:
    cls: type = type(session)
    return tuple(
        _shape(name, getattr(session, name)) for name in (a.name for a in attrs.fields(cls)) if name not in _ONLY_TRIED
    )


def _shape(name: str, value: Any) -> Hashable:  # any attribute's value
    if name in ("state", "settings") or isinstance(value, bool):
        return value
    if name == "after_call_work":
        return value and value.state
    if isinstance(value, Wrapup):
        return value.code is None, value.provisional, value.end_time is None
    if isinstance(value, Vocabulary) and name != "disconnect_type":
        return value
    return value is None


def _state(session: Communication) -> str:
    work = acw_state(session)
    return str(session.state) if work is None else f"{session.state}-{work}"


# --- Variants -----------------------------------------------------------------------------------------------------------------

_OWN: Mapping[type[Event], tuple[Mapping[str, Any], ...]] = {
    AfterCallWorkRequired: ({"required": True}, {"required": False}),
    **dict.fromkeys((Disconnected, Terminated), ({}, {"disconnect_type": "peer"}, {"disconnect_type": "transfer"})),
    WrapupSaved: (
        {"code": "sale"},
        {},
        {"code": "sale", "provisional": True},
        {"notes": "draft", "provisional": True},
        {"code": "other", "disable_end_time_updates": True},
    ),
    AfterCallWorkEnded: (
        *({"by": by} for by in ("agent", "offline", "robot")),
        *({"by": "platform", "state": state} for state in ("complete", "skipped", "notApplicable")),
    ),
    UnknownEvent: ({"type": "com.example.unheard"},),
}
"""What the standard events state of their own. Those of a table follow from the types of their attributes."""

_TIMES = {"wrapup_timeout": 30 * SECOND, "alerting_timeout": 20 * SECOND}
_SETTINGS: tuple[Mapping[str, Any], ...] = tuple({"wrapup_prompt": prompt.value, **_TIMES} for prompt in WrapupPrompt)
_MORE: tuple[Mapping[str, Any], ...] = ({"viewer_url": "https://example.com/v"}, {"controlling": ("p1",)}, _SETTINGS[0])


def variants(lifecycle: Lifecycle = EVERY_ROW, *, first: bool = False) -> tuple[Variant, ...]:
    """Return the events that the search tries: each kind in all its ways, and also with details, a grant and settings.

    Args:
        lifecycle: its table counts.
        first: for the first event of a session: with the settings of every prompt.
    """
    found: list[Variant] = []
    for event in lifecycle.table.events:
        own = own_values(event)
        found += (Variant(event, one) for one in own)
        if event is not UnknownEvent:
            found += (Variant(event, {**own[0], **one}) for one in (*_MORE, *(_SETTINGS[1:] if first else ())))
    return tuple(found)


@cache
def own_values(event: type[Event]) -> tuple[Mapping[str, Any], ...]:
    """Return values for what a class of events has beyond details and settings. At most two optional ones at a time."""
    if event in _OWN:
        return _OWN[event]
    fields = attrs.fields_dict(attrs.resolve_types(event))
    own = {fields[name].alias: fields[name] for name in own_names(event).values()}
    needed = [name for name, one in own.items() if one.default is attrs.NOTHING]
    optional = [name for name in own if name not in needed]
    found = []
    for count in range(3):
        for names in combinations(optional, count):
            given = (*needed, *names)
            found += [dict(zip(given, values, strict=True)) for values in product(*(_values(own[name]) for name in given))]
    return tuple(found)


def _values(field: "attrs.Attribute[Any]") -> tuple[Any, ...]:
    """Return some values of an attribute, by its type."""
    found: list[Any] = []
    for member in members_of(field.type):
        if get_origin(member) is tuple:
            found += ((item,) for item in _BY_TYPE[get_args(member)[0]])
        elif isinstance(member, type) and issubclass(member, Vocabulary):
            found += member
        else:
            found += _BY_TYPE.get(member, ())
    return tuple(value for value in found if value != field.default)


_BY_TYPE: Mapping[Any, tuple[Any, ...]] = {  # all types that the wire reads
    bool: (True, False),
    str: ("text",),
    int: (1,),
    float: (1.5,),
    datetime: (START,),
    timedelta: (SECOND,),
}
