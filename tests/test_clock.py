"""The clock of one provider: its settings, its bounded memory, what it reports, and that a restart loses nothing."""

import json
import pickle
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import examples

from cobrowse_session import DecodeError, FormatVersionError, ProviderClock, SettingsError
from cobrowse_session.stream import ClockState
from cobrowse_session.testing import START
from cobrowse_session.wire.clock import restore_clock, save_clock

SECOND = timedelta(seconds=1)
Pairs = Sequence[tuple[float, float]]


def taught(pairs: Pairs, clock: ProviderClock | None = None) -> ProviderClock:
    """A clock that has learned from pairs of (received, difference), in seconds."""
    clock = clock or ProviderClock()
    for received, difference in pairs:
        clock.learn(START + (received - difference) * SECOND, START + received * SECOND)
    return clock


def steady(difference: float, minutes: float, begins: float = 0, every: float = 10) -> list[tuple[float, float]]:
    """Pairs with one difference, in minutes from `begins`."""
    return [(begins * 60 + n * every, difference) for n in range(int(minutes * 60 / every))]


# --- Windows ------------------------------------------------------------------------------------------------------------------


def test_nothing_is_known_before_a_window_is_closed() -> None:
    clock = taught(steady(10, 5))

    assert (clock.offset, clock.observed, clock.report, clock.drift, clock.windows) == (0 * SECOND, None, None, None, 0)


def test_a_window_that_grew_does_not_shorten_the_next_one() -> None:
    every_50_s = [(n * 50, 1.0) for n in range(8 + 9)]  # 8 pairs take 350 s
    then_every_second = [(400 + n, 1.0) for n in range(301)]

    assert taught(every_50_s).windows == 2
    assert taught([*every_50_s[:9], *then_every_second[:300]]).windows == 1
    assert taught([*every_50_s[:9], *then_every_second]).windows == 2


def test_a_window_begins_where_the_last_one_ended_but_not_in_a_silence() -> None:
    at_once = [*steady(1, 5), *steady(1, 4, begins=5.1)]
    after_silence = [*steady(1, 5), *steady(1, 4, begins=9)]

    assert [taught([*at_once, (second, 1.0)]).windows for second in (599, 600)] == [1, 2]
    assert [taught([*after_silence, (second, 1.0)]).windows for second in (839, 840)] == [1, 2]


def test_a_window_has_five_minutes_and_eight_pairs_at_least() -> None:  # LEARN-1, PROMISE-5
    assert taught([*steady(1, 5), (301, 1)]).windows == 1
    assert taught([(n * 60, 1) for n in range(8)]).windows == 0
    assert taught([(n * 60, 1) for n in range(9)]).windows == 1


def test_one_or_two_strays_are_no_base_and_three_are() -> None:  # LEARN-2
    body = steady(0.1, 5)[3:]

    assert taught([(0, -9.0), (1, -5.0), *body, (301, 0.1)]).base == 0.1 * SECOND
    assert taught([(0, -9.0), (1, -9.1), (2, -9.2), *body, (301, 0.1)]).base == -9.2 * SECOND


def test_a_window_of_strays_only_has_no_base() -> None:
    clock = taught([*((n * 20, float(n)) for n in range(16)), (330, 0)])

    assert (clock.base, clock.state, clock.report) == (None, ClockState.UNHEALTHY, None)


@pytest.mark.parametrize(("late", "state"), [(15, "learning"), (16, "unhealthy")])
def test_a_window_is_healthy_if_at_least_half_of_it_is_close_to_its_base(late: int, state: str) -> None:  # LEARN-3
    pairs = [(n * 10, 5.0 if n >= late else 9.0 + n) for n in range(30)]

    assert taught([*pairs, (301, 5)]).state == state


# --- The offset ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("difference", "windows"), [(-10, 4), (10, 12), (-0.3, 4), (2.1, 12), (-29.9, 4), (29.9, 12)])
# LEARN-4
def test_a_fast_clock_is_corrected_after_four_windows_and_a_slow_one_after_twelve(difference: float, windows: int) -> None:
    just_before = taught([*steady(difference, 5 * windows)])
    then = taught([(5 * 60 * windows, difference)], pickle.loads(pickle.dumps(just_before)))  # noqa: S301 (our own bytes)

    assert (just_before.offset, then.offset) == (0 * SECOND, difference * SECOND)
    assert (just_before.state, then.state) == ("learning", "adopted")


