"""A file of another kind than a command reads is recognised by its beginning, and one sentence names what helps."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.commands import command
from tests.test_corpus import FOLDERS, REJECTED, payload_of
from tests.test_genesys import PAYLOADS
from tests.test_replay import CALL, lines

from cobrowse_session.io.kinds import kind_of

CAPTURES = [payload_of(case) for case in FOLDERS if case not in REJECTED]
READ_EVENTS = ("replay", "history", "explain", "timeline", "perfetto", "validate", "clocks")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file of each kind."""
    folder = tmp_path_factory.mktemp("kinds")
    (folder / "events").write_bytes(lines(CALL))
    (folder / "payload").write_text(json.dumps(PAYLOADS["conversation"], indent=2))
    with closing(sqlite3.connect(folder / "database")) as database:
        database.execute("create table anything (id integer)")
    command("replay", folder / "events", "--trace", folder / "trace", "-o", folder / "sessions")
    return folder


def test_every_kind_is_recognised(files: Path) -> None:
    found = {path.name: kind_of(path.read_bytes()) for path in files.iterdir()}

    assert found == {name: name for name in ("events", "payload", "trace", "sessions", "database")}


@pytest.mark.parametrize("name", PAYLOADS)
def test_every_family_is_a_payload_on_one_line_in_a_list_and_pretty_printed(name: str) -> None:
    shapes = json.dumps(PAYLOADS[name]), json.dumps([PAYLOADS[name]] * 2), json.dumps(PAYLOADS[name], indent=4)

    assert [kind_of(shape.encode()) for shape in shapes] == ["payload"] * 3


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.parent.name)
def test_every_capture_is_a_payload_by_its_beginning(path: Path) -> None:
    content = path.read_bytes()

    assert [kind_of(content[:length]) for length in (4096, len(content))] == ["payload"] * 2


@pytest.mark.parametrize("name", READ_EVENTS)
def test_a_payload_in_place_of_events_names_convert_in_one_sentence(name: str, files: Path) -> None:
    done = command(name, files / "payload")

    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"cobrowse-session: {files / 'payload'}: it holds a payload of the platform, not events, one per line. "
        f"Convert it first: cobrowse-session convert {files / 'payload'} -o events.jsonl\n"
    )


SWAPPED = {
    "events for convert": (("convert", "events"), "It needs no conversion: cobrowse-session replay "),
    "a trace for replay": (("replay", "trace"), "Name the file of events that was replayed."),
    "sessions for history": (("history", "sessions"), "Name the file of events that was replayed."),
    "events for diagram": (("diagram", "--trace", "events"), "Replay writes one: cobrowse-session replay "),
    "events for diff": (("diff", "trace", "events"), "Replay writes one: cobrowse-session replay "),
    "a payload for diff": (("diff", "payload", "trace"), "Convert it, then replay its events: "),
    "events for the records of shadow": (("shadow", "events", "events"), "Name the events first, and the records after them."),
    "a payload for shadow": (("shadow", "events", "payload"), "Compare the platform's own record: cobrowse-session reconcile "),
    "a trace for shadow": (("shadow", "events", "trace"), "Name a file of records, one session JSON per line."),
    "swapped files": (("reconcile", "payload", "events"), "Name the events first, and the platform's record after them."),
    "events twice": (("reconcile", "events", "events"), "Name the events first, and the platform's record after them."),
    "payloads twice": (("reconcile", "payload", "payload"), "Convert it first: cobrowse-session convert "),
    "a database for replay": (("replay", "database"), "If it is a store, give its address: sqlite:///"),
    "a database for convert": (("convert", "database"), "Name a file that the platform wrote."),
    "a database for store import": (("store", "import", "sqlite:///x.db", "database"), "store export sqlite:///"),
    "swapped store import": (("store", "import", "events", "sqlite:///x.db"), "The store comes first, and then a file "),
    "a store for store import": (
        ("store", "import", "sqlite:///x.db", "sqlite:///y.db"),
        "The store comes first, and then a file ",
    ),
    "a store for store repair": (
        ("store", "repair", "sqlite:///x.db", "sqlite:///y.db"),
        "The store comes first, and then a file ",
    ),
}


@pytest.mark.parametrize(("arguments", "advice"), SWAPPED.values(), ids=SWAPPED)
def test_a_file_of_another_kind_is_one_sentence_that_names_what_helps(
    arguments: tuple[str, ...], advice: str, files: Path
) -> None:
    name, *rest = arguments

    done = command(name, *(files / one if (files / one).exists() else one for one in rest))

    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert advice in done.err


def test_standard_input_is_recognised_and_nothing_of_it_is_lost(files: Path) -> None:
    assert "convert - -o" in command("replay", "-", stdin=(files / "payload").read_bytes()).err
    assert command("replay", "-", stdin=(files / "events").read_bytes()).out == (files / "sessions").read_text()


@pytest.mark.parametrize("name", ["events", "trace", "payload", "sessions"])
def test_a_beginning_that_is_too_short_is_of_no_kind(name: str, files: Path) -> None:
    """A pipe may bring little at first. Then each line is read as always."""
    assert kind_of((files / name).read_bytes()[:12]) is None


@pytest.mark.parametrize("blank", [b"\n", b"\n ", b" \n\t"])
def test_millions_of_blank_lines_are_recognised(blank: bytes) -> None:
    """To try each way to split them would take hours."""
    assert kind_of(b"[" + blank * 2_000_000 + b'1, "specversion": 1') is None
    assert kind_of(b"[" + blank * 2_000_000 + b' {"specversion": 1') == "spread events"


@pytest.mark.parametrize("as_list", [False, True])
def test_events_that_are_spread_over_several_lines_are_one_sentence(*, as_list: bool) -> None:
    event = json.loads(lines(CALL).splitlines()[0])

    done = command("replay", "-", stdin=json.dumps([event] if as_list else event, indent=2).encode())

    assert done.err == (
        "cobrowse-session: standard input: it holds events that are spread over several lines, not events, one per line. "
        "Write each event on one line, as jq -c does.\n"
    )


BAD_LINES = {
    "a bracket first": b"{\n" + lines(CALL),
    "garbage first": b"{garbage\n" + lines(CALL),
    "a payload first": json.dumps(PAYLOADS["conversation"]).encode() + b"\n" + lines(CALL),
    "a trace entry of its own": b'{"session":"s1","type":"timer.acw"}\n' + lines(CALL),
    "an object": b'{"id":1}\n' + lines(CALL),
}


@pytest.mark.parametrize("content", BAD_LINES.values(), ids=BAD_LINES)
def test_a_file_that_merely_has_bad_lines_is_reported_line_by_line(content: bytes) -> None:
    done = command("validate", "-", stdin=content)

    assert done.code == 1
    assert done.out.startswith("-:1: ")
    assert "3 events read, 1 line rejected" in done.err


def test_an_attribute_of_a_conversation_that_is_named_as_one_of_an_event_leaves_it_a_payload() -> None:
    odd = {**PAYLOADS["conversation"], "specversion": "1.0"}

    assert command("convert", "-", stdin=json.dumps(odd).encode()).code == 0


def test_a_family_that_is_named_is_believed(files: Path) -> None:
    done = command("convert", files / "events", "--from", "conversation")

    assert done.code == 1
    assert "not_recognised" in done.err


def test_no_error_lists_all_families() -> None:
    done = command("convert", "-", stdin=b'{"id":1}\n' + lines(CALL))

    assert done.code == 1
    assert done.err.count("not_recognised") == 4
    assert "voicemail" not in done.err
