"""Captured payloads, beside the events, sessions and trace that they amount to, as files; and what the platform itself recorded.

`python -m tests.test_corpus` writes the generated ones anew: read the difference before you keep it.
"""

import json
from collections.abc import Iterator
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.commands import Result, command

CORPUS = Path(__file__).parent / "corpus"
EXAMPLES = Path(__file__).parents[1] / "examples" / "captures"
LEGS = {  # how many legs each capture shows
    "channel_metadata_heartbeat": 0,
    "community_user_end_event": 1,
    "conversation_four_alert_timeouts": 7,
    "eventbridge_envelope_example": 0,
    "notification_agent_disconnected": 5,
}
RECEIVED = "2026-10-08T15:00:00Z"
"""When the payloads of a folder whose name ends with `_received` were received."""
FOLDERS = sorted(path.name for path in CORPUS.iterdir())
SINGLE = {"community_user_end_event"}  # one event, not a record of the leg
REJECTED = {"g2_embeddable_framework_interaction"}  # it names no communication


def beside(case: str, *arguments: str) -> Result:
    """Run a command in the folder of a capture."""
    with chdir(CORPUS / case):
        return command(*arguments)


def payload_of(case: str) -> Path:
    (payload,) = (CORPUS / case).glob("payload.*")
    return payload


def generated(case: str, folder: Path) -> dict[str, bytes]:
    """What the command makes of a capture now, by file name."""
    events, sessions, trace = (folder / name for name in ("events.jsonl", "sessions.jsonl", "trace.jsonl"))
    received = ["--received", RECEIVED] if case.endswith("_received") else []
    converted = beside(case, "convert", payload_of(case).name, *received, "-o", str(events))
    replayed = beside(case, "replay", str(events), "-o", str(sessions), "--trace", str(trace))
    assert (converted.code, replayed.code) == (int(case in REJECTED), 0), converted.err + replayed.err
    made = {path.name: path.read_bytes() for path in (events, sessions, trace)}
    told = converted.err
    return made | ({"convert.txt": told.encode()} if told.count("\n") > 1 else {})


@pytest.mark.parametrize("case", FOLDERS)
def test_a_capture_gives_the_same_bytes_as_ever(case: str, tmp_path: Path) -> None:
    kept = {path.name: path.read_bytes() for path in (CORPUS / case).iterdir() if path != payload_of(case)}

    assert generated(case, tmp_path) == kept


def test_what_states_nothing_of_a_leg_is_counted_by_kind() -> None:  # SKIP-2
    done = beside("g3_conversationsummary_and_friends", "convert", "payload.jsonl", "-o", "-")

    assert (done.code, done.out) == (0, "")
    assert "8 skipped" in done.err
    assert "1 routing status" in done.err


def test_a_folder_of_what_was_received_has_the_payload_of_the_other_one() -> None:
    received = [name for name in FOLDERS if name.endswith("_received")]

    assert len(received) == 2
    assert all(payload_of(name).read_bytes() == payload_of(name.removesuffix("_received")).read_bytes() for name in received)


@pytest.mark.parametrize("case", ["conversation_four_alert_timeouts", "notification_agent_disconnected"])
def test_the_examples_are_the_captures(case: str) -> None:
    assert (EXAMPLES / f"{case}.json").read_bytes() == (CORPUS / case / "payload.json").read_bytes()


# --- As the platform itself recorded it ---------------------------------------------------------------------------------------

SHOWN = "state", "initialState", "disconnectType", "connectedTime", "disconnectedTime", "afterCallWork", "wrapup"


def written(milliseconds: int) -> str:
    """A time in milliseconds since 1970, as the session JSON has it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def recorded(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The legs of a capture, read without the library: what it shows of each, under the session's names."""
    if "eventTime" in payload:
        lasted = payload.get("interactingDurationMs", 0) + payload.get("heldDurationMs", 0)
        yield {
            "id": payload["sessionId"],
            "state": "disconnected",
            "disconnectType": payload["disconnectType"].lower(),
            "connectedTime": written(payload["eventTime"] - lasted),  # END-3
            "disconnectedTime": written(payload["eventTime"]),
        }
    for participant in payload.get("eventBody", payload).get("participants", ()):
        for media in participant.values():
            for leg in media if isinstance(media, list) else ():
                shared = {"wrapup": participant["wrapup"]} if "wrapup" in participant and "connectedTime" in leg else {}
                yield shared | leg


