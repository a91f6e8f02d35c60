"""The details and the settings that any event may carry (docs/lifecycle.md, section 2)."""

import pickle
from collections.abc import Callable
from copy import copy
from datetime import datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from cobrowse_session import (
    Address,
    Applied,
    CobrowseRole,
    Context,
    Details,
    Duplicate,
    Ignored,
    Lifecycle,
    Outcome,
    Refused,
    Settings,
    SettingsError,
    Stale,
    UnknownPrompt,
    WrapupPrompt,
)
from cobrowse_session.testing import START, Stream, run, stream
from cobrowse_session.wire import decode_event

Tell = Callable[..., Stream]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def connected(**said: Any) -> Stream:
    return stream().connected(**said).after(10)


def ended(prompt: str | None = None, **said: Any) -> Stream:
    return connected(wrapup_prompt=prompt).disconnected("peer", **said).after(5)


# --- Details ------------------------------------------------------------------------------------------------------------------

DETAILS = [
    ("self_", "self", Address(name="Ada"), Address(name_raw="ada")),
    ("provider", "provider", "acme", "apex"),
    ("peer_id", "peer_id", "p1", "p2"),
    ("cobrowse_session_id", "cobrowse_session_id", "c1", "c2"),
    ("cobrowse_role", "cobrowse_role", "sharer", "viewer"),
    ("viewer_url", "viewer_url", "https://a.example", "https://b.example"),
]


@pytest.mark.parametrize(("said", "attribute", "first", "second"), DETAILS)
# DETAIL-4
def test_a_detail_replaces_what_the_session_holds_and_null_does_not_clear(
    said: str, attribute: str, first: object, second: object
) -> None:
    told = run(stream().alerting(**{said: first}).updated(**{said: second}).updated(**{said: None}))
    told.expect(Applied.match(), Applied.match(), Duplicate.match())
    assert [getattr(step.session, attribute) for step in told.steps] == [first, second, second]


@pytest.mark.parametrize(("said", "attribute", "value", "_"), DETAILS)
# KIND-5
def test_details_may_come_before_any_state_and_after_the_end(said: str, attribute: str, value: object, _: object) -> None:
    early, late = run(stream().updated(**{said: value})), run(ended().updated(**{said: value}))
    assert early.outcomes[-1] == Applied.match(from_state="none", to_state="none")
    assert late.outcomes[-1] == Applied.match(from_state="disconnected", to_state="disconnected")
    assert getattr(early.session, attribute) == getattr(late.session, attribute) == value


def test_an_applied_event_names_the_details_it_carries_changed_or_not() -> None:  # OUTCOME-2
    ran = run(stream().alerting(peer_id="p").after(1).connected(peer_id="p", controlling=["mouse"]).after(1).disconnected("peer"))
    alerting, answered, end = (set(step.outcome.set) for step in ran.steps if isinstance(step.outcome, Applied))
    assert {"peer_id", "start_alerting_time", "segments", "initial_state"} <= alerting
    assert {"peer_id", "controlling", "connected_time", "segments"} <= answered
    assert {"disconnect_type", "disconnected_time", "controlling"} <= end
    assert "peer_id" not in end


# --- Initial state ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "initial"),
    [
        pytest.param(stream().alerting(), "alerting", id="the first state entered"),
        pytest.param(stream().disconnected(), "disconnected", id="first seen ended"),
        pytest.param(stream().alerting(initial_state="offering"), "offering", id="carried and entered: the carried one"),
        pytest.param(stream().terminated(initial_state="dialing"), "dialing", id="carried by an end"),
        pytest.param(stream().updated(initial_state="dialing").alerting(), "dialing", id="carried first"),
        pytest.param(stream().updated(peer_id="p").alerting(), "alerting", id="first event says nothing of it"),
        pytest.param(stream().updated(initial_state="DIALING").alerting(), "dialing", id="in the model's spelling"),
        pytest.param(stream().updated(initial_state="parked").alerting(), "parked", id="a word nobody knows"),
        pytest.param(stream().wrapup("sale", initial_state="dialing").alerting(), "alerting", id="carried by a refused event"),
        pytest.param(stream().offering().alerting(initial_state="dialing"), "offering", id="set once, entered"),
        pytest.param(
            stream().alerting(initial_state="offering").connected(initial_state="dialing"), "offering", id="set once, carried"
        ),
        pytest.param(stream().updated(peer_id="p"), None, id="no event says it"),
    ],
)
# DETAIL-2, DETAIL-6
def test_initial_state_is_set_once_by_the_first_event_that_carries_one_or_enters_a_state(
    events: Stream, initial: str | None
) -> None:
    run(events).expect(initial_state=initial)


