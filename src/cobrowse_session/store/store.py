"""A durable store of sessions: events in, and the sessions that follow from them, in one transaction.

Theory of operation
===================

The events of a session are only ever appended. Beside them is the session that follows. It can be read, found and waited for
without its events. All of it is written in one transaction, so the stored session always equals the fold of the stored events.
`verify` proves that.

A call of `append` reads the rows of its sessions, folds the new events in memory, and writes what changed (`unit.py`). A log
stays in memory after its commit (`shelf.py`). If its row has the same version the next time, no event is read again.

PostgreSQL locks the rows of the sessions until the commit. SQLite has one writer. When a row is written, its version is checked
nevertheless, and of two writers that insert one session the second one fails. Who loses such a race tries again, within a bound.

If anything raises, the transaction is rolled back, and the logs that it changed leave memory. So memory has committed logs only.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from threading import RLock
from types import TracebackType
from typing import Generic, Self, TypeVar, cast

from sqlalchemy import Connection, func, select, update

from cobrowse_session.checks import check_text, check_type, nearest, shown
from cobrowse_session.errors import ConflictError, UnreadableError
from cobrowse_session.events import Event
from cobrowse_session.io.arguments import check_count, check_limit
from cobrowse_session.io.waiting import UNFINISHED, horizon_of
from cobrowse_session.lifecycle import Lifecycle
from cobrowse_session.lifecycle.states import ABSENT
from cobrowse_session.model import S_co
from cobrowse_session.store.database import Database, LostRace
from cobrowse_session.store.epoch import begin_epoch, horizon_time
from cobrowse_session.store.found import Page, Reader, StoredSession
from cobrowse_session.store.outbox import Outbox
from cobrowse_session.store.rows import Row, as_moment, as_number, event_of, indexed, page_of
from cobrowse_session.store.schema import HORIZON, SESSIONS
from cobrowse_session.store.shelf import Shelf, page_after
from cobrowse_session.store.unit import Unit
from cobrowse_session.store.upgrade import prepare
from cobrowse_session.stream import Activity, Change, SessionLog
from cobrowse_session.stream.activity import activity_of
from cobrowse_session.times import MAX_TIME, utc

ATTEMPTS = 10
"""How often a transaction that loses races is tried."""
PAGE = 500
"""The number of sessions that `iterate` reads at once."""

Result = TypeVar("Result")


class Store(Generic[S_co]):
    """Sessions in a database.

    Several threads may use a store. They take turns. Several stores, in as many processes, may use one database.

    Args:
        url: `sqlite:///sessions.db`, or `postgresql://user:password@host/database`. An empty database gets its tables.
        lifecycle: the rules of sessions that begin here. Its table reads all sessions. None: the default ones.
        cached: how many events stay in memory, with their logs. One takes about 700 bytes.
        create: an empty database gets its tables. Otherwise it is an error.

    Raises:
        TypeError: `lifecycle` is no lifecycle, or `cached` no integer.
        SettingsError: `cached` is negative.
        StoreError: the database cannot be used, or its tables have another version.
        MissingExtraError: the extra `postgresql` is not installed.

    >>> from cobrowse_session.testing import stream
    >>> store = Store("sqlite://")  # in memory
    >>> changes = store.append(stream("s1").alerting().after(3).connected())
    >>> [change.outcome.kind for change in changes]
    ['applied', 'applied']
    >>> store.load("s1").session.state
    <ConnectionState.CONNECTED: 'connected'>
    >>> store.close()
    """

    def __init__(self, url: str, lifecycle: Lifecycle[S_co] | None = None, *, cached: int = 100_000, create: bool = True) -> None:
        if lifecycle is not None:
            check_type("Store: lifecycle", lifecycle, Lifecycle)
        check_type("Store: cached", cached, int)
        check_count("cached", cached, 0)
        self.database = Database(url, create=create)
        self._shelf = Shelf(lifecycle or cast(Lifecycle[S_co], Lifecycle()), self.database, cached)
        self._reader = Reader(self._shelf)
        self.outbox = Outbox(self.database, self._reader)
        """The messages: what changed and is to be handed over."""
        self._lock = RLock()
        try:
            prepare(self.database, create=create)
        except BaseException:
            self.close()
            raise

    @property
    def lifecycle(self) -> Lifecycle[S_co]:
        """The rules of sessions that begin here."""
        return self._shelf.lifecycle

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.database.address!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections. What was appended is on disk already."""
        self.database.close()

    # --- Events ---------------------------------------------------------------------------------------------------------------

    def append(self, events: Iterable[Event], now: datetime | None = None) -> tuple[Change, ...]:
        """Add events of any sessions, in one transaction. When this returns, they are on disk.

        A copy that is stored already changes nothing. So a sender who got no answer sends again.

        Args:
            events: as they are to be stored.
            now: when they arrived, on the cloud clock. `seal` counts from then. None: when each was received.

        Returns:
            The change of each event, as `SessionLog.add` returns it.

        Raises:
            TypeError: something is no event, or of a class that the table does not have, or `now` is naive. Nothing was stored.
            ValueError: the id of a session is longer than 1,000 bytes. Nothing was stored.
            ConflictError: other writers were first each time. Nothing was stored.
            StoreError: the database cannot be written. Nothing was stored, unless the connection broke during the commit.
        """
        check_type("Store.append: events", events, Iterable)
        every, now = list(events), None if now is None else utc(now)
        for event in every:
            check_type("Store.append: event", event, Event)
            self.lifecycle.check_event(event, event.subject)

        def work(unit: Unit) -> tuple[Change, ...]:
            unit.read(event.subject for event in every)
            return tuple([unit.add(event, now) for event in every])

        return self.run(work)

    def run(self, work: Callable[[Unit], Result]) -> Result:
        """Do some work in one transaction, and return its result. It is done again if another writer was first.

        Raises:
            ConflictError: other writers were first each time. Nothing was stored.
            StoreError: the database cannot be written. Nothing was stored.
        """
        race = ""
        tried: set[str] = set()
        with self._lock:
            for _ in range(ATTEMPTS):
                try:
                    return self._run(work, tried)
                except LostRace as error:
                    race = str(error)
        problem = f"other writers were first {ATTEMPTS} times ({race})"
        raise ConflictError(self.database.address, problem, "nothing was stored: try again later")

    def _run(self, work: Callable[[Unit], Result], tried: set[str]) -> Result:
        """Do some work in one transaction.

        Args:
            work: it.
            tried: the sessions of earlier attempts. They are read first, all at once, so that their rows are locked in one order.
                Otherwise two workers that wait for each other would do so again in each attempt.
        """
        unit: Unit | None = None
        try:
            with self.database.attempt() as connection:
                self._shelf.here.transaction = connection
                unit = Unit(self._shelf, connection)
                unit.read(tried)
                result = work(unit)
                unit.write()
        except BaseException:
            if unit is not None:
                tried.update(unit.held)
                self._shelf.drop(unit.held)
            raise
        finally:
            self._shelf.here.transaction = None
        self._shelf.keep({session: None if session in unit.released else held for session, held in unit.held.items()})
        return result

    def begin_epoch(self) -> str:
        """Begin a new epoch, after the database was restored from a backup, and return its name. See `Outbox.feed`.

        All positions of before are errors from then on. Otherwise a reader would miss messages. A PostgreSQL database that was
        moved into another cluster is recognised, and this is done when a store is opened.

        Raises:
            StoreError: the database cannot be written. Nothing has changed.
        """
        with self.database.writing() as connection:
            return begin_epoch(connection)

    def writing(self) -> AbstractContextManager[Connection]:
        """Open a transaction on the database, for tables of your own. See `Outbox.acknowledge`."""
        return self.database.writing()

    @property
    def unreadable(self) -> Mapping[str, UnreadableError]:
        """The sessions that were found to be unreadable since the store was opened, each with its error. No timer of them fires.

        Sessions in which a guard of their own table raises are among them. Each was logged once, to `cobrowse_session.store`.
        """
        return dict(self._shelf.unreadable)

    # --- What it shows --------------------------------------------------------------------------------------------------------

    def load(self, session: str) -> SessionLog[S_co] | None:
        """Return the log of a session, as it is stored. None: there is none. What is added to the log is not stored.

        Raises:
            TypeError: the id is no text.
            ValueError: the id has a lone surrogate.
            UnreadableError: the rows of a session cannot be read. The error names it.
            StoreError: the database cannot be read.
        """
        check_text("Store.load: session", session)
        with self.database.reading() as connection:
            row = connection.execute(select(SESSIONS).where(SESSIONS.c.id == session)).mappings().first()
            return None if row is None else cast(SessionLog[S_co], self._shelf.restored(connection, dict(row)).log)

    def get(self, session: str) -> StoredSession[S_co] | None:
        """Return a session as it is stored, without its events. None: there is none.

        Raises:
            TypeError: the id is no text.
            ValueError: the id has a lone surrogate.
            UnreadableError: the rows of a session cannot be read. The error names it.
            StoreError: the database cannot be read.
        """
        check_text("Store.get: session", session)
        with self.database.reading() as connection:
            row = connection.execute(select(*self._reader.columns).where(SESSIONS.c.id == session)).first()
            return None if row is None else self._reader.read(connection, row)

    def probe(self) -> None:
        """Check that the database can be written, without a change.

        Raises:
            StoreError: it cannot.
        """
        with self.database.writing() as connection:
            # A row is written as it is. A statement without a row would succeed on a disk that is full.
            connection.execute(update(HORIZON).values(forgotten=HORIZON.c.forgotten))

    def find(  # noqa: PLR0913 (each is a condition)
        self,
        *,
        state: str | None = None,
        acw: str | None = None,
        conversation: str | None = None,
        queue: str | None = None,
        user: str | None = None,
        since: datetime | None = None,
        sealed: bool | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page[S_co]:
        """Return the sessions that fulfil all conditions, by id. One that cannot be read is left out: see `unreadable`.

        Args:
            state: the connection state.
            acw: the state of after-call work.
            conversation: the id of the conversation. Its first 200 characters are compared.
            queue: the id of the queue, in the same way.
            user: the id of the user, in the same way.
            since: the latest event occurred then or later, on the corrected provider clock.
            sealed: the session takes no more events, or it does.
            after: `Page.next` of the page before.
            limit: the number of sessions.

        Raises:
            TypeError: `since` is naive, or a condition of another type.
            ValueError: the limit is below 1, there is no such state, or a text is not whole.
            StoreError: the database cannot be read.
        """
        check_limit(limit)
        columns, states = SESSIONS.c, self.lifecycle.table.states
        for name, text in {"conversation": conversation, "queue": queue, "user": user, "after": after}.items():
            if text is not None:
                check_text(f"find: {name}", text)
        _check_word("find: state", state, states.connection)
        _check_word("find: acw", acw, [word for word in states.after_call_work if word != ABSENT])
        conditions = [
            (columns.state, state),
            (columns.acw, acw),
            (columns.conversation_id, indexed(conversation)),
            (columns.queue_id, indexed(queue)),
            (columns.user_id, indexed(user)),
            (columns.sealed, sealed),
        ]
        where = [column == value for column, value in conditions if value is not None]
        where += [] if since is None else [columns.latest >= as_number(utc(since))]
        where += [] if after is None else [columns.id > after]
        with self.database.reading() as connection:
            wanted = select(*self._reader.columns).where(*where).order_by(columns.id)
            rows, end = page_of(connection, wanted, limit)
            others = end and connection.execute(wanted.where(columns.id > end.id).limit(1)).first()
            found = tuple(self._reader.read_each(connection, rows))
        return Page(found, end.id if end and others else None)

    def active(self) -> tuple[Activity, ...]:
        """Return what goes on in all sessions as they are stored: a leg that is pending or connected, or after-call work.

        A session that cannot be read is left out: see `unreadable`.

        Raises:
            StoreError: the database cannot be read.
        """
        states, columns = self.lifecycle.table.states, SESSIONS.c
        goes_on = columns.state.in_(states.pending | states.connected) | columns.acw.in_(states.working)
        with self.database.reading() as connection:
            rows = connection.execute(select(*self._reader.columns).where(goes_on, columns.sealed.is_(False))).all()
            found = [*self._reader.read_each(connection, rows)]
        every = (activity_of(one.session, one.context, one.lifecycle) for one in found)
        return tuple(one for one in every if one is not None)

    def iterate(self, after: str = "") -> Iterator[SessionLog[S_co]]:
        """Yield the logs of all sessions, by id. Sessions that begin meanwhile may be left out.

        Args:
            after: leave out the sessions up to this id.

        Raises:
            TypeError: the id is no text.
            ValueError: the id has a lone surrogate.
            UnreadableError: the rows of a session cannot be read. The error names it.
            StoreError: the database cannot be read.
        """
        check_text("Store.iterate: after", after)
        return (log for log, _ in self.iterate_with_late(after))

    def iterate_with_late(
        self, after: str = "", pass_over: Callable[[UnreadableError], object] | None = None
    ) -> Iterator[tuple[SessionLog[S_co], tuple[Event, ...]]]:
        """Yield each log as `iterate` does, and the events that came after it was sealed.

        Args:
            after: as of `iterate`.
            pass_over: called with the error of each session that cannot be read. None: the first one is raised.
        """
        while True:
            with self.database.reading() as connection:
                page, end = page_after(connection, after, PAGE)
                found = [self._with_late(connection, row, events) for row, events in page]
            for one in found:
                if not isinstance(one, UnreadableError):
                    yield one
                elif pass_over is None:
                    raise one
                else:
                    pass_over(one)
            if end is None:
                return
            after = end

    def _with_late(
        self, connection: Connection, row: Row, events: Sequence[Row]
    ) -> tuple[SessionLog[S_co], tuple[Event, ...]] | UnreadableError:
        try:
            with self._shelf.naming(row["id"]):
                log = self._shelf.restored(connection, row, events).log
                late = (event_of(one["document"], self.lifecycle.table) for one in events if one["late"])
                return cast(SessionLog[S_co], log), tuple(late)
        except UnreadableError as error:
            return error

    def count(self, *, sealed: bool | None = None) -> int:
        """Return the number of sessions.

        Args:
            sealed: of those that take no more events, or of those that do. None: of all.

        Raises:
            StoreError: the database cannot be read.
        """
        where = [] if sealed is None else [SESSIONS.c.sealed == sealed]
        with self.database.reading() as connection:
            return connection.scalar(select(func.count()).select_from(SESSIONS).where(*where)) or 0

    @property
    def forgotten(self) -> datetime | None:
        """The time before which sessions were forgotten, on the corrected provider clock. None: none was. See `forget`.

        Raises:
            StoreError: the database cannot be read.
        """
        with self.database.reading() as connection:
            return horizon_time(self.database, connection.execute(select(HORIZON.c.forgotten)).first())

    def count_other_tables(self) -> int:
        """Return the number of sessions that were stored under another table than that of the store.

        Raises:
            StoreError: the database cannot be read.
        """
        with self.database.reading() as connection:
            others = self._shelf.other_tables(connection)
            return connection.scalar(select(func.count()).select_from(SESSIONS).where(SESSIONS.c.rules.in_(others))) or 0

    # --- Time -----------------------------------------------------------------------------------------------------------------

    @property
    def deadline(self) -> datetime | None:
        """The next deadline of all sessions that can be read, on the corrected provider clock. None: there is none."""
        # Not that of a session that cannot be read: it would be in the past for ever.
        columns, unreadable = SESSIONS.c, self.unreadable
        first = select(columns.id, columns.deadline).where(columns.deadline.between(0, as_number(MAX_TIME)))
        # Without them one row is enough. With them, rows are read piece by piece until there is another session.
        first = first.execution_options(yield_per=PAGE) if unreadable else first.limit(1)
        with self.database.reading() as connection, connection.execute(first.order_by(columns.deadline)) as rows:
            return next((as_moment(deadline) for session, deadline in rows if session not in unreadable), None)

    def due(self, now: datetime, limit: int = 100) -> tuple[str, ...]:
        """Return the sessions in which something is due by a time, on the corrected provider clock, the earliest first.

        Raises:
            TypeError: `now` is naive.
            ValueError: the limit is below 1.
            StoreError: the database cannot be read.
        """
        check_limit(limit)
        with self.database.reading() as connection:
            columns = SESSIONS.c
            due = select(columns.id).where(columns.deadline <= as_number(utc(now))).order_by(columns.deadline)
            return tuple(connection.scalars(due.limit(limit)))

    def advance(self, now: datetime, limit: int = 100) -> dict[str, Change]:
        """Fire what is due, each timer at its own instant, and return the change of each session.

        Several workers may do this at once. Each takes other sessions, and a timer fires once. A session that cannot be read is
        passed over: see `unreadable`.

        Args:
            now: corrected provider clock. Advice: some seconds ago, as long as events take to arrive.
            limit: the number of sessions. If so many had something due, call this again.

        Raises:
            TypeError: `now` is naive.
            ValueError: the limit is below 1.
            StoreError: the database cannot be written. Nothing was fired.
        """
        check_limit(limit)
        now = utc(now)
        return self.run(lambda unit: {session: change for session, (_, change) in unit.advance(now, limit).items()})

    def seal(self, horizon: datetime, limit: int = 100, *, unfinished: datetime | None = None) -> tuple[str, ...]:
        """Seal sessions that are over and of which nothing was heard since the horizon, and return their ids.

        A session is heard of when one of its events occurs, is received or arrives here.

        Args:
            horizon: corrected provider clock.
            limit: the number of sessions. If so many were sealed, call this again.
            unfinished: the horizon of sessions with after-call work that is pending without a deadline. None: 7 days earlier.

        Raises:
            TypeError: a time is naive.
            ValueError: the limit is below 1.
            StoreError: the database cannot be written. Nothing was sealed.
        """
        check_limit(limit)
        horizon = utc(horizon)
        before = horizon_of(horizon, UNFINISHED) if unfinished is None else utc(unfinished)
        return self.run(lambda unit: tuple(log.session_id for log in unit.seal(horizon, before, limit)))

    def refold(self, limit: int = 100) -> dict[str, tuple[str, ...]]:
        """Fold sessions anew that were folded under another table, and return the fields of each that read differently now.

        Without this, a session is folded anew when the next event comes for it. Sealed sessions stay as they were sealed.

        Args:
            limit: the number of sessions. If so many were folded, call this again.

        Raises:
            ValueError: the limit is below 1.
            StoreError: the database cannot be written. Nothing has changed.
        """
        check_limit(limit)
        return self.run(lambda unit: unit.refold(limit))

    def forget(self, before: datetime, limit: int = 1000) -> int:
        """Delete sealed sessions whose latest event occurred before a time, and return how many.

        A session stays until all its messages were handed over. From then on, an event that occurred before this time, and whose
        session is not stored, is late. It is not stored. A time after the latest event of all sealed sessions counts as just
        after that event. So a clock that is ahead makes no new session late.

        Args:
            before: corrected provider clock.
            limit: the number of sessions. If so many were deleted, call this again.

        Raises:
            TypeError: `before` is naive.
            ValueError: the limit is below 1.
            StoreError: the database cannot be written. Nothing was deleted.
        """
        check_limit(limit)
        before = utc(before)
        return self.run(lambda unit: unit.forget(before, limit))


def _check_word(name: str, word: str | None, known: Collection[str]) -> None:
    if word is None:
        return
    check_text(name, word)
    if word not in known:
        raise ValueError(f"{name}: expected one of {', '.join(known)}, found {shown(word)}.{nearest(word, known)}")
