"""The provider's clock, observed, and corrected where that is asked for (docs/lifecycle.md, section 8).

Theory of operation
===================

An event states when it happened on the provider's clock, and we know when we received it on ours. The *difference*, received time
less provider time, is the offset between the clocks plus a delay that is never negative. So a negative difference proves that the
provider's clock is fast. A positive one proves nothing: a slow clock and a late feed give the same data. Only persistence can
decide, and it can be wrong.

Received time is cut into windows. The *base* of a window is its smallest difference that has two more close above it: a stray
`receivedtime` is not enough. A window is *healthy* if at least half of its differences are close to the base. Windows *agree* if
the bases of any two of them do, apart from what clocks drift between the two.

The offset moves away from zero only after many healthy windows that agree, each of them beyond the tolerance: four for a fast
clock, twelve for a slow one, because a late feed looks like that. It moves towards zero after one healthy window. Three pairs
that are impossible under a correction of a slow clock reduce it at once. In an unhealthy window and in silence it is held.

Example, slow clock: differences of 10.03 s for an hour, in twelve windows, give an offset of 10.03 s. Then the clock is set
right. The next three differences are 0.03 s, which no delay can explain, and the offset is zero again.
"""

from bisect import insort
from collections import deque
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import combinations
from operator import attrgetter
from typing import Any

from attrs import Attribute, define, field, frozen, setters

from cobrowse_session.checks import shown
from cobrowse_session.errors import SettingsError
from cobrowse_session.times import milliseconds, utc

_ZERO = timedelta(0)
_CLOSE = 3
"""How many differences, the base among them, must be within `min_delay` of it."""
_KEPT = 16
"""How many of the smallest differences of a window are kept, to find its base."""
_BIN = timedelta(milliseconds=10)
_MAX_BINS = 512
_MAX_DURATION = timedelta(days=1)
_MAX_DELAY = timedelta(seconds=2)
"""The bins that are always kept cover it, and the 16 smallest differences."""
_MAX_NUMBER = 1000


class ClockState(StrEnum):
    """The state of knowledge about the clock of a source."""

    #: Too little was received, or the source's clock is right.
    QUIET = "quiet"
    #: The source seems to be off. It has not lasted long enough to be adopted.
    LEARNING = "learning"
    #: The offset is adopted.
    ADOPTED = "adopted"
    #: The source is off by more than what is ever corrected.
    REFUSED = "refused"
    #: Less than half of the differences are close to the smallest: a late feed, a poller, or several nodes.
    UNHEALTHY = "unhealthy"
    #: The smallest differences of the last windows do not agree.
    UNSTEADY = "unsteady"


@frozen
class ClockReport:
    """A source whose clock seems to be off by more than the tolerance.

    Attributes:
        state: what is known.
        base: the smallest difference of the latest window that counts: offset plus smallest delay.
    """

    state: ClockState
    base: timedelta

    def __str__(self) -> str:
        direction = "slow, or its feed late," if self.base > _ZERO else "fast"
        return f"{direction} by {abs(self.base).total_seconds():.3f} s, {_SENTENCES[self.state]}"


_SENTENCES = {
    ClockState.LEARNING: "not for long enough to be adopted",
    ClockState.ADOPTED: "for long enough to be adopted",
    ClockState.REFUSED: "more than is ever corrected",
    ClockState.UNHEALTHY: "but most differences vary",
    ClockState.UNSTEADY: "but it changes from window to window",
}


@frozen
class Pair:
    """A pair of times.

    Attributes:
        received: when it was received, on the cloud clock.
        difference: received time less provider time.
    """

    received: datetime
    difference: timedelta


@frozen
class Window:
    """A window that was closed, and is healthy.

    Attributes:
        began: when its first pair was received.
        base: its smallest difference that counts.
    """

    began: datetime
    base: timedelta


