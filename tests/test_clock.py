"""The provider's clock: what is learned, what is assumed, and a simulation in which the bound holds."""

import random
from datetime import datetime, timedelta

import pytest

from cobrowse_session import SettingsError
from cobrowse_session.stream import Bound, Drift, ProviderClock
from cobrowse_session.testing import START

MS = timedelta(milliseconds=1)


def fed(clock: ProviderClock, *delays: float, offset: timedelta = timedelta(0), begin: float = 0) -> ProviderClock:
    """A pair a second, each with its delay in milliseconds."""
    for second, delay in enumerate(delays):
        happened = START + timedelta(seconds=begin + second)
        clock.learn(happened - offset, happened + delay * MS)
    return clock


def test_without_data_a_clock_says_nothing_and_corrects_nothing() -> None:
    clock = ProviderClock()

    assert (clock.offset, clock.bound, clock.drift) == (None, None, None)
    assert clock.correct(START) == START


def test_too_few_pairs_say_nothing() -> None:
    assert fed(ProviderClock(fewest=3), 9000, 30).offset is None
    assert fed(ProviderClock(fewest=3), 9000, 30, 50).offset == 30 * MS


def test_the_smallest_difference_of_the_window_is_the_estimate() -> None:
    clock = fed(ProviderClock(fewest=1), 400, 31, 5000, 77, offset=timedelta(hours=2))

    assert clock.offset == timedelta(hours=2) + 31 * MS
    assert clock.correct(START) == START + timedelta(hours=2) + 31 * MS


def test_the_bound_names_the_smallest_delay_that_it_assumes() -> None:
    clock = fed(ProviderClock(fewest=1, window=timedelta(seconds=100)), 400, 31)

    assert clock.bound == Bound(31 * MS - 250 * MS - 10 * MS, 31 * MS + 10 * MS, 250 * MS)


def test_what_is_older_than_the_window_no_longer_counts() -> None:
    clock = fed(ProviderClock(fewest=1, window=timedelta(seconds=10)), 20, *[100] * 20)

    assert clock.offset == 100 * MS


def test_a_clock_that_jumps_ahead_is_followed_at_once() -> None:
    clock = fed(ProviderClock(fewest=1, window=timedelta(seconds=10)), *[30] * 20)

    fed(clock, 30, offset=timedelta(seconds=-60), begin=20)

    assert clock.offset == 30 * MS - timedelta(seconds=60)
    assert clock.jumps == 1


def test_a_clock_that_jumps_back_is_followed_when_the_window_has_passed() -> None:
    clock = fed(ProviderClock(fewest=1, window=timedelta(seconds=10)), *[30] * 20)

    fed(clock, *[30] * 10, offset=timedelta(seconds=60), begin=20)
    before = clock.offset
    fed(clock, *[30] * 5, offset=timedelta(seconds=60), begin=30)

    assert (before, clock.offset) == (30 * MS, 30 * MS + timedelta(seconds=60))
    assert clock.jumps == 1


def test_a_pair_that_is_told_late_still_counts() -> None:
    clock = fed(ProviderClock(fewest=1), 400, begin=100)

    fed(clock, 20, begin=50)

    assert clock.offset == 20 * MS


def test_a_naive_time_is_the_callers_mistake() -> None:
    with pytest.raises(TypeError):
        ProviderClock().learn(datetime(2026, 3, 1), START)  # noqa: DTZ001 (the point)


def test_a_duration_that_makes_no_sense_is_an_error() -> None:
    with pytest.raises(SettingsError):
        ProviderClock(smallest_delay=timedelta(0))
    with pytest.raises(SettingsError):
        ProviderClock(window=timedelta(seconds=-1))


def test_the_middle_of_the_drift_is_its_estimate() -> None:
    assert Drift(20.0, 60.0).estimate == 40.0


# --- A simulation: offsets up to hours, drift up to 100 ppm, heavy-tailed delay ------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_the_bound_holds_in_a_world_of_heavy_tailed_delays(seed: int) -> None:
    chance = random.Random(seed)
    offset = timedelta(seconds=chance.uniform(-4 * 3600, 4 * 3600))
    drift = chance.uniform(-100e-6, 100e-6)
    sent = [chance.uniform(0, 6 * 3600) for _ in range(6000)]
    arrivals = sorted((second + 0.02 + 0.05 * chance.paretovariate(1.1), second) for second in sent)
    clock = ProviderClock()
    told = 0

    for arrived, second in arrivals:
        cloud = START + timedelta(seconds=second)
        clock.learn(cloud - offset - timedelta(seconds=drift * second), START + timedelta(seconds=arrived))
        if bound := clock.bound:
            told += 1
            assert bound.lowest <= offset + timedelta(seconds=drift * arrived) <= bound.highest

    slope = clock.drift
    assert told > 5900
    assert clock.jumps == 0
    assert slope is not None
    assert slope.lowest <= drift * 1e6 <= slope.highest
    assert slope.highest - slope.lowest < 40
