"""Types of the test kit, for mypy and pyright (core.py explains the comments)."""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from datetime import datetime, timedelta
from random import Random
from typing import Any, assert_type

from cobrowse_session import Applied, Event, Fired, Lifecycle, Outcome, Refused, SessionLog
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.store import DurableInbox, Store
from cobrowse_session.testing import Stream, conversation, expect, from_jsonl, run, stream, to_jsonl, together
from cobrowse_session.testing.coverage import Coverage, coverage
from cobrowse_session.testing.mischief import delay, drop, duplicate, outage, shuffle, skew, split
from cobrowse_session.testing.paths import Path, pairs, rows, shortest_paths
from cobrowse_session.testing.payloads import payloads


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


def a_session_is_expected_wherever_it_is(call: Stream, store: Store) -> None:
    log = SessionLog.of(call)

    expect(log.session, state="connected")
    expect(log, wrapup__code=None)
    expect(Inbox(Lifecycle()), "s1", state="connected")
    expect(DurableInbox(store), "s1", context__user_id="ann")
    expect(store, "s1")
    assert_type(run(call).fired, list[Fired])
    expect("s1", state="connected")  # type: ignore[arg-type]
    expect(log, 1)  # type: ignore[arg-type]


def streams_are_merged_written_and_read(call: Stream) -> None:
    both = conversation("c1", media_type="call").leg("s1", purpose="agent").alerting().leg("s2").connected()

    assert_type(both, Stream)
    assert_type(together(call, both, [*call]), tuple[Event, ...])
    assert_type(from_jsonl(to_jsonl(both)), tuple[Event, ...])
    both.leg("s1", purpose=1)  # type: ignore[arg-type]
    together("s1")  # type: ignore[arg-type]


def mischief_takes_any_events_and_a_seed(call: Stream, moment: datetime) -> None:
    assert_type(shuffle(duplicate(call, 1), Random(2)), list[Event])
    assert_type(drop(call, "connected"), list[Event])
    assert_type(delay(call, "2m", "connected", seed=1), list[Event])
    assert_type(outage(call, moment, 5), list[Event])
    assert_type(skew(call, timedelta(seconds=-10)), list[Event])
    assert_type(split(call, workers=3), list[list[Event]])
    shuffle(call, "seed")  # type: ignore[arg-type]
    drop(call, 1)  # type: ignore[arg-type]


def payloads_are_json(call: Stream) -> None:
    assert_type(payloads(call, "conversation", envelope="notification"), list[dict[str, Any]])
    payloads(call, family=1)  # type: ignore[arg-type]


def paths_are_run_and_covered() -> None:
    assert_type(rows(), tuple[Path, ...])
    covered = coverage(*(path.run() for path in (*rows(), *shortest_paths(), *pairs(longest=3))))

    assert_type(covered, Coverage)
    assert_type(covered.missing(coverage()), dict[str, int])
    coverage("trace.jsonl")  # type: ignore[arg-type]
