"""Small inputs from public captures and bug reports, and the sessions that follow, written by hand from what they show.

The inputs are in `tests/corpus`. A case is named by the beginning of its folder: `a1` is `a1_analytics_…`.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations
from random import Random
from typing import Any

import pytest
from tests.commands import command
from tests.test_corpus import CORPUS

from cobrowse_session import DecodeError, SessionLog
from cobrowse_session.events import Event
from cobrowse_session.io.replay import replay
from cobrowse_session.sources import Converted, convert
from cobrowse_session.sources.join import Joiner
from cobrowse_session.sources.reconcile import reconcile
from cobrowse_session.wire import encode_session

Json = dict[str, Any]  # `Any`: JSON
RECEIVED = datetime(2026, 10, 8, 15, tzinfo=UTC)


def payloads(case: str) -> list[Json]:
    """The payloads of a case, in the order of its file. An array counts as many."""
    (file,) = (path for path in CORPUS.glob(f"{case}_*/payload.*") if not path.parent.name.endswith("_received"))
    text = file.read_text(encoding="utf-8")
    read = json.loads(text) if file.suffix == ".json" else [json.loads(line) for line in text.splitlines()]
    return read if isinstance(read, list) else [read]


def logs_of(events: Iterable[Event]) -> dict[str, SessionLog]:
    return {str(log.session.id): log for log in replay(events)}


def written(logs: dict[str, SessionLog]) -> dict[str, tuple[Json, str]]:
    """Each session in full, with its settings."""
    return {leg: (json.loads(encode_session(log.session)), str(log.session.settings)) for leg, log in logs.items()}


# --- What is right ------------------------------------------------------------------------------------------------------------

STAMPS = {"Alert": "alerting", "Interact": "connected", "Disconnect": "ended"}
"""What in the segments of a session has a stamp of the same time."""


def leg(state: str, segments: str = "", **more: str | list[str]) -> Json:
    """A session: state and disconnect type; segments with their starts, and the end as `Disconnect`; what has no segment."""
    words = segments.split()
    stamps = {STAMPS[kind]: time for kind, time in zip(words[::2], words[1::2], strict=True) if kind in STAMPS}
    return {"state": state, "segments": segments} | stamps | more


WORKING = leg("disconnected peer", "Interact 14:00:00.000 Disconnect 14:01:40.000", work="pending 14:01:40.000")
WORKED = leg("terminated peer", "Interact 14:00:00.000 Disconnect 14:01:40.000", work="complete 14:01:40.000 14:02:40.000")
RIGHT: dict[str, dict[str, Json]] = {
    "a1": {
        "cust-1": leg("disconnected peer", "Interact 18:02:13.031 Disconnect 20:16:53.205"),
        "agent-1": leg(
            "disconnected transfer",
            "Alert 18:02:13.665 Interact 18:02:16.572 Disconnect 18:02:37.616",
            work="complete 18:02:37.616 18:02:39.471",
        ),
        "agent-2": leg(
            "disconnected transfer", "Interact 18:02:39.645 Disconnect 18:02:50.442", work="complete 18:02:50.442 18:02:52.617"
        ),
        "agent-6": leg(
            "disconnected client", "Interact 18:05:10.032 Disconnect 20:16:53.190", work="complete 20:16:53.190 20:16:54.144"
        ),
    },
    "a3": {
        "agent": leg(
            "disconnected peer",
            "Alert 12:01:00.000 Interact 12:01:03.000 Disconnect 12:05:33.000",
            work="complete 12:05:33.000 12:05:43.000",
            wrapup="w-balance 12:05:43.000",
        )
    },
    "a4": {
        "cust": leg("connected", "Interact 08:29:54.515"),
        "ivr": leg("terminated transfer", "Interact 08:29:54.491 Disconnect 08:29:58.242"),
        "acd": leg("terminated transfer", "Interact 08:29:58.411 Disconnect 08:30:01.479"),
        "agent": leg("connected", "Interact 08:30:01.437"),
    },
    "a8": {"call-agent": WORKED},
    "a8b": {"call-agent": WORKED},
    "a8c": {},
    "b1": {"call-agent": WORKING},
    "b2": {"agent": WORKING},
    "c1": {
        "agent": leg(
            "disconnected",
            "Interact 09:01:15.000 Disconnect 09:11:42.000",
            work="complete 09:11:42.000 09:14:27.000",
            wrapup="w-1 09:14:27.000",
        )
    },
    "c2": {},
    "d1": {
        "cust": leg("disconnected endpoint", "Interact 22:13:20.000 Disconnect 22:14:24.010"),
        "acd": leg("disconnected transfer", ended="22:13:24.000"),
        "agent": leg(
            "disconnected peer",
            "Alert 22:13:21.000 Interact 22:13:24.000 Disconnect 22:14:24.000",
            work="complete 22:14:24.000 22:14:34.000",
            wrapup="w-1 22:14:34.000",
        ),
    },
    "e1": {
        "ext": leg("connected", "Interact 10:00:00.000"),
        "acd": leg("connected", "Interact 10:00:00.100"),
        "agent": leg("alerting", "Alert 10:00:02.000", required="true"),
    },
    "f1": {"call-1": leg("connected", "Alert 10:00:00.020 Interact 10:00:03.000")},
    "g1": {},
    "g3": {},
    "h1": {"agent": leg("terminated peer", "Interact 20:18:55.941 Disconnect 20:20:00.000", work="pending 20:20:00.000")},
    "h3": {"agent": leg("disconnected transfer", "Interact 20:18:55.941 Disconnect 20:20:00.000", work="pending 20:20:00.000")},
    "i3": {"call-a": leg("disconnected peer", "Alert 09:00:00.000 Disconnect 09:00:02.000")},
    "k1": {
        "out-1": leg(
            "disconnected peer",
            "Dialing 07:00:24.484 Interact 07:00:48.557 Disconnect 07:00:54.474",
            work="complete 07:00:54.474 07:00:54.474",
            wrapup="ININ-OUTBOUND-AMBIGUOUS 07:00:54.474",
        )
    },
    "m1": {
        "cb-1": leg(
            "disconnected peer",
            "Alert 09:00:00.000 Interact 09:00:04.100 Disconnect 09:10:04.000",
            work="pending 09:10:04.000",
            controlling=[],
        )
    },
    "m2": {"cb-1": leg("connected", "Interact 09:00:04.100", controlling=["cb-0"])},
    "m3": {"cb-1": leg("alerting", "Alert 09:00:00.000")},
    "o1": {
        "cb": leg(
            "disconnected client",
            "Alert 09:00:00.020 Interact 09:00:05.000 Disconnect 09:12:00.000",
            work="complete 09:12:00.000 09:12:20.500",
            wrapup="w-1 09:12:20.500",
        ),
        "call": leg(
            "terminated peer", "Contacting 09:00:30.000 Dialing 09:00:40.000 Interact 09:01:00.000 Disconnect 09:11:30.000"
        ),
    },
    "p1": {
        "acd": leg("disconnected transfer", "Interact 08:45:41.212 Disconnect 08:50:41.400"),
        "cust": leg("disconnected endpoint", "Dialing 08:50:41.408 Interact 08:55:49.728 Disconnect 08:59:40.000"),
        "agent": leg(
            "disconnected peer",
            "Alert 08:56:25.000 Interact 08:56:31.000 Disconnect 08:59:40.010",
            work="complete 08:59:40.010 08:59:40.010",
        ),
    },
    "r1": {
        "cust": leg("disconnected peer", "Interact 18:40:17.990 Disconnect 18:40:48.750"),
        "ivr": leg("terminated transfer", "Interact 18:40:17.825 Disconnect 18:40:26.809"),
        "acd": leg("terminated transfer", "Interact 18:40:26.917 Disconnect 18:40:28.462"),
        "agent": leg("connected", "Interact 18:40:28.462"),
    },
    "t1": {
        "call-agent": leg("terminated transfer", "Interact 23:48:10.000 Disconnect 23:49:00.000", work="pending 23:49:00.000")
    },
    "u1": {"call-1": leg("disconnected peer", "Interact 10:00:03.000 Disconnect 10:05:00.000", work="pending 10:05:00.000")},
    "x1": {},
    "z1": {
        "p-cust": leg("disconnected endpoint", ended="10:00:20.000"),
        "p-agent": leg("disconnected peer", ended="10:00:20.010"),
    },
}
RIGHT_IF_RECEIVED: dict[str, dict[str, Json]] = {
    "a8c": {"call-cust": leg("connected", "Interact 15:00:00.000"), "call-agent": leg("terminated", ended="15:00:00.000")},
    "x1": {"chat-c": leg("connected", "Interact 15:00:00.000"), "chat-a": leg("alerting", "Alert 15:00:00.000")},
}
WARNINGS: dict[str, list[tuple[str, str]]] = {
    "a1": [("gap", "$[0].participants[1].sessions[2].segments[3]")],
    "a3": [("no_fact", "$[0].participants[0].sessions[0]"), ("no_fact", "$[0].participants[1].sessions[0]")],
    "a4": [("unused_time", "$[0].entities[0].participants[3].startTime")],
    "a8": [("no_time", "$[0].eventBody.participants[0].calls[0].state")],
    "a8b": [("no_time", "$[0].eventBody.participants[0].calls[0].state")],
    "a8c": [
        ("no_time", "$[0].eventBody.participants[0].calls[0].state"),
        ("no_time", "$[0].eventBody.participants[1].calls[0].disconnectedTime"),
    ],
    "c2": [
        ("missing", "$[0].participants[0].sessions[0].id"),
        ("unplaced_segment", "$[0].participants[1].sessions[0].segments"),
    ],
    "p1": [("gap", "$[0].participants[1].sessions[0].segments")],
    "x1": [
        ("no_time", "$[0].entities[0].participants[0].chats[0].state"),
        ("no_time", "$[0].entities[0].participants[1].chats[0].state"),
    ],
}
SKIPPED = {
    "g1": ("transcription",),
    "g3": (
        *("conversation summary", "routing status", "presence", "heartbeat", "pong", "socket closing"),
        *("flow event", "attributes"),
    ),
}
SEVERAL = [case for case in RIGHT if len(payloads(case)) > 1]
BY_PLACE = {"h1", "h3"}
"""The cases whose payloads correct each other and have no time: only their place shows the order."""


def clock(time: str) -> str:
    return time[11:-1]


def shown(log: SessionLog) -> Json:
    """What the table has of a session."""
    session = json.loads(encode_session(log.session))
    segments = session.get("segments", [])
    parts = [f"{one['type']} {clock(one['startTime'])}" for one in segments]
    assert all(one.get("endTime") == after["startTime"] for one, after in pairwise(segments))
    if segments and "endTime" in segments[-1]:
        parts.append(f"{segments[-1]['howEnded']} {clock(segments[-1]['endTime'])}")
    work, wrapup = session.get("afterCallWork", {}), session.get("wrapup", {})
    found = {
        "alerting": clock(session.get("startAlertingTime", "")),
        "connected": clock(session.get("connectedTime", "")),
        "ended": clock(session.get("disconnectedTime", "")),
        "work": " ".join([work.get("state", ""), *(clock(work[key]) for key in ("startTime", "endTime") if key in work)]),
        "wrapup": " ".join([wrapup.get("code", ""), clock(wrapup.get("endTime", ""))]).strip(),
        "controlling": session.get("controlling"),
        "required": str(session.get("afterCallWorkRequired") or "").lower(),
    }
    state = f"{session['state']} {session.get('disconnectType', '')}".strip()
    return {"state": state, "segments": " ".join(parts)} | {key: value for key, value in found.items() if value not in ("", None)}


def problems(converted: Converted) -> list[tuple[str, str]]:
    return [(problem.error, problem.path) for problem in converted.warnings]


@pytest.mark.parametrize("case", RIGHT)
def test_a_case_gives_the_right_sessions(case: str) -> None:
    converted = convert(payloads(case))

    assert {name: shown(log) for name, log in logs_of(converted.events).items()} == RIGHT[case]


@pytest.mark.parametrize("case", RIGHT)
def test_a_case_gives_the_right_warnings(case: str) -> None:  # LOST-1
    converted = convert(payloads(case))

    assert problems(converted) == WARNINGS.get(case, [])
    assert converted.skipped == SKIPPED.get(case, ())  # SKIP-1


@pytest.mark.parametrize("case", RIGHT_IF_RECEIVED)
def test_a_leg_without_any_time_is_as_it_was_seen_when_it_was_received(case: str) -> None:  # WHEN-1, WHEN-4, END-4
    converted = convert(payloads(case), received_at=RECEIVED)

    assert {name: shown(log) for name, log in logs_of(converted.events).items()} == RIGHT_IF_RECEIVED[case]
    assert converted.warnings == ()
    states = [event for event in converted.events if event.kind != "updated"]
    assert {(event.occurred_at, event.derived_from, event.sequence) for event in states} == {
        (RECEIVED, "the time at which it was received", None)  # WHEN-2, EDITION-6
    }


def test_what_names_no_communication_is_rejected_with_the_reason() -> None:  # SKIP-3
    with pytest.raises(DecodeError, match="Embeddable Framework") as raised:
        convert(payloads("g2"))

    (problem,) = raised.value.problems
    assert (problem.error, problem.path) == ("not_recognised", "$[0]")


# --- In every order, and doubled ----------------------------------------------------------------------------------------------


def orders(case: str) -> list[list[int]]:
    """All orders of a case's payloads, or 20 random ones."""
    places = list(range(len(payloads(case))))
    if len(places) <= 4:
        return [list(order) for order in permutations(places)]
    random = Random(case)
    return [random.sample(places, len(places)) for _ in range(20)]


