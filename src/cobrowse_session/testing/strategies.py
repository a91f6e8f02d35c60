"""Hypothesis strategies that follow the table of a lifecycle (extra `testing`).

What they draw is printed as the calls that build it, so that a failing example can be copied into a test. `event` labels each row
that a drawn stream takes: `pytest --hypothesis-show-statistics` lists them.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from datetime import datetime, timedelta
from functools import cache
from hashlib import blake2b
from operator import attrgetter
from types import MappingProxyType
from typing import Any, get_args, get_origin

import attrs
from attrs import evolve, frozen

from cobrowse_session.checks import check_type, members_of
from cobrowse_session.errors import MissingExtraError
from cobrowse_session.events import AfterCallWorkEnded, Disconnected, Event, Terminated, UnknownEvent, WrapupSaved, own_names
from cobrowse_session.lifecycle import Applied, Lifecycle
from cobrowse_session.lifecycle.decision import acw_state
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.policy import TIMED_PROMPTS
from cobrowse_session.model import NO_CONTEXT, Address, CobrowseSession, Context
from cobrowse_session.settings import Settings
from cobrowse_session.stream import SessionLog
from cobrowse_session.testing.chain import builder_chain, event_chain, lifecycle_chain, settings_chain
from cobrowse_session.testing.paths import Variant, can_be_made, own_values, variants
from cobrowse_session.testing.payloads import FAMILIES, Json
from cobrowse_session.testing.payloads import payloads as built
from cobrowse_session.testing.stream import START, Stream, check_kind, conversation, stream
from cobrowse_session.vocabulary import CobrowseRole, ConnectionState, DisconnectType, UnknownPrompt, Vocabulary, WrapupPrompt

try:
    from hypothesis import event as label
    from hypothesis import strategies as st
    from hypothesis.vendor.pretty import RepresentationPrinter, for_type_by_name
except ModuleNotFoundError:
    raise MissingExtraError("a strategy", "testing") from None

__all__ = [
    "any_streams",
    "conversations",
    "events",
    "legal_streams",
    "lifecycles",
    "payloads",
    "session_after",
    "sessions",
    "settings",
]

SECOND = timedelta(seconds=1)
# Gaps between events. The timeouts are among them, so that events come before, at and after a deadline.
_TIMEOUTS = tuple(seconds * SECOND for seconds in (30, 5, 60))
_GAPS = (SECOND, *_TIMEOUTS, timedelta(milliseconds=250), timedelta(minutes=5))
_UNHEARD = "unheard"
_TEXTS = st.sampled_from(("a", "b", "Zoë 😀", " ", "long " * 50))


# --- Settings -----------------------------------------------------------------------------------------------------------------


@st.composite
def settings(draw: st.DrawFn) -> Settings:
    """Settings of a queue: any prompt or none, and timeouts. A prompt with a time limit has one."""
    prompt = draw(st.sampled_from((None, *WrapupPrompt)))
    timeouts = st.sampled_from(_TIMEOUTS)
    return Settings(
        wrapup_prompt=prompt,
        wrapup_timeout=draw(timeouts if prompt in TIMED_PROMPTS else st.none() | timeouts),
        alerting_timeout=draw(st.none() | timeouts),
    )


@st.composite
def lifecycles(draw: st.DrawFn, table: Table[Any] | None = None) -> Lifecycle[Any]:  # noqa: D417 (`draw`)
    """Lifecycles with any policy: settings, after-call work of unanswered and transferred legs, and the alerting grace.

    Args:
        table: None: the standard one.
    """
    return Lifecycle(
        settings=draw(settings()),
        acw_when_unanswered=draw(st.booleans()),
        acw_after_transfer=draw(st.booleans()),
        alerting_grace=draw(st.sampled_from((None, timedelta(milliseconds=250)))),
        table=_table("lifecycles", table),
    )


# --- Events -------------------------------------------------------------------------------------------------------------------

_NOTHING: st.SearchStrategy[dict[str, Any]] = st.just({})
_DETAILS = _NOTHING | st.fixed_dictionaries(
    {},
    optional={
        "self_": st.builds(Address, name=_TEXTS),
        "cobrowse_role": st.sampled_from([*(role.value for role in CobrowseRole), _UNHEARD]),
        "controlling": st.lists(_TEXTS, max_size=2).map(tuple),
        "viewer_url": _TEXTS,
        "peer_id": _TEXTS,
        "provider": _TEXTS,
        "cobrowse_session_id": _TEXTS,
        "initial_state": st.sampled_from([*(state.value for state in ConnectionState), _UNHEARD]),
        "after_call_work_required": st.booleans(),
    },
)
_SETTINGS = _NOTHING | st.fixed_dictionaries(
    {},
    optional={
        "wrapup_prompt": st.sampled_from([*(prompt.value for prompt in WrapupPrompt), UnknownPrompt(_UNHEARD)]),
        "wrapup_timeout": st.sampled_from(_TIMEOUTS),
        "alerting_timeout": st.sampled_from(_TIMEOUTS),
    },
)
_CONTEXT = _NOTHING | st.fixed_dictionaries({}, optional={field.name: _TEXTS for field in attrs.fields(Context)})
_ENDED = st.fixed_dictionaries(
    {}, optional={"disconnect_type": st.sampled_from([*(one.value for one in DisconnectType), _UNHEARD])}
)
# What the standard kinds state beyond `own_values`, which are few, because paths try all of them.
_OWN: Mapping[type, st.SearchStrategy[dict[str, Any]]] = {
    Disconnected: _ENDED,
    Terminated: _ENDED,
    WrapupSaved: st.fixed_dictionaries(
        {}, optional={"name": _TEXTS, "notes": _TEXTS, "tags": st.lists(_TEXTS, max_size=2).map(tuple)}
    ),
    AfterCallWorkEnded: st.fixed_dictionaries({}, optional={"state": st.just(_UNHEARD)}),
}
# The values of attributes of one's own kinds, small ones often: a guard like `event.stars >= 4` compares them.
_BY_TYPE: Mapping[Any, st.SearchStrategy[Any]] = {  # all types that the wire reads
    bool: st.booleans(),
    str: _TEXTS,
    int: st.integers(0, 10) | st.integers(-(2**53) + 1, 2**53 - 1),
    float: st.floats(0, 10) | st.floats(allow_nan=False, allow_infinity=False),
    datetime: st.integers(-600, 600).map(lambda second: START + second * SECOND),
    timedelta: st.integers(0, 600).map(lambda second: second * SECOND),
}
_LAGS = (timedelta(0), timedelta(milliseconds=31), *_TIMEOUTS)
_UNKNOWN_KEYS = st.just({_UNHEARD: [1, None]})
# Whose leg it is, in words that payloads have. All events of a leg state the same.
_PURPOSES = ("agent", "customer", "acd", "voicemail")
_WHOSE: dict[str, st.SearchStrategy[str]] = {
    "purpose": st.sampled_from(_PURPOSES),
    "user_id": st.sampled_from(("ann", "Zoë 😀")),
    "participant_id": st.sampled_from(("p1", "p2")),
    "queue_id": st.just("q1"),
    "media_type": st.sampled_from(("cobrowse", "call", "email")),
}
_OF_A_LEG = _NOTHING | st.fixed_dictionaries({}, optional=_WHOSE)
_OF_A_STREAM = _NOTHING | st.fixed_dictionaries({}, optional={"conversation_id": st.just("c1"), **_WHOSE})


@st.composite
def _envelopes(draw: st.DrawFn, cls: type, at: datetime) -> Mapping[str, Any]:
    """What the envelope of an event states beside its id and its time, and unknown keys."""
    optional: dict[str, st.SearchStrategy[Any]] = {
        "received_at": st.sampled_from([at + lag for lag in _LAGS]),
        "provider_time": st.sampled_from([at - lag for lag in _TIMEOUTS]),
        "sequence": st.sampled_from(("1", "2", "10")),
        "derived_from": st.just("guess"),
        "extensions": _UNKNOWN_KEYS,
        **({} if cls is UnknownEvent else {"extra": _UNKNOWN_KEYS}),
    }
    return draw(_NOTHING | st.fixed_dictionaries({}, optional=optional))


@st.composite
def events(  # noqa: D417 (`draw`)
    draw: st.DrawFn,
    table: Table[Any] | None = None,
    *,
    kinds: Iterable[type[Event]] | None = None,
    session: str | st.SearchStrategy[str] = "s1",
    occurred_at: datetime | None = None,
) -> Event:
    """Events of any kind of a table, with any envelope, details, settings and context, unknown words and unknown keys.

    Two of them may be copies of one event that differ: their ids are a few.

    Args:
        table: None: the standard one.
        kinds: the classes of events. None: all of the table.
        session: the id of the session, or a strategy of ids.
        occurred_at: None: some time in the first minutes of a stream, after `START`.
    """
    classes = tuple(kinds) if kinds is not None else _table("events", table).events
    for one in classes:
        check_kind("events: kinds", one)
    if not classes:
        raise ValueError("events: kinds: expected at least one class, found none")
    _printable(classes)
    cls = draw(st.sampled_from(classes))
    at = draw(st.integers(0, 600).map(lambda second: START + second * SECOND)) if occurred_at is None else occurred_at
    (made,) = stream(_id(draw, session), start=at).event(cls, **draw(_accepted(cls)), **draw(_envelopes(cls, at)))
    return evolve(made, id=draw(st.sampled_from(("e1", "e2", "e3"))))


@st.composite
def other_statement(draw: st.DrawFn, event: Event) -> Event:  # noqa: D417 (`draw`)
    """Events of the identity, the time and the class of an event, that state anything else.

    Args:
        event: of any kind.
    """
    made = Stream(event.subject, event.occurred_at, event.source).event(type(event), **draw(_accepted(type(event))))
    return evolve(made.events[0], id=event.id)


@st.composite
def _arguments(draw: st.DrawFn, cls: type) -> Mapping[str, Any]:
    """What an event states, as the arguments of a stream's methods. Validators of a class of one's own may refuse it."""
    few = own_values(cls)
    if not _has_values(cls):
        own = dict(draw(st.sampled_from(few))) | draw(_NOTHING | _OWN[cls] if cls in _OWN else _NOTHING)
    elif len(few) > 0 and draw(st.booleans()):
        own = dict(draw(st.sampled_from(few)))
    else:
        own = draw(_own_arguments(cls))
    if cls is UnknownEvent:  # only its envelope is read
        return own | draw(_CONTEXT)
    return own | draw(_DETAILS) | draw(_SETTINGS) | draw(_CONTEXT)


def _accepted(cls: type) -> st.SearchStrategy[Mapping[str, Any]]:
    """What an event states, and what its validators accept."""
    return _arguments(cls).filter(lambda arguments: can_be_made(cls, arguments))


@cache
def _own_arguments(cls: type[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Values of the attributes of a class of one's own, by their types. Its validators may refuse them."""
    fields = attrs.fields_dict(attrs.resolve_types(cls))
    own = {fields[name].alias or name: fields[name] for name in own_names(cls).values()}
    values = {name: found for name, one in own.items() if not (found := _by_type(one.type)).is_empty}
    needed = {name: found for name, found in values.items() if own[name].default is attrs.NOTHING}
    optional = {name: found for name, found in values.items() if name not in needed}
    return st.fixed_dictionaries(needed, optional=optional)


