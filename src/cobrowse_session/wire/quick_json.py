"""JSON, parsed and written by msgspec where it is installed (extra `fast`).

msgspec takes documents that are refused here: a key that comes twice, any depth, a lone surrogate. So it gets only texts that
have none of these for certain. All others are left to `strict_json`, and so is every error. It writes some numbers
with a fraction in another way, so it gets only documents that have none for certain.
"""

import re
from typing import Any, Literal

try:
    import msgspec
except ModuleNotFoundError:
    msgspec = None  # type: ignore[assignment]  # a module or None

from cobrowse_session.checks import MAX_DEPTH, MAX_INTEGER_DIGITS

_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parsed(text: str) -> dict[str, Any] | None:
    """Return a JSON object, parsed by msgspec. `Any`: JSON.

    Args:
        text: any text.

    Returns:
        What `strict_json.read_text` returns. None: msgspec is not installed, or might read the text in another way.
    """
    if msgspec is None or len(text) > MAX_INTEGER_DIGITS or text.count("{") + text.count("[") > MAX_DEPTH:
        return None
    if " :" in text or "\n" in text or "\r" in text or "\t" in text or ("\\" in text and _ESCAPED_SURROGATE.search(text)):
        return None
    try:
        document = msgspec.json.decode(text)
    except ValueError:
        return None
    # There is no white space before a colon, so the colon of a key follows its quote at once. The text has `":` at least once for
    # each key that it states. Of a key that comes twice, the document has one. Example: `{"a":1,"a":2}` has `":` twice, and its
    # document has one key.
    return document if type(document) is dict and _has_keys(document, text.count('":')) else None


def _has_keys(document: dict[str, Any], count: int) -> bool:
    """Return whether a document has as many keys, those of its parts included. It cannot have more."""
    waiting: list[Any] = [document]
    for part in waiting:  # it grows meanwhile
        is_object = type(part) is dict
        count -= len(part) if is_object else 0
        if not count:  # no look at the rest: there is no key left
            return True
        waiting += [one for one in (part.values() if is_object else part) if type(one) is dict or type(one) is list]
    return False


def encoded(document: object, order: Literal["sorted"] | None = None) -> str | None:
    """Return a document as JSON, written by msgspec.

    Args:
        document: JSON without numbers of the type `float`. msgspec refuses subclasses, so those are left to `strict_json`, too.
        order: of keys.

    Returns:
        What `strict_json.dump` returns. None: msgspec is not installed, or refuses the document.
    """
    if msgspec is None:
        return None
    try:
        return msgspec.json.encode(document, order=order).decode()
    except (TypeError, ValueError):
        return None
