"""The command line: files in, files out, a summary for the person in between."""

from typing import Annotated

import typer

from cobrowse_session import __version__
from cobrowse_session.cli.check import clocks_command, diff_command, validate_command
from cobrowse_session.cli.convert import convert_command, reconcile_command
from cobrowse_session.cli.diagram import diagram_command, perfetto_command, timeline_command
from cobrowse_session.cli.explain import explain_command, history_command
from cobrowse_session.cli.options import Command, Commands
from cobrowse_session.cli.replay import replay_command

app = typer.Typer(
    name="cobrowse-session",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="The life of a contact-centre session: provider events in, the session out.\n\n"
    "Events are CloudEvents 1.0, one JSON object per line. `-` is standard input.",
    epilog="Exit code 0: all is well. 1: lines were rejected, or something differs, or events were refused (with `--strict`). "
    "2: wrong usage, or a file that cannot be read or written. No output has changed. 141: the reader of an output went away, as "
    "`head` does. The other outputs are complete.",
)

SESSIONS, PLATFORM, CHECKS, PICTURES = "Sessions", "The platform's payloads", "Checks", "Pictures"
for panel, name, command, example in (
    (SESSIONS, "replay", replay_command, "replay events.jsonl --trace trace.jsonl --acw timeout --acw-timeout 30 --until end"),
    (SESSIONS, "history", history_command, "history events.jsonl s1"),
    (SESSIONS, "explain", explain_command, "explain events.jsonl s1 wrapup.endTime"),
    (PLATFORM, "convert", convert_command, "convert conversation.json | cobrowse-session replay -"),
    (PLATFORM, "reconcile", reconcile_command, "reconcile events.jsonl conversation.json --all"),
    (CHECKS, "validate", validate_command, "validate events.jsonl && echo fine"),
    (CHECKS, "clocks", clocks_command, "clocks events.jsonl --min-delay 0.1"),
    (CHECKS, "diff", diff_command, "diff before.trace.jsonl after.trace.jsonl"),
    (PICTURES, "timeline", timeline_command, "timeline events.jsonl s1 -o s1.svg"),
    (PICTURES, "diagram", diagram_command, "diagram after-call-work -o after-call-work.svg"),
    (PICTURES, "perfetto", perfetto_command, "perfetto events.jsonl -o replay.json"),
):
    app.command(name, cls=Command, rich_help_panel=panel, epilog=f"Try: cobrowse-session {example}")(command)


def _version(wanted: bool) -> None:  # noqa: FBT001 (typer's callback)
    if wanted:
        typer.echo(f"cobrowse-session {__version__}")
        raise typer.Exit


@app.callback()
def main(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,  # noqa: FBT002 (typer's option)
) -> None:
    """Take what all commands share."""
