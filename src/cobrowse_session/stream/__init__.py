"""Order and clocks: events as they arrive, in any order and any number of times. Pure, like the lifecycle."""

from cobrowse_session.stream.activity import Activity, activities, activity
from cobrowse_session.stream.changes import FieldChange, difference, field_changes
from cobrowse_session.stream.clock import ClockReport, ClockState, ProviderClock
from cobrowse_session.stream.explain import Explanation, explain, explainable_fields
from cobrowse_session.stream.fold import Deduplicated, FoldResult, TraceEntry, deduplicate, fold
from cobrowse_session.stream.history import HistoryEntry, history, history_entries
from cobrowse_session.stream.log import Change, Restored, Sealed, SessionLog
from cobrowse_session.stream.merge import MergedLogs, merge_logs
from cobrowse_session.stream.observers import Observer
from cobrowse_session.stream.revisions import Revision, revisions

__all__ = [
    "Activity",
    "Change",
    "ClockReport",
    "ClockState",
    "Deduplicated",
    "Explanation",
    "FieldChange",
    "FoldResult",
    "HistoryEntry",
    "MergedLogs",
    "Observer",
    "ProviderClock",
    "Restored",
    "Revision",
    "Sealed",
    "SessionLog",
    "TraceEntry",
    "activities",
    "activity",
    "deduplicate",
    "difference",
    "explain",
    "explainable_fields",
    "field_changes",
    "fold",
    "history",
    "history_entries",
    "merge_logs",
    "revisions",
]
