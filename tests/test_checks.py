"""A constructor checks its arguments, so that whatever a log accepts can be saved and read back (KEEP-13)."""

import json
import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import Enum, StrEnum
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import examples

from cobrowse_session import (
    Address,
    AfterCallWork,
    AfterCallWorkEnded,
    AfterCallWorkRequired,
    AfterCallWorkStarted,
    Alerting,
    CobrowseSession,
    Communication,
    Connected,
    Contacting,
    Context,
    Details,
    Dialing,
    Disconnected,
    Event,
    Lifecycle,
    Offering,
    Scheduled,
    Segment,
    SessionLog,
    Settings,
    Terminated,
    UnknownEvent,
    Updated,
    Wrapup,
    WrapupSaved,
)
from cobrowse_session.canonical import canonical
from cobrowse_session.checks import check_type, copy_json, nearest, shown
from cobrowse_session.stream import fold
from cobrowse_session.testing import START, run, stream
from cobrowse_session.times import EPOCH, MAX_TIME, event_time, time_text, utc
from cobrowse_session.wire import decode_event, encode_event, encode_session, restore_log, save_log

ENVELOPE: dict[str, Any] = {"subject": "s1", "source": "/a", "id": "e1", "occurred_at": START}
OWN: dict[type[Event], dict[str, Any]] = {
    **{cls: {} for cls in (Scheduled, Offering, Contacting, Dialing, Alerting, Connected, Updated)},
    AfterCallWorkRequired: {"required": True},
    Disconnected: {},
    Terminated: {},
    AfterCallWorkStarted: {},
    WrapupSaved: {},
    AfterCallWorkEnded: {"by": "agent"},
    UnknownEvent: {"type": "com.example.new"},
}


class Word(str):
    __slots__ = ()


class Nano(datetime):
    """A datetime that counts finer than a millisecond, and compares by it."""

    nanosecond = 7

    def __eq__(self, other: object) -> bool:
        return False

    def __lt__(self, other: object) -> bool:
        return True

    __hash__ = datetime.__hash__


class Half(StrEnum):
    """Text that UTF-8 cannot encode, as an enum."""

    HALF = "\ud800"


class Colour(Enum):
    RED = "red"


