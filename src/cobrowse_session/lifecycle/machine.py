"""The two machines, built from the rows. Only this file imports `transitions`.

All sessions share both machines. They have no model: each call takes the session. They use the extension points of transitions: a
transition class that has its row, and an event class that returns the transition that decided.

When a machine is complete, each event freezes a plan of what transitions would do: call these guards, call these actions, enter
that state. It runs the plan, because transitions itself needs some 20 µs for an event, mostly for log calls and callback frames.
A test lets transitions run every kind of event in every state and compares.
"""

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, ClassVar

import transitions
from attrs import evolve, frozen

from cobrowse_session.events import Event, Timer
from cobrowse_session.lifecycle.actions import COMMON
from cobrowse_session.lifecycle.check import Part
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.policy import Policy
from cobrowse_session.lifecycle.row import Action, Guard, Row, written_by
from cobrowse_session.model import AfterCallWork, Communication


class RowTransition(transitions.Transition):
    """One row, for one kind of event, in one state.

    Attributes:
        row: the row.
        actions: the actions of the row, and those of every applied event.
        set: the attributes of the session that it may write.
    """

    def __init__(
        self, *args: Any, row: Row, actions: tuple[Action, ...], moves: str, **kwargs: Any
    ) -> None:  # `Any`: transitions' own
        super().__init__(*args, **kwargs)
        self.row = row
        self.actions = actions
        written = {name for action in actions for name in written_by(action)}
        self.set = tuple(sorted({*written, moves} if self.dest else written))

    def check(self) -> None:
        """Check that transitions would call the guards and the actions of the row, and nothing else.

        Raises:
            ValueError: something was added to the transition.
        """
        guards = [condition.func for condition in self.conditions]
        expected = guards == list(self.row.guards) and self.before == list(self.actions)
        if self.prepare or self.after or not expected or not all(condition.target for condition in self.conditions):
            raise ValueError(f"row {self.row.name!r}: a transition calls the guards and actions of its row only")


Step = tuple[tuple[Guard, ...], tuple[Action, ...], RowTransition]


class Trigger(transitions.Event):
    """A kind of event."""

    _plan: Mapping[str, tuple[Step, ...]]
    _owner: "_Machine | None" = None  # None: more rows can be added

    def add_transition(self, transition: transitions.Transition) -> None:
        """Add one row in one state, while the machine is built."""
        if self._owner is not None:
            raise TypeError(f"{self.name} is frozen; extend the table: Table.standard().extended(...)")
        super().add_transition(transition)

    def freeze(self, machine: "_Machine") -> None:
        """Make the plan. Nothing can be added afterwards.

        Raises:
            ValueError: a transition, a state or the machine has callbacks of its own.
        """
        callbacks = [callback for state in machine.states.values() for callback in (*state.on_enter, *state.on_exit)]
        names = ("prepare_event", "before_state_change", "after_state_change", "finalize_event", "on_exception", "on_final")
        if callbacks or any(getattr(machine, name) for name in names):
            raise ValueError(f"{self.name}: states and machine have no callbacks")
        for state in machine.states:
            for one in self.row_transitions(state):
                one.check()
        # Example: `wrapup` in `pending` has eleven steps. COMMON is what every applied event writes. Some of them:
        #
        #     guards                               actions                                         enters    row
        #     has_final_wrapup, is_a_draft         none                                            no state  draft_after_final
        #     is_a_draft, changes_prepared_wrapup  COMMON, prepare_wrapup                          no state  draft
        #     may_exit_early, is_final             COMMON, save_final_wrapup, end_after_call_work  complete  complete_by_code
        #     none                                 none                                            no state  duplicate
        #
        # transitions does the same for each transition of the state, in order: evaluate the conditions, call `before`, set the
        # state, call `after`. It also calls `prepare`, the callbacks of the states and those of the machine. There are none,
        # which was checked above, so the plan leaves nothing out.
        self._plan = {
            state: tuple((one.row.guards, one.actions, one) for one in self.row_transitions(state)) for state in machine.states
        }
        self._owner = machine

    def decide(self, session: Communication, event: Event | Timer, policy: Policy) -> RowTransition:
        """Return the first row whose guards hold, after its actions wrote and the session moved."""
        machine = self._owner
        assert machine is not None, "a machine that was built is frozen"
        for guards, actions, transition in self._plan[machine.state_of(session)]:
            for guard in guards:
                if not guard(session, event, policy):
                    break
            else:
                # All guards of a row before its first write: a guard that raises leaves the session as it was. And all writes
                # before the new state, as `before` callbacks of transitions. Example: settings count until the leg has ended. The
                # event that ends the leg may name the prompt, and it is taken because the session is still connected when
                # `apply_settings` runs.
                for action in actions:
                    action(session, event, policy)
                if transition.dest is not None:
                    machine.set_state(transition.dest, session)
                return transition
        raise LookupError(f"{self.name} has no row in {machine.state_of(session)}")

    def row_transitions(self, state: str) -> list[RowTransition]:
        """Return the rows of a state, in order."""
        return [one for one in self.transitions.get(state, ()) if isinstance(one, RowTransition)]

    def all_transitions(self) -> Iterator[RowTransition]:
        """Yield the rows of all states."""
        for state in self.transitions:
            yield from self.row_transitions(state)


