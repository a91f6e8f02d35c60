"""The commands of a store: verify, repair, export, import, restored, upgrade, forget, trim."""

import re
from contextlib import ExitStack, closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cobrowse_session.cli.as_json import finding_json, lost_json, verified_json
from cobrowse_session.cli.errors import naming, usage_errors
from cobrowse_session.cli.inputs import check_files, open_input
from cobrowse_session.cli.options import FILES, Json, Output, Rejects, duration_of, grouped, time_of
from cobrowse_session.cli.outputs import Outputs, is_stdout, show, show_json
from cobrowse_session.cli.problems import ProblemReporter
from cobrowse_session.cli.screen import inform, plural
from cobrowse_session.cli.stored import store_at
from cobrowse_session.cli.tables import table_of
from cobrowse_session.errors import StoreError, UnreadableError
from cobrowse_session.io.receiver import current_time
from cobrowse_session.io.waiting import horizon_of
from cobrowse_session.lifecycle import Lifecycle
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.printable import printable
from cobrowse_session.wire.strict_json import dump

if TYPE_CHECKING:
    from cobrowse_session.store import Lost, Store, Verified

HELP = "Prove, repair, copy, upgrade and clean a store of sessions, in SQLite or PostgreSQL."

Address = Annotated[
    str, typer.Argument(metavar="STORE", help="The database: `sqlite:///sessions.db` or `postgresql://user@host/database`.")
]
Before = Annotated[
    str,
    typer.Option(
        metavar="TIME|DURATION",
        help="Only sessions whose latest event occurred before this time (RFC 3339, with its zone), or longer ago, as 90d.",
    ),
]


LostRows = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="The rows of events that cannot be kept are added to this file. Without it, they are named only.",
        rich_help_panel=FILES,
    ),
]


@grouped(table=table_of)
def store_verify_command(store: Address, *, json: Json = False, table: Table) -> None:
    """Prove that every stored session follows from its events, and that no byte of them was changed.

    The store may be in use. `--json` prints an object for each finding, and one with the numbers at the end.
    """
    with usage_errors():
        from cobrowse_session.store import verify  # noqa: PLC0415 (an extra)

        with closing(_opened(store, table)) as opened:
            verified = verify(opened)
        for finding in verified.findings:
            if json:
                show_json(finding_json(finding))
            else:
                show(printable(str(finding)), "red")
    if json:
        show_json(verified_json(verified))
    _inform_of(verified)
    if verified.wrong or verified.to_upgrade:
        raise typer.Exit(1)


def _inform_of(verified: "Verified") -> None:
    sessions = plural(verified.sessions, "session")
    is_proved = verified.proved == verified.sessions and not verified.wrong
    result = "every session follows from its events" if is_proved else f"{verified.proved} of {sessions} proved"
    wrong = f", {plural(len(verified.wrong), 'session')} wrong" if verified.wrong else ""
    color = "red" if verified.wrong else "green" if is_proved else "yellow"
    inform(f"{sessions}, {plural(verified.events, 'event')}: {result}{wrong}", color)
    if verified.to_upgrade:
        open_ = f"{plural(verified.to_upgrade, 'session')} of another table, not sealed."
        inform(f"{open_} Name it with --table MODULE:NAME. After a change of the table: `store upgrade`.", "red")
    if sealed := verified.other_table - verified.to_upgrade:
        inform(f"{plural(sealed, 'session')} sealed under another table, and kept as sealed. That is no fault.")


@grouped(table=table_of)
def store_repair_command(
    store: Address,
    backup: Annotated[
        str | None,
        typer.Argument(metavar="BACKUP.jsonl", help="What `store export` wrote. `-`: standard input.", show_default=False),
    ] = None,
    output: LostRows = None,
    rejects: Rejects = None,
    *,
    table: Table,
) -> None:
    """Rebuild each session that `store verify` finds wrong from its events, and from those of a backup.

    An event that something else changed is taken from the backup. Other sessions and all messages stay as they are. The store may
    be in use.
    """
    check_files([backup] if backup else [], [output, rejects])
    with usage_errors(), ExitStack() as files, Outputs() as outputs:
        from cobrowse_session.store import repair  # noqa: PLC0415 (an extra)

        bad = ProblemReporter(backup or "", inform, outputs.writer(rejects) if rejects else None)
        source = open_input(files, backup, "saved logs") if backup else None
        with closing(_opened(store, table)) as opened:
            repaired = repair(opened, source, reject=bad, lose=partial(_append, output))
    for one in (*repaired.lost, *repaired.left):
        inform(printable(str(one)), "red")
    inform(f"{plural(len(repaired.sessions), 'session')} repaired", "green")
    if repaired.left:
        inform(f"{plural(len(repaired.left), 'session')} not repaired", "red")
    if repaired.left or repaired.lost or bad.lines:
        raise typer.Exit(1)


def _append(name: str | None, lost: "Lost") -> None:
    """Write a row at once, because it is deleted then. An error afterwards must not remove it, as it would from other outputs."""
    if name is not None and is_stdout(name):
        show_json(lost_json(lost))
    elif name is not None:
        with naming(name), Path(name).open("a", encoding="utf-8") as file:
            file.write(dump(lost_json(lost)) + "\n")


