"""What events hold is never obeyed by a terminal: each line that a command prints is printable, and no text makes a line."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.commands import Result, command
from tests.effort import share
from tests.test_genesys import conversation, t
from tests.test_replay import CALL, lines

from cobrowse_session.printable import printable

HOSTILE = st.text(
    st.sampled_from("a\\\n\r\t\x1b\x00\x7f\x9b\u202e\u2066\u2028\u2029\u200b\ufeff\x85\x0b\x0c\x1c😀é["), min_size=1, max_size=12
)
TIMES = [f"2026-03-01T09:00:{second:02}.000Z" for second in range(10)]


def events(text: str) -> bytes:
    """A session that has the text wherever a text may be: one event of each outcome, and lines that cannot be read."""
    common: dict[str, Any] = {"specversion": "1.0", "source": f"/{text}", "subject": f"s{text}", "conversationid": text}
    data: dict[str, Any] = {"wrapupPrompt": text, "peerId": text, "self": {"name": text}, text: text}
    facts: list[tuple[str, dict[str, Any]]] = [
        ("cobrowse.session.connected", data),
        ("cobrowse.session.alerting", {}),
        ("cobrowse.session.disconnected", {"disconnectType": text}),
        ("cobrowse.session.wrapup", {"code": text, "name": text, "notes": text, "tags": [text]}),
        (f"x.{text}", {}),
        ("cobrowse.session.updated", {text: 1, "wrapupTimeoutMs": -1}),
    ]
    good = [
        {**common, "id": f"e{n}{text}", "type": kind, "time": TIMES[n], "receivedtime": TIMES[n], "data": body}
        for n, (kind, body) in enumerate(facts)
    ]
    late = {**good[0], "id": f"f{text}", "subject": f"far{text}", "time": "2031-01-01T00:00:00Z", "receivedtime": None}
    bad = [{**good[0], "time": text, "data": {"self": {"name": 1}, text: {text: text}}}, {**good[0], "data": text}, [text]]
    every = [*good, late, good[0], *bad, {text: float("nan")}]
    return "".join(json.dumps(one) + "\n" for one in every).encode() + b"x" + text.replace("\n", "").encode()


def payload(text: str) -> bytes:
    """A payload with warnings, one that is not recognised, and one that cannot be read."""
    leg = {"id": f"s{text}", "state": text, "provider": text, "connectedTime": t(0), "wrapup": {"code": text, "endTime": text}}
    return json.dumps([conversation({**leg, "segments": [{"type": text}]}), {text: text}]).encode()


def said(folder: Path, text: str) -> dict[str, Result]:
    """What every command says of files that hold the text."""
    (folder / "events").write_bytes(events(text))
    (folder / "payload").write_bytes(payload(text))
    replayed = command("replay", folder / "events", "-o", folder / "out", "--trace", folder / "trace", "--seal-after", "1")
    (folder / "other").write_text((folder / "trace").read_text().replace("applied", json.dumps(text)[1:-1]))
    return {
        "replay": replayed,
        "validate": command("validate", folder / "events"),
        "history": command("history", folder / "events"),
        "explain": command("explain", folder / "events", f"s{text}", "wrapup.notes"),
        "explain, a list": command("explain", folder / "events", f"s{text}", "wrapup"),
        "clocks": command("clocks", folder / "events"),
        "diff": command("diff", folder / "trace", folder / "other"),
        "convert": command("convert", folder / "payload", "-o", folder / "out"),
        "reconcile": command("reconcile", folder / "events", folder / "payload", "--all"),
        "no session": command("history", folder / "events", "nobody"),
        "no field": command("explain", folder / "events", f"s{text}", text),
        "no trace": command("diff", folder / "events", folder / "events"),
    }


FEW = settings(max_examples=share(15), suppress_health_check=[HealthCheck.function_scoped_fixture])


@FEW
@example("\n")
@example("\x1b[31m")
@given(HOSTILE)
def test_what_a_terminal_could_obey_is_an_escape_and_makes_no_line(tmp_path: Path, text: str) -> None:
    """The yardstick is the same run with the text's own escapes in its place."""
    hostile, harmless = said(tmp_path, text), said(tmp_path, printable(text).replace("\\", "/"))

    for name, done in hostile.items():
        for found, expected in ((done.out, harmless[name].out), (done.err, harmless[name].err)):
            every = found.split("\n")
            assert [line for line in every if printable(line) != line] == [], name
            if name not in (
                "no session",
                "no field",
            ):  # a frame is as wide as the terminal, and its text goes on in the next line
                assert len(every) == len(expected.split("\n")), name


NAMES = st.text(st.sampled_from("a\n\r\t\x1b\x9b\u202e\u2028\u200b"), min_size=1, max_size=5)


@FEW
@given(NAMES)
def test_a_file_s_name_makes_no_line_and_no_colour(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(lines(CALL) + b"{\n")

    every = {
        1: [command("validate", path), command("history", path)],
        2: [
            command("replay", path, "-o", path),
            command("replay", path / "x"),
            command("diff", path, path),
            command("convert", path),
        ],
    }

    for code, found in every.items():
        for done in found:
            assert done.code == code
            assert [line for line in (done.out + done.err).split("\n") if printable(line) != line] == []
            assert "Traceback" not in done.err


def test_json_keeps_the_text_as_it_came(tmp_path: Path) -> None:
    text = "\n\x1b[31m\u202e😀"
    (tmp_path / "events").write_bytes(events(text))

    done = command("replay", tmp_path / "events", "--rejects", tmp_path / "rejects")

    first = json.loads(done.out.splitlines()[0])
    assert (first["id"], first["wrapup"]["notes"]) == (f"s{text}", text)
    assert all(json.loads(line) for line in (tmp_path / "rejects").read_text().splitlines())


# --- Sentences in place of tracebacks -----------------------------------------------------------------------------------------

FIELDS = st.lists(
    st.sampled_from(
        ["segments", "wrapup", "self", "controlling", "tags", "type", "name", "0", "²", "-1", "٣", "", "9" * 5000, "x"]
    ),
    min_size=1,
    max_size=4,
).map(".".join)


@FEW
@example("segments.²")
@example("segments.type")
@example(f"segments.{'9' * 5000}")
@given(FIELDS)
def test_any_field_is_explained_or_is_wrong_usage(tmp_path: Path, field: str) -> None:
    (tmp_path / "events").write_bytes(lines(CALL))

    done = command("explain", tmp_path / "events", "s1", field)

    assert (done.code == 0 and done.out.startswith(f"{field} is ")) or (done.code == 2 and "FIELD" in done.err)


@pytest.mark.parametrize("option", ["--seal-after", "--acw-timeout", "--alerting-grace"])
@pytest.mark.parametrize("value", ["1e7", "1e8", "1e11", "1e13", "1e300", "inf", "nan", "-1e13"])
def test_a_duration_that_no_clock_can_add_is_wrong_usage_or_taken(option: str, value: str) -> None:
    done = command("replay", "-", option, value, "--acw", "timeout", "--acw-timeout", "30", stdin=lines(CALL))

    assert done.code in (0, 2)
    assert value == "1e7" or done.code == 2 or option == "--acw-timeout"
