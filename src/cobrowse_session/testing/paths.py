"""Paths through the table of a lifecycle: streams that reach each row, each state and each pair of rows.

Theory of operation
===================

A search in breadth applies events to sessions, from a new session on, with the lifecycle itself. From each session it tries the
same moves: every kind of event of the table in a few variants, one second or five minutes after the event before, and letting
time pass until the next deadline. A session that is like one that was found before is not searched again. So the first stream
that is found for a row is a shortest one.

*Like* means: equal in what guards read. The connection state, the state of after-call work, the settings, the request for
after-call work and the fields of a table's own count by their values. Of the wrap-up counts whether it has a code, is provisional
and has an end. Of other values counts whether they are set. Details count only while an event is tried, because they would make
many sessions of each.

The search knows nothing of guards. A guard of a table's own that asks for a certain value of a text or a number, or for another
time that has passed, may hold for no variant. Then its row has no path, and `rows` raises. `more` adds events to the search.
"""

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from copy import copy
from datetime import datetime, timedelta
from functools import cache, lru_cache
from itertools import chain, combinations, product
from typing import Any, get_args, get_origin

import attrs
from attrs import evolve, field, frozen

from cobrowse_session.checks import check_type, members_of
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
from cobrowse_session.lifecycle import Applied, Lifecycle, Outcome
from cobrowse_session.lifecycle.decision import acw_state
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.states import ABSENT
from cobrowse_session.model import AfterCallWork, Communication, Details, Wrapup
from cobrowse_session.settings import Settings
from cobrowse_session.testing.coverage import Move, moves_of, rows_by_move
from cobrowse_session.testing.run import Run, run
from cobrowse_session.testing.stream import START, Stream, stream
from cobrowse_session.vocabulary import Vocabulary, WrapupPrompt

__tracebackhide__ = True  # a failed test shows the line that called the kit, and not the kit. `pytest --full-trace` shows all

__all__ = ["EVERY_ROW", "LONGEST", "Path", "Variant", "pairs", "rows", "shortest_paths", "variants"]

SECOND, LATER = timedelta(seconds=1), timedelta(minutes=5)
LONGEST = 5
"""The most events and timers of a path. Every row and every pair of rows of the standard table has one with five or fewer."""

EVERY_ROW = Lifecycle(acw_after_transfer=False, alerting_grace=timedelta(milliseconds=250))
"""A lifecycle under which every row of the standard table can decide. Paths are for it by default."""


@frozen
class Variant:
    """An event of a path.

    Attributes:
        event: its class.
        arguments: its arguments, as a stream takes them. `Any`: an attribute's value may be anything.
        after: how long after the event before it. A guard may ask for a time that has passed.
    """

    event: type[Event]
    arguments: Mapping[str, Any] = field(factory=dict)
    after: timedelta = SECOND
    _made: list[Event] = field(factory=list, init=False, eq=False, repr=False)

    def at(self, moment: datetime, **envelope: Any) -> Event:
        """Return the event, at a time. `envelope`: its subject, context and receipt, if they are not those of `stream("s1")`."""
        if not self._made:
            self._made.extend(stream("s1").event(self.event, **self.arguments))
        return evolve(self._made[0], occurred_at=moment, **envelope)


@frozen
class Path:
    """A stream, and the rows that decide its events and timers.

    Attributes:
        id: what it leads to, for `pytest.mark.parametrize(..., ids=str)`. Of rows that share a name, the first kind of event and
            the first state are added, as in `Coverage.rows`: `duplicate (wrapup in pending)`.
        stream: the events. Its `now` is the end of the path: a timer may be due then.
        rows: the name of the row of each step of `run`, timers among them.
        lifecycle: the lifecycle under which they decide.
    """

    id: str
    stream: Stream
    rows: tuple[str, ...]
    lifecycle: Lifecycle = field(repr=False)

    def __str__(self) -> str:
        return self.id

    def run(self) -> Run:
        """Return the run of the events, advanced to the end of the path."""
        return run(self.stream, lifecycle=self.lifecycle, until=self.stream.now)


