"""The route that takes events."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from cobrowse_session.io.replay import Rejected
from cobrowse_session.service import models, views
from cobrowse_session.service.guard import Scope
from cobrowse_session.service.requests import check_signed, read_body, read_document
from cobrowse_session.service.routes.access import bearer, check_query, check_token, host_of, problems, service_of

NOTHING_TAKEN = "Nothing of the document could be taken."

events = APIRouter(tags=["events"])


@events.post(
    "/events",
    summary="Send events",
    response_model=models.TakenOut,
    responses={**problems(400, 401, 403, 413, 415, 429, 503), 422: {"model": models.TakenOut, "description": NOTHING_TAKEN}},
    openapi_extra={"requestBody": models.EVENTS},
    dependencies=[bearer(Scope.WRITE)],  # or a signature: see below
)
async def post_events(request: Request) -> Response:
    """Take events, and answer what became of each, after all of them were stored.

    They are CloudEvents, structured, in a batch or binary, or payloads of the platform. An event that breaks a rule of the
    lifecycle is `refused`: it is stored, and changes nothing. What cannot be read is `rejected`, and is not stored.
    """
    service, body = service_of(request), await _authenticated(request)
    check_query(request)
    taken = await service.take(read_document(request, body, service.guard.max_body))
    rejected = [one for one in taken.answers if isinstance(one, Rejected)]
    return JSONResponse(views.taken_json(taken), 422 if rejected and len(rejected) == len(taken.answers) else 200)


async def _authenticated(request: Request) -> bytes:
    """Return the body of a request that has a token or a signature."""
    guard = service_of(request).guard
    if guard.secrets and "webhook-signature" in request.headers:
        guard.check_rate(host_of(request))  # before the work
        body = await read_body(request, guard.max_body)
        guard.check_signature(body, request.headers)
        check_signed(request)
        return body
    check_token(request, Scope.WRITE)
    return await read_body(request, guard.max_body)
