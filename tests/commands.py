"""Run the command line: in this process, or as a process where a test needs one."""

import os
import subprocess
import sys
from pathlib import Path

from attrs import frozen
from typer.testing import CliRunner

from cobrowse_session.cli import app


@frozen
class Result:
    """The exit code, the standard output and the standard error of a command."""

    code: int
    out: str
    err: str


def command(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> Result:
    """Run a command in this process: 19 ms in place of 0.67 s."""
    runner = CliRunner(env={"COLUMNS": "100", **environment})
    done = runner.invoke(app, [*map(str, arguments)], input=stdin, catch_exceptions=False)
    return Result(done.exit_code, done.stdout_bytes.decode(), done.stderr_bytes.decode())


def process(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> Result:
    """Run a command as a process: for streams, signals and what happens before the command line is read."""
    line = [sys.executable, "-m", "cobrowse_session", *map(str, arguments)]
    env = {**os.environ, "COLUMNS": "100", **environment}
    done = subprocess.run(line, input=stdin, capture_output=True, check=False, env=env, timeout=60)
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())