NANO = Nano(2026, 3, 1, 9, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=2)))
HOSTILE = st.sampled_from(
    (
        *("", "x", "Zoë 😀", "\ud800", "a\ud83d", "\x00", "a\nb", "true", "9" * 5000, Word("word"), Half.HALF),
        *(0, 1, -1, 10**4299, 10**4300, 10**5000, True, False, None, 1.5, math.nan, math.inf, -0.0),
        *(b"bytes", bytearray(b"x"), object(), Colour.RED, int, len, {1, 2}, frozenset("a"), range(3)),
        *((), ("a",), ("a", 1), ("\ud800",), [], ["a"], [1], {}, {"a": 1}, {1: "a"}, {"\ud800": 1}, {"a": {"b": ("c",)}}),
        *({"viewerUrl": "x"}, {"id": "x"}, {"code": 1}, {"wrapupTimeoutMs": 0}, {"wrapupTimeoutMs": 5}, {"data": 1}),
        *({"datacontenttype": "text/plain"}, {"datacontenttype": 3}, {"data_base64": "e30="}, {"x": None}, {"x": math.nan}),
        *(START, NANO, NANO.replace(tzinfo=None), timedelta(seconds=1), Details(), Settings(), Context(), Address(name="n")),
    )
) | st.recursive(st.none() | st.floats() | st.text(max_size=3), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
DEEP = json.loads("[" * 62 + "]" * 62), json.loads("[" * 63 + "]" * 63), json.loads('{"a":' * 70 + "1" + "}" * 70)
FIELDS = (
    *("subject", "source", "id", "occurred_at", "received_at", "provider_time", "sequence", "derived_from"),
    *("context", "details", "settings", "extra", "extensions"),
    *("segment_type", "required", "disconnect_type", "code", "name", "notes", "tags", "provisional", "by", "state"),
    *("disable_end_time_updates", "type", "data"),
)


def readable(event: Event) -> None:
    """What can be constructed can be written, read, saved in a log and restored."""
    again = decode_event(encode_event(event), max_future=timedelta.max)
    log = SessionLog(Lifecycle(), event.subject)
    log.add(event)
    restored = restore_log(json.loads(json.dumps(save_log(log))))

    assert (again, canonical(again)) == (event, canonical(event))
    assert encode_event(again).encode() == encode_event(event).encode()
    assert (restored.session, restored.trace, restored.repeats) == (log.session, log.trace, log.repeats)


@examples(1500)
@given(st.sampled_from(tuple(OWN)), st.dictionaries(st.sampled_from(FIELDS), HOSTILE | st.sampled_from(DEEP), max_size=3))
def test_whatever_is_accepted_can_be_saved_and_read_back(cls: type[Event], hostile: dict[str, Any]) -> None:  # KEEP-13
    known = {name: value for name, value in hostile.items() if name in {a.alias for a in attrs.fields(cls)}}
    try:
        event = cls(**{**ENVELOPE, **OWN[cls], **known})
    except (TypeError, ValueError) as error:
        assert any(name in str(error) for name in known), f"{error} names no field of {[*known]}"  # noqa: PT017 (or it is readable)
        return
    readable(event)


@examples(600)
@given(st.data())
def test_details_settings_context_and_addresses_are_as_strict(data: st.DataObject) -> None:  # KEEP-13
    cls = data.draw(st.sampled_from((Details, Settings, Context, Address)))
    names = [a.alias or a.name for a in attrs.fields(cls)]
    said = data.draw(st.dictionaries(st.sampled_from(names), HOSTILE, max_size=2))
    try:
        value = cls(**said)
    except (TypeError, ValueError) as error:
        assert any(name.rstrip("_") in str(error) for name in said), f"{error} names no field of {[*said]}"  # noqa: PT017 (or it is readable)
        return
    part = {Details: "details", Settings: "settings", Context: "context"}.get(cls)
    readable(Updated(**ENVELOPE, **({part: value} if part else {"details": Details(self_=value)})))


@pytest.mark.parametrize("value", [True, 1, 1.0, "x", None, [1, "a", None], {"a": [{"b": 0.5}]}])
def test_json_values_pass(value: Any) -> None:
    copy_json("extra", value, 5)


@pytest.mark.parametrize(
    ("value", "error", "says"),
    [
        ({"a": {"b": (1,)}}, TypeError, "extra.a.b: expected JSON"),
        ({"a": [1, {2: 3}]}, TypeError, "extra.a.1: a key: expected text, found 2"),
        ({"a": math.nan}, ValueError, "extra.a: expected a number that JSON has"),
        ({"a": 10**4300}, ValueError, "extra.a: expected an integer of at most 4300 digits"),
        ({"a": [[[[1]]]]}, ValueError, "extra.a.0.0.0: expected at most 64 nested"),
        ({"a": "\ud800"}, ValueError, "extra.a: expected text without lone surrogates"),
        ({"k" * 500: math.inf}, ValueError, "…: expected a number"),
    ],
)
def test_an_error_names_the_path(value: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says.replace(".", r"\.")):
        copy_json("extra", value, 4)


def test_a_long_value_is_cut_in_an_error() -> None:
    assert len(shown("x" * 10**6)) == len(shown(list(range(10**6)))) == 80


# --- Times --------------------------------------------------------------------------------------------------------------------


def test_a_datetime_of_a_subclass_is_cut_and_converted_on_the_way_in() -> None:  # TIME-9
    cut = utc(NANO)
    event = Alerting(**{**ENVELOPE, "occurred_at": NANO, "received_at": NANO, "provider_time": NANO})

    assert type(cut) is type(event.occurred_at) is type(event.received_at) is type(event.provider_time) is datetime
    assert cut.isoformat() == "2026-03-01T07:00:00.123000+00:00"
    assert type(event_time(NANO)) is datetime


@pytest.mark.parametrize("call", ["advance", "seal", "as_of"])
def test_a_datetime_of_a_subclass_leaves_no_trace_in_a_log(call: str) -> None:
    log = SessionLog(Lifecycle(settings=Settings(wrapup_prompt="timeout", wrapup_timeout=timedelta(seconds=1))), "s1")
    log.add(Connected(**ENVELOPE))
    log.add(Disconnected(**{**ENVELOPE, "id": "e2", "occurred_at": Nano(2026, 3, 1, 10, 0, 0, 5999, tzinfo=START.tzinfo)}))
    getattr(log, call)(Nano(2026, 3, 1, 11, tzinfo=START.tzinfo))

    assert restore_log(json.loads(json.dumps(save_log(log)))).session == log.session
    assert type(log.session.disconnected_time) is datetime


@pytest.mark.parametrize(
    "call",
    [
        lambda events, now: fold(events, now).session,
        lambda events, now: run(events, until=now).session,
        lambda events, now: _stepped(events, now),  # noqa: PLW0108 (defined below)
        lambda events, now: _restored(events, now).session,
        lambda _, now: fold(stream("s1", start=now).connected().events).session,
    ],
    ids=["fold", "run", "step", "restore", "stream"],
)
def test_a_time_that_is_an_argument_is_cut_and_converted(call: Callable[[Sequence[Event], datetime], Communication]) -> None:
    """The result is that of the same instant, as a plain datetime cut to the millisecond. TIME-9."""
    timed = stream("s1").connected(wrapup_prompt="timeout", wrapup_timeout=30).after(10).disconnected("peer").events
    plain = datetime(2026, 3, 1, 9, 0, 40, 123_000, tzinfo=UTC)

    found = call(timed, Nano(2026, 3, 1, 11, 0, 40, 123_456, tzinfo=timezone(timedelta(hours=2))))

    assert encode_session(found) == encode_session(call(timed, plain))
    assert {type(value) for value in attrs.asdict(found).values() if isinstance(value, datetime)} == {datetime}


def _stepped(events: Sequence[Event], now: datetime) -> Communication:
    lifecycle = Lifecycle()
    session = lifecycle.new("s1")
    for event in events:
        lifecycle.apply(session, event)
    assert lifecycle.allowed(session, now)
    lifecycle.advance(session, now)
    return session


def _restored(events: Sequence[Event], now: datetime) -> SessionLog:
    log = SessionLog(Lifecycle(), "s1")
    log.restore(events, advanced=now)
    assert type(log.advanced) is datetime
    return log


class Span(timedelta):
    """A timedelta of a library that counts nanoseconds."""


def test_a_timedelta_of_a_subclass_is_converted() -> None:
    settings = Settings(wrapup_timeout=Span(seconds=1.2345678), alerting_timeout=Span(seconds=2))

    assert type(settings.wrapup_timeout) is timedelta
    assert settings == Settings(wrapup_timeout=timedelta(milliseconds=1234), alerting_timeout=timedelta(seconds=2))


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"id": ""}, "Alerting: id: expected text that is not empty"),
        ({"sequence": ""}, "Alerting: sequence: expected text that is not empty"),
        ({"occurred_at": START.replace(tzinfo=None)}, "occurred_at: expected an aware datetime"),
        ({"received_at": "now"}, "received_at: expected an aware datetime"),
        ({"provider_time": START.replace(year=1969)}, "provider_time: expected a time from 1970"),
        ({"extensions": {"datacontenttype": "text/xml"}, "segment_type": "IVR"}, "expected a JSON datacontenttype"),
        ({"extensions": 5}, "extensions: expected a mapping"),
        ({"extra": {"viewerUrl": "x"}}, "extra: expected unknown keys only, found viewerUrl"),
        ({"extra": {"segmentType": "x"}}, "extra: expected unknown keys only, found segmentType"),
    ],
)
def test_an_error_names_the_field(said: dict[str, Any], says: str) -> None:  # ORDER-6
    with pytest.raises((TypeError, ValueError), match=says):
        Alerting(**{**ENVELOPE, **said})


