"""Suggestions for a word that is not known."""

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches

import typer

from cobrowse_session.printable import printable

MAX_LISTED = 10
"""Known words that an error lists."""
MAX_SUGGESTED = 3
"""Known words that a suggestion names."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question that names the nearest known words, with a space before it. It is empty if none is near.

    >>> did_you_mean("mandetory", ["mandatory", "optional"])
    " Did you mean 'mandatory'?"
    >>> did_you_mean("startTime", ["afterCallWork.startTime", "segments.0.startTime", "state"])
    " Did you mean 'afterCallWork.startTime' or 'segments.0.startTime'?"
    """
    by_lower = {one.lower(): one for one in known}
    nearest = next((some for some in _near(word.lower(), by_lower) if 0 < len(some) <= MAX_SUGGESTED), [])
    return f" Did you mean {' or '.join(repr(by_lower[one]) for one in nearest)}?" if nearest else ""


def _near(word: str, known: Collection[str]) -> Iterator[list[str]]:
    """Yield the known words that are near in one way, the surest way first."""
    if len(word) > 1:  # a letter is in many words
        yield [one for one in known if one.endswith(f".{word}")]
        yield [one for one in known if one.startswith(word)]
        yield [one for one in known if word in one]
        yield [one for one in known if "".join(part[:1] for part in one.split("-")) == word]
    yield get_close_matches(word, known, n=1)


def listed(known: Iterable[str]) -> str:
    """Return the first known words, and how many others there are."""
    every = [printable(one) for one in known]
    more = f" and {len(every) - MAX_LISTED:,} more" if len(every) > MAX_LISTED else ""
    return ", ".join(every[:MAX_LISTED]) + more


def unknown_value(word: str, known: Iterable[str], hint: str) -> typer.BadParameter:
    """Return the error of a value that an option or an argument does not take."""
    every = list(known)
    return typer.BadParameter(f"expected one of {', '.join(every)}, found {word!r}.{did_you_mean(word, every)}", param_hint=hint)
