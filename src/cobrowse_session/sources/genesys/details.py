"""Analytics detail events (`v2.detail.events.conversation.{id}.*`): one fact each, in epoch milliseconds and UPPER_SNAKE."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from attrs import evolve, frozen

from cobrowse_session.model import AfterCallWork, Context, Wrapup
from cobrowse_session.segments import Segment
from cobrowse_session.settings import Settings
from cobrowse_session.sources.genesys.parts import media_type, prompt, source_of
from cobrowse_session.sources.leg import Leg
from cobrowse_session.sources.reader import PayloadReader
from cobrowse_session.times import EPOCH
from cobrowse_session.vocabulary import AfterCallWorkState

TOPIC = "v2.detail.events.conversation."


@frozen
class Kind:
    """The content of a kind of detail event."""

    purpose: str | None = None
    begins: bool = False
    alerts: bool = False
    ends: bool = False
    wraps_up: bool = False
    ends_work: bool = False


KINDS = {
    "user.start": Kind("agent", alerts=True),  # observed: it comes when the agent is being alerted, not at the answer
    "customer.start": Kind("customer", begins=True),
    "acd.start": Kind("acd", begins=True),
    "voicemail.start": Kind("voicemail", begins=True),
    "user.end": Kind("agent", ends=True),
    "customer.end": Kind("customer", ends=True),
    "acd.end": Kind("acd", ends=True),
    "voicemail.end": Kind("voicemail", ends=True),
    "wrapup": Kind(wraps_up=True),
    "acw": Kind("agent", wraps_up=True, ends_work=True),  # the agent finished after-call work by applying a wrap-up
}
"""The kinds that state a fact of a leg. Others (`flow.*`, `attributes`, `contact`, …) state nothing about its life."""

CONNECTED_FOR = ("interactingDurationMs", "heldDurationMs")
_MILLISECOND = timedelta(milliseconds=1)
_BEFORE_THE_END = " - ".join(("eventTime", *CONNECTED_FOR))


def detail_legs(event: PayloadReader, kind: str) -> Iterator[Leg]:
    """Yield the leg of one detail event.

    The durations of an ended leg are sums over its life. The connection is its last part: it began by these two before the end.
    """
    at, content = event.instant("eventTime"), KINDS[kind]
    if at is None:
        event.warn("no_time", "eventTime", "milliseconds since 1970")
        return
    leg = _leg(event, at, content.purpose)
    if content.begins:
        leg.begins = at  # the platform does not state in which state it began
    if content.alerts:
        leg.state, leg.segments = "alerting", (Segment(start_time=at, type="Alert"),)
        leg.initial_state = "alerting"
    if content.ends:
        leg.state, leg.disconnected_time = "disconnected", at
        leg.disconnect_type = event.text("disconnectType")
        lasted = [event.number(key) or 0 for key in CONNECTED_FOR]
        if min(lasted) < 0 or sum(lasted) > (at - EPOCH) // _MILLISECOND:
            event.warn("out_of_bounds", CONNECTED_FOR[0], "milliseconds that the leg was connected before it ended")
        elif sum(lasted):
            leg.derived = (("connected", _BEFORE_THE_END, at - sum(lasted) * _MILLISECOND),)
    if content.wraps_up:
        leg.wrapup = Wrapup(code=event.text("wrapupCode"), notes=event.text("wrapupNotes"), end_time=at)
    if content.ends_work:
        leg.after_call_work = AfterCallWork(end_time=at, state=AfterCallWorkState.COMPLETE)
    yield leg


def _leg(event: PayloadReader, at: datetime, purpose: str | None) -> Leg:
    conversation = event.text("conversationId")
    return Leg(
        id=event.text("sessionId") or "",
        source=source_of(conversation),
        origin=evolve(event.origin, stated=("eventTime", at)),
        path=event.path,
        is_record=False,
        provider=event.text("provider"),
        settings=Settings(wrapup_prompt=prompt(purpose)),
        context=Context(
            conversation_id=conversation,
            participant_id=event.text("participantId"),
            user_id=event.text("userId"),
            queue_id=event.text("queueId"),
            purpose=purpose,
            media_type=media_type(event.text("mediaType")),
        ),
    )


def kind_of_topic(topic: str) -> str | None:
    """Return the kind that a topic names, of those that state a fact: `…conversation.{id}.user.end` is `user.end`."""
    return next((kind for kind in KINDS if topic.endswith(f".{kind}")), None)


def kind_of_body(event: PayloadReader) -> str | None:
    """Return the kind of a body without its topic, if its keys determine it."""
    if "wrapupCode" in event.object or "wrapupDurationMs" in event.object:
        return "acw" if "userId" in event.object else "wrapup"
    if event.object.keys() & {"acdOutcome", "connectedDurationMs"}:
        return "acd.end"
    if "disconnectType" in event.object:
        return "user.end" if "userId" in event.object else "customer.end"
    return None
