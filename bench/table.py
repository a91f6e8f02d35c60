"""The question: does a step cost more with a table of one's own."""

import pickle
from functools import partial

from examples.tables.hold import TABLE

from bench.life import LIFE
from bench.measure import Ratio, Section, interleaved, nanoseconds, times
from cobrowse_session import Lifecycle

LIVES = 50
ROUNDS = 60
TEXT = (
    "The life of the first question, with the table of `examples/tables/hold.py`: it has two kinds of event, rows and a "
    f"class of sessions of its own. Medians of {ROUNDS} interleaved rounds."
)


def measure(_: int) -> Section:
    """Measure the standard table and an own one, made here and unpickled."""
    own = Lifecycle(table=TABLE)
    lifecycles = {"standard table": Lifecycle(), "own table": own, "own table, unpickled": pickle.loads(pickle.dumps(own))}  # noqa: S301 (it was just made)
    cost = interleaved({name: partial(_life, one) for name, one in lifecycles.items()}, ROUNDS)
    base = cost["standard table"]
    return Section(
        "Own table",
        TEXT,
        ("table", "ns an event", "/ standard table"),
        [[name, f"{value:,.0f}", times(value / base)] for name, value in cost.items()],
        (
            Ratio("step: own table / standard table", times(cost["own table"] / base), "≤ 1.05"),
            Ratio("step: own table, unpickled / standard table", times(cost["own table, unpickled"] / base), "≤ 1.05"),
        ),
    )


def _life(lifecycle: Lifecycle) -> float:
    sessions = [lifecycle.new("s1") for _ in range(LIVES)]

    def live() -> None:
        for session in sessions:
            for event in LIFE:
                lifecycle.apply(session, event)

    return nanoseconds(live) / LIVES / len(LIFE)
