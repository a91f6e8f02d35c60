"""Fuzz all targets, or some: `make fuzz SECONDS=600 RUNS=10000000 ONLY="event payload"`.

A target is fuzzed for the seconds, and until it has had the runs in all, those of earlier calls included. `build/fuzz-corpus` has
the inputs that reach new edges, what raised, and how many runs there were.
"""

# ruff: noqa: T201 (it prints)

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

from attrs import asdict, evolve, frozen
from tests.fuzz.targets import TARGETS

FOLDER = Path("build/fuzz-corpus")
FUZZER = "build/fuzz/bin/python"
PIECE = 120
"""The seconds after which the runs of a target are counted. A call that is ended loses so many at most."""


@frozen
class Figures:
    """What was done with a target.

    Attributes:
        runs: how many inputs it got in all.
        edges: how many edges of the code they reached.
        inputs: how many of them are kept, because each reaches another edge.
    """

    runs: int = 0
    edges: int = 0
    inputs: int = 0


def main() -> int:
    """Read the command line, fuzz, and print a table."""
    parser = argparse.ArgumentParser(description="Fuzz the decoders and the sources.")
    parser.add_argument("only", nargs="*", choices=[*TARGETS, []], help="these targets (default: all)")
    parser.add_argument("--seconds", type=int, default=60, help="at least so long now (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=0, help="at least so many inputs in all")
    options = parser.parse_args()
    print("| target | runs | edges of the code | inputs that reach them |\n| --- | ---: | ---: | ---: |")
    found = {name: fuzz(name, options.seconds, options.runs) for name in options.only or TARGETS}
    done = [figures for figures in found.values() if figures is not None]
    if len(done) < len(found):
        return 1
    print(f"\n{len(done)} targets, {sum(one.runs for one in done):,} runs, {sum(one.edges for one in done):,} edges")
    return 0


def fuzz(name: str, seconds: int, runs: int) -> Figures | None:
    """Fuzz a target, print its line, and return the figures. None: it raised."""
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    known = folder / "figures.json"
    done = Figures(**json.loads(known.read_text(encoding="utf-8"))) if known.exists() else Figures()
    left = seconds
    while left > 0 or done.runs < runs:
        piece = min(PIECE, left) if left > 0 else PIECE
        if (more := _fuzz_piece(name, folder, piece)) is None:
            print(f"| {name} | it raised: see {folder}/log | | |", flush=True)
            return None
        left, done = left - piece, evolve(more, runs=done.runs + more.runs)
        known.write_text(json.dumps(asdict(done)), encoding="utf-8")
    print(f"| {name} | {done.runs:,} | {done.edges:,} | {done.inputs:,} |", flush=True)
    return done


def _fuzz_piece(name: str, folder: Path, seconds: int) -> Figures | None:
    """Fuzz a target for some seconds, and return the figures. None: it raised."""
    command = [FUZZER, "-m", "tests.fuzz.fuzzer", name, str(folder), f"-max_total_time={seconds}"]
    found = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    (folder / "log").write_text(found.stdout + found.stderr, encoding="utf-8")
    if found.returncode:
        return None
    patterns = (r"stat::number_of_executed_units:\s+(\d+)", r"cov: (\d+)", r"corp: (\d+)")
    return Figures(*(_number(pattern, found.stderr) for pattern in patterns))


def _number(pattern: str, text: str) -> int:
    """Return the last number of a pattern, or 0."""
    return int(next(reversed(re.findall(pattern, text)), 0))


if __name__ == "__main__":
    sys.exit(main())
