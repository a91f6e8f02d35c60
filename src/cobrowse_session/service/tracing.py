"""Spans of OpenTelemetry, where a tracer is given. Its API is an extra, and is imported only then."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.trace import Link, Span, Tracer


def request_span(
    tracer: "Tracer | None", name: str, headers: Sequence[tuple[bytes, bytes]]
) -> "AbstractContextManager[Span | None]":
    """Return a context that is the span of a request, or nothing without a tracer.

    Args:
        tracer: it starts the span.
        name: of the span.
        headers: of the request. If they have a `traceparent`, the span is a child of the caller's.
    """
    if tracer is None:
        return nullcontext()
    from opentelemetry.propagate import extract  # noqa: PLC0415 (an extra)
    from opentelemetry.trace import SpanKind  # noqa: PLC0415 (as above)

    caller = extract({key.decode("latin-1"): value.decode("latin-1") for key, value in headers})
    return tracer.start_as_current_span(name, caller, SpanKind.SERVER)


def link(tracer: "Tracer | None") -> "Link | None":
    """Return a link to the current span, which is that of the request. None: there is no tracer, or no span."""
    if tracer is None:
        return None
    from opentelemetry.trace import Link, get_current_span  # noqa: PLC0415 (an extra)

    context = get_current_span().get_span_context()
    return Link(context) if context.is_valid else None


def transaction_span(
    tracer: "Tracer | None", name: str, attributes: Mapping[str, str | int], links: "Sequence[Link]"
) -> "AbstractContextManager[Span | None]":
    """Return a context that is the span of a transaction, or nothing without a tracer.

    Args:
        tracer: it starts the span.
        name: of the span.
        attributes: of the span. They have no id of a session and no content of an event.
        links: to the requests whose documents it stores. They are several, so none of them is its parent. The span in which the
            service was started is not, either.
    """
    if tracer is None:
        return nullcontext()
    from opentelemetry.context import Context  # noqa: PLC0415 (an extra)

    return tracer.start_as_current_span(name, Context(), attributes=attributes, links=links)
