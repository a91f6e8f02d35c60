"""A table with an error is refused when the machines are built, with one line for each error."""

import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import evolve, fields, frozen
from tests.tables import build

from cobrowse_session import CobrowseError
from cobrowse_session.errors import TableError
from cobrowse_session.events import Entered
from cobrowse_session.lifecycle.actions import set_disconnect_type
from cobrowse_session.lifecycle.guards import connected, has_ended
from cobrowse_session.lifecycle.row import (
    EVENT_STATE,
    NO_TRANSITION,
    SAME_STATE,
    OtherStates,
    Row,
    ignored,
    other_states,
    refused,
)
from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION
from cobrowse_session.tables import Table
from cobrowse_session.vocabulary import ENDED_STATES, PENDING_STATES, ConnectionState

Rows = tuple[Row, ...]


def changed(row_name: str, **changes: Any) -> Rows:
    return tuple(evolve(row, **changes) if row.name == row_name else row for row in CONNECTION)


def problems(connection: Rows = CONNECTION, after_call_work: Rows = AFTER_CALL_WORK) -> tuple[str, ...]:
    with pytest.raises(TableError) as raised:
        build(connection, after_call_work)
    return raised.value.problems


def before(name: str, *rows: Row) -> Rows:
    place = next(place for place, row in enumerate(CONNECTION) if row.name == name)
    return (*CONNECTION[:place], *rows, *CONNECTION[place:])


STATES = ", ".join(ConnectionState)


def test_a_misspelt_target_is_named_with_the_states_that_there_are() -> None:
    assert problems(changed("connected", result="conected")) == (
        f"row 'connected': unknown result state 'conected': the connection has {STATES}; Table.extended(states=...) adds one",
    )


@pytest.mark.parametrize("sources", [("none", "alertin"), other_states("none", "alertin")], ids=["states", "other states"])
def test_a_misspelt_source_is_named_with_the_states_that_there_are(sources: object) -> None:
    assert problems(changed("connected", source=sources)) == (
        f"row 'connected': unknown source state 'alertin': the connection has {STATES}; Table.extended(states=...) adds one",
    )


def test_an_event_that_names_a_state_that_there_is_not_is_an_error() -> None:
    given = {"prefix": "com.acme.", "kind": "ringing", "rank": 42, "target_state": "ringing", "segment": "Alert"}
    event = type("Ringing", (Entered,), given)
    with pytest.raises(TableError) as raised:
        Table.standard().extended("mine", kinds=(frozen(kw_only=True)(event),), like={"ringing": "alerting"})

    assert raised.value.problems == (
        f"row 'alerting': unknown result state 'ringing': the connection has {STATES}; Table.extended(states=...) adds one",
    )


def test_two_rows_of_one_name_that_differ_are_an_error() -> None:
    assert "two rows named 'ended' differ in result, actions or reason: give each one a name of its own" in problems(
        changed("released", name="ended")
    )


def test_two_rows_of_one_name_for_one_event_and_state_are_an_error() -> None:
    row = next(row for row in CONNECTION if row.name == "released")

    assert "event 'terminated' in state 'disconnected' has 2 rows named 'released': give each one a name of its own" in problems(
        before("released", evolve(row, guards=(has_ended,)))
    )


def test_a_kind_of_event_in_both_machines_is_an_error() -> None:
    row = Row(name="stray", on=("wrapup",), source=tuple(ConnectionState), result=NO_TRANSITION, reason="No.", cites=())

    assert problems((*CONNECTION, row)) == (
        "event 'wrapup' has rows in connection and after-call work: each kind of event belongs to one machine",
    )


def test_a_row_that_an_earlier_one_with_the_same_guards_hides_is_an_error() -> None:
    first = Row(
        name="first", on=("connected",), source=("none",), guards=(has_ended,), result=refused("no"), reason="No.", cites=()
    )
    hidden = evolve(first, name="hidden", guards=(connected, has_ended))

    assert problems(before("connected", first, hidden)) == (
        "row 'hidden' is never reached: an earlier row with the same guards, or fewer, always decides before it",
    )


def test_a_row_without_any_source_state_is_an_error() -> None:
    kinds = ("connected", "alerting")
    row = Row(name="nowhere", on=kinds, source=(), guards=(has_ended,), result=refused("no"), reason="No.", cites=())

    assert problems(before("connected", row)) == (
        "row 'nowhere' has no source state for any of its kinds of event: connected, alerting",
    )


def test_a_row_behind_the_default_row_is_an_error() -> None:
    row = next(row for row in CONNECTION if row.name == "unknown_type")

    behind = [evolve(row, name=name, reason="Later.", guards=(has_ended,)) for name in ("later", "end")]

    assert problems((*CONNECTION, *behind))[:2] == (
        "event 'unknown' in every state has no default row: add a last row without guards",
        (
            "event 'unknown' in every state: row 'unknown_type' has no guards, so the rows after it never decide "
            "('later', 'end'): give it a guard, place them before it, or take the state out of their `source`"
        ),
    )


def test_an_event_without_a_default_row_in_a_state_is_an_error() -> None:
    assert problems(changed("no_way_back", guards=(connected,)))[0] == (
        "event 'scheduled' in state 'connected' has no default row: add a last row without guards"
    )


def test_an_event_without_rows_in_a_state_is_an_error() -> None:
    assert problems(changed("connected", source=("none",)))[0] == (
        "event 'connected' in states 'scheduled', 'offering', 'contacting', 'dialing', 'alerting' has no rows: add a row without"
        " guards, or add the state to the `source` of one"
    )


