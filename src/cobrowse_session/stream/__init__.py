"""Order and clocks: events as they arrive, in any order and any number of times. Pure, like the lifecycle."""

from cobrowse_session.stream.clock import ClockReport, ClockState, ProviderClock
from cobrowse_session.stream.fold import Folded, Kept, Step, fold, keep
from cobrowse_session.stream.log import Change, Restored, SessionLog
from cobrowse_session.stream.reasons import Reason, explain, tell
from cobrowse_session.stream.unite import United, unite

__all__ = [
    "Change",
    "ClockReport",
    "ClockState",
    "Folded",
    "Kept",
    "ProviderClock",
    "Reason",
    "Restored",
    "SessionLog",
    "Step",
    "United",
    "explain",
    "fold",
    "keep",
    "tell",
    "unite",
]
