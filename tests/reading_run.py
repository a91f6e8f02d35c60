"""The package against the second reading, on many seeds: `python -m tests.reading_run --seeds 10000`."""

# ruff: noqa: T201 (it prints)

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from attrs import asdict
from tests.reading import Account, Json, Options, account, account_as_of, can_be_sealed, moment, printed, read_event
from tests.reading_streams import Stream, hostile, lifelike

from cobrowse_session import Lifecycle, SessionLog, Settings
from cobrowse_session.wire import decode_event, encode_session
from cobrowse_session.wire.trace import trace_entry

GENERATORS: tuple[Callable[[int], Stream], ...] = (lifelike, hostile)


def first_difference(seeds: Iterable[int]) -> str | None:
    """The first difference on these seeds of both generators as text, with the stream. None if there is none."""
    for seed in seeds:
        for generator in GENERATORS:
            stream = generator(seed)
            if found := list(differences(stream, seed)):
                return "\n".join(
                    [f"{generator.__name__} {seed}", *found, f"{stream.options}", f"until {stream.until}", *stream.lines, ""]
                )
    return None


def differences(stream: Stream, seed: int) -> Iterator[str]:
    """Sentences about what the package makes of the stream and the reading does not."""
    lifecycle = as_lifecycle(stream.options)
    events = [read_event(line) for line in stream.lines]
    for subject in dict.fromkeys(event.subject for event in events):
        log = SessionLog(lifecycle, subject)
        copies = [event for event in events if event.subject == subject]
        lines = [line for line, event in zip(stream.lines, events, strict=True) if event.subject == subject]
        receive(log, lines, stream.until, seed)
        until = None if stream.until is None else moment(stream.until)
        whole = account(subject, copies, stream.options, until)
        yield from compared(f"{subject}", whole, log)
        numbers = [(name, getattr(whole, name), counted(getattr(log, name))) for name in ("repeats", "conflicts", "corrected")]
        yield from (f"{subject}: {name}: reading {mine}, package {theirs}" for name, mine, theirs in numbers if mine != theirs)
        for at in stream.moments:
            then = account_as_of(subject, copies, stream.options, moment(at))
            yield from compared(f"{subject} as of {at}", then, log.as_of(datetime.fromisoformat(at)))
        horizon = sorted(stream.moments)[seed % len(stream.moments)]
        mine, theirs = can_be_sealed(whole, moment(horizon)), log.seal(datetime.fromisoformat(horizon))
        if mine != theirs:
            yield f"{subject}: sealed at {horizon}: reading {mine}, package {theirs}"


def receive(log: SessionLog, lines: list[str], until: str | None, seed: int) -> None:
    """Add all lines. The latest advance happens somewhere among them, and earlier ones at any time."""
    place = seed % (len(lines) + 1)
    for index, line in enumerate(lines):
        if until is not None and index >= place:
            log.advance(datetime.fromisoformat(until) - timedelta(seconds=index - place))
        log.add(decode_event(line))
    if until is not None:
        log.advance(datetime.fromisoformat(until))


def as_lifecycle(options: Options) -> Lifecycle:
    def duration(milliseconds: int | None) -> timedelta | None:
        return None if milliseconds is None else timedelta(milliseconds=milliseconds)

    settings = Settings(
        wrapup_prompt=options.wrapup_prompt,
        wrapup_timeout=duration(options.wrapup_timeout),
        alerting_timeout=duration(options.alerting_timeout),
    )
    return Lifecycle(
        settings=settings,
        alerting_grace=duration(options.alerting_grace),
        acw_when_unanswered=options.acw_when_unanswered,
        acw_after_transfer=options.acw_after_transfer,
        timeout_code=options.timeout_code,
    )


def counted(number: Any) -> int:
    return number if isinstance(number, int) else len(number)


def compared(name: str, mine: Account, log: SessionLog) -> Iterator[str]:
    yield from named_differences(f"{name}: session", mine.session, json.loads(encode_session(log.session)))
    rows, their_rows = [comparable(row) for row in mine.trace], [comparable(row) for row in map(trace_entry, log.trace)]
    for place, (row, their_row) in enumerate(zip(rows, their_rows, strict=False), 1):
        yield from named_differences(f"{name}: row {place} ({row['type']} {row.get('event', '')})", row, their_row)
    for row, their_row in zip(mine.trace, map(trace_entry, log.trace), strict=False):
        if unnamed := set(row.get("set", ())) - set(their_row.get("set", ())):
            yield f"{name}: {row['type']} {row.get('event', '')}: the package sets {unnamed} and does not name it"
    context = {key.replace("_", ""): value for key, value in asdict(log.context).items() if value is not None}
    yield from named_differences(f"{name}: context", mine.context, context)
    deadline = None if mine.deadline is None else printed(mine.deadline)
    yield from named_differences(
        name, {"deadline": deadline}, {"deadline": log.deadline and printed(moment(log.deadline.isoformat()))}
    )
    if len(rows) != len(their_rows):
        yield f"{name}: {len(rows)} rows in the reading, {len(their_rows)} in the package"


def comparable(row: Json) -> Json:
    """The row without what the specification leaves open: its name, states of what is not applied, wording of notes."""
    left_out = ("row", "set", "notes") if row["outcome"] == "applied" else ("row", "set", "notes", "from", "to")
    return {key: value for key, value in row.items() if key not in left_out} | {"noted": bool(row.get("notes"))}


def named_differences(name: str, mine: Json, theirs: Json) -> Iterator[str]:
    for key in sorted(mine.keys() | theirs.keys()):
        one, other = (json.dumps(side.get(key), sort_keys=True) for side in (mine, theirs))
        if one != other:
            yield f"{name}: {key}: reading {one}, package {other}"


def main() -> int:
    """Read the command line, compare, and print the first difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="so many seeds of each generator (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: %(default)s)")
    options = parser.parse_args()
    found = first_difference(range(options.first, options.first + options.seeds))
    print(found or f"{options.seeds} seeds of each generator agree.")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
