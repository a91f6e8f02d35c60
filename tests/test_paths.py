"""Ways taken: a trace lies on the pictures, numbered for one session, counted for many; and a replay as a Chrome trace."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from attrs import evolve
from examples.tables import hold, pause
from typer.testing import CliRunner

from cobrowse_session import Event, Lifecycle, Settings, WrapupPrompt
from cobrowse_session.cli import app, diagram  # noqa: F401 (the import registers the commands)
from cobrowse_session.diagrams import PICTURES, WITH_PATH, Picture, TracePath, perfetto, render
from cobrowse_session.diagrams.graph import Graph, graph_of
from cobrowse_session.diagrams.layout import layout_of
from cobrowse_session.diagrams.paths import circled, with_path
from cobrowse_session.diagrams.svg import svg
from cobrowse_session.errors import DecodeError
from cobrowse_session.io.replay import read_events, replay
from cobrowse_session.stream import SessionLog
from cobrowse_session.tables import Table
from cobrowse_session.testing import stream
from cobrowse_session.times import MAX_TIME
from cobrowse_session.wire.trace import trace_entry

EVENTS = Path(__file__).parents[1] / "examples" / "events.jsonl"

Row = dict[str, Any]  # JSON


CLEO_REFUSED = (
    "④ 09:03:41.500 acw.ended [code is required, by agent] ✗ code_required: "
    "This prompt requires a wrap-up code before after-call work ends."
)


@pytest.fixture(scope="module")
def logs() -> tuple[SessionLog, ...]:
    with EVENTS.open("rb") as file:
        return replay(read_events(file, lambda rejected: pytest.fail(str(rejected))), until=MAX_TIME)


@pytest.fixture(scope="module")
def trace(logs: tuple[SessionLog, ...]) -> list[Row]:
    return [row for log in logs for row in map(trace_entry, log.trace)]


@pytest.fixture
def trace_file(trace: list[Row], tmp_path: Path) -> Path:
    path = tmp_path / "trace.jsonl"
    path.write_text("\n".join(map(json.dumps, trace)), encoding="utf-8")
    return path


# --- One session --------------------------------------------------------------------------------------------------------------


def test_the_way_of_a_session_is_numbered_and_timed(trace: list[Row]) -> None:
    graph = _with_way("connection", trace, "cleo")

    assert _marks(graph) == {
        "none-pending": "① 09:00:30.000",
        "pending-connected": "② 09:00:32.500",
        "connected-ended": "③ 09:03:32.500",
    }
    assert {node.id: node.badge for node in graph.nodes if node.emphasis == "taken"} == {
        "none": "",
        "alerting": "①",
        "connected": "②",
        "disconnected": "③",
    }


def test_the_numbers_are_the_rows_of_the_trace_in_both_pictures(trace: list[Row]) -> None:
    graph = _with_way("after-call-work", trace, "cleo")

    assert _marks(graph) == {
        "absent-question_1": "③ 09:03:32.500",
        "question_7-pending": "③ 09:03:32.500",
        "pending-complete-complete_by_code": "⑤ 09:03:47.500",
    }


def test_what_was_refused_is_a_stub_with_its_rule_at_the_state(trace: list[Row]) -> None:
    pending = _node(_with_way("after-call-work", trace, "cleo"), "pending")

    assert [(annotation.label, annotation.refused) for annotation in pending.annotations] == [
        ("④ acw.ended ✗ code_required", True)
    ]
    assert [annotation.tooltip for annotation in pending.annotations] == [CLEO_REFUSED]


def test_what_was_applied_without_a_move_is_a_stub_too(trace: list[Row]) -> None:
    complete = _node(_with_way("after-call-work", trace, "cleo"), "complete")

    assert [(annotation.label, annotation.refused) for annotation in complete.annotations] == [("⑥ wrapup · saved_again", False)]


def test_a_deadline_that_fired_is_on_its_own_edge(trace: list[Row]) -> None:
    assert _marks(_with_way("after-call-work", trace, "emil"))["pending-complete-complete_by_timeout"] == "⑤ 09:15:10.200"


def test_every_question_up_to_the_answer_was_passed() -> None:
    call = stream("s").connected(wrapup_prompt="agentRequested").after(1).disconnected("client")
    graph = _with_way("after-call-work", list(_trace(call.events)), "s")

    assert {node.id for node in graph.nodes if node.emphasis == "taken"} == {
        "absent",
        *("question_1", "question_2", "question_3", "question_4", "question_5", "question_6"),
        "skipped",
    }
    assert {edge.id for edge in graph.edges if edge.emphasis == "taken"} == {
        *("absent-question_1", "question_1-question_2", "question_2-question_3", "question_3-question_4"),
        *("question_4-question_5", "question_5-question_6", "question_6-skipped"),
    }


def test_what_a_session_never_came_to_is_faint(trace: list[Row]) -> None:
    graph = _with_way("connection", trace, "anna")

    assert {node.emphasis for node in graph.nodes} == {edge.emphasis for edge in graph.edges} == {"taken", "faint"}
    assert [edge.id for edge in graph.edges if edge.emphasis == "taken"] == ["none-pending", "pending-ended"]


def test_what_happens_after_an_end_without_work_is_told_where_it_stays_absent() -> None:
    call = stream("s").alerting().after(1).disconnected("client").after(1).done()
    graph = _with_way("after-call-work", list(_trace(call.events)), "s")

    assert [annotation.label for annotation in _node(graph, "stays_absent").annotations] == ["③ acw.ended ✗ no_after_call_work"]


def test_refusals_come_first_and_repetitions_are_counted() -> None:
    call = stream("s").connected().after(1).updated(peer_id="p").after(1).alerting().after(1).alerting()
    annotations = _node(_with_way("connection", list(_trace(call.events)), "s"), "connected").annotations

    assert [(annotation.label, annotation.refused) for annotation in annotations] == [
        ("③ alerting ✗ no_way_back (and 1 more)", True),
        ("② updated · details", False),
    ]


def test_what_led_nowhere_is_told_below_in_its_order() -> None:
    call = stream("s").connected().after(1).updated(peer_id="p").after(1).alerting().after(1).disconnected().after(1).connected()
    graph = _with_way("connection", list(_trace(call.events)), "s")

    assert [note.tooltip for note in graph.notes] == [
        "② 09:00:01.000 updated [has changes] · details: Details or settings changed.",
        (
            "③ 09:00:02.000 alerting ✗ no_way_back: "
            "A connected leg does not return to a pending state. A new offer is a new leg with a new id."
        ),
        "⑤ 09:00:04.000 connected ✗ session_is_over: The leg has ended. A new offer is a new leg with a new id.",
    ]
    assert graph.description.endswith(graph.notes[-1].tooltip)


def test_an_edge_of_several_events_says_which_of_them_came(trace: list[Row]) -> None:
    one, all_of_them = (
        {edge.id: edge.label for edge in _with_way("connection", trace, session).edges} for session in ("cleo", None)
    )

    assert one["none-pending"] == ("alerting",)
    assert one["connected-ended"] == ("disconnected",)
    assert one["pending-ended"] == ("disconnected or terminated",)  # it did not take this way
    assert all_of_them["none-pending"] == ("alerting ×8", "others ×0")
    assert all_of_them["connected-ended"] == ("disconnected ×7", "terminated ×0")


def test_in_svg_a_way_through_a_frame_leads_from_state_to_state(trace: list[Row]) -> None:
    drawing = ET.fromstring(render("connection", "svg", path=TracePath.of(trace, "cleo")))  # noqa: S314 (our own text)
    places = layout_of(graph_of("connection")).places
    ends = {}
    for edge in ("none-pending", "pending-connected", "connected-ended"):
        (group,) = (element for element in drawing.iter() if element.get("id") == f"connection-{edge}")
        way, head = (path.get("d", "") for path in group.findall("{http://www.w3.org/2000/svg}path")[:2])
        ends[edge] = tuple(tuple(map(float, re.findall(r"[\d.]+", path)[:2])) for path in (way, head))

    assert ends == {
        "none-pending": ((places["none"].right, 215), (places["alerting"].left, places["alerting"].y)),
        "pending-connected": ((places["alerting"].right, places["alerting"].y), (places["connected"].left, 180)),
        "connected-ended": ((places["connected"].right, 180), (places["disconnected"].left, places["disconnected"].y)),
    }


def test_an_edge_all_of_whose_events_came_counts_each() -> None:
    ends = [stream("a").connected().after(1).disconnected(), stream("b").connected().after(1).terminated()]
    trace = [row for call in ends for row in _trace(call.events)]

    assert {edge.id: edge.label for edge in _with_way("connection", trace).edges}["connected-ended"] == (
        "disconnected ×1",
        "terminated ×1",
    )


def test_a_session_of_which_the_trace_tells_nothing_is_said_so(trace: list[Row]) -> None:
    with pytest.raises(LookupError, match="no entry of session 'zoe'"):
        TracePath.of(trace, "zoe")


def test_numbers_beyond_twenty_are_written_out() -> None:
    assert [circled(number) for number in (1, 20, 21)] == ["①", "⑳", "(21)"]


# --- A whole stream -----------------------------------------------------------------------------------------------------------


def test_a_stream_is_counted(trace: list[Row]) -> None:
    graph = _with_way("after-call-work", trace)

    assert _node(graph, "absent").badge == "×8"
    assert {edge.id: edge.count for edge in graph.edges if edge.id.startswith("question_2")} == {
        "question_2-stays_absent": 1,
        "question_2-question_3": 7,
    }


def test_what_no_session_ever_took_is_dotted(trace: list[Row]) -> None:
    graph = _with_way("connection", trace)
    never = {edge.id for edge in graph.edges if edge.emphasis == "never"}

    assert never == {edge.id for edge in graph.edges if not edge.count}
    assert "alerting-disconnected" in never


@pytest.mark.parametrize("picture", PICTURES)
def test_no_row_of_a_trace_is_lost(picture: Picture, trace: list[Row]) -> None:
    graph = _with_way(picture, trace)
    on_edges = sum(edge.count for edge in graph.edges if edge.moves)
    in_stubs = sum(
        int(annotation.label.rpartition("(")[2].removesuffix(")")) for node in graph.nodes for annotation in node.annotations
    )
    work = Counter(("+" in row["row"], _is_work(row)) for row in trace)
    expected = sum(n for (_, is_work), n in work.items() if not is_work)
    if picture == "after-call-work":
        expected = work[False, True] + work[True, False]

    assert on_edges + in_stubs == expected


def test_a_trace_of_another_table_is_refused(trace: list[Row]) -> None:
    strange = [{**trace[0], "row": "leapt"}]

    with pytest.raises(
        DecodeError, match=r"unknown_row: \$.row: expected a row of this version's table, found alerting none leapt"
    ):
        render("connection", "svg", path=TracePath.of(strange))


def test_what_is_no_trace_row_is_refused() -> None:
    with pytest.raises(DecodeError, match=r"\$.session"):
        render("connection", "svg", path=TracePath.of([{"a": 1}]))


def test_an_unknown_type_of_event_lies_on_its_state() -> None:
    row = {"session": "s", "type": "acme.hello", "at": "2026-03-01T09:00:00.000Z", "row": "unknown_type", "from": "none"}

    assert [annotation.label for annotation in _node(_with_way("connection", [row]), "none").annotations] == [
        "unknown – unknown_type (1)"
    ]


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("format_", WITH_PATH)
def test_what_a_trace_says_breaks_no_document(picture: Picture, format_: str, trace: list[Row]) -> None:
    name = 'x"\n\\ --> <script>&;#\x00\ud800'
    rows = [{**row, "session": name, "at": f"{row['at'][:11]}\n] x --> y"} for row in trace if row["session"] == "cleo"]
    text, usual = (render(picture, format_, path=TracePath.of(some, some[0]["session"])) for some in (rows, _of(trace, "cleo")))  # type: ignore[arg-type]

    assert len(text.splitlines()) == len(usual.splitlines())
    assert text.encode()
    if format_ == "svg":
        ET.fromstring(text)  # noqa: S314 (our own text)


# --- As it is printed ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("format_", WITH_PATH)
def test_every_mark_is_printed(picture: Picture, format_: str, trace: list[Row]) -> None:
    graph = _with_way(picture, trace, "cleo")
    text = render(picture, format_, path=TracePath.of(trace, "cleo"))  # type: ignore[arg-type]  # a format
    text = text.replace("#58;", ":")

    text = re.sub(r'<tspan class="ring">(.)</tspan>', r"\1", text)

    assert [edge.badge for edge in graph.edges if edge.badge not in text] == []
    assert [annotation.label for node in graph.nodes for annotation in node.annotations if annotation.label not in text] == []


def test_in_svg_what_was_refused_is_red_and_what_was_not_visited_is_faint(trace: list[Row]) -> None:
    drawing = ET.fromstring(render("after-call-work", "svg", path=TracePath.of(trace, "cleo")))  # noqa: S314 (our own text)
    classes = {element.get("id"): element.get("class") for element in drawing.iter() if element.get("id")}
    red = ["".join(element.itertext()) for element in drawing.iter() if "refused" in str(element.get("class"))]

    assert classes["after-call-work-skipped"] == "node final faint"
    assert classes["after-call-work-pending"] == "node pending taken"
    assert red == [
        "④ acw.ended ✗ code_required",
        CLEO_REFUSED,
    ]


def test_more_stubs_than_a_box_has_room_for_are_counted() -> None:
    call = stream("s")
    for second in range(1, 4):
        call = call.after(second).alerting(peer_id=str(second))
    drawing = render("connection", "svg", path=TracePath.of(list(_trace(call.events)), "s"))

    assert re.search(r">alerting <tspan class=\"ring\">①</tspan>  \+1<", drawing)


@pytest.mark.parametrize("picture", PICTURES)
def test_large_counts_have_separators_and_fit(picture: Picture, trace: list[Row]) -> None:
    drawn = svg(_often(with_path(graph_of(picture), TracePath.of(trace))))
    drawing = ET.fromstring(drawn)  # noqa: S314 (our own text)
    places, texts = layout_of(graph_of(picture)).places, 0
    for group in drawing.iter("{http://www.w3.org/2000/svg}g"):
        if "node" in group.get("class", "").split():
            place = places[group.get("id", "").removeprefix(f"{picture}-")]
            for text in group.iter("{http://www.w3.org/2000/svg}text"):
                usual = "font-size: 12px" if "annotation" in text.get("class", "") else "font-size: 14px"
                size = float(text.get("style", usual).removeprefix("font-size: ").removesuffix("px"))
                assert size >= 9
                texts += "1,234,567" in (text.text or "")
                assert 0.52 * size * len(text.text or "") < place.width - 8, text.text
                assert place.top + size / 2 <= float(text.get("y", "")) <= place.bottom - size / 2, text.text
    widths = [float(found) for found in re.findall(r'stroke-width: ([\d.]+)"', drawn)]

    assert texts > 4
    assert widths
    assert max(widths) < 8  # an arrow's head is 8.1 wide


def _often(graph: Graph) -> Graph:
    """The graph as if everything had happened 1,234,567 times."""

    def often(text: str) -> str:
        return re.sub(r"(×|\()\d+", r"\g<1>1,234,567", text)

    nodes = tuple(
        evolve(
            node,
            badge=often(node.badge),
            annotations=tuple(evolve(annotation, label=often(annotation.label)) for annotation in node.annotations),
        )
        for node in graph.nodes
    )
    edges = tuple(
        evolve(edge, badge=often(edge.badge), label=tuple(map(often, edge.label)), count=1_234_567 if edge.count else 0)
        for edge in graph.edges
    )
    return evolve(graph, nodes=nodes, edges=edges)


# --- A table of one's own -----------------------------------------------------------------------------------------------------


def test_an_event_by_which_the_state_stays_is_marked_at_its_line() -> None:
    graph = with_path(graph_of("connection", hold.TABLE), TracePath.of(_held(), "s1"))
    loops = {edge.label: (edge.badge, edge.emphasis) for edge in graph.edges if edge.kind == "stays"}

    assert loops == {
        ("↻ held [not on hold]",): ("② 09:00:10.000", "taken"),
        ("↻ resumed [on hold]",): ("", "faint"),
    }
    assert (_node(graph, "connected").badge, _node(graph, "connected").annotations) == ("①", ())
    drawing = ET.fromstring(svg(graph))  # noqa: S314 (our own text)
    (line,) = (one for one in drawing.iter() if one.get("id") == "connection-connected-connected-held")
    assert [text.text or "".join(text.itertext()) for text in line] == [
        "The customer is on hold. The leg stays connected.",
        "↻ held [not on hold]",
        "② 09:00:10.000",
    ]


def test_an_own_state_and_an_own_deadline_are_on_the_path() -> None:
    graph = with_path(graph_of("after-call-work", pause.TABLE), TracePath.of(_paused(), "s1"))

    assert _marks(graph) == {
        "absent-question_1": "② 09:01:00.000",
        "question_7-pending": "② 09:01:00.000",
        "pending-paused-paused": "③ 09:01:20.000",
        "paused-complete-complete_by_pause": "④ 09:16:20.000",
    }
    assert {node.id: node.badge for node in graph.nodes if node.badge} == {"pending": "②", "paused": "③", "complete": "④"}


def test_a_trace_of_an_own_table_is_no_trace_of_the_standard_one() -> None:
    with pytest.raises(DecodeError, match=r"unknown_row: \$.row: expected a row of this version's table"):
        render("connection", "svg", path=TracePath.of(_held()))


def test_a_trace_of_the_standard_table_is_one_of_a_table_that_has_its_rows(trace: list[Row]) -> None:
    for picture in PICTURES:
        marks = _marks(_with_way(picture, trace, "cleo"))
        assert _marks(with_path(graph_of(picture, hold.TABLE), TracePath.of(trace, "cleo"))) == marks


def _held() -> list[Row]:
    at = stream("s1").connected().after(10).now
    return _trace_of(hold.TABLE, [*stream("s1").connected(), hold.Held(subject="s1", source="/acme", id="h1", occurred_at=at)])


def _paused() -> list[Row]:
    call = stream("s1").connected().after(60).disconnected("peer").after(20)
    paused = pause.AfterCallWorkPaused(subject="s1", source="/acme", id="p1", occurred_at=call.now)
    return _trace_of(pause.TABLE, [*call, paused])


def _trace_of(table: Table, events: list[Event]) -> list[Row]:
    settings = Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=timedelta(seconds=60))
    (log,) = replay(events, Lifecycle(settings=settings, table=table), MAX_TIME)
    return [trace_entry(entry) for entry in log.trace]


@pytest.mark.parametrize("format_", ["markdown", "scxml", "xstate"])
def test_a_format_that_is_the_machine_itself_shows_no_paths(format_: str, trace: list[Row]) -> None:
    with pytest.raises(ValueError, match="shows no paths"):
        render("connection", format_, path=TracePath.of(trace))  # type: ignore[arg-type]  # a format


# --- The command line ---------------------------------------------------------------------------------------------------------


def test_the_command_prints_the_connection_in_mermaid() -> None:
    assert CliRunner().invoke(app, ["diagram"]).stdout == render("connection", "mermaid")


def test_the_command_writes_what_it_is_asked_for(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["diagram", "after-call-work", "--format", "svg", "-o", str(tmp_path / "acw.svg")])

    assert (done.exit_code, done.output) == (0, "")
    assert (tmp_path / "acw.svg").read_text(encoding="utf-8") == render("after-call-work", "svg")


def test_the_command_shows_the_way_of_a_session(trace: list[Row], trace_file: Path) -> None:
    done = CliRunner().invoke(app, ["diagram", "--format", "dot", "--trace", str(trace_file), "--session", "cleo"])

    assert done.stdout == render("connection", "dot", path=TracePath.of(trace, "cleo"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["life"], "expected one of connection, after-call-work"),
        (["--format", "gif"], "expected one of mermaid, dot, svg, markdown, scxml, xstate, png"),
        (["--session", "cleo"], "--trace TRACE.jsonl"),
        (["--trace", "TRACE", "--format", "scxml"], "expected one of mermaid, dot, svg, png, found 'scxml'"),
        (["--trace", "TRACE", "--session", "zoe"], "no entry of session 'zoe'"),
        (["--trace", "TRACE", "-o", "TRACE"], "named twice"),
        (["--trace", "NOT-THERE"], "NOT-THERE: No such file"),
        (["--trace", str(EVENTS)], "Replay writes one"),
    ],
)
def test_wrong_usage_is_said_in_a_line_and_exits_with_2(arguments: list[str], said: str, trace_file: Path) -> None:
    done = CliRunner().invoke(app, ["diagram", *(str(trace_file) if one == "TRACE" else one for one in arguments)], env=_WIDE)

    assert done.exit_code == 2
    assert said in " ".join(re.sub(r"[│╭╮╰╯─]", "", done.output).split())
    assert done.stdout == ""


def test_perfetto_replays_and_complains_like_the_other_commands(tmp_path: Path) -> None:
    source = tmp_path / "events.jsonl"
    source.write_bytes(EVENTS.read_bytes() + b"no json\n")
    done = CliRunner().invoke(app, ["perfetto", str(source), "-o", str(tmp_path / "replay.json"), "--until", "end"])

    assert done.exit_code == 1
    assert f"{source}:33: not_json" in done.output
    with EVENTS.open("rb") as file:
        assert (tmp_path / "replay.json").read_text(encoding="utf-8") == perfetto(
            replay(read_events(file, print), until=MAX_TIME)
        )


# --- A replay as a Chrome trace -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def items(logs: tuple[SessionLog, ...]) -> list[Row]:
    document = json.loads(perfetto(logs))
    assert document["displayTimeUnit"] == "ms"
    return list(document["traceEvents"])


def test_conversations_are_processes_and_sessions_are_tracks(items: list[Row]) -> None:
    names = [item["args"]["name"] for item in items if item["ph"] == "M"]

    assert names == [
        *("c-1001", "anna", "ben", "ben: received late", "cleo", "dora"),
        *("c-1002", "emil", "finn", "gina", "hugo"),
    ]
    assert len({(item["pid"], item["tid"]) for item in items if item["ph"] == "M"}) == len(names)


def test_segments_and_after_call_work_are_slices(items: list[Row]) -> None:
    slices = [(item["name"], item["dur"]) for item in items if item["ph"] == "X" and item["tid"] == _track(items, "emil")]

    assert slices == [("Alert", 5_200_000), ("Interact", 360_000_000), ("after-call work: complete", 45_000_000)]


def test_every_row_of_the_trace_is_an_instant(items: list[Row], trace: list[Row]) -> None:
    instants = [(item["args"]["outcome"], item["args"]["row"]) for item in items if item["ph"] == "i"]

    assert Counter(instants) == Counter((row["outcome"], row["row"]) for row in trace)


def test_a_refusal_says_its_rule(items: list[Row]) -> None:
    (refusal,) = (item for item in items if item.get("cat") == "refused")

    assert refusal["name"] == "acw.ended ✗ code_required"
    assert refusal["args"]["because"] == "This prompt requires a wrap-up code before after-call work ends."


def test_a_late_event_is_an_arrow_between_two_slices(items: list[Row]) -> None:
    start, end = (next(item for item in items if item["ph"] == sign) for sign in "sf")

    assert start["id"] == end["id"]
    assert (end["ts"] - start["ts"]) / 1e6 == 90.68
    assert start["name"] == "wrapup, received 90.680 s late"
    for one in (start, end):
        assert [item for item in items if item["ph"] == "X" and _same_place(item, one) and item["ts"] == one["ts"]]


def test_slices_of_a_track_lie_within_each_other_or_apart(items: list[Row]) -> None:
    for track in {(item["pid"], item["tid"]) for item in items}:
        slices = [(i["ts"], i["ts"] + i["dur"]) for i in items if i["ph"] == "X" and (i["pid"], i["tid"]) == track]
        crossing = [(a, b) for a in slices for b in slices if a[0] < b[0] < a[1] < b[1]]
        assert crossing == []


def test_what_is_open_goes_as_far_as_time_did() -> None:
    lifecycle = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.OPTIONAL))
    call = stream("s").connected().after(10).disconnected("peer").after(5).updated(peer_id="p")
    document = json.loads(perfetto(replay(call.events, lifecycle)))
    work = next(item for item in document["traceEvents"] if item.get("cat") == "acw")

    assert (work["name"], work["dur"], work["args"]) == ("after-call work: pending", 5_000_000, {"open": True})


def test_no_sessions_are_an_empty_trace() -> None:
    assert json.loads(perfetto([])) == {"displayTimeUnit": "ms", "traceEvents": []}


# --- How ----------------------------------------------------------------------------------------------------------------------

_WIDE = {"COLUMNS": "500", "TERMINAL_WIDTH": "500"}


def _with_way(picture: Picture, trace: list[Row], session: str | None = None) -> Graph:
    return with_path(graph_of(picture), TracePath.of(trace, session))


def _trace(events: tuple[Event, ...]) -> Iterator[Row]:
    for log in replay(events):
        yield from map(trace_entry, log.trace)


def _marks(graph: Graph) -> dict[str, str]:
    return {edge.id: edge.badge for edge in graph.edges if edge.badge}


def _node(graph: Graph, name: str) -> Any:
    return next(node for node in graph.nodes if node.id == name)


def _of(trace: list[Row], session: str) -> list[Row]:
    return [row for row in trace if row["session"] == session]


def _is_work(row: Row) -> bool:
    return row["type"].removeprefix("cobrowse.session.") in ("wrapup", "acw.required", "acw.ended", "timer.acw")


def _track(items: list[Row], session: str) -> int:
    return next(int(item["tid"]) for item in items if item["name"] == "thread_name" and item["args"]["name"] == session)


def _same_place(one: Row, other: Row) -> bool:
    return (one["pid"], one["tid"]) == (other["pid"], other["tid"])


@pytest.mark.parametrize("name", ["timer.acw", "timer.alerting", "cobrowse.session.timer.acw"])
def test_an_event_of_an_unknown_type_with_a_timers_name_is_no_timer(name: str) -> None:
    log = SessionLog(Lifecycle(), "s1")
    for event in stream("s1").alerting().unknown(name):
        log.add(event)

    assert render("after-call-work", "svg", path=TracePath.of(map(trace_entry, log.trace), "s1"))
