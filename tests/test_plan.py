"""The plan that a machine freezes does what transitions itself would do: the same guards, stamps and moves, in the same order."""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from datetime import UTC, datetime
from functools import partial
from itertools import product
from typing import Any

import pytest
import transitions
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st
from tests.tables import build

from cobrowse_session import AfterCallWork, CobrowseSession, Event, Updated
from cobrowse_session.lifecycle.check import Part
from cobrowse_session.lifecycle.guards import OPPOSITES, connected, not_connected
from cobrowse_session.lifecycle.machine import MOST_STEPS, Connection, Machines, RowTransition, Trigger, _first
from cobrowse_session.lifecycle.policy import Policy
from cobrowse_session.lifecycle.row import NO_TRANSITION, Guard, Row, reads_event, writes
from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION
from cobrowse_session.vocabulary import ConnectionState

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


@pytest.mark.parametrize("state", [ConnectionState.TERMINATED, "terminated"], ids=["member", "text"])
def test_a_state_is_found_by_its_word(state: str) -> None:
    assert build().connection.get_state(state).name == "terminated"


def test_a_word_that_nobody_knows_is_that_of_the_first_state() -> None:
    assert build().connection.get_state("waiting").name == "none"


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


class Watched(Connection):
    """A machine that calls more than the guards and actions of its rows."""

    def add_transition(self, *args: Any, **more: Any) -> None:
        """Add a transition, with a callback of its own."""
        super().add_transition(*args, **{**more, "after": [_nothing]})


def test_a_machine_is_not_built_with_more_than_guards_and_stamps_in_a_cell() -> None:
    with pytest.raises(ValueError, match="calls the guards and actions of its row only"):
        Watched(Part("connection", ("none",), CONNECTION[:1], {}), {"none": "none"}, (), CobrowseSession)


def _again(event: transitions.Event) -> Trigger:
    assert isinstance(event, Trigger)
    return event


# --- Guards that rows share ---------------------------------------------------------------------------------------------------


@reads_event
@frozen
class Told:
    """A guard that rows share. It answers as it is told."""

    number: int

    def __call__(self, _session: CobrowseSession, _event: Event, _policy: Policy) -> bool:
        TOLD.append(str(self.number))
        return ANSWERS[self.number]


ANSWERS: dict[int, bool] = {}
SHARED = tuple(map(Told, range(30)))


def sharing(guards: Sequence[Sequence[Guard]]) -> Trigger:
    """The event `updated` of a table with rows for it that have these guards, and a last one that has none."""
    given = [
        evolve(
            CONNECTION[0],
            name=f"r{number}",
            on=("updated",),
            source=("none",),
            guards=tuple(some),
            result=NO_TRANSITION,
            actions=(),
        )
        for number, some in enumerate([*guards, ()])
    ]
    machine = Connection(Part("connection", ("none",), given, {}), {"none": "none"}, (), CobrowseSession)
    return machine.triggers["updated"]


@given(st.data())
def test_rows_that_share_guards_decide_as_transitions_does_and_ask_each_guard_once(data: st.DataObject) -> None:
    some = SHARED[: data.draw(st.integers(1, 8))]
    lists = st.lists(st.sampled_from(some), min_size=1, max_size=min(4, len(some)), unique=True)
    trigger = sharing(data.draw(st.lists(lists, max_size=data.draw(st.sampled_from((5, 30))))))
    ANSWERS.update((guard.number, data.draw(st.booleans())) for guard in some)
    session = CobrowseSession(id="s1")
    TOLD.clear()

    decided = trigger.decide(session, EVENT, POLICY)

    asked = tuple(TOLD)
    assert len(set(asked)) == len(asked)
    TOLD.clear()
    assert decided is drive(trigger, session, EVENT, POLICY)
    assert set(asked) <= set(TOLD)


@pytest.mark.parametrize("opposite", [False, True])
def test_a_guard_and_its_opposite_are_one_question(*, opposite: bool) -> None:
    one, other = connected, not_connected
    ways: tuple[list[list[Guard]], ...] = [[one, Told(0)], [other, Told(1)], [one]], [[other], [Told(0), one], [one]]
    for rows in ways:
        ANSWERS.update({0: False, 1: opposite})
        for state in ("none", "connected"):
            trigger, session = sharing(rows), CobrowseSession(id="s1", state=state)
            assert trigger.decide(session, EVENT, POLICY) is drive(trigger, session, EVENT, POLICY)


