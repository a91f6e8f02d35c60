"""The routes of the service."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import ValidationError

from cobrowse_session.errors import ConflictError, EpochError, StoreError
from cobrowse_session.io.replay import Rejected
from cobrowse_session.service import models, views
from cobrowse_session.service.guard import Guard, Scope
from cobrowse_session.service.problems import ProblemError, wrong_parameters
from cobrowse_session.service.requests import read_body, read_document
from cobrowse_session.service.schemas import EVENT_ID, SESSION_ID, asyncapi, event_schema, session_schema
from cobrowse_session.store.outbox import POSITION
from cobrowse_session.stream import SessionLog, explain, explainable_fields
from cobrowse_session.stream.activity import in_order
from cobrowse_session.times import time_text
from cobrowse_session.wire import trace_entries
from cobrowse_session.wire.converter import plain, read_time
from cobrowse_session.wire.explained import activity_json, explanation_json
from cobrowse_session.wire.strict_json import dump

if TYPE_CHECKING:
    from cobrowse_session.service.app import Service

POLL = 0.5
"""The seconds between two looks for changes that another worker stored."""
AT_ONCE = 100
"""The number of messages that are read at once."""
DESCRIBED = {
    400: "The document is no JSON, or no document.",
    401: "No valid token or signature.",
    403: "The token does not allow this.",
    404: "There is no such session.",
    409: "Somebody else has acknowledged one of them.",
    410: "The position is of before the store was restored or moved.",
    413: "Too many bytes, or too many documents.",
    415: "Another content type.",
    422: "A parameter is wrong.",
    429: "Too many requests.",
    503: "The store cannot be used. Nothing was stored.",
}

SCHEMA_TYPE = "application/schema+json"
NOTHING_TAKEN = "Nothing of the document could be taken."

Id = Annotated[str, Path(description="The id of the session.", examples=["s1"])]
TIME = {"format": "date-time"}
KnownAt = Annotated[
    str | None,
    Query(
        description="As it was known then: RFC 3339, on the cloud clock.",
        examples=["2026-03-01T09:05:00Z"],
        json_schema_extra=TIME,
    ),
]


def router(service: "Service") -> APIRouter:  # noqa: C901, PLR0915 (one function for each route)
    """Return the routes of a service."""
    store, guard = service.store, service.guard
    routes = APIRouter()
    bearer = Depends(HTTPBearer(auto_error=False, description="A token with the scope that is needed."))  # for the documentation

    def needs(scope: Scope) -> Any:  # what FastAPI calls a dependency
        return Depends(partial(_check_token, guard, scope))

    reads, writes = needs(Scope.READ), needs(Scope.WRITE)

    # --- Events ---------------------------------------------------------------------------------------------------------------

    @routes.post(
        "/events",
        tags=["events"],
        summary="Send events",
        response_model=models.TakenOut,
        responses={**_problems(400, 401, 403, 413, 415, 429, 503), 422: {"model": models.TakenOut, "description": NOTHING_TAKEN}},
        openapi_extra={"requestBody": models.EVENTS},
        dependencies=[bearer],  # or a signature: see below
    )
    async def post_events(request: Request) -> Response:
        """Take events, and answer what became of each, after all of them were stored.

        They are CloudEvents, structured, in a batch or binary, or payloads of the platform. An event that breaks a rule of the
        lifecycle is `refused`: it is stored, and changes nothing. What cannot be read is `rejected`, and is not stored.
        """
        body = await _authenticated(request)
        taken = await service.take(read_document(request, body, guard.max_body))
        rejected = [one for one in taken.answers if isinstance(one, Rejected)]
        return JSONResponse(views.taken_json(taken), 422 if rejected and len(rejected) == len(taken.answers) else 200)

    async def _authenticated(request: Request) -> bytes:
        """Return the body of a request that has a token or a signature."""
        if guard.secrets and "webhook-signature" in request.headers:
            guard.check_rate(_host(request))  # before the work
            body = await read_body(request, guard.max_body)
            guard.check_signature(body, request.headers)
            return body
        _check_token(guard, Scope.WRITE, request)
        return await read_body(request, guard.max_body)

    # --- Sessions -------------------------------------------------------------------------------------------------------------

    @routes.get(
        "/sessions",
        tags=["sessions"],
        summary="Find sessions",
        response_model=models.PageOut,
        responses=_problems(401, 403, 422, 429, 503),
        dependencies=[bearer, reads],
    )
    def get_sessions(  # noqa: PLR0913, PLR0917 (the conditions)
        state: Annotated[str | None, Query(examples=["connected"])] = None,
        acw: Annotated[str | None, Query(description="The state of after-call work.", examples=["pending"])] = None,
        conversation: str | None = None,
        queue: str | None = None,
        user: str | None = None,
        since: Annotated[
            str | None, Query(description="The latest event occurred then or later (RFC 3339).", json_schema_extra=TIME)
        ] = None,
        sealed: bool | None = None,  # noqa: FBT001 (a parameter of the query)
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        """Return the sessions that fulfil all conditions, by id."""
        page = store.find(
            state=state,
            acw=acw,
            conversation=conversation,
            queue=queue,
            user=user,
            since=_moment("since", since),
            sealed=sealed,
            after=after,
            limit=limit,
        )
        return JSONResponse({"sessions": list(map(views.stored_json, page.sessions)), "next": page.next})

    # The longer paths come first, because the id of a session may have a slash.

    @routes.get(
        "/sessions/{session:path}/trace",
        tags=["sessions"],
        summary="See what happened to a session",
        response_model=models.EntriesOut,
        responses=_problems(401, 403, 404, 422, 429, 503),
        dependencies=[bearer, reads],
    )
    def get_trace(session: Id, known_at: KnownAt = None) -> Response:
        """Return each event and timer in order, with its outcome and what it changed."""
        return JSONResponse({"session": session, "entries": list(trace_entries(_log(session, known_at)))})

    @routes.get(
        "/sessions/{session:path}/explain",
        tags=["sessions"],
        summary="See why a field holds its value",
        response_model=models.ExplanationOut,
        responses=_problems(401, 403, 404, 422, 429, 503),
        dependencies=[bearer, reads],
    )
    def get_explanation(
        session: Id,
        field: Annotated[
            str | None, Query(description="A field of the session, or one inside.", examples=["wrapup.endTime"])
        ] = None,
        known_at: KnownAt = None,
    ) -> Response:
        """Return the event and the row that set a field, with the rules. Without `field`, return all fields."""
        log = _log(session, known_at)
        known = explainable_fields(log.lifecycle.table.session)
        if field is None:
            return JSONResponse({"session": session, "fields": {name: plain(explain(log, name).value) for name in known}})
        try:
            return JSONResponse(explanation_json(session, explain(log, field)))
        except (KeyError, ValueError) as error:
            raise ProblemError(422, "Wrong parameters", str(error.args[0] if error.args else error)) from None

    @routes.get(
        "/sessions/{session:path}/allowed",
        tags=["sessions"],
        summary="See which events would be applied",
        response_model=models.AllowedListOut,
        responses=_problems(401, 403, 404, 422, 429, 503),
        dependencies=[bearer, reads],
    )
    def get_allowed(
        session: Id,
        at: Annotated[
            str | None, Query(description="On the provider's clock (RFC 3339). Default: now.", json_schema_extra=TIME)
        ] = None,
    ) -> Response:
        """Return for each kind of event whether it would be applied at a time."""
        log, moment = _log(session, None), _moment("at", at) or service.clock()
        allowed = log.lifecycle.allowed(log.session, moment)
        return JSONResponse({"session": session, "at": time_text(moment), "allowed": list(map(views.allowed_json, allowed))})

    @routes.get(
        "/sessions/{session:path}",
        tags=["sessions"],
        summary="See a session",
        response_model=models.SessionOut,
        responses=_problems(401, 403, 404, 422, 429, 503),
        dependencies=[bearer, reads],
    )
    def get_session(session: Id, known_at: KnownAt = None) -> Response:
        """Return a session as it is, or as it was known at a time."""
        if known_at is not None:
            return JSONResponse(views.log_json(_log(session, known_at)))
        stored = store.get(session)
        if stored is None:
            raise _no_session(session)
        return JSONResponse(views.stored_json(stored))

    def _log(session: str, known_at: str | None) -> SessionLog:
        log, moment = store.load(session), _moment("known_at", known_at)
        if log is None:
            raise _no_session(session)
        return log if moment is None else log.as_of(moment)

    # --- Agents and queues ----------------------------------------------------------------------------------------------------

    @routes.get(
        "/agents",
        tags=["now"],
        summary="See what agents do",
        response_model=models.GroupsOut,
        responses=_problems(401, 403, 429, 503),
        dependencies=[bearer, reads],
    )
    def get_agents() -> Response:
        """Return for each agent who is alerting, connected or in after-call work, and since when."""
        return JSONResponse(_groups("user"))

    @routes.get(
        "/queues",
        tags=["now"],
        summary="See what goes on in queues",
        response_model=models.GroupsOut,
        responses=_problems(401, 403, 429, 503),
        dependencies=[bearer, reads],
    )
    def get_queues() -> Response:
        """Return for each queue who is alerting, connected or in after-call work, and since when."""
        return JSONResponse(_groups("queue"))

    def _groups(by: Literal["user", "queue"]) -> dict[str, Any]:  # JSON
        now = service.clock()
        found = in_order((one for one in store.active() if one.is_of_an_agent), by)
        groups = groupby(found, key=lambda one: getattr(one.context, f"{by}_id"))
        return {
            "at": time_text(now),
            "groups": [{"id": group, "activities": [activity_json(one, now) for one in some]} for group, some in groups],
        }

    # --- Changes --------------------------------------------------------------------------------------------------------------

    def position_of(
        last_event_id: Annotated[
            str | None, Header(description="The position of the last message that was read.", pattern=f"^({POSITION})$")
        ] = None,
        after: Annotated[
            str | None, Query(description="The same, for clients that cannot send the header.", pattern=f"^({POSITION})$")
        ] = None,
    ) -> str:
        """Return the position from which changes are read. It is known when the response begins, so nothing is missed then."""
        position = last_event_id or after
        if position is None:
            return store.outbox.end
        try:
            store.outbox.check(position)
        except ValueError as error:
            raise ProblemError(422, "Wrong parameters", str(error)) from None
        except EpochError:
            raise ProblemError(
                410, "Gone", "The store was restored or moved. Read the sessions anew, then follow from now."
            ) from None
        return position

    @routes.get(
        "/changes",
        tags=["changes"],
        summary="Follow the changes",
        response_class=EventSourceResponse,
        responses=_problems(401, 403, 410, 422, 429, 503),
        dependencies=[bearer, reads],
    )
    async def get_changes(position: Annotated[str, Depends(position_of)]) -> AsyncIterator[ServerSentEvent]:
        """Stream what happens to all sessions as server-sent events, from now on or from a position."""
        while service.is_streaming:
            try:
                messages = await asyncio.to_thread(store.outbox.feed, position, AT_ONCE)
            except StoreError:
                return  # the reader comes again with its position, and gets a 503 until the store works
            for message in messages:
                yield ServerSentEvent(raw_data=dump(views.message_json(message)), event=message.kind, id=message.position)
                position = message.position
            if not messages:
                await service.wait(POLL)

    @routes.get(
        "/messages",
        tags=["changes"],
        summary="See what is to be handed over",
        response_model=models.MessagesOut,
        responses=_problems(401, 403, 422, 429, 503),
        dependencies=[bearer, reads],
    )
    def get_messages(limit: Annotated[int, Query(ge=1, le=1000)] = AT_ONCE) -> Response:
        """Return messages that were not acknowledged yet, the oldest first."""
        return JSONResponse({"messages": list(map(views.message_json, store.outbox.pending(limit)))})

    @routes.post(
        "/messages/acknowledged",
        tags=["changes"],
        summary="Acknowledge messages",
        response_model=models.AcknowledgedOut,
        responses=_problems(400, 401, 403, 409, 413, 415, 422, 429, 503),
        openapi_extra={"requestBody": models.ACKNOWLEDGED},
        dependencies=[bearer, writes],
    )
    async def post_acknowledged(request: Request) -> Response:
        """Mark messages as handed over. If somebody else has marked one of them, none is marked."""
        document = read_document(request, await read_body(request, guard.max_body), guard.max_body)
        try:
            ids = models.AcknowledgedIn.model_validate(document).ids
            await asyncio.to_thread(store.outbox.acknowledge, ids)
        except ValidationError as error:
            raise wrong_parameters(error.errors()) from None
        except ConflictError:
            raise ProblemError(409, "Already acknowledged", "Read the messages again. None was marked now.") from None
        return JSONResponse({"acknowledged": len(set(ids))})

    # --- What describes all of this -------------------------------------------------------------------------------------------

    @routes.get("/asyncapi.json", include_in_schema=False)
    def get_asyncapi() -> Response:
        """Return the document of AsyncAPI, which describes the events and the changes."""
        return JSONResponse(asyncapi(store.lifecycle.table))

    @routes.get(EVENT_ID, include_in_schema=False)
    def get_event_schema() -> Response:
        """Return the JSON Schema of events."""
        return JSONResponse(event_schema(store.lifecycle.table), media_type=SCHEMA_TYPE)

    @routes.get(SESSION_ID, include_in_schema=False)
    def get_session_schema() -> Response:
        """Return the JSON Schema of sessions."""
        return JSONResponse(session_schema(store.lifecycle.table), media_type=SCHEMA_TYPE)

    # --- Health ---------------------------------------------------------------------------------------------------------------

    @routes.get("/health/live", tags=["health"], summary="Is the process alive?", response_model=models.LiveOut)
    def get_live() -> Response:
        """Return whether the process answers."""
        return JSONResponse({"live": True})

    @routes.get(
        "/health/ready",
        tags=["health"],
        summary="Can the service do its work?",
        response_model=models.ReadyOut,
        responses={503: {"model": models.ReadyOut, "description": "The store or the timers do not work."}},
    )
    def get_ready() -> Response:
        """Return whether the database can be written and the timers run."""
        works = True
        try:
            store.probe()
        except StoreError:
            works = False
        timers = service.is_running and service.timers.failure is None and not service.timers_failed
        answer = {"ready": works and timers, "store": _works(works), "timers": _works(timers)}
        return JSONResponse(answer, 200 if works and timers else 503)

    @routes.get(
        "/metrics",
        tags=["health"],
        summary="Metrics for Prometheus",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **_problems(401, 403, 429, 503)},
        dependencies=[bearer, reads],
    )
    def get_metrics() -> Response:
        """Return counters of events, requests and timers."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the errors of a route, for OpenAPI."""
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": DESCRIBED[status], "model": models.Problem, "content": {"application/problem+json": problem}}
        for status in statuses
    }


def _check_token(guard: Guard, scope: Scope, request: Request) -> None:
    """Check whose token a request has, and how many requests he makes. A wrong token counts, too: it may be a guess."""
    try:
        sender = guard.check_token(request.headers.get("authorization"), scope)
    except ProblemError:
        guard.check_rate(_host(request))
        raise
    guard.check_rate(sender or _host(request))


def _works(works: bool) -> str:  # noqa: FBT001 (a word for each)
    return "works" if works else "does not work"


def _moment(name: str, text: str | None) -> datetime | None:
    try:
        return None if text is None else read_time(text)
    except ValueError as error:
        raise ProblemError(422, "Wrong parameters", f"{name}: expected {error}") from None


def _no_session(session: str) -> ProblemError:
    return ProblemError(404, "No such session", f"No event of the session {session!r} was stored.")


def _host(request: Request) -> str:
    return request.client.host if request.client else "unknown"
