"""Who is alerting, connected or in after-call work at a time: the function, and `replay --by`."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.commands import command
from tests.strategies import at, lifecycles, streams
from tests.test_replay import lines, words

from cobrowse_session import Event, Lifecycle, SessionLog, Settings
from cobrowse_session.cli.activity import Listing
from cobrowse_session.io.replay import replay
from cobrowse_session.stream import Activity, activities, activity, fold
from cobrowse_session.stream.activity import place
from cobrowse_session.testing import Stream, stream
from cobrowse_session.wire import encode_event, restore_log, save_log


def on(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-01T{clock}Z")


def begun(session: str, start: str) -> Stream:
    return stream(session, start=on(start), delay=0.1)


def found(log: SessionLog, moment: datetime | None = None) -> Activity:
    one = activity(log, moment)
    assert one is not None
    return one


ANN = (
    begun("s1", "09:00:00")
    .alerting(user_id="ann", queue_id="sales", purpose="agent", conversation_id="c1", wrapup_prompt="timeout", wrapup_timeout=120)
    .after(10)
    .connected(participant_id="p1", media_type="cobrowse")
    .after(110)
    .disconnected("peer")
    .after(60)
    .wrapup("sale", received_at=on("09:03:30"))
)
"""Alerting at 09:00:00, connected at 09:00:10, ended at 09:02:00, wrapped up at 09:03:00. It was known 30 s later."""
BEN = (
    begun("s2", "09:01:00")
    .alerting(user_id="ben", queue_id="sales", purpose="agent", wrapup_prompt="mandatory")
    .after(30)
    .connected()
    .after(210)
    .disconnected("client")
)
"""Alerting at 09:01:00, connected at 09:01:30, ended at 09:05:00. After-call work has no limit."""
CLEO = begun("s3", "09:01:10").dialing(user_id="cleo", queue_id="support", purpose="user").after(30).connected()
"""Dialing at 09:01:10, connected at 09:01:40."""
CUSTOMER = (
    begun("s4", "09:00:30")
    .connected(queue_id="sales", purpose="customer", conversation_id="c1", wrapup_prompt="none")
    .after(90)
    .disconnected("client")
)
NOBODY = begun("s5", "09:02:30").alerting()
"""Neither its queue nor its user nor its purpose is stated."""
ALL = (ANN, BEN, CLEO, CUSTOMER, NOBODY)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines(*ALL))
    return path


def logs(until: str | None = None) -> tuple[SessionLog, ...]:
    return replay([event for one in ALL for event in one], until=None if until is None else on(until))


def briefly(several: tuple[Activity, ...], clock: str) -> list[Any]:
    return [
        (
            one.context.queue_id or "-",
            one.session,
            one.state,
            round(one.lasted(on(clock)).total_seconds()),
            one.deadline and f"{one.deadline:%H:%M:%S}",
        )
        for one in several
    ]


# --- The function -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("until", [None, "09:01:20", "12:00:00"])
@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("08:59:59.999", []),
        ("09:00:00", [("sales", "s1", "alerting", 0, None)]),
        (
            "09:01:20",
            [
                ("sales", "s2", "alerting", 20, None),
                ("sales", "s1", "connected", 70, None),
                ("sales", "s4", "connected", 50, None),
                ("support", "s3", "dialing", 10, None),
            ],
        ),
        (
            "09:02:40",
            [
                ("sales", "s2", "connected", 70, None),
                ("sales", "s1", "afterCallWork", 40, "09:04:00"),
                ("support", "s3", "connected", 60, None),
                ("-", "s5", "alerting", 10, None),
            ],
        ),
        (
            "09:03:00",
            [
                ("sales", "s2", "connected", 90, None),
                ("support", "s3", "connected", 80, None),
                ("-", "s5", "alerting", 30, None),
            ],
        ),
        (
            "09:06:00",
            [
                ("sales", "s2", "afterCallWork", 60, None),
                ("support", "s3", "connected", 260, None),
                ("-", "s5", "alerting", 210, None),
            ],
        ),
    ],
)
def test_what_goes_on_at_a_time_does_not_depend_on_how_far_the_logs_were_advanced(
    clock: str, expected: list[Any], until: str | None
) -> None:
    assert briefly(activities(logs(until), on(clock)), clock) == expected


def test_a_timer_that_is_due_by_then_has_fired() -> None:
    (log,) = replay(ANN.events[:3])  # no wrap-up

    assert activity(log, on("09:03:59.999")) is not None
    assert activity(log, on("09:04:00")) is None


def test_without_a_time_a_log_counts_as_it_is() -> None:
    log = SessionLog.of(ANN.events[:3])

    assert found(log).deadline == on("09:04:00")
    log.advance(on("09:04:00"))
    assert activity(log) is None
    assert activity(SessionLog(Lifecycle(), "new")) is None


def test_what_was_known_at_a_time_may_be_something_else() -> None:
    (log,) = replay(ANN)

    assert activity(log, on("09:03:15")) is None
    known = found(log.as_of(on("09:03:15")), on("09:03:15"))
    assert (known.state, known.since) == ("afterCallWork", on("09:02:00"))


def test_a_corrected_time_counts_as_it_was_corrected() -> None:
    corrected = evolve(ANN.events[1], occurred_at=on("09:00:20"), sequence="2")

    (log,) = replay([*ANN.events[:2], corrected])

    assert found(log, on("09:00:15")).state == "alerting"


def test_by_user_comes_in_the_order_of_users_and_those_without_one_last() -> None:
    at_end = activities(logs(), on("09:02:40"), by="user")

    assert [one.context.user_id for one in at_end] == ["ann", "ben", "cleo", None]
    with pytest.raises(ValueError, match="by: expected 'queue' or 'user', found 'purpose'"):
        activities(logs(), by="purpose")


def test_the_longest_comes_first_and_after_it_the_id_decides() -> None:
    starts = {"a": "09:00:02", "b": "09:00:01", "c": "09:00:02"}
    every = [SessionLog.of(stream(session, start=on(start)).connected()) for session, start in starts.items()]

    assert [one.session for one in activities(every, on("09:01:00"))] == ["b", "a", "c"]


def test_states_of_an_own_table_come_after_connected_by_name_and_before_after_call_work() -> None:
    states = ["afterCallWork", "held", "connected", "Alpha", "alerting", "offering"]

    assert sorted(states, key=place) == ["offering", "alerting", "connected", "Alpha", "held", "afterCallWork"]


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"purpose": "agent"}, True),
        ({"purpose": "USER"}, True),
        ({"purpose": "customer"}, False),
        ({"purpose": "acd"}, False),
        ({"purpose": "acd", "user_id": "ann"}, True),
        ({"user_id": "ann"}, True),
        ({}, True),
    ],
)
def test_a_leg_is_of_an_agent_unless_its_purpose_is_another_and_it_names_no_user(
    context: dict[str, str], *, expected: bool
) -> None:
    assert found(SessionLog.of(stream().alerting(**context))).is_of_an_agent == expected


def test_after_call_work_that_was_saved_without_a_start_is_left_out() -> None:
    log = SessionLog.of(BEN, until=on("09:10:00"))
    assert log.seal(on("09:09:00"))
    document = save_log(log)
    del document["state"]["afterCallWork"]["startTime"]

    assert activity(restore_log(document)) is None


@given(st.lists(streams(), min_size=1, max_size=3), lifecycles(), st.integers(-1, 20).map(at))
def test_each_session_in_which_something_goes_on_is_in_one_row_or_in_the_count(
    several: list[list[Event]], lifecycle: Lifecycle, moment: datetime
) -> None:
    every = [[evolve(event, subject=f"s{number}") for event in one] for number, one in enumerate(several)]
    replayed = replay([event for one in every for event in one], lifecycle)
    listing = Listing("queue", moment)
    for log in replayed:
        listing.take(log)

    expected = {log.session_id: state for log in replayed if (state := plainly(log, moment, lifecycle))}
    rows = {one.session: one.state for one in listing.found}
    assert len(rows) == len(listing.found)
    assert rows.items() <= expected.items()
    assert len(rows) + listing.others.total() == len(expected)
    assert all(one.since <= moment for one in listing.found)
    assert all(one.deadline is None or one.deadline > moment for one in listing.found)


def plainly(log: SessionLog, moment: datetime, lifecycle: Lifecycle) -> str | None:
    """The state of a session at a moment, from a fold of the events that occurred by then."""
    events = [event for event in log.events if event.occurred_at <= moment]
    if not events:
        return None
    session = fold(events, moment, lifecycle=lifecycle).session
    if session.after_call_work and session.after_call_work.state == "pending":
        return "afterCallWork"
    return None if str(session.state) in ("none", "disconnected", "terminated") else str(session.state)


# --- The command --------------------------------------------------------------------------------------------------------------


def test_by_queue_lists_each_queue_at_a_time(path: Path) -> None:
    done = command("replay", path, "--by", "queue", "--at", "2026-03-01T09:01:20Z")

    assert done.code == 0
    assert done.out.splitlines() == [
        "At 2026-03-01 09:01:20.000 UTC: dialing 1, alerting 1, connected 1.",
        "sales",
        "  alerting   20 s        since 2026-03-01 09:01:00.000  user ben   session s2",
        "  connected  1 min 10 s  since 2026-03-01 09:00:10.000  user ann   session s1  conversation c1",
        "support",
        "  dialing    10 s        since 2026-03-01 09:01:10.000  user cleo  session s3",
        "Not listed: 1 leg of no agent (customer 1).",
    ]
    assert "5 sessions of 1 conversation, 2 queues, 3 users" in words(done.err)


def test_by_user_lists_each_user_and_the_time_that_is_left(path: Path) -> None:
    done = command("replay", path, "--by", "user", "--at", "2026-03-01T09:02:40Z")

    left = "until 2026-03-01 09:04:00.000, 1 min 20 s left"
    assert done.out.splitlines() == [
        "At 2026-03-01 09:02:40.000 UTC: alerting 1, connected 2, after-call work 1.",
        "ann",
        f"  after-call work  40 s        since 2026-03-01 09:02:00.000  queue sales    session s1  conversation c1  {left}",
        "ben",
        "  connected        1 min 10 s  since 2026-03-01 09:01:30.000  queue sales    session s2",
        "cleo",
        "  connected        1 min 0 s   since 2026-03-01 09:01:40.000  queue support  session s3",
        "(no user)",
        "  alerting         10 s        since 2026-03-01 09:02:30.000  (no queue)     session s5",
    ]


def test_json_has_one_object_a_row_and_what_is_not_listed_goes_to_standard_error(path: Path) -> None:
    done = command("replay", path, "--by", "queue", "--at", "2026-03-01T09:01:20Z", "--json")

    _, ann, _ = map(json.loads, done.out.splitlines())
    assert ann == {
        "at": "2026-03-01T09:01:20.000Z",
        "queue": "sales",
        "user": "ann",
        "state": "connected",
        "since": "2026-03-01T09:00:10.000Z",
        "forMs": 70_000,
        "deadline": None,
        "leftMs": None,
        "session": "s1",
        "conversation": "c1",
        "participant": "p1",
        "purpose": "agent",
        "media": "cobrowse",
    }
    assert "Not listed: 1 leg of no agent (customer 1)." in done.err
    done = command("replay", path, "--by", "queue", "--at", "2026-03-01T09:02:40Z", "--json")
    ann = json.loads(done.out.splitlines()[1])
    assert (ann["state"], ann["deadline"], ann["leftMs"]) == ("afterCallWork", "2026-03-01T09:04:00.000Z", 80_000)
    assert "Not listed" not in done.err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["09:05:00", ("s2", 0), ("s3", 200), ("s5", 150)]),
        (["--until", "2026-03-01T09:06:00Z"], ["09:06:00", ("s2", 60), ("s3", 260), ("s5", 210)]),
        (["--at", "2026-03-01T09:06:00Z"], ["09:06:00", ("s2", 60), ("s3", 260), ("s5", 210)]),
        (["--known-at", "2026-03-01T09:03:15Z"], ["09:03:15", ("s2", 105), ("s1", 75), ("s3", 95), ("s5", 45)]),
        (
            ["--known-at", "2026-03-01T09:03:15Z", "--at", "2026-03-01T09:02:10Z"],
            ["09:02:10", ("s2", 40), ("s1", 10), ("s3", 30)],
        ),
    ],
)
def test_the_time_of_the_list(path: Path, options: list[str], expected: list[Any]) -> None:
    rows = [json.loads(line) for line in command("replay", path, "--by", "queue", "--json", *options).out.splitlines()]

    assert [(row["session"], row["forMs"] // 1000) for row in rows] == expected[1:]
    assert {row["at"] for row in rows} == {f"2026-03-01T{expected[0]}.000Z"}


def test_a_later_edition_corrects_the_queue_and_known_at_shows_the_one_before(tmp_path: Path) -> None:  # COPY-2, CONTEXT-3
    (alerting,) = begun("s1", "09:00:00").alerting(queue_id="sales", user_id="ann")
    edition = evolve(
        alerting, sequence="2", received_at=on("09:04:00"), context=evolve(alerting.context, queue_id="support", user_id=None)
    )
    path = tmp_path / "events.jsonl"
    path.write_text("".join(encode_event(event) + "\n" for event in (alerting, edition)))
    options = ("--by", "queue", "--json", "--at", "2026-03-01T09:02:00Z")

    for more, queue in (([], "support"), (["--known-at", "2026-03-01T09:02:00Z"], "sales")):
        (row,) = [json.loads(line) for line in command("replay", path, *options, *more).out.splitlines()]
        assert (row["queue"], row["user"], row["state"], row["forMs"]) == (queue, "ann", "alerting", 120_000)


def test_sessions_that_were_sealed_on_the_way_are_in_the_list(tmp_path: Path) -> None:
    """After-call work without a limit may be sealed while it is pending (SEAL-2)."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines(BEN, *(stream(f"t{n}", start=on(f"1{n}:00:00")).alerting(user_id="dan") for n in range(5))))
    options = ("--by", "user", "--json", "--at")
    for clock in ("09:04:00", "14:00:00"):
        kept, sealed = (
            command("replay", path, *options, f"2026-03-01T{clock}Z", *more).out for more in ([], ["--seal-after", "60"])
        )
        assert '"session":"s2"' in sealed
        assert sealed == kept


