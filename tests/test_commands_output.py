"""What commands print: colours and lines for a person at a terminal, plain text in a pipe, JSON for a program."""

import io
import json
import re
from contextlib import redirect_stderr
from pathlib import Path

import pytest
from tests.commands import command
from tests.test_commands_sessions import error
from tests.test_genesys import WHOLE
from tests.test_replay import CALL, EXAMPLES, lines

from cobrowse_session.cli import app
from cobrowse_session.cli.screen import has_colour, laid_out
from cobrowse_session.testing import stream

EVENTS = EXAMPLES / "events.jsonl"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


# --- Lines and colours --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "stream", "expected"),
    [
        ({}, Terminal(), True),
        ({}, io.StringIO(), False),
        ({"NO_COLOR": "1"}, Terminal(), False),
        ({"FORCE_COLOR": "1"}, io.StringIO(), True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, Terminal(), False),
        ({"NO_COLOR": ""}, Terminal(), True),
    ],
)
def test_a_terminal_has_colours_unless_the_environment_decides(
    environment: dict[str, str], stream: io.StringIO, *, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert has_colour(stream) == expected


@pytest.mark.parametrize("width", [40, 80, 130])
def test_a_terminal_gets_lines_of_its_width_and_no_word_or_id_is_broken(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    line = f"  set by     cobrowse.session.wrapup e5, {'a-b' * 20}, {'word ' * 40}".rstrip()

    wrapped = laid_out(line, Terminal())

    assert " ".join(wrapped).split() == line.split()
    assert all(len(one) <= width for one in wrapped if "a-ba-b" not in one)
    assert all(one.startswith(" " * 13) for one in wrapped[1:])


def test_a_pipe_gets_each_line_whole() -> None:
    line = "word " * 100

    assert laid_out(line, io.StringIO()) == [line]


def test_an_ignored_event_has_a_colour_and_a_pipe_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    path = EXAMPLES / "call.jsonl"
    with monkeypatch.context() as patch:
        patch.delenv("NO_COLOR", raising=False)
        patch.setenv("FORCE_COLOR", "1")
        coloured = command("history", path).out

    assert "\x1b[33m2026-03-01 09:05:08.000  wrapup e4: Ignored (nothing_to_save)" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == command("history", path).out


def test_numbers_have_thousands_separators() -> None:
    done = command("replay", "-", stdin=lines(*(stream(f"s{number}").alerting() for number in range(1200))))

    assert "1,200 events, 1,200 sessions" in done.err
    assert "  applied                    1,200\n" in done.err


def test_the_summary_counts_the_queues_and_users_that_are_known() -> None:
    legs = [stream(f"s{number}").alerting(queue_id=f"q{number % 2}", user_id=f"u{number}") for number in range(3)]

    assert "3 events, 3 sessions of 2 queues, 3 users\n" in command("replay", "-", stdin=lines(*legs)).err


def test_a_terminal_shows_every_step_of_a_replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "events").write_bytes(lines(CALL))
    with redirect_stderr(Terminal()) as terminal:
        app(["replay", str(tmp_path / "events"), "-o", str(tmp_path / "out")], standalone_mode=False)

    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())
    assert [step for step in ("Reading", "Finishing", "Writing") if re.search(rf"{step} .*100%", shown)] == [
        "Reading",
        "Finishing",
        "Writing",
    ]


# --- What helps ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (("histroy",), "history"),
        (("diagram", "conection"), "connection"),
        (("diagram", "--format", "mermaidd"), "mermaid"),
        (("replay", "-", "--acw", "mandetory"), "mandatory"),
        (("convert", "-", "--from", "convers"), "conversation"),
    ],
)
def test_a_misspelt_word_has_a_suggestion(arguments: tuple[str, ...], nearest: str) -> None:
    done = command(*arguments)

    assert done.code == 2
    assert f"id you mean '{nearest}'?" in error(done.err)


@pytest.mark.parametrize("prompt", [(), ("--acw", "mandatory"), ("--acw", "OPTIONAL"), ("--acw", "none")])
def test_a_timeout_that_no_prompt_uses_is_a_warning(prompt: tuple[str, ...]) -> None:
    done = command("replay", "-", "--acw-timeout", "30", *prompt, stdin=lines(CALL))

    assert done.code == 0
    assert done.err.startswith("Warning: --acw-timeout has no effect on sessions whose events name no prompt with a time limit.")


