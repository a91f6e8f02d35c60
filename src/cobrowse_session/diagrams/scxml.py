"""SCXML: the machine of a picture, guards and actions by name. Export only. Nothing here reads a machine from outside."""

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from cobrowse_session.diagrams.graph import Graph, Move, identifier
from cobrowse_session.diagrams.markdown import result_label
from cobrowse_session.lifecycle.row import Action, Guard, name_of
from cobrowse_session.printable import printable

ROW = "urn:cobrowse-session:row"


def scxml(graph: Graph) -> str:
    """Print the machine of a picture: every row in its order, refusals as transitions that lead nowhere."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f"<!-- {escape(graph.title)}. {escape(graph.about)} Guards are to be defined by whoever runs it. -->"
    spaces = f'xmlns="http://www.w3.org/2005/07/scxml" xmlns:row="{ROW}"'
    yield f'<scxml {spaces} version="1.0" name="{graph.name.replace("-", "_")}" initial="{graph.initial}">'
    for state, node in graph.ids.items():
        yield f'  <state id="{node}"' + (f" row:state={quoteattr(printable(state))}>" if state != node else ">")
        yield from (f"    {_transition(move)}" for move in graph.moves if move.source == node)
        yield "  </state>"
    yield "</scxml>"


def _function(part: Guard | Action) -> str:
    return identifier(name_of(part).replace(" ", "_"))


def _transition(move: Move) -> str:
    row = move.row
    said = {
        "event": move.event,
        "cond": " and ".join(_function(guard) for guard in row.guards),
        "target": move.target or "",
        "row:name": row.name,
        "row:gives": "" if move.target else result_label(row),
        "row:then": " ".join(_function(stamp) for stamp in row.actions),
        "row:because": row.reason,
    }
    return f"<transition {' '.join(f'{key}={quoteattr(printable(text))}' for key, text in said.items() if text)}/>"