@pytest.mark.parametrize("cls", [*OWN, Details, Settings, Context, Address])
def test_a_field_of_another_type_is_a_type_error_that_names_it(cls: type) -> None:  # KEEP-13
    given = {**ENVELOPE, **OWN[cls]} if cls in OWN else {}
    for name in (field.alias or field.name for field in attrs.fields(cls) if field.init):
        if (cls, name) != (UnknownEvent, "extra"):  # it has none, whatever its type
            with pytest.raises(TypeError, match=name.rstrip("_")):
                cls(**{**given, name: object()})


def test_an_address_has_no_known_key_among_the_unknown_ones() -> None:
    with pytest.raises(ValueError, match="Address: extra: expected unknown keys only, found name, nameRaw"):
        Address(extra={"nameRaw": "x", "name": "y", "other": "z"})


@pytest.mark.parametrize(
    "said", [{"extra": {"a": 1}}, {"details": Details(peer_id="p")}, {"settings": Settings(wrapup_prompt="optional")}]
)
def test_an_unknown_event_has_its_envelope_and_data_only_and_the_error_names_the_field(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"UnknownEvent: {next(iter(said))}: expected nothing"):
        UnknownEvent(**ENVELOPE, type="com.example.new", **said)


def test_an_unknown_event_is_of_an_unknown_type() -> None:
    with pytest.raises(ValueError, match="use the class of that event"):
        UnknownEvent(**ENVELOPE, type="cobrowse.session.alerting")


