"""What holds for payloads of every sort: growing snapshots of one life, in any order, and payloads that are broken anyhow."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import assume, example, given
from hypothesis import strategies as st
from tests.strategies import json_values
from tests.test_corpus import CORPUS
from tests.test_genesys import (
    ENDED,
    PAYLOADS,
    SHARED,
    SKIPPED,
    SNAPSHOTS,
    TOPICS,
    Json,
    analytics,
    conversation,
    eventbridge,
    history,
    notification,
    offer,
    pushed,
    records,
    t,
)

from cobrowse_session import CobrowseSession, DecodeError, Event
from cobrowse_session.sources import Converted, convert
from cobrowse_session.sources.genesys import FAMILIES, GENESYS
from cobrowse_session.sources.reconcile import reconcile
from cobrowse_session.stream import fold
from cobrowse_session.wire import decode_event, encode_event, encode_session

# --- A life, and what the platform shows of it at a moment --------------------------------------------------------------------

TYPES = {
    "scheduled": "Scheduled",
    "offering": "System",
    "contacting": "Contacting",
    "dialing": "Dialing",
    "alerting": "Alert",
    "connected": "Interact",
}


@frozen(kw_only=True)
class Life:
    """A leg's whole life, in seconds after nine."""

    states: tuple[tuple[str, float], ...]  # pending ones and connected, each with its segment's start
    skew: float  # by so much the platform's own stamps lie after the segments
    lag: float  # by so much its segments lie behind the leg
    settings: Json
    peer_at: float
    requested_at: float | None
    ended: float | None
    how: str | None
    released: float | None  # from then on it is shown as terminated
    wrapup: Json | None
    prepared_at: float  # from then on its wrap-up is shown without an end
    saved: float | None
    work: str | None

    @property
    def horizon(self) -> float:
        """When there is nothing more to show."""
        return max((self.saved or 0), (self.released or 0), (self.ended or 0), self.states[-1][1], self.peer_at) + self.lag + 1


def leg(life: Life, now: float) -> Json:
    """What the REST API shows of it at a moment."""
    seen = [(state, at) for state, at in life.states if at + life.skew <= now] or [life.states[0]]
    stamps = {"alerting": "startAlertingTime", "connected": "connectedTime"}
    shown: Json = {"id": "leg", "initialState": life.states[0][0], "state": seen[-1][0], "provider": "acme"}
    shown |= {stamps[state]: t(at + life.skew) for state, at in seen if state in stamps}
    shown["segments"] = list(segments(life, now - max(life.lag, life.skew)))  # never ahead of the leg
    if now >= life.peer_at:
        shown |= {"peerId": "p9", "viewerUrl": "https://v"}
    if life.requested_at is not None and now >= life.requested_at:
        shown["afterCallWorkRequired"] = True
    if life.wrapup and now >= life.prepared_at:
        shown["wrapup"] = life.wrapup
    if life.ended is not None and now >= life.ended:
        shown |= {"state": "disconnected", "disconnectType": life.how, "disconnectedTime": t(life.ended)}
        if life.released is not None and now >= life.released:
            shown["state"] = "terminated"
        if life.work:
            shown["afterCallWork"] = {"state": "pending", "startTime": t(life.ended)}
    if life.saved is not None and now >= life.saved:
        if life.wrapup:
            shown["wrapup"] = {key: value for key, value in life.wrapup.items() if key != "provisional"} | {
                "endTime": t(life.saved)
            }
        if life.work:
            shown["afterCallWork"] |= {"state": life.work, "endTime": t(life.saved)}
    return shown


def segments(life: Life, now: float) -> Iterator[Json]:
    """The segments that had begun by then."""
    for (state, start), (following, end) in pairwise([*life.states, ("", life.ended or 10**6)]):
        if start <= now:
            how = TYPES.get(following, "Disconnect") if end <= now else "Disconnect"  # an open one says so before its time
            ended = {"endTime": t(end)} if end <= now else {}
            yield {"startTime": t(start), "type": TYPES[state], "howEnded": how} | ended


def rest(life: Life, now: float) -> Json:
    return conversation(leg(life, now), startTime=t(life.states[0][1]), **life.settings)


def notified(life: Life, now: float) -> Json:
    """A conversation's notification: no segments, no start of the alert, no start of the participant."""
    shown = {key: value for key, value in leg(life, now).items() if key not in ("segments", "startAlertingTime")}
    return notification(TOPICS[0], conversation(shown, **life.settings))


