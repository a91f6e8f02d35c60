"""The changes of a session, field by field, before and after each entry of its trace.

A log keeps no session per entry. So the events are decided once more, from a new session on, and two neighbours are compared.

Example: a leg that alerts at 09:00:00, connects at 09:00:03 and ends at 09:01:00. Among the changes are:

- `alerting`: `state` from `none` to `alerting`, `segments.0.startTime` from unset to 09:00:00
- `connected`: `state`, `connectedTime`, `segments.0.endTime`, `segments.1.startTime`
- `disconnected`: `state`, `disconnectType`, `disconnectedTime`, `segments.1.endTime`
"""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

import attrs
from attrs import frozen

from cobrowse_session.lifecycle import Applied
from cobrowse_session.model import Address, AfterCallWork, CobrowseSession, Wrapup, vendor_name
from cobrowse_session.segments import Segment, Segments
from cobrowse_session.settings import Settings
from cobrowse_session.stream.fold import TraceEntry
from cobrowse_session.stream.log import SessionLog

PARTS: Mapping[type, Mapping[str, str]] = {
    part: {vendor_name(a.name): a.name for a in attrs.fields(part) if a.name != "extra"}
    for part in (Address, Segment, Wrapup, AfterCallWork, Settings)
}
"""The fields of each part of a session, and their attributes."""
_Part = tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]], tuple[None, ...]]
_PARTS: Mapping[type, _Part] = {
    part: (tuple(names), attrgetter(*names.values()), (None,) * len(names)) for part, names in PARTS.items()
}
"""The names of the fields of each part, a function that reads them, and what an absent part has."""
_Reader = Callable[[CobrowseSession], tuple[Any, ...]]  # any field's values


def attributes_of(session: type[CobrowseSession]) -> Mapping[str, str]:
    """Return the fields of the session JSON, and their attributes."""
    cls: type = session  # mypy takes the class of what cannot be hashed for unhashable
    return _attributes(cls)


@cache
def _attributes(cls: type) -> Mapping[str, str]:
    return {vendor_name(a.name): a.name for a in attrs.fields(cls) if a.name not in ("extra", "settings")}


_OTHER_TABLE = "the log was sealed under another table, so the rows of today do not explain it"


@frozen
class FieldChange:
    """A field of a session that changed.

    Attributes:
        field: its name in the session JSON. Dots lead inside: `wrapup.code`, `segments.1.endTime`. A setting is
            `settings.wrapupPrompt`.
        before: the value before. None: it was unset. `Any`: the fields' types differ.
        after: the value afterwards. None: it is unset.
    """

    field: str
    before: Any
    after: Any


@frozen
class Step:
    """One entry of the trace, with the session before and after it."""

    entry: TraceEntry
    before: CobrowseSession
    after: CobrowseSession


def steps(log: SessionLog) -> Iterator[Step]:
    """Yield each entry of the trace with the session before and after it. The session after it is valid until the next one.

    Raises:
        ValueError: the log was sealed under another table and restored. The rows of today did not decide its trace.
    """
    for entry, session in _replayed(log):
        before = copy(session)
        _decide_again(log, session, entry)
        yield Step(entry, before, session)


def _replayed(log: SessionLog) -> Iterator[tuple[TraceEntry, CobrowseSession]]:
    """Yield each entry with the session before it. Whoever reads it decides the entry once more."""
    session = log.lifecycle.new(log.session_id)
    for entry in log.trace:
        yield entry, session
    if session != log.session:  # the same rows decided, and wrote something else
        raise ValueError(_OTHER_TABLE)


def field_changes(log: SessionLog) -> tuple[tuple[FieldChange, ...], ...]:
    """Return what each entry of a log's trace changed.

    >>> from cobrowse_session.testing import stream
    >>> log = SessionLog.of(stream("s1").alerting().after(3).connected(viewer_url="https://v"))
    >>> [change.field for change in field_changes(log)[1]][:3]
    ['state', 'providerEventTime', 'connectedTime']

    Raises:
        ValueError: as `steps`.
    """
    return tuple(tuple(FieldChange(*one) for one in some) for some in changed_values(log))


Changed = tuple[str, Any, Any]
"""The values of a `FieldChange`, which costs as much to make as a comparison. `Any`: the fields' types differ."""