def rows(
    lifecycle: Lifecycle = EVERY_ROW, *, without: Collection[str] = (), longest: int = LONGEST, more: Iterable[Variant] = ()
) -> tuple[Path, ...]:
    """Return a shortest path to each row of the table, in the order of the rows.

    Args:
        lifecycle: its table and its arguments count.
        without: the rows that this lifecycle never reaches.
        longest: the most events and timers of a path.
        more: events that the search tries, too.

    Raises:
        ValueError: no path to another row was found, the table has no such row as one of `without`, or one of them was reached
            on the way to the others.

    >>> for path in rows()[:2]:
    ...     print(path, path.stream)
    unknown_type Stream('s1', unknown)
    pending Stream('s1', scheduled)
    """
    check_type("lifecycle", lifecycle, Lifecycle)
    names = dict.fromkeys(_Names.of(lifecycle.table).rows.values())
    if strange := [name for name in without if name not in names]:
        raise ValueError(f"rows: without: the table {lifecycle.table.name!r} has no row {', '.join(map(repr, strange))}")
    wanted, tried = frozenset(names) - frozenset(without), tuple(more)
    found = (_rows if tried else _known_rows)(lifecycle, wanted, longest, tried)
    if missing := [name for name in names if name in wanted and name not in found]:
        raise ValueError(
            f"rows: no path was found to {', '.join(map(repr, missing))}: add events that lead there, as more=[Variant(...)], "
            f"or leave these rows out: without={tuple(missing)}"
        )
    if reached := [name for name in without if name in found]:
        raise ValueError(
            f"rows: without: this lifecycle reaches {', '.join(map(repr, sorted(reached)))}: leave out only what it never reaches"
        )
    return tuple(found[name] for name in names if name in found)


def _rows(lifecycle: Lifecycle, wanted: frozenset[str], longest: int, more: Iterable[Variant]) -> Mapping[str, Path]:
    """Return a path to each row that was found, until all that are wanted are."""
    found: dict[str, Path] = {}
    for _, step in _search(lifecycle, longest, more) if wanted else ():
        for row in step.decided:
            if row not in found:
                found[row] = step.path(row, lifecycle)
        if wanted <= found.keys():
            break
    return found


_known_rows = lru_cache(maxsize=16)(_rows)
"""A search takes seconds. Variants of one's own have no hash."""


def shortest_paths(lifecycle: Lifecycle = EVERY_ROW, *, longest: int = LONGEST, more: Iterable[Variant] = ()) -> tuple[Path, ...]:
    """Return a shortest path to each state that a session can be in: of the connection, and of after-call work if there is any.

    Args:
        lifecycle: its table and its arguments count.
        longest: the most events and timers of a path.
        more: events that the search tries, too.
    """
    found: dict[str, _Step] = {}
    for _, step in _search(lifecycle, longest, more):
        if step.goes_on:
            found.setdefault(_state(step.session), step)
    return tuple(step.path(state, lifecycle) for state, step in found.items())


def pairs(lifecycle: Lifecycle = EVERY_ROW, *, longest: int = LONGEST, more: Iterable[Variant] = ()) -> tuple[Path, ...]:
    """Return a shortest path for each two rows of which one directly follows the other, and the first one is applied.

    Args:
        lifecycle: its table and its arguments count.
        longest: the most events and timers of a path.
        more: events that the search tries, too.
    """
    check_type("lifecycle", lifecycle, Lifecycle)
    tried = tuple(more)
    return (_pairs if tried else _known_pairs)(lifecycle, longest, tried)


def _pairs(lifecycle: Lifecycle, longest: int, more: Iterable[Variant]) -> tuple[Path, ...]:
    # A search that keeps apart which row has led to a session would take ten times as long. So there is one search, and then each
    # move that was seen at a session is made once more, behind each row that leads to a session like it.
    arrivals: dict[tuple[Hashable, str], _Step] = {}
    moves: dict[Hashable, dict[str, _Move]] = {}
    for before, step in _search(lifecycle, longest, more):
        moves.setdefault(before.likeness, {}).setdefault(step.row, step.moves[-1])
        if step.goes_on:
            arrivals.setdefault((step.likeness, step.row), step)
    found: dict[tuple[str, str], _Step] = {}
    for step in sorted(arrivals.values(), key=lambda step: len(step.rows)):
        for row, move in moves.get(step.likeness, {}).items():
            if (step.row, row) not in found and len(step.rows) < longest:
                following = _moved(step, move, lifecycle)
                # The session is like the other, and not equal. So another row may decide, or a timer may fire first.
                if following.row == row and len(following.rows) == len(step.rows) + 1:
                    found[step.row, row] = following
    return tuple(step.path("-".join(two), lifecycle) for two, step in found.items())


_known_pairs = lru_cache(maxsize=16)(_pairs)


# --- The search ---------------------------------------------------------------------------------------------------------------

_Move = Variant | timedelta
"""An event, or the time until the next deadline."""


