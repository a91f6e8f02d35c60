"""The logs of a test, which are checked at its end: the fixture `cobrowse` without a run of pytest."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from cobrowse_session import Change, Lifecycle, SessionLog, Settings, Wrapup
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.store import DurableInbox, Store
from cobrowse_session.testing import stream
from cobrowse_session.testing.checked import Logs, check_log

CALL = stream("s1").alerting().after(3).connected(wrapup_prompt="timeout", wrapup_timeout=30).after(60).disconnected("peer")
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
