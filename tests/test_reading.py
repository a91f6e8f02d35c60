"""The second reading of the specification, against examples worked by hand, and the package against the second reading."""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.reading import PREFIX, Account, Event, Json, Options, RejectedError, account, fold, moment, printed, read, read_event
from tests.reading import as_of as reading_as_of
from tests.reading_streams import FAULTS, Stream, hostile, lifelike, rejected

from cobrowse_session import CobrowseError, Lifecycle, SessionLog, Settings
from cobrowse_session.wire import decode_event, encode_session, trace_rows

START = moment("2026-03-01T09:00:00.000Z")
TIMEOUT: Json = {"wrapupPrompt": "timeout", "wrapupTimeoutMs": 30_000}
SEEDS = range(200)
GENERATORS: tuple[Callable[[int], Stream], ...] = (lifelike, hostile)


def t(seconds: float) -> str:
    return printed(START + round(seconds * 1000))


def event(kind: str, seconds: float, identity: str | None = None, /, **data: Any) -> Json:
    at = t(seconds)
    known = {"specversion": "1.0", "id": identity or f"{kind}@{seconds}", "source": "/p", "type": PREFIX + kind, "subject": "s1"}
    return known | {"time": at, "data": data}


def leg(**settings: Any) -> list[Json]:
    """Connected at second 0, ended at second 60."""
    return [event("connected", 0, **settings), event("disconnected", 60, disconnectType="client")]


def the(lines: Iterable[Json | str], until: float | None = None, **options: Any) -> Account:
    (found,) = read(lines, Options(**options), None if until is None else t(until)).values()
    return found


def verdicts(found: Account) -> list[Any]:
    return [row.get("rule", row["outcome"]) for row in found.trace]


def pending(seconds: float = 60) -> Json:
    return {"startTime": t(seconds), "state": "pending"}


def work(state: str, end: float, start: float = 60) -> Json:
    return {"startTime": t(start), "endTime": t(end), "state": state}


# --- 1: examples worked by hand from the text -------------------------------------------------------------------------


def test_the_example_of_section_2_rings() -> None:
    line = (
        '{"specversion":"1.0","id":"e1","source":"/providers/acme","type":"cobrowse.session.alerting","subject":"s1",'
        '"time":"2026-03-01T09:00:00.000Z","receivedtime":"2026-03-01T09:00:00.031Z",'
        '"data":{"cobrowseRole":"viewer","wrapupPrompt":"timeout","wrapupTimeoutMs":30000}}'
    )

    found = the([line])

    assert found.session == {
        "state": "alerting",
        "initialState": "alerting",
        "id": "s1",
        "cobrowseRole": "viewer",
        "providerEventTime": "2026-03-01T09:00:00.000Z",
        "startAlertingTime": "2026-03-01T09:00:00.031Z",
        "segments": [{"startTime": "2026-03-01T09:00:00.000Z", "type": "Alert"}],
    }
    assert found.trace == [
        {
            "session": "s1",
            "event": "e1",
            "source": "/providers/acme",
            "type": "cobrowse.session.alerting",
            "at": "2026-03-01T09:00:00.000Z",
            "received": "2026-03-01T09:00:00.031Z",
            "outcome": "applied",
            "from": "none",
            "to": "alerting",
        }
    ]


def test_a_whole_life_has_all_stamps_and_segments() -> None:
    lines = [
        event("alerting", 0, **TIMEOUT),
        event("connected", 4, controlling=["cb-0"]),
        event("disconnected", 60, disconnectType="client"),
        event("wrapup", 74.22, code="sale"),
    ]

    found = the(lines).session

    assert found == {
        "state": "disconnected",
        "initialState": "alerting",
        "id": "s1",
        "disconnectType": "client",
        "controlling": [],
        "providerEventTime": t(74.22),
        "startAlertingTime": t(0),
        "connectedTime": t(4),
        "disconnectedTime": t(60),
        "segments": [
            {"startTime": t(0), "endTime": t(4), "type": "Alert", "howEnded": "Interact"},
            {"startTime": t(4), "endTime": t(60), "type": "Interact", "howEnded": "Disconnect", "disconnectType": "client"},
        ],
        "wrapup": {"code": "sale", "durationSeconds": 14, "endTime": t(74.22)},
        "afterCallWork": work("complete", 74.22),
    }


