"""XState v5: the machine of a picture as JSON for `createMachine`, guards and actions by name. Export only."""

import json
from typing import Any

from cobrowse_session.diagrams.graph import Graph, Move, identifier, moves_of
from cobrowse_session.diagrams.markdown import result_label
from cobrowse_session.lifecycle.row import Row, name_of
from cobrowse_session.printable import printable

ALL = "all"
"""The guard that holds where all guards hold that its parameter names: `all: ({context, event}, {guards}) => …`."""


def xstate(graph: Graph) -> str:
    """Print the machine of a picture: every row in its order, refusals as transitions that lead nowhere and do nothing."""
    moves = moves_of(graph.name, graph.table)
    states = dict.fromkeys(move.source for move in moves)
    machine = {
        "id": graph.name,
        "description": graph.about,
        "initial": graph.initial,
        "states": {
            identifier(node.id): _state([move for move in moves if move.source == node.id])
            for node in graph.nodes
            if node.id in states
        },
    }
    return json.dumps(machine, ensure_ascii=False, indent=2) + "\n"


def _state(moves: list[Move]) -> dict[str, Any]:
    """`Any`: JSON."""
    events = dict.fromkeys(move.event for move in moves)
    return {"on": {event: [_transition(move) for move in moves if move.event == event] for event in events}}


def _transition(move: Move) -> dict[str, Any]:
    row = move.row
    transition = {
        "target": move.target and identifier(move.target),
        "guard": _guard(row),
        "actions": [{"type": name_of(stamp)} for stamp in row.actions],
        "description": printable(row.reason),
        "meta": {"row": row.name, **({} if move.target else {"gives": printable(result_label(row))})},
    }
    return {key: value for key, value in transition.items() if value}


def _guard(row: Row) -> dict[str, Any] | None:
    names = [name_of(guard) for guard in row.guards]
    if len(names) > 1:
        return {"type": ALL, "params": {"guards": names}}
    return {"type": names[0]} if names else None
