"""SVG: each state has its place, and an edge that is not straight has its corners (`layout.py`).

Colours are variables: light, dark if the reader's system is dark, and either if the page has `data-theme`. Ids are stable and
begin with the name of the picture, so that both pictures fit into one page.
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise
from math import inf
from textwrap import wrap
from xml.sax.saxutils import escape

from cobrowse_session.diagrams.dot import width
from cobrowse_session.diagrams.graph import STAYS, Annotation, Edge, Graph, Group, Node
from cobrowse_session.diagrams.layout import STAYS_LINE, Layout, layout_of, stays_at
from cobrowse_session.diagrams.markdown import LEGEND
from cobrowse_session.diagrams.shapes import (
    BOLD,
    FONTS,
    REGULAR,
    Place,
    Point,
    fitting,
    head,
    hexagon,
    polyline,
    rect,
    straight,
    text,
    themed,
)
from cobrowse_session.printable import printable

_RULES = """\
#ID text { font: 14px FONTS; fill: currentColor; text-anchor: middle; }
#ID .paper { fill: var(--paper); }
#ID .heading { font-size: 16px; font-weight: 600; text-anchor: start; }
#ID .about, #ID .note { font-size: 13px; fill: var(--soft); text-anchor: start; }
#ID .note.refused { fill: var(--refused); }
#ID .frame { fill: none; stroke: var(--soft); stroke-opacity: 0.6; }
#ID .node rect, #ID .node path { fill: var(--plain); stroke: var(--soft); stroke-width: 1.5; }
#ID .node text { font-weight: 600; }
#ID .question text { font-weight: 400; }
#ID .pending rect { fill: var(--pending-fill); stroke: var(--pending); }
#ID .live rect { fill: var(--live-fill); stroke: var(--live); stroke-width: 2.5; }
#ID .final rect { fill: var(--final-fill); stroke: var(--final); }
#ID .any text { font-weight: 400; font-style: italic; }
#ID .edge path { fill: none; stroke: currentColor; stroke-width: 1.5; }
#ID .edge text { font-size: 13px; paint-order: stroke; stroke: var(--paper); stroke-width: 5px; stroke-linejoin: round; }
#ID .edge text.guard { fill: var(--soft); }
#ID .edge .head { fill: currentColor; stroke: none; }
#ID .answer { color: var(--soft); }
#ID .deadline .route { stroke-dasharray: 7 4; }
#ID .clock { fill: var(--paper); stroke: currentColor; stroke-width: 1.3; }
#ID .start { fill: currentColor; }
#ID .frame-name { fill: var(--soft); font-style: italic; }
#ID .mark { font-weight: 700; fill: var(--live); }
#ID .ring { font-size: 18px; }
#ID .taken .route, #ID .taken rect, #ID .taken .shape { stroke-width: 3; }
#ID .faint, #ID .never { opacity: 0.62; color: var(--ink); }
#ID .faint text, #ID .never text, #ID .faint text.guard, #ID .never text.guard { fill: currentColor; }
#ID .faint .route, #ID .faint .head, #ID .faint rect, #ID .faint .shape { opacity: 0.6; }
#ID .never .route, #ID .never rect, #ID .never .shape { stroke-dasharray: 2 4; }
#ID .node .annotation { font-size: 12px; font-weight: 400; fill: var(--soft); }
#ID .node .refused { fill: var(--refused); }
"""
_MORE_RULES = """\
#ID .stays text { font-size: 12px; stroke: none; }
#ID .chip text { font-size: 12px; }
"""
"""For what the standard pictures do not have."""


# --- The printer --------------------------------------------------------------------------------------------------------------


def svg(graph: Graph, name: str | None = None) -> str:
    """Print a graph as a drawing.

    Args:
        graph: the picture.
        name: its id, and the beginning of all ids in it. None: the name of the picture.
    """
    return "\n".join(_lines(graph, layout_of(graph), name or graph.name)) + "\n"


def _lines(graph: Graph, layout: Layout, name: str) -> Iterator[str]:
    about, legend = (wrap(line, layout.width // 7) for line in (graph.about, " ".join(_legend(graph))))
    head = 44 + 18 * len(about) + 15 * any(edge.badge for edge in graph.edges)  # a path adds a line to the label at the top
    below = head + layout.height + 8
    notes = [(line, note.refused) for note in graph.notes for line in wrap(printable(note.tooltip), layout.width // 7)]
    height = below + 18 * (len(legend) + len(notes)) + (14 if notes else 6)
    size = f'viewBox="0 0 {layout.width} {height}" width="{layout.width}" height="{height}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" id="{name}" {size} role="img" aria-labelledby="{name}-title {name}-desc">'
    yield f'<title id="{name}-title">{escape(printable(graph.title))}</title>'
    yield f'<desc id="{name}-desc">{escape(printable(graph.description))}</desc>'
    loops = stays_at(graph)
    rules = _RULES + (_MORE_RULES if loops or layout.chips else "")
    yield f"<style>\n{themed(name, rules.replace('FONTS', FONTS))}</style>"
    yield f'<rect class="paper" width="{layout.width}" height="{height}" rx="12"/>'
    yield text(graph.title, 20, 26, "heading")
    yield from (text(line, 20, 50 + 18 * number, "about") for number, line in enumerate(about))
    yield f'<g transform="translate(0 {head})">'
    for group in graph.groups:
        yield from _frame(name, group, layout.places[group.id])
        yield from _stays(name, loops.get(group.id, ()), layout.places[group.id], -8)
    yield from _start(layout, layout.places[graph.initial])
    # The drawn way lies under the boxes, so that a line that touches one ends at its border.
    frames = {group.id for group in graph.groups}
    yield from (line for edge in graph.edges if edge.kind != "stays" for line in _edge(name, edge, layout, frames))
    yield from _chips(graph, layout.chips)
    for node in graph.nodes:
        yield from _node(name, node, layout.places[node.id], loops.get(node.id, ()))
    yield "</g>"
    for number, (line, refused) in enumerate(notes):
        yield text(line, 20, below + 18 * number, "note refused" if refused else "note")
    for number, line in enumerate(legend):
        yield text(line, 20, below + 18 * (len(notes) + number) + (8 if notes else 0), "about")
    yield "</svg>"


def _legend(graph: Graph) -> Iterator[str]:
    """Return the legend of the signs in the picture."""
    yield "Dashed, with a clock: a deadline. Double border: ended."
    if graph.groups:
        yield "An arrow at a frame: every state inside."
    if any(edge.kind == "stays" for edge in graph.edges):
        yield f"{STAYS}: it is applied, and the state stays."
    if any("[" in line for edge in graph.edges for line in edge.label):
        yield "[ ]: what must hold; else: where nothing before it did."
    if any(node.kind == "any" for node in graph.nodes):
        yield f"Oval: every state, or every state but the arrow's target{' and its frame' if graph.groups else ''}."
    if not graph.notes:
        yield "What changes no state has no arrow."
    used = " ".join(note.label for note in graph.notes)
    yield from (f"{sign}: {meaning}." for sign, meaning in LEGEND if f" {sign} " in used)


def _frame(name: str, group: Group, place: Place) -> Iterator[str]:
    yield f'<g id="{name}-{group.id}-frame">{rect(place, 14, "frame")}'
    yield f'<text class="frame-name" x="{place.x:g}" y="{place.top + 17:g}">{escape(group.label)}</text></g>'


def _start(layout: Layout, first: Place) -> Iterator[str]:
    x, y = layout.start
    yield f'<circle class="start" cx="{x:g}" cy="{y:g}" r="6"/>'
    yield f'<g class="edge"><path class="route" d="M{x + 6:g} {y:g}H{first.left - 7:g}"/>{head((x, y), (first.left, y))}</g>'


def _chips(graph: Graph, chips: Mapping[str, Place]) -> Iterator[str]:
    """Yield a small box beside a question for an answer whose line would cross others. It names the state."""
    nodes = {node.id: node for node in graph.nodes}
    for edge in graph.edges:
        if place := chips.get(edge.id):
            node = nodes[edge.target]
            label = " ".join(node.label).partition(":")[0]
            size = fitting(label, 12, place.width - 8, BOLD)
            yield f'<g class="node chip {node.kind} {edge.emphasis}">{rect(place, 6)}'
            yield f"{text(label, place.x, place.y, size=size)}</g>"


def _stays(name: str, edges: Sequence[Edge], place: Place, lift: float = 0) -> Iterator[str]:
    """Yield the events by which the state stays: lines at the lower end of a box or frame, as in a list."""
    lines = [len(edge.label) + bool(edge.badge) for edge in edges]
    y = place.bottom + lift - STAYS_LINE * sum(lines)
    for edge, count in zip(edges, lines, strict=True):
        yield f'<g id="{name}-{edge.id}" class="edge {edge.kind} {edge.emphasis}">'
        yield f"<title>{escape(printable(edge.tooltip))}</title>"
        labels: list[str] = [*edge.label, *([edge.badge] if edge.badge else [])]
        for number, line in enumerate(labels):
            kind = "mark" if number == len(edge.label) else ""
            yield text(
                line, place.x, y + STAYS_LINE * number, kind, fitting(line, 12, place.width - 12, BOLD if kind else REGULAR)
            )
        yield "</g>"
        y += STAYS_LINE * count


def _node(name: str, node: Node, place: Place, loops: Sequence[Edge]) -> Iterator[str]:
    yield f'<g id="{name}-{node.id}" class="node {node.kind} {node.emphasis}">'
    if node.tooltip:
        yield f"<title>{escape(printable(node.tooltip))}</title>"
    if node.kind == "question":
        yield f'<path class="shape" d="{hexagon(place)}"/>'
    else:
        yield rect(place, place.height / 2 if node.kind == "any" else 10)
    if node.kind == "final":  # a double ring
        yield rect(Place(place.x, place.y, place.width - 8, place.height - 8), 7)
    room = place.width - (20 if node.kind == "final" else 12)
    lines = _fitted(node, room)
    taken = STAYS_LINE * sum(len(edge.label) + bool(edge.badge) for edge in loops)
    annotations = node.annotations[: max(0, int((place.height - taken - 18 * len(lines) - 8) // 18))]
    more = f"  +{len(node.annotations) - len(annotations):,}" if len(annotations) < len(node.annotations) else ""
    top = place.y - taken / 2 - 9 * (len(lines) + len(annotations) - 1)
    for number, line in enumerate([*lines[:-1], lines[-1] + more]):
        yield text(line, place.x, top + 18 * number, size=fitting(line, 14, room, BOLD))
    for number, annotation in enumerate(annotations, len(lines)):
        yield from _annotation(annotation, place.x, top + 18 * number, room)
    yield "</g>"
    below = top + 18 * (len(lines) + len(annotations)) - 9 + taken
    yield from _stays(name, loops, Place(place.x, below / 2, room, below), 8)


def _fitted(node: Node, room: float) -> tuple[str, ...]:
    """The lines of a node. A count that does not fit behind the label has a line of its own."""
    fits = fitting(node.lines[-1], 14, room, BOLD) is None
    return node.lines if fits or not node.badge else (*node.label, node.badge)


def _annotation(annotation: Annotation, x: float, y: float, room: float) -> Iterator[str]:
    """Return the mark of an event that led nowhere. Its reason is below the picture."""
    yield f"<g><title>{escape(printable(annotation.tooltip))}</title>"
    size = fitting(annotation.label, 12, room, REGULAR)
    yield text(annotation.label, x, y, "annotation refused" if annotation.refused else "annotation", size)
    yield "</g>"


def _edge(name: str, edge: Edge, layout: Layout, frames: AbstractSet[str]) -> Iterator[str]:
    route = layout.corners.get(edge.id) or straight(layout.places[edge.source], layout.places[edge.target])
    wide = f' style="stroke-width: {width(edge.count):g}"' if edge.count else ""
    yield f'<g id="{name}-{edge.id}" class="edge {edge.kind} {edge.emphasis}">'
    if edge.tooltip:
        yield f"<title>{escape(printable(edge.tooltip))}</title>"
    drawn = _through_frames(edge, route, layout.places, frames)
    yield f'<path class="route" d="{polyline(drawn)}"{wide}/>{head(drawn[-2], drawn[-1])}'
    yield from _label(edge, layout.spans.get(edge.id) or _longest(route))
    yield "</g>"


def _through_frames(
    edge: Edge, route: tuple[Point, ...], places: Mapping[str, Place], frames: AbstractSet[str]
) -> tuple[Point, ...]:
    """Return a route that goes on through a frame: from the state inside that it left, to the one that it came to."""
    # Example: the edge from the frame of pending states to connected, by a leg that was alerting. x goes right and y goes down.
    #
    #     as it is drawn without a path   (465, 180) (610, 180)
    #     from `alerting` inside          (450, 348) (462, 348) (462, 180) (610, 180)
    #
    # (450, 348) is the right border of `alerting`. The line goes 3 pixels short of the frame's border, up to the height of the
    # edge, and on. If a session took the edge twice from different states, `taken` is None and the line begins at the frame.
    if edge.taken is None or edge.source == edge.target:
        return route
    source, target = (places.get(state) for state in edge.taken)
    if source and edge.source in frames and route[0][0] == places[edge.source].right:
        x, y = route[0][0] - 3, route[0][1]
        route = ((source.right, source.y), (x, source.y), (x, y), *route[1:])
    if target and edge.target in frames and route[-1][0] == places[edge.target].left:
        x, y = route[-1][0] + 3, route[-1][1]
        route = (*route[:-1], (x, y), (x, target.y), (target.left, target.y))
    return route


def _longest(route: tuple[Point, ...]) -> tuple[Point, Point]:
    return max(pairwise(route), key=lambda part: abs(part[0][0] - part[1][0]) + abs(part[0][1] - part[1][1]))


def _label(edge: Edge, part: tuple[Point, Point]) -> Iterator[str]:
    """Return a label above a part of the line, or beside it if that is vertical."""
    (x1, y1), (x2, y2) = part
    upright = abs(x1 - x2) < abs(y1 - y2)
    lines = [(line, "guard" if number and edge.kind != "deadline" else "") for number, line in enumerate(edge.label)]
    if edge.badge and upright and len(lines) == 1:  # a short route down has room for one line
        lines = [(f"{edge.label[0]} {edge.badge}", "")]
    elif edge.badge:
        lines.insert(0, (edge.badge, "mark"))
    top = (y1 + y2) / 2 - 7.5 * (len(lines) - 1) if upright else min(y1, y2) - 15 * len(lines) + 3
    longest = max((len(line) for line, _ in lines), default=0)
    x = (x1 + x2) / 2 + (12 + 3.5 * longest if upright else 0)
    bound = (edge.count or edge.kind == "answer") and edge.source != edge.target and not upright
    between = abs(x1 - x2) - 12 if bound else inf
    for number, (line, kind) in enumerate(lines):
        yield text(line, x, top + 15 * number, kind, fitting(line, 13, between, BOLD if kind == "mark" else REGULAR))
    if edge.kind == "deadline":
        cx, cy = x - 3.6 * longest - 16, top + 15 * (len(lines) - 1)
        yield f'<circle class="clock" cx="{cx:g}" cy="{cy:g}" r="7"/><path d="M{cx:g} {cy - 4:g}V{cy:g}H{cx + 3:g}"/>'
