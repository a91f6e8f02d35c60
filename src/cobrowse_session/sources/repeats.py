"""Each fact once, however many payloads state it."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from hashlib import blake2b

from attrs import evolve

from cobrowse_session.canonical import NO_EDITION, canonical, edition
from cobrowse_session.events import Event
from cobrowse_session.times import EPOCH
from cobrowse_session.wire.cloudevents import encode_event
from cobrowse_session.wire.strict_json import dump

_DIGITS, _TIME, _PLACE = 33, 13, 7  # of an edition (`Origin.sequence`): all its digits, those of a time, and those of the place


def without_repeats(events: Iterable[Event]) -> Iterator[Event]:
    """Yield each event once, in the order of the input. Copies that differ stay: the log merges and counts them."""
    # Example: copies of one fact, with the content and the edition (time and place) of each.
    #
    #     copies                                yielded
    #     A 900/1, A 900/2                      the first: with a later place alone, a copy states nothing new
    #     A 900/1, B 900/2, A 900/3             all: the third corrects the second
    #     A 900/1, A 901/2, B 900/3             all: B would count without the second
    last: dict[bytes, bytes] = {}  # many events, and many copies, in little room
    for event in events:
        content = _digest(encode_event(evolve(event, sequence=None)))
        times = event.sequence and (event.sequence[:-_PLACE] if len(event.sequence) == _DIGITS else event.sequence)
        key = _digest(dump([event.subject, event.source, event.id, times])) if times else content
        if last.get(key) != content:
            last[key] = content
            yield event


def may_be_sent_again(event: Event) -> bool:
    """Return whether an event may be a fact of a payload, so that the edition or the time may say when it was received."""
    return _is_edition(event.sequence) if event.sequence is not None else event.derived_from is not None


def as_received_first(event: Event, held: Iterable[Event]) -> Event:
    """Return a fact of a payload that was sent again with the edition and the time of its first arrival.

    Args:
        event: the fact, as it was converted now.
        held: the copies of it that are held.

    Returns:
        The event as it would be, had it been received with one of the copies, if it equals that copy. Otherwise as it is.
    """
    # Example: copies of one fact, in order of arrival, each with the time of its payload and when it was received.
    #
    #     copies                              the last one is
    #     A 900/901, B 950/951, A 900/960     a repeat of the first: the payload has a time of its own, and was sent again
    #     A 900/901, A 950/951                new: another payload. Without it, a copy of 920 that comes later would count
    #     A 901/901, A 960/960                a repeat: the payload has no time of its own, and nothing else was stated since
    #     A 901/901, B 951/951, A 960/960     new: it cannot be known whether A was sent again, or is true again
    #     A 900/901, B 900/901, A 900/901     new: payloads of one list are in order of their places, see `without_repeats`
    #
    # A payload that is received in the very millisecond of its own time is taken for one that has none.
    copies = list(held)
    latest = max((edition(copy.sequence) for copy in copies), default=NO_EDITION)
    for copy in copies:
        if _may_be_first(event, copy, is_latest=edition(copy.sequence) == latest):
            then = evolve(event, sequence=copy.sequence)
            if _is_of_its_arrival(event) and _is_of_its_arrival(copy):
                then = evolve(then, occurred_at=copy.occurred_at)
            if canonical(then) == canonical(copy):
                return then
    return event


def without_arrival(event: Event) -> Event:
    """Return a fact of a payload with a time of its own as the payload states it, whenever it was received."""
    return evolve(event, sequence=event.sequence[:_TIME]) if event.sequence is not None and _has_time(event.sequence) else event


def _may_be_first(event: Event, copy: Event, *, is_latest: bool) -> bool:
    """Return whether a copy may be of the same payload as an event, by their editions."""
    new, old = event.sequence, copy.sequence
    if new is None or old is None:  # of those without an edition the first counts, so a later one states nothing new
        return new is old
    if not _is_edition(old):
        return False
    if _has_time(new):
        return new[:_TIME] == old[:_TIME] and new[_TIME:-_PLACE] != old[_TIME:-_PLACE]
    return is_latest and not _has_time(old)


def _is_of_its_arrival(event: Event) -> bool:
    """Return whether an event has the time at which its payload was received, because nothing stated another one."""
    if event.sequence is None:
        return event.derived_from is not None and event.occurred_at == event.received
    milliseconds = (event.occurred_at - EPOCH) // timedelta(milliseconds=1)
    return not _has_time(event.sequence) and int(event.sequence[:_TIME]) == milliseconds


def _is_edition(sequence: str | None) -> bool:
    return sequence is not None and len(sequence) == _DIGITS and sequence.isascii() and sequence.isdigit()


def _has_time(sequence: str) -> bool:
    """Return whether an edition has a time of its payload, not only when that was received."""
    return _is_edition(sequence) and sequence[:_TIME] != sequence[_TIME:-_PLACE]


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()
