"""The live edge: decode, correct, stamp, route; timers of many sessions; one writer; never anything but what the fold says."""

import ast
import json
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from typing import Any

import pytest
from attrs import evolve
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import examples
from tests.own_tables import MISTAKEN
from tests.strategies import SECOND, at, lifecycles, streams

from cobrowse_session import (
    AfterCallWork,
    AfterCallWorkState,
    Applied,
    Change,
    DecodeError,
    Event,
    FormatVersionError,
    Late,
    Lifecycle,
    ProviderClock,
    Repeat,
    SessionLog,
    Settings,
    SettingsError,
    WrapupPrompt,
)
from cobrowse_session.io.arrival import MAX_SOURCES
from cobrowse_session.io.inbox import Advanced, Inbox, Put, Received
from cobrowse_session.io.replay import Rejected
from cobrowse_session.stream import TraceEntry, fold
from cobrowse_session.stream.observers import raised_by_observers
from cobrowse_session.testing import START, Stream, stream
from cobrowse_session.testing.mischief import duplicate, shuffle
from cobrowse_session.wire import encode_event, encode_session, restore_log, save_log

ROOT = Path(__file__).parents[1]
MS = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
TIMED = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=30 * SECOND))
CALL = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")  # its deadline: 93 s


def inbox_of(lifecycle: Lifecycle = TIMED, *, seal_after: timedelta | None = None) -> tuple[Inbox, list[Rejected]]:
    rejects: list[Rejected] = []
    return Inbox(lifecycle, reject=rejects.append, seal_after=seal_after), rejects


def take(inbox: Inbox, event: Event, now: datetime | None = None) -> Received:
    """Receive an event that is not rejected."""
    received = inbox.receive(encode_event(event), now or event.received)
    assert isinstance(received, Received)
    return received


def take_all(inbox: Inbox, *calls: Stream) -> None:
    for event in sorted((event for call in calls for event in call), key=lambda event: event.occurred_at):
        take(inbox, event)


def one(call: Stream) -> Event:
    """The latest event of a stream."""
    return call.events[-1]


def teach(inbox: Inbox, offset: timedelta, *, minutes: int = 61, begin: datetime = START, source: str = "/test") -> None:
    """A session every ten seconds, from a provider whose clock is slow by `offset`; the smallest delay is 30 ms."""
    for number in range(minutes * 6):
        happened = begin + number * 10 * SECOND
        event = one(stream(f"{source}{begin}{number}", start=happened - offset, source=source).alerting())
        take(inbox, event, happened + (30 + 7 * (number % 3)) * MS)


def saved(log: SessionLog) -> SessionLog:
    return restore_log(json.loads(json.dumps(save_log(log))))


def timers(changes: Advanced) -> dict[str, list[datetime]]:
    return {session: [step.event.occurred_at for step in change.new] for session, change in changes.changes.items()}


# --- When it was received -----------------------------------------------------------------------------------------------------


def test_now_is_read_from_the_clock_where_nobody_says_it() -> None:  # TIME-4, TIME-5, EVENT-4
    inbox, _ = inbox_of()

    with freeze_time(START + 31 * MS + timedelta(microseconds=999)):
        received = inbox.receive(encode_event(CALL.events[0]))

    assert isinstance(received, Received)
    assert received.event == evolve(CALL.events[0], received_at=START + 31 * MS)  # cut to the millisecond


def test_now_is_when_it_was_received_where_someone_says_it() -> None:  # TIME-4
    inbox, _ = inbox_of()

    with freeze_time("2031-01-01"):
        assert take(inbox, CALL.events[0], at(0.5)).event.received_at == at(0.5)


def test_a_receivedtime_later_than_the_arrival_is_cut_to_it_and_noted() -> None:  # TIME-7
    inbox, _ = inbox_of()
    event = one(stream("s1").alerting(received_at=at(7200)))

    received = take(inbox, event, at(1))

    assert received.event.received_at == at(1)
    assert received.notes == ("receivedtime 2026-03-01T11:00:00.000Z is later than the arrival, cut to it",)
    assert inbox.add(event, at(2)).notes  # type: ignore[union-attr]  # received


def test_a_receivedtime_that_an_event_has_stays() -> None:  # TIME-5
    inbox, _ = inbox_of()
    event = one(stream("s1").alerting(received_at=at(0.031)))

    assert take(inbox, event, at(900)).event == event
    assert inbox.logs["s1"].session.start_alerting_time == at(0.031)


def test_now_without_a_zone_is_the_callers_mistake_and_takes_nothing() -> None:
    inbox, rejects = inbox_of()

    with pytest.raises(TypeError):
        inbox.receive(encode_event(CALL.events[0]), datetime(2026, 3, 1))  # noqa: DTZ001 (the point)
    with pytest.raises(TypeError):
        inbox.advance(datetime(2026, 3, 1))  # noqa: DTZ001 (the point)

    assert (inbox.logs, rejects, inbox.deadline) == ({}, [], None)
    assert take(inbox, CALL.events[0]).change.outcome == Applied.match(row="alerting")  # and it is not busy for ever


READS_A_CLOCK = {"now", "utcnow", "today", "monotonic", "monotonic_ns", "perf_counter", "time_ns", "localtime", "gmtime"}


def test_nothing_below_the_edge_and_nothing_else_in_it_reads_a_clock() -> None:  # TIME-6
    package = ROOT / "src" / "cobrowse_session"
    readers = [
        path.relative_to(package).as_posix()
        for path in sorted(package.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute | ast.Name) and _reads_a_clock(ast.unparse(node))
    ]

    assert readers == ["io/receiver.py"]


def _reads_a_clock(name: str) -> bool:
    *module, last = name.split(".")
    return name == "time.time" or (last in READS_A_CLOCK and module[-1:] in (["datetime"], ["date"], ["time"]))


# --- A table of one's own that raises -----------------------------------------------------------------------------------------

RAISES = Lifecycle(settings=TIMED.settings, table=MISTAKEN)


def pending(inbox: Inbox, *sessions: str) -> None:
    for name in sessions:
        for event in stream(name).connected().after(60).disconnected("peer"):
            inbox.add(event, event.received)


def test_a_guard_that_raises_for_one_session_stops_no_timer_of_the_others_and_is_reported_once() -> None:
    inbox = Inbox(RAISES, seal_after=60 * SECOND)
    pending(inbox, "a", "bad", "c")

    with raised_by_observers() as errors:
        looks = [inbox.advance(at(1000), limit=2) for _ in range(5)]

    assert sorted(session for look in looks for session in look.changes) == ["a", "c"]
    assert sorted(log.session_id for look in looks for log in look.sealed) == ["a", "c"]
    assert {log.session_id for look in looks for log in look.logs} == {"a", "c"}
    assert [type(error) for error in errors] == [ZeroDivisionError]
    assert (inbox.raised, [*inbox.logs], inbox.deadline) == ({"bad": errors[0]}, ["bad"], None)


def test_a_session_whose_guard_raised_takes_its_next_event() -> None:
    inbox = Inbox(RAISES)
    pending(inbox, "bad")
    with raised_by_observers() as errors:
        inbox.advance(at(1000))

    late = one(stream("bad", start=at(80)).wrapup("sale", id="w"))
    with raised_by_observers() as again:
        took = inbox.add(late, at(1001))
    inbox.advance(at(2000))

    assert (len(errors), again) == (1, [])
    assert isinstance(took, Received)
    assert took.outcome.kind == "applied"
    expected = AfterCallWork(start_time=at(60), end_time=at(80), state=AfterCallWorkState.COMPLETE)
    assert inbox.logs["bad"].session.after_call_work == expected
    assert inbox.raised == {}


def test_a_session_that_leaves_the_inbox_leaves_what_its_guard_raised() -> None:
    inbox = Inbox(RAISES)
    pending(inbox, "bad")
    with raised_by_observers():
        inbox.advance(at(1000))

    inbox.drop("bad")

    assert inbox.raised == {}


