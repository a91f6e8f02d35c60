"""The command line: files in, files out, a summary for the person in between."""

import gc
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, BinaryIO, TextIO

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cobrowse_session import CobrowseError, Lifecycle, Settings, SettingsError, WrapupPrompt, __version__
from cobrowse_session.edge.replay import Rejected, Replayed, read_events, replay
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Refused
from cobrowse_session.model import FOREVER, time_text
from cobrowse_session.wire import encode_row, encode_session, trace_rows
from cobrowse_session.wire.values import read_time

app = typer.Typer(
    name="cobrowse-session",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="The life of a contact-centre session: provider events in, the session out.\n\n"
    "Events are CloudEvents 1.0, one JSON object a line; `-` is standard input.",
    epilog="Exit code 0: all is well. 1: lines were rejected (with `--strict`, or events refused). "
    "2: wrong usage, or a file that cannot be read.",
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


Events = Annotated[str, typer.Argument(metavar="EVENTS.jsonl", help="The events, one a line; `-`: standard input.")]


def _prompt(text: str | None) -> WrapupPrompt | None:
    if text is None:
        return None
    if isinstance(prompt := WrapupPrompt.read(text), WrapupPrompt):
        return prompt
    raise typer.BadParameter(f"expected one of {', '.join(WrapupPrompt)}, found {text!r}")


def _until(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return FOREVER if text == "end" else read_time(text)
    except ValueError as error:
        raise typer.BadParameter(f"expected {error} or 'end', found {text!r}") from None


@app.command(
    "replay",
    epilog="Try: `cobrowse-session replay events.jsonl --trace trace.jsonl --acw timeout --acw-timeout 30 --until end`",
)
def replay_command(  # noqa: PLR0913, PLR0917 (one argument an option)
    events: Events,
    output: Annotated[str, typer.Option("-o", "--output", metavar="SESSIONS.jsonl", help="Where the sessions go.")] = "-",
    trace: Annotated[str | None, typer.Option(metavar="TRACE.jsonl", help="Where to write what became of each event.")] = None,
    rejects: Annotated[
        str | None, typer.Option(metavar="REJECTS.jsonl", help="Where to write lines that cannot be read.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME|end",
            help="Advance all sessions to this time (RFC 3339, with its zone), or until no deadline is left. "
            "Default: the latest time in the events.",
        ),
    ] = None,
    acw: Annotated[
        str | None,
        typer.Option(metavar="PROMPT", help=f"After-call work where events say nothing: {', '.join(WrapupPrompt)}."),
    ] = None,
    acw_timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="How long timed after-call work lasts.")] = None,
    alerting_grace: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="End unanswered alerts this long after their timeout; advice: 0.25 or more."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 where events were refused, too.")] = False,  # noqa: FBT002 (typer's option)
) -> None:
    """Replay a file of events: one session a line to standard output, a summary to standard error.

    Events may come in any order and any number of times; the sessions are the same.
    """
    moment = _until(until)
    lifecycle = _lifecycle(acw, acw_timeout, alerting_grace)
    _check_files(events, [output, trace, rejects])
    rejected = Counter[str]()
    with _usage_errors(), ExitStack() as files:
        source = _input(files, events)  # opened first: where there is nothing to read, nothing is overwritten
        write_session, write_trace, write_reject = (_writer(files, name) for name in (output, trace, rejects))

        def reject(line: Rejected) -> None:
            rejected[line.error.error] += 1
            write_reject(line.as_json())

        with _many_objects():
            replayed = replay(_progress(read_events(source, reject)), lifecycle, moment)
        for leg in replayed.legs:
            write_session(encode_session(leg.session))
            for row in trace_rows(leg.steps):
                write_trace(encode_row(row))
    _summary(replayed, rejected, rejects, moment)
    if rejected or (strict and replayed.outcomes()[Refused.kind]):
        raise typer.Exit(1)


@app.command(epilog="Try: `cobrowse-session validate events.jsonl && echo fine`")
def validate(events: Events) -> None:
    """Read a file of events and say everything that is wrong with it; change nothing."""
    lines = good = problems = 0

    def reject(line: Rejected) -> None:
        nonlocal lines, problems
        lines += 1
        problems += len(line.error.problems)
        for problem in line.error.problems:
            typer.echo(f"{events}:{line.error.line}: {problem}")

    with _usage_errors(), ExitStack() as files:
        good = sum(1 for _ in read_events(_input(files, events), reject))
    _say(f"{_many(good, 'event')} read" + (f", {_many(lines, 'line')} rejected: {_many(problems, 'error')}" if lines else ""))
    if lines:
        raise typer.Exit(1)


