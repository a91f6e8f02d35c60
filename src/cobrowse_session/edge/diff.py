"""Two traces of the same events: which sessions differ, in which field, by which row."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from attrs import frozen

from cobrowse_session.errors import DecodeError
from cobrowse_session.wire.trace import decode_row

__all__ = ["Difference", "diff", "read_trace"]

Row = Mapping[str, Any]  # JSON
_TOLD = ("outcome", "rule", "row", "from", "to", "acw", "at", "received", "conversation", "notes")
"""What of a row is told where it differs; `set` is told as the fields."""


@frozen
class Difference:
    """One row that two traces do not share.

    Attributes:
        session: the session's id.
        row: the event's id and source, or the timer's type.
        fields: the fields of the session that the row may have written, in either trace.
        before: what the first trace says of it; None: nothing.
        after: what the second says of it; None: nothing.
    """

    session: str
    row: str
    fields: tuple[str, ...]
    before: str | None
    after: str | None

    def __str__(self) -> str:
        told = f"{self.session}  {self.row}: {self.before or 'not there'} -> {self.after or 'not there'}"
        return told + (f"  [{', '.join(self.fields)}]" if self.fields else "")


def read_trace(file: BinaryIO) -> Iterator[Row]:
    """The rows of a trace file.

    Raises:
        DecodeError: a line is no trace row.
    """
    for number, line in enumerate(file, 1):
        if line.strip():
            try:
                yield decode_row(line)
            except DecodeError as error:
                raise DecodeError(error.problems, number) from None


def diff(before: Iterable[Row], after: Iterable[Row]) -> Iterator[Difference]:
    """The rows that differ, session by session, in the order in which the traces tell them."""
    old, new = _by_row(before), _by_row(after)
    order = {session: None for session, _ in (*old, *new)}
    rows: dict[str, dict[str, None]] = {session: {} for session in order}
    for session, row in (*old, *new):
        rows[session][row] = None
    for session, names in rows.items():
        for name in names:
            was, is_now = old.get((session, name)), new.get((session, name))
            if was != is_now:
                yield _difference(session, name, was, is_now)


def _by_row(rows: Iterable[Row]) -> dict[tuple[str, str], Row]:
    return {(str(row.get("session")), _name(row)): row for row in rows}


def _name(row: Row) -> str:
    """A row is known by its event's identity, a timer's by its type."""
    return f"{row['event']} of {row.get('source')}" if "event" in row else str(row.get("type"))


def _difference(session: str, name: str, was: Row | None, is_now: Row | None) -> Difference:
    differs = [key for key in _TOLD if was is None or is_now is None or was.get(key) != is_now.get(key)]
    fields = {field for row in (was, is_now) if row for field in row.get("set", ())}
    return Difference(session, name, tuple(sorted(fields)), _told(was, differs), _told(is_now, differs))


def _told(row: Row | None, keys: Iterable[str]) -> str | None:
    if row is None:
        return None
    return ", ".join(f"{key} {_spoken(row[key])}" for key in keys if key in row) or "the same words, other fields"


def _spoken(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
