"""The times of an event on its arrival: stamped, corrected and checked, and the clocks of the sources that learn from it.

By default no time is corrected. The clock of each source is observed, and an offset beyond two seconds is reported (CLOCK-2). All
events of one source in one session are corrected by one offset, fixed with the first of them. So order and durations stay the
provider's own, and a copy gets the same time (CLOCK-8). An event with a `providertime` has been corrected already.
"""

from datetime import datetime, timedelta

from attrs import define, evolve, field

from cobrowse_session.errors import DecodeError, Problem
from cobrowse_session.events import Event
from cobrowse_session.io.arguments import Correction
from cobrowse_session.stream import ClockReport, ClockState, ProviderClock
from cobrowse_session.times import time_text

MAX_SOURCES = 10_000
"""The number of sources whose clocks an inbox observes. Of more, those heard first are forgotten first."""


@define
class SourceClocks:
    """The clocks of the sources that were heard, and the corrections that a caller asks for.

    Attributes:
        correct: a correction by source. Times of other sources are not changed.
        clocks: the clocks by source.
    """

    correct: dict[str, Correction]
    clocks: dict[str, ProviderClock] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.clocks.update((source, clock) for source, clock in self.correct.items() if isinstance(clock, ProviderClock))

    def offset(self, source: str) -> timedelta:
        """Return the offset that is known of a source now."""
        correction = self.correct.get(source, timedelta(0))
        return correction.offset if isinstance(correction, ProviderClock) else correction

    def learn(self, event: Event) -> tuple[str, ...]:
        """Let the source's clock learn from an event that was stamped, and return its report as a note."""
        clock = self.clocks.get(event.source)
        if clock is None:
            clock = self.clocks[event.source] = ProviderClock()
            if len(self.clocks) > MAX_SOURCES:
                del self.clocks[next((source for source in self.clocks if source not in self.correct), event.source)]
        clock.learn(event.occurred_at, event.received)
        report: ClockReport | None = clock.report
        if report is None or (report.state == ClockState.ADOPTED and event.source in self.correct):
            return ()
        return (f"clock of {event.source}: {report}",)


def stamped(event: Event, now: datetime) -> tuple[Event, tuple[str, ...]]:
    """Return an event with the time at which it was received, and notes. A time later than the arrival is cut to it (TIME-7)."""
    if event.received_at is not None and event.received_at <= now:
        return event, ()
    is_cut = event.received_at is not None
    notes = (f"receivedtime {time_text(event.received)} is later than the arrival, cut to it",) if is_cut else ()
    return evolve(event, received_at=now), notes


def corrected(event: Event, offset: timedelta) -> Event:
    """Return an event with its time on our clock. The provider's own time stays beside it (CLOCK-9).

    Raises:
        DecodeError: the corrected time is outside of the years 1970 to 9998.
    """
    if not offset:
        return event
    try:
        return evolve(event, occurred_at=event.occurred_at + offset, provider_time=event.occurred_at)
    except (OverflowError, ValueError):
        found = f"{time_text(event.occurred_at)}, corrected by {offset}"
        raise DecodeError((Problem("bad_time", "$.time", found, "a time in the years 1970 to 9998"),)) from None


def check_future(occurred: datetime, received: datetime, max_future: timedelta) -> None:
    """Check that an event lies no further after its arrival than is allowed (ERROR-14).

    Raises:
        DecodeError: it does.
    """
    if occurred - received > max_future:
        expected = f"at most {max_future} after it was received, {time_text(received)}"
        raise DecodeError((Problem("time_in_the_future", "$.time", time_text(occurred), expected),))
