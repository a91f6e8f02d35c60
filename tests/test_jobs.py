"""`replay --jobs`: several processes write what one writes."""

import json
import os
import random
import signal
import subprocess
import sys
from datetime import timedelta
from multiprocessing import active_children
from pathlib import Path

import pytest
from hypothesis import given
from tests.commands import Result, command
from tests.strategies import events

from cobrowse_session import Event, Lifecycle
from cobrowse_session.cli.errors import FileError
from cobrowse_session.cli.jobs import session_of, started
from cobrowse_session.cli.sessions import Known
from cobrowse_session.testing import START, stream
from cobrowse_session.wire import decode_event, encode_event

SKEWED = timedelta(seconds=40)


def some_lines(seed: int) -> list[str]:
    """Lines of many sessions in no order: copies, editions, refusals, timers, two spellings of an id, and what is no event."""
    rng, made = random.Random(seed), list[str]()
    for number in range(120):
        session = rng.choice((f"s{number}", f"Zoë {number}", f'a "quoted\\" {number}'))
        begun = START + timedelta(seconds=rng.randrange(3600))
        said = {"queue_id": rng.choice("ab"), "conversation_id": f"c{number % 50}", "user_id": rng.choice(("u", None))}
        source = rng.choice(("/a", "/b"))  # of which one has a clock that is wrong
        call = stream(session, start=begun, source=source, delay=SKEWED if source == "/b" else rng.choice((0.1, 90)))
        call = call.alerting(wrapup_prompt=rng.choice(("timeout", "mandatory")), wrapup_timeout=30, alerting_timeout=20, **said)
        call = call.after(3).connected(sequence="1").after(60).disconnected("peer").after(20).wrapup("sale").after(60).done()
        call = call.after(1).connected(purpose=rng.choice(("agent", "customer"))).unknown()
        kept = rng.sample(call.events, rng.randrange(1, len(call.events) + 1))
        made += [json.dumps(json.loads(encode_event(event)), ensure_ascii=rng.random() < 0.5) for event in kept]
        again = [line for line in made[-len(kept) :] if "sequence" in line] * 2
        made += [line.replace('"1"', f'"{rng.choice("12")}", "derivedfrom": "{rng.choice("xy")}"') for line in again]
        made.append(rng.choice(("", "{", '{"subject":"s1"}', made[-1].replace("peer", "\\ud800"), made[-1][:-9])))
    rng.shuffle(made)
    return made


def outputs(folder: Path, *options: str) -> tuple[Result, dict[str, bytes]]:
    """Everything that a replay of the file writes."""
    files = {option: folder / option for option in ("--output", "--trace", "--rejects", "--summary")}
    done = command("replay", folder / "events.jsonl", *(word for pair in files.items() for word in pair), *options)
    return done, {option: file.read_bytes() for option, file in files.items()}


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--acw", "timeout", "--acw-timeout", "30", "--alerting-grace", "1", "--until", "end"),
        ("--known-at", "2026-03-01T09:20:00Z"),
        ("--by", "queue", "--at", "2026-03-01T09:20:00Z"),
        ("--by", "user", "--json", "--strict"),
    ],
    ids=" ".join,
)
def test_several_jobs_write_what_one_writes(options: tuple[str, ...], tmp_path: Path) -> None:
    lines = some_lines(len(options))
    far = stream("late", start=START + timedelta(days=900)).alerting(wrapup_prompt="timeout", wrapup_timeout=30)
    (tmp_path / "events.jsonl").write_text("\n".join([*lines, *(map(encode_event, far) if not options else ())]) + "\n")
    one = outputs(tmp_path, *options)

    summary = json.loads(one[1]["--summary"])

    assert all(
        summary[name]
        for name in ("rejected", "refusals", "timers", "outOfOrder", "revisedSessions", "clocks", "conflicts", "corrected")
    )
    assert bool(summary["farAhead"]) == (not options)
    assert outputs(tmp_path, *options, "--jobs", "3") == one


def test_jobs_read_standard_input_and_an_empty_file() -> None:
    line = encode_event(stream("s1").alerting().events[0]).encode()

    assert command("replay", "-", "--jobs", "2", stdin=line).out == command("replay", "-", stdin=line).out
    assert "There is no event in standard input" in command("replay", "-", "--jobs", "2").err


def test_jobs_do_not_seal() -> None:
    done = command("replay", "-", "--jobs", "2", "--seal-after", "60")

    assert (done.code, "expected one of --jobs and --seal-after, found both" in done.err) == (2, True)