@pytest.mark.parametrize(("late", "stamp"), [(2.0, 2.0), (2.001, 0), (-2.0, -2.0), (-2.001, 0)])
def test_cloud_time_is_the_received_time_within_two_seconds(late: float, stamp: float) -> None:
    found = the([event("alerting", 0) | {"receivedtime": t(late)}])

    assert found.session["startAlertingTime"] == t(stamp)


def test_connected_is_never_before_alerting() -> None:
    found = the([event("alerting", 0) | {"receivedtime": t(1.5)}, event("connected", 1)])

    assert found.session["connectedTime"] == t(1.5)


@pytest.mark.parametrize(
    ("time", "read_as"),
    [
        ("2026-03-01T10:00:00.9999+01:00", "2026-03-01T09:00:00.999Z"),
        ("2026-03-01T09:00:60Z", "2026-03-01T09:00:59.999Z"),
        ("2026-03-01T09:00:00Z", "2026-03-01T09:00:00.000Z"),
    ],
)
def test_times_are_utc_and_cut_to_the_millisecond(time: str, read_as: str) -> None:
    assert the([event("alerting", 0) | {"time": time}]).trace[0]["at"] == read_as


TABLE = {
    "optional": ("complete", "pending", "skipped", "complete", "skipped", "complete", None),
    "mandatory": ("complete", "pending", "code_required", "complete", "code_required", "complete", None),
    "timeout": ("complete", "pending", "code_required", "complete", "code_required", "complete", "complete"),
    "forcedTimeout": ("pending", "pending", "no_early_exit", "no_early_exit", "no_early_exit", "complete", "complete"),
    "agentRequested": ("complete", "pending", "skipped", "complete", "skipped", "complete", "complete"),
}
CASES: tuple[list[Json], ...] = (
    [event("wrapup", 70, code="a")],
    [event("wrapup", 70, code="a", provisional=True)],
    [event("wrapup", 70)],
    [event("wrapup", 65, code="a", provisional=True), event("acw.ended", 70, by="agent")],
    [event("acw.ended", 70, by="agent")],
    [event("acw.ended", 70, by="offline")],
    [event("updated", 90.001)],
)


@pytest.mark.parametrize(("prompt", "case"), [(prompt, case) for prompt in TABLE for case in range(len(CASES))])
def test_the_table_of_after_call_work(prompt: str, case: int) -> None:
    settings = {} if TABLE[prompt][case] is None else {"wrapupTimeoutMs": 30_000}
    expected = TABLE[prompt][case] or "pending"

    found = the([*leg(wrapupPrompt=prompt, afterCallWorkRequired=True, **settings), *CASES[case]])

    if expected in ("code_required", "no_early_exit"):
        assert (verdicts(found)[-1], found.session["afterCallWork"]) == (expected, pending())
    elif expected == "pending":
        assert found.session["afterCallWork"] == pending()
    else:
        assert found.session["afterCallWork"] == work(expected, 90 if case == 6 else 70)


@pytest.mark.parametrize("prompt", ["timeout", "forcedTimeout"])
def test_a_timeout_prompt_without_a_timeout_is_mandatory(prompt: str) -> None:
    found = the([*leg(wrapupPrompt=prompt), event("acw.ended", 70, by="agent"), event("wrapup", 80, code="a")], until=9999)

    assert verdicts(found)[2:] == ["code_required", "applied"]
    assert found.session["afterCallWork"] == work("complete", 80)


def test_an_unknown_prompt_is_optional_and_noted() -> None:
    found = the([*leg(wrapupPrompt="shiny"), event("acw.ended", 70, by="agent")])

    assert found.session["afterCallWork"] == work("skipped", 70)
    assert found.trace[0]["notes"] == ["wrapupPrompt"]


@pytest.mark.parametrize("prompt", [{}, {"wrapupPrompt": "none"}, {"wrapupPrompt": "NONE"}])
def test_without_a_prompt_a_prepared_wrapup_is_final_at_the_end(prompt: Json) -> None:
    lines = leg(**prompt)

    found = the([*lines, event("wrapup", 30, code="a", provisional=True)]).session

    assert "afterCallWork" not in found
    assert found["wrapup"] == {"code": "a", "durationSeconds": 0, "endTime": t(60)}


def test_a_prepared_wrapup_does_not_end_after_call_work() -> None:
    found = the([*leg(**TIMEOUT), event("wrapup", 30, code="a")]).session

    assert (found["wrapup"], found["afterCallWork"]) == ({"code": "a"}, pending())


