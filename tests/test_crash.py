"""Processes that are killed at any moment: what was answered is stored, once, and each timer and bill is there once."""

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO

import pytest
from attrs import define, evolve, field
from sqlalchemy import select
from tests.effort import share, soak_only
from tests.store_worker import BILLS, LIFECYCLE
from tests.stores import Databases, Place, a_server, assert_is_the_fold, postgresql_databases, proved, rows, stored_events
from tests.strategies import SECOND, at

from cobrowse_session import Event
from cobrowse_session.canonical import canonical
from cobrowse_session.store import DurableInbox, Store
from cobrowse_session.store.schema import MESSAGES
from cobrowse_session.testing import stream
from cobrowse_session.wire import encode_event

WORKER = Path(__file__).with_name("store_worker.py")
WAIT = 60
"""How many seconds an answer may take before a test fails."""


# --- Processes ----------------------------------------------------------------------------------------------------------------


class Worker:
    """A worker process, and what it has answered."""

    def __init__(self, role: str, url: str) -> None:
        command = [sys.executable, str(WORKER), role, url]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answers: Queue[str] = Queue()
        assert self.process.stdout is not None
        self._reader = Thread(target=self._read, args=(self.process.stdout,))
        self._reader.start()

    def _read(self, output: IO[str]) -> None:
        for line in output:
            if line.endswith("\n"):
                self.answers.put(line.strip())
        self.answers.put("")

    def send(self, line: str) -> None:
        """Send a batch. A worker that was killed does not read it."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def answer(self) -> str:
        """Wait for the next answer. Empty: the worker has ended."""
        return self.answers.get(timeout=WAIT)

    def kill(self) -> list[str]:
        """Kill it as the system does, with SIGKILL, and return the answers that nobody has read."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        left = []
        while True:
            try:
                left.append(self.answers.get_nowait())
            except Empty:
                return left


@contextmanager
def worker(role: str, url: str) -> Iterator[Worker]:
    """Run a worker, and kill it in the end."""
    one = Worker(role, url)
    try:
        yield one
    finally:
        one.kill()


# --- Senders ------------------------------------------------------------------------------------------------------------------


@define
class Batch:
    """What is sent at once."""

    number: int
    events: list[Event]
    advance: bool

    def line(self) -> str:
        """Return it as the worker reads it."""
        return json.dumps(
            {
                "number": self.number,
                "now": at(10_000).isoformat(),
                "events": [json.loads(encode_event(event)) for event in self.events],
                "advance": at(40 * self.number % 2000).isoformat() if self.advance else None,
            }
        )