def changed_values(log: SessionLog) -> list[list[Changed]]:
    """Return what each entry of a log's trace changed, as plain values. See `field_changes`."""
    found: list[list[Changed]] = []
    cls: type = log.lifecycle.table.session
    for entry, session in _replayed(log):
        if not isinstance(entry.outcome, Applied):
            found.append([])
            continue
        # Only the attributes that the outcome names can differ (TRACE-15). So no copy of the session is needed.
        fields, read = _written(cls, entry.outcome.set)
        before = read(session)
        _decide_again(log, session, entry)
        found.append(_differing(fields, before, read(session)))
    return found


@lru_cache(maxsize=1024)
def _written(cls: type, attributes: tuple[str, ...]) -> tuple[tuple[str, ...], _Reader]:
    """Return the fields of some attributes, in the order of the session JSON, and a function that reads them and the settings."""
    # `state` is among them always: of one attribute, `attrgetter` returns no tuple.
    names = {field: name for field, name in _attributes(cls).items() if name in attributes or name == "state"}
    return (*names, "settings"), attrgetter(*names.values(), "settings")


def difference(before: CobrowseSession, after: CobrowseSession) -> tuple[FieldChange, ...]:
    """Return the fields that differ between two states of a session.

    Args:
        before: the earlier state.
        after: the later state, of the same session.

    Returns:
        One change for each field, parts of a wrap-up, an address or a segment each by itself. They are in the order of the
        session JSON, settings last. Unknown keys are not compared.
    """
    cls: type = type(before)
    fields, read = _written(cls, tuple(_attributes(cls).values()))
    return tuple(FieldChange(*one) for one in _differing(fields, read(before), read(after)))


def _differing(fields: tuple[str, ...], before: tuple[Any, ...], after: tuple[Any, ...]) -> list[Changed]:
    """Return the fields whose values differ."""
    found: list[Changed] = []
    for field, old, new in zip(fields, before, after):  # noqa: B905 (both were read by one function, and the check takes time)
        if old is not new:  # most fields are the same object before and after
            _compare(field, old, new, found)
    return found


def _compare(field: str, old: Any, new: Any, found: list[Changed]) -> None:  # any field's values
    """Add what differs between two values of a field, each part by itself."""
    cls = type(new if old is None else old)
    if (part := _PARTS.get(cls)) is not None:
        _compare_parts(field, part, old, new, found)
    elif cls is Segments:
        _compare_segments(field, old or Segments(), new or Segments(), found)
    elif old != new:
        found.append((field, old, new))


def _compare_parts(field: str, part: _Part, old: Any, new: Any, found: list[Changed]) -> None:  # any part
    names, read, absent = part
    values = zip(names, absent if old is None else read(old), absent if new is None else read(new))  # noqa: B905 (as above)
    for name, was, is_now in values:
        if was is not is_now:
            # The session JSON leaves out a `provisional` that is false.
            was, is_now = None if was is False else was, None if is_now is False else is_now  # noqa: PLW2901 (as in `usual`)
            if was != is_now:
                found.append((f"{field}.{name}", was, is_now))


def _compare_segments(field: str, old: Segments, new: Segments, found: list[Changed]) -> None:
    # Only the last segment is ever replaced, and new ones are appended. So what precedes the first difference needs no
    # comparison. A leg of 10,000 segments would otherwise cost 10,000 comparisons for each entry.
    count, now = len(old), len(new)
    for index in range(old.first_difference(new), max(count, now)):
        was, is_now = old[index] if index < count else None, new[index] if index < now else None
        _compare_parts(f"{field}.{index}", _PARTS[Segment], was, is_now, found)


def _decide_again(log: SessionLog, session: CobrowseSession, entry: TraceEntry) -> None:
    """Let the rows write once more that decided about an entry."""
    restored = log.restored
    # Not `apply`: a timer is an entry of its own, and `apply` would fire it a second time.
    try:
        if restored is None or not restored.as_saved:
            log.lifecycle.decide_again(session, entry.event, entry.outcome)
            return
        # The log was sealed and restored, perhaps under another table. So the guards are asked once more, too.
        outcome = log.lifecycle.decide(session, entry.event)
    except LookupError:  # no such row in this state
        raise ValueError(_OTHER_TABLE) from None
    if (outcome.kind, outcome.row) != (entry.outcome.kind, entry.outcome.row):
        raise ValueError(_OTHER_TABLE)