@frozen
class _Names:
    """The rows of a table by their moves, and the kinds of event that the connection decides."""

    rows: Mapping[Move, str]
    of_connection: frozenset[str]

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, table: Table[Any]) -> "_Names":
        connection, work = rows_by_move(table).values()
        return cls({**connection, **work}, frozenset(kind for kind, *_ in connection))

    def decided(self, kind: str, outcome: Outcome, work: str | None) -> tuple[str, ...]:
        """Return the rows that decided an event of a kind: one, or two at the end of the leg.

        Args:
            kind: the kind of event or timer.
            outcome: its outcome.
            work: the state of after-call work before it. None: there is none.
        """
        step = kind, str(outcome.from_state), _row(outcome), ""
        return tuple(self.rows[move] for move in moves_of(step, str(work or ABSENT), self.of_connection))


@frozen
class _Step:
    """Where the search has come to. `decided` are the rows of its last event or timer."""

    session: Communication
    likeness: Hashable
    now: datetime = START
    moves: tuple[_Move, ...] = ()
    rows: tuple[str, ...] = ()
    decided: tuple[str, ...] = ()
    goes_on: bool = True

    @property
    def row(self) -> str:
        return "+".join(self.decided)

    def path(self, name: str, lifecycle: Lifecycle) -> Path:
        made = stream("s1")
        for move in self.moves:
            if isinstance(move, Variant):
                made = (made.after(move.after) if made.events else made).event(move.event, **move.arguments)
            else:
                made = made.after(move)
        # A timer may be due at the time of the last event, as after after-call work was opened again. A run fires it.
        fired = lifecycle.advance(copy(self.session), self.now)
        return Path(name, made, (*self.rows, *map(_row, fired)), lifecycle)


def _search(lifecycle: Lifecycle, longest: int, more: Iterable[Variant]) -> Iterator[tuple[_Step, _Step]]:
    """Yield each step and the step before it, those with few moves first."""
    check_type("lifecycle", lifecycle, Lifecycle)
    first = (*variants(lifecycle, first=True), *more)
    later = (*variants(lifecycle), *_later_variants(lifecycle), *more)
    session = lifecycle.new("s1")
    waiting, seen = deque([_Step(session, _likeness(session))]), set[Hashable]()
    while waiting and len(waiting[0].rows) < longest:
        step = waiting.popleft()
        due = lifecycle.deadline(step.session)
        moves: Iterable[_Move] = later if step.rows else first
        for move in chain([] if due is None else [due - step.now], moves):
            after = _moved(step, move, lifecycle)
            yield step, after
            if after.goes_on and after.likeness not in seen:
                seen.add(after.likeness)
                waiting.append(after)


def _moved(step: _Step, move: _Move, lifecycle: Lifecycle) -> _Step:
    """Return the step after a move."""
    session, moves = copy(step.session), (*step.moves, move)
    names = _Names.of(lifecycle.table)
    if isinstance(move, timedelta):
        now = step.now + move
        fired = lifecycle.advance(session, now)
        is_last = any(
            lifecycle.is_last_resort_timer(lifecycle.timer_of(session, one)) for one in fired
        )  # no event comes behind it
        work = fired[-2].acw if fired[1:] else acw_state(step.session)
        rows, decided = (*step.rows, *map(_row, fired)), names.decided(fired[-1].timer, fired[-1], work)
        return _Step(session, _likeness(session), now, moves, rows, decided, not is_last)
    now = step.now + move.after if step.rows else step.now
    event = move.at(now)
    fired = lifecycle.fire_before(session, event)
    work = acw_state(session)
    outcome = lifecycle.decide(session, event)
    rows, decided = (*step.rows, *map(_row, (*fired, outcome))), names.decided(event.kind, outcome, work)
    is_applied = isinstance(outcome, Applied)
    likeness = _likeness(session) if is_applied else step.likeness
    return _Step(session, likeness, now, moves, rows, decided, is_applied)


def _row(outcome: Outcome) -> str:
    return outcome.row or ""


# --- Likeness -----------------------------------------------------------------------------------------------------------------

_ONLY_TRIED = frozenset(a.name for a in attrs.fields(Details)) - {"after_call_work_required"} | {"id", "segments", "extra"}


def _likeness(session: Communication) -> Hashable:
    cls: type = type(session)
    return tuple(_shape(name, getattr(session, name)) for name in (a.name for a in attrs.fields(cls)) if name not in _ONLY_TRIED)


