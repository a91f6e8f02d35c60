"""The conformance kit: it is what the second reading prints, it ships in the wheel, and this package fulfils it."""

import json
from datetime import datetime
from typing import Any

import pytest
from attrs import asdict
from tests.conformance import lines
from tests.reading_run import comparable

from cobrowse_session import Lifecycle, SessionLog
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION
from cobrowse_session.testing.conformance import FILE, cases
from cobrowse_session.times import time_text
from cobrowse_session.wire import decode_event, encode_session
from cobrowse_session.wire.saved import known_lifecycle, save_lifecycle
from cobrowse_session.wire.trace import trace_entry

CASES = [*cases()]


def test_the_cases_are_what_the_second_reading_prints() -> None:
    assert FILE.read_text(encoding="utf-8") == "".join(f"{one}\n" for one in lines())


def test_the_names_of_cases_differ_and_every_row_has_one() -> None:
    names = [case["id"] for case in CASES]

    assert len({*names}) == len(names)
    assert len({name for name in names if name.startswith("row ")}) == len((*CONNECTION, *AFTER_CALL_WORK))


@pytest.mark.parametrize("kind", ["row", "pair", "lifelike", "hostile"])
def test_this_package_fulfils_the_cases(kind: str) -> None:
    failed = [case["id"] for case in CASES if case["id"].startswith(f"{kind} ") and not is_fulfilled(case)]

    assert failed == []


def is_fulfilled(case: dict[str, Any]) -> bool:
    """Return whether the package makes of the events what the case expects. It reads the case as any reader of JSON would."""
    saved = {**save_lifecycle(Lifecycle()), **case["lifecycle"]}
    lifecycle = known_lifecycle(tuple(saved.items()), Table.standard())
    logs: dict[str, SessionLog] = {}
    for event in map(decode_event, map(json.dumps, case["events"])):
        logs.setdefault(event.subject, SessionLog(lifecycle, event.subject)).add(event)
    for log in logs.values():
        if "until" in case:
            log.advance(datetime.fromisoformat(case["until"]))
    return logs.keys() == case["sessions"].keys() and all(agrees(case["sessions"][name], log) for name, log in logs.items())


def agrees(expected: dict[str, Any], log: SessionLog) -> bool:
    """Return whether a log is as expected. Each entry has set at least what is expected."""
    entries = [trace_entry(entry) for entry in log.trace]
    context = {key.replace("_", ""): value for key, value in asdict(log.context).items() if value is not None}
    shown = {
        "session": json.loads(encode_session(log.session)),
        "trace": [comparable(entry) for entry in entries],
        "context": context,
        **({} if log.deadline is None else {"deadline": time_text(log.deadline)}),
        "repeats": log.repeats,
        "conflicts": log.conflicts,
    }
    trace = [{key: value for key, value in entry.items() if key != "set"} for entry in expected["trace"]]
    sets = [(set(one.get("set", ())), set(entry.get("set", ()))) for one, entry in zip(expected["trace"], entries, strict=False)]
    return shown == {**expected, "trace": trace} and all(least <= found for least, found in sets)
