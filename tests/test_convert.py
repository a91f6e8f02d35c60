"""The `convert` command: payloads of the platform in, events out."""

import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.commands import command
from tests.test_genesys import DETAIL, PAYLOADS, SNAPSHOTS, WHOLE, conversation, t, written

from cobrowse_session.io.payloads import read_payloads
from cobrowse_session.io.replay import Rejected

OTHER = {"id": "conv2", "participants": [{"id": "leg2", "state": "connected", "connectedTime": t(3)}]}
TEN = "10 events, 0 warnings, 0 payloads rejected\n"
GOOD, BAD = json.dumps(WHOLE), '{"participants"'


def events(out: str) -> list[Any]:
    return [json.loads(line) for line in out.splitlines()]


def without_edition(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in event.items() if key != "sequence"} for event in found]


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    path = tmp_path / "payload.json"
    path.write_text(GOOD, encoding="utf-8")
    return path


# --- The shapes of a file -----------------------------------------------------------------------------------------------------

SHAPES = {
    "on one line": json.dumps(WHOLE),
    "without its last line end": json.dumps(WHOLE) + "\n",
    "pretty-printed": json.dumps(WHOLE, indent=2) + "\n",
    "pretty-printed by tabs and Windows": json.dumps(WHOLE, indent="\t").replace("\n", "\r\n"),
    "after blank lines": "\n\n" + json.dumps(WHOLE, indent=1),
    "an array": json.dumps([WHOLE]),
    "a pretty-printed array": json.dumps([WHOLE, WHOLE], indent=2),
    "one a line": f"{GOOD}\n{GOOD}\n{GOOD}\n",
    "one a line, with blank ones between": f"{GOOD}\n\n  \n{GOOD}\n",
    "arrays, one a line": f"[{GOOD}]\n[]\n[{GOOD},{GOOD}]\n",
    "a listing": json.dumps({"entities": [WHOLE], "total": 1}, indent=2),
    "with words of the world": json.dumps(WHOLE, ensure_ascii=False),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_of_payloads_may_have_any_shape(shape: str, payload: Path) -> None:
    payload.write_bytes(SHAPES[shape].encode())

    done = command("convert", payload)

    assert (done.code, done.err) == (0, TEN)
    assert events(done.out) == written(WHOLE)


def test_minus_is_standard_input() -> None:
    done = command("convert", "-", stdin=GOOD.encode())

    assert (done.code, events(done.out), done.err) == (0, written(WHOLE), TEN)


def test_events_go_where_they_are_sent(payload: Path) -> None:
    target = payload.with_name("events.jsonl")

    done = command("convert", payload, "-o", target)

    assert (done.code, done.out, done.err) == (0, "", TEN)
    assert events(target.read_text(encoding="utf-8")) == written(WHOLE)
    assert target.read_bytes().endswith(b"}\n")
    assert b"\r" not in target.read_bytes()


def test_one_file_may_have_payloads_of_many_families(payload: Path) -> None:
    payload.write_text("".join(json.dumps(one) + "\n" for one in PAYLOADS.values()))

    done = command("convert", payload)

    found = {event["id"] for event in events(done.out)}
    assert done.code == 0
    assert found == {event["id"] for one in PAYLOADS.values() for event in written(one)}


def test_a_fact_has_one_id_however_many_lines_state_it(payload: Path) -> None:
    payload.write_text("".join(json.dumps(one) + "\n" for one in (*SNAPSHOTS, OTHER, *reversed(SNAPSHOTS))))

    done = command("convert", payload)

    ids = [event["id"] for event in events(done.out)]
    assert done.code == 0
    assert len(set(ids)) == 12
    assert len(ids) < 2 * len(set(ids))  # a copy stays where another snapshot corrects it


def test_a_file_without_payloads_is_no_error() -> None:
    heartbeat = b'{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}\n'

    for nothing in (b"", b"\n \n", b"[]", heartbeat, heartbeat * 3):
        done = command("convert", "-", stdin=nothing)
        assert (done.code, done.out) == (0, "")
        assert done.err.startswith("0 events, 0 warnings, 0 payloads rejected")


# --- What cannot be read ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "bad"),
    [
        pytest.param([GOOD, BAD, GOOD], {2: ("not_json", "$")}, id="in the middle"),
        pytest.param([GOOD, BAD], {2: ("not_json", "$")}, id="last"),
        pytest.param([BAD, GOOD], {1: ("not_json", "$")}, id="first"),
        pytest.param([BAD, GOOD, GOOD, BAD], {1: ("not_json", "$"), 4: ("not_json", "$")}, id="first and last"),
        pytest.param([GOOD, "", "5", "{}"], {3: ("not_recognised", "$"), 4: ("not_recognised", "$")}, id="no payloads"),
        pytest.param(["5", GOOD], {1: ("not_recognised", "$")}, id="a number first"),
        pytest.param([GOOD, '{"participants":[],"participants":[]}'], {2: ("duplicate_key", "$")}, id="a key twice"),
        pytest.param([GOOD, '{"participants":NaN}'], {2: ("not_a_number", "$.participants")}, id="no number"),
        pytest.param([GOOD, "[" * 65 + "]" * 65], {2: ("nested_too_deep", "$")}, id="too deep"),
        pytest.param([GOOD, '["\\ud800"]'], {2: ("lone_surrogate", "$[0]")}, id="half a character"),
    ],
)
def test_what_cannot_be_read_is_rejected_with_its_line_and_the_others_go_on(
    lines: list[str], bad: dict[int, tuple[str, str]], payload: Path
) -> None:
    payload.write_text("\n".join(lines) + "\n")
    rejects = payload.with_name("rejects.jsonl")

    done = command("convert", payload, "--rejects", rejects)

    assert done.code == 1
    assert without_edition(events(done.out)) == without_edition(written(WHOLE))  # a rejected payload has a place, too
    found = [(one["line"], (one["error"], one["path"])) for one in events(rejects.read_text())]
    assert dict(found) == bad
    assert all(f"{payload}:{line}: {error}: {path}: " in done.err for line, (error, path) in bad.items())


