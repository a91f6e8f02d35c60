"""The routes that show sessions."""

import json
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from cobrowse_session.service import models, views
from cobrowse_session.service.problems import wrong_parameter
from cobrowse_session.service.routes.access import (
    READS,
    TIME,
    Id,
    KnownAt,
    log_of,
    moment,
    no_session,
    problems,
    service_of,
)
from cobrowse_session.store import Page
from cobrowse_session.stream import explain, explainable_fields
from cobrowse_session.times import time_text
from cobrowse_session.wire import trace_entries
from cobrowse_session.wire.converter import plain
from cobrowse_session.wire.explained import explanation_json

MAX_BYTES = 1 << 20
"""The bytes of sessions after which no further one is in the same answer."""
SLICE = 20
"""The number of sessions that are read at once. Each may have as many bytes as its events."""

sessions = APIRouter(tags=["sessions"], dependencies=READS)


@sessions.get("/sessions", summary="Find sessions", response_model=models.PageOut, responses=problems(401, 403, 422, 429, 503))
def get_sessions(  # noqa: PLR0913, PLR0917 (the conditions)
    request: Request,
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
    """Return the sessions that fulfil all conditions, by id. Large ones are fewer: no further one after 1 MiB."""
    try:
        find = partial(
            service_of(request).store.find,
            state=state,
            acw=acw,
            conversation=conversation,
            queue=queue,
            user=user,
            since=moment("since", since),
            sealed=sealed,
        )
        documents, following = _page(find, after, limit)
    except ValueError as error:  # as a state that there is not
        _, name, problem = str(error).split(": ", 2)
        raise wrong_parameter(name, problem) from None
    return JSONResponse({"sessions": documents, "next": following})


def _page(find: Callable[..., Page], after: str | None, limit: int) -> tuple[list[dict[str, Any]], str | None]:  # JSON
    """Return sessions up to a number and a number of bytes, and after which one the next page begins.

    Args:
        find: finds sessions, given `after` and `limit`.
        after: the id after which the page begins. None: it is the first one.
        limit: the number of sessions.
    """
    documents: list[dict[str, Any]] = []
    size = 0
    while True:
        page = find(after=after, limit=min(SLICE, limit))
        for stored in page.sessions:
            documents.append(views.stored_json(stored))
            size += len(json.dumps(documents[-1]))
            if size >= MAX_BYTES:
                return documents, page.next if stored is page.sessions[-1] else stored.id
        after, limit = page.next, limit - SLICE  # one that cannot be read counts, too
        if after is None or limit <= 0:
            return documents, after


# The longer paths come first, because the id of a session may have a slash.


@sessions.get(
    "/sessions/{session:path}/trace",
    summary="See what happened to a session",
    response_model=models.EntriesOut,
    responses=problems(401, 403, 404, 422, 429, 503),
)
def get_trace(request: Request, session: Id, known_at: KnownAt = None) -> Response:
    """Return each event and timer in order, with its outcome and what it changed."""
    return JSONResponse({"session": session, "entries": list(trace_entries(log_of(request, session, known_at)))})


@sessions.get(
    "/sessions/{session:path}/explain",
    summary="See why a field holds its value",
    response_model=models.ExplanationOut,
    responses=problems(401, 403, 404, 422, 429, 503),
)
def get_explanation(
    request: Request,
    session: Id,
    field: Annotated[str | None, Query(description="A field of the session, or one inside.", examples=["wrapup.endTime"])] = None,
    known_at: KnownAt = None,
) -> Response:
    """Return the event and the row that set a field, with the rules. Without `field`, return all fields."""
    log = log_of(request, session, known_at)
    known = explainable_fields(log.lifecycle.table.session)
    try:
        if field is None:
            return JSONResponse({"session": session, "fields": {name: plain(explain(log, name).value) for name in known}})
        return JSONResponse(explanation_json(session, explain(log, field)))
    except (KeyError, ValueError) as error:  # no such field, or the log was sealed under another table
        raise wrong_parameter("field", str(error.args[0] if error.args else error)) from None


@sessions.get(
    "/sessions/{session:path}/allowed",
    summary="See which events would be applied",
    response_model=models.AllowedListOut,
    responses=problems(401, 403, 404, 422, 429, 503),
)
def get_allowed(
    request: Request,
    session: Id,
    at: Annotated[
        str | None, Query(description="On the provider's clock (RFC 3339). Default: now.", json_schema_extra=TIME)
    ] = None,
) -> Response:
    """Return for each kind of event whether one that occurred at a time would be applied, in its place among the others."""
    log, then = log_of(request, session, None), moment("at", at) or service_of(request).clock()
    return JSONResponse({"session": session, "at": time_text(then), "allowed": list(map(views.allowed_json, log.allowed(then)))})


@sessions.get(
    "/sessions/{session:path}",
    summary="See a session",
    response_model=models.SessionOut,
    responses=problems(401, 403, 404, 422, 429, 503),
)
def get_session(request: Request, session: Id, known_at: KnownAt = None) -> Response:
    """Return a session as it is, or as it was known at a time."""
    if known_at is not None:
        return JSONResponse(views.log_json(log_of(request, session, known_at)))
    stored = service_of(request).store.get(session)
    if stored is None:
        raise no_session(session)
    return JSONResponse(views.stored_json(stored))
