"""The strategies of the test kit follow the table, what they draw is printed as Python, and paths reach what they name."""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import attrs
import pytest
from attrs import evolve, field, frozen
from attrs.validators import ge, matches_re, optional
from examples.tables import hold, parked, pause
from hypothesis import Phase, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test
from tests.own_tables import TABLES

import cobrowse_session
from cobrowse_session import (
    AfterCallWorkEnded,
    Applied,
    CobrowseSession,
    Context,
    Details,
    Disconnected,
    Event,
    Lifecycle,
    SessionLog,
    Settings,
    Updated,
    WrapupSaved,
)
from cobrowse_session.events import KINDS, Ended, Entered
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.sources import convert
from cobrowse_session.sources.genesys.details import KINDS as KINDS_OF_DETAILS
from cobrowse_session.tables import (
    AFTER_CALL_WORK_STATES,
    CONNECTION_STATES,
    LEG_ENDED,
    NO_TRANSITION,
    Policy,
    Row,
    before,
    instead,
    reads_event,
    reads_session,
    refused,
)
from cobrowse_session.testing import START, Stream, conversation, duration, run, stream
from cobrowse_session.testing.chain import builder_chain, event_chain, lifecycle_chain, settings_chain
from cobrowse_session.testing.machine import SessionMachine
from cobrowse_session.testing.paths import EVERY_ROW, Path, Variant, pairs, rows, shortest_paths
from cobrowse_session.testing.payloads import FAMILIES
from cobrowse_session.testing.strategies import (
    any_streams,
    conversations,
    events,
    legal_streams,
    lifecycles,
    payloads,
    session_after,
    sessions,
    settings,
)
from cobrowse_session.vocabulary import Vocabulary
from cobrowse_session.wire import decode_event, decode_session, encode_event, encode_session

OWN = {"hold": hold.TABLE, "parked": parked.TABLE, "pause": pause.TABLE}
NAMES: dict[str, Any] = {
    **{name: getattr(cobrowse_session, name) for name in ("Address", "Lifecycle", "Settings", "UnknownPrompt")},
    **{cls.__name__: cls for table in OWN.values() for cls in table.events},
    "START": START,
    "conversation": conversation,
    "duration": duration,
    "stream": stream,
    "run": run,
    "session_after": session_after,
}


def built(text: str) -> Any:
    return eval(text, dict(NAMES))  # noqa: S307 (our own text)


def in_turn(made: Iterable[Event], lifecycle: Lifecycle) -> list[str]:
    return [step.outcome.kind for step in run(made, lifecycle=lifecycle).steps]


# --- Strategies ---------------------------------------------------------------------------------------------------------------


@given(st.data(), lifecycles())
def test_each_event_of_a_legal_stream_is_applied_in_its_turn_and_in_a_log(data: st.DataObject, lifecycle: Lifecycle) -> None:
    made = data.draw(legal_streams(lifecycle))

    log = SessionLog.of(made, lifecycle)

    assert set(in_turn(made, lifecycle)) == {"applied"}
    assert all(isinstance(entry.outcome, Applied) for entry in log.trace)


@pytest.mark.parametrize("name", OWN)
def test_strategies_have_the_kinds_of_an_own_table(name: str) -> None:
    own = {event for event in OWN[name].events if event.prefix == "com.acme."}
    lifecycle = Lifecycle(table=OWN[name], settings=Settings(wrapup_prompt="mandatory"))
    seen, applied = set[type[Event]](), set[type[Event]]()

    @effort(max_examples=300, database=None, derandomize=True)
    @given(any_streams(OWN[name]), legal_streams(lifecycle))
    def draw(drawn: Stream, legal: Stream) -> None:
        seen.update(map(type, drawn))
        applied.update(map(type, legal))
        assert set(in_turn(legal, lifecycle)) <= {"applied"}

    draw()

    assert own <= seen
    assert own <= applied


IDS = st.sampled_from(("call-7", "Zoë 😀"))


@pytest.mark.parametrize("strategy", [any_streams, legal_streams, events], ids=["any", "legal", "events"])
def test_the_session_is_the_one_that_is_asked_for_or_drawn_from_a_strategy(strategy: Any) -> None:
    seen = set[str]()

    @effort(max_examples=50, database=None, derandomize=True, phases=[Phase.generate])
    @given(strategy(session="call-1"), strategy(session=IDS))
    def draw(one: Any, other: Any) -> None:
        for made in (one, other):
            every = [made] if isinstance(made, Event) else made.events
            assert len({event.subject for event in every}) == 1
            assert built(builder_chain(made) if isinstance(made, Stream) else event_chain(made)) == made
            seen.update(event.subject for event in every)

    draw()

    assert seen == {"call-1", "call-7", "Zoë 😀"}


@given(st.data(), lifecycles())
def test_each_event_of_a_conversation_is_applied_in_its_turn_to_its_session(data: st.DataObject, lifecycle: Lifecycle) -> None:
    made = data.draw(conversations(lifecycle, sessions=("a", "b", "c", "d")))

    by_session = {name: [event for event in made if event.subject == name] for name in "abcd"}

    assert [event.occurred_at for event in made] == sorted(event.occurred_at for event in made)
    assert {event.context.conversation_id for event in made} == {"c1"}
    assert sum(map(bool, by_session.values())) >= 2
    for events_of_one in filter(None, by_session.values()):
        assert set(in_turn(events_of_one, lifecycle)) == {"applied"}
        assert all(isinstance(entry.outcome, Applied) for entry in SessionLog.of(events_of_one, lifecycle).trace)


