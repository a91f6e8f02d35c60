"""The routes that hand over what changed: as a stream that can be resumed, and as messages that are acknowledged."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse
from pydantic import ValidationError

from cobrowse_session.errors import ConflictError, EpochError
from cobrowse_session.service import models, views
from cobrowse_session.service.problems import ProblemError, wrong_parameter, wrong_parameters
from cobrowse_session.service.requests import read_body, read_document
from cobrowse_session.service.routes.access import ACKNOWLEDGES, READS, problems, service_of
from cobrowse_session.store.outbox import POSITION, read_position

STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}
"""The answer that is a stream, for OpenAPI. `Any`: JSON."""
MAX_BYTES = 1 << 20
"""The bytes of messages in the database after which no further one is in the same answer."""
AS_IT_COMES = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""The headers by which no proxy keeps a stream back."""

_FORM: dict[str, Any] = {"pattern": f"^({POSITION})$"}

changes = APIRouter(tags=["changes"])


def _position_of(
    request: Request,
    last_event_id: Annotated[
        str | None, Header(description="The position of the last message that was read.", json_schema_extra=_FORM)
    ] = None,
    after: Annotated[
        str | None, Query(description="The same, for clients that cannot send the header.", json_schema_extra=_FORM)
    ] = None,
) -> str:
    """Return the position from which changes are read. It is known when the response begins, so nothing is missed then."""
    for name, text in (("after", after), ("Last-Event-ID", last_event_id)):
        try:
            read_position(text, name)
        except ValueError as error:
            raise wrong_parameter(name, str(error).removeprefix(f"{name}: ")) from None
    # The header counts: a browser that comes again sends its latest position, and the address with which it began.
    position, outbox = after if last_event_id is None else last_event_id, service_of(request).store.outbox
    if position is None:
        return outbox.end
    try:
        outbox.check(position)
    except EpochError:
        raise ProblemError(
            410, "Gone", "The store was restored or moved. Follow without a position, and then read the sessions anew."
        ) from None
    return position


@changes.get(
    "/changes",
    summary="Follow the changes",
    response_class=Response,
    responses={**STREAM, **problems(401, 403, 410, 422, 429, 503)},
    dependencies=READS,
)
async def get_changes(request: Request, position: Annotated[str, Depends(_position_of)]) -> Response:
    """Stream what happens to all sessions as server-sent events, from now on or from a position."""
    return EventSourceResponse(service_of(request).feed.follow(position), headers=AS_IT_COMES)


@changes.get(
    "/messages",
    summary="See what is to be handed over",
    response_model=models.MessagesOut,
    responses=problems(401, 403, 422, 429, 503),
    dependencies=READS,
)
def get_messages(request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
    """Return messages that were not acknowledged yet, the oldest first. Large ones are fewer: no further one after 1 MiB."""
    waiting = service_of(request).store.outbox.pending(limit, MAX_BYTES)
    return JSONResponse({"messages": list(map(views.message_json, waiting))})


@changes.post(
    "/messages/acknowledged",
    summary="Acknowledge messages",
    response_model=models.AcknowledgedOut,
    responses=problems(400, 401, 403, 409, 413, 415, 422, 429, 503),
    openapi_extra={"requestBody": models.ACKNOWLEDGED},
    dependencies=ACKNOWLEDGES,
)
async def post_acknowledged(request: Request) -> Response:
    """Mark messages as handed over. If somebody else has marked one of them, none is marked."""
    service = service_of(request)
    document = read_document(request, await read_body(request, service.guard.max_body), service.guard.max_body)
    try:
        ids = models.AcknowledgedIn.model_validate(document).ids
        await run_in_threadpool(service.store.outbox.acknowledge, ids)  # the threads of asyncio are for events
    except ValidationError as error:
        raise wrong_parameters(error.errors()) from None
    except ConflictError as error:
        detail = f"None was marked, because {error.problem}. Read the messages again."
        raise ProblemError(409, "Not acknowledged", detail) from None
    return JSONResponse({"acknowledged": len(set(ids))})
