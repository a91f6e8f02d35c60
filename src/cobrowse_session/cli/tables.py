"""The option `--table`: a table of one's own, by the module that holds it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cobrowse_session import TableError
from cobrowse_session.cli.screen import inform
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.named import table_named
from cobrowse_session.printable import printable

TableName = Annotated[
    str | None,
    typer.Option(
        "--table",
        metavar="MODULE:NAME",
        help="The table of rows, with kinds of event and states of your own, as `acme.tables:TABLE`. Default: the standard one.",
        rich_help_panel="Rules",
    ),
]


def table_of(table: TableName = None) -> Table:
    """Return the table that the option names.

    Raises:
        typer.BadParameter: there is no such module or name, or it is no table.
        typer.Exit: a table of the module has an error.
    """
    if table is None:
        return Table.standard()
    folder = str(Path.cwd())
    if folder not in sys.path:  # as `python -m` has it
        sys.path.insert(0, folder)
    try:
        return table_named(table)
    except TableError as error:
        for line in f"{table}: {error}".split("\n"):  # one for each problem of the table
            inform(printable(line), "red")
        raise typer.Exit(2) from None
    except ValueError as error:
        raise typer.BadParameter(printable(str(error)), param_hint="--table") from error.__cause__
