"""A log that is saved and restored shows the same, and names what today's rules read differently (JSON-10)."""

import ast
import copy
import json
import pickle
import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from examples.tables import hold, parked, pause
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import at, lifecycles, streams
from tests.test_clock import mutations

from cobrowse_session import DecodeError, Event, FormatVersionError, Lifecycle, SessionLog, Settings, UnknownPrompt
from cobrowse_session.lifecycle.actions import set_disconnect_type
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.stream import Restored, explain, history
from cobrowse_session.tables import also
from cobrowse_session.testing import START, Stream, stream
from cobrowse_session.wire import digest as digest_module
from cobrowse_session.wire import encode_session, restore_log, save_log, trace_entries
from cobrowse_session.wire.digest import TableDigest, table_digest
from cobrowse_session.wire.trace import trace_entry

TIMED = Lifecycle(settings=Settings(wrapup_prompt="timeout", wrapup_timeout=timedelta(seconds=30)), alerting_grace=timedelta(0))
CALL = (
    stream("s1")
    .unknown(data={"a": [1]})
    .alerting(viewer_url="https://v", wrapup_prompt=UnknownPrompt("new"), conversation_id="c", queue_id="sales")
    .alerting()
    .after(3)
    .connected()
    .after(1)
    .alerting()
    .after(60)
    .disconnected("peer", wrapup_prompt="timeout")
)


def log_of(*, sealed: bool = False, lifecycle: Lifecycle = TIMED) -> SessionLog:
    log = SessionLog(lifecycle, "s1")
    for event in (*CALL, CALL.events[1], *stream("s1").updated(id="e3", sequence="2")):
        log.add(event)
    log.offsets = {"/test": timedelta(milliseconds=-400)}
    log.advance(at(1000))
    if sealed:
        assert log.seal(at(900))
        log.add(CALL.updated(id="late").events[-1])
    return log


def saved(log: SessionLog) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(save_log(log)))
    return document


def shown(log: SessionLog) -> tuple[object, ...]:
    counts = log.repeats, log.conflicts, log.corrected, log.late, log.sealed, log.advanced, log.offsets, log.context
    return encode_session(log.session), log.session.settings, list(map(trace_entry, log.trace)), log.events, counts


def types(value: object) -> object:
    """The value with each part replaced by its type."""
    if type(value) is dict:
        return {(type(key), key): types(part) for key, part in value.items()}
    return [types(part) for part in value] if type(value) is list else type(value)


@pytest.mark.parametrize("sealed", [False, True])
def test_a_saved_log_is_plain_data_and_can_be_restored_without_json(*, sealed: bool) -> None:
    log = log_of(sealed=sealed)

    assert types(save_log(log)) == types(saved(log))
    assert shown(restore_log(save_log(log))) == shown(log)


def test_what_is_no_log_and_no_saved_log_is_named() -> None:
    log = log_of()

    with pytest.raises(TypeError, match="expected a SessionLog, found an object of type CobrowseSession"):
        save_log(log.session)  # type: ignore[arg-type]  # the point
    with pytest.raises(DecodeError, match='as save_log returns it, found "an object of type SessionLog"'):
        restore_log(log)  # type: ignore[arg-type]  # the point
    with pytest.raises(DecodeError, match="expected a saved log"):
        restore_log([log, {1}])  # type: ignore[arg-type]  # the point


@pytest.mark.parametrize("sealed", [False, True])
def test_a_restored_log_shows_the_same_and_is_saved_as_the_same(*, sealed: bool) -> None:  # JSON-10
    log = log_of(sealed=sealed)

    again = restore_log(saved(log))

    assert shown(again) == shown(log)
    assert [step.outcome for step in again.trace] == [step.outcome for step in log.trace]
    assert saved(again) == saved(log)
    assert again.restored is not None
    assert (again.restored.as_saved, again.restored.changed, again.restored.table_changed) == (sealed, (), False)
    assert log.restored is None


def test_a_log_saved_before_traces_had_the_whole_context_reads_the_same() -> None:
    """Its trace is compared without what they have more of. A sealed log gets that from its events."""
    open_, sealed = saved(log_of()), saved(log_of(sealed=True))
    without = json.loads(json.dumps(open_).replace('"queueid": "sales", ', ""))
    assert without != open_

    assert [restore_log(document).restored for document in (open_, without)] == [Restored(), Restored()]
    sealed["rows"] = [{key: part for key, part in row.items() if key != "queue"} for row in sealed["rows"]]
    assert {row.get("queue") for row in map(trace_entry, restore_log(sealed).trace)} == {"sales"}


