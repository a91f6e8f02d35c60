"""`clocks`: how each provider's clock stands beside ours, under which assumption, and what in a file is impossible."""

import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve
from tests.strategies import at
from tests.test_replay import EXAMPLES, Result, command, words

from cobrowse_session import Event
from cobrowse_session.testing import stream
from cobrowse_session.wire import encode_event

MS = timedelta(milliseconds=1)
HOUR = 3600


def heard(  # what a file says of a provider whose clock is behind by `offset`, and loses `drift` microseconds a second
    seconds: Iterable[float], *, offset: float = 0, delays: Iterable[float] = (0.03,), drift: float = 0, source: str = "/acme"
) -> list[Event]:
    waits = list(delays)
    return [
        stream(f"{source}{second}", start=at(second - offset - drift * 1e-6 * second), source=source)
        .alerting(received_at=at(second + waits[number % len(waits)]))
        .events[0]
        for number, second in enumerate(seconds)
    ]


def clocks(events: Iterable[Event], *options: str) -> Result:
    return command("clocks", "-", *options, stdin="".join(encode_event(event) + "\n" for event in events).encode())


def shown(done: Result) -> dict[str, str]:
    """The lines of one provider, by their name."""
    assert done.code == 0, done.err
    return {name: words(rest) for name, rest in re.findall(r"^  (\w+) +(.*)$", done.out, re.MULTILINE)}


# --- Offset and its bound -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "told"),
    [
        # The smallest difference; less 250 ms, and 100 ppm of 300 s on both sides.
        (0.4, "+430 ms, between +150 ms and +460 ms"),
        (-0.4, "-370 ms, between -650 ms and -340 ms"),
        (0, "+30 ms, between -250 ms and +60 ms"),
        (2 * HOUR, "+7200030 ms, between +7199750 ms and +7200060 ms"),
    ],
)
def test_the_offset_is_the_smallest_difference_between_bounds_that_name_the_smallest_delay(offset: float, told: str) -> None:
    done = clocks(heard(range(20), offset=offset, delays=(0.4, 0.03, 7)))

    assert shown(done)["offset"].startswith(told)
    assert re.search(r"within \+?250 ms$", shown(done)["offset"])
    assert done.out.startswith("/acme: 20 pairs\n")


def test_the_smallest_delay_and_the_window_are_options() -> None:
    done = clocks(heard(range(20), offset=0.4), "--smallest-delay", "0.1", "--window", "1000")

    assert shown(done)["offset"].startswith("+430 ms, between +230 ms and +530 ms")
    assert re.search(r"every 1000 s arrives within \+?100 ms$", shown(done)["offset"])


def test_the_window_looks_back_only_so_far() -> None:
    events = [*heard(range(10)), *heard(range(100, 110), delays=(0.09,))]

    assert shown(clocks(events, "--window", "50"))["offset"].startswith("+90 ms")
    assert shown(clocks(events))["offset"].startswith("+30 ms")


@pytest.mark.parametrize(("pairs", "known"), [(7, False), (8, True)])
def test_with_too_few_pairs_the_offset_is_unknown(pairs: int, known: bool) -> None:  # noqa: FBT001 (a case)
    offset = shown(clocks(heard(range(pairs))))["offset"]

    assert offset.startswith("+30 ms") if known else offset == "unknown: 8 pairs are needed"


def test_each_provider_has_its_own_clock_in_order_of_name() -> None:
    done = clocks([*heard(range(10), offset=1, source="/zoe"), *heard(range(9), offset=-1, source="/adam")])

    assert re.findall(r"^/.*|offset +\S+", done.out, re.MULTILINE) == [
        "/adam: 9 pairs",
        "offset      -970",
        "/zoe: 10 pairs",
        "offset      +1030",
    ]


def test_events_are_paired_in_the_order_in_which_they_were_received() -> None:
    events = [*heard(range(0, 2000, 9)), *heard(range(2000, 4000, 9), offset=60)]

    assert clocks(events[::-1]).out == clocks(events).out


def test_of_events_that_were_corrected_the_providers_own_time_counts() -> None:
    corrected = [
        evolve(event, occurred_at=event.occurred_at + 430 * MS, provider_time=event.occurred_at)
        for event in heard(range(20), offset=0.4)
    ]

    assert shown(clocks(corrected))["offset"].startswith("+430 ms")