@pytest.mark.parametrize(("option", "state"), [(True, "pending"), (False, "skipped")])
def test_a_transfer_skips_after_call_work_only_if_asked(option: bool, state: str) -> None:  # noqa: FBT001 - a parameter
    lines = [event("connected", 0, **TIMEOUT), event("disconnected", 60, disconnectType="TRANSFER.Odd")]

    found = the(lines, acw_after_transfer=option).session

    assert found["afterCallWork"] == (pending() if state == "pending" else work("skipped", 60))


def test_an_unanswered_leg_has_no_after_call_work_unless_asked() -> None:
    lines = [event("alerting", 0, **TIMEOUT), event("disconnected", 60)]

    assert "afterCallWork" not in the(lines).session
    assert the(lines, acw_when_unanswered=True).session["afterCallWork"] == pending()


def test_not_requested_is_skipped_at_the_end() -> None:
    found = the([*leg(wrapupPrompt="agentRequested"), event("acw.required", 30, required=False)]).session

    assert (found["afterCallWork"], found["afterCallWorkRequired"]) == (work("skipped", 60), False)


def test_the_deadline_writes_the_timers_code_at_its_own_instant() -> None:
    found = the(leg(**TIMEOUT), until=90)

    assert found.session["wrapup"] == {"code": "ININ-WRAP-UP-TIMEOUT", "durationSeconds": 30, "endTime": t(90)}
    assert found.session["providerEventTime"] == t(60)
    assert found.trace[-1] == {
        "session": "s1",
        "type": "timer.acw",
        "at": t(90),
        "outcome": "applied",
        "from": "disconnected",
        "to": "disconnected",
        "acw": "complete",
    }
    assert the(leg(**TIMEOUT), until=89.999).session["afterCallWork"] == pending()


def test_an_event_at_the_deadline_comes_before_it() -> None:
    found = the([*leg(**TIMEOUT), event("wrapup", 90, code="a")], until=90)

    assert verdicts(found) == ["applied", "applied", "applied"]
    assert found.session["wrapup"]["code"] == "a"


def test_the_deadline_keeps_a_draft_and_drops_a_name_without_code() -> None:
    found = the([*leg(**TIMEOUT), event("wrapup", 70, provisional=True, name="Sale", notes="n")], until=90)

    assert found.session["wrapup"] == {"code": "ININ-WRAP-UP-TIMEOUT", "notes": "n", "durationSeconds": 30, "endTime": t(90)}


def test_reopened_work_loses_the_timers_code_and_times_out_again() -> None:
    lines = [*leg(**TIMEOUT), event("acw.started", 95, wrapupTimeoutMs=60_000)]

    reopened, again = the(lines, until=100), the(lines, until=120)

    assert (reopened.session["afterCallWork"], "wrapup" in reopened.session) == (pending(), False)
    assert again.session["afterCallWork"] == work("complete", 120)
    assert [row["type"] for row in again.trace].count("timer.acw") == 2


def test_reopened_work_leaves_the_notes_as_a_draft() -> None:
    draft = event("wrapup", 70, provisional=True, notes="n")

    found = the([*leg(**TIMEOUT), draft, event("acw.started", 95, wrapupTimeoutMs=60_000)])

    assert found.session["wrapup"] == {"notes": "n", "provisional": True}


def test_work_cannot_be_reopened_after_its_deadline() -> None:
    assert verdicts(the([*leg(**TIMEOUT), event("acw.started", 90.001)]))[-1] == "deadline_passed"
    assert verdicts(the([*leg(**TIMEOUT), event("acw.started", 90)]))[-1] == "duplicate"


def test_a_report_of_pending_holds_without_a_prompt() -> None:
    found = the([*leg(), event("acw.started", 61), event("acw.ended", 70, by="agent")])

    assert found.session["afterCallWork"] == work("skipped", 70)


@pytest.mark.parametrize(
    ("state", "after_call_work", "wrapup"),
    [
        ("complete", work("complete", 95), {"code": "ININ-WRAP-UP-TIMEOUT", "durationSeconds": 30, "endTime": t(90)}),
        ("skipped", work("skipped", 95), None),
        ("notApplicable", None, None),
    ],
)
def test_the_platforms_report_replaces_the_timers(state: str, after_call_work: Json | None, wrapup: Json | None) -> None:
    found = the([*leg(**TIMEOUT), event("acw.ended", 95, by="platform", state=state)]).session

    assert (found.get("afterCallWork"), found.get("wrapup")) == (after_call_work, wrapup)


