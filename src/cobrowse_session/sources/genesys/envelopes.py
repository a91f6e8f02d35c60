"""What is around a payload: EventBridge, SQS, a notification, a list. And the traffic that states nothing of a leg."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve

from cobrowse_session.sources.genesys.details import TOPIC
from cobrowse_session.sources.reader import PayloadReader
from cobrowse_session.wire.strict_json import cut, decode_error, read_json

_LISTS = ("conversations", "entities")

_SKIPPED_TOPICS: Mapping[str, str] = {
    r"channel\.metadata": "heartbeat",
    r"v2\.system\.socket_closing": "socket closing",
    r"v2\.users\.[^.]+\.presence": "presence",
    r"v2\.users\.[^.]+\.routing[sS]tatus": "routing status",
    r"v2\.users\.[^.]+\.conversation[sS]ummary": "conversation summary",
    r"v2\.users\.[^.]+\.(activity|station|out[oO]f[oO]ffice|geolocation)": "user",
    r"v2\.conversations\.[^.]+\.transcription": "transcription",
    r"v2\.conversations\.[^.]+\.(suggestions|agentchecklist)(\..+)?": "conversation content",
    r"v2\.conversations\.\w+\.[^.]+\.(members|messages)": "conversation content",
    r"v2\.detail\.events\.conversation\.[^.]+\.(attributes|contact|outbound)": "attributes",
    r"v2\.detail\.events\.conversation\.[^.]+\.flow\.\w+": "flow event",
}
"""The topics whose payloads state nothing of a leg, and the word for each."""

_OF_A_CONVERSATION = re.compile(r"(v2\.conversations\.)[^.]+(\..+)")

_EMBEDDABLE = (
    "a payload that names a communication; this is an event of the Embeddable Framework, which names none: subscribe to the "
    "topic v2.users.{id}.conversations"
)


def opened(reader: PayloadReader) -> Iterator[PayloadReader | str]:
    """Yield the bodies in a payload, out of their envelopes, and the word for each body that states nothing of a leg.

    Raises:
        DecodeError: an envelope without a body.
    """
    document = reader.object
    if (records := document.get("Records")) and isinstance(records, list):
        yield from _records(reader)
    elif enclosed := reader.one("detail"):
        yield from opened(_from_event_bridge(reader, enclosed))
    elif "topicName" in document or "eventBody" in document:
        yield from _notified(reader)
    elif key := next((key for key in _LISTS if isinstance(document.get(key), list)), None):
        for index, one in enumerate(reader.many(key)):
            yield from opened(evolve(one, origin=evolve(one.origin, place=one.origin.place + index)))
    elif document.get("message") == "pong":
        yield "pong"
    else:
        yield reader


def detail_of(reader: PayloadReader) -> str | None:
    """Return the ending of a detail event's topic: `user.end`. None: its topic is another one."""
    topic = reader.origin.topic or ""
    return topic.removeprefix(TOPIC).partition(".")[2] if topic.startswith(TOPIC) else None


def foreign(document: Mapping[str, Any]) -> str | None:  # JSON
    """Return what is expected instead of a document that names no communication. None: it is not a known one."""
    is_embeddable = "data" in document and "interaction" in str(document.get("type")).lower()
    return _EMBEDDABLE if is_embeddable else None


def _from_event_bridge(reader: PayloadReader, enclosed: PayloadReader) -> PayloadReader:
    at = reader.time("time")
    topic = reader.text("detail-type") or reader.origin.topic
    origin = evolve(reader.origin, topic=topic, stated=("the envelope's time", at) if at else reader.origin.stated)
    return evolve(enclosed, origin=origin)


def _notified(reader: PayloadReader) -> Iterator[PayloadReader | str]:
    topic = reader.text("topicName") or reader.origin.topic
    if skipped := skipped_kind(topic):
        yield skipped
        return
    body = reader.one("eventBody")
    if body is None:
        found = reader.object.get("eventBody")
        raise decode_error("not_recognised", f"{reader.path}.eventBody", found, "the body of a notification")
    yield from opened(evolve(body, origin=evolve(reader.origin, topic=topic)))


def skipped_kind(topic: str | None) -> str | None:
    """Return the word for a topic whose payloads state nothing of a leg. None: they may state something."""
    return next((word for pattern, word in _SKIPPED_TOPICS.items() if re.fullmatch(pattern, topic or "")), None)


def is_of_unknown_topic(reader: PayloadReader) -> bool:
    """Return whether a body is of a topic of conversations that is not known, and add a warning then (SKIP-4)."""
    if topic := _OF_A_CONVERSATION.fullmatch(reader.origin.topic or ""):
        reader.warnings.add(
            "unknown_topic", reader.path, cut(f"{topic[1]}{{id}}{topic[2]}"), "a topic whose payloads can be read"
        )
    return topic is not None


def _records(reader: PayloadReader) -> Iterator[PayloadReader | str]:
    """Yield the bodies of SQS messages. A body is JSON in a text."""
    for index, record in enumerate(reader.many("Records")):
        path = f"{record.path}.body"
        body: Any = read_json(text) if (text := record.text("body")) else None
        if not isinstance(body, dict):
            raise decode_error("not_recognised", path, body, "a payload as JSON text")
        origin = evolve(reader.origin, place=reader.origin.place + index)
        yield from opened(PayloadReader(body, path, reader.warnings, origin))
