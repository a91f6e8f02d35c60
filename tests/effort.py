"""The effort of a run: `make soak` tries everything, `make test` a fifth of it, `make quick` a twentieth."""

import pytest
from hypothesis import settings


def share(full: int) -> int:
    """Return how many of `full` tries this run makes. The Hypothesis profile decides (tests/conftest.py)."""
    return max(1, full * settings().max_examples // 100)


def examples(full: int) -> settings:
    """Return Hypothesis settings for a test that makes `full` tries in `make soak`."""
    return settings(max_examples=share(full))


soak_only = pytest.mark.skipif(share(100) < 100, reason="make soak")
"""Marks a test that takes too long for `make test`. Each of its rules has another test."""
