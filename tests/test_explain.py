"""Why a session is as it is: `explain` a field, `tell` a life; the library and the command."""

import re
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.test_replay import command

from cobrowse_session import Address, Event, Lifecycle, SessionLog, UnknownPrompt
from cobrowse_session.segments import Segment, Segments
from cobrowse_session.stream import FoldResult, explain, fold
from cobrowse_session.stream.explain import Reason
from cobrowse_session.testing import START, Stream, stream
from cobrowse_session.wire import encode_event

CLOUD, PROVIDER = "the cloud clock", "the corrected provider clock"
TIMED: dict[str, Any] = {"wrapup_prompt": "timeout", "wrapup_timeout": 30}


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


ALERT = stream("s1", delay=0.03).alerting(
    provider="acme",
    self_=Address(name="Zoë"),
    peer_id="p1",
    cobrowse_session_id="cb1",
    cobrowse_role="viewer",
    viewer_url="https://v",
    **TIMED,
)
CALL = ALERT.after(3).connected(controlling=["p9"]).after(5).required().after(55).disconnected("client")
LIFE = CALL.after(14.22).wrapup("sale", notes="n", tags=["a"])
WHOLE = fold(LIFE)
TIMED_OUT = fold(CALL, at(200))
MISSED = fold(stream().alerting(alerting_timeout=20), at(60), lifecycle=Lifecycle(alerting_grace=timedelta(milliseconds=250)))
UNREQUESTED = fold(stream().connected(wrapup_prompt="agentRequested").after(60).disconnected("peer"))


def step_of(reason: Reason) -> str:
    """The event, or the timer, that set it."""
    assert reason.step is not None
    return str(getattr(reason.step.event, "id", reason.step.event.type))


# --- Explain ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "step", "row", "clock"),
    [
        ("state", "disconnected", "e4", "ended", None),
        ("initialState", "alerting", "e1", "alerting", None),
        ("disconnectType", "client", "e4", "ended", None),
        ("self", Address(name="Zoë"), "e1", "alerting", None),
        ("self.name", "Zoë", "e1", "alerting", None),
        ("cobrowseSessionId", "cb1", "e1", "alerting", None),
        ("cobrowseRole", "viewer", "e1", "alerting", None),
        ("controlling", (), "e4", "ended", None),
        ("viewerUrl", "https://v", "e1", "alerting", None),
        ("providerEventTime", at(77.22), "e5", "complete_by_code", PROVIDER),
        ("startAlertingTime", at(0.03), "e1", "alerting", CLOUD),
        ("connectedTime", at(3.03), "e2", "connected", CLOUD),
        ("disconnectedTime", at(63), "e4", "ended", PROVIDER),
        ("provider", "acme", "e1", "alerting", None),
        ("peerId", "p1", "e1", "alerting", None),
        ("segments.0.startTime", at(0), "e1", "alerting", PROVIDER),
        ("segments.0.endTime", at(3), "e2", "connected", PROVIDER),
        ("segments.0.type", "Alert", "e1", "alerting", None),
        ("segments.0.howEnded", "Interact", "e2", "connected", None),
        ("segments.1.disconnectType", "client", "e4", "ended", None),
        ("wrapup.code", "sale", "e5", "complete_by_code", None),
        ("wrapup.tags.0", "a", "e5", "complete_by_code", None),
        ("wrapup.endTime", at(77.22), "e5", "complete_by_code", PROVIDER),
        ("wrapup.durationSeconds", 14, "e5", "complete_by_code", None),
        ("afterCallWork.startTime", at(63), "e4", "begins", PROVIDER),
        ("afterCallWork.endTime", at(77.22), "e5", "complete_by_code", PROVIDER),
        ("afterCallWork.state", "complete", "e5", "complete_by_code", None),
        ("afterCallWorkRequired", True, "e3", "request", None),
    ],
)
def test_a_field_is_explained_by_the_event_and_the_row_that_set_it_last(
    field: str, value: object, step: str, row: str, clock: str | None
) -> None:
    reason = explain(WHOLE, field)

    assert (reason.field, reason.value, step_of(reason), reason.clock) == (field, value, step, clock)
    assert row in reason.rows


@pytest.mark.parametrize("field", ["segments", "wrapup", "afterCallWork", "self", "controlling"])
def test_a_whole_part_is_said_as_the_session_json_has_it(field: str) -> None:
    said = str(explain(WHOLE, field))

    assert not re.search(r"datetime\.|[a-z]_[a-z]+=|\w+\(", said.splitlines()[0])


