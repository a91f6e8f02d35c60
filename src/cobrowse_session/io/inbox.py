"""The live inbox takes raw events, returns changes, and has the timers of many sessions (specification, sections 7 and 8).

Theory of operation
===================

`receive` decodes, corrects the provider's clock where that was asked for, stamps when the event was received (the one place in
this package where a clock is read) and hands it to the log of its session. Below this everything is data: the same events give
the same sessions.

By default no time is corrected. The clock of each source is observed, and an offset beyond two seconds is reported. All events of
one source in one session are corrected by one offset, fixed with the first of them. So order and durations stay the provider's
own, and a copy gets the same time. An event with a `providertime` has been corrected already.

Timers of hundreds of thousands of sessions wait in two heaps: one of deadlines, one of when a session may be sealed. An entry may
be out of date. Whoever takes it asks the log. Every iteration of `advance` removes an entry, and no entry that is due is added
while it runs, so it ends.

A log that is sealed is handed over and leaves the inbox. `memory.py` remembers its session and its copies for a while.

The heaps follow from the logs. While they are being changed, the inbox is *dirty*. If anything raises on the way, a signal at any
line included, the next call builds them anew. What an interrupted `advance` did is handed over by the next one.

One writer: an inbox and its logs belong to one thread or one event loop at a time. A second one that enters gets an error.
"""

import heapq
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import define, evolve, field, frozen

from cobrowse_session.checks import MAX_DEPTH, shown
from cobrowse_session.errors import DecodeError, Problem, SettingsError
from cobrowse_session.events import Event
from cobrowse_session.io.memory import SealedSessions
from cobrowse_session.io.replay import Rejected
from cobrowse_session.io.state import read_state, write_state
from cobrowse_session.lifecycle import Late, Lifecycle, Outcome
from cobrowse_session.sources.genesys import convert
from cobrowse_session.stream import Change, ClockReport, ClockState, ProviderClock, SessionLog, TraceEntry, merge_logs
from cobrowse_session.times import EPOCH, MAX_TIME, plain_timedelta, time_text, utc
from cobrowse_session.wire import decode_event, encode_event
from cobrowse_session.wire.cloudevents import MAX_FUTURE, read_event
from cobrowse_session.wire.saved import MAX_OFFSET
from cobrowse_session.wire.strict_json import MAX_LINE_BYTES, MAX_PROBLEMS, check_document, read_json, too_many

__all__ = ["Advanced", "Inbox", "Put", "Received", "Taken"]

_NO_OFFSET = timedelta(0)
MAX_SOURCES = 10_000
"""How many sources an inbox observes the clocks of. Of more, those heard first are forgotten first."""


