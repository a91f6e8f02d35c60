"""The vendor's session JSON: exactly the 19 properties, and the unknown keys that came (JSON-1 to JSON-11)."""

from typing import TypeVar, overload

from cobrowse_session.model import CobrowseSession, Communication
from cobrowse_session.wire.converter import plain, structured
from cobrowse_session.wire.strict_json import read_object, written

SESSION_FORMAT = 1
"""The version of the session JSON as it is written here. The vendor's own has none."""


def encode_session(session: Communication) -> str:
    """Return a session as the vendor's JSON, on one line. Decoded and encoded again it gives the same bytes (JSON-8).

    >>> encode_session(CobrowseSession(id="s1"))
    '{"state":"none","id":"s1"}'
    """
    return written(plain(session))


S = TypeVar("S", bound=Communication)


@overload
def decode_session(raw: str | bytes) -> CobrowseSession: ...
@overload
def decode_session(raw: str | bytes, *, cls: type[S]) -> S: ...
def decode_session(raw: str | bytes, *, cls: type[Communication] = CobrowseSession) -> Communication:
    """Return a session, read from the vendor's JSON. Unknown keys and words are kept (JSON-7).

    Args:
        raw: one JSON object, as text or UTF-8.
        cls: the class of the session, for example a subclass of your own.

    Raises:
        DecodeError: it cannot be read. Every problem has its path.

    >>> decode_session('{"id":"s1","state":"CONNECTED"}').state
    <ConnectionState.CONNECTED: 'connected'>
    """
    document = read_object(raw)
    return structured(document, cls)
