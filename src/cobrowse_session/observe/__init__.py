"""Observers for logs and inboxes."""

from cobrowse_session.observe.asynchronous import AsyncObserver

__all__ = ["AsyncObserver"]
