"""The tables of a store.

`events` has what happened, and is only ever appended to. The rest of a session follows from it, and is written in the same
transaction:

    rules      a lifecycle and the digest of its table, under which sessions were folded; few rows
    sessions   the session that follows from its events, what it is found by, and when something is due
    events     each copy of an event, as CloudEvents JSON, in the order in which they were stored
    messages   what changed, until it is handed over and for some time longer
    clocks     what a worker observed and learned of the providers' clocks
    legs       the communication of a participant's leg, for payloads that name the participant only
    horizon    one row: how far sessions were sealed and forgotten, and the epoch, see `epoch.py`

`heard` has the latest time at which an event of a session occurred, was received or arrived at the store. `ended` or `unfinished`
is the same, of a session that is over, until it is sealed: `unfinished` while after-call work is pending without a deadline.

Times are milliseconds since 1970. Rows of `rules`, `sessions` and `events` have a digest of what they hold. So `verify` finds a
byte that was changed there.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    column,
    false,
)

Value = TypeVar("Value")

SCHEMA = "0001"
"""The revision of the tables here. `migrations` brings a store to it."""

MAX_ID = 1000
"""The number of bytes of the id of a session, or of another key. PostgreSQL has no index of text of more than about 2,700."""
MAX_PARAMETERS = 30_000
"""The number of parameters that a statement has. SQLite takes 32,766, PostgreSQL 65,535."""
MAX_INDEXED = 200
"""The number of characters of a queue, a user or a conversation by which a session is found."""


def is_key(*texts: str) -> bool:
    """Return whether texts can be the key of a row: they are whole, and together they have at most 1,000 bytes."""
    try:
        return sum(len(text.encode()) for text in texts) <= MAX_ID
    except UnicodeEncodeError:  # a lone surrogate
        return False


def parts(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """Yield values in parts, as many as a statement has parameters."""
    return (values[start : start + MAX_PARAMETERS] for start in range(0, len(values), MAX_PARAMETERS))


class Name(TypeDecorator[str]):
    r"""Text of a sender. PostgreSQL stores no NUL. So NUL is written as `\0`, and a backslash as two."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 (the signature is SQLAlchemy's)
        """Return a text as it is stored."""
        return None if value is None else escaped(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 (as above)
        """Return a stored text as it was. `Any`: a file of SQLite that a disk has changed may have any value in any column."""
        if value is not None and not isinstance(value, str):
            return NoText.of(value)
        if value is None or isinstance(value, NoText) or "\\" not in value:
            return value
        return "\\".join(part.replace("\\0", "\0") for part in value.split("\\\\"))


class NoText(str):
    """The text in place of a value that is none. A sender may give a name that reads the same, so it has a class of its own."""

    __slots__ = ()

    @classmethod
    def of(cls, value: object) -> "NoText":
        """Return the text in place of a value."""
        return cls(f"\0{value!a}")


def escaped(text: str) -> str:
    """Return a text of a sender as it is stored."""
    return text.replace("\\", "\\\\").replace("\0", "\\0") if "\\" in text or "\0" in text else text


def as_stored(table: Table, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a row as the driver of a database takes it. `Any`: what the columns hold."""
    found = {name: escaped(text) for name in _names(table) if (text := row[name]) is not None}
    return {**row, **found}


@cache
def _names(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns if isinstance(column.type, Name))


METADATA = MetaData()

RULES = Table(
    "rules",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("document", Text, nullable=False),
)


def _index(name: str, key: str, condition: ColumnElement[bool]) -> Index:
    """Return an index that has only the rows of a condition."""
    return Index(name, key, sqlite_where=condition, postgresql_where=condition)


SESSIONS = Table(
    "sessions",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("rules", ForeignKey(RULES.c.id), nullable=False),
    Column("events", Integer, nullable=False),
    Column("state", Name, nullable=False),
    Column("acw", Name),
    Column("conversation_id", Name),
    Column("queue_id", Name),
    Column("user_id", Name),
    Column("latest", BigInteger),
    Column("deadline", BigInteger),
    Column("heard", BigInteger),
    Column("ended", BigInteger),
    Column("unfinished", BigInteger),
    Column("advanced", BigInteger),
    Column("sealed", Boolean, nullable=False),
    Column("document", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Index("sessions_by_state", "state"),
    _index("sessions_by_acw", "acw", column("acw").is_not(None)),
    _index("sessions_by_queue", "queue_id", column("queue_id").is_not(None)),
    _index("sessions_by_user", "user_id", column("user_id").is_not(None)),
    Index("sessions_by_latest", "latest"),
    _index("sessions_by_deadline", "deadline", column("deadline").is_not(None)),
    _index("sessions_by_end", "ended", column("ended").is_not(None)),
    _index("sessions_by_unfinished", "unfinished", column("unfinished").is_not(None)),
)

EVENTS = Table(
    "events",
    METADATA,
    Column("session", Name, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("late", Boolean, nullable=False),
    Column("document", Text, nullable=False),
    Column("digest", Text, nullable=False),
    sqlite_with_rowid=False,
)

MESSAGES = Table(
    "messages",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("session", Name, nullable=False),
    Column("version", Integer, nullable=False),
    Column("transaction", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("handed_over", Boolean, nullable=False, server_default=false()),
    _index("messages_to_hand_over", "id", column("handed_over").is_(false())),
    Index("messages_by_session", "session", "transaction"),
    Index("messages_by_transaction", "transaction", "id"),
    sqlite_autoincrement=True,
)

SHARED = ""
"""The worker to whom the clocks that correct times belong."""

CLOCKS = Table(
    "clocks",
    METADATA,
    Column("worker", Name, primary_key=True),
    Column("source", Name, primary_key=True),
    Column("document", Text, nullable=False),
)

LEGS = Table(
    "legs",
    METADATA,
    Column("source", Name, primary_key=True),
    Column("participant", Name, primary_key=True),
    Column("communication", Name, primary_key=True),
    Column("media", Name),
    Index("legs_by_communication", "communication"),
)

HORIZON = Table(
    "horizon",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("sealed", BigInteger),
    Column("forgotten", BigInteger),
    Column("epoch", Text, nullable=False),
    Column("cluster", Text),
)
