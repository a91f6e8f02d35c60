"""The example conversation service: killed and started again, it loses nothing. And what its compose file starts."""

import json
import os
import random
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import httpx2
import psycopg
import pytest
from attrs import define, evolve
from ruamel.yaml import YAML
from sqlalchemy import text
from tests.postgresql import free_port

from cobrowse_session import Event, Lifecycle, SessionLog, Settings
from cobrowse_session.store import Store, verify
from cobrowse_session.testing import stream
from cobrowse_session.wire import encode_event, encode_session

if TYPE_CHECKING:
    from tests.postgresql import Server

EXAMPLE = Path(__file__).parents[1] / "examples/conversation_service"
HOUR = timedelta(hours=1)
PATIENCE = 30
"""The longest time to wait for a process, in seconds."""
CLIENT = httpx2.Client(timeout=PATIENCE, trust_env=False)
SETTINGS = Settings(wrapup_prompt="timeout", wrapup_timeout=timedelta(seconds=30))
BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
"""When the sessions began. Their timers are due, and they may be sealed."""


def calls(count: int) -> dict[str, list[Event]]:
    """Sessions of five minutes and more. Every second one has a wrap-up."""
    found = {}
    for number in range(count):
        begun = (
            stream(f"s{number}", start=BEGAN, delay=0.2).alerting().after(3).connected().after(300 + number).disconnected("peer")
        )
        found[f"s{number}"] = list(begun.after(10).wrapup("sale") if number % 2 else begun)
    return found


def delivered(sessions: dict[str, list[Event]], seed: int) -> list[bytes]:
    """All events in a random order, some of them twice."""
    dice = random.Random(seed)
    every = [event for events in sessions.values() for event in events]
    every += [evolve(event, received_at=event.received + timedelta(seconds=5)) for event in dice.sample(every, len(every) // 4)]
    dice.shuffle(every)
    return [encode_event(event).encode() for event in every]


def expected(events: Sequence[Event], settings: Settings = SETTINGS) -> Any:
    """The session that follows from all events, advanced to now. `Any`: JSON."""
    log = SessionLog.of(events, Lifecycle(settings=settings), until=datetime.now(UTC))
    return json.loads(encode_session(log.session))


# --- Bills --------------------------------------------------------------------------------------------------------------------


def bill_by_the_page() -> str:
    """Return `bills.py` of the page of the store, as it stands there."""
    page = (EXAMPLE.parents[1] / "docs/how-to/store.md").read_text(encoding="utf-8")
    return page.partition(":caption: bills.py\n")[2].partition("```")[0]


def bill_by_the_example() -> str:
    """Return a program that writes bills as the example does."""
    return f"""
import sys
sys.path.insert(0, {str(EXAMPLE)!r})
import app
with app.Store("sqlite:///sessions.db") as store:
    with store.writing() as connection:
        connection.execute(app.text(app.BILLS))
    app.write_bills(store)
"""


@pytest.mark.parametrize("program", [bill_by_the_page, bill_by_the_example])
def test_a_forgotten_session_that_begins_again_has_a_second_bill_and_the_others_are_billed(
    tmp_path: Path, program: Callable[[], str]
) -> None:
    def write() -> None:
        subprocess.run([sys.executable, "-c", program()], cwd=tmp_path, timeout=PATIENCE, check=True)

    with Store(f"sqlite:///{tmp_path}/sessions.db") as store:
        first = stream("s1").alerting().after(3).connected().after("5m").disconnected("peer")
        store.append(first)
        store.seal(first.now + HOUR)
        write()
        assert store.forget(first.now + HOUR) == 1
        second = stream("s1", start=first.now + 3 * HOUR).connected().after(60).disconnected("peer")
        other = stream("s2", start=first.now).alerting().after(3).connected().after(7).disconnected("peer")
        store.append([*second, *other])
        store.seal(second.now + HOUR)

        write()

        assert store.outbox.count() == 0
        with store.database.reading() as connection:
            found = connection.execute(text("select session, seconds from bills order by session, message")).all()
        assert [tuple(row) for row in found] == [("s1", 300), ("s1", 60), ("s2", 7)]


# --- Processes ----------------------------------------------------------------------------------------------------------------


@define
class Service:
    """A process that serves."""

    process: subprocess.Popen[bytes]
    url: str
    token: str = ""

    def ask(self, path: str, body: bytes | None = None) -> Any:  # JSON
        """Return what is answered to a request, which must be of status 200."""
        headers = {"Content-Type": "application/cloudevents+json"}
        headers |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        method = "GET" if body is None else "POST"
        answer = CLIENT.request(method, self.url + path, content=body, headers=headers)
        answer.raise_for_status()
        return answer.json()

    def answers(self, path: str) -> None:
        """Wait until it answers."""
        until(lambda: self.process.poll() is not None or self.ask(path) is not None)
        assert self.process.poll() is None, "the process ended"

    def ends(self, how: signal.Signals) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE)


def until(found: Any) -> Any:
    """Return what a function finds, as soon as it is something."""
    end = monotonic() + PATIENCE
    while monotonic() < end:
        try:
            if result := found():
                return result
        except httpx2.HTTPError:
            pass
        sleep(0.05)
    raise AssertionError("nothing was found in time")


@contextmanager
def started(command: Sequence[str], url: str, token: str = "", **environment: str) -> Iterator[Service]:
    """Start a process."""
    process = subprocess.Popen(command, env={**os.environ, **environment})
    try:
        yield Service(process, url, token)
    finally:
        process.kill()
        process.wait()


def test_a_service_of_ones_own_that_is_killed_loses_nothing_and_bills_each_session_once(tmp_path: Path) -> None:
    sessions = calls(12)
    documents, port = delivered(sessions, 1), free_port()
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLE), "app:app", "--port", str(port), "--log-level", "error"]
    kept = {"STORE": f"sqlite:///{tmp_path}/conversations.db"}
    here = f"http://127.0.0.1:{port}"

    with started(command, here, **kept, SEAL_AFTER="1e6") as service:
        service.answers("/bills")
        for document in documents[:25]:
            assert service.ask("/webhook", document)
        service.ends(signal.SIGKILL)
    # What got no answer is sent again, and some of what did.
    with started(command, here, **kept, SEAL_AFTER="1e6") as service:
        service.answers("/bills")
        for document in documents[20:]:
            assert service.ask("/webhook", document)
        until(lambda: all(service.ask(f"/sessions/{name}") == expected(events) for name, events in sessions.items()))
        with pytest.raises(httpx2.HTTPStatusError, match="404"):
            service.ask("/sessions/none")
        with pytest.raises(httpx2.HTTPStatusError, match="400"):
            service.ask("/webhook", b"{broken")
        service.ends(signal.SIGKILL)
    # Now sessions that are over are sealed, and billed.
    with started(command, here, **kept, SEAL_AFTER="0") as service:
        until(lambda: len(service.ask("/bills")) >= len(sessions))
        assert sorted(service.ask("/bills")) == sorted([f"s{number}", 300 + number] for number in range(len(sessions)))
        service.ends(signal.SIGTERM)


