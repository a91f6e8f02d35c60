"""The commands that show sessions: which session, which field, and as they were known at which time."""

from pathlib import Path

import pytest
from tests.commands import command
from tests.strategies import at
from tests.test_replay import CALL, EXAMPLES, lines, words

from cobrowse_session.io.replay import read_events, replay
from cobrowse_session.stream import explainable_fields
from cobrowse_session.testing import Stream, stream
from cobrowse_session.wire import encode_session


@pytest.fixture
def one(tmp_path: Path) -> Path:
    return written(tmp_path / "one.jsonl", CALL)


@pytest.fixture
def two(tmp_path: Path) -> Path:
    return written(tmp_path / "two.jsonl", CALL, stream("agent-2", start=at(100)).alerting())


def written(path: Path, *streams: Stream) -> Path:
    path.write_bytes(lines(*streams))
    return path


def error(text: str) -> str:
    """The text of a framed error."""
    return words(text.replace("│", " "))


# --- Which session, which field -----------------------------------------------------------------------------------------------


def test_explain_without_a_field_lists_every_field_with_its_value(one: Path) -> None:
    done = command("explain", one)

    listed = dict(line.split(maxsplit=1) for line in done.out.splitlines()[1:])
    inside = {field.partition(".")[0] for field in explainable_fields() if "." in field}
    assert done.code == 0
    assert {field.replace("segments.1", "segments.0") for field in listed} == set(explainable_fields()) - inside
    assert listed["state"] == "disconnected"
    assert listed["segments.1.endTime"] == "2026-03-01T09:01:03.000Z"
    assert listed["wrapup.code"] == "unset"


def test_the_only_session_need_not_be_named(one: Path) -> None:
    assert command("explain", one).out == command("explain", one, "s1").out
    assert command("explain", one, "wrapup.code").out == command("explain", one, "s1", "wrapup.code").out
    assert command("explain", one, "segments.1.endTime").out.startswith("segments.1.endTime is 2026-03-01T09:01:03.000Z.")
    assert command("timeline", one).out == command("timeline", one, "s1").out


def test_a_session_that_is_called_as_a_field_is_the_session(tmp_path: Path) -> None:
    path = written(tmp_path / "events", stream("state").alerting())

    assert command("explain", path, "state").out.startswith("Session state.")
    assert command("explain", path, "state", "state").out.startswith("state is alerting.")


@pytest.mark.parametrize("arguments", [("explain",), ("timeline",)])
def test_of_several_sessions_one_must_be_named_and_the_error_lists_some(arguments: tuple[str, ...], two: Path) -> None:
    done = command(*arguments, two)

    assert (done.code, done.out) == (2, "")
    assert "the file has 2 sessions: s1, agent-2" in error(done.err)


def test_an_error_lists_ten_sessions_and_counts_the_others(tmp_path: Path) -> None:
    path = written(tmp_path / "many", *(stream(f"s{number}").alerting() for number in range(1012)))

    done = command("timeline", path)

    assert "the file has 1,012 sessions: " in error(done.err)
    assert "and 1,002 more" in error(done.err)


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (("history", "agnet-2"), "agent-2"),
        (("explain", "agnet-2"), "agent-2"),
        (("timeline", "agnet-2"), "agent-2"),
        (("explain", "agent-2", "wrapup.cod"), "wrapup.code"),
        (("explain", "agent-2", "segments.1.endtime"), "segments.0.endTime"),
        (("explain", "agent-2", "stat"), "state"),
    ],
)
def test_a_misspelt_session_or_field_has_a_suggestion(arguments: tuple[str, ...], nearest: str, two: Path) -> None:
    name, *rest = arguments

    done = command(name, two, *rest)

    assert (done.code, done.out) == (2, "")
    assert f"Did you mean '{nearest}'?" in error(done.err)


def test_a_field_without_its_session_asks_for_the_session(two: Path) -> None:
    assert "the file has 2 sessions: s1, agent-2" in error(command("explain", two, "wrapup.code").err)


