"""The builder of payloads: what a platform would send for a stream, converted again, gives the session of the stream."""

import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cobrowse_session import Address, Event, Lifecycle, SessionLog
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.sources import convert
from cobrowse_session.sources.genesys import GENESYS
from cobrowse_session.sources.genesys.parts import MEDIA
from cobrowse_session.stream import fold
from cobrowse_session.testing import START, Stream, conversation, expect, stream
from cobrowse_session.testing.payloads import ENVELOPES, FAMILIES, payloads
from cobrowse_session.vocabulary import PENDING_STATES, DisconnectType

Json = dict[str, Any]  # `Any`: JSON
LATER = START + timedelta(hours=1)
SENT = [name for name, family in FAMILIES.items() if family.is_sent]
SHOWN = [
    *((name, None) for name in FAMILIES),
    *((name, envelope) for name in SENT for envelope in ENVELOPES),
]
"""Every family in every envelope that it may have."""

# --- Lives --------------------------------------------------------------------------------------------------------------------

SETTINGS: list[Json] = [
    {},
    {"wrapup_prompt": "none"},
    {"wrapup_prompt": "optional"},
    {"wrapup_prompt": "mandatory"},
    {"wrapup_prompt": "agentRequested"},
    {"wrapup_prompt": "timeout", "wrapup_timeout": 9, "alerting_timeout": 20},
    {"wrapup_prompt": "forcedTimeout", "wrapup_timeout": 9},
]
DETAILS: list[Json] = [
    {"provider": "acme"},
    {"peer_id": "p9", "viewer_url": "https://v"},
    {"self_": Address(name="Zoë", address_raw="r"), "cobrowse_session_id": "cb"},
    {"cobrowse_role": "viewer"},
    {"controlling": ["p1", "p2"]},
    {"controlling": []},
]
WRAPUP: Json = {"code": "sale", "name": "Sale", "notes": "n", "tags": ["a", "b"]}
seconds = st.integers(1, 40)


@st.composite
def lives(draw: st.DrawFn, *, is_whole: bool = True) -> Stream:
    """A leg of an agent, up to any moment of its life. Not whole: it only alerts, connects and is disconnected."""
    delay = draw(st.sampled_from((None, "30ms"))) if is_whole else None
    life = conversation("conv", delay=delay, media_type=draw(st.sampled_from(("call", "cobrowse"))))
    life = life.leg("leg", purpose="agent", user_id="u1", queue_id="q1", participant_id="p1")
    stated = draw(st.sampled_from(SETTINGS)) | draw(st.sampled_from(({}, *DETAILS[:2])))
    pending = (
        draw(st.lists(st.sampled_from(PENDING_STATES), unique=True)) if is_whole else draw(st.sampled_from(([], ["alerting"])))
    )
    connects = draw(st.booleans()) or not pending
    for state in (*pending, *(["connected"] if connects else [])):
        life = getattr(life, state)(**stated).after(draw(seconds))
        for said in draw(st.lists(st.sampled_from(DETAILS), max_size=2)):
            life = life.updated(**said).after(draw(seconds))
        stated = {}
    if connects:
        life = draw(st.sampled_from((lambda one: one, Stream.required, lambda one: one.wrapup(**WRAPUP))))(life).after(1)
    if draw(st.integers(0, 3)) == 0:
        return life
    life = life.disconnected(draw(st.sampled_from((None, *DisconnectType))))
    if is_whole and draw(st.booleans()):
        life = life.after(0.5).terminated()
    return draw(st.sampled_from(ENDS if connects else ENDS[:1]))(life.after(draw(seconds)))


ENDS: tuple[Callable[[Stream], Stream], ...] = (
    lambda life: life,
    lambda life: life.wrapup(**WRAPUP),
    lambda life: life.wrapup(**WRAPUP).after(3).done(),
    lambda life: life.wrapup("draft", provisional=True).after(3).wrapup(**WRAPUP),
    lambda life: life.wrapup(**WRAPUP).after(3).wrapup("other", disable_end_time_updates=True),
    lambda life: life.wrapup(**WRAPUP).after(3).wrapup("other"),
    lambda life: life.wrapup(),
    Stream.done,
    Stream.offline,
    lambda life: life.platform("complete"),
    lambda life: life.platform("skipped"),
)


