r"""Text from outside, made safe to print.

Ids, keys, names and notes come from events. A terminal obeys escape characters, a new line in an id forges a line of a report,
bidirectional characters reorder what a person reads, and XML forbids most control characters.
"""

import re

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
