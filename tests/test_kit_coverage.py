"""Coverage of a table: rows and cells that traces took, what production takes and the tests never do, and the picture."""

import json
from collections import Counter
from typing import Any

import pytest
from examples.tables import hold, pause

from cobrowse_session import Lifecycle, SessionLog, Settings
from cobrowse_session.diagrams import PICTURES, Picture
from cobrowse_session.stream import fold
from cobrowse_session.testing import duration, run, stream
from cobrowse_session.testing.coverage import Coverage, coverage
from cobrowse_session.testing.paths import EVERY_ROW, rows
from cobrowse_session.wire.trace import trace_entries

TIMED = Lifecycle(settings=Settings(wrapup_prompt="timeout", wrapup_timeout=duration(30)))
CALL = stream("s1").alerting().after(3).connected().after("5m").disconnected("peer")
SAVED = CALL.after(14).wrapup("sale").after(1).wrapup("sale")
LATE = CALL.after(31).wrapup("sale")


def test_rows_and_cells_are_counted_also_at_the_end_of_the_leg_and_for_timers() -> None:
    found = coverage(run(LATE, lifecycle=TIMED))

    assert {row: count for row, count in found.rows.items() if count} == dict.fromkeys(
        ("alerting", "connected", "ended", "begins", "complete_by_timeout", "saved_again"), 1
    )
    assert {cell for cell, count in found.cells.items() if count} == {
        *(("alerting", "none"), ("connected", "alerting"), ("disconnected", "connected")),
        *(("timer.acw", "pending"), ("wrapup", "complete")),
    }


def test_logs_runs_entries_and_json_give_the_same_coverage() -> None:
    log = SessionLog.of(SAVED, TIMED)
    told = run(SAVED, lifecycle=TIMED)

    found = coverage(told)

    assert found == coverage(log) == coverage(log.trace) == coverage(told.steps) == coverage(trace_entries(log))
    assert found == coverage(fold(SAVED, lifecycle=TIMED).trace)


def test_the_sessions_of_one_trace_are_kept_apart() -> None:
    first, second = (SessionLog.of(stream(name).connected(wrapup_prompt="optional").after(1).disconnected()) for name in "ab")
    mixed = [entry for pair in zip(first.trace, second.trace, strict=True) for entry in pair]

    assert coverage(mixed) == coverage(first, second)
    assert coverage(mixed).rows["begins"] == 2


def test_a_trace_may_begin_in_the_middle_of_a_session() -> None:
    for path in rows():
        every = path.run().steps
        whole = Counter(coverage(every).rows)
        for start in range(1, len(every)):
            rest = Counter(coverage(every[start:]).rows)
            assert rest <= whole


def test_the_first_row_of_after_call_work_counts_from_the_second_entry_on_where_a_trace_begins_in_the_middle() -> None:
    log = SessionLog.of(SAVED, TIMED)

    found = [coverage(log.trace[start:]).rows for start in (3, 4)]

    assert [(rows["complete_by_code"], rows["saved_again"]) for rows in found] == [(0, 1), (0, 0)]
    assert coverage(run(SAVED.events[-1:], session=run(CALL, lifecycle=TIMED).session)).missing_cells
    assert coverage(log.trace[1:]).rows["connected"] == 1


@pytest.mark.parametrize("picture", PICTURES)
def test_a_trace_that_begins_in_the_middle_of_a_session_is_drawn(picture: Picture) -> None:
    steps = run(SAVED, lifecycle=TIMED).steps
    parts = [steps[start:] for start in range(len(steps))]

    assert coverage(*parts).draw(picture, "mermaid")


def test_a_stale_event_of_a_step_takes_no_row() -> None:
    stale = [*stream("s1").after(9).alerting(), *stream("s1").connected(id="e2")]

    assert sum(coverage(run(stale)).rows.values()) == 1


def test_all_paths_cover_all_rows_and_each_one_its_own() -> None:
    runs = {path.id: path.run() for path in rows()}

    every = coverage(*runs.values())

    assert [*every.rows] == [*runs]
    assert every.missing_rows == ()
    assert {name: coverage(one).rows[name] for name, one in runs.items()} == dict.fromkeys(runs, 1)