def is_shown(family: str, envelope: str | None, log: SessionLog) -> bool:
    """Whether a family can show the end of a life. These are the limits that docs/how-to/test.md lists."""
    work, saved = log.session.after_call_work, log.session.wrapup
    timed_out = any(entry.event.kind == "timer.acw" for entry in log.trace)
    if timed_out and work is not None and work.state == "skipped":  # the platform took the timer's code back
        return False
    match family:
        case "shared":  # the topic has no word for a skip, only two equal times
            return work is None or work.state != "skipped" or envelope is None or work.start_time == work.end_time
        case "analytics":  # a wrap-up is a segment of after-call work, and ends with it
            return saved is None or (work is not None and work.state != "skipped" and work.end_time == saved.end_time)
        case "detail":  # it has no fact for a connection, and none for a draft
            return log.session.disconnected_time is not None and (saved is None or saved.end_time is not None)
        case "provider":  # it knows only what the agent saved
            return not timed_out and (saved is None or saved.end_time is not None)
        case _:
            return True


def check(family: str, envelope: str | None, life: Stream, log: SessionLog) -> None:
    """Check that what the family carries comes back from the payloads."""
    found = fold(convert(payloads(life, family, envelope=envelope, until=log.advanced)).events, log.advanced).session

    expect(found, **{name: value_of(log, name) for name in FAMILIES[family].carries})


@pytest.mark.parametrize(("family", "envelope"), [one for one in SHOWN if one[0] != "messenger"])
@given(data=st.data(), is_advanced=st.booleans())
def test_converted_again_payloads_give_what_the_family_carries(
    family: str, envelope: str | None, data: st.DataObject, *, is_advanced: bool
) -> None:
    life = data.draw(lives(is_whole=FAMILIES[family].is_whole))
    log = SessionLog.of(life, until=LATER if is_advanced else None)
    assume(is_shown(family, envelope, log))

    check(family, envelope, life, log)


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda one: one.get("wrapup_prompt", "no prompt"))
@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "messenger"])
def test_every_end_under_every_prompt_comes_back(family: str, settings: Json) -> None:
    connected = stream("leg").alerting(**settings).after(3).connected()
    shown = 0
    for call in (connected, connected.required(), connected.after(1).wrapup(**WRAPUP)):
        for end in ENDS:
            life = end(call.after(60).disconnected("peer").after(5))
            for until in (None, LATER):
                log = SessionLog.of(life, until=until)
                if is_shown(family, None, log):
                    shown += 1
                    check(family, None, life, log)
    assert shown > 10


def value_of(log: SessionLog, name: str) -> Any:
    value: Any = log.session
    for part in name.split("__"):
        value = None if value is None else getattr(value, part)
    return value


@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
def test_payloads_of_a_beginning_are_the_beginning_of_the_payloads(family: str, data: st.DataObject) -> None:
    life = data.draw(lives(is_whole=FAMILIES[family].is_whole))
    count = data.draw(st.integers(1, len(life)))

    whole, begun = payloads(life, family), payloads(life.events[:count], family)

    assert whole[: len(begun)] == begun


@pytest.mark.parametrize(("family", "envelope"), SHOWN)
@given(data=st.data())
def test_payloads_are_json_and_the_converter_understands_all_of_them(
    family: str, envelope: str | None, data: st.DataObject
) -> None:
    life = data.draw(lives(is_whole=FAMILIES[family].is_whole))

    for shown in payloads(life, family, envelope=envelope, until=LATER):
        assert json.loads(json.dumps(shown)) == shown
        recognised = GENESYS.recognise(shown)
        assert recognised in GENESYS.families
        assert str(recognised).partition(".")[0] == ("conversation" if family == "shared" else family)
        assert convert(shown).warnings == ()


# --- Messenger ----------------------------------------------------------------------------------------------------------------

OFFER = stream("s1").offering().after(5)


@pytest.mark.parametrize(
    ("life", "words"),
    [
        (OFFER.connected(), ["Offering", "OfferingAccepted"]),
        (OFFER.connected().after(60).disconnected("client"), ["Offering", "OfferingAccepted"]),
        (OFFER.disconnected("timeout"), ["Offering", "OfferingExpired"]),
        (OFFER.disconnected("client"), ["Offering", "OfferingRejected"]),
        (OFFER.disconnected("peer"), ["Offering"]),
    ],
)
def test_an_offer_of_web_messaging_has_a_word_for_each_state(life: Stream, words: list[str]) -> None:
    shown = payloads(life, "messenger")

    assert [one["events"][0]["coBrowse"]["type"] for one in shown] == words
    if words[-1] in ("OfferingExpired", "OfferingRejected"):
        expect(fold(convert(shown).events).session, state="disconnected", disconnect_type=life.events[-1].disconnect_type)  # type: ignore[attr-defined]  # of Disconnected


