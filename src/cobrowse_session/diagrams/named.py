"""A table by its name, for pages and commands that draw it."""

from importlib import import_module

from cobrowse_session.checks import shown
from cobrowse_session.lifecycle.definition import Table


def table_named(name: str) -> Table:
    """Return the table that a name of the form `module:NAME` stands for.

    Raises:
        ValueError: there is no such module, or nothing of that name in it, or it is no table.
    """
    module, colon, attribute = name.partition(":")
    if not colon:
        raise ValueError(f"expected module:NAME of a table, found {name!r}")
    try:
        found = getattr(import_module(module), attribute, None)
    except ImportError as error:
        raise ValueError(f"expected module:NAME of a table, found {name!r}: {error}. Is its folder in sys.path?") from error
    if not isinstance(found, Table):
        raise ValueError(f"expected module:NAME of a table, found {name!r}, which is {shown(found)}")  # noqa: TRY004 (it is a name)
    return found
