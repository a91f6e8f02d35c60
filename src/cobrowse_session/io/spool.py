"""Sessions that are ready to be written before their order is known. They are kept as text, on disk if they are many.

Sessions are evicted in the order in which they are over, and written in the order of their first events. The last session to be
over may be the first to be written, so nothing is written before the end.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO

from cobrowse_session.io.replay import sort_key
from cobrowse_session.stream import SessionLog
from cobrowse_session.wire import encode_session
from cobrowse_session.wire.trace import trace_lines

IN_MEMORY = 64 << 20
"""Bytes of text that are kept in memory."""
Place = tuple[datetime, str, int, int]
"""Where the text of a log is: the key by which it is sorted, its first byte and its length."""


class Spool:
    """A buffer that takes logs in any order. `write_in_order` writes their sessions and traces in the specified order.

    Args:
        with_trace: the traces are written as well. They cost more than the sessions.
        file: holds the text. None: memory, and a temporary file for what does not fit.
    """

    def __init__(self, *, with_trace: bool = True, file: IO[bytes] | None = None) -> None:
        self._with_trace = with_trace
        self._text = file or SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (close does it)
        self.places: list[Place] = []

    def put(self, log: SessionLog) -> None:
        """Add the text of a log. The log itself is not kept."""
        lines = [encode_session(log.session), *(trace_lines(log) if self._with_trace else ())]
        start = self._text.tell()
        self._text.write("\n".join(lines).encode())
        self.places.append((*sort_key(log), start, self._text.tell() - start))

    def read(self, place: Place) -> tuple[str, str]:
        """Return the line of a session, and those of its trace."""
        *_, start, length = place
        self._text.seek(start)
        session, _, trace = self._text.read(length).decode().partition("\n")
        return session, trace

    def close(self) -> None:
        """Forget everything, and remove the file."""
        self._text.close()


def write_in_order(spools: Iterable[Spool], write_session: Callable[[str], object], write_trace: Callable[[str], object]) -> None:
    """Write all sessions and trace entries in order (TRACE-12, TRACE-13), all entries of a session at once."""
    for place, holder in sorted(((place, spool) for spool in spools for place in spool.places), key=lambda pair: pair[0]):
        session, trace = holder.read(place)
        write_session(session)
        if trace:
            write_trace(trace)
