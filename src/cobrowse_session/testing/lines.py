"""Streams merged by time, and streams as JSON lines."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from operator import attrgetter

from cobrowse_session.canonical import Edition, Identity, canonical, edition, identity
from cobrowse_session.checks import shown
from cobrowse_session.errors import DecodeError
from cobrowse_session.events import Event
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.testing.arguments import checked_events
from cobrowse_session.wire import decode_event, encode_event

__tracebackhide__ = True  # a failed test shows the line that called the kit, and not the kit. `pytest --full-trace` shows all

__all__ = ["from_jsonl", "to_jsonl", "together"]


def together(*streams: Iterable[Event]) -> tuple[Event, ...]:
    """Return the events of several streams by the time at which they occurred. At one instant, an earlier stream comes first.

    Raises:
        TypeError: an argument is no stream, and no other events.
        ValueError: two streams have two events of one identity and edition that differ. Copies that do not differ are no error.

    >>> from cobrowse_session.testing import stream
    >>> one, two = stream("s1").alerting().after(5).connected(), stream("s2").after(2).alerting()
    >>> [(event.subject, event.kind) for event in together(one, two)]
    [('s1', 'alerting'), ('s2', 'alerting'), ('s1', 'connected')]
    """
    known: dict[tuple[Identity, Edition], Event] = {}
    every: list[Event] = []
    for events in streams:
        more = checked_events("together", events)
        for event in more:
            other = known.get(_edition_of(event), event)
            if canonical(other) != canonical(event):
                raise ValueError(
                    f"together: two events have the session {event.subject!r}, the source {event.source!r} and the id "
                    f"{event.id!r}, but differ: {other!r} and {event!r}; "
                    f"give one stream another source: stream({event.subject!r}, source='/b')"
                )
        known |= {_edition_of(event): event for event in more}
        every += more
    return tuple(sorted(every, key=attrgetter("occurred_at")))


def _edition_of(event: Event) -> tuple[Identity, Edition]:
    return identity(event), edition(event.sequence)


def to_jsonl(events: Iterable[Event]) -> str:
    """Return events as CloudEvents JSON, one per line. `from_jsonl` reads them, and so does the command `replay`.

    Raises:
        TypeError: they are no events.
    """
    return "".join(f"{encode_event(event)}\n" for event in checked_events("to_jsonl", events))


def from_jsonl(text: str | bytes, *, table: Table | None = None) -> tuple[Event, ...]:
    """Return the events of CloudEvents JSON, one per line. Blank lines are skipped.

    Args:
        text: text, or bytes in UTF-8.
        table: the table whose kinds of event are read. None: the standard one.

    Raises:
        DecodeError: a line cannot be read. It has the number of the line.
        TypeError: `text` is no text, and no bytes.

    >>> from cobrowse_session.testing import stream
    >>> call = stream("s1").alerting().after(3).connected()
    >>> from_jsonl(to_jsonl(call)) == call.events
    True
    """
    if not isinstance(text, str | bytes):
        raise TypeError(f"from_jsonl: expected text or bytes, found {shown(text)}")
    # `splitlines` would split inside of JSON, which may have other ends of lines in its texts.
    lines: Sequence[str | bytes] = text.split("\n") if isinstance(text, str) else text.split(b"\n")
    return tuple(_read(line, number, table) for number, line in enumerate(lines, 1) if line.strip())


def _read(line: str | bytes, number: int, table: Table | None) -> Event:
    try:
        return decode_event(line, table=table, max_future=timedelta.max)
    except DecodeError as error:
        raise DecodeError(error.problems, number) from None
