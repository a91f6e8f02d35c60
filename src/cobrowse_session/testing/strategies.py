"""Hypothesis strategies that follow the table of a lifecycle (extra `testing`).

What they draw is printed as the calls that build it, so that a failing example can be copied into a test. `event` labels each row
that a drawn stream takes: `pytest --hypothesis-show-statistics` lists them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from datetime import datetime, timedelta
from math import gcd
from typing import Any, TypeVar

from attrs import evolve

from cobrowse_session.errors import MissingExtraError
from cobrowse_session.events import Event, UnknownEvent
from cobrowse_session.lifecycle import Applied, Lifecycle
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.policy import TIMED_PROMPTS
from cobrowse_session.model import CobrowseSession
from cobrowse_session.settings import Settings
from cobrowse_session.stream import SessionLog
from cobrowse_session.testing.chain import builder_chain, event_chain
from cobrowse_session.testing.paths import Variant, own_values, variants
from cobrowse_session.testing.payloads import FAMILIES, Json
from cobrowse_session.testing.payloads import payloads as built
from cobrowse_session.testing.stream import START, Stream, stream
from cobrowse_session.vocabulary import CobrowseRole, ConnectionState, WrapupPrompt

try:
    from hypothesis import event as label
    from hypothesis import strategies as st
    from hypothesis.vendor.pretty import RepresentationPrinter, for_type_by_name
except ModuleNotFoundError:
    raise MissingExtraError("a strategy", "testing") from None

__all__ = ["any_streams", "events", "legal_streams", "lifecycles", "payloads", "session_after", "sessions", "settings"]

T = TypeVar("T")
SECOND = timedelta(seconds=1)
# Gaps between events. The timeouts are among them, so that events come before, at and after a deadline.
_TIMEOUTS = tuple(seconds * SECOND for seconds in (30, 5, 60))
_GAPS = (SECOND, *_TIMEOUTS, timedelta(milliseconds=250), timedelta(minutes=5))
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
        table=table or Table.standard(),
    )


# --- Events -------------------------------------------------------------------------------------------------------------------

_NOTHING: st.SearchStrategy[dict[str, Any]] = st.just({})
_DETAILS = _NOTHING | st.fixed_dictionaries(
    {},
    optional={
        "cobrowse_role": st.sampled_from([role.value for role in CobrowseRole]),
        "controlling": st.lists(_TEXTS, max_size=2).map(tuple),
        "viewer_url": _TEXTS,
        "peer_id": _TEXTS,
        "provider": _TEXTS,
        "cobrowse_session_id": _TEXTS,
        "initial_state": st.sampled_from([state.value for state in ConnectionState]),
        "after_call_work_required": st.booleans(),
    },
)
_SETTINGS = _NOTHING | st.fixed_dictionaries(
    {},
    optional={
        "wrapup_prompt": st.sampled_from([prompt.value for prompt in WrapupPrompt]),
        "wrapup_timeout": st.sampled_from(_TIMEOUTS),
        "alerting_timeout": st.sampled_from(_TIMEOUTS),
    },
)
_CONTEXT = _NOTHING | st.fixed_dictionaries({}, optional={"conversation_id": _TEXTS, "user_id": _TEXTS, "queue_id": _TEXTS})


@st.composite
def events(  # noqa: D417 (`draw`)
    draw: st.DrawFn,
    table: Table[Any] | None = None,
    *,
    kinds: Iterable[type[Event]] | None = None,
    session: str = "s1",
    occurred_at: datetime | None = None,
) -> Event:
    """Events of any kind of a table, with any details, settings and context.

    Args:
        table: None: the standard one.
        kinds: the classes of events. None: all of the table.
        session: the id of the session.
        occurred_at: None: some time in the first minutes of a stream, after `START`.
    """
    classes = _printable(tuple(kinds) if kinds is not None else (table or Table.standard()).events)
    cls = draw(st.sampled_from(classes))
    at = draw(st.integers(0, 600).map(lambda second: START + second * SECOND)) if occurred_at is None else occurred_at
    (made,) = Stream(session, at).event(cls, **draw(_arguments(cls)))
    return evolve(made, id=draw(st.sampled_from(("e1", "e2", "e3"))))


@st.composite
def _arguments(draw: st.DrawFn, cls: type) -> Mapping[str, Any]:
    """What an event states, as the arguments of a stream's methods."""
    own = dict(draw(st.sampled_from(own_values(cls))))
    if cls is UnknownEvent:  # only its envelope is read
        return own | draw(_CONTEXT)
    return own | draw(_DETAILS) | draw(_SETTINGS) | draw(_CONTEXT)


# --- Streams ------------------------------------------------------------------------------------------------------------------


