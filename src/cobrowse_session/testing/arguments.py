"""Checks of the arguments of the test kit."""

from collections.abc import Iterable

from cobrowse_session.checks import shown
from cobrowse_session.events import Event

__tracebackhide__ = True  # a failed test shows the line that called the kit, and not the kit. `pytest --full-trace` shows all

__all__ = ["check_share", "checked_events"]


def checked_events(name: str, events: object) -> list[Event]:
    """Return events as a list.

    Args:
        name: of the argument, for the error.
        events: a stream, or any iterable of events.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(events, Iterable) or isinstance(events, str | bytes):
        raise TypeError(f"{name}: expected a stream or other events, found {shown(events)}")
    every: list[Event] = []
    for event in events:
        if not isinstance(event, Event):
            raise TypeError(f"{name}: expected events, found {shown(event)}")
        every.append(event)
    return every


def check_share(name: str, share: float) -> None:
    """Check a share.

    Raises:
        TypeError: it is no number.
        ValueError: it is not from 0 to 1.
    """
    if not isinstance(share, int | float) or isinstance(share, bool):
        raise TypeError(f"{name}: expected a number from 0 to 1, found {shown(share)}")
    if not 0 <= share <= 1:
        raise ValueError(f"{name}: expected a number from 0 to 1, found {share!r}")
