"""Connections to the database of a store, and its errors in the words of this package.

SQLite is the embedded default: write-ahead log, `synchronous=FULL`, so a commit is on disk when it returns. A transaction that
writes begins with `BEGIN IMMEDIATE`: a transaction that reads first and writes later could not wait for another writer.
PostgreSQL is the shared one, through psycopg.
"""

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import RLock
from typing import Any
from weakref import WeakSet

from sqlalchemy import URL, ClauseElement, Connection, Engine, create_engine, event, make_url
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine.interfaces import DBAPICursor, DBAPIModule
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, Pool, StaticPool

from cobrowse_session.errors import ConflictError, MissingExtraError, StoreError
from cobrowse_session.store.schema import NoText

BUSY_SECONDS = 30
"""How long a transaction waits for another one of the same SQLite file, or for a row that one of PostgreSQL has locked."""

GONE_SECONDS = 10
"""How long a connection to PostgreSQL may take to be made, and how long one is kept whose other end does not answer."""
_CONNECTED: dict[str, str | int] = {
    "client_encoding": "utf8",  # of a server with another default, the driver would return bytes
    "connect_timeout": GONE_SECONDS,
    "tcp_user_timeout": GONE_SECONDS * 1000,
    "keepalives_idle": GONE_SECONDS,
    "keepalives_interval": GONE_SECONDS // 3,
    "keepalives_count": 3,
}