# --- Drift, jumps -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drift", [0, 50, -80])
def test_the_drift_lies_between_its_bounds(drift: float) -> None:
    done = clocks(heard(range(0, 6 * HOUR, 20), drift=drift, delays=(0.03, 0.2, 0.07)))

    found = re.fullmatch(r"(\S+) ppm, between (\S+) and (\S+)", shown(done)["drift"])
    assert found
    estimate, lowest, highest = map(float, found.groups())
    assert lowest <= drift <= highest
    assert estimate == pytest.approx((lowest + highest) / 2, abs=0.11)
    assert highest - lowest < 2 * 250_000 / (5.9 * HOUR) + 3  # two smallest delays over the time that was seen
    assert shown(done)["jumps"] == "0"


def test_two_windows_are_needed_to_tell_a_drift() -> None:
    assert "drift" not in shown(clocks(heard(range(0, 290, 10))))
    assert "drift" in shown(clocks(heard(range(0, 310, 10))))


@pytest.mark.parametrize(
    ("jump", "jumps"),
    [
        (-60, "1"),  # ahead: seen at once
        (60, "1"),  # back: seen when the window has passed
        (0.1, "0"),  # within what a delay explains
    ],
)
def test_jumps_are_counted_and_the_offset_is_the_one_afterwards(jump: float, jumps: str) -> None:
    done = shown(clocks([*heard(range(0, 1000, 5)), *heard(range(1000, 2000, 5), offset=jump)]))

    assert done["jumps"] == jumps
    assert done["offset"].startswith(f"{1000 * jump + 30:+.0f} ms")


# --- Impossible pairs ---------------------------------------------------------------------------------------------------------


def test_what_was_received_before_it_happened_is_counted_with_the_worst() -> None:
    early = [
        evolve(event, received_at=event.occurred_at - wait * MS)
        for event, wait in zip(heard(range(3)), (1, 700, 30), strict=True)
    ]
    fine = heard(range(10, 20), delays=(0, 0.03))  # at the same instant is possible

    assert shown(clocks([*early, *fine]))["impossible"] == "3, by up to +700 ms"
    assert shown(clocks(fine))["impossible"] == "0"


def test_what_is_impossible_is_judged_on_the_corrected_clock() -> None:
    raw = heard(range(10), offset=-5)  # five seconds ahead
    corrected = [evolve(event, occurred_at=event.occurred_at - 5000 * MS, provider_time=event.occurred_at) for event in raw]

    assert shown(clocks(raw))["impossible"] == "10, by up to +4970 ms"
    assert shown(clocks(corrected))["impossible"] == "0"


# --- Files that say little, or nothing ----------------------------------------------------------------------------------------


def test_a_file_without_receivedtime_has_nothing_to_learn_from() -> None:
    done = clocks(evolve(event, received_at=None) for event in heard(range(20)))

    assert (done.code, done.out) == (0, "")
    assert done.err == "No event says when it was received, so there is nothing to learn from.\n"


def test_events_without_receivedtime_are_left_out_among_others() -> None:
    silent = [evolve(event, received_at=None) for event in heard(range(100, 200), offset=99)]

    assert clocks([*silent, *heard(range(20))]).out == clocks(heard(range(20))).out


def test_the_example_file_shows_one_provider_on_time() -> None:
    done = command("clocks", EXAMPLES / "events.jsonl")

    assert done.out.startswith("/providers/acme: 32 pairs\n")
    assert (shown(done)["jumps"], shown(done)["impossible"]) == ("0", "0")


def test_a_line_that_cannot_be_read_is_told_and_exits_with_1() -> None:
    content = "".join(encode_event(event) + "\n" for event in heard(range(20))) + "garbage\n"

    done = command("clocks", "-", stdin=content.encode())

    assert "-:21: not_json" in done.err
    assert done.out.startswith("/acme: 20 pairs")
    assert done.code == 1


@pytest.mark.parametrize(
    ("option", "value", "events"),
    [
        ("--smallest-delay", "0", 20),
        ("--smallest-delay", "-1", 0),  # however little the file says
        ("--window", "0", 0),
        ("--window", "-1", 20),
        ("--window", "nan", 20),
        ("--window", "1e300", 20),
        ("--smallest-delay", "soon", 20),
    ],
)
def test_a_senseless_duration_is_wrong_usage(option: str, value: str, events: int) -> None:
    done = clocks(heard(range(events)), option, value)

    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err


def test_a_file_that_is_not_there_exits_with_2(tmp_path: Path) -> None:
    done = command("clocks", tmp_path / "none")

    assert (done.code, done.out) == (2, "")
    assert "No such file" in done.err
