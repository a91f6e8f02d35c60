"""Two Sphinx directives: the diagrams, and a session in time, drawn while your pages are built.

Name the extension in `conf.py`; it needs no program and no network:

.. code-block:: python

   extensions = ["cobrowse_session.sphinx"]

.. code-block:: rst

   .. cobrowse-diagram:: after-call-work

      After-call work.

   .. cobrowse-diagram:: connection
      :trace: trace.jsonl
      :session: s1

      The path of one session; without ``:session:``, of all in the trace.

   .. cobrowse-diagram:: connection
      :table: acme.tables:HOLD

      The connection by the rows of ``HOLD`` in the module ``acme.tables``.

   .. cobrowse-timeline:: events.jsonl
      :session: s1
      :acw: timeout
      :acw-timeout: 30
      :until: end

      One session in time. It may have a ``:table:``, too.

Files are named as everywhere in Sphinx, beside the page or, with a leading slash, from the root of the pages. What stands inside
is the caption. In HTML the drawing is part of the page, in the page's theme; other builders get the diagram in Mermaid, and the
session in sentences.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, NoReturn, TypeVar

from cobrowse_session import CobrowseError, Lifecycle, MissingExtraError, Settings, WrapupPrompt, __version__
from cobrowse_session.diagrams import PICTURES, TracePath, timeline
from cobrowse_session.diagrams.graph import graph_of
from cobrowse_session.diagrams.mermaid import mermaid
from cobrowse_session.diagrams.paths import with_path
from cobrowse_session.diagrams.svg import svg
from cobrowse_session.io.diff import read_trace
from cobrowse_session.io.replay import Rejected, read_events, replay
from cobrowse_session.named import table_named
from cobrowse_session.printable import printable
from cobrowse_session.stream import SessionLog, history
from cobrowse_session.tables import Table
from cobrowse_session.times import MAX_TIME
from cobrowse_session.wire.converter import read_time

try:
    from docutils import nodes
    from docutils.parsers.rst import directives
    from sphinx.application import Sphinx
    from sphinx.util.docutils import SphinxDirective
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("docutils", "sphinx"):
        raise
    raise MissingExtraError("the Sphinx extension", "sphinx") from None

Reader = Callable[[str], Any]
"""What reads an option. `Any`: each reads into what it likes."""
T = TypeVar("T", bound=str)


class drawing(nodes.General, nodes.Element):  # noqa: N801 (docutils writes nodes so)
    """A drawing whose builder is not known yet. It contains its caption."""


def _for_builder(app: Sphinx, page: nodes.document, _name: str) -> None:
    """Put SVG or text in the place of each drawing, whichever the builder can show."""
    for node in list(page.findall(drawing)):
        node.replace_self(_figure(node) if app.builder.format == "html" else _told(node, app.builder.format))


def _figure(node: drawing) -> list[nodes.Node]:
    width = int(node["drawn"].partition(' width="')[2].partition('"')[0])
    least = f"min-width: {node['scale'] * width:.0f}px"
    scrolls = f'<div class="cobrowse-picture" style="overflow-x: auto" tabindex="0"><div style="{least}">'
    svg = nodes.raw("", f"{scrolls}{node['drawn']}</div></div>", format="html")
    caption = [nodes.caption("", "", *node.children)] if node.children else []
    return [nodes.figure("", svg, *caption, ids=node["ids"])]


def _told(node: drawing, builder: str) -> list[nodes.Node]:
    language = node["language"] if builder == "markdown" else "text"  # others would look for its colours
    caption = [nodes.paragraph("", "", *node.children)] if node.children else []
    return [*caption, nodes.literal_block(node["text"], node["text"], language=language)]


class _Directive(SphinxDirective):
    """The base of both directives."""

    scale: ClassVar[float]
    """The smallest scale at which the drawing can be read. Where a page has less room, the drawing scrolls."""
    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Draw. A wrong file or option is an error of this place in the page."""
        name = nodes.make_id(f"cobrowse {self.env.docname} {self.env.new_serialno('cobrowse')}")
        try:
            drawn, language, text = self.draw(name)
        except (CobrowseError, OSError, LookupError, ValueError) as error:
            lines = f"{self.name} {self.arguments[0]}: {error}".split("\n")  # of a table, one for each problem
            raise self.error("\n".join(map(printable, lines))) from error
        caption, messages = self.parse_inline(" ".join(self.content)) if self.content else ([], [])
        node = drawing("", *caption, ids=[f"{name}-figure"], drawn=drawn, scale=self.scale, language=language, text=text)
        return [node, *messages]

    def draw(self, name: str) -> tuple[str, str, str]:
        """Return the SVG with that id, and a language and a text for other builders."""
        raise NotImplementedError

    def table(self) -> Table:
        """Return the table that the page names. None named: the standard one."""
        if "table" not in self.options:
            return Table.standard()
        try:
            return table_named(self.options["table"])
        except ValueError as error:
            raise ValueError(f":table: {error}") from None

    def path(self, name: str) -> Path:
        """Return a file that a page names. The page is built again when the file changes."""
        relative, absolute = self.env.relfn2path(name)
        self.env.note_dependency(relative)
        return Path(absolute)


