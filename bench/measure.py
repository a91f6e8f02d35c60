"""What all questions of the benchmark share: rounds that are interleaved, medians, and the section that a question writes."""

import gc
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import process_time_ns
from typing import TypeVar

from attrs import field, frozen


@frozen
class Ratio:
    """One line of the first table.

    Attributes:
        what: the question, as `log, in order / step`.
        value: the answer, as text.
        goal: what was aimed at.
    """

    what: str
    value: str
    goal: str


@frozen
class Section:
    """What one question writes.

    Attributes:
        title: the heading.
        text: what was done, in sentences.
        head: the names of the columns.
        rows: the cells, as text.
        ratios: its lines of the first table.
    """

    title: str
    text: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    ratios: Sequence[Ratio] = field(factory=tuple)

    def markdown(self) -> str:
        """Return the section."""
        return f"## {self.title}\n\n{self.text}\n\n{markdown_table(self.head, self.rows)}\n"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table. All columns but the first are numbers, or stand as such."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


K = TypeVar("K")


def interleaved(ways: Mapping[K, Callable[[], float]], rounds: int) -> dict[K, float]:
    """Return the median of each way. A busy machine hurts all ways alike, because each round runs all of them.

    Args:
        ways: each measures itself once, in any unit.
        rounds: how many times.
    """
    found: dict[K, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in tuple(ways)[:: -1 if number % 2 else 1]:  # who comes first has caches of its own
            gc.collect()
            found[name].append(ways[name]())
    return {name: median(values) for name, values in found.items()}


def nanoseconds(act: Callable[[], object]) -> float:
    """Return the processor time of one call. The time that passes counts other work of a busy machine, too."""
    began = process_time_ns()
    act()
    return float(process_time_ns() - began)


def times(ratio: float) -> str:
    """Return a ratio as text: two digits after the point where it is small."""
    return f"{ratio:,.2f}" if ratio < 10 else f"{ratio:,.0f}"
