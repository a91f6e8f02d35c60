"""A session compared with the record that another program keeps of it, field by field.

A record is session JSON, a session, or a mapping of some of its fields. Only the fields that it has are compared. A field that is
null in a record is one that it has: the record states that the field is unset.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import zip_longest
from typing import Any, BinaryIO, Literal

import attrs
from attrs import frozen

from cobrowse_session.checks import shown
from cobrowse_session.errors import DecodeError, Problem
from cobrowse_session.events import Event
from cobrowse_session.io.causes import CAUSES, Case, basis
from cobrowse_session.io.replay import Rejected, lines
from cobrowse_session.model import CobrowseSession, Communication, vendor_name
from cobrowse_session.stream import Explanation, SessionLog, explain
from cobrowse_session.stream.changes import PARTS
from cobrowse_session.stream.revisions import revisions
from cobrowse_session.times import time_text
from cobrowse_session.wire.converter import plain, read_time, structured
from cobrowse_session.wire.explained import explanation_json
from cobrowse_session.wire.session import session_class
from cobrowse_session.wire.strict_json import MAX_LINE_BYTES, read_object, too_long

_FIELD = re.compile(r"\$\.([^.\[]+)")
UNKNOWN = "unknown"
"""In place of a cause, where none fits."""
Verdict = Literal["equal", "different", "only ours", "only theirs"]


@frozen
class Record:
    """A record as it was read.

    Attributes:
        session: the id of its session. None: it has none.
        named: the fields that it has, as in the session JSON. `Any`: JSON.
        values: their values, read and written again, so that one value has one form. What is unset is absent. `Any`: JSON.
    """

    session: str | None
    named: Mapping[str, Any]
    values: Mapping[str, Any]


@frozen
class Difference:
    """A field in which a session and a record of it differ.

    Attributes:
        session: the session's id.
        field: its name in the session JSON. Dots lead inside: `wrapup.endTime`.
        verdict: `different`, `only ours` or `only theirs`.
        ours: the value here. None: it is unset. `Any`: JSON.
        theirs: the value in the record. `Any`: JSON.
        cause: the likely cause, one of `CAUSES`. Empty: none is known.
        because: what makes it likely.
        basis: which time of which event ours is, or which duration, and by which rule. Empty: ours is neither.
        explanation: why the field holds its value here. None: it cannot be explained.
    """

    session: str
    field: str
    verdict: Verdict
    ours: Any
    theirs: Any
    cause: str
    because: str
    basis: str
    explanation: Explanation | None

    def __str__(self) -> str:
        cause = f"\n  likely     {self.cause}: {self.because}" if self.cause else f"\n  likely     {UNKNOWN}"
        basis = f"\n  basis      {self.basis}" if self.basis else ""
        # Not the rows that did not decide: they are many, and `cobrowse-session explain` has them.
        why = [line for line in str(self.explanation or "").split("\n")[1:] if not line.startswith("  otherwise ")]
        first = f"{self.session}  {self.field}: ours {_text(self.ours)}, theirs {_text(self.theirs)}{cause}{basis}"
        return "\n".join((first, *why))

    def as_json(self) -> dict[str, Any]:
        """Return the difference as JSON (`Any`)."""
        return {
            **{one.name: getattr(self, one.name) for one in attrs.fields(type(self))},
            "explanation": self.explanation and explanation_json(self.session, self.explanation),
        }


@frozen
class Comparison:
    """A session compared with a record of it.

    Attributes:
        session: the session's id.
        is_final: the session is sealed and will not change.
        verdicts: the field and the result of each comparison.
        differences: those that are not equal.
    """

    session: str
    is_final: bool
    verdicts: tuple[tuple[str, Verdict], ...]
    differences: tuple[Difference, ...]


def compare(log: SessionLog, record: Record, *, tolerance: timedelta = timedelta(0), arrived: Sequence[Event] = ()) -> Comparison:
    """Return the comparison of a log's session with a record.

    Args:
        log: ours.
        record: theirs. `read_record` reads it.
        tolerance: by how much a time may differ.
        arrived: the events as they arrived, with their repeats. Without them, the copies of the log by their time of receipt.
    """
    verdicts: list[tuple[str, Verdict]] = []
    differences: list[Difference] = []
    named = {name: value for name, value in record.named.items() if name != "id"}
    came = tuple(arrived) or tuple(sorted(log.copies, key=lambda event: event.received))
    revised = cache(lambda: tuple(revisions(log)))
    leaves = _leaves("", named, record.values, plain(log.session)) if named else ()  # an empty part is one that is unset
    for field, ours, theirs in leaves:
        verdict = _verdict(ours, theirs, tolerance)
        verdicts.append((field, verdict))
        if verdict != "equal":
            explanation = _explained(log, field)
            case = Case(log, field, ours, theirs, record.values, explanation, came, revised)
            found = (*_cause(case), basis(case), explanation)
            differences.append(Difference(log.session_id, field, verdict, ours, theirs, *found))
    return Comparison(log.session_id, log.sealed, tuple(verdicts), tuple(differences))


def _cause(case: Case) -> tuple[str, str]:
    return next(((name, because) for name, find in CAUSES.items() if (because := find(case))), ("", ""))


def _explained(log: SessionLog, field: str) -> Explanation | None:
    try:
        return explain(log, field)
    except (KeyError, ValueError):  # a key that a session does not have, or a log that was sealed under another table
        return None


def _verdict(ours: Any, theirs: Any, tolerance: timedelta) -> Verdict:  # JSON
    if ours == theirs:
        return "equal"
    if theirs is None:
        return "only ours"
    if ours is None:
        return "only theirs"
    return "equal" if tolerance and _apart(ours, theirs) <= tolerance else "different"


def _apart(ours: Any, theirs: Any) -> timedelta:  # JSON
    try:
        return abs(read_time(ours) - read_time(theirs))
    except ValueError:  # it is no time
        return timedelta.max


def _text(value: Any) -> str:  # JSON
    return "unset" if value is None else str(value)


# --- The fields of a record ---------------------------------------------------------------------------------------------------


def read_record(record: object, cls: type[CobrowseSession] = CobrowseSession) -> Record:
    """Return a record, read.

    Args:
        record: session JSON, as text, UTF-8 or parsed, a session, or a mapping of some of its fields. Dots lead inside, and the
            names may be those of attributes: `{"wrapup.endTime": end}`, `{"wrapup": {"end_time": end}}`. A time is RFC 3339 or a
            datetime.
        cls: the class of the sessions.

    Raises:
        TypeError: it is none of these.
        DecodeError: it cannot be read. Every problem has its path.
    """
    if isinstance(record, str | bytes):
        record = read_object(record)
    if isinstance(record, Communication):
        record = _whole(record)
    if not isinstance(record, Mapping):
        raise TypeError(f"expected session JSON, a session or a mapping of its fields, found {shown(record)}")
    named = _nested(record)
    session = structured(named, session_class(None) if cls is CobrowseSession else cls)
    return Record(session.id, named, plain(session))


def read_readable(record: object, cls: type[CobrowseSession] = CobrowseSession) -> tuple[Record, tuple[Problem, ...]]:
    """Return what can be read of a record, and the problems of the fields that are left out. See `read_record`.

    Raises:
        TypeError: it is no record.
        DecodeError: nothing of it can be read.
    """
    try:
        return read_record(record, cls), ()
    except DecodeError as error:
        wrong = {found[1] for one in error.problems if (found := _FIELD.match(one.path))}
        parsed = read_object(record) if isinstance(record, str | bytes) else record
        if not wrong or not isinstance(parsed, Mapping):
            raise
        rest = {key: value for key, value in parsed.items() if vendor_name(str(key).partition(".")[0]) not in wrong}
        return read_record(rest, cls), error.problems


def read_records(
    file: BinaryIO, reject: Callable[[Rejected], object], cls: type[CobrowseSession] = CobrowseSession
) -> Iterator[Record]:
    """Yield the records of a file, one session JSON per line, each with its `id`.

    `reject` is called with what cannot be read. If these are some fields of a record, the record is yielded without them.
    """
    for number, line, length in lines(file):
        try:
            if length > MAX_LINE_BYTES:
                raise too_long(length, MAX_LINE_BYTES)
            record, problems = read_readable(line, cls)
            _check_has_id(record, problems)
            if problems:
                reject(Rejected.of(DecodeError(problems), number, line, length))
            yield record
        except DecodeError as error:
            reject(Rejected.of(error, number, line, length))


def _check_has_id(record: Record, problems: tuple[Problem, ...]) -> None:
    if record.session is None:
        raise DecodeError(problems or (Problem("missing", "$.id", "nothing", "the id of the session"),))


def _whole(session: Communication) -> dict[str, Any]:  # JSON
    """Return all fields of a session, the unset ones as well."""
    names = (one.name for one in attrs.fields(type(session)) if one.name not in ("extra", "settings"))
    return {vendor_name(name): _part(getattr(session, name)) for name in names} | dict(session.extra)


def _part(value: Any) -> Any:  # of any field, and JSON
    if parts := PARTS.get(type(value)):
        return {vendor: plain(getattr(value, name)) for vendor, name in parts.items()}
    return [_part(item) for item in value] if isinstance(plain(value), list) else plain(value)


def _nested(record: Mapping[Any, Any]) -> dict[str, Any]:  # JSON
    """Return a mapping with the names of the session JSON, and a mapping inside for each dot."""
    nested: dict[str, Any] = {}
    for key, value in record.items():
        *path, last = map(vendor_name, str(key).split("."))
        place: Any = nested
        for name in path:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise DecodeError((Problem("wrong_type", f"$.{name}", shown(place), f"an object, because of {key!r}"),))
        place[last] = _json(value)
    return nested


def _json(value: Any) -> Any:  # of any field, and JSON
    if isinstance(value, Mapping):
        return _nested(value)
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    return _time(value) if isinstance(value, datetime) else plain(value)


def _time(moment: datetime) -> str:
    try:
        return time_text(moment)
    except (TypeError, ValueError):  # it is naive, or before 1970. The reader refuses this text with the path of the field
        return moment.isoformat()


def _leaves(path: str, named: Any, theirs: Any, ours: Any) -> Iterator[tuple[str, Any, Any]]:  # JSON
    """Yield the path of each field that a record has, our value and theirs."""
    # Examples:
    #
    #     the record                          ours                           compared
    #     {"wrapup": {"code": "sale"}}        {"code": "sale", "notes": …}   wrapup.code
    #     {"wrapup": null}                    {"code": "sale", "notes": …}   wrapup.code and wrapup.notes, both only ours
    #     {"segments": [{"type": "Alert"}]}   two segments                   segments.0.type, and all fields of segments.1
    shape = named or ours
    if isinstance(shape, Mapping):
        for name in shape:
            yield from _leaves(f"{path}.{name}" if path else name, *(_at(one, name) for one in (named, theirs, ours)))
    elif isinstance(shape, list) and shape and isinstance(shape[0], Mapping):
        for index, (name, value, own) in enumerate(zip_longest(named or (), theirs or (), ours or ())):
            yield from _leaves(f"{path}.{index}", name, value, own)
    else:
        yield path, ours, theirs


def _at(holder: Any, name: str) -> Any:  # JSON
    return holder.get(name) if isinstance(holder, Mapping) else None
