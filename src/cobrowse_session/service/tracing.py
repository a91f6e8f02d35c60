"""Spans of OpenTelemetry, where a tracer is given. Only FastAPI imports its API."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer


def span(
    tracer: "Tracer | None", name: str, attributes: Mapping[str, str | int] | None = None
) -> "AbstractContextManager[Span | None]":
    """Return a context that is a span, or nothing without a tracer.

    Args:
        tracer: it starts the span.
        name: of the span.
        attributes: of the span. They have no id of a session and no content of an event.
    """
    return nullcontext() if tracer is None else tracer.start_as_current_span(name, attributes=attributes)
