"""A whole file of events, replayed: sessions, traces, rejected lines, and their numbers for a summary."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from heapq import nlargest
from itertools import islice
from typing import BinaryIO, ClassVar, Self

from attrs import define, field, frozen

from cobrowse_session.canonical import identity
from cobrowse_session.errors import DecodeError
from cobrowse_session.events import Event
from cobrowse_session.io.clocks import Observed
from cobrowse_session.lifecycle import Applied, Lifecycle, Refused
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.stream import Change, ClockReport, SessionLog, revisions
from cobrowse_session.times import EPOCH
from cobrowse_session.wire import decode_event
from cobrowse_session.wire.rejected import encode_rejected
from cobrowse_session.wire.strict_json import MAX_LINE_BYTES, too_long

__all__ = ["FarAhead", "Rejected", "Replay", "ReplayStats", "read_events", "replay", "sort_key"]

SHOWN = 200
"""Characters of a rejected line that are kept."""
FAR = timedelta(hours=24)
"""A latest time is reported if it lies further than this after all others."""
CHUNK = 1 << 16
"""Bytes that are read at once."""
BATCH = 1000
"""Events that are read before they are added."""


# --- Lines in -----------------------------------------------------------------------------------------------------------------


@frozen
class Rejected:
    """A line that cannot be read.

    Attributes:
        error: the reason, with the physical line, from 1.
        text: the beginning of the line.
        length: its length in bytes, without the line's end.
        count: the number of payloads of the line that it counts.
    """

    kind: ClassVar[str] = "rejected"

    error: DecodeError
    text: str
    length: int
    count: int = 1

    @property
    def outcome(self) -> Self:
        """The rejection itself. Its `kind` is unlike those of the outcomes of events."""
        return self

    @classmethod
    def of(cls, error: DecodeError, line: int | None, content: bytes, length: int | None = None, count: int = 1) -> Self:
        """Return the rejected line, its text cut."""
        text = content[: 4 * SHOWN].decode(errors="replace")[:SHOWN]
        return cls(DecodeError(error.problems, line), text, len(content) if length is None else length, count)

    def as_json(self, file: str | None = None) -> str:
        """Return the line of a rejects file (ERROR-1).

        Args:
            file: the name of the file that has the line. None: it is not in the result.
        """
        return encode_rejected(self.error, self.text, self.length, file)


def read_events(
    file: BinaryIO,
    reject: Callable[[Rejected], object],
    *,
    table: Table | None = None,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> Iterator[Event]:
    """Yield the events of a file of CloudEvents, one per line. Blank lines are skipped.

    Args:
        file: binary. It is read line by line, and a line that is too long is read in pieces.
        reject: called with every line that cannot be read. The other lines are read.
        table: the table whose kinds of event are read. None: the standard one.
        max_line_bytes: how many bytes a line may have.
    """
    return decoded(lines(file, max_line_bytes), reject, table=table, max_line_bytes=max_line_bytes)


Line = tuple[int, bytes, int]
"""The number of a line, from 1, its content without its end, and its length in bytes. Of a long line, the content is cut."""


def decoded(
    some: Iterable[Line],
    reject: Callable[[Rejected], object],
    *,
    table: Table | None = None,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> Iterator[Event]:
    """Yield the events of some lines. See `read_events`."""
    for number, line, length in some:
        try:
            if length > max_line_bytes:
                raise too_long(length, max_line_bytes)
            yield decode_event(line, table=table, max_line_bytes=max_line_bytes)
        except DecodeError as error:
            reject(Rejected.of(error, number, line, length))


def lines(file: BinaryIO, max_line_bytes: int = MAX_LINE_BYTES) -> Iterator[Line]:
    """Yield the lines that are not blank: number, content and length. Of one that is too long, the content is its beginning."""
    # Example, at most 5 bytes: `ab`, an empty line, 20 times x, `cd`. It yields (1, ab, 2), (3, xxxxxxxx, 20) and (4, cd, 2).
    # Numbers are those of an editor, so blank lines count. A long line is never in memory as a whole.
    number = 0
    while line := file.readline(max_line_bytes + len(b"x\r\n")):  # a byte too many is enough, and the line's end
        number += 1
        content = line.removesuffix(b"\n").removesuffix(b"\r")
        length = len(content) if line.endswith(b"\n") else len(line) + _skip_rest(file)
        if content.strip() or length > max_line_bytes:
            yield number, content, length


def in_batches(events: Iterator[Event]) -> Iterator[Event]:
    """Yield the same events. They are read some at a time."""
    # The code and the data of reading drive those of adding out of the processor's caches, and the other way round. With a
    # thousand events for each turn, both take a tenth less time.
    while batch := [*islice(events, BATCH)]:
        yield from batch


def skip(file: BinaryIO) -> int:
    """Read a file to its end, a piece at a time, and return how many bytes it still had."""
    return sum(len(piece) for piece in iter(lambda: file.read(CHUNK), b""))


def _skip_rest(file: BinaryIO) -> int:
    """Read to the end of a long line, a piece at a time. Return how many bytes it still had, without its end."""
    length = 0
    while piece := file.readline(CHUNK):
        length += len(piece)
        if piece.endswith(b"\n"):
            return length - len(b"\n") - piece.endswith(b"\r\n")
    return length


# --- Sessions out -------------------------------------------------------------------------------------------------------------


@frozen
class FarAhead:
    """A latest event that lies far after all events of other sessions. Every session is advanced to its time.

    Attributes:
        event: the event.
        others: the time of the latest event of another session. In a file of one session, the time of the event before.
        timers: the number of timers that fired after that.
    """

    event: Event
    others: datetime
    timers: int


@define
class ReplayStats:
    """The outcomes of all events of a replay, in numbers."""

    outcomes: Counter[str] = field(factory=Counter)
    """The number of outcomes of each kind. Timers are counted apart."""
    refusals: Counter[str] = field(factory=Counter)
    """The number of refusals by each rule."""
    timers: Counter[str] = field(factory=Counter)
    """The number of times that each timer fired."""
    conversations: set[str] = field(factory=set)
    """The conversations that the events name."""
    sessions: int = 0
    repeats: int = 0
    conflicts: int = 0
    corrected: int = 0
    """The number of events that have a lower edition that states something else (COPY-18)."""
    out_of_order: int = 0
    """The number of events that came after others that they precede in the order."""
    accepted_later: set[tuple[str, str, str]] = field(factory=set)
    """The events that were refused when they came, and applied once a missing one was there."""
    late: int = 0
    """The number of events that came after their session was sealed."""
    revised_sessions: dict[str, None] = field(factory=dict)
    """The sessions in which an event changed the outcomes of others, in order."""
    far_ahead: FarAhead | None = None
    """The latest event, if it lies far after all others."""
    clocks: dict[str, ClockReport] = field(factory=dict)
    """The sources whose clocks seem to be off by more than is tolerated. Nothing is corrected."""

    def arrived(self, session: str, change: Change) -> None:
        """Count what one event changed in its session's trace."""
        self.out_of_order += change.out_of_order
        if change.is_revision:
            self.revised_sessions[session] = None
        for before, after in change.changed:
            if isinstance(before.outcome, Refused) and isinstance(after.outcome, Applied) and isinstance(after.event, Event):
                self.accepted_later.add(identity(after.event))

    def ended(self, log: SessionLog) -> None:
        """Count the outcomes of one session that is over."""
        self.sessions += 1
        self.repeats += log.repeats
        self.conflicts += log.conflicts
        self.corrected += log.corrected
        if log.session_id not in self.revised_sessions and any(revisions(log)):
            self.revised_sessions[log.session_id] = None
        for entry in log.trace:
            if isinstance(entry.event, Event):
                self.outcomes[entry.outcome.kind] += 1
                if isinstance(entry.outcome, Refused):
                    self.refusals[entry.outcome.rule] += 1
                if (conversation := entry.event.context.conversation_id) is not None:
                    self.conversations.add(conversation)
            else:
                self.timers[entry.event.kind] += 1


