"""Runs of events that keep every outcome, for plain asserts and for messages with the whole story."""

import pickle
from collections.abc import Iterable
from copy import copy
from datetime import datetime
from typing import Any

import attrs
from attrs import evolve, frozen

from cobrowse_session.checks import check_type
from cobrowse_session.events import Event, Timer
from cobrowse_session.lifecycle import Applied, Duplicate, Lifecycle, Outcome
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.model import Address, AfterCallWork, CobrowseSession, Wrapup
from cobrowse_session.segments import Segment
from cobrowse_session.settings import Settings
from cobrowse_session.wire import decode_event, decode_session, encode_event, encode_session


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
    """

    session: CobrowseSession
    steps: tuple[RunStep, ...]

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes alone. Compare them with `Applied.match(...)`, `Refused.match(...)`."""
        return [step.outcome for step in self.steps]

    def story(self) -> str:
        """Return the story: one line for each step, refusals with their reason."""
        return "\n".join(map(_line, self.steps))

    def expect(self, /, *outcomes: object, **session: Any) -> None:
        """Check outcomes and attributes of the final session. The error has the whole story.

        Args:
            outcomes: one for each step, an outcome or a match. None at all: outcomes are not checked.
            session: attributes of the final session. `Any`: their types differ. A name may go inside: `wrapup__code="sale"`.

        Raises:
            AssertionError: what was expected, what was found, and the story.

        >>> from cobrowse_session import Applied
        >>> from cobrowse_session.testing import run, stream
        >>> run(stream("s1").alerting()).expect(Applied.match(row="alerting"), state="alerting", wrapup=None)
        """
        differences = []
        if outcomes and list(outcomes) != self.outcomes:
            differences += [
                f"step {number}: expected {expected!r}, found {found!r}"
                for number, (expected, found) in enumerate(zip(outcomes, self.outcomes, strict=False), 1)
                if expected != found
            ]
            if len(outcomes) != len(self.steps):
                differences.append(f"expected {len(outcomes)} steps, found {len(self.steps)}")
        for name, expected in session.items():
            if (found := _inside(self.session, name)) != expected:
                differences.append(f"session.{name.replace('__', '.')}: expected {expected!r}, found {found!r}")
        if differences:
            raise AssertionError("\n".join([*differences, "", "What happened:", self.story()]))


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
        until: advance to this time in the end.
        session: begin with a copy of this session. None: a new one.

    Raises:
        TypeError: `lifecycle` is no lifecycle.
        ValueError: no events and no session, or events of different sessions.
        AssertionError: one of the checks failed: a defect of this package, or of your own table.
    """
    lifecycle = Lifecycle() if lifecycle is None else lifecycle
    check_type("run: lifecycle", lifecycle, Lifecycle)
    events = list(events)
    if session is None:
        if not events:
            raise ValueError("expected at least one event, or a session, found neither")
        session = lifecycle.new(events[0].subject)
    session = copy(session)
    steps: list[RunStep] = []
    for event in events:
        fired = lifecycle.fire_before(session, event)
        steps += [RunStep(lifecycle.timer_of(session, timer), timer, copy(session)) for timer in fired]
        before = copy(session)
        outcome = lifecycle.apply(session, event)
        _check(event, outcome, before, session, lifecycle.table)
        steps.append(RunStep(event, evolve(outcome, fired=fired) if fired else outcome, copy(session)))
    if until is not None:
        while (due := lifecycle.deadline(session)) is not None and due <= until:
            for timer in lifecycle.advance(session, due):
                steps.append(RunStep(lifecycle.timer_of(session, timer), timer, copy(session)))
    return Run(session, tuple(steps))


def _check(event: Event, outcome: Outcome, before: CobrowseSession, after: CobrowseSession, table: Table) -> None:
    assert decode_event(encode_event(event), table=table) == event, f"{event} does not survive JSON"
    assert pickle.loads(pickle.dumps(event)) == event, f"{event} does not survive pickle"  # noqa: S301 (our own bytes)
    assert decode_session(encode_session(after), table=table) == after, f"{after} does not survive JSON"
    assert pickle.loads(pickle.dumps(after)) == after, f"{after} does not survive pickle"  # noqa: S301 (our own bytes)
    changed = {name for name in attrs.fields_dict(type(after)) if getattr(before, name) != getattr(after, name)}
    assert isinstance(outcome, Applied) or not changed, f"{outcome} changed the session: {', '.join(sorted(changed))}"
    written = {"settings", *(outcome.set if isinstance(outcome, Applied) else ())}
    unnamed = ", ".join(sorted(changed - written))
    assert not unnamed, f"row {outcome.row} changed {unnamed}, but no action of it names that: @writes(...)"


def _inside(value: object, name: str) -> object:
    for part in name.split("__"):
        if value is None and part not in _OF_PARTS:
            raise AttributeError(f"{name}: no part of a session has an attribute {part!r}; it has {', '.join(sorted(_OF_PARTS))}")
        value = None if value is None else getattr(value, part)
    return value


_OF_PARTS = frozenset(a.name for part in (Address, Segment, Wrapup, AfterCallWork, Settings) for a in attrs.fields(part))
"""The names behind a `__`. A part may be unset, and a misspelt name must not pass for it."""


def _line(step: RunStep) -> str:
    event, outcome = step.event, step.outcome
    what = f"{event.occurred_at:%H:%M:%S.%f}"[:-3] + f"  {event.kind:<14} {getattr(event, 'id', '⏰'):<5}"
    if isinstance(outcome, Applied):
        moved = f"{outcome.from_state} → {outcome.to_state}" if outcome.from_state != outcome.to_state else outcome.to_state
        return f"{what} ● {outcome.row}: {moved}" + (f", after-call work {outcome.acw}" if outcome.acw else "")
    mark = "○" if isinstance(outcome, Duplicate) else "◆"
    rule = getattr(outcome, "rule", None)
    return f"{what} {mark} {outcome.kind}{f' {rule}' if rule else ''}: {outcome.reason}"
