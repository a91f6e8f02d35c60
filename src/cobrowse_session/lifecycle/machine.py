"""The two machines, built from the rows. Only this file imports `transitions`.

All sessions share both machines. They have no model: each call takes the session. They use the extension points of transitions: a
transition class that has its row, and an event class that returns the transition that decided.

When a machine is complete, each event freezes a plan of what transitions would do: call these guards, call these actions, enter
that state. It runs the plan, because transitions itself needs some 20 µs for an event, mostly for log calls and callback frames.
A test lets transitions run every kind of event in every state and compares.
"""

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import count
from typing import Any, ClassVar

import transitions
from attrs import frozen

from cobrowse_session.events import Event, Timer
from cobrowse_session.lifecycle.actions import COMMON
from cobrowse_session.lifecycle.check import Part
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.guards import OPPOSITES
from cobrowse_session.lifecycle.own_values import value_checks
from cobrowse_session.lifecycle.policy import Policy
from cobrowse_session.lifecycle.row import Action, Guard, Row, written_by
from cobrowse_session.model import NO_WORK, CobrowseSession, Communication


class RowTransition(transitions.Transition):
    """One row, for one kind of event, in one state.

    Attributes:
        row: the row.
        actions: those of every applied event, those of the row, and the check of what they wrote.
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


class _Asked:
    """A guard of a plan, and what is next for each answer."""

    __slots__ = ("guard", "no", "yes")

    def __init__(self, guard: Guard, yes: "_Step", no: "_Step") -> None:
        self.guard, self.yes, self.no = guard, yes, no


_Step = _Asked | RowTransition | tuple[RowTransition, ...] | None
"""The next step of a plan: a guard that is asked, the row that decides, rows without a plan, or that there is no row."""

MOST_STEPS = 256
"""A plan that would have more steps is not made. The largest one of the standard table has 28."""


def _plan(rows: list[RowTransition]) -> _Step:
    """Return the plan of a cell: its guards in the order of the rows, each asked once.

    Guards read and never write. So an answer holds for the rows behind, too, and it answers the opposite guard. Example, `wrapup`
    in `pending`:

        row                  guards                                plan
        draft_after_final    has_final_wrapup, is_a_draft          has_final_wrapup?
        draft                is_a_draft, changes_prepared_wrapup     yes: is_a_draft?  yes: draft_after_final decides
        saved_without_exit   no_early_exit, is_final, ...                              no: not `draft` either, so no_early_exit?
        ...                                                          no: is_a_draft?   yes: changes_prepared_wrapup?
    """
    known: dict[tuple[int, frozenset[tuple[Guard, bool]]], _Step] = {}  # one plan for what is left, however it was reached
    steps = count(1)

    def rest(place: int, answers: Mapping[Guard, bool]) -> _Step:
        if place == len(rows):
            return None
        later = {guard for row in rows[place:] for guard in row.row.guards}
        answers = {guard: answer for guard, answer in answers.items() if guard in later}
        key = place, frozenset(answers.items())
        if key not in known:
            known[key] = of_row(place, answers)
        return known[key]

    def of_row(place: int, answers: Mapping[Guard, bool]) -> _Step:
        guards = rows[place].row.guards
        if any(answers.get(guard) is False for guard in guards):
            return rest(place + 1, answers)
        asked = next((guard for guard in guards if guard not in answers), None)
        if asked is None:
            return rows[place]
        if next(steps) > MOST_STEPS:
            raise OverflowError
        yes, no = {**answers, asked: True}, {**answers, asked: False}
        if (opposite := OPPOSITES.get(asked)) is not None:
            yes[opposite], no[opposite] = False, True
        return _Asked(asked, rest(place, yes), rest(place + 1, no))

    # Rows that share guards in no order may have a plan for each combination of answers: 30 rows with five of 30 guards each have
    # more than memory holds.
    try:
        return rest(0, {})
    except (OverflowError, RecursionError):
        return tuple(rows)


def _first(rows: Iterable[RowTransition], session: Communication, event: Event | Timer, policy: Policy) -> RowTransition | None:
    """Return the row that decides, without a plan. Each guard is asked once, too."""
    answers: dict[Guard, bool] = {}

    def holds(guard: Guard) -> bool:
        if guard not in answers:
            answers[guard] = bool(guard(session, event, policy))
            if (opposite := OPPOSITES.get(guard)) is not None:
                answers[opposite] = not answers[guard]
        return answers[guard]

    def decides(guards: Iterable[Guard]) -> bool:
        return all(answers.get(guard, True) for guard in guards) and all(map(holds, guards))

    return next((row for row in rows if decides(row.row.guards)), None)


class Trigger(transitions.Event):
    """A kind of event."""

    _plan: Mapping[str, _Step]
    _named: Mapping[tuple[str, str], RowTransition]
    _state_of: Callable[[Communication], str]
    _set_state: Callable[[str, Communication], None]
    is_frozen = False

    def add_transition(self, transition: transitions.Transition) -> None:
        """Add one row in one state, while the machine is built."""
        if self.is_frozen:
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
        # transitions tries the rows of a state in order. For each one it evaluates the conditions, and of the first one whose
        # conditions all hold it calls `before`, sets the state and calls `after`. It also calls `prepare`, the callbacks of the
        # states and those of the machine. There are none, which was checked above, so the plan leaves nothing out.
        self._plan = {state: _plan(self.row_transitions(state)) for state in machine.states}
        self._named = {(state, one.row.name): one for state in machine.states for one in self.row_transitions(state)}
        self._state_of, self._set_state = machine.state_of, machine.set_state
        self.is_frozen = True

    def decide(self, session: Communication, event: Event | Timer, policy: Policy) -> RowTransition:
        """Return the first row whose guards hold, after its actions wrote and the session moved."""
        step = self._plan[self._state_of(session)]
        while isinstance(step, _Asked):
            step = step.yes if step.guard(session, event, policy) else step.no
        row = step if isinstance(step, RowTransition) else self._without_plan(step, session, event, policy)
        for action in row.actions:  # as `_write`: a call more costs 3 % of a step
            action(session, event, policy)
        if row.dest is not None:
            self._set_state(row.dest, session)
        return row

    def _without_plan(
        self, rows: tuple[RowTransition, ...] | None, session: Communication, event: Event | Timer, policy: Policy
    ) -> RowTransition:
        found = _first(rows or (), session, event, policy)
        if found is None:
            raise LookupError(f"{self.name} has no row in {self._state_of(session)}")
        return found

    def decide_again(self, row: str, session: Communication, event: Event | Timer, policy: Policy) -> None:
        """Let a row write once more that decided in this state before. No guard is asked.

        Raises:
            LookupError: there is no such row in this state.
        """
        found = self._named.get((self._state_of(session), row))
        if found is None:
            raise LookupError(f"{self.name} has no row {row!r} in {self._state_of(session)}")
        self._write(found, session, event, policy)

    def _write(self, row: RowTransition, session: Communication, event: Event | Timer, policy: Policy) -> None:
        # All guards of a row before its first write: a guard that raises leaves the session as it was. And all writes before the
        # new state, as `before` callbacks of transitions. Example: settings count until the leg has ended. The event that ends
        # the leg may name the prompt, and it is taken because the session is still connected when `apply_settings` runs.
        for action in row.actions:
            action(session, event, policy)
        if row.dest is not None:
            self._set_state(row.dest, session)

    def row_transitions(self, state: str) -> list[RowTransition]:
        """Return the rows of a state, in order."""
        return [one for one in self.transitions.get(state, ()) if isinstance(one, RowTransition)]

    def all_transitions(self) -> Iterator[RowTransition]:
        """Yield the rows of all states."""
        for state in self.transitions:
            yield from self.row_transitions(state)


def _plain(state: str) -> str:
    """Return a state as plain text. Of a member of an enum, transitions would take the name for the state."""
    return str.__str__(state)


class _Machine(transitions.Machine):
    """A machine whose states are plain strings, equal to the members of the vocabulary."""

    transition_cls = RowTransition
    event_cls = Trigger
    moves: ClassVar[str]

    def __init__(self, part: Part, words: Mapping[str, str], outside: Collection[str], session: type[CobrowseSession]) -> None:
        """Build the machine of a part of a table.

        Args:
            part: its states and rows.
            words: each state, as a session has it.
            outside: the kinds of event that come from outside. The others are timers, and the end of the leg.
            session: the class of the sessions.
        """
        super().__init__(model=None, states=[*map(_plain, part.states)], initial=None, auto_transitions=False)
        self.words = words
        self.first = part.states[0]
        for row in part.rows:
            checks = value_checks(row, session)
            for kind in row.on:
                # COMMON comes first: a row's own actions see the details and settings of the event. A timer has neither.
                actions = (*(COMMON if row.is_applied and kind in outside else ()), *row.actions, *checks)
                self._add(row, kind, actions, part)
        for trigger in self.triggers.values():
            trigger.freeze(self)

    @property
    def triggers(self) -> dict[str, Trigger]:
        """The kinds of event, by name."""
        return {name: event for name, event in self.events.items() if isinstance(event, Trigger)}

    def _add(self, row: Row, kind: str, actions: tuple[Action, ...], part: Part) -> None:
        event_state = part.event_states.get(kind)
        target = row.target(event_state)
        self.add_transition(
            kind,
            [*map(_plain, row.sources(event_state, part.same))],
            None if target is None else _plain(target),
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
        if work is None:
            return self.first
        return work.state if work.state is not None and work.state in self.states else self.first

    def set_state(self, state: Any, model: Any = None) -> None:
        """Set the state of a session's after-call work."""
        if state == self.first:
            model.after_call_work = None
            return
        model.after_call_work = (model.after_call_work or NO_WORK).in_state(self.words[state])


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
    first = Connection(connection, table.states.words, table.kinds, table.session)
    second = AfterCallWorkMachine(after_call_work, table.states.work_words, table.kinds, table.session)
    return Machines(first, second, {**first.triggers, **second.triggers})
