"""The deadlines of many logs, and the times at which logs may be sealed, each in a heap.

Example, of one session with a prompt of 30 s:

- `disconnected` of 09:01:00. The log's deadline is 09:01:30, and the heap has it.
- The end is corrected to 09:01:05. The log's deadline is 09:01:35. The heap has 09:01:30 and 09:01:35. An entry cannot be found
  in a heap, so the first one is left there, out of date.
- `wrapup` of 09:01:10. The log has no deadline. The heap still has both.
- `deadline` is asked for. The first entry is not the log's deadline, so it is removed, and so is the second. There is none.

An entry that is missing would be an error, because a timer would not fire. An entry too many costs one look.
"""

import heapq
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from attrs import define, field

from cobrowse_session.checks import shown
from cobrowse_session.events import Event
from cobrowse_session.stream import SessionLog
from cobrowse_session.times import EPOCH, MAX_TIME

UNFINISHED = timedelta(days=7)
"""How long after-call work without a deadline keeps a session open, by default."""


@define
class Budget:
    """The number of sessions that one call of `advance` may still look at. None: any number.

    Raises:
        TypeError: the limit is no integer.
        ValueError: it is below 1.
    """

    left: int | None

    def __attrs_post_init__(self) -> None:
        if self.left is not None and type(self.left) is not int:
            raise TypeError(f"limit: expected int or None, found {shown(self.left)}")
        if self.left is not None and self.left < 1:
            raise ValueError(f"limit: expected 1 or more, found {self.left}")

    def spend(self) -> bool:
        """Take one, and return whether there was one."""
        if self.left is None:
            return True
        if self.left == 0:
            return False
        self.left -= 1
        return True