class _Machine(transitions.Machine):
    """A machine whose states are plain strings, equal to the members of the vocabulary."""

    transition_cls = RowTransition
    event_cls = Trigger
    moves: ClassVar[str]

    def __init__(self, part: Part, words: Mapping[str, str], outside: Collection[str]) -> None:
        """Build the machine of a part of a table.

        Args:
            part: its states and rows.
            words: each state, as a session has it.
            outside: the kinds of event that come from outside. The others are timers, and the end of the leg.
        """
        super().__init__(model=None, states=list(part.states), initial=None, auto_transitions=False)
        self.words = words
        self.first = part.states[0]
        for row in part.rows:
            for kind in row.on:
                # COMMON comes first: a row's own actions see the details and settings of the event. A timer has neither.
                actions = (*(COMMON if row.is_applied and kind in outside else ()), *row.actions)
                self._add(row, kind, actions, part)
        for trigger in self.triggers.values():
            trigger.freeze(self)

    @property
    def triggers(self) -> dict[str, Trigger]:
        """The kinds of event, by name."""
        return {name: event for name, event in self.events.items() if isinstance(event, Trigger)}

    def _add(self, row: Row, kind: str, actions: tuple[Action, ...], part: Part) -> None:
        event_state = part.event_states.get(kind)
        self.add_transition(
            kind,
            list(row.sources(event_state, part.same)),
            row.target(event_state),
            conditions=list(row.guards),
            before=list(actions),
            row=row,
            actions=actions,
            moves=self.moves,
        )

    @abstractmethod
    def state_of(self, session: Communication) -> str:
        """Return the state of a session. An unknown state counts as the first one."""

    def get_model_state(self, model: Any) -> transitions.State:  # `Any`: as transitions has it
        """Return the state of a session, for transitions."""
        return self.states[self.state_of(model)]

    def get_state(self, state: Any) -> transitions.State:
        """Return the state of this name. An unknown name counts as the first. Transitions would look up an Enum by its *name*."""
        return self.states.get(state) or next(iter(self.states.values()))


class Connection(_Machine):
    """The machine of the connection state, which is `session.state`."""

    moves = "state"

    def state_of(self, session: Communication) -> str:
        """Return the connection state of a session."""
        return session.state if session.state in self.states else self.first

    def set_state(self, state: Any, model: Any = None) -> None:
        """Set the connection state of a session."""
        model.state = self.words[state]


class AfterCallWorkMachine(_Machine):
    """The machine of after-call work, whose state is `session.after_call_work.state`. An unknown state counts as absent."""

    moves = "after_call_work"

    def state_of(self, session: Communication) -> str:
        """Return the state of a session's after-call work."""
        work = session.after_call_work
        state = None if work is None else work.state
        return state if state is not None and state in self.states else self.first

    def set_state(self, state: Any, model: Any = None) -> None:
        """Set the state of a session's after-call work."""
        if state == self.first:
            model.after_call_work = None
            return
        model.after_call_work = evolve(model.after_call_work or AfterCallWork(), state=self.words[state])


@frozen
class Machines:
    """Both machines, and the kinds of event of both."""

    connection: Connection
    after_call_work: AfterCallWorkMachine
    triggers: Mapping[str, Trigger]

    def of_kind(self, kind: str) -> Connection | AfterCallWorkMachine:
        """Return the machine that a kind of event belongs to."""
        return self.connection if kind in self.connection.events else self.after_call_work

    def rows(self, kind: str, session: Communication) -> list[Row]:
        """Return the rows of a kind of event in the current state of a session, in order."""
        return [one.row for one in self.triggers[kind].row_transitions(self.of_kind(kind).state_of(session))]


@lru_cache(maxsize=64)
def machines(table: Table) -> Machines:
    """Return the two machines of a table, built once."""
    connection, after_call_work = table.parts
    first = Connection(connection, table.states.words, table.kinds)
    second = AfterCallWorkMachine(after_call_work, table.states.work_words, table.kinds)
    return Machines(first, second, {**first.triggers, **second.triggers})