def test_the_id_is_what_every_event_says() -> None:
    reason = explain(WHOLE, "id")

    assert reason.value == "s1"
    assert "unset" not in str(reason)


@pytest.mark.parametrize(
    ("field", "folded"),
    [
        ("wrapup.code", UNREQUESTED),
        ("wrapup", UNREQUESTED),
        ("self.name", UNREQUESTED),
        ("connectedTime", MISSED),
        ("segments.7.type", WHOLE),
        ("segments.0.disconnectType", WHOLE),
        ("wrapup.name", WHOLE),
    ],
)
def test_a_field_that_nothing_set_says_so(field: str, folded: FoldResult) -> None:
    reason = explain(folded, field)

    assert (reason.value, reason.step, reason.rows, reason.rules, reason.clock) == (None, None, (), (), None)
    assert str(reason).splitlines()[0] == f"{field} is unset; no event has set it."


@pytest.mark.parametrize("field", ["colour", "", "end_time", "provider_event_time", "settings", "extra", "self_", "Self"])
def test_a_field_that_a_session_does_not_have_is_an_error(field: str) -> None:
    with pytest.raises(KeyError, match="afterCallWorkRequired"):
        explain(WHOLE, field)


@pytest.mark.parametrize(
    "field",
    ["wrapup.colour", "wrapup.end_time", "wrapup.extra", "state.name", "segments.first", "segments.0.x", "afterCallWork."],
)
def test_a_field_that_a_part_does_not_have_is_an_error_too(field: str) -> None:
    with pytest.raises(KeyError):
        explain(WHOLE, field)


@pytest.mark.parametrize(
    ("field", "value", "instant"),
    [
        ("wrapup.code", "ININ-WRAP-UP-TIMEOUT", 93),
        ("wrapup.endTime", at(93), 93),
        ("afterCallWork.endTime", at(93), 93),
        ("afterCallWork.state", "complete", 93),
    ],
)
def test_what_a_timer_set_names_the_timer_and_its_own_instant(field: str, value: object, instant: float) -> None:
    reason = explain(TIMED_OUT, field)

    assert reason.step is not None
    assert (reason.value, reason.rows, reason.step.event.occurred_at) == (value, ("complete_by_timeout",), at(instant))
    assert "  set by     timer.acw, at 2026-03-01T09:01:33.000Z" in str(reason).splitlines()


@pytest.mark.parametrize(
    ("field", "value"),
    [("state", "disconnected"), ("disconnectType", "system"), ("disconnectedTime", at(20.25)), ("segments.0.endTime", at(20.25))],
)
def test_an_alert_that_timed_out_is_explained_by_its_timer(field: str, value: object) -> None:
    reason = explain(MISSED, field)

    assert (reason.value, step_of(reason), reason.rows) == (
        value,
        "timer.alerting",
        ("alert_timed_out", "none_after_alert_timeout"),
    )


@pytest.mark.parametrize(
    ("events", "field", "row"),
    [
        (stream().connected().after(1).updated(viewer_url="https://new"), "viewerUrl", "details"),
        (stream().connected().after(1).updated(provider="acme"), "provider", "details"),
        (stream().connected().after(1).disconnected().after(1).terminated(), "state", "released"),
        (stream().connected().after(1).disconnected().after(1).disconnected("peer"), "disconnectType", "end_named"),
        (stream().connected().after(1).disconnected().after(1).terminated("peer"), "disconnectType", "released"),
        (stream().connected().after(1).disconnected().after(1).wrapup("sale"), "wrapup.code", "saved_again"),
        (stream().connected().after(1).wrapup("sale"), "wrapup", "prepared"),
        (stream().connected().after(1).disconnected().after(1).platform("skipped"), "afterCallWork", "skipped_by_platform"),
        (stream().scheduled(), "segments", "pending"),
        (stream().terminated(), "initialState", "ended"),
    ],
)
def test_rows_that_ask_no_settings_explain_as_well(events: Stream, field: str, row: str) -> None:
    reason = explain(fold(events), field)

    assert (step_of(reason), reason.rows[0]) == (f"e{len(events)}", row)


def test_a_value_that_was_emptied_names_what_emptied_it() -> None:
    drafted = stream().connected(wrapup_prompt="optional").after(1).wrapup(notes="n", provisional=True).after(1).disconnected()
    reason = explain(fold(drafted.after(1).wrapup()), "wrapup")

    assert (reason.value, step_of(reason), reason.rows) == (None, "e4", ("skipped_by_agent",))
    assert "Only a skip drops a draft." in reason.rules


