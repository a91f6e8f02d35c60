"""A service for tests: in this process, behind a real server in a thread, or as a process of the command."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
from attrs import field, frozen
from fastapi.testclient import TestClient

from cobrowse_session import Lifecycle
from cobrowse_session.service import Guard, Service
from cobrowse_session.service.server import Listening, Server, config_of
from cobrowse_session.store import DurableInbox, Store
from cobrowse_session.store.verify import verify

Json = Any
"""Parsed JSON."""

JSON_BODY = {"content-type": "application/json"}
NOW = datetime(2026, 3, 1, 9, 10, tzinfo=UTC)


def event(kind: str = "alerting", session: str = "s1", number: int = 1, at: str = "09:00:00", **more: object) -> dict[str, Json]:
    """Return a CloudEvent."""
    return {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": "/acme",
        "type": f"cobrowse.session.{kind}",
        "subject": session,
        "time": f"2026-03-01T{at}.000Z",
        "receivedtime": f"2026-03-01T{at}.000Z",
        **more,
    }


def call(session: str = "s1") -> list[dict[str, Json]]:
    """Return the events of a session that ends without after-call work."""
    return [
        event("alerting", session, 1),
        event("connected", session, 2, "09:00:03", userid="ann", queueid="sales"),
        event("disconnected", session, 3, "09:05:00", data={"disconnectType": "peer"}),
    ]


@frozen
class Served:
    """A service in this process."""

    service: Service
    client: TestClient

    @property
    def stored(self) -> int:
        """The number of events in the store, after a proof that every session follows from its events."""
        verified = verify(self.service.store)
        assert verified.findings == []
        return verified.events

    def post(self, document: Json, **more: Any) -> Any:
        """Return the response to a document."""
        return self.client.post("/events", json=document, **more)

    def outcomes(self, document: Json) -> list[str]:
        """Return the outcomes of the events of a document."""
        response = self.post(document)
        assert response.status_code in (200, 422), response.text
        return [answer["outcome"] for answer in response.json()["answers"]]

    def metric(self, line: str) -> float:
        """Return the value of one metric. 0.0: it has none."""
        text = self.client.get("/metrics").text
        return next((float(one.rpartition(" ")[2]) for one in text.splitlines() if one.rpartition(" ")[0] == line), 0.0)


@contextmanager
def served(
    url: str = "sqlite://", guard: Guard | None = None, lifecycle: Lifecycle | None = None, **more: Any
) -> Iterator[Served]:
    """Run a service in this process. An error that nobody expected is raised, not answered with 500."""
    inbox = more.pop("inbox", {})
    with Store(url, lifecycle) as store:
        service = Service(DurableInbox(store, **inbox), guard or Guard(), **more)
        with TestClient(service.app) as client:
            yield Served(service, client)


@frozen
class Live:
    """A service behind a real server."""

    address: str
    client: httpx2.Client
    service: Service = field()
    server: Server = field()

    def post(self, *events: Json) -> None:
        """Send events, and check that they were stored."""
        assert self.client.post("/events", json=list(events)).status_code == 200

    @contextmanager
    def changes(self, after: str | None = None) -> Iterator[Iterator[Json]]:
        """Follow the changes. What is stored inside of this is seen."""
        headers = {} if after is None else {"last-event-id": after}
        with self.client.stream("GET", "/changes", headers=headers) as response:
            assert response.status_code == 200, response.read()
            yield messages(response.iter_lines())


def messages(lines: Iterable[str]) -> Iterator[Json]:
    """Yield the messages of server-sent events."""
    parts: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            parts[name] = value
        elif parts.get("data"):
            message = json.loads(parts["data"])
            assert (parts["id"], parts["event"]) == (message["position"], message["kind"])
            yield message
            parts = {}


def take(changes: Iterator[Json], number: int) -> list[Json]:
    """Return so many of the messages that come next."""
    return list(islice(changes, number))


@contextmanager
def live(url: str, guard: Guard | None = None, **more: Any) -> Iterator[Live]:
    """Run a service behind a real server, on a free port, in a thread."""
    with Store(url) as store:
        service = Service(DurableInbox(store, **more), guard or Guard())
        listening, server = Listening.at("127.0.0.1", 0), Server(config_of(service), service)
        thread = Thread(target=server.run, kwargs={"sockets": [listening.socket]})
        thread.start()
        try:
            with httpx2.Client(base_url=listening.address, timeout=30) as client:
                yield Live(listening.address, client, service, server)
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def command(folder: Path, *arguments: str, **environment: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run `cobrowse-session serve` as a process on a free port, until it says its address. Yield both."""
    line = [sys.executable, "-m", "cobrowse_session", "serve", "--port", "0", *arguments]
    env = {**os.environ, "COLUMNS": "200", **environment}
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True, cwd=folder, env=env) as process:
        try:
            assert process.stderr is not None
            said = ""
            while "The service is at " not in said:
                said = process.stderr.readline()
                assert said, process.wait()
            yield process, said.partition("The service is at ")[2].strip()
        finally:
            process.kill()


def as_headers(document: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes of an event as the headers of the binary mode."""
    return {f"ce-{name}": value for name, value in document.items() if name != "data"}
