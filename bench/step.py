"""The question: what does a step cost, beside the same rules by hand and beside other state machines."""

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from attrs import frozen

from bench import idiomatic, sismic_way, statemachine_way
from bench.by_hand import ByHand
from bench.life import LIFE
from bench.measure import Ratio, Section, interleaved, nanoseconds, times
from cobrowse_session import CobrowseSession, Event, Lifecycle

ROUNDS = 9
LIVES = 300
NODE = Path("build/node")
TEXT = (
    f"A life of {len(LIFE)} applied events, medians of {ROUNDS} interleaved rounds. All ways ended in the same states with "
    "the same stamps. *By hand* also gave the same session, and the same outcome for each event. A test compares it on "
    "random streams, with refusals, duplicates, timers and all settings. A life includes the creation of the session and of "
    "its machines."
)


@frozen
class Way:
    """One way to live the life.

    Attributes:
        does: what it does, for the table.
        create: makes what a session needs. `Any`: each way has its own.
        live: takes it through the events.
        result: states and stamps in the end, to be compared.
        lives: of one round.
    """

    does: str
    create: Callable[[], Any]
    live: Callable[[Any, Sequence[Event]], object]
    result: Callable[[Any], object]
    lives: int = LIVES


def result(session: CobrowseSession) -> tuple[object, ...]:
    """Return states and stamps of a session."""
    work, wrapup = session.after_call_work, session.wrapup
    assert work is not None
    assert wrapup is not None
    stamps = session.start_alerting_time, session.connected_time, session.disconnected_time
    return session.state, work.state, *stamps, work.start_time, work.end_time, wrapup.code


def ways() -> dict[str, Way]:
    """Return all ways but XState."""
    lifecycle = Lifecycle()
    hand = ByHand(lifecycle)

    def apply_all(apply: Callable[[Any, Event], object]) -> Callable[[Any, Sequence[Event]], None]:
        def live(session: Any, events: Sequence[Event]) -> None:
            for event in events:
                apply(session, event)

        return live

    def new() -> CobrowseSession:
        return CobrowseSession(id="s1")

    rows = "the rows, guards and actions of our table, without outcomes"
    peer = "the states and stamps of this life, no settings, no refusals"
    return {
        "cobrowse-session": Way("the whole table, outcomes", lambda: lifecycle.new("s1"), apply_all(lifecycle.apply), result),
        "by hand": Way("the whole table, outcomes", new, apply_all(hand.apply), result),
        "transitions, machines built once": Way(rows, new, idiomatic.reuse, result),
        "transitions, idiomatic": Way(rows, idiomatic.create, idiomatic.live, lambda model: result(model.session), LIVES // 20),
        "python-statemachine": Way(peer, statemachine_way.create, statemachine_way.live, statemachine_way.result, LIVES // 20),
        "sismic": Way(peer, sismic_way.create, sismic_way.live, sismic_way.result, LIVES // 20),
    }


def measure(_: int) -> Section:
    """Measure all ways."""
    every = ways()
    check_equal(every)
    events, whole = _costs(every)
    ours = "cobrowse-session"
    node = _xstate()
    rows = [_row(name, way.does, events[name], whole[name], events[ours], whole[ours]) for name, way in every.items()]
    if node:
        does = "the states and stamps of this life, no settings, no refusals; another runtime"
        rows.append(_row("XState in Node", does, *node, events[ours], whole[ours]))
    text = TEXT
    if not node:
        text += " XState was left out, because Node was not found."
    idiom, once, hand = "transitions, idiomatic", "transitions, machines built once", "by hand"
    return Section(
        "Step",
        text,
        ("way", "does", "ns an event", "/ ours", "µs a life", "/ ours"),
        rows,
        (
            Ratio(
                "step: ours / the same work by hand",
                f"{times(events[ours] / events[hand])} ({events[hand]:,.0f} ns by hand)",
                "≤ 1.5",
            ),
            Ratio("step: idiomatic transitions / ours, an event", times(events[idiom] / events[ours]), "≥ 10"),
            Ratio("step: transitions with machines built once / ours, an event", times(events[once] / events[ours]), "–"),
            Ratio("step: idiomatic transitions / ours, a life with creation", times(whole[idiom] / whole[ours]), "≥ 80"),
        ),
    )


def check_equal(every: dict[str, Way]) -> None:
    """Check that all ways end alike, and that the way by hand gives our outcomes."""
    lifecycle = Lifecycle()
    ours, theirs, hand = lifecycle.new("s1"), CobrowseSession(id="s1"), ByHand(lifecycle)
    assert [lifecycle.apply(ours, event) for event in LIFE] == [hand.apply(theirs, event) for event in LIFE]
    assert ours == theirs
    for name, way in every.items():
        made = way.create()
        way.live(made, LIFE)
        assert way.result(made) == result(ours), name


def _costs(every: dict[str, Way]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the nanoseconds of an event and of a life with its creation."""
    creations: dict[str, list[float]] = {name: [] for name in every}

    def lived(name: str, way: Way) -> float:
        made: list[Any] = []
        creations[name].append(nanoseconds(lambda: made.extend(way.create() for _ in range(way.lives))) / way.lives)
        return nanoseconds(lambda: [way.live(one, LIFE) for one in made]) / way.lives

    costs = interleaved({name: partial(lived, name, way) for name, way in every.items()}, ROUNDS)
    return (
        {name: cost / len(LIFE) for name, cost in costs.items()},
        {name: cost + median(creations[name]) for name, cost in costs.items()},
    )


def _xstate() -> tuple[float, float] | None:
    """Return what XState costs, measured by Node itself. None: there is no Node, or XState is not installed."""
    if not shutil.which("node") or not (NODE / ".stamp").exists():
        return None
    shutil.copy(Path(__file__).with_name("xstate.mjs"), NODE)
    found = []
    for _ in range(3):
        done = subprocess.run(["node", "xstate.mjs", str(LIVES)], cwd=NODE, capture_output=True, check=True, text=True)  # noqa: S607
        found.append(json.loads(done.stdout))
        assert (found[-1]["leg"], found[-1]["work"], found[-1]["done"]) == ("disconnected", "complete", 737220), found[-1]
    return median(one["event"] for one in found), median(one["life"] for one in found)


def _row(name: str, does: str, event: float, life: float, our_event: float, our_life: float) -> list[str]:
    return [name, does, f"{event:,.0f}", times(event / our_event), f"{life / 1000:,.1f}", times(life / our_life)]
