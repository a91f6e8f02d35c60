"""Errors without tracebacks: each one names its file and what helps, in one line."""

import errno
import gzip
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from cobrowse_session.cli.screen import inform
from cobrowse_session.errors import CobrowseError

STDIN, STDOUT = "standard input", "standard output"
BROKEN_PIPE = 141
"""The exit code if the reader of an output goes away. A shell reports the same of a command that SIGPIPE ended."""
_ADVICE = {
    errno.ENOSPC: "Free some space, or write to another disk.",
    errno.EDQUOT: "Free some space, or write to another disk.",
    errno.EFBIG: "Write to another disk.",
    errno.EIO: "Check the disk.",
    errno.EBADF: "Name a file instead.",
}


class FileError(Exception):
    """A file cannot be read or written."""

    def __init__(self, name: str, reason: str, advice: str) -> None:
        super().__init__(f"{name}: {reason}. {advice}")


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Name the file in every error of reading or writing it.

    Raises:
        FileError: in place of each of them but `BrokenPipeError`.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        reason = f"the compressed file is damaged: {error}".removesuffix(".")
        raise FileError(name, reason, "Get the file again. No output file has changed.") from None
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "Check the path and its permissions.")
        raise FileError(name, error.strerror or str(error), advice) from None


def closed(name: str) -> FileError:
    """Return the error of a standard input or output that the caller closed."""
    return FileError(name, "it is closed", _ADVICE[errno.EBADF])


@contextmanager
def usage_errors() -> Iterator[None]:
    """Print an error in one line and exit with 2. If a reader went away, print nothing and exit with `BROKEN_PIPE`."""
    try:
        with naming(STDOUT):  # every other file names itself
            yield
            if sys.stdout:
                sys.stdout.flush()
    except BrokenPipeError:
        _drop_stdout()
        raise typer.Exit(BROKEN_PIPE) from None
    except (FileError, CobrowseError) as error:
        _drop_stdout()
        inform(f"cobrowse-session: {error}")
        raise typer.Exit(2) from None


def run(command: Callable[[], object]) -> int | str | None:
    """Return the exit code of a command. Its help may be what cannot be printed."""
    try:
        with usage_errors():
            try:
                command()
            except SystemExit as ended:
                code = ended.code
            else:
                code = None
    except typer.Exit as failed:
        code = failed.exit_code
    return code


def _drop_stdout() -> None:
    """Drop what standard output does not take. Python would complain at its exit."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
