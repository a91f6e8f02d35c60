"""The kind of a file, recognised by its beginning: events, a trace, sessions, a payload of the platform, or a database."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from cobrowse_session.errors import DecodeError
from cobrowse_session.sources import BUILT_IN, Source
from cobrowse_session.wire.strict_json import read_json

__all__ = ["Kind", "kind_of"]

Kind = Literal["events", "trace", "sessions", "payload", "spread events", "database"]

_SQLITE = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat.html, section 1.3
_KEY = re.compile(rb'"((?:[^"\\]|\\.){1,80})"\s*:')
_EVENTS = {"specversion", "type", "subject"}
_OTHERS: Mapping[Kind, set[str]] = {
    "trace": {"session", "type", "at", "outcome"},
    "sessions": {"state", "id", "initialState"},
}
# Possessive (`++`), because each way to split 64 KiB of blank lines would be tried otherwise.
_SPREAD = re.compile(rb"[\[{][^\S\n]*+\n\s++[\"{]")


def kind_of(beginning: bytes, sources: Sequence[Source] = BUILT_IN) -> Kind | None:
    """Return the kind of a file that begins with these bytes. None: it is not certain.

    Only the first line decides for events, traces and sessions: a JSON object of its own with their keys. A payload may have many
    lines, or one that is longer than the beginning, so its keys may be anywhere in it. A file with a key of events is no payload.
    Its events may be spread over several lines, each with an indent. A source may have payloads with the keys of a trace or of a
    session.
    """
    if beginning.startswith(_SQLITE):
        return "database"
    text = beginning.lstrip()
    keys = _keys(text.partition(b"\n")[0])
    if keys >= _EVENTS:
        return "events"
    for kind, needed in _OTHERS.items():
        if needed <= keys:
            return "payload" if _is_payload(keys, sources) else kind
    return _of_several_lines(text, sources) if text.startswith((b"{", b"[")) else None


def _keys(line: bytes) -> set[str]:
    """Return the keys of an object on a line of its own."""
    try:
        document: Any = read_json(line)
    except DecodeError:
        return set()
    return set(document) if isinstance(document, dict) else set()


def _of_several_lines(text: bytes, sources: Sequence[Source]) -> Kind | None:
    keys = {key.decode(errors="replace") for key in _KEY.findall(text)}
    if "specversion" in keys:
        return "spread events" if _SPREAD.match(text) else None
    return "payload" if _is_payload(keys, sources) else None


def _is_payload(keys: set[str], sources: Sequence[Source]) -> bool:
    return any(source.looks_like(keys) for source in sources)
