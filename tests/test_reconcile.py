"""Our sessions against the platform's own record: equal, within a tolerance, different, missing; the library and the command."""

import csv
import json
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from tests.commands import command
from tests.test_genesys import ANALYTICS, COBROWSE, ENDED, SHARED, WHOLE, Json, analytics, conversation, last, t
from tests.test_genesys import pushed as at

from cobrowse_session import Event, Lifecycle, Settings
from cobrowse_session.io.payloads import read_payloads
from cobrowse_session.io.replay import replay
from cobrowse_session.sources import convert
from cobrowse_session.sources.reconcile import FIELDS, Compared, reconcile
from cobrowse_session.stream import fold
from cobrowse_session.wire import encode_event

CLOUD, PROVIDER = "the cloud clock", "the corrected provider clock"
TIMES = {  # every time that is compared, and its clock
    "startAlertingTime": CLOUD,
    "connectedTime": CLOUD,
    "disconnectedTime": PROVIDER,
    "segments[0].startTime": PROVIDER,
    "segments[0].endTime": PROVIDER,
    "segments[1].startTime": PROVIDER,
    "segments[1].endTime": PROVIDER,
    "afterCallWork.startTime": PROVIDER,
    "afterCallWork.endTime": CLOUD,
    "wrapup.endTime": CLOUD,
}
WORDS = (
    *("state", "initialState", "disconnectType", "provider", "peerId"),
    *(f"segments[{index}].{name}" for index in (0, 1) for name in ("type", "howEnded")),
    *("segments[1].disconnectType", "afterCallWork.state"),
    *("wrapup.code", "wrapup.name", "wrapup.notes", "wrapup.tags", "wrapup.durationSeconds"),
)
TOLERANT = {  # the only fields that may differ, and the rule that is the reason
    "connectedTime": "STAMP-3",
    "afterCallWork.startTime": "ACW-6",
    "afterCallWork.endTime": "SKEW-3",
    "wrapup.endTime": "SKEW-3",
}


def compare(theirs: Any, ours: Iterable[Event] | None = None) -> list[Compared]:
    """The sessions of our events (those of the whole life, if none are given) beside a payload of theirs."""
    events = convert(WHOLE).events if ours is None else tuple(ours)
    sessions = [fold(events).session] if events else []
    return list(reconcile(sessions, convert(theirs).legs).compared)


def results(theirs: Any, ours: Iterable[Event] | None = None) -> dict[str, str]:
    """What is not equal, by field."""
    return {one.field: one.result for one in compare(theirs, ours) if one.result != "equal"}


def changed(**said: Any) -> Json:
    """Their whole record, with something else in the leg."""
    return conversation({**COBROWSE, **said})


def inside(part: str, **said: Any) -> Json:
    """The same, within one of its parts."""
    return changed(**{part: COBROWSE[part] | said})


def test_a_life_that_agrees_is_equal_in_every_field() -> None:
    compared = compare(WHOLE)

    assert {one.result for one in compared} == {"equal"}
    assert {one.field for one in compared} >= {*WORDS, *TIMES}
    assert {one.session for one in compared} == {"leg"}


def test_a_value_must_be_equal_unless_a_rule_moves_a_time() -> None:
    found = {one.field: one for one in compare(WHOLE)}

    assert {field: one.clock for field, one in found.items() if one.clock} == TIMES
    assert {field for field, one in found.items() if one.tolerance} == {*TOLERANT}
    assert all(rule in str(found[field].tolerance) for field, rule in TOLERANT.items())


