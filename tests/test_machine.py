"""The machines are stock `transitions` machines, their cells hold the table's rows in order, and every row can be reached."""

from collections import Counter
from itertools import product
from typing import Any, cast

import pytest
import transitions
from attrs import evolve, frozen
from tests.tables import STANDARD, build

from cobrowse_session import AfterCallWorkState, ConnectionState, Event, Lifecycle, Settings
from cobrowse_session.lifecycle import guards
from cobrowse_session.lifecycle.machine import RowTransition
from cobrowse_session.lifecycle.row import Row
from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION
from cobrowse_session.testing import Stream, duration, run, stream

STATES = ("none", "scheduled", "offering", "contacting", "dialing", "alerting", "connected", "disconnected", "terminated")
WORK_STATES = ("absent", "pending", "complete", "skipped")
ROWS = [pytest.param(row, id=f"{row.on[0]}-{row.name}-{place}") for place, row in enumerate((*CONNECTION, *AFTER_CALL_WORK), 1)]
SAID_BEFORE = ("details", "grant_outside_connected", "settings_after_end", "duplicate")


def cells(machine: transitions.Machine, kind: str = "", source: str = "*") -> list[RowTransition]:
    found = machine.get_transitions(kind, source=source)
    assert all(isinstance(cell, RowTransition) for cell in found)
    return cast(list[RowTransition], found)


# --- Stock machines -----------------------------------------------------------------------------------------------------------


def test_both_are_machines_of_transitions_without_a_model() -> None:
    for machine in (STANDARD.connection, STANDARD.after_call_work):
        assert isinstance(machine, transitions.Machine)
        assert machine.models == []
        assert all(isinstance(event, transitions.Event) for event in machine.events.values())
        assert all(isinstance(cell, transitions.Transition) for cell in machine.get_transitions())


def test_they_have_the_states_of_the_specification() -> None:  # CONN-1, ACW-1
    assert tuple(STANDARD.connection.states) == STATES
    assert tuple(STANDARD.after_call_work.states) == WORK_STATES
    assert {*STATES} == {*ConnectionState}
    assert {*WORK_STATES} - {"absent"} < {*AfterCallWorkState}


def test_every_kind_of_event_belongs_to_one_of_them() -> None:
    assert set(STANDARD.connection.events) == {*STATES[1:], "updated", "unknown", "timer.alerting"}
    assert set(STANDARD.after_call_work.events) == {
        *("acw.required", "acw.started", "wrapup", "acw.ended", "leg_ended", "timer.acw")
    }
    assert set(STANDARD.triggers) == {*STANDARD.connection.events, *STANDARD.after_call_work.events}


def test_nothing_leads_back_from_an_end() -> None:
    ways = {(cell.source, cell.dest) for cell in cells(STANDARD.connection) if cell.dest is not None}
    assert {way for way in ways if way[0] in ("disconnected", "terminated")} == {("disconnected", "terminated")}
    assert {way[1] for way in ways if way[0] == "connected"} == {"disconnected", "terminated"}
    assert {way[1] for way in ways if way[0] == "alerting"} == {*STATES} - {"none", "alerting"}


def test_after_call_work_begins_again_only_by_a_report_of_the_platform() -> None:
    ways = [(cell.source, cell.dest, cell.row.on) for cell in cells(STANDARD.after_call_work) if cell.dest is not None]
    reported = {(cell.source, cell.dest) for cell in cells(STANDARD.after_call_work, "acw.ended") if cell.dest}
    withdrawn = {(source, "absent") for source in WORK_STATES if source != "absent"}
    assert reported == {(source, dest) for source in WORK_STATES for dest in ("complete", "skipped")} | withdrawn
    assert {on for source, dest, on in ways if dest == "pending" and source in ("complete", "skipped")} == {
        ("acw.started",),
        ("leg_ended",),
    }
    assert not [cell for cell in cells(STANDARD.after_call_work, "wrapup") if cell.dest and cell.source != "pending"]


def test_a_cell_carries_its_row_and_asks_its_guards_in_order() -> None:
    (first, *_) = cells(STANDARD.connection, "disconnected", source="connected")
    assert first.row.name == "ended"
    saved = cells(STANDARD.after_call_work, "wrapup", source="pending")
    assert [cell.row.name for cell in saved] == [
        *("draft_after_final", "draft", "saved_without_exit", "complete_by_code"),
        *("skip_no_early_exit", "skip_code_required", "skipped_by_agent"),
        *SAID_BEFORE,
    ]
    by_code = saved[3]
    assert [condition.func for condition in by_code.conditions] == [guards.may_exit_early, guards.is_final]


