"""The simulated world over a store: what was answered is on disk, a crash takes nothing else, a disk that fails answers nothing.

The provider, the network and the book about each session are those of `tests/world.py`. A crash opens the same database again. A
failing disk breaks a statement or the commit of one transaction, and its sender sends again.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ClauseElement, Connection
from sqlalchemy import event as listeners
from sqlalchemy.engine.interfaces import DBAPICursor
from tests.world import (
    AFTER_ALL,
    ALWAYS,
    THOROUGHLY,
    Identity,
    Life,
    World,
    late_is_what_comes_after_the_seal,
    reads_as_the_fold,
    shown,
    some_lifecycle,
    text,
    time_never_goes_back,
)

from cobrowse_session import Event, Late, ProviderClock, Repeat, SessionLog
from cobrowse_session.errors import StoreError
from cobrowse_session.io.inbox import Received
from cobrowse_session.store import DurableInbox, Store, verify

# --- What must hold, beside what holds in memory ------------------------------------------------------------------------------


def stored_as_the_fold(life: Life) -> bool:
    """Session and trace are the reference fold of the copies that were answered. A store counts no repeats."""
    expected, log = life.fold(), life.log
    return (log.trace, log.session, log.session.settings) == (expected.trace, expected.session, expected.session.settings)


def answered_is_on_disk(life: Life) -> bool:
    """Every copy that was answered is in the store, without a save, or was handed back."""
    return {(event.source, event.id) for event in life.sent} == life.there


def late_is_what_changes_something(life: Life) -> bool:
    """What comes for a sealed session is a repeat if its log holds the event and the copy does not count, else late."""
    if life.answer is None:
        return True
    outcome, event = life.answer.outcome, life.answer.event
    if not life.was_sealed:
        return not isinstance(outcome, Late)
    held = [one for one in life.copies if (one.source, one.id) == (event.source, event.id)]
    counts = [min(copies, key=lambda copy: (copy.received, text(copy))) for copies in (held, [*held, event]) if copies]
    changes_nothing = bool(held) and text(counts[0]) == text(counts[1])
    return outcome == (Repeat.match() if changes_nothing else Late.match(event=event))


class DurableWorld(World):
    """Everything that follows from one seed, over a store.

    Args:
        seed: of everything.
        folder: the database goes there.
    """

    inbox: DurableInbox
    # A log is read from the store, where an advance that changed nothing was not written.
    always = (
        *(one for one in ALWAYS if one not in (time_never_goes_back, late_is_what_comes_after_the_seal)),
        late_is_what_changes_something,
    )
    thoroughly = (*(one for one in THOROUGHLY if one is not reads_as_the_fold), stored_as_the_fold, answered_is_on_disk)
    after_all = AFTER_ALL

    def __init__(self, seed: int, folder: Path) -> None:
        self.url = f"sqlite:///{folder / f'{seed}.db'}"
        self.came_late: dict[str, set[Identity]] = defaultdict(set)
        self._logs: dict[str, SessionLog] = {}
        super().__init__(seed)

    def run(self) -> "DurableWorld":
        """Let everything happen, and prove the database in the end."""
        try:
            super().run()
            verified = verify(self.inbox.store)
            if verified.findings or verified.sessions != len(self.lives):
                raise self._broken(f"the store does not verify: {verified}", self.url)
            for log, late in self.inbox.store.iterate_with_late():
                if not self.came_late[log.session_id] <= {(event.source, event.id) for event in late}:
                    raise self._broken("an event that came too late is not stored", log.session_id)
        finally:
            self.inbox.store.close()
        return self

    def saves(self) -> None:
        """Nobody needs to save anything."""

    def crashes(self) -> None:
        """The host falls over, and another one opens the database."""
        self._note("crashes", None)
        self.faults["host crashes"] += 1
        if self._fault("rules changed", 0.5):
            self.lifecycle = some_lifecycle(self.chance)
        lives, archived, pairs = self.lives, self.archive, self.pairs
        self.inbox.store.close()
        self._start()
        self.lives, self.pairs = lives, pairs
        for session in archived:
            found = self.inbox.find(session)
            if found is None or shown(found) != lives[session].sealed:
                raise self._broken("a sealed session shows other bytes after a restart", session)
            self.archive[session] = found
        for life in lives.values():
            life.advanced, life.answer = life.log.advanced, None
        self.touched = list(lives.values())
        self._check(self.always + self.thoroughly)

    def log_of(self, session: str) -> SessionLog:
        """The log of a session, read from the store once a step."""
        if session not in self._logs:
            self._logs[session] = super().log_of(session)
        return self._logs[session]

    def _note(self, what: str, thing: object) -> None:
        self._logs.clear()
        super()._note(what, thing)

    def _opened(self, correct: dict[str, timedelta | ProviderClock]) -> DurableInbox:
        store = Store(self.url, self.lifecycle)
        listeners.listen(store.database.engine, "connect", _without_disk)  # no power fails here, so nothing waits for the disk
        return DurableInbox(store, reject=self.rejected.append, seal_after=self.seal_after, correct=correct)

    def _receives(self, event: Event) -> None:
        if "host crashes" in self.on and self.chance.random() < 0.1:
            self._fails(event)
        super()._receives(event)

    def _took(self, sent: Event, answer: Received, known: timedelta) -> None:
        super()._took(sent, answer, known)
        if isinstance(answer.outcome, Late):
            self.came_late[sent.subject].add((sent.source, sent.id))

    def _fails(self, event: Event) -> None:
        """The disk fails while an event is stored. Nobody gets an answer, and nothing has changed."""
        before = {life.session: shown(life.log) for life in self.lives.values()}
        with suppress(StoreError), failing(self.inbox.store, self.chance.randrange(1, 7)):
            super()._receives(event)
        self._note("fails", event)
        if {life.session: shown(life.log) for life in self.lives.values()} != before:
            raise self._broken("an event that was not answered changed something", event.subject)


def _without_disk(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


@contextmanager
def failing(store: Store, number: int) -> Iterator[None]:
    """Let the statement of a number fail in the next transaction, or its commit if it has fewer statements. Nothing else."""
    database, run = store.database, store.database.run
    left = [number]

    def fail(*_: object) -> None:
        left[0] = 0
        raise sqlite3.OperationalError("disk I/O error")

    def run_until(connection: Connection, statement: ClauseElement, rows: Sequence[Mapping[str, Any]]) -> DBAPICursor:
        left[0] -= 1
        if not left[0]:
            fail()
        return run(connection, statement, rows)

    database.run = run_until  # type: ignore[method-assign] # the disk under it
    listeners.listen(database.engine, "commit", fail)
    try:
        yield
    finally:
        database.run = run  # type: ignore[method-assign] # as above
        listeners.remove(database.engine, "commit", fail)