@pytest.mark.parametrize(
    ("theirs", "field", "result"),
    [
        (changed(startAlertingTime=t(1.029)), "startAlertingTime", "different"),
        (changed(startAlertingTime=t(1.03)), "startAlertingTime", "different"),
        (changed(startAlertingTime=t(0.029)), "startAlertingTime", "different"),
        (changed(connectedTime=t(2.001)), "connectedTime", "different"),
        (changed(connectedTime=t(2)), "connectedTime", "different"),
        (changed(connectedTime=t(3.001)), "connectedTime", "different"),
        (changed(disconnectedTime=t(63.001)), "disconnectedTime", "different"),
        (inside("afterCallWork", startTime=t(63.999)), "afterCallWork.startTime", "within"),
        (inside("afterCallWork", startTime=t(64)), "afterCallWork.startTime", "different"),
        (inside("afterCallWork", endTime=t(77.221)), "afterCallWork.endTime", "different"),
        (inside("afterCallWork", endTime=t(76.221)), "afterCallWork.endTime", "different"),
        (inside("afterCallWork", endTime=t(76.22)), "afterCallWork.endTime", "different"),
        (inside("afterCallWork", state="skipped"), "afterCallWork.state", "different"),
        (inside("wrapup", endTime=t(76.221)), "wrapup.endTime", "different"),
        (inside("wrapup", endTime=t(76.22)), "wrapup.endTime", "different"),
        (inside("wrapup", durationSeconds=15), "wrapup.durationSeconds", "different"),
        (inside("wrapup", durationSeconds=13), "wrapup.durationSeconds", "different"),
        (inside("wrapup", durationSeconds=10**30), "wrapup.durationSeconds", "different"),
        (inside("wrapup", durationSeconds=-(10**4000)), "wrapup.durationSeconds", "different"),
        (inside("wrapup", code="code2"), "wrapup.code", "different"),
        (inside("wrapup", name="Loss"), "wrapup.name", "different"),
        (inside("wrapup", notes="m"), "wrapup.notes", "different"),
        (inside("wrapup", tags=["b", "a"]), "wrapup.tags", "different"),
        (changed(state="terminated"), "state", "different"),
        (changed(initialState="contacting"), "initialState", "different"),
        (changed(disconnectType="peer"), "disconnectType", "different"),
        (changed(provider="other"), "provider", "different"),
        (changed(peerId="other"), "peerId", "different"),
        # Each field of the model that the platform shows.
        (changed(cobrowseSessionId="other"), "cobrowseSessionId", "different"),
        (changed(cobrowseRole="sharer"), "cobrowseRole", "different"),
        (changed(viewerUrl="https://other"), "viewerUrl", "different"),
    ],
)
def test_one_thing_that_differs_is_one_verdict(theirs: Json, field: str, result: str) -> None:
    assert results(theirs) == {field: result}


@pytest.mark.parametrize(
    ("index", "said", "field"),
    [
        (0, {"type": "System"}, "segments[0].type"),
        (0, {"startTime": t(0.001)}, "segments[0].startTime"),
        (1, {"endTime": t(63.001)}, "segments[1].endTime"),
        (0, {"howEnded": "Disconnect"}, "segments[0].howEnded"),
        (1, {"disconnectType": "peer"}, "segments[1].disconnectType"),
    ],
)
def test_closed_segments_are_compared_one_by_one(index: int, said: Json, field: str) -> None:
    segments = [*COBROWSE["segments"]]
    segments[index] = segments[index] | said

    assert results(changed(segments=segments)) == {field: "different"}


def test_an_open_segment_is_not_compared_for_it_may_lag_behind() -> None:
    alert = {"startTime": t(0.5), "type": "Alert", "howEnded": "Disconnect"}

    assert results(changed(segments=[alert])) == {}
    assert results(changed(segments=[])) == {}


def test_a_closed_segment_that_we_do_not_have_is_missing() -> None:
    third = {"startTime": t(63), "endTime": t(64), "type": "Alert"}

    assert results(changed(segments=[*COBROWSE["segments"], third])) == {
        f"segments[2].{name}": "missing" for name in ("type", "startTime", "endTime")
    }


@pytest.mark.parametrize("field", [field for field in COBROWSE if field != "segments"])
def test_what_the_platform_does_not_show_is_not_compared(field: str) -> None:
    compared = compare(changed(**{field: None}))

    assert {one.result for one in compared} == {"equal"}
    assert not any(one.field.split(".", 1)[0] == field for one in compared)


def test_what_we_do_not_have_is_missing() -> None:
    ours = convert(conversation({"state": "disconnected", "disconnectedTime": t(63)})).events
    compared = {one.field: (one.ours, one.result) for one in compare(WHOLE, ours)}

    assert {result for _, result in compared.values()} == {"equal", "different", "missing"}
    assert compared["connectedTime"] == (None, "missing")
    assert compared["wrapup.code"] == (None, "missing")
    assert compared["initialState"] == ("disconnected", "different")


def test_a_leg_that_has_no_session_of_ours_is_missing_as_a_whole() -> None:
    (missing,) = compare(WHOLE, ())

    assert (missing.session, missing.field, missing.ours, missing.theirs, missing.result) == (
        "leg",
        "id",
        None,
        "leg",
        "missing",
    )


