"""The commands that explain a session: its history, and why a field holds its value."""

from typing import Annotated

import typer

from cobrowse_session.cli.errors import usage_errors
from cobrowse_session.cli.inputs import check_files
from cobrowse_session.cli.options import grouped
from cobrowse_session.cli.outputs import show
from cobrowse_session.cli.sessions import Sessions, log_of, sessions_of
from cobrowse_session.stream import explain, history


@grouped(sessions=sessions_of)
def explain_command(
    sessions: Sessions,
    session: Annotated[str, typer.Argument(metavar="SESSION", help="The session's id.")],
    field: Annotated[str, typer.Argument(metavar="FIELD", help="A field of the session JSON: `wrapup.endTime`.")],
) -> None:
    """Show why a field of a session holds its value: which event and row set it, on which clock, by which rule."""
    check_files(sessions.events, ["-"])
    try:
        reason = explain(log_of(sessions.read(), session), field)
    except KeyError as error:
        raise typer.BadParameter(str(error.args[0]), param_hint="FIELD") from None
    with usage_errors():
        for line in str(reason).split("\n"):
            show(line)
    sessions.exit_code()


@grouped(sessions=sessions_of)
def history_command(
    sessions: Sessions,
    session: Annotated[str | None, typer.Argument(metavar="[SESSION]", help="The session's id; all of them without.")] = None,
) -> None:
    """Show the history of a session, or of all, in plain sentences."""
    check_files(sessions.events, ["-"])
    logs = sessions.read()
    with usage_errors():
        for number, log in enumerate(logs if session is None else (log_of(logs, session),)):
            for line in (*([""] if number else []), *history(log)):
                show(line)
    sessions.exit_code()
