"""What a person sees on standard error."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import typer
from attrs import define
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cobrowse_session.edge.replay import Rejected, Replayed
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Refused
from cobrowse_session.model import time_text


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
        self.lines += 1
        self.problems += len(rejected.error.problems)
        for problem in rejected.error.problems:
            self.say(f"{self.name}:{rejected.error.line}: {problem}")
        if self.write:
            self.write(rejected.as_json())


def progress(events: Iterator[Event]) -> Iterator[Event]:
    """Count events as they pass, where someone is looking."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from events
        return
    columns = SpinnerColumn(), TextColumn("{task.completed:,.0f} events read"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        yield from bar.track(events, total=None)


def summary(replayed: Replayed, rejected: Counter[str], rejects: str | None, until: datetime | None) -> None:
    """What became of a file of events."""
    outcomes = replayed.outcomes()
    conversations = replayed.conversations()
    within = f" of {many(conversations, 'conversation')}" if conversations else ""
    say(f"{many(outcomes.total(), 'event')}, {many(len(replayed.legs), 'session')}{within}")
    for kind, count in outcomes.most_common():
        rules = replayed.rules() if kind == Refused.kind else Counter[str]()
        say(f"  {kind:<10}{count:>8}{by(rules)}")
    if timers := replayed.timers():
        say(f"  {'timers':<10}{timers.total():>8}{by(timers)}")
    repeats, conflicts = sum(leg.repeats for leg in replayed.legs), sum(leg.conflicts for leg in replayed.legs)
    say(f"  {'repeats':<10}{repeats:>8}")
    say(f"  {'conflicts':<10}{conflicts:>8}")
    say(f"  {'rejected':<10}{rejected.total():>8}{by(rejected)}")
    if rejected and rejects is None:
        say("Lines were rejected; see them with --rejects REJECTS.jsonl, or with the command validate.")
    if until and replayed.until and until < replayed.until:
        say(f"--until lies before the latest event, {time_text(replayed.until)}; it had no effect.")


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
