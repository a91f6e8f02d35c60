"""Files in and out, and errors without tracebacks.

Nothing is half written. An output that is a regular file is written beside its target and renamed at the end: after an error, a
signal or a full disk the target is what it was. Devices, pipes and standard output are written directly.
"""

import errno
import gc
import gzip
import io
import os
import shutil
import stat
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, BinaryIO, Self, TextIO, cast

import typer
from attrs import define

from cobrowse_session import CobrowseError
from cobrowse_session.cli.screen import say
from cobrowse_session.printable import printable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

STDIN, STDOUT = "standard input", "standard output"
BROKEN_PIPE = 141
"""The exit code where the reader of an output went away: what a shell reports of a command that SIGPIPE ended."""
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


# --- Which files --------------------------------------------------------------------------------------------------------------


def check_files(source: str, targets: Iterable[str | None]) -> None:
    """No file may be read and written, or written twice, in one go: that would lose what it held.

    Raises:
        typer.BadParameter: two names, links or redirections lead to the same file.
    """
    seen = {_identity_of(sys.stdin) if source == "-" else _identity(source): STDIN if source == "-" else source}
    for target in filter(None, targets):
        name = STDOUT if _is_stdout(target) else target
        identity = _identity_of(sys.stdout) or STDOUT if name == STDOUT else _identity(target)
        if identity and identity in seen:
            raise typer.BadParameter(f"{_both(seen[identity], name)}; give each of the inputs and outputs its own file")
        seen[identity] = name


def _both(one: str, other: str) -> str:
    return f"{printable(one)} is named twice" if one == other else f"{printable(one)} and {printable(other)} are the same file"


def _is_stdout(name: str) -> bool:
    return name in ("-", "/dev/stdout")


def _identity(name: str) -> object:
    """What a file is known by, whatever its name; None: a device or a pipe, which may be used twice."""
    try:
        return _node(Path(name).stat())
    except OSError:
        return os.path.realpath(name)


def _identity_of(stream: TextIO) -> object:
    try:
        return _node(os.fstat(stream.fileno()))
    except (AttributeError, OSError):  # it is closed, or no file of the system
        return None


def _node(status: os.stat_result) -> tuple[int, int] | None:
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


# --- Files in -----------------------------------------------------------------------------------------------------------------


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
            return self._file.readinto1(buffer)


def open_input(files: ExitStack, name: str) -> BinaryIO:
    """A file to read, or standard input; gzip is unpacked.

    Raises:
        FileError: it cannot be opened. Reading raises it, too.
    """
    shown = STDIN if name == "-" else name
    file = io.BufferedReader(_Source(_stdin() if name == "-" else files.enter_context(_open_bytes(name)), shown))
    with naming(shown):
        is_gzip = file.peek(2)[:2] == b"\x1f\x8b"
    if is_gzip:
        file = io.BufferedReader(_Source(files.enter_context(gzip.GzipFile(fileobj=file)), shown))
    return cast(BinaryIO, file)


def _open_bytes(name: str) -> io.BufferedReader:
    with naming(name):
        return Path(name).open("rb")


def _stdin() -> io.BufferedIOBase:
    if sys.stdin is None:
        raise closed(STDIN)
    return cast(io.BufferedIOBase, sys.stdin.buffer)


def closed(name: str) -> FileError:
    """Standard input or output was closed by the caller."""
    return FileError(name, "it is closed", _ADVICE[errno.EBADF])


# --- Files out ----------------------------------------------------------------------------------------------------------------


@define
class _Output:
    """One file that is written.

    Attributes:
        name: for errors.
        file: what is written to.
        temporary: the file beside the target, where the target is a regular file.
        target: what it is renamed to.
        is_broken: whether the reader went away.
    """

    name: str
    file: TextIO
    temporary: Path | None = None
    target: Path | None = None
    is_broken: bool = False

    def write(self, line: str) -> None:
        """Write a line; to a reader that went away, nothing."""
        self._try(lambda: self.file.write(line + "\n"))

    def close(self) -> None:
        """Write what is still in memory."""
        self._try(self.file.flush)
        if self.file is not sys.stdout:
            self._try(self.file.close)

    def commit(self) -> None:
        """Give the file its name."""
        if self.temporary and self.target:
            with naming(self.name):
                self.temporary.replace(self.target)

    def discard(self) -> None:
        """Remove what was not given its name."""
        if self.file is not sys.stdout:
            with suppress(OSError):
                self.file.close()
        if self.temporary:
            self.temporary.unlink(missing_ok=True)

    def _try(self, act: Callable[[], object]) -> None:
        if not self.is_broken:
            try:
                with naming(self.name):
                    act()
            except BrokenPipeError:
                self.is_broken = True


class Outputs:
    """The files that a command writes: at its end, all of them are complete, or none has changed.

    Where the reader of one went away, the others are completed, and the exit code is `BROKEN_PIPE`.
    """

    def __init__(self) -> None:
        self._outputs: list[_Output] = []

    def writer(self, name: str | None) -> Callable[[str], object]:
        """Something that writes lines to a file or to standard output; for no name, to nowhere.

        Raises:
            FileError: it cannot be opened. Writing raises it, too.
        """
        if name is None:
            return lambda _: None
        self._outputs.append(_open(name))
        return self._outputs[-1].write

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            for output in self._outputs:
                output.discard()

    def _finish(self) -> None:
        for output in self._outputs:
            output.close()
        for output in self._outputs:
            output.commit()
        if any(output.is_broken for output in self._outputs):
            raise BrokenPipeError


def _open(name: str) -> _Output:
    if _is_stdout(name):
        return _Output(STDOUT, _stdout())
    with naming(name):
        target = Path(os.path.realpath(name))
        if (target.exists() and not target.is_file()) or name.startswith(("/dev/fd/", "/dev/std", "/proc/")):
            # No file, or open already. Others may write to it, too.
            return _Output(name, Path(name).open("a", encoding="utf-8", newline="\n"))
        if target.exists():
            target.open("ab").close()  # may it be written at all?
        temporary = target.with_name(f".{token_hex(8)}.part")
        output = _Output(name, temporary.open("x", encoding="utf-8", newline="\n"), temporary, target)
        if target.exists():
            shutil.copymode(target, temporary)
        return output


def _stdout() -> TextIO:
    if sys.stdout is None:
        raise closed(STDOUT)
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]  # a TextIOWrapper, unless someone replaced it
    return sys.stdout


def show(line: str) -> None:
    """Print one line of a result, for a person, to standard output.

    Raises:
        FileError: it cannot be written.
    """
    if sys.stdout is None:
        raise closed(STDOUT)
    with naming(STDOUT):
        typer.echo(printable(line))


# --- Errors -------------------------------------------------------------------------------------------------------------------


@contextmanager
def usage_errors() -> Iterator[None]:
    """A file that cannot be read or written is said in one line; where a reader went away, nothing is said."""
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
        say(f"cobrowse-session: {error}")
        raise typer.Exit(2) from None


def _drop_stdout() -> None:
    """Forget what standard output does not take, or Python complains at its exit."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def many_objects() -> Iterator[None]:
    """Let the garbage collector rest: events and sessions hold no cycles, and looking for some costs 40 % of a replay."""
    thresholds = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
