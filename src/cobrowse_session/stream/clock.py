"""The provider's clock, brought onto ours (specification, section 8).

Theory of operation
===================

An event says when it happened on the provider's clock, and we know when we received it on ours. The difference is the offset
between the clocks plus a delay that is never negative. So the smallest difference of a while is the best estimate of the offset,
and it is too large by the smallest delay of that while.

Nothing in the data tells that delay. The bound therefore stands on what is assumed, and names it:

- in every `window`, at least one event arrives within `smallest_delay`;
- the clocks drift apart by no more than `largest_drift`;
- the provider's clock does not jump.

Then the offset lies between the smallest difference of the window less `smallest_delay`, and the smallest difference; on both
sides widened by what the drift may amount to within a window. A difference below that is impossible, unless the provider's clock
jumped ahead: the past is forgotten at once. Where it jumped back, differences grow, as they do when events are delayed; the old
estimate stands until the window has passed.
"""

from collections import deque
from datetime import datetime, timedelta

from attrs import define, field, frozen

from cobrowse_session.errors import SettingsError
from cobrowse_session.model import utc

MEMORY = 64
"""Windows whose minima are kept to tell the drift."""
_NOTHING = timedelta(0)


@frozen
class Bound:
    """Between which two values something lies, and the smallest delay that this assumes.

    Attributes:
        lowest: not less.
        highest: not more.
        smallest_delay: at least one event of each window is assumed to have arrived within this time.
    """

    lowest: timedelta
    highest: timedelta
    smallest_delay: timedelta


@frozen
class Drift:
    """How much the offset changes, in parts per million; positive: the provider's clock is slow.

    Attributes:
        lowest: not less.
        highest: not more.
    """

    lowest: float
    highest: float

    @property
    def estimate(self) -> float:
        """The middle."""
        return (self.lowest + self.highest) / 2


def _positive(duration: timedelta) -> timedelta:
    if duration <= _NOTHING:
        raise SettingsError("a duration of the clock", "more than none", repr(duration))
    return duration


@define
class ProviderClock:
    """Learns by how much one provider's clock is off.

    Args:
        smallest_delay: at least one event of each window is assumed to arrive within this time.
        window: how far back differences are compared.
        largest_drift: how far the clocks are assumed to drift apart at most, as a fraction: 100 ppm.
        fewest: how many pairs it needs before it says anything.

    Raises:
        SettingsError: a duration that makes no sense.

    >>> from datetime import UTC
    >>> clock = ProviderClock(fewest=1)
    >>> nine = datetime(2026, 3, 1, 9, tzinfo=UTC)
    >>> clock.learn(nine, nine + timedelta(milliseconds=430))
    >>> clock.correct(nine).isoformat()
    '2026-03-01T09:00:00.430000+00:00'
    >>> clock.bound.lowest < timedelta(milliseconds=400) < clock.bound.highest
    True
    """

    smallest_delay: timedelta = field(default=timedelta(milliseconds=250), converter=_positive)
    window: timedelta = field(default=timedelta(minutes=5), converter=_positive)
    largest_drift: float = 100e-6
    fewest: int = 8
    pairs: int = field(default=0, init=False)
    """How many pairs it has learned from."""
    jumps: int = field(default=0, init=False)
    """How often the provider's clock jumped."""
    _since_jump: int = field(default=0, init=False)
    _began: datetime | None = field(default=None, init=False)
    _latest: datetime | None = field(default=None, init=False)
    # Candidates for the smallest difference, (received, difference): each is smaller than all that came after it.
    _rising: deque[tuple[datetime, timedelta]] = field(factory=deque, init=False)
    _minima: deque[tuple[datetime, timedelta]] = field(factory=lambda: deque(maxlen=MEMORY), init=False)

    def learn(self, provider_time: datetime, received: datetime) -> None:
        """Take one pair.

        Args:
            provider_time: when it happened, on the provider's own clock, uncorrected.
            received: when it arrived, on the cloud clock.

        Raises:
            TypeError: a naive datetime.
        """
        received = utc(received)
        difference = received - utc(provider_time)
        now = self._latest = max(received, self._latest or received)  # a pair that is told late still counts
        self._began = self._began or now
        is_full = now - self._began >= self.window  # before that, what was assumed of a window need not hold
        if is_full and difference < self._smallest - self.smallest_delay - self._slack:
            self._forget(now)  # it jumped ahead
        before = self._rising[0] if self._rising else None
        while self._rising and self._rising[-1][1] >= difference:
            self._rising.pop()
        self._rising.append((now, difference))
        while self._rising[0][0] < now - self.window:
            self._rising.popleft()
        if before and is_full and self._smallest > before[1] + self.smallest_delay + 2 * self._slack:
            self._forget(self._rising[0][0], keep=len(self._rising))  # it jumped back, a window ago
        self._remember(now)
        self.pairs += 1
        self._since_jump += 1

    report = None

    @property
    def offset(self) -> timedelta | None:
        """What to add to the provider's times; None: too little is known yet."""
        return self._smallest if self._rising and self._since_jump >= self.fewest else None

    @property
    def bound(self) -> Bound | None:
        """Between which values the true offset lies, under what is assumed; None: too little is known yet."""
        if (offset := self.offset) is None:
            return None
        return Bound(offset - self.smallest_delay - self._slack, offset + self._slack, self.smallest_delay)

    @property
    def drift(self) -> Drift | None:
        """How fast the offset changes; None: two windows are needed to tell.

        Each minimum is too large by nothing up to the smallest delay, so two of them bound the slope between them.
        """
        lowest, highest = -self.largest_drift, self.largest_drift
        points = list(self._minima)
        for index, (then, was) in enumerate(points):
            for now, offset in points[index + 1 :]:
                lowest = max(lowest, (offset - was - self.smallest_delay) / (now - then))
                highest = min(highest, (offset - was + self.smallest_delay) / (now - then))
        return Drift(lowest * 1e6, highest * 1e6) if len(points) > 1 and lowest <= highest else None

    def correct(self, provider_time: datetime) -> datetime:
        """A time of the provider on our clock; as it is, while too little is known.

        Raises:
            TypeError: a naive datetime.
        """
        return utc(utc(provider_time) + (self.offset or _NOTHING))

    # --- Within ---------------------------------------------------------------------------------------------------------------

    @property
    def _smallest(self) -> timedelta:
        return self._rising[0][1]

    @property
    def _slack(self) -> timedelta:
        """What the drift may amount to within a window."""
        return self.window * self.largest_drift

    def _forget(self, began: datetime, keep: int = 0) -> None:
        self.jumps += 1
        self._began = began
        self._since_jump = keep
        self._minima.clear()
        if not keep:
            self._rising.clear()

    def _remember(self, now: datetime) -> None:
        """Once a window, keep its smallest difference."""
        if not self._minima or now - self._minima[-1][0] >= self.window:
            self._minima.append(self._rising[0] if not self._minima else (now, self._smallest))


ClockReport = str
