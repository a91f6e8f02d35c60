"""The trace, row by row as it is written: one stream, every sort of row."""

import pytest

from cobrowse_session import Event, Lifecycle
from cobrowse_session.stream import fold
from cobrowse_session.testing import START, duration, stream
from cobrowse_session.wire import encode_entry
from cobrowse_session.wire.trace import trace_entry

# An alert, repeated; an answer; a step back; something unheard of; a role that nobody knows; the end; time runs out; too late.
EVENTS = (
    stream("s1", source="/providers/acme", delay="31ms")
    .alerting(conversation_id="c1", cobrowse_role="viewer", wrapup_prompt="timeout", wrapup_timeout=30)
    .after(1)
    .alerting()
    .after(2)
    .connected()
    .after(1)
    .alerting()
    .after(1)
    .unknown("com.example.unheard")
    .after(1)
    .updated(cobrowse_role="spectator", extra={"wrapupTimeoutMs": 0})
    .after(54)
    .disconnected("peer", conversation_id="c2")
    .after("10ms")
    .platform("lost", received_at=None)
    .after(40)
    .wrapup("sale", provisional=True)
)
TRACE = """\
{"session":"s1","conversation":"c1","event":"e1","source":"/providers/acme","type":"cobrowse.session.alerting",\
"at":"2026-03-01T09:00:00.000Z","received":"2026-03-01T09:00:00.031Z","outcome":"applied","row":"alerting",\
"from":"none","to":"alerting","set":["cobrowseRole","initialState","providerEventTime","segments","startAlertingTime","state"]}
{"session":"s1","conversation":"c1","event":"e2","source":"/providers/acme","type":"cobrowse.session.alerting",\
"at":"2026-03-01T09:00:01.000Z","received":"2026-03-01T09:00:01.031Z","outcome":"duplicate","row":"duplicate","from":"alerting"}
{"session":"s1","conversation":"c1","event":"e3","source":"/providers/acme","type":"cobrowse.session.connected",\
"at":"2026-03-01T09:00:03.000Z","received":"2026-03-01T09:00:03.031Z","outcome":"applied","row":"connected",\
"from":"alerting","to":"connected","set":["connectedTime","initialState","providerEventTime","segments","state"]}
{"session":"s1","conversation":"c1","event":"e4","source":"/providers/acme","type":"cobrowse.session.alerting",\
"at":"2026-03-01T09:00:04.000Z","received":"2026-03-01T09:00:04.031Z","outcome":"refused","row":"no_way_back",\
"rule":"no_way_back","from":"connected"}
{"session":"s1","conversation":"c1","event":"e5","source":"/providers/acme","type":"com.example.unheard",\
"at":"2026-03-01T09:00:05.000Z","received":"2026-03-01T09:00:05.031Z","outcome":"ignored","row":"unknown_type",\
"rule":"unknown_type","from":"connected"}
{"session":"s1","conversation":"c1","event":"e6","source":"/providers/acme","type":"cobrowse.session.updated",\
"at":"2026-03-01T09:00:06.000Z","received":"2026-03-01T09:00:06.031Z","outcome":"applied","row":"details",\
"from":"connected","to":"connected","set":["cobrowseRole","providerEventTime"],\
"notes":["unknown cobrowseRole 'spectator', kept as it came","wrapupTimeoutMs 0 is out of bounds, not taken"]}
{"session":"s1","conversation":"c2","event":"e7","source":"/providers/acme","type":"cobrowse.session.disconnected",\
"at":"2026-03-01T09:01:00.000Z","received":"2026-03-01T09:01:00.031Z","outcome":"applied","row":"ended+begins",\
"from":"connected","to":"disconnected","acw":"pending","set":["afterCallWork","controlling","disconnectType","disconnectedTime",\
"initialState","providerEventTime","segments","state"]}
{"session":"s1","conversation":"c2","event":"e8","source":"/providers/acme","type":"cobrowse.session.acw.ended",\
"at":"2026-03-01T09:01:00.010Z","received":"2026-03-01T09:01:00.010Z","outcome":"ignored","row":"unknown_value",\
"rule":"unknown_value","from":"disconnected","acw":"pending","notes":["unknown state 'lost', kept as it came"]}
{"session":"s1","conversation":"c2","type":"timer.acw","at":"2026-03-01T09:01:30.000Z","outcome":"applied",\
"row":"complete_by_timeout","from":"disconnected","to":"disconnected","acw":"complete","set":["afterCallWork","wrapup"]}
{"session":"s1","conversation":"c2","event":"e9","source":"/providers/acme","type":"cobrowse.session.wrapup",\
"at":"2026-03-01T09:01:40.010Z","received":"2026-03-01T09:01:40.041Z","outcome":"ignored","row":"draft_too_late",\
"rule":"already_final","from":"disconnected","acw":"complete"}
"""


@pytest.mark.parametrize(
    "arrived", [EVENTS.events, EVENTS.events[::-1], EVENTS.events * 2], ids=["as told", "backwards", "twice"]
)
# TIME-2, KEEP-12, LOG-7, TRACE-2, TRACE-3, TRACE-4, TRACE-5, TRACE-6, TRACE-7, TRACE-8, TRACE-9, TRACE-10
def test_the_trace_is_this_text(arrived: tuple[Event, ...]) -> None:
    steps = fold(arrived).trace
    assert [encode_entry(row) for row in map(trace_entry, steps)] == TRACE.splitlines()


def test_an_alert_that_timed_out_is_a_row_without_an_event() -> None:  # TRACE-10
    alerted = stream("s1").alerting(alerting_timeout=8, conversation_id="c1")
    folded = fold(alerted, START + duration("1h"), lifecycle=Lifecycle(alerting_grace=duration("250ms")))
    (_, row) = map(encode_entry, map(trace_entry, folded.trace))
    assert row == (
        '{"session":"s1","conversation":"c1","type":"timer.alerting","at":"2026-03-01T09:00:08.250Z","outcome":"applied",'
        '"row":"alert_timed_out+none_after_alert_timeout","from":"alerting","to":"disconnected",'
        '"set":["controlling","disconnectType","disconnectedTime","segments","state"]}'
    )


def test_a_row_that_is_not_ascii_is_written_as_it_is() -> None:
    (row,) = map(trace_entry, fold(stream("é😀").alerting(conversation_id="Zoë")).trace)
    assert encode_entry(row).startswith('{"session":"é😀","conversation":"Zoë","event":"e1",')


def test_set_lists_the_details_of_the_event_changed_or_not() -> None:  # TRACE-8
    events = stream("s1").connected(viewer_url="https://v").after(1).updated(viewer_url="https://v", peer_id="p")
    (_, row) = map(trace_entry, fold(events).trace)

    assert row["set"] == ["peerId", "providerEventTime", "viewerUrl"]