@frozen
class Received:
    """The result of an event that was taken.

    Attributes:
        event: the event as it was taken: corrected, and stamped.
        change: how the trace of its session changed.
        offset: what was added to the provider's time.
        notes: sentences about its times: a `receivedtime` later than the arrival, a clock that is off.
    """

    event: Event
    change: Change
    offset: timedelta = timedelta(0)
    notes: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The outcome of the event: `Repeat` for a copy that changes nothing, `Late` for a session that was let go."""
        assert self.change.outcome is not None, "an event that was added has an outcome"
        return self.change.outcome


@frozen
class Taken:
    """The result of `take` for a document.

    Attributes:
        answers: what each event did, or why it was rejected.
        warnings: what a payload states and the converter could not use.
    """

    answers: tuple[Received | Rejected, ...]
    warnings: tuple[Problem, ...] = ()


@frozen
class Put:
    """The result of `put` for a log.

    Attributes:
        log: the log that is in the inbox now; None: the session is sealed, and its log is not kept here.
        late: events of an unsealed log that came too late for a sealed one, handed back.
        differences: in what two logs of the session differ where only one can count; see `MergedLogs`.
    """

    log: SessionLog | None
    late: tuple[Event, ...] = ()
    differences: tuple[str, ...] = ()


@frozen
class Advanced:
    """The changes of an `advance`.

    Attributes:
        changes: session to how its trace changed.
        logs: the logs that changed, sealed ones included, each once.
        sealed: the logs that were sealed. They are no longer in the inbox, and are handed over once only.
            What an earlier call changed that was interrupted is among all three.
        more: the limit was reached before everything was done. Call `advance` again.
    """

    changes: Mapping[str, Change]
    logs: tuple[SessionLog, ...]
    sealed: tuple[SessionLog, ...]
    more: bool = False


def _not_negative(duration: timedelta | None) -> timedelta | None:
    if duration is not None and not isinstance(duration, timedelta):
        raise TypeError(f"Inbox: seal_after: expected timedelta or None, found {shown(duration)}")
    if duration is not None and duration < timedelta(0):
        raise SettingsError("seal_after", "a timedelta of 0 or more", shown(duration))
    return None if duration is None else plain_timedelta(duration)


Correction = timedelta | ProviderClock


def _check_count(name: str, count: int, least: int) -> None:
    if type(count) is not int:
        raise TypeError(f"Inbox: {name}: expected int, found {shown(count)}")
    if count < least:
        raise SettingsError(name, f"{least} or more", shown(count))


def _corrections(correct: Mapping[str, Correction]) -> dict[str, Correction]:
    if not isinstance(correct, Mapping):
        raise TypeError(f"Inbox: correct: expected a mapping of source to timedelta or ProviderClock, found {shown(correct)}")
    for source, correction in correct.items():
        if not isinstance(correction, timedelta | ProviderClock):
            raise TypeError(f"Inbox: correct[{source!r}]: expected timedelta or ProviderClock, found {shown(correction)}")
        if isinstance(correction, timedelta) and abs(correction) > MAX_OFFSET:
            raise SettingsError(f"correct[{source!r}]", "an offset of at most 100 years", shown(correction))
    return {source: plain_timedelta(one) if isinstance(one, timedelta) else one for source, one in correct.items()}


@define
class Inbox:
    """Takes raw events of any number of sessions.

    Args:
        lifecycle: the rules of every log that is begun here.
        reject: gets what cannot be read, too, with its reason; None: `receive` and `add` return it, and nothing else is done.
        seal_after: seal sessions that are over this long after their latest event, and let them go; None: never.
        correct: the sources whose times are corrected: by a fixed offset that is added, or by what a `ProviderClock` learns.
            Times of other sources are not changed.
        max_future: how far an event may lie after it was received.
        max_line_bytes: how many bytes a raw event may have.
        remember_events: of how many copies of sealed sessions the inbox remembers a fingerprint (about 100 bytes each), to tell
            a repeat from a late event.
        remember_sessions: how many ids of sealed sessions it remembers, each as long as a sender made it. Once one is
            forgotten, an event of an unknown session that is older than the seal horizon is late.

    Raises:
        TypeError: an argument of another type.
        SettingsError: a negative `seal_after` or count.

    >>> from cobrowse_session.testing import stream
    >>> from cobrowse_session.wire import encode_event
    >>> inbox = Inbox(Lifecycle())
    >>> (event,) = stream("s1", delay=0.03).alerting()
    >>> inbox.receive(encode_event(event)).outcome.kind
    'applied'
    >>> inbox.receive(encode_event(event)).outcome.kind
    'repeat'
    >>> inbox.logs["s1"].session.state
    <ConnectionState.ALERTING: 'alerting'>
    """

    lifecycle: Lifecycle
    reject: Callable[[Rejected], object] | None = None
    seal_after: timedelta | None = field(default=None, converter=_not_negative)
    correct: dict[str, Correction] = field(factory=dict, converter=_corrections)
    max_future: timedelta = MAX_FUTURE
    max_line_bytes: int = MAX_LINE_BYTES
    remember_events: int = 100_000
    remember_sessions: int = 1_000_000
    logs: dict[str, SessionLog] = field(factory=dict, init=False)
    """The logs of all sessions that were not let go, by session."""
    clocks: dict[str, ProviderClock] = field(factory=dict, init=False)
    """The clocks of the sources that were heard, by source."""
    late: int = field(default=0, init=False)
    """How many events came for sessions that had been let go."""
    _sealed: SealedSessions = field(init=False)
    _deadlines: list[tuple[datetime, str]] = field(factory=list, init=False)
    _sealings: list[tuple[datetime, str]] = field(factory=list, init=False)
    _waiting: dict[str, datetime] = field(factory=dict, init=False)  # the latest deadline that was put into the heap
    _to_seal: set[str] = field(factory=set, init=False)  # the sessions that have an entry in that heap
    _passed: "_Passed" = field(factory=lambda: _Passed(), init=False)  # noqa: PLW0108 (the class comes later)
    _advanced: datetime | None = field(default=None, init=False)
    _dirty: bool = field(default=False, init=False)  # a heap may lack an entry
    _busy: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.lifecycle, Lifecycle):
            raise TypeError(f"Inbox: lifecycle: expected a Lifecycle, found {shown(self.lifecycle)}")
        if not isinstance(self.max_future, timedelta):
            raise TypeError(f"Inbox: max_future: expected timedelta, found {shown(self.max_future)}")
        _check_count("max_line_bytes", self.max_line_bytes, 1)
        _check_count("remember_events", self.remember_events, 0)
        _check_count("remember_sessions", self.remember_sessions, 0)
        self._sealed = SealedSessions(self.remember_events, self.remember_sessions)
        self.clocks.update((source, clock) for source, clock in self.correct.items() if isinstance(clock, ProviderClock))

    # --- Events ---------------------------------------------------------------------------------------------------------------

    def receive(self, raw: str | bytes, now: datetime | None = None) -> Received | Rejected:
        """Take one raw event.

        Args:
            raw: CloudEvents JSON, as text or UTF-8.
            now: when it arrived, on the cloud clock; None: now. A `receivedtime` that is earlier is kept, a later one is cut.

        Returns:
            The event and what it did, or why it was rejected. Both have an `outcome` with a `kind`.

        Raises:
            TypeError: `raw` is no text, or `now` is naive.
            RuntimeError: a second writer.
        """
        if isinstance(raw, Event):
            raise TypeError("expected CloudEvents JSON as text or bytes, found an Event; use inbox.add(event)")
        if not isinstance(raw, str | bytes):
            raise TypeError(f"expected CloudEvents JSON as text or bytes, found {shown(raw)}; inbox.take recognises documents")
        with self._one_writer():
            now = _arrival(now)
            try:
                event = decode_event(raw, max_future=timedelta.max, max_line_bytes=self.max_line_bytes)
                return self._receive(event, now)
            except DecodeError as error:
                return self._reject(error, _bytes(raw))

    def add(self, event: Event, now: datetime | None = None) -> Received | Rejected:
        """Take one event whose times need no correction, as those converted from the platform's payloads.

        A payload may state what happened an hour ago. Its times teach nothing about a clock, so no clock learns from them.

        Args:
            event: as it is; `received_at` is stamped if it is unset, and cut if it is later than `now`.
            now: when it arrived, on the cloud clock; None: now.

        Returns:
            The event and what it did, or why it was rejected: it lies too far ahead.

        Raises:
            TypeError: it is no event, or `now` is naive.
            RuntimeError: a second writer.
        """
        if not isinstance(event, Event):
            raise TypeError(f"expected an Event, found {shown(event)}; use inbox.receive(raw) for CloudEvents JSON")
        with self._one_writer():
            try:
                stamped, notes = self._stamped(event, _arrival(now))
                self._check_ahead(stamped.occurred_at, stamped.received)
            except DecodeError as error:
                return self._reject(error, encode_event(event).encode())
            return Received(stamped, self._add(stamped), notes=notes)

    def take(self, document: object, now: datetime | None = None) -> Taken:
        """Take whatever a transport delivers, and recognise it.

        Args:
            document: an event; CloudEvents JSON, one or a batch; a payload of the platform, or a list of them. As text, bytes or
                parsed JSON.
            now: when it arrived, on the cloud clock; None: now.

        Returns:
            What each event did, and the warnings of the converter.

        Raises:
            TypeError: it is none of these, or `now` is naive.
            RuntimeError: a second writer.
        """
        if not isinstance(document, Event | str | bytes | list | Mapping):
            raise TypeError(f"expected an event, CloudEvents or a payload, as text or parsed JSON, found {shown(document)}")
        answers: list[Received | Rejected] = []
        warnings: list[Problem] = []
        for part in self._take(document, _arrival(now), MAX_DEPTH):
            answers += part.answers
            warnings += part.warnings
        return Taken(tuple(answers), tuple(warnings))

    def _take(self, document: object, now: datetime, depth: int) -> Iterator[Taken]:
        """Take a document, whatever it turns out to be. Only `depth` lists may be nested in it."""
        if isinstance(document, Event):
            yield Taken((self.add(document, now),))
        elif isinstance(document, str | bytes):
            try:
                parsed = read_json(document, max_line_bytes=self.max_line_bytes)
            except DecodeError as error:
                yield Taken((self._reject(error, _bytes(document)),))
            else:
                yield from self._take(parsed, now, depth - 1)
        elif isinstance(document, list) and depth > 0:
            yield from self._take_list(document, now, depth - 1)
        elif isinstance(document, Mapping):
            yield self._take_object(document, now)
        else:
            problem = Problem("not_an_object", "$", type(document).__name__, "an event, CloudEvents or a payload")
            yield Taken((self._reject(DecodeError((problem,)), _as_bytes(document)),))

    def _take_list(self, parts: list[Any], now: datetime, depth: int) -> Iterator[Taken]:  # JSON
        """Take the parts of a list. Of many that are no document, the first are answered one by one, the others counted."""
        rejected = more = 0
        for one in parts:
            if rejected >= MAX_PROBLEMS and _is_no_document(one):
                more += 1
                continue
            for taken in self._take(one, now, depth):
                rejected += sum(isinstance(answer, Rejected) for answer in taken.answers)
                yield taken
        if more:
            yield Taken((self._reject(DecodeError((too_many("$", rejected + more),)), b"", more),))

    def _take_object(self, document: Mapping[str, Any], now: datetime) -> Taken:  # JSON
        try:
            if "specversion" in document:
                check_document(dict(document))  # the caller's parser may let NaN or lone surrogates through
                with self._one_writer():
                    return Taken((self._receive(read_event(document, max_future=timedelta.max), now),))
            converted = convert(document)
        except DecodeError as error:
            return Taken((self._reject(error, _as_bytes(document)),))
        return Taken(tuple(self.add(event, now) for event in converted.events), converted.warnings)

    # --- Logs -----------------------------------------------------------------------------------------------------------------

    def put(self, log: SessionLog) -> Put:
        """Take over a log that was restored. Its timers wait here from now on.

        If the inbox has a log of the session, both become one. A sealed log is not kept: its session and its copies are
        remembered, so that what comes for it is a repeat or late.

        Returns:
            The log that is in the inbox now, and what could not be merged.

        Raises:
            TypeError: it is no log.
            RuntimeError: a second writer.
        """
        if not isinstance(log, SessionLog):
            raise TypeError(f"expected a SessionLog (restore_log reads a saved one), found {shown(log)}")
        with self._one_writer():
            session, here = log.session_id, self.logs.get(log.session_id)
            if session in self._sealed and not self._sealed.was_dropped(session):
                return Put(None, self._late_copies(log))
            self._dirty = True
            self._sealed.take_back(session)
            merged = merge_logs(log, here) if here is not None and here is not log else None
            kept = merged.log if merged else log
            if kept.sealed:
                self._evict(kept)
            else:
                self.logs[session] = kept
                self._wait_for(kept)
            self._dirty = False
            return Put(None if kept.sealed else kept, merged.late if merged else (), merged.differences if merged else ())

    def drop(self, session: str) -> SessionLog:
        """Let go of a session that nobody can end any more. What comes for it afterwards is late.

        Once its id is forgotten (see `remember_sessions`), an event that is not older than the seal horizon begins the session
        again. Without `seal_after` there is no horizon.

        Args:
            session: its id.

        Returns:
            Its log, as it is; `put` takes it back.

        Raises:
            KeyError: there is no such session here.
            RuntimeError: a second writer.
        """
        with self._one_writer():
            log = self.logs[session]
            self._evict(log, dropped=True)
            return log

    # --- Time -----------------------------------------------------------------------------------------------------------------

    @property
    def deadline(self) -> datetime | None:
        """The time at which `advance` has something to fire next, on the corrected provider clock. None: never."""
        while self._deadlines:
            due, session = self._deadlines[0]
            if session in self.logs and self.logs[session].deadline == due:
                return due
            heapq.heappop(self._deadlines)
            if self._waiting.get(session) == due:
                del self._waiting[session]
        return None

    def advance(self, now: datetime, limit: int | None = None) -> Advanced:
        """Fire what is due in all sessions, and let go of those that are over.

        Args:
            now: corrected provider clock. Advice: some seconds ago, as long as events take to arrive.
            limit: how many sessions are looked at; None: all. With a limit, an event loop is not blocked. Call `advance` again
                while `more` is true.

        Raises:
            TypeError: `now` is naive, or the limit is no integer.
            ValueError: a limit below 1.
            RuntimeError: a second writer.
        """
        if limit is not None and type(limit) is not int:
            raise TypeError(f"limit: expected int or None, found {shown(limit)}")
        if limit is not None and limit < 1:
            raise ValueError(f"limit: expected 1 or more, found {limit}")
        with self._one_writer():
            self._advanced = now = max(utc(now), self._advanced or utc(now))
            self._dirty, passed, budget = True, self._passed, _Budget(limit)
            for log in self._due(now, budget):
                passed.logs[log.session_id] = log
                passed.changes[log.session_id] = _also(passed.changes.get(log.session_id), log.advance(now))
                self._wait_for(log)
            self._seal(now, budget)
            more = budget.left == 0 and self._has_work(now)
            told = Advanced(passed.changes, tuple(passed.logs.values()), tuple(passed.sealed.values()), more)
            self._dirty, self._passed = False, _Passed()
            return told

    # --- State ----------------------------------------------------------------------------------------------------------------

    def save_state(self) -> dict[str, Any]:
        """Return what the inbox knows beside its logs: time, clocks, and the sessions that were let go. `Any`: JSON."""
        return write_state(self._advanced, self.late, self.clocks, self._sealed)

    def restore_state(self, data: Mapping[str, Any]) -> None:
        """Take what `save_state` of another inbox returned, before any log, event or `advance`. `Any`: JSON.

        A log that was put before could be of a session that the state knows as sealed, and would be handed over twice.

        Raises:
            ValueError: the inbox is not new.
            FormatVersionError: a newer version of this package wrote it.
            DecodeError: it is no saved state.
        """
        saved = read_state(data)
        if self.logs or self._advanced is not None or self._sealed:
            raise ValueError("restore_state needs a new inbox: restore the state first, then put logs and take events")
        self._advanced, self.late, self._sealed.has_forgotten = saved.advanced, saved.late, saved.forgotten
        self.clocks.update(saved.clocks)
        self.correct.update((s, clock) for s, clock in saved.clocks.items() if isinstance(self.correct.get(s), ProviderClock))
        for session, offsets in saved.sealed:
            self._sealed.restore(session, offsets)

    # --- Within: events -------------------------------------------------------------------------------------------------------

    def _receive(self, event: Event, now: datetime) -> Received:
        """Action an event, let the source's clock learn from it, correct it and add it."""
        raw, notes = self._stamped(event, now)
        self._correct(raw)  # an event that is rejected teaches nothing
        # The clock learns first: the event may close a window and begin a session, and the offset of the session is due then.
        if event.provider_time is None and event.derived_from is None and self._is_first(event):
            notes += self._observe(raw)
        corrected, offset = self._correct(raw)
        change = self._add(corrected, offset if event.provider_time is None else None)
        return Received(corrected, change, offset, notes)

    def _correct(self, raw: Event) -> tuple[Event, timedelta]:
        """Return an event on our clock, and what was added to its time."""
        offset = self._offset(raw) if raw.provider_time is None else _NO_OFFSET
        corrected = _corrected(raw, offset)
        self._check_ahead(corrected.occurred_at, raw.received)
        return corrected, offset

    def _stamped(self, event: Event, now: datetime) -> tuple[Event, tuple[str, ...]]:
        """The event with the time at which it was received. What lies after the arrival is cut to it."""
        if event.received_at is not None and event.received_at <= now:
            return event, ()
        cut = event.received_at is not None
        notes = (f"receivedtime {time_text(event.received)} is later than the arrival, cut to it",) if cut else ()
        return evolve(event, received_at=now), notes

    def _check_ahead(self, occurred: datetime, received: datetime) -> None:
        if occurred - received > self.max_future:
            expected = f"at most {self.max_future} after it was received, {time_text(received)}"
            raise DecodeError((Problem("time_in_the_future", "$.time", time_text(occurred), expected),))

    def _offset(self, event: Event) -> timedelta:
        """Return the correction of a source in a session: what was known when its first event came."""
        log = self.logs.get(event.subject)
        fixed = log.offsets.get(event.source) if log else self._sealed.offset(event)
        if fixed is not None:
            return fixed
        correction = self.correct.get(event.source, _NO_OFFSET)
        return correction.offset if isinstance(correction, ProviderClock) else correction

    def _is_first(self, event: Event) -> bool:
        log = self.logs.get(event.subject)
        return event.subject not in self._sealed and (log is None or not log.holds(event))

    def _observe(self, event: Event) -> tuple[str, ...]:
        """Let the source's clock learn, and return what it reports."""
        clock = self.clocks.get(event.source)
        if clock is None:
            clock = self.clocks[event.source] = ProviderClock()
            if len(self.clocks) > MAX_SOURCES:
                del self.clocks[next((source for source in self.clocks if source not in self.correct), event.source)]
        clock.learn(event.occurred_at, event.received)
        report: ClockReport | None = clock.report
        if report is None or (report.state == ClockState.ADOPTED and event.source in self.correct):
            return ()
        return (f"clock of {event.source}: {report}",)

    def _add(self, event: Event, offset: timedelta | None = None) -> Change:
        if self._is_closed(event):
            outcome = self._sealed.answer(event)
            self.late += isinstance(outcome, Late)
            return Change(outcome)
        log = self.logs.get(event.subject) or SessionLog(self.lifecycle, event.subject)
        self._dirty = True
        # Nothing is due there, or it would have fired, unless the log was put here since. But the event may make it so.
        fired = log.advance(self._advanced).new if self._advanced is not None else ()
        if offset is not None:  # before the event: an interruption after it must not leave the source without its offset
            log.offsets.setdefault(event.source, offset)
        change = log.add(event)
        self.logs[event.subject] = log
        self._wait_for(log)
        self._dirty = False
        return _after(fired, change) if fired else change

    def _is_closed(self, event: Event) -> bool:
        """Return whether an event is of a session that was let go. Of a forgotten session, only the time is known."""
        if event.subject in self.logs:
            return False
        return event.subject in self._sealed or (self._sealed.has_forgotten and event.occurred_at < self._horizon())

    def _late_copies(self, log: SessionLog) -> tuple[Event, ...]:
        return tuple(copy for copy in log.copies if isinstance(self._sealed.answer(copy), Late))

    def _reject(self, error: DecodeError, content: bytes, count: int = 1) -> Rejected:
        rejected = Rejected.of(error, None, content, count=count)
        if self.reject is not None:
            self.reject(rejected)
        return rejected

    # --- Within: time ---------------------------------------------------------------------------------------------------------

    def _due(self, now: datetime, budget: "_Budget") -> Iterator[SessionLog]:
        """The logs with a deadline at or before now. Each iteration takes its entry from the heap."""
        while (due := self.deadline) is not None and due <= now and budget.spend():
            _, session = heapq.heappop(self._deadlines)
            del self._waiting[session]
            yield self.logs[session]

    def _has_work(self, now: datetime) -> bool:
        deadline = self.deadline
        return (deadline is not None and deadline <= now) or self._may_seal(now)

    def _may_seal(self, now: datetime) -> bool:
        return self.seal_after is not None and bool(self._sealings) and self._sealings[0][0] < now

    def _horizon(self) -> datetime:
        """Return the horizon. Sessions of earlier events may have been sealed."""
        now = self._advanced or EPOCH
        return EPOCH if self.seal_after is None or self.seal_after > now - EPOCH else now - self.seal_after

    def _wait_for(self, log: SessionLog) -> None:
        session, due, latest = log.session_id, log.deadline, log.latest
        if due is not None and self._waiting.get(session) != due:
            self._waiting[session] = due
            heapq.heappush(self._deadlines, (due, session))
        if self.seal_after is not None and latest is not None and session not in self._to_seal:
            self._to_seal.add(session)
            heapq.heappush(self._sealings, (_later(latest, self.seal_after), session))

    def _seal(self, now: datetime, budget: "_Budget") -> None:
        while self._may_seal(now) and budget.spend():
            _, session = heapq.heappop(self._sealings)
            self._to_seal.discard(session)
            log = self.logs.get(session)
            if log is None or self.seal_after is None:
                continue  # it was dropped
            if log.seal(self._horizon()):
                self._passed.logs[session] = self._passed.sealed[session] = log  # before it leaves: it must be somewhere
                self._evict(log)
            elif (latest := log.latest) is not None and _later(latest, self.seal_after) >= now:
                self._wait_for(log)  # something came since; what has not ended waits for its next event

    def _wait_anew(self) -> None:
        """Build the heaps again, after a change was interrupted."""
        self._deadlines, self._sealings, self._waiting, self._to_seal = [], [], {}, set()
        for log in self.logs.values():
            self._wait_for(log)
        self._dirty = False

    def _evict(self, log: SessionLog, *, dropped: bool = False) -> None:
        self._sealed.remember(log, dropped=dropped)
        self._waiting.pop(log.session_id, None)
        self.logs.pop(log.session_id, None)

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        if self._busy:
            raise RuntimeError("a second writer entered the inbox: an inbox belongs to one thread or one event loop at a time")
        try:
            self._busy = True
            if self._dirty:
                self._wait_anew()
            yield
        finally:
            self._busy = False


