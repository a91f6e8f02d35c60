"""What the package promises as a package: one version, cheap to import, honest lists of names, a core without clocks or I/O."""

import ast
import importlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cobrowse_session

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "cobrowse_session"
CORE = sorted(
    path
    for part in ("model.py", "events.py", "errors.py", "lifecycle", "stream")
    for path in ((PACKAGE / part).rglob("*.py") if (PACKAGE / part).is_dir() else [PACKAGE / part])
)
LISTS = sorted(path for path in PACKAGE.rglob("__init__.py") if "__all__" in path.read_text(encoding="utf-8"))

OUTSIDE_WORLD = {
    "asyncio",
    "concurrent",
    "io",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "sched",
    "secrets",
    "select",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
}
"""Modules that read a clock, draw a number, wait, or reach for something outside."""

OUTSIDE_METHODS = {"now", "utcnow", "today"}
OUTSIDE_FUNCTIONS = {"open", "input", "print", "exec", "eval", "__import__"}


# --- One version, one name ----------------------------------------------------------------------------------------------------


def test_the_version_is_in_one_place() -> None:
    assert importlib.metadata.version("cobrowse-session") == cobrowse_session.__version__


# --- Imports ------------------------------------------------------------------------------------------------------------------


def test_importing_the_package_brings_nothing_heavy() -> None:
    heavy = "cattrs typer rich hypothesis pytest cobrowse_session.wire cobrowse_session.io cobrowse_session.testing"
    code = f"import sys, cobrowse_session; print(*(name for name in {heavy.split()} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == []


# --- Names --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.parent.name)
def test_every_public_name_exists(path: Path) -> None:
    module = importlib.import_module(".".join(path.parent.relative_to(PACKAGE.parent).parts))

    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.parent.name)
def test_the_list_of_public_names_is_a_literal_without_repetition(path: Path) -> None:
    names = ast.literal_eval(_assigned(path, "__all__"))

    assert len(names) == len(set(names))


def test_the_public_names_are_sorted() -> None:
    assert cobrowse_session.__all__ == sorted(cobrowse_session.__all__)


# --- The core asks nobody -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_core_reads_no_clock_draws_no_numbers_and_opens_nothing(path: Path) -> None:
    assert list(_reaches_outside(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "code",
    [
        "import time",
        "from random import choice",
        "import os.path",
        "from datetime import datetime\ndatetime.now()",
        "import datetime as d\nd.datetime.utcnow()",
        "def f():\n    import threading",
        "now = datetime.now",
        "open('x')",
    ],
)
def test_the_scan_finds_what_it_looks_for(code: str) -> None:
    assert len(list(_reaches_outside(code))) == 1


# --- The repository -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(
    not (ROOT / ".git").exists() or shutil.which("git") is None, reason="needs the repository, not an archive of it"
)
def test_no_tracked_file_names_a_machine() -> None:
    git = shutil.which("git")
    assert git is not None
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]
    local = re.compile(
        rb"(?<![\w.~-])/(?:work|root|home|Users|opt)/\w|file:/{2}|-index-ur[l]|pypi[.]org/simple|pythonhosted[.]org"
    )

    assert {path.name: found[0] for path in files if (found := local.search(path.read_bytes()))} == {}


# --- How --------------------------------------------------------------------------------------------------------------------


def _assigned(path: Path, name: str) -> ast.expr:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return node.value
    raise AssertionError(f"{path} assigns no {name}")


def _reaches_outside(code: str) -> Iterator[str]:
    """Every import of the outside world, and every mention of a function that asks it."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Import(names=names):
                yield from (f"line {node.lineno}: {alias.name}" for alias in names if _root(alias.name) in OUTSIDE_WORLD)
            case ast.ImportFrom(module=str(module)) if _root(module) in OUTSIDE_WORLD:
                yield f"line {node.lineno}: {module}"
            case ast.Attribute(attr=name) if name in OUTSIDE_METHODS:
                yield f"line {node.lineno}: {name}"
            case ast.Name(id=name) if name in OUTSIDE_FUNCTIONS:
                yield f"line {node.lineno}: {name}"


def _root(module: str) -> str:
    return module.partition(".")[0]
