"""Simulated sources: right clocks that must not be corrected, and wrong ones that must be (docs/lifecycle.md, section 8).

A world is a list of pairs: when an event happened on the provider's clock, and when it was received. Everything follows from a
seed. `python -m tests.clock_worlds` prints the table of all scenarios.
"""

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from math import ceil, inf
from typing import NamedTuple

from attrs import field, frozen

from cobrowse_session.stream import ProviderClock
from cobrowse_session.testing import START

MINUTE, HOUR = 60.0, 3600.0
DAY = 24 * HOUR
FAST_KNOWN, SLOW_KNOWN = 25 * MINUTE, 65 * MINUTE
"""How long after it is there an offset must be corrected."""
FAST_PASSED, SLOW_PASSED = 0.3, 2.0
"""From which offset on a drift is beyond the tolerance, in seconds. Fast: 250 ms and the smallest delay, which hides it."""
SLACK = 0.03
"""What 100 ppm amount to within a window, in seconds."""


# --- A world ------------------------------------------------------------------------------------------------------------------


class Happened(NamedTuple):
    """One event, in seconds since the beginning, on our clock.

    Attributes:
        at: when it happened.
        received: when it was received.
        stated: what its `receivedtime` states.
        offset: what must be added to the provider's time.
    """

    at: float
    received: float
    stated: float
    offset: float = 0.0

    @property
    def delay(self) -> float:
        return self.received - self.at


Change = Callable[[random.Random, list[Happened]], list[Happened]]


def traffic(chance: random.Random, lasts: float, every: float) -> list[Happened]:
    """Events with the delays of a healthy feed."""
    found, now = [], 0.0
    while (now := now + chance.expovariate(1 / every)) < lasts:
        delay = 0.02 + chance.expovariate(1 / 0.03) + (chance.expovariate(1 / 2) if chance.random() < 0.05 else 0)
        found.append(Happened(now, now + delay, now + delay))
    return found


def _received(one: Happened, received: float) -> Happened:
    return one._replace(received=received, stated=received)


def outage(begins: float, ends: float, catches_up: float) -> Change:
    """Nothing arrives from `begins` to `ends`. Then what waited arrives, `catches_up` times as fast as it happened."""

    def change(chance: random.Random, events: list[Happened]) -> list[Happened]:
        def arrival(one: Happened) -> float:
            return (
                one.received
                if one.at < begins
                else max(one.received, ends + (one.at - begins) / catches_up + chance.random() / 99)
            )

        return [_received(one, arrival(one)) for one in events]

    return change


def backlog(lasts: float, catches_up: float) -> Change:
    """What a cold start finds: everything that happened since the beginning."""
    return outage(0, lasts, catches_up)


def silence(begins: float, ends: float) -> Change:
    return lambda _, events: [one for one in events if not begins < one.at < ends]


def poller(every: float) -> Change:
    return lambda chance, events: [_received(one, ceil(one.received / every) * every + chance.random() / 50) for one in events]


def late(by: float, begins: float = 0, ends: float = inf) -> Change:
    return lambda _, events: [_received(one, one.received + by) if begins <= one.at < ends else one for one in events]


def retries(share: float) -> Change:
    def change(chance: random.Random, events: list[Happened]) -> list[Happened]:
        return [_received(o, o.received + chance.choice((5, 30, 120))) if chance.random() < share else o for o in events]

    return change


def feeds(slower: float, dark: tuple[float, float]) -> Change:
    """Half of the events take a slower feed; while the fast one is dark, all of them that there are."""

    def change(chance: random.Random, events: list[Happened]) -> list[Happened]:
        slow = [chance.random() < 0.5 for _ in events]
        kept = [(one, is_slow) for one, is_slow in zip(events, slow, strict=True) if is_slow or not dark[0] < one.at < dark[1]]
        return [_received(one, one.received + slower) if is_slow else one for one, is_slow in kept]

    return change


