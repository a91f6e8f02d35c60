"""Genesys Cloud's payloads of every family and every kind of media, turned into events."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from attrs import frozen

from cobrowse_session.errors import DecodeError
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Lifecycle
from cobrowse_session.sources.facts import events_of
from cobrowse_session.sources.genesys.analytics import analytics_legs
from cobrowse_session.sources.genesys.details import KINDS, detail_legs, kind_of_body, kind_of_topic
from cobrowse_session.sources.genesys.envelopes import detail_of, foreign, is_of_unknown_topic, opened
from cobrowse_session.sources.genesys.marks import looks_like
from cobrowse_session.sources.genesys.messenger import KEY, messenger_legs
from cobrowse_session.sources.genesys.parts import MEDIA
from cobrowse_session.sources.genesys.provider import KEYS, provider_legs
from cobrowse_session.sources.genesys.snapshots import conversation_legs, media_legs
from cobrowse_session.sources.leg import Leg
from cobrowse_session.sources.reader import Origin, PayloadReader, Warnings
from cobrowse_session.sources.source import Converted
from cobrowse_session.wire.cloudevents import encode_event
from cobrowse_session.wire.strict_json import MAX_LINE_BYTES, decode_error

__all__ = ["GENESYS", "Genesys"]

Reader = Callable[[PayloadReader], Iterator[Leg]]

FAMILIES: Mapping[str, Reader] = {
    "conversation": conversation_legs,
    "media": media_legs,
    "analytics": analytics_legs,
    "provider": provider_legs,
    "messenger": messenger_legs,
    **{f"detail.{kind}": partial(detail_legs, kind=kind) for kind in KINDS},
}
"""The families of payloads by name. Envelopes around them (notification, EventBridge, SQS) are opened for every family."""

SHOWN = 200
"""Characters of an id that a warning shows."""


def _events(leg: Leg, warnings: Warnings) -> list[Event]:
    """Return the events of a leg that can be read again. One that is longer than a line may be becomes a warning."""
    if not (leg.id and leg.source):
        warnings.add("missing", f"{leg.path}.id", "nothing", "the ids of a conversation and its communication")
        return []
    readable: list[Event] = []
    for event in events_of(leg, warnings):
        if (length := len(encode_event(event).encode())) <= MAX_LINE_BYTES:
            readable.append(event)
        else:
            warnings.add("line_too_long", event.id[:SHOWN], f"{length:,} bytes", f"an event of at most {MAX_LINE_BYTES:,} bytes")
    leg.is_empty = not readable
    return readable


def _legs(reader: PayloadReader, family: str | None) -> list[Leg]:
    named = family or family_of(reader) or ""
    if named not in FAMILIES or not _has_keys_of(reader, named):
        if not family and is_of_unknown_topic(reader):
            return []
        expected = foreign(reader.object) or f"a payload of {family or 'a known family'}"
        if (detail := detail_of(reader)) is not None and not family:
            expected = f"a detail event about a leg: {', '.join(KINDS)}"
            raise decode_error("not_recognised", f"{reader.path}.topicName", detail, expected)
        raise decode_error("not_recognised", reader.path, reader.object, expected)
    warned = reader.warnings.count
    legs = list(FAMILIES[named](reader))
    if not legs and warned == reader.warnings.count and _participants(reader):
        reader.warnings.add("no_fact", f"{reader.path}.participants", "no leg", "participants with their communications")
    return legs


def family_of(reader: PayloadReader) -> str | None:
    """Return the family of a body: of its topic, or of the keys that it has. None: it is of none."""
    if (detail := detail_of(reader)) is not None:
        return f"detail.{kind}" if (kind := kind_of_topic(f".{detail}")) else None
    keys = reader.object.keys()
    if "participants" in keys:
        return _family_of_participants(reader)
    if "eventTime" in keys and "sessionId" in keys:
        kind = kind_of_body(reader)
        return kind and f"detail.{kind}"
    if KEY in keys or any(isinstance(one, dict) and KEY in one for one in _listed(reader, "events")):
        return "messenger"
    if any(key.lower().endswith(KEYS) for key in keys):
        return "provider"
    return None


def _family_of_participants(reader: PayloadReader) -> str:
    participants = _participants(reader)
    if "conversationId" in reader.object or any("sessions" in one for one in participants):
        return "analytics"
    # A chat in the list of chats may have a `state` of its participant beside the list of its communications.
    flat = any(one.keys() & {"state", "didInteract"} and not one.keys() & set(MEDIA) for one in participants)
    return "media" if flat else "conversation"


def _has_keys_of(reader: PayloadReader, family: str) -> bool:
    """Return whether a body has the keys of a family."""
    if family.startswith("detail."):
        return "eventTime" in reader.object
    found = family_of(reader)
    # Without participants, it may be of either.
    return family == found or (family == "media" and found == "conversation" and not _participants(reader))


def _participants(reader: PayloadReader) -> list[dict[str, Any]]:  # JSON
    return [one for one in _listed(reader, "participants") if isinstance(one, dict)]


def _listed(reader: PayloadReader, key: str) -> list[Any]:  # JSON
    listed = reader.object.get(key)
    return listed if isinstance(listed, list) else []


@frozen
class Genesys:
    """Genesys Cloud, as a source. See `Source`."""

    name: str = "genesys"
    families: Collection[str] = tuple(FAMILIES)

    @property
    def lifecycle(self) -> Lifecycle:
        """The recommended rules: the platform ends an unanswered alert itself, 0.1 s after its timeout (ALERT-1)."""
        return Lifecycle(alerting_grace=timedelta(milliseconds=250))

    def looks_like(self, keys: set[str]) -> bool:
        """Return whether a file with these keys has payloads of this platform."""
        return looks_like(keys)

    def recognise(self, payload: Any) -> str | None:
        """Return the family of a payload, or the word for one that states nothing of a leg. `Any`: JSON."""
        if not isinstance(payload, dict):
            return None
        try:
            body = next(opened(PayloadReader(payload)), "nothing")
        except DecodeError:
            return "unreadable"  # the envelope is this platform's, and `convert` says what is wrong
        if isinstance(body, str):
            return body
        return family_of(body) or ("unreadable" if body.object is not payload or foreign(payload) else None)

    def convert(
        self, payload: Any, family: str | None = None, *, received_at: datetime | None = None, place: int = 0, path: str = "$"
    ) -> Converted:
        """Return the events of a payload. See `Source.convert`. `Any`: JSON."""
        if not isinstance(payload, dict):
            raise decode_error("not_recognised", path, payload, "a JSON object")
        warnings, legs = Warnings(), list[Leg]()
        for body in opened(PayloadReader(payload, path, warnings, Origin(received_at=received_at, place=place))):
            if isinstance(body, str):
                warnings.skipped.append(body)
            else:
                legs += _legs(body, family)
        events = tuple(event for leg in legs for event in _events(leg, warnings))
        named = tuple(leg for leg in legs if leg.id and leg.source)
        return Converted(events, warnings.listed(path), named, tuple(warnings.skipped))


GENESYS = Genesys()
"""Genesys Cloud's payloads: conversations, notifications, detail events, analytics, provider batches, co-browse offers."""
