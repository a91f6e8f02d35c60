"""Streams of events for tests, built call by call on a relative clock."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from inspect import isclass
from itertools import count
from typing import Any, Self

import attrs
from attrs import evolve, frozen

from cobrowse_session.checks import check_not_empty, check_text, nearest, shown
from cobrowse_session.events import (
    AfterCallWorkEnded,
    AfterCallWorkRequired,
    AfterCallWorkStarted,
    Alerting,
    Connected,
    Contacting,
    Dialing,
    Disconnected,
    Event,
    Offering,
    Scheduled,
    Terminated,
    UnknownEvent,
    Updated,
    WrapupSaved,
)
from cobrowse_session.model import NO_CONTEXT, NO_DETAILS, Context, Details
from cobrowse_session.settings import NO_SETTINGS, Settings
from cobrowse_session.times import event_time

__tracebackhide__ = True  # a failed test shows the line that called the kit, and not the kit. `pytest --full-trace` shows all

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
"""When a stream begins, unless it says otherwise."""

Duration = timedelta | float | str
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")


def _arguments(cls: type[attrs.AttrsInstance]) -> frozenset[str]:
    return frozenset(field.alias or field.name for field in attrs.fields(cls))


_MERGE = "`together` merges streams by time, and two of one session need a `source` each"
_DETAILS = _arguments(Details)
_SETTINGS = _arguments(Settings)
_CONTEXT = _arguments(Context)
_COMMON = _DETAILS | _SETTINGS | _CONTEXT
"""The attributes that an event of any kind can have, without those of the event itself."""


def duration(passed: Duration) -> timedelta:
    """Return a duration from a timedelta, seconds, or text: `250ms`, `20s`, `12m`, `1h`, `1d`.

    >>> duration("12m"), duration(2.5)
    (datetime.timedelta(seconds=720), datetime.timedelta(seconds=2, microseconds=500000))

    Raises:
        TypeError: it is neither of them.
        ValueError: the text is no duration, or the duration is too long.
    """
    if isinstance(passed, timedelta):
        return passed
    value: float | str = passed
    if isinstance(value, str):
        if not (found := _DURATION.fullmatch(value)):
            raise ValueError(f"expected a duration as 250ms, 20s, 12m, 1h or 1d, found {value!r}")
        value = float(found[1]) * _UNITS[found[2]]
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"expected a duration as a timedelta, seconds or text, found {shown(value)}")
    try:
        return timedelta(seconds=value)
    except (OverflowError, ValueError):
        raise ValueError(f"expected a duration that a timedelta can have, found {shown(passed)}") from None


@frozen(repr=False)
class Stream:
    """A stream of events of one session, or of the legs of a conversation. Every call gives a new stream.

    So a beginning can be shared by many tests. Each method takes by name whatever its event takes, details, settings and context
    included: `alerting(cobrowse_role="viewer", wrapup_prompt="timeout", wrapup_timeout=30, queue_id="q1")`. Ids are `e1` to
    `e9`, `f10` to `f99`, and so on by default, without those that an earlier event has. As text, they have the order of their
    numbers, so of two events of one kind and instant the earlier one comes first in a log, too (ORDER-1).

    Attributes:
        session: the session of the next event.
        now: the time of the next event, on the corrected provider clock.
        source: the CloudEvents source of all events.
        delay: the time from each event to its receipt. None: `received_at` is unset.
        events: the events so far.
        shared: the context that all legs have.
        legs: the legs of a conversation, each with its context.
    """

    session: str
    now: datetime = START
    source: str = "/test"
    delay: timedelta | None = None
    events: tuple[Event, ...] = ()
    shared: Context = NO_CONTEXT
    legs: tuple[tuple[str, Context], ...] = ()

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    def __repr__(self) -> str:
        several = len({self.session, *(event.subject for event in self.events)}) > 1
        events = (f"{event.subject} {event.kind}" if several else event.kind for event in self.events)
        return f"Stream({self.session!r}, {', '.join(events) or 'no events'})"

    def after(self, passed: Duration) -> Self:
        """Let time pass: seconds, a timedelta, or text as `12m`.

        Raises:
            ValueError: it is no duration, a negative one, or one that ends after the year 9999. A stream does not go back.
        """
        if (time := duration(passed)) < timedelta(0):
            raise ValueError(f"after: expected a duration from 0 on, found {passed!r}; {_MERGE}")
        return evolve(self, now=_later("after", self.now, time))

    def leg(self, session: str, **context: str) -> Self:
        """Go on with another leg. It begins here, or has begun earlier. All legs have one clock.

        Args:
            session: the id of the leg.
            context: whose leg it is, from here on: `purpose="agent"`, `user_id="ann"`, `queue_id="q1"`, `media_type="call"`.

        Raises:
            TypeError: the id is no text, or the context has no such field.
            ValueError: the id is empty.
        """
        _check_id("leg: session", session)
        _check_names("leg", context, _CONTEXT)
        # Example: the conversation has `media_type="call"`, and the leg `purpose="agent"`. `leg("ann", user_id="bob")` adds the
        # user to both. What an event itself states comes before all of them, for this event only.
        known = dict(self.legs)
        known[session] = Context(**context).with_defaults(known.get(session, self.shared))
        return evolve(self, session=session, legs=tuple(known.items()))

    def scheduled(self, /, **said: Any) -> Self:
        """The leg is scheduled."""
        return self._and(Scheduled, said)

    def offering(self, /, **said: Any) -> Self:
        """The leg is offered."""
        return self._and(Offering, said)

    def contacting(self, /, **said: Any) -> Self:
        """The agent's station is being reached."""
        return self._and(Contacting, said)

    def dialing(self, /, **said: Any) -> Self:
        """The other party is being called."""
        return self._and(Dialing, said)

    def alerting(self, /, **said: Any) -> Self:
        """The agent is being alerted."""
        return self._and(Alerting, said)

    def connected(self, /, **said: Any) -> Self:
        """Both sides are connected."""
        return self._and(Connected, said)

    def updated(self, /, **said: Any) -> Self:
        """Details or settings change."""
        return self._and(Updated, said)

    def required(self, /, required: bool = True, **said: Any) -> Self:  # noqa: FBT001, FBT002 (the event's only word)
        """The agent asks for after-call work, or takes it back."""
        return self._and(AfterCallWorkRequired, said, required=required)

    def disconnected(self, /, disconnect_type: str | None = None, **said: Any) -> Self:
        """The leg ends."""
        return self._and(Disconnected, said, disconnect_type=disconnect_type)

    def terminated(self, /, disconnect_type: str | None = None, **said: Any) -> Self:
        """The leg ends and is released."""
        return self._and(Terminated, said, disconnect_type=disconnect_type)

    def started(self, /, **said: Any) -> Self:
        """The platform reports that after-call work is pending."""
        return self._and(AfterCallWorkStarted, said)

    def wrapup(self, /, code: str | None = None, **said: Any) -> Self:
        """The agent saves a wrap-up. Without a code and not provisional, the agent skips it."""
        return self._and(WrapupSaved, said, code=code)

    def done(self, /, **said: Any) -> Self:
        """The agent clicks Done."""
        return self._and(AfterCallWorkEnded, said, by="agent")

    def offline(self, /, **said: Any) -> Self:
        """The agent goes offline."""
        return self._and(AfterCallWorkEnded, said, by="offline")

    def platform(self, /, state: str, **said: Any) -> Self:
        """The platform reports after-call work as `complete`, `skipped` or `notApplicable`."""
        return self._and(AfterCallWorkEnded, said, by="platform", state=state)

    def unknown(self, /, event_type: str = "com.example.unheard", **said: Any) -> Self:
        """Something of a type that nobody knows."""
        return self._and(UnknownEvent, said, type=event_type)

    def event(self, event: type[Event], /, **said: Any) -> Self:
        """Something of any class happens: one of a table of your own.

        Raises:
            TypeError: it is no class of events with a kind, or has no such attribute.
        """
        check_kind("event", event)
        return self._and(event, said)

    def _and(self, event: type[Event], said: Mapping[str, Any], **own: Any) -> Self:
        if not self.session:
            raise ValueError("the conversation has no leg yet: call leg('s1') first")
        if "self" in said:
            raise TypeError(f"{event.kind}: expected self_, found self")
        received = None if self.delay is None else _later("delay", self.now, self.delay)
        envelope = {
            "subject": self.session,
            "source": self.source,
            "id": next_id(self.events),
            "occurred_at": self.now,
            "received_at": received,
        }
        details = {name: value for name, value in said.items() if name in _DETAILS}
        settings = {name: setting(name, value) for name, value in said.items() if name in _SETTINGS}
        context = {name: value for name, value in said.items() if name in _CONTEXT}
        rest = {name: value for name, value in said.items() if name not in _COMMON}
        _check_names(event.kind, rest, _COMMON | _arguments(event))
        values = {
            "details": Details(**details) if details else NO_DETAILS,
            "settings": Settings(**settings) if settings else NO_SETTINGS,
            "context": (Context(**context) if context else NO_CONTEXT).with_defaults(
                dict(self.legs).get(self.session, NO_CONTEXT)
            ),
        }
        return evolve(self, events=(*self.events, event(**{**envelope, **values, **own, **rest})))


