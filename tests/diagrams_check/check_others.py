"""Graphviz and python-statemachine read what was printed: python check_others.py DIRECTORY, in an environment that has both."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from statemachine.io.scxml.processor import SCXMLProcessor  # type: ignore[import-not-found]  # installed by `make diagrams-check` only


def main(directory: str) -> None:
    """Compare everything in the directory with what is expected of it."""
    folder = Path(directory)
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    for picture, told in expected.items():
        _check_dot(folder, picture, told)
        _check_scxml(folder / f"{picture}.scxml", told)


def _check_dot(folder: Path, picture: str, told: dict[str, Any]) -> None:
    edges = sorted((edge["id"], edge["source"], edge["target"], edge["label"]) for edge in told["edges"])
    read = sorted(_edges(folder / f"{picture}.dot"))
    assert read == edges, (read, edges)
    ways = sorted(folder.glob(f"{picture}-*.way.dot"))
    for way in ways:
        assert [edge[:3] for edge in sorted(_edges(way))] == [edge[:3] for edge in edges], way
    print(f"dot      {picture}: {len(edges)} edges, {len(ways)} ways")  # noqa: T201 (a script)


def _edges(path: Path) -> list[tuple[str, str, str, list[str]]]:
    """The edges as `dot` itself understands them; where it drew them, frames and all, without a word of complaint."""
    done = subprocess.run(["dot", "-Tjson", path], check=True, capture_output=True, text=True)
    assert done.stderr == "", done.stderr
    graph = json.loads(done.stdout)
    names = {one["_gvid"]: one["name"] for one in graph["objects"]}
    return [
        (edge["id"], names[edge["tail"]], names[edge["head"]], _label(edge["label"])) for edge in graph["edges"] if "id" in edge
    ]


def _label(text: str) -> list[str]:
    return text.removeprefix("◷ ").split("\\n") if text else []


def _check_scxml(path: Path, told: dict[str, Any]) -> None:
    processor = SCXMLProcessor(trusted=False)
    processor.parse_scxml(path.stem, path.read_text(encoding="utf-8"))
    (machine,) = processor.scs.values()
    read = [
        (state.id, transition.event, transition.target.id if transition.target else None)
        for state in machine.states
        for transition in state.transitions
    ]
    order = {state: place for place, state in enumerate(told["states"])}
    moves = sorted(((move["source"], move["event"], move["target"]) for move in told["moves"]), key=lambda move: order[move[0]])
    assert read == moves, (read, moves)
    assert [state.id for state in machine.states if state.initial] == [told["initial"]]
    print(f"scxml    {path.stem}: {len(read)} transitions")  # noqa: T201 (a script)


def check_a_run(folder: Path) -> None:
    """A leg's life, as python-statemachine runs it."""
    processor = SCXMLProcessor(trusted=False)
    processor.parse_scxml("connection", (folder / "connection.scxml").read_text(encoding="utf-8"))
    (machine,) = processor.scs.values()
    leg = machine()
    lived = []
    for event in ("offering", "alerting", "connected", "alerting", "disconnected", "connected", "terminated"):
        leg.send(event)
        lived += [state.id for state in leg.configuration]
    assert lived == ["offering", "alerting", "connected", "connected", "disconnected", "disconnected", "terminated"], lived
    print("scxml    a leg's life")  # noqa: T201 (a script)


if __name__ == "__main__":
    main(sys.argv[1])
    check_a_run(Path(sys.argv[1]))
