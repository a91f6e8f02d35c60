"""A payload, read leniently: what has the wrong type is as good as absent, and told with its path. Nothing here raises."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Self

from attrs import define, field

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
        count: how many there are.
    """

    kept: list[Problem] = field(factory=list)
    count: int = 0

    def add(self, error: str, path: str, found: str, expected: str) -> None:
        """Take one more warning. See `Problem`."""
        self.count += 1
        if self.count <= MAX_PROBLEMS:
            self.kept.append(Problem(error, path, found, expected))

    def listed(self, path: str) -> tuple[Problem, ...]:
        """The kept ones, and one that counts all where there are more."""
        return (*self.kept, *([too_many(path, self.count)] if self.count > MAX_PROBLEMS else []))


@define
class PayloadReader:
    """One object of a payload.

    Attributes:
        object: what it says. `Any`: JSON.
        path: where it stands.
        warnings: what could not be understood; shared by all objects of one payload.
    """

    object: dict[str, Any]
    path: str = "$"
    warnings: Warnings = field(factory=Warnings)

    def warn(self, error: str, key: str, expected: str) -> None:
        """Tell that something was not understood."""
        self.warnings.add(error, f"{self.path}.{cut(key)}", shown(self.object.get(key)), expected)

    def text(self, key: str) -> str | None:
        """Return a text. An empty one is absent."""
        return self._of(str, key, "a string") or None

    def flag(self, key: str) -> bool | None:
        """True or false."""
        value: bool | None = self._of(bool, key, "true or false")
        return value

    def number(self, key: str) -> int | None:
        """A whole number."""
        value: int | None = self._of(int, key, "an integer")
        return value

    def timeout(self, key: str, unit: timedelta = timedelta(milliseconds=1)) -> timedelta | None:
        """A timeout, if it is one that makes sense."""
        number = self.number(key)
        if number is None or 1 <= number <= MAX_TIMEOUT // unit:
            return None if number is None else number * unit
        self.warn("out_of_bounds", key, f"1 to {MAX_TIMEOUT // unit}")
        return None

    def time(self, key: str) -> datetime | None:
        """A time, as text."""
        value = self.object.get(key)
        if value is None or value == "":
            return None
        try:
            return event_time(read_time(value))
        except ValueError:
            self.warn("bad_time", key, "a time with its zone: 2026-03-01T09:00:00.000Z")
            return None

    def instant(self, key: str) -> datetime | None:
        """A time, as milliseconds since 1970."""
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
        """Return an object within this one. An empty one is absent."""
        value = self._of(dict, key, "an object")
        return type(self)(value, f"{self.path}.{cut(key)}", self.warnings) if value else None

    def many(self, key: str) -> Iterator[Self]:
        """The objects of a list within this one."""
        path = f"{self.path}.{cut(key)}"
        values = self._of(list, key, "a list") or ()
        for index, value in enumerate(values):
            if isinstance(value, dict):
                yield type(self)(value, f"{path}[{index}]", self.warnings)
        if not all(isinstance(value, dict) for value in values):
            self.warn("wrong_type", key, "a list of objects")

    def _of(self, wanted: type, key: str, expected: str) -> Any:  # whatever was wanted
        value = self.object.get(key)
        if value is None or type(value) is wanted:
            return value
        self.warn("wrong_type", key, expected)
        return None
