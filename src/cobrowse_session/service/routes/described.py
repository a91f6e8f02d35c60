"""The routes of what describes the service. OpenAPI's document is a route of FastAPI's own."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from cobrowse_session.service.routes.access import service_of
from cobrowse_session.service.schemas import EVENT_ID, SESSION_ID, asyncapi, event_schema, session_schema

SCHEMA_TYPE = "application/schema+json"

described = APIRouter(include_in_schema=False)


@described.get("/asyncapi.json")
def get_asyncapi(request: Request) -> Response:
    """Return the document of AsyncAPI, which describes the events and the changes."""
    return JSONResponse(asyncapi(service_of(request).store.lifecycle.table))


@described.get(EVENT_ID)
def get_event_schema(request: Request) -> Response:
    """Return the JSON Schema of events."""
    return JSONResponse(event_schema(service_of(request).store.lifecycle.table), media_type=SCHEMA_TYPE)


@described.get(SESSION_ID)
def get_session_schema(request: Request) -> Response:
    """Return the JSON Schema of sessions."""
    return JSONResponse(session_schema(service_of(request).store.lifecycle.table), media_type=SCHEMA_TYPE)
