"""A file of events in; sessions, trace, rejects and a summary out; exit codes; errors in one line."""

import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from tests.commands import command, process

from cobrowse_session import __version__
from cobrowse_session.io.replay import BATCH, in_batches
from cobrowse_session.testing import Stream, stream
from cobrowse_session.wire import decode_session, encode_event

EXAMPLES = Path(__file__).parent.parent / "examples"


def lines(*streams: Stream) -> bytes:
    return "".join(encode_event(event) + "\n" for one in streams for event in one).encode()


def words(text: str) -> str:
    return " ".join(text.split())


CALL = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines(CALL))
    return path


def test_sessions_go_to_standard_output_and_nothing_else_does(events: Path) -> None:
    done = process("replay", events)

    (line,) = done.out.splitlines()
    assert done.code == 0
    assert decode_session(line).id == "s1"
    assert "3 events, 1 session" in done.err


def test_minus_is_standard_input(tmp_path: Path) -> None:
    done = command("replay", "-", "-o", tmp_path / "sessions.jsonl", stdin=lines(CALL))

    assert (done.code, done.out) == (0, "")
    assert decode_session((tmp_path / "sessions.jsonl").read_text()).state == "disconnected"


def test_the_example_stream_is_what_its_script_writes() -> None:
    written = subprocess.run([sys.executable, EXAMPLES / "make_events.py"], capture_output=True, check=True, timeout=60).stdout

    assert written == (EXAMPLES / "events.jsonl").read_bytes()


def test_the_order_of_lines_and_their_repetition_change_neither_sessions_nor_trace(tmp_path: Path) -> None:
    every = (EXAMPLES / "events.jsonl").read_bytes().splitlines(keepends=True)

    plain = command("replay", "-", "--trace", tmp_path / "a", "--until", "end", stdin=b"".join(every))
    mixed = command("replay", "-", "--trace", tmp_path / "b", "--until", "end", stdin=b"".join(every[::-1] + every[:7]))

    assert plain.out == mixed.out
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert "repeats 7" in words(mixed.err)


def test_the_example_refuses_once_and_its_late_wrapup_counts(tmp_path: Path) -> None:  # EVENT-6
    done = command("replay", EXAMPLES / "events.jsonl", "--until", "end", "--trace", tmp_path / "trace.jsonl")

    ben = next(session for session in map(decode_session, done.out.splitlines()) if session.id == "ben")
    assert ben.wrapup is not None
    assert (ben.wrapup.code, ben.wrapup.duration_seconds) == ("sale", 14)
    assert "code_required 1" in done.err
    assert "8 sessions of 2 conversations" in done.err


def test_sessions_are_written_by_the_time_of_their_first_event_then_by_id() -> None:  # TRACE-12
    late, early, same = stream("a").after(5).alerting(), stream("z").alerting(), stream("b").alerting()

    done = command("replay", "-", stdin=lines(late, early, same))

    assert [decode_session(line).id for line in done.out.splitlines()] == ["b", "z", "a"]


def test_the_first_event_of_a_session_counts_whatever_its_outcome(tmp_path: Path) -> None:  # TRACE-12, TRACE-13
    first, second = stream("z").required().after(9).alerting(), stream("a").after(5).alerting().after(1).connected()

    done = command("replay", "-", "--trace", tmp_path / "trace", stdin=lines(second, first))

    rows = [json.loads(line) for line in (tmp_path / "trace").read_text().splitlines()]
    assert [decode_session(line).id for line in done.out.splitlines()] == ["z", "a"]
    assert [(row["session"], row["outcome"]) for row in rows] == [
        *(("z", "refused"), ("z", "applied")),
        *(("a", "applied"), ("a", "applied")),
    ]


def test_without_until_all_sessions_are_advanced_to_the_latest_event() -> None:  # TIMER-7
    pending = stream("s1").connected(wrapup_prompt="timeout", wrapup_timeout=30).after(10).disconnected()
    at_deadline = stream("s2").after(40).alerting()

    done = command("replay", "-", stdin=lines(pending, at_deadline))

    assert [s.after_call_work and s.after_call_work.state for s in map(decode_session, done.out.splitlines())] == [
        "complete",
        None,
    ]


def test_until_before_the_latest_event_has_no_effect_and_a_note(events: Path) -> None:  # TIMER-7
    done = command("replay", events, "--until", "2020-01-01T00:00:00Z")

    assert (done.code, done.out) == (0, command("replay", events).out)
    assert "It had no effect" in done.err


def test_until_end_leaves_no_deadline(events: Path) -> None:
    done = command("replay", events, "--acw", "MANDATORY_TIMEOUT", "--acw-timeout", "30.5", "--until", "end")

    session = decode_session(done.out)
    assert session.wrapup is not None
    assert session.wrapup.code == "ININ-WRAP-UP-TIMEOUT"
    assert "timer.acw 1" in done.err


