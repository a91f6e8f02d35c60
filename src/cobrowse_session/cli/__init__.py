"""The command line: files in, files out, a summary for the person in between."""

from typing import Annotated

import typer

from cobrowse_session import __version__
from cobrowse_session.cli.check import clocks_command, diff_command, validate_command
from cobrowse_session.cli.convert import convert_command
from cobrowse_session.cli.diagram import diagram_command, perfetto_command, timeline_command
from cobrowse_session.cli.explain import explain_command, history_command
from cobrowse_session.cli.options import Command, Commands
from cobrowse_session.cli.reconcile import reconcile_command
from cobrowse_session.cli.replay import replay_command

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

SESSIONS, PLATFORM, CHECKS, PICTURES = "Sessions", "The platform's payloads", "Checks", "Pictures"
for panel, name, command, examples in (
    (
        SESSIONS,
        "replay",
        replay_command,
        (
            "events.jsonl --trace trace.jsonl --acw timeout --acw-timeout 30 --until end",
            "events.jsonl --known-at 2026-03-01T09:05:00Z",
            "events.jsonl --by queue --at 2026-03-01T09:05:00Z",
        ),
    ),
    (SESSIONS, "history", history_command, ("events.jsonl s1", "events.jsonl s1 --acw mandatory")),
    (SESSIONS, "explain", explain_command, ("events.jsonl s1 wrapup.endTime", "events.jsonl s1")),
    (PLATFORM, "convert", convert_command, ("conversation.json | cobrowse-session replay -",)),
    (
        PLATFORM,
        "reconcile",
        reconcile_command,
        ("events.jsonl conversation.json --all", "events/ records/ --summary summary.csv"),
    ),
    (CHECKS, "validate", validate_command, ("events.jsonl && echo fine",)),
    (CHECKS, "clocks", clocks_command, ("events.jsonl --min-delay 0.1",)),
    (CHECKS, "diff", diff_command, ("before.trace.jsonl after.trace.jsonl",)),
    (PICTURES, "timeline", timeline_command, ("events.jsonl s1 -o s1.svg",)),
    (
        PICTURES,
        "diagram",
        diagram_command,
        ("after-call-work -o after-call-work.svg", "--trace trace.jsonl --session s1 -o s1.svg"),
    ),
    (PICTURES, "perfetto", perfetto_command, ("events.jsonl -o replay.json",)),
):
    tries = "\n\n".join(f"Try: cobrowse-session {name} {example}" for example in examples)
    app.command(name, cls=Command, rich_help_panel=panel, epilog=tries)(command)


def _version(wanted: bool) -> None:  # noqa: FBT001 (typer's callback)
    if wanted:
        typer.echo(f"cobrowse-session {__version__}")
        raise typer.Exit


@app.callback()
def main(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,  # noqa: FBT002 (typer's option)
) -> None:
    """Take what all commands share."""
