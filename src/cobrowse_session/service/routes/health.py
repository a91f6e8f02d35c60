"""The routes for those who run the service: health and metrics."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from cobrowse_session.service import models
from cobrowse_session.service.routes.access import READS, problems, service_of

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

health = APIRouter(tags=["health"])


@health.head("/health/live", include_in_schema=False)
@health.get("/health/live", summary="Is the process alive?", response_model=models.LiveOut)
async def get_live() -> Response:
    """Return whether the process answers."""
    return JSONResponse({"live": True})


@health.head("/health/ready", include_in_schema=False)
@health.get(
    "/health/ready",
    summary="Can the service do its work?",
    response_model=models.ReadyOut,
    responses={503: {"model": models.ReadyOut, "description": "The store or the timers do not work."}},
)
async def get_ready(request: Request) -> Response:
    """Return whether the database can be written and the timers run."""
    works, timers = await service_of(request).check_ready()
    answer = {"ready": works and timers, "store": _works(works), "timers": _works(timers)}
    return JSONResponse(answer, 200 if works and timers else 503)


def _works(works: bool) -> str:  # noqa: FBT001 (a word for each)
    return "works" if works else "does not work"


@health.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems(401, 403, 422, 429, 503)},
    dependencies=READS,
)
def get_metrics(request: Request) -> Response:
    """Return counters of events, requests and timers."""
    return Response(service_of(request).metrics.text(), media_type=METRICS_TYPE)
