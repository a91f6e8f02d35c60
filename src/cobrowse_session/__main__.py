"""`python -m cobrowse_session`, and the command `cobrowse-session`."""

import io
import signal
import sys
from io import TextIOWrapper

from cobrowse_session.errors import MissingExtraError


def main() -> None:
    """Run the command line. If its extra is missing, name it."""
    try:
        from cobrowse_session.cli import app  # noqa: PLC0415 (it needs the extra)
        from cobrowse_session.cli.errors import run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        sys.exit(f"cobrowse-session: {MissingExtraError('the command line', 'cli')}")
    _prepare_streams()
    _end_by_signals()
    sys.exit(run(app))


def _prepare_streams() -> None:
    """Let standard output escape the characters that its encoding does not have, and write whole pieces."""
    if isinstance(sys.stdout, TextIOWrapper) and isinstance(sys.stdout.buffer, io.RawIOBase):
        # PYTHONUNBUFFERED, as in most containers: a raw file may take a part of a text, and nobody asks how much it took.
        sys.stdout = TextIOWrapper(io.BufferedWriter(sys.stdout.buffer), sys.stdout.encoding, line_buffering=True)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _end_by_signals() -> None:
    """Let a signal unwind the stack, so that temporary files are removed. A signal that the caller ignores stays ignored."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda number, _: sys.exit(128 + number))


if __name__ == "__main__":
    main()
