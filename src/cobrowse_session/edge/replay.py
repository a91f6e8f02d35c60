"""A whole file of events, replayed: sessions, trace, rejected lines, and what to say about them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, BinaryIO, Self

from attrs import frozen

from cobrowse_session.errors import DecodeError
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Ignored, Lifecycle, Refused
from cobrowse_session.stream import Folded, fold, keep
from cobrowse_session.wire import decode_event
from cobrowse_session.wire.text import LONGEST_LINE, dump, too_long

SHOWN = 200
"""Characters of a rejected line that are kept."""
_CHUNK = 1 << 16


# --- Lines in -----------------------------------------------------------------------------------------------------------------


@frozen
class Rejected:
    """A line that cannot be read.

    Attributes:
        error: why, with the physical line, from 1.
        text: its beginning.
        length: its length in bytes, without the line's end.
    """

    error: DecodeError
    text: str
    length: int

    @classmethod
    def of(cls, error: DecodeError, line: int, content: bytes, length: int | None = None) -> Self:
        """The rejected line, its text cut."""
        text = content[: 4 * SHOWN].decode(errors="replace")[:SHOWN]
        return cls(DecodeError(error.problems, line), text, len(content) if length is None else length)

    def as_json(self) -> str:
        """The line of a rejects file."""
        error = self.error
        return dump(
            {
                "line": error.line,
                "error": error.error,
                "path": error.path,
                "found": error.found,
                "expected": error.expected,
                "text": self.text,
                "length": self.length,
            }
        )


def read_events(file: BinaryIO, reject: Callable[[Rejected], object], *, longest: int = LONGEST_LINE) -> Iterator[Event]:
    """Read CloudEvents, one a line; blank lines are skipped without a word.

    Args:
        file: binary; read line by line, and of a line that is too long never more than a piece at once.
        reject: gets every line that cannot be read; the others go on.
        longest: how many bytes a line may have.
    """
    for number, line, length in lines(file, longest):
        try:
            yield _decode(line, length, longest)
        except DecodeError as error:
            reject(Rejected.of(error, number, line, length))


def _decode(line: bytes, length: int, longest: int) -> Event:
    if length > longest:
        raise too_long(length, longest)
    return decode_event(line, longest=longest)


def lines(file: BinaryIO, longest: int) -> Iterator[tuple[int, bytes, int]]:
    """Physical lines that are not blank: number, content and length; of one that is too long, the content is its beginning."""
    number = 0
    while line := file.readline(longest + len(b"x\r\n")):  # a byte too many is enough, and the line's end
        number += 1
        content = line.removesuffix(b"\n").removesuffix(b"\r")
        length = len(content) if line.endswith(b"\n") else len(line) + _skip_rest(file)
        if content.strip():
            yield number, content, length


def _skip_rest(file: BinaryIO) -> int:
    """Read to the end of a long line, a piece at a time; say how many bytes it still had, without its end."""
    length = 0
    while piece := file.readline(_CHUNK):
        length += len(piece)
        if piece.endswith(b"\n"):
            return length - len(b"\n") - piece.endswith(b"\r\n")
    return length


# --- Sessions out -------------------------------------------------------------------------------------------------------------


@frozen
class Replayed:
    """What a file of events amounts to.

    Attributes:
        legs: one a session, in the order of their first event's time, then of their ids.
        until: the time to which all of them were advanced; None: there were no events.
    """

    legs: tuple[Folded, ...]
    until: datetime | None

    def outcomes(self) -> Counter[str]:
        """How often each kind of outcome came, timers apart."""
        return Counter(step.outcome.kind for step in self._arrived())

    def rules(self, kind: type[Refused | Ignored] = Refused) -> Counter[str]:
        """How often each rule refused (or ignored)."""
        return Counter(step.outcome.rule for step in self._arrived() if isinstance(step.outcome, kind))

    def timers(self) -> Counter[str]:
        """How often each timer fired."""
        return Counter(step.event.kind for leg in self.legs for step in leg.steps if not isinstance(step.event, Event))

    def conversations(self) -> int:
        """How many conversations the events name."""
        return len({step.event.conversation_id for step in self._arrived()} - {None})

    def _arrived(self) -> Iterator[Any]:  # steps whose event is an Event; mypy cannot narrow an attribute of an element
        return (step for leg in self.legs for step in leg.steps if isinstance(step.event, Event))


def replay(events: Iterable[Event], lifecycle: Lifecycle | None = None, until: datetime | None = None) -> Replayed:
    """Fold the events of any number of sessions, and advance all of them to the same time.

    Args:
        events: in any order, with any repetition.
        lifecycle: the rules; the default ones where it is None.
        until: advance to this time; None, or one before the latest event: to the latest event.
    """
    by_session = defaultdict(list)
    for event in events:
        by_session[event.subject].append(event)
    kept = {session: keep(of_one) for session, of_one in by_session.items()}
    if not kept:
        return Replayed((), until)
    latest = max(one.events[-1].occurred_at for one in kept.values())
    until = max(until, latest) if until else latest
    in_order = sorted(kept, key=lambda session: (kept[session].events[0].occurred_at, session))
    return Replayed(tuple(fold(by_session[session], until, lifecycle=lifecycle) for session in in_order), until)