def test_an_event_without_any_rows_is_an_error() -> None:
    rows = tuple(row for row in AFTER_CALL_WORK if "acw.required" not in row.on)

    assert problems(after_call_work=rows) == ("event 'acw.required' has no rows: add them to one of the machines",)


def test_all_errors_are_named_at_once() -> None:
    wrong = tuple(
        evolve(row, result="conected")
        if row.name == "connected"
        else evolve(row, result="alertin")
        if row.name == "alerting"
        else row
        for row in CONNECTION
    )

    assert len(problems(wrong)) == 2


@pytest.mark.parametrize("texts", [("one",), ("one", "two")])
def test_the_error_is_one_of_the_package_and_survives_pickle(texts: tuple[str, ...]) -> None:
    error = TableError(texts)

    assert isinstance(error, CobrowseError)
    assert isinstance(error, ValueError)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 (our own bytes)
    assert str(error).splitlines()[1:] == list(error.problems)


def test_a_state_knows_its_group() -> None:  # CONN-1
    assert [state for state in ConnectionState if state.is_pending] == [*PENDING_STATES]
    assert [state for state in ConnectionState if state.is_ended] == [*ENDED_STATES]


def test_the_groups_of_states_are_derived_from_one_place() -> None:
    groups = [*PENDING_STATES, *ENDED_STATES]

    assert len({*groups}) == len(groups)
    assert {*ConnectionState} - {*groups} == {ConnectionState.NONE, ConnectionState.CONNECTED}
    assert {source for row in CONNECTION if row.source == SAME_STATE for source in row.sources("disconnected")} == {*ENDED_STATES}


def test_a_misspelt_kind_of_event_is_named_with_the_kinds_that_there_are() -> None:
    (problem,) = problems(changed("unknown_type", on=("unknown", "unknwn")))

    assert problem.startswith("event 'unknwn' is unknown: expected one of acw.ended, acw.required, ")


@pytest.mark.parametrize("changes", [{"result": EVENT_STATE}, {"source": SAME_STATE, "guards": (connected,)}])
def test_the_state_of_an_event_that_names_none_is_an_error(changes: dict[str, Any]) -> None:
    assert "row 'unknown_type': event 'unknown' names no state: name the states of the row instead" in problems(
        changed("unknown_type", **changes)
    )


def test_a_row_that_changes_nothing_has_no_actions() -> None:  # OUTCOME-7
    assert problems(changed("no_way_back", actions=(set_disconnect_type,))) == (
        "row 'no_way_back' has actions, but changes nothing: remove them, or let it be applied",
    )


@pytest.mark.parametrize("name", ["", "ended+begins"])
def test_a_name_that_reads_as_two_rows_or_as_none_is_an_error(name: str) -> None:
    assert problems(changed("connected", name=name)) == (
        f"row {name!r}: expected a name without +, because an outcome joins the names of two rows by it",
    )


def test_rows_of_other_events_and_states_may_come_in_any_order() -> None:
    kinds = sorted({kind for row in CONNECTION for kind in row.on})
    by_kind = [evolve(row, on=(kind,)) for kind in kinds for row in CONNECTION if kind in row.on]

    assert build(tuple(by_kind), AFTER_CALL_WORK)


# --- The types of a row's fields ----------------------------------------------------------------------------------------------

NO_TEXT: list[object] = [None, 5, True, b"held", ("held",), ["held"], connected, object()]
NO_TUPLE: list[object] = [None, 5, "held", ["held"], {"held"}, connected, iter(("held",))]
NO_ITEM: list[object] = [None, 5, b"held", ["held"], ("held",), ""]
LISTS = {
    "on": ("kinds of event", "the kind of an event, as 'held'"),
    "source": ("states, or SAME_STATE", "a state"),
    "guards": ("functions", "a function"),
    "actions": ("functions", "a function"),
    "cites": ("rules", "the name of a rule"),
}


def wrong_fields() -> Iterator[tuple[str, object, str]]:
    for name in ("name", "reason"):
        yield from ((name, value, f"{name}: expected text, found ") for value in NO_TEXT)
    for name, (several, one) in LISTS.items():
        yield from ((name, value, f"{name}: expected a tuple of {several}, found ") for value in NO_TUPLE)
        yield from ((name, (value,), f"{name}[0]: expected {one}, found ") for value in NO_ITEM)
    yield from (("source", OtherStates(value), "source: expected a tuple of states") for value in NO_TUPLE)  # type: ignore[arg-type]  # the point
    yield from (("source", other_states(value), "source[0]: expected a state, found ") for value in NO_ITEM)  # type: ignore[arg-type]  # the point
    for value in (None, 5, ("held",), ["held"], refused, connected):
        yield "result", value, "result: expected a state, NO_TRANSITION, DUPLICATE, refused(...) or ignored(...), found "
    for rule in NO_ITEM:
        for make in (refused, ignored):
            yield "result", make(rule), "result: expected a rule in words, as refused('not_connected'), found "  # type: ignore[arg-type]  # the point


@pytest.mark.parametrize(("field", "value", "says"), [*wrong_fields()])
def test_a_field_of_another_type_is_an_error_that_names_row_and_field(field: str, value: object, says: str) -> None:
    with pytest.raises(TableError) as raised:
        changed("connected", **{field: value})
    (problem,) = raised.value.problems

    assert problem.startswith(f"row {value if field == 'name' else 'connected'!r}: {says}")


def test_all_fields_of_another_type_are_named_at_once() -> None:
    wrong: Any = dict.fromkeys((field.name for field in fields(Row)), 5)

    with pytest.raises(TableError) as raised:
        Row(**wrong)

    assert [problem.split(": ")[:2] for problem in raised.value.problems] == [
        ["row 5", name] for name in ("name", "reason", "on", "source", "guards", "actions", "cites", "result")
    ]
