"""The service behind a real server: streams that go on, stores that fail, signals, and two workers on one PostgreSQL."""

import json
import re
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import httpx2
import psycopg
import pytest
from examples.tables import hold
from sqlalchemy import update
from tests.commands import command as run
from tests.postgresql import Server
from tests.serving import Json, call, command, event, live, served, take
from tests.stores import NUMBERS, a_server

from cobrowse_session import Lifecycle
from cobrowse_session.service import Guard, Service, app, read_tokens, server
from cobrowse_session.store import Store
from cobrowse_session.store.schema import SESSIONS
from cobrowse_session.store.verify import verify
from cobrowse_session.testing import stream


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/sessions.db"


# --- Changes ------------------------------------------------------------------------------------------------------------------


def test_a_stream_has_what_is_stored_from_its_beginning_on(url: str) -> None:
    with live(url) as one:
        one.post(event(session="before"))
        with one.changes() as changes:
            one.post(event())
            one.post(event("connected", number=2, at="09:00:03"))
            first, second = take(changes, 2)

    assert [message["stored"]["id"] for message in (first, second)] == ["s1", "s1"]
    assert [entry["event"] for message in (first, second) for entry in message["new"]] == ["e1", "e2"]


def test_a_stream_that_is_resumed_at_any_message_misses_nothing_and_repeats_nothing(url: str) -> None:
    with live(url) as one:
        one.post(*(event(session=f"s{number}") for number in range(12)))
        with one.changes("0-0") as changes:
            positions = [message["position"] for message in take(changes, 12)]
        one.post(event(session="last"))
        for number, position in enumerate(positions):
            with one.changes(position) as changes:
                found = [message["stored"]["id"] for message in take(changes, 12 - number)]

            assert found == [*(f"s{later}" for later in range(number + 1, 12)), "last"]


def test_the_position_may_be_in_the_query(url: str) -> None:
    with live(url) as one:
        one.post(event())
        with one.client.stream("GET", "/changes?after=0-0") as response:
            assert next(response.iter_lines()) == "event: changed"
            assert response.headers["content-type"].startswith("text/event-stream")


def test_streams_end_when_the_server_stops_and_the_reader_goes_on_where_he_was(url: str) -> None:
    with live(url) as one:
        one.post(event(session="s1"))
        with one.changes("0-0") as changes:
            (first,) = take(changes, 1)
            one.service.end_streams()

            assert list(changes) == []
    with live(url) as again:
        again.post(event(session="s2"))
        with again.changes(first["position"]) as changes:
            assert [message["stored"]["id"] for message in take(changes, 1)] == ["s2"]


def test_a_stream_ends_when_its_store_fails_and_is_refused_until_it_works(url: str, tmp_path: Path) -> None:
    with live(url) as one, one.changes() as changes:
        with gone(tmp_path / "sessions.db", "messages"):
            assert list(changes) == []
            assert one.client.get("/changes").status_code == 503
        with one.changes("0-0") as later:
            one.post(event())
            assert len(take(later, 1)) == 1


@pytest.mark.parametrize("broken", ["a", "b", "c"])
def test_readers_are_told_of_a_session_that_cannot_be_read_and_get_the_changes_of_all_others(url: str, broken: str) -> None:
    with live(url) as one:
        one.post(*(event(session=name) for name in "abc"))
        with one.changes("0-0") as changes:
            whole = [message["position"] for message in take(changes, 3)]
    with Store(url) as store, store.writing() as connection:
        connection.execute(update(SESSIONS).where(SESSIONS.c.id == broken).values(document="{"))
    with live(url) as one, one.client.stream("GET", "/changes?after=0-0") as response:
        text = ""
        for line in response.iter_lines():
            text += f"{line}\n"
            if text.count("\n\n") == 3:
                break

    found = [(part.split("\n")[0], re.findall("^id: (.*)", part, re.MULTILINE)) for part in text.strip().split("\n\n")]
    assert [position for _, (position,) in found] == whole
    assert [kind for kind, _ in found] == [f"event: {'unreadable' if name == broken else 'changed'}" for name in "abc"]
    assert f'{{"session":"{broken}"}}' in text


def test_the_id_of_a_session_may_have_an_encoded_percent_sign(url: str) -> None:
    with live(url) as one:
        one.post(event(session="a%2Fb"))

        assert one.client.get("/sessions/a%252Fb").json()["id"] == "a%2Fb"


# --- A store that fails -------------------------------------------------------------------------------------------------------


class gone:  # noqa: N801 (a context)
    """Take a table away from under a store, and bring it back."""

    def __init__(self, file: Path, table: str) -> None:
        self.file, self.table = file, table

    def __enter__(self) -> None:
        self._rename(self.table, "gone")

    def __exit__(self, *_: object) -> None:
        self._rename("gone", self.table)

    def _rename(self, one: str, other: str) -> None:
        with closing(sqlite3.connect(self.file, timeout=30)) as connection, connection:
            connection.execute("PRAGMA legacy_alter_table=ON")
            connection.execute(f"ALTER TABLE {one} RENAME TO {other}")
        connection.close()


def test_nothing_is_acknowledged_that_is_not_stored_and_the_service_recovers_by_itself(url: str, tmp_path: Path) -> None:
    with served(url) as here:
        here.post(event())
        with gone(tmp_path / "sessions.db", "events"):
            refused = here.post(event("connected", number=2, at="09:00:03"))
            shown = here.client.get("/sessions/s1")
        again = here.post(event("connected", number=2, at="09:00:03"))

        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert refused.json() == {
            "type": "about:blank",
            "title": "The store cannot be used",
            "status": 503,
            "detail": "Nothing was stored. Send the same request again.",
        }
        assert shown.json()["session"]["state"] == "alerting"
        assert (again.json()["answers"][0]["outcome"], here.stored) == ("applied", 2)
        assert here.metric("cobrowse_session_store_failures_total") >= 1


def test_the_service_is_not_ready_while_its_store_or_timers_do_not_work(url: str, tmp_path: Path) -> None:
    with served(url) as here:
        with gone(tmp_path / "sessions.db", "sessions"):
            here.post(event())  # wakes the timers
            while (unready := here.client.get("/health/ready")).json()["timers"] == "works":
                pass
            metrics = here.client.get("/metrics")
        while (ready := here.client.get("/health/ready")).status_code != 200:
            pass

        assert (unready.status_code, unready.json()["ready"]) == (503, False)
        assert (metrics.status_code, "cobrowse_session_store_failures_total" in metrics.text) == (200, True)
        assert ready.json() == {"ready": True, "store": "works", "timers": "works"}


def test_a_store_that_cannot_be_written_is_not_ready_and_can_still_be_read(tmp_path: Path) -> None:
    file = tmp_path / "sessions.db"
    with served(f"sqlite:///{file}") as here:
        here.post(event())
        holder = sqlite3.connect(file, isolation_level=None)
        holder.execute("CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END")
        refused = here.post(event("connected", number=2, at="09:00:03"))
        shown = here.client.get("/sessions/s1")
        holder.execute("DROP TRIGGER full")
        holder.close()
        again = here.post(event("connected", number=2, at="09:00:03"))

        assert (refused.status_code, shown.json()["session"]["state"], again.status_code, here.stored) == (
            503,
            "alerting",
            200,
            2,
        )


