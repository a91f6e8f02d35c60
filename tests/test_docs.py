"""The documentation is whole: every public name is in the reference, and every example is one that runs."""

import importlib
import re
from collections import Counter
from pathlib import Path

import pytest
import typer

from cobrowse_session.cli import app

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
REFERENCE = "".join(page.read_text(encoding="utf-8") for page in PAGES if "reference" in page.parts)
PUBLIC = (
    "cobrowse_session",
    "cobrowse_session.diagrams",
    "cobrowse_session.observe",
    "cobrowse_session.service",
    "cobrowse_session.store",
    "cobrowse_session.stream",
    "cobrowse_session.tables",
    "cobrowse_session.testing",
    *(
        f"cobrowse_session.testing.{name}"
        for name in ("checked", "conformance", "coverage", "machine", "mischief", "paths", "payloads", "sources", "strategies")
    ),
    "cobrowse_session.wire",
    "cobrowse_session.sources",
    "cobrowse_session.sources.genesys",
    *(f"cobrowse_session.io.{name}" for name in ("clocks", "diff", "inbox", "payloads", "replay")),
)
RUN = {"python", "console", "{code-block}"}
"""What conftest.py runs, or writes for others to run."""
SHOWN = {
    "text",
    "json",
    "rst",
    "toml",
    "mermaid",
    "{toctree}",
    "{include}",
    "{literalinclude}",
    "{index}",
    "{eval-rst}",
    "{cobrowse-diagram}",
    "{cobrowse-timeline}",
}
"""What is only to be looked at."""


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_in_the_reference(module: str) -> None:
    documented = set(re.findall(r":: cobrowse_session\.(?:[a-z_.]+\.)?(\w+)$", REFERENCE, re.MULTILINE))

    assert set(importlib.import_module(module).__all__) - documented == set()


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in (ROOT / "README.md", *PAGES)])
def test_every_block_of_code_runs_or_is_only_to_be_looked_at(page: Path) -> None:
    opened = re.findall(r"^(`{3,})([^\s`]*)[^`\n]*\n.*?^\1$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)

    assert {language for _, language in opened} <= RUN | SHOWN


def test_what_the_pages_leave_out_only_installs_or_is_run_by_others() -> None:
    skipped = [
        command
        for page in (ROOT / "README.md", *PAGES)
        for block in re.findall(r"<!-- skip: next -->\n\n```console\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        for command in re.findall(r"^\$ (.*)$", block, re.MULTILINE)
    ]

    assert [command for command in skipped if not command.startswith(("pip install ", "make ", "git clone "))] == []


def test_every_page_says_what_it_is_about() -> None:
    """Search engines show it, and llms.txt lists it."""
    described = re.compile(r"---\n(?:.*\n)*?    description: .{20,160}\n")

    assert [str(page.relative_to(ROOT)) for page in PAGES if not described.match(page.read_text(encoding="utf-8"))] == []


def test_every_page_has_a_title_of_its_own() -> None:
    """Search results, browser tabs and llms.txt show nothing else."""
    titles = Counter(
        match[1].casefold() for page in PAGES if (match := re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE))
    )

    assert titles.total() == len(PAGES)
    assert [title for title, count in titles.items() if count > 1] == []


@pytest.mark.parametrize("page", ["README.md", "docs/reference/command-line.md"])
def test_the_pages_name_the_commands_that_show_what_was_known_at_a_time(page: str) -> None:
    commands = typer.main.get_group(app).commands
    known = {name for name, one in commands.items() if any("--known-at" in option.opts for option in one.params)}

    (sentence,) = re.findall(r"\n(`.*) have the option `--known-at TIME`", (ROOT / page).read_text(encoding="utf-8"))
    assert {*re.findall(r"`(\w+)`", sentence)} == known
