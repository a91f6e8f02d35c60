"""XState v5: the machine of a picture as JSON for `createMachine`, guards and actions by name. Export only."""

import json
from typing import Any

from cobrowse_session.diagrams.graph import Graph, Move
from cobrowse_session.diagrams.markdown import result_label
from cobrowse_session.lifecycle.row import Row, name_of
from cobrowse_session.printable import printable

ALL = "all"
"""The guard that holds where all guards hold that its parameter names: `all: ({context, event}, {guards}) => …`."""


def xstate(graph: Graph) -> str:
    """Print the machine of a picture: every row in its order, refusals as transitions that lead nowhere and do nothing."""
    machine = {
        "id": graph.name,
        "description": graph.about,
        "initial": graph.initial,
        "states": {node: _state(state, node, graph.moves) for state, node in graph.ids.items()},
    }
    return json.dumps(machine, ensure_ascii=False, indent=2) + "\n"


def _state(state: str, node: str, moves: tuple[Move, ...]) -> dict[str, Any]:
    """`Any`: JSON."""
    on: dict[str, Any] = {}
    for move in moves:
        if move.source == node:
            on.setdefault(move.event, []).append(_transition(move))
    return {**({"description": printable(state)} if state != node else {}), "on": on}


def _transition(move: Move) -> dict[str, Any]:
    row = move.row
    transition = {
        "target": move.target,
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
