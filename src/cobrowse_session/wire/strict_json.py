"""JSON from outside, read strictly and within bounds. Every problem has its path.

Memory and time are bounded by the length of the text. Of many problems, the first are kept and the others are counted. A path is
built for the kept ones alone: a long list of problems under a long key would need their product otherwise.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from json.encoder import encode_basestring
from math import isfinite
from typing import Any

from attrs import frozen

from cobrowse_session.checks import MAX_DEPTH, MAX_INTEGER_DIGITS
from cobrowse_session.errors import DecodeError, Problem
from cobrowse_session.wire.quick_json import parsed

MAX_LINE_BYTES = 1 << 20
"""The default of how many bytes one document may have."""
MAX_PROBLEMS = 20
"""Problems of one document that are kept. One more problem states how many there are."""
MAX_SHOWN = 80
"""Characters of a value, and of a key in a path, that a problem shows."""

_STRING = re.compile(r'"[^"]*"?')
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

_TOO_LONG = 10**MAX_INTEGER_DIGITS

Trail = list[str | int]  # the keys and indexes that lead to a value


@frozen
class _InvalidValue:
    """A placeholder in a document for a value that JSON does not have, until its path is known."""

    error: str
    found: str
    expected: str


class _WithDuplicateKey(dict[str, Any]):
    """An object that has a key twice."""

    invalid_value: _InvalidValue


def read_object(raw: str | bytes, *, max_line_bytes: int = MAX_LINE_BYTES) -> dict[str, Any]:
    """Return one JSON object, read from text. `Any`: JSON.

    Args:
        raw: the text, or its UTF-8.
        max_line_bytes: how many bytes of UTF-8 are read at most.

    Raises:
        DecodeError: it is no such object, or it cannot be read. See `read_json`.
    """
    document = read_json(raw, max_line_bytes=max_line_bytes)
    if not isinstance(document, dict):
        raise DecodeError((Problem("not_an_object", "$", shown(document), "a JSON object"),))
    return document


def read_json(raw: str | bytes, *, max_line_bytes: int = MAX_LINE_BYTES) -> Any:
    """Return any JSON document, read from text. `Any`: JSON.

    Args:
        raw: the text, or its UTF-8.
        max_line_bytes: how many bytes of UTF-8 are read at most.

    Raises:
        DecodeError: it cannot be read. If the text can be parsed, the first `MAX_PROBLEMS` problems and their number are listed.
    """
    if len(raw) > max_line_bytes:
        raise too_long(len(raw), max_line_bytes)
    text = _text(raw, max_line_bytes)
    return read_text(text) if (document := parsed(text)) is None else document


def read_text(text: str) -> Any:
    """Return any JSON document, read from text without msgspec. See `read_json`. `Any`: JSON."""
    if (depth := _depth(text)) > MAX_DEPTH:
        raise _error("nested_too_deep", f"{depth} levels", f"at most {MAX_DEPTH}")
    try:
        document = _DECODER.decode(text)
    except ValueError:
        document = _parse_again(text)
        check_document(document)
    # What the parser took can only be wrong in a surrogate. So most are not walked. An escaped pair is a whole character.
    if "\\u" in text and _ESCAPED_SURROGATE.search(text):
        check_document(document)
    return document


def check_document(document: Any, path: str = "$") -> None:
    """Check that a parsed document is one that `read_json` returns. `Any`: what Python's parser returns, or a caller made.

    Args:
        document: the document. It is not changed.
        path: the path of the document in a larger one.

    Raises:
        DecodeError: the first `MAX_PROBLEMS` problems, and their number.
    """
    trail: Trail = []
    invalid = _invalid_values(document, trail)
    problems = [
        Problem(invalid_value.error, path + _path(trail), invalid_value.found, invalid_value.expected)
        for invalid_value in islice(invalid, MAX_PROBLEMS)
    ]
    if more := sum(1 for _ in invalid):
        problems.append(too_many(path, MAX_PROBLEMS + more))
    if problems:
        raise DecodeError(tuple(problems))


def too_long(length: int, max_line_bytes: int) -> DecodeError:
    """Return the error of a document that has too many bytes to be read."""
    return _error("line_too_long", f"{length} bytes", f"at most {max_line_bytes}")


def too_many(path: str, count: int) -> Problem:
    """Return the problem that counts those of which only the first are kept."""
    return Problem("too_many_problems", path, f"{count}", f"at most {MAX_PROBLEMS}, which are listed")


def shown(value: object) -> str:
    """Return a value for a person, cut to a readable length. No more of it is read than is shown."""
    if isinstance(value, str):
        value = value[: MAX_SHOWN + 1]
    if not value or not isinstance(value, dict | list):
        return cut(json.dumps(value, default=_no_json))
    text = ""
    for part in json.JSONEncoder(default=_no_json).iterencode(value):
        text += part[: MAX_SHOWN + 1]
        if len(text) > MAX_SHOWN:
            break
    return cut(text)


def _no_json(value: object) -> str:
    """Return the text for a value that a caller made and JSON does not have."""
    return f"an object of type {type(value).__name__}"


def cut(text: str) -> str:
    """Return a text, cut to a readable length."""
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def decode_error(error: str, path: str, found: object, expected: str) -> DecodeError:
    """Return the error of a document with one problem. See `Problem`."""
    return DecodeError((Problem(error, path, shown(found), expected),))


def _error(error: str, found: str, expected: str) -> DecodeError:
    return DecodeError((Problem(error, "$", found, expected),))


def _text(raw: str | bytes, max_line_bytes: int) -> str:
    try:
        text = raw if isinstance(raw, str) else raw.decode()
        if isinstance(raw, str) and len(raw.encode()) > max_line_bytes:
            raise too_long(len(raw.encode()), max_line_bytes)
    except UnicodeDecodeError as error:
        raise _error("not_json", f"byte 0x{error.object[error.start]:02x} at {error.start}", "UTF-8") from None
    except UnicodeEncodeError as error:
        raise _error("lone_surrogate", f"a lone surrogate at {error.start}", "whole characters") from None
    if text.startswith("\ufeff"):
        raise _error("byte_order_mark", "a byte order mark", "none")
    return text


def _depth(text: str) -> int:
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    # Example: `{"a\"[": [1]}` is three steps. Without its escaped quote it is `{"a[": [1]}`. Without strings it is `{: [1]}`. Its
    # brackets are `{[]}`, so it is 2 deep. (A text with so few brackets is not looked at again.) Escaped backslashes go first: in
    # `"a\\"` the last quote ends the string.
    #
    # Why at all: Python's parser is recursive. A megabyte of `[` would end in a RecursionError. The count of all brackets is an
    # upper bound of the depth, so most texts need no second look.
    plain = _STRING.sub("", text.replace("\\\\", "").replace('\\"', ""))  # without escapes a string ends at the next quote
    for bracket in re.findall(r"[\[{\]}]", plain):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _refuse(_: str) -> None:
    raise ValueError


def _finite(digits: str) -> float:
    if not isfinite(number := float(digits)):
        raise ValueError
    return number


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_INTEGER_DIGITS:
        raise ValueError
    return int(digits)


def _whole(items: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(items)
    if len(made) != len(items):
        raise ValueError
    return made


# Made once: that costs as much as reading a short line.
_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite, parse_int=_integer, object_pairs_hook=_whole)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _parse_again(text: str) -> Any:
    """Parse a text in which something is wrong. Each value that JSON does not have is replaced by a placeholder."""

    # The parser's hooks are given a value, but not its path. So they leave a placeholder, and `check_document` walks the document
    # and finds the path of each. Example, `{"a": [1e999, {"b": NaN, "b": 2}]}`:
    #
    #     hook     called with           leaves in the document
    #     real     1e999                 _InvalidValue(not_a_number)
    #     constant NaN                   _InvalidValue(not_a_number), which the second "b" replaces
    #     pairs    ("b", ...), ("b", 2)  a dict that has `invalid_value`: duplicate_key
    #
    # The problems are `$.a[0]` not_a_number and `$.a[1]` duplicate_key. The NaN is not listed: its key counts for nothing.
    def invalid_value(error: str, found: str, expected: str) -> _InvalidValue:
        return _InvalidValue(error, found[:40], expected)

    def constant(name: str) -> _InvalidValue:
        return invalid_value("not_a_number", name, "a number that JSON has")

    def real(digits: str) -> float | _InvalidValue:
        number = float(digits)
        return invalid_value("not_a_number", digits, "a number that fits") if number in (float("inf"), float("-inf")) else number

    def integer(digits: str) -> int | _InvalidValue:
        if len(digits.lstrip("-")) > MAX_INTEGER_DIGITS:
            return invalid_value("number_too_long", f"{len(digits)} digits", f"at most {MAX_INTEGER_DIGITS}")
        try:
            return int(digits)
        except ValueError:  # PYTHONINTMAXSTRDIGITS allows fewer
            return invalid_value(
                "number_too_long", f"{len(digits)} digits", f"at most {sys.get_int_max_str_digits()}, as Python is set"
            )

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(items)
        if len(made) == len(items):
            return made
        flawed = _WithDuplicateKey(made)
        flawed.invalid_value = invalid_value("duplicate_key", f"{shown(_twice(items))} twice", "each key once")
        return flawed

    try:
        return json.loads(text, parse_constant=constant, parse_float=real, parse_int=integer, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        found = shown(text[error.pos : error.pos + 20]) if error.pos < len(text) else "the end"
        raise _error("not_json", f"{found} at {error.pos}", f"JSON ({error.msg})") from None


def _twice(items: list[tuple[str, Any]]) -> str:
    """Return the first key that comes a second time."""
    seen, key = set[str](), ""
    for key, _ in items:
        if key in seen:
            break
        seen.add(key)
    return key


def _invalid_values(value: Any, trail: Trail) -> Iterator[_InvalidValue]:
    """Yield every value that JSON does not have. While the caller has one of them, `trail` leads to it."""
    match value:
        case dict() | list() if len(trail) >= MAX_DEPTH:
            yield _InvalidValue("nested_too_deep", f"over {MAX_DEPTH} levels", f"at most {MAX_DEPTH}")
        case dict():
            yield from _invalid_keys(value)
            yield from _invalid_values_inside(value.items(), trail)
        case list():
            yield from _invalid_values_inside(enumerate(value), trail)
        case _:
            yield from filter(None, [_invalid_value(value)])


def _invalid_value(value: Any) -> _InvalidValue | None:
    """Return the problem of a value that holds no others. None: it is JSON."""
    match value:
        case _InvalidValue():
            return value
        case str():
            return None if _is_whole(value) else _InvalidValue("lone_surrogate", shown(value), "whole characters")
        case int() if abs(value) >= _TOO_LONG:
            return _InvalidValue("number_too_long", f"over {MAX_INTEGER_DIGITS} digits", f"at most {MAX_INTEGER_DIGITS}")
        case int() | None:
            return None
        case float():
            return None if isfinite(value) else _InvalidValue("not_a_number", repr(value), "a number that JSON has")
    return _InvalidValue("not_json", f"an object of type {type(value).__name__!r}", "a value that JSON has")


def _invalid_keys(value: dict[Any, Any]) -> Iterator[_InvalidValue]:
    if isinstance(value, _WithDuplicateKey):
        yield value.invalid_value
    for key in value:
        if not isinstance(key, str):
            yield _InvalidValue("not_json", f"a key of type {type(key).__name__!r}", "a string")
        elif not _is_whole(key):
            yield _InvalidValue("lone_surrogate", f"the key {shown(key)}", "whole characters")


def _invalid_values_inside(parts: Iterable[tuple[str | int, Any]], trail: Trail) -> Iterator[_InvalidValue]:
    for step, part in parts:
        # One list for the whole walk. It is right only until the next value is asked for, so the caller makes the path at once.
        trail.append(step)
        yield from _invalid_values(part, trail)
        trail.pop()


def _path(trail: Trail) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{cut(step) if _is_key(step) else '?'}" for step in trail)


def _is_key(step: object) -> bool:
    return isinstance(step, str) and _is_whole(step)


def _is_whole(text: str) -> bool:
    return text.isascii() or not _SURROGATE.search(text)


encode_text = encode_basestring
"""Return a text as `dump` writes it."""


def dump(document: object) -> str:
    """Return a document as every format here writes it: one line, no spaces, non-ASCII as it is."""
    return _ENCODER.encode(document)