def some_calls(chance: random.Random, sessions: int) -> list[Event]:
    """Events of many sessions, in no order, some of them more than once. In most sessions a timer is due."""
    made: list[Event] = []
    for number in range(sessions):
        call = stream(f"s{number}", start=at(chance.randrange(600)), delay=0.03)
        call = call.alerting(queue_id=chance.choice("ab")).after(3).connected().after(chance.randrange(60)).updated(peer_id="p")
        call = call.after(5).updated(cobrowse_role="viewer").after(chance.randrange(60)).disconnected("peer")
        if chance.random() < 0.3:
            call = call.after(chance.choice((20, 29.999, 31))).wrapup("sale")
        made += call.after(100).updated(viewer_url="https://v").after(1).updated(provider="acme").after(1).updated(peer_id="q")
    made += chance.choices(made, k=len(made) // 5)
    return sorted(made, key=lambda event: event.occurred_at + chance.randrange(300) * SECOND)


def batches_of(chance: random.Random, events: list[Event]) -> list[Batch]:
    """Cut events into batches. Now and then, what is due is fired."""
    made, left = list[Batch](), list(events)
    while left:
        size = chance.randrange(1, 12)
        made.append(Batch(len(made), left[:size], chance.random() < 0.3))
        del left[:size]
    return made


@define
class Sender:
    """Sends batches until each was answered, and again what was not."""

    chance: random.Random
    left: list[Batch]
    known: dict[int, Batch]
    answered: set[int] = field(factory=set)
    sent: list[Batch] = field(factory=list)

    def run(self, one: Worker, answers: int | None) -> None:
        """Send to a worker until it has given so many answers, or all, or has ended. Some batches are on their way then."""
        assert one.answer() == "ready"
        self.go_on(one, answers)

    def go_on(self, one: Worker, answers: int | None) -> None:
        """Send to a worker that is ready."""
        given = 0
        while self.left and (answers is None or given < answers):
            while self.left and len(self.sent) < 4:
                self.sent.append(self.left.pop(0))
                one.send(self.sent[-1].line())
            if not self.take(one.answer()):
                return
            given += 1
        while answers is None and self.sent and self.take(one.answer()):
            pass

    def take(self, answer: str) -> bool:
        """Note an answer, and return whether it was one."""
        if not answer:
            return False
        self.answered.add(int(answer))
        self.sent = [batch for batch in self.sent if batch.number != int(answer)]
        return True

    def died(self, unread: list[str]) -> None:
        """Note the answers that were on their way. What has none is sent again, and a part of what has one, too."""
        for answer in unread:
            if answer != "ready":
                self.take(answer)
        again = self.chance.sample(sorted(self.answered), min(3, len(self.answered)))
        self.left = [*self.sent, *(self.known[number] for number in again), *self.left]
        self.sent = []


# --- What must hold -----------------------------------------------------------------------------------------------------------


def check(store: Store, events: list[Event]) -> None:
    """Check that each session is the fold of what was sent, and that nothing is there twice."""
    sent: dict[str, set[str]] = {}
    for event in events:
        sent.setdefault(event.subject, set()).add(event.id)
    stored = stored_events(store)
    assert {session: {event.id for event in some} for session, some in stored.items()} == sent
    assert {session: len(some) for session, some in stored.items()} == {session: len(ids) for session, ids in sent.items()}
    for log in store.iterate():
        assert_is_the_fold(log, stored[log.session_id], log.advanced)
    assert proved(store) == len(sent)


def check_messages(store: Store) -> None:
    """Check that the messages are the history of the traces: each timer fired once, and was withdrawn at most as often."""
    told: dict[str, Counter[str]] = {}
    for message in store.outbox.feed(limit=10**6):
        rows_of = told.setdefault(message.stored.id, Counter())
        document = message.document
        gone = chain(document.get("withdrawn", ()), (before for before, _ in document.get("changed", ())))
        come = chain(document.get("new", ()), (after for _, after in document.get("changed", ())))
        rows_of.subtract(json.dumps(row) for row in gone)
        rows_of.update(json.dumps(row) for row in come)
    for log in store.iterate():
        counts = told[log.session_id]
        timers = [row for row in counts.elements() if '"timer.acw"' in row]
        expected = [entry for entry in log.trace if entry.event.kind == "timer.acw"]
        assert len(timers) == len(expected)
        assert all(count in (0, 1) for count in counts.values())
        assert +counts == Counter(dict.fromkeys(+counts, 1))
        assert sum(counts.values()) == len(log.trace)


def check_bills(store: Store) -> None:
    """Check that each message has one bill."""
    with store.database.reading() as connection:
        billed = Counter(connection.scalars(select(BILLS.c.message)))
    assert billed == Counter(row["id"] for row in rows(store, MESSAGES))


def finish(store: Store) -> None:
    """Fire what is still due."""
    while DurableInbox(store).advance(at(10**6)).more:
        pass
    assert store.deadline is None


# --- Killed -------------------------------------------------------------------------------------------------------------------


def kill_at_random_moments(place: Place, seed: int, *, kills: int, sessions: int) -> None:
    """Take events, kill the worker and the consumer again and again, and check everything in the end."""
    chance = random.Random(seed)
    events = some_calls(chance, sessions)
    batches = batches_of(chance, events)
    sender = Sender(chance, list(batches), {batch.number: batch for batch in batches})
    every = len(batches) // (kills + 1)
    with place.open(LIFECYCLE) as store, store.writing() as connection:
        BILLS.create(connection)
    consumer = Worker("bill", place.url)
    for _ in range(kills):
        one = Worker("take", place.url)
        try:
            sender.run(one, chance.randrange(1, 2 * every))
        finally:
            sender.died(one.kill())
        if chance.random() < 0.5:
            consumer.kill()
            consumer = Worker("bill", place.url)
    consumer.kill()
    with worker("take", place.url) as one:
        sender.run(one, None)
    assert sender.answered == {batch.number for batch in batches}

    store = place.open(LIFECYCLE)
    finish(store)
    with worker("bill", place.url) as last:
        while store.outbox.count():
            last.answer()
    check(store, events)
    check_messages(store)
    check_bills(store)


def test_whatever_is_killed_each_event_timer_and_bill_is_there_once(databases: Databases) -> None:
    with databases.place() as place:
        kill_at_random_moments(place, 1, kills=8, sessions=35)


@soak_only
def test_whatever_is_killed_a_hundred_times_each_event_timer_and_bill_is_there_once(databases: Databases) -> None:
    with databases.place() as place:
        kill_at_random_moments(place, 2, kills=100, sessions=2000)


def test_an_event_answered_is_on_disk(databases: Databases) -> None:
    with databases.place() as place:
        place.open(LIFECYCLE)
        call = stream("s1", delay=0.03).alerting().after(3).connected().after(60).disconnected("peer")
        answered = []
        for number, event in enumerate(call):
            with worker("take", place.url) as one:
                assert one.answer() == "ready"
                one.send(Batch(number, [event], advance=False).line())
                answered.append(one.answer())
                one.kill()
            assert {canonical(stored) for stored in stored_events(place.open(LIFECYCLE))["s1"]} == {
                canonical(sent) for sent in call.events[: number + 1]
            }
        assert answered == ["0", "1", "2"]


# --- The server, killed -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the processes of a server are listed by Linux")
def test_of_a_server_that_is_killed_while_a_worker_writes_nothing_is_lost_or_doubled() -> None:
    with a_server() as server, postgresql_databases(server).place() as place:
        chance = random.Random(3)
        events = some_calls(chance, 25)
        batches = batches_of(chance, events)
        sender = Sender(chance, list(batches), {batch.number: batch for batch in batches})
        place.open(LIFECYCLE)
        place.close()
        for number in range(share(10)):
            with worker("take", place.url) as one:
                sender.run(one, chance.randrange(1, 10))
                if number % 2:
                    server.kill()
                else:
                    server.stop("immediate")
                sender.go_on(one, None)  # what is on its way gets no answer
                sender.died(one.kill())
            server.start()
        with worker("take", place.url) as one:
            sender.run(one, None)
        assert sender.answered == {batch.number for batch in batches}

        store = place.open(LIFECYCLE)
        finish(store)
        check(store, events)
        check_messages(store)


# --- Several workers ----------------------------------------------------------------------------------------------------------


def test_four_workers_over_one_database_give_the_result_of_one(databases: Databases) -> None:
    with databases.place() as place:
        chance = random.Random(4)
        events = some_calls(chance, share(150))
        batches = batches_of(chance, events)
        batches += [evolve(batch, number=batch.number + len(batches)) for batch in chance.sample(batches, len(batches) // 4)]
        workers = [Worker("take", place.url) for _ in range(4)]
        try:
            assert [one.answer() for one in workers] == ["ready"] * 4
            sent: dict[Worker, list[str]] = {one: [] for one in workers}
            for batch in batches:
                one = chance.choice(workers)
                one.send(batch.line())
                sent[one].append(str(batch.number))
            assert {one: [one.answer() for _ in numbers] for one, numbers in sent.items()} == sent
        finally:
            for one in workers:
                one.kill()

        store = place.open(LIFECYCLE)
        finish(store)
        check(store, events)
        check_messages(store)
