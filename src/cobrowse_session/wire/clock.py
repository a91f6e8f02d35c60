"""A learned clock as plain data, so that a restart loses none of it (LEARN-11)."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import frozen

from cobrowse_session.checks import NO_EXTRA, Extra
from cobrowse_session.errors import SettingsError
from cobrowse_session.stream.clock import ClockState, OpenWindow, Pair, ProviderClock, Window
from cobrowse_session.times import milliseconds, time_text
from cobrowse_session.wire.converter import structured, versioned
from cobrowse_session.wire.strict_json import decode_error

CLOCK_FORMAT = 1
"""The version of a saved clock."""

_LARGEST = milliseconds(timedelta(days=366 * 10_000))


def save_clock(clock: ProviderClock) -> dict[str, Any]:
    """Return a clock as plain data, fit for JSON. `restore_clock` reads it. `Any`: JSON."""
    return {
        "format": CLOCK_FORMAT,
        "windowMs": milliseconds(clock.window),
        "minPairs": clock.min_pairs,
        "minDelayMs": milliseconds(clock.min_delay),
        "toleratedMs": milliseconds(clock.tolerated),
        "capMs": milliseconds(clock.cap),
        "maxDrift": clock.max_drift,
        "fastWindows": clock.fast_windows,
        "slowWindows": clock.slow_windows,
        "offsetMs": milliseconds(clock.offset),
        "pairs": clock.pairs,
        "windows": clock.windows,
        "healthy": clock.healthy,
        "jumps": clock.jumps,
        "state": clock.state.value,
        "baseMs": None if clock.base is None else milliseconds(clock.base),
        "recent": [{"began": time_text(window.began), "baseMs": milliseconds(window.base)} for window in clock.recent],
        "open": None if clock.current is None else _save_open(clock.current),
        "latest": None if clock.latest is None else time_text(clock.latest),
        "disproving": [
            {"received": time_text(pair.received), "differenceMs": milliseconds(pair.difference)} for pair in clock.disproving
        ],
    }


def _save_open(window: OpenWindow) -> dict[str, Any]:
    return {
        "began": time_text(window.began),
        "pairs": window.pairs,
        "smallest": [milliseconds(difference) for difference in window.smallest],
        "bins": [[place, count] for place, count in sorted(window.bins.items())],
    }


@frozen(kw_only=True)
class _SavedWindow:
    began: datetime
    base_ms: int
    extra: Extra = NO_EXTRA


@frozen(kw_only=True)
class _SavedOpenWindow:
    began: datetime
    pairs: int
    smallest: tuple[int, ...]
    bins: tuple[tuple[int, ...], ...]
    extra: Extra = NO_EXTRA


@frozen(kw_only=True)
class _SavedPair:
    received: datetime
    difference_ms: int
    extra: Extra = NO_EXTRA


@frozen(kw_only=True)
class _Saved:
    window_ms: int
    min_pairs: int
    min_delay_ms: int
    tolerated_ms: int
    cap_ms: int
    max_drift: float
    fast_windows: int
    slow_windows: int
    offset_ms: int
    pairs: int
    windows: int
    healthy: int
    jumps: int
    state: str
    base_ms: int | None = None
    recent: tuple[_SavedWindow, ...]
    open: _SavedOpenWindow | None = None
    latest: datetime | None = None
    disproving: tuple[_SavedPair, ...]
    extra: Extra = NO_EXTRA


def restore_clock(data: Mapping[str, Any]) -> ProviderClock:
    """Return the clock that `save_clock` wrote. It learns on from where it was. `Any`: JSON.

    Raises:
        FormatVersionError: a newer version of this package wrote it.
        DecodeError: it is no saved clock. Every problem has its path.
    """
    saved = structured(versioned(data, CLOCK_FORMAT, "a saved clock", "save_clock"), _Saved)
    clock = _with_settings(saved)
    clock.offset = _duration("offsetMs", saved.offset_ms)
    clock.pairs, clock.windows, clock.healthy, clock.jumps = saved.pairs, saved.windows, saved.healthy, saved.jumps
    clock.state = _state(saved.state)
    clock.base = None if saved.base_ms is None else _duration("baseMs", saved.base_ms)
    clock.recent = _recent(saved.recent)
    clock.current = None if saved.open is None else _open_window(saved.open)
    clock.latest = saved.latest
    clock.disproving = [Pair(one.received, _duration("disproving.differenceMs", one.difference_ms)) for one in saved.disproving]
    return clock


def _with_settings(saved: _Saved) -> ProviderClock:
    try:
        return ProviderClock(
            window=_duration("windowMs", saved.window_ms),
            min_pairs=saved.min_pairs,
            min_delay=_duration("minDelayMs", saved.min_delay_ms),
            tolerated=_duration("toleratedMs", saved.tolerated_ms),
            cap=_duration("capMs", saved.cap_ms),
            max_drift=saved.max_drift,
            fast_windows=saved.fast_windows,
            slow_windows=saved.slow_windows,
        )
    except SettingsError as error:
        raise decode_error("bad_value", "$", error.found, f"{error.expected} for {error.setting}") from None


def _recent(saved: tuple[_SavedWindow, ...]) -> deque[Window]:
    begins = [window.began for window in saved]
    # `ProviderClock.drift` divides by the time from the first window to the last. Two equal times would be a division by zero.
    if begins != sorted(set(begins)):
        raise decode_error("bad_value", "$.recent", len(saved), "windows in the order of time, each later than the one before")
    return deque(Window(window.began, _duration("recent.baseMs", window.base_ms)) for window in saved)


def _open_window(saved: _SavedOpenWindow) -> OpenWindow:
    if not all(len(one) == 2 for one in saved.bins):
        raise decode_error("wrong_type", "$.open.bins", len(saved.bins), "pairs of a place and a count")
    smallest = sorted(_duration("open.smallest", difference) for difference in saved.smallest)
    return OpenWindow(saved.began, saved.pairs, smallest, {one[0]: one[1] for one in saved.bins})


def _state(text: str) -> ClockState:
    try:
        return ClockState(text)
    except ValueError:
        raise decode_error("bad_value", "$.state", text, f"one of {', '.join(ClockState)}") from None


def _duration(name: str, number: int) -> timedelta:
    if abs(number) > _LARGEST:
        raise decode_error("out_of_range", f"$.{name}", number, f"at most {_LARGEST} milliseconds")
    return timedelta(milliseconds=number)
