"""Rows at a place among others, and rows of kinds and states that are like others: each way, on a table of five rows."""

from typing import Any

import pytest

from cobrowse_session import TableError
from cobrowse_session.lifecycle.actions import clear_controlling, finish_wrapup
from cobrowse_session.lifecycle.extension import after, also, before, instead, like_kinds, like_states, placed
from cobrowse_session.lifecycle.row import EVENT_STATE, NO_TRANSITION, SAME_STATE, Row, ignored, other_states


def row(name: str, *on: str, **more: Any) -> Row:
    given = {"source": ("idle",), "result": NO_TRANSITION, "reason": f"{name}."}
    return Row(name=name, on=on, **{**given, **more})


def more(*on: str) -> Row:
    return row("a", *on, actions=(clear_controlling,))


# A name may stand for several rows, and a row is of one kind of event or of several.
A_XY, B_Y, A_Z, C_X, A_YZ = row("a", "x", "y"), row("b", "y"), row("a", "z"), row("c", "x"), row("a", "y", "z")
ROWS = (A_XY, B_Y, A_Z, C_X, A_YZ)
NEW_X, NEW_Y, NEW_XZ = row("new", "x"), row("new", "y"), row("new", "x", "z")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (before("b", NEW_Y), (A_XY, NEW_Y, B_Y, A_Z, C_X, A_YZ)),
        (after("b", NEW_Y), (A_XY, B_Y, NEW_Y, A_Z, C_X, A_YZ)),
        # Of the rows of one name, only those of the kinds of the new row count: the first of them, or the last.
        (before("a", NEW_Y), (NEW_Y, *ROWS)),
        (before("a", row("new", "z")), (A_XY, B_Y, row("new", "z"), A_Z, C_X, A_YZ)),
        (after("a", NEW_Y), (*ROWS, NEW_Y)),
        (after("a", NEW_X), (A_XY, NEW_X, B_Y, A_Z, C_X, A_YZ)),
        (instead("b", NEW_Y), (A_XY, NEW_Y, A_Z, C_X, A_YZ)),
        # A row that is replaced for one of its kinds stays for the others, behind the new one.
        (instead("a", NEW_X), (NEW_X, row("a", "y"), B_Y, A_Z, C_X, A_YZ)),
        (instead("a", NEW_Y), (NEW_Y, row("a", "x"), B_Y, A_Z, C_X, row("a", "z"))),
        (instead("a", NEW_XZ), (NEW_XZ, row("a", "y"), B_Y, C_X, row("a", "y"))),
        (instead("a", NEW_X, NEW_Y), (NEW_X, NEW_Y, B_Y, A_Z, C_X, row("a", "z"))),
        # Without rows, all of the name go.
        (instead("a"), (B_Y, C_X)),
        (also("a", clear_controlling), (more("x", "y"), B_Y, more("z"), C_X, more("y", "z"))),
        # A row without a place comes last.
        (NEW_X, (*ROWS, NEW_X)),
    ],
)
def test_rows_are_put_before_after_or_instead_of_the_rows_of_their_kinds(change: Any, expected: tuple[Row, ...]) -> None:
    assert placed(ROWS, [change]) == expected


def test_changes_follow_one_another_and_more_is_written_behind_what_was_written() -> None:
    changes: list[Any] = [
        also("b", clear_controlling),
        also("b", finish_wrapup),
        before("c", NEW_X),
        before("new", row("first", "x")),
    ]

    assert placed(ROWS, changes) == (
        A_XY,
        row("b", "y", actions=(clear_controlling, finish_wrapup)),
        A_Z,
        row("first", "x"),
        NEW_X,
        C_X,
        A_YZ,
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (before("d", NEW_XZ), "before 'd': no row of x and z has this name: expected one of a, c"),
        (after("b", NEW_X), "after 'b': no row of x has this name: expected one of a, c"),
        (instead("d"), "instead 'd': no row has this name: expected one of a, b, c"),
        (also("d", clear_controlling), "also 'd': no row has this name: expected one of a, b, c"),
        (before("a", row("new", "w")), "before 'a': no row of w has this name: expected one of none"),
        (5, "expected a Row, or one with a place, as before('begins', row), found 5"),
    ],
)
def test_a_change_without_a_place_is_named_with_the_rows_that_there_are(change: Any, problem: str) -> None:
    changes: list[Any] = [change, change]
    with pytest.raises(TableError) as raised:
        placed(ROWS, changes)

    assert raised.value.problems == (problem, problem)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: before("b"), "before 'b': expected rows, found none"),
        (lambda: also("b"), "also 'b': expected actions, found none"),
        (lambda: also("b", 5, clear_controlling, "x"), "also 'b': expected actions, found 5, 'x'"),  # type: ignore[arg-type]  # the point
        (lambda: after(5, NEW_X), "after: expected the name of a row, then rows, found 5"),  # type: ignore[arg-type]  # as above
    ],
)
def test_a_place_that_is_wrong_in_itself_is_refused_at_once(make: Any, problem: str) -> None:
    with pytest.raises(TableError) as raised:
        make()

    assert raised.value.problems == (problem,)


# --- Likeness -----------------------------------------------------------------------------------------------------------------

STATED = {"ring": "ringing", "hold": "held", "park": "parked", "chime": "chiming"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # `ring` enters `ringing`. A kind that is like it enters the state that it names itself.
        (row("r", "ring", result="ringing"), row("r", "ring", "chime", result=EVENT_STATE)),
        (row("r", "ring", result=EVENT_STATE), row("r", "ring", "chime", result=EVENT_STATE)),
        # Another state than the one that the kind names is entered by the kinds that are like it, too.
        (row("r", "ring", result="held"), row("r", "ring", "chime", result="held")),
        # Two kinds that name two states, and enter one of these.
        (row("r", "ring", "hold", result="ringing"), row("r", "ring", "hold", "chime", result="ringing")),
        (row("r", "ring", result=ignored("x")), row("r", "ring", "chime", result=ignored("x"))),
        # Nothing is like `hold`.
        (row("r", "hold", result="held"), row("r", "hold", result="held")),
    ],
)
def test_a_row_of_a_kind_is_also_one_of_the_kinds_that_are_like_it(given: Row, expected: Row) -> None:
    assert like_kinds([given], {"chime": "ring"}, STATED) == (expected,)


def test_a_kind_may_be_like_one_that_is_like_another() -> None:
    assert like_kinds([row("r", "ring")], {"chime": "ring", "peal": "chime"}, STATED) == (row("r", "ring", "chime", "peal"),)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (("idle", "held"), ("idle", "held", "parked", "lost")),
        (("idle",), ("idle",)),
        (("held", "parked"), ("held", "parked", "lost")),
        (other_states("held"), other_states("held", "parked", "lost")),
        (SAME_STATE, SAME_STATE),
    ],
)
def test_a_row_that_holds_in_a_state_holds_in_the_states_that_are_like_it(source: Any, expected: Any) -> None:
    like = {"parked": "held", "lost": "parked"}

    assert like_states([row("r", "x", source=source)], like) == (row("r", "x", source=expected),)
