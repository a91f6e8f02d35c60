"""The command that replays a file of events."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from tempfile import gettempdir
from typing import Annotated, BinaryIO

import typer
from attrs import astuple, frozen

from cobrowse_session import Lifecycle
from cobrowse_session.cli.activity import Listing, listing_of
from cobrowse_session.cli.errors import STDIN, naming, usage_errors
from cobrowse_session.cli.inputs import check_files, many_objects, open_input
from cobrowse_session.cli.options import FILES, TIME, Events, Output, Rejects, grouped, lifecycle_of, seconds
from cobrowse_session.cli.outputs import Outputs
from cobrowse_session.cli.screen import Steps, inform, progress
from cobrowse_session.cli.sessions import Known, known_at_of
from cobrowse_session.cli.summary import Summary
from cobrowse_session.io.replay import Rejected, Replay, read_events
from cobrowse_session.io.spool import Spool
from cobrowse_session.lifecycle import Refused
from cobrowse_session.stream import SessionLog
from cobrowse_session.times import time_text
from cobrowse_session.wire.strict_json import dump


@frozen
class Targets:
    """The files that a replay writes. None: not written."""

    output: str
    trace: str | None
    rejects: str | None
    summary: str | None


def targets_of(
    output: Output = "-",
    trace: Annotated[
        str | None, typer.Option(metavar="TRACE.jsonl", help="Where to write the trace of each event.", rich_help_panel=FILES)
    ] = None,
    rejects: Rejects = None,
    summary: Annotated[
        str | None,
        typer.Option(metavar="SUMMARY.json", help="Where to write the summary as one JSON object.", rich_help_panel=FILES),
    ] = None,
) -> Targets:
    """Return the files that the options name."""
    return Targets(output, trace, rejects, summary)


@grouped(targets=targets_of, listing=listing_of, known_at=known_at_of, lifecycle=lifecycle_of)
def replay_command(  # noqa: PLR0913 (one argument an option)
    events: Events,
    targets: Targets,
    listing: Listing | None,
    known_at: tuple[datetime | None, Known],
    lifecycle: Lifecycle,
    *,
    seal_after: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Close sessions that are over this long before the latest event, for files that do not fit into memory. "
            "Events that come for them afterwards are late, and counted.",
            rich_help_panel=TIME,
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 also if events were refused.")] = False,
) -> None:
    """Replay a file of events: one session per line to standard output, a summary to standard error.

    Events may come in any order and any number of times. The sessions are the same.

    With `--by`, the result is a list in place of the sessions: who is alerting, connected or in after-call work at a time.
    """
    until, known = known_at
    if listing:
        listing.check(None if known.at else until)
    sealing = seconds("--seal-after", seal_after)
    check_files([events], astuple(targets))
    with usage_errors(), ExitStack() as files, Outputs() as outputs, naming(f"a temporary file in {gettempdir()}"):
        source = open_input(files, events, "events")
        spool = files.enter_context(closing(Spool(with_trace=targets.trace is not None)))
        run = _Run(lifecycle, sealing, spool, listing, *map(outputs.writer, astuple(targets)))
        with many_objects(), progress() as steps:
            reached = run.replay_all(source, steps, until, known)
        run.write(reached)
    if listing and listing.as_json and listing.not_listed:
        inform(listing.not_listed)
    known.inform()
    run.summary.inform()
    if not (run.summary.events or run.summary.rejected or known.total):
        inform(f"There is no event in {STDIN if events == '-' else events}.", "yellow")
    rejected = run.summary.rejected
    if rejected and targets.rejects is None:
        inform("Lines were rejected. See them with --rejects REJECTS.jsonl, or with the command validate.")
    if until and reached and until < reached:
        inform(f"--until is before the latest event, {time_text(reached)}. It had no effect.", "yellow")
    if rejected or (strict and run.summary.stats.outcomes[Refused.kind]):
        raise typer.Exit(1)


class _Run:
    """One replay, from a file of events to the files that are written."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        seal_after: timedelta | None,
        spool: Spool,
        listing: Listing | None,
        *writers: Callable[[str], object],
    ) -> None:
        self._listing = listing
        self._table = lifecycle.table
        self._spool = spool
        self._write_session, self._write_trace, self._write_reject, self._write_summary = writers
        self._replay = Replay(lifecycle, seal_after, self._put)
        self.summary = Summary(self._replay.stats)

    def replay_all(self, source: BinaryIO, steps: Steps, until: datetime | None, known: Known) -> datetime | None:
        """Replay the file. Return the time to which the sessions are advanced."""
        for event in known.select(steps.reading(read_events(source, self._reject, table=self._table), source)):
            self._replay.add(event)
        with steps.waiting("Finishing"):
            asked = self._listing.at if self._listing else None
            reached, logs = self._replay.finish(until or asked, exactly=known.at is not None)
        for log in steps.each("Writing", logs, "session"):
            self._put(log)
        return reached

    def write(self, reached: datetime | None) -> None:
        """Write everything, in order. A list is written in place of the sessions.

        Args:
            reached: the time to which the sessions are advanced.
        """
        if self._listing:
            for line in self._listing.lines(reached):
                self._write_session(line)
        self._spool.write((lambda _: None) if self._listing else self._write_session, self._write_trace)
        self._write_summary(dump(self.summary.as_json()))

    def _put(self, log: SessionLog) -> None:
        self.summary.take(log.context)
        if self._listing:
            self._listing.take(log)
        self._spool.put(log)

    def _reject(self, line: Rejected) -> None:
        self.summary.reject(line)
        self._write_reject(line.as_json())
