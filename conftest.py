"""Run the examples of README.md, docs/ and the docstrings as tests.

In the pages a Python session is a doctest. A file with a caption is written as it stands, and the commands of a console are run
in the same new folder, beside `examples/`; what they print must be what the page shows.
"""

import os
import re
import shlex
import subprocess
import sys
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from doctest import Example as Shown
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sybil import Document, Example, Sybil
from sybil.document import PythonDocStringDocument
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser
from sybil.parsers.myst.lexers import DirectiveLexer
from sybil.parsers.rest import DocTestParser
from sybil.region import Region
from typer.testing import CliRunner

collect_ignore = ["tests/vendor"]  # it has an environment of its own: `make vendor`

_ROOT = Path(__file__).parent
sys.path.insert(0, str(_ROOT))  # a page imports the tables of `examples`
_TERMINAL = {"COLUMNS": "130", "NO_COLOR": "1"}
_BESIDE = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def _in_new_folder(namespace: dict[str, Any]) -> None:
    folder = namespace["_folder"] = TemporaryDirectory()
    (Path(folder.name) / "examples").symlink_to(_ROOT / "examples")
    os.chdir(folder.name)


def _back(namespace: dict[str, Any]) -> None:
    os.chdir(_ROOT)
    namespace["_folder"].cleanup()


def _files(document: Document) -> list[Region]:
    """Code blocks whose caption is a file's name."""
    blocks = DirectiveLexer(directive="code-block")(document)
    return [
        Region(block.start, block.end, parsed=block.lexemes, evaluator=_write)
        for block in blocks
        if "caption" in block.lexemes["options"]
    ]


def _write(example: Example) -> None:
    Path(example.parsed["options"]["caption"]).write_text(example.parsed["source"], encoding="utf-8")


def _run(example: Example) -> str | None:
    """Run what stands behind each `$`, one after the other, as a person would: `$?` is the exit code of the one before."""
    code = 0
    for typed in ("\n" + example.parsed).split("\n$ ")[1:]:
        command, *rest = typed.split("\n")
        while command.endswith("\\"):
            command += "\n" + rest.pop(0)
        shown = "\n".join(rest).rstrip("\n") + "\n"
        code, output = _in_process(command) if _PLAIN.fullmatch(command) else _in_shell(command, code)
        check, flags = OutputChecker(), ELLIPSIS | NORMALIZE_WHITESPACE * ("..." in shown)
        printed = output.rstrip("\n") + "\n"
        if not check.check_output(shown, printed, flags):
            return f"$ {command}\n" + check.output_difference(Shown(command, shown), printed, flags)
    return None


_PLAIN = re.compile(r"cobrowse-session [^|<>;&$`*]*")
"""A command of the package that needs no shell. It runs in this process, which takes a tenth of the time."""


def _in_process(command: str) -> tuple[int, str]:
    from cobrowse_session.cli import app  # noqa: PLC0415 (the workers of pytest-xdist begin to measure coverage after this file)

    done = CliRunner(env=_TERMINAL).invoke(app, shlex.split(command.replace("\\\n", " "))[1:], prog_name="cobrowse-session")
    return done.exit_code, done.output


def _in_shell(command: str, code: int) -> tuple[int, str]:
    done = subprocess.run(  # noqa: S602 (the pages are ours)
        f"(exit {code})\n{command}",
        shell=True,
        executable="/bin/bash",
        env={**os.environ, **_TERMINAL, "PATH": _BESIDE, "CHECKOUT": str(_ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


_pages = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=ELLIPSIS),
        CodeBlockParser("console", _run),
        _files,
        SkipParser(),
    ],
    patterns=["README.md", "docs/*.md", "docs/*/*.md"],
    setup=_in_new_folder,
    teardown=_back,
)
_docstrings = Sybil(
    path="src",
    parsers=[DocTestParser(ELLIPSIS)],
    patterns=["*.py"],
    document_types={".py": PythonDocStringDocument},
)

pytest_collect_file = (_pages + _docstrings).pytest()
