"""A replay in several processes. Its output is that of one process, byte for byte.

Theory of operation
===================

The sessions of a replay do not depend on each other. So the command reads the lines, and hands each to the process that has its
session. A process replays its lines in their order.

What depends on all sessions is found in between: the command asks each process for its latest event, and tells all of them to
which time they advance. Then each of them writes its sessions and traces into a file of its own, and reports a `Part`. The
command joins the parts. What is listed in the order in which it was found comes with its line in the file, so that it can be
sorted.

`--seal-after` is not for several processes: it closes sessions by the time that all others have reached.
"""

import pickle
import re
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime
from heapq import nlargest
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.resource_tracker import ensure_running
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

from attrs import define, field, frozen

from cobrowse_session import DecodeError, Lifecycle
from cobrowse_session.cli.activity import Listing
from cobrowse_session.cli.errors import FileError
from cobrowse_session.cli.inputs import many_objects
from cobrowse_session.cli.sessions import Known
from cobrowse_session.cli.summary import Summary
from cobrowse_session.io.clocks import Observed
from cobrowse_session.io.replay import Last, Line, Rejected, Replay, ReplayStats, decoded, far_ahead, lasts, timer_times
from cobrowse_session.io.spool import Place, Spool
from cobrowse_session.stream import SessionLog
from cobrowse_session.wire.strict_json import read_json

BATCH = 1 << 16
"""Bytes of lines that are handed over at once."""
MAX_JOBS = 64

_SUBJECT = re.compile(rb'[{,]"subject":"([^"\\\\]*)"')
_COUNTERS = ("outcomes", "refusals", "timers")


@frozen
class Task:
    """The task of a process.

    Attributes:
        lifecycle: the rules.
        known: which events count.
        listing: where the command lists activities.
        file: where it writes its sessions and traces.
        with_trace: the traces are written as well.
    """

    lifecycle: Lifecycle
    known: Known
    listing: Listing | None
    file: Path
    with_trace: bool


@define
class Part:
    """The findings of a process in its sessions.

    Attributes:
        summary: of its sessions.
        known: how many of its events counted.
        listing: its activities.
        rejected: its lines that cannot be read.
        observed: the times of its events.
        first: the first place of each name that was counted: the line where its session begins, and the number of the name.
        revised: its revised sessions, and where each was found to be one: in which of two looks, and the line.
        last: the ends of its sessions that end last, and the lines where they begin.
        timers: the times of its timers.
        places: of its sessions in its file.
    """

    summary: Summary
    known: Known
    listing: Listing | None
    rejected: list[Rejected] = field(factory=list)
    observed: Observed = field(factory=Observed)
    first: dict[tuple[str, str], tuple[int, int]] = field(factory=dict)
    revised: list[tuple[int, int, str]] = field(factory=list)
    last: list[tuple[int, Last]] = field(factory=list)
    timers: list[datetime] = field(factory=list)
    places: list[Place] = field(factory=list)


# --- The command --------------------------------------------------------------------------------------------------------------


