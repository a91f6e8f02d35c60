"""Shadow mode: each kind of difference has its cause, nothing is raised into the other program, and nothing is changed."""

import csv
import json
import logging
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.commands import Result, command
from tests.strategies import lifecycles, streams

from cobrowse_session import CobrowseSession, Event, Lifecycle, SessionLog, Settings
from cobrowse_session.io.causes import CAUSES
from cobrowse_session.io.comparison import UNKNOWN, Difference, compare, read_record
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.io.receiver import Receiver
from cobrowse_session.io.shadow import Report, Shadow
from cobrowse_session.lifecycle.actions import cloud_time
from cobrowse_session.lifecycle.row import PROVIDER
from cobrowse_session.stream import explain
from cobrowse_session.stream.words import length
from cobrowse_session.testing import START, Stream, stream
from cobrowse_session.times import time_text
from cobrowse_session.wire import decode_session, encode_event, encode_session, restore_log, save_log

LIFECYCLE = Lifecycle(settings=Settings(wrapup_prompt="timeout", wrapup_timeout=timedelta(seconds=30)))
LATER = START + timedelta(hours=2)
CALL = stream("s1", delay=0.25).alerting().after(3.1).connected().after("5m").disconnected("peer")
SAVED = CALL.after(20).wrapup("sale", name="Sale")
ALERTING, CONNECTED, DISCONNECTED, WRAPUP = SAVED.events


def at(minutes: int, seconds: float) -> datetime:
    return START + timedelta(minutes=minutes, seconds=seconds)


def again(event: Event, seconds: float, **said: Any) -> Event:
    """The event, received once more."""
    return evolve(event, received_at=event.received + timedelta(seconds=seconds), **said)


def durable(folder: Path) -> Receiver:
    pytest.importorskip("sqlalchemy")
    from cobrowse_session.store import DurableInbox, Store  # noqa: PLC0415 (an extra)

    return DurableInbox(Store(f"sqlite:///{folder}/sessions.db", LIFECYCLE), seal_after=timedelta(hours=1))


def in_memory(_: Path) -> Receiver:
    return Inbox(LIFECYCLE, seal_after=timedelta(hours=1))


@pytest.fixture(params=[in_memory, durable])
def shadow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shadow]:
    inbox = request.param(tmp_path)
    yield Shadow(inbox)
    if request.param is durable:
        inbox.store.close()


def beside(events: Iterable[Event], theirs: object, *, until: datetime | None = LATER, **said: Any) -> Report:
    """The report after some events as they arrive, and the time thereafter."""
    one = Shadow(Inbox(LIFECYCLE), **said)
    for event in events:
        one.take(event, event.received)
    if until:
        one.advance(until)
    one.compare("s1", theirs)
    return one.report()


# --- What is compared ---------------------------------------------------------------------------------------------------------


def test_a_record_that_is_the_session_is_equal_in_every_form() -> None:
    session = decode_session(
        '{"id":"s1","state":"disconnected","disconnectType":"peer","wrapup":{"code":"sale","name":"Sale"},"peerId":null}'
    )
    forms = (
        {"state": "disconnected", "disconnectType": "peer", "wrapup": {"code": "sale", "name": "Sale"}},
        {"state": "DISCONNECTED", "disconnect_type": session.disconnect_type, "wrapup.code": "sale", "wrapup.name": "Sale"},
        encode_session(session),
        encode_session(session).encode(),
        json.loads(encode_session(session)),
    )
    for form in forms:
        report = beside(SAVED, form)
        assert report.counts == {"equal": 4, "different": 0, "only ours": 0, "only theirs": 0}, form


def test_only_what_the_record_has_is_compared() -> None:
    report = beside(SAVED, {"state": "disconnected"})

    assert report.fields == {"state": {"equal": 1}}


def test_of_a_record_without_fields_nothing_is_compared() -> None:
    report = beside(SAVED, {"id": "s1"})

    assert (report.sessions, report.fields, report.problems) == (1, {}, {})


def test_a_session_as_a_record_has_every_field() -> None:
    report = beside(SAVED, CobrowseSession(id="s1", state="disconnected"))

    assert report.fields["state"] == {"equal": 1}
    assert report.fields["peerId"] == {"equal": 1}
    assert report.fields["wrapup.code"] == {"only ours": 1}
    assert report.fields["segments[].startTime"] == {"only ours": 2}


def test_times_are_equal_within_the_tolerance() -> None:
    theirs = {"disconnectedTime": at(5, 4.1).isoformat()}

    assert beside(SAVED, theirs, tolerance=timedelta(seconds=1)).counts["equal"] == 1
    assert beside(SAVED, theirs, tolerance=timedelta(milliseconds=999)).counts["different"] == 1


def test_a_difference_has_the_event_the_row_and_the_clock() -> None:
    (one,) = beside(SAVED, {"disconnectedTime": at(9, 0)}).differences

    assert (one.session, one.field, one.verdict) == ("s1", "disconnectedTime", "different")
    assert (one.ours, one.theirs) == ("2026-03-01T09:05:03.100Z", "2026-03-01T09:09:00.000Z")
    assert one.cause == ""
    assert one.explanation is not None
    assert one.explanation.entry is not None
    assert one.explanation.entry.event == DISCONNECTED
    assert one.explanation.clock == "the corrected provider clock"


