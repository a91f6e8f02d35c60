"""The durable inbox: the inbox over a store.

Theory of operation
===================

It does with an event what every inbox does (`io/receiver.py`). But the logs are in the store, and each call is one transaction: a
document that `take` gets is stored with all its events, or not at all. When a call returns, what it did is on disk. After a
restart there is nothing to restore, and sessions are read when something happens to them.

Clocks are written in the transaction of the events from which they learned. A clock that is only observed belongs to one worker.
A clock that corrects times is shared: all workers must correct the first event of a session by the same offset. So its row is
locked while one of them learns from an event.

Observers and `reject` are called after the commit. If the process dies in between, they are not called. What must not be missed
is in the outbox.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from threading import RLock
from typing import TypeVar

from attrs import define, field
from sqlalchemy import select

from cobrowse_session.canonical import identity
from cobrowse_session.checks import check_type, json_text, shown
from cobrowse_session.errors import DecodeError, SettingsError, UnreadableError
from cobrowse_session.events import Event
from cobrowse_session.io.answers import Advanced, Put, Received, Taken
from cobrowse_session.io.arrival import MAX_SOURCES
from cobrowse_session.io.receiver import Receiver, arrival
from cobrowse_session.io.replay import Rejected
from cobrowse_session.io.waiting import Budget, horizon_of
from cobrowse_session.lifecycle import Late, Lifecycle
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.sources import Converted, convert
from cobrowse_session.sources.join import MAX_REMEMBERED
from cobrowse_session.store.rows import clock_of, event_of
from cobrowse_session.store.schema import CLOCKS, LEGS, MAX_ID, SHARED, is_key
from cobrowse_session.store.store import Store
from cobrowse_session.store.unit import Leg, Unit
from cobrowse_session.stream import Change, ProviderClock, Sealed, SessionLog
from cobrowse_session.stream.merge import differences_of
from cobrowse_session.stream.observers import notify
from cobrowse_session.times import EPOCH, utc
from cobrowse_session.wire.clock import save_clock
from cobrowse_session.wire.strict_json import decode_error, dump, read_json

SLICE = 100
"""The number of sessions that `advance` changes in one transaction."""

Result = TypeVar("Result")


@define(eq=False)
class DurableInbox(Receiver):
    """The receiver of raw events of any number of sessions, over a store. It takes what `Inbox` takes.

    An event of a session whose rows cannot be read is rejected: `unreadable_session`. What came with it is stored.

    Several threads may use it. They take turns. Several workers may have an inbox over one database.

    Args:
        store: it has the sessions, and the rules of those that begin.
        worker: the name of this process among several, for the clocks that it observes.
        reject: as for `Inbox`. Called after the rest was stored.
        seal_after: seal sessions that are over this long after their latest event arrived here, or occurred. None: never.
        seal_unfinished_after: as for `Inbox`.
        correct: as for `Inbox`.
        max_future: as for `Inbox`.
        max_line_bytes: as for `Inbox`.
        sources: as for `Inbox`.
        observers: as for `Inbox`. Called after their change was stored. They must only read the log: it is that of the store.

    Raises:
        TypeError: an argument of another type.
        SettingsError: a negative duration, or a worker whose name is empty or longer than 1,000 bytes.
        StoreError: the database cannot be read.

    >>> from cobrowse_session.testing import stream
    >>> from cobrowse_session.wire import encode_event
    >>> inbox = DurableInbox(Store("sqlite://"))  # in memory
    >>> (event,) = stream("s1", delay=0.03).alerting()
    >>> inbox.receive(encode_event(event)).outcome.kind
    'applied'
    >>> inbox.receive(encode_event(event)).outcome.kind
    'repeat'
    >>> inbox.logs["s1"].session.state
    <ConnectionState.ALERTING: 'alerting'>
    >>> inbox.store.close()
    """

    store: Store
    worker: str = field(default="worker", kw_only=True)
    late: int = field(default=0, init=False)
    """The number of events that came too late for their session, since this object was made."""
    deadline_set: Callable[[datetime], object] | None = field(default=None, init=False, repr=False)
    """Called after a commit with the earliest deadline of the sessions that it changed, on the corrected provider clock."""
    _saved_clocks: dict[str, str] = field(factory=dict, init=False, repr=False)  # as they were committed
    _legs: set[Leg] = field(factory=set, init=False, repr=False)  # that are stored, as far as is remembered
    _learned: set[str] = field(factory=set, init=False, repr=False)  # the sources whose clocks learned since
    _advanced: datetime | None = field(default=None, init=False)
    _lock: RLock = field(factory=RLock, init=False, repr=False)
    _work: "_Work | None" = field(default=None, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        check_type("DurableInbox: store", self.store, Store)
        check_type("DurableInbox: worker", self.worker, str)
        if self.worker == SHARED or not is_key(self.worker):
            raise SettingsError("worker", f"a name of 1 to {MAX_ID} bytes", shown(self.worker))
        super().__attrs_post_init__()
        self._saved_clocks = {source: dump(save_clock(clock)) for source, clock in self.clocks.items()}
        columns = CLOCKS.c
        known = select(CLOCKS).where(columns.worker.in_((self.worker, SHARED))).order_by(columns.worker).limit(MAX_SOURCES)
        with self.store.database.reading() as connection:
            for worker, source, document in connection.execute(known):
                if worker == self._owner(source) and (source in self.clocks or len(self.clocks) < MAX_SOURCES):
                    self._set_clock(source, document)

    @property
    def lifecycle(self) -> Lifecycle:
        """The rules of sessions that begin here."""
        return self.store.lifecycle

    @property
    def logs(self) -> Mapping[str, SessionLog]:
        """The logs of all sessions that are not sealed, by session. Each is read when it is asked for."""
        return StoredLogs(self.store)

    # --- Events ---------------------------------------------------------------------------------------------------------------

    def receive(self, raw: str | bytes, now: datetime | None = None) -> Received | Rejected:
        """Take one raw event, and store it. See `Inbox.receive`.

        Raises:
            TypeError: `raw` is no text, or `now` is naive.
            StoreError: it could not be stored. Nothing has changed.
        """
        return self._durably(partial(super().receive, raw, now))

    def add(self, event: Event, now: datetime | None = None) -> Received | Rejected:
        """Take one event whose times need no correction, and store it. See `Inbox.add`.

        Raises:
            TypeError: it is no event, or `now` is naive.
            StoreError: it could not be stored. Nothing has changed.
        """
        return self._durably(partial(super().add, event, now))

    def take(self, document: object, now: datetime | None = None) -> Taken:
        """Take whatever a transport delivers, and store all of it in one transaction. See `Inbox.take`.

        Raises:
            TypeError: it is none of what is recognised, or `now` is naive.
            StoreError: it could not be stored. Nothing has changed.
        """
        return self.take_each((document,), now)[0]

    def take_each(self, documents: Sequence[object], now: datetime | None = None) -> tuple[Taken, ...]:
        """Take several documents, and store all of them in one transaction: one write to the disk for many senders.

        Returns:
            The result of each document, as `take` returns it.

        Raises:
            TypeError: one is none of what is recognised, or `now` is naive. Nothing has changed.
            StoreError: they could not be stored. Nothing has changed.
        """
        now = arrival(now)
        return self._durably(partial(self._take_each, documents, now))

    def _take_each(self, documents: Sequence[object], now: datetime) -> tuple[Taken, ...]:
        # All sessions are read first, so that their rows are locked in one order. One by one, each of two workers could have a
        # session for which the other waits, until PostgreSQL ends one of them after a second. A leg that is joined with another
        # has the id of that one. If it leads there nevertheless, the next attempt reads it first, too: see `Store.run`.
        self._here.unit.read(session for document in documents for session in self._sessions_of(document))
        return tuple([Receiver.take(self, document, now) for document in documents])

    def _sessions_of(self, document: object) -> Iterator[str]:
        """Yield the sessions of the events in a document, as far as they are known before it is taken."""
        if isinstance(document, Event):
            yield document.subject
        elif isinstance(document, list):
            for part in document:
                if not isinstance(part, list):
                    yield from self._sessions_of(part)
        elif isinstance(document, Mapping) and isinstance(subject := document.get("subject"), str):
            if is_key(subject):  # what is no session is rejected later
                yield subject
        elif not self.store.database.is_sqlite:  # that has one writer, so its order does not matter
            with suppress(DecodeError):  # it is rejected later
                if isinstance(document, str | bytes):
                    parsed = read_json(document, max_line_bytes=self.max_line_bytes)
                    yield from () if isinstance(parsed, str) else self._sessions_of(parsed)
                elif isinstance(document, Mapping):  # a payload, which is converted for this alone
                    yield from {
                        event.subject for event in convert(document, sources=self.sources).events if is_key(event.subject)
                    }

    # --- Logs -----------------------------------------------------------------------------------------------------------------

    def find(self, session: str) -> SessionLog | None:
        """Return the log of a session, as it is stored, also a sealed one. None: there is none.

        Raises:
            StoreError: the database cannot be read.
        """
        return self.store.load(session)

    def put(self, log: SessionLog) -> Put:
        """Store a log that was restored. If the store has the session, the events of the log are added to it.

        The log of a session that may have been forgotten is not stored: all its copies are late.

        Raises:
            TypeError: it is no log.
            DecodeError: the id of its session is longer than 1,000 bytes. Nothing has changed.
            StoreError: it could not be stored. Nothing has changed.
        """
        check_type("DurableInbox.put", log, SessionLog)
        return self._durably(partial(self._put, log))

    def _put(self, log: SessionLog) -> Put:
        unit = self._here.unit
        here = unit.log(log.session_id)
        if here is None and unit.is_forgotten(log.latest):
            return Put(None, log.copies)
        if here is None:
            unit.put(log)
            return Put(None if log.sealed else log)
        unit.released.add(log.session_id)  # the caller gets it
        differences = tuple(differences_of(here, log))
        outcomes = [unit.add(copy).outcome for copy in log.copies]
        late = tuple(outcome.event for outcome in outcomes if isinstance(outcome, Late))
        return Put(None if here.sealed else here, late, differences)

    # --- Time -----------------------------------------------------------------------------------------------------------------

    @property
    def deadline(self) -> datetime | None:
        """The time at which `advance` has something to fire next, on the corrected provider clock. None: never."""
        return self.store.deadline

    def advance(self, now: datetime, limit: int | None = None) -> Advanced:
        """Fire what is due in all sessions, and seal those that are over, in transactions of 100 sessions each.

        Args:
            now: corrected provider clock. Advice: some seconds ago, as long as events take to arrive. A time that is earlier than
                before undoes nothing, and holds for sessions that begin later: our clock may have been ahead.
            limit: how many sessions are changed. None: all. Call `advance` again while `more` is true.

        Raises:
            TypeError: `now` is naive, or the limit is no integer.
            ValueError: a limit below 1.
            StoreError: it could not be stored. What earlier transactions of this call did is in the outbox.
        """
        left = Budget(limit).left
        with self._lock:
            self._advanced = now = utc(now)
            changes: dict[str, Change] = {}
            logs: dict[str, SessionLog] = {}
            sealed: list[SessionLog] = []
            while left is None or left > 0:
                size = SLICE if left is None else min(SLICE, left)
                fired, over = self._durably(partial(self._advance, now, size))
                changes |= {session: change for session, (_, change) in fired.items()}
                logs |= {session: log for session, (log, _) in fired.items()} | {log.session_id: log for log in over}
                sealed += over
                left = None if left is None else left - len(fired) - len(over)
                # A session whose timer fired may be over now. It is found once that was committed.
                if len(fired) + len(over) < size and (not fired or self.seal_after is None):
                    return Advanced(changes, tuple(logs.values()), tuple(sealed))
            return Advanced(changes, tuple(logs.values()), tuple(sealed), more=True)

    def _advance(self, now: datetime, size: int) -> tuple[dict[str, tuple[SessionLog, Change]], tuple[SessionLog, ...]]:
        unit, horizon = self._here.unit, horizon_of(now, self.seal_after)
        unfinished = min(horizon, horizon_of(now, self.seal_unfinished_after))
        fired = unit.advance(now, size)
        sealed = unit.seal(horizon, unfinished, size - len(fired)) if horizon > EPOCH and len(fired) < size else ()
        self._here.told.extend((log, change) for log, change in fired.values() if change)
        self._here.told.extend((log, Sealed(context=log.context)) for log in sealed)
        return fired, sealed

    # --- Inside ---------------------------------------------------------------------------------------------------------------

    def _durably(self, act: Callable[[], Result]) -> Result:
        """Do something in a transaction. What is a part of more, as an event of a document, is done in that transaction."""
        # In this order:
        #
        #     attempt   events are folded and clocks learn, in memory; again if another writer was first
        #     commit    `store.run` writes and commits; if it raises, the clocks forget what they learned
        #     tell      rejected documents and changes, to those who asked for them: they may do what they like now
        with self._lock:
            if self._work is not None:
                return act()
            try:
                result, work = self.store.run(partial(self._attempt, act))
            except BaseException:
                self._undo()
                raise
            self._saved_clocks |= work.clocks
            self._learned.clear()
            self._legs = (self._legs if len(self._legs) < MAX_REMEMBERED else set()) | work.unit.legs
            self._tell(work)
            return result

    def _attempt(self, act: Callable[[], Result], unit: Unit) -> tuple[Result, "_Work"]:
        """Do something in a transaction that may have to be tried again. Until it is committed, nobody is told."""
        self._undo()  # what the clocks learned in an attempt that lost a race
        self._work = work = _Work(unit)
        try:
            result = act()
        finally:
            self._work = None
        for source in sorted(self._learned & self.clocks.keys()):  # of too many sources, the first are forgotten
            work.clocks[source] = dump(save_clock(self.clocks[source]))
            if is_key(source):  # the clock of a longer one is in memory only
                unit.clocks[self._owner(source), source] = work.clocks[source]
        return result, work

    def _tell(self, work: "_Work") -> None:
        self.late += sum(isinstance(change.outcome, Late) for _, change in work.told)
        for rejected in work.rejected:
            self._tell_rejected(rejected)
        for log, change in work.told:
            notify(self.observers, log, change)
        if self.deadline_set is not None:
            deadlines = [log.deadline for log, change in work.told if change]
            if earliest := min(filter(None, deadlines), default=None):
                self.deadline_set(earliest)

    @property
    def _here(self) -> "_Work":
        assert self._work is not None, "a transaction is open"
        return self._work

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        yield  # the transaction keeps others out

    def _receive(self, event: Event, now: datetime) -> Received:
        source = event.source
        if self._owner(source) == SHARED and source not in self._here.clocks:
            self._read_clock(source)
        before = self.clocks[source].pairs if source in self.clocks else 0
        is_new = source not in self._learned
        self._learned.add(source)  # first: the rest may raise
        try:
            return super()._receive(event, now)
        finally:
            if is_new and (source not in self.clocks or self.clocks[source].pairs == before):
                self._learned.discard(source)

    @property
    def table(self) -> Table:
        """The table by which events are read."""
        return self.store.lifecycle.table

    def _fixed_offset(self, event: Event) -> timedelta | None:
        log = self._log(event)
        return log.offsets.get(event.source) if log else None

    def _is_first(self, event: Event) -> bool:
        log = self._log(event)
        return log is None or not (log.sealed or log.holds(event))

    def _copies(self, event: Event) -> Iterator[Event]:
        log = self._log(event)
        if log is not None:
            yield from log.copies_of(event)
            held = self._here.unit.held[event.subject]
            late = (form for form in (held.late if held else ()) if json_text(event.id) in form)  # most are of other events
            yield from (copy for form in late if identity(copy := event_of(form, self.table)) == identity(event))

    def _add(self, event: Event, now: datetime, offset: timedelta | None = None) -> Change:
        self._log(event)  # before anything changes
        change = self._here.unit.add(event, now, advanced=self._advanced, offset=offset)
        self._here.told.append((self._log(event) or SessionLog(self.lifecycle, event.subject), change))
        return change

    def _log(self, event: Event) -> SessionLog | None:
        """Return the log of an event's session. None: there is none.

        Raises:
            DecodeError: its rows cannot be read. So the event is rejected, and what came with it is stored.
        """
        try:
            return self._here.unit.log(event.subject)
        except UnreadableError as error:
            expected = "a session whose rows can be read"
            raise decode_error("unreadable_session", "$.subject", event.subject, expected) from error

    def _reject(self, error: DecodeError, content: bytes, count: int = 1) -> Rejected:
        rejected = Rejected.of(error, None, content, count=count)
        self._here.rejected.append(rejected)
        return rejected

    def _join(self, converted: Converted) -> Converted:
        """Join the legs of a payload with what any worker has read at any time. See `Joiner`."""
        unit, columns = self._here.unit, LEGS.c
        for leg in converted.legs:
            participant = leg.context.participant_id
            if leg.is_participant or participant is None:
                continue
            if is_key(leg.source, participant, leg.id):  # a longer one is remembered by this worker only
                unit.legs.add((leg.source, participant, leg.id, leg.context.media_type))
        unit.legs -= self._legs
        participants = {leg.id for leg in converted.legs if leg.is_participant}
        if participants:
            for row in unit.connection.execute(select(LEGS).where(columns.participant.in_(participants))):
                self._joiner.recall(*row)
        return super()._join(converted)

    # --- Clocks ---------------------------------------------------------------------------------------------------------------

    def _owner(self, source: str) -> str:
        return SHARED if isinstance(self.correct.get(source), ProviderClock) else self.worker

    def _read_clock(self, source: str) -> None:
        """Read what other workers have taught a clock that corrects times, and keep them out until the commit."""
        columns = CLOCKS.c
        row = select(columns.document).where(columns.worker == SHARED, columns.source == source).with_for_update()
        found = self._here.unit.connection.scalar(row)
        self._here.clocks[source] = found or self._saved_clocks[source]
        if found is not None and found != self._saved_clocks[source]:
            self._set_clock(source, found)

    def _set_clock(self, source: str, document: str) -> None:
        clock = self.clocks[source] = clock_of(self.store.database.address, source, document)
        self._saved_clocks[source] = document
        if isinstance(self.correct.get(source), ProviderClock):
            self.correct[source] = clock

    def _undo(self) -> None:
        """Let the clocks forget what they learned in a transaction that was not committed."""
        for source in self._learned:
            if source in self._saved_clocks:
                self._set_clock(source, self._saved_clocks[source])
            else:
                self.clocks.pop(source, None)
        self._learned.clear()


@define
class _Work:
    """The work of an inbox in one transaction."""

    unit: Unit
    told: list[tuple[SessionLog, Change]] = field(factory=list)
    rejected: list[Rejected] = field(factory=list)
    clocks: dict[str, str] = field(factory=dict)


class StoredLogs(Mapping[str, SessionLog]):
    """The logs of the sessions of a store that are not sealed. Each is read when it is asked for.

    Args:
        store: the store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getitem__(self, session: str) -> SessionLog:
        log = self._store.load(session)
        if log is None or log.sealed:
            raise KeyError(session)
        return log

    def __iter__(self) -> Iterator[str]:
        after: str | None = None
        while True:
            page = self._store.find(sealed=False, after=after)
            yield from (stored.id for stored in page.sessions)
            if (after := page.next) is None:
                return

    def __len__(self) -> int:
        return self._store.count(sealed=False)
