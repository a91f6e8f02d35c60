"""Coverage of a table: which of its rows traces took, and which kinds of event came in which states."""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from functools import lru_cache
from textwrap import fill
from typing import Any, Self

from attrs import evolve, frozen

from cobrowse_session.checks import check_type, shown
from cobrowse_session.diagrams import Format, Picture, TracePath, render
from cobrowse_session.events import Event, UnknownEvent
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.states import ABSENT
from cobrowse_session.lifecycle.table import LEG_ENDED
from cobrowse_session.stream import SessionLog, TraceEntry
from cobrowse_session.testing.run import Run, RunStep
from cobrowse_session.vocabulary import ConnectionState

__all__ = ["Coverage", "coverage"]

Trace = SessionLog[Any] | Run | Iterable[TraceEntry | RunStep | Mapping[str, Any]]
"""What coverage is counted of: a log, a run, or entries of a trace, also as `replay --trace` writes them. `Any`: JSON."""
Step = tuple[str, str, str, str]
"""A kind of event, the connection state before it, the row that decided, and after-call work afterwards, or nothing."""
Move = tuple[str, str, str]
"""A kind of event, the state of its machine before it, and the name of the row that decided."""


@frozen
class Coverage:
    """What the sessions of traces took of a table.

    Attributes:
        table: the name of the table.
        known: the moves of each machine that the table has rows for, each with its row as `rows` names it.
        paths: the steps of each session, and how many sessions had these steps.
    """

    table: str
    known: Mapping[str, Mapping[Move, str]]
    paths: Mapping[tuple[Step, ...], int]

    @property
    def rows(self) -> dict[str, int]:
        """Each row of the table, and how often it decided.

        Several rows may have one name, as `duplicate`. Then the first kind of event and the first state of the row are added:
        `duplicate (wrapup in pending)`.
        """
        names = self._names()
        return self._counted(names.values(), names.get)

    @property
    def cells(self) -> dict[tuple[str, str], int]:
        """Each kind of event in each state of its machine, and how often it came there. Timers are kinds, too."""
        every = ((kind, state) for kind, state, _ in self._names() if kind != LEG_ENDED)
        return self._counted(every, lambda move: move[:2])

    @property
    def missing_rows(self) -> tuple[str, ...]:
        """The rows that never decided."""
        return tuple(row for row, count in self.rows.items() if not count)

    @property
    def missing_cells(self) -> tuple[tuple[str, str], ...]:
        """The kinds of event, each with a state in which none came."""
        return tuple(cell for cell, count in self.cells.items() if not count)

    def missing(self, production: Self) -> dict[str, int]:
        """Return the rows that production takes and these traces never do, the most frequent ones first.

        Args:
            production: the coverage of traces of production.

        Raises:
            ValueError: it is the coverage of another table.
        """
        self._check_table(production)
        theirs = Counter({row: count for row, count in production.rows.items() if count})
        return {row: count for row, count in theirs.most_common() if row in self.missing_rows}

    def is_of(self, other: "Coverage") -> bool:
        """Return whether another coverage is of the same table: its name and its rows are the same."""
        return (self.table, self.known) == (other.table, other.known)

    def merged(self, other: Self) -> Self:
        """Return the coverage of both.

        Raises:
            ValueError: it is the coverage of another table.
        """
        self._check_table(other)
        return evolve(self, paths=Counter(self.paths) + Counter(other.paths))

    def report(self, production: Self | None = None, *, with_cells: bool = False) -> str:
        """Return the coverage as text: the counts, and the rows that were never taken.

        Args:
            production: the coverage of traces of production, for the rows that only production takes.
            with_cells: also the kinds of event, each with the states in which none came.
        """
        rows, cells, sessions = self.rows, self.cells, sum(self.paths.values())
        parts = [
            _share(rows, "rows"),
            _share(cells, "cells (a kind of event in a state)"),
            f"{sessions:,} session{'' if sessions == 1 else 's'}",
        ]
        lines = [f"Table {self.table}: {', '.join(parts)}."]
        if production is not None:
            only = ", ".join(f"{row} ×{count:,}" for row, count in self.missing(production).items())
            lines += ["Rows that production takes and the tests never do:", _wrapped(only or "none")]
        for machine, moves in self.known.items():
            missing = [row for row in dict.fromkeys(moves.values()) if not rows[row]]
            if missing:
                lines += [f"Rows of the {machine} that were never taken:", _wrapped(", ".join(missing))]
        by_kind: dict[str, list[str]] = defaultdict(list)
        for kind, state in self.missing_cells:
            by_kind[kind].append(state)
        if with_cells and by_kind:
            lines += ["Events that never came in these states:"]
            lines += [_wrapped(f"{kind}: {', '.join(states)}") for kind, states in by_kind.items()]
        return "\n".join(lines)

    def draw(
        self,
        picture: Picture,
        format: Format = "svg",  # noqa: A002 (as `render`)
        *,
        table: Table[Any] | None = None,
    ) -> str:
        """Return a diagram with counts. What was taken often has thick lines, and what was never taken is dotted.

        Args:
            picture: `connection` or `after-call-work`.
            format: one of `svg`, `mermaid` and `dot`.
            table: the table. None: the standard one.

        Raises:
            ValueError: it is the coverage of another table, or there is no such picture or format.
        """
        table = table or Table.standard()
        self._check_table(coverage(table=table))
        return render(picture, format, path=TracePath.of(_entries(self.paths, table)), table=table)

    # --- For workers ----------------------------------------------------------------------------------------------------------

    def as_json(self) -> dict[str, Any]:
        """Return this coverage as JSON, for another process. `from_json` reads it. `Any`: JSON."""
        known = {machine: [[*move, row] for move, row in moves.items()] for machine, moves in self.known.items()}
        return {"table": self.table, "known": known, "paths": [[[*map(list, path)], count] for path, count in self.paths.items()]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the coverage that `as_json` wrote. `Any`: JSON."""
        known = {machine: {(k, s, name): row for k, s, name, row in moves} for machine, moves in document["known"].items()}
        paths = {tuple((k, s, r, w) for k, s, r, w in path): count for path, count in document["paths"]}
        return cls(document["table"], known, paths)

    # --- Inside ---------------------------------------------------------------------------------------------------------------

    def _names(self) -> dict[Move, str]:
        return {move: row for moves in self.known.values() for move, row in moves.items()}

    def _counted(self, every: Iterable[Any], key: Any) -> dict[Any, int]:  # rows or cells
        found = dict.fromkeys(every, 0)
        for move, count in _moves(self.known, self.paths).items():
            if key(move) in found:
                found[key(move)] += count
        return found

    def _check_table(self, other: "Coverage") -> None:
        if self.is_of(other):
            return
        what = repr(other.table) if other.table != self.table else "another table of this name"
        raise ValueError(f"expected the table {self.table!r}, whose coverage this is, found {what}")


def coverage(*traces: Trace, table: Table[Any] | None = None) -> Coverage:
    """Return what traces took of a table.

    Args:
        traces: logs, runs, and entries of traces, also as JSON objects. A trace may begin in the middle of a session. Then the
            state of after-call work before its first entry is unknown, and a row of after-call work in this entry is not counted.
        table: the table by which they were decided. None: the standard one.

    Raises:
        ValueError: an entry has a row that the table does not have.
        TypeError: it is no trace.

    >>> from cobrowse_session.testing import run, stream
    >>> found = coverage(run(stream("s1").alerting().after(3).connected()))
    >>> found.rows["alerting"], found.rows["no_way_back"], found.cells["connected", "alerting"]
    (1, 0, 1)
    """
    table = table or Table.standard()
    check_type("coverage: table", table, Table)
    known = rows_by_move(table)
    paths = Counter(path for trace in traces for path in _paths(trace, table))
    every = {move for moves in known.values() for move in moves}
    if strange := sorted(_moves(known, paths).keys() - every):
        kind, _, row = strange[0]
        raise ValueError(
            f"the table {table.name!r} has no such row {row!r} for {kind!r}; name the table: coverage(..., table=...)"
        )
    return Coverage(table.name, known, paths)


def merged_coverages(every: Iterable[Coverage]) -> list[Coverage]:
    """Return one coverage for each table. Two tables may have one name."""
    found: list[tuple[Coverage, Counter[tuple[Step, ...]]]] = []
    for one in every:
        paths = next((paths for other, paths in found if other.is_of(one)), None)
        if paths is None:
            found.append((one, paths := Counter()))
        paths.update(one.paths)
    return [evolve(one, paths=paths) for one, paths in found]


@lru_cache(maxsize=64)
def rows_by_move(table: Table[Any]) -> Mapping[str, Mapping[Move, str]]:
    """Return the moves of each machine, in the order of the rows, each with the name of its row, as `rows` has it."""
    often = Counter(row.name for part in table.parts for row in part.rows)
    found: dict[str, dict[Move, str]] = {part.name: {} for part in table.parts}
    for part in table.parts:
        for row in part.rows:
            (kind, state), *others = part.cells(row)
            cell = f" ({kind} in {state}{', ...' if others else ''})" if often[row.name] > 1 else ""
            found[part.name] |= {(kind, state, row.name): f"{row.name}{cell}" for kind, state in part.cells(row)}
    return found


def _paths(trace: Trace, table: Table[Any]) -> list[tuple[Step, ...]]:
    """Return the steps of each session of a trace."""
    entries = trace.trace if isinstance(trace, SessionLog) else trace.steps if isinstance(trace, Run) else trace
    if not isinstance(entries, Iterable) or isinstance(entries, str | bytes):
        raise _no_trace(trace)
    by_session: dict[str, list[Step]] = defaultdict(list)
    for entry in entries:
        if isinstance(entry, Event):
            raise TypeError("coverage: expected a log, a run or the entries of a trace, found events: coverage(run(events))")
        if not isinstance(entry, Mapping | TraceEntry | RunStep):
            raise _no_trace(entry)
        session, step = _json_step(entry, table) if isinstance(entry, Mapping) else _step(entry)
        by_session[session].append(step)
    return [tuple(steps) for steps in by_session.values()]


def _no_trace(found: object) -> TypeError:
    return TypeError(f"coverage: expected a log, a run or the entries of a trace, found {shown(found)}")


def _step(entry: TraceEntry | RunStep) -> tuple[str, Step]:
    event, outcome = entry.event, entry.outcome
    return event.subject, (event.kind, str(outcome.from_state), outcome.row or "", str(outcome.acw or ""))


def _json_step(entry: Mapping[str, Any], table: Table[Any]) -> tuple[str, Step]:  # JSON
    type_ = str(entry.get("type"))
    is_timer = entry.get("event") is None and type_ in table.timers  # an event of an unknown type may have a timer's name
    kind = type_ if is_timer else table.types.get(type_, UnknownEvent).kind
    return str(entry.get("session")), (kind, str(entry.get("from")), str(entry.get("row") or ""), str(entry.get("acw") or ""))


def _moves(known: Mapping[str, Mapping[Move, str]], paths: Mapping[tuple[Step, ...], int]) -> Counter[Move]:
    """Return how often each move was taken."""
    # A step has the connection state before it, but after-call work afterwards. So after-call work before it is that of the step
    # before. At the end of the leg there are two rows, as `ended+begins`: the second one is a move of after-call work.
    connection, _ = known.values()
    of_connection = {kind for kind, *_ in connection}
    found = Counter[Move]()
    for path, count in paths.items():
        work = ABSENT if path[0][1] == ConnectionState.NONE else None
        for step in path:
            for move in moves_of(step, work, of_connection):
                found[move] += count
            work = step[3] or ABSENT
    return found


def moves_of(step: Step, work: str | None, of_connection: Container[str]) -> Iterator[Move]:
    """Yield the moves of a step: none, one, or two at the end of the leg.

    Args:
        step: the step.
        work: the state of after-call work before it. None: unknown, so that its move is left out.
        of_connection: the kinds of event that the connection decides.
    """
    kind, state, row, _ = step
    first, _, second = row.partition("+")
    before = state if kind in of_connection else work
    if first and before:  # a stale event has no row
        yield kind, before, first
    if second and work:
        yield LEG_ENDED, work, second


def _entries(paths: Mapping[tuple[Step, ...], int], table: Table[Any]) -> Iterator[dict[str, str]]:
    """Yield entries of a trace with these steps, for a picture of counts, in which times do not matter."""
    types = {kind: event.prefix + event.kind for kind, event in table.kinds.items()}
    for number, (path, count) in enumerate(paths.items()):
        for copy in range(count):
            for kind, state, row, work in path:
                named = {} if kind in table.timers else {"event": "e"}
                whose = {"session": f"{number} {copy}", "type": types.get(kind, kind), "at": "2026-03-01T09:00:00.000Z", **named}
                yield {**whose, "from": state, "row": row, **({"acw": work} if work else {})}


# --- Text ---------------------------------------------------------------------------------------------------------------------


def _share(counts: Mapping[Any, int], what: str) -> str:
    taken = sum(map(bool, counts.values()))
    return f"{taken} of {len(counts)} {what}"


def _wrapped(text: str) -> str:
    return fill(text, 100, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