# --- Routes -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encode", [str, str.encode])
# EVENT-2
def test_each_event_goes_to_the_log_of_its_session_and_its_change_comes_back(encode: Callable[[str], str | bytes]) -> None:
    inbox, rejects = inbox_of()
    other = one(stream("s2").connected())

    first = inbox.receive(encode(encode_event(CALL.events[0])), START)
    second = inbox.receive(encode(encode_event(other)), START)

    assert isinstance(first, Received)
    assert isinstance(second, Received)
    assert first.change.outcome == Applied.match(row="alerting")
    assert second.change.outcome == Applied.match(row="connected")
    assert (first.change.new, second.change.new) == (inbox.logs["s1"].trace, inbox.logs["s2"].trace)
    assert (list(inbox.logs), rejects) == (["s1", "s2"], [])


def test_a_strict_lifecycle_makes_no_difference() -> None:  # OUTCOME-13
    inbox, _ = inbox_of(evolve(TIMED, strict=True))

    assert take(inbox, one(stream("s1").required())).change.outcome is not None


# --- Corrects -----------------------------------------------------------------------------------------------------------------


def corrected(offset: timedelta, *, source: str = "/test") -> Inbox:
    return Inbox(TIMED, correct={source: offset})


@pytest.mark.parametrize("offset", [400 * MS, -400 * MS, 3 * HOUR, -3 * HOUR])
def test_by_default_no_time_is_corrected_whatever_is_observed(offset: timedelta) -> None:  # EVENT-5, CLOCK-1
    inbox, _ = inbox_of()
    teach(inbox, offset)

    received = take(inbox, one(stream("s1", start=at(7200) - offset).alerting()), at(7200.1))

    assert (received.event.occurred_at, received.event.provider_time, received.offset) == (at(7200) - offset, None, 0 * SECOND)


@pytest.mark.parametrize(("offset", "said"), [(1.9, False), (-1.9, False), (2.1, True), (-2.1, True), (45, True)])
# CLOCK-2
def test_an_offset_beyond_two_seconds_is_reported(offset: float, said: bool) -> None:  # noqa: FBT001 (a case)
    inbox, _ = inbox_of()
    teach(inbox, offset * SECOND, minutes=6)

    received = take(inbox, one(stream("s1", start=at(3600 - offset)).alerting()), at(3600.03))

    assert bool(received.notes) is said
    assert all(note.startswith("clock of /test: ") for note in received.notes)


@pytest.mark.parametrize("offset", [400 * MS, -400 * MS, 3 * HOUR, -3 * HOUR])
# TIME-1, TIME-3, EVENT-5, CLOCK-3, CLOCK-4, CLOCK-9
def test_a_stated_offset_is_added_and_the_raw_time_stays(offset: timedelta) -> None:
    received = take(corrected(offset), one(stream("s1", start=at(60) - offset).alerting()), at(60.1))

    assert (received.event.occurred_at, received.event.provider_time) == (at(60), at(60) - offset)
    assert (received.event.received_at, received.offset) == (at(60.1), offset)
    assert received.change.new[0].outcome.notes == (f"time corrected by {offset.total_seconds():+.3f} s",)


def test_a_learned_offset_is_added_once_it_is_adopted() -> None:  # CLOCK-3
    inbox = Inbox(TIMED, correct={"/test": ProviderClock()})
    before = take(inbox, one(stream("before", start=at(-10)).alerting()), at(0.03))
    teach(inbox, 10 * SECOND)

    after = take(inbox, one(stream("after", start=at(7190)).alerting()), at(7200.1))

    assert (before.offset, after.offset) == (0 * SECOND, 10.03 * SECOND)
    assert after.notes == ()


def test_one_offset_is_fixed_with_the_first_event_of_a_source_in_a_session() -> None:  # CLOCK-8
    inbox = corrected(430 * MS)
    take(inbox, CALL.events[0], at(11))

    inbox.correct["/test"] = 410 * MS
    later = take(inbox, CALL.events[1], at(21)).event
    other = take(inbox, one(stream("s2", start=at(30)).alerting()), at(31)).event

    assert (later.occurred_at, other.occurred_at) == (at(3.43), at(30.41))
    assert inbox.logs["s1"].offsets == {"/test": 430 * MS}


def test_a_session_that_began_uncorrected_stays_so() -> None:  # PROMISE-7
    inbox, _ = inbox_of()
    take(inbox, CALL.events[0])

    inbox.correct["/test"] = 400 * MS

    assert take(inbox, CALL.events[2]).event == evolve(CALL.events[2], received_at=CALL.events[2].occurred_at)


def test_two_sources_of_one_session_have_each_their_own_offset() -> None:  # TIME-1, PROMISE-6
    inbox = Inbox(TIMED, correct={"/a": 430 * MS, "/b": 30 * MS - HOUR})

    times = [
        take(inbox, one(stream("s1", start=start, source=source).updated()), at(60)).event.occurred_at
        for source, start in (("/a", at(50)), ("/b", at(50) + HOUR), ("/new", at(50)))
    ]

    assert times == [at(50.43), at(50.03), at(50)]
    assert inbox.logs["s1"].offsets == {"/a": 430 * MS, "/b": 30 * MS - HOUR, "/new": timedelta(0)}


def test_a_copy_gets_the_same_time_and_is_a_repeat_that_teaches_nothing() -> None:  # CLOCK-8, LEARN-1
    inbox = corrected(430 * MS)
    first = take(inbox, CALL.events[0], at(11))
    inbox.correct["/test"] = 0 * SECOND

    copy = take(inbox, CALL.events[0], at(40))

    assert copy.event == evolve(first.event, received_at=at(40))
    assert copy.outcome == Repeat.match()
    assert inbox.clocks["/test"].pairs == 1
    assert (inbox.logs["s1"].repeats, inbox.logs["s1"].conflicts) == (1, 0)


def test_a_restored_log_goes_on_with_its_offset_whatever_the_new_inbox_is_told() -> None:  # CLOCK-4
    before = corrected(430 * MS)
    first = take(before, CALL.events[0], at(11))

    after = corrected(5 * SECOND)
    after.put(saved(before.logs["s1"]))

    assert take(after, CALL.events[1], at(21)).event.occurred_at == at(3.43)
    assert take(after, CALL.events[0], at(21)).event == evolve(first.event, received_at=at(21))
    assert after.logs["s1"].conflicts == 0


def test_what_has_a_providertime_was_corrected_already_and_teaches_nothing() -> None:  # CLOCK-9
    inbox = corrected(400 * MS)
    event = one(stream("s1", start=at(60)).alerting(provider_time=at(59.6), received_at=at(60.1)))

    assert take(inbox, event, at(61)).event == event
    assert inbox.clocks == {}


def test_a_time_that_was_derived_teaches_nothing() -> None:
    inbox, _ = inbox_of()
    take(inbox, one(stream("s1").alerting(derived_from="the envelope")), at(1))

    assert inbox.clocks == {}


def test_order_and_durations_stay_the_providers_own() -> None:  # CLOCK-8, CLOCK-12
    inbox = corrected(430 * MS)
    for event in reversed(CALL.events):
        take(inbox, event, at(100))

    assert [event.occurred_at for event in inbox.logs["s1"].events] == [event.occurred_at + 430 * MS for event in CALL]


def test_the_clocks_that_are_observed_are_bounded() -> None:
    inbox = Inbox(TIMED, correct={"/kept": ProviderClock()})
    for number in range(MAX_SOURCES + 5):
        take(inbox, one(stream(f"s{number}", source=f"/{number}").updated()), at(1))

    assert len(inbox.clocks) == MAX_SOURCES
    assert {"/kept", f"/{MAX_SOURCES + 4}"} < inbox.clocks.keys()


# --- Rejects ------------------------------------------------------------------------------------------------------------------

GOOD = encode_event(CALL.events[0])


