"""Diagrams, printed from the rows that run: two pictures in several formats, and the paths that sessions took through them.

>>> print(render("connection", "mermaid").splitlines()[0])
stateDiagram-v2
"""

from collections.abc import Callable, Mapping
from typing import Literal, get_args

from cobrowse_session.diagrams.dot import dot
from cobrowse_session.diagrams.graph import Graph, Picture, graph_of
from cobrowse_session.diagrams.markdown import markdown
from cobrowse_session.diagrams.mermaid import mermaid
from cobrowse_session.diagrams.paths import TracePath, with_path
from cobrowse_session.diagrams.perfetto import perfetto
from cobrowse_session.diagrams.scxml import scxml
from cobrowse_session.diagrams.svg import svg
from cobrowse_session.diagrams.timeline import timeline
from cobrowse_session.diagrams.xstate import xstate
from cobrowse_session.lifecycle.definition import Table

__all__ = ["FORMATS", "PICTURES", "WITH_PATH", "Format", "Picture", "TracePath", "perfetto", "render", "timeline"]

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
WITH_PATH: tuple[Format, ...] = ("mermaid", "dot", "svg")
"""The formats that can show a path. The others show the machine."""

_PRINTERS: Mapping[Format, Callable[[Graph], str]] = {
    "mermaid": mermaid,
    "dot": dot,
    "svg": svg,
    "markdown": markdown,
    "scxml": scxml,
    "xstate": xstate,
}


def render(
    picture: Picture,
    format: Format,  # noqa: A002 (what everyone calls it)
    *,
    path: TracePath | None = None,
    table: Table | None = None,
) -> str:
    """Print a picture.

    Args:
        picture: `connection` or `after-call-work`.
        format: one of `FORMATS`.
        path: the path of one session, or of many, to be laid over it.
        table: None: the standard one.

    Raises:
        ValueError: there is no such picture or format, or the format cannot show a path.
        DecodeError: the trace was written by another table of rows.
    """
    if picture not in PICTURES:
        raise ValueError(f"expected one of {', '.join(PICTURES)}, found {picture!r}")
    if format not in FORMATS:
        raise ValueError(f"expected one of {', '.join(FORMATS)}, found {format!r}")
    if path is not None and format not in WITH_PATH:
        raise ValueError(f"{format} shows no paths; {', '.join(WITH_PATH)} do")
    graph = graph_of(picture, table)
    return _PRINTERS[format](graph if path is None else with_path(graph, path))
