"""The fold: the session that follows from a set of events (STREAM-7).

It drops repeats, sorts and decides. It needs all events at once. The log does the same piece by piece and must equal it.
"""

from collections.abc import Iterable, Iterator
from copy import copy
from datetime import datetime
from typing import Self

from attrs import define, field, frozen

from cobrowse_session.events import Event, Timer
from cobrowse_session.lifecycle import Fired, Lifecycle, Outcome
from cobrowse_session.model import NO_CONTEXT, CobrowseSession, Context
from cobrowse_session.stream.copies import merge_copies


@frozen
class TraceEntry:
    """One entry of the trace: an event or a timer, and its outcome.

    Attributes:
        event: the event, or the timer.
        outcome: its outcome.
        context: whose leg it is, as of this entry: of each field, what the latest event up to here states (CONTEXT-3).
    """

    event: Event | Timer
    outcome: Outcome
    context: Context = NO_CONTEXT


@define
class FoldState:
    """A session and its context between two events of a fold."""

    lifecycle: Lifecycle
    session: CobrowseSession
    context: Context = NO_CONTEXT

    def take(self, event: Event) -> list[TraceEntry]:
        """Return the entries of the next event in order. A deadline before it comes first."""
        timers = self.lifecycle.fire_before(self.session, event)
        outcome = self.lifecycle.decide(self.session, event)
        before = [self._fired(fired) for fired in timers] if timers else []
        if event.context is not NO_CONTEXT:
            self.take_context(event)
        return [*before, TraceEntry(event, outcome, self.context)]

    def take_context(self, event: Event | Timer) -> None:
        """Take the context that an event states, for every outcome."""
        if isinstance(event, Event) and event.context is not NO_CONTEXT:
            self.context = event.context.with_defaults(self.context)

    def advance(self, until: datetime) -> Iterator[TraceEntry]:
        """Yield the entries of the timers that are due by then."""
        for fired in self.lifecycle.advance(self.session, until):
            yield self._fired(fired)

    def copy(self) -> Self:
        """Return an independent copy. A shallow one is enough, because values are replaced and never changed."""
        return type(self)(self.lifecycle, copy(self.session), self.context)

    def _fired(self, fired: Fired) -> TraceEntry:
        return TraceEntry(self.lifecycle.timer_of(self.session, fired), fired, self.context)


@frozen
class FoldResult:
    """The session and the trace that follow from the events of one session.

    Attributes:
        lifecycle: the lifecycle that decided them.
        session: the session in the end.
        trace: every kept event and every timer, in order, with its outcome.
        repeats: how many copies were received beyond one of each event.
        conflicts: how many events have copies of their highest edition that differ in more than when they were received.
        corrected: how many events have a lower edition that states something else.
        context: conversation, participant, user and queue of the leg.
    """

    lifecycle: Lifecycle = field(eq=False)
    session: CobrowseSession
    trace: tuple[TraceEntry, ...]
    repeats: int
    conflicts: int
    corrected: int = 0
    context: Context = NO_CONTEXT


@frozen
class Deduplicated:
    """The events of one session, each once.

    Attributes:
        events: one of each identity, in order.
        repeats: how many copies were received beyond one of each event.
        conflicts: how many events have copies of their highest edition that differ in more than when they were received.
        corrected: how many events have a lower edition that states something else.
    """

    events: tuple[Event, ...]
    repeats: int
    conflicts: int
    corrected: int


def deduplicate(events: Iterable[Event]) -> Deduplicated:
    """Make one event of the copies of each, and sort."""
    every = list(events)
    kept, several = merge_copies(every)
    conflicts = sum(copies.in_conflict for copies in several.values())
    corrected = sum(copies.is_corrected for copies in several.values())
    return Deduplicated(tuple(kept), len(every) - len(kept), conflicts, corrected)


def fold(events: Iterable[Event], until: datetime | None = None, *, lifecycle: Lifecycle | None = None) -> FoldResult:
    """Return the session and the trace of the events of one session, in any order and with any repetition.

    Args:
        events: at least one. All are of one session.
        until: advance to this time, on the corrected provider clock. None, or a time before the last event: time ends with the
            last event.
        lifecycle: None: the default one. `strict` makes no difference.

    Raises:
        ValueError: no events, or events of different sessions.
        TypeError: `until` is naive, or the table does not have the class of an event.
    """
    lifecycle = lifecycle or Lifecycle()
    kept = deduplicate(events)
    if not kept.events:
        raise ValueError("expected at least one event, found none")
    state = FoldState(lifecycle, lifecycle.new(kept.events[0].subject))
    for event in kept.events:
        lifecycle.check_event(event, state.session.id)
    # Timers that are due between two events fire inside `take`. Those after the last event need `until`: without it, time ends
    # with the last event, and pending after-call work stays pending.
    steps = [step for event in kept.events for step in state.take(event)]
    if until is not None:
        steps += state.advance(until)
    return FoldResult(lifecycle, state.session, tuple(steps), kept.repeats, kept.conflicts, kept.corrected, state.context)