# --- Files --------------------------------------------------------------------------------------------------------------------


def _lifecycle(acw: str | None, acw_timeout: float | None, alerting_grace: float | None) -> Lifecycle:
    try:
        return Lifecycle(
            settings=Settings(wrapup_prompt=_prompt(acw), wrapup_timeout=_seconds("--acw-timeout", acw_timeout)),
            alerting_grace=_seconds("--alerting-grace", alerting_grace),
        )
    except SettingsError as error:
        raise typer.BadParameter(f"{error}; see --acw, --acw-timeout and --alerting-grace") from None


def _seconds(option: str, seconds: float | None) -> timedelta | None:
    try:
        return None if seconds is None else timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        raise typer.BadParameter(f"{option}: expected seconds, found {seconds}") from None


def _check_files(source: str, targets: Iterable[str | None]) -> None:
    """No file may be read and written, or written twice, in one go: that would lose what it held."""
    seen = set() if source == "-" else {Path(source).resolve()}
    for target in filter(None, targets):
        path = Path(target).resolve()  # of `-`, too: standard output takes one of them
        if path in seen:
            raise typer.BadParameter(
                f"{target} is named twice; give each of EVENTS.jsonl, -o, --trace and --rejects its own file"
            )
        seen.add(path)


def _input(files: ExitStack, name: str) -> BinaryIO:
    return sys.stdin.buffer if name == "-" else files.enter_context(Path(name).open("rb"))


def _writer(files: ExitStack, name: str | None) -> Callable[[str], object]:
    if name is None:
        return lambda _: None
    file = _stdout() if name == "-" else files.enter_context(_open(name))
    return lambda line: file.write(line + "\n")


def _open(name: str) -> TextIO:
    return Path(name).open("w", encoding="utf-8", newline="\n")


def _stdout() -> TextIO:
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]  # a TextIOWrapper, unless someone replaced it
    return sys.stdout


@contextmanager
def _usage_errors() -> Iterator[None]:
    """A file that cannot be read or written is said in one line; a reader that went away is no error."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its exit
        raise typer.Exit(0) from None
    except OSError as error:
        _say(f"cobrowse-session: {error.filename or 'a file'}: {error.strerror or error}. Check the path and its permissions.")
        raise typer.Exit(2) from None
    except CobrowseError as error:
        _say(f"cobrowse-session: {error}")
        raise typer.Exit(2) from None


@contextmanager
def _many_objects() -> Iterator[None]:
    """Let the garbage collector rest: events and sessions hold no cycles, and looking for some costs 40 % of a replay."""
    thresholds = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


# --- What a person sees -------------------------------------------------------------------------------------------------------


def _progress(events: Iterator[Event]) -> Iterator[Event]:
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from events
        return
    columns = SpinnerColumn(), TextColumn("{task.completed:,.0f} events read"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        yield from progress.track(events, total=None)


def _summary(replayed: Replayed, rejected: Counter[str], rejects: str | None, until: datetime | None) -> None:
    outcomes = replayed.outcomes()
    conversations = replayed.conversations()
    within = f" of {_many(conversations, 'conversation')}" if conversations else ""
    _say(f"{_many(outcomes.total(), 'event')}, {_many(len(replayed.legs), 'session')}{within}")
    for kind, count in outcomes.most_common():
        rules = replayed.rules() if kind == Refused.kind else Counter[str]()
        _say(f"  {kind:<10}{count:>8}{_by(rules)}")
    if timers := replayed.timers():
        _say(f"  {'timers':<10}{timers.total():>8}{_by(timers)}")
    repeats, conflicts = sum(leg.repeats for leg in replayed.legs), sum(leg.conflicts for leg in replayed.legs)
    _say(f"  {'repeats':<10}{repeats:>8}")
    _say(f"  {'conflicts':<10}{conflicts:>8}")
    _say(f"  {'rejected':<10}{rejected.total():>8}{_by(rejected)}")
    if rejected and rejects is None:
        _say("Lines were rejected; see them with --rejects REJECTS.jsonl, or with the command validate.")
    if until and replayed.until and until < replayed.until:
        _say(f"--until lies before the latest event, {time_text(replayed.until)}; it had no effect.")


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _by(counts: Counter[str]) -> str:
    return "   " + ", ".join(f"{name} {count}" for name, count in counts.most_common()) if counts else ""


def _say(text: str) -> None:
    typer.echo(text, err=True)
