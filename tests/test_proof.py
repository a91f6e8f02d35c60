"""The figures of a proof are what its command prints, and a command that fails prints none (tests/proof.py)."""

import pytest
from tests.proof import PROOFS, figures, read


def test_figures_are_read_from_what_is_printed() -> None:
    printed = "12 searches\n1,234 mutants, 5 refused, 1,000 killed, 6 renamed, 223 equivalent\n"

    assert figures(PROOFS["mutants"], printed) == {"mutants": 1234, "refused": 5, "killed": 1000, "renamed": 6, "equivalent": 223}


def test_numbers_that_are_printed_several_times_are_summed() -> None:
    assert figures(PROOFS["service"], "   20 answers of 2xx: GET /a\n  123 answers of 2xx: POST /b\n") == {"answers": 143}


def test_a_command_that_failed_has_no_figures() -> None:
    with pytest.raises(ValueError, match="expected a number of worlds, events, found 'missing: row'"):
        figures(PROOFS["worlds"], "missing: row")


def test_only_the_lines_of_a_proof_count() -> None:
    printed = "xstate: 10 streams, 20 steps\nscxml: 10 streams, 30 steps\n"

    assert figures(PROOFS["scxml"], printed) == {"streams": 10, "steps": 30}


def test_the_page_has_figures_of_known_proofs_only() -> None:
    assert {name: {*one["figures"]} for name, one in read().items()} == {name: {*PROOFS[name].figures} for name in read()}
