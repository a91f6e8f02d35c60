"""Pictures as files: the format is that of the file's name, and PNG needs an extra."""

import importlib.util
import os
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import typer
from tests.commands import command, process
from tests.test_commands_output import Terminal
from tests.test_commands_sessions import error
from tests.test_replay import EXAMPLES

from cobrowse_session.cli import app
from cobrowse_session.diagrams import FORMATS, render

CALL = EXAMPLES / "call.jsonl"
NEEDS_PNG = pytest.mark.skipif(importlib.util.find_spec("resvg_py") is None, reason="the extra png is not installed")


@pytest.mark.parametrize("format_", FORMATS)
def test_the_end_of_the_output_s_name_is_the_format(format_: str, tmp_path: Path) -> None:
    target = tmp_path / f"d.{FORMATS[format_]}"  # type: ignore[index]  # a format

    done = command("diagram", "after-call-work", "-o", target)

    assert (done.code, done.err) == (0, "")
    assert target.read_text(encoding="utf-8") == render("after-call-work", format_)  # type: ignore[arg-type]  # a format


@pytest.mark.parametrize(("name", "format_"), [("d.SVG", "svg"), ("d.Dot", "dot"), ("D.Md", "markdown")])
def test_the_end_of_the_output_s_name_is_the_format_in_capitals_too(name: str, format_: str, tmp_path: Path) -> None:
    command("diagram", "after-call-work", "-o", tmp_path / name)

    assert (tmp_path / name).read_text(encoding="utf-8") == render("after-call-work", format_)  # type: ignore[arg-type]  # a format


def test_a_format_that_is_named_counts_more_than_the_name_of_the_output(tmp_path: Path) -> None:
    command("diagram", "-o", tmp_path / "d.svg", "--format", "dot")

    assert (tmp_path / "d.svg").read_text(encoding="utf-8") == render("connection", "dot")


def test_a_name_of_no_format_is_the_default(tmp_path: Path) -> None:
    command("diagram", "-o", tmp_path / "d")
    command("timeline", CALL, "-o", tmp_path / "t")

    assert (tmp_path / "d").read_text(encoding="utf-8") == render("connection", "mermaid")
    assert (tmp_path / "t").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "formats"),
    [(("diagram",), ".mmd, .dot, .svg, .md, .scxml, .xstate.json or .png"), (("timeline", CALL), ".svg or .png")],
    ids=["diagram", "timeline"],
)
def test_a_name_that_ends_like_no_format_is_wrong_usage(
    arguments: tuple[str | Path, ...], formats: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command(*arguments, "-o", "picture.jpg")

    assert done.code == 2
    assert f".jpg is no format of this picture. Use {formats}, or name the format by --format." in error(done.err)
    assert list(tmp_path.iterdir()) == []
    assert command(*arguments, "-o", "picture.jpg", "--format", "svg").code == 0
    assert Path("picture.jpg").read_text(encoding="utf-8").startswith("<svg")


def test_the_end_of_a_name_may_be_in_capitals(tmp_path: Path) -> None:
    command("diagram", "-o", tmp_path / "D.SVG")

    assert (tmp_path / "D.SVG").read_text(encoding="utf-8") == render("connection", "svg")


def test_the_initials_of_a_picture_have_a_suggestion() -> None:
    assert "Did you mean 'after-call-work'?" in error(command("diagram", "acw").err)


def test_a_name_of_a_format_that_shows_no_paths_is_wrong_usage(tmp_path: Path) -> None:
    command("replay", CALL, "--trace", tmp_path / "trace", "-o", tmp_path / "out")

    done = command("diagram", "-o", tmp_path / "d.scxml", "--trace", tmp_path / "trace")

    assert done.code == 2
    assert "expected one of mermaid, dot, svg, png, found 'scxml'" in error(done.err)


def test_a_misspelt_session_of_a_trace_has_a_suggestion(tmp_path: Path) -> None:
    command("replay", EXAMPLES / "events.jsonl", "--trace", tmp_path / "trace", "-o", tmp_path / "out")

    done = command("diagram", "--trace", tmp_path / "trace", "--session", "bem")

    assert done.code == 2
    assert "Did you mean 'ben'?" in error(done.err)


@NEEDS_PNG
@pytest.mark.parametrize("arguments", [("diagram",), ("timeline", CALL)], ids=["diagram", "timeline"])
def test_a_picture_can_be_a_png(arguments: tuple[str | Path, ...], tmp_path: Path) -> None:
    done = command(*arguments, "-o", tmp_path / "d.png")

    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "d.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_a_terminal_gets_no_png() -> None:
    with redirect_stdout(Terminal()), pytest.raises(typer.BadParameter, match="Name a file"):
        app(["diagram", "--format", "png"], standalone_mode=False)


@pytest.mark.parametrize("arguments", [("diagram",), ("timeline", CALL)], ids=["diagram", "timeline"])
def test_without_its_extra_a_png_is_one_sentence_that_names_it(arguments: tuple[str | Path, ...], tmp_path: Path) -> None:
    (tmp_path / "resvg_py.py").write_text("raise ModuleNotFoundError('gone', name='resvg_py')")

    done = process(
        *arguments, "-o", tmp_path / "d.png", PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    )

    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert (
        "a PNG needs the extra 'png': pip install 'cobrowse-session[png]', or from a checkout: pip install '.[png]'" in done.err
    )
    assert not (tmp_path / "d.png").exists()
