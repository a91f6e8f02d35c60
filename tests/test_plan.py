"""The plan that a machine freezes does what transitions itself would do: the same guards, stamps and moves, in the same order."""

from collections.abc import Iterable, Iterator
from copy import copy
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
import transitions
from attrs import evolve, frozen
from tests.tables import build

from cobrowse_session import AfterCallWork, CobrowseSession, Event, Updated
from cobrowse_session.lifecycle.machine import Machines, RowTransition, Trigger
from cobrowse_session.lifecycle.policy import Policy
from cobrowse_session.lifecycle.row import Row, reads_event, writes
from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION

POLICY = Policy()
EVENT = Updated(subject="s1", source="/acme", id="e1", occurred_at=datetime(2026, 3, 1, 9, tzinfo=UTC))


TOLD: list[str] = []
FAILS: dict[str, int] = {}  # which guard of a row says no, by the row


@reads_event
@frozen
class Asked:
    """A guard that answers as it is told, and says that it was asked."""

    row: str
    place: int

    def __call__(self, _session: CobrowseSession, _event: Event, _policy: Policy) -> bool:
        TOLD.append(f"{self.row} asks {self.place}")
        return FAILS.get(self.row) != self.place


@writes()
@frozen
class Written:
    """An action that says that it was called."""

    row: str
    place: int

    def __call__(self, session: CobrowseSession, event: Event, policy: Policy) -> None:
        assert (event, policy) == (EVENT, POLICY)
        TOLD.append(f"{self.row} writes {self.place} in {session.state}")


def watched(rows: Iterable[Row], which: str) -> list[Row]:
    """Rows that tell what is asked and written. Each has a name of its own."""
    return [_watched(row, f"{which}{number} {row.name}") for number, row in enumerate(rows)]


def _watched(row: Row, name: str) -> Row:
    guards = tuple(Asked(name, place) for place, _ in enumerate(row.guards))
    return evolve(row, name=name, guards=guards, actions=tuple(Written(name, place) for place, _ in enumerate(row.actions)))


def drive(trigger: Trigger, session: CobrowseSession, event: Event, policy: Policy) -> RowTransition:
    """The same, by transitions itself."""
    data = transitions.EventData(None, trigger, trigger.machine, session, args=(session, event, policy), kwargs={})
    trigger._trigger(data)  # noqa: SLF001 (what transitions itself calls)
    assert isinstance(data.transition, RowTransition)
    return data.transition


def in_state(machines: Machines, trigger: Trigger, state: str) -> CobrowseSession:
    if trigger.machine is machines.connection:
        return CobrowseSession(id="s1", state=state)
    return CobrowseSession(id="s1", state="connected", after_call_work=None if state == "absent" else AfterCallWork(state=state))


def ways_to_answer(rows: list[Row]) -> Iterator[dict[str, int]]:
    """Every way in which a cell can come to each of its rows: each earlier one says no at each of its guards."""
    for winner, _ in enumerate(rows):
        for places in product(*(range(len(row.guards)) for row in rows[:winner])):
            yield dict(zip((row.name for row in rows[:winner]), places, strict=True))


def test_the_plan_does_what_transitions_does_in_every_cell_for_every_answer_of_its_guards() -> None:
    compared = compare(build(watched(CONNECTION, "c"), watched(AFTER_CALL_WORK, "a")))

    assert compared > 900


def compare(machines: Machines) -> int:
    """Drive every cell by the plan and by transitions itself, for every answer of its guards. Return how often."""
    compared = 0
    for trigger in machines.triggers.values():
        for state in trigger.transitions:
            before = in_state(machines, trigger, state)
            for answers in ways_to_answer([one.row for one in trigger.row_transitions(state)]):
                found = []
                for decide in (Trigger.decide, drive):
                    session = copy(before)
                    TOLD.clear()
                    FAILS.clear()
                    FAILS.update(answers)
                    cell = decide(trigger, session, EVENT, POLICY)
                    found.append((cell, session, tuple(TOLD)))
                assert found[0] == found[1]
                compared += 1
    return compared


def test_a_state_that_nobody_knows_counts_as_the_first_in_both() -> None:
    machines = build()
    for trigger in machines.triggers.values():
        for word in ("", "waiting"):
            session = in_state(machines, trigger, word)
            assert trigger.machine.get_model_state(session).name in ("none", "absent")


def test_an_event_without_rows_in_a_state_is_an_error_of_ours() -> None:
    with pytest.raises(LookupError, match=r"timer\.acw has no row in absent"):
        build().triggers["timer.acw"].decide(CobrowseSession(id="s1"), EVENT, POLICY)


# --- What a plan cannot express -----------------------------------------------------------------------------------------------


def test_a_machine_that_was_built_takes_no_more_rows() -> None:
    with pytest.raises(TypeError, match="updated is frozen; extend the table"):
        build().connection.add_transition("updated", "none", None, row=CONNECTION[0], actions=(), moves="state")


def _nothing(*_: Any) -> None:
    """A callback that a plan would forget."""


@pytest.mark.parametrize(
    "where", ["prepare_event", "before_state_change", "after_state_change", "finalize_event", "on_exception", "on_final"]
)
def test_callbacks_of_the_machine_are_refused_and_not_forgotten(where: str) -> None:
    machine = build().connection
    setattr(machine, where, [_nothing])

    with pytest.raises(ValueError, match="states and machine have no callbacks"):
        _again(machine.events["updated"]).freeze(machine)


@pytest.mark.parametrize("where", ["on_enter", "on_exit"])
def test_callbacks_of_a_state_are_refused_and_not_forgotten(where: str) -> None:
    machine = build().connection
    machine.get_state("connected").add_callback(where.removeprefix("on_"), _nothing)

    with pytest.raises(ValueError, match="states and machine have no callbacks"):
        _again(machine.events["updated"]).freeze(machine)


@pytest.mark.parametrize(
    "more", [{"prepare": [_nothing]}, {"after": [_nothing]}, {"unless": [_nothing]}, {"conditions": ["by_name"]}]
)
def test_more_than_guards_and_stamps_in_a_cell_is_refused_and_not_forgotten(more: dict[str, Any]) -> None:
    cell = RowTransition("none", "connected", row=CONNECTION[0], actions=(), moves="state", **more)

    with pytest.raises(ValueError, match="calls the guards and actions of its row only"):
        cell.check()


def _again(event: transitions.Event) -> Trigger:
    assert isinstance(event, Trigger)
    return event
