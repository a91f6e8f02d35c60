"""The error of a file of another kind than a command reads, with what helps."""

from collections.abc import Mapping
from shlex import quote
from typing import Literal

from cobrowse_session.cli.errors import STDIN, FileError
from cobrowse_session.io.kinds import Kind

Expected = Kind | Literal["saved logs"]
"""The kinds that commands read. Events may stand among saved logs, which are recognised by nothing."""

_HOLDS: Mapping[Expected, str] = {
    "saved logs": "saved logs or events, one per line",
    "events": "events, one per line",
    "spread events": "events that are spread over several lines",
    "trace": "the trace of a replay",
    "sessions": "sessions",
    "payload": "a payload of the platform",
    "database": "a SQLite database",
}
_ADVICE: Mapping[tuple[Expected, Kind], str] = {
    ("saved logs", "spread events"): "Write each event on one line, as jq -c does.",
    ("saved logs", "payload"): "Convert it first: cobrowse-session convert {0} -o events.jsonl",
    ("saved logs", "database"): "Export it first: cobrowse-session store export sqlite:///{0} -o sessions.jsonl",
    ("events", "database"): "If it is a store, give its address: sqlite:///{0}",
    ("events", "spread events"): "Write each event on one line, as jq -c does.",
    ("events", "payload"): "Convert it first: cobrowse-session convert {0} -o events.jsonl",
    ("payload", "events"): "It needs no conversion: cobrowse-session replay {0}",
    ("trace", "events"): "Replay writes one: cobrowse-session replay {0} --trace trace.jsonl",
    ("sessions", "events"): "Name the events first, and the records after them.",
    ("sessions", "payload"): "Compare the platform's own record: cobrowse-session reconcile EVENTS {0}",
    ("trace", "payload"): "Convert it, then replay its events: cobrowse-session convert {0} -o events.jsonl",
}
"""Advice, by the kind that was expected and the kind that was found."""
_OTHER_ADVICE: Mapping[Expected, str] = {
    "saved logs": "Name a file that store export wrote, or the events that were replayed.",
    "events": "Name the file of events that was replayed.",
    "trace": "Name a file that replay --trace wrote.",
    "payload": "Name a file that the platform wrote.",
    "sessions": "Name a file of records, one session JSON per line.",
}
"""Advice for all other files, by the kind that was expected."""


class WrongKindError(FileError):
    """A file holds something else than what the command reads.

    Attributes:
        found: what it holds.
    """

    def __init__(self, name: str, expected: Expected, found: Kind) -> None:
        advice = _ADVICE.get((expected, found), _OTHER_ADVICE[expected]).format(quote(name))
        super().__init__(STDIN if name == "-" else name, f"it holds {_HOLDS[found]}, not {_HOLDS[expected]}", advice)
        self.found = found
