"""The graph of each picture, read from the machines that run.

An edge may represent many moves of the machine. From a frame or into one, it is drawn only if it holds for every state inside. An
edge has the moves that it represents (`moves`), so that a test can compare them.

Refusals are no edges. The table has them (`markdown.py`), and the picture of a path (`paths.py`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import takewhile
from textwrap import wrap
from typing import Literal

from attrs import field, frozen

from cobrowse_session.events import AfterCallWorkTimeout, AlertingTimeout
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.machine import machines
from cobrowse_session.lifecycle.row import Guard, Row, RowOutcome, name_of
from cobrowse_session.lifecycle.states import CLOSED, ENDED, PENDING
from cobrowse_session.lifecycle.table import LEG_ENDED
from cobrowse_session.printable import printable

Picture = Literal["connection", "after-call-work"]
Emphasis = Literal["plain", "taken", "faint", "never"]

LONGEST = 28
"""Characters of a line on an edge."""
TITLE = 72
"""Characters of a text from outside, such as a session's id, in a title."""
CLOCK = "◷"
REFUSED_IF = "refused if"
DEADLINES = {
    AlertingTimeout.kind: "after alertingTimeoutMs",
    AfterCallWorkTimeout.kind: "after wrapupTimeoutMs",
}
"""What a person calls the passing of a deadline."""


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
        id: stable. The id of a state is its name.
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
    kind: Literal["initial", "pending", "live", "ended", "final", "question", "any"]
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
        kind: `answer` belongs to a question.
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
    kind: Literal["event", "deadline", "answer"] = "event"
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
    return _connection(table) if picture == "connection" else _after_call_work(table)


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


def _connection(table: Table) -> Graph:
    states = table.states
    groups = (Group("pending", states.like(*PENDING)), Group("ended", states.like(*ENDED)))
    frame = {state: group.id for group in groups for state in group.states}
    kinds = {**dict.fromkeys(states.pending, "pending"), **dict.fromkeys(states.ended, "final"), "none": "initial"}
    nodes = tuple(
        Node(id=state, label=(state,), kind=kinds.get(state, "live"), group=frame.get(state))  # type: ignore[arg-type]  # names
        for state in states.connection
    )
    moving = [move for move in moves_of("connection", table) if move.target is not None]
    return Graph(
        table=table,
        name="connection",
        title="The connection",
        about="The life of one leg, from none through the pending states, which have no order, to connected and its end.",
        initial="none",
        nodes=nodes,
        groups=groups,
        edges=tuple(_collapsed(moving, groups)),
    )


def _collapsed(moves: Iterable[Move], groups: tuple[Group, ...]) -> Iterator[Edge]:
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
    # in that edge.
    members = {group.id: group.states for group in groups}
    frame = {state: group.id for group in groups for state in group.states}
    between: dict[tuple[str, str], list[Move]] = defaultdict(list)
    deadlines: dict[tuple[str, str], list[Move]] = defaultdict(list)
    for move in moves:
        source, target = move.source, str(move.target)
        if move.event in DEADLINES:
            deadlines[source, target].append(move)
        else:
            between[frame.get(source, source), frame.get(target, target)].append(move)
    for (source, target), some in between.items():
        ends = members.get(source, (source,)), members.get(target, (target,))
        whole = {(one, other) for one in ends[0] for other in ends[1] if one != other}
        if {(move.source, move.target) for move in some} == whole:
            yield Edge(
                id=f"{source}-{target}", source=source, target=target, label=_one_of(some, ends, source), moves=tuple(some)
            )
        else:
            for move in some:
                yield Edge(
                    id=f"{move.source}-{move.target}",
                    source=move.source,
                    target=str(move.target),
                    label=(words(move.event),),
                    moves=(move,),
                )
    for (source, target), some in deadlines.items():
        yield Edge(
            id=f"{source}-{target}",
            source=source,
            target=target,
            label=(DEADLINES[some[0].event],),
            kind="deadline",
            moves=tuple(some),
        )


def _one_of(moves: Iterable[Move], ends: tuple[tuple[str, ...], tuple[str, ...]], source: str) -> tuple[str, ...]:
    """Return the label of a whole frame's edge: its events, or that it may be any of them."""
    events = tuple(dict.fromkeys(words(move.event) for move in moves))
    if ends[0] == ends[1] and len(events) > 1:
        return (f"any other {source} one",)
    return (" or ".join(events),) if len(events) <= 2 else ("any of these",)


