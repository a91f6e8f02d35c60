"""The vendor's payloads of every family and every kind of media, turned into events."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from attrs import frozen

from cobrowse_session.errors import DecodeError, Problem
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Lifecycle
from cobrowse_session.sources.genesys.analytics import analytics_legs
from cobrowse_session.sources.genesys.details import KINDS, TOPIC, detail_legs, kind_of_body, kind_of_topic
from cobrowse_session.sources.genesys.provider import KEYS, provider_legs
from cobrowse_session.sources.genesys.snapshots import MEDIA, conversation_legs, media_legs
from cobrowse_session.sources.leg import Leg, events_of
from cobrowse_session.sources.reader import PayloadReader, Warnings
from cobrowse_session.sources.source import Converted
from cobrowse_session.wire.cloudevents import encode_event
from cobrowse_session.wire.strict_json import MAX_LINE_BYTES, check_document, shown

__all__ = ["GENESYS", "Converted", "Genesys", "convert", "without_repeats"]

Reader = Callable[[PayloadReader], Iterator[Leg]]

FAMILIES: Mapping[str, Reader] = {
    "conversation": conversation_legs,
    "media": media_legs,
    "analytics": analytics_legs,
    "provider": provider_legs,
    **{f"detail.{kind}": lambda event, kind=kind: detail_legs(event, kind) for kind in KINDS},  # type: ignore[misc]  # mypy cannot type the default
}
"""The families of payloads by name. Envelopes around them (notification, EventBridge) are opened for every family."""

HEARTBEAT = "channel.metadata"
SHOWN = 200
"""Characters of an id that a warning shows."""


def convert(document: Any, family: str | None = None, *, path: str = "$") -> Converted:
    """Return the events of a payload of the platform.

    Args:
        document: parsed JSON: one payload, or a list of them, in an envelope or bare. `Any`: JSON.
        family: one of `FAMILIES`. None: it is recognised.
        path: the path of the payload in a larger document.

    Returns:
        Events, each fact once, and warnings. A heartbeat gives nothing.

    Raises:
        DecodeError: the document is no JSON, or no payload of this family, or of any. Nothing was converted.
    """
    check_document(document, path)
    return convert_checked(document, family, path=path)


def convert_checked(document: Any, family: str | None = None, *, path: str = "$") -> Converted:
    """Return the events of a payload that `read_json` returned. See `convert`. `Any`: JSON."""
    legs: list[Leg] = []
    warnings = Warnings()
    for reader, read in _opened(document, path, family, warnings):
        for leg in read(reader):
            if leg.id and leg.conversation:
                legs.append(leg)
            else:
                warnings.add("missing", f"{leg.path}.id", "nothing", "the ids of a conversation and its communication")
    events = tuple(_readable(without_repeats(event for leg in legs for event in events_of(leg, warnings)), warnings))
    return Converted(events, warnings.listed(path), tuple(legs))


def _readable(events: Iterable[Event], warnings: Warnings) -> Iterator[Event]:
    """Yield the events that can be read again. One that is longer than a line may be becomes a warning."""
    for event in events:
        if (length := len(encode_event(event).encode())) <= MAX_LINE_BYTES:
            yield event
        else:
            warnings.add("line_too_long", event.id[:SHOWN], f"{length} bytes", f"an event of at most {MAX_LINE_BYTES}")


def without_repeats(events: Iterable[Event]) -> Iterator[Event]:
    """Yield each fact once, however many payloads state it. Copies that differ stay: the log merges and counts them."""
    seen = set[bytes]()
    for event in events:
        digest = blake2b(encode_event(event).encode(), digest_size=16).digest()  # many events, and many copies, in little room
        if digest not in seen:
            seen.add(digest)
            yield event


def _opened(document: Any, path: str, family: str | None, warnings: Warnings) -> Iterator[tuple[PayloadReader, Reader]]:
    """Yield the payloads in a document, out of their envelopes, each with its reader."""
    if isinstance(document, list):
        for index, one in enumerate(document):
            yield from _opened(one, f"{path}[{index}]", family, warnings)
        return
    if not isinstance(document, dict):
        raise _unrecognised(path, document, "a JSON object, or a list of them")
    reader = PayloadReader(document, path, warnings)
    if enclosed := reader.one("detail"):  # EventBridge
        yield from _opened(enclosed.object, enclosed.path, family, warnings)
    elif "topicName" in document:
        yield from _notified(reader, family)
    elif listed := next((key for key in ("conversations", "entities") if isinstance(document.get(key), list)), None):
        yield from _opened(document[listed], f"{path}.{listed}", family, warnings)
    elif (named := family or _family(reader)) in FAMILIES and _has_keys_of(reader, named or ""):
        yield reader, FAMILIES[named or ""]
    else:
        raise _unrecognised(path, document, f"a payload of {family or 'a known family'}")


def _notified(reader: PayloadReader, family: str | None) -> Iterator[tuple[PayloadReader, Reader]]:
    topic = reader.text("topicName") or ""
    if topic == HEARTBEAT:
        return
    if not (body := reader.one("eventBody")):
        raise _unrecognised(f"{reader.path}.eventBody", reader.object.get("eventBody"), "the body of a notification")
    if topic.startswith(TOPIC) and not family:
        kind = kind_of_topic(topic)
        if kind is None:
            raise _unrecognised(f"{reader.path}.topicName", topic, f"a detail event about a leg: {', '.join(KINDS)}")
        family = f"detail.{kind}"
    yield from _opened(body.object, body.path, family, reader.warnings)


def _has_keys_of(reader: PayloadReader, family: str) -> bool:
    """Return whether a body has the keys of a family."""
    if family.startswith("detail."):
        return "eventTime" in reader.object
    empty = "participants" in reader.object and not _participants(reader)
    return family == _family(reader) or (empty and family in ("conversation", "media"))


def _participants(reader: PayloadReader) -> list[dict[str, Any]]:
    listed = reader.object.get("participants")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _family(reader: PayloadReader) -> str | None:
    """Return the family whose keys a body has. None: it has those of none."""
    keys = reader.object.keys()
    if "participants" in keys:
        participants = _participants(reader)
        if "conversationId" in keys or any("sessions" in one for one in participants):
            return "analytics"
        flat = any("state" in one and not one.keys() & set(MEDIA) for one in participants)
        return "media" if flat else "conversation"
    if "eventTime" in keys and "sessionId" in keys:
        kind = kind_of_body(reader)
        return kind and f"detail.{kind}"
    if any(key.lower().endswith(KEYS) for key in keys):
        return "provider"
    return None


def _unrecognised(path: str, found: object, expected: str) -> DecodeError:
    return DecodeError((Problem("not_recognised", path, shown(found), expected),))


@frozen
class Genesys:
    """Genesys Cloud, as a source. See `Source`."""

    name: str = "genesys"
    families: Collection[str] = tuple(FAMILIES)
    lifecycle: Lifecycle = Lifecycle(alerting_grace=timedelta(milliseconds=250))

    def recognise(self, payload: Any) -> str | None:
        """Return the family of a payload, or the kind of a payload that states nothing of a leg. `Any`: JSON."""
        return payload and None

    def convert(
        self, payload: Any, family: str | None = None, *, received_at: datetime | None = None, place: int = 0, path: str = "$"
    ) -> Converted:
        """Return the events of a payload, or of a list of payloads. See `Source.convert`. `Any`: JSON."""
        return convert_checked(payload, family, path=path)


GENESYS = Genesys()
"""Genesys Cloud's payloads: conversations, notifications, detail events, analytics, provider batches."""
