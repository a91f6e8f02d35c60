"""A leg as one payload shows it, and the events that follow from it.

Theory of operation
===================

The platform sends snapshots: the whole leg, each time anything changes, once per topic. A snapshot is not an event, but it
states *facts*: the leg was alerting from this time on, it was connected at that time. Each family of payloads has a spelling of
its own, and its module reads it into a `Leg`. This module alone turns a leg into events. It takes facts and makes no guesses:

- An event's id is `<communication>/<fact>/<time>`, and its content depends on nothing but that fact. So the same fact is the same
  event however many snapshots state it. What may come later or change (peer, viewer's address, grants) is a fact of its own.
- The queue's settings, the provider and the initial state hold for the whole leg. Every state event carries them, because the
  first event of the leg differs from family to family.
- The time of a state is its segment's start, on the provider's clock. The platform's own stamp, on the cloud clock, is the time
  when it was received. If the segments lag behind, the stamp replaces them.
- A state without any time is no fact yet. It gives a warning.
- If a snapshot contradicts itself, the stamps count and the word `state` does not: a leg with a `disconnectedTime` has ended.
  That gives a warning, too.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from attrs import define, field

from cobrowse_session.events import KINDS as EVENTS
from cobrowse_session.events import (
    AfterCallWorkEnded,
    AfterCallWorkRequired,
    Alerting,
    Connected,
    Disconnected,
    Entered,
    Event,
    Terminated,
    Updated,
    WrapupSaved,
)
from cobrowse_session.model import NO_CONTEXT, AfterCallWork, Context, Details, Wrapup
from cobrowse_session.segments import Segment
from cobrowse_session.settings import Settings
from cobrowse_session.sources.reader import Warnings
from cobrowse_session.times import time_text
from cobrowse_session.vocabulary import (
    PENDING_STATES,
    AfterCallWorkEndedBy,
    AfterCallWorkState,
    ConnectionState,
)
from cobrowse_session.wire.cloudevents import MAX_FUTURE
from cobrowse_session.wire.strict_json import cut

SOURCE = "/genesys/conversations/"

_STATE_OF: Mapping[str, type[Entered]] = {event.segment.lower(): event for event in EVENTS.values() if issubclass(event, Entered)}
"""The event that begins a segment, by the segment's type in lower case."""


@define(kw_only=True)
class Leg:
    """A leg as one payload shows it, in the model's words. None: the payload does not state it."""

    conversation: str
    id: str
    path: str = "$"
    state: str | None = None
    initial_state: str | None = None
    disconnect_type: str | None = None
    provider: str | None = None
    begins: datetime | None = None
    provider_event_time: datetime | None = None
    start_alerting_time: datetime | None = None
    connected_time: datetime | None = None
    disconnected_time: datetime | None = None
    segments: tuple[Segment, ...] = ()
    wrapup: Wrapup | None = None
    after_call_work: AfterCallWork | None = None
    after_call_work_required: bool | None = None
    settings: Settings = field(factory=Settings)
    changing: dict[str, Any] = field(factory=dict)  # details that may come later or change, by attribute
    context: Context = NO_CONTEXT
    sequence: str | None = None  # the edition: a later payload of this leg has a greater one
    is_record: bool = True  # it shows the whole leg, not one event of it


def events_of(leg: Leg, warnings: Warnings) -> Iterator[Event]:
    """Return the events of a leg. What could not be understood is added to `warnings`."""
    return _EventBuilder(leg, warnings).events()


