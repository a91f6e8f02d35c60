"""The vendor's payloads, of every family and every kind of media, to events."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from attrs import field, frozen

from cobrowse_session.errors import DecodeError, Problem
from cobrowse_session.events import Event
from cobrowse_session.wire.genesys.analytics import analytics_legs
from cobrowse_session.wire.genesys.details import KINDS, TOPIC, detail_legs, kind_of_body, kind_of_topic
from cobrowse_session.wire.genesys.leg import Leg, facts
from cobrowse_session.wire.genesys.provider import KEYS, provider_legs
from cobrowse_session.wire.genesys.said import Said
from cobrowse_session.wire.genesys.snapshots import MEDIA, conversation_legs, media_legs
from cobrowse_session.wire.text import shown

Reader = Callable[[Said], Iterator[Leg]]

FAMILIES: Mapping[str, Reader] = {
    "conversation": conversation_legs,
    "media": media_legs,
    "analytics": analytics_legs,
    "provider": provider_legs,
    **{f"detail.{kind}": lambda event, kind=kind: detail_legs(event, kind) for kind in KINDS},  # type: ignore[misc]  # mypy cannot type the default
}
"""The families of payloads by name; envelopes around them (notification, EventBridge) are opened whatever the family."""

HEARTBEAT = "channel.metadata"


@frozen
class Converted:
    """What a payload amounts to.

    Attributes:
        events: in the order of the payload; the same fact is the same event in every payload.
        warnings: what could not be understood, or contradicts itself, each with its path.
        legs: the legs as the platform shows them.
    """

    events: tuple[Event, ...] = ()
    warnings: tuple[Problem, ...] = ()
    legs: tuple[Leg, ...] = field(default=(), repr=False)


def convert(document: Any, family: str | None = None) -> Converted:
    """Turn a payload of the platform into events.

    Args:
        document: parsed JSON: one payload, or a list of them; in an envelope or bare. `Any`: JSON.
        family: one of `FAMILIES`; None: recognise it.

    Returns:
        Events, each fact once, and warnings. A heartbeat gives nothing.

    Raises:
        DecodeError: no payload of this family, or of any; nothing was converted.
    """
    legs: list[Leg] = []
    warnings: list[Problem] = []
    for said, read in _opened(Said(document, warnings=warnings) if isinstance(document, dict) else document, family):
        for leg in read(said):
            if leg.id and leg.conversation:
                legs.append(leg)
            else:
                warnings.append(
                    Problem("missing", f"{leg.path}.id", "nothing", "the ids of a conversation and its communication")
                )
        if said.warnings is not warnings:
            warnings += said.warnings
    told = [facts(leg) for leg in legs]
    events = once(event for one in told for event in one.events)
    return Converted(tuple(events), (*warnings, *(warning for one in told for warning in one.warnings)), tuple(legs))


def once(events: Iterable[Event]) -> Iterator[Event]:
    """Each fact once, however many payloads state it; copies that differ stay, for the log to weigh and to count."""
    told: dict[tuple[str, str, str], list[Event]] = {}
    for event in events:
        copies = told.setdefault((event.subject, event.source, event.id), [])
        if event not in copies:
            copies.append(event)
            yield event


def _opened(document: Any, family: str | None) -> Iterator[tuple[Said, Reader]]:
    """The payloads within a document, out of their envelopes, each with its reader."""
    if isinstance(document, list):
        for index, one in enumerate(document):
            yield from _opened(Said(one, f"$[{index}]") if isinstance(one, dict) else one, family)
    elif not isinstance(document, Said):
        raise _unrecognised("$", document, "a JSON object, or a list of them")
    elif enclosed := document.one("detail"):  # EventBridge
        yield from _opened(enclosed, family)
    elif "topicName" in document.object:
        yield from _notified(document, family)
    elif listed := next((key for key in ("conversations", "entities") if isinstance(document.object.get(key), list)), None):
        for one in document.many(listed):
            yield from _opened(one, family)
    elif (named := family or _family(document)) in FAMILIES:
        yield document, FAMILIES[named or ""]
    else:
        raise _unrecognised(document.path, document.object, f"a payload of one of {', '.join(FAMILIES)}")


def _notified(document: Said, family: str | None) -> Iterator[tuple[Said, Reader]]:
    topic = document.text("topicName") or ""
    if topic == HEARTBEAT:
        return
    if not (body := document.one("eventBody")):
        raise _unrecognised(f"{document.path}.eventBody", document.object.get("eventBody"), "the body of a notification")
    if topic.startswith(TOPIC) and not family:
        kind = kind_of_topic(topic)
        if kind is None:
            raise _unrecognised(f"{document.path}.topicName", topic, f"a detail event that tells of a leg: {', '.join(KINDS)}")
        family = f"detail.{kind}"
    yield from _opened(body, family)


def _family(said: Said) -> str | None:
    """The family whose marks a body bears."""
    keys = said.object.keys()
    if "participants" in keys:
        participants = [one for one in said.object["participants"] or () if isinstance(one, dict)]
        if "conversationId" in keys or any("sessions" in one for one in participants):
            return "analytics"
        flat = any("state" in one and not one.keys() & set(MEDIA) for one in participants)
        return "media" if flat else "conversation"
    if "eventTime" in keys and "sessionId" in keys:
        kind = kind_of_body(said)
        return kind and f"detail.{kind}"
    if any(key.lower().endswith(KEYS) for key in keys):
        return "provider"
    return None


def _unrecognised(path: str, found: object, expected: str) -> DecodeError:
    return DecodeError((Problem("not_recognised", path, shown(found), expected),))