def test_words_are_compared_in_the_models_spelling() -> None:
    assert results(changed(state="DISCONNECTED", initialState="Alerting")) == {}
    assert results(changed(disconnectType="CLIENT")) == {}


@pytest.mark.parametrize("state", ["notApplicable", "unknown"])
def test_a_leg_without_after_call_work_agrees_that_it_has_none(state: str) -> None:
    declined = {"state": "disconnected", "disconnectedTime": t(30), "startAlertingTime": t(0), "afterCallWork": {"state": state}}

    assert results(conversation(declined), convert(conversation(declined)).events) == {}


def test_a_conversation_whose_legs_share_after_call_work_agrees_with_itself() -> None:
    shared = conversation(ENDED, wrapupPrompt="optional", **SHARED)

    assert results(shared, convert(shared).events) == {}


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(ANALYTICS, id="held to the end"),
        pytest.param(
            analytics(("alert", 0, 3), ("interact", 3, 20), ("hold", 20, 40), last("interact", 40, 63)), id="held in between"
        ),
        pytest.param(analytics(("system", 0, 1), ("ivr", 1, 9), last("delay", 9, 20, "transfer")), id="connected to machines"),
    ],
)
def test_a_record_of_analytics_agrees_with_itself(record: Json) -> None:
    assert {"different", "missing"}.isdisjoint(results(record, convert(record).events).values())


EVERY_FIELD: dict[str, Json] = {  # another value of each field, times by one second
    **{name: {name: t(at + 1)} for name, at in (("startAlertingTime", 0.03), ("connectedTime", 3), ("disconnectedTime", 63))},
    **{name: {name: "other"} for name in ("provider", "peerId", "cobrowseSessionId", "viewerUrl")},
    "self": {"self": {"name": "other"}},
    "cobrowseRole": {"cobrowseRole": "sharer"},
    "state": {"state": "terminated"},
    "initialState": {"initialState": "dialing"},
    "disconnectType": {"disconnectType": "spam"},
    "afterCallWorkRequired": {"afterCallWorkRequired": True},
    "afterCallWork.state": {"afterCallWork": {"state": "skipped"}},
    "afterCallWork.startTime": {"afterCallWork": {"startTime": t(64)}},
    "afterCallWork.endTime": {"afterCallWork": {"endTime": t(78.22)}},
    "wrapup.code": {"wrapup": {"code": "other"}},
    "wrapup.name": {"wrapup": {"name": "other"}},
    "wrapup.notes": {"wrapup": {"notes": "other"}},
    "wrapup.tags": {"wrapup": {"tags": ["other"]}},
    "wrapup.endTime": {"wrapup": {"endTime": t(78.22)}},
    "wrapup.durationSeconds": {"wrapup": {"durationSeconds": 15}},
}


def test_there_is_another_value_for_each_field_that_is_compared() -> None:
    assert {field.name for field in FIELDS} == {*EVERY_FIELD, "controlling"}


@pytest.mark.parametrize("field", EVERY_FIELD)
def test_another_value_of_any_field_is_found_and_a_time_by_one_second(field: str) -> None:  # LOST-4
    own = {"self": {"name": "Zoë"}, "afterCallWorkRequired": False}
    changed_part = {
        name: COBROWSE[name] | value if isinstance(value, dict) and name != "self" else value
        for name, value in EVERY_FIELD[field].items()
    }
    ours = convert(conversation({**COBROWSE, **own})).events

    found = results(conversation({**COBROWSE, **own, **changed_part}), ours)
    assert found == {field: "different"}


@pytest.mark.parametrize("seconds", [1, -1])
@pytest.mark.parametrize("field", TOLERANT)
def test_a_tolerance_is_below_one_second_in_both_directions(field: str, seconds: int) -> None:  # LOST-4
    part, _, name = field.rpartition(".")
    at = {"connectedTime": 3, "afterCallWork.startTime": 63}.get(field, 77.22)
    theirs = inside(part, **{name: t(at + seconds)}) if part else changed(**{name: t(at + seconds)})

    assert results(theirs) == {field: "different"}


