"""Sessions out of a store and into another one: saved logs, one a line.

An import writes no messages. What the sessions show was handed over where they came from. A bill that was written once must not
be written again. So hand over everything before an export.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, BinaryIO

from attrs import define, frozen
from sqlalchemy import select, tuple_

from cobrowse_session.canonical import as_json
from cobrowse_session.checks import NO_EXTRA, Extra, shown
from cobrowse_session.errors import DecodeError, FormatVersionError, StoreError, UnreadableError
from cobrowse_session.events import Event
from cobrowse_session.io.receiver import current_time
from cobrowse_session.io.replay import Line, Rejected, lines
from cobrowse_session.lifecycle import Late
from cobrowse_session.store.rows import clock_of, page_of
from cobrowse_session.store.schema import CLOCKS, EVENTS, LEGS, SHARED, is_key
from cobrowse_session.store.shelf import rows_of_sessions
from cobrowse_session.store.store import Store
from cobrowse_session.store.unit import Leg, Unit, check_key
from cobrowse_session.stream import SessionLog
from cobrowse_session.times import time_text
from cobrowse_session.wire.clock import restore_clock, save_clock
from cobrowse_session.wire.cloudevents import encode_event, is_cloudevent, read_event
from cobrowse_session.wire.converter import structured, versioned
from cobrowse_session.wire.saved import restore_log, save_log
from cobrowse_session.wire.strict_json import check_document, decode_error, dump

BATCH = 100
"""The number of lines that are stored in one transaction."""
EVENTS_AT_ONCE = 5_000
"""The number of events that are read at once."""
MAX_LINE = 1 << 32
"""The number of bytes that a line may have. A log of 50,000 events has about 20 million."""
FORGOTTEN, CLOCK, HEAD_FORMAT = "forgotten", "clock", 1
"""The keys of the lines that are no session: the time before which sessions were forgotten, and a clock; and their version."""
LATE, LEGS_KEY = "lateEvents", "legs"
"""The keys of a saved log with the events that came after it was sealed, and the participants whose leg it is."""


def export_lines(store: Store, pass_over: Callable[[StoreError], object] | None = None) -> Iterator[str]:
    """Yield every session of a store as a saved log, on one line of JSON.

    If sessions were forgotten, the first line has the time before which they ended: `{"format":1,"forgotten":"2026-03-01T..."}`.
    A line for each clock that corrects times follows. Those that are only observed belong to a worker, and learn anew.

    Args:
        store: the store.
        pass_over: called with the error of each clock that cannot be read, and the `UnreadableError` of each such session. The
            others are yielded. None: the error is raised.

    Raises:
        UnreadableError: a session cannot be read, and `pass_over` is None.
        StoreError: the database cannot be read, or a clock, and `pass_over` is None.
    """
    if (forgotten := store.forgotten) is not None:
        yield dump({"format": HEAD_FORMAT, FORGOTTEN: time_text(forgotten)})
    yield from _clock_lines(store, pass_over)
    every = store.iterate_with_late(pass_over=pass_over)
    while some := list(islice(every, BATCH)):
        legs = _legs_of(store, [log.session_id for log, _ in some])
        for log, late in some:
            try:
                saved = save_log(log)  # its events are read here
            except UnreadableError as error:
                if pass_over is None:
                    raise
                pass_over(error)
                continue
            more = {LATE: [as_json(event) for event in late], LEGS_KEY: legs.get(log.session_id)}
            yield dump({**saved, **{key: value for key, value in more.items() if value}})


def _clock_lines(store: Store, pass_over: Callable[[StoreError], object] | None) -> Iterator[str]:
    with store.database.reading() as connection:
        clocks = connection.execute(select(CLOCKS.c.source, CLOCKS.c.document).where(CLOCKS.c.worker == SHARED)).all()
    for source, text in clocks:
        try:
            learned = save_clock(clock_of(store.database.address, source, text))
        except StoreError as error:
            if pass_over is None:
                raise
            pass_over(error)
            continue
        yield dump({"format": HEAD_FORMAT, CLOCK: {"source": source, "learned": learned}})


def _legs_of(store: Store, sessions: Sequence[str]) -> dict[str, list[dict[str, str | None]]]:
    """Return the participants whose legs some sessions are. A payload that names only the participant needs them."""
    found: dict[str, list[dict[str, str | None]]] = {}
    wanted = select(LEGS).where(LEGS.c.communication.in_(sessions)).order_by(LEGS.c.source, LEGS.c.participant)
    with store.database.reading() as connection:
        for source, participant, session, media in connection.execute(wanted):
            found.setdefault(session, []).append({"source": source, "participant": participant, "media": media})
    return found


def is_session(line: str) -> bool:
    """Return whether a line of an export is a session, not a clock or the time before which sessions were forgotten."""
    return not line.startswith(tuple(f'{{"format":{HEAD_FORMAT},"{key}":' for key in (FORGOTTEN, CLOCK)))


def event_lines(store: Store) -> Iterator[str]:
    """Yield the events of all sessions of a store, one a line. Those that came after their session was sealed are left out.

    Raises:
        StoreError: the database cannot be read.
    """
    columns, after = EVENTS.c, ("", 0)
    place = tuple_(columns.session, columns.position)
    while True:
        page = select(columns.session, columns.position, columns.document).where(place > after, columns.late.is_(False))
        with store.database.reading() as connection:
            rows, end = page_of(connection, page.order_by(columns.session, columns.position), EVENTS_AT_ONCE)
        yield from (row.document for row in rows)
        if end is None:
            return
        after = end.session, end.position


@define
class Imported:
    """The numbers of an import.

    Attributes:
        sessions: sessions that came as saved logs.
        events: events that came one by one.
        new: the events of both kinds that were stored. The others are stored already, or were forgotten.
        late: events that came too late for a session that was sealed here. They are stored, and not applied.
        forgotten: events of sessions that were forgotten here, those of their saved logs included. They are not stored.
        rejected: lines that could not be read.
    """

    sessions: int = 0
    events: int = 0
    new: int = 0
    late: int = 0
    forgotten: int = 0
    rejected: int = 0


def import_lines(store: Store, file: BinaryIO, reject: Callable[[Rejected], object]) -> Imported:
    """Store what a file has, and return its numbers. Lines that are stored already change nothing, so it can be repeated.

    Args:
        store: a session that it has gets the events of the file in addition.
        file: saved logs, as `export_lines` yields them, and CloudEvents, one a line.
        reject: called with every line that cannot be read. The other lines are stored.

    Raises:
        StoreError: the database cannot be written. The lines before the last hundred are stored.
    """
    imported, every = Imported(), lines(file, MAX_LINE)
    horizons: list[datetime] = []
    while batch := list(islice(every, BATCH)):
        read = [part for line in batch if (part := _read(store, line, imported, reject)) is not None]
        horizons += (part for part in read if isinstance(part, datetime))
        parts, clocks = [part for part in read if isinstance(part, _Part)], [part for part in read if isinstance(part, _Clock)]
        numbers = store.run(partial(_put, parts, clocks))
        imported.new += numbers["new"]
        imported.late += numbers["late"]
        imported.forgotten += numbers["forgotten"]
    if horizons:  # in the end: the sessions of this file were not forgotten where they come from, however old they are
        store.run(lambda unit: unit.take_horizon(max(horizons)))
    return imported


@frozen
class Saved:
    """A session of an export.

    Attributes:
        log: its log.
        late: the events that came after it was sealed.
    """

    log: SessionLog
    late: tuple[Event, ...]


def read_saved(store: Store, file: BinaryIO, reject: Callable[[Rejected], object]) -> Iterator[Saved]:
    """Yield each session of an export. Nothing is stored.

    Args:
        store: its table reads the sessions.
        file: what `export_lines` yielded, one a line. Other lines that an import takes are passed over.
        reject: called with every line that cannot be read.
    """
    imported = Imported()
    for line in lines(file, MAX_LINE):
        part = _read(store, line, imported, reject)
        if isinstance(part, _Part) and part.log is not None:
            yield Saved(part.log, part.events)


@frozen
class _Part:
    """The content of a line: a saved log, or events of one session."""

    session: str
    log: SessionLog | None
    events: tuple[Event, ...]
    legs: tuple[Leg, ...] = ()


@frozen
class _Clock:
    """The content of a line: what a clock that corrects times has learned."""

    source: str
    document: str


_Content = _Part | _Clock | datetime


def _put(parts: Sequence[_Part], clocks: Sequence[_Clock], unit: Unit) -> Counter[str]:
    """Store the parts and clocks, and return the numbers of events that are new, that came too late and that were forgotten."""
    unit.is_silent = True
    if clocks:
        learned = set(unit.connection.scalars(select(CLOCKS.c.source).where(CLOCKS.c.worker == SHARED)))  # more than these
        unit.clocks |= {(SHARED, clock.source): clock.document for clock in clocks if clock.source not in learned}
    unit.read(part.session for part in parts)
    # Of a saved log that was imported before, nothing is new. So its copies are compared as text, and no log is read or folded.
    here = [part.session for part in parts if part.log and unit.held[part.session]]
    every = rows_of_sessions(unit.connection, here)
    stored = {session: {row["document"]: row["late"] for row in rows} for session, rows in every.items()}
    numbers = Counter[str]()
    for part in parts:
        events = part.events
        if part.log is not None and unit.log(part.session) is None:
            if unit.is_forgotten(part.log.latest):
                numbers["forgotten"] += len(part.log.copies) + len(events)
                continue
            unit.put(part.log)
        elif part.log is not None:
            events = (*part.log.copies, *events)
        unit.legs |= set(part.legs)
        known = stored.get(part.session, {})
        late = sum(known[text] if (text := encode_event(event)) in known else _is_late(unit, event) for event in events)
        numbers["forgotten" if unit.log(part.session) is None else "late"] += late
    numbers["new"] = unit.new_events
    return numbers


def _is_late(unit: Unit, event: Event) -> bool:
    return isinstance(unit.add(event).outcome, Late)


def _read(store: Store, line: Line, imported: Imported, reject: Callable[[Rejected], object]) -> _Content | None:
    number, content, length = line
    try:
        part = _part(store, content)
    except (DecodeError, FormatVersionError) as error:
        problem = error if isinstance(error, DecodeError) else decode_error("unknown_format", "$.format", error.found, str(error))
        imported.rejected += 1
        reject(Rejected.of(problem, number, content, length))
        return None
    if isinstance(part, _Part):
        imported.sessions, imported.events = imported.sessions + (part.log is not None), imported.events + (part.log is None)
    return part


def _part(store: Store, content: bytes) -> _Content:
    try:
        document = json.loads(content)  # `restore_log` and `read_event` check the rest
    except (ValueError, RecursionError) as error:
        raise decode_error("not_json", "$", content.decode(errors="replace"), f"JSON ({error})") from None
    if not isinstance(document, dict):
        raise decode_error("not_an_object", "$", document, "a saved log or an event")
    if is_cloudevent(document):
        check_document(document)
        event = read_event(document, table=store.lifecycle.table)
        check_key(event.subject, "$.subject")
        return _Part(event.subject, None, (event,))
    if FORGOTTEN in document:
        return _horizon(document)
    if CLOCK in document:
        return _clock(document)
    log = restore_log({**document, "late": 0}, table=store.lifecycle.table)  # those that follow are counted anew
    check_key(log.session_id, "$.session")
    late = document.get(LATE, [])
    events = (_late_event(store, log.session_id, one) for one in (late if isinstance(late, list) else [late]))
    return _Part(log.session_id, log, tuple(events), _legs(log.session_id, document.get(LEGS_KEY)))


def _legs(session: str, document: Any) -> tuple[Leg, ...]:  # JSON
    """Return the participants whose leg a session is."""
    found = structured({LEGS_KEY: document or []}, _Legs)
    known = (leg for leg in found.legs if is_key(leg.source, leg.participant, session))  # as in the inbox
    return tuple((leg.source, leg.participant, session, leg.media) for leg in known)


@frozen(kw_only=True)
class _Leg:
    source: str
    participant: str
    media: str | None = None
    extra: Extra = NO_EXTRA


@frozen(kw_only=True)
class _Legs:
    legs: tuple[_Leg, ...]
    extra: Extra = NO_EXTRA


def _clock(document: dict[str, Any]) -> _Clock:  # JSON
    """Return what a clock has learned in the store of an export."""
    check_document(document)
    clock = structured(versioned(document, HEAD_FORMAT, "an export", "store export"), _SavedClock).clock
    check_key(clock.source, "$.clock.source")
    restore_clock(clock.learned)
    return _Clock(clock.source, dump(clock.learned))


@frozen(kw_only=True)
class _Learned:
    source: str
    learned: dict[str, Any]  # JSON
    extra: Extra = NO_EXTRA


@frozen(kw_only=True)
class _SavedClock:
    clock: _Learned
    extra: Extra = NO_EXTRA


def _horizon(document: dict[str, Any]) -> datetime:  # JSON
    """Return the time before which sessions were forgotten in the store of an export."""
    horizon = structured(versioned(document, HEAD_FORMAT, "an export", "store export"), _Horizon)
    if horizon.forgotten > (now := current_time()):  # a clock was wrong there; here every new session would be late
        raise decode_error("time_in_the_future", f"$.{FORGOTTEN}", time_text(horizon.forgotten), f"a time up to {time_text(now)}")
    return horizon.forgotten


@frozen(kw_only=True)
class _Horizon:
    forgotten: datetime
    extra: Extra = NO_EXTRA


def _late_event(store: Store, session: str, document: Any) -> Event:  # JSON
    """Return an event that came after its session was sealed. It was checked when it was stored, so it may be of any time."""
    if not isinstance(document, dict):
        raise decode_error("not_an_object", f"$.{LATE}", document, "an event")
    check_document(document)
    event = read_event(document, table=store.lifecycle.table, max_future=timedelta.max)
    if event.subject != session:
        raise decode_error("other_session", f"$.{LATE}", event.subject, f"events of the session {shown(session)}")
    return event
