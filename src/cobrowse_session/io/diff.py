"""Two traces of the same events: which sessions differ, in which field, by which row."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, BinaryIO

from attrs import frozen

from cobrowse_session.errors import DecodeError
from cobrowse_session.io.replay import lines
from cobrowse_session.wire.strict_json import MAX_LINE_BYTES, too_long
from cobrowse_session.wire.trace import decode_entry

__all__ = ["Difference", "diff", "read_trace"]

Row = Mapping[str, Any]  # JSON
Key = tuple[str, str, str | int | None]
_TOLD = ("outcome", "rule", "row", "from", "to", "acw", "at", "received", "conversation", "notes")
"""What of a row is told where it differs; `set` is told as the fields."""


@frozen
class Difference:
    """One row that two traces do not share.

    Attributes:
        session: the session's id.
        row: the event's id and source, or the timer's type and its number among the session's timers of that type.
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
    for number, line, length in lines(file, MAX_LINE_BYTES):
        try:
            if length > MAX_LINE_BYTES:
                raise too_long(length, MAX_LINE_BYTES)
            yield decode_entry(line)
        except DecodeError as error:
            raise DecodeError(error.problems, number) from None


def diff(before: Iterable[Row], after: Iterable[Row]) -> Iterator[Difference]:
    """The rows that differ, session by session, in the order in which the traces tell them."""
    old, new = _by_row(before), _by_row(after)
    rows: dict[str, dict[Key, None]] = {}
    for key in (*old, *new):
        rows.setdefault(key[0], {})[key] = None
    for key in chain.from_iterable(rows.values()):
        was, is_now = old.get(key), new.get(key)
        if was != is_now:
            yield _difference(key, was, is_now)


def _by_row(rows: Iterable[Row]) -> dict[Key, Row]:
    """Return the rows by their identity: session, event and source, or session, timer and number."""
    timers = Counter[tuple[str, str]]()
    found: dict[Key, Row] = {}
    for row in rows:
        if row.get("event") is not None:
            found[row["session"], row["event"], row.get("source")] = row
        else:
            timers[row["session"], row["type"]] += 1
            found[row["session"], row["type"], timers[row["session"], row["type"]]] = row
    return found


def _name(key: Key) -> str:
    _, what, which = key
    if isinstance(which, int):
        return what if which == 1 else f"{what} no. {which}"
    return f"{what} of {which}"


def _difference(key: Key, was: Row | None, is_now: Row | None) -> Difference:
    differs = [name for name in _TOLD if was is None or is_now is None or was.get(name) != is_now.get(name)]
    fields = {field for row in (was, is_now) if row for field in row.get("set", ())}
    return Difference(key[0], _name(key), tuple(sorted(fields)), _told(was, differs), _told(is_now, differs))


def _told(row: Row | None, keys: Iterable[str]) -> str | None:
    if row is None:
        return None
    return ", ".join(f"{key} {_spoken(row[key])}" for key in keys if key in row) or "the same words, other fields"


def _spoken(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
