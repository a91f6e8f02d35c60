"""Each fact once, however many payloads state it."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b

from attrs import evolve

from cobrowse_session.events import Event
from cobrowse_session.wire.cloudevents import encode_event
from cobrowse_session.wire.strict_json import dump

_DIGITS, _PLACE = 33, 7  # of an edition (`Origin.sequence`): all its digits, and those of the place


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
        edition = event.sequence and (event.sequence[:-_PLACE] if len(event.sequence) == _DIGITS else event.sequence)
        key = _digest(dump([event.subject, event.source, event.id, edition])) if edition else content
        if last.get(key) != content:
            last[key] = content
            yield event


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()
