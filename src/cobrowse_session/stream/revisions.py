"""The arrivals that revised a session: late events and corrections, and what the session showed until then."""

from bisect import bisect_left
from collections.abc import Iterator
from copy import copy
from datetime import datetime, timedelta

from attrs import frozen

from cobrowse_session.canonical import order
from cobrowse_session.events import Event, Timer
from cobrowse_session.lifecycle import Applied
from cobrowse_session.lifecycle.actions import TOLERANCE
from cobrowse_session.lifecycle.deadline import DEADLINES
from cobrowse_session.model import CobrowseSession
from cobrowse_session.stream.changes import FieldChange, difference
from cobrowse_session.stream.log import Change, SessionLog
from cobrowse_session.times import EPOCH

_TICK = timedelta(milliseconds=1)
"""The smallest difference of two times."""


@frozen
class Revision:
    """The arrival of an event, or of a copy of one, that withdrew or changed earlier entries of the trace (`Change.is_revision`).

    Attributes:
        event: as it arrived.
        change: of the trace.
        before: the session until then.
        after: the session from then on.
        is_copy: the log held the event already. This edition corrected it.
    """

    event: Event
    change: Change
    before: CobrowseSession
    after: CobrowseSession
    is_copy: bool

    @property
    def received(self) -> datetime:
        """The time of the arrival, on the cloud clock."""
        return self.event.received

    @property
    def withdrawn(self) -> tuple[Timer, ...]:
        """The timers that were withdrawn."""
        return tuple(entry.event for entry in self.change.withdrawn if isinstance(entry.event, Timer))

    def withdrawn_of(self, *attributes: str) -> tuple[Timer, ...]:
        """Return the withdrawn timers that may write one of some attributes of a session."""
        return tuple(
            entry.event
            for entry in self.change.withdrawn
            if isinstance(entry.event, Timer) and isinstance(entry.outcome, Applied)
            if not {*attributes}.isdisjoint(entry.outcome.set)
        )

    @property
    def differences(self) -> tuple[FieldChange, ...]:
        """The fields that the session showed differently."""
        return difference(self.before, self.after)


def revisions(log: SessionLog) -> Iterator[Revision]:
    """Yield the arrivals that revised a session, in the order in which they were received.

    The events are added to a new log as they were received, and time goes on with them, as in `SessionLog.as_of`.
    """
    if not _may_have_some(log):
        return
    # Example, with the prompt `timeout` and 30 s: the leg ended at 09:01:00, the wrap-up of 09:01:20 was received at 09:02:20,
    # and `updated` of 09:02:00 before that. When the wrap-up arrives, the new log has fired `timer.acw` of 09:01:30. The revision
    # withdraws it, and `wrapup.code` changes from ININ-WRAP-UP-TIMEOUT to the agent's. The log that is given has no trace of
    # that, because it shows the end only.
    then = SessionLog(log.lifecycle, log.session_id)
    for event in sorted(log.copies, key=lambda event: (event.received, order(event))):
        # Not to the arrival itself: a timer of that instant comes after the event, so the session never showed it.
        then.advance(max(event.received - _TICK, EPOCH))
        # A shallow copy is enough: values are replaced, never changed in place. It must be taken before `add`, which writes.
        before, is_copy = copy(then.session), then.holds(event)
        change = then.add(event)
        if change.is_revision:
            yield Revision(event, change, before, copy(then.session), is_copy)


def is_late(event: Event) -> bool:
    """Return whether an event was received more than `TOLERANCE` after it occurred."""
    return event.received - event.occurred_at > TOLERANCE


def _may_have_some(log: SessionLog) -> bool:
    """Return whether a second replay can find any. It costs as much as the first one."""
    received = [event.received for event in log.events]
    return received != sorted(received) or len(log.copies) > len(received) or _may_withdraw(log)


def _may_withdraw(log: SessionLog) -> bool:
    """Return whether a timer may have fired before an event arrived that occurred before the timer."""
    # Example: a wrap-up of 09:01:20.0 that was received in order, at 09:01:21.5. If after-call work timed out at 09:01:20.5, the
    # session showed the timer's code for a second. Each deadline is one of the timeouts after one of the events, so that event
    # occurred from 09:00:50.0 to 09:00:51.5 for a timeout of 30 s. Every later event withdraws an alerting timeout (ALERT-7).
    if log.lifecycle.table.deadlines != DEADLINES:  # when those of a user's own are due is known only on the way
        return any(event.received - event.occurred_at > _TICK for event in log.events)
    stated = [log.lifecycle.settings, *(event.settings for event in log.events)]
    occurred = [event.occurred_at for event in log.events]
    grace = log.lifecycle.alerting_grace
    alerts = {one.alerting_timeout + grace for one in stated if one.alerting_timeout is not None and grace is not None}
    if any(occurred[0] + timeout < event.received for timeout in alerts for event in log.events):
        return True
    for timeout in {one.wrapup_timeout for one in stated if one.wrapup_timeout is not None}:
        for event in log.events:
            first = bisect_left(occurred, event.occurred_at - timeout)  # at most its own place
            if occurred[first] < event.received - timeout:
                return True
    return False
