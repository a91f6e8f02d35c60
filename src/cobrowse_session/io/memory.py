"""The memory of an inbox of the sessions that it evicted, within bounds."""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import timedelta
from hashlib import blake2b
from typing import Any

from attrs import define, field, frozen

from cobrowse_session.canonical import canonical
from cobrowse_session.checks import NO_EXTRA, Extra
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Late, Repeat
from cobrowse_session.stream import SessionLog
from cobrowse_session.times import milliseconds
from cobrowse_session.vocabulary import ConnectionState


@define
class _Session:
    dropped: bool
    offsets: dict[str, timedelta]
    copies: frozenset[bytes]  # fingerprints; empty where only the session's id is remembered


@frozen(kw_only=True)
class SavedSession:
    """A session that was evicted, as it is saved.

    Attributes:
        id: the session's id.
        dropped: it was dropped, not sealed.
        offsets: by how much each source was corrected, in milliseconds.
        copies: fingerprints of its copies, in hexadecimal.
        extra: unknown keys.
    """

    id: str
    dropped: bool = False
    offsets: Any = field(factory=dict)  # source to milliseconds; checked when it is taken
    copies: tuple[str, ...] = ()
    extra: Extra = NO_EXTRA


class SealedSessions:
    """The sessions that an inbox evicted: their ids, and fingerprints of their copies.

    Args:
        max_events: how many fingerprints are kept. Those of the sessions evicted first are forgotten first.
        max_sessions: how many ids are kept.
    """

    def __init__(self, max_events: int, max_sessions: int) -> None:
        self._max_events, self._max_sessions = max_events, max_sessions
        self._sessions = OrderedDict[str, _Session]()  # a dict looks over all that were deleted before its first key
        self._with_copies = OrderedDict[str, None]()
        self._events = 0
        self.has_forgotten = False
        """Whether even the id of a session was forgotten."""

    def __len__(self) -> int:
        return len(self._sessions)

    def __contains__(self, session: object) -> bool:
        return session in self._sessions

    def remember(self, log: SessionLog, *, dropped: bool) -> None:
        """Remember a log that is evicted, and forget what no longer fits."""
        copies = frozenset(map(fingerprint, log.copies))
        self._take(log.session_id, _Session(dropped, dict(log.offsets), copies))

    def take_back(self, session: str) -> None:
        """Forget a session that is in the inbox again."""
        known = self._sessions.pop(session, None)
        self._events -= len(known.copies) if known else 0
        self._with_copies.pop(session, None)

    def was_dropped(self, session: str) -> bool:
        """Return whether a remembered session was dropped, not sealed."""
        return self._sessions[session].dropped

    def offset(self, event: Event) -> timedelta | None:
        """Return the correction of the event's source in its session."""
        known = self._sessions.get(event.subject)
        return known.offsets.get(event.source) if known else None

    def answer(self, event: Event) -> Repeat | Late:
        """Return the outcome of an event of a session that was evicted."""
        known = self._sessions.get(event.subject)
        if known is not None and fingerprint(event) in known.copies:
            reason = "The session was evicted, and its log held this event already."
            return Repeat(row=None, reason=reason, from_state=ConnectionState.NONE)
        reason = "The session was evicted before the event came."
        return Late(row=None, reason=reason, from_state=ConnectionState.NONE, event=event)

    def late_copies(self, log: SessionLog) -> tuple[Event, ...]:
        """Return the copies of a log that are late for the sealed log of its session."""
        return tuple(copy for copy in log.copies if isinstance(self.answer(copy), Late))

    def save(self) -> list[dict[str, Any]]:
        """Return what is remembered, fit for JSON, in the order in which the sessions were evicted. `Any`: JSON."""
        return [
            {
                "id": session,
                "dropped": known.dropped,
                "offsets": {source: milliseconds(offset) for source, offset in known.offsets.items()},
                "copies": sorted(copy.hex() for copy in known.copies),
            }
            for session, known in self._sessions.items()
        ]

    def restore(self, saved: SavedSession, offsets: Mapping[str, timedelta]) -> None:
        """Remember a session that was saved.

        Raises:
            ValueError: a fingerprint is not hexadecimal.
        """
        self._take(saved.id, _Session(saved.dropped, dict(offsets), frozenset(map(bytes.fromhex, saved.copies))))

    def _take(self, session: str, known: _Session) -> None:
        self.take_back(session)
        self._sessions[session] = known
        if known.copies:
            self._with_copies[session] = None
            self._events += len(known.copies)
        while self._events > self._max_events:
            oldest = self._sessions[self._with_copies.popitem(last=False)[0]]
            self._events -= len(oldest.copies)
            oldest.copies = frozenset()
        while len(self._sessions) > self._max_sessions:
            self.take_back(next(iter(self._sessions)))
            self.has_forgotten = True


def fingerprint(event: Event) -> bytes:
    """Return eight bytes that are the same for all copies with one canonical form (COPY-16)."""
    return blake2b(canonical(event).encode(), digest_size=8).digest()
