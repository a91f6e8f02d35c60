"""Extensions of a table: rows at a place among others, and kinds of event and states that are like others.

A place is named by a row, because rows have names and no numbers. Example, in after-call work. The rows of `leg_ended`, in order:

    before                  skipped_after_transfer, skipped_unrequested, begins
    before("begins", r)     skipped_after_transfer, skipped_unrequested, r, begins
    after("begins", r)      skipped_after_transfer, skipped_unrequested, begins, r: never reached, because `begins` has no guard
    instead("begins", r)    skipped_after_transfer, skipped_unrequested, r
    also("begins", a)       the same rows, and `begins` calls the action `a` behind its own

The check of the whole table refuses the second one. So a place that makes no sense is found when the table is made.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from attrs import evolve, frozen

from cobrowse_session.checks import shown
from cobrowse_session.errors import TableError
from cobrowse_session.lifecycle.row import EVENT_STATE, Action, OtherStates, Row


@frozen
class Placed:
    """Rows that stand before, after or instead of a row of the table.

    Raises:
        TableError: the name is no text, or what follows it are no rows.
    """

    where: Literal["before", "after", "instead"]
    name: str
    rows: tuple[Row, ...]

    def __attrs_post_init__(self) -> None:
        _check(self.where, self.name, self.rows, lambda one: isinstance(one, Row), "rows")


@frozen
class Added:
    """Actions that follow those of a row of the table.

    Raises:
        TableError: the name is no text, or what follows it are no actions.
    """

    name: str
    actions: tuple[Action, ...]

    def __attrs_post_init__(self) -> None:
        _check("also", self.name, self.actions, callable, "actions")


def _check(where: str, name: str, parts: tuple[object, ...], is_one: Callable[[object], bool], expected: str) -> None:
    if not isinstance(name, str):
        raise TableError((f"{where}: expected the name of a row, then {expected}, found {shown(name)}",))
    wrong = [part for part in parts if not is_one(part)]
    if wrong or not (parts or where == "instead"):  # `instead` without rows removes one
        found = ", ".join(map(shown, wrong)) or "none"
        raise TableError((f"{where} {name!r}: expected {expected}, found {found}",))


Change = Row | Placed | Added


def before(name: str, *rows: Row) -> Placed:
    """Put rows before the row of this name, among the rows of their kinds of event."""
    return Placed("before", name, rows)


def after(name: str, *rows: Row) -> Placed:
    """Put rows behind the row of this name, among the rows of their kinds of event."""
    return Placed("after", name, rows)


def instead(name: str, *rows: Row) -> Placed:
    """Put rows in the place of the row of this name, for their kinds of event. Without rows: remove it."""
    return Placed("instead", name, rows)


def also(name: str, *actions: Action) -> Added:
    """Let the row of this name write more. Of the rows of one event only one decides, so another row could not."""
    return Added(name, actions)


# --- Places -------------------------------------------------------------------------------------------------------------------


def placed(rows: Iterable[Row], changes: Iterable[Change]) -> tuple[Row, ...]:
    """Return the rows with the changes, in order. A row without a place comes last.

    Raises:
        TableError: a change names no row of its kinds of event, or is none.
    """
    found = list(rows)
    problems: list[str] = []
    for change in changes:
        if isinstance(change, Row):
            found.append(change)
        elif not isinstance(change, Placed | Added):
            problems.append(f"expected a Row, or one with a place, as before('begins', row), found {shown(change)}")
        elif not (places := _places(found, change)):
            problems.append(_unplaced(found, change))
        elif isinstance(change, Added):
            for place in places:
                found[place] = evolve(found[place], actions=(*found[place].actions, *change.actions))
        else:
            _put(found, places, change)
    if problems:
        raise TableError(tuple(problems))
    return tuple(found)


def _places(rows: list[Row], change: Placed | Added) -> list[int]:
    """Return where the rows are that a change names. A name may stand for several: `duplicate` is a row of many kinds."""
    kinds = _kinds(change)
    return [place for place, row in enumerate(rows) if row.name == change.name and (not kinds or kinds & {*row.on})]


def _put(rows: list[Row], places: list[int], change: Placed) -> None:
    first, last = places[0], places[-1]
    match change.where:
        case "before":
            rows[first:first] = change.rows
        case "after":
            rows[last + 1 : last + 1] = change.rows
        case _:
            # Example: `instead("duplicate", Row(on=("wrapup",), …))`. The row `duplicate` goes for `wrapup`. It stays for the
            # other kinds of event that it is written for.
            kinds = _kinds(change)
            for place in reversed(places):
                kept = tuple(kind for kind in rows[place].on if kinds and kind not in kinds)
                rows[place : place + 1] = [evolve(rows[place], on=kept)] if kept else []
            rows[first:first] = change.rows


def _kinds(change: Placed | Added) -> set[str]:
    return {kind for row in change.rows for kind in row.on} if isinstance(change, Placed) else set()


def _unplaced(rows: list[Row], change: Placed | Added) -> str:
    kinds = _kinds(change)
    names = dict.fromkeys(row.name for row in rows if not kinds or kinds & {*row.on})
    word = "also" if isinstance(change, Added) else change.where
    of_kinds = f" of {' and '.join(sorted(kinds))}" if kinds else ""
    return f"{word} {change.name!r}: no row{of_kinds} has this name: expected one of {', '.join(names) or 'none'}"


# --- Likeness -----------------------------------------------------------------------------------------------------------------


def like_kinds(rows: Iterable[Row], like: Mapping[str, str], stated: Mapping[str, str]) -> tuple[Row, ...]:
    """Return the rows, where every row of a kind of event is also one of the kinds that are like it.

    Args:
        rows: of one machine.
        like: each own kind, and the kind that it is like.
        stated: the connection state that each kind names, where it names one.
    """
    return tuple(_with_kinds(row, _and_like(row.on, like), stated) for row in rows)


def _with_kinds(row: Row, kinds: tuple[str, ...], stated: Mapping[str, str]) -> Row:
    if kinds == row.on:
        return row
    # `alerting` enters the state `alerting`. A kind `ringing` that is like it, and names a state `ringing`, enters that one.
    names_it = isinstance(row.result, str) and {stated.get(kind) for kind in row.on} == {row.result}
    return evolve(row, on=kinds, result=EVENT_STATE if names_it else row.result)


def like_states(rows: Iterable[Row], like: Mapping[str, str]) -> tuple[Row, ...]:
    """Return the rows, where every row that holds in a state also holds in the states that are like it."""
    return tuple(_with_states(row, like) for row in rows)


def _with_states(row: Row, like: Mapping[str, str]) -> Row:
    match row.source:
        case OtherStates(states):
            return evolve(row, source=OtherStates(_and_like(states, like)))
        case tuple():
            return evolve(row, source=_and_like(row.source, like))
        case _:
            return row


def _and_like(words: tuple[str, ...], like: Mapping[str, str]) -> tuple[str, ...]:
    found = list(words)
    for own, other in like.items():  # in order, so that one own word may be like another
        if other in found and own not in found:
            found.append(own)
    return tuple(found)
