"""Print every diagram, the ways too, and beside them what the machines do, for tools that are not ours to read and compare."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.own_tables import TABLES

from cobrowse_session import Lifecycle, SessionLog
from cobrowse_session.diagrams import FORMATS, PICTURES, WITH_PATH, Picture, TracePath, perfetto, render, timeline
from cobrowse_session.diagrams.__main__ import main as print_all
from cobrowse_session.diagrams.graph import graph_of, moves_of
from cobrowse_session.io.replay import read_events, replay
from cobrowse_session.lifecycle.row import name_of
from cobrowse_session.tables import Table
from cobrowse_session.testing import stream
from cobrowse_session.times import MAX_TIME
from cobrowse_session.wire.trace import trace_entry

HOSTILE = 'x"];\n--> ]]> %%{init}%% <b>&#10; #8238; `*_| \\ \x00\x1b[31m\u202e\ufffe'
"""An id that breaks what is not escaped."""
EVENTS = Path(__file__).parents[2] / "examples" / "events.jsonl"


def main(directory: str) -> None:
    """Write everything into a directory."""
    folder = Path(directory)
    print_all(directory)
    with EVENTS.open("rb") as file:
        logs = replay(read_events(file, print), until=MAX_TIME)
    trace = [row for log in logs for row in map(trace_entry, log.trace)]
    sessions = [None, *dict.fromkeys(row["session"] for row in trace)]
    hostile = [{**row, "session": HOSTILE, "at": f"{row['at']}{HOSTILE}"} for row in trace if row["session"] == "emil"]
    ways = {session or "stream": TracePath.of(trace, session) for session in sessions} | {
        "hostile": TracePath.of(hostile, HOSTILE)
    }
    for picture in PICTURES:
        for format_ in WITH_PATH:
            for name, way in ways.items():
                path = folder / f"{picture}-{name}.way.{FORMATS[format_]}"
                path.write_text(render(picture, format_, path=way), encoding="utf-8")
    for name, log in {**{log.session_id: log for log in logs}, "hostile": _hostile_log()}.items():
        (folder / f"timeline-{name}.svg").write_text(timeline(log), encoding="utf-8")
    (folder / "replay.perfetto.json").write_text(perfetto(logs), encoding="utf-8")
    expected: dict[str, Any] = {picture: _expected(picture, Table.standard()) for picture in PICTURES}
    for name, table in TABLES.items():
        for picture in PICTURES:
            if table is Table.standard() or graph_of(picture, table).edges == graph_of(picture).edges:
                continue
            stem = f"{name.replace(' ', '_')}-{picture}"
            expected[stem] = _expected(picture, table)
            for format_, suffix in FORMATS.items():
                (folder / f"{stem}.{suffix}").write_text(render(picture, format_, table=table), encoding="utf-8")
    (folder / "expected.json").write_text(json.dumps(expected, indent=1), encoding="utf-8")


def _hostile_log() -> SessionLog:
    """A session of hostile words, with equal events in a row."""
    events = stream(HOSTILE).connected(peer_id=HOSTILE)
    for number in range(12):
        events = events.after(1).updated(viewer_url=f"{number}")
    log = SessionLog(Lifecycle(), HOSTILE)
    for event in events.after(1).disconnected(HOSTILE).after(1).wrapup(HOSTILE, name=HOSTILE):
        log.add(event)
    return log


def _expected(picture: Picture, table: Table) -> dict[str, Any]:
    graph, moves = graph_of(picture, table), moves_of(picture, table)
    return {
        "title": graph.title,
        "description": graph.description,
        "initial": graph.initial,
        "states": [*graph.ids.values()],
        "frames": [group.id for group in graph.groups],
        "edges": [
            {
                "id": edge.id,
                "source": edge.source,
                "target": edge.target,
                "label": list(edge.label),
            }
            for edge in graph.edges
        ],
        "moves": [
            {
                "event": move.event,
                "source": graph.ids[move.source],
                "target": move.target and graph.ids[move.target],
                "row": move.row.name,
                "guards": [name_of(guard) for guard in move.row.guards],
                "actions": [name_of(stamp) for stamp in move.row.actions],
            }
            for move in moves
        ],
    }


if __name__ == "__main__":
    main(sys.argv[1])
