"""Write every picture in every format: `python -m cobrowse_session.diagrams DIRECTORY [MODULE:TABLE]`."""

import sys
from pathlib import Path

from cobrowse_session.diagrams import FORMATS, PICTURES, render
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.named import table_named
from cobrowse_session.printable import printable


def main(directory: str, table: Table | None = None) -> None:
    """Write the files. The directory may exist already.

    Args:
        directory: where.
        table: None: the standard one.
    """
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        for name, suffix in FORMATS.items():
            text = render(picture, name, table=table)
            (folder / f"{picture}.{suffix}").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python -m cobrowse_session.diagrams DIRECTORY [MODULE:TABLE]")
    try:
        main(sys.argv[1], table_named(sys.argv[2]) if len(sys.argv) == 3 else None)
    except ValueError as error:
        name, *_ = sys.argv[2:]
        sys.exit("\n".join(map(printable, f"{name}: {error}".split("\n"))))  # of a table, one line for each problem
