"""The effort of a run, the slow files, and the way to the modules of this folder."""

import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parents[1]))  # importlib mode puts nothing there

for name, examples in {"quick": 5, "default": 20, "soak": 100}.items():  # tests/effort.py
    settings.register_profile(name, max_examples=examples, deadline=None, derandomize=True)
settings.load_profile("default")

SLOW = {
    "test_clock_worlds.py",
    "test_corpus.py",
    "test_files.py",
    "test_hostile_input.py",
    "test_hostile_pictures.py",
    "test_reading.py",
    "test_setup.py",
    "test_sphinx.py",
    "test_world.py",
}
"""Files that start processes, read large inputs or simulate much. `make quick` leaves them out."""


@pytest.hookimpl(trylast=True)  # Hypothesis marks its tests first
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the slow files. Coverage triples the time of a test, so that the tests that repeat much go without."""
    for item in items:
        if item.path.name in SLOW:
            item.add_marker("slow")
        if item.get_closest_marker("slow") or item.get_closest_marker("hypothesis"):
            item.add_marker("no_cover")