@pytest.fixture(params=["sqlite", "postgresql"])
def hanging(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Callable[[], AbstractContextManager[None]]]:
    """Return the address of a store, and what lets every writer wait, as long as it is open."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/s.db", lambda: locked(tmp_path / "s.db")
    url = _new(request.getfixturevalue("postgresql"), f"hanging{next(NUMBERS)}")

    @contextmanager
    def hang() -> Iterator[None]:
        with psycopg.connect(url) as holder:
            holder.execute("lock table horizon")
            yield

    return url, hang


def test_a_store_that_hangs_is_not_ready_and_keeps_no_reader_waiting(
    hanging: tuple[str, Callable[[], AbstractContextManager[None]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "PROBE_SECONDS", 0.2)
    url, hang = hanging
    with live(url) as one, ThreadPoolExecutor(50) as many:
        one.post(event())
        with hang():
            asked = list(many.map(lambda _: httpx2.get(f"{one.address}/health/ready", timeout=20), range(50)))
            alive, shown = (httpx2.get(f"{one.address}{path}", timeout=20) for path in ("/health/live", "/sessions/s1"))
        while one.client.get("/health/ready").status_code != 200:
            pass

    assert {(one.status_code, one.json()["store"]) for one in asked} == {(503, "does not work")}
    assert (alive.status_code, shown.status_code) == (200, 200)


@pytest.mark.parametrize(("query", "seconds"), [("", "10"), ("?connect_timeout=3&tcp_user_timeout=3000&keepalives_idle=3", "3")])
def test_a_server_that_is_gone_without_a_word_is_found_out_after_seconds(postgresql: Server, query: str, seconds: str) -> None:
    with Store(f"{postgresql.url}{query}") as store, store.database.reading() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        found = driver.info.get_parameters()

    names = ("connect_timeout", "tcp_user_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count")
    assert [found[name] for name in names] == [seconds, f"{seconds}000", seconds, "3", "3"]


# --- The process --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 0)])
def test_a_signal_ends_streams_answers_what_came_and_leaves_a_store_that_verifies(tmp_path: Path, number: int, code: int) -> None:
    url = f"sqlite:///{tmp_path}/sessions.db"

    def send(address: str, session: int) -> bool:
        try:
            return httpx2.post(f"{address}/events", json=call(f"s{session}"), timeout=30).status_code == 200
        except httpx2.HTTPError:
            return False

    with command(tmp_path, "--store", url) as (process, address), ThreadPoolExecutor(8) as senders:
        with httpx2.stream("GET", f"{address}/changes", timeout=30) as stream:
            sent = [senders.submit(send, address, session) for session in range(60)]
            lines = stream.iter_lines()
            next(lines)  # something was stored
            process.send_signal(number)
            for _ in lines:
                pass  # the stream ends, and is not cut
        answered = {f"s{session}" for session, one in enumerate(sent) if one.result()}
        said = process.communicate(timeout=30)[1]
    with Store(url) as store:
        stored = {one.id for one in store.find(limit=1000).sessions}
        verified = verify(store)

    assert (process.returncode, said) == (code, "")
    assert answered
    assert answered <= stored
    assert verified.findings == []


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keep a database locked, so that a transaction waits."""
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")


def _listens(address: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=30).close()
    except ConnectionError:
        return False
    return True


def _connections(address: str) -> int:
    """Return how many connections the service at an address has."""
    port = f"{int(address.rpartition(':')[2]):04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return sum(local.endswith(f":{port}") and state == "01" for _, local, _, state, *_ in lines)


def is_ended(response: httpx2.Response) -> bool:
    """Return whether a response says that the service stops, and when to send the request again."""
    found = response.status_code, response.headers["content-type"], response.headers["retry-after"], response.json()["title"]
    return found == (503, "application/problem+json", "5", "The service stops")


def test_a_second_signal_ends_what_waits_with_a_503_and_shows_no_traceback(tmp_path: Path) -> None:
    with (
        command(tmp_path, "--store", f"sqlite:///{tmp_path}/s.db") as (process, address),
        ThreadPoolExecutor(1) as senders,
    ):
        with locked(tmp_path / "s.db"):
            waiting = senders.submit(httpx2.post, f"{address}/events", json=event(), timeout=30)
            while _connections(address) < 1:
                pass
            process.send_signal(signal.SIGINT)
            while _listens(address):
                pass
            process.send_signal(signal.SIGINT)
            response = waiting.result()
        said = process.communicate(timeout=30)[1]

    assert is_ended(response)
    assert (process.returncode, said) == (0, "")