def test_another_initial_state_is_no_news() -> None:  # DETAIL-6
    run(stream().alerting().after(1).updated(initial_state="offering")).expect(Applied.match(), Duplicate.match())


# --- Provider -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "provider"),
    [
        pytest.param(stream(source="/a").alerting(), None, id="never the source"),
        pytest.param(stream(source="/a").alerting(provider="acme"), "acme", id="what data says"),
        pytest.param(stream().updated(provider="acme").updated(provider="apex"), "apex", id="the latest data"),
        pytest.param(stream().wrapup("x", provider="acme").alerting(), None, id="not a refused event's data"),
    ],
)
def test_provider_is_what_data_state_and_unset_while_none_do(events: Stream, provider: str | None) -> None:  # DETAIL-5
    run(events).expect(provider=provider)


# --- The platform's own word for after-call work ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "required"),
    [
        pytest.param(stream().alerting(after_call_work_required=True), True, id="while pending"),
        pytest.param(connected().updated(after_call_work_required=False), False, id="false while connected"),
        pytest.param(connected().disconnected(after_call_work_required=True), True, id="by the end itself"),
        pytest.param(connected().disconnected().updated(after_call_work_required=True), None, id="not after the end"),
        pytest.param(connected().required().updated(after_call_work_required=False), False, id="the latest counts"),
        pytest.param(connected().updated(after_call_work_required=False).required(), True, id="the agent's request, too"),
    ],
)
# DETAIL-1, DETAIL-3
def test_after_call_work_required_is_a_detail_up_to_and_including_the_end(events: Stream, required: bool | None) -> None:  # noqa: FBT001 (a case)
    run(events).expect(after_call_work_required=required)


@pytest.mark.parametrize("end", ["disconnected", "terminated"])
@pytest.mark.parametrize(("required", "state"), [(True, "pending"), (False, "skipped"), (None, "skipped")])
# SAME-1, ACW-5
def test_what_the_end_itself_states_decides_about_after_call_work(end: str, required: bool | None, state: str) -> None:  # noqa: FBT001 (a case)
    begun = connected(wrapup_prompt="agentRequested")
    run(getattr(begun, end)("peer", after_call_work_required=required)).expect(after_call_work__state=state)


# --- Grants -------------------------------------------------------------------------------------------------------------------

GRANT = ("mouse", "keyboard")


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(stream().connected(controlling=GRANT), id="connected"),
        pytest.param(connected().connected(controlling=GRANT), id="connected again"),
        pytest.param(connected().updated(controlling=GRANT), id="updated"),
        pytest.param(connected().required(controlling=GRANT), id="acw.required"),
        pytest.param(connected().wrapup("sale", controlling=GRANT), id="wrapup"),
        pytest.param(connected(controlling=["mouse"]).updated(controlling=GRANT), id="another replaces it"),
    ],
)
def test_a_grant_is_taken_while_connected_and_emptied_at_the_end(events: Stream) -> None:  # DETAIL-7, DETAIL-8
    run(events).expect(controlling=GRANT)
    run(events.after(5).disconnected("peer")).expect(controlling=())
    run(events.after(5).terminated("peer")).expect(controlling=())


def test_a_leg_that_never_had_a_grant_has_none_to_empty() -> None:
    run(connected().disconnected("peer")).expect(controlling=None)


def test_a_grant_may_be_withdrawn() -> None:
    run(connected(controlling=GRANT).updated(controlling=[])).expect(Applied.match(), Applied.match(), controlling=())


@pytest.mark.parametrize("event", ["scheduled", "offering", "contacting", "dialing", "alerting", "disconnected", "terminated"])
def test_an_event_that_enters_another_state_is_applied_without_its_grant(event: str) -> None:  # DETAIL-7
    run(getattr(stream(), event)(controlling=GRANT)).expect(Applied.match(to_state=event), controlling=None)


