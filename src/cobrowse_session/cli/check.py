"""The commands that check: a file of events, the clocks of its providers, two traces of it."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Annotated

import typer

from cobrowse_session import DecodeError, ProviderClock, SettingsError
from cobrowse_session.cli.errors import usage_errors
from cobrowse_session.cli.inputs import check_files, open_input
from cobrowse_session.cli.options import Events, seconds, wrong_setting
from cobrowse_session.cli.outputs import show
from cobrowse_session.cli.screen import ProblemReporter, inform, plural
from cobrowse_session.io.clocks import clocks
from cobrowse_session.io.diff import Entry, diff, read_trace
from cobrowse_session.io.replay import read_events


def validate_command(events: Events) -> None:
    """Read a file of events and print all its problems. Change nothing."""
    check_files(events, ["-"])
    bad = ProblemReporter(events, show)
    with usage_errors(), ExitStack() as files:
        good = sum(1 for _ in read_events(open_input(files, events, "events"), bad))
    told = f", {plural(bad.lines, 'line')} rejected: {plural(bad.problems, 'error')}" if bad.lines else ""
    inform(f"{plural(good, 'event')} read{told}")
    if bad.lines:
        raise typer.Exit(1)


def clocks_command(
    events: Events,
    min_delay: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Half of the events of a healthy window arrive this close to the fastest."),
    ] = 0.25,
    window: Annotated[float, typer.Option(metavar="SECONDS", help="The shortest window of received time.")] = 300,
) -> None:
    """Show each provider's clock beside ours: the difference, and the correction that would be added on request.

    Nothing is corrected. An impossible pair is an event that was received before it happened.
    """
    try:
        delay, length = seconds("--min-delay", min_delay), seconds("--window", window)
        ProviderClock(min_delay=delay or timedelta(0), window=length or timedelta(0))
    except SettingsError as error:
        raise wrong_setting(error, {"min_delay": "--min-delay", "window": "--window"}) from None
    bad = ProblemReporter(events, inform)
    with usage_errors(), ExitStack() as files:
        read = clocks(read_events(open_input(files, events, "events"), bad), length, delay)
        for one in read:
            typer.echo(one)
    if not read:
        inform("No event says when it was received, so there is nothing to learn from.")
    if bad.lines:
        raise typer.Exit(1)


def diff_command(
    before: Annotated[str, typer.Argument(metavar="A.trace.jsonl", help="The trace of one replay.")],
    after: Annotated[str, typer.Argument(metavar="B.trace.jsonl", help="The trace of the other.")],
) -> None:
    """Compare the traces of two replays: sessions, fields and rows that differ. Exit code 1: some differ."""
    check_files(before, ["-"])
    check_files(after, ["-"])
    with usage_errors(), ExitStack() as files:
        differences = list(diff(_trace(files, before), _trace(files, after)))
        for one in differences:
            show(str(one))
    sessions = len({one.session for one in differences})
    inform(f"Differences: {plural(sessions, 'session')}, {plural(len(differences), 'row')}")
    if differences:
        raise typer.Exit(1)


def _trace(files: ExitStack, name: str) -> Iterator[Entry]:
    try:
        yield from read_trace(open_input(files, name, "trace"))
    except DecodeError as error:
        inform(f"{name}: {error}. Give it a file that replay --trace wrote.")
        raise typer.Exit(2) from None
