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
from cobrowse_session.stream import SessionLog
from cobrowse_session.times import EPOCH, MAX_TIME


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
        seal_after: the time from the latest event of a log until it may be sealed. None: never.
    """

    logs: Mapping[str, SessionLog] = field(repr=False)
    seal_after: timedelta | None
    _deadlines: list[tuple[datetime, str]] = field(factory=list, init=False)
    _sealings: list[tuple[datetime, str]] = field(factory=list, init=False)
    _latest_deadline: dict[str, datetime] = field(factory=dict, init=False)  # of a session, of those in the heap
    _to_seal: set[str] = field(factory=set, init=False)  # the sessions that have an entry in that heap

    def add(self, log: SessionLog) -> None:
        """Wait for the deadline of a log, and for the time at which it may be sealed."""
        session, due, latest = log.session_id, log.deadline, log.latest
        # Most events leave the deadline as it is. Without this check each of them would add an equal entry.
        if due is not None and self._latest_deadline.get(session) != due:
            self._latest_deadline[session] = due
            heapq.heappush(self._deadlines, (due, session))
        # One entry for each session, with the time of its first event here. If more events came since, `is_sealed_later` is true
        # when the entry is taken, and the inbox adds the session again. So an event costs nothing here, except the first.
        if self.seal_after is not None and latest is not None and session not in self._to_seal:
            self._to_seal.add(session)
            heapq.heappush(self._sealings, (later(latest, self.seal_after), session))

    def remove(self, session: str) -> None:
        """Forget the deadline of a session that leaves the inbox."""
        self._latest_deadline.pop(session, None)

    def rebuild(self) -> None:
        """Build the heaps again, after a change was interrupted."""
        self._deadlines, self._sealings, self._latest_deadline, self._to_seal = [], [], {}, set()
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
            if (log := self.logs.get(session)) is not None:
                yield log

    def is_sealed_later(self, log: SessionLog, now: datetime) -> bool:
        """Return whether something came for a log since its entry was made, so that it may be sealed later."""
        return self.seal_after is not None and log.latest is not None and later(log.latest, self.seal_after) >= now

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
