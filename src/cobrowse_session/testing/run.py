"""Runs of events that keep every outcome, for plain asserts and for messages with the whole story."""

import pickle
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from datetime import datetime, timedelta
from inspect import isclass
from typing import Any

import attrs
from attrs import evolve, field, frozen

from cobrowse_session.checks import check_type, nearest
from cobrowse_session.events import Event, Timer
from cobrowse_session.lifecycle import Applied, Fired, Lifecycle, Outcome
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.outcome import Match
from cobrowse_session.model import NO_CONTEXT, CobrowseSession, Communication, Context
from cobrowse_session.testing.arguments import checked_events
from cobrowse_session.testing.expect import Subject, differences, report
from cobrowse_session.testing.story import story
from cobrowse_session.times import utc
from cobrowse_session.wire import decode_event, decode_session, encode_event, encode_session

__tracebackhide__ = True  # a failed test shows the line that called the kit, and not the kit. `pytest --full-trace` shows all

__all__ = ["Run", "RunStep", "run"]

MAX_TIMERS = 10_000
"""The number of timers that may fire between two events of a run, and after the last one."""


@frozen
class RunStep:
    """One event or timer, its outcome, and the session afterwards."""

    event: Event | Timer
    outcome: Outcome
    session: CobrowseSession


@frozen
class Run:
    """The result of a run.

    Attributes:
        session: the session in the end.
        steps: every event and every timer, in the order in which they were decided.
        context: conversation, participant, user and queue of the leg: of each field, what the last event states.
    """

    session: CobrowseSession
    steps: tuple[RunStep, ...]
    context: Context = NO_CONTEXT
    _table: Table = field(factory=Table.standard, eq=False, repr=False)

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes alone. Compare them with `Applied.match(...)`, `Refused.match(...)`."""
        return [step.outcome for step in self.steps]

    @property
    def fired(self) -> list[Fired]:
        """The timers that fired, in order. Each has its `timer` and the instant `at` which it was due."""
        return [outcome for outcome in self.outcomes if isinstance(outcome, Fired)]

    def story(self) -> str:
        """Return the story: one line for each step, refusals with their reason."""
        return story(self.steps)

    def expect(self, /, *outcomes: object, **session: Any) -> None:
        """Check outcomes and attributes of the final session. The error has the whole story.

        Args:
            outcomes: one for each step, an outcome or a match. None at all: outcomes are not checked.
            session: attributes of the final session, and its `context`, as `expect` takes them. `Any`: their types differ.

        Raises:
            AssertionError: what was expected, what was found, and the story.
            AttributeError: there is no attribute of such a name.
            TypeError: nothing is expected, or one of `outcomes` is a class.
            ValueError: a match has a row that the table does not have.

        >>> from cobrowse_session import Applied
        >>> from cobrowse_session.testing import run, stream
        >>> run(stream("s1").alerting()).expect(Applied.match(row="alerting"), state="alerting", wrapup=None)
        """
        if not outcomes and not session:
            raise TypeError("expect: expected outcomes, or attributes of the session, found none")
        for wanted in outcomes:
            self._check_outcome(wanted)
        subject = Subject(self.session, self.context, self.steps)
        found = [*self._other_outcomes(outcomes), *differences(subject, session)]
        if found:
            raise AssertionError(report(subject, found))

    def _check_outcome(self, wanted: object) -> None:
        if isclass(wanted) and issubclass(wanted, Outcome):
            raise TypeError(f"expect: expected an outcome or a match, found a class; write {wanted.__name__}.match()")
        row = wanted.expected.get("row") if isinstance(wanted, Match) else None
        names = {row.name for part in self._table.parts for row in part.rows}
        for name in row.split("+") if isinstance(row, str) else ():  # `ended+begins` are two
            if name not in names:
                raise ValueError(f"expect: the table {self._table.name!r} has no row {name!r}.{nearest(name, names)}")

    def _other_outcomes(self, expected: Sequence[object]) -> Iterator[str]:
        """Yield a line for each step with another outcome than expected."""
        if not expected:
            return
        for number, (wanted, found) in enumerate(zip(expected, self.outcomes, strict=False), 1):
            if found != wanted:
                yield f"step {number}: expected {wanted!r}, found {found!r}"
        if len(expected) != len(self.steps):
            yield f"expected {len(expected)} steps, found {len(self.steps)}"


def run(
    events: Iterable[Event],
    *,
    lifecycle: Lifecycle | None = None,
    until: datetime | None = None,
    session: CobrowseSession | None = None,
) -> Run:
    """Apply events to a session, in the given order, and return every step.

    It also checks what holds for every event and session: both survive JSON and pickle, an event that is not applied leaves the
    session equal, and an applied one changes only what the actions of its row name. So a guard of your own that writes is found.

    Args:
        events: of one session.
        lifecycle: None: the default one.
        until: advance to this time in the end, on the corrected provider clock. A timer fires at its own deadline, however late
            that is noticed. A timer that it makes due by then fires, too.
        session: begin with a copy of this session. None: a new one.

    Raises:
        TypeError: `events` are no events, `lifecycle` is no lifecycle, `session` is no session, or `until` is naive.
        ValueError: no events and no session, or events of different sessions.
        AssertionError: one of the checks failed: a defect of this package, or of your own table.
        RuntimeError: the timers of your own table make each other due for ever.
    """
    lifecycle = Lifecycle() if lifecycle is None else lifecycle
    check_type("run: lifecycle", lifecycle, Lifecycle)
    events = checked_events("run", events)
    if session is None:
        if not events:
            raise ValueError("expected at least one event, or a session, found neither")
        session = lifecycle.new(events[0].subject)
    check_type("run: session", session, Communication)
    session, context = copy(session), NO_CONTEXT
    steps: list[RunStep] = []
    for event in events:
        timers = _fire_before(lifecycle, session, event)
        before = copy(session)
        outcome = lifecycle.apply(session, event)
        _check(event, outcome, before, session, lifecycle.table)
        fired = tuple(step.outcome for step in timers if isinstance(step.outcome, Fired))
        steps += [*timers, RunStep(event, evolve(outcome, fired=fired) if fired else outcome, copy(session))]
        context = event.context.with_defaults(context)
    if until is not None:
        steps += _advance(lifecycle, session, utc(until))
    return Run(session, tuple(steps), context, lifecycle.table)


def _fire_before(lifecycle: Lifecycle, session: CobrowseSession, event: Event) -> list[RunStep]:
    """Fire what is due before an event, and return each timer as a step."""
    # One deadline after the other, so that an endless chain is found. A last resort does not fire, because the event shows that
    # the leg went on (TIMER-4). It hides the deadlines after it here, so these fire in one call.
    steps: list[RunStep] = []
    while (due := lifecycle.deadline(session)) is not None and due < event.occurred_at:
        before = copy(session)
        fired = lifecycle.fire_before(session, evolve(event, occurred_at=due + timedelta(milliseconds=1)))
        if not fired:
            break
        steps += _timers(lifecycle, before, fired)
        _check_end(session, steps, due)
    before = copy(session)
    return steps + _timers(lifecycle, before, lifecycle.fire_before(session, event))


def _advance(lifecycle: Lifecycle, session: CobrowseSession, until: datetime) -> list[RunStep]:
    """Fire what is due by a time, and return each timer as a step. A timer may make another one due."""
    steps: list[RunStep] = []
    while (due := lifecycle.deadline(session)) is not None and due <= until:
        before = copy(session)
        steps += _timers(lifecycle, before, lifecycle.advance(session, due))
        _check_end(session, steps, due)
    return steps


def _check_end(session: CobrowseSession, steps: list[RunStep], due: datetime) -> None:
    """Check that a chain of timers may have an end. The lifecycle itself finds timers that fire for ever at one instant."""
    if len(steps) > MAX_TIMERS:
        found = f"more than {MAX_TIMERS:,} timers fired up to {due} without an event between them"
        raise RuntimeError(f"session {session.id!r}: {found}: end the chain in the table, or choose an earlier time")


def _timers(lifecycle: Lifecycle, session: CobrowseSession, fired: Iterable[Fired]) -> list[RunStep]:
    """Return timers that fired as steps, each with the session as it was after it.

    Args:
        lifecycle: the lifecycle that fired them.
        session: as it was before the first one. It is changed.
        fired: the timers, in order.
    """
    # The lifecycle has fired all of them already. To see the session after the first one, its rows write once more, on a copy.
    #
    # Example: two timers of a table's own, due at 09:01 and 09:02, and an event at 09:03. The lifecycle fires both before the
    # event. The first step shows the session at 09:01, which no longer exists.
    steps: list[RunStep] = []
    for outcome in fired:
        timer = lifecycle.timer_of(session, outcome)
        lifecycle.decide_again(session, timer, outcome)
        steps.append(RunStep(timer, outcome, copy(session)))
    return steps


def _check(event: Event, outcome: Outcome, before: CobrowseSession, after: CobrowseSession, table: Table) -> None:
    changed = {name for name in attrs.fields_dict(type(after)) if getattr(before, name) != getattr(after, name)}
    written = {"settings", *(outcome.set if isinstance(outcome, Applied) else ())}
    unnamed = ", ".join(sorted(changed - written))
    read = decode_event(encode_event(event), table=table, max_future=timedelta.max)
    # No `assert`: `python -O` would leave it out.
    for holds, problem in (
        (read == event, f"{event} does not survive JSON"),
        (pickle.loads(pickle.dumps(event)) == event, f"{event} does not survive pickle"),  # noqa: S301 (our own bytes)
        (decode_session(encode_session(after), table=table) == after, f"{after} does not survive JSON"),
        (pickle.loads(pickle.dumps(after)) == after, f"{after} does not survive pickle"),  # noqa: S301 (our own bytes)
        (isinstance(outcome, Applied) or not changed, f"{outcome} changed the session: {', '.join(sorted(changed))}"),
        (not unnamed, f"row {outcome.row} changed {unnamed}, but no action of it names that: @writes(...)"),
    ):
        if not holds:
            raise AssertionError(problem)