def test_not_applicable_makes_a_draft_final_at_the_end_of_the_leg() -> None:
    draft = event("wrapup", 65, code="a", provisional=True)

    found = the([*leg(**TIMEOUT), draft, event("acw.ended", 70, by="platform", state="notApplicable")]).session

    assert found["wrapup"] == {"code": "a", "durationSeconds": 0, "endTime": t(60)}


def test_an_equal_report_is_a_duplicate() -> None:
    report = {"by": "platform", "state": "complete"}

    found = the([*leg(**TIMEOUT), event("acw.ended", 70, "r1", **report), event("acw.ended", 70, "r2", **report)])

    assert verdicts(found)[-1] == "duplicate"


def test_a_later_save_moves_the_end_of_the_wrapup_alone() -> None:
    lines = [*leg(**TIMEOUT), event("wrapup", 70, code="a"), event("wrapup", 80.9, code="b")]
    fixed = [*lines[:-1], event("wrapup", 80.9, code="b", disableEndTimeUpdates=True)]

    assert the(lines).session["wrapup"] == {"code": "b", "durationSeconds": 20, "endTime": t(80.9)}
    assert the(lines).session["afterCallWork"] == work("complete", 70)
    assert the(fixed).session["wrapup"] == {"code": "b", "durationSeconds": 10, "endTime": t(70)}


def test_what_cannot_be_saved_is_named() -> None:
    lines = [
        event("wrapup", -1, code="a"),
        *leg(**TIMEOUT),
        event("wrapup", 10),
        event("wrapup", 20, code="a"),
        event("wrapup", 30, code="b", provisional=True),
        event("wrapup", 40, code="a"),
    ]

    assert verdicts(the(lines)) == [
        "not_connected",
        "applied",
        "nothing_to_save",
        "applied",
        "already_final",
        "duplicate",
        "applied",
    ]


def test_connection_rules() -> None:
    lines = [
        event("scheduled", 0),
        event("alerting", 1),
        event("alerting", 2),
        event("connected", 3),
        event("offering", 4),
        event("acw.started", 5),
        event("acw.ended", 6, by="agent"),
        event("terminated", 7),
        event("disconnected", 8),
        event("disconnected", 9, disconnectType="peer"),
        event("terminated", 10, disconnectType="client"),
        event("connected", 11),
        event("acw.required", 12, required=True),
        event("acw.ended", 13, by="agent"),
        event("wrapup", 14),
        event("acw.ended", 15, by="robot"),
    ]

    assert verdicts(the(lines)) == [
        *(
            "applied",
            "applied",
            "duplicate",
            "applied",
            "no_way_back",
            "not_ended",
            "not_ended",
            "applied",
            "duplicate",
            "applied",
            "duplicate",
        ),
        *("session_is_over", "not_connected", "no_after_call_work", "nothing_to_save", "unknown_value"),
    ]
    assert the(lines).session["disconnectType"] == "peer"


def test_news_makes_a_duplicate_applied() -> None:
    lines = [
        event("updated", 0),
        event("updated", 1, controlling=[]),
        event("updated", 2, viewerUrl="u"),
        event("updated", 3, viewerUrl="u"),
        event("connected", 4, **TIMEOUT),
        event("updated", 5, controlling=[]),
        event("disconnected", 6),
        event("updated", 7, controlling=["x"], wrapupTimeoutMs=5),
        event("updated", 8, wrapupTimeoutMs=5),
        event("updated", 9, **TIMEOUT),
        event("disconnected", 10, peerId="p"),
    ]

    assert verdicts(the(lines)) == [
        *("duplicate", "not_connected", "applied", "duplicate", "applied", "applied", "applied"),
        *("not_connected", "settings_after_end", "duplicate", "applied"),
    ]


def test_the_initial_state_is_set_once() -> None:
    assert the([event("alerting", 0, initialState="Offering")]).session["initialState"] == "offering"
    assert the([event("alerting", 0), event("updated", 1, initialState="offering")]).session["initialState"] == "alerting"


