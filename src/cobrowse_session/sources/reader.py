"""A payload, read leniently: a value of the wrong type counts as absent and gives a warning with its path. Nothing raises."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Self

from attrs import define, field, frozen

from cobrowse_session.errors import Problem
from cobrowse_session.settings import MAX_TIMEOUT
from cobrowse_session.times import EPOCH, event_time
from cobrowse_session.wire.converter import read_time
from cobrowse_session.wire.strict_json import MAX_PROBLEMS, cut, shown, too_many


@define
class Warnings:
    """The first warnings of a payload, and their number.

    Attributes:
        kept: the first `MAX_PROBLEMS`.
        count: their number.
        skipped: the kinds of what states nothing of a leg, one for each.
    """

    kept: list[Problem] = field(factory=list)
    count: int = 0
    skipped: list[str] = field(factory=list)

    def add(self, error: str, path: str, found: str, expected: str, leg: str | None = None) -> None:
        """Add one more warning. See `Problem`."""
        self.count += 1
        if self.count <= MAX_PROBLEMS:
            self.kept.append(Problem(error, path, found, expected, leg and cut(leg)))

    def listed(self, path: str) -> tuple[Problem, ...]:
        """Return the kept warnings. If there are more, one at the end counts all."""
        return (*self.kept, *([too_many(path, self.count)] if self.count > MAX_PROBLEMS else []))


_MOST = 10**13 - 1  # milliseconds since 1970 in 13 digits: the year 2286


@frozen
class Origin:
    """When a payload was made and received, and its place in the input.

    Attributes:
        stated: the time of the payload or of its envelope, after the words for it. None: it has none.
        received_at: when it was received, on the cloud clock. None: it is not known.
        place: its place in the input, from 0.
        topic: under which it was sent. None: it was not sent, or the topic is not known.
    """

    stated: tuple[str, datetime] | None = None
    received_at: datetime | None = None
    place: int = 0
    topic: str | None = None

    def sequence(self, own: datetime | None = None) -> str:
        """Return the edition of what the payload states, as 33 digits (EDITION-2).

        13 for its own time in milliseconds since 1970 (else when it was received, else zeros), 13 for when it was received (else
        zeros), 7 for its place. So equal times are settled by arrival, and a place never competes with a time.
        """
        received = _milliseconds(self.received_at)
        return f"{_milliseconds(own) or received:013}{received:013}{min(self.place, 9_999_999):07}"


def _milliseconds(at: datetime | None) -> int:
    return min((at - EPOCH) // timedelta(milliseconds=1), _MOST) if at else 0


@define
class PayloadReader:
    """One object of a payload.

    Attributes:
        object: its keys and values. `Any`: JSON.
        path: its path in the document.
        warnings: what could not be understood. All objects of one payload share them.
        origin: when the payload was made and received, and its place.
    """

    object: dict[str, Any]
    path: str = "$"
    warnings: Warnings = field(factory=Warnings)
    origin: Origin = Origin()

    def warn(self, error: str, key: str, expected: str, leg: str | None = None) -> None:
        """Add a warning about the value of a key, which was not understood. `leg`: the id of its leg."""
        self.warnings.add(error, f"{self.path}.{cut(key)}", shown(self.object.get(key)), expected, leg)

    def text(self, key: str) -> str | None:
        """Return a text. An empty one is absent."""
        # Most keys of most objects are absent, and a payload may have 100,000 objects. So this is asked first, here and below.
        return None if self.object.get(key) is None else self._of(str, key, "a string") or None

    def flag(self, key: str) -> bool | None:
        """Return true or false. None: it is absent, or of another type."""
        value: bool | None = self._of(bool, key, "true or false")
        return value

    def number(self, key: str) -> int | None:
        """Return a whole number. None: it is absent, or of another type."""
        value: int | None = self._of(int, key, "an integer")
        return value

    def timeout(self, key: str, unit: timedelta = timedelta(milliseconds=1)) -> timedelta | None:
        """Return a timeout. None: it is absent, or out of bounds (SETTING-8)."""
        number = self.number(key)
        if number is None or 1 <= number <= MAX_TIMEOUT // unit:
            return None if number is None else number * unit
        self.warn("out_of_bounds", key, f"1 to {MAX_TIMEOUT // unit}")
        return None

    def time(self, key: str) -> datetime | None:
        """Return a time that is written as text. None: it is absent, or cannot be read."""
        value = self.object.get(key)
        if value is None or value == "":
            return None
        try:
            return event_time(read_time(value))
        except ValueError:
            self.warn("bad_time", key, "a time with its zone: 2026-03-01T09:00:00.000Z")
            return None

    def instant(self, key: str) -> datetime | None:
        """Return a time that is written as milliseconds since 1970. None: it is absent, or no such time."""
        number = self.number(key)
        if number is None:
            return None
        try:
            return event_time(EPOCH + timedelta(milliseconds=number))
        except (ValueError, OverflowError):
            self.warn("bad_time", key, "milliseconds since 1970")
            return None

    def words(self, key: str) -> tuple[str, ...] | None:
        """Return a list of strings. Anything else in it is left out."""
        values = self._of(list, key, "a list")
        if values is None:
            return None
        if not all(isinstance(value, str) for value in values):
            self.warn("wrong_type", key, "a list of strings")
        return tuple(value for value in values if isinstance(value, str))

    def one(self, key: str) -> Self | None:
        """Return an object in this one. An empty one is absent."""
        value = None if self.object.get(key) is None else self._of(dict, key, "an object")
        return type(self)(value, f"{self.path}.{cut(key)}", self.warnings, self.origin) if value else None

    def many(self, key: str) -> Iterator[Self]:
        """Yield the objects of a list in this one."""
        if self.object.get(key) is None:
            return
        path = f"{self.path}.{cut(key)}"
        values = self._of(list, key, "a list") or ()
        for index, value in enumerate(values):
            if isinstance(value, dict):
                yield type(self)(value, f"{path}[{index}]", self.warnings, self.origin)
        if not all(isinstance(value, dict) for value in values):
            self.warn("wrong_type", key, "a list of objects")

    def _of(self, wanted: type, key: str, expected: str) -> Any:  # a value of the wanted type
        value = self.object.get(key)
        if value is None or type(value) is wanted:
            return value
        self.warn("wrong_type", key, expected)
        return None