def _by_type(annotation: Any) -> st.SearchStrategy[Any]:  # any annotation
    found: list[st.SearchStrategy[Any]] = []
    for member in members_of(annotation):
        if get_origin(member) is tuple:
            found.append(st.lists(_BY_TYPE[get_args(member)[0]], max_size=2).map(tuple))
        elif isinstance(member, type) and issubclass(member, Vocabulary):
            found.append(st.sampled_from([*member]))
        elif member in _BY_TYPE:
            found.append(_BY_TYPE[member])
    return st.one_of(found)


# --- Streams ------------------------------------------------------------------------------------------------------------------


@st.composite
def any_streams(  # noqa: D417 (`draw`)
    draw: st.DrawFn,
    table: Table[Any] | None = None,
    *,
    session: str | st.SearchStrategy[str] = "s1",
    max_size: int = 10,
) -> Stream:
    """Streams of any events, in order of time, at the same instant too. Some events are refused or ignored. None has copies.

    Each event has its own time of receipt, or none.

    For any order of arrival, draw `st.permutations(stream.events)`, and add each of them to a `SessionLog`.

    Args:
        table: None: the standard one.
        session: the id of the session, or a strategy of ids.
        max_size: the most events, at least one.
    """
    lifecycle = Lifecycle(table=_table("any_streams", table))
    _check_size("any_streams", max_size)
    gaps = (SECOND, 0 * SECOND, *_GAPS[1:])
    made = stream(_id(draw, session))
    so_far = lifecycle.new(made.session)
    while len(made) < max_size and (not made.events or draw(_GOES_ON)):
        made = made.after(draw(st.sampled_from(gaps))) if made.events else made
        made = draw(with_any_event(lifecycle, so_far, made, draw(_receipts(made.now))))
        lifecycle.apply(so_far, made.events[-1])
    _label(made, lifecycle)
    return made


