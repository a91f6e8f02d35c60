"""Events on the wire: in and out, what is kept, what is an error and where (docs/lifecycle.md, section 2)."""

import base64
import io
import json
import pickle
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import events, json_values

from cobrowse_session import (
    Address,
    AfterCallWorkEnded,
    AfterCallWorkEndedBy,
    AfterCallWorkRequired,
    AfterCallWorkStarted,
    AfterCallWorkState,
    Alerting,
    Applied,
    CobrowseRole,
    Connected,
    ConnectionState,
    Contacting,
    Context,
    DecodeError,
    Details,
    Dialing,
    Disconnected,
    DisconnectType,
    Duplicate,
    Event,
    Ignored,
    Lifecycle,
    Offering,
    Outcome,
    Problem,
    Scheduled,
    Settings,
    Terminated,
    UnknownEvent,
    Updated,
    WrapupPrompt,
    WrapupSaved,
)
from cobrowse_session.canonical import notes
from cobrowse_session.events import TYPE_PREFIX
from cobrowse_session.io.replay import read_events
from cobrowse_session.tables import Table
from cobrowse_session.testing import stream
from cobrowse_session.wire import decode_event, encode_event

NINE = datetime(2026, 3, 1, 9, tzinfo=UTC)
MEBIBYTE = 1 << 20
ENVELOPE = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/providers/acme",
    "type": "cobrowse.session.updated",
    "subject": "s1",
    "time": "2026-03-01T09:00:00.000Z",
}
OURS: dict[str, Any] = {"id": "e1", "source": "/providers/acme", "subject": "s1", "occurred_at": NINE}
EXAMPLE = (
    '{"specversion":"1.0","id":"e1","source":"/providers/acme","type":"cobrowse.session.alerting","subject":"s1",'
    '"time":"2026-03-01T09:00:00.000Z","receivedtime":"2026-03-01T09:00:00.031Z",'
    '"data":{"cobrowseRole":"viewer","wrapupPrompt":"timeout","wrapupTimeoutMs":30000}}'
)


def line(**changed: Any) -> str:
    """An event as JSON; `...` leaves a key out."""
    return json.dumps({key: value for key, value in {**ENVELOPE, **changed}.items() if value is not ...})


def said(kind: str, **data: Any) -> str:
    return line(type=f"cobrowse.session.{kind}", data=data)


def problems(raw: str | bytes, **bounds: Any) -> tuple[Problem, ...]:
    with pytest.raises(DecodeError) as caught:
        decode_event(raw, **bounds)
    return caught.value.problems


def decided(raw: str, beginning: str = "none") -> Outcome:
    """What becomes of an event on a leg that has just begun."""
    lifecycle, session = Lifecycle(), Lifecycle().new("s1")
    if beginning != "none":
        lifecycle.apply(session, *getattr(stream("s1", source="/providers/acme"), beginning)())
    return lifecycle.apply(session, decode_event(raw))


# --- In and out ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [EXAMPLE, EXAMPLE.encode(), f" {EXAMPLE}\r\n"], ids=["text", "bytes", "with space around"])
def test_the_example_reads_as_it_says(raw: str | bytes) -> None:  # EVENT-1, EVENT-2, EVENT-3, EVENT-4
    event = Alerting(
        **OURS,
        received_at=datetime(2026, 3, 1, 9, 0, 0, 31_000, tzinfo=UTC),
        details=Details(cobrowse_role=CobrowseRole.VIEWER),
        settings=Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=timedelta(seconds=30)),
    )
    assert decode_event(raw) == event
    assert encode_event(event) == EXAMPLE


KINDS: list[tuple[str, dict[str, Any], type[Event], dict[str, Any]]] = [
    *(
        (kind, {"segmentType": "IVR"}, cls, {"segment_type": "IVR"})
        for kind, cls in (
            ("scheduled", Scheduled),
            ("offering", Offering),
            ("contacting", Contacting),
            ("dialing", Dialing),
            ("alerting", Alerting),
            ("connected", Connected),
        )
    ),
    ("disconnected", {"disconnectType": "peer"}, Disconnected, {"disconnect_type": DisconnectType.PEER}),
    ("terminated", {"disconnectType": "transfer.dnd"}, Terminated, {"disconnect_type": DisconnectType.TRANSFER_DND}),
    ("updated", {}, Updated, {}),
    ("acw.required", {"required": True}, AfterCallWorkRequired, {"required": True}),
    ("acw.required", {"required": False}, AfterCallWorkRequired, {"required": False}),
    (
        "wrapup",
        {"code": "c1", "name": "Sale", "notes": "Zoë", "tags": ["a", ""], "provisional": True, "disableEndTimeUpdates": True},
        WrapupSaved,
        {"code": "c1", "name": "Sale", "notes": "Zoë", "tags": ("a", ""), "provisional": True, "disable_end_time_updates": True},
    ),
    ("wrapup", {"tags": []}, WrapupSaved, {"tags": ()}),
    ("acw.started", {}, AfterCallWorkStarted, {}),
    ("acw.ended", {"by": "agent"}, AfterCallWorkEnded, {"by": AfterCallWorkEndedBy.AGENT}),
    ("acw.ended", {"by": "offline"}, AfterCallWorkEnded, {"by": AfterCallWorkEndedBy.OFFLINE}),
    *(
        (
            "acw.ended",
            {"by": "platform", "state": state},
            AfterCallWorkEnded,
            {"by": AfterCallWorkEndedBy.PLATFORM, "state": AfterCallWorkState(state)},
        )
        for state in ("complete", "skipped", "notApplicable")
    ),
]
DETAILS: dict[str, Any] = {
    "self": {"name": "Zoë", "nameRaw": "zoë", "addressNormalized": "n", "addressRaw": "r", "addressDisplayable": "d"},
    "provider": "acme",
    "peerId": "p1",
    "cobrowseSessionId": "cb1",
    "cobrowseRole": "sharer",
    "controlling": ["p1", "p2"],
    "viewerUrl": "https://v",
    "initialState": "contacting",
    "afterCallWorkRequired": False,
}
SETTINGS = {"wrapupPrompt": "agentRequested", "wrapupTimeoutMs": 1, "alertingTimeoutMs": 86_400_000}


@pytest.mark.parametrize(("kind", "data", "cls", "attributes"), KINDS, ids=[f"{kind} {data}" for kind, data, *_ in KINDS])
# KIND-1, KIND-2, KIND-3, KIND-4, KIND-6, KIND-7, KIND-8, KIND-9, KIND-12
def test_every_kind_with_its_own_data(kind: str, data: dict[str, Any], cls: type[Event], attributes: dict[str, Any]) -> None:
    event = decode_event(said(kind, **data))
    assert event == cls(**OURS, **attributes)
    assert event.type == f"cobrowse.session.{kind}"
    assert json.loads(encode_event(event)).get("data", {}) == data


