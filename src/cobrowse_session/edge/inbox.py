"""The live edge: raw events in, as they arrive; changes out; the timers of many sessions (specification, sections 7 and 8).

Theory of operation
===================

`receive` decodes, corrects the provider's clock, stamps when the event was received (the one place in this package where a clock
is read) and hands it to the log of its session. Below this edge everything is data: the same events give the same sessions.

All events of one source in one session are corrected by one offset, the one that was known when the first of them came; so order
and durations stay the provider's own, and a copy gets the same time. A source whose events bear a `providertime` has been
corrected already.

Timers of hundreds of thousands of sessions wait in two heaps: one of deadlines, one of when a session may be sealed. An entry may
be out of date; whoever takes it asks the log.

One writer: an inbox and its logs belong to one thread (or one event loop) at a time. A second one that enters is told so.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from attrs import define, evolve, field, frozen

from cobrowse_session.edge.replay import Rejected
from cobrowse_session.errors import DecodeError, Problem
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Lifecycle
from cobrowse_session.model import time_text, utc
from cobrowse_session.stream import Change, ProviderClock, SessionLog, Step
from cobrowse_session.wire import decode_event, encode_event
from cobrowse_session.wire.cloudevents import AHEAD
from cobrowse_session.wire.text import LONGEST_LINE

__all__ = ["Advanced", "Inbox", "Received"]


@frozen
class Received:
    """What became of one raw event.

    Attributes:
        event: the event as it was taken: corrected, and stamped.
        change: how the trace of its session changed; its `outcome` is `Late` where the session had been let go.
    """

    event: Event
    change: Change


@frozen
class Advanced:
    """What the passing of time changed.

    Attributes:
        changes: session to how its trace changed.
        let_go: the logs that were sealed, and are no longer in the inbox.
    """

    changes: Mapping[str, Change]
    let_go: tuple[SessionLog, ...]


@define
class Inbox:
    """Takes raw events of any number of sessions.

    Args:
        lifecycle: the rules of every log that is begun here.
        reject: gets what cannot be read, with its reason; nothing is dropped silently.
        seal_after: seal sessions that are over this long after their latest event, and let them go; None: never.
        ahead: how far an event may lie after it was received.
        longest: how many bytes a raw event may have.
        new_clock: makes the clock of a source that is heard for the first time.

    >>> from cobrowse_session.testing import stream
    >>> from cobrowse_session.wire import encode_event
    >>> inbox = Inbox(Lifecycle(), reject=print)
    >>> (event,) = stream("s1", delay=0.03).alerting()
    >>> inbox.receive(encode_event(event)).change.outcome.kind
    'applied'
    >>> inbox.logs["s1"].session.state
    <ConnectionState.ALERTING: 'alerting'>
    """

    lifecycle: Lifecycle
    reject: Callable[[Rejected], object]
    seal_after: timedelta | None = None
    ahead: timedelta = AHEAD
    longest: int = LONGEST_LINE
    new_clock: Callable[[], ProviderClock] = ProviderClock
    logs: dict[str, SessionLog] = field(factory=dict, init=False)
    """The logs of all sessions that were not let go, by session."""
    clocks: dict[str, ProviderClock] = field(factory=dict, init=False)
    """The clocks of all sources, by source."""
    late: int = field(default=0, init=False)
    """How many events came for sessions that had been let go."""
    _sealed: set[str] = field(factory=set, init=False)
    _deadlines: list[tuple[datetime, str]] = field(factory=list, init=False)
    _sealings: list[tuple[datetime, str]] = field(factory=list, init=False)
    _waiting: dict[str, datetime] = field(factory=dict, init=False)  # the latest deadline that was put into the heap
    _to_seal: set[str] = field(factory=set, init=False)  # the sessions that have an entry in that heap
    _advanced: datetime | None = field(default=None, init=False)
    _busy: bool = field(default=False, init=False)

    # --- Events ---------------------------------------------------------------------------------------------------------------

    def receive(self, raw: str | bytes, now: datetime | None = None) -> Received | None:
        """Take one raw event.

        Args:
            raw: CloudEvents JSON, as text or UTF-8.
            now: when it arrived, on the cloud clock; None: now. An event that bears a `receivedtime` keeps it.

        Returns:
            The event and how its session's trace changed; None: it was rejected.

        Raises:
            TypeError: `now` is naive.
            RuntimeError: a second writer.
        """
        with self._one_writer():
            now = _arrival(now)
            try:
                event = self._stamped(decode_event(raw, ahead=timedelta.max, longest=self.longest), now)
            except DecodeError as error:
                content = raw.encode(errors="replace") if isinstance(raw, str) else raw
                self.reject(Rejected.of(error, None, content))
                return None
            return Received(event, self._add(event))

    def add(self, event: Event, now: datetime | None = None) -> Received | None:
        """Take one event whose times need no correction, as those converted from the platform's payloads.

        A payload may state what happened an hour ago. Its times teach nothing about a clock, so no clock learns from them.

        Args:
            event: as it is; only `received_at` is stamped where it is unset.
            now: when it arrived, on the cloud clock; None: now.

        Returns:
            The event and how its session's trace changed; None: it was rejected, for it lies too far ahead.

        Raises:
            TypeError: `now` is naive.
            RuntimeError: a second writer.
        """
        with self._one_writer():
            try:
                event = self._as_received(event, event.received_at or _arrival(now))
            except DecodeError as error:
                self.reject(Rejected.of(error, None, encode_event(event).encode()))
                return None
            return Received(event, self._add(event))

    def put(self, log: SessionLog) -> None:
        """Take over a log that was restored; its timers wait here from now on.

        Sealed logs, too, after a restart: without them, a late event would begin its session anew.
        """
        with self._one_writer():
            self._sealed.discard(log.session_id)
            self.logs[log.session_id] = log
            self._wait_for(log)

    def drop(self, session: str) -> SessionLog:
        """Let go of a session that nobody can end any more; what comes for it afterwards is late.

        Args:
            session: its id.

        Returns:
            Its log, as it is; `put` takes it back.

        Raises:
            KeyError: there is no such session here.
            RuntimeError: a second writer.
        """
        with self._one_writer():
            log = self.logs.pop(session)
            self._sealed.add(session)
            self._waiting.pop(session, None)
            return log

    # --- Time -----------------------------------------------------------------------------------------------------------------

    @property
    def deadline(self) -> datetime | None:
        """When `advance` has something to fire next; None: never. It looks at no more logs than it must."""
        while self._deadlines:
            due, session = self._deadlines[0]
            if session in self.logs and self.logs[session].deadline == due:
                return due
            heapq.heappop(self._deadlines)
            if self._waiting.get(session) == due:
                del self._waiting[session]
        return None

    def advance(self, now: datetime) -> Advanced:
        """Fire what is due in all sessions, and let go of those that are over.

        Args:
            now: corrected provider clock. Advice: some seconds ago, as long as events take to arrive.

        Raises:
            TypeError: `now` is naive.
            RuntimeError: a second writer.
        """
        with self._one_writer():
            self._advanced = now = max(utc(now), self._advanced or utc(now))
            changes = {}
            while (due := self.deadline) is not None and due <= now:
                _, session = heapq.heappop(self._deadlines)
                del self._waiting[session]
                changes[session] = self.logs[session].advance(now)
                self._wait_for(self.logs[session])
            return Advanced(changes, tuple(self._let_go(now)))

    # --- Within ---------------------------------------------------------------------------------------------------------------

    def _stamped(self, event: Event, now: datetime) -> Event:
        """The event on our clocks."""
        received = event.received_at or now
        if event.provider_time is not None:
            return self._as_received(event, received)
        clock = self.clocks.get(event.source) or self.new_clock()
        offset = self._offset(event, clock)
        try:
            stamped = evolve(event, received_at=received, occurred_at=event.occurred_at + offset)
        except (OverflowError, ValueError):
            corrected = f"{time_text(event.occurred_at)}, corrected by {offset}"
            raise DecodeError((Problem("bad_time", "$.time", corrected, "a time in the years 1970 to 9998"),)) from None
        self._check_ahead(stamped.occurred_at, received)
        self.clocks[event.source] = clock
        clock.learn(event.occurred_at, received)  # only now: what is rejected teaches it nothing
        if event.subject not in self._sealed:
            self._log(event.subject).offsets.setdefault(event.source, offset)
        return evolve(stamped, provider_time=event.occurred_at) if offset else stamped

    def _as_received(self, event: Event, received: datetime) -> Event:
        """The event, with its time as it is."""
        self._check_ahead(event.occurred_at, received)
        return evolve(event, received_at=received)

    def _check_ahead(self, occurred: datetime, received: datetime) -> None:
        if occurred - received > self.ahead:
            expected = f"at most {self.ahead} after it was received, {time_text(received)}"
            raise DecodeError((Problem("time_in_the_future", "$.time", time_text(occurred), expected),))

    def _offset(self, event: Event, clock: ProviderClock) -> timedelta:
        """By how much a source is corrected in a session: what was known when its first event came."""
        log = self.logs.get(event.subject)
        fixed = log.offsets.get(event.source) if log else None
        return fixed if fixed is not None else clock.offset or timedelta(0)

    def _log(self, session: str) -> SessionLog:
        if session not in self.logs:
            self.logs[session] = SessionLog(self.lifecycle, session)
        return self.logs[session]

    def _add(self, event: Event) -> Change:
        if event.subject in self._sealed:
            # Its log was let go; an empty one that is sealed answers for it, and no ghost of the session is born.
            self.late += 1
            ghost = SessionLog(self.lifecycle, event.subject)
            ghost.sealed = True
            return ghost.add(event)
        log = self._log(event.subject)
        # Nothing is due there, or it would have fired, unless the log was put here since; but the event may make it so.
        fired = log.advance(self._advanced).new if self._advanced is not None else ()
        change = log.add(event)
        self._wait_for(log)
        return _after(fired, change) if fired else change

    def _wait_for(self, log: SessionLog) -> None:
        session, due, latest = log.session_id, log.deadline, log.latest
        if due is not None and self._waiting.get(session) != due:
            self._waiting[session] = due
            heapq.heappush(self._deadlines, (due, session))
        if self.seal_after is not None and latest is not None and session not in self._to_seal:
            self._to_seal.add(session)
            heapq.heappush(self._sealings, (latest + self.seal_after, session))

    def _let_go(self, now: datetime) -> Iterator[SessionLog]:
        while self.seal_after is not None and self._sealings and self._sealings[0][0] < now:
            _, session = heapq.heappop(self._sealings)
            self._to_seal.discard(session)
            log = self.logs.get(session)
            if log is None:
                continue  # it was dropped
            if log.seal(now - self.seal_after):
                self._sealed.add(session)
                self._waiting.pop(session, None)
                yield self.logs.pop(session)
            elif (latest := log.latest) is not None and latest + self.seal_after >= now:
                self._wait_for(log)  # something came since; what has not ended waits for its next event

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        if self._busy:
            raise RuntimeError("a second writer entered the inbox: an inbox belongs to one thread or one event loop at a time")
        self._busy = True
        try:
            yield
        finally:
            self._busy = False


def _arrival(now: datetime | None) -> datetime:
    """The only place in the package that reads a clock."""
    return datetime.now(UTC) if now is None else utc(now)


def _after(fired: tuple[Step, ...], change: Change) -> Change:
    """A change that follows timers, as one: what fired and was undone again was never there."""
    undone = set(map(id, change.withdrawn))
    stayed = [step for step in fired if id(step) not in undone and all(step is not before for before, _ in change.changed)]
    return evolve(
        change,
        new=(*stayed, *change.new, *(after for before, after in change.changed if before in fired)),
        withdrawn=tuple(step for step in change.withdrawn if step not in fired),
        changed=tuple((before, after) for before, after in change.changed if before not in fired),
    )
