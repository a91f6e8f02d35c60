"""The Sphinx directives, in pages that a real Sphinx builds."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import pytest
from examples.tables import parked, pause
from sphinx.cmd.build import main as sphinx_build
from tests.commands import command

from cobrowse_session.diagrams import PICTURES, TracePath, render
from cobrowse_session.io.diff import read_trace
from cobrowse_session.testing import stream
from cobrowse_session.wire import encode_event

# Sphinx 7.4 to 10 name the builder of a page only by the attribute `app`, which Sphinx 9 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:.*_ForBuilder.app. is deprecated")

ROOT = Path(__file__).parents[1]
CALL = (ROOT / "examples" / "call.jsonl").read_text(encoding="utf-8")
EVENTS = ROOT / "examples" / "events.jsonl"

Build = Callable[..., tuple[str, str]]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Builds a page; returns it, and what Sphinx had to say. Warnings are errors, but where a test wants to see them."""

    def built(page: str, builder: str = "html", *, myst: bool = False) -> tuple[str, str]:
        extensions = ["cobrowse_session.sphinx", *(["myst_parser"] if myst else [])]
        _write(tmp_path / "conf.py", f"extensions = {extensions!r}\n")
        _write(tmp_path / f"index.{'md' if myst else 'rst'}", page)
        _write(tmp_path / "call.jsonl", CALL)
        _write(tmp_path / "many.jsonl", EVENTS.read_text(encoding="utf-8"))
        out = tmp_path / "out"
        with redirect_stderr(StringIO()) as said:
            code = sphinx_build(["--quiet", "--no-color", "--builder", builder, str(tmp_path), str(out)])
        assert code == 0, said.getvalue()
        (made,) = out.glob({"html": "index.html", "text": "index.txt", "latex": "*.tex"}[builder])
        return made.read_text(encoding="utf-8"), said.getvalue()

    return built


def _write(path: Path, text: str) -> None:
    """Sphinx builds anew what is newer; so what is the same already is left alone."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


WITHOUT = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hidden())
import cobrowse_session.sphinx
"""


@pytest.mark.parametrize("hidden", [("sphinx", "docutils"), ("sphinx",)])
def test_without_sphinx_the_import_names_what_to_install(hidden: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT.format(hidden=hidden)], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "the Sphinx extension needs the extra 'sphinx': "
        "pip install 'cobrowse-session[sphinx]', or from a checkout: pip install '.[sphinx]'"
    )
    assert "ModuleNotFoundError" not in done.stderr


def test_without_another_module_the_import_names_that_module() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT.format(hidden=("attrs",))], capture_output=True, text=True, check=False)

    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'attrs'"


HEAD = "A page\n======\n\n"


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_is_part_of_the_page_with_its_caption(build: Build, picture: str) -> None:
    page, said = build(f"{HEAD}.. cobrowse-diagram:: {picture}\n\n   The *caption*.\n")
    shapes = re.findall(r"<(?:path|rect|text)[ >].*", page)

    assert said == ""
    assert shapes == re.findall(r"<(?:path|rect|text)[ >].*", render(picture, "svg"))  # type: ignore[arg-type]  # a picture
    assert "The <em>caption</em>." in page


def test_a_picture_follows_the_table_that_the_page_names(build: Build) -> None:
    page, said = build(f"{HEAD}.. cobrowse-diagram:: after-call-work\n   :table: examples.tables.pause:TABLE\n")

    assert said == ""
    assert re.findall(r"<(?:path|rect|text)[ >].*", page) == re.findall(
        r"<(?:path|rect|text)[ >].*", render("after-call-work", "svg", table=pause.TABLE)
    )


def test_a_session_in_time_follows_the_table_that_the_page_names(build: Build) -> None:
    short = "   :acw: timeout\n   :acw-timeout: 30\n   :until: end\n"
    usual, _ = build(f"{HEAD}.. cobrowse-timeline:: call.jsonl\n{short}")
    named, said = build(f"{HEAD}.. cobrowse-timeline:: call.jsonl\n   :table: tests.own_tables:NO_WORK\n{short}")

    assert said == ""
    assert "<title>pending: " in usual
    assert "<title>pending: " not in named


def test_a_file_of_own_events_is_read_by_the_table_that_the_page_names(build: Build, tmp_path: Path) -> None:
    call = stream("s1").alerting().after(4)
    event = parked.Parked(subject="s1", source="/acme", id="p1", occurred_at=call.now)
    (tmp_path / "own.jsonl").write_text("\n".join(map(encode_event, [*call, event])), encoding="utf-8")
    page, said = build(f"{HEAD}.. cobrowse-timeline:: own.jsonl\n   :table: examples.tables.parked:TABLE\n")

    assert said == ""
    assert "<title>parked: so far</title>" in page


def test_other_builders_get_the_picture_in_mermaid_and_the_session_in_sentences(build: Build) -> None:
    page, said = build(f"{HEAD}.. cobrowse-diagram:: connection\n\n   One.\n\n.. cobrowse-timeline:: call.jsonl\n", "text")
    lines = {line.strip() for line in page.splitlines()}

    assert said == ""
    assert {line.strip() for line in render("connection", "mermaid").splitlines() if line} <= lines
    assert "2026-03-01 09:05:00.000  disconnected e3: The leg ended. No setting of the leg begins after-call work." in lines
    assert "One." in lines