class Diagram(_Directive):
    """`cobrowse-diagram`: a picture of the lifecycle, and the paths taken through it."""

    scale = 0.76
    option_spec: ClassVar[dict[str, Reader] | None] = {
        "trace": directives.path,
        "session": directives.unchanged_required,
        "table": directives.unchanged_required,
    }

    def draw(self, name: str) -> tuple[str, str, str]:
        """Return the picture and its Mermaid."""
        graph = graph_of(_one_of(PICTURES, self.arguments[0]), self.table())
        if (path := self._path()) is not None:
            graph = with_path(graph, path)
        return svg(graph, name), "mermaid", mermaid(graph)

    def _path(self) -> TracePath | None:
        if "trace" not in self.options:
            if "session" in self.options:
                raise ValueError(":session: needs the :trace: of a replay")
            return None
        with self.path(self.options["trace"]).open("rb") as file:
            return TracePath.of(read_trace(file), self.options.get("session"))


class Timeline(_Directive):
    """`cobrowse-timeline`: one session in time."""

    scale = 0.82
    option_spec: ClassVar[dict[str, Reader] | None] = {
        "session": directives.unchanged_required,
        "table": directives.unchanged_required,
        "acw": directives.unchanged_required,
        "acw-timeout": directives.unchanged_required,
        "until": directives.unchanged_required,
    }

    def draw(self, name: str) -> tuple[str, str, str]:
        """Return the session in time, and its history in sentences."""
        log = self._log()
        return timeline(log, name), "text", "\n".join(map(printable, history(log)))

    def _log(self) -> SessionLog:
        table = self.table()
        settings = Settings(
            wrapup_prompt=_one_of(tuple(WrapupPrompt), WrapupPrompt.read(self.options["acw"])) if "acw" in self.options else None,
            wrapup_timeout=_duration(self.options["acw-timeout"]) if "acw-timeout" in self.options else None,
        )
        until = _moment(self.options["until"]) if "until" in self.options else None
        with self.path(self.arguments[0]).open("rb") as file:
            events = read_events(file, _refuse, table=table)
            logs = replay(events, Lifecycle(settings=settings, table=table), until)
        session = self.options.get("session")
        found = [log for log in logs if session in (None, log.session_id)]
        if len(found) != 1:
            known = ", ".join(log.session_id for log in logs[:10]) or "none"
            raise LookupError(f":session: must name one session of these events. These events have {known}")
        return found[0]


def _refuse(rejected: Rejected) -> NoReturn:
    raise rejected.error


def _duration(text: str) -> timedelta:
    try:
        return timedelta(seconds=float(text))
    except (OverflowError, ValueError):
        raise ValueError(f":acw-timeout: expected seconds, found {text!r}") from None


def _moment(text: str) -> datetime:
    try:
        return MAX_TIME if text == "end" else read_time(text)
    except ValueError as error:
        raise ValueError(f":until: expected {error} or 'end', found {text!r}") from None


def _one_of(known: tuple[T, ...], word: str) -> T:
    for one in known:
        if one == word:
            return one
    raise ValueError(f"expected one of {', '.join(known)}, found {word!r}")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx. `Any`: what Sphinx asks for."""
    app.add_node(drawing)
    app.connect("doctree-resolved", _for_builder)
    app.add_directive("cobrowse-diagram", Diagram)
    app.add_directive("cobrowse-timeline", Timeline)
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}
