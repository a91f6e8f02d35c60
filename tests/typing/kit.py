"""Types of the test kit, for mypy and pyright (core.py explains the comments)."""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from datetime import timedelta
from typing import assert_type

from cobrowse_session import Applied, Outcome, Refused
from cobrowse_session.testing import Stream, run, stream
from cobrowse_session.testing.coverage import Coverage, coverage
from cobrowse_session.testing.paths import Path, pairs, rows, shortest_paths


def a_stream_is_built_and_run() -> None:
    call = stream("s1").alerting().after(3).connected().after(timedelta(minutes=1)).disconnected("peer")
    ran = run(call)

    assert_type(call, Stream)
    assert_type(ran.outcomes, list[Outcome])
    assert_type(ran.story(), str)
    ran.expect(Applied, Applied.match(to_state="connected"), Refused.match(rule="no_way_back"), state="disconnected")
    call.after("a minute").ringing()  # type: ignore[attr-defined]
    call.after([3])  # type: ignore[arg-type]
    stream(1)  # type: ignore[arg-type]
    run("s1")  # type: ignore[arg-type]


def paths_are_run_and_covered() -> None:
    assert_type(rows(), tuple[Path, ...])
    covered = coverage(*(path.run() for path in (*rows(), *shortest_paths(), *pairs(longest=3))))

    assert_type(covered, Coverage)
    assert_type(covered.missing(coverage()), dict[str, int])
    coverage("trace.jsonl")  # type: ignore[arg-type]
