"""Timers of a table's own: several at once, last resorts among them, and deadlines that have passed when they are known."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from itertools import permutations, product
from typing import Any

import pytest
from attrs import define, frozen, setters

from cobrowse_session import CobrowseSession, Event, Lifecycle, SessionLog, Settings
from cobrowse_session.lifecycle.actions import close_segments, stamp_disconnected
from cobrowse_session.stream import fold
from cobrowse_session.tables import NO_TRANSITION, PROVIDER, Deadline, Policy, Row, Table, Timer, writes
from cobrowse_session.testing import START, stream
from cobrowse_session.wire import restore_log, save_log


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@define(kw_only=True, on_setattr=setters.NO_OP, repr=False)
class Checked(CobrowseSession):
    """A session that is checked for a pulse, and given up."""

    checked: bool = False


@frozen(kw_only=True, repr=False)
class CheckTimeout(Timer):
    """The leg is checked."""

    kind = "timer.check"


@frozen(kw_only=True, repr=False)
class SilenceTimeout(Timer):
    """The leg is given up."""

    kind = "timer.silence"


@frozen
class Since:
    """It is due {seconds} s after the connection."""

    seconds: float
    once: bool = False

    def __call__(self, session: Checked, _: Policy) -> datetime | None:
        """Return when it is due, on the corrected provider clock."""
        begun = session.connected_time
        return None if begun is None or (self.once and session.checked) else begun + timedelta(seconds=self.seconds)


@writes("checked", clock=PROVIDER)
def check(session: Checked, _event: Event, _: Policy) -> None:
    """The leg was checked."""
    session.checked = True


def _row(name: str, on: str, result: object, *actions: object) -> Row:
    return Row(name=name, on=(on,), source=("connected",), result=result, actions=actions, reason="It is due.", cites=())  # type: ignore[arg-type]  # of a row


def rules(check_after: float, silence_after: float, *last_resorts: str) -> Lifecycle[Checked]:
    """A connected leg is checked once, and given up later. Then after-call work lasts 5 s."""
    table = Table.standard().extended(
        f"{check_after} {silence_after} {last_resorts}",
        session=Checked,
        deadlines=(
            Deadline(CheckTimeout, Since(check_after, once=True), last_resort="check" in last_resorts),
            Deadline(SilenceTimeout, Since(silence_after), last_resort="silence" in last_resorts),
        ),
        connection=(
            _row("checked", "timer.check", NO_TRANSITION, check),
            _row("given_up", "timer.silence", "disconnected", close_segments, stamp_disconnected),
        ),
    )
    return Lifecycle(settings=Settings(wrapup_prompt="timeout", wrapup_timeout=timedelta(seconds=5)), table=table)


CALL = stream("s1").connected().after(3).updated(viewer_url="https://a.example").after(12).updated(viewer_url="https://b.example")
LAST_RESORTS = [(), ("check",), ("silence",), ("check", "silence")]


def ways(events: tuple[Event, ...], now: datetime) -> Iterator[list[Event | datetime]]:
    """Every order of the events, and every place at which time goes on."""
    for order in permutations(events):
        for place in range(len(order) + 1):
            yield [*order[:place], now, *order[place:]]


@pytest.mark.parametrize("last_resorts", LAST_RESORTS)
@pytest.mark.parametrize(("check_after", "silence_after"), [(5, 10), (10, 5), (10, 10), (20, 30), (30, 20), (20, 23)])
def test_a_log_shows_every_timer_that_the_fold_fires(
    check_after: float, silence_after: float, last_resorts: tuple[str, ...]
) -> None:
    lifecycle = rules(check_after, silence_after, *last_resorts)
    for seconds in (0, 7, 12, 16, 22, 60):
        expected = fold(CALL, at(seconds), lifecycle=lifecycle)
        for way in ways(CALL.events, at(seconds)):
            log = SessionLog(lifecycle, "s1")
            for one in way:
                _ = log.advance(one) if isinstance(one, datetime) else log.add(one)
            assert (log.session, log.trace) == (expected.session, expected.trace)


@pytest.mark.parametrize("last_resorts", LAST_RESORTS)
def test_a_change_has_each_timer_that_fired_once(last_resorts: tuple[str, ...]) -> None:
    log = SessionLog.of(CALL, rules(20, 23, *last_resorts))

    fired = [[step.event.kind for step in log.advance(at(seconds)).new] for seconds in (19, 21, 26, 60, 61)]

    assert fired == [[], ["timer.check"], ["timer.silence"], ["timer.acw"], []]


@pytest.mark.parametrize("last_resorts", LAST_RESORTS)
def test_a_sealed_log_with_several_timers_at_its_end_is_restored_as_it_was(last_resorts: tuple[str, ...]) -> None:
    lifecycle = rules(5, 10, *last_resorts)
    log = SessionLog.of(CALL.events[:2], lifecycle, until=at(60))
    assert log.seal(at(61))

    restored = restore_log(save_log(log), lifecycle)

    assert (restored.session, restored.trace, restored.sealed) == (log.session, log.trace, True)
    assert [step.event.kind for step in restored.trace][2:] == ["timer.check", "timer.silence", "timer.acw"]


# --- A deadline that has passed when it is known ------------------------------------------------------------------------------


@frozen
class Limit:
    """It is due {seconds} s after the connection, once the viewer's address ends with `short`."""

    seconds: float

    def __call__(self, session: CobrowseSession, _: Policy) -> datetime | None:
        """Return when it is due, on the corrected provider clock."""
        is_short = (session.viewer_url or "").endswith("short")
        return session.connected_time + timedelta(seconds=self.seconds) if is_short and session.connected_time else None


