"""The question: what does it cost to restore saved logs, beside decoding their events and adding them."""

import json
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import world
from bench.measure import Ratio, Section, interleaved, nanoseconds, times
from cobrowse_session import Lifecycle, SessionLog
from cobrowse_session.io.replay import read_events, replay
from cobrowse_session.wire import restore_log, save_log
from cobrowse_session.wire.cloudevents import read_event

ROUNDS = 3
TEXT = (
    "{logs:,} saved logs with {events:,} events, each log one line of JSON. Both ways parse the line and read "
    "`log.session`. *Decode and add* decodes the events of the line and adds them to a new log. *Add* adds events that were "
    "decoded before. Medians of {rounds} interleaved rounds."
)


def measure(size: int) -> Section:
    """Measure all ways, with a log for each ten events of the replay."""
    saved = saved_logs(size // 2)
    events = [[read_event(one) for one in json.loads(line)["events"]] for line in saved]
    ways = {
        "restore": partial(nanoseconds, lambda: [restore_log(json.loads(line)).session for line in saved]),
        "decode and add": partial(nanoseconds, lambda: [_decoded(line).session for line in saved]),
        "add": partial(nanoseconds, lambda: [SessionLog.of(some).session for some in events]),
    }
    cost = interleaved(ways, ROUNDS)
    base = cost["decode and add"]
    return Section(
        "Restore",
        TEXT.format(rounds=ROUNDS, logs=len(saved), events=sum(map(len, events))),
        ("way", "µs a log", "/ decode and add"),
        [[name, f"{value / len(saved) / 1000:,.0f}", times(value / base)] for name, value in cost.items()],
        (Ratio("restore of a saved log / decoding and adding its events", times(cost["restore"] / base), "≤ 0.5"),),
    )


def saved_logs(size: int) -> list[str]:
    """Return the logs of a file of `size` events, each as JSON."""
    with TemporaryDirectory() as name:
        events = Path(name) / "events.jsonl"
        world.write(events, size)
        with events.open("rb") as file:
            return [json.dumps(save_log(log)) for log in replay(read_events(file, print))]


def _decoded(line: str) -> SessionLog:
    saved = json.loads(line)
    log = SessionLog(Lifecycle(), saved["session"])
    for event in saved["events"]:
        log.add(read_event(event))
    return log
