"""The JSON that the service answers. `Any` is JSON everywhere here."""

import json
from typing import Any

from cobrowse_session.errors import DecodeError
from cobrowse_session.io.answers import Received, Taken
from cobrowse_session.io.replay import Rejected
from cobrowse_session.lifecycle import Allowed, Applied, Ignored, Refused
from cobrowse_session.store import Message, StoredSession
from cobrowse_session.stream import SessionLog
from cobrowse_session.times import time_text
from cobrowse_session.wire import encode_session
from cobrowse_session.wire.saved import save_context


def taken_json(taken: Taken) -> dict[str, Any]:
    """Return the result of a document."""
    return {
        "answers": [rejected_json(one) if isinstance(one, Rejected) else received_json(one) for one in taken.answers],
        "warnings": [{"warning": one.error, "path": one.path, "found": one.found, "leg": one.leg} for one in taken.warnings],
        "skipped": list(taken.skipped),
    }


def received_json(received: Received) -> dict[str, Any]:
    """Return the result of an event that was taken."""
    event, outcome = received.event, received.outcome
    answer: dict[str, Any] = {
        "session": event.subject,
        "source": event.source,
        "id": event.id,
        "type": event.type,
        "outcome": outcome.kind,
        "reason": outcome.reason,
        "row": outcome.row,
        "rule": outcome.rule if isinstance(outcome, Ignored | Refused) else None,
        "from": str(outcome.from_state),
        "to": str(outcome.to_state) if isinstance(outcome, Applied) else None,
        "acw": None if outcome.acw is None else str(outcome.acw),
        "notes": [*outcome.notes, *received.notes],
    }
    return answer


def rejected_json(rejected: Rejected) -> dict[str, Any]:
    """Return the reasons why something was rejected."""
    return {"outcome": Rejected.kind, "problems": problems_json(rejected.error), "count": rejected.count}


def problems_json(error: DecodeError) -> list[dict[str, Any]]:
    """Return everything that is wrong with a document."""
    return [{"error": p.error, "path": p.path, "found": p.found, "expected": p.expected} for p in error.problems]


def stored_json(stored: StoredSession) -> dict[str, Any]:
    """Return a session as it is stored."""
    return {"id": stored.id, "version": stored.version, "events": stored.events, **_shown(stored)}


def log_json(log: SessionLog) -> dict[str, Any]:
    """Return a session as its log shows it, for a time before now."""
    return {"id": log.session_id, "events": len(log.copies), **_shown(log)}


def _shown(one: StoredSession | SessionLog) -> dict[str, Any]:
    return {
        "sealed": one.sealed,
        "latest": one.latest and time_text(one.latest),
        "deadline": one.deadline and time_text(one.deadline),
        "context": save_context(one.context),
        "session": json.loads(encode_session(one.session)),
    }


def allowed_json(allowed: Allowed) -> dict[str, Any]:
    """Return whether events of a kind would be applied."""
    return {
        "type": allowed.event.prefix + allowed.event.kind,
        "answer": allowed.answer,
        "rules": list(allowed.rules),
        "reasons": list(allowed.reasons),
    }


def message_json(message: Message) -> dict[str, Any]:
    """Return a message."""
    return {
        "id": message.id,
        "position": message.position,
        "kind": message.kind,
        "version": message.version,
        **({"event": message.document} if message.kind == "late" else message.document),
        "stored": stored_json(message.stored),
    }
