"""A session in time: what is drawn is what happened, in its order, and nothing overlaps."""

import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from examples.tables import parked, pause
from typer.testing import CliRunner

from cobrowse_session import Address, Event, Lifecycle, SessionLog, Settings
from cobrowse_session.cli import app
from cobrowse_session.diagrams import timeline
from cobrowse_session.stream import history_entries
from cobrowse_session.tables import Table
from cobrowse_session.testing import Stream, stream
from cobrowse_session.times import MAX_TIME

EVENTS = Path(__file__).parents[1] / "examples" / "call.jsonl"
SVG = "{http://www.w3.org/2000/svg}"
THIRTY = timedelta(seconds=30)

CALL = (
    stream("s1").alerting().after(3).connected().after(297).disconnected("peer").after(8).wrapup(None).after(6.22).wrapup("sale")
)


def log_of(events: Stream, prompt: str | None = None, *, end: bool = True) -> SessionLog:
    log = SessionLog(Lifecycle(settings=Settings(wrapup_prompt=prompt, wrapup_timeout=THIRTY)), events.events[0].subject)
    for event in events:
        log.add(event)
    log.advance(MAX_TIME if end else events.now)
    return log


def drawn(log: SessionLog) -> ET.Element:
    return ET.fromstring(timeline(log))  # noqa: S314 (our own)


def boxes(drawing: ET.Element) -> list[str]:
    """The states, and how long each lasted, from left to right and lane by lane."""
    return [box.findtext(f"{SVG}title", "") for box in of_class(drawing, "box")]


def of_class(drawing: ET.Element, name: str) -> list[ET.Element]:
    return [element for element in drawing.iter() if name in element.get("class", "").split()]


@pytest.mark.parametrize(
    ("prompt", "work"),
    [
        ("optional", ["pending: 8 s", "skipped: so far"]),
        ("mandatory", ["pending: 14.22 s", "complete: so far"]),
        ("timeout", ["pending: 14.22 s", "complete: so far"]),
        ("forcedTimeout", ["pending: 30 s", "complete: so far"]),
        ("agentRequested", ["skipped: so far"]),
        ("none", []),
    ],
)
def test_each_prompt_draws_its_own_after_call_work(prompt: str, work: list[str]) -> None:
    connection = ["alerting: 3 s", "connected: 4 min 57 s", "disconnected: so far"]

    assert boxes(drawn(log_of(CALL, prompt))) == connection + work


def test_a_leg_without_after_call_work_says_none() -> None:
    assert [text.text for text in of_class(drawn(log_of(CALL, "none")), "none")] == ["none"]
    assert of_class(drawn(log_of(CALL, "optional")), "none") == []


def test_the_deadline_is_drawn_where_something_else_ended_the_work_or_nothing_has_yet() -> None:
    early, open_, reached = (
        log_of(CALL, "timeout"),
        log_of(stream("s1").connected().disconnected("peer"), "timeout", end=False),
        log_of(CALL, "forcedTimeout"),
    )

    none_left = log_of(stream("s1").connected().after(60).wrapup("sale").after(60).disconnected("peer"), "timeout")

    assert [len(of_class(drawn(log), "clock")) for log in (early, open_, reached, none_left)] == [1, 1, 0, 0]
    assert len(of_class(drawn(reached), "timer")) == 2  # the mark, and its line


def test_every_row_of_the_trace_has_a_mark_and_a_line_that_tells_it() -> None:
    log = log_of(CALL, "forcedTimeout")
    drawing = drawn(log)
    marks = [mark.findtext(f"{SVG}text") for mark in of_class(drawing, "mark")]
    told = " ".join(text.text or "" for text in of_class(drawing, "told")).split()

    assert marks == ["1", "2", "3", "4", "5", "6"] * 2
    assert told == " ".join(one.text for one in history_entries(log)).split()


def test_its_shape_says_what_became_of_an_event() -> None:
    events = stream("s1").alerting().after(1).alerting().after(1).connected().after(1).alerting().after(1).disconnected("peer")
    marks = [mark.get("class") for mark in of_class(drawn(log_of(events.after(1).wrapup(None), "timeout")), "mark")]

    assert (
        marks == ["mark applied", "mark hollow", "mark applied", "mark refused", "mark applied", "mark refused", "mark timer"] * 2
    )


