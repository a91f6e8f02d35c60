"""A state machine of Hypothesis that drives a log, and the user's own system beside it (extra `testing`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any, ClassVar

from attrs import evolve

from cobrowse_session.errors import MissingExtraError
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Lifecycle
from cobrowse_session.model import CobrowseSession
from cobrowse_session.stream import SessionLog
from cobrowse_session.stream.observers import raised_by_observers
from cobrowse_session.testing.checked import check_log
from cobrowse_session.testing.strategies import other_statement, with_any_event
from cobrowse_session.testing.stream import START, Stream

try:
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
except ModuleNotFoundError:
    raise MissingExtraError("a state machine", "testing") from None

__all__ = ["SessionMachine"]

_PASSED = (0, 1, 5, 30, 60, 0.25, 300)
_LATE = (*[0] * 18, *_PASSED[1:])  # most events arrive at once


@st.composite
def _next(draw: st.DrawFn, lifecycle: Lifecycle[Any], session: CobrowseSession, sent: Stream) -> Event:
    # Hypothesis would print a `map` as a call with the source of its function, which nobody can run.
    return draw(with_any_event(lifecycle, session, sent.after(draw(st.sampled_from(_PASSED))))).events[-1]


@st.composite
def _edition(draw: st.DrawFn, log: SessionLog[Any]) -> Event:
    """Editions that no copy has, of the event of a copy: they state something else, and may have occurred earlier."""
    event = draw(st.sampled_from(log.copies))
    used = {one.sequence for one in log.copies_of(event)}
    free = next(number for number in count(draw(st.integers(1, 3))) if str(number) not in used)
    late = timedelta(seconds=draw(st.sampled_from(_LATE)))
    return evolve(draw(other_statement(event)), sequence=str(free), occurred_at=event.occurred_at - late)


class SessionMachine(RuleBasedStateMachine):
    """Events of one session in any order, with repeats, editions and time that passes.

    Subclass it, and test `YourMachine.TestCase`.
    `on_event` and `on_time` give your system what the log has got, and `check` compares after each step. An `__init__` of the
    subclass calls `super().__init__()` first. What an observer raises in `on_event` or `on_time` is raised. At the end the log is
    checked as `check_log` does.

    Attributes:
        lifecycle: the rules. Events of every kind of its table are sent.
        log: the log of the session.
        now: the time, on the corrected provider clock. No event occurs later.
    """

    lifecycle: ClassVar[Lifecycle[Any]] = Lifecycle()

    def __init__(self) -> None:
        super().__init__()
        self.log: SessionLog[Any] = SessionLog(self.lifecycle, "s1")
        self.now: datetime = START

    # --- What a subclass does -------------------------------------------------------------------------------------------------

    def on_event(self, event: Event) -> None:
        """Give your system an event that arrives now. The log has it already."""

    def on_time(self, now: datetime) -> None:
        """Let your system fire what is due at `now`. The log has fired it already. Without it, lost timers are not found."""

    def check(self) -> None:
        """Compare your system with `self.log`."""

    # --- Rules ----------------------------------------------------------------------------------------------------------------

    @rule(event=st.runner().flatmap(lambda machine: machine.following()), late=st.sampled_from(_LATE))
    def send(self, event: Event, late: float) -> None:
        """Time passes, and nobody fires what is due. Then an event arrives that occurred now, or before others that have come."""
        self.now = event.occurred_at
        self._arrives(evolve(event, occurred_at=event.occurred_at - timedelta(seconds=late)))

    @precondition(lambda machine: machine.log.copies)
    @rule(event=st.runner().flatmap(lambda machine: st.sampled_from(machine.log.copies)))
    def repeat(self, event: Event) -> None:
        """An event arrives again."""
        self._arrives(event)

    @precondition(lambda machine: machine.log.copies)
    @rule(event=st.runner().flatmap(lambda machine: _edition(machine.log)))
    def correct(self, event: Event) -> None:
        """Another edition of an event arrives, a higher or a lower one than those that have come."""
        self._arrives(event)

    # Hypothesis leaves out some rules in each run. A run without an event would show nothing, and so it is none.
    @precondition(lambda machine: machine.log.copies)
    @rule(seconds=st.sampled_from(_PASSED[1:]))
    def advance(self, seconds: float) -> None:
        """Time passes, and what is due is fired."""
        self._fires(self.now + timedelta(seconds=seconds))

    @precondition(lambda machine: machine.log.deadline)
    @rule()
    def advance_to_deadline(self) -> None:
        """Time passes until the next timer is due, and it is fired."""
        assert self.log.deadline is not None, "the precondition"
        self._fires(max(self.now, self.log.deadline))

    @invariant()
    def holds(self) -> None:
        """What `check` asks."""
        self.check()

    def teardown(self) -> None:
        """Check the log."""
        check_log(self.log)

    def following(self) -> st.SearchStrategy[Event]:
        """Return the events that may come next, of each row that may decide one."""
        return _next(evolve(self.lifecycle, strict=False), self.log.session, Stream("s1", self.now, events=self.log.copies))

    def _arrives(self, event: Event) -> None:
        if event.received_at is None:  # it comes for the first time, perhaps long after it occurred
            event = evolve(event, received_at=self.now)
        with _raising():
            self.log.add(event)
            self.on_event(event)

    def _fires(self, now: datetime) -> None:
        self.now = now
        with _raising():
            self.log.advance(now)
            self.on_time(now)


@contextmanager
def _raising() -> Iterator[None]:
    """Raise at the end of the block what an observer raised in it. The inbox of a handler only reports it."""
    with raised_by_observers() as errors:
        yield
    if errors:
        raise errors[0]