SHORTENED = Lifecycle(
    table=Table.standard().extended(
        "shortened",
        deadlines=(Deadline(SilenceTimeout, Limit(5)),),
        connection=(_row("given_up", "timer.silence", "disconnected", close_segments, stamp_disconnected),),
    )
)
CUT = stream("s1").connected().after(10).updated(viewer_url="https://a.example").after(10).updated(viewer_url="https://short")


def test_a_deadline_that_has_passed_when_it_is_known_fires_at_the_event_that_made_it_known() -> None:
    assert SessionLog.of(CUT, SHORTENED).deadline == at(20)
    log = SessionLog.of(CUT, SHORTENED, until=at(21))

    assert [(step.event.kind, step.event.occurred_at) for step in log.trace][-1] == ("timer.silence", at(20))
    assert log.session.disconnected_time == at(20)


def test_a_deadline_that_has_passed_gives_one_trace_in_any_order_of_arrival() -> None:
    call = CUT.after(10).updated(viewer_url="https://c.example")
    for end, now in product((3, 4), (at(19), at(20), at(40))):
        expected = fold(call.events[:end], now, lifecycle=SHORTENED)
        times = [step.event.occurred_at for step in expected.trace]
        assert times == sorted(times)
        for way in ways(call.events[:end], now):
            log = SessionLog(SHORTENED, "s1")
            for one in way:
                _ = log.advance(one) if isinstance(one, datetime) else log.add(one)
            assert (log.session, log.trace) == (expected.session, expected.trace)


@frozen
class OnceChecked:
    """It is due at the connection, once the leg was checked."""

    def __call__(self, session: Checked, _: Policy) -> datetime | None:
        """Return when it is due, on the corrected provider clock."""
        return session.connected_time if session.checked else None


def test_a_deadline_that_a_timer_makes_known_fires_at_that_timer_and_not_before() -> None:
    table = Table.standard().extended(
        "known by a timer",
        session=Checked,
        deadlines=(Deadline(CheckTimeout, Since(15, once=True)), Deadline(SilenceTimeout, OnceChecked())),
        connection=(
            _row("checked", "timer.check", NO_TRANSITION, check),
            _row("given_up", "timer.silence", "disconnected", close_segments, stamp_disconnected),
        ),
    )
    call = stream("s1").connected().after(10).updated(viewer_url="https://a.example")

    log = SessionLog.of(call, Lifecycle(table=table), until=at(60))

    timers = [(step.event.kind, step.event.occurred_at) for step in log.trace][2:]
    assert [kind for kind, _ in timers] == ["timer.check", "timer.silence"]
    assert timers[0][1] == timers[1][1] > at(10)


@writes("peer_id")
def note_the_subject(session: CobrowseSession, event: Timer, _: Policy) -> None:
    """The session of the timer is noted."""
    session.peer_id = event.subject


