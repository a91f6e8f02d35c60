"""Tables of their own: the examples do what they say, and what follows a lifecycle follows its table."""

import importlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import copy, deepcopy
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from itertools import permutations
from pathlib import Path
from subprocess import PIPE
from types import ModuleType
from typing import Any, Optional, Union

import pytest
from attrs import NOTHING, define, evolve, field, frozen, setters
from attrs import fields as attrs_fields
from examples.tables import hold, parked, pause, short_calls
from hypothesis import given
from hypothesis import strategies as st
from tests.test_plan import compare

import cobrowse_session
from cobrowse_session import (
    Address,
    AfterCallWorkEnded,
    AfterCallWorkRequired,
    Alerting,
    Applied,
    CobrowseSession,
    Details,
    Disconnected,
    Event,
    Fired,
    Lifecycle,
    SessionLog,
    Settings,
    UnknownEvent,
)
from cobrowse_session.errors import DecodeError, TableError
from cobrowse_session.events import KINDS, TYPE_PREFIX, AfterCallWorkTimeout
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.lifecycle import lifecycle as lifecycle_module
from cobrowse_session.lifecycle import machine as machine_module
from cobrowse_session.lifecycle.actions import begin_segment, close_segments, finish_wrapup, set_disconnect_type
from cobrowse_session.lifecycle.guards import has_other_grant, is_a_skip
from cobrowse_session.lifecycle.machine import machines
from cobrowse_session.lifecycle.row import Action, Guard, RowOutcome, name_of
from cobrowse_session.stream import activity, explain, fold
from cobrowse_session.stream.revisions import revisions
from cobrowse_session.tables import (
    AFTER_CALL_WORK_STATES,
    CONNECTION_STATES,
    LEG_ENDED,
    NO_TRANSITION,
    Deadline,
    Entered,
    Policy,
    Row,
    Table,
    Timer,
    after,
    also,
    before,
    ignored,
    instead,
    reads_event,
    reads_session,
    refused,
    writes,
)
from cobrowse_session.testing import START, Stream, run, stream
from cobrowse_session.vocabulary import AfterCallWorkState, Vocabulary
from cobrowse_session.wire import decode_event, encode_event, restore_log, save_log
from cobrowse_session.wire import digest as digest_module
from cobrowse_session.wire.digest import table_digest
from cobrowse_session.wire.trace import trace_entries

TABLES = {"hold": hold.TABLE, "short calls": short_calls.TABLE, "parked": parked.TABLE, "pause": pause.TABLE}
STANDARD = Table.standard()


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def lifecycle(table: Table, prompt: str = "mandatory", seconds: float | None = None) -> Lifecycle:
    timeout = None if seconds is None else timedelta(seconds=seconds)
    return Lifecycle(settings=Settings(wrapup_prompt=prompt, wrapup_timeout=timeout), table=table)


# --- The examples -------------------------------------------------------------------------------------------------------------


def test_a_leg_on_hold_stays_connected_and_holding_is_a_segment() -> None:
    call = stream("s1").connected().after(10).event(hold.Held).after(20).event(hold.Resumed).after(5).disconnected("peer")
    done = run(call, lifecycle=lifecycle(hold.TABLE))
    session = done.session

    assert [outcome.row for outcome in done.outcomes] == ["connected", "held", "resumed", "ended+begins"]
    assert [str(step.session.state) for step in done.steps[:3]] == ["connected"] * 3
    assert isinstance(session, hold.HoldSession)
    assert (session.held, session.hold_count) == (False, 1)
    assert session.segments is not None
    lasted = [(one.type, (one.end_time or at(0)) - (one.start_time or at(0))) for one in session.segments]
    assert lasted == [("Interact", timedelta(seconds=10)), ("Hold", timedelta(seconds=20)), ("Interact", timedelta(seconds=5))]


def test_a_hold_ends_with_its_leg() -> None:
    call = stream("s1").connected().after(10).event(hold.Held).after(20).disconnected("peer")
    session = run(call, lifecycle=lifecycle(hold.TABLE)).session

    assert isinstance(session, hold.HoldSession)
    assert (session.held, session.hold_count) == (False, 1)


@pytest.mark.parametrize(
    ("begun", "row"),
    [
        (stream("s1").alerting(), "hold_not_connected"),
        (stream("s1").connected().disconnected("peer"), "hold_not_connected"),
        (stream("s1").connected().event(hold.Held), "duplicate"),
    ],
)
def test_a_hold_is_refused_outside_of_a_call_and_repeated_without_effect(begun: Stream, row: str) -> None:
    assert run(begun.event(hold.Held), lifecycle=lifecycle(hold.TABLE)).outcomes[-1].row == row


@pytest.mark.parametrize(("seconds", "work"), [(9.999, None), (10, "pending")])
def test_a_short_call_has_no_after_call_work(seconds: float, work: str | None) -> None:
    call = stream("s1").alerting().after(60).connected().after(seconds).disconnected("peer")
    found = run(call, lifecycle=lifecycle(short_calls.TABLE)).session.after_call_work

    assert (found and found.state) == work


def test_the_time_on_hold_is_no_talk() -> None:
    both = hold.TABLE.extended("both", after_call_work=[before("skipped_after_transfer", short_row())])
    call = stream("s1").connected().after(6).event(hold.Held).after(60).event(hold.Resumed).after(3).disconnected("peer")

    assert run(call, lifecycle=lifecycle(both)).outcomes[-1].row == "ended+none_when_short"


def short_row() -> Row:
    return next(row for row in short_calls.TABLE.after_call_work if row.name == "none_when_short")


def test_a_parked_call_is_pending_and_returns_to_any_pending_state() -> None:
    call = stream("s1").offering().after(1).event(parked.Parked).after(30).alerting().after(2).connected()
    done = run(call, lifecycle=lifecycle(parked.TABLE))

    assert [step.session.state for step in done.steps] == ["offering", "parked", "alerting", "connected"]
    assert done.steps[1].session.state == "parked"
    assert [one.type for one in done.session.segments or ()] == ["System", "Parked", "Alert", "Interact"]


def test_a_parked_call_is_refused_once_it_was_connected() -> None:
    for begun in (stream("s1").connected(), stream("s1").connected().disconnected("peer")):
        outcome = run(begun.event(parked.Parked), lifecycle=lifecycle(parked.TABLE)).outcomes[-1]
        assert outcome.row in ("no_way_back", "session_is_over")


def test_a_parked_call_is_not_offered_and_an_offered_one_not_parked() -> None:
    twice = stream("s1").event(parked.Parked).event(parked.Parked).offering().offering()

    assert [outcome.row for outcome in run(twice, lifecycle=lifecycle(parked.TABLE)).outcomes] == [
        "pending",
        "duplicate",
        "pending",
        "duplicate",
    ]


PAUSED = stream("s1").connected().after(60).disconnected("peer").after(10).event(pause.AfterCallWorkPaused)


def test_the_time_limit_does_not_count_during_a_pause() -> None:
    rules = lifecycle(pause.TABLE, "timeout", 30)
    log = SessionLog.of(PAUSED, rules, until=at(600))

    assert log.session.after_call_work is not None
    assert log.session.after_call_work.state == "paused"
    assert log.deadline == at(70) + timedelta(minutes=15)


def test_a_pause_ends_after_call_work_at_its_own_deadline() -> None:
    log = SessionLog.of(PAUSED, lifecycle(pause.TABLE, "timeout", 30), until=at(3600))

    assert [entry.event.kind for entry in log.trace][-1] == "timer.pause"
    assert log.trace[-1].outcome == Fired.match(row="complete_by_pause", timer="timer.pause", at=at(970))
    assert log.session.wrapup is not None
    assert log.session.wrapup.code == "ININ-WRAP-UP-TIMEOUT"
    assert (log.deadline, log.session.after_call_work and log.session.after_call_work.state) == (None, "complete")


def test_a_code_that_is_saved_during_a_pause_completes_after_call_work() -> None:
    outcome = run(PAUSED.after(5).wrapup("sale"), lifecycle=lifecycle(pause.TABLE)).outcomes[-1]

    assert outcome == Applied.match(row="complete_by_code", acw="complete")


def test_a_deadline_of_its_own_fires_before_a_later_event_and_is_undone_by_an_earlier_one() -> None:
    rules = lifecycle(pause.TABLE, "timeout", 30)
    log = SessionLog.of(PAUSED.after(1000).updated(viewer_url="https://a.example"), rules)
    assert [entry.event.kind for entry in log.trace][-2:] == ["timer.pause", "updated"]

    change = log.add(evolve(PAUSED.after(30).wrapup("sale").events[-1], id="late"))

    assert [entry.event.kind for entry in change.withdrawn] == ["timer.pause"]


# --- What follows a lifecycle follows its table -------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_transitions_itself_drives_every_cell_of_an_own_table_to_the_same_result(table: Table) -> None:
    from tests.test_plan import watched  # noqa: PLC0415 (its rows tell what they ask)

    connection, work = tuple(watched(table.connection, "c")), tuple(watched(table.after_call_work, "a"))

    assert compare(machines(evolve(table, connection=connection, after_call_work=work))) > 900


LIVES = {
    "hold": stream("s1").alerting().after(3).connected().after(9).event(hold.Held).after(9).disconnected("peer"),
    "short calls": stream("s1").alerting().after(3).connected().after(9).disconnected("peer").after(2).wrapup("sale"),
    "parked": stream("s1").offering().after(3).event(parked.Parked).after(9).connected().after(2).disconnected("peer"),
    "pause": PAUSED.after(2000).updated(viewer_url="https://a.example"),
}


@pytest.mark.parametrize("name", LIVES)
def test_any_order_of_arrival_gives_one_session_and_one_trace(name: str) -> None:
    rules = lifecycle(TABLES[name], "timeout", 30)
    expected = fold(LIVES[name], at(9000), lifecycle=rules)
    for order in permutations(LIVES[name]):
        log = SessionLog.of(order, rules, until=at(9000))
        assert (log.session, log.trace) == (expected.session, expected.trace)


@pytest.mark.parametrize("name", LIVES)
def test_every_class_of_the_table_has_an_answer_and_the_answer_holds(name: str) -> None:
    rules = lifecycle(TABLES[name])
    session = run(LIVES[name], lifecycle=rules).session
    answers = {answer.event: answer.answer for answer in rules.allowed(session, at(9000))}

    assert set(answers) == {event for event in TABLES[name].events if event is not UnknownEvent}
    for event, answer in answers.items():
        if event not in (AfterCallWorkRequired, AfterCallWorkEnded):  # they have more to say
            outcome = rules.apply(copy(session), event(subject="s1", source="/test", id="next", occurred_at=at(9000)))
            assert answer == "depends" or (answer == "yes") == isinstance(outcome, Applied), event