def test_signals_at_any_moment_of_the_end_show_no_traceback(tmp_path: Path) -> None:
    with command(tmp_path, "--store", f"sqlite:///{tmp_path}/s.db") as (process, address):
        assert httpx2.post(f"{address}/events", json=event()).status_code == 200
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.01)
        said = process.communicate(timeout=30)[1]

    assert said == ""
    assert process.returncode in (0, -signal.SIGINT)  # Python itself stops catching signals in the end


@pytest.mark.parametrize("path", ["/events", "/messages/acknowledged"])
def test_a_request_that_lasts_longer_than_the_grace_is_ended_with_a_503(
    tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "GRACE", 0.2)
    with live(f"sqlite:///{tmp_path}/s.db") as one, ThreadPoolExecutor(1) as senders:
        one.post(event())
        one.client.close()
        while _connections(one.address) > 0:
            pass
        with locked(tmp_path / "s.db"):
            body = event("connected", number=2, at="09:00:03") if path == "/events" else {"ids": [1]}
            waiting = senders.submit(httpx2.post, f"{one.address}{path}", json=body, timeout=30)
            while _connections(one.address) < 1:
                pass
            one.server.should_exit = True
            response = waiting.result()

        assert is_ended(response)


def test_a_port_that_is_taken_leaves_no_database(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", "--store", f"sqlite:///{tmp_path}/s.db", "--port", port)

    assert done.code == 2
    assert f"127.0.0.1:{port}: Address already in use" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--rate", "0/second"), "rate: expected one request or more, as 100/second, found '0/second'"),
        (("--rate", "fast"), "rate: expected a rate, as 100/second or 6000/minute, found 'fast'"),
        (("--delay", "1e300"), "expected a number and a unit, as 90d, 12h or 30m, found '1e300'"),
        (("--delay", "-1s"), "expected a number and a unit"),
        (("--seal-after", "inf"), "expected a number and a unit"),
        (("--forget-after", "90"), "expected a number and a unit, as 90d, 12h or 30m, found '90'"),
        (("--forget-after", f"{'9' * 400}d"), "expected a number and a unit"),
        (("--forget-after", "1h"), "expected a longer time than --seal-after: only closed sessions are deleted"),
        (("--cors-origin", "https://desk.example/"), "origins: expected an origin without a path, as https://desk.example"),
        (("--cors-origin", "desk.example"), "origins: expected an origin without a path, as https://desk.example"),
    ],
)
def test_a_senseless_option_is_a_clear_error_and_leaves_no_database(
    tmp_path: Path, options: tuple[str, str], message: str
) -> None:
    done = run("serve", "--store", f"sqlite:///{tmp_path}/s.db", "--port", "0", *options)

    assert done.code == 2
    assert message in " ".join(done.err.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def commanded(monkeypatch: pytest.MonkeyPatch) -> list[Service]:
    """Let the command make its service, and not run it. Return the services."""
    services: list[Service] = []
    monkeypatch.setattr(server, "serve", lambda service, _: services.append(service))
    return services


def test_the_command_passes_its_options_to_the_service(tmp_path: Path, commanded: list[Service]) -> None:
    options = ("--forget-after", "90d", "--seal-after", "1h", "--delay", "1.5s", "--rate", "5/second", "--max-body", "9")
    done = run("serve", "--store", f"sqlite:///{tmp_path}/s.db", "--port", "0", *options, "--cors-origin", "https://desk.example")
    (service,) = commanded

    assert done.code == 0
    assert (service.forget_after, service.inbox.seal_after) == (timedelta(days=90), timedelta(hours=1))
    assert (service.delay, str(service.guard.rate), service.guard.max_body) == (timedelta(seconds=1.5), "5 per 1 second", 9)
    assert service.guard.origins == ("https://desk.example",)


def test_the_command_warns_if_the_store_has_sessions_of_another_table(tmp_path: Path, commanded: list[Service]) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    with Store(url, Lifecycle(table=hold.TABLE)) as store:
        store.append(stream("s1").connected().event(hold.Held))
    without = run("serve", "--store", url, "--port", "0")
    named = run("serve", "--store", url, "--port", "0", "--table", "examples.tables.hold:TABLE")

    assert len(commanded) == 2
    assert "Warning: 1 session of another table. Fields, states and events of its own are not shown." in without.err
    assert "Warning" not in named.err


def test_a_killed_process_loses_nothing_that_it_answered(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/sessions.db"
    with command(tmp_path, "--store", url) as (process, address):
        for session in range(5):
            assert httpx2.post(f"{address}/events", json=call(f"s{session}")).status_code == 200
        process.kill()
    with command(tmp_path, "--store", url) as (_, address):
        page = httpx2.get(f"{address}/sessions").json()

    assert [one["id"] for one in page["sessions"]] == [f"s{session}" for session in range(5)]


def test_tokens_come_from_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("desk read from-a-file-0123456789\n", encoding="utf-8")
    file.chmod(0o600)
    found = []
    for arguments, environment in (
        (["--tokens", str(file)], {}),
        ([], {"COBROWSE_SESSION_TOKENS": "desk read from-a-file-0123456789; other write another-0123456789"}),
    ):
        with command(tmp_path, "--store", "sqlite://", *arguments, **environment) as (_, address):
            found += [
                httpx2.get(f"{address}/sessions", headers=headers).status_code
                for headers in ({}, {"authorization": "Bearer from-a-file-0123456789"})
            ]

    assert found == [401, 200, 401, 200]


def test_the_command_logs_why_a_signature_was_refused_only_if_it_is_verbose(tmp_path: Path) -> None:
    secret, signed = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", {"webhook-id": "1", "webhook-signature": "v1,x"}
    logged = []
    for options in ((), ("--verbose",)):
        arguments = ("--store", "sqlite://", *options)
        with command(tmp_path, *arguments, COBROWSE_SESSION_WEBHOOK_SECRETS=secret) as (process, address):
            assert (
                httpx2.post(f"{address}/events", json=event(), headers={**signed, "webhook-timestamp": "1000"}).status_code == 401
            )
            process.terminate()
            assert process.stderr is not None
            logged.append(process.stderr.read())

    assert [text.count("a signature was refused: Message timestamp too old") for text in logged] == [0, 1]


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"GET /sessions HTTP/1.1\r\nHost: x\r\nx: " + b"a" * 200_000 + b"\r\n\r\n", id="huge header"),
        pytest.param(b"GET " + b"/" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", id="huge path"),
        pytest.param(b"nonsense\r\n\r\n", id="no HTTP"),
        pytest.param(b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", id="negative length"),
        pytest.param(b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", id="two lengths"),
    ],
)
def test_what_is_no_http_is_a_400_or_a_closed_connection(url: str, request_: bytes) -> None:
    with live(url) as one:
        with socket.create_connection(("127.0.0.1", int(one.address.rpartition(":")[2])), timeout=30) as connection:
            try:
                connection.sendall(request_)
                answer = connection.recv(100)
            except ConnectionError:
                answer = b""

        assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))
        assert one.client.get("/health/ready").status_code == 200


