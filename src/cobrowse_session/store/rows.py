"""The rows of a session: from its log, and back."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from sys import maxsize
from typing import Any

from sqlalchemy import Connection, Select
from sqlalchemy import Row as Found

from cobrowse_session.errors import StoreError
from cobrowse_session.events import Event
from cobrowse_session.io.waiting import is_unfinished
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.store.schema import MAX_INDEXED, NoText
from cobrowse_session.stream import Change, ProviderClock, SessionLog
from cobrowse_session.times import EPOCH, milliseconds
from cobrowse_session.wire import decode_event, encode_event
from cobrowse_session.wire.clock import restore_clock
from cobrowse_session.wire.stored import save_view
from cobrowse_session.wire.trace import entry_line

Row = dict[str, Any]
"""The values of a row, by column. `Any`: what the columns hold."""


# --- Pages ------------------------------------------------------------------------------------------------------------------


def page_of(
    connection: Connection, wanted: Select[*tuple[Any, ...]], limit: int
) -> tuple[Sequence[Found[*tuple[Any, ...]]], Found[*tuple[Any, ...]] | None]:  # what the columns hold
    """Return the first rows of a statement, and the row after which the next page begins. None: there is none.

    Args:
        connection: the transaction.
        wanted: the statement, in the order of ids. Its first column has them.
        limit: the number of rows. There are more if no page can begin after the last one, because its id is no text.
    """
    while len(rows := connection.execute(wanted.limit(limit)).all()) == limit and isinstance(rows[-1][0], NoText):
        limit *= 2
    return rows, rows[-1] if len(rows) == limit else None


# --- Times and digests --------------------------------------------------------------------------------------------------------


def as_number(moment: datetime | None) -> int | None:
    """Return a moment as a column has it: milliseconds since 1970."""
    return None if moment is None else milliseconds(moment - EPOCH)


def as_moment(number: int | None) -> datetime | None:
    """Return the moment of a column.

    Raises:
        ValueError: it lies before 1970.
        TypeError: it is no number. A file may have one of any type.
    """
    if number is not None and number < 0:
        raise ValueError(f"expected a time from 1970 on, found {number}")
    return None if number is None else EPOCH + timedelta(milliseconds=number)


def digest(values: Iterable[object]) -> str:
    """Return a digest of the values of a row: text, integers, truth values and None."""
    # `ascii` and not `repr`: which characters `repr` escapes depends on the version of Python.
    return blake2b(ascii(tuple(values)).encode(), digest_size=16).hexdigest()


def with_digest(row: Row) -> Row:
    """Return a row with the digest of its columns."""
    return {**row, "digest": digest(row.values())}


def is_whole(row: Mapping[str, Any]) -> bool:
    """Return whether a stored row has the digest of its columns. `Any`: what the columns hold."""
    found: str = row["digest"]
    return found == digest(value for column, value in row.items() if column != "digest")


def rules_digest(document: str) -> str:
    """Return the digest of a row of `rules`."""
    return digest([document])


# --- Rows ---------------------------------------------------------------------------------------------------------------------


def event_row(session: str, position: int, event: Event, *, late: bool) -> Row:
    """Return the row of a copy of an event."""
    return with_digest({"session": session, "position": position, "late": late, "document": encode_event(event)})


def clock_of(address: str, source: str, document: str) -> ProviderClock:
    """Return the clock of a row.

    Args:
        address: that of the database, for an error.
        source: whose clock it is.
        document: the column.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        return restore_clock(json.loads(document))
    except Exception as error:  # a row that something else wrote may lead to any
        problem = f"the clock of source {source!r} cannot be read: {type(error).__name__}: {error}"
        advice = "delete its row of the table clocks, and it learns anew, or restore the row from a backup"
        raise StoreError(address, problem, advice) from error


def event_of(document: str, table: Table) -> Event:
    """Return the event of a row. It was checked before it was stored, so it may be of any length and time."""
    return decode_event(document, table=table, max_future=timedelta.max, max_line_bytes=maxsize)


def session_row(log: SessionLog, *, version: int, rules: int, events: int, heard: datetime | None) -> Row:
    """Return the row of a session.

    Args:
        log: its log.
        version: how often the row was written.
        rules: the row of its rules.
        events: how many rows of events it has, late ones included.
        heard: when it was last heard of, on the corrected provider clock or on ours.
    """
    session, context, deadline = log.session, log.context, log.deadline
    work, latest = session.after_call_work, as_number(log.latest)
    is_over = deadline is None and not log.sealed and session.state in log.lifecycle.table.states.ended
    unfinished = is_over and is_unfinished(log)
    return with_digest(
        {
            "id": log.session_id,
            "version": version,
            "rules": rules,
            "events": events,
            "state": str(session.state),
            "acw": None if work is None else str(work.state),
            "conversation_id": indexed(context.conversation_id),
            "queue_id": indexed(context.queue_id),
            "user_id": indexed(context.user_id),
            "latest": latest,
            "deadline": as_number(deadline),
            "heard": as_number(heard),
            "ended": as_number(heard) if is_over and not unfinished else None,
            "unfinished": as_number(heard) if unfinished else None,
            "advanced": as_number(log.advanced),
            "sealed": log.sealed,
            "document": save_view(log),
        }
    )


def indexed(text: str | None) -> str | None:
    """Return a text as an index has it."""
    return None if text is None else text[:MAX_INDEXED]


# --- Messages -----------------------------------------------------------------------------------------------------------------


def change_document(change: Change) -> str:
    """Return the entries of a change, as JSON."""
    new, withdrawn = (",".join(map(entry_line, entries)) for entries in (change.new, change.withdrawn))
    changed = ",".join(f"[{entry_line(before)},{entry_line(after)}]" for before, after in change.changed)
    return f'{{"new":[{new}],"withdrawn":[{withdrawn}],"changed":[{changed}]}}'
