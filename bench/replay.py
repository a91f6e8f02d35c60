"""The question: what does a replay cost, file to file, beside the same work by hand."""

import tomllib
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import world
from bench.commands import OURS, WITHOUT_MSGSPEC, run
from bench.measure import Ratio, Section, interleaved, times

ROUNDS = 3
TEXT = (
    "Processor time (user and system) of whole processes, medians of {rounds} interleaved rounds. {lines:,} lines of "
    "{sessions:,} interleaved sessions, 5 % of them twice. *By hand* keeps the events, checks each line, and writes the "
    "same bytes: sessions, and the trace with what each event changed. It does not observe clocks, merges no copies that "
    "differ, and prints no summary. *Decode only* reads the lines with msgspec. {fast}"
)


def measure(size: int) -> Section:
    """Measure all ways with one file."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        events = folder / "events.jsonl"
        sessions = world.write(events, size)
        lines = sum(1 for _ in events.open("rb"))
        cost = interleaved(_ways(events, folder), ROUNDS)
        check_equal(folder)
    hand, has_fast = (
        cost["by hand"],
        "fast" in tomllib.loads(Path("pyproject.toml").read_text())["project"]["optional-dependencies"],
    )
    fast = "" if has_fast else "The command does not use msgspec yet, so its two lines are one way."
    ours, plain = (times(cost[f"cobrowse-session, {one} msgspec"] / hand) for one in ("with", "without"))
    return Section(
        "Replay",
        TEXT.format(rounds=ROUNDS, lines=lines, sessions=sessions, fast=fast).strip(),
        ("way", "seconds", "µs a line", "/ by hand"),
        [[name, f"{value:,.2f}", f"{value / lines * 1e6:,.1f}", times(value / hand)] for name, value in cost.items()],
        (
            Ratio("replay with trace: ours / the same work by hand, with msgspec", ours, "≤ 1.4"),
            Ratio("replay with trace: ours / the same work by hand, without msgspec", plain, "≤ 2.6"),
        ),
    )


def _ways(events: Path, folder: Path) -> dict[str, partial[float]]:
    outputs = {name: (folder / f"{name}.sessions", folder / f"{name}.trace") for name in ("with", "without", "hand")}

    def ours(python: tuple[str, ...], name: str) -> float:
        sessions, trace = outputs[name]
        return run(*python, "replay", events, "-o", sessions, "--trace", trace).cpu

    return {
        "cobrowse-session, with msgspec": partial(ours, OURS, "with"),
        "cobrowse-session, without msgspec": partial(ours, WITHOUT_MSGSPEC, "without"),
        "by hand": partial(lambda: run("-m", "bench.replay_by_hand", events, *outputs["hand"]).cpu),
        "decode only": partial(lambda: run("-m", "bench.decode_only", events).cpu),
    }


def check_equal(folder: Path) -> None:
    """Check that all ways wrote the same bytes."""
    for kind in ("sessions", "trace"):
        written = {(folder / f"{name}.{kind}").read_bytes() for name in ("with", "without", "hand")}
        assert len(written) == 1, f"the {kind} of the ways differ"
