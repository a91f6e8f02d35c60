"""The vendor's 19 properties, absent when unset, and whatever else came, given back as it came (docs/lifecycle.md, section 9)."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import json_values

from cobrowse_session import (
    Address,
    AfterCallWork,
    AfterCallWorkState,
    CobrowseRole,
    CobrowseSession,
    Communication,
    ConnectionState,
    DecodeError,
    DisconnectType,
    Lifecycle,
    Segment,
    Settings,
    Wrapup,
    WrapupPrompt,
)
from cobrowse_session.stream import fold
from cobrowse_session.testing import stream
from cobrowse_session.wire import decode_session, encode_session

NINE = datetime(2026, 3, 1, 9, tzinfo=UTC)
PROPERTIES = {
    *("state", "initialState", "id", "disconnectType", "self", "cobrowseSessionId", "cobrowseRole", "controlling", "viewerUrl"),
    *("providerEventTime", "startAlertingTime", "connectedTime", "disconnectedTime", "provider", "peerId", "segments"),
    *("wrapup", "afterCallWork", "afterCallWorkRequired"),
}
COMMUNICATION = PROPERTIES - {"cobrowseSessionId", "cobrowseRole", "controlling", "viewerUrl"}
FULL: dict[str, Any] = {
    "state": "disconnected",
    "initialState": "alerting",
    "id": "s1",
    "disconnectType": "transfer.noanswer",
    "self": {
        "name": "Zoë",
        "nameRaw": "zoë",
        "addressNormalized": "sip:zoe@example.com",
        "addressRaw": "zoe",
        "addressDisplayable": "Zoë 😀",
    },
    "cobrowseSessionId": "cb1",
    "cobrowseRole": "viewer",
    "controlling": ["p1", "p2"],
    "viewerUrl": "https://viewer.example.com/1",
    "providerEventTime": "2026-03-01T09:12:03.000Z",
    "startAlertingTime": "2026-03-01T09:00:00.031Z",
    "connectedTime": "2026-03-01T09:00:03.009Z",
    "disconnectedTime": "2026-03-01T09:12:03.000Z",
    "provider": "acme",
    "peerId": "peer1",
    "segments": [
        {"startTime": "2026-03-01T09:00:00.000Z", "endTime": "2026-03-01T09:00:03.000Z", "type": "Alert", "howEnded": "Interact"},
        {
            "startTime": "2026-03-01T09:00:03.000Z",
            "endTime": "2026-03-01T09:12:03.000Z",
            "type": "Interact",
            "howEnded": "Disconnect",
            "disconnectType": "transfer.noanswer",
        },
    ],
    "wrapup": {
        "code": "sale",
        "name": "Sale",
        "notes": "",
        "tags": ["a", "b"],
        "durationSeconds": 14,
        "endTime": "2026-03-01T09:12:17.220Z",
        "provisional": True,
    },
    "afterCallWork": {"startTime": "2026-03-01T09:12:03.000Z", "endTime": "2026-03-01T09:12:17.220Z", "state": "complete"},
    "afterCallWorkRequired": False,
}


def moment(minute: int, second: int, millisecond: int = 0) -> datetime:
    return NINE.replace(minute=minute, second=second, microsecond=millisecond * 1000)


SESSION = CobrowseSession(
    state=ConnectionState.DISCONNECTED,
    initial_state=ConnectionState.ALERTING,
    id="s1",
    disconnect_type=DisconnectType.TRANSFER_NOANSWER,
    self_=Address(
        name="Zoë", name_raw="zoë", address_normalized="sip:zoe@example.com", address_raw="zoe", address_displayable="Zoë 😀"
    ),
    cobrowse_session_id="cb1",
    cobrowse_role=CobrowseRole.VIEWER,
    controlling=("p1", "p2"),
    viewer_url="https://viewer.example.com/1",
    provider_event_time=moment(12, 3),
    start_alerting_time=moment(0, 0, 31),
    connected_time=moment(0, 3, 9),
    disconnected_time=moment(12, 3),
    provider="acme",
    peer_id="peer1",
    segments=(
        Segment(start_time=moment(0, 0), end_time=moment(0, 3), type="Alert", how_ended="Interact"),
        Segment(
            start_time=moment(0, 3),
            end_time=moment(12, 3),
            type="Interact",
            how_ended="Disconnect",
            disconnect_type=DisconnectType.TRANSFER_NOANSWER,
        ),
    ),
    wrapup=Wrapup(
        code="sale",
        name="Sale",
        notes="",
        tags=("a", "b"),
        duration_seconds=14,
        end_time=moment(12, 17, 220),
        provisional=True,
    ),
    after_call_work=AfterCallWork(start_time=moment(12, 3), end_time=moment(12, 17, 220), state=AfterCallWorkState.COMPLETE),
    after_call_work_required=False,
)


def read(**document: Any) -> CobrowseSession:
    return decode_session(json.dumps(document))


def written(session: Communication) -> Any:
    return json.loads(encode_session(session))


def again(**document: Any) -> Any:
    """The document, read and written."""
    return written(read(**document))


# --- The 19 properties --------------------------------------------------------------------------------------------------------


def test_a_session_has_the_vendors_19_properties() -> None:  # JSON-1
    assert len(PROPERTIES) == 19
    assert set(FULL) == PROPERTIES


def test_every_property_is_written_under_its_name() -> None:  # JSON-1
    assert written(SESSION) == FULL


def test_every_property_is_read_from_its_name() -> None:
    assert read(**FULL) == SESSION
    assert read(**FULL).extra == {}


def test_every_leg_is_written_this_way_calls_too() -> None:  # WORD-3, JSON-11
    call = Communication(id="s1", state=ConnectionState.CONNECTED, provider="edge", after_call_work_required=True)
    assert written(call) == {"state": "connected", "id": "s1", "provider": "edge", "afterCallWorkRequired": True}
    full = Communication(**{field.alias or field.name: getattr(SESSION, field.name) for field in attrs.fields(Communication)})
    assert written(full) == {name: FULL[name] for name in COMMUNICATION}


@pytest.mark.parametrize("name", sorted(PROPERTIES - {"state"}))
def test_each_property_stands_alone(name: str) -> None:
    assert again(**{name: FULL[name]}) == {"state": "none", name: FULL[name]}


# --- What is unset ------------------------------------------------------------------------------------------------------------


def test_state_is_always_there_and_nothing_else() -> None:  # JSON-2, JSON-4
    assert written(CobrowseSession()) == {"state": "none"}
    assert written(CobrowseSession(id="s1")) == {"state": "none", "id": "s1"}
    assert written(Lifecycle().new("s1")) == {"state": "none", "id": "s1"}
    assert read() == CobrowseSession()


@pytest.mark.parametrize("name", ["controlling", "segments"])
def test_lists_are_absent_when_never_set_and_kept_when_empty(name: str) -> None:  # JSON-3
    assert name not in again()
    assert again(**{name: []}) == {"state": "none", name: []}
    assert getattr(read(), name) is None
    assert getattr(read(**{name: []}), name) == ()


def test_an_ended_grant_is_written_as_an_empty_list() -> None:  # JSON-3
    ended = stream("s1").connected(controlling=["p1"]).after(1).disconnected()
    assert written(fold(ended).session)["controlling"] == []
    assert "controlling" not in written(fold(stream("s1").connected().after(1).disconnected()).session)
    assert "segments" not in written(fold(stream("s1").disconnected()).session)


@pytest.mark.parametrize(("said", "kept"), [(True, {"provisional": True}), (False, {}), (None, {})])
def test_provisional_is_written_only_when_true(*, said: bool | None, kept: dict[str, bool]) -> None:  # JSON-5
    assert again(wrapup={"code": "sale", "provisional": said})["wrapup"] == {"code": "sale", **kept}


def test_after_call_work_that_is_not_required_differs_from_unset() -> None:
    assert again(afterCallWorkRequired=False)["afterCallWorkRequired"] is False
    assert read(afterCallWorkRequired=False) != read()


@pytest.mark.parametrize("name", sorted(PROPERTIES))
def test_null_is_absent(name: str) -> None:  # KEEP-5, JSON-2
    assert again(**{name: None}) == {"state": "none"}


@pytest.mark.parametrize("name", ["self", "wrapup", "afterCallWork"])
def test_null_is_absent_within_a_part_too(name: str) -> None:  # KEEP-5
    nulls = dict.fromkeys(FULL[name])
    assert again(**{name: {**nulls, "odd": 1}})[name] == {"odd": 1}


def test_null_is_absent_within_a_segment_too() -> None:
    assert again(segments=[dict.fromkeys(FULL["segments"][1])])["segments"] == [{}]


def test_empty_after_call_work_is_absent() -> None:  # KEEP-7
    assert read(afterCallWork={}).after_call_work is None
    assert again(afterCallWork={}) == {"state": "none"}


@pytest.mark.parametrize("session", [read(afterCallWork={"state": None}), CobrowseSession(after_call_work=AfterCallWork())])
def test_after_call_work_that_says_nothing_comes_back_equal(session: CobrowseSession) -> None:
    assert decode_session(encode_session(session)) == session


# --- What nobody knows --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unheard",
    [
        {"roomId": "r1"},
        {"roomId": None},
        {"id_": 1, "extra": {"extra": []}, "settings": {"wrapupPrompt": "timeout"}, "initial_state": "x", "self_": "me"},
        {"self": {"name": "Zoë", "pronouns": ["she", None]}},
        {"segments": [{"type": "Hold", "start_time": "x", "extra": 1}, {"queue": {"id": None}}]},
        {"wrapup": {"code": "sale", "codes": [{"id": 1.5}]}},
        {"afterCallWork": {"state": "pending", "reason": ""}},
        {"big": 10**300, "float": 1e-7, "text": "\u2028\x00é😀", "nested": {"a": [{"b": [[]]}]}, "": ""},
    ],
)
def test_unknown_keys_are_given_back_as_they_came(unheard: dict[str, Any]) -> None:  # JSON-7
    assert again(**unheard) == {"state": "none", **unheard}


@pytest.mark.parametrize(
    "unheard",
    [
        {"state": "parked"},
        {"state": ""},
        {"state": "none", "initialState": "Uploading"},
        {"state": "none", "disconnectType": "METEOR_strike"},
        {"state": "none", "cobrowseRole": "Spectator"},
        {"state": "none", "afterCallWork": {"state": "Snoozed"}},
        {"state": "none", "segments": [{"disconnectType": "meteor", "type": "Tea", "howEnded": "Biscuit"}]},
    ],
)
def test_unknown_values_are_given_back_as_they_came(unheard: dict[str, Any]) -> None:  # JSON-7
    assert again(**unheard) == unheard


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        ({"state": "CONNECTED"}, {"state": "connected"}),
        ({"state": "none", "initialState": "Alerting"}, {"state": "none", "initialState": "alerting"}),
        ({"state": "none", "disconnectType": "NO_ANSWER_TRANSFER"}, {"state": "none", "disconnectType": "transfer.noanswer"}),
        ({"state": "none", "cobrowseRole": "SHARER"}, {"state": "none", "cobrowseRole": "sharer"}),
        (
            {"state": "none", "afterCallWork": {"state": "NOT_APPLICABLE"}},
            {"state": "none", "afterCallWork": {"state": "notApplicable"}},
        ),
        (
            {"state": "none", "segments": [{"disconnectType": "PEER"}]},
            {"state": "none", "segments": [{"disconnectType": "peer"}]},
        ),
    ],
)
def test_known_values_are_written_in_the_models_spelling(came: dict[str, Any], goes: dict[str, Any]) -> None:  # KEEP-3
    assert again(**came) == goes


def test_the_lifecycle_keeps_what_nobody_knows() -> None:
    session = read(id="s1", roomId="r1", segments=[{"type": "Alert", "startTime": "2026-03-01T08:00:00Z", "odd": 1}])
    Lifecycle().apply(session, *stream("s1").connected())
    after = written(session)
    assert (after["roomId"], after["segments"][0]["odd"]) == ("r1", 1)


# --- Time ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        ("2026-03-01T09:00:00Z", "2026-03-01T09:00:00.000Z"),
        ("2026-03-01T09:00:00.1Z", "2026-03-01T09:00:00.100Z"),
        ("2026-03-01T09:00:00.123999999Z", "2026-03-01T09:00:00.123Z"),
        ("2026-03-01T09:00:00+00:00", "2026-03-01T09:00:00.000Z"),
        ("2026-03-01T09:00:00-05:30", "2026-03-01T14:30:00.000Z"),
        ("2026-03-01T00:30:00.5+01:00", "2026-02-28T23:30:00.500Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
        ("9999-01-01T23:59:59.999Z", "9999-01-01T23:59:59.999Z"),
    ],
)
def test_times_are_written_in_utc_with_milliseconds(came: str, goes: str) -> None:  # JSON-6
    document = again(connectedTime=came, segments=[{"startTime": came, "endTime": came}], wrapup={"endTime": came})
    assert (document["connectedTime"], document["wrapup"]["endTime"]) == (goes, goes)
    assert document["segments"] == [{"startTime": goes, "endTime": goes}]


def test_a_session_that_reaches_the_year_9999_by_its_deadline_survives() -> None:
    eve = datetime(9998, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
    begun = stream("s1", start=eve)
    ended = begun.connected(wrapup_prompt="timeout", wrapup_timeout="1d").disconnected("peer")
    session = fold(ended, eve + timedelta(days=2)).session
    document = written(session)
    assert document["afterCallWork"] == {
        "startTime": "9998-12-31T23:59:59.999Z",
        "endTime": "9999-01-01T23:59:59.999Z",
        "state": "complete",
    }
    assert document["wrapup"] == {
        "code": "ININ-WRAP-UP-TIMEOUT",
        "durationSeconds": 86_400,
        "endTime": "9999-01-01T23:59:59.999Z",
    }
    assert decode_session(encode_session(session)) == session
    lifecycle = Lifecycle(alerting_grace=timedelta(days=1))
    alerted = fold(begun.alerting(alerting_timeout="1d"), eve + timedelta(days=3), lifecycle=lifecycle).session
    assert written(alerted)["disconnectedTime"] == "9999-01-02T23:59:59.999Z"
    assert decode_session(encode_session(alerted)) == alerted


# --- There and back -----------------------------------------------------------------------------------------------------------


def test_written_again_it_is_the_same_to_the_byte() -> None:  # JSON-8
    text = encode_session(SESSION)
    assert encode_session(decode_session(text)) == text
    assert decode_session(text.encode()) == SESSION
    assert "\n" not in text
    assert ", " not in text
    assert "Zoë 😀" in text


def test_settings_are_no_part_of_the_view() -> None:  # JSON-9
    ruled = evolve(SESSION, settings=Settings(wrapup_prompt=WrapupPrompt.OPTIONAL))
    assert ruled == SESSION
    assert encode_session(ruled) == encode_session(SESSION)


# --- What cannot be read ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "error", "path", "found"),
    [
        ({"id": 1}, "wrong_type", "$.id", "1"),
        ({"state": 1}, "wrong_type", "$.state", "1"),
        ({"state": ["connected"]}, "wrong_type", "$.state", '["connected"]'),
        ({"disconnectType": False}, "wrong_type", "$.disconnectType", "false"),
        ({"self": "Zoë"}, "wrong_type", "$.self", '"Zo\\u00eb"'),
        ({"self": []}, "wrong_type", "$.self", "[]"),
        ({"self": {"addressRaw": 5}}, "wrong_type", "$.self.addressRaw", "5"),
        ({"cobrowseRole": {}}, "wrong_type", "$.cobrowseRole", "{}"),
        ({"controlling": "p1"}, "wrong_type", "$.controlling", '"p1"'),
        ({"controlling": {"p1": 1}}, "wrong_type", "$.controlling", '{"p1": 1}'),
        ({"controlling": ["p1", 2]}, "wrong_type", "$.controlling[1]", "2"),
        ({"providerEventTime": 1772355600000}, "wrong_type", "$.providerEventTime", "1772355600000"),
        ({"connectedTime": ""}, "bad_time", "$.connectedTime", '""'),
        ({"connectedTime": "2026-03-01T09:00:00"}, "bad_time", "$.connectedTime", '"2026-03-01T09:00:00"'),
        ({"connectedTime": "1969-12-31T23:59:59Z"}, "bad_time", "$.connectedTime", '"1969-12-31T23:59:59Z"'),
        ({"segments": {}}, "wrong_type", "$.segments", "{}"),
        ({"segments": [{}, []]}, "wrong_type", "$.segments[1]", "[]"),
        ({"segments": [{}, {"startTime": "noon"}]}, "bad_time", "$.segments[1].startTime", '"noon"'),
        ({"segments": [{"howEnded": True}]}, "wrong_type", "$.segments[0].howEnded", "true"),
        ({"wrapup": "sale"}, "wrong_type", "$.wrapup", '"sale"'),
        ({"wrapup": {"code": 7}}, "wrong_type", "$.wrapup.code", "7"),
        ({"wrapup": {"tags": ["a", None]}}, "wrong_type", "$.wrapup.tags[1]", "null"),
        ({"wrapup": {"durationSeconds": "14"}}, "wrong_type", "$.wrapup.durationSeconds", '"14"'),
        ({"wrapup": {"durationSeconds": 14.5}}, "wrong_type", "$.wrapup.durationSeconds", "14.5"),
        ({"wrapup": {"durationSeconds": True}}, "wrong_type", "$.wrapup.durationSeconds", "true"),
        ({"wrapup": {"provisional": 1}}, "wrong_type", "$.wrapup.provisional", "1"),
        ({"wrapup": {"provisional": "true"}}, "wrong_type", "$.wrapup.provisional", '"true"'),
        ({"afterCallWork": []}, "wrong_type", "$.afterCallWork", "[]"),
        ({"afterCallWork": {"state": 3}}, "wrong_type", "$.afterCallWork.state", "3"),
        ({"afterCallWork": {"startTime": 3}}, "wrong_type", "$.afterCallWork.startTime", "3"),
        ({"afterCallWorkRequired": "false"}, "wrong_type", "$.afterCallWorkRequired", '"false"'),
        ({"afterCallWorkRequired": 0}, "wrong_type", "$.afterCallWorkRequired", "0"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_what_is_wrong_is_named_with_its_path(document: dict[str, Any], error: str, path: str, found: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read(**document)
    (problem,) = caught.value.problems
    assert (problem.error, problem.path, problem.found) == (error, path, found)
    assert problem.expected


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        ("", "not_json"),
        ('{"id":', "not_json"),
        ("[]", "not_an_object"),
        ("null", "not_an_object"),
        ('{"id":"a","id":"b"}', "duplicate_key"),
        ('{"wrapup":{"durationSeconds":NaN}}', "not_a_number"),
        ('{"odd":1e999}', "not_a_number"),
        ('{"provider":"\\ud800"}', "lone_surrogate"),
        ("\ufeff{}", "byte_order_mark"),
        (b"\xff{}", "not_json"),
        ('{"odd":' + "[" * 64 + "]" * 64 + "}", "nested_too_deep"),
        (" " * (1 << 20) + "{}", "line_too_long"),
    ],
    ids=lambda value: str(value[:20]),
)
def test_what_is_no_json_of_ours_is_refused(raw: str | bytes, error: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_session(raw)
    assert [problem.error for problem in caught.value.problems] == [error]


def test_everything_that_is_wrong_is_listed() -> None:
    with pytest.raises(DecodeError) as caught:
        read(id=1, self={"name": 2, "nameRaw": 3}, segments=[{"type": 4}, {"endTime": "x"}], afterCallWork={"state": 5})
    assert {problem.path for problem in caught.value.problems} == {
        *("$.id", "$.self.name", "$.self.nameRaw", "$.segments[0].type", "$.segments[1].endTime", "$.afterCallWork.state"),
    }


@given(st.dictionaries(st.sampled_from((*sorted(PROPERTIES), "odd")), json_values))
def test_whatever_stands_there_it_is_a_session_or_a_decode_error(document: dict[str, Any]) -> None:
    with suppress(DecodeError):
        assert set(again(**document)) <= {*document, "state"}