class Replay:
    """A replay of events of any number of sessions, each through a log of its own.

    Args:
        lifecycle: the rules.
        seal_after: seal and evict sessions that are over this long before the time that two sessions have reached. So one wrong
            time seals no others. None: keep them all.
        on_evict: called with the log of every session that is evicted. The other logs come from `finish`.
    """

    def __init__(
        self,
        lifecycle: Lifecycle | None = None,
        seal_after: timedelta | None = None,
        on_evict: Callable[[SessionLog], object] = lambda _: None,
    ) -> None:
        self.stats = ReplayStats()
        self._lifecycle = lifecycle or Lifecycle()
        self._seal_after = seal_after
        self._evict = on_evict
        self._logs: dict[str, SessionLog] = {}
        self._sealed: set[str] = set()
        self.observed = Observed()
        self._front = _Front()
        self._looked: datetime | None = None
        self._rest = 0  # events to take before the next look

    def add(self, event: Event) -> None:
        """Take the next event, in the order of arrival.

        What a guard or an action of a user's own raises comes out as it is, with a note that names the event.
        """
        if event.subject in self._sealed:
            self.stats.late += 1
            return
        log = self._logs.get(event.subject)
        if log is None:
            log = self._logs[event.subject] = SessionLog(self._lifecycle, event.subject)
        try:
            change = log.add(event)
        except Exception as error:
            error.add_note(f"raised at {event.kind} {event.id!r} of session {event.subject!r}")
            raise
        if any(entry.event is event for entry in change.new):  # it is no copy
            self.observed.add(event)
        self.stats.arrived(event.subject, change)
        if self._seal_after is not None:
            self._front.add(event)
            self._seal(self._seal_after)

    def finish(self, until: datetime | None = None, *, exactly: bool = False) -> tuple[datetime | None, list[SessionLog]]:
        """Advance all sessions that were not evicted (TIMER-7).

        Args:
            until: advance to this time. None, or a time before the latest event: advance to the latest event.
            exactly: advance to `until`, even where the latest event is later, as `SessionLog.as_of` does.

        Returns:
            The time to which they were advanced, and their logs.
        """
        if not (exactly and until):
            until = max(filter(None, [self.latest, until]), default=None)
        logs = list(self.end(until))
        self.stats.far_ahead = far_ahead(lasts(logs), timer_times(logs))
        self.stats.clocks = self.observed.reports()
        return until, logs

    @property
    def latest(self) -> datetime | None:
        """The time of the latest event of all sessions that were not evicted."""
        return max((log.latest for log in self._logs.values() if log.latest), default=None)

    def end(self, until: datetime | None) -> Iterator[SessionLog]:
        """Advance each session that was not evicted to a time, and count it. Yield their logs, in order of arrival."""
        for log in self._logs.values():
            if until is not None:
                log.advance(until)
            self.stats.ended(log)
            yield log

    def _seal(self, seal_after: timedelta) -> None:
        """Evict the sessions that are over, once in a while. All sessions are advanced to the same time, as in the end.

        A look costs one step per session, so there are at least as many events between two of them.
        """
        # Example: 10,000 sessions and an hour of `seal_after`. A look advances 10,000 logs. The next look comes after 10,000 more
        # events at the earliest, so it costs one step for each event. It also waits for 15 min of event time: before that, little
        # more is over.
        self._rest -= 1
        reached = self._front.reached
        if reached is None or self._rest > 0 or (self._looked is not None and reached - self._looked < seal_after / 4):
            return
        self._evict_before(reached - min(seal_after, reached - EPOCH))
        self._looked, self._rest = reached, len(self._logs)

    def _evict_before(self, horizon: datetime) -> None:
        for log in list(self._logs.values()):
            log.advance(horizon)
            if log.seal(horizon):
                del self._logs[log.session_id]
                self._sealed.add(log.session_id)
                self.stats.ended(log)
                self._evict(log)


