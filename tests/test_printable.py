import sys

import pytest

from cobrowse_session.printable import printable

HOSTILE = [
    "\n",
    "\r",
    "\t",
    "\x00",
    "\x1b[2J",
    "\x7f",
    "\x9b31m",
    "\u202e",
    "\u2066",
    "\u2028",
    "\u200b",
    "\ufeff",
    "\ud800",
    "\uffff",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_character_that_an_output_could_obey_is_written_as_an_escape(text: str) -> None:
    shown = printable(f"a{text}b")

    assert shown.startswith("a\\")
    assert shown.isprintable()


def test_every_character_is_printable_afterwards_or_was_a_harmless_one() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        shown = printable(character)

        assert shown == character or shown.isascii()
        assert "\x1f" < shown[0] != "\x7f"


@pytest.mark.parametrize("text", ["", "s1", "Ünïcode 漢字", "👩‍👩‍👧", "non-breaking\u00a0space", "back\\slash"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text
