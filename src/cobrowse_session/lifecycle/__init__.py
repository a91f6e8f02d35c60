"""The lifecycle of one session: the table, its two machines, and the outcomes. No I/O, no clock, no threads."""

from cobrowse_session.lifecycle.allowed import Allowed
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.lifecycle import Lifecycle
from cobrowse_session.lifecycle.outcome import Applied, Duplicate, Fired, Ignored, Late, Outcome, Refused, Repeat, Stale

__all__ = [
    "Allowed",
    "Applied",
    "Duplicate",
    "Fired",
    "Ignored",
    "Late",
    "Lifecycle",
    "Outcome",
    "Refused",
    "Repeat",
    "Stale",
    "Table",
]
