"""Time in the test kit: what fires in a run, when, and in which order."""

from datetime import datetime, timedelta

import pytest
from attrs import define, frozen, setters

from cobrowse_session import CobrowseSession, Event, Lifecycle
from cobrowse_session.tables import NO_TRANSITION, PROVIDER, Deadline, Policy, Row, Table, Timer, writes
from cobrowse_session.testing import START, run, stream

HOUR = timedelta(hours=1)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


# --- A table whose timer makes itself due again -------------------------------------------------------------------------------


@define(kw_only=True, on_setattr=setters.NO_OP, repr=False)
class Counted(CobrowseSession):
    """A session that counts the minutes of its connection."""

    minutes: int = 0


@frozen(kw_only=True, repr=False)
class Minute(Timer):
    """A minute has passed."""

    kind = "timer.minute"


@frozen
class EachMinute:
    """It is due each {seconds} s while the leg is connected, {times} times."""

    seconds: float
    times: float

    def __call__(self, session: Counted, _: Policy) -> datetime | None:
        """Return when it is due, on the corrected provider clock."""
        begun = session.connected_time
        if begun is None or session.minutes >= self.times:
            return None
        return begun + (session.minutes + 1) * timedelta(seconds=self.seconds)


@writes("minutes", clock=PROVIDER)
def count(session: Counted, _event: Event, _: Policy) -> None:
    """A minute was counted."""
    session.minutes += 1


def counting(seconds: float = 60, times: float = 3) -> Lifecycle[Counted]:
    counted = Row(
        name="counted",
        on=("timer.minute",),
        source=("connected",),
        result=NO_TRANSITION,
        actions=(count,),
        reason="It is due.",
        cites=(),
    )
    table = Table.standard().extended(
        f"each {seconds} s, {times} times",
        session=Counted,
        deadlines=(Deadline(Minute, EachMinute(seconds, times)),),
        connection=(counted,),
    )
    return Lifecycle(table=table)


CONNECTED = stream("s1").connected()
PENDING = stream("s1").connected(wrapup_prompt="timeout", wrapup_timeout=30).after(60).disconnected("peer")


# --- What fires ---------------------------------------------------------------------------------------------------------------


def test_timers_that_make_each_other_due_fire_in_one_call() -> None:
    done = run(CONNECTED, lifecycle=counting(), until=at(1000))

    assert [(fired.timer, fired.at) for fired in done.fired] == [("timer.minute", at(seconds)) for seconds in (60, 120, 180)]
    done.expect(minutes=3)


def test_timers_between_two_events_fire_in_that_step_and_each_has_its_own_session() -> None:
    done = run(CONNECTED.after(130).updated(viewer_url="x"), lifecycle=counting())

    assert [step.session.minutes for step in done.steps if isinstance(step.session, Counted)] == [0, 1, 2, 2]
    assert [step.event.kind for step in done.steps] == ["connected", "timer.minute", "timer.minute", "updated"]
    assert [fired.at for fired in done.outcomes[-1].fired] == [at(60), at(120)]


@pytest.mark.parametrize("late", [timedelta(0), timedelta(milliseconds=1), HOUR, 365 * 24 * HOUR])
def test_a_deadline_fires_at_its_own_instant_however_late_it_is_noticed(late: timedelta) -> None:
    done = run(PENDING, until=at(90) + late)

    assert [fired.at for fired in done.fired] == [at(90)]
    done.expect(after_call_work__end_time=at(90), wrapup__end_time=at(90), wrapup__duration_seconds=30)


def test_a_deadline_that_has_passed_when_a_run_begins_fires_at_its_own_instant_too() -> None:
    pending = run(PENDING).session

    done = run([], session=pending, until=at(90) + HOUR)

    assert [fired.at for fired in done.fired] == [at(90)]
    assert pending.after_call_work == run(PENDING).session.after_call_work


def test_nothing_fires_before_its_deadline() -> None:
    assert run(PENDING, until=at(90) - timedelta(milliseconds=1)).fired == []
    assert run(CONNECTED, lifecycle=counting(), until=at(59)).fired == []


def test_what_fired_is_listed_in_order_whether_an_event_or_time_made_it_fire() -> None:
    ended = CONNECTED.after(70).updated(wrapup_prompt="timeout", wrapup_timeout=30).after(60).disconnected("peer")

    done = run(ended, lifecycle=counting(), until=at(500))

    assert [(fired.timer, fired.at) for fired in done.fired] == [
        ("timer.minute", at(60)),
        ("timer.minute", at(120)),
        ("timer.acw", at(160)),
    ]


# --- What is an error ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("back", [-3, -0.001, timedelta(seconds=-1)])
def test_a_stream_does_not_go_back(back: float | timedelta) -> None:
    with pytest.raises(ValueError, match="expected a duration from 0 on, found"):
        CONNECTED.after(back)


def test_no_time_may_pass() -> None:
    assert CONNECTED.after(0).now == CONNECTED.now


ENDLESS = counting(0.001, float("inf"))
TOO_MANY = r"session 's1': more than 10,000 timers fired up to .*: end the chain in the table"


def test_a_chain_of_timers_without_an_end_is_an_error_and_no_hang() -> None:
    with pytest.raises(RuntimeError, match=TOO_MANY):
        run(CONNECTED, lifecycle=ENDLESS, until=at(0) + 24 * 365 * HOUR)
    with pytest.raises(RuntimeError, match=TOO_MANY):
        run(CONNECTED.after("300d").updated(viewer_url="x"), lifecycle=ENDLESS)


def test_a_last_resort_does_not_fire_before_an_event_and_keeps_no_other_timer_back() -> None:
    table = counting().table
    lifecycle = Lifecycle(table=table, alerting_grace=timedelta(seconds=1))
    call = stream("s1").alerting(alerting_timeout=1).after(30).connected().after(130).updated(viewer_url="x")

    assert [fired.at for fired in run(call, lifecycle=lifecycle).fired] == [at(90), at(150)]


def test_a_chain_of_timers_at_one_instant_is_an_error_and_no_hang() -> None:
    with pytest.raises(RuntimeError, match="it would fire for ever"):
        run(CONNECTED, lifecycle=counting(0, float("inf")), until=at(60))


def test_a_time_without_zone_is_an_error() -> None:
    with pytest.raises(TypeError):
        run(PENDING, until=datetime(2026, 3, 1, 10))  # noqa: DTZ001 (it must be refused)