@pytest.mark.parametrize("difference", [0, 2, -0.25, 1.2, -30.1, 30.1, 3600])
def test_what_is_tolerated_or_beyond_the_cap_is_never_corrected(difference: float) -> None:  # LEARN-8, LEARN-9
    assert taught(steady(difference, 240)).offset == 0 * SECOND


def test_a_correction_is_reduced_after_one_healthy_window() -> None:  # LEARN-5
    assert taught([*steady(-10, 25), *steady(-6, 10, 25)]).offset == -6 * SECOND
    assert taught([*steady(-10, 25), *steady(0, 10, 25)]).offset == 0 * SECOND


def test_a_sign_changes_through_zero() -> None:  # LEARN-7
    turned = [*steady(-10, 25), *steady(10, 10, 25)]

    assert taught(turned).offset == 0 * SECOND
    assert taught([*turned, *steady(10, 60, 35)]).offset == 10 * SECOND


def test_an_unhealthy_window_and_silence_hold_the_offset() -> None:  # LEARN-10
    adopted = steady(-10, 25)

    assert taught([*adopted, *((1500 + n, n - 10.0) for n in range(600))]).offset == -10 * SECOND
    assert taught([*adopted, (99_999, -10)]).offset == -10 * SECOND


def test_three_pairs_that_no_delay_explains_end_the_correction_of_a_slow_clock_at_once() -> None:  # LEARN-6
    slow = steady(10, 61)

    assert [taught([*slow, *steady(0.1, 1, 61)[:n]]).offset for n in range(4)] == [10 * SECOND] * 3 + [0 * SECOND]
    assert taught([*slow, *steady(6, 1, 61)[:3]]).offset == 6 * SECOND


def test_a_pair_that_a_reduced_offset_explains_disproves_nothing() -> None:  # LEARN-6
    reduced = [*steady(10, 61), (3660, 9.9), *steady(10, 4.5, 61.5)]  # a window is closed at 65 min: 9.9 s

    assert taught(reduced).offset < 9.95 * SECOND
    assert taught([*reduced, (3970, 9.5), (3971, 9.5)]).offset > 9.85 * SECOND
    assert taught([*reduced, (3970, 9.5), (3971, 9.5), (3972, 9.5)]).offset == 9.5 * SECOND


@pytest.mark.parametrize(
    "differences",
    [
        [1.9] * 11 + [2.05],  # most of the windows are within the tolerance
        [-0.2] * 3 + [-0.3],
        [30.1] * 11 + [29.9],  # beyond the cap
        [-30.1] * 3 + [-29.9],
        [5.0] * 6 + [5.5] * 6,  # a step, though an hour of 100 ppm is more
        [5.5] * 6 + [5.0] * 6,
    ],
    ids=str,
)
def test_every_window_that_counts_proves_the_offset(differences: list[float]) -> None:  # LEARN-4
    pairs = [pair for n, difference in enumerate(differences) for pair in steady(difference, 5, 5 * n)]

    assert taught([*pairs, (300 * len(differences), differences[-1])]).offset == 0 * SECOND


@given(st.lists(st.tuples(st.integers(1, 40), st.sampled_from((0.03, 5.0, 5.1, 9.7, 9.8, 9.95, 10.0, 10.2))), max_size=400))
def test_within_a_window_the_correction_of_a_slow_clock_is_only_reduced(steps: Pairs) -> None:
    clock = taught(steady(10, 61))
    now = 61 * 60.0
    for step, difference in steps:
        now += step
        before, windows = clock.offset, clock.windows
        taught([(now, difference)], clock)

        assert clock.windows > windows or clock.offset <= before


def test_windows_that_do_not_agree_are_unsteady_and_reported() -> None:  # LEARN-4, LEARN-9
    clock = taught([pair for n in range(13) for pair in steady(5 + n % 2, 5, 5 * n)])

    assert (clock.offset, clock.state) == (0 * SECOND, ClockState.UNSTEADY)
    assert str(clock.report) == "slow, or its feed late, by 6.000 s, but it changes from window to window"
    assert clock.jumps == 11


