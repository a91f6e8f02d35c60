"""The commands that draw: the pictures of the lifecycle, the paths taken through them, and a replay for a trace viewer."""

from contextlib import ExitStack
from typing import Annotated

import typer

from cobrowse_session import DecodeError
from cobrowse_session.cli.errors import usage_errors
from cobrowse_session.cli.explain import Session
from cobrowse_session.cli.inputs import check_files, open_input
from cobrowse_session.cli.options import Output, grouped
from cobrowse_session.cli.outputs import Outputs
from cobrowse_session.cli.screen import inform
from cobrowse_session.cli.sessions import Sessions, sessions_of
from cobrowse_session.diagrams import FORMATS, PICTURES, WITH_PATH, Format, Picture, TracePath, perfetto, render, timeline
from cobrowse_session.io.diff import read_trace
from cobrowse_session.printable import printable


def diagram_command(
    picture: Annotated[str, typer.Argument(metavar=f"[{'|'.join(PICTURES)}]", help="What to draw.")] = PICTURES[0],
    format_: Annotated[str, typer.Option("--format", metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.")] = "mermaid",
    output: Output = "-",
    trace: Annotated[
        str | None,
        typer.Option(
            metavar="TRACE.jsonl",
            help="Show the paths of the sessions, with counts. States and rows without a session are dotted.",
        ),
    ] = None,
    session: Annotated[str | None, typer.Option(metavar="SESSION", help="Show the path of this session only.")] = None,
) -> None:
    """Draw the rows that run, or the paths that sessions took through them.

    A trace is what `replay --trace` writes. Mermaid, DOT and SVG can show paths.
    """
    which, how = _picture(picture), _format(format_, with_path=trace is not None)
    if session is not None and trace is None:
        raise typer.BadParameter("needs the trace of a replay: --trace TRACE.jsonl", param_hint="--session")
    if trace is not None:
        check_files(trace, [output])
    with usage_errors(), ExitStack() as files, Outputs() as outputs:
        try:
            path = TracePath.of(read_trace(open_input(files, trace, "trace")), session) if trace else None
            drawn = render(which, how, path=path)
        except LookupError as error:
            raise typer.BadParameter(printable(str(error.args[0])), param_hint="--session") from None
        except DecodeError as error:
            inform(f"{trace}: {error}. Give it a file that replay --trace wrote, with this version.")
            raise typer.Exit(2) from None
        outputs.writer(output)(drawn.removesuffix("\n"))


@grouped(sessions=sessions_of)
def timeline_command(
    sessions: Sessions,
    session: Session = None,
    output: Output = "-",
) -> None:
    """Draw one session in time, as SVG: how long each state and its after-call work lasted, and what happened."""
    check_files(sessions.events, [output])
    log = sessions.find(sessions.read(), session)
    with usage_errors(), Outputs() as outputs:
        outputs.writer(output)(timeline(log).removesuffix("\n"))
    sessions.exit_code()


@grouped(sessions=sessions_of)
def perfetto_command(sessions: Sessions, output: Output = "-") -> None:
    """Replay a file of events for the Perfetto or Chrome trace viewer: sessions as tracks, late events as arrows."""
    check_files(sessions.events, [output])
    logs = sessions.read()
    with usage_errors(), Outputs() as outputs:
        outputs.writer(output)(perfetto(logs).removesuffix("\n"))
    sessions.exit_code()


def _picture(name: str) -> Picture:
    for picture in PICTURES:
        if picture == name:
            return picture
    raise typer.BadParameter(f"expected one of {', '.join(PICTURES)}, found {name!r}")


def _format(name: str, *, with_path: bool) -> Format:
    known = WITH_PATH if with_path else tuple(FORMATS)
    for one in known:
        if one == name:
            return one
    raise typer.BadParameter(
        f"expected one of {', '.join(known)}{' with --trace' if with_path else ''}, found {name!r}", param_hint="--format"
    )
