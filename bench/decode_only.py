"""The floor of a replay: msgspec decodes every line, and nothing else is done: `python -m bench.decode_only EVENTS`."""

import sys
from pathlib import Path

from bench.lines import READ


def main() -> None:
    """Decode a file."""
    with Path(sys.argv[1]).open("rb") as file:
        for line in file:
            READ.decode(line)


if __name__ == "__main__":
    main()
