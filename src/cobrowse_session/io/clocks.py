"""The providers' clocks, observed in a file of events."""

from array import array
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Self

from attrs import define, field, frozen

from cobrowse_session.events import Event
from cobrowse_session.printable import printable
from cobrowse_session.stream import ClockReport, ProviderClock
from cobrowse_session.times import EPOCH, milliseconds

__all__ = ["Clock", "clocks"]


@frozen
class Clock:
    """One provider's clock, as a file shows it.

    Attributes:
        source: the provider.
        clock: the clock after it learned from the source's events, in the order in which they were received.
        impossible: the number of events that were received before they happened, by their own times.
        worst: the largest of these differences.
        moves: the number of changes of the offset that would be added.
    """

    source: str
    clock: ProviderClock
    impossible: int = 0
    worst: timedelta = field(default=timedelta(0))
    moves: int = 0

    def __str__(self) -> str:
        clock = self.clock
        lines = [
            f"{printable(self.source)}: {clock.pairs:,} pairs in {clock.windows:,} windows, {clock.healthy:,} of them healthy",
            f"  difference  {_observed(clock)}",
            f"  would add   {_would_add(clock)}",
        ]
        if clock.drift is not None:
            lines.append(f"  drift       {clock.drift * 1e6:+.1f} ppm over the last {len(clock.recent)} windows")
        lines.append(f"  jumps       {clock.jumps:,}")
        lines.append(f"  impossible  {self.impossible:,}" + (f", by up to {_ms(self.worst)}" if self.impossible else ""))
        return "\n".join(lines)


def _observed(clock: ProviderClock) -> str:
    if clock.windows == 0:
        so_far = clock.current.base(clock.min_delay) if clock.current and clock.pairs >= clock.min_pairs else None
        return f"unknown: {clock.min_pairs} pairs are needed" if so_far is None else f"{_ms(so_far)} at least so far"
    if clock.base is None:
        return "unknown: the smallest differences of the latest window are strays"
    report = clock.report
    return f"{_ms(clock.base)} at least in the latest window" + (f": {report}" if report else "")


def _would_add(clock: ProviderClock) -> str:
    return f"{_ms(clock.offset)}, if the correction of this source is asked for" if clock.offset else "nothing"


def clocks(events: Iterable[Event], window: timedelta | None = None, min_delay: timedelta | None = None) -> tuple[Clock, ...]:
    """Return each provider's clock, observed in events that have a `receivedtime`. Nothing is corrected (CLOCK-1, CLOCK-2).

    Args:
        events: in any order.
        window: as in `ProviderClock`. None: its default.
        min_delay: as in `ProviderClock`. None: its default.

    Raises:
        SettingsError: a duration is out of range. See `ProviderClock`.
    """
    pairs: dict[str, list[tuple[datetime, datetime, datetime]]] = defaultdict(list)
    for event in events:
        if event.received_at is not None and event.derived_from is None:
            pairs[event.source].append((event.received_at, event.provider_time or event.occurred_at, event.occurred_at))
    given = {"window": window, "min_delay": min_delay}
    chosen = {name: value for name, value in given.items() if value is not None}
    return tuple(_clock(source, sorted(pairs[source]), ProviderClock(**chosen)) for source in sorted(pairs))  # type: ignore[arg-type]  # durations, by name


@define
class Observed:
    """The times of events by source, to report clocks that seem to be off. They need 16 bytes per event."""

    _times: dict[str, "array[int]"] = field(factory=dict, init=False)

    def add(self, event: Event) -> None:
        """Take an event that states when it was received, in any order."""
        if event.received_at is not None and event.derived_from is None:
            times = self._of(event.source)
            times.append(milliseconds(event.received_at - EPOCH))
            times.append(milliseconds((event.provider_time or event.occurred_at) - EPOCH))

    def join(self, other: Self) -> None:
        """Take what was observed elsewhere."""
        for source, times in other._times.items():
            self._of(source).extend(times)

    def _of(self, source: str) -> "array[int]":
        if source not in self._times:
            self._times[source] = array("q")
        return self._times[source]

    def reports(self) -> dict[str, ClockReport]:
        """Return a report for each source whose clock seems to be off by more than is tolerated."""
        return {source: report for source in sorted(self._times) if (report := self._report(source))}

    def _report(self, source: str) -> ClockReport | None:
        clock, times = ProviderClock(), iter(self._times[source])
        pairs, most = [*zip(times, times, strict=True)], milliseconds(clock.tolerated)
        if all(-most <= received - provider_time <= most for received, provider_time in pairs):
            return None  # what a report states is one of these differences
        for received, provider_time in sorted(pairs):
            clock.learn(EPOCH + timedelta(milliseconds=provider_time), EPOCH + timedelta(milliseconds=received))
        return clock.report


def _clock(source: str, pairs: list[tuple[datetime, datetime, datetime]], clock: ProviderClock) -> Clock:
    moves = 0
    for received, provider_time, _ in pairs:
        before = clock.offset
        clock.learn(provider_time, received)
        moves += clock.offset != before
    early = [occurred - received for received, _, occurred in pairs if received < occurred]
    return Clock(source, clock, len(early), max(early, default=timedelta(0)), moves)


def _ms(duration: timedelta) -> str:
    return f"{duration / timedelta(milliseconds=1):+,.0f} ms"
