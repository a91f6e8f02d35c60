"""The kind of a file, recognised by its beginning: events, a trace, sessions, or a payload of the platform."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from cobrowse_session.errors import DecodeError
from cobrowse_session.sources.genesys.provider import KEYS
from cobrowse_session.wire.strict_json import read_json

__all__ = ["Kind", "kind_of"]

Kind = Literal["events", "trace", "sessions", "payload", "spread events"]

_KEY = re.compile(rb'"((?:[^"\\]|\\.){1,80})"\s*:')
_OF_LINES: Mapping[Kind, set[str]] = {
    "events": {"specversion", "type", "subject"},
    "trace": {"session", "type", "at", "outcome"},
    "sessions": {"state", "id", "initialState"},
}
_OF_PAYLOADS = ({"participants"}, {"topicName", "eventBody"}, {"detail", "detail-type"}, {"eventTime", "sessionId"})
# Possessive (`++`), because each way to split 64 KiB of blank lines would be tried otherwise.
_SPREAD = re.compile(rb"[\[{][^\S\n]*+\n\s++[\"{]")
_LISTS = re.compile(rb'"(?:conversations|entities)"\s*:\s*\[')


def kind_of(beginning: bytes) -> Kind | None:
    """Return the kind of a file that begins with these bytes. None: it is not certain.

    Only the first line decides for events, traces and sessions: a JSON object of its own with their keys. A payload may have many
    lines, or one that is longer than the beginning, so its keys may be anywhere in it. A file with a key of events is no payload.
    Its events may be spread over several lines, each with an indent.
    """
    text = beginning.lstrip()
    keys = _keys(text.partition(b"\n")[0])
    for kind, needed in _OF_LINES.items():
        if needed <= keys:
            return kind
    return _of_several_lines(text) if text.startswith((b"{", b"[")) else None


def _keys(line: bytes) -> set[str]:
    """Return the keys of an object on a line of its own."""
    try:
        document: Any = read_json(line)
    except DecodeError:
        return set()
    return set(document) if isinstance(document, dict) else set()


def _of_several_lines(text: bytes) -> Kind | None:
    keys = {key.decode(errors="replace") for key in _KEY.findall(text)}
    if "specversion" in keys:
        return "spread events" if _SPREAD.match(text) else None
    has_marks = any(needed <= keys for needed in _OF_PAYLOADS) or any(key.lower().endswith(KEYS) for key in keys)
    return "payload" if has_marks or _LISTS.search(text) else None
