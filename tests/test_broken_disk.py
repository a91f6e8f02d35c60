"""Disks that fail: SQLite's log torn at every page, a disk that is full, a database that is read-only, or gone in the middle."""

import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from attrs import frozen
from tests.postgresql import Server
from tests.stores import Databases, Place, postgresql_databases, proved, stored_events

from cobrowse_session import Event
from cobrowse_session.errors import StoreError
from cobrowse_session.store import Store
from cobrowse_session.testing import stream

# --- The write-ahead log, torn ------------------------------------------------------------------------------------------------

HEADER, FRAME_HEADER = 32, 24
"""The sizes of the header of SQLite's write-ahead log, and of each frame, which is followed by a page."""


@frozen
class Torn:
    """A database, its write-ahead log, and how long the log was when each append was answered."""

    database: bytes
    log: bytes
    answered: tuple[int, ...]

    @property
    def frame(self) -> int:
        """The size of a frame."""
        return FRAME_HEADER + int(struct.unpack(">I", self.log[8:12])[0])

    @property
    def frames(self) -> range:
        """Where the frames begin."""
        return range(HEADER, len(self.log), self.frame)

    def number_in(self, folder: Path, log: bytes, intact: int) -> int:
        """Open the database with a broken log, and return the number of the appends that it has.

        Args:
            folder: an empty one.
            log: the broken log.
            intact: how many of its first bytes are as they were.
        """
        (folder / "x.db").write_bytes(self.database)
        (folder / "x.db-wal").write_bytes(log)
        with Store(f"sqlite:///{folder / 'x.db'}") as store:
            number = len(stored_events(store))
            assert proved(store) == number
            assert {session: len(events) for session, events in stored_events(store).items()} == some_appends(number)
            assert number >= 2 + sum(size <= intact for size in self.answered)
            store.append(appended(99))  # it works
            assert proved(store) == number + 1
        for file in folder.iterdir():
            file.unlink()
        return number


def appended(number: int) -> tuple[Event, ...]:
    """The events of one append: of a session of its own."""
    call = stream(f"s{number}").alerting().after(3).connected().after(60).disconnected("peer")
    return call.events[: 1 + number % 3]


def some_appends(number: int) -> dict[str, int]:
    """What is stored after some appends: how many events by session."""
    return {f"s{one}": len(appended(one)) for one in range(number)}


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Torn:
    """A database with two appends, and six in the log."""
    file = tmp_path_factory.mktemp("torn") / "x.db"
    log = file.with_name("x.db-wal")
    answered = []
    with Store(f"sqlite:///{file}") as store:
        for number in range(2):
            store.append(appended(number))
        with store.database.engine.connect() as connection:
            connection.exec_driver_sql("commit")
            connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
            connection.exec_driver_sql("begin")
        assert log.stat().st_size == 0
        for number in range(2, 8):
            store.append(appended(number))
            answered.append(log.stat().st_size)
        return Torn(file.read_bytes(), log.read_bytes(), tuple(answered))


def test_a_log_that_is_cut_at_any_page_has_every_append_that_was_answered_before(torn: Torn, tmp_path: Path) -> None:
    found = [torn.number_in(tmp_path, torn.log[:place], place) for place in (0, *torn.frames, len(torn.log))]

    assert found == sorted(found)
    assert set(found) == set(range(2, 9))  # each append was seen missing, and there