class Jobs:
    """The processes of a replay.

    Args:
        connections: to each of them.
        files: where each of them writes its sessions and traces.
    """

    def __init__(self, connections: list[Connection], files: list[Path]) -> None:
        self._connections, self._files = connections, files
        self._batches: list[list[Line]] = [[] for _ in connections]
        self._bytes = [0] * len(connections)

    def replay(self, some: Iterable[Line]) -> None:
        """Hand each line to the process of its session."""
        for line in some:
            job = crc32(session_of(line[1])) % len(self._connections)
            self._batches[job].append(line)
            self._bytes[job] += len(line[1])
            if self._bytes[job] >= BATCH:
                self._hand_over(job)
        for job in range(len(self._connections)):
            self._hand_over(job)
            self._send(job, None)

    def finish(self, until: datetime | None, *, exactly: bool) -> tuple[datetime | None, list[Part]]:
        """Return the time to which all sessions are advanced, and what each process found. See `Replay.finish`."""
        latest = [self._answer(job) for job in range(len(self._connections))]
        if not (exactly and until):
            until = max(filter(None, [*latest, until]), default=None)
        for job in range(len(self._connections)):
            self._send(job, until)
        return until, [self._answer(job) for job in range(len(self._connections))]

    def spools(self, parts: list[Part], files: ExitStack) -> list[Spool]:
        """Return what the processes wrote, to read it.

        Args:
            parts: what they found.
            files: closes the files.
        """
        spools = []
        for part, file in zip(parts, self._files, strict=True):
            spools.append(files.enter_context(closing(Spool(file=file.open("rb")))))
            spools[-1].places = part.places
        return spools

    def _hand_over(self, job: int) -> None:
        self._send(job, self._batches[job])
        self._batches[job], self._bytes[job] = [], 0

    def _send(self, job: int, message: object) -> None:
        try:
            self._connections[job].send(message)
        except OSError:  # the process has ended, and may have left the reason
            self._answer(job)
            raise _ended() from None

    def _answer(self, job: int) -> Any:  # whatever the process sends
        try:
            answer = self._connections[job].recv()
        except (EOFError, OSError):
            raise _ended() from None
        if isinstance(answer, Exception):
            raise answer
        return answer


def _ended() -> FileError:
    return FileError("--jobs", "a process was ended from outside", "There may be too little memory. Try it with fewer jobs.")


def session_of(line: bytes) -> bytes:
    """Return the session of a line in UTF-8, however the line spells it. If it has none, it is rejected by whatever process."""
    # The usual line has one key of this name, and its value needs no look at escapes. Only then is this the session for certain.
    found = _SUBJECT.findall(line)
    if len(found) == 1 and line.count(b"subject") == 1 and b"\\u" not in line:
        return bytes(found[0])
    try:
        document = read_json(line, max_line_bytes=len(line))
    except DecodeError:
        return b""
    subject = document.get("subject") if isinstance(document, dict) else None
    return subject.encode() if isinstance(subject, str) else b""


@contextmanager
def started(jobs: int, lifecycle: Lifecycle, known: Known, listing: Listing | None, *, with_trace: bool) -> Iterator[Jobs]:
    """Start processes, and end them.

    Args:
        jobs: how many.
        lifecycle: the rules.
        known: which events count.
        listing: where the command lists activities.
        with_trace: the traces are written as well.
    """
    with TemporaryDirectory() as folder, ExitStack() as stack:
        connections = []
        for job in range(jobs):
            ours, theirs = _SPAWN.Pipe()
            file = Path(folder) / f"{job}.jsonl"
            process = _SPAWN.Process(target=_work, args=(theirs, Task(lifecycle, known, listing, file, with_trace)), daemon=True)
            with _interrupts_later():
                process.start()
                stack.callback(process.join)
                stack.callback(process.terminate)
                stack.callback(ours.close)
            theirs.close()  # so that the end of the process is the end of the connection
            connections.append(ours)
        yield Jobs(connections, [Path(folder) / f"{job}.jsonl" for job in range(jobs)])


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Hold back Ctrl-C until a process has started. That process never gets it, so it prints no traceback while it imports."""
    if sys.platform == "win32":
        yield
        return
    ensure_running()  # else the start of the first process would start it, and let Ctrl-C through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def joined(parts: list[Part], known: Known, listing: Listing | None) -> Summary:
    """Return the summary of all parts. What the command knows and lists is added to."""
    stats = ReplayStats()
    for part in parts:
        _add(stats, part.summary.stats)
        known.join(part.known)
        if listing and part.listing:
            listing.found += part.listing.found
            listing.others += part.listing.others
    for *_, session in sorted(one for part in parts for one in part.revised):
        stats.revised_sessions[session] = None
    for counter, counts in _in_order(parts).items():
        setattr(stats, counter, counts)
    last = sorted((one for part in parts for one in part.last), key=lambda one: one[0])
    last = nlargest(2, last, key=lambda one: one[1].event.occurred_at)
    stats.far_ahead = far_ahead([one for _, one in last], [time for part in parts for time in part.timers])
    observed = Observed()
    for part in parts:
        observed.join(part.observed)
    stats.clocks = observed.reports()
    queues, users = ({one for part in parts for one in getattr(part.summary, name)} for name in ("queues", "users"))
    return Summary(stats, queues=queues, users=users)


def _add(stats: ReplayStats, other: ReplayStats) -> None:
    """Add what has no order."""
    for name in ("sessions", "repeats", "conflicts", "corrected", "out_of_order"):
        setattr(stats, name, getattr(stats, name) + getattr(other, name))
    stats.conversations |= other.conversations
    stats.accepted_later |= other.accepted_later


def _in_order(parts: list[Part]) -> dict[str, Counter[str]]:
    """Return the sums of the counters. Their names are in the order in which one process would have found them."""
    counters = {counter: Counter[str]() for counter in _COUNTERS}
    for counter, name in sorted({key for part in parts for key in part.first}, key=lambda key: _first(parts, key)):
        counters[counter][name] = sum(getattr(part.summary.stats, counter)[name] for part in parts)
    return counters


def _first(parts: list[Part], key: tuple[str, str]) -> tuple[int, int]:
    return min(part.first[key] for part in parts if key in part.first)


# --- A process ----------------------------------------------------------------------------------------------------------------

_SPAWN = get_context("spawn")  # the same on every system, and with threads


def _work(connection: Connection, task: Task) -> None:
    """Replay the lines that come, and answer. An error is an answer, too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command gets it as well, and ends this process
    try:
        with many_objects(), task.file.open("w+b") as file:
            answer: object = _replayed(connection, task, Spool(with_trace=task.with_trace, file=file))
    except OSError as error:
        answer = error
    except EOFError:  # the command has ended
        return
    except Exception as error:  # noqa: BLE001 (the command raises it)
        answer = _sent(error)
    with suppress(OSError):
        connection.send(answer)


