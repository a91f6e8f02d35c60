"""Files out. At the end of a command all of them are complete, or none has changed.

An output that is a regular file is written beside its target and renamed at the end. So an error, a signal or a full disk leaves
the target as it was. Devices, pipes and standard output are written directly.

Example: `sessions.jsonl` and `trace.jsonl` are written, and the disk is full when the trace is closed. Both have been written
beside their targets. None is renamed before all are closed, so both targets are as they were, and the two new files are removed.
"""

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, Self, TextIO

from attrs import define

from cobrowse_session.cli.errors import STDOUT, closed, naming
from cobrowse_session.cli.screen import print_line
from cobrowse_session.wire.strict_json import dump


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
        """Write a line, unless the reader went away."""
        self._try(lambda: self.file.write(line + "\n"))

    def write_bytes(self, content: bytes) -> None:
        """Write bytes, unless the reader went away."""
        self._try(lambda: self.file.buffer.write(content))

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
    """The files that a command writes.

    If the reader of one goes away, the others are completed, and the exit code is `BROKEN_PIPE`.
    """

    def __init__(self) -> None:
        self._outputs: list[_Output] = []

    def writer(self, name: str | None) -> Callable[[str], object]:
        """Return what writes a line to a file or to standard output. Without a name, it writes nothing.

        Raises:
            FileError: it cannot be opened. Writing raises it, too.
        """
        if name is None:
            return lambda _: None
        self._outputs.append(_open(name))
        return self._outputs[-1].write

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file of bytes.

        Raises:
            FileError: it cannot be written.
        """
        self._outputs.append(_open(name))
        self._outputs[-1].write_bytes(content)

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
        # Two loops: closing may fail, because it writes what is in memory. Renaming comes when nothing else can fail.
        for output in self._outputs:
            output.close()
        for output in self._outputs:
            output.commit()
        if any(output.is_broken for output in self._outputs):
            raise BrokenPipeError


def _open(name: str) -> _Output:
    if is_stdout(name):
        return _Output(STDOUT, _stdout())
    with naming(name):
        # The link's target is replaced, not the link. The new file is beside it, because a rename works within one file system
        # only.
        target = Path(os.path.realpath(name))
        if (target.exists() and not target.is_file()) or name.startswith(("/dev/fd/", "/dev/std", "/proc/")):
            # No file, or open already. Others may write to it, too.
            return _Output(name, Path(name).open("a", encoding="utf-8", newline="\n"))
        if target.exists():
            # A rename asks for the rights of the folder, not of the file. It would replace a file that may not be written.
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


def show(line: str, colour: str | None = None) -> None:
    """Print one line of a result, for a person, to standard output.

    Raises:
        FileError: it cannot be written.
    """
    if sys.stdout is None:
        raise closed(STDOUT)
    with naming(STDOUT):
        print_line(line, sys.stdout, colour)


def show_json(document: dict[str, Any]) -> None:
    """Print one JSON object of a result (`Any`), for a program, to standard output.

    Raises:
        FileError: it cannot be written.
    """
    show_raw(dump(document))


def show_raw(line: str) -> None:
    """Print one line as it is to standard output.

    Raises:
        FileError: it cannot be written.
    """
    with naming(STDOUT):
        _stdout().write(line + "\n")


def is_stdout(name: str) -> bool:
    """Return whether a name means standard output."""
    return name in ("-", "/dev/stdout")
