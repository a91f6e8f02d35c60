"""The command that compares sessions with the platform's own record."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from typing import Annotated, Any, BinaryIO

import typer
from attrs import frozen

from cobrowse_session.cli.as_json import compared_json
from cobrowse_session.cli.errors import FileError, usage_errors
from cobrowse_session.cli.inputs import check_files, folder_files, open_input
from cobrowse_session.cli.options import FILES, Family, Json, MaxBytes, check_family, grouped, sources_of
from cobrowse_session.cli.outputs import Outputs, show, show_json
from cobrowse_session.cli.problems import ProblemReporter
from cobrowse_session.cli.screen import breakdown, inform, plural
from cobrowse_session.cli.sessions import Sessions, reported, sessions_of
from cobrowse_session.cli.wrong_kind import WrongKindError
from cobrowse_session.io.payloads import MAX_PAYLOAD_BYTES, PayloadFiles
from cobrowse_session.sources import Source
from cobrowse_session.sources.leg import Leg
from cobrowse_session.sources.reconcile import RESULTS, Reconciled, reconcile
from cobrowse_session.stream import SessionLog
from cobrowse_session.wire.strict_json import dump

_COLOURS: dict[str, str] = {"different": "red", "missing": "yellow", "extra": "yellow"}
_SUFFIXES = (".csv", ".json")


@grouped(sessions=sessions_of, sources=sources_of)
def reconcile_command(  # noqa: PLR0913 (one argument an option)
    sessions: Sessions,
    record: Annotated[
        str, typer.Argument(metavar="CONVERSATION.json", help="The platform's own record, or a folder of records.")
    ],
    family: Family = None,
    max_bytes: MaxBytes = MAX_PAYLOAD_BYTES,
    *,
    sources: tuple[Source, ...],
    every: Annotated[bool, typer.Option("--all", help="Show equal fields as well.")] = False,
    json: Json = False,
    summary: Annotated[
        str | None,
        typer.Option(metavar="FILE.csv|FILE.json", help="Where to write a line for each conversation.", rich_help_panel=FILES),
    ] = None,
) -> None:
    """Compare the sessions of events with the platform's own record, field by field.

    Events and records may each be a folder of many conversations. Each field is equal, within its tolerance, different, or
    missing on our side. A session that the record of its conversation lacks is extra. Only the final record of a leg is compared.
    The exit code is 1 if anything differs, is missing or extra, or cannot be read.
    """
    check_family(family, sources)
    check_files([sessions.events], ["-"])
    check_files([record], ["-", summary])
    if summary is not None and not summary.endswith(_SUFFIXES):
        raise typer.BadParameter(f"expected a name that ends in .csv or .json, found {summary!r}", param_hint="--summary")
    theirs = ProblemReporter(record, inform)
    with usage_errors(), ExitStack() as files, Outputs() as outputs:
        write = outputs.writer(summary)
        read = partial(_legs, files=PayloadFiles(family, sources, None, max_bytes), theirs=theirs)
        records = folder_files(record)
        # It is opened before the events are read, so that swapped arguments are recognised, and once, because it may be a pipe.
        single = None if records else _open_record(files, record, sources)
        logs = sessions.read(folder_files(sessions.events))
        legs = list(read(single) if single else _legs_of(records, read, theirs, sources))
        compared = _by_conversation(logs, legs, every=bool(records))
        for conversation, one in compared.items():
            _show(conversation, one.found, is_one_of_several=len(compared) > 1, every=every, json=json)
        if summary is not None:
            write(_summary(compared, summary))
    _inform(compared)
    if sessions.bad.lines or theirs.lines or any(one.found.differences for one in compared.values()):
        raise typer.Exit(1)


def _open_record(files: ExitStack, name: str, sources: Sequence[Source]) -> BinaryIO:
    """Open the platform's record. Events in its place are the sign of swapped arguments."""
    try:
        return open_input(files, name, "payload", sources)
    except WrongKindError as error:
        if error.found != "events":
            raise
        raise FileError(name, "it holds events", "Name the events first, and the platform's record after them.") from None


def _legs_of(
    records: Sequence[str],
    read: Callable[[BinaryIO], Iterator[Leg]],
    theirs: ProblemReporter,
    sources: Sequence[Source],
) -> Iterator[Leg]:
    """Yield the legs of the files of a folder. A file that cannot be read is reported, and the others are read."""
    for name in records:
        theirs.name = name
        with reported(theirs), ExitStack() as files:
            yield from read(_open_record(files, name, sources))


def _legs(record: BinaryIO, files: PayloadFiles, theirs: ProblemReporter) -> Iterator[Leg]:
    for line, converted in files.read(record, theirs):
        for warning in converted.warnings:
            inform(f"{theirs.name}:{line}: warning: {warning}", "yellow")
        yield from converted.legs


