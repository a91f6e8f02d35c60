"""The two machines, built from the rows; the only file that knows `transitions`.

Both are shared by all sessions and have no model: a session is handed to each call. What the library drives them with is its own
extension points: an event class that passes the session along and says which transition decided, and a transition class that
carries its row.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, ClassVar

import transitions
from attrs import evolve, frozen

from cobrowse_session.events import KINDS, AfterCallWorkTimeout, AlertingTimeout, Event, Timer
from cobrowse_session.lifecycle import table
from cobrowse_session.lifecycle.row import Row, Rules, written_by
from cobrowse_session.lifecycle.stamps import COMMON
from cobrowse_session.model import AfterCallWork, AfterCallWorkState, Communication, ConnectionState


class Cell(transitions.Transition):
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


class Trigger(transitions.Event):
    """A kind of event; the reference driver: every guard and stamp is called by transitions itself."""

    def judge(self, session: Communication, event: Event | Timer, rules: Rules) -> Cell:
        """Let the first row whose guards hold write, move the session, and say which it was."""
        data = transitions.EventData(None, self, self.machine, session, args=(session, event, rules), kwargs={})
        self._trigger(data)
        return data.transition  # type: ignore[return-value]  # made by `Connection` or `AfterCallWorkMachine`: a Cell

    def rows(self, state: str) -> list[Row]:
        """The rows that are asked in this state, in order."""
        return [cell.row for cell in self.transitions[state]]  # type: ignore[attr-defined]  # see judge


class _Machine(transitions.Machine):
    """A machine whose states are plain strings, equal to the vocabulary's members."""

    transition_cls = Cell
    event_cls = Trigger
    moves: ClassVar[str]

    def __init__(self, states: Iterable[str], rows: Iterable[Row]) -> None:
        super().__init__(model=None, states=list(states), initial=None, auto_transitions=False)
        for row in rows:
            _add(self, row)

    def get_state(self, state: Any) -> transitions.State:  # `Any`: as transitions has it
        """The state of this name; a word that nobody knows counts as the first. Transitions would look for an Enum's *name*."""
        return self.states.get(state) or next(iter(self.states.values()))


class Connection(_Machine):
    """The connection state, kept in `session.state`."""

    moves = "state"

    def get_model_state(self, model: Any) -> transitions.State:
        """Where this session's leg is."""
        return self.get_state(model.state)

    def set_state(self, state: Any, model: Any = None) -> None:
        """Move this session's leg."""
        model.state = ConnectionState(state)


class AfterCallWorkMachine(_Machine):
    """After-call work, kept in `session.after_call_work.state`; the first state, absent, stands for every other word."""

    moves = "after_call_work"

    def get_model_state(self, model: Any) -> transitions.State:
        """Where this session's after-call work is."""
        return self.get_state(model.after_call_work and model.after_call_work.state)

    def set_state(self, state: Any, model: Any = None) -> None:
        """Move this session's after-call work."""
        model.after_call_work = evolve(model.after_call_work or AfterCallWork(), state=AfterCallWorkState(state))


def _add(machine: _Machine, row: Row) -> None:
    for kind in row.on:
        entered = AlertingTimeout.enters if kind == AlertingTimeout.kind else kind in KINDS and KINDS[kind].enters
        named = str(entered) if entered else None
        common = COMMON if row.is_applied and kind in KINDS else ()
        machine.add_transition(
            kind,
            list(row.sources(named)),
            row.target(named),
            conditions=list(row.when),
            before=[*common, *row.then],
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
        return trigger.rows(trigger.machine.get_model_state(session).name)


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
    triggers: dict[str, Trigger] = {**legs.events, **work.events}  # type: ignore[dict-item]  # made by event_cls
    timers = (AfterCallWorkTimeout.kind, AlertingTimeout.kind)
    if missing := {*KINDS, *timers, table.LEG_ENDED} - triggers.keys():
        raise ValueError(f"{', '.join(sorted(missing))}: no rows at all, and one without a guard must stand, last")
    return Machines(legs, work, triggers)


def _check_total(trigger: Any, machine: _Machine) -> None:
    is_timer = trigger.name.startswith("timer.")  # a timer is set only in the states that it has rows for
    for state in machine.states:
        rows = trigger.rows(state)
        if [bool(row.when) for row in rows] != [True] * (len(rows) - 1) + [False] and not (is_timer and not rows):
            raise ValueError(
                f"{trigger.name} in {state}: one row without a guard must stand, last; found {[r.name for r in rows]}"
            )


@cache
def machines() -> Machines:
    """The two machines, built once."""
    return build()
