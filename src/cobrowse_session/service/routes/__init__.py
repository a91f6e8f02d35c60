"""The routes of the service, one module for each kind of resource."""

from cobrowse_session.service.routes.access import DESCRIBED
from cobrowse_session.service.routes.changes import changes
from cobrowse_session.service.routes.described import described
from cobrowse_session.service.routes.events import events
from cobrowse_session.service.routes.health import health
from cobrowse_session.service.routes.now import now
from cobrowse_session.service.routes.sessions import sessions

__all__ = ["DESCRIBED", "ROUTERS"]

ROUTERS = (events, sessions, now, changes, described, health)
"""All routes, in the order of the documentation."""
