"""The question: what does a replay with two jobs cost, beside one."""

import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import world
from bench.commands import OURS, Cost, run
from bench.measure import Ratio, Section, interleaved, times

ROUNDS = 3
CPU = "replay with 2 jobs / with 1: processor time"
WALL = "replay with 2 jobs / with 1: time that passes"
TEXT = f"The file of the replay, with a trace. Medians of {ROUNDS} interleaved rounds. All runs wrote the same bytes."


def measure(size: int) -> Section:
    """Measure one and two jobs, if the command has the option."""
    if not has_jobs():
        ratios = (Ratio(CPU, "no option `--jobs` yet", "≤ 1.25"), Ratio(WALL, "no option `--jobs` yet", "–"))
        return Section("Jobs", "The command has no option `--jobs` yet.", ("jobs",), [], ratios)
    with TemporaryDirectory() as name:
        folder = Path(name)
        world.write(folder / "events.jsonl", size)
        costs: dict[str, list[Cost]] = {"1": [], "2": []}
        wall = interleaved({jobs: partial(_replay, folder, jobs, costs[jobs]) for jobs in costs}, ROUNDS)
        for kind in ("sessions", "trace"):
            assert (folder / f"1.{kind}").read_bytes() == (folder / f"2.{kind}").read_bytes(), f"the {kind} differ"
    cpu = {jobs: sorted(one.cpu for one in some)[len(some) // 2] for jobs, some in costs.items()}
    return Section(
        "Jobs",
        TEXT,
        ("jobs", "seconds of all processors", "seconds that pass"),
        [[jobs, f"{cpu[jobs]:,.2f}", f"{wall[jobs]:,.2f}"] for jobs in costs],
        (Ratio(CPU, times(cpu["2"] / cpu["1"]), "≤ 1.25"), Ratio(WALL, times(wall["2"] / wall["1"]), "–")),
    )


def has_jobs() -> bool:
    """Return whether the command has the option."""
    done = subprocess.run([sys.executable, *OURS, "replay", "--help"], capture_output=True, check=True, text=True)
    return "--jobs" in done.stdout


def _replay(folder: Path, jobs: str, costs: list[Cost]) -> float:
    outputs = "-o", folder / f"{jobs}.sessions", "--trace", folder / f"{jobs}.trace"
    costs.append(run(*OURS, "replay", folder / "events.jsonl", "--jobs", jobs, *outputs))
    return costs[-1].wall