@pytest.mark.parametrize("name", LIVES)
def test_each_field_of_an_own_session_is_explained(name: str) -> None:
    log = SessionLog.of(LIVES[name], lifecycle(TABLES[name]))

    assert explain(log, "state").value == log.session.state
    if name == "hold":
        assert explain(log, "holdCount").rows == ("held",)
        assert explain(log, "held").rows == ("ended", "begins")


def test_a_parked_leg_goes_on_and_a_paused_one_is_in_after_call_work() -> None:
    waiting = SessionLog.of(stream("s1").offering().after(3).event(parked.Parked), lifecycle(parked.TABLE))
    resting = SessionLog.of(PAUSED, lifecycle(pause.TABLE))
    found = [activity(waiting), activity(resting)]

    assert [(one and one.state, one and one.since) for one in found] == [("parked", at(3)), ("afterCallWork", at(60))]


@pytest.mark.parametrize("name", TABLES)
def test_no_event_of_an_example_loses_details_as_a_duplicate(name: str) -> None:  # SAME-1
    table = TABLES[name]
    rules = lifecycle(table)
    common: dict[str, Any] = {"subject": "s1", "source": "/a", "id": "e1", "occurred_at": at(1)}
    for state in table.states.connection:
        for event in table.events:
            needed: dict[str, Any] = {a.name: True for a in attrs_fields(event) if a.default is NOTHING and a.name not in common}
            if event not in (UnknownEvent, AfterCallWorkEnded):
                session = rules.new("s1")
                session.state = state
                outcome = rules.apply(session, event(**common, **needed, details=Details(peer_id="p")))
                assert (session.peer_id == "p") == (outcome.kind == "applied")
                assert outcome.kind != "duplicate"


def test_an_unknown_word_of_an_own_attribute_is_noted() -> None:  # KEEP-2
    outcome = run(stream("s1").event(Rated, stars=1, mood="grim"), lifecycle=Lifecycle(table=RATED)).outcomes[0]

    assert outcome.notes == ("unknown mood 'grim', kept as it came",)


@frozen(kw_only=True, repr=False)
class Remarked(Event):
    """Somebody made a remark. `==` does not see it."""

    prefix, kind, rank = "com.acme.", "remarked", 66

    remark: str | None = field(default=None, eq=False)
    share: float | None = None


@pytest.mark.parametrize(("one", "other"), [({"remark": "a"}, {"remark": "b"}), ({"share": 0.0}, {"share": -0.0})])
def test_copies_are_compared_by_their_canonical_form(one: dict[str, Any], other: dict[str, Any]) -> None:  # COPY-16
    rules = Lifecycle(table=STANDARD.extended("remarked", kinds=(Remarked,), like={"remarked": "updated"}))
    copies = [stream("s1").event(Remarked, **given).events[0] for given in (one, other)]
    logs = [SessionLog.of(some, rules) for some in (copies, copies[::-1])]

    for log in logs:
        assert (len(log.copies), log.conflicts, fold(copies, lifecycle=rules).conflicts) == (2, 1, 1)
    assert encode_event(logs[0].events[0]) == encode_event(logs[1].events[0])


def test_a_log_takes_no_class_that_its_table_lacks() -> None:
    log = SessionLog(Lifecycle(), "s1")
    (held,) = stream("s1").event(hold.Held).events

    with pytest.raises(TypeError, match=r"expected an event of a class that the table 'standard' has: .*found Held"):
        log.add(held)
    assert log.events == ()


def test_an_unknown_event_of_a_type_that_has_a_class_is_an_error() -> None:  # else it would be read back as another event
    log = SessionLog(lifecycle(hold.TABLE), "s1")
    (event,) = stream("s1").unknown("com.acme.held").events

    with pytest.raises(ValueError, match=r"expected Held for the type com\.acme\.held, found an UnknownEvent"):
        log.add(event)


def test_a_subclass_of_a_known_event_is_not_that_event() -> None:
    @frozen(kw_only=True, repr=False)
    class Louder(Alerting):
        volume: int = 11

    with pytest.raises(TypeError, match="found Louder"):
        SessionLog(Lifecycle(), "s1").add(Louder(subject="s1", source="/a", id="e1", occurred_at=START))


# --- A table is a value -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [STANDARD, *TABLES.values()], ids=["standard", *TABLES])
def test_a_table_that_was_pickled_or_copied_is_the_same_object(table: Table) -> None:
    rules = Lifecycle(table=table)

    assert pickle.loads(pickle.dumps(table)) is table  # noqa: S301 (our own bytes)
    assert copy(table) is table
    assert deepcopy(table) is table
    again = pickle.loads(pickle.dumps(rules))  # noqa: S301
    assert again == rules
    assert again.machines is rules.machines


def test_the_standard_table_pickles_by_name() -> None:
    assert len(pickle.dumps(STANDARD)) < 100


def test_tables_that_are_made_twice_are_one() -> None:
    def made() -> Table:
        return STANDARD.extended("p", kinds=(parked.Parked,), like={"parked": "offering"}, states={"parked": "offering"})

    assert made() is made()
    assert made() != parked.TABLE


def test_an_extension_changes_nothing_for_others() -> None:
    kinds, rows = dict(KINDS), STANDARD.connection
    STANDARD.extended("x", connection=[also("ended", hold.end_hold)], session=hold.HoldSession)

    assert (dict(KINDS), STANDARD.connection) == (kinds, rows)
    assert Lifecycle().table is STANDARD


def test_lifecycles_with_other_tables_differ() -> None:
    assert Lifecycle(table=hold.TABLE) != Lifecycle()
    assert Lifecycle(table=hold.TABLE) == Lifecycle(table=hold.TABLE)


def test_an_own_table_can_be_extended() -> None:
    both = hold.TABLE.extended("both", kinds=(parked.Parked,), like={"parked": "offering"}, states={"parked": "offering"})
    call = stream("s1").event(parked.Parked).event(hold.Held).connected().event(hold.Held)

    assert [outcome.row for outcome in run(call, lifecycle=Lifecycle(table=both)).outcomes] == [
        "pending",
        "hold_not_connected",
        "connected",
        "held",
    ]


class Phase(StrEnum):
    """A state of one's own."""

    PAUSED = "paused"


def with_breaks(paused: str, pending: str) -> Table:
    kind, others = ("acw.paused",), tuple(state for state in AFTER_CALL_WORK_STATES if state != pending)
    return Table.standard().extended(
        "breaks",
        kinds=(pause.AfterCallWorkPaused,),
        states={paused: pending},
        after_call_work=(
            Row(name="paused", on=kind, source=(pending,), result=paused, reason="It begins."),
            Row(name="goes_on", on=kind, source=(paused,), result=pending, reason="It ends."),
            Row(name="nothing_to_pause", on=kind, source=others, result=refused("not_pending"), reason="Nothing is pending."),
        ),
    )


def test_a_state_of_a_row_may_be_a_member_of_an_enum() -> None:
    made = stream("s1").connected().event(pause.AfterCallWorkPaused).after(60).disconnected("peer")
    made = made.after(10).event(pause.AfterCallWorkPaused).after(1).event(pause.AfterCallWorkPaused)

    found = run(made, lifecycle=lifecycle(with_breaks(Phase.PAUSED, AfterCallWorkState.PENDING)))

    assert [step.outcome.row for step in found.steps] == ["connected", "nothing_to_pause", "ended+begins", "paused", "goes_on"]
    assert found.steps == run(made, lifecycle=lifecycle(with_breaks("paused", "pending"))).steps


# --- Where rows stand ---------------------------------------------------------------------------------------------------------


@reads_event
def never(_session: CobrowseSession, _event: Event, _: Policy) -> bool:
    """Never."""
    return False


def row(name: str = "mine", **changes: Any) -> Row:
    given = {"on": (LEG_ENDED,), "source": AFTER_CALL_WORK_STATES, "result": NO_TRANSITION, "guards": (never,), "cites": ()}
    return Row(name=name, reason="Mine.", **{**given, **changes})


def names(*changes: Any) -> list[str]:
    table = STANDARD.extended("mine", after_call_work=changes)
    return [row.name for row in machines(table).rows(LEG_ENDED, CobrowseSession(id="s1"))]


def test_rows_stand_before_behind_or_instead_of_a_row() -> None:
    usual = names()

    assert names(before("none_by_prompt", row())) == [*usual[:2], "mine", *usual[2:]]
    assert names(after("none_by_prompt", row())) == [*usual[:3], "mine", *usual[3:]]
    assert names(instead("none_by_prompt", row())) == [*usual[:2], "mine", *usual[3:]]
    assert names(instead("none_by_prompt")) == [*usual[:2], *usual[3:]]


def test_a_row_of_many_kinds_is_replaced_for_the_kinds_of_the_new_one() -> None:
    louder = row("louder", on=("acw.required",), guards=(), result=ignored("louder"))
    table = STANDARD.extended("mine", after_call_work=[instead("duplicate", louder)])
    session = CobrowseSession(id="s1")

    assert machines(table).rows("acw.required", session)[-1].name == "louder"
    assert machines(table).rows("wrapup", session)[-1].name == "duplicate"


def test_a_row_writes_more() -> None:
    table = STANDARD.extended("mine", after_call_work=[also("begins", finish_wrapup)])
    call = stream("s1").connected(wrapup_prompt="optional").wrapup("sale").after(1).disconnected("peer")

    assert "wrapup" in getattr(run(call, lifecycle=Lifecycle(table=table)).outcomes[-1], "set", ())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (before("begin", row()), "before 'begin': no row of leg_ended has this name: expected one of none_after_alert_timeout, "),
        (also("begin", finish_wrapup), "also 'begin': no row has this name: expected one of none_after_alert_timeout, "),
        (instead("complete_by_timeout", row()), "instead 'complete_by_timeout': no row of leg_ended has this name"),
    ],
)
def test_a_place_that_there_is_not_is_named_with_those_that_there_are(change: Any, problem: str) -> None:
    with pytest.raises(TableError) as raised:
        STANDARD.extended("mine", after_call_work=[change])

    assert raised.value.problems[0].startswith(problem)


