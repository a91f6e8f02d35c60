"""Markdown: every event in every state, and the same in sentences. The equal of the picture, for those who cannot see it."""

import re
from collections.abc import Iterable, Iterator

from cobrowse_session.diagrams.graph import CLOCK, Graph, Move, moves_of
from cobrowse_session.lifecycle.row import Row, RowOutcome
from cobrowse_session.printable import printable
from cobrowse_session.stream.words import condition

LEGEND = (
    ("→", "it enters that state"),
    ("·", "it is applied by that row, and the state stays"),
    ("=", "it repeats the current state"),
    ("–", "it has no meaning here, by that rule"),
    ("✗", "it is refused, by that rule"),
    (CLOCK, "a deadline has passed"),
)

_SIGNS = re.compile(r"[\\`*~<>|&\[\]]|(?<!\w)_|_(?!\w)")


def markdown(graph: Graph) -> str:
    """Print the machine of a picture as a table of every cell, and its rows as sentences."""
    return "\n".join(_lines(graph, moves_of(graph.name, graph.table))) + "\n"


def _lines(graph: Graph, moves: tuple[Move, ...]) -> Iterator[str]:
    events, order = dict.fromkeys(move.event for move in moves), [*graph.ids]
    yield from (f"# {graph.title}", "", graph.about, "", "## Every event in every state", "")
    yield "Of several lines in a cell, the first one whose conditions hold decides. The sentences below have the conditions."
    yield from ("", *(f"- {sign} {meaning}" for sign, meaning in LEGEND), "")
    yield _row(["", *(f"**{_text(state)}**" for state in order)])
    yield _row(["---"] * (len(order) + 1))
    for event in events:
        clock = f" {CLOCK}" if event in graph.table.timers else ""
        yield _row(
            [
                f"`{event}`{clock}",
                *(_cell(move for move in moves if (move.event, move.source) == (event, state)) for state in order),
            ]
        )
    yield from ("", "## The same in sentences", "")
    for number, (row, some) in enumerate(_by_row(moves), 1):
        yield f"{number}. {_sentence(row, some, order)}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(moves: Iterable[Move]) -> str:
    """Return the results of an event in a state, each once."""
    return "<br>".join(dict.fromkeys(map(_result, moves)))


def _result(move: Move) -> str:
    return f"→ {_text(move.target)}" if move.target else _text(result_label(move.row))


def result_label(row: Row) -> str:
    """Return the result of a row that leads nowhere."""
    match row.result:
        case RowOutcome("applied"):
            return f"· {row.name}"
        case RowOutcome("duplicate"):
            return "= duplicate"
        case RowOutcome("ignored", rule):
            return f"– {rule}"
        case RowOutcome(_, rule):
            return f"✗ {rule}"
        case _:
            raise ValueError(f"{row.name} leads somewhere")


def _by_row(moves: Iterable[Move]) -> list[tuple[Row, list[Move]]]:
    """Return the moves of each row, in the order of the rows. Rows are compared by identity, because several share a name."""
    found: dict[int, tuple[Row, list[Move]]] = {}
    for move in moves:
        found.setdefault(id(move.row), (move.row, []))[1].append(move)
    return list(found.values())


def _sentence(row: Row, moves: list[Move], order: list[str]) -> str:
    events = ", ".join(f"`{event}`" for event in dict.fromkeys(move.event for move in moves))
    sources = {move.source for move in moves}
    where = "any state" if sources == set(order) else ", ".join(_text(state) for state in order if state in sources)
    results = dict.fromkeys(map(_result, moves))
    result = "→ the state of the event" if len(results) > 1 else next(iter(results))
    asks = f" Only if {' and '.join(map(condition, row.guards))}." if row.guards else ""
    cites = f" ({', '.join(row.cites)})" if row.cites else ""
    return f"**{row.name}**. {_text(row.reason)} {events} in {where}: {result}.{asks}{cites}"


def _text(text: str) -> str:
    """Return the text with a backslash before what Markdown would read as its own signs."""
    return _SIGNS.sub(r"\\\g<0>", printable(text))