def test_same_instants_are_ordered_by_rank_then_source_sequence_and_id() -> None:
    def tied(kind: str, identity: str, source: str, sequence: str | None) -> Json:
        return event(kind, 0, identity) | {"source": source} | ({"sequence": sequence} if sequence else {})

    expected = [
        tied("scheduled", "z", "/z", "z"),
        tied("updated", "z", "/a", None),
        *(
            tied("updated", str(place), "/b", sequence)
            for place, sequence in enumerate((None, "0", "00", "007", "7", "9", "10", "٧"))
        ),
        tied("updated", "a", "/c", "1"),
        tied("updated", "b", "/c", "1"),
    ]

    found = the(reversed(expected))

    assert [(row["source"], row["event"]) for row in found.trace] == [(line["source"], line["id"]) for line in expected]


def test_absence_is_no_correction() -> None:
    first = event("disconnected", 60, "end", disconnectType="client", viewerUrl="u", peerId="p") | {
        "sequence": "1",
        "queueid": "q",
    }
    second = event("disconnected", 61, "end", peerId="p2") | {"sequence": "2", "receivedtime": t(80)}

    found = the([event("connected", 0), second, first])

    assert [found.session[key] for key in ("disconnectType", "viewerUrl", "peerId", "disconnectedTime")] == [
        "client",
        "u",
        "p2",
        t(61),
    ]
    assert (found.context, found.repeats, found.conflicts, found.corrected) == ({"queueid": "q"}, 1, 0, 1)


def test_a_reason_is_filled_in_among_copies_of_one_type_only() -> None:
    first = event("disconnected", 60, "end", disconnectType="client", viewerUrl="u") | {"sequence": "1"}
    second = event("terminated", 60, "end") | {"sequence": "2"}

    found = the([event("connected", 0), second, first]).session

    assert (found.get("disconnectType"), found["viewerUrl"]) == (None, "u")


def test_a_wrapups_own_fields_are_never_filled_in() -> None:
    first = event("wrapup", 70, "w", code="a", notes="n") | {"sequence": "1"}
    second = event("wrapup", 70, "w", code="b") | {"sequence": "2"}

    assert the([*leg(**TIMEOUT), first, second]).session["wrapup"] == {"code": "b", "durationSeconds": 10, "endTime": t(70)}


def test_restating_a_fact_does_not_move_when_it_was_learned() -> None:
    first = event("alerting", 0, "a") | {"sequence": "1", "receivedtime": t(0.5)}
    second = event("alerting", 0, "a", viewerUrl="u") | {"sequence": "2", "receivedtime": t(1.5)}
    moved = second | {"time": t(0.1), "sequence": "3"}

    assert the([first, second]).session["startAlertingTime"] == t(0.5)
    assert the([first, second, moved]).session["startAlertingTime"] == t(1.5)


def test_copies_are_in_conflict_by_their_json_and_not_by_python() -> None:
    def three(*values: Any) -> Account:
        return the([event("updated", 0, "u", extra=value) | {"receivedtime": t(place)} for place, value in enumerate(values)])

    assert (three(1, 1).conflicts, three(1, True).conflicts, three(2, 2.0).conflicts) == (0, 1, 1)
    assert three(1, 1, 1).repeats == 2


def test_of_two_copies_the_first_received_counts() -> None:
    late = event("updated", 0, "u", viewerUrl="a") | {"receivedtime": t(2)}
    early = event("updated", 0, "u", viewerUrl="b") | {"receivedtime": t(1)}

    assert the([late, early]).session["viewerUrl"] == "b"
    assert the([late | {"receivedtime": t(1)}, early]).session["viewerUrl"] == "a"


def test_as_of_knows_what_was_later_corrected() -> None:
    first = event("wrapup", 70, "w", code="a") | {"sequence": "1", "receivedtime": t(71)}
    second = event("wrapup", 70, "w", code="b") | {"sequence": "2", "receivedtime": t(500)}

    found = reading_as_of([*leg(**TIMEOUT), second, first], t(100))["s1"]

    assert (found.session["wrapup"]["code"], found.corrected) == ("a", 0)


def test_an_unanswered_alert_times_out_by_an_advance_only_and_last() -> None:
    lines = [event("alerting", 0, alertingTimeoutMs=10_000, **TIMEOUT), event("updated", 50, viewerUrl="u")]

    found = the(lines, until=10.25, alerting_grace=250)

    assert [row["type"] for row in found.trace] == [PREFIX + "alerting", PREFIX + "updated", "timer.alerting"]
    assert [found.session.get(key) for key in ("disconnectedTime", "disconnectType", "afterCallWork")] == [
        t(10.25),
        "system",
        None,
    ]
    assert the(lines, until=10.249, alerting_grace=250).session["state"] == "alerting"
    assert the(lines, alerting_grace=250).session["state"] == "alerting"
    assert the(lines, until=9999).session["state"] == "alerting"