def test_the_sessions_of_conversations_are_mixed_share_instants_and_have_any_number() -> None:
    numbers, mixed, shared, turns = set[int](), 0, 0, set[str]()

    @effort(max_examples=200, database=None, derandomize=True, phases=[Phase.generate])
    @given(conversations(Lifecycle(table=hold.TABLE), max_size=12))
    def draw(made: Stream) -> None:
        nonlocal mixed, shared
        names = [event.subject for event in made]
        numbers.add(len(set(names)))
        mixed += len(set(names)) < 1 + sum(one != other for one, other in pairwise(names))
        shared += len({event.occurred_at for event in made}) < len(made)
        turns.update(event.kind for event in made)
        assert len(made) <= 12

    draw()

    assert numbers == {2, 3}
    assert mixed >= 50
    assert shared >= 50
    assert {"held", "resumed", "disconnected", "wrapup"} <= turns


@given(conversations(max_size=2))
def test_the_shortest_conversation_has_an_event_of_two_sessions(made: Stream) -> None:
    assert [event.subject for event in made] == ["s1", "s2"]


def test_a_failing_conversation_is_printed_as_a_short_builder_chain() -> None:
    @effort(max_examples=200, database=None, derandomize=True)
    @given(made=conversations())
    def never_ends_one_leg(made: Stream) -> None:
        assert not any(event.kind == "disconnected" and event.subject == "s2" for event in made)

    with pytest.raises(AssertionError) as failure:
        never_ends_one_leg()

    printed = re.search(r"made=(.*),$", "\n".join(failure.value.__notes__), flags=re.MULTILINE)
    assert printed
    assert [(event.subject, event.kind) for event in built(printed[1])][-1] == ("s2", "disconnected")
    assert len(built(printed[1])) <= 4  # of up to 15: Hypothesis does not find the two that are enough each time


def test_legal_streams_state_every_part_of_the_context_and_receipts_in_another_order_than_the_events() -> None:
    stated, with_receipt, in_another_order = set[str](), set[bool](), 0

    @effort(max_examples=200, database=None, derandomize=True, phases=[Phase.generate])
    @given(legal_streams())
    def draw(made: Stream) -> None:
        nonlocal in_another_order
        stated.update(name for event in made for name in set_fields(event) if name.startswith("Context."))
        with_receipt.update(event.received_at is not None for event in made)
        in_another_order += any(one.received > other.received for one, other in pairwise(made))
        assert len({event.context for event in made}) == 1
        assert all(event.received >= event.occurred_at for event in made)

    draw()

    assert stated == {f"Context.{one.name}" for one in attrs.fields(Context)}
    assert with_receipt == {True, False}
    assert in_another_order >= 20


@reads_event
def is_routed_and_received(_session: CobrowseSession, event: Event, _: Policy) -> bool:
    """The event states a context and its receipt."""
    return event.context != Context() and event.received_at is not None


def test_legal_streams_are_legal_also_where_a_guard_reads_the_context_and_the_receipt() -> None:
    row = Row(
        name="routed",
        on=("rated",),
        source=CONNECTION_STATES,
        guards=(is_routed_and_received,),
        result=NO_TRANSITION,
        reason="The queue asked for it.",
    )
    other = Row(name="not_routed", on=("rated",), source=CONNECTION_STATES, result=refused("not_routed"), reason="No queue.")
    lifecycle = Lifecycle(table=Table.standard().extended("routed", kinds=(Rated,), connection=(row, other)))
    taken = set[str]()

    @effort(max_examples=100, database=None, derandomize=True, phases=[Phase.generate])
    @given(legal_streams(lifecycle, session="a") | conversations(lifecycle, sessions=("a", "b")))
    def draw(made: Stream) -> None:
        for name in {event.subject for event in made}:
            log = SessionLog.of([event for event in made if event.subject == name], lifecycle)
            taken.update(entry.outcome.row or "" for entry in log.trace)

    draw()

    assert "routed" in taken
    assert "not_routed" not in taken


@frozen(kw_only=True, repr=False)
class Rated(Event):
    """The customer rated the session."""

    prefix, kind, rank = "com.acme.", "rated", 56
    stars: int = field(validator=ge(0))
    remarks: tuple[str, ...] = ()
    weight: float | None = None


@reads_event
def is_good(_session: CobrowseSession, event: Event, _: Policy) -> bool:
    """The customer gave at least four stars."""
    return isinstance(event, Rated) and event.stars >= 4


@pytest.mark.parametrize("strategy", ["legal", "any"])
def test_a_guard_on_a_value_of_an_own_event_is_passed_and_failed(strategy: str) -> None:
    good = Row(
        name="good",
        on=("rated",),
        source=CONNECTION_STATES,
        guards=(is_good,),
        result=NO_TRANSITION,
        reason="The customer was content.",
    )
    table = Table.standard().extended("rated", kinds=(Rated,), connection=(good, evolve(good, name="bad", guards=())))
    taken = set[str]()

    @effort(max_examples=80, database=None, derandomize=True, phases=[Phase.generate])
    @given(any_streams(table) if strategy == "any" else legal_streams(Lifecycle(table=table)))
    def draw(made: Stream) -> None:
        taken.update(entry.outcome.row or "" for entry in SessionLog.of(made, Lifecycle(table=table)).trace)
        assert eval(builder_chain(made), {**NAMES, "Rated": Rated}) == made  # noqa: S307 (our own text)

    draw()

    assert {"good", "bad"} <= taken