def test_alerting_grace_ends_an_unanswered_alert() -> None:
    ringing = lines(stream("s1").alerting(alerting_timeout=30))

    left = command("replay", "-", "--until", "end", stdin=ringing)
    ended = command("replay", "-", "--until", "end", "--alerting-grace", "0.25", stdin=ringing)

    assert decode_session(left.out).state == "alerting"
    assert decode_session(ended.out).disconnect_type == "system"
    assert '"disconnectedTime":"2026-03-01T09:00:30.250Z"' in ended.out


def test_rejected_lines_are_kept_with_their_reason_and_the_others_go_on(tmp_path: Path) -> None:  # ERROR-1
    first, second, third = lines(CALL).splitlines(keepends=True)
    stdin = first + b"\n  \r\n" + b"{garbage\n" + second + b"\xff\xfe\n" + third

    done = command("replay", "-", "--rejects", tmp_path / "rejects.jsonl", stdin=stdin)

    rejects = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert done.code == 1
    assert decode_session(done.out).state == "disconnected"
    assert [list(reject) for reject in rejects] == [["line", "error", "path", "found", "expected", "text", "length"]] * 2
    assert [(reject["line"], reject["error"], reject["text"], reject["length"]) for reject in rejects] == [
        (4, "not_json", "{garbage", 8),
        (6, "not_json", "��", 2),
    ]
    assert "rejected 2 not_json 2" in words(done.err)


def test_rejected_lines_move_no_time() -> None:  # TIMER-7
    pending = lines(stream("s1").connected(wrapup_prompt="timeout", wrapup_timeout=30).after(10).disconnected())
    rejected = lines(stream("s2").after(3600).alerting()).replace(b'"id":"e1",', b"")

    done = command("replay", "-", stdin=pending + rejected)

    assert done.code == 1
    assert '"state":"pending"' in done.out


def test_a_line_over_one_mebibyte_is_rejected_and_never_held_whole(tmp_path: Path) -> None:
    long = b'{"id":"' + b"x" * 10_000_000 + b'"}\n'

    done = command("replay", "-", "--rejects", tmp_path / "rejects.jsonl", stdin=long + lines(CALL))

    reject = json.loads((tmp_path / "rejects.jsonl").read_text())
    assert (done.code, reject["error"], reject["length"]) == (1, "line_too_long", 10_000_009)
    assert reject["text"] == '{"id":"' + "x" * 193
    assert decode_session(done.out).state == "disconnected"


@pytest.mark.parametrize("spare", [-1, 0, 1])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_the_bound_of_a_line_leaves_its_end_out(spare: int, end: bytes, tmp_path: Path) -> None:  # ERROR-7
    bound = 1 << 20
    event = lines(stream("s1").alerting()).strip()
    line = event + b" " * (bound + spare - len(event))

    done = command("replay", "-", "--rejects", tmp_path / "rejects.jsonl", stdin=line + end)

    assert done.code == (1 if spare > 0 else 0)
    assert all(json.loads(reject)["length"] == bound + spare for reject in (tmp_path / "rejects.jsonl").read_text().splitlines())


def test_strict_exits_with_1_where_events_were_refused() -> None:
    refused = lines(stream("s1").connected().after(1).alerting())

    assert command("replay", "-", stdin=refused).code == 0
    assert command("replay", "-", "--strict", stdin=refused).code == 1


def test_validate_says_every_error_and_exits_with_1(events: Path) -> None:
    bad = events.with_name("bad.jsonl")
    bad.write_bytes(
        events.read_bytes() + b'{"specversion":"1.0","id":"","type":"cobrowse.session.alerting","subject":"s","time":"now"}\n'
    )

    done = command("validate", bad)

    assert done.code == 1
    assert [line.split(": ")[1:3] for line in done.out.splitlines()] == [
        ["empty", "$.id"],
        ["missing", "$.source"],
        ["bad_time", "$.time"],
    ]
    assert all(line.startswith(f"{bad}:4: ") for line in done.out.splitlines())
    assert done.err == "3 events read, 1 line rejected: 3 errors\n"


def test_validate_is_content_with_a_good_file(events: Path) -> None:
    done = command("validate", events)

    assert (done.code, done.out, done.err) == (0, "", "3 events read\n")


