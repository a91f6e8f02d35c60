"""Two traces of the same events beside each other: which sessions differ, in which fields, by which rows."""

import gzip
import json
from collections.abc import Iterable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from tests.commands import Result, command
from tests.strategies import at
from tests.test_replay import EXAMPLES, lines

from cobrowse_session import Context, DecodeError, Event, Lifecycle, Settings, WrapupPrompt
from cobrowse_session.io.diff import Difference, diff, read_trace
from cobrowse_session.io.replay import replay
from cobrowse_session.testing import Stream, stream
from cobrowse_session.times import MAX_TIME
from cobrowse_session.wire import encode_entry
from cobrowse_session.wire.trace import trace_entry

CALL = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")
ASKED = stream("s2").alerting().after(3).connected().after(1).required()


def timed(seconds: float) -> Lifecycle:
    return Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=timedelta(seconds=seconds)))


def differences(
    before: Iterable[Event], after: Iterable[Event], was: Lifecycle | None = None, is_now: Lifecycle | None = None
) -> list[Difference]:
    """Two replays, advanced until no deadline is left, beside each other."""
    replays = replay(before, was, MAX_TIME), replay(after, is_now, MAX_TIME)
    old, new = ([row for log in logs for row in map(trace_entry, log.trace)] for logs in replays)
    return list(diff(old, new))


def trace(path: Path, *calls: Stream) -> Path:
    """The trace file of a replay until the end."""
    logs = replay([event for call in calls for event in call], until=MAX_TIME)
    path.write_text("".join(encode_entry(row) + "\n" for log in logs for row in map(trace_entry, log.trace)), encoding="utf-8")
    return path


def diffed(folder: Path, before: bytes, after: bytes, was: Iterable[str] = (), is_now: Iterable[str] = ()) -> Result:
    """Two replays by the command, beside each other by the command."""
    paths = folder / "a.trace.jsonl", folder / "b.trace.jsonl"
    for path, content, options in zip(paths, (before, after), (was, is_now), strict=True):
        done = command("replay", "-", "-o", folder / "sessions", "--trace", path, "--until", "end", *options, stdin=content)
        assert done.code == 0
    return command("diff", *paths)


# --- The command --------------------------------------------------------------------------------------------------------------


def test_equal_traces_differ_in_nothing_and_exit_with_0(tmp_path: Path) -> None:
    content = (EXAMPLES / "events.jsonl").read_bytes()
    reverse = b"".join(content.splitlines(keepends=True)[::-1] * 2)

    done = diffed(tmp_path, content, reverse)

    assert (done.code, done.out, done.err) == (0, "", "Differences: 0 sessions, 0 rows\n")


def test_another_setting_shows_the_timers_that_fire_elsewhere_and_the_fields_that_they_set(tmp_path: Path) -> None:
    other = stream("s2").connected(wrapup_prompt="timeout", wrapup_timeout=10).after(5).disconnected()  # its own word counts
    content, timeout = lines(CALL, other), ("--acw", "timeout", "--acw-timeout")

    done = diffed(tmp_path, content, content, (*timeout, "30"), (*timeout, "60"))

    (line,) = done.out.splitlines()
    assert (done.code, done.err) == (1, "Differences: 1 session, 1 row\n")
    assert line.startswith("s1  timer.acw: at 2026-03-01T09:01:33.000Z -> at 2026-03-01T09:02:03.000Z  [")
    assert {"afterCallWork", "wrapup"} <= {name.split(".")[0] for name in line[line.index("[") + 1 : -1].split(", ")}


def test_a_difference_names_the_session_the_row_its_outcome_and_its_rule(tmp_path: Path) -> None:
    before = lines(ASKED).splitlines(keepends=True)
    before = [before[0], before[2]]  # the connected event was lost

    done = diffed(tmp_path, lines(CALL) + b"".join(before), lines(CALL, ASKED))

    assert (done.code, done.err) == (1, "Differences: 1 session, 2 rows\n")
    missing, refused = sorted(done.out.splitlines())
    assert missing.startswith("s2  e2 of /test: not there -> outcome applied, row connected, from alerting, to connected, at ")
    assert refused.startswith("s2  e3 of /test: outcome refused, rule not_connected, row ")
    assert " -> outcome applied, row request, from connected, to connected" in refused
    assert "afterCallWorkRequired" in refused[refused.index("[") :]


