"""A table of another platform: the agent may pause after-call work, which has a state and a deadline of its own."""

from datetime import datetime, timedelta

from attrs import define, frozen, setters

from cobrowse_session import CobrowseSession
from cobrowse_session.events import AfterCallWorkTimeout
from cobrowse_session.lifecycle.actions import assign_timeout_code, end_after_call_work, finish_wrapup
from cobrowse_session.lifecycle.deadline import after_call_work_due
from cobrowse_session.tables import (
    PROVIDER,
    Deadline,
    Event,
    Policy,
    Row,
    Table,
    Timer,
    no_change_rows,
    refused,
    writes,
)


@define(kw_only=True, on_setattr=setters.NO_OP, repr=False)
class PauseSession(CobrowseSession):
    """A session that knows when after-call work was paused.

    Args:
        paused_since: of the last pause, on the corrected provider clock. None: there was none.
    """

    paused_since: datetime | None = None


@frozen(kw_only=True, repr=False)
class AfterCallWorkPaused(Event):
    """The agent pauses after-call work."""

    prefix, kind, rank = "com.acme.", "acw.paused", 122


@frozen(kw_only=True, repr=False)
class PauseTimeout(Timer):
    """The pause lasted too long."""

    kind = "timer.pause"


@writes("paused_since", clock=PROVIDER)
def begin_pause(session: PauseSession, event: Event, _: Policy) -> None:
    """The pause begins."""
    session.paused_since = event.occurred_at


def work_due(session: PauseSession, policy: Policy) -> datetime | None:
    """The time limit of the prompt does not count during a pause."""
    work = session.after_call_work
    return None if work and work.state == "paused" else after_call_work_due(session, policy)


@frozen
class PauseDue:
    """A pause lasts at most {longest}."""

    longest: timedelta

    def __call__(self, session: PauseSession, _: Policy) -> datetime | None:
        """Return when it is too long, on the corrected provider clock. Asked in the state `paused` only: it has the row."""
        return session.paused_since and session.paused_since + self.longest


TABLE = Table.standard().extended(
    "pause",
    kinds=(AfterCallWorkPaused,),
    session=PauseSession,
    states={"paused": "pending"},  # a code saved during the pause completes after-call work, as in `pending`
    deadlines=(Deadline(AfterCallWorkTimeout, work_due), Deadline(PauseTimeout, PauseDue(timedelta(minutes=15)))),
    after_call_work=(
        Row(
            name="paused",
            on=("acw.paused",),
            source=("pending",),
            result="paused",
            actions=(begin_pause,),
            reason="The agent paused after-call work.",
        ),
        *no_change_rows(on=("acw.paused",), source=("paused",)),
        Row(
            name="nothing_to_pause",
            on=("acw.paused",),
            source=("absent", "complete", "skipped"),
            result=refused("nothing_to_pause"),
            reason="No after-call work is pending.",
        ),
        Row(
            name="complete_by_pause",
            on=("timer.pause",),
            source=("paused",),
            result="complete",
            actions=(assign_timeout_code, end_after_call_work, finish_wrapup),
            reason="The pause lasted too long.",
        ),
    ),
)
