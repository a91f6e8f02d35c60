"""Run the examples of README.md, docs/ and the docstrings as tests.

In the pages a Python session is a doctest. A file with a caption is written as it stands, and the commands of a console are run
in the same new folder, beside `examples/`; what they print must be what the page shows.
"""

import os
import re
import shlex
import socket
import subprocess
import sys
from contextlib import ExitStack
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
    namespace["_started"] = []
    namespace["_ports"] = {port: str(free) for port, free in zip(("8000", "8001"), _free_ports(2), strict=True)}


def _free_ports(number: int) -> list[int]:
    """Return ports for the servers of a page. Those that it shows are taken if two copies of the project are tested at once."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [one.getsockname()[1] for one in sockets]


def _back(namespace: dict[str, Any]) -> None:
    for started in namespace["_started"]:
        started.kill()
        started.communicate()
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
        command = _with_ports(command, example.namespace["_ports"])
        if command.endswith("&"):
            code, output = _in_background(command, example.namespace["_started"])
        else:
            code, output = _in_process(command) if _PLAIN.fullmatch(command) else _in_shell(command, code)
        for port, free in example.namespace["_ports"].items():
            output = output.replace(f":{free}", f":{port}")
        check, flags = OutputChecker(), ELLIPSIS | NORMALIZE_WHITESPACE * ("..." in shown)
        printed = output.rstrip("\n") + "\n"
        if not check.check_output(shown, printed, flags):
            return f"$ {command}\n" + check.output_difference(Shown(command, shown), printed, flags)
    return None


_PLAIN = re.compile(r"cobrowse-session [^|<>;&$`*]*")
"""A command of the package that needs no shell. It runs in this process, which takes a tenth of the time."""


def _with_ports(command: str, ports: dict[str, str]) -> str:
    """Return a command with free ports in place of those that a page shows, and of the port that `serve` has by itself."""
    if "serve " in command and "--port" not in command and command.endswith("&"):
        command = f"{command.removesuffix('&')}--port 8000 &"
    return re.sub(r"(:|--port )(800[01])\b", lambda found: found[1] + ports[found[2]], command)


def _in_background(command: str, started: list["subprocess.Popen[str]"]) -> tuple[int, str]:
    """Start what goes on until the page ends, and return the first line that it says."""
    line, env = command.removesuffix("&"), {**os.environ, **_TERMINAL, "PATH": _BESIDE}
    one = subprocess.Popen(shlex.split(line), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # noqa: S603 (the pages are ours)
    started.append(one)
    assert one.stderr is not None
    return 0, one.stderr.readline()


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
