"""The two machines, built from the rows. This is the only file that imports `transitions`.

Both are shared by all sessions and have no model: a session is handed to each call. They are the library's own machines, made by
its own extension points: a transition class that carries its row, and an event class that says which transition decided. When a
machine is whole, each event freezes what transitions would do into a plan (ask these, write those, move there), and runs that:
transitions itself needs some 20 µs for an event, which go to log calls and callback frames that say nothing here. A test lets
transitions drive every cell and compares.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, ClassVar

import transitions
from attrs import evolve, frozen

from cobrowse_session.events import KINDS, AfterCallWorkTimeout, AlertingTimeout, Event, Timer
from cobrowse_session.lifecycle import table
from cobrowse_session.lifecycle.actions import COMMON
from cobrowse_session.lifecycle.row import Action, Guard, Policy, Row, written_by
from cobrowse_session.model import AfterCallWork, Communication
from cobrowse_session.vocabulary import AfterCallWorkState, ConnectionState

Guards = tuple[Guard, ...]
Actions = tuple[Action, ...]


class RowTransition(transitions.Transition):
    """One row in one state, for one kind of event.

    Attributes:
        row: the row.
        set: the attributes of the session that it may write.
    """

    def __init__(self, *args: Any, row: Row, moves: str, **kwargs: Any) -> None:  # `Any`: transitions' own, passed through
        super().__init__(*args, **kwargs)
        self.row = row
        written = {name for stamp in self.before for name in written_by(stamp)}  # type: ignore[arg-type]  # functions, no names
        self.set = tuple(sorted({*written, moves} if self.dest else written))

    def plan(self) -> tuple[Guards, Actions, "RowTransition"]:
        """The guards and stamps, in order.

        Raises:
            ValueError: there is more to it than guards before and stamps after.
        """
        asked, written = [condition.func for condition in self.conditions], self.before
        if self.prepare or self.after or not all(map(callable, (*asked, *written))) or not all(c.target for c in self.conditions):
            raise ValueError(f"{self.row.name}: a plan has guards and stamps only, and only functions")
        return tuple(asked), tuple(written), self  # type: ignore[arg-type]  # functions, no names


class Trigger(transitions.Event):
    """A kind of event."""

    _plan: Mapping[str, tuple[tuple[Guards, Actions, RowTransition], ...]] | None = None

    def add_transition(self, transition: transitions.Transition) -> None:
        """Take one more cell, while the machine is being built."""
        if self._plan is not None:
            raise TypeError(f"{self.name} is frozen; build another machine: build(connection=..., after_call_work=...)")
        super().add_transition(transition)

    def freeze(self) -> None:
        """Make the plan. Nothing can be added any more.

        Raises:
            ValueError: there is more to a cell, a state or the machine than guards before and stamps after.
        """
        machine = self.machine
        states = [callback for state in machine.states.values() for callback in (*state.on_enter, *state.on_exit)]
        names = ("prepare_event", "before_state_change", "after_state_change", "finalize_event", "on_exception", "on_final")
        if states or any(getattr(machine, name) for name in names):
            raise ValueError(f"{self.name}: a plan has no callbacks of states or of the machine")
        self._plan = {state: tuple(cell.plan() for cell in self.transitions.get(state, ())) for state in machine.states}  # type: ignore[attr-defined]  # made by `_Machine`: Cells

    def decide(self, session: Communication, event: Event | Timer, policy: Policy) -> RowTransition:
        """Let the first row whose guards hold write, move the session, and say which it was."""
        machine: _Machine = self.machine  # type: ignore[assignment]  # made by `_Machine`
        for asked, written, cell in self._plan[machine.state_of(session)]:  # type: ignore[index]  # a machine that was built is frozen
            for guard in asked:
                if not guard(session, event, policy):
                    break
            else:
                for stamp in written:
                    stamp(session, event, policy)
                if cell.dest is not None:
                    machine.set_state(cell.dest, session)
                return cell
        raise LookupError(f"{self.name} has no row in {machine.state_of(session)}")

    def rows(self, state: str) -> list[Row]:
        """The rows that are asked in this state, in order."""
        return [cell.row for cell in self.transitions[state]]  # type: ignore[attr-defined]  # see freeze


class _Machine(transitions.Machine):
    """A machine whose states are plain strings, equal to the vocabulary's members."""

    transition_cls = RowTransition
    event_cls = Trigger
    moves: ClassVar[str]

    def __init__(self, states: Iterable[str], rows: Iterable[Row]) -> None:
        super().__init__(model=None, states=list(states), initial=None, auto_transitions=False)
        for row in rows:
            _add(self, row)

    @abstractmethod
    def state_of(self, session: Communication) -> str:
        """Return the state of this session. An unknown word counts as the first state."""

    def get_model_state(self, model: Any) -> transitions.State:  # `Any`: as transitions has it
        """The same for transitions."""
        return self.states[self.state_of(model)]

    def get_state(self, state: Any) -> transitions.State:
        """Return the state of this name. An unknown word counts as the first. Transitions would look for an Enum's *name*."""
        return self.states.get(state) or next(iter(self.states.values()))


