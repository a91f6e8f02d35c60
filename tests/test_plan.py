"""The plan that a machine freezes does what transitions itself would do: the same guards, stamps and moves, in the same order."""

from collections.abc import Callable, Iterator
from copy import copy
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
import transitions
from attrs import evolve

from cobrowse_session import AfterCallWork, CobrowseSession, Event, Updated
from cobrowse_session.lifecycle.machine import Machines, RowTransition, Trigger, build
from cobrowse_session.lifecycle.policy import Policy
from cobrowse_session.lifecycle.row import Row
from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION

Told = list[str]
POLICY = Policy()
EVENT = Updated(subject="s1", source="/acme", id="e1", occurred_at=datetime(2026, 3, 1, 9, tzinfo=UTC))


class Watched:
    """The real machines, with guards that answer as they are told and stamps that say that they were called."""

    def __init__(self) -> None:
        self.told: Told = []
        self.fails: dict[str, int] = {}  # which guard of a row says no, by the row
        self.machines = build(self._rows(CONNECTION, "c"), self._rows(AFTER_CALL_WORK, "a"))

    def _rows(self, rows: tuple[Row, ...], which: str) -> list[Row]:
        return [self._watched(row, f"{which}{number} {row.name}") for number, row in enumerate(rows)]

    def _watched(self, row: Row, name: str) -> Row:
        when = tuple(self._guard(name, place) for place, _ in enumerate(row.guards))
        then = tuple(self._stamp(name, place) for place, _ in enumerate(row.actions))
        return evolve(row, name=name, guards=when, actions=then)

    def _guard(self, name: str, place: int) -> Callable[..., bool]:
        def guard(*_: Any) -> bool:
            self.told.append(f"{name} asks {place}")
            return self.fails.get(name) != place

        return guard

    def _stamp(self, name: str, place: int) -> Callable[..., None]:
        def stamp(session: CobrowseSession, event: Event, policy: Policy) -> None:
            assert (event, policy) == (EVENT, POLICY)
            self.told.append(f"{name} writes {place} in {session.state}")

        stamp.writes, stamp.clock = (), None  # type: ignore[attr-defined]  # functions take attributes
        return stamp


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
    watched = Watched()
    compared = 0
    for trigger in watched.machines.triggers.values():
        for state in trigger.transitions:
            before = in_state(watched.machines, trigger, state)
            for watched.fails in ways_to_answer([one.row for one in trigger.row_transitions(state)]):
                found = []
                for decide in (Trigger.decide, drive):
                    session, watched.told = copy(before), []
                    cell = decide(trigger, session, EVENT, POLICY)
                    found.append((cell, session, watched.told))
                assert found[0] == found[1]
                compared += 1

    assert compared > 900


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
    with pytest.raises(TypeError, match="updated is frozen; build another machine"):
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
