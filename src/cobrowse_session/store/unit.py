"""The unit of work: the logs that one transaction reads and changes, and the rows that it writes in the end.

Events are folded in memory. All rows are written at the end of the transaction, a statement for each kind of row:

    events      insert    the copies that the logs kept
    sessions    insert    new sessions
    sessions    update    `where id = … and version = …`: the version that was read
    messages    insert    what changed
    clocks      upsert    what the sources' clocks learned

An update that finds another version has lost a race against another writer. Then nothing is written, and the store tries again.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property, partial
from operator import itemgetter
from typing import Any, TypeVar

from attrs import define, field
from sqlalchemy import (
    ARRAY,
    ClauseElement,
    ColumnElement,
    Connection,
    Text,
    all_,
    any_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPICursor

from cobrowse_session.canonical import canonical
from cobrowse_session.errors import UnreadableError
from cobrowse_session.events import Event
from cobrowse_session.io.changes import with_fired
from cobrowse_session.io.waiting import later
from cobrowse_session.lifecycle import Late
from cobrowse_session.store.database import LostRace
from cobrowse_session.store.epoch import horizon_time
from cobrowse_session.store.rows import Row, as_number, change_document, event_row, session_row
from cobrowse_session.store.schema import (
    CLOCKS,
    EVENTS,
    HORIZON,
    LEGS,
    MAX_ID,
    MESSAGES,
    SESSIONS,
    as_stored,
    escaped,
    is_key,
    parts,
)
from cobrowse_session.store.shelf import Held, Shelf
from cobrowse_session.stream import Change, SessionLog
from cobrowse_session.times import EPOCH
from cobrowse_session.vocabulary import ConnectionState
from cobrowse_session.wire.strict_json import decode_error, dump

Result = TypeVar("Result")

MILLISECOND = timedelta(milliseconds=1)

Leg = tuple[str, str, str, str | None]
"""The leg of a participant: source, participant, communication, media."""


@define(eq=False)
class Unit:
    """The work of one transaction.

    Args:
        shelf: the store.
        connection: the transaction.
    """

    shelf: Shelf
    connection: Connection
    is_silent: bool = field(default=False, init=False)
    """Whether no messages are written, because what happens was handed over elsewhere."""
    held: dict[str, Held | None] = field(factory=dict, init=False)
    """What was read, by session. None: there is no such session."""
    clocks: dict[tuple[str, str], str] = field(factory=dict, init=False)
    """The clocks to write, by worker and source."""
    legs: set[Leg] = field(factory=set, init=False)
    """The legs to write."""
    released: set[str] = field(factory=set, init=False)
    """The sessions whose logs the caller gets, or had. They do not stay in memory, so what he does to them changes no other."""
    _unreadable: dict[str, UnreadableError] = field(factory=dict, init=False)
    _changed: dict[str, Held] = field(factory=dict, init=False)
    _events: list[Row] = field(factory=list, init=False)
    _messages: list[Row] = field(factory=list, init=False)
    _forgotten: list[datetime | None] = field(factory=list, init=False)  # the horizon, once it was read
    _sealed: datetime | None = field(default=None, init=False)  # how far the horizon of sealing reaches at least

    # --- Logs -----------------------------------------------------------------------------------------------------------------

    def read(self, sessions: Iterable[str]) -> None:
        """Read the logs of sessions, all at once. Until the end of the transaction no other one writes them.

        A session that cannot be read is an error when its log is asked for.
        """
        unread = sorted({session for session in sessions if session not in self.held})
        if not unread:
            return
        self.held.update(dict.fromkeys(unread))
        self._forgotten.clear()  # another worker may have forgotten a session meanwhile
        digests = self._lock(unread)
        self.held |= {session: self.shelf.known(session, digest) for session, digest in digests.items()}
        others = [session for session in digests if self.held[session] is None]
        for part in parts(others):
            for row in self.connection.execute(select(SESSIONS).where(SESSIONS.c.id.in_(part))).mappings().all():
                self._read(dict(row))

    def _lock(self, sessions: Sequence[str]) -> dict[str, str]:
        """Lock the rows of sessions, in the order of the ids, until the end of the transaction. Return their digests."""
        # Sorted, so that two transactions never wait for each other. SQLite has one writer, and knows no `for update`.
        name = self._dialect
        stored = {escaped(session): session for session in sessions}
        ids = json.dumps([*stored]) if name == "sqlite" else [*stored]
        database = self.shelf.database
        with database.together(self.connection):  # with the begin of the transaction
            cursor = database.run(self.connection, _LOCK[name], [{"ids": ids}])
        found = cursor.fetchall()
        return {stored[session]: digest for session, digest in found}

    def log(self, session: str) -> SessionLog | None:
        """Return the log of a session, with its events. None: there is none.

        Raises:
            UnreadableError: its rows cannot be read.
        """
        if session not in self.held:
            self.read((session,))
        if session in self._unreadable:
            raise self._unreadable[session]
        held = self.held[session]
        if held is None:
            return None
        try:
            with self.shelf.naming(session):  # a row that cannot be read, or a guard of an own table that raises
                _ = held.log.latest
        except UnreadableError as error:
            self._pass_over(error)
            raise
        return held.log

    def put(self, log: SessionLog) -> None:
        """Take a log with all its events, for a session that the store does not have. What it shows was handed over already.

        Raises:
            DecodeError: the id of the session is too long for a store.
        """
        check_key(log.session_id, "$.session")
        held = self.held[log.session_id] = Held(log, 0, None, 0, "")
        self.released.add(log.session_id)
        for copy in log.copies:
            self._append(held, copy)
        self._write(held)
        if log.sealed:
            self._note_sealed(log.latest)

    # --- Changes --------------------------------------------------------------------------------------------------------------

    def add(
        self, event: Event, now: datetime | None = None, *, advanced: datetime | None = None, offset: timedelta | None = None
    ) -> Change:
        """Add an event to the log of its session.

        Args:
            event: it, as it is to be stored.
            now: when it arrived, on the cloud clock. None: when it was received.
            advanced: fire what is due by then first, on the corrected provider clock.
            offset: by how much times of its source are corrected in this session, if this is the first event of the source.

        Raises:
            DecodeError: the id of the session is too long for a store.
        """
        log = self.log(event.subject)
        if log is None:
            if self.is_forgotten(event.occurred_at):
                return Change(_too_late(event))
            log = self._begin(event.subject)
        held = self._held(event.subject)
        fired = log.advance(advanced).new if advanced is not None else ()
        if offset is not None:
            log.offsets.setdefault(event.source, offset)
        # Four kinds of events, and what each writes:
        #
        #     new, or a copy that differs      an event, the session, a message if the trace changed
        #     a copy that is stored            nothing: a sender who got no answer may send it again and again
        #     any, and a timer is due by now   the session and a message, because the timer fired
        #     after the session was sealed     an event that is marked late, once, and a message. A copy that is stored: nothing
        is_kept = log.keeps(event)
        change = log.add(event)
        if log.sealed:
            if isinstance(change.outcome, Late) or all(canonical(copy) != canonical(event) for copy in log.copies):
                self._add_late(held, event)
            return change
        if is_kept:
            self._append(held, event, now)
        return self._take(held, with_fired(fired, change) if fired else change)

    def advance(self, now: datetime, limit: int) -> dict[str, tuple[SessionLog, Change]]:
        """Fire what is due in so many sessions, and return their logs and changes. See `Store.advance`."""
        columns, changes = SESSIONS.c, {}
        for held in self._claim(columns.deadline <= as_number(now), columns.deadline, limit):
            change = self._on(held, partial(SessionLog.advance, now=now))
            if change is None:
                continue
            changes[held.log.session_id] = held.log, self._take(held, change)
            self._write(held)  # also if nothing fired: something else wrote the deadline, and it would be due for ever
        self.released |= changes.keys()
        return changes

    def seal(self, horizon: datetime, unfinished: datetime, limit: int) -> tuple[SessionLog, ...]:
        """Seal so many sessions in which nothing can come that matters, and return their logs. See `Store.seal`."""
        sealed: list[SessionLog] = []
        for column, before in ((SESSIONS.c.ended, horizon), (SESSIONS.c.unfinished, unfinished)):
            for held in self._claim(column < as_number(before), column, limit - len(sealed)):
                is_sealed = self._on(held, partial(SessionLog.seal, horizon=before))
                if is_sealed is False:  # under the table of today: its column is written anew, or it would hold up all others
                    self._refold(held)
                elif is_sealed:
                    self._write(held)
                    self._message(held, "sealed")
                    self._note_sealed(held.log.latest)
                    sealed.append(held.log)
        self.released |= {log.session_id for log in sealed}
        return tuple(sealed)

    def refold(self, limit: int) -> dict[str, tuple[str, ...]]:
        """Fold so many sessions anew under the table of today, and return what changed in each. See `Store.refold`."""
        columns, others, changed = SESSIONS.c, self.shelf.other_tables(self.connection), {}
        for held in self._claim(columns.rules.in_(others) & columns.sealed.is_(False), columns.id, limit):
            changed[held.log.session_id] = self._refold(held)
        return changed

    def _refold(self, held: Held) -> tuple[str, ...]:
        """Write a session as it is now, and return what reads differently because it was folded under another table."""
        self._write(held)
        fields = held.log.restored.changed if held.rules is None and held.log.restored else ()
        if fields:
            self._message(held, "refolded", dump({"fields": fields}))
        return fields

    def forget(self, before: datetime, limit: int) -> int:
        """Delete so many sessions that were sealed before, and return how many. See `Store.forget`."""
        columns, horizon = SESSIONS.c, as_number(before)
        waits = exists().where(MESSAGES.c.session == columns.id, MESSAGES.c.handed_over.is_(False))
        possible = self._locked(columns.sealed & (columns.latest < horizon) & ~waits, columns.latest, limit)  # no log is read
        # PostgreSQL looks for messages first and locks then. A late event that another transaction stored in between has a
        # message that was not seen. From the lock on there are no more of them, so another statement sees all.
        gone = [
            session
            for part in parts(possible)
            for session in self.connection.scalars(select(columns.id).where(columns.id.in_(part), ~waits))
        ]
        for column in (MESSAGES.c.session, EVENTS.c.session, LEGS.c.communication, columns.id):
            for part in parts(gone):
                self.connection.execute(delete(column.table).where(column.in_(part)))
        # Not later than the latest event that was sealed. So a clock that is ahead does not make every new session late.
        sealed = horizon_time(self.shelf.database, self.connection.execute(select(HORIZON.c.sealed)).first())
        if gone and sealed is not None:
            self._raise_horizon("forgotten", min(before, sealed))
        self.held.update(dict.fromkeys(gone))
        return len(gone)

    def take_horizon(self, forgotten: datetime) -> None:
        """Take the horizon of another store: its sessions that ended before were forgotten."""
        self._raise_horizon("sealed", forgotten)
        self._raise_horizon("forgotten", forgotten)

    def _note_sealed(self, latest: datetime | None) -> None:
        """Note the time of an event of a sealed session. The horizon of sealing lies behind all of them."""
        if latest is not None:
            self._sealed = max(self._sealed or EPOCH, later(latest, MILLISECOND))

    def _raise_horizon(self, name: str, moment: datetime) -> None:
        column, number = HORIZON.c[name], as_number(moment)
        self.connection.execute(update(HORIZON).where(column.is_(None) | (column < number)).values({name: number}))

    def _claim(self, where: ColumnElement[bool], order: ColumnElement[Any], limit: int) -> Sequence[Held]:
        """Return the logs of the first sessions that fulfil a condition and that no other transaction has."""
        # One session that cannot be read must not stop the timers of all others. Example, a limit of 3, and `b` is unreadable:
        #
        #     claimed       new        readable    then
        #     a, b, c       a, b, c    a, c        one more is claimed
        #     a, b, c, d    d          d           three are claimed
        #
        # Those that were seen come again, because an id that is no text cannot be named in a condition. Those that were passed
        # over before do not come at all, except some of them each time: see `Shelf.passed_over`.
        readable: list[Held] = []
        seen: set[str] = set()
        passed_over = [escaped(session) for session in self.shelf.passed_over(str(order))]
        if passed_over:
            where = where & self._is_other(passed_over)
        while (left := limit - len(readable)) > 0:
            claimed = [session for session in self._locked(where, order, left + len(seen)) if session not in seen][:left]
            self.read(claimed)
            found = [held for session in claimed if (held := self._readable(session)) is not None]
            readable, seen = readable + found, seen.union(claimed)
            if len(found) == len(claimed):
                break
        return readable

    def _is_other(self, sessions: Sequence[str]) -> ColumnElement[bool]:
        """Return the condition that a session is none of some."""
        if self._dialect == "sqlite":
            return SESSIONS.c.id.not_in(select(func.json_each(json.dumps(sessions)).table_valued("value").c.value))
        return SESSIONS.c.id != all_(literal(sessions, ARRAY(Text)))

    def _locked(self, where: ColumnElement[bool], order: ColumnElement[Any], limit: int) -> Sequence[str]:
        """Lock the first sessions that fulfil a condition and that no other transaction has, and return their ids."""
        wanted = select(SESSIONS.c.id).where(where).order_by(order).limit(limit).with_for_update(skip_locked=True)
        return self.connection.scalars(wanted).all()

    def _read(self, row: Row) -> None:
        try:
            with self.shelf.naming(row["id"]):
                self.held[row["id"]] = self.shelf.held(self.connection, row)
        except UnreadableError as error:
            self._pass_over(error)

    def _readable(self, session: str) -> Held | None:
        """Return the log of a session that was claimed, with its events. None: it cannot be read."""
        with suppress(UnreadableError):  # it was passed over
            if self.log(session) is None:  # its row was claimed, and was not found by its id
                self._pass_over(self.shelf.cannot_read(session, ValueError("its id is no text")))
                return None
            return self._held(session)
        return None

    def _on(self, held: Held, act: Callable[[SessionLog], Result]) -> Result | None:
        """Return the result of an act on a log that was claimed. None: a guard of its own table raised, so it is passed over."""
        session = held.log.session_id
        try:
            with self.shelf.naming(session, "advanced", "correct the table of its rules"):
                result = act(held.log)
                _ = held.log.deadline  # its row needs it
        except UnreadableError as error:
            self._pass_over(error)
            return None
        self.shelf.unreadable.pop(session, None)  # it was repaired
        return result

    def _pass_over(self, error: UnreadableError) -> None:
        self.held[error.session] = None
        self._unreadable[error.session] = error
        self.shelf.pass_over(error)

    def _held(self, session: str) -> Held:
        held = self.held[session]
        assert held is not None, "it was read or begun"
        return held

    def _begin(self, session: str) -> SessionLog:
        check_key(session, "$.subject")
        log = SessionLog(self.shelf.lifecycle, session)
        self.held[session] = Held(log, 0, self._rules, 0, "")
        return log

    def is_forgotten(self, latest: datetime | None) -> bool:
        """Return whether a session that is not stored may have been forgotten, because its latest event occurred that early."""
        if not self._forgotten:
            row = self.shelf.database.run(self.connection, _FORGOTTEN, [{}]).fetchone()
            self._forgotten.append(horizon_time(self.shelf.database, row))
        (horizon,) = self._forgotten
        return horizon is not None and latest is not None and latest < horizon

    @cached_property
    def _rules(self) -> int:
        return self.shelf.rules_of(self.connection, self.shelf.lifecycle)

    def _take(self, held: Held, change: Change) -> Change:
        if change:
            self._write(held)
            self._message(held, "changed", change_document(change))
        return change

    def _add_late(self, held: Held, event: Event) -> None:
        """Keep an event that came too late for the session. It was not applied, but somebody may have to know it."""
        form = canonical(event)
        if form not in held.late:
            held.late.add(form)
            self._note_sealed(event.occurred_at)
            self._append(held, event, late=True)
            self._message(held, "late", event_row(event.subject, held.events, event, late=True)["document"])

    def _append(self, held: Held, event: Event, now: datetime | None = None, *, late: bool = False) -> None:
        self._events.append(event_row(event.subject, held.events, event, late=late))
        held.events += 1
        held.heard = max(filter(None, (held.heard, event.occurred_at, event.received, now)))
        self._write(held)

    def _write(self, held: Held) -> None:
        self._changed[held.log.session_id] = held

    def _message(self, held: Held, kind: str, document: str = "{}") -> None:
        if self.is_silent:
            return
        message = {"session": held.log.session_id, "version": held.version + 1, "kind": kind, "document": document}
        self._messages.append(message)

    @property
    def new_events(self) -> int:
        """The number of events that are written, those that came too late included."""
        return len(self._events)

    # --- Writing --------------------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Write everything that changed.

        Raises:
            LostRace: another writer changed a session.
        """
        new: list[Row] = []
        known: list[Row] = []
        for held in self._changed.values():
            if held.rules is None:
                held.rules = self.shelf.rules_of(self.connection, held.log.lifecycle)
            row = session_row(held.log, version=held.version + 1, rules=held.rules, events=held.events, heard=held.heard)
            (known if held.version else new).append(row)
            held.version, held.digest = held.version + 1, row["digest"]
        new.sort(key=itemgetter("id"))  # two transactions that begin the same sessions wait for each other's rows in one order
        with self.shelf.database.together(self.connection):
            updated = self._run(_UPDATE_SESSION, [_update_of(row) for row in known])
            self._run(_INSERT_SESSION, [as_stored(SESSIONS, row) for row in new])
            self._run(_INSERT_EVENT, [as_stored(EVENTS, row) for row in self._events])
            self._run(_INSERT_MESSAGE[self._dialect], self._message_rows())
        if self._sealed is not None:
            self._raise_horizon("sealed", self._sealed)
        # The rows were locked when they were read, so a version differs only where a database knows no locks of rows.
        if updated is not None and updated.rowcount != len(known):
            raise LostRace("a session was changed")
        if self.legs:
            names = ("source", "participant", "communication", "media")
            rows: list[Row] = [dict(zip(names, leg, strict=True)) for leg in sorted(self.legs, key=str)]
            self.connection.execute(_UPSERT_LEG[self._dialect], rows)
        if self.clocks:
            self.connection.execute(
                _UPSERT_CLOCK[self._dialect],
                [{"worker": worker, "source": source, "document": text} for (worker, source), text in self.clocks.items()],
            )

    def _run(self, statement: ClauseElement, rows: Sequence[Mapping[str, Any]]) -> DBAPICursor | None:
        return self.shelf.database.run(self.connection, statement, rows) if rows else None

    def _message_rows(self) -> Sequence[Mapping[str, Any]]:
        rows = [as_stored(MESSAGES, row) for row in self._messages]
        return rows if self._dialect == "sqlite" else [{**row, "of": row["session"]} for row in rows]

    @property
    def _dialect(self) -> str:
        return self.connection.dialect.name


