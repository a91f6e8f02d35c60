"""One Hypothesis profile for all tests, and the way to `tests.strategies`."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parents[1]))  # importlib mode puts nothing there

settings.register_profile("default", max_examples=100, deadline=None, derandomize=True)
settings.load_profile("default")