@frozen
class _Conversation:
    """The sessions and the record of a conversation, compared.

    Attributes:
        sessions: how many sessions of ours are of it.
        found: the comparison. It is empty if there is no record.
    """

    sessions: int
    found: Reconciled


def _by_conversation(logs: Sequence[SessionLog], legs: Sequence[Leg], *, every: bool) -> dict[str, _Conversation]:
    """Return the comparison of each conversation of the records. `every`: then those of which we alone have sessions, too."""
    # A payload of one kind of media may not name its conversation. Then another record of the leg does, or our own events.
    names: dict[str, set[str]] = {}
    for leg in legs:
        names.setdefault(leg.id, set()).update(filter(None, [leg.context.conversation_id]))
    by_id = {log.session_id: log.context.conversation_id or "" for log in logs}
    theirs: dict[str, list[Leg]] = {}
    for leg in legs:
        name = leg.context.conversation_id or _only(names[leg.id]) or by_id.get(leg.id, "")
        theirs.setdefault(name, []).append(leg)
    ours: dict[str, list[SessionLog]] = {name: [] for name in theirs}
    for log in chain.from_iterable(map(_of_each_conversation, logs)):
        own, recorded = log.context.conversation_id or "", names.get(log.session_id, set())
        name = own if own in recorded else _only(recorded) or own
        if every or name in theirs:
            ours.setdefault(name, []).append(log)
    return {name: _compare(some, theirs.get(name, ())) for name, some in ours.items()}


def _only(names: Collection[str]) -> str | None:
    return next(iter(names)) if len(names) == 1 else None


def _of_each_conversation(log: SessionLog) -> Iterator[SessionLog]:
    """Yield the log of a session. If its events are of several conversations, yield the log of each."""
    # A session is known by the id of its leg. If a platform gives this id again in another conversation, both legs are one log.
    names = sorted({event.context.conversation_id for event in log.events} - {None}, key=str)
    if len(names) < 2:
        yield log
        return
    for name in names:
        apart = SessionLog(log.lifecycle, log.session_id)
        apart.restore([event for event in log.copies if event.context.conversation_id in (name, None)])
        if log.advanced:
            apart.advance(log.advanced)
        yield apart


def _compare(logs: Sequence[SessionLog], legs: Sequence[Leg]) -> _Conversation:
    """Return the comparison of one conversation. A record lacks a session if it shows its conversation and its kind of media."""
    # A record of one kind of media, such as `GET /conversations/calls/{id}`, shows no legs of the others.
    media = {leg.context.media_type for leg in legs if leg.context.conversation_id and leg.is_record}
    ids = {leg.id for leg in legs}
    expected = (log.session for log in logs if log.session_id in ids or log.context.media_type in media)
    return _Conversation(len(logs), reconcile(expected, legs))


def _show(conversation: str, found: Reconciled, *, is_one_of_several: bool, every: bool, json: bool) -> None:
    """Print what differs, or all, under the conversation if there are several."""
    shown = found.compared if every else found.differences
    if shown and is_one_of_several and not json:
        show(f"Conversation {conversation}", "bright_blue")
    for one in shown:
        show_json(compared_json(conversation, one)) if json else show(str(one), _COLOURS.get(one.result))


def _inform(compared: dict[str, _Conversation]) -> None:
    """Print how much was compared, and what was not."""
    found = [one.found for one in compared.values()]
    legs, older, single = (sum(getattr(one, name) for one in found) for name in ("legs", "older", "single"))
    counts = sum((Counter(one.counts) for one in found), Counter[str]())
    without_record = sum(not one.found.shown for one in compared.values())
    without_events = sum(not one.sessions for one in compared.values())
    for number, what in ((without_record, "a record"), (without_events, "events")):
        if number and len(found) > 1:
            inform(f"{plural(number, 'conversation')} without {what}")
    of = f" of {plural(len(found) - without_record, 'conversation')}" if len(found) > 1 else ""
    parts = [plural(number, what) for number, what in ((older, "older snapshot"), (single, "single event")) if number]
    rest = f", {older + single:,} not compared ({', '.join(parts)})" if parts else ""
    inform(f"{plural(legs, 'leg')}{of}, {plural(counts.total(), 'field')} compared{rest}{breakdown(counts)}")


def _summary(compared: dict[str, _Conversation], name: str) -> str:
    """Return a line for each conversation, as CSV or JSON."""
    rows = [_row(conversation, one) for conversation, one in compared.items()]
    if name.endswith(".json"):
        return dump(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, _row("", _Conversation(0, reconcile((), ()))), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().removesuffix("\n")


def _row(conversation: str, one: _Conversation) -> dict[str, Any]:  # JSON
    found = one.found
    return {
        "conversation": conversation or None,
        "sessions": one.sessions,
        "legs": found.legs,
        "fields": len(found.compared),
        **{result: found.counts.get(result, 0) for result in RESULTS},
        "olderSnapshots": found.older,
        "singleEvents": found.single,
    }
