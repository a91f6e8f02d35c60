"""Files in and out, and errors without tracebacks."""

import gc
import gzip
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, TextIO, cast

import typer

from cobrowse_session import CobrowseError
from cobrowse_session.cli.screen import say


def check_files(source: str, targets: Iterable[str | None]) -> None:
    """No file may be read and written, or written twice, in one go: that would lose what it held."""
    seen = set() if source == "-" else {Path(source).resolve()}
    for target in filter(None, targets):
        path = Path(target).resolve()  # of `-`, too: standard output takes one of them
        if path in seen and (path.is_file() or not path.exists()):  # a device may be named twice
            raise typer.BadParameter(
                f"{target} is named twice; give each of EVENTS.jsonl, -o, --trace and --rejects its own file"
            )
        seen.add(path)


def open_input(files: ExitStack, name: str) -> BinaryIO:
    """A file to read, or standard input; gzip is unpacked."""
    file = cast(BufferedReader, sys.stdin.buffer) if name == "-" else files.enter_context(_open_bytes(name))
    is_gzip = file.peek(2)[:2] == b"\x1f\x8b"
    return cast(BinaryIO, files.enter_context(gzip.GzipFile(fileobj=file)) if is_gzip else file)


def writer(files: ExitStack, name: str | None) -> Callable[[str], object]:
    """Something that writes lines to a file or to standard output; for no name, to nowhere."""
    if name is None:
        return lambda _: None
    file = _stdout() if name == "-" else files.enter_context(_open(name))
    return lambda line: file.write(line + "\n")


def _open_bytes(name: str) -> BufferedReader:
    return Path(name).open("rb")


def _open(name: str) -> TextIO:
    return Path(name).open("w", encoding="utf-8", newline="\n")


def _stdout() -> TextIO:
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]  # a TextIOWrapper, unless someone replaced it
    return sys.stdout


@contextmanager
def usage_errors() -> Iterator[None]:
    """A file that cannot be read or written is said in one line; a reader that went away is no error."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its exit
        raise typer.Exit(0) from None
    except OSError as error:
        say(f"cobrowse-session: {error.filename or 'a file'}: {error.strerror or error}. Check the path and its permissions.")
        raise typer.Exit(2) from None
    except (EOFError, zlib.error) as error:
        say(f"cobrowse-session: a compressed file is damaged: {error}. What came before the damage was not written.")
        raise typer.Exit(2) from None
    except CobrowseError as error:
        say(f"cobrowse-session: {error}")
        raise typer.Exit(2) from None


@contextmanager
def many_objects() -> Iterator[None]:
    """Let the garbage collector rest: events and sessions hold no cycles, and looking for some costs 40 % of a replay."""
    thresholds = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