def test_the_list_takes_the_place_of_the_sessions_and_the_trace_is_written_as_before(path: Path, tmp_path: Path) -> None:
    listed, trace, plain = tmp_path / "list", tmp_path / "trace", tmp_path / "plain"
    command("replay", path, "--trace", plain)

    done = command("replay", path, "--by", "queue", "-o", listed, "--trace", trace)

    assert (done.code, done.out) == (0, "")
    assert listed.read_text(encoding="utf-8").startswith("At 2026-03-01 09:05:00.000 UTC: ")
    assert trace.read_bytes() == plain.read_bytes()


def test_a_list_of_nobody_says_so_and_no_event_gives_no_list(tmp_path: Path, path: Path) -> None:
    done = command("replay", path, "--by", "queue", "--at", "2026-03-01T08:00:00Z")
    assert done.out == "At 2026-03-01 08:00:00.000 UTC: no leg of an agent goes on.\n"
    (tmp_path / "empty").touch()
    done = command("replay", tmp_path / "empty", "--by", "queue")
    assert (done.code, done.out) == (0, "")


def test_ids_are_safe_to_print(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(lines(stream("s\x1b[31m").alerting(queue_id="q\nforged", user_id="a\u202eb")))

    out = command("replay", path, "--by", "queue").out

    assert out.splitlines()[1] == "q\\nforged"
    assert "\x1b" not in out
    assert "\u202e" not in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--by", "queues"], "expected one of queue, user, found 'queues'. Did you mean 'queue'?"),
        (["--at", "2026-03-01T09:00:00Z"], "expected it with --by queue or --by user only"),
        (["--json"], "expected it with --by queue or --by user only"),
        (["--by", "user", "--until", "end"], "expected a time of the list, found --until end. Give --at TIME"),
        (
            ["--by", "user", "--until", "2026-03-01T09:00:00Z", "--at", "2026-03-01T09:00:00Z"],
            "expected one of --until and --at, found both",
        ),
        (["--by", "user", "--at", "noon"], "found 'noon'"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(path: Path, options: list[str], message: str) -> None:
    done = command("replay", path, *options)

    assert (done.code, done.out) == (2, "")
    assert message in words(done.err.replace("│", " "))


# --- Whose leg it is ----------------------------------------------------------------------------------------------------------


def test_history_and_explain_name_the_agent_and_the_queue_of_a_leg(path: Path) -> None:
    assert command("history", path, "s1").out.startswith("Session s1 (agent ann, queue sales). All times are UTC.\n")
    assert command("history", path, "s4").out.startswith("Session s4 (customer, queue sales). All times are UTC.\n")
    assert command("explain", path, "s3").out.startswith("Session s3 (user cleo, queue support). Name one ")
    assert "s1 (agent ann, queue sales), s4 (customer, queue sales), " in words(command("explain", path).err.replace("│", " "))


def test_a_leg_whose_purpose_is_not_known_has_a_user(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(lines(stream("s1").alerting(user_id="ann")))

    assert command("history", path).out.startswith("Session s1 (user ann). All times are UTC.\n")


# --- The rules of the log -----------------------------------------------------------------------------------------------------


def test_at_a_time_the_rules_of_the_log_count() -> None:
    ended = begun("s1", "09:00:00").connected().after(60).disconnected("peer")
    log = SessionLog.of(ended, Lifecycle(settings=Settings(wrapup_prompt="mandatory")))

    assert found(log, on("09:02:00")).state == "afterCallWork"


def test_in_a_log_without_events_nothing_goes_on() -> None:
    log = SessionLog(Lifecycle(), "s1")
    log.advance(on("09:00:00"))

    assert (activity(log), activity(log, on("09:00:00"))) == (None, None)