def early(by: float, begins: float, ends: float) -> Change:
    """`receivedtime` is too early for a while."""
    return lambda _, events: [o._replace(stated=o.received - by) if begins <= o.received < ends else o for o in events]


def stray_early(times: int) -> Change:
    def change(chance: random.Random, events: list[Happened]) -> list[Happened]:
        strays = set(chance.sample(range(len(events)), min(times, len(events))))
        return [o._replace(stated=o.received - chance.uniform(1, 20)) if i in strays else o for i, o in enumerate(events)]

    return change


def node(share: float, fast: float) -> Change:
    """Some events come from a node whose clock is fast."""

    def change(chance: random.Random, events: list[Happened]) -> list[Happened]:
        return [one._replace(offset=one.offset - fast) if chance.random() < share else one for one in events]

    return change


def off(by: Callable[[float], float]) -> Change:
    """The provider's clock is off, by so much at that time."""
    return lambda _, events: [one._replace(offset=by(one.at)) for one in events]


# --- Scenarios ----------------------------------------------------------------------------------------------------------------


@frozen
class Scenario:
    """A source, and what must hold.

    Attributes:
        name: for a person.
        changes: what happens to healthy traffic, in order.
        lasts: in seconds.
        every: seconds between events, on average.
        known: for a wrong clock: from when on sessions must begin corrected, as (from, to) in seconds.
    """

    name: str
    changes: tuple[Change, ...] = ()
    lasts: float = 8 * HOUR
    every: float = 4.0
    known: tuple[tuple[float, float], ...] = field(default=())

    def events(self, seed: int) -> list[Happened]:
        chance = random.Random(f"{self.name} {seed}")
        events = traffic(chance, self.lasts, self.every)
        for change in self.changes:
            events = change(chance, events)
        return sorted(events, key=lambda one: one.received)


OUTAGES = (outage(2 * HOUR, 2.2 * HOUR, 1e9), outage(4 * HOUR, 4.2 * HOUR, 1.2), outage(4.6 * HOUR, 4.7 * HOUR, 3))
RIGHT = (
    Scenario("healthy"),
    *(
        Scenario(f"backlog of 10 min, {name}", (backlog(10 * MINUTE, speed),))
        for name, speed in (("burst", 1e9), ("3x", 3), ("1.1x", 1.1))
    ),
    *(
        Scenario(f"backlog of 60 h, {name}", (backlog(60 * HOUR, speed),), lasts=80 * HOUR, every=30)
        for name, speed in (("burst", 1e9), ("3x", 3), ("1.1x", 1.1))
    ),
    Scenario("outage, burst", (outage(2 * HOUR, 2.5 * HOUR, 1e9),)),
    Scenario("outage, 1.2x", (outage(2 * HOUR, 2.5 * HOUR, 1.2),)),
    Scenario("three outages in an hour", tuple(outage((2 + n / 3) * HOUR, (2.15 + n / 3) * HOUR, 3) for n in range(3))),
    Scenario("retries", (retries(0.2),)),
    Scenario("night", (silence(2 * HOUR, 10 * HOUR),), lasts=14 * HOUR),
    Scenario("poller of 30 s", (poller(30),)),
    Scenario("poller of 5 min", (poller(300),)),
    Scenario("feeds of +0 and +1.2 s, the fast one dark for 2 h", (feeds(1.2, (3 * HOUR, 5 * HOUR)),)),
    Scenario("feed of +1.2 s", (late(1.2),)),
    Scenario("all late by 5 s for 20 min", (late(5, 2 * HOUR, 2 * HOUR + 20 * MINUTE),)),
    Scenario(
        "all late, by another amount every 20 min",
        tuple(late(3 + 7 * n % 20, (2 + n / 3) * HOUR, (2 + (n + 1) / 3) * HOUR) for n in range(8)),
    ),
    Scenario(
        "all late by 1.9 s for an hour, then 2.05 s for 12 min", (late(1.9, HOUR, 2 * HOUR), late(2.05, 2 * HOUR, 2.2 * HOUR))
    ),
    Scenario(
        "all late by 5 s, then by 5.5 s, 35 min each",
        (late(5, HOUR, HOUR + 35 * MINUTE), late(5.5, HOUR + 35 * MINUTE, HOUR + 70 * MINUTE)),
    ),
    Scenario(
        "all late by 30.1 s for an hour, then 29.9 s for 11 min",
        (late(30.1, HOUR, 2 * HOUR), late(29.9, 2 * HOUR, 2 * HOUR + 11 * MINUTE)),
    ),
    Scenario(
        "an hour of silence, then all late by 5 s for 56 min",
        (silence(HOUR, 2.075 * HOUR), late(5, 2.075 * HOUR, 2.075 * HOUR + 56 * MINUTE)),
    ),
    Scenario("all late by 5 min for 2 h", (late(300, 2 * HOUR, 4 * HOUR),)),
    Scenario("receivedtime early once", (stray_early(1),)),
    Scenario("receivedtime early 50 times", (stray_early(50),)),
    Scenario("receivedtime early for 10 min", (early(8, 2 * HOUR, 2 * HOUR + 10 * MINUTE),)),
    Scenario("a tenth from a node 3 s fast", (node(0.1, 3),)),
    Scenario("one event in 10 min", lasts=6 * DAY, every=600),
)


