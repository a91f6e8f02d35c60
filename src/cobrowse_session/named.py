"""A table by its name: for the option `--table`, the directives of Sphinx, and `python -m cobrowse_session.diagrams`."""

from importlib import import_module

from cobrowse_session.checks import shown
from cobrowse_session.errors import TableError
from cobrowse_session.lifecycle.definition import Table


def table_named(name: str) -> Table:
    """Return the table of a name, as `acme.tables:TABLE`. Its module is imported.

    Raises:
        ValueError: it is no such name, there is no such module, it cannot be imported, or it has no such table.
        TableError: a table of the module has an error.
    """
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise ValueError(f"expected MODULE:NAME, as acme.tables:TABLE, found {name!r}.")
    if "/" in module or module.endswith(".py"):
        dotted = module.removesuffix(".py").lstrip("./").replace("/", ".")
        raise ValueError(f"expected the name of a module, found the file {module!r}. Did you mean '{dotted}:{attribute}'?")
    found = _imported(module)
    if attribute not in found:
        tables = ", ".join(one for one, value in found.items() if isinstance(value, Table))
        raise ValueError(f"{module} has no {attribute!r}. It has {f'the tables {tables}' if tables else 'no table'}.")
    table = found[attribute]
    if not isinstance(table, Table):
        expected = "expected a Table, as Table.standard().extended(...) returns it"
        raise ValueError(f"{module}: {attribute}: {expected}, found {shown(table)}.")  # noqa: TRY004 (the name is wrong)
    return table


def _imported(module: str) -> dict[str, object]:
    try:
        return vars(import_module(module))
    except TableError:  # it has a line for each problem
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and not f"{module}.".startswith(f"{error.name}."):
            raise ValueError(f"{module} needs the module {error.name!r}, which is not installed.") from None
        advice = "Install its package, or add its folder to PYTHONPATH. The command line also looks in the current folder."
        raise ValueError(f"there is no module {module!r}. {advice}") from None
    except (Exception, SystemExit) as error:  # a script that ends, too
        raise ValueError(f"{module} cannot be imported: {type(error).__name__}: {error}.") from error
