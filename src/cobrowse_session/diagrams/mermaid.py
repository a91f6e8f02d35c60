"""Mermaid, as code hosts render it: `stateDiagram-v2`. It is legible in light and dark, because only strokes have colours.

Mermaid lets labels of neighbouring edges overlap and gives edges no style. So an event is a small box between two edges. Only
loops, answers to questions, and edges within one frame have labels.
"""

from collections.abc import Iterator

from cobrowse_session.diagrams.graph import CLOCK, Edge, Graph, Node
from cobrowse_session.printable import printable

_CLASSES = {
    "initial": "stroke:#6e7781,stroke-width:2px",
    "pending": "stroke:#b7791f,stroke-width:2px",
    "live": "stroke:#2da44e,stroke-width:2px",
    "ended": "stroke:#6e7781,stroke-width:2px",
    "final": "stroke:#3b82f6,stroke-width:4px",
    "any": "stroke:#6e7781,stroke-dasharray:2 3",
    "event": "fill:transparent,stroke:transparent",
    "deadline": "fill:transparent,stroke:#6e7781,stroke-dasharray:6 4",
    "taken": "stroke-width:4px,font-weight:bold",
    "faint": "opacity:0.65",
    "never": "opacity:0.75,stroke:#6e7781,stroke-dasharray:2 4",
    "refused": "fill:transparent,stroke:#e5534b,color:#e5534b,stroke-width:2px",
    "noted": "fill:transparent,stroke-dasharray:2 3",
}
"""Every stroke stands out at least 3:1 on white and on black."""


def mermaid(graph: Graph) -> str:
    """Print a graph as a Mermaid diagram."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    # Example: the edge from the pending states to connected is a box and two edges without labels.
    #
    #     state "connected" as pending__connected
    #     pending_states --> pending__connected
    #     pending__connected --> connected
    #
    # The edge from disconnected to terminated is within one frame, and stays an edge with a label.
    boxes = [edge for edge in graph.edges if _is_box(graph, edge)]
    yield "stateDiagram-v2"
    yield f"    accTitle: {_line(graph.title)}"
    yield f"    accDescr: {_line(graph.description)}"
    yield f"    direction {'LR' if graph.name == 'connection' else 'TB'}"
    yield ""
    yield from (f"    {_state(node)}" for node in graph.nodes if node.group is None)
    for group in graph.groups:
        yield f'    state "{group.label}" as {group.id}_states {{'
        yield from (f"        {_state(node)}" for node in graph.nodes if node.group == group.id)
        yield "    }"
    yield from (f'    state "{_label(edge)}" as {_box(edge)}' for edge in boxes)
    yield ""
    yield f"    [*] --> {_id(graph.initial)}"
    for edge in graph.edges:
        source, target = _end(graph, edge.source), _end(graph, edge.target)
        if edge in boxes:
            yield f"    {source} --> {_box(edge)}"
            yield f"    {_box(edge)} --> {target}"
        else:
            yield f"    {source} --> {target}" + (f" : {_label(edge)}" if edge.label else "")
    yield from (f"    {_id(node.id)} --> [*]" for node in graph.nodes if node.kind == "final")
    yield from _annotations(graph)
    yield ""
    styled = dict(_styled(graph, boxes))
    yield from (f"    classDef {name} {style}" for name, style in _CLASSES.items() if name in styled.values())
    yield from (f"    class {name} {style}" for (name, _), style in styled.items() if style in _CLASSES)


def _is_box(graph: Graph, edge: Edge) -> bool:
    frame = {node.id: node.group or node.id for node in graph.nodes}
    return edge.kind != "answer" and frame.get(edge.source, edge.source) != frame.get(edge.target, edge.target)


def _box(edge: Edge) -> str:
    return _id(edge.id)


def _id(name: str) -> str:
    return name.replace("-", "__")


def _state(node: Node) -> str:
    return f'state "{_joined(*node.lines)}" as {_id(node.id)}'


def _end(graph: Graph, name: str) -> str:
    return f"{name}_states" if any(group.id == name for group in graph.groups) else _id(name)


def _label(edge: Edge) -> str:
    return (f"{CLOCK} " if edge.kind == "deadline" else "") + _joined(edge.badge, *edge.label)


def _joined(*lines: str) -> str:
    return "<br/>".join(_text(line) for line in lines if line)


def _annotations(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        for number, annotation in enumerate(node.annotations, 1):
            yield f'    state "{_text(annotation.label)}" as {_id(node.id)}__annotation_{number}'
            yield f"    {_id(node.id)} --> {_id(node.id)}__annotation_{number}"


def _styled(graph: Graph, boxes: list[Edge]) -> Iterator[tuple[tuple[str, str], str]]:
    """Return the nodes of each style. A style of its own comes after its kind."""
    for node in graph.nodes:
        yield (_id(node.id), "kind"), node.kind
        yield (_id(node.id), "look"), node.emphasis
        for number, annotation in enumerate(node.annotations, 1):
            yield (f"{_id(node.id)}__annotation_{number}", "kind"), "refused" if annotation.refused else "noted"
    for edge in boxes:
        yield (_box(edge), "kind"), edge.kind
        yield (_box(edge), "look"), edge.emphasis


def _text(text: str) -> str:
    """Return the text with entities for what Mermaid, its Markdown or HTML would read as their own signs."""
    return "".join(f"#{ord(sign)};" if sign in '#;:"<>&%`*\\' else sign for sign in printable(text))


def _line(text: str) -> str:
    """Return a text that takes the rest of its line. Mermaid looks for entities and for directives, `%%{`, in it."""
    return printable(text).replace("#", "#35;").replace("%", "#37;").strip()
