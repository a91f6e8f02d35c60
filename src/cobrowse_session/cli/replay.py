"""The command that replays a file of events."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from tempfile import gettempdir
from typing import Annotated, BinaryIO

import typer
from attrs import astuple, define, field, frozen

from cobrowse_session import Lifecycle
from cobrowse_session.cli.activity import Listing, listing_of
from cobrowse_session.cli.errors import STDIN, naming, usage_errors
from cobrowse_session.cli.inputs import check_files, many_objects, open_input
from cobrowse_session.cli.jobs import MAX_JOBS, joined, started
from cobrowse_session.cli.options import FILES, TIME, Events, Output, Rejects, grouped, lifecycle_of, seconds
from cobrowse_session.cli.outputs import Outputs
from cobrowse_session.cli.screen import Steps, inform, progress
from cobrowse_session.cli.sessions import Known, known_at_of
from cobrowse_session.cli.stored import shows_stored, stored_logs
from cobrowse_session.cli.summary import Summary
from cobrowse_session.io.replay import Rejected, Replay, ReplayStats, in_batches, lines, read_events
from cobrowse_session.io.spool import Spool, write_in_order
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
    jobs: Annotated[
        int,
        typer.Option(
            min=1,
            max=MAX_JOBS,
            metavar="N",
            help="Replay in so many processes, each for a part of the sessions. The output is the same.",
        ),
    ] = 1,
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
    if jobs > 1 and sealing is not None:
        raise typer.BadParameter("expected one of --jobs and --seal-after, found both", param_hint="--jobs")
    check_files([events], astuple(targets))
    with usage_errors(), ExitStack() as files, Outputs() as outputs, naming(f"a temporary file in {gettempdir()}"):
        is_stored = shows_stored(events, lifecycle)
        source = None if is_stored else open_input(files, events, "events")
        write_session, write_trace, write_reject, write_summary = map(outputs.writer, astuple(targets))
        run = _Run(lifecycle, until, known, listing, targets.trace is not None, write_reject, files)
        with many_objects(), progress() as steps:
            if source is None:
                reached = run.show(events, steps)
            elif jobs == 1:
                reached = run.replay(source, steps, sealing)
            else:
                reached = run.replay_in_jobs(source, steps, jobs)
        run.write(reached, write_session, write_trace)
        write_summary(dump(run.summary.as_json()))
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


@define
class _Run:
    """One replay of a file of events, in one process or in several."""

    lifecycle: Lifecycle
    until: datetime | None
    known: Known
    listing: Listing | None
    with_trace: bool
    write_reject: Callable[[str], object]
    files: ExitStack
    summary: Summary = field(factory=lambda: Summary(ReplayStats()))
    spools: list[Spool] = field(factory=list)

    def replay(self, source: BinaryIO, steps: Steps, seal_after: timedelta | None) -> datetime | None:
        """Replay the file. Return the time to which the sessions are advanced."""
        self.spools.append(self.files.enter_context(closing(Spool(with_trace=self.with_trace))))
        replay = Replay(self.lifecycle, seal_after, self._put)
        self.summary.stats = replay.stats
        read = steps.reading(read_events(source, self._reject, table=self.lifecycle.table), source)
        for event in in_batches(self.known.select(read)):
            replay.add(event)
        with steps.waiting("Finishing"):
            reached, logs = replay.finish(self._asked, exactly=self.known.at is not None)
        for log in steps.each("Writing", logs, "session"):
            self._put(log)
        return reached

    def show(self, address: str, steps: Steps) -> datetime | None:
        """Take the sessions of a store as they are stored. Return the time to which the latest one is advanced."""
        self.spools.append(self.files.enter_context(closing(Spool(with_trace=self.with_trace))))
        reached = self._asked
        with steps.waiting("Reading"):
            for log in stored_logs(address, self.lifecycle.table, self._asked, self.known):
                self.summary.stats.ended(log)
                self._put(log)
                reached = max(filter(None, (reached, log.advanced, log.latest)), default=None)
        return reached

    def replay_in_jobs(self, source: BinaryIO, steps: Steps, count: int) -> datetime | None:
        """Replay the file in several processes. Return the time to which the sessions are advanced."""
        jobs = self.files.enter_context(started(count, self.lifecycle, self.known, self.listing, with_trace=self.with_trace))
        jobs.replay(steps.reading(lines(source), source, "lines"))
        with steps.waiting("Finishing"):
            reached, parts = jobs.finish(self._asked, exactly=self.known.at is not None)
        self.summary = joined(parts, self.known, self.listing)
        self.spools = jobs.spools(parts, self.files)
        for rejected in sorted((one for part in parts for one in part.rejected), key=lambda one: one.error.line or 0):
            self._reject(rejected)
        return reached

    def write(
        self, reached: datetime | None, write_session: Callable[[str], object], write_trace: Callable[[str], object]
    ) -> None:
        """Write the sessions and traces, in order. A list is written in place of the sessions.

        Args:
            reached: the time to which the sessions are advanced.
            write_session: writes a line.
            write_trace: writes lines.
        """
        if self.listing:
            for line in self.listing.lines(reached):
                write_session(line)
        write_in_order(self.spools, (lambda _: None) if self.listing else write_session, write_trace)

    @property
    def _asked(self) -> datetime | None:
        return self.until or (self.listing.at if self.listing else None)

    def _put(self, log: SessionLog) -> None:
        self.summary.take(log.context)
        if self.listing:
            self.listing.take(log)
        self.spools[0].put(log)

    def _reject(self, line: Rejected) -> None:
        self.summary.reject(line)
        self.write_reject(line.as_json())