@pytest.mark.parametrize(("kind", "data", "cls", "attributes"), KINDS, ids=[f"{kind} {data}" for kind, data, *_ in KINDS])
# DETAIL-1, SETTING-1
def test_every_kind_may_carry_details_and_settings(
    kind: str, data: dict[str, Any], cls: type[Event], attributes: dict[str, Any]
) -> None:
    everything = {**DETAILS, **SETTINGS, **data}
    event = decode_event(said(kind, **everything))
    assert event == cls(
        **OURS,
        **attributes,
        details=Details(
            self_=Address(name="Zoë", name_raw="zoë", address_normalized="n", address_raw="r", address_displayable="d"),
            provider="acme",
            peer_id="p1",
            cobrowse_session_id="cb1",
            cobrowse_role=CobrowseRole.SHARER,
            controlling=("p1", "p2"),
            viewer_url="https://v",
            initial_state=ConnectionState.CONTACTING,
            after_call_work_required=False,
        ),
        settings=Settings(
            wrapup_prompt=WrapupPrompt.AGENT_REQUESTED,
            wrapup_timeout=timedelta(milliseconds=1),
            alerting_timeout=timedelta(days=1),
        ),
    )
    assert json.loads(encode_event(event))["data"] == everything


def test_the_whole_envelope_in_and_out() -> None:  # TIME-3, EVENT-5
    times = {"receivedtime": "2026-03-01T09:00:00.031Z", "providertime": "2026-03-01T08:59:58.500Z"}
    raw = line(**times, conversationid="c1", traceparent="00-1-2", odd={"nested": [None]}, nothing=None)
    event = decode_event(raw)
    assert event == Updated(
        **OURS,
        received_at=NINE.replace(microsecond=31_000),
        provider_time=NINE - timedelta(milliseconds=1500),
        context=Context(conversation_id="c1"),
        extensions={"traceparent": "00-1-2", "odd": {"nested": [None]}},
    )
    assert json.loads(encode_event(event)) == {key: value for key, value in json.loads(raw).items() if value is not None}


def test_nothing_said_is_left_out() -> None:
    for raw in (line(), line(data={}), line(data=None), line(receivedtime=None, providertime=None, conversationid=None)):
        assert decode_event(raw) == Updated(**OURS)
        assert json.loads(encode_event(decode_event(raw))) == ENVELOPE


def test_text_is_written_as_it_is_on_one_line() -> None:  # EVENT-1
    text = encode_event(decode_event(said("wrapup", code="Zoë 😀", notes="a\nb")))
    assert '"code":"Zoë 😀","notes":"a\\nb"' in text
    assert "\n" not in text


# --- Spelling -----------------------------------------------------------------------------------------------------------------

SPELLINGS: list[tuple[str, str, str, list[str]]] = [
    ("disconnected", "disconnectType", "endpoint", ["endpoint", "ENDPOINT", "Endpoint"]),
    ("disconnected", "disconnectType", "client", ["client", "CLIENT"]),
    ("disconnected", "disconnectType", "system", ["system", "SYSTEM", "System"]),
    ("disconnected", "disconnectType", "timeout", ["timeout", "TIMEOUT"]),
    ("disconnected", "disconnectType", "transfer", ["transfer", "TRANSFER", "Transfer"]),
    (
        "disconnected",
        "disconnectType",
        "transfer.conference",
        ["transfer.conference", "conferenceTransfer", "CONFERENCE_TRANSFER", "TransferConference"],
    ),
    (
        "disconnected",
        "disconnectType",
        "transfer.consult",
        ["transfer.consult", "consultTransfer", "CONSULT_TRANSFER", "TransferConsult"],
    ),
    ("disconnected", "disconnectType", "transfer.forward", ["transfer.forward", "forwardTransfer", "FORWARD_TRANSFER"]),
    ("disconnected", "disconnectType", "transport.failure", ["transport.failure", "transportFailure", "TRANSPORT_FAILURE"]),
    ("disconnected", "disconnectType", "error", ["error", "ERROR", "Error"]),
    ("disconnected", "disconnectType", "peer", ["peer", "PEER", "Peer"]),
    ("disconnected", "disconnectType", "other", ["other", "OTHER"]),
    ("disconnected", "disconnectType", "spam", ["spam", "SPAM"]),
    ("disconnected", "disconnectType", "uncallable", ["uncallable", "UNCALLABLE"]),
    ("disconnected", "disconnectType", "endpoint.dnd", ["endpoint.dnd", "endpoint.donotdisturb", "dndEndpoint", "DND_ENDPOINT"]),
    ("disconnected", "disconnectType", "transfer.dnd", ["transfer.dnd", "transfer.donotdisturb", "dndTransfer", "DND_TRANSFER"]),
    (
        "disconnected",
        "disconnectType",
        "transfer.noanswer",
        ["transfer.noanswer", "noAnswerTransfer", "NO_ANSWER_TRANSFER", "Transfer.NoAnswer"],
    ),
    (
        "disconnected",
        "disconnectType",
        "transfer.notavailable",
        ["transfer.notavailable", "notAvailableTransfer", "NOT_AVAILABLE_TRANSFER"],
    ),
    ("disconnected", "disconnectType", "inactivity", ["inactivity", "INACTIVITY"]),
    (
        "disconnected",
        "disconnectType",
        "session.expired",
        ["session.expired", "sessionExpired", "SESSION_EXPIRED", "SessionExpired"],
    ),
    ("terminated", "disconnectType", "takeover", ["takeover", "TAKEOVER"]),
    *(
        ("updated", "initialState", state, [state, state.upper(), state.capitalize()])
        for state in (
            "none",
            "scheduled",
            "offering",
            "contacting",
            "dialing",
            "alerting",
            "connected",
            "disconnected",
            "terminated",
        )
    ),
    ("updated", "cobrowseRole", "sharer", ["sharer", "SHARER"]),
    ("updated", "cobrowseRole", "viewer", ["viewer", "Viewer", "VIEWER"]),
    ("updated", "wrapupPrompt", "mandatory", ["mandatory", "MANDATORY"]),
    ("updated", "wrapupPrompt", "optional", ["optional", "OPTIONAL"]),
    ("updated", "wrapupPrompt", "agentRequested", ["agentRequested", "AGENT_REQUESTED", "agentrequested"]),
    ("updated", "wrapupPrompt", "timeout", ["timeout", "MANDATORY_TIMEOUT", "TIMEOUT"]),
    ("updated", "wrapupPrompt", "forcedTimeout", ["forcedTimeout", "MANDATORY_FORCED_TIMEOUT", "FORCED_TIMEOUT"]),
    ("updated", "wrapupPrompt", "none", ["none", "NONE"]),
    *(("acw.ended", "by", by, [by, by.upper(), by.capitalize()]) for by in ("agent", "offline", "platform")),
    *(
        ("acw.ended", "state", state, [state, state.upper(), state.capitalize()])
        for state in ("unknown", "skipped", "pending", "complete")
    ),
    ("acw.ended", "state", "notApplicable", ["notApplicable", "NOT_APPLICABLE"]),
]


