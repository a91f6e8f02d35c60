"""Paths of sessions over the picture, from a trace: one session's path, numbered and timed, or counts of a whole stream.

A trace entry names its row, so nothing is guessed. The entry is shown at the edge that represents the row. If the row enters no
state, it is an annotation at its state.

Example: `ended+begins` of a connected leg is two moves. In the picture of the connection, `ended` is the edge from connected to
the ended states. In the picture of after-call work, `begins` is the last answer, and all questions before it were answered "no".
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from attrs import evolve, frozen

from cobrowse_session.diagrams.graph import (
    AFTER_THE_END,
    Annotation,
    Edge,
    Emphasis,
    Graph,
    Move,
    Node,
    guard_label,
    is_refusal,
    shortened,
)
from cobrowse_session.diagrams.markdown import result_label
from cobrowse_session.errors import DecodeError, Problem
from cobrowse_session.events import UnknownEvent
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.row import Row
from cobrowse_session.lifecycle.table import LEG_ENDED
from cobrowse_session.printable import printable
from cobrowse_session.vocabulary import ConnectionState

TraceRow = Mapping[str, Any]  # JSON


@frozen
class TracePath:
    """The path of one session, or the paths of a whole stream.

    Attributes:
        rows: the entries of the trace, in order.
        session: the session. None: all sessions.
    """

    rows: tuple[TraceRow, ...]
    session: str | None = None

    @classmethod
    def of(cls, trace: Iterable[TraceRow], session: str | None = None) -> Self:
        """Return the path of a trace.

        Args:
            trace: the entries that `replay --trace` writes.
            session: the session. None: all sessions.

        Raises:
            LookupError: the trace has no entry of that session.
        """
        rows = tuple(row for row in trace if session is None or row.get("session") == session)
        if session is not None and not rows:
            raise LookupError(f"the trace has no entry of session {session!r}")
        return cls(rows, session)

    @property
    def sessions(self) -> int:
        """The number of its sessions."""
        return len({row.get("session") for row in self.rows})

    @property
    def unseen(self) -> Emphasis:
        """The style of what no session reached."""
        return "never" if self.session is None else "faint"


@frozen
class _Step:
    """One row of the trace: its number in its session, when it happened, and what the machine of the picture did."""

    number: int
    at: str
    move: Move
    ended: bool

    @property
    def time(self) -> str:
        """The time of day."""
        return self.at[11:23]


def with_path(graph: Graph, path: TracePath) -> Graph:
    """Return a picture with a path: visited states and edges are emphasised, refused events are annotations at their states.

    Raises:
        DecodeError: an entry is none of a trace, or another table wrote it.
    """
    edges = {move.key: edge for edge in graph.edges for move in edge.moves}
    on_edge: dict[str, list[_Step]] = defaultdict(list)
    in_node: dict[str, list[_Step]] = defaultdict(list)
    annotations: dict[str, list[_Step]] = defaultdict(list)
    stayed: set[str] = set()
    for step in _steps(graph, path):
        if edge := edges.get(step.move.key):
            for passed in _led_to(graph, edge):
                on_edge[passed.id].append(step)
                in_node[passed.source].append(step)
            on_edge[edge.id].append(step)
            if edge.kind == "stays":
                stayed.add(step.move.source)
            else:
                in_node[_target(graph, edge, step.move)].append(step)
        else:
            annotations[_node_of(graph, step)].append(step)
    visited = {*in_node, *annotations, *stayed, graph.initial, *(edge.source for edge in graph.edges if on_edge[edge.id])}
    nodes = tuple(
        _node(node, in_node[node.id], annotations[node.id], path, first=node.id == graph.initial)
        if node.id in visited
        else evolve(node, emphasis=path.unseen)
        for node in graph.nodes
    )
    return evolve(
        graph,
        title=f"{graph.title}: {_whose(path)}",
        about=f"{graph.about} {_told(path)}",
        nodes=nodes,
        edges=tuple(_edge(edge, on_edge[edge.id], path) for edge in graph.edges),
        notes=tuple(
            sorted((annotation for node in nodes for annotation in node.annotations), key=lambda annotation: annotation.number)
        ),
    )


# --- From trace rows to moves -------------------------------------------------------------------------------------------------


def _steps(graph: Graph, path: TracePath) -> Iterator[_Step]:
    # Example: a call that alerts, connects, ends, and has its wrap-up and a click on Done. Its rows, with the move that each
    # picture looks up by (kind, state, row):
    #
    #     row of the trace    connection                                     after-call work
    #     alerting            alerting, none, alerting
    #     connected           connected, alerting, connected
    #     ended+begins        disconnected, connected, ended                 leg_ended, absent, begins
    #     complete_by_code                                                   wrapup, pending, complete_by_code
    #     duplicate                                                          acw.ended, complete, duplicate
    #
    # The trace has the state of the connection before a row (`from`), but that of after-call work afterwards (`acw`). So `work`
    # keeps the latter from row to row, session by session: rows of several sessions may be mixed. A trace may begin in the middle
    # of a session. Then the picture of after-call work leaves out its first row.
    moves = {move.key: move for move in graph.moves}
    kinds = {event for event, _, _ in moves}
    numbers: dict[str, int] = defaultdict(int)
    work: dict[str, str] = {}
    for row in path.rows:
        session, at, source = (_text(row, key) for key in ("session", "at", "from"))
        own, _, after_end = _text(row, "row").partition("+")
        numbers[session] += 1
        kind = _kind(row, graph.table)
        ladder = graph.name == "after-call-work" and bool(after_end)
        before = "absent" if source == ConnectionState.NONE else None
        state = source if graph.name == "connection" else work.get(session, before)
        if state is not None and (ladder or kind in kinds):
            key = (LEG_ENDED, graph.ids.get(state, state), after_end) if ladder else (kind, graph.ids.get(state, state), own)
            if key not in moves:
                raise DecodeError((Problem("unknown_row", "$.row", " ".join(key), _expected(graph.table)),))
            yield _Step(numbers[session], at, moves[key], source in graph.table.states.ended)
        work[session] = _text(row, "acw", default="absent")


def _expected(table: Table) -> str:
    name = "this version's table" if table is Table.standard() else f"table {table.name!r}"
    return f"a row of {name}"


def _kind(row: TraceRow, table: Table) -> str:
    type_ = _text(row, "type")
    if row.get("event") is None and type_ in table.timers:  # an event of an unknown type may have a timer's name
        return type_
    return table.types.get(type_, UnknownEvent).kind


def _text(row: TraceRow, key: str, default: str | None = None) -> str:
    text = row.get(key, default)
    if not isinstance(text, str):
        raise DecodeError((Problem("wrong_type", f"$.{key}", repr(text), "a trace row's text"),))
    return printable(text)


# --- From moves to marks ------------------------------------------------------------------------------------------------------


def _led_to(graph: Graph, edge: Edge) -> list[Edge]:
    """The answers "no" that were given before, up to the ladder's beginning."""
    before: list[Edge] = []
    at = edge.source
    while step := next((one for one in graph.edges if one.target == at and not one.moves), None):
        before.append(step)
        at = step.source
    return before


