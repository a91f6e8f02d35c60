"""One transaction for the documents of many requests.

A commit waits for the disk, and that takes longer than everything else. So while one transaction is written, the documents that
arrive are collected, and the next transaction takes all of them. Example, a disk that needs 1 ms: one request after the other
gives 1,000 documents a second. With 50 requests at once each transaction has about 50 documents.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import TYPE_CHECKING

from attrs import define, field

from cobrowse_session.errors import StoreError, UnreadableError
from cobrowse_session.io.answers import Received, Taken
from cobrowse_session.io.replay import Rejected
from cobrowse_session.service.tracing import span
from cobrowse_session.store import DurableInbox
from cobrowse_session.wire.strict_json import decode_error, dump

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

MOST = 100
"""The number of documents of one transaction."""

_Waiting = tuple[object, "asyncio.Future[Taken]"]


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
        self._queue.put_nowait((document, result))
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
            with span(self.tracer, "cobrowse.transaction", {"cobrowse.documents": len(some)}):
                taken = await asyncio.to_thread(self._taken, [document for document, _ in some], self.clock())
        except Exception as error:  # noqa: BLE001 (each sender gets it)
            if len(some) > 1 and (isinstance(error, UnreadableError) or not isinstance(error, StoreError)):
                for one in some:  # one document is to blame, and the others are innocent
                    await self._take([one])
                return
            for _, result in some:
                if not result.done():
                    result.set_exception(error)
        else:
            for (_, result), answer in zip(some, taken, strict=True):
                if not result.done():  # the sender may have gone
                    result.set_result(answer)

    def _taken(self, documents: Sequence[object], now: datetime) -> Sequence[Taken]:
        """Return the results of documents. A document alone is taken without its events of sessions that cannot be read."""
        unreadable: list[str] = []
        while True:
            try:
                return self.inbox.take_each(documents, now) if not unreadable else [self._without(unreadable, documents[0], now)]
            except UnreadableError as error:
                # That of a payload is known only after it was converted. So the payload fails with all that came with it.
                if len(documents) > 1 or error.session in unreadable:
                    raise
                unreadable.append(error.session)

    def _without(self, sessions: Sequence[str], document: object, now: datetime) -> Taken:
        """Return the result of a document, with the events of some sessions rejected."""
        # Example: b cannot be read. The events a, b, c and d are taken as [a] and [c, d], in one transaction.
        runs, answers = [list[object]()], list[Received | Rejected]()
        rejected: list[Rejected] = []
        for part in document if isinstance(document, list) else [document]:
            if isinstance(part, Mapping) and part.get("subject") in sessions:
                error = decode_error("unreadable_session", "$.subject", part["subject"], "a session whose rows can be read")
                rejected.append(Rejected.of(error, None, dump(part).encode()))
                runs.append([])
            else:
                runs[-1].append(part)
        every = self.inbox.take_each(runs, now)
        for taken, one in zip_longest(every, rejected):
            answers += taken.answers if one is None else (*taken.answers, one)
        warnings = tuple(warning for taken in every for warning in taken.warnings)
        return Taken(tuple(answers), warnings, tuple(kind for taken in every for kind in taken.skipped))