@st.composite
def with_any_event(  # noqa: D417 (`draw`)
    draw: st.DrawFn,
    lifecycle: Lifecycle[Any],
    session: CobrowseSession,
    made: Stream,
    received: Mapping[str, datetime] = MappingProxyType({}),
) -> Stream:
    """Streams with one more event. All rows that may decide it are equally likely.

    Args:
        lifecycle: the rules, not strict.
        session: as it is after the stream.
        made: the stream. The event occurs at its `now`.
        received: the time of receipt, as an argument of the event, or nothing.
    """
    _printable(lifecycle.table.events)
    wish = draw(st.sampled_from((_moves, _is_applied, _moves, _is_any, _is_any)))
    way = _drawn(draw, _following(draw, lifecycle, session, made, received), wish)
    assert way is not None, "each event has an outcome"
    said = {**draw(_arguments(way.event)), **way.arguments} if draw(st.booleans()) else way.arguments
    accepted = said if can_be_made(way.event, said) else way.arguments
    return made.event(way.event, **{**accepted, **received})


@st.composite
def legal_streams(  # noqa: D417 (`draw`)
    draw: st.DrawFn,
    lifecycle: Lifecycle[Any] | None = None,
    *,
    session: str | st.SearchStrategy[str] = "s1",
    max_size: int = 10,
) -> Stream:
    """Streams of which each event is applied in its turn. All rows of the table that may decide next are equally likely.

    All events of a stream state one context, or none does. Each has its own time of receipt, or none.

    Args:
        lifecycle: the rules by which it is applied. None: the default ones.
        session: the id of the session, or a strategy of ids.
        max_size: the most events, at least one.
    """
    lifecycle = _lifecycle("legal_streams", lifecycle)
    _check_size("legal_streams", max_size)
    return draw(_legal(lifecycle, (_id(draw, session),), _OF_A_STREAM, max_size))


