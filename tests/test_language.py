"""The language of src/ keeps its level: `make counts` prints the table."""

import pytest
from tests.language import Counts, counts


@pytest.fixture(scope="module")
def found() -> Counts:
    return counts()


def test_docstrings_are_plain(found: Counts) -> None:
    assert found.per_1000(found.semicolons) <= 1.7
    assert found.per_1000(found.mannered) <= 2.3


def test_first_lines_name_what_is_returned_or_done(found: Counts) -> None:
    assert found.clauses <= 0.01 * found.first_lines


def test_hard_places_are_explained(found: Counts) -> None:
    assert found.comment_lines >= 0.06 * found.lines


def test_the_core_has_five_exceptions_from_its_types_at_most(found: Counts) -> None:
    assert found.core_ignores <= 5


def test_public_names_stay_documented(found: Counts) -> None:
    """Before the pass over the language there were 550, with 23.2 words each."""
    assert found.public_names >= 550
    assert found.public_words >= 23.2 * found.public_names
