"""The vendor's session JSON: exactly the 19 properties, and the unknown keys that came (JSON-1 to JSON-11)."""

from typing import overload

from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.model import CobrowseSession, Communication, S_co
from cobrowse_session.wire.converter import structured
from cobrowse_session.wire.own_fields import types_of
from cobrowse_session.wire.quick_text import WRITERS
from cobrowse_session.wire.strict_json import read_object

SESSION_FORMAT = 1
"""The version of the session JSON as it is written here. The vendor's own has none."""


def encode_session(session: Communication) -> str:
    """Return a session as the vendor's JSON, on one line. Decoded and encoded again it gives the same bytes (JSON-8).

    >>> encode_session(CobrowseSession(id="s1"))
    '{"state":"none","id":"s1"}'
    """
    return WRITERS[type(session)](session)


@overload
def decode_session(raw: str | bytes) -> CobrowseSession: ...
@overload
def decode_session(raw: str | bytes, *, table: Table[S_co]) -> S_co: ...
def decode_session(raw: str | bytes, *, table: Table | None = None) -> CobrowseSession:
    """Return a session, read from the vendor's JSON. Unknown keys and words are kept (JSON-7).

    Args:
        raw: one JSON object, as text or UTF-8.
        table: the table whose class of sessions is read. None: the standard one.

    Raises:
        DecodeError: it cannot be read. Every problem has its path.
        TableError: an event or the session of the table has a field that cannot be written or read.

    >>> decode_session('{"id":"s1","state":"CONNECTED"}').state
    <ConnectionState.CONNECTED: 'connected'>
    """
    return structured(read_object(raw), session_class(table))


def session_class(table: Table | None) -> type[CobrowseSession]:
    """Return the class of a table's sessions, after a check of its fields."""
    if table is None:
        return CobrowseSession
    types_of(table)
    return table.session
