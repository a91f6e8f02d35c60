"""The messages of a store: what changed, was sealed or came too late, handed over once.

A message is written in the transaction of its change. It is pending until it is acknowledged. A reader who makes something of it,
a bill for example, writes that in the transaction in which he acknowledges. Both are committed, or neither.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Generic

from attrs import frozen
from sqlalchemy import ColumnElement, Connection, delete, func, literal_column, select, update

from cobrowse_session.checks import shown
from cobrowse_session.errors import ConflictError
from cobrowse_session.model import S_co
from cobrowse_session.store.database import Database
from cobrowse_session.store.found import Reader, StoredSession
from cobrowse_session.store.rows import as_number
from cobrowse_session.store.schema import MESSAGES, SESSIONS, parts
from cobrowse_session.times import utc

MAX_NUMBER = (1 << 63) - 1
"""The largest number that a column of a database holds."""


@frozen
class Message(Generic[S_co]):
    """Something that happened to a session, to be handed over once.

    Attributes:
        id: its number. It stays the same however often the message is read.
        position: its place in the feed. See `Outbox.feed`.
        kind: `changed`, `sealed`, `late` for an event that came after its session was sealed, or `refolded` for a session that
            reads differently under a new table.
        version: the version of the session that this made.
        document: JSON. Of `changed`: the entries of the trace that are `new`, `withdrawn` and `changed`. Of `late`: the event. Of
            `refolded`: the `fields` that changed.
        stored: the session as it is now. It may have changed again since.
    """

    id: int
    position: str
    kind: str
    version: int
    document: Mapping[str, Any]  # JSON
    stored: StoredSession[S_co]


@frozen
class Outbox(Generic[S_co]):
    """The messages of a store."""

    database: Database
    _reader: Reader[S_co]

    @property
    def end(self) -> str:
        """The position of the last message of the feed. What comes later is after it.

        Raises:
            StoreError: the database cannot be read.
        """
        columns = MESSAGES.c
        last = (
            select(columns.transaction, columns.id)
            .where(*self._is_visible)
            .order_by(columns.transaction.desc(), columns.id.desc())
        )
        with self.database.reading() as connection:
            row = connection.execute(last.limit(1)).first()
        return "0-0" if row is None else f"{row.transaction}-{row.id}"

    def pending(self, limit: int = 100) -> tuple[Message[S_co], ...]:
        """Return messages that were not handed over yet, the oldest first. They are pending until they are acknowledged.

        Raises:
            StoreError: the database cannot be read.
        """
        return self._read(MESSAGES.c.handed_over.is_(False), limit=limit)

    def count(self) -> int:
        """Return the number of messages that were not handed over yet.

        Raises:
            StoreError: the database cannot be read.
        """
        with self.database.reading() as connection:
            waiting = select(func.count()).select_from(MESSAGES).where(MESSAGES.c.handed_over.is_(False))
            return connection.scalar(waiting) or 0

    def acknowledge(self, messages: Iterable[Message | int], connection: Connection | None = None) -> None:
        """Mark messages as handed over.

        Args:
            messages: of `pending`, or their numbers.
            connection: a transaction of `store.writing()`, in which the caller writes what he makes of the messages. None: one of
                its own.

        Raises:
            ConflictError: somebody has acknowledged one of them already. Nothing was marked. Let the error end the transaction.
            StoreError: the database cannot be written. Nothing was marked.
        """
        if connection is None:
            with self.database.writing() as own:
                return self.acknowledge(messages, own)
        # The condition is checked again by the update itself. Of two consumers that read the same message, the second one changes
        # a row less than it has numbers, and its transaction, with the bill that it wrote, is rolled back.
        numbers = sorted({message if isinstance(message, int) else message.id for message in messages})
        for part in parts(numbers):
            waiting = update(MESSAGES).where(MESSAGES.c.id.in_(part), MESSAGES.c.handed_over.is_(False))
            if connection.execute(waiting.values(handed_over=True)).rowcount != len(part):
                problem = "a message was acknowledged by somebody else"
                raise ConflictError(self.database.address, problem, "roll back, and read what is pending again")
        return None

    def feed(self, after: str | None = None, limit: int = 100) -> tuple[Message[S_co], ...]:
        """Return the messages after a position, handed over or not. Any number of readers may follow the feed.

        Args:
            after: `Message.position` of the last one that was read. None: from the beginning.
            limit: how many.

        Raises:
            ValueError: `after` is no position.
            StoreError: the database cannot be read.
        """
        # Example, PostgreSQL: transaction 8 writes message 5, transaction 7 writes message 6 and is committed first. A reader by
        # number would go on after 6 and miss 5. In the order of (transaction, number), and without messages of a transaction that
        # began after one that is still open, what comes later is always behind what was read.
        transaction, number = read_position(after)
        columns = MESSAGES.c
        later = (columns.transaction > transaction) | ((columns.transaction == transaction) & (columns.id > number))
        return self._read(later, *self._is_visible, limit=limit)

    def trim(self, before: str) -> int:
        """Delete messages that were handed over, up to a position, and return how many. The feed begins later then.

        Args:
            before: `Message.position` of the last one to delete.

        Raises:
            ValueError: `before` is no position.
            StoreError: the database cannot be written. Nothing was deleted.
        """
        transaction, number = read_position(before)
        columns = MESSAGES.c
        earlier = (columns.transaction < transaction) | ((columns.transaction == transaction) & (columns.id <= number))
        with self.database.writing() as connection:
            return connection.execute(delete(MESSAGES).where(earlier, columns.handed_over)).rowcount

    def trim_before(self, moment: datetime, limit: int = 10_000) -> int:
        """Delete messages that were handed over, of sessions whose latest event occurred before a time, and return how many.

        Who follows the feed must not be further behind.

        Args:
            moment: corrected provider clock.
            limit: the number of messages. If so many were deleted, call this again.

        Raises:
            TypeError: `moment` is naive.
            StoreError: the database cannot be written. Nothing was deleted.
        """
        messages, sessions = MESSAGES.c, SESSIONS.c
        old = select(messages.id).join(SESSIONS, sessions.id == messages.session)
        old = old.where(messages.handed_over, sessions.latest < as_number(utc(moment))).order_by(messages.id).limit(limit)
        with self.database.writing() as connection:
            return connection.execute(delete(MESSAGES).where(messages.id.in_(old))).rowcount

    @property
    def _is_visible(self) -> list[ColumnElement[bool]]:
        if self.database.is_sqlite:
            return []
        return [MESSAGES.c.transaction < literal_column("pg_snapshot_xmin(pg_current_snapshot())::text::bigint")]

    def _read(self, *where: ColumnElement[bool], limit: int) -> tuple[Message[S_co], ...]:
        messages, sessions = MESSAGES.c, SESSIONS.c
        wanted = select(
            messages.id, messages.transaction, messages.kind, messages.version, messages.document, *self._reader.columns
        ).join(SESSIONS, sessions.id == messages.session)
        with self.database.reading() as connection:
            rows = connection.execute(wanted.where(*where).order_by(messages.transaction, messages.id).limit(limit)).all()
            return tuple(
                Message(
                    number, f"{transaction}-{number}", kind, version, json.loads(document), self._reader.read(connection, row)
                )
                for number, transaction, kind, version, document, *row in rows
            )


def read_position(text: str | None) -> tuple[int, int]:
    """Return the transaction and the number of a position.

    Raises:
        ValueError: it is none.
    """
    parts = ["0", "0"] if text is None else text.split("-")
    if len(parts) == 2 and all(part.isascii() and part.isdigit() and len(part) < 20 for part in parts):
        transaction, number = map(int, parts)
        if max(transaction, number) <= MAX_NUMBER:
            return transaction, number
    raise ValueError(f"after: expected the position of a message, as '0-12', found {shown(text)}")