LIVE = {"id": "leg", "state": "connected"}
STARTED = conversation(LIVE | {"startAlertingTime": t(1.5), "connectedTime": t(1.5)})
MOVED: dict[str, Callable[[float], tuple[Json, Any]]] = {  # a record whose time is moved by so many seconds, and our events
    "connectedTime": lambda by: (conversation(LIVE | {"connectedTime": t(1.5 - by)}), convert(STARTED).events),
    "afterCallWork.startTime": lambda by: (inside("afterCallWork", startTime=t(63 + by)), None),
    "afterCallWork.endTime": lambda by: (inside("afterCallWork", endTime=t(63 - by)), None),
    "wrapup.endTime": lambda by: (changed(wrapup={"code": "c", "endTime": t(63 - by)}), None),
}


def test_every_tolerance_has_a_record_that_needs_it() -> None:
    assert {*MOVED} == {*TOLERANT}


@pytest.mark.parametrize("by", [0.001, 0.019, 0.999])
@pytest.mark.parametrize("field", MOVED)
def test_a_time_that_a_rule_moves_is_within_its_tolerance(field: str, by: float) -> None:
    theirs, ours = MOVED[field](by)

    assert results(theirs, convert(theirs).events if ours is None else ours) == {field: "within"}


def test_a_time_is_not_tolerated_where_no_rule_moved_ours() -> None:
    assert results(inside("afterCallWork", endTime=t(77.219))) == {"afterCallWork.endTime": "different"}
    assert results(changed(connectedTime=t(2.999))) == {"connectedTime": "different"}


LATER: dict[str, tuple[Json, Json]] = {  # our record, and theirs, whose time is after the move
    "connectedTime": (STARTED, conversation(LIVE | {"connectedTime": t(2)})),
    "afterCallWork.endTime": (inside("afterCallWork", endTime=t(63)), inside("afterCallWork", endTime=t(63.5))),
    "wrapup.endTime": (
        changed(wrapup={"code": "c", "endTime": t(63)}),
        changed(wrapup={"code": "c", "endTime": t(63.5)}),
    ),
}


@pytest.mark.parametrize("field", LATER)
def test_a_time_after_the_one_to_which_ours_was_moved_is_not_tolerated(field: str) -> None:
    ours, theirs = LATER[field]

    assert results(theirs, convert(ours).events) == {field: "different"}


def test_a_state_of_a_leg_that_goes_on_is_compared_and_one_that_contradicts_the_end_is_not() -> None:
    alerting = convert(conversation({"id": "leg", "state": "alerting", "startAlertingTime": t(0)})).events

    assert results(conversation(LIVE | {"connectedTime": t(3)}), alerting) == {"state": "different", "connectedTime": "missing"}
    assert "state" not in {one.field for one in compare(changed(state="connected"))}


def test_a_leg_that_goes_on_for_us_does_not_lack_after_call_work_yet() -> None:  # ACW-31
    theirs = conversation(ENDED | {"afterCallWork": {"state": "notApplicable"}})
    ours = convert(conversation(LIVE | {"connectedTime": t(3)})).events

    assert [one.result for one in compare(theirs, ours) if one.field == "afterCallWork.state"] == ["missing"]


def test_another_grant_is_found_while_connected() -> None:
    live = {"id": "leg", "state": "connected", "connectedTime": t(3), "controlling": ["page-1"]}

    found = results(conversation(live | {"controlling": ["page-2"]}), convert(conversation(live)).events)
    assert found == {"controlling": "different"}


# --- Captures and cases -------------------------------------------------------------------------------------------------------

CORPUS = Path(__file__).parent / "corpus"
PATHS = {  # every time of a leg, by its field
    "startAlertingTime": ("start_alerting_time",),
    "connectedTime": ("connected_time",),
    "disconnectedTime": ("disconnected_time",),
    "afterCallWork.startTime": ("after_call_work", "start_time"),
    "afterCallWork.endTime": ("after_call_work", "end_time"),
    "wrapup.endTime": ("wrapup", "end_time"),
}


def shifted(holder: Any, path: tuple[str, ...], by: timedelta) -> Any:
    """The leg with one of its times moved. What it does not have stays unset."""
    name, *rest = path
    value = getattr(holder, name)
    if value is None:
        return holder
    return evolve(holder, **{name: shifted(value, tuple(rest), by) if rest else value + by})


