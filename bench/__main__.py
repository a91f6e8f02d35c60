"""Measure the time and memory of a step, beside other ways to run the same rules: `python -m bench`.

All ways must return equal sessions before they are measured. Times are medians of interleaved rounds. The ratios can be compared
between machines, the nanoseconds cannot.
"""

import gc
import tracemalloc
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter_ns

from bench import by_hand, idiomatic, late
from cobrowse_session import CobrowseSession, Event, Lifecycle
from cobrowse_session.testing import stream

ROUNDS = 15
LIVES = 200

LIFE = (
    stream("s1", delay=0.03)
    .alerting(wrapup_prompt="timeout", wrapup_timeout=30, cobrowse_role="viewer")
    .after(3)
    .connected()
    .after("5m")
    .updated(controlling=["page-1"])
    .after("7m")
    .disconnected("peer")
    .after(14.22)
    .wrapup("sale", name="Sale")
    .after(60)
    .wrapup("resolved")
    .events
)


def shared(events: Sequence[Event], lifecycle: Lifecycle) -> CobrowseSession:
    """Return one life. All sessions share two machines."""
    session = lifecycle.new("s1")
    for event in events:
        lifecycle.apply(session, event)
    return session


Live = Callable[[Sequence[Event], Lifecycle], CobrowseSession | idiomatic.Model]

WAYS: dict[str, Live] = {
    "by hand, this life only": by_hand.live,
    "cobrowse-session": shared,
    "transitions, machines built once": idiomatic.reused,
    "transitions, two machines a session": idiomatic.live,
}


def nanoseconds_an_event(live: Live, lifecycle: Lifecycle, lives: int) -> float:
    """Return the nanoseconds per event in one round of one way."""
    began = perf_counter_ns()
    for _ in range(lives):
        live(LIFE, lifecycle)
    return (perf_counter_ns() - began) / (lives * len(LIFE))


def bytes_a_session(live: Live, lifecycle: Lifecycle) -> float:
    """Return the bytes of a session after its whole life, without its events."""
    live(LIFE, lifecycle)
    gc.collect()
    tracemalloc.start()
    kept = [live(LIFE, lifecycle) for _ in range(LIVES)]
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / len(kept)


def main() -> None:
    """Measure all ways, interleaved, and print a table."""
    lifecycle = Lifecycle()
    expected = shared(LIFE, lifecycle)
    for name, live in WAYS.items():
        lived = live(LIFE, lifecycle)
        assert (lived.session if isinstance(lived, idiomatic.Model) else lived) == expected, name
    lives = {name: LIVES if live is not idiomatic.live else LIVES // 20 for name, live in WAYS.items()}
    rounds = [{name: nanoseconds_an_event(live, lifecycle, lives[name]) for name, live in WAYS.items()} for _ in range(ROUNDS)]
    cost = {name: median(one[name] for one in rounds) for name in WAYS}
    size = {name: bytes_a_session(live, lifecycle) for name, live in WAYS.items()}
    ours = "cobrowse-session"
    print(f"A full life of {len(LIFE)} applied events, a session made for each; medians of {ROUNDS} rounds.\n")
    print(f"| {'way':<36} | {'ns an event':>11} | {'ratio':>6} | {'bytes a session':>15} | {'ratio':>6} |")
    print(f"|{'-' * 38}|{'-' * 12}:|{'-' * 7}:|{'-' * 16}:|{'-' * 7}:|")
    for name in WAYS:
        time = f"{cost[name]:>11,.0f} | {cost[name] / cost[ours]:>6.2f}"
        memory = f"{size[name]:>15,.0f} | {size[name] / size[ours]:>6.2f}"
        print(f"| {name:<36} | {time} | {memory} |")


if __name__ == "__main__":
    main()
    late.main()
