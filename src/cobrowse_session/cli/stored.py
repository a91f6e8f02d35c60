"""Stores that commands read: by their address, in place of a file of events."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from cobrowse_session import Lifecycle
from cobrowse_session.cli.screen import inform, plural
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.stream import SessionLog

if TYPE_CHECKING:
    from cobrowse_session.cli.sessions import Known
    from cobrowse_session.store import Store

_ADDRESS = re.compile("(sqlite|postgres|postgresql)://")


def is_address(name: str) -> bool:
    """Return whether a name is the address of a store, and not that of a file."""
    return _ADDRESS.match(name) is not None


def shows_stored(name: str, lifecycle: Lifecycle) -> bool:
    """Return whether a command shows sessions as they are stored: if it reads a store, and its options name no rules."""
    # Example: a session was stored under `timeout`, 30 s, and its timer has fired. `history STORE` shows the timer.
    # `history STORE --acw mandatory` shows what would have been: the same events under other rules.
    if not is_address(name):
        return False
    if lifecycle == Lifecycle(table=lifecycle.table):
        return True
    inform("The events are folded by the rules of the options. Leave them out to see the sessions as they are stored.", "yellow")
    return False


def stored_logs(
    address: str, table: Table, until: datetime | None, known: "Known", session: str | None = None
) -> Iterator[SessionLog]:
    """Yield the logs of a store, by id, under the rules with which they were stored.

    Args:
        address: of the store.
        table: it reads the sessions.
        until: advance them to this time. None: they are shown as they are.
        known: the events that count.
        session: the only one that is asked for. If there is no such session, all are yielded.

    Raises:
        StoreError: the store cannot be read.
    """
    with store_at(address, table) as store:
        only = None if session is None else store.load(session)
        for log in store.iterate() if only is None else (only,):
            copies = list(known.select(log.copies))  # all of them are read here, while the store is open
            if known.at is not None and copies:
                yield log.as_of(known.at)
            elif known.at is None:
                if until is not None:
                    log.advance(until)
                yield log


@contextmanager
def store_at(address: str, table: Table) -> "Iterator[Store]":
    """Open a store that exists. A warning is printed if it has sessions of another table.

    Raises:
        StoreError: it cannot be read.
    """
    from cobrowse_session.store import Store  # noqa: PLC0415 (an extra)

    with Store(address, Lifecycle(table=table), create=False) as store:
        warn_of_other_tables(store)
        yield store


def warn_of_other_tables(store: "Store") -> None:
    """Warn if fields and states of sessions are hidden, because they were stored under another table than is given."""
    if count := store.count_other_tables():
        hidden = f"{plural(count, 'session')} of another table. Fields, states and events of its own are not shown."
        upgrade = f"cobrowse-session store upgrade {store.database.address}"
        inform(f"Warning: {hidden} Name it with --table MODULE:NAME. After a change of the table: {upgrade}", "yellow")