@pytest.mark.parametrize("payload", sorted(CORPUS.glob("*/payload.*")), ids=lambda path: path.parent.name)
def test_a_captured_record_is_clean_and_each_of_its_times_is_found_if_changed_by_one_second(payload: Path) -> None:  # LOST-4
    with payload.open("rb") as file:
        converted = [one for _, one in read_payloads(file, lambda _: None)]
    legs = [leg for one in converted for leg in one.legs]
    sessions = {log.session_id: log.session for log in replay(event for one in converted for event in one.events)}
    reconciled = reconcile(sessions.values(), legs)
    assert [str(one) for one in reconciled.differences] == []

    compared = {(one.session, one.field) for one in reconciled.compared}
    for leg in legs:
        for field, path in PATHS.items():
            for by in (timedelta(seconds=1), timedelta(seconds=-1)):
                if leg.is_record and (leg.id, field) in compared and shifted(leg, path, by) != leg:
                    found = reconcile([sessions[leg.id]], [shifted(leg, path, by)]).differences
                    assert field in {one.field for one in found}, str(leg)


# --- Final records ------------------------------------------------------------------------------------------------------------

ALERTING = {"id": "leg", "state": "alerting", "initialState": "alerting", "startAlertingTime": t(0)}
GONE = ALERTING | {"state": "disconnected", "disconnectedTime": t(2), "disconnectType": "peer"}


@pytest.mark.parametrize("order", [(ALERTING, GONE), (GONE, ALERTING)])
def test_only_the_record_that_shows_the_end_is_compared(order: tuple[Json, ...]) -> None:  # LOST-5
    payloads = [conversation(one) for one in order]
    converted = convert(payloads)

    found = reconcile([fold(converted.events).session], converted.legs)
    assert (found.differences, found.legs, found.older, found.single) == ((), 1, 1, 0)


def test_the_legs_of_a_record_are_counted_compared_or_not() -> None:
    single = {"communicationAnsweredEvents": [at(3)]}
    converted = convert([conversation(GONE), conversation(ALERTING), conversation(ALERTING), *[single] * 4])

    found = reconcile([fold(converted.events).session], converted.legs)
    assert (found.legs, found.older, found.single, found.shown) == (1, 2, 4, 7)


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([(1, {"peerId": "p1"}), (2, {"peerId": "p2"})], id="the later edition"),
        pytest.param([(2, {"peerId": "p2"}), (1, {"peerId": "p1"})], id="the later edition, which came first"),
        pytest.param([(1, {"peerId": "p1"}), (1, {"peerId": "p2"})], id="the second one of the same edition"),
        pytest.param([(1, GONE | {"peerId": "p2"}), (2, {"peerId": "p1"})], id="the end"),
        pytest.param([(1, GONE | {"state": "terminated", "peerId": "p2"}), (2, GONE | {"peerId": "p1"})], id="the final end"),
    ],
)
def test_of_several_records_of_a_leg_the_final_one_is_compared(records: list[tuple[float, Json]]) -> None:
    payloads = [conversation(ALERTING | shown | {"providerEventTime": t(seconds)}) for seconds, shown in records]
    ours = fold(convert(conversation(GONE | {"state": "terminated"})).events).session

    compared = reconcile([ours], [leg for payload in payloads for leg in convert(payload).legs]).compared
    assert [one.theirs for one in compared if one.field == "peerId"] == ["p2"]


def test_of_two_records_the_later_one_is_compared() -> None:
    before, after = (conversation(ALERTING | {"peerId": peer}) for peer in ("p1", "p2"))
    legs = convert([before, after]).legs

    (different,) = reconcile([fold(convert(before).events).session], legs).differences
    assert (different.field, different.ours, different.theirs) == ("peerId", "p1", "p2")


def test_a_session_that_the_record_lacks_is_extra() -> None:
    ours = [fold(convert(conversation(ALERTING | {"id": name})).events).session for name in ("leg", "other")]

    (extra,) = reconcile(ours, convert(conversation(ALERTING)).legs).differences
    assert (extra.session, extra.field, extra.ours, extra.theirs, extra.result) == ("other", "id", "other", None, "extra")


def test_a_session_is_not_extra_if_nothing_of_the_record_is_compared() -> None:
    ours = fold(convert(conversation(ALERTING)).events).session

    assert reconcile([ours], convert({"communicationAnsweredEvents": [at(3)]}).legs).compared == ()
    assert reconcile([ours], ()).compared == ()


def test_a_single_event_is_no_record() -> None:
    pushed = convert({"communicationAnsweredEvents": [at(3)]})

    found = reconcile([fold(pushed.events).session], pushed.legs)
    assert (found.compared, found.legs, found.single) == ((), 0, 1)


