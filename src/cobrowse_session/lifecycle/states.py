"""The states of both machines, and their groups. Guards and actions ask groups, because a table may have states of its own."""

from collections.abc import Mapping
from functools import cached_property

from attrs import frozen

from cobrowse_session.vocabulary import ENDED_STATES, PENDING_STATES, AfterCallWorkState, ConnectionState

# --- The standard states ------------------------------------------------------------------------------------------------------

PENDING = tuple(map(str, PENDING_STATES))
NOT_YET_CONNECTED = ("none", *PENDING)
ENDED = tuple(map(str, ENDED_STATES))
CONNECTION_STATES = (*NOT_YET_CONNECTED, "connected", *ENDED)

ABSENT = "absent"
CLOSED = ("complete", "skipped")
AFTER_CALL_WORK_STATES = (ABSENT, "pending", *CLOSED)

SAME: Mapping[str, tuple[str, ...]] = {
    **{state: (state,) for state in CONNECTION_STATES},
    "disconnected": ENDED,  # a connection that is released has ended, too
}
"""Each connection state, with the states that include it, itself among them."""

# --- The states of a table ----------------------------------------------------------------------------------------------------

Likeness = tuple[tuple[str, str], ...]
"""States of a table's own, each with the standard state that it is like."""


@frozen(slots=False)
class States:
    """The states of both machines, in groups.

    Args:
        own: the table's own states, each with the standard state that it is like. A state is in the groups of that state.
    """

    own: Likeness = ()

    @cached_property
    def connection(self) -> tuple[str, ...]:
        """The states of the connection. An own state follows the one that it is like."""
        return self.like(*CONNECTION_STATES)

    @cached_property
    def after_call_work(self) -> tuple[str, ...]:
        """The states of after-call work."""
        return self.like(*AFTER_CALL_WORK_STATES)

    @cached_property
    def pending(self) -> frozenset[str]:
        """The connection states of a leg that is neither connected nor ended, after its first event."""
        return frozenset(self.like(*PENDING))

    @cached_property
    def connected(self) -> frozenset[str]:
        """The connection states of a connected leg."""
        return frozenset(self.like(ConnectionState.CONNECTED))

    @cached_property
    def ended(self) -> frozenset[str]:
        """The connection states of a leg that has ended."""
        return frozenset(self.like(*ENDED))

    @cached_property
    def working(self) -> frozenset[str]:
        """The states of after-call work that goes on."""
        return frozenset(self.like(AfterCallWorkState.PENDING))

    @cached_property
    def same(self) -> Mapping[str, tuple[str, ...]]:
        """Each connection state, with the states that include it, itself among them."""
        # An event names `disconnected`, and the session is in the own state `abandoned`, which is like it: the leg has ended. But
        # a leg that is parked is not in the state `offering` that `parked` is like.
        alike = {state: self.like(*SAME[self.standard(state)]) for state in self.connection}
        return {state: alike[state] if state in self.ended else (state,) for state in self.connection}

    @cached_property
    def words(self) -> Mapping[str, ConnectionState | str]:
        """Each connection state, as a session has it."""
        return {state: ConnectionState.read(state) for state in self.connection}

    @cached_property
    def work_words(self) -> Mapping[str, AfterCallWorkState | str]:
        """Each state of after-call work, as a session has it."""
        return {state: AfterCallWorkState.read(state) for state in self.after_call_work}

    def like(self, *states: str) -> tuple[str, ...]:
        """Return these states, and behind each one the own states that are like it."""
        return tuple(name for state in states for name in (str(state), *(own for own, other in self.own if other == state)))

    def standard(self, state: str) -> str:
        """Return the standard state that a state is like: itself, if it is one."""
        return dict(self.own).get(state, state)

    def extended(self, like: Mapping[str, str]) -> "States":
        """Return these states and more, each with the state that it is like."""
        own = dict(self.own)
        for state, other in like.items():  # in order, so that one own state may be like another
            own[state] = own.get(other, other)
        return States(tuple(own.items()))


STANDARD = States()
