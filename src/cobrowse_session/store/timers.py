"""The timers of an inbox, run by asyncio: fired when they are due, in slices, until they are told to stop."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import define, field

from cobrowse_session.errors import StoreError
from cobrowse_session.io.answers import Advanced
from cobrowse_session.io.receiver import current_time
from cobrowse_session.store.inbox import DurableInbox

SHORTEST_PAUSE = timedelta(milliseconds=20)
"""The time between two looks, if what is due did not fire."""


@define(eq=False)
class TimerRunner:
    """Fires what is due in a durable inbox.

    It waits for the next deadline, and looks again at least every `look_again`: another worker may have stored one, and sessions
    are sealed. The database is used in a thread, so that the event loop goes on.

    Args:
        inbox: its timers.
        delay: how long after its deadline a timer fires, on our clock: as long as events take to arrive.
        slice: how many sessions one call may change. Between two calls the runner can be stopped.
        look_again: the longest time between two looks.
        told: called with what each call did, if that is anything.
        failed: called with an error of the store. The runner tries again after `look_again`. None: the error ends the runner.
        clock: returns the time, on our clock.

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
    told: Callable[[Advanced], object] | None = None
    failed: Callable[[StoreError], object] | None = None
    clock: Callable[[], datetime] = current_time
    _woken: asyncio.Event = field(factory=asyncio.Event, init=False, repr=False)
    failure: StoreError | None = field(default=None, init=False)
    """The error of the latest look. None: the database worked."""
    _stopped: bool = field(default=False, init=False)

    async def run(self) -> None:
        """Fire what is due until `stop`. What has begun is finished and committed.

        Raises:
            StoreError: the database cannot be used, and nobody wants to know.
        """
        while not self._stopped:
            try:
                more, pause = await asyncio.to_thread(self._step)
                self.failure = None
            except StoreError as error:
                if self.failed is None:
                    raise
                self.failure = error
                self.failed(error)
                more, pause = False, self.look_again
            if not more:
                await self._wait(pause)

    def wake(self) -> None:
        """Look again at once: an event may have set an earlier deadline. For the thread of the event loop."""
        self._woken.set()

    def stop(self) -> None:
        """End `run`, after the slice that is being done. For the thread of the event loop."""
        self._stopped = True
        self._woken.set()

    def _step(self) -> tuple[bool, timedelta]:
        """Fire one slice. Return whether there is more, and how long to wait if there is not."""
        advanced = self.inbox.advance(self.clock() - self.delay, self.slice)
        if self.told is not None and (advanced.changes or advanced.sealed):
            self.told(advanced)
        deadline = self.inbox.deadline
        until = self.look_again if deadline is None else deadline + self.delay - self.clock()
        # What is due and did not fire is locked by another worker. It is looked at again, but not without a pause.
        return advanced.more, min(until, self.look_again) if until > timedelta(0) else SHORTEST_PAUSE

    async def _wait(self, pause: timedelta) -> None:
        try:
            await asyncio.wait_for(self._woken.wait(), pause.total_seconds())
        except TimeoutError:
            return
        self._woken.clear()