def test_after_call_work_that_the_lifecycle_alone_decided_is_held_against_the_record() -> None:
    connected = convert(conversation(ENDED, wrapupPrompt="timeout", wrapupTimeoutMs=30000)).events
    lifecycle = Lifecycle(settings=Settings(wrapup_prompt="optional"))
    ours = fold(connected, lifecycle=lifecycle).session
    theirs = convert(conversation(ENDED | {"afterCallWork": {"state": "complete", "endTime": t(93)}})).legs

    found = {one.field: one.result for one in reconcile([ours], theirs).compared if one.field.startswith("afterCallWork")}
    assert found == {"afterCallWork.state": "different", "afterCallWork.endTime": "missing"}


def test_a_comparison_reads_as_a_line() -> None:
    work = {"state": "complete", "startTime": t(62.5), "endTime": t(79)}
    theirs = changed(afterCallWork=work, disconnectedTime=t(64), peerId="other")
    lines = {one.field: str(one) for one in compare(theirs)}

    assert lines["state"] == "equal      leg  state: ours disconnected, theirs disconnected"
    assert lines["segments[0].type"] == "equal      leg  segments[0].type: ours Alert, theirs Alert"
    assert lines["peerId"] == "different  leg  peerId: ours peer1, theirs other"
    assert lines["afterCallWork.startTime"] == (
        f"within     leg  afterCallWork.startTime: ours {t(63)}, theirs {t(62.5)} (the corrected provider clock: "
        "after-call work begins at the end of the leg (ACW-6))"
    )
    assert lines["afterCallWork.endTime"] == (
        f"different  leg  afterCallWork.endTime: ours {t(77.22)}, theirs {t(79)} (the cloud clock)"
    )
    assert lines["disconnectedTime"] == (
        f"different  leg  disconnectedTime: ours {t(63)}, theirs {t(64)} (the corrected provider clock)"
    )
    assert [str(one) for one in compare(WHOLE, ())] == ["missing    leg  id: ours nothing, theirs leg"]


# --- The command --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(encode_event(event) + "\n" for event in convert(WHOLE).events), encoding="utf-8", newline="\n")
    return path


COUNT = len(compare(WHOLE))


def counted(err: str) -> dict[str, int]:
    """What the last line counts, by result."""
    found = re.fullmatch(r"1 leg, ([0-9]+) fields compared {3}(.*)", err.splitlines()[-1])
    assert found is not None
    counts = {name: int(number) for name, number in (one.split() for one in found[2].split(", "))}
    assert sum(counts.values()) == int(found[1])
    return counts


def record(events: Path, document: Any) -> Path:
    path = events.with_name("conversation.json")
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_agreement_exits_with_0_and_says_nothing(events: Path) -> None:
    done = command("reconcile", events, record(events, WHOLE))

    assert (done.code, done.out, counted(done.err)) == (0, "", {"equal": COUNT})


def test_all_shows_equal_fields_too(events: Path) -> None:
    done = command("reconcile", events, record(events, WHOLE), "--all")

    assert (done.code, len(done.out.splitlines())) == (0, COUNT)
    assert all(line.startswith("equal      leg  ") for line in done.out.splitlines())


def test_what_lies_within_the_tolerance_is_counted_and_no_difference(events: Path) -> None:
    done = command("reconcile", events, record(events, inside("afterCallWork", startTime=t(62.5))))

    assert (done.code, done.out, counted(done.err)) == (0, "", {"equal": COUNT - 1, "within": 1})


@pytest.mark.parametrize(
    ("theirs", "shown"),
    [
        (changed(peerId="other"), ["different  leg  peerId: ours peer1, theirs other"]),
        (
            changed(id="leg9"),
            ["missing    leg9  id: ours nothing, theirs leg9", "extra      leg  id: ours leg, theirs nothing"],
        ),
        (changed(peerId="other", afterCallWork={"startTime": t(62.5)}), ["different  leg  peerId: ours peer1, theirs other"]),
    ],
)
def test_a_difference_exits_with_1_and_is_shown(theirs: Json, shown: list[str], events: Path) -> None:
    done = command("reconcile", events, record(events, theirs))

    assert (done.code, done.out.splitlines()) == (1, shown)


