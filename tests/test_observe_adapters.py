"""The adapters: each entry of the trace as a record of `logging` or structlog, and sessions as spans of OpenTelemetry."""

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.strategies import SECOND, at

from cobrowse_session import Lifecycle, SessionLog, Settings, WrapupPrompt
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.observe import AsyncObserver, LoggingObserver, SpanObserver, StructlogObserver
from cobrowse_session.stream import Observer
from cobrowse_session.testing import Stream, stream

TIMED = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=30 * SECOND))
LEG = dict(conversation_id="c1", participant_id="p1", user_id="ann", queue_id="sales", purpose="agent", media_type="call")
CALL = stream("s1", delay=0.03).alerting(**LEG).after(3).connected().after(60).disconnected("peer")  # its deadline: 93 s
OVER = at(3600)
LATE = CALL.updated(peer_id="p").events[-1]


def corrections(observer: Observer) -> None:
    """A call whose end comes first, whose timer is withdrawn, that has a refused event, and another that comes too late."""
    log = SessionLog(TIMED, "s1", [observer])
    alerting, connected, disconnected = CALL
    for event in (alerting, disconnected, connected):
        log.add(event)
    log.advance(at(100))
    log.add(CALL.after(5).connected(id="again").events[-1])
    log.add(CALL.after(6).wrapup("sale").events[-1])
    log.add(alerting)
    log.seal(OVER)
    log.add(LATE)


EXPECTED = [
    ("INFO", "new", "alerting", "applied"),
    ("INFO", "new", "disconnected", "applied"),
    ("INFO", "new", "connected", "applied"),
    ("INFO", "changed", "disconnected", "applied"),
    ("INFO", "new", "timer.acw", "applied"),
    ("WARNING", "new", "connected", "refused"),
    ("INFO", "withdrawn", "timer.acw", "applied"),
    ("INFO", "new", "wrapup", "applied"),
    ("WARNING", "late", "updated", "late"),
]
"""Level, change, kind and outcome of each entry. A repeat has no entry, and neither has sealing."""


# --- logging ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "cobrowse_session.trace")
    return caplog


def test_each_new_withdrawn_or_changed_entry_is_one_record_of_logging(logged: pytest.LogCaptureFixture) -> None:
    corrections(LoggingObserver())
    found = [
        (record.levelname, vars(record)["change"], vars(record)["type"], vars(record)["outcome"]) for record in logged.records
    ]

    assert found == [
        (level, change, f"cobrowse.session.{kind}" if "timer" not in kind else kind, outcome)
        for level, change, kind, outcome in EXPECTED
    ]


def test_a_record_has_a_sentence_and_the_fields_of_the_trace(logged: pytest.LogCaptureFixture) -> None:
    corrections(LoggingObserver())
    fields = vars(logged.records[5])
    names = (
        *("session", "conversation", "participant", "user", "queue", "purpose", "media", "event_id", "source", "at", "received"),
        *("row", "rule", "from", "acw", "reason"),
    )

    assert logged.records[5].name == "cobrowse_session.trace"
    assert logged.records[5].getMessage() == f"s1: new connected, refused: {fields['reason']}"
    assert {name: fields[name] for name in names} == {
        **dict(session="s1", conversation="c1", participant="p1", user="ann", queue="sales", purpose="agent", media="call"),
        **dict(event_id="again", source="/test", at="2026-03-01T09:01:08.000Z", received="2026-03-01T09:01:08.030Z"),
        **dict(row="session_is_over", rule="session_is_over", acw="pending"),
        "from": "disconnected",
        "reason": "The leg has ended. A new offer is a new leg with a new id.",
    }


def test_the_record_of_a_changed_entry_has_what_was_different_before(logged: pytest.LogCaptureFixture) -> None:
    corrections(LoggingObserver())

    assert [record.levelname for record in logged.records if hasattr(record, "before")] == ["INFO"]
    assert vars(logged.records[3])["before"]["from"] == "alerting"
    assert (vars(logged.records[3])["from"], vars(logged.records[3])["acw"]) == ("connected", "pending")


def test_a_level_that_is_off_costs_no_record(logged: pytest.LogCaptureFixture) -> None:
    logged.set_level(logging.WARNING, "cobrowse_session.trace")
    corrections(LoggingObserver())

    assert [record.levelname for record in logged.records] == ["WARNING", "WARNING"]


def test_records_go_to_the_logger_that_is_given(logged: pytest.LogCaptureFixture) -> None:
    logged.set_level(logging.INFO, "mine")
    corrections(LoggingObserver(logging.getLogger("mine")))

    assert {record.name for record in logged.records} == {"mine"}