# --- Conversations ------------------------------------------------------------------------------------------------------------

CALL = (
    conversation("conv", media_type="call")
    .leg("c", purpose="customer")
    .connected()
    .after(1)
    .leg("q", purpose="acd", queue_id="q1")
    .connected()
    .after(2)
    .leg("v", purpose="voicemail")
    .connected()
    .after(1)
    .leg("q")
    .disconnected("transfer")
    .leg("v")
    .disconnected("client")
    .leg("a", purpose="agent", user_id="ann", queue_id="q1")
    .alerting(wrapup_prompt="mandatory")
    .after(3)
    .connected()
    .after(60)
    .leg("c")
    .disconnected("client")
    .leg("a")
    .disconnected("peer")
    .after(9)
    .wrapup("sale", notes="n")
    .after(20)
    .wrapup("other")
)


def recognised(some: Iterable[Json]) -> set[str | None]:
    return {GENESYS.recognise(one) for one in some}


def test_every_family_of_the_source_can_be_built() -> None:
    offer = conversation("c2").leg("o").offering().after(1).connected()

    built = [one for family in FAMILIES for one in payloads([*CALL, *offer], family)]

    assert recognised(built) == {*GENESYS.families}


@pytest.mark.parametrize("family", [name for name in GENESYS.families if name.startswith("detail.")])
def test_one_kind_of_detail_events_can_be_built(family: str) -> None:
    assert recognised(payloads(CALL, family)) == {family}


@pytest.mark.parametrize("family", ["conversation", "shared", "media", "analytics"])
def test_a_snapshot_shows_all_legs_as_they_are_by_then(family: str) -> None:
    shown = payloads(CALL, family)

    legs = [{leg.id: leg.state for leg in GENESYS.convert(one).legs} for one in shown]
    assert [*map(len, legs)][:4] == [1, 2, 3, 3]
    assert legs[-1] == dict.fromkeys("cqva", "disconnected")


@pytest.mark.parametrize("family", ["conversation", "shared", "media", "analytics"])
def test_an_inbox_that_takes_the_payloads_has_the_sessions_of_the_conversation(family: str) -> None:
    inbox = Inbox(Lifecycle())
    for number, one in enumerate(payloads(CALL, family)):
        inbox.take(one, LATER + timedelta(seconds=number))

    expect(inbox, "c", state="disconnected", disconnect_type="client", after_call_work=None, context__purpose="customer")
    expect(inbox, "q", disconnect_type="transfer", context__queue_id="q1", context__conversation_id="conv")
    expect(inbox, "a", disconnect_type="peer", wrapup__code="other", wrapup__notes=None, context__user_id="ann")


def test_a_conversation_of_its_own_has_snapshots_of_its_own() -> None:
    two = [*CALL, *conversation("conv2").leg("x").after(2).alerting()]

    assert [[leg.id for leg in GENESYS.convert(one).legs] for one in payloads(two) if one["id"] == "conv2"] == [["x"]]


def test_by_default_of_the_platform_the_participant_has_wrapup_and_after_call_work() -> None:
    (*_, last) = payloads(CALL, "shared", envelope="notification")

    agent = last["eventBody"]["participants"][-1]
    assert agent["wrapup"]["code"] == "other"
    assert (agent["startAcwTime"], agent["endAcwTime"]) == ("2026-03-01T09:01:07.000Z", "2026-03-01T09:01:16.000Z")
    assert not {"wrapup", "afterCallWork"} & agent["calls"][0].keys()


def test_of_several_legs_the_one_that_ended_last_has_the_work_of_the_participant() -> None:  # SHARE-2
    both = conversation("conv", participant_id="p1").leg("a").connected(wrapup_prompt="mandatory").after(1).leg("b")
    both = both.connected(wrapup_prompt="mandatory").after(60).leg("a").disconnected("peer").platform("notApplicable")
    both = both.after(5).leg("b").disconnected("peer").after(5).wrapup("sale")

    inbox = Inbox(Lifecycle())
    inbox.take(payloads(both, "shared"), LATER)

    expect(inbox, "a", after_call_work=None, wrapup=None)
    expect(inbox, "b", after_call_work__state="complete", wrapup__code="sale")


