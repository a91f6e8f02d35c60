"""Many simulated worlds: `python -m tests.soak --seeds 200000`; one, and what happened in it: `python -m tests.soak --seed 1`."""

# ruff: noqa: T201 (it prints)

import argparse
import os
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from attrs import astuple, define, field
from tests.world import FAULTS, BrokenError, World

from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION

OUTCOMES = ("applied", "duplicate", "ignored", "refused", "repeat", "late")
"""What a log may answer; *stale* it never says."""
OF_CONNECTION = frozenset(kind for row in CONNECTION for kind in row.on)
ROWS = frozenset(("connection", row.name) for row in CONNECTION) | {("after-call work", row.name) for row in AFTER_CALL_WORK}


@define
class Figures:
    """What was seen in many worlds."""

    worlds: int = 0
    events: int = 0
    faults: Counter[str] = field(factory=Counter)
    outcomes: Counter[str] = field(factory=Counter)
    rows: Counter[tuple[str, str]] = field(factory=Counter)

    def count(self, world: World) -> None:
        """Count one world that has ended."""
        self.worlds += 1
        self.faults += world.faults
        self.outcomes["late"] += world.late
        self.outcomes["repeat"] += world.repeats
        for life in world.lives.values():
            self.events += len(life.copies) + len(life.handed_back)
            for step in life.log.trace:
                self.outcomes[step.outcome.kind] += 1
                first, *ended = (step.outcome.row or "").split("+")
                self.rows["connection" if step.event.kind in OF_CONNECTION else "after-call work", first] += 1
                self.rows.update(("after-call work", name) for name in ended)

    def __add__(self, other: "Figures") -> "Figures":
        both = zip(astuple(self, recurse=False), astuple(other, recurse=False), strict=True)
        return Figures(*(ours + its for ours, its in both))

    @property
    def missing(self) -> list[str]:
        """What should have been seen and was not, or the other way round."""
        return [
            *(f"fault: {fault}" for fault in FAULTS if not self.faults[fault]),
            *(f"outcome: {kind}" for kind in OUTCOMES if not self.outcomes[kind]),
            *(f"outcome that no log gives: {kind}" for kind in self.outcomes if kind not in OUTCOMES),
            *(f"row: {table}, {name}" for table, name in sorted(ROWS) if not self.rows[table, name]),
            *(f"row of no table: {table}, {name}" for table, name in sorted(self.rows.keys() - ROWS)),
        ]

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.worlds:,} worlds, {self.events:,} events taken",
                "faults: " + ", ".join(f"{fault} {self.faults[fault]:,}" for fault in FAULTS),
                "outcomes: " + ", ".join(f"{kind} {self.outcomes[kind]:,}" for kind in OUTCOMES),
                f"rows reached: {len(self.rows.keys() & ROWS)} of {len(ROWS)}",
            ]
        )


def explore(seeds: Iterable[int]) -> Figures:
    """Let every world happen.

    Raises:
        BrokenError: what must hold did not, or the library fell over; with the command that repeats it.
    """
    figures = Figures()
    for seed in seeds:
        try:
            figures.count(World(seed).run())
        except Exception as error:
            raise BrokenError(f"{error!r}\n\nrepeat it: .venv/bin/python -m tests.soak --seed {seed}") from error
    return figures


def repeat(seed: int) -> bool:
    """Let one world happen, and tell of it."""
    world = World(seed)
    try:
        world.run()
    except Exception:  # noqa: BLE001 (whatever it is, it is what one wants to see)
        print(*world.story(), traceback.format_exc(), sep="\n")
        return False
    print(*world.story(), "", "All that must hold held.", sep="\n")
    return True


def soak(seeds: range, chunk: int = 100, tell: Callable[[Figures], object] = lambda _: None) -> Figures:
    """Let many worlds happen, on all cores, in processes of their own; `tell` hears how far it is.

    Raises:
        BrokenError: see `explore`; the others are left alone.
    """
    figures = Figures()
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        try:
            for seen in pool.map(explore, (seeds[begin : begin + chunk] for begin in range(0, len(seeds), chunk))):
                figures += seen
                tell(figures)
        except BrokenError:
            pool.shutdown(cancel_futures=True)
            raise
    return figures


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Simulated worlds, each from a seed.")
    parser.add_argument("--seed", type=int, help="this one world, and what happened in it")
    parser.add_argument("--seeds", type=int, default=2000, help="so many worlds (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: %(default)s)")
    options = parser.parse_args()
    if options.seed is not None:
        return not repeat(options.seed)
    try:
        seeds = range(options.first, options.first + options.seeds)
        figures = soak(seeds, tell=lambda so_far: print(f"\r{so_far.worlds:,} worlds", end="", file=sys.stderr, flush=True))
    except BrokenError as error:
        print(f"\n{error}")
        return True
    print(f"\r{figures}", *(f"missing: {what}" for what in figures.missing), sep="\n")
    return bool(figures.missing)


if __name__ == "__main__":
    sys.exit(main())