def test_rows_of_a_cell_stand_in_the_order_of_the_table() -> None:
    for machine, rows in ((STANDARD.connection, CONNECTION), (STANDARD.after_call_work, AFTER_CALL_WORK)):
        place = {id(row): number for number, row in enumerate(rows)}
        for kind, state in product(machine.events, machine.states):
            places = [place[id(cell.row)] for cell in cells(machine, kind, state)]
            assert places == sorted(places)


def test_a_row_that_applies_nothing_writes_nothing() -> None:
    for machine in (STANDARD.connection, STANDARD.after_call_work):
        for cell in cells(machine):
            assert cell.row.is_applied or not (cell.dest or cell.before or cell.set)


def test_equal_tables_share_their_machines() -> None:
    assert build() is STANDARD
    assert build(connection=[evolve(CONNECTION[0], reason="Unknown."), *CONNECTION[1:]]) is not STANDARD


# --- Rows ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [CONNECTION, AFTER_CALL_WORK], ids=["connection", "after-call work"])
def test_a_row_has_a_name_of_its_own(rows: tuple[Row, ...]) -> None:
    assert {name for name, times in Counter(row.name for row in rows).items() if times > 1} == set(SAID_BEFORE)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_a_sentence_and_a_stable_name(row: Row) -> None:
    assert row.reason[0].isupper()
    assert row.reason.endswith(".")
    assert row.name.replace("_", "").isalpha()
    assert row.name.islower()


def test_the_rules_are_those_of_the_specification() -> None:
    rules = {(row.outcome.kind, row.outcome.rule) for row in (*CONNECTION, *AFTER_CALL_WORK) if row.outcome and row.outcome.rule}
    assert rules == {
        *(("ignored", rule) for rule in ("not_connected", "settings_after_end", "unknown_type", "unknown_value")),
        *(("ignored", rule) for rule in ("already_final", "nothing_to_save", "deadline_passed")),
        *(("refused", rule) for rule in ("no_way_back", "session_is_over", "not_connected", "not_ended")),
        *(("refused", rule) for rule in ("code_required", "no_early_exit", "no_after_call_work")),
    }


# --- Every row is reached -----------------------------------------------------------------------------------------------------


@frozen
class Case:
    """A stream, and the row (of two, where the leg ended) that decides about its last event or, with `until`, timer."""

    row: str
    events: Stream
    until: float | None = None


GRANT: dict[str, Any] = {"controlling": ["p1"]}
BEGUN = stream("s1")
UP = BEGUN.connected().after(1)
OVER = UP.disconnected("peer").after(1)
TIMED = BEGUN.connected(wrapup_prompt="timeout", wrapup_timeout=30).after(1)


def pending(prompt: str, **said: Any) -> Stream:
    return BEGUN.connected(wrapup_prompt=prompt, **said).after(1).required().disconnected("peer").after(1)


OPTIONAL, MANDATORY, FORCED = pending("optional"), pending("mandatory"), pending("forcedTimeout", wrapup_timeout=30)
COMPLETE = OPTIONAL.wrapup("sale")