# --- Likeness -----------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True, repr=False)
class Ringing(Entered):
    """Another kind of alert."""

    prefix, kind, rank = "com.acme.", "ringing", 42
    target_state, segment = "ringing", "Alert"


@frozen(kw_only=True, repr=False)
class Abandoned(Event):
    """The caller gave up."""

    prefix, kind, rank = "com.acme.", "abandoned", 82
    target_state = "abandoned"
    disconnect_type: str | None = "peer"


ALIKE = STANDARD.extended(
    "alike",
    kinds=(Ringing, Abandoned),
    like={"ringing": "alerting", "abandoned": "disconnected"},
    states={"ringing": "alerting", "abandoned": "disconnected"},
)


def test_a_state_like_alerting_has_its_stamp_and_its_deadline() -> None:
    rules = Lifecycle(table=ALIKE, alerting_grace=timedelta(seconds=1))
    log = SessionLog.of(stream("s1").event(Ringing, alerting_timeout=20), rules, until=at(60))

    assert (log.session.state, log.session.start_alerting_time, log.session.disconnected_time) == ("disconnected", at(0), at(21))
    log.add(stream("s1").after(50).connected().events[0].__class__(subject="s1", source="/x", id="c", occurred_at=at(50)))
    assert log.session.state == "connected"  # an alert's deadline is a last resort (TIMER-4)


def test_a_state_like_disconnected_has_ended_and_is_the_same_to_other_ends() -> None:
    call = stream("s1").connected(wrapup_prompt="optional").after(9).event(Abandoned).disconnected().event(Abandoned).terminated()
    done = run(call, lifecycle=Lifecycle(table=ALIKE))

    assert [outcome.row for outcome in done.outcomes] == ["connected", "ended+begins", "duplicate", "duplicate", "released"]
    assert [str(step.session.state) for step in done.steps] == ["connected", "abandoned", "abandoned", "abandoned", "terminated"]


def test_a_kind_like_one_that_enters_its_own_state_by_name_enters_the_state_that_it_names_itself() -> None:
    ended = next(row for row in STANDARD.connection if row.name == "ended")
    named = evolve(ended, name="named", on=("disconnected", "timer.alerting"), result="disconnected")
    changes = [instead("alert_timed_out"), instead("ended", named)]
    table = STANDARD.extended("named", connection=changes).extended(
        "both", kinds=(Abandoned,), like={"abandoned": "disconnected"}, states={"abandoned": "disconnected"}
    )
    done = run(stream("s1").connected().after(9).event(Abandoned), lifecycle=Lifecycle(table=table))

    assert (done.session.state, done.outcomes[-1].row) == ("abandoned", "named+none_without_prompt")


def test_an_own_state_is_in_the_groups_of_the_state_that_it_is_like() -> None:
    states = ALIKE.states

    assert "ringing" in states.pending
    assert "abandoned" in states.ended
    assert states.connection.index("ringing") == states.connection.index("alerting") + 1


# --- What is refused when a table is made -------------------------------------------------------------------------------------


def problems(**parts: Any) -> tuple[str, ...]:
    with pytest.raises(TableError) as raised:
        STANDARD.extended("mine", **parts)
    return raised.value.problems


def event_class(**members: Any) -> type[Event]:
    made: type[Event] = frozen(kw_only=True, repr=False)(
        type("Mine", (Event,), {"prefix": "com.acme.", "kind": "mine", **members})
    )
    return made


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"rank": 50}, "Mine: rank 50 is that of Connected: choose another one"),
        ({}, "Mine: expected a rank of its own, from 1 to 129: its place among events of one instant"),
        ({"rank": 0}, "Mine: expected a rank of its own, from 1 to 129: its place among events of one instant"),
        ({"rank": 130}, "Mine: expected a rank of its own, from 1 to 129: its place among events of one instant"),
        ({"rank": 3, "kind": "alerting"}, "Mine: kind 'alerting' is that of Alerting: choose another one"),
        ({"rank": 3, "kind": ""}, "Mine: expected a kind of its own: kind = 'held'"),
        ({"rank": 3, "kind": 5}, "Mine: expected a kind of its own: kind = 'held'"),
        ({"rank": 3, "kind": "a\nb"}, "Mine: expected a kind of its own: kind = 'held'"),
        (
            {"rank": 3, "prefix": "cobrowse.", "kind": "session.connected"},
            "Mine: type 'cobrowse.session.connected' is that of Connected: choose another one",
        ),
        (
            {"rank": 3, "prefix": 5},
            f"Mine: expected a prefix of its own for its type, as prefix = 'com.acme.': the standard kinds have {TYPE_PREFIX!r}",
        ),
        (
            {"rank": 3, "prefix": "cobrowse.", "kind": "session.held"},
            f"Mine: expected a prefix of its own for its type, as prefix = 'com.acme.': the standard kinds have {TYPE_PREFIX!r}",
        ),
        (
            {"rank": 3, "prefix": "cobrowse.session.acme."},
            f"Mine: expected a prefix of its own for its type, as prefix = 'com.acme.': the standard kinds have {TYPE_PREFIX!r}",
        ),
    ],
)
def test_a_kind_of_event_has_a_name_a_type_and_a_rank_of_its_own(members: dict[str, Any], problem: str) -> None:
    assert problem in problems(kinds=[event_class(**members)], like={"mine": "updated"})


@pytest.mark.parametrize("rank", [1, 129])
def test_a_rank_is_any_from_the_first_to_the_last_that_is_free(rank: int) -> None:
    table = STANDARD.extended("mine", kinds=[event_class(rank=rank)], like={"mine": "updated"})

    assert table.kinds["mine"].rank == rank


def test_two_kinds_of_one_type_are_refused() -> None:
    one = event_class(rank=3, prefix="com.acme.mine.", kind="late")
    other = event_class(rank=4, prefix="com.acme.", kind="mine.late")

    assert problems(kinds=[one, other], like={"late": "updated", "mine.late": "updated"}) == (
        "Mine: type 'com.acme.mine.late' is that of Mine: choose another one",
    )


def test_a_class_without_a_kind_is_refused() -> None:
    nameless: type[Event] = frozen(kw_only=True, repr=False)(type("Nameless", (Event,), {"prefix": "com.acme.", "rank": 3}))
    timer: type[Timer] = frozen(kw_only=True, repr=False)(type("NamelessTimer", (Timer,), {}))

    assert problems(kinds=[nameless]) == ("Nameless: expected a kind of its own: kind = 'held'",)
    assert problems(deadlines=[Deadline(timer, _due)]) == ("NamelessTimer: expected a kind of its own: kind = 'timer.pause'",)


def test_a_subclass_of_an_own_kind_has_a_kind_of_its_own() -> None:
    @frozen(kw_only=True, repr=False)
    class Rung(Ringing):
        rank = 3

    assert problems(kinds=[Ringing, Rung])[0] == "Rung: expected a kind of its own: kind = 'held'"


def test_a_kind_or_a_session_without_a_decorator_of_attrs_is_named() -> None:
    class Plain(Event):
        prefix, kind, rank = "com.acme.", "plain", 3
        price: int = 0

    class PlainSession(CobrowseSession):
        price: int = 0

    with pytest.raises(TableError, match=r"Plain: expected an attrs class: @frozen") as raised:
        STANDARD.extended("mine", kinds=(Plain,), like={"plain": "updated"}, session=PlainSession)
    assert raised.value.problems[1].startswith("PlainSession: expected an attrs class: @define(")


NOT_ONE: Any = 5  # `Any`: it is given where another type is wanted
A_TIMER: Any = pause.TABLE.deadlines[-1].timer
HELD_ROW: Any = hold.TABLE.connection[-1]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kinds": Ringing}, "kinds: expected a tuple, found <class"),
        ({"connection": HELD_ROW}, "connection: expected a tuple, found Row"),
        ({"connection": "held"}, "connection: expected a tuple, found 'held'"),
        ({"after_call_work": also("begins", finish_wrapup)}, "after_call_work: expected a tuple, found Added"),
        ({"deadlines": pause.TABLE.deadlines[-1]}, "deadlines: expected a tuple, found Deadline"),
        ({"like": [("mine", "updated")]}, r"like: expected a dict, as {'parked': 'offering'}, found \[\('mine'"),
        ({"states": ("parked",)}, r"states: expected a dict, as {'parked': 'offering'}, found \('parked',\)"),
    ],
)
def test_one_part_in_place_of_several_is_named(given: dict[str, Any], says: str) -> None:
    with pytest.raises(TypeError, match=f"Table.extended: {says}"):
        STANDARD.extended("mine", **given)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: STANDARD.extended(NOT_ONE), "name: expected text on one line, found 5"),
        (lambda: STANDARD.extended(" "), "name: expected text on one line, found ' '"),
        (lambda: STANDARD.extended("a\nb"), "name: expected text on one line, found 'a\\nb'"),
        (
            lambda: STANDARD.extended("mine", kinds=[NOT_ONE]),
            "kinds: expected subclasses of Event, each one @frozen(kw_only=True), found 5",
        ),
        (lambda: STANDARD.extended("mine", session=NOT_ONE), "session: expected a subclass of CobrowseSession, found 5"),
        (
            lambda: STANDARD.extended("mine", deadlines=[Deadline(NOT_ONE, _due)]),
            "deadline: timer: expected a subclass of Timer, found 5",
        ),
        (lambda: STANDARD.extended("mine", deadlines=[NOT_ONE]), "deadlines: expected a Deadline, found 5"),
        (lambda: STANDARD.extended("mine", deadlines=[A_TIMER]), "deadlines: expected a Deadline, found <class"),
        (
            lambda: STANDARD.extended("mine", connection=[NOT_ONE]),
            "expected a Row, or one with a place, as before('begins', row), found 5",
        ),
        (lambda: before(HELD_ROW), "before: expected the name of a row, then rows, found Row(name='"),
        (lambda: after("ended", NOT_ONE), "after 'ended': expected rows, found 5"),
        (lambda: instead("ended", NOT_ONE, HELD_ROW), "instead 'ended': expected rows, found 5"),
        (lambda: before("ended", (HELD_ROW,)), "before 'ended': expected rows, found (Row(name='"),  # type: ignore[arg-type]  # the point
        (lambda: before("ended"), "before 'ended': expected rows, found none"),
        (lambda: also(NOT_ONE, finish_wrapup), "also: expected the name of a row, then actions, found 5"),
        (lambda: also("ended", "held"), "also 'ended': expected actions, found 'held'"),  # type: ignore[arg-type]  # the point
        (lambda: also("ended"), "also 'ended': expected actions, found none"),
    ],
)
def test_a_part_of_another_type_is_named(make: Callable[[], object], problem: str) -> None:
    with pytest.raises(TableError) as raised:
        make()

    assert raised.value.problems[0].startswith(problem)