def _target(graph: Graph, edge: Edge, move: Move) -> str:
    return edge.target if edge.target in {node.id for node in graph.nodes} else str(move.target)


def _node_of(graph: Graph, step: _Step) -> str:
    """Return the node of a step that led nowhere."""
    ended = step.ended and graph.name == "after-call-work"
    return AFTER_THE_END.get(step.move.source, step.move.source) if ended else step.move.source


def _node(node: Node, steps: list[_Step], annotations: list[_Step], path: TracePath, *, first: bool) -> Node:
    at_state = node.kind not in ("question", "any")
    if path.session is None:
        mark = f"×{path.sessions if node.kind == 'initial' else len(steps):,}" if at_state else ""
    else:
        mark = " ".join(circled(step.number) for step in steps) if at_state and not first else ""
    return evolve(node, emphasis="taken", badge=mark, annotations=tuple(_annotations(annotations, path)))


def _annotations(steps: list[_Step], path: TracePath) -> Iterator[Annotation]:
    """Return the events in a state that led nowhere, each event's row once, refusals first."""
    by_row: dict[tuple[bool, str, Row], list[_Step]] = defaultdict(list)
    for step in steps:
        by_row[not is_refusal(step.move.row), step.move.event, step.move.row].append(step)
    for (fine, event, row), some in sorted(by_row.items(), key=lambda item: item[0][0]):
        held = f"[{', '.join(map(guard_label, row.guards))}]" if row.guards else ""
        if path.session is None:
            number, sign, time, often = 0, "", "", f"({len(some):,})"
        else:
            number, time, often = some[0].number, some[0].time, f"(and {len(some) - 1:,} more)" if len(some) > 1 else ""
            sign = circled(number)
        yield Annotation(
            label=_joined(sign, event, result_label(row), often),
            tooltip=f"{_joined(sign, time, event, held, result_label(row), often)}: {row.reason}",
            refused=not fine,
            number=number,
        )


def _edge(edge: Edge, steps: list[_Step], path: TracePath) -> Edge:
    if not steps:
        return evolve(edge, emphasis=path.unseen)
    label = _happened(edge, steps, path)
    between = {(step.move.source, str(step.move.target)) for step in steps}
    taken = between.pop() if len(between) == 1 else None
    if path.session is None:
        return evolve(edge, label=label, emphasis="taken", badge=f"×{len(steps):,}", count=len(steps), taken=taken)
    if edge.kind == "answer" and not edge.moves:  # a "no" before an answer
        return evolve(edge, emphasis="taken")
    often = f" … ×{len(steps):,}" if len(steps) > 1 else ""
    mark = f"{circled(steps[0].number)} {steps[0].time}{often}"
    return evolve(edge, label=label, emphasis="taken", badge=mark, taken=taken)


def _happened(edge: Edge, steps: list[_Step], path: TracePath) -> tuple[str, ...]:
    """Return the label of an edge for several events: those that came, and for many sessions also those that never came."""
    events = Counter(step.move.event for step in steps)
    never = [event for event in dict.fromkeys(move.event for move in edge.moves) if event not in events]
    if not never and len(events) < 2:
        return edge.label
    if path.session is not None:
        return tuple(events)
    others = never if len(never) < 2 else ["others"]
    return tuple(f"{event} ×{events[event]:,}" for event in (*events, *others))


# --- Words --------------------------------------------------------------------------------------------------------------------


def _joined(*words: str) -> str:
    return " ".join(filter(None, words))


def circled(number: int) -> str:
    """A number in a ring, as far as there are such signs."""
    return chr(0x2460 + number - 1) if number <= 20 else f"({number})"


def _whose(path: TracePath) -> str:
    return (
        f"the paths of {path.sessions:,} sessions" if path.session is None else f"the path of session {shortened(path.session)}"
    )


def _told(path: TracePath) -> str:
    if path.session is None:
        return "Counts say how often each path was taken; what is dotted was never taken."
    return (
        f"Numbers are the rows of its trace, times are UTC, from {_text(path.rows[0], 'at')[:10]}; what is faint it did not take."
    )