CAPTURED = [
    pytest.param(case, leg, id=f"{case}-{leg['id'][:8]}")
    for case in LEGS
    for leg in recorded(json.loads((CORPUS / case / "payload.json").read_bytes()))
]


def session(case: str, name: str) -> dict[str, Any]:
    written = (json.loads(line) for line in (CORPUS / case / "sessions.jsonl").read_text(encoding="utf-8").splitlines())
    (ours,) = (one for one in written if one["id"] == name)
    return dict(ours)


def test_every_leg_of_every_capture_is_read() -> None:  # CONN-14
    assert {case: sum(one.values[0] == case for one in CAPTURED) for case in LEGS} == LEGS
    assert {case: len((CORPUS / case / "sessions.jsonl").read_bytes().splitlines()) for case in LEGS} == LEGS


@pytest.mark.parametrize(("case", "leg"), CAPTURED)
def test_a_captured_leg_comes_out_as_the_platform_recorded_it(case: str, leg: dict[str, Any]) -> None:  # JSON-11
    ours = session(case, leg["id"])

    unsaid = {"initialState": ours["initialState"]} if "initialState" not in leg else {}
    assert {name: ours.get(name) for name in SHOWN} == {name: leg.get(name) for name in SHOWN} | unsaid
    if "startAlertingTime" in leg:  # no notification shows it
        assert ours["startAlertingTime"] == leg["startAlertingTime"]


@pytest.mark.parametrize(("case", "leg"), CAPTURED)
def test_a_captured_leg_has_the_platforms_closed_segments(case: str, leg: dict[str, Any]) -> None:
    ours = session(case, leg["id"]).get("segments", [])
    theirs = leg.get("segments", [])
    closed = [segment for segment in theirs if "endTime" in segment]

    assert ours[: len(closed)] == closed
    # An open one lags behind the leg, and says Disconnect before its time.
    begun = [(segment["startTime"], segment["type"]) for segment in theirs]
    assert [(segment["startTime"], segment["type"]) for segment in ours][: len(begun)] == begun


@pytest.mark.parametrize("case", FOLDERS)
def test_reconcile_finds_no_difference(case: str) -> None:  # LOST-4
    done = beside(case, "reconcile", "events.jsonl", payload_of(case).name)

    assert (done.code, done.out) == (int(case in REJECTED), "")
    (compared,) = [line for line in done.err.splitlines() if " compared" in line and line[0].isdigit()]
    assert not any(word in compared for word in ("different", "missing"))
    if case in LEGS:
        legs = LEGS[case] if case not in SINGLE else 0  # LOST-5
        assert compared.startswith(f"{legs} leg{'' if legs == 1 else 's'}, ")
        assert ("equal" in compared, "within" in compared) == (legs > 0, False)


def test_what_no_segment_and_no_stamp_tells_is_not_made_up() -> None:
    ours = session("notification_agent_disconnected", "93bf33a1-6b99-5c23-ff88-7bbcb44193d2")  # declined, first seen ended

    assert ours.keys() == {
        *("state", "initialState", "id", "disconnectType", "providerEventTime", "disconnectedTime", "provider", "peerId"),
        "afterCallWorkRequired",  # CARRY-4: false is a statement
    }


def test_a_live_alert_whose_segments_lag_behind_begins_with_its_participant() -> None:
    ours = session("conversation_four_alert_timeouts", "35efe78d-4e47-73d0-d71b-11dd7e808a39")

    assert ours["segments"] == [{"startTime": "2022-07-04T12:11:35.376Z", "type": "Alert"}]
    assert ours["startAlertingTime"] == "2022-07-04T12:11:35.412Z"


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    for capture in FOLDERS:
        with TemporaryDirectory() as temporary:
            made = generated(capture, Path(temporary))
        for old in {*(CORPUS / capture).iterdir()} - {payload_of(capture)}:
            old.unlink()
        for file_name, content in made.items():
            (CORPUS / capture / file_name).write_bytes(content)