def test_the_attributes_that_an_action_writes_are_names() -> None:
    with pytest.raises(TypeError, match=r"writes: expected names of fields, as @writes\('held'\), found <function"):
        writes(set_mood)  # type: ignore[arg-type]  # `@writes` without parentheses


@pytest.mark.parametrize(
    ("kind", "other", "names"),
    [
        (event_class(rank=3), "disconnected", "disconnect_type"),
        (event_class(rank=3), "alerting", "segment_type, segment"),
        (event_class(rank=3), "acw.required", "required"),
        (event_class(rank=3, disconnect_type="peer", target_state="disconnected"), "disconnected", ""),
    ],
)
def test_a_kind_that_is_like_another_has_the_attributes_that_its_rows_read(kind: Any, other: str, names: str) -> None:
    if not names:
        assert STANDARD.extended("mine", kinds=[kind], like={"mine": other})
        return

    (problem,) = problems(kinds=[kind], like={"mine": other})
    assert problem == f"kind 'mine' is like {other!r}, whose rows read {names}: add it to Mine, or a base with it"


def test_a_kind_without_rows_is_named() -> None:
    assert problems(kinds=[event_class(rank=3)]) == ("event 'mine' has no rows: add them to one of the machines",)


def test_the_states_that_a_kind_has_no_rows_for_are_on_one_line() -> None:
    only = row("mine", on=("mine",), source=("connected",), guards=(), result=refused("no"))

    (problem,) = problems(kinds=[event_class(rank=3)], connection=[only])
    others = ", ".join(repr(state) for state in CONNECTION_STATES if state != "connected")

    advice = "add a row without guards, or add the state to the `source` of one"
    assert problem == f"event 'mine' in states {others} has no rows: {advice}"


@frozen(kw_only=True)
class NoEvent:
    """A class with the members of an event, and with another base."""

    prefix, kind, rank = "com.acme.", "none", 3

    price: int = 0


def test_all_that_is_wrong_with_the_classes_of_events_is_named_at_once() -> None:
    not_events: Any = NoEvent
    found = problems(kinds=[not_events, event_class(rank=131)], like={"mine": "none"})

    assert found[0].startswith("kinds: expected subclasses of Event, each one @frozen(kw_only=True), found <class ")
    assert found[1:] == ("Mine: expected a rank of its own, from 1 to 129: its place among events of one instant",)


def test_a_kind_may_be_like_those_that_nobody_knows() -> None:
    assert STANDARD.extended("mine", kinds=[event_class(rank=3)], like={"mine": "unknown"})


def test_what_is_no_class_of_events_is_named() -> None:
    assert problems(kinds=[CobrowseSession])[0].startswith("kinds: expected subclasses of Event, each one @frozen(kw_only=True)")


def unmarked(_session: CobrowseSession, _event: Event, _: Policy) -> bool:
    return True


def _closure() -> Any:
    @reads_session
    def inner(_session: CobrowseSession, _event: Event, _: Policy) -> bool:
        return True

    return inner


@reads_session
async def awaited(_session: CobrowseSession, _event: Event, _: Policy) -> bool:
    """It is asked elsewhere."""
    return True


@writes("mood")
def generated(_session: CobrowseSession, _event: Event, _: Policy) -> Iterator[None]:
    """It writes later."""
    yield


@reads_session
@frozen
class Awaited:
    """It is asked elsewhere, too."""

    async def __call__(self, _session: CobrowseSession, _event: Event, _: Policy) -> bool:
        """Ask."""
        return True


async def due_later(_session: CobrowseSession, _: Policy) -> None:
    """Nobody awaits it."""


@writes("mood")
def set_mood(_session: CobrowseSession, _event: Event, _: Policy) -> None:
    """Write what the session lacks."""


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"guards": (unmarked,)}, "row 'mine': guard unmarked: expected a mark: @reads_session or @reads_event"),
        ({"actions": (unmarked,)}, "row 'mine': action unmarked: expected a mark: @writes(...)"),
        (
            {"guards": (reads_session(lambda *_: True),)},
            "row 'mine': guard <lambda>: expected a function of a module or",
        ),
        (
            {"guards": (_closure(),)},
            "row 'mine': guard inner: expected a function of a module or",
        ),
        ({"guards": (awaited,)}, "row 'mine': guard awaited: expected a function that is neither async nor a generator"),
        ({"guards": (Awaited(),)}, "row 'mine': guard Awaited: expected a function that is neither async nor a generator"),
        ({"actions": (generated,)}, "row 'mine': action generated: expected a function that is neither async nor a generator"),
        ({"actions": (set_mood,)}, "row 'mine': an action writes 'mood', which is no field of CobrowseSession: add it there"),
        ({"reason": " "}, "row 'mine' has no reason: write one sentence for the outcome"),
    ],
)
def test_a_guard_or_an_action_is_a_marked_function_of_a_module(changes: dict[str, Any], problem: str) -> None:
    mine = evolve(row(), **changes)

    assert any(one.startswith(problem) for one in problems(after_call_work=[before("none_by_prompt", mine)]))


def test_a_session_class_has_defaults_and_runs_no_hooks() -> None:
    @define(kw_only=True)
    class Hooked(CobrowseSession):
        mood: str = field()

    assert problems(session=Hooked) == (
        "Hooked: each write would fail or run hooks: expected @define(kw_only=True, on_setattr=attrs.setters.NO_OP, repr=False)",
        "Hooked: mood: expected a default, because a session begins without its first event",
    )
    assert problems(session=Event)[0].startswith("session: expected a subclass of CobrowseSession, found ")


def _same(_one: object, _other: object) -> bool:
    return True


DECORATORS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    # arguments of the decorator, members of the class, the flaw
    ({"eq": False}, {}, "values that differ are equal"),
    ({}, {"__eq__": _same}, "values that differ are equal"),
    ({}, {"__eq__": lambda one, other: one is other}, "values that are the same differ"),
    ({"slots": False}, {}, "deepcopy raises AttributeError: "),
    ({"getstate_setstate": False}, {}, "deepcopy raises AttributeError: "),
    ({"init": False}, {}, "its constructor does not take its fields by name, and nothing else"),
    (
        {"init": False},
        {"__init__": lambda self: self.__attrs_init__()},
        "its constructor does not take its fields by name, and nothing else",
    ),
    ({}, {"mark": field(default=None, init=False)}, "mark: no constructor takes this field"),
    ({}, {"__copy__": lambda self: self}, "copy does not copy its fields"),
    ({}, {"__getattr__": lambda *_: 5}, "deepcopy raises TypeError: "),
]
FINE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"order": True}, {}),
    ({"unsafe_hash": True}, {}),
    ({"unsafe_hash": True, "cache_hash": True}, {}),
    ({"repr": True}, {}),
    ({"weakref_slot": False}, {}),
    ({}, {"mark": field(default=None, eq=False)}),
    ({}, {"mark": field(default=0, eq=abs)}),
    ({}, {"mark": field(default=None, alias="markiert")}),
    ({}, {"twice": cached_property(lambda self: 2 * self.mark)}),
]


def own_class(base: type, arguments: dict[str, Any], members: dict[str, Any]) -> Any:
    """Return a subclass of sessions or events with a field, made by the decorator with more arguments."""
    own = {"prefix": "com.acme.", "kind": "mine", "rank": 3} if issubclass(base, Event) else {}
    made = type("Mine", (base,), {"__annotations__": {"mark": int | None}, "mark": None, **own, **members})
    given = {"kw_only": True, "repr": False, **arguments}
    return frozen(**given)(made) if issubclass(base, Event) else define(on_setattr=setters.NO_OP, **given)(made)


def with_class(made: Any) -> dict[str, Any]:
    return {"kinds": (made,), "like": {"mine": "updated"}} if issubclass(made, Event) else {"session": made}


@pytest.mark.parametrize("base", [CobrowseSession, Event])
@pytest.mark.parametrize(("arguments", "members", "flaw"), DECORATORS)
def test_a_class_whose_values_cannot_be_copied_compared_or_read_back_is_refused(
    base: type, arguments: dict[str, Any], members: dict[str, Any], flaw: str
) -> None:
    found = problems(**with_class(own_class(base, arguments, members)))

    assert [problem for problem in found if not problem.startswith("Mine: ")] == []
    assert any(problem.startswith(f"Mine: {flaw}") for problem in found), found


@pytest.mark.parametrize("base", [CobrowseSession, Event])
@pytest.mark.parametrize(("arguments", "members"), FINE)
def test_a_class_that_only_looks_unusual_is_taken(base: type, arguments: dict[str, Any], members: dict[str, Any]) -> None:
    made = own_class(base, arguments, members)
    call = stream("s1").connected().after(5).disconnected("peer")
    if base is Event:
        call = call.event(made, **{attrs_fields(made)[-1].alias: 3})
    lifecycle = Lifecycle(table=STANDARD.extended("mine", **with_class(made)))
    log = SessionLog.of(call, lifecycle)

    assert restore_log(save_log(log), lifecycle).trace == log.trace
    assert restore_log(save_log(log), lifecycle).session == log.session
    assert deepcopy(log.session) == log.session


@pytest.mark.parametrize(
    "arguments", [{"frozen": True, "on_setattr": None}, {"on_setattr": None}, {"on_setattr": setters.frozen}]
)
def test_a_session_that_cannot_be_written_at_once_is_refused(arguments: dict[str, Any]) -> None:
    made = define(**{"kw_only": True, "repr": False, **arguments})(type("Mine", (CobrowseSession,), {}))
    made_with_field = define(**{"kw_only": True, "repr": False, **arguments})(
        type("Mine", (CobrowseSession,), {"__annotations__": {"mark": int | None}, "mark": None})
    )

    for one in (made, made_with_field):
        (problem,) = problems(session=one)
        assert problem.startswith("Mine: each write would fail or run hooks: expected @define(kw_only=True, on_setattr=")


