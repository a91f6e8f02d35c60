"""Output for a person: laid out for a terminal, plain for everything else."""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from textwrap import wrap
from typing import TYPE_CHECKING, BinaryIO, TextIO, TypeVar

import typer
from attrs import frozen

from cobrowse_session.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress

    from cobrowse_session.stream import SessionLog

REFRESH = 1000
"""Events between two looks at how far a file was read."""
_LABEL = re.compile(r" *\S+( \S+)? {2,}")
_MAX_INDENT = 28
T = TypeVar("T")


# --- Progress -----------------------------------------------------------------------------------------------------------------


@frozen
class Steps:
    """The steps of a long command, each with a bar of its own, where someone is looking."""

    _bar: "Progress | None"

    def reading(self, parts: Iterator[T], file: BinaryIO, what: str = "events") -> Iterator[T]:
        """Yield the events of a file, or its lines, and show how far it was read."""
        return parts if self._bar is None else _reading(self._bar, parts, file, what)

    @contextmanager
    def waiting(self, description: str) -> Iterator[None]:
        """Show that a step runs whose length is not known."""
        if self._bar is None:
            yield
            return
        task = self._bar.add_task(description, total=None, note="")
        yield
        self._bar.update(task, total=1, completed=1)

    def each(self, description: str, parts: Sequence[T], what: str) -> Iterator[T]:
        """Yield each part, and show how many are done."""
        if self._bar is None:
            yield from parts
            return
        task = self._bar.add_task(description, total=len(parts), note=plural(len(parts), what))
        for part in parts:
            yield part
            self._bar.advance(task)


def _reading(bar: "Progress", parts: Iterator[T], file: BinaryIO, what: str) -> Iterator[T]:
    number = file.fileno()  # of a compressed file, the file itself
    total = os.fstat(number).st_size or None  # a pipe has none
    task = bar.add_task("Reading", total=total, note="")
    for count, part in enumerate(parts, 1):
        yield part
        if count % REFRESH == 0:
            bar.update(task, completed=os.lseek(number, 0, os.SEEK_CUR) if total else 0, note=f"{count:,} {what}")
    bar.update(task, total=1, completed=1)


@contextmanager
def progress() -> Iterator[Steps]:
    """Show how far a command is, where someone is looking. Nothing of it stays on the screen."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield Steps(None)
        return
    # Not at the top: a command in a pipe needs none of it.
    from rich import progress as parts  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    columns = (
        parts.SpinnerColumn(),
        parts.TextColumn("{task.description:<10}"),
        parts.BarColumn(),
        parts.TaskProgressColumn(),
        parts.TimeRemainingColumn(),
        parts.TextColumn("{task.fields[note]}"),
    )
    with parts.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield Steps(bar)


@contextmanager
def waiting_for(log: "SessionLog") -> Iterator[None]:
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