@frozen(kw_only=True, repr=False)
class Praised(Event):
    """The customer praised the agent: with stars or with a remark, not with both."""

    prefix, kind, rank = "com.acme.", "praised", 57
    stars: int | None = field(default=None, validator=optional(ge(4)))
    remark: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.stars is not None and self.remark is not None:
            raise ValueError("expected stars or a remark, found both")
        super().__attrs_post_init__()


@frozen(kw_only=True, repr=False)
class Coded(Event):
    """An agent has a code, which no strategy draws by chance."""

    prefix, kind, rank = "com.acme.", "coded", 58
    code: str = field(validator=matches_re("[0-9]{12}"))


PICKY = Lifecycle(
    table=Table.standard().extended(
        "picky",
        kinds=(Praised, Coded),
        connection=[
            Row(name=kind, on=(kind,), source=CONNECTION_STATES, result=NO_TRANSITION, reason=f"{kind}.")
            for kind in ("praised", "coded")
        ],
    )
)


@pytest.mark.parametrize(
    "strategy",
    [
        any_streams(PICKY.table),
        legal_streams(PICKY),
        conversations(PICKY),
        events(PICKY.table, kinds=[Praised]).map(lambda one: [one]),
    ],
    ids=["any", "legal", "conversations", "events"],
)
def test_what_is_drawn_is_what_the_validators_of_a_class_accept(strategy: st.SearchStrategy[Iterable[Event]]) -> None:
    stated = set[str]()

    @effort(max_examples=150, database=None, derandomize=True, phases=[Phase.generate])
    @given(strategy)
    def draw(made: Iterable[Event]) -> None:
        stated.update(name for event in made if isinstance(event, Praised) for name in set_fields(event))
        assert not any(isinstance(event, Coded) for event in made)

    draw()

    assert "Praised.id" in stated


def test_a_path_has_the_values_that_the_validators_of_a_class_accept() -> None:
    lifecycle = attrs.evolve(EVERY_ROW, table=PICKY.table)

    with pytest.raises(ValueError, match=r"no path was found to 'coded': add events that lead there"):
        rows(lifecycle)
    reached = rows(lifecycle, more=[Variant(Coded, {"code": "1" * 12})])

    assert {"praised", "coded"} <= {path.id for path in reached}


ROWS = {row.name for part in Table.standard().parts for row in part.rows}


@pytest.mark.parametrize(("strategy", "least"), [(legal_streams(), 22), (any_streams(), 32)], ids=["legal", "any"])
def test_a_few_hundred_streams_take_most_rows_and_often_come_to_after_call_work(
    strategy: st.SearchStrategy[Stream], least: int
) -> None:
    taken, answered, worked = set[str](), [], []

    @effort(max_examples=300, database=None, derandomize=True, phases=[Phase.generate])
    @given(strategy)
    def draw(made: Stream) -> None:
        log = SessionLog.of(made)
        taken.update(name for entry in log.trace for name in (entry.outcome.row or "").split("+"))
        session = log.session
        answered.append(session.connected_time is not None and session.disconnected_time is not None)
        worked.append(session.after_call_work is not None)

    draw()

    assert len(taken & ROWS) >= least  # most of the other rows refuse, or have a policy of their own
    assert sum(answered) >= len(answered) / 8
    assert sum(worked) >= len(worked) / 5


@pytest.mark.parametrize("strategy", [any_streams(hold.TABLE), legal_streams(Lifecycle(table=hold.TABLE))], ids=["any", "legal"])
def test_an_own_event_of_a_drawn_stream_is_printed_as_the_call_that_builds_it(strategy: st.SearchStrategy[Stream]) -> None:
    @effort(max_examples=300, database=None, derandomize=True)
    @given(strategy.map(lambda made: list(made.events)))
    def draw(drawn: list[Event]) -> None:
        assert not any(isinstance(event, hold.Held) for event in drawn)

    with pytest.raises(AssertionError) as raised:
        draw()

    assert ".event(Held" in "\n".join(raised.value.__notes__)


@given(lifecycles())
def test_a_lifecycle_and_settings_are_printed_as_the_calls_that_build_them(drawn: Lifecycle) -> None:
    assert built(lifecycle_chain(drawn)) == drawn
    assert built(settings_chain(drawn.settings)) == drawn.settings
    assert len(lifecycle_chain(drawn)) < 250


def test_the_failing_steps_of_a_machine_are_printed_as_calls_that_can_be_run() -> None:
    class Failing(SessionMachine):
        def check(self) -> None:
            assert len(self.log.events) < 2

    with pytest.raises(AssertionError) as raised:
        run_state_machine_as_test(Failing, settings=effort(database=None, derandomize=True))

    printed = "\n".join(raised.value.__notes__)
    sent = re.findall(r"state\.send\(event=(.*), late=.*\)$", printed, flags=re.MULTILINE)
    assert [built(text).id for text in sent] == [f"e{number}" for number in range(1, len(sent) + 1)]
    assert sent


def set_fields(value: Any) -> Iterator[str]:
    """Yield the class and the name of each attribute that is set, in the parts of an event, too."""
    for one in attrs.fields(type(value)):
        found = getattr(value, one.name)
        if isinstance(found, Details | Settings | Context):
            yield from set_fields(found)
        elif found != (one.default.factory() if isinstance(one.default, attrs.Factory) else one.default):  # type: ignore[arg-type] # a class at run time
            yield f"{type(value).__name__}.{one.name}"


