"""A state machine of Hypothesis that drives a log, and the user's own system beside it (extra `testing`)."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from attrs import evolve

from cobrowse_session.errors import MissingExtraError
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Lifecycle
from cobrowse_session.stream import SessionLog
from cobrowse_session.testing.checked import check_log
from cobrowse_session.testing.strategies import events
from cobrowse_session.testing.stream import START

try:
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
except ModuleNotFoundError:
    raise MissingExtraError("a state machine", "testing") from None

__all__ = ["SessionMachine"]

_PASSED = (1, 5, 30, 60, 0.25, 300)


@st.composite
def _numbered(draw: st.DrawFn, drawn: st.SearchStrategy[Event], number: int) -> Event:
    # Hypothesis would print a `map` as a call with the source of its function, which nobody can run.
    return evolve(draw(drawn), id=f"e{number}")


class SessionMachine(RuleBasedStateMachine):
    """Events of one session in any order, with repeats and time that passes. Subclass it, and test `YourMachine.TestCase`.

    `check` is called after each step. At the end the log is checked as `check_log` does.

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
        self.sent: list[Event] = []

    # --- What a subclass does -------------------------------------------------------------------------------------------------

    def on_event(self, event: Event) -> None:
        """Give your system an event that arrives now. The log has it already."""

    def on_time(self, now: datetime) -> None:
        """Let your system fire what is due at `now`. The log has fired it already."""

    def check(self) -> None:
        """Compare your system with `self.log`."""

    # --- Rules ----------------------------------------------------------------------------------------------------------------

    @rule(event=st.runner().flatmap(lambda machine: machine.following()))
    def send(self, event: Event) -> None:
        """An event of any kind occurs and arrives."""
        self._arrives(event)

    @rule(event=st.runner().flatmap(lambda machine: machine.following()), late=st.sampled_from(_PASSED))
    def send_late(self, event: Event, late: float) -> None:
        """An event arrives that occurred before others that have come already."""
        self._arrives(evolve(event, occurred_at=event.occurred_at - timedelta(seconds=late)))

    @precondition(lambda machine: machine.sent)
    @rule(event=st.runner().flatmap(lambda machine: st.sampled_from(machine.sent)))
    def repeat(self, event: Event) -> None:
        """An event arrives again."""
        self._arrives(event)

    @rule(seconds=st.sampled_from(_PASSED))
    def wait(self, seconds: float) -> None:
        """Time passes, and nobody fires what is due."""
        self.now += timedelta(seconds=seconds)

    @rule()
    def advance(self) -> None:
        """What is due is fired."""
        self.log.advance(self.now)
        self.on_time(self.now)

    @invariant()
    def holds(self) -> None:
        """What `check` asks."""
        self.check()

    def teardown(self) -> None:
        """Check the log."""
        check_log(self.log)

    def following(self) -> st.SearchStrategy[Event]:
        """Return the events that may come next."""
        return _numbered(events(self.lifecycle.table, occurred_at=self.now), len(self.sent) + 1)

    def _arrives(self, event: Event) -> None:
        if event.received_at is None:  # it comes for the first time, perhaps long after it occurred
            event = evolve(event, received_at=self.now)
        self.sent.append(event)
        self.log.add(event)
        self.on_event(event)