def test_legs_of_one_participant_are_in_one_participant() -> None:
    both = (
        conversation("conv")
        .leg("a", participant_id="p1", media_type="call")
        .connected()
        .leg("b", participant_id="p1")
        .connected()
    )

    (participant,) = payloads(both)[-1]["participants"]
    assert {name: [leg["id"] for leg in participant[name]] for name in ("calls", "cobrowsesessions")} == {
        "calls": ["a"],
        "cobrowsesessions": ["b"],
    }


@pytest.mark.parametrize("family", ["conversation", "shared", "media"])
def test_only_the_leg_of_an_agent_has_a_prompt(family: str) -> None:  # PROMPT-1
    both = conversation("conv").leg("a", purpose="agent").connected(wrapup_prompt="mandatory")
    both = both.leg("c", purpose="customer").connected(wrapup_prompt="mandatory")

    prompts = [participant.get("wrapupPrompt") for participant in payloads(both, family)[-1]["participants"]]
    assert prompts == ["mandatory", None]


@pytest.mark.parametrize(("name", "media"), MEDIA.items())
@pytest.mark.parametrize("family", ["conversation", "shared", "media"])
def test_every_kind_of_media_can_be_built(family: str, name: str, media: str) -> None:
    life = conversation("conv").leg("a", media_type=media).alerting().after(3).connected()

    (*_, last) = payloads(life, family, envelope="notification")

    assert fold(convert(last).events).context.media_type == media
    assert name in json.dumps(last)


@pytest.mark.parametrize("reason", [*DisconnectType, "meteor"])
@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "messenger"])
def test_every_disconnect_type_is_read_again(family: str, reason: str) -> None:
    life = stream("s1").connected().after(60).disconnected(reason)

    expect(fold(convert(payloads(life, family)).events).session, disconnect_type=life.events[-1].disconnect_type)  # type: ignore[attr-defined]  # of Disconnected


@pytest.mark.parametrize(
    ("family", "spelled"),
    [("conversation", "transfer.noanswer"), ("analytics", "noAnswerTransfer"), ("detail", "NO_ANSWER_TRANSFER")],
)
def test_each_family_has_its_own_spelling_of_a_disconnect_type(family: str, spelled: str) -> None:
    life = stream("s1").alerting().after(20).disconnected("transfer.noanswer")

    assert f'"disconnectType": "{spelled}"' in json.dumps(payloads(life, family))


def test_what_is_refused_changes_nothing_so_nothing_is_sent() -> None:
    ended = stream("s1").connected().after(60).disconnected("peer")

    assert payloads(ended.after(1).connected()) == payloads(ended)
    assert payloads(ended.after(1).updated()) == payloads(ended)


def test_the_platforms_timers_are_shown_when_time_goes_on() -> None:
    ended = stream("s1").connected(wrapup_prompt="timeout", wrapup_timeout=30).after(60).disconnected("peer")

    states = [one["participants"][0]["cobrowsesessions"][0]["afterCallWork"]["state"] for one in payloads(ended, until=LATER)[1:]]
    assert states == ["pending", "complete"]


def test_after_call_work_that_the_platform_took_back_is_not_applicable() -> None:
    ended = stream("s1").connected(wrapup_prompt="mandatory").after(60).disconnected("peer").after(1).platform("notApplicable")

    expect(fold(convert(payloads(ended)).events).session, after_call_work=None)


# --- What is an error ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "envelope"),
    [
        ("conversations", None),
        ("detail.user", None),
        ("media.calls", None),
        ("", None),
        ("conversation", "letter"),
        ("analytics", "notification"),
        ("provider", "sqs"),
    ],
)
def test_an_unknown_family_or_envelope_is_an_error_that_names_the_known_ones(family: str, envelope: str | None) -> None:
    with pytest.raises(ValueError, match="expected "):
        payloads(CALL, family, envelope=envelope)


def test_an_unknown_media_type_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"media_type: expected one of call, callback, .*, found 'fax'"):
        payloads(conversation("c").leg("a", media_type="fax").alerting())


def test_no_events_give_no_payloads() -> None:
    assert payloads(()) == []


def test_events_may_be_in_any_order() -> None:
    events: list[Event] = [*reversed(CALL.events)]

    assert [one["participants"][0]["calls"][0]["state"] for one in payloads(events, "conversation")][-1] == "disconnected"
