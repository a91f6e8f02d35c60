"""Write every picture in every format: `python -m cobrowse_session.diagrams DIRECTORY`."""

import sys
from pathlib import Path

from cobrowse_session.diagrams import FORMATS, PICTURES, render


def main(directory: str) -> None:
    """Write the files. The directory may exist already."""
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        for name, suffix in FORMATS.items():
            (folder / f"{picture}.{suffix}").write_text(render(picture, name), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m cobrowse_session.diagrams DIRECTORY")
    main(sys.argv[1])