@pytest.mark.parametrize("end", ["disconnected", "terminated"])
def test_the_end_takes_no_grant(end: str) -> None:  # DETAIL-7
    run(getattr(connected(controlling=["mouse"]), end)("peer", controlling=GRANT)).expect(
        Applied.match(), Applied.match(), controlling=()
    )


def test_a_grant_outside_connected_beside_other_news_is_left_out() -> None:
    for before in (stream().alerting().after(1), ended()):
        ran = run(before.updated(controlling=GRANT, peer_id="p"))
        assert ran.outcomes[-1] == Applied.match()
        ran.expect(peer_id="p", controlling=None)


def test_unset_differs_from_an_empty_grant() -> None:  # SAME-8
    run(connected().updated(controlling=[]).after(1).updated(controlling=[])).expect(
        Applied.match(), Applied.match(), Duplicate.match(), controlling=()
    )
    run(stream().alerting().updated(controlling=[])).expect(
        Applied.match(), Ignored.match(rule="not_connected"), controlling=None
    )


def test_an_empty_grant_after_the_end_emptied_it_says_what_is_so() -> None:
    run(connected(controlling=GRANT).disconnected("peer").updated(controlling=[])).expect(
        Applied.match(), Applied.match(), Duplicate.match()
    )


# --- Duplicates with news -----------------------------------------------------------------------------------------------------

BEFORE_CONNECTED: dict[str, Tell] = {
    "scheduled": stream().scheduled().after(15).scheduled,
    "offering": stream().offering().after(15).offering,
    "contacting": stream().contacting().after(15).contacting,
    "dialing": stream().dialing().after(15).dialing,
    "alerting": stream().alerting().after(15).alerting,
    "updated before any state": stream().after(15).updated,
    "updated while alerting": stream().alerting().after(15).updated,
}
WHILE_CONNECTED: dict[str, Tell] = {
    "connected": connected().after(5).connected,
    "updated while connected": connected().after(5).updated,
    "acw.required": lambda **said: connected().required().after(5).required(**said),
    "wrapup while connected": lambda **said: connected().wrapup("sale").after(5).wrapup("sale", **said),
    "draft while connected": lambda **said: (
        connected().wrapup("x", provisional=True).after(5).wrapup("x", provisional=True, **said)
    ),
}
AFTER_THE_END: dict[str, Tell] = {
    "disconnected": ended().disconnected,
    "terminated": connected().terminated("peer").after(5).terminated,
    "disconnected after terminated": connected().terminated("peer").after(5).disconnected,
    "updated after the end": ended().updated,
    "wrapup saved again": lambda **said: (
        connected().disconnected().wrapup("sale").after(5).wrapup("sale", disable_end_time_updates=True, **said)
    ),
    "draft while pending": lambda **said: (
        connected(wrapup_prompt="optional")
        .disconnected()
        .wrapup("x", provisional=True)
        .after(5)
        .wrapup("x", provisional=True, **said)
    ),
    "acw.ended by agent": connected(wrapup_prompt="optional").disconnected().done().after(5).done,
    "acw.ended by offline": connected(wrapup_prompt="optional").disconnected().offline().after(5).offline,
    "acw.ended by platform": lambda **said: ended("optional").platform("skipped").platform("skipped", **said),
}
BEFORE_THE_END = {**BEFORE_CONNECTED, **WHILE_CONNECTED}
OUTSIDE_CONNECTED = {**BEFORE_CONNECTED, **AFTER_THE_END}
ALL = {**BEFORE_THE_END, **AFTER_THE_END}


@pytest.mark.parametrize("kind", ALL)
def test_what_is_so_already_is_a_duplicate(kind: str) -> None:
    assert run(ALL[kind]()).outcomes[-1] == Duplicate.match()


@pytest.mark.parametrize("kind", ALL)
def test_a_duplicate_with_new_details_is_applied(kind: str) -> None:  # SAME-3, SAME-4
    plain, told = run(ALL[kind]()).session, run(ALL[kind](peer_id="p9"))
    assert told.outcomes[-1] == Applied.match(from_state=plain.state, to_state=plain.state)
    told.expect(
        peer_id="p9",
        provider_event_time=at(15),
        wrapup=plain.wrapup,
        after_call_work=plain.after_call_work,
        segments=plain.segments,
    )


