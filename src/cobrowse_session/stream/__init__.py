"""Order and clocks: events as they arrive, in any order and any number of times. Pure, like the lifecycle."""

from cobrowse_session.stream.clock import Bound, Drift, ProviderClock
from cobrowse_session.stream.fold import Folded, Kept, Step, fold, keep
from cobrowse_session.stream.log import Change, Restored, SessionLog
from cobrowse_session.stream.reasons import Reason, explain, tell

__all__ = [
    "Bound",
    "Change",
    "Drift",
    "Folded",
    "Kept",
    "ProviderClock",
    "Reason",
    "Restored",
    "SessionLog",
    "Step",
    "explain",
    "fold",
    "keep",
    "tell",
]