def flat(life: Life, now: float) -> Json:
    """A conversation of one kind of media, as the REST API shows it; without the initial state, and never `terminated`."""
    whole = leg(evolve(life, released=None), now)
    shown = {
        key: value for key, value in whole.items() if key in ("id", "state", "provider", "viewerUrl", "wrapup", "disconnectType")
    }
    for ours, theirs in (("startAlertingTime",) * 2, ("connectedTime",) * 2, ("disconnectedTime", "endTime"), ("peerId", "peer")):
        if ours in whole:
            shown[theirs] = whole[ours]
    work = whole.get("afterCallWork", {})
    shown |= {"startAcwTime": work.get("startTime"), "endAcwTime": work.get("endTime"), "startTime": t(life.states[0][1])}
    return {"id": "conv", "participants": [shown | life.settings]}


RENDERED = {"rest": rest, "notification": notified, "media": flat}
seconds = st.integers(1, 40).map(float)


PENDING: list[tuple[str, ...]] = [
    *((), ("alerting",), ("scheduled",), ("offering",), ("contacting", "dialing"), ("offering", "alerting"))
]
WRAPUPS: list[Json] = [{"code": "c"}, {"code": "c", "notes": "n", "tags": ["a"]}, {"code": "c", "provisional": True}]
RULES: list[Json] = [
    {},
    {"wrapupPrompt": "optional"},
    {"wrapupPrompt": "timeout", "wrapupTimeoutMs": 9000},
    {"wrapupPrompt": "agentRequested"},
]


@st.composite
def lives(draw: st.DrawFn) -> Life:
    names = draw(st.sampled_from(PENDING))
    connects = draw(st.booleans()) or not names
    now, states = 0.0, []
    for name in (*names, *(("connected",) if connects else ())):
        states.append((name, now))
        now += draw(seconds)
    ended = now if draw(st.booleans()) or draw(st.booleans()) else None
    wrapped = connects and draw(st.booleans())
    worked = ended is not None and connects and (wrapped or draw(st.booleans()))
    wrapup = draw(st.sampled_from(WRAPUPS))
    skew = draw(st.sampled_from((0, 0.009, 0.036)))
    return Life(
        states=tuple(states),
        skew=skew,
        lag=draw(st.sampled_from((0.0, 0.5, 7.0, 100.0))),
        settings=draw(st.sampled_from(RULES)),
        peer_at=draw(seconds),
        requested_at=states[-1][1] + skew if connects and draw(st.booleans()) else None,
        ended=ended,
        how=draw(st.sampled_from(("client", "peer", "transfer"))) if ended else None,
        released=None if ended is None else draw(st.none() | st.just(ended + 0.5)),
        wrapup=wrapup if wrapped else None,
        # Shown when it is saved at the latest; a draft, of after-call work.
        prepared_at=now + 1 if wrapup.get("provisional") else states[-1][1] + skew + 0.5,
        saved=ended + 2 + draw(seconds) if ended is not None and worked else None,
        work=draw(st.sampled_from(("complete", "skipped"))) if worked else None,
    )


# --- Payloads that carry a time, or keep the time at which they were received --------------------------------------------------


@frozen
class Delivered:
    """A payload, with the time at which it was received, in seconds after nine. None: it is not known."""

    payload: Json
    received: float | None = None

    def events(self, place: int) -> Sequence[Event]:
        received = None if self.received is None else datetime.fromisoformat(t(self.received))
        return convert(self.payload, received_at=received, place=place).events


def of_the_provider(payload: Json, now: float) -> Delivered:
    """The leg has the provider's own time."""
    payload = deepcopy(payload)
    for participant in payload.get("eventBody", payload)["participants"]:
        for leg in participant.get("cobrowsesessions", [participant]):
            leg["providerEventTime"] = t(now)
    return Delivered(payload)


def in_eventbridge(payload: Json, now: float) -> Delivered:
    """The envelope has the time."""
    topic = payload.get("topicName", TOPICS[0])
    return Delivered(eventbridge(payload.get("eventBody", payload), topic) | {"time": t(now)})


def received(payload: Json, now: float) -> Delivered:
    """The payload has no time. It was received soon after."""
    return Delivered(payload, now + 0.2)


def received_in_eventbridge(payload: Json, now: float) -> Delivered:
    return evolve(in_eventbridge(payload, now), received=now + 0.2)


TIMED = (of_the_provider, in_eventbridge, received, received_in_eventbridge)