@grouped(table=table_of)
def store_export_command(store: Address, output: Output = "-", *, table: Table) -> None:
    """Write all sessions as saved logs, one per line, for `store import` or a backup.

    A session or a clock that cannot be read is named and left out: see `store repair`. Messages that were not handed over are not
    exported.
    """
    check_files([], [output])
    with usage_errors(), Outputs() as outputs:
        from cobrowse_session.store.transfer import export_lines, is_session  # noqa: PLC0415 (an extra)

        with store_at(store, table) as opened:
            write, count = outputs.writer(output), 0
            left_out: list[StoreError] = []
            for line in export_lines(opened, left_out.append):
                write(line)
                count += is_session(line)
            pending = opened.outbox.count()
    inform(f"{plural(count, 'session')} exported", "green")
    if pending:
        inform(f"{plural(pending, 'message')} not handed over, and not exported.", "yellow")
    for error in left_out:
        inform(printable(error.problem), "red")
    sessions = sum(isinstance(error, UnreadableError) for error in left_out)
    if sessions:
        inform(f"{plural(sessions, 'session')} not exported. See `store repair`.", "red")
    if clocks := len(left_out) - sessions:
        inform(f"{plural(clocks, 'clock')} not exported. Delete the row of the table clocks, and it learns anew.", "red")
    if left_out:
        raise typer.Exit(1)


@grouped(table=table_of)
def store_import_command(
    store: Address,
    logs: Annotated[str, typer.Argument(metavar="LOGS.jsonl", help="What `store export` wrote, or events. `-`: standard input.")],
    rejects: Rejects = None,
    *,
    table: Table,
) -> None:
    """Store the sessions of a file. An empty database gets its tables. The same file can be imported again.

    What was handed over before is not handed over again.
    """
    check_files([logs], [rejects])
    with usage_errors(), ExitStack() as files, Outputs() as outputs:
        from cobrowse_session.store.transfer import import_lines  # noqa: PLC0415 (an extra)

        bad = ProblemReporter(logs, inform, outputs.writer(rejects) if rejects else None)
        source = open_input(files, logs, "saved logs")  # before the database, which may have to be created
        with closing(_opened(store, table, create=True)) as opened:
            imported = import_lines(opened, source, bad)
    read = f"{plural(imported.sessions, 'saved session')} and {plural(imported.events, 'event')} imported"
    inform(f"{read}: {plural(imported.new, 'new event')}", "green")
    if imported.forgotten:
        inform(f"{plural(imported.forgotten, 'event')} of forgotten sessions came too late. They are not stored.", "yellow")
    if imported.late:
        inform(
            f"{plural(imported.late, 'event')} came too late for a sealed session. They are stored, and not applied.", "yellow"
        )
    if imported.rejected:
        inform(f"{plural(imported.rejected, 'line')} rejected", "red")
        raise typer.Exit(1)


@grouped(table=table_of)
def store_restored_command(store: Address, *, table: Table) -> None:
    """Say that the database was restored from a backup. Readers of the changes get an error instead of missing some.

    A PostgreSQL database that was moved into another cluster is recognised, and does not need this.
    """
    with usage_errors(), closing(_opened(store, table)) as opened:
        epoch = opened.begin_epoch()
    inform(f"Positions of before are errors now. The new epoch is {epoch}.", "green")


@grouped(table=table_of)
def store_upgrade_command(store: Address, *, table: Table) -> None:
    """Bring the tables to the newest version, and fold sessions anew that were folded under another table.

    Make a backup first. Sealed sessions stay as they were sealed.
    """
    with usage_errors():
        from cobrowse_session.store.database import Database  # noqa: PLC0415 (an extra)
        from cobrowse_session.store.upgrade import upgrade  # noqa: PLC0415

        with closing(Database(store, create=False)) as database:
            upgrade(database)
        folded, differs = 0, False
        with closing(_opened(store, table)) as opened:
            while some := opened.refold():
                folded += len(some)
                for session, fields in some.items():
                    if fields:
                        differs = True
                        show(printable(f"session {session!r} reads differently: {', '.join(fields)}"), "yellow")
    if differs and table == Table.standard():
        inform("If they had a table of your own, upgrade again with --table MODULE:NAME. No event is lost.", "yellow")
    inform(f"The tables are up to date, {plural(folded, 'session')} folded anew", "green")


@grouped(table=table_of)
def store_forget_command(store: Address, before: Before, *, table: Table) -> None:
    """Delete sealed sessions with all their events, once their messages were acknowledged.

    An event that comes later, and occurred before this time, is late. `serve --forget-after` does this all the time.
    """
    moment, count = _past(before), 0
    with usage_errors(), closing(_opened(store, table)) as opened:
        while some := opened.forget(moment):
            count += some
        pending = opened.outbox.count()
    inform(f"{plural(count, 'session')} deleted", "green")
    if pending:
        inform(f"{plural(pending, 'message')} not handed over. Sessions stay until theirs are.", "yellow")


@grouped(table=table_of)
def store_trim_command(store: Address, before: Before, *, table: Table) -> None:
    """Delete acknowledged messages of sessions in which nothing has happened since a time. The sessions stay.

    Who follows the changes must not be further behind.
    """
    moment, count = _past(before), 0
    with usage_errors(), closing(_opened(store, table)) as opened:
        while some := opened.outbox.trim_before(moment):
            count += some
    inform(f"{plural(count, 'message')} deleted", "green")


_DURATION = re.compile(r"[0-9.]+[a-z]+")


def _past(before: str) -> datetime:
    """Return the time that `--before` names: a time, or as long ago as a duration says."""
    now = current_time()
    if _DURATION.fullmatch(before):
        return horizon_of(now, duration_of("--before", before))
    moment = time_of("--before", before, " or a duration, as 90d")
    assert moment is not None, "it is required"
    if moment > now:
        raise typer.BadParameter(f"expected a time in the past, found {before!r}", param_hint="--before")
    return moment


def _opened(address: str, table: Table, *, create: bool = False) -> "Store":
    from cobrowse_session.store import Store  # noqa: PLC0415 (an extra)

    return Store(address, Lifecycle(table=table), create=create)
