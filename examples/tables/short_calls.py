"""A table without after-call work where both sides talked for less than ten seconds."""

from datetime import timedelta

from attrs import frozen

from cobrowse_session import CobrowseSession
from cobrowse_session.lifecycle.actions import finish_wrapup
from cobrowse_session.tables import (
    AFTER_CALL_WORK_STATES,
    LEG_ENDED,
    NO_TRANSITION,
    Event,
    Policy,
    Row,
    Table,
    before,
    reads_session,
)


@reads_session
@frozen
class TalkedLessThan:
    """Both sides talked for less than {least}."""

    least: timedelta

    def __call__(self, session: CobrowseSession, _event: Event, _: Policy) -> bool:
        """Return whether they did. Segments have one clock, so their durations can be added."""
        talk = [one for one in session.segments or () if one.type == "Interact" and one.start_time and one.end_time]
        return sum((one.end_time - one.start_time for one in talk if one.end_time and one.start_time), timedelta(0)) < self.least


TABLE = Table.standard().extended(
    "short calls",
    after_call_work=(
        # Behind the rows for no after-call work, and before those that show it as skipped.
        before(
            "skipped_after_transfer",
            Row(
                name="none_when_short",
                on=(LEG_ENDED,),
                source=AFTER_CALL_WORK_STATES,
                guards=(TalkedLessThan(timedelta(seconds=10)),),
                result=NO_TRANSITION,
                actions=(finish_wrapup,),
                reason="A short call needs no after-call work.",
            ),
        ),
    ),
)
