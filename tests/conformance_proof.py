"""Every error in the table and every mistake of people, against the conformance kit: `python -m tests.conformance_proof`."""

# ruff: noqa: T201 (it prints)

import sys

from tests.conformance_mistakes import MISTAKES
from tests.table_mutants import explained, mutants
from tests.test_conformance import CASES
from tests.test_conformance_mutants import found_by, left


def main() -> int:
    """Print how many of them a case finds, or those that none finds."""
    some = [*mutants()]
    missed = [*(left(some) - explained().keys()), *(mistake for mistake in MISTAKES if not found_by(mistake))]
    if missed:
        print(*missed, sep="\n")
        return 1
    print(f"{len(some) - len(explained()):,} errors, {len(MISTAKES):,} mistakes, {len(CASES):,} cases")
    return 0


if __name__ == "__main__":
    sys.exit(main())
