"""The figures of a proof, as its command prints them: `make exhaustive | python -m tests.proof exhaustive`.

They go to docs/explanation/proof.json, from which the page *How it is tested* is printed (`make tables`).
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

FIGURES = Path(__file__).parents[1] / "docs" / "explanation" / "proof.json"
PROOFS: Mapping[str, tuple[str, ...]] = {
    "exhaustive": ("searches", "variables", "places", "steps", "cells", "rows", "unreached"),
    "mutants": ("mutants", "refused", "killed", "renamed", "equivalent"),
    "code": ("files", "mutants", "killed", "timeout", "wording", "equivalent"),
    "xstate": ("streams", "steps"),
    "scxml": ("streams", "steps"),
    "reading": ("seeds",),
    "properties": ("properties",),
    "worlds": ("worlds", "events"),
    "crashes": ("passed",),
    "service": ("answers",),
    "fuzz": ("targets", "runs", "edges"),
}
"""What a command must print, each with its number in front. A number that is printed several times is summed."""


def figures(proof: str, printed: str) -> dict[str, int]:
    """Return the figures of a proof.

    Args:
        proof: its name.
        printed: what its command printed.

    Raises:
        ValueError: one of them is missing. So the command failed.
    """
    found = {name: re.findall(rf"([\d,]*\d) +{name}\b", printed) for name in PROOFS[proof]}
    if missing := [name for name, numbers in found.items() if not numbers]:
        raise ValueError(f"{proof}: expected a number of {', '.join(missing)}, found {printed[-500:]!r}")
    return {name: sum(int(number.replace(",", "")) for number in numbers) for name, numbers in found.items()}


def main() -> int:
    """Read what a command printed, print it, and write its figures. Leave those of the others."""
    parser = argparse.ArgumentParser(description="The figures of a proof, as its command prints them.")
    parser.add_argument("proof", choices=PROOFS)
    proof = parser.parse_args().proof
    printed = sys.stdin.read()
    print(printed, end="")  # noqa: T201 (as the command did)
    try:
        new = figures(proof, printed)
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201 (it is a command)
        return 1
    known = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    FIGURES.write_text(json.dumps(known | {proof: new}, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