@pytest.mark.parametrize("kind", BEFORE_THE_END)
def test_a_duplicate_with_new_settings_is_applied(kind: str) -> None:  # SAME-4
    told = run(BEFORE_THE_END[kind](wrapup_prompt="mandatory"))
    assert told.outcomes[-1] == Applied.match()
    told.expect(settings=Settings(wrapup_prompt="mandatory"), provider_event_time=at(15))


@pytest.mark.parametrize("kind", WHILE_CONNECTED)
def test_a_duplicate_with_a_new_grant_is_applied_while_connected(kind: str) -> None:  # SAME-4
    told = run(WHILE_CONNECTED[kind](controlling=GRANT))
    assert told.outcomes[-1] == Applied.match()
    told.expect(controlling=GRANT)


@pytest.mark.parametrize("kind", OUTSIDE_CONNECTED)
def test_a_duplicate_whose_only_news_is_a_grant_outside_connected_is_ignored(kind: str) -> None:  # SAME-5
    assert run(OUTSIDE_CONNECTED[kind](controlling=GRANT)).outcomes[-1] == Ignored.match(rule="not_connected")


@pytest.mark.parametrize("kind", BEFORE_CONNECTED)
def test_a_duplicate_with_a_grant_too_early_and_new_settings_is_applied_for_the_settings(kind: str) -> None:
    told = run(BEFORE_CONNECTED[kind](controlling=GRANT, wrapup_timeout=9))
    assert told.outcomes[-1] == Applied.match()
    told.expect(controlling=None, settings__wrapup_timeout=9)


@pytest.mark.parametrize("kind", AFTER_THE_END)
@pytest.mark.parametrize("settings", [{"wrapup_prompt": "forcedTimeout"}, {"wrapup_timeout": 9}, {"alerting_timeout": 9}])
def test_a_duplicate_whose_only_news_is_settings_after_the_end_is_ignored(kind: str, settings: dict[str, Any]) -> None:  # SAME-6
    assert run(AFTER_THE_END[kind](**settings)).outcomes[-1] == Ignored.match(rule="settings_after_end")


@pytest.mark.parametrize("kind", AFTER_THE_END)
def test_a_duplicate_with_both_too_late_is_ignored_for_its_grant(kind: str) -> None:  # SAME-7
    both = AFTER_THE_END[kind](controlling=GRANT, wrapup_prompt="forcedTimeout")
    assert run(both).outcomes[-1] == Ignored.match(rule="not_connected")


@pytest.mark.parametrize("kind", AFTER_THE_END)
def test_a_duplicate_with_details_and_settings_after_the_end_is_applied_for_the_details(kind: str) -> None:
    plain, told = run(AFTER_THE_END[kind]()).session, run(AFTER_THE_END[kind](peer_id="p9", wrapup_timeout=9, controlling=GRANT))
    assert told.outcomes[-1] == Applied.match()
    told.expect(peer_id="p9", controlling=plain.controlling, settings=plain.settings)


def test_details_and_settings_that_are_so_already_are_no_news() -> None:
    said: dict[str, Any] = {"peer_id": "p", "cobrowse_role": "viewer", "controlling": GRANT, "wrapup_prompt": "mandatory"}
    run(connected(**said).updated(**said).connected(**said)).expect(Applied.match(), Duplicate.match(), Duplicate.match())
    run(ended("mandatory", peer_id="p").updated(peer_id="p", wrapup_prompt="mandatory")).expect(
        Applied.match(), Applied.match(), Duplicate.match()
    )


# --- What says no takes nothing -----------------------------------------------------------------------------------------------

