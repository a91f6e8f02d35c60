"""Async functions as observers."""

from asyncio import AbstractEventLoop, Lock, Task, current_task, get_running_loop
from collections import deque
from collections.abc import Awaitable, Callable
from weakref import WeakKeyDictionary

from attrs import define, field

from cobrowse_session.checks import shown
from cobrowse_session.stream import Change, SessionLog
from cobrowse_session.stream.observers import report_error


@define(eq=False)
class AsyncObserver:
    """An observer that keeps the changes, until `deliver` awaits an async function for each.

    Args:
        function: an async function of the log and its change. The log is as it is then: later events may have changed it.

    Raises:
        TypeError: it cannot be called.

    >>> import asyncio
    >>> from cobrowse_session import Lifecycle
    >>> from cobrowse_session.testing import stream
    >>> async def publish(log, change):
    ...     print(log.session_id, change)
    >>> publisher = AsyncObserver(publish)
    >>> log = SessionLog(Lifecycle(), "s1", observers=[publisher])
    >>> for event in stream("s1").alerting().after(3).connected():
    ...     change = log.add(event)
    >>> asyncio.run(publisher.deliver())
    s1 Change(applied, 1 new)
    s1 Change(applied, 1 new)
    """

    function: Callable[[SessionLog, Change], Awaitable[object]]
    _waiting: deque[tuple[SessionLog, Change]] = field(factory=deque, init=False)
    _locks: WeakKeyDictionary[AbstractEventLoop, Lock] = field(factory=WeakKeyDictionary, init=False, repr=False)
    _task: Task[object] | None = field(default=None, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(f"AsyncObserver: expected an async function of a log and a change, found {shown(self.function)}")

    def __call__(self, log: SessionLog, change: Change) -> None:
        """Keep a change until it is delivered."""
        self._waiting.append((log, change))

    async def deliver(self) -> None:
        """Await the function for each change that waits, one after the other, in the order of the changes.

        An exception of the function is reported to `logging`, and the next change is delivered. A change whose delivery is
        cancelled waits, and the next call delivers it again.

        Raises:
            RuntimeError: the function that is awaited calls it.
        """
        if self._task is not None and self._task is current_task():
            raise RuntimeError("AsyncObserver: the function awaits deliver, which awaits the function: return in place of it")
        # One lock for each loop: a lock works in one, and a loop that was closed in a delivery has never released its own.
        async with self._locks.setdefault(get_running_loop(), Lock()):  # a second task would overtake the first
            self._task = current_task()
            try:
                while self._waiting:
                    await self._deliver(self._waiting[0])
            finally:
                self._task = None

    async def _deliver(self, waiting: tuple[SessionLog, Change]) -> None:
        log, change = waiting
        try:
            await self.function(log, change)
        except Exception as error:  # noqa: BLE001 (as `notify` does)
            report_error(self, log, change, error)
        if self._waiting and self._waiting[0] is waiting:  # else another loop has delivered it meanwhile
            self._waiting.popleft()