@pytest.mark.parametrize(
    ("kind", "key", "ours", "spelling"),
    [(kind, key, ours, spelling) for kind, key, ours, spellings in SPELLINGS for spelling in spellings],
)
# SETTING-2, KEEP-3, KEEP-4, DISC-1, DISC-2
def test_a_known_word_is_written_in_the_models_spelling(kind: str, key: str, ours: str, spelling: str) -> None:
    by_platform = {"by": "platform", "state": "complete"} if kind == "acw.ended" else {}
    event = decode_event(said(kind, **{**by_platform, key: spelling}))
    assert json.loads(encode_event(event))["data"][key] == ours
    assert "kept as it came" not in str(decided(said(kind, **{**by_platform, key: spelling})).notes)


@pytest.mark.parametrize("key", ["disconnectType", "initialState", "cobrowseRole", "wrapupPrompt"])
@pytest.mark.parametrize("word", ["Spectator", "UNKNOWN", "", " viewer", "tranſfer"])
def test_an_unknown_word_is_kept_noted_and_written_again(key: str, word: str) -> None:  # KEEP-2
    raw = said("disconnected", **{key: word})
    assert json.loads(encode_event(decode_event(raw)))["data"] == {key: word}
    (note,) = decided(raw).notes
    assert key in note
    assert word in note


@pytest.mark.parametrize("word", ["transfer.", "_peer", "t.r.a.n.s.f.e.r", "ta\u212aeover"])
def test_a_word_that_only_resembles_a_known_one_is_unknown(word: str) -> None:
    assert json.loads(encode_event(decode_event(said("disconnected", disconnectType=word))))["data"] == {"disconnectType": word}


def test_segment_types_are_free_text() -> None:
    assert decided(said("alerting", segmentType="Tea")).notes == ()


# --- Not errors, and kept -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unheard", [1, None, {}, [], "x", {"deep": [{"er": None}]}, 10**4000, -0.5, True], ids=lambda value: str(value)[:9]
)
def test_unknown_keys_change_nothing_and_are_written_again(unheard: object) -> None:  # KEEP-1
    raw = said("alerting", roomId=unheard, self_="x", extra=unheard)
    assert json.loads(encode_event(decode_event(raw)))["data"] == {"roomId": unheard, "self_": "x", "extra": unheard}
    assert decided(raw, "alerting") == Duplicate.match(row="duplicate", notes=())


def test_unknown_keys_of_self_are_kept() -> None:
    raw = said("updated", self={"name": "Zoë", "pronouns": None})
    assert json.loads(encode_event(decode_event(raw)))["data"] == {"self": {"name": "Zoë", "pronouns": None}}


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        *((kind, ["segmentType"]) for kind in ("scheduled", "offering", "contacting", "dialing", "alerting", "connected")),
        *((kind, ["disconnectType"]) for kind in ("disconnected", "terminated")),
        ("updated", []),
        ("wrapup", ["code", "name", "notes", "tags", "provisional", "disableEndTimeUpdates"]),
    ],
)
def test_null_is_absent(kind: str, own: list[str]) -> None:  # KEEP-5
    nulls = dict.fromkeys((*own, *DETAILS, *SETTINGS))
    assert decode_event(said(kind, **nulls)) == decode_event(said(kind))
    assert decode_event(said("updated", self=dict.fromkeys(DETAILS["self"]))).details == Details(self_=Address())


def test_null_is_absent_for_the_state_of_an_agent() -> None:  # KEEP-5
    assert decode_event(said("acw.ended", by="agent", state=None)) == decode_event(said("acw.ended", by="agent"))


def test_an_empty_code_is_none() -> None:  # KEEP-6
    assert decode_event(said("wrapup", code="")) == decode_event(said("wrapup"))
    assert "data" not in json.loads(encode_event(decode_event(said("wrapup", code=""))))


@pytest.mark.parametrize("code", [" ", "0", "null", "7fb334b0-0e9e-11e4-9191-0800200c9a66", "\u0000", "x" * 5000], ids=ascii)
def test_any_other_text_is_a_code(code: str) -> None:  # KEEP-8
    assert decode_event(said("wrapup", code=code)) == WrapupSaved(**OURS, code=code)


@pytest.mark.parametrize(
    "data",
    [
        {"by": "robot"},
        {"by": ""},
        {"by": "robot", "state": "complete"},
        *({"by": by, "state": state} for by in ("agent", "platform") for state in ("lost", "", "pending", "unknown")),
    ],
    ids=str,
)
def test_an_unknown_by_or_state_is_ignored_before_anything_else(data: dict[str, str]) -> None:  # KEEP-9
    assert decided(said("acw.ended", **data)) == Ignored.match(rule="unknown_value")


@pytest.mark.parametrize(
    "kind",
    [
        *("com.example.unheard", "alerting", "cobrowse.session.Alerting", "COBROWSE.SESSION.ALERTING", "cobrowse.session.", "x"),
        *("cobrowse.session.unknown", "cobrowse.session.timer.acw", "cobrowse.session.leg_ended", "cobrowse.session.acw"),
        *("cobrowse.session.alerting ", " cobrowse.session.alerting", "cobrowse.session.none"),
    ],
)
def test_an_unknown_type_is_ignored(kind: str) -> None:  # KIND-1, KEEP-11
    assert decode_event(line(type=kind)) == UnknownEvent(**OURS, type=kind)
    assert decided(line(type=kind), "alerting") == Ignored.match(rule="unknown_type")


@pytest.mark.parametrize(
    "data", [None, 5, 0, False, "x", "", [], [1], {"by": 5, "self": [], "wrapupTimeoutMs": "x", "required": None}], ids=str
)
def test_of_an_unknown_type_only_the_envelope_is_read(data: object) -> None:  # KEEP-11
    raw = line(type="com.example.unheard", data=data, odd=1)
    assert decode_event(raw) == UnknownEvent(**OURS, type="com.example.unheard", data=data, extensions={"odd": 1})
    assert json.loads(encode_event(decode_event(raw))).get("data") == data
    assert decided(raw).notes == ()


