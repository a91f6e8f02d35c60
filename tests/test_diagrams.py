"""The diagrams say what the rows say: every format is read back, and what it shows is what the machines do."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from attrs import evolve, frozen
from examples.tables import draw
from markdown_it import MarkdownIt
from tests.own_tables import LIVE, NAMED, NAMES, NAMES_OF_WORK, TABLES, table_by_chance
from tests.tables import table_of

from cobrowse_session import Lifecycle, SessionLog
from cobrowse_session.diagrams import FORMATS, PICTURES, Picture, TracePath, render
from cobrowse_session.diagrams.dot import dot
from cobrowse_session.diagrams.graph import LONGEST, STAYS, Edge, Graph, Group, Move, Node, graph_of, is_refusal, moves_of
from cobrowse_session.diagrams.layout import layout_of
from cobrowse_session.diagrams.mermaid import _CLASSES, mermaid
from cobrowse_session.diagrams.paths import with_path
from cobrowse_session.diagrams.shapes import DARK, LIGHT, REGULAR, Place
from cobrowse_session.diagrams.svg import svg
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.guards import has_changes
from cobrowse_session.lifecycle.row import Row, name_of, refused
from cobrowse_session.lifecycle.states import CLOSED, NOT_YET_CONNECTED
from cobrowse_session.lifecycle.table import CONNECTION, LEG_ENDED
from cobrowse_session.tables import Entered
from cobrowse_session.testing import stream
from cobrowse_session.wire.trace import trace_entry

ROOT = Path(__file__).parents[1]
SVG = "{http://www.w3.org/2000/svg}"
SCXML = "{http://www.w3.org/2005/07/scxml}"
BY_ROW = "{urn:cobrowse-session:row}"

Ends = tuple[str, str]


@pytest.fixture(params=[(picture, name) for name in TABLES for picture in PICTURES], ids=" ".join)
def graph(request: pytest.FixtureRequest) -> Graph:
    picture, name = request.param
    return graph_of(picture, TABLES[name])


# --- The graph is what the machines do ----------------------------------------------------------------------------------------


def test_everything_that_moves_is_on_exactly_one_edge(graph: Graph) -> None:
    drawn = Counter(move.key for edge in graph.edges for move in edge.moves if move.target)

    assert drawn == Counter(move.key for move in _moves(graph) if move.target and _can_happen(move, graph))


@pytest.mark.parametrize("name", TABLES)
def test_the_ladder_asks_every_row_of_the_end_in_its_order(name: str) -> None:
    graph = graph_of("after-call-work", TABLES[name])
    asked = [edge.moves[0].row.name for edge in graph.edges if edge.kind == "answer" and edge.moves]
    rows = [
        move.row.name for move in moves_of("after-call-work", TABLES[name]) if move.event == LEG_ENDED and move.source == "absent"
    ]

    assert asked == rows
    assert [node.label[0].split()[0] for node in graph.nodes if node.kind == "question"] == [
        str(number) for number in range(1, len(rows) + 1)
    ]


def test_refusals_are_no_edges(graph: Graph) -> None:
    assert not [move for edge in graph.edges for move in edge.moves if is_refusal(move.row)]


def test_an_edge_of_a_frame_holds_for_every_state_inside(graph: Graph) -> None:
    ovals = {node.id for node in graph.nodes if node.kind == "any"}
    for edge in graph.edges:
        if edge.kind in ("event", "deadline") and edge.moves and edge.source not in ovals:
            ends = {(move.source, _place(move.target)) for move in edge.moves}
            sources = ("absent",) if edge.source == "stays_absent" else graph.members(edge.source)
            assert ends == {(a, b) for a in sources for b in graph.members(edge.target) if a != b}, edge.id


def _place(state: str | None) -> str:
    return "stays_absent" if state == "absent" else str(state)


def test_every_event_of_an_edge_of_a_frame_holds_for_every_state_inside(graph: Graph) -> None:
    for edge in graph.edges:
        if edge.kind == "event" and len(members := graph.members(edge.source)) > 1:
            for event in {move.event for move in edge.moves}:
                some = [move for move in edge.moves if move.event == event]
                assert {move.source for move in some} == {*members} - ({some[0].target} if edge.target == edge.source else set())


def test_an_oval_is_every_state_or_every_one_outside_of_the_targets_frame(graph: Graph) -> None:
    states = {*graph.ids.values()}
    ovals = {node.id for node in graph.nodes if node.kind == "any"}
    for edge in graph.edges:
        if edge.source in ovals:
            target = edge.moves[0].target
            mates = next((group.states for group in graph.groups if target != "absent" and target in group.states), (target,))
            assert {move.source for move in edge.moves} == (states if edge.source == "any" else states - {*mates}), edge.id


def test_an_event_that_holds_for_one_state_of_a_frame_is_no_part_of_the_frames_edge() -> None:
    lost = [*CONNECTION]
    place = next(number for number, row in enumerate(lost) if row.name == "connected")
    guarded = evolve(lost[place], name="connected_at_last", source=("alerting",), guards=(has_changes,))
    graph = graph_of("connection", table_of(connection=[*lost[:place], guarded, *lost[place:]]))
    edges = {edge.id: edge for edge in graph.edges}

    assert edges["alerting-connected"].label == ("connected", "[has changes]")
    assert edges["alerting-connected"].rows == ("connected_at_last",)
    assert edges["pending-connected"].rows == ("connected",)


def test_a_row_of_an_own_table_that_writes_and_stays_is_a_loop_where_it_can_hold() -> None:
    loops = {name: _loops(graph_of("connection", TABLES[name])) for name in ("hold", "live", "standard")}

    assert loops["hold"] == {"connected": [f"{STAYS} held [not on hold]", f"{STAYS} resumed [on hold]"]}
    assert loops["live"] == {frame: [f"{STAYS} noted"] for frame in ("initial", "pending", "live", "ended")}
    assert loops["standard"] == {}


def _loops(graph: Graph) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for edge in graph.edges:
        if edge.kind == "stays":
            assert edge.source == edge.target
            found.setdefault(edge.source, []).append(" ".join(edge.label))
    return found


def test_an_own_deadline_is_labelled_by_its_timers_first_sentence() -> None:
    labels = {
        edge.moves[0].event: " ".join(edge.label)
        for table in (LIVE, TABLES["pause"])
        for picture in PICTURES
        for edge in graph_of(picture, table).edges
        if edge.kind == "deadline"
    }

    assert labels == {
        "timer.alerting": "after alertingTimeoutMs",
        "timer.acw": "after wrapupTimeoutMs",
        "timer.hold": "Nobody came back to the held customer in time",
        "timer.pause": "The pause lasted too long",
    }


# --- Names of states ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("picture", "table"), [("connection", NAMES), ("after-call-work", NAMES_OF_WORK)])
def test_a_state_of_any_name_has_a_node_of_its_own_with_this_name(picture: Picture, table: Table) -> None:
    graph = graph_of(picture, table)
    states = table.states.connection if picture == "connection" else table.states.after_call_work
    parts = [*(node.id for node in graph.nodes), *(group.id for group in graph.groups), "start", "title", "desc"]

    assert {*NAMED} < {*states}
    assert [*graph.ids] == [*states]
    assert len(parts) == len({*parts})
    assert {node.id: node.label for node in graph.nodes if node.id in graph.ids.values()} == {
        graph.ids[state]: (state,) for state in states
    }
    assert all(re.fullmatch("[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*", node) for node in graph.ids.values())
    assert {state for state, node in graph.ids.items() if state == node} >= {*states} - {*NAMED}


@pytest.mark.parametrize(("picture", "table"), [("connection", NAMES), ("after-call-work", NAMES_OF_WORK)])
def test_each_format_tells_states_of_any_name_apart(picture: Picture, table: Table) -> None:
    graph = graph_of(picture, table)
    states = len(graph.ids)
    boxes = re.findall(r'^ +state ".*" as (\S+)', mermaid(graph), re.MULTILINE)
    nodes = re.findall(r'^ +"?(\w+)"? \[(?:label|shape)', dot(graph), re.MULTILINE)
    ids = [element.get("id") for element in _parsed(svg(graph)).iter() if element.get("id")]
    scxml = [state.attrib for state in _parsed(render(picture, "scxml", table=table)).iter(f"{SCXML}state")]
    xstate = json.loads(render(picture, "xstate", table=table))["states"]
    head, *_ = _table(render(picture, "markdown", table=table))

    for found in (boxes, nodes, ids):
        assert len(found) == len({*found}) > states
    assert [state.get(f"{BY_ROW}state", state["id"]) for state in scxml] == [*graph.ids]
    assert [node.get("description", name) for name, node in xstate.items()] == [*graph.ids]
    assert [state["id"] for state in scxml] == [*xstate] == [*graph.ids.values()]
    assert head[1:] == [*graph.ids]


@frozen(kw_only=True, repr=False)
class Live(Entered):
    """The leg waits in a state that is called like a frame."""

    prefix, kind, rank = "com.acme.", "live", 12
    target_state, segment = "live", "Live"


def test_the_path_of_a_session_goes_through_states_of_any_name() -> None:
    table = Table.standard().extended("mine", kinds=(Live,), like={"live": "offering"}, states={"live": "offering"})
    log = SessionLog.of(
        stream("s1").event(Live).after(1).alerting().after(1).event(Live).event(Live).after(1).connected(), Lifecycle(table=table)
    )
    graph = with_path(graph_of("connection", table), TracePath.of(list(map(trace_entry, log.trace))))
    (live,) = (node for node in graph.nodes if node.label == ("live",))

    assert (live.badge, [annotation.label for annotation in live.annotations]) == ("×2", ["live = duplicate (1)"])
    assert {node.id for node in graph.nodes if node.emphasis == "taken"} == {"none", "state_live", "alerting", "connected"}
    assert {edge.id for edge in graph.edges if edge.emphasis == "taken"} == {
        "none-pending",
        "pending-pending",
        "pending-connected",
    }


def test_what_holds_for_some_states_of_a_frame_is_drawn_from_these() -> None:
    rows = []
    for row in CONNECTION:
        if row.name == "connected":
            rows.append(evolve(row, source=("none", "alerting")))
            others = tuple(state for state in NOT_YET_CONNECTED if state not in ("none", "alerting"))
            no = Row(
                name="not_alerting",
                on=("connected",),
                source=others,
                result=refused("not_alerting"),
                reason="No.",
                cites=(),
            )
            rows.append(no)
        else:
            rows.append(row)
    ends = {(edge.source, edge.target) for edge in graph_of("connection", table_of(connection=rows)).edges}

    assert {("none", "connected"), ("alerting", "connected")} < ends
    assert ("pending", "connected") not in ends


def test_deadlines_are_a_kind_of_their_own(graph: Graph) -> None:
    assert {move.event for edge in graph.edges if edge.kind == "deadline" for move in edge.moves} == {
        move.event for move in moves_of(graph.name, graph.table) if move.event in graph.table.timers
    }


def test_a_way_to_skip_says_which_prompts_refuse_it() -> None:
    labels = {edge.rows: edge.label for edge in graph_of("after-call-work").edges}
    refused = ("refused if no early exit", "refused if code is required")

    assert labels["complete_by_code",] == ("wrapup", "[may exit early, is final]")
    assert labels["skipped_by_agent",] == ("wrapup", "[is a skip]", *refused)
    assert labels["complete_by_agent",] == ("acw.ended", "[code is saved, by agent]", refused[0])
    assert labels["skipped_without_code",] == ("acw.ended", "[else: by agent]", *refused)
    assert labels["complete_by_offline",] == ("acw.ended", "[else: by offline]")


def test_no_line_on_an_edge_is_longer_than_it_may_be(graph: Graph) -> None:
    assert [line for edge in graph.edges for line in edge.label if len(line) > LONGEST] == []


def test_where_it_begins_and_ends_is_marked(graph: Graph) -> None:
    kinds = {node.id: node.kind for node in graph.nodes}
    states = graph.states

    assert kinds[graph.initial] == "initial"
    assert (states.ended | {*states.like(*CLOSED)}) & kinds.keys() == {name for name, kind in kinds.items() if kind == "final"}


def test_the_description_tells_every_edge(graph: Graph) -> None:
    assert len(graph.description.split("; ")) == len(graph.edges)


# --- Read back: the pictures --------------------------------------------------------------------------------------------------


def test_mermaid_shows_the_edges_of_the_graph(graph: Graph) -> None:
    assert sorted(_of_mermaid(mermaid(graph), graph)) == sorted(_ends(graph))


def test_dot_shows_the_edges_of_the_graph(graph: Graph) -> None:
    found = re.findall(r'^  "([^"]+)" -> "([^"]+)" \[id="([^"]+)"', dot(graph), re.MULTILINE)

    assert [(source, target, name) for source, target, name in found] == [(e.source, e.target, e.id) for e in graph.edges]


def test_svg_shows_every_node_and_every_edge_under_its_id(graph: Graph) -> None:
    drawing = _parsed(svg(graph))
    ids = [element.get("id", "") for element in drawing.iter() if element.get("id")]

    assert len(ids) == len(set(ids))
    assert {_svg_id(graph, node) for node in graph.nodes} | {_svg_id(graph, edge) for edge in graph.edges} <= set(ids)
    assert {edge.id: list(edge.label) for edge in graph.edges} == {
        edge.id: [text.text for text in _by_id(drawing, _svg_id(graph, edge)).iter(f"{SVG}text")] for edge in graph.edges
    }


def _svg_id(graph: Graph, one: Node | Edge) -> str:
    return f"{graph.name}-{one.id}"


def test_in_svg_an_edge_ends_where_its_nodes_are(graph: Graph) -> None:
    layout = layout_of(graph)
    drawing = _parsed(svg(graph))
    for edge in graph.edges:
        if edge.kind == "stays":
            continue
        way, head = (_by_id(drawing, _svg_id(graph, edge)).findall(f"{SVG}path")[place].get("d", "") for place in (0, 1))
        ends = layout.places[edge.source], layout.chips.get(edge.id) or layout.places[edge.target]
        for (x, y), place in zip((_point(way), _point(head)), ends, strict=True):
            assert place.left <= x <= place.right, edge.id
            assert place.top <= y <= place.bottom, edge.id
            assert x in (place.left, place.right) or y in (place.top, place.bottom), edge.id


def test_svg_can_be_read_by_who_does_not_see_it(graph: Graph) -> None:
    drawing = _parsed(svg(graph))
    title, description = (_by_id(drawing, name).text for name in drawing.get("aria-labelledby", "").split())

    assert drawing.get("role") == "img"
    assert (title, description) == (graph.title, graph.description)


def test_svg_needs_nothing_from_elsewhere(graph: Graph) -> None:
    assert re.findall(r"url\(|href|@import|<script|http(?!://www\.w3\.org/2000/svg)", svg(graph)) == []


def test_mermaid_names_and_describes_itself(graph: Graph) -> None:
    lines = mermaid(graph).splitlines()

    assert lines[1].strip() == f"accTitle: {graph.title}"
    assert lines[2].strip().startswith("accDescr: ")


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_colour_of_the_drawing_stands_out(theme: dict[str, str]) -> None:
    grounds = [theme[name] for name in ("paper", "plain", "pending-fill", "live-fill", "final-fill")]
    texts = {name: min(_contrast(theme[name], ground) for ground in grounds) for name in ("ink", "soft", "refused")}
    strokes = {name: _contrast(theme[name], theme["paper"]) for name in ("pending", "live", "final", "soft")}

    assert {name: ratio for name, ratio in texts.items() if ratio < 4.5} == {}
    assert {name: ratio for name, ratio in strokes.items() if ratio < 3} == {}


@pytest.mark.parametrize("ground", ["#ffffff", "#0d1117"])
def test_every_stroke_of_mermaid_stands_out_in_light_and_dark(ground: str) -> None:
    strokes = {color for style in _CLASSES.values() for color in re.findall(r"stroke:(#\w{6})", style)}

    assert {color for color in strokes if _contrast(color, ground) < 3} == set()
    assert not any(re.search(r"fill:(?!transparent)", style) for style in _CLASSES.values())


# --- Read back: the tables ----------------------------------------------------------------------------------------------------


def test_the_table_has_every_event_in_every_state(graph: Graph) -> None:
    head, *rows = _table(render(graph.name, "markdown", table=graph.table))
    cells = {(row[0].split()[0], state): cell for row in rows for state, cell in zip(head[1:], row[1:], strict=True)}
    moves = moves_of(graph.name, graph.table)
    expected: dict[Ends, dict[str, None]] = {
        (event, state): {} for event in {move.event for move in moves} for state in {move.source for move in moves}
    }
    for move in moves:
        expected[move.event, move.source][_given(move)] = None

    assert cells == {key: " / ".join(results) for key, results in expected.items()}


def test_the_sentences_tell_every_row_with_its_reason(graph: Graph) -> None:
    sentences = [line for line in render(graph.name, "markdown", table=graph.table).splitlines() if re.match(r"\d+\. ", line)]
    rows = {id(move.row): move.row for move in moves_of(graph.name, graph.table)}

    assert Counter(re.findall(r"\*\*(\w+)\*\*\. ", "\n".join(sentences))) == Counter(row.name for row in rows.values())
    assert all(any(row.reason in sentence for sentence in sentences) for row in rows.values())


def test_scxml_has_every_row_in_every_state_in_order(graph: Graph) -> None:
    machine = _parsed(render(graph.name, "scxml", table=graph.table))
    found = [
        (
            transition.get("event"),
            state.get("id"),
            transition.get("target"),
            transition.get(f"{BY_ROW}name"),
            transition.get("cond", ""),
            transition.get(f"{BY_ROW}then", ""),
        )
        for state in machine.iter(f"{SCXML}state")
        for transition in state
    ]
    expected = [
        (
            *(move.event, move.source, move.target, move.row.name),
            " and ".join(name_of(guard).replace(" ", "_") for guard in move.row.guards),
            " ".join(name_of(stamp) for stamp in move.row.actions),
        )
        for move in _by_state(graph)
    ]

    assert machine.get("initial") == graph.initial
    assert found == expected


def test_xstate_has_every_row_in_every_state_in_order(graph: Graph) -> None:
    machine = json.loads(render(graph.name, "xstate", table=graph.table))
    found = [
        (
            *(event, state, transition.get("target"), transition["meta"]["row"]),
            _guards(transition.get("guard")),
            [action["type"] for action in transition.get("actions", ())],
        )
        for state, node in machine["states"].items()
        for event, transitions in node["on"].items()
        for transition in transitions
    ]
    expected = [
        (
            *(move.event, move.source, move.target, move.row.name),
            [name_of(guard) for guard in move.row.guards],
            [name_of(stamp) for stamp in move.row.actions],
        )
        for move in _by_state(graph)
    ]

    assert machine["initial"] == graph.initial
    assert found == expected


# --- Exact texts --------------------------------------------------------------------------------------------------------------

SMALL = Graph(
    name="connection",
    title="Small",
    about="Two states.",
    initial="none",
    nodes=(
        Node(id="none", label=("none",), kind="initial"),
        Node(id="alerting", label=("alerting",), kind="pending", group="pending"),
        Node(id="connected", label=('say "hi"; #1',), kind="final"),
    ),
    groups=(Group("pending", ("alerting",)),),
    edges=(
        Edge(id="none-pending", source="none", target="pending", label=("any: of these",)),
        Edge(id="alerting-connected", source="alerting", target="connected", label=("after a while",), kind="deadline"),
    ),
)


def test_the_mermaid_text_of_a_small_graph() -> None:
    assert (
        mermaid(SMALL)
        == """\