@pytest.mark.parametrize(
    ("arguments", "order"),
    [
        (("explain", "s1", "two.jsonl"), "the file comes first: two.jsonl s1"),
        (("explain", "s1", "state", "two.jsonl"), "the file comes first: two.jsonl s1 state"),
        (("explain", "s1" * 200, "two.jsonl"), "the file comes first: two.jsonl s1"),
        (("history", "s1", "two.jsonl"), "the file comes first: two.jsonl s1"),
        (("timeline", "s1", "two.jsonl"), "the file comes first: two.jsonl s1"),
        (("explain", "two.jsonl", "state", "s1"), "the session comes before the field: s1 state"),
    ],
)
def test_arguments_in_another_order_are_wrong_usage_that_states_the_order(
    arguments: tuple[str, ...], order: str, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(two.parent)

    done = command(*arguments)

    assert (done.code, done.out) == (2, "")
    assert order in error(done.err)


def test_a_file_may_have_the_name_of_a_session(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(two.parent)
    Path("s1").touch()

    assert command("explain", two, "s1", "state").code == 0
    assert command("explain", "-", "s1", "state", stdin=two.read_bytes()).code == 0


@pytest.mark.parametrize("name", ["explain", "timeline"])
def test_a_file_without_an_event_has_no_session_to_show(name: str) -> None:
    done = command(name, "-")

    assert (done.code, done.out) == (2, "")
    assert "the file has no event that can be read." in error(done.err)


@pytest.mark.parametrize(
    ("field", "nearest"),
    [
        ("wrapup.cod", "'wrapup.code'"),
        ("afterCallWork.start", "'afterCallWork.startTime'"),
        ("startTime", "'segments.0.startTime' or 'afterCallWork.startTime'"),
        ("STARTTIME", "'segments.0.startTime' or 'afterCallWork.startTime'"),
        ("durationSeconds", "'wrapup.durationSeconds'"),
        ("pervider", "'provider'"),
    ],
)
def test_a_misspelt_field_of_the_only_session_has_a_suggestion(field: str, nearest: str, one: Path) -> None:
    assert f"Did you mean {nearest}?" in error(command("explain", one, field).err)


def test_the_beginning_of_a_session_id_has_a_suggestion(tmp_path: Path) -> None:
    path = written(tmp_path / "ids", stream("ae14044d-ec52").alerting(), stream("ae300000-ec52").alerting())

    assert "Did you mean 'ae14044d-ec52'?" in error(command("history", path, "ae14").err)
    assert "Did you mean 'ae14044d-ec52' or 'ae300000-ec52'?" in error(command("explain", path, "ae", "state").err)


# --- As they were known at a time ---------------------------------------------------------------------------------------------


def test_the_sessions_known_at_a_time_are_those_of_the_events_received_by_then() -> None:
    path = EXAMPLES / "events.jsonl"
    with path.open("rb") as file:
        logs = replay(read_events(file, print))
    moments = sorted({copy.received for log in logs for copy in log.copies})

    for moment in moments:
        done = command("replay", path, "--known-at", moment.isoformat())
        expected = [log.as_of(moment) for log in logs if any(copy.received <= moment for copy in log.copies)]
        assert sorted(done.out.splitlines()) == sorted(encode_session(log.session) for log in expected)


def test_an_event_counts_from_the_time_when_it_was_received(tmp_path: Path) -> None:
    path = written(tmp_path / "late", stream("s1").alerting().after(3).connected().after(60).disconnected(received_at=at(600)))

    before = command("history", path, "--known-at", "2026-03-01T09:09:59.999Z")
    then = command("history", path, "--known-at", "2026-03-01T09:10:00Z")

    assert ["disconnected e3" in done.out for done in (before, then)] == [False, True]
    assert command("explain", path, "state", "--known-at", "2026-03-01T09:05:00Z").out.startswith("state is connected.")
    assert "connected" in command("timeline", path, "--known-at", "2026-03-01T09:05:00Z").out


@pytest.mark.parametrize("arguments", [("replay",), ("history",), ("explain", "ben"), ("timeline", "ben"), ("perfetto",)])
def test_every_command_prints_how_many_events_were_received_by_then(arguments: tuple[str, ...]) -> None:
    name, *session = arguments
    line = "27 of 32 events were received by 2026-03-01 09:13:00.000 UTC.\n"

    assert line in command(name, EXAMPLES / "events.jsonl", *session, "--known-at", "2026-03-01T09:13:00Z").err
    assert "received by" not in command(name, EXAMPLES / "events.jsonl", *session).err


def test_what_was_known_at_a_time_is_marked_so() -> None:
    path, asked = EXAMPLES / "events.jsonl", ("--known-at", "2026-03-01T09:13:00Z")
    then = "as known at 2026-03-01 09:13:00.000"

    assert command("history", path, "ben", *asked).out.startswith(f"Session ben, {then}. All times are UTC.\n")
    assert f", {then}. All times are UTC.</text>" in command("timeline", path, "ben", *asked).out
    assert "as known at" not in command("timeline", path, "ben").out


def test_the_sessions_are_advanced_to_the_time_and_no_further(tmp_path: Path) -> None:
    timed = stream("s1").connected(wrapup_prompt="timeout", wrapup_timeout=30).after(10).disconnected()
    path = written(tmp_path / "timed", timed, stream("s2", start=at(3600)).alerting())

    pending, complete = (command("replay", path, "--known-at", f"2026-03-01T09:00:{second}Z").out for second in (39, 40))

    assert ('"state":"pending"' in pending, '"state":"complete"' in complete) == (True, True)


def test_a_clock_that_is_fast_advances_no_other_session(tmp_path: Path) -> None:
    timed = stream("s1").connected(wrapup_prompt="timeout", wrapup_timeout=30).after(10).disconnected()
    fast = stream("s2", start=at(3600)).alerting(received_at=at(15))
    path = written(tmp_path / "fast", timed, fast)

    assert '"state":"pending"' in command("replay", path, "--known-at", "2026-03-01T09:00:20Z").out


def test_a_session_that_was_not_known_yet_says_when_its_first_event_was_received(two: Path) -> None:
    asked = "--known-at", "2026-03-01T09:01:00Z"

    for name in ("explain", "timeline", "history"):
        done = command(name, two, "agent-2", *asked)
        assert done.code == 2
        assert "Its first event was received at 2026-03-01T09:01:40" in error(done.err)
    assert "agent-2" not in command("history", two, *asked).out


def test_before_the_first_event_no_session_was_known(one: Path) -> None:
    asked = "--known-at", "2026-03-01T08:00:00Z"

    assert command("replay", one, *asked).out == ""
    assert "The first event was received at 2026-03-01T09:00:00" in error(command("explain", one, *asked).err)


def test_events_that_do_not_state_when_they_were_received_count_from_their_occurrence_and_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_text(
        '{"specversion":"1.0","id":"e1","source":"/a","type":"cobrowse.session.alerting","subject":"s1","time":"2026-03-01T09:00:00Z"}\n'
    )

    done = command("replay", path, "--known-at", "2026-03-01T09:00:00Z")

    assert '"state":"alerting"' in done.out
    assert "1 event has no receivedtime, so the time of occurrence counts." in done.err


def test_until_and_known_at_exclude_each_other(one: Path) -> None:
    done = command("replay", one, "--until", "end", "--known-at", "2026-03-01T09:00:00Z")

    assert done.code == 2
    assert "found both" in error(done.err)


def test_the_list_of_fields_and_the_answer_for_one_field_agree() -> None:
    listed = command("explain", EXAMPLES / "events.jsonl", "ben").out

    assert "  settings.wrapupPrompt       timeout" in listed.splitlines()
    for field in ("settings.wrapupPrompt", "wrapup.code", "state"):
        (line,) = (line for line in listed.splitlines() if line.split()[0] == field)
        assert command("explain", EXAMPLES / "events.jsonl", "ben", field).out.startswith(f"{field} is {line.split()[1]}.")
