"""The metrics of a service, for Prometheus."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from attrs import define, field
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cobrowse_session.errors import StoreError
from cobrowse_session.events import Timer
from cobrowse_session.io.answers import Advanced, Received, Taken
from cobrowse_session.store import Store
from cobrowse_session.stream import Change

NAMESPACE = "cobrowse_session"
"""The beginning of the name of each metric."""


@define(eq=False)
class Metrics:
    """The counters of one service.

    Args:
        store: what waits in it is counted when the metrics are read.
    """

    store: Store
    registry: CollectorRegistry = field(factory=lambda: CollectorRegistry(auto_describe=True), init=False)
    events: Counter = field(init=False)
    timers: Counter = field(init=False)
    sealed: Counter = field(init=False)
    requests: Counter = field(init=False)
    seconds: Histogram = field(init=False)
    failures: Counter = field(init=False)

    def __attrs_post_init__(self) -> None:
        counter = partial(Counter, namespace=NAMESPACE, registry=self.registry)
        self.events = counter("events", "Events that came, by outcome.", ["outcome"])
        self.timers = counter("timers", "Timers that fired.")
        self.sealed = counter("sealed_sessions", "Sessions that were sealed.")
        self.failures = counter("store_failures", "Requests that the store could not take, and looks of the timers that failed.")
        self.requests = counter("requests", "Requests, by method, route and status.", ["method", "route", "status"])
        self.seconds = Histogram(
            "request_seconds", "Seconds that a request took.", ["method", "route"], namespace=NAMESPACE, registry=self.registry
        )
        self.registry.register(_Waiting(self.store))

    def took(self, taken: Taken) -> None:
        """Count the results of a document."""
        for answer in taken.answers:
            if isinstance(answer, Received):
                self.events.labels(answer.outcome.kind).inc()
                self._fired(answer.change)  # an event may come after a deadline of its session
            else:
                self.events.labels(answer.outcome.kind).inc(answer.count)

    def advanced(self, advanced: Advanced) -> None:
        """Count what timers did."""
        for change in advanced.changes.values():
            self._fired(change)
        self.sealed.inc(len(advanced.sealed))

    def _fired(self, change: Change) -> None:
        self.timers.inc(sum(isinstance(entry.event, Timer) for entry in change.new))

    def text(self) -> bytes:
        """Return all metrics, in the text format of Prometheus."""
        return generate_latest(self.registry)


@define(eq=False)
class _Waiting(Collector):
    store: Store

    def collect(self) -> Iterator[Metric]:
        """Yield what waits in the store. While the store cannot be read, that is not known, and the counters still are."""
        waiting = GaugeMetricFamily(f"{NAMESPACE}_pending_messages", "Messages that were not handed over yet.")
        held_back = GaugeMetricFamily(f"{NAMESPACE}_held_back_messages", "Messages that an older open transaction holds back.")
        unreadable = GaugeMetricFamily(
            f"{NAMESPACE}_unreadable_sessions", "Sessions that cannot be read, so that their timers do not fire."
        )
        unreadable.add_metric([], len(self.store.unreadable))
        with suppress(StoreError):
            waiting.add_metric([], self.store.outbox.count())
            held_back.add_metric([], self.store.outbox.held_back)
        yield waiting
        yield held_back
        yield unreadable

    def describe(self) -> Iterator[Metric]:
        """Yield nothing: the database is not asked before the metrics are."""
        yield from ()
