"""The command that compares sessions with the records of another program."""

from contextlib import ExitStack
from datetime import timedelta
from typing import Annotated

import typer

from cobrowse_session.cli.errors import usage_errors
from cobrowse_session.cli.inputs import check_files, open_input
from cobrowse_session.cli.options import FILES, Json, grouped, seconds
from cobrowse_session.cli.outputs import Outputs, show, show_json
from cobrowse_session.cli.problems import ProblemReporter
from cobrowse_session.cli.screen import inform
from cobrowse_session.cli.sessions import Sessions, sessions_of
from cobrowse_session.io.comparison import compare, read_records
from cobrowse_session.io.shadow import Tally


@grouped(sessions=sessions_of)
def shadow_command(
    sessions: Sessions,
    records: Annotated[
        str,
        typer.Argument(metavar="RECORDS.jsonl", help="The other program's records, one session JSON per line, with its `id`."),
    ],
    *,
    tolerance: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="By how much a time may differ.")] = 0,
    json: Json = False,
    csv: Annotated[
        str | None,
        typer.Option(metavar="FILE.csv", help="Where to write a line for each difference.", rich_help_panel=FILES),
    ] = None,
) -> None:
    """Compare the sessions of events with the records that another program keeps of them, and show the likely causes.

    Only the fields that a record has are compared. A record may have its `id` only. The exit code is 1 if anything differs or
    cannot be read, or if a session has no record.
    """
    check_files([sessions.events, records], ["-", csv])
    theirs = ProblemReporter(records, inform)
    with usage_errors(), ExitStack() as files, Outputs() as outputs:
        write = outputs.writer(csv)
        logs = {log.session_id: log for log in sessions.read()}
        tally, without = Tally(max(1, len(logs))), dict.fromkeys(logs)
        file = open_input(files, records, "sessions")
        for record in read_records(file, theirs, sessions.lifecycle.table.session):
            if log := logs.get(record.session or ""):
                without.pop(log.session_id, None)
                tally.add(compare(log, record, tolerance=seconds("--tolerance", tolerance) or timedelta(0)))
            else:
                tally.problem(f"session {record.session}: no event of it was read")
        report = tally.report(list(without))
        if json:
            for one in report.differences:
                show_json(one.as_json())
            for problem, count in report.problems.items():
                inform(f"problem ({count:,}): {problem}")
        else:
            for line in str(report).split("\n"):
                show(line)
        if csv is not None:
            write(report.as_csv().removesuffix("\n"))
    if sessions.bad.lines or theirs.lines or report.differences or report.problems:
        raise typer.Exit(1)