@pytest.mark.parametrize(
    ("raw", "error", "length"),
    [
        ("{garbage", "not_json", 8),
        (b"{bytes", "not_json", 6),
        ("Zoë", "not_json", 4),
        (b"\xff\xfe", "not_json", 2),
        ("", "not_json", 0),
        ("[]", "not_an_object", 2),
        (GOOD.replace('"id":"e1"', '"id":""'), "empty", len(GOOD) - 2),
        (GOOD.replace("09:00:00.000Z", "09:00:00.000"), "bad_time", len(GOOD) - 1),
        (GOOD + " " * 3000, "line_too_long", len(GOOD) + 3000),
    ],
)
def test_what_cannot_be_read_goes_to_the_sink_with_its_reason_and_length(raw: str | bytes, error: str, length: int) -> None:
    rejects: list[Rejected] = []
    inbox = Inbox(TIMED, reject=rejects.append, max_line_bytes=2000)

    answer = inbox.receive(raw, START)

    (reject,) = rejects
    assert answer is reject
    assert answer.outcome.kind == "rejected"
    assert (reject.error.error, reject.error.line, reject.length) == (error, None, length)
    assert json.loads(reject.as_json())["length"] == length
    assert inbox.logs == {}


def test_nothing_is_lost_between_the_logs_and_the_sink() -> None:  # LOG-7
    chance, raws = random.Random(0), [encode_event(event) for event in CALL]
    inbox, rejects = inbox_of()

    broken = [raw[: chance.randrange(len(raw) - 1)] for raw in raws * 20]
    for raw in chance.sample(broken + raws, len(broken) + len(raws)):
        inbox.receive(raw, at(100))

    assert len(rejects) == len(broken)
    assert list(inbox.logs["s1"].events) == [evolve(event, received_at=at(100)) for event in CALL]


def test_a_sink_that_fails_is_reported_and_the_caller_gets_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    def full(_: Rejected) -> None:
        raise OSError("disk full")

    inbox = Inbox(TIMED, reject=full)

    assert inbox.receive("garbage", START).outcome.kind == "rejected"
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["disk full"]
    assert take(inbox, CALL.events[0]).change


@pytest.mark.parametrize(("max_future", "rejected"), [(24 * HOUR, False), (24 * HOUR + MS, True)])
@pytest.mark.parametrize("carried", [True, False])
# ERROR-14
def test_what_occurs_over_a_day_after_it_was_received_is_rejected(max_future: timedelta, rejected: bool, carried: bool) -> None:  # noqa: FBT001 (a case)
    inbox, rejects = inbox_of()
    event = one(stream("s1", start=START + max_future).alerting(received_at=START if carried else None))

    received = inbox.receive(encode_event(event), START + 48 * HOUR if carried else START)

    assert isinstance(received, Rejected) is rejected
    assert [(reject.error.error, reject.error.path) for reject in rejects] == [("time_in_the_future", "$.time")] * rejected


def test_how_far_ahead_an_event_may_occur_is_a_setting() -> None:
    rejects: list[Rejected] = []
    inbox = Inbox(TIMED, reject=rejects.append, max_future=SECOND)

    assert isinstance(inbox.receive(encode_event(CALL.events[0]), START - 2 * SECOND), Rejected)
    assert rejects[0].error.error == "time_in_the_future"


@pytest.mark.parametrize(
    ("offset", "raw", "rejected"),
    [
        (-20 * HOUR, 30 * HOUR, False),  # raw: 30 h ahead, corrected: 10 h
        (20 * HOUR, 10 * HOUR, True),  # raw: 10 h ahead, corrected: 30 h
    ],
)
def test_the_future_is_judged_after_correction(offset: timedelta, raw: timedelta, rejected: bool) -> None:  # noqa: FBT001 (a case)
    inbox = corrected(offset)

    received = inbox.receive(encode_event(one(stream("s1", start=at(20) + raw).updated(id="e2"))), at(20))

    assert isinstance(received, Rejected) is rejected


def test_what_is_rejected_teaches_the_clock_nothing_and_makes_no_session() -> None:
    inbox, rejects = inbox_of()

    received = inbox.receive(encode_event(one(stream("bad", start=at(48 * 3600)).alerting())), at(20))

    assert isinstance(received, Rejected)
    assert [reject.error.error for reject in rejects] == ["time_in_the_future"]
    assert (inbox.logs, inbox.clocks) == ({}, {})


@pytest.mark.parametrize(
    ("start", "offset"), [(datetime(1970, 1, 1, tzinfo=UTC), -HOUR), (datetime(9998, 12, 31, 23, 59, 59, tzinfo=UTC), HOUR)]
)
def test_a_time_that_its_correction_brings_out_of_the_years_is_rejected(start: datetime, offset: timedelta) -> None:
    inbox = corrected(offset)

    received = inbox.receive(encode_event(one(stream("s1", start=start).updated())), max(start, START))

    assert isinstance(received, Rejected)
    assert (received.error.error, received.error.path, inbox.logs) == ("bad_time", "$.time", {})


# --- Recognises ---------------------------------------------------------------------------------------------------------------

PAYLOAD = ROOT / "tests" / "corpus" / "notification_agent_disconnected" / "payload.json"


def test_arguments_of_another_type_get_a_sentence() -> None:
    inbox, _ = inbox_of()

    with pytest.raises(TypeError, match=r"found an Event; use inbox\.add\(event\)"):
        inbox.receive(CALL.events[0])  # type: ignore[arg-type]  # the point
    with pytest.raises(TypeError, match="expected CloudEvents JSON as text or bytes, found 7"):
        inbox.receive(7)  # type: ignore[arg-type]  # the point
    with pytest.raises(TypeError, match=r"use inbox\.receive\(raw\)"):
        inbox.add(GOOD)  # type: ignore[arg-type]  # the point
    with pytest.raises(TypeError, match="expected an event, CloudEvents or a payload"):
        inbox.take(7)
    with pytest.raises(TypeError, match="expected a SessionLog"):
        inbox.put({})  # type: ignore[arg-type]  # the point
    with pytest.raises(TypeError, match="lifecycle: expected a Lifecycle"):
        Inbox("strict")  # type: ignore[arg-type]  # the point
    with pytest.raises(TypeError, match="seal_after: expected timedelta or None"):
        Inbox(TIMED, seal_after=60)  # type: ignore[arg-type]  # the point
    with pytest.raises(TypeError, match=r"correct\['/a'\]: expected timedelta or ProviderClock"):
        Inbox(TIMED, correct={"/a": 3})  # type: ignore[dict-item]  # the point
    with pytest.raises(SettingsError, match="seal_after"):
        Inbox(TIMED, seal_after=-SECOND)
    with pytest.raises(TypeError, match="limit: expected int or None"):
        inbox.advance(START, limit="1")  # type: ignore[arg-type]  # the point


