"""The conformance kit: it is what the second reading prints, it ships in the wheel, and this package fulfils it."""

import json
import re
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
README = FILE.with_name("README.md").read_text(encoding="utf-8")


def test_the_cases_are_what_the_second_reading_prints() -> None:
    assert FILE.read_text(encoding="utf-8") == "".join(f"{one}\n" for one in lines())


def test_the_names_of_cases_differ_and_every_row_has_one() -> None:
    names = [case["id"] for case in CASES]

    assert len({*names}) == len(names)
    assert len({name for name in names if name.startswith("row ")}) == len((*CONNECTION, *AFTER_CALL_WORK))


@pytest.mark.parametrize("kind", ["row", "pair", "repeat", "corner", "lifelike", "hostile"])
def test_this_package_fulfils_the_cases(kind: str) -> None:
    failed = [case["id"] for case in CASES if case["id"].startswith(f"{kind} ") and not is_fulfilled(case)]

    assert failed == []


def test_the_readme_names_every_key() -> None:
    sessions = [session for case in CASES for session in case["sessions"].values()]
    named = [*CASES, *(case["lifecycle"] for case in CASES), *sessions, *(session["context"] for session in sessions)]
    keys = {key for one in (*named, *(entry for session in sessions for entry in session["trace"])) for key in one}

    assert {key for key in keys if f"`{key}`" not in README} == set()


def test_the_readme_says_which_entries_have_a_key() -> None:
    """An entry that is not applied has no states, and a timer has no event."""
    entries = [entry for case in CASES for session in case["sessions"].values() for entry in session["trace"]]
    applied = [{"from", "to", "set"} <= entry.keys() for entry in entries if entry["outcome"] == "applied"]
    others = [{"from", "to", "set"} & entry.keys() for entry in entries if entry["outcome"] != "applied"]
    ruled = [("rule" in entry) == (entry["outcome"] in ("ignored", "refused")) for entry in entries]
    timers = [{"source", "event", "received"} & entry.keys() for entry in entries if entry["type"].startswith("timer.")]

    assert (all(applied), any(others), all(ruled), any(timers)) == (True, False, True, False)
    assert all({"session", "type", "at", "outcome", "noted"} <= entry.keys() for entry in entries)


def test_the_readme_has_the_default_of_each_setting() -> None:
    rows = [line.strip("| ").split(" | ") for line in README.splitlines() if line.startswith("| `")]
    defaults = {cells[0].strip("`"): cells[2].strip("`") for cells in rows if len(cells) == 3}
    saved = {key: value for key, value in save_lifecycle(Lifecycle()).items() if key != "strict"}  # a log does not raise

    assert defaults == {key: WORDS.get(str(value), value) for key, value in saved.items()}


WORDS = {"None": "none", "True": "true", "False": "false"}


def test_the_readme_says_what_each_sort_of_cases_is() -> None:
    assert {*re.findall(r"^\| `(\w+) …`", README, re.MULTILINE)} == {case["id"].split()[0] for case in CASES}


def test_the_runner_of_the_readme_finds_what_differs_and_nothing_else() -> None:
    runner: dict[str, Any] = {}
    exec(README.split("```python\n")[1].split("```")[0], runner)  # noqa: S102 (it is our own text)

    def wrong(*case: Any, **changes: Any) -> dict[str, Any]:
        return {name: {**found, **changes} for name, found in by_package(*case).items()}

    def wrong_entries(*case: Any, **changes: Any) -> dict[str, Any]:
        found = by_package(*case)
        return {name: {**one, "trace": [{**entry, **changes} for entry in one["trace"]]} for name, one in found.items()}

    def first(implementation: Any) -> tuple[str, str, list[str]]:
        found: tuple[str, str, list[str]] = next(runner["failures"](implementation))
        return found

    assert [*runner["failures"](by_package)] == []
    assert first(lambda *case: wrong(*case, session={})) == ("row unknown_type", "s1", ["session"])
    assert first(lambda *case: wrong(*case, deadline="never")) == ("row unknown_type", "s1", ["deadline"])
    assert first(lambda *case: wrong(*case, trace=[])) == ("row unknown_type", "s1", ["trace"])
    assert first(lambda *case: wrong_entries(*case, rule="mine")) == ("row unknown_type", "s1", ["trace"])
    assert first(lambda *case: wrong_entries(*case, set=[])) == ("row pending", "s1", ["set"])
    assert first(lambda *_: {}) == ("row unknown_type", "s1", ["the session"])


def is_fulfilled(case: dict[str, Any], table: Table | None = None) -> bool:
    """Return whether the package makes of the events what the case expects. Each entry has set at least what is expected."""
    found = by_package(case["lifecycle"], case["events"], case.get("until"), table)
    return found.keys() == case["sessions"].keys() and all(agrees(case["sessions"][name], one) for name, one in found.items())


def agrees(expected: dict[str, Any], found: dict[str, Any]) -> bool:
    """Return whether a session is as expected."""
    pairs = zip(expected["trace"], found["trace"], strict=False)
    return without_sets(expected) == without_sets(found) and all(
        {*one.get("set", ())} <= {*two.get("set", ())} for one, two in pairs
    )


def without_sets(session: dict[str, Any]) -> dict[str, Any]:
    return {**session, "trace": [{key: value for key, value in entry.items() if key != "set"} for entry in session["trace"]]}


def by_package(
    settings: dict[str, Any], events: list[dict[str, Any]], until: str | None, table: Table | None = None
) -> dict[str, dict[str, Any]]:
    """Return what the package makes of the events of a case, by session. It reads the case as any reader of JSON would."""
    saved = {**save_lifecycle(Lifecycle()), **settings}
    lifecycle = known_lifecycle(tuple(saved.items()), table or Table.standard())
    logs: dict[str, SessionLog] = {}
    for event in map(decode_event, map(json.dumps, events)):
        logs.setdefault(event.subject, SessionLog(lifecycle, event.subject)).add(event)
    for log in logs.values():
        if until is not None:
            log.advance(datetime.fromisoformat(until))
    return {name: shown(log) for name, log in logs.items()}


def shown(log: SessionLog) -> dict[str, Any]:
    """Return a session as the README says. Entries that are not applied set nothing."""
    entries = [trace_entry(entry) for entry in log.trace]
    return {
        "session": json.loads(encode_session(log.session)),
        "trace": [{**comparable(entry), **({"set": entry["set"]} if "set" in entry else {})} for entry in entries],
        "context": {key.replace("_", ""): value for key, value in asdict(log.context).items() if value is not None},
        **({} if log.deadline is None else {"deadline": time_text(log.deadline)}),
        "repeats": log.repeats,
        "conflicts": log.conflicts,
    }
