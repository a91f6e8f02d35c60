"""Input that was made to do harm: memory and time follow its length, problems are bounded, and no caller meets a traceback."""

import gzip
import io
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.commands import command
from tests.effort import share
from tests.test_genesys import WHOLE, conversation, t

from cobrowse_session import DecodeError, Lifecycle
from cobrowse_session.errors import Problem
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.io.payloads import MAX_PAYLOAD_BYTES, read_payloads
from cobrowse_session.io.replay import Rejected
from cobrowse_session.sources import convert
from cobrowse_session.wire import decode_event, decode_session
from cobrowse_session.wire.strict_json import MAX_PROBLEMS, MAX_SHOWN, check_document, read_json, shown

SIZE = int(os.environ.get("HOSTILE_SIZE") or share(1_000_000))
MEGABYTE = 1_000_000
HALF, BACKSLASH = r'"\ud800"', "\\"


def many(part: str, last: str = "0") -> str:
    """Return a JSON list of `SIZE` bytes, made of equal parts."""
    return "[" + f"{part}," * (SIZE // (len(part) + 1)) + last + "]"


def event(key: str, value: str, kind: str = "connected") -> str:
    """An event with one key in its data."""
    envelope = {
        "specversion": "1.0",
        "id": "e",
        "source": "/s",
        "subject": "s1",
        "time": t(0),
        "type": f"cobrowse.session.{kind}",
    }
    return json.dumps(envelope)[:-1] + ',"data":{"' + key + '":' + value + "}}"


def leg(rest: str) -> str:
    """A conversation with one leg."""
    return calls('[{"id":"a",' + rest + "}]")


def calls(listed: str) -> str:
    return '{"id":"c","participants":[{"calls":' + listed + "}]}"


EVENTS: dict[str, Callable[[], str]] = {
    "no numbers under a long key": lambda: event("k" * (SIZE // 4), many("NaN")),
    "no numbers under long keys within each other": lambda: event(
        "x", ('{"' + "k" * (SIZE // 40) + '":') * 40 + many("NaN") + "}" * 40
    ),
    "numbers that do not fit": lambda: event("x", many("1e999")),
    "integers that are too long": lambda: event("x", many("1" * 5000)),
    "a key twice, often": lambda: event("x", many('{"":0,"":0}')),
    "half characters": lambda: event("x", many(HALF)),
    "a list of wrong types": lambda: event("controlling", many("0")),
    "a list of wrong types in a wrap-up": lambda: event("tags", many("{}"), "wrapup"),
}
SESSIONS: dict[str, Callable[[], str]] = {
    "segments of a wrong type": lambda: '{"segments":' + many("0") + "}",
    "segments with a field of a wrong type": lambda: '{"segments":' + many('{"type":0}', "{}") + "}",
}
OTHERS: dict[str, Callable[[], str]] = {
    "empty objects": lambda: event("x", many("{}")),
    "brackets": lambda: "[" * SIZE,
    "a long string": lambda: event("x", '"' + "a" * SIZE + '"'),
    "a long string of escapes, among brackets": lambda: event("x", "[" + "[]," * 80 + '"' + BACKSLASH * SIZE + '"]'),
}
PAYLOADS: dict[str, Callable[[], str]] = {
    "an array of numbers": lambda: many("0"),
    "an array of empty objects": lambda: many("{}"),
    "an array of objects": lambda: many('{"":0}'),
    "calls of a wrong type": lambda: calls(many("0")),
    "legs without an id": lambda: calls(many("{}", "{}")),
    "participants without an id": lambda: '{"id":"c","participants":' + many("{}", '{"state":"connected"}') + "}",
    "sessions without an id": lambda: '{"conversationId":"c","participants":[{"sessions":' + many("{}", "{}") + "}]}",
    "legs that say nothing": lambda: calls(many('{"id":"a"}', "{}")),
    "copies of one fact": lambda: calls(
        "[" + ",".join(f'{{"id":"a","connectedTime":"{t(0)}","provider":"{n}"}}' for n in range(SIZE // 70)) + "]"
    ),
    "segments without a time": lambda: leg('"segments":' + many("{}", "{}")),
    "segments of analytics": lambda: (
        '{"conversationId":"c","participants":[{"sessions":[{"sessionId":"a","segments":' + many("{}", "{}") + "}]}]}"
    ),
    "a batch under a long key": lambda: '{"' + "k" * (SIZE // 4) + 'answeredEvents":' + many("{}", "{}") + "}",
    "tags of a wrong type": lambda: leg(f'"connectedTime":"{t(0)}","wrapup":{{"tags":{many("0")}}}'),
}

BATCHES: dict[str, Callable[[], str]] = {
    f"a batch of {part}": partial(many, part) for part in ("0", "{}", "[]", '"x"', '{"specversion":0}')
}

# --- Memory and time ----------------------------------------------------------------------------------------------------------


def read(kind: str) -> None:
    """Read one document of a kind."""
    try:
        if kind in BATCHES:
            Inbox(Lifecycle()).take(BATCHES[kind]())
        elif kind in PAYLOADS:
            list(read_payloads(io.BytesIO(PAYLOADS[kind]().encode()), lambda _: None))
        elif kind in SESSIONS:
            decode_session(SESSIONS[kind]())
        else:
            decode_event({**EVENTS, **OTHERS}[kind]())
    except DecodeError:
        pass


MEASURE = """
import resource, sys, time
from pathlib import Path
from tests.test_hostile_input import read

def peak():
    status = Path("/proc/self/status")  # resource counts the parent, too, where it was forked from a large one
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

before = peak()
for kind in sys.argv[1:]:
    start = time.process_time()
    read(kind)
    print(kind, time.process_time() - start, peak() - before, sep="\\t")
"""


@pytest.mark.parametrize(
    "kinds", [EVENTS, SESSIONS, OTHERS, PAYLOADS, BATCHES], ids=["events", "sessions", "others", "payloads", "batches"]
)
def test_memory_and_time_are_bounded_by_the_length_of_the_input(kinds: dict[str, Any]) -> None:
    """At most 100 MB and 20 times the input; at most 2 s a megabyte, and six times that on a busy machine."""
    root = Path(__file__).parents[1]
    environment = {**os.environ, "HOSTILE_SIZE": str(SIZE), "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])}
    line = [sys.executable, "-c", MEASURE, *kinds]

    done = subprocess.run(line, capture_output=True, check=True, env=environment, timeout=120)

    measured = [one.split("\t") for one in done.stdout.decode().splitlines()]
    assert [kind for kind, *_ in measured] == list(kinds)
    limit = 100 * MEGABYTE + 20 * SIZE
    assert [(kind, seconds, peak) for kind, seconds, peak in measured if float(seconds) > 12 * SIZE / MEGABYTE] == []
    assert [(kind, seconds, peak) for kind, seconds, peak in measured if float(peak) > limit] == []


def test_a_small_gzip_of_many_faults_gives_few_complaints(tmp_path: Path) -> None:
    path = tmp_path / "payload.gz"
    path.write_bytes(gzip.compress(b"[\n" + b"0,\n" * 300_000 + b"0]"))

    done = command("convert", path, "--rejects", tmp_path / "rejects.jsonl")

    assert done.code == 1
    assert len(done.err.splitlines()) == MAX_PROBLEMS + 2
    assert done.err.splitlines()[-1] == "0 events, 0 warnings, 300,001 payloads rejected"
    assert len((tmp_path / "rejects.jsonl").read_text().splitlines()) == MAX_PROBLEMS + 1


# --- Problems -----------------------------------------------------------------------------------------------------------------


def problems(kind: str) -> tuple[Problem, ...]:
    with pytest.raises(DecodeError) as caught:
        (decode_session if kind in SESSIONS else decode_event)({**EVENTS, **SESSIONS}[kind]())
    return caught.value.problems


@pytest.mark.parametrize("kind", [*EVENTS, *SESSIONS])
def test_the_first_problems_are_kept_and_the_last_one_counts_all(kind: str) -> None:
    *kept, last = problems(kind)

    parts = {**EVENTS, **SESSIONS}[kind]().count(",")
    assert len(kept) == MAX_PROBLEMS
    assert len({problem.path for problem in kept}) == MAX_PROBLEMS
    assert last.error == "too_many_problems"
    assert MAX_PROBLEMS < int(last.found) <= parts + 1
    assert all(len(text) < 64 * (MAX_SHOWN + 10) for problem in kept for text in (problem.path, problem.found, problem.expected))


@given(st.integers(0, 3 * MAX_PROBLEMS))
def test_exactly_so_many_problems_are_told_or_counted(number: int) -> None:
    document = json.dumps([float("nan")] * number)
    if not number:
        assert read_json(document) == []
        return

    with pytest.raises(DecodeError) as caught:
        read_json(document)

    found = [problem.path for problem in caught.value.problems if problem.error == "not_a_number"]
    assert found == [f"$[{index}]" for index in range(min(number, MAX_PROBLEMS))]
    assert [problem.found for problem in caught.value.problems[MAX_PROBLEMS:]] == ([str(number)] if number > MAX_PROBLEMS else [])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=100),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(), max_size=4), inner, max_size=4),
    max_leaves=30,
)


@given(JSON)
def test_a_shown_value_is_the_beginning_of_its_json(value: object) -> None:
    whole = json.dumps(value)

    text = shown(value)

    assert len(text) <= MAX_SHOWN
    assert text == whole or (text.endswith("…") and whole.startswith(text[:-1]) and len(whole) > MAX_SHOWN)


@given(JSON)
def test_what_is_checked_is_what_reads_the_same_from_its_text(value: object) -> None:
    """A document passes the check exactly where its own JSON, written by Python, can be read strictly."""
    text = json.dumps(value)
    try:
        read_json(text)
        expected = None
    except DecodeError as error:
        expected = error.error
    try:
        check_document(value)
        found = None
    except DecodeError as error:
        found = error.error

    assert found == expected


BRACKETS = st.lists(st.sampled_from(["[", "]", "{", "}", '"', '\\"', "\\\\", "\\", "a", ",", ":", "\n"]), max_size=200)


@given(BRACKETS, st.integers(60, 70))
def test_brackets_within_strings_do_not_count_as_depth(parts: list[str], depth: int) -> None:
    text = json.dumps("".join(parts)).replace('"', '"' + "[" * 70, 1)

    if depth <= 64:
        assert str(read_json("[" * depth + text + "]" * depth)).count("[") >= depth
    else:
        with pytest.raises(DecodeError, match=f"found {depth} levels"):
            read_json("[" * depth + text + "]" * depth)


# --- Payloads -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "error", "path"),
    [
        ({"id": "\ud800"}, "lone_surrogate", "$.id"),
        ({"\udfff": 1}, "lone_surrogate", "$"),
        ({"id": float("nan")}, "not_a_number", "$.id"),
        ({"id": 10**5000}, "number_too_long", "$.id"),
        ({1: 2}, "not_json", "$"),
        ({"id": {1, 2}}, "not_json", "$.id"),
    ],
)
def test_what_a_caller_parsed_leniently_is_a_decode_error(document: object, error: str, path: str) -> None:
    with pytest.raises(DecodeError) as caught:
        convert(document)

    assert (caught.value.error, caught.value.path) == (error, path)


def nested(depth: int) -> Any:
    document: Any = []
    for _ in range(depth - 1):
        document = [document]
    return document


@pytest.mark.parametrize("depth", [65, 1200, 100_000])
def test_lists_within_lists_are_a_decode_error(depth: int) -> None:
    with pytest.raises(DecodeError, match="nested_too_deep"):
        convert(nested(depth))

    assert convert(nested(64)).events == ()


def test_warnings_are_bounded_and_counted() -> None:
    legs = [{"id": f"leg{n}", "state": "connected"} for n in range(30)]

    converted = convert({"id": "c", "participants": [{"calls": legs}]})

    *kept, last = converted.warnings
    assert [warning.path for warning in kept] == [f"$.participants[0].calls[{n}].state" for n in range(MAX_PROBLEMS)]
    assert (last.error, last.found) == ("too_many_problems", "30")


def test_copies_that_differ_stay_and_equal_ones_go() -> None:
    """Equal in Python is not equal in JSON: what the platform wrote decides."""
    live = {"id": "a", "state": "connected", "connectedTime": t(0)}
    copies = [conversation({**live, "provider": provider}) for provider in ("x", "x", "y", "x")]

    events = [event for event in convert(copies).events if event.id == "a/connected"]

    assert [event.details.provider for event in events] == ["x", "y", "x"]  # the last one corrects the second


@pytest.mark.parametrize("shape", ["one line", "pretty-printed", "one a line"])
def test_a_payload_over_the_bound_is_rejected_and_the_option_lifts_it(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "payload.json"
    text = json.dumps(WHOLE, indent=1 if shape == "pretty-printed" else None)
    path.write_text(f"{text}\n{text}\n" if shape == "one a line" else text)

    short = command("convert", path, "--max-bytes", "500")
    long = command("convert", path, "--max-bytes", "50000")

    assert short.code == 1
    assert "line_too_long" in short.err
    assert (long.code, len(long.out.splitlines())) == (0, 10)


def test_a_payload_of_too_many_parts_is_rejected_by_their_number() -> None:
    rejected: list[Rejected] = []

    read = list(read_payloads(io.BytesIO(b"[" + b"{}," * 100 + b"{}]"), rejected.append, max_line_bytes=5000))

    assert (read, [one.error.error for one in rejected]) == ([], ["too_many_parts"])
    assert [one.error.found for one in rejected] == ["102 objects and arrays"]
    assert MAX_PAYLOAD_BYTES // 50 > 300_000


@pytest.mark.parametrize("key", ["subject", "source", "conversationid", "wrapupPrompt"])
def test_long_texts_do_not_stay_in_memory(key: str) -> None:
    event = {"specversion": "1.0", "id": "e", "source": "/a", "type": "cobrowse.session.alerting", "subject": "s"}
    lifecycle = Lifecycle()
    tracemalloc.start()
    try:
        for number in range(100):
            long = f"{number}" * 200_000
            said = {"data": {key: long}} if key == "wrapupPrompt" else {key: long}
            read = decode_event(json.dumps({**event, "time": "2026-03-01T09:00:00Z", **said}))
            lifecycle.apply(lifecycle.new(read.subject), read)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 5_000_000