def test_of_rows_with_one_name_each_is_missing_if_only_another_one_was_taken() -> None:
    tests = coverage(run(SAVED, lifecycle=TIMED), run(stream("s1").alerting().alerting()))
    production = coverage(run(SAVED.after(1).done(), lifecycle=TIMED))

    found = tests.missing(production)

    assert found == {"duplicate (acw.ended in complete, ...)": 1}
    report = tests.report(production)
    assert "Rows that production takes and the tests never do:\n  duplicate (acw.ended in complete, ...) ×1\n" in report
    assert tests.rows["duplicate (scheduled in scheduled, ...)"] == 1
    of_work = " ".join(report.partition("Rows of the after-call work that were never taken:")[2].split())
    assert "duplicate (wrapup in pending), " in of_work


def test_what_production_takes_and_the_tests_never_do_is_listed_by_frequency() -> None:
    tests = coverage(run(CALL, lifecycle=TIMED))
    production = coverage(*[run(SAVED, lifecycle=TIMED)] * 3, run(LATE, lifecycle=TIMED), run(CALL, lifecycle=TIMED))

    assert list(tests.missing(production).items()) == [("saved_again", 4), ("complete_by_code", 3), ("complete_by_timeout", 1)]
    assert production.missing(tests) == {}


def test_merged_coverage_is_that_of_all_traces() -> None:
    one, other = run(SAVED, lifecycle=TIMED), run(LATE, lifecycle=TIMED)

    assert coverage(one).merged(coverage(other, one)) == coverage(one, other, one)


def test_coverage_goes_through_json() -> None:
    found = coverage(run(SAVED, lifecycle=TIMED), run(LATE, lifecycle=TIMED))

    again = Coverage.from_json(json.loads(json.dumps(found.as_json())))

    assert again == found
    assert again.rows == found.rows


def test_the_report_names_what_was_never_taken() -> None:
    kept = [path for path in rows() if not {"released", "no_way_back", "draft"} & {*path.rows}]
    found = coverage(*(path.run() for path in kept))
    report = found.report(coverage(run(SAVED, lifecycle=TIMED)), with_cells=True)
    taken = len(found.rows) - len(found.missing_rows)

    assert report.startswith(f"Table standard: {taken} of {len(found.rows)} rows, ")
    assert "Rows that production takes and the tests never do:\n  none" in report
    assert "Rows of the connection that were never taken:\n  released, no_way_back\n" in report
    assert "\n  terminated: " in report
    assert max(map(len, report.splitlines())) <= 100


def test_an_own_table_has_coverage_of_its_own() -> None:
    lifecycle = Lifecycle(table=hold.TABLE)
    held = run(stream("s1").connected().after(1).event(hold.Held), lifecycle=lifecycle)

    found = coverage(held, table=hold.TABLE)

    assert found.rows["held"] == 1
    assert "hold_not_connected" in found.missing_rows
    with pytest.raises(ValueError, match=r"the table 'standard' has no such row 'held' for 'held'"):
        coverage(held)
    with pytest.raises(ValueError, match=r"expected the table 'hold', whose coverage this is, found 'standard'"):
        found.merged(coverage())


@pytest.mark.parametrize("wrong", [3, "trace.jsonl", None])
def test_what_is_no_trace_is_a_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected a log, a run or the entries of a trace"):
        coverage(wrong)


def test_the_picture_has_counts_where_sessions_went() -> None:
    found = coverage(*[run(SAVED, lifecycle=TIMED)] * 12, run(LATE, lifecycle=TIMED))

    assert "×13" in found.draw("connection")
    assert "×12" in found.draw("after-call-work", "mermaid")


def test_the_picture_is_that_of_the_table() -> None:
    lifecycle = Lifecycle(table=pause.TABLE, settings=Settings(wrapup_prompt="mandatory"))
    paused = stream("s1").connected().after(1).disconnected().after(1).event(pause.AfterCallWorkPaused)
    found = coverage(run(paused.after("16m").updated(), lifecycle=lifecycle), table=pause.TABLE)

    assert "paused" in found.draw("after-call-work", table=pause.TABLE)
    with pytest.raises(ValueError, match="expected the table 'pause'"):
        found.draw("after-call-work")


def test_every_row_is_the_lifecycle_of_the_paths() -> None:
    assert {path.lifecycle for path in rows()} == {EVERY_ROW}