@define
class _Passed:
    """The changes of an `advance` until they are handed over. See `Advanced`."""

    changes: dict[str, Change] = field(factory=dict)
    logs: dict[str, SessionLog] = field(factory=dict)
    sealed: dict[str, SessionLog] = field(factory=dict)


@define
class _Budget:
    """The number of sessions that one call of `advance` may still look at."""

    left: int | None

    def spend(self) -> bool:
        """Take one, and return whether there was one."""
        if self.left is None:
            return True
        if self.left == 0:
            return False
        self.left -= 1
        return True


def _arrival(now: datetime | None) -> datetime:
    """The only place in the package that reads a clock."""
    return datetime.now(UTC) if now is None else utc(now)


def _corrected(event: Event, offset: timedelta) -> Event:
    """Return an event with its time on our clock. The provider's own time stays beside it.

    Raises:
        DecodeError: the corrected time is outside of the years 1970 to 9998.
    """
    if not offset:
        return event
    try:
        return evolve(event, occurred_at=event.occurred_at + offset, provider_time=event.occurred_at)
    except (OverflowError, ValueError):
        corrected = f"{time_text(event.occurred_at)}, corrected by {offset}"
        raise DecodeError((Problem("bad_time", "$.time", corrected, "a time in the years 1970 to 9998"),)) from None


