"""The memory of an inbox of the sessions that it evicted, within bounds."""

from collections import OrderedDict
from datetime import timedelta
from hashlib import blake2b

from attrs import evolve

from cobrowse_session.canonical import canonical
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Late, Repeat
from cobrowse_session.sources.repeats import without_arrival
from cobrowse_session.stream import SessionLog
from cobrowse_session.vocabulary import ConnectionState
from cobrowse_session.wire.inbox_state import EvictedSession


class SealedSessions:
    """The sessions that an inbox evicted: their ids, and fingerprints of their copies.

    Args:
        max_events: how many fingerprints are kept. Those of the sessions evicted first are forgotten first.
        max_sessions: how many ids are kept.
    """

    def __init__(self, max_events: int, max_sessions: int) -> None:
        self._max_events, self._max_sessions = max_events, max_sessions
        self._sessions = OrderedDict[str, EvictedSession]()  # a dict looks over all that were deleted before its first key
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
        self.add(EvictedSession(log.session_id, dropped, dict(log.offsets), copies))

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

    @property
    def sessions(self) -> tuple[EvictedSession, ...]:
        """The sessions that are remembered, in the order in which they were evicted."""
        return tuple(self._sessions.values())

    def add(self, session: EvictedSession) -> None:
        """Remember a session that was evicted, and forget what no longer fits."""
        # Example, with room for 3 copies and 3 sessions:
        #
        #     evicted         copies remembered   because
        #     a, of 2 copies  a 2
        #     b, of 2 copies  a 0, b 2            4 copies are too many: those of the oldest session go, its id stays
        #     c, of 1 copy    a 0, b 2, c 1
        #     d, of 1 copy    b 0, c 1, d 1       again 4 copies, and 4 sessions: the id of a goes, too
        #
        # An event of b is late from then on, also if it is a repeat. An event of a may begin a session, unless it is older than
        # the horizon. `has_forgotten` makes the inbox ask for that.
        self.take_back(session.id)
        self._sessions[session.id] = session
        if session.copies:
            self._with_copies[session.id] = None
            self._events += len(session.copies)
        while self._events > self._max_events:
            oldest = self._sessions[self._with_copies.popitem(last=False)[0]]
            self._events -= len(oldest.copies)
            self._sessions[oldest.id] = evolve(oldest, copies=frozenset())
        while len(self._sessions) > self._max_sessions:
            self.take_back(next(iter(self._sessions)))
            self.has_forgotten = True


def fingerprint(event: Event) -> bytes:
    """Return eight bytes that are the same for all copies with one canonical form (COPY-16), and for one that is sent again."""
    # Compared within one session only. Of 1,000 copies, less than one in 10^16 late events would be taken for a repeat.
    return blake2b(canonical(without_arrival(event)).encode(), digest_size=8).digest()
