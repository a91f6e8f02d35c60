"""After-call work, from the end of the leg to whatever ends it (docs/lifecycle.md, section 5)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from cobrowse_session import (
    AfterCallWork,
    AfterCallWorkState,
    Applied,
    CobrowseSession,
    DisconnectType,
    Duplicate,
    Fired,
    Ignored,
    Lifecycle,
    Refused,
    Settings,
    Stale,
    UnknownPrompt,
    WrapupPrompt,
)
from cobrowse_session.testing import START, Stream, run, stream

Act = Callable[[Stream], Stream]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def work(state: str, start: float, end: float | None = None) -> AfterCallWork:
    ended = None if end is None else at(end)
    return AfterCallWork(state=AfterCallWorkState(state), start_time=at(start), end_time=ended)


# --- The end of the leg: ACW-3 to ACW-6 ---------------------------------------------------------------------------------------

OPTIONAL: dict[str, Any] = {"wrapup_prompt": "optional"}
MANDATORY: dict[str, Any] = {"wrapup_prompt": "mandatory"}
TIMEOUT: dict[str, Any] = {"wrapup_prompt": "timeout", "wrapup_timeout": 30}
FORCED: dict[str, Any] = {"wrapup_prompt": "forcedTimeout", "wrapup_timeout": 30}
ENDLESS: dict[str, Any] = {"wrapup_prompt": "forcedTimeout"}
REQUESTED: dict[str, Any] = {"wrapup_prompt": "agentRequested"}
UNHEARD: dict[str, Any] = {"wrapup_prompt": UnknownPrompt("unheard")}
NO_WORK: dict[str, Any] = {"wrapup_prompt": "none"}


def alerting(**settings: Any) -> Stream:
    return stream().alerting(**settings).after(10)


def connected(**settings: Any) -> Stream:
    return stream().connected(**settings).after(10)


DEFAULT = Lifecycle()
UNANSWERED = Lifecycle(acw_when_unanswered=True)
NO_TRANSFER = Lifecycle(acw_after_transfer=False)
NEITHER = Lifecycle(acw_when_unanswered=True, acw_after_transfer=False)
LADDER = [
    pytest.param(DEFAULT, alerting(**MANDATORY), "client", None, id="ACW-3 never connected"),
    pytest.param(DEFAULT, stream().updated(**MANDATORY).after(10), "peer", None, id="ACW-3 first seen ended"),
    pytest.param(DEFAULT, connected(), "peer", None, id="ACW-3 no prompt"),
    pytest.param(DEFAULT, connected(**NO_WORK), "peer", None, id="ACW-3 prompt none"),
    pytest.param(NO_TRANSFER, alerting(**MANDATORY), "transfer", None, id="ACW-3 before ACW-4, never connected"),
    pytest.param(NO_TRANSFER, connected(), "transfer", None, id="ACW-3 before ACW-4, no prompt"),
    pytest.param(DEFAULT, alerting(**REQUESTED), "client", None, id="ACW-3 before ACW-5"),
    pytest.param(DEFAULT, connected().wrapup("sale"), "peer", None, id="ACW-3 before ACW-6"),
    pytest.param(UNANSWERED, alerting(**MANDATORY), "client", "pending", id="ACW-8 unanswered"),
    pytest.param(UNANSWERED, stream().updated(**MANDATORY).after(10), "peer", "pending", id="ACW-8 unanswered, first seen ended"),
    pytest.param(UNANSWERED, alerting(), "client", None, id="ACW-8 unanswered, still no prompt"),
    pytest.param(NEITHER, alerting(**MANDATORY), "transfer", "skipped", id="ACW-8 unanswered, on to ACW-4"),
    pytest.param(UNANSWERED, alerting(**REQUESTED), "client", "skipped", id="ACW-8 unanswered, on to ACW-5"),
    pytest.param(NO_TRANSFER, connected(**MANDATORY), "transfer", "skipped", id="ACW-4 transferred"),
    pytest.param(NO_TRANSFER, connected(**REQUESTED).required(), "transfer", "skipped", id="ACW-4 before ACW-5"),
    pytest.param(NO_TRANSFER, connected(**MANDATORY).wrapup("sale"), "transfer", "skipped", id="ACW-4 before ACW-6"),
    pytest.param(NO_TRANSFER, connected(**FORCED), "transfer", "skipped", id="ACW-4 before ACW-6, forcedTimeout"),
    pytest.param(DEFAULT, connected(**MANDATORY), "transfer", "pending", id="ACW-9 by default"),
    pytest.param(DEFAULT, connected(**REQUESTED), "transfer", "skipped", id="ACW-9 by default, on to ACW-5"),
    pytest.param(DEFAULT, connected(**MANDATORY).wrapup("sale"), "transfer", "pending", id="ACW-9 by default, on to ACW-6"),
    pytest.param(DEFAULT, connected(**REQUESTED), "peer", "skipped", id="ACW-5 not requested"),
    pytest.param(DEFAULT, connected(**REQUESTED).required(False), "peer", "skipped", id="ACW-5 not wanted"),
    pytest.param(DEFAULT, connected(**REQUESTED).required().required(False), "peer", "skipped", id="ACW-5 taken back"),
    pytest.param(DEFAULT, connected(**REQUESTED).wrapup("sale"), "peer", "skipped", id="ACW-5 before ACW-6"),
    pytest.param(DEFAULT, connected(**REQUESTED).required(), "peer", "pending", id="ACW-5 requested"),
    pytest.param(DEFAULT, connected(**MANDATORY).required(False), "peer", "pending", id="ACW-5 another prompt"),
    pytest.param(DEFAULT, connected(**OPTIONAL).wrapup("sale"), "peer", "pending", id="ACW-6 optional, prepared"),
    pytest.param(DEFAULT, connected(**UNHEARD).wrapup("sale"), "peer", "pending", id="ACW-6 unknown prompt, prepared"),
    pytest.param(DEFAULT, connected(**MANDATORY).wrapup("sale"), "peer", "pending", id="ACW-6 mandatory, prepared"),
    pytest.param(DEFAULT, connected(**TIMEOUT).wrapup("sale"), "peer", "pending", id="ACW-6 timeout, prepared"),
    pytest.param(DEFAULT, connected(**REQUESTED).required().wrapup("sale"), "peer", "pending", id="ACW-6 requested, prepared"),
    pytest.param(DEFAULT, connected(**FORCED).wrapup("sale"), "peer", "pending", id="ACW-6 forcedTimeout, prepared"),
    pytest.param(DEFAULT, connected(**ENDLESS).wrapup("sale"), "peer", "pending", id="ACW-6 endless, prepared"),
    pytest.param(DEFAULT, connected(**MANDATORY).wrapup("x", provisional=True), "peer", "pending", id="ACW-6 draft"),
    pytest.param(DEFAULT, connected(**MANDATORY), None, "pending", id="ACW-6 no disconnect type"),
    pytest.param(DEFAULT, connected(**FORCED), "peer", "pending", id="ACW-6 forcedTimeout"),
]


@pytest.mark.parametrize("end", ["disconnected", "terminated"])
@pytest.mark.parametrize(("lifecycle", "before", "disconnect_type", "state"), LADDER)
# CONN-12, CONN-13, ACW-1, ACW-2, ACW-3, ACW-4, ACW-5, ACW-6, ACW-8, ACW-9, ACW-10, ACW-11, ACW-47
def test_what_the_end_of_the_leg_decides(
    lifecycle: Lifecycle, before: Stream, disconnect_type: str | None, state: str | None, end: str
) -> None:
    ran = run(getattr(before.after(50), end)(disconnect_type), lifecycle=lifecycle)
    assert ran.outcomes[-1] == Applied.match(to_state=end, acw=state)
    if state is None:
        ran.expect(after_call_work=None)
    else:
        ran.expect(after_call_work=work(state, 60, None if state == "pending" else 60))


@pytest.mark.parametrize(
    ("disconnect_type", "state"),
    [
        *((kind, "skipped" if kind.startswith("transfer") else "pending") for kind in DisconnectType),
        ("TRANSFER", "skipped"),
        ("Transfer.Consult", "skipped"),
        ("transfer.to.the.moon", "skipped"),
        ("TRANSFER-ELSEWHERE", "skipped"),
        ("after.transfer", "pending"),
        ("unheard", "pending"),
    ],
)
# ACW-4, ACW-9
def test_a_disconnect_type_that_begins_with_transfer_skips_only_where_asked_for(disconnect_type: str, state: str) -> None:
    ended = connected(**MANDATORY).disconnected(disconnect_type)

    run(ended, lifecycle=NO_TRANSFER).expect(after_call_work__state=state)
    run(ended).expect(after_call_work__state="pending")


def test_a_wrapup_prepared_while_connected_does_not_end_after_call_work_and_done_does() -> None:  # ACW-10, ACW-19
    ended = connected(**MANDATORY).wrapup("sale").disconnected("peer")

    run(ended).expect(after_call_work=work("pending", 10), wrapup__code="sale", wrapup__end_time=None)
    run(ended.after(7).done()).expect(after_call_work=work("complete", 10, 17), wrapup__code="sale", wrapup__end_time=at(17))


def test_the_first_end_decides_and_the_second_does_not_restart_it() -> None:
    run(connected(**MANDATORY).disconnected("peer").after(5).terminated("peer")).expect(after_call_work=work("pending", 10))


@pytest.mark.parametrize("prompt", [None, *WrapupPrompt, UnknownPrompt("unheard")])
@pytest.mark.parametrize("default", [None, *WrapupPrompt])
# SETTING-3
def test_none_says_that_the_leg_has_none_and_silence_takes_the_default(default: str | None, prompt: str | None) -> None:
    lifecycle = Lifecycle(settings=Settings(wrapup_prompt=default, wrapup_timeout=timedelta(seconds=30)))
    effective = prompt if prompt is not None else default
    ran = run(connected(wrapup_prompt=prompt).required().disconnected("peer"), lifecycle=lifecycle)
    ran.expect(after_call_work=None if effective in (None, "none") else work("pending", 10))


# --- While pending ------------------------------------------------------------------------------------------------------------

WHILE_PENDING = """
act                       optional  mandatory      timeout        forcedTimeout  agentRequested
final                     complete  complete       complete       pending        complete
draft                     pending   pending        pending        pending        pending
draft_without_code        pending   pending        pending        pending        pending
skip                      skipped   code_required  code_required  no_early_exit  skipped
skip_after_draft          skipped   code_required  code_required  no_early_exit  skipped
done_after_draft          complete  complete       complete       no_early_exit  complete
done_without_code         skipped   code_required  code_required  no_early_exit  skipped
done_after_codeless_draft skipped   code_required  code_required  no_early_exit  skipped
offline_after_draft       complete  complete       complete       complete       complete
offline_without_code      complete  complete       complete       complete       complete
report_of_complete        complete  complete       complete       complete       complete
report_of_skipped         skipped   skipped        skipped        skipped        skipped
"""
ACTS: dict[str, Act] = {
    "final": lambda pending: pending.wrapup("sale"),
    "draft": lambda pending: pending.wrapup("sale", provisional=True),
    "draft_without_code": lambda pending: pending.wrapup(notes="call back", provisional=True),
    "skip": lambda pending: pending.wrapup(),
    "skip_after_draft": lambda pending: pending.wrapup("sale", provisional=True).wrapup(),
    "done_after_draft": lambda pending: pending.wrapup("sale", provisional=True).done(),
    "done_without_code": lambda pending: pending.done(),
    "done_after_codeless_draft": lambda pending: pending.wrapup(notes="call back", provisional=True).done(),
    "offline_after_draft": lambda pending: pending.wrapup("sale", provisional=True).offline(),
    "offline_without_code": lambda pending: pending.offline(),
    "report_of_complete": lambda pending: pending.platform("complete"),
    "report_of_skipped": lambda pending: pending.platform("skipped"),
}
PROMPTS = [
    ("optional", "optional", None),
    ("optional", "optional", 30),
    ("OPTIONAL", "optional", 30),
    (UnknownPrompt("unheard"), "optional", 30),
    ("mandatory", "mandatory", None),
    ("mandatory", "mandatory", 30),
    ("MANDATORY", "mandatory", None),
    ("timeout", "timeout", 30),
    ("MANDATORY_TIMEOUT", "timeout", 30),
    ("timeout", "mandatory", None),
    ("forcedTimeout", "forcedTimeout", 30),
    ("MANDATORY_FORCED_TIMEOUT", "forcedTimeout", 30),
    ("forcedTimeout", "mandatory", None),
    ("agentRequested", "agentRequested", None),
    ("agentRequested", "agentRequested", 30),
    ("AGENT_REQUESTED", "agentRequested", 30),
]


def cells() -> list[tuple[str, str, int | None, str]]:
    (_, *columns), *rows = map(str.split, WHILE_PENDING.strip().splitlines())
    return [
        (act, prompt, timeout, dict(zip(columns, verdicts, strict=True))[column])
        for act, *verdicts in rows
        for prompt, column, timeout in PROMPTS
    ]


def pending(prompt: str, timeout: int | None = None) -> Stream:
    asked = stream().connected(wrapup_prompt=prompt, wrapup_timeout=timeout).after(10).required()
    return asked.after(50).disconnected("peer")


@pytest.mark.parametrize(("act", "prompt", "timeout", "verdict"), cells())
# KIND-9, KIND-10, KIND-11, KIND-12, SETTING-6, SETTING-7, ACW-12, ACW-13, ACW-14, ACW-15, ACW-16, ACW-17, ACW-19
def test_while_after_call_work_is_pending(act: str, prompt: str, timeout: int | None, verdict: str) -> None:
    ran = run(ACTS[act](pending(prompt, timeout).after(10)))
    if verdict in set(AfterCallWorkState):
        assert ran.outcomes[-1] == Applied.match(acw=verdict), ran.story()
        ran.expect(after_call_work=work("pending", 60) if verdict == "pending" else work(verdict, 60, 70))
    else:
        assert ran.outcomes[-1] == Refused.match(rule=verdict, acw="pending"), ran.story()
        ran.expect(after_call_work=work("pending", 60))


# --- The deadline -------------------------------------------------------------------------------------------------------------

DEADLINES = [
    ("optional", None, None),
    ("optional", 30, None),
    (UnknownPrompt("unheard"), 30, None),
    ("mandatory", None, None),
    ("mandatory", 30, None),
    ("timeout", None, None),
    ("timeout", 30, 90),
    ("MANDATORY_TIMEOUT", 30, 90),
    ("forcedTimeout", None, None),
    ("forcedTimeout", 30, 90),
    ("MANDATORY_FORCED_TIMEOUT", 30, 90),
    ("agentRequested", None, None),
    ("agentRequested", 30, 90),
    ("AGENT_REQUESTED", 30, 90),
]
LIMITED = ["timeout", "forcedTimeout", "agentRequested"]


@pytest.mark.parametrize(("prompt", "timeout", "deadline"), DEADLINES)
# SETTING-6, SETTING-7, ACW-18
def test_which_prompts_have_a_deadline(prompt: str, timeout: int | None, deadline: int | None) -> None:
    assert Lifecycle().deadline(run(pending(prompt, timeout)).session) == (None if deadline is None else at(deadline))
    run(pending(prompt, timeout), until=at(86400)).expect(
        after_call_work=work("pending", 60) if deadline is None else work("complete", 60, deadline)
    )


@pytest.mark.parametrize("prompt", LIMITED)
def test_the_deadline_fires_when_it_is_reached_and_not_before(prompt: str) -> None:  # STAMP-6, ACW-18
    run(pending(prompt, 30), until=at(89.999)).expect(after_call_work=work("pending", 60), wrapup=None)
    run(pending(prompt, 30), until=at(90)).expect(
        Applied.match(),
        Applied.match(),
        Applied.match(acw="pending"),
        Fired.match(timer="timer.acw", at=at(90), from_state="disconnected", to_state="disconnected", acw="complete"),
        after_call_work=work("complete", 60, 90),
        provider_event_time=at(60),
    )


@pytest.mark.parametrize("prompt", LIMITED)
def test_the_end_is_the_deadline_itself_not_when_it_was_noticed(prompt: str) -> None:  # ACW-25
    for noticed in (run(pending(prompt, 30), until=at(7200)), run(pending(prompt, 30).after(7200).updated(peer_id="p"))):
        noticed.expect(after_call_work=work("complete", 60, 90), wrapup__end_time=at(90), wrapup__duration_seconds=30)


@pytest.mark.parametrize("prompt", LIMITED)
def test_an_event_at_the_deadline_comes_before_it(prompt: str) -> None:  # ACW-26
    ran = run(pending(prompt, 30).after(30).platform("skipped"), until=at(90))
    assert ran.outcomes[-1] == Applied.match(acw="skipped", fired=())
    ran.expect(after_call_work=work("skipped", 60, 90), wrapup=None)


@pytest.mark.parametrize("prompt", ["timeout", "agentRequested"])
def test_a_code_saved_at_the_deadline_is_in_time(prompt: str) -> None:  # ACW-26
    run(pending(prompt, 30).after(30).wrapup("sale"), until=at(90)).expect(
        after_call_work=work("complete", 60, 90), wrapup__code="sale", wrapup__end_time=at(90)
    )


@pytest.mark.parametrize("prompt", LIMITED)
def test_an_event_after_the_deadline_comes_after_it(prompt: str) -> None:
    ran = run(pending(prompt, 30).after(30.001).done())
    assert ran.outcomes[-2:] == [Fired.match(at=at(90), acw="complete"), Duplicate.match(acw="complete")]
    ran.expect(after_call_work=work("complete", 60, 90), wrapup__code="ININ-WRAP-UP-TIMEOUT")


SAVED: list[tuple[str, Act, dict[str, Any]]] = [
    ("nothing", lambda s: s, {"code": "ININ-WRAP-UP-TIMEOUT", "name": None, "notes": None}),
    (
        "a draft",
        lambda s: s.wrapup("sale", name="Sale", notes="n", provisional=True),
        {"code": "sale", "name": "Sale", "notes": "n"},
    ),
    (
        "a draft without a code",
        lambda s: s.wrapup(name="Sale", provisional=True),
        {"code": "ININ-WRAP-UP-TIMEOUT", "name": None},
    ),
    (
        "a draft with an empty code",
        lambda s: s.wrapup("", name="Sale", provisional=True),
        {"code": "ININ-WRAP-UP-TIMEOUT", "name": None},
    ),
]


@pytest.mark.parametrize("prompt", LIMITED)
@pytest.mark.parametrize(("save", "expected"), [pytest.param(*rest, id=name) for name, *rest in SAVED])
# ACW-20, ACW-22, ACW-23
def test_the_code_at_the_deadline_is_the_saved_one_or_the_platforms(save: Act, expected: dict[str, Any], prompt: str) -> None:
    run(save(pending(prompt, 30).after(5)), until=at(90)).expect(
        after_call_work=work("complete", 60, 90),
        wrapup__provisional=False,
        wrapup__end_time=at(90),
        wrapup__duration_seconds=30,
        **{f"wrapup__{name}": value for name, value in expected.items()},
    )


@pytest.mark.parametrize("prepare", [True, False])
def test_forced_timeout_keeps_a_final_code_to_the_deadline(*, prepare: bool) -> None:
    forced = connected(**FORCED)
    saved = forced.wrapup("sale").disconnected("peer") if prepare else forced.disconnected("peer").after(5).wrapup("sale")
    run(saved, until=at(39)).expect(after_call_work=work("pending", 10), wrapup__code="sale", wrapup__end_time=None)
    run(saved, until=at(40)).expect(
        after_call_work=work("complete", 10, 40),
        wrapup__code="sale",
        wrapup__end_time=at(40),
        wrapup__duration_seconds=30,
    )


# --- The platform's own report ------------------------------------------------------------------------------------------------

ENDED: dict[str, tuple[Stream, float | None]] = {
    "absent": (connected().disconnected("peer").after(5), None),
    "absent, unanswered": (stream().alerting().after(10).disconnected("client").after(5), None),
    "pending": (connected(**MANDATORY).disconnected("peer").after(5), None),
    "complete by code": (connected(**MANDATORY).disconnected("peer").after(5).wrapup("sale"), 15),
    "skipped by the agent": (connected(wrapup_prompt="optional").disconnected("peer").after(5).done(), None),
    "skipped by rule": (connected(**REQUESTED).disconnected("peer").after(5), None),
    "reported before": (connected(**MANDATORY).disconnected("peer").after(5).platform("complete"), None),
}


@pytest.mark.parametrize("state", ["complete", "skipped"])
@pytest.mark.parametrize("before", ENDED)
def test_a_report_replaces_state_and_end_once_the_leg_has_ended(before: str, state: str) -> None:  # ACW-1, ACW-27, ACW-28, ACW-29
    events, wrapup_end = ENDED[before]
    ran = run(events.after(5).platform(state))
    assert ran.outcomes[-1] == Applied.match(acw=state)
    ran.expect(after_call_work=work(state, 10, 20), provider_event_time=at(20))
    if wrapup_end is None:
        ran.expect(wrapup=None)
    else:
        ran.expect(wrapup__end_time=at(wrapup_end))


def test_a_report_replaces_the_timers_end_and_leaves_the_wrapups_own() -> None:  # ACW-32
    run(pending("timeout", 30).after(40).platform("complete")).expect(
        Applied.match(),
        Applied.match(),
        Applied.match(),
        Fired.match(at=at(90)),
        Applied.match(acw="complete"),
        after_call_work=work("complete", 60, 100),
        wrapup__code="ININ-WRAP-UP-TIMEOUT",
        wrapup__end_time=at(90),
        wrapup__duration_seconds=30,
    )


@pytest.mark.parametrize("state", ["complete", "skipped"])
def test_a_report_makes_a_draft_final(state: str) -> None:  # ACW-20
    run(pending("mandatory").after(5).wrapup("sale", provisional=True).after(5.5).platform(state)).expect(
        wrapup__code="sale", wrapup__provisional=False, wrapup__end_time=at(70.5), wrapup__duration_seconds=10
    )


@pytest.mark.parametrize("state", ["complete", "skipped"])
def test_an_equal_report_is_a_duplicate(state: str) -> None:  # ACW-33
    reported = pending("mandatory").after(5).platform(state)
    assert run(reported.platform(state)).outcomes[-1] == Duplicate.match(acw=state)
    assert run(reported.after(0.001).platform(state)).outcomes[-1] == Applied.match(acw=state)


def test_a_report_of_what_our_rule_said_to_the_millisecond_is_a_duplicate() -> None:  # ACW-33
    assert run(connected(**REQUESTED).disconnected("peer").platform("skipped")).outcomes[-1] == Duplicate.match()
    assert run(pending("mandatory").after(5).wrapup("sale").platform("complete")).outcomes[-1] == Duplicate.match()


def test_a_report_from_before_our_end_is_stale_in_the_step() -> None:
    ended = run(pending("mandatory").after(10).wrapup("sale")).session
    run(stream().after(69).platform("complete"), session=ended).expect(Stale.match(), after_call_work=work("complete", 60, 70))


# --- Who may end it, and when -------------------------------------------------------------------------------------------------

ENDERS: dict[str, Act] = {
    "agent": lambda s: s.done(),
    "offline": lambda s: s.offline(),
    "platform, complete": lambda s: s.platform("complete"),
    "platform, skipped": lambda s: s.platform("skipped"),
}
NOT_ENDED = {
    "none": stream(),
    "scheduled": stream().scheduled(**MANDATORY),
    "offering": stream().offering(**MANDATORY),
    "contacting": stream().contacting(**MANDATORY),
    "dialing": stream().dialing(**MANDATORY),
    "alerting": stream().alerting(**MANDATORY),
    "connected": stream().connected(**MANDATORY),
    "connected, prepared": stream().connected(**MANDATORY).wrapup("sale"),
}


@pytest.mark.parametrize("by", ENDERS)
@pytest.mark.parametrize("state", NOT_ENDED)
def test_after_call_work_cannot_end_before_the_leg(state: str, by: str) -> None:  # ACW-34, ACW-44
    ran = run(ENDERS[by](NOT_ENDED[state].after(1)))
    assert ran.outcomes[-1] == Refused.match(rule="not_ended", acw=None)
    ran.expect(after_call_work=None)


@pytest.mark.parametrize("by", ["agent", "offline"])
@pytest.mark.parametrize("end", ["disconnected", "terminated"])
def test_a_leg_without_after_call_work_has_none_to_end(end: str, by: str) -> None:  # ACW-45
    for before in (stream().connected(), stream().alerting(**MANDATORY)):
        ended = getattr(before.after(10), end)("peer")
        assert run(ENDERS[by](ended.after(1))).outcomes[-1] == Refused.match(rule="no_after_call_work", acw=None)


@pytest.mark.parametrize("by", ["agent", "offline"])
@pytest.mark.parametrize(
    ("closed", "state"),
    [
        (pending("mandatory").after(5).wrapup("sale"), "complete"),
        (pending("mandatory").after(5).offline(), "complete"),
        (pending("optional").after(5).done(), "skipped"),
        (connected(**REQUESTED).disconnected("peer"), "skipped"),
        (pending("mandatory").after(5).platform("skipped"), "skipped"),
    ],
    ids=["by code", "by offline", "by agent", "by rule", "by platform"],
)
def test_after_call_work_ends_once(closed: Stream, state: str, by: str) -> None:  # ACW-46
    before = run(closed).session.after_call_work
    ran = run(ENDERS[by](closed.after(5)))
    assert ran.outcomes[-1] == Duplicate.match(acw=state)
    ran.expect(after_call_work=before)


UNKNOWN: dict[str, Act] = {
    "by": lambda s: s.done(by="supervisor"),
    "state": lambda s: s.platform("cancelled"),
    "state by agent": lambda s: s.done(state="cancelled"),
}


@pytest.mark.parametrize("word", UNKNOWN)
@pytest.mark.parametrize(
    "before",
    [*NOT_ENDED.values(), *(events for events, _ in ENDED.values()), pending("forcedTimeout", 30)],
    ids=[*NOT_ENDED, *ENDED, "forced"],
)
def test_an_unknown_word_is_ignored_before_anything_else_is_asked(before: Stream, word: str) -> None:  # KEEP-9
    outcome = run(UNKNOWN[word](before.after(1))).outcomes[-1]
    assert outcome == Ignored.match(rule="unknown_value")
    assert any(("supervisor" if word == "by" else "cancelled") in note for note in outcome.notes)


# --- The agent's request ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", [None, *WrapupPrompt, UnknownPrompt("unheard")])
def test_a_request_is_taken_while_connected_under_any_prompt(prompt: str | None) -> None:  # KIND-6, ACW-47
    asked = connected(wrapup_prompt=prompt, wrapup_timeout=30).required()
    run(asked).expect(Applied.match(), Applied.match(), after_call_work_required=True, after_call_work=None)
    run(asked.after(1).required(False)).expect(after_call_work_required=False)


NOT_CONNECTED = {
    **{state: events for state, events in NOT_ENDED.items() if not state.startswith("connected")},
    **{state: events for state, (events, _) in ENDED.items()},
    "terminated": stream().connected(**REQUESTED).terminated("peer"),
}


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("state", NOT_CONNECTED)
def test_a_request_outside_connected_is_refused(state: str, *, required: bool) -> None:  # ACW-48
    ran = run(NOT_CONNECTED[state].after(1).required(required))
    assert ran.outcomes[-1] == Refused.match(rule="not_connected")
    ran.expect(after_call_work_required=None)


@pytest.mark.parametrize("held", [None, True, False])
@pytest.mark.parametrize("detail", [None, True, False])
@pytest.mark.parametrize("required", [True, False])
def test_a_request_counts_over_the_detail_of_its_own_event(held: bool | None, detail: bool | None, required: bool) -> None:  # noqa: FBT001
    before = stream().connected(after_call_work_required=held).after(1)

    run(before.required(required, after_call_work_required=detail)).expect(after_call_work_required=required)


@pytest.mark.parametrize("required", [True, False])
def test_a_first_request_is_news_and_the_same_again_a_duplicate(*, required: bool) -> None:  # SAME-8, ACW-49
    run(connected().required(required).after(1).required(required)).expect(
        Applied.match(), Applied.match(), Duplicate.match(), after_call_work_required=required
    )


def test_after_call_work_of_a_new_session_is_absent() -> None:
    assert Lifecycle().new("s1") == CobrowseSession(id="s1", after_call_work=None, after_call_work_required=None)
