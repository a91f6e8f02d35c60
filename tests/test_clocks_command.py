"""`clocks`: how each provider's clock stands beside ours, under which assumption, and what in a file is impossible."""

import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve
from tests.commands import Result, command
from tests.strategies import at
from tests.test_replay import EXAMPLES, words

from cobrowse_session import Event
from cobrowse_session.io import clocks as one_by_one
from cobrowse_session.io.clocks import Observed
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


# --- What differs, and what would be added ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "difference", "added"),
    [
        (0, "+30 ms at least in the latest window", "nothing"),
        (1.2, "+1,230 ms at least in the latest window", "nothing"),
        (
            -10,
            "-9,970 ms at least in the latest window: fast by 9.970 s, for long enough to be adopted",
            "-9,970 ms, if the correction of this source is asked for",
        ),
        (
            10,
            "+10,030 ms at least in the latest window: slow, or its feed late, by 10.030 s, for long enough to be adopted",
            "+10,030 ms, if the correction of this source is asked for",
        ),
        (
            45,
            "+45,030 ms at least in the latest window: slow, or its feed late, by 45.030 s, more than is ever corrected",
            "nothing",
        ),
    ],
)
def test_what_differs_and_what_would_be_added(offset: float, difference: str, added: str) -> None:
    done = shown(clocks(heard(range(0, 2 * HOUR, 10), offset=offset, delays=(0.2, 0.03, 0.1))))

    assert (done["difference"], done["would"]) == (difference, f"add {added}")


def test_a_short_file_shows_what_differs_so_far() -> None:
    assert shown(clocks(heard(range(8), offset=10)))["difference"] == "+10,030 ms at least so far"
    assert shown(clocks(heard(range(7), offset=10)))["difference"] == "unknown: 8 pairs are needed"


def test_the_smallest_delay_and_the_window_are_options() -> None:  # LEARN-11
    events = heard(range(0, 610, 10), delays=(0.03, 0.5, 0.9, 1.4))

    assert clocks(events, "--window", "100").out.startswith("/acme: 61 pairs in 6 windows, 0 of them healthy")
    assert clocks(events, "--window", "200", "--min-delay", "1").out.startswith("/acme: 61 pairs in 3 windows, 3 of")


def test_each_provider_has_its_own_clock_in_order_of_name() -> None:
    done = clocks([*heard(range(10), offset=1, source="/zoe"), *heard(range(9), offset=-1, source="/adam")])

    assert re.findall(r"^/.*|difference +\S+", done.out, re.MULTILINE) == [
        "/adam: 9 pairs in 0 windows, 0 of them healthy",
        "difference  -970",
        "/zoe: 10 pairs in 0 windows, 0 of them healthy",
        "difference  +1,030",
    ]


def test_events_are_paired_in_the_order_in_which_they_were_received() -> None:
    events = [*heard(range(0, 2000, 9)), *heard(range(2000, 4000, 9), offset=60)]

    assert clocks(events[::-1]).out == clocks(events).out


def test_of_events_that_were_corrected_the_providers_own_time_counts() -> None:
    corrected = [
        evolve(event, occurred_at=event.occurred_at + 430 * MS, provider_time=event.occurred_at)
        for event in heard(range(20), offset=0.4)
    ]

    assert shown(clocks(corrected))["difference"].startswith("+430 ms")


def test_a_time_that_was_derived_teaches_nothing() -> None:
    assert clocks(evolve(event, derived_from="the envelope") for event in heard(range(20))).out == ""


# --- Drift, jumps -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drift", [0, 50, -80])
def test_the_drift_is_shown(drift: float) -> None:
    done = shown(clocks(heard(range(0, 2 * HOUR, 20), drift=drift, delays=(0.03, 0.2, 0.07))))

    assert float(done["drift"].split()[0]) == pytest.approx(drift, abs=3)
    assert done["jumps"] == "0"


@pytest.mark.parametrize(("jump", "jumps"), [(-60, "1"), (60, "1"), (0.1, "0")])
def test_jumps_are_counted(jump: float, jumps: str) -> None:
    done = shown(clocks([*heard(range(0, 1500, 5)), *heard(range(1500, 3000, 5), offset=jump)]))

    assert done["jumps"] == jumps


