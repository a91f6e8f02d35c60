"""JSON as it comes from outside: read strictly, within bounds, and every fault with its path."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from attrs import frozen

from cobrowse_session.errors import MAX_PROBLEMS, DecodeError, Problem

LONGEST_LINE = 1 << 20
"""Bytes of one document, unless a caller says otherwise."""
DEEPEST = 64
"""Objects and arrays within each other."""
LONGEST_INTEGER = 4300
"""Digits; Python's own bound, checked here so that nobody's settings change what is accepted."""

# One that never ends is matched to the end, or each of its quotes would be tried anew.
# Possessive (`++`, `*+`): a long string costs no memory for ways back that are never taken.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@frozen
class _Flaw:
    """Stands in a document where something readable but senseless was, until its path is known."""

    error: str
    found: str
    expected: str


class _Flawed(dict[str, Any]):
    """An object in which a key stands twice."""

    flaw: _Flaw


def read_object(raw: str | bytes, *, longest: int = LONGEST_LINE) -> dict[str, Any]:
    """Read one JSON object. `Any`: JSON.

    Args:
        raw: the text, or its UTF-8.
        longest: how many bytes of UTF-8 are read at most.

    Raises:
        DecodeError: what is wrong with it, all of it where the text can be parsed at all.
    """
    document = read_json(raw, longest=longest)
    if not isinstance(document, dict):
        raise DecodeError((Problem("not_an_object", "$", shown(document), "a JSON object"),))
    return document


def read_json(raw: str | bytes, *, longest: int = LONGEST_LINE) -> Any:
    """Read any JSON document; see `read_object`."""
    if len(raw) > longest:
        raise too_long(len(raw), longest)
    text = _text(raw, longest)
    if (depth := _depth(text)) > DEEPEST:
        raise _error("nested_too_deep", f"{depth} levels", f"at most {DEEPEST}")
    flaws: list[_Flaw] = []
    document = _parse(text, flaws)
    if flaws or _ESCAPED_SURROGATE.search(text):
        found = _flaws(document, (None, "$"))
        problems = tuple(problem() for problem in islice(found, MAX_PROBLEMS))
        if problems:  # an escaped pair of surrogates is a whole character
            raise DecodeError(problems, more=sum(1 for _ in found))
    return document


def too_long(length: int, longest: int) -> DecodeError:
    """A document of so many bytes is not read."""
    return _error("line_too_long", f"{length} bytes", f"at most {longest}")


def shown(value: object) -> str:
    """Return a value as JSON for a person, cut to a readable length. Of a long one, only the beginning is read."""
    if isinstance(value, str):
        text = json.dumps(value[:_SHOWN])
    else:
        text, chunks = "", json.JSONEncoder().iterencode(value)
        while len(text) <= _SHOWN and (chunk := next(chunks, None)) is not None:
            text += chunk[: _SHOWN + 1]
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


_SHOWN = 80


def _error(error: str, found: str, expected: str) -> DecodeError:
    return DecodeError((Problem(error, "$", found, expected),))


def _text(raw: str | bytes, longest: int) -> str:
    try:
        text = raw if isinstance(raw, str) else raw.decode()
        if isinstance(raw, str) and len(raw.encode()) > longest:
            raise too_long(len(raw.encode()), longest)
    except UnicodeDecodeError as error:
        raise _error("not_json", f"byte 0x{error.object[error.start]:02x} at {error.start}", "UTF-8") from None
    except UnicodeEncodeError as error:
        raise _error("lone_surrogate", f"a lone surrogate at {error.start}", "whole characters") from None
    if text.startswith("\ufeff"):
        raise _error("byte_order_mark", "a byte order mark", "none")
    return text


def _depth(text: str) -> int:
    if text.count("{") + text.count("[") <= DEEPEST:
        return 0
    depth = deepest = 0
    for bracket in re.findall(r"[\[{\]}]", _STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _parse(text: str, flaws: list[_Flaw]) -> Any:
    def flaw(error: str, found: str, expected: str) -> _Flaw:
        flaws.append(_Flaw(error, found[:40], expected))
        return flaws[-1]

    def constant(name: str) -> _Flaw:
        return flaw("not_a_number", name, "a number that JSON has")

    def real(digits: str) -> float | _Flaw:
        number = float(digits)
        return flaw("not_a_number", digits, "a number that fits") if number in (float("inf"), float("-inf")) else number

    def integer(digits: str) -> int | _Flaw:
        if len(digits.lstrip("-")) > LONGEST_INTEGER:
            return flaw("number_too_long", f"{len(digits)} digits", f"at most {LONGEST_INTEGER}")
        return int(digits)

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(items)
        if len(made) == len(items):
            return made
        flawed = _Flawed(made)
        (twice, _), *_ = Counter(key for key, _ in items).most_common(1)
        flawed.flaw = flaw("duplicate_key", f"{shown(twice)} twice", "each key once")
        return flawed

    try:
        return json.loads(text, parse_constant=constant, parse_float=real, parse_int=integer, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        found = shown(text[error.pos : error.pos + 20]) if error.pos < len(text) else "the end"
        raise _error("not_json", f"{found} at {error.pos}", f"JSON ({error.msg})") from None


_Path = tuple[Any, object]  # the path before it, and the last key: its text is made for the few problems that are shown


def _flaws(value: Any, path: _Path) -> Iterator[Callable[[], Problem]]:
    """What was marked while parsing, and lone surrogates. Each is a problem once it is called: there may be very many."""
    match value:
        case _Flaw():
            yield lambda: Problem(value.error, _text_of(path), value.found, value.expected)
        case str():
            if not _is_whole(value):
                yield lambda: Problem("lone_surrogate", _text_of(path), shown(value), "whole characters")
        case dict():
            if isinstance(value, _Flawed):
                flaw = value.flaw
                yield lambda: Problem(flaw.error, _text_of(path), flaw.found, flaw.expected)
            for key, part in value.items():
                is_whole = _is_whole(key)
                if not is_whole:
                    yield partial(_bad_key, path, key)
                yield from _flaws(part, (path, key if is_whole else "?"))
        case list():
            for index, part in enumerate(value):
                yield from _flaws(part, (path, index))


def _bad_key(path: _Path, key: str) -> Problem:
    return Problem("lone_surrogate", _text_of(path), f"the key {shown(key)}", "whole characters")


def _text_of(path: _Path) -> str:
    steps: list[str] = []
    before: _Path | None = path
    while before is not None:
        before, key = before
        text = f"[{key}]" if isinstance(key, int) else str(key) if len(str(key)) <= _SHOWN else f"{str(key)[: _SHOWN - 1]}…"
        steps.append(text if isinstance(key, int) or before is None else f".{text}")
    return "".join(reversed(steps))


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def dump(document: object) -> str:
    """A document as every format here writes it: one line, no spaces, non-ASCII as it is."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
