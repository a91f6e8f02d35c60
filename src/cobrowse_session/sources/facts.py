"""The events that follow from a leg as one payload shows it (docs/reference/payloads.md).

Theory of operation
===================

A platform sends snapshots: the whole leg, each time anything changes, once per topic. A snapshot is not an event, but it states
*facts*: the leg was alerting from this time on, it was connected at that time. Each family of payloads has a spelling of its own,
and its reader makes a `Leg` of it. This module alone turns a leg into events:

    fact            event                time, the first that exists                          id                 sequence
    a state         alerting, connected  segment's start; stamp; when seen (derived)          leg/alerting/2     not if derived
    the end         disconnected,        stamp; last segment's end; start of after-call work, leg/disconnected   not if derived
                    terminated           participant's end, when seen (all derived)
    a detail        updated              the first time of the leg                            leg/peerId         yes
    a grant         updated              when seen; the connection                            leg/controlling/…  yes
    wrap-up         wrapup               its end                                              leg/wrapup/…       yes
    a draft         wrapup               the connection; the end of the leg; when seen        leg/wrapup/draft   yes
    work pending    acw.started          its start; the end of the leg                        leg/acw.started    yes
    work ended      acw.ended            its end; the wrap-up's end; when seen (derived)      leg/acw.ended      not if derived

- "When seen" is the payload's own time, its envelope's, or the time at which it was received: `Leg.seen`.
- An event's id has no word of the payload in it. So the same fact is the same event in all payloads, and `sequence` makes the
  later payload correct the earlier one. A derived time is no better in a later payload. So it has no `sequence`. The copy that
  was received first counts until a payload with a real time corrects it.
- Settings, provider and initial state are in every state event, because the first event of a leg differs from family to family.
- Two clocks differ by milliseconds. What cannot have come first is moved to what it depends on (`_not_before`).
- If a snapshot contradicts itself, the stamps count and the word `state` does not: a leg with a `disconnectedTime` has ended.
  That gives a warning, too.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from operator import attrgetter
from typing import Any

from attrs import define, evolve, frozen

from cobrowse_session.canonical import order
from cobrowse_session.events import (
    AfterCallWorkEnded,
    AfterCallWorkStarted,
    Alerting,
    Connected,
    Disconnected,
    Entered,
    Event,
    Terminated,
    Updated,
    WrapupSaved,
)
from cobrowse_session.model import NO_DETAILS, AfterCallWork, Details, vendor_name
from cobrowse_session.segments import Segment
from cobrowse_session.settings import NO_SETTINGS
from cobrowse_session.sources.leg import ACROSS_CLOCKS, Leg, begun_by, state_named
from cobrowse_session.sources.reader import Warnings
from cobrowse_session.times import time_text
from cobrowse_session.vocabulary import ENDED_STATES, AfterCallWorkEndedBy, AfterCallWorkState, ConnectionState
from cobrowse_session.wire.cloudevents import MAX_FUTURE
from cobrowse_session.wire.strict_json import cut

_stated = attrgetter(
    *("state", "initial_state", "begins", "start_alerting_time", "connected_time", "derived", "segments"),
    *("disconnected_time", "disconnect_type", "wrapup", "after_call_work"),
)
"""Returns of a leg all from which events follow, or warnings."""
_REPORTED_ENDS = (AfterCallWorkState.COMPLETE, AfterCallWorkState.SKIPPED, AfterCallWorkState.NOT_APPLICABLE)


def events_of(leg: Leg, warnings: Warnings) -> list[Event]:
    """Return the events of a leg in their order. What could not be understood is added to `warnings`."""
    before = warnings.count
    builder = _EventBuilder(leg, warnings)
    # A payload may have 100,000 legs that state nothing. To look for each fact of them would take several times as long.
    events = builder.events() if any(_stated(leg)) else []
    if not events and warnings.count == before:
        builder.warn("no_fact", "", "nothing that is known", "a state with its time, or another fact of the leg")
    return events


@frozen
class _Time:
    """A time, and where it comes from if no source states it."""

    at: datetime
    derived_from: str | None = None
    is_edition: bool = True  # a later payload corrects it

    @classmethod
    def seen(cls, seen: tuple[str, datetime] | None) -> "_Time | None":
        return cls(seen[1], seen[0], is_edition=False) if seen else None


@define
class _EventBuilder:
    """The builder of one leg's events. What it cannot turn into events is added to `warnings`."""

    leg: Leg
    warnings: Warnings
    _end: _Time | None = None
    _connected: datetime | None = None
    _connection: datetime | None = None
    _is_derived: bool = False  # the times of all its states are

    def events(self) -> list[Event]:
        """Return every fact of the leg, in the order of its life."""
        events = list(self._states())
        self._end = self._ending()
        events += self._ended()
        self._is_derived = bool(events) and not any(event.sequence for event in events)
        first = min(events, key=order, default=None)
        events += self._details(first)
        events += self._unheard_of(first)
        events += self._wrapped_up()
        events += self._after_call_work()
        return sorted(events, key=order)

    # --- The states -----------------------------------------------------------------------------------------------------------

    def _states(self) -> Iterator[Event]:
        # Example: four captures of one leg, with what each gives. A is the segment `Alert` from 09:00:00.100.
        #
        #     capture                                                events
        #     alerting, A                                            alerting at 09:00:00.100
        #     connected, connectedTime 09:00:03.000, A               the same, connected at 09:00:03.000 (the stamp)
        #     connected, A, `Interact` from 09:00:03.100             the same, connected at 09:00:03.100 (the segment)
        #     ended, A, `Interact`, `Hold` from 09:00:40             the same two, disconnected at 09:01:00.000
        #
        # In the second one, the segments lag behind. The third corrects the time of the same fact. `Hold` begins no state.
        times: Counter[type[Entered]] = Counter()
        placed = [(begun_by(self.leg, segment), start, segment) for start, segment in self._placed_segments()]
        shown = next((start for event, start, _ in placed if event is Connected), None)
        self._connection = shown or self.leg.connected_time
        for event, start, segment in placed:
            if event is None:
                self.warn("unplaced_segment", "segments", f"{segment.type} from {time_text(start)}", "a known state")
            elif event is not Connected or not times[Connected]:  # else the leg stays connected
                times[event] += 1
                own_type = segment.type if segment.type != event.segment else None
                # The starts of segments are of one clock. A stamp of the connection is of another one.
                is_skewed = event is Alerting and shown is None
                time = self._alert(start) if is_skewed else _Time(start)
                yield self._state(event, time, segment_type=own_type, number=times[event])
        yield from self._states_without_segment(set(times))

    def _placed_segments(self) -> list[tuple[datetime, Segment]]:
        """Return the segments that have a start, after it. A gap between two of them is a warning."""
        placed = [(segment.start_time, segment) for segment in self.leg.segments if segment.start_time]
        for segment in self.leg.segments:
            if not segment.start_time:
                self.warn("unplaced_segment", "segments", f"{segment.type} without a start", "a segment with its start")
        for (_, before), (start, _) in pairwise(placed):
            if before.end_time and start > before.end_time:
                gap = f"{time_text(before.end_time)} to {time_text(start)}"
                self.warn("gap", "segments", f"no segment from {gap}", "segments that follow each other")
        return placed

    def _states_without_segment(self, begun: set[type[Entered]]) -> Iterator[Event]:
        """Yield the states that no segment shows, because segments lag behind or are not sent."""
        leg = self.leg
        initial = state_named(leg.initial_state)
        if initial and leg.begins and not begun:
            begun.add(initial)
            yield self._state(initial, _Time(leg.begins))
        if leg.start_alerting_time and Alerting not in begun:
            begun.add(Alerting)
            yield self._state(Alerting, self._alert(leg.start_alerting_time))
        if leg.connected_time and Connected not in begun:
            begun.add(Connected)
            yield self._state(Connected, _Time(leg.connected_time))
        for name, words, at in leg.derived:
            event = state_named(name)
            if event and event not in begun:
                begun.add(event)
                yield self._state(event, _Time(at, words, is_edition=False))
        yield from self._current_state(begun)
        self._check_beginning(begun)

    def _alert(self, at: datetime) -> _Time:
        """Return the time of an alert. It was not after the connection (SKEW-4)."""
        connected = self._connection
        if connected is None or connected >= at:
            return _Time(at)
        if at - connected > ACROSS_CLOCKS:
            self.warn("contradiction", "connectedTime", time_text(connected), "a time after the alert")
        return _Time(connected, "the connection, because the alert was not after it")

    def _current_state(self, begun: set[type[Entered]]) -> Iterator[Event]:
        """Yield the state in which the leg is, if nothing else shows when it began: it was seen so (WHEN-1, WHEN-4)."""
        leg, state = self.leg, state_named(self.leg.state)
        if state is not None and state is not Connected and leg.connected_time:
            self.warn("contradiction", "state", leg.state, "connected, because the leg has a connectedTime")
        elif state and state not in begun:
            if seen := _Time.seen(leg.seen):
                yield self._state(state, seen)
            else:
                self.warn("no_time", "state", leg.state, "a time of this state or of the payload, or when it was received")

    def _check_beginning(self, begun: set[type[Entered]]) -> None:
        """Warn of a beginning that no event states."""
        begins = self.leg.begins
        if begins is None or not begun or state_named(self.leg.initial_state):
            return
        shown = [s.start_time for s in self.leg.segments if s.start_time]
        first = min(filter(None, (*shown, self.leg.start_alerting_time, self.leg.connected_time)), default=None)
        if first and first - begins > ACROSS_CLOCKS:
            found = f"{time_text(begins)}, {(first - begins).total_seconds():g} s before the first state"
            self.warn("unused_time", "startTime", found, "an initialState, in which the leg began")

    def _state(self, event: type[Entered], time: _Time, segment_type: str | None = None, number: int = 1) -> Event:
        stamps = {Alerting: self.leg.start_alerting_time, Connected: self.leg.connected_time}
        stamp = stamps.get(event) if number == 1 else None
        if stamp and time.at - stamp > MAX_FUTURE:
            found, expected = f"{event.segment} from {time_text(time.at)}", f"a time about {time_text(stamp)}"
            self.warn("contradiction", "segments", found, expected)
            stamp = None
        if event is Connected:
            self._connected = max(filter(None, (stamp, time.at)))
        made = event(**self._whole_leg(_numbered(event.kind, number), time), segment_type=segment_type)
        return evolve(made, received_at=stamp) if stamp else made

    # --- The end --------------------------------------------------------------------------------------------------------------

    def _ending(self) -> _Time | None:
        """Return the time at which the leg ended (END-4). None: it has not, or nothing shows when."""
        leg = self.leg
        if leg.disconnected_time:
            return _Time(leg.disconnected_time)
        # A segment that has an end shows that the leg went on, not that it is over. Only with an ended `state` does the end of
        # the last segment count.
        if ConnectionState.read(leg.state or "") not in ENDED_STATES:
            return None
        if leg.segments and (at := leg.segments[-1].end_time):
            return _Time(at)
        shown = next((_Time(at, words, is_edition=False) for name, words, at in leg.derived if name == "end"), None)
        found = shown or _Time.seen(leg.seen)
        if found is None:
            expected = "the time at which the leg ended, a time of the payload, or when it was received"
            self.warn("no_time", "disconnectedTime", "nothing", expected)
        return found

    def _ended(self) -> Iterator[Event]:
        leg, time = self.leg, self._end
        state = ConnectionState.read(leg.state or "")
        if time is None:
            if leg.disconnect_type and state not in ENDED_STATES:
                self.warn("contradiction", "disconnectType", leg.disconnect_type, "a leg that has ended, and when")
            return
        if state not in ENDED_STATES and leg.state is not None:
            self.warn("contradiction", "state", leg.state, "disconnected, because the leg has a disconnectedTime")
        if leg.connected_time and time.at < leg.connected_time:
            self.warn("contradiction", "disconnectedTime", time_text(time.at), f"a time from {time_text(leg.connected_time)} on")
        reason = leg.disconnect_type or (leg.segments[-1].disconnect_type if leg.segments else None)
        yield Disconnected(**self._whole_leg("disconnected", time), disconnect_type=reason)
        if state == ConnectionState.TERMINATED:
            yield Terminated(**self._whole_leg("terminated", time), disconnect_type=reason)

    # --- Around the connection ------------------------------------------------------------------------------------------------

    def _details(self, first: Event | None) -> Iterator[Event]:
        """Yield each detail that may come later or change as a fact of its own. All have the times of the first event."""
        leg = self.leg
        if leg.state is None and leg.initial_state is None and leg.begins:
            begins = Updated(**self._whole_leg("begins", _Time(leg.begins)))
            yield begins
            first = first or begins
        if first is None:
            return
        stated: dict[str, Any] = {name: {"details": Details(**{name: value})} for name, value in leg.changing.items()}
        if self._is_derived and (carried := self._carried()):
            # Derived states have no edition, so what only a later payload states would be lost with them (CARRY-2, PROMPT-5).
            stated["settings"] = carried
        for name, part in stated.items():
            if name == "controlling":
                yield from self._grant(leg.changing[name])
            else:
                made = Updated(**self._envelope(vendor_name(name), _Time(first.occurred_at)), **part)
                yield evolve(made, received_at=made.received_at or first.received_at)

    def _grant(self, controlling: tuple[str, ...]) -> Iterator[Event]:
        """Yield a grant (SKEW-2). It counts only while connected. At the time of the first event it would be ignored (SAME-5)."""
        leg, connected = self.leg, self._connected
        if connected is None or self._end is not None:
            return
        seen = leg.seen[1] if leg.seen else connected if controlling else None
        if seen is not None:
            time = self._not_before(seen, connected, "connectedTime, because a grant comes after the connection")
            yield Updated(**self._envelope(f"controlling/{time_text(time.at)}", time), details=Details(controlling=controlling))

    def _unheard_of(self, first: Event | None) -> Iterator[Event]:
        """Yield a state of other media (parked, converting, …) as an update. It changes nothing here, and is kept."""
        state = self.leg.state
        if state is None or isinstance(ConnectionState.read(state), ConnectionState):
            return
        self.warn("unknown_state", "state", state, "one of " + ", ".join(ConnectionState))
        if at := self.leg.seen[1] if self.leg.seen else first and first.occurred_at:
            yield Updated(**self._envelope(f"state/{state}", _Time(at)), extra={"state": state})

    def _wrapped_up(self) -> Iterator[Event]:
        saved = self.leg.wrapup
        if saved is None:
            return
        if saved.code is None and (saved.end_time or not saved.provisional):  # a skip follows from after-call work
            if saved.notes or saved.name or saved.tags:
                self.warn("no_code", "wrapup", "a wrap-up without a code", "a code, or a provisional wrap-up")
            return
        time = self._finished(saved.end_time) if saved.end_time else self._draft_time()
        if time is None:
            self.warn("no_time", "wrapup", "nothing", "an endTime, or a time of the leg")
            return
        fact = time_text(saved.end_time) if saved.end_time else "draft"
        yield WrapupSaved(
            **self._envelope(f"wrapup/{fact}", time),
            code=saved.code,
            name=saved.name,
            notes=saved.notes,
            tags=saved.tags,
            provisional=saved.end_time is None,
        )

    def _draft_time(self) -> _Time | None:
        """Return a time for a draft. Its own is unknown. From the connection on its value always counts (WRAP-5)."""
        at = self._connected or (self._end and self._end.at) or (self.leg.seen and self.leg.seen[1])
        return _Time(at) if at else None

    def _finished(self, at: datetime) -> _Time:
        """Return the end of a wrap-up. By less than the clocks differ, it was not before the end of the leg."""
        if self._end is None or at >= self._end.at:
            return _Time(at)
        if self._end.at - at <= ACROSS_CLOCKS:
            return _Time(self._end.at, _AFTER_THE_END)
        self.warn("contradiction", "wrapup.endTime", time_text(at), f"a time from {time_text(self._end.at)} on")
        return _Time(at)

    # --- After-call work ------------------------------------------------------------------------------------------------------

    def _after_call_work(self) -> Iterator[Event]:
        work = self.leg.after_call_work
        if work is None or work.state is None:
            return
        if self._end is None and self._connected and (work.start_time or work.end_time):
            self.warn("contradiction", "afterCallWork", work.state, "the end of the leg, which comes before after-call work")
        if work.state == AfterCallWorkState.PENDING or (self.leg.work_starts and work.state == AfterCallWorkState.COMPLETE):
            yield from self._work_started(work)
        if work.state in _REPORTED_ENDS:
            yield from self._work_ended(work)
        elif work.state != AfterCallWorkState.PENDING:
            expected = ", ".join((AfterCallWorkState.PENDING, *_REPORTED_ENDS))
            self.warn("unknown_value", "afterCallWork.state", work.state, f"one of {expected}")

    def _work_started(self, work: AfterCallWork) -> Iterator[Event]:
        end = self._end
        time = self._after_the_end(work.start_time) if work.start_time else None
        if time is None and end:
            time = _Time(end.at, "the end of the leg", end.is_edition)
        if time is None:
            self.warn("no_time", "afterCallWork.startTime", "nothing", "the time at which after-call work began")
            return
        yield AfterCallWorkStarted(**self._whole_leg("acw.started", time))

    def _work_ended(self, work: AfterCallWork) -> Iterator[Event]:
        time: _Time | None
        if work.state == AfterCallWorkState.NOT_APPLICABLE:
            time = self._end
        else:
            at = work.end_time or (self.leg.wrapup and self.leg.wrapup.end_time)
            time = self._after_the_end(at) if at else _Time.seen(self.leg.seen)
        if time is None:
            self.warn("no_time", "afterCallWork.endTime", "nothing", "the time at which after-call work ended")
            return
        yield AfterCallWorkEnded(**self._envelope("acw.ended", time), by=AfterCallWorkEndedBy.PLATFORM, state=work.state)

    def _after_the_end(self, at: datetime) -> _Time:
        """Return a time of after-call work. It was not before the end of the leg (SKEW-3)."""
        if self._end is None:
            return _Time(at)
        if self._end.at - at > ACROSS_CLOCKS:
            self.warn("contradiction", "afterCallWork", time_text(at), f"a time from {time_text(self._end.at)} on")
        return self._not_before(at, self._end.at, _AFTER_THE_END)

    # --- What all share -------------------------------------------------------------------------------------------------------

    def _not_before(self, at: datetime, bound: datetime, words: str) -> _Time:
        return _Time(at) if at >= bound else _Time(bound, words)

    def _envelope(self, fact: str, time: _Time) -> dict[str, Any]:  # the arguments' types differ
        leg, received = self.leg, self.leg.origin.received_at
        if received and time.at - received > MAX_FUTURE:
            self.warn("contradiction", fact, time_text(time.at), f"a time about {time_text(received)}, when it was received")
            received = None
        return {
            "subject": leg.id,
            "source": leg.source,
            # No word of the snapshot's own in it, such as a version or a time of sending. Else each snapshot would make new
            # events.
            "id": f"{leg.event_id or leg.id}/{fact}",
            "occurred_at": time.at,
            "received_at": received,
            "sequence": leg.sequence if time.is_edition else None,
            "derived_from": time.derived_from,
            "context": leg.context,
        }

    def _whole_leg(self, fact: str, time: _Time) -> dict[str, Any]:  # the arguments' types differ
        """Return what every state event carries, because the first event of a leg differs from family to family."""
        return {**self._envelope(fact, time), **self._carried()}

    def _carried(self) -> dict[str, Any]:  # the arguments' types differ
        """Return the details and settings of every state event. It is empty if the payload states none."""
        leg = self.leg
        details = Details(
            provider=leg.provider, initial_state=leg.initial_state, after_call_work_required=leg.after_call_work_required
        )
        parts = {"details": (details, NO_DETAILS), "settings": (leg.settings, NO_SETTINGS)}
        return {name: part for name, (part, nothing) in parts.items() if part != nothing}

    def warn(self, error: str, key: str, found: object, expected: str) -> None:
        """Add a warning about a key of the leg."""
        path = f"{self.leg.path}.{key}" if key else self.leg.path
        self.warnings.add(error, path, cut(str(found)), expected, self.leg.id)


_AFTER_THE_END = "the end of the leg, because after-call work comes after it"


def _numbered(fact: str, number: int) -> str:
    return fact if number == 1 else f"{fact}/{number}"