def check_kind(name: str, event: object) -> None:
    """Check that something is a class of events that can occur: it has a kind, which a base has not.

    Raises:
        TypeError: it is something else.
    """
    if not (isclass(event) and issubclass(event, Event) and hasattr(event, "kind")):
        raise TypeError(f"{name}: expected a class of events with a kind, found {shown(event)}")


def _check_names(name: str, found: Iterable[str], known: frozenset[str]) -> None:
    for one in found:
        if one not in known:
            raise TypeError(f"{name}: there is no attribute {one!r}.{nearest(one, known)}")


def _check_id(name: str, found: str) -> None:
    check_text(name, found)
    check_not_empty(name, found)


def _later(name: str, now: datetime, passed: timedelta) -> datetime:
    try:
        return now + passed
    except OverflowError:
        raise ValueError(f"{name}: expected a time that a datetime can have, found {passed} after {now}") from None


def next_id(events: Sequence[Event]) -> str:
    """Return the id of the event that follows: a letter and its number, or the next number that no event has."""
    used = {event.id for event in events}
    names = (f"{chr(ord('d') + len(str(number)))}{number}" for number in count(len(events) + 1))  # e9, f10, …, f99, g100
    return next(name for name in names if name not in used)


def setting(name: str, value: Any) -> Any:  # of any attribute
    """Return a value as the argument of its name takes it: a timeout may be a timedelta, seconds or text. See `duration`."""
    return duration(value) if name.endswith("timeout") and value is not None else value


