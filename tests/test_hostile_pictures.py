"""Text from outside breaks no picture: whatever an id, a note or a row's sentence holds, each format stays whole and shows it."""

import html
import json
import re
import shutil
import subprocess
from xml.etree import ElementTree as ET

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.effort import examples
from tests.tables import table_of

from cobrowse_session import Context, Event, Lifecycle, SessionLog
from cobrowse_session.diagrams import PICTURES, Picture, TracePath, perfetto, render, timeline
from cobrowse_session.diagrams.dot import dot
from cobrowse_session.diagrams.graph import TITLE, Annotation, Edge, Graph, Node, graph_of
from cobrowse_session.diagrams.markdown import markdown
from cobrowse_session.diagrams.mermaid import mermaid
from cobrowse_session.diagrams.scxml import scxml
from cobrowse_session.diagrams.svg import svg
from cobrowse_session.diagrams.xstate import xstate
from cobrowse_session.io.replay import replay
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.row import RowOutcome
from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION
from cobrowse_session.printable import printable
from cobrowse_session.testing import stream
from cobrowse_session.wire.trace import trace_entry

SVG = "{http://www.w3.org/2000/svg}"
BREAKING = (
    *("\x00", "\x1b[31m", "\n", "\r\n", "\t", "\u202e", "\u2066", "\u2028", "\u200b", "\ufeff", "\ufffe"),
    *('"', "'", "`", "<", ">", "&", "|", "\\", "*", "_", "#", ";", ":", "{", "}", "[", "]", "%", "~"),
    *("]]>", "-->", "--", "</svg>", "</title>", "<script>", "&#10;", "&amp;", "&#8238;", "#8238;", "\\N", "\\l"),
    *("%%{init: {'theme': 'dark'}}%%", '" as x', "x --> y", "```", "\n\n# x", "| --- |", "*/", "\U0001f600", "é"),
)
ENCODABLE = st.characters(codec="utf-8")


def _hostile(characters: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(BREAKING) | st.text(characters, min_size=1, max_size=4), min_size=1, max_size=8).map("".join)


hostile = _hostile(ENCODABLE)
"""What an event may hold."""
ill_formed = _hostile(st.characters())
"""What a trace that somebody else wrote may hold: lone surrogates, too."""


# --- A session's id -----------------------------------------------------------------------------------------------------------


@given(session=ill_formed, at=ill_formed, picture=st.sampled_from(PICTURES))
def test_a_path_in_svg_is_xml_and_shows_the_id(session: str, at: str, picture: Picture) -> None:
    text = render(picture, "svg", path=_way(session, at))
    title = _parsed(text).findtext(f"{SVG}title", "")

    assert title.endswith(f"the path of session {_in_title(session)}")
    assert _only_printable(text)


@given(session=ill_formed, at=ill_formed, picture=st.sampled_from(PICTURES))
def test_a_path_in_mermaid_keeps_its_lines_and_hides_no_directive(session: str, at: str, picture: Picture) -> None:
    text = render(picture, "mermaid", path=_way(session, at))
    usual = render(picture, "mermaid", path=_way("s", "2026-03-01T09:00:00.000Z"))

    assert _skeleton_of_mermaid(text) == _skeleton_of_mermaid(usual)
    assert "%%" not in text
    assert _only_printable(text)


@given(session=ill_formed, at=ill_formed, picture=st.sampled_from(PICTURES))
def test_a_path_in_dot_differs_in_its_strings_only(session: str, at: str, picture: Picture) -> None:
    text = render(picture, "dot", path=_way(session, at))
    usual = render(picture, "dot", path=_way("s", "2026-03-01T09:00:00.000Z"))

    assert _skeleton_of_dot(text) == _skeleton_of_dot(usual)
    assert _only_printable(text)


@given(session=hostile, code=hostile, conversation=hostile, event_id=hostile)
def test_a_trace_for_a_viewer_is_json_of_printable_text(session: str, code: str, conversation: str, event_id: str) -> None:
    events = _call(session, code)
    logs = replay(
        [evolve(event, id=f"{event_id}{n}", context=Context(conversation_id=conversation)) for n, event in enumerate(events)]
    )
    text = perfetto(logs)
    names = [item["args"]["name"] for item in json.loads(text)["traceEvents"] if item["ph"] == "M"]

    assert names == [printable(conversation), printable(session)]
    assert _only_printable(text)


