"""The wrap-up: prepared, drafted, saved, saved again, skipped (docs/lifecycle.md, section 6)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from cobrowse_session import (
    AfterCallWork,
    AfterCallWorkState,
    Applied,
    Duplicate,
    Ignored,
    Lifecycle,
    Refused,
    Wrapup,
)
from cobrowse_session.testing import START, Stream, run, stream

Act = Callable[[Stream], Stream]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def final(seconds: float, duration: int, **said: Any) -> Wrapup:
    return Wrapup(end_time=at(seconds), duration_seconds=duration, **said)


def connected(prompt: str | None = "mandatory", timeout: int | None = None) -> Stream:
    return stream().connected(wrapup_prompt=prompt, wrapup_timeout=timeout).after(10)


def ended(prompt: str | None = "mandatory", timeout: int | None = None) -> Stream:
    return connected(prompt, timeout).disconnected("peer")


# --- Every save in every state ------------------------------------------------------------------------------------------------

AT = {
    "none": stream(),
    "scheduled": stream().scheduled(),
    "offering": stream().offering(),
    "contacting": stream().contacting(),
    "dialing": stream().dialing(),
    "alerting": stream().alerting(),
    "connected": connected(),
    "prepared": connected().wrapup("other"),
    "pending": ended(),
    "unanswered": stream().alerting().after(10).disconnected("client"),
    "no_prompt": ended(None),
    "terminated": connected(None).terminated("peer"),
    "skipped": connected("agentRequested").disconnected("peer"),
    "complete": ended().wrapup("other"),
    "offline": ended().offline(),
}
CELLS = """
state       final          draft           skip
none        not_connected  not_connected   not_connected
scheduled   not_connected  not_connected   not_connected
offering    not_connected  not_connected   not_connected
contacting  not_connected  not_connected   not_connected
dialing     not_connected  not_connected   not_connected
alerting    not_connected  not_connected   not_connected
connected   prepared       prepared        nothing_to_save
prepared    prepared       already_final   nothing_to_save
pending     saved          prepared        code_required
unanswered  saved          already_final   nothing_to_save
no_prompt   saved          already_final   nothing_to_save
terminated  saved          already_final   nothing_to_save
skipped     saved          already_final   nothing_to_save
complete    saved          already_final   nothing_to_save
offline     saved          already_final   nothing_to_save
"""
SAVES: dict[str, Act] = {
    "final": lambda s: s.wrapup("sale"),
    "draft": lambda s: s.wrapup("sale", provisional=True),
    "skip": lambda s: s.wrapup(),
}
VERDICTS: dict[str, object] = {
    "prepared": Applied.match(),
    "saved": Applied.match(),
    "not_connected": Refused.match(rule="not_connected"),
    "code_required": Refused.match(rule="code_required"),
    "nothing_to_save": Ignored.match(rule="nothing_to_save"),
    "already_final": Ignored.match(rule="already_final"),
}


def cells() -> list[tuple[str, str, str]]:
    (_, *saves), *rows = map(str.split, CELLS.strip().splitlines())
    return [(state, save, verdict) for state, *verdicts in rows for save, verdict in zip(saves, verdicts, strict=True)]


@pytest.mark.parametrize(("state", "save", "verdict"), cells())
def test_every_save_in_every_state(state: str, save: str, verdict: str) -> None:  # WRAP-4, WRAP-6, WRAP-7
    before = run(AT[state]).session if len(AT[state]) else Lifecycle().new("s1")
    ran = run(SAVES[save](AT[state].after(5)))
    assert ran.outcomes[-1] == VERDICTS[verdict], ran.story()
    expected = {"prepared": Wrapup(code="sale", provisional=save == "draft"), "saved": final(15, 5, code="sale")}
    ran.expect(wrapup=expected.get(verdict, before.wrapup))


# --- Prepared while connected -------------------------------------------------------------------------------------------------

SAID: dict[str, Any] = {"name": "Sale", "notes": "two seats", "tags": ("a", "b")}


@pytest.mark.parametrize("provisional", [False, True])
def test_a_preparation_has_no_end_and_ends_nothing(*, provisional: bool) -> None:  # WRAP-5
    run(connected().wrapup("sale", provisional=provisional, **SAID)).expect(
        Applied.match(),
        Applied.match(from_state="connected", to_state="connected", acw=None),
        wrapup=Wrapup(code="sale", provisional=provisional, **SAID),
        after_call_work=None,
    )


def test_disable_end_time_updates_is_an_instruction_and_never_stored() -> None:  # WRAP-2
    run(connected().wrapup("sale", disable_end_time_updates=True)).expect(wrapup=Wrapup(code="sale"))


ENDS = [
    pytest.param(None, "peer", None, id="no prompt"),
    pytest.param("none", "peer", None, id="prompt none"),
    pytest.param("agentRequested", "peer", "skipped", id="not requested"),
]


@pytest.mark.parametrize(("prompt", "disconnect_type", "state"), ENDS)
# ACW-7
def test_a_preparation_becomes_final_where_the_end_of_the_leg_leaves_nothing_to_do(
    prompt: str | None, disconnect_type: str, state: str | None
) -> None:
    ran = run(connected(prompt).wrapup("sale", **SAID).after(5).disconnected(disconnect_type))
    ran.expect(wrapup=final(15, 0, code="sale", **SAID))
    assert ran.outcomes[-1] == Applied.match(acw=state)


@pytest.mark.parametrize(("prompt", "disconnect_type", "state"), ENDS)
def test_a_prepared_draft_becomes_final_there_too(prompt: str | None, disconnect_type: str, state: str | None) -> None:  # ACW-21
    ran = run(connected(prompt).wrapup(notes="call back", provisional=True).after(5).disconnected(disconnect_type))
    ran.expect(wrapup=final(15, 0, notes="call back"))
    assert ran.outcomes[-1] == Applied.match(acw=state)


def test_a_prepared_draft_waits_while_after_call_work_is_pending() -> None:
    run(connected().wrapup("sale", provisional=True).after(5).disconnected("peer")).expect(
        wrapup=Wrapup(code="sale", provisional=True), after_call_work__state="pending"
    )


def test_disconnected_time_ends_the_preparation_once_and_terminated_does_not_move_it() -> None:
    run(connected(None).wrapup("sale").after(5).disconnected("peer").after(5).terminated("peer")).expect(
        wrapup=final(15, 0, code="sale")
    )


# --- A save replaces the whole wrap-up ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param(connected(), Wrapup(code="sale"), id="while connected"),
        pytest.param(ended("forcedTimeout", 30), Wrapup(code="sale"), id="under forcedTimeout"),
        pytest.param(ended(), final(11, 1, code="sale"), id="after complete"),
        pytest.param(ended(None), final(11, 1, code="sale"), id="without after-call work"),
    ],
)
def test_a_save_replaces_the_whole_wrapup(before: Stream, expected: Wrapup) -> None:  # WRAP-1
    run(before.wrapup("other", **SAID).after(1).wrapup("sale")).expect(wrapup=expected)


def test_a_draft_replaces_a_draft_whole() -> None:  # WRAP-1
    run(ended().wrapup("other", provisional=True, **SAID).after(1).wrapup(notes="n", provisional=True)).expect(
        wrapup=Wrapup(notes="n", provisional=True)
    )


@pytest.mark.parametrize(
    ("before", "said"),
    [
        pytest.param(connected(), {}, id="while connected"),
        pytest.param(connected(), {"provisional": True}, id="a draft while connected"),
        pytest.param(ended(), {"provisional": True}, id="a draft while pending"),
        pytest.param(ended("forcedTimeout", 30), {}, id="under forcedTimeout"),
    ],
)
def test_a_save_that_changes_nothing_is_a_duplicate(before: Stream, said: dict[str, bool]) -> None:  # WRAP-3
    saved = before.wrapup("sale", **SAID, **said)
    assert run(saved.after(1).wrapup("sale", **SAID, **said)).outcomes[-1] == Duplicate.match()
    assert run(saved.after(1).wrapup("sale", **said)).outcomes[-1] == Applied.match()


@pytest.mark.parametrize("before", [ended(), ended(None), connected("agentRequested").disconnected("peer")])
def test_an_end_that_moves_is_a_change_and_one_that_stays_is_none(before: Stream) -> None:  # WRAP-3
    saved = before.after(1).wrapup("sale")
    assert run(saved.wrapup("sale")).outcomes[-1] == Duplicate.match()
    assert run(saved.after(1).wrapup("sale", disable_end_time_updates=True)).outcomes[-1] == Duplicate.match()
    moved = run(saved.after(1).wrapup("sale"))
    assert moved.outcomes[-1] == Applied.match()
    moved.expect(wrapup=final(12, 2, code="sale"))


def test_an_empty_list_of_tags_differs_from_none_at_all() -> None:
    run(connected().wrapup("sale").wrapup("sale", tags=())).expect(
        Applied.match(), Applied.match(), Applied.match(), wrapup=Wrapup(code="sale", tags=())
    )


# --- Drafts -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["prepared", "unanswered", "no_prompt", "terminated", "skipped", "complete", "offline"])
def test_a_draft_without_a_code_is_draft(state: str) -> None:
    assert run(AT[state].after(1).wrapup(provisional=True)).outcomes[-1] == Ignored.match(rule="already_final")


@pytest.mark.parametrize("prompt", ["optional", "mandatory", "timeout", "forcedTimeout"])
def test_a_final_wrapup_replaces_a_draft(prompt: str) -> None:
    run(ended(prompt, 30).wrapup("draft", provisional=True, **SAID).after(1).wrapup("sale"), until=at(40)).expect(
        wrapup=final(40, 30, code="sale") if prompt == "forcedTimeout" else final(11, 1, code="sale")
    )


def test_forced_timeout_keeps_a_final_wrapup_from_drafts() -> None:  # WRAP-6
    run(ended("forcedTimeout", 30).wrapup("sale").after(1).wrapup("other", provisional=True)).expect(
        Applied.match(),
        Applied.match(),
        Applied.match(acw="pending"),
        Ignored.match(rule="already_final", acw="pending"),
        wrapup=Wrapup(code="sale"),
    )


CLOSERS: list[tuple[str, Act, Wrapup | None]] = [
    ("the agent, by a code", lambda s: s.done(), final(12, 2, code="draft", **SAID)),
    ("offline", lambda s: s.offline(), final(12, 2, code="draft", **SAID)),
    ("the platform: complete", lambda s: s.platform("complete"), final(12, 2, code="draft", **SAID)),
    ("the platform: skipped", lambda s: s.platform("skipped"), final(12, 2, code="draft", **SAID)),
    ("a skip", lambda s: s.wrapup(), None),
]


@pytest.mark.parametrize(("close", "expected"), [pytest.param(*rest, id=by) for by, *rest in CLOSERS])
def test_only_a_skip_drops_a_draft(close: Act, expected: Wrapup | None) -> None:  # ACW-20, ACW-21
    run(close(ended("optional").wrapup("draft", provisional=True, **SAID).after(2))).expect(wrapup=expected)


def test_a_draft_without_a_code_is_kept_and_made_final_when_the_agent_is_done() -> None:  # ACW-21
    run(ended("optional").wrapup(notes="call back", provisional=True).after(2).done()).expect(
        wrapup=final(12, 2, notes="call back"), after_call_work__state="skipped"
    )


# --- Skip ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [None, ""])
def test_no_code_and_no_draft_is_skip(code: str | None) -> None:  # KIND-7, KEEP-6
    run(ended("optional").after(2).wrapup(code, notes="nothing to say")).expect(
        wrapup=None, after_call_work=AfterCallWork(state=AfterCallWorkState.SKIPPED, start_time=at(10), end_time=at(12))
    )


def test_any_other_text_is_a_code() -> None:  # KEEP-8
    run(ended().wrapup(" ")).expect(wrapup__code=" ", after_call_work__state="complete")


# --- The end of after-call work and of the wrap-up ----------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", ["optional", "mandatory", "timeout"])
@pytest.mark.parametrize("disabled", [True, False])
def test_the_final_one_ends_both_at_the_same_moment(prompt: str, *, disabled: bool) -> None:  # WRAP-8
    run(ended(prompt, 30).after(14.22).wrapup("sale", disable_end_time_updates=disabled)).expect(
        wrapup=final(24.22, 14, code="sale"),
        after_call_work=AfterCallWork(state=AfterCallWorkState.COMPLETE, start_time=at(10), end_time=at(24.22)),
    )


def test_forced_timeout_saves_the_code_but_stays_pending() -> None:
    saved = ended("forcedTimeout", 30).after(5).wrapup("sale")
    run(saved, until=at(39.999)).expect(
        wrapup=Wrapup(code="sale"),
        after_call_work=AfterCallWork(state=AfterCallWorkState.PENDING, start_time=at(10)),
    )


def test_under_forced_timeout_the_deadline_ends_both() -> None:  # WRAP-9
    run(ended("forcedTimeout", 30).after(5).wrapup("sale"), until=at(40)).expect(
        wrapup=final(40, 30, code="sale"),
        after_call_work=AfterCallWork(state=AfterCallWorkState.COMPLETE, start_time=at(10), end_time=at(40)),
    )


def test_under_forced_timeout_the_last_code_saved_counts() -> None:
    run(ended("forcedTimeout", 30).wrapup("first").after(5).wrapup("second"), until=at(40)).expect(
        wrapup=final(40, 30, code="second")
    )


# --- Saved again --------------------------------------------------------------------------------------------------------------

AGAIN = [
    pytest.param(ended().after(1).wrapup("first"), 11, 1, id="after complete"),
    pytest.param(connected("agentRequested").wrapup("first").disconnected("peer"), 10, 0, id="after skipped"),
    pytest.param(connected(None).wrapup("first").disconnected("peer"), 10, 0, id="without after-call work"),
    pytest.param(ended().wrapup("first", provisional=True).after(1).offline(), 11, 1, id="after offline"),
    pytest.param(ended("timeout", 1).wrapup("first", provisional=True).after(2).updated(peer_id="p"), 11, 1, id="timed out"),
]


@pytest.mark.parametrize(("before", "end", "duration"), AGAIN)
def test_saved_again_later_it_ends_then_unless_told_otherwise(before: Stream, end: float, duration: int) -> None:  # WRAP-10
    work = run(before).session.after_call_work
    later = before.after(60)
    since = (later.now - at(10)) // timedelta(seconds=1)
    run(later.wrapup("sale")).expect(wrapup=Wrapup(code="sale", end_time=later.now, duration_seconds=since), after_call_work=work)
    run(later.wrapup("sale", disable_end_time_updates=True)).expect(
        wrapup=final(end, duration, code="sale"), after_call_work=work
    )


@pytest.mark.parametrize(
    "before",
    [
        ended(None),
        connected("agentRequested").disconnected("peer"),
        ended().offline(),
        stream().alerting().after(10).disconnected(),
    ],
    ids=["no prompt", "skipped", "offline", "unanswered"],
)
def test_where_no_end_exists_disable_end_time_updates_keeps_none(before: Stream) -> None:  # WRAP-10
    run(before.after(7.5).wrapup("sale", disable_end_time_updates=True)).expect(wrapup=final(17.5, 7, code="sale"))


def test_an_end_that_was_moved_and_then_kept() -> None:  # WRAP-10
    again = ended().after(1).wrapup("a").after(1).wrapup("b").after(1).wrapup("c", disable_end_time_updates=True)
    run(again.after(1).wrapup("d")).expect(wrapup=final(14, 4, code="d"), after_call_work__end_time=at(11))
    run(again).expect(wrapup=final(12, 2, code="c"), after_call_work__end_time=at(11))


# --- Duration -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("passed", "seconds"), [(0, 0), (0.999, 0), (1, 1), (14.22, 14), (14.999, 14), (15, 15), (7200.5, 7200)])
def test_duration_is_whole_seconds_rounded_down(passed: float, seconds: int) -> None:  # WRAP-11
    run(ended().after(passed).wrapup("sale")).expect(wrapup__duration_seconds=seconds)
    run(ended(None).after(passed).wrapup("sale")).expect(wrapup__duration_seconds=seconds)


def test_duration_counts_from_disconnected_not_from_terminated() -> None:  # WRAP-11
    run(ended().after(5).terminated("peer").after(5).wrapup("sale")).expect(wrapup__duration_seconds=10)


def test_duration_at_the_deadline_is_rounded_down_too() -> None:
    run(connected("timeout").disconnected(wrapup_timeout=14.22), until=at(60)).expect(
        wrapup__end_time=at(24.22), wrapup__duration_seconds=14
    )


# --- Settings of a save ----------------------------------------------------------------------------------------------------


def test_settings_after_the_end_do_not_change_how_a_save_is_judged() -> None:
    assert run(ended().after(1).wrapup(wrapup_prompt="optional")).outcomes[-1] == Refused.match(rule="code_required")
    assert run(ended("optional").after(1).wrapup(wrapup_prompt="mandatory")).outcomes[-1] == Applied.match(acw="skipped")
