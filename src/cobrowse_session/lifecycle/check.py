"""Checks of the rows: every event in every state has exactly one outcome, and every row can decide something."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import frozen

from cobrowse_session.lifecycle.row import EVENT_STATE, SAME_STATE, OtherStates, Row
from cobrowse_session.lifecycle.states import SAME

Cell = tuple[str, str]
"""A kind of event and a state."""


@frozen
class Part:
    """The rows of one machine.

    Attributes:
        name: of the machine, for errors.
        states: its states.
        rows: its rows, in order.
        event_states: the state that each kind of event names, where it names one.
        same: each connection state, with the states that include it.
    """

    name: str
    states: Sequence[str]
    rows: Sequence[Row]
    event_states: Mapping[str, str]
    same: Mapping[str, tuple[str, ...]] = SAME

    def cells(self, row: Row) -> Iterator[Cell]:
        """Yield the kinds of event and states for which a row is written."""
        for kind in row.on:
            for state in row.sources(self.event_states.get(kind), self.same):
                yield kind, state

    def by_cell(self) -> dict[Cell, list[Row]]:
        """Return the rows of each kind of event and state, in order."""
        found: dict[Cell, list[Row]] = {}
        for row in self.rows:
            for cell in self.cells(row):
                found.setdefault(cell, []).append(row)
        return found


def row_problems(parts: Sequence[Part], kinds: Iterable[str], timers: Iterable[str]) -> Iterator[str]:
    """Yield one line for each problem of the rows of all machines.

    Args:
        parts: the rows of each machine.
        kinds: every kind of event that the table must decide, in every state of its machine.
        timers: the kinds that fire only in the states that have rows for them.
    """
    timers = frozenset(timers)
    for part in parts:
        yield from _problems(part, timers)
    yield from _misplaced_kinds(parts, {*kinds, *timers})


def _problems(part: Part, timers: frozenset[str]) -> Iterator[str]:
    unknown = [*_unknown_words(part), *_unknown_states(part)]
    yield from unknown
    yield from _ambiguous_names(part)
    yield from _idle_actions(part)
    yield from (
        f"row {row.name!r} has no reason: write one sentence for the outcome" for row in part.rows if not row.reason.strip()
    )
    # Example: a misspelt source `conected` would add "event ... in state 'connected' has no rows" for each kind of the row, all
    # of them caused by the one word.
    if not unknown:  # an unknown state would also be an incomplete one
        yield from _incomplete_cells(part, timers)
        yield from _unreachable_rows(part)


def _unknown_words(part: Part) -> Iterator[str]:
    """A text as a source or a result may name the state of the event, which not every kind of event has."""
    for row in part.rows:
        if row.source == SAME_STATE or row.result == EVENT_STATE:
            for kind in row.on:
                if kind not in part.event_states:
                    yield f"row {row.name!r}: event {kind!r} names no state: name the states of the row instead"


def _idle_actions(part: Part) -> Iterator[str]:
    """A row that is refused, ignored or a duplicate changes nothing (OUTCOME-7)."""
    for row in part.rows:
        if row.actions and not row.is_applied:
            yield f"row {row.name!r} has actions, but changes nothing: remove them, or let it be applied"


def _unknown_states(part: Part) -> Iterator[str]:
    for row in part.rows:
        sources = row.source.states if isinstance(row.source, OtherStates) else row.source
        stated = sources if isinstance(sources, tuple) else ()
        targets = [target for kind in row.on if (target := row.target(part.event_states.get(kind)))]
        for word, states in (("source", stated), ("result", targets)):
            for state in dict.fromkeys(states):
                if state not in part.states:
                    known = f"the {part.name} has {', '.join(part.states)}; Table.extended(states=...) adds one"
                    yield f"row {row.name!r}: unknown {word} state {state!r}: {known}"


def _ambiguous_names(part: Part) -> Iterator[str]:
    """Rows that share a name must mean the same, because outcomes and traces name the row."""
    first: dict[str, Row] = {}
    for row in part.rows:
        if not row.name or "+" in row.name:
            yield f"row {row.name!r}: expected a name without +, because an outcome joins the names of two rows by it"
        known = first.setdefault(row.name, row)
        # Kinds, states and guards may differ: `duplicate` is one row for many cells, made several times by `no_change_rows`.
        if (known.result, known.actions, known.reason) != (row.result, row.actions, row.reason):
            yield f"two rows named {row.name!r} differ in result, actions or reason: give each one a name of its own"
    for (kind, state), rows in part.by_cell().items():
        for name, count in Counter(row.name for row in rows).items():
            if count > 1:
                yield f"event {kind!r} in state {state!r} has {count} rows named {name!r}: give each one a name of its own"


def _incomplete_cells(part: Part, timers: frozenset[str]) -> Iterator[str]:
    by_cell = part.by_cell()
    for kind in dict.fromkeys(kind for row in part.rows for kind in row.on):
        states: dict[str, list[str]] = {}  # one line for each problem, with the states that have it
        for state in part.states:
            for problem in _of_cell(by_cell.get((kind, state), []), is_timer=kind in timers):
                states.setdefault(problem, []).append(state)
        for problem, some in states.items():
            word = "state" if len(some) == 1 else "states"
            where = "every state" if len(some) == len(part.states) else f"{word} {', '.join(map(repr, some))}"
            yield f"event {kind!r} in {where}{problem}"


def _of_cell(rows: list[Row], *, is_timer: bool) -> Iterator[str]:
    if not rows and not is_timer:
        yield " has no rows: add a row without guards, or add the state to the `source` of one"
    elif rows and rows[-1].guards:
        yield " has no default row: add a last row without guards"
    for place, row in enumerate(rows[:-1], 1):
        if not row.guards:
            behind = ", ".join(repr(one.name) for one in rows[place:])
            advice = "give it a guard, place them before it, or take the state out of their `source`"
            yield f": row {row.name!r} has no guards, so the rows after it never decide ({behind}): {advice}"


def _unreachable_rows(part: Part) -> Iterator[str]:
    """A row is unreachable where an earlier row has no other guards than it. Then that one decides."""
    by_cell = part.by_cell()
    for row in part.rows:
        cells = list(part.cells(row))
        if not cells:
            yield f"row {row.name!r} has no source state for any of its kinds of event: {', '.join(row.on)}"
        # A row is written for many kinds and states. It is of use if it can decide in one of them.
        elif all(_is_shadowed(row, by_cell[cell]) for cell in cells) and row.guards:
            yield f"row {row.name!r} is never reached: an earlier row with the same guards, or fewer, always decides before it"


def _is_shadowed(row: Row, rows: list[Row]) -> bool:
    # Example, `wrapup` in `pending`. A row `draft_without_exit` is added, with one guard more than `draft`:
    #
    #     order of the rows            of a save for which the three guards of `draft_without_exit` hold
    #     draft, draft_without_exit    `draft` decides, because its two guards are among the three: never reached
    #     draft_without_exit, draft    `draft_without_exit` decides, and `draft` decides where there is an early exit
    #
    # A row without guards is left to `_incomplete_cells`. `is`, because two rows may be equal by mistake. The second one is
    # shadowed by the first.
    before = rows[: next(place for place, one in enumerate(rows) if one is row)]
    return any(earlier.guards and all(guard in row.guards for guard in earlier.guards) for earlier in before)


def _misplaced_kinds(parts: Sequence[Part], kinds: set[str]) -> Iterator[str]:
    places = {part.name: {kind for row in part.rows for kind in row.on} for part in parts}
    counts = Counter(kind for found in places.values() for kind in found)
    for kind in sorted(kind for kind, count in counts.items() if count > 1):
        yield f"event {kind!r} has rows in {' and '.join(places)}: each kind of event belongs to one machine"
    for kind in sorted(counts.keys() - kinds):
        yield f"event {kind!r} is unknown: expected one of {', '.join(sorted(kinds))}"
    for kind in sorted(kinds - counts.keys()):
        yield f"event {kind!r} has no rows: add them to one of the machines"