NEWS: dict[str, Any] = {
    "peer_id": "p9",
    "controlling": GRANT,
    "wrapup_prompt": "none",
    "wrapup_timeout": 9,
    "initial_state": "dialing",
}
NOES = [
    pytest.param(connected().alerting(**NEWS), Refused.match(rule="no_way_back"), id="no_way_back"),
    pytest.param(ended().connected(**NEWS), Refused.match(rule="session_is_over"), id="session_is_over"),
    pytest.param(stream().alerting().required(**NEWS), Refused.match(rule="not_connected"), id="request not_connected"),
    pytest.param(stream().wrapup("sale", **NEWS), Refused.match(rule="not_connected"), id="wrapup not_connected"),
    pytest.param(connected().done(**NEWS), Refused.match(rule="not_ended"), id="not_ended"),
    pytest.param(ended().done(**NEWS), Refused.match(rule="no_after_call_work"), id="no_after_call_work"),
    pytest.param(ended("mandatory").wrapup(**NEWS), Refused.match(rule="code_required"), id="skip code_required"),
    pytest.param(ended("mandatory").done(**NEWS), Refused.match(rule="code_required"), id="done code_required"),
    pytest.param(
        connected(wrapup_prompt="forcedTimeout", wrapup_timeout=30).disconnected().done(**NEWS),
        Refused.match(rule="no_early_exit"),
        id="no_early_exit",
    ),
    pytest.param(connected().wrapup(**NEWS), Ignored.match(rule="nothing_to_save"), id="nothing_to_save"),
    pytest.param(
        connected().wrapup("sale").wrapup(provisional=True, **NEWS), Ignored.match(rule="already_final"), id="already_final"
    ),
    pytest.param(ended("mandatory").done(by="nobody", **NEWS), Ignored.match(rule="unknown_value"), id="unknown_value"),
    pytest.param(
        connected().unknown(data={"peerId": "p9", "wrapupPrompt": "none"}), Ignored.match(rule="unknown_type"), id="unknown_type"
    ),
]


@pytest.mark.parametrize(("events", "outcome"), NOES)
# SAME-2, OUTCOME-5, OUTCOME-6, OUTCOME-9
def test_a_refused_or_ignored_event_takes_no_details_and_no_settings(events: Stream, outcome: object) -> None:
    *before, _ = list(events)
    untouched = run(before).session if before else Lifecycle().new("s1")
    ran = run(events)
    assert ran.outcomes[-1] == outcome
    assert ran.session == untouched
    assert ran.session.settings == untouched.settings


# --- Settings -----------------------------------------------------------------------------------------------------------------

FORCED: dict[str, Any] = {"wrapup_prompt": "forcedTimeout", "wrapup_timeout": 30}


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(stream().updated(**FORCED).connected().disconnected(), id="updated before any state"),
        pytest.param(stream().scheduled(**FORCED).connected().disconnected(), id="scheduled"),
        pytest.param(stream().alerting(**FORCED).connected().disconnected(), id="alerting"),
        pytest.param(stream().connected(**FORCED).disconnected(), id="connected"),
        pytest.param(stream().connected().updated(**FORCED).disconnected(), id="updated"),
        pytest.param(stream().connected().required(**FORCED).disconnected(), id="acw.required"),
        pytest.param(stream().connected().wrapup("sale", **FORCED).disconnected(), id="wrapup"),
        pytest.param(stream().connected().disconnected(**FORCED), id="disconnected, which ends the leg"),
        pytest.param(stream().connected().terminated(**FORCED), id="terminated, which ends the leg"),
        pytest.param(stream().connected(wrapup_prompt="none").disconnected(**FORCED), id="the later over the earlier"),
        pytest.param(stream().alerting(wrapup_prompt="forcedTimeout").connected(wrapup_timeout=30).disconnected(), id="in parts"),
        pytest.param(
            stream().connected(**FORCED).updated(wrapup_prompt=None, wrapup_timeout=None).disconnected(), id="null clears nothing"
        ),
    ],
)
def test_settings_count_from_every_event_up_to_the_one_that_ends_the_leg(events: Stream) -> None:  # SETTING-4, SAME-1
    ran = run(events)
    ran.expect(after_call_work__state="pending")
    assert Lifecycle().deadline(ran.session) == at(30)


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(ended("mandatory").terminated(**FORCED), id="terminated"),
        pytest.param(ended("mandatory").updated(peer_id="p", **FORCED), id="updated"),
        pytest.param(ended("mandatory").wrapup("x", provisional=True, **FORCED), id="wrapup"),
        pytest.param(connected(wrapup_prompt="mandatory").disconnected().disconnected("peer", **FORCED), id="disconnected"),
    ],
)
def test_settings_do_not_count_after_the_end_whatever_else_is_applied(events: Stream) -> None:  # SETTING-4
    ran = run(events)
    assert ran.outcomes[-1] == Applied.match(acw="pending")
    ran.expect(settings=Settings(wrapup_prompt="mandatory"))
    assert Lifecycle().deadline(ran.session) is None
    assert run(events.done()).outcomes[-1] == (
        Applied.match(acw="complete") if ran.session.wrapup else Refused.match(rule="code_required")
    )