def _shape(name: str, value: object) -> Hashable:
    match value:
        case AfterCallWork():
            return value.state
        case Wrapup():
            return value.code is None, value.provisional, value.end_time is None
        case bool() | Settings() | Vocabulary() if name != "disconnect_type":
            return value
    return value if name == "state" or value is None else "set"


def _state(session: Communication) -> str:
    work = acw_state(session)
    return str(session.state) if work is None else f"{session.state}-{work}"


# --- Variants -----------------------------------------------------------------------------------------------------------------

_OWN: Mapping[type, tuple[Mapping[str, Any], ...]] = {
    AfterCallWorkRequired: ({"required": True}, {"required": False}),
    **dict.fromkeys((Disconnected, Terminated), ({}, {"disconnect_type": "peer"}, {"disconnect_type": "transfer"})),
    WrapupSaved: (
        {"code": "sale"},
        {},
        {"code": "sale", "provisional": True},
        {"code": "other", "disable_end_time_updates": True},
        {"code": "sale", "disable_end_time_updates": True},
        {"notes": "draft", "provisional": True},
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
_TIMED: Mapping[str, Any] = {"wrapup_prompt": WrapupPrompt.TIMEOUT.value, **_TIMES}
_MORE: tuple[Mapping[str, Any], ...] = ({"viewer_url": "https://example.com/v"}, {"controlling": ("p1",)}, _SETTINGS[0])


@lru_cache(maxsize=64)
def variants(lifecycle: Lifecycle = EVERY_ROW, *, first: bool = False) -> tuple[Variant, ...]:
    """Return events to try: each kind in all its ways, and in its first way also with details, a grant and settings.

    Args:
        lifecycle: its table counts.
        first: for the first event of a session: with the settings of every prompt.
    """
    found: list[Variant] = []
    for event in lifecycle.table.events:
        cls: type = event  # mypy takes `type[Event]` for unhashable
        own = own_values(cls)
        found += (Variant(event, one) for one in own)
        if event is not UnknownEvent:
            found += (Variant(event, {**way, **one}) for way in own[:1] for one in (*_MORE, *(_SETTINGS[1:] if first else ())))
    return tuple(found)


@lru_cache(maxsize=64)
def _later_variants(lifecycle: Lifecycle) -> tuple[Variant, ...]:
    """Return what the search tries behind a first event, too: other ways with details, and each way five minutes later."""
    found: list[Variant] = []
    for event in lifecycle.table.events:
        cls: type = event  # as above
        own = own_values(cls)
        found += (Variant(event, {**way, **one}) for way in own[1:] for one in _MORE)
        timed = ({**way, **_TIMED} for way in own[:1])
        found += (Variant(event, way, after=LATER) for way in (*own, *timed) if event is not UnknownEvent)
    return tuple(found)


@cache
def own_values(event: type) -> tuple[Mapping[str, Any], ...]:
    """Return values for what a class of events has beyond details and settings, with at most two optional ones at a time.

    Its validators accept them. They may accept none of the few values that are tried.
    """
    if event in _OWN:
        return _OWN[event]
    fields = attrs.fields_dict(attrs.resolve_types(event))
    own = {fields[name].alias or name: fields[name] for name in own_names(event).values()}
    needed = [name for name, one in own.items() if one.default is attrs.NOTHING]
    optional = [name for name in own if name not in needed]
    found: list[Mapping[str, Any]] = []
    for count in range(3):
        for names in combinations(optional, count):
            given = (*needed, *names)
            found += [dict(zip(given, values, strict=True)) for values in product(*(_values(own[name]) for name in given))]
    return tuple(values for values in found if can_be_made(event, values))


def can_be_made(event: type[Event], arguments: Mapping[str, Any]) -> bool:
    """Return whether the validators of a class accept values."""
    try:
        stream("s1").event(event, **arguments)
    except (TypeError, ValueError):
        return False
    return True


def _values(attribute: "attrs.Attribute[Any]") -> tuple[Any, ...]:
    """Return some values of an attribute, by its type."""
    found: list[Any] = []
    for member in members_of(attribute.type):
        if get_origin(member) is tuple:
            found += ((item,) for item in _BY_TYPE[get_args(member)[0]])
        elif isinstance(member, type) and issubclass(member, Vocabulary):
            found += member
        else:
            found += _BY_TYPE.get(member, ())
    return tuple(value for value in found if value != attribute.default)


_BY_TYPE: Mapping[Any, tuple[Any, ...]] = {  # all types that the wire reads
    bool: (True, False),
    str: ("text",),
    int: (1,),
    float: (1.5,),
    datetime: (START,),
    timedelta: (SECOND,),
}
