"""A durable store of sessions, in SQLite or PostgreSQL (extra `store`; for PostgreSQL, `postgresql`)."""

from cobrowse_session.errors import MissingExtraError

try:
    from cobrowse_session.store.found import Page, StoredSession
    from cobrowse_session.store.inbox import DurableInbox
    from cobrowse_session.store.outbox import Message, Outbox
    from cobrowse_session.store.repair import Lost, Repaired, repair
    from cobrowse_session.store.store import Store
    from cobrowse_session.store.timers import TimerRunner
    from cobrowse_session.store.verify import Finding, Verified, verify
except ModuleNotFoundError as error:
    if error.name not in ("sqlalchemy", "alembic"):
        raise
    raise MissingExtraError("a store", "store") from None

__all__ = [
    "DurableInbox",
    "Finding",
    "Lost",
    "Message",
    "Outbox",
    "Page",
    "Repaired",
    "Store",
    "StoredSession",
    "TimerRunner",
    "Verified",
    "repair",
    "verify",
]
