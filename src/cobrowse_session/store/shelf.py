"""The logs of a store: read from its rows, and kept in memory after they were committed.

A log in memory is as good as the digest of its row. Example: the row of a session has version 7 and 20 events.

    in memory                  what is read
    the digest of the row      nothing
    version 5, with 18 events  the events at the positions 18 and 19: another writer appended them
    nothing                    the session. Its events are read when the log needs them: for a new event, for a trace

The version alone does not tell. A session that was forgotten begins anew with version 1, and a database that was restored from a
backup counts from an earlier version again. So a log that followed must lead to the digest of the row, or it is read anew.
"""

import json
import logging
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from functools import partial
from threading import local
from typing import Generic

from attrs import define, field
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import SQLAlchemyError

from cobrowse_session.canonical import canonical
from cobrowse_session.errors import StoreError, UnreadableError
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Lifecycle
from cobrowse_session.model import S_co
from cobrowse_session.store.database import Database, LostRace
from cobrowse_session.store.rows import Row, as_moment, event_of, page_of, rules_digest, session_row
from cobrowse_session.store.schema import EVENTS, RULES, SESSIONS
from cobrowse_session.stream import SessionLog
from cobrowse_session.wire.saved import read_offsets
from cobrowse_session.wire.stored import restore_rules, restore_sealed_view, restore_view, save_rules

RETRIED = 10
"""How many of the sessions that cannot be read are tried again each time that sessions are claimed."""

REPAIR = "run: cobrowse-session store verify, then store repair, with a backup if there is one"

MAX_COUNT = (1 << 31) - 1
"""The largest number that a column of counts holds. PostgreSQL refuses a larger one."""

logger = logging.getLogger("cobrowse_session.store")


@define
class Held:
    """A log and its place in the store.

    Attributes:
        log: the log.
        version: how often its row was written. 0: never.
        rules: the row of its rules. None: they have none yet.
        events: how many rows of events it has.
        digest: the digest of its row, as it was read or written.
        heard: when it was last heard of: the latest time at which an event occurred, was received or arrived here.
        late: the canonical forms of the events that came after it was sealed.
    """

    log: SessionLog
    version: int
    rules: int | None
    events: int
    digest: str
    heard: datetime | None = None
    late: set[str] = field(factory=set)


class Here(local):
    """The transaction that the thread writes in, while there is one. Another thread must not read in it."""

    transaction: Connection | None = None


