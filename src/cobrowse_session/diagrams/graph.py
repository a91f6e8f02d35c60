"""The graph of each picture, read from the machines that run.

An edge may represent many moves of the machine. From a frame or into one, it is drawn only if it holds for every state inside. An
edge has the moves that it represents (`moves`), so that a test can compare them.

Refusals are no edges. The table has them (`markdown.py`), and the picture of a path (`paths.py`).
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import takewhile
from textwrap import wrap
from typing import Literal

from attrs import evolve, field, frozen

from cobrowse_session.events import AfterCallWorkTimeout, AlertingTimeout
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.guards import connected, has_ended, not_connected, not_ended, not_yet_connected
from cobrowse_session.lifecycle.machine import machines
from cobrowse_session.lifecycle.row import NO_TRANSITION, Guard, Row, RowOutcome, name_of
from cobrowse_session.lifecycle.states import CLOSED, ENDED, PENDING, STANDARD, States
from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION, LEG_ENDED
from cobrowse_session.printable import printable

Picture = Literal["connection", "after-call-work"]
Emphasis = Literal["plain", "taken", "faint", "never"]
NodeKind = Literal["initial", "pending", "live", "ended", "final", "question", "any"]
EdgeKind = Literal["event", "deadline", "answer", "stays"]

LONGEST = 28
"""Characters of a line on an edge."""
TITLE = 72
"""Characters of a text from outside, such as a session's id, in a title."""
CLOCK = "◷"
REFUSED_IF = "refused if"
STAYS = "↻"
"""An event that is applied, and the state stays."""
DEADLINES = {
    AlertingTimeout.kind: "after alertingTimeoutMs",
    AfterCallWorkTimeout.kind: "after wrapupTimeoutMs",
}
"""What a person calls the passing of a standard deadline."""


# --- The model ----------------------------------------------------------------------------------------------------------------


@frozen
class Move:
    """One row, for one kind of event, in one state of its machine.

    Attributes:
        event: the kind of event.
        source: the state.
        target: the state that is entered. None: the state stays.
        row: the row.
    """

    event: str
    source: str
    target: str | None
    row: Row

    @property
    def key(self) -> tuple[str, str, str]:
        """The key by which a trace entry finds the move."""
        return self.event, self.source, self.row.name


@frozen(kw_only=True)
class Annotation:
    """An event that changed no state, at the state in which it came.

    Attributes:
        label: what, in a line.
        tooltip: the same with its time and its reason.
        refused: whether it broke a rule.
        number: of the first trace entry, if the path is that of one session.
    """

    label: str
    tooltip: str
    refused: bool
    number: int = 0


