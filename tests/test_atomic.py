"""A log that raises is what it was before, whatever raises, and wherever."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from attrs import evolve
from tests.strategies import at

from cobrowse_session import Communication, Event, Lifecycle, SessionLog, Settings
from cobrowse_session.canonical import canonical
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.stream import fold
from cobrowse_session.testing import stream
from cobrowse_session.wire import encode_event, encode_session, restore_log, save_log
from cobrowse_session.wire.trace import trace_entry

SETTINGS = Settings(wrapup_prompt="timeout", wrapup_timeout=at(30) - at(0), alerting_timeout=at(20) - at(0))
CALL = (
    stream("s1")
    .alerting(viewer_url="https://v", sequence="1")
    .after(3)
    .connected()
    .after(60)
    .disconnected("peer")
    .after(40)
    .wrapup("sale")
)
EVENTS = CALL.events
NEW: dict[str, Event] = {
    "in order": CALL.after(9).updated(peer_id="p").events[-1],
    "late": stream("s1", start=at(1)).dialing(id="late").events[0],
    "a copy that changes nothing": evolve(EVENTS[0], received_at=at(500)),
    "a copy that is kept": evolve(EVENTS[0], sequence="0", received_at=at(5)),
    "a later edition": evolve(EVENTS[1], sequence="2", occurred_at=at(5)),
    "a copy received earlier": evolve(EVENTS[1], received_at=at(-1)),
}


class Moody(Lifecycle):
    """Raises when it has decided so many events more: a guard or an action that fails."""

    left: int | None = None

    def decide(self, session: Communication, event: Any) -> Any:
        if Moody.left is not None:
            Moody.left -= 1
            if Moody.left < 0:
                raise ZeroDivisionError("a guard")
        outcome = super().decide(session, event)
        if Moody.left == 0:
            Moody.left = -1
            raise ZeroDivisionError("after the write")
        return outcome


def log_of(lifecycle: Lifecycle) -> SessionLog:
    log = SessionLog(lifecycle, "s1")
    for event in EVENTS:
        log.add(event)
    log.advance(at(95))
    return log


def pending(lifecycle: Lifecycle) -> SessionLog:
    """A log in which a timer is still to fire."""
    log = SessionLog(lifecycle, "s1")
    for event in EVENTS[:3]:
        log.add(event)
    log.advance(at(64))
    return log


def everything(log: SessionLog) -> tuple[object, ...]:
    counts = log.repeats, log.conflicts, log.corrected, log.late, log.deadline, log.advanced, log.context
    saved = save_log(log)
    return encode_session(log.session), list(map(trace_entry, log.trace)), sorted(map(str, saved.pop("events"))), saved, counts


@pytest.fixture(autouse=True)
def calm() -> Iterator[None]:
    yield
    Moody.left = None


@pytest.mark.parametrize("what", NEW)
@pytest.mark.parametrize("decided", range(1, 8))
def test_a_guard_or_an_action_that_raises_leaves_the_log_as_it_was(what: str, decided: int) -> None:
    lifecycle = Moody(settings=SETTINGS)
    log = log_of(lifecycle)
    before = everything(log)
    Moody.left = decided
    try:
        log.add(NEW[what])
    except ZeroDivisionError:
        Moody.left = None
        assert everything(log) == before
    Moody.left = None

    log.add(NEW[what])  # and it goes on

    reference = log_of(lifecycle)
    reference.add(NEW[what])
    if everything(log)[:2] != everything(reference)[:2]:
        pytest.fail(f"{what}, {decided}: the log does not go on")


def test_advance_that_raises_leaves_the_log_as_it_was() -> None:
    log = pending(Moody(settings=SETTINGS))
    before = everything(log)

    for decided in (0, 1):
        Moody.left = decided
        with pytest.raises(ZeroDivisionError):
            log.advance(at(1000))
        Moody.left = None
        assert everything(log) == before
    assert [step.event.kind for step in log.advance(at(1000)).new] == ["timer.acw"]


@pytest.mark.parametrize("wrong", [None, 7, "e1", {}, [], encode_event(EVENTS[0]), stream("s2").alerting().events[0]])
def test_what_is_no_event_of_the_session_leaves_the_log_as_it_was(wrong: Any) -> None:  # OUTCOME-18
    log = log_of(Lifecycle(settings=SETTINGS))
    before = everything(log)

    with pytest.raises((TypeError, ValueError)):
        log.add(wrong)
    assert everything(log) == before


def test_the_lifecycle_of_a_log_cannot_be_changed() -> None:
    log = log_of(Lifecycle())

    for name in ("lifecycle", "session_id", "sealed", "repeats"):
        with pytest.raises(AttributeError):
            setattr(log, name, None)
    with pytest.raises(TypeError, match="lifecycle: expected a Lifecycle"):
        SessionLog("strict", "s1")  # type: ignore[arg-type]  # the point


# --- A signal at any line -----------------------------------------------------------------------------------------------------

TRACED = {sys.modules[f"cobrowse_session.stream.{name}"].__file__ for name in ("log", "copies", "fold")}
TRACED |= {sys.modules[f"cobrowse_session.io.{name}"].__file__ for name in ("inbox", "waiting", "changes", "memory")}
TRACED |= {sys.modules["cobrowse_session.wire.saved"].__file__}


class Signal(BaseException):
    """As KeyboardInterrupt, at a line that a test chooses."""


@contextmanager
def signal_at(line: int) -> Iterator[list[int]]:
    """Raise at the so-manieth line that runs in the log."""
    lines = [0]

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        if frame.f_code.co_filename not in TRACED or frame.f_code.co_name == "_one_writer":
            return None
        if event == "line":
            lines[0] += 1
            if lines[0] == line:
                raise Signal
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield lines
    finally:
        sys.settrace(before)


def lines_of(act: Callable[[], object]) -> int:
    with signal_at(-1) as lines:
        act()
    return lines[0]


def held(log: SessionLog) -> set[str]:
    """What a log holds; of copies that differ in nothing but when they were received, the earliest stands for all."""
    return set(map(canonical, log.copies))


@pytest.mark.parametrize("what", [*NEW, "advance", "a timer fires"])
def test_a_signal_at_any_line_loses_no_event_and_the_next_access_shows_a_fold_of_what_is_held(what: str) -> None:
    lifecycle = Lifecycle(settings=SETTINGS)

    def act(log: SessionLog) -> object:
        return log.add(NEW[what]) if what in NEW else log.advance(at(900))

    def fresh() -> SessionLog:
        log = pending(lifecycle) if what == "a timer fires" else log_of(lifecycle)
        log.add(evolve(EVENTS[0], sequence="0"))  # an identity with two copies
        return log

    log = fresh()
    count = lines_of(lambda: act(log))
    for line in range(1, count + 1):
        log = fresh()
        before = held(log)
        with pytest.raises(Signal), signal_at(line):
            act(log)

        expected = fold(log.copies, log.advanced, lifecycle=lifecycle)
        assert before <= held(log), line
        assert (list(map(trace_entry, log.trace)), log.session) == (list(map(trace_entry, expected.trace)), expected.session), (
            line
        )
        act(log)
        assert held(log) == held_after(fresh(), act), line


@pytest.mark.parametrize("what", ["in order", "late", "a later edition", "advance", "a timer fires", "trace", "save_log"])
def test_a_signal_at_any_line_of_the_first_use_of_a_restored_log_loses_no_event(what: str) -> None:
    lifecycle = Lifecycle(settings=SETTINGS)
    saved = save_log(pending(lifecycle) if what == "a timer fires" else log_of(lifecycle))
    uses: dict[str, Callable[[SessionLog], object]] = {
        **dict.fromkeys(("advance", "a timer fires"), lambda log: log.advance(at(900))),
        "trace": lambda log: log.trace,
        "save_log": save_log,
    }

    def act(log: SessionLog) -> object:
        return uses[what](log) if what in uses else log.add(NEW[what])

    def fresh() -> SessionLog:
        log = restore_log(saved, lifecycle)
        assert "events not loaded" in repr(log)
        return log

    once = fresh()
    count = lines_of(lambda: act(once))
    for line in range(1, count + 1):
        log = fresh()
        with pytest.raises(Signal), signal_at(line):
            act(log)

        assert held(log) >= held(fresh()), line
        expected = fold(log.copies, log.advanced, lifecycle=lifecycle)
        assert (list(map(trace_entry, log.trace)), log.session) == (list(map(trace_entry, expected.trace)), expected.session), (
            line
        )
        act(log)
        assert everything(log)[:3] == everything(once)[:3], line


def held_after(log: SessionLog, act: Callable[[SessionLog], object]) -> set[str]:
    act(log)
    return held(log)


# --- The inbox ----------------------------------------------------------------------------------------------------------------


def inbox_of_three() -> Inbox:
    """Three sessions: a timer of each is due after 93 s, and after 123 s each may be sealed."""
    inbox = Inbox(Lifecycle(settings=SETTINGS), seal_after=at(60) - at(0))
    for session in ("s1", "s2", "s3"):
        for event in stream(session).alerting().after(3).connected().after(60).disconnected("peer"):
            inbox.receive(encode_event(event), event.occurred_at)
    return inbox


@pytest.mark.parametrize("limit", [None, 1])
def test_an_advance_that_was_interrupted_at_any_line_loses_no_timer_and_no_sealed_log(limit: int | None) -> None:
    def act(inbox: Inbox) -> tuple[list[str], list[str]]:
        fired, sealed = [], []
        while True:
            advanced = inbox.advance(at(1000), limit)
            fired += [f"{session} {step.event.kind}" for session, change in advanced.changes.items() for step in change.new]
            sealed += [log.session_id for log in advanced.sealed]
            assert {log.session_id for log in advanced.logs} >= {*advanced.changes, *sealed[len(sealed) - len(advanced.sealed) :]}
            if not advanced.more:
                return fired, sealed

    whole = inbox_of_three()
    count = lines_of(lambda: whole.advance(at(1000), limit))
    for line in range(1, count - 1):  # at the last two the answer is on its way already
        inbox = inbox_of_three()
        with pytest.raises(Signal), signal_at(line):
            inbox.advance(at(1000), limit)

        fired, sealed = act(inbox)
        assert (sorted(sealed), inbox.logs) == (["s1", "s2", "s3"], {}), line
        assert set(fired) <= {"s1 timer.acw", "s2 timer.acw", "s3 timer.acw"}
        assert len(fired) >= 2, line  # of a log that was interrupted in its own advance the change is lost, but not the log


def test_an_event_that_was_interrupted_at_any_line_leaves_no_timer_behind() -> None:
    (*first, last) = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")

    def fresh() -> Inbox:
        inbox = Inbox(Lifecycle(settings=SETTINGS), seal_after=at(60) - at(0))
        for event in first:
            inbox.receive(encode_event(event), event.occurred_at)
        return inbox

    raw, whole = encode_event(last), fresh()
    for line in range(1, lines_of(lambda: whole.receive(raw, last.occurred_at)) + 1):
        inbox = fresh()
        with pytest.raises(Signal), signal_at(line):
            inbox.receive(raw, last.occurred_at)

        inbox.receive(raw, last.occurred_at)
        assert inbox.deadline == at(93), line
        assert [log.session_id for log in inbox.advance(at(1000)).sealed] == ["s1"], line