@st.composite
def conversations(  # noqa: D417 (`draw`)
    draw: st.DrawFn,
    lifecycle: Lifecycle[Any] | None = None,
    *,
    sessions: Sequence[str] = ("s1", "s2", "s3"),
    max_size: int = 15,
) -> Stream:
    """Streams of some sessions of one conversation, two at least, by time. Each event is applied in its turn to its session.

    Events of several sessions may occur at one instant. All events of a session state whose leg it is, or none does.

    Args:
        lifecycle: the rules by which it is applied. None: the default ones.
        sessions: the ids of the sessions, at least two, in the order in which they begin.
        max_size: the most events, at least two.
    """
    lifecycle = _lifecycle("conversations", lifecycle)
    _check_size("conversations", max_size, 2)
    names = tuple(dict.fromkeys(sessions))
    if len(names) < 2:
        raise ValueError(f"conversations: sessions: expected at least two ids, found {sessions!r}")
    return draw(_legal(lifecycle, names, _OF_A_LEG, max_size))


@st.composite
def _legal(
    draw: st.DrawFn,
    lifecycle: Lifecycle[Any],
    names: tuple[str, ...],
    whose: st.SearchStrategy[dict[str, Any]],
    max_size: int,
) -> Stream:
    """Streams of one session, or of the legs of a conversation, of which each event is applied in its turn."""
    lifecycle = evolve(lifecycle, strict=False)
    _printable(lifecycle.table.events)
    made = stream(names[0]) if len(names) == 1 else conversation("c1")
    begun: dict[str, CobrowseSession] = {}
    while names and len(made) < max_size and (len(begun) < min(2, len(names)) or draw(_GOES_ON)):
        name = _turn(draw, names, begun, is_last=len(made) == max_size - 1)
        context = {}
        if name not in begun:
            begun[name], context = lifecycle.new(name), draw(whose)
        following = _later(draw, made.leg(name, **context) if context or name != made.session else made)
        received = draw(_receipts(following.now))
        every = [one for one in _following(draw, lifecycle, begun[name], following, received) if one.is_applied]
        way = _drawn(draw, every, draw(st.sampled_from((_moves, _is_applied, _moves))))
        if way is None:  # this session takes nothing more
            names = tuple(one for one in names if one != name)
            continue
        made = following.event(way.event, **way.arguments, **received)
        lifecycle.apply(begun[name], made.events[-1])
    _label(made, lifecycle)
    return made


