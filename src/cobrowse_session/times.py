"""Times and durations: aware datetimes in UTC, in whole milliseconds from 1970 to 9999."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cobrowse_session.checks import shown


def utc(moment: datetime) -> datetime:
    """Return a moment in UTC, cut to the millisecond.

    Args:
        moment: an aware datetime, on any clock.

    Raises:
        TypeError: `moment` is naive, or no datetime at all.
        ValueError: `moment` lies before 1970 or after 9999.
    """
    if type(moment) is datetime and moment.tzinfo is UTC and moment.year >= 1970 and not moment.microsecond % 1000:
        return moment  # it was converted before
    if not isinstance(moment, datetime) or not isinstance(offset := moment.utcoffset(), timedelta):
        raise TypeError(f"expected an aware datetime, for example datetime(..., tzinfo=UTC), found {shown(moment)}")
    try:
        # A subclass (pendulum, pandas) may count nanoseconds and compare by them. Only a plain datetime is kept.
        day, clock = (moment.year, moment.month, moment.day), (moment.hour, moment.minute, moment.second, moment.microsecond)
        plain = datetime(*day, *clock, tzinfo=UTC) - offset
    except OverflowError:  # the year 0 or 10000, once in UTC
        raise ValueError(f"expected a time from 1970 to 9999, found {shown(moment)}") from None
    if plain.year < 1970:
        raise ValueError(f"expected a time from 1970 to 9999, found {shown(moment)}")
    return plain.replace(microsecond=plain.microsecond // 1000 * 1000)


def event_time(moment: datetime) -> datetime:
    """Return the time of an event, as `utc` does. The year 9999 is kept free for the deadlines that follow from it.

    Raises:
        TypeError: `moment` is naive, or no datetime at all.
        ValueError: `moment` lies outside the years 1970 to 9998.
    """
    if (moment := utc(moment)).year > 9998:
        raise ValueError(f"expected a time in the years 1970 to 9998, found {shown(moment)}")
    return moment


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The earliest time."""
MAX_TIME = datetime.max.replace(microsecond=999_000, tzinfo=UTC)
"""Later than every deadline."""


_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(duration: timedelta) -> int:
    """Return a duration in whole milliseconds, rounded down."""
    return duration // _MILLISECOND


_TWO = tuple(f"{number:02}" for number in range(60))
_THREE = tuple(f"{number:03}" for number in range(1000))


@lru_cache(maxsize=1024)
def time_text(moment: datetime) -> str:
    """Return a moment as all formats here write it: `2026-03-01T09:00:00.000Z`."""
    # Kept, because the times of a session are written again and again: in its JSON and in several entries of its trace.
    at = utc(moment)
    day = f"{at.year}-{_TWO[at.month]}-{_TWO[at.day]}"  # `isoformat` takes three times as long
    return f"{day}T{_TWO[at.hour]}:{_TWO[at.minute]}:{_TWO[at.second]}.{_THREE[at.microsecond // 1000]}Z"


def plain_timedelta(duration: timedelta) -> timedelta:
    """Return a duration as a plain timedelta: a subclass (pendulum, pandas) may count nanoseconds, or divide in its own way."""
    return timedelta(duration.days, duration.seconds, duration.microseconds)