CASES = (
    # The connection.
    Case("unknown_type", BEGUN.unknown()),
    Case("pending", BEGUN.alerting().dialing()),
    Case("alerting", BEGUN.alerting()),
    Case("connected", BEGUN.connected()),
    Case("ended+none_when_unanswered", BEGUN.alerting().disconnected()),
    Case("released", OVER.terminated()),
    Case("end_named", UP.disconnected().disconnected("peer")),
    Case("details", BEGUN.alerting().alerting(viewer_url="https://v")),
    Case("grant_outside_connected", BEGUN.alerting().alerting(**GRANT)),
    Case("settings_after_end", OVER.disconnected(wrapup_prompt="optional")),
    Case("duplicate", BEGUN.alerting().alerting()),
    Case("details", BEGUN.updated(viewer_url="https://v")),
    Case("grant_outside_connected", BEGUN.updated(**GRANT)),
    Case("settings_after_end", OVER.updated(wrapup_prompt="optional")),
    Case("duplicate", BEGUN.updated()),
    Case("no_way_back", UP.alerting()),
    Case("session_is_over", OVER.connected()),
    Case("alert_timed_out+none_after_alert_timeout", BEGUN.alerting(alerting_timeout=10), until=11),
    # The end of the leg.
    Case("ended+none_by_prompt", UP.disconnected(wrapup_prompt="none")),
    Case("ended+none_without_prompt", UP.disconnected()),
    Case("ended+skipped_after_transfer", TIMED.disconnected("transfer.consult")),
    Case("ended+skipped_unrequested", UP.disconnected(wrapup_prompt="agentRequested")),
    Case("ended+begins", TIMED.disconnected()),
    # The platform reports that it is pending.
    Case("started_not_ended", UP.started()),
    Case("deadline_passed", TIMED.disconnected().after(30.001).started()),
    Case("started_by_platform", COMPLETE.started()),
    Case("details", OPTIONAL.started(viewer_url="https://v")),
    Case("grant_outside_connected", OPTIONAL.started(**GRANT)),
    Case("duplicate", OPTIONAL.started()),
    # The agent asks for it.
    Case("request_not_connected", BEGUN.alerting().required()),
    Case("request", UP.required()),
    Case("request_withdrawn", UP.required(required=False)),
    Case("details", UP.required().required(viewer_url="https://v")),
    Case("duplicate", UP.required().required()),
    # A wrap-up while none is awaited.
    Case("wrapup_not_connected", BEGUN.wrapup("sale")),
    Case("nothing_to_skip", UP.wrapup()),
    Case("draft_after_final", UP.wrapup("sale").wrapup("lead", provisional=True)),
    Case("prepared", UP.wrapup("sale")),
    Case("draft_too_late", OVER.wrapup("sale", provisional=True)),
    Case("saved_again", COMPLETE.after(1).wrapup("sale")),
    Case("details", UP.wrapup("sale").wrapup("sale", viewer_url="https://v")),
    Case("grant_outside_connected", COMPLETE.wrapup("sale", **GRANT)),
    Case("settings_after_end", COMPLETE.wrapup("sale", wrapup_prompt="mandatory")),
    Case("duplicate", COMPLETE.wrapup("sale")),
    # A wrap-up while after-call work is pending.
    Case("draft", OPTIONAL.wrapup("sale", provisional=True)),
    Case("saved_without_exit", FORCED.wrapup("sale")),
    Case("complete_by_code", OPTIONAL.wrapup("sale")),
    Case("skip_no_early_exit", FORCED.wrapup()),
    Case("skip_code_required", MANDATORY.wrapup()),
    Case("skipped_by_agent", OPTIONAL.wrapup()),
    Case("details", FORCED.wrapup("sale").wrapup("sale", viewer_url="https://v")),
    Case("grant_outside_connected", FORCED.wrapup("sale").wrapup("sale", **GRANT)),
    Case("settings_after_end", FORCED.wrapup("sale").wrapup("sale", wrapup_prompt="optional")),
    Case("duplicate", FORCED.wrapup("sale").wrapup("sale")),
    # Someone says that after-call work has ended.
    Case("unknown_value", BEGUN.platform("lost")),
    Case("not_ended", UP.done()),
    Case("complete_by_platform", OVER.platform("complete")),
    Case("skipped_by_platform", OVER.platform("skipped")),
    Case("none_by_platform", COMPLETE.platform("notApplicable")),
    Case("details", OVER.platform("notApplicable", viewer_url="https://v")),
    Case("grant_outside_connected", OVER.platform("notApplicable", **GRANT)),
    Case("settings_after_end", OVER.platform("notApplicable", wrapup_prompt="mandatory")),
    Case("duplicate", OVER.platform("notApplicable")),
    Case("no_after_call_work", OVER.offline()),
    Case("details", COMPLETE.done(viewer_url="https://v")),
    Case("grant_outside_connected", COMPLETE.done(**GRANT)),
    Case("settings_after_end", COMPLETE.done(wrapup_prompt="mandatory")),
    Case("duplicate", COMPLETE.done()),
    Case("done_no_early_exit", FORCED.done()),
    Case("complete_by_agent", MANDATORY.wrapup("sale", provisional=True).done()),
    Case("done_code_required", MANDATORY.done()),
    Case("skipped_without_code", OPTIONAL.done()),
    Case("complete_by_offline", FORCED.offline()),
    # Time itself.
    Case("complete_by_timeout", FORCED, until=31),
)

LIFECYCLE = Lifecycle(settings=Settings(), acw_after_transfer=False, alerting_grace=duration(1))


def decided(case: Case) -> tuple[str | None, list[Row]]:
    """The name that the outcome gives, and the rows of the table that it stands for."""
    until = None if case.until is None else BEGUN.now + duration(case.until)
    ran = run(case.events, lifecycle=LIFECYCLE, until=until)
    last, before = ran.steps[-1], (ran.steps[-2].session if len(ran.steps) > 1 else LIFECYCLE.new("s1"))
    assert isinstance(last.event, Event) == (case.until is None)
    kind, ended, name = last.event.kind, "leg_ended", last.outcome.row or ""
    asked = zip((kind, ended), name.split("+"), strict=False)
    return last.outcome.row, [row for asks, named in asked for row in STANDARD.rows(asks, before) if row.name == named]


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.row}-{number}") for number, case in enumerate(CASES, 1)])
def test_this_stream_ends_at_this_row(case: Case) -> None:
    name, rows = decided(case)
    assert name == case.row
    assert len(rows) == 1 + case.row.count("+")


@pytest.mark.parametrize("row", ROWS)
def test_no_row_is_unreachable(row: Row) -> None:
    assert any(row is found for case in CASES for found in decided(case)[1])