@pytest.mark.parametrize(
    ("setting", "value", "error"),
    [
        ("max_line_bytes", "1", TypeError),
        ("max_line_bytes", 0, SettingsError),
        ("remember_events", None, TypeError),
        ("remember_events", -1, SettingsError),
        ("remember_sessions", 1.5, TypeError),
        ("remember_sessions", -1, SettingsError),
        ("ahead", 5, TypeError),
        ("correct", None, TypeError),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_at_once_and_not_when_a_session_is_sealed(
    setting: str, value: object, error: type[Exception]
) -> None:
    with pytest.raises(error, match=setting):
        Inbox(TIMED, **{setting: value})  # type: ignore[arg-type]  # the point


class Odd(timedelta):
    """A duration as of pendulum: it is a timedelta, but cannot be divided by one."""

    def __floordiv__(self, other: object) -> Any:
        raise AttributeError(other)


def test_a_duration_of_a_subclass_can_be_a_setting_and_what_follows_from_it_can_be_saved() -> None:
    inbox = Inbox(TIMED, seal_after=Odd(seconds=60), correct={"/test": Odd(seconds=1)})
    for event in CALL.events:
        take(inbox, event, at(100))

    assert restore_log(save_log(inbox.logs["s1"])).offsets == {"/test": SECOND}
    assert [log.session_id for log in inbox.advance(at(1000)).sealed] == ["s1"]


def test_a_correction_that_could_not_be_read_back_is_refused() -> None:
    with pytest.raises(SettingsError, match="at most 100 years"):
        Inbox(TIMED, correct={"/test": timedelta(days=36_501)})


def test_the_state_of_an_inbox_is_plain_data_and_needs_not_be_written_to_be_restored() -> None:
    inbox, other = Inbox(TIMED), Inbox(TIMED)
    take(inbox, CALL.events[0])

    other.restore_state(inbox.save_state())

    assert other.save_state() == inbox.save_state()


def test_more_corrected_sources_than_clocks_are_kept_are_no_fault() -> None:
    sources = [f"/{number}" for number in range(MAX_SOURCES + 1)]
    inbox = Inbox(TIMED, correct=dict.fromkeys(sources, SECOND))
    inbox.clocks.update((source, ProviderClock()) for source in sources[1:])

    assert take(inbox, one(stream("s1", source=sources[0]).alerting())).outcome == Applied.match(row="alerting")
    assert len(inbox.clocks) == MAX_SOURCES


@pytest.mark.parametrize(
    ("document", "kinds"),
    [
        (CALL.events[0], ["applied"]),
        (GOOD, ["applied"]),
        (GOOD.encode(), ["applied"]),
        (json.loads(GOOD), ["applied"]),
        ([json.loads(GOOD), json.loads(GOOD)], ["applied", "repeat"]),
        (f"[{GOOD},{GOOD}]", ["applied", "repeat"]),
        ("{garbage", ["rejected"]),
        ([{"specversion": "1.0"}, {"what": "ever"}], ["rejected", "rejected"]),
    ],
    ids=["event", "text", "bytes", "parsed", "batch", "batch as text", "garbage", "unknown"],
)
def test_take_recognises_events_and_batches(document: object, kinds: list[str]) -> None:  # STREAM-6
    inbox, rejects = inbox_of()

    taken = inbox.take(document, START)

    assert [answer.outcome.kind for answer in taken.answers] == kinds
    assert len(rejects) == kinds.count("rejected")


NESTED: list[object] = []
for _ in range(2000):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    ("document", "kinds"),
    [
        ("5", ["rejected"]),
        ("null", ["rejected"]),
        ('"text"', ["rejected"]),
        (f"[{GOOD},5,null]", ["applied", "rejected", "rejected"]),
        ([json.loads(GOOD), None, True], ["applied", "rejected", "rejected"]),
        (NESTED, ["rejected"]),
        ({**json.loads(GOOD), "data": {"nested": NESTED}}, ["rejected"]),
        ([{"specversion": "1.0", (1,): 2}, json.loads(GOOD)], ["rejected", "applied"]),
        ({**json.loads(GOOD), "id": "\ud800"}, ["rejected"]),
        ({**json.loads(GOOD), "data": {"x": "\ud800"}}, ["rejected"]),
        ({**json.loads(GOOD), "data": {"x": float("nan")}}, ["rejected"]),
        ({**json.loads(GOOD), "data": {"x": {1, 2}}}, ["rejected"]),
        ({**json.loads(GOOD), "data": {"x": 10**5000}}, ["rejected"]),
    ],
)
def test_nothing_that_a_sender_may_write_makes_take_raise_or_lose_the_answers_of_a_batch(
    document: object, kinds: list[str]
) -> None:
    inbox, rejects = inbox_of()

    taken = inbox.take(document, START)

    assert [answer.outcome.kind for answer in taken.answers] == kinds
    assert len(rejects) == kinds.count("rejected")


def test_of_many_parts_that_are_no_document_the_first_are_answered_and_all_are_counted() -> None:
    inbox, rejects = inbox_of()

    taken = inbox.take([None] * 100 + [json.loads(GOOD)] + [{}] * 50, START)

    assert [answer.outcome.kind for answer in taken.answers] == ["rejected"] * 20 + ["applied", "rejected"]
    assert sum(rejected.count for rejected in rejects) == 150


def test_take_recognises_a_payload_of_the_platform() -> None:
    inbox, _ = inbox_of()

    taken = inbox.take(PAYLOAD.read_text(encoding="utf-8"), datetime(2026, 1, 1, tzinfo=UTC))

    outcomes = [answer.outcome.kind for answer in taken.answers]
    assert outcomes.count("duplicate") == 1  # the report of pending work: it is pending by the prompt already (ACW-40)
    assert {*outcomes} == {"applied", "duplicate"}
    assert len(inbox.logs) == 5
    assert inbox.clocks == {}


# --- Time ---------------------------------------------------------------------------------------------------------------------


def test_the_deadline_is_the_earliest_of_all_sessions_and_follows_their_events() -> None:  # TIMER-9
    inbox, _ = inbox_of()
    assert inbox.deadline is None

    take_all(inbox, CALL, stream("s2").connected().after(5).disconnected())
    assert inbox.deadline == at(35)
    take(inbox, one(stream("s2").connected().after(5).disconnected().after(1).wrapup("sale")))
    assert inbox.deadline == at(93)
    take(inbox, one(CALL.after(10).wrapup("sale")))
    assert inbox.deadline is None


def test_a_deadline_that_moves_away_and_back_fires_once() -> None:
    inbox, _ = inbox_of(Lifecycle(alerting_grace=0 * SECOND))
    ringing = stream("s1").alerting(alerting_timeout=10)
    longer = ringing.after(1).updated(alerting_timeout=20)
    again = longer.after(1).updated(alerting_timeout=10)
    seen = []
    for event in again:
        take(inbox, event)
        seen.append(inbox.deadline)

    assert seen == [at(10), at(20), at(10)]
    assert timers(inbox.advance(at(60))) == {"s1": [at(10)]}
    assert inbox.deadline is None
    assert timers(inbox.advance(at(90))) == {}


def test_advance_fires_each_timer_at_its_own_instant_and_tells_of_those_sessions_alone() -> None:
    inbox, _ = inbox_of(evolve(TIMED, alerting_grace=250 * MS))
    take_all(
        inbox,
        stream("late").connected().after(50).disconnected(),
        stream("early").connected().after(5).disconnected(),
        stream("ringing").alerting(alerting_timeout=20),
        stream("talking").connected(),
        stream("later").connected().after(90).disconnected(),
    )

    assert timers(inbox.advance(at(100))) == {"ringing": [at(20.25)], "early": [at(35)], "late": [at(80)]}
    assert inbox.deadline == at(120)


@pytest.mark.parametrize(("now", "fired"), [(93 - 0.001, []), (93, ["s1"])])
def test_a_deadline_is_due_at_its_instant_and_not_before(now: float, fired: list[str]) -> None:
    inbox, _ = inbox_of()
    take_all(inbox, CALL)

    assert list(inbox.advance(at(now)).changes) == fired


def test_an_earlier_advance_undoes_nothing() -> None:  # TIMER-5
    inbox, _ = inbox_of()
    take_all(inbox, CALL)
    assert timers(inbox.advance(at(200))) == {"s1": [at(93)]}
    trace = inbox.logs["s1"].trace

    assert inbox.advance(at(10)) == Advanced({}, (), ())
    assert inbox.logs["s1"].trace == trace


def test_an_event_after_an_advance_finds_it_in_force_in_a_session_first_seen_then() -> None:
    inbox, _ = inbox_of(evolve(TIMED, alerting_grace=250 * MS))
    take_all(inbox, CALL)
    inbox.advance(at(90))  # nothing is due yet
    inbox.advance(at(80))

    ringing = take(inbox, one(stream("new").alerting(alerting_timeout=20)))
    sooner = take(inbox, one(CALL.updated(id="e0", occurred_at=at(1), wrapup_timeout=2)))

    assert [step.event.kind for step in ringing.change.new] == ["alerting", "timer.alerting"]
    assert inbox.logs["new"].session.disconnected_time == at(20.25)
    assert [(step.event.kind, step.event.occurred_at) for step in sooner.change.new] == [
        ("updated", at(1)),
        ("timer.acw", at(65)),
    ]


def test_a_wrapup_in_time_that_arrives_after_the_timer_undoes_it() -> None:
    inbox, _ = inbox_of()
    take_all(inbox, CALL)
    (fired,) = inbox.advance(at(100)).changes["s1"].new

    change = take(inbox, one(CALL.after(20).wrapup("sale")), at(101)).change

    assert change.withdrawn == (fired,)
    assert inbox.deadline is None


class Counted(SessionLog):
    """Counts how often logs are asked for their deadline, or advanced."""

    asked = 0

    @property
    def deadline(self) -> datetime | None:
        Counted.asked += 1
        return super().deadline

    def advance(self, now: datetime) -> Change:
        Counted.asked += 1
        return super().advance(now)


def test_the_next_of_many_deadlines_is_found_and_fired_without_looking_at_each_log() -> None:
    many = 20_000
    inbox, _ = inbox_of(seal_after=HOUR)
    calls = [stream(f"s{number}", start=at(number / 1000)).connected().disconnected() for number in range(many)]
    for number in random.Random(1).sample(range(many), many):
        log = Counted(TIMED, f"s{number}")
        for event in calls[number]:
            log.add(event)
        inbox.put(log)

    Counted.asked = 0
    assert inbox.deadline == at(30)
    assert inbox.advance(at(29)) == Advanced({}, (), ())
    assert Counted.asked <= 4

    fired = inbox.advance(at(30) + 4 * MS)
    assert timers(fired) == {f"s{number}": [at(30) + number * MS] for number in range(5)}
    assert Counted.asked <= 4 + 5 * 8

    take(inbox, one(calls[9999].after(5).wrapup("sale")))
    assert inbox.deadline == at(30) + 5 * MS
    assert Counted.asked <= 4 + 5 * 8 + 8


def test_many_deadlines_are_fired_in_order_of_time_however_they_came() -> None:
    inbox, _ = inbox_of()
    for number in random.Random(2).sample(range(300), 300):
        take_all(inbox, stream(f"s{number}", start=at(number)).connected().after(number % 7).disconnected())

    fired = timers(inbox.advance(at(10_000)))

    assert fired == {f"s{number}": [at(number + number % 7 + 30)] for number in range(300)}
    assert [moment for (moment,) in fired.values()] == sorted(moment for (moment,) in fired.values())


def test_a_restored_log_brings_its_deadline_along() -> None:  # TIMER-11
    before, _ = inbox_of()
    take_all(before, CALL)

    after, _ = inbox_of()
    after.put(saved(before.logs["s1"]))

    assert after.deadline == at(93)
    assert timers(after.advance(at(365 * 86400))) == {"s1": [at(93)]}


@pytest.mark.parametrize("first", ["advance", "receive"])
def test_of_a_log_put_after_its_deadline_someone_is_told_that_it_fired(first: str) -> None:
    inbox, _ = inbox_of()
    inbox.advance(at(3600))
    log = SessionLog(TIMED, "s1")
    for event in CALL:
        log.add(event)

    inbox.put(log)
    change = inbox.advance(at(3600)).changes["s1"] if first == "advance" else take(inbox, one(CALL.after(90).updated())).change

    assert "timer.acw" in [step.event.kind for step in change.new]


# --- Sealed -------------------------------------------------------------------------------------------------------------------

OVER = CALL.after(20).wrapup("sale")  # at 83 s


@pytest.mark.parametrize(("now", "on_evict"), [(143, False), (143.001, True)])
def test_a_session_is_let_go_when_its_latest_event_lies_further_back_than_seal_after(now: float, on_evict: bool) -> None:  # noqa: FBT001 (a case)
    inbox, _ = inbox_of(seal_after=60 * SECOND)
    take_all(inbox, OVER)
    log = inbox.logs["s1"]

    assert inbox.advance(at(now)).sealed == ((log,) if on_evict else ())
    assert ("s1" in inbox.logs, log.sealed) == (not on_evict, on_evict)


@pytest.mark.parametrize("event", [one(OVER.after(1).updated(peer_id="p")), one(stream("s1").wrapup("x", id="w"))])
def test_what_comes_for_a_session_that_was_let_go_is_late_and_makes_no_ghost_of_it(event: Event) -> None:  # OUTCOME-16
    inbox, _ = inbox_of(seal_after=60 * SECOND)
    take_all(inbox, OVER)
    (log,) = inbox.advance(at(3600)).sealed
    before = encode_session(log.session), log.trace

    received = take(inbox, event, at(3601))

    assert received.change.outcome == Late.match(event=received.event)
    assert not received.change
    assert (inbox.logs, inbox.deadline) == ({}, None)
    assert (encode_session(log.session), log.trace) == before
    assert inbox.advance(at(7200)) == Advanced({}, (), ())


def test_a_session_is_let_go_once_its_timer_has_fired() -> None:
    inbox, _ = inbox_of(seal_after=10 * SECOND)
    take_all(inbox, CALL)

    assert inbox.advance(at(80)).sealed == ()
    fired = inbox.advance(at(93))

    assert timers(fired) == {"s1": [at(93)]}
    assert [log.session_id for log in fired.sealed] == ["s1"]


def test_a_session_that_goes_on_is_kept_until_it_is_over() -> None:
    inbox, _ = inbox_of(seal_after=60 * SECOND)
    take_all(inbox, stream("s1").connected())
    assert inbox.advance(at(3600)).sealed == ()

    take(inbox, one(stream("s1").connected().after(3600).disconnected()))
    take(inbox, one(stream("s1").connected().after(3610).disconnected().wrapup("sale")))

    assert inbox.advance(at(3670)).sealed == ()
    assert [log.session_id for log in inbox.advance(at(3671)).sealed] == ["s1"]


def test_an_event_that_comes_meanwhile_puts_the_sealing_off() -> None:
    inbox, _ = inbox_of(seal_after=60 * SECOND)
    take_all(inbox, OVER, OVER.after(50).updated(peer_id="p"))  # at 133 s

    assert inbox.advance(at(150)).sealed == ()
    assert inbox.advance(at(193)).sealed == ()
    assert len(inbox.advance(at(194)).sealed) == 1


def test_pending_without_a_deadline_is_let_go_after_a_week() -> None:
    inbox, _ = inbox_of(Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.MANDATORY)), seal_after=60 * SECOND)
    take_all(inbox, CALL)

    assert inbox.advance(at(3600)).sealed == ()
    (log,) = inbox.advance(at(3600) + timedelta(days=7)).sealed

    assert log.session.after_call_work is not None
    assert log.session.after_call_work.state == "pending"


