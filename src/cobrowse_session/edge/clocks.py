"""The providers' clocks, as a file of events shows them."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from attrs import frozen

from cobrowse_session.events import Event
from cobrowse_session.printable import printable
from cobrowse_session.stream import ProviderClock

__all__ = ["Clock", "clocks"]


@frozen
class Clock:
    """What a file tells of one provider's clock.

    Attributes:
        source: the provider.
        clock: what was learned from its events, in the order in which they were received.
        impossible: how many events were received before they happened, on the corrected clock.
        worst: by how much, at most.
    """

    source: str
    clock: ProviderClock
    impossible: int
    worst: timedelta

    def __str__(self) -> str:
        clock = self.clock
        lines = [f"{printable(self.source)}: {clock.pairs} pairs"]
        if clock.offset is None or clock.bound is None:
            lines.append(f"  offset      unknown: {clock.fewest} pairs are needed")
        else:
            bound = clock.bound
            assumed = f"if one event of every {clock.window.total_seconds():g} s arrives within {_ms(bound.smallest_delay)}"
            lines.append(f"  offset      {_ms(clock.offset)}, between {_ms(bound.lowest)} and {_ms(bound.highest)} {assumed}")
        if (drift := clock.drift) is not None:
            lines.append(f"  drift       {drift.estimate:+.1f} ppm, between {drift.lowest:+.1f} and {drift.highest:+.1f}")
        lines.append(f"  jumps       {clock.jumps}")
        lines.append(f"  impossible  {self.impossible}" + (f", by up to {_ms(self.worst)}" if self.impossible else ""))
        return "\n".join(lines)


def clocks(
    events: Iterable[Event], smallest_delay: timedelta | None = None, window: timedelta | None = None
) -> tuple[Clock, ...]:
    """Learn each provider's clock from events that say when they were received; others tell nothing.

    Args:
        events: in any order.
        smallest_delay: see `ProviderClock`; None: its default.
        window: see `ProviderClock`; None: its default.
    """
    pairs: dict[str, list[tuple[datetime, datetime, datetime]]] = defaultdict(list)
    for event in events:
        if event.received_at is not None:
            pairs[event.source].append((event.received_at, event.provider_time or event.occurred_at, event.occurred_at))
    said = {"smallest_delay": smallest_delay, "window": window}
    chosen = {name: value for name, value in said.items() if value is not None}
    return tuple(_clock(source, sorted(pairs[source]), chosen) for source in sorted(pairs))


def _clock(source: str, pairs: list[tuple[datetime, datetime, datetime]], chosen: dict[str, timedelta]) -> Clock:
    clock = ProviderClock(**chosen)  # type: ignore[arg-type]  # durations, by name
    for received, provider_time, _ in pairs:
        clock.learn(provider_time, received)
    early = [occurred - received for received, _, occurred in pairs if received < occurred]
    return Clock(source, clock, len(early), max(early, default=timedelta(0)))


def _ms(duration: timedelta) -> str:
    return f"{duration / timedelta(milliseconds=1):+.0f} ms"
