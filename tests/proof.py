"""The proofs of the page *How it is tested*: run their commands, and keep the figures that they print.

`make prove ONLY="fuzz code"` runs some, and without `ONLY` all of them, in some hours. The figures go to
docs/explanation/proof.json, with the day and the commit. `make tables` prints them on the page.
"""

# ruff: noqa: T201 (it prints)

import argparse
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import frozen

FIGURES = Path(__file__).parents[1] / "docs" / "explanation" / "proof.json"


@frozen
class Proof:
    """A proof.

    Attributes:
        command: what runs it. It fails if the proof does.
        figures: what the command prints, each with its number in front. A number that is printed several times is summed.
        of: only lines with this word count. Empty: all.
    """

    command: str
    figures: tuple[str, ...]
    of: str = ""


PROOFS: Mapping[str, Proof] = {
    "exhaustive": Proof(
        "python -m tests.exhaustive --few", ("searches", "variables", "places", "steps", "cells", "rows", "unreached")
    ),
    "mutants": Proof("make mutate-table", ("mutants", "refused", "killed", "renamed", "equivalent")),
    "code": Proof("make mutate", ("files", "mutants", "killed", "timeout", "wording", "equivalent")),
    "xstate": Proof("make differential", ("streams", "steps"), "xstate"),
    "scxml": Proof("make differential", ("streams", "steps"), "scxml"),
    "reading": Proof("make reading SEEDS=1000", ("seeds",)),
    "conformance": Proof("python -m tests.conformance_proof", ("errors", "mistakes", "cases")),
    "properties": Proof("python -m pytest -q -n auto -m hypothesis --hypothesis-profile soak tests", ("passed",)),
    "worlds": Proof("python -m tests.soak --seeds 1000", ("worlds", "events")),
    "crashes": Proof("python -m pytest -q --hypothesis-profile soak tests/test_crash.py tests/test_broken_disk.py", ("passed",)),
    "service": Proof("make service-check SEED=1", ("answers",)),
    "fuzz": Proof("make fuzz SECONDS=600 RUNS=10000000", ("targets", "runs", "edges")),
}


def figures(proof: Proof, printed: str) -> dict[str, int]:
    """Return the figures of a proof.

    Args:
        proof: it.
        printed: what its command printed.

    Raises:
        ValueError: one of them is missing. So the command failed.
    """
    lines = "\n".join(line for line in printed.splitlines() if proof.of in line)
    found = {name: re.findall(rf"([\d,]*\d) +{name}\b", lines) for name in proof.figures}
    if missing := [name for name, numbers in found.items() if not numbers]:
        raise ValueError(f"{proof.command}: expected a number of {', '.join(missing)}, found {printed[-500:]!r}")
    return {name: sum(int(number.replace(",", "")) for number in numbers) for name, numbers in found.items()}


def read() -> dict[str, dict[str, Any]]:
    """Return what is known of each proof. `Any`: JSON."""
    known: dict[str, dict[str, Any]] = json.loads(FIGURES.read_text(encoding="utf-8"))
    return known


def main() -> int:
    """Read the command line, run each command once, and keep the figures of its proofs. Leave those of the others."""
    parser = argparse.ArgumentParser(description="Run proofs, and keep the figures that they print.")
    parser.add_argument("names", nargs="*", metavar="PROOF", help=f"of {', '.join(PROOFS)} (default: all)")
    parser.add_argument("--printed", type=Path, help="a file with what the command of one proof printed: it is not run")
    options = parser.parse_args()
    names = options.names or list(PROOFS)
    if unknown := {*names} - PROOFS.keys():
        parser.error(f"expected some of {', '.join(PROOFS)}, found {', '.join(sorted(unknown))}")
    for command in dict.fromkeys(PROOFS[name].command for name in names):
        printed = options.printed.read_text(encoding="utf-8") if options.printed else run(command)
        keep({name: figures(PROOFS[name], printed) for name in names if PROOFS[name].command == command})
    return 0


def run(command: str) -> str:
    """Run a command, and return what it printed.

    Raises:
        SystemExit: it failed.
    """
    print(f"$ {command}", flush=True)
    parts = shlex.split(command)
    lines: list[str] = []
    arguments = [sys.executable if part == "python" else part for part in parts]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as it:
        for line in it.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    if it.returncode:
        raise SystemExit(f"{command}: exit code {it.returncode}")
    return "".join(lines)


def keep(new: Mapping[str, Mapping[str, int]]) -> None:
    """Keep figures, with the day and the commit."""
    commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], text=True).strip()
    stamp = {"day": f"{datetime.now(UTC):%Y-%m-%d}", "commit": commit}
    known = read() | {name: {**stamp, "figures": dict(numbers)} for name, numbers in new.items()}
    FIGURES.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