def test_an_unhealthy_source_is_not_corrected_and_reported() -> None:  # LEARN-9
    clock = taught([(n * 10, 5.0 if n % 3 == 0 else 9.0 + n) for n in range(1440)])

    assert (clock.offset, clock.state) == (0 * SECOND, ClockState.UNHEALTHY)
    assert str(clock.report) == "slow, or its feed late, by 5.000 s, but most differences vary"


def test_drift_is_what_the_last_windows_show() -> None:
    clock = taught([(n * 10, -10 - n * 10 * 50e-6) for n in range(360)])

    assert clock.drift is not None
    assert clock.drift * 1e6 == pytest.approx(-50, abs=2)


def test_a_pair_that_is_learned_late_counts_where_it_is_learned() -> None:
    clock = taught([*steady(0.1, 6), (5, 0.1)])

    assert clock.latest == START + 350 * SECOND


def windows(*bases: float, minutes: float = 5) -> list[tuple[float, float]]:
    """Pairs of windows with these smallest differences, and the first pair after them, which closes the last."""
    pairs = [pair for n, base in enumerate(bases) for pair in steady(base, minutes, minutes * n)]
    return [*pairs, (60 * minutes * len(bases), bases[-1])]


def test_what_was_learned_is_counted() -> None:
    clock = taught(windows(5, 6, 6.1))
    assert (clock.pairs, clock.windows, clock.healthy, clock.jumps, clock.observed) == (91, 3, 3, 1, 6.1 * SECOND)

    varying = taught([*windows(5, 6)[:-1], *((600 + n * 10, n * 1.0) for n in range(31))])
    assert (varying.pairs, varying.windows, varying.healthy, varying.observed) == (91, 3, 2, None)


def test_drift_needs_two_windows_and_is_that_of_the_first_and_the_last() -> None:
    assert taught(windows(-10)).drift is None
    assert taught(windows(-10, -10.03)).drift == pytest.approx(-100e-6)
    assert taught(windows(-10, -10.01, -10.06)).drift == pytest.approx(-100e-6)


@pytest.mark.parametrize(
    ("base", "sentence"),
    [
        (-10, "fast by 10.000 s, not for long enough to be adopted"),
        (10, "slow, or its feed late, by 10.000 s, not for long enough to be adopted"),
        (-31, "fast by 31.000 s, more than is ever corrected"),
    ],
)
def test_a_report_says_in_which_direction_a_clock_is_off(base: float, sentence: str) -> None:  # LEARN-9
    assert str(taught(windows(base)).report) == sentence


def test_a_clock_that_is_off_by_what_is_tolerated_is_not_reported() -> None:  # LEARN-8
    clock = taught(windows(-2))

    assert (clock.state, clock.report) == (ClockState.LEARNING, None)


# --- Bounds -------------------------------------------------------------------------------------------------------------------


def test_differences_as_far_apart_as_the_smallest_delay_are_close() -> None:  # LEARN-2
    few = ProviderClock(min_pairs=3)
    assert taught([(0, 5.0), (1, 5.1), (2, 5.25), (300, 5)], few).base == 5 * SECOND
    few = ProviderClock(min_pairs=3)
    assert taught([(0, 5.0), (1, 5.1), (2, 5.251), (300, 5)], few).base is None


def test_two_strays_that_are_close_to_each_other_are_no_base() -> None:  # LEARN-2
    assert taught([(0, -9.0), (1, -9.1), *steady(0.1, 5)[2:], (301, 0.1)]).base == 0.1 * SECOND


def test_the_largest_differences_may_be_the_base() -> None:  # LEARN-2
    pairs = list(enumerate((-9.0, -6.0, -3.0, 1.0, 1.1, 1.2)))

    assert taught([*pairs, (300, 1)], ProviderClock(min_pairs=6)).base == SECOND


def test_what_lies_as_far_above_the_base_as_the_smallest_delay_is_close() -> None:  # LEARN-3
    pairs = [(n * 10, 5.0 if n < 3 else 5.25 if n < 15 else 9.0 + n) for n in range(30)]

    assert taught([*pairs, (301, 5)]).state == "learning"