def test_no_builder_looks_for_the_colours_of_mermaid(build: Build) -> None:
    page, said = build(f"{HEAD}.. cobrowse-diagram:: connection\n", "latex")

    assert said == ""
    assert "stateDiagram" in page


def test_markdown_pages_have_them_too(build: Build) -> None:
    page, said = build("# A page\n\n```{cobrowse-timeline} call.jsonl\n:acw: optional\nThe `caption`.\n```\n", myst=True)

    assert said == ""
    assert "<title>pending: 8 s</title>" in page
    assert re.search(r"The <code[^>]*>.*caption.*</code>\.", page)


def test_ids_stand_once_on_a_page_with_the_same_picture_twice(build: Build) -> None:
    page, _ = build(HEAD + 2 * ".. cobrowse-diagram:: connection\n\n" + 2 * ".. cobrowse-timeline:: call.jsonl\n\n")
    ids = re.findall(r' id="([^"]+)"', page)

    assert len([one for one in ids if one.endswith("-title")]) == 4
    assert len(ids) == len(set(ids))


def test_the_way_of_a_session_or_of_all_is_laid_over_the_picture(build: Build, tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    command("replay", EVENTS, "-o", os.devnull, "--trace", trace)
    page, said = build(
        f"{HEAD}.. cobrowse-diagram:: connection\n   :trace: trace.jsonl\n   :session: cleo\n\n"
        ".. cobrowse-diagram:: connection\n   :trace: /trace.jsonl\n"
    )
    with trace.open("rb") as file:
        rows = list(read_trace(file))
    expected = [_marks(render("connection", "svg", path=way)) for way in (TracePath.of(rows, "cleo"), TracePath.of(rows))]

    assert said == ""
    assert _marks(page) == expected[0] + expected[1]


def _marks(text: str) -> list[str]:
    return re.findall(r'class="(?:mark|annotation[^"]*)" x=.*', text)


def test_time_goes_on_where_the_page_says_so(build: Build) -> None:
    timed = ".. cobrowse-timeline:: call.jsonl\n   :session: s1\n   :acw: forcedTimeout\n   :acw-timeout: 30\n"

    assert "<title>pending: so far</title>" in build(HEAD + timed)[0]
    assert "<title>pending: so far</title>" in build(HEAD + timed.replace("forcedTimeout", "MANDATORY_FORCED_TIMEOUT"))[0]
    assert "<title>pending: 30 s</title>" in build(f"{HEAD}{timed}   :until: end\n")[0]
    assert "<title>pending: 30 s</title>" in build(f"{HEAD}{timed}   :until: 2026-03-01T09:05:30Z\n")[0]


def test_a_page_is_built_anew_when_its_file_changes(build: Build, tmp_path: Path) -> None:
    page = f"{HEAD}.. cobrowse-timeline:: other.jsonl\n"
    other = tmp_path / "other.jsonl"
    other.write_text(CALL, encoding="utf-8")
    before, _ = build(page)
    other.write_text(CALL.replace("peer", "client").replace('"s1"', '"s2"'), encoding="utf-8")
    after, _ = build(page)

    assert ("Session s1 in time" in before, "Session s2 in time" in after) == (True, True)


@pytest.mark.parametrize(
    ("directive", "said"),
    [
        (".. cobrowse-diagram:: life", "expected one of connection, after-call-work, found 'life'"),
        (".. cobrowse-diagram:: connection\n   :session: s1", ":session: needs the :trace: of a replay"),
        (".. cobrowse-diagram:: connection\n   :trace: none.jsonl", "No such file"),
        (".. cobrowse-diagram:: connection\n   :trace: call.jsonl", "line 1: "),
        (".. cobrowse-timeline:: call.jsonl\n   :table: json:T", ":table: json has no 'T'. It has no table."),
        (".. cobrowse-timeline:: none.jsonl", "No such file"),
        (".. cobrowse-timeline:: conf.py", "line 1: not_json"),
        (".. cobrowse-timeline:: call.jsonl\n   :session: s2", "one session of these events. These events have s1"),
        (".. cobrowse-timeline:: many.jsonl", "one session of these events. These events have anna, "),
        (".. cobrowse-timeline:: call.jsonl\n   :acw: sometimes", "expected one of mandatory, optional"),
        (".. cobrowse-timeline:: call.jsonl\n   :acw: timeout", "wrapup_timeout"),
        (".. cobrowse-timeline:: call.jsonl\n   :acw-timeout: soon", ":acw-timeout: expected seconds, found 'soon'"),
        (".. cobrowse-timeline:: call.jsonl\n   :acw-timeout: inf", ":acw-timeout: expected seconds, found 'inf'"),
        (".. cobrowse-timeline:: call.jsonl\n   :until: tomorrow", ":until: expected a time with its zone"),
    ],
)
def test_what_is_wrong_is_said_at_its_place_in_the_page(build: Build, directive: str, said: str) -> None:
    _, complaint = build(f"{HEAD}{directive}\n")

    assert said in complaint
    assert re.search(r"index\.rst:4: ERROR: cobrowse-(diagram|timeline) ", complaint)
