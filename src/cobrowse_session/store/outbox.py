"""The messages of a store: what changed, was sealed or came too late, handed over once.

A message is written in the transaction of its change. It is pending until it is acknowledged. A reader who makes something of it,
a bill for example, writes that in the transaction in which he acknowledges. Both are committed, or neither.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any, Generic

from attrs import frozen
from sqlalchemy import Column, ColumnElement, Connection, LargeBinary, cast, delete, func, literal_column, not_, select, update

from cobrowse_session.checks import check_type, shown
from cobrowse_session.errors import ConflictError, EpochError, UnreadableError
from cobrowse_session.io.arguments import check_limit
from cobrowse_session.model import S_co
from cobrowse_session.store.database import Database
from cobrowse_session.store.found import Reader, StoredSession
from cobrowse_session.store.rows import as_number
from cobrowse_session.store.schema import HORIZON, MESSAGES, SESSIONS, parts
from cobrowse_session.times import utc

BEGINNING = "0-0"
"""The position before all messages, in any epoch."""
POSITION = f"{BEGINNING}|([0-9a-f]{{8}})-([0-9]{{1,19}})-([0-9]{{1,19}})"
"""The form of a position: the epoch, the transaction and the number of a message."""
_POSITION = re.compile(POSITION)

MAX_NUMBER = (1 << 63) - 1
"""The largest number that a column of a database holds."""


@frozen
class Message(Generic[S_co]):
    """Something that happened to a session, to be handed over once.

    Attributes:
        id: its number. It stays the same however often the message is read, and no other message ever has it.
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
            epoch, row = _epoch(connection), connection.execute(last.limit(1)).first()
        return _position(epoch, *((0, 0) if row is None else row))

    def pending(self, limit: int = 100, max_bytes: int | None = None) -> tuple[Message[S_co], ...]:
        """Return messages that were not handed over yet, the oldest first. They are pending until they are acknowledged.

        Those of a session that cannot be read are passed over, and stay pending: see `Store.unreadable`.

        Args:
            limit: at most so many.
            max_bytes: no further ones once these have so many bytes in the database, sessions included. None: any number.

        Returns:
            Some messages. Empty: there are no others that can be read.

        Raises:
            ValueError: the limit is below 1.
            StoreError: the database cannot be read.
        """
        check_limit(limit)
        last = (-1, 0)
        with self.database.reading() as connection:
            epoch = _epoch(connection)
            while True:
                rows = self._rows(connection, (MESSAGES.c.handed_over.is_(False), _is_behind(*last)), limit, max_bytes)
                messages: list[Message[S_co]] = []
                for row in rows:
                    try:
                        messages.append(self._message(connection, epoch, row))
                    except UnreadableError as error:
                        self._reader.shelf.pass_over(error)
                if messages or not rows:
                    return tuple(messages)
                last = rows[-1].transaction, rows[-1].id

    def count(self) -> int:
        """Return the number of messages that were not handed over yet.

        Raises:
            StoreError: the database cannot be read.
        """
        with self.database.reading() as connection:
            waiting = select(func.count()).select_from(MESSAGES).where(MESSAGES.c.handed_over.is_(False))
            return connection.scalar(waiting) or 0

    @property
    def held_back(self) -> int:
        """The number of messages that the feed does not show yet, because an older transaction of any program is still open.

        SQLite has one writer, so it is 0 there.

        Raises:
            StoreError: the database cannot be read.
        """
        if self.database.is_sqlite:
            return 0
        with self.database.reading() as connection:
            hidden = select(func.count()).select_from(MESSAGES).where(*map(not_, self._is_visible))
            return connection.scalar(hidden) or 0

    def acknowledge(self, messages: Iterable[Message | int], connection: Connection | None = None) -> None:
        """Mark messages as handed over.

        Args:
            messages: of `pending`, or their numbers.
            connection: a transaction of `store.writing()`, in which the caller writes what he makes of the messages. None: one of
                its own.

        Raises:
            TypeError: something is neither a message nor a number.
            ConflictError: somebody has acknowledged one of them already, or there is no such message. Nothing was marked. Let the
                error end the transaction.
            StoreError: the database cannot be written. Nothing was marked.
        """
        check_type("Outbox.acknowledge: messages", messages, Iterable)
        numbers = sorted({_number_of(message) for message in messages})
        if connection is None:
            with self.database.writing() as own:
                return self.acknowledge(numbers, own)
        # The condition is checked again by the update itself. Of two consumers that read the same message, the second one changes
        # a row less than it has numbers, and its transaction, with the bill that it wrote, is rolled back.
        for part in parts(numbers):
            possible = [number for number in part if abs(number) <= MAX_NUMBER]
            waiting = (
                update(MESSAGES).where(MESSAGES.c.id.in_(possible), MESSAGES.c.handed_over.is_(False)).values(handed_over=True)
            )
            marked = set(connection.scalars(waiting.returning(MESSAGES.c.id)))
            if missing := [number for number in part if number not in marked]:
                problem = f"message {missing[0]} is not pending: it was acknowledged by somebody else, or there is none"
                raise ConflictError(self.database.address, problem, "roll back, and read what is pending again")
        return None

    def feed(self, after: str | None = None, limit: int = 100, max_bytes: int | None = None) -> tuple[Message[S_co], ...]:
        """Return the messages after a position, handed over or not. Any number of readers may follow the feed.

        Args:
            after: `Message.position` of the last one that was read. None or `0-0`: from the beginning.
            limit: how many.
            max_bytes: as for `pending`.

        Raises:
            EpochError: `after` is a position of before the store was restored or moved.
            ValueError: `after` is no position, or the limit is below 1.
            UnreadableError: the session of the first one cannot be read. The error has its position, from where the rest is read.
            StoreError: the database cannot be read.
        """
        # Example, PostgreSQL: transaction 8 writes message 5, transaction 7 writes message 6 and is committed first. A reader by
        # number would go on after 6 and miss 5. In the order of (transaction, number), and without messages of a transaction that
        # began after one that is still open, what comes later is always behind what was read.
        check_limit(limit)
        epoch, transaction, number = read_position(after)
        messages: list[Message[S_co]] = []
        with self.database.reading() as connection:
            epoch = self._check_epoch(connection, epoch)
            for row in self._rows(connection, (_is_behind(transaction, number), *self._is_visible), limit, max_bytes):
                try:
                    messages.append(self._message(connection, epoch, row))
                except UnreadableError as error:
                    if messages:
                        break  # those before it can be handed over
                    error.position = _position(epoch, row.transaction, row.id)
                    raise
        return tuple(messages)

    def check(self, position: str) -> None:
        """Check that the feed can be read after a position.

        Raises:
            EpochError: it is a position of before the store was restored or moved.
            ValueError: it is no position.
            StoreError: the database cannot be read.
        """
        epoch, _, _ = read_position(position)
        with self.database.reading() as connection:
            self._check_epoch(connection, epoch)

    def trim(self, before: str) -> int:
        """Delete messages that were handed over, up to a position, and return how many. The feed begins later then.

        A reader of the feed that is further behind goes on with the next message that is there.

        Args:
            before: `Message.position` of the last one to delete.

        Raises:
            EpochError: `before` is a position of before the store was restored or moved. Nothing was deleted.
            ValueError: `before` is no position.
            StoreError: the database cannot be written. Nothing was deleted.
        """
        epoch, transaction, number = read_position(before, "before")
        columns = MESSAGES.c
        earlier = (columns.transaction < transaction) | ((columns.transaction == transaction) & (columns.id <= number))
        with self.database.writing() as connection:
            self._check_epoch(connection, epoch)
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

    def _check_epoch(self, connection: Connection, epoch: str | None) -> str:
        """Return the epoch of the store, after a check that it is the expected one. None: any."""
        found = _epoch(connection)
        if epoch not in (None, found):
            problem = f"a position of epoch {epoch} is of before the store was restored or moved, it has epoch {found} now"
            raise EpochError(self.database.address, problem, "follow the feed from its end, and then read the sessions anew")
        return found

    def _rows(
        self, connection: Connection, where: Sequence[ColumnElement[bool]], limit: int, max_bytes: int | None
    ) -> Sequence[Any]:  # what the columns hold
        """Return the rows of the first messages that fulfil all conditions, each with the columns of its session."""
        columns = MESSAGES.c
        wanted = select(
            columns.id, columns.transaction, columns.kind, columns.version, columns.document, *self._reader.columns
        ).join(SESSIONS, SESSIONS.c.id == columns.session)
        if max_bytes is not None:
            limit = self._fitting(connection, where, limit, max_bytes)
        return connection.execute(wanted.where(*where).order_by(columns.transaction, columns.id).limit(limit)).all()

    @staticmethod
    def _fitting(connection: Connection, where: Sequence[ColumnElement[bool]], limit: int, max_bytes: int) -> int:
        """Return how many of the first messages are read: those before which there are fewer bytes."""
        # A small event that changes a long trace writes a message of some MB. The sizes are read first, because both drivers may
        # read all rows of a statement at once.
        columns = MESSAGES.c
        bytes_of = _bytes_of[connection.dialect.name]
        size = bytes_of(columns.document) + bytes_of(SESSIONS.c.document)
        sizes = select(size).join(SESSIONS, SESSIONS.c.id == columns.session).where(*where)
        found = connection.scalars(sizes.order_by(columns.transaction, columns.id).limit(limit)).all()
        return sum(before < max_bytes for before, _ in zip(accumulate(found, initial=0), found, strict=False))

    def _message(self, connection: Connection, epoch: str, row: Sequence[Any]) -> Message[S_co]:  # what the columns hold
        number, transaction, kind, version, document, *session = row
        with self._reader.shelf.naming(session[0]):
            content = json.loads(document)
        position, stored = _position(epoch, transaction, number), self._reader.read(connection, session)
        return Message(number, position, kind, version, content, stored)