def test_only_the_smaller_half_of_many_different_differences_is_kept() -> None:
    clock = taught([(n * 0.1, n * 0.01) for n in range(512)])
    assert clock.current is not None
    assert len(clock.current.bins) == 512

    taught([(60, 9.99)], clock)
    assert sorted(clock.current.bins) == list(range(256))


def test_a_window_that_begins_an_eighth_of_a_window_late_begins_with_its_first_pair() -> None:
    late = [*steady(1, 5), (337.5, 1.0), *((340 + n * 10, 1.0) for n in range(30))]

    assert taught(late).windows == 1
    assert taught([*late, (637.5, 1.0)]).windows == 2


def test_windows_agree_up_to_the_smallest_delay() -> None:  # LEARN-4
    assert taught(windows(5, 5.25), ProviderClock(max_drift=0)).jumps == 0
    assert taught(windows(5, 5.251), ProviderClock(max_drift=0)).jumps == 1


def test_an_offset_as_large_as_the_cap_is_adopted() -> None:  # LEARN-9
    assert taught(windows(*[30.0] * 12)).offset == 30 * SECOND


# --- How an offset moves ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "base", "after", "state"),
    [
        (10, 1.5, 0, ClockState.QUIET),  # within the tolerance
        (-10, -0.2, 0, ClockState.QUIET),
        (-10, 0, 0, ClockState.QUIET),
        (-10, 10, 0, ClockState.LEARNING),  # through zero
        (10, 9, 9, ClockState.ADOPTED),
    ],
)
def test_a_window_moves_an_adopted_offset(
    before: float, base: float, after: float, state: ClockState
) -> None:  # LEARN-5, LEARN-7
    clock = taught(windows(*[before] * (12 if before > 0 else 4), base))

    assert (clock.offset, clock.state) == (after * SECOND, state)


def test_a_window_that_shows_the_offset_again_proves_nothing_anew() -> None:  # LEARN-5
    clock = taught(windows(*[10] * 12, 9, 9))

    assert (clock.offset, clock.state) == (9 * SECOND, ClockState.ADOPTED)


def test_an_offset_is_what_the_drift_of_the_last_four_windows_makes_of_the_base_in_the_next_one() -> None:
    clock = taught(windows(-8.99, -9.0, -9.01, -9.01, -9.06))

    assert clock.offset == -9.08 * SECOND  # 60 ms in 15 min, so 20 ms in 5 min


def test_two_windows_show_a_drift_if_two_are_enough_to_correct_a_fast_clock() -> None:
    assert taught(windows(-9, -9.03), ProviderClock(fast_windows=2)).offset == -9.06 * SECOND
    assert taught(windows(-9, -9.03), ProviderClock(fast_windows=1)).offset == -9.03 * SECOND


# --- What disproves a correction ----------------------------------------------------------------------------------------------


SLOW = steady(10, 61)


@pytest.mark.parametrize(
    ("differences", "offset", "state"),
    [
        ([9.5, 9.6, 10.0], 10, ClockState.ADOPTED),  # the last one is as the offset expects it
        ([9.5, 9.6, 9.7], 9.6, ClockState.ADOPTED),  # the second smallest
        ([9.7, 9.6, 9.5], 9.6, ClockState.ADOPTED),
        ([9.5, 9.6, 9.7, 9.55], 9.6, ClockState.ADOPTED),  # two are below the new offset
        ([9.5, 9.6, 9.7, 9.55, 9.52], 9.52, ClockState.ADOPTED),
        ([1.9, 2.0, 2.1], 0, ClockState.QUIET),  # tolerated
        ([1.9, 2.1, 2.2], 2.1, ClockState.ADOPTED),
    ],
)
def test_three_pairs_below_the_offset_reduce_it_to_the_second_smallest(
    differences: list[float], offset: float, state: ClockState
) -> None:  # LEARN-6
    clock = taught([*SLOW, *((3660 + n, difference) for n, difference in enumerate(differences))])

    assert (clock.offset, clock.state) == (offset * SECOND, state)


