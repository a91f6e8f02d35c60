"""The builder chain of a stream: Python that builds the same stream again. Hypothesis prints it for a failing example."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import attrs

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
from cobrowse_session.settings import Settings
from cobrowse_session.testing.stream import START, Stream
from cobrowse_session.times import milliseconds
from cobrowse_session.vocabulary import UnknownPrompt

_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_ENVELOPE = ("provider_time", "sequence", "derived_from", "extra", "extensions")
_PARTS = ("context", "details", "settings")


def builder_chain(made: Stream) -> str:
    """Return Python that builds an equal stream, with names of `cobrowse_session.testing`.

    Args:
        made: any stream. The classes of a table's own and values like `Address` are named as they are.

    >>> from cobrowse_session.testing import stream
    >>> builder_chain(stream("s1").alerting().after(3).connected(wrapup_prompt="timeout", wrapup_timeout=30))
    "stream('s1').alerting().after('3s').connected(wrapup_prompt='timeout', wrapup_timeout='30s')"
    """
    begin = min([START, made.now])
    named = {"start": begin, "source": made.source, "delay": made.delay}
    plain = {"start": START, "source": "/test", "delay": None}
    arguments = {name: value for name, value in named.items() if value != plain[name]}
    if made.delay is not None:
        arguments["delay"] = _length(made.delay)
    return ".".join([_call("stream", [made.session], arguments), *_calls(made, begin)])


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


def _calls(made: Stream, at: datetime) -> Iterator[str]:
    for number, event in enumerate(made.events, 1):
        if at < event.occurred_at <= made.now:
            yield _after(event.occurred_at - at)
            at = event.occurred_at
        method, positional, own = _method(event)
        received = None if made.delay is None else at + made.delay
        envelope = {"id": f"e{number}", "source": made.source, "occurred_at": at, "received_at": received}
        said = {name: getattr(event, name) for name, expected in envelope.items() if getattr(event, name) != expected}
        yield _call(method, positional, {**own, **_set(event, _ENVELOPE), **_parts(event), **said})
    if at < made.now:
        yield _after(made.now - at)


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


def _parts(event: Event) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for part in (getattr(event, name) for name in _PARTS):
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
        case type():
            return value.__name__
    return repr(value)


def _length(passed: timedelta) -> str:
    """Return a duration as a stream takes it, in the largest unit of which it has a whole number."""
    whole = milliseconds(passed)
    unit = next(unit for unit, size in _UNITS.items() if not whole % size and (whole or unit == "s"))
    return f"{whole // _UNITS[unit]}{unit}"
