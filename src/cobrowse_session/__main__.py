"""`python -m cobrowse_session`, and the command `cobrowse-session`."""

import io
import sys

from cobrowse_session.errors import MissingExtraError


def main() -> None:
    """Run the command line; without its extra, say which one is missing."""
    try:
        from cobrowse_session.cli import app  # noqa: PLC0415 (it needs the extra)
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        sys.exit(f"cobrowse-session: {MissingExtraError('the command line', 'cli')}")
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper):  # None, if it is closed
            output.reconfigure(errors="backslashreplace")  # a terminal that has no sign for something
    app()


if __name__ == "__main__":
    main()
