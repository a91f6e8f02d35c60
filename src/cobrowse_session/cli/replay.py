"""The command that replays a file of events."""

from collections import Counter
from contextlib import ExitStack, closing
from datetime import datetime
from tempfile import gettempdir
from typing import Annotated

import typer

from cobrowse_session import Lifecycle
from cobrowse_session.cli.errors import naming, usage_errors
from cobrowse_session.cli.inputs import check_files, many_objects, open_input
from cobrowse_session.cli.options import FILES, TIME, Events, Output, Rejects, grouped, lifecycle_of, seconds
from cobrowse_session.cli.outputs import Outputs
from cobrowse_session.cli.screen import inform, progress
from cobrowse_session.cli.sessions import Known, known_at_of
from cobrowse_session.cli.summary import summary
from cobrowse_session.io.replay import Rejected, Replay, read_events
from cobrowse_session.io.spool import Spool
from cobrowse_session.lifecycle import Refused
from cobrowse_session.times import time_text


@grouped(known_at=known_at_of, lifecycle=lifecycle_of)
def replay_command(  # noqa: PLR0913 (one argument an option)
    events: Events,
    output: Output = "-",
    trace: Annotated[
        str | None, typer.Option(metavar="TRACE.jsonl", help="Where to write the trace of each event.", rich_help_panel=FILES)
    ] = None,
    rejects: Rejects = None,
    *,
    known_at: tuple[datetime | None, Known],
    lifecycle: Lifecycle,
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
    """
    moment, known = known_at
    sealing = seconds("--seal-after", seal_after)
    check_files(events, [output, trace, rejects])
    rejected = Counter[str]()
    with usage_errors(), ExitStack() as files, Outputs() as outputs, naming(f"a temporary file in {gettempdir()}"):
        source = open_input(files, events, "events")
        write_session, write_trace, write_reject = map(outputs.writer, (output, trace, rejects))

        def reject(line: Rejected) -> None:
            rejected[line.error.error] += 1
            write_reject(line.as_json())

        spool = files.enter_context(closing(Spool()))
        replayed = Replay(lifecycle, sealing, spool.put)
        with many_objects(), progress() as steps:
            for event in known.select(steps.reading(read_events(source, reject), source)):
                replayed.add(event)
            with steps.waiting("Finishing"):
                reached, logs = replayed.finish(moment, exactly=known.at is not None)
            for log in steps.each("Writing", logs, "session"):
                spool.put(log)
            spool.write(write_session, write_trace)
    known.inform()
    summary(replayed.stats, rejected)
    if rejected and rejects is None:
        inform("Lines were rejected; see them with --rejects REJECTS.jsonl, or with the command validate.")
    if moment and reached and moment < reached:
        inform(f"--until lies before the latest event, {time_text(reached)}; it had no effect.")
    if rejected or (strict and replayed.stats.outcomes[Refused.kind]):
        raise typer.Exit(1)
