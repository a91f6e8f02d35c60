"""Order and clocks: events as they arrive, in any order and any number of times. Pure, like the lifecycle."""

from cobrowse_session.stream.clock import ClockReport, ClockState, ProviderClock
from cobrowse_session.stream.explain import Reason, explain, tell
from cobrowse_session.stream.fold import Deduplicated, FoldResult, TraceEntry, deduplicate, fold
from cobrowse_session.stream.log import Change, Restored, SessionLog
from cobrowse_session.stream.merge import MergedLogs, merge_logs

__all__ = [
    "Change",
    "ClockReport",
    "ClockState",
    "Deduplicated",
    "FoldResult",
    "MergedLogs",
    "ProviderClock",
    "Reason",
    "Restored",
    "SessionLog",
    "TraceEntry",
    "deduplicate",
    "explain",
    "fold",
    "merge_logs",
    "tell",
]
