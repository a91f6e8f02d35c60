"""A row's parts have names, meanings and marks, and what is wrong with a row is said with what was found."""

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve, frozen

from cobrowse_session import CobrowseSession, Event, TableError
from cobrowse_session.lifecycle.guards import connected
from cobrowse_session.lifecycle.policy import Policy
from cobrowse_session.lifecycle.row import (
    DUPLICATE,
    NO_TRANSITION,
    RowOutcome,
    clock_of,
    ignored,
    meaning_of,
    name_of,
    needs_event,
    reads_event,
    reads_session,
    refused,
    writes,
    written_by,
)
from cobrowse_session.lifecycle.table import CONNECTION


@frozen
class HasWaited:
    """The leg has waited {lasts} in one of {queues}, {times} times."""

    lasts: timedelta
    queues: frozenset[str] = frozenset({"sales", "care"})
    times: int = 2

    def __call__(self, _session: CobrowseSession, _event: Event, _: Policy) -> bool:
        """Return whether it has."""
        return True


class Plain:
    def __call__(self, _session: CobrowseSession, _event: Event, _: Policy) -> bool:
        return True


def act(_session: CobrowseSession, _event: Event, _: Policy) -> None:
    """It  acts on one line."""


# --- Names and meanings -------------------------------------------------------------------------------------------------------


def test_a_part_has_the_name_of_its_function_or_of_its_class_with_its_values() -> None:
    assert name_of(connected) == "connected"
    assert name_of(HasWaited(timedelta(seconds=2.5))) == "has_waited 2.5 s care, sales 2"
    assert name_of(Plain()) == "plain"


def test_a_part_has_the_meaning_of_its_docstring_with_its_values() -> None:
    assert meaning_of(act) == "It acts on one line."
    assert meaning_of(HasWaited(timedelta(minutes=1))) == "The leg has waited 60 s in one of care, sales, 2 times."
    assert meaning_of(Plain()) == ""


# --- Marks --------------------------------------------------------------------------------------------------------------------


def test_a_guard_is_marked_by_what_it_reads_and_one_without_a_mark_may_read_the_event() -> None:
    assert [needs_event(guard) for guard in (reads_event(Plain()), reads_session(Plain()), Plain())] == [True, False, True]


def test_an_action_is_marked_by_what_it_writes_and_on_which_clock() -> None:
    def marked(_session: CobrowseSession, _event: Event, _: Policy) -> None: ...

    writes("state", "segments", clock="provider")(marked)

    assert (written_by(marked), clock_of(marked), clock_of(act)) == (("state", "segments"), "provider", None)


def test_the_results_of_a_row_are_kinds_of_outcomes() -> None:
    assert refused("no_way") == RowOutcome("refused", "no_way")
    assert ignored("no_way") == RowOutcome("ignored", "no_way")
    assert (NO_TRANSITION.kind, DUPLICATE.kind) == ("applied", "duplicate")


# --- Types --------------------------------------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": 3}, "name: expected text, found 3"),
    ({"reason": None}, "reason: expected text, found None"),
    ({"on": "held"}, "on: expected a tuple of kinds of event, found 'held'; one alone is (one,)"),
    ({"on": ("held", 4)}, "on[1]: expected the kind of an event, as 'held', found 4"),
    ({"source": "none"}, "source: expected a tuple of states, or SAME_STATE, found 'none'; one alone is (one,)"),
    ({"source": ("none", "")}, "source[1]: expected a state, found ''"),
    ({"guards": connected}, "guards: expected a tuple of functions, found"),
    ({"guards": ("connected",)}, "guards[0]: expected a function, found 'connected'"),
    ({"actions": ("act",)}, "actions[0]: expected a function, found 'act'"),
    ({"cites": (5,)}, "cites[0]: expected the name of a rule, found 5"),
    ({"result": 6}, "result: expected a state, NO_TRANSITION, DUPLICATE, refused(...) or ignored(...), found 6"),
    ({"result": refused("")}, "result: expected a rule in words, as refused('not_connected'), found ''"),
    ({"result": RowOutcome("ignored")}, "result: expected a rule in words, as refused('not_connected'), found None"),
]


@pytest.mark.parametrize(("change", "problem"), WRONG, ids=[problem for _, problem in WRONG])
def test_a_part_of_another_type_is_named_with_what_was_found(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(TableError) as raised:
        evolve(CONNECTION[1], **change)

    (found,) = raised.value.problems
    assert problem in found