def test_events_state_whatever_an_event_can_state_and_words_that_nobody_knows() -> None:
    taken, words = set[str](), set[tuple[str, str]]()

    @effort(max_examples=2000, database=None, derandomize=True, phases=[Phase.generate])
    @given(events())
    def draw(event: Event) -> None:
        taken.update(set_fields(event))
        if event.settings.wrapup_prompt:
            words.add(("wrapup_prompt", type(event.settings.wrapup_prompt).__name__))
        spoken = {name: getattr(event, name) for name in event.vocabulary}
        details = {name: getattr(event.details, name) for name in ("cobrowse_role", "initial_state")}
        words.update((name, type(word).__name__) for name, word in (spoken | details).items() if word)
        assert decode_event(encode_event(event), max_future=timedelta.max) == event

    draw()

    every = {f"{cls.__name__}.{one.name}" for cls in (Details, Settings, Context, *KINDS.values()) for one in attrs.fields(cls)}
    without = {f"UnknownEvent.{name}" for name in ("extra", "data")} | {
        f"{cls.__name__}.{name}" for cls in KINDS.values() for name in ("context", "details", "settings")
    }
    assert every - without - taken == set()
    assert {(name, "str") for name in ("cobrowse_role", "initial_state", "disconnect_type", "by", "state")} <= words
    assert ("wrapup_prompt", "UnknownPrompt") in words


@given(settings())
def test_settings_are_those_of_a_lifecycle(drawn: Settings) -> None:
    assert Lifecycle(settings=drawn).settings == drawn


@given(sessions(Lifecycle(table=hold.TABLE)))
def test_sessions_are_of_the_class_of_the_table(session: CobrowseSession) -> None:
    assert type(session) is hold.HoldSession
    assert decode_session(encode_session(session), table=hold.TABLE) == session


@given(st.data())
def test_types_have_strategies_without_an_import(data: st.DataObject) -> None:
    classes: tuple[type, ...] = (Event, Entered, Ended, *KINDS.values(), CobrowseSession, Settings)
    for cls in classes:
        assert isinstance(data.draw(st.from_type(cls)), cls)


def test_hypothesis_alone_imports_neither_the_lifecycle_nor_the_test_kit() -> None:
    code = "import sys, hypothesis; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    found = set(done.stdout.split())

    assert "cobrowse_session.events" in found
    assert not found & {"transitions", "cattrs", *(f"cobrowse_session.{name}" for name in ("lifecycle", "wire", "testing"))}


@pytest.mark.parametrize("module", ["strategies", "machine"])
def test_without_hypothesis_the_error_names_the_extra(module: str) -> None:
    code = f"import sys; sys.modules['hypothesis'] = None; import cobrowse_session.testing.{module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "MissingExtraError: a " in done.stderr
    assert "needs the extra 'testing': pip install" in done.stderr


# --- What is printed ----------------------------------------------------------------------------------------------------------


@given(any_streams() | legal_streams(session="a") | any_streams(hold.TABLE) | any_streams(pause.TABLE) | conversations())
def test_the_chain_of_a_stream_builds_it_again(made: Stream) -> None:
    assert built(builder_chain(made)) == made


_NAMES = st.sampled_from(("a", "b", "s1"))
_WHOSE = st.fixed_dictionaries({}, optional={"user_id": st.sampled_from(("ann", "bob")), "purpose": st.just("agent")})
_LENGTHS = st.sampled_from(
    (timedelta(0), timedelta(microseconds=500), timedelta(seconds=2), timedelta(minutes=1, milliseconds=3))
)


@st.composite
def _built(draw: st.DrawFn) -> Stream:
    """A stream as a person may build it: of a session or of the legs of a conversation, with any clock and delay."""
    start, delay = (
        START + draw(st.sampled_from((1, -1))) * draw(_LENGTHS),
        draw(st.none() | _LENGTHS | _LENGTHS.map(lambda one: -one)),
    )
    if draw(st.booleans()):
        made = conversation("c1", start=start, delay=delay, **draw(_WHOSE)).leg(draw(_NAMES), **draw(_WHOSE))
    else:
        made = stream("s1", start=start, delay=delay)
    for call in draw(st.lists(st.sampled_from(("after", "leg", "event", "event", "of another")), max_size=8)):
        match call:
            case "after":
                made = made.after(draw(_LENGTHS))
            case "leg":
                made = made.leg(draw(_NAMES), **draw(_WHOSE))
            case "event":
                made = made.updated(**draw(_WHOSE))
            case _:
                made = made.connected(subject=draw(_NAMES), **draw(_WHOSE))
    return made


@effort(max_examples=300)
@given(_built())
def test_the_chain_of_whatever_a_person_builds_builds_it_again(made: Stream) -> None:
    assert built(builder_chain(made)) == made


@given(events() | events(pause.TABLE))
def test_the_chain_of_an_event_builds_it_again(event: Event) -> None:
    assert built(event_chain(event)) == event


class Mood(Vocabulary):
    """How the customer is."""

    GOOD = "good"


@frozen(kw_only=True, repr=False)
class Surveyed(Event):
    """The customer answered a question of each type."""

    prefix, kind, rank = "com.acme.", "surveyed", 59
    word: str | None = None
    yes: bool | None = None
    count: int | None = None
    share: float | None = None
    at: datetime | None = None
    lasted: timedelta | None = None
    mood: Mood | str | None = None
    words: tuple[str, ...] = ()
    answers: tuple[bool, ...] = ()
    counts: tuple[int, ...] = ()
    shares: tuple[float, ...] = ()
    times: tuple[datetime, ...] = ()
    lengths: tuple[timedelta, ...] | None = None