@pytest.mark.parametrize(
    ("field", "folded", "rule"),
    [
        ("startAlertingTime", WHOLE, "first put into alerting, in the cloud clock [O]"),
        ("connectedTime", WHOLE, "in the cloud clock [D], never before the alert"),
        ("disconnectedTime", WHOLE, "in the provider clock [D], corrected [C]"),
        ("providerEventTime", WHOLE, "in the corrected provider clock [D]"),
        ("controlling", WHOLE, "must not outlive its session [C]"),
        ("segments.0.endTime", WHOLE, "[O]"),
        ("afterCallWork.startTime", WHOLE, "[O]"),
        ("afterCallWork.startTime", UNREQUESTED, "zero length [O]"),
        ("wrapup.code", TIMED_OUT, "[D]"),
        # WRAP-5
        ("wrapup", fold(stream().connected().after(1).wrapup("sale")), "[D]"),
        # WRAP-8, WRAP-11
        ("afterCallWork.endTime", WHOLE, "[O]"),
        ("wrapup.durationSeconds", WHOLE, "[O]"),
        # ACW-47
        ("afterCallWorkRequired", WHOLE, "[D]"),
    ],
)
def test_a_rule_bears_the_mark_of_the_specification(field: str, folded: FoldResult, rule: str) -> None:
    assert any(rule in said for said in explain(folded, field).rules)


@pytest.mark.parametrize("field", ["viewerUrl", "peerId", "cobrowseRole", "self.name", "provider", "initialState"])
def test_what_the_events_details_set_is_explained_by_the_rule_of_details(field: str) -> None:
    named = stream().connected(
        viewer_url="v", peer_id="p", cobrowse_role="viewer", self_=Address(name="Zoë"), provider="acme", initial_state="alerting"
    )

    (rule,) = explain(fold(named), field).rules
    assert rule.startswith("Details replace what the session holds.")


# --- Otherwise ----------------------------------------------------------------------------------------------------------------


def test_otherwise_lists_the_rows_that_were_asked_before_and_what_each_lacked() -> None:
    assert explain(WHOLE, "afterCallWork.startTime").instead == (
        "none_after_alert_timeout, had this been so: The library ended an alert that nobody answered.",
        (
            "none_when_unanswered, had this been so: The leg never connected, "
            "and the lifecycle gives such legs no after-call work (`acw_when_unanswered`)."
        ),
        "none_without_prompt, had this been so: No wrap-up prompt is known, so the leg has no after-call work.",
        (
            "skipped_after_transfer, had this been so: The leg was transferred, "
            "and the lifecycle gives such legs no after-call work (`acw_after_transfer`)."
        ),
        "skipped_unrequested, had this been so: After-call work is the agent's to ask for, and the agent did not.",
    )


def test_a_row_that_holds_back_for_its_second_guard_names_that_one() -> None:
    done = stream().connected(wrapup_prompt="optional").after(1).disconnected().after(1).done()

    assert "done_no_early_exit, had this been so: The prompt keeps the agent until the time is over." in (
        explain(fold(done), "afterCallWork").instead
    )


def test_a_row_that_lacked_more_than_one_thing_names_all_of_it() -> None:
    """A final wrap-up that was there already would have changed nothing: the save is no draft."""
    (draft,) = (said for said in explain(WHOLE, "wrapup").instead if said.startswith("draft_after_final"))

    assert "A final wrap-up is there already." in draft
    assert "Provisional: to be used later [D]." in draft


def test_after_call_work_has_nothing_to_do_with_when_the_leg_ended() -> None:
    assert explain(WHOLE, "disconnectedTime").instead == ()


def test_the_first_row_had_nothing_before_it() -> None:
    assert explain(WHOLE, "startAlertingTime").instead == ()