@define
class _EventBuilder:
    """The builder of one leg's events. What it cannot turn into events is added to `warnings`."""

    leg: Leg
    warnings: Warnings

    def events(self) -> Iterator[Event]:
        """Yield every fact of the leg, in the order of its life."""
        entered = list(self._entered())
        yield from entered
        ended = self._ended()
        if ended:
            yield ended
        first = min((event.occurred_at for event in (*entered, *filter(None, [ended]))), default=None)
        yield from self._details(first)
        yield from self._unheard_of(first)
        yield from self._requested()
        yield from self._wrapped_up()
        yield from self._after_call_work()

    # --- The connection -------------------------------------------------------------------------------------------------------

    def _entered(self) -> Iterator[Event]:
        # Example: four captures of one leg, with what each gives. A is the segment `Alert` from 09:00:00.100.
        #
        #     capture                                                events
        #     alerting, A                                            alerting/09:00:00.100
        #     connected, connectedTime 09:00:03.000, A               the same, connected/09:00:03.000 (the stamp)
        #     connected, A, `Interact` from 09:00:03.100             alerting/09:00:00.100, connected/09:00:03.100 (the segment)
        #     ended, A, `Interact`, `Hold` from 09:00:40             the same two, disconnected/09:01:00.000
        #
        # In the second one, the segments lag behind. The third states the same fact with another time, so it is another event.
        # The log has `connected` already, and the later one is a duplicate. `Hold` begins no state: the leg stays connected.
        entered: set[type[Entered]] = set()
        for segment in self.leg.segments:
            event = self._begins(segment)
            if event is None or segment.start_time is None:
                self._warn(
                    "unplaced_segment", "segments", f"{segment.type} from {segment.start_time}", "a segment of a known state"
                )
            elif event is not Connected or Connected not in entered:  # the leg stays connected from segment to segment
                entered.add(event)
                own_type = segment.type if segment.type != event.segment else None
                yield self._state(event, segment.start_time, segment_type=own_type)
        yield from self._entered_by_stamp(entered)

    def _begins(self, segment: Segment) -> type[Entered] | None:
        """Return the event that a segment begins, by its type. The platform's own types count as connected once the leg was."""
        known = _STATE_OF.get((segment.type or "").lower())
        if known is not None:
            return known
        connected, begun = self.leg.connected_time, segment.start_time
        if connected and begun and begun >= connected:
            return Connected
        return self._named(self.leg.initial_state)

    def _entered_by_stamp(self, entered: set[type[Entered]]) -> Iterator[Event]:
        """Yield the states that no segment shows, because segments lag behind, by the platform's own stamps."""
        leg = self.leg
        state, initial = self._named(leg.state), self._named(leg.initial_state)
        if initial and leg.begins and not entered:
            entered.add(initial)
            yield self._state(initial, leg.begins)
        if leg.start_alerting_time and Alerting not in entered:
            entered.add(Alerting)
            yield self._state(Alerting, leg.start_alerting_time)
        if leg.connected_time and Connected not in entered:
            yield self._state(Connected, leg.connected_time)
        if leg.connected_time and leg.start_alerting_time and leg.connected_time < leg.start_alerting_time:
            self._warn("contradiction", "connectedTime", time_text(leg.connected_time), "a time after the alert")
        if state is Connected and leg.connected_time is None and Connected not in entered:
            self._warn("no_time", "connectedTime", "nothing", "the time at which the leg was connected")
        if state is not None and state is not Connected and leg.connected_time:
            self._warn("contradiction", "state", leg.state, "connected, because the leg has a connectedTime")
        if leg.state is None and leg.initial_state is None and leg.begins:
            yield Updated(**self._whole_leg("begins", leg.begins))
        if state is not None and not entered and not (leg.start_alerting_time or leg.begins or leg.connected_time):
            self._warn("no_time", "state", leg.state, "a time at which the leg entered its state")

    def _named(self, state: str | None) -> type[Entered] | None:
        known = ConnectionState.read(state or "")
        return _entering(EVENTS[known]) if known in (*PENDING_STATES, ConnectionState.CONNECTED) else None

    def _ended(self) -> Event | None:
        leg = self.leg
        state = ConnectionState.read(leg.state or "")
        has_ended = state in (ConnectionState.DISCONNECTED, ConnectionState.TERMINATED)
        last = leg.segments[-1] if leg.segments else None
        # A segment that has an end shows that the leg went on, not that it is over. Only with an ended `state` does the end of
        # the last segment count.
        at = leg.disconnected_time or (last.end_time if last and has_ended else None)
        if at is None:
            if has_ended:
                self._warn("no_time", "disconnectedTime", "nothing", "the time at which the leg ended")
            return None
        if not has_ended and leg.state is not None:
            self._warn("contradiction", "state", leg.state, "disconnected, because the leg has a disconnectedTime")
        if leg.connected_time and at < leg.connected_time:
            self._warn("contradiction", "disconnectedTime", time_text(at), f"a time from {time_text(leg.connected_time)} on")
        event = Terminated if state == ConnectionState.TERMINATED else Disconnected
        return event(
            **self._whole_leg(event.kind, at), disconnect_type=leg.disconnect_type or (last.disconnect_type if last else None)
        )

    def _state(self, event: type[Entered], at: datetime, segment_type: str | None = None) -> Event:
        stamps = {Alerting: self.leg.start_alerting_time, Connected: self.leg.connected_time}
        received = stamps.get(event)
        if received and at - received > MAX_FUTURE:
            self._warn(
                "contradiction", "segments", f"{event.segment} from {time_text(at)}", f"a time about {time_text(received)}"
            )
            received = None
        return event(**self._whole_leg(event.kind, at), segment_type=segment_type, received_at=received)

    # --- Around the connection ------------------------------------------------------------------------------------------------

    def _details(self, first: datetime | None) -> Iterator[Event]:
        """Yield each detail that may come later or change as a fact of its own."""
        for name, value in self.leg.changing.items():
            at = first
            # All other details have the time of the first event, because their own is unknown. A grant counts only while
            # connected: with the time of the alert it would be ignored (SAME-5).
            if name == "controlling":  # a grant counts only while connected
                at = self.leg.provider_event_time or (self.leg.connected_time if value else None)
                if self.leg.connected_time is None or self.leg.disconnected_time:
                    continue
            if at is not None:
                yield Updated(**self._envelope(name, at), details=Details(**{name: value}))

    def _unheard_of(self, first: datetime | None) -> Iterator[Event]:
        """Yield a state of other media (parked, converting, …) as an update. It changes nothing here, and is kept."""
        state = self.leg.state
        at = self.leg.provider_event_time or first
        if state is not None and not isinstance(ConnectionState.read(state), ConnectionState):
            self._warn("unknown_state", "state", state, "one of " + ", ".join(ConnectionState))
            if at is not None:
                yield Updated(**self._envelope("state", at), extra={"state": state})

    def _requested(self) -> Iterator[Event]:
        """Yield the agent's request for after-call work. Its time is unknown. It counts only while connected (ACW-47, ACW-48)."""
        if self.leg.after_call_work_required and self.leg.connected_time:
            yield AfterCallWorkRequired(**self._envelope("acw.required", self.leg.connected_time), required=True)

    def _wrapped_up(self) -> Iterator[Event]:
        saved = self.leg.wrapup
        if saved is None or (saved.code is None and not saved.provisional):
            return  # a skip follows from after-call work
        # A wrap-up without an end was prepared while connected, or is a draft (WRAP-5).
        at = saved.end_time or self.leg.disconnected_time or self.leg.connected_time
        if at is None:
            self._warn("no_time", "wrapup", "nothing", "an endTime, or the time at which the leg was connected")
            return
        yield WrapupSaved(
            **self._envelope("wrapup", at),
            code=saved.code,
            name=saved.name,
            notes=saved.notes,
            tags=saved.tags,
            provisional=saved.provisional,
        )

    def _after_call_work(self) -> Iterator[Event]:
        work = self.leg.after_call_work
        if work is None or work.state not in (AfterCallWorkState.COMPLETE, AfterCallWorkState.SKIPPED):
            return
        if work.end_time is None:
            self._warn("no_time", "afterCallWork.endTime", "nothing", "the time at which after-call work ended")
            return
        yield AfterCallWorkEnded(**self._envelope("acw.ended", work.end_time), by=AfterCallWorkEndedBy.PLATFORM, state=work.state)

    # --- What all share -------------------------------------------------------------------------------------------------------

    def _envelope(self, fact: str, at: datetime) -> dict[str, Any]:
        leg = self.leg
        return {
            "subject": leg.id,
            "source": SOURCE + leg.conversation,
            # No word of the snapshot's own in it, such as a version or a time of sending. Else each snapshot would make new
            # events.
            "id": f"{leg.id}/{fact}/{time_text(at)}",
            "occurred_at": at,
            "context": Context(conversation_id=leg.conversation),
        }

    def _whole_leg(self, fact: str, at: datetime) -> dict[str, Any]:
        """Return what every state event carries, because the first event of a leg differs from family to family."""
        leg = self.leg
        return {
            **self._envelope(fact, at),
            "details": Details(provider=leg.provider, initial_state=leg.initial_state),
            "settings": leg.settings,
        }

    def _warn(self, error: str, key: str, found: object, expected: str) -> None:
        self.warnings.add(error, f"{self.leg.path}.{key}", cut(str(found)), expected)


def _entering(event: type[Event]) -> type[Entered]:
    assert issubclass(event, Entered)
    return event
