"""Tracks contact-centre sessions: provider events in, the session out.

>>> from datetime import UTC, datetime, timedelta
>>> lifecycle = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=timedelta(seconds=30)))
>>> session = lifecycle.new("s1")
>>> nine = datetime(2026, 3, 1, 9, tzinfo=UTC)
>>> for minute, event in enumerate((Alerting, Connected, Disconnected)):
...     moment = nine + timedelta(minutes=minute)
...     outcome = lifecycle.apply(session, event(subject="s1", source="/acme", id=f"e{minute}", occurred_at=moment))
>>> session.after_call_work.state, lifecycle.deadline(session)
(<AfterCallWorkState.PENDING: 'pending'>, datetime.datetime(2026, 3, 1, 9, 2, 30, tzinfo=datetime.timezone.utc))
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cobrowse_session.errors import (
        CobrowseError,
        ConflictError,
        DecodeError,
        EpochError,
        FormatVersionError,
        MissingExtraError,
        Problem,
        RefusedError,
        SettingsError,
        SourceError,
        StaleError,
        StoreError,
        TableError,
        UnreadableError,
    )
    from cobrowse_session.events import (
        AfterCallWorkEnded,
        AfterCallWorkRequired,
        AfterCallWorkStarted,
        Alerting,
        Connected,
        Contacting,
        Dialing,
        Disconnected,
        Event,
        Offering,
        Scheduled,
        Terminated,
        UnknownEvent,
        Updated,
        WrapupSaved,
    )
    from cobrowse_session.lifecycle import (
        Allowed,
        Applied,
        Duplicate,
        Fired,
        Ignored,
        Late,
        Lifecycle,
        Outcome,
        Refused,
        Repeat,
        Stale,
        Table,
    )
    from cobrowse_session.model import Address, AfterCallWork, CobrowseSession, Communication, Context, Details, Wrapup
    from cobrowse_session.segments import Segment, Segments
    from cobrowse_session.settings import Settings
    from cobrowse_session.stream import Change, ProviderClock, Restored, SessionLog, TraceEntry, explain, history
    from cobrowse_session.vocabulary import (
        AfterCallWorkEndedBy,
        AfterCallWorkState,
        CobrowseRole,
        ConnectionState,
        DisconnectType,
        UnknownPrompt,
        WrapupPrompt,
    )

__version__ = "0.1.0"

__all__ = [
    "Address",
    "AfterCallWork",
    "AfterCallWorkEnded",
    "AfterCallWorkEndedBy",
    "AfterCallWorkRequired",
    "AfterCallWorkStarted",
    "AfterCallWorkState",
    "Alerting",
    "Allowed",
    "Applied",
    "Change",
    "CobrowseError",
    "CobrowseRole",
    "CobrowseSession",
    "Communication",
    "ConflictError",
    "Connected",
    "ConnectionState",
    "Contacting",
    "Context",
    "DecodeError",
    "Details",
    "Dialing",
    "DisconnectType",
    "Disconnected",
    "Duplicate",
    "EpochError",
    "Event",
    "Fired",
    "FormatVersionError",
    "Ignored",
    "Late",
    "Lifecycle",
    "MissingExtraError",
    "Offering",
    "Outcome",
    "Problem",
    "ProviderClock",
    "Refused",
    "RefusedError",
    "Repeat",
    "Restored",
    "Scheduled",
    "Segment",
    "Segments",
    "SessionLog",
    "Settings",
    "SettingsError",
    "SourceError",
    "Stale",
    "StaleError",
    "StoreError",
    "Table",
    "TableError",
    "Terminated",
    "TraceEntry",
    "UnknownEvent",
    "UnknownPrompt",
    "UnreadableError",
    "Updated",
    "Wrapup",
    "WrapupPrompt",
    "WrapupSaved",
    "explain",
    "history",
]

_HOMES = ("errors", "vocabulary", "settings", "segments", "model", "events", "lifecycle", "stream")
"""The modules of these names, from the bottom up."""

if not TYPE_CHECKING:  # pragma: no branch (a type checker knows the names, and others are errors)

    def __getattr__(name: str) -> object:
        """Return a public name. Its module is imported when the name is used for the first time.

        All classes together take 0.1 s to make. Much of a program needs few of them, as `cobrowse-session --version` needs none.
        """
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        homes = (import_module(f"{__name__}.{home}") for home in _HOMES)
        home = next(one for one in homes if hasattr(one, name))  # it imports those before it only, so none is imported in vain
        globals()[name] = getattr(home, name)
        return globals()[name]

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
