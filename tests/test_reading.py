"""The package agrees with a second, independent reading of the specification, on random streams."""

from collections.abc import Callable

import pytest
from tests.effort import share
from tests.reading_run import GENERATORS, differences
from tests.reading_streams import Stream

CHUNK = 10


@pytest.mark.parametrize("first", range(0, share(200), CHUNK))
@pytest.mark.parametrize("generator", GENERATORS)
def test_the_package_agrees_with_the_reading(generator: Callable[[int], Stream], first: int) -> None:
    found = {seed: list(differences(generator(seed), seed)) for seed in range(first, first + CHUNK)}

    assert {seed: sentences for seed, sentences in found.items() if sentences} == {}