def test_an_open_log_under_other_rules_is_folded_anew_and_names_the_fields() -> None:
    again = restore_log(saved(log_of()), Lifecycle(settings=TIMED.settings, timeout_code="OTHER"))

    assert again.restored is not None
    assert (again.restored.as_saved, again.restored.changed) == (False, ("wrapup",))
    assert again.lifecycle.timeout_code == "OTHER"
    prompted = restore_log(saved(log_of()), Lifecycle())  # no timeout: after-call work stays pending
    assert prompted.restored is not None
    assert set(prompted.restored.changed) == {"wrapup", "afterCallWork", "trace"}


def test_an_open_log_whose_rows_read_differently_today_says_so() -> None:
    data = saved(log_of())
    data["state"]["disconnectType"] = "client"
    data["trace"] = "0" * 64

    again = restore_log(data)

    assert again.restored is not None
    assert again.restored.changed == ("disconnectType", "trace")
    assert again.session.disconnect_type == "peer"


def test_a_sealed_log_is_restored_as_it_was_saved_whatever_today_says() -> None:  # STREAM-8
    data = saved(log_of(sealed=True))
    data["state"]["disconnectType"] = "client"
    data["rows"][0]["reason"] = "As it was then."

    again = restore_log(data, Lifecycle(timeout_code="OTHER"))

    assert again.restored is not None
    assert again.restored.as_saved
    assert (again.session.disconnect_type, again.trace[0].outcome.reason) == ("client", "As it was then.")
    assert again.lifecycle == TIMED
    assert again.add(CALL.events[0]).outcome is not None
    assert (again.repeats, again.late, again.deadline) == (log_of(sealed=True).repeats + 1, 1, None)


@pytest.mark.parametrize("change", [{"row": "gone"}, {"outcome": "ignored", "rule": "settings_after_end"}])
def test_a_log_that_was_sealed_under_other_rules_is_not_explained_by_the_rows_of_today(change: dict[str, Any]) -> None:
    data = saved(log_of(sealed=True))
    index = next(i for i, row in enumerate(data["rows"]) if row["outcome"] == "applied" and row.get("event"))
    data["rows"][index] |= change

    with pytest.raises(ValueError, match="sealed under another table"):
        explain(restore_log(data), "connectedTime")


def test_a_value_that_the_same_rows_would_not_write_today_is_not_explained() -> None:
    data = saved(log_of(sealed=True))
    data["state"]["viewerUrl"] = "https://as-it-was"
    data["table"]["code"] = "0"
    log = restore_log(data)

    with pytest.raises(ValueError, match="sealed under another table"):
        explain(log, "viewerUrl")
    assert len(history(log)) > len(log.trace)
    assert not any("changed" in entry for entry in trace_entries(log))


def test_a_timer_that_no_row_of_today_takes_is_not_explained() -> None:
    log = SessionLog(Lifecycle(), "s1")
    for event in stream("s1").connected().after(60).disconnected("peer"):
        log.add(event)
    log.advance(at(1000))
    assert log.seal(at(900))
    data = saved(log)
    timer = {
        "session": "s1",
        "type": "timer.acw",
        "at": "2026-03-01T09:05:00.000Z",
        "outcome": "applied",
        "reason": "It ended.",
    }
    data["rows"].append({**timer, "row": "complete_by_timeout", "from": "disconnected", "to": "disconnected", "acw": "complete"})

    with pytest.raises(ValueError, match="sealed under another table"):
        explain(restore_log(data), "connectedTime")


def test_a_table_that_changed_is_noticed() -> None:
    for change in ({"rows": "0"}, {"code": "0"}, {"code": None}):
        data = saved(log_of())
        data["table"].update(change)
        restored = restore_log(data).restored
        assert restored is not None
        assert restored.table_changed


@pytest.mark.parametrize("name", ["timer.acw", "timer.alerting"])
def test_a_sealed_log_that_holds_an_event_of_an_unknown_type_with_a_timers_name_can_be_restored(name: str) -> None:
    log = SessionLog(TIMED, "s1")
    for event in (*CALL, *CALL.unknown(name)):
        log.add(event)
    log.advance(at(1000))
    assert log.seal(at(900))

    assert shown(restore_log(saved(log))) == shown(log)


def test_a_sealed_log_that_the_alerting_timer_ended_knows_a_repeat_after_a_restart() -> None:
    call = stream("s1").alerting(alerting_timeout=20).after(60).updated(provider="p")
    log = SessionLog(TIMED, "s1")
    for event in call:
        log.add(event)
    log.advance(at(1000))
    assert log.seal(at(900))

    again = restore_log(saved(log))

    assert shown(again) == shown(log)
    assert [again.add(event).outcome for event in call] == [log.add(event).outcome for event in call]