def mixture(seed: int) -> Scenario:
    """A right clock, and some of what happens to feeds."""
    chance = random.Random(f"mixture {seed}")
    begins = chance.uniform(0, 5 * HOUR)
    pool = (
        retries(chance.uniform(0, 0.3)),
        outage(begins, begins + chance.uniform(60, HOUR), chance.choice((1e9, 3, 1.2, 1.1))),
        silence(begins, begins + chance.uniform(60, 3 * HOUR)),
        late(chance.uniform(0, 1.5)),
        late(chance.choice((3, 5, 20, 29, 120)), begins, begins + chance.uniform(60, 58 * MINUTE)),
        stray_early(chance.randint(1, 50)),
        early(chance.uniform(0.3, 20), begins, begins + chance.uniform(5, 600)),
        node(chance.uniform(0, 0.2), chance.uniform(0.3, 10)),
        feeds(chance.uniform(0, 1.5), (begins, begins + chance.uniform(60, 3 * HOUR))),
        poller(chance.choice((5, 30, 60, 300))),
        backlog(chance.uniform(60, 3 * HOUR), chance.choice((1e9, 3, 1.1))),
    )
    picked = tuple(chance.sample(pool, chance.randint(1, 4)))
    return Scenario(f"mixture {seed}", picked, lasts=chance.choice((4, 8)) * HOUR, every=chance.choice((4, 8, 20, 90)))


NIGHT, OUTAGE = silence(3 * HOUR, 7 * HOUR), outage(3 * HOUR, 3.5 * HOUR, 1e9)


def _wrong(name: str, by: Callable[[float], float], since: float, known: float) -> Iterator[Scenario]:
    """A wrong clock alone, with a night, and with an outage; after each, what is known is known anew."""
    end = 9 * HOUR
    yield Scenario(name, (off(by),), lasts=end, known=((since + known, end),))
    for what, disturbance, ends in (("a night", NIGHT, 7 * HOUR), ("an outage", OUTAGE, 3.5 * HOUR)):
        spans = (since + known, 3 * HOUR), (max(since, ends) + known, end)
        yield Scenario(
            f"{name}, and {what}", (off(by), disturbance), lasts=end, known=tuple(span for span in spans if span[0] < span[1])
        )


WRONG = (
    *_wrong("10 s fast", lambda _: -10, 0, FAST_KNOWN),
    *_wrong("10 s slow", lambda _: 10, 0, SLOW_KNOWN),
    *_wrong("jumps 5 s ahead", lambda at: -5 if at > HOUR else 0, HOUR, FAST_KNOWN),
    *_wrong("jumps 5 s back", lambda at: 5 if at > HOUR else 0, HOUR, SLOW_KNOWN),
    *_wrong("gains 100 ppm", lambda at: -1e-4 * at, FAST_PASSED / 1e-4, FAST_KNOWN),
    *_wrong("loses 100 ppm", lambda at: 1e-4 * at, SLOW_PASSED / 1e-4, SLOW_KNOWN),
)


