"""The command that compares sessions with the platform's own record."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from cobrowse_session.cli.as_json import compared_json
from cobrowse_session.cli.errors import FileError, usage_errors
from cobrowse_session.cli.inputs import check_files, open_input
from cobrowse_session.cli.options import FILES, Family, Json, MaxBytes, check_family, grouped, sources_of
from cobrowse_session.cli.outputs import Outputs, show, show_json
from cobrowse_session.cli.screen import ProblemReporter, breakdown, inform, plural
from cobrowse_session.cli.sessions import Sessions, sessions_of
from cobrowse_session.cli.wrong_kind import WrongKindError
from cobrowse_session.io.payloads import MAX_PAYLOAD_BYTES, read_payloads
from cobrowse_session.sources import Source
from cobrowse_session.sources.leg import Leg
from cobrowse_session.sources.reconcile import Reconciled, reconcile
from cobrowse_session.stream import SessionLog
from cobrowse_session.wire.strict_json import dump

_COLOURS: dict[str, str] = {"different": "red", "missing": "yellow"}
_RESULTS = ("equal", "within", "different", "missing")
_SUFFIXES = (".csv", ".json")
_READ = (".json", ".jsonl", ".gz")


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
    missing on our side. Only the final record of a leg is compared. The exit code is 1 if fields differ or are missing.
    """
    check_family(family, sources)
    check_files(sessions.events, ["-"])
    check_files(record, ["-", summary])
    if summary is not None and not summary.endswith(_SUFFIXES):
        raise typer.BadParameter(f"expected a name that ends in .csv or .json, found {summary!r}", param_hint="--summary")
    theirs = ProblemReporter(record, inform)
    with usage_errors(), Outputs() as outputs:
        write = outputs.writer(summary)
        records = _files(record)
        if record != "-":
            _check_order(records[0], sources)
        logs = sessions.read(_files(sessions.events))
        legs = list(_legs(records, theirs, family, sources, max_bytes))
        compared = _by_conversation(logs, legs)
        for conversation, found in compared.items():
            _show(conversation, found, is_one_of_several=len(compared) > 1, every=every, json=json)
        if summary is not None:
            write(_summary(compared, summary))
    _inform(compared)
    if sessions.bad.lines or theirs.lines or any(found.differences for found in compared.values()):
        raise typer.Exit(1)


def _files(name: str) -> list[str]:
    """Return the files of a folder, by name. A name of no folder is returned as it is."""
    if name == "-" or not Path(name).is_dir():
        return [name]
    found = sorted(str(path) for path in Path(name).rglob("*") if path.suffix in _READ)
    if not found:
        raise FileError(name, "it holds no file", f"Expected files that end in {', '.join(_READ)}.")
    return found


def _check_order(record: str, sources: Sequence[Source]) -> None:
    with ExitStack() as files:
        _open_record(files, record, sources)


def _open_record(files: ExitStack, name: str, sources: Sequence[Source]) -> BinaryIO:
    """Open the platform's record. Events in its place are the sign of swapped arguments."""
    try:
        return open_input(files, name, "payload", sources)
    except WrongKindError as error:
        if error.found != "events":
            raise
        raise FileError(name, "it holds events", "Name the events first, and the platform's record after them.") from None


def _legs(
    records: Sequence[str], theirs: ProblemReporter, family: str | None, sources: Sequence[Source], max_bytes: int
) -> Iterator[Leg]:
    for name in records:
        theirs.name = name
        with ExitStack() as files:
            record = _open_record(files, name, sources)
            for line, converted in read_payloads(record, theirs, family, sources=sources, max_line_bytes=max_bytes):
                for warning in converted.warnings:
                    inform(f"{name}:{line}: warning: {warning}", "yellow")
                yield from converted.legs


def _by_conversation(logs: Sequence[SessionLog], legs: Sequence[Leg]) -> dict[str, Reconciled]:
    """Return the comparison of each conversation of the records."""
    ours = {log.session_id: log.session for log in logs}
    grouped_legs: dict[str, list[Leg]] = {}
    for leg in legs:
        grouped_legs.setdefault(leg.context.conversation_id or "", []).append(leg)
    return {
        conversation: reconcile((ours[leg.id] for leg in some if leg.id in ours), some)
        for conversation, some in grouped_legs.items()
    }


def _show(conversation: str, found: Reconciled, *, is_one_of_several: bool, every: bool, json: bool) -> None:
    """Print what differs, or all, under the conversation if there are several."""
    shown = found.compared if every else found.differences
    if shown and is_one_of_several and not json:
        show(f"Conversation {conversation}", "bright_blue")
    for one in shown:
        show_json(compared_json(conversation, one)) if json else show(str(one), _COLOURS.get(one.result))


def _inform(compared: dict[str, Reconciled]) -> None:
    """Print how much was compared, and what was not."""
    found = list(compared.values())
    counts = sum((Counter(one.counts) for one in found), Counter[str]())
    of = f" of {plural(len(found), 'conversation')}" if len(found) > 1 else ""
    legs, fields = sum(one.legs for one in found), sum(len(one.compared) for one in found)
    inform(f"{plural(legs, 'leg')}{of}, {plural(fields, 'field')} compared{breakdown(counts)}")
    older, single = sum(one.older for one in found), sum(one.single for one in found)
    if older or single:
        inform(f"not compared: {plural(older, 'older record')}, {plural(single, 'single event')}")


def _summary(compared: dict[str, Reconciled], name: str) -> str:
    """Return a line for each conversation, as CSV or JSON."""
    rows = [_row(conversation, found) for conversation, found in compared.items()]
    if name.endswith(".json"):
        return dump(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, _row("", Reconciled((), 0, 0, 0)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().removesuffix("\n")


def _row(conversation: str, found: Reconciled) -> dict[str, Any]:  # JSON
    return {
        "conversation": conversation,
        "legs": found.legs,
        "fields": len(found.compared),
        **{result: found.counts.get(result, 0) for result in _RESULTS},
        "olderRecords": found.older,
        "singleEvents": found.single,
    }
