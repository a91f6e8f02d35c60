"""Tables with one small error each, and what finds it: `python -m tests.table_mutants`.

A mutant is the standard table with one row changed. It is *refused* by the checks of a table. Or it is *killed*: for some place
and letter of the exhaustive search (`exhaustive.py`) it decides or writes otherwise than the standard table, which agrees there
with the second reading of the specification. A mutant that is *renamed* differs only in what that reading does not have:
the name of the row, and the names of what it may set. Or it is *equivalent*: it does the same for every place and letter. Then it
reaches the same places, and no stream of these letters shows a difference.
"""

# ruff: noqa: T201 (it prints)

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, get_args

from attrs import define, evolve, field, frozen
from tests.alphabet import FEW, MORE, Letter
from tests.exhaustive import FLAGS, PROMPTS, Scope, Search, Shown, changes, few, of_alerts, of_work
from tests.tables import table_of

from cobrowse_session import Applied, CobrowseSession, Event, TableError
from cobrowse_session.lifecycle.outcome import Outcome
from cobrowse_session.lifecycle.row import DUPLICATE, NO_TRANSITION, Guard, RowOutcome, ignored, name_of, reads_event, refused
from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION
from cobrowse_session.tables import Policy, Row, Table

Rows = tuple[Row, ...]
Cells = frozenset[tuple[str, str]]
"""Kinds of event and states."""


@reads_event
@frozen
class Negated:
    """A guard that answers the opposite."""

    guard: Guard

    def __call__(self, session: CobrowseSession, event: Event, policy: Policy) -> bool:
        return not self.guard(session, event, policy)


@frozen(eq=False)
class Mutant:
    """One changed row.

    Attributes:
        row: its name.
        change: what was done to it.
        cells: the cells in which something may be otherwise: kinds of event and states.
        rows: of both machines.
    """

    row: str
    change: str
    cells: Cells
    rows: tuple[Rows, Rows] = field(repr=False)

    def __str__(self) -> str:
        kinds, states = (" ".join(sorted(set(some))) for some in zip(*self.cells, strict=True))
        return f"{self.row}, {kinds} in {states}: {self.change}"

    def table(self) -> Table:
        """Return the table.

        Raises:
            TableError: the checks refuse it.
        """
        return table_of(*self.rows)


# --- What is changed ----------------------------------------------------------------------------------------------------------


def mutants() -> Iterator[Mutant]:
    """Yield all mutants of the standard table."""
    for part, rows in zip(Table.standard().parts, (CONNECTION, AFTER_CALL_WORK), strict=True):
        cells = [frozenset(part.cells(row)) for row in rows]
        for place, row in enumerate(rows):
            for change, where, others in _changes(rows, place, cells, part.states):
                whole = (others, AFTER_CALL_WORK) if rows is CONNECTION else (CONNECTION, others)
                yield Mutant(row.name, change, where, whole)


def _changes(rows: Rows, place: int, cells: list[Cells], states: Iterable[str]) -> Iterator[tuple[str, Cells, Rows]]:
    before, row, after = rows[:place], rows[place], rows[place + 1 :]
    yield "dropped", cells[place], (*before, *after)
    for other in sorted(_neighbours(cells, place)):
        swapped = [*rows]
        swapped[place], swapped[other] = rows[other], row
        yield f"swapped with {rows[other].name}", cells[place] | cells[other], tuple(swapped)
    for change, one in (*_other_results(row, states), *_other_guards(row), *_other_actions(row)):
        yield change, cells[place], (*before, one, *after)


def _neighbours(cells: list[Cells], place: int) -> set[int]:
    """Return the place of the next row in each cell."""
    found = (next((later for later in range(place + 1, len(cells)) if cell in cells[later]), None) for cell in cells[place])
    return {later for later in found if later is not None}


def _other_results(row: Row, states: Iterable[str]) -> Iterator[tuple[str, Row]]:
    match row.result:
        case RowOutcome("refused" | "ignored" as kind, str(rule)):
            same, other = (refused, ignored) if kind == "refused" else (ignored, refused)
            found: list[str | RowOutcome] = [other(rule), same("another_rule"), DUPLICATE, NO_TRANSITION]
        case RowOutcome("duplicate"):
            found = [NO_TRANSITION, ignored("another_rule")]
        case _:
            found = [
                *(state for state in states if state != row.result),
                *([] if row.result == NO_TRANSITION else [NO_TRANSITION]),
            ]
            yield "result duplicate, no actions", evolve(row, result=DUPLICATE, actions=())
    for result in found:
        yield f"result {result if isinstance(result, str) else f'{result.kind} {result.rule}'}", evolve(row, result=result)


def _other_guards(row: Row) -> Iterator[tuple[str, Row]]:
    for place, guard in enumerate(row.guards):
        before, after = row.guards[:place], row.guards[place + 1 :]
        yield f"not {name_of(guard)}", evolve(row, guards=(*before, Negated(guard), *after))
        yield f"without {name_of(guard)}", evolve(row, guards=(*before, *after))