def converted_in(case: str, order: Sequence[int]) -> dict[str, tuple[Json, str]]:
    """The sessions of payloads in another order. Where only the place shows the order, each keeps its own."""
    read = payloads(case)
    if case in BY_PLACE:
        events = [event for place in order for event in convert(read[place], place=place).events]
    else:
        events = [*convert([read[place] for place in order]).events]
    return written(logs_of(events))


@pytest.mark.parametrize("case", SEVERAL)
def test_the_order_of_the_payloads_makes_no_difference(case: str) -> None:  # FACT-1, EDITION-5, CARRY-2
    right = converted_in(case, range(len(payloads(case))))

    for order in orders(case):
        assert converted_in(case, order) == right, order


@pytest.mark.parametrize("case", SEVERAL)
def test_payloads_that_come_twice_change_nothing(case: str) -> None:  # FACT-1, FACT-2
    places = list(range(len(payloads(case))))
    right = converted_in(case, places)

    for twice in ([*places, *places], [place for place in places for _ in range(2)]):
        assert converted_in(case, twice) == right


def test_the_place_shows_which_payload_corrects_which() -> None:  # EDITION-1, END-5
    first, *_, last = payloads("h3")
    before = payloads("h3")[1]

    for order in ([first, before, last], [first, last, before]):
        (log,) = logs_of(convert(order).events).values()
        assert log.session.disconnect_type == order[-1]["eventBody"]["participants"][0]["disconnectType"]