def test_a_timer_of_a_sealed_log_is_behind_the_events_that_occurred_by_then() -> None:
    data = saved(log_of(sealed=True))
    (timer,) = (row for row in data["rows"] if row["type"] == "timer.acw")
    timer["at"] = "2026-03-01T09:00:00.000Z"

    with pytest.raises(DecodeError, match="wrong_rows"):
        restore_log(data)


def test_an_unknown_prompt_that_is_known_is_read_as_it_will_be_after_a_restart() -> None:
    log = SessionLog(Lifecycle(), "s1")
    for event in stream("s1").alerting(wrapup_prompt=UnknownPrompt("timeout"), wrapup_timeout=30).connected().disconnected():
        log.add(event)
    log.advance(at(1000))

    assert shown(restore_log(saved(log))) == shown(log)


# --- Broken documents ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sealed", [False, True])
def test_a_broken_document_is_a_decode_error_with_a_path_and_never_anything_else(*, sealed: bool) -> None:
    data = saved(log_of(sealed=sealed))
    every = [(path, other) for path, other in mutations(data)]
    for path, other in random.Random(7).sample(every, min(len(every), 1500)):
        broken = copy.deepcopy(data)
        place: Any = broken
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = other
        if random.Random(str(path)).random() < 0.2:
            del place[path[-1]]
        try:
            restored = restore_log(broken)
        except DecodeError as error:
            assert error.path.startswith("$")  # noqa: PT017 (some are read)
        except FormatVersionError:
            assert path == ("format",)
        else:
            json.dumps(save_log(restored))


@pytest.mark.parametrize("key", ["name", "unknown"])
@pytest.mark.parametrize("part", ["self", "wrapup", "afterCallWork"])
def test_what_json_does_not_have_in_a_part_of_the_session_is_a_decode_error_with_a_path(part: str, key: str) -> None:
    data = saved(log_of())
    data["state"][part] = {key: "\ud800"}

    with pytest.raises(DecodeError, match=rf"lone_surrogate: \$\.state\.{part}\.{key}"):
        restore_log(data)


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("value", ["\ud800", float("nan"), b"x", {1: 2}, object()])
def test_what_json_does_not_have_is_a_decode_error_with_a_path_wherever_it_is(value: object, *, sealed: bool) -> None:
    data = saved(log_of(sealed=sealed))
    for path, _ in mutations(data):
        broken = copy.deepcopy(data)
        place: Any = broken
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        with pytest.raises(DecodeError) as caught:
            restore_log(broken)
        assert caught.value.path.startswith("$")


def test_the_session_of_a_sealed_log_is_that_of_its_state() -> None:
    data = saved(log_of(sealed=True))
    data["state"]["id"] = "s2"

    with pytest.raises(DecodeError, match=r"state\.id"):
        restore_log(data)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"format": 1}, "$.format"),
        ({"session": ""}, "$.session"),
        ({"repeats": -1}, "$.repeats"),
        ({"offsets": {"/a": 10**20}}, "$.offsets./a"),
        ({"offsets": []}, "$.offsets"),
        ({"events": {}}, "$.events"),
        ({"events": [3]}, "$.events[0]"),
        ({"lifecycle": {}}, "$.lifecycle"),
    ],
)
def test_the_path_is_where_it_is_wrong(change: dict[str, Any], path: str) -> None:
    with pytest.raises(DecodeError) as caught:
        restore_log(saved(log_of()) | change)
    assert caught.value.path.startswith(path)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"rows": []}, "$.rows"),
        ({"rows": None}, "$.rows"),
        ({"sessionSettings": {"wrapupTimeoutMs": 0}}, "$.sessionSettings.wrapupTimeout"),
    ],
)
def test_a_sealed_log_needs_its_rows_and_settings(change: dict[str, Any], path: str) -> None:
    with pytest.raises(DecodeError) as caught:
        restore_log(saved(log_of(sealed=True)) | change)
    assert caught.value.path.startswith(path)


@pytest.mark.parametrize(("key", "value"), [("outcome", "stale"), ("event", "e99"), ("rule", None)])
def test_a_row_of_a_sealed_log_must_be_one_that_a_log_writes(key: str, value: object) -> None:
    data = saved(log_of(sealed=True))
    place = next(i for i, row in enumerate(data["rows"]) if "rule" in row)
    data["rows"][place][key] = value

    with pytest.raises(DecodeError):
        restore_log(data)