def test_no_header_gives_a_sender_another_address_for_the_rate_limit(url: str) -> None:
    guard = Guard(tokens=read_tokens("desk read K1ClGmVxQhZ0zZ7m"), rate="5/minute")
    with live(url, guard) as one:
        headers = [
            {"authorization": "Bearer guess", name: value.format(number)}
            for name, value in (("x-forwarded-for", "10.0.0.{}"), ("forwarded", "for=10.0.0.{}"), ("x-real-ip", "10.0.0.{}"))
            for number in range(5)
        ]
        found = [one.client.get("/agents", headers=each).status_code for each in headers]

    assert found == [401] * 5 + [429] * 10


@pytest.mark.parametrize("path", ["/events", "/messages/acknowledged"])
def test_a_sender_who_goes_away_in_the_middle_of_a_body_is_no_error_of_the_service(
    url: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with live(url) as one:
        with socket.create_connection(("127.0.0.1", int(one.address.rpartition(":")[2])), timeout=30) as connection:
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{"
            connection.sendall(head.encode())
        while f'method="POST",route="{path}"' not in (metrics := one.client.get("/metrics").text):
            pass

    assert f'cobrowse_session_requests_total{{method="POST",route="{path}",status="400"}} 1.0' in metrics
    assert 'status="500"' not in metrics
    assert caplog.records == []


def test_a_sender_who_goes_away_in_the_middle_of_a_body_leaves_nothing(url: str) -> None:
    with live(url) as one:
        with socket.create_connection(("127.0.0.1", int(one.address.rpartition(":")[2])), timeout=30) as connection:
            head = "POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
            connection.sendall(head.encode() + json.dumps(event()).encode())
        one.post(event(session="s2"))

        assert one.client.get("/sessions/s1").status_code == 404
        assert one.client.get("/health/ready").status_code == 200


# --- PostgreSQL ---------------------------------------------------------------------------------------------------------------


def _new(server: Server, name: str) -> str:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return server.url_of(name)


def test_two_workers_on_one_postgresql_are_one_service(postgresql: Server) -> None:
    url = _new(postgresql, "two")
    with live(url, worker="one") as one, live(url, worker="two") as two, two.changes() as changes:
        workers = [one, two]

        def send(number: int) -> None:
            for document in call(f"s{number // 2}"):  # each session comes twice, to both workers
                workers[number % 2].post(document)

        with ThreadPoolExecutor(8) as senders:
            list(senders.map(send, range(40)))
        one.post(event(session="last"))
        seen: list[Json] = []
        while not seen or seen[-1]["stored"]["id"] != "last":
            seen += take(changes, 1)
        middle = seen[len(seen) // 2]["position"]
        with one.changes(middle) as again:  # from the other worker
            rest = take(again, len(seen) - len(seen) // 2 - 1)
        pending = one.client.get("/messages?limit=1000").json()["messages"]
        acknowledged = [
            worker.client.post("/messages/acknowledged", json={"ids": [message["id"] for message in pending]}).status_code
            for worker in workers
        ]
        verified = verify(one.service.store)

    positions = [message["position"] for message in seen]
    assert len(set(positions)) == len(positions)
    assert sorted(message["id"] for message in seen) == sorted(message["id"] for message in pending)
    assert [message["position"] for message in rest] == positions[len(seen) // 2 + 1 :]
    assert acknowledged == [200, 409]
    assert (verified.sessions, verified.findings) == (21, [])


def test_postgresql_takes_any_text_of_a_query(postgresql: Server) -> None:
    with served(_new(postgresql, "text")) as here:
        here.post([event(session="a\0b", userid="u\0v")])

        for query in ("conversation=%00", "queue=%00", "after=%00", "queue=%FF"):
            assert here.client.get(f"/sessions?{query}").status_code == 200
        assert here.client.get("/sessions?user=u%00v").json()["sessions"][0]["id"] == "a\0b"
        assert here.client.get("/sessions/%00").status_code == 404


def test_a_postgresql_that_is_gone_is_a_503_and_works_again_after_its_return() -> None:
    with a_server() as server, served(_new(server, "away")) as here:
        here.post(event())
        server.stop("immediate")
        try:
            refused = [
                here.post(event("connected", number=2, at="09:00:03")),
                *(here.client.get(path) for path in ("/sessions/s1", "/changes", "/messages", "/health/ready")),
            ]
            alive = here.client.get("/health/live")
        finally:
            server.start()
        while here.client.get("/health/ready").status_code != 200:
            pass

        assert [response.status_code for response in refused] == [503] * 5
        assert not any("127.0.0.1" in response.text or "away" in response.text for response in refused)
        assert alive.status_code == 200
        assert here.outcomes(event("connected", number=2, at="09:00:03")) == ["applied"]
        assert here.stored == 2
