"""What each entry of a trace changed, before and after; and what late arrivals revised."""

from collections import Counter
from collections.abc import Callable
from copy import copy
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from tests.own_tables import LIVE, Abandoned
from tests.strategies import lifecycles, streams

from cobrowse_session import Address, CobrowseSession, Event, Lifecycle, SessionLog, Settings, TraceEntry
from cobrowse_session.canonical import identity
from cobrowse_session.stream import FieldChange, difference, field_changes, revisions
from cobrowse_session.stream.changes import attributes_of
from cobrowse_session.testing import START, Stream, stream
from cobrowse_session.wire import trace_entries

CALL = stream("s1").alerting(wrapup_prompt="timeout", wrapup_timeout=30).after(3).connected(viewer_url="https://v")


def test_an_entry_names_every_field_that_changed_with_its_value_before_and_after() -> None:
    log = SessionLog.of(CALL)

    assert field_changes(log)[1] == (
        FieldChange("state", "alerting", "connected"),
        FieldChange("providerEventTime", START, START + timedelta(seconds=3)),
        FieldChange("connectedTime", None, START + timedelta(seconds=3)),
        FieldChange("segments.0.endTime", None, START + timedelta(seconds=3)),
        FieldChange("segments.0.howEnded", None, "Interact"),
        FieldChange("segments.1.startTime", None, START + timedelta(seconds=3)),
        FieldChange("segments.1.type", None, "Interact"),
        FieldChange("viewerUrl", None, "https://v"),
    )


def test_settings_that_an_event_states_are_among_the_changes() -> None:
    changes = {change.field: change.after for change in field_changes(SessionLog.of(CALL))[0]}

    assert changes["settings.wrapupPrompt"] == "timeout"
    assert changes["settings.wrapupTimeoutMs"] == timedelta(seconds=30)


@given(events=streams())
def test_what_a_trace_changed_leads_from_the_first_session_to_the_last(events: Any) -> None:
    log = SessionLog.of(events)
    new = log.lifecycle.new(log.session_id)
    values: dict[str, object] = {"state": new.state}
    for some in field_changes(log):
        for change in some:
            assert values.get(change.field) == change.before
            assert change.before != change.after
            values[change.field] = change.after

    changed = {change.field: change.after for change in difference(new, log.session)}
    assert {field: value for field, value in values.items() if value is not None} == {
        "state": new.state,
        **{field: value for field, value in changed.items() if value is not None},
    }


@given(events=streams())
def test_what_is_not_applied_changes_nothing_and_an_entry_changes_no_more_than_it_may(events: Any) -> None:  # OUTCOME-7, TRACE-15
    log = SessionLog.of(events)
    for entry, document in zip(log.trace, trace_entries(log), strict=True):
        may = {field.split(".")[0] for field in document.get("changed", {})} - {"settings"}
        assert may <= {*document.get("set", ())}
        assert entry.outcome.kind == "applied" or "changed" not in document


def test_a_trace_entry_has_the_values_as_the_session_json_has_them() -> None:  # TRACE-15
    (first, second) = trace_entries(SessionLog.of(CALL))

    assert first["changed"]["settings.wrapupTimeoutMs"] == [None, 30000]
    assert second["changed"]["state"] == ["alerting", "connected"]
    assert second["changed"]["connectedTime"] == [None, "2026-03-01T09:00:03.000Z"]


def test_a_session_that_goes_back_loses_its_latest_segment() -> None:
    early, late = (
        SessionLog.of(stream("s1").alerting()).session,
        SessionLog.of(stream("s1").alerting().after(3).connected()).session,
    )

    lost = {change.field for change in difference(late, early) if change.after is None}
    assert lost == {"connectedTime", "segments.0.endTime", "segments.0.howEnded", "segments.1.startTime", "segments.1.type"}


def test_the_fields_of_a_session_are_those_of_its_json() -> None:
    attributes = attributes_of(CobrowseSession)

    assert "selfAddress" not in attributes
    assert {"afterCallWork", "segments", "wrapup", "self", "viewerUrl"} <= attributes.keys()
    assert not {"extra", "settings"} & {*attributes, *attributes.values()}


def test_of_a_part_that_is_removed_every_field_is_named() -> None:
    before = SessionLog.of(stream("s1").connected(self_=Address(name="Zoë")).after(1).wrapup("sale", tags=["a"])).session
    after = copy(before)
    after.wrapup = None

    assert difference(before, after) == (FieldChange("wrapup.code", "sale", None), FieldChange("wrapup.tags", ("a",), None))
    assert difference(after, after) == ()


def test_changes_of_a_long_time_line_cost_no_more_than_its_events() -> None:
    call: Stream = stream("s1")
    for number in range(300):
        call = (call.offering() if number % 2 else call.alerting()).after(1)
    counts = [len(some) for some in field_changes(SessionLog.of(call))]

    assert max(counts[2:]) <= 7


# --- Revisions ----------------------------------------------------------------------------------------------------------------

TIMED = Lifecycle(settings=Settings(wrapup_prompt="timeout", wrapup_timeout=timedelta(seconds=30)))
ENDED = stream("s1").connected().after(60).disconnected("peer")
LATE = ENDED.after(14).wrapup("sale", received_at=START + timedelta(hours=1))


def test_a_late_event_revises_what_the_timer_had_set() -> None:
    (revision,) = revisions(SessionLog.of(LATE, TIMED))

    assert [timer.kind for timer in revision.withdrawn] == ["timer.acw"]
    assert (revision.received, revision.is_copy) == (START + timedelta(hours=1), False)
    assert FieldChange("wrapup.code", "ININ-WRAP-UP-TIMEOUT", "sale") in revision.differences


