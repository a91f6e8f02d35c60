"""Files of the platform's payloads: one JSON document, an array of them, or one a line."""

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from cobrowse_session.edge.replay import Rejected, lines
from cobrowse_session.errors import DecodeError
from cobrowse_session.wire.genesys import Converted, convert
from cobrowse_session.wire.text import read_json

LONGEST_PAYLOAD = 256 << 20
"""Bytes of one payload, unless a caller says otherwise."""


def read_payloads(
    file: BinaryIO, reject: Callable[[Rejected], object], family: str | None = None, *, longest: int = LONGEST_PAYLOAD
) -> Iterator[Converted]:
    """Convert every payload of a file; one that cannot be read or is not recognised is rejected, and the others go on.

    Args:
        file: binary.
        reject: gets what cannot be read or recognised; in an array, element by element.
        family: the family of all of them; None: recognise each.
        longest: how many bytes one payload may have.
    """
    for number, text in _documents(file, longest):
        try:
            document = read_json(text, longest=longest)
        except DecodeError as error:
            reject(Rejected.of(error, number, text))
            continue
        for one in document if isinstance(document, list) else [document]:
            try:
                yield convert(one, family)
            except DecodeError as error:
                reject(Rejected.of(error, number, text))


def _documents(file: BinaryIO, longest: int) -> Iterator[tuple[int, bytes]]:
    """The documents of a file and the lines they begin in: one a line, if the first line is one and others follow."""
    every = lines(file, longest)
    first = next(every, None)
    if first is None:
        return
    second = next(every, None)
    if second is None or _is_json(first[1]):
        yield from ((number, text) for number, text, _ in filter(None, (first, second)))
        yield from ((number, text) for number, text, _ in every)
    else:
        yield first[0], b"\n".join([first[1], second[1], *(text for _, text, _ in every)])


def _is_json(text: bytes) -> bool:
    try:
        document: Any = read_json(text, longest=len(text))
    except DecodeError:
        return False
    return isinstance(document, dict | list)