@given(events(kinds=[Surveyed]))
def test_the_chain_of_an_own_event_builds_a_value_of_each_type_again(event: Event) -> None:
    assert eval(event_chain(event), {**NAMES, "Surveyed": Surveyed}) == event  # noqa: S307 (our own text)


@pytest.mark.parametrize(
    "text",
    [
        "stream('s1')",
        "stream('s1', source='/b', delay='30ms').after('1h').alerting().after('250ms').updated(received_at=START)",
        "stream('s1').alerting(sequence='2', conversation_id='c', self_=Address(name='Ann'), id='x', source='/b')",
        "stream('s1').alerting(extra={'a': [1]}, extensions={'b': 2}, wrapup_prompt=UnknownPrompt('new'), wrapup_timeout='30s')",
        "stream('s1').connected(segment_type='IVR').required().required(False).disconnected('peer').terminated()",
        "stream('s1').started().wrapup().wrapup('sale', tags=('a',), provisional=True).done().offline().platform('skipped')",
        "stream('s1').unknown('com.example.unheard', data={'code': 5}).updated(viewer_url='v').after('2m')",
        "stream('s1').alerting(provider_time=START, derived_from='guess', occurred_at=START - duration('1s'))",
        "stream('s1').event(Held, segment_type='Hold').event(AfterCallWorkPaused)",
        "stream('s1').alerting(subject='s2')",
        "stream('s1', delay=-5).alerting().after(0.0005)",
        "stream('s1').alerting().leg('s2').alerting().leg('s1', user_id='ann').connected()",
        "conversation('c1').leg('ann', user_id='ann').connected().after('2s').leg('bob').connected().leg('ann')",
        "conversation('c1', media_type='call').leg('ann').alerting(user_id='bob').leg('ann', purpose='agent').updated()",
    ],
)
def test_a_chain_reads_as_a_person_writes_it(text: str) -> None:
    assert builder_chain(built(text)) == text


def test_a_failing_example_is_printed_as_a_builder_chain() -> None:
    @effort(max_examples=200, database=None, derandomize=True)
    @given(made=legal_streams())
    def never_connects(made: Stream) -> None:
        assert not any(event.kind == "connected" for event in made)

    with pytest.raises(AssertionError) as failure:
        never_connects()

    printed = "\n".join(failure.value.__notes__)
    assert "made=stream('s1').connected()" in printed


def test_a_failing_session_is_printed_with_its_stream() -> None:
    @effort(max_examples=200, database=None, derandomize=True)
    @given(session=sessions())
    def never_alerts(session: CobrowseSession) -> None:
        assert session.state != "alerting"

    with pytest.raises(AssertionError) as failure:
        never_alerts()

    printed = "\n".join(failure.value.__notes__)
    assert "session=session_after(stream('s1').alerting())" in printed


# --- The state machine --------------------------------------------------------------------------------------------------------


class Board(SessionMachine):
    """Beside a board that shows the state of the log after each event and each advance."""

    lifecycle = Lifecycle(table=hold.TABLE, settings=Settings(wrapup_prompt="timeout", wrapup_timeout=duration(30)))

    def __init__(self) -> None:
        super().__init__()
        self.board = SessionLog(self.lifecycle, "s1")

    def on_event(self, event: Event) -> None:
        self.board.add(event)

    def on_time(self, now: Any) -> None:
        self.board.advance(now)

    def check(self) -> None:
        assert self.board.trace == self.log.trace


TestBoard = Board.TestCase
TestBoard.settings = effort(max_examples=10, stateful_step_count=15)


class Forgetful(SessionMachine):
    """Beside a board that takes events as they arrive, and looks at their kind alone."""

    def __init__(self) -> None:
        super().__init__()
        self.state = "none"

    def on_event(self, event: Event) -> None:
        self.state = str(event.target_state or self.state)

    def check(self) -> None:
        assert self.state == self.log.session.state


def bills(log: SessionLog[Any], _: object) -> None:
    """An observer that was tested with alerted legs only."""
    if log.session.start_alerting_time is None:
        raise LookupError("never alerted")