@st.composite
def growing(draw: st.DrawFn, renderers: Sequence[str] = tuple(RENDERED)) -> tuple[list[Delivered], list[Delivered]]:
    """Snapshots of one life as it grew, of any families, and the same in any order, any number of times."""
    life, timed, render = draw(lives()), draw(st.sampled_from(TIMED)), st.sampled_from(renderers)
    moments = draw(st.sets(st.integers(0, round(life.horizon * 10)), min_size=1, max_size=5))
    shown = sorted({now / 10 for now in moments} | draw(st.sampled_from([set(), {life.horizon}])))
    snapshots = [timed(RENDERED[draw(render)](life, now), now) for now in shown]
    more = draw(st.lists(st.sampled_from(snapshots), max_size=3))
    return snapshots, draw(st.permutations([*snapshots, *more]))


def events_of(delivered: Sequence[Delivered]) -> list[Event]:
    return [event for place, one in enumerate(delivered) for event in one.events(place)]


def session(events: Sequence[Event]) -> CobrowseSession | None:
    return fold(events).session if events else None


@given(growing())
def test_snapshots_in_any_order_and_any_number_of_times_give_one_session(drawn: tuple[list[Delivered], list[Delivered]]) -> None:
    snapshots, delivered = drawn

    assert session(events_of(delivered)) == session(events_of(snapshots))


@given(growing())
def test_the_ids_of_facts_are_the_same_in_any_order(drawn: tuple[list[Delivered], list[Delivered]]) -> None:
    snapshots, delivered = drawn

    assert {event.id for event in events_of(delivered)} == {event.id for event in events_of(snapshots)}


@given(growing())
def test_one_snapshot_has_each_fact_once(drawn: tuple[list[Delivered], list[Delivered]]) -> None:
    for one in drawn[0]:
        ids = [event.id for event in one.events(0)]
        assert len(set(ids)) == len(ids)


ONCE = {"leg/wrapup/draft", "leg/acw.started"}
"""What an earlier snapshot of a life states and a later one does not."""


@given(growing(("rest",)))
def test_growing_snapshots_amount_to_the_session_of_the_last_one_that_states_every_time(
    drawn: tuple[list[Delivered], list[Delivered]],
) -> None:
    """Segments may lag behind. Then an earlier snapshot shows a state earlier, or shows one that the last one does not."""
    snapshots, delivered = drawn
    found, last = events_of(delivered), events_of(snapshots[-1:])
    assume({event.id for event in found} - ONCE <= {event.id for event in last})
    assume(all(event.derived_from is None for event in last))

    assert session(found) == session(last)


@given(growing())
def test_the_session_agrees_with_the_last_snapshot(drawn: tuple[list[Delivered], list[Delivered]]) -> None:
    """Wrap-up and after-call work that still go on are left out: the lifecycle decides those."""
    snapshots, delivered = drawn
    released = any("terminated" in json.dumps(one.payload) for one in snapshots)  # a flat one is never shown so
    ours = session(events_of(delivered))
    compared = reconcile([ours] if ours else [], convert(snapshots[-1].payload).legs)

    assert [
        str(one) for one in compared.differences if one.field.split(".")[0] not in ("afterCallWork", "wrapup", "state" * released)
    ] == []


CORRECTIONS: list[Json] = [
    {"disconnectType": "transfer"},
    {"disconnectType": "peer", "state": "terminated"},
    {"disconnectedTime": 0.4},
    {"disconnectedTime": -0.4, "disconnectType": "system"},
    {"peerId": "p10", "viewerUrl": "https://w"},
    {"provider": "other"},
]


@st.composite
def corrected(draw: st.DrawFn) -> tuple[Json, Delivered, list[Delivered]]:
    """A correction, the snapshot that has it, and this and earlier ones in any order."""
    life = draw(lives().filter(lambda one: one.ended is not None and one.work is None))
    assert life.ended is not None
    correction, timed = dict(draw(st.sampled_from(CORRECTIONS))), draw(st.sampled_from(TIMED))
    shown = leg(life, life.horizon)
    if moved := correction.get("disconnectedTime"):
        correction["disconnectedTime"] = t(life.ended + moved)
    moments = sorted(draw(st.sets(st.integers(0, 100), min_size=1, max_size=4)))
    earlier = [timed(rest(life, life.ended + now / 100), life.ended + now / 100) for now in moments]
    last = timed(conversation(shown | correction, startTime=t(life.states[0][1]), **life.settings), life.horizon + 600)
    return correction, last, draw(st.permutations([*earlier, last, last]))


