"""What the platform reports of after-call work: that it is pending, or that there is none (docs/lifecycle.md, section 5)."""

from typing import Any

import pytest
from attrs import evolve
from tests.strategies import at

from cobrowse_session import Applied, Context, Duplicate, Fired, Ignored, Lifecycle, Refused, Settings, UnknownPrompt, Wrapup
from cobrowse_session.stream import SessionLog, fold
from cobrowse_session.testing import Stream, run, stream
from cobrowse_session.wire import encode_session
from cobrowse_session.wire.trace import trace_entry

TIMED: dict[str, Any] = {"wrapup_prompt": "timeout", "wrapup_timeout": 30}


def ended(**said: Any) -> Stream:
    """Connected at 0 s, ended at 10 s."""
    return stream().connected(**said).after(10).disconnected("peer")


@pytest.mark.parametrize("before", [stream(), stream().alerting(), stream().connected()], ids=["none", "alerting", "connected"])
def test_before_the_end_it_is_refused(before: Stream) -> None:  # ACW-35
    assert run(before.after(1).started(**TIMED)).outcomes[-1] == Refused.match(rule="not_ended")


@pytest.mark.parametrize(
    "before",
    [
        ended(),
        ended(wrapup_prompt="none"),
        ended(wrapup_prompt="agentRequested"),
        ended(wrapup_prompt="mandatory").after(1).wrapup("sale"),
        ended(wrapup_prompt="optional").after(1).done(),
        stream().alerting().after(10).disconnected("client"),
    ],
    ids=["no prompt", "prompt none", "skipped by rule", "complete", "skipped", "unanswered"],
)
def test_in_every_state_it_makes_work_pending_from_the_end_of_the_leg(before: Stream) -> None:  # KIND-8, ACW-37
    ran = run(before.after(5).started())

    assert ran.outcomes[-1] == Applied.match(row="started_by_platform", acw="pending")
    ran.expect(after_call_work__start_time=at(10), after_call_work__end_time=None)


# KIND-8, SETTING-4, SAME-4, SAME-5, ACW-36, ACW-40
def test_pending_already_and_no_news_is_a_duplicate_and_new_settings_are_taken_after_the_end() -> None:
    pending = ended(**TIMED).after(1)

    assert run(pending.started()).outcomes[-1] == Duplicate.match(acw="pending")
    assert run(pending.started(wrapup_timeout=30)).outcomes[-1] == Duplicate.match()
    longer = run(pending.started(wrapup_timeout=600))
    assert longer.outcomes[-1] == Applied.match(row="details")
    assert Lifecycle().deadline(longer.session) == at(610)
    assert run(pending.started(controlling=["p"])).outcomes[-1] == Ignored.match(rule="not_connected")


def test_ten_more_minutes_after_the_timer_reopen_the_work_and_withdraw_its_code() -> None:
    ran = run(ended(**TIMED).after(40).started(wrapup_timeout=630), until=at(700))

    assert ran.outcomes[-3:] == [Fired.match(at=at(40)), Applied.match(row="started_by_platform"), Fired.match(at=at(640))]
    ran.expect(after_call_work__end_time=at(640), wrapup__code="ININ-WRAP-UP-TIMEOUT", wrapup__end_time=at(640))


def test_the_timers_of_a_session_are_known_by_their_number() -> None:  # TRACE-11
    call = ended(**TIMED).after(40).started(wrapup_timeout=630)
    log = SessionLog(Lifecycle(), "s1")
    for event in call.events[:2]:
        log.add(event)
    log.advance(at(700))
    change = log.add(call.events[2])
    saved = log.add(ended().after(5).wrapup("sale", id="w").events[-1])

    assert [row["type"] for row in map(trace_entry, log.trace)].count("timer.acw") == 1
    assert [step.event.occurred_at for step in change.new] == [at(50), at(640)]
    assert [step.event.occurred_at for step in saved.withdrawn] == [at(640)]
    assert [(before.event.occurred_at, after.event.occurred_at) for before, after in saved.changed][:1] == [(at(40), at(640))]


@pytest.mark.parametrize(("passed", "row"), [(30, "duplicate"), (30.001, "deadline_passed")])
def test_later_than_the_deadline_that_it_would_have_it_is_ignored(passed: float, row: str) -> None:  # SAME-1, ACW-41
    outcome = run(ended(**TIMED).after(passed).started()).outcomes[-1]

    assert outcome.row == row
    assert outcome.kind == ("ignored" if row == "deadline_passed" else row)
    assert run(ended().after(61).started(**TIMED)).session.settings == Settings()  # ignored: none are taken


@pytest.mark.parametrize("prompt", [None, "none", UnknownPrompt("new")])
def test_where_no_prompt_is_known_pending_work_counts_as_optional(prompt: Any) -> None:  # ACW-42
    pending = ended(wrapup_prompt=prompt).after(1).started(wrapup_timeout=5)

    assert Lifecycle().deadline(run(pending).session) is None
    assert run(pending.after(1).done()).outcomes[-1] == Applied.match(acw="skipped")
    assert run(pending.after(1).wrapup("sale")).outcomes[-1] == Applied.match(acw="complete")