@pytest.mark.parametrize(
    ("said", "deadline"),
    [
        pytest.param({}, at(40), id="both defaults"),
        pytest.param({"wrapup_timeout": 60}, at(70), id="the default prompt"),
        pytest.param({"wrapup_prompt": "forcedTimeout"}, at(40), id="the default timeout"),
        pytest.param({"wrapup_prompt": "mandatory", "wrapup_timeout": 60}, None, id="no default"),
        pytest.param({"wrapup_prompt": "none"}, None, id="none against the default"),
    ],
)
def test_defaults_come_from_the_lifecycle_one_by_one(said: dict[str, Any], deadline: datetime | None) -> None:  # SETTING-5
    lifecycle = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=timedelta(seconds=30)))
    assert lifecycle.deadline(run(connected(**said).disconnected(), lifecycle=lifecycle).session) == deadline


@pytest.mark.parametrize(
    ("spelt", "prompt"),
    [
        ("mandatory", WrapupPrompt.MANDATORY),
        ("optional", WrapupPrompt.OPTIONAL),
        ("agentRequested", WrapupPrompt.AGENT_REQUESTED),
        ("timeout", WrapupPrompt.TIMEOUT),
        ("forcedTimeout", WrapupPrompt.FORCED_TIMEOUT),
        ("MANDATORY", WrapupPrompt.MANDATORY),
        ("OPTIONAL", WrapupPrompt.OPTIONAL),
        ("AGENT_REQUESTED", WrapupPrompt.AGENT_REQUESTED),
        ("MANDATORY_TIMEOUT", WrapupPrompt.TIMEOUT),
        ("MANDATORY_FORCED_TIMEOUT", WrapupPrompt.FORCED_TIMEOUT),
        ("none", WrapupPrompt.NONE),
    ],
)
def test_a_prompt_is_understood_in_the_queues_spelling_too(spelt: str, prompt: WrapupPrompt) -> None:  # SETTING-2
    ran = run(stream().connected(wrapup_prompt=spelt))
    ran.expect(Applied.match(notes=()))
    assert ran.session.settings.wrapup_prompt is prompt


TIMED = """{{"specversion":"1.0","id":"e1","source":"/test","type":"cobrowse.session.connected","subject":"s1",
"time":"2026-03-01T09:00:00.000Z","data":{{"wrapupPrompt":"timeout","{}":{}}}}}"""


@pytest.mark.parametrize("setting", ["wrapupTimeoutMs", "alertingTimeoutMs"])
@pytest.mark.parametrize("number", ["0", "-1", "86400001", "1000000000000000000000000000000", "0.5", "30000.5"])
def test_a_timeout_out_of_bounds_is_not_taken_and_noted(setting: str, number: str) -> None:  # SETTING-8, SETTING-9
    ran = run([decode_event(TIMED.format(setting, number))])
    ran.expect(settings=Settings(wrapup_prompt="timeout"))
    (note,) = ran.outcomes[0].notes
    assert setting in note


@pytest.mark.parametrize("number", [1, 86_400_000])
def test_a_timeout_within_bounds_is_taken(number: int) -> None:  # SETTING-8
    run([decode_event(TIMED.format("wrapupTimeoutMs", number))]).expect(
        Applied.match(notes=()), settings__wrapup_timeout=timedelta(milliseconds=number)
    )


