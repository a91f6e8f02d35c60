"""DOT, for Graphviz: transparent, in greys and strokes that can be read on white and on black."""

from collections.abc import Iterator, Mapping

from cobrowse_session.diagrams.graph import CLOCK, Edge, Graph, Node
from cobrowse_session.printable import printable

INK = "#7a828e"
_STROKES = {"pending": "#b7791f", "live": "#2da44e", "final": "#3b82f6"}
_SHAPES = {"initial": "box", "question": "hexagon", "any": "plaintext"}
_LOOKS = {"plain": "solid", "taken": "bold", "faint": "dotted", "never": "dashed"}
REFUSED = "#e5534b"


def dot(graph: Graph) -> str:
    """Print a graph in DOT."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    yield f"digraph {_quoted(graph.name)} {{"
    yield f"  // {printable(graph.description)}"
    direction = "LR" if graph.name == "connection" else "TB"
    yield f"  graph [rankdir={direction}, compound=true, bgcolor=transparent, tooltip={_quoted(graph.title)},"
    yield f'         fontname="sans-serif", fontcolor="{INK}", color="{INK}", nodesep=0.35, ranksep=0.7]'
    yield f'  node [shape=box, style=rounded, fontname="sans-serif", fontsize=12, color="{INK}", fontcolor="{INK}"]'
    yield f'  edge [fontname="sans-serif", fontsize=10, color="{INK}", fontcolor="{INK}"]'
    if graph.notes:
        yield f"  label={_quoted(*(note.tooltip for note in graph.notes))}; labelloc=b"
    yield f'  start [shape=circle, width=0.15, style=filled, fillcolor="{INK}", label=""]'
    yield from (f"  {_node(node)}" for node in graph.nodes if node.group is None)
    for group in graph.groups:
        yield f"  subgraph cluster_{group.id} {{"
        yield f"    label={_quoted(group.label)}; style=rounded"
        loops = any(
            edge.source == edge.target == group.id for edge in graph.edges
        )  # a frame's edge to itself turns around its point
        yield f"    {_quoted(group.id)} [shape=point, width=0.05{'' if loops else ', style=invis'}]"
        yield from (f"    {_node(node)}" for node in graph.nodes if node.group == group.id)
        yield "  }"
    yield f"  start -> {_quoted(graph.initial)}"
    yield from (f"  {_edge(graph, edge)}" for edge in graph.edges)
    for node in graph.nodes:
        for number, annotation in enumerate(node.annotations, 1):
            color = REFUSED if annotation.refused else INK
            name = _quoted(f"{node.id} annotation {number}")
            yield f'  {name} [shape=plaintext, fontsize=10, fontcolor="{color}", label={_quoted(annotation.label)}]'
            yield f'  {_quoted(node.id)} -> {name} [color="{color}", arrowhead={"tee" if annotation.refused else "none"}]'
    yield "}"


def _node(node: Node) -> str:
    given: dict[str, str | tuple[str, ...]] = {"label": node.lines}
    given |= {"shape": _SHAPES[node.kind]} if node.kind in _SHAPES else {}
    given |= {"peripheries": "2"} if node.kind == "final" else {}
    given |= {"color": _STROKES[node.kind]} if node.kind in _STROKES else {}
    given |= {"style": f"rounded,{_LOOKS[node.emphasis]}"} if node.emphasis != "plain" else {}
    given |= {"tooltip": node.tooltip} if node.tooltip else {}
    return f"{_quoted(node.id)} [{_attributes(given)}]"


def _edge(graph: Graph, edge: Edge) -> str:
    clock = f"{CLOCK} " if edge.kind == "deadline" else ""
    frames = [group.id for group in graph.groups]
    first, *others = [edge.badge, *edge.label] if edge.badge else edge.label or ("",)
    given: dict[str, str | tuple[str, ...]] = {"id": edge.id, "label": (f"{clock}{first}", *others)}
    given |= {"weight": "9"} if edge.label == ("no",) else {}  # a ladder stands upright
    if edge.source != edge.target:
        # In DOT an edge joins nodes, not frames. So each frame has a point inside, of the frame's name. The edge is drawn to the
        # point, and `ltail` and `lhead` cut it at the border of the frame (with `compound=true`).
        given |= {"ltail": f"cluster_{edge.source}"} if edge.source in frames else {}
        given |= {"lhead": f"cluster_{edge.target}"} if edge.target in frames else {}
    style = "dashed" if edge.kind == "deadline" and edge.emphasis == "plain" else _LOOKS[edge.emphasis]
    given |= {"style": style} if style != "solid" else {}
    given |= {"penwidth": f"{width(edge.count):g}"} if edge.count else {}
    given |= {"edgetooltip": edge.tooltip} if edge.tooltip else {}
    return f"{_quoted(edge.source)} -> {_quoted(edge.target)} [{_attributes(given)}]"


def width(count: int) -> float:
    """Return the width of an edge that was taken so often. Each tenfold adds half a point."""
    return 2 + len(str(count)) / 2


def _attributes(given: Mapping[str, str | tuple[str, ...]]) -> str:
    return ", ".join(f"{name}={_quoted(*((value,) if isinstance(value, str) else value))}" for name, value in given.items())


def _quoted(*lines: str) -> str:
    """Return a string of DOT. Graphviz reads HTML entities in it."""
    return '"' + "\\n".join(map(_escaped, lines)) + '"'


def _escaped(line: str) -> str:
    return printable(line).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
