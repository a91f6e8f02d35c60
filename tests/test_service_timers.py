"""The timers of a service: which events wake them, what they forget, and what is logged when they cannot fire."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from attrs import define, field
from tests.serving import call, event, served

from cobrowse_session import Event, Lifecycle, Settings
from cobrowse_session.errors import StoreError
from cobrowse_session.io.answers import Advanced
from cobrowse_session.service import Service
from cobrowse_session.store import DurableInbox, Store, TimerRunner
from cobrowse_session.testing import START, Stream, stream

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
TIMED = Lifecycle(settings=Settings(wrapup_prompt="timeout", wrapup_timeout=30 * SECOND))


@define(eq=False)
class Counting(DurableInbox):
    """An inbox that counts how often its timers are looked at."""

    looks: int = field(default=0, init=False)
    fails: bool = field(default=False, init=False)

    def advance(self, now: datetime, limit: int | None = None) -> Advanced:
        self.looks += 1
        if self.fails:
            raise StoreError("sqlite://", "it is gone", "wait")
        return super().advance(now, limit)


def ended(name: str, after: float) -> Stream:
    """Return a call that ends so many seconds after the start. Its timer is due 30 s later."""
    return stream(name).connected().after(after).disconnected("peer")


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop go on until something is so. It is a matter of turns, not of time."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 (no event: what is waited for happens in the code under test)
            await asyncio.sleep(0)


def test_an_event_wakes_the_timers_only_if_its_deadline_is_before_their_next_look() -> None:
    looks: list[int] = []

    async def run(inbox: Counting) -> None:
        runner = TimerRunner(inbox, delay=2 * SECOND, look_again=60 * SECOND, clock=lambda: START)
        running = asyncio.create_task(runner.run())
        await until(lambda: runner._next_look == START + 60 * SECOND)  # noqa: SLF001 (nothing else says that it waits)

        async def take(events: tuple[Event, ...]) -> None:
            before = inbox.looks
            for one in events:
                await asyncio.to_thread(inbox.add, one, one.received)
            await until(lambda: runner._next_look is not None)  # noqa: SLF001 (as above)
            await asyncio.sleep(0)
            looks.append(inbox.looks - before)

        for number in range(20):
            await take(stream(f"s{number}").alerting().events)
        await take(ended("later", 60).events)  # due at 92 s, and the next look is at 60 s
        await take(ended("earlier", 10).events)  # due at 42 s
        await until(lambda: runner._next_look == START + 42 * SECOND)  # noqa: SLF001 (as above)
        await take(ended("between", 20).events)  # due at 52 s, after the next look
        runner.stop()
        await running

    with Store("sqlite://", TIMED) as store:
        asyncio.run(run(Counting(store)))

    assert looks[:21] == [0] * 21
    assert sum(looks[21:]) <= 1


def test_a_request_does_not_look_at_the_timers() -> None:
    with Store("sqlite://") as store:
        inbox = Counting(store)

        async def run() -> None:
            from cobrowse_session.service import Service  # noqa: PLC0415 (beside what it runs)

            service = Service(inbox)
            service.timers.look_again = HOUR
            async with service.running():
                service.timers.look_again = HOUR
                await until(lambda: inbox.looks > 0)
                for number in range(50):
                    await service.take(event(session=f"s{number}"))

        asyncio.run(run())

        assert inbox.looks <= 2


def test_old_sessions_are_forgotten_in_slices_once_their_messages_were_acknowledged() -> None:
    now = START + 100 * DAY
    with Store("sqlite://", TIMED) as store:
        inbox = DurableInbox(store, seal_after=HOUR)
        runner = TimerRunner(inbox, slice=3, forget_after=90 * DAY, clock=lambda: now)
        store.append([one for number in range(10) for one in ended(f"s{number}", number).events])
        recent = stream("recent").after(20 * DAY).connected().after(60).disconnected("peer").events
        store.append([*recent, *stream("open").connected().events])
        while runner._step()[0]:  # noqa: SLF001 (one slice)
            pass

        assert store.count() == 12  # nothing was acknowledged
        store.outbox.acknowledge(store.outbox.pending(1000))
        runner._next_forgetting = None  # noqa: SLF001 (a minute later)
        steps = 0
        while runner._step()[0]:  # noqa: SLF001 (as above)
            steps += 1

        assert steps >= 3
        assert [one.id for one in store.find().sessions] == ["open", "recent"]
        assert runner._step()[0] is False  # noqa: SLF001 (as above)


def test_an_outage_of_the_timers_alone_is_logged_once_and_its_end_without_any_event(caplog: pytest.LogCaptureFixture) -> None:
    with Store("sqlite://", TIMED) as store:
        inbox = Counting(store)

        async def run() -> None:
            from cobrowse_session.service import Guard, Service, read_tokens  # noqa: PLC0415 (beside what it runs)

            service = Service(inbox, Guard(read_tokens("desk read K1ClGmVxQhZ0zZ7m")))
            async with service.running():
                service.timers.look_again = timedelta(0)
                inbox.fails = True
                await until(lambda: service.timers.failure is not None)
                taken: Any = await service.take(call())
                assert len(taken.answers) == 3  # events are stored meanwhile
                before = inbox.looks
                await until(lambda: inbox.looks > before + 3)
                inbox.fails = False
                await until(lambda: service.timers.failure is None)

        asyncio.run(run())

    logged = [record.getMessage().partition(":")[0] for record in caplog.records if record.name == "cobrowse_session.service"]
    assert logged == ["no timer can fire", "timers fire again"]


def test_the_service_passes_on_what_it_forgets() -> None:
    with served(forget_after=DAY) as here:
        assert here.service.timers.forget_after == DAY


@pytest.mark.parametrize(
    ("make", "name", "wanted"),
    [
        (Service, "inbox", "DurableInbox"),
        (Service, "guard", "Guard"),
        (Service, "delay", "timedelta"),
        (TimerRunner, "inbox", "DurableInbox"),
        (TimerRunner, "delay", "timedelta"),
        (TimerRunner, "look_again", "timedelta"),
    ],
)
def test_an_argument_of_another_type_is_an_error_where_it_is_given(make: Callable[..., object], name: str, wanted: str) -> None:
    with Store("sqlite://") as store, pytest.raises(TypeError, match=f"{name}: expected a {wanted}, found 2$"):
        make(**{"inbox": DurableInbox(store), name: 2})