def test_rows_that_share_guards_in_no_order_are_built_at_once() -> None:
    # A plan of them would have a step for each combination of answers.
    rows = [[SHARED[(7 * row + step * step * (row + 1)) % 30] for step in range(5)] for row in range(30)]
    trigger = sharing([list(dict.fromkeys(some)) for some in rows])
    for seed in range(50):
        ANSWERS.update((number, (seed * (number + 3)) % 7 > 2) for number in range(30))
        session = CobrowseSession(id="s1")
        TOLD.clear()
        decided = trigger.decide(session, EVENT, POLICY)
        assert len(set(TOLD)) == len(TOLD)
        assert decided is drive(trigger, session, EVENT, POLICY)


@pytest.mark.parametrize(("rows", "has_a_plan"), [(MOST_STEPS, True), (MOST_STEPS + 1, False)])
def test_a_plan_has_so_many_steps_at_most(rows: int, *, has_a_plan: bool) -> None:
    plan = sharing([[Told(number)] for number in range(rows)])._plan["none"]  # noqa: SLF001 (no other place shows it)

    assert isinstance(plan, tuple) is not has_a_plan


def test_every_cell_of_the_standard_table_has_a_plan() -> None:
    assert not [
        (kind, state)
        for kind, trigger in build().triggers.items()
        for state, plan in trigger._plan.items()  # noqa: SLF001 (no other place shows it)
        if isinstance(plan, tuple)
    ]


def test_a_row_with_a_guard_that_did_not_hold_asks_no_other_one_with_and_without_a_plan() -> None:
    rows = [[SHARED[0]], [SHARED[1], SHARED[0]], [SHARED[2]]]
    trigger = sharing(rows)
    ANSWERS.update({0: False, 1: True, 2: True})
    session = CobrowseSession(id="s1")
    asked = []
    for decide in (trigger.decide, partial(_first, trigger.row_transitions("none"))):
        TOLD.clear()
        assert decide(session, EVENT, POLICY) is trigger.row_transitions("none")[2]
        asked.append(tuple(TOLD))
    assert asked == [("0", "2"), ("0", "2")]


def test_a_cell_of_many_rows_is_built() -> None:
    for trigger in sharing([[Told(number)] for number in range(1000)]), sharing([[Told(0), Told(1)]] * 1000):
        ANSWERS.update((number, number == 999) for number in range(1000))
        session = CobrowseSession(id="s1")

        assert trigger.decide(session, EVENT, POLICY) is drive(trigger, session, EVENT, POLICY)


# --- No guard is asked in vain ------------------------------------------------------------------------------------------------


def paths_of(step: Any, asked: tuple[Guard, ...] = ()) -> Iterator[tuple[Guard, ...]]:
    """Yield the guards that are asked on each way through a plan. `Any`: a step of it."""
    if not hasattr(step, "guard"):
        yield asked
        return
    for following in (step.yes, step.no):
        yield from paths_of(following, (*asked, step.guard))


def test_a_plan_asks_each_guard_once_and_not_the_opposite_of_one() -> None:
    longest = 0
    for trigger in build().triggers.values():
        for plan in trigger._plan.values():  # noqa: SLF001 (no other place shows it)
            for asked in paths_of(plan):
                assert len({*asked}) == len(asked)
                assert not {OPPOSITES.get(guard) for guard in asked} & {*asked}
                longest = max(longest, len(asked))
    assert longest > 5


def test_rows_without_a_plan_ask_each_guard_once_and_not_the_opposite_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    first, opposite, other = (Asked(name, 0) for name in ("first", "opposite", "other"))
    opposites: Any = OPPOSITES  # a dict, behind its type
    monkeypatch.setitem(opposites, first, opposite)
    monkeypatch.setitem(opposites, opposite, first)
    rows = [
        RowTransition("connected", None, row=evolve(CONNECTION[0], name=str(number), guards=guards), actions=(), moves="state")
        for number, guards in enumerate([(first, other), (other, opposite), (first,), (opposite,)])
    ]
    TOLD.clear()
    FAILS.clear()
    FAILS["first"] = 0

    found = _first(rows, CobrowseSession(id="s1"), EVENT, POLICY)

    assert TOLD == ["first asks 0", "other asks 0"]
    assert found is rows[1]