@given(session=hostile, code=hostile)
def test_a_timeline_is_xml_and_shows_the_id(session: str, code: str) -> None:
    log = SessionLog(Lifecycle(), session)
    for event in _call(session, code):
        log.add(event)
    text = timeline(log)

    assert _in_title(session) in _parsed(text).findtext(f"{SVG}title", "")
    assert _only_printable(text)


@given(session=st.text(ENCODABLE, min_size=TITLE + 1, max_size=2000))
def test_a_long_id_is_cut_in_a_title(session: str) -> None:
    title = _parsed(render("connection", "svg", path=_way(session, "x"))).findtext(f"{SVG}title", "")

    assert title.endswith("…")
    assert len(title) < 150


# --- Whatever a graph holds ---------------------------------------------------------------------------------------------------


@given(label=ill_formed)
def test_a_label_stays_one_label(label: str) -> None:
    graph, usual = _labelled(label), _labelled("x" * len(printable(label)))

    assert _skeleton_of_mermaid(mermaid(graph)) == _skeleton_of_mermaid(mermaid(usual))
    assert _skeleton_of_dot(dot(graph)) == _skeleton_of_dot(dot(usual))
    assert [child.tag for child in _parsed(svg(graph)).iter()] == [child.tag for child in _parsed(svg(usual)).iter()]
    assert _only_printable(mermaid(graph) + svg(graph))


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz")
@examples(20)  # each starts a process
@given(label=ill_formed)
def test_graphviz_reads_one_label_and_shows_it(label: str) -> None:
    done = subprocess.run(["dot", "-Tdot_json"], input=dot(_labelled(label)).encode(), capture_output=True, check=True)
    read, usual = json.loads(done.stdout), {"start", "none", "connected", "none annotation 1"}
    (edge,) = (edge for edge in read["edges"] if edge.get("id") == "none-connected")

    assert done.stderr == b""
    assert {node["name"] for node in read["objects"]} == usual
    assert len(read["edges"]) == 3
    assert _as_graphviz_shows(edge["label"]) == "\n".join([printable(label)] * 2)


@pytest.mark.parametrize("picture", PICTURES)
@examples(25)  # each builds the machines
@given(reason=ill_formed, rule=ill_formed)
def test_a_sentence_or_a_rule_breaks_no_table_and_no_machine(picture: Picture, reason: str, rule: str) -> None:
    graph, worded = graph_of(picture), graph_of(picture, _worded(reason, rule))
    table = markdown(worded)

    assert {len(row) for row in _rows_of(table)} == {len(_rows_of(markdown(graph))[0])}
    assert len(table.splitlines()) == len(markdown(graph).splitlines())
    assert {element.tag for element in _parsed(scxml(worded)).iter()} == {element.tag for element in _parsed(scxml(graph)).iter()}
    assert json.loads(xstate(worded))["states"].keys() == json.loads(xstate(graph))["states"].keys()
    assert all(map(_only_printable, (table, scxml(worded), xstate(worded))))


@pytest.mark.parametrize(("picture", "like"), [("connection", "offering"), ("after-call-work", "complete")])
@examples(25)  # each builds the machines
@given(state=ill_formed.map(lambda text: "".join(filter(str.isprintable, text)) + "."))  # no other text is a name
def test_an_own_states_name_breaks_no_picture_and_no_machine(picture: Picture, like: str, state: str) -> None:
    graph = graph_of(picture, Table.standard().extended("hostile", states={state: like}))
    usual = graph_of(picture, Table.standard().extended("usual", states={"x" * len(printable(state)): like}))

    assert _skeleton_of_dot(dot(graph)) == _skeleton_of_dot(dot(usual))
    assert len(mermaid(graph).splitlines()) == len(mermaid(usual).splitlines())
    assert all(
        re.fullmatch(r"[\w-]+", one) for one in re.findall(r"^ +state \".*\" as (\S.*?)(?: \{)?$", mermaid(graph), re.MULTILINE)
    )
    assert [element.tag for element in _parsed(svg(graph)).iter()] == [element.tag for element in _parsed(svg(usual)).iter()]
    assert {len(row) for row in _rows_of(markdown(graph))} == {len(_rows_of(markdown(usual))[0])}
    assert len(list(_parsed(scxml(graph)).iter())) == len(list(_parsed(scxml(usual)).iter()))
    assert len(json.loads(xstate(graph))["states"]) == len(json.loads(xstate(usual))["states"])
    assert all(_only_printable(text(graph)) for text in (mermaid, dot, svg, markdown, scxml, xstate))