@define
class _Front:
    """The latest times of the sessions.

    Attributes:
        first: the latest event.
        second: the latest event of any other session.
    """

    first: Event | None = None
    second: Event | None = None

    @property
    def reached(self) -> datetime | None:
        """The time that two sessions have reached."""
        return self.second.occurred_at if self.second else None

    def add(self, event: Event) -> None:
        """Take the next event, in the order of arrival."""
        # Example, events as they come:
        #
        #     event            first         second: the time reached
        #     a 09:00:00       a 09:00:00    none
        #     a 09:01:00       a 09:01:00    none: this is one session
        #     b 09:00:30       a 09:01:00    b 09:00:30
        #     a, a year later  a in a year   b 09:00:30: one wrong time seals nothing
        #     b 09:01:30       a in a year   b 09:01:30
        #     c 09:01:10       a in a year   b 09:01:30
        #
        # If the latest time of all counted, the fourth event would seal all sessions that have ended, and what still comes for
        # them would be late.
        if self.first is None or event.occurred_at > self.first.occurred_at:
            if self.first is not None and event.subject != self.first.subject:
                self.second = self.first
            self.first = event
        elif event.subject != self.first.subject and (self.second is None or event.occurred_at > self.second.occurred_at):
            self.second = event


@frozen
class Last:
    """The end of a session: its latest event, and the time of the event before it, if there is one."""

    event: Event
    before: datetime | None


def lasts(logs: list[SessionLog]) -> list[Last]:
    """Return the ends of the two sessions that end last, the latest first."""
    found = [log.events[-2:] for log in nlargest(2, logs, key=_latest)]
    return [Last(events[-1], events[0].occurred_at if len(events) > 1 else None) for events in found]


def timer_times(logs: list[SessionLog]) -> Iterator[datetime]:
    """Yield the times of all timers that fired."""
    return (entry.event.occurred_at for log in logs for entry in log.trace if not isinstance(entry.event, Event))


def far_ahead(last: list[Last], timers: Iterable[datetime]) -> FarAhead | None:
    """Return the latest event of all sessions, if it lies far after all others.

    Args:
        last: the ends of the two sessions that end last.
        timers: the times of all timers that fired.
    """
    if not last:
        return None
    event, others = last[0].event, last[1:]
    before = others[0].event.occurred_at if others else last[0].before or event.occurred_at
    if event.occurred_at - before <= FAR:
        return None
    return FarAhead(event, before, sum(time > before for time in timers))


def _latest(log: SessionLog) -> datetime:
    return log.latest or EPOCH


def sort_key(log: SessionLog) -> tuple[datetime, str]:
    """Return the key by which sessions are written: the time of the first kept event, then the id (TRACE-12)."""
    first = log.events[0]
    return first.occurred_at, log.session_id


def replay(events: Iterable[Event], lifecycle: Lifecycle | None = None, until: datetime | None = None) -> tuple[SessionLog, ...]:
    """Return the logs of all sessions of some events, advanced to the same time, in the order in which they are written.

    Args:
        events: in any order, with any repetition.
        lifecycle: the rules. None: the default ones.
        until: advance to this time. None, or a time before the latest event: advance to the latest event.
    """
    replayed = Replay(lifecycle)
    for event in events:
        replayed.add(event)
    _, logs = replayed.finish(until)
    return tuple(sorted(logs, key=sort_key))