@pytest.mark.parametrize("name", ["state", "id", "segments", "settings", "extra"])
def test_a_field_that_each_session_has_is_not_defined_anew(name: str) -> None:
    made = define(kw_only=True, on_setattr=setters.NO_OP, repr=False)(
        type("Mine", (CobrowseSession,), {"__annotations__": {name: str}, name: "x"})
    )

    assert f"Mine: {name}: each session has this field: choose another name" in problems(session=made)


def test_a_field_that_each_event_has_is_not_defined_anew() -> None:
    made = own_class(Event, {}, {"__annotations__": {"source": float}})

    assert "Mine: source: each event has this field: choose another name" in problems(**with_class(made))


@frozen(kw_only=True, repr=False)
class Reminder(Timer):
    """A reminder."""

    kind = "timer.reminder"


def _due(_session: CobrowseSession, _: Policy) -> datetime | None:
    return None


@pytest.mark.parametrize("name", sorted({name for name in dir(Event) if not name.startswith("_")} | {"kind", "rank"}))
def test_a_field_of_an_event_has_no_name_that_every_event_has(name: str) -> None:
    made = own_class(Event, {}, {"__annotations__": {name: float}})

    assert any(problem.startswith("Mine: ") for problem in problems(**with_class(made)))


@pytest.mark.parametrize("base", [CobrowseSession, Event])
def test_two_fields_of_one_key_are_refused(base: type) -> None:  # the JSON would have one of them only
    made = own_class(base, {}, {"__annotations__": {"a_b": str | None, "aB": str | None}, "a_b": None, "aB": None})

    assert "Mine: aB: its key aB is that of a_b: choose another name" in problems(**with_class(made))


@frozen(kw_only=True, repr=False)
class Recalled(Timer):
    """The call is taken out of the parking lot."""

    kind = "timer.recall"


def parked_for_a_minute(session: CobrowseSession, _: Policy) -> datetime | None:
    """A call is parked for a minute at most."""
    return session.provider_event_time and session.provider_event_time + timedelta(minutes=1)


def recalled(**members: Any) -> Table[Any]:
    timer = frozen(kw_only=True, repr=False)(type("Recalled", (Timer,), {"kind": "timer.recall", **members}))
    back = row("recalled", on=("timer.recall",), source=("parked",), result="alerting", guards=(), actions=(begin_segment,))
    return parked.TABLE.extended("recalled", connection=(back,), deadlines=(Deadline(timer, parked_for_a_minute),))


@pytest.mark.parametrize(
    ("members", "segment_type"),
    [({}, None), ({"target_state": "alerting"}, "Alert"), ({"target_state": "parked"}, "parked"), ({"segment": "Back"}, "Back")],
)
def test_a_timer_that_begins_a_segment_needs_no_type_of_its_own(members: dict[str, Any], segment_type: str | None) -> None:
    log = SessionLog.of(stream("s1").event(parked.Parked), lifecycle(recalled(**members)), until=at(100))

    assert log.session.state == "alerting"
    assert log.session.segments is not None
    assert (log.session.segments[-1].type, log.session.segments[-1].start_time) == (segment_type, at(60))


def test_a_class_has_what_the_standard_actions_and_guards_of_its_rows_read() -> None:
    ends = row(
        "ends",
        on=("timer.recall",),
        source=("parked",),
        result="disconnected",
        guards=(),
        actions=(close_segments, set_disconnect_type),
    )
    (problem,) = problems(states={"parked": "offering"}, connection=(ends,), deadlines=(Deadline(Recalled, parked_for_a_minute),))

    advice = "add it to Recalled, or a base with it"
    assert problem == f"row 'ends': set_disconnect_type reads disconnect_type of 'timer.recall': {advice}"


TAKEN = {kind: event.__name__ for kind, event in KINDS.items()} | {
    LEG_ENDED: "the end of the leg",
    "timer.acw": "AfterCallWorkTimeout",
    "timer.alerting": "AlertingTimeout",
}


@pytest.mark.parametrize("kind", TAKEN)
def test_a_timer_has_a_kind_of_its_own(kind: str) -> None:
    made = frozen(kw_only=True, repr=False)(type("Twin", (Timer,), {"kind": kind}))
    (problem,) = problems(deadlines=(Deadline(made, _due),))

    assert problem == f"Twin: kind {kind!r} is that of {TAKEN[kind]}: choose another one"


@pytest.mark.parametrize(
    ("on", "guard", "read"), [("mine", is_a_skip, "code, provisional"), ("timer.recall", has_other_grant, "details")]
)
def test_all_that_a_standard_guard_reads_and_a_class_lacks_is_named(on: str, guard: Guard, read: str) -> None:
    asks = row("asks", on=(on,), source=("parked",), result=NO_TRANSITION, guards=(guard,))
    found = problems(
        kinds=[Mine],
        like={"mine": "updated"},
        states={"parked": "offering"},
        connection=[before("details", asks)] if on == "mine" else [asks],
        deadlines=[Deadline(Recalled, parked_for_a_minute)] if on != "mine" else [],
    )

    cls = "Mine" if on == "mine" else "Recalled"
    assert f"row 'asks': {name_of(guard)} reads {read} of {on!r}: add it to {cls}, or a base with it" in found


@reads_event
def hung_up(_session: CobrowseSession, event: Disconnected, _: Policy) -> bool:
    """Somebody has hung up."""
    return not isinstance(event, Mine) and event.disconnect_type is not None


@frozen(kw_only=True, repr=False)
class Mine(Event):
    """An event that lacks what `hung_up` reads of another one."""

    prefix, kind, rank = "com.acme.", "mine", 3


def test_what_an_own_guard_reads_is_its_own_affair() -> None:
    mine = row("mine", on=("mine",), source=CONNECTION_STATES, guards=(hung_up,), result=refused("no"))
    table = STANDARD.extended("mine", kinds=[Mine], like={"mine": "updated"}, connection=[before("details", mine)])

    assert run(stream("s1").connected().event(Mine), lifecycle=Lifecycle(table=table)).outcomes[-1].row == "duplicate"


class Rules:
    """Guards in a class."""

    @staticmethod
    @reads_session
    def never(_session: CobrowseSession, _event: Event, _: Policy) -> bool:
        """Never."""
        return False


def test_a_guard_may_be_a_function_in_a_class() -> None:
    never = row("never", on=("updated",), source=CONNECTION_STATES, guards=(Rules.never,), result=refused("no"))
    table = STANDARD.extended("mine", connection=[before("details", never)])

    assert pickle.loads(pickle.dumps(table)) is table  # noqa: S301 (of this test)


def test_a_deadline_needs_a_timer_a_function_and_rows() -> None:
    timed: Any = frozen(kw_only=True, repr=False)(
        type("Timed", (Timer,), {"kind": "timer.timed", "__annotations__": {"by": str}})
    )
    assert problems(deadlines=[Deadline(timed, _due)]) == (
        "Timed: expected defaults: a timer is made of subject and occurred_at",
    )
    no_rows = "event 'timer.reminder' has no rows: add them to one of the machines"

    assert problems(deadlines=[Deadline(Reminder, _due)]) == (no_rows,)
    (of_lambda,) = problems(deadlines=[Deadline(Reminder, lambda *_: None)])
    assert of_lambda.startswith("deadline of Reminder: due: expected a function of a module")
    (of_braces,) = problems(deadlines=[Deadline(Reminder, Misspelt(1))])  # type: ignore[arg-type]  # a guard has its braces
    assert of_braces == "deadline of Reminder: due: its docstring has braces around what is no parameter"
    (of_async,) = problems(deadlines=[Deadline(Reminder, due_later)])  # type: ignore[arg-type]  # the point
    assert of_async.startswith("deadline of Reminder: due: expected a function that is neither async nor a generator")
    (of_event,) = problems(deadlines=[Deadline(Alerting, _due)])  # type: ignore[arg-type]  # the point
    assert of_event.startswith("deadline: timer: expected a subclass of Timer, found ")


@pytest.mark.parametrize(
    ("states", "problem"),
    [
        ({"a": "b", "b": "a"}, "state 'a' is like 'b': expected one of absent, "),
        ({"b": "a", "a": "offering"}, "state 'b' is like 'a': expected one of absent, "),  # it is like no state yet
        ({"connected": "alerting"}, "state 'connected': the table has this state: choose another name"),
        ({"pending": "offering"}, "state 'pending': the table has this state: choose another name"),
        ({"Alerting": "offering"}, "state 'Alerting': the table has this state: choose another name"),  # it is read as `alerting`
        ({"held": "connected", "Held": "connected"}, "state 'Held': the table has this state: choose another name"),
        ({"": "offering"}, "state '': expected a name"),
        ({"a\nb": "offering"}, "state 'a\\nb': expected a name"),
        ({1: "offering"}, "state 1: expected a name"),
        ({"a ": "offering"}, "state 'a ': expected a name"),
        ({"a": ["offering"]}, "state 'a' is like ['offering']: expected one of absent, "),
    ],
)
def test_an_own_state_has_a_name_of_its_own_and_is_like_a_state_that_there_is(states: Any, problem: str) -> None:
    assert problems(states=states)[0].startswith(problem)


def test_an_own_state_may_be_like_one_before_it() -> None:
    table = STANDARD.extended("chain", states={"a": "offering", "b": "a"})

    assert {"a", "b"} <= table.states.pending
    assert {"b", "c"} <= table.extended("longer", states={"c": "b"}).states.pending


def test_a_state_that_is_like_none_is_named() -> None:
    (problem,) = problems(states={"parked": "offered"})

    assert problem.startswith("state 'parked' is like 'offered': expected one of absent, alerting, ")


# --- What a guard or an action raises -----------------------------------------------------------------------------------------


class TroubleError(Exception):
    """What a user's own code may raise."""


FUTURE = """
from __future__ import annotations
from datetime import datetime
from typing import TYPE_CHECKING
from attrs import define, setters
from cobrowse_session import CobrowseSession
if TYPE_CHECKING:
    from decimal import Decimal
from functools import cached_property

@define(kw_only=True, on_setattr=setters.NO_OP, repr=False)
class Own(CobrowseSession):
    since: {} | None = None
"""


def test_the_types_of_a_session_may_be_annotations_from_the_future(monkeypatch: pytest.MonkeyPatch) -> None:
    def session(wanted: str) -> Any:
        module = ModuleType("from_the_future")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(FUTURE.format(wanted), vars(module))  # noqa: S102 (a module with other annotations)
        return module.Own

    log = SessionLog.of(stream("s1").connected(), Lifecycle(table=STANDARD.extended("own", session=session("datetime"))))
    assert restore_log(save_log(log), log.lifecycle).session == log.session
    assert problems(session=session("Decimal")) == ("Own: the type of a field is not known here: name 'Decimal' is not defined",)


