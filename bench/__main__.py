"""Measure everything in one run, and write `bench/RESULTS.md`: `make bench`, or `make bench ONLY="step log"` to print some.

The ratios can be compared between machines, the times cannot.
"""

import argparse
import platform
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from os import cpu_count
from pathlib import Path

from bench.measure import Section, markdown_table

RESULTS = Path(__file__).with_name("RESULTS.md")
QUESTIONS = ("step", "replay", "log", "memory", "growth", "inbox", "restore", "table", "start", "jobs", "store", "service")
LIBRARIES = (
    *("attrs", "cattrs", "eventsourcing", "msgspec", "psycopg"),
    *("python-statemachine", "sismic", "SQLAlchemy", "transitions"),
)


def main() -> None:
    """Read the command line, and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, and write bench/RESULTS.md.")
    parser.add_argument(
        "only", nargs="*", choices=[*QUESTIONS, []], help="print the answers to these questions, and write nothing"
    )
    parser.add_argument("--size", type=int, default=100_000, help="the events that are replayed")
    arguments = parser.parse_args()
    sections = [_measure(name, arguments.size) for name in arguments.only or QUESTIONS]
    written = results(sections, arguments.size)
    if arguments.only:
        print(written)
    else:
        RESULTS.write_text(written, encoding="utf-8")
        print(f"{RESULTS.relative_to(Path.cwd())} was written.")


def _measure(name: str, size: int) -> Section:
    print(f"measuring {name} ...", file=sys.stderr, flush=True)
    measure: Callable[[int], Section] = import_module(f"bench.{name}").measure
    return measure(size)


def results(sections: Sequence[Section], size: int) -> str:
    """Return the page."""
    ratios = [(one.what, one.value, one.goal) for section in sections for one in section.ratios]
    parts = [
        "# Results of `make bench`",
        f"{_machine()} {size:,} events were replayed.",
        "One run, in processor time if nothing else is said. Ways take turns, and each figure is a median. Compare the ratios.",
        "## Reach",
        markdown_table(("ratio", "measured", "goal"), ratios),
        *(section.markdown().rstrip() for section in sections),
    ]
    return "\n\n".join(parts) + "\n"


def _machine() -> str:
    kind = f"{cpu_count()} cores ({platform.machine()}, {platform.system()})"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return f"A shared virtual machine with {kind}, {python}, {libraries}."


if __name__ == "__main__":
    main()