def test_a_log_that_ends_in_the_middle_of_a_page_has_every_append_that_was_answered_before(torn: Torn, tmp_path: Path) -> None:
    for place in torn.frames:
        for into in (FRAME_HEADER - 3, torn.frame // 2)[place // torn.frame % 2 :: 2]:
            torn.number_in(tmp_path, torn.log[: place + into], place)


def test_a_log_with_garbled_bytes_in_any_page_has_every_append_that_was_answered_before(torn: Torn, tmp_path: Path) -> None:
    for place in torn.frames:
        broken = bytearray(torn.log)
        into = place + (place * 7919) % torn.frame  # anywhere in the frame, its header included
        broken[into : into + 8] = bytes(byte ^ 0xA5 for byte in broken[into : into + 8])
        torn.number_in(tmp_path, bytes(broken), place)


# --- Full ---------------------------------------------------------------------------------------------------------------------

FILL = """
import resource, sys
from cobrowse_session.errors import StoreError
from cobrowse_session.store import Store
from cobrowse_session.testing import stream

store = Store(sys.argv[1])
limit = int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
number = 0
try:
    while number < 5000:
        store.append(stream(f"s{number}").alerting(peer_id="p" * 1000))
        number += 1
except StoreError as error:
    print(number, type(error).__name__, error.advice, sep="|")
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    store.append(stream("afterwards").alerting())
"""


def filled(url: str, limit: int) -> tuple[int, str]:
    """Append until an error comes, and return the number of appends that were answered, and the advice."""
    command = [sys.executable, "-c", FILL, url, str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    number, kind, advice = done.stdout.strip().split("|")
    assert kind == "StoreError"
    return int(number), advice


def test_a_file_that_may_grow_no_more_is_a_clear_error_and_what_was_answered_is_stored(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"

    answered, _ = filled(url, 1_000_000)

    with Store(url) as store:
        assert stored_events(store).keys() == {*(f"s{number}" for number in range(answered)), "afterwards"}
        assert proved(store) == answered + 1
    assert answered > 10


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a disk of a size, or skip the test where that is not allowed."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=777", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_a_clear_error_and_the_store_works_when_there_is_space_again(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1500k") as disk:
        url = f"sqlite:///{disk / 'x.db'}"

        answered, advice = filled(url, 0)
        subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)

        assert "free some space on the disk" in advice
        with Store(url) as store:
            assert stored_events(store).keys() == {f"s{number}" for number in range(answered)}
            store.append(stream("afterwards").alerting())
            assert proved(store) == answered + 1


# --- Read-only, gone ----------------------------------------------------------------------------------------------------------


def test_a_database_that_is_read_only_can_be_read_and_an_append_is_a_clear_error(
    databases: Databases, request: pytest.FixtureRequest
) -> None:
    server = None if databases.kind == "sqlite" else request.getfixturevalue("postgresql")
    with databases.place() as place:
        place.open().append(appended(2))
        place.close()
        with read_only(place, server) as url, Store(url) as store:
            with pytest.raises(StoreError, match=r"let this process write the file|use a server that takes writes"):
                store.append(appended(5))
            assert store.find().sessions[0].id == "s2"
            assert (store.count(), proved(store)) == (1, 1)

        place.open().append(appended(5))
        assert proved(place.open()) == 2


@contextmanager
def read_only(place: Place, server: Server | None) -> Iterator[str]:
    """Return the address of a database under which it takes no writes: a server that stands by takes none."""
    if server is None:
        yield f"sqlite:///file:{place.url.removeprefix('sqlite:///')}?mode=ro&uri=true"
        return
    server.stop()
    (server.data / "standby.signal").touch()
    server.start()
    try:
        yield place.url
    finally:
        server.stop()
        (server.data / "standby.signal").unlink()
        server.start()


def test_a_server_that_stops_in_the_middle_is_a_clear_error_and_the_store_works_when_it_is_back(postgresql: Server) -> None:
    with postgresql_databases(postgresql).place() as place:
        store = place.open()
        store.append(appended(2))
        for mode in ("immediate", "fast"):
            postgresql.stop(mode)
            for _ in range(2):
                with pytest.raises(StoreError, match="check that the database runs and can be reached, then try again"):
                    store.append(appended(5))
                with pytest.raises(StoreError):
                    store.find()
            postgresql.start()

            store.append(appended(5))
            assert proved(store) == 2


def test_after_a_restart_of_the_server_that_nobody_noticed_at_most_one_call_fails(postgresql: Server) -> None:
    with postgresql_databases(postgresql).place() as place:
        store = place.open()
        store.append(appended(2))
        postgresql.stop("immediate")
        postgresql.start()

        with suppress(StoreError):  # the connection that was open is gone
            store.append(appended(5))

        store.append(appended(5))
        assert proved(store) == 2


def test_a_folder_that_is_gone_is_a_clear_error_and_the_store_works_when_it_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    url = f"sqlite:///{folder / 'x.db'}"
    with Store(url) as store:
        store.append(appended(2))
    folder.rename(tmp_path / "elsewhere")

    with pytest.raises(StoreError, match="check that the folder exists"):
        Store(url)
    (tmp_path / "elsewhere").rename(folder)

    with Store(url) as store:
        store.append(appended(5))
        assert proved(store) == 2