def test_a_timer_has_the_id_of_its_session() -> None:
    table = Table.standard().extended(
        "noted subject",
        session=Checked,
        deadlines=(Deadline(CheckTimeout, Since(5, once=True)),),
        connection=(_row("checked", "timer.check", NO_TRANSITION, check, note_the_subject),),
    )

    log = SessionLog.of(stream("s1").connected(), Lifecycle(table=table), until=at(60))

    assert log.session.peer_id == "s1"


# --- Timers that would fire for ever ------------------------------------------------------------------------------------------


@frozen
class WhileChecked:
    """It is due at the connection while the leg {is_checked} checked."""

    is_checked: bool

    def __call__(self, session: Checked, _: Policy) -> datetime | None:
        """Return when it is due, on the corrected provider clock."""
        return session.connected_time if session.checked == self.is_checked else None


@writes("checked", clock=PROVIDER)
def uncheck(session: Checked, _event: Event, _: Policy) -> None:
    """The leg was not checked."""
    session.checked = False


def test_two_timers_that_make_each_other_due_are_an_error_and_no_endless_loop() -> None:
    table = Table.standard().extended(
        "two in turn",
        session=Checked,
        deadlines=(Deadline(CheckTimeout, WhileChecked(False)), Deadline(SilenceTimeout, WhileChecked(True))),
        connection=(
            _row("checked", "timer.check", NO_TRANSITION, check),
            _row("unchecked", "timer.silence", NO_TRANSITION, uncheck),
        ),
    )
    log = SessionLog.of(stream("s1").connected(), Lifecycle(table=table))

    with pytest.raises(RuntimeError, match=r"timer\.check leaves its own deadline .* it would fire for ever"):
        log.advance(at(1))
    assert [step.event.kind for step in log.trace] == ["connected"]


# --- What a deadline function returns -----------------------------------------------------------------------------------------


@frozen
class Returns:
    """It is due at {value}."""

    value: Any

    def __call__(self, _session: Checked, _: Policy) -> Any:
        """Return any value."""
        return self.value


def returning(value: object) -> Lifecycle[Checked]:
    table = Table.standard().extended(
        "returning",
        session=Checked,
        deadlines=(Deadline(SilenceTimeout, Returns(value)),),
        connection=(_row("given_up", "timer.silence", "disconnected", close_segments, stamp_disconnected),),
    )
    return Lifecycle(table=table)


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (START.replace(tzinfo=None), TypeError, "an aware datetime or None, found datetime.datetime(2026, 3, 1, 9, 0)"),
        (timedelta(seconds=30), TypeError, "an aware datetime or None, found datetime.timedelta(seconds=30)"),
        (START.date(), TypeError, "an aware datetime or None, found datetime.date(2026, 3, 1)"),
        (START.timestamp(), TypeError, f"an aware datetime or None, found {START.timestamp()}"),
        ("2026-03-01T09:00:00Z", TypeError, "an aware datetime or None, found '2026-03-01T09:00:00Z'"),
        (False, TypeError, "an aware datetime or None, found False"),
        (START.replace(year=1969), ValueError, "a time from 1970 to 9999, or None, found datetime.datetime(1969, 3, 1"),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "ask",
    [
        lambda log: log.deadline,
        lambda log: log.advance(at(60)),
        lambda log: log.lifecycle.apply(log.session, CALL.events[1]),
        lambda log: log.lifecycle.allowed(log.session, at(60)),
    ],
    ids=["deadline", "advance", "apply", "allowed"],
)
def test_what_is_no_deadline_is_an_error_that_names_the_function(
    value: object, error: type[Exception], expected: str, ask: Callable[[SessionLog], object]
) -> None:
    log = SessionLog(returning(value), "s1")
    log.add(CALL.events[0])

    with pytest.raises(error, match="deadline of SilenceTimeout: returns .*: expected " + re.escape(expected)):
        ask(log)
    assert log.session.state == "connected"


def test_a_deadline_is_a_time_in_utc_in_whole_milliseconds() -> None:  # so a saved timer is read back as it was
    moment = (START + timedelta(seconds=5, microseconds=1999)).astimezone(timezone(timedelta(hours=2)))
    log = SessionLog.of(CALL.events[:1], returning(moment), until=at(60))

    assert log.trace[-1].event.occurred_at.isoformat() == "2026-03-01T09:00:05.001000+00:00"
    assert log.seal(at(600))
    assert restore_log(save_log(log), log.lifecycle).trace == log.trace
