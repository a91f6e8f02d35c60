"""What the rows make of a session that was built or decoded, and whose values no event of ours would have made."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from cobrowse_session import (
    AfterCallWork,
    AfterCallWorkStarted,
    CobrowseSession,
    Lifecycle,
    Refused,
    Segment,
    Settings,
    SettingsError,
    Wrapup,
    WrapupSaved,
)
from cobrowse_session.lifecycle.actions import finish_wrapup
from cobrowse_session.lifecycle.deadline import after, after_call_work_due
from cobrowse_session.lifecycle.guards import has_other_grant
from cobrowse_session.lifecycle.policy import Policy, prompt_in_force
from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION
from cobrowse_session.model import Communication
from cobrowse_session.segments import Segments
from cobrowse_session.testing import START, Stream, run, stream
from cobrowse_session.times import MAX_TIME
from cobrowse_session.vocabulary import UnknownPrompt, WrapupPrompt

SECOND = timedelta(seconds=1)
MANDATORY = Settings(wrapup_prompt=WrapupPrompt.MANDATORY)


def at(seconds: float) -> datetime:
    return START + seconds * SECOND


def ended(**values: Any) -> CobrowseSession:
    """A leg that ended ten seconds after the start, with after-call work unless it is said otherwise. `Any`: its attributes."""
    work = AfterCallWork(state="pending", start_time=at(10))
    common = {"id": "s1", "state": "disconnected", "connected_time": START, "disconnected_time": at(10), "settings": MANDATORY}
    return CobrowseSession(**{**common, "after_call_work": work, "provider_event_time": at(10), **values})


def later(seconds: float) -> Stream:
    return Stream("s1", at(seconds))


def applied(session: CobrowseSession, events: Stream) -> CobrowseSession:
    final: CobrowseSession = run(events, session=session).session
    return final


# --- After-call work ----------------------------------------------------------------------------------------------------------


def test_after_call_work_that_began_later_than_the_leg_ended_keeps_its_start() -> None:  # ACW-25
    session = ended(after_call_work=AfterCallWork(state="pending", start_time=at(12)), wrapup=Wrapup(code="sale"))

    work = applied(session, later(20).done()).after_call_work

    assert work == AfterCallWork(state="complete", start_time=at(12), end_time=at(20))


def test_a_wrapup_that_is_final_before_the_leg_ended_lasted_no_time() -> None:  # ACW-20
    session = ended(disconnected_time=at(30), wrapup=Wrapup(code="sale"))
    (event,) = later(20).done()

    finish_wrapup(session, event, Policy())

    assert session.wrapup == Wrapup(code="sale", end_time=at(20), duration_seconds=0)


def test_a_draft_with_an_end_becomes_final_and_keeps_its_end() -> None:  # ACW-20
    session = ended(wrapup=Wrapup(code="sale", provisional=True, end_time=at(12), duration_seconds=2))

    saved = applied(session, later(20).done()).wrapup

    assert saved == Wrapup(code="sale", end_time=at(12), duration_seconds=2)


def test_the_timers_code_is_withdrawn_with_its_name() -> None:  # ACW-39
    code = Lifecycle().timeout_code
    session = ended(
        after_call_work=AfterCallWork(state="complete", start_time=at(10), end_time=at(12)),
        wrapup=Wrapup(code=code, name="Timed out", notes="n", end_time=at(12), duration_seconds=2),
    )

    saved = applied(session, later(20).event(AfterCallWorkStarted)).wrapup

    assert saved == Wrapup(notes="n", provisional=True)


# --- Segments -----------------------------------------------------------------------------------------------------------------


def test_a_segment_keeps_the_disconnect_type_that_it_has() -> None:  # SEG-1
    segments = Segments((Segment(start_time=START, type="Alert", disconnect_type="peer"),))
    session = CobrowseSession(id="s1", state="alerting", segments=segments, provider_event_time=START)

    found = applied(session, later(5).connected()).segments

    assert found is not None
    first, second = found
    assert (first.end_time, first.disconnect_type) == (at(5), "peer")
    assert (second.start_time, second.disconnect_type) == (at(5), None)


def test_a_segment_that_ended_before_the_leg_keeps_its_end() -> None:  # SEG-4
    segments = Segments((Segment(start_time=START, end_time=at(3), type="Alert", how_ended="Transfer"),))
    session = CobrowseSession(id="s1", state="alerting", segments=segments, provider_event_time=START)

    found = applied(session, later(5).disconnected("peer")).segments

    assert found is not None
    (only,) = found
    assert (only.end_time, only.how_ended, only.disconnect_type) == (at(3), "Transfer", "peer")


# --- Deadlines and settings ---------------------------------------------------------------------------------------------------


def test_a_deadline_may_be_the_last_time_that_there_is_and_not_later() -> None:
    assert after(MAX_TIME - SECOND, SECOND) == MAX_TIME
    assert after(MAX_TIME - SECOND, 2 * SECOND) is None


def test_without_after_call_work_there_is_no_deadline_of_it() -> None:
    session = CobrowseSession(id="s1", state="disconnected")

    assert after_call_work_due(session, Policy(acw_timeout=SECOND)) is None


def test_an_unknown_prompt_is_optional_in_force() -> None:
    assert prompt_in_force(Settings(wrapup_prompt=UnknownPrompt("someday"))) is WrapupPrompt.OPTIONAL


def test_a_grant_is_news_for_a_session_that_has_no_room_for_one() -> None:  # SAME-5
    (event,) = stream("s1").alerting(controlling=("p1",))

    assert has_other_grant(Communication(id="s1", state="alerting"), event, Policy())


@pytest.mark.parametrize(
    ("arguments", "setting", "expected", "found"),
    [
        ({"timeout_code": ""}, "timeout_code", "a wrap-up code", "''"),
        (
            {"settings": Settings(wrapup_prompt=WrapupPrompt.TIMEOUT)},
            "wrapup_timeout",
            "a timeout, because the prompt timeout has a time limit",
            "None",
        ),
    ],
)
def test_a_lifecycle_names_the_setting_that_makes_no_sense(
    arguments: dict[str, Any], setting: str, expected: str, found: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        Lifecycle(**arguments)

    assert (raised.value.setting, raised.value.expected, raised.value.found) == (setting, expected, found)


def test_an_empty_id_is_named() -> None:
    with pytest.raises(ValueError, match=r"^session_id: expected text that is not empty"):
        Lifecycle().new("")


def test_what_is_no_event_is_shown() -> None:
    wrong: Any = 3
    with pytest.raises(TypeError, match=r"^expected an Event \(decode_event reads one from CloudEvents JSON\), found 3$"):
        Lifecycle().apply(Lifecycle().new("s1"), wrong)


def test_an_empty_trace_has_no_timer_of_the_last_resort() -> None:
    assert Lifecycle().last_resort_in([]) == 0


# --- Outcomes -----------------------------------------------------------------------------------------------------------------


def test_an_outcome_of_two_rows_has_the_reasons_and_the_rules_of_both() -> None:
    outcome = run(stream("s1").connected(wrapup_prompt="mandatory").after(5).disconnected()).steps[-1].outcome
    first = next(row for row in CONNECTION if row.name == "ended")
    second = next(row for row in AFTER_CALL_WORK if row.name == "begins")

    assert outcome.row == "ended+begins"
    assert outcome.reason == f"{first.reason} {second.reason}"
    assert outcome.cites == (*first.cites, *second.cites)


def test_a_match_has_every_attribute_and_is_of_the_class() -> None:
    outcome = Refused(row="r", rule="no_way_back", reason="No.", from_state="connected")

    assert repr(Refused.match(row="r", rule="s")) == "Refused.match(row='r', rule='s')"
    assert outcome == Refused.match(row="r", rule="no_way_back")
    assert outcome != Refused.match(row="r", rule="other")
    assert Refused.match(row=3) != object()
    with pytest.raises(TypeError, match=r"^Refused has no attribute colour, size$"):
        Refused.match(size=1, colour=2)


def test_a_row_that_cannot_decide_does_not_hide_the_rows_behind_it() -> None:
    session = run(stream("s1").connected(wrapup_prompt="mandatory").after(5).disconnected()).session
    (wrapup,) = (one for one in Lifecycle().allowed(session, at(6)) if one.event is WrapupSaved)

    assert wrapup.answer == "depends"
    assert {"code_required", "duplicate"} <= {*wrapup.rules}  # `skipped_by_agent`, before the duplicate, decides nothing


def test_in_the_past_everything_is_stale_for_a_reason() -> None:
    lifecycle = Lifecycle()
    session = run(stream("s1").alerting().after(5).connected()).session
    answers = lifecycle.allowed(session, now=START)

    assert {answer.answer for answer in answers} == {"no"}
    assert {answer.rules for answer in answers} == {("stale",)}
    assert all(len(answer.reasons) == 1 and answer.reasons[0].endswith(".") for answer in answers)
