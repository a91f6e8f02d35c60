"""The question: what does it cost to restore saved logs, beside decoding their events and adding them."""

import json
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import world
from bench.measure import Ratio, Section, interleaved, nanoseconds, times
from cobrowse_session import Lifecycle, SessionLog
from cobrowse_session.io.replay import read_events, replay
from cobrowse_session.wire import decode_event, encode_event, restore_log, save_log

ROUNDS = 3
TEXT = (
    "{logs:,} logs with {events:,} events. *Restore* parses a saved log, one line of JSON, and restores it. *Decode and "
    "add* reads the same events from lines and adds them to a new log. *Add* adds events that were decoded before. All read "
    "`log.session` in the end, and have one lifecycle. Medians of {rounds} interleaved rounds."
)


def measure(size: int) -> Section:
    """Measure all ways, with a log for each ten events of the replay."""
    logs, lifecycle = _logs(size // 2), Lifecycle()
    saved = [json.dumps(save_log(log)) for log in logs]
    lines = [[encode_event(event) for event in log.events] for log in logs]
    ways = {
        "restore": partial(nanoseconds, lambda: [restore_log(json.loads(one)).session for one in saved]),
        "decode and add": partial(
            nanoseconds, lambda: [SessionLog.of(map(decode_event, some), lifecycle).session for some in lines]
        ),
        "add": partial(nanoseconds, lambda: [SessionLog.of(log.events, lifecycle).session for log in logs]),
    }
    cost = interleaved(ways, ROUNDS)
    base = cost["decode and add"]
    return Section(
        "Restore",
        TEXT.format(rounds=ROUNDS, logs=len(logs), events=sum(map(len, lines))),
        ("way", "µs a log", "/ decode and add"),
        [[name, f"{value / len(logs) / 1000:,.0f}", times(value / base)] for name, value in cost.items()],
        (Ratio("restore of a saved log / decoding and adding its events", times(cost["restore"] / base), "≤ 0.5"),),
    )


def _logs(size: int) -> tuple[SessionLog, ...]:
    """Return the logs of a file of `size` events."""
    with TemporaryDirectory() as name:
        events = Path(name) / "events.jsonl"
        world.write(events, size)
        with events.open("rb") as file:
            return replay(read_events(file, print))