def test_a_session_until_a_revision_is_the_one_of_that_moment() -> None:
    log = SessionLog.of(LATE, TIMED)
    (revision,) = revisions(log)

    assert revision.before == log.as_of(revision.received - timedelta(milliseconds=1)).session
    assert revision.after == log.as_of(revision.received).session


@pytest.mark.parametrize("delay", [0, 1.9, 500])
def test_events_that_arrive_in_order_revise_nothing(delay: float) -> None:
    in_order = stream("s1", delay=delay).alerting().after(3).connected().after(60).disconnected("peer")

    assert list(revisions(SessionLog.of(in_order))) == []


ALERT = stream("s1").alerting(alerting_timeout=20)


@pytest.mark.parametrize(
    ("events", "timer"),
    [
        (ENDED.after(28.5).wrapup("sale", received_at=START + timedelta(seconds=90.5)), "timer.acw"),
        (ALERT.after(60).connected(), "timer.alerting"),
        (ALERT.after(19).connected(received_at=START + timedelta(seconds=20.9)), "timer.alerting"),
    ],
    ids=["a wrap-up of half a second late", "an event in order, after the alerting timeout", "connected within the tolerance"],
)
def test_an_event_that_withdraws_a_timer_is_a_revision_though_it_arrives_in_order(events: Stream, timer: str) -> None:
    lifecycle = evolve(TIMED, alerting_grace=timedelta(0))
    log = SessionLog.of(events, lifecycle)
    (revision,) = revisions(log)

    assert [one.kind for one in revision.withdrawn] == [timer]
    assert revision.before == log.as_of(revision.received - timedelta(milliseconds=1)).session


def test_a_timer_of_the_instant_of_an_arrival_never_counted_as_fired() -> None:  # ACW-26
    log = SessionLog.of(ENDED.after(14).wrapup("sale", received_at=START + timedelta(seconds=90)), TIMED)

    assert log.as_of(START + timedelta(seconds=90) - timedelta(milliseconds=1)).session.wrapup is None
    assert list(revisions(log)) == []


@given(events=streams(), lifecycle=lifecycles())
def test_revisions_are_those_arrivals_that_withdraw_or_change_what_was_shown_before(events: Any, lifecycle: Lifecycle) -> None:
    log = SessionLog.of(events, lifecycle)
    arrivals = Counter(event.received for event in log.copies)
    revised = {one.received: one for one in revisions(log)}
    for received in (received for received, count in arrivals.items() if count == 1):
        before, after = log.as_of(received - timedelta(milliseconds=1)), log.as_of(received)
        if received in revised:
            assert revised[received].before == before.session
        else:
            assert {*map(row_of, before.trace)} <= {*map(row_of, after.trace)}


def row_of(entry: TraceEntry) -> object:
    return identity(entry.event) if isinstance(entry.event, Event) else (entry.event.kind, entry.event.occurred_at)


def test_a_correction_is_a_revision_by_a_copy() -> None:
    (ended,) = stream("s1").disconnected("peer")
    corrected = evolve(ended, sequence="2", received_at=START + timedelta(seconds=9), details=evolve(ended.details, peer_id="p"))
    (revision,) = revisions(SessionLog.of([ended, corrected]))

    assert (revision.event, revision.is_copy) == (corrected, True)
    assert revision.differences == (FieldChange("peerId", None, "p"),)


def in_both_orders(*events: Event, lifecycle: Lifecycle | None = None) -> list[list[int]]:
    """The number of arrivals that are revisions: of the last two events in their order, and swapped."""
    found = []
    for order in (events, (*events[:-2], events[-1], events[-2])):
        arrived = [evolve(event, received_at=START + timedelta(minutes=9, seconds=n)) for n, event in enumerate(order)]
        log = SessionLog(lifecycle or Lifecycle(), "s1")
        found.append([sum(log.add(event).is_revision for event in arrived), len([*revisions(log)])])
    return found


CONNECTED = stream("s1").connected(wrapup_prompt="none").after(60)


@pytest.mark.parametrize("end", [CONNECTED.disconnected("peer"), CONNECTED.event(Abandoned)], ids=["standard", "own"])
@pytest.mark.parametrize(
    "follow",
    [
        lambda end: end.terminated().started(),
        lambda end: end.terminated().platform("complete"),
        lambda end: end.terminated().updated(peer_id="p2"),
        lambda end: end.after(1).terminated().after(1).wrapup("sale"),
    ],
    ids=["acw.started", "acw.ended", "updated", "wrapup"],
)
def test_the_release_of_a_leg_that_has_ended_revises_nothing_that_came_before_it(
    end: Stream, follow: Callable[[Stream], Stream]
) -> None:
    assert in_both_orders(*follow(end), lifecycle=Lifecycle(table=LIVE)) == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    "events",
    [
        stream("s1").alerting().after(3).connected(),
        stream("s1").dialing().after(3).alerting(),
        stream("s1").connected(wrapup_prompt="optional").after(60).disconnected("peer"),
        stream("s1").connected().after(60).disconnected("peer").after(1).terminated("peer"),
    ],
    ids=lambda events: " ".join(event.kind for event in events),
)
def test_a_late_event_after_which_others_were_decided_anew_is_a_revision(events: Stream) -> None:
    assert in_both_orders(*events) == [[0, 0], [1, 1]]


def test_zero_and_empty_are_values() -> None:
    call = stream("s1").connected(wrapup_prompt="optional").after(1).disconnected().wrapup("sale", tags=[])
    changes = {change.field: (change.before, change.after) for change in field_changes(SessionLog.of(call))[-1]}

    assert changes["wrapup.durationSeconds"] == (None, 0)
    assert changes["wrapup.tags"] == (None, ())
