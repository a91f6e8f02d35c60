"""The fold: what a set of events amounts to, in its plainest form (STREAM-7).

Drop repeats, sort, step. It needs all events at once; the log does the same piece by piece and must equal it.
"""

from collections.abc import Iterable, Iterator
from copy import copy
from datetime import datetime
from typing import Self

from attrs import define, field, frozen

from cobrowse_session.events import Event, Timer
from cobrowse_session.lifecycle import Fired, Lifecycle, Outcome
from cobrowse_session.lifecycle.lifecycle import timer_of
from cobrowse_session.model import NO_CONTEXT, CobrowseSession, Context
from cobrowse_session.stream.copies import merge_copies


@frozen
class TraceEntry:
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
class FoldState:
    """A session and its context on their way: what one step leaves to the next."""

    lifecycle: Lifecycle
    session: CobrowseSession
    context: Context = NO_CONTEXT

    def take(self, event: Event) -> Iterator[TraceEntry]:
        """The next event in order; the after-call-work deadline before it, if it is due, comes first."""
        for fired in self.lifecycle.fire_before(self.session, event):
            yield self._fired(fired)
        outcome = self.lifecycle.decide(self.session, event)
        self.take_context(event)
        yield TraceEntry(event, outcome, self.context.conversation_id)

    def take_context(self, event: Event | Timer) -> None:
        """Take the context that an event states, whatever its outcome."""
        if isinstance(event, Event) and event.context is not NO_CONTEXT:
            self.context = event.context.with_defaults(self.context)

    def advance(self, until: datetime) -> Iterator[TraceEntry]:
        """Whatever is due by then."""
        for fired in self.lifecycle.advance(self.session, until):
            yield self._fired(fired)

    def copy(self) -> Self:
        """A state that goes its own way from here; values are replaced and never changed, so the copy is whole."""
        return type(self)(self.lifecycle, copy(self.session), self.context)

    def _fired(self, fired: Fired) -> TraceEntry:
        return TraceEntry(timer_of(fired, self.session), fired, self.context.conversation_id)


@frozen
class FoldResult:
    """What the events of one session amount to.

    Attributes:
        lifecycle: the rules by which they were decided.
        session: the session in the end.
        trace: every kept event and every timer, in order, with its outcome.
        repeats: how many copies were received beyond one of each event.
        conflicts: how many events have copies of their highest edition that differ in more than when they were received.
        corrected: how many events have a lower edition that states something else.
        context: whose leg it is.
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
    kept = deduplicate(events)
    if not kept.events:
        raise ValueError("expected at least one event, found none")
    state = FoldState(lifecycle, lifecycle.new(kept.events[0].subject))
    steps = [step for event in kept.events for step in state.take(event)]
    if until is not None:
        steps += state.advance(until)
    return FoldResult(lifecycle, state.session, tuple(steps), kept.repeats, kept.conflicts, kept.corrected, state.context)
