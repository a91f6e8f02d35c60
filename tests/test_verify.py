"""The proof of a store: it finds any value that was changed, a row that is missing, and a session that does not follow."""

import json
from typing import Any

import pytest
from sqlalchemy import Table, and_, delete, insert, update
from tests.stores import Place, rows
from tests.strategies import SECOND, at

from cobrowse_session import Lifecycle, Settings, WrapupPrompt
from cobrowse_session.store import Store
from cobrowse_session.store.rows import with_digest
from cobrowse_session.store.schema import EVENTS, RULES, SESSIONS
from cobrowse_session.store.verify import verify
from cobrowse_session.testing import stream

TIMED = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=30 * SECOND))


def filled(place: Place) -> Store:
    """A store with a session that goes on, one that waits for its timer, one whose timer fired, and one that was sealed."""
    store = place.open(TIMED)
    calls = {
        name: stream(name, delay=0.03).alerting(queue_id="q", user_id="u").after(3).connected() for name in ("goes on", "sealed")
    }
    store.append(event for call in calls.values() for event in call)
    store.append(calls["sealed"].after(10).disconnected("peer").after(5).wrapup("sale"))
    assert store.seal(at(1000)) == ("sealed",)
    store.append([calls["sealed"].after(1).updated(id="late").events[-1]])
    for name, ends in (("waits", 5000), ("fired", 10)):
        store.append(stream(name).connected().after(ends).disconnected())
    assert list(store.advance(at(100))) == ["fired"]
    return store


def other(value: Any) -> Any:
    """Return another value of the same type. `Any`: of a column."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    place = len(value) // 2
    return value[:place] + ("x" if value[place] != "x" else "y") + value[place + 1 :]


def key_of(table: Table, row: dict[str, Any]) -> Any:
    """Return the condition for a row. `Any`: of SQLAlchemy."""
    return and_(*(column == row[column.name] for column in table.primary_key))


def test_a_store_that_nobody_touched_is_proved(place: Place) -> None:
    verified = verify(filled(place))

    assert (verified.sessions, verified.findings, verified.other_table) == (4, [], 0)
    assert verified.events == 2 + 5 + 2 + 2


@pytest.mark.parametrize("table", [EVENTS, SESSIONS], ids=lambda table: table.name)
def test_any_value_that_was_changed_is_found_and_names_its_session(place: Place, table: Table) -> None:
    store = filled(place)
    changed = 0
    for row in rows(store, table):
        for name, value in row.items():
            if value is None or name == "rules" or table.c[name].primary_key:
                continue
            with store.writing() as connection:
                connection.execute(update(table).where(key_of(table, row)).values({name: other(value)}))
            found = verify(store).findings
            assert {finding.session for finding in found} == {row["session" if table is EVENTS else "id"]}, name
            with store.writing() as connection:
                connection.execute(update(table).where(key_of(table, row)).values({name: value}))
            changed += 1
    assert verify(store).findings == []
    assert changed >= 3 * len(rows(store, table))


def test_rules_that_were_changed_are_found(place: Place) -> None:
    store = filled(place)
    (row,) = rows(store, RULES)
    with store.writing() as connection:
        connection.execute(update(RULES).values(document=row["document"].replace("30000", "40000")))

    assert len(verify(store).findings) == 4


def test_an_event_that_is_missing_or_nobodys_is_found(place: Place) -> None:
    store = filled(place)
    first, *_ = rows(store, EVENTS)
    with store.writing() as connection:
        connection.execute(delete(EVENTS).where(key_of(EVENTS, first)))
    assert [finding.session for finding in verify(store).findings] == [first["session"]]

    with store.writing() as connection:
        connection.execute(insert(EVENTS), [first, {**first, "session": "nobody"}])
    assert {finding.session for finding in verify(store).findings} == {"nobody"}


@pytest.mark.parametrize("column", ["state", "acw", "queue_id", "latest", "deadline", "document"])
def test_a_row_that_does_not_follow_from_its_events_is_found_though_its_digest_is_right(place: Place, column: str) -> None:
    store = filled(place)
    (row,) = (row for row in rows(store, SESSIONS) if row["id"] == "waits")
    forged = {"queue_id": "other", "document": row["document"].replace('"disconnected"', '"connected"')}
    row[column] = forged.get(column, other(row[column]) if row[column] is not None else "x")
    del row["digest"]
    with store.writing() as connection:
        connection.execute(update(SESSIONS).where(SESSIONS.c.id == "waits").values(with_digest(row)))

    (found,) = verify(store).findings

    assert found.session == "waits"
    assert "does not follow from its events" in found.found


def test_a_sealed_session_that_does_not_follow_from_its_events_is_found(place: Place) -> None:
    store = filled(place)
    (row,) = (row for row in rows(store, SESSIONS) if row["id"] == "sealed")
    row["document"] = row["document"].replace('"sale"', '"sold"')
    json.loads(row["document"])
    del row["digest"]
    with store.writing() as connection:
        connection.execute(update(SESSIONS).where(SESSIONS.c.id == "sealed").values(with_digest(row)))

    assert {finding.session for finding in verify(store).findings} == {"sealed"}
