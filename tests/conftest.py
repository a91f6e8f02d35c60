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
    "test_atomic.py",
    "test_clock_worlds.py",
    "test_corpus.py",
    "test_files.py",
    "test_hostile_input.py",
    "test_hostile_pictures.py",
    "test_reading.py",
    "test_saved.py",
    "test_setup.py",
    "test_sphinx.py",
    "test_stream_files.py",
    "test_world.py",
    "test_a_reader_that_goes_away_is_no_error",
    "test_any_order_of_arrival_advance_and_restart_shows_what_the_fold_says",
    "test_convert_and_replay_are_a_pipeline",
    "test_no_color_leaves_no_color",
    "test_the_clocks_that_are_observed_are_bounded",
    "test_the_next_of_many_deadlines_is_found_and_fired_without_looking_at_each_log",
    "test_twice_as_many_copies_of_one_event_cost_twice_as_many_calls",
}
"""Files and tests that start processes, stop at each line, read large inputs or simulate much: not in `make quick`."""


NOT_MEASURED = {"test_clock_worlds.py", "test_hostile_input.py", "test_reading.py", "test_setup.py", "test_world.py"}
"""Files that repeat much: coverage triples their time, and other tests reach every branch of the core."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the slow tests, and those that coverage leaves out."""
    if {item.path.name, getattr(item, "originalname", "")} & SLOW:
        item.add_marker("slow")
    if item.path.name in NOT_MEASURED:
        item.add_marker("no_cover")
