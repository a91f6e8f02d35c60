"""A whole file of events, replayed: sessions, trace, rejected lines, and what to say about them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from heapq import nlargest
from typing import BinaryIO, ClassVar, Self

from attrs import define, field, frozen

from cobrowse_session.canonical import identity
from cobrowse_session.errors import DecodeError
from cobrowse_session.events import Event
from cobrowse_session.io.clocks import Observed
from cobrowse_session.lifecycle import Applied, Lifecycle, Refused
from cobrowse_session.stream import Change, ClockReport, SessionLog
from cobrowse_session.times import EPOCH
from cobrowse_session.wire import decode_event
from cobrowse_session.wire.strict_json import MAX_LINE_BYTES, dump, too_long

__all__ = ["FarAhead", "Rejected", "Replay", "ReplayStats", "read_events", "replay", "sort_key"]

SHOWN = 200
"""Characters of a rejected line that are kept."""
FAR = timedelta(hours=24)
"""A latest time is told where it lies further than this after all others."""
CHUNK = 1 << 16
"""Bytes that are read at once."""


# --- Lines in -----------------------------------------------------------------------------------------------------------------


@frozen
class Rejected:
    """A line that cannot be read.

    Attributes:
        error: why, with the physical line, from 1.
        text: its beginning.
        length: its length in bytes, without the line's end.
        count: how many payloads of the line it stands for.
    """

    kind: ClassVar[str] = "rejected"

    error: DecodeError
    text: str
    length: int
    count: int = 1

    @property
    def outcome(self) -> Self:
        """Itself: its `kind` is beside those of the outcomes of events."""
        return self

    @classmethod
    def of(cls, error: DecodeError, line: int | None, content: bytes, length: int | None = None, count: int = 1) -> Self:
        """The rejected line, its text cut."""
        text = content[: 4 * SHOWN].decode(errors="replace")[:SHOWN]
        return cls(DecodeError(error.problems, line), text, len(content) if length is None else length, count)

    def as_json(self) -> str:
        """The line of a rejects file."""
        error = self.error
        return dump(
            {
                "line": error.line,
                "error": error.error,
                "path": error.path,
                "found": error.found,
                "expected": error.expected,
                "text": self.text,
                "length": self.length,
            }
        )


def read_events(file: BinaryIO, reject: Callable[[Rejected], object], *, max_line_bytes: int = MAX_LINE_BYTES) -> Iterator[Event]:
    """Read CloudEvents, one per line. Blank lines are skipped.

    Args:
        file: binary; read line by line, and of a line that is too long never more than a piece at once.
        reject: gets every line that cannot be read; the others go on.
        max_line_bytes: how many bytes a line may have.
    """
    for number, line, length in lines(file, max_line_bytes):
        try:
            yield _decode(line, length, max_line_bytes)
        except DecodeError as error:
            reject(Rejected.of(error, number, line, length))


def _decode(line: bytes, length: int, max_line_bytes: int) -> Event:
    if length > max_line_bytes:
        raise too_long(length, max_line_bytes)
    return decode_event(line, max_line_bytes=max_line_bytes)


def lines(file: BinaryIO, max_line_bytes: int) -> Iterator[tuple[int, bytes, int]]:
    """Return the lines that are not blank: number, content and length. Of one that is too long, the content is its beginning."""
    number = 0
    while line := file.readline(max_line_bytes + len(b"x\r\n")):  # a byte too many is enough, and the line's end
        number += 1
        content = line.removesuffix(b"\n").removesuffix(b"\r")
        length = len(content) if line.endswith(b"\n") else len(line) + _skip_rest(file)
        if content.strip() or length > max_line_bytes:
            yield number, content, length


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
        others: when the latest event of another session occurred; in a file of one session, the event before.
        timers: how many timers fired after that.
    """

    event: Event
    others: datetime
    timers: int


