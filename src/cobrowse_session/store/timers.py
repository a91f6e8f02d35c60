"""The timers of an inbox, run by asyncio: fired when they are due, in slices, until they are told to stop."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import define, field

from cobrowse_session.checks import check_type
from cobrowse_session.errors import StoreError
from cobrowse_session.io.answers import Advanced
from cobrowse_session.io.receiver import current_time
from cobrowse_session.io.waiting import horizon_of, later
from cobrowse_session.store.inbox import DurableInbox

SHORTEST_PAUSE = timedelta(milliseconds=20)
"""The time between two looks, if what is due did not fire."""
FORGET_EVERY = timedelta(minutes=1)
"""The time between two searches for sessions to forget."""


@define(eq=False)
class TimerRunner:
    """Fires what is due in a durable inbox.

    It waits for the next deadline. A transaction of this inbox that sets an earlier one wakes it. It looks again at least every
    `look_again`: another worker may have stored one, and sessions are sealed. The database is used in a thread, so that the event
    loop goes on.

    Args:
        inbox: its timers.
        delay: how long after its deadline a timer fires, on our clock: as long as events take to arrive.
        slice: how many sessions one call may change. Between two calls the runner can be stopped.
        look_again: the longest time between two looks.
        forget_after: forget sealed sessions so long after their latest event, once their messages were handed over. None: never.
        told: called with what each call did, if that is anything. In a thread.
        failed: called with an error of the store. The runner tries again after `look_again`. None: the error ends the runner.
        worked: called after each look that the database allowed.
        clock: returns the time, on our clock.

    Raises:
        TypeError: an argument of another type, as a `Store` in place of its inbox.

    >>> from cobrowse_session.store import Store
    >>> async def serve() -> None:
    ...     with Store("sqlite://") as store:
    ...         runner = TimerRunner(DurableInbox(store))
    ...         timers = asyncio.create_task(runner.run())
    ...         runner.stop()
    ...         await timers
    >>> asyncio.run(serve())
    """

    inbox: DurableInbox
    delay: timedelta = timedelta(seconds=2)
    slice: int = 100
    look_again: timedelta = timedelta(seconds=1)
    forget_after: timedelta | None = None
    told: Callable[[Advanced], object] | None = None
    failed: Callable[[StoreError], object] | None = None
    worked: Callable[[], object] | None = None
    clock: Callable[[], datetime] = current_time
    _woken: asyncio.Event = field(factory=asyncio.Event, init=False, repr=False)
    _next_look: datetime | None = field(default=None, init=False, repr=False)  # None: it is being done
    _next_forgetting: datetime | None = field(default=None, init=False, repr=False)
    failure: StoreError | None = field(default=None, init=False)
    """The error of the latest look. None: the database worked."""
    _stopped: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        for name, wanted in (("inbox", DurableInbox), ("delay", timedelta), ("look_again", timedelta)):
            check_type(f"TimerRunner: {name}", getattr(self, name), wanted)

    async def run(self) -> None:
        """Fire what is due until `stop`. What has begun is finished and committed.

        Raises:
            StoreError: the database cannot be used, and nobody wants to know.
        """
        loop = asyncio.get_running_loop()
        self.inbox.deadline_set = lambda deadline: loop.call_soon_threadsafe(self._wake_for, deadline)
        try:
            while not self._stopped:
                await self._look()
        finally:
            self.inbox.deadline_set = None

    async def _look(self) -> None:
        self._next_look = None
        try:
            more, pause = await asyncio.to_thread(self._step)
        except StoreError as error:
            if self.failed is None:
                raise
            self.failure = error
            self.failed(error)
            more, pause = False, self.look_again
        else:
            self.failure = None
            if self.worked is not None:
                self.worked()
        if not more:
            await self._wait(pause)

    def wake(self) -> None:
        """Look again at once. For the thread of the event loop."""
        self._woken.set()

    def _wake_for(self, deadline: datetime) -> None:
        """Look again at once if a deadline is due before the next look."""
        # Example: the next look is at 10:00:01. After-call work that times out at 10:00:30 wakes nobody. Most deadlines are so
        # far away, and a look costs as much as the transaction of an event. While a look is done, it may have missed the
        # deadline, so there is another one.
        if self._next_look is None or later(deadline, self.delay) < self._next_look:
            self.wake()

    def stop(self) -> None:
        """End `run`, after the slice that is being done. For the thread of the event loop."""
        self._stopped = True
        self._woken.set()

    def _step(self) -> tuple[bool, timedelta]:
        """Fire one slice. Return whether there is more, and how long to wait if there is not."""
        advanced = self.inbox.advance(horizon_of(self.clock(), self.delay), self.slice)
        if self.told is not None and (advanced.changes or advanced.sealed):
            self.told(advanced)
        if advanced.more or self._forget():
            return True, SHORTEST_PAUSE
        deadline = self.inbox.deadline
        until = self.look_again if deadline is None else later(deadline, self.delay) - self.clock()
        # What is due and did not fire is locked by another worker. It is looked at again, but not without a pause.
        return False, min(until, self.look_again) if until > timedelta(0) else SHORTEST_PAUSE

    def _forget(self) -> bool:
        """Forget one slice, if it is time. Return whether there is more."""
        now = self.clock()
        if self.forget_after is None:
            return False
        # A time further ahead than that is of a clock that was wrong.
        if self._next_forgetting is not None and timedelta(0) < self._next_forgetting - now <= FORGET_EVERY:
            return False
        more = self.inbox.store.forget(horizon_of(now, self.forget_after), self.slice) == self.slice
        self._next_forgetting = now if more else now + FORGET_EVERY
        return more

    async def _wait(self, pause: timedelta) -> None:
        self._next_look = self.clock() + pause
        try:
            await asyncio.wait_for(self._woken.wait(), pause.total_seconds())
        except TimeoutError:
            return
        self._woken.clear()