@define
class Shelf(Generic[S_co]):
    """The logs of a store.

    Args:
        lifecycle: the rules of sessions that begin here. Its table reads all sessions.
        database: the database.
        size: how many events of logs stay in memory.
    """

    lifecycle: Lifecycle[S_co]
    database: Database
    size: int
    here: Here = field(factory=Here, init=False)
    unreadable: dict[str, UnreadableError] = field(factory=dict, init=False)
    """The sessions that cannot be read, each with its error."""
    _tried: dict[str, int] = field(factory=dict, init=False)  # how far they were tried again, by reason
    _logs: OrderedDict[str, tuple[Held, int]] = field(factory=OrderedDict, init=False)  # with the number of events
    _events: int = field(default=0, init=False)  # of all logs
    _rules: dict[int, str] = field(factory=dict, init=False)
    _numbers: dict[Lifecycle, int] = field(factory=dict, init=False)

    # --- Memory ---------------------------------------------------------------------------------------------------------------

    def keep(self, every: Mapping[str, Held | None]) -> None:
        """Keep the logs of a transaction that was committed."""
        for session, held in every.items():
            self._pop(session)
            if held is not None:
                self.unreadable.pop(session, None)
                self._logs[session] = held, held.events
                self._events += held.events
        while self._events > self.size:
            self._pop(next(iter(self._logs)))

    def drop(self, sessions: Iterable[str]) -> None:
        """Forget the logs of a transaction that was rolled back. They may have changed."""
        for session in sessions:
            self._pop(session)

    def _pop(self, session: str) -> Held | None:
        held, events = self._logs.pop(session, (None, 0))
        self._events -= events
        return held

    def known(self, session: str, digest: str) -> Held | None:
        """Return the log of a session from memory, if its row has a digest. It comes back when the transaction is committed."""
        held, _ = self._logs.get(session, (None, 0))
        return self._pop(session) if held is not None and held.digest == digest else None

    def held(self, connection: Connection, row: Row) -> Held:
        """Return the log of a row of `sessions`, from memory if it can be brought to the row."""
        known = self._pop(row["id"])
        if known is not None and known.rules == row["rules"] and not row["sealed"] and self._follows(connection, known, row):
            return known
        return self.restored(connection, row)

    def _follows(self, connection: Connection, known: Held, row: Row) -> bool:
        """Add to a log what another writer has stored since. Return whether it shows what the row has then."""
        # The events and the time are enough, because the log follows from them in any order. Example: here are alerting and
        # connected, version 2. Another worker stored the end and fired the timer of after-call work, versions 3 and 4. The end
        # is read and added, the log is advanced to the time of the row, and the timer fires here, too.
        for event in rows_of_events(connection, row["id"], known.events, row["events"]):
            known.log.add(self._event(event))
        if (advanced := as_moment(row["advanced"])) is not None:
            known.log.advance(advanced)
        known.log.offsets = dict(read_offsets(json.loads(row["document"])["offsets"], "$.offsets"))
        known.version, known.events, known.heard = row["version"], row["events"], as_moment(row["heard"])
        known.digest = session_row(known.log, version=known.version, rules=row["rules"], events=known.events, heard=known.heard)[
            "digest"
        ]
        # It does not if the log had other events, or was advanced further. Then it is another session, or a timer fired for a new
        # event that nobody has written.
        return known.digest == str(row["digest"])

    # --- Reading --------------------------------------------------------------------------------------------------------------

    def restored(self, connection: Connection, row: Row, events: Sequence[Row] | None = None) -> Held:
        """Return the log of a row of `sessions`.

        Args:
            connection: the transaction in which the row was read.
            row: the row.
            events: its rows of events. None: they are read when they are needed.
        """
        with self.naming(row["id"]):
            _check_number("version", row["version"], 1)
            _check_number("events", row["events"], 0)
            rules, is_same_table = restore_rules(self.rules_text(connection, row["rules"]), self.lifecycle.table)
            view, number, heard = json.loads(row["document"]), row["events"], as_moment(row["heard"])
            if row["sealed"]:
                rows = rows_of_events(connection, row["id"], 0, number) if events is None else events
                late = {canonical(self._event(one)) for one in rows if one["late"]}
                copies = [self._event(one) for one in rows if not one["late"]]
                log = restore_sealed_view({**view, "late": len(late)}, copies, rules.table)
                return Held(log, row["version"], row["rules"], number, row["digest"], heard, late)
            load = partial(self._load, row["id"], number, events)
            advanced = as_moment(row["advanced"])
            log = restore_view(view, load, rules, row["id"], is_same_table=is_same_table, advanced=advanced)
            return Held(log, row["version"], row["rules"] if is_same_table else None, number, row["digest"], heard)

    def _load(self, session: str, number: int, rows: Sequence[Row] | None) -> list[Event]:
        """Return the events of a session, up to the number that it had when it was read.

        Args:
            session: the session's id.
            number: how many events it had.
            rows: their rows. None: they are read.
        """
        own = self.here.transaction
        with self.naming(session):
            if rows is None:
                with nullcontext(own) if own is not None else self.database.reading() as connection:
                    rows = rows_of_events(connection, session, 0, number)
                    row = select(SESSIONS.c.version).where(SESSIONS.c.id == session)
                    if len(rows) < number and connection.scalar(row) is None:
                        problem = f"session {session!r} was forgotten after it was read"
                        raise StoreError(self.database.address, problem, "load it again")
            if len(rows) < number:
                raise LookupError(f"{len(rows)} events are stored, {number} were")
            return [self._event(row) for row in rows]

    def _event(self, row: Row) -> Event:
        return event_of(row["document"], self.lifecycle.table)

    @contextmanager
    def naming(self, session: str, act: str = "read", advice: str = REPAIR) -> Iterator[None]:
        """Name the session in every error of an act on it.

        Args:
            session: its id.
            act: what is done: `read`, `advanced`.
            advice: what to do about an error.

        Raises:
            UnreadableError: in place of each of them.
        """
        try:
            yield
        except (StoreError, LostRace, SQLAlchemyError):
            raise
        except Exception as error:  # a row that something else wrote may lead to any
            raise self.cannot_read(session, error, act, advice) from error

    def cannot_read(self, session: str, error: Exception, act: str = "read", advice: str = REPAIR) -> UnreadableError:
        """Return an error that names a session that cannot be read. Arguments as for `naming`."""
        problem = f"session {session!r} cannot be {act}: {type(error).__name__}: {error}"
        return UnreadableError(self.database.address, problem, advice, session)

    def pass_over(self, error: UnreadableError) -> None:
        """Remember a session that cannot be read, and log it once."""
        if error.session not in self.unreadable:
            logger.error("%s; its timers do not fire until then", error)
        # Without what it was raised from, which would keep rows and frames in memory.
        self.unreadable[error.session] = UnreadableError(error.store, error.problem, error.advice, error.session)

    def passed_over(self, reason: str) -> list[str]:
        """Return the sessions that cannot be read, without some that are tried again, because they may have been repaired.

        Args:
            reason: why sessions are claimed. For each reason, all of them are tried in turn.
        """
        # To try all of them each time that a timer is looked for would take longer than the timers of all others. Example, if two
        # were tried again: of a, b, c, d, e, first a and b are, then c and d, then e, then b and c.
        every = [*self.unreadable]
        if len(every) <= RETRIED:
            return []
        start = self._tried.get(reason, 0) % len(every)
        self._tried[reason] = start + RETRIED
        return [*every[:start], *every[start + RETRIED :]]

    # --- Rules ----------------------------------------------------------------------------------------------------------------

    def rules_text(self, connection: Connection, number: int) -> str:
        """Return a row of `rules`. They are few, and never change."""
        if number not in self._rules:
            found = connection.execute(select(RULES.c.document, RULES.c.digest).where(RULES.c.id == number)).one_or_none()
            assert found is not None, "a foreign key leads to it"
            document, digest = found
            if digest != rules_digest(document):
                return str(document)  # something else changed it: it is read again, because it may be repaired
            self._rules[number] = document
        return self._rules[number]

    def other_tables(self, connection: Connection) -> list[int]:
        """Return the rows of rules with another table than that of the store."""
        rows = connection.execute(select(RULES.c.id, RULES.c.document))
        return [number for number, document in rows if not self._is_same_table(document)]

    def _is_same_table(self, rules: str) -> bool:
        with suppress(Exception):  # the sessions of rules that cannot be read are passed over one by one
            return restore_rules(rules, self.lifecycle.table)[1]
        return False

    def rules_of(self, connection: Connection, lifecycle: Lifecycle) -> int:
        """Return the number of the row of a lifecycle, which is written if it is new."""
        if lifecycle not in self._numbers:
            text = save_rules(lifecycle)
            found = connection.scalar(select(RULES.c.id).where(RULES.c.digest == rules_digest(text)))
            if found is None:  # it is not remembered, because the transaction may be rolled back
                new = insert(RULES).values(digest=rules_digest(text), document=text)
                return int(connection.execute(new.returning(RULES.c.id)).scalar_one())
            self._numbers[lifecycle] = found
        return self._numbers[lifecycle]


