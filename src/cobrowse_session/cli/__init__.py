"""The command line: files in, files out, a summary for the person in between."""

from typing import Annotated

import typer

from cobrowse_session import __version__
from cobrowse_session.cli.group import Commands

app = typer.Typer(
    name="cobrowse-session",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="The life of a contact-centre session: provider events in, the session out.\n\n"
    "Events are CloudEvents 1.0, one JSON object per line. Use `-` for standard input.",
    epilog="Exit code 0: all is well. 1: lines were rejected, or something differs, or events were refused (with `--strict`). "
    "2: wrong usage, or a file that cannot be read or written. No output has changed. 141: the reader of an output went away, as "
    "`head` does. The other outputs are complete.",
)


def _version(wanted: bool) -> None:  # noqa: FBT001 (typer's callback)
    if wanted:
        typer.echo(f"cobrowse-session {__version__}")
        raise typer.Exit


@app.callback()
def main(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,  # noqa: FBT002 (typer's option)
) -> None:
    """Take what all commands share."""
