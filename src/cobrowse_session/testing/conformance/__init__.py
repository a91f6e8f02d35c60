"""The conformance kit: cases for an implementation of the specification in any language, as JSON lines beside this file.

`README.md` says what a case has. The expected values come from a second reading of the specification, not from this package.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["FILE", "cases"]

FILE = Path(__file__).with_name("cases.jsonl")
"""The cases, one JSON object on each line."""


def cases() -> Iterator[dict[str, Any]]:
    """Yield the cases. `Any`: JSON.

    >>> case = next(cases())
    >>> case["id"], [event["type"] for event in case["events"]]
    ('row unknown_type', ['com.example.unheard'])
    >>> case["sessions"]["s1"]["trace"][0]["outcome"]
    'ignored'
    """
    with FILE.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