def test_an_event_that_is_added_is_stamped_and_teaches_no_clock() -> None:
    inbox, _ = inbox_of()
    for event in stream("old").alerting().after(1).connected():
        received = inbox.add(event, event.occurred_at + HOUR)
        assert isinstance(received, Received)
        assert received.event == evolve(event, received_at=event.occurred_at + HOUR)

    assert inbox.logs["old"].offsets == {}
    assert inbox.clocks == {}


def test_an_event_that_is_added_keeps_the_time_at_which_it_was_received() -> None:  # TIME-5
    inbox, _ = inbox_of()
    (event,) = stream("s1", delay="30ms").alerting()
    received = inbox.add(event, at(3600))

    assert isinstance(received, Received)
    assert received.event.received_at == event.received_at


def test_an_event_that_is_added_without_a_time_is_received_now() -> None:  # TIME-5
    inbox, _ = inbox_of()
    (event,) = stream("s1").alerting()
    with freeze_time(at(7)):
        received = inbox.add(event)

    assert isinstance(received, Received)
    assert received.event.received_at == at(7)


def test_an_event_that_is_added_from_the_future_is_rejected_as_it_would_have_been_read() -> None:
    inbox, rejects = inbox_of()
    (event,) = stream("s1").alerting()

    assert isinstance(inbox.add(event, event.occurred_at - timedelta(days=2)), Rejected)
    assert [one.error.error for one in rejects] == ["time_in_the_future"]
    assert (rejects[0].text, inbox.logs) == (encode_event(event), {})