@define
class ReplayStats:
    """The outcomes of all events of a replay, in numbers."""

    outcomes: Counter[str] = field(factory=Counter)
    """How often each kind of outcome came; timers, which have none of their own, apart."""
    refusals: Counter[str] = field(factory=Counter)
    """How often each rule refused."""
    timers: Counter[str] = field(factory=Counter)
    """How often each timer fired."""
    conversations: set[str] = field(factory=set)
    """The conversations that the events name."""
    sessions: int = 0
    repeats: int = 0
    conflicts: int = 0
    corrected: int = 0
    """How many events have a lower edition that states something else."""
    out_of_order: int = 0
    """How many events came after others that they stand before."""
    accepted_later: set[tuple[str, str, str]] = field(factory=set)
    """The events that were refused when they came, and applied once a missing one was there."""
    late: int = 0
    """How many events came after their session was sealed."""
    revised_sessions: dict[str, None] = field(factory=dict)
    """The sessions in which an event changed what had become of others, in order."""
    far_ahead: FarAhead | None = None
    """The latest event, where it lies far after all others."""
    clocks: dict[str, ClockReport] = field(factory=dict)
    """The sources whose clocks seem to be off by more than what is tolerated. Nothing is corrected."""

    def arrived(self, session: str, change: Change) -> None:
        """Count how one event changed its session's trace."""
        self.out_of_order += change.out_of_order
        if change.withdrawn or change.changed:
            self.revised_sessions[session] = None
        for before, after in change.changed:
            if isinstance(before.outcome, Refused) and isinstance(after.outcome, Applied) and isinstance(after.event, Event):
                self.accepted_later.add(identity(after.event))

    def ended(self, log: SessionLog) -> None:
        """Count what one session amounts to."""
        self.sessions += 1
        self.repeats += log.repeats
        self.conflicts += log.conflicts
        self.corrected += log.corrected
        for step in log.trace:
            if isinstance(step.event, Event):
                self.outcomes[step.outcome.kind] += 1
                if isinstance(step.outcome, Refused):
                    self.refusals[step.outcome.rule] += 1
                if (conversation := step.event.context.conversation_id) is not None:
                    self.conversations.add(conversation)
            else:
                self.timers[step.event.kind] += 1


class Replay:
    """Replays events of any number of sessions, each through a log of its own.

    Args:
        lifecycle: the rules.
        seal_after: seal sessions that are over this long before the time that two sessions have reached, and let them go, so that
            one wrong time seals no others; None: keep them all.
        on_evict: gets the log of every session that is over; the others come from `finish`.
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
        self._observed = Observed()
        self._front = _Front()
        self._looked: datetime | None = None
        self._rest = 0  # events to take before the next look

    def add(self, event: Event) -> None:
        """Take the next event, in the order of arrival."""
        if event.subject in self._sealed:
            self.stats.late += 1
            return
        log = self._logs.get(event.subject)
        if log is None:
            log = self._logs[event.subject] = SessionLog(self._lifecycle, event.subject)
        if not log.holds(event):
            self._observed.add(event)
        self.stats.arrived(event.subject, log.add(event))
        if self._seal_after is not None:
            self._front.add(event)
            self._seal(self._seal_after)

    def finish(self, until: datetime | None = None, *, exactly: bool = False) -> tuple[datetime | None, list[SessionLog]]:
        """Advance all sessions that were not let go.

        Args:
            until: advance to this time; None, or one before the latest event: to the latest event.
            exactly: advance to `until`, even where the latest event is later, as `SessionLog.as_of` does.

        Returns:
            The time to which they were advanced, and their logs.
        """
        kept = [log.latest for log in self._logs.values() if log.latest]
        if not (exactly and until):
            until = max([*kept, *([until] if until else [])], default=None)
        for log in self._logs.values():
            if until is not None:
                log.advance(until)
            self.stats.ended(log)
        self.stats.far_ahead = _far_ahead(list(self._logs.values()))
        self.stats.clocks = self._observed.reports()
        return until, list(self._logs.values())

    def _seal(self, seal_after: timedelta) -> None:
        """Once in a while, let go of the sessions that are over. Time goes on for all by then, as it does in the end.

        A look costs as much as there are sessions, so there are at least as many events between two of them.
        """
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
        if self.first is None or event.occurred_at > self.first.occurred_at:
            if self.first is not None and event.subject != self.first.subject:
                self.second = self.first
            self.first = event
        elif event.subject != self.first.subject and (self.second is None or event.occurred_at > self.second.occurred_at):
            self.second = event


def _far_ahead(logs: list[SessionLog]) -> FarAhead | None:
    """The latest event of all sessions, if it lies far after all others."""
    if not logs:
        return None
    ahead, *others = nlargest(2, logs, key=_latest)
    *earlier, event = ahead.events
    before = _latest(others[0]) if others else earlier[-1].occurred_at if earlier else event.occurred_at
    if event.occurred_at - before <= FAR:
        return None
    steps = (step.event for log in logs for step in log.trace)
    return FarAhead(event, before, sum(not isinstance(step, Event) and step.occurred_at > before for step in steps))


def _latest(log: SessionLog) -> datetime:
    return log.latest or EPOCH


def sort_key(log: SessionLog) -> tuple[datetime, str]:
    """Return the place of a session among all: the time of its first kept event, whatever its outcome, then its id."""
    first = log.events[0]
    return first.occurred_at, log.session_id


def replay(events: Iterable[Event], lifecycle: Lifecycle | None = None, until: datetime | None = None) -> tuple[SessionLog, ...]:
    """The logs of all sessions that events tell of, advanced to the same time, in the order in which they are written.

    Args:
        events: in any order, with any repetition.
        lifecycle: the rules; the default ones where it is None.
        until: advance to this time; None, or one before the latest event: to the latest event.
    """
    replayed = Replay(lifecycle)
    for event in events:
        replayed.add(event)
    _, logs = replayed.finish(until)
    return tuple(sorted(logs, key=sort_key))