@pytest.mark.parametrize("key", ["wrapupTimeoutMs", "alertingTimeoutMs"])
@pytest.mark.parametrize("number", [0, -1, 86_400_001, 10**40, 1.5, 30_000.0, -0.0, 1e300], ids=str)
def test_a_timeout_out_of_bounds_is_kept_and_noted_but_not_taken(key: str, number: float) -> None:  # SETTING-8, SETTING-9
    raw = said("alerting", **{key: number, "wrapupPrompt": "timeout"})
    event = decode_event(raw)
    assert event.settings == Settings(wrapup_prompt=WrapupPrompt.TIMEOUT)
    assert json.loads(encode_event(event))["data"] == {key: number, "wrapupPrompt": "timeout"}
    outcome = decided(raw)
    assert outcome == Applied.match(row="alerting")
    (note,) = outcome.notes
    assert key in note
    assert decided(said("alerting", **{key: number}), "alerting") == Duplicate.match()


@pytest.mark.parametrize("number", [1, 1000, 86_400_000])
def test_a_timeout_within_bounds_is_taken(number: int) -> None:
    assert decode_event(said("updated", wrapupTimeoutMs=number)).settings.wrapup_timeout == timedelta(milliseconds=number)


# --- Errors: no JSON of ours --------------------------------------------------------------------------------------------------


def nested(depth: int) -> str:
    """An event of that many levels: the envelope, the data, and lists."""
    return line(data={"x": "?"}).replace('"?"', "[" * (depth - 2) + "]" * (depth - 2))


@pytest.mark.parametrize(
    ("raw", "error", "path"),
    [
        pytest.param("", "not_json", "$", id="empty"),
        pytest.param(" \n", "not_json", "$", id="blank"),
        pytest.param("nonsense", "not_json", "$", id="words"),
        pytest.param(b"\x00\x01\xfe\xff", "not_json", "$", id="binary"),
        pytest.param(b"\x1f\x8b\x08\x00", "not_json", "$", id="gzip"),
        pytest.param(EXAMPLE.encode("utf-16-le"), "not_json", "$", id="utf-16"),
        pytest.param(b'{"id":"\xed\xa0\x80"}', "not_json", "$", id="a surrogate in utf-8"),
        pytest.param(EXAMPLE[:-1], "not_json", "$", id="truncated"),
        pytest.param(EXAMPLE[:100], "not_json", "$", id="truncated in a string"),
        pytest.param(EXAMPLE + EXAMPLE, "not_json", "$", id="two on one line"),
        pytest.param(EXAMPLE[:-1] + ",}", "not_json", "$", id="a trailing comma"),
        pytest.param("{'id':'e1'}", "not_json", "$", id="single quotes"),
        pytest.param('{"id":"a\tb"}', "not_json", "$", id="a raw tab"),
        pytest.param('{"id":"\\x41"}', "not_json", "$", id="an escape that is none"),
        pytest.param('{"id":01}', "not_json", "$", id="a leading zero"),
        pytest.param('{"id":undefined}', "not_json", "$", id="undefined"),
        *(pytest.param(raw, "not_an_object", "$", id=raw) for raw in ("[]", "[{}]", "null", "true", "1", '"x"')),
        pytest.param("\ufeff" + EXAMPLE, "byte_order_mark", "$", id="a byte order mark"),
        pytest.param(b"\xef\xbb\xbf" + EXAMPLE.encode(), "byte_order_mark", "$", id="a byte order mark in bytes"),
        pytest.param(b" " * MEBIBYTE + EXAMPLE.encode(), "line_too_long", "$", id="over a mebibyte"),
        pytest.param(
            f'{EXAMPLE[:-1]},"x":"{"é" * (MEBIBYTE // 2)}"}}', "line_too_long", "$", id="a text that is over it in bytes"
        ),
        pytest.param(b"\xff" * 10_000_000, "line_too_long", "$", id="10 MB"),
        pytest.param(nested(65), "nested_too_deep", "$", id="65 levels"),
        pytest.param("[" * 200_000, "nested_too_deep", "$", id="brackets without end"),
        pytest.param('{"a":' * 100_000, "nested_too_deep", "$", id="objects without end"),
        pytest.param('{"id":"a","id":"a"}', "duplicate_key", "$", id="a key twice"),
        pytest.param(EXAMPLE[:-2] + ',"cobrowseRole":"sharer"}}', "duplicate_key", "$.data", id="a key of data twice"),
        pytest.param('{"x":[{"y":{"a":1,"\\u0061":2}}]}', "duplicate_key", "$.x[0].y", id="a key twice, spelled otherwise"),
        pytest.param('{"x":{"a":1,"a":1},"x":2}', "duplicate_key", "$", id="a key twice, and in the first of them another"),
        *(
            pytest.param(f'{{"x":{{"y":[0,{number}]}}}}', "not_a_number", "$.x.y[1]", id=number)
            for number in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", f"{10**400}.0")
        ),
        pytest.param(f'{{"x":{"9" * 4301}}}', "number_too_long", "$.x", id="4301 digits"),
        pytest.param(f'{{"x":-{"9" * 4301}}}', "number_too_long", "$.x", id="-4301 digits"),
        pytest.param('{"x":"\\ud800"}', "lone_surrogate", "$.x", id="a high surrogate"),
        pytest.param('{"x":["a\\uDFFFb"]}', "lone_surrogate", "$.x[0]", id="a low surrogate"),
        pytest.param('{"x":"\\ude00\\ud83d"}', "lone_surrogate", "$.x", id="surrogates in the wrong order"),
        pytest.param('{"\\ud800":1}', "lone_surrogate", "$", id="a surrogate in a key"),
        pytest.param('{"x":{"y":{"\\ud800":1}}}', "lone_surrogate", "$.x.y", id="a surrogate in a key within"),
        pytest.param('{"x":"\ud800"}', "lone_surrogate", "$", id="a raw surrogate in a text"),
    ],
)
# ERROR-2, ERROR-3, ERROR-4, ERROR-5, ERROR-6, ERROR-7, ERROR-8
def test_what_is_no_json_of_ours_is_an_error(raw: str | bytes, error: str, path: str) -> None:
    (problem,) = problems(raw)
    assert (problem.error, problem.path) == (error, path)
    assert 0 < len(problem.found) <= 120
    assert problem.expected


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(nested(64), id="64 levels"),
        pytest.param(line(data={"x": "[{" * 500}), id="brackets in a string"),
        pytest.param(line(data={"x": '"\\"[' * 200, "y": "\\"}), id="brackets after quotes in a string"),
        pytest.param(line(data={"x": [[]] * 200}), id="many brackets, none deep"),
        pytest.param(line(data={"x": "😀"}), id="a pair of surrogates"),
        pytest.param(line(data={"x": "?"}).replace("?", "\\\\ud800"), id="the text of an escape"),
        pytest.param(line(data={"x": 10**4299}), id="4300 digits"),
        pytest.param(line(data={"x": "?"}).replace('"?"', "-0.0e-999"), id="a very small number"),
        pytest.param(EXAMPLE.encode() + b" " * (MEBIBYTE - len(EXAMPLE)), id="a mebibyte"),
        pytest.param(line(data={"NaN": "NaN", "\ufeff": "\ufeff"}), id="words in strings"),
    ],
)
def test_what_is_strange_but_json_is_read(raw: str | bytes) -> None:  # ERROR-4, ERROR-8
    assert isinstance(decode_event(raw), Event)


