"""The live inbox: raw events of many sessions in, changes out, timers included (specification, sections 7 and 8).

Theory of operation
===================

`receive` decodes an event, stamps and corrects its times (`receiver.py`), and adds it to the log of its session. Below this
everything is data: the same events give the same sessions. `arrival.py` has the times, and the clocks of the sources.

`waiting.py` has the timers of all sessions in two heaps: deadlines, and times at which a session may be sealed. The heaps follow
from the logs. While they are being changed, the inbox is *dirty*. If anything raises on the way, a signal at any line included,
the next call builds them anew. What an interrupted `advance` did is handed over by the next one. Every iteration of `advance`
removes an entry, and no entry that is due is added while it runs, so it ends.

A log that is sealed is handed over and evicted. `memory.py` remembers its session and its copies for a while.

One writer: an inbox and its logs belong to one thread or one event loop at a time. A second one that enters gets an error.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from attrs import define, field

from cobrowse_session.checks import check_type, shown
from cobrowse_session.events import Event
from cobrowse_session.io.answers import Advanced, Put, Received, Taken
from cobrowse_session.io.arguments import check_count
from cobrowse_session.io.changes import Passed, joined, with_fired
from cobrowse_session.io.memory import SealedSessions
from cobrowse_session.io.receiver import Receiver
from cobrowse_session.io.waiting import Budget, Waiting
from cobrowse_session.lifecycle import Late, Lifecycle
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.printable import printable
from cobrowse_session.stream import Change, ProviderClock, Sealed, SessionLog, merge_logs
from cobrowse_session.stream.observers import notify, report
from cobrowse_session.times import utc
from cobrowse_session.wire.inbox_state import State, restore_state, save_state

__all__ = ["Advanced", "Inbox", "Put", "Received", "Taken"]


@define
class Inbox(Receiver):
    """The receiver of raw events of any number of sessions.

    Args:
        lifecycle: the rules of every log that is begun here.
        reject: called with what cannot be read, and the reason. Its exceptions are reported to `logging`, as those of observers.
            None: `receive` and `add` return it, and nothing else is done.
        seal_after: seal and evict sessions that are over this long after their latest event arrived here, or occurred. None:
            never.
        seal_unfinished_after: the same for sessions whose after-call work is pending without a deadline, if that is longer.
        correct: the sources whose times are corrected: by a fixed offset that is added, or by what a `ProviderClock` learns.
            Times of other sources are not changed.
        max_future: how far an event may lie after it was received.
        max_line_bytes: how many bytes a raw event may have.
        remember_events: of how many copies of sealed sessions the inbox remembers a fingerprint (about 100 bytes each), to
            distinguish a repeat from a late event.
        remember_sessions: how many ids of sealed sessions it remembers, each as long as a sender made it. Once one is
            forgotten, an event of an unknown session that is older than the seal horizon is late.
        sources: the platforms whose payloads `take` recognises. `sources_named` returns others than the built-in ones.
        observers: called in order with each log and its change, as `SessionLog` calls its own: for each event that is not
            rejected, and for what `advance` fires and seals. For a session that was evicted, the log is sealed and empty.

    Raises:
        TypeError: an argument of another type.
        SettingsError: a negative duration or count.

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
    remember_events: int = field(default=100_000, kw_only=True)
    remember_sessions: int = field(default=1_000_000, kw_only=True)
    logs: dict[str, SessionLog] = field(factory=dict, init=False)
    """The logs of all sessions that were not evicted, by session."""
    late: int = field(default=0, init=False)
    """The number of events that came for sessions that had been evicted."""
    raised: dict[str, Exception] = field(factory=dict, init=False)
    """What a guard or an action of an own table raised when a timer was due, by session. Its next event tries it again."""
    _sealed: SealedSessions = field(init=False)
    _waiting: Waiting = field(init=False, repr=False)
    _passed: Passed = field(factory=Passed, init=False)
    _advanced: datetime | None = field(default=None, init=False)
    _dirty: bool = field(default=False, init=False)  # a heap may lack an entry
    _busy: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        check_type("Inbox: lifecycle", self.lifecycle, Lifecycle)
        super().__attrs_post_init__()
        check_count("remember_events", self.remember_events, 0)
        check_count("remember_sessions", self.remember_sessions, 0)
        self._sealed = SealedSessions(self.remember_events, self.remember_sessions)
        self._waiting = Waiting(self.logs, self.seal_after, self.seal_unfinished_after)

    # --- Logs -----------------------------------------------------------------------------------------------------------------

    def find(self, session: str) -> SessionLog | None:
        """Return the log of a session. Read it only. None: there is none, or it was evicted."""
        return self.logs.get(session)

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
                return Put(None, self._sealed.late_copies(log))
            self._dirty = True
            self._sealed.take_back(session)
            merged = merge_logs(log, here) if here is not None and here is not log else None
            kept = merged.log if merged else log
            if kept.sealed:
                self._evict(kept)
            else:
                self.logs[session] = kept
                self._waiting.add(kept)
            self._dirty = False
            return Put(None if kept.sealed else kept, merged.late if merged else (), merged.differences if merged else ())

    def drop(self, session: str) -> SessionLog:
        """Evict a session that nobody can end any more. What comes for it afterwards is late.

        Once its id is forgotten (see `remember_sessions`), an event that is not older than the seal horizon begins the session
        again. Without `seal_after` there is no horizon.

        Args:
            session: its id.

        Returns:
            Its log, as it is. `put` takes it back.

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
        return self._waiting.deadline

    def advance(self, now: datetime, limit: int | None = None) -> Advanced:
        """Fire what is due in all sessions, and evict those that are over.

        A session in which a guard or an action of its own table raises stays as it is, and stops no other. See `raised`.

        Args:
            now: corrected provider clock. Advice: some seconds ago, as long as events take to arrive. A time that is earlier than
                before undoes nothing, and holds for sessions that begin later: our clock may have been ahead.
            limit: how many sessions are looked at. None: all. With a limit, an event loop is not blocked. Call `advance` again
                while `more` is true.

        Raises:
            TypeError: `now` is naive, or the limit is no integer.
            ValueError: a limit below 1.
            RuntimeError: a second writer.
        """
        budget = Budget(limit)
        with self._one_writer():
            self._advanced = now = utc(now)
            self._dirty, passed = True, self._passed
            # `passed` belongs to the inbox, not to this call: if the call is interrupted, the next one hands over what this one
            # fired.
            for log in self._waiting.due(now, budget):
                passed.logs[log.session_id] = log
                passed.changes[log.session_id] = joined(passed.changes.get(log.session_id), self._fired(log, now))
                if log.session_id in self.raised:
                    passed.leave_unchanged(log.session_id)
                else:
                    self._waiting.add(log)
            self._seal(now, budget)
            more = budget.left == 0 and self._waiting.has_work(now)
            self._notify_passed()  # first: if it is interrupted, the next call hands over and notifies again
            advanced = Advanced(passed.changes, tuple(passed.logs.values()), tuple(passed.sealed.values()), more)
            self._dirty, self._passed = False, Passed()
            return advanced

    # --- State ----------------------------------------------------------------------------------------------------------------

    def save_state(self) -> dict[str, Any]:
        """Return what the inbox knows beside its logs: time, clocks, and the sessions that were evicted. `Any`: JSON."""
        return save_state(State(self._advanced, self.late, self._sealed.has_forgotten, self.clocks, self._sealed.sessions))

    def restore_state(self, data: Mapping[str, Any]) -> None:
        """Take what `save_state` of another inbox returned, before any log, event or `advance`. `Any`: JSON.

        A log that was put before could be of a session that the state knows as sealed, and would be handed over twice.

        Raises:
            ValueError: the inbox is not new.
            FormatVersionError: a newer version of this package wrote it.
            DecodeError: it is no saved state.
        """
        saved = restore_state(data)
        if self.logs or self._advanced is not None or self._sealed:
            raise ValueError("restore_state needs a new inbox: restore the state first, then put logs and take events")
        self._advanced, self.late, self._sealed.has_forgotten = saved.advanced, saved.late, saved.forgotten
        self.clocks.update(saved.clocks)
        self.correct.update((s, clock) for s, clock in saved.clocks.items() if isinstance(self.correct.get(s), ProviderClock))
        for session in saved.sealed:
            self._sealed.add(session)

    # --- Inside ---------------------------------------------------------------------------------------------------------------

    @property
    def table(self) -> Table:
        """The table by which events are read."""
        return self.lifecycle.table

    def _fixed_offset(self, event: Event) -> timedelta | None:
        log = self.logs.get(event.subject)
        return log.offsets.get(event.source) if log else self._sealed.offset(event)

    def _is_first(self, event: Event) -> bool:
        log = self.logs.get(event.subject)
        return event.subject not in self._sealed and (log is None or not log.holds(event))

    def _copies(self, event: Event) -> tuple[Event, ...]:
        log = self.logs.get(event.subject)
        return log.copies_of(event) if log else ()

    def _add(self, event: Event, now: datetime, offset: timedelta | None = None) -> Change:
        if self._is_closed(event):
            outcome = self._sealed.answer(event)
            self.late += isinstance(outcome, Late)
            change = Change(outcome)
            if self.observers:
                empty = SessionLog(self.lifecycle, event.subject)
                empty.restore_sealed((), empty.session, (), advanced=None, repeats=0, late=0)
                notify(self.observers, empty, change)
            return change
        log = self.logs.get(event.subject) or SessionLog(self.lifecycle, event.subject)
        self._dirty = True
        # Nothing is due there, or it would have fired, unless the log was put here since. But the event may make it so.
        fired = self._fired(log, self._advanced).new if self._advanced is not None else ()
        if offset is not None:  # before the event: an interruption after it must not leave the source without its offset
            log.offsets.setdefault(event.source, offset)
        if log.keeps(event):  # not a repeat: a payload may be sent again every minute for ever
            self._waiting.hear(event, now)
        change = log.add(event)
        self.raised.pop(event.subject, None)  # its timers wait again
        self.logs[event.subject] = log
        self._waiting.add(log)
        self._dirty = False
        change = with_fired(fired, change) if fired else change
        if self.observers:
            notify(self.observers, log, change)
        return change

    def _is_closed(self, event: Event) -> bool:
        """Return whether an event is of a session that was evicted. Of a forgotten session, only the time is known."""
        # Three memories, one after the other:
        #
        #     the log is here             open: the event goes to the log
        #     the session is remembered   closed: repeat if the fingerprint of the copy is remembered, too, else late
        #     neither                     open: a new session. If ids were forgotten, it may be an old one, and its time decides.
        if event.subject in self.logs or event.subject in self._sealed:
            return event.subject not in self.logs
        return self._sealed.has_forgotten and event.occurred_at < self._waiting.horizon(self._advanced)

    def _fired(self, log: SessionLog, now: datetime) -> Change:
        """Return the change of a log whose timers fire. Empty, too: its own table raised, so its timers are passed over."""
        session = log.session_id
        reported = self.raised.pop(session, None)
        try:
            return log.advance(now)
        except Exception as error:  # noqa: BLE001 (an own table may raise any, and the timers of all others must fire)
            if reported is None:
                report(error, "session %s: a timer is due, but a guard or an action raised: %r", printable(session), error)
            self.raised[session] = error
            return Change()

    def _seal(self, now: datetime, budget: Budget) -> None:
        for log in self._waiting.to_seal(now, budget):
            if self._waiting.is_sealed_later(log, now):
                self._waiting.add(log)  # an event came since, or after-call work goes on
            elif log.seal(self._waiting.horizon(now)):  # a session that has not ended waits for its next event
                self._passed.logs[log.session_id] = self._passed.sealed[log.session_id] = log  # first: it must be somewhere
                self._evict(log)

    def _notify_passed(self) -> None:
        passed = self._passed
        for session, change in passed.changes.items():
            if change:
                notify(self.observers, passed.logs[session], change)
        for log in passed.sealed.values():
            notify(self.observers, log, Sealed(context=log.context))

    def _evict(self, log: SessionLog, *, dropped: bool = False) -> None:
        self._sealed.remember(log, dropped=dropped)
        self._waiting.remove(log.session_id)
        self.raised.pop(log.session_id, None)
        self.logs.pop(log.session_id, None)

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        if self._busy:
            raise RuntimeError("a second writer entered the inbox: an inbox belongs to one thread or one event loop at a time")
        try:
            self._busy = True
            if self._dirty:
                self._waiting.rebuild()
                self._dirty = False
            yield
        finally:
            self._busy = False