def test_each_element_of_an_array_is_rejected_by_itself_and_by_its_place(payload: Path) -> None:
    payload.write_text(f"[{GOOD}, 5, {{}}]")
    rejects = payload.with_name("rejects.jsonl")

    done = command("convert", payload, "--rejects", rejects)

    assert (done.code, events(done.out)) == (1, written(WHOLE))
    assert done.err.splitlines()[-1] == "10 events, 0 warnings, 2 payloads rejected"
    assert [(one["line"], one["path"], one["found"]) for one in events(rejects.read_text())] == [
        (1, "$[1]", "5"),
        (1, "$[2]", "{}"),
    ]


def test_a_reject_has_what_was_found_and_expected(payload: Path) -> None:
    payload.write_text(f'{GOOD}\n{{"presence":"busy"}}\n')
    rejects = payload.with_name("rejects.jsonl")

    command("convert", payload, "--rejects", rejects)

    (line,) = events(rejects.read_text())
    assert line == {
        "file": str(payload),
        "line": 2,
        "error": "not_recognised",
        "path": "$",
        "found": '{"presence": "busy"}',
        "expected": "a payload of a known family (sources: genesys)",
        "text": '{"presence":"busy"}',
        "length": 19,
    }


@pytest.mark.parametrize("beginning", ["", " " * 1000])
def test_a_payload_that_is_too_long_is_rejected_with_its_own_length(beginning: str) -> None:
    rejected: list[Rejected] = []
    long = (beginning + GOOD).encode()
    file = io.BytesIO(b'{"id":"conv","participants":[]}\n' + long + b"\n")

    converted = list(read_payloads(file, rejected.append, max_line_bytes=100))

    found = [(one.error.error, one.error.line, one.error.found, one.length) for one in rejected]
    assert found == [("line_too_long", 2, f"{len(long)} bytes", len(long))]
    assert len(converted) == 1


def test_a_pretty_printed_payload_that_is_too_long_is_rejected_whole() -> None:
    rejected: list[Rejected] = []

    assert list(read_payloads(io.BytesIO(json.dumps(WHOLE, indent=1).encode()), rejected.append, max_line_bytes=100)) == []
    assert [(one.error.error, one.error.line) for one in rejected] == [("line_too_long", 1)]


# --- Warnings -----------------------------------------------------------------------------------------------------------------


