"""The figures of the proofs, as the commands print them: docs/explanation/proof.json. The page *How it is tested* shows them."""

import json
from collections.abc import Mapping
from pathlib import Path

FIGURES = Path(__file__).parents[1] / "docs" / "explanation" / "proof.json"


def write(proof: str, figures: Mapping[str, int]) -> None:
    """Write the figures of one proof, and leave those of the others."""
    known = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    known[proof] = dict(figures)
    FIGURES.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
