"""The same rows, guards and actions on `transitions` alone, as its documentation shows: a model and its machines.

The machines have the default options. Guards and actions are functions. Methods of the model, given by name, cost as much.
"""

import logging
from collections.abc import Iterable
from typing import Any

import transitions
from attrs import evolve

from cobrowse_session import AfterCallWork, AfterCallWorkState, CobrowseSession, ConnectionState, Event, Lifecycle
from cobrowse_session.events import KINDS
from cobrowse_session.lifecycle import table
from cobrowse_session.lifecycle.actions import COMMON
from cobrowse_session.lifecycle.row import Row
from cobrowse_session.lifecycle.states import AFTER_CALL_WORK_STATES, CONNECTION_STATES
from cobrowse_session.vocabulary import ENDED_STATES

logging.getLogger("transitions").setLevel(logging.ERROR)  # it warns of the second machine's `trigger`, which nobody calls


class Model:
    """A model for `transitions`. Its states are those of its session."""

    def __init__(self, session: CobrowseSession) -> None:
        self.session = session

    @property
    def leg(self) -> str:
        """The connection state."""
        return str(self.session.state)  # a plain one: transitions looks for an Enum's name

    @leg.setter
    def leg(self, state: str) -> None:
        self.session.state = ConnectionState(state)

    @property
    def acw(self) -> str:
        """The state of after-call work."""
        work = self.session.after_call_work
        return str(work.state) if work and work.state else "absent"

    @acw.setter
    def acw(self, state: str) -> None:
        if state != "absent":
            work = self.session.after_call_work or AfterCallWork()
            self.session.after_call_work = evolve(work, state=AfterCallWorkState(state))


def transitions_of(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return the rows as arguments of `transitions`. `Any`: its arguments."""
    found = []
    for row in rows:
        for kind in row.on:
            entered = KINDS[kind].target_state if kind in KINDS else None
            before = [*(COMMON if row.is_applied and kind in KINDS else ()), *row.actions]
            found.append(
                {
                    "trigger": kind,
                    "source": list(row.sources(entered and str(entered))),
                    "dest": row.target(entered and str(entered)),
                    "conditions": list(row.guards),
                    "before": before,
                }
            )
    return found


LEG = transitions_of(row for row in table.CONNECTION if row.name != "alert_timed_out")
WORK = transitions_of(table.AFTER_CALL_WORK)


def create() -> Model:
    """Return the model of a session with machines of its own. They live as long as the model does."""
    model = Model(CobrowseSession(id="s1"))
    for states, rows, attribute in (
        (CONNECTION_STATES, LEG, "leg"),
        (AFTER_CALL_WORK_STATES, WORK, "acw"),
    ):
        transitions.Machine(model, states=list(states), transitions=rows, initial=states[0], model_attribute=attribute)
    return model


def live(model: Model, events: Iterable[Event]) -> None:
    """Live one life."""
    session = model.session
    for event in events:
        was_ended = session.state in ENDED_STATES
        getattr(model, event.kind)(session, event, LIFECYCLE.policy(session))
        if (session.state in ENDED_STATES) and not was_ended:
            getattr(model, table.LEG_ENDED)(session, event, LIFECYCLE.policy(session))


def reuse(session: CobrowseSession, events: Iterable[Event]) -> None:
    """Live one life on machines that were built once. Their model holds one session after another."""
    REUSED.session = session
    live(REUSED, events)


LIFECYCLE = Lifecycle()
REUSED = create()
