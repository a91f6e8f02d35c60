"""Positions in the feed after a database was restored or moved: an error, and never a message that is missed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import text, update
from tests.postgresql import Server, program
from tests.serving import served
from tests.stores import Place, a_server, postgresql_databases, proved, rows

from cobrowse_session import EpochError
from cobrowse_session.store import Store
from cobrowse_session.store.epoch import GAP
from cobrowse_session.store.schema import HORIZON, MESSAGES
from cobrowse_session.testing import stream

FORM = re.compile("[0-9a-f]{8}-[0-9]+-[0-9]+")


def add(store: Store, number: int) -> None:
    """Store a session, which gives one message."""
    store.append(stream(f"s{number}").alerting())


def test_each_database_has_an_epoch_of_its_own_that_is_in_every_position(tmp_path: Path) -> None:
    epochs = set()
    for number in range(3):
        with Store(f"sqlite:///{tmp_path / str(number)}.db") as store:
            positions = [store.outbox.end]
            add(store, 1)
            positions += [store.outbox.end, store.outbox.feed()[0].position, store.outbox.pending()[0].position]
            assert all(FORM.fullmatch(position) for position in positions)
            (epoch,) = {position[:8] for position in positions}
            epochs.add(epoch)
        with Store(f"sqlite:///{tmp_path / str(number)}.db") as again:
            assert again.outbox.end == positions[1]

    assert len(epochs) == 3


def test_a_position_of_another_epoch_is_an_error_that_says_what_to_do(place: Place) -> None:
    store = place.open()
    add(store, 1)
    before = store.outbox.feed()[-1].position

    assert store.begin_epoch() == store.outbox.end[:8]

    for call in (store.outbox.feed, store.outbox.check, store.outbox.trim):
        with pytest.raises(EpochError, match=r"restored or moved.*follow the feed from its end, and then read the sessions anew"):
            call(before)
    assert len(store.outbox.feed()) == len(store.outbox.feed("0-0")) == 1
    for position in ("0-0", store.outbox.end):
        store.outbox.check(position)


def test_no_number_of_a_message_is_used_again_and_the_old_messages_stay_in_their_order(place: Place) -> None:
    store = place.open()
    for number in range(3):
        add(store, number)
    before = [message.id for message in store.outbox.feed()]

    store.begin_epoch()
    add(store, 3)

    after = [message.id for message in place.open().outbox.feed()]
    assert after[:-1] == before
    assert after[-1] > before[-1] + GAP - 2
    assert [message.stored.id for message in store.outbox.feed()] == ["s0", "s1", "s2", "s3"]
    assert proved(store) == 4


def test_a_database_without_a_message_gets_numbers_that_nobody_had_after_the_backup(place: Place) -> None:
    store = place.open()
    store.begin_epoch()
    add(store, 1)

    assert store.outbox.feed()[0].id > GAP


def test_a_file_that_was_restored_shows_a_reader_that_it_was_if_it_is_said(tmp_path: Path) -> None:
    file, backup = tmp_path / "x.db", tmp_path / "backup.db"
    with Store(f"sqlite:///{file}") as store:
        add(store, 1)
    shutil.copy(file, backup)
    with Store(f"sqlite:///{file}") as store:
        for number in range(2, 5):
            add(store, number)
        lost = store.outbox.feed()
    for name in ("x.db-wal", "x.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    shutil.copy(backup, file)

    with Store(f"sqlite:///{file}") as store:
        store.begin_epoch()
        for number in range(5, 9):
            add(store, number)
        with pytest.raises(EpochError):
            store.outbox.feed(lost[-1].position)
        assert {message.id for message in store.outbox.feed()[1:]}.isdisjoint(message.id for message in lost)


def test_a_database_that_was_moved_into_another_cluster_begins_an_epoch_when_it_is_opened(place: Place) -> None:
    store = place.open()
    add(store, 1)
    before = store.outbox.feed()[-1].position
    with store.writing() as connection:  # as a dump of another server is, whose transactions had larger numbers
        connection.execute(update(HORIZON).values(cluster="another"))
        connection.execute(update(MESSAGES).values(transaction=1 << 40))

    again = place.open()

    if place.is_sqlite:  # a file does not show where it is from
        again.outbox.check(before)
        return
    with pytest.raises(EpochError):
        again.outbox.feed(before)
    add(again, 2)
    assert [message.stored.id for message in again.outbox.feed()] == ["s1", "s2"]
    (row,) = rows(store, HORIZON)
    assert row["cluster"].isdigit()
    assert place.open().outbox.end == again.outbox.end


def test_a_dump_that_was_restored_into_another_cluster_begins_an_epoch_and_hides_no_message(postgresql: Server) -> None:
    with postgresql_databases(postgresql).place() as place, a_server() as elsewhere:
        store = place.open()
        for number in range(3):
            add(store, number)
        with store.writing() as connection:  # the first cluster has counted further than the second one, which is new
            connection.execute(update(MESSAGES).values(transaction=MESSAGES.c.transaction + 1_000_000))
            dump_end = connection.scalar(text("select max(transaction) from messages"))
        assert dump_end is not None
        position = f"{store.outbox.end[:8]}-{dump_end}-3"
        before = [message.id for message in store.outbox.pending()]
        tool = {name: str(program(name)) for name in ("pg_dump", "psql")}
        dump = subprocess.run([tool["pg_dump"], "--no-owner", place.url], check=True, capture_output=True).stdout
        restore = [tool["psql"], "--quiet", "--set=ON_ERROR_STOP=1", elsewhere.url]
        subprocess.run(restore, check=True, input=dump, stdout=subprocess.DEVNULL)

        with Store(elsewhere.url) as moved:
            with pytest.raises(EpochError):
                moved.outbox.feed(position)
            assert [message.id for message in moved.outbox.feed()] == before
            add(moved, 3)
            assert [message.stored.id for message in moved.outbox.feed()] == ["s0", "s1", "s2", "s3"]
            assert moved.outbox.feed()[-1].id > before[-1] + GAP - 2
            assert proved(moved) == 4


def test_a_server_that_does_not_show_its_identifier_can_be_used(place: Place) -> None:
    if place.is_sqlite:
        pytest.skip("a file has no users")
    store = place.open()
    function = "function pg_control_system() from public"
    with store.writing() as connection:
        for statement in (
            "drop role if exists guest",
            "create role guest login",
            f"revoke execute on {function}",
            "grant all on all tables in schema public to guest",
            "grant all on all sequences in schema public to guest",
        ):
            connection.execute(text(statement))
    try:
        with Store(place.url.replace("tests@", "guest@")) as guest:
            add(guest, 1)
            assert len(guest.outbox.feed()) == 1
    finally:
        with store.writing() as connection:
            connection.execute(text("grant execute on function pg_control_system() to public"))
            connection.execute(text("drop owned by guest"))
            connection.execute(text("drop role guest"))


# --- The service --------------------------------------------------------------------------------------------------------------


def test_the_service_answers_410_to_a_position_of_another_epoch() -> None:
    with served() as here:
        add(here.service.store, 1)
        position = here.service.store.outbox.end
        here.service.store.begin_epoch()

        answers = [
            here.client.get("/changes", headers={"last-event-id": position}),
            here.client.get("/changes", params={"after": position}),
        ]

    assert [(answer.status_code, answer.json()["title"]) for answer in answers] == [(410, "Gone")] * 2
    assert "read the sessions anew" in answers[0].json()["detail"]