@reads_event
@frozen
class Raises:
    """Raises at the event of this id."""

    id: str

    def __call__(self, _session: CobrowseSession, event: Event, _: Policy) -> bool:
        if event.id == self.id:
            raise TroubleError(self.id)
        return False


def raising(place: str) -> Iterator[Any]:
    mine = evolve(row(), on=("updated",), source=CONNECTION_STATES, guards=(Raises("bad"),))
    yield before(place, mine)


@given(order=st.permutations(range(4)))
def test_what_a_guard_raises_comes_out_as_it_is_and_leaves_all_as_it_was(order: list[int]) -> None:
    rules = Lifecycle(table=STANDARD.extended("raises", connection=raising("details")))
    good = (
        stream("s1")
        .alerting()
        .after(1)
        .connected()
        .after(1)
        .updated(viewer_url="https://a.example")
        .after(1)
        .disconnected("peer")
    )
    log = SessionLog(rules, "s1")
    (bad,) = (evolve(event, id="bad") for event in stream("s1").after(1.5).updated(viewer_url="https://b.example"))
    for place in order:
        session, trace, events = copy(log.session), log.trace, log.events
        if bad.occurred_at <= good.events[place].occurred_at:  # every step after it would raise, too
            with pytest.raises(TroubleError):
                log.add(bad)
            assert (log.session, log.trace, log.events) == (session, trace, events)
        log.add(good.events[place])
    with pytest.raises(TroubleError):
        rules.apply(log.session, evolve(bad, occurred_at=at(100)))

    assert (log.session, log.trace) == (fold(good).session, fold(good).trace)


# --- On the wire --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LIVES)
def test_a_log_of_an_own_table_is_saved_and_restored_as_it_was(name: str) -> None:
    log = SessionLog.of(LIVES[name], lifecycle(TABLES[name], "timeout", 30), until=at(9000))
    sealed = restore_log(save_log(log), table=TABLES[name])
    assert sealed.seal(at(99_999))
    for one in (log, sealed):
        data = json.loads(json.dumps(save_log(one)))
        again = restore_log(data, table=TABLES[name])
        assert (again.session, again.trace, again.events) == (log.session, log.trace, log.events)
        assert type(again.session) is TABLES[name].session
        assert again.restored is not None
        assert not again.restored.table_changed
        assert save_log(again) == save_log(one)


def test_a_log_that_is_restored_under_another_table_says_so_and_loses_nothing() -> None:
    log = SessionLog.of(LIVES["hold"], lifecycle(hold.TABLE))
    again = restore_log(save_log(log))

    assert again.restored is not None
    assert again.restored.table_changed
    assert {"held", "holdCount"} <= {*again.restored.changed}
    assert [type(event) for event in again.events].count(UnknownEvent) == 1
    assert restore_log(save_log(again), table=hold.TABLE).session == log.session


def test_tables_that_differ_in_a_guard_a_deadline_or_a_likeness_have_other_digests() -> None:
    digests = {table_digest(table).rows for table in (STANDARD, *TABLES.values(), ALIKE)}

    assert len(digests) == 6
    assert table_digest(hold.TABLE).agrees_with(table_digest(pickle.loads(pickle.dumps(hold.TABLE))))  # noqa: S301


@pytest.mark.parametrize("name", LIVES)
def test_the_trace_has_own_fields_and_own_timers(name: str) -> None:
    log = SessionLog.of(LIVES[name], lifecycle(TABLES[name], "timeout", 30), until=at(9000))
    rows = trace_entries(log)
    changed = {field for row in rows for field in row.get("changed", {})}

    assert [row["type"] for row in rows] == [entry.event.type for entry in log.trace]
    if name == "hold":
        assert {"held", "holdCount"} < changed
        assert rows[2]["type"] == "com.acme.held"
    if name == "pause":
        assert rows[-2]["type"] == "timer.pause"
        assert "pausedSince" in changed


class Mood(Vocabulary):
    """A mood."""

    GOOD = "good"
    VERY_GOOD = "veryGood"
    TOO_GOOD = "good.too"


@frozen(kw_only=True, repr=False)
class Rated(Event):
    """The customer rated the call."""

    prefix, kind, rank = "com.acme.", "rated", 66

    stars: int
    share: float = 0.5
    sure: bool = False
    words: tuple[str, ...] | None = None
    since: datetime | None = None
    took: timedelta | None = None
    mood: Mood | str | None = None


SPELLINGS = {
    "GOOD": Mood.GOOD,
    "Good": Mood.GOOD,
    "VERY_GOOD": Mood.VERY_GOOD,
    "VeryGood": Mood.VERY_GOOD,
    "goodToo": Mood.TOO_GOOD,
    "TOO_GOOD": Mood.TOO_GOOD,
    "grim": "grim",
    "": "",
}
RATED = STANDARD.extended("rated", kinds=(Rated,), like={"rated": "updated"})


@given(
    st.builds(
        Rated,
        subject=st.just("s1"),
        source=st.just("/a"),
        id=st.just("e1"),
        occurred_at=st.just(START),
        stars=st.integers(),
        share=st.floats(allow_nan=False, allow_infinity=False),
        sure=st.booleans(),
        words=st.none() | st.lists(st.text("ab", max_size=2), max_size=2).map(tuple),
        since=st.none() | st.just(START),
        took=st.none() | st.integers(0, 10**6).map(lambda number: timedelta(milliseconds=number)),
        mood=st.none() | st.sampled_from(Mood) | st.text(st.characters(codec="utf-8")) | st.sampled_from((*SPELLINGS,)),
    )
)
def test_every_type_that_an_own_field_may_have_is_read_back(event: Rated) -> None:
    assert decode_event(encode_event(event), table=RATED) == event


@pytest.mark.parametrize(("text", "word"), SPELLINGS.items())
def test_a_word_of_an_own_field_is_read_as_one_of_a_standard_field(text: str, word: str) -> None:
    (event,) = stream("s1").event(Rated, stars=1, mood=text)
    assert isinstance(event, Rated)

    assert (event.mood, type(event.mood)) == (word, type(word))
    assert decode_event(encode_event(event), table=RATED) == event


FINER = START + timedelta(microseconds=1234)
NAIVE = START.replace(tzinfo=None)


@frozen(kw_only=True, repr=False)
class Measured(Event):
    """Somebody measured the call, several times."""

    prefix, kind, rank = "com.acme.", "measured", 66

    at: datetime | None = None
    took: timedelta | None = None
    count: int | None = None
    share: float | None = None
    times: tuple[datetime, ...] = ()
    spans: tuple[timedelta, ...] | None = None
    counts: tuple[int, ...] = ()
    shares: tuple[float, ...] = ()
    flags: tuple[bool, ...] = ()


@frozen(kw_only=True, repr=False)
class Spelt(Event):
    """The attributes have the older spelling of a union."""

    prefix, kind, rank = "com.acme.", "spelt", 66

    at: Optional[datetime] = None  # noqa: UP045 (the point)
    mood: Union[Mood, str, None] = None  # noqa: UP007 (the point)
    spans: Optional[tuple[timedelta, ...]] = None  # noqa: UP045 (the point)


SPELT = STANDARD.extended("spelt", kinds=(Spelt,), like={"spelt": "updated"})


@pytest.mark.parametrize("given", [{}, {"at": FINER, "mood": Mood.GOOD, "spans": (timedelta(1),)}, {"mood": "grim"}])
def test_an_optional_attribute_is_one_or_none(given: dict[str, Any]) -> None:
    (event,) = stream("s1").event(Spelt, **given)
    read = decode_event(encode_event(event), table=SPELT)

    assert read == event
    assert isinstance(read, Spelt)
    assert isinstance(read.mood, Mood) == ("at" in given)


MEASURED = STANDARD.extended("measured", kinds=(Measured,), like={"measured": "updated"})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"at": FINER, "times": (FINER, START)}, {"at": at(0.001), "times": (at(0.001), START)}),
        ({"took": timedelta(microseconds=1234)}, {"took": timedelta(milliseconds=1)}),
        ({"spans": (timedelta(microseconds=1), timedelta(-1))}, {"spans": (timedelta(0), timedelta(-1))}),
        ({"counts": (1, -2), "shares": (0.5,), "flags": (True, False)}, {}),
    ],
)
def test_whatever_an_own_attribute_accepts_is_kept_as_it_is_read_back(  # KEEP-13
    given: dict[str, Any], kept: dict[str, Any]
) -> None:
    (event,) = stream("s1").event(Measured, **given)

    assert {name: getattr(event, name) for name in given} == given | kept
    assert decode_event(encode_event(event), table=MEASURED) == event


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"at": NAIVE}, TypeError, "at: expected an aware datetime"),
        ({"at": START.replace(year=1969)}, ValueError, "at: expected a time from 1970 to 9999"),
        ({"times": (START, NAIVE)}, TypeError, r"times\[1\]: expected an aware datetime"),
        ({"times": ("now",)}, TypeError, r"times\[0\]: expected datetime, found 'now'"),
        ({"spans": (3,)}, TypeError, r"spans\[0\]: expected timedelta, found 3"),
        ({"count": True}, TypeError, "count: expected int, found True"),
        ({"count": 10**4300}, ValueError, "count: expected an integer of at most 4300 digits"),
        ({"share": float("nan")}, ValueError, "share: expected a number that JSON has, found nan"),
        ({"shares": (float("inf"),)}, ValueError, r"shares\[0\]: expected a number that JSON has, found inf"),
        ({"counts": (None,)}, TypeError, r"counts\[0\]: expected int, found None"),
        ({"flags": (1,)}, TypeError, r"flags\[0\]: expected bool, found 1"),
        ({"count": ()}, TypeError, r"count: expected int or None, found \(\)"),
        ({"counts": ((1,),)}, TypeError, r"counts\[0\]: expected int, found \(1,\)"),
        ({"spans": ((),)}, TypeError, r"spans\[0\]: expected timedelta, found \(\)"),
        ({"times": ((START,),)}, TypeError, r"times\[0\]: expected datetime, found \("),
    ],
)
def test_an_own_attribute_that_could_not_be_read_back_is_refused_with_its_name(  # KEEP-13
    given: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=f"Measured: {says}"):
        stream("s1").event(Measured, **given)


