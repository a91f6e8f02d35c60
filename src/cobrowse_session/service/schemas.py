"""The JSON Schemas of events and sessions, made from the classes of a table; and AsyncAPI's document of what goes in and out.

A schema says what is read. So it allows unknown keys and words, which are kept, and null for what is absent. It cannot say all
that is checked: that a time exists and lies not too far ahead, and how deep data may be nested.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, get_args, get_origin

import attrs

from cobrowse_session import __version__
from cobrowse_session.checks import members_of
from cobrowse_session.events import CONTEXT_NAMES, DETAIL_NAMES, SETTING_NAMES, TIMEOUT_NAMES, Event, UnknownEvent, own_names
from cobrowse_session.lifecycle import Table
from cobrowse_session.model import Context, Details, vendor_name
from cobrowse_session.segments import Segment, Segments
from cobrowse_session.service.models import MessageOut, UnreadableOut
from cobrowse_session.settings import Settings
from cobrowse_session.vocabulary import Vocabulary
from cobrowse_session.wire.own_fields import types_of
from cobrowse_session.wire.usual import Envelope, Moment, Version, Word

Schema = dict[str, Any]
"""A JSON Schema, or a part of one. `Any`: JSON."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
EVENT_ID, SESSION_ID = "/schemas/event.json", "/schemas/session.json"
"""The ids of the schemas, which are their addresses in a service."""
COMPONENTS = "#/components/schemas/"
"""Where OpenAPI and AsyncAPI have their schemas."""
TIMEOUT: Schema = {"type": ["number", "null"], "description": "milliseconds; what is out of range is kept, and noted"}

_PLAIN: Mapping[object, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time"},
    timedelta: {"type": "integer", "description": "milliseconds"},
    Version: {"const": "1.0"},
    Word: {"type": "string", "minLength": 1},
    Moment: {"type": "string", "format": "date-time"},
}


# --- Events -------------------------------------------------------------------------------------------------------------------


def event_schema(table: Table) -> Schema:
    """Return the schema of an event of a table, as CloudEvents JSON. An event of an unknown type is one, too."""
    types = {type_: event for type_, event in types_of(table).items() if event is not UnknownEvent}
    parts: dict[str, Schema] = {}
    kinds = {event.__name__: _event(type_, event, parts) for type_, event in types.items()}
    unknown = {
        "allOf": [{"$ref": "#/$defs/Envelope"}],
        "description": "An event of a type that the table does not know. It is kept, and changes nothing.",
        "properties": {"type": {"not": {"enum": list(types)}}},
    }
    return {
        "$schema": DIALECT,
        "$id": EVENT_ID,
        "title": "Event",
        "description": "What happened to a session, as a CloudEvent.",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in (*kinds, UnknownEvent.__name__)],
        "$defs": {"Envelope": _envelope(), **kinds, UnknownEvent.__name__: unknown, **parts},
    }


def _envelope() -> Schema:
    required = [a.name for a in attrs.fields(Envelope) if a.default is attrs.NOTHING]
    properties = {a.name: _field(a, {}, may_be_null=True) for a in attrs.fields(Envelope)}
    context = attrs.fields_dict(Context)
    properties |= {key: _field(context[name], {}, may_be_null=True) for key, name in CONTEXT_NAMES.items()}
    return {"type": "object", "required": required, "properties": properties}


def _event(type_: str, event: type[Event], parts: dict[str, Schema]) -> Schema:
    own = own_names(event)
    fields = {
        **_named(Details, DETAIL_NAMES, parts),
        **_named(Settings, SETTING_NAMES, parts),
        **_named(event, own, parts),
        **dict.fromkeys(TIMEOUT_NAMES, TIMEOUT),
    }
    required = [key for key, name in own.items() if attrs.fields_dict(event)[name].default is attrs.NOTHING]
    data: Schema = {"type": "object" if required else ["object", "null"], "properties": fields}
    if required:
        data["required"] = required
    return {
        "allOf": [{"$ref": "#/$defs/Envelope"}],
        "description": _first_line(event),
        "properties": {"type": {"const": type_}, "data": data},
        # Data may also be in base64. What they say is not seen here.
        **({"anyOf": [{"required": ["data"]}, {"required": ["data_base64"]}]} if required else {}),
    }


def _named(cls: type, names: Mapping[str, str], parts: dict[str, Schema]) -> dict[str, Schema]:
    fields = attrs.fields_dict(cls)
    return {key: _field(fields[name], parts, may_be_null=True) for key, name in names.items()}