_RACES = {"40001", "40P01", "23505", sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
"""The codes of a lost race: serialization failure, deadlock, and a key that is there already. Of no other constraint."""


class LostRace(Exception):  # noqa: N818 (it never leaves the store)
    """Another writer changed the same rows. The transaction is tried again."""


class Database:
    """A database, and its transactions.

    Args:
        url: `sqlite:///sessions.db`, `sqlite://` for one in memory that ends with its object, or
            `postgresql://user:password@host/database`.
        create: a file that does not exist is created.

    Raises:
        StoreError: it is no such address, or there is no such file.
        MissingExtraError: the driver of PostgreSQL is not installed.
    """

    def __init__(self, url: str, *, create: bool = True) -> None:
        self.engine = _engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        # Without its query, which may have a password, too.
        self.address = self.engine.url.set(query={}).render_as_string(hide_password=True).replace("+psycopg", "")
        file = self.engine.url.database if self.is_sqlite else None
        if file and not create and not Path(file).is_file():
            raise StoreError(
                self.address, "there is no such file", "check the path: sqlite:///relative.db, sqlite:////absolute.db"
            )
        self._lock = RLock() if self._is_in_memory else nullcontext()  # memory has one connection
        self._driver = self.engine.dialect.loaded_dbapi
        self._texts: dict[ClauseElement, str] = {}
        self._is_closed = False
        event.listen(self.engine, "checkin", self._returned)
        _OPENED.add(self)

    @property
    def _is_in_memory(self) -> bool:
        return isinstance(self.engine.pool, StaticPool)

    def close(self) -> None:
        """Close all connections. No other is opened."""
        self._is_closed = True
        self.engine.dispose()

    def _returned(self, _: object, entry: ConnectionPoolEntry) -> None:
        # Another thread may have had a connection when this was closed: a write that waits for a lock, as of a probe.
        if self._is_closed:
            entry.close()

    def renew(self) -> None:
        """Leave all connections to the process that forked this one, and open others when they are needed."""
        if not self._is_in_memory:  # that was copied with the process
            _INHERITED.append(self.engine.pool)
            self.engine.dispose(close=False)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that reads one state of the database.

        Raises:
            StoreError: the database cannot be read, or was closed.
        """
        self._check_open()
        options: dict[str, Any] = {"read_only": True}  # SQLAlchemy's options
        if not self.is_sqlite:
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        engine = self.engine.execution_options(**options)
        with self._lock, self._clear_errors(), engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes. It is committed at the end, or nothing of it stays.

        Raises:
            ConflictError: another writer was first, or a row of this key is there already.
            StoreError: the database cannot be written, or a row violates another constraint of a table.
        """
        try:
            with self.attempt() as connection:
                yield connection
        except LostRace as error:
            raise ConflictError(
                self.address, str(error), "nothing was written: read what there is now, then try again"
            ) from error

    @contextmanager
    def attempt(self) -> Iterator[Connection]:
        """Open a transaction as `writing` does, for a caller who tries again.

        Raises:
            LostRace: another writer was first.
            StoreError: the database cannot be written, or was closed.
        """
        self._check_open()
        with self._lock, self._clear_errors(), self.engine.begin() as connection:
            yield connection

    def _check_open(self) -> None:
        # The pool of SQLAlchemy would open another connection, which nobody closes.
        if self._is_closed:
            raise StoreError(self.address, "the store was closed", "open it again, and read what is needed before it is closed")

    def run(self, connection: Connection, statement: ClauseElement, rows: Sequence[Mapping[str, Any]]) -> DBAPICursor:
        """Run a statement by the driver's own cursor, for each row, and return the cursor.

        SQLAlchemy compiles a statement once. To run a small one through it would take longer than the database needs for it. So
        the statements of an append are run here, and all others by SQLAlchemy. `Any`: what the columns hold.

        Args:
            connection: the transaction.
            statement: it. Each of its parameters is a column of the rows.
            rows: the parameters, at least of one row, as the driver takes them.
        """
        text = self._texts.get(statement) or self.compiled(statement, rows[0])
        cursor = connection.connection.cursor()
        try:
            if len(rows) == 1:
                cursor.execute(text, rows[0])
            else:
                cursor.executemany(text, rows)
        except self._driver.Error as error:
            self._discard_broken(connection, error, cursor)
            raise
        return cursor

    @contextmanager
    def together(self, connection: Connection) -> Iterator[None]:
        """Send the statements that are run inside to PostgreSQL at once. Their results are there at the end.

        Each statement alone would wait for the answer to the one before it. SQLite has no network to wait for.
        """
        driver = connection.connection.driver_connection
        if self.is_sqlite or driver is None:
            yield
            return
        try:
            with driver.pipeline():
                yield
        except self._driver.Error as error:
            if (
                driver.pgconn.pipeline_status
            ):  # it could not leave the pipeline, and takes no other statement, not even a rollback
                connection.invalidate(error)
            self._discard_broken(connection, error)
            if isinstance(error.__context__, self._driver.Error):
                raise error.__context__ from None  # why it could not
            raise

    def _discard_broken(self, connection: Connection, error: DBAPIModule.Error, cursor: DBAPICursor | None = None) -> None:
        """Discard the connections to a database that is gone. The next transaction opens others."""
        if not connection.invalidated and self.engine.dialect.is_disconnect(error, connection.connection, cursor):
            connection.invalidate(error)
            self.engine.dispose()

    def compiled(self, statement: ClauseElement, names: Iterable[str]) -> str:
        """Return the text of a statement with parameters of these names, and keep it for `run`."""
        # Both drivers take parameters by name. SQLAlchemy gives SQLite question marks, unless it is asked.
        dialect = sqlite.dialect(paramstyle="named") if self.is_sqlite else self.engine.dialect
        text = self._texts[statement] = str(statement.compile(dialect=dialect, column_keys=[*names]))
        return text

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        """Turn an error of the driver into one of this package."""
        try:
            yield
        except (SQLAlchemyError, self._driver.Error) as error:
            raised = error.orig if isinstance(error, DBAPIError) else error
            found = str(raised).strip().partition("\n")[0]
            if _RACES & {getattr(raised, "sqlstate", None), getattr(raised, "sqlite_errorcode", None)}:
                raise LostRace(found) from error
            advice = next((advice for words, advice in _ADVICE.items() if re.search(words, found)), _ELSE)
            raise StoreError(self.address, found, advice) from error


# A process that was forked has the connections of the one that it comes from. Two processes that write into one connection of
# PostgreSQL garble it, and SQLite may lose its locks. So the new one opens its own. The others are kept, because the end of an
# object closes its connection, also for the process that uses it.
_OPENED: WeakSet[Database] = WeakSet()
_INHERITED: list[Pool] = []


def _after_fork() -> None:
    for database in tuple(_OPENED):
        database.renew()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_after_fork)