def test_traces_may_be_compressed_and_one_of_them_standard_input(tmp_path: Path) -> None:
    path = trace(tmp_path / "a", CALL)
    zipped = tmp_path / "b.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))

    assert command("diff", zipped, path).code == 0
    assert command("diff", path, "-", stdin=zipped.read_bytes()).code == 0
    assert command("diff", path, "-", stdin=zipped.read_bytes()[:-9]).code == 2


GARBAGE = {
    "no JSON": b"{garbage",
    "no object": b"[]",
    "an object of another kind": b'{"subject":"s1"}',
    "a session that is none": b'{"session":1,"type":"timer.acw"}',
    "no type": b'{"session":"s1","event":"e1","source":"/a"}',
    "fields that are none": b'{"session":"s1","type":"timer.acw","set":5}',
    "fields of all sorts": b'{"session":"s1","type":"timer.acw","set":["wrapup",1]}',
    "twice the same key": b'{"session":"s1","session":"s2","type":"timer.acw"}',
    "not UTF-8": b"\xff",
}


@pytest.mark.parametrize("line", GARBAGE.values(), ids=GARBAGE)
def test_a_line_that_is_no_trace_row_exits_with_2_and_its_number(line: bytes, tmp_path: Path) -> None:
    good = trace(tmp_path / "good", CALL)
    bad = tmp_path / "bad"
    bad.write_bytes(good.read_bytes() + b"\n" + line + b"\n")  # three rows, a blank line, and this

    done = command("diff", good, bad)

    assert (done.code, done.out) == (2, "")
    assert "line 5" in done.err or ":5:" in done.err
    assert done.err.count("\n") == 1


def test_a_line_that_is_no_trace_row_names_the_file_that_holds_it(tmp_path: Path) -> None:
    good, bad = trace(tmp_path / "good", CALL), tmp_path / "bad"
    bad.write_bytes(b"{garbage\n")

    assert "bad" in command("diff", good, bad).err


@pytest.mark.parametrize("missing", ["a", "b"])
def test_a_file_that_is_not_there_exits_with_2(missing: str, tmp_path: Path) -> None:
    there = trace(tmp_path / "there", CALL)

    done = command("diff", *((missing, there) if missing == "a" else (there, missing)))

    assert (done.code, done.out) == (2, "")
    assert "No such file" in done.err


# --- What differs -------------------------------------------------------------------------------------------------------------


def test_the_same_events_in_any_order_differ_in_nothing() -> None:
    assert differences(CALL, [*reversed(CALL.events), *CALL], timed(30), timed(30)) == []


def test_a_timer_that_is_withdrawn_is_there_before_and_not_after() -> None:
    saved = CALL.after(20).wrapup("sale")

    timer, wrapup = sorted(differences(CALL, saved, timed(30), timed(30)), key=lambda one: one.entry)[::-1]

    assert (timer.session, timer.entry, timer.after) == ("s1", "timer.acw", None)
    assert timer.before is not None
    assert timer.before.startswith("outcome applied, row ")
    assert (wrapup.entry, wrapup.before) == ("e4 of /test", None)


def test_a_wrapup_between_two_timeouts_is_another_row_and_its_timer_comes_and_goes() -> None:
    saved = CALL.after(45).wrapup("sale")  # at 108 s; the deadlines: 93 s, 123 s

    found = {one.entry: one for one in differences(saved, saved, timed(30), timed(60))}

    assert set(found) == {"timer.acw", "e4 of /test"}
    assert found["timer.acw"].after is None
    assert found["e4 of /test"].after == "row complete_by_code"
    assert found["e4 of /test"].before not in (None, found["e4 of /test"].after)
    assert {"wrapup", "afterCallWork"} <= {name.split(".")[0] for name in found["e4 of /test"].fields}


