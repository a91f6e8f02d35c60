"""Suggestions for a word that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches

import typer

from cobrowse_session.printable import printable

MAX_LISTED = 10
"""Known words that an error lists."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question that names the nearest known word, with a space before it. It is empty if none is near.

    >>> did_you_mean("mandetory", ["mandatory", "optional"])
    " Did you mean 'mandatory'?"
    """
    by_lower = {one.lower(): one for one in known}
    nearest = get_close_matches(word.lower(), by_lower, n=1)
    return f" Did you mean {by_lower[nearest[0]]!r}?" if nearest else ""


def listed(known: Iterable[str]) -> str:
    """Return the first known words, and how many others there are."""
    every = [printable(one) for one in known]
    more = f" and {len(every) - MAX_LISTED:,} more" if len(every) > MAX_LISTED else ""
    return ", ".join(every[:MAX_LISTED]) + more


def unknown_value(word: str, known: Iterable[str], hint: str) -> typer.BadParameter:
    """Return the error of a value that an option or an argument does not take."""
    every = list(known)
    return typer.BadParameter(f"expected one of {', '.join(every)}, found {word!r}.{did_you_mean(word, every)}", param_hint=hint)
