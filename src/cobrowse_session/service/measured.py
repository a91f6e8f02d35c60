"""Requests counted, timed and traced: a layer around the application."""

from asyncio import CancelledError
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

from attrs import define
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cobrowse_session.service.metrics import Metrics
from cobrowse_session.service.problems import stopping
from cobrowse_session.service.tracing import request_span

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
"""The methods that metrics name. A sender may invent others, and each would be a series of its own."""


@define(eq=False)
class Measured:
    """Counts and times the requests of an application. A response that goes on, as a stream, is counted when it begins.

    Args:
        app: the application.
        metrics: they count.
        stops: returns whether the service stops. A request that the server ends then is answered with 503.
        tracer: it gets a span for each request. None: nobody does.
    """

    app: ASGIApp
    metrics: Metrics
    stops: Callable[[], bool]
    tracer: "Tracer | None" = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, has_begun = perf_counter(), False
        method = scope["method"] if scope["method"] in METHODS else "other"

        def answered(status: int) -> None:
            # Not the path: it has ids of sessions. A request without a route has the path of the sender's choice.
            route = getattr(scope.get("route"), "path", "unknown")
            self.metrics.requests.labels(method, route, status).inc()
            self.metrics.seconds.labels(method, route).observe(perf_counter() - began)
            if here is not None:
                here.update_name(f"{method} {route}")
                here.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})

        async def sent(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                answered(message["status"])
            await send(message)

        with request_span(self.tracer, method, scope["headers"]) as here:
            try:
                await self.app(scope, receive, sent)
            except CancelledError:
                if has_begun or not self.stops():
                    raise
                await stopping().response()(scope, receive, sent)
            except Exception:
                if not has_begun:
                    answered(500)
                raise