def test_endless_types_of_text_do_not_fill_the_memory() -> None:
    for number in range(1100):
        kind = type(f"Text{number}", (str,), {})
        assert Context(queue_id=kind("q")).queue_id == "q"


class NoSummer(tzinfo):
    """A zone that does not say whether it is summer, which nobody needs to bring a time to UTC."""

    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(hours=1)


def test_a_zone_needs_to_know_its_offset_only() -> None:
    zone = NoSummer()  # type: ignore[abstract]  # the point
    event = Alerting(**{**ENVELOPE, "occurred_at": datetime(2026, 3, 1, 10, tzinfo=zone)})

    assert event.occurred_at == datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize("name", ["id", "source", "subject", "sequence"])
def test_text_of_an_enum_is_checked_like_any_other(name: str) -> None:
    with pytest.raises(ValueError, match=f"Alerting: {name}: expected text without lone surrogates"):
        Alerting(**{**ENVELOPE, name: Half.HALF})


# --- A value owns its JSON ----------------------------------------------------------------------------------------------------

json_parts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
unknown_keys = st.dictionaries(st.text(max_size=5).map("x-".__add__), json_parts, min_size=1, max_size=3)


def change(part: Any) -> None:
    """Change every dict and list of some JSON in place."""
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        change(inner)
    if isinstance(part, dict):
        part.clear()
    elif isinstance(part, list):
        part.append("changed")


@pytest.mark.parametrize("cls", [Address, Segment, Wrapup, AfterCallWork, Communication, CobrowseSession])
@given(unknown_keys)
def test_a_value_keeps_its_unknown_keys_whatever_the_caller_does_with_his(cls: type[Any], extra: dict[str, Any]) -> None:
    before = deepcopy(extra)
    value = cls(extra=extra)
    again = attrs.evolve(value)
    change(extra)

    assert (value.extra, again.extra) == (before, before)


@pytest.mark.parametrize("cls", [cls for cls in OWN if cls is not UnknownEvent])
@given(unknown_keys, unknown_keys)
def test_an_event_never_changes_with_the_json_that_it_was_made_of(  # WORD-5
    cls: type[Event], extra: dict[str, Any], extensions: dict[str, Any]
) -> None:
    event = cls(**ENVELOPE, **OWN[cls], extra=extra, extensions=extensions)
    before = encode_event(event)
    change(extra)
    change(extensions)

    assert encode_event(event) == before


@given(json_parts, unknown_keys)
def test_an_unknown_event_never_changes_with_its_data(data: Any, extensions: dict[str, Any]) -> None:  # WORD-5
    event = UnknownEvent(**ENVELOPE, **OWN[UnknownEvent], data=data, extensions=extensions)
    before = encode_event(event)
    change(data)
    change(extensions)

    assert encode_event(event) == before


@pytest.mark.parametrize("cls", [Segment, Wrapup, AfterCallWork, Communication, CobrowseSession])
@pytest.mark.parametrize("extra", [[], {"x": math.nan}, {"x": object()}, {"x": "\ud800"}, {"x": DEEP[2]}])
def test_unknown_keys_of_a_part_are_as_strict(cls: type[Any], extra: Any) -> None:  # KEEP-13
    with pytest.raises((TypeError, ValueError), match=f"{cls.__name__}: extra"):
        cls(extra=extra)


@given(
    st.timedeltas(timedelta(days=1), MAX_TIME - EPOCH - timedelta(days=1)), st.sampled_from([UTC, timezone(timedelta(hours=-5))])
)
def test_a_time_is_written_as_isoformat_writes_it(since: timedelta, zone: timezone) -> None:
    moment = (EPOCH + since).astimezone(zone)

    assert time_text(moment) == utc(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("word", "question"), [("conected", " Did you mean connected?"), ("alert", " Did you mean alerting?"), ("parked", "")]
)
def test_the_nearest_known_word_is_asked_for_if_one_is_near(word: str, question: str) -> None:
    assert nearest(word, ("alerting", "connected")) == question


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("value", [10**5000, Unshowable()], ids=["integer", "repr that raises"])
def test_a_value_that_cannot_be_shown_is_named_by_its_type(value: object) -> None:
    assert shown(value) == f"a value of type {type(value).__name__} that cannot be shown"


@pytest.mark.parametrize(("wanted", "name"), [(Lifecycle, "a Lifecycle"), (Event, "an Event"), (UnknownEvent, "an UnknownEvent")])
def test_the_name_of_an_expected_class_has_its_article(wanted: type, name: str) -> None:
    with pytest.raises(TypeError, match=f"^here: expected {name}, found 'x'$"):
        check_type("here", "x", wanted)