@pytest.mark.parametrize("prompt", ["optional", "mandatory", "timeout", "forcedTimeout", "agentRequested"])
def test_the_prompt_of_one_snapshot_counts_in_both_orders(prompt: str) -> None:  # PROMPT-3, PROMPT-5
    named, unnamed = payloads("u1")
    named["eventBody"]["participants"][0]["wrapupPrompt"] = prompt

    (alone,) = written(logs_of(convert(named).events)).values()
    for order in ([named, unnamed], [unnamed, named]):
        (log,) = logs_of(convert(order).events).values()
        assert log.session.settings.wrapup_prompt == prompt
        assert written({"": log})[""] == alone


# --- What single cases show ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["b1", "b2"])
def test_work_that_is_pending_without_a_prompt_has_no_deadline(case: str) -> None:  # PROMPT-4, WORK-1
    (log,) = logs_of(convert(payloads(case)).events).values()

    assert log.session.settings.wrapup_prompt is None
    assert log.deadline is None


def test_a_grant_counts_while_connected() -> None:  # FACT-7
    (log,) = logs_of(convert(payloads("m1")[:2]).events).values()

    assert (shown(log)["state"], shown(log)["controlling"]) == ("connected", ["cb-0"])


@pytest.mark.parametrize(
    ("case", "fact", "time", "origin"),
    [
        ("d1", "agent/connected", "22:13:24.000", "interactingDurationMs"),  # END-3
        ("m1", "cb-1/alerting", "09:00:00.000", "providerEventTime"),  # WHEN-1
        ("m2", "cb-1/controlling/2026-03-01T09:00:04.100Z", "09:00:04.100", "connectedTime"),  # SKEW-1, SKEW-2
        ("m3", "cb-1/alerting", "09:00:00.000", "envelope"),  # WHEN-2
    ],
)
def test_a_derived_time_names_its_origin(case: str, fact: str, time: str, origin: str) -> None:
    found = [event for event in convert(payloads(case)).events if event.id == fact]

    assert {event.occurred_at.strftime("%H:%M:%S.%f")[:-3] for event in found} == {time}
    assert all(origin in (event.derived_from or "") for event in found)


