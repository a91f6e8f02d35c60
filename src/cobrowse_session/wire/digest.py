"""A digest of the table. It shows whether a saved log was written under the rules of today.

It has two parts. `rows` covers the names, order, sources, results, guards and actions of the rows, the ranks of the events, the
states of the table's own and the deadlines.
`code` covers what guards and actions do: their syntax tree, without docstrings and without what differs between Python versions.
Reasons are in neither part, because they change nothing.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from functools import cache
from hashlib import sha256
from types import FunctionType

from attrs import fields, frozen

from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.row import Row, written_by


@frozen
class TableDigest:
    """The digest of a table.

    Attributes:
        rows: of its rows.
        code: of its guards and actions. None: their source is not available, and the digest equals no other.
    """

    rows: str
    code: str | None

    def agrees_with(self, other: "TableDigest") -> bool:
        """Return whether both are known to be of the same rules."""
        return self.code is not None and self == other


@cache
def table_digest(table: Table) -> TableDigest:
    """Return the digest of a table."""
    rows = [_row(row) for rows in (table.connection, table.after_call_work) for row in rows]
    ranks = [(event.prefix + event.kind, event.rank) for event in table.events]
    deadlines = [(one.timer.kind, _part(one.due), one.last_resort) for one in table.deadlines]
    return TableDigest(_digest(repr((rows, ranks, table.states.own, deadlines))), _code(_modules(table)))


def _modules(table: Table) -> list[str]:
    """Return the names of the modules of guards, actions and deadlines."""
    rows = (*table.connection, *table.after_call_work)
    used = {part.__module__ for row in rows for part in (*row.guards, *row.actions)}
    used |= {one.due.__module__ for one in table.deadlines}
    return sorted(used)


def _row(row: Row) -> tuple[object, ...]:
    guards = [_part(guard) for guard in row.guards]
    actions = [(_part(action), written_by(action)) for action in row.actions]
    return row.name, row.on, row.source, guards, str(row.result), actions


def _part(part: Callable[..., object]) -> tuple[object, ...]:
    """Return a guard, an action or a deadline as its full name and its parameters."""
    # Not `name_of`, which is for people: a timedelta of 30 days and one that is a second longer are both `2.592e+06 s` there.
    if isinstance(part, FunctionType):
        return part.__module__, part.__qualname__
    cls: type = type(part)
    values = [getattr(part, attribute.name) for attribute in fields(cls)]
    return cls.__module__, cls.__qualname__, *map(_value, values)


def _value(value: object) -> object:
    return sorted(map(repr, value)) if isinstance(value, AbstractSet) else repr(value)  # the order of a set differs between runs


def _code(modules: Iterable[str]) -> str | None:
    try:
        trees = [ast.parse(inspect.getsource(sys.modules[name])) for name in modules]
    except (OSError, TypeError, KeyError):  # no file, as of what is typed in, or no module that is imported by this name
        return None
    return _digest("\n".join(line for tree in trees for line in _lines(tree)))


def _lines(node: ast.AST) -> Iterator[str]:
    """Yield the names and values of a syntax tree. Empty fields are left out, because they differ between Python versions."""
    yield type(node).__name__
    for name, value in ast.iter_fields(node):
        parts = value if isinstance(value, list) else [value]
        for part in parts:
            if isinstance(part, ast.AST):
                if not _is_docstring(part):
                    yield name
                    yield from _lines(part)
            elif part is not None:
                yield f"{name} {part!r}"
    yield "."


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
