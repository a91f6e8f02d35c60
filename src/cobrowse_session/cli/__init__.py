"""The command line: files in, files out, a summary for the person in between."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from tempfile import gettempdir
from typing import Annotated

import typer

from cobrowse_session import DecodeError, Lifecycle, ProviderClock, SettingsError, __version__
from cobrowse_session.cli.errors import naming, usage_errors
from cobrowse_session.cli.inputs import check_files, many_objects, open_input
from cobrowse_session.cli.options import (
    Events,
    Family,
    MaxBytes,
    Output,
    Payload,
    Rejects,
    Until,
    check_family,
    moment_of,
    seconds,
    with_lifecycle,
)
from cobrowse_session.cli.outputs import Outputs, show
from cobrowse_session.cli.screen import ProblemReporter, breakdown, inform, plural, progress, summary
from cobrowse_session.events import Event
from cobrowse_session.io.clocks import clocks
from cobrowse_session.io.diff import Entry, diff, read_trace
from cobrowse_session.io.payloads import MAX_PAYLOAD_BYTES, read_payloads
from cobrowse_session.io.replay import Rejected, Replay, read_events, replay
from cobrowse_session.io.spool import Spool
from cobrowse_session.lifecycle import Refused
from cobrowse_session.printable import printable
from cobrowse_session.sources.genesys import without_repeats
from cobrowse_session.sources.genesys.leg import Leg
from cobrowse_session.sources.genesys.reconcile import DIFFERENCES, reconcile
from cobrowse_session.stream import SessionLog, explain, history
from cobrowse_session.times import time_text
from cobrowse_session.wire import encode_event

app = typer.Typer(
    name="cobrowse-session",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="The life of a contact-centre session: provider events in, the session out.\n\n"
    "Events are CloudEvents 1.0, one JSON object a line; `-` is standard input.",
    epilog="Exit code 0: all is well. 1: lines were rejected (with `--strict`, or events refused). "
    "2: wrong usage, or a file that cannot be read or written; no output has changed. 141: the reader of an output went away, as "
    "`head` does; the other outputs are complete.",
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


@app.command(
    "replay",
    epilog="Try: `cobrowse-session replay events.jsonl --trace trace.jsonl --acw timeout --acw-timeout 30 --until end`",
)
@with_lifecycle
def replay_command(  # noqa: PLR0913 (one argument an option)
    events: Events,
    output: Output = "-",
    trace: Annotated[str | None, typer.Option(metavar="TRACE.jsonl", help="Where to write what became of each event.")] = None,
    rejects: Rejects = None,
    until: Until = None,
    *,
    lifecycle: Lifecycle,
    seal_after: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Let go of sessions that are over this long before the latest event, for files that do not fit into memory; "
            "what comes for them afterwards is late, and counted.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 where events were refused, too.")] = False,
) -> None:
    """Replay a file of events: one session a line to standard output, a summary to standard error.

    Events may come in any order and any number of times; the sessions are the same.
    """
    moment = moment_of(until)
    sealing = seconds("--seal-after", seal_after)
    check_files(events, [output, trace, rejects])
    rejected = Counter[str]()
    with usage_errors(), ExitStack() as files, Outputs() as outputs, naming(f"a temporary file in {gettempdir()}"):
        source = open_input(files, events)
        write_session, write_trace, write_reject = map(outputs.writer, (output, trace, rejects))

        def reject(line: Rejected) -> None:
            rejected[line.error.error] += 1
            write_reject(line.as_json())

        spool = files.enter_context(closing(Spool()))
        replayed = Replay(lifecycle, sealing, spool.put)
        with many_objects():
            for event in progress(read_events(source, reject), source):
                replayed.add(event)
            reached, logs = replayed.finish(moment)
            for log in logs:
                spool.put(log)
            spool.write(write_session, write_trace)
    summary(replayed.stats, rejected)
    if rejected and rejects is None:
        inform("Lines were rejected; see them with --rejects REJECTS.jsonl, or with the command validate.")
    if moment and reached and moment < reached:
        inform(f"--until lies before the latest event, {time_text(reached)}; it had no effect.")
    if rejected or (strict and replayed.stats.outcomes[Refused.kind]):
        raise typer.Exit(1)


@app.command(epilog="Try: `cobrowse-session validate events.jsonl && echo fine`")
def validate(events: Events) -> None:
    """Read a file of events and print everything that is wrong with it. Change nothing."""
    check_files(events, ["-"])
    bad = ProblemReporter(events, show)
    with usage_errors(), ExitStack() as files:
        good = sum(1 for _ in read_events(open_input(files, events), bad))
    told = f", {plural(bad.lines, 'line')} rejected: {plural(bad.problems, 'error')}" if bad.lines else ""
    inform(f"{plural(good, 'event')} read{told}")
    if bad.lines:
        raise typer.Exit(1)


@app.command("convert", epilog="Try: `cobrowse-session convert conversation.json | cobrowse-session replay -`")
def convert_command(
    payload: Payload,
    output: Output = "-",
    family: Family = None,
    rejects: Rejects = None,
    max_bytes: MaxBytes = MAX_PAYLOAD_BYTES,
) -> None:
    """Turn payloads of the platform into events: one JSON document, an array, or one a line.

    Every family is recognised: conversations, notifications, detail events, analytics, provider batches, and EventBridge's
    envelope around any of them. The same fact is the same event, however many payloads state it.
    """
    check_family(family)
    check_files(payload, [output, rejects])
    warnings = 0
    with usage_errors(), ExitStack() as files, Outputs() as outputs:
        source = open_input(files, payload)
        write, write_reject = outputs.writer(output), outputs.writer(rejects)
        bad = ProblemReporter(payload, inform, write_reject)

        def told() -> Iterator[Event]:
            nonlocal warnings
            for line, converted in read_payloads(source, bad, family, max_line_bytes=max_bytes):
                warnings += len(converted.warnings)
                for warning in converted.warnings:
                    inform(f"{payload}:{line}: warning: {warning}")
                yield from converted.events

        count = sum(1 for event in without_repeats(told()) if [write(encode_event(event))])
    inform(f"{plural(count, 'event')}, {plural(warnings, 'warning')}, {plural(bad.lines, 'payload')} rejected")
    if bad.lines:
        raise typer.Exit(1)


@app.command("reconcile", epilog="Try: `cobrowse-session reconcile events.jsonl conversation.json --all`")
@with_lifecycle
def reconcile_command(  # noqa: PLR0913 (one argument an option)
    events: Events,
    conversation: Annotated[str, typer.Argument(metavar="CONVERSATION.json", help="The platform's own record.")],
    family: Family = None,
    max_bytes: MaxBytes = MAX_PAYLOAD_BYTES,
    until: Until = None,
    *,
    lifecycle: Lifecycle,
    every: Annotated[bool, typer.Option("--all", help="Show equal fields, too.")] = False,
) -> None:
    """Compare the sessions of a file of events with the platform's own record, field by field.

    Each field is equal, within the tolerance of its clock, different, or missing on our side. Exit code 1: something differs.
    """
    check_family(family)
    check_files(events, ["-"])
    check_files(conversation, ["-"])
    bad = ProblemReporter(events, inform)
    legs: list[Leg] = []
    logs = replayed(events, bad, until, lifecycle)
    with usage_errors(), ExitStack() as files:
        theirs = ProblemReporter(conversation, inform)
        for _, converted in read_payloads(open_input(files, conversation), theirs, family, max_line_bytes=max_bytes):
            legs += converted.legs
        compared = reconcile((log.session for log in logs), legs)
        for one in compared:
            if every or one.result in DIFFERENCES:
                show(str(one))
    counts = Counter[str](one.result for one in compared)
    inform(f"{plural(len(legs), 'leg')}, {plural(len(compared), 'field')}" + breakdown(counts))
    if bad.lines or theirs.lines or any(counts[result] for result in DIFFERENCES):
        raise typer.Exit(1)


@app.command("clocks", epilog="Try: `cobrowse-session clocks events.jsonl --min-delay 0.1`")
def clocks_command(
    events: Events,
    min_delay: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Half of the events of a healthy window arrive this close to the fastest."),
    ] = 0.25,
    window: Annotated[float, typer.Option(metavar="SECONDS", help="The shortest window of received time.")] = 300,
) -> None:
    """Show each provider's clock beside ours: what differs, and what would be added if its correction were asked for.

    Nothing is corrected. An impossible pair is an event that was received before it happened.
    """
    try:
        delay, length = seconds("--min-delay", min_delay), seconds("--window", window)
        ProviderClock(min_delay=delay or timedelta(0), window=length or timedelta(0))
    except SettingsError as error:
        raise typer.BadParameter(f"{error}; see --min-delay and --window") from None
    bad = ProblemReporter(events, inform)
    with usage_errors(), ExitStack() as files:
        read = clocks(read_events(open_input(files, events), bad), length, delay)
        for one in read:
            typer.echo(one)
    if not read:
        inform("No event says when it was received, so there is nothing to learn from.")
    if bad.lines:
        raise typer.Exit(1)


@app.command("diff", epilog="Try: `cobrowse-session diff before.trace.jsonl after.trace.jsonl`")
def diff_command(
    before: Annotated[str, typer.Argument(metavar="A.trace.jsonl", help="The trace of one replay.")],
    after: Annotated[str, typer.Argument(metavar="B.trace.jsonl", help="The trace of the other.")],
) -> None:
    """Say which sessions two replays see differently, in which field, by which row. Exit code 1: some."""
    check_files(before, ["-"])
    check_files(after, ["-"])
    with usage_errors(), ExitStack() as files:
        differences = list(diff(_trace(files, before), _trace(files, after)))
        for one in differences:
            show(str(one))
    sessions = len({one.session for one in differences})
    inform(f"Differences: {plural(sessions, 'session')}, {plural(len(differences), 'row')}")
    if differences:
        raise typer.Exit(1)


@app.command("explain", epilog="Try: `cobrowse-session explain events.jsonl s1 wrapup.endTime`")
@with_lifecycle
def explain_command(
    events: Events,
    session: Annotated[str, typer.Argument(metavar="SESSION", help="The session's id.")],
    field: Annotated[str, typer.Argument(metavar="FIELD", help="A field of the session JSON: `wrapup.endTime`.")],
    until: Until = None,
    *,
    lifecycle: Lifecycle,
) -> None:
    """Say why a field of a session holds what it holds: which event and row set it, on which clock, by which rule."""
    check_files(events, ["-"])
    bad = ProblemReporter(events, inform)
    logs = replayed(events, bad, until, lifecycle)
    try:
        reason = explain(log_of(logs, session), field)
    except KeyError as error:
        raise typer.BadParameter(str(error.args[0]), param_hint="FIELD") from None
    with usage_errors():
        for line in str(reason).split("\n"):
            show(line)
    if bad.lines:
        raise typer.Exit(1)


@app.command("history", epilog="Try: `cobrowse-session history events.jsonl s1`")
@with_lifecycle
def history_command(
    events: Events,
    session: Annotated[str | None, typer.Argument(metavar="[SESSION]", help="The session's id; all of them without.")] = None,
    until: Until = None,
    *,
    lifecycle: Lifecycle,
) -> None:
    """Tell the life of a session, or of all, in plain sentences."""
    check_files(events, ["-"])
    bad = ProblemReporter(events, inform)
    logs = replayed(events, bad, until, lifecycle)
    told = logs if session is None else (log_of(logs, session),)
    with usage_errors():
        for number, log in enumerate(told):
            for line in (*([""] if number else []), *history(log)):
                show(line)
    if bad.lines:
        raise typer.Exit(1)


def replayed(events: str, bad: ProblemReporter, until: str | None, lifecycle: Lifecycle) -> tuple[SessionLog, ...]:
    """The logs of a file of events."""
    moment = moment_of(until)
    with usage_errors(), ExitStack() as files, many_objects():
        return replay(read_events(open_input(files, events), bad), lifecycle, moment)
    raise AssertionError  # `usage_errors` lets nothing through


def _trace(files: ExitStack, name: str) -> Iterator[Entry]:
    try:
        yield from read_trace(open_input(files, name))
    except DecodeError as error:
        inform(f"{name}: {error}. Give it a file that replay --trace wrote.")
        raise typer.Exit(2) from None


def log_of(logs: tuple[SessionLog, ...], session: str) -> SessionLog:
    """Return the log of one session. An id that no event names is wrong usage."""
    for log in logs:
        if log.session_id == session:
            return log
    known = ", ".join(printable(log.session_id) for log in logs[:10])
    raise typer.BadParameter(f"no session {session!r} in these events; they tell of {known or 'none'}", param_hint="SESSION")


# Their commands register themselves; they need `app`, so they come last.
from cobrowse_session.cli import diagram as _diagram  # noqa: E402, F401