@pytest.mark.parametrize("wanted", [date, Decimal, dict[str, Any], list[str], Address, int | str, bytes, Any])
def test_a_field_that_the_wire_cannot_read_and_write_is_refused_when_the_table_is_first_used_there(wanted: Any) -> None:
    members = {"prefix": "com.acme.", "kind": "odd", "rank": 3, "__annotations__": {"one": wanted}, "one": None}
    odd: type[Event] = frozen(kw_only=True, repr=False)(type("Odd", (Event,), members))
    table = STANDARD.extended("odd", kinds=(odd,), like={"odd": "updated"})

    with pytest.raises(TableError, match=r"Odd: one: expected text, bool, int, float, datetime, timedelta, a Vocabulary"):
        decode_event("{}", table=table)
    with pytest.raises(TableError, match="Odd: one: expected text"):
        save_log(SessionLog(Lifecycle(table=table), "s1"))


def test_a_field_whose_key_is_taken_is_refused() -> None:
    @frozen(kw_only=True, repr=False)
    class Twice(Event):
        prefix, kind, rank = "com.acme.", "twice", 3
        viewer_url: str | None = None

    with pytest.raises(TableError, match="Twice: viewer_url: its key viewerUrl is that of a detail or a setting"):
        decode_event("{}", table=STANDARD.extended("twice", kinds=(Twice,), like={"twice": "updated"}))


HELD = LIVES["hold"].events[1]
A_TABLE: Any = hold.TABLE  # `Any`: it is given where another type is wanted
RULES: Any = lifecycle(hold.TABLE)
A_TEXT: Any = "held"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: decode_event(encode_event(HELD), table=RULES), "table: expected a Table, found Lifecycle"),
        (lambda: restore_log({}, A_TABLE), r"restore_log: lifecycle: expected a Lifecycle, found Table\('hold'"),
        (lambda: restore_log({}, table=RULES), "restore_log: table: expected a Table, found Lifecycle"),
        (lambda: run(LIVES["hold"], lifecycle=A_TABLE), r"run: lifecycle: expected a Lifecycle, found Table\('hold'"),
        (lambda: stream("s1").event(A_TEXT), "event: expected a class of events with a kind, found 'held'"),
        (lambda: stream("s1").event(A_TABLE), "event: expected a class of events with a kind, found Table"),
    ],
)
def test_a_table_in_place_of_a_lifecycle_and_the_reverse_are_named(call: Callable[[], object], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        call()


def test_an_inbox_reads_the_kinds_of_its_lifecycle() -> None:
    inbox = Inbox(lifecycle(hold.TABLE))
    for event in LIVES["hold"]:
        inbox.receive(encode_event(event), at(60))

    assert isinstance(inbox.logs["s1"].session, hold.HoldSession)
    assert inbox.logs["s1"].session.hold_count == 1


# --- The test kit finds what a table cannot check -----------------------------------------------------------------------------


@reads_event
def writing_guard(session: hold.HoldSession, _event: Event, _: Policy) -> bool:
    """A guard that writes: a mistake."""
    session.hold_count = 7
    return False


@writes("held")
def writes_more(session: hold.HoldSession, _event: Event, _: Policy) -> None:
    """Write more than is named: a mistake."""
    session.held, session.hold_count = False, 0


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (
            before("details", evolve(row(), on=("updated",), source=CONNECTION_STATES, guards=(writing_guard,))),
            "session: hold_count",
        ),
        (also("connected", writes_more), "row connected changed hold_count, but no action of it names that"),
    ],
)
def test_a_guard_that_writes_and_an_action_that_writes_more_than_it_names_are_found_by_run(change: Any, found: str) -> None:
    table = hold.TABLE.extended("mistaken", connection=[change])

    with pytest.raises(AssertionError, match=found):
        run(stream("s1").connected().updated(), lifecycle=Lifecycle(table=table))


def test_two_timers_of_one_instant_fire_one_after_the_other() -> None:
    both = (Deadline(AfterCallWorkTimeout, due_at_end), Deadline(Reminder, due_at_end))
    remind = Row(name="reminded", on=("timer.reminder",), source=("pending",), result="skipped", reason="Reminded.")
    keep = Row(name="kept", on=("timer.acw",), source=("pending",), result="complete", reason="Done.")
    table = STANDARD.extended("two", deadlines=both, after_call_work=[remind, instead("complete_by_timeout", keep)])
    done = run(LIVES["short calls"], lifecycle=lifecycle(table), until=at(100))

    assert [step.outcome.row for step in done.steps if isinstance(step.outcome, Fired)] == ["kept"]


def due_at_end(session: CobrowseSession, _: Policy) -> datetime | None:
    return session.disconnected_time


# --- Parameters of guards -----------------------------------------------------------------------------------------------------


@reads_session
@frozen
class Misspelt:
    """The session has {waht}."""

    what: Any

    def __call__(self, _session: CobrowseSession, _event: Event, _: Policy) -> bool:
        return False


@reads_session
@frozen(eq=False)
class Unequal:
    """The session has {what}."""

    what: Any

    def __call__(self, _session: CobrowseSession, _event: Event, _: Policy) -> bool:
        return False


@reads_session
@frozen
class Has:
    """The session has {what}."""

    what: Any

    def __call__(self, _session: CobrowseSession, _event: Event, _: Policy) -> bool:
        return False


def having(what: Any) -> Table:
    mine = evolve(row(), on=("updated",), source=CONNECTION_STATES, guards=(Has(what),))
    return STANDARD.extended("having", connection=[before("details", mine)])


def test_a_guard_that_is_no_value_is_refused() -> None:
    no_value = (
        "expected a function of a module or an object of a frozen attrs class, so that the table can be compared and pickled"
    )
    for guard, problem in (
        (Has(["a"]), no_value),  # it has no hash
        (Unequal("a"), no_value),  # it is equal to itself only
        (Misspelt("a"), "its docstring has braces around what is no parameter"),
    ):
        mine = evolve(row(), on=("updated",), source=CONNECTION_STATES, guards=(guard,))
        assert problems(connection=[before("details", mine)]) == (f"row 'mine': guard {type(guard).__name__}: {problem}",)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (timedelta(days=30), timedelta(days=30, seconds=1)),
        (timedelta(seconds=10), "10 s"),
        (1, "1"),
        (None, "None"),
        (("a", "b"), "('a', 'b')"),
        (frozenset({"a, b"}), frozenset({"a", "b"})),
    ],
)
def test_tables_that_differ_in_a_parameter_have_other_digests(one: Any, other: Any) -> None:
    # Otherwise a log that was saved under the one is trusted under the other.
    assert having(one) != having(other)
    assert table_digest(having(one)).rows != table_digest(having(other)).rows


def test_tables_whose_parameters_differ_in_their_type_are_different_tables() -> None:
    values = (1, 1.0, True, (1,), (True,), (1, True), (True, 1), frozenset({1}), frozenset({True}), 0.0, -0.0)
    tables = [having(what) for what in values]

    assert len({id(table) for table in tables}) == len(set(tables)) == len(tables)
    assert len({id(machines(table)) for table in tables}) == len(tables)
    assert having(1) is having(1)


def test_tables_whose_parameters_are_equal_sets_are_one_table() -> None:
    one, other = frozenset((0, 8)), frozenset((8, 0))

    assert [*one] != [*other]  # the order in a set depends on what came first
    assert having(one) is having(other)


def test_a_revision_that_withdraws_an_own_timer_is_found() -> None:
    call = stream("s1").connected().after(60).disconnected("peer").after(10).event(pause.AfterCallWorkPaused)
    (late,) = (one for one in call.after("14m").wrapup("sale") if one.kind == "wrapup")
    late = evolve(late, received_at=late.occurred_at + timedelta(minutes=5))
    (revision,) = revisions(SessionLog.of([*call, late], lifecycle(pause.TABLE)))

    assert revision.event == late
    assert [timer.kind for timer in revision.withdrawn] == ["timer.pause"]


PRINT = """
from tests.test_own_tables import Has, having
from cobrowse_session.lifecycle.row import meaning_of, name_of
from cobrowse_session.wire import digest as digest_module
from cobrowse_session.wire.digest import table_digest
words = frozenset("abcdefgh")
print(table_digest(having(words)).rows, name_of(Has(words)), meaning_of(Has(words)))
"""


def test_a_parameter_that_is_a_set_reads_the_same_in_every_run() -> None:
    runs = {
        subprocess.run([sys.executable, "-c", PRINT], env={**os.environ, "PYTHONHASHSEED": seed}, stdout=PIPE, check=True).stdout
        for seed in "123"
    }

    assert len(runs) == 1


@pytest.mark.parametrize("is_imported", [True, False])
def test_a_log_of_a_table_whose_source_is_not_found_is_saved_and_folded_again(
    monkeypatch: pytest.MonkeyPatch, *, is_imported: bool
) -> None:
    module = ModuleType("without_a_file")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(Path(hold.__file__).read_text("utf-8"), vars(module))  # noqa: S102 (as the interpreter does with what is typed in)
    if not is_imported:
        monkeypatch.delitem(sys.modules, module.__name__)
    log = SessionLog.of(stream("s1").connected().after(60).event(module.Held), Lifecycle(table=module.TABLE))

    restored = restore_log(save_log(log), table=module.TABLE)

    assert restored.session == log.session
    assert restored.restored is not None
    assert (restored.restored.changed, restored.restored.table_changed) == ((), True)


RULES_MODULE = '''
from attrs import define, frozen, setters

from cobrowse_session.tables import CONNECTION_STATES, NO_TRANSITION, Row, Table, writes
from points_classes import Put, PointsSession


@writes("points")
def put(session, event, _):
    """Points are added."""
    session.points = (session.points or 0) + 1


_ROW = Row(name="put", on=("put",), source=CONNECTION_STATES, result=NO_TRANSITION, actions=(put,), reason="put.")
TABLE = Table.standard().extended("points", kinds=(Put,), session=PointsSession, connection=(_ROW,))
'''
CLASSES_MODULE = '''
from attrs import define, frozen, setters

from cobrowse_session import CobrowseSession
from cobrowse_session.tables import Event


@define(kw_only=True, on_setattr=setters.NO_OP, repr=False)
class PointsSession(CobrowseSession):
    points: int | None = None


@frozen(kw_only=True, repr=False)
class Put(Event):
    """Points are put."""

    prefix, kind, rank = "com.acme.", "put", 66
'''


