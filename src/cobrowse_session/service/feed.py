"""The changes of a store for any number of readers: read once in this process, and sent to all of them.

Theory of operation
===================

A reader is at a position in the feed of the store (`Outbox.feed`). One task reads what is new, makes the bytes of each message
once, and keeps the latest ones in memory. A reader gets what is behind its position:

    position                              where its messages come from
    as old as those in memory, or newer   memory; if there is nothing newer, it waits until the task has found something
    older                                 the store, in parts, until it has caught up with those in memory

So there is no queue for each reader. A slow one falls behind and goes on from the store, and the others do not wait for it.
Nothing is missed or sent twice, because memory has everything that is stored between its first and its last position.

A reader gets some messages at once, and the others when it has read these. So one that does not read costs little memory. Those
that read from the store take turns. They need not be quick, and the senders of events must not wait for them.

If the store fails, all streams end. The readers come again with the position of the last message that they read.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress

from attrs import define, field
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from cobrowse_session.errors import StoreError, UnreadableError
from cobrowse_session.service.views import message_json
from cobrowse_session.store import Message, Outbox
from cobrowse_session.store.outbox import read_position
from cobrowse_session.wire.strict_json import dump

POLL = 0.5
"""The seconds between two looks for changes that another worker stored."""
PAUSE = 0.05
"""The seconds between two looks at least. What is stored meanwhile goes to each reader in one piece."""
PING = 15.0
"""The seconds after which a reader without news gets a comment, so that nobody takes its connection for dead."""
AT_ONCE = 100
"""The number of messages that are read at once."""
PIECE = 64 << 10
"""The bytes of messages that are read and sent at once. The last message may be longer."""
MAX_BYTES = 4 << 20
"""The bytes of messages that stay in memory."""


@define
class Part:
    """Messages that follow each other.

    Attributes:
        after: the position before the first one.
        positions: the position of each.
        events: each one, as a server-sent event.
    """

    after: str
    positions: list[str] = field(factory=list)
    events: list[bytes] = field(factory=list)

    @classmethod
    def of(cls, after: str, messages: tuple[Message, ...]) -> "Part":
        """Return the part that messages are."""
        return cls(after, [one.position for one in messages], [_event(one) for one in messages])

    @property
    def end(self) -> str:
        """The position of the last message."""
        return self.positions[-1] if self.positions else self.after

    def reaches(self, position: str) -> bool:
        """Return whether everything behind a position is here, as far as it was read."""
        return _place(position) >= _place(self.after)

    def behind(self, position: str) -> tuple[bytes, str]:
        """Return the next messages behind a position, and the position of the last one. Empty: there are none."""
        first = last = bisect_right(self.positions, _place(position), key=_place)
        size = 0
        while last < len(self.events) and size < PIECE:
            size += len(self.events[last])
            last += 1
        return b"".join(self.events[first:last]), self.positions[last - 1] if last > first else position

    def extend(self, part: "Part") -> None:
        """Add the messages that follow, and forget the first ones if there are too many."""
        self.positions += part.positions
        self.events += part.events
        left, gone = sum(map(len, self.events)), 0
        while left > MAX_BYTES:
            left -= len(self.events[gone])
            gone += 1
        if gone:
            self.after = self.positions[gone - 1]
            del self.positions[:gone], self.events[:gone]


def _place(position: str) -> tuple[int, int]:
    """Return the place of a position in its epoch. All positions here are of one: another one is refused before."""
    _, transaction, number = read_position(position)
    return transaction, number


def _event(message: Message) -> bytes:
    return format_sse_event(data_str=dump(message_json(message)), event=message.kind, id=message.position)


def _unreadable(error: UnreadableError) -> bytes:
    return format_sse_event(data_str=dump({"session": str(error.session)}), event="unreadable", id=error.position)


@define(eq=False)
class Feed:
    """Follows the outbox of a store for its readers, in one event loop.

    Args:
        outbox: it has the messages.
    """

    outbox: Outbox
    is_on: bool = field(default=False, init=False)
    """Set it before `run`. False: all streams end."""
    _readers: int = field(default=0, init=False)
    _recent: Part | None = field(default=None, init=False, repr=False)  # None: nothing was read yet
    _failures: int = field(default=0, init=False)
    _turn: asyncio.Lock = field(factory=asyncio.Lock, init=False, repr=False)
    _stored: asyncio.Event = field(factory=asyncio.Event, init=False, repr=False)
    _news: "asyncio.Future[None] | None" = field(default=None, init=False, repr=False)

    # --- The task -------------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Read what is new, while there are readers, until `stop`."""
        while self.is_on:
            self._stored.clear()
            if not self._readers:
                self._recent = None  # the next reader may come much later
                await self._stored.wait()
            elif not await self._look():
                await asyncio.sleep(PAUSE)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stored.wait(), POLL)

    def look(self) -> None:
        """Look for news: something was stored. For the thread of the event loop."""
        self._stored.set()

    def stop(self) -> None:
        """End `run` and all streams. For the thread of the event loop."""
        self.is_on = False
        self._stored.set()
        self._wake()

    async def _look(self) -> bool:
        """Read a part of what is new. Return whether there may be more."""
        try:
            if self._recent is None:
                self._recent = Part(await asyncio.to_thread(lambda: self.outbox.end))
                self._wake()
                return False
            found = await asyncio.to_thread(self._read, self._recent.end)
        except StoreError:
            self._recent = None
            self._failures += 1
            self._wake()
            return False
        if found.positions:
            self._recent.extend(found)
            self._wake()
        # A message has about as many bytes in the store. If this guess is wrong, the rest comes a moment later.
        return len(found.positions) == AT_ONCE or 2 * sum(map(len, found.events)) > PIECE

    def _read(self, after: str) -> Part:
        try:
            return Part.of(after, self.outbox.feed(after, AT_ONCE, PIECE))
        except UnreadableError as error:  # the readers are told, and go on with the next message
            return Part(after, [error.position or after], [_unreadable(error)])

    # --- Readers --------------------------------------------------------------------------------------------------------------

    async def follow(self, position: str) -> AsyncIterator[bytes]:
        """Yield the messages after a position as server-sent events, until `stop` or until the store fails.

        Args:
            position: of the store, as it was checked.
        """
        failures = self._failures
        with self._counted():
            while self.is_on and failures == self._failures:
                recent = self._recent
                if recent is not None and recent.reaches(position):
                    found, position = recent.behind(position)
                    if found:
                        yield found
                    elif not await self._wait():
                        yield KEEPALIVE_COMMENT
                    continue
                # What is behind `position` and not behind `begin` is stored, and not in memory. If nothing is found, it was
                # deleted. During the await memory may forget messages that are stored after this look. `begin` is before them.
                begin = None if recent is None else recent.after
                try:
                    async with self._turn:
                        part = await asyncio.to_thread(self._read, position) if self.is_on else Part(position)
                except StoreError:
                    return
                if part.positions:
                    position = part.end
                    yield b"".join(part.events)
                elif begin is not None:
                    position = begin
                else:
                    await self._wait()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._readers += 1
        self._stored.set()
        try:
            yield
        finally:
            self._readers -= 1

    async def _wait(self) -> bool:
        """Wait for news. Return whether there are any."""
        # A future and no event: in `wait_for`, the wait for an event may begin after the event was set and cleared.
        if self._news is None:
            self._news = asyncio.get_running_loop().create_future()
        return bool((await asyncio.wait((self._news,), timeout=PING))[0])

    def _wake(self) -> None:
        if self._news is not None:
            self._news.set_result(None)
            self._news = None
