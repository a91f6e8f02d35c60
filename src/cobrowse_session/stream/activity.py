"""The activities of sessions at a time: who is alerting, connected or in after-call work, and since when."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from attrs import frozen

from cobrowse_session.lifecycle import Lifecycle
from cobrowse_session.model import CobrowseSession, Context
from cobrowse_session.stream.fold import fold
from cobrowse_session.stream.log import SessionLog
from cobrowse_session.times import utc
from cobrowse_session.vocabulary import PENDING_STATES, ConnectionState

AFTER_CALL_WORK = "afterCallWork"
"""The activity of an agent whose leg has ended and whose after-call work is pending."""
STATES = (*map(str, PENDING_STATES), str(ConnectionState.CONNECTED), AFTER_CALL_WORK)
"""The states of activities, in order."""

AGENT_PURPOSES = frozenset({"agent", "user"})
"""The purposes of an agent's leg. Without a report of the platform, only such a leg has after-call work."""


def place(state: str) -> tuple[int, str]:
    """Return the key by which states are sorted. The states of a table's own come before after-call work, by name."""
    return (STATES.index(state), "") if state in STATES else (STATES.index(AFTER_CALL_WORK) - 1, state)


@frozen(kw_only=True)
class Activity:
    """The activity of a session: its leg is pending or connected, or its after-call work is pending.

    Attributes:
        session: the session's id.
        state: the connection state, or `afterCallWork`.
        since: when this state began, on the corrected provider clock: the start of the open segment, or of after-call work.
        deadline: the next deadline, on the same clock. None: there is none.
        context: whose leg it is.
    """

    session: str
    state: str
    since: datetime
    deadline: datetime | None
    context: Context

    @property
    def is_of_an_agent(self) -> bool:
        """True if the leg names a user, or its purpose is `agent` or `user`, or no event states its purpose.

        An adapter may state no purpose. A leg that may be an agent's is not left out.
        """
        purpose = self.context.purpose
        return self.context.user_id is not None or purpose is None or purpose.lower() in AGENT_PURPOSES

    def lasted(self, at: datetime) -> timedelta:
        """Return how long it has lasted at a time."""
        return at - self.since


def activity(log: SessionLog, at: datetime | None = None) -> Activity | None:
    """Return what goes on in a session. None: it has not begun, or it is over.

    Args:
        log: the log of the session.
        at: on the corrected provider clock. The events that occurred by then count, whenever they were received, and time goes
            on to then. None: as the log is. A later edition corrects an event, its queue and user, too: whether the leg was
            moved or the first edition was wrong cannot be told. For what was known earlier: `activity(log.as_of(moment), at)`.

    Raises:
        TypeError: `at` is naive.
    """
    if at is None or (log.advanced == (at := utc(at)) and log.latest is not None and log.latest <= at):
        return activity_of(log.session, log.context, log.lifecycle)
    # Example: the leg ended at 09:05:00, and `at` is 09:04:30. The events of 09:04:30 and before are folded, so the leg is
    # connected. `as_of` would not do: it takes events by when they were received. An end of 09:04:29 that was received at
    # 09:04:31 counts here.
    events = [event for event in log.events if event.occurred_at <= at]
    if not events:
        return None
    then = fold(events, at, lifecycle=log.lifecycle)
    return activity_of(then.session, then.context, log.lifecycle)


def activities(logs: Iterable[SessionLog], at: datetime | None = None, *, by: str = "queue") -> tuple[Activity, ...]:
    """Return what goes on in sessions, by queue or by user. In each, the states have their order, and the longest comes first.

    Args:
        logs: of any sessions. Those in which nothing goes on are left out.
        at: see `activity`.
        by: `queue` or `user`. Sessions without one come last.

    >>> from cobrowse_session.testing import stream
    >>> call = stream("s1").connected(queue_id="sales", user_id="ann", wrapup_prompt="optional").after(60).disconnected("peer")
    >>> [(one.context.user_id, one.state, f"{one.since:%H:%M:%S}") for one in activities([SessionLog.of(call)])]
    [('ann', 'afterCallWork', '09:01:00')]

    Raises:
        ValueError: `by` is another word.
        TypeError: `at` is naive.
    """
    return in_order((one for log in logs if (one := activity(log, at))), by)


def in_order(found: Iterable[Activity], by: str) -> tuple[Activity, ...]:
    """Return activities as `activities` does.

    Raises:
        ValueError: `by` is neither `queue` nor `user`.
    """
    if by not in ("queue", "user"):
        raise ValueError(f"by: expected 'queue' or 'user', found {by!r}")

    # Example, by queue: (False, "sales", 5, 09:00:10, "s1") comes before (False, "sales", 6, …), because connected comes before
    # after-call work. A session without a queue has True in front, so it comes last whatever the others are called.
    def key(one: Activity) -> tuple[bool, str, tuple[int, str], datetime, str]:
        group: str | None = getattr(one.context, f"{by}_id")
        return group is None, group or "", place(one.state), one.since, one.session

    return tuple(sorted(found, key=key))


def activity_of(session: CobrowseSession, context: Context, lifecycle: Lifecycle) -> Activity | None:
    """Return what goes on in a session as it is. See `activity`."""
    # Durations never go across two clocks (CLOCK-12), so no stamp of the session is read. Example of a leg whose feed is late:
    #
    #     startAlertingTime    09:00:00.031   cloud clock: not used, `at` is on the provider's
    #     connectedTime        09:00:10.040   the same
    #     segments[-1]         09:00:10.000   where the open segment begins, the leg was connected
    #     afterCallWork        09:02:00.000   where the leg ended, to the millisecond (ACW-6)
    work, segments, states = session.after_call_work, session.segments, lifecycle.table.states
    if (session.state in states.pending or session.state in states.connected) and segments:
        state, since = str(session.state), segments[-1].start_time
    elif work is not None and work.state in states.working:
        state, since = AFTER_CALL_WORK, work.start_time
    else:
        return None
    if since is None:  # an edited saved log
        return None
    return Activity(session=session.id or "", state=state, since=since, deadline=lifecycle.deadline(session), context=context)
