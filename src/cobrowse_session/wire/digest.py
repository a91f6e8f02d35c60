"""A digest of the table. It shows whether a saved log was written under the rules of today.

It has two parts. `rows` covers the names, order, sources, results, guards and actions of the rows, the ranks of the events, the
states of the table's own and the deadlines.
`code` covers what guards and actions do: their syntax tree, without docstrings and without what differs between Python versions.
Reasons are in neither part, because they change nothing.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from types import ModuleType

from attrs import frozen

from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.row import Row, name_of, written_by


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
    deadlines = [(one.timer.kind, name_of(one.due), one.last_resort) for one in table.deadlines]
    return TableDigest(_digest(repr((rows, ranks, table.states.own, deadlines))), _code(*_modules(table)))


def _modules(table: Table) -> Iterator[ModuleType]:
    """Yield the modules of guards, actions and deadlines, by name."""
    rows = (*table.connection, *table.after_call_work)
    used = {part.__module__ for row in rows for part in (*row.guards, *row.actions)}
    used |= {one.due.__module__ for one in table.deadlines}
    yield from (sys.modules[name] for name in sorted(used))


def _row(row: Row) -> tuple[object, ...]:
    guard_names = [name_of(guard) for guard in row.guards]
    action_names = [(name_of(action), written_by(action)) for action in row.actions]
    return row.name, row.on, row.source, guard_names, str(row.result), action_names


def _code(*modules: ModuleType) -> str | None:
    try:
        trees = [ast.parse(inspect.getsource(module)) for module in modules]
    except OSError:
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
