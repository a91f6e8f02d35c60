"""The vendor's session JSON: exactly the 19 properties, and whatever else came (docs/lifecycle.md, section 9)."""

from cobrowse_session.model import CobrowseSession, Communication
from cobrowse_session.wire.converter import CONVERTER, structured
from cobrowse_session.wire.strict_json import dump, read_object

SESSION_FORMAT = 1
"""The version of the session JSON as it is written here; the vendor's own has none."""


def encode_session(session: Communication) -> str:
    """Write a session as the vendor's JSON, on one line. What is read from it gives the same bytes.

    >>> encode_session(CobrowseSession(id="s1"))
    '{"state":"none","id":"s1"}'
    """
    return dump(CONVERTER.unstructure(session))


def decode_session(raw: str | bytes) -> CobrowseSession:
    """Read a session from the vendor's JSON. Unknown keys and words are kept.

    Args:
        raw: one JSON object, as text or UTF-8.

    Raises:
        DecodeError: it cannot be read; every problem with its path.

    >>> decode_session('{"id":"s1","state":"CONNECTED"}').state
    <ConnectionState.CONNECTED: 'connected'>
    """
    document = read_object(raw)
    return structured(document, CobrowseSession)
