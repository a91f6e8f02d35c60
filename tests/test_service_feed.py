"""The feed of changes: however many readers, and however they read and resume, each gets every message once, in order."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import count
from threading import Event
from typing import TypeVar, cast

import httpx2
import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import examples
from tests.serving import NOW, event
from tests.stores import Place, rows

from cobrowse_session.errors import StoreError
from cobrowse_session.service import Service
from cobrowse_session.service import feed as module
from cobrowse_session.service.feed import Feed
from cobrowse_session.store import DurableInbox, Message, Outbox, Store
from cobrowse_session.store.schema import MESSAGES
from cobrowse_session.testing import stream

T = TypeVar("T")


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    """Let the feed look again at once, and keep two or three messages in memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAUSE", 0)
        patch.setattr(module, "POLL", 0.01)
        patch.setattr(module, "AT_ONCE", 4)
        patch.setattr(module, "PIECE", 1500)
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

    def feed(self, after: str, limit: int, max_bytes: int) -> tuple[Message, ...]:
        return self._read(lambda: self.outbox.feed(after, limit, max_bytes))

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
        piece = await anext(self.lines)
        found = re.findall(rb"^id: (\S+)$", piece, re.MULTILINE)
        assert piece.strip().rfind(b"\n\n") < 2 * module.PIECE, "no further message is sent after so many bytes"
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


def test_a_reader_gets_what_is_in_memory_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 1 << 20)

    async def play() -> None:
        async with world() as here:
            here.append(1)
            quick, slow = (Reader(here.feed, here.positions[-1]) for _ in range(2))
            waiting = [asyncio.create_task(reader.read()) for reader in (quick, slow)]
            for _ in range(10):
                here.append(3)
                await quick.read_to(here.positions[-1]) if waiting[0].done() else await waiting[0]
            await waiting[1]
            pieces = 1
            while slow.position != here.positions[-1]:
                await slow.read()
                pieces += 1

            assert slow.seen == here.positions[2:]
            assert pieces >= 10

    asyncio.run(play())


@pytest.mark.parametrize("what", ["readers that catch up", "acknowledgements"])
def test_an_event_is_stored_at_once_however_many_others_wait_for_the_store(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, gate = list[object](), Event()

    def wait(*arguments: object) -> tuple[Message, ...]:
        entered.append(arguments)
        gate.wait(30)
        return ()

    monkeypatch.setattr(Outbox, "feed" if what == "readers that catch up" else "acknowledge", wait)

    async def play(service: Service, client: httpx2.AsyncClient) -> str:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(4))
        async with service.running(), client:
            waiting = [
                asyncio.ensure_future(
                    Reader(service.feed, "0-0").read()
                    if what == "readers that catch up"
                    else client.post("/messages/acknowledged", json={"ids": [1]})
                )
                for _ in range(10)
            ]
            while len(entered) < 2:  # noqa: ASYNC110 (nothing else says that they wait)
                await asyncio.sleep(0)
            for _ in range(100):
                await asyncio.sleep(0)
            try:
                taken = await asyncio.wait_for(service.take(event()), 10)
            finally:
                gate.set()
                for task in waiting:
                    task.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)
            return taken.answers[0].outcome.kind

    with Store("sqlite://") as store:
        service = Service(DurableInbox(store))
        transport = httpx2.ASGITransport(service.app)
        assert asyncio.run(play(service, httpx2.AsyncClient(transport=transport, base_url="http://test"))) == "applied"


def test_messages_are_read_up_to_a_number_of_bytes_and_none_is_missed(place: Place) -> None:
    store = place.open()
    inbox = DurableInbox(store)
    for number in range(12):
        inbox.take(event(session=f"s{number}", data={"peerId": "p" * 1000 * (number % 4)}), NOW)
    every = store.outbox.feed(limit=100)
    sizes = [len(row["document"]) for row in rows(store, MESSAGES)]

    for most in (1, 3000, 10_000, 10**9):
        read: list[Message] = []
        while part := store.outbox.feed(read[-1].position if read else None, 100, most):
            read += part
            first = len(read) - len(part)
            assert sum(sizes[first : len(read) - 1]) < most
            assert most > 1 or len(part) == 1

        assert read == [*every]
    assert len(store.outbox.feed(None, 3, 10**9)) == 3
    assert store.outbox.pending(100, 3000) == every[: len(store.outbox.pending(100, 3000))] != every
    assert len(store.outbox.pending(100, 10**9)) == len(every)


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
