"""A value of a payload is read, or it counts as absent and is a warning with its path. Nothing raises."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cobrowse_session import Problem
from cobrowse_session.settings import MAX_TIMEOUT
from cobrowse_session.sources.reader import Origin, PayloadReader, Warnings
from cobrowse_session.times import EPOCH

SECOND, MS = timedelta(seconds=1), timedelta(milliseconds=1)
NINE = datetime(2026, 3, 1, 9, tzinfo=UTC)
ORIGIN = Origin(received_at=NINE, place=3, topic="v2.users.u1.conversations")
BAD_TIME = "a time with its zone: 2026-03-01T09:00:00.000Z"

READ: list[tuple[str, Any, Any]] = [
    ("text", "x", "x"),
    ("text", "", None),
    ("flag", True, True),
    ("flag", False, False),
    ("number", 0, 0),
    ("number", -5, -5),
    ("timeout", 1, MS),
    ("timeout", MAX_TIMEOUT // MS, MAX_TIMEOUT),
    ("time", "2026-03-01T10:00:00.000+01:00", NINE),
    ("time", "", None),
    ("instant", 0, EPOCH),
    ("instant", (NINE - EPOCH) // MS, NINE),
    ("words", [], ()),
    ("words", ["b", "a", ""], ("b", "a", "")),
    ("one", {}, None),
    ("many", [], []),
]
"""A method, a value, and what is returned."""


def read(method: str, document: dict[str, Any], warnings: Warnings, **more: Any) -> Any:
    found = getattr(PayloadReader(document, "$.leg", warnings, ORIGIN), method)("key", **more)
    return list(found) if method == "many" else found


@pytest.mark.parametrize(("method", "value", "expected"), READ)
def test_a_value_is_read_without_a_warning(method: str, value: Any, expected: Any) -> None:
    warnings = Warnings()

    assert read(method, {"key": value}, warnings) == expected
    assert warnings == Warnings()


@pytest.mark.parametrize("document", [{}, {"key": None}])
@pytest.mark.parametrize("method", dict.fromkeys(method for method, _, _ in READ))
def test_what_is_absent_or_null_is_no_warning(method: str, document: dict[str, Any]) -> None:
    warnings = Warnings()

    assert read(method, document, warnings) == ([] if method == "many" else None)
    assert warnings == Warnings()


UNREAD: list[tuple[str, Any, Any, tuple[str, str]]] = [
    ("text", 5, None, ("wrong_type", "a string")),
    ("flag", 1, None, ("wrong_type", "true or false")),
    ("flag", "true", None, ("wrong_type", "true or false")),
    ("number", True, None, ("wrong_type", "an integer")),
    ("number", 5.0, None, ("wrong_type", "an integer")),
    ("timeout", "5", None, ("wrong_type", "an integer")),
    ("timeout", 0, None, ("out_of_bounds", f"1 to {MAX_TIMEOUT // MS}")),
    ("timeout", MAX_TIMEOUT // MS + 1, None, ("out_of_bounds", f"1 to {MAX_TIMEOUT // MS}")),
    ("time", 5, None, ("bad_time", BAD_TIME)),
    ("time", "2026-03-01T09:00:00", None, ("bad_time", BAD_TIME)),
    ("time", "9999-01-01T00:00:00Z", None, ("bad_time", BAD_TIME)),
    ("instant", "5", None, ("wrong_type", "an integer")),
    ("instant", -1, None, ("bad_time", "milliseconds since 1970")),
    ("instant", 10**30, None, ("bad_time", "milliseconds since 1970")),
    ("words", "a", None, ("wrong_type", "a list")),
    ("words", ["a", 5, "b"], ("a", "b"), ("wrong_type", "a list of strings")),
    ("one", [], None, ("wrong_type", "an object")),
    ("many", {}, [], ("wrong_type", "a list")),
    ("many", [5, []], [], ("wrong_type", "a list of objects")),
]
"""A method, a value, what is returned, and the warning."""


@pytest.mark.parametrize(("method", "value", "expected", "warning"), UNREAD)
def test_a_value_that_is_not_understood_is_a_warning(method: str, value: Any, expected: Any, warning: tuple[str, str]) -> None:
    warnings = Warnings()
    error, wanted = warning

    assert read(method, {"key": value}, warnings) == expected
    assert warnings.listed("$") == (Problem(error, "$.leg.key", json.dumps(value), wanted),)


def test_a_timeout_may_be_in_seconds() -> None:
    warnings = Warnings()

    assert read("timeout", {"key": 30}, warnings, unit=SECOND) == 30 * SECOND
    assert read("timeout", {"key": MAX_TIMEOUT // SECOND}, warnings, unit=SECOND) == MAX_TIMEOUT
    assert warnings == Warnings()
    assert read("timeout", {"key": MAX_TIMEOUT // SECOND + 1}, warnings, unit=SECOND) is None
    assert [one.expected for one in warnings.kept] == [f"1 to {MAX_TIMEOUT // SECOND}"]


def test_an_object_in_an_object_has_its_path_and_the_origin_and_warnings_of_the_payload() -> None:
    warnings = Warnings()

    one = read("one", {"key": {"a": 1}}, warnings)
    assert one == PayloadReader({"a": 1}, "$.leg.key", warnings, ORIGIN)
    assert one.warnings is warnings
    many = read("many", {"key": [{"a": 1}, 5, {}]}, warnings)
    assert many == [
        PayloadReader({"a": 1}, "$.leg.key[0]", warnings, ORIGIN),
        PayloadReader({}, "$.leg.key[2]", warnings, ORIGIN),
    ]
    assert all(part.warnings is warnings for part in many)


def test_a_reader_without_more_is_of_a_whole_document() -> None:
    assert PayloadReader({}) == PayloadReader({}, "$", Warnings(), Origin())


def test_a_long_key_is_cut_in_a_path() -> None:
    key, warnings = "k" * 81, Warnings()
    reader = PayloadReader({key: {"key": 5}, f"{key}s": [{"key": 5}]}, warnings=warnings)
    inner, (listed,) = reader.one(key), reader.many(f"{key}s")
    for part in (inner, listed):
        assert part is not None
        part.text("key")
    reader.text(key)

    cut = f"{'k' * 79}…"
    assert [one.path for one in warnings.kept] == [f"$.{cut}.key", f"$.{cut}[0].key", f"$.{cut}"]


def test_a_warning_of_a_value_may_name_its_leg() -> None:
    warnings = Warnings()
    PayloadReader({"key": 5}, "$.leg", warnings).warn("no_time", "key", "a time", "leg1")

    assert warnings.kept == [Problem("no_time", "$.leg.key", "5", "a time", "leg1")]


# --- Warnings -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "counted"), [(20, ()), (21, ("21",))])
def test_the_first_twenty_warnings_are_kept_and_more_are_counted(number: int, counted: tuple[str, ...]) -> None:
    warnings = Warnings()
    for index in range(number):
        warnings.add("missing", f"$[{index}]", "nothing", "an id", "l" * 81)

    kept = tuple(Problem("missing", f"$[{index}]", "nothing", "an id", f"{'l' * 79}…") for index in range(20))
    more = tuple(Problem("too_many_problems", "$.payload", found, "at most 20, which are listed") for found in counted)
    assert (warnings.listed("$.payload"), warnings.count) == ((*kept, *more), number)


# --- Editions -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "own", "parts"),
    [
        (Origin(), None, ("0" * 13, "0" * 13, "0000000")),
        (Origin(place=7), EPOCH + MS, ("0000000000001", "0" * 13, "0000007")),
        (Origin(received_at=EPOCH + 2 * MS), None, ("0000000000002", "0000000000002", "0000000")),
        (Origin(received_at=EPOCH + 2 * MS), EPOCH + MS, ("0000000000001", "0000000000002", "0000000")),
        (Origin(place=9_999_999), None, ("0" * 13, "0" * 13, "9999999")),
        (Origin(place=10_000_000), None, ("0" * 13, "0" * 13, "9999999")),
        (Origin(), datetime(2287, 1, 1, tzinfo=UTC), ("9" * 13, "0" * 13, "0000000")),
        (Origin(), EPOCH + (10**13 - 2) * MS, ("9999999999998", "0" * 13, "0000000")),
    ],
)
def test_an_edition_is_33_digits(origin: Origin, own: datetime | None, parts: tuple[str, str, str]) -> None:  # EDITION-2 to 4
    assert origin.sequence(own) == "".join(parts)
