"""Files in. No file is read and written in one command."""

import gc
import gzip
import io
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

import typer

from cobrowse_session.cli.errors import STDIN, STDOUT, FileError, closed, naming
from cobrowse_session.cli.outputs import is_stdout
from cobrowse_session.cli.stored import is_address
from cobrowse_session.cli.wrong_kind import Expected, WrongKindError
from cobrowse_session.io.kinds import kind_of
from cobrowse_session.printable import printable
from cobrowse_session.sources import BUILT_IN, Source

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BEGINNING = 1 << 16
"""Bytes by which the kind of a file is recognised."""


READ_IN_FOLDERS = (".json", ".jsonl", ".gz")
"""The ends of the names of files that are read in a folder."""


def folder_files(name: str) -> list[str]:
    """Return the files of a folder, by name. There are none if the name is not that of a folder.

    Raises:
        FileError: the folder holds no such file.
    """
    if name == "-" or not Path(name).is_dir():
        return []
    found = sorted(str(path) for path in Path(name).rglob("*") if path.suffix in READ_IN_FOLDERS and path.is_file())
    if not found:
        raise FileError(name, "it holds no file", f"Expected files that end in {', '.join(READ_IN_FOLDERS)}.")
    return found


def check_files(sources: Iterable[str], targets: Iterable[str | None]) -> None:
    """Check that no file is both read and written, or written twice. That would lose what it holds.

    Raises:
        typer.BadParameter: two names, links or redirections lead to the same file.
    """
    # Names are not compared, for one file has many. These all read and write the same: `replay a.jsonl --trace ./a.jsonl`, a link
    # to it, and `replay a.jsonl >> a.jsonl`. Device and inode number are equal in each.
    seen = {_identity_of(sys.stdin) if one == "-" else _identity(one): STDIN if one == "-" else one for one in sources}
    for target in filter(None, targets):
        name = STDOUT if is_stdout(target) else target
        identity = _identity_of(sys.stdout) or STDOUT if name == STDOUT else _identity(target)
        if identity and identity in seen:
            raise typer.BadParameter(f"{_both(seen[identity], name)}; give each of the inputs and outputs its own file")
        seen[identity] = name


def check_order(*words: str | None) -> None:
    """Check that the file is the first argument.

    Raises:
        typer.BadParameter: the first argument is no file, and another one is.
    """
    first, *others = filter(None, words)
    file = next(filter(_exists, others), None)
    if file and first != "-" and not _exists(first):
        order = [file, *(one for one in (first, *others) if one is not file)]
        raise typer.BadParameter(f"the file comes first: {' '.join(map(quote, order))}", param_hint="EVENTS.jsonl")


def _exists(name: str) -> bool:
    with suppress(OSError):  # the name may be too long for a file
        return Path(name).exists()
    return False


def _both(one: str, other: str) -> str:
    return f"{printable(one)} is named twice" if one == other else f"{printable(one)} and {printable(other)} are the same file"


def _identity(name: str) -> object:
    """Return what identifies a file under any name. None: a device or a pipe, which may be used twice."""
    with suppress(OSError):
        return _node(Path(name).stat())
    with suppress(OSError):  # it does not exist yet
        return os.path.realpath(name)
    return Path(name).absolute()  # nothing may be read on the way to it


def _identity_of(stream: TextIO) -> object:
    try:
        return _node(os.fstat(stream.fileno()))
    except (AttributeError, OSError):  # it is closed, or no file of the system
        return None


def _node(status: os.stat_result) -> tuple[int, int] | None:
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


class _Source(io.RawIOBase):
    """A file whose errors name it."""

    def __init__(self, file: io.BufferedIOBase, name: str) -> None:
        self._file = file
        self._name = name

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        with naming(self._name):
            # `readinto1` returns what a pipe has. `readinto` would wait until 64 KiB are there, and a live feed would come in
            # lumps.
            return self._file.readinto1(buffer)


class _Stored(io.RawIOBase):
    """The events of a store as a file, one a line."""

    def __init__(self, files: ExitStack, address: str) -> None:
        from cobrowse_session.store import Store  # noqa: PLC0415 (an extra)
        from cobrowse_session.store.transfer import event_lines  # noqa: PLC0415

        self._lines = event_lines(files.enter_context(Store(address, create=False)))
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        room = memoryview(buffer).cast("B")
        if not self._rest:
            self._rest = "".join(f"{line}\n" for line in islice(self._lines, 100)).encode()
        piece, self._rest = self._rest[: len(room)], self._rest[len(room) :]
        room[: len(piece)] = piece
        return len(piece)


def open_input(files: ExitStack, name: str, expected: Expected | None = None, sources: Sequence[Source] = BUILT_IN) -> BinaryIO:
    """Open a file, or standard input, to read. Gzip is unpacked.

    Args:
        files: closes it.
        name: of the file. `-`: standard input. The address of a store stands for the events in it.
        expected: what it holds. It is recognised by its beginning, of which nothing is lost.
        sources: those that are asked whether it holds payloads.

    Raises:
        WrongKindError: it holds something else.
        FileError: it cannot be opened, or saved logs are expected and it is the address of a store. Reading raises it, too.
        StoreError: it is the address of a store that cannot be read.
    """
    if expected == "events" and is_address(name):
        return cast(BinaryIO, io.BufferedReader(_Stored(files, name), BEGINNING))
    if expected == "saved logs" and is_address(name):
        raise FileError(name, "it is a store, not a file", "The store comes first, and then a file that store export wrote.")
    shown = STDIN if name == "-" else name
    file = _buffered(_stdin() if name == "-" else files.enter_context(_open_bytes(name)), shown)
    with naming(shown):
        # `peek` leaves the bytes in the buffer, so standard input can be recognised, too. It cannot be opened a second time.
        is_gzip = file.peek(2)[:2] == b"\x1f\x8b"
    if is_gzip:
        file = _buffered(files.enter_context(gzip.GzipFile(fileobj=file)), shown)
    if expected:
        with naming(shown):
            found = kind_of(file.peek(BEGINNING), sources)
        if found and found != expected and (expected, found) != ("saved logs", "events"):
            raise WrongKindError(name, expected, found)
    return cast(BinaryIO, file)


def _buffered(file: io.BufferedIOBase, name: str) -> io.BufferedReader:
    return io.BufferedReader(_Source(file, name), BEGINNING)


def _open_bytes(name: str) -> io.BufferedReader:
    with naming(name):
        return Path(name).open("rb")


def _stdin() -> io.BufferedIOBase:
    if sys.stdin is None:
        raise closed(STDIN)
    return cast(io.BufferedIOBase, sys.stdin.buffer)


@contextmanager
def many_objects() -> Iterator[None]:
    """Let the garbage collector run less. Events and sessions hold no cycles.

    The search for cycles costs 40 % of a replay, and 10 % of a request to the service.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