@given(corrected())
def test_a_later_edition_corrects_an_earlier_one_in_any_order(drawn: tuple[Json, Delivered, list[Delivered]]) -> None:
    correction, last, delivered = drawn
    found, alone = session(events_of(delivered)), session(last.events(0))

    assert found == alone
    assert found is not None
    written = json.loads(encode_session(found))
    assert {key: written.get(key) for key in correction} == correction


@given(st.permutations(["client", "transfer", "peer", "system"]), st.integers(1, 3))
def test_the_place_of_payloads_without_any_time_is_their_order(reasons: list[str], times: int) -> None:
    """Such payloads in another order are another input: the last one counts."""
    ended = {"state": "disconnected", "connectedTime": t(3), "disconnectedTime": t(63)}
    delivered = [Delivered(conversation(ended | {"disconnectType": reason})) for reason in reasons for _ in range(times)]
    found = events_of(delivered)

    for events in (found, found[::-1]):
        assert fold(events).session.disconnect_type == reasons[-1]


# --- Broken anyhow ------------------------------------------------------------------------------------------------------------

SOURCES: list[Any] = [
    *(json.loads(path.read_bytes()) for path in sorted(CORPUS.glob("*/payload.json"))),
    *PAYLOADS.values(),
    [PAYLOADS["conversation"], PAYLOADS["user.end"]],
    {"conversations": [PAYLOADS["analytics"]]},
    analytics(("alert", 0, 3), ("interact", 3, None)),
    {f"{kind}EstablishedEvents": [pushed(2, userId="u1", initialConfiguration={"alerting": True})] for kind in ("user", "email")},
    {"transferEvents": [pushed(9)], **PAYLOADS["provider"]},
    *(offer(kind, time=t(5)) for kind in ("Offering", "OfferingExpired", "OfferingAccepted", "OfferingRejected")),
    history(didInteract=True, connectedTime=t(3)),
    records(PAYLOADS["conversation"], PAYLOADS["messenger"], PAYLOADS["acw"]),
    eventbridge(PAYLOADS["media"], "v2.users.u1.conversations.calls"),
    {"detail-type": TOPICS[0], "time": t(9), "detail": {"eventBody": conversation({"state": "alerting"})}},
    conversation(ENDED, ENDED | {"id": "leg2"}, media="calls", **SHARED),
    [payload for _, payload in SKIPPED],
    SNAPSHOTS,
]
Path = tuple[str | int, ...]


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from _paths(part, (*path, key))


def _by_depth(source: Any) -> list[list[Path]]:
    """Every place in a payload; those of one depth together, for there are so many more of the deep ones."""
    depths = defaultdict(list)
    for path in _paths(source):
        depths[len(path)].append(path)
    return [*depths.values()]


PLACES = [(source, _by_depth(source)) for source in SOURCES]

GONE = object()
HUGE = (
    10**18,
    -(10**18),
    253_402_300_799_999,
    -1_772_355_600_000,
    86_400_001,
    10**4299,
    1e308,
    "x" * 100_000,
    "9" * 500,
    ["x"] * 5_000,
    {str(n): n for n in range(5_000)},
)
ODD: tuple[Any, ...] = (
    *(
        GONE,
        None,
        True,
        False,
        0,
        1,
        -1,
        0.5,
        float("nan"),
        float("inf"),
        "",
        " ",
        "null",
        "ünheard",
        [],
        {},
        [None],
        [{}],
        [[]],
        {"": {}},
    ),
    *(
        "1990-01-01T00:00:00Z",
        "2199-12-31T23:59:60Z",
        "2026-03-01T09:00:00",
        "2026-02-30T09:00:00Z",
        "9998-12-31T23:59:59.999-23:59",
        "9998-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00Z",
    ),
    *(
        "connected",
        "DISCONNECTED",
        "terminated",
        "alerting",
        "parked",
        "none",
        "transfer",
        "mandatory",
        "forcedTimeout",
        "skipped",
    ),
    *("Interact", "Alert", "IVR", "hold", "wrapup", "channel.metadata", "v2.detail.events.conversation.c.acw"),
)


def nested(depth: int) -> Any:
    """Lists and objects in each other."""
    value: Any = "x"
    for number in range(depth):
        value = [value] if number % 2 else {"detail": value}
    return value


DEEP = tuple(map(nested, (10, 55, 63, 70, 500)))
values = st.sampled_from(ODD) | st.sampled_from(HUGE) | st.sampled_from(DEEP) | json_values


def _at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


