"""What is promised of clocks, in simulated worlds (docs/lifecycle.md, section 8): `make clock-worlds` prints more of them."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.clock_worlds import (
    BEYOND,
    FAST_KNOWN,
    KNOWN,
    MIXTURES,
    REPAIRED,
    RIGHT,
    SEEDS,
    WRONG,
    WRONG_MIXTURES,
    MakeClock,
    Scenario,
    broken,
    harmed,
    last_report,
    moment,
    sessions,
    table,
    until_stopped,
    worst_correction,
    worst_error,
)
from tests.effort import share

from cobrowse_session import Lifecycle, ProviderClock
from cobrowse_session.io.inbox import Inbox, Received
from cobrowse_session.stream.clock import OpenWindow, Pair
from cobrowse_session.testing import stream
from cobrowse_session.wire import encode_event


@pytest.mark.parametrize("scenario", RIGHT, ids=lambda scenario: scenario.name)
def test_a_right_clock_is_not_corrected_at_all(scenario: Scenario) -> None:  # PROMISE-1, PROMISE-2
    assert [worst_correction(scenario, seed) for seed in range(SEEDS)] == [0] * SEEDS


def test_no_random_mixture_of_faults_gets_a_right_clock_corrected() -> None:  # PROMISE-1, PROMISE-2
    assert harmed(share(MIXTURES)) == []


@pytest.mark.parametrize("scenario", WRONG, ids=lambda scenario: scenario.name)
def test_a_wrong_clock_is_corrected_in_time_and_as_exactly_as_promised(scenario: Scenario) -> None:  # PROMISE-4
    assert max(worst_error(scenario, seed)[1] for seed in range(SEEDS)) <= 0


def test_a_wrong_clock_is_corrected_as_promised_wherever_in_a_window_it_goes_wrong() -> None:  # PROMISE-4
    assert broken(share(WRONG_MIXTURES)) == []


def test_a_slow_clock_that_is_repaired_corrects_only_sessions_that_begin_before_the_third_pair() -> None:  # PROMISE-3
    assert max(until_stopped(REPAIRED[1], seed)[0] for seed in range(SEEDS)) < 3


def test_a_fast_clock_that_is_repaired_is_no_longer_corrected_after_one_full_healthy_window() -> None:  # PROMISE-3
    assert max(until_stopped(REPAIRED[0], seed)[1] for seed in range(SEEDS)) <= 2 * 300


@pytest.mark.parametrize("scenario", BEYOND, ids=lambda scenario: scenario.name)
def test_what_lies_beyond_the_cap_is_refused_and_reported(scenario: Scenario) -> None:  # LEARN-9
    assert [worst_correction(scenario, seed) for seed in range(SEEDS)] == [0] * SEEDS
    assert all("more than is ever corrected" in last_report(scenario, seed) for seed in range(SEEDS))


@pytest.mark.parametrize("scenario", KNOWN, ids=lambda scenario: scenario.name)
def test_what_looks_like_a_slow_clock_for_an_hour_is_taken_for_one(scenario: Scenario) -> None:  # PROMISE-2, PROMISE-6
    assert worst_correction(scenario, 0) > 2


def test_an_inbox_corrects_each_session_by_what_its_clock_knows_with_the_first_event() -> None:
    events = [one for one in WRONG[0].events(0) if one.received < FAST_KNOWN]
    inbox = Inbox(Lifecycle(), correct={"/test": ProviderClock()})
    answers = []
    for number, one in enumerate(events):
        (event,) = stream(f"s{number}", start=moment(one.at - one.offset)).alerting()
        answers.append(inbox.receive(encode_event(event), moment(one.received)))

    offsets = [answer.offset.total_seconds() for answer in answers if isinstance(answer, Received)]
    assert offsets == [session.offset for session in sessions(events, ProviderClock())]
    assert offsets[0] == 0 > offsets[-1]


def test_the_table_of_the_page_is_what_the_command_prints() -> None:
    page = (Path(__file__).parent.parent / "docs/explanation/clocks.md").read_text()
    lines = table(SEEDS, share(MIXTURES), share(WRONG_MIXTURES))
    shown = [line for line in lines if "random mixtures" not in line or share(MIXTURES) == MIXTURES]  # all lines in a soak

    assert [line for line in shown if line not in page.splitlines()] == []


# --- Clocks that must be found out --------------------------------------------------------------------------------------------


class Silent(ProviderClock):
    """Always answers zero."""

    def _move(self, base: timedelta) -> None:
        pass


class Careless(ProviderClock):
    """Takes every window for healthy."""

    def _is_healthy(self, _window: OpenWindow, _base: timedelta) -> bool:
        return True


class Overlapping(ProviderClock):
    """Lets a window begin in a silence."""

    def _next_begin(self, window: OpenWindow, _last: datetime, now: datetime) -> datetime:
        return window.began + (now - window.began) // self.window * self.window


class Credulous(ProviderClock):
    """Adopts an offset though some of its windows are not beyond the tolerance, or beyond the cap."""

    def _proves(self, _base: timedelta, _target: timedelta) -> bool:
        return True


class Stubborn(ProviderClock):
    """Ignores what disproves a correction."""

    def _disprove(self, pair: Pair) -> None:
        pass


def by_name(name: str) -> Scenario:
    return next(scenario for scenario in (*RIGHT, *WRONG) if scenario.name == name)


@pytest.mark.parametrize("scenario", WRONG, ids=lambda scenario: scenario.name)
def test_a_clock_that_always_answers_zero_is_found_out(scenario: Scenario) -> None:
    assert worst_error(scenario, 0, Silent)[1] > 0


@pytest.mark.parametrize(
    ("make", "scenario"),
    [
        pytest.param(lambda: ProviderClock(max_drift=1.0), "all late, by another amount every 20 min", id="no steadiness"),
        pytest.param(lambda: ProviderClock(cap=timedelta(days=1)), "all late by 5 min for 2 h", id="no cap"),
        pytest.param(lambda: ProviderClock(tolerated=timedelta(milliseconds=250)), "feed of +1.2 s", id="tolerance of 250 ms"),
        pytest.param(lambda: ProviderClock(fast_windows=1), "receivedtime early for 10 min", id="one window, fast"),
        pytest.param(lambda: ProviderClock(slow_windows=1), "all late by 5 s for 20 min", id="one window, slow"),
        pytest.param(Careless, "a tenth from a node 3 s fast", id="no health rule"),
        pytest.param(Overlapping, "an hour of silence, then all late by 5 s for 56 min", id="windows in a silence"),
        pytest.param(Credulous, "all late by 1.9 s for an hour, then 2.05 s for 12 min", id="windows within the tolerance"),
        pytest.param(Credulous, "all late by 30.1 s for an hour, then 29.9 s for 11 min", id="windows beyond the cap"),
    ],
)
def test_a_clock_without_one_of_the_rules_corrects_a_right_one(make: MakeClock, scenario: str) -> None:
    assert max(worst_correction(by_name(scenario), seed, make) for seed in range(SEEDS)) > 0


def test_a_clock_that_ignores_what_disproves_a_correction_goes_on_correcting() -> None:
    assert until_stopped(REPAIRED[1], 0, Stubborn)[0] > 10