def test_text_from_outside_cannot_forge_a_line_of_a_log(logged: pytest.LogCaptureFixture) -> None:
    (event,) = stream("s1\nERROR forged").alerting(id="e\x1b[31m1", queue_id="q\u202e")
    SessionLog(TIMED, event.subject, [LoggingObserver()]).add(event)
    fields = vars(logged.records[0])

    assert logged.records[0].getMessage().startswith(r"s1\nERROR forged: new alerting, applied")
    assert (fields["session"], fields["event_id"], fields["queue"]) == (r"s1\nERROR forged", r"e\x1b[31m1", r"q\u202e")


def test_an_inbox_logs_what_comes_for_an_evicted_session(logged: pytest.LogCaptureFixture) -> None:
    inbox = Inbox(TIMED, seal_after=timedelta(seconds=60))
    inbox.take(list(CALL), at(63))
    inbox.advance(OVER)
    inbox.observers = (LoggingObserver(),)
    inbox.add(LATE, OVER)

    assert [(record.levelname, vars(record)["session"], vars(record)["outcome"]) for record in logged.records] == [
        ("WARNING", "s1", "late")
    ]


# --- structlog ----------------------------------------------------------------------------------------------------------------


def test_each_new_withdrawn_or_changed_entry_is_logged_to_structlog_once() -> None:
    with structlog.testing.capture_logs() as entries:
        corrections(StructlogObserver())

    assert [(one["log_level"].upper(), one["change"], one["event"], one["outcome"]) for one in entries] == EXPECTED


def test_structlog_gets_the_fields_of_the_trace_as_keywords() -> None:
    with structlog.testing.capture_logs() as entries:
        corrections(StructlogObserver(structlog.get_logger().bind(node="n1")))

    assert entries[6] == {
        **dict(event="timer.acw", log_level="info", change="withdrawn", node="n1", type="timer.acw"),
        **dict(session="s1", conversation="c1", participant="p1", user="ann", queue="sales", purpose="agent", media="call"),
        **dict(at="2026-03-01T09:01:33.000Z", outcome="applied", row="complete_by_timeout"),
        **dict(to="disconnected", acw="complete", set=["afterCallWork", "wrapup"]),
        "from": "disconnected",
        "reason": "The deadline of after-call work has passed.",
    }


# --- OpenTelemetry ------------------------------------------------------------------------------------------------------------