def check_key(text: str, path: str) -> None:
    """Check that an id can be the key of a row.

    Raises:
        DecodeError: it is too long. The error has the path.
    """
    if not is_key(text):
        raise decode_error("too_long", path, text, f"an id of at most {MAX_ID} bytes in a store")


def _too_late(event: Event) -> Late:
    reason = "No session of this id is stored. The event may belong to one that was sealed and forgotten, because it is that old."
    return Late(row=None, reason=reason, from_state=ConnectionState.NONE, event=event)


# A list of ids is one parameter, so that the statement is the same for any number of them.
_IDS = {
    "sqlite": select(func.json_each(bindparam("ids")).table_valued("value").c.value).scalar_subquery(),
    "postgresql": any_(bindparam("ids", type_=ARRAY(Text))),
}
_LOCK = {
    name: select(SESSIONS.c.id, SESSIONS.c.digest)
    .where(SESSIONS.c.id.in_(ids) if name == "sqlite" else SESSIONS.c.id == ids)
    .order_by(SESSIONS.c.id)
    .with_for_update()
    for name, ids in _IDS.items()
}
_FORGOTTEN = select(HORIZON.c.forgotten)
_INSERT_SESSION, _INSERT_EVENT = insert(SESSIONS), insert(EVENTS)
_UPDATE_SESSION = update(SESSIONS).where(SESSIONS.c.id == bindparam("of"), SESSIONS.c.version == bindparam("was"))


