"""The parts of a table of your own: `Table.standard().extended(...)`.

Rows of your own may use the guards and the actions of the standard rows: `lifecycle/guards.py` and `lifecycle/actions.py`.
"""

from cobrowse_session.errors import TableError
from cobrowse_session.events import Entered, Event, Timer
from cobrowse_session.lifecycle.deadline import Deadline
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.extension import after, also, before, instead
from cobrowse_session.lifecycle.policy import Policy
from cobrowse_session.lifecycle.row import (
    CLOUD,
    DUPLICATE,
    EVENT_STATE,
    NO_TRANSITION,
    PROVIDER,
    SAME_STATE,
    Row,
    ignored,
    other_states,
    reads_event,
    reads_session,
    refused,
    writes,
)
from cobrowse_session.lifecycle.states import AFTER_CALL_WORK_STATES, CLOSED, CONNECTION_STATES, ENDED, NOT_YET_CONNECTED, PENDING
from cobrowse_session.lifecycle.table import LEG_ENDED, no_change_rows
from cobrowse_session.vocabulary import Vocabulary

__all__ = [
    "AFTER_CALL_WORK_STATES",
    "CLOSED",
    "CLOUD",
    "CONNECTION_STATES",
    "DUPLICATE",
    "ENDED",
    "EVENT_STATE",
    "LEG_ENDED",
    "NOT_YET_CONNECTED",
    "NO_TRANSITION",
    "PENDING",
    "PROVIDER",
    "SAME_STATE",
    "Deadline",
    "Entered",
    "Event",
    "Policy",
    "Row",
    "Table",
    "TableError",
    "Timer",
    "Vocabulary",
    "after",
    "also",
    "before",
    "ignored",
    "instead",
    "no_change_rows",
    "other_states",
    "reads_event",
    "reads_session",
    "refused",
    "writes",
]
