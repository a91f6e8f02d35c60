"""The ids of a leg, remembered by a store across restarts and workers (JOIN-2)."""

from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cobrowse_session.store import DurableInbox, Store
from cobrowse_session.store.schema import LEGS

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


@pytest.mark.parametrize("is_restarted", [True, False])
def test_a_leg_under_its_participants_id_is_joined_after_a_restart_and_by_another_worker(
    tmp_path: Path, *, is_restarted: bool
) -> None:
    with Store(url(tmp_path)) as first, Store(url(tmp_path)) as second, Store(url(tmp_path)) as third:
        one, other = DurableInbox(first), DurableInbox(second, worker="other")

        assert sessions(one, CONVERSATION) == {"c1"}
        assert sessions(DurableInbox(third) if is_restarted else other, FLATTENED) == {"c1"}


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
