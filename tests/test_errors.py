"""Errors say whose fault, what, where, what was expected and what to do, and survive pickle."""

import pickle
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import cobrowse_session
from cobrowse_session import (
    AfterCallWorkEnded,
    CobrowseError,
    ConflictError,
    ConnectionState,
    DecodeError,
    EpochError,
    FormatVersionError,
    Lifecycle,
    MissingExtraError,
    Problem,
    RefusedError,
    Settings,
    SettingsError,
    SourceError,
    StaleError,
    StoreError,
    TableError,
    UnreadableError,
)
from cobrowse_session.lifecycle import table
from cobrowse_session.testing import START, run, stream


def said(**arguments: Any) -> Any:
    """Arguments of any type, as a caller without a type checker would give them."""
    return arguments


def refused() -> RefusedError:
    session = run(stream("s1").connected()).session
    with pytest.raises(RefusedError) as caught:
        Lifecycle(strict=True).apply(session, stream("s1").after(1).alerting(id="e9").events[0])
    return caught.value


def stale() -> StaleError:
    session = run(stream("s1").after(5).connected()).session
    with pytest.raises(StaleError) as caught:
        Lifecycle(strict=True).apply(session, stream("s1").alerting(id="e9").events[0])
    return caught.value


EVERY: list[tuple[CobrowseError, str, str]] = [
    (
        DecodeError((Problem("empty", "$.id", '""', "a string that is not empty"),), line=3),
        "sender",
        'line 3: empty: $.id: expected a string that is not empty, found ""',
    ),
    (
        refused(),
        "sender",
        (
            "session 's1', cobrowse.session.alerting 'e9': refused no_way_back in state connected: "
            "A connected leg does not return to a pending state. A new offer is a new leg with a new id."
        ),
    ),
    (
        stale(),
        "caller",
        (
            "session 's1', cobrowse.session.alerting 'e9': stale: "
            "The event is older than what the session has already seen. Use a SessionLog for events in any order."
        ),
    ),
    (SettingsError("grace", "a timedelta", "3"), "caller", "grace: expected a timedelta, found 3"),
    (
        SourceError("pagelnk", "one of genesys, pagelink", "no such name"),
        "caller",
        "source 'pagelnk': expected one of genesys, pagelink, found no such name",
    ),
    (TableError(("row 'a' is wrong",)), "caller", "the table has 1 error:\nrow 'a' is wrong"),
    (
        FormatVersionError("a saved log", 9, 1),
        "caller",
        "a saved log has format version 9, this package reads up to 1: install a newer cobrowse-session",
    ),
    (
        StoreError("sqlite:///sessions.db", "disk is full", "free some space"),
        "installation",
        "store sqlite:///sessions.db: disk is full; free some space",
    ),
    (
        ConflictError("sqlite:///sessions.db", "others were first", "try again later"),
        "installation",
        "store sqlite:///sessions.db: others were first; try again later",
    ),
    (
        EpochError("sqlite:///sessions.db", "a position of epoch 5f0c3a9e", "read anew"),
        "installation",
        "store sqlite:///sessions.db: a position of epoch 5f0c3a9e; read anew",
    ),
    (
        UnreadableError("sqlite:///sessions.db", "session 's1' cannot be read", "run: cobrowse-session store verify", "s1"),
        "installation",
        "store sqlite:///sessions.db: session 's1' cannot be read; run: cobrowse-session store verify",
    ),
    (
        MissingExtraError("the command line", "cli"),
        "installation",
        "the command line needs the extra 'cli': pip install 'cobrowse-session[cli]', or from a checkout: pip install '.[cli]'",
    ),
]


@pytest.mark.parametrize(("error", "fault", "text"), EVERY, ids=[type(error).__name__ for error, _, _ in EVERY])
def test_an_error_says_whose_fault_what_and_where_and_survives_pickle(error: CobrowseError, fault: str, text: str) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)

    assert (error.fault, str(error)) == (fault, text)
    assert (type(again), again.args, str(again)) == (type(error), error.args, str(error))


def test_every_error_of_the_package_is_in_the_list_above() -> None:
    public = {value for value in vars(cobrowse_session).values() if isinstance(value, type) and issubclass(value, CobrowseError)}

    assert {type(error) for error, _, _ in EVERY} == public - {CobrowseError}


@pytest.mark.parametrize("grace", [timedelta(microseconds=-1), timedelta(days=1, milliseconds=1)])
def test_a_grace_that_makes_no_sense_is_an_error(grace: timedelta) -> None:
    with pytest.raises(SettingsError, match="alerting_grace: expected a timedelta from 0 ms to 86400000 ms"):
        Lifecycle(alerting_grace=grace)


