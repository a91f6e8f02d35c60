"""Checks of the arguments of an inbox."""

from collections.abc import Mapping
from datetime import timedelta

from cobrowse_session.checks import shown
from cobrowse_session.errors import SettingsError
from cobrowse_session.stream import ProviderClock
from cobrowse_session.times import plain_timedelta
from cobrowse_session.wire.saved import MAX_OFFSET

MAX_LIMIT = 1 << 31
"""A limit is less than this."""

Correction = timedelta | ProviderClock
"""A fixed offset that is added, or the clock that learns one (CLOCK-3)."""


def checked_seal_after(duration: timedelta | None) -> timedelta | None:
    """Return the time after which a session is sealed, after a check.

    Raises:
        TypeError: it is of another type.
        SettingsError: it is negative.
    """
    return None if duration is None else _checked_duration("seal_after", duration, "timedelta or None")


def checked_seal_unfinished_after(duration: timedelta) -> timedelta:
    """Return the time after which a session with unfinished after-call work is sealed, after a check.

    Raises:
        TypeError: it is of another type.
        SettingsError: it is negative.
    """
    return _checked_duration("seal_unfinished_after", duration, "timedelta")


def _checked_duration(name: str, duration: timedelta, expected: str) -> timedelta:
    if not isinstance(duration, timedelta):
        raise TypeError(f"Inbox: {name}: expected {expected}, found {shown(duration)}")
    if duration < timedelta(0):
        raise SettingsError(name, "a timedelta of 0 or more", shown(duration))
    return plain_timedelta(duration)


def checked_corrections(correct: Mapping[str, Correction]) -> dict[str, Correction]:
    """Return the corrections by source, after a check.

    Raises:
        TypeError: a correction of another type.
        SettingsError: an offset of more than 100 years.
    """
    if not isinstance(correct, Mapping):
        raise TypeError(f"Inbox: correct: expected a mapping of source to timedelta or ProviderClock, found {shown(correct)}")
    for source, correction in correct.items():
        if not isinstance(correction, timedelta | ProviderClock):
            raise TypeError(f"Inbox: correct[{source!r}]: expected timedelta or ProviderClock, found {shown(correction)}")
        if isinstance(correction, timedelta) and abs(correction) > MAX_OFFSET:
            raise SettingsError(f"correct[{source!r}]", "an offset of at most 100 years", shown(correction))
    return {source: plain_timedelta(one) if isinstance(one, timedelta) else one for source, one in correct.items()}


def check_limit(limit: int) -> None:
    """Check that an argument is a number of rows or sessions.

    Raises:
        TypeError: it is no integer.
        ValueError: it is below 1, or too large for a database.
    """
    if type(limit) is not int:
        raise TypeError(f"limit: expected int, found {shown(limit)}")
    if not 1 <= limit < MAX_LIMIT:
        raise ValueError(f"limit: expected 1 or more, less than {MAX_LIMIT:,}, found {shown(limit)}")


def check_count(name: str, count: int, least: int) -> None:
    """Check that an argument is a count of at least so many.

    Raises:
        TypeError: it is no integer.
        SettingsError: it is less.
    """
    if type(count) is not int:
        raise TypeError(f"Inbox: {name}: expected int, found {shown(count)}")
    if count < least:
        raise SettingsError(name, f"{least} or more", shown(count))
