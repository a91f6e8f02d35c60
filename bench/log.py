"""The question: what does order cost: a log beside the step, and events that come late."""

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import chain, islice
from statistics import median
from time import process_time_ns

from bench.life import LIFE
from bench.measure import Ratio, Section, nanoseconds, times
from cobrowse_session import Details, Event, Lifecycle, SessionLog, Updated
from cobrowse_session.model import NO_CONTEXT
from cobrowse_session.stream.fold import TraceEntry
from cobrowse_session.stream.log import Change
from cobrowse_session.testing import stream

SHORT, LONG = 2_000, 100_000
LATE_BY = (1, 10, 100, 1_000)
PLACES = 25
DISTANCE = 11
"""Events between two places, so that their distances to the mark before them differ: there is a mark every 16 steps."""
ROUNDS = {SHORT: 3, LONG: 1}
SHUFFLED = 500
FEW = 200
LIVES, LIFE_ROUNDS = 300, 9
TEXT = (
    "One session whose events are `updated`, each with another `viewerUrl`. The unit is the step: `Lifecycle.apply` of the "
    f"same events. It is measured beside each figure. Medians of several rounds, and of {PLACES} places for a late event, "
    "because its cost depends on the distance to the mark before it. *Late by 10* means that ten events of the log come "
    "after it. *Shuffled* is the cost of an event where all come in a random order. `updated` is the cheapest event that is "
    "applied. So the first line has logs of the life of six events, too, beside the step of those."
)


def measure(_: int) -> Section:
    """Measure both lengths."""
    life, made = (median(one() for _ in range(LIFE_ROUNDS)) for one in (_life, _made))
    rows, found = [[f"in order, a life of {len(LIFE)} events", times(life)]], {}
    rows.append(["an entry of the trace and a change, made for nothing", times(made)])
    for length in (SHORT, LONG):
        rounds = [_round(length) for _ in range(ROUNDS[length])]
        found[length] = {name: median(chain.from_iterable(one[name] for one in rounds)) for name in rounds[0]}
        for name, steps in found[length].items():
            rows.append([f"{name}, {SHUFFLED if name == 'shuffled' else length:,} events", times(steps)])
    return Section(
        "Log",
        TEXT,
        ("an event", "steps"),
        rows,
        (
            Ratio("log, in order / step", times(found[SHORT]["in order"]), "≤ 1.35"),
            Ratio("log, in order / step, a life of six events", times(life), "–"),
            Ratio("log, late by 10 in a session of 100,000 events / step", times(found[LONG]["late by 10"]), "≤ 20"),
        ),
    )


def _life() -> float:
    """Return what an event of a life costs in a log, in steps."""
    lifecycle = Lifecycle()
    sessions = [lifecycle.new("s1") for _ in range(LIVES)]
    logs = [SessionLog(lifecycle, "s1") for _ in range(LIVES)]
    step = nanoseconds(lambda: [lifecycle.apply(session, event) for session in sessions for event in LIFE])
    return nanoseconds(lambda: [log.add(event) for log in logs for event in LIFE]) / step


def _made() -> float:
    """Return what the objects cost that a log makes for an update, in steps."""
    events = updates(SHORT)
    outcome = Lifecycle().apply(Lifecycle().new("s1"), events[0])
    cost = nanoseconds(lambda: [Change(outcome, (TraceEntry(event, outcome, NO_CONTEXT),)) for event in events])
    return cost / len(events) / _step(events)


def updates(length: int) -> list[Event]:
    """Return the events of one session, in order."""
    (connected,) = stream("s1").connected()
    second = timedelta(seconds=1)
    made: list[Event] = [connected]
    for page in range(1, length):
        at, details = connected.occurred_at + page * second, Details(viewer_url=f"https://example.com/{page}")
        made.append(Updated(subject="s1", source="/test", id=f"u{page}", occurred_at=at, details=details))
    return made


def _round(length: int) -> dict[str, list[float]]:
    """Return what each way costs, in steps. The step is measured beside each: a busy machine changes its speed at any time."""
    events = updates(length + PLACES * sum(late_by + DISTANCE for late_by in LATE_BY))
    base, rest, unit = events[:length], iter(events[length:]), events[:SHORT]
    few = events[:FEW]  # more would empty the caches before the next late event
    log = SessionLog(Lifecycle(), "s1")
    found = {"in order": [_add_all(log, base[start : start + SHORT]) / _step(unit) for start in range(0, length, SHORT)]}
    for late_by in LATE_BY:
        logs = _grown(log, rest, late_by) if length == LONG else _anew(base, late_by)
        found[f"late by {late_by:,}"] = [nanoseconds(partial(one.add, event)) / _step(few) for one, event in logs]
    if length == SHORT:
        shuffled = base[:SHUFFLED]
        random.Random(length).shuffle(shuffled)  # noqa: S311 (a seed must repeat)
        found["shuffled"] = [_add_all(SessionLog(Lifecycle(), "s1"), shuffled) / _step(unit)]
    return found


def _anew(events: Sequence[Event], late_by: int) -> Iterator[tuple[SessionLog, Event]]:
    """Yield a log and its late event, for several distances to the mark before it."""
    for place in range(PLACES):
        some = list(events[: len(events) - place * DISTANCE])
        late = some.pop(-1 - late_by)
        log = SessionLog(Lifecycle(), "s1")
        _add_all(log, some)
        yield log, late


def _grown(log: SessionLog, rest: Iterator[Event], late_by: int) -> Iterator[tuple[SessionLog, Event]]:
    """Yield the same log and its next late event: it is long, and a new one would take long."""
    for _ in range(PLACES):
        late, *others = islice(rest, late_by + 1)
        _add_all(log, others)
        yield log, late
        _add_all(log, list(islice(rest, DISTANCE - 1)))


def _step(events: Sequence[Event]) -> float:
    lifecycle = Lifecycle()
    session = lifecycle.new("s1")
    began = process_time_ns()
    for event in events:
        lifecycle.apply(session, event)
    return (process_time_ns() - began) / len(events)


def _add_all(log: SessionLog, events: Sequence[Event]) -> float:
    began = process_time_ns()
    for event in events:
        log.add(event)
    return (process_time_ns() - began) / len(events)