class Deployed:
    """Two modules of rules in a folder, installed one version after the other."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        monkeypatch.syspath_prepend(folder)

    def write(self, rules: str, classes: str) -> None:
        (self.folder / "points_rules.py").write_text(rules)
        (self.folder / "points_classes.py").write_text(classes)

    def started(self, rules: str = RULES_MODULE, classes: str = CLASSES_MODULE) -> Any:
        """Return the module of rules, as a process that starts now imports it."""
        self.write(rules, classes)
        for name in ("points_rules", "points_classes"):
            self.monkeypatch.delitem(sys.modules, name, raising=False)
            (self.folder / "__pycache__" / f"{name}.{sys.implementation.cache_tag}.pyc").unlink(missing_ok=True)
        return importlib.import_module("points_rules")


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    return Deployed(tmp_path, monkeypatch)


def log_of_points(module: Any) -> SessionLog[Any]:
    return SessionLog.of(stream("s1").connected().after(1).event(module.Put), Lifecycle(table=module.TABLE))


OTHER_RULES = RULES_MODULE.replace("+ 1", "+ 7")
OTHER_CLASSES = CLASSES_MODULE.replace("points: int | None = None", "points: int | None = 100")


@pytest.mark.parametrize(("rules", "classes", "points"), [(OTHER_RULES, CLASSES_MODULE, 7), (RULES_MODULE, OTHER_CLASSES, 101)])
def test_a_log_is_folded_again_if_the_rules_or_the_classes_changed(
    deployed: Deployed, rules: str, classes: str, points: int
) -> None:
    saved = save_log(log_of_points(deployed.started()))
    again = restore_log(saved, table=deployed.started(rules, classes).TABLE)

    assert again.session.points == points
    assert again.restored is not None
    assert (again.restored.changed, again.restored.table_changed) == (("points",), True)


def test_the_digest_is_that_of_the_rules_that_run_also_where_others_were_installed_meanwhile(deployed: Deployed) -> None:
    running = deployed.started()
    deployed.write(OTHER_RULES, CLASSES_MODULE)
    saved = save_log(log_of_points(running))

    assert saved["state"]["points"] == 1
    assert restore_log(saved, table=deployed.started(OTHER_RULES).TABLE).session.points == 7


def test_an_event_that_lacks_a_new_attribute_is_found_when_the_log_is_restored(deployed: Deployed) -> None:
    saved = save_log(log_of_points(deployed.started()))
    table = deployed.started(classes=f"{CLASSES_MODULE}    amount: int\n").TABLE

    with pytest.raises(DecodeError, match=r"missing: \$\.events\[1\]\.data\.amount \(leg s1\)"):
        restore_log(saved, table=table)


def test_the_sources_of_a_table_are_those_of_all_bases_of_its_classes() -> None:
    mixin = type("Mixin", (), {"__module__": "of_the_mixin"})
    defined = define(kw_only=True, on_setattr=setters.NO_OP, repr=False)
    base = defined(type("Base", (CobrowseSession,), {"__module__": "of_the_base"}))
    session: type[Any] = defined(type("Session", (base, mixin), {"__module__": "of_the_session"}))

    assert STANDARD.extended("bases", session=session).sources.keys() == {"of_the_mixin", "of_the_base", "of_the_session"}


def test_another_version_of_the_package_has_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = table_digest(STANDARD)
    monkeypatch.setattr(digest_module, "_PACKAGE", "another")

    assert not before.agrees_with(table_digest.__wrapped__(STANDARD))
    monkeypatch.setattr(digest_module, "_PACKAGE", None)
    assert table_digest.__wrapped__(STANDARD).code is None


# --- What is raised behind a write --------------------------------------------------------------------------------------------


@reads_session
def trouble_asked(_session: CobrowseSession, _event: Event, _: Policy) -> bool:
    """There is trouble."""
    raise TroubleError


@writes("viewer_url")
def trouble_written(session: CobrowseSession, _event: Event, _: Policy) -> None:
    """There is trouble."""
    session.viewer_url = "half"
    raise TroubleError


ENDS = stream("s1").connected().after(3).disconnected("peer").after(60).updated(viewer_url="https://a.example")


@pytest.mark.parametrize(
    ("last", "parts"),
    [
        (1, {"after_call_work": [before("none_by_prompt", row(guards=(trouble_asked,)))]}),  # the leg has ended by then
        (1, {"after_call_work": [also("begins", trouble_written)]}),
        (1, {"connection": [also("ended", trouble_written)]}),
        (2, {"connection": [also("details", trouble_written)]}),  # a timer has fired by then
        (2, {"connection": [before("details", row(on=("updated",), source=CONNECTION_STATES, guards=(trouble_asked,)))]}),
        (2, {"after_call_work": [also("complete_by_timeout", trouble_written)]}),
    ],
)
def test_a_step_that_raises_behind_a_write_leaves_the_session_as_it_was(last: int, parts: dict[str, Any]) -> None:
    rules = lifecycle(STANDARD.extended("trouble", **parts), "timeout", 30)
    plain = lifecycle(STANDARD, "timeout", 30)
    session = rules.new("s1")
    for event in ENDS.events[:last]:
        plain.apply(session, event)
    was = copy(session)

    with pytest.raises(TroubleError):
        rules.apply(session, ENDS.events[last])

    assert (session, session.settings) == (was, was.settings)


def test_an_advance_that_raises_leaves_the_session_as_it_was() -> None:
    rules = lifecycle(STANDARD.extended("trouble", after_call_work=[also("complete_by_timeout", trouble_written)]), "timeout", 30)
    session = SessionLog.of(ENDS.events[:2], rules).session
    was = copy(session)

    with pytest.raises(TroubleError):
        rules.advance(session, at(60))

    assert session == was


# --- Corners ------------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True, repr=False)
class Spelled(Event):
    """Its annotations are text, as in a module that imports annotations from `__future__`."""

    prefix, kind, rank = "com.acme.", "spelled", 67

    stars: "int | None" = None


def test_the_types_of_a_class_are_checked_if_its_annotations_are_text() -> None:
    assert stream("s1").event(Spelled, stars=5).events[0]
    with pytest.raises(TypeError, match="Spelled: stars: expected int or None, found 'five'"):
        stream("s1").event(Spelled, stars="five")


def test_a_likeness_of_a_kind_without_a_class_is_named() -> None:
    assert problems(like={"held": "updated"}) == ("kind 'held' is like 'updated': add its class to `kinds`",)
    (problem, *_) = problems(kinds=[event_class(rank=3)], like={"mine": "updatd"})
    assert problem.startswith("kind 'mine' is like 'updatd': expected one of acw.ended, ")


def test_a_row_that_the_table_lacks_cannot_decide_again() -> None:
    rules, (event,) = Lifecycle(), stream("s1").alerting().events
    outcome = Applied(row="ringing", reason="Rings.", from_state="none", to_state="alerting")

    with pytest.raises(LookupError, match="alerting has no row 'ringing' in none"):
        rules.decide_again(rules.new("s1"), event, outcome)


def test_without_a_plan_the_rows_decide_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_module, "MOST_STEPS", 0)
    bare = STANDARD.extended("bare", session=hold.HoldSession)
    call = stream("s1").connected(wrapup_prompt="mandatory").after(1).disconnected("peer").wrapup("a", provisional=True).wrapup()
    call = call.wrapup("sale").after(5).wrapup("other").updated(controlling=["p"])

    assert run(call, lifecycle=Lifecycle(table=bare)).outcomes == run(call).outcomes


def test_more_settings_than_are_kept_count_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle_module, "_MOST_POLICIES", 0)
    call = stream("s1").connected(wrapup_prompt="timeout", wrapup_timeout=30).after(1).disconnected("peer")

    assert SessionLog.of(call).deadline == at(31)


def test_the_package_has_its_public_names_and_no_others() -> None:
    assert {"Table", "Lifecycle"} < {*dir(cobrowse_session)}
    with pytest.raises(AttributeError, match="module 'cobrowse_session' has no attribute 'Tabel'"):
        cobrowse_session.Tabel  # type: ignore[attr-defined]  # noqa: B018 (the point)


# --- The policy at the end of a leg -------------------------------------------------------------------------------------------


@reads_session
def has_a_prompt(_session: CobrowseSession, _event: Event, policy: Policy) -> bool:
    """A prompt is known."""
    return policy.prompt is not None


@writes("peer_id")
def note_the_prompt(session: CobrowseSession, _event: Event, policy: Policy) -> None:
    """The prompt in force is noted."""
    session.peer_id = str(policy.prompt)


def at_the_end_of_a_leg(row: str, name: str, result: str | RowOutcome, guard: Guard, *actions: Action) -> Table:
    """Return a table with one row more, before another one, for the end of a leg."""
    own = Row(
        name=name, on=("leg_ended",), source=("absent",), result=result, guards=(guard,), actions=actions, reason="Own.", cites=()
    )
    return Table.standard().extended(name, after_call_work=(before(row, own),))


def test_an_action_at_the_end_of_a_leg_gets_the_policy_when_it_is_written_again_too() -> None:
    call = stream("s1").connected(wrapup_prompt="mandatory").after(60).disconnected("peer").after(5).wrapup("sale")
    lifecycle = Lifecycle(table=at_the_end_of_a_leg("begins", "begins_noted", "pending", has_a_prompt, note_the_prompt))
    log = SessionLog.of(call, lifecycle)

    log.add(*stream("s1").after(30).updated(viewer_url="https://example.com").events)  # late: what follows is written again

    assert log.session.peer_id == "mandatory"
    assert log.session == fold(log.copies, lifecycle=lifecycle).session
    assert [entry["changed"]["peerId"] for entry in trace_entries(log) if "peerId" in entry.get("changed", {})] == [
        [None, "mandatory"]
    ]


# --- What raises after the first write ----------------------------------------------------------------------------------------


@reads_session
def has_no_answer(_session: CobrowseSession, _event: Event, _: Policy) -> bool:
    """It raises."""
    raise LookupError("no answer")


def test_a_guard_that_raises_after_the_leg_has_ended_leaves_the_session_as_it_was() -> None:
    table = at_the_end_of_a_leg("none_after_alert_timeout", "none_without_an_answer", NO_TRANSITION, has_no_answer)
    lifecycle = Lifecycle(table=table)
    session = run(stream("s1").connected(), lifecycle=lifecycle).session
    was = copy(session)

    with pytest.raises(LookupError, match="no answer"):
        lifecycle.apply(session, *stream("s1").after(5).disconnected("peer"))

    assert session == was
