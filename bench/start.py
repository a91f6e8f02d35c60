"""The question: how long does it take to import the package, and to start the command."""

from functools import partial

from bench.commands import OURS, run
from bench.measure import Ratio, Section, interleaved, times

ROUNDS = 11
USED = "from cobrowse_session import Lifecycle; Lifecycle().new('s1')"
TEXT = (
    f"Processor time (user and system) of whole processes, medians of {ROUNDS} interleaved rounds, with compiled files. The "
    "imports are given without the start of Python itself."
)


def measure(_: int) -> Section:
    """Measure both imports and the command."""
    code = ("import cobrowse_session", "import attrs, transitions", USED)
    ways = {name: partial(_cpu, "-c", text) for name, text in {"python": "pass", **{one: one for one in code}}.items()}
    ways["cobrowse-session --version"] = partial(_cpu, *OURS, "--version")
    cost = interleaved(ways, ROUNDS)
    for name in code:
        cost[name] -= cost["python"]
    ours, base, used = (cost[name] for name in code)
    return Section(
        "Start",
        TEXT,
        ("process", "seconds"),
        [[f"`{name}`", f"{value:.3f}"] for name, value in cost.items()],
        (
            Ratio("`import cobrowse_session` / `import attrs, transitions`", times(ours / base), "≤ 1.5"),
            Ratio(
                "the import with the first use, `Lifecycle().new('s1')` / `import attrs, transitions`", times(used / base), "–"
            ),
            Ratio("`cobrowse-session --version`, seconds", f"{cost['cobrowse-session --version']:.2f}", "≤ 0.25"),
        ),
    )


def _cpu(*arguments: str) -> float:
    return run(*arguments).cpu