# --- The wrap-up --------------------------------------------------------------------------------------------------------------


def test_while_work_is_pending_a_wrapup_has_no_end() -> None:  # ACW-38
    again = ended(wrapup_prompt="mandatory").after(1).wrapup("sale", name="Sale").after(1).started()

    run(again).expect(wrapup=Wrapup(code="sale", name="Sale"))
    kept = again.after(3).wrapup("other", disable_end_time_updates=True)
    run(kept).expect(wrapup=Wrapup(code="other", end_time=at(15), duration_seconds=5), after_call_work__end_time=at(15))


@pytest.mark.parametrize(
    ("draft", "left"),
    [
        ({}, None),
        ({"notes": "call back"}, Wrapup(notes="call back", provisional=True)),
        ({"tags": ["a"]}, Wrapup(tags=("a",), provisional=True)),
    ],
)
def test_the_timers_code_is_withdrawn_and_what_is_left_is_draft(draft: dict[str, Any], left: Wrapup | None) -> None:  # ACW-39
    pending = ended(**TIMED).after(1).wrapup(provisional=True, **draft) if draft else ended(**TIMED).after(1)

    run(pending.after(60).started(wrapup_timeout=600)).expect(wrapup=left)


def test_the_timeout_code_is_a_setting_of_the_lifecycle_and_withdrawn_by_being_it() -> None:
    """A code that the agent saved is not the timer's, though it is the default of another platform. ACW-24, ACW-39."""
    lifecycle = Lifecycle(timeout_code="OTHER")
    timed_out = ended(**TIMED).after(60)
    saved = ended(wrapup_prompt="mandatory").after(1).wrapup("ININ-WRAP-UP-TIMEOUT").after(1)

    run(timed_out.updated(), lifecycle=lifecycle).expect(wrapup__code="OTHER", wrapup__name=None)
    run(timed_out.started(wrapup_timeout=600), lifecycle=lifecycle).expect(wrapup=None)
    run(saved.started(), lifecycle=lifecycle).expect(wrapup=Wrapup(code="ININ-WRAP-UP-TIMEOUT"))


def test_a_report_of_skipped_withdraws_the_timers_code_and_one_of_complete_does_not() -> None:  # ACW-30
    timed_out = ended(**TIMED).after(60)

    run(timed_out.platform("skipped")).expect(wrapup=None, after_call_work__state="skipped")
    run(timed_out.platform("complete")).expect(wrapup__code="ININ-WRAP-UP-TIMEOUT", wrapup__end_time=at(40))


# --- There is none ------------------------------------------------------------------------------------------------------------


def test_not_applicable_makes_work_absent_and_a_wrapup_without_an_end_final_at_the_end_of_the_leg() -> None:  # KIND-12, ACW-31
    pending = ended(wrapup_prompt="mandatory").after(1).wrapup("sale", provisional=True).after(1).platform("notApplicable")

    ran = run(pending)

    assert ran.outcomes[-1] == Applied.match(row="none_by_platform", acw=None)
    ran.expect(after_call_work=None, wrapup=Wrapup(code="sale", end_time=at(10), duration_seconds=0))


def test_not_applicable_keeps_the_end_of_a_wrapup_and_withdraws_the_timers_code() -> None:  # ACW-30, ACW-32
    run(ended(wrapup_prompt="mandatory").after(1).wrapup("sale").after(1).platform("notApplicable")).expect(
        after_call_work=None, wrapup__end_time=at(11)
    )
    run(ended(**TIMED).after(60).platform("notApplicable")).expect(after_call_work=None, wrapup=None)


def test_not_applicable_where_there_is_none_is_a_duplicate_and_before_the_end_refused() -> None:
    assert run(ended().after(1).platform("notApplicable")).outcomes[-1] == Duplicate.match()
    assert run(stream().connected().platform("notApplicable")).outcomes[-1] == Refused.match(rule="not_ended")
    assert run(ended(**TIMED).platform("notApplicable").after(1).done()).outcomes[-1] == Refused.match(rule="no_after_call_work")


# --- Context ------------------------------------------------------------------------------------------------------------------


def test_the_context_is_of_each_field_what_the_latest_event_in_order_states_whatever_its_outcome() -> None:  # CONTEXT-3
    call = (
        stream()
        .alerting(conversation_id="c1", queue_id="q1", purpose="agent")
        .after(1)
        .unknown(user_id="u1")
        .after(1)
        .wrapup("refused", queue_id="q2", media_type="call", participant_id="p1")
    )
    context = fold(reversed(call.events)).context

    assert (context.conversation_id, context.queue_id, context.purpose) == ("c1", "q2", "agent")
    assert (context.user_id, context.media_type, context.participant_id) == ("u1", "call", "p1")


def test_the_context_is_beside_the_session_outside_its_json_and_its_equality() -> None:  # CONTEXT-2
    call = ended(wrapup_prompt="mandatory")
    known = fold(evolve(event, context=Context(queue_id="q1", user_id="u1")) for event in call)
    unknown = fold(call)

    assert (known.context, unknown.context) == (Context(queue_id="q1", user_id="u1"), Context())
    assert known.session == unknown.session
    assert encode_session(known.session) == encode_session(unknown.session)