def test_types_are_case_sensitive_and_need_the_prefix() -> None:
    lines = [
        event("alerting", 0, "a") | {"type": name}
        for name in ("alerting", "cobrowse.session.Alerting", "COBROWSE.SESSION.alerting")
    ]

    assert all(verdicts(the([line])) == ["unknown_type"] for line in lines)
    assert verdicts(the([event("alerting", 0) | {"type": "x", "data": [1], "data_base64": "%"}])) == ["unknown_type"]


def test_base64_is_read_like_data() -> None:
    line = {key: value for key, value in event("alerting", 0).items() if key != "data"}
    encoded = line | {"data_base64": "eyJwcm92aWRlciI6ImEifQ==", "datacontenttype": "application/vnd.x+JSON; charset=utf-8"}

    assert the([encoded]).session["provider"] == "a"


def test_timeouts_out_of_bounds_are_noted_and_not_taken() -> None:
    for value in (0, -1, 1.5, 86_400_001):
        found = the(
            [event("connected", 0, wrapupPrompt="timeout", wrapupTimeoutMs=value), event("disconnected", 60)], until=99_999
        )
        assert (found.trace[0]["notes"], found.session["afterCallWork"]) == (["wrapupTimeoutMs"], pending())


def test_a_skip_notes_the_keys_that_nobody_reads() -> None:
    found = the([*leg(wrapupPrompt="optional"), event("wrapup", 70, wrapUpCode="a")])

    assert (found.trace[-1]["notes"], found.session["afterCallWork"]) == (["wrapUpCode"], work("skipped", 70))


@pytest.mark.parametrize("seed", range(len(FAULTS) * 6))
def test_a_line_with_one_fault_is_rejected(seed: int) -> None:
    fault, line = rejected(seed)

    with pytest.raises(RejectedError):
        pytest.fail(f"{fault}: {read_event(line)}")


@pytest.mark.parametrize("generator", GENERATORS)
def test_every_generated_line_is_accepted(generator: Callable[[int], Stream]) -> None:
    lines = [line for seed in SEEDS for line in generator(seed).lines]

    assert all(read_event(line).subject for line in lines)


def test_a_draft_counts_only_before_the_end_and_while_work_is_pending() -> None:
    found = the([event("connected", 0), event("disconnected", 60), event("wrapup", 70, code="a", provisional=True)])

    assert (verdicts(found)[-1], "wrapup" in found.session) == ("already_final", False)


def test_a_skip_drops_a_draft_only() -> None:
    final = event("wrapup", 30, code="a")
    draft = event("wrapup", 30, code="a", provisional=True)

    kept, dropped = (the([*leg(wrapupPrompt="optional"), wrapup, event("wrapup", 70)]).session for wrapup in (final, draft))

    assert kept["wrapup"] == {"code": "a", "durationSeconds": 10, "endTime": t(70)}
    assert kept["afterCallWork"] == dropped["afterCallWork"] == work("skipped", 70)
    assert "wrapup" not in dropped


def test_never_requested_is_not_requested() -> None:
    assert the(leg(wrapupPrompt="agentRequested")).session["afterCallWork"] == work("skipped", 60)


def test_the_canonical_form_does_not_escape() -> None:
    assert the([event("updated", 0, "u", viewerUrl="é"), event("updated", 0, "u", viewerUrl="z")]).session["viewerUrl"] == "z"


def test_at_one_instant_work_starts_before_the_wrapup_and_ends_after_it() -> None:
    kinds = ["disconnected", "terminated", "acw.started", "wrapup", "acw.ended", "unknown"]
    lines = [event(kind, 0, by="agent") for kind in reversed(kinds)]

    assert [row["type"] for row in the(lines).trace] == [PREFIX + kind for kind in kinds]


# --- 2: the package and the reading agree -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("generator", GENERATORS)
def test_the_package_agrees_with_the_reading(generator: Callable[[int], Stream], seed: int) -> None:
    found = "\n".join(differences(generator(seed), seed))

    assert not found, found


@pytest.mark.parametrize("seed", range(len(FAULTS) * 2))
def test_the_package_rejects_what_the_reading_rejects(seed: int) -> None:
    fault, line = rejected(seed)

    with pytest.raises(CobrowseError):
        pytest.fail(f"{fault}: {decode_event(line)!r}")


