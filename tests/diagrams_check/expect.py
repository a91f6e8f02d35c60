"""Print every diagram, the ways too, and beside them what the machines do, for tools that are not ours to read and compare."""

import json
import sys
from pathlib import Path
from typing import Any

from cobrowse_session.diagrams import FORMATS, PICTURES, WITH_WAY, Picture, Way, perfetto, render, timeline
from cobrowse_session.diagrams.__main__ import main as print_all
from cobrowse_session.diagrams.graph import graph_of, moves_of
from cobrowse_session.edge.replay import read_events, replay
from cobrowse_session.model import FOREVER
from cobrowse_session.wire.trace import trace_rows

EVENTS = Path(__file__).parents[2] / "examples" / "events.jsonl"


def main(directory: str) -> None:
    """Write everything into a directory."""
    folder = Path(directory)
    print_all(directory)
    with EVENTS.open("rb") as file:
        logs = replay(read_events(file, print), until=FOREVER)
    trace = [row for log in logs for row in trace_rows(log.trace)]
    sessions = [None, *dict.fromkeys(row["session"] for row in trace)]
    for picture in PICTURES:
        for format_ in WITH_WAY:
            for session in sessions:
                name = f"{picture}-{session or 'stream'}.way.{FORMATS[format_]}"
                (folder / name).write_text(render(picture, format_, way=Way.of(trace, session)), encoding="utf-8")
    for log in logs:
        (folder / f"timeline-{log.session_id}.svg").write_text(timeline(log.folded), encoding="utf-8")
    (folder / "replay.perfetto.json").write_text(perfetto(logs), encoding="utf-8")
    expected = {picture: _expected(picture) for picture in PICTURES}
    (folder / "expected.json").write_text(json.dumps(expected, indent=1), encoding="utf-8")


def _expected(picture: Picture) -> dict[str, Any]:
    graph = graph_of(picture)
    return {
        "title": graph.title,
        "description": graph.description,
        "initial": graph.initial,
        "states": [node.id for node in graph.nodes if node.id in {move.source for move in moves_of(picture)}],
        "frames": [group.id for group in graph.groups],
        "edges": [
            {"id": edge.id, "source": edge.source, "target": edge.target, "label": list(edge.label)} for edge in graph.edges
        ],
        "moves": [
            {
                "event": move.event,
                "source": move.source,
                "target": move.target,
                "row": move.row.name,
                "guards": [guard.__name__ for guard in move.row.when],
                "actions": [stamp.__name__ for stamp in move.row.then],
            }
            for move in moves_of(picture)
        ],
    }


if __name__ == "__main__":
    main(sys.argv[1])
