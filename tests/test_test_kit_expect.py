"""`expect`: attributes of a session, wherever it is kept, and an error that has every difference and the story."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import ANY

import pytest
from examples.tables import hold
from tests.own_tables import LIVE

from cobrowse_session import Applied, Event, Lifecycle, SessionLog
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.store import DurableInbox, Store
from cobrowse_session.testing import START, expect, run, stream
from cobrowse_session.wire import restore_log, save_log

CALL = (
    stream("s1")
    .alerting(user_id="ann", queue_id="q1", wrapup_prompt="timeout", wrapup_timeout=30)
    .after(3)
    .connected(controlling=["p1"])
    .after(60)
    .disconnected("peer")
)

# --- Whatever keeps the session -----------------------------------------------------------------------------------------------


def in_an_inbox() -> Iterator[tuple[Any, ...]]:
    inbox = Inbox(Lifecycle())
    for event in CALL:
        inbox.add(event, event.received)
    yield inbox, "s1"


def in_a_store() -> Iterator[tuple[Any, ...]]:
    with Store("sqlite://") as store:
        store.append(CALL)
        yield store, "s1"


def in_a_durable_inbox() -> Iterator[tuple[Any, ...]]:
    with Store("sqlite://") as store:
        inbox = DurableInbox(store)
        for event in CALL:
            inbox.add(event, event.received)
        yield inbox, "s1"


def in_a_log() -> Iterator[tuple[Any, ...]]:
    yield (SessionLog.of(CALL),)


def by_itself() -> Iterator[tuple[Any, ...]]:
    yield (run(CALL).session,)


WITH_NAMES = (in_an_inbox, in_a_store, in_a_durable_inbox)
WITH_LOGS = (in_a_log, *WITH_NAMES)
EVERYWHERE = (by_itself, *WITH_LOGS)
Place = Callable[[], Iterator[tuple[Any, ...]]]
kept = contextmanager


@pytest.mark.parametrize("place", EVERYWHERE)
def test_the_attributes_of_a_session_are_expected_wherever_it_is(place: Place) -> None:
    with kept(place)() as where:
        expect(
            *where,
            state="disconnected",
            disconnect_type="peer",
            connected_time=START + timedelta(seconds=3),
            controlling=(),
            wrapup=None,
            wrapup__code=None,
            after_call_work__state="pending",
            settings__wrapup_timeout=timedelta(seconds=30),
            segments__0__type="Alert",
            segments__1__how_ended="Disconnect",
            segments__7__type=None,
            controlling__0=None,
            wrapup__tags__0=None,
        )


@pytest.mark.parametrize("timeout", [30, 30.0, "30s", timedelta(seconds=30)])
def test_timeouts_and_lists_are_expected_as_a_stream_takes_them(timeout: Any) -> None:
    granted = stream("s1").connected(wrapup_timeout=timeout, controlling=["p1", "p2"])

    expect(SessionLog.of(granted), settings__wrapup_timeout=timeout, controlling=["p1", "p2"])
    expect(SessionLog.of(CALL), settings__wrapup_timeout=timeout, controlling=[])
    expect(SessionLog.of(CALL), settings__alerting_timeout=None)
    with pytest.raises(AssertionError, match=r"wrapup_timeout: expected datetime.timedelta\(seconds=31\), found"):
        expect(SessionLog.of(granted), settings__wrapup_timeout=31)
    with pytest.raises(AssertionError, match=r"controlling: expected \('p2',\), found \('p1', 'p2'\)"):
        expect(SessionLog.of(granted), controlling=["p2"])


def test_a_timeout_that_is_no_duration_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected a duration as 250ms, 20s, 12m, 1h or 1d, found 'soon'"):
        expect(SessionLog.of(CALL), settings__wrapup_timeout="soon")


@pytest.mark.parametrize("place", EVERYWHERE)
def test_every_difference_is_a_line(place: Place) -> None:
    with kept(place)() as where, pytest.raises(AssertionError) as failure:
        expect(*where, state="connected", disconnect_type="peer", wrapup__code="sale", connected_time=START)

    lines = str(failure.value).splitlines()
    assert [line for line in lines if line.startswith("session.")] == [
        "session.state: expected 'connected', found 'disconnected'",
        "session.wrapup.code: expected 'sale', found None",
        "session.connected_time: expected 2026-03-01T09:00:00.000Z, found 2026-03-01T09:00:03.000Z",
    ]


@pytest.mark.parametrize("place", WITH_LOGS)
def test_the_error_of_a_log_has_its_trace_and_why_a_field_is_unset(place: Place) -> None:
    with kept(place)() as where, pytest.raises(AssertionError) as failure:
        expect(*where, wrapup__code="sale")

    assert str(failure.value).splitlines() == [
        "session.wrapup.code: expected 'sale', found None",
        "  because: no event that writes it was applied: wrapup, timer.acw",
        "",
        "What happened:",
        "09:00:00.000  alerting       e1    ● alerting: none → alerting",
        "09:00:03.000  connected      e2    ● connected: alerting → connected",
        "09:01:03.000  disconnected   e3    ● ended+begins: connected → disconnected, after-call work pending",
    ]


def test_the_error_of_a_session_by_itself_has_its_json() -> None:
    with pytest.raises(AssertionError, match=r'\n\nThe session:\n\{"state":"disconnected"'):
        expect(run(CALL).session, state="connected")


def test_why_there_is_no_after_call_work_is_the_row_that_decided() -> None:
    log = SessionLog.of(stream("s1").connected().after(60).disconnected("peer"))

    with pytest.raises(AssertionError, match=r"because: row none_without_prompt decided at 2026-03-01 09:01:00\.000: "):
        expect(log, after_call_work__state="pending")


@pytest.mark.parametrize("place", WITH_LOGS)
def test_the_context_of_a_log_is_expected_like_an_attribute(place: Place) -> None:
    with kept(place)() as where:
        expect(*where, context__user_id="ann", context__queue_id="q1", context__conversation_id=None)
        with pytest.raises(AssertionError, match=r"session\.context\.user_id: expected 'bob', found 'ann'"):
            expect(*where, context__user_id="bob")


def test_a_run_has_the_context_of_its_events() -> None:
    run(CALL.updated(user_id="bob")).expect(context__user_id="bob", context__queue_id="q1")


def test_the_error_of_a_session_by_itself_has_escapes_for_what_a_terminal_would_obey() -> None:
    session = run(stream("s1").connected(viewer_url="https://a\u202e\u2028")).session

    with pytest.raises(AssertionError, match=r"https://a\\u202e\\u2028"):
        expect(session, state="alerting")


def test_a_session_by_itself_has_no_context() -> None:
    with pytest.raises(AttributeError, match="pass its log"):
        expect(run(CALL).session, context__user_id="ann")


def test_a_log_that_was_sealed_under_another_table_has_no_reasons() -> None:
    log = SessionLog.of(CALL.after(10).wrapup("sale"))
    assert log.seal(START + timedelta(hours=1))
    restored = restore_log(save_log(log), table=LIVE)

    with pytest.raises(AssertionError, match="viewer_url: expected 'x', found None"):
        expect(restored, viewer_url="x")


# --- Sessions that are not there ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", WITH_NAMES)
def test_a_session_that_is_not_there_is_a_failure_that_names_the_others(place: Place) -> None:
    with kept(place)() as (where, _), pytest.raises(AssertionError) as failure:
        expect(where, "s2", state="connected")

    assert str(failure.value) == "there is no session 's2'; there is 's1'"


def test_the_nearest_ids_come_first_and_the_others_are_counted() -> None:
    inbox = Inbox(Lifecycle())
    for name in ("call-17", "chat-99", *(f"x{number}" for number in range(20))):
        for event in stream(name).alerting():
            inbox.add(event, START)

    with pytest.raises(AssertionError, match=r"there is 'call-17', 'chat-99', .* and 12 more$"):
        expect(inbox, "call-18")
    with pytest.raises(AssertionError, match=r"there is no session 's1', and no other$"):
        expect(Inbox(Lifecycle()), "s1")


@pytest.mark.parametrize("name", ["connected_time", "wrapup__end_time", "segments__0__start_time"])
def test_a_naive_time_that_is_expected_is_an_error_because_it_equals_no_time(name: str) -> None:
    made = stream("s1").connected().after(60).disconnected("peer")
    naive = START.replace(tzinfo=None)

    with pytest.raises(TypeError, match="expected an aware datetime"):
        expect(SessionLog.of(made), **{name: naive})
    with pytest.raises(TypeError, match="expected an aware datetime"):
        run(made).expect(**{name: naive})


def test_what_has_many_sessions_needs_a_name() -> None:
    with pytest.raises(TypeError, match=r'expect: Inbox has many sessions: expected an id, as in expect\(inbox, "s1", …\)'):
        expect(Inbox(Lifecycle()), state="connected")


@pytest.mark.parametrize("place", EVERYWHERE)
@pytest.mark.parametrize("name", [5, b"s1", ["s1"], START])
def test_an_id_that_is_no_text_is_an_error(place: Place, name: Any) -> None:
    with kept(place)() as (where, *_), pytest.raises(TypeError, match="expect: session: expected an id as text, found "):
        expect(where, name, state="connected")


def test_a_session_that_was_sealed_is_not_here_and_the_error_names_where_it_went() -> None:
    inbox = Inbox(Lifecycle(), seal_after=timedelta(minutes=1))
    for event in CALL.after(9).wrapup("sale"):
        inbox.add(event, event.received)
    inbox.add(*stream("s2", start=CALL.now + timedelta(hours=2)).alerting())
    (log,) = inbox.advance(CALL.now + timedelta(hours=1)).sealed
    inbox.drop("s2")

    expect(log, wrapup__code="sale")
    with pytest.raises(AssertionError) as failure:
        expect(inbox, "s1", wrapup__code="sale")
    assert str(failure.value) == "session 's1' was sealed and evicted: advance(...).sealed has its log"
    with pytest.raises(AssertionError) as failure:
        expect(inbox, "s2", state="alerting")
    assert str(failure.value) == "session 's2' was dropped: drop(...) returned its log"


def test_a_run_has_an_expect_of_its_own() -> None:
    ran: Any = run(CALL)
    with pytest.raises(TypeError, match=r"expect: expected a session, .*; a run has its own: run\(events\)\.expect\(…\)"):
        expect(ran, state="connected")


@pytest.mark.parametrize("others", [{"s1": SessionLog.of(CALL)}, [SessionLog.of(CALL)]])
def test_of_several_logs_one_is_chosen(others: Any) -> None:
    with pytest.raises(TypeError, match=r'expect: expected a session, .*; choose one of them: expect\(logs\["s1"\], …\)'):
        expect(others, "s1", state="connected")


@pytest.mark.parametrize("place", [by_itself, in_a_log])
def test_expecting_nothing_of_a_session_is_an_error(place: Place) -> None:
    with kept(place)() as where, pytest.raises(TypeError, match="expect: expected attributes of the session, found none"):
        expect(*where)


@pytest.mark.parametrize("place", WITH_NAMES)
def test_that_a_session_is_there_may_be_all_that_is_expected(place: Place) -> None:
    with kept(place)() as where:
        expect(*where)


@pytest.mark.parametrize(
    ("name", "wanted"), [("wrapup__duration_seconds", True), ("after_call_work_required", 1), ("state", True)]
)
def test_a_number_is_no_truth_value(name: str, wanted: object) -> None:
    log = SessionLog.of(CALL.after(1).required().wrapup("sale"))
    assert log.session.wrapup

    with pytest.raises(AssertionError, match=rf"session\.{name.replace('__', '.')}: expected {wanted}, found "):
        expect(log, **{name: wanted})


def test_what_equals_anything_equals_a_truth_value() -> None:
    expect(SessionLog.of(CALL.after(1).required()), after_call_work_required=ANY)


@pytest.mark.parametrize(
    ("name", "there"),
    [("segments__9__type", "the length of segments is 2"), ("controlling__1", "the length of controlling is 1")],
)
def test_an_item_past_the_end_of_a_list_is_unset_because_there_are_fewer(name: str, there: str) -> None:
    log = SessionLog.of([*CALL][:2])

    expect(log, **{name: None})
    with pytest.raises(AssertionError) as failure:
        expect(log, **{name: "Alert"})
    assert [line for line in str(failure.value).splitlines() if "because" in line] == [f"  because: {there}"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("wrapup__code__upper", "wrapup.code has no attribute 'upper'; it has none"),
        ("state__x", "state has no attribute 'x'; it has none"),
        ("segments__0__type__x", "segments.0.type has no attribute 'x'; it has none"),
        ("context__user_id__0", "context.user_id has no attribute '0'; it has none"),
        ("wrapup__tags__x", "wrapup.tags has no attribute 'x'; it has items: wrapup__tags__0"),
        ("segments__type", "segments has no attribute 'type'; it has items: segments__0"),
        ("segments__0__typ", "segments.0 has no attribute 'typ' (did you mean 'type'?)"),
    ],
)
def test_the_error_names_the_part_that_has_no_such_attribute(name: str, found: str) -> None:
    with pytest.raises(AttributeError) as failure:
        expect(SessionLog.of(CALL.after(1).wrapup("sale")), **{name: None})

    assert str(failure.value).startswith(f"{name}: {found}")


@pytest.mark.parametrize("other", [None, "s1", 1, object(), {}])
def test_another_target_is_an_error(other: Any) -> None:
    with pytest.raises(TypeError, match="expected a session, a log, an inbox or a store"):
        expect(other, state="connected")


# --- Misspelt names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("sate", "state"),
        ("disconnectType", "disconnect_type"),
        ("wrapup__cod", "code"),
        ("after_call_work__stat", "state"),
        ("self__nam", "name"),
        ("settings__wrapup_prompts", "wrapup_prompt"),
        ("segments__0__typ", "type"),
        ("contxt__user_id", "context"),
        ("context__user", "user_id"),
    ],
)
@pytest.mark.parametrize("call", [stream("s1").alerting(), CALL.after(1).wrapup("sale")])
def test_a_misspelt_name_gets_the_nearest_one(call: Iterator[Event], name: str, meant: str) -> None:
    with pytest.raises(AttributeError, match=rf"{name}: .* \(did you mean '{meant}'\?\); it has "):
        expect(SessionLog.of(call), **{name: None})


@pytest.mark.parametrize("name", ["state__x", "segments__type", "wrapup__0", "viewer_url__0", "qqq", ""])
@pytest.mark.parametrize("call", [stream("s1").alerting(viewer_url="x"), CALL.after(1).wrapup("sale")])
def test_a_name_that_leads_nowhere_is_an_error_whether_the_part_is_set_or_not(call: Iterator[Event], name: str) -> None:
    with pytest.raises(AttributeError, match="has no attribute"):
        expect(SessionLog.of(call), **{name: None})


# --- The frames of the error --------------------------------------------------------------------------------------------------


def _fails_in_a_log() -> None:
    expect(SessionLog.of(CALL), state="connected")


def _fails_in_an_inbox() -> None:
    expect(Inbox(Lifecycle()), "s1")


def _fails_in_a_run() -> None:
    run(CALL).expect(state="connected")


def _is_misspelt() -> None:
    expect(SessionLog.of(CALL), wrapup__cod="sale")


@pytest.mark.parametrize("failing", [_fails_in_a_log, _fails_in_an_inbox, _fails_in_a_run, _is_misspelt])
def test_pytest_shows_the_line_of_the_test_and_no_frame_of_the_kit(failing: Callable[[], None]) -> None:
    with pytest.raises((AssertionError, AttributeError)) as failure:
        failing()

    assert [entry.name for entry in failure.traceback.filter(failure)][-1] == failing.__name__


# --- What is imported ---------------------------------------------------------------------------------------------------------


def test_the_kit_imports_no_database() -> None:
    code = "import cobrowse_session.testing, sys; assert not {'sqlalchemy', 'alembic', 'hypothesis', 'pytest'} & {*sys.modules}"

    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_id_of_another_session_is_an_error_for_a_session_and_a_log_too() -> None:
    log = SessionLog.of(stream("s1").alerting())

    expect(log, "s1", state="alerting")
    expect(log.session, "s1", state="alerting")
    for one in (log, log.session):
        with pytest.raises(AssertionError, match=r"^this is session 's1', not 's2'$"):
            expect(one, "s2", state="alerting")


# --- What is expected of a run ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "error", "message"),
    [
        ((), TypeError, "expect: expected outcomes, or attributes of the session, found none"),
        ((Applied,), TypeError, r"expect: expected an outcome or a match, found a class; write Applied\.match\(\)$"),
        ((Applied.match(row="alertin"),), ValueError, r"the table 'standard' has no row 'alertin'\. Did you mean alerting\?"),
        ((Applied.match(row="ended+begin"),), ValueError, r"the table 'standard' has no row 'begin'\. Did you mean begins\?"),
    ],
)
def test_what_a_run_cannot_be_compared_with_is_an_error(
    expected: tuple[object, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(stream("s1").alerting()).expect(*expected)


def test_the_rows_of_a_match_are_those_of_the_table_of_the_run() -> None:
    held = stream("s1").connected().after(1).event(hold.Held)

    run(held, lifecycle=Lifecycle(table=hold.TABLE)).expect(Applied.match(), Applied.match(row="held"))
    with pytest.raises(ValueError, match="the table 'standard' has no row 'held'"):
        run(stream("s1").alerting()).expect(Applied.match(row="held"))


def test_a_run_checks_under_python_o_too() -> None:
    code = (
        "from cobrowse_session.testing import run, stream\n"
        "from cobrowse_session import Lifecycle\n"
        "from cobrowse_session.testing.run import _check\n"
        "made = run(stream('s1').alerting().connected())\n"
        "event, one, two = made.steps[0].event, *made.steps\n"
        "_check(event, one.outcome, one.session, two.session, Lifecycle().table)\n"
    )
    done = subprocess.run([sys.executable, "-O", "-c", code], capture_output=True, text=True, check=False)

    assert "AssertionError: row alerting changed connected_time" in done.stderr