def test_the_longest_line_is_a_setting() -> None:  # ERROR-7
    assert decode_event(EXAMPLE + " " * 2 * MEBIBYTE, max_line_bytes=3 * MEBIBYTE) == decode_event(EXAMPLE)
    assert decode_event(EXAMPLE, max_line_bytes=len(EXAMPLE)) == decode_event(EXAMPLE)
    assert [problem.error for problem in problems(EXAMPLE, max_line_bytes=len(EXAMPLE) - 1)] == ["line_too_long"]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param('"' + '\\"' * 4_000 + "[" * 65, id="quotes without end"),
        pytest.param("{" + ",".join(f'"k{n}":1' for n in (*range(4_000), 3_999)) + "}", id="the last of many keys twice"),
    ],
)
def test_hostile_lines_are_errors_and_take_no_more_than_their_length(raw: str) -> None:
    assert problems(raw)  # no clock here: at 100,000 instead of 4,000 it must still be done at once


# --- Errors: the envelope -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["specversion", "id", "source", "type", "subject", "time"])
@pytest.mark.parametrize(("value", "found"), [(..., "nothing"), (None, "null")], ids=["absent", "null"])
def test_a_missing_key_of_the_envelope_is_an_error(key: str, value: object, found: str) -> None:  # ERROR-9
    (problem,) = problems(line(**{key: value}))
    assert (problem.error, problem.path, problem.found) == ("missing", f"$.{key}", found)
    assert problem.expected


@pytest.mark.parametrize("key", ["id", "source", "type", "subject", "sequence"])
def test_an_empty_key_of_the_envelope_is_an_error(key: str) -> None:  # ERROR-9, ORDER-6
    (problem,) = problems(line(**{key: ""}))
    assert (problem.error, problem.path, problem.found) == ("empty", f"$.{key}", '""')


@pytest.mark.parametrize("key", ["id", "source", "type", "subject", "time", "receivedtime", "providertime", "conversationid"])
@pytest.mark.parametrize(
    ("value", "found"), [(5, "5"), (1.5, "1.5"), (True, "true"), ([], "[]"), ({"a": 1}, '{"a": 1}')], ids=str
)
def test_a_wrongly_typed_key_of_the_envelope_is_an_error(key: str, value: object, found: str) -> None:  # ERROR-9
    (problem,) = problems(line(**{key: value}))
    assert (problem.error, problem.path, problem.found) == ("wrong_type", f"$.{key}", found)
    assert "string" in problem.expected or "text" in problem.expected


@pytest.mark.parametrize("version", ["0.3", "1", "1.0.0", "1.1", "", 1.0, 1, True, ["1.0"]], ids=repr)
def test_another_version_is_an_error(version: object) -> None:  # ERROR-10
    (problem,) = problems(line(specversion=version))
    assert (problem.error, problem.path, problem.found) == ("unsupported_version", "$.specversion", json.dumps(version))
    assert problem.expected == '"1.0"'


