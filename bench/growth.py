"""The question: does a step cost more where there are many sessions."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random

from attrs import define, field

from bench.by_hand import ByHand
from bench.measure import Ratio, Section, interleaved, nanoseconds, times
from cobrowse_session import CobrowseSession, Connected, Details, Event, Lifecycle, Updated
from cobrowse_session.testing.stream import START

SIZES = (1_000, 10_000, 100_000, 1_000_000)
EVENTS = 20_000
ROUNDS = 7
TEXT = (
    f"So many sessions are connected and held in a dict. Then {EVENTS:,} `updated` events of sessions at random are applied, "
    f"with the garbage collector as Python sets it. Medians of {ROUNDS} interleaved rounds. The step by hand on the same "
    "sessions shows what of it is the memory of the machine: a session at random is in none of its caches."
)


@define
class World:
    """Many sessions in memory."""

    size: int
    lifecycle: Lifecycle = field(factory=Lifecycle)
    sessions: dict[str, CobrowseSession] = field(factory=dict)
    now: datetime = START

    def fill(self) -> None:
        """Connect all sessions."""
        for number in range(self.size):
            name = f"session-{number}"
            session = self.sessions[name] = self.lifecycle.new(name)
            self.lifecycle.apply(session, Connected(subject=name, source="/test", id="1", occurred_at=START))

    def events_a_second(self, apply: Callable[[CobrowseSession, Event], object]) -> float:
        """Apply events that were made before."""
        events = self._events()
        return EVENTS / nanoseconds(lambda: self._apply_all(apply, events)) * 1e9

    def _events(self) -> list[Event]:
        rng = Random(self.now.timestamp())  # noqa: S311 (a seed must repeat)
        self.now += timedelta(seconds=1)
        details = Details(viewer_url=f"https://example.com/{self.now.timestamp()}")
        names = [f"session-{rng.randrange(self.size)}" for _ in range(EVENTS)]
        return [Updated(subject=name, source="/test", id="2", occurred_at=self.now, details=details) for name in names]

    def _apply_all(self, apply: Callable[[CobrowseSession, Event], object], events: list[Event]) -> None:
        for event in events:
            apply(self.sessions[event.subject], event)


def measure(_: int) -> Section:
    """Measure all sizes."""
    worlds = {size: World(size) for size in SIZES}
    for world in worlds.values():
        world.fill()
    hand = ByHand(Lifecycle())
    ways = {("ours", size): partial(world.events_a_second, world.lifecycle.apply) for size, world in worlds.items()}
    ways |= {("by hand", size): partial(world.events_a_second, hand.apply) for size, world in worlds.items()}
    speed = interleaved(ways, ROUNDS)
    ratios = {way: speed[way] / speed[way[0], 10_000] for way in ways}
    return Section(
        "Growth",
        TEXT,
        ("sessions", "events a second", "/ 10,000 sessions", "by hand", "/ 10,000 sessions"),
        [
            [
                f"{size:,}",
                *(cell for way in ("ours", "by hand") for cell in (f"{speed[way, size]:,.0f}", times(ratios[way, size]))),
            ]
            for size in SIZES
        ],
        (
            Ratio("events a second with 1,000,000 sessions / with 10,000", times(ratios["ours", 1_000_000]), "≥ 0.85"),
            Ratio("the same by hand", times(ratios["by hand", 1_000_000]), "–"),
        ),
    )