def _turn(draw: st.DrawFn, names: Sequence[str], begun: Collection[str], *, is_last: bool) -> str:
    """Return the session of the next event: one that has begun, or the next one that has not."""
    waiting = [name for name in names if name not in begun][:1]
    if waiting and (not begun or (is_last and len(begun) == 1)):
        return waiting[0]
    going = [name for name in names if name in begun]
    # Hypothesis prefers what comes first. So a failing example has the second session soon, and no third one.
    return draw(st.sampled_from([*waiting, *going] if len(begun) == 1 else [*going, *waiting]))


def _later(draw: st.DrawFn, made: Stream) -> Stream:
    """Return a stream some time later. At one instant, each session has one event at most."""
    if not made.events:
        return made
    is_taken = any(event.subject == made.session for event in made if event.occurred_at == made.now)
    return made.after(draw(st.sampled_from(_GAPS if is_taken else (_GAPS[0], 0 * SECOND, *_GAPS[1:]))))


def _receipts(now: datetime) -> st.SearchStrategy[dict[str, datetime]]:
    """Return times of receipt of an event that occurs now, each as an argument of the event, or nothing."""
    return st.sampled_from([{}, *({"received_at": now + lag} for lag in _LAGS)])


_GOES_ON = st.sampled_from((False, *[True] * 9))


@frozen
class _Next:
    """An event that may follow, and what it does.

    Attributes:
        way: the event.
        row: the row that decides.
        is_applied: the session takes it.
        moves: the state of the connection or of after-call work changes, or a segment begins.
    """

    way: Variant
    row: str
    is_applied: bool
    moves: bool


_moves, _is_applied = attrgetter("moves"), attrgetter("is_applied")


def _is_any(_: _Next) -> bool:
    return True