def wrong_mixture(seed: int) -> Scenario:
    """A clock that goes wrong anywhere within a window: it drifts, or it is off by some seconds and then by others."""
    chance = random.Random(f"wrong {seed}")
    return _drifting(seed, chance) if chance.random() < 0.2 else _jumping(seed, chance)


def _drifting(seed: int, chance: random.Random) -> Scenario:
    rate, ends = chance.choice((-1, 1)) * chance.uniform(80e-6, 100e-6), 9 * HOUR
    since = max(FAST_PASSED / -rate, SLOW_PASSED / rate)
    return Scenario(f"wrong mixture {seed}", (off(lambda at: rate * at),), ends, 4, ((since + _known_after(rate), ends),))


def _jumping(seed: int, chance: random.Random) -> Scenario:
    first, then = (chance.choice((chance.uniform(-25, -0.35), chance.uniform(2.1, 25))) for _ in range(2))
    jump, ends = HOUR + chance.uniform(10, 20) * MINUTE, 4.5 * HOUR
    known = (_known_after(first), jump), (jump + _known_after(then), ends)
    begins = known[1][0] + chance.uniform(0, 0.5) * HOUR
    quiet = begins, begins + chance.uniform(0.1, 1) * HOUR
    disturbance = chance.choice(((), (silence(*quiet),), (outage(*quiet, chance.choice((1e9, 3, 1.2))),)))
    changes = (off(lambda at: first if at < jump else then), *disturbance)
    return Scenario(f"wrong mixture {seed}", changes, ends, chance.choice((2, 3, 4)), known)


def _known_after(offset: float) -> float:
    return SLOW_KNOWN if offset > 0 else FAST_KNOWN


REPAIRED_AT = 4 * HOUR
REPAIRED = (
    Scenario("fast clock, repaired", (off(lambda at: -10 if at < REPAIRED_AT else 0),)),
    Scenario("slow clock, repaired", (off(lambda at: 10 if at < REPAIRED_AT else 0),)),
)
BEYOND = (Scenario("45 s fast", (off(lambda _: -45),)), Scenario("45 s slow", (off(lambda _: 45),)))
KNOWN = (
    Scenario("all late by 20 s for 2 h", (late(20, 2 * HOUR, 4 * HOUR),)),
    Scenario("feed of +2.5 s", (late(2.5),)),
)


# --- What is measured ---------------------------------------------------------------------------------------------------------

MakeClock = Callable[[], ProviderClock]


class Session(NamedTuple):
    """A session that begins with an event: how it is corrected, and how it should be."""

    event: Happened
    offset: float

    @property
    def error(self) -> float:
        return abs(self.offset - self.event.offset)


def moment(seconds: float) -> datetime:
    return START + timedelta(milliseconds=int(1000 * seconds))


def sessions(events: Sequence[Happened], clock: ProviderClock) -> Iterator[Session]:
    """Each event begins a session, corrected by what the clock knows with it."""
    for one in events:
        clock.learn(moment(one.at - one.offset), moment(one.stated))
        yield Session(one, clock.offset.total_seconds())


@cache
def worst_correction(scenario: Scenario, seed: int, make: MakeClock = ProviderClock) -> float:
    """By how much a session is corrected at most, in seconds."""
    return max(abs(session.offset) for session in sessions(scenario.events(seed), make()))


@cache
def worst_error(scenario: Scenario, seed: int, make: MakeClock = ProviderClock) -> tuple[float, float]:
    """The largest error of the sessions that must be corrected, and by how much one exceeds what is promised, in seconds."""
    events = scenario.events(seed)
    promised = promises(events)
    error, excess = 0.0, -inf
    for session in sessions(events, make()):
        if any(begin < session.event.received < end for begin, end in scenario.known):
            error = max(error, session.error)
            excess = max(excess, session.error - promised[five_minutes(session.event)])
    return error, excess