@pytest.mark.parametrize("prompt", ["timeout", "forcedTimeout"])
def test_a_limit_without_a_time_is_an_error_where_a_person_sets_it(prompt: str) -> None:
    with pytest.raises(SettingsError, match="wrapup_timeout"):
        Lifecycle(settings=Settings(wrapup_prompt=prompt))


@pytest.mark.parametrize("timeout", [timedelta(0), timedelta(microseconds=999), timedelta(days=1, milliseconds=1)])
def test_a_timeout_that_makes_no_sense_is_an_error_where_a_person_sets_it(timeout: timedelta) -> None:
    with pytest.raises(SettingsError, match="from 1 ms to 86400000 ms"):
        Settings(wrapup_timeout=timeout)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda: Settings(**said(wrapup_prompt=7)), "wrapup_prompt: expected WrapupPrompt, text or None, found 7"),
        (lambda: Settings(**said(wrapup_timeout=30)), "wrapup_timeout: expected timedelta or None, found 30"),
        (lambda: Lifecycle(**said(alerting_grace=1)), "alerting_grace: expected timedelta or None, found 1"),
        (lambda: Lifecycle(**said(settings="mandatory")), "settings: expected Settings, found 'mandatory'"),
        (lambda: Lifecycle(**said(acw_after_transfer=1)), "acw_after_transfer: expected bool, found 1"),
        (lambda: Lifecycle(**said(timeout_code=None)), "timeout_code: expected text, found None"),
        (lambda: Lifecycle().new(**said(session_id=7)), "session_id: expected text, found 7"),
    ],
)
def test_an_argument_of_another_type_is_a_type_error_that_names_it(make: Callable[[], object], found: str) -> None:  # KEEP-13
    with pytest.raises(TypeError, match=found):
        make()


@pytest.mark.parametrize(
    ("prompt", "nearest"), [("mandetory", "mandatory"), ("FORCEDTIMEOUTS", "forcedTimeout"), ("xyzzy", None), ("", None)]
)
# SETTING-11
def test_an_unknown_prompt_is_an_error_in_code_that_names_the_nearest_known_one(prompt: str, nearest: str | None) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(wrapup_prompt=prompt)
    assert ("did you mean" in str(caught.value)) == (nearest is not None)
    assert f"did you mean {nearest!r}" in str(caught.value) or nearest is None


def test_an_empty_timeout_code_is_an_error() -> None:
    with pytest.raises(SettingsError, match="timeout_code"):
        Lifecycle(timeout_code="")


def test_a_report_without_a_state_is_an_error() -> None:
    with pytest.raises(ValueError, match="state: expected complete, skipped or notApplicable, from the platform"):
        AfterCallWorkEnded(subject="s1", source="/a", id="e1", occurred_at=START, by="platform")


@pytest.mark.parametrize("moment", [datetime(2026, 3, 1), "2026-03-01T09:00:00Z", None])  # noqa: DTZ001 (naive is the point)
def test_a_time_that_is_no_aware_datetime_is_a_type_error(moment: datetime) -> None:  # TIME-12
    with pytest.raises(TypeError, match="expected an aware datetime"):
        stream("s1").alerting(occurred_at=moment)


def test_a_connection_that_is_stamped_already_keeps_its_stamp() -> None:
    session = Lifecycle().new("s1")
    session.connected_time = START

    ended = run(stream("s1").after(9).connected(), session=session).session

    assert (ended.state, ended.connected_time) == (ConnectionState.CONNECTED, START)


def test_the_specification_names_every_rule_of_the_table() -> None:
    named = (Path(__file__).parent.parent / "docs" / "lifecycle.md").read_text()
    rules = {getattr(row.result, "rule", None) for row in (*table.CONNECTION, *table.AFTER_CALL_WORK)} - {None}

    assert {rule for rule in rules if f"`{rule}`" not in named} == set()


@pytest.mark.parametrize(
    "change", [lambda extra: extra.update(a=1), lambda extra: extra.__setitem__("a", 1)], ids=["update", "set"]
)
def test_nobody_can_put_anything_into_the_nothing_that_all_values_share(change: Callable[[Any], object]) -> None:
    session = Lifecycle().new("s1")

    with pytest.raises(TypeError, match="never changed in place"):
        change(session.extra)
    assert pickle.loads(pickle.dumps(session)).extra is session.extra  # noqa: S301 (our own bytes)
    assert deepcopy(session).extra is session.extra
