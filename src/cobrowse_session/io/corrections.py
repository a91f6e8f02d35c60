"""Corrections of the providers' times: the ones that a caller asks for, checked, and their effect on an event."""

from collections.abc import Mapping
from datetime import timedelta

from attrs import evolve

from cobrowse_session.checks import shown
from cobrowse_session.errors import DecodeError, Problem, SettingsError
from cobrowse_session.events import Event
from cobrowse_session.stream import ProviderClock
from cobrowse_session.times import plain_timedelta, time_text
from cobrowse_session.wire.saved import MAX_OFFSET

Correction = timedelta | ProviderClock
"""A fixed offset that is added, or the clock that learns one (CLOCK-3)."""


def checked_corrections(correct: Mapping[str, Correction]) -> dict[str, Correction]:
    """Return the corrections by source, after a check.

    Raises:
        TypeError: a correction of another type.
        SettingsError: an offset of more than 100 years.
    """
    if not isinstance(correct, Mapping):
        raise TypeError(f"Inbox: correct: expected a mapping of source to timedelta or ProviderClock, found {shown(correct)}")
    for source, correction in correct.items():
        if not isinstance(correction, timedelta | ProviderClock):
            raise TypeError(f"Inbox: correct[{source!r}]: expected timedelta or ProviderClock, found {shown(correction)}")
        if isinstance(correction, timedelta) and abs(correction) > MAX_OFFSET:
            raise SettingsError(f"correct[{source!r}]", "an offset of at most 100 years", shown(correction))
    return {source: plain_timedelta(one) if isinstance(one, timedelta) else one for source, one in correct.items()}


def corrected(event: Event, offset: timedelta) -> Event:
    """Return an event with its time on our clock. The provider's own time stays beside it (CLOCK-9).

    Raises:
        DecodeError: the corrected time is outside of the years 1970 to 9998.
    """
    if not offset:
        return event
    try:
        return evolve(event, occurred_at=event.occurred_at + offset, provider_time=event.occurred_at)
    except (OverflowError, ValueError):
        found = f"{time_text(event.occurred_at)}, corrected by {offset}"
        raise DecodeError((Problem("bad_time", "$.time", found, "a time in the years 1970 to 9998"),)) from None