def _engine(url: str) -> Engine:
    parsed = _parsed(url)
    try:
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, connect_args=_options(parsed))
        if parsed.database in (None, "", ":memory:"):
            engine = create_engine(parsed, poolclass=StaticPool, connect_args={"check_same_thread": False})
        else:
            engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS})
    except ModuleNotFoundError:
        raise MissingExtraError("a store in PostgreSQL", "postgresql") from None
    except (ArgumentError, TypeError, ValueError) as error:
        problem = f"an option of its address is wrong: {error}"
        raise StoreError("(not shown)", problem, "correct what follows the question mark") from None
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _options(url: URL) -> dict[str, str | int]:
    """Return options of PostgreSQL, so that neither a lock nor a server that is gone stops everything for ever."""
    options = " ".join(url.normalized_query.get("options", ()))
    lock = {} if "lock_timeout" in options else {"options": f"{options} -c lock_timeout={BUSY_SECONDS}s".strip()}
    return {**{name: value for name, value in _CONNECTED.items() if name not in url.query}, **lock}


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        driver = _DRIVERS[parsed.drivername]
    except (ArgumentError, KeyError, ValueError, TypeError):
        # An address that nobody can read may have a password anywhere. So only one that can have none is shown.
        shown = str(url) if _PLAIN.fullmatch(str(url)) else "(not shown)"
        advice = "give sqlite:///sessions.db or postgresql://user@host/database"
        raise StoreError(shown, "it is no address of a database that a store can use", advice) from None
    if "@" in (parsed.host or ""):
        raise StoreError("(not shown)", "its host has an @", "write an @ of a user or a password as %40")
    if driver == "sqlite" and (parsed.host or parsed.port or parsed.username):
        raise StoreError("(not shown)", "a file of SQLite has no host", "write three slashes: sqlite:///sessions.db")
    return parsed.set(drivername=driver)


_PLAIN = re.compile(r"(\w+://)?[\w./\\-]*")


_DRIVERS = {"sqlite": "sqlite", **dict.fromkeys(("postgresql", "postgres", "postgresql+psycopg"), "postgresql+psycopg")}


def _set_up_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # the driver begins no transaction by itself
    connection.text_factory = _decoded
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _decoded(stored: bytes) -> str:
    """Return text of a file, which may have any bytes."""
    # The driver itself raises while it reads the rows. So one byte that a disk has changed would stop all sessions.
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return NoText.of(stored)


def _begin_sqlite(connection: Connection) -> None:
    # Example of a plain BEGIN: two processes read a session, and both hold a shared lock. The first one that writes waits for the
    # other, and the other must not wait for the first, so it fails at once, whatever the timeout. With IMMEDIATE the second waits
    # before it reads.
    begin = "BEGIN" if connection.get_execution_options().get("read_only") else "BEGIN IMMEDIATE"
    connection.connection.cursor().execute(begin)  # as in `Database.run`


_ADVICE = {
    "constraint failed|violates": "nothing was written: correct the row, or the constraint of the table",
    "readonly": "let this process write the file and its folder",
    "read-only|during recovery": "use a server that takes writes",
    "full": "free some space on the disk, then try again",
    "unable to open": "check that the folder exists and that this process may write to it",
    "locked": "another process has held the database for long: end it, or use PostgreSQL",
    "malformed": "restore the file from a backup",
    "No row was found": "the row of horizon was deleted: restore it from a backup",
    "not a database": "name another file: this one is no SQLite database",
    "lock timeout": "another transaction has held a lock for long: end it (see pg_stat_activity), then try again",
    "no such table|relation .* does not exist": "its tables were deleted: open the store again, or restore it from a backup",
    "role .* does not exist": "check the user in the address",
    "does not exist": "create the database",
}
_ELSE = "check that the database runs and can be reached, then try again"