def test_warnings_go_to_standard_error_and_are_no_failure(payload: Path) -> None:
    payload.write_text(json.dumps(conversation({"state": "connected", "connectedTime": t(3), "disconnectedTime": t(63)})))

    done = command("convert", payload)

    assert done.code == 0
    assert [event["id"] for event in events(done.out)] == ["leg/connected", "leg/disconnected"]
    warning, count = done.err.splitlines()
    assert ":1: warning: " in warning
    assert warning.endswith(
        "contradiction: $.participants[0].cobrowsesessions[0].state (leg leg): "
        "expected disconnected, because the leg has a disconnectedTime, found connected"
    )
    assert count == "2 events, 1 warning, 0 payloads rejected"


def test_a_warning_names_the_line_of_its_payload(payload: Path) -> None:
    live = conversation({"state": "connected", "connectedTime": t(3), "disconnectedTime": t(63)})
    payload.write_text(f"{GOOD}\n{json.dumps(live)}\n")

    (warning, _) = command("convert", payload).err.splitlines()

    assert f"{payload}:2: " in warning


# --- A family that is named ---------------------------------------------------------------------------------------------------


def test_a_family_may_be_named(payload: Path) -> None:
    payload.write_text(json.dumps(DETAIL))

    named = command("convert", payload, "--from", "detail.user.start")

    assert (named.code, [event["type"] for event in events(named.out)]) == (0, ["cobrowse.session.alerting"])
    assert command("convert", payload).code == 1


def test_a_payload_that_is_not_of_the_family_that_is_named_is_rejected(payload: Path) -> None:
    done = command("convert", payload, "--from", "provider")

    assert (done.code, done.out) == (1, "")
    assert f"{payload}:1: not_recognised: $: " in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("convert", "{payload}", "--from", "nonsense"), "detail.user.start"),
        (("convert", "no-such-file"), "No such file"),
        (("convert", "no-such-file", "{payload}", "-o", "{payload}"), "named twice"),
        (("convert", "{payload}", "{payload}", "-o", "{payload}"), "named twice"),
        (("convert", "{payload}", "-o", "no/such/folder"), "No such file"),
        (("convert", "{payload}", "-o", "{payload}"), "named twice"),
        (("convert", "{payload}", "--rejects", "-"), "named twice"),
        (("convert",), "PAYLOAD"),
    ],
)
def test_wrong_usage_exits_with_2_and_what_to_do(arguments: tuple[str, ...], words: str, payload: Path) -> None:
    before = payload.read_bytes()

    done = command(*(argument.format(payload=payload) for argument in arguments))

    printed = " ".join(done.err.replace("│", " ").split())
    assert (done.code, done.out) == (2, "")
    assert words in printed
    assert "Traceback" not in done.err
    assert payload.read_bytes() == before


# --- Several files --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one snapshot of a growing leg in each file, one of them packed and one in another folder."""
    folder = tmp_path / "payloads"
    (folder / "more").mkdir(parents=True)
    (folder / "more" / "last.jsonl").write_text(json.dumps(OTHER) + "\n")
    (folder / "notes.txt").write_text("no payload")
    for number, snapshot in enumerate(SNAPSHOTS):
        (folder / f"{number}.json").write_text(json.dumps(snapshot, indent=2))
    packed = gzip.compress((folder / "1.json").read_bytes())
    (folder / "1.json").unlink()
    (folder / "1.json.gz").write_bytes(packed)
    return folder


def of_one_file(*documents: Any) -> list[dict[str, Any]]:
    done = command("convert", "-", stdin="".join(json.dumps(one) + "\n" for one in documents).encode())
    return events(done.out)


def test_several_files_are_one_input(folder: Path) -> None:
    names = [folder / name for name in ("0.json", "1.json.gz", *(f"{n}.json" for n in range(2, len(SNAPSHOTS))))]

    done = command("convert", *names, folder / "more" / "last.jsonl")

    assert (done.code, events(done.out)) == (0, of_one_file(*SNAPSHOTS, OTHER))


def test_a_folder_is_all_its_files_by_name(folder: Path) -> None:
    done = command("convert", folder)

    assert (done.code, events(done.out)) == (0, of_one_file(*SNAPSHOTS, OTHER))


def test_growing_snapshots_in_several_files_are_one_session(folder: Path) -> None:
    converted = command("convert", folder, folder)

    sessions = [json.loads(line) for line in command("replay", "-", stdin=converted.out.encode()).out.splitlines()]
    assert {session["id"]: session["state"] for session in sessions} == {"leg": "disconnected", "leg2": "connected"}


