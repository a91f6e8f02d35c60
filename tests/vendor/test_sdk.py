"""The vendor's own Python SDK reads the session JSON written here: `make vendor`.

What its model lists arrives whole. The rest is named below: words that its enums do not list, and keys that its model lacks.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import PureCloudPlatformClientV2
import pytest

from cobrowse_session import (
    Address,
    AfterCallWork,
    AfterCallWorkState,
    CobrowseSession,
    ConnectionState,
    DisconnectType,
    Lifecycle,
)
from cobrowse_session.testing import START, run, stream
from cobrowse_session.wire import decode_session, encode_session

LOST = "outdated_sdk_version"
"""What the SDK makes of a word that its enum does not list."""

UNLISTED = {
    "endpoint.dnd",
    "inactivity",
    "session.expired",
    "takeover",
    "transfer.dnd",
    "transfer.noanswer",
    "transfer.notavailable",
}
"""The disconnect types of notifications; the SDK's REST model lists the other fourteen."""

PROPERTIES = {
    "state": "state",
    "initialState": "initial_state",
    "id": "id",
    "disconnectType": "disconnect_type",
    "self": "pcSelf",
    "cobrowseSessionId": "cobrowse_session_id",
    "cobrowseRole": "cobrowse_role",
    "controlling": "controlling",
    "viewerUrl": "viewer_url",
    "providerEventTime": "provider_event_time",
    "startAlertingTime": "start_alerting_time",
    "connectedTime": "connected_time",
    "disconnectedTime": "disconnected_time",
    "provider": "provider",
    "peerId": "peer_id",
    "segments": "segments",
    "wrapup": "wrapup",
    "afterCallWork": "after_call_work",
    "afterCallWorkRequired": "after_call_work_required",
}
"""The 19 properties: JSON key to the SDK's attribute."""


# --- Reading as the SDK does --------------------------------------------------------------------------------------------------


class Response:
    """As much of an HTTP response as the SDK reads."""

    def __init__(self, data: str) -> None:
        self.data = data

    def getheader(self, _: str) -> str:
        return "application/json"


def read_by_sdk(text: str) -> Any:  # the SDK has no types
    """The `Cobrowsesession` that the SDK reads."""
    return PureCloudPlatformClientV2.ApiClient().deserialize(Response(text), "Cobrowsesession")


def written_by_sdk(session: Any) -> str:
    """What the SDK would send."""
    return json.dumps(PureCloudPlatformClientV2.ApiClient().sanitize_for_serialization(session))


def assert_whole(ours: Any, theirs: Any) -> None:
    """Every property of the SDK's model has our value; a time is the same instant."""
    for attribute in theirs.swagger_types:
        mine = getattr(ours, "self" if attribute == "pcSelf" else attribute)
        its = getattr(theirs, attribute)
        where = f"{type(theirs).__name__}.{attribute}"
        if mine is None or (mine is False and attribute == "provisional"):  # false is not written
            assert its is None, where
        elif isinstance(mine, Sequence) and not isinstance(mine, str):
            assert len(mine) == len(its), where
            for part, its_part in zip(mine, its, strict=True):
                if isinstance(part, str):
                    assert its_part == part, where
                else:
                    assert_whole(part, its_part)
        elif hasattr(mine, "__attrs_attrs__"):
            assert_whole(mine, its)
        else:
            if isinstance(mine, datetime):
                assert its.utcoffset() is not None, where
            assert its == mine, where


# --- Sessions -----------------------------------------------------------------------------------------------------------------

BEFORE = stream("leg-1").alerting(
    self_=Address(
        name="Ana", name_raw="ana", address_normalized="sip:ana@acme", address_raw="ana@acme", address_displayable="unavailable"
    ),
    provider="PureCloud Cobrowse",
    peer_id="leg-2",
    cobrowse_session_id="cobrowse-1",
    cobrowse_role="viewer",
    viewer_url="https://example.com/view/1?a=b&c=ü",
    initial_state="alerting",
    wrapup_prompt="timeout",
    wrapup_timeout="30s",
)
CONNECTED = BEFORE.after("3.092s").connected(controlling=["leg-2", "leg-3"])
ENDED = CONNECTED.after(10).required().after("12m").disconnected("transport.failure")

