"""Output for a person: laid out for a terminal, plain for everything else."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from textwrap import wrap
from typing import BinaryIO, TextIO, TypeVar

import typer
from attrs import define, frozen
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from cobrowse_session.cli.as_json import problem_json
from cobrowse_session.events import Event
from cobrowse_session.io.replay import Rejected
from cobrowse_session.printable import printable
from cobrowse_session.stream import SessionLog
from cobrowse_session.wire.strict_json import dump

REFRESH = 1000
"""Events between two looks at how far a file was read."""
_LABEL = re.compile(r" *\S+( \S+)? {2,}")
_MAX_INDENT = 28
T = TypeVar("T")


@define
class ProblemReporter:
    """Prints the problems of lines that cannot be read, and counts them."""

    name: str
    inform: Callable[[str], object]
    write: Callable[[str], object] | None = None
    as_json: bool = False
    lines: int = 0
    problems: int = 0

    def __call__(self, rejected: Rejected) -> None:
        """Print the problems of one rejected line."""
        self.lines += rejected.count
        self.problems += len(rejected.error.problems)
        for problem in rejected.error.problems:
            line = rejected.error.line
            self.inform(dump(problem_json(line, problem)) if self.as_json else f"{self.name}:{line}: {problem}")
        if self.write:
            self.write(rejected.as_json())


# --- Progress -----------------------------------------------------------------------------------------------------------------


@frozen
class Steps:
    """The steps of a long command, each with a bar of its own."""

    _bar: Progress

    def reading(self, events: Iterator[Event], file: BinaryIO) -> Iterator[Event]:
        """Yield the events of a file, and show how far it was read."""
        if self._bar.disable:
            yield from events
            return
        number = file.fileno()  # of a compressed file, the file itself
        total = os.fstat(number).st_size or None  # a pipe has none
        task = self._bar.add_task("Reading", total=total, note="")
        for count, event in enumerate(events, 1):
            yield event
            if count % REFRESH == 0:
                self._bar.update(task, completed=os.lseek(number, 0, os.SEEK_CUR) if total else 0, note=f"{count:,} events")
        self._bar.update(task, total=1, completed=1)

    @contextmanager
    def waiting(self, description: str) -> Iterator[None]:
        """Show that a step runs whose length is not known."""
        task = self._bar.add_task(description, total=None, note="")
        yield
        self._bar.update(task, total=1, completed=1)

    def each(self, description: str, parts: Sequence[T], what: str) -> Iterator[T]:
        """Yield each part, and show how many are done."""
        task = self._bar.add_task(description, total=len(parts), note=plural(len(parts), what))
        for part in parts:
            yield part
            self._bar.advance(task)


@contextmanager
def progress() -> Iterator[Steps]:
    """Show how far a command is, where someone is looking. Nothing of it stays on the screen."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<10}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    is_shown = sys.stderr is not None and sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not is_shown) as bar:
        yield Steps(bar)


@contextmanager
def waiting_for(log: SessionLog) -> Iterator[None]:
    """Show that a long log is explained."""
    if len(log.trace) < REFRESH:
        yield
        return
    with progress() as steps, steps.waiting("Explaining"):
        yield


# --- Lines --------------------------------------------------------------------------------------------------------------------


def laid_out(line: str, stream: TextIO) -> list[str]:
    """Return a line as a terminal shows it: wrapped at its width, never within a word. Elsewhere it stays one line."""
    line = printable(line)
    if not stream.isatty():
        return [line]
    label = _LABEL.match(line)
    indent = min(label.end() if label else len(line) - len(line.lstrip()) + 2, _MAX_INDENT)
    width = shutil.get_terminal_size().columns
    hang = " " * indent if indent < width // 2 else "  "
    return wrap(line, width, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False) or [""]


def has_colour(stream: TextIO) -> bool:
    """Return whether a stream takes colours: a terminal, or any stream if FORCE_COLOR is set, unless NO_COLOR is."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def print_line(line: str, stream: TextIO, colour: str | None = None) -> None:
    """Print a line to standard output or standard error, in a colour where the stream takes some."""
    styled = has_colour(stream)
    for one in laid_out(line, stream):
        typer.echo(typer.style(one, fg=colour) if colour and styled else one, file=stream, color=styled)


def inform(line: str, colour: str | None = None) -> None:
    """Print one line for the person to standard error, where it is still read."""
    if sys.stderr is not None:
        with suppress(OSError):
            print_line(line, sys.stderr, colour)


def plural(count: int, what: str) -> str:
    """Return a number of things in words: `1 event`, `2,000 events`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def breakdown(counts: Mapping[str, int]) -> str:
    """Return counts for the end of a line, the largest first."""
    in_order = sorted(counts.items(), key=lambda item: -item[1])
    return "   " + ", ".join(f"{name} {count:,}" for name, count in in_order) if counts else ""
