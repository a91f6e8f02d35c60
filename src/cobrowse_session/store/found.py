"""Sessions as they are stored, without their events."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Generic

from attrs import frozen
from sqlalchemy import Connection

from cobrowse_session.errors import UnreadableError
from cobrowse_session.lifecycle import Lifecycle
from cobrowse_session.model import Context, S_co
from cobrowse_session.store.rows import as_moment
from cobrowse_session.store.schema import SESSIONS, NoText
from cobrowse_session.store.shelf import Shelf
from cobrowse_session.wire.stored import read_view, restore_rules


@frozen
class StoredSession(Generic[S_co]):
    """A session as it is stored.

    Attributes:
        id: the session's id.
        session: the session.
        context: whose leg it is.
        latest: the time of its latest event, on the corrected provider clock.
        deadline: when something is due, on the same clock. None: never.
        sealed: it takes no more events.
        version: how often it was written.
        events: how many copies of events are stored, those that came too late included.
        lifecycle: the rules under which it was folded.
    """

    id: str
    session: S_co
    context: Context
    latest: datetime | None
    deadline: datetime | None
    sealed: bool
    version: int
    events: int
    lifecycle: Lifecycle[S_co]


@frozen
class Page(Generic[S_co]):
    """Sessions that were found, by id.

    Attributes:
        sessions: some of them.
        next: pass it as `after`, for the sessions that follow. None: there are no more.
    """

    sessions: tuple[StoredSession[S_co], ...]
    next: str | None


@frozen
class Reader(Generic[S_co]):
    """Reads the rows of `sessions`."""

    shelf: Shelf[S_co]

    @property
    def columns(self) -> Sequence[Any]:
        """The columns that `read` takes. `Any`: of all types."""
        names = ("id", "latest", "deadline", "sealed", "version", "events", "rules", "document")
        return [SESSIONS.c[name] for name in names]

    def read_each(self, connection: Connection, rows: Iterable[Sequence[Any]]) -> Iterator[StoredSession[S_co]]:
        """Yield the sessions of rows. One that cannot be read is passed over: see `Store.unreadable`. `Any`: what they hold."""
        for row in rows:
            try:
                yield self.read(connection, row)
            except UnreadableError as error:
                self.shelf.pass_over(error)

    def read(self, connection: Connection, row: Sequence[Any]) -> StoredSession[S_co]:
        """Return a session from its columns. `Any`: what they hold.

        Raises:
            UnreadableError: they hold no session.
        """
        name, latest, deadline, sealed, version, events, rules, document = row
        with self.shelf.naming(name):
            if isinstance(name, NoText):
                raise TypeError("its id is no text")
            lifecycle, _ = restore_rules(self.shelf.rules_text(connection, rules), self.shelf.lifecycle.table)
            session, context = read_view(json.loads(document), lifecycle.table)
            return StoredSession(
                name, session, context, as_moment(latest), as_moment(deadline), sealed, version, events, lifecycle
            )