def _after_call_work(table: Table) -> Graph:
    moves = moves_of("after-call-work", table)
    # A leg ends once, and until then there is no after-call work: of the ladder, only this state's is ever climbed.
    ladder = [move for move in moves if move.event == LEG_ENDED and move.source == "absent"]
    rungs, answers = _ladder(ladder)
    return Graph(
        table=table,
        name="after-call-work",
        title="After-call work",
        about="When the leg ends, the first question answered yes decides. What is pending ends by an event, or by its deadline.",
        initial="absent",
        nodes=(
            Node(id="absent", label=("absent",), kind="initial", tooltip="No after-call work, as long as the leg has not ended."),
            *rungs,
            Node(
                id="stays_absent",
                label=("stays absent:", "no after-call work"),
                kind="ended",
                tooltip="The leg ended without after-call work.",
            ),
            *(Node(id=state, label=(state,), kind="pending") for state in table.states.like("pending")),
            *(Node(id=state, label=(state,), kind="final") for state in table.states.like(*CLOSED)),
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
                tooltip="Any state but the one that the arrow leads to, once the leg has ended.",
            ),
        ),
        edges=(
            Edge(id=f"absent-{rungs[0].id}", source="absent", target=rungs[0].id, label=(words(LEG_ENDED),)),
            *answers,
            *_exits(moves, table),
        ),
    )


def _ladder(moves: list[Move]) -> tuple[list[Node], list[Edge]]:
    """A question a row, and its two answers."""
    rungs = [
        Node(
            id=f"question_{number}",
            label=tuple(wrap(f"{number} · {_asked(move.row)}", LONGEST)),
            kind="question",
            tooltip=move.row.reason,
        )
        for number, move in enumerate(moves, 1)
    ]
    answers = []
    for number, (rung, move) in enumerate(zip(rungs, moves, strict=True)):
        target = move.target or f"stays_{move.source}"
        label = ("yes",) if move.row.guards else (words(move.row.name),)
        answers.append(Edge(id=f"{rung.id}-{target}", source=rung.id, target=target, label=label, kind="answer", moves=(move,)))
        if number + 1 < len(rungs):
            below = rungs[number + 1]
            answers.append(Edge(id=f"{rung.id}-{below.id}", source=rung.id, target=below.id, label=("no",), kind="answer"))
    return rungs, answers


def _exits(moves: tuple[Move, ...], table: Table) -> Iterator[Edge]:
    """Return an edge for each row: from its state, from `any` if it holds in all states, or from `any_other`."""
    # Examples:
    #
    #     row                   states it is for           drawn
    #     complete_by_code      pending                    one edge, from pending
    #     complete_by_platform  all four                   one edge, from `any` to complete
    #     started_by_platform   all but pending, its goal  one edge, from `any_other` to pending
    by_row: dict[tuple[str, str], list[Move]] = defaultdict(list)
    for move in moves:
        if move.event != LEG_ENDED and move.target is not None:
            by_row[move.event, move.row.name].append(move)
    for (event, name), some in by_row.items():
        sources, target = {move.source for move in some}, str(some[0].target)
        states = set(table.states.after_call_work)
        everywhere = "any" if sources == states else "any_other" if sources == states - {target} else None
        for source in [everywhere] if everywhere else [move.source for move in some]:
            deadline = event in DEADLINES
            label = (DEADLINES[event],) if deadline else (event, *_asked_of(some[0], moves), *_unless(some[0], moves))
            yield Edge(
                id=f"{source}-{target}-{name}",
                source=source,
                target=_AFTER_THE_END.get(target, target),
                label=label,
                kind="deadline" if deadline else "event",
                moves=tuple(some if everywhere else (move for move in some if move.source == source)),
            )


# The state before the end of the leg and the one after it without after-call work have one name, and two places.
_AFTER_THE_END = {"absent": "stays_absent"}


# --- Words --------------------------------------------------------------------------------------------------------------------


def shortened(text: str) -> str:
    """Return a text from outside that fits into a title: printable, and cut to `TITLE` characters."""
    shown = printable(text)
    return shown if len(shown) <= TITLE else f"{shown[: TITLE - 1]}…"


def words(name: str) -> str:
    """A name as a person reads it."""
    return name.replace("_", " ")


def guard_label(guard: Guard) -> str:
    """Return what a guard asks, in a few words."""
    return words(name_of(guard))


def is_refusal(row: Row) -> bool:
    """Return whether a row refuses the event."""
    return isinstance(row.result, RowOutcome) and row.result.kind == "refused"


def _asked(row: Row) -> str:
    return f"{', '.join(map(guard_label, row.guards))}?" if row.guards else "otherwise"


def _asked_of(move: Move, moves: tuple[Move, ...]) -> Iterator[str]:
    """Yield the guards in brackets, with `else` if another exit comes first. Without guards, the name of the row is shown."""
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
