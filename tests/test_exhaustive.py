"""The lifecycle in every state that it can reach, with every event. `python -m tests.exhaustive` tries more."""

from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from attrs import evolve
from tests.alphabet import FEW, ONE, STEP, letters
from tests.exhaustive import PAGES, BrokenError, Found, Scope, Search, Shown, few, of_work, printed, results, rows_of, scope
from tests.tables import table_of

from cobrowse_session import CobrowseSession, Event, Lifecycle, Settings
from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION
from cobrowse_session.tables import Policy, Row, Table, reads_session

STANDARD = Table.standard()


@cache
def shown() -> Shown:
    """What the searches of `make test` show together. They raise where something that must hold does not."""
    found = Shown()
    for one in few():
        found.search(one)
    return found


def unreached() -> Iterator[tuple[str, Found]]:
    """The rows that decide in no cell of these kinds and states, each with the reason."""
    reason = ""
    for line in (Path(__file__).parent / "unreached_rows.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            reason = line.removeprefix("# ")
        elif reason and line:
            kinds, states, rows = (part.split() for part in line.split(" | "))
            yield from ((reason, (kind, state, row)) for kind, state, row in product(kinds, states, rows))


def test_every_row_decides_in_each_of_its_cells_or_has_a_reason_why_it_cannot() -> None:
    missing = rows_of(STANDARD) - shown().rows["standard"]

    assert all(reason for reason, _ in unreached())
    assert sorted(missing) == sorted(found for _, found in unreached())


def test_each_cell_of_the_printed_table_is_what_happens() -> None:  # OUTCOME-1
    by_page = {kind_and_state: some for page in PAGES for kind_and_state, some in printed(page).items()}
    out_of_reach = results(STANDARD, (found for _, found in unreached()))
    reached = results(STANDARD, shown().rows["standard"])

    assert by_page == results(STANDARD, rows_of(STANDARD))
    assert {cell: some - out_of_reach.get(cell, set()) | reached.get(cell, set()) for cell, some in by_page.items()} == {
        cell: reached.get(cell, set()) for cell in by_page
    }


def test_what_guards_read_is_recorded() -> None:
    named = {".".join(map(str, path)) for path in shown().variables}

    assert {"session.state", "session.after_call_work.end_time", "session.wrapup.code", "session.disconnected_time"} <= named
    assert {"session.segments.-1.start_time", "session.viewer_url", "policy.acw_timeout", "policy.prompt"} <= named
    assert not {name for name in named if name.startswith("session.extra")}


# --- It can fail --------------------------------------------------------------------------------------------------------------


NAMED = {**ONE, "disconnect_type": (None, "peer")}


def of_rows(connection: tuple[Row, ...] = CONNECTION, after_call_work: tuple[Row, ...] = AFTER_CALL_WORK) -> Scope:
    """A scope of the standard table with other rows, without the second reading."""
    table = table_of(connection, after_call_work)
    return Scope("other rows", Lifecycle(table=table, settings=Settings(wrapup_prompt="optional")), letters(table, NAMED))


def without(name: str, *actions: str) -> Scope:
    """A scope in which a row lacks some of its actions."""

    def changed(rows: tuple[Row, ...]) -> tuple[Row, ...]:
        kept = {row: tuple(one for one in row.actions if one.__name__ not in actions) for row in rows if row.name == name}
        return tuple(evolve(row, actions=kept[row]) if row in kept else row for row in rows)

    return of_rows(changed(CONNECTION), changed(AFTER_CALL_WORK))


@pytest.mark.parametrize(
    ("row", "action", "broken"),
    [
        ("ended", "stamp_disconnected", "an_ended_leg_has_its_time"),
        ("connected", "stamp_connected", "a_connected_leg_has_its_time"),
        ("alerting", "begin_segment", "the_last_segment_is_open_until_the_end"),
        ("ended", "close_segments", "the_last_segment_is_open_until_the_end"),
        ("end_named", "set_segment_disconnect_type", "the_last_segment_alone_has_the_disconnect_type"),
        ("begins", "begin_after_call_work", "after_call_work_begins_where_the_leg_ended"),
        ("complete_by_code", "end_after_call_work", "after_call_work_has_its_end_once_it_is_closed"),
        ("started_by_platform", "reopen_wrapup", "a_wrapup_ends_where_no_work_is_pending"),
        ("dialing", "set_initial_state", "a_leg_that_entered_a_state_knows_its_first"),
    ],
)
def test_a_row_that_does_not_write_what_it_must_is_found(row: str, action: str, broken: str) -> None:
    row = "pending" if row == "dialing" else row

    with pytest.raises(BrokenError, match=broken):
        Search(without(row, action)).run()


def test_work_that_nobody_can_end_is_a_dead_end() -> None:
    ends = ("complete_by_platform", "skipped_by_platform", "none_by_platform", "complete_by_code", "skipped_by_agent")
    rows = tuple(
        evolve(row, result="pending", actions=()) if row.name in (*ends, "complete_by_offline", "skipped_without_code") else row
        for row in AFTER_CALL_WORK
        if row.name != "complete_by_agent"
    )

    with pytest.raises(BrokenError, match=r"dead ends|a_wrapup_ends|after_call_work_begins"):
        Search(of_rows(after_call_work=rows)).run()


def test_a_row_that_decides_otherwise_than_the_second_reading_is_found() -> None:
    rows = tuple(row for row in AFTER_CALL_WORK if row.name != "skip_code_required")
    (mandatory,) = of_work(FEW, [(False, True)], ["mandatory"])

    with pytest.raises(BrokenError, match=r"reading .*code_required.*package .*applied"):
        Search(evolve(mandatory, lifecycle=evolve(mandatory.lifecycle, table=table_of(after_call_work=rows)))).run()


@reads_session
def has_a_peer_of_its_own(session: CobrowseSession, _event: Event, _: Policy) -> bool:
    """The peer of the leg is known."""
    return session.peer_id is not None


def test_a_guard_of_an_own_row_adds_what_it_reads() -> None:
    row = Row(
        name="skip_with_peer",
        on=("wrapup",),
        source=("pending",),
        guards=(has_a_peer_of_its_own,),
        result="skipped",
        reason="It has a peer.",
    )
    search = Search(of_rows(after_call_work=(row, *AFTER_CALL_WORK))).run()

    assert ("session", "peer_id") in {path for some in search.recorded.reads.values() for path in some}
    assert ("session", "peer_id") not in shown().variables


def test_two_sessions_of_one_place_are_decided_alike() -> None:
    one = scope("timed", letters(STANDARD, ONE), 1, wrapup_prompt="timeout", wrapup_timeout=STEP.seconds * 1_000)

    assert Search(one).run().twins() > 20
