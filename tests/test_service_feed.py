"""The feed of changes: however many readers, and however they read and resume, each gets every message once, in order."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import TypeVar, cast

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import examples

from cobrowse_session.errors import StoreError
from cobrowse_session.service import feed as module
from cobrowse_session.service.feed import Feed
from cobrowse_session.store import Message, Outbox, Store
from cobrowse_session.testing import stream

T = TypeVar("T")


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    """Let the feed look again at once, and keep two or three messages in memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAUSE", 0)
        patch.setattr(module, "POLL", 0.01)
        patch.setattr(module, "AT_ONCE", 4)
        patch.setattr(module, "MAX_BYTES", 3000)
        yield


@define(eq=False)
class Counting:
    """An outbox that counts how often it is read, and fails when it is told to."""

    outbox: Outbox
    reads: int = 0
    is_broken: bool = False

    @property
    def end(self) -> str:
        return self._read(lambda: self.outbox.end)

    def feed(self, after: str, limit: int) -> tuple[Message, ...]:
        return self._read(lambda: self.outbox.feed(after, limit))

    def _read(self, read: Callable[[], T]) -> T:
        self.reads += 1
        if self.is_broken:
            raise StoreError("sqlite://", "it is gone", "wait")
        return read()


@define(eq=False)
class Reader:
    """A reader of the feed, who can go away and come again where he was."""

    feed: Feed
    position: str
    seen: list[str] = field(factory=list)
    lines: AsyncIterator[bytes] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.lines = self.feed.follow(self.position)

    async def read(self) -> None:
        """Read what comes next."""
        found = re.findall(rb"^id: (\S+)$", await anext(self.lines), re.MULTILINE)
        self.seen += [position.decode() for position in found]
        self.position = self.seen[-1] if self.seen else self.position

    async def resume(self) -> None:
        """Go away, and come again."""
        await self.lines.aclose()  # type: ignore[attr-defined]  # it is a generator
        self.lines = self.feed.follow(self.position)

    async def read_to(self, position: str, *, ends: int = 0) -> list[str]:
        """Read up to a position, and return all positions that were read. The stream may end so often, and is resumed."""
        while self.position != position:
            try:
                await asyncio.wait_for(self.read(), 10)
            except StopAsyncIteration:
                assert ends, "the stream ended"
                ends -= 1
                await self.resume()
        return self.seen


@define
class World:
    """A store, its feed and what was stored."""

    store: Store
    outbox: Counting
    feed: Feed
    numbers: Iterator[int] = field(factory=count)

    def append(self, number: int) -> None:
        """Store so many events, each of a session of its own, so each is a message."""
        self.store.append([stream(f"s{next(self.numbers)}").alerting().events[0] for _ in range(number)])
        self.feed.look()

    @property
    def positions(self) -> list[str]:
        """The positions of all messages."""
        return ["0-0", *(message.position for message in self.store.outbox.feed(limit=10_000))]


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """Run a feed."""
    with Store("sqlite://") as store:
        outbox = Counting(store.outbox)
        feed = Feed(cast(Outbox, outbox))
        feed.is_on = True
        task = asyncio.create_task(feed.run())
        try:
            yield World(store, outbox, feed)
        finally:
            feed.stop()
            await task


READERS = st.integers(0, 2)
STEPS = st.lists(
    st.tuples(st.just("append"), st.integers(1, 9))
    | st.tuples(st.sampled_from(["read", "resume"]), READERS)
    | st.tuples(st.just("let others run"), st.just(0)),
    max_size=25,
)


@examples(60)
@given(steps=STEPS, starts=st.tuples(*[st.integers(0, 5)] * 3))
def test_each_reader_gets_every_message_once_and_in_order_wherever_it_begins_and_resumes(
    steps: list[tuple[str, int]], starts: tuple[int, int, int]
) -> None:
    async def play() -> None:
        async with world() as here:
            here.append(5)
            readers = [Reader(here.feed, here.positions[start]) for start in starts]
            for what, number in steps:
                if what == "append":
                    here.append(number)
                elif what == "resume":
                    await readers[number].resume()
                elif what == "read" and readers[number].position != here.positions[-1]:
                    await asyncio.wait_for(readers[number].read(), 10)
                else:
                    await asyncio.sleep(0.001)
            every = here.positions
            for reader, start in zip(readers, starts, strict=True):
                assert await reader.read_to(every[-1]) == every[start + 1 :]

    asyncio.run(play())


def test_a_hundred_readers_cost_as_many_reads_of_the_store_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL", 10)

    async def play() -> None:
        async with world() as here:
            readers = [Reader(here.feed, "0-0") for _ in range(100)]
            reads = []
            for _ in range(3):
                waiting = [asyncio.create_task(reader.read()) for reader in readers]
                while here.feed._readers < 100:  # noqa: ASYNC110, SLF001 (nothing else says that they wait)
                    await asyncio.sleep(0)
                before = here.outbox.reads
                here.append(1)
                await asyncio.gather(*waiting)
                reads.append(here.outbox.reads - before)

            assert max(reads[1:]) <= 2
            assert {tuple(reader.seen) for reader in readers} == {tuple(here.positions[1:])}

    asyncio.run(play())


def test_a_reader_that_is_slow_does_not_fill_the_memory_and_misses_nothing() -> None:
    async def play() -> None:
        async with world() as here:
            here.append(1)
            quick, slow = (Reader(here.feed, "0-0") for _ in range(2))
            await slow.read()
            for _ in range(20):
                here.append(3)
                await quick.read_to(here.positions[-1])
            recent = here.feed._recent  # noqa: SLF001 (how much memory it needs)

            assert recent is not None
            assert sum(map(len, recent.events)) <= module.MAX_BYTES
            assert await slow.read_to(here.positions[-1]) == quick.seen == here.positions[1:]

    asyncio.run(play())


def test_a_store_that_fails_ends_all_streams_and_readers_go_on_when_it_works_again() -> None:
    async def play() -> None:
        async with world() as here:
            here.append(3)
            readers = [Reader(here.feed, "0-0"), Reader(here.feed, here.positions[-1])]
            await readers[0].read_to(here.positions[-1])
            here.outbox.is_broken = True
            for reader in readers:
                with pytest.raises(StopAsyncIteration):
                    await asyncio.wait_for(anext(reader.lines), 10)
            here.outbox.is_broken = False
            here.append(2)
            for reader in readers:
                await reader.resume()

            # A look at the store that began while it failed may end a stream once more.
            assert await readers[0].read_to(here.positions[-1], ends=1) == here.positions[1:]
            assert await readers[1].read_to(here.positions[-1], ends=1) == here.positions[4:]

    asyncio.run(play())


def test_a_reader_behind_messages_that_were_deleted_goes_on_with_the_next() -> None:
    async def play() -> None:
        async with world() as here:
            here.append(30)
            near = Reader(here.feed, here.positions[-1])
            waiting = asyncio.create_task(near.read())
            far = Reader(here.feed, "0-0")
            messages = here.store.outbox.pending(100)
            here.store.outbox.acknowledge(messages)
            here.store.outbox.trim(messages[-1].position)
            here.append(2)
            await waiting

            assert await far.read_to(here.positions[-1]) == here.positions[1:]
            assert len(far.seen) == 2

    asyncio.run(play())


def test_a_reader_without_news_gets_a_comment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING", 0.01)

    async def play() -> None:
        async with world() as here:
            assert await anext(here.feed.follow("0-0")) == b": ping\n\n"

    asyncio.run(play())