@given(streams(), lifecycles(), st.data())
def test_our_own_session_is_equal_and_one_changed_value_of_it_is_found(
    events: list[Event], lifecycle: Lifecycle, data: st.DataObject
) -> None:
    shadow = Shadow(Inbox(lifecycle))
    for event in events:
        shadow.take(event, event.received)
    name = events[0].subject
    log = shadow.inbox.find(name)
    assert log is not None
    shadow.compare(name, encode_session(log.session))
    shadow.compare(name, log.session)
    assert shadow.report().problems == {}
    assert {verdict for verdict, count in shadow.report().counts.items() if count} <= {"equal"}

    record = json.loads(encode_session(log.session))
    changed = data.draw(st.sampled_from(sorted(key for key, value in record.items() if key != "id" and isinstance(value, str))))
    record[changed] = str(at(1, 0).isoformat()) if changed.endswith("Time") else "something else"
    shadow.compare(name, record)
    assert [one.field for one in shadow.report().differences] == [changed]


# --- Causes -------------------------------------------------------------------------------------------------------------------

LATE = [ALERTING, DISCONNECTED, again(CONNECTED, 302), WRAPUP]
SECOND = evolve(CONNECTED, id="e9", occurred_at=at(1, 0), received_at=at(1, 0.25))
TWICE = [ALERTING, CONNECTED, DISCONNECTED, again(DISCONNECTED, 2), WRAPUP]
CORRECTED = [*CALL, again(DISCONNECTED, 2, disconnect_type="client", sequence="2"), WRAPUP]
TOO_LATE = [*CALL, again(WRAPUP, 100)]  # saved in time, and received when the timer had fired
AFTER_DEADLINE = evolve(WRAPUP, occurred_at=at(5, 53), received_at=at(5, 53.1))
ODD = CALL.after(20.5).wrapup("sale")
FOUND: dict[str, tuple[Sequence[Event] | Stream, dict[str, Any], str]] = {
    "the state of what arrived last": (LATE, {"state": "connected"}, "order of arrival"),
    "the code of a timer that is withdrawn": (TOO_LATE, {"wrapup.code": "ININ-WRAP-UP-TIMEOUT"}, "order of arrival"),
    "the receipt of a copy": (TWICE, {"disconnectedTime": at(5, 5.35)}, "repeat counted"),
    "a segment of a copy": (
        TWICE,
        {"segments": [{"type": "Alert"}, {"type": "Interact"}, {"type": "Interact"}]},
        "repeat counted",
    ),
    "twice the duration": (TWICE, {"wrapup.durationSeconds": 40}, "repeat counted"),
    "the time of a duplicate": (
        [ALERTING, CONNECTED, SECOND, DISCONNECTED],
        {"connectedTime": at(1, 0.25)},
        "repeat counted",
    ),
    "the clock of the host": (SAVED, {"disconnectedTime": at(5, 3.4)}, "time of receipt"),
    "the clock of the provider": (SAVED, {"connectedTime": at(0, 3.1)}, "time of occurrence"),
    "a clock that is off": (
        [ALERTING, CONNECTED, evolve(DISCONNECTED, provider_time=at(4, 50))],
        {"disconnectedTime": at(4, 50)},
        "clock not corrected",
    ),
    "no milliseconds": (SAVED, {"disconnectedTime": at(5, 3)}, "whole seconds"),
    "no after-call work": (SAVED, {"afterCallWork": None}, "after-call work missed"),
    "the end of after-call work by a wrap-up after the deadline": (
        [*CALL, AFTER_DEADLINE],
        {"afterCallWork.endTime": at(5, 53)},
        "time of another event",
    ),
    "the time of a wrap-up, near the receipt of the end": (
        CALL.after(0.5).wrapup("sale"),
        {"disconnectedTime": at(5, 3.6)},
        "time of another event",
    ),
    "the time of the alert": (SAVED, {"disconnectedTime": at(0, 0)}, "time of another event"),
    "a timer that waits for a minute": (CALL, {"afterCallWork.endTime": at(6, 0)}, "timer late"),
    "a timer that did not fire": (CALL, {"afterCallWork.state": "pending"}, "timer late"),
    "an edition that was corrected": (CORRECTED, {"disconnectType": "peer"}, "correction ignored"),
    "a wrap-up of an alert": (
        (ALERTING, evolve(WRAPUP, occurred_at=at(0, 1))),
        {"wrapup.code": "sale"},
        "refused event taken",
    ),
    "a second end": (
        SAVED.after(60).disconnected("client"),
        {"disconnectType": "client"},
        "repeat counted",
    ),
    "an event that was not handled": (SAVED, {"connectedTime": None}, "event missed"),
    "an event of an id that another source had": (
        [ALERTING, evolve(CONNECTED, id="e1", source="/other")],
        {"state": "alerting"},
        "event missed",
    ),
    "the duration to the nearest second": (ODD, {"wrapup.durationSeconds": 21}, "rounded"),
    "the duration rounded up": (CALL.after(20.25).wrapup("sale"), {"wrapup.durationSeconds": 21}, "rounded"),
    "a duration of 1 s, rounded up": (
        [*CALL, again(DISCONNECTED, 2), *CALL.after(1.2).wrapup("sale").events[-1:]],
        {"wrapup.durationSeconds": 2},
        "rounded",
    ),
    "after-call work that a late wrap-up completes again, by the clock of the host": (
        [*CALL, AFTER_DEADLINE],
        {"afterCallWork.endTime": at(5, 53.12)},
        "time of another event",
    ),
    "the same without milliseconds": ([*CALL, AFTER_DEADLINE], {"afterCallWork.endTime": at(5, 53)}, "time of another event"),
    "the same by a copy": (
        [*CALL, AFTER_DEADLINE, again(AFTER_DEADLINE, 9)],
        {"afterCallWork.endTime": at(6, 2.1)},
        "time of another event",
    ),
    "a clock that was read twice": (SAVED, {"connectedTime": at(0, 3.353)}, "time of receipt"),
    "the receipt of what was late": (LATE, {"connectedTime": at(5, 5.35)}, "time of receipt"),
    "the occurrence in a whole second": (
        [evolve(ALERTING, received_at=at(0, 0.4))],
        {"startAlertingTime": at(0, 0)},
        "time of occurrence",
    ),
    "the receipt, although a copy came at once": (
        [*CALL, again(DISCONNECTED, 0.2)],
        {"disconnectedTime": at(5, 3.35)},
        "time of receipt",
    ),
    "an event that did not come": (CALL, {"peerId": "p1"}, "nothing here sets it"),
    "a name that is misspelt": (SAVED, {"conectedTime": "2026-03-01T09:00:03Z"}, "unknown field"),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_record_with_one_fault_has_its_cause(name: str) -> None:
    events, theirs, cause = FOUND[name]

    report = beside(events, theirs)

    assert set(report.causes) == {cause}, str(report)
    assert all(one.because for one in report.differences)


OF_TWO_FIELDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "between times of receipt": (
        {"wrapup.endTime": at(5, 25.35), "wrapup.durationSeconds": 22},
        "follows from another field",
        "22.25 s between its own disconnectedTime and wrapup.endTime, rounded down",
    ),
    "between times of its own, rounded up": (
        {"disconnectedTime": at(5, 2.5), "wrapup.durationSeconds": 21},
        "rounded",
        "20.6 s, between its own times, rounded up or to the nearest second",
    ),
    "until the deadline of its own end": (
        {"disconnectedTime": at(5, 3.35), "afterCallWork.endTime": at(5, 33.35)},
        "follows from another field",
        "30 s after its own disconnectedTime, as ours is after ours",
    ),
    "until a deadline that was noticed late": (
        {"disconnectedTime": at(5, 3.35), "afterCallWork.endTime": at(5, 33.5)},
        "timer late",
        "0.4 s after the deadline, 2026-03-01 09:05:33.100",
    ),
}


