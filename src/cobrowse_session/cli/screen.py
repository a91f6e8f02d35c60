"""Output for a person, on standard error."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import BinaryIO

import typer
from attrs import define
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cobrowse_session.events import Event
from cobrowse_session.io.replay import Rejected
from cobrowse_session.printable import printable

REFRESH = 1000
"""Events between two looks at how far a file was read."""
SHOWN = 10
"""Sessions that a summary names."""


@define
class ProblemReporter:
    """Tells of what cannot be read, and counts it."""

    name: str
    inform: Callable[[str], object]
    write: Callable[[str], object] | None = None
    lines: int = 0
    problems: int = 0

    def __call__(self, rejected: Rejected) -> None:
        """Tell of one rejected line."""
        self.lines += rejected.count
        self.problems += len(rejected.error.problems)
        for problem in rejected.error.problems:
            self.inform(f"{self.name}:{rejected.error.line}: {problem}")
        if self.write:
            self.write(rejected.as_json())


def progress(events: Iterator[Event], file: BinaryIO) -> Iterator[Event]:
    """Show how far a file was read, where someone is looking."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from events
        return
    number = file.fileno()  # of a compressed file, the file itself
    total = os.fstat(number).st_size or None  # a pipe has none
    columns = SpinnerColumn(), BarColumn(), TextColumn("{task.fields[events]:,} events read"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total, events=0)
        for count, event in enumerate(events, 1):
            yield event
            if count % REFRESH == 0:
                bar.update(task, completed=os.lseek(number, 0, os.SEEK_CUR) if total else 0, events=count)


def plural(count: int, what: str) -> str:
    """So many of something."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def breakdown(counts: Mapping[str, int]) -> str:
    """Counts, the largest first, for the end of a line."""
    in_order = sorted(counts.items(), key=lambda item: -item[1])
    return "   " + ", ".join(f"{name} {count}" for name, count in in_order) if counts else ""


def inform(line: str) -> None:
    """Print one line for the person to standard error, where it is still read."""
    with suppress(OSError):
        typer.echo(printable(line), err=True)
