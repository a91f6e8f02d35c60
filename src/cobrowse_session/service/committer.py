"""One transaction for the documents of many requests.

A commit waits for the disk, and that takes longer than everything else. So while one transaction is written, the documents that
arrive are collected, and the next transaction takes all of them. Example, a disk that needs 1 ms: one request after the other
gives 1,000 documents a second. With 50 requests at once each transaction has about 50 documents.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import define, field

from cobrowse_session.errors import StoreError
from cobrowse_session.io.answers import Taken
from cobrowse_session.service.tracing import link, transaction_span
from cobrowse_session.store import DurableInbox

if TYPE_CHECKING:
    from opentelemetry.trace import Link, Tracer

MOST = 100
"""The number of documents of one transaction."""

_Waiting = tuple[object, "asyncio.Future[Taken]", "Link | None"]


@define(eq=False)
class Committer:
    """Takes documents for an inbox, several in one transaction.

    Args:
        inbox: it gets them.
        clock: returns the time, on our clock. Documents arrive at the time of their transaction.
        tracer: it gets a span for each transaction. None: nobody does.
    """

    inbox: DurableInbox
    clock: Callable[[], datetime]
    tracer: "Tracer | None" = None
    _queue: "asyncio.Queue[_Waiting | None]" = field(factory=asyncio.Queue, init=False, repr=False)

    async def take(self, document: object) -> Taken:
        """Return the result of a document, after it was stored.

        Raises:
            StoreError: it could not be stored. Nothing has changed.
        """
        result: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((document, result, link(self.tracer)))
        return await result

    async def run(self) -> None:
        """Store what comes, until `stop`. What came before that is stored."""
        while (first := await self._queue.get()) is not None:
            await self._arrived()
            some, is_last = [first], False
            while len(some) < MOST and not self._queue.empty() and not is_last:
                one = self._queue.get_nowait()
                is_last = one is None
                some += [] if one is None else [one]
            await self._take(some)
            if is_last:
                return

    async def _arrived(self) -> None:
        """Let the requests that have arrived come to the queue, without waiting for others."""
        # Example: 16 senders get their answers, and each sends its next event. The first one would have a transaction of its own,
        # and the 15 others would wait for two. The event loop needs two turns from a socket to the queue. While turns bring more,
        # there are more turns. One sender alone waits for two turns without work, some microseconds.
        known = -1
        while known < self._queue.qsize() < MOST:
            known = self._queue.qsize()
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    def stop(self) -> None:
        """End `run`."""
        self._queue.put_nowait(None)

    async def _take(self, some: Sequence[_Waiting]) -> None:
        try:
            attributes, links = {"cobrowse.documents": len(some)}, [one for _, _, one in some if one is not None]
            with transaction_span(self.tracer, "cobrowse.transaction", attributes, links):
                taken = await asyncio.to_thread(self.inbox.take_each, [document for document, _, _ in some], self.clock())
        except Exception as error:  # noqa: BLE001 (each sender gets it)
            if len(some) > 1 and not isinstance(error, StoreError):
                for one in some:  # one document is to blame, and the others are innocent
                    await self._take([one])
                return
            for _, result, _ in some:
                if not result.done():
                    result.set_exception(error)
        else:
            for (_, result, _), answer in zip(some, taken, strict=True):
                if not result.done():  # the sender may have gone
                    result.set_result(answer)