# --- The compose file ---------------------------------------------------------------------------------------------------------

TOKEN = "a-token-of-the-tests"  # noqa: S105 (it opens nothing)


def test_what_compose_starts_is_two_workers_with_one_result(postgresql: "Server", tmp_path: Path) -> None:
    with psycopg.connect(postgresql.url, autocommit=True) as connection:
        connection.execute("create role sessions login")
        connection.execute("create database sessions owner sessions")
    (tmp_path / "tokens").write_text(f"tests read,write {TOKEN}\n", encoding="utf-8")
    (tmp_path / "tokens").chmod(0o600)
    compose = YAML(typ="safe").load(EXAMPLE / "compose.yaml")
    sessions = calls(8)

    with ExitStack() as processes:
        workers: list[Service] = []
        checks: list[list[str]] = []
        for name in ("one", "two"):
            # As in the container, but for its names: of the database, of the port, of the folder of secrets.
            port, worker = str(free_port()), compose["services"][name]
            here = {"@database/": f"@127.0.0.1:{postgresql.port}/", "8000": port, "/run/secrets": str(tmp_path)}
            program, *arguments = _replaced(shlex.split(worker["command"]), here)
            _, python, *check = _replaced(worker["healthcheck"]["test"], here)
            assert (program, python) == ("cobrowse-session", "python")
            command = [sys.executable, "-m", "cobrowse_session", *arguments]
            workers.append(processes.enter_context(started(command, f"http://127.0.0.1:{port}", TOKEN)))
            checks.append([sys.executable, *check])
        for worker, check in zip(workers, checks, strict=True):
            worker.answers("/health/ready")
            subprocess.run(check, check=True, timeout=PATIENCE)
        for index, document in enumerate(delivered(sessions, 2)):
            workers[index % 2].ask("/events", document)
        for worker in workers:
            until(lambda worker=worker: all(_shown(worker, name) == expected(events) for name, events in sessions.items()))
        for worker in workers:
            assert worker.ends(signal.SIGTERM) in (0, 128 + signal.SIGTERM)

    with Store(postgresql.url_of("sessions").replace("tests@", "sessions@")) as store:
        proved = verify(store)
    assert (proved.sessions, [*proved.findings]) == (len(sessions), [])


def _shown(worker: Service, name: str) -> Any:  # JSON
    return worker.ask(f"/sessions/{name}")["session"]


def _replaced(words: Sequence[str], names: dict[str, str]) -> list[str]:
    text = "\0".join(words)
    for name, other in names.items():
        text = text.replace(name, other)
    return text.split("\0")