class Connection(_Machine):
    """The connection state, kept in `session.state`."""

    moves = "state"

    def state_of(self, session: Communication) -> str:
        """Return the state of this session's leg."""
        return session.state if session.state in self.states else table.CONNECTION_STATES[0]

    def set_state(self, state: Any, model: Any = None) -> None:
        """Move this session's leg."""
        model.state = ConnectionState(state)


class AfterCallWorkMachine(_Machine):
    """After-call work, kept in `session.after_call_work.state`. Every other word counts as the first state, absent."""

    moves = "after_call_work"

    def state_of(self, session: Communication) -> str:
        """Return the state of this session's after-call work."""
        work = session.after_call_work
        state = None if work is None else work.state
        return state if state is not None and state in self.states else table.AFTER_CALL_WORK_STATES[0]

    def set_state(self, state: Any, model: Any = None) -> None:
        """Move this session's after-call work."""
        if state == table.AFTER_CALL_WORK_STATES[0]:
            model.after_call_work = None
            return
        model.after_call_work = evolve(model.after_call_work or AfterCallWork(), state=AfterCallWorkState(state))


def _add(machine: _Machine, row: Row) -> None:
    for kind in row.on:
        entered = AlertingTimeout.target_state if kind == AlertingTimeout.kind else kind in KINDS and KINDS[kind].target_state
        named = str(entered) if entered else None
        common = COMMON if row.is_applied and kind in KINDS else ()
        machine.add_transition(
            kind,
            list(row.sources(named)),
            row.target(named),
            conditions=list(row.guards),
            before=[*common, *row.actions],
            row=row,
            moves=machine.moves,
        )


@frozen
class Machines:
    """Both machines, and which kind of event belongs to which."""

    connection: Connection
    after_call_work: AfterCallWorkMachine
    triggers: Mapping[str, Trigger]

    def rows(self, kind: str, session: Communication) -> list[Row]:
        """The rows that an event of this kind would meet now, in order."""
        trigger = self.triggers[kind]
        return trigger.rows(trigger.machine.state_of(session))


def build(connection: Iterable[Row] = table.CONNECTION, after_call_work: Iterable[Row] = table.AFTER_CALL_WORK) -> Machines:
    """Build both machines from rows, and check that they are total.

    Raises:
        ValueError: in some (event, state), the last row has a guard, or another has none; or an event has no rows there.
    """
    legs = Connection(table.CONNECTION_STATES, connection)
    work = AfterCallWorkMachine(table.AFTER_CALL_WORK_STATES, after_call_work)
    for machine in (legs, work):
        for trigger in machine.events.values():
            _check_total(trigger, machine)
            trigger.freeze()  # type: ignore[attr-defined]  # made by event_cls
    triggers: dict[str, Trigger] = {**legs.events, **work.events}  # type: ignore[dict-item]  # made by event_cls
    timers = (AfterCallWorkTimeout.kind, AlertingTimeout.kind)
    if missing := {*KINDS, *timers, table.LEG_ENDED} - triggers.keys():
        raise ValueError(f"{', '.join(sorted(missing))}: no rows at all, and one without a guard must stand, last")
    return Machines(legs, work, triggers)


def _check_total(trigger: Any, machine: _Machine) -> None:
    is_timer = trigger.name.startswith("timer.")  # a timer is set only in the states that it has rows for
    for state in machine.states:
        rows = trigger.rows(state)
        if [bool(row.guards) for row in rows] != [True] * (len(rows) - 1) + [False] and not (is_timer and not rows):
            raise ValueError(
                f"{trigger.name} in {state}: one row without a guard must stand, last; found {[r.name for r in rows]}"
            )


@cache
def machines() -> Machines:
    """The two machines, built once."""
    return build()
