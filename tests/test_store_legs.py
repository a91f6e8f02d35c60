"""The ids of a leg, remembered by a store across restarts and workers (JOIN-2)."""

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from sqlalchemy import select
from tests.stores import Place

from cobrowse_session import ProviderClock
from cobrowse_session.io.answers import Received
from cobrowse_session.io.replay import Rejected
from cobrowse_session.store import DurableInbox, Store
from cobrowse_session.store.schema import LEGS
from cobrowse_session.store.transfer import export_lines, import_lines
from cobrowse_session.testing import START, stream
from cobrowse_session.wire import encode_event

CONVERSATION: dict[str, Any] = {
    "id": "conv",
    "participants": [
        {
            "id": "p1",
            "purpose": "agent",
            "calls": [
                {"id": "c1", "state": "connected", "initialState": "alerting", "connectedTime": "2026-05-01T10:00:03.000Z"},
            ],
        },
    ],
}
FLATTENED = {
    "topicName": "v2.users.u1.conversations.calls",
    "eventBody": {
        "id": "conv",
        "participants": [
            {
                "id": "p1",
                "purpose": "agent",
                "state": "connected",
                "startAlertingTime": "2026-05-01T10:00:00.020Z",
                "connectedTime": "2026-05-01T10:00:03.000Z",
            },
        ],
    },
}


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/sessions.db"


def sessions(inbox: DurableInbox, document: dict[str, Any]) -> set[str]:
    return {answer.event.subject for answer in inbox.take(document).answers}  # type: ignore[union-attr]  # none is rejected


DETAIL: dict[str, Any] = {
    "topicName": "v2.detail.events.conversation.conv.user.start",
    "eventBody": {"eventTime": 1_777_629_600_000, "conversationId": "conv", "participantId": "p1", "sessionId": "c1"},
}


@pytest.mark.parametrize("document", [CONVERSATION, DETAIL], ids=["conversation", "detail event"])
@pytest.mark.parametrize("is_restarted", [True, False])
def test_a_leg_under_its_participants_id_is_joined_after_a_restart_and_by_another_worker(
    tmp_path: Path, document: dict[str, Any], *, is_restarted: bool
) -> None:
    with Store(url(tmp_path)) as first, Store(url(tmp_path)) as second, Store(url(tmp_path)) as third:
        one, other = DurableInbox(first), DurableInbox(second, worker="other")

        assert sessions(one, document) == {"c1"}
        assert sessions(DurableInbox(third) if is_restarted else other, FLATTENED) == {"c1"}


def test_the_kind_of_media_of_a_leg_is_the_latest_one_that_was_stated(place: Place) -> None:
    with_media, store = deepcopy(DETAIL), place.open()
    with_media["eventBody"]["mediaType"] = "VOICE"
    for document, media in ((DETAIL, None), (with_media, "call"), (DETAIL, "call"), (CONVERSATION, "call")):
        for inbox in (DurableInbox(store), DurableInbox(store, worker="other")):
            inbox.take(document)
            assert legs(store) == [("p1", "c1", media)]


def test_the_ids_are_forgotten_with_their_session(tmp_path: Path) -> None:
    ended = deepcopy(CONVERSATION)
    ended["participants"][0]["calls"][0] |= {"state": "disconnected", "disconnectedTime": "2026-05-01T10:05:00.000Z"}
    with Store(url(tmp_path)) as store:
        inbox = DurableInbox(store)
        for document in (CONVERSATION, ended, ended):
            inbox.take(document, datetime(2026, 5, 2, tzinfo=UTC))
        assert legs(store) == [("p1", "c1", "call")]

        later = datetime(2026, 6, 1, tzinfo=UTC)
        store.outbox.acknowledge(store.outbox.pending())
        assert store.seal(later) == ("c1",)
        store.outbox.acknowledge(store.outbox.pending())
        assert store.forget(later) == 1
        assert legs(store) == []


def legs(store: Store) -> list[tuple[str, ...]]:
    with store.database.reading() as connection:
        return [tuple(row) for row in connection.execute(select(LEGS.c.participant, LEGS.c.communication, LEGS.c.media))]


def moved(store: Store) -> Store:
    """Return a new store with what the export of another one has."""
    other = Store("sqlite://")
    data = "\n".join(export_lines(store)).encode()
    assert import_lines(other, BytesIO(data), print).rejected == 0
    assert import_lines(other, BytesIO(data), print).new == 0
    assert "\n".join(export_lines(other)).encode() == data
    return other


def test_a_leg_is_joined_in_the_store_to_which_its_session_was_moved(tmp_path: Path) -> None:
    with Store(url(tmp_path)) as store:
        assert sessions(DurableInbox(store), CONVERSATION) == {"c1"}
        with moved(store) as other:
            assert sessions(DurableInbox(other), FLATTENED) == {"c1"}


def test_a_clock_corrects_in_the_store_to_which_it_was_moved_unless_that_has_learned_itself(tmp_path: Path) -> None:
    def taken(store: Store, number: int, ahead: int = 10) -> timedelta:
        inbox = DurableInbox(store, correct={"/acme": ProviderClock()})
        now = START + number * timedelta(seconds=10)
        (event,) = stream(f"s{number}", source="/acme", start=now + timedelta(seconds=ahead)).alerting()
        answer = inbox.receive(encode_event(evolve(event, received_at=None)), now)
        assert isinstance(answer, Received)
        return answer.offset

    with Store(url(tmp_path)) as store:
        for number in range(130):
            taken(store, number)
        with moved(store) as other:
            assert taken(store, 200) == taken(other, 200) == timedelta(seconds=-10)
            data = "\n".join(export_lines(store)).encode()
            for number in range(300, 430):
                taken(other, number, ahead=5)
            import_lines(other, BytesIO(data), print)
            assert taken(other, 500, ahead=5) == timedelta(seconds=-5)


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ('{"format":1,"clock":{"source":"/a"}}', "$.clock.learned"),
        ('{"format":1,"clock":{"source":"/a","learned":{"format":1}}}', "$.windowMs"),
        ('{"format":1,"clock":5}', "$.clock"),
    ],
)
def test_a_clock_of_an_export_that_cannot_be_read_is_rejected(line: str, path: str) -> None:
    rejected: list[Rejected] = []
    with Store("sqlite://") as store:
        assert import_lines(store, BytesIO(line.encode()), rejected.append).rejected == 1

    assert {problem.path for one in rejected for problem in one.error.problems} >= {path}


def test_a_leg_of_an_export_whose_ids_are_too_long_for_a_key_is_left_out(tmp_path: Path) -> None:
    with Store(url(tmp_path)) as store, Store("sqlite://") as other:
        store.append(stream("s1").alerting())
        (line,) = export_lines(store)
        saved = {**json.loads(line), "legs": [{"source": "s" * 1000, "participant": "p"}, {"source": "/a", "participant": "p"}]}
        assert import_lines(other, BytesIO(json.dumps(saved).encode()), print).new == 1

        with other.writing() as connection:
            assert [row.source for row in connection.execute(select(LEGS))] == ["/a"]
