"""A digest of the table. It shows whether a saved log was written under the rules of today.

It has two parts. `rows` covers the names, order, sources, results, guards and actions of the rows, the ranks of the events, the
states of the table's own and the deadlines.
`code` covers what decides: the modules of guards, actions, deadlines and classes of the table's own, and this package. Of the own
modules it is the syntax tree, without docstrings and without what differs between Python versions. Reasons of own rows are in
neither part, because they change nothing.
"""

import ast
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from functools import cache
from hashlib import sha256
from importlib.resources import files
from types import FunctionType

from attrs import fields, frozen

from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.row import Row, written_by


@frozen
class TableDigest:
    """The digest of a table.

    Attributes:
        rows: of its rows.
        code: of what decides. None: a source is not available, and the digest equals no other.
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
    return TableDigest(_digest(repr((rows, ranks, table.states.own, deadlines))), _code(table.sources.values()))


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


def _code(sources: Iterable[str | None]) -> str | None:
    """Return the digest of this package and of the sources of modules. None: one is not available."""
    lines: list[str] = []
    for source in sources:
        if source is None:
            return None
        lines += _lines(ast.parse(source))
    return _PACKAGE and _digest("\n".join((_PACKAGE, *lines)))


def _package_digest() -> str | None:
    """Return the digest of the modules of this package that decide. None: it was installed without sources."""
    # Of bytes, because a syntax tree of them would take half a second. A new version folds each log once.
    root = files("cobrowse_session")
    folders = root, *(root / name for name in ("lifecycle", "stream", "wire"))
    found = sorted((one for folder in folders for one in folder.iterdir() if one.name.endswith(".py")), key=str)
    return sha256(b"\0".join(one.read_bytes() for one in found)).hexdigest() if found else None


# When this module is imported, so that it is the digest of what runs. Later, the files may be those of another version.
_PACKAGE = _package_digest()


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
