"""A table in which the agent can put the customer on hold. The leg stays connected, and holding is a segment of its time line."""

from attrs import define, frozen, setters

from cobrowse_session import CobrowseSession
from cobrowse_session.lifecycle.actions import begin_segment
from cobrowse_session.lifecycle.guards import connected
from cobrowse_session.tables import (
    CONNECTION_STATES,
    NO_TRANSITION,
    Entered,
    Event,
    Policy,
    Row,
    Table,
    also,
    no_change_rows,
    reads_session,
    refused,
    writes,
)


@define(kw_only=True, on_setattr=setters.NO_OP, repr=False)
class HoldSession(CobrowseSession):
    """A session that knows whether the customer is on hold, and how often that was.

    Args:
        held: None: never so far.
        hold_count: None: never so far.
    """

    held: bool | None = None
    hold_count: int | None = None


@frozen(kw_only=True, repr=False)
class Held(Entered):
    """The agent put the customer on hold."""

    prefix, kind, rank = "com.acme.", "held", 52
    segment = "Hold"


@frozen(kw_only=True, repr=False)
class Resumed(Entered):
    """The agent is back."""

    prefix, kind, rank = "com.acme.", "resumed", 54
    segment = "Interact"


@reads_session
def on_hold(session: HoldSession, _event: Event, _: Policy) -> bool:
    """The customer is on hold."""
    return session.held is True


@reads_session
def not_on_hold(session: HoldSession, _event: Event, _: Policy) -> bool:
    """The customer is not on hold."""
    return not session.held


@writes("held", "hold_count")
def begin_hold(session: HoldSession, _event: Event, _: Policy) -> None:
    """Holding begins, and is counted."""
    session.held, session.hold_count = True, (session.hold_count or 0) + 1


@writes("held")
def end_hold(session: HoldSession, _event: Event, _: Policy) -> None:
    """Holding ends, if it ever began."""
    if session.held:
        session.held = False


TABLE = Table.standard().extended(
    "hold",
    kinds=(Held, Resumed),
    session=HoldSession,
    connection=(
        Row(
            name="held",
            on=("held",),
            source=CONNECTION_STATES,
            guards=(connected, not_on_hold),
            result=NO_TRANSITION,
            actions=(begin_segment, begin_hold),
            reason="The customer is on hold. The leg stays connected.",
        ),
        Row(
            name="resumed",
            on=("resumed",),
            source=CONNECTION_STATES,
            guards=(connected, on_hold),
            result=NO_TRANSITION,
            actions=(begin_segment, end_hold),
            reason="The agent is back.",
        ),
        *no_change_rows(
            on=("held", "resumed"),
            source=CONNECTION_STATES,
            guards=(connected,),
            without=("grant_outside_connected", "settings_after_end"),
        ),
        Row(
            name="hold_not_connected",
            on=("held", "resumed"),
            source=CONNECTION_STATES,
            result=refused("not_connected"),
            reason="Only a connected leg can be held.",
        ),
        also("ended", end_hold),  # a hold ends with its leg
    ),
)
