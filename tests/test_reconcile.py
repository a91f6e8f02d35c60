"""Our sessions against the platform's own record: equal, within a tolerance, different, missing; the library and the command."""

import json
import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.commands import command
from tests.test_genesys import ANALYTICS, COBROWSE, ENDED, SHARED, WHOLE, Json, analytics, conversation, last, t
from tests.test_genesys import pushed as at

from cobrowse_session import Event, Lifecycle, Settings
from cobrowse_session.sources.genesys import convert
from cobrowse_session.sources.reconcile import Compared, reconcile
from cobrowse_session.stream import fold
from cobrowse_session.wire import encode_event

SECOND = timedelta(seconds=1)
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
    "wrapup.durationSeconds": CLOUD,
}
WORDS = (
    *("state", "initialState", "disconnectType", "provider", "peerId"),
    *(f"segments[{index}].{name}" for index in (0, 1) for name in ("type", "howEnded")),
    *("segments[1].disconnectType", "afterCallWork.state"),
    *("wrapup.code", "wrapup.name", "wrapup.notes", "wrapup.tags"),
)


def compare(theirs: Any, ours: Iterable[Event] | None = None) -> list[Compared]:
    """The sessions of our events (those of the whole life, if none are given) beside a payload of theirs."""
    events = convert(WHOLE).events if ours is None else tuple(ours)
    sessions = [fold(events).session] if events else []
    return list(reconcile(sessions, convert(theirs).legs))


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


def test_the_tolerance_of_a_time_is_that_of_its_clock() -> None:
    tolerances = {CLOUD: SECOND, PROVIDER: timedelta(0)}

    found = {one.field: (one.clock, one.tolerance) for one in compare(WHOLE) if one.clock is not None}
    assert found == {name: (clock, tolerances[clock]) for name, clock in TIMES.items()}


@pytest.mark.parametrize(
    ("theirs", "field", "result"),
    [
        (changed(startAlertingTime=t(1.03)), "startAlertingTime", "within"),
        (changed(startAlertingTime=t(1.031)), "startAlertingTime", "different"),
        (changed(connectedTime=t(2)), "connectedTime", "within"),
        (changed(connectedTime=t(1.999)), "connectedTime", "different"),
        (changed(disconnectedTime=t(63.001)), "disconnectedTime", "different"),
        (inside("afterCallWork", startTime=t(63.001)), "afterCallWork.startTime", "different"),
        (inside("afterCallWork", endTime=t(78.22)), "afterCallWork.endTime", "within"),
        (inside("afterCallWork", endTime=t(78.221)), "afterCallWork.endTime", "different"),
        (inside("afterCallWork", state="skipped"), "afterCallWork.state", "different"),
        (inside("wrapup", endTime=t(76.22)), "wrapup.endTime", "within"),
        (inside("wrapup", endTime=t(76.219)), "wrapup.endTime", "different"),
        (inside("wrapup", durationSeconds=15), "wrapup.durationSeconds", "within"),
        (inside("wrapup", durationSeconds=16), "wrapup.durationSeconds", "different"),
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
    third = {"startTime": t(63), "endTime": t(64), "type": "Interact"}

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
    assert results(record, convert(record).events) == {}


def test_after_call_work_that_the_lifecycle_alone_decided_is_held_against_the_record() -> None:
    connected = convert(conversation(ENDED, wrapupPrompt="timeout", wrapupTimeoutMs=30000)).events
    lifecycle = Lifecycle(settings=Settings(wrapup_prompt="optional"))
    ours = fold(connected, lifecycle=lifecycle).session
    theirs = convert(conversation(ENDED | {"afterCallWork": {"state": "complete", "endTime": t(93)}})).legs

    found = {one.field: one.result for one in reconcile([ours], theirs) if one.field.startswith("afterCallWork")}
    assert found == {"afterCallWork.state": "different", "afterCallWork.endTime": "missing"}


def test_a_comparison_reads_as_a_line() -> None:
    lines = {one.field: str(one) for one in compare(changed(connectedTime=t(2.5), disconnectedTime=t(64), peerId="other"))}

    assert lines["state"] == "equal      leg  state: ours disconnected, theirs disconnected"
    assert lines["peerId"] == "different  leg  peerId: ours peer1, theirs other"
    assert lines["connectedTime"] == (
        f"within     leg  connectedTime: ours {t(3)}, theirs {t(2.5)} (the cloud clock, tolerance 1 s)"
    )
    assert lines["disconnectedTime"] == (
        f"different  leg  disconnectedTime: ours {t(63)}, theirs {t(64)} (the corrected provider clock, tolerance none)"
    )
    assert [str(one) for one in compare(WHOLE, ())] == ["missing    leg  id: ours nothing, theirs leg"]


# --- The command --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(encode_event(event) + "\n" for event in convert(WHOLE).events), encoding="utf-8", newline="\n")
    return path


FIELDS = len(compare(WHOLE))


def counted(err: str) -> dict[str, int]:
    """What the last line counts, by result."""
    found = re.fullmatch(r"1 leg, ([0-9]+) fields {3}(.*)", err.splitlines()[-1])
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

    assert (done.code, done.out, counted(done.err)) == (0, "", {"equal": FIELDS})


def test_all_shows_equal_fields_too(events: Path) -> None:
    done = command("reconcile", events, record(events, WHOLE), "--all")

    assert (done.code, len(done.out.splitlines())) == (0, FIELDS)
    assert all(line.startswith("equal      leg  ") for line in done.out.splitlines())


def test_what_lies_within_the_tolerance_is_counted_and_no_difference(events: Path) -> None:
    done = command("reconcile", events, record(events, changed(connectedTime=t(2.5))))

    assert (done.code, done.out, counted(done.err)) == (0, "", {"equal": FIELDS - 1, "within": 1})


@pytest.mark.parametrize(
    ("theirs", "shown"),
    [
        (changed(peerId="other"), ["different  leg  peerId: ours peer1, theirs other"]),
        (changed(id="leg9"), ["missing    leg9  id: ours nothing, theirs leg9"]),
        (changed(connectedTime=t(2.5), peerId="other"), ["different  leg  peerId: ours peer1, theirs other"]),
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
    assert counted(done.err) == {"equal": FIELDS}


def test_a_number_beyond_all_bounds_is_a_difference_like_any_other(events: Path) -> None:
    done = command("reconcile", events, record(events, inside("wrapup", durationSeconds=10**30)))

    assert "Traceback" not in done.err
    assert (done.code, done.out.splitlines()) == (
        1,
        [f"different  leg  wrapup.durationSeconds: ours 14, theirs {10**30} (the cloud clock, tolerance 1 s)"],
    )


@pytest.mark.parametrize("arguments", [("{events}", "no-such-file"), ("no-such-file", "{events}"), ("{events}",)])
def test_a_file_that_is_not_there_exits_with_2(arguments: tuple[str, ...], events: Path) -> None:
    done = command("reconcile", *(argument.format(events=events) for argument in arguments))

    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err
