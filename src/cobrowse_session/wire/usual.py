"""Events of the usual form, read in one pass over their keys.

Most events have no problem. They are read here, with a table of places for each class of event. Whatever is unusual raises here,
and `cloudevents` reads the event once more: that way is slower, and finds all problems with their paths. Both ways use the same
readers for the types of the fields, and both give the same event.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any, NewType, get_args

import attrs

from cobrowse_session.events import CONTEXT_NAMES, DETAIL_NAMES, SETTING_NAMES, Event, is_json_type, null_keys, own_names
from cobrowse_session.model import NO_CONTEXT, Context, Details
from cobrowse_session.settings import Settings
from cobrowse_session.times import event_time
from cobrowse_session.vocabulary import UnknownPrompt, WrapupPrompt, read_prompt
from cobrowse_session.wire.converter import CONVERTER, TypeProblem, read_time

Word = NewType("Word", str)
Moment = NewType("Moment", datetime)
Version = NewType("Version", str)


@attrs.frozen
class Envelope:
    """The attributes of a CloudEvent that are read, apart from the context and the data."""

    specversion: Version
    id: Word
    source: Word
    type: Word
    subject: Word
    time: Moment
    receivedtime: Moment | None = None
    providertime: Moment | None = None
    sequence: Word | None = None
    derivedfrom: str | None = None


ENVELOPE_NAMES = {a.name: a.name for a in attrs.fields(Envelope)}
_ARGUMENTS = {
    "time": "occurred_at",
    "receivedtime": "received_at",
    "providertime": "provider_time",
    "derivedfrom": "derived_from",
}
_ARGUMENTS |= {name: name for name in ("id", "source", "subject", "sequence")}
# The argument of an event for each attribute. `specversion` and `type` are no arguments.


def as_arguments(envelope: Mapping[str, Any]) -> dict[str, Any]:  # an event's arguments
    """Return the arguments of an event that its envelope states."""
    arguments = {argument: envelope[name] for name, argument in _ARGUMENTS.items() if name in envelope}
    return {**arguments, "subject": shared(envelope["subject"]), "source": shared(envelope["source"])}


def read_usual(document: Mapping[str, Any], event: type[Event], max_future: timedelta) -> Event | None:
    """Return an event of a class, read from a parsed CloudEvents object of the usual form. `Any`: JSON.

    Args:
        document: of which nothing is checked yet.
        event: a class that has a kind. Not `UnknownEvent`, whose data are read as they are.
        max_future: how far it may occur after the time it was received.

    Returns:
        The event. None: it is unusual, and may have problems.
    """
    try:
        arguments = _arguments(document, event)
        received = arguments.get("received_at")
        if received is not None and arguments["occurred_at"] - received > max_future:
            return None
        return event(**arguments)
    except Exception:  # noqa: BLE001 (whatever it is, `cloudevents` finds its path)
        return None


def _arguments(document: Mapping[str, Any], event: type) -> dict[str, Any]:  # JSON, and an event's arguments
    """Return the arguments of an event."""
    if document.get("data_base64") is not None or document.get("specversion") != "1.0":
        raise ValueError("it is in another form")
    if (content_type := document.get("datacontenttype")) is not None and not is_json_type(content_type):
        raise ValueError("its data are no JSON")
    extensions, arguments, context, _ = _divided(document, _envelope_places())
    arguments["subject"], arguments["source"] = shared(arguments["subject"]), shared(arguments["source"])
    if context:
        arguments["context"] = read_context(context)
    if extensions:
        arguments["extensions"] = extensions
    if (data := document.get("data")) is not None:
        extra, own, details, settings = _divided(data, _data_places(event))
        if any(key in data and data[key] is None for key in null_keys(event)):
            raise ValueError("it is null, and not absent")
        arguments.update(own)
        if details:
            arguments["details"] = Details(**details)
        if settings:
            arguments["settings"] = read_settings(settings)
        if extra:
            arguments["extra"] = extra
    return arguments


# --- Places -------------------------------------------------------------------------------------------------------------------

_Place = tuple[int, str, Callable[[Any], Any] | None]
"""The part to which a key belongs, its argument, and its reader. None: it is text."""

# Parts of the envelope and of the data. Part 0 takes the keys that have no place.
_EVENT, _CONTEXT, _NOWHERE = 1, 2, 3
_OWN, _DETAILS, _SETTINGS = 1, 2, 3


def _divided(document: Mapping[str, Any], places: Mapping[str, _Place]) -> tuple[dict[str, Any], ...]:
    """Return the values of an object by their parts. Null is absent, but stays null where it has no place."""
    parts: tuple[dict[str, Any], ...] = {}, {}, {}, {}
    unknown = parts[0]
    for key, value in document.items():
        place = places.get(key)
        if place is None:
            unknown[key] = value
        elif value is not None:
            part, argument, read = place
            if read is not None:
                value = read(value)  # noqa: PLW2901 (a name more would cost time)
            elif type(value) is not str:
                raise TypeError("expected text")
            parts[part][argument] = value
    return parts


@cache
def _envelope_places() -> Mapping[str, _Place]:
    """Return the places of the envelope. What stands nowhere is read elsewhere."""
    stated = {argument: name for name, argument in _ARGUMENTS.items()}
    places = {stated[a.name]: (_EVENT, a.name, _reader(a.type)) for a in attrs.fields(Event) if a.name in stated}
    nowhere: _Place = _NOWHERE, "", lambda value: value
    elsewhere = dict.fromkeys(("specversion", "type", "data", "data_base64"), nowhere)
    return {**places, **elsewhere, **dict(_places(Context, CONTEXT_NAMES, _CONTEXT))}


@cache
def _data_places(event: type) -> Mapping[str, _Place]:
    """Return the places of the data of a class of events. They follow from its fields."""
    parts = (Details, DETAIL_NAMES, _DETAILS), (Settings, SETTING_NAMES, _SETTINGS), (event, own_names(event), _OWN)
    return {key: place for cls, names, part in parts for key, place in _places(cls, names, part)}


def _places(cls: type, names: Mapping[str, str], part: int) -> Iterator[tuple[str, _Place]]:
    for key, name in names.items():
        attribute = getattr(attrs.fields(cls), name)
        yield key, (part, attribute.alias, _reader(attribute.type))


def _reader(wanted: Any) -> Callable[[Any], Any] | None:  # any annotation
    """Return the reader of a type, without the case of None. None: it is text."""
    some = [member for member in get_args(wanted) if member is not type(None)]
    if len(some) == 1 and some != [*get_args(wanted)]:
        wanted = some[0]
    if wanted is str:
        return None
    if wanted is datetime:
        return read_time  # the hook is two calls more
    read = CONVERTER.get_structure_hook(wanted)
    return lambda value: read(value, wanted)


# --- The readers of types -----------------------------------------------------------------------------------------------------


def _timeout(value: Any, _: Any) -> timedelta | None:
    if type(value) is not int:
        raise TypeProblem(value, "an integer of milliseconds")
    return timedelta(milliseconds=value)


def _prompt(value: Any, _: Any) -> WrapupPrompt | UnknownPrompt:
    if not isinstance(value, str):
        raise TypeProblem(value, "a string")
    return read_prompt(value)


def _word(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise TypeProblem(value, "a string")
    if not value:
        raise TypeProblem(value, "a string that is not empty", "empty")
    return value


def _version(value: Any, _: Any) -> str:
    if value != "1.0":
        raise TypeProblem(value, '"1.0"', "unsupported_version")
    return str(value)


def _moment(value: Any, _: Any) -> datetime:
    try:
        return event_time(read_time(value))
    except TypeProblem:
        raise
    except ValueError:
        raise TypeProblem(value, "a time that exists, in the years 1970 to 9998", "bad_time") from None


CONVERTER.register_structure_hook(timedelta, _timeout)
CONVERTER.register_structure_hook(WrapupPrompt | UnknownPrompt | None, _prompt)
CONVERTER.register_structure_hook(Word, _word)
CONVERTER.register_structure_hook(Version, _version)
CONVERTER.register_structure_hook(Moment, _moment)


# --- Values that events share -------------------------------------------------------------------------------------------------

_SHORT = 512
"""Characters of a text that is kept for the next event. Longer ones are not: 4,096 texts of 1 MiB would stay in memory."""


def shared(text: str) -> str:
    """Return an equal text that was read before. The events of a session share their subject and their source."""
    return _kept_text(text) if len(text) <= _SHORT else text


def read_context(stated: dict[str, str]) -> Context:
    """Return the context. If an equal one was read before, return that one."""
    if not stated:
        return NO_CONTEXT
    return _kept_context(**stated) if sum(map(len, stated.values())) <= _SHORT else Context(**stated)


def read_settings(stated: dict[str, Any]) -> Settings:
    """Return the settings. If equal ones were read before, return those: a service has few queues."""
    if type(stated.get("wrapup_prompt")) is UnknownPrompt:  # it may be long
        return Settings(**stated)
    return _kept_settings(**stated)


@lru_cache(maxsize=4096)
def _kept_settings(**stated: Any) -> Settings:
    return Settings(**stated)


@lru_cache(maxsize=4096)
def _kept_text(text: str) -> str:
    return text


@lru_cache(maxsize=4096)
def _kept_context(**stated: str) -> Context:
    return Context(**stated)