@define
class Waiting:
    """The heaps of an inbox. They follow from its logs, so `rebuild` can make them again at any time.

    An entry may be out of date. Whoever takes it asks the log. Every iteration removes an entry.

    Args:
        logs: the logs of the inbox, by session. They are only read.
        seal_after: the time from when a log was last heard of until it may be sealed. None: never.
        seal_unfinished_after: the same, while after-call work is pending without a deadline.
    """

    logs: Mapping[str, SessionLog] = field(repr=False)
    seal_after: timedelta | None
    seal_unfinished_after: timedelta = UNFINISHED
    _deadlines: list[tuple[datetime, str]] = field(factory=list, init=False)
    _sealings: list[tuple[datetime, str]] = field(factory=list, init=False)
    _latest_deadline: dict[str, datetime] = field(factory=dict, init=False)  # of a session, of those in the heap
    _to_seal: set[str] = field(factory=set, init=False)  # the sessions that have an entry in that heap
    _unfinished: set[str] = field(factory=set, init=False)  # those of them whose entry is for unfinished work
    _arrived: dict[str, datetime] = field(factory=dict, init=False)  # when an event came here that was received earlier elsewhere

    def hear(self, event: Event, now: datetime) -> None:
        """Remember when an event arrived, if its own times are earlier. Its log does not have this time."""
        if self.seal_after is not None and now > event.received:
            self._arrived[event.subject] = max(now, self._arrived.get(event.subject, now))

    def add(self, log: SessionLog) -> None:
        """Wait for the deadline of a log, and for the time at which it may be sealed."""
        session, due = log.session_id, log.deadline
        # Most events leave the deadline as it is. Without this check each of them would add an equal entry.
        if due is not None and self._latest_deadline.get(session) != due:
            self._latest_deadline[session] = due
            heapq.heappush(self._deadlines, (due, session))
        # One entry for each session, with the time of its first event here. If more events came since, `is_sealed_later` is true
        # when the entry is taken, and the inbox adds the session again. So an event costs nothing here, except the first. When
        # unfinished work ends, the session gets another entry, because it may be sealed sooner then.
        is_waiting = session in self._to_seal and (session not in self._unfinished or is_unfinished(log))
        if not is_waiting and (sealed_at := self._sealed_at(log)) is not None:
            self._to_seal.add(session)
            (self._unfinished.add if is_unfinished(log) else self._unfinished.discard)(session)
            heapq.heappush(self._sealings, (sealed_at, session))

    def remove(self, session: str) -> None:
        """Forget the deadline of a session that leaves the inbox."""
        self._latest_deadline.pop(session, None)
        self._unfinished.discard(session)
        self._arrived.pop(session, None)

    def rebuild(self) -> None:
        """Build the heaps again, after a change was interrupted."""
        self._deadlines, self._sealings, self._latest_deadline = [], [], {}
        self._to_seal, self._unfinished = set(), set()
        for log in self.logs.values():
            self.add(log)

    @property
    def deadline(self) -> datetime | None:
        """The earliest deadline of all logs, on the corrected provider clock. None: there is none."""
        while self._deadlines:
            due, session = self._deadlines[0]
            if session in self.logs and self.logs[session].deadline == due:
                return due
            heapq.heappop(self._deadlines)
            if self._latest_deadline.get(session) == due:
                del self._latest_deadline[session]
        return None

    def due(self, now: datetime, budget: Budget) -> Iterator[SessionLog]:
        """Yield the logs with a deadline at or before now. Each iteration takes its entry from the heap."""
        while (due := self.deadline) is not None and due <= now and budget.spend():
            _, session = heapq.heappop(self._deadlines)
            del self._latest_deadline[session]
            yield self.logs[session]

    def to_seal(self, now: datetime, budget: Budget) -> Iterator[SessionLog]:
        """Yield the logs that may be sealed. Each iteration takes an entry from the heap, also that of a log that is gone."""
        while self._may_seal(now) and budget.spend():
            _, session = heapq.heappop(self._sealings)
            self._to_seal.discard(session)
            self._unfinished.discard(session)
            if (log := self.logs.get(session)) is not None:
                yield log

    def is_sealed_later(self, log: SessionLog, now: datetime) -> bool:
        """Return whether something came for a log since its entry was made, so that it may be sealed later."""
        sealed_at = self._sealed_at(log)
        return sealed_at is not None and sealed_at >= now

    def _sealed_at(self, log: SessionLog) -> datetime | None:
        """Return the time after which a log may be sealed. None: never."""
        heard = None if self.seal_after is None else last_heard(log)
        if self.seal_after is None or heard is None:
            return None
        quiet_since = max(heard, self._arrived.get(log.session_id, heard))
        return later(quiet_since, max(self.seal_after, self.seal_unfinished_after) if is_unfinished(log) else self.seal_after)

    def horizon(self, advanced: datetime | None) -> datetime:
        """Return the horizon of a time to which the inbox was advanced. Sessions of earlier events may have been sealed."""
        return horizon_of(advanced or EPOCH, self.seal_after)

    def has_work(self, now: datetime) -> bool:
        """Return whether anything is due or may be sealed."""
        deadline = self.deadline
        return (deadline is not None and deadline <= now) or self._may_seal(now)

    def _may_seal(self, now: datetime) -> bool:
        return bool(self._sealings) and self._sealings[0][0] < now


def later(moment: datetime, duration: timedelta) -> datetime:
    """Return a moment that is later by a duration, at most the end of time."""
    return MAX_TIME if duration > MAX_TIME - moment else moment + duration


def horizon_of(now: datetime, seal_after: timedelta | None) -> datetime:
    """Return the time before which the latest event of a session must lie, so that the session may be sealed."""
    return EPOCH if seal_after is None or seal_after > now - EPOCH else now - seal_after


def last_heard(log: SessionLog) -> datetime | None:
    """Return the latest time at which a copy of an event occurred or was received. None: there is none.

    An inbox seals by this time and by the arrival, not by `SessionLog.latest`. Example: a sender that was cut off for a day sends
    the events of yesterday. The end of a leg arrives, and a second later its wrap-up. Both occurred long before the horizon. If
    a relay stamped them yesterday, both were received before it, too.
    """
    return max((max(copy.occurred_at, copy.received) for copy in log.copies), default=None)


def is_unfinished(log: SessionLog) -> bool:
    """Return whether after-call work is pending, and no deadline ends it."""
    work = log.session.after_call_work
    return work is not None and work.state in log.lifecycle.table.states.working and log.deadline is None
