"""Lines of the usual form, read by msgspec in one step, where it is installed (extra `fast`).

msgspec reads a line into a *form*: a class with a field for each key that an event of its type may have. A line with another key,
or with a value of another type, is left to `cloudevents`, and so is every error. Both ways give the same event.

The values of a form are in the order of the fields of an event. So an event is made of them without its constructor, which would
check each type once more. Example, a line, and the values of its form:

    {"specversion":"1.0","type":"cobrowse.session.disconnected","id":"e1",...,"data":{"disconnectType":"peer"}}
    "1.0", subject, source, "e1", time, receivedtime, providertime, sequence, derivedfrom, the context, and the form of the data
    the form of the data: nine details, three settings, and "peer". What the line does not have is None.
"""

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

import attrs

if TYPE_CHECKING:
    import msgspec
else:
    try:
        import msgspec
    except ModuleNotFoundError:
        msgspec = None

from cobrowse_session.checks import NO_EXTRA, members_of
from cobrowse_session.events import CONTEXT_NAMES, DETAIL_NAMES, KINDS, SETTING_NAMES, Event, UnknownEvent, own_names
from cobrowse_session.model import NO_DETAILS, Address, Context, Details
from cobrowse_session.settings import MAX_TIMEOUT, NO_SETTINGS, Settings
from cobrowse_session.times import milliseconds
from cobrowse_session.vocabulary import read_prompt
from cobrowse_session.wire.converter import read_time
from cobrowse_session.wire.usual import read_context, read_settings, shared

_LONGEST = 2048
"""Bytes of a line that is read here. Contexts, details and settings are kept for the next events, so they stay small."""
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

_WORDS = ("specversion", "subject", "source", "id")
_TIMES = ("time", "receivedtime", "providertime")
_OTHERS = ("sequence", "derivedfrom")
_FIRST_TIME, _FIRST_OTHER = len(_WORDS), len(_WORDS + _TIMES)
_FIRST_CONTEXT = len(_WORDS + _TIMES + _OTHERS)
_FIRST_SETTING = len(DETAIL_NAMES)
_FIRST_OWN = _FIRST_SETTING + len(SETTING_NAMES)
_DETAILS = tuple(getattr(attrs.fields(Details), name).alias for name in DETAIL_NAMES.values())
_LAST_YEAR = 9998


def quick_event(raw: bytes, max_future: timedelta) -> Event | None:
    """Return an event of the standard table, read from a line of the usual form.

    Args:
        raw: any line.
        max_future: how far it may occur after the time it was received.

    Returns:
        The event that `read_event` returns. None: msgspec is not installed, or the line is unusual.
    """
    if msgspec is None or len(raw) > _LONGEST or b" :" in raw or b"\n" in raw or b"\r" in raw or b"\t" in raw:
        return None
    if b"\\" in raw and _ESCAPED_SURROGATE.search(raw):
        return None
    try:
        return _event(_forms().decode(raw), raw.count(b'":'), max_future)
    except (ValueError, TypeError):  # whatever it is, `cloudevents` finds its path
        return None


def _event(form: Any, keys: int, max_future: timedelta) -> Event | None:  # a form
    """Return the event of a form. None: its line has a key twice or with null, or a time that no event has."""
    values = msgspec.structs.astuple(form)
    stated = form.nothing if form.data is None else msgspec.structs.astuple(form.data)
    # As in `quick_json`: each key of the line has a `":`. Those with a value are in the form, and `type` chose it.
    if keys != 1 + len(values) - values.count(None) + len(stated) - stated.count(None):
        return None
    times = [text and read_time(text) for text in values[_FIRST_TIME:_FIRST_OTHER]]
    if any(time and time.year > _LAST_YEAR for time in times) or (times[1] and times[0] - times[1] > max_future):
        return None
    _, subject, source, id_ = values[:_FIRST_TIME]
    event: Event = form.made(
        shared(subject),
        shared(source),
        id_,
        *times,
        *values[_FIRST_OTHER:_FIRST_CONTEXT],
        _context(values[_FIRST_CONTEXT:-1]),
        _details(stated[:_FIRST_SETTING]),
        _settings(stated[_FIRST_SETTING:_FIRST_OWN]),
        NO_EXTRA,
        NO_EXTRA,
        *stated[_FIRST_OWN:],
    )
    return event


