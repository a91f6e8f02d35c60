"""The fold: what a set of events amounts to, in its plainest form (specification, section 7).

Drop repeats, sort, step. It needs all events at once; the log does the same piece by piece and must equal it.
"""

from collections.abc import Iterable, Iterator
from copy import copy
from datetime import datetime
from itertools import groupby
from typing import Self

from attrs import define, field, frozen

from cobrowse_session.events import Event, Timer, canonical, identity, order, preference
from cobrowse_session.lifecycle import Fired, Lifecycle, Outcome
from cobrowse_session.lifecycle.step import timer_of
from cobrowse_session.model import CobrowseSession


@frozen
class Step:
    """One row of the trace: an event or a timer, and what became of it.

    Attributes:
        event: the event, or the timer.
        outcome: what became of it.
        conversation: the conversation that it names, or else the last one named before it.
    """

    event: Event | Timer
    outcome: Outcome
    conversation: str | None = None


@define
class Stepper:
    """A session on its way, and the conversation that its events name: what one step leaves to the next."""

    lifecycle: Lifecycle
    session: CobrowseSession
    conversation: str | None = None

    def take(self, event: Event) -> Iterator[Step]:
        """The next event in order; the after-call-work deadline before it, if it is due, comes first."""
        for fired in self.lifecycle.fire_before(self.session, event):
            yield self._fired(fired)
        outcome = self.lifecycle.judge(self.session, event)
        self.conversation = event.conversation_id or self.conversation
        yield Step(event, outcome, self.conversation)

    def advance(self, until: datetime) -> Iterator[Step]:
        """Whatever is due by then."""
        for fired in self.lifecycle.advance(self.session, until):
            yield self._fired(fired)

    def copy(self) -> Self:
        """A stepper that goes its own way from here; values are replaced and never changed, so the copy is whole."""
        return type(self)(self.lifecycle, copy(self.session), self.conversation)

    def _fired(self, fired: Fired) -> Step:
        return Step(timer_of(fired, self.session), fired, self.conversation)


@frozen
class Folded:
    """What the events of one session amount to.

    Attributes:
        lifecycle: the rules by which they were judged.
        session: the session in the end.
        steps: every kept event and every timer, in order, with its outcome.
        repeats: how many copies were dropped.
        conflicts: how many identities had copies that differ in more than when they were received.
    """

    lifecycle: Lifecycle = field(eq=False)
    session: CobrowseSession
    steps: tuple[Step, ...]
    repeats: int
    conflicts: int


@frozen
class Kept:
    """The events of one session, each once.

    Attributes:
        events: one copy of each, in order.
        repeats: how many copies were dropped.
        conflicts: how many events had copies that differ in more than when they were received.
    """

    events: tuple[Event, ...]
    repeats: int
    conflicts: int


def keep(events: Iterable[Event]) -> Kept:
    """Drop repeats and sort. Of copies that differ, the one first received is kept, then the smallest canonical form [C]."""
    every = sorted(events, key=identity)
    kept, conflicts = [], 0
    for _, group in groupby(every, key=identity):
        copies = list(group)
        kept.append(min(copies, key=preference) if len(copies) > 1 else copies[0])
        conflicts += len(copies) > 1 and len({canonical(copy) for copy in copies}) > 1
    return Kept(tuple(sorted(kept, key=order)), len(every) - len(kept), conflicts)


def fold(events: Iterable[Event], until: datetime | None = None, *, lifecycle: Lifecycle | None = None) -> Folded:
    """Fold the events of one session, in whatever order and however often they come.

    Args:
        events: at least one; all of the same session.
        until: advance to this time, on the corrected provider clock; None, or one before the last event, advances no further
            than the events do.
        lifecycle: the rules; the default ones where it is None. Whether it is strict makes no difference.

    Raises:
        ValueError: no events, or events of different sessions.
        TypeError: `until` is naive.
    """
    lifecycle = lifecycle or Lifecycle()
    kept = keep(events)
    if not kept.events:
        raise ValueError("expected at least one event, found none")
    stepper = Stepper(lifecycle, lifecycle.new(kept.events[0].subject))
    steps = [step for event in kept.events for step in stepper.take(event)]
    if until is not None:
        steps += stepper.advance(until)
    return Folded(lifecycle, stepper.session, tuple(steps), kept.repeats, kept.conflicts)
