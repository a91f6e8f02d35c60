"""Events as CloudEvents 1.0 JSON, in and out (EVENT-1 to EVENT-14)."""

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

import attrs

from cobrowse_session.checks import MAX_DEPTH, NO_EXTRA, copy_json
from cobrowse_session.errors import DecodeError, Problem
from cobrowse_session.events import (
    CONTEXT_NAMES,
    DETAIL_NAMES,
    PLATFORM_STATES_TEXT,
    SETTING_NAMES,
    TIMEOUT_NAMES,
    AfterCallWorkEnded,
    Event,
    UnknownEvent,
    is_json_type,
    is_out_of_range,
    null_keys,
    own_names,
    read_keys,
)
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.model import NO_DETAILS, Context, Details
from cobrowse_session.settings import NO_SETTINGS, Settings
from cobrowse_session.times import time_text
from cobrowse_session.vocabulary import AfterCallWorkEndedBy
from cobrowse_session.wire.converter import CONVERTER, problems
from cobrowse_session.wire.own_fields import types_of
from cobrowse_session.wire.quick_events import quick_event
from cobrowse_session.wire.quick_text import event_text
from cobrowse_session.wire.strict_json import MAX_LINE_BYTES, read_json, read_object, shown
from cobrowse_session.wire.usual import ENVELOPE_NAMES, Envelope, as_arguments, read_context, read_usual

MAX_FUTURE = timedelta(hours=24)
"""The default of how far an event may lie after it was received (ERROR-14)."""

_READ = frozenset((*ENVELOPE_NAMES, *CONTEXT_NAMES, "data"))
_READ_WITH_DATA = _READ | {"data_base64"}


def encode_event(event: Event) -> str:
    """Return an event as CloudEvents JSON, on one line. What is unset is absent."""
    return event_text(event)


