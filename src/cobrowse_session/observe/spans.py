"""Sessions as spans of OpenTelemetry.

Example, with the prompt `timeout` and 30 s. The spans of one session are one trace:

    09:00:00   09:00:03         09:01:03   09:01:33
    cobrowse.session -------------------------------   attributes: the context, and how it ended. Events: the trace
    Alert ----
               Interact --------
                                after-call work ----

A span cannot be changed once it has ended. A session can, until it is sealed: the end of the leg is corrected, a timer is
withdrawn. So the spans are made when the log is sealed, all at once, with the times that the session has then. What was withdrawn
is in no span. Spans that begin and end with the events would need a second trace for each correction, and a reader would have to
know which one counts.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import field, frozen

from cobrowse_session import __version__
from cobrowse_session.checks import shown
from cobrowse_session.errors import MissingExtraError
from cobrowse_session.model import CobrowseSession
from cobrowse_session.stream import Change, Sealed, SessionLog
from cobrowse_session.times import EPOCH, milliseconds
from cobrowse_session.wire.trace import trace_entry

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

SPAN = "cobrowse.session"
"""The name of the span of a session, and the beginning of the names of its attributes."""


def default_tracer() -> "Tracer":
    """Return the tracer of this package from the global provider of OpenTelemetry.

    Raises:
        MissingExtraError: the extra is not installed.
    """
    try:
        from opentelemetry.trace import get_tracer  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError:
        raise MissingExtraError("a span of OpenTelemetry", "otel") from None
    return get_tracer("cobrowse_session", __version__)


@frozen
class SpanObserver:
    """An observer that writes the spans of a session to OpenTelemetry when its log is sealed.

    There is one span for the session, and one below it for each segment and for after-call work. Their times are those of the
    session, on the corrected provider clock. The entries of the trace are events of the first.

    Args:
        tracer: by default one of the global provider.

    Raises:
        MissingExtraError: no tracer is given, and the extra `otel` is not installed.
        TypeError: it is no tracer.
    """

    tracer: "Tracer" = field(factory=default_tracer)

    def __attrs_post_init__(self) -> None:
        if not hasattr(self.tracer, "start_span"):
            raise TypeError(f"SpanObserver: expected a tracer, as provider.get_tracer(name) returns, found {shown(self.tracer)}")

    def __call__(self, log: SessionLog, change: Change) -> None:
        """Write the spans of a log that was sealed."""
        if isinstance(change, Sealed):
            _write(self.tracer, log)


def _write(tracer: "Tracer", log: SessionLog) -> None:
    """Write the spans of a log."""
    from opentelemetry.context import Context  # noqa: PLC0415 (an extra)
    from opentelemetry.trace import set_span_in_context  # noqa: PLC0415

    parts = list(_parts(log.session))
    start = min((begun for _, begun, _ in parts), default=log.events[0].occurred_at)
    end = max((ended for _, _, ended in parts), default=log.events[-1].occurred_at)
    # An empty context, so the span is the root of a trace of its own. Otherwise the span that is open where `advance` is called
    # would be its parent, as that of a request, which has nothing to do with this session.
    whole = tracer.start_span(SPAN, Context(), attributes=_attributes(log), start_time=_nanoseconds(start))
    for entry in log.trace:
        at = _nanoseconds(entry.event.occurred_at)
        fields = {**trace_entry(entry), "reason": entry.outcome.reason}
        whole.add_event(entry.event.kind, {f"{SPAN}.{name}": fields[name] for name in _OF_AN_ENTRY if name in fields}, at)
    below = set_span_in_context(whole, Context())
    for name, begun, ended in parts:
        tracer.start_span(name, below, start_time=_nanoseconds(begun)).end(_nanoseconds(ended))
    whole.end(_nanoseconds(end))


_OF_AN_ENTRY = ("event", "source", "outcome", "row", "rule", "from", "to", "acw", "reason", "notes")
"""The fields of a trace entry that an event of the span has. The span itself has the context."""


def _parts(session: CobrowseSession) -> Iterator[tuple[str, datetime, datetime]]:
    """Yield name, start and end of each span below that of the session. What has no end has no span."""
    for segment in session.segments or ():
        if segment.start_time and segment.end_time:
            yield segment.type or "segment", segment.start_time, segment.end_time
    work = session.after_call_work
    if work and work.start_time and work.end_time:
        yield "after-call work", work.start_time, work.end_time


def _attributes(log: SessionLog) -> dict[str, str]:
    session, context = log.session, log.context
    found = {
        "id": session.id,
        "conversation": context.conversation_id,
        "participant": context.participant_id,
        "user": context.user_id,
        "queue": context.queue_id,
        "purpose": context.purpose,
        "media": context.media_type,
        "state": session.state,
        "disconnect_type": session.disconnect_type,
        "acw": session.after_call_work and session.after_call_work.state,
        "wrapup_code": session.wrapup and session.wrapup.code,
    }
    return {f"{SPAN}.{name}": str(value) for name, value in found.items() if value}


def _nanoseconds(moment: datetime) -> int:
    """Return a moment as OpenTelemetry counts time."""
    return milliseconds(moment - EPOCH) * 1_000_000
