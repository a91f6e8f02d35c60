"""The option `--table`: a table of one's own, by the module that holds it."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from cobrowse_session import TableError
from cobrowse_session.checks import shown
from cobrowse_session.cli.screen import inform
from cobrowse_session.cli.suggest import did_you_mean
from cobrowse_session.lifecycle.definition import Table
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
        typer.BadParameter: there is no such module or name, it is no table, or the table has an error.
    """
    if table is None:
        return Table.standard()
    module, colon, name = table.partition(":")
    if not (module and colon and name):
        raise _wrong(f"expected MODULE:NAME, as acme.tables:TABLE, found {table!r}.")
    if "/" in module or module.endswith(".py"):
        dotted = module.removesuffix(".py").lstrip("./").replace("/", ".")
        raise _wrong(f"expected the name of a module, found the file {module!r}. Did you mean '{dotted}:{name}'?")
    found = _module(module)
    if name not in found:
        tables = [one for one, value in found.items() if isinstance(value, Table)]
        raise _wrong(f"{module} has no {name!r}.{did_you_mean(name, tables)}" if tables else f"{module} has no table.")
    one = found[name]
    if not isinstance(one, Table):
        raise _wrong(f"expected a Table, as Table.standard().extended(...) returns it, found {shown(one)}.")
    return one


def _module(name: str) -> dict[str, object]:
    folder = str(Path.cwd())
    if folder not in sys.path:  # as `python -m` has it
        sys.path.insert(0, folder)
    try:
        return vars(import_module(name))
    except TableError as error:
        for line in f"{name}: {error}".split("\n"):  # one for each problem of the table
            inform(printable(line), "red")
        raise typer.Exit(2) from None
    except ModuleNotFoundError as error:
        if error.name is not None and not f"{name}.".startswith(f"{error.name}."):
            raise _wrong(f"{name} needs the module {error.name!r}, which is not installed.") from None
        raise _wrong(f"no module {name!r} here. Run the command in the folder that holds it, or install its package.") from None
    except Exception as error:
        raise _wrong(f"{name} cannot be imported: {type(error).__name__}: {error}.") from error


def _wrong(problem: str) -> typer.BadParameter:
    return typer.BadParameter(printable(problem), param_hint="--table")
