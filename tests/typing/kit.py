"""Types of the test kit, for mypy and pyright (core.py explains the comments)."""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from datetime import timedelta
from typing import assert_type

from cobrowse_session import Applied, Outcome, Refused
from cobrowse_session.testing import Stream, run, stream


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