def test_one_leg_of_two_topics_is_joined_where_a_payload_names_both_ids() -> None:  # JOIN-1, JOIN-2
    conversation, flat = payloads("f1")

    assert {event.subject for event in convert(flat).events} == {"participant-1"}
    assert {event.subject for event in convert([conversation, flat]).events} == {"call-1"}


def test_a_leg_that_came_under_its_other_id_before_is_a_warning_with_both() -> None:  # JOIN-3
    conversation, flat = payloads("f1")
    joiner = Joiner()

    joiner.join(convert(flat))
    (warning,) = joiner.join(convert(conversation)).warnings
    assert all(name in warning.found for name in ("call-1", "participant-1"))


def test_after_call_work_of_analytics_is_as_long_as_the_platforms_metric() -> None:
    sessions = [one for participant in payloads("a1")[0]["participants"] for one in participant["sessions"]]
    measured = {
        one["sessionId"]: metric["value"] for one in sessions for metric in one.get("metrics", ()) if metric["name"] == "tAcw"
    }
    work = {leg: log.session.after_call_work for leg, log in logs_of(convert(payloads("a1")).events).items()}

    assert measured == {
        leg: (one.end_time - one.start_time) / timedelta(milliseconds=1)
        for leg, one in work.items()
        if one and one.start_time and one.end_time
    }


def test_the_history_has_no_sentence_about_a_prompt_that_nobody_stated() -> None:
    (events,) = CORPUS.glob("a1_*/events.jsonl")

    agents = [text for text in command("history", events).out.split("\n\n") if text.startswith("Session agent-")]
    assert len(agents) == 3
    assert not any("prompt" in line for text in agents for line in text.splitlines())


def test_the_warning_of_a_gap_has_its_times() -> None:
    (warning,) = convert(payloads("p1")).warnings

    assert all(time in warning.found for time in ("08:51:11.400", "08:55:41.408"))


def test_stamps_that_are_not_used_are_warnings() -> None:  # LOST-3
    (warning,) = convert(payloads("a4")).warnings

    assert (warning.path, "2.711 s" in warning.found) == ("$[0].entities[0].participants[3].startTime", True)


# --- Beside the platform's own record -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", RIGHT)
def test_reconcile_is_clean(case: str) -> None:  # LOST-4
    converted = convert(payloads(case))

    reconciled = reconcile([log.session for log in logs_of(converted.events).values()], converted.legs)
    assert [str(one) for one in reconciled.differences] == []
    assert reconciled.legs == (0 if case in {"d1", "e1"} else len(RIGHT[case]))  # LOST-5: single events
