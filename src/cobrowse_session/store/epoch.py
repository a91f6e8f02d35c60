"""The epoch of a store: a random name of the database as it is now.

A position in the feed has a number that the database counts. A database that was restored from a backup counts from an earlier
number again, and a PostgreSQL server that a dump was moved to has a count of its own. A reader would miss the messages whose
numbers he has passed already. So a position has the epoch, and in a new epoch it is an error.

Example: a reader has read message 120. The database is restored from a backup that has 100 messages, and 30 new ones come. The
numbers 101 to 120 stand for other messages now.

    without an epoch    the reader goes on after 120, and misses 20 messages
    with an epoch       the reader gets an error, and reads anew
"""

from collections.abc import Iterable
from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, select, text, update

from cobrowse_session.errors import StoreError
from cobrowse_session.store.database import Database
from cobrowse_session.store.rows import as_moment
from cobrowse_session.store.schema import HORIZON, MESSAGES

GAP = 1_000_000_000
"""The numbers that are left out when an epoch begins. More messages than that are not written between a backup and its use."""


def begin_epoch(connection: Connection) -> str:
    """Begin a new epoch, and return its name. All positions of before are errors from then on.

    No message gets a number that another one had, so numbers can be the keys of a receiver that takes each message once.
    """
    name = token_hex(4)
    connection.execute(update(HORIZON).values(epoch=name, cluster=_cluster(connection)).returning(HORIZON.c.id)).one()
    # Another server counts its transactions from another number. All messages of before come before those of this epoch.
    connection.execute(update(MESSAGES).where(MESSAGES.c.transaction > 0).values(transaction=0))
    for statement in _SKIP[connection.dialect.name]:
        connection.execute(text(statement), {"gap": GAP})
    return name


def horizon_time(database: Database, row: Iterable[Any] | None) -> datetime | None:
    """Return a time of the row of `horizon`. None: nothing was sealed or forgotten yet.

    Args:
        database: the database.
        row: the column that was read. `Any`: what it holds. None: there is no row.

    Raises:
        StoreError: there is no row, or it has no time. Something other than this package changed it.
    """
    try:
        [number] = [*(row or ())]
        return as_moment(number)
    except (TypeError, ValueError, OverflowError) as error:
        raise StoreError(database.address, f"the row of horizon cannot be read: {error}", "restore it from a backup") from error


def check_cluster(database: Database) -> None:
    """Begin a new epoch if the database was moved into another cluster of PostgreSQL. A file of SQLite does not show that.

    Raises:
        StoreError: the database cannot be used.
    """
    with database.reading() as connection:
        here = _cluster(connection)
        if here is None or here == connection.scalar(select(HORIZON.c.cluster)):
            return
    with database.writing() as connection:
        known = connection.scalar(select(HORIZON.c.cluster).with_for_update())  # another worker may have been first
        if known is None:
            connection.execute(update(HORIZON).values(cluster=here))
        elif known != here:
            begin_epoch(connection)


def _cluster(connection: Connection) -> str | None:
    """Return the identifier of the cluster. None: there is none, or it may not be read."""
    if connection.dialect.name == "sqlite":
        return None
    if not connection.scalar(text("select has_function_privilege('pg_control_system()', 'execute')")):
        return None
    return str(connection.scalar(text("select system_identifier from pg_control_system()")))


_SEQUENCE = "pg_get_serial_sequence('messages', 'id')"
_SKIP = {
    "sqlite": (
        """insert into sqlite_sequence (name, seq) select 'messages', 0
        where not exists (select 1 from sqlite_sequence where name = 'messages')""",
        "update sqlite_sequence set seq = seq + :gap where name = 'messages'",
    ),
    "postgresql": (f"select setval({_SEQUENCE}, nextval({_SEQUENCE}) + :gap)",),
}