def stream(session: str = "s1", *, start: datetime = START, source: str = "/test", delay: Duration | None = None) -> Stream:
    """Return a stream without events.

    Args:
        session: the session's id.
        start: when it begins, on the corrected provider clock.
        source: the CloudEvents source.
        delay: the time from each event to its receipt. None: `received_at` is unset.

    Raises:
        TypeError: the id is no text, `start` is naive, or `delay` is no duration.
        ValueError: the id is empty, or no event can occur at `start`.

    >>> [event.kind for event in stream("s1").alerting().after(3).connected().after("12m").disconnected("peer")]
    ['alerting', 'connected', 'disconnected']
    """
    _check_id("stream: session", session)
    event_time(start)
    return Stream(session, start, source, None if delay is None else duration(delay))


def conversation(
    conversation_id: str, *, start: datetime = START, source: str = "/test", delay: Duration | None = None, **context: str
) -> Stream:
    """Return the stream of a conversation. `leg` begins each of its legs, and changes from one to another.

    Args:
        conversation_id: of the context of all events.
        start: when it begins, on the corrected provider clock.
        source: the CloudEvents source.
        delay: the time from each event to its receipt. None: `received_at` is unset.
        context: what else all legs have: `media_type="call"`, `queue_id="q1"`.

    Raises:
        TypeError: the id is no text, `start` is naive, `delay` is no duration, or the context has no such field.
        ValueError: the id is empty, or no event can occur at `start`.

    >>> call = conversation("c1", media_type="call").leg("customer", purpose="customer").connected()
    >>> call = call.after(2).leg("ann", purpose="agent", user_id="ann").alerting().after(3).connected()
    >>> call = call.after("5m").leg("customer").disconnected("client").leg("ann").disconnected("peer")
    >>> [(event.subject, event.kind) for event in call][2:]
    [('ann', 'connected'), ('customer', 'disconnected'), ('ann', 'disconnected')]
    """
    _check_id("conversation: conversation_id", conversation_id)
    event_time(start)
    shared = Context(conversation_id=conversation_id, **context)
    return Stream("", start, source, None if delay is None else duration(delay), shared=shared)
