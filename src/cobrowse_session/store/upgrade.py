"""The version of the tables of a store: checked at the start, created in an empty database, upgraded on demand."""

import re

from sqlalchemy import Connection, inspect, text

from cobrowse_session.errors import MissingExtraError, StoreError
from cobrowse_session.store.database import Database
from cobrowse_session.store.epoch import check_cluster
from cobrowse_session.store.schema import METADATA, SCHEMA, SESSIONS

_REVISION = re.compile("[0-9]{4}")
_LOCK = 0x636F6272  # any number that is the same in all processes


def prepare(database: Database, *, create: bool) -> None:
    """Create the tables in an empty database, or check their version.

    Raises:
        StoreError: the tables have another version, are not those of a store, or there are none and none are to be created.
    """
    with database.reading() as connection:
        if not database.is_sqlite and (encoding := connection.scalar(text("show server_encoding"))) != "UTF8":
            raise StoreError(database.address, f"its encoding is {encoding}", "create the database with the encoding UTF8")
        found = _revision(database, connection)
    if found is None and not create:
        raise StoreError(database.address, "it has no tables of a store", "check the address, or let store import create them")
    if found is None:
        upgrade(database)
    elif found < SCHEMA:
        raise _wrong(database, found, "back it up, then run: cobrowse-session store upgrade")
    elif found > SCHEMA:
        raise _wrong(database, found, "install a newer cobrowse-session")
    check_cluster(database)


def upgrade(database: Database) -> None:
    """Bring the tables of a database to the newest revision, or create them. All of it happens, or nothing.

    Raises:
        StoreError: the tables are newer, or are not those of a store.
        MissingExtraError: alembic is not installed.
    """
    try:
        from cobrowse_session.store.migrations import migrate  # noqa: PLC0415 (alembic takes as long to import as the rest)
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("alembic"):
            raise
        raise MissingExtraError("a store", "store") from None

    with database.writing() as connection:
        # Four workers of a new deployment start at once. One gets the lock and creates the tables. The others wait, find them,
        # and have nothing to do. SQLite needs no lock of its own: this transaction is the only writer.
        if not database.is_sqlite:
            connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        found = _revision(database, connection)
        if found is not None and found > SCHEMA:
            raise _wrong(database, found, "install a newer cobrowse-session")
        migrate(connection)


def _revision(database: Database, connection: Connection) -> str | None:
    """Return the revision of the tables. None: the database is empty."""
    names = set(inspect(connection).get_table_names())
    if "alembic_version" in names:
        found = str(connection.scalar(text("select version_num from alembic_version")))
        if SESSIONS.name in names and _REVISION.fullmatch(found):
            return found
        problem = f"it belongs to another program: its alembic_version is {found!r}"
        raise StoreError(database.address, problem, "give a store a database of its own")
    if names & set(METADATA.tables):
        raise StoreError(database.address, "it has other tables of the same names", "give a store a database of its own")
    return None


def _wrong(database: Database, found: str, advice: str) -> StoreError:
    return StoreError(database.address, f"its tables have revision {found}, this package needs {SCHEMA}", advice)