def test_a_rule_is_shown_as_it_is_written() -> None:
    cells = {cell for row in _rows_of(markdown(graph_of("connection", _worded("No.", "a|b `c` <d> *e*")))) for cell in row}

    assert any("✗ a|b `c` <d> *e*" in cell for cell in cells)


# --- How ----------------------------------------------------------------------------------------------------------------------


def _call(session: str, code: str) -> tuple[Event, ...]:
    call = stream(session).connected(wrapup_prompt="optional", peer_id=code).after(1).alerting().after(1).disconnected(code)
    return call.after(1).wrapup(code, name=code, notes=code).events


def _way(session: str, at: str) -> TracePath:
    (log,) = replay(_call("s", "code"))
    return TracePath.of([{**row, "session": session, "at": at} for row in map(trace_entry, log.trace)], session)


def _labelled(label: str) -> Graph:
    annotation = Annotation(label=label, tooltip=label, refused=True)
    return Graph(
        name="connection",
        title=label,
        about="Two states.",
        initial="none",
        nodes=(
            Node(id="none", label=(label,), kind="initial", tooltip=label, badge=label, annotations=(annotation,)),
            Node(id="connected", label=("connected", label), kind="final"),
        ),
        edges=(Edge(id="none-connected", source="none", target="connected", label=(label,), badge=label),),
    )


def _worded(reason: str, rule: str) -> Table:
    """The table, with every row's sentence and every refusal's rule replaced."""
    connection, work = (
        [
            evolve(row, reason=reason, result=evolve(row.result, rule=rule))
            if isinstance(row.result, RowOutcome) and row.result.rule
            else evolve(row, reason=reason)
            for row in rows
        ]
        for rows in (CONNECTION, AFTER_CALL_WORK)
    )
    return table_of(connection, work)


def _in_title(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= TITLE else shown[: TITLE - 1] + "…"


def _parsed(xml: str) -> ET.Element:
    return ET.fromstring(xml)  # noqa: S314 (our own text)


def _only_printable(text: str) -> bool:
    lines = text.split("\n")
    return lines == list(map(printable, lines)) and bool(text.encode())


def _skeleton_of_dot(text: str) -> str:
    """What Graphviz reads outside of strings and comments."""
    strings = re.sub(r'"(?:[^"\\]|\\.)*"', '""', re.sub(r"^  // .*$", "", text, flags=re.MULTILINE))
    assert strings.replace('""', "").count('"') == 0
    return strings


def _skeleton_of_mermaid(text: str) -> list[str]:
    """The lines, without what is inside of a label or behind a keyword that takes the rest of its line."""
    lines = [re.sub(r'"[^"]*"', '""', line) for line in text.split("\n")]
    return [re.sub(r"(accTitle:|accDescr:|--> \S+ :) .*", r"\1", line) for line in lines]


def _as_graphviz_shows(label: str) -> str:
    r"""What Graphviz draws: it reads `\n` as a new line, a backslash before a sign as the sign, and entities of HTML."""
    lines = re.split(r"(?<!\\)((?:\\\\)*)\\n", label)
    joined = "".join(part + ("\n" if place % 2 else "") for place, part in enumerate(lines))
    return html.unescape(re.sub(r"\\(.)", r"\1", joined))


def _rows_of(text: str) -> list[list[str]]:
    """The cells of the table, as a parser of Markdown reads them."""
    rows: list[list[str]] = []
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "table_close":
            break
        elif token.type == "inline" and rows:
            rows[-1].append("".join(child.content for child in token.children or []))
    return rows
