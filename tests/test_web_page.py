"""The service of docs/how-to/web.md passes the tests that the page shows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_web_service_of_the_page_passes_its_own_tests(tmp_path: Path) -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("httpx2")  # what its TestClient needs
    page = (ROOT / "docs/how-to/web.md").read_text(encoding="utf-8")
    for name, text in re.findall(r"```\{code-block\} python\n:caption: (\S+)\n\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "examples").symlink_to(ROOT / "examples")

    command = [sys.executable, "-m", "pytest", "-W", "error", "test_app.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout
