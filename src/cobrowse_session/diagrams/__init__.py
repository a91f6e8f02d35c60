"""Diagrams, printed from the rows that run: two pictures in several formats, and the ways that sessions took through them.

>>> print(render("connection", "mermaid").splitlines()[0])
stateDiagram-v2
"""

from collections.abc import Callable, Mapping
from typing import Literal, get_args

from cobrowse_session.diagrams.dot import dot
from cobrowse_session.diagrams.graph import Graph, Picture, graph_of
from cobrowse_session.diagrams.markdown import markdown
from cobrowse_session.diagrams.mermaid import mermaid
from cobrowse_session.diagrams.perfetto import perfetto
from cobrowse_session.diagrams.scxml import scxml
from cobrowse_session.diagrams.svg import svg
from cobrowse_session.diagrams.timeline import timeline
from cobrowse_session.diagrams.ways import Way, with_way
from cobrowse_session.diagrams.xstate import xstate

__all__ = ["FORMATS", "PICTURES", "WITH_WAY", "Format", "Picture", "Way", "perfetto", "render", "timeline"]

Format = Literal["mermaid", "dot", "svg", "markdown", "scxml", "xstate"]

PICTURES: tuple[Picture, ...] = get_args(Picture)
"""What can be drawn."""
FORMATS: Mapping[Format, str] = {
    "mermaid": "mmd",
    "dot": "dot",
    "svg": "svg",
    "markdown": "md",
    "scxml": "scxml",
    "xstate": "xstate.json",
}
"""The formats, and how their files are called."""
WITH_WAY: tuple[Format, ...] = ("mermaid", "dot", "svg")
"""The formats that can show a way that was taken; the others are the machine's, whatever happened."""

_PRINTERS: Mapping[Format, Callable[[Graph], str]] = {
    "mermaid": mermaid,
    "dot": dot,
    "svg": svg,
    "markdown": markdown,
    "scxml": scxml,
    "xstate": xstate,
}


def render(picture: Picture, format: Format, *, way: Way | None = None) -> str:  # noqa: A002 (what everyone calls it)
    """Print a picture.

    Args:
        picture: `connection` or `after-call-work`.
        format: one of `FORMATS`.
        way: the way of one session, or of many, to be laid over it.

    Raises:
        ValueError: there is no such picture or format, or the format cannot show a way.
        DecodeError: the way was written by another table of rows.
    """
    if picture not in PICTURES:
        raise ValueError(f"expected one of {', '.join(PICTURES)}, found {picture!r}")
    if format not in FORMATS:
        raise ValueError(f"expected one of {', '.join(FORMATS)}, found {format!r}")
    if way is not None and format not in WITH_WAY:
        raise ValueError(f"{format} shows no way that was taken; {', '.join(WITH_WAY)} do")
    graph = graph_of(picture)
    return _PRINTERS[format](graph if way is None else with_way(graph, way))
