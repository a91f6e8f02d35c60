"""The keys by which a file of payloads is recognised, of which only the beginning was read."""

from collections.abc import Collection

from cobrowse_session.sources.genesys.messenger import KEY
from cobrowse_session.sources.genesys.provider import KEYS

_MARKS: Collection[set[str]] = (
    {"participants"},
    {"topicName", "eventBody"},
    {"detail", "detail-type"},
    {"eventTime", "sessionId"},
    {"Records", "body"},
    {"conversations"},
    {"entities"},
    {KEY},
)


def looks_like(keys: set[str]) -> bool:
    """Return whether a file with these keys has payloads of the platform."""
    return any(marks <= keys for marks in _MARKS) or any(key.lower().endswith(KEYS) for key in keys)
