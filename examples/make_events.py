"""Write `events.jsonl`: two conversations, every wrap-up prompt, one refusal, one wrap-up that arrives late.

python examples/make_events.py > examples/events.jsonl
"""

from collections.abc import Iterator
from datetime import timedelta
from operator import attrgetter

from attrs import evolve

from cobrowse_session import Context, Event
from cobrowse_session.testing import START, Stream, stream
from cobrowse_session.wire import encode_event


def leg(name: str, begins: float) -> Stream:
    """Return a leg that begins so many seconds after nine o'clock. Its events are received 30 ms after they happened."""
    return stream(name, start=START + timedelta(seconds=begins), source="/providers/acme", delay=0.03)


def events() -> list[Event]:
    """Return all events, in the order of their arrival."""
    declined = leg("anna", 0).alerting(wrapup_prompt="mandatory").after(11.4).disconnected("client")
    in_time = (  # the wrap-up is saved in time, but arrives after the deadline
        leg("ben", 12)
        .alerting(wrapup_prompt="timeout", wrapup_timeout="30s", cobrowse_role="viewer")
        .after(3.1)
        .connected(cobrowse_session_id="cb-77", viewer_url="https://example.com/cb-77")
        .after("4m")
        .updated(controlling=["page-1"])
        .after("8m")
        .disconnected("peer")
        .after(14.22)
        .wrapup("sale", name="Sale", received_at=START + timedelta(minutes=14))
    )
    refused = (
        leg("cleo", 30)
        .alerting(wrapup_prompt="mandatory")
        .after(2.5)
        .connected()
        .after("3m")
        .disconnected("peer")
        .after(9)
        .done()
        .after(6)
        .wrapup("callback")
        .after("5m")
        .wrapup("resolved", disable_end_time_updates=True)
    )
    transferred = leg("dora", 400).alerting(wrapup_prompt="optional").after(4).connected().after(95).disconnected("transfer")
    forced = (
        leg("emil", 500)
        .alerting(wrapup_prompt="forcedTimeout", wrapup_timeout="45s")
        .after(5.2)
        .connected()
        .after("6m")
        .disconnected("client")
        .after(20)
        .wrapup("sale")
    )
    skipped = leg("finn", 520).alerting(wrapup_prompt="optional").after(8).connected().after(61).disconnected("peer")
    asked = leg("gina", 600).alerting(wrapup_prompt="agentRequested").after(2).connected().after(30).required()
    unasked = leg("hugo", 640).alerting(wrapup_prompt="agentRequested").after(6).connected().after("2m").disconnected("peer")
    first = (declined, in_time, refused, transferred)
    second = (
        forced,
        skipped.after(3).wrapup(),
        asked.after(200).disconnected("endpoint").after(41).wrapup("survey", notes="wants a call on Friday"),
        unasked,
    )
    told = [*_of("c-1001", first), *_of("c-1002", second)]
    return sorted(told, key=attrgetter("received", "subject", "id"))


def _of(conversation: str, legs: tuple[Stream, ...]) -> Iterator[Event]:
    return (evolve(event, context=Context(conversation_id=conversation)) for one in legs for event in one)


if __name__ == "__main__":
    for event in events():
        print(encode_event(event))
