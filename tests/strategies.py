"""What the tests draw: events of every kind, streams of one session, lifecycles, and the sessions that streams reach."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from attrs import evolve
from hypothesis import strategies as st

from cobrowse_session import (
    Address,
    AfterCallWorkEnded,
    AfterCallWorkRequired,
    AfterCallWorkStarted,
    Alerting,
    CobrowseSession,
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
    Settings,
    Terminated,
    UnknownEvent,
    UnknownPrompt,
    Updated,
    WrapupSaved,
)
from cobrowse_session.stream import fold
from cobrowse_session.testing import START
from cobrowse_session.wire import decode_session

SECOND = timedelta(seconds=1)
PROMPTS = (
    "mandatory",
    "optional",
    "agentRequested",
    "timeout",
    "forcedTimeout",
    "none",
    "MANDATORY_TIMEOUT",
    UnknownPrompt("new"),
)
DISCONNECT_TYPES = ("endpoint", "client", "transfer", "NO_ANSWER_TRANSFER", "Transfer.Unheard", "meteor")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


# A small grid, in which instants and deadlines (some seconds later) collide.
moments = st.integers(0, 14).map(at)
timeouts = st.sampled_from((1, 2, 3, 5)).map(SECOND.__mul__)
words = st.sampled_from(("", "a", "sale", "Zoë 😀"))
texts = words | st.text(max_size=5)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
unheard: st.SearchStrategy[dict[str, Any]] = st.just({}) | st.dictionaries(
    st.sampled_from(("future", "x-y", "ünheard")), json_values, max_size=2
)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


addresses = st.builds(
    Address,
    name=maybe(texts),
    name_raw=maybe(words),
    address_normalized=maybe(words),
    address_raw=maybe(words),
    address_displayable=maybe(words),
    extra=unheard,
)
details = st.just(Details()) | st.builds(
    Details,
    self_=maybe(addresses),
    provider=maybe(words),
    peer_id=maybe(words),
    cobrowse_session_id=maybe(words),
    cobrowse_role=st.sampled_from((None, None, "sharer", "Viewer", "spectator")),
    controlling=maybe(st.lists(words, max_size=2)),
    viewer_url=maybe(words),
    initial_state=st.sampled_from((None, None, None, "ALERTING", "connected", "parked")),
    after_call_work_required=st.sampled_from((None, None, False, True)),
)
settings = st.just(Settings()) | st.builds(
    Settings, wrapup_prompt=st.sampled_from((None, *PROMPTS)), wrapup_timeout=maybe(timeouts), alerting_timeout=maybe(timeouts)
)
# For streams, whose events need not say everything that can be said: one draw each, or Hypothesis takes its time.
some_details = st.sampled_from(
    (
        *[Details()] * 4,
        Details(cobrowse_role="viewer", viewer_url="https://v"),
        Details(cobrowse_role="spectator", provider="acme"),
        Details(controlling=["p1", "p2"]),
        Details(controlling=[]),
        Details(initial_state="CONTACTING", self_=Address(name="Zoë", extra={"odd": [None]})),
        Details(peer_id="p", cobrowse_session_id="cb"),
        Details(after_call_work_required=True),
        Details(after_call_work_required=False),
    )
)
some_settings = st.sampled_from(
    (
        *[Settings()] * 6,
        *(Settings(wrapup_prompt=prompt, wrapup_timeout=2 * SECOND) for prompt in PROMPTS),
        *(Settings(wrapup_timeout=timeout * SECOND, alerting_timeout=2 * SECOND) for timeout in (1, 3, 5)),
        Settings(alerting_timeout=SECOND),
    )
)
contexts = st.sampled_from(
    (*[Context()] * 3, Context(conversation_id="c1"), Context(conversation_id="c2", queue_id="q", user_id="u"))
)
sequences = st.sampled_from((None, None, None, "1", "2", "010", "b"))
some_extras = st.sampled_from(({}, {}, {}, {"future": {"x": [1, None]}}))
delays = st.sampled_from((None, -SECOND, 0 * SECOND, 0.031 * SECOND, 2 * SECOND, 2.001 * SECOND, 300 * SECOND))
out_of_bounds = st.sampled_from((0, -1, 86_400_001, 1.5, 3000.0, 10**40))


@st.composite
def _extras(draw: st.DrawFn, said: Settings) -> Mapping[str, Any]:
    """Unknown keys of the data, and now and then a timeout out of bounds where none is said."""
    extra = dict(draw(unheard))
    silent = [("wrapupTimeoutMs", said.wrapup_timeout), ("alertingTimeoutMs", said.alerting_timeout)]
    for key in [key for key, timeout in silent if timeout is None]:
        if draw(st.integers(0, 7)) == 0:
            extra[key] = draw(out_of_bounds)
    return extra


ENTERED = st.sampled_from(({}, {}, {"segment_type": "IVR"}))
OWN: dict[type[Event], st.SearchStrategy[dict[str, Any]]] = {
    **dict.fromkeys((Scheduled, Offering, Contacting, Dialing, Alerting, Connected), ENTERED),
    Updated: st.just({}),
    AfterCallWorkStarted: st.just({}),
    AfterCallWorkRequired: st.sampled_from(({"required": True}, {"required": False})),
    **dict.fromkeys(
        (Disconnected, Terminated), st.sampled_from([{"disconnect_type": word} for word in (None, *DISCONNECT_TYPES)])
    ),
    WrapupSaved: st.sampled_from(
        [
            {},
            {"code": "", "notes": "nothing to say"},
            {"provisional": True},
            {"code": "sale"},
            {"code": "sale", "provisional": True},
            {"code": "sale", "disable_end_time_updates": True},
            {"code": "Zoë 😀", "name": "Zoë", "notes": "n", "tags": ["a", ""]},
            {"notes": "draft", "tags": [], "provisional": True},
        ]
    ),
    AfterCallWorkEnded: st.sampled_from(
        [
            *({"by": by} for by in ("agent", "OFFLINE", "robot")),
            *({"by": "platform", "state": state} for state in ("complete", "SKIPPED", "NOT_APPLICABLE", "pending", "lost")),
            {"by": "Agent", "state": "lost"},
        ]
    ),
    UnknownEvent: st.sampled_from(
        [
            {"type": "com.example.unheard"},
            {"type": "cobrowse.session.Alerting", "data": [1, None]},
            {"type": "cobrowse.session.unknown", "data": {"code": 5}},
        ]
    ),
}
kinds = st.sampled_from(tuple(OWN))


@st.composite
def events(draw: st.DrawFn) -> Event:
    """An event of session `s1`, of any kind, saying any of what it may say, or nothing."""
    said = draw(settings)
    event = draw(brief_events(kinds, moments, st.sampled_from("abc")))
    if isinstance(event, UnknownEvent):  # only its envelope is read
        return evolve(event, data=draw(json_values.filter(lambda data: data != {})), extensions=draw(unheard))
    return evolve(event, details=draw(details), settings=said, extra=draw(_extras(said)), extensions=draw(unheard))


@st.composite
def brief_events(
    draw: st.DrawFn, kind: st.SearchStrategy[type[Event]], occurred_at: st.SearchStrategy[datetime], name: st.SearchStrategy[str]
) -> Event:
    """An event that says one thing or another."""
    cls, moment, delay = draw(kind), draw(occurred_at), draw(delays)
    unknown = cls is UnknownEvent
    return cls(
        subject="s1",
        source="/b" if (named := draw(name)) in "beg" else "/a",
        id=named,
        occurred_at=moment,
        received_at=None if delay is None else moment + delay,
        provider_time=moment - SECOND if delay == SECOND else None,
        context=draw(contexts),
        sequence=draw(sequences),
        derived_from=draw(st.sampled_from((None, None, "the envelope"))),
        details=Details() if unknown else draw(some_details),
        settings=Settings() if unknown else draw(some_settings),
        extra={} if unknown else draw(some_extras),
        **draw(OWN[cls]),
    )


BEGINNINGS: tuple[tuple[type[Event], ...], ...] = ((), (Alerting,), (Alerting, Connected), (Alerting, Connected, Disconnected))


@st.composite
def streams(draw: st.DrawFn, *, most: int = 8, distinct: bool = False) -> list[Event]:
    """Events of one session, in no order: often a leg's usual beginning, then anything; some of them more than once.

    With `distinct`, no two of them occur at the same instant, and none comes twice.
    """
    beginning = draw(st.sampled_from(BEGINNINGS))
    later = draw(st.lists(st.integers(len(beginning), 14), min_size=0 if beginning else 1, max_size=most, unique=distinct))
    kinds_and_times = [*zip(beginning, count()), *((draw(kinds), second) for second in later)]
    made = [
        draw(brief_events(st.just(kind), st.just(at(second)), st.just(name)))
        for name, (kind, second) in zip("abcdefghijkl", kinds_and_times, strict=False)
    ]
    for event in draw(st.lists(st.sampled_from(made), max_size=3)) if not distinct else ():
        other = brief_events(kinds, moments, st.just(event.id))
        made.append(draw(st.just(event) | st.just(evolve(event, received_at=event.occurred_at)) | other))
    return made


@st.composite
def lifecycles(draw: st.DrawFn, *, strict: bool = False) -> Lifecycle:
    """Rules of every sort, with every prompt; where a person sets a limit, there is a time."""
    prompt = draw(st.sampled_from((None, *PROMPTS)))
    limited = prompt in ("timeout", "forcedTimeout", "MANDATORY_TIMEOUT")
    return Lifecycle(
        settings=Settings(
            wrapup_prompt=prompt,
            wrapup_timeout=draw(timeouts if limited else maybe(timeouts)),
            alerting_timeout=draw(maybe(timeouts)),
        ),
        acw_when_unanswered=draw(st.booleans()),
        acw_after_transfer=draw(st.booleans()),
        alerting_grace=draw(st.sampled_from((None, 0 * SECOND, SECOND))),
        timeout_code=draw(st.sampled_from(("ININ-WRAP-UP-TIMEOUT", "a"))),
        strict=strict,
    )


@st.composite
def reached(draw: st.DrawFn) -> CobrowseSession:
    """A session that some stream reaches."""
    until = draw(maybe(moments))
    return fold(draw(streams()), until, lifecycle=draw(lifecycles())).session


_times = moments.map(lambda moment: moment.isoformat())
_states = st.sampled_from(("none", "alerting", "CONNECTED", "disconnected", "terminated", "parked"))
_ends = st.sampled_from(("peer", "TRANSFER", "meteor"))


def _objects(*, extra: st.SearchStrategy[Any] = json_values, **keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional={**{key: maybe(value) for key, value in keys.items()}, "unheard": extra})


session_documents: st.SearchStrategy[dict[str, Any]] = _objects(
    state=_states,
    initialState=_states,
    disconnectType=_ends,
    self=_objects(name=texts, nameRaw=words, addressNormalized=words, addressRaw=words, addressDisplayable=words),
    cobrowseSessionId=words,
    cobrowseRole=st.sampled_from(("viewer", "SHARER", "spectator")),
    controlling=st.lists(words, max_size=2),
    viewerUrl=words,
    providerEventTime=_times,
    startAlertingTime=_times,
    connectedTime=_times,
    disconnectedTime=_times,
    provider=words,
    peerId=words,
    segments=st.lists(_objects(startTime=_times, endTime=_times, type=words, howEnded=words, disconnectType=_ends), max_size=2),
    wrapup=_objects(
        code=words,
        name=words,
        notes=words,
        tags=st.lists(words, max_size=2),
        durationSeconds=st.integers(),
        endTime=_times,
        provisional=st.booleans(),
    ),
    afterCallWork=_objects(
        startTime=_times, endTime=_times, state=st.sampled_from(("pending", "COMPLETE", "skipped", "notApplicable", "absent"))
    ),
    afterCallWorkRequired=st.booleans(),
).map(lambda document: {**document, "id": "s1"})
decoded: st.SearchStrategy[CobrowseSession] = session_documents.map(json.dumps).map(decode_session)
"""Sessions as any sender may write them: parts missing, parts that no stream puts together."""