def first_difference(seeds: Iterable[int]) -> str | None:
    """The first difference on these seeds of both generators as text, with the stream. None if there is none."""
    for seed in seeds:
        for generator in GENERATORS:
            stream = generator(seed)
            if found := list(differences(stream, seed)):
                return "\n".join(
                    [f"{generator.__name__} {seed}", *found, f"{stream.options}", f"until {stream.until}", *stream.lines, ""]
                )
    return None


def differences(stream: Stream, seed: int) -> Iterator[str]:
    """Sentences about what the package makes of the stream and the reading does not."""
    lifecycle = as_lifecycle(stream.options)
    events = [read_event(line) for line in stream.lines]
    for subject in dict.fromkeys(event.subject for event in events):
        log = SessionLog(lifecycle, subject)
        copies = [event for event in events if event.subject == subject]
        lines = [line for line, event in zip(stream.lines, events, strict=True) if event.subject == subject]
        receive(log, lines, stream.until, seed)
        until = None if stream.until is None else moment(stream.until)
        whole = account(copies, stream.options, until)
        yield from compared(f"{subject}", whole, log)
        numbers = [(name, getattr(whole, name), counted(getattr(log, name))) for name in ("repeats", "conflicts", "corrected")]
        yield from (f"{subject}: {name}: reading {mine}, package {theirs}" for name, mine, theirs in numbers if mine != theirs)
        for at in stream.moments:
            then = account_as_of(copies, stream.options, moment(at))
            yield from compared(f"{subject} as of {at}", then, log.as_of(datetime.fromisoformat(at)))


def account_as_of(copies: list[Event], options: Options, at: int) -> Account:
    known = [event for event in copies if event.received <= at]
    return account(known, options, at) if known else fold(copies[0].subject, [], options, at)


def receive(log: SessionLog, lines: list[str], until: str | None, seed: int) -> None:
    """Add all lines. The latest advance happens somewhere among them, and earlier ones at any time."""
    place = seed % (len(lines) + 1)
    for index, line in enumerate(lines):
        if until is not None and index >= place:
            log.advance(datetime.fromisoformat(until) - timedelta(seconds=index - place))
        log.add(decode_event(line))
    if until is not None:
        log.advance(datetime.fromisoformat(until))


def as_lifecycle(options: Options) -> Lifecycle:
    def duration(milliseconds: int | None) -> timedelta | None:
        return None if milliseconds is None else timedelta(milliseconds=milliseconds)

    settings = Settings(
        wrapup_prompt=options.wrapup_prompt,
        wrapup_timeout=duration(options.wrapup_timeout),
        alerting_timeout=duration(options.alerting_timeout),
    )
    return Lifecycle(
        settings=settings,
        alerting_grace=duration(options.alerting_grace),
        acw_when_unanswered=options.acw_when_unanswered,
        acw_after_transfer=options.acw_after_transfer,
        timeout_code=options.timeout_code,
    )


def counted(number: Any) -> int:
    return number if isinstance(number, int) else len(number)


def compared(name: str, mine: Account, log: SessionLog) -> Iterator[str]:
    yield from named_differences(f"{name}: session", mine.session, json.loads(encode_session(log.session)))
    rows, their_rows = [comparable(row) for row in mine.trace], [comparable(row) for row in trace_rows(log.trace)]
    for place, (row, their_row) in enumerate(zip(rows, their_rows, strict=False), 1):
        yield from named_differences(f"{name}: row {place} ({row['type']} {row.get('event', '')})", row, their_row)
    if len(rows) != len(their_rows):
        yield f"{name}: {len(rows)} rows in the reading, {len(their_rows)} in the package"


def comparable(row: Json) -> Json:
    """The row without what the specification leaves open: row, fields set, states of what is not applied, wording of notes."""
    left_out = ("row", "set", "notes") if row["outcome"] == "applied" else ("row", "set", "notes", "from", "to")
    return {key: value for key, value in row.items() if key not in left_out} | {"noted": bool(row.get("notes"))}


def named_differences(name: str, mine: Json, theirs: Json) -> Iterator[str]:
    for key in sorted(mine.keys() | theirs.keys()):
        one, other = (json.dumps(side.get(key), sort_keys=True) for side in (mine, theirs))
        if one != other:
            yield f"{name}: {key}: reading {one}, package {other}"