SESSIONS = {
    "nothing happened": Lifecycle().new("leg-1"),
    "alerting": run(BEFORE).session,
    "nobody answered": run(BEFORE.after(20).disconnected("system")).session,
    "connected": run(CONNECTED).session,
    "prepared while connected": run(CONNECTED.after(9).wrapup("sale", provisional=True)).session,
    "controls nothing": run(CONNECTED.updated(controlling=[])).session,
    "after-call work": run(ENDED).session,
    "a draft": run(ENDED.after(5).wrapup("sale", notes="a draft", provisional=True)).session,
    "a whole life": run(ENDED.after("14.220s").wrapup("sale", name="Sale", notes="naïve 😀", tags=["vip", ""])).session,
    "time ran out": run(ENDED, until=START.replace(hour=10)).session,
    "transferred": run(CONNECTED.after(60).disconnected("transfer.consult")).session,
    "every state": run(
        stream("leg-1").scheduled().after(1).offering().after(1).contacting().after(1).dialing().after(1).terminated("peer")
    ).session,
}


def test_a_whole_life_uses_all_nineteen_properties() -> None:
    assert json.loads(encode_session(SESSIONS["a whole life"])).keys() == PROPERTIES.keys()


def test_the_sdk_lists_the_same_nineteen() -> None:
    theirs = PureCloudPlatformClientV2.Cobrowsesession().attribute_map

    assert {key: attribute for attribute, key in theirs.items()} == PROPERTIES


@pytest.mark.parametrize("ours", SESSIONS.values(), ids=SESSIONS)
def test_nothing_that_the_sdk_lists_is_lost(ours: CobrowseSession) -> None:
    theirs = read_by_sdk(encode_session(ours))

    assert_whole(ours, theirs)


@pytest.mark.parametrize("ours", SESSIONS.values(), ids=SESSIONS)
def test_what_the_sdk_writes_back_is_the_equal_session(ours: CobrowseSession) -> None:
    theirs = read_by_sdk(encode_session(ours))

    assert decode_session(written_by_sdk(theirs)) == ours


# --- Words --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ConnectionState)
def test_it_knows_every_connection_state(word: ConnectionState) -> None:
    theirs = read_by_sdk(encode_session(CobrowseSession(state=word, initial_state=word)))

    assert (theirs.state, theirs.initial_state) == (word, word)


@pytest.mark.parametrize("word", AfterCallWorkState)
def test_it_knows_every_state_of_after_call_work(word: AfterCallWorkState) -> None:
    ours = CobrowseSession(after_call_work=AfterCallWork(state=word))

    assert read_by_sdk(encode_session(ours)).after_call_work.state == word


@pytest.mark.parametrize("word", DisconnectType)
def test_it_knows_the_fourteen_rest_disconnect_types(word: DisconnectType) -> None:
    ours = run(CONNECTED.after(60).disconnected(word)).session
    theirs = read_by_sdk(encode_session(ours))

    assert theirs.disconnect_type == (LOST if word in UNLISTED else word)
    assert theirs.segments[-1].disconnect_type == word  # plain text there


# --- What the SDK loses -------------------------------------------------------------------------------------------------------


def test_a_word_that_nobody_knows_is_lost_by_the_sdk_and_kept_here() -> None:
    ours = decode_session('{"state":"parked","afterCallWork":{"state":"paused"}}')
    theirs = read_by_sdk(encode_session(ours))

    assert (theirs.state, theirs.after_call_work.state) == (LOST, LOST)
    assert ours.after_call_work is not None
    assert (ours.state, ours.after_call_work.state) == ("parked", "paused")


def test_keys_that_nobody_knows_are_dropped_by_the_sdk_and_kept_here() -> None:
    known = json.loads(encode_session(SESSIONS["a whole life"]))
    more = {
        **known,
        "roomId": "r1",
        "self": {**known["self"], "more": 1},
        "segments": [{**part, "more": 2} for part in known["segments"]],
        "wrapup": {**known["wrapup"], "more": 3},
        "afterCallWork": {**known["afterCallWork"], "more": 4},
    }
    ours = decode_session(json.dumps(more))

    assert json.loads(encode_session(ours)) == more
    assert decode_session(written_by_sdk(read_by_sdk(encode_session(ours)))) == SESSIONS["a whole life"]
