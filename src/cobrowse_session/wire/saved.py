"""A log saved as plain data, and restored (LOG-1, JSON-10).

A saved log contains all copies of its events. Session and trace follow from them. Beside them are the session as it was, a digest
of the trace and a digest of the table. So `restore_log` notices a log that newer rules read differently. A sealed log is saved
with its whole trace, and is restored as it was.

Where nothing has changed since, neither the rules nor the document, the session is taken as it was saved. The events are read
when they are needed. A service that starts again with many sessions needs the events of few.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, cast

from attrs import evolve, frozen

from cobrowse_session.canonical import as_json, order
from cobrowse_session.checks import NO_EXTRA, Extra, check_type, json_text
from cobrowse_session.errors import DecodeError, SettingsError
from cobrowse_session.events import CONTEXT_NAMES, Event, Timer, UnknownEvent, UnknownTimer
from cobrowse_session.lifecycle import Applied, Duplicate, Fired, Ignored, Lifecycle, Outcome, Refused
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.model import NO_CONTEXT, CobrowseSession, Context, S_co, vendor_name
from cobrowse_session.settings import Settings
from cobrowse_session.stream import Restored, SessionLog, TraceEntry
from cobrowse_session.times import milliseconds, time_text
from cobrowse_session.vocabulary import AfterCallWorkState, ConnectionState, read_prompt
from cobrowse_session.wire.cloudevents import read_event
from cobrowse_session.wire.converter import plain, structured, versioned
from cobrowse_session.wire.digest import TableDigest, table_digest
from cobrowse_session.wire.own_fields import types_of
from cobrowse_session.wire.quick_json import encoded
from cobrowse_session.wire.session import encode_session, session_class
from cobrowse_session.wire.strict_json import check_document, decode_error
from cobrowse_session.wire.trace import encode_entry, set_attributes, trace_entry
from cobrowse_session.wire.usual_session import read_session

LOG_FORMAT = 2
"""The version of a saved log."""


# --- Saving -------------------------------------------------------------------------------------------------------------------


def save_log(log: SessionLog) -> dict[str, Any]:
    """Return a log as plain data, fit for JSON. `restore_log` reads it. `Any`: JSON.

    Raises:
        TypeError: it is no log.
        TableError: an event or the session of the log's table has a field that cannot be written or read.
    """
    if not isinstance(log, SessionLog):
        raise TypeError(f"expected a SessionLog, found an object of type {type(log).__name__}")
    types_of(log.lifecycle.table)
    digest = _digest_of(log)
    document = {
        "format": LOG_FORMAT,
        "session": log.session_id,
        "lifecycle": save_lifecycle(log.lifecycle),
        "table": {"rows": digest.rows, "code": digest.code},
        "advanced": log.advanced and time_text(log.advanced),
        "sealed": log.sealed,
        "repeats": log.repeats,
        "late": log.late,
        "offsets": {source: milliseconds(offset) for source, offset in log.offsets.items()},
        "events": [_save_event(copy) for copy in log.copies],
        "state": json.loads(encode_session(log.session)),  # plain text, no enums
        "trace": _trace_digest(log),
        "sessionSettings": save_settings(log.session.settings),
        **({"rows": [_save_entry(entry) for entry in log.trace]} if log.sealed else {"context": save_context(log.context)}),
    }
    return {**document, "checksum": _checksum(document)}


def _digest_of(log: SessionLog) -> TableDigest:
    """Return the digest of the table under which a log was folded: of a sealed one, maybe long ago."""
    sealed_under = log.restored.sealed_under if log.restored else None
    return table_digest(log.lifecycle.table) if sealed_under is None else TableDigest(*sealed_under)


def _checksum(document: Mapping[str, Any]) -> str:
    """Return a checksum of a saved log, apart from its own."""
    return _digest(json_text({**document, "checksum": None}))


def _has_its_checksum(document: Mapping[str, Any]) -> bool:
    """Return whether a saved log is as it was written."""
    # msgspec takes a fifth of the time. What it writes in another way than `json`, some numbers with a fraction, gives another
    # checksum. So a text with the right one is the text that was written.
    stated: object = document["checksum"]
    quick = encoded({**document, "checksum": None}, "sorted")
    return (quick is not None and _digest(quick) == stated) or _checksum(document) == stated


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _trace_digest(log: SessionLog) -> str:
    return sha256("\n".join(encode_entry(_digested(entry)) for entry in log.trace).encode()).hexdigest()


def _digested(entry: TraceEntry) -> dict[str, Any]:
    """Return the entry as the first saved logs had it. What it has more of follows from the events, whatever the rules."""
    return {key: value for key, value in trace_entry(entry).items() if key not in _NOT_DIGESTED}


_NOT_DIGESTED = ("participant", "user", "queue", "purpose", "media")


def save_context(context: Context) -> dict[str, str]:
    """Return a context as JSON, without what is unset."""
    stated = ((key, getattr(context, name)) for key, name in CONTEXT_NAMES.items())
    return {key: value for key, value in stated if value is not None}


def _save_event(event: Event) -> dict[str, Any]:
    """Return an event as JSON that the caller may change: nothing in it belongs to the event."""
    address = event.details.self
    shares = event.extra or event.extensions or isinstance(event, UnknownEvent) or (address and address.extra)
    return deepcopy(as_json(event)) if shares else as_json(event)  # a copy of each would cost half of the time


def _save_entry(entry: TraceEntry) -> dict[str, Any]:
    plain = json.loads(encode_entry(trace_entry(entry)))  # no enums
    return {**plain, "reason": entry.outcome.reason, "cites": list(entry.outcome.cites)}


def save_lifecycle(lifecycle: Lifecycle) -> dict[str, Any]:
    """Return a lifecycle as JSON, without its table. `Any`: JSON."""
    return {
        **save_settings(lifecycle.settings),
        "acwWhenUnanswered": lifecycle.acw_when_unanswered,
        "acwAfterTransfer": lifecycle.acw_after_transfer,
        "alertingGraceMs": _whole(lifecycle.alerting_grace),
        "timeoutCode": lifecycle.timeout_code,
        "strict": lifecycle.strict,
    }


def save_settings(settings: Settings) -> dict[str, Any]:
    """Return settings as JSON. `Any`: JSON."""
    return {
        "wrapupPrompt": None if settings.wrapup_prompt is None else str(settings.wrapup_prompt),
        "wrapupTimeoutMs": _whole(settings.wrapup_timeout),
        "alertingTimeoutMs": _whole(settings.alerting_timeout),
    }


def _whole(duration: timedelta | None) -> int | None:
    return None if duration is None else milliseconds(duration)


# --- What is read -------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class _SavedSettings:
    wrapup_prompt: str | None = None
    wrapup_timeout: int | None = None
    alerting_timeout: int | None = None
    extra: Extra = NO_EXTRA


@frozen(kw_only=True)
class _SavedLifecycle(_SavedSettings):
    acw_when_unanswered: bool
    acw_after_transfer: bool
    alerting_grace_ms: int | None = None
    timeout_code: str
    strict: bool


@frozen(kw_only=True)
class _SavedTable:
    rows: str
    code: str | None = None
    extra: Extra = NO_EXTRA


@frozen(kw_only=True)
class _Saved:
    """A saved log. `Any`: parts that are read one by one, so that an error has its path."""

    session: str
    lifecycle: _SavedLifecycle
    table: _SavedTable
    advanced: datetime | None = None
    sealed: bool
    repeats: int
    late: int
    offsets: Any
    events: Any
    state: Any
    trace: str
    session_settings: _SavedSettings | None = None
    rows: Any = None
    extra: Extra = NO_EXTRA


@frozen(kw_only=True)
class _SavedEntry:
    session: str
    type: str
    event: str | None = None
    source: str | None = None
    at: datetime
    outcome: str
    row: str
    rule: str | None = None
    from_: str
    to: str | None = None
    acw: str | None = None
    set: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str
    cites: tuple[str, ...] = ()
    extra: Extra = NO_EXTRA


# --- Restoring ----------------------------------------------------------------------------------------------------------------


def restore_log(
    data: Mapping[str, Any], lifecycle: Lifecycle[S_co] | None = None, *, table: Table[S_co] | None = None
) -> SessionLog[S_co]:
    """Return the log that `save_log` wrote (JSON-10). It shows the same and takes events as before. `Any`: JSON.

    A log that is not sealed is folded anew, under today's table. `SessionLog.restored` lists what reads differently then. A
    sealed log is restored as it was saved, under the lifecycle it was saved with.

    Args:
        data: a saved log.
        lifecycle: rules for a log that is not sealed. None: those it was saved with.
        table: the table of these rules. None: that of `lifecycle`, or the standard one.

    Raises:
        TypeError: `lifecycle` is no lifecycle, or `table` no table.
        FormatVersionError: a newer version of this package wrote it.
        DecodeError: it is no saved log. Every problem has its path.
    """
    if lifecycle is not None:
        check_type("restore_log: lifecycle", lifecycle, Lifecycle)
    if table is not None:
        check_type("restore_log: table", table, Table)
    if lifecycle is not None and table is not None:
        lifecycle = evolve(lifecycle, table=table)
    restored = _restored(data, lifecycle, table or (lifecycle.table if lifecycle else Table.standard()))
    return cast(SessionLog[S_co], restored)


def _restored(data: Mapping[str, Any], lifecycle: Lifecycle | None, table: Table) -> SessionLog:
    if _is_as_saved(data, lifecycle, table):
        with suppress(DecodeError):  # a session that cannot be read: its events can
            return _as_saved(data, lifecycle, table)
    document = versioned(data, LOG_FORMAT, "a saved log", "save_log")
    _check_json(document)
    saved = structured(document, _Saved)
    log = _log(saved, None if saved.sealed else lifecycle, table)
    state = _state(saved, table)
    copies = [_event(saved, index, one, table) for index, one in enumerate(_listed(saved.events, "$.events"))]
    log.offsets = dict(read_offsets(saved.offsets, "$.offsets"))
    # Two ways, and why:
    #
    #     sealed  what is restored                            if the rules have changed since
    #     no      the events. Session and trace are folded.   `changed` lists the fields that read differently now
    #     yes     events, session and trace, as saved         nothing changes: what was written out stays as it was
    #
    # Example: the saved state of a log that is not sealed is edited from `alerting` to `connected`. The restored log is
    # `alerting`, as its events are, and `changed` has `state`.
    table_changed = not table_digest(log.lifecycle.table).agrees_with(TableDigest(saved.table.rows, saved.table.code))
    if saved.sealed:
        session, trace = _sealed_session(saved, state), _sealed_trace(saved, copies, log.lifecycle, table_changed=table_changed)
        log.restore_sealed(copies, session, trace, advanced=saved.advanced, repeats=saved.repeats, late=saved.late)
        sealed_under = saved.table.rows, saved.table.code
        log.restored = Restored(as_saved=True, table_changed=table_changed, sealed_under=sealed_under)
    else:
        held = len({(copy.source, copy.id) for copy in copies})
        log.restore(copies, advanced=saved.advanced, received=held + saved.repeats, late=saved.late)
        log.restored = Restored(changed=tuple(_changed(saved, state, log)), table_changed=table_changed)
    return log


def _state(saved: _Saved, table: Table) -> CobrowseSession | None:
    """Return the session as it was saved. None: it cannot be read, and the session follows from the events.

    Raises:
        DecodeError: it cannot be read, and the log is sealed.
    """
    # Example: an own field was `int`, and is text today. The session of an open log is folded anyway.
    try:
        return structured(saved.state, session_class(table), "$.state")
    except DecodeError:
        if saved.sealed:
            raise
        return None


# --- Nothing has changed since ------------------------------------------------------------------------------------------------


def _is_as_saved(data: Mapping[str, Any], lifecycle: Lifecycle | None, table: Table) -> bool:
    """Return whether a saved log that is not sealed is unchanged, and its rules are too. Then its session can be trusted."""
    # What must agree, and what is prevented:
    #
    #     both digests of the table   today's rows would decide the events in another way
    #     the lifecycle               other settings: after-call work that the lifecycle of today would not begin
    #     the checksum                a part that was edited, or written by other software
    #
    # Each of them alone would show a session that its events do not give. Then the events are folded, and `changed` says so.
    try:
        digest = table_digest(table)
        return (
            data["format"] == LOG_FORMAT
            and data["sealed"] is False
            and digest.code is not None
            and data["table"] == {"rows": digest.rows, "code": digest.code}
            and (lifecycle is None or data["lifecycle"] == save_lifecycle(lifecycle))
            and _has_its_checksum(data)
        )
    except (LookupError, TypeError, ValueError, RecursionError):  # it is no saved log, or not a whole one
        return False


def _as_saved(data: Mapping[str, Any], lifecycle: Lifecycle | None, table: Table) -> SessionLog:
    """Return a log with the session that was saved. Its events are read when they are needed."""
    rules = lifecycle or known_lifecycle(tuple(data["lifecycle"].items()), table)
    log = SessionLog(rules, data["session"])
    log.offsets = dict(read_offsets(data["offsets"], "$.offsets"))
    session = read_session(data["state"], session_class(table), "$.state")
    session.settings = known_settings(tuple(data["sessionSettings"].items()))
    log.restore_as_saved(
        _SavedEvents(encoded(data["events"]) or json.dumps(data["events"]), table),
        session,
        read_context(data["context"]),
        advanced=None if data["advanced"] is None else structured(data["advanced"], datetime, "$.advanced"),
        repeats=data["repeats"],
        late=data["late"],
    )
    log.restored = Restored()
    return log


def read_context(saved: Mapping[str, str]) -> Context:
    """Return a context that `save_context` wrote."""
    return Context(**{CONTEXT_NAMES[key]: value for key, value in saved.items()})


# A service has few lifecycles and few queues, and many logs.


@lru_cache(maxsize=256)
def known_lifecycle(saved: tuple[tuple[str, Any], ...], table: Table) -> Lifecycle:
    """Return a lifecycle that `save_lifecycle` wrote, one object for equal ones. `Any`: JSON."""
    return _lifecycle(structured(dict(saved), _SavedLifecycle), table)


@lru_cache(maxsize=256)
def known_settings(saved: tuple[tuple[str, Any], ...]) -> Settings:
    """Return settings that `save_settings` wrote, one object for equal ones. `Any`: JSON."""
    return _settings(structured(dict(saved), _SavedSettings))


@frozen
class _SavedEvents:
    """The events of a saved log, which are read when they are needed.

    Attributes:
        text: their JSON. The caller may change his own document meanwhile.
        table: the table that has their classes.
    """

    text: str
    table: Table

    def __call__(self) -> list[Event]:
        return [read_event(document, table=self.table, max_future=timedelta.max) for document in json.loads(self.text)]


# --- What is checked ----------------------------------------------------------------------------------------------------------


def _check_json(data: Mapping[str, Any]) -> None:
    """Check that every part is JSON. Python's parser lets lone surrogates and NaN through.

    A part may be as deep as a whole document, because an event was one.
    """
    check_document(dict.fromkeys(data))
    for key, part in data.items():
        parts = part if key in ("events", "rows") and isinstance(part, list) else None
        for index, one in enumerate([part] if parts is None else parts):
            check_document(one, f"$.{key}" if parts is None else f"$.{key}[{index}]")


def _log(saved: _Saved, lifecycle: Lifecycle | None, table: Table) -> SessionLog:
    if saved.repeats < 0 or saved.late < 0:
        raise decode_error(
            "out_of_range", "$.repeats" if saved.repeats < 0 else "$.late", min(saved.repeats, saved.late), "0 or more"
        )
    rules = _lifecycle(saved.lifecycle, table) if lifecycle is None else lifecycle
    try:
        return SessionLog(rules, saved.session)
    except ValueError as error:
        raise decode_error("bad_value", "$.session", saved.session, str(error)) from None


def _lifecycle(saved: _SavedLifecycle, table: Table) -> Lifecycle:
    try:
        return Lifecycle(
            settings=_settings(saved),
            acw_when_unanswered=saved.acw_when_unanswered,
            acw_after_transfer=saved.acw_after_transfer,
            alerting_grace=_duration(saved.alerting_grace_ms),
            timeout_code=saved.timeout_code,
            strict=saved.strict,
            table=table,
        )
    except SettingsError as error:
        raise decode_error("bad_value", f"$.lifecycle.{vendor_name(error.setting)}", error.found, error.expected) from None


def _settings(saved: _SavedSettings) -> Settings:
    return Settings(
        wrapup_prompt=None if saved.wrapup_prompt is None else read_prompt(saved.wrapup_prompt),
        wrapup_timeout=_duration(saved.wrapup_timeout),
        alerting_timeout=_duration(saved.alerting_timeout),
    )


def _duration(number: int | None) -> timedelta | None:
    try:
        return None if number is None else timedelta(milliseconds=number)
    except OverflowError:
        return timedelta.max  # the check of the setting names its bounds


def read_offsets(value: object, path: str) -> Iterator[tuple[str, timedelta]]:
    """Yield each source with its offset, from a JSON object of milliseconds.

    Raises:
        DecodeError: it is no such object.
    """
    if not isinstance(value, Mapping):
        raise decode_error("wrong_type", path, value, "an object")
    for source, offset in value.items():
        if type(offset) is not int or abs(offset) > milliseconds(MAX_OFFSET):
            raise decode_error("wrong_type", f"{path}.{source}", offset, "an integer of milliseconds, of at most 100 years")
        yield source, timedelta(milliseconds=offset)


MAX_OFFSET = timedelta(days=36_500)
"""The largest correction of a source."""


def _listed(value: object, path: str) -> list[Any]:  # JSON
    if not isinstance(value, list):
        raise decode_error("wrong_type", path, value, "a list")
    return value


def _event(saved: _Saved, index: int, document: object, table: Table) -> Event:
    path = f"$.events[{index}]"
    if not isinstance(document, Mapping):
        raise decode_error("not_an_object", path, document, "an event")
    try:
        event = read_event(document, table=table, max_future=timedelta.max)
    except DecodeError as error:
        raise DecodeError(tuple(evolve(p, path=path + p.path[1:], leg=saved.session) for p in error.problems)) from None
    if event.subject != saved.session:
        raise decode_error("wrong_subject", f"{path}.subject", event.subject, f"the session of this log, {saved.session!r}")
    return event


def _changed(saved: _Saved, state: CobrowseSession | None, log: SessionLog) -> Iterator[str]:
    """Yield the fields that read differently than they were saved."""
    before = plain(state) if state is not None else saved.state
    yield from changed_fields(before if isinstance(before, Mapping) else {}, log.session)
    if _trace_digest(log) != saved.trace:
        yield "trace"


def changed_fields(before: Mapping[str, Any], session: CobrowseSession) -> Iterator[str]:
    """Yield the fields of a session that differ from its JSON (`Any`) of before."""
    after = plain(session)
    fields = dict.fromkeys((*before, *after))
    yield from (key for key in fields if json_text(before.get(key)) != json_text(after.get(key)))


# --- A sealed log -------------------------------------------------------------------------------------------------------------


def _sealed_session(saved: _Saved, session: CobrowseSession | None) -> CobrowseSession:
    assert session is not None, "that of a sealed log was read"
    if session.id != saved.session:
        raise decode_error("wrong_subject", "$.state.id", session.id, f"the session of this log, {saved.session!r}")
    try:
        session.settings = _settings(saved.session_settings or _SavedSettings())
    except SettingsError as error:
        raise decode_error("bad_value", f"$.sessionSettings.{vendor_name(error.setting)}", error.found, error.expected) from None
    return session


def _sealed_trace(saved: _Saved, copies: list[Event], lifecycle: Lifecycle, *, table_changed: bool) -> list[TraceEntry]:
    kept = SessionLog(lifecycle, saved.session)
    kept.restore(copies)
    events: dict[tuple[str, str], Event | Timer] = {(event.source, event.id): event for event in kept.events}
    parts = _listed(saved.rows, "$.rows")
    entries = [
        _entry(
            structured(part, _SavedEntry, f"$.rows[{i}]"), events, lifecycle.table, f"$.rows[{i}]", table_changed=table_changed
        )
        for i, part in enumerate(parts)
    ]
    if table_changed:
        # The other table had its own timers, and its own order of events at one instant. Example: its kind `held` has a rank
        # before `disconnected`. Here that event is of an unknown type, whose rank is the last one.
        stated = [entry.event for entry in entries if isinstance(entry.event, Event)]
        times = [event.occurred_at for event in stated]
        if times != sorted(times) or sorted(stated, key=order) != list(kept.events):
            raise decode_error("wrong_rows", "$.rows", len(entries), "one entry for each event, in the order of their times")
        return list(_with_context(entries))
    # The trace of a sealed log is not folded, so it is checked here against the events: each has one entry, in their order.
    # Example: alerting 09:00:00, an unknown event 09:01:00, then `timer.alerting` of 09:00:21. The alerting timer fires by
    # `advance` only, so it is the last entry whatever its time. Any other timer must come after the events of its instant.
    if [entry.event for entry in entries if isinstance(entry.event, Event)] != list(kept.events):
        raise decode_error("wrong_rows", "$.rows", len(entries), "one entry for each event, in their order")
    places = [(entry.event.occurred_at, isinstance(entry.event, Timer)) for entry in entries]
    place = lifecycle.last_resort_in(entry.event for entry in entries)  # the last entries, whatever their time
    last = places[place:]
    if places[:place] != sorted(places[:place]) or not all(is_timer for _, is_timer in last):
        raise decode_error("wrong_rows", "$.rows", len(entries), "each timer after the events that occurred by then")
    return list(_with_context(entries))


def _with_context(entries: Iterable[TraceEntry]) -> Iterator[TraceEntry]:
    """Yield the entries with the context as of each. It follows from the events, whatever the rules (CONTEXT-3)."""
    # It is not read from the rows, so that a log that was saved before rows had all of it has it, too. Example: alerting states
    # queue `sales`, the end states user `ann`. The first entry has the queue, the second and the timer after it have both.
    context = NO_CONTEXT
    for entry in entries:
        if isinstance(entry.event, Event):
            context = entry.event.context.with_defaults(context)
        yield TraceEntry(entry.event, entry.outcome, context)


def _entry(
    one: _SavedEntry, events: Mapping[tuple[str, str], Event | Timer], table: Table, path: str, *, table_changed: bool
) -> TraceEntry:
    if one.event is not None:  # an event of an unknown type may have a timer's name
        event = events.get((one.source or "", one.event))
    elif timer := table.timers.get(one.type):
        event = timer(subject=one.session, occurred_at=one.at)
    else:
        event = UnknownTimer(subject=one.session, occurred_at=one.at, name=one.type) if table_changed else None
    if event is None:
        raise decode_error("unknown_event", f"{path}.event", one.event, "an event of this log, or a timer of its table")
    make = _OUTCOMES.get(one.outcome)
    if make is None or (one.rule is None and one.outcome in (Ignored.kind, Refused.kind)):
        raise decode_error("unknown_outcome", f"{path}.outcome", one.outcome, f"one of {', '.join(_OUTCOMES)}, with its rule")
    outcome = make(
        one,
        row=one.row,
        reason=one.reason,
        cites=one.cites,
        from_state=ConnectionState.read(one.from_),
        acw=None if one.acw is None else AfterCallWorkState.read(one.acw),
        notes=one.notes,
    )
    if isinstance(outcome, Applied):
        names = set_attributes(table)
        outcome = evolve(outcome, set=tuple(sorted(names.get(name, name) for name in one.set)))
    return TraceEntry(event, outcome)


def _applied(one: _SavedEntry, /, **common: Any) -> Applied:  # an outcome's attributes
    to_state = ConnectionState.read(one.to or one.from_)
    if one.event is None:
        return Fired(timer=one.type, at=one.at, to_state=to_state, **common)
    return Applied(to_state=to_state, **common)


_OUTCOMES: Mapping[str, Callable[..., Outcome]] = {
    Applied.kind: _applied,
    Duplicate.kind: lambda _one, /, **common: Duplicate(**common),  # noqa: PLW0108 (it drops its argument)
    Ignored.kind: lambda one, /, **common: Ignored(rule=one.rule, **common),
    Refused.kind: lambda one, /, **common: Refused(rule=one.rule, **common),
}
