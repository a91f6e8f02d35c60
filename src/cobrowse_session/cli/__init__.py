"""The command line: files in, files out, a summary for the person in between."""

from typing import Annotated

import typer

from cobrowse_session import __version__
from cobrowse_session.cli.check import clocks_command, diff_command, validate_command
from cobrowse_session.cli.convert import convert_command, reconcile_command
from cobrowse_session.cli.diagram import diagram_command, perfetto_command, timeline_command
from cobrowse_session.cli.explain import explain_command, history_command
from cobrowse_session.cli.options import Command
from cobrowse_session.cli.replay import replay_command

app = typer.Typer(
    name="cobrowse-session",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="The life of a contact-centre session: provider events in, the session out.\n\n"
    "Events are CloudEvents 1.0, one JSON object per line; `-` is standard input.",
    epilog="Exit code 0: all is well. 1: lines were rejected (with `--strict`, or events refused). "
    "2: wrong usage, or a file that cannot be read or written; no output has changed. 141: the reader of an output went away, as "
    "`head` does; the other outputs are complete.",
)

for name, command, example in (
    ("replay", replay_command, "replay events.jsonl --trace trace.jsonl --acw timeout --acw-timeout 30 --until end"),
    ("validate", validate_command, "validate events.jsonl && echo fine"),
    ("convert", convert_command, "convert conversation.json | cobrowse-session replay -"),
    ("reconcile", reconcile_command, "reconcile events.jsonl conversation.json --all"),
    ("clocks", clocks_command, "clocks events.jsonl --min-delay 0.1"),
    ("diff", diff_command, "diff before.trace.jsonl after.trace.jsonl"),
    ("explain", explain_command, "explain events.jsonl s1 wrapup.endTime"),
    ("history", history_command, "history events.jsonl s1"),
    ("diagram", diagram_command, "diagram after-call-work --format svg -o after-call-work.svg"),
    ("timeline", timeline_command, "timeline events.jsonl s1 -o s1.svg"),
    ("perfetto", perfetto_command, "perfetto events.jsonl -o replay.json"),
):
    app.command(name, cls=Command, epilog=f"Try: cobrowse-session {example}")(command)


def _version(wanted: bool) -> None:  # noqa: FBT001 (typer's callback)
    if wanted:
        typer.echo(f"cobrowse-session {__version__}")
        raise typer.Exit


@app.callback()
def main(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,  # noqa: FBT002 (typer's option)
) -> None:
    """Take what all commands share."""