@pytest.mark.parametrize("senseless", [timedelta(0), timedelta(seconds=-1), timedelta(days=1, milliseconds=1)])
def test_in_code_a_senseless_timeout_is_an_error(senseless: timedelta) -> None:  # SETTING-10
    with pytest.raises(SettingsError):
        Settings(wrapup_timeout=senseless)
    with pytest.raises(SettingsError):
        Settings(alerting_timeout=senseless)


@pytest.mark.parametrize("prompt", ["timeout", "forcedTimeout", "MANDATORY_TIMEOUT"])
def test_in_code_a_missing_timeout_is_an_error(prompt: str) -> None:  # SETTING-10
    with pytest.raises(SettingsError):
        Lifecycle(settings=Settings(wrapup_prompt=prompt))


# --- Words that nobody knows --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "attribute", "word"),
    [
        (stream().alerting(cobrowse_role="observer"), "cobrowse_role", "observer"),
        (stream().alerting(initial_state="PARKED"), "initial_state", "PARKED"),
        (stream().disconnected("Black.Out"), "disconnect_type", "Black.Out"),
        (stream().alerting(wrapup_prompt=UnknownPrompt("sometimes")), "settings__wrapup_prompt", "sometimes"),
    ],
    ids=["role", "state", "disconnect type", "prompt"],
)
def test_an_unknown_word_is_kept_as_it_came_and_noted(events: Stream, attribute: str, word: str) -> None:  # KEEP-2
    ran = run(events)
    ran.expect(Applied.match(), **{attribute: word})
    (note,) = ran.outcomes[0].notes
    assert word in note


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        pytest.param(stream().alerting().alerting(cobrowse_role="observer"), Applied, id="applied"),
        pytest.param(stream().alerting(cobrowse_role="observer").updated(cobrowse_role="observer"), Duplicate, id="duplicate"),
        pytest.param(connected().wrapup(cobrowse_role="observer"), Ignored, id="ignored"),
        pytest.param(connected().alerting(cobrowse_role="observer"), Refused, id="refused"),
        pytest.param(connected().updated(cobrowse_role="observer", occurred_at=at(-1)), Stale, id="stale"),
    ],
)
def test_what_is_noted_stands_on_every_outcome(events: Stream, outcome: type[Outcome]) -> None:  # KEEP-12
    found = run(events).outcomes[-1]
    assert isinstance(found, outcome)
    assert "observer" in found.notes[0]


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(stream().connected(wrapup_prompt="Optional").disconnected("PEER").done(by="AGENT"), id="agent"),
        pytest.param(stream().connected().disconnected("Peer").platform("SKIPPED", by="PLATFORM"), id="platform"),
    ],
)
def test_known_words_are_understood_in_any_case(events: Stream) -> None:
    told = Applied.match(notes=())
    run(events).expect(told, told, told, after_call_work__state="skipped", disconnect_type="peer")


@pytest.mark.parametrize("role", CobrowseRole)
def test_a_known_word_is_kept_in_the_models_spelling(role: CobrowseRole) -> None:
    ran = run(stream().alerting(cobrowse_role=role.upper()))
    ran.expect(Applied.match(notes=()))
    assert ran.session.cobrowse_role is role


@pytest.mark.parametrize(
    "unheeded", [{"extra": {"colour": "red"}}, {"extensions": {"hops": 3}}, {"context": Context(conversation_id="c1")}]
)
def test_what_the_session_does_not_hold_changes_nothing(unheeded: dict[str, Any]) -> None:
    run(stream().alerting().after(1).updated(**unheeded)).expect(Applied.match(), Duplicate.match(notes=()))


# --- What details state -------------------------------------------------------------------------------------------------------


@given(data=st.data())
def test_details_know_what_they_state_however_they_were_made(data: st.DataObject) -> None:
    values: dict[str, Any] = {
        "self_": Address(name="a"),
        "provider": "p",
        "cobrowse_role": "viewer",
        "controlling": (),
        "viewer_url": "",
    }
    said = data.draw(st.lists(st.sampled_from(sorted(values)), unique=True))
    details = Details(**{name: values[name] for name in said})
    expected = {name.rstrip("_") for name in said}

    for made in (details, copy(details), pickle.loads(pickle.dumps(details)), evolve(details)):  # noqa: S301 (our own)
        assert set(made.names) == expected
        assert {name for name, _ in made.items()} == expected
        assert made == details