def _following(
    draw: st.DrawFn,
    lifecycle: Lifecycle[Any],
    session: CobrowseSession,
    made: Stream,
    received: Mapping[str, datetime] = MappingProxyType({}),
) -> list[_Next]:
    """Return every event that may follow a stream now, each decided for a copy of the session."""
    # An event of one's own has drawn values, too: the few of `variants` need not pass its guards.
    classes: tuple[type, ...] = lifecycle.table.events  # mypy takes `type[Event]` for unhashable
    drawn = {cls: draw(_own_arguments(cls)) for cls in classes if _has_values(cls)}
    own = [Variant(cls, arguments) for cls, arguments in drawn.items() if can_be_made(cls, arguments)]
    # A guard of one's own may read the context and the receipt, so they are there before it decides.
    said = {"subject": made.session, "context": dict(made.legs).get(made.session, NO_CONTEXT), **received}
    found = []
    for way in (*variants(lifecycle, first=not any(event.subject == made.session for event in made)), *own):
        tried = copy(session)
        outcome = lifecycle.apply(tried, way.at(made.now, **said))
        moves = _stage(tried) != _stage(session)
        found.append(_Next(way, outcome.row or "", isinstance(outcome, Applied), moves))
    return found


def _has_values(cls: type[Any]) -> bool:
    return cls.__module__ != Event.__module__ and bool(own_names(cls))


def _stage(session: CobrowseSession) -> tuple[object, ...]:
    return session.state, acw_state(session), len(session.segments or ())


def _drawn(draw: st.DrawFn, every: Sequence[_Next], wish: Callable[[_Next], bool]) -> Variant | None:
    """Return one of the events, with a wish if one fulfils it. None: there is none."""
    number, place = draw(st.integers(0, 255)), draw(st.integers(0, 31))
    wanted = [one for one in every if wish(one)] or every
    if not wanted:
        return None
    # All rows are equally likely, and then all kinds of events.
    row = _first({one.row for one in wanted}, number)
    kinds = {one.way.event.kind: one.way.event for one in wanted if one.row == row}
    event = kinds[_first(kinds, place)]
    same = [one.way for one in wanted if one.row == row and one.way.event is event]
    return same[place % len(same)]


def _first(names: Iterable[str], number: int) -> str:
    # The number gives all names an order, and a name has its place in it, whatever else is possible. So the number often means
    # the same after Hypothesis has left out what came before.
    return min(names, key=lambda name: blake2b(f"{number} {name}".encode(), digest_size=8).digest())


def _label(made: Stream, lifecycle: Lifecycle[Any]) -> None:
    for name in {event.subject for event in made}:
        for entry in SessionLog.of((event for event in made if event.subject == name), lifecycle).trace:
            label(f"row {entry.outcome.row}")


# --- Sessions -----------------------------------------------------------------------------------------------------------------


def session_after(events: Iterable[Event], lifecycle: Lifecycle[Any] | None = None) -> CobrowseSession:
    """Return the session of a stream of events."""
    session: CobrowseSession = SessionLog.of(events, lifecycle).session
    return session


def sessions(lifecycle: Lifecycle[Any] | None = None) -> st.SearchStrategy[CobrowseSession]:
    """Sessions in any state that a stream reaches. A failing example is printed as `session_after(stream("s1")…)`.

    Args:
        lifecycle: the rules. None: the default ones.
    """
    lifecycle = _lifecycle("sessions", lifecycle)
    streams = legal_streams(lifecycle) | any_streams(lifecycle.table)
    return (
        st.builds(session_after, streams) if lifecycle == Lifecycle() else st.builds(session_after, streams, st.just(lifecycle))
    )


# --- Payloads -----------------------------------------------------------------------------------------------------------------


