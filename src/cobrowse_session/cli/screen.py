"""What a person sees on standard error."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

import typer
from attrs import define
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cobrowse_session.edge.replay import Rejected, Tally
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Refused

REFRESH = 1000
"""Events between two looks at how far a file was read."""
SHOWN = 10
"""Sessions that a summary names."""


@define
class Complaints:
    """Tells of what cannot be read, and counts it."""

    name: str
    say: Callable[[str], object]
    write: Callable[[str], object] | None = None
    lines: int = 0
    problems: int = 0

    def __call__(self, rejected: Rejected) -> None:
        """Tell of one rejected line."""
        self.lines += rejected.count
        self.problems += len(rejected.error.problems)
        for problem in rejected.error.problems:
            self.say(f"{self.name}:{rejected.error.line}: {problem}")
        if self.write:
            self.write(rejected.as_json())


def progress(events: Iterator[Event], file: BinaryIO) -> Iterator[Event]:
    """Show how far a file was read, where someone is looking."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from events
        return
    raw = getattr(file, "fileobj", file)  # of a compressed file, the file itself
    total = os.fstat(raw.fileno()).st_size or None  # a pipe has none
    columns = SpinnerColumn(), BarColumn(), TextColumn("{task.fields[events]:,} events read"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total, events=0)
        for count, event in enumerate(events, 1):
            yield event
            if count % REFRESH == 0:
                bar.update(task, completed=raw.tell() if total else 0, events=count)


def summary(tally: Tally, rejected: Counter[str]) -> None:
    """What became of a file of events."""
    named = len(tally.conversations)
    within = f" of {many(named, 'conversation')}" if named else ""
    say(f"{many(tally.outcomes.total() + tally.repeats + tally.late, 'event')}, {many(tally.sessions, 'session')}{within}")
    for kind, count in tally.outcomes.most_common():
        _line(kind, count, tally.refusals if kind == Refused.kind else {})
    _line("timers", tally.timers.total(), tally.timers)
    _line("repeats", tally.repeats)
    _line("conflicts", tally.conflicts)
    _line("rejected", rejected.total(), rejected)
    _line("out of order", tally.out_of_order)
    _line("late", tally.late)
    _line("refused, later accepted", len(tally.accepted_later))
    minds = list(tally.changed_mind)
    say(f"  {'changed their mind':<24}{len(minds):>8}" + (f"   {', '.join(minds[:SHOWN])}" if minds else ""))


def _line(what: str, count: int, parts: Mapping[str, int] | None = None) -> None:
    say(f"  {what:<24}{count:>8}{by(parts or {})}")


def many(count: int, what: str) -> str:
    """So many of something."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def by(counts: Mapping[str, int]) -> str:
    """Counts, the largest first, for the end of a line."""
    in_order = sorted(counts.items(), key=lambda item: -item[1])
    return "   " + ", ".join(f"{name} {count}" for name, count in in_order) if counts else ""


def say(text: str) -> None:
    """Say something to the person."""
    typer.echo(text, err=True)
