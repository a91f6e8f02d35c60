"""A table is named in one way and has the same errors at the command line, in Sphinx and in `python -m …diagrams`."""

import runpy
import sys
from pathlib import Path

import pytest
from examples.tables import hold
from tests.commands import command
from tests.test_replay import CALL, lines, words
from tests.test_sphinx import Build, build

from cobrowse_session.named import table_named

__all__ = ["build"]  # a fixture

WRONG = {
    "acme": "expected MODULE:NAME, as acme.tables:TABLE, found 'acme'.",
    "acme:": "expected MODULE:NAME, as acme.tables:TABLE, found 'acme:'.",
    "acme.py:TABLE": "found the file 'acme.py'. Did you mean 'acme:TABLE'?",
    "./acme/tables.py:TABLE": "found the file './acme/tables.py'. Did you mean 'acme.tables:TABLE'?",
    "acme_tables:TABLE": "there is no module 'acme_tables'. Install its package, or add its folder to PYTHONPATH.",
    "examples.tables.hold:TABEL": "examples.tables.hold has no 'TABEL'. It has the tables TABLE.",
    "json:TABLE": "json has no 'TABLE'. It has no table.",
    "examples.tables.hold:Held": "examples.tables.hold: Held: expected a Table, as Table.standard().extended(...) returns it",
    "mistaken.needs:TABLE": "mistaken.needs needs the module 'acme_base', which is not installed.",
    "mistaken.raises:TABLE": "mistaken.raises cannot be imported: ZeroDivisionError: division by zero.",
    "mistaken.ends:TABLE": "mistaken.ends cannot be imported: SystemExit: 3.",
    "mistaken.wrong:TABLE": "mistaken.wrong cannot be imported: SyntaxError:",
}
MODULES = {
    "needs": "import acme_base",
    "raises": "1 / 0",
    "ends": "raise SystemExit(3)",
    "wrong": "TABLE = (",
    "problems": """
from cobrowse_session.tables import Table
TABLE = Table.standard().extended('odd', states={'parked': 'ofering', 'held': 'conected'})
""",
}
PROBLEMS = ("state 'parked' is like 'ofering'", "state 'held' is like 'conected'")


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Modules with mistakes, and a file of events."""
    (tmp_path / "mistaken").mkdir()
    for name, text in MODULES.items():
        (tmp_path / "mistaken" / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "one.jsonl").write_bytes(lines(CALL))
    return tmp_path / "one.jsonl"


def test_a_name_gives_the_table() -> None:
    assert table_named("examples.tables.hold:TABLE") is hold.TABLE


@pytest.mark.parametrize("name", WRONG)
def test_a_name_that_is_wrong_says_what_helps(call: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done = command("history", call, "--table", name)
    monkeypatch.setattr(sys, "argv", ["diagrams", str(call.parent / "drawn"), name])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("cobrowse_session.diagrams", run_name="__main__")

    assert done.code == 2
    assert WRONG[name] in words(done.err.replace("│", " "))
    assert WRONG[name] in str(ended.value.code)


def test_a_name_that_is_wrong_is_an_error_at_its_place_in_a_page(call: Path, build: Build) -> None:
    names = [*WRONG, "mistaken.problems:TABLE"]

    _, said = build("Title\n=====\n\n" + "".join(f".. cobrowse-diagram:: connection\n   :table: {name}\n\n" for name in names))

    assert call.exists()
    assert said.count(" ERROR: cobrowse-diagram connection: :table: ") == len(names)
    assert [text for text in (*WRONG.values(), *PROBLEMS) if text not in said] == []


def test_each_problem_of_a_table_has_a_line(call: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = command("history", call, "--table", "mistaken.problems:TABLE")
    monkeypatch.setattr(sys, "argv", ["diagrams", str(call.parent / "drawn"), "mistaken.problems:TABLE"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("cobrowse_session.diagrams", run_name="__main__")

    assert done.code == 2
    for text in (done.err, str(ended.value.code)):
        first, *problems = text.splitlines()
        assert first == "mistaken.problems:TABLE: the table has 2 errors:"
        assert tuple(problem.partition(":")[0] for problem in problems) == PROBLEMS


def test_the_command_line_finds_a_module_of_the_current_folder(call: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = call.parent / "here"
    folder.mkdir()
    (folder / "table_of_here.py").write_text("from examples.tables.hold import TABLE", encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])

    assert command("history", call, "--table", "table_of_here:TABLE").code == 0