def _later(moment: datetime, duration: timedelta) -> datetime:
    """Return a later moment, at most the end of time."""
    return MAX_TIME if duration > MAX_TIME - moment else moment + duration


def _bytes(raw: str | bytes) -> bytes:
    return raw.encode(errors="replace") if isinstance(raw, str) else raw


def _is_no_document(part: Any) -> bool:  # JSON
    """Return whether a part is certainly no document. A full rejection costs much more."""
    if isinstance(part, str | bytes):
        return len(part) < _SHORTEST
    return not isinstance(part, Event) and (not isinstance(part, list | Mapping) or not part)


_SHORTEST = 50  # characters; CloudEvents and payloads have more


def _as_bytes(document: object) -> bytes:
    """Return a parsed document as text. It is empty for one that holds itself, or a key that is no text."""
    try:
        return json.dumps(document, default=repr).encode()
    except (TypeError, ValueError, RecursionError):
        return b""


def _also(earlier: Change | None, change: Change) -> Change:
    """Return the change of two advances of a log, the first of which was interrupted, as one."""
    return change if earlier is None else evolve(change, new=(*earlier.new, *change.new))


def _after(fired: tuple[TraceEntry, ...], change: Change) -> Change:
    """Return a change that follows timers, as one: what fired and was undone again was never there."""
    undone = set(map(id, change.withdrawn))
    stayed = [step for step in fired if id(step) not in undone and all(step is not before for before, _ in change.changed)]
    return evolve(
        change,
        new=(*stayed, *change.new, *(after for before, after in change.changed if before in fired)),
        withdrawn=tuple(step for step in change.withdrawn if step not in fired),
        changed=tuple((before, after) for before, after in change.changed if before not in fired),
    )