@st.composite
def broken(draw: st.DrawFn) -> Any:
    """A payload in which some values, at any depth, are gone, or others, or those of another place, or in a list."""
    source, places = draw(st.sampled_from(PLACES))
    document = deepcopy(source)
    for depth in draw(st.lists(st.sampled_from(places), min_size=1, max_size=4)):
        path, other = draw(st.sampled_from(depth)), draw(st.sampled_from(draw(st.sampled_from(places))))
        how = draw(st.sampled_from(("value", "value", "swap", "list", "twice")))
        value = draw(values) if how == "value" else None
        try:
            holder, found = _at(document, path[:-1]), _at(document, path)
            if how == "swap":
                holder[path[-1]], _at(document, other[:-1])[other[-1]] = deepcopy(_at(document, other)), deepcopy(found)
            elif how == "list":
                holder[path[-1]] = [found]
            elif how == "twice" and isinstance(found, list):
                holder[path[-1]] = [*found, *deepcopy(found)]
            elif value is GONE:
                del holder[path[-1]]
            elif how == "value":
                holder[path[-1]] = deepcopy(value)
        except (KeyError, IndexError, TypeError):  # an earlier change took the place away
            continue
    return document


def converted(document: Any, family: str | None = None, **how: Any) -> Converted | None:
    """Events, or a reason; nothing else."""
    try:
        return convert(document, family, **how)
    except DecodeError as error:
        reason = error
    assert str(reason)
    return None


def check(found: Converted | None) -> list[CobrowseSession]:
    """Every event can be written, read and replayed, and is of a leg that states a fact."""
    by_session = defaultdict(list)
    for event in found.events if found else ():
        assert decode_event(encode_event(event)) == event
        by_session[event.subject].append(event)
    assert {leg.id for leg in (found.legs if found else ()) if not leg.is_empty} == by_session.keys()
    assert all(str(warning) for warning in (found.warnings if found else ()))
    return [fold(events).session for events in by_session.values()]


receipts = st.none() | st.sampled_from([datetime(year, 3, 1, 9, tzinfo=UTC) for year in (1970, 2025, 2026, 9998)])
families = st.none() | st.sampled_from([*FAMILIES])


@given(broken(), families, receipts)
def test_a_broken_payload_gives_events_that_can_be_written_read_and_replayed_or_a_reason(
    document: Any, family: str | None, received_at: datetime | None
) -> None:
    check(converted(document, family, received_at=received_at))


@given(broken())
def test_a_broken_payload_that_is_not_recognised_is_rejected(document: Any) -> None:
    recognised = GENESYS.recognise(document)

    assert recognised is None or recognised
    if recognised is None and isinstance(document, dict):
        assert converted(document) is None


@given(broken())
def test_what_a_broken_payload_gives_can_be_reconciled(document: Any) -> None:
    found = converted(document)

    if found:
        assert all(str(one) for one in reconcile(check(found), found.legs).compared)


@given(json_values, families)
@example([[]], None)
@example({"detail": {"detail": {"eventBody": 5}}}, None)
@example({"topicName": "channel.metadata"}, "media")
def test_any_json_gives_events_or_a_reason(document: Any, family: str | None) -> None:
    check(converted(document, family))


KEYS = (
    *("id", "participants", "conversationId", "sessions", "sessionId", "segments", "segmentType", "segmentStart", "eventTime"),
    *("topicName", "eventBody", "detail", "conversations", "entities", "calls", "cobrowsesessions", "state", "connectedTime"),
    *("disconnectedTime", "wrapup", "code", "userId", "disconnectType", "communicationEndedEvents", "communicationId"),
    *("coBrowse", "events", "type", "userEstablishedEvents", "eventDateTime", "Records", "body", "detail-type", "didInteract"),
)
lookalikes = st.recursive(
    st.sampled_from([value for value in ODD if value is not GONE]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=25,
)


@given(lookalikes, families)
def test_json_that_looks_like_a_payload_gives_events_or_a_reason(document: Any, family: str | None) -> None:
    check(converted(document, family))


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"wrapup": {"code": "c", "notes": "x" * (1 << 20)}}, id="longer than a line may be"),
        pytest.param({"connectedTime": "1990-01-01T00:00:00Z"}, id="received long before it happened"),
        pytest.param({"startAlertingTime": "1990-01-01T00:00:00Z"}, id="alerted long before it happened"),
    ],
)
def test_an_event_that_could_not_be_read_again_is_not_given(said: Json) -> None:
    segments = [{"startTime": t(0), "endTime": t(3), "type": "Alert"}, {"startTime": t(3), "type": "Interact"}]

    check(converted(conversation({"state": "connected", "connectedTime": t(3), "segments": segments} | said)))
