"""The deadlines: which timers there are, and when each one is due."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from attrs import frozen

from cobrowse_session.checks import shown
from cobrowse_session.events import AfterCallWorkTimeout, AlertingTimeout, Timer
from cobrowse_session.lifecycle.policy import Policy
from cobrowse_session.lifecycle.row import name_of
from cobrowse_session.model import Communication
from cobrowse_session.times import MAX_TIME, utc

Due = Callable[[Any, Policy], datetime | None]  # `Any`: the table names the class of the session
"""Returns when a timer is due, on the corrected provider clock. None: never. Like a guard, it may be a class with parameters."""


@frozen(cache_hash=True)
class Deadline:
    """A timer, and when it is due.

    Args:
        timer: its class. It fires only in the states in which the table has rows for its kind.
        due: asked in these states only.
        last_resort: any event after the deadline shows that the leg went on, so the timer fires only where no event follows
            (TIMER-4).
    """

    timer: type[Timer]
    due: Due
    last_resort: bool = False

    def at(self, session: Communication, policy: Policy) -> datetime | None:
        """Return when the timer is due, in whole milliseconds. None: never.

        Raises:
            TypeError: the function returns something else than an aware datetime or None.
            ValueError: it returns a time before 1970 or after 9999.
        """
        due = self.due(session, policy)
        try:
            return None if due is None else utc(due)
        except (TypeError, ValueError) as error:
            expected = "an aware datetime or None" if isinstance(error, TypeError) else "a time from 1970 to 9999, or None"
            where = f"deadline of {self.timer.__name__}: {name_of(self.due)}"
            raise type(error)(f"{where}: expected {expected}, found {shown(due)}") from None


def after_call_work_due(session: Communication, policy: Policy) -> datetime | None:
    """After-call work lasts at most as long as the prompt allows (ACW-18)."""
    work = session.after_call_work
    return after(work.start_time, policy.acw_timeout) if work else None


def alert_due(session: Communication, policy: Policy) -> datetime | None:
    """An alert lasts at most as long as its timeout and the grace (ALERT-3)."""
    return after(session.segments[-1].start_time, policy.alerting_timeout) if session.segments else None


def after(start: datetime | None, lasts: timedelta | None) -> datetime | None:
    """Return a deadline. None: there is no limit, or it is beyond `MAX_TIME`."""
    return None if start is None or lasts is None or lasts > MAX_TIME - start else start + lasts


# Of two that are due at one instant, the first fires first.
DEADLINES = (Deadline(AfterCallWorkTimeout, after_call_work_due), Deadline(AlertingTimeout, alert_due, last_resort=True))