stateDiagram-v2
    accTitle: Small
    accDescr: Two states. none to pending: any: of these; alerting to say "hi"; #35;1: after a while.
    direction LR

    state "none" as none
    state "say #34;hi#34;#59; #35;1" as connected
    state "pending states" as pending_states {
        state "alerting" as alerting
    }
    state "any#58; of these" as none__pending
    state "◷ after a while" as alerting__connected

    [*] --> none
    none --> none__pending
    none__pending --> pending_states
    alerting --> alerting__connected
    alerting__connected --> connected
    connected --> [*]

    classDef initial stroke:#6e7781,stroke-width:2px
    classDef pending stroke:#b7791f,stroke-width:2px
    classDef final stroke:#3b82f6,stroke-width:4px
    classDef event fill:transparent,stroke:transparent
    classDef deadline fill:transparent,stroke:#6e7781,stroke-dasharray:6 4
    class none initial
    class alerting pending
    class connected final
    class none__pending event
    class alerting__connected deadline
"""
    )


def test_the_dot_text_of_a_small_graph() -> None:
    assert (
        dot(SMALL).partition("  start [")[2]
        == """\
shape=circle, width=0.15, style=filled, fillcolor="#7a828e", label=""]
  "none" [label="none", shape="box"]
  "connected" [label="say \\"hi\\"; #1", peripheries="2", color="#3b82f6"]
  subgraph cluster_pending {
    label="pending states"; style=rounded
    "pending" [shape=point, width=0.05, style=invis]
    "alerting" [label="alerting", color="#b7791f"]
  }
  start -> "none"
  "none" -> "pending" [id="none-pending", label="any: of these", lhead="cluster_pending"]
  "alerting" -> "connected" [id="alerting-connected", label="◷ after a while", style="dashed"]
}
"""
    )


def test_a_drawing_says_what_it_is_and_what_its_signs_mean(graph: Graph) -> None:
    texts = [text.text or "" for text in _parsed(svg(graph)).iter(f"{SVG}text")]

    assert texts[0] == graph.title
    assert graph.about in " ".join(texts)
    assert "Dashed, with a clock: a deadline. Double border: ended." in " ".join(texts)


def test_in_svg_an_edge_without_corners_is_straight_from_border_to_border() -> None:
    graph = graph_of("connection")
    places = layout_of(graph).places
    way = _by_id(_parsed(svg(graph)), "connection-disconnected-terminated").findall(f"{SVG}path")

    assert _point(way[0].get("d", "")) == (places["disconnected"].x, places["disconnected"].top)
    assert _point(way[1].get("d", "")) == (places["terminated"].x, places["terminated"].bottom)


# --- What a drawing shows can be read -----------------------------------------------------------------------------------------

Area = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def test_no_two_boxes_overlap(graph: Graph) -> None:
    layout = layout_of(graph)
    frames = {group.id: group.states for group in graph.groups}
    boxes = {name: _area(place) for name, place in {**layout.places, **layout.chips}.items()}
    overlapping = [
        (one, other)
        for one, other in combinations(boxes, 2)
        if _overlap(boxes[one], boxes[other]) and one not in frames.get(other, ()) and other not in frames.get(one, ())
    ]

    assert overlapping == []
    for name, states in frames.items():
        left, top, right, bottom = boxes[name]
        assert all(left < boxes[one][0] and boxes[one][2] < right for one in states), name
        assert all(top + 20 < boxes[one][1] and boxes[one][3] < bottom for one in states), name  # its own name is on top


def test_no_label_is_on_a_box_or_on_another_label_or_outside(graph: Graph) -> None:
    layout = layout_of(graph)
    boxes = {name: _area(layout.places[name]) for name in (node.id for node in graph.nodes)}
    boxes |= {name: _area(place) for name, place in layout.chips.items()}
    frames = {group.id: _area(layout.places[group.id]) for group in graph.groups}
    boxes |= {f"name of {name}": ((a + c) / 2 - 55, b + 8, (a + c) / 2 + 55, b + 26) for name, (a, b, c, _) in frames.items()}
    drawing = _parsed(svg(graph))
    labels = [(edge.id, area) for edge in graph.edges if edge.kind != "stays" for area in _label_areas(drawing, graph, edge)]

    assert [(label, name) for label, area in labels for name, box in boxes.items() if _overlap(area, box)] == []
    assert [(one, other) for (one, a), (other, b) in combinations(labels, 2) if one != other and _overlap(a, b)] == []
    assert [label for label, area in labels if area[0] < 0 or area[2] > layout.width or area[3] > layout.height] == []


def test_what_a_path_adds_to_a_label_is_on_no_box_and_on_no_other_label(graph: Graph) -> None:
    marked = evolve(graph, edges=tuple(evolve(edge, badge="×25") for edge in graph.edges))
    boxes = {node.id: _area(layout_of(marked).places[node.id]) for node in marked.nodes}
    drawing = _parsed(svg(marked))
    areas = [(edge.id, area) for edge in marked.edges if edge.kind != "stays" for area in _label_areas(drawing, marked, edge)]

    assert [(label, name) for label, area in areas for name, box in boxes.items() if _overlap(area, box)] == []
    assert [(one, other) for (one, a), (other, b) in combinations(areas, 2) if one != other and _overlap(a, b)] == []
    assert [label for label, area in areas if area[1] < -15] == []  # the head has room for a line more


def test_what_stays_in_a_state_is_inside_of_its_box(graph: Graph) -> None:
    layout = layout_of(graph)
    for edge in graph.edges:
        if edge.kind == "stays":
            left, top, right, bottom = _area(layout.places[edge.source])
            for area in _label_areas(_parsed(svg(graph)), graph, edge):
                assert left < area[0], edge.id
                assert top + 18 < area[1], edge.id
                assert area[2] < right, edge.id
                assert area[3] < bottom, edge.id


def test_no_line_passes_through_a_box(graph: Graph) -> None:
    layout = layout_of(graph)
    boxes = {name: _area(layout.places[name]) for name in (node.id for node in graph.nodes)}
    boxes |= {name: _area(place) for name, place in layout.chips.items()}
    drawing = _parsed(svg(graph))
    for edge in graph.edges:
        if edge.kind != "stays":
            way = _by_id(drawing, _svg_id(graph, edge)).find(f"{SVG}path")
            assert way is not None
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", way.get("d", ""))]
            points = [*zip(numbers[::2], numbers[1::2], strict=True)]
            crossed = [
                name
                for (x1, y1), (x2, y2) in pairwise(points)
                for name, box in boxes.items()
                if _overlap((min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)), box)
            ]
            assert crossed == [], edge.id


@pytest.mark.parametrize("seed", range(12))
def test_a_table_by_chance_is_drawn_in_every_format_and_nothing_overlaps(seed: int) -> None:
    table = table_by_chance(seed)
    for picture in PICTURES:
        graph = graph_of(picture, table)
        for format_ in FORMATS:
            assert render(picture, format_, table=table)
        test_everything_that_moves_is_on_exactly_one_edge(graph)
        test_an_edge_of_a_frame_holds_for_every_state_inside(graph)
        test_mermaid_shows_the_edges_of_the_graph(graph)
        test_no_two_boxes_overlap(graph)
        test_no_label_is_on_a_box_or_on_another_label_or_outside(graph)
        test_no_line_passes_through_a_box(graph)


@pytest.mark.parametrize("name", ["standard", "hold", "short calls", "parked", "pause"])
@pytest.mark.parametrize("picture", PICTURES)
def test_in_the_pictures_of_the_documentation_no_lines_cross(picture: Picture, name: str) -> None:
    graph = graph_of(picture, TABLES[name])
    drawing = _parsed(svg(graph))
    lines: list[tuple[str, Area]] = []
    for edge in graph.edges:
        if edge.kind != "stays":
            way = _by_id(drawing, _svg_id(graph, edge)).find(f"{SVG}path")
            assert way is not None
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", way.get("d", ""))]
            for (x1, y1), (x2, y2) in pairwise([*zip(numbers[::2], numbers[1::2], strict=True)]):
                lines.append((edge.id, (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))))

    assert [(one, other) for (one, a), (other, b) in combinations(lines, 2) if one != other and _touch(a, b)] == []


def _area(place: Place) -> Area:
    return place.left, place.top, place.right, place.bottom


def _overlap(one: Area, other: Area) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _touch(one: Area, other: Area) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _label_areas(drawing: ET.Element, graph: Graph, edge: Edge) -> Iterator[Area]:
    """Where the lines of a label are, in a font of usual width. The letters are nine pixels high."""
    for text in _by_id(drawing, _svg_id(graph, edge)).iter(f"{SVG}text"):
        own = re.search(r"[\d.]+", text.get("style", ""))
        half = REGULAR * float(own[0] if own else 13) * len(text.text or "") / 2
        x, y = float(text.get("x", "")), float(text.get("y", ""))
        yield x - half, y - 4.5, x + half, y + 4.5


# --- What is committed --------------------------------------------------------------------------------------------------------


def test_a_picture_or_a_format_that_is_not_there_is_said_so() -> None:
    with pytest.raises(ValueError, match="expected one of connection, after-call-work, found 'life'"):
        render("life", "svg")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"expected one of mermaid, .*, found 'png'"):
        render("connection", "png")  # type: ignore[arg-type]


def test_the_files_in_the_repository_are_what_the_rows_print(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "cobrowse_session.diagrams", tmp_path], check=True, env={"PYTHONHASHSEED": "7"})
    fresh, kept = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in (tmp_path, ROOT / "diagrams"))

    assert fresh == kept
    assert len(fresh) == len(PICTURES) * len(FORMATS)


def test_the_drawings_of_the_examples_are_what_their_rows_print(tmp_path: Path) -> None:
    draw.main(str(tmp_path))

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in (ROOT / "examples" / "tables").glob("*.svg")
    }


def test_every_picture_of_an_own_table_is_written_by_its_name(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cobrowse_session.diagrams", str(tmp_path)]
    subprocess.run([*command, "examples.tables.hold:TABLE"], check=True, cwd=ROOT)
    wrong = subprocess.run([*command, "hold"], check=False, cwd=ROOT, capture_output=True, text=True)

    assert (tmp_path / "connection.svg").read_bytes() == (ROOT / "examples" / "tables" / "hold.svg").read_bytes()
    assert len(list(tmp_path.iterdir())) == len(PICTURES) * len(FORMATS)
    assert (wrong.returncode, wrong.stderr) == (1, "hold: expected MODULE:NAME, as acme.tables:TABLE, found 'hold'.\n")


# --- How ----------------------------------------------------------------------------------------------------------------------


def _parsed(xml: str) -> ET.Element:
    return ET.fromstring(xml)  # noqa: S314 (our own text)


def _can_happen(move: Move, graph: Graph) -> bool:
    """A leg ends once, and there is no after-call work before."""
    return move.event != LEG_ENDED or graph.states.standard(move.source) == "absent"


def _moves(graph: Graph) -> list[Move]:
    """What the machine does, with the ids of the nodes in place of the states."""
    moves = moves_of(graph.name, graph.table)
    return [evolve(move, source=graph.ids[move.source], target=move.target and graph.ids[move.target]) for move in moves]


def _ends(graph: Graph) -> list[Ends]:
    return [(edge.source, edge.target) for edge in graph.edges]


def _of_mermaid(text: str, graph: Graph) -> Iterator[Ends]:
    frames = {f"{group.id}_states": group.id for group in graph.groups}
    arrows = [(frames.get(source, source), frames.get(target, target)) for source, target in _arrows(text)]
    onward = {source: target for source, target in arrows if "__" in source}
    for source, target in arrows:
        if "[*]" not in (source, target) and source not in onward:
            yield source, onward.get(target, target)


def _arrows(text: str) -> list[Ends]:
    return re.findall(r"^    (\S+) --> (\S+)", text, re.MULTILINE)


def _by_id(drawing: ET.Element, name: str) -> ET.Element:
    return next(element for element in drawing.iter() if element.get("id") == name)


def _point(path: str) -> tuple[float, float]:
    x, y = re.findall(r"-?[\d.]+", path)[:2]
    return float(x), float(y)


def _contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2."""
    light, dark = sorted(map(_luminance, (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _table(text: str) -> list[list[str]]:
    """The cells of the first table, as a Markdown parser reads them."""
    rows: list[list[str]] = []
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "table_close":
            break
        elif token.type == "inline" and rows:
            children = token.children or []
            rows[-1].append("".join(" / " if child.content == "<br>" else child.content for child in children))
    return rows


def _given(move: Move) -> str:
    if move.target:
        return f"→ {move.target}"
    match move.row.result:
        case str():
            raise AssertionError(move)
        case verdict:
            signs = {"applied": "·", "duplicate": "=", "ignored": "–", "refused": "✗"}
            return f"{signs[verdict.kind]} {verdict.rule or (move.row.name if verdict.kind == 'applied' else verdict.kind)}"


def _by_state(graph: Graph) -> list[Move]:
    """The moves, state by state in the order of the picture."""
    order = [node.id for node in graph.nodes]
    return sorted(_moves(graph), key=lambda move: order.index(move.source))


def _guards(guard: dict[str, object] | None) -> object:
    if guard is None:
        return []
    params = guard.get("params")
    return params["guards"] if isinstance(params, dict) else [guard["type"]]
