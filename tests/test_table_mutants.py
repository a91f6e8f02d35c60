"""Small errors in the rows of the table are found. `make mutate-table` tries all of them."""

from functools import cache
from itertools import chain
from random import Random

import pytest
from tests.alphabet import FEW, ONE
from tests.exhaustive import FLAGS, of_details, of_work
from tests.table_mutants import Mutant, Standard, explained, fate, mutants, standard

from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION

SAMPLE = 40
SEED = 1
"""Another seed draws another sample."""


@cache
def known() -> Standard:
    """The steps of the standard table, for some prompts."""
    work = of_work(FEW, FLAGS[:1], ["mandatory", "forcedTimeout"]), of_work(ONE, FLAGS[:1], ["agentRequested"])
    return standard(chain(*work, of_details(["viewer_url"])))


def of(row: str, change: str) -> Mutant:
    """The mutant of this name."""
    (found,) = (one for one in mutants() if (one.row, one.change) == (row, change))
    return found


def test_every_row_has_mutants_of_each_sort() -> None:
    rows = {row.name for row in (*CONNECTION, *AFTER_CALL_WORK)}
    by_sort = {sort: {one.row for one in mutants() if one.change.startswith(sort)} for sort in ("dropped", "result ", "swapped ")}

    assert by_sort["dropped"] == by_sort["result "] == rows
    assert {row.name for row in (*CONNECTION, *AFTER_CALL_WORK) if row.guards} <= by_sort["swapped "]


@pytest.mark.parametrize(
    ("row", "change", "expected"),
    [
        ("no_way_back", "dropped", "refused"),
        ("skip_code_required", "dropped", "killed"),
        ("skip_code_required", "not code_is_required", "killed"),
        ("ended", "without stamp_disconnected", "killed"),
        ("ended", "result connected", "killed"),
        ("ended", "set_disconnect_type before set_initial_state", "equivalent"),  # they write different attributes
        ("begins", "result complete", "killed"),
        ("complete_by_timeout", "without assign_timeout_code", "killed"),
        ("draft_too_late", "swapped with saved_again", "killed"),
        ("not_ended", "result refused another_rule", "killed"),
        ("request_withdrawn", "result absent", "renamed"),  # after-call work is absent while connected
    ],
)
def test_a_mutant_is_refused_or_killed_unless_it_changes_nothing(row: str, change: str, expected: str) -> None:
    assert fate(of(row, change), known()) == expected


def test_a_sample_of_mutants_is_found_or_has_a_reason() -> None:
    decided = {row for by_row in known().steps.values() for row in by_row}
    some = [mutant for mutant in Random(SEED).sample(list(mutants()), SAMPLE) if mutant.row in decided]
    fates = {str(mutant): fate(mutant, known()) for mutant in some}

    assert len(some) > SAMPLE / 2
    assert {name for name, found in fates.items() if found in ("renamed", "equivalent")} <= explained().keys()
    assert "killed" not in {found for name, found in fates.items() if name in explained()}