def test_a_difference_may_be_that_of_the_settings(events: Path) -> None:
    """A provider's own events say nothing of the queue's rules."""
    pushed = {"communicationAnsweredEvents": [at(3)], "communicationEndedEvents": [at(63, disconnectType="Self")]}
    events.write_text("".join(encode_event(event) + "\n" for event in convert(pushed).events))
    theirs = record(events, conversation(ENDED | {"afterCallWork": {"state": "pending", "startTime": t(63)}}))

    assert command("reconcile", events, theirs).code == 1
    assert command("reconcile", events, theirs, "--acw", "optional").code == 0


def test_the_record_may_be_of_a_family_that_is_named(events: Path) -> None:
    assert command("reconcile", events, record(events, WHOLE), "--from", "conversation").code == 0
    assert command("reconcile", events, record(events, WHOLE), "--from", "nonsense").code == 2


@pytest.mark.parametrize(("which", "said"), [("events", "not_json"), ("record", "not_recognised")])
def test_what_cannot_be_read_is_said_and_exits_with_1(which: str, said: str, events: Path) -> None:
    theirs = record(events, [WHOLE, {"id": "nothing"}] if which == "record" else WHOLE)
    if which == "events":
        events.write_bytes(events.read_bytes() + b"{\n")

    done = command("reconcile", events, theirs)

    assert done.code == 1
    assert said in done.err
    assert counted(done.err) == {"equal": COUNT}


def test_a_number_beyond_all_bounds_is_a_difference_like_any_other(events: Path) -> None:
    done = command("reconcile", events, record(events, inside("wrapup", durationSeconds=10**30)))

    assert "Traceback" not in done.err
    assert (done.code, done.out.splitlines()) == (
        1,
        [f"different  leg  wrapup.durationSeconds: ours 14, theirs {10**30}"],
    )


@pytest.mark.parametrize("arguments", [("{events}", "no-such-file"), ("no-such-file", "{events}"), ("{events}",)])
def test_a_file_that_is_not_there_exits_with_2(arguments: tuple[str, ...], events: Path) -> None:
    done = command("reconcile", *(argument.format(events=events) for argument in arguments))

    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err