def test_a_pair_at_the_begin_of_the_window_before_still_disproves() -> None:  # LEARN-6
    pairs = [*steady(10, 60), (3600, 9.5), *((3610 + n * 10, 10.0) for n in range(29)), (3900, 9.5), (3910, 9.5)]

    assert taught(pairs[:-1]).offset == 10 * SECOND
    assert taught(pairs).offset == 9.5 * SECOND


def said(**arguments: Any) -> Any:
    """Arguments of any type, as a caller without a type checker would give them."""
    return arguments


# --- Settings and memory ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["window", "min_delay", "tolerated", "cap"])
def test_a_duration_that_makes_no_sense_is_an_error(setting: str) -> None:  # LEARN-11
    with pytest.raises(SettingsError):
        ProviderClock(**said(**{setting: timedelta(0)}))
    with pytest.raises(TypeError):
        ProviderClock(**said(**{setting: 5}))


@pytest.mark.parametrize("setting", ["min_pairs", "fast_windows", "slow_windows"])
def test_a_number_that_makes_no_sense_is_an_error(setting: str) -> None:  # LEARN-11
    with pytest.raises(SettingsError):
        ProviderClock(**said(**{setting: 0}))


@pytest.mark.parametrize(
    "setting",
    [
        {"max_drift": -1e-6},
        {"max_drift": float("nan")},
        {"max_drift": 1.5},
        {"max_drift": "100 ppm"},
        {"min_pairs": True},
        {"min_pairs": 10**9},
        {"min_delay": timedelta(seconds=3)},
        {"window": timedelta.max},
        {"cap": SECOND},  # less than what is tolerated
    ],
    ids=str,
)
def test_a_setting_out_of_range_is_an_error(setting: dict[str, Any]) -> None:
    (name,) = setting
    with pytest.raises((SettingsError, TypeError), match=name):
        ProviderClock(**setting)


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        ({"window": timedelta(0)}, SettingsError, "window: expected a timedelta from 1 ms to 86400000 ms, found 0 ms"),
        ({"window": timedelta(days=1, milliseconds=1)}, SettingsError, "window: expected .* to 86400000 ms, found 86400001 ms"),
        (
            {"min_delay": timedelta(milliseconds=2001)},
            SettingsError,
            "min_delay: expected .* from 1 ms to 2000 ms, found 2001 ms",
        ),
        ({"window": 5}, TypeError, "window: expected timedelta, found 5"),
        ({"min_pairs": 0}, SettingsError, "min_pairs: expected an integer from 1 to 1000, found 0"),
        ({"min_pairs": 1001}, SettingsError, "min_pairs: expected an integer from 1 to 1000, found 1001"),
        ({"min_pairs": "8"}, TypeError, "min_pairs: expected int, found '8'"),
        ({"max_drift": 1.5}, SettingsError, "max_drift: expected a number from 0 to 1, found 1.5"),
        ({"max_drift": "x"}, TypeError, "max_drift: expected float, found 'x'"),
        (
            {"cap": SECOND},
            SettingsError,
            "cap: expected at least 2000 ms, which is tolerated, found 1000 ms",
        ),
    ],
    ids=str,
)
def test_an_error_of_a_setting_says_what_was_expected_and_found(
    setting: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ProviderClock(**setting)


@pytest.mark.parametrize(
    "setting",
    [
        {"window": timedelta(milliseconds=1)},
        {"window": timedelta(days=1)},
        {"min_delay": timedelta(milliseconds=1)},
        {"min_delay": timedelta(seconds=2)},
        {"min_pairs": 1},
        {"min_pairs": 1000},
        {"max_drift": 0},
        {"max_drift": 1},
        {"max_drift": 0.5},
        {"cap": 2 * SECOND, "tolerated": 2 * SECOND},
    ],
    ids=str,
)
def test_a_setting_at_its_bound_is_taken(setting: dict[str, Any]) -> None:  # LEARN-11
    clock = ProviderClock(**setting)

    assert {name: getattr(clock, name) for name in setting} == setting


def test_settings_are_cut_to_whole_milliseconds() -> None:
    assert ProviderClock(window=timedelta(microseconds=1500)).window == timedelta(milliseconds=1)
    with pytest.raises(SettingsError):
        ProviderClock(min_delay=timedelta(microseconds=500))


def test_a_naive_time_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        ProviderClock().learn(datetime(2026, 3, 1), START)  # noqa: DTZ001 (the point)


def test_memory_is_bounded_whatever_is_learned() -> None:
    spread = taught([(n / 1000, float(n * 37 % 99_991)) for n in range(20_000)])
    long = taught(steady(0.1, 60 * 24, every=30))

    assert len(json.dumps(save_clock(spread))) < 20_000
    assert len(json.dumps(save_clock(long))) < 20_000


# --- A restart ----------------------------------------------------------------------------------------------------------------

differences = st.sampled_from((0.03, 0.1, 2.5, 10.0, 10.05, -7.0, 50.0))


@examples(60)
@given(st.lists(st.tuples(st.floats(0, 90), differences), max_size=150), st.integers(0, 150))
def test_a_restored_clock_is_equal_and_goes_on_equally(steps: Pairs, cut: int) -> None:  # LEARN-11
    now = 0.0
    pairs: list[tuple[float, float]] = []
    for step, difference in steps:
        now += step
        pairs.append((now, difference))
    first = taught(pairs[:cut], ProviderClock(min_pairs=3, window=60 * SECOND, slow_windows=5))

    again = restore_clock(json.loads(json.dumps(save_clock(first))))

    assert again == first
    assert taught(pairs[cut:], again) == taught(pairs[cut:], first)


@pytest.mark.parametrize("ppm", [-97, -31, 13, 100])
def test_a_clock_that_drifts_is_saved_exactly(ppm: int) -> None:
    clock = ProviderClock()
    for minute in range(0, 240, 5):
        taught([(minute * 60 + n, 5 + (minute * 60 + n) * ppm * 1e-6) for n in range(0, 300, 10)], clock)

        assert restore_clock(json.loads(json.dumps(save_clock(clock)))) == clock

    assert clock.offset


def test_a_saved_clock_is_plain_data() -> None:
    saved = save_clock(taught(steady(-10, 30)))

    assert restore_clock(saved) == taught(steady(-10, 30))
    assert all(type(value) in {int, float, str, list, dict} for value in saved.values())


def mutations(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Every place of a document, with something else in it."""
    found: list[tuple[tuple[Any, ...], Any]]
    others: tuple[Any, ...] = (None, "x", -1, 1.5, [], {}, [None], 10**40)
    found = [(path, other) for other in others] if path else []
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*found, *(one for key, part in parts for one in mutations(part, (*path, key)))]


def test_a_broken_document_is_a_decode_error_with_a_path() -> None:
    saved = json.loads(json.dumps(save_clock(taught([*steady(10, 61), *steady(0.1, 1, 61)[:2]]))))
    for path, other in mutations(saved):
        broken = json.loads(json.dumps(saved))
        place = broken
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = other
        try:
            clock = restore_clock(broken)
            assert isinstance(str((clock.drift, clock.report)), str)
            taught(steady(10, 30, 70), clock)  # what is taken can go on
        except DecodeError as error:
            assert error.path.startswith("$")  # noqa: PT017 (many documents are fine)
        except FormatVersionError:
            assert path == ("format",)


@pytest.mark.parametrize("place", [1, 2])
def test_saved_windows_that_are_not_in_the_order_of_time_are_a_decode_error(place: int) -> None:
    saved = save_clock(taught(steady(10, 61)))
    saved["recent"][0]["began"] = saved["recent"][place]["began"]

    with pytest.raises(DecodeError) as raised:
        restore_clock(saved)
    assert raised.value.path == "$.recent"


@pytest.mark.parametrize(
    "change", [lambda _: [], lambda data: data | {"format": True}, lambda _: {}], ids=["list", "bool", "empty"]
)
def test_what_is_no_saved_clock_is_a_decode_error(change: Callable[[dict[str, Any]], Any]) -> None:
    with pytest.raises(DecodeError):
        restore_clock(change(save_clock(ProviderClock())))


def test_a_newer_format_is_refused() -> None:
    with pytest.raises(FormatVersionError, match="a saved clock has format version 2"):
        restore_clock(save_clock(ProviderClock()) | {"format": 2})
