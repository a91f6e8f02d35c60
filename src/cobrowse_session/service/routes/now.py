"""The routes that show what goes on now, by agent and by queue."""

from itertools import groupby
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from cobrowse_session.service import models
from cobrowse_session.service.routes.access import READS, problems, service_of
from cobrowse_session.stream.activity import in_order
from cobrowse_session.times import time_text
from cobrowse_session.wire.explained import activity_json

now = APIRouter(tags=["now"], dependencies=READS)


@now.get("/agents", summary="See what agents do", response_model=models.GroupsOut, responses=problems(401, 403, 422, 429, 503))
def get_agents(request: Request) -> Response:
    """Return for each agent who is alerting, connected or in after-call work, and since when."""
    return JSONResponse(_groups(request, "user"))


@now.get(
    "/queues",
    summary="See what goes on in queues",
    response_model=models.GroupsOut,
    responses=problems(401, 403, 422, 429, 503),
)
def get_queues(request: Request) -> Response:
    """Return for each queue who is alerting, connected or in after-call work, and since when."""
    return JSONResponse(_groups(request, "queue"))


def _groups(request: Request, by: Literal["user", "queue"]) -> dict[str, Any]:  # JSON
    service = service_of(request)
    at = service.clock()
    found = in_order((one for one in service.store.active() if one.is_of_an_agent), by)
    groups = groupby(found, key=lambda one: getattr(one.context, f"{by}_id"))
    return {
        "at": time_text(at),
        "groups": [{"id": group, "activities": [activity_json(one, at) for one in some]} for group, some in groups],
    }