@pytest.mark.parametrize(
    ("key", "value"), [("wrapupTimeoutMs", 0), ("alertingGraceMs", -1), ("wrapupTimeoutMs", 10**30), ("timeoutCode", "")]
)
def test_a_lifecycle_that_makes_no_sense_is_a_decode_error(key: str, value: object) -> None:
    data = saved(log_of())
    data["lifecycle"][key] = value

    with pytest.raises(DecodeError) as caught:
        restore_log(data)
    assert caught.value.path.startswith("$.lifecycle.")


def test_a_saved_log_of_a_newer_format_is_refused() -> None:
    """TRACE-14."""
    with pytest.raises(FormatVersionError):
        restore_log({**saved(log_of()), "format": 3})


def test_an_event_of_another_session_is_a_decode_error() -> None:
    data = saved(log_of())
    data["events"][1]["subject"] = "s2"

    with pytest.raises(DecodeError) as caught:
        restore_log(data)
    assert caught.value.path == "$.events[1].subject"
    with pytest.raises(DecodeError):
        restore_log([])  # type: ignore[arg-type]  # the point


# --- The digest of the table --------------------------------------------------------------------------------------------------


def code(source: str) -> str:
    return "\n".join(digest_module._lines(ast.parse(source)))  # noqa: SLF001 (its hard part)


def test_a_docstring_does_not_change_the_digest_and_a_body_does() -> None:
    plain = "def guard(a: int) -> bool:\n    return a > 1\n"
    documented = 'def guard(a: int) -> bool:\n    """Whether."""\n    # why\n    return (a > 1)\n'

    assert code(plain) == code(documented)
    assert code(plain) != code(plain.replace("> 1", "> 2"))
    assert code(plain) != code(plain.replace("guard", "other"))


def test_a_digest_without_source_equals_no_other() -> None:
    here = table_digest(Table.standard())

    assert here.agrees_with(TableDigest(here.rows, here.code))
    assert not TableDigest(here.rows, None).agrees_with(TableDigest(here.rows, None))
    assert digest_module._code(["a = 1"]) is not None  # noqa: SLF001 (a module with source)
    assert digest_module._code(["a = 1", None]) is None  # noqa: SLF001 (one without)


def test_the_history_of_a_log_that_was_sealed_under_another_table_has_its_reasons_without_what_changed() -> None:
    events = stream("s1").connected().after(1).updated(viewer_url="https://v").after(1).disconnected("peer")
    log = SessionLog.of(events)
    log.seal(START + timedelta(hours=1))
    data = saved(log)
    (index,) = (i for i, entry in enumerate(data["rows"]) if entry["row"] == "details")
    data["rows"][index] |= {"reason": "Of another table."}
    data["rows"][0] |= {"row": "gone"}

    lines = history(restore_log(data))

    assert [line.partition(": ")[2] for line in lines[1:]] == [
        "Both sides are connected.",
        "Of another table.",
        "The leg ended. No setting of the leg begins after-call work.",
    ]


# --- Nothing has changed since ------------------------------------------------------------------------------------------------


def is_loaded(log: SessionLog) -> bool:
    return "not loaded" not in repr(log)


def test_an_unchanged_log_shows_its_session_before_its_events_are_read() -> None:
    log = log_of()
    again = restore_log(saved(log))

    assert (again.session, again.session.settings, again.context) == (log.session, log.session.settings, log.context)
    assert (again.deadline, again.advanced, again.sealed, again.repeats, again.late) == (None, at(1000), False, 2, 0)
    assert not is_loaded(again)
    assert again.events == log.events
    assert is_loaded(again)


def test_time_goes_on_without_the_events_until_a_deadline_is_due() -> None:
    log = SessionLog.of(CALL, TIMED)  # pending after-call work
    assert log.deadline is not None
    for until, loaded in ((log.deadline - timedelta(seconds=1), False), (log.deadline, True)):
        again = restore_log(saved(log))
        expected = restore_log(saved(log))
        assert expected.events
        assert again.advance(until) == expected.advance(until)
        assert is_loaded(again) == loaded
        assert shown(again) == shown(expected)


