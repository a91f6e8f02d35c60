"""The application of docs/how-to/serve.md passes the tests that the page shows, and the tests that threats.md names exist."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_application_of_the_page_passes_its_own_tests(tmp_path: Path) -> None:
    page = (ROOT / "docs/how-to/serve.md").read_text(encoding="utf-8")
    for name, text in re.findall(r"```\{code-block\} python\n:caption: (\S+)\n\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "examples").symlink_to(ROOT / "examples")

    command = [sys.executable, "-m", "pytest", "-W", "error", "test_app.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_every_threat_names_a_test_that_exists() -> None:
    page = (ROOT / "docs/explanation/threats.md").read_text(encoding="utf-8")
    named = re.findall(r"`(test_\w+)`", page)
    written = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").glob("test_*.py"))

    assert len(named) == 36
    assert [name for name in named if f"def {name}(" not in written] == []