@pytest.mark.parametrize("prompt", ["timeout", "forcedTimeout", "agentRequested"])
def test_a_timeout_that_the_prompt_uses_is_no_warning(prompt: str) -> None:
    assert "Warning" not in command("replay", "-", "--acw-timeout", "30", "--acw", prompt, stdin=lines(CALL)).err


@pytest.mark.parametrize("arguments", [("history",), ("explain", "wrapup.code"), ("explain", "afterCallWork.state")])
def test_where_no_prompt_is_known_the_option_is_named_once(arguments: tuple[str, ...]) -> None:
    name, *rest = arguments
    ended = lines(CALL)

    assert (
        command(name, "-", *rest, stdin=ended).err
        == "A leg has no after-call work, because no event names a wrap-up prompt. Set a default with --acw.\n"
    )
    assert command(name, "-", *rest, "--acw", "none", stdin=ended).err == ""


def test_the_demo_names_commands_that_exist() -> None:
    named = re.findall(r"^  \{command\} (\w+)", (EXAMPLES / "demo.py").read_text(encoding="utf-8"), re.MULTILINE)

    assert len(named) == 4
    assert {command(name, "--help").code for name in named} == {0}


def test_help_names_no_types_and_groups_the_options() -> None:
    text = command("replay", "--help").out

    assert "<str>" not in text
    assert "<bool>" not in text
    assert all(f"─ {group} ─" in text for group in ("Input and output", "Time", "After-call work and alerts"))
    assert "`" not in text


# --- JSON for programs --------------------------------------------------------------------------------------------------------


def test_replay_writes_its_summary_as_json(tmp_path: Path) -> None:
    command("replay", EVENTS, "--until", "end", "-o", tmp_path / "sessions", "--summary", tmp_path / "summary.json")

    found = json.loads((tmp_path / "summary.json").read_text())
    assert (found["events"], found["sessions"], found["conversations"]) == (32, 8, 2)
    assert found["refusals"] == {"code_required": 1}
    assert found["revisedSessions"] == ["ben"]


def test_validate_prints_each_problem_as_json() -> None:
    done = command("validate", "-", "--json", stdin=lines(CALL) + b'{"id":1}\n')

    problems = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 1
    assert {tuple(one) for one in problems} == {("line", "error", "path", "found", "expected")}
    assert {one["line"] for one in problems} == {4}


def test_history_prints_each_entry_as_json() -> None:
    entries = [json.loads(line) for line in command("history", EVENTS, "ben", "--json").out.splitlines()]
    sentences = [line.strip() for line in command("history", EVENTS, "ben").out.splitlines()[1:]]

    assert [sentence for entry in entries for sentence in entry["sentences"]] == sentences
    assert entries[0]["outcome"] == "applied"


def test_explain_prints_an_explanation_as_json() -> None:
    found = json.loads(command("explain", EVENTS, "ben", "wrapup.endTime", "--json").out)

    assert (found["session"], found["field"], found["value"]) == ("ben", "wrapup.endTime", "2026-03-01T09:12:29.320Z")
    assert found["rows"] == ["complete_by_code"]
    assert found["entry"]["event"] == "e5"


def test_explain_prints_all_fields_as_json() -> None:
    found = {one["field"]: one["value"] for one in map(json.loads, command("explain", EVENTS, "ben", "--json").out.splitlines())}

    assert (found["state"], found["peerId"]) == ("disconnected", None)


def test_clocks_reconcile_and_diff_print_json(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(json.dumps(WHOLE))
    command("convert", tmp_path / "record.json", "-o", tmp_path / "events")
    for number, options in enumerate(((), ("--acw", "mandatory"))):
        (tmp_path / "call").write_bytes(lines(CALL))
        command("replay", tmp_path / "call", "-o", tmp_path / "out", "--trace", tmp_path / f"{number}", *options)

    (clock,) = map(json.loads, command("clocks", EVENTS, "--json").out.splitlines())
    compared = list(
        map(
            json.loads,
            command("reconcile", tmp_path / "events", tmp_path / "record.json", "--all", "--json").out.splitlines(),
        )
    )
    (difference,) = map(json.loads, command("diff", tmp_path / "0", tmp_path / "1", "--json").out.splitlines())

    assert (clock["source"], clock["pairs"], clock["differenceMs"]) == ("/providers/acme", 32, 30)
    assert {one["result"] for one in compared} == {"equal"}
    assert {"session": "leg", "field": "state", "result": "equal"}.items() <= compared[0].items()
    assert difference["session"] == "s1"
    assert "afterCallWork" in difference["fields"]
