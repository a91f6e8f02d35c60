"""Reprs are short: they leave out what is unset."""

import pytest

from cobrowse_session import Lifecycle, SessionLog
from cobrowse_session.testing import Stream, run, stream

CALL = stream("s1").alerting(wrapup_prompt="optional").after(3).connected().after(60).disconnected("peer")


def test_an_event_shows_what_it_states() -> None:
    assert repr(CALL.events[0]) == (
        "Alerting(subject='s1', source='/test', id='e1', occurred_at=2026-03-01T09:00:00.000Z, "
        "settings=Settings(wrapup_prompt='optional'))"
    )


def test_a_session_shows_its_states() -> None:
    assert repr(run(CALL).session) == (
        "CobrowseSession(id='s1', state='disconnected', disconnect_type='peer', after_call_work='pending', …)"
    )


def test_a_session_leaves_out_what_it_does_not_have() -> None:
    assert repr(run(stream("s1").connected()).session) == "CobrowseSession(id='s1', state='connected', …)"


def test_a_session_shows_its_wrap_up_code() -> None:
    assert "wrapup='sale'" in repr(run(CALL.after(1).wrapup("sale")).session)


def test_a_stream_shows_its_kinds() -> None:
    assert repr(CALL) == "Stream('s1', alerting, connected, disconnected)"
    assert repr(stream("s2")) == "Stream('s2', no events)"


def test_a_change_shows_the_outcome_and_counts() -> None:
    log = SessionLog(Lifecycle(), "s1")

    assert repr(log.add(CALL.events[0])) == "Change(applied, 1 new)"
    assert repr(log.add(CALL.events[0])) == "Change(repeat)"


def test_a_log_shows_its_size_and_state() -> None:
    assert repr(SessionLog.of(CALL)) == "SessionLog('s1', 3 events, state='disconnected')"


@pytest.mark.parametrize("value", [CALL.events[2], run(CALL).session, CALL, SessionLog.of(CALL), run(CALL).outcomes[0]])
def test_a_repr_fits_into_two_lines_of_a_terminal(value: Stream) -> None:
    assert len(repr(value)) <= 260