class Spans:
    """A tracer of the real SDK, and what it exported."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("test")
        self.observer = SpanObserver(self.tracer)

    @property
    def finished(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    @property
    def by_name(self) -> Mapping[str, ReadableSpan]:
        return {span.name: span for span in self.finished}


@pytest.fixture
def spans() -> Iterator[Spans]:
    made = Spans()
    yield made
    made.provider.shutdown()


def sealed(spans: Spans, events: Stream, *, lifecycle: Lifecycle = TIMED) -> None:
    log = SessionLog(lifecycle, "s1", [spans.observer])
    for event in events:
        log.add(event)
    log.advance(OVER)
    assert spans.finished == ()
    assert log.seal(OVER)


def nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000) * 1_000_000


def times(span: ReadableSpan) -> tuple[int | None, int | None]:
    return span.start_time, span.end_time


def test_a_session_is_one_span_with_a_span_for_each_segment_and_for_after_call_work(spans: Spans) -> None:
    sealed(spans, CALL)

    assert {name: times(span) for name, span in spans.by_name.items()} == {
        "cobrowse.session": (nanoseconds(at(0)), nanoseconds(at(93))),
        "Alert": (nanoseconds(at(0)), nanoseconds(at(3))),
        "Interact": (nanoseconds(at(3)), nanoseconds(at(63))),
        "after-call work": (nanoseconds(at(63)), nanoseconds(at(93))),
    }


def test_the_span_of_a_session_is_a_root_and_the_others_are_below_it(spans: Spans) -> None:
    with spans.tracer.start_as_current_span("a request that has nothing to do with the session"):
        log = SessionLog(TIMED, "s1", [spans.observer])
        for event in CALL:
            log.add(event)
        log.advance(OVER)
        log.seal(OVER)
    whole = spans.by_name["cobrowse.session"]

    assert whole.parent is None
    assert {span.parent and span.parent.span_id for span in spans.finished[:3]} == {whole.context.span_id}
    assert {span.context.trace_id for span in spans.finished[:4]} == {whole.context.trace_id}


def test_the_span_of_a_session_has_its_context_and_how_it_ended_as_attributes(spans: Spans) -> None:
    sealed(spans, CALL.after(14).wrapup("sale"))

    assert spans.by_name["cobrowse.session"].attributes == {
        "cobrowse.session.id": "s1",
        "cobrowse.session.conversation": "c1",
        "cobrowse.session.participant": "p1",
        "cobrowse.session.user": "ann",
        "cobrowse.session.queue": "sales",
        "cobrowse.session.purpose": "agent",
        "cobrowse.session.media": "call",
        "cobrowse.session.state": "disconnected",
        "cobrowse.session.disconnect_type": "peer",
        "cobrowse.session.acw": "complete",
        "cobrowse.session.wrapup_code": "sale",
    }


def test_the_trace_is_in_the_events_of_the_span(spans: Spans) -> None:
    sealed(spans, CALL.after(5).connected(id="again"))
    events = spans.by_name["cobrowse.session"].events
    prefix = "cobrowse.session."

    assert [(event.name, event.timestamp, dict(event.attributes or {})[f"{prefix}outcome"]) for event in events] == [
        ("alerting", nanoseconds(at(0)), "applied"),
        ("connected", nanoseconds(at(3)), "applied"),
        ("disconnected", nanoseconds(at(63)), "applied"),
        ("connected", nanoseconds(at(68)), "refused"),
        ("timer.acw", nanoseconds(at(93)), "applied"),
    ]
    assert dict(events[3].attributes or {}) == {
        f"{prefix}event": "again",
        f"{prefix}source": "/test",
        f"{prefix}outcome": "refused",
        f"{prefix}row": "session_is_over",
        f"{prefix}rule": "session_is_over",
        f"{prefix}from": "disconnected",
        f"{prefix}acw": "pending",
        f"{prefix}reason": "The leg has ended. A new offer is a new leg with a new id.",
    }


def test_what_is_corrected_before_a_session_is_sealed_is_in_its_spans_and_nothing_afterwards(spans: Spans) -> None:
    corrections(spans.observer)

    assert times(spans.by_name["after-call work"]) == (nanoseconds(at(63)), nanoseconds(at(69)))
    assert len(spans.finished) == 4


def test_a_session_that_is_first_seen_when_it_has_ended_is_one_span_without_a_duration(spans: Spans) -> None:
    sealed(spans, stream("s1").disconnected("peer"))

    assert {span.name: times(span) for span in spans.finished} == {"cobrowse.session": (nanoseconds(at(0)), nanoseconds(at(0)))}


def test_after_call_work_without_an_end_has_no_span(spans: Spans) -> None:
    sealed(spans, CALL, lifecycle=Lifecycle(settings=Settings(wrapup_prompt="mandatory")))
    whole = spans.by_name["cobrowse.session"]

    assert set(spans.by_name) == {"cobrowse.session", "Alert", "Interact"}
    assert times(whole) == (nanoseconds(at(0)), nanoseconds(at(63)))
    assert dict(whole.attributes or {})["cobrowse.session.acw"] == "pending"


def test_an_inbox_writes_the_spans_of_each_session_that_it_seals_once(spans: Spans) -> None:
    inbox = Inbox(TIMED, seal_after=timedelta(seconds=60), observers=[spans.observer])
    others = stream("s2").connected().after(5).disconnected()
    inbox.take([*CALL, *others], at(63))
    for moment in (at(93), OVER, OVER + SECOND):
        inbox.advance(moment)
    inbox.add(LATE, OVER)
    whole = [span for span in spans.finished if span.name == "cobrowse.session"]

    assert sorted(str(dict(span.attributes or {})["cobrowse.session.id"]) for span in whole) == ["s1", "s2"]


# --- What is no logger and no tracer ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "found", "message"),
    [
        (LoggingObserver, "mine", r"expected a logger, as logging\.getLogger\(name\) returns, found 'mine'"),
        (StructlogObserver, "mine", r"expected a logger, as structlog\.get_logger\(\) returns, found 'mine'"),
        (StructlogObserver, logging.getLogger("mine"), "LoggingObserver takes a logger of logging"),
        (SpanObserver, TracerProvider(), r"expected a tracer, as provider\.get_tracer\(name\) returns, found <"),
        (AsyncObserver, None, "expected an async function of a log and a change, found None"),
    ],
)
def test_what_an_observer_cannot_use_is_an_error_at_once(made: Callable[[object], object], found: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        made(found)


# --- Extras -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "observer", "feature", "extra"),
    [
        ("structlog", "StructlogObserver", "a log of structlog", "structlog"),
        ("opentelemetry", "SpanObserver", "a span of OpenTelemetry", "otel"),
    ],
)
def test_without_its_extra_an_observer_names_it_and_the_others_work(module: str, observer: str, feature: str, extra: str) -> None:
    code = f"""
import sys
sys.modules[{module!r}] = None
from cobrowse_session import MissingExtraError, observe
observe.LoggingObserver()
try:
    observe.{observer}()
except MissingExtraError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    install = f"pip install 'cobrowse-session[{extra}]', or from a checkout: pip install '.[{extra}]'"

    assert done.stdout == f"{feature} needs the extra {extra!r}: {install}\n"


def test_the_package_of_the_adapters_imports_neither_extra() -> None:
    code = "import sys, cobrowse_session.observe; print({'structlog', 'opentelemetry'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


def test_by_default_the_global_tracer_is_used() -> None:
    log = SessionLog(TIMED, "s1", [SpanObserver()])
    for event in CALL:
        log.add(event)
    log.advance(OVER)

    assert log.seal(OVER)