@define
class OpenWindow:
    """The pairs of the window that is open, in bounded memory.

    Attributes:
        began: when it was opened, on the cloud clock.
        pairs: how many pairs it has.
        smallest: the smallest differences, sorted.
        bins: how many differences are in each bin of 10 ms, counted from zero. The largest ones may be left out.
    """

    began: datetime
    pairs: int = 0
    smallest: list[timedelta] = field(factory=list)
    bins: dict[int, int] = field(factory=dict)

    def add(self, difference: timedelta) -> None:
        """Count one difference."""
        self.pairs += 1
        insort(self.smallest, difference)
        del self.smallest[_KEPT:]
        place = difference // _BIN
        self.bins[place] = self.bins.get(place, 0) + 1
        if len(self.bins) > _MAX_BINS:  # the largest differences are close to no base
            self.bins = dict(sorted(self.bins.items())[: _MAX_BINS // 2])

    def base(self, min_delay: timedelta) -> timedelta | None:
        """Return the smallest difference that has enough others close above it. None: there is none."""
        # Examples, differences in ms, `min_delay` 250 ms:
        #
        #     30 40 50 60 90 120 200 900           base 30, healthy: 7 of 8 are within 30 to 280
        #     -5000 30 40 60 90 120 200 900        base 30, healthy: nothing is close to -5000, so it is a stray
        #     30 40 60 900 1500 2000 3000 4000     base 30, not healthy: 3 of 8, as of a feed that lags
        #     0 400 800 1200 1600 2000 2400 2800   no base: no two are close, as of a poller
        #
        # The smallest difference alone would be -5000 in the second line: one wrong `receivedtime` would make the clock fast.
        for index in range(len(self.smallest) - _CLOSE + 1):
            if self.smallest[index + _CLOSE - 1] - self.smallest[index] <= min_delay:
                return self.smallest[index]
        return None

    def is_healthy(self, base: timedelta, min_delay: timedelta) -> bool:
        """Return whether at least half of the differences are close above the base."""
        # Only bins of 10 ms are kept, so the bound is exact to one bin. Memory stays bounded for any number of pairs.
        first, last = base // _BIN, (base + min_delay) // _BIN
        close = sum(count for place, count in self.bins.items() if first <= place <= last)
        return 2 * close >= self.pairs


def _whole_milliseconds(duration: timedelta) -> timedelta:
    return timedelta(milliseconds=milliseconds(duration)) if isinstance(duration, timedelta) else duration


def _check_type(setting: "Attribute[Any]", value: object, *types: type) -> None:
    if type(value) not in types:
        raise TypeError(f"{setting.name}: expected {types[-1].__name__}, found {shown(value)}")


def _check_duration(_: object, setting: "Attribute[timedelta]", duration: timedelta) -> None:
    _check_type(setting, duration, timedelta)
    most = _MAX_DELAY if setting.name == "min_delay" else _MAX_DURATION
    if not _ZERO < duration <= most:
        raise SettingsError(setting.name, f"a timedelta from 1 ms to {milliseconds(most)} ms", f"{milliseconds(duration)} ms")


def _check_number(_: object, setting: "Attribute[int]", number: int) -> None:
    _check_type(setting, number, int)
    if not 1 <= number <= _MAX_NUMBER:
        raise SettingsError(setting.name, f"an integer from 1 to {_MAX_NUMBER}", shown(number))


def _check_fraction(_: object, setting: "Attribute[float]", number: float) -> None:
    _check_type(setting, number, int, float)
    if not 0 <= number <= 1:
        raise SettingsError(setting.name, "a number from 0 to 1", shown(number))


@define(on_setattr=setters.NO_OP)  # `learn` writes often, and writes nothing that a converter would change
class ProviderClock:
    """Observes one provider's clock, and learns by how much its times are to be corrected.

    Args:
        window: the shortest window of received time, 1 ms to 1 day. Durations are cut to whole milliseconds.
        min_pairs: the fewest pairs of a window. With few events, windows grow.
        min_delay: at least half of the events of a healthy window arrive within this time of the fastest. 1 ms to 2 s.
        tolerated: a clock that is slow by up to this is not corrected. Fast, by up to `min_delay`.
        cap: a clock that is off by more is not corrected.
        max_drift: how far the clocks are assumed to drift apart at most, as a fraction: 100 ppm.
        fast_windows: after how many healthy windows that agree a fast clock is corrected.
        slow_windows: after how many healthy windows that agree a slow clock is corrected.

    Raises:
        TypeError: a setting of another type.
        SettingsError: a setting out of range.

    >>> from datetime import UTC
    >>> clock = ProviderClock()
    >>> nine = datetime(2026, 3, 1, 9, tzinfo=UTC)
    >>> for second in range(0, 1800, 10):  # half an hour of a clock that is ten seconds fast
    ...     moment = nine + timedelta(seconds=second)
    ...     clock.learn(moment + timedelta(seconds=10), moment + timedelta(milliseconds=30))
    >>> clock.offset.total_seconds(), str(clock.report)
    (-9.97, 'fast by 9.970 s, for long enough to be adopted')
    """

    window: timedelta = field(default=timedelta(minutes=5), converter=_whole_milliseconds, validator=_check_duration)
    min_pairs: int = field(default=8, validator=_check_number)
    min_delay: timedelta = field(default=timedelta(milliseconds=250), converter=_whole_milliseconds, validator=_check_duration)
    tolerated: timedelta = field(default=timedelta(seconds=2), converter=_whole_milliseconds, validator=_check_duration)
    cap: timedelta = field(default=timedelta(seconds=30), converter=_whole_milliseconds, validator=_check_duration)
    max_drift: float = field(default=100e-6, validator=_check_fraction)
    fast_windows: int = field(default=4, validator=_check_number)
    slow_windows: int = field(default=12, validator=_check_number)
    offset: timedelta = field(default=_ZERO, init=False)
    """What to add to the provider's times in sessions that begin now."""
    pairs: int = field(default=0, init=False)
    """How many pairs it has learned from."""
    windows: int = field(default=0, init=False)
    """How many windows were closed."""
    healthy: int = field(default=0, init=False)
    """How many of them were healthy."""
    jumps: int = field(default=0, init=False)
    """How many healthy windows did not agree with the healthy one before."""
    state: ClockState = field(default=ClockState.QUIET, init=False)
    """What is known since the latest window was closed."""
    base: timedelta | None = field(default=None, init=False)
    """The base of the latest window that was closed; None: it had none."""
    recent: deque[Window] = field(factory=deque, init=False)
    """The latest windows, if they are healthy."""
    current: OpenWindow | None = field(default=None, init=False)
    """The window that is open."""
    latest: datetime | None = field(default=None, init=False)
    """The latest time at which a pair was received."""
    disproving: list[Pair] = field(factory=list, init=False)
    """The pairs with the smallest differences below the offset, of this window and the one before."""

    def __attrs_post_init__(self) -> None:
        if self.cap < self.tolerated:
            tolerated, found = f"{milliseconds(self.tolerated)} ms", f"{milliseconds(self.cap)} ms"
            raise SettingsError("cap", f"at least {tolerated}, which is tolerated", found)

    def learn(self, provider_time: datetime, received: datetime) -> None:
        """Take one pair.

        Args:
            provider_time: when it happened, on the provider's own clock, uncorrected.
            received: when it was received, on the cloud clock.

        Raises:
            TypeError: a naive datetime.
        """
        received = utc(received)
        difference = received - utc(provider_time)
        last = self.latest or received
        now = self.latest = max(received, last)  # a pair that is learned late still counts
        if self.current is None:
            self.current = OpenWindow(now)
        elif now - self.current.began >= self.window and self.current.pairs >= self.min_pairs:
            self._close(self.current)
            self.current = OpenWindow(self._next_begin(self.current, last, now))
        self.current.add(difference)
        self.pairs += 1
        if self.offset > _ZERO and difference < self.offset:
            self._disprove(Pair(now, difference))

    @property
    def observed(self) -> timedelta | None:
        """The base of the latest window, if it is healthy: offset plus smallest delay."""
        return self.recent[-1].base if self.recent else None

    @property
    def drift(self) -> float | None:
        """The change of the offset per time, as a fraction. Positive: the provider's clock is slow. None: too little is known."""
        if len(self.recent) < 2:
            return None
        first, last = self.recent[0], self.recent[-1]
        return (last.base - first.base) / (last.began - first.began)

    @property
    def report(self) -> ClockReport | None:
        """The report about a source that seems to be off by more than `tolerated`. None: there is nothing to report."""
        if self.base is None or abs(self.base) <= self.tolerated or self.state == ClockState.QUIET:
            return None
        return ClockReport(self.state, self.base)

    # --- Within ---------------------------------------------------------------------------------------------------------------

    def _next_begin(self, window: OpenWindow, last: datetime, now: datetime) -> datetime:
        """Return when the window after this one begins.

        It begins where this one ends, so that twelve windows of steady traffic last no longer than an hour. After a silence it
        begins with its first pair, so that they last no less. A silence proves nothing.
        """
        # Example: windows of 5 min, and the last pair of the window that began at 09:00:00 came at 09:04:30. The next window
        # begins at 09:05:00 if its first pair comes before 09:05:37.5 (an eighth of a window later), else with that pair.
        end = max(window.began + self.window, last)
        return end if now - end < self.window / self.min_pairs else now

    def _close(self, window: OpenWindow) -> None:
        self.windows += 1
        self.disproving = [pair for pair in self.disproving if pair.received >= window.began]
        self.base = window.base(self.min_delay)
        if self.base is None or not self._is_healthy(window, self.base):
            self.recent.clear()
            self.state = ClockState.UNHEALTHY
            return
        self.healthy += 1
        closed = Window(window.began, self.base)
        if self.recent and not self._agree(self.recent[-1], closed):
            self.jumps += 1
        self.recent.append(closed)
        while len(self.recent) > max(self.fast_windows, self.slow_windows):
            self.recent.popleft()
        self._move(self.base)

    def _is_healthy(self, window: OpenWindow, base: timedelta) -> bool:
        return window.is_healthy(base, self.min_delay)

    def _move(self, base: timedelta) -> None:
        """Move the offset to the base of a healthy window, as far as that is proved."""
        # Examples, in seconds. The base is that of the latest healthy window:
        #
        #     offset   base                   offset afterwards
        #     0        1.5                    0: within the tolerance of 2 s
        #     10       9                      9: towards zero, after one window
        #     10       1.5                    0: towards zero, too
        #     10       11                     10: away from zero, which needs 12 windows
        #     10       -3                     0: the sign changes only through zero (LEARN-7)
        #     0        10, 12 windows         10
        #     0        -10, 4 windows         -10
        #     0        40                     0: beyond the cap of 30 s, refused
        #     0        10, then 10.1, 10.7    0: not steady
        #
        # The order of the branches is needed: an offset of 10 s falls to 9 s even where 9 s alone would not be proved.
        target = base + self._drift_of_a_window() if self._side(base) else _ZERO
        if target == _ZERO or target * _sign(self.offset) < _ZERO:
            self.offset, self.state = _ZERO, ClockState.QUIET if target == _ZERO else ClockState.LEARNING
        elif abs(target) <= abs(self.offset):
            self.offset, self.state = target, ClockState.ADOPTED
        elif abs(target) > self.cap:
            self.state = ClockState.REFUSED
        else:
            self._move_away(target)

    def _side(self, base: timedelta) -> int:
        """Return 1 for a base of a clock that is slow beyond the tolerance, -1 for one that is fast beyond it, else 0."""
        return (base > self.tolerated) - (base < -self.min_delay)

    def _drift_of_a_window(self) -> timedelta:
        """Return how far the offset moves until the next window is closed, as the last windows show it."""
        # Example: bases of -9.00, -9.03, -9.06 and -9.09 s, five minutes apart, drift by -100 ppm. The offset becomes -9.12 s,
        # which is what the next window will show.
        last = list(self.recent)[-self.fast_windows :]
        if len(last) < max(2, self.fast_windows) or not self._are_steady(last):
            return _ZERO
        drift = (last[-1].base - last[0].base) / (last[-1].began - last[0].began)
        moved = self.window * max(-self.max_drift, min(drift, self.max_drift))
        return timedelta(milliseconds=milliseconds(moved))  # nothing finer is saved

    def _move_away(self, target: timedelta) -> None:
        needed = self.slow_windows if target > _ZERO else self.fast_windows
        last = list(self.recent)[-needed:]
        if not self._are_steady(last):
            self.state = ClockState.UNSTEADY
        elif len(last) == needed and all(self._proves(window.base, target) for window in last):
            self.offset, self.state = target, ClockState.ADOPTED
        else:
            self.state = ClockState.LEARNING

    def _proves(self, base: timedelta, target: timedelta) -> bool:
        """Return whether a base is one of a clock to correct, and off to the same side as the target."""
        return abs(base) <= self.cap and self._side(base) == _sign(target)

    def _are_steady(self, windows: list[Window]) -> bool:
        return all(self._agree(one, other) for one, other in combinations(windows, 2))

    def _agree(self, one: Window, other: Window) -> bool:
        # Clocks drift, so windows that are far apart may differ by more: by 280 ms if they begin 5 min apart, by 580 ms if they
        # begin 55 min apart, as the first and the last of twelve do.
        return abs(other.base - one.base) <= self.min_delay + (other.began - one.began) * self.max_drift

    def _disprove(self, pair: Pair) -> None:
        """Reduce the correction of a slow clock: no delay is negative. One or two pairs may be strays."""
        # Examples, with an offset of 10.03 s. Three differences below it came, in seconds:
        #
        #     0.005  0.03  0.04    offset 0: the clock was set right
        #     4.9    5.0   5.1     offset 5.0: the clock was set forward by 5 s
        #     -8     9.0   9.5     offset 9.0: the smallest one is a stray
        #
        # The second smallest is taken, so one stray does no harm.
        self.disproving = [one for one in self.disproving if one.difference < self.offset]  # the offset may be smaller by now
        insort(self.disproving, pair, key=attrgetter("difference"))
        del self.disproving[_CLOSE:]
        if len(self.disproving) == _CLOSE:
            least = self.disproving[1].difference  # the smallest may be a stray
            self.offset = least if least > self.tolerated else _ZERO
            self.state = ClockState.ADOPTED if self.offset else ClockState.QUIET


def _sign(duration: timedelta) -> int:
    return (duration > _ZERO) - (duration < _ZERO)