@pytest.mark.parametrize("name", OF_TWO_FIELDS)
def test_what_follows_from_a_time_is_compared_with_that_time_of_the_record(name: str) -> None:
    theirs, cause, because = OF_TWO_FIELDS[name]

    one = beside(CALL if "afterCallWork.endTime" in theirs else SAVED, theirs).differences[-1]

    assert (one.cause, one.because) == (cause, f"theirs is {because}")


@pytest.mark.parametrize(
    ("field", "meant"),
    [("conected_time", "Did you mean connectedTime?"), ("wrapup.cod", "Did you mean wrapup.code?"), ("talkSeconds", "")],
)
def test_a_field_that_sessions_do_not_have_is_named_with_the_nearest_one(field: str, meant: str) -> None:
    (found,) = beside(SAVED, {field: "x"}).differences

    assert found.because.startswith("a session has no field ")
    assert found.because.partition("Did")[1:] == meant.partition("Did")[1:]


def test_every_cause_has_a_record_above_and_a_line_in_the_page() -> None:
    page = Path(__file__).parents[1] / "docs/how-to/shadow.md"

    assert {cause for _, _, cause in FOUND.values()} | {cause for _, cause, _ in OF_TWO_FIELDS.values()} == set(CAUSES)
    assert set(re.findall(r"^\| `([^`]+)` \|", page.read_text(encoding="utf-8"), re.MULTILINE)) == {*CAUSES, UNKNOWN}


# --- What counts --------------------------------------------------------------------------------------------------------------

MINUTE = timedelta(minutes=1)
WRONG_TIMES: dict[str, Callable[[Event], datetime | None]] = {
    "the occurrence": lambda event: event.occurred_at,
    "the receipt": lambda event: event.received,
    "the time as it came": lambda event: event.provider_time or event.occurred_at,
    "the other one": lambda event: event.occurred_at if cloud_time(event) == event.received else event.received,
    "the receipt, and a second clock": lambda event: event.received + timedelta(milliseconds=3),
    "whole seconds of the receipt": lambda event: event.received.replace(microsecond=0),
    "the next day": lambda event: event.occurred_at + timedelta(days=1),
}


