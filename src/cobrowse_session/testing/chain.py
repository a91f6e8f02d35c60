"""The builder chain of a stream: Python that builds the same stream again. Hypothesis prints it for a failing example."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import attrs

from cobrowse_session.checks import check_type
from cobrowse_session.events import (
    AfterCallWorkEnded,
    AfterCallWorkRequired,
    AfterCallWorkStarted,
    Disconnected,
    Event,
    Terminated,
    UnknownEvent,
    WrapupSaved,
    own_names,
)
from cobrowse_session.lifecycle import Lifecycle
from cobrowse_session.model import NO_CONTEXT, Context
from cobrowse_session.settings import Settings
from cobrowse_session.testing.stream import START, Stream, next_id
from cobrowse_session.times import milliseconds
from cobrowse_session.vocabulary import UnknownPrompt

_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_ENVELOPE = ("provider_time", "sequence", "derived_from", "extra", "extensions")
_CONTEXT = tuple(attribute.name for attribute in attrs.fields(Context))


def builder_chain(made: Stream) -> str:
    """Return Python that builds an equal stream, with names of `cobrowse_session.testing`.

    Args:
        made: any stream, of a session or of a conversation. The classes of a table's own and values like `Address` are named as
            they are.

    >>> from cobrowse_session.testing import stream
    >>> builder_chain(stream("s1").alerting().after(3).connected(wrapup_prompt="timeout", wrapup_timeout=30))
    "stream('s1').alerting().after('3s').connected(wrapup_prompt='timeout', wrapup_timeout='30s')"
    """
    check_type("builder_chain", made, Stream)
    begin = min([START, made.now])
    named = {"start": begin, "source": made.source, "delay": made.delay}
    plain = {"start": START, "source": "/test", "delay": None}
    arguments = {name: value for name, value in named.items() if value != plain[name]}
    if made.delay is not None:
        arguments["delay"] = _length(made.delay)
    if made.shared != NO_CONTEXT:
        shared = _set(made.shared, _CONTEXT)
        return ".".join(
            [_call("conversation", [shared.pop("conversation_id", None)], shared | arguments), *_calls(made, "", begin)]
        )
    session = made.events[0].subject if made.legs and made.events else made.session
    return ".".join([_call("stream", [session], arguments), *_calls(made, session, begin)])


def event_chain(event: Event) -> str:
    """Return Python that builds an equal event, by a stream that has no other."""
    alone = Stream(event.subject, event.occurred_at, event.source, events=(event,))
    return f"{builder_chain(alone)}.events[0]"


def lifecycle_chain(lifecycle: Lifecycle[Any]) -> str:
    """Return Python that builds an equal lifecycle. A table of one's own is shown as it is.

    >>> lifecycle_chain(Lifecycle(acw_when_unanswered=True))
    'Lifecycle(acw_when_unanswered=True)'
    """
    names = tuple(attribute.name for attribute in attrs.fields(Lifecycle) if attribute.init)
    return _call("Lifecycle", [], _set(lifecycle, names))


def settings_chain(settings: Settings) -> str:
    """Return Python that builds equal settings.

    >>> settings_chain(Settings(wrapup_prompt="timeout", wrapup_timeout=timedelta(seconds=30)))
    "Settings(wrapup_prompt='timeout', wrapup_timeout=duration('30s'))"
    """
    return _call("Settings", [], _set(settings, tuple(attribute.name for attribute in attrs.fields(Settings))))


def _calls(made: Stream, session: str, at: datetime) -> Iterator[str]:
    legs = _Legs(made)
    for number, event in enumerate(made.events):
        if at < event.occurred_at <= made.now:
            yield _after(event.occurred_at - at)
            at = event.occurred_at
        leg = event.subject if event.subject in legs.names else session or legs.names[0]
        if leg != session or legs.news(leg, number):
            yield from legs.calls(leg, number)
            session = leg
        received = None if made.delay is None else at + made.delay
        envelope = {
            "subject": session,
            "id": next_id(made.events[:number]),
            "source": made.source,
            "occurred_at": at,
            "received_at": received,
        }
        said = {name: found for name, expected in envelope.items() if (found := getattr(event, name)) != expected}
        method, positional, own = _method(event)
        yield _call(
            method, positional, {**own, **_set(event, _ENVELOPE), **_parts(event, legs.known.get(session, NO_CONTEXT)), **said}
        )
    if at < made.now:
        yield _after(made.now - at)
    for name in legs.names:
        if name not in legs.known or legs.news(name, len(made)):
            yield from legs.calls(name, len(made))
            session = name
    if session != made.session:
        yield _call("leg", [made.session], {})


class _Legs:
    """The legs of a stream, as far as the calls so far have begun them.

    Attributes:
        names: of all legs, in the order in which they begin.
        known: the context of each leg that has begun.
    """

    # A stream keeps the last context of a leg alone. So a leg has each field as soon as all its later events have the field.
    # Example: `leg("ann", user_id="ann").alerting().leg("ann", user_id="bob").connected()` is printed as
    # `leg("ann", user_id="bob").alerting(user_id="ann").connected()`.

    def __init__(self, made: Stream) -> None:
        self._made, self._contexts = made, dict(made.legs)
        self.names = tuple(self._contexts)
        self.known: dict[str, Context] = {}

    def news(self, name: str, number: int) -> dict[str, Any]:
        """Return what is new in the context of a leg, from the event of this number on. An event of no leg counts, too."""
        if name not in self._contexts:
            return {}
        known = self.known.get(name, self._made.shared)
        later = [
            event.context for event in self._made.events[number:] if event.subject == name or event.subject not in self.names
        ]
        return {
            field: value
            for field, value in _set(self._contexts[name], _CONTEXT).items()
            if value != getattr(known, field) and all(getattr(context, field) is not None for context in later)
        }

    def calls(self, name: str, number: int) -> Iterator[str]:
        """Yield the call that goes on with a leg, behind those of the legs that begin before it."""
        before = self.names[: self.names.index(name)]
        for leg in (*(one for one in before if one not in self.known), name):
            news = self.news(leg, number)
            self.known[leg] = Context(**news).with_defaults(self.known.get(leg, self._made.shared))
            yield _call("leg", [leg], news)


def _method(event: Event) -> tuple[str, list[Any], dict[str, Any]]:  # any values
    """Return the method of a stream that adds an event, and its arguments."""
    own = _set(event, tuple(own_names(type(event)).values()))
    match event:
        case AfterCallWorkRequired():
            return "required", [] if own.pop("required") else [False], own
        case Disconnected() | Terminated():
            return event.kind, _popped(own, "disconnect_type"), own
        case AfterCallWorkStarted():
            return "started", [], own
        case WrapupSaved():
            return "wrapup", _popped(own, "code"), own
        case AfterCallWorkEnded(by="agent" | "offline" as by):
            del own["by"]
            return "done" if by == "agent" else "offline", [], own
        case AfterCallWorkEnded(by="platform"):
            del own["by"]
            return "platform", _popped(own, "state"), own
        case UnknownEvent():
            return "unknown", _popped(own, "type"), own
        case _ if type(event).kind in vars(Stream) and type(event).__module__ == Event.__module__:
            return event.kind, [], own
    return "event", [type(event)], own


def _set(value: Any, names: tuple[str, ...]) -> dict[str, Any]:  # any attrs value
    """Return the attributes that differ from their default, by the names of their arguments."""
    fields = attrs.fields_dict(type(value))
    set_ = {name: found for name in names if (found := getattr(value, name)) != _default(fields[name])}
    return {fields[name].alias or name: found for name, found in set_.items()}


def _default(field: "attrs.Attribute[Any]") -> Any:  # any attribute's
    factory = getattr(field.default, "factory", None)
    return factory() if factory else field.default


def _parts(event: Event, known: Context) -> dict[str, Any]:
    parts: dict[str, Any] = {
        name: value for name, value in _set(event.context, _CONTEXT).items() if value != getattr(known, name)
    }
    for part in (event.details, event.settings):
        parts |= _set(part, tuple(attribute.name for attribute in attrs.fields(type(part))))
    # A stream takes the timeouts of settings as text.
    return {name: _length(value) if name.endswith("timeout") else value for name, value in parts.items()}


def _popped(own: dict[str, Any], name: str) -> list[Any]:
    return [own.pop(name)] if name in own else []


# --- Text ---------------------------------------------------------------------------------------------------------------------


def _after(passed: timedelta) -> str:
    return _call("after", [_length(passed)], {})


def _call(name: str, positional: list[Any], named: Mapping[str, Any]) -> str:
    arguments = [*map(_text, positional), *(f"{key}={_text(value)}" for key, value in named.items())]
    return f"{name}({', '.join(arguments)})"


def _text(value: Any) -> str:  # any argument
    match value:
        case datetime() if value == START:
            return "START"
        case datetime():
            sign, passed = ("-", START - value) if value < START else ("+", value - START)
            return f"START {sign} duration({_length(passed)!r})"
        case timedelta():
            return f"duration({_length(value)!r})"
        case UnknownPrompt():
            return f"UnknownPrompt({str(value)!r})"
        case Enum():
            return repr(str(value))
        case Settings():
            return settings_chain(value)
        case tuple():
            return f"({', '.join(map(_text, value))}{',' if len(value) == 1 else ''})"
        case type():
            return value.__name__
    return repr(value)


def _length(passed: timedelta) -> str | float:
    """Return a duration as a stream takes it, in the largest unit of which it has a whole number."""
    whole = milliseconds(passed)
    if whole < 0 or timedelta(milliseconds=whole) != passed:  # text has no sign and nothing below a millisecond
        seconds = passed.total_seconds()
        return int(seconds) if seconds.is_integer() else seconds
    unit = next(unit for unit, size in _UNITS.items() if not whole % size and (whole or unit == "s"))
    return f"{whole // _UNITS[unit]}{unit}"
