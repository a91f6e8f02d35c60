"""Values, durations, conditions and events in words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cobrowse_session import Address, AfterCallWork, Context, Wrapup
from cobrowse_session.events import AfterCallWorkTimeout
from cobrowse_session.segments import Segment, Segments
from cobrowse_session.stream.words import clock_time, condition, length, named, session_name, set_by, value_text
from cobrowse_session.testing import START, stream
from cobrowse_session.vocabulary import ConnectionState

TIMER = AfterCallWorkTimeout(subject="s1", occurred_at=START)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.5, "0.5 s"),
        (2.001, "2.001 s"),
        (10, "10 s"),
        (59.999, "59.999 s"),
        (60, "1 min 0 s"),
        (61, "1 min 1 s"),
        (119.5, "1 min 59 s"),
        (3406, "56 min 46 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (7199, "1 h 59 min"),
        (86_399, "23 h 59 min"),
        (86_400, "1 d 0 h"),
        (90_000, "1 d 1 h"),
        (100 * 86_400 - 1, "99 d 23 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert length(timedelta(seconds=seconds)) == text


def one_sentence(_session: object, _event: object, _: object) -> bool:
    """The leg is connected (CONN-2)."""
    return True


def two_sentences(_session: object, _event: object, _: object) -> bool:
    """The leg is connected (CONN-2, CONN-3). The library asks for it."""
    return True


def test_a_condition_is_the_first_sentence_of_a_guard_without_its_rules() -> None:
    assert condition(one_sentence) == condition(two_sentences) == "the leg is connected"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unset"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        ("peer", "peer"),
        ("a\nb", r"a\nb"),
        (ConnectionState.ALERTING, "alerting"),
        (datetime(2026, 3, 1, 9, tzinfo=UTC), "2026-03-01T09:00:00.000Z"),
        (timedelta(seconds=90), "1 min 30 s"),
        ((), "[]"),
        (("a", None, 5), "[a, unset, 5]"),
        (tuple(range(20)), f"[{', '.join(map(str, range(20)))}]"),
        (tuple(range(1021)), f"[{', '.join(map(str, range(20)))}, and 1,001 more]"),
        (Segments([Segment(type="Alert", start_time=START)]), "[(startTime 2026-03-01T09:00:00.000Z, type Alert)]"),
        (Address(name="Zoë", address_raw="r"), "(name Zoë, addressRaw r)"),
        (Wrapup(code="sale", tags=("a", "b"), extra={"x": 1}), "(code sale, tags [a, b])"),
        (Wrapup(code="sale", duration_seconds=0, provisional=True), "(code sale, durationSeconds 0, provisional true)"),
        (AfterCallWork(state="pending", start_time=START), "(startTime 2026-03-01T09:00:00.000Z, state pending)"),
    ],
)
def test_a_value_reads_as_in_the_session_json(value: Any, text: str) -> None:  # of any field
    assert value_text(value) == text


def test_a_moment_is_in_utc_and_has_milliseconds() -> None:
    assert clock_time(START) == "2026-03-01 09:00:00.000"


def test_an_event_has_its_type_id_source_and_both_times_and_a_timer_its_own() -> None:
    (event,) = stream("s1", delay=0.5).alerting(id="e\n1")

    assert named(event) == (
        r"cobrowse.session.alerting e\n1 of /test, at 2026-03-01T09:00:00.000Z, received 2026-03-01T09:00:00.500Z"
    )
    assert named(TIMER) == "timer.acw, at 2026-03-01T09:00:00.000Z"


def test_a_session_has_its_agent_and_its_queue_where_they_are_known() -> None:
    known = {"user_id": "ann", "queue_id": "sales"}
    contexts = [{}, {"purpose": "customer"}, {"user_id": "ann"}, {"queue_id": "sales"}, known, {**known, "purpose": "agent"}]

    assert [session_name("s\n1", Context(**context)) for context in contexts] == [
        r"s\n1",
        r"s\n1 (customer)",
        r"s\n1 (user ann)",
        r"s\n1 (queue sales)",
        r"s\n1 (user ann, queue sales)",
        r"s\n1 (agent ann, queue sales)",
    ]


def test_all_timers_that_set_a_value_are_named() -> None:
    one = "timer.acw at 2026-03-01 09:00:00.000"

    assert [set_by([]), set_by([TIMER]), set_by([TIMER, TIMER])] == ["", f", set by {one}", f", set by {one} and {one}"]
