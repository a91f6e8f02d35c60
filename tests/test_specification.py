"""The specification and the rules for converters are numbered, citations name rules, and tests cite them.

A test cites a rule by its id, in a docstring or a comment: `ACW-4`. A rule that no test cites yet is in
`tests/rules_without_a_test.txt`. `python tests/test_specification.py` prints that list anew.
"""

import re
from itertools import groupby
from pathlib import Path

import pytest

from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION

ROOT = Path(__file__).parents[1]
PAGES = {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("lifecycle.md", "reference/payloads.md")}
SECTIONS = {"lifecycle.md": 9, "reference/payloads.md": 7}
"""How many sections with rules each page has."""
NOT_YET = Path(__file__).with_name("rules_without_a_test.txt")
ID = r"\b([A-Z]{2,})-([0-9]+)\b"
DEFINES = re.compile(r"^(?:\| )?\*\*([A-Z]+-[1-9][0-9]*)\*\* ", re.MULTILINE)
OTHERS = {"BSD", "ISO", "MIT", "MPL", "RFC", "SHA", "UTF"}
"""What looks like the subject of a rule: licences, standards, encodings."""
NOTHING_TO_TEST = {
    "WORD-1",
    "WORD-2",
    "WORD-7",
    "ALERT-1",
    "ACW-43",
    "STREAM-1",
    "STREAM-2",
    "TIMER-8",
    "CLOCK-5",
    "CLOCK-6",
    "CLOCK-7",
    "CLOCK-11",
}
"""Definitions of a term, advice, and facts about the platform. No behaviour of the library follows from them alone."""


def sections(page: str) -> list[str]:
    """The numbered sections with rules of a page."""
    return re.split(r"^## (?=[0-9])", PAGES[page], flags=re.MULTILINE)[1 : SECTIONS[page] + 1]


def rules(text: str = "\n".join(PAGES.values())) -> list[str]:
    """The ids of the rules that a text defines, in order. All pages are the default."""
    return DEFINES.findall(text)


def citations(text: str) -> set[str]:
    """The ids that a text cites, in either form: `ACW-4`, or the anchor in `lifecycle.md#acw-4`."""
    anchors = re.findall(r"(?:lifecycle|payloads)\.(?:md|html)#([a-z]+-[0-9]+)", text)
    ids = ["-".join(found) for found in re.findall(ID, text) if found[0] not in OTHERS]
    return {*ids, *(anchor.upper() for anchor in anchors)}


def cited_by_tests() -> set[str]:
    """The ids that the tests cite, this module excepted."""
    return set().union(
        *(citations(path.read_text(encoding="utf-8")) for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__))
    )


def without_a_test() -> list[str]:
    """The rules that need a test and that no test cites, in the order of the pages."""
    cited = cited_by_tests()
    return [rule for rule in rules() if rule not in cited and rule not in NOTHING_TO_TEST]


def is_covered(before: str, block: str, after: str) -> bool:
    """Whether a block of a section belongs to exactly one rule; a table may have one rule per row."""
    if block.startswith("|"):
        rules_of_rows = [len(rules(row)) for row in block.splitlines()[2:]]
        return set(rules_of_rows) == {1} or (set(rules_of_rows) == {0} and is_rule(before))
    introduces_rules = block.endswith(":") and after.startswith("|") and bool(rules(after))
    return block.startswith(("### ", "```")) or is_rule(block) or (introduces_rules and not rules(block))


def is_rule(block: str) -> bool:
    """Whether a paragraph begins with the only id that it has."""
    return len(rules(block)) == 1 and DEFINES.match(block) is not None and not block.startswith("|")


@pytest.mark.parametrize("page", PAGES)
def test_all_rules_of_a_page_are_in_its_numbered_sections(page: str) -> None:
    assert [section.split(".")[0] for section in sections(page)] == [str(number + 1) for number in range(SECTIONS[page])]
    assert all(rules(section) for section in sections(page))
    assert rules("".join(sections(page))) == rules(PAGES[page])


def test_the_rules_of_each_subject_are_numbered_from_1_without_a_gap() -> None:
    by_subject = [(subject, list(ids)) for subject, ids in groupby(rules(), key=lambda rule: rule.split("-")[0])]

    assert [ids for _, ids in by_subject] == [[f"{subject}-{n + 1}" for n in range(len(ids))] for subject, ids in by_subject]


def test_every_id_is_unique() -> None:
    assert sorted({rule for rule in rules() if rules().count(rule) > 1}) == []


def test_all_bold_text_that_looks_like_an_id_has_the_form_of_an_id() -> None:
    form = r"^(?:\| *)?\*\*([A-Za-z]+[-_. :]*[0-9]+[a-z]?)\W*\*\*"

    assert re.findall(form, "\n".join(PAGES.values()), re.MULTILINE) == rules()


@pytest.mark.parametrize(
    "section", [pytest.param(text, id=f"{page}-{text.splitlines()[0]}") for page in PAGES for text in sections(page)]
)
def test_every_paragraph_and_every_table_is_covered_by_a_rule(section: str) -> None:
    blocks = [block.strip() for block in section.split("\n\n")[1:] if block.strip()]
    uncovered = [
        block
        for before, block, after in zip(["", *blocks], blocks, [*blocks[1:], ""], strict=False)
        if not is_covered(before, block, after)
    ]

    assert uncovered == []


def test_every_row_of_the_table_cites_rules() -> None:
    cited = {row.name: row.cites for row in (*CONNECTION, *AFTER_CALL_WORK)}

    assert {name: cites for name, cites in cited.items() if not cites or {*cites} - {*rules()}} == {}


def test_every_citation_names_a_rule() -> None:
    cited = {
        path.relative_to(ROOT): citations(path.read_text(encoding="utf-8"))
        for path in (
            *ROOT.glob("*.md"),
            *(path for room in ("docs", "src", "tests") for path in (ROOT / room).rglob("*.[mp][dy]")),
        )
        if path != Path(__file__)
    }

    assert {str(path): unknown for path, ids in cited.items() if (unknown := sorted(ids - set(rules())))} == {}


def test_every_rule_without_a_test_is_listed() -> None:
    assert without_a_test() == NOT_YET.read_text(encoding="utf-8").split()


def test_what_needs_no_test_is_a_rule_and_has_none() -> None:
    assert sorted(NOTHING_TO_TEST - set(rules())) == []
    assert sorted(NOTHING_TO_TEST & cited_by_tests()) == []


def test_a_citation_is_found_in_both_forms() -> None:
    text = "`ACW-4`, [why](../lifecycle.md#order-2), lifecycle.html#seal-1, UTF-8, [end](lifecycle.md#10-what-changed)"

    assert citations(text) == {"ACW-4", "ORDER-2", "SEAL-1"}


if __name__ == "__main__":
    print(*without_a_test(), sep="\n")  # noqa: T201 (the list is the output)