# --- Errors: time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["time", "receivedtime", "providertime"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("yesterday", id="words"),
        pytest.param("1772355600000", id="digits"),
        pytest.param("2026-03-01", id="a date"),
        pytest.param("2026-03-01T09:00:00", id="naive"),
        pytest.param("2026-03-01T09:00:00.000", id="naive with a fraction"),
        pytest.param("2026-03-01T09:00Z", id="no seconds"),
        pytest.param("2026-03-01T09:00:00.Z", id="a fraction without digits"),
        pytest.param("2026-03-01T09:00:00,5Z", id="a comma"),
        pytest.param("2026-03-01T09:00:00+0100", id="an offset without colon"),
        pytest.param("2026-03-01T09:00:00+01", id="an offset without minutes"),
        pytest.param("2026-03-01T09:00:00+24:00", id="an offset of a day"),
        pytest.param("2026-03-01T09:00:00+00:60", id="an offset of sixty minutes"),
        pytest.param("2026-03-01T09:00:00Z+01:00", id="two zones"),
        pytest.param("2026-03-01T09:00:00UTC", id="a zone's name"),
        pytest.param("2026-03-01T24:00:00Z", id="hour 24"),
        pytest.param("2026-03-01T09:60:00Z", id="minute 60"),
        pytest.param("2026-03-01T09:00:61Z", id="second 61"),
        pytest.param("2026-02-29T09:00:00Z", id="no leap year"),
        pytest.param("2026-13-01T09:00:00Z", id="month 13"),
        pytest.param("2026-00-01T09:00:00Z", id="month 0"),
        pytest.param("0000-01-01T00:00:00Z", id="year 0"),
        pytest.param("20260301T090000Z", id="the basic form"),
        pytest.param("2026-W09-7T09:00:00Z", id="a week"),
        pytest.param("2026-03-01T09:00:00Z\n", id="a trailing newline"),
        pytest.param(" 2026-03-01T09:00:00Z", id="a leading space"),
        pytest.param("２０２６-03-01T09:00:00Z", id="fullwidth digits"),
        pytest.param("2026-03-01T09:00:0٣Z", id="an Arabic digit"),
        pytest.param("2026-03-01T09:00:00.٣Z", id="an Arabic fraction"),
        pytest.param("+2026-03-01T09:00:00Z", id="a sign"),
        pytest.param("10000-01-01T00:00:00Z", id="the year 10000"),
        pytest.param("1969-12-31T23:59:59.999Z", id="1969"),
        pytest.param("1970-01-01T00:59:59+01:00", id="1969 in UTC"),
        pytest.param("9999-01-01T00:00:00Z", id="9999"),
        pytest.param("9998-12-31T23:59:59-00:01", id="9999 in UTC"),
        pytest.param("9999-12-31T23:59:59-23:59", id="10000 in UTC"),
        pytest.param("0001-01-01T00:00:00+23:59", id="year 0 in UTC"),
    ],
)
def test_an_unreadable_time_is_an_error(key: str, text: str) -> None:  # TIME-11, ERROR-11
    (problem,) = problems(line(**{key: text}))
    assert (problem.error, problem.path, problem.found) == ("bad_time", f"$.{key}", json.dumps(text))
    assert "time" in problem.expected


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01T09:00:00Z", NINE),
        ("2026-03-01t09:00:00z", NINE),
        ("2026-03-01T09:00:00-00:00", NINE),
        ("2026-03-01T10:30:00+01:30", NINE),
        ("2026-02-28T14:00:00-19:00", NINE),
        ("2026-03-02T08:59:00+23:59", NINE),
        ("2026-03-01T09:00:00.1Z", NINE.replace(microsecond=100_000)),
        ("2026-03-01T09:00:00.0319Z", NINE.replace(microsecond=31_000)),
        ("2026-03-01T09:00:00.999999999Z", NINE.replace(microsecond=999_000)),
        ("2026-03-01T09:00:00.0000000000000000000001Z", NINE),
        ("2026-03-01T08:59:60Z", NINE - timedelta(milliseconds=1)),
        ("2026-03-01T08:59:60.5Z", NINE - timedelta(milliseconds=1)),
        ("2017-01-01T00:59:60+01:00", datetime(2016, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("1969-12-31T23:00:00-01:00", datetime(1970, 1, 1, tzinfo=UTC)),
        ("9998-12-31T23:59:59.9999Z", datetime(9998, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
        ("9999-01-01T00:30:00+01:00", datetime(9998, 12, 31, 23, 30, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_time_reads_in_utc_cut_to_the_millisecond(text: str, moment: datetime) -> None:  # TIME-9, TIME-10, EVENT-3
    event = decode_event(line(time=text, receivedtime=text, providertime=text))
    assert (event.occurred_at, event.received_at, event.provider_time) == (moment, moment, moment)


def test_a_naive_datetime_is_the_callers_type_error_and_a_year_out_of_bounds_an_error() -> None:  # TIME-11, TIME-12
    for key in ("occurred_at", "received_at", "provider_time"):
        with pytest.raises(TypeError, match="aware"):
            Updated(**{**OURS, key: NINE.replace(tzinfo=None)})
        for year in (1969, 9999):
            with pytest.raises(ValueError, match="1970"):
                Updated(**{**OURS, key: NINE.replace(year=year)})


@pytest.mark.parametrize(("received", "wrong"), [("2026-02-28T09:00:00.000Z", False), ("2026-02-28T08:59:59.999Z", True)])
def test_more_than_a_day_after_it_was_received_is_in_the_future(*, received: str, wrong: bool) -> None:  # ERROR-14
    raw = line(receivedtime=received)
    if wrong:
        (problem,) = problems(raw)
        assert (problem.error, problem.path, problem.found) == ("time_in_the_future", "$.time", "2026-03-01T09:00:00.000Z")
        assert received in problem.expected
    else:
        assert decode_event(raw).occurred_at == NINE


def test_how_far_ahead_is_a_setting() -> None:  # ERROR-14
    raw = line(receivedtime="2026-03-01T08:59:59.000Z")
    assert decode_event(raw, max_future=timedelta(seconds=1)) == decode_event(raw)
    assert [problem.error for problem in problems(raw, max_future=timedelta(milliseconds=999))] == ["time_in_the_future"]


def test_without_receivedtime_nothing_is_in_the_future() -> None:
    assert decode_event(line(time="9998-01-01T00:00:00Z")).received_at is None
    assert decode_event(line(receivedtime="9998-01-01T00:00:00Z")).occurred_at == NINE


# --- Errors: the data ---------------------------------------------------------------------------------------------------------

STRINGS = [
    *(
        ("updated", key)
        for key in ("provider", "peerId", "cobrowseSessionId", "cobrowseRole", "viewerUrl", "initialState", "wrapupPrompt")
    ),
    *(("alerting", "segmentType"), ("disconnected", "disconnectType"), ("terminated", "disconnectType")),
    *(("wrapup", key) for key in ("code", "name", "notes")),
    *(("acw.ended", "by"), ("acw.ended", "state")),
]
NEEDED: dict[str, dict[str, Any]] = {"acw.ended": {"by": "agent"}, "acw.required": {"required": True}}


@pytest.mark.parametrize(("kind", "key"), STRINGS)
@pytest.mark.parametrize("value", [5, 0, False, ["x"], {}], ids=str)
def test_what_is_no_string_is_an_error(kind: str, key: str, value: object) -> None:  # ERROR-12
    (problem,) = problems(said(kind, **{**NEEDED.get(kind, {}), key: value}))
    assert problem == Problem("wrong_type", f"$.data.{key}", json.dumps(value), "a string")


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        *(("acw.required", "required"), ("wrapup", "provisional"), ("wrapup", "disableEndTimeUpdates")),
        ("updated", "afterCallWorkRequired"),
    ],
)
@pytest.mark.parametrize("value", [1, 0, "true", "", [], {}], ids=repr)
def test_what_is_no_bool_is_an_error(kind: str, key: str, value: object) -> None:  # DETAIL-3, ERROR-12
    (problem,) = problems(said(kind, **{key: value}))
    assert problem == Problem("wrong_type", f"$.data.{key}", json.dumps(value), "true or false")


@pytest.mark.parametrize("key", ["wrapupTimeoutMs", "alertingTimeoutMs"])
@pytest.mark.parametrize("value", ["30000", "", True, False, [30_000], {}], ids=repr)
def test_what_is_no_number_is_an_error(key: str, value: object) -> None:  # ERROR-12
    (problem,) = problems(said("updated", **{key: value}))
    assert (problem.error, problem.path, problem.found) == ("wrong_type", f"$.data.{key}", json.dumps(value))
    assert "integer" in problem.expected


NO_OBJECTS: tuple[object, ...] = (5, "x", "", [], [{}], True, False, 0)


@pytest.mark.parametrize(
    ("raw", "path", "found"),
    [
        *((line(data=data), "$.data", json.dumps(data)) for data in NO_OBJECTS),
        (said("updated", self="Zoë"), "$.data.self", '"Zo\\u00eb"'),
        (said("updated", self=[]), "$.data.self", "[]"),
        (said("updated", self={"name": 1}), "$.data.self.name", "1"),
        (said("updated", self={"addressDisplayable": {}}), "$.data.self.addressDisplayable", "{}"),
        (said("updated", controlling="p1"), "$.data.controlling", '"p1"'),
        (said("updated", controlling={}), "$.data.controlling", "{}"),
        (said("updated", controlling=["p1", 2]), "$.data.controlling[1]", "2"),
        (said("updated", controlling=[None]), "$.data.controlling[0]", "null"),
        (said("wrapup", tags="a"), "$.data.tags", '"a"'),
        (said("wrapup", tags=["a", "b", ["c"]]), "$.data.tags[2]", '["c"]'),
    ],
)
def test_a_wrong_type_within_is_an_error_at_its_place(raw: str, path: str, found: str) -> None:  # ERROR-12
    (problem,) = problems(raw)
    assert (problem.error, problem.path, problem.found) == ("wrong_type", path, found)
    assert problem.expected


@pytest.mark.parametrize(
    ("kind", "data", "path"),
    [
        ("acw.required", {}, "$.data.required"),
        ("acw.ended", {}, "$.data.by"),
        ("acw.ended", {"state": "complete"}, "$.data.by"),
        ("acw.ended", {"by": "platform"}, "$.data.state"),
        ("acw.ended", {"by": "PLATFORM"}, "$.data.state"),
    ],
)
@pytest.mark.parametrize("null", [False, True], ids=["absent", "null"])
def test_a_missing_word_of_its_own_is_an_error(*, kind: str, data: dict[str, Any], path: str, null: bool) -> None:  # ERROR-13
    key = path.removeprefix("$.data.")
    (problem,) = problems(said(kind, **{**data, key: None} if null else data))
    assert (problem.error, problem.path) == ("missing", path)
    assert problem.expected


def test_an_event_without_data_misses_its_own_word() -> None:
    for raw in (line(type="cobrowse.session.acw.required"), line(type="cobrowse.session.acw.required", data=None)):
        assert [problem.path for problem in problems(raw)] == ["$.data.required"]


# --- Errors: all of them ------------------------------------------------------------------------------------------------------


def test_several_problems_are_all_listed() -> None:
    raw = line(
        specversion="0.3",
        id="",
        source=5,
        type="cobrowse.session.wrapup",
        subject=...,
        time="noon",
        receivedtime=1,
        conversationid=[],
        data={"code": 5, "tags": [1, "a", 2], "provisional": "yes", "self": {"name": 1, "nameRaw": 2}, "wrapupTimeoutMs": "x"},
    )
    assert {(problem.error, problem.path) for problem in problems(raw)} == {
        ("unsupported_version", "$.specversion"),
        ("empty", "$.id"),
        ("wrong_type", "$.source"),
        ("missing", "$.subject"),
        ("bad_time", "$.time"),
        ("wrong_type", "$.receivedtime"),
        ("wrong_type", "$.conversationid"),
        ("wrong_type", "$.data.code"),
        ("wrong_type", "$.data.tags[0]"),
        ("wrong_type", "$.data.tags[2]"),
        ("wrong_type", "$.data.provisional"),
        ("wrong_type", "$.data.self.name"),
        ("wrong_type", "$.data.self.nameRaw"),
        ("wrong_type", "$.data.wrapupTimeoutMs"),
    }
    assert [problem.path for problem in problems("{}")] == [f"$.{key}" for key in ENVELOPE]
    both = line(receivedtime="2026-01-01T00:00:00Z", data=5)
    assert {problem.error for problem in problems(both)} == {"wrong_type", "time_in_the_future"}
    broken = '{"a":NaN,"b":{"c":1,"c":2},"d":["\\ud800"]}'
    assert {(problem.error, problem.path) for problem in problems(broken)} == {
        ("not_a_number", "$.a"),
        ("duplicate_key", "$.b"),
        ("lone_surrogate", "$.d[0]"),
    }


def test_a_decode_error_says_where_and_survives_pickle() -> None:
    with pytest.raises(DecodeError) as caught:
        decode_event(line(id=5, time="noon"))
    error = caught.value
    assert isinstance(error, ValueError)
    assert (error.fault, error.error, error.path, error.found, error.expected) == (
        "sender",
        "wrong_type",
        "$.id",
        "5",
        "a string",
    )
    assert "$.id" in str(error)
    assert "$.time" in str(error)
    restored = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    assert (restored.problems, restored.line, str(restored)) == (error.problems, None, str(error))
    assert str(pickle.loads(pickle.dumps(DecodeError(error.problems, line=7)))).startswith("line 7: ")  # noqa: S301


def test_what_was_found_is_cut_to_a_readable_length() -> None:
    for raw in (line(id=["x" * 10_000]), said("wrapup", code=list(range(10_000))), line(time="x" * 10_000)):
        (problem,) = problems(raw)
        assert len(problem.found) <= 120


# --- Whatever comes -----------------------------------------------------------------------------------------------------------


def event_or_decode_error(raw: str | bytes) -> None:
    with suppress(DecodeError):
        event = decode_event(raw)
        text = encode_event(event)
        assert decode_event(text) == event
        assert encode_event(decode_event(text)) == text
        session = Lifecycle().new(event.subject)
        assert Lifecycle().apply(session, event).kind in ("applied", "duplicate", "ignored", "refused")


@given(st.binary() | st.text() | st.text(alphabet='{}[]",:\\u0d8e1-. tfn'))
def test_any_bytes_are_an_event_or_a_decode_error(raw: str | bytes) -> None:
    event_or_decode_error(raw)


@given(json_values | st.dictionaries(st.sampled_from((*ENVELOPE, "data", "receivedtime", "odd")), json_values) | st.floats())
def test_any_json_is_an_event_or_a_decode_error(value: object) -> None:
    event_or_decode_error(json.dumps(value))


odd_values = json_values | st.sampled_from(
    ("x", "", "2026-03-01T09:00:00Z", True, 0, -1, 10**30, float("nan"), float("inf"), "\ud800", {}, [], [None])
).map(deepcopy)
keys = st.sampled_from(
    (*DETAILS, *SETTINGS, "code", "tags", "provisional", "required", "by", "state", "segmentType", "disconnectType", "odd")
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """An event with a key or two too many, too few, or of another sort; and now and then a character less."""
    document: dict[str, Any] = json.loads(encode_event(draw(events())))
    document.update(draw(st.dictionaries(st.sampled_from((*document, "receivedtime", "odd")), odd_values, max_size=2)))
    if isinstance(data := document.setdefault("data", {}), dict):
        data.update(draw(st.dictionaries(keys, odd_values, max_size=2)))
    for key in draw(st.lists(st.sampled_from(sorted(document)), max_size=1)):
        del document[key]
    text = json.dumps(document)
    cut = draw(st.none() | st.integers(0, len(text)))
    return text if cut is None else text[:cut] + text[cut + 1 :]


@given(mutated())
def test_a_mutated_event_is_an_event_or_a_decode_error(raw: str) -> None:
    event_or_decode_error(raw)


def test_what_must_be_said_is_written_even_where_it_is_false() -> None:
    """Whatever the attribute is called: one without a default is required when it is read."""
    (asked,) = stream("s1").required(required=False)

    assert json.loads(encode_event(asked))["data"] == {"required": False}
    assert decode_event(encode_event(asked)) == asked


# --- Data in base64 -----------------------------------------------------------------------------------------------------------


def encoded(content: object, **envelope: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return line(data_base64=base64.b64encode(raw).decode(), **envelope)


@pytest.mark.parametrize(
    "content_type", [None, "application/json", "Application/JSON; charset=utf-8", "application/cloudevents+json", "text/json"]
)
def test_data_in_base64_are_read_like_data_where_the_content_type_is_json(content_type: str | None) -> None:  # EVENT-9, EVENT-10
    plain = line(data={"viewerUrl": "https://v", "new": [1]}, datacontenttype=content_type)

    event = decode_event(encoded({"viewerUrl": "https://v", "new": [1]}, datacontenttype=content_type, data=None))

    assert event == decode_event(plain) == decode_event(plain[:-1] + ', "data_base64": null}')
    assert json.loads(encode_event(event))["data"] == {"viewerUrl": "https://v", "new": [1]}


@pytest.mark.parametrize(
    ("raw", "error", "path"),
    [
        (line(data={}, data_base64="e30="), "data_twice", "$.data_base64"),
        (line(data_base64="e30"), "bad_base64", "$.data_base64"),
        (line(data_base64="é30="), "bad_base64", "$.data_base64"),
        (line(data_base64=5), "wrong_type", "$.data_base64"),
        (line(data_base64=""), "not_json", "$.data_base64"),
        (encoded([]), "wrong_type", "$.data"),
        (encoded(b'{"a":NaN}'), "not_a_number", "$.data_base64.a"),
        (encoded(b'{"a":1,"a":2}'), "duplicate_key", "$.data_base64"),
        (encoded(json.loads('{"a":' * 64 + "1" + "}" * 64)), "nested_too_deep", "$.data_base64"),
        (encoded({}, datacontenttype="text/plain"), "wrong_content_type", "$.datacontenttype"),
        (line(data={}, datacontenttype="application/xml"), "wrong_content_type", "$.datacontenttype"),
        (line(data={}, datacontenttype=3), "wrong_type", "$.datacontenttype"),
    ],
)
def test_data_are_never_read_as_absent(raw: str, error: str, path: str) -> None:  # EVENT-10, EVENT-11, EVENT-12, EVENT-13
    with pytest.raises(DecodeError) as caught:
        decode_event(raw)
    assert (caught.value.error, caught.value.path) == (error, path)


def test_beside_no_data_the_content_type_is_not_asked_for() -> None:  # EVENT-12
    assert decode_event(line(datacontenttype="text/plain", data=None)).extensions == {"datacontenttype": "text/plain"}


def test_of_an_unknown_type_neither_is_asked() -> None:  # EVENT-14
    raw = line(type="com.example.new", data_base64="%", datacontenttype=5, data=3)

    assert json.loads(encode_event(decode_event(raw))) == json.loads(raw)


# --- Context and notes --------------------------------------------------------------------------------------------------------


def test_the_context_is_in_the_envelope_and_other_keys_of_it_are_kept() -> None:  # EVENT-6, EVENT-7, EVENT-8
    given = {"conversationid": "c", "participantid": "p", "userid": "u", "queueid": "q", "purpose": "agent", "mediatype": "call"}

    event = decode_event(line(**given, sequence="7", derivedfrom="the envelope", hops=3))

    assert event.context == Context(
        conversation_id="c", participant_id="p", user_id="u", queue_id="q", purpose="agent", media_type="call"
    )
    assert (event.sequence, event.derived_from, event.extensions) == ("7", "the envelope", {"hops": 3})
    assert json.loads(encode_event(event)) == json.loads(line(**given, sequence="7", derivedfrom="the envelope", hops=3))


@pytest.mark.parametrize("key", ["conversationid", "userid", "sequence", "derivedfrom"])
def test_a_wrong_type_in_the_envelope_is_an_error(key: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_event(line(**{key: 5}))
    assert (caught.value.error, caught.value.path) == ("wrong_type", f"$.{key}")


def test_what_a_time_was_derived_from_and_corrected_by_is_noted() -> None:  # EVENT-8
    assert notes(decode_event(line(derivedfrom="the envelope", providertime="2026-03-01T08:59:50Z"))) == (
        "time derived from the envelope",
        "time corrected by +10.000 s",
    )


def test_a_wrapup_without_a_code_notes_the_keys_that_nobody_reads() -> None:  # KEEP-10
    assert notes(decode_event(said("wrapup", wrapUpCode="sale", Notes="x"))) == (
        "key Notes is not read, and the wrap-up has no code",
        "key wrapUpCode is not read, and the wrap-up has no code",
    )
    assert notes(decode_event(said("wrapup", code="sale", wrapUpCode="sale"))) == ()
    assert notes(decode_event(said("wrapup", wrapupTimeoutMs=0))) == ("wrapupTimeoutMs 0 is out of bounds, not taken",)


# --- Kinds of one's own -------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True, repr=False)
class Paused(Event):
    """The customer asked the agent to wait."""

    prefix, kind, rank = "com.acme.", "paused", 64

    reason: str
    silent: bool = False


OWN = Table.standard().extended("own", kinds=(Paused,), like={"paused": "updated"})


def paused(**data: Any) -> str:
    return said("paused", **data).replace(f"{TYPE_PREFIX}paused", "com.acme.paused")


PAUSED = paused(reason="coffee", silent=False, viewerUrl="https://v", other=1)


def test_an_event_of_an_own_kind_is_read_with_its_table_and_written_back() -> None:
    event = decode_event(PAUSED, table=OWN)

    assert event == Paused(**OURS, reason="coffee", details=Details(viewer_url="https://v"), extra={"other": 1})
    assert json.loads(encode_event(event))["data"] == {"other": 1, "viewerUrl": "https://v", "reason": "coffee"}  # COPY-10
    assert decode_event(encode_event(event), table=OWN) == event


def test_an_event_of_an_own_kind_is_unknown_without_its_table() -> None:  # KEEP-11
    event = decode_event(PAUSED)

    assert (type(event), event.type) == (UnknownEvent, "com.acme.paused")
    assert isinstance(event, UnknownEvent)
    assert event.data == {"reason": "coffee", "silent": False, "viewerUrl": "https://v", "other": 1}


def test_what_an_own_kind_needs_is_missing_as_in_any_other() -> None:  # ERROR-12, ERROR-13
    with pytest.raises(DecodeError) as missing:
        decode_event(paused(), table=OWN)
    with pytest.raises(DecodeError) as wrong:
        decode_event(paused(reason=7), table=OWN)

    assert [(p.error, p.path) for p in missing.value.problems] == [("missing", "$.data.reason")]
    assert [(p.error, p.path) for p in wrong.value.problems] == [("wrong_type", "$.data.reason")]


def test_the_other_kinds_are_read_as_ever_beside_an_own_one() -> None:
    assert decode_event(EXAMPLE, table=OWN) == decode_event(EXAMPLE)


def test_a_file_with_events_of_an_own_kind_is_read_with_its_table() -> None:
    file = io.BytesIO(f"{EXAMPLE}\n{PAUSED}\n".encode())

    assert [type(event) for event in read_events(file, print, table=OWN)] == [Alerting, Paused]