def test_a_session_that_was_dropped_is_handed_over_and_what_comes_for_it_is_late() -> None:
    inbox, _ = inbox_of()
    take_all(inbox, CALL)
    log = inbox.drop("s1")

    assert (log.session.state, log.sealed) == ("disconnected", False)
    assert (inbox.logs, inbox.deadline, inbox.advance(at(3600)).changes) == ({}, None, {})
    assert take(inbox, one(CALL.after(5).wrapup("sale"))).change.outcome == Late.match()
    assert (inbox.late, inbox.logs) == (1, {})


def test_a_session_that_was_dropped_may_be_put_back_and_goes_on() -> None:
    inbox, _ = inbox_of(seal_after=60 * SECOND)
    take_all(inbox, CALL)
    inbox.put(inbox.drop("s1"))

    assert take(inbox, one(CALL.after(5).wrapup("sale"))).change.outcome == Applied.match()
    assert inbox.late == 0
    assert [log.session_id for log in inbox.advance(at(3600)).sealed] == ["s1"]


def test_a_dropped_session_that_waited_to_be_sealed_is_passed_over() -> None:
    inbox, _ = inbox_of(seal_after=60 * SECOND)
    take_all(inbox, CALL, stream("s2").connected().after(60).disconnected("peer"))
    inbox.drop("s1")

    assert [log.session_id for log in inbox.advance(at(3600)).sealed] == ["s2"]


def test_a_session_that_is_not_there_cannot_be_dropped() -> None:
    inbox, _ = inbox_of()

    with pytest.raises(KeyError, match="s1"):
        inbox.drop("s1")


def test_a_sealed_log_that_is_put_back_still_says_late() -> None:
    inbox, _ = inbox_of(seal_after=60 * SECOND)
    take_all(inbox, OVER)
    (log,) = inbox.advance(at(3600)).sealed
    again, _ = inbox_of(seal_after=60 * SECOND)

    again.put(saved(log))

    assert take(again, OVER.events[0]).outcome == Repeat.match(kept=None)
    assert take(again, one(OVER.after(1).updated(peer_id="p"))).outcome == Late.match()
    assert (again.logs, again.advance(at(3600)).sealed) == ({}, ())  # it was handed over already


@pytest.mark.parametrize("put", [False, True])
# OUTCOME-17
def test_a_repeat_of_what_a_sealed_log_held_is_a_repeat_while_it_is_remembered(put: bool) -> None:  # noqa: FBT001 (a case)
    inbox = Inbox(TIMED, seal_after=60 * SECOND, remember_events=8, remember_sessions=2)
    for number in range(3):
        take_all(inbox, *(Stream(f"s{number}", events=tuple(evolve(e, subject=f"s{number}") for e in OVER)),))
        (log,) = inbox.advance(at(3600)).sealed
        if put:
            assert inbox.put(saved(log)) == Put(None)

    answers = [take(inbox, evolve(OVER.events[0], subject=f"s{number}"), at(3601)).outcome.kind for number in range(3)]

    assert answers == ["late", "repeat", "repeat"]  # the first is forgotten, and older than the horizon


def test_after_even_its_id_is_forgotten_an_event_older_than_the_horizon_is_late_and_a_newer_one_begins_a_session() -> None:
    inbox = Inbox(TIMED, seal_after=60 * SECOND, remember_sessions=0)
    take_all(inbox, OVER)
    assert take(inbox, one(stream("old").alerting())).outcome.kind == "applied"  # nothing was forgotten yet
    inbox.advance(at(3600))

    assert take(inbox, one(stream("s1", start=at(3539.999)).alerting(id="x")), at(3600)).outcome == Late.match()
    assert take(inbox, one(stream("s2", start=at(3540)).alerting()), at(3600)).outcome == Applied.match()
    assert "s1" not in inbox.logs


def test_a_session_that_was_sealed_here_is_not_opened_again_by_an_older_save() -> None:
    inbox, _ = inbox_of(seal_after=60 * SECOND)
    take_all(inbox, CALL)
    older = saved(inbox.logs["s1"])
    take(inbox, one(CALL.after(20).wrapup("sale")))
    inbox.advance(at(3600))
    older.add(one(CALL.after(1).updated(id="new", peer_id="p")))

    put = inbox.put(older)

    assert (put.log, [event.id for event in put.late], inbox.logs) == (None, ["new"], {})
    assert inbox.advance(at(9999)).sealed == ()


# --- Put: two logs of one session ---------------------------------------------------------------------------------------------


def test_a_log_that_is_put_on_one_that_has_received_events_meanwhile_is_united_with_it() -> None:
    before, _ = inbox_of()
    take_all(before, Stream("s1", events=CALL.events[:2]))
    old = saved(before.logs["s1"])
    inbox, _ = inbox_of()
    inbox.advance(at(10))
    take(inbox, CALL.events[2])
    take(inbox, CALL.events[2])

    put = inbox.put(old)

    assert put.log is inbox.logs["s1"]
    assert [event.id for event in inbox.logs["s1"].events] == ["e1", "e2", "e3"]
    assert (inbox.logs["s1"].repeats, inbox.logs["s1"].advanced, inbox.deadline) == (1, at(10), at(93))
    assert (put.late, put.differences) == ((), ())


def test_the_log_with_the_earlier_first_event_gives_settings_and_offsets_and_the_answer_names_the_differences() -> None:
    old = SessionLog(TIMED, "s1")
    old.offsets["/test"] = SECOND
    old.add(CALL.events[0])
    inbox = Inbox(Lifecycle())
    take(inbox, CALL.events[1])

    put = inbox.put(old)

    assert put.log is not None
    assert (put.log.lifecycle, put.log.offsets) == (TIMED, {"/test": SECOND})
    assert put.differences == ("lifecycle", "offset of /test")


def test_a_sealed_log_that_is_put_on_a_new_one_counts_and_hands_back_what_came_too_late() -> None:
    log = SessionLog(TIMED, "s1")
    for event in OVER:
        log.add(event)
    log.seal(at(3600))
    inbox, _ = inbox_of()
    take(inbox, evolve(OVER.events[0], received_at=START))
    late = take(inbox, one(OVER.after(1).updated(peer_id="p"))).event

    put = inbox.put(log)

    assert (put.log, put.late, inbox.logs) == (None, (late,), {})


# --- Slices, and that it always ends ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 7, 1000, None])
def test_slices_of_an_advance_amount_to_the_whole(limit: int | None) -> None:
    inbox, _ = inbox_of(seal_after=60 * SECOND)
    for number in range(20):
        take_all(inbox, stream(f"s{number}", start=at(number)).connected().after(number % 7).disconnected())
    fired: dict[str, list[datetime]] = {}
    sealed: list[str] = []

    more = True
    while more:
        advanced = inbox.advance(at(10_000), limit)
        fired.update(timers(advanced))
        sealed += [log.session_id for log in advanced.sealed]
        more = advanced.more

    assert fired == {f"s{number}": [at(number + number % 7 + 30)] for number in range(20)}
    assert sorted(sealed) == sorted(fired)
    assert inbox.logs == {}


def test_a_limit_below_one_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="limit"):
        inbox_of()[0].advance(START, 0)


