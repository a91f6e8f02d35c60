"""The question: how many bytes does a session take."""

import gc
import tracemalloc
from collections.abc import Callable, Sequence
from random import Random
from uuid import UUID

from bench.life import LIFE
from bench.measure import Ratio, Section
from cobrowse_session import CobrowseSession, Lifecycle, SessionLog
from cobrowse_session.wire import decode_event, encode_event

SESSIONS = 2_000
WARM = 5_000
"""Sessions that are read before, so that the caches of the package are full and do not grow."""
TEXT = (
    f"The mean of {SESSIONS:,} sessions, by `tracemalloc`. The events are decoded from JSON, each by itself. Ids of sessions "
    "and events are UUIDs as text, no two alike (85 bytes each). A session does not count its id and its events: they were "
    "there before. A log counts everything: session, six events, outcomes, and seven ids."
)


def measure(_: int) -> Section:
    """Measure a session before its first event, after its life, and a log."""
    lifecycle = Lifecycle()
    lives = lines()
    for life in lives[SESSIONS:]:
        decode_event(life[0])
    events = [[decode_event(line) for line in life] for life in lives[:SESSIONS]]

    def full(place: int) -> CobrowseSession:
        session = lifecycle.new(events[place][0].subject)
        for event in events[place]:
            lifecycle.apply(session, event)
        return session

    def log(place: int) -> SessionLog:
        made = [decode_event(line) for line in lives[place]]
        log = SessionLog(lifecycle, made[0].subject)
        for event in made:
            log.add(event)
        return log

    fresh = _bytes(lambda place: lifecycle.new(events[place][0].subject))
    after, whole = _bytes(full), _bytes(log)
    names = ("a session before its first event", "a session after six events", "a log of six events")
    goals = (280, 1_000, 3_600)
    rows = [[name, f"{size:,.0f}"] for name, size in zip(names, (fresh, after, whole), strict=True)]
    ratios = [Ratio(f"bytes: {row[0]}", row[1], f"≤ {goal:,}") for row, goal in zip(rows, goals, strict=True)]
    alone = _bytes(lambda place: tuple(decode_event(line) for line in lives[place]))
    rows.append(["the six events of that log, alone", f"{alone:,.0f}"])
    return Section("Memory", TEXT, ("what", "bytes"), rows, ratios)


def lines() -> Sequence[Sequence[bytes]]:
    """Return the life as JSON, once for each session."""
    rng = Random(1)  # noqa: S311 (a seed must repeat)
    life = [encode_event(event) for event in LIFE]

    def uuid() -> str:
        return str(UUID(int=rng.getrandbits(128)))

    made = []
    for _ in range(SESSIONS + WARM):
        subject = uuid()
        made.append([_with_ids(line, subject, uuid()).encode() for line in life])
    return made


def _with_ids(line: str, subject: str, event: str) -> str:
    start = line.index('"id":"')
    end = line.index('"', start + 6)
    return line[: start + 6] + event + line[end:].replace('"subject":"s1"', f'"subject":"{subject}"')


def _bytes(make: Callable[[int], object]) -> float:
    """Return the bytes of what is made for each session."""
    make(0)
    gc.collect()
    tracemalloc.start()
    kept = [make(place) for place in range(SESSIONS)]
    gc.collect()  # it frees what Python keeps for the next objects
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / len(kept) - 8  # its place in the list