def is_cloudevent(document: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is meant as a CloudEvent, in whatever version. `Any`: JSON."""
    return "specversion" in document


def decode_event(
    raw: str | bytes,
    *,
    table: Table | None = None,
    max_future: timedelta = MAX_FUTURE,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> Event:
    """Return an event, read from CloudEvents JSON (EVENT-1 to EVENT-14).

    Args:
        raw: one JSON object, as text or UTF-8.
        table: the table whose kinds of event are read. None: the standard one.
        max_future: how far it may occur after the time it was received.
        max_line_bytes: how many bytes are read at most.

    Returns:
        An event of its kind, or an `UnknownEvent` if its type is of no kind. Unknown keys and words are kept.

    Raises:
        DecodeError: it cannot be read. Every problem is listed with its path, what was found and what was expected.
        TableError: an event or the session of the table has a field that cannot be written or read.
    """
    if type(raw) is bytes and len(raw) <= max_line_bytes and (table is None or table is Table.standard()):
        event = quick_event(raw, max_future)
        if event is not None:
            return event
    return read_event(read_object(raw, max_line_bytes=max_line_bytes), table=table, max_future=max_future)


def read_event(document: Mapping[str, Any], *, table: Table | None = None, max_future: timedelta = MAX_FUTURE) -> Event:
    """Return an event, read from a parsed CloudEvents object. See `decode_event`. `Any`: JSON."""
    type_ = document.get("type")
    types = Table.standard().types if table is None else types_of(table)
    event = types.get(type_, UnknownEvent) if isinstance(type_, str) else UnknownEvent
    usual = None if event is UnknownEvent else read_usual(document, event, max_future)
    return read_thoroughly(document, event, max_future) if usual is None else usual


def read_thoroughly(document: Mapping[str, Any], event: type[Event], max_future: timedelta) -> Event:  # JSON
    """Return an event of a class, or find all of its problems."""
    found: list[Problem] = []
    envelope = _read(Envelope, ENVELOPE_NAMES, document, "$", found)
    context = _read(Context, CONTEXT_NAMES, document, "$", found)
    # Nothing raises until the end, so that one error lists every problem. Example: an event with the id 7, the time `2026-03-01`
    # and the viewerUrl 5 has three: `$.id`, `$.time` and `$.data.viewerUrl`.
    #
    # Where the parts of a `connected` event go:
    #
    #     key                            is read as
    #     id, source, time, ...          the envelope
    #     conversationid, queueid, ...   the context
    #     data.viewerUrl                 a detail
    #     data.wrapupTimeoutMs: 30000    a setting
    #     data.wrapupTimeoutMs: -1       out of range: no problem, but kept in `extra` and noted
    #     data.foo                       `extra`
    #     any other key of the object    `extensions`
    #
    # For an unknown type, `data` is kept whole and `data_base64` is an extension: it is not known what they mean.
    stated: dict[str, Any]
    if event is UnknownEvent:
        stated, read = {"type": envelope.get("type"), "data": document.get("data")}, _READ
    else:
        stated, read = _arguments(event, _data_of(document, found), found), _READ_WITH_DATA
    _check_ahead(envelope, max_future, found)
    if found:
        raise DecodeError(tuple(found))
    return event(
        **as_arguments(envelope),
        context=read_context(context),
        extensions={key: value for key, value in document.items() if key not in read} or NO_EXTRA,
        **stated,
    )


def _data_of(document: Mapping[str, Any], found: list[Problem]) -> Any:  # JSON
    """Return the data of an event, also if they are in base64 (EVENT-9 to EVENT-13)."""
    data, encoded, content_type = document.get("data"), document.get("data_base64"), document.get("datacontenttype")
    if data is None and encoded is None:
        return None
    if content_type is not None and not isinstance(content_type, str):
        found.append(Problem("wrong_type", "$.datacontenttype", shown(content_type), "a string"))
    elif not is_json_type(content_type):
        found.append(Problem("wrong_content_type", "$.datacontenttype", shown(content_type), "a JSON type, beside data"))
    if encoded is None:
        return data
    if data is not None:
        found.append(Problem("data_twice", "$.data_base64", shown(encoded), "data or data_base64, not both"))
        return None
    return _decoded(encoded, found)


def _decoded(encoded: Any, found: list[Problem]) -> Any:  # JSON
    if not isinstance(encoded, str):
        found.append(Problem("wrong_type", "$.data_base64", shown(encoded), "a string"))
        return None
    try:
        decoded = base64.b64decode(encoded.encode(), validate=True)
    except binascii.Error:
        found.append(Problem("bad_base64", "$.data_base64", shown(encoded), "base64"))
        return None
    try:
        data = read_json(decoded, max_line_bytes=len(decoded))
        copy_json("data", data, MAX_DEPTH - 1)  # one level is the event's own
    except DecodeError as error:
        found += [Problem(p.error, f"$.data_base64{p.path[1:]}", p.found, p.expected) for p in error.problems]
    except ValueError:
        found.append(Problem("nested_too_deep", "$.data_base64", f"over {MAX_DEPTH - 1} levels", f"at most {MAX_DEPTH - 1}"))
    else:
        return data
    return None


def _arguments(event: type[Event], data: Any, found: list[Problem]) -> dict[str, Any]:
    """Return the arguments that the data contain: details, settings, the event's own, and unknown keys."""
    if data is None:
        data = {}
    if not isinstance(data, dict):
        found.append(Problem("wrong_type", "$.data", shown(data), "an object"))
        return {}
    out_of_range = {key for key in TIMEOUT_NAMES if is_out_of_range(data.get(key))}
    understood = {key: value for key, value in data.items() if key not in out_of_range} if out_of_range else data
    details = _read(Details, DETAIL_NAMES, understood, "$.data", found)
    settings = _read(Settings, SETTING_NAMES, understood, "$.data", found)
    nulls = {key: argument for key, argument in null_keys(event).items() if key in understood and understood[key] is None}
    own = _read(event, {key: name for key, name in own_names(event).items() if key not in nulls}, understood, "$.data", found)
    own |= dict.fromkeys(nulls.values())
    if event is AfterCallWorkEnded and own.get("by") == AfterCallWorkEndedBy.PLATFORM and understood.get("state") is None:
        found.append(Problem("missing", "$.data.state", "nothing", f"{PLATFORM_STATES_TEXT}, from the platform"))
    known = read_keys(event) - out_of_range
    extra = {key: value for key, value in data.items() if key not in known}
    if found:
        return {}
    return {
        "details": Details(**details) if details else NO_DETAILS,
        "settings": Settings(**settings) if settings else NO_SETTINGS,
        "extra": extra or NO_EXTRA,
        **own,
    }


def _read(cls: type, names: Mapping[str, str], document: Mapping[str, Any], path: str, found: list[Problem]) -> dict[str, Any]:
    """Return the named keys as arguments of the class. Null is absent. Problems are added to `found`."""
    read: dict[str, Any] = {}
    for key, alias, wanted, structure, is_required in _places(cls, tuple(names.items())):
        value = document.get(key)
        if value is not None:
            try:
                read[alias] = structure(value, wanted)
            except Exception as error:  # noqa: BLE001 (`problems` raises again what it does not know)
                found += problems(error, f"{path}.{key}")
        elif is_required:
            found.append(Problem("missing", f"{path}.{key}", "null" if key in document else "nothing", "a value"))
    return read


@cache
def _places(cls: type, names: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str, Any, Callable[[Any, Any], Any], bool], ...]:
    """Return for each key the argument, its type, its reader, and whether it must be there."""
    return tuple(
        (key, a.alias, a.type, CONVERTER.get_structure_hook(a.type), a.default is attrs.NOTHING)
        for key, a in ((key, getattr(attrs.fields(cls), name)) for key, name in names)
    )


def _check_ahead(envelope: Mapping[str, Any], max_future: timedelta, found: list[Problem]) -> None:
    occurred, received = envelope.get("time"), envelope.get("receivedtime")
    if occurred and received and occurred - received > max_future:
        expected = f"at most {max_future} after it was received, {time_text(received)}"
        found.append(Problem("time_in_the_future", "$.time", time_text(occurred), expected))