def test_the_logs_that_changed_are_handed_over_sealed_ones_included() -> None:
    inbox, _ = inbox_of(seal_after=60 * SECOND)
    take_all(inbox, OVER, stream("s2").connected().after(120).disconnected("peer"))
    over, due = inbox.logs["s1"], inbox.logs["s2"]

    first, second, third = (inbox.advance(at(second)) for second in (145, 150, 181))

    assert (first.logs, first.sealed) == ((over,), (over,))
    assert (second.logs, second.sealed) == ((due,), ())
    assert (third.logs, third.sealed) == ((due,), (due,))


@pytest.mark.parametrize("after", [timedelta.max, timedelta(days=3000 * 365)])
def test_a_session_may_be_kept_for_ever(after: timedelta) -> None:
    inbox, _ = inbox_of(seal_after=after)
    take_all(inbox, OVER)

    assert inbox.advance(at(10**8)).sealed == ()


def test_a_sealed_log_under_changed_rules_does_not_keep_advance_from_ending() -> None:
    log = SessionLog(Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.MANDATORY)), "s1")
    for event in CALL:
        log.add(event)
    assert log.seal(at(3600))
    data = json.loads(json.dumps(save_log(log)))
    data["lifecycle"] |= {"wrapupPrompt": "timeout", "wrapupTimeoutMs": 30_000}  # under which it has a deadline
    inbox, _ = inbox_of(seal_after=60 * SECOND)

    inbox.put(restore_log(data))

    assert inbox.advance(at(99_999)) == Advanced({}, (), ())


# --- State --------------------------------------------------------------------------------------------------------------------


def test_what_an_inbox_knows_beside_its_logs_survives_a_restart() -> None:  # LEARN-11
    first = Inbox(TIMED, seal_after=60 * SECOND, correct={"/slow": ProviderClock()})
    teach(first, 10 * SECOND, source="/slow")
    take_all(first, OVER)
    first.advance(at(7200))
    first.drop("/slow2026-03-01 09:00:00+00:000")
    late = one(OVER.after(1).updated(peer_id="p"))
    take(first, late)

    again = Inbox(TIMED, seal_after=60 * SECOND, correct={"/slow": ProviderClock()})
    again.restore_state(first.save_state())

    assert json.loads(json.dumps(first.save_state())) == first.save_state()
    assert again.save_state() == first.save_state()
    assert again.late == 1
    assert take(again, OVER.events[0]).outcome == Repeat.match()
    assert take(again, late).outcome == Late.match()
    assert take(again, one(stream("new", start=at(7200), source="/slow").alerting()), at(7210.1)).offset == 10.03 * SECOND


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"format": 0}, "$.format"),
        ({"late": "x"}, "$.late"),
        ({"clocks": []}, "$.clocks"),
        ({"clocks": {"/a": {"format": 1}}}, "$.clocks./a"),
        ({"sealed": [{"id": "s", "copies": ["xyz"]}]}, "$.sealed[0].copies[0]"),
        ({"sealed": [{"id": "s", "offsets": {"/a": "1"}}]}, "$.sealed[0].offsets./a"),
    ],
)
def test_a_broken_state_is_a_decode_error_with_a_path(change: dict[str, object], path: str) -> None:
    inbox, _ = inbox_of()

    with pytest.raises(DecodeError) as caught:
        inbox.restore_state({**inbox.save_state(), **change})
    assert caught.value.path.startswith(path)


@pytest.mark.parametrize("use", ["put", "receive", "advance", "seal"])
def test_a_state_is_restored_into_a_new_inbox_only(use: str) -> None:
    state = Inbox(TIMED).save_state()
    inbox = Inbox(TIMED, seal_after=0 * SECOND)
    if use == "put":
        inbox.put(SessionLog(TIMED, "s1"))
    elif use == "receive":
        take_all(inbox, OVER)
    elif use == "advance":
        inbox.advance(at(0))
    else:
        log = SessionLog(TIMED, "s1")
        for event in OVER:
            log.add(event)
        log.advance(at(7200))
        assert log.seal(at(7200))
        inbox.put(log)

    with pytest.raises(ValueError, match="needs a new inbox"):
        inbox.restore_state(state)


def test_a_state_of_a_newer_format_is_refused() -> None:
    inbox, _ = inbox_of()

    with pytest.raises(FormatVersionError):
        inbox.restore_state({"format": 2})
    with pytest.raises(DecodeError):
        inbox.restore_state([])  # type: ignore[arg-type]  # the point


def test_without_seal_after_all_logs_stay() -> None:
    inbox, _ = inbox_of()
    take_all(inbox, OVER)

    assert inbox.advance(at(10**8)) == Advanced({}, (), ())
    assert list(inbox.logs) == ["s1"]


# --- One writer ---------------------------------------------------------------------------------------------------------------

