"""Fuzz all targets, or some: `make fuzz SECONDS=600 RUNS=10000000 ONLY="event payload"`.

A target is fuzzed for the seconds or for the runs, whichever is longer, and goes on where it was left: its corpus is in
`build/fuzz`. What raised is kept there, too.
"""

# ruff: noqa: T201 (it prints)

import argparse
import re
import subprocess
import sys
from pathlib import Path

from attrs import frozen
from tests.fuzz.targets import TARGETS

FOLDER = Path("build/fuzz-corpus")
FUZZER = "build/fuzz/bin/python"


@frozen
class Figures:
    """What was done with a target.

    Attributes:
        runs: how many inputs it got.
        edges: how many edges of the code they reached.
    """

    runs: int
    edges: int


def main() -> int:
    """Read the command line, fuzz, and print a table."""
    parser = argparse.ArgumentParser(description="Fuzz the decoders and the sources.")
    parser.add_argument("only", nargs="*", choices=[*TARGETS, []], help="these targets (default: all)")
    parser.add_argument("--seconds", type=int, default=60, help="at least so long (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=0, help="at least so many inputs")
    options = parser.parse_args()
    print("| target | runs | seconds | edges of the code | inputs that reach them |\n| --- | ---: | ---: | ---: | ---: |")
    found = {name: fuzz(name, options.seconds, options.runs) for name in options.only or TARGETS}
    done = [figures for figures in found.values() if figures is not None]
    if len(done) < len(found):
        return 1
    print(f"\n{len(done)} targets, {sum(one.runs for one in done):,} runs, {sum(one.edges for one in done):,} edges")
    return 0


def fuzz(name: str, seconds: int, runs: int) -> Figures | None:
    """Fuzz a target, print its line, and return the figures. None: it raised."""
    done, passed, edges, corpus = 0, 0, 0, 0
    while done < runs or passed < seconds:
        folder = FOLDER / name
        folder.mkdir(parents=True, exist_ok=True)
        limit = max(seconds - passed, 60 if done < runs else 1)
        command = [FUZZER, "-m", "tests.fuzz.fuzzer", name, str(folder), f"-max_total_time={limit}"]
        found = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        (folder / "log").write_text(found.stdout + found.stderr, encoding="utf-8")
        if found.returncode:
            print(f"| {name} | it raised: see {folder}/log | | | |", flush=True)
            return None
        done += _number(r"stat::number_of_executed_units:\s+(\d+)", found.stderr)
        passed += limit
        edges, corpus = _number(r"cov: (\d+)", found.stderr), _number(r"corp: (\d+)", found.stderr)
    print(f"| {name} | {done:,} | {passed:,} | {edges:,} | {corpus:,} |", flush=True)
    return Figures(done, edges)


def _number(pattern: str, text: str) -> int:
    """Return the last number of a pattern, or 0."""
    return int(next(reversed(re.findall(pattern, text)), 0))


if __name__ == "__main__":
    sys.exit(main())