@st.composite
def any_streams(draw: st.DrawFn, table: Table[Any] | None = None, *, max_size: int = 10) -> Stream:  # noqa: D417 (`draw`)
    """Streams of any events, in order of time, at the same instant too. Many events are refused or ignored.

    For any order of arrival, draw `st.permutations(stream.events)`, and add each of them to a `SessionLog`.

    Args:
        table: None: the standard one.
        max_size: the most events.
    """
    table = table or Table.standard()
    made = stream("s1")
    while len(made) < max_size and (not made.events or draw(_GOES_ON)):
        cls = draw(st.sampled_from(_printable(table.events)))
        made = made.after(draw(st.sampled_from((SECOND, 0 * SECOND, *_GAPS[1:])))).event(cls, **draw(_arguments(cls)))
    for entry in SessionLog.of(made, Lifecycle(table=table)).trace:
        label(f"row {entry.outcome.row}")
    return made


@st.composite
def legal_streams(draw: st.DrawFn, lifecycle: Lifecycle[Any] | None = None, *, max_size: int = 10) -> Stream:  # noqa: D417 (`draw`)
    """Streams of which each event is applied in its turn.

    Args:
        lifecycle: the rules by which it is applied. None: the default ones.
        max_size: the most events.
    """
    lifecycle = lifecycle or Lifecycle()
    _printable(lifecycle.table.events)
    step = evolve(lifecycle, strict=False)
    made, session = stream("s1"), lifecycle.new("s1")
    first, later = (_by_kind(lifecycle, first=is_first) for is_first in (True, False))
    while len(made) < max_size and (not made.events or draw(_GOES_ON)):
        following = made.after(draw(st.sampled_from(_GAPS))) if made.events else made
        kind, place = draw(st.integers(0, len(later) - 1)), draw(st.integers(0, _MOST_VARIANTS))
        ways = (way for some in _from(later if made.events else first, kind) for way in _from(some, place))
        drawn = (following.event(way.event, **way.arguments) for way in ways)
        taken = next((one for one in drawn if isinstance(step.apply(copy(session), one.events[-1]), Applied)), None)
        if taken is None:
            break
        made = taken
        outcome = step.apply(session, made.events[-1])
        for row in (*(fired.row for fired in outcome.fired), outcome.row):
            label(f"row {row}")
    return made


def _by_kind(lifecycle: Lifecycle[Any], *, first: bool) -> list[list[Variant]]:
    every = variants(lifecycle, first=first)
    return [[one for one in every if one.event is cls] for cls in lifecycle.table.events]


# A number decides on the kind, and another one on the variant. If the event would not be applied, the next one is tried. So a
# number has the same meaning wherever it can, and Hypothesis can leave out what came before.
_MOST_VARIANTS = 15
_GOES_ON = st.sampled_from((False, *[True] * 5))


def _from(every: Sequence[T], place: int) -> Iterator[T]:
    # The next one in the list would be drawn too often, where many neighbours are never applied.
    size = len(every)
    stride = next(one for one in (5, 7, 3, 1) if gcd(one, size) == 1)
    return (every[(place + number * stride) % size] for number in range(size))


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
    lifecycle = lifecycle or Lifecycle()
    streams = legal_streams(lifecycle) | any_streams(lifecycle.table)
    return (
        st.builds(session_after, streams) if lifecycle == Lifecycle() else st.builds(session_after, streams, st.just(lifecycle))
    )


# --- Payloads -----------------------------------------------------------------------------------------------------------------


def payloads(family: str | None = None) -> st.SearchStrategy[list[Json]]:
    """Payloads that Genesys Cloud would send for a legal stream, as parsed JSON. A failing example prints how they are built.

    Args:
        family: one of `testing.payloads.FAMILIES`. None: any.
    """
    return st.builds(built, legal_streams(), st.sampled_from((family,) if family else (*FAMILIES,)))


# --- What is printed ----------------------------------------------------------------------------------------------------------


def _printable(classes: tuple[type[Event], ...]) -> tuple[type[Event], ...]:
    """Return classes of events, after Hypothesis has learned to print them."""
    for cls in classes:
        for_type_by_name(cls.__module__, cls.__name__, _print_event)
    return classes


def _print_event(event: Event, printer: RepresentationPrinter, _cycle: bool) -> None:  # noqa: FBT001 (as Hypothesis calls it)
    printer.text(event_chain(event))


def _print_stream(made: Stream, printer: RepresentationPrinter, _cycle: bool) -> None:  # noqa: FBT001 (as Hypothesis calls it)
    printer.text(builder_chain(made))


for_type_by_name(Stream.__module__, Stream.__name__, _print_stream)
_printable(Table.standard().events)
