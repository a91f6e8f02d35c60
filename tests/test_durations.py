"""The durations of a session by name, from segments on one clock."""

from datetime import timedelta

import pytest

from cobrowse_session import CobrowseSession, Segment
from cobrowse_session.durations import Durations, durations
from cobrowse_session.testing import START, Stream, duration, run, stream

CALL = stream("s1", delay=1.9).alerting().after(3).connected(wrapup_prompt="optional").after("5m").disconnected("peer")


def of(events: Stream) -> Durations:
    return durations(run(events).session)


def length(text: str) -> timedelta:
    return duration(text)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (stream().offering(), Durations()),
        (stream().alerting().after(3).connected(), Durations(ring=length("3s"))),
        (stream().alerting().after(12).disconnected("client"), Durations(ring=length("12s"))),
        (stream().alerting().after(3).offering().after(5).alerting().after(2).connected(), Durations(ring=length("5s"))),
        (CALL, Durations(ring=length("3s"), talk=length("5m"))),
        (
            CALL.after(14.22).wrapup("sale"),
            Durations(ring=length("3s"), talk=length("5m"), after_call_work=timedelta(seconds=14.22)),
        ),
        (
            stream().connected(wrapup_prompt="agentRequested").after(60).disconnected("peer"),
            Durations(talk=length("1m"), after_call_work=timedelta(0)),  # ACW-11
        ),
        (stream().connected().after(60).disconnected("peer"), Durations(talk=length("1m"))),
    ],
)
def test_a_duration_is_the_sum_of_its_segments_and_none_without_any(events: Stream, expected: Durations) -> None:
    assert of(events) == expected


def test_late_deliveries_do_not_change_a_duration() -> None:
    """The stamps are on two clocks: the difference of `connectedTime` and `disconnectedTime` is off by the delay."""
    session = run(CALL).session
    assert session.connected_time is not None
    assert session.disconnected_time is not None

    assert session.disconnected_time - session.connected_time == length("5m") - timedelta(seconds=1.9)
    assert durations(session).talk == length("5m")


def test_handle_is_talk_hold_and_after_call_work() -> None:
    assert of(CALL.after(14).wrapup("sale")).handle == length("5m") + length("14s")
    assert of(stream().alerting().after(3).disconnected()).handle is None


def test_what_is_open_counts_until_now_and_not_without_it() -> None:
    session = run(CALL).session

    assert durations(session).after_call_work is None
    assert durations(session, CALL.now + length("10s")).after_call_work == length("10s")
    assert durations(session, START).after_call_work == timedelta(0)


def test_segments_of_the_platform_count_by_their_type() -> None:
    kinds = ("Alert", "Interact", "hold", "Interact", "IVR", None)
    segments = tuple(
        Segment(start_time=START + timedelta(seconds=n), end_time=START + timedelta(seconds=n + 1), type=kind)
        for n, kind in enumerate(kinds)
    )
    found = durations(CobrowseSession(id="s1", segments=segments))

    assert found == Durations(ring=length("1s"), talk=length("2s"), hold=length("1s"))
    assert found.handle == length("3s")


def test_a_naive_time_is_an_error() -> None:
    with pytest.raises(TypeError, match="expected an aware datetime"):
        durations(CobrowseSession(id="s1"), START.replace(tzinfo=None))
