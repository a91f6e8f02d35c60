"""The moments of a conversation: each change of a leg, with all legs as they are by then.

A platform sends something whenever a leg changes. So the events are folded, leg by leg, and each entry of a trace that changed
its session is a moment. Timers are moments, too. What is refused, ignored or repeated is none.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from copy import copy
from datetime import datetime
from operator import attrgetter

from attrs import evolve, frozen

from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Applied, Lifecycle
from cobrowse_session.model import CobrowseSession, Context
from cobrowse_session.stream import SessionLog
from cobrowse_session.stream.activity import AGENT_PURPOSES
from cobrowse_session.stream.changes import steps
from cobrowse_session.vocabulary import ENDED_STATES

__all__ = ["Leg", "Moment", "moments_of"]


@frozen
class Leg:
    """A leg at a moment.

    Attributes:
        session: as it is.
        context: whose leg it is.
    """

    session: CobrowseSession
    context: Context

    @property
    def id(self) -> str:
        """The id of the communication."""
        return self.session.id or ""

    @property
    def media_type(self) -> str:
        """The kind of leg: `call`, `cobrowse`."""
        return self.context.media_type or "cobrowse"

    @property
    def purpose(self) -> str:
        """The purpose of the participant."""
        return self.context.purpose or "agent"

    @property
    def participant_id(self) -> str:
        """The id of the participant."""
        return self.context.participant_id or f"participant-of-{self.id}"

    @property
    def is_agents(self) -> bool:
        """Whether the participant is an agent, who may have after-call work."""
        return self.purpose in AGENT_PURPOSES

    @property
    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self.session.state in ENDED_STATES

    @property
    def begun(self) -> datetime | None:
        """When its first state began, on the provider's clock."""
        return self.session.segments[0].start_time if self.session.segments else None

    @property
    def connected(self) -> datetime | None:
        """When it was connected, on the provider's clock. A leg that is connected stays so until its end."""
        return self.session.segments[-1].start_time if self.session.segments and self.session.connected_time else None


@frozen
class Moment:
    """A moment at which a session changed.

    Attributes:
        at: when.
        event_id: the id of the event that changed it. None: a timer did.
        legs: all legs of the conversation as they are by then, in the order of their begins.
        before: the leg that changed, as it was. None: it begins here.
        after: the leg that changed, as it is.
    """

    at: datetime
    event_id: str | None
    before: Leg | None
    after: Leg
    legs: tuple[Leg, ...] = ()

    @property
    def conversation_id(self) -> str:
        """The id of the conversation."""
        return self.after.context.conversation_id or "c1"

    @property
    def earlier(self) -> CobrowseSession:
        """The session as it was, or an empty one."""
        return self.before.session if self.before else CobrowseSession()

    @property
    def ends(self) -> bool:
        """Whether the leg ends here."""
        return self.after.has_ended and self.earlier.state not in ENDED_STATES

    def begins(self, attribute: str) -> bool:
        """Return whether an attribute of the session was unset, and is set here."""
        return getattr(self.earlier, attribute) is None and getattr(self.after.session, attribute) is not None


def moments_of(events: Iterable[Event], lifecycle: Lifecycle, until: datetime | None) -> Iterator[Moment]:
    """Yield the moments of all legs, by time. At one instant, the leg that was named first comes first.

    Args:
        events: of any legs, in any order.
        lifecycle: the rules of the platform.
        until: when its timers have fired. None: at the time of the last event of each leg.
    """
    # Example: a customer `c`, and an agent `a` with a timeout of 30 s.
    #
    #     at      event              the legs then
    #     0 s     c connected        c connected
    #     2 s     a alerting         c connected, a alerting
    #     5 s     a connected        c connected, a connected
    #     60 s    a disconnected     c connected, a disconnected with after-call work that is pending
    #     60 s    c disconnected     c disconnected, a disconnected
    #     61 s    a alerting         none: it is refused
    #     90 s    timer of a         c disconnected, a with after-call work that is complete
    by_leg: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_leg[event.subject].append(event)
    every = [one for some in by_leg.values() for one in _of_leg(SessionLog.of(some, lifecycle, until=until))]
    shown: dict[tuple[str, str], Leg] = {}
    for one in sorted(every, key=attrgetter("at")):
        shown[one.conversation_id, one.after.id] = one.after
        yield evolve(one, legs=tuple(leg for (conversation, _), leg in shown.items() if conversation == one.conversation_id))


def _of_leg(log: SessionLog) -> Iterator[Moment]:
    before: Leg | None = None
    for step in steps(log):
        if isinstance(step.entry.outcome, Applied):
            event = step.entry.event
            after = Leg(copy(step.after), step.entry.context)
            yield Moment(event.occurred_at, event.id if isinstance(event, Event) else None, before, after)
            before = after
