"""Files of the platform's payloads: one JSON document, an array of them, or one per line."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, BinaryIO, Self

from attrs import define, field, frozen
from attrs.converters import optional

from cobrowse_session.errors import DecodeError, Problem
from cobrowse_session.io.replay import CHUNK, Rejected, lines, skip
from cobrowse_session.sources import BUILT_IN, Converted, Source
from cobrowse_session.sources.join import Joiner
from cobrowse_session.sources.registry import convert_checked
from cobrowse_session.times import event_time
from cobrowse_session.wire.strict_json import MAX_PROBLEMS, read_json, too_long, too_many

__all__ = ["MAX_PAYLOAD_BYTES", "PayloadFiles", "read_payloads"]

MAX_PAYLOAD_BYTES = 16 << 20
"""The default of how many bytes one document may have."""
BYTES_PER_PART = 50
"""Bytes of the bound of a document per object or array in it, at least. Python needs up to 200 bytes for an empty one."""


@frozen
class _Document:
    """A document of a file.

    Attributes:
        line: the physical line in which it begins, from 1.
        text: its content, or its beginning if it is too long.
        length: its length in bytes.
        content: its JSON (`Any`), or the error because of which it cannot be read.
    """

    line: int
    text: bytes
    length: int
    content: Any | DecodeError

    @classmethod
    def of(cls, line: int, text: bytes, length: int, max_line_bytes: int) -> Self:
        """Return a document, read if it has at most `max_line_bytes` bytes."""
        try:
            return cls(line, text, length, _read(text, length, max_line_bytes))
        except DecodeError as error:
            return cls(line, text, length, error)

    def rejected(self, error: DecodeError, count: int = 1) -> Rejected:
        """Return the document, as it is rejected."""
        return Rejected.of(error, self.line, self.text, self.length, count)


def read_payloads(  # noqa: PLR0913 (most are optional)
    file: BinaryIO,
    reject: Callable[[Rejected], object],
    family: str | None = None,
    *,
    sources: Sequence[Source] = BUILT_IN,
    received_at: datetime | None = None,
    max_line_bytes: int = MAX_PAYLOAD_BYTES,
) -> Iterator[tuple[int, Converted]]:
    """Yield every payload of a file, converted. One that cannot be read or recognised is rejected, and the others are read.

    Args:
        file: binary.
        reject: called with what cannot be read or recognised. In an array, these are the first `MAX_PROBLEMS` elements, and one
            that counts the others.
        family: the family of all of them. None: each is recognised.
        sources: those that are asked.
        received_at: when all of them were received, on the cloud clock. None: it is not known.
        max_line_bytes: how many bytes one document may have: an array, or a payload by itself.

    Returns:
        For each payload the line in which it begins, and its events.

    Raises:
        TypeError: a naive `received_at`.
        ValueError: a `received_at` outside of the years 1970 to 9998.
    """
    yield from PayloadFiles(family, sources, received_at, max_line_bytes).read(file, reject)


@define
class PayloadFiles:
    """Files of payloads that are one input, read one after the other: places go on, and legs under two ids are joined.

    Attributes:
        family: the family of all of them. None: each is recognised.
        sources: those that are asked.
        received_at: when all of them were received, on the cloud clock. None: it is not known.
        max_line_bytes: how many bytes one document may have.
    """

    family: str | None = None
    sources: Sequence[Source] = BUILT_IN
    received_at: datetime | None = field(default=None, converter=optional(event_time))
    max_line_bytes: int = MAX_PAYLOAD_BYTES
    _joiner: Joiner = field(factory=Joiner, init=False)
    _place: int = field(default=0, init=False)

    def read(self, file: BinaryIO, reject: Callable[[Rejected], object]) -> Iterator[tuple[int, Converted]]:
        """Yield every payload of the next file, converted. See `read_payloads`."""
        for document in _documents(file, self.max_line_bytes):
            if isinstance(document.content, DecodeError):
                reject(document.rejected(document.content))
            else:
                for converted in self._converted(document, reject):
                    yield document.line, self._joiner.join(converted)

    def _converted(self, document: _Document, reject: Callable[[Rejected], object]) -> Iterator[Converted]:
        """Yield each payload of a document, converted. Each has the next place, also one that is rejected."""
        content, rejected = document.content, 0
        for index, payload in enumerate(content if isinstance(content, list) else [content]):
            place, self._place = self._place, self._place + 1
            if rejected >= MAX_PROBLEMS and _is_no_payload(payload, () if self.family else self.sources):
                rejected += 1
                continue
            try:
                converted = self._convert(payload, place, f"$[{index}]" if isinstance(content, list) else "$")
            except DecodeError as error:
                rejected += 1
                if rejected <= MAX_PROBLEMS:
                    reject(document.rejected(error))
            else:
                self._place = converted.place_after(place)
                yield converted
        if rejected > MAX_PROBLEMS:
            reject(document.rejected(DecodeError((too_many("$", rejected),)), rejected - MAX_PROBLEMS))

    def _convert(self, payload: Any, place: int, path: str) -> Converted:  # JSON
        return convert_checked(payload, self.family, sources=self.sources, received_at=self.received_at, place=place, path=path)


def _is_no_payload(payload: Any, asked: Sequence[Source]) -> bool:  # JSON
    """Return whether a payload is certainly none. A full rejection costs much more."""
    if isinstance(payload, dict):
        return not payload or (bool(asked) and all(source.recognise(payload) is None for source in asked))
    return not isinstance(payload, list)


def _read(text: bytes, length: int, max_line_bytes: int) -> Any:  # JSON
    if length > max_line_bytes:
        raise too_long(length, max_line_bytes)
    parts, most = text.count(b"{") + text.count(b"["), max_line_bytes // BYTES_PER_PART
    if parts > most:
        raise DecodeError((Problem("too_many_parts", "$", f"{parts} objects and arrays", f"at most {most}"),))
    return read_json(text, max_line_bytes=max_line_bytes)


def _documents(file: BinaryIO, max_line_bytes: int) -> Iterator[_Document]:
    """Yield the documents of a file.

    If the file has one line, or one of its first two lines is a document, each line is one. Otherwise the whole file is one.
    """
    # Examples, with `/` between the lines of a file:
    #
    #     file                     documents
    #     {"a": 1} / {"b": 2}      two: the first line is one
    #     oops / {"b": 2}          two: the second line is one. The first is rejected.
    #     { / "a": 1 / }           one: neither of the first two lines is an object or an array
    #     [{"a": 1}, / {"b": 2}]   one
    #     oops                     one, rejected
    #
    # Two lines decide, so a file of millions of lines is read line by line. A known limit: an
    # array with its only element on a line of its own is taken for three lines. The element is read, the brackets are rejected.
    every = (_Document.of(*line, max_line_bytes) for line in lines(file, max_line_bytes))
    first = next(every, None)
    if first is None:
        return
    second = None if isinstance(first.content, dict | list) else next(every, None)
    if second is None or isinstance(second.content, dict | list):
        yield from chain(filter(None, (first, second)), every)
    else:
        yield _whole(file, first, second, max_line_bytes)


def _whole(file: BinaryIO, first: _Document, second: _Document, max_line_bytes: int) -> _Document:
    """Return the whole file as one document, after its first two lines were read."""
    length = sum(line.length + len(b"\n") for line in (first, second))
    rest = _read_at_most(file, max(max_line_bytes - length, 0) + len(b"x\n")).removesuffix(b"\n")  # a byte too many is enough
    text = b"\n".join((first.text, second.text, rest))
    return _Document.of(first.line, text, length + len(rest) + skip(file), max_line_bytes)


def _read_at_most(file: BinaryIO, most: int) -> bytes:
    """Return so many bytes of a file, read a piece at a time. Python allocates all that one read asks for."""
    pieces: list[bytes] = []
    while most > 0 and (piece := file.read(min(most, CHUNK))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)
