"""The logs of a test, which are checked at its end: the fixture `cobrowse` without a run of pytest."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from examples.tables import hold
from tests.own_tables import MISTAKEN

from cobrowse_session import Change, Lifecycle, SessionLog, Settings, Wrapup
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.io.replay import Rejected
from cobrowse_session.store import DurableInbox, Store
from cobrowse_session.testing import START, stream
from cobrowse_session.testing.checked import Logs, check_log
from cobrowse_session.wire import restore_log, save_log

CALL = stream("s1").alerting().after(3).connected(wrapup_prompt="timeout", wrapup_timeout=30).after(60).disconnected("peer")
CALL_OTHERWISE = evolve(CALL, events=CALL.events[:-1]).disconnected("client")
SKIPPED = CALL.after(8).wrapup()
REFUSED, PENDING = "session 's1': wrapup 'e4' was refused", "session 's1': the deadline 2026-03-01T09:01:33.000Z was not fired"


def beginnings(problems: list[str]) -> list[str]:
    return [problem.partition(", and nobody")[0].partition(". ")[0] for problem in problems]


# --- Every inbox that is watched ----------------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "store"])
def inbox(request: pytest.FixtureRequest) -> Iterator[Inbox | DurableInbox]:
    if request.param == "memory":
        yield Inbox(Lifecycle())
        return
    with Store("sqlite://") as store:
        yield DurableInbox(store)


def ignore(_: SessionLog[Any], __: Change) -> None:
    """An observer of a handler."""


def set_after_watching(logs: Logs, inbox: Any) -> None:
    logs.watch(inbox)
    inbox.observers = (ignore,)


def cleared_after_watching(logs: Logs, inbox: Any) -> None:
    logs.watch(inbox)
    inbox.observers = ()


@pytest.mark.parametrize("lose", [set_after_watching, cleared_after_watching])
def test_an_inbox_that_lost_its_observer_is_a_problem(inbox: Any, lose: Callable[[Logs, Any], None]) -> None:
    logs = Logs()
    lose(logs, inbox)
    for event in SKIPPED:
        inbox.add(event)

    assert f"{type(inbox).__name__}: the observers were replaced" in "\n".join(logs.problems())


def test_an_inbox_is_watched_again_after_its_observers_were_replaced(inbox: Any) -> None:
    logs = Logs()
    logs.watch(inbox)
    inbox.observers = (ignore,)
    logs.watch(inbox)
    for event in SKIPPED:
        inbox.add(event)

    assert beginnings(logs.problems()) == [REFUSED, PENDING]
    assert len(logs.logs) == 1


def test_watching_twice_adds_one_observer(inbox: Any) -> None:
    logs = Logs()

    assert len(logs.watch(logs.watch(inbox)).observers) == 1


def test_an_observer_beside_that_of_the_logs_is_no_problem(inbox: Any) -> None:
    logs = Logs()
    logs.watch(inbox)
    inbox.observers = (*inbox.observers, ignore)
    for event in SKIPPED:
        inbox.add(event)

    assert beginnings(logs.problems()) == [REFUSED, PENDING]


def test_an_inbox_that_lost_its_reject_is_a_problem(inbox: Any) -> None:
    logs = Logs()
    logs.watch(inbox).reject = print

    assert f"{type(inbox).__name__}: `reject` was replaced" in "\n".join(logs.problems())
    logs.watch(inbox)
    assert logs.problems() == []


def test_at_the_end_an_inbox_has_its_own_observers_and_its_own_reject(inbox: Any) -> None:
    rejected: list[Rejected] = []
    inbox.observers, inbox.reject = (ignore,), rejected.append
    with Logs.checked(allow_rejected=True) as logs:
        logs.watch(inbox).receive("{")
        logs.watch(inbox).receive("[")
        assert (len(inbox.observers), len(rejected)) == (2, 2)

    assert (inbox.observers, inbox.reject) == ((ignore,), rejected.append)


# --- What observers raise -----------------------------------------------------------------------------------------------------


def bills(log: SessionLog[Any], _: Change) -> None:
    """An observer that was tested with alerted legs only."""
    if log.session.start_alerting_time is None:
        raise ValueError("never alerted")


def test_what_an_observer_raises_is_a_problem(inbox: Any) -> None:
    inbox.observers = (bills,)
    with pytest.raises(AssertionError) as failure, Logs.checked() as logs:
        logs.watch(inbox).add(stream("s1").connected().events[0])

    (line,) = str(failure.value).splitlines()
    assert re.fullmatch(
        r"a function of yours raised ValueError: never alerted \(.*test_checked.py:\d+, in bills\)\. .*: look at logs\.errors",
        line,
    )


def test_what_an_observer_of_any_inbox_or_log_raises_is_a_problem_and_so_is_what_reject_raises() -> None:
    def fails(_: object) -> None:
        raise LookupError

    with Logs.open() as logs:
        SessionLog(Lifecycle(), "s1", [bills]).add(stream("s1").connected().events[0])
        Inbox(Lifecycle(), reject=fails).receive("{")

    assert [problem.partition(" (")[0] for problem in logs.problems()] == [
        "a function of yours raised ValueError: never alerted",
        "a function of yours raised LookupError: ",
    ]


def test_a_guard_that_raises_when_a_timer_is_due_is_a_problem() -> None:
    with Logs.open() as logs:
        inbox = logs.inbox(Lifecycle(table=MISTAKEN))
        for event in stream("bad").connected(wrapup_prompt="timeout", wrapup_timeout=30).after(60).disconnected("peer"):
            inbox.add(event, event.received)
        inbox.advance(START + timedelta(seconds=1000))

        assert [problem.partition(" (")[0] for problem in logs.problems(allow_pending=True)][-1:] == [
            "a function of yours raised ZeroDivisionError: a mistake"
        ]


def test_what_an_observer_raises_and_a_test_looks_at_is_no_problem() -> None:
    with Logs.checked() as logs:
        SessionLog(Lifecycle(), "s1", [bills]).add(stream("s1").connected().events[0])
        assert [type(error) for error in logs.errors] == [ValueError]
    SessionLog(Lifecycle(), "s1", [bills]).add(stream("s1").connected().events[0])

    assert len(logs.errors) == 1


# --- What is rejected or lost -------------------------------------------------------------------------------------------------


def test_input_that_was_rejected_and_that_nobody_looked_at_is_a_problem(inbox: Any) -> None:
    with Logs.open() as logs:
        logs.watch(inbox).receive("{broken")
        (problem,) = logs.problems()

    assert re.fullmatch(r"input was rejected, and nobody looked at it: .* Look at logs\.rejections, or allow it: .*", problem)
    with Logs.checked(allow_rejected=True) as logs:
        logs.watch(inbox).receive("{broken")
    with Logs.checked() as logs:
        logs.watch(inbox).receive("{broken")
        assert [rejected.error.error for rejected in logs.rejections] == ["not_json"]


OVER = SKIPPED.after(1).wrapup("sale").events
LATE = SKIPPED.after(1).wrapup("sale").after(1).alerting(received_at=SKIPPED.now).events[-1]


def late_in_an_inbox(logs: Logs) -> None:
    inbox = logs.inbox(seal_after=timedelta(minutes=1))
    for event in OVER:
        inbox.add(event, event.occurred_at)
    inbox.advance(SKIPPED.after("1h").now)
    inbox.add(LATE)


def late_in_a_store(logs: Logs) -> None:
    with Store("sqlite://") as store:
        inbox = logs.watch(DurableInbox(store, seal_after=timedelta(minutes=1)))
        for event in OVER:
            inbox.add(event, event.occurred_at)
        inbox.advance(SKIPPED.after("1h").now)
        inbox.add(LATE)


def late_in_a_log(logs: Logs) -> None:
    log = logs.log(OVER)
    assert log.seal(SKIPPED.after("1h").now)
    log.add(LATE)


@pytest.mark.parametrize("comes_late", [late_in_an_inbox, late_in_a_store, late_in_a_log])
def test_an_event_that_came_after_its_session_was_sealed_is_lost(comes_late: Callable[[Logs], None]) -> None:
    with Logs.open() as logs:
        comes_late(logs)

        (problem,) = logs.problems(allow_refused=True)
        assert problem == (
            "session 's1': alerting 'e6' came after its session was sealed, and nobody looked at it. Look at logs.lost, "
            "or allow it: Logs.checked(allow_lost=True)"
        )
        assert logs.problems(allow_refused=True, allow_lost=True) == []
        assert [event.id for event in logs.lost] == ["e6"]
        assert logs.problems(allow_refused=True) == []


@pytest.mark.parametrize("order", [1, -1])
def test_a_copy_that_contradicts_the_one_that_counts_is_lost(order: int) -> None:
    """COPY-4: of one edition, the copy that was received first counts."""
    (*begin, end), other = CALL, CALL_OTHERWISE.events[-1]
    first, second = evolve(end, received_at=CALL.now), evolve(other, received_at=CALL.after(1).now)
    logs = Logs()
    logs.log([*begin, *[first, second][::order]])

    assert beginnings(logs.problems(allow_pending=True)) == ["session 's1': disconnected 'e3' contradicts the copy that counts"]
    assert logs.lost == [second]
    assert logs.problems(allow_pending=True) == []


def test_a_repeat_and_a_correction_lose_nothing() -> None:
    with Logs.checked(allow_pending=True) as logs:
        logs.log([*CALL, CALL.events[0], evolve(CALL_OTHERWISE.events[-1], sequence="2")])


# --- An inbox that others have, too -------------------------------------------------------------------------------------------


def test_a_deadline_that_another_worker_fired_was_fired() -> None:
    with Store("sqlite://") as store, Logs.checked() as logs:
        one, two = logs.watch(DurableInbox(store)), DurableInbox(store)
        for event in CALL:
            one.add(event)
        two.advance(CALL.after("1h").now)


def test_what_an_inbox_has_when_it_is_watched_counts_as_looked_at(inbox: Any) -> None:
    for event in [*SKIPPED, *stream("s1").alerting(viewer_url="https://example.com")]:
        inbox.add(event)
    with Logs.checked() as logs:
        logs.watch(inbox)

        assert (logs.refusals, logs.lost, logs.problems()) == ([], [], [])


@pytest.mark.parametrize("times", [1, 2])
def test_what_comes_after_an_inbox_was_watched_has_to_be_looked_at(inbox: Any, times: int) -> None:
    for event in CALL:
        inbox.add(event)
    logs = Logs()
    for _ in range(times):
        logs.watch(inbox)
        inbox.add(SKIPPED.events[-1])

    assert beginnings(logs.problems()) == [REFUSED]


def test_an_inbox_that_lives_longer_than_a_test_counts_once_in_the_coverage(inbox: Any) -> None:
    found = []
    for number in "123":
        with Logs.checked() as logs:
            logs.watch(inbox).add(stream(f"s{number}").alerting().events[0])
            found += logs.coverages()

    assert [sum(one.paths.values()) for one in found] == [1, 1, 1]


# --- What is advised ----------------------------------------------------------------------------------------------------------


def advice(problems: str) -> list[str]:
    """The code that a problem names."""
    return sorted({word.rstrip(",.") for word in problems.split() if "refusals" in word or "allow_" in word})


def test_what_a_block_advises_can_be_done_in_a_block() -> None:
    with pytest.raises(AssertionError) as failure, Logs.checked() as logs:
        logs.log(SKIPPED)

    assert advice(str(failure.value)) == [
        "Logs.checked(allow_pending=True)",
        "Logs.checked(allow_refused=True)",
        "logs.refusals",
    ]
    with Logs.checked(allow_pending=True, allow_refused=True) as logs:
        logs.log(SKIPPED)
    with Logs.checked(allow_pending=True) as logs:
        logs.log(SKIPPED)
        assert [refused.rule for refused in logs.refusals] == ["code_required"]


def test_what_the_fixture_advises_names_the_fixture_and_its_marker() -> None:
    logs = Logs()
    logs.log(SKIPPED)

    assert advice("\n".join(logs.problems(of_fixture=True))) == [
        "@pytest.mark.cobrowse(allow_pending=True)",
        "@pytest.mark.cobrowse(allow_refused=True)",
        "cobrowse.refusals",
    ]


# --- Logs that an inbox no longer has -----------------------------------------------------------------------------------------


def test_nobody_can_fire_the_deadline_of_a_session_that_was_dropped() -> None:
    with Logs.checked() as logs:
        inbox = logs.inbox()
        for event in CALL:
            inbox.add(event)
        inbox.drop("s1")

    assert [log.session_id for log in logs.logs] == ["s1"]


def test_what_else_is_wrong_with_a_dropped_session_is_a_problem() -> None:
    logs = Logs()
    inbox = logs.inbox()
    for event in SKIPPED:
        inbox.add(event)
    inbox.drop("s1")

    assert beginnings(logs.problems()) == [REFUSED]


def test_a_session_that_comes_again_has_a_log_beside_the_first_one() -> None:
    logs = Logs()
    inbox = logs.inbox(remember_sessions=0)
    for event in SKIPPED:
        inbox.add(event)
    inbox.drop("s1")
    for event in stream("s1", start=SKIPPED.now).after(1).connected(wrapup_prompt="none"):
        inbox.add(event)

    assert [len(log.events) for log in logs.logs] == [4, 1]
    assert beginnings(logs.problems()) == [REFUSED]
    assert [refused.rule for refused in logs.refusals] == ["code_required"]
    assert logs.problems() == []


@pytest.mark.parametrize("put_back", ["the dropped one", "another"])
def test_a_log_that_was_put_into_an_inbox_is_checked_once(put_back: str) -> None:
    logs = Logs()
    inbox = logs.inbox()
    for event in [*SKIPPED][2:]:
        inbox.add(event)
    inbox.put(inbox.drop("s1") if put_back == "the dropped one" else SessionLog.of([*SKIPPED][:3]))
    inbox.put(SessionLog.of(stream("s2").alerting()))
    for event in [*SKIPPED][:2]:
        inbox.add(event)

    assert [(log.session_id, len(log.events)) for log in logs.logs] == [("s1", 4), ("s2", 1)]
    assert beginnings(logs.problems()) == [REFUSED, PENDING]


# --- What someone wrote to a session ------------------------------------------------------------------------------------------

WRITTEN: dict[str, Any] = {
    "settings": Settings(wrapup_prompt="none"),
    "extra": {"x": 1},
    "viewer_url": "https://example.com",
    "wrapup": Wrapup(code="sale"),
    "controlling": ("p1",),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_write_to_any_attribute_of_a_session_is_found(name: str) -> None:
    log = SessionLog.of(CALL)
    check_log(log)
    setattr(log.session, name, WRITTEN[name])

    with pytest.raises(AssertionError, match=r"session 's1'.* not the fold of its events \(found != expected\)"):
        check_log(log)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_write_to_a_session_whose_log_was_sealed_is_found(name: str) -> None:
    log = SessionLog.of(CALL.after(9).wrapup("lease"))
    assert log.seal(CALL.now + timedelta(hours=1))
    setattr(log.session, name, WRITTEN[name])

    with pytest.raises(AssertionError, match="session 's1'"):
        check_log(log)


# --- Coverage -----------------------------------------------------------------------------------------------------------------


def test_a_log_that_was_sealed_under_another_table_is_checked_and_takes_no_rows() -> None:
    made = stream("s1").connected().after(1).event(hold.Held).after(3).disconnected()
    log = SessionLog.of(made, Lifecycle(table=hold.TABLE))
    assert log.seal(made.now + timedelta(hours=1))
    saved = save_log(log)
    with Logs.checked() as logs:
        logs.watch(restore_log(saved))
        assert logs.coverages() == []

    with Logs.checked() as logs:
        logs.watch(restore_log(saved, table=hold.TABLE))
        assert [found.rows["held"] for found in logs.coverages()] == [1]


def test_a_log_of_a_store_that_was_closed_is_checked_counted_and_told() -> None:
    with Store("sqlite://") as store:
        store.append(SKIPPED)
        loaded = store.load("s1")
        assert loaded is not None
        logs = Logs()
        logs.watch(loaded)

    assert beginnings(logs.problems()) == [REFUSED, PENDING]
    assert [found.rows["connected"] for found in logs.coverages()] == [1]
    assert ".disconnected('peer')" in logs.story()