# --- Folders ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Events and records of two conversations, each in files of their own. The second one has lost the end of its leg."""
    events, records = tmp_path / "events", tmp_path / "records"
    events.mkdir()
    records.mkdir()
    for name in ("c1", "c2"):
        document = conversation({**GONE, "id": f"leg-{name}"}) | {"id": name}
        kept = [one for one in convert(document).events if name == "c1" or "disconnected" not in one.id]
        (events / f"{name}.jsonl").write_text("".join(encode_event(one) + "\n" for one in kept), encoding="utf-8")
        (records / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return events, records


def test_folders_are_compared_conversation_by_conversation(folders: tuple[Path, Path]) -> None:
    done = command("reconcile", *folders)

    assert done.code == 1
    first, *lines = done.out.splitlines()
    assert first == "Conversation c2"
    assert {line.split()[0] for line in lines} <= {"different", "missing"}
    assert "2 legs of 2 conversations" in done.err


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_the_summary_has_a_line_for_each_conversation(suffix: str, folders: tuple[Path, Path], tmp_path: Path) -> None:
    summary = tmp_path / f"summary.{suffix}"
    command("reconcile", *folders, "--summary", summary)

    text = summary.read_text(encoding="utf-8")
    rows = json.loads(text) if suffix == "json" else list(csv.DictReader(text.splitlines()))
    assert [row["conversation"] for row in rows] == ["c1", "c2"]
    assert [int(row["legs"]) for row in rows] == [1, 1]
    assert [int(row["different"]) + int(row["missing"]) > 0 for row in rows] == [False, True]
    assert all(int(row["fields"]) == sum(int(row[name]) for name in ("equal", "within", "different", "missing")) for row in rows)


def test_a_conversation_that_only_one_side_has_is_counted(folders: tuple[Path, Path], tmp_path: Path) -> None:
    events, records = folders
    (events / "c1.jsonl").unlink()
    (records / "c2.json").unlink()
    summary = tmp_path / "summary.json"
    done = command("reconcile", *folders, "--summary", summary)

    assert (done.code, done.out.splitlines()) == (1, ["Conversation c1", "missing    leg-c1  id: ours nothing, theirs leg-c1"])
    assert {"1 conversation without a record", "1 conversation without events"} <= {*done.err.splitlines()}
    rows = [(row["conversation"], row["sessions"], row["legs"], row["missing"]) for row in json.loads(summary.read_text())]
    assert rows == [("c1", 0, 1, 1), ("c2", 1, 0, 0)]


def test_a_session_of_other_media_than_the_record_is_not_extra(folders: tuple[Path, Path]) -> None:
    events, _ = folders
    for media in ("cobrowsesessions", "chats"):
        document = conversation(ALERTING | {"id": f"more-{media}"}, media=media) | {"id": "c1"}
        lines = "".join(encode_event(one) + "\n" for one in convert(document).events)
        (events / f"{media}.jsonl").write_text(lines, encoding="utf-8")
    done = command("reconcile", *folders)

    assert [line for line in done.out.splitlines() if line.startswith("extra")] == [
        "extra      more-cobrowsesessions  id: ours more-cobrowsesessions, theirs nothing"
    ]


def test_legs_of_one_id_in_two_conversations_are_compared_apart(tmp_path: Path) -> None:
    """A platform may give an id again. Our events of both are one session, and their records are two."""
    events, records = tmp_path / "events", tmp_path / "records"
    events.mkdir()
    records.mkdir()
    for name, end in (("c1", 60), ("c2", 90)):
        document = conversation({**GONE, "id": "leg", "disconnectedTime": t(end)}) | {"id": name}
        lines = "".join(encode_event(one) + "\n" for one in convert(document).events)
        (events / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        (records / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")

    done = command("reconcile", events, records)
    assert (done.code, done.out) == (0, "")
    assert "2 legs of 2 conversations" in done.err

    (records / "c2.json").write_text(json.dumps(conversation({**GONE, "id": "leg", "disconnectedTime": t(91)}) | {"id": "c2"}))
    done = command("reconcile", events, records)
    assert (done.code, done.out.splitlines()[0]) == (1, "Conversation c2")
    assert "disconnectedTime: ours 2026-03-01T09:01:30.000Z, theirs 2026-03-01T09:01:31.000Z" in done.out


def test_the_two_ids_of_a_leg_are_joined_across_the_records_of_a_folder(tmp_path: Path) -> None:  # JOIN-2
    whole = {"id": "c1", "participants": [{"id": "p1", "purpose": "agent", "calls": [{**GONE, "id": "leg"}]}]}
    flat = {"id": "c1", "participants": [{"id": "p1", "purpose": "agent", **GONE, "endTime": GONE["disconnectedTime"]}]}
    events, records = tmp_path / "events.jsonl", tmp_path / "records"
    records.mkdir()
    events.write_text("".join(encode_event(one) + "\n" for one in convert(whole).events))
    for name, document in (("a", whole), ("b", {"topicName": "v2.users.u1.conversations.calls", "eventBody": flat})):
        (records / f"{name}.json").write_text(json.dumps(document))

    done = command("reconcile", events, records)
    assert (done.code, done.out) == (0, "")


def test_what_is_not_compared_is_counted(events: Path) -> None:
    single = {"communicationAnsweredEvents": [at(3)]}
    done = command("reconcile", events, record(events, [conversation(ALERTING), WHOLE, single]))

    assert "2 not compared (1 older snapshot, 1 single event)" in done.err.splitlines()[-1]


def test_a_summary_of_another_form_is_wrong_usage(folders: tuple[Path, Path]) -> None:
    done = command("reconcile", *folders, "--summary", "summary.txt")

    assert (done.code, ".csv or .json" in done.err) == (2, True)


def test_an_empty_folder_is_named(folders: tuple[Path, Path], tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    done = command("reconcile", folders[0], empty)

    assert (done.code, "empty" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("side", "name", "content", "shown"),
    [
        (1, "b.json", b'{"participants": 1', "b.json:1"),
        (1, "b.json", encode_event(convert(conversation(ALERTING)).events[0]).encode(), "b.json: it holds events"),
        (1, "b.json.gz", b"\x1f\x8b\x08\x00damaged", "b.json.gz: the compressed file is damaged"),
        (0, "b.jsonl", b"{\n", "b.jsonl:1"),
        (0, "b.jsonl.gz", b"\x1f\x8b\x08\x00damaged", "b.jsonl.gz: the compressed file is damaged"),
    ],
)
def test_a_file_that_cannot_be_read_does_not_keep_the_others_from_being_compared(
    side: int, name: str, content: bytes, shown: str, folders: tuple[Path, Path]
) -> None:
    (folders[side] / name).write_bytes(content)
    done = command("reconcile", *folders)

    assert done.code == 1
    assert shown in done.err
    assert "2 legs of 2 conversations" in done.err