def test_time_runs_from_left_to_right_and_marks_do_not_overlap() -> None:
    events = stream("s1").alerting().updated(viewer_url="a").connected()
    for second in range(16):
        events = events.after(0.1 + second % 7).updated(viewer_url=f"{second}").after(0.2).alerting()
    drawing = drawn(log_of(events.after("3h").disconnected("peer")))
    marks = [_place(mark) for mark in of_class(drawing, "mark")]
    places = marks[: len(marks) // 2]
    assert len(places) == 36
    xs = [x for x, _ in places]

    assert xs == sorted(xs)
    assert not [(a, b) for a in places for b in places if a is not b and abs(a[0] - b[0]) < 18 and abs(a[1] - b[1]) < 18]


def _place(mark: ET.Element) -> tuple[float, float]:
    text = mark.find(f"{SVG}text")
    assert text is not None
    return float(text.get("x", "")), float(text.get("y", ""))


def test_three_equal_events_in_a_row_have_one_mark_and_one_line() -> None:
    updates = stream("s1").connected()
    two = updates.after(1).updated(viewer_url="1").after(1).updated(viewer_url="2")
    drawings = [drawn(log_of(events.after(5).disconnected("peer"))) for events in (two, two.after(1).updated(viewer_url="3"))]
    marks = [[mark.findtext(f"{SVG}text") for mark in of_class(drawing, "mark")] for drawing in drawings]
    line = of_class(drawings[1], "told")[1].text or ""

    assert marks == [["1", "2", "3", "4"] * 2, ["1", "2", "5"] * 2]
    assert line.endswith("(3 times, until 2026-03-01 09:00:03.000)")
    assert [len(of_class(drawing, "run")) for drawing in drawings] == [0, 1]


def test_an_event_that_enters_a_state_or_differs_in_its_outcome_is_not_equal() -> None:
    events = stream("s1").connected().after(1).connected().after(1).connected().after(1).connected().after(1).disconnected("peer")
    again = events.after(1).wrapup("a").after(1).wrapup("b").after(1).wrapup("c").after(1).wrapup("d")
    marks = [mark.findtext(f"{SVG}text") for mark in of_class(drawn(log_of(again, "optional")), "mark")]

    assert marks == ["1", "2", "5", "6", "7"] * 2


def test_of_a_long_list_the_middle_is_left_out_and_counted() -> None:
    events = stream("s1").alerting().connected()
    for number in range(600):
        events = events.after(1).updated(viewer_url=f"{number}").after(1).alerting()
    drawing = drawn(log_of(events.after(1).disconnected("peer").after(1).terminated()))
    numbers = [int(mark.findtext(f"{SVG}text", "")) for mark in of_class(drawing, "mark")]
    sizes = {text.get("style") for mark in of_class(drawing, "mark") for text in mark.iter(f"{SVG}text")}

    assert numbers == [*range(1, 31), *range(1195, 1205)] * 2
    assert [text.text for text in of_class(drawing, "left-out")] == ["1,164 more, not listed"]
    assert boxes(drawing) == ["alerting: 0 s", "connected: 20 min 1 s", "disconnected: 1 s", "terminated: so far"]
    assert sizes == {None, "font-size: 6.4px"}


def test_the_title_names_the_session_and_the_legend_the_shapes_that_are_there() -> None:
    drawing = drawn(log_of(CALL, "mandatory"))
    (heading,) = of_class(drawing, "heading")
    about = [text.text for text in of_class(drawing, "about")]

    assert heading.text == "Session s1 in time"
    assert about == [
        "From 2026-03-01 09:00:00.000 to 2026-03-01 09:05:14.220. All times are UTC.",
        "Disc: applied. Diamond: refused. Two strokes: time is drawn shorter there.",
    ]


def test_a_label_is_within_its_box() -> None:
    drawing = drawn(log_of(stream("s1").alerting().after(3).connected().after(120).disconnected("peer").after(8).wrapup("sale")))

    for box in of_class(drawing, "box"):
        rect = box.find(f"{SVG}rect")
        assert rect is not None
        assert len(box.findtext(f"{SVG}text", "")) * 7.8 < float(rect.get("width", ""))


def test_a_long_time_is_drawn_shorter_and_says_so() -> None:
    even = stream("s1").alerting().after(10).connected().after(12).disconnected("peer")
    long = stream("s1").alerting().after(3).connected().after("1m").disconnected("peer").after(4).terminated()

    assert [len(of_class(drawn(log_of(events)), "axis")) for events in (even, long)] == [1, 2]


def test_a_short_time_has_room_for_its_marks_and_a_longer_one_has_more() -> None:
    events = stream("s1").alerting().after(0.001).connected().after(1).updated(viewer_url="a").after(2).disconnected("peer")
    xs = [x for x, _ in map(_place, of_class(drawn(log_of(events)), "mark")[:4])]
    first, second, third = (after - before for before, after in pairwise(xs))

    assert 70 < first < second < third


def test_nothing_that_has_happened_is_an_empty_drawing() -> None:
    drawing = drawn(SessionLog(Lifecycle(), "s1"))

    assert boxes(drawing) == []
    assert drawing.findtext(f"{SVG}title") == "Session s1 in time"


def test_what_a_provider_says_breaks_no_document() -> None:
    log = log_of(stream('<s1>&"\x01').connected(self_=Address(name="x")))

    assert drawn(log).findtext(f"{SVG}title") == 'Session <s1>&"\\x01 in time'


def test_all_ids_begin_with_the_name_and_stand_once() -> None:
    text = timeline(log_of(CALL, "timeout"), "mine")
    ids = re.findall(r' id="([^"]+)"', text)

    assert ids == ["mine", "mine-title", "mine-desc"]
    assert set(re.findall(r"#([a-z-]+) [.{t]", text)) == {"mine"}


def test_the_command_draws_a_session(tmp_path: Path) -> None:
    target = tmp_path / "s1.svg"
    done = CliRunner().invoke(app, ["timeline", str(EVENTS), "s1", "--acw", "timeout", "--acw-timeout", "30", "-o", str(target)])

    assert (done.exit_code, done.output) == (0, "")
    assert boxes(ET.parse(target).getroot()) == boxes(drawn(log_of(CALL, "timeout")))  # noqa: S314 (our own)


def test_the_command_names_the_sessions_it_knows() -> None:
    done = CliRunner().invoke(app, ["timeline", str(EVENTS), "s2"], env={"COLUMNS": "200"})

    assert (done.exit_code, done.stdout) == (2, "")
    assert "no event is of session 's2'. The sessions are: s1." in done.output


def test_the_command_draws_what_it_can_read_and_complains_about_the_rest(tmp_path: Path) -> None:
    source = tmp_path / "events.jsonl"
    source.write_bytes(EVENTS.read_bytes() + b"no json\n")
    done = CliRunner().invoke(app, ["timeline", str(source), "s1"])

    assert done.exit_code == 1
    assert f"{source}:6: not_json" in done.stderr
    assert done.stdout.startswith("<svg")


# --- A table of one's own -----------------------------------------------------------------------------------------------------


def own_log(table: Table, events: list[Event], *, end: bool) -> SessionLog:
    settings = Settings(wrapup_prompt="timeout", wrapup_timeout=THIRTY)
    log = SessionLog(Lifecycle(settings=settings, table=table), "s1")
    for event in events:
        log.add(event)
    if end:
        log.advance(MAX_TIME)
    return log


def test_an_own_state_is_drawn_like_its_group() -> None:
    call = stream("s1").alerting().after(4)
    parked_call = parked.Parked(subject="s1", source="/acme", id="p1", occurred_at=call.now)
    drawing = drawn(own_log(parked.TABLE, [*call, parked_call, *call.after(20).connected().events[1:]], end=True))

    assert boxes(drawing) == ["alerting: 4 s", "parked: 20 s", "connected: so far"]
    assert [box.get("class") for box in of_class(drawing, "box")] == ["box pending", "box pending", "box live"]


def paused(after: float | None) -> SessionLog:
    """After-call work that was paused, and ended by a code `after` seconds. None: by its deadline."""
    call = stream("s1").connected().after(60).disconnected("peer").after(20)
    pauses = pause.AfterCallWorkPaused(subject="s1", source="/acme", id="p1", occurred_at=call.now)
    later = [] if after is None else call.after(after).wrapup("sale").events[-1:]
    return own_log(pause.TABLE, [*call, pauses, *later], end=after is None)


def test_the_own_deadline_of_an_own_state_is_drawn_where_something_else_was_first() -> None:
    assert boxes(drawn(paused(None)))[2:] == ["pending: 20 s", "paused: 15 min 0 s", "complete: so far"]
    assert of_class(drawn(paused(None)), "clock") == []
    assert boxes(drawn(paused(180)))[2:] == ["pending: 20 s", "paused: 3 min 0 s", "complete: so far"]
    assert len(of_class(drawn(paused(180)), "clock")) == 1