def five_minutes(one: Happened) -> int:
    return int(one.received // 300)


def promises(events: Sequence[Happened]) -> dict[int, float]:
    """The error that is promised in each five minutes: the smallest delay of the five minutes with events before, and the slack.

    The clock's own windows overlap two of them.
    """
    smallest: dict[int, float] = {}
    for one in events:
        place = five_minutes(one)
        smallest[place] = min(one.delay, smallest.get(place, inf))
    delays = list(smallest.values())
    return {place: max(delays[max(0, index - 2) : index], default=0.0) + SLACK for index, place in enumerate(smallest)}


@cache
def until_stopped(scenario: Scenario, seed: int, make: MakeClock = ProviderClock) -> tuple[int, float]:
    """After a repair: how many sessions begin until the last corrected one, it included, and how many seconds pass."""
    count, seconds = 0, 0.0
    after = [session for session in sessions(scenario.events(seed), make()) if session.event.at >= REPAIRED_AT]
    for number, session in enumerate(after, start=1):
        if session.offset:
            count, seconds = number, session.event.received - REPAIRED_AT
    return count, seconds


@cache
def last_report(scenario: Scenario, seed: int) -> str:
    """What is reported in the end."""
    clock = ProviderClock()
    for _ in sessions(scenario.events(seed), clock):
        pass
    return str(clock.report)


@cache
def harmed(mixtures: int) -> list[int]:
    """The random mixtures in which a right clock is corrected."""
    return [seed for seed in range(mixtures) if worst_correction(mixture(seed), seed)]


@cache
def broken(mixtures: int) -> list[int]:
    """The random mixtures in which a wrong clock is not corrected as promised."""
    return [seed for seed in range(mixtures) if worst_error(wrong_mixture(seed), seed)[1] > 0]


# --- The table ----------------------------------------------------------------------------------------------------------------

SEEDS, MIXTURES, WRONG_MIXTURES = 3, 300, 40


def table(seeds: int, mixtures: int, wrong_mixtures: int) -> Iterator[str]:
    """What happens in each scenario, a line each."""

    def line(clock: str, world: str, result: str) -> str:
        return f"| {clock:<8} | {world:<54} | {result} |"

    yield line("clock", "world", "result")
    yield "|---|---|---|"
    for scenario in RIGHT:
        yield line("right", scenario.name, f"corrected by {max(worst_correction(scenario, seed) for seed in range(seeds)):.3f} s")
    yield line("right", f"{mixtures} random mixtures", f"{len(harmed(mixtures))} corrected")
    for scenario in WRONG:
        errors, excesses = zip(*(worst_error(scenario, seed) for seed in range(seeds)), strict=True)
        result = "promise kept" if max(excesses) <= 0 else f"{max(excesses):.3f} s more than promised"
        yield line("wrong", scenario.name, f"error {max(errors):.3f} s at most, {result}")
    yield line("wrong", f"{wrong_mixtures} random mixtures", f"promise broken in {len(broken(wrong_mixtures))}")
    for scenario in REPAIRED:
        counts, seconds = zip(*(until_stopped(scenario, seed) for seed in range(seeds)), strict=True)
        yield line("repaired", scenario.name, f"{max(counts)} sessions corrected too late, for {max(seconds) / MINUTE:.1f} min")
    for scenario in BEYOND:
        yield line("wrong", scenario.name, last_report(scenario, 0))
    for scenario in KNOWN:
        worst = max(worst_correction(scenario, seed) for seed in range(seeds))
        yield line("right", scenario.name, f"**taken for a slow clock: corrected by {worst:.3f} s**")


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    for row in table(*(*given, *(SEEDS, MIXTURES, WRONG_MIXTURES)[len(given) :])):
        print(row, flush=True)  # noqa: T201 (a command)
