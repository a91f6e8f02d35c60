"""The service on disks that fail, for real: full, limited, read-only, and a server that takes no writes."""

import resource
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from attrs import define
from tests.postgresql import Server
from tests.serving import NOW, command, event, served
from tests.stores import postgresql_databases
from tests.test_broken_disk import small_disk

from cobrowse_session.errors import ConflictError
from cobrowse_session.service import app
from cobrowse_session.store import DurableInbox, Store, verify
from cobrowse_session.testing import stream

ALERTING = stream("s1").alerting().events
LARGE = {"peerId": "p" * 20_000}


@define
class Clock:
    """A clock that is set."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


def fill(post: Callable[[Any], Any], most: int = 2000) -> tuple[list[str], Any]:
    """Send sessions until one cannot be stored. Return those that were stored, and the response to that one."""
    answered: list[str] = []
    for number in range(most):
        response = post(event(session=f"s{number}", data=LARGE))
        if response.status_code != 200:
            return answered, response
        answered.append(f"s{number}")
    raise AssertionError("the disk is not full")


def is_clear(response: Any) -> bool:
    """Return whether a response says that nothing was stored and when to come again."""
    return (response.status_code, response.headers.get("retry-after"), response.json()["detail"]) == (
        503,
        "5",
        "Nothing was stored. Send the same request again.",
    )


def stored(store: Store) -> list[str]:
    """Return the sessions of a store, after a proof that each follows from its events."""
    assert verify(store).findings == []
    return [one.id for one in store.find(limit=100_000).sessions]


def until_ready(ask: Callable[[str], Any]) -> None:
    """Ask until the service is ready."""
    while ask("/health/ready").status_code != 200:
        pass


def test_on_a_full_disk_nothing_is_answered_that_is_not_stored_and_the_service_works_when_there_is_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    seconds = [0.0]
    monkeypatch.setattr(app, "monotonic", lambda: seconds[0])
    with small_disk(tmp_path / "disk", "3m") as disk, served(f"sqlite:///{disk}/s.db", clock=clock) as here:
        answered, refused = fill(here.post)
        ready, seen = here.client.get("/health/ready"), here.client.get("/sessions/s0")
        on_disk = stored(here.service.store)
        subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)
        clock.now -= timedelta(hours=1)  # it is set back, and says nothing of how long ago the failure was
        seconds[0] += 4
        still = here.client.get("/health/ready")
        seconds[0] += 1
        until_ready(here.client.get)
        again = here.post(event(session=f"s{len(answered)}", data=LARGE))

        assert is_clear(refused)
        assert [(one.status_code, one.json()["store"]) for one in (ready, still)] == [(503, "does not work")] * 2
        assert (seen.status_code, sorted(on_disk)) == (200, sorted(answered))
        assert again.json()["answers"][0]["outcome"] == "applied"


def test_a_file_that_may_grow_no_more_is_a_503_and_what_was_answered_is_there_after_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    with command(tmp_path, "--store", url) as (process, address), httpx2.Client(base_url=address, timeout=30) as client:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
        answered, refused = fill(lambda document: client.post("/events", json=document))
        ready = client.get("/health/ready")
        alive = client.get("/health/live")
    with Store(url) as store:
        found = stored(store)

    assert is_clear(refused)
    assert (ready.status_code, alive.status_code) == (503, 200)
    assert len(answered) > 10
    assert sorted(found) == sorted(answered)


@pytest.fixture(params=["sqlite", "postgresql"])
def read_only(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the address of a store with one session, which can be read only."""
    if request.param == "sqlite":
        file = tmp_path / "s.db"
        with Store(f"sqlite:///{file}") as store:
            store.append(ALERTING)
        yield f"sqlite:///file:{file}?mode=ro&uri=true"
        return
    server: Server = request.getfixturevalue("postgresql")
    with postgresql_databases(server).place() as place:
        place.open().append(ALERTING)
        place.close()
        server.stop()
        (server.data / "standby.signal").touch()
        server.start()
        try:
            yield place.url
        finally:
            server.stop()
            (server.data / "standby.signal").unlink()
            server.start()


def test_a_database_that_is_read_only_can_be_read_and_refuses_events_with_a_503(read_only: str) -> None:
    with served(read_only) as here:
        refused = [here.post(event("connected", number=2, at="09:00:03")) for _ in range(2)]
        ready = here.client.get("/health/ready")

        assert [is_clear(one) for one in refused] == [True, True]
        assert (ready.status_code, ready.json()["store"]) == (503, "does not work")
        assert here.client.get("/sessions/s1").json()["session"]["state"] == "alerting"
        assert stored(here.service.store) == ["s1"]


def test_however_often_health_is_asked_for_the_disk_is_asked_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds, probes = [0.0], list[float]()
    monkeypatch.setattr(app, "monotonic", lambda: seconds[0])
    probe = Store.probe

    def counted(store: Store) -> None:
        probes.append(seconds[0])
        probe(store)

    monkeypatch.setattr(Store, "probe", counted)
    with served(f"sqlite:///{tmp_path}/s.db") as here:
        for _ in range(40):
            assert here.client.get("/health/ready").status_code == 200
            seconds[0] += 0.125

    assert probes == [0, 1, 2, 3, 4]


def test_an_error_of_one_race_does_not_make_the_service_unready(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(*_: object) -> None:
        raise ConflictError("sqlite://", "other writers were first", "try again")

    with served() as here:
        with monkeypatch.context() as patch:
            patch.setattr(DurableInbox, "take_each", lose)
            assert here.post(event()).status_code == 503
        assert here.client.get("/health/ready").status_code == 200
