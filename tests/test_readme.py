"""The README: its links work on a package index. What it and the index page show works with the installed wheel."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from functools import partial
from pathlib import Path
from zipfile import ZipFile

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from cobrowse_session import Lifecycle, Settings
from cobrowse_session.diagrams import timeline
from cobrowse_session.io.replay import read_events, replay

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
INDEX = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
ADDRESS = "https://example.invalid/owner/project"
NO_ADDRESS = r"replacement = '\2'"
WITH_ADDRESS = rf"replacement = '\1[\2]({ADDRESS}/\3)'"
OTHER_PROJECTS = {"https://cloudevents.io", "https://github.com/pytransitions/transitions"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def wheel_with_address(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(tmp_path_factory.mktemp("address"), NO_ADDRESS, WITH_ADDRESS)


# --- Links --------------------------------------------------------------------------------------------------------------------


def test_a_link_of_the_readme_leads_to_another_project_or_to_a_file_of_the_repository() -> None:
    """The project has no address yet, so nothing may claim one."""
    links = {link for _, link in _links(README)}

    assert {link for link in links if ":" in link} == OTHER_PROJECTS
    assert [link for link in links - OTHER_PROJECTS if not (ROOT / link).exists()] == []


def test_without_an_address_the_long_description_keeps_the_text_of_relative_links(wheel: Path) -> None:
    description = _description(wheel)

    assert {link for _, link in _links(description)} == OTHER_PROJECTS
    assert "the tutorial" in description


def test_with_an_address_every_link_of_the_long_description_is_absolute(wheel_with_address: Path) -> None:
    folders = {"a": "blob", "img": "raw"}
    expected = [
        (element, link if link in OTHER_PROJECTS else f"{ADDRESS}/{folders[element]}/HEAD/{link}")
        for element, link in _links(README)
    ]

    assert {element for element, _ in expected} == {"a", "img"}
    assert list(_links(_description(wheel_with_address))) == expected


def test_the_code_of_the_long_description_is_that_of_the_readme(wheel_with_address: Path) -> None:
    assert _code(_description(wheel_with_address)) == _code(README)


def test_the_metadata_claims_no_address(wheel: Path) -> None:
    assert (_metadata(wheel)["Project-URL"], _metadata(wheel)["Home-page"]) == (None, None)


# --- Examples -----------------------------------------------------------------------------------------------------------------


def test_what_the_readme_and_the_index_page_show_works_beside_the_examples_with_the_wheel(wheel: Path, tmp_path: Path) -> None:
    installed, folder = tmp_path / "installed", tmp_path / "empty"
    folder.mkdir()
    (folder / "examples").symlink_to(ROOT / "examples")
    ZipFile(wheel).extractall(installed)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = partial(_run, folder=folder, PATH=path, PYTHONPATH=str(installed))

    assert run(sys.executable, "-c", "import cobrowse_session; print(cobrowse_session.__file__)").startswith(str(installed))
    sessions = [content for language, content in _code(README) + _code(INDEX) if language == "python"]
    (tmp_path / "sessions.txt").write_text("\n".join(sessions), encoding="utf-8")
    assert run(sys.executable, "-m", "doctest", "-o", "ELLIPSIS", str(tmp_path / "sessions.txt")) == ""
    run("bash", "-ec", "\n".join(_commands()))
    written = {file.name for file in folder.iterdir()}
    assert written == {"examples", "events.jsonl", "sessions.jsonl", "trace.jsonl", "ben.svg"}


def test_the_timeline_in_the_readme_is_what_the_code_prints() -> None:
    with (ROOT / "examples" / "call.jsonl").open("rb") as file:
        (log,) = replay(read_events(file, print), Lifecycle(settings=Settings(wrapup_prompt="mandatory")))

    assert ("img", "examples/call.svg") in _links(README)
    assert timeline(log) == (ROOT / "examples" / "call.svg").read_text(encoding="utf-8")


# --- How ----------------------------------------------------------------------------------------------------------------------


def _run(*command: str, folder: Path, **environment: str) -> str:
    """Return what a command prints. A command that fails is an error with its output."""
    done = subprocess.run(command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _build(folder: Path, old: str = "", new: str = "") -> Path:
    """Build the wheel of a copy of the project, with one change of pyproject.toml."""
    source = folder / "source"
    shutil.copytree(ROOT / "src", source / "src")
    for name in ("LICENSE", "README.md"):
        shutil.copy(ROOT / name, source)
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert not old or settings.count(old) == 1
    (source / "pyproject.toml").write_text(settings.replace(old, new), encoding="utf-8")
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), folder=source)
    (built,) = folder.glob("*.whl")
    return built


def _metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def _description(wheel: Path) -> str:
    content = _metadata(wheel).get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


def _tokens(text: str) -> list[Token]:
    return MarkdownIt().enable("table").parse(text)


def _links(text: str) -> Iterator[tuple[str, str]]:
    """Yield the element and the address of each link and picture."""
    for block in _tokens(text):
        for token in block.children or ():
            if token.type in ("link_open", "image"):
                yield token.tag, str(token.attrs["href" if token.tag == "a" else "src"])


def _code(text: str) -> list[tuple[str, str]]:
    """Return the language and the content of each block of code."""
    return [(token.info, token.content) for token in _tokens(text) if token.type == "fence"]


def _commands() -> Iterator[str]:
    """Yield the commands that the README shows, without those that need a checkout."""
    before = ""
    for token in _tokens(README):
        if token.type == "fence" and token.info == "console" and "skip: next" not in before:
            yield from (line.removeprefix("$ ") for line in token.content.splitlines() if line.startswith("$ "))
        before = token.content