class Observed(SessionMachine):
    """Beside an inbox with an observer that fails. The inbox reports it, and goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.inbox = Inbox(Lifecycle(), observers=[bills])

    def on_event(self, event: Event) -> None:
        self.inbox.add(event, self.now)


def test_the_machine_raises_what_an_observer_raises() -> None:
    with pytest.raises(LookupError, match="never alerted"):
        run_state_machine_as_test(Observed, settings=effort(database=None, derandomize=True, phases=[Phase.generate]))


def test_the_machine_finds_a_system_that_takes_events_as_they_arrive() -> None:
    case = Forgetful.TestCase("runTest")
    Forgetful.TestCase.settings = effort(
        max_examples=1000, stateful_step_count=8, database=None, derandomize=True, phases=[Phase.generate]
    )

    with pytest.raises(AssertionError) as failure:
        case.runTest()

    printed = "\n".join(failure.value.__notes__)
    assert "stream('s1')" in printed


TIMED = Lifecycle(settings=Settings(wrapup_prompt="timeout", wrapup_timeout=duration(30)))


class Wrong(SessionMachine):
    """Beside a log that loses some events, or all timers."""

    lifecycle = TIMED
    fires = True

    def __init__(self) -> None:
        super().__init__()
        self.sent = SessionLog(TIMED, "s1")  # a name that a subclass is likely to choose

    def loses(self, _: Event, /) -> bool:
        return False

    def on_event(self, event: Event) -> None:
        if not self.loses(event):
            self.sent.add(event)

    def on_time(self, now: Any) -> None:
        if self.fires:
            self.sent.advance(now)

    def check(self) -> None:
        assert (self.sent.session.after_call_work, self.sent.session.wrapup) == (
            self.log.session.after_call_work,
            self.log.session.wrapup,
        )


class NoTimer(Wrong):
    fires = False


class NoDone(Wrong):
    def loses(self, event: Event, /) -> bool:
        return isinstance(event, AfterCallWorkEnded) and event.by == "agent"


class NoOffline(Wrong):
    def loses(self, event: Event, /) -> bool:
        return isinstance(event, AfterCallWorkEnded) and event.by == "offline"


class NoDraft(Wrong):
    def loses(self, event: Event, /) -> bool:
        return isinstance(event, WrapupSaved) and event.provisional


class NoWrapup(Wrong):
    def loses(self, event: Event, /) -> bool:
        return event.kind == "wrapup"


@pytest.mark.parametrize("machine", [NoTimer, NoDone, NoOffline, NoDraft, NoWrapup])
def test_the_machine_finds_a_system_that_loses_a_kind_of_event_or_its_timers(machine: type[SessionMachine]) -> None:
    many = effort(max_examples=1000, stateful_step_count=40, database=None, derandomize=True, phases=[Phase.generate])

    with pytest.raises(AssertionError):  # after less than a hundred examples, mostly
        run_state_machine_as_test(machine, settings=many)


class KeepsTheFirst(Wrong):
    """Takes an event by its id once."""

    def __init__(self) -> None:
        super().__init__()
        self.ids = set[str]()

    def loses(self, event: Event, /) -> bool:
        is_known = event.id in self.ids
        self.ids.add(event.id)
        return is_known


class TakesTheLast(Wrong):
    """Takes each copy for a correction of the copies before it."""

    def loses(self, event: Event, /) -> bool:
        others, fired = [one for one in self.sent.copies if one.id != event.id], self.sent.advanced
        self.sent = SessionLog(TIMED, "s1")
        for one in others:
            self.sent.add(one)
        if fired:
            self.sent.advance(fired)
        return False


@pytest.mark.parametrize("machine", [KeepsTheFirst, TakesTheLast])
def test_the_machine_finds_a_system_that_takes_editions_by_their_arrival(machine: type[SessionMachine]) -> None:
    """COPY-2: the copy with the highest `sequence` counts."""
    many = effort(max_examples=1000, stateful_step_count=40, database=None, derandomize=True, phases=[Phase.generate])

    with pytest.raises(AssertionError):  # after less than a hundred examples, mostly
        run_state_machine_as_test(machine, settings=many)


def test_the_machine_sends_editions_that_correct_and_none_that_contradict() -> None:
    kinds, arrivals = set[str](), set[str]()

    class Editions(SessionMachine):
        lifecycle = Lifecycle(table=hold.TABLE)

        def on_event(self, event: Event) -> None:
            assert self.log.conflicts == 0
            if event.sequence:
                highest = max(int(one.sequence or 0) for one in self.log.copies_of(event))
                arrivals.add("highest" if int(event.sequence) == highest else "lower")
                kinds.add(event.kind)

    few = effort(max_examples=60, stateful_step_count=20, database=None, derandomize=True, phases=[Phase.generate])
    run_state_machine_as_test(Editions, settings=few)

    assert arrivals == {"highest", "lower"}
    assert len(kinds) >= 8
    assert kinds & {"held", "resumed"}


def test_each_run_of_the_machine_has_an_event_and_they_take_most_rows() -> None:
    taken = set[str]()

    class Rows(SessionMachine):
        lifecycle = TIMED

        def check(self) -> None:
            taken.update(name for entry in self.log.trace for name in (entry.outcome.row or "").split("+"))

        def on_time(self, now: Any) -> None:
            assert self.log.events, now

    few = effort(max_examples=100, stateful_step_count=20, database=None, derandomize=True, phases=[Phase.generate])
    run_state_machine_as_test(Rows, settings=few)

    assert len(taken & ROWS) >= 32


# --- Paths --------------------------------------------------------------------------------------------------------------------


def lifecycle_of(table: Table[Any]) -> Lifecycle[Any]:
    return Lifecycle(table=table, acw_after_transfer=False, alerting_grace=duration("250ms"))


@pytest.mark.parametrize("path", rows(), ids=str)
def test_a_path_ends_at_its_row(path: Path) -> None:
    ran = path.run()

    assert tuple(step.outcome.row for step in ran.steps) == path.rows
    assert path.id.partition(" ")[0] in path.rows[-1].split("+")


@pytest.mark.parametrize("name", ["standard", "short calls", *OWN])
def test_every_row_of_a_table_has_a_path_of_its_own_also_where_rows_share_a_name(name: str) -> None:
    table = TABLES[name]

    found = rows(lifecycle_of(table))

    every = [row for part in table.parts for row in part.rows]
    assert len({path.id for path in found}) == len(found) == len(every)
    assert all(row in decided(path) for path, row in zip(found, every, strict=True))


def decided(path: Path) -> list[Row]:
    """Return the rows that decide the end of a path."""
    *_, before, last = [None, *path.run().steps]
    assert last is not None
    session = before.session if before else path.lifecycle.new("s1")
    asked = zip((last.event.kind, LEG_ENDED), path.rows[-1].split("+"), strict=False)
    return [row for kind, name in asked for row in path.lifecycle.machines.rows(kind, session) if row.name == name]


@frozen(kw_only=True, repr=False)
class Reopened(Event):
    """After-call work that its timeout ended is opened again."""

    prefix, kind, rank = "com.acme.", "acw.reopened", 127


@reads_session
def is_timed_out(session: CobrowseSession, _event: Event, _: Policy) -> bool:
    """The timeout has ended after-call work."""
    return session.wrapup is not None and session.wrapup.code == Lifecycle().timeout_code


def _reopened(name: str, source: tuple[str, ...], **more: Any) -> Row:
    return Row(name=name, on=("acw.reopened",), source=source, reason=f"{name}.", **more)


OVERDUE = evolve(
    EVERY_ROW,
    table=Table.standard().extended(
        "overdue",
        kinds=(Reopened,),
        states={"reopened": "pending"},
        after_call_work=(
            _reopened("reopened", ("complete",), guards=(is_timed_out,), result="reopened"),
            _reopened("not_reopened", ("complete",), result=refused("not_timed_out")),
            _reopened("not_complete", ("absent", "pending", "skipped", "reopened"), result=refused("not_complete")),
            instead(
                "complete_by_timeout",
                *(
                    evolve(row, name=name, source=(state,))
                    for row in Table.standard().after_call_work
                    if row.name == "complete_by_timeout"
                    for name, state in (("complete_by_timeout", "pending"), ("late", "reopened"))
                ),
            ),
        ),
    ),
)


def test_a_path_has_the_rows_of_the_timers_that_are_due_at_its_end() -> None:
    at_the_deadline = Variant(Updated, {"peer_id": "p"}, after=timedelta(seconds=30))

    found = (*rows(OVERDUE), *rows(more=[at_the_deadline]), *pairs(longest=3, more=[at_the_deadline]))

    assert {path.id: path.rows[-2:] for path in found}["reopened"] == ("reopened", "late")
    for path in found:
        assert tuple(step.outcome.row for step in path.run().steps) == path.rows, path


def test_the_id_of_a_path_says_which_one_of_the_rows_with_one_name_it_reaches() -> None:
    found = [path.id for path in rows() if path.id.startswith("duplicate")]

    assert found == [
        *("duplicate (scheduled in scheduled, ...)", "duplicate (updated in none, ...)", "duplicate (acw.started in pending)"),
        *("duplicate (acw.required in absent, ...)", "duplicate (wrapup in absent, ...)", "duplicate (wrapup in pending)"),
        *("duplicate (acw.ended in absent)", "duplicate (acw.ended in complete, ...)"),
    ]


def test_a_path_is_a_shortest_one() -> None:
    lengths = {path.id: len(path.rows) for path in rows()}

    expected = {
        "alerting": 1,
        "duplicate (updated in none, ...)": 1,
        "released": 2,
        "begins": 2,
        "no_way_back": 2,
        "complete_by_code": 3,
    }
    assert {name: lengths[name] for name in expected} == expected


UNREACHED = ("skipped_after_transfer", "alert_timed_out", "none_after_alert_timeout")  # by the default policy


def test_a_row_that_a_lifecycle_never_reaches_has_no_path_and_is_named_for_that() -> None:
    message = (
        "rows: no path was found to 'alert_timed_out', 'none_after_alert_timeout', 'skipped_after_transfer': add events that "
        "lead there, as more=[Variant(...)], or leave these rows out: "
        "without=('alert_timed_out', 'none_after_alert_timeout', 'skipped_after_transfer')"
    )

    with pytest.raises(ValueError, match=re.escape(message)):
        rows(Lifecycle())

    assert {path.id for path in rows()} - {path.id for path in rows(Lifecycle(), without=UNREACHED)} == {*UNREACHED}


def test_a_row_that_is_reached_cannot_be_left_out() -> None:
    with pytest.raises(ValueError, match="rows: without: this lifecycle reaches 'begins': leave out only"):
        rows(Lifecycle(), without=[*UNREACHED, "begins"])


def test_a_search_is_made_once_for_each_lifecycle() -> None:
    assert rows(Lifecycle(), without=UNREACHED)[0] is rows(Lifecycle(), without=UNREACHED)[0]
    assert rows(Lifecycle(), without=UNREACHED)[0] is not rows()[0]
    assert pairs(longest=2) is pairs(longest=2)
    assert pairs(longest=2) != pairs(longest=1)


def test_a_row_that_needs_no_path_is_one_of_the_table() -> None:
    with pytest.raises(ValueError, match="rows: without: the table 'standard' has no row 'duplicate', 'held'"):
        rows(without=["begins", "duplicate", "held"])


def test_a_row_that_asks_for_a_time_has_a_path_with_an_event_at_that_time() -> None:
    long = Row(
        name="none_when_long",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        guards=(took_an_hour,),
        result=NO_TRANSITION,
        reason="A long call needs no after-call work.",
    )
    lifecycle = lifecycle_of(Table.standard().extended("long calls", after_call_work=(before("none_by_prompt", long),)))

    with pytest.raises(ValueError, match="no path was found to 'none_when_long':"):
        rows(lifecycle)

    (path,) = [
        path for path in rows(lifecycle, more=[Variant(Disconnected, after=duration("1h"))]) if path.id == "none_when_long"
    ]

    assert path.rows == ("connected", "ended+none_when_long")
    assert path.run().outcomes[-1].row == path.rows[-1]


@reads_event
def took_an_hour(session: CobrowseSession, event: Event, _: Policy) -> bool:
    """The leg took an hour."""
    return session.connected_time is not None and event.occurred_at - session.connected_time >= duration("1h")


def test_shortest_paths_reach_every_state_of_both_machines() -> None:
    found = {path.id: path.run().session for path in shortest_paths(lifecycle_of(pause.TABLE), longest=4)}

    assert {session.state for session in found.values()} == {*pause.TABLE.states.connection}
    assert {session.after_call_work.state for session in found.values() if session.after_call_work} == {
        *("pending", "paused", "complete", "skipped")
    }
    assert all(name == "-".join(filter(None, (session.state, work_of(session)))) for name, session in found.items())


def work_of(session: CobrowseSession) -> str:
    return "" if session.after_call_work is None else str(session.after_call_work.state)


@pytest.fixture(scope="module")
def every_pair() -> tuple[Path, ...]:
    return pairs()


def test_a_pair_ends_with_its_two_rows(every_pair: tuple[Path, ...]) -> None:
    assert len({path.id for path in every_pair}) == len(every_pair)
    for path in every_pair[::20]:
        assert tuple(step.outcome.row for step in path.run().steps) == path.rows
        assert re.sub(r" \(.*?\)", "", path.id) == "-".join(path.rows[-2:])


@given(legal_streams(EVERY_ROW))
def test_what_follows_in_a_stream_is_a_pair(every_pair: tuple[Path, ...], made: Stream) -> None:
    known = {path.rows[-2:] for path in every_pair}

    taken = [step.outcome.row for step in run(made, lifecycle=EVERY_ROW).steps]

    assert set(pairwise(taken)) <= known


def test_what_follows_each_row_long_after_it_is_a_pair(every_pair: tuple[Path, ...]) -> None:
    known, seen = {path.rows[-2:] for path in every_pair}, set[str | None]()

    for path in rows():
        late = path.stream.after("10m").started(wrapup_prompt="timeout", wrapup_timeout=30)
        *_, before, last = run(late, lifecycle=EVERY_ROW).outcomes
        if isinstance(before, Applied):
            seen.add(last.row)
            assert (before.row, last.row) in known

    assert "deadline_passed" in seen


def test_a_request_is_repeated_and_taken_back_in_the_pairs(every_pair: tuple[Path, ...]) -> None:
    again = "(acw.required in absent, ...)"

    expected = {
        f"request-duplicate {again}",
        f"request-details {again}",
        "request-request_withdrawn",
        "request_withdrawn-request",
    }
    assert expected <= {path.id for path in every_pair}


@given(payloads())
def test_payloads_of_any_family_are_read_by_their_source(drawn: list[dict[str, Any]]) -> None:
    assert {event.subject for event in convert(drawn).events} <= {"s1", "s2", "s3"}


@given(payloads("conversation"))
def test_payloads_are_of_the_family_that_is_asked_for(drawn: list[dict[str, Any]]) -> None:
    assert all("participants" in one for one in drawn)


SENT_BY_NONE = {"analytics", "provider", "messenger"}


@pytest.mark.parametrize("family", [None, *FAMILIES, *(f"detail.{kind}" for kind in KINDS_OF_DETAILS)])
def test_there_is_always_a_payload(family: str | None) -> None:
    @effort(max_examples=10, database=None, derandomize=True, phases=[Phase.generate])
    @given(payloads(family))
    def draw(drawn: list[dict[str, Any]]) -> None:
        assert drawn

    draw()


@pytest.mark.parametrize(("envelope", "key"), [("notification", "topicName"), ("eventbridge", "detail-type"), ("sqs", "Records")])
def test_payloads_have_the_envelope_that_is_asked_for(envelope: str, key: str) -> None:
    seen = set[str]()

    @effort(max_examples=40, database=None, derandomize=True, phases=[Phase.generate])
    @given(payloads(envelope=envelope))
    def draw(drawn: list[dict[str, Any]]) -> None:
        assert drawn
        assert all(key in one for one in drawn)
        seen.add("detail" if "v2.detail" in str(drawn) else "conversations")

    draw()

    assert seen == {"detail", "conversations"}


def test_payloads_follow_the_lifecycle_and_print_it() -> None:
    @effort(max_examples=200, database=None, derandomize=True)
    @given(drawn=payloads("media", lifecycle=Lifecycle(acw_when_unanswered=True)))
    def never_works_unanswered(drawn: list[dict[str, Any]]) -> None:
        for one in drawn:
            for leg in one["participants"]:
                assert "startAcwTime" not in leg or "connectedTime" in leg

    with pytest.raises(AssertionError) as failure:
        never_works_unanswered()

    assert "lifecycle=Lifecycle(acw_when_unanswered=True)" in "\n".join(failure.value.__notes__)


@given(payloads(lifecycle=Lifecycle(table=hold.TABLE)))
def test_payloads_of_an_own_table_are_read_by_their_source(drawn: list[dict[str, Any]]) -> None:
    assert {event.subject for event in convert(drawn).events} <= {"s1", "s2", "s3"}


@pytest.mark.parametrize("family", sorted(SENT_BY_NONE))
def test_a_family_that_no_topic_sends_has_no_envelope(family: str) -> None:
    with pytest.raises(ValueError, match="expected none, because no topic sends this family"):
        payloads(family, envelope="sqs")
