"""The repair of a store: sessions whose rows something else changed are rebuilt from their events.

A session follows from its events, so its row need not be whole. What a session is rebuilt from, if it is there:

    events      its rows whose digest is right, and those of the backup
    rules       those of its row, or of the backup. If its row was changed: those under which its events give what it shows
    advanced    in the same way: the time to which its timers had fired
    sealed      as its document says, or its row, or a message that it was sealed
    the rest    offsets and the time when it was last heard of, of its row or of the backup

Example: a disk changed the document of `s1`, which waits for a timer. Its three events are whole, and so are the columns of its
rules. They are folded, and give the session, the deadline and the document of before. The row is written with the next version.

What is written is proved before it is committed, as `verify` does it. Otherwise nothing of the session changes. No message is
written: what was handed over stays handed over.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, BinaryIO

from attrs import define, field, frozen
from sqlalchemy import Connection, delete, exists, func, insert, select, update

from cobrowse_session.canonical import canonical
from cobrowse_session.errors import StoreError, UnreadableError
from cobrowse_session.events import Event
from cobrowse_session.io.replay import Rejected
from cobrowse_session.lifecycle import Lifecycle
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.store.rows import Row, as_moment, event_of, is_whole, rules_digest, session_row, with_digest
from cobrowse_session.store.schema import EVENTS, MESSAGES, RULES, SESSIONS
from cobrowse_session.store.shelf import MAX_COUNT, rows_of_sessions
from cobrowse_session.store.store import Store
from cobrowse_session.store.transfer import Saved, read_saved
from cobrowse_session.store.unit import Unit
from cobrowse_session.store.verify import Finding, Proof, verify
from cobrowse_session.stream import SessionLog
from cobrowse_session.wire import encode_event, encode_session
from cobrowse_session.wire.digest import table_digest
from cobrowse_session.wire.saved import read_offsets, save_lifecycle, save_settings
from cobrowse_session.wire.stored import restore_rules, restore_sealed_view, save_rules

GIVE_A_BACKUP = "give a backup that has it"
MAX_TIMERS = 100
"""The number of timers of a session that are tried, where the time to which it was advanced is unknown."""


@frozen
class Lost:
    """A row of an event that could not be kept.

    Attributes:
        session: the session of the row.
        position: its position. A file may have a value of any type there.
        document: what it has in place of an event.
    """

    session: str
    position: object
    document: str

    def __str__(self) -> str:
        return f"session {self.session!r}: the event at position {self.position} could not be kept"


@define
class Repaired:
    """The result of a repair.

    Attributes:
        sessions: the ids of those that were wrong and are right now.
        lost: the rows of events that could not be kept.
        left: the sessions that are as they were, and why.
    """

    sessions: list[str] = field(factory=list)
    lost: list[Lost] = field(factory=list)
    left: list[Finding] = field(factory=list)


def repair(
    store: Store,
    backup: BinaryIO | None = None,
    *,
    reject: Callable[[Rejected], object] = lambda _: None,
    lose: Callable[[Lost], object] = lambda _: None,
) -> Repaired:
    """Rebuild each session that `verify` finds wrong from its events, and return what was done. The store may be in use.

    Args:
        store: the store.
        backup: an export of the store, one saved log a line. Its events are added to those that are stored and whole.
        reject: called with each line of the backup that cannot be read.
        lose: called with each row of an event that cannot be kept, before it is deleted. If it raises, the row stays.

    Raises:
        StoreError: the database cannot be read or written. Each session is repaired, or is as it was.
    """
    wrong, repaired = verify(store).wrong, Repaired()
    lifecycles, saved = _of_backup(store, backup, {*wrong}, reject)
    restored = store.run(partial(_restore_rules, [store.lifecycle, *lifecycles])) if wrong else 0
    left = verify(store).wrong if restored else wrong
    reasons: dict[str, str] = {}
    for session in left:
        one = _Repair(store, session, saved.get(session), saved, backup is not None, lose)
        repaired.lost += _repaired(one, reasons)
    if left:
        store.run(lambda unit: _remove_copies(unit.connection, saved, store))
        left_over = verify(store)
        found = {finding.session: finding.found for finding in reversed(left_over.findings)}
        repaired.left = [Finding(session, reasons.get(session, found[session])) for session in left_over.wrong]
    still = {finding.session for finding in repaired.left}
    repaired.sessions = [session for session in wrong if session not in still]
    return repaired


def _of_backup(
    store: Store, backup: BinaryIO | None, wrong: set[str], reject: Callable[[Rejected], object]
) -> tuple[list[Lifecycle], dict[str, Saved]]:
    """Return the rules of a backup, and its logs of the sessions that are wrong."""
    lifecycles: dict[Lifecycle, None] = {}
    found: dict[str, Saved] = {}
    for saved in read_saved(store, backup, reject) if backup is not None and wrong else ():
        lifecycles[saved.log.lifecycle] = None
        if saved.log.session_id in wrong:
            found[saved.log.session_id] = saved
    return [*lifecycles], found


def _restore_rules(lifecycles: Iterable[Lifecycle], unit: Unit) -> int:
    """Write rows of rules again whose document was changed, and return how many. The digest says what they had."""
    written = 0
    for text in map(save_rules, lifecycles):
        changed = update(RULES).where(RULES.c.digest == rules_digest(text), RULES.c.document != text)
        written += unit.connection.execute(changed.values(document=text)).rowcount
    return written


def _repaired(one: "_Repair", reasons: dict[str, str]) -> list[Lost]:
    """Rebuild one session, and return the rows that could not be kept. If it is left as it was, the reason is noted."""
    try:
        return one.store.run(one.work)
    except _LeftError as error:
        reasons[one.session] = str(error)
    except UnreadableError as error:
        reasons[one.session] = error.problem
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 (a row that something else wrote may lead to any)
        reasons[one.session] = f"it cannot be rebuilt: {type(error).__name__}: {error}"
    return []


class _LeftError(Exception):
    """A session cannot be repaired."""


@frozen
class _Candidate:
    """A log that the session may have been, with the row of its rules."""

    log: SessionLog
    rules: int


@frozen
class _Known:
    """The parts of a row that something else changed, as far as they can be read.

    Attributes:
        row: it. None: it is missing.
        view: its document (`Any`: JSON). None: it cannot be read.
    """

    row: Row | None
    view: Mapping[str, Any] | None

    @staticmethod
    def of(row: Row | None) -> "_Known":
        """Return the row and its document, if it can be read."""
        view = None
        with suppress(Exception):  # a row that something else wrote may lead to any
            view = json.loads(row["document"]) if row is not None else None
        return _Known(row, view if isinstance(view, dict) and "state" in view else None)

    @property
    def is_whole(self) -> bool:
        """True if nothing of it was changed."""
        return self.row is not None and is_whole(self.row)

    def column(self, name: str) -> Any:
        """Return the value of a column. None: the row is missing. `Any`: a file may have a value of any type."""
        return None if self.row is None else self.row[name]

    def moment(self, name: str) -> datetime | None:
        """Return the time of a column. None: it has none, or none that can be read."""
        with suppress(Exception):  # as above
            return as_moment(self.column(name))
        return None

    def sealed_log(self, copies: Iterable[Event], late: int, table: Table) -> SessionLog | None:
        """Return the log of the document of a sealed session, with its events. None: it cannot be read."""
        with suppress(Exception):  # as above
            return restore_sealed_view({**(self.view or {}), "late": late}, copies, table)
        return None

    def is_digest_of(self, one: _Candidate) -> bool:
        """Return whether a log gives the digest of the row. So it is the log of before, and a column beside it was changed."""
        with suppress(Exception):  # as above
            if self.row is not None and not self.row["sealed"]:
                counted = {"version": self.row["version"], "rules": one.rules, "events": self.row["events"]}
                return bool(session_row(one.log, **counted, heard=self.moment("heard"))["digest"] == self.row["digest"])
        return False

    def is_shown_by(self, log: SessionLog) -> bool:
        """Return whether a log shows what the document has."""
        if self.view is None:
            return False
        shown = json.loads(encode_session(log.session)), save_settings(log.session.settings)
        rules = self.view.get("lifecycle")  # a sealed one has it
        is_same = rules is None or rules == save_lifecycle(log.lifecycle)
        return is_same and shown == (self.view["state"], self.view.get("sessionSettings"))


@define
class _Repair:
    """The repair of one session.

    Attributes:
        store: the store.
        session: its id.
        saved: what the backup has of it.
        every: what the backup has of all sessions that are wrong.
        has_backup: there is a backup.
        lose: called with each row that cannot be kept.
    """

    store: Store
    session: str
    saved: Saved | None
    every: Mapping[str, Saved]
    has_backup: bool
    lose: Callable[[Lost], object]

    def work(self, unit: Unit) -> list[Lost]:
        """Rebuild the session, and return the rows that could not be kept.

        Raises:
            _LeftError: it is as it was.
        """
        connection = unit.connection
        wanted = select(SESSIONS).where(SESSIONS.c.id == self.session).with_for_update()
        found = connection.execute(wanted).mappings().first()
        row = dict(found) if found is not None else None
        rows = rows_of_sessions(connection, [self.session])[self.session]
        if row is None and not rows:
            return []  # it was forgotten meanwhile
        if row is not None and not self._findings(connection, row, rows):
            return []  # another worker was first
        moved = _moved(connection, self.session) if row is None else None
        own: list[Row] = []
        others: list[Row] = []
        for one in rows:
            (own if is_whole(one) and self._is_own(one) else others).append(one)
        self._check(row or moved, own, others)
        written = self._rebuilt(unit, _Known.of(row or moved), own)
        documents = {one["document"] for one in written[1]}
        lost = [
            Lost(self.session, one["position"], str(one["document"]))
            for one in others
            if not _is_kept(one, documents) and not _is_elsewhere(connection, one, self.every, self.store)
        ]
        for gone in lost:
            self.lose(gone)
        self._write(connection, *written, is_new=row is None)
        if moved is not None:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.digest == moved["digest"], SESSIONS.c.id != self.session))
        new_rows = rows_of_sessions(connection, [self.session])[self.session]
        if wrong := self._findings(connection, dict(connection.execute(wanted).mappings().one()), new_rows):
            raise _LeftError(wrong[0])
        unit.log(self.session)  # as everybody reads it
        return lost

    def _findings(self, connection: Connection, row: Row, rows: Sequence[Row]) -> list[str]:
        rules = connection.execute(select(RULES).where(RULES.c.id == row["rules"])).mappings().first()
        return [*Proof(self.store, row, rows, None if rules is None else dict(rules)).findings()]

    def _is_own(self, row: Row) -> bool:
        return _subject_of(row, self.store) == self.session

    def _check(self, row: Row | None, own: Sequence[Row], others: Sequence[Row]) -> None:
        """Check that the session can be rebuilt, and nobody has to decide how.

        Raises:
            _LeftError: it cannot, or somebody has.
        """
        changed = next((one for one in others if self._is_own(one)), None)
        if self.saved is None and changed is not None:
            reads = f"the event at position {changed['position']} was changed, and can be read"
            raise _LeftError(f"{reads}. To take what it was, {GIVE_A_BACKUP}")
        if self.saved is None and not own:
            nowhere = ", and the backup does not have it. If there was no such session, delete its rows"
            raise _LeftError(f"no event of it can be read{nowhere if self.has_backup else f': {GIVE_A_BACKUP}'}")
        if self.saved is None and row is None:
            raise _LeftError(f"its row is missing, and with it its rules: {GIVE_A_BACKUP}")

    def _rebuilt(self, unit: Unit, known: _Known, own: Sequence[Row]) -> tuple[Row, list[Row]]:
        """Return the row of the session and the rows of its events."""
        events = {one["document"]: event_of(one["document"], self.store.lifecycle.table) for one in own}
        applied = {one["document"] for one in own if not one["late"]}
        copies = {text: event for text, event in events.items() if text in applied}
        late = {text: event for text, event in events.items() if text not in applied}
        self._add_saved(copies, late)
        rules = [*self._rules(unit, known)]
        if not rules:
            raise _LeftError(f"its rules cannot be read, or are of another table: name it with --table, or {GIVE_A_BACKUP}")
        if not (is_sealed := self._is_sealed(unit.connection, known)):
            copies, late = copies | late, {}
        chosen = self._choose(rules, known, [*copies.values()], is_sealed=is_sealed)
        log = chosen.log
        if is_sealed and (latest := log.latest) is not None and not log.seal(latest + timedelta(milliseconds=1)):
            copies, late = copies | late, {}  # what ended it is lost, so it takes events again
            log = self._choose([(chosen.rules, log.lifecycle)], known, [*copies.values()], is_sealed=False).log
        if log.sealed:
            log = self._as_sealed(log, known, len(late))
        heard = [known.moment("heard"), *(max(one.occurred_at, one.received) for one in (copies | late).values())]
        rows = [*self._event_rows(copies, late)]
        numbers = {"version": _version(unit.connection, self.session, known), "rules": chosen.rules, "events": len(rows)}
        return session_row(log, **numbers, heard=max(filter(None, heard))), rows

    def _event_rows(self, copies: Iterable[str], late: Iterable[str]) -> Iterator[Row]:
        documents = [*((text, False) for text in copies), *((text, True) for text in late)]
        for position, (text, is_late) in enumerate(documents):
            yield with_digest({"session": self.session, "position": position, "late": is_late, "document": text})

    def _add_saved(self, copies: dict[str, Event], late: dict[str, Event]) -> None:
        """Add the events of the backup to those that are stored."""
        if self.saved is None:
            return
        log = SessionLog(self.saved.log.lifecycle, self.session)
        for copy in copies.values():
            log.add(copy)
        known = {canonical(event) for event in late.values()}
        for copy in self.saved.log.copies:
            if log.keeps(copy) and canonical(copy) not in known:  # one that came too late is not applied now
                log.add(copy)
                copies[encode_event(copy)] = copy
        known |= {canonical(event) for event in copies.values()}
        late.update({encode_event(event): event for event in self.saved.late if canonical(event) not in known})

    def _rules(self, unit: Unit, known: _Known) -> Iterator[tuple[int, Lifecycle]]:
        """Yield the rules that the session may have, the likeliest first. There are none if they are of another table."""
        table, own = self.store.lifecycle.table, known.column("rules")
        found: dict[int, Lifecycle] = {}
        for number, document, digest in unit.connection.execute(select(RULES.c.id, RULES.c.document, RULES.c.digest)):
            if digest != rules_digest(document):
                continue
            if json.loads(document)["table"]["rows"] == table_digest(table).rows:  # another version of this package is no matter
                found[number] = restore_rules(document, table)[0]
            elif number == own:
                return
        if known.is_whole and own in found:
            yield own, found[own]
            return
        if self.saved is not None:
            yield unit.shelf.rules_of(unit.connection, self.saved.log.lifecycle), self.saved.log.lifecycle
        if known.row is not None and not known.is_whole:
            yield from sorted(found.items(), key=lambda item: (item[0] != own, item[0]))

    def _is_sealed(self, connection: Connection, known: _Known) -> bool:
        """Return whether the session was sealed. What was written out when it was sealed must not be written again."""
        if known.view is not None:
            return known.view.get("sealed") is True
        said = exists().where(MESSAGES.c.session == self.session, MESSAGES.c.kind == "sealed")
        is_saved = self.saved is not None and self.saved.log.sealed
        return bool(known.column("sealed")) or is_saved or bool(connection.scalar(select(said)))

    def _choose(
        self, rules: Sequence[tuple[int, Lifecycle]], known: _Known, copies: Sequence[Event], *, is_sealed: bool
    ) -> _Candidate:
        """Return the log of the first rules and time that give the digest of the row, else its document, else of the first."""
        every = [
            _Candidate(log, number)
            for number, lifecycle in rules
            for log in self._logs(lifecycle, known, copies, is_sealed=is_sealed)
        ]
        if same := next(filter(known.is_digest_of, every), None):
            return same
        return next((one for one in every if known.is_shown_by(one.log)), every[0])

    def _logs(self, lifecycle: Lifecycle, known: _Known, copies: Sequence[Event], *, is_sealed: bool) -> Iterator[SessionLog]:
        """Yield the log at each time to which it may have been advanced."""
        sealed = known.sealed_log(copies, 0, self.store.lifecycle.table) if is_sealed else None
        saved = None if self.saved is None else self.saved.log
        stated = filter(None, [known.moment("advanced"), *(one.advanced for one in (sealed, saved) if one is not None)])
        times: list[datetime | None] = [*dict.fromkeys(stated)]
        for advanced in times or [None]:
            yield self._folded(lifecycle, known, copies, advanced)
        if known.is_whole:
            return
        # The time of the row may be what was changed. Then the timers tell: as many fire as the session shows.
        log = self._folded(lifecycle, known, copies, None)
        for _ in range(MAX_TIMERS):
            if not is_sealed or log.deadline is None:
                yield self._folded(lifecycle, known, copies, log.advanced)
            if log.deadline is None:
                return
            log.advance(log.deadline)

    def _folded(self, lifecycle: Lifecycle, known: _Known, copies: Iterable[Event], advanced: datetime | None) -> SessionLog:
        log = SessionLog(lifecycle, self.session)
        log.offsets = {} if self.saved is None else dict(self.saved.log.offsets)
        with suppress(Exception):  # a row that something else wrote may lead to any
            log.offsets |= dict(read_offsets((known.view or {})["offsets"], "$.offsets"))
        log.restore(copies, advanced=advanced)
        return log

    def _as_sealed(self, log: SessionLog, known: _Known, late: int) -> SessionLog:
        """Return the sealed log as it was stored or saved, if it follows from its events, or keeps a table of its own.

        Raises:
            _LeftError: it was sealed under another table, and it cannot be known how.
        """
        stored = known.sealed_log(log.copies, late, self.store.lifecycle.table)
        saved = self.saved.log if self.saved is not None and self.saved.log.sealed else None
        for one, is_trusted in ((stored, known.is_whole), (saved, True)):
            is_other = one is not None and one.restored is not None and one.restored.table_changed
            if one is not None and is_other and is_trusted and {*map(canonical, one.copies)} == {*map(canonical, log.copies)}:
                return one
            if one is not None and not is_other and (one.session, one.trace, one.late) == (log.session, log.trace, late):
                return one
        digest = table_digest(log.lifecycle.table)
        if known.view is not None and known.view.get("table") != {"rows": digest.rows, "code": digest.code}:
            raise _LeftError(f"it was sealed under another table: {GIVE_A_BACKUP}")
        return log

    def _write(self, connection: Connection, row: Row, rows: Sequence[Row], *, is_new: bool) -> None:
        connection.execute(delete(EVENTS).where(EVENTS.c.session == self.session))
        connection.execute(insert(EVENTS), list(rows))
        if is_new:
            connection.execute(insert(SESSIONS).values(row))
        else:  # not deleted: a worker that waits for the row would take the session for one that was forgotten
            connection.execute(update(SESSIONS).where(SESSIONS.c.id == self.session).values(row))


# --- What is read of rows that something else changed -------------------------------------------------------------------------


def _version(connection: Connection, session: str, known: _Known) -> int:
    """Return the next version. It is higher than that of each message, if the row does not have it."""
    found = known.column("version")
    messages = connection.scalar(select(func.max(MESSAGES.c.version)).where(MESSAGES.c.session == session)) or 0
    return max(found if isinstance(found, int) and 0 < found < MAX_COUNT - 1 else 0, messages) + 1


def _subject_of(row: Row, store: Store) -> str | None:
    """Return the session of the event of a row. None: it cannot be read."""
    with suppress(Exception):  # as above
        return event_of(row["document"], store.lifecycle.table).subject
    return None


def _is_kept(row: Row, documents: set[str]) -> bool:
    """Return whether one of the documents is that of a row, or the one that it had: its digest tells."""
    return row["document"] in documents or any(is_whole({**row, "document": text}) for text in documents)


# --- Rows that are in a wrong place -------------------------------------------------------------------------------------------


def _moved(connection: Connection, session: str) -> Row | None:
    """Return the row of a session whose id was changed. Its digest proves that it is. None: there is none."""
    alone = select(SESSIONS).where(~exists().where(EVENTS.c.session == SESSIONS.c.id)).with_for_update()
    rows = (dict(row) for row in connection.execute(alone).mappings())
    return next(({**row, "id": session} for row in rows if is_whole({**row, "id": session})), None)


def _is_elsewhere(connection: Connection, row: Row, every: Mapping[str, Saved], store: Store) -> bool:
    """Return whether the event of a row is of another session, and that one has it, or the backup has it for that one."""
    subject = _subject_of(row, store)
    if subject is None or subject == row["session"]:
        return False
    stored = rows_of_sessions(connection, [subject])[subject]
    saved = every.get(subject)
    copies = () if saved is None else (*saved.log.copies, *saved.late)
    return any(one["document"] == row["document"] and is_whole(one) for one in stored) or any(
        encode_event(copy) == row["document"] for copy in copies
    )


def _remove_copies(connection: Connection, every: Mapping[str, Saved], store: Store) -> None:
    """Delete events in the name of a session that does not exist, if they are stored under their own session."""
    alone = select(EVENTS).outerjoin(SESSIONS, SESSIONS.c.id == EVENTS.c.session).where(SESSIONS.c.id.is_(None))
    for row in [dict(row) for row in connection.execute(alone).mappings()]:
        if not is_whole(row) and _is_elsewhere(connection, row, every, store):
            # By its digest, because an id that is no text cannot be named in a condition.
            place = (EVENTS.c.digest == row["digest"]) & (EVENTS.c.document == row["document"])
            orphan = ~exists().where(SESSIONS.c.id == EVENTS.c.session)
            connection.execute(delete(EVENTS).where(place, orphan))