# --- Sessions -----------------------------------------------------------------------------------------------------------------


def session_schema(table: Table) -> Schema:
    """Return the schema of a session of a table, in the vendor's JSON."""
    types_of(table)  # its fields can be written
    parts: dict[str, Schema] = {}
    return {
        "$schema": DIALECT,
        "$id": SESSION_ID,
        "title": "Session",
        "description": _first_line(table.session),
        **_object(table.session, parts),
        "$defs": parts,
    }


def _object(cls: type, parts: dict[str, Schema]) -> Schema:
    left_out = {"extra", "settings"}
    fields = (a for a in attrs.fields(cls) if a.name not in left_out)
    return {"type": "object", "properties": {vendor_name(a.name): _field(a, parts, may_be_null=True) for a in fields}}


# --- Fields -------------------------------------------------------------------------------------------------------------------


def _field(attribute: "attrs.Attribute[Any]", parts: dict[str, Schema], *, may_be_null: bool) -> Schema:  # a field of any type
    found = _types(members_of(attribute.type), parts)
    if not may_be_null or attribute.default is attrs.NOTHING:
        return found
    if isinstance(found.get("type"), str):
        return {**found, "type": [found["type"], "null"]}
    return {"anyOf": [found, {"type": "null"}]}


def _types(members: Iterable[Any], parts: dict[str, Schema]) -> Schema:
    """Return the schema of a value of one of some types. A word of a vocabulary may be another one."""
    (kind, *_) = sorted((one for one in members if one is not type(None)), key=lambda one: one is str)  # words before text
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if kind is Segments:
        return {"type": "array", "items": _types((Segment,), parts)}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _types(members_of(get_args(kind)[0]), parts)}
    if issubclass(kind, Vocabulary):
        return {"type": "string", "examples": [str(word) for word in kind]}
    if kind.__name__ not in parts:
        parts[kind.__name__] = {}  # its place, before what it refers to
        parts[kind.__name__] |= _object(kind, parts)
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").partition("\n")[0]


# --- In other documents -------------------------------------------------------------------------------------------------------


def components(name: str, schema: Schema) -> dict[str, Schema]:
    """Return a schema and its parts as components of OpenAPI or AsyncAPI, by name."""
    whole: Schema = json.loads(json.dumps(schema).replace('"#/$defs/', f'"{COMPONENTS}'))
    parts: dict[str, Schema] = whole.pop("$defs", {})
    return {name: {key: value for key, value in whole.items() if key not in {"$schema", "$id"}}, **parts}


def with_components(document: Schema, table: Table) -> Schema:
    """Return an OpenAPI document with the schemas of events and sessions among its components."""
    found = document["components"]["schemas"]
    found |= components("Event", event_schema(table)) | components("Session", session_schema(table))
    found["SessionOut"]["properties"]["session"] = {"$ref": f"{COMPONENTS}Session"}
    return document


def asyncapi(table: Table) -> Schema:
    """Return AsyncAPI's document of the events that come in and of the messages that go out."""
    sent = components("Message", MessageOut.model_json_schema(by_alias=True))
    sent |= components("Unreadable", UnreadableOut.model_json_schema())
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "cobrowse-session",
            "version": __version__,
            "description": "Events of providers in, changes of sessions out.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "events": {
                "address": "/events",
                "description": "POST. CloudEvents, structured, in a batch or binary.",
                "messages": {"event": {"$ref": "#/components/messages/event"}},
            },
            "changes": {
                "address": "/changes",
                "description": "GET. Server-sent events. Go on with Last-Event-ID.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in ("change", "unreadable")},
            },
        },
        "operations": {
            "takeEvents": {
                "action": "receive",
                "channel": {"$ref": "#/channels/events"},
                "summary": "Events of a provider are taken.",
            },
            "sendChanges": {
                "action": "send",
                "channel": {"$ref": "#/channels/changes"},
                "summary": "What happened to sessions is sent, in the order in which it was stored.",
            },
        },
        "components": {
            "messages": {
                "event": {
                    "name": "event",
                    "contentType": "application/cloudevents+json",
                    "payload": {"$ref": f"{COMPONENTS}Event"},
                },
                "change": {"name": "change", "payload": {"$ref": f"{COMPONENTS}Message"}},
                "unreadable": {"name": "unreadable", "payload": {"$ref": f"{COMPONENTS}Unreadable"}},
            },
            "schemas": sent,
        },
    }
    return with_components(document, table)