@pytest.mark.parametrize(
    ("events", "field", "told"),
    [
        (
            LIFE.after(1).required(required=False),
            "afterCallWorkRequired",
            (
                "cobrowse.session.acw.required e6 of /test, at 2026-03-01T09:01:18.220Z, received 2026-03-01T09:01:18.250Z "
                "was refused: After-call work can be requested only while the leg is connected."
            ),
        ),
        (
            LIFE.after(1).wrapup(notes="draft", provisional=True),
            "wrapup.notes",
            (
                "cobrowse.session.wrapup e6 of /test, at 2026-03-01T09:01:18.220Z, received 2026-03-01T09:01:18.250Z "
                "was ignored: "
                "A draft counts only while the leg is connected or after-call work is pending."
            ),
        ),
        (
            stream().connected().after(1).alerting(),
            "startAlertingTime",
            (
                "cobrowse.session.alerting e2 of /test, at 2026-03-01T09:00:01.000Z, received "
                "2026-03-01T09:00:01.000Z was refused: "
                "A connected leg does not return to a pending state. A new offer is a new leg with a new id."
            ),
        ),
        (
            stream().connected().after(1).done(),
            "afterCallWork",
            (
                "cobrowse.session.acw.ended e2 of /test, at 2026-03-01T09:00:01.000Z, received "
                "2026-03-01T09:00:01.000Z was refused: "
                "After-call work cannot end before the leg has ended."
            ),
        ),
        (
            LIFE.after(1).updated(controlling=["p7"]),
            "controlling",
            (
                "cobrowse.session.updated e6 of /test, at 2026-03-01T09:01:18.220Z, received 2026-03-01T09:01:18.250Z "
                "was ignored: "
                "A grant to control counts only while the leg is connected."
            ),
        ),
    ],
)
def test_otherwise_lists_the_events_that_were_turned_away(events: Stream, field: str, told: str) -> None:
    reason = explain(fold(events), field)

    assert reason.instead[-1:] == (told,)
    assert str(reason).splitlines()[-1] == f"  otherwise  {told}"


@pytest.mark.parametrize("field", ["providerEventTime", "provider", "peerId", "disconnectType"])
def test_an_event_that_was_turned_away_is_no_matter_of_fields_that_it_could_not_have_set(field: str) -> None:
    turned_away = explain(fold(LIFE.after(1).required(required=False)), field).instead

    assert not any("was refused" in said for said in turned_away)


def test_a_reason_reads_as_a_page() -> None:
    assert str(explain(WHOLE, "connectedTime")).splitlines() == [
        "connectedTime is 2026-03-01T09:00:03.030Z.",
        "  set by     cobrowse.session.connected e2 of /test, at 2026-03-01T09:00:03.000Z, received 2026-03-01T09:00:03.030Z",
        "  row        connected: Both sides are connected.",
        "  rule       When the leg was connected, in the cloud clock [D], never before the alert.",
        "  clock      the cloud clock",
    ]


# --- Tell ---------------------------------------------------------------------------------------------------------------------


def test_a_life_is_told_in_the_rows_own_sentences() -> None:
    assert tell(TIMED_OUT) == [
        "Session s1.",
        "2026-03-01 09:00:00.000  alerting: The agent is being alerted.",
        "2026-03-01 09:00:03.000  connected: Both sides are connected.",
        "2026-03-01 09:00:08.000  acw.required: The agent requested after-call work.",
        "2026-03-01 09:01:03.000  disconnected: The leg ended. After-call work begins.",
        "2026-03-01 09:01:33.000  timer.acw: The deadline of after-call work has passed.",
    ]


@pytest.mark.parametrize(
    ("events", "told"),
    [
        (
            stream().connected().after(1).alerting(),
            (
                "2026-03-01 09:00:01.000  alerting: Refused (no_way_back): A connected leg does not go back to a "
                "state before it; "
                "a new offer is a new leg with a new id. Nothing changed."
            ),
        ),
        (
            stream().connected().after(1).unknown(),
            "2026-03-01 09:00:01.000  unknown: Ignored (unknown_type): The type of the event is unknown. Nothing changed.",
        ),
        (
            stream().connected().after(1).connected(),
            "2026-03-01 09:00:01.000  connected: The event repeats the current state. Nothing changed.",
        ),
        (
            stream().connected(wrapup_prompt=UnknownPrompt("newfangled"), cobrowse_role="spectator"),
            (
                "2026-03-01 09:00:00.000  connected: Both sides are connected. (unknown cobrowseRole 'spectator', "
                "kept as it came)"
                " (unknown wrapupPrompt 'newfangled', kept as it came)"
            ),
        ),
        (
            stream(delay=2.001).connected(),
            "2026-03-01 09:00:00.000  connected: Both sides are connected. [received 2026-03-01 09:00:02.001]",
        ),
        (stream(delay=2).connected(), "2026-03-01 09:00:00.000  connected: Both sides are connected."),
        (
            stream(delay=300).connected().after(1).alerting(wrapup_prompt=UnknownPrompt("x")),
            (
                "2026-03-01 09:00:01.000  alerting: Refused (no_way_back): A connected leg does not go back to a "
                "state before it; "
                "a new offer is a new leg with a new id. Nothing changed. (unknown wrapupPrompt 'x', kept as it came)"
                " [received 2026-03-01 09:05:01.000]"
            ),
        ),
    ],
)
def test_what_is_unusual_is_told_with_its_rule(events: Stream, told: str) -> None:
    assert tell(fold(events))[-1] == told


