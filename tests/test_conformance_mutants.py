"""A wrong implementation fails the conformance kit: each small error in the table, and each naive mistake, is found by a case."""

import json
from functools import cache
from itertools import islice
from random import Random
from types import ModuleType
from typing import Any

from tests.conformance import sessions, streams
from tests.conformance_mistakes import MISTAKES, mistaken
from tests.reading_streams import Stream
from tests.table_mutants import Mutant, explained, mutants
from tests.test_conformance import CASES, is_fulfilled

from cobrowse_session import TableError
from cobrowse_session.tables import Table

SAMPLE = 30
SEED = 1
"""Another seed draws another sample."""
SIMPLE = "row unknown_type", "row alerting", "row ended", "corner STAMP-3 never before the alert"
"""A mistake leaves one of them as it is. What fails in every stream shows nothing of the cases."""


# --- Errors in the table --------------------------------------------------------------------------------------------------------


def left(some: list[Mutant]) -> set[str]:
    """Return the mutants that no case finds."""
    order, found = [*CASES], set[str]()
    for mutant in some:
        try:
            table = mutant.table()
        except TableError:
            continue
        finder = next((case for case in order if not survives(table, case)), None)
        if finder is None:
            found.add(str(mutant))
        else:  # what found one error often finds the next
            order.remove(finder)
            order.insert(0, finder)
    return found


def survives(table: Table, case: dict[str, Any]) -> bool:
    """Return whether a case finds no error in a table."""
    try:
        return is_fulfilled(case, table)
    except Exception:  # noqa: BLE001 (whatever a broken row raises)
        return False


def test_a_case_finds_each_of_a_sample_of_errors_in_the_table_that_is_not_equivalent() -> None:
    some = Random(SEED).sample([one for one in mutants() if str(one) not in explained()], SAMPLE)

    assert left(some) == set()


def test_a_case_finds_each_error_in_the_table_that_is_not_equivalent() -> None:
    assert left([*mutants()]) == explained().keys()


# --- Mistakes of people ---------------------------------------------------------------------------------------------------------


@cache
def expected() -> dict[str, tuple[Stream, str]]:
    """The streams of the cases, and what the second reading expects."""
    return {name: (stream, json.dumps(sessions(stream))) for name, stream in streams()}


def found_by(mistake: str) -> list[str]:
    """Return the first case that finds a mistake, or nothing. Those that are named by its rule come first."""
    module, rule = mistaken(MISTAKES[mistake]), mistake.split(maxsplit=1)[0]
    assert not all(differs(name, module) for name in SIMPLE), f"breaks everything: {mistake}"
    names = sorted(expected(), key=lambda name: rule not in name.split())
    return [*islice((name for name in names if differs(name, module)), 1)]


def differs(name: str, module: ModuleType) -> bool:
    """Return whether a reading with a mistake makes something else of a case."""
    stream, result = expected()[name]
    try:
        return json.dumps(sessions(stream, module)) != result
    except Exception:  # noqa: BLE001 (whatever a mistake raises)
        return True


def test_a_case_finds_each_of_a_sample_of_naive_mistakes() -> None:
    some = Random(SEED).sample(list(MISTAKES), SAMPLE)

    assert [mistake for mistake in some if not found_by(mistake)] == []


def test_a_case_finds_each_naive_mistake() -> None:
    assert [mistake for mistake in MISTAKES if not found_by(mistake)] == []
