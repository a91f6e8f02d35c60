"""The commands of a store: verify, export, import, upgrade."""

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Annotated

import typer

from cobrowse_session.cli.as_json import finding_json
from cobrowse_session.cli.errors import usage_errors
from cobrowse_session.cli.inputs import check_files, open_input
from cobrowse_session.cli.options import Json, Output, Rejects, grouped
from cobrowse_session.cli.outputs import Outputs, show, show_json
from cobrowse_session.cli.problems import ProblemReporter
from cobrowse_session.cli.screen import inform, plural
from cobrowse_session.cli.tables import table_of
from cobrowse_session.lifecycle import Lifecycle
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.printable import printable

if TYPE_CHECKING:
    from cobrowse_session.store import Store

HELP = "Prove, copy and upgrade a store of sessions, in SQLite or PostgreSQL."

Address = Annotated[
    str, typer.Argument(metavar="STORE", help="The database: `sqlite:///sessions.db` or `postgresql://user@host/database`.")
]


@grouped(table=table_of)
def store_verify_command(store: Address, *, json: Json = False, table: Table) -> None:
    """Prove that every stored session follows from its events, and that no byte of them was changed.

    The store may be in use.
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
    wrong = len({finding.session for finding in verified.findings})
    result = f"{plural(wrong, 'session')} wrong" if wrong else "every session follows from its events"
    counts = f"{plural(verified.sessions, 'session')}, {plural(verified.events, 'event')}"
    inform(f"{counts}: {result}", "red" if wrong else "green")
    if verified.other_table:
        inform(f"{plural(verified.other_table, 'session')} of another table could not be proved. See `store upgrade`.", "yellow")
    if wrong:
        raise typer.Exit(1)


@grouped(table=table_of)
def store_export_command(store: Address, output: Output = "-", *, table: Table) -> None:
    """Write all sessions as saved logs, one per line, for `store import` or a backup.

    Messages that were not handed over are not exported.
    """
    check_files([], [output])
    with usage_errors(), Outputs() as outputs:
        from cobrowse_session.store.transfer import export_lines, is_session  # noqa: PLC0415 (an extra)

        with closing(_opened(store, table)) as opened:
            write, count = outputs.writer(output), 0
            for line in export_lines(opened):
                write(line)
                count += is_session(line)
            pending = opened.outbox.count()
    inform(f"{plural(count, 'session')} exported", "green")
    if pending:
        inform(f"{plural(pending, 'message')} not handed over, and not exported.", "yellow")


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
        with closing(_opened(store, table, create=True)) as opened:
            imported = import_lines(opened, open_input(files, logs), bad)
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
        folded = 0
        with closing(_opened(store, table)) as opened:
            while some := opened.refold():
                folded += len(some)
                for session, fields in some.items():
                    if fields:
                        show(printable(f"session {session!r} reads differently: {', '.join(fields)}"), "yellow")
    inform(f"The tables are up to date, {plural(folded, 'session')} folded anew", "green")


def _opened(address: str, table: Table, *, create: bool = False) -> "Store":
    from cobrowse_session.store import Store  # noqa: PLC0415 (an extra)

    return Store(address, Lifecycle(table=table), create=create)
