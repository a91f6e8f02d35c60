r"""Text from outside, made safe to print.

Ids, keys, names and notes come from events. A terminal obeys escape characters, a new line in an id forges a line of a report,
bidirectional characters reorder what a person reads, and XML forbids most control characters.
"""

import re
from datetime import datetime
from enum import Enum
from typing import Any

import attrs

_UNPRINTABLE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters: escape, new line, tab
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional
    "\u2028\u2029"  # line and paragraph separators
    "\u00ad\u200b\u2060\ufeff\U000e0000-\U000e007f"  # invisible
    "\ud800-\udfff\ufffe\uffff"  # forbidden in XML and UTF-8
    "]"
)


def printable(text: str) -> str:
    r"""Return the text with every character that a terminal, a picture or a page could obey written as an escape.

    >>> print(printable("s1\n\x1b[31mforged"))
    s1\n\x1b[31mforged
    """
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text) if not text.isprintable() else text


def short_repr(self: attrs.AttrsInstance) -> str:
    """Return a repr that leaves out what is unset, with times and enum members as text. For use as `__repr__`."""
    return f"{type(self).__name__}({', '.join(f'{name}={_shown(held)}' for name, held in _set_fields(self))})"


def _set_fields(value: attrs.AttrsInstance) -> "list[tuple[str, Any]]":  # any field's value
    fields = attrs.fields(type(value))
    return [(a.alias, held) for a in fields if a.init and a.repr and (held := getattr(value, a.name)) != a.default]


def _shown(value: Any) -> str:  # any field's value
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return repr(str(value)) if isinstance(value, Enum) else repr(value)