@given(events())
def test_the_session_of_a_line_is_that_of_its_event_however_it_is_spelled(event: Event) -> None:
    document = json.loads(encode_event(event))
    nested = {**document, "odd": {"subject": "x"}, "subject": document["subject"]}
    for spelled in (
        encode_event(event),
        json.dumps(nested),
        json.dumps(nested, separators=(",", ":")),
        encode_event(event).replace('"subject"', '"\\u0073ubject"'),
        encode_event(event).replace('"subject":"s1"', '"subject":"\\u00731","odd":"{\\"subject\\":\\"x\\"}"'),
    ):
        assert session_of(spelled.encode()).decode() == decode_event(spelled).subject == "s1"


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"\xff", b'{"subject":7}', b'{"data":{"subject":"x"}}', b'{"subject":"a","subject":"b"}']
)
def test_a_line_without_a_session_is_that_of_any_process(line: bytes) -> None:
    assert isinstance(session_of(line), bytes)


def test_a_process_that_is_ended_from_outside_is_an_error_that_says_what_helps() -> None:
    with started(2, Lifecycle(), Known(), None, with_trace=False) as jobs:
        for process in active_children():
            process.kill()
            process.join()
        with pytest.raises(FileError, match=r"^--jobs: a process was ended from outside\. There may be too little memory\."):
            jobs.replay([])

    assert not active_children()


INTERRUPTS_WHEN_A_PROCESS_STARTS = """
import os, signal, sys
if "--multiprocessing-fork" in sys.orig_argv:
    os.killpg(0, signal.SIGINT)
"""


def test_ctrl_c_while_the_processes_start_is_the_end_of_all_and_of_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTS_WHEN_A_PROCESS_STARTS)
    (tmp_path / "temporary").mkdir()
    (tmp_path / "events.jsonl").write_text("\n".join(map(encode_event, stream("s1").connected())))
    line = [sys.executable, "-m", "cobrowse_session", "replay", "events.jsonl", "--jobs", "3", "-o", "out"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "TMPDIR": str(tmp_path / "temporary")}
    handler = signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job ignores SIGINT, and its children do, too
    try:
        done = subprocess.run(
            line, cwd=tmp_path, env=environment, capture_output=True, start_new_session=True, timeout=60, check=False
        )
    finally:
        signal.signal(signal.SIGINT, handler)

    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != "") == ["events.jsonl", "sitecustomize.py"]
    assert not (tmp_path / "out").exists()
    assert [*(tmp_path / "temporary").iterdir()] == []


def test_each_process_has_the_table_of_the_command(tmp_path: Path) -> None:
    call = stream("s1").alerting().after(3).connected().events
    held = {**json.loads(encode_event(call[1])), "id": "e3", "type": "com.acme.held", "time": "2026-03-01T09:01:00.000Z"}
    (tmp_path / "events.jsonl").write_text("\n".join([*map(encode_event, call), json.dumps(held)]) + "\n")
    one = outputs(tmp_path, "--table", "examples.tables.hold:TABLE")

    assert outputs(tmp_path, "--table", "examples.tables.hold:TABLE", "--jobs", "2") == one
    assert b'"type":"com.acme.held"' in one[1]["--trace"]
    assert json.loads(one[1]["--summary"])["outcomes"] == {"applied": 3}


BOOM = '''"""A table whose action raises."""

from cobrowse_session.tables import Table, also, writes


class BoomError(Exception):
    """Raised by an action."""


@writes("peer_id")
def boom(session, event, policy):
    """Raise."""
    raise BoomError(f"no peer at {event.id}")


TABLE = Table.standard().extended("boom", connection=(also("connected", boom),))
'''


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_an_own_action_raises_comes_out_of_every_process_and_names_the_event(
    jobs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"boom_{jobs}.py").write_text(BOOM)
    monkeypatch.syspath_prepend(tmp_path)
    call = stream("s1").alerting().after(3).connected()
    (tmp_path / "events.jsonl").write_text("\n".join(map(encode_event, call)) + "\n")

    with pytest.raises(Exception, match=r"^no peer at e2") as raised:
        command("replay", tmp_path / "events.jsonl", "--table", f"boom_{jobs}:TABLE", "--jobs", jobs)

    assert type(raised.value).__name__ == "BoomError"
    assert raised.value.__notes__[0] == "raised at connected 'e2' of session 's1'"