@given(made=streams(), lifecycle=lifecycles(), times=st.lists(st.integers(0, 20), max_size=2), pickled=st.booleans())
def test_a_log_whose_events_are_not_loaded_goes_on_as_one_whose_events_are(
    *, made: list[Event], lifecycle: Lifecycle, times: list[int], pickled: bool
) -> None:
    whole, cut = SessionLog(lifecycle, "s1"), SessionLog(lifecycle, "s1")
    for event in made[: len(made) // 2]:
        cut.add(event)
        whole.add(event)
    cut = restore_log(saved(cut), lifecycle)
    assert not is_loaded(cut)
    if pickled:
        cut = pickle.loads(pickle.dumps(cut))  # noqa: S301 (our own bytes)
    for moment in times:
        assert cut.advance(at(moment)) == whole.advance(at(moment))
    for event in made[len(made) // 2 :]:
        assert cut.add(event) == whole.add(event)
    assert shown(cut) == shown(whole)


@pytest.mark.parametrize(
    "key", ["state", "events", "context", "sessionSettings", "advanced", "lifecycle", "table", "trace", "late"]
)
def test_a_log_that_was_edited_anywhere_is_read_from_its_events(key: str) -> None:
    document = saved(log_of())
    document[key] = {**document[key], "new": 1} if isinstance(document[key], dict) else document[key]
    if key == "events":
        document[key] = document[key][:-1]
    if key == "advanced":
        document[key] = "2026-03-01T09:16:41.000Z"
    if key in ("trace", "late"):
        document[key] = {"trace": "x", "late": 1}[key]

    assert is_loaded(restore_log(document))


def test_what_msgspec_writes_like_what_was_saved_is_a_decode_error_or_the_log_that_was_saved() -> None:
    log = log_of()
    log.add(evolve(log.events[-1], id="new", extra={"new": None, "many": 1e22}))
    found = Counter[bool]()
    for path in dict.fromkeys(path for path, _ in mutations(saved(log))):
        document = saved(log)
        place: Any = document
        for key in path[:-1]:
            place = place[key]
        value = place[path[-1]]
        if value is not None and not (isinstance(value, str) and value.startswith("2026-")):
            continue
        place[path[-1]] = float("nan") if value is None else datetime.fromisoformat(value)  # msgspec writes what was there
        try:
            assert shown(restore_log(document)) == shown(log), path
        except DecodeError as error:
            assert error.path.startswith("$")  # noqa: PT017 (some are read)
        found[value is None] += 1
    assert min(found.values()) > 3


def test_a_log_under_other_rules_or_another_table_is_read_from_its_events() -> None:
    document = saved(log_of())
    other = Table.standard().extended("other", connection=[also("ended", set_disconnect_type)])

    assert not is_loaded(restore_log(document, TIMED))
    assert is_loaded(restore_log(document, Lifecycle()))
    assert is_loaded(restore_log(document, table=other))
    assert is_loaded(restore_log({key: value for key, value in document.items() if key != "checksum"}))


@pytest.mark.parametrize(
    "change", [lambda events: events.clear(), lambda events: events[0].update(id=5)], ids=["a list", "an event"]
)
def test_a_restored_log_does_not_follow_what_the_caller_does_to_the_document(change: Callable[[Any], object]) -> None:
    log = SessionLog.of(stream("s1").alerting().after(3).connected(viewer_url="https://a.example"))
    document = save_log(log)
    restored = restore_log(document)
    change(document["events"])

    assert (restored.session, restored.trace, restored.events) == (log.session, log.trace, log.events)


HELD = stream("s1").connected().after(60).event(hold.Held).disconnected("peer")  # at one instant
PAUSED = (
    stream("s1").connected(wrapup_prompt="mandatory").after(60).disconnected("peer").after(10).event(pause.AfterCallWorkPaused)
)
PARKED = stream("s1").event(parked.Parked).after(60).disconnected("peer")


@pytest.mark.parametrize(("table", "call"), [(hold.TABLE, HELD), (pause.TABLE, PAUSED), (parked.TABLE, PARKED)], ids=str)
def test_a_log_that_was_sealed_under_a_table_of_ones_own_is_restored_as_it_was_without_the_table(
    table: Table[Any], call: Stream
) -> None:  # STREAM-8
    log = SessionLog.of(call, Lifecycle(table=table))
    log.advance(call.after("10h").now)
    assert log.seal(call.after("10h").now)
    written = json.dumps(save_log(log))

    without = restore_log(json.loads(written))
    again = restore_log(json.loads(json.dumps(save_log(without))), table=table)

    for one in (without, again):
        assert [entry.event.type for entry in one.trace] == [entry.event.type for entry in log.trace]
        assert [entry.outcome.row for entry in one.trace] == [entry.outcome.row for entry in log.trace]
        assert (one.session.state, one.sealed) == (log.session.state, True)
    assert [entry.event for entry in again.trace] == list(log.events) + [
        entry.event for entry in log.trace if not isinstance(entry.event, Event)
    ]
    assert again.session == log.session
    assert pickle.loads(pickle.dumps(without)).trace == without.trace  # noqa: S301 (our own bytes)
