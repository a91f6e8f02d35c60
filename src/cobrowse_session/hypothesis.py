"""The strategies for `hypothesis.strategies.from_type`, by the entry point that Hypothesis calls when it is imported.

It runs in every program that imports Hypothesis. So it imports the classes alone, and the strategies when one is drawn from.
"""

from hypothesis import strategies as st

from cobrowse_session.events import KINDS, Ended, Entered, Event
from cobrowse_session.model import CobrowseSession
from cobrowse_session.settings import Settings


def register() -> None:
    """Register strategies for events, each class of them, for sessions and for settings."""
    classes: tuple[type[Event], ...] = (Event, Entered, Ended, *KINDS.values())
    for cls in classes:
        st.register_type_strategy(cls, _events)
    st.register_type_strategy(CobrowseSession, _sessions)
    st.register_type_strategy(Settings, _settings)


def _events(cls: type[Event]) -> st.SearchStrategy[Event]:
    from cobrowse_session.testing.strategies import events  # noqa: PLC0415 (the module says why)

    return events(kinds=[kind for kind in KINDS.values() if issubclass(kind, cls)])


def _sessions(_: type[CobrowseSession]) -> st.SearchStrategy[CobrowseSession]:
    from cobrowse_session.testing.strategies import sessions  # noqa: PLC0415 (the module says why)

    return sessions()


def _settings(_: type[Settings]) -> st.SearchStrategy[Settings]:
    from cobrowse_session.testing.strategies import settings  # noqa: PLC0415 (the module says why)

    return settings()
