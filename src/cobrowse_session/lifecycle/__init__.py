"""The heart: the rows, the two machines built from them, and the step. Pure: no I/O, no clock, no threads."""

from cobrowse_session.lifecycle.lifecycle import Allowed, Lifecycle
from cobrowse_session.lifecycle.outcome import Applied, Duplicate, Fired, Ignored, Late, Outcome, Refused, Repeat, Stale

__all__ = ["Allowed", "Applied", "Duplicate", "Fired", "Ignored", "Late", "Lifecycle", "Outcome", "Refused", "Repeat", "Stale"]