def _update_of(row: Row) -> Mapping[str, Any]:  # what the columns hold
    stored = as_stored(SESSIONS, row)
    return {**stored, "of": stored["id"], "was": row["version"] - 1}


# The number of the transaction makes an order in which no message comes later than one that was read: see `Outbox.feed`. Example:
# transaction 7 begins, transaction 8 changes a session and is committed, then 7 changes the same session. Its message gets the
# number 8, too, and a larger id. So the messages of one session are in the order in which it changed.
_LAST = select(func.max(MESSAGES.c.transaction)).where(MESSAGES.c.session == bindparam("of")).scalar_subquery()
_TRANSACTION = {
    "sqlite": literal_column("0"),
    "postgresql": func.greatest(literal_column("pg_current_xact_id()::text::bigint"), _LAST),
}
_INSERT_MESSAGE = {name: insert(MESSAGES).values(transaction=number) for name, number in _TRANSACTION.items()}
_UPSERT_CLOCK = {
    name: (one := dialect.insert(CLOCKS)).on_conflict_do_update(
        index_elements=["worker", "source"], set_={"document": one.excluded.document}
    )
    for name, dialect in {"sqlite": sqlite, "postgresql": postgresql}.items()
}
_UPSERT_LEG = {  # a payload that does not state the kind of media takes none away
    name: (one := dialect.insert(LEGS)).on_conflict_do_update(
        index_elements=["source", "participant", "communication"],
        set_={"media": one.excluded.media},
        where=one.excluded.media.is_distinct_from(LEGS.c.media) & one.excluded.media.is_not(None),
    )
    for name, dialect in {"sqlite": sqlite, "postgresql": postgresql}.items()
}
