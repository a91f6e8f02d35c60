"""Measure the cost of order: a log beside the step, and events that are late in a long session."""

from collections.abc import Sequence
from statistics import median
from time import perf_counter_ns

from cobrowse_session import Event, Lifecycle, SessionLog
from cobrowse_session.testing import stream

EVENTS = 2000
LATE_BY = (1, 10, 100, 1000)
ROUNDS = 9


def main() -> None:
    """Print both tables."""
    life = stream("s1").connected()
    for page in range(EVENTS):
        life = life.after(1).updated(viewer_url=f"https://example.com/{page}")
    step = median(_step(life.events) for _ in range(ROUNDS))
    log = median(_log(life.events) for _ in range(ROUNDS))
    print(f"\nOne session of {EVENTS:,} events, in order: a log costs {log / step:.2f} times the bare step.\n")
    print(f"| {'late by':>8} | {'steps of its cost':>17} |")
    print(f"|{'-' * 9}:|{'-' * 18}:|")
    for late_by in LATE_BY:
        print(f"| {late_by:>8,} | {median(_late(life.events, late_by) for _ in range(ROUNDS)) / step:>17.1f} |")


def _step(events: Sequence[Event]) -> float:
    lifecycle = Lifecycle()
    session = lifecycle.new("s1")
    began = perf_counter_ns()
    for event in events:
        lifecycle.apply(session, event)
    return (perf_counter_ns() - began) / len(events)


def _log(events: Sequence[Event]) -> float:
    log = SessionLog(Lifecycle(), "s1")
    began = perf_counter_ns()
    for event in events:
        log.add(event)
    return (perf_counter_ns() - began) / len(events)


def _late(events: Sequence[Event], late_by: int) -> float:
    log = SessionLog(Lifecycle(), "s1")
    late = events[-1 - late_by]
    for event in events:
        if event is not late:
            log.add(event)
    began = perf_counter_ns()
    log.add(late)
    return perf_counter_ns() - began
