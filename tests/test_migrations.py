"""The tables of a store: created once, as the code says, of one version, and changed as a whole or not at all."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from tests.stores import Databases, Place, proved

from cobrowse_session.errors import MissingExtraError, StoreError
from cobrowse_session.store import Store, migrations
from cobrowse_session.store.database import Database
from cobrowse_session.store.schema import METADATA, SCHEMA
from cobrowse_session.store.upgrade import upgrade
from cobrowse_session.testing import stream


def names(place: Place) -> set[str]:
    """Return the names of the tables in a database."""
    database = Database(place.url)
    with database.reading() as connection:
        found = set(inspect(connection).get_table_names())
    database.close()
    return found


def run(place: Place, *statements: str) -> None:
    """Execute statements."""
    database = Database(place.url)
    with database.writing() as connection:
        for statement in statements:
            connection.execute(text(statement))
    database.close()


def set_revision(place: Place, revision: str) -> None:
    """Let the tables have another revision."""
    database = Database(place.url)
    with database.writing() as connection:
        connection.execute(text("update alembic_version set version_num = :revision"), {"revision": revision})
    database.close()


def test_the_newest_revision_is_the_one_that_the_code_needs() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))

    assert scripts.get_heads() == [SCHEMA]


def test_the_revisions_create_the_tables_that_the_code_uses(databases: Databases) -> None:
    with databases.place() as place:
        store = place.open()
        with store.database.reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
            assert compare_metadata(context, METADATA) == []
            assert context.get_current_revision() == SCHEMA


def test_a_database_that_has_its_tables_is_not_migrated_again(databases: Databases) -> None:
    with databases.place() as place:
        place.open().append(stream("s1").alerting())
        before = names(place)

        database = Database(place.url)
        upgrade(database)
        database.close()

        assert names(place) == before
        assert proved(place.open()) == 1


def test_a_migration_that_fails_leaves_nothing(databases: Databases) -> None:
    with databases.place() as place:
        run(place, "create view horizon as select 1 as id")  # the last table cannot be created

        with pytest.raises(StoreError, match="horizon"):
            place.open()

        assert names(place) == set()
        run(place, "drop view horizon")
        place.open().append(stream("s1").alerting())
        assert proved(place.open()) == 1


@pytest.mark.parametrize(
    ("revision", "advice"),
    [("0000", "run: cobrowse-session store upgrade"), ("9999", "install a newer cobrowse-session")],
)
def test_tables_of_another_version_are_refused_and_stay_as_they_are(databases: Databases, revision: str, advice: str) -> None:
    with databases.place() as place:
        place.open().append(stream("s1").alerting())
        set_revision(place, revision)

        with pytest.raises(StoreError, match=f"revision {revision}, this package needs {SCHEMA}.*{advice}"):
            place.open()

        set_revision(place, SCHEMA)
        assert proved(place.open()) == 1


def test_a_newer_database_is_not_upgraded(databases: Databases) -> None:
    with databases.place() as place:
        place.open()
        set_revision(place, "9999")

        database = Database(place.url)
        with pytest.raises(StoreError, match="install a newer"):
            upgrade(database)
        database.close()


@pytest.mark.parametrize("foreign", ["create table events (id integer)", "create table sessions (id integer)"])
def test_tables_of_somebody_else_are_refused_and_stay(databases: Databases, foreign: str) -> None:
    with databases.place() as place:
        run(place, foreign)
        before = names(place)

        with pytest.raises(StoreError, match="other tables of the same names; give a store a database of its own"):
            place.open()

        assert names(place) == before


@pytest.mark.parametrize("version", ["8d2f1c9a7b3e", "0002a", None])
@pytest.mark.parametrize("has_sessions", [False, True])
def test_a_database_that_another_program_migrates_is_an_error_that_names_its_version(
    databases: Databases, version: str | None, *, has_sessions: bool
) -> None:
    with databases.place() as place:
        run(place, "create table alembic_version (version_num varchar(32))")
        if version is not None:
            run(place, f"insert into alembic_version values ('{version}')")  # noqa: S608 (ours)
        if has_sessions:
            run(place, "create table sessions (id integer)")
        before = names(place)

        with pytest.raises(StoreError, match=f"alembic_version is '{version}'; give a store a database of its own"):
            place.open()

        database = Database(place.url)
        with pytest.raises(StoreError, match="belongs to another program"):
            upgrade(database)
        database.close()
        assert names(place) == before


def test_a_store_whose_tables_were_deleted_says_so(databases: Databases) -> None:
    with databases.place() as place:
        store = place.open()
        run(place, *(f"drop table {table.name}" for table in reversed(METADATA.sorted_tables)))

        for call in (store.count, store.outbox.pending, lambda: store.append(stream("s1").alerting())):
            with pytest.raises(StoreError, match="its tables were deleted: open the store again, or restore it from a backup"):
                call()


def test_alembic_that_is_not_installed_is_named_by_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cobrowse_session.store.migrations")
    monkeypatch.setitem(sys.modules, "alembic.command", None)

    with pytest.raises(MissingExtraError, match=r"needs the extra 'store': pip install 'cobrowse-session\[store\]'"):
        Store(f"sqlite:///{tmp_path / 'x.db'}")


def test_other_tables_of_somebody_else_are_left_alone(databases: Databases) -> None:
    with databases.place() as place:
        run(place, "create table bills (id integer)", "insert into bills values (1)")

        place.open().append(stream("s1").alerting())

        assert "bills" in names(place)
        assert proved(place.open()) == 1


CREATE = "import sys; from cobrowse_session.store import Store; sys.stdin.read(1); Store(sys.argv[1]).close()"


def test_of_four_processes_that_start_at_once_in_an_empty_database_each_can_use_it(databases: Databases) -> None:
    with databases.place() as place:
        started = [
            subprocess.Popen([sys.executable, "-c", CREATE, place.url], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(4)
        ]
        ended = []
        for process in started:  # the last one is told before the first one has ended
            assert process.stdin is not None
            process.stdin.write(b"x")
            process.stdin.flush()
        for process in started:
            _, errors = process.communicate(timeout=60)
            ended.append((process.returncode, errors))

        assert ended == [(0, b"")] * 4
        place.open().append(stream("s1").alerting())
        assert proved(place.open()) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "no address of a database"),
        ("mysql://root@localhost/x", "no address of a database"),
        ("", "no address of a database"),
        ("sqlite:////no/such/folder/x.db", "check that the folder exists"),
        ("sqlite:////tmp/x.db?timeout=soon", "an option of its address is wrong"),
        ("postgresql://127.0.0.1:1/x?soon=1", "invalid connection option"),
        ("sqlite://x", "write three slashes: sqlite:///sessions.db"),
        ("sqlite://sessions.db", "write three slashes"),
        ("sqlite://host/sessions.db", "write three slashes"),
        ("sqlite://:8000/x", "write three slashes"),
        ("sqlite://user:secret@/x", "write three slashes"),
        ("postgresql://user:secret@127.0.0.1:1/x", "check that the database runs and can be reached"),
    ],
)
def test_a_database_that_cannot_be_opened_is_a_clear_error_without_the_password(url: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as caught:
        Store(url)

    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_a_clear_error_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database, but long enough to have a header of one hundred bytes. " * 20)
    before = file.read_bytes()

    with pytest.raises(StoreError, match="this one is no SQLite database"):
        Store(f"sqlite:///{file}")

    assert file.read_bytes() == before


def test_a_file_that_does_not_exist_is_not_created_where_it_must_not_be(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no such file"):
        Store(f"sqlite:///{tmp_path / 'x.db'}", create=False)

    assert list(tmp_path.iterdir()) == []
    sqlite3.connect(tmp_path / "empty.db").close()
    with pytest.raises(StoreError):
        Store(f"sqlite:///{tmp_path / 'empty.db'}", create=False)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://127.0.0.1:1/db?user=u&password=s3cret",
        "postgresql://u:s3cret@127.0.0.1:1/db",
        "postgresql://u:x@s3cret@127.0.0.1:1/db",
        "postgresql:/u:s3cret/db",
        "mysql://u:s3cret@host/db",
        "u:s3cret@host",
    ],
)
def test_no_error_shows_a_password_wherever_the_address_has_it(url: str) -> None:
    with pytest.raises(StoreError) as raised:
        Store(url)

    assert "s3cret" not in str(raised.value).partition("; ")[0].partition(": connection")[0]
    assert "s3cret" not in raised.value.store