WRITES: dict[str, Callable[[Inbox], object]] = {
    "receive": lambda inbox: inbox.receive(GOOD, START),
    "advance": lambda inbox: inbox.advance(START),
    "put": lambda inbox: inbox.put(SessionLog(TIMED, "s1")),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_second_writer_from_the_sink_is_told_so(write: str) -> None:
    told: list[str] = []

    def reenter(_: Rejected) -> None:
        with pytest.raises(RuntimeError, match="second writer") as caught:
            WRITES[write](inbox)
        told.append(str(caught.value))

    inbox = Inbox(TIMED, reject=reenter)
    inbox.receive("garbage", START)

    assert "one thread or one event loop" in told[0]
    assert inbox.logs == {}
    WRITES[write](inbox)  # afterwards the way is free


@pytest.mark.parametrize("write", WRITES)
def test_a_second_writer_from_another_thread_is_told_so_and_the_first_goes_on(write: str) -> None:
    entered, leave = Signal(), Signal()

    def hold(_: Rejected) -> None:
        entered.set()
        assert leave.wait(30)

    inbox = Inbox(TIMED, reject=hold)
    first = Thread(target=inbox.receive, args=("garbage", START))
    first.start()
    try:
        assert entered.wait(30)
        with pytest.raises(RuntimeError, match="second writer"):
            WRITES[write](inbox)
    finally:
        leave.set()
        first.join(30)

    WRITES[write](inbox)
    assert not first.is_alive()


# --- Convergence --------------------------------------------------------------------------------------------------------------


class Told:
    """The rows of all traces, as the changes alone tell of them."""

    def __init__(self) -> None:
        self.rows: dict[str, list[TraceEntry]] = defaultdict(list)

    def change(self, session: str, change: Change) -> None:
        rows = self.rows[session]
        for step in (*change.withdrawn, *(before for before, _ in change.changed)):
            rows.remove(step)
        rows += [*change.new, *(after for _, after in change.changed)]

    def advanced(self, advanced: Advanced) -> None:
        for session, change in advanced.changes.items():
            self.change(session, change)


@st.composite
def crowds(draw: st.DrawFn) -> list[Event]:
    """Events of up to three sessions, copies among them."""
    drawn = [draw(streams(most=5)) for _ in range(draw(st.integers(1, 3)))]
    return [evolve(event, subject=f"s{number}") for number, events in enumerate(drawn) for event in events]


@examples(400)
@given(events=crowds(), lifecycle=lifecycles(), offset=st.sampled_from((0, 1, -2)), seed=st.integers(0, 2**32))
# CLOCK-10
def test_any_order_of_arrival_advance_and_restart_shows_what_the_fold_says(
    events: list[Event], lifecycle: Lifecycle, offset: int, seed: int
) -> None:
    chance = random.Random(seed)
    arriving = shuffle(duplicate(events, chance), chance)
    inbox, rejects = inbox_of(lifecycle)
    inbox.correct["/a"] = offset * SECOND
    taken: dict[str, list[Event]] = defaultdict(list)
    told, now = Told(), None
    until: dict[str, datetime] = {}  # how far time went on in each session: where something was due, or an event came

    for event in arriving:
        if chance.random() < 0.4:
            now = at(chance.choice((*range(20), 150, 400)))
            due = [session for session, log in inbox.logs.items() if log.deadline is not None and log.deadline <= now]
            until |= {session: max(now, until.get(session, now)) for session in due}
            told.advanced(inbox.advance(now))
        if inbox.logs and chance.random() < 0.2:
            inbox.put(saved(chance.choice(list(inbox.logs.values()))))
        if chance.random() < 0.1:  # a restart
            old, (inbox, rejects) = inbox, inbox_of(lifecycle)
            inbox.correct["/a"] = chance.choice((0, 1, -2)) * SECOND
            for log in old.logs.values():
                inbox.put(saved(log))
            if now is not None:
                told.advanced(inbox.advance(now))
        received = take(inbox, event, at(chance.randrange(400)))
        if now is not None:
            until[event.subject] = max(now, until.get(event.subject, now))
        taken[event.subject].append(received.event)
        told.change(event.subject, received.change)

        dues = [log.deadline for log in inbox.logs.values() if log.deadline is not None]
        assert inbox.deadline == min(dues, default=None)
        assert now is None or not dues or min(dues) > now
        for session, log in inbox.logs.items():
            expected = fold(taken[session], until.get(session), lifecycle=lifecycle)
            assert log.trace == expected.trace
            assert (log.session, log.session.settings) == (expected.session, expected.session.settings)
            assert (log.repeats, log.conflicts) == (expected.repeats, expected.conflicts)
            assert sorted(map(repr, told.rows[session])) == sorted(map(repr, log.trace))
    assert rejects == []


@examples(200)
@given(events=streams(), lifecycle=lifecycles(), until=st.integers(0, 20).map(at), seed=st.integers(0, 2**32))
def test_whatever_fires_in_a_log_put_after_its_deadlines_is_told_once(
    events: list[Event], lifecycle: Lifecycle, until: datetime, seed: int
) -> None:
    chance = random.Random(seed)
    arriving = chance.sample(events, len(events))
    before = chance.randrange(len(arriving))
    inbox, _ = inbox_of(lifecycle)
    log, taken, told = SessionLog(lifecycle, "s1"), [evolve(event, received_at=at(400)) for event in arriving], Told()
    for event in taken[:before]:
        told.change("s1", log.add(event))

    told.advanced(inbox.advance(until))
    inbox.put(saved(log))
    for event in taken[before:]:
        told.change("s1", take(inbox, event).change)
    told.advanced(inbox.advance(until))

    assert inbox.logs["s1"].trace == fold(taken, until, lifecycle=lifecycle).trace
    assert sorted(map(repr, told.rows["s1"])) == sorted(map(repr, inbox.logs["s1"].trace))


@given(events=crowds(), lifecycle=lifecycles(), after=st.sampled_from((1, 5, 60)), seed=st.integers(0, 2**32))
# SEAL-1
def test_a_session_is_sealed_as_the_fold_says_and_what_comes_for_it_is_a_repeat_or_late(
    events: list[Event], lifecycle: Lifecycle, after: int, seed: int
) -> None:
    chance = random.Random(seed)
    arriving = [*events, *chance.choices(events, k=3)]
    inbox, _ = inbox_of(lifecycle, seal_after=after * SECOND)
    taken: dict[str, list[Event]] = defaultdict(list)
    gone: dict[str, SessionLog] = {}
    now = START

    for event in chance.sample(arriving, len(arriving)):
        received = take(inbox, event, at(400))
        late = received.outcome.kind == "late"
        assert (late or received.outcome == Repeat.match(kept=None)) is (event.subject in gone)
        assert not late or all(received.event != copy for copy in gone[event.subject].copies)
        if event.subject not in gone:
            taken[event.subject].append(received.event)
        now += chance.choice((0, 1, 9, 90)) * SECOND
        for log in inbox.advance(now).sealed:
            expected = fold(taken[log.session_id], now, lifecycle=lifecycle)
            assert (log.trace, log.session) == (expected.trace, expected.session)
            gone[log.session_id] = log
        assert set(inbox.logs) == set(taken) - set(gone)

    inbox.advance(at(10**6))  # in the end, what can go has gone
    assert not any(log.seal(at(10**6) - after * SECOND) for log in inbox.logs.values())


# --- The example --------------------------------------------------------------------------------------------------------------


def test_the_asyncio_example_takes_events_fires_deadlines_and_ends_by_itself() -> None:
    example = ROOT / "examples" / "live.py"

    done = subprocess.run([sys.executable, example], capture_output=True, check=False, timeout=60)

    lines = done.stdout.decode().splitlines()
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(example.read_text(encoding="utf-8").splitlines()) < 60
    assert rows(lines, "anna") == {"alerting", "connected", "disconnected", "wrapup"}
    assert rows(lines, "ben") == {"alerting", "connected", "disconnected", "wrapup"}  # saved in time, though the timer fired
    assert rows(lines, "cleo") == {"alerting", "connected", "disconnected", "timer.acw"}
    assert "- ben  timer.acw    applied" in lines
    assert any(line.startswith("~ ") for line in lines)  # something came out of order


def rows(lines: Sequence[str], session: str) -> set[str]:
    """The rows of a session in the end, as the example told of them."""
    there: set[str] = set()
    for sign, name, kind, _ in (line.split() for line in lines):
        if name == session:
            (there.add if sign in "+~" else there.remove)(kind)
    return there


def test_what_take_was_given_may_be_changed_afterwards() -> None:
    inbox, _ = inbox_of()
    document = {**json.loads(GOOD), "data": {"more": [1]}}
    inbox.take(document)

    document["data"]["more"].append({object()})

    (log,) = inbox.logs.values()
    assert save_log(log)["events"][0]["data"] == {"more": [1]}


def test_the_ids_of_sessions_that_are_dropped_and_put_back_take_no_more_room() -> None:
    inbox, _ = inbox_of()
    take_all(inbox, CALL)
    for _ in range(100):
        (session,) = inbox.logs
        inbox.put(inbox.drop(session))

    assert len(inbox._sealed._with_copies) <= 1  # noqa: SLF001 (memory cannot be seen from outside)


@pytest.mark.parametrize(
    ("keys", "notes"),
    [
        ({"userId": "ann"}, ["userId is not read. It is userid, beside data"]),
        ({"data": {"userId": "ann"}}, ["data.userId is not read. It is userid, beside data"]),
        ({"data": {"userid": "ann"}}, ["data.userid is not read. It is userid, beside data"]),
        ({"data": {"QUEUE_ID": "q", "more": 1}}, ["data.QUEUE_ID is not read. It is queueid, beside data"]),
        ({"data": {"viewer_url": "v"}}, ["data.viewer_url is not read. It is viewerUrl, in data"]),
        ({"data": {"wrapup-prompt": "optional"}}, ["data.wrapup-prompt is not read. It is wrapupPrompt, in data"]),
        ({"viewerUrl": "v"}, ["viewerUrl is not read. It is viewerUrl, in data"]),
        (
            {"data": {"queueId": "q", "conversationId": "c"}},
            [
                "data.conversationId is not read. It is conversationid, beside data",
                "data.queueId is not read. It is queueid, beside data",
            ],
        ),
        ({"data": {"more": 1}, "tenant": "x", "userid": "ann"}, []),
        ({"data": {"wrapupTimeout": 30}}, ["data.wrapupTimeout is not read. It is wrapupTimeoutMs, in data"]),
        ({"data": {"alerting_timeout_ms": 30}}, ["data.alerting_timeout_ms is not read. It is alertingTimeoutMs, in data"]),
        ({"data": {"viewerUrl": "v", "wrapupTimeoutMs": -5}, "userid": "ann"}, []),
        ({"type": "com.example.order", "data": {"userId": "ann"}}, []),
    ],
)
def test_a_known_key_in_another_place_or_case_is_kept_and_noted(keys: dict[str, Any], notes: list[str]) -> None:  # KEEP-1
    inbox, _ = inbox_of()

    (answer,) = inbox.take({**json.loads(GOOD), **keys}).answers

    assert isinstance(answer, Received)
    assert [note for note in answer.notes if "not read" in note] == notes
