"""A leg as one payload shows it: the model that every family of payloads is read into. `facts.py` has the events of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from attrs import define, evolve, field

from cobrowse_session.events import KINDS as EVENTS
from cobrowse_session.events import Connected, Entered, Event
from cobrowse_session.model import NO_CONTEXT, AfterCallWork, Context, Wrapup
from cobrowse_session.segments import Segment
from cobrowse_session.settings import NO_SETTINGS, Settings
from cobrowse_session.sources.reader import Origin
from cobrowse_session.vocabulary import ENDED_STATES, PENDING_STATES, ConnectionState

ACROSS_CLOCKS = timedelta(seconds=1)
"""The platform's clocks differ by up to about a second (CLOCK-11). More is a contradiction."""

_STATE_OF: Mapping[str, type[Entered]] = {event.segment.lower(): event for event in EVENTS.values() if issubclass(event, Entered)}
"""The event that begins a segment, by the segment's type in lower case."""


@define(kw_only=True)
class Leg:
    """A leg as one payload shows it, in the model's words. None: the payload does not state it.

    Attributes:
        id: of the communication.
        source: of its events.
        event_id: the platform's own id of a single event, which begins the ids of what it states. None: the id of the leg does.
        context: whose leg it is.
        origin: when the payload was made and received, and its place in the input.
        path: of the leg in the payload.
        is_record: true if the payload shows the whole leg, not one event of it.
        is_empty: true if it states no fact.
        is_participant: true if `id` is that of the participant, because the payload does not state the communication.
        begins: when the participant began.
        connected_since: when it was connected, in a family without stamps. Then own types of segments are connected.
        derived: what else shows when a state began, with the words for it: a state, or `end`. Such a time is derived.
        work_starts: true if the start of after-call work is a fact beside its end.
        changing: details that may come later or change, by attribute.
    """

    id: str
    source: str = ""
    event_id: str | None = None
    context: Context = NO_CONTEXT
    origin: Origin = field(factory=Origin)
    path: str = "$"
    is_record: bool = True
    is_empty: bool = False
    is_participant: bool = False
    state: str | None = None
    initial_state: str | None = None
    disconnect_type: str | None = None
    provider: str | None = None
    begins: datetime | None = None
    provider_event_time: datetime | None = None
    start_alerting_time: datetime | None = None
    connected_time: datetime | None = None
    connected_since: datetime | None = None
    disconnected_time: datetime | None = None
    derived: tuple[tuple[str, str, datetime], ...] = ()
    segments: tuple[Segment, ...] = ()
    wrapup: Wrapup | None = None
    after_call_work: AfterCallWork | None = None
    work_starts: bool = False
    after_call_work_required: bool | None = None
    settings: Settings = NO_SETTINGS
    changing: dict[str, Any] = field(factory=dict)  # the values' types differ

    @property
    def has_ended(self) -> bool:
        """Whether the payload shows that it has ended, by a time or by its state."""
        return self.disconnected_time is not None or ConnectionState.read(self.state or "") in ENDED_STATES

    @property
    def seen(self) -> tuple[str, datetime] | None:
        """When the platform showed the leg so: the words for the time, and the time."""
        own = ("providerEventTime", self.provider_event_time) if self.provider_event_time else self.origin.stated
        received = self.origin.received_at
        return own or (("the time at which it was received", received) if received else None)

    @property
    def sequence(self) -> str:
        """The edition (EDITION-3): the payload's time, when it was received, its place. The later payload has the greater one."""
        own = self.provider_event_time or (self.origin.stated and self.origin.stated[1])
        return self.origin.sequence(own)


def begun_by(leg: Leg, segment: Segment) -> type[Entered] | None:
    """Return the event that a segment of a leg begins, by its type. The platform's own types are connected once the leg was."""
    known = _STATE_OF.get((segment.type or "").lower())
    if known is not None:
        return known
    connected, begun = leg.connected_time or leg.connected_since, segment.start_time
    if connected and begun and begun >= connected:
        return Connected
    return state_named(leg.initial_state)


def joined_segments(leg: Leg) -> tuple[Segment, ...]:
    """Return the segments of a leg as a session has them: the same state again is no new segment (CONN-7)."""
    joined: list[tuple[type[Entered] | None, Segment]] = []
    for segment in leg.segments:
        event = begun_by(leg, segment)
        if event and joined and joined[-1][0] is event:
            joined[-1] = event, evolve(segment, start_time=joined[-1][1].start_time, type=joined[-1][1].type)
        else:
            joined.append((event, segment))
    return tuple(segment for _, segment in joined)


@lru_cache(64)
def state_named(state: str | None) -> type[Entered] | None:
    """Return the event that begins a state, if it is one of a leg that has not ended."""
    known = ConnectionState.read(state or "")
    return _entering(EVENTS[known]) if known in (*PENDING_STATES, ConnectionState.CONNECTED) else None


def _entering(event: type[Event]) -> type[Entered]:
    assert issubclass(event, Entered)
    return event
