"""The cases of the conformance kit, with what the second reading makes of them: `python -m tests.conformance`."""

import json
from collections.abc import Iterator
from types import ModuleType

from tests import reading
from tests.conformance_corners import corners
from tests.reading import Account, Json, Options, moment, printed
from tests.reading_run import GENERATORS, as_lifecycle, comparable
from tests.reading_streams import Stream

from cobrowse_session import Lifecycle
from cobrowse_session.testing import conformance
from cobrowse_session.testing.paths import Path as Way
from cobrowse_session.testing.paths import pairs, rows
from cobrowse_session.times import milliseconds, time_text
from cobrowse_session.wire import encode_event
from cobrowse_session.wire.saved import save_lifecycle

SEEDS = range(30)
DEFAULTS = save_lifecycle(Lifecycle())


def streams() -> Iterator[tuple[str, Stream]]:
    """Yield the streams of the cases with their names."""
    for kind, ways in (("row", rows()), ("pair", pairs())):
        yield from ((f"{kind} {way.id}", of_way(way)) for way in ways)
    yield from corners()
    for generator in GENERATORS:
        yield from ((f"{generator.__name__} {seed}", generator(seed)) for seed in SEEDS)


def lines() -> Iterator[str]:
    """Yield the cases as JSON, one line for each."""
    yield from (line(name, stream) for name, stream in streams())


def of_way(way: Way) -> Stream:
    """Return a path through the table as a stream of lines."""
    return Stream([*map(encode_event, way.stream)], options_of(way.lifecycle), time_text(way.stream.now), [])


def options_of(lifecycle: Lifecycle) -> Options:
    """Return a lifecycle as the second reading takes it."""
    grace = lifecycle.alerting_grace
    return Options(
        alerting_grace=None if grace is None else milliseconds(grace),
        acw_when_unanswered=lifecycle.acw_when_unanswered,
        acw_after_transfer=lifecycle.acw_after_transfer,
        timeout_code=lifecycle.timeout_code,
    )


def line(name: str, stream: Stream) -> str:
    """Return a case."""
    lifecycle = save_lifecycle(as_lifecycle(stream.options))
    case = {
        "id": name,
        "lifecycle": {key: value for key, value in lifecycle.items() if value != DEFAULTS[key]},
        "events": [json.loads(one) for one in stream.lines],
        **({} if stream.until is None else {"until": printed(moment(stream.until))}),
        "sessions": sessions(stream),
    }
    return json.dumps(case, ensure_ascii=False, separators=(",", ":"))


def sessions(stream: Stream, read_by: ModuleType = reading) -> Json:
    """Return what is expected of each session, by the second reading or by a copy of it that has a mistake."""
    events = [read_by.read_event(one) for one in stream.lines]
    until = None if stream.until is None else moment(stream.until)
    return {
        subject: expected(
            read_by.account(subject, [event for event in events if event.subject == subject], stream.options, until)
        )
        for subject in dict.fromkeys(event.subject for event in events)
    }


def expected(made: Account) -> Json:
    """Return what is expected of a session."""
    deadline = {} if made.deadline is None else {"deadline": printed(made.deadline)}
    trace = [{**comparable(row), **({"set": row["set"]} if "set" in row else {})} for row in made.trace]
    counts = {"repeats": made.repeats, "conflicts": made.conflicts}
    return {"session": made.session, "trace": trace, "context": made.context, **deadline, **counts}


if __name__ == "__main__":
    conformance.FILE.write_text("".join(f"{one}\n" for one in lines()), encoding="utf-8")