_bytes_of: Mapping[str, Callable[[Column[str]], ColumnElement[int]]] = {
    "sqlite": lambda column: func.length(cast(column, LargeBinary)),  # those of before 3.43 have no `octet_length`
    "postgresql": func.octet_length,
}


def _is_behind(transaction: int, number: int) -> ColumnElement[bool]:
    """Return the condition that a message is behind another one, in the order of the feed."""
    columns = MESSAGES.c
    return (columns.transaction > transaction) | ((columns.transaction == transaction) & (columns.id > number))


def _number_of(message: Message | int) -> int:
    if isinstance(message, Message):
        return message.id
    if type(message) is not int:  # True is no number
        raise TypeError(f"Outbox.acknowledge: expected a message or its number, found {shown(message)}")
    return message


def _epoch(connection: Connection) -> str:
    return str(connection.execute(select(HORIZON.c.epoch)).scalar_one())


def _position(epoch: str, transaction: int, number: int) -> str:
    return f"{epoch}-{transaction}-{number}"


def read_position(text: str | None, name: str = "after") -> tuple[str | None, int, int]:
    """Return the epoch, the transaction and the number of a position. It has no epoch if it is before all messages.

    Args:
        text: the position. None: before all messages.
        name: the argument that has it, for an error.

    Raises:
        TypeError: it is no text.
        ValueError: it is no position.
    """
    if text is None or text == BEGINNING:
        return None, 0, 0
    check_type(name, text, str)
    if found := _POSITION.fullmatch(text):
        transaction, number = int(found[2]), int(found[3])
        if max(transaction, number) <= MAX_NUMBER:
            return found[1], transaction, number
    raise ValueError(f"{name}: expected the position of a message, as '5f0c3a9e-0-12', found {shown(text)}")
