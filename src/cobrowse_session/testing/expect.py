"""Expectations: attributes of a session, wherever it is kept. The error has every difference, and the story of the session."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from enum import StrEnum
from itertools import islice
from typing import Any, Protocol, TypeAlias, runtime_checkable

import attrs
from attrs import frozen

from cobrowse_session.checks import shown
from cobrowse_session.model import Address, AfterCallWork, CobrowseSession, Context, Wrapup, vendor_name
from cobrowse_session.printable import printable
from cobrowse_session.segments import Segment
from cobrowse_session.settings import Settings
from cobrowse_session.stream import SessionLog
from cobrowse_session.stream.explain import explain
from cobrowse_session.testing.story import Decided, story
from cobrowse_session.testing.stream import setting
from cobrowse_session.times import time_text, utc
from cobrowse_session.wire import encode_session

__tracebackhide__ = True  # a failed test shows the line that called the kit, and not the kit. `pytest --full-trace` shows all

__all__ = ["expect"]

_PARTS: Mapping[str, type] = {
    "self": Address,
    "segments": Segment,
    "wrapup": Wrapup,
    "after_call_work": AfterCallWork,
    "settings": Settings,
    "context": Context,
}
"""The attributes whose values, or whose items, have attributes of their own."""
_MOST_NAMES = 10
"""Ids of sessions that an error names."""
_MOST_SESSIONS = 1000
"""Sessions of a store that are read to find the nearest ids."""


# --- What has sessions --------------------------------------------------------------------------------------------------------

# Structural types, so that nothing of a database is imported here.


@runtime_checkable
class _Inbox(Protocol):
    """An inbox, in memory or durable."""

    @property
    def logs(self) -> Mapping[str, SessionLog]: ...

    def find(self, session: str) -> SessionLog | None: ...


@runtime_checkable
class _Store(Protocol):
    """A store."""

    def load(self, session: str) -> SessionLog | None: ...

    def iterate(self, after: str = "") -> Iterator[SessionLog]: ...


@runtime_checkable
class _Evicting(Protocol):
    """An inbox in memory. It evicts what it seals, and remembers the ids."""

    def save_state(self) -> Mapping[str, Any]: ...  # JSON


Target: TypeAlias = CobrowseSession | SessionLog | _Inbox | _Store
"""What can be expected of something."""


@frozen
class Subject:
    """A session, and what is known about it.

    Attributes:
        session: the session.
        context: whose leg it is. None: it is not known, because the session is by itself.
        steps: what happened to it. None: it is not known.
        log: its log, which can explain. None: there is none.
    """

    session: CobrowseSession
    context: Context | None = None
    steps: Iterable[Decided] | None = None
    log: SessionLog | None = None

    @classmethod
    def of(cls, target: Target, name: str | None) -> "Subject":
        """Return the session of a target.

        Args:
            target: a session, its log, or what has the logs of many.
            name: the id of the session. Only what has many needs it.

        Raises:
            AssertionError: there is no such session. It names the sessions that there are.
            TypeError: the target or the id is of another type, or there are many sessions and no id was given.
        """
        if not isinstance(name, str | None):
            raise TypeError(f"expect: session: expected an id as text, found {shown(name)}")
        if isinstance(target, CobrowseSession | SessionLog):
            own = target.session_id if isinstance(target, SessionLog) else target.id
            if name is not None and name != own:
                raise AssertionError(printable(f"this is session {own!r}, not {name!r}"))
        if isinstance(target, CobrowseSession):
            return cls(target)
        if isinstance(target, SessionLog):
            return cls(target.session, target.context, target.trace, target)
        if not isinstance(target, _Inbox | _Store):
            raise TypeError(f"expect: expected a session, a log, an inbox or a store, found {shown(target)}{_hint(target)}")
        if name is None:
            raise TypeError(f'expect: {type(target).__name__} has many sessions: expected an id, as in expect(inbox, "s1", …)')
        log = target.find(name) if isinstance(target, _Inbox) else target.load(name)
        if log is None:
            raise AssertionError(_no_session(name, target))
        return cls.of(log, None)


def _hint(target: object) -> str:
    """Return how a target that has no session of its own is expected."""
    if callable(getattr(target, "expect", None)):
        return "; a run has its own: run(events).expect(…)"
    return '; choose one of them: expect(logs["s1"], …)' if isinstance(target, Mapping | list | tuple) else ""


def _no_session(name: str, target: _Inbox | _Store) -> str:
    """Return where a session went that was here. Otherwise the ids that are here, the nearest first."""
    evicted = target.save_state()["sealed"] if isinstance(target, _Evicting) else ()
    for one in evicted:
        if one["id"] == name:
            where = (
                "dropped: drop(...) returned its log" if one["dropped"] else "sealed and evicted: advance(...).sealed has its log"
            )
            return printable(f"session {name!r} was {where}")
    known = [*target.logs] if isinstance(target, _Inbox) else [log.session_id for log in islice(target.iterate(), _MOST_SESSIONS)]
    near = get_close_matches(name, known, n=_MOST_NAMES, cutoff=0)  # a cutoff of 0 sorts, and leaves nothing out
    rest = len(known) - len(near)
    there = ", ".join(map(repr, near)) + (f" and {rest:,} more" if rest else "")
    return printable(f"there is no session {name!r}" + (f"; there is {there}" if there else ", and no other"))


# --- Expectations -------------------------------------------------------------------------------------------------------------


def expect(target: Target, session: str | None = None, /, **expected: Any) -> None:
    """Check attributes of a session. The error has every difference, and what happened to the session.

    Args:
        target: a session, a `SessionLog`, or an `Inbox`, a `DurableInbox` or a `Store`, which have many.
        session: the id of the session. Only what has many needs it.
        expected: attributes of the session. `Any`: their types differ. Two underscores lead inside: `wrapup__code="sale"`,
            `segments__0__type="Alert"`. Inside of what is unset, and behind the last item of a list, everything is None. The
            `context` of a log is checked in the same way: `context__user_id="ann"`. A timeout and a list are given as to a
            stream: `settings__wrapup_timeout=30`. None at all: only that the session of this id is there.

    Raises:
        AssertionError: something differs, or there is no such session. For a log, the error has the reason why a field is unset.
        AttributeError: there is no attribute of such a name.
        TypeError: the target is of another type, its id is missing, nothing is expected, a timeout is no duration, or a
            datetime is naive.
        ValueError: the text of a timeout is no duration.

    >>> from cobrowse_session import SessionLog
    >>> from cobrowse_session.testing import expect, stream
    >>> log = SessionLog.of(stream("s1").alerting(user_id="ann").after(3).connected())
    >>> expect(log, state="connected", wrapup__code=None, context__user_id="ann")
    """
    subject = Subject.of(target, session)
    if not expected and session is None:
        raise TypeError("expect: expected attributes of the session, found none")
    if found := differences(subject, expected):
        raise AssertionError(report(subject, found))


def differences(subject: Subject, expected: Mapping[str, Any]) -> list[str]:
    """Return a line for each attribute of a session that is not as expected, with lines of reasons. `Any`: any attributes."""
    found = []
    for name, given in expected.items():
        path = name.split("__")
        value, wanted = _value(subject, path), _as_stated(path[-1], given)
        if value != wanted or _is_truth_and_number(value, wanted):
            found.append(f"session.{'.'.join(path)}: expected {_text(wanted)}, found {_text(value)}")
            found += [f"  because: {reason}" for reason in _reasons(subject, path) if value is None]
    return found


def _as_stated(name: str, wanted: Any) -> Any:  # any attribute's value
    """Return an expected value as a stream takes it: `30` or "30s" for a timeout, a list for a tuple."""
    if isinstance(wanted, datetime):
        utc(wanted)  # a naive one is a TypeError, because it equals no time of a session
    return tuple(wanted) if isinstance(wanted, list) else setting(name, wanted)


def _is_truth_and_number(*values: Any) -> bool:  # any attribute's value, and what is expected of it
    """Return whether one value is a bool and the other a number. Python takes 1 and True for equal."""
    return {*map(type, values)} in ({bool, int}, {bool, float})


def report(subject: Subject, found: Iterable[str]) -> str:
    """Return the text of an error: the differences, and what happened."""
    ending = ["The session:", printable(encode_session(subject.session))]
    if subject.steps is not None:
        ending = ["What happened:", story(subject.steps)]
    return "\n".join([*map(printable, found), "", *ending])


def _text(value: Any) -> str:  # any attribute's value
    """Return a value as a person reads it. A time is no text, so it has no quotes."""
    if isinstance(value, datetime) and value.tzinfo:
        return time_text(value)
    return repr(str(value)) if isinstance(value, StrEnum) else repr(value)


def _reasons(subject: Subject, path: Sequence[str]) -> Sequence[str]:
    """Return why a field is unset. Empty: there is no log, or the field is none of the session JSON."""
    for place, name in enumerate(path):
        items = _value(subject, path[:place]) if name.isdecimal() else None
        if items is not None and int(name) >= len(items):
            return [f"the length of {'.'.join(path[:place])} is {len(items)}"]
    if subject.log is None:
        return ()
    try:
        return explain(subject.log, ".".join(map(vendor_name, path))).unset
    except (KeyError, ValueError):  # a table's own field, the context, or a log that was sealed under another table
        return ()


# --- Attributes ---------------------------------------------------------------------------------------------------------------


def _value(subject: Subject, path: Sequence[str]) -> Any:  # any attribute's value
    """Return the value at the end of a path. None: it is unset, or something on the way is."""
    # Each name is looked up in the class of its part, not in the part: it may be unset, and a misspelt name must not pass for
    # that. Example: `segments__0__type` is `segments` of the session, its first item, and `type` of `Segment`.
    first, *inside = path
    cls: type | None = type(subject.session)
    _check(path, 0, [*_names(cls), "context"])
    if first == "context" and subject.context is None:
        raise AttributeError("context: a session has none; pass its log, or the inbox or the store that has it")
    value: Any = subject.context if first == "context" else getattr(subject.session, first)
    is_list, cls = first != "context" and _is_list(cls, first), _PARTS.get(first)
    for place, name in enumerate(inside, 1):
        if is_list and name.isdecimal():
            value = value[int(name)] if value is not None and int(name) < len(value) else None
            is_list = False
        else:
            _check(path, place, [] if is_list else _names(cls), is_list=is_list)
            value = None if value is None else getattr(value, name)
            is_list, cls = _is_list(cls, name), None
    return value


def _names(cls: type | None) -> list[str]:
    return [] if cls is None else [attribute.name for attribute in attrs.fields(cls)]


def _is_list(cls: type | None, name: str) -> bool:
    """Return whether an attribute has a list: `segments`, `controlling`, `tags`."""
    return cls is not None and any(word in str(attrs.fields_dict(cls)[name].type) for word in ("tuple", "Segments"))


def _check(path: Sequence[str], place: int, known: Sequence[str], *, is_list: bool = False) -> None:
    """Check that the part before a place of a path has the name that is there."""
    name, before = path[place], path[:place]
    if name in known:
        return
    near = get_close_matches(name, known, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    has = f"items: {'__'.join(before)}__0" if is_list else ", ".join(known) or "none"
    raise AttributeError(f"{'__'.join(path)}: {'.'.join(before) or 'a session'} has no attribute {name!r}{hint}; it has {has}")