# --- The commands -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    other = stream("s2", start=at(1)).alerting()
    path.write_text("".join(encode_event(event) + "\n" for event in (*LIFE, *other)), encoding="utf-8", newline="\n")
    return path


def test_the_command_explains(events: Path) -> None:
    done = command("explain", events, "s1", "connectedTime")

    assert (done.code, done.out.splitlines()) == (0, str(explain(WHOLE, "connectedTime")).splitlines())


def test_the_command_tells_one_life(events: Path) -> None:
    done = command("tell", events, "s1")

    assert (done.code, done.out.splitlines()) == (0, tell(WHOLE))


def test_the_command_tells_all_lives(events: Path) -> None:
    done = command("tell", "-", stdin=events.read_bytes())

    lives = [part.splitlines() for part in done.out.split("\n\n")]
    assert done.code == 0
    assert lives == [tell(WHOLE), ["Session s2.", "2026-03-01 09:00:01.000  alerting: The agent is being alerted."]]


def test_the_options_of_replay_count_here_too(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(encode_event(event) + "\n" for event in stream().connected().after(9).disconnected()))
    options = "--acw", "timeout", "--acw-timeout", "30", "--until", "end"

    assert "  set by     timer.acw, at 2026-03-01T09:00:39.000Z" in command("explain", path, "s1", "wrapup.code", *options).out
    assert command("tell", path, *options).out.splitlines()[-1].endswith("timer.acw: The deadline of after-call work has passed.")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("explain", "{events}", "s3", "state"), "s1, s2"),
        (("explain", "{events}", "s1", "colour"), "afterCallWorkRequired"),
        (("explain", "{events}", "s1"), "FIELD"),
        (("tell", "{events}", "s3"), "s1, s2"),
        (("tell", "no-such-file"), "No such file"),
        (("explain", "{events}", "s1", "state", "--until", "never"), "never"),
    ],
)
def test_a_session_or_a_field_that_is_not_there_is_wrong_usage(arguments: tuple[str, ...], told: str, events: Path) -> None:
    done = command(*(argument.format(events=events) for argument in arguments))

    words = " ".join(done.err.replace("│", " ").split())
    assert (done.code, done.out) == (2, "")
    assert told in words
    assert "Traceback" not in done.err


@pytest.mark.parametrize("arguments", [("tell", "{events}"), ("explain", "{events}", "s1", "state")])
def test_a_line_that_cannot_be_read_is_said_and_exits_with_1(arguments: tuple[str, ...], events: Path) -> None:
    events.write_bytes(events.read_bytes() + b"{\n")

    done = command(*(argument.format(events=events) for argument in arguments))

    assert f"{events}:7: not_json" in done.err
    assert done.out
    assert done.code == 1  # as the help says


@pytest.mark.parametrize("count", range(5))
def test_a_time_line_is_indexed_as_a_tuple_is(count: int) -> None:
    every = tuple(Segment(type=f"{number}") for number in range(count))
    line = Segments(every)

    for index in range(-count, count):
        assert line[index] is every[index]
    for index in (count, -count - 1):
        with pytest.raises(IndexError):
            line[index]
    assert (tuple(line), line[1:], line[:1]) == (every, every[1:], every[:1])
    assert line == every
    assert line != (*every, Segment())


def test_to_explain_a_segment_costs_one_step_an_event() -> None:
    """The square of 4,000 would take a hundred times as long as the bound."""
    log = SessionLog(Lifecycle(), "s1")
    for event in _alternating(4000):
        log.add(event)
    seconds = []
    for field in ("providerEventTime", "segments.3.endTime"):
        began = time.process_time()
        explain(log.folded, field)
        seconds.append(time.process_time() - began)

    assert seconds[1] < 3 * seconds[0]


def _alternating(count: int) -> tuple[Event, ...]:
    call = stream("s1")
    for number in range(count):
        call = (call.offering() if number % 2 else call.alerting()).after(1)
    return tuple(call)
