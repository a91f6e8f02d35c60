"""Draw the tables of this folder, each in the picture that it changes: `python -m examples.tables.draw DIRECTORY`."""

import sys
from pathlib import Path

from examples.tables import hold, parked, pause, short_calls

from cobrowse_session.diagrams import render


def main(directory: str) -> None:
    """Write the files. The directory may exist already."""
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    drawings = {
        "hold": render("connection", "svg", table=hold.TABLE),
        "parked": render("connection", "svg", table=parked.TABLE),
        "pause": render("after-call-work", "svg", table=pause.TABLE),
        "short_calls": render("after-call-work", "svg", table=short_calls.TABLE),
    }
    for name, drawing in drawings.items():
        (folder / f"{name}.svg").write_text(drawing, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1])
