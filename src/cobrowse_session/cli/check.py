"""The commands that check: a file of events, the clocks of its providers, two traces of it."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Annotated, Any

import typer

from cobrowse_session import DecodeError, ProviderClock, SettingsError
from cobrowse_session.cli.as_json import clock_json, difference_json
from cobrowse_session.cli.errors import usage_errors
from cobrowse_session.cli.inputs import check_files, open_input
from cobrowse_session.cli.options import Events, Json, grouped, seconds, wrong_setting
from cobrowse_session.cli.outputs import show, show_json, show_raw
from cobrowse_session.cli.problems import ProblemReporter
from cobrowse_session.cli.screen import inform, plural
from cobrowse_session.cli.tables import table_of
from cobrowse_session.io.clocks import clocks
from cobrowse_session.io.diff import Entry, diff, read_trace
from cobrowse_session.io.replay import read_events
from cobrowse_session.lifecycle.definition import Table


@grouped(table=table_of)
def validate_command(events: Events, *, json: Json = False, table: Table) -> None:
    """Read a file of events and print all its errors. Nothing is written."""
    check_files([events], ["-"])
    bad = ProblemReporter(events, show_raw if json else lambda line: show(line, "red"), as_json=json)
    with usage_errors(), ExitStack() as files:
        good = sum(1 for _ in read_events(open_input(files, events, "events"), bad, table=table))
    rejected = f", {plural(bad.lines, 'line')} rejected: {plural(bad.problems, 'error')}" if bad.lines else ""
    inform(f"{plural(good, 'event')} read{rejected}", "red" if bad.lines else "green")
    if bad.lines:
        raise typer.Exit(1)


@grouped(table=table_of)
def clocks_command(
    events: Events,
    min_delay: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Half of the events of a healthy window arrive this close to the fastest."),
    ] = 0.25,
    window: Annotated[float, typer.Option(metavar="SECONDS", help="The shortest window of received time.")] = 300,
    *,
    json: Json = False,
    table: Table,
) -> None:
    """Show each provider's clock beside ours: the difference, and the correction that could be asked for.

    Nothing is corrected. An impossible pair is an event that was received before it occurred.
    """
    try:
        delay, length = seconds("--min-delay", min_delay), seconds("--window", window)
        ProviderClock(min_delay=delay or timedelta(0), window=length or timedelta(0))
    except SettingsError as error:
        raise wrong_setting(error, {"min_delay": ("--min-delay", min_delay), "window": ("--window", window)}) from None
    bad = ProblemReporter(events, inform)
    with usage_errors(), ExitStack() as files:
        read = clocks(read_events(open_input(files, events, "events"), bad, table=table), length, delay)
        for one in read:
            _show(str(one).split("\n"), clock_json(one), json=json)
    if not read:
        inform("No event states when it was received, so no clock can be compared.")
    if bad.lines:
        raise typer.Exit(1)


def diff_command(
    before: Annotated[str, typer.Argument(metavar="A.trace.jsonl", help="The trace of one replay.")],
    after: Annotated[str, typer.Argument(metavar="B.trace.jsonl", help="The trace of the other.")],
    *,
    json: Json = False,
) -> None:
    """Show how two replays differ: the sessions, the fields and the rows. The exit code is 1 if they differ."""
    check_files([before], ["-"])
    check_files([after], ["-"])
    with usage_errors(), ExitStack() as files:
        differences = list(diff(_trace(files, before), _trace(files, after)))
        for one in differences:
            _show([str(one)], difference_json(one), json=json)
    sessions = len({one.session for one in differences})
    inform(f"Differences: {plural(sessions, 'session')}, {plural(len(differences), 'row')}")
    if differences:
        raise typer.Exit(1)


def _show(lines: Iterable[str], document: dict[str, Any], *, json: bool) -> None:
    """Print a result for a person, or for a program."""
    if json:
        show_json(document)
    else:
        for line in lines:
            show(line)


def _trace(files: ExitStack, name: str) -> Iterator[Entry]:
    try:
        yield from read_trace(open_input(files, name, "trace"))
    except DecodeError as error:
        inform(f"{name}: {error}. Name a file that replay --trace wrote.")
        raise typer.Exit(2) from None