@frozen(kw_only=True)
class Node:
    """A state, a question or a group of states.

    Attributes:
        id: stable, and one word of letters, digits and underscores. The id of a state is its name, unless it is no such word, or
            another part has it.
        label: its lines.
        kind: `question` is a step of the decision, `any` represents every state.
        group: the frame that it is in.
        tooltip: its meaning, in full.
        emphasis: the style where a path is shown.
        badge: the time when it was reached, or a count.
        annotations: the events that changed no state there.
    """

    id: str
    label: tuple[str, ...]
    kind: NodeKind
    group: str | None = None
    tooltip: str = ""
    emphasis: Emphasis = "plain"
    badge: str = ""
    annotations: tuple[Annotation, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """Its label, with the mark behind it."""
        *before, last = self.label
        return (*before, f"{last} {self.badge}".rstrip())


@frozen(kw_only=True)
class Edge:
    """A line from one node or frame to another.

    Attributes:
        id: stable.
        label: its lines, none longer than `LONGEST`.
        kind: `answer` belongs to a question, `stays` is a loop: the event is applied, and the state stays.
        moves: the moves that it represents. The answer "no" represents none.
        emphasis: the style where a path is shown.
        badge: the time when it was taken, or a count.
        count: how often it was taken.
        taken: the two states, if it was always taken between the same two.
    """

    id: str
    source: str
    target: str
    label: tuple[str, ...]
    kind: EdgeKind = "event"
    moves: tuple[Move, ...] = ()
    emphasis: Emphasis = "plain"
    badge: str = ""
    count: int = 0
    taken: tuple[str, str] | None = None

    @property
    def tooltip(self) -> str:
        """The rows' own sentences, each once."""
        return " ".join(dict.fromkeys(move.row.reason for move in self.moves))

    @property
    def rows(self) -> tuple[str, ...]:
        """The names of the rows, each once."""
        return tuple(dict.fromkeys(move.row.name for move in self.moves))


@frozen
class Group:
    """States in one frame."""

    id: str
    states: tuple[str, ...]

    @property
    def label(self) -> str:
        """The label in its frame. After-call work has a state of the same name."""
        return f"{self.id} states"


@frozen(kw_only=True)
class Graph:
    """One picture.

    Attributes:
        table: the table whose machine it shows.
        name: of the picture.
        title: a brief name for those who cannot see it.
        about: what it shows, in a sentence or two.
        initial: the node in which everything begins.
        nodes: in the order of life.
        groups: frames around nodes.
        edges: in the order of the rows.
        notes: the events that changed no state, where a path is shown.
        ids: each state, with the id of its node.
        states: the states by these ids, in groups.
        moves: everything that the machine can do, with these ids.
    """

    table: Table = field(factory=Table.standard, eq=False, repr=False)
    name: Picture
    title: str
    about: str
    initial: str
    nodes: tuple[Node, ...]
    groups: tuple[Group, ...] = ()
    edges: tuple[Edge, ...] = field()
    notes: tuple[Annotation, ...] = ()
    ids: Mapping[str, str] = field(factory=dict, eq=False, repr=False)
    states: States = field(default=STANDARD, eq=False, repr=False)
    moves: tuple[Move, ...] = field(default=(), eq=False, repr=False)

    @property
    def description(self) -> str:
        """The picture in words, for those who cannot see it."""
        names = {node.id: " ".join(node.label) for node in self.nodes}
        edges = (
            f"{names.get(edge.source, edge.source)} to {names.get(edge.target, edge.target)}: {_told(edge)}"
            for edge in self.edges
        )
        return " ".join([f"{self.about} {'; '.join(edges)}.", *(note.tooltip for note in self.notes)])

    def members(self, name: str) -> tuple[str, ...]:
        """The nodes of a frame. A node is its own only member."""
        return next((group.states for group in self.groups if group.id == name), (name,))


def _told(edge: Edge) -> str:
    said = " ".join(filter(None, (edge.badge, *edge.label)))
    return said.replace(f" {REFUSED_IF}", f", {REFUSED_IF}")


# --- The two pictures ---------------------------------------------------------------------------------------------------------


def graph_of(picture: Picture, table: Table | None = None) -> Graph:
    """Return the graph of a picture.

    Args:
        picture: its name.
        table: None: the standard one.
    """
    table = table or Table.standard()
    ids = node_ids(picture, table)
    drawn = _Drawn(
        table=table,
        ids=ids,
        states=States(tuple((ids[own], ids.get(other, other)) for own, other in table.states.own if own in ids)),
        moves=tuple(
            evolve(move, source=ids[move.source], target=move.target and ids[move.target]) for move in moves_of(picture, table)
        ),
    )
    return _connection(drawn) if picture == "connection" else _after_call_work(drawn)


@frozen(kw_only=True)
class _Drawn:
    """A table whose states have the ids of their nodes. The attributes are those of `Graph`."""

    table: Table
    ids: Mapping[str, str]
    states: States
    moves: tuple[Move, ...]

    @property
    def names(self) -> Mapping[str, str]:
        """The state of each node."""
        return {node: state for state, node in self.ids.items()}


def node_ids(picture: Picture, table: Table) -> Mapping[str, str]:
    """Return the id of the node of each state. No other part has it, in any format.

    >>> table = Table.standard().extended("mine", states=dict.fromkeys(("on hold", "on_20hold", "live"), "offering"))
    >>> {state: node for state, node in node_ids("connection", table).items() if state != node}
    {'on hold': 'on_20hold', 'on_20hold': 'state_on_20hold', 'live': 'state_live'}
    """
    part = table.parts[0] if picture == "connection" else table.parts[1]
    own = dict(table.states.own)
    found: dict[str, str] = {}
    for state in sorted(part.states, key=own.__contains__):  # the standard states have their names
        name = _SEVERAL.sub("_", identifier(state).replace("-", "_2d")).strip("_") or "state"
        while name in found.values() or name.lower() in _TAKEN[picture] or name.startswith("question_") or name[0].isdigit():
            name = f"state_{name}"
        found[state] = name
    return {state: found[state] for state in part.states}


# A dash joins the ids of an edge, and Mermaid has two underscores in its place.
_SEVERAL = re.compile("__+")
_WORDS = (
    *("title", "desc", "frame", "start", "initial", "initial_states"),  # of SVG and DOT, and of both pictures
    *("state", "note", "class", "classdef", "style", "click", "direction", "scale", "hide", "as", "end", "default"),  # of Mermaid
    *("acctitle", "accdescr", "root", "root_start", "root_end", "constructor"),
)
_TAKEN: Mapping[Picture, frozenset[str]] = {
    "connection": frozenset((*_WORDS, "pending", "pending_states", "live", "live_states", "ended", "ended_states")),
    "after-call-work": frozenset((*_WORDS, "working", "working_states", "stays_absent", "any", "any_other")),
}
"""The ids of what is no state: of the frames, the other nodes and the parts of a format, and the words of a format."""


def moves_of(picture: Picture, table: Table | None = None) -> tuple[Move, ...]:
    """Everything that the machine of a picture can do, moving or not, in the order of the rows within each state."""
    built = machines(table or Table.standard())
    machine = built.connection if picture == "connection" else built.after_call_work
    return tuple(
        Move(event, state, one.dest, one.row)
        for event, trigger in machine.triggers.items()
        for state in machine.states
        for one in trigger.row_transitions(state)
    )


def _connection(drawn: _Drawn) -> Graph:
    states, names = drawn.states, drawn.names
    groups = _groups(
        initial=states.like("none"), pending=states.like(*PENDING), live=states.like("connected"), ended=states.like(*ENDED)
    )
    frame = {state: group.id for group in groups for state in group.states}
    kinds: dict[str, NodeKind] = {
        **dict.fromkeys(states.like("none"), "initial"),
        **dict.fromkeys(states.pending, "pending"),
        **dict.fromkeys(states.ended, "final"),
    }
    return Graph(
        table=drawn.table,
        ids=drawn.ids,
        states=states,
        moves=drawn.moves,
        name="connection",
        title=f"The connection{_of(drawn.table)}",
        about="The life of one leg, from none through the pending states, which have no order, to connected and its end.",
        initial="none",
        nodes=tuple(
            Node(id=state, label=(names[state],), kind=kinds.get(state, "live"), group=frame.get(state))
            for state in states.connection
        ),
        groups=groups,
        edges=_distinct((*_collapsed(drawn, groups), *_stays(drawn, groups))),
    )


def _groups(**states: tuple[str, ...]) -> tuple[Group, ...]:
    """Return the frames. A state that is alone needs none."""
    return tuple(Group(name, some) for name, some in states.items() if len(some) > 1)


def _distinct(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Return the edges with ids that differ in every format. One whose id is taken has its kind of event in its id, too."""
    found: dict[str, Edge] = {}
    for edge in edges:
        name = identifier(edge.id)
        if _SIGNS.sub("_", name) in found:
            name = identifier(f"{edge.id}-{edge.moves[0].event}-{edge.moves[0].row.name}")
        while _SIGNS.sub("_", name) in found:
            name += "-again"
        found[_SIGNS.sub("_", name)] = evolve(edge, id=name)
    return tuple(found.values())


_SIGNS = re.compile("[-_]+")


def _collapsed(drawn: _Drawn, groups: tuple[Group, ...]) -> Iterator[Edge]:
    """Return edges between frames if they hold for every state inside, else between states."""
    # Examples from the connection. Of 47 moves, nine edges remain:
    #
    #     from, to            moves   all pairs  drawn
    #     pending, ended      10      10         one edge between the frames, `disconnected or terminated`
    #     pending, pending    20      20         one loop: each state to each other
    #     ended, ended        1       2          between the states: disconnected to terminated, and no way back
    #     alerting, by timer  1                  between the states
    #
    # Deadlines are kept apart. The alerting timer enters `disconnected`, as some move of pending to ended does. It would vanish
    # in that edge. A row with guards is kept apart, too: its label has them.
    moves, table = drawn.moves, drawn.table
    members = {group.id: group.states for group in groups}
    frame = {state: group.id for group in groups for state in group.states}
    between: dict[tuple[bool, str, str, str], list[Move]] = defaultdict(list)
    for move in moves:
        if move.target is not None:
            ends = frame.get(move.source, move.source), frame.get(move.target, move.target)
            timer = move.event in table.timers
            between[(timer, *ends, f"{move.event} {move.row.name}" if timer or move.row.guards else "")].append(move)
    for (timer, start, end, _), some in sorted(between.items(), key=lambda item: item[0][0]):
        inside = members.get(start, (start,)), members.get(end, (end,))
        for source, target, joined in _between(some, (start, end), inside):
            label = deadline_label(table, joined[0].event) if timer else _one_of(joined, inside, source, target)
            guards = _wrapped(_asked_of(joined[0], moves)) if joined[0].row.guards else ()
            kind: EdgeKind = "deadline" if timer else "event"
            yield Edge(id=f"{source}-{target}", source=source, target=target, label=(*label, *guards), kind=kind, moves=joined)


Ends = tuple[str, str]
Members = tuple[tuple[str, ...], tuple[str, ...]]


def _between(moves: list[Move], ends: Ends, members: Members) -> Iterator[tuple[str, str, tuple[Move, ...]]]:
    """Yield the two ends of each edge, frames or states, and its moves."""
    # From a frame: what every state inside does. Example: an own event that leaves two of the pending states has an edge of its
    # own from each of them.
    sources: dict[tuple[str, str], set[str]] = defaultdict(set)
    for move in moves:
        sources[move.event, str(move.target)].add(move.source)
    whole = {key for key, some in sources.items() if some == {*members[0]} - {key[1]}}
    within = ends[0] == ends[1]
    into_all = {target for _, target in whole} == {*members[1]} and not (within and len(members[1]) == 2)
    found: dict[Ends, list[Move]] = defaultdict(list)
    for move in moves:
        target = str(move.target)
        if (move.event, target) not in whole or (within and not into_all):
            found[move.source, target].append(move)
        else:
            found[ends[0], ends[1] if into_all else target].append(move)
    yield from ((source, target, tuple(some)) for (source, target), some in found.items())


def _stays(drawn: _Drawn, groups: tuple[Group, ...]) -> Iterator[Edge]:
    """Return a loop for each row of the table's own that writes and enters no state."""
    # The standard rows of this kind, such as `details`, are in the table (`markdown.py`). An own one, such as `held`, would be
    # in no picture: the leg stays connected.
    standard = {row.name for row in (*CONNECTION, *AFTER_CALL_WORK)}
    by_row: dict[tuple[str, Row], list[Move]] = defaultdict(list)
    for move in drawn.moves:
        own = move.row.name not in standard and move.event != LEG_ENDED
        if own and move.row.outcome == NO_TRANSITION and move.row.actions and _can_hold(move.row, move.source, drawn.states):
            by_row[move.event, move.row].append(move)
    for (event, row), some in by_row.items():
        sources = {move.source: move for move in some}
        guards = ", ".join(guard_label(guard) for guard in row.guards if guard not in _GROUPS)
        label = tuple(wrap(f"{STAYS} {words(event)}" + (f" [{guards}]" if guards else ""), LONGEST))
        for place, inside in _placed(tuple(sources), groups):
            held = tuple(sources[state] for state in inside)
            yield Edge(id=f"{place}-{place}-{row.name}", source=place, target=place, label=label, kind="stays", moves=held)


def _placed(states: tuple[str, ...], groups: tuple[Group, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the frames of which all states are among these, then the other states, each with the states inside."""
    whole = [group for group in groups if {*group.states} <= {*states}]
    yield from ((group.id, group.states) for group in whole)
    framed = {state for group in whole for state in group.states}
    yield from ((state, (state,)) for state in states if state not in framed)


# Guards that hold in some states of the connection only, whatever else the session has.
_GROUPS: Mapping[Guard, Callable[[States, str], bool]] = {
    connected: lambda states, state: state in states.connected,
    not_connected: lambda states, state: state not in states.connected,
    has_ended: lambda states, state: state in states.ended,
    not_ended: lambda states, state: state not in states.ended,
    not_yet_connected: lambda states, state: state not in states.connected | states.ended,
}


def _can_hold(row: Row, state: str, states: States) -> bool:
    """Return whether the guards of a row can hold in a state. A state of after-call work says nothing about them."""
    return state not in states.connection or all(_GROUPS[guard](states, state) for guard in row.guards if guard in _GROUPS)


def _one_of(moves: Iterable[Move], members: Members, source: str, target: str) -> tuple[str, ...]:
    """Return the label of an edge: its events, or that it may be any of them."""
    events = tuple(dict.fromkeys(words(move.event) for move in moves))
    if members[0] == members[1] and source == target and len(events) > 1:
        return (f"any other {source} one",)
    if len(events) > 2 and target not in members[1]:
        return ("any of these",)
    return tuple(wrap(" or ".join(events), LONGEST))


def _after_call_work(drawn: _Drawn) -> Graph:
    states, moves = drawn.states, drawn.moves
    before, working = states.like("absent"), states.like("pending")
    groups = _groups(initial=before, working=working)
    frame = {state: group.id for group in groups for state in group.states}
    # A leg ends once, and until then there is no after-call work: of the ladder, only these states' is ever climbed.
    rungs, answers = _ladder([move for move in moves if move.event == LEG_ENDED and move.source in before])
    start = frame.get("absent", "absent")
    edges = (
        Edge(id=f"{start}-{rungs[0].id}", source=start, target=rungs[0].id, label=(words(LEG_ENDED),)),
        *answers,
        *_exits(drawn, groups),
        *_stays(drawn, groups),
    )
    return Graph(
        table=drawn.table,
        ids=drawn.ids,
        states=states,
        moves=moves,
        name="after-call-work",
        title=f"After-call work{_of(drawn.table)}",
        about="When the leg ends, the first question answered yes decides. What is pending ends by an event, or by its deadline.",
        initial="absent",
        nodes=tuple(_work_nodes(drawn, rungs, frame)),
        groups=groups,
        edges=_distinct(edges),
    )


def _work_nodes(drawn: _Drawn, rungs: list[Node], frame: Mapping[str, str]) -> Iterator[Node]:
    states, names = drawn.states, drawn.names
    for state in states.like("absent"):
        tooltip = _ABSENT if state == "absent" else ""
        yield Node(id=state, label=(names[state],), kind="initial", group=frame.get(state), tooltip=tooltip)
    yield from rungs
    yield Node(
        id="stays_absent",
        label=("stays absent:", "no after-call work"),
        kind="ended",
        tooltip="The leg ended without after-call work.",
    )
    yield from (Node(id=state, label=(names[state],), kind="pending", group=frame.get(state)) for state in states.like("pending"))
    yield from (Node(id=state, label=(names[state],), kind="final") for state in states.like(*CLOSED))
    yield from _ovals("the one, and the frame," if "working" in frame.values() else "the one")


_ABSENT = "No after-call work, as long as the leg has not ended."


def _ovals(but: str) -> tuple[Node, Node]:
    """Return the nodes for many states."""
    return (
        Node(
            id="any",
            label=("any state,", "once the leg has ended"),
            kind="any",
            tooltip="Whatever became of it, once the leg has ended.",
        ),
        Node(
            id="any_other",
            label=("any other state,", "once the leg has ended"),
            kind="any",
            tooltip=f"Any state but {but} that the arrow leads to, once the leg has ended.",
        ),
    )


def _ladder(moves: list[Move]) -> tuple[list[Node], list[Edge]]:
    """A question a row, and its two answers."""
    by_row: dict[int, list[Move]] = defaultdict(list)
    for move in moves:
        by_row[id(move.row)].append(move)
    asked = list(by_row.values())
    rungs = [
        Node(
            id=f"question_{number}",
            label=tuple(wrap(f"{number} · {_asked(some[0].row)}", LONGEST)),
            kind="question",
            tooltip=some[0].row.reason,
        )
        for number, some in enumerate(asked, 1)
    ]
    answers = []
    for number, (rung, some) in enumerate(zip(rungs, asked, strict=True)):
        target, row = some[0].target or "stays_absent", some[0].row
        label = ("yes",) if row.guards else tuple(wrap(words(row.name), LONGEST))
        answers.append(
            Edge(id=f"{rung.id}-{target}", source=rung.id, target=target, label=label, kind="answer", moves=tuple(some))
        )
        if number + 1 < len(rungs):
            below = rungs[number + 1]
            answers.append(Edge(id=f"{rung.id}-{below.id}", source=rung.id, target=below.id, label=("no",), kind="answer"))
    return rungs, answers


def _exits(drawn: _Drawn, groups: tuple[Group, ...]) -> Iterator[Edge]:
    """Return an edge for each row: from its state or frame, from `any` if it holds in all states, or from `any_other`."""
    # Examples:
    #
    #     row                   states it is for           drawn
    #     complete_by_code      pending                    one edge, from pending
    #     complete_by_platform  all four                   one edge, from `any` to complete
    #     started_by_platform   all but pending, its goal  one edge, from `any_other` to pending
    moves, table = drawn.moves, drawn.table
    by_row: dict[tuple[str, str, str], list[Move]] = defaultdict(list)
    for move in moves:
        if move.event != LEG_ENDED and move.target is not None:
            by_row[move.event, move.row.name, move.target].append(move)
    for (event, name, target), some in by_row.items():
        deadline = event in table.timers
        asks = (event, *_asked_of(some[0], moves), *_unless(some[0], moves))
        label = deadline_label(table, event) if deadline else _wrapped(asks)
        for source, joined in _sources({move.source: move for move in some}, target, groups, drawn.states):
            if source == "absent" and _is_after_the_end(joined[0], moves):
                source = AFTER_THE_END[source]  # noqa: PLW2901 (it has two places)
            yield Edge(
                id=f"{source}-{target}-{name}",
                source=source,
                target=AFTER_THE_END.get(target, target),
                label=label,
                kind="deadline" if deadline else "event",
                moves=joined,
            )


def _sources(
    moves: Mapping[str, Move], target: str, groups: tuple[Group, ...], states: States
) -> Iterator[tuple[str, tuple[Move, ...]]]:
    """Yield the nodes or frames that represent the states of a row, each with its moves."""
    everywhere = {*states.after_call_work}
    # `absent` after the end of the leg is outside of the frame of the states before the end.
    mates = next(({*group.states} for group in groups if target in group.states and target not in AFTER_THE_END), {target})
    oval = "any" if moves.keys() == everywhere else "any_other" if moves.keys() == everywhere - mates else None
    if oval:
        yield oval, tuple(moves.values())
        return
    outside = tuple(group for group in groups if target not in group.states)  # no arrow from a frame to a state inside
    for place, inside in _placed(tuple(moves), outside):
        yield place, tuple(moves[state] for state in inside)


# The state before the end of the leg and the one after it without after-call work have one name, and two places.
AFTER_THE_END = {"absent": "stays_absent"}


def _is_after_the_end(move: Move, moves: tuple[Move, ...]) -> bool:
    """Return whether an earlier row of the same cell takes the event if the leg has not ended."""
    return any(other.row.guards == (not_ended,) for other in _before(move, moves))


# --- Words --------------------------------------------------------------------------------------------------------------------


def _of(table: Table) -> str:
    return "" if table.name == "standard" else f" (table {shortened(table.name)})"


def shortened(text: str) -> str:
    """Return a text from outside that fits into a title: printable, and cut to `TITLE` characters."""
    shown = printable(text)
    return shown if len(shown) <= TITLE else f"{shown[: TITLE - 1]}…"


def _wrapped(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the lines of a label."""
    return tuple(line for one in texts for line in wrap(printable(one), LONGEST))


def identifier(name: str) -> str:
    """Return a name for formats that allow letters, digits, underscores and dashes. `on hold` is `on_20hold`."""
    return _NOT_A_WORD.sub(lambda found: f"_{ord(found[0]):x}", name)


_NOT_A_WORD = re.compile(r"[^\w-]", re.ASCII)


def words(name: str) -> str:
    """A name as a person reads it."""
    return name.replace("_", " ")


def deadline_label(table: Table, kind: str) -> tuple[str, ...]:
    """Return what a person calls the passing of a deadline, in lines. That of an own timer is its docstring's first sentence."""
    sentence = " ".join((table.timers[kind].__doc__ or "").split()).partition(". ")[0].removesuffix(".")
    return tuple(wrap(printable(DEADLINES.get(kind) or sentence or words(kind)), LONGEST))


def guard_label(guard: Guard) -> str:
    """Return what a guard asks, in a few words."""
    return words(name_of(guard))


def is_refusal(row: Row) -> bool:
    """Return whether a row refuses the event."""
    return isinstance(row.result, RowOutcome) and row.result.kind == "refused"


def _asked(row: Row) -> str:
    return f"{', '.join(map(guard_label, row.guards))}?" if row.guards else "otherwise"


def _asked_of(move: Move, moves: tuple[Move, ...]) -> Iterator[str]:
    """Yield the guards in brackets, with `else` if another exit comes first. Without guards, the name of the row is shown.

    Nothing is shown for a row that decides alone.
    """
    if not move.row.guards and not any(_before(move, moves)):
        return
    guards = ", ".join(map(guard_label, move.row.guards)) or words(move.row.name.removeprefix(f"{move.target}_"))
    is_first = not any(other.target and set(other.row.guards) & set(move.row.guards) for other in _before(move, moves))
    yield f"[{guards}]" if is_first and move.row.guards else f"[else: {guards}]"


def _before(move: Move, moves: tuple[Move, ...]) -> Iterator[Move]:
    """Return what is asked before a move, in its cell."""
    cell = (other for other in moves if (other.event, other.source) == (move.event, move.source))
    return takewhile(lambda other: other.row is not move.row, cell)


def _unless(move: Move, moves: tuple[Move, ...]) -> Iterator[str]:
    """Return what an earlier row of the same cell refuses, though the event is of this kind too."""
    for other in _before(move, moves):
        asks_more = [guard for guard in other.row.guards if guard not in move.row.guards]
        if is_refusal(other.row) and len(asks_more) < len(other.row.guards):
            yield f"{REFUSED_IF} {', '.join(map(guard_label, asks_more))}"
