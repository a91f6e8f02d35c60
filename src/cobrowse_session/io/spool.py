"""Sessions that are ready to be written before their order is known. They are kept as text, on disk if they are many.

Sessions are evicted in the order in which they are over, and written in the order of their first events. The last session to be
over may be the first to be written, so nothing is written before the end.
"""

from collections.abc import Callable
from datetime import datetime
from tempfile import SpooledTemporaryFile

from cobrowse_session.io.replay import sort_key
from cobrowse_session.stream import SessionLog
from cobrowse_session.wire import encode_session
from cobrowse_session.wire.trace import trace_lines

IN_MEMORY = 64 << 20
"""Bytes of text that are kept in memory."""


class Spool:
    """A buffer that takes logs in any order, and writes their sessions and traces in the specified order (TRACE-12, TRACE-13).

    Args:
        with_trace: the traces are written as well. They cost more than the sessions.
    """

    def __init__(self, *, with_trace: bool = True) -> None:
        self._with_trace = with_trace
        self._text: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (close does it)
        self._places: list[tuple[datetime, str, int, int]] = []

    def put(self, log: SessionLog) -> None:
        """Add the text of a log. The log itself is not kept."""
        lines = [encode_session(log.session), *(trace_lines(log) if self._with_trace else ())]
        start = self._text.tell()
        self._text.write("\n".join(lines).encode())
        self._places.append((*sort_key(log), start, self._text.tell() - start))

    def write(self, write_session: Callable[[str], object], write_trace: Callable[[str], object]) -> None:
        """Write all sessions and trace entries, in order, all entries of a session at once."""
        for _, _, start, length in sorted(self._places):
            self._text.seek(start)
            session, _, trace = self._text.read(length).decode().partition("\n")
            write_session(session)
            if trace:
                write_trace(trace)

    def close(self) -> None:
        """Forget everything, and remove the file."""
        self._text.close()
