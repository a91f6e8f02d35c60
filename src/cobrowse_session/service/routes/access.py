"""What all routes share: the service of a request, who may ask, wrong parameters, and the errors that OpenAPI lists."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote

from fastapi import Depends, Path, Query, Request, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from cobrowse_session.checks import nearest
from cobrowse_session.service import models
from cobrowse_session.service.guard import Scope
from cobrowse_session.service.problems import ProblemError, wrong_parameter
from cobrowse_session.stream import SessionLog
from cobrowse_session.times import time_text
from cobrowse_session.wire.converter import read_time

if TYPE_CHECKING:
    from cobrowse_session.service.app import Service

DESCRIBED: Mapping[int, str] = {
    400: "The document is no JSON, or no document.",
    401: "No valid token or signature.",
    403: "The token does not allow this.",
    404: "There is no such session.",
    409: "One of them is not pending, so none was marked.",
    410: "The position is of before the store was restored or moved.",
    413: "Too many bytes, or too many documents.",
    415: "Another content type.",
    422: "A parameter is wrong or unknown.",
    429: "Too many requests.",
    503: "The store cannot be used, or the service stops. Nothing was acknowledged.",
}
"""The errors of the service, by status."""
_LOST_PLUS = re.compile(r" (?=\d\d:\d\d$)")
TIME: dict[str, Any] = {"format": "date-time"}
"""What OpenAPI states of a time. `Any`: JSON."""


def service_of(request: Request) -> "Service":
    """Return the service that a request is for."""
    service: Service = request.app.state.service
    return service


# --- Who may ask --------------------------------------------------------------------------------------------------------------


async def _may_read(request: Request) -> None:
    check_token(request, Scope.READ)
    check_query(request)


async def _may_acknowledge(request: Request) -> None:
    check_token(request, Scope.ACKNOWLEDGE)
    check_query(request)


_BEARER = HTTPBearer(auto_error=False, description="A token with the scope that is needed.")


def bearer(scope: Scope) -> Any:  # FastAPI's
    """Return the dependency that lets OpenAPI say which scope a route needs."""
    return Security(_BEARER, scopes=[scope])


READS = [bearer(Scope.READ), Depends(_may_read)]
ACKNOWLEDGES = [bearer(Scope.ACKNOWLEDGE), Depends(_may_acknowledge)]
"""The dependencies of routes that show something, and of the one that marks messages as handed over."""


def check_token(request: Request, scope: Scope) -> None:
    """Check whose token a request has, and how many requests that sender makes. A wrong token counts, too: it may be a guess.

    Raises:
        ProblemError: 401, 403 or 429.
    """
    guard = service_of(request).guard
    try:
        sender = guard.check_token(request.headers.get("authorization"), scope)
    except ProblemError:
        guard.check_rate(host_of(request))
        raise
    guard.check_rate(sender or host_of(request))


def host_of(request: Request) -> str:
    """Return the address of the sender."""
    return request.client.host if request.client else "unknown"


# --- Parameters ---------------------------------------------------------------------------------------------------------------


def check_query(request: Request) -> None:
    """Check that each parameter of the query is known, and comes once. A condition that is misspelt would find everything."""
    if not request.scope["query_string"]:
        return
    route: APIRoute = request.scope["route"]
    described = service_of(request).app.openapi()["paths"][route.path_format][request.method.lower()]  # made once
    known = [one["name"] for one in described.get("parameters", ()) if one["in"] == "query"]
    for name in request.query_params:
        if len(request.query_params.getlist(name)) > 1:
            raise wrong_parameter(name, "expected once, found several times")
        if name not in known:
            expected = f"expected one of {', '.join(known)}" if known else "expected none"
            raise wrong_parameter(name, f"unknown: {expected}.{nearest(name, known)}")


def moment(name: str, text: str | None) -> datetime | None:
    """Return the time that a parameter names.

    Raises:
        ProblemError: 422: it is none.
    """
    try:
        # In an address, a `+` that is not percent-encoded is a space: 2026-03-01T10:00:00+01:00.
        return None if text is None else read_time(_LOST_PLUS.sub("+", text))
    except ValueError as error:
        raise wrong_parameter(name, f"expected {error}") from None


async def _id(session: Annotated[str, Path(description="The id of the session, percent-encoded.", examples=["s1"])]) -> str:
    return unquote(session)  # the path is routed as it was sent: see `paths.py`


Id = Annotated[str, Depends(_id)]
"""The id of a session, a part of the path."""
KnownAt = Annotated[
    str | None,
    Query(
        description="As it was known then: RFC 3339, on the cloud clock.",
        examples=["2026-03-01T09:05:00Z"],
        json_schema_extra=TIME,
    ),
]
"""The parameter `known_at`."""


def log_of(request: Request, session: str, known_at: str | None) -> SessionLog:
    """Return the log of a session, as it is or as it was known at a time.

    Raises:
        ProblemError: 404: there is none, or was none then. 422: that is no time.
    """
    log, at = service_of(request).store.load(session), moment("known_at", known_at)
    if log is None:
        raise no_session(session)
    if at is None:
        return log
    if not (then := log.as_of(at)).copies:
        raise ProblemError(404, "No such session then", f"No event of the session {session!r} was received by {time_text(at)}.")
    return then


# --- Errors -------------------------------------------------------------------------------------------------------------------


def no_session(session: str) -> ProblemError:
    """Return the error of a session that the store does not have."""
    return ProblemError(404, "No such session", f"The store has no event of {session!r}: none came, or they were deleted.")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the errors of a route, for OpenAPI. `Any`: JSON."""
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": DESCRIBED[status], "model": models.Problem, "content": {"application/problem+json": problem}}
        for status in statuses
    }
