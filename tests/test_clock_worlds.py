"""What is promised of clocks, in simulated worlds (specification, section 8): `make clock-worlds` prints more of them."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.clock_worlds import (
    BEYOND,
    KNOWN,
    REPAIRED,
    RIGHT,
    WRONG,
    Scenario,
    last_state,
    mixture,
    pairs_until_stopped,
    worst_correction,
    worst_excess,
)

from cobrowse_session.stream import ProviderClock
from cobrowse_session.stream.clock import OpenWindow, Pair

SEEDS = range(2)
MIXTURES = range(300)


@pytest.mark.parametrize("scenario", RIGHT, ids=lambda scenario: scenario.name)
def test_a_right_clock_is_not_corrected_at_all(scenario: Scenario) -> None:
    assert [worst_correction(scenario, seed, ProviderClock()) for seed in SEEDS] == [0 for _ in SEEDS]


def test_no_random_mixture_of_faults_gets_a_right_clock_corrected() -> None:
    assert [seed for seed in MIXTURES if worst_correction(mixture(seed), seed, ProviderClock())] == []


@pytest.mark.parametrize("scenario", WRONG, ids=lambda scenario: scenario.name)
def test_a_wrong_clock_is_corrected_in_time_and_as_exactly_as_promised(scenario: Scenario) -> None:
    assert max(worst_excess(scenario, seed, ProviderClock()) for seed in SEEDS) <= 0


def test_a_slow_clock_that_is_repaired_is_no_longer_corrected_after_three_pairs() -> None:
    assert max(pairs_until_stopped(REPAIRED[1], seed, ProviderClock())[0] for seed in range(6)) <= 3


def test_a_fast_clock_that_is_repaired_is_no_longer_corrected_after_one_full_healthy_window() -> None:
    assert max(pairs_until_stopped(REPAIRED[0], seed, ProviderClock())[1] for seed in SEEDS) <= 2 * 300 + 10


@pytest.mark.parametrize("scenario", BEYOND, ids=lambda scenario: scenario.name)
def test_what_lies_beyond_the_cap_is_refused_and_reported(scenario: Scenario) -> None:
    clock = ProviderClock()

    assert worst_correction(scenario, 0, clock) == 0
    assert last_state(scenario, 0, ProviderClock()) == "refused"
    assert "more than is ever corrected" in str(clock.report)


@pytest.mark.parametrize("scenario", KNOWN, ids=lambda scenario: scenario.name)
def test_what_looks_like_a_slow_clock_for_an_hour_is_taken_for_one(scenario: Scenario) -> None:
    assert worst_correction(scenario, 0, ProviderClock()) > 2


# --- Clocks that must be found out --------------------------------------------------------------------------------------------


class Silent(ProviderClock):
    """Always answers zero."""

    def _move(self, base: timedelta) -> None:
        pass


class Careless(ProviderClock):
    """Takes every window for healthy."""

    def _is_healthy(self, _window: OpenWindow, _base: timedelta) -> bool:
        return True


class Stubborn(ProviderClock):
    """Does not hear what disproves a correction."""

    def _disprove(self, pair: Pair) -> None:
        pass


def by_name(name: str) -> Scenario:
    return next(scenario for scenario in (*RIGHT, *WRONG) if scenario.name == name)


@pytest.mark.parametrize("scenario", WRONG, ids=lambda scenario: scenario.name)
def test_a_clock_that_always_answers_zero_is_found_out(scenario: Scenario) -> None:
    assert worst_excess(scenario, 0, Silent()) > 0


@pytest.mark.parametrize(
    ("make", "scenario"),
    [
        pytest.param(lambda: ProviderClock(max_drift=1.0), "all late, by another amount every 20 min", id="no steadiness"),
        pytest.param(lambda: ProviderClock(cap=timedelta(days=1)), "all late by 5 min for 2 h", id="no cap"),
        pytest.param(lambda: ProviderClock(tolerated=timedelta(milliseconds=250)), "feed of +1.2 s", id="tolerance of 250 ms"),
        pytest.param(lambda: ProviderClock(fast_windows=1), "receivedtime early for 10 min", id="one window, fast"),
        pytest.param(lambda: ProviderClock(slow_windows=1), "all late by 5 s for 20 min", id="one window, slow"),
        pytest.param(Careless, "a tenth from a node 3 s fast", id="no health rule"),
    ],
)
def test_a_clock_without_one_of_the_rules_corrects_a_right_one(make: Callable[[], ProviderClock], scenario: str) -> None:
    assert max(worst_correction(by_name(scenario), seed, make()) for seed in range(4)) > 0


def test_a_clock_that_hears_no_contradiction_goes_on_correcting() -> None:
    assert pairs_until_stopped(REPAIRED[1], 0, Stubborn())[0] > 10
