"""Files of the platform's payloads: one JSON document, an array of them, or one a line."""

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from cobrowse_session.edge.replay import Rejected, lines
from cobrowse_session.errors import DecodeError
from cobrowse_session.wire.genesys import Converted, convert
from cobrowse_session.wire.text import read_json, too_long

__all__ = ["read_payloads"]

LONGEST_PAYLOAD = 256 << 20
"""Bytes of one payload, unless a caller says otherwise."""


def read_payloads(
    file: BinaryIO, reject: Callable[[Rejected], object], family: str | None = None, *, longest: int = LONGEST_PAYLOAD
) -> Iterator[tuple[int, Converted]]:
    """Convert every payload of a file; one that cannot be read or is not recognised is rejected, and the others go on.

    Args:
        file: binary.
        reject: gets what cannot be read or recognised; in an array, element by element.
        family: the family of all of them; None: recognise each.
        longest: how many bytes one payload may have.

    Returns:
        For each payload the line in which it begins, and what it amounts to.
    """
    for number, text, length in _documents(file, longest):
        try:
            document = _read(text, length, longest)
        except DecodeError as error:
            reject(Rejected.of(error, number, text, length))
            continue
        listed = isinstance(document, list)
        for index, one in enumerate(document if listed else [document]):
            try:
                yield number, convert(one, family, path=f"$[{index}]" if listed else "$")
            except DecodeError as error:
                reject(Rejected.of(error, number, text, length))


def _read(text: bytes, length: int, longest: int) -> Any:  # JSON
    if length > longest:
        raise too_long(length, longest)
    return read_json(text, longest=longest)


def _documents(file: BinaryIO, longest: int) -> Iterator[tuple[int, bytes, int]]:
    """The documents of a file, the lines they begin in, and their lengths.

    One a line, if the file has one line, or one of its first two is a document by itself; else the whole file is one.
    """
    every = lines(file, longest)
    first, second = next(every, None), next(every, None)
    if first is None:
        return
    if second is None or _is_document(first[1]) or _is_document(second[1]):
        yield from filter(None, (first, second))
        yield from every
    else:
        parts = [first, second, *every]
        yield first[0], b"\n".join(text for _, text, _ in parts), sum(length + 1 for *_, length in parts) - 1


def _is_document(text: bytes) -> bool:
    try:
        return isinstance(read_json(text, longest=len(text)), dict | list)
    except DecodeError:
        return False