def payloads(
    family: str | None = None, *, lifecycle: Lifecycle[Any] | None = None, envelope: str | None = None
) -> st.SearchStrategy[list[Json]]:
    """Payloads that Genesys Cloud would send for a session or a conversation, as parsed JSON, at least one.

    A failing example prints how they are built.

    Args:
        family: one of `testing.payloads.FAMILIES`, or a kind of detail event. None: any family that has the envelope.
        lifecycle: the rules by which the platform decides about after-call work. None: the default ones.
        envelope: one of `testing.payloads.ENVELOPES`. None: none, or a notification for detail events.

    Raises:
        ValueError: an unknown family or envelope, or an envelope for a family that no topic sends.
    """
    families = (family,) if family else tuple(name for name, one in FAMILIES.items() if one.is_sent or not envelope)
    followed = _lifecycle("payloads", lifecycle)
    for one in families:
        built((), one, lifecycle=followed, envelope=envelope)  # checks the arguments
    given = {"lifecycle": lifecycle, "envelope": envelope}  # only these are printed
    named = {name: st.just(value) for name, value in given.items() if value is not None}
    return st.one_of([st.builds(built, _shown_by(one, followed), st.just(one), **named).filter(bool) for one in families])


def _shown_by(family: str, lifecycle: Lifecycle[Any]) -> st.SearchStrategy[Stream]:
    """Streams of which a family may show something. A kind of detail event shows the legs of one purpose only."""
    _, _, kind = family.partition(".")
    if not kind:
        return legal_streams(lifecycle) | conversations(lifecycle)
    word, _, _ = kind.partition(".")
    purpose = {"purpose": word if word in _PURPOSES else "agent"}
    return _legal(lifecycle, ("s1",), _OF_A_LEG.map(lambda whose: whose | purpose), 15)


# --- Arguments ----------------------------------------------------------------------------------------------------------------


def _table(name: str, table: Table[Any] | None) -> Table[Any]:
    """Return a table, or the standard one. A lifecycle in its place is an error."""
    if table is not None:
        check_type(f"{name}: table", table, Table)
    return table or Table.standard()


def _lifecycle(name: str, lifecycle: Lifecycle[Any] | None) -> Lifecycle[Any]:
    """Return a lifecycle, or the default one. A table in its place is an error."""
    if lifecycle is not None:
        check_type(f"{name}: lifecycle", lifecycle, Lifecycle)
    return lifecycle or Lifecycle()


def _check_size(name: str, max_size: int, least: int = 1) -> None:
    if max_size < least:
        raise ValueError(f"{name}: max_size: expected at least {least}, found {max_size!r}")


def _id(draw: st.DrawFn, session: str | st.SearchStrategy[str]) -> str:
    return draw(session) if isinstance(session, st.SearchStrategy) else session


# --- What is printed ----------------------------------------------------------------------------------------------------------


def _printable(classes: tuple[type[Event], ...]) -> None:
    """Teach Hypothesis to print classes of events."""
    for cls in classes:
        for_type_by_name(cls.__module__, cls.__name__, _print_event)


def _print_event(event: Event, printer: RepresentationPrinter, _cycle: bool) -> None:  # noqa: FBT001 (as Hypothesis calls it)
    printer.text(event_chain(event))


def _print_stream(made: Stream, printer: RepresentationPrinter, _cycle: bool) -> None:  # noqa: FBT001 (as Hypothesis calls it)
    printer.text(builder_chain(made))


def _print_lifecycle(lifecycle: Lifecycle[Any], printer: RepresentationPrinter, _cycle: bool) -> None:  # noqa: FBT001 (as Hypothesis calls it)
    printer.text(lifecycle_chain(lifecycle))


def _print_settings(drawn: Settings, printer: RepresentationPrinter, _cycle: bool) -> None:  # noqa: FBT001 (as Hypothesis calls it)
    printer.text(settings_chain(drawn))


for_type_by_name(Stream.__module__, Stream.__name__, _print_stream)
for_type_by_name(Lifecycle.__module__, Lifecycle.__name__, _print_lifecycle)
for_type_by_name(Settings.__module__, Settings.__name__, _print_settings)
_printable(Table.standard().events)
