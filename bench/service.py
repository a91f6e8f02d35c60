"""The question: how many requests does the service answer, beside the same endpoint without a store, and does its memory stay.

wrk sends the requests (Debian has it). Where it is not installed, the question is left out.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from time import sleep

from attrs import frozen

from bench.measure import Ratio, Section, times
from cobrowse_session.store import Store, verify

SECONDS = int(os.environ.get("WRK_SECONDS", "60"))
SESSIONS, BATCH = 1_000, 50
CONNECTIONS = 16
PORT = 8765
SOURCE = Path(__file__).parents[1] / "src"
TEXT = (
    f"wrk posts events for {SECONDS} s over {CONNECTIONS} connections on loopback, to `cobrowse-session serve` with a file of "
    f"SQLite: one event in a request, and {BATCH}. They are of {SESSIONS:,} sessions, six events of each, again and again. The "
    "answers come after the commit. *Without a store* is the same endpoint that reads the JSON and answers with as many bytes. "
    "wrk, the server and the database share two cores. Memory is that of the process, after a third and after all of the time. "
    "In the end, every session equals the fold of its events."
)
SCRIPT = """
local lines, next = {{}}, 0
for line in io.lines("{file}") do lines[#lines + 1] = line end
request = function()
  next = next % #lines + 1
  return wrk.format("POST", "/events", {{["Content-Type"] = "application/cloudevents-batch+json"}}, lines[next])
end
"""
BARE = """
import json
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
app = FastAPI()
@app.get("/health/live")
def live(): return {"live": True}
@app.post("/events")
async def take(request: Request):
    answers = [{"outcome": "applied", "text": "x" * 260} for _ in json.loads(await request.body())]
    return JSONResponse({"answers": answers})
"""


@frozen
class Answered:
    """What wrk saw.

    Attributes:
        rate: requests a second.
        p50: half of the answers came within these milliseconds.
        p99: the same of 99 in 100.
        errors: answers that were not 2xx, and connections that broke.
        memory: of the server, in MB, after a third and after all of the time.
    """

    rate: float
    p50: float
    p99: float
    errors: int
    memory: tuple[float, float]


def measure(_: int) -> Section:
    """Measure all ways."""
    if shutil.which("wrk") is None:
        return Section("Service", "wrk was not found, so this was not measured.", ("way",), [])
    rows, ratios = [], []
    for size in (1, BATCH):
        how = "single" if size == 1 else f"batches of {size}"
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            bodies = _bodies(folder / "bodies.jsonl", size)
            options = ("--store", f"sqlite:///{folder}/sessions.db", "--rate", "1000000/second")
            with _server(folder, "-m", "cobrowse_session", "serve", *options) as it:
                ours = _asked(it, bodies, folder)
            (folder / "bare.py").write_text(BARE, encoding="utf-8")
            with _server(folder, "-m", "uvicorn", "bare:app", "--log-level", "warning") as it:
                bare = _asked(it, bodies, folder)
            with Store(f"sqlite:///{folder}/sessions.db") as store:
                verified = verify(store)
            assert verified.findings == [], verified.findings
            assert 0 < verified.sessions <= SESSIONS, verified
        rows += [_row(f"{how}: cobrowse-session", ours, size), _row(f"{how}: without a store", bare, size)]
        ratios += [
            Ratio(f"service, {how}: requests a second, ours / without a store", times(ours.rate / bare.rate), "–"),
            Ratio(f"service, {how}: errors", str(ours.errors), "0"),
            Ratio(f"service, {how}: memory at the end / at a third", times(ours.memory[1] / ours.memory[0]), "≤ 1.1"),
        ]
    head = ("way", "requests a second", "events a second", "p50 ms", "p99 ms", "errors", "MB at a third", "MB at the end")
    return Section("Service", TEXT, head, rows, tuple(ratios))


def _row(way: str, one: Answered, size: int) -> list[str]:
    numbers = [f"{one.rate:,.0f}", f"{one.rate * size:,.0f}", f"{one.p50:.1f}", f"{one.p99:.1f}", str(one.errors)]
    return [way, *numbers, *(f"{memory:.0f}" for memory in one.memory)]


def _bodies(file: Path, size: int) -> Path:
    """Write the bodies of the requests: all events of all sessions, interleaved."""
    kinds = ("offering", "alerting", "connected", "updated", "disconnected", "wrapup")
    events = [
        {
            "specversion": "1.0",
            "id": f"e{number}",
            "source": "/acme",
            "type": f"cobrowse.session.{kind}",
            "subject": f"session-{session}",
            "time": f"2026-03-01T09:{number:02}:00Z",
            "queueid": "sales",
        }
        for number, kind in enumerate(kinds)
        for session in range(SESSIONS)
    ]
    parts = (events[start : start + size] for start in range(0, len(events), size))
    file.write_text("".join(f"{json.dumps(part)}\n" for part in parts), encoding="utf-8")
    return file


@frozen
class _Running:
    url: str
    process: "subprocess.Popen[bytes]"

    @property
    def memory(self) -> float:
        """What the process holds, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None, "Linux has it"
        return int(found[1]) / 1024


@contextmanager
def _server(folder: Path, *command: str) -> Iterator[_Running]:
    """Run a server until it has been asked."""
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    process = subprocess.Popen([sys.executable, *command, "--port", str(PORT)], cwd=folder, env=env, stderr=subprocess.DEVNULL)
    try:
        _wait_until_it_answers()
        yield _Running(f"http://127.0.0.1:{PORT}", process)
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_it_answers() -> None:
    for _ in range(300):
        connection = HTTPConnection("127.0.0.1", PORT, timeout=10)
        try:
            connection.request("GET", "/health/live")
            if connection.getresponse().status == 200:
                return
        except OSError:
            sleep(0.1)
        finally:
            connection.close()
    raise RuntimeError("the server did not start")


def _asked(running: _Running, bodies: Path, folder: Path) -> Answered:
    """Let wrk ask, and return what it saw."""
    script = folder / "wrk.lua"
    script.write_text(SCRIPT.format(file=bodies), encoding="utf-8")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", "--timeout", "10s", "-s", str(script), running.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as wrk:
        sleep(SECONDS / 3)
        early = running.memory
        printed, _ = wrk.communicate()
    return Answered(
        rate=float(_found(r"Requests/sec:\s+([\d.]+)", printed)),
        p50=_milliseconds(_found(r"50%\s+([\d.]+\w+)", printed)),
        p99=_milliseconds(_found(r"99%\s+([\d.]+\w+)", printed)),
        errors=sum(map(int, re.findall(r"(?:connect|read|write|timeout|responses:) (\d+)", printed))),
        memory=(early, running.memory),
    )


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, text
    return found[1]


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()  # type: ignore[union-attr]  # what wrk prints
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}[unit]
