"""What holds for payloads of every sort: growing snapshots of one life, in any order; and payloads that are broken anyhow."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import example, given
from hypothesis import strategies as st
from tests.strategies import json_values
from tests.test_corpus import CORPUS
from tests.test_genesys import PAYLOADS, TOPICS, Json, analytics, conversation, notification, t

from cobrowse_session import CobrowseSession, DecodeError, Event
from cobrowse_session.sources.genesys import FAMILIES, Converted, convert
from cobrowse_session.sources.reconcile import reconcile
from cobrowse_session.stream import fold
from cobrowse_session.wire import decode_event, encode_event

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
    """A leg's whole life, in seconds after nine. Nothing in it is ever corrected."""

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
        return max((self.saved or 0), (self.released or 0), self.states[-1][1], self.peer_at) + self.lag + 1


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


@st.composite
def growing(draw: st.DrawFn) -> tuple[list[Json], list[Json]]:
    """Snapshots of one life as it grew; and the same in any order, any number of times."""
    life, render = draw(lives()), draw(st.sampled_from([*RENDERED.values()]))
    moments = sorted(draw(st.lists(st.floats(0, life.horizon, allow_nan=False), min_size=1, max_size=5)))
    snapshots = [render(life, now) for now in [*moments, *draw(st.sampled_from([[], [life.horizon]]))]]
    more = draw(st.lists(st.sampled_from(snapshots), max_size=3))
    return snapshots, draw(st.permutations([*snapshots, *more]))


def session(events: Sequence[Event]) -> CobrowseSession | None:
    return fold(events).session if events else None


@given(growing())
def test_snapshots_in_any_order_give_what_the_last_one_says_and_what_only_the_earlier_ones_said(
    drawn: tuple[list[Json], list[Json]],
) -> None:
    snapshots, delivered = drawn
    *earlier, last = (convert(snapshot).events for snapshot in snapshots)
    no_change_rows = {event.id: event for events in earlier for event in events}

    found = {event.id: event for event in convert(delivered).events}
    assert found == no_change_rows | {event.id: event for event in last}
    assert {name for name, event in found.items() if event not in last} <= no_change_rows.keys()


@given(growing())
def test_a_fact_is_the_same_event_in_every_snapshot(drawn: tuple[list[Json], list[Json]]) -> None:
    events = convert(drawn[1]).events

    assert len({event.id for event in events}) == len(events)


@given(growing())
def test_growing_snapshots_amount_to_the_session_of_the_last_one(drawn: tuple[list[Json], list[Json]]) -> None:
    snapshots, delivered = drawn

    assert session(convert(delivered).events) == session(convert(snapshots[-1]).events)


@given(growing())
def test_the_session_agrees_with_the_last_snapshot(drawn: tuple[list[Json], list[Json]]) -> None:
    """But for after-call work and wrap-up that are still going on: those are the lifecycle's own to say."""
    snapshots, delivered = drawn
    ours = session(convert(delivered).events)
    compared = reconcile([ours] if ours else [], convert(snapshots[-1]).legs)

    wrong = [one for one in compared if one.result in ("different", "missing")]
    assert [
        str(one) for one in wrong if one.field.split(".")[0] not in ("afterCallWork", "wrapup", *(() if ours else ("id",)))
    ] == [str(one) for one in wrong if one.field == "state" and not _has_a_time(snapshots[-1])]


def _has_a_time(snapshot: Json) -> bool:
    """Whether it says when the leg entered its state; else that is no fact yet."""
    shown = snapshot.get("eventBody", snapshot)["participants"][0]
    shown = shown.get("cobrowsesessions", [shown])[0]
    state, stamps = shown["state"], {"alerting": "startAlertingTime", "connected": "connectedTime"}
    lasting = [one["type"] for one in shown.get("segments", ())]
    return state in ("disconnected", "terminated") or stamps.get(state, "") in shown or TYPES.get(state) in lasting


# --- Broken anyhow ------------------------------------------------------------------------------------------------------------

SOURCES: list[Any] = [
    *(json.loads(path.read_bytes()) for path in sorted(CORPUS.glob("*/payload.json"))),
    *PAYLOADS.values(),
    [PAYLOADS["conversation"], PAYLOADS["user.end"]],
    {"conversations": [PAYLOADS["analytics"]]},
    analytics(("alert", 0, 3), ("interact", 3, None)),
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
HUGE = (10**18, -(10**18), 10**4299, 1e308, "x" * 100_000, "9" * 500, ["x"] * 5_000, {str(n): n for n in range(5_000)})
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
values = st.sampled_from(ODD) | st.sampled_from(HUGE) | json_values


@st.composite
def broken(draw: st.DrawFn) -> Any:
    """A payload in which some values, at any depth, are gone or others."""
    source, places = draw(st.sampled_from(PLACES))
    document = deepcopy(source)
    for depth in draw(st.lists(st.sampled_from(places), min_size=1, max_size=4)):
        path = draw(st.sampled_from(depth))
        holder = document
        try:
            for step in path[:-1]:
                holder = holder[step]
            value = draw(values)
            if value is GONE:
                del holder[path[-1]]
            else:
                holder[path[-1]] = deepcopy(value)
        except (KeyError, IndexError, TypeError):  # an earlier change took the place away
            continue
    return document


def converted(document: Any, family: str | None = None) -> Converted | None:
    """Events, or a reason; nothing else."""
    try:
        return convert(document, family)
    except DecodeError as error:
        reason = error
    assert str(reason)
    return None


def check(found: Converted | None) -> list[CobrowseSession]:
    """Every event can be written, read and replayed."""
    by_session = defaultdict(list)
    for event in found.events if found else ():
        assert decode_event(encode_event(event)) == event
        by_session[event.subject].append(event)
    assert all(str(warning) for warning in (found.warnings if found else ()))
    return [fold(events).session for events in by_session.values()]


families = st.none() | st.sampled_from([*FAMILIES])


@given(broken(), families)
def test_a_broken_payload_gives_events_or_a_reason(document: Any, family: str | None) -> None:
    converted(document, family)


@given(broken())
def test_what_a_broken_payload_gives_can_be_written_read_and_replayed(document: Any) -> None:
    check(converted(document))


@given(broken())
def test_what_a_broken_payload_gives_can_be_reconciled(document: Any) -> None:
    found = converted(document)

    if found:
        assert all(str(one) for one in reconcile(check(found), found.legs))


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