def _other_actions(row: Row) -> Iterator[tuple[str, Row]]:
    for place, action in enumerate(row.actions):
        before, after = row.actions[:place], row.actions[place + 1 :]
        yield f"without {name_of(action)}", evolve(row, actions=(*before, *after))
        if after:
            yield f"{name_of(after[0])} before {name_of(action)}", evolve(row, actions=(*before, after[0], action, *after[1:]))


# --- What finds it ------------------------------------------------------------------------------------------------------------


@frozen
class Known:
    """A step of the standard table.

    Attributes:
        search: of which scope.
        session: before, not changed.
        letter: the event, or the deadline that passes.
        outcomes: what fired and was decided.
    """

    search: Search
    session: CobrowseSession
    letter: Letter
    outcomes: tuple[Outcome, ...]


@define
class Standard:
    """The steps of the standard table, by cell and by the row that decided there."""

    scopes: list[Scope] = field(factory=list)
    steps: dict[tuple[str, str], dict[str, list[Known]]] = field(factory=lambda: defaultdict(lambda: defaultdict(list)))

    def of_row(self, mutant: Mutant) -> Iterator[Known]:
        """Yield the steps in the cells of a mutant: first those that its row decided, then a few of each other row, then all."""
        name = mutant.row
        by_row = [(row, some) for cell in sorted(mutant.cells) for row, some in self.steps[cell].items()]
        own = [one for row, some in by_row if row == name for one in some]
        rest = [some for row, some in by_row if row != name]
        yield from own
        yield from (one for some in rest for one in some[:3])
        yield from (one for some in rest for one in some[3:])


def standard(scopes: Iterable[Scope]) -> Standard:
    """Search the scopes of the standard table, and return all steps."""
    made, shown = Standard(), Shown()
    for scope in scopes:
        if scope.options is None:
            continue
        made.scopes.append(scope)
        search = shown.search(scope)
        for place in search.places.values():
            for number, (outcomes, _) in place.steps.items():
                one = Known(search, place.session, scope.letters[number], outcomes)
                for kind, state, row in search.decided(one.session, one.letter, outcomes):
                    made.steps[kind, state][row].append(one)
    return made


def more() -> Iterator[Scope]:
    """Yield scopes with more letters, for what the scopes of `make test` do not kill."""
    yield from of_work(MORE, FLAGS[:1], ("optional", "timeout", "forcedTimeout"))
    yield from of_work(FEW, FLAGS[1:], PROMPTS)
    yield from of_alerts((1,), unanswered=False)


Fate = Literal["refused", "killed", "renamed", "equivalent"]


def fate(mutant: Mutant, known: Standard) -> Fate:
    """Return what becomes of a mutant."""
    try:
        table = mutant.table()
    except TableError:
        return "refused"
    lifecycles = {scope.name: evolve(scope.lifecycle, table=table) for scope in known.scopes}
    found: Fate = "equivalent"
    for one in known.of_row(mutant):
        try:
            after, outcomes = one.search.apply(one.session, one.letter, lifecycles[one.search.scope.name])
        except Exception:  # noqa: BLE001 (whatever a broken row raises: an event has an outcome and never an exception)
            return "killed"
        if _seen(outcomes) != _seen(one.outcomes):
            return "killed"
        if any(isinstance(outcome, Applied) for outcome in outcomes):
            expected, _ = one.search.apply(one.session, one.letter)
            if any(changes(expected, after)):
                return "killed"
        if outcomes != one.outcomes:
            found = "renamed"
    return found


def _seen(outcomes: Iterable[Outcome]) -> list[tuple[object, ...]]:
    """Return what the second reading has of outcomes, too. It has no names of rows, and names what is set only if it changed."""
    return [(one.kind, getattr(one, "rule", None), getattr(one, "to_state", None), one.acw) for one in outcomes]


EXPLAINED = Path(__file__).with_name("equivalent_mutants.txt")


def explained() -> dict[str, str]:
    """Return the mutants that need not be killed, each with the reason."""
    found, reason = dict[str, str](), ""
    for line in EXPLAINED.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            reason = line.removeprefix("# ")
        elif line and reason:
            found[line] = reason
    return found


def main() -> int:
    """Try all mutants. The ones that are left are those of the file, or it fails."""
    fates: dict[Mutant, Fate] = dict.fromkeys(mutants(), "equivalent")
    for scopes in (few(), more()):
        known = standard(scopes)
        for mutant in [mutant for mutant, found in fates.items() if found in ("renamed", "equivalent")]:
            found = fate(mutant, known)
            fates[mutant] = fates[mutant] if found == "equivalent" else found
    left = {str(mutant): found for mutant, found in fates.items() if found in ("renamed", "equivalent")}
    differ = left.keys() ^ explained().keys()
    for name in sorted(differ):
        print(f"{left.get(name, 'killed')}: {name}", file=sys.stderr)
    counts = Counter(fates.values())
    figures = ", ".join([f"{len(fates):,} mutants", *(f"{counts[name]:,} {name}" for name in get_args(Fate))])
    print(figures, file=sys.stderr if differ else sys.stdout)
    return bool(differ)


if __name__ == "__main__":
    sys.exit(main())