@pytest.mark.parametrize("name", ["a.json", "more/b.jsonl", "more/c.jsonl.gz", "ä b\n.json", os.fsdecode(b"\xff.json")])
def test_a_reject_names_the_file_that_has_the_line(folder: Path, name: str) -> None:
    lines = f"{GOOD}\n{{}}\n".encode()
    (folder / name).write_bytes(gzip.compress(lines) if name.endswith(".gz") else lines)

    done = command("convert", folder, "-", "--rejects", folder / "rejects", stdin=b"{}\n")
    found = [(one["file"], one["line"]) for one in events((folder / "rejects").read_text())]

    assert done.code == 1
    assert found == [(str(folder / name).replace("\udcff", "\\udcff"), 2), ("-", 1)]


def test_files_may_be_named_beside_standard_input(folder: Path) -> None:
    done = command("convert", folder / "0.json", "-", stdin=json.dumps(OTHER).encode())

    assert (done.code, events(done.out)) == (0, of_one_file(SNAPSHOTS[0], OTHER))


def test_all_files_were_received_at_the_time_that_is_given(folder: Path) -> None:
    done = command("convert", folder, "--received", t(600))

    received = [event.get("receivedtime", event["time"]) for event in events(done.out)]
    assert done.code == 0
    assert t(600) in received


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("0.json", b'{"participants', "0.json:1: not_json"),
        (
            "a.json",
            b'{"specversion":"1.0","id":"e","source":"s","type":"t","subject":"x","time":"' + t(0).encode() + b'"}',
            "a.json",
        ),
        ("a.json.gz", b"\x1f\x8b\x08\x00damaged", "a.json.gz: the compressed file is damaged"),
    ],
)
def test_of_several_files_one_that_cannot_be_read_is_named_and_the_others_are_read(
    name: str, content: bytes, reason: str, folder: Path
) -> None:
    (folder / name).write_bytes(content)

    done = command("convert", folder)

    assert done.code == 1
    assert reason in done.err
    assert {event["subject"] for event in events(done.out)} == {"leg", "leg2"}
    assert done.err.splitlines()[-1].endswith("1 payload rejected")


def test_a_folder_without_payloads_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = command("convert", tmp_path / "empty")

    assert (done.code, "it holds no file" in done.err, ".jsonl" in done.err) == (2, True, True)


def test_a_file_of_the_folder_is_not_overwritten(folder: Path) -> None:
    before = (folder / "0.json").read_bytes()
    done = command("convert", folder, "-o", folder / "0.json")

    assert (done.code, done.out, (folder / "0.json").read_bytes()) == (2, "", before)


# --- Onward -------------------------------------------------------------------------------------------------------------------


def test_convert_and_replay_are_a_pipeline(payload: Path) -> None:
    run = f"'{sys.executable}' -m cobrowse_session"

    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{run} convert '{payload}' | {run} replay -"],
        capture_output=True,
        check=True,
        timeout=60,
    )

    (line,) = done.stdout.decode().splitlines()
    session = json.loads(line)
    assert (session["state"], session["disconnectedTime"], session["afterCallWork"]["state"]) == (
        "disconnected",
        t(63),
        "complete",
    )
    assert b"10 events, 0 warnings, 0 payloads rejected" in done.stderr


def test_what_convert_writes_is_valid(payload: Path) -> None:
    payload.write_text("".join(json.dumps(one) + "\n" for one in PAYLOADS.values()))
    converted = command("convert", payload)

    done = command("validate", "-", stdin=converted.out.encode())

    assert (done.code, done.out, done.err) == (0, "", f"{len(converted.out.splitlines())} events read\n")


def test_a_reader_that_goes_away_is_no_error(payload: Path) -> None:
    payload.write_text(
        "".join(
            json.dumps(conversation({"id": f"leg{n}", "state": "connected", "connectedTime": t(3)})) + "\n" for n in range(5000)
        )
    )
    shell = f"'{sys.executable}' -m cobrowse_session convert '{payload}' | head -n 1"

    done = subprocess.run(["bash", "-c", shell], capture_output=True, check=True, timeout=60)

    assert done.stdout.count(b"\n") == 1
    assert b"Error" not in done.stderr
