"""Documents of a transport, recognised: events, CloudEvents, payloads of the platform, and lists of these."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import define, field

from cobrowse_session.checks import MAX_DEPTH, shown
from cobrowse_session.errors import DecodeError, Problem
from cobrowse_session.events import Event
from cobrowse_session.io.answers import Received, Taken
from cobrowse_session.io.replay import Rejected
from cobrowse_session.sources import Converted, Source, convert
from cobrowse_session.wire.cloudevents import is_cloudevent
from cobrowse_session.wire.strict_json import MAX_PROBLEMS, check_document, read_json, too_many

_SHORTEST = 50  # characters; CloudEvents and payloads have more


@define
class Recogniser:
    """Recognises documents, and hands over the events in them.

    Attributes:
        add: called with an event, as the converter or the caller made it.
        receive: called with a CloudEvents object. `Any`: JSON.
        reject: called with the error of what cannot be read, its text, and the number of documents that it counts.
        max_line_bytes: how many bytes a text may have.
        sources: those that are asked for payloads.
        received_at: when the document arrived.
        join: gives a leg that comes under two ids the one of its communication.
    """

    add: Callable[[Event], Received | Rejected]
    receive: Callable[[Mapping[str, Any]], Received]
    reject: Callable[[DecodeError, bytes, int], Rejected]
    max_line_bytes: int
    sources: Sequence[Source]
    received_at: datetime
    join: Callable[[Converted], Converted]
    _place: int = field(default=0, init=False)

    def take(self, document: object) -> Taken:
        """Return the results of a document, whatever it turns out to be."""
        taken = list(self._take(document, MAX_DEPTH))
        return Taken(
            tuple(answer for part in taken for answer in part.answers),
            tuple(warning for part in taken for warning in part.warnings),
            tuple(kind for part in taken for kind in part.skipped),
        )

    def _take(self, document: object, depth: int) -> Iterator[Taken]:
        """Yield the results of the parts of a document. Only `depth` lists may be nested in it."""
        if isinstance(document, Event):
            yield Taken((self.add(document),))
        elif isinstance(document, str | bytes):
            try:
                parsed = read_json(document, max_line_bytes=self.max_line_bytes)
            except DecodeError as error:
                yield Taken((self.reject(error, as_bytes(document), 1),))
            else:
                yield from self._take(parsed, depth - 1)
        elif isinstance(document, list) and depth > 0:
            yield from self._take_list(document, depth - 1)
        elif isinstance(document, Mapping):
            yield self._take_object(document)
        else:
            problem = Problem("not_an_object", "$", type(document).__name__, "an event, CloudEvents or a payload")
            yield Taken((self.reject(DecodeError((problem,)), _json_bytes(document), 1),))

    def _take_list(self, parts: list[Any], depth: int) -> Iterator[Taken]:  # JSON
        """Yield the results of the parts of a list. Of many that are no document, the first are answered, the others counted."""
        rejected = more = 0
        for one in parts:
            if rejected >= MAX_PROBLEMS and _is_no_document(one):
                more += 1
                continue
            for taken in self._take(one, depth):
                rejected += sum(isinstance(answer, Rejected) for answer in taken.answers)
                yield taken
        if more:
            yield Taken((self.reject(DecodeError((too_many("$", rejected + more),)), b"", more),))

    def _take_object(self, document: Mapping[str, Any]) -> Taken:  # JSON
        try:
            if is_cloudevent(document):
                plain = dict(document)
                check_document(plain)  # the caller's parser may let NaN or lone surrogates through
                return Taken((self.receive(plain),))
            converted = self.join(convert(document, sources=self.sources, received_at=self.received_at, place=self._place))
            self._place = converted.place_after(self._place)
        except DecodeError as error:
            return Taken((self.reject(error, _json_bytes(document), 1),))
        return Taken(tuple(map(self.add, converted.events)), converted.warnings, converted.skipped)


def check_recognisable(document: object) -> None:
    """Check that a document is of a type in which documents come.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(document, Event | str | bytes | list | Mapping):
        raise TypeError(f"expected an event, CloudEvents or a payload, as text or parsed JSON, found {shown(document)}")


def as_bytes(raw: str | bytes) -> bytes:
    """Return a text in UTF-8. What has no UTF-8 is replaced."""
    return raw.encode(errors="replace") if isinstance(raw, str) else raw


def _is_no_document(part: Any) -> bool:  # JSON
    """Return whether a part is certainly no document. A full rejection costs much more."""
    if isinstance(part, str | bytes):
        return len(part) < _SHORTEST
    return not isinstance(part, Event) and (not isinstance(part, list | Mapping) or not part)


def _json_bytes(document: object) -> bytes:
    """Return a parsed document as text. It is empty for one that holds itself, or a key that is no text."""
    try:
        return json.dumps(document, default=repr).encode()
    except (TypeError, ValueError, RecursionError):
        return b""
