"""The commands that draw: the pictures of the lifecycle, the paths taken through them, and a replay for a trace viewer."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

import typer

from cobrowse_session import DecodeError
from cobrowse_session.cli.errors import usage_errors
from cobrowse_session.cli.explain import Session
from cobrowse_session.cli.inputs import check_files, check_order, open_input
from cobrowse_session.cli.options import FILES, Output, grouped
from cobrowse_session.cli.outputs import Outputs, is_stdout
from cobrowse_session.cli.png import png, renderer
from cobrowse_session.cli.screen import inform
from cobrowse_session.cli.sessions import Sessions, sessions_of
from cobrowse_session.cli.suggest import did_you_mean, unknown_value
from cobrowse_session.cli.tables import table_of
from cobrowse_session.diagrams import FORMATS, PICTURES, WITH_PATH, Format, Picture, TracePath, perfetto, render, timeline
from cobrowse_session.io.diff import Entry, read_trace
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.printable import printable

PictureFormat = Format | Literal["png"]
SUFFIXES: Mapping[str, str] = dict[str, str]((*FORMATS.items(), ("png", "png")))
"""The formats of pictures, and how the names of their files end."""


@grouped(table=table_of)
def diagram_command(  # noqa: PLR0913 (the options)
    picture: Annotated[str, typer.Argument(metavar="PICTURE", help=f"One of {', '.join(PICTURES)}.")] = PICTURES[0],
    output: Output = "-",
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help=f"One of {', '.join(SUFFIXES)}. Default: as the name of the output ends, or mermaid.",
            rich_help_panel=FILES,
        ),
    ] = None,
    trace: Annotated[
        str | None,
        typer.Option(
            metavar="TRACE.jsonl",
            help="Show the paths that sessions took, with counts. Paths that none took are dotted.",
        ),
    ] = None,
    session: Annotated[str | None, typer.Option(metavar="SESSION", help="Show the path of this session only.")] = None,
    *,
    table: Table,
) -> None:
    """Draw the lifecycle, or the paths that sessions took through it.

    A trace is what `replay --trace` writes. Mermaid, DOT, SVG and PNG can show paths.
    """
    if session is not None and trace is None:
        raise typer.BadParameter("needs the trace of a replay: --trace TRACE.jsonl", param_hint="--session")
    if trace is not None:
        check_files([trace], [output])
    which, how = _picture(picture), _format(format_, output, "mermaid", WITH_PATH if trace else tuple(FORMATS))
    known = set[str]()
    with usage_errors(), ExitStack() as files, Outputs() as outputs:
        try:
            rows = _noting(read_trace(open_input(files, trace, "trace")), known) if trace else None
            path = TracePath.of(rows, session) if rows else None
            drawn = render(which, "svg" if how == "png" else how, path=path, table=table)
        except LookupError as error:
            nearest = did_you_mean(session or "", known)
            raise typer.BadParameter(f"{printable(str(error.args[0]))}.{nearest}", param_hint="--session") from None
        except DecodeError as error:
            inform(f"{trace}: {error}. Name a file that replay --trace wrote, with this version.")
            raise typer.Exit(2) from None
        _write(outputs, output, drawn, how)


@grouped(sessions=sessions_of)
def timeline_command(
    sessions: Sessions,
    session: Session = None,
    output: Output = "-",
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="One of svg, png. Default: as the name of the output ends, or svg.",
            rich_help_panel=FILES,
        ),
    ] = None,
) -> None:
    """Draw one session in time: how long each state and its after-call work lasted, and what happened."""
    check_order(sessions.events, session)
    check_files([sessions.events], [output])
    how = _format(format_, output, "svg", ("svg",))
    log = sessions.find(sessions.read(session=session), session)
    with usage_errors(), Outputs() as outputs:
        _write(outputs, output, timeline(log, known_at=sessions.known.at), how)
    sessions.exit_if_rejected()


@grouped(sessions=sessions_of)
def perfetto_command(sessions: Sessions, output: Output = "-") -> None:
    """Replay a file of events for a trace viewer, as Perfetto or Chrome's: sessions as tracks, late events as arrows."""
    check_files([sessions.events], [output])
    logs = sessions.read()
    with usage_errors(), Outputs() as outputs:
        outputs.writer(output)(perfetto(logs).removesuffix("\n"))
    sessions.exit_if_rejected()


def _noting(rows: Iterable[Entry], sessions: set[str]) -> Iterator[Entry]:
    """Yield the rows of a trace, and note their sessions."""
    for row in rows:
        sessions.add(row["session"])
        yield row


def _picture(name: str) -> Picture:
    for picture in PICTURES:
        if picture == name:
            return picture
    raise unknown_value(name, PICTURES, "PICTURE")


def _format(name: str | None, output: str, default: Format, known: Sequence[Format]) -> PictureFormat:
    """Return the format that is asked for: by its name, or by the end of the output's name."""
    possible: tuple[PictureFormat, ...] = (*known, "png")
    found = name or _by_suffix(output, possible, default)
    for one in possible:
        if one == found:
            return _checked(one, output)
    raise unknown_value(found, possible, "--format")


def _by_suffix(output: str, possible: Sequence[PictureFormat], default: Format) -> str:
    """Return the format that the end of the output's name means. Without an end it is the default."""
    end = "" if is_stdout(output) else Path(output).suffix
    if not end:
        return default
    for one, suffix in SUFFIXES.items():
        if output.lower().endswith(f".{suffix}"):
            return one
    *others, last = (f".{SUFFIXES[one]}" for one in possible)
    raise typer.BadParameter(
        f"{end} is no format of this picture. Use {', '.join(others)} or {last}, or name the format by --format.",
        param_hint="--output",
    )


def _checked(how: PictureFormat, output: str) -> PictureFormat:
    """Check that a PNG can be drawn, and is not drawn on a terminal."""
    if how == "png":
        if is_stdout(output) and sys.stdout.isatty():
            raise typer.BadParameter("a terminal shows no PNG. Name a file: -o picture.png", param_hint="--output")
        with usage_errors():
            renderer()
    return how


def _write(outputs: Outputs, output: str, drawn: str, how: PictureFormat) -> None:
    if how == "png":
        outputs.write_bytes(output, png(drawn))
    else:
        outputs.writer(output)(drawn.removesuffix("\n"))