_Stated = tuple[Any, ...]
"""Text, numbers and words. What is not stated is None."""


@lru_cache(maxsize=4096)
def _context(stated: _Stated) -> Context:
    return read_context(_without_none(CONTEXT_NAMES.values(), stated))


@lru_cache(maxsize=4096)
def _details(stated: _Stated) -> Details:
    return Details(**arguments) if (arguments := _without_none(_DETAILS, stated)) else NO_DETAILS


@lru_cache(maxsize=4096)
def _settings(stated: _Stated) -> Settings:
    arguments = _without_none(SETTING_NAMES.values(), stated)
    for name, value in arguments.items():
        arguments[name] = read_prompt(value) if isinstance(value, str) else timedelta(milliseconds=value)
    return read_settings(arguments) if arguments else NO_SETTINGS


def _without_none(names: Iterable[str], stated: _Stated) -> dict[str, Any]:
    return {name: value for name, value in zip(names, stated, strict=True) if value is not None}


# --- The forms ----------------------------------------------------------------------------------------------------------------


@cache
def _forms() -> Any:  # a decoder of forms
    """Return a decoder of the lines of all standard events."""
    forms = [_form(event) for event in KINDS.values() if event is not UnknownEvent]
    return msgspec.json.Decoder(Union[tuple(forms)])  # noqa: UP007 (a union of what was just made)


def _form(event: type[Event]) -> Any:  # a class
    """Return the form of a class of events."""
    text: Any = Annotated[str, msgspec.Meta(min_length=1)]
    parts = (Details, DETAIL_NAMES), (Settings, SETTING_NAMES), (event, own_names(event))
    data = [
        (key, _read_as(getattr(attrs.fields(cls), name).type) | None, None) for cls, names in parts for key, name in names.items()
    ]
    fields: list[Any] = [
        ("specversion", Literal["1.0"]),
        *((name, text) for name in (*_WORDS[1:], _TIMES[0])),
        *((name, text | None, None) for name in (*_TIMES[1:], _OTHERS[0])),
        *((name, str | None, None) for name in (_OTHERS[1], *CONTEXT_NAMES)),
        ("data", msgspec.defstruct("Data", data, forbid_unknown_fields=True) | None, None),
    ]
    namespace = {"made": staticmethod(_maker(event)), "nothing": (None,) * len(data)}
    tag = event.prefix + event.kind
    return msgspec.defstruct(
        "Form", fields, namespace=namespace, tag_field="type", tag=tag, kw_only=True, forbid_unknown_fields=True
    )


def _maker(event: type[Event]) -> Callable[..., Event]:
    """Return a function that makes an event of the values of its fields, in order. It does not check what msgspec has checked."""
    fields = attrs.fields(event)
    count = len(attrs.fields(Event))
    common = [getattr(event, a.name).__set__ for a in fields[:count]]
    own = [(getattr(event, a.name).__set__, a.converter, a.default) for a in fields[count:]]
    checks_more = event.__attrs_post_init__ is not Event.__attrs_post_init__

    def made(*values: Any) -> Event:
        new = object.__new__(event)
        for write, value in zip(common, values):  # noqa: B905 (the own ones follow)
            write(new, value)
        for (write, convert, default), value in zip(own, values[count:], strict=True):
            if value is None and default is attrs.NOTHING:
                raise ValueError("a key is missing")
            write(new, default if value is None else convert(value) if convert else value)
        if checks_more:
            new.__attrs_post_init__()
        return new

    return made


def _read_as(annotation: Any) -> Any:  # any annotation, and that of a form
    """Return as what msgspec reads a field. A word is text."""
    members = members_of(annotation)
    if Address in members:
        return type(None)  # most events have none, so an event with one is left to `cloudevents`
    if bool in members:
        return bool
    if timedelta in members:
        return Annotated[int, msgspec.Meta(ge=1, le=milliseconds(MAX_TIMEOUT))]
    return next((member for member in members if member == tuple[str, ...]), str)
