"""The proof that a store is right: every row is whole, and every session equals the fold of its events.

What is checked of each session, and what it would find:

    digest of each row         a byte that was changed, in an event, in a session or in its rules
    positions of the events    an event that is missing
    fold of the events         a session, a context, a deadline or a state of the row that does not follow from them
    fold of a sealed session   the same, as long as the table is the one under which it was sealed

A session that was folded under another table is no fault. It is counted, because it cannot be proved until it is folded anew.
"""

import json
from collections.abc import Iterator, Sequence

from attrs import define, field, frozen
from sqlalchemy import Connection, select

from cobrowse_session.io.waiting import last_heard
from cobrowse_session.store.rows import Row, as_moment, event_of, is_whole, rules_digest, session_row
from cobrowse_session.store.schema import EVENTS, RULES, SESSIONS
from cobrowse_session.store.shelf import page_after
from cobrowse_session.store.store import PAGE, Store
from cobrowse_session.stream import SessionLog
from cobrowse_session.wire.saved import read_offsets
from cobrowse_session.wire.stored import restore_rules, restore_sealed_view


@frozen
class Finding:
    """Something wrong in a store.

    Attributes:
        session: the id of the session.
        found: what is wrong.
    """

    session: str
    found: str

    def __str__(self) -> str:
        return f"session {self.session!r}: {self.found}"


@define
class Verified:
    """The numbers of what was verified.

    Attributes:
        sessions: the sessions.
        events: their events.
        proved: the sessions that follow from their events.
        other_table: the sessions that were folded under another table, and could not be proved.
        to_upgrade: those of them that are not sealed. A sealed one keeps its table.
        findings: what is wrong.
    """

    sessions: int = 0
    events: int = 0
    proved: int = 0
    other_table: int = 0
    to_upgrade: int = 0
    findings: list[Finding] = field(factory=list)

    @property
    def wrong(self) -> list[str]:
        """The ids of the sessions in which something is wrong, in the order in which they were found."""
        return [*dict.fromkeys(finding.session for finding in self.findings)]


def verify(store: Store) -> Verified:
    """Return the numbers of what was verified in a store. It can be done while the store is used.

    Raises:
        StoreError: the database cannot be read.
    """
    verified, after = Verified(), ""
    with store.database.reading() as connection:
        verified.findings += _orphans(connection)
    while True:
        with store.database.reading() as connection:
            page, end = page_after(connection, after, PAGE)
            rules = {row["id"]: dict(row) for row in connection.execute(select(RULES)).mappings()}
        for row, events in page:
            proof = Proof(store, row, events, rules.get(row["rules"]))
            found = [Finding(row["id"], found) for found in proof.findings()]
            verified.findings += found
            verified.sessions, verified.events = verified.sessions + 1, verified.events + len(events)
            verified.proved += not found and proof.is_same_table
            verified.other_table += not proof.is_same_table
            verified.to_upgrade += not proof.is_same_table and not row["sealed"]
        if end is None:
            return verified
        after = end


def _orphans(connection: Connection) -> Iterator[Finding]:
    orphans = select(EVENTS.c.session).outerjoin(SESSIONS, SESSIONS.c.id == EVENTS.c.session).where(SESSIONS.c.id.is_(None))
    yield from (Finding(session, "it has events, and no row of its own") for session in connection.scalars(orphans.distinct()))


@define
class Proof:
    """The proof of one session."""

    store: Store
    row: Row
    events: Sequence[Row]
    rules: Row | None
    is_same_table: bool = True

    def findings(self) -> Iterator[str]:
        """Yield what is wrong."""
        broken = [*self._broken_rows()]
        yield from broken
        if not broken:  # otherwise the rest would follow from that
            try:
                yield from self._differences()
            except Exception as error:  # noqa: BLE001 (a row that something else wrote may lead to any)
                yield f"it cannot be folded: {type(error).__name__}: {error}"

    def _broken_rows(self) -> Iterator[str]:
        if self.rules is None:
            yield f"its rules, row {self.row['rules']}, are missing"
        elif self.rules["digest"] != rules_digest(self.rules["document"]):
            yield f"its rules, row {self.rules['id']}, were changed"
        if not is_whole(self.row):
            yield "its row was changed"
        yield from (f"the event at position {row['position']} was changed" for row in self.events if not is_whole(row))
        if len(self.events) != self.row["events"] or any(row["position"] != place for place, row in enumerate(self.events)):
            yield f"{len(self.events)} events are stored, {self.row['events']} were"

    def _differences(self) -> Iterator[str]:
        table = self.store.lifecycle.table
        assert self.rules is not None, "it would have been found"
        rules, self.is_same_table = restore_rules(self.rules["document"], table)
        view = json.loads(self.row["document"])
        copies = [event_of(row["document"], table) for row in self.events if not row["late"]]
        if any(copy.subject != self.row["id"] for copy in copies):
            yield "an event of another session is among its events"
        sealed = restore_sealed_view(view, copies, table) if self.row["sealed"] else None
        if sealed is not None and sealed.restored is not None:  # it may have been sealed elsewhere, under another table
            self.is_same_table = self.is_same_table and not sealed.restored.table_changed
        if not self.is_same_table:
            return
        log = SessionLog(rules, self.row["id"])
        log.offsets = dict(read_offsets(view["offsets"], "$.offsets"))
        log.restore(copies, advanced=as_moment(self.row["advanced"]))
        if sealed is not None:
            yield from self._differences_of_sealed(log, sealed)
        else:
            heard = max(filter(None, (as_moment(self.row["heard"]), last_heard(log))), default=None)  # it may have arrived later
            counted = {name: self.row[name] for name in ("version", "rules", "events")}
            folded = session_row(log, **counted, heard=heard)
            folded["document"], stored = json.loads(folded["document"]), {**self.row, "document": view}
            yield from (_difference(name) for name in folded if name != "digest" and folded[name] != stored[name])

    def _differences_of_sealed(self, log: SessionLog, stored: SessionLog) -> Iterator[str]:
        if stored.session != log.session:
            yield _difference("document")
        if stored.trace != log.trace:
            yield "its sealed trace does not follow from its events"
        if (str(log.session.state), None) != (self.row["state"], self.row["deadline"]):
            yield _difference("state")


def _difference(column: str) -> str:
    return f"{'its session' if column == 'document' else f'the column {column!r}'} does not follow from its events"
