"""What is imported, and when."""

import json
import subprocess
import sys

import pytest

import cobrowse_session
from cobrowse_session.cli.group import PLACES, OnDemand


def imported(code: str) -> set[str]:
    """The modules that a program imports."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys\n{code}\nprint(json.dumps([*sys.modules]))"], capture_output=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_package_imports_its_modules_when_a_name_is_used() -> None:
    assert not {name for name in imported("import cobrowse_session") if name.startswith("cobrowse_session.")}
    assert "cobrowse_session.lifecycle" not in imported("from cobrowse_session import Alerting")
    assert "cobrowse_session.wire" not in imported("from cobrowse_session import *")


@pytest.mark.parametrize("name", cobrowse_session.__all__)
def test_every_public_name_is_that_of_its_module(name: str) -> None:
    found = getattr(cobrowse_session, name)

    assert getattr(sys.modules[found.__module__], name) is found
    assert name in dir(cobrowse_session)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'cobrowse_session' has no attribute 'Lifecicle'"):
        cobrowse_session.Lifecicle  # type: ignore[attr-defined]  # noqa: B018 (it must raise)


def test_the_version_needs_neither_the_table_nor_a_format() -> None:
    code = """
from cobrowse_session.cli import app
sys.argv = ["cobrowse-session", "--version"]
try:
    app()
except SystemExit:
    pass
"""
    assert not imported(code) & {"cobrowse_session.lifecycle", "cobrowse_session.wire", "rich", "transitions", "cattrs"}


@pytest.mark.parametrize("name", PLACES)
def test_every_command_is_found_and_has_a_help(name: str) -> None:
    assert OnDemand()[name].help