def test_each_copy_of_an_id_from_another_source_is_a_row_of_its_own() -> None:
    mine, theirs = stream("s1", source="/a").connected(), stream("s1", source="/b").connected()

    assert [one.entry for one in differences([*mine, *theirs], mine)] == ["e1 of /b"]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (CALL.events[0], evolve(CALL.events[0], occurred_at=at(1)), "at 2026-03-01T09:00:01.000Z"),
        (CALL.events[0], evolve(CALL.events[0], received_at=at(2)), "received 2026-03-01T09:00:02.000Z"),
        (CALL.events[0], evolve(CALL.events[0], context=Context(conversation_id="c1")), "conversation c1"),
        (CALL.events[0], evolve(CALL.events[0], details=evolve(CALL.events[0].details, cobrowse_role="spectator")), "notes "),
    ],
    ids=["at", "received", "conversation", "notes"],
)
def test_whatever_differs_of_a_row_is_told(before: Event, after: Event, told: str) -> None:
    (found,) = differences([before], [after])

    assert (found.session, found.entry) == ("s1", "e1 of /test")
    assert told in str(found)


def test_rows_that_differ_in_their_fields_alone_show_them() -> None:
    (found,) = differences(stream("s1").alerting(), stream("s1").alerting(peer_id="p"))

    assert "peerId" in found.fields
    assert "peerId" in str(found)


def test_sessions_come_in_the_order_in_which_the_traces_tell_them_those_of_the_second_alone_last() -> None:
    def calls(*names: str) -> list[Event]:
        return [event for n, name in enumerate(names) for event in stream(name, start=at(n)).alerting()]

    assert [one.session for one in differences(calls("zoe", "adam"), calls("eve"))] == ["zoe", "adam", "eve"]


@pytest.mark.parametrize(
    ("before", "after"), [(CALL, CALL.after(1).updated(peer_id="p")), (ASKED, CALL), (CALL.updated(), CALL.after(1).updated())]
)
def test_what_differs_one_way_differs_the_other_way(before: Stream, after: Stream) -> None:
    there, back = differences(before, after), differences(after, before)

    assert {(one.session, one.entry, one.fields, one.before, one.after) for one in there} == {
        (one.session, one.entry, one.fields, one.after, one.before) for one in back
    }


def test_two_empty_traces_are_equal() -> None:
    assert list(diff([], [])) == []


def test_a_trace_is_read_line_by_line_and_blank_lines_are_skipped() -> None:
    rows = [{"session": "s1", "type": "timer.acw"}, {"session": "s2", "type": "timer.acw"}]
    file = BytesIO(b"\n".join([json.dumps(rows[0]).encode(), b"  ", b"\r", json.dumps(rows[1]).encode()]))

    assert list(read_trace(file)) == rows
    with pytest.raises(DecodeError, match="line 2"):
        list(read_trace(BytesIO(b"\nx\n")))


def row(**members: Any) -> dict[str, Any]:
    return {"session": "s1", "type": "timer.acw", "outcome": "applied", "set": [], **members}


def test_a_timer_is_known_by_its_number_too() -> None:
    """A reopened after-call work can time out again. TRACE-11."""
    first, second = row(at="2026-03-01T09:00:30.000Z"), row(at="2026-03-01T09:05:30.000Z")

    (found,) = diff([first, second], [first])

    assert (found.entry, found.after) == ("timer.acw no. 2", None)
    assert [one.entry for one in diff([first, second], [second])] == ["timer.acw", "timer.acw no. 2"]


def test_an_id_and_its_source_are_kept_apart() -> None:  # TRACE-11
    one, other = row(event="a of b", source="c"), row(event="a", source="b of c")

    assert [found.entry for found in diff([one], [other])] == ["a of b of c", "a of b of c"]


def test_a_long_line_of_a_trace_is_an_error_and_never_held_whole() -> None:
    file = BytesIO(b"{}" + b" " * (5 << 20) + b"\n")

    with pytest.raises(DecodeError, match="line_too_long"):
        list(read_trace(file))