def _sent(error: Exception) -> Exception:
    """Return an error as it can be sent, with its traceback as a note: the command raises it in another process."""
    text = traceback.format_exc()
    error.add_note(text)
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    except Exception:  # noqa: BLE001 (a class of a user's own may raise anything)
        return RuntimeError(text)
    return error


@define
class _Lines:
    """The lines that come, and the number of the latest."""

    connection: Connection
    number: int = 0

    def __iter__(self) -> Iterator[Line]:
        while (batch := self.connection.recv()) is not None:
            for line in batch:
                self.number = line[0]
                yield line


def _replayed(connection: Connection, task: Task, spool: Spool) -> Part:
    replay, some = Replay(task.lifecycle), _Lines(connection)
    part = Part(Summary(replay.stats), task.known, task.listing, observed=replay.observed, places=spool.places)
    begins: dict[str, int] = {}  # the line of the first event of each session
    for event in task.known.select(decoded(some, part.rejected.append, table=task.lifecycle.table)):
        begins.setdefault(event.subject, some.number)
        replay.add(event)
        _note_revised(part, 0, some.number, event.subject)
    connection.send(replay.latest)
    logs = []
    for log in replay.end(connection.recv()):
        _note_revised(part, 1, begins[log.session_id], log.session_id)
        _note_names(part, begins[log.session_id])
        logs.append(log)
    part.last = [(begins[one.event.subject], one) for one in lasts(logs)]
    part.timers = list(timer_times(logs))
    for log in logs:
        _put(part, spool, log)
    return part


def _put(part: Part, spool: Spool, log: SessionLog) -> None:
    part.summary.take(log.context)
    if part.listing:
        part.listing.take(log)
    spool.put(log)


def _note_revised(part: Part, look: int, line: int, session: str) -> None:
    if len(part.summary.stats.revised_sessions) > len(part.revised):
        part.revised.append((look, line, session))


def _note_names(part: Part, line: int) -> None:
    for counter in _COUNTERS:
        for number, name in enumerate(getattr(part.summary.stats, counter)):
            part.first.setdefault((counter, name), (line, number))