def times_of(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each time in a session's JSON."""
    for key, inside in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        name = f"{path}.{key}".removeprefix(".")
        if str(key).endswith("Time"):
            yield name
        yield from times_of(inside, name)


def put(record: dict[str, Any], field: str, value: object) -> None:
    place: Any = record
    *path, last = (int(name) if name.isdigit() else name for name in field.split("."))
    for name in path:
        place = place[name]
    place[last] = value


def advised(one: Difference, session: CobrowseSession) -> object:
    """What our value must be, if each word of the report is followed."""
    assert one.explanation is not None
    assert one.explanation.entry is not None
    event, said = one.explanation.entry.event, one.basis
    if lasted := re.fullmatch(r"([0-9.]+) s from disconnectedTime to wrapup.endTime, rounded down \(WRAP-11\)", said):
        return int(float(lasted[1]))
    if said.startswith("the timer fires at its own deadline"):
        return event.occurred_at
    if said.endswith("startAlertingTime counts (STAMP-3)"):
        return session.start_alerting_time
    if said == "it is disconnectedTime":
        return session.disconnected_time
    assert isinstance(event, Event)
    if said.startswith("the field is on the corrected provider clock, so the occurrence of ") or "no time of receipt" in said:
        return event.occurred_at
    found = re.search(r"received (.+) (after|before) it occurred.*: (within|more than) 2 s, so the (.+) counts \(TIME-8\)$", said)
    assert found is not None, said or one.field
    apart = event.received - event.occurred_at
    assert (found[1], found[2]) == (length(abs(apart)), "before" if apart < timedelta(0) else "after")
    assert (abs(apart) <= timedelta(seconds=2)) == (found[3] == "within")
    return event.received if found[4] == "receipt" else event.occurred_at


@given(
    events=streams(),
    lifecycle=lifecycles(),
    wrong=st.sampled_from(sorted(WRONG_TIMES)),
    is_live=st.booleans(),
    is_off=st.booleans(),
)
def test_a_record_that_is_corrected_as_each_hint_says_has_no_difference_left(
    events: list[Event], lifecycle: Lifecycle, wrong: str, *, is_live: bool, is_off: bool
) -> None:
    if is_off:
        events = [evolve(event, provider_time=event.occurred_at - MINUTE) for event in events]
    log = SessionLog.of(events, lifecycle, until=max(event.occurred_at for event in events) + timedelta(minutes=1))
    record = json.loads(encode_session(log.session))
    arrived = sorted(events, key=lambda event: event.received) if is_live else ()
    for field in times_of(record):
        entry = explain(log, field).entry
        assert entry is not None
        decided = entry.event
        put(record, field, time_text(WRONG_TIMES[wrong](decided) if isinstance(decided, Event) else decided.occurred_at + MINUTE))
    if lasted := record.get("wrapup", {}).get("durationSeconds"):
        record["wrapup"]["durationSeconds"] = lasted + 1

    for one in compare(log, read_record(record), arrived=arrived).differences:
        right = advised(one, log.session)
        put(record, one.field, time_text(right) if isinstance(right, datetime) else right)

    assert compare(log, read_record(record)).differences == ()


def by_the_hint(hint: str) -> Callable[[Event], datetime]:
    """The time that a handler stamps which follows a hint, with the condition that the hint states."""
    found = re.search(r"(within|more than) (\d+) s, so the (receipt|occurrence) counts", hint)
    assert found is not None, hint
    limit, is_soon = timedelta(seconds=int(found[2])), found[1] == "within"

    def stamped(event: Event) -> datetime:
        """The time that the hint names where its condition holds, and the other one where it does not."""
        is_met = (abs(event.received - event.occurred_at) <= limit) == is_soon
        return event.received if is_met == (found[3] == "receipt") else event.occurred_at

    return stamped


@given(st.lists(st.sampled_from((0.0, 0.4, 1.999, 2.0, 2.001, 61.0, 301.0)), min_size=2, max_size=6))
def test_a_handler_that_follows_one_hint_is_right_about_every_other_session(delays: list[float]) -> None:
    """TIME-8. The first handler stamps the occurrence, and the second one the receipt."""
    shadow, connected = Shadow(Inbox(LIFECYCLE)), {}
    for number, delay in enumerate(delays):
        begun = stream(f"s{number}").alerting().after(3).connected().events
        for event in (evolve(one, received_at=one.occurred_at + timedelta(seconds=delay)) for one in begun):
            shadow.take(event, event.received)
        connected[f"s{number}"] = event
    for wrong in ("occurred_at", "received"):
        for name, event in connected.items():
            shadow.compare(name, {"connectedTime": getattr(event, wrong)})
        for one in shadow.report().differences:
            right = by_the_hint(one.basis)
            for name, event in connected.items():
                shadow.compare(name, {"connectedTime": right(event)})
            assert shadow.report().differences == ()


SOON = "connected e2 was received 0.2 s after it occurred: within 2 s, so the receipt counts (TIME-8)"
BASES: dict[str, tuple[Sequence[Event] | Stream, str, str]] = {
    "received soon": (
        [ALERTING, evolve(CONNECTED, received_at=at(0, 3.5))],
        "connectedTime",
        "connected e2 was received 0.4 s after it occurred: within 2 s, so the receipt counts (TIME-8)",
    ),
    "received late": (
        [ALERTING, evolve(CONNECTED, received_at=at(1, 4.1))],
        "connectedTime",
        "connected e2 was received 1 min 1 s after it occurred: more than 2 s, so the occurrence counts (TIME-8)",
    ),
    "received soon, with a clock that is off": (
        [evolve(ALERTING, received_at=at(0, 0.4), provider_time=at(1, 0))],
        "startAlertingTime",
        f"alerting e1 was received 0.4 s after it occurred on {PROVIDER}: within 2 s, so the receipt counts (TIME-8)",
    ),
    "received before": (
        [evolve(ALERTING, received_at=at(0, 0) - timedelta(seconds=1))],
        "startAlertingTime",
        "alerting e1 was received 1 s before it occurred: within 2 s, so the receipt counts (TIME-8)",
    ),
    "connected before the alert": (
        [evolve(ALERTING, received_at=at(0, 1.9)), evolve(CONNECTED, occurred_at=at(0, 1), received_at=at(0, 1.2))],
        "connectedTime",
        f"{SOON}; that is before startAlertingTime, so startAlertingTime counts (STAMP-3)",
    ),
    "the provider clock": (
        CALL,
        "disconnectedTime",
        "the field is on the corrected provider clock, so the occurrence of disconnected e3 counts, whenever it was received",
    ),
    "a deadline": (
        CALL,
        "afterCallWork.endTime",
        "the timer fires at its own deadline, whenever that is noticed, and what occurred later did not move it",
    ),
    "a duration": (
        CALL.after(20.25).wrapup("sale"),
        "wrapup.durationSeconds",
        "20.25 s from disconnectedTime to wrapup.endTime, rounded down (WRAP-11)",
    ),
    "no time": (CALL, "disconnectType", ""),
}


@pytest.mark.parametrize("name", BASES)
def test_the_report_states_which_time_of_the_event_counts_and_by_which_rule(name: str) -> None:
    events, field, basis = BASES[name]

    wrong = {"disconnectType": "spam", "wrapup.durationSeconds": 99}.get(field, at(59, 0))
    report = beside(events, {field: wrong})

    assert [one.basis for one in report.differences] == [basis]
    assert (f"\n  basis      {basis}\n" in str(report)) == bool(basis)
    assert [row["basis"] for row in csv.DictReader(report.as_csv().splitlines())] == [basis]
    assert report.as_json()["differences"][0]["basis"] == basis


@given(seconds=st.integers(31, 600), jitter=st.sampled_from((0, 0.02, 0.9)), is_received=st.booleans())
def test_a_timer_is_late_only_if_theirs_is_no_time_of_an_event(seconds: int, jitter: float, *, is_received: bool) -> None:
    saved = CALL.after(seconds).wrapup("sale")
    late = saved.events[-1]
    theirs = late.received + timedelta(seconds=jitter) if is_received else late.occurred_at
    field = "afterCallWork.endTime"

    assert beside(saved, {field: theirs}).causes == {"time of another event": 1}
    assert beside(CALL, {field: theirs}).causes == {"timer late": 1}


@given(st.integers(1, 100_000), st.sampled_from((math.ceil, round, lambda exact: math.floor(exact + 0.5))))
def test_a_duration_that_is_rounded_otherwise_is_found(milliseconds: int, rounded: Callable[[float], int]) -> None:
    """WRAP-11."""
    exact = milliseconds / 1000
    report = beside(CALL.after(exact).wrapup("sale"), {"wrapup.durationSeconds": rounded(exact)}, until=None)

    assert report.causes == ({} if rounded(exact) == int(exact) else {"rounded": 1})


# --- Beside the program -------------------------------------------------------------------------------------------------------


def test_what_arrives_is_not_changed(shadow: Shadow) -> None:
    batch = [json.loads(encode_event(event)) for event in SAVED]
    record = {"wrapup": {"code": "sale"}, "segments": [{"type": "Alert"}]}
    before = deepcopy((batch, record))

    shadow.take(batch)
    shadow.compare("s1", record)

    assert (batch, record) == before
    assert shadow.report().sessions == 1


NAIVE = datetime(2026, 3, 1)  # noqa: DTZ001 (on purpose)
WRONG: dict[str, tuple[Callable[[Shadow], None], str]] = {
    "text that cannot be read": (lambda shadow: shadow.take(b"{broken"), "rejected: "),
    "no document": (lambda shadow: shadow.take(object()), "take: TypeError: "),
    "a naive arrival": (lambda shadow: shadow.take(ALERTING, NAIVE), "take: TypeError: "),
    "a naive time": (lambda shadow: shadow.advance(NAIVE), "advance: TypeError: "),
    "an unknown session": (lambda shadow: shadow.compare("s9", {}), "session s9: no event of it came here"),
    "no record": (lambda shadow: shadow.compare("s1", 5), "compare s1: TypeError: "),
    "a broken record": (lambda shadow: shadow.compare("s1", "{broken"), "compare s1: DecodeError: "),
    "no time": (
        lambda shadow: shadow.compare("s1", {"connectedTime": "now"}),
        "compare s1: bad_time: $.connectedTime",
    ),
    "a naive value": (lambda shadow: shadow.compare("s1", {"connectedTime": NAIVE}), "compare s1: bad_time: $.connectedTime"),
    "a value before 1970": (
        lambda shadow: shadow.compare("s1", {"connectedTime": datetime(1969, 1, 1, tzinfo=UTC)}),
        "compare s1: bad_time: $.connectedTime",
    ),
    "a part and none": (
        lambda shadow: shadow.compare("s1", {"wrapup": None, "wrapup.code": ""}),
        "compare s1: wrong_type: $.wrapup",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_nothing_is_raised_into_the_program(shadow: Shadow, name: str, caplog: pytest.LogCaptureFixture) -> None:
    act, problem = WRONG[name]
    shadow.take(list(CALL))
    with caplog.at_level(logging.CRITICAL):
        act(shadow)

    report = shadow.report(not_over=["s1"])
    (found,) = report.problems.items()
    assert found[0].startswith(problem)
    assert found[1] == 1
    assert problem in str(report)


@pytest.mark.parametrize("is_text", [True, False])
def test_of_a_record_with_a_field_that_cannot_be_read_the_others_are_compared(shadow: Shadow, *, is_text: bool) -> None:
    shadow.take(list(CALL))
    record = {"connectedTime": "now", "state": "alerting", "segments": [{"type": 5}], "disconnectType": "peer"}
    shadow.compare("s1", json.dumps(record) if is_text else record)

    report = shadow.report()
    assert [one.field for one in report.differences] == ["state"]
    assert report.fields["disconnectType"] == {"equal": 1}
    assert [problem.split(": ")[:3] for problem in report.problems] == [
        ["compare s1", "bad_time", "$.connectedTime"],
        ["compare s1", "wrong_type", "$.segments[0].type"],
    ]


@pytest.mark.parametrize("wrong", ["now", NAIVE, datetime(1969, 1, 1, tzinfo=UTC), 5], ids=str)
@pytest.mark.parametrize("place", ["connectedTime", "wrapup.endTime"])
def test_of_a_mapping_with_a_time_that_cannot_be_read_the_others_are_compared(shadow: Shadow, wrong: object, place: str) -> None:
    shadow.take(list(CALL))
    shadow.compare("s1", {place: wrong, "state": "disconnected"})

    report = shadow.report()
    assert report.fields == {"state": {"equal": 1}}
    assert [problem.partition(": expected")[0].split(": ")[2] for problem in report.problems] == [f"$.{place}"]


@pytest.mark.parametrize("wrong", ["{broken", 5, {"connectedTime": "now"}], ids=str)
def test_a_wrong_record_is_a_problem_also_when_the_comparison_is_final(shadow: Shadow, wrong: object) -> None:
    shadow.take(list(SAVED), at(6, 0))
    shadow.advance(LATER)
    shadow.compare("s1", {"state": "disconnected"})

    shadow.compare("s1", wrong)

    assert (shadow.report().final, len(shadow.report().problems)) == (1, 1)


def test_what_the_program_passed_wrongly_is_logged_without_a_traceback(shadow: Shadow, caplog: pytest.LogCaptureFixture) -> None:
    shadow.take(list(CALL))
    for wrong in ("{broken", 5, {"connectedTime": "now"}):
        shadow.compare("s1", wrong)

    logged = [one for one in caplog.records if one.name == "cobrowse_session.shadow"]
    assert [(one.levelname, one.exc_info) for one in logged] == [("WARNING", None)] * 3


def test_an_error_of_the_store_is_a_problem_and_the_program_goes_on(tmp_path: Path) -> None:
    inbox: Any = durable(tmp_path)
    shadow = Shadow(inbox)
    inbox.store.close()
    (tmp_path / "sessions.db").unlink()
    (tmp_path / "sessions.db").mkdir()

    shadow.take(CALL.events[0])

    assert [problem.startswith("take: StoreError: ") for problem in shadow.report().problems] == [True]


def test_many_threads_take_turns(shadow: Shadow) -> None:
    names = [f"t{number}" for number in range(8)]

    def handle(name: str) -> None:
        for event in stream(name, delay=0.25).alerting().after(3).connected():
            shadow.take(event)
            shadow.compare(name, {"state": event.kind})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(handle, names))

    assert shadow.report().problems == {}
    assert shadow.report().fields == {"state": {"equal": len(names)}}


def test_after_a_restart_the_times_of_receipt_are_the_order_of_arrival(tmp_path: Path) -> None:
    first: Any = durable(tmp_path)
    for event in LATE:
        first.take(event, event.received)
    first.store.close()

    inbox: Any = durable(tmp_path)
    shadow = Shadow(inbox)
    shadow.compare("s1", {"state": "connected"})
    inbox.store.close()

    # The wrap-up came last, and it states no state.
    assert shadow.report().causes == {"order of arrival": 1}


def test_the_latest_comparison_of_a_session_counts_until_it_is_sealed(shadow: Shadow) -> None:
    shadow.take(list(SAVED), at(6, 0))
    shadow.compare("s1", {"state": "connected"})
    assert (shadow.report().final, shadow.report().counts["different"]) == (0, 1)

    shadow.compare("s1", {"state": "disconnected"})
    assert (shadow.report().sessions, shadow.report().counts["different"]) == (1, 0)

    shadow.advance(LATER)
    shadow.compare("s1", {"state": "disconnected", "wrapup.code": "sale"})
    shadow.compare("s1", {"state": "alerting"})  # too late: the first one of a sealed session is final
    report = shadow.report()
    assert (report.sessions, report.final, report.problems) == (1, 1, {})
    assert report.counts == {"equal": 2, "different": 0, "only ours": 0, "only theirs": 0}


def test_a_session_that_was_sealed_under_another_table_is_compared_without_reasons() -> None:
    log = SessionLog.of(CALL, LIFECYCLE, until=LATER)
    assert log.seal(LATER)
    data = json.loads(json.dumps(save_log(log)))
    data["state"]["viewerUrl"] = "https://as-it-was"
    data["table"]["code"] = "0"

    compared = compare(restore_log(data), read_record({"viewerUrl": "https://other", "connectedTime": None, "peerId": "p1"}))

    assert compared.is_final
    assert [verdict for _, verdict in compared.verdicts] == ["different", "only ours", "only theirs"]
    assert [(one.cause, one.explanation) for one in compared.differences] == [("", None)] * 3


@pytest.fixture
def lost(shadow: Shadow) -> Shadow:
    """Six sessions, and a handler that knows two of them."""
    for name in ("a", "b", "c", "d", "e", "f"):
        shadow.take(list(stream(name).alerting()))
    shadow.compare("b", {"state": "alerting"})
    shadow.compare("e", {"state": "connected"})
    return shadow


def test_a_session_that_was_never_compared_is_a_problem(lost: Shadow) -> None:
    report = lost.report()

    assert report.never_compared == ("a", "c", "d", "f")
    assert report.problems == {"session came here and was never compared: a, c, d, f": 4}
    assert "\nproblem (4): session came here and was never compared: a, c, d, f\n" in str(report)
    assert report.as_json()["neverCompared"] == ["a", "c", "d", "f"]


def test_a_session_that_the_program_says_is_not_over_is_no_problem(lost: Shadow) -> None:
    assert lost.report(not_over=["a", "d", "unheard"]).never_compared == ("c", "f")
    assert lost.report(not_over=("a", "c", "d", "f")).problems == {}
    with pytest.raises(TypeError, match="not_over: expected the ids of sessions"):
        lost.report(not_over="acdf")


def test_a_comparison_of_any_kind_finds_a_session(lost: Shadow) -> None:
    lost.compare("a", {})
    lost.compare("c", {"state": "alerting"})
    lost.compare("d", "{broken")  # this is no comparison
    lost.compare("unheard", {})

    assert lost.report().never_compared == ("d", "f")


def test_what_comes_after_a_comparison_does_not_make_a_session_missing(shadow: Shadow) -> None:
    shadow.take(list(CALL), at(6, 0))
    shadow.compare("s1", {})
    shadow.take(again(DISCONNECTED, 9), at(6, 0))
    shadow.take(WRAPUP, at(6, 0))
    shadow.advance(LATER)
    shadow.compare("s1", {})
    shadow.take(again(DISCONNECTED, 9), LATER)
    shadow.take(evolve(WRAPUP, id="late"), LATER)

    assert (shadow.report().final, shadow.report().problems) == (1, {})


def test_a_session_that_was_sealed_before_it_was_compared_is_missing_until_then(shadow: Shadow) -> None:
    shadow.take(list(SAVED), at(6, 0))
    shadow.advance(LATER)
    assert shadow.report().never_compared == ("s1",)

    shadow.compare("s1", {})
    assert shadow.report().problems == {}


def test_of_missing_sessions_that_are_not_remembered_there_is_a_count() -> None:
    shadow = Shadow(Inbox(LIFECYCLE), remember=3)
    for name in ("a", "b", "c", "d", "e"):
        shadow.take(list(stream(name).alerting()))
    assert shadow.report().never_compared == ("c", "d", "e")
    assert shadow.report().problems == {"session came here and was never compared: c, d, e, and 2 more": 5}

    for name in ("a", "d"):
        shadow.compare(name, {})
    assert shadow.report().problems == {"session came here and was never compared: c, e, and 1 more": 3}


def test_the_problem_names_the_first_of_many_missing_sessions() -> None:
    shadow = Shadow(Inbox(LIFECYCLE))
    for number in range(1, 2001):
        shadow.take(list(stream(f"n{number}").alerting()))
    ((problem, count),) = shadow.report().problems.items()

    assert count == len(shadow.report().never_compared) == 2000
    assert problem.endswith("n19, n20, and 1,980 more")


def test_of_sessions_that_are_not_remembered_there_are_counts() -> None:
    shadow = Shadow(Inbox(LIFECYCLE), remember=2)
    for name in ("a", "b", "c"):
        shadow.take(list(stream(name).alerting()))
        shadow.compare(name, {"state": "connected"})
    report = shadow.report()

    assert (report.sessions, report.counts["different"]) == (3, 3)
    assert [one.session for one in report.differences] == ["b", "c"]


# --- The report ---------------------------------------------------------------------------------------------------------------


def test_the_report_is_text_json_and_csv() -> None:
    report = beside(LATE, {"state": "connected", "disconnectType": "peer"})

    assert str(report).startswith("sessions: 1 compared, 0 of them final\nfields: 1 equal, 1 different\n  state: 1 different\n")
    assert "likely causes: 1 order of arrival" in str(report)
    document = json.loads(json.dumps(report.as_json()))
    assert document["fields"] == {"state": {"different": 1}, "disconnectType": {"equal": 1}}
    assert document["differences"][0]["explanation"]["rows"] == ["ended", "begins"]
    (row,) = csv.DictReader(report.as_csv().splitlines())
    assert (row["session"], row["field"], row["ours"], row["theirs"]) == ("s1", "state", "disconnected", "connected")
    assert (row["cause"], row["setBy"], row["row"]) == ("order of arrival", "disconnected e3", "ended+begins")


@pytest.mark.parametrize("wrong", [{"tolerance": 1}, {"remember": 0}, {"inbox": LIFECYCLE}])
def test_wrong_arguments_of_a_shadow_are_an_error(wrong: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        Shadow(**{"inbox": Inbox(LIFECYCLE), **wrong})


# --- The command --------------------------------------------------------------------------------------------------------------


def run(folder: Path, records: Iterable[object], *options: str) -> Result:
    events, theirs = folder / "events.jsonl", folder / "records.jsonl"
    events.write_text("".join(f"{encode_event(event)}\n" for event in LATE), encoding="utf-8")
    lines = (one if isinstance(one, str) else json.dumps(one) for one in records)
    theirs.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return command("shadow", events, theirs, "--acw", "timeout", "--acw-timeout", "30", *options)


def test_the_command_compares_recorded_events_with_records(tmp_path: Path) -> None:
    found = run(tmp_path, [{"id": "s1", "state": "connected"}], "--csv", str(tmp_path / "found.csv"))

    assert found.code == 1
    assert "likely     order of arrival: theirs is what connected e2 states" in found.out
    (row,) = csv.DictReader((tmp_path / "found.csv").read_text(encoding="utf-8").splitlines())
    assert row["cause"] == "order of arrival"


def test_the_command_exits_with_0_if_all_is_equal_and_1_if_not_or_if_a_record_is_wrong(tmp_path: Path) -> None:
    equal = run(tmp_path, [{"id": "s1", "state": "disconnected"}])
    assert (equal.code, equal.err) == (0, "")
    assert run(tmp_path, [{"id": "s1", "disconnectedTime": "2026-03-01T09:05:03Z"}], "--tolerance", "0.1").code == 0

    unknown = run(tmp_path, [{"id": "s2", "state": "connected"}])
    assert (unknown.code, unknown.err) == (1, "")
    assert "problem (1): session s2: no event of it was read" in unknown.out
    assert "problem (1): session came here and was never compared: s1" in unknown.out
    missing = run(tmp_path, [])
    assert (missing.code, missing.out.count("never compared: s1")) == (1, 1)
    assert run(tmp_path, [{"id": "s1"}]).code == 0  # the program has it, and there is nothing to compare
    broken = run(tmp_path, ["{", {"state": "connected"}, {"id": "s1", "state": "disconnected"}])
    assert broken.code == 1
    assert [line.partition("records.jsonl:")[2][:2] for line in broken.err.splitlines()] == ["1:", "2:"]
    assert "$.id: expected the id of the session" in broken.err


@pytest.mark.parametrize("wrong", [{"connectedTime": "2026-03-01 09:00:03"}, {"segments": 5}, {"wrapup": {"code": 5}}], ids=str)
def test_the_command_compares_the_other_fields_of_a_record_with_one_that_cannot_be_read(
    tmp_path: Path, wrong: dict[str, object]
) -> None:
    found = run(tmp_path, [{"id": "s1", "state": "connected", **wrong}])

    assert found.code == 1
    assert re.search(rf"records\.jsonl:1: \w+: \$\.{next(iter(wrong))}", found.err)
    assert "s1  state: ours disconnected, theirs connected" in found.out
    assert "never compared" not in found.out


def test_the_command_names_a_record_without_a_readable_id_once(tmp_path: Path) -> None:
    found = run(tmp_path, [{"id": 5, "state": "connected"}, {"id": "s1"}])

    assert found.code == 1
    assert [line.partition("records.jsonl:")[2].split(": ")[:3] for line in found.err.splitlines()] == [
        ["1", "wrong_type", "$.id"]
    ]


def test_the_command_prints_json_lines(tmp_path: Path) -> None:
    found = run(tmp_path, [{"id": "s1", "state": "connected"}], "--json")

    (line,) = found.out.splitlines()
    assert json.loads(line)["cause"] == "order of arrival"
    assert found.err == ""
    assert run(tmp_path, [], "--json").err == "problem (1): session came here and was never compared: s1\n"
