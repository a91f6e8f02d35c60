"""How the documentation is built: `make docs`. It needs no network, and every warning is an error."""

import inspect
import re
import sys
from html import unescape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.inspect import stringify_signature

from cobrowse_session import Communication, Event, __version__

sys.path.insert(0, str(Path(__file__).parents[1]))  # pages draw the tables of `examples`

project = "cobrowse-session"
author = "the cobrowse-session developers"
version = release = __version__
html_title = f"{project} {version}"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_llm.txt",
    "cobrowse_session.sphinx",
]

# --- Pages --------------------------------------------------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
copybutton_exclude = ".linenos, .gp, .go"  # prompts and what was printed
llms_txt_suppress_unknown_node_warnings = ["meta"]  # nothing that Markdown has
llms_txt_full_build = True
llms_txt_description = "The life of a contact-centre session: provider events in, the session out."

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_show_sphinx = html_show_copyright = False
html_copy_source = False
templates_path: list[str] = []

# --- The API, from docstrings -------------------------------------------------------------------------------------------------

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True  # `KINDS`, and not all that it holds
autodoc_typehints = "signature"
autoclass_content = "class"
autodoc_default_options = {"members": True}
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_attr_annotations = False  # the signature says them
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
default_role = "py:obj"  # `Name` in a docstring is a link where there is such a name, and code where there is none

# A name in a signature that leads nowhere is an error, but for what others document.
nitpicky = True
nitpick_ignore_regex = [
    ("py:obj", r"[\s\S]*"),
    ("py:.*", r"(asyncio|collections|contextlib|datetime|logging|pathlib|random|typing)\..*|Tracer"),
    ("py:.*", r"(fastapi|hypothesis|sqlalchemy|standardwebhooks|starlette)\..*"),
    (
        "py:class",
        r"cobrowse_session\.(lifecycle\.row\.[AG]|model\.(S_co|T)|store\.store\.Result|testing\.checked\.T)",
    ),  # type variables
    ("py:.*", r"cobrowse_session\.store\.(shelf|found\.Reader).*|LostRace"),  # what a store has within
    ("py:class", r"cobrowse_session\.testing\.(expect\._(Inbox|Store)|payloads\.Sent)"),  # what the test kit has within
]


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.add_transform(_RuleAnchors)
    app.add_post_transform(_ForMarkdown)
    app.connect("html-page-context", _hang_lines_of_code)
    app.connect("autodoc-process-signature", _own_arguments)
    app.connect("autodoc-process-docstring", _begin_with_comment, priority=400)  # before napoleon, which has 500


class _RuleAnchors(SphinxTransform):
    """Anchors for the numbered rules of a page: a bold id, `**ACW-4**`, is the anchor `acw-4` and a link to itself."""

    default_priority = 500  # before Sphinx collects the labels of a page, at 850

    def apply(self, **_: object) -> None:
        """Add the anchors. An id that is there twice is a warning."""
        if self.env.docname not in ("lifecycle", "reference/payloads"):
            return
        for strong in list(self.document.findall(nodes.strong)):
            if re.fullmatch("[A-Z]+-[0-9]+", strong.astext()):
                strong["names"].append(strong.astext().lower())
                self.document.note_explicit_target(strong)
                strong[:] = [nodes.reference("", "", *strong.children, refid=strong["ids"][0])]


class _ForMarkdown(SphinxPostTransform):
    """What the Markdown builder would drop: the `*` of a signature, the name of a file, links into the same page."""

    default_priority = 900

    def run(self, **_: object) -> None:
        """Say them in nodes that it knows."""
        if self.app.builder.format == "markdown":
            for star in list(self.document.findall(nodes.abbreviation)):
                star.replace_self(nodes.Text(star.astext()))
            for name in list(self.document.findall(nodes.caption)):
                name.replace_self(nodes.paragraph("", "", nodes.strong("", name.astext())))
            for link in list(self.document.findall(nodes.reference)):
                if "refid" in link:  # it would be written without an address
                    link.replace_self(link.children)


def _hang_lines_of_code(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    """Give each line of code its indent, for wide.css: a line that wraps goes on four columns further in."""
    blocks = r'(?<=<div class="highlight"><pre>).*?(?=</pre>)'
    context["body"] = re.sub(blocks, lambda block: re.sub(".+", _hang, block[0]), context.get("body", ""), flags=re.DOTALL)


def _hang(line: re.Match[str]) -> str:
    text = unescape(re.sub("<[^>]*>", "", line[0]))
    indent = re.match(r"(>>> |\.\.\. |\$ )? *", text)
    return f'<span class="line" style="--indent: {len(indent[0]) if indent else 0}">{line[0]}</span>'


def _begin_with_comment(_app: Sphinx, what: str, _name: str, _obj: object, _options: object, lines: list[str]) -> None:
    """Or napoleon takes what stands before a colon in an attribute's first line for its type."""
    if what in ("attribute", "property", "data"):
        lines[:0] = ["..", ""]


def _own_arguments(
    _app: Sphinx, _what: str, _name: str, documented: object, _options: object, _signature: str, returns: str
) -> tuple[str, str] | None:
    """The arguments of a kind of event or communication that are its own; what all of them take, their base says."""
    for base in (Event, Communication):
        if isinstance(documented, type) and issubclass(documented, base) and documented is not base:
            inherited = inspect.signature(base).parameters
            own = [one for name, one in inspect.signature(documented).parameters.items() if name not in inherited]
            others = inspect.Parameter(base.__name__.lower(), inspect.Parameter.VAR_KEYWORD)
            return stringify_signature(inspect.Signature([*own, others]), unqualified_typehints=True), returns
    return None
