"""The differences of two traces of the same events, by session, entry and field."""

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

Entry = Mapping[str, Any]  # JSON
Key = tuple[str, str, str | int | None]
_COMPARED = (
    *("outcome", "rule", "row", "from", "to", "acw", "at", "received"),
    *("conversation", "participant", "user", "queue", "purpose", "media", "notes"),
)
"""The keys of an entry that are compared one by one. `set` is shown as the fields."""


@frozen
class Difference:
    """One entry that two traces do not share.

    Attributes:
        session: the session's id.
        entry: the event's id and source, or the timer's type and its number among the session's timers of that type.
        fields: the fields of the session that the entry may have written, in either trace.
        before: the keys that differ, and their values in the first trace. None: the entry is not in it.
        after: the same for the second trace.
    """

    session: str
    entry: str
    fields: tuple[str, ...]
    before: str | None
    after: str | None

    def __str__(self) -> str:
        text = f"{self.session}  {self.entry}: {self.before or 'not there'} -> {self.after or 'not there'}"
        return text + (f"  [{', '.join(self.fields)}]" if self.fields else "")


def read_trace(file: BinaryIO) -> Iterator[Entry]:
    """Yield the entries of a trace file.

    Raises:
        DecodeError: a line is no trace entry. The error has its number.
    """
    for number, line, length in lines(file, MAX_LINE_BYTES):
        try:
            if length > MAX_LINE_BYTES:
                raise too_long(length, MAX_LINE_BYTES)
            yield decode_entry(line)
        except DecodeError as error:
            raise DecodeError(error.problems, number) from None


def diff(before: Iterable[Entry], after: Iterable[Entry]) -> Iterator[Difference]:
    """Yield the entries that differ, session by session, in the order of the traces."""
    old, new = _by_identity(before), _by_identity(after)
    keys: dict[str, dict[Key, None]] = {}
    for key in (*old, *new):
        keys.setdefault(key[0], {})[key] = None
    for key in chain.from_iterable(keys.values()):
        was, is_now = old.get(key), new.get(key)
        if was != is_now:
            yield _difference(key, was, is_now)


def _by_identity(entries: Iterable[Entry]) -> dict[Key, Entry]:
    """Return the entries by their identity (TRACE-11): session, event and source, or session, timer and number."""
    timers = Counter[tuple[str, str]]()
    found: dict[Key, Entry] = {}
    for entry in entries:
        if entry.get("event") is not None:
            found[entry["session"], entry["event"], entry.get("source")] = entry
        else:
            timers[entry["session"], entry["type"]] += 1
            found[entry["session"], entry["type"], timers[entry["session"], entry["type"]]] = entry
    return found


def _name(key: Key) -> str:
    _, what, which = key
    if isinstance(which, int):
        return what if which == 1 else f"{what} no. {which}"
    return f"{what} of {which}"


def _difference(key: Key, was: Entry | None, is_now: Entry | None) -> Difference:
    differs = [name for name in _COMPARED if was is None or is_now is None or was.get(name) != is_now.get(name)]
    fields = {field for entry in (was, is_now) if entry for field in entry.get("set", ())}
    return Difference(key[0], _name(key), tuple(sorted(fields)), _text(was, differs), _text(is_now, differs))


def _text(entry: Entry | None, keys: Iterable[str]) -> str | None:
    if entry is None:
        return None
    return ", ".join(f"{key} {_value_text(entry[key])}" for key in keys if key in entry) or "the same words, other fields"


def _value_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