# --- Impossible pairs ---------------------------------------------------------------------------------------------------------


def test_what_was_received_before_it_happened_is_counted_with_the_worst() -> None:
    early = [
        evolve(event, received_at=event.occurred_at - wait * MS)
        for event, wait in zip(heard(range(3)), (1, 700, 30), strict=True)
    ]
    fine = heard(range(10, 20), delays=(0, 0.03))  # at the same instant is possible

    assert shown(clocks([*early, *fine]))["impossible"] == "3, by up to +700 ms"
    assert shown(clocks(fine))["impossible"] == "0"


def test_what_is_impossible_is_judged_by_the_times_of_the_events() -> None:
    raw = heard(range(10), offset=-5)  # five seconds ahead
    corrected = [evolve(event, occurred_at=event.occurred_at - 5000 * MS, provider_time=event.occurred_at) for event in raw]

    assert shown(clocks(raw))["impossible"] == "10, by up to +4,970 ms"
    assert shown(clocks(corrected))["impossible"] == "0"


# --- Files that say little, or nothing ----------------------------------------------------------------------------------------


def test_a_file_without_receivedtime_has_nothing_to_learn_from() -> None:
    done = clocks(evolve(event, received_at=None) for event in heard(range(20)))

    assert (done.code, done.out) == (0, "")
    assert done.err == "No event states when it was received, so no clock can be compared.\n"


def test_events_without_receivedtime_are_left_out_among_others() -> None:
    silent = [evolve(event, received_at=None) for event in heard(range(100, 200), offset=99)]

    assert clocks([*silent, *heard(range(20))]).out == clocks(heard(range(20))).out


def test_the_example_file_shows_one_provider_on_time() -> None:
    done = command("clocks", EXAMPLES / "events.jsonl")

    assert done.out.startswith("/providers/acme: 32 pairs in ")
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
        ("--min-delay", "0", 20),
        ("--min-delay", "-1", 0),  # however little the file says
        ("--window", "0", 0),
        ("--window", "-1", 20),
        ("--window", "nan", 20),
        ("--window", "1e300", 20),
        ("--min-delay", "soon", 20),
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


# --- In the summary of a replay -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reverse", [False, True])
def test_the_summary_of_a_replay_reports_a_clock_beyond_the_tolerance(*, reverse: bool) -> None:  # CLOCK-2
    events = heard(range(0, 2 * HOUR, 30), offset=-10)
    lines = [encode_event(event) + "\n" for event in (*events, *heard(range(0, 2 * HOUR, 30), source="/right"))]

    done = command("replay", "-", stdin="".join(lines[::-1] if reverse else lines).encode())

    told = [line for line in done.err.splitlines() if "clock" in line]
    assert (done.code, len(told)) == (0, 1)
    assert told[0].startswith("The clock of /acme is fast by 9.970 s, ")
    assert told[0].endswith(". Nothing was corrected; see the command clocks.")


def test_the_summary_of_a_replay_does_not_report_right_clocks_repeats_or_derived_times() -> None:
    (event,) = heard([0], offset=-10)
    derived = [evolve(one, derived_from="the snapshot's time") for one in heard(range(0, 2 * HOUR, 30), offset=-10)]
    lines = [encode_event(one) + "\n" for one in (*heard(range(0, 2 * HOUR, 30), source="/right"), *[event] * 300, *derived)]

    done = command("replay", "-", stdin="".join(lines).encode())

    assert "clock" not in done.err


@pytest.mark.parametrize("offset", [-10, -2.031, -2.03, -2.029, -1, 0, 1.969, 1.97, 1.971, 10])
def test_a_replay_reports_a_clock_as_the_command_does_also_close_to_the_tolerance(offset: float) -> None:
    events = [*heard(range(0, 2 * HOUR, 30), offset=offset), *heard(range(0, 2 * HOUR, 30), source="/right")]
    observed = Observed()
    for event in events:
        observed.add(event)

    expected = {clock.source: clock.clock.report for clock in one_by_one.clocks(events) if clock.clock.report}
    assert observed.reports() == expected
