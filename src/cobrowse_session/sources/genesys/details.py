"""Analytics detail events (`v2.detail.events.conversation.{id}.*`): one fact each, in epoch milliseconds and UPPER_SNAKE."""

from collections.abc import Iterator

from attrs import frozen

from cobrowse_session.model import AfterCallWork, Wrapup
from cobrowse_session.sources.leg import Leg
from cobrowse_session.sources.reader import PayloadReader
from cobrowse_session.vocabulary import AfterCallWorkState

TOPIC = "v2.detail.events.conversation."


@frozen
class Kind:
    """The content of a kind of detail event."""

    begins: bool = False
    alerts: bool = False
    ends: bool = False
    wraps_up: bool = False
    ends_work: bool = False


KINDS = {
    "user.start": Kind(alerts=True),  # observed: it comes when the agent is being alerted, not at the answer
    "customer.start": Kind(begins=True),
    "acd.start": Kind(begins=True),
    "voicemail.start": Kind(begins=True),
    "user.end": Kind(ends=True),
    "customer.end": Kind(ends=True),
    "acd.end": Kind(ends=True),
    "voicemail.end": Kind(ends=True),
    "wrapup": Kind(wraps_up=True),
    "acw": Kind(wraps_up=True, ends_work=True),  # the agent finished after-call work by applying a wrap-up
}
"""The kinds that state a fact of a leg. Others (`flow.*`, `attributes`, `contact`, …) state nothing about its life."""


def detail_legs(event: PayloadReader, kind: str) -> Iterator[Leg]:
    """Yield the leg of one detail event. Its durations are sums over a life, not times, and are not used."""
    at, content = event.instant("eventTime"), KINDS[kind]
    if at is None:
        event.warn("no_time", "eventTime", "milliseconds since 1970")
        return
    leg = Leg(
        conversation=event.text("conversationId") or "",
        id=event.text("sessionId") or "",
        path=event.path,
        provider=event.text("provider"),
    )
    if content.begins:
        leg.begins = at  # the platform does not state in which state it began
    if content.alerts:
        leg.state = leg.initial_state = "alerting"
        leg.start_alerting_time = at
    if content.ends:
        leg.state, leg.disconnected_time = "disconnected", at
        leg.disconnect_type = event.text("disconnectType")
    if content.wraps_up and (code := event.text("wrapupCode")):
        leg.wrapup = Wrapup(code=code, notes=event.text("wrapupNotes"), end_time=at)
    if content.ends_work:
        leg.after_call_work = AfterCallWork(end_time=at, state=AfterCallWorkState.COMPLETE)
    yield leg


def kind_of_topic(topic: str) -> str | None:
    """Return the kind that a topic names, of those that state a fact: `…conversation.{id}.user.end` is `user.end`."""
    return next((kind for kind in KINDS if topic.endswith(f".{kind}")), None)


def kind_of_body(event: PayloadReader) -> str | None:
    """Return the kind of a body without its topic, if its keys determine it."""
    if "wrapupCode" in event.object or "wrapupDurationMs" in event.object:
        return "acw" if "userId" in event.object else "wrapup"
    if "disconnectType" in event.object:
        return "user.end" if "userId" in event.object else "customer.end"
    return None
