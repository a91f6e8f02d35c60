"""The places of everything in a drawing: a layout by hand, stretched by what a table has more than the standard one.

The places of the standard states and the lines between them are by hand. More states make a column longer, more lines make a gap
wider. An edge that no hand has drawn goes below the picture, in a lane of its own.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, groupby, pairwise

from attrs import Factory, define, frozen

from cobrowse_session.diagrams.graph import Edge, Graph, Node
from cobrowse_session.diagrams.shapes import Place, Point

LINE = 15
"""The height of a line of a label, in pixels, as all lengths here."""
STAYS_LINE = 17
"""The height of a line in a box that names an event by which the state stays."""
LANE = 9
"""The distance between two lines side by side."""

Route = tuple[Point, ...]


@frozen
class Layout:
    """A picture's size, the places of its nodes and frames, and the corners of edges that are not straight.

    Attributes:
        start: from where the first arrow comes.
        spans: the part of a route that has the label, where it is not the longest one.
        chips: the answers that end in a box of their own beside the question, and not at the state.
    """

    width: int
    height: int
    places: Mapping[str, Place]
    corners: Mapping[str, Route]
    start: Point
    spans: Mapping[str, tuple[Point, Point]] = Factory(dict)
    chips: Mapping[str, Place] = Factory(dict)


def layout_of(graph: Graph) -> Layout:
    """Return where everything of a graph is."""
    return _connection(graph) if graph.name == "connection" else _after_call_work(graph)


# --- Parts of both pictures ---------------------------------------------------------------------------------------------------


def stays_at(graph: Graph) -> Mapping[str, tuple[Edge, ...]]:
    """Return the loops of each node or frame. They are lines in its box."""
    found: dict[str, tuple[Edge, ...]] = {}
    for edge in graph.edges:
        if edge.kind == "stays":
            found[edge.source] = (*found.get(edge.source, ()), edge)
    return found


def _extra(graph: Graph) -> Mapping[str, int]:
    """Return the height that the loops of each node or frame need. A path shows their marks, too."""
    heights: dict[str, int] = defaultdict(int)
    for place, edges in stays_at(graph).items():
        heights[place] = STAYS_LINE * sum(len(edge.label) + 1 for edge in edges)
    return heights


def _needed(edges: Iterable[Edge]) -> int:
    """Return the height of some labels, above one another. A path adds a line to each."""
    return sum(LINE * (len(edge.label) + 1) for edge in edges)


def _beside(edges: Iterable[Edge]) -> int:
    """Return by how much a line down that has labels beside it is longer than usual. A mark needs a line of its own."""
    return sum(max(0, _needed([edge]) - 45) + 24 * bool(edge.badge) for edge in edges)


def _joining(graph: Graph, one: str, other: str) -> list[Edge]:
    return [edge for edge in graph.edges if {edge.source, edge.target} == {one, other}]


def _stacked(tops: float, heights: Iterable[float], gaps: Iterable[float]) -> list[float]:
    """Return the middle of each box in a column."""
    heights = [*heights]
    starts = accumulate((height + gap for height, gap in zip(heights, [*gaps, 0], strict=True)), initial=tops)
    return [start + height / 2 for start, height in zip(starts, heights, strict=False)]


@define
class _Drawn:
    """The places and the lines so far."""

    graph: Graph
    places: dict[str, Place] = Factory(dict)
    corners: dict[str, Route] = Factory(dict)
    spans: dict[str, tuple[Point, Point]] = Factory(dict)
    done: set[str] = Factory(set)

    def stack(self, names: list[str], at: tuple[float, float, float], heights: list[int], gaps: list[float]) -> None:
        """Place boxes of a column: at its middle, from its top, with its width."""
        x, top, width = at
        for name, y, height in zip(names, _stacked(top, heights, gaps), heights, strict=True):
            self.places[name] = Place(x, y, width, height)

    def line(self, source: str, target: str, *corners: Point) -> None:
        """Draw the first edge that joins these two and is not drawn yet. Without corners, it is straight."""
        for edge in self.graph.edges:
            if (edge.source, edge.target) == (source, target) and edge.id not in self.done:
                self.put(edge, *corners)
                return

    def put(self, edge: Edge, *corners: Point, span: tuple[Point, Point] | None = None) -> None:
        """Draw an edge."""
        self.done.add(edge.id)
        if corners:
            self.corners[edge.id] = corners
        if span:
            self.spans[edge.id] = span

    def uprights(self, upper: str, lower: str) -> None:
        """Draw the edges between two boxes of a column in a frame: at the sides, with the labels between."""
        above, below = self.places[upper], self.places[lower]
        y = above.bottom + 8
        for number, edge in enumerate(_joining(self.graph, upper, lower)):
            inset = 14 + LANE * (number // 2)
            x = above.right - inset if number % 2 else above.left + inset
            ends = ((x, above.bottom), (x, below.top))
            y += LINE * (len(edge.label) + 1)
            self.put(edge, *(ends if edge.source == upper else ends[::-1]), span=((above.left, y), (above.right, y)))

    def upright(self, upper: str, lower: str) -> None:
        """Draw the only edge between two boxes of a column: in the middle, with the label beside it."""
        if (
            len(edges := _joining(self.graph, upper, lower)) == 1
            and max(map(len, edges[0].label)) * 7 < self.places[upper].width / 2
        ):
            self.put(edges[0])
        else:
            self.uprights(upper, lower)


# --- Lanes below the picture --------------------------------------------------------------------------------------------------


@frozen
class _Lanes:
    """The edges that no hand has drawn. Each goes to a lane below the picture, along it, and up again.

    Attributes:
        column: the column of each node and frame.
        edges: the edges.
    """

    column: Mapping[str, int]
    edges: tuple[Edge, ...]

    def sides(self, edge: Edge) -> tuple[int, int]:
        """Return the sides at which it leaves and enters: 2 × column is the left one of a column, the next is the right one."""
        # Forwards it goes from right to left, backwards from left to right. Within a column it goes below the column.
        source, target = self.column[edge.source], self.column[edge.target]
        return (2 * source + 1, 2 * target) if source < target else (2 * source, 2 * target + 1)

    def shift(self, column: int) -> int:
        """Return by how much a column is further to the right: there are lines on the sides before it."""
        return sum(self.room(side) for side in range(2 * column + 1))

    def room(self, side: int) -> int:
        """Return the room that the lines at a side need."""
        used = sum(side in self.sides(edge) for edge in self.edges)
        return LANE * used + 30 if used else 0

    @property
    def height(self) -> int:
        """The height of all lanes."""
        return _needed(self.edges) + 8 * len(self.edges)

    def draw(self, drawn: _Drawn, edges_of: Mapping[int, float], y: float) -> None:
        """Draw the edges.

        Args:
            drawn: what is drawn so far.
            edges_of: where each side is.
            y: where the first lane may begin.
        """
        used: dict[int, int] = defaultdict(int)
        ports: dict[tuple[str, int], int] = defaultdict(int)
        for edge in self.edges:
            y += LINE * (len(edge.label) + 1) + 8
            ends = []
            for name, side in zip((edge.source, edge.target), self.sides(edge), strict=True):
                place, away = drawn.places[name], 1 if side % 2 else -1
                part = _PORTS[ports[name, side] % len(_PORTS)]
                port = (place.right if side % 2 else place.left, place.y + part * (place.height / 2 - 4))
                ends.append((port, edges_of[side] + away * (14 + LANE * used[side])))
                ports[name, side] += 1
                used[side] += 1
            (start, out), (end, back) = ends
            along = ((out, y), (back, y))
            drawn.put(edge, start, (out, start[1]), *along, (back, end[1]), end, span=along)


_PORTS = (0.6, -0.6, 0.3, -0.3, 0.8, -0.8)
"""Where lines touch the side of a box, as parts of half of its height. The middle is for the hand."""


# Example: two lanes, from a live state to an ended one (a), and from the live frame back to a pending state (b).
#
#     column 1          column 2         column 3
#     pending  <--+  +--live   ---+  +-->ended
#                 |  |            |  |
#                 |  |            +--+        lane a, with its label
#                 +--+                        lane b
#
# No lane crosses a box, because there is none below the columns. On the way down a lane is between two columns, which are further
# apart by `shift`. It may cross lines.


# --- The connection -----------------------------------------------------------------------------------------------------------


def _connection(graph: Graph) -> Layout:
    # Twice: what the hand has drawn in the first pass is not known before, and the lanes of the rest move the columns apart.
    probe = _connection_drawn(graph, _Lanes({}, ()))[0]
    lanes = _Lanes(_columns(graph), _undrawn(graph, probe))
    drawn, sides, bottom = _connection_drawn(graph, lanes)
    lanes.draw(drawn, sides, bottom)
    width = max(place.right for place in drawn.places.values()) + 15 + lanes.room(7)
    return Layout(
        round(width), round(bottom + lanes.height + 80), drawn.places, drawn.corners, (14, 215 + lanes.shift(0)), drawn.spans
    )


def _undrawn(graph: Graph, drawn: _Drawn) -> tuple[Edge, ...]:
    return tuple(edge for edge in graph.edges if edge.id not in drawn.done and edge.kind != "stays")


_COLUMN = {"initial": 0, "pending": 1, "live": 2, "final": 3}


def _columns(graph: Graph) -> Mapping[str, int]:
    nodes = {node.id: _COLUMN.get(node.kind, 2) for node in graph.nodes}
    return nodes | {group.id: nodes[group.states[0]] for group in graph.groups}


def _gaps(graph: Graph, boxes: list[str], least: float) -> list[float]:
    """Return the distance from each box of a column to the next one: the labels between them have room."""
    needs = (_needed(_joining(graph, upper, lower)) for upper, lower in pairwise(boxes))
    return [max(least, need + 14) if need else least for need in needs]


def _spread(gaps: list[float], room: float) -> list[float]:
    """Return gaps that fill a room together, to whole pixels."""
    more = (room - sum(gaps)) // len(gaps) if gaps else 0
    return [gap + more for gap in gaps]


@frozen
class _Columns:
    """The connection in columns.

    Attributes:
        first: the states before the first event.
        pending: the pending states.
        live: the connected ones.
        ended: the ended ones, from top to bottom.
        names: of each column: its frame, or its only state. Empty: it has none.
        x: the middle of each column.
        wide: the width of the first one's boxes.
    """

    first: list[str]
    pending: list[str]
    live: list[str]
    ended: list[str]
    names: list[str]
    x: list[float]
    wide: int

    @classmethod
    def of(cls, graph: Graph, lanes: _Lanes) -> "_Columns":
        """Return the columns of a graph."""
        columns, own, extra = _columns(graph), dict(graph.states.own), _extra(graph)
        first, pending, live, ended = ([node.id for node in graph.nodes if columns[node.id] == number] for number in range(4))
        ended = [*(state for state in ended if state in own), *(state for state in reversed(ended) if state not in own)]
        frames = {columns[group.id]: group.id for group in graph.groups}
        names = [frames.get(number) or (some or [""])[0] for number, some in enumerate((first, pending, live, ended))]
        wide = 200 if 0 in frames or any(extra[state] for state in first) else 90
        more = 70 if 2 in frames else 0
        by_hand = (31 + wide / 2, 270 + wide, 625 + wide + more / 2, 1065 + wide + more)
        x = [middle + lanes.shift(number) for number, middle in enumerate(by_hand)]
        return cls(first, pending, live, ended, names, x, wide)


def _connection_drawn(graph: Graph, lanes: _Lanes) -> tuple[_Drawn, Mapping[int, float], float]:
    """Return what the hand draws, where the sides of the columns are, and where the frames end."""
    drawn, columns = _Drawn(graph), _Columns.of(graph, lanes)
    passing = _place_live(drawn, columns) + 64  # below it, the line from pending to ended passes
    bottom = _place_ends(drawn, columns, passing)
    _lines_to_ended(drawn, columns, passing, bottom + 50 + lanes.height)
    _lines_before(drawn, columns)
    for states in (columns.live, columns.first):
        for upper, lower in pairwise(states):
            drawn.uprights(upper, lower)
    for upper, lower in pairwise(columns.ended):
        drawn.upright(upper, lower)
    sides: dict[int, float] = {}
    for number, name in enumerate(columns.names):
        place = drawn.places.get(name, Place(columns.x[number], 0, 0, 0))
        sides |= {2 * number: place.left, 2 * number + 1: place.right}
    return drawn, sides, bottom


def _place_live(drawn: _Drawn, columns: _Columns) -> float:
    """Place the connected states. Return where they end."""
    live, extra, x = columns.live, _extra(drawn.graph), columns.x[2]
    if not live:
        return 230
    heights = [max(60 if number else 100, 52 + extra[state]) for number, state in enumerate(live)]
    for state, y, height in zip(live, _stacked(130, heights, _gaps(drawn.graph, live, 34)), heights, strict=True):
        drawn.places[state] = Place(x, y, 240 if len(live) > 1 else 210, height)
    low = drawn.places[live[-1]].bottom
    if len(live) > 1:
        low += 20 + extra["live"]
        drawn.places[columns.names[2]] = Place(x, (92 + low) / 2, 280, low - 92)
    return low


def _place_ends(drawn: _Drawn, columns: _Columns, passing: float) -> float:
    """Place the states before and after. Return where their frames end, at one height."""
    graph, extra = drawn.graph, _extra(drawn.graph)
    first, pending, ended = columns.first, columns.pending, columns.ended
    # The frames of the pending and the ended states begin and end at one height. The longer column decides, or the line that
    # passes below the connected states. The other column has wider gaps.
    #
    #     table                pending  gap  passing  bottom
    #     standard             5        16   294      380
    #     one more pending     6        16   294      432
    #     two lines in a box   5        21   314      400
    #
    # From an alerting state, the deadline is a straight line. So the last ended state must be at the height of the last pending
    # one. It is the last in its column, and both columns end at the same height.
    rests, ends = [36 + extra[state] for state in pending], [max(72, 34 + extra[state]) for state in ended]
    level = sum(bool(ended and _joining(graph, state, ended[-1])) for state in pending)  # each has a line to the last one
    between = _gaps(graph, ended, 44)
    bottom = max(
        136 + sum(rests) + 16 * (len(pending) - 1) + extra["pending"],
        146 + sum(ends) + sum(between) + extra["ended"],
        passing + 86 + extra["pending"] + 52 * max(0, level - 1),
    )
    gaps = _spread([16] * (len(pending) - 1), bottom - 136 - extra["pending"] - sum(rests))
    drawn.stack(pending, (columns.x[1], 122, 180), rests, gaps)
    drawn.stack(ended, (columns.x[3], 124, 220), ends, _spread(between, bottom - 146 - extra["ended"] - sum(ends)))
    tall = [40 + extra[state] for state in first]
    drawn.stack(first, (columns.x[0], 195, columns.wide), tall, _gaps(graph, first, 34))
    low = drawn.places[first[-1]].bottom + 14 + extra["initial"] if first else 0
    for number, top, end, width in ((0, 157, low, columns.wide + 28), (1, 90, bottom, 210), (3, 90, bottom, 250)):
        if any(group.id == columns.names[number] for group in graph.groups):
            drawn.places[columns.names[number]] = Place(columns.x[number], (top + end) / 2, width, end - top)
    return bottom


def _lines_before(drawn: _Drawn, columns: _Columns) -> None:
    """Draw the lines from the first states and the pending ones to the connected ones."""
    first, waiting = (drawn.places.get(columns.names[number]) for number in (0, 1))
    hub = drawn.places.get((columns.live or [""])[0])
    if first and waiting:
        drawn.line(columns.names[0], columns.names[1], (first.right, 215), (waiting.left, 215))
    if waiting:
        left, right = waiting.x - 45, waiting.x + 45
        drawn.line(columns.names[1], columns.names[1], (left, waiting.top), (left, 62), (right, 62), (right, waiting.top))
    if hub and first:
        x = hub.x - (90 if len(columns.live) > 1 else 0)  # beside the name of the frame
        drawn.line(columns.names[0], columns.live[0], (first.x, first.top), (first.x, 26), (x, 26), (x, hub.top))
    if hub and waiting:
        drawn.line(columns.names[1], columns.live[0], (waiting.right, 180), (hub.left, 180))


def _lines_to_ended(drawn: _Drawn, columns: _Columns, passing: float, below: float) -> None:
    """Draw the lines to the ended states.

    Args:
        drawn: has the places.
        columns: the states.
        passing: where the line from the pending states passes below the connected ones.
        below: where the line from the first states passes below all.
    """
    first, waiting, live, over = (drawn.places.get(name) for name in columns.names)
    if not over or not columns.ended:
        return
    names = columns.names
    if first:
        drawn.line(names[0], names[3], (first.x, first.bottom), (first.x, below), (over.x, below), (over.x, over.bottom))
    if waiting:
        drawn.line(names[1], names[3], (waiting.right, passing), (over.left, passing))
    if live:
        drawn.line(names[2], names[3], (live.right, 180), (over.left, 180))
    last = drawn.places[columns.ended[-1]]
    for state in columns.pending:
        place = drawn.places[state]
        if max(last.top, passing + 30) < place.y < last.bottom:
            drawn.line(state, columns.ended[-1], (place.right, place.y), (last.left, place.y))


# --- After-call work ----------------------------------------------------------------------------------------------------------

_ROOM = (56, 60, 68, 76)
"""From a line to the next one below it, whose label has one to four lines."""


def _after_call_work(graph: Graph) -> Layout:
    probe, _, _, _ = _work_drawn(graph, _Lanes({}, ()))
    lanes = _Lanes(_work_columns(graph), _undrawn(graph, probe))
    drawn, chips, sides, bottom = _work_drawn(graph, lanes)
    lanes.draw(drawn, sides, bottom + 10)
    first = drawn.places[graph.initial]
    width = max(max(place.right for place in drawn.places.values()) + 120, sides[5] + 60) + lanes.room(5)
    return Layout(
        round(width),
        round(bottom + 38 + lanes.height),
        drawn.places,
        drawn.corners,
        (first.left - 30, first.y),
        drawn.spans,
        chips,
    )


_WORK_COLUMN = {"initial": 0, "question": 0, "pending": 2}


def _work_columns(graph: Graph) -> Mapping[str, int]:
    nodes = {node.id: 2 if node.id == "any_other" else _WORK_COLUMN.get(node.kind, 1) for node in graph.nodes}
    return nodes | {group.id: nodes[group.states[0]] for group in graph.groups}


@frozen
class _Ladder:
    """The answers of the ladder.

    Attributes:
        lined: each block of the middle column, with its answers. They are lines.
        chips: the answers that have a box of their own beside the question.
        begins: the last one, if after-call work begins by it.
    """

    lined: Mapping[str, list[Edge]]
    chips: tuple[Edge, ...]
    begins: Edge | None


def _ladder(graph: Graph, blocks: list[str], working: set[str]) -> _Ladder:
    """Return how each answer is drawn: by lines as long as they cross no other."""
    # Example: the answers skipped, absent, absent, skipped, pending. The block `stays absent` is above `skipped`. Its longest run
    # is the second and the third answer, so they are lines, and so is the fourth, to `skipped`. A line from the first answer down
    # to `skipped` would cross them, so it is a chip.
    answers = [edge for edge in graph.edges if edge.kind == "answer" and edge.moves]
    begins = answers.pop() if answers and answers[-1].target in working else None
    # Blocks are looked at from top to bottom, and only the answers behind the last run can lead to the next block.
    runs = [list(run) for _, run in groupby(answers, lambda edge: edge.target)]
    lined: dict[str, list[Edge]] = {}
    for block in blocks:
        if found := [number for number, run in enumerate(runs) if run[0].target == block]:
            longest = max(found, key=lambda number: len(runs[number]))
            lined[block] = runs[longest]
            runs = runs[longest + 1 :]
    drawn = {edge.id for run in lined.values() for edge in run}
    return _Ladder(lined, tuple(edge for edge in answers if edge.id not in drawn), begins)


def _work_drawn(graph: Graph, lanes: _Lanes) -> tuple[_Drawn, Mapping[str, Place], Mapping[int, float], float]:
    """Return what the hand draws, the chips, where the sides of the columns are, and where the lowest line is."""
    drawn, extra = _Drawn(graph), _extra(graph)
    of_kind: dict[str, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        of_kind[node.kind].append(node)
    working = [node.id for node in of_kind["pending"]]
    closed = [node.id for node in of_kind["final"]]
    above = [state for state in reversed(closed) if graph.states.standard(state) == "skipped"]
    blocks = ["stays_absent", *above, "any", *(state for state in closed if state not in above)]
    right = {*working, "working"}
    ladder = _ladder(graph, [block for block in blocks if block != "any"], right)
    x = (170 + lanes.shift(0), 540 + lanes.shift(1), 1010 + lanes.shift(2))

    deep = _work_before(drawn, [node.id for node in of_kind["initial"]], extra, x[0])
    rows = _work_blocks(drawn, ladder, (blocks, of_kind["question"]), (x[0], x[1], deep), right)
    lowest = max(drawn.places[block].bottom for block in blocks)
    deepest = max((drawn.places[node.id].y for node in of_kind["question"]), default=0)
    top = min([drawn.places["stays_absent"].bottom + 38, *(y - 22 for _, y in rows)])
    least = 76 + extra["working"] + sum(_gaps(graph, working, 34)) + len(working) * max(46, *(34 + extra[one] for one in working))
    bottom = max(lowest + 52, deepest + 50, top + least)
    single = sum(bool({*working} & {edge.source, edge.target}) for edge, _ in rows)
    _work_right(drawn, working, (x[2] - 110, max(50, 18 + 8 * single)), (top, bottom))
    _work_lines(drawn, ladder, blocks, working, (rows, bottom))
    chips = {}
    for edge in ladder.chips:
        rung = drawn.places[edge.source]
        chips[edge.id] = Place(rung.right + lanes.room(1) + 80, rung.y, 104, 28)
        drawn.put(edge, (rung.right, rung.y), (chips[edge.id].left, rung.y))
    end = drawn.places.get("working") or drawn.places[working[0]]
    sides = {
        0: x[0] - 120,
        1: x[0] + 120,
        2: x[1] - 110,
        3: x[1] + 110,
        4: end.left,
        5: end.right + (30 if len(working) > 1 else 0),
    }
    return drawn, chips, sides, bottom


def _work_before(drawn: _Drawn, states: list[str], extra: Mapping[str, int], x: float) -> float:
    """Place the states before the end of the leg. Return by how much deeper they are than one state."""
    framed = len(states) > 1
    heights = [60 + extra[state] for state in states]
    for state, y, height in zip(
        states, _stacked(38 if framed else 20, heights, _gaps(drawn.graph, states, 24)), heights, strict=True
    ):
        drawn.places[state] = Place(x, y, 240, height)
    low = drawn.places[states[-1]].bottom
    if framed:
        low += 12 + extra["initial"]
        drawn.places["initial"] = Place(x, (8 + low) / 2, 264, low - 8)
    return low - 80


def _work_blocks(
    drawn: _Drawn, ladder: _Ladder, columns: tuple[list[str], list[Node]], at: tuple[float, float, float], right: set[str]
) -> list[tuple[Edge, float]]:
    """Place the questions, and beside them the blocks of the middle column. Return where the lines from the right are."""
    (blocks, questions), (x0, x1, deep) = columns, at
    graph, extra, rows = drawn.graph, _extra(drawn.graph), list[tuple[Edge, float]]()
    # From top to bottom. A question is at the height of the block that its answer leads to, so that the line is straight. And a
    # block is as high as its questions on the left and its lines on the right need together. Example, from the standard table:
    #
    #     block         questions         lines from the right     top  bottom
    #     stays absent  140 208 276 344   242, from the oval       118  366
    #     skipped       412 480           426 502                  394  522
    #     any           -                 -                        560  600
    #     complete      -                 670 738 798 854          638  878
    asked = _Rungs(drawn, questions, x0, 72 + deep)
    top = 118 + deep
    for upper, block, lower in zip(["", *blocks], blocks, [*blocks[1:], ""], strict=False):
        if block == "any":
            y = top + 30 + _beside(_joining(graph, "any", upper)[:1])
            drawn.places[block] = Place(x1, y, 220, 40)
            top = y + 58 + _beside(_joining(graph, "any", lower)[:1])
            continue
        is_first, answers = block == blocks[0], ladder.lined.get(block, [])
        bottom, first = max(top + 60, top + 34 + extra[block]), top + 32
        if answers:
            lowest = asked.down_to([edge.source for edge in answers], top + (22 if is_first else 18))
            bottom = max(bottom, lowest + (22 if is_first else 42))
        if is_first:  # the oval is beside its middle, and the lines from the right are below that
            drawn.places["any_other"] = Place(0, (top + bottom) / 2, 220, 40)
            first = (top + bottom) / 2 + 132
        rows += _rows_of(graph, block, right, (first, rows[-1][1] if rows else 0))
        if rows:
            bottom = max(bottom, rows[-1][1] + (20 if answers or is_first else 24))
        drawn.places[block] = Place(x1, (top + bottom) / 2, 220, bottom - top)
        labels = _needed(_joining(graph, block, lower)) if lower != "any" else 0
        top = bottom + max(28, labels + 14 if labels else 0)
    asked.down_to([node.id for node in questions[-1:]], 0)
    return rows


def _rows_of(graph: Graph, block: str, right: set[str], at: tuple[float, float]) -> Iterator[tuple[Edge, float]]:
    """Yield the lines between a block and the right column, and where each one is: below `at`, and below the line before."""
    first, y = at
    for edge in graph.edges:
        if block in (edge.source, edge.target) and right & {edge.source, edge.target}:
            lines = len(edge.label) + bool(edge.badge)
            y = max(first, y + _ROOM[min(lines, 4) - 1] + LINE * max(0, lines - 4))
            yield edge, y


@define
class _Rungs:
    """Places the questions, one below the other.

    Attributes:
        y: where the last one is.
    """

    drawn: _Drawn
    questions: list[Node]
    x: float
    y: float

    def down_to(self, rungs: list[str], least: float) -> float:
        """Place the questions up to the last of these, the first no higher than `least`. Return where the last one is."""
        while rungs[-1] not in self.drawn.places:
            node = next(node for node in self.questions if node.id not in self.drawn.places)
            height = max(46, 18 * len(node.label) + 10)
            self.y = max(self.y + 68 + (height - 46), least if node.id == rungs[0] else 0)
            self.drawn.places[node.id] = Place(self.x, self.y, 240, height)
        return self.y


def _work_right(drawn: _Drawn, working: list[str], across: tuple[float, float], ends: tuple[float, float]) -> None:
    """Place the states of after-call work that goes on: one box, or several in a frame.

    Args:
        drawn: has the oval above them.
        working: the states.
        across: the left side, and the room in a frame for lines between its border and the states.
        ends: the top, and where the line by which after-call work begins is.
    """
    # In a frame, the line by which after-call work begins passes below it, and to the first state from the right. From the left
    # it would cross the lines of the states below the first one.
    #
    #     one state                    two states in a frame
    #
    #     <----- +---------+           <-------- : +---------+ :
    #     <----- | pending |           <-------- : | pending | :<-+
    #     -----> |         |           <-------- : +---------+ :  |
    #            +---------+           <---------- | paused  | :  |
    #                                            : +---------+ :  |
    #                                  ---------------------------+
    (left, margin), (top, low) = across, ends
    other = drawn.places["any_other"]
    if len(working) == 1:
        x = left + 110
        drawn.places[working[0]] = Place(x, (top + low + 18) / 2, 220, low + 18 - top)
        drawn.places["any_other"] = Place(x, other.y, other.width, other.height)
        return
    extra, x = _extra(drawn.graph), left + margin + 120
    low -= 28
    gaps = _gaps(drawn.graph, working, 34)
    height = (low - top - 34 - 14 - extra["working"] - sum(gaps)) // len(working)
    for state, y in zip(working, _stacked(top + 34, [height] * len(working), gaps), strict=True):
        drawn.places[state] = Place(x, y, 240, height)
    drawn.places["working"] = Place(left + (margin + 254) / 2, (top + low) / 2, margin + 254, low - top)
    drawn.places["any_other"] = Place(x, other.y, other.width, other.height)


def _work_lines(
    drawn: _Drawn, ladder: _Ladder, blocks: list[str], working: list[str], rows: tuple[list[tuple[Edge, float]], float]
) -> None:
    """Draw the lines by hand."""
    places, (across, bottom) = drawn.places, rows
    framed = "working" in places
    for edge in drawn.graph.edges:
        if (edge.kind == "answer" and not edge.moves) or edge.target == "question_1":
            drawn.put(edge)
    for block, answers in ladder.lined.items():
        for edge in answers:
            y = places[edge.source].y
            drawn.put(edge, (places[edge.source].right, y), (places[block].left, y))
    _work_rows(drawn, across)
    for upper, lower in pairwise(blocks):
        if "any" in (upper, lower):
            drawn.line("any", lower if upper == "any" else upper)
        else:
            drawn.upright(upper, lower)
    for states in (working, [node.id for node in drawn.graph.nodes if node.kind == "initial"]):
        for upper, lower in pairwise(states):
            drawn.uprights(upper, lower)
    other, first = places["any_other"], places[working[0]]
    drawn.line("any_other", "stays_absent", (other.left, other.y), (places["stays_absent"].right, other.y))
    x = first.x - (100 if framed else 0)
    drawn.line("any_other", working[0], (x, other.bottom), (x, first.top))
    if ladder.begins:
        rung, goal = places[ladder.begins.source], places[ladder.begins.target]
        start = ((rung.right, rung.y), (rung.right + 45, rung.y), (rung.right + 45, bottom))
        away = places["working"].right + 20 if framed else 0
        end = ((away, bottom), (away, goal.y), (goal.right, goal.y)) if framed else ((goal.left, bottom),)
        drawn.put(ladder.begins, *start, *end, span=(start[-1], end[0]))


def _work_rows(drawn: _Drawn, rows: list[tuple[Edge, float]]) -> None:
    """Draw the lines between the middle and the right: straight, or in the frame around its corner to the state."""
    # A line of a frame ends at its border. A line of a state inside goes on to the state, straight if the state is at its height.
    # Else it is bent between the border and the state. Each bent line is 8 pixels further to the right than the one above.
    bent = 0
    for edge, y in rows:
        forth = edge.target in drawn.places and drawn.places[edge.target].x > drawn.places[edge.source].x
        block, state = (edge.source, edge.target) if forth else (edge.target, edge.source)
        place, left = drawn.places[state], drawn.places[block].right
        corners: Route = ((place.left, y), (left, y))
        border = drawn.places.get("working", place).left
        if not place.top + 10 <= y <= place.bottom - 10:
            x, at = border + 10 + 8 * bent, min(max(y, place.top + 20 + 8 * bent), place.bottom - 20)
            corners = ((place.left, at), (x, at), (x, y), (left, y))
            bent += 1
        drawn.put(edge, *(corners[::-1] if forth else corners), span=((border, y), (left, y)))


__all__ = ["Layout", "layout_of", "stays_at"]