def _check_number(column: str, found: object, least: int) -> None:
    """Check a number that is counted up."""
    if not isinstance(found, int) or not least <= found < MAX_COUNT:
        raise ValueError(f"{column} is {found!r}")


def rows_of_events(connection: Connection, session: str, first: int, end: int) -> Sequence[Row]:
    """Return the rows of the events of a session from a position to another, in order."""
    columns = EVENTS.c
    wanted = select(EVENTS).where(columns.session == session, columns.position >= first, columns.position < end)
    return [dict(row) for row in connection.execute(wanted.order_by(columns.position)).mappings()]


def rows_of_sessions(connection: Connection, sessions: Sequence[str]) -> Mapping[str, list[Row]]:
    """Return the rows of all events of sessions, in order."""
    found: dict[str, list[Row]] = {session: [] for session in sessions}
    wanted = select(EVENTS).where(EVENTS.c.session.in_(sessions)).order_by(EVENTS.c.session, EVENTS.c.position)
    for row in connection.execute(wanted).mappings():
        found[row["session"]].append(dict(row))
    return found


def page_after(connection: Connection, after: str, limit: int) -> tuple[list[tuple[Row, list[Row]]], str | None]:
    """Return the next sessions by id, each with the rows of its events, and where the next page begins. See `page_of`."""
    page, end = page_of(connection, select(SESSIONS).where(SESSIONS.c.id > after).order_by(SESSIONS.c.id), limit)
    rows = [row._asdict() for row in page]
    events = rows_of_sessions(connection, [row["id"] for row in rows])
    return [(row, events[row["id"]]) for row in rows], None if end is None else end.id