def test_an_empty_file_is_no_error() -> None:
    done = command("replay", "-")

    assert (done.code, done.out) == (0, "")
    assert "0 events, 0 sessions" in done.err
    assert done.err.endswith("There is no event in standard input.\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("replay", "no-such-file"), "No such file"),
        (("validate", "no-such-file"), "No such file"),
        (("replay", "."), "Is a directory"),
        (("replay", "{events}", "-o", "no/such/folder"), "No such file"),
        (("replay", "{events}", "-o", "{events}"), "named twice"),
        (("replay", "{events}", "--trace", "-"), "named twice"),
        (("replay", "{events}", "--until", "yesterday"), "yesterday"),
        (("replay", "{events}", "--until", "2026-03-01T09:00:00"), "zone"),
        (("replay", "{events}", "--acw", "sometimes"), "agentRequested"),
        (("replay", "{events}", "--acw", "mandetory"), "did you mean 'mandatory'"),
        (("replay", "{events}", "--acw", "timeout"), "--acw timeout needs --acw-timeout SECONDS."),
        (("replay", "{events}", "--acw", "forcedTimeout"), "--acw forcedTimeout needs --acw-timeout SECONDS."),
        (("replay", "{events}", "--acw-timeout", "0"), "from 1 ms to 86,400,000 ms, found 0 s"),
        (("replay", "{events}", "--acw-timeout", "1e300"), "--acw-timeout"),
        (("replay", "{events}", "--acw-timeout", "nan"), "--acw-timeout"),
        (("replay", "{events}", "--alerting-grace", "-1"), "--alerting-grace"),
        (("replay",), "Missing argument 'EVENTS.jsonl'. Try: cobrowse-session replay events.jsonl --trace"),
        (("explain",), "Missing argument 'EVENTS.jsonl'. Try: cobrowse-session explain events.jsonl s1 wrapup.endTime"),
        (("diff", "{events}"), "Missing argument 'B.trace.jsonl'. Try: cobrowse-session diff before.trace.jsonl"),
        (("rewind",), "rewind"),
    ],
)
# SETTING-10, SETTING-11
def test_wrong_usage_exits_with_2_and_says_what_to_do(arguments: tuple[str, ...], told: str, events: Path) -> None:
    before = events.read_bytes()

    done = command(*(argument.format(events=events) for argument in arguments))

    words = " ".join(done.err.replace("│", " ").split())
    assert (done.code, done.out) == (2, "")
    assert told in words
    assert "Traceback" not in done.err
    assert events.read_bytes() == before


def test_help_and_version_teach() -> None:
    assert command("--version").out == f"cobrowse-session {__version__}\n"
    assert "CloudEvents" in command("--help").out
    assert "--until end" in " ".join(command("replay", "--help").out.split())


def test_no_color_leaves_no_color() -> None:
    colors = re.compile("\x1b\\[(?:[0-9]+;)*(?:3[0-7]|9[0-7])m")

    assert colors.search(process("replay", "--help", FORCE_COLOR="1").out)
    assert not colors.search(process("replay", "--help", FORCE_COLOR="1", NO_COLOR="1").out)


def test_without_its_extra_the_command_says_which_one_is_missing(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError('gone', name='typer')")

    done = process("--help", PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))

    assert done.code == 1
    assert done.err == (
        "cobrowse-session: the command line needs the extra 'cli': "
        "pip install 'cobrowse-session[cli]', or from a checkout: pip install '.[cli]'\n"
    )


def test_the_demo_tells_each_leg_in_a_line_and_stays_under_40() -> None:
    told = subprocess.run([sys.executable, EXAMPLES / "demo.py"], capture_output=True, check=True, timeout=60).stdout.decode()

    assert len(told.splitlines()) < 40
    assert "cleo      09:00:30  alert  2.5 s  connected   3 min 0 s  end: peer " in told
    assert "after-call work: complete 15 s, resolved" in told
    assert "Refused: cleo, cobrowse.session.acw.ended, code_required." in told
    assert "beside the platform's own record: 37 fields equal" in told


def test_a_late_event_that_withdraws_a_timer_revises_its_session_in_any_order_of_the_file(tmp_path: Path) -> None:
    """The session is shown with the timer's code until the event arrives, in whatever order the file has its lines."""
    ended = stream("s1").connected(wrapup_prompt="timeout", wrapup_timeout=30).after(60).disconnected("peer")
    (*_, late) = ended.after(14).wrapup("sale", received_at=ended.now + timedelta(hours=1))
    for events in ((*ended, late), (late, *ended)):
        path = tmp_path / "events.jsonl"
        path.write_text("".join(encode_event(event) + "\n" for event in events))

        assert "  revised sessions               1   s1" in command("replay", path, "-o", tmp_path / "out.jsonl").err.splitlines()


def test_the_release_of_a_leg_that_comes_after_the_report_of_its_instant_revises_no_session(tmp_path: Path) -> None:
    *ended, released, pending = stream("s1").connected().after(60).disconnected("peer").terminated().started()
    path = tmp_path / "events.jsonl"
    path.write_text("".join(encode_event(event) + "\n" for event in (*ended, pending, released)))

    assert "  revised sessions               0" in command("replay", path, "-o", tmp_path / "out.jsonl").err.splitlines()


@pytest.mark.parametrize("count", [0, 1, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH])
def test_events_that_are_read_in_batches_are_all_there_in_their_order(count: int) -> None:
    calls = stream("s1").alerting().events * count
    read = iter(calls)

    assert list(in_batches(read)) == list(calls)
