"""Observers for logs and inboxes: async functions, `logging`, structlog and OpenTelemetry.

>>> from cobrowse_session import Lifecycle, SessionLog
>>> log = SessionLog(Lifecycle(), "s1", observers=[LoggingObserver()])
"""

from cobrowse_session.observe.asynchronous import AsyncObserver
from cobrowse_session.observe.records import LoggingObserver, StructlogObserver, StructuredLogger
from cobrowse_session.observe.spans import SpanObserver

__all__ = ["AsyncObserver", "LoggingObserver", "SpanObserver", "StructlogObserver", "StructuredLogger"]
