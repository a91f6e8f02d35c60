"""The command that turns payloads into events."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, nullcontext
from datetime import datetime

import typer

from cobrowse_session.cli.errors import usage_errors
from cobrowse_session.cli.inputs import check_files, folder_files, open_input
from cobrowse_session.cli.options import (
    Family,
    MaxBytes,
    Output,
    Payloads,
    Received,
    Rejects,
    check_family,
    grouped,
    sources_of,
    time_of,
)
from cobrowse_session.cli.outputs import Outputs
from cobrowse_session.cli.problems import ProblemReporter
from cobrowse_session.cli.screen import inform, plural
from cobrowse_session.cli.sessions import reported
from cobrowse_session.events import Event
from cobrowse_session.io.payloads import MAX_PAYLOAD_BYTES, PayloadFiles
from cobrowse_session.sources import Converted, Source, without_repeats
from cobrowse_session.times import event_time
from cobrowse_session.wire import encode_event


@grouped(sources=sources_of)
def convert_command(  # noqa: PLR0913 (one argument an option)
    payloads: Payloads,
    output: Output = "-",
    family: Family = None,
    *,
    sources: tuple[Source, ...],
    received: Received = None,
    rejects: Rejects = None,
    max_bytes: MaxBytes = MAX_PAYLOAD_BYTES,
) -> None:
    """Turn payloads of a platform into events: files of one JSON document, an array, or one per line.

    Every family is recognised: conversations, notifications, detail events, analytics, provider batches, and EventBridge's
    envelope around any of them. A fact is one event, however many payloads and files state it. Of payloads without a time, the
    later one corrects the earlier one: in the order of the files, and by name in a folder. Traffic that states nothing of a leg,
    such as heartbeats, is skipped and counted.
    """
    check_family(family, sources)
    received_at, warnings, skipped = _received(received), 0, Counter[str]()
    with usage_errors(), Outputs() as outputs:
        names = [file for name in payloads for file in folder_files(name) or [name]]
        check_files(names, [output, rejects])
        write, bad = outputs.writer(output), ProblemReporter("", inform, outputs.writer(rejects))
        files = PayloadFiles(family, sources, received_at, max_bytes)

        def converted_events() -> Iterator[Event]:
            nonlocal warnings
            for line, converted in _read(names, files, bad):
                warnings += len(converted.warnings)
                skipped.update(converted.skipped)
                for warning in converted.warnings:
                    inform(f"{bad.name}:{line}: warning: {warning}", "yellow")
                yield from converted.events

        count = sum(1 for event in without_repeats(converted_events()) if [write(encode_event(event))])
    inform(f"{plural(count, 'event')}, {plural(warnings, 'warning')}, {plural(bad.lines, 'payload')} rejected{_skipped(skipped)}")
    if bad.lines:
        raise typer.Exit(1)


def _read(names: Sequence[str], files: PayloadFiles, bad: ProblemReporter) -> Iterator[tuple[int, Converted]]:
    """Yield the payloads of files. If there are several, one that cannot be read is reported, and the others are read."""
    for bad.name in names:
        with reported(bad) if len(names) > 1 else nullcontext(), ExitStack() as opened:
            yield from files.read(open_input(opened, bad.name, None if files.family else "payload", files.sources), bad)


def _received(text: str | None) -> datetime | None:
    """Return the time of receipt. It becomes the time of an event, so the year 9999 is kept free."""
    received = time_of("--received", text)
    try:
        return event_time(received) if received else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--received") from None


def _skipped(kinds: Counter[str]) -> str:
    """Return the number of skipped payloads of each kind, the largest first. It is empty if there are none."""
    each = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    return f", {kinds.total():,} skipped ({each})" if kinds else ""
