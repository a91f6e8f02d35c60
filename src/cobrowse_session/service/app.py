"""The service: an ASGI application over a durable inbox.

Theory of operation
===================

`POST /events` answers after the commit, so what was answered with 200 is on disk. While one transaction is written, the documents
of other requests are collected for the next one (`committer.py`). Timers run beside it (`store/timers.py`). What happened is read
from the outbox: as a stream that can be resumed at any message (`feed.py`), and as messages that are handed over once.

The database is used in threads. The event loop never waits for it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any

from attrs import define, field
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from cobrowse_session import __version__
from cobrowse_session.checks import check_type
from cobrowse_session.errors import StoreError
from cobrowse_session.io.answers import Advanced, Taken
from cobrowse_session.io.receiver import current_time
from cobrowse_session.service.committer import Committer
from cobrowse_session.service.feed import Feed
from cobrowse_session.service.guard import Guard
from cobrowse_session.service.measured import Measured
from cobrowse_session.service.metrics import Metrics
from cobrowse_session.service.paths import SentPaths
from cobrowse_session.service.problems import RETRY_AFTER, ProblemError, answer_problems
from cobrowse_session.service.routes import ROUTERS
from cobrowse_session.service.schemas import with_components
from cobrowse_session.store import DurableInbox, Store, TimerRunner

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

logger = logging.getLogger("cobrowse_session.service")

DESCRIPTION = """The life of contact-centre sessions: provider events in, sessions out.

An event that was answered with 200 is on disk. It may be sent again: a copy changes nothing. Events may come in any order."""

CORS_HEADERS = ("authorization", "content-type", "last-event-id")
"""The headers that a web page of another origin may send."""
PROBE_EVERY = 1.0
"""The seconds between two writes that find out whether the store can be written."""
PROBE_SECONDS = 2.0
"""The seconds that such a write may take. A store that needs longer is not ready."""


@define
class _Outage:
    """The times in which something does not work. Each is logged when it begins and when it ends."""

    begins: str
    ends: str
    latest: float | None = field(default=None, init=False)
    """When it failed last, by `monotonic`. None: it works."""

    def failed(self, error: StoreError) -> None:
        if self.latest is None:  # once, however many requests it fails
            logger.error("%s: %s", self.begins, error)
        self.latest = monotonic()  # our clock may be set back, and the service would not be ready until it has passed this time

    def worked(self) -> None:
        if self.latest is not None:
            logger.warning(self.ends)
        self.latest = None


@define(eq=False)
class Service:
    """The service of a durable inbox.

    Args:
        inbox: its sessions.
        guard: who may do what. The default asks nobody, and is for loopback only.
        delay: how long after its deadline a timer fires, on our clock: as long as events take to arrive.
        forget_after: forget sealed sessions so long after their latest event, once their messages were acknowledged. None: never.
        clock: returns the time, on our clock.
        tracer: of OpenTelemetry. It gets a span for each request and each transaction. None: nobody does.

    Raises:
        TypeError: an argument of another type, as a `Store` in place of its inbox.
    """

    inbox: DurableInbox
    guard: Guard = field(factory=lambda: Guard())  # noqa: PLW0108 (pyright takes the class for its converters' results)
    delay: timedelta = timedelta(seconds=2)
    forget_after: timedelta | None = None
    clock: Callable[[], datetime] = current_time
    tracer: "Tracer | None" = None
    app: FastAPI = field(init=False)
    """The application. Run it, or mount it in another one. That one has to enter `running`, for mounted ones are not told."""
    metrics: Metrics = field(init=False)
    timers: TimerRunner = field(init=False)
    feed: Feed = field(init=False)
    is_running: bool = field(default=False, init=False)
    """True inside `running`."""
    timers_failed: bool = field(default=False, init=False)
    """True if an error that is none of the store has ended the timers."""
    _committer: Committer = field(init=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)
    _told_to_run: bool = field(default=False, init=False)
    _storing: _Outage = field(init=False, repr=False)
    _firing: _Outage = field(init=False, repr=False)
    _prober: ThreadPoolExecutor = field(factory=lambda: ThreadPoolExecutor(1), init=False, repr=False)
    _probe: "tuple[float, Future[bool]] | None" = field(default=None, init=False, repr=False)  # when it began, and its result

    def __attrs_post_init__(self) -> None:
        for name, wanted in (("inbox", DurableInbox), ("guard", Guard), ("delay", timedelta)):
            check_type(f"Service: {name}", getattr(self, name), wanted)
        self.metrics = Metrics(self.store)
        self._renew()
        # FastAPI's pages of documentation load scripts from hosts of others, so there are none.
        self.app = FastAPI(
            title="cobrowse-session",
            version=__version__,
            description=DESCRIPTION,
            lifespan=self._lifespan,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
        )
        self.app.state.service = self
        if origins := self.guard.origins:
            self.app.add_middleware(
                CORSMiddleware, allow_origins=origins, allow_methods=("GET", "POST"), allow_headers=CORS_HEADERS
            )
        self.app.add_middleware(Measured, metrics=self.metrics, stops=lambda: self.is_stopping, tracer=self.tracer)
        self.app.add_middleware(SentPaths)
        for routes in ROUTERS:
            self.app.include_router(routes)
        answer_problems(self.app)
        described = self.app.openapi
        self.app.openapi = lambda: self._openapi(described)  # type: ignore[method-assign]  # FastAPI's own way to extend it

    @property
    def store(self) -> Store:
        """The store of the inbox."""
        return self.inbox.store

    async def check_ready(self) -> tuple[bool, bool]:
        """Return whether the store can be written, and whether the timers run."""
        # A row may still fit on a disk that has no space for an event. So a failure counts while senders are told to wait.
        latest = self._storing.latest
        has_failed = latest is not None and monotonic() - latest < RETRY_AFTER
        works = await self._can_write() and not has_failed
        return works, self.is_running and self.timers.failure is None and not self.timers_failed

    @property
    def is_stopping(self) -> bool:
        """True when the server was told to stop, and still waits for its requests."""
        return self.is_running and not self.feed.is_on

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run what is beside the requests: transactions and timers. In the end, what came is stored.

        Raises:
            RuntimeError: it is running already, because of its own server or of another application.
        """
        if self.guard.is_open:
            logger.warning("whoever can reach the application may use the service: it has no guard with tokens or secrets")
        async with self._running():
            yield

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        if self.is_running:  # the end of one would be that of the other
            raise RuntimeError(
                "the service is running already: enter Service.running() once, and not beside a server of Service.app"
            )
        self._renew()  # an application may be started again, in another event loop
        self.is_running = self.feed.is_on = True
        self._loop = asyncio.get_running_loop()
        timers = asyncio.create_task(self.timers.run())
        timers.add_done_callback(self._timers_ended)
        tasks = [asyncio.create_task(self._committer.run()), asyncio.create_task(self.feed.run()), timers]
        try:
            yield
        finally:
            self.is_running = False
            self.end_streams()
            self._committer.stop()
            self.timers.stop()
            await asyncio.gather(*tasks, return_exceptions=True)  # an error of the timers was logged

    async def take(self, document: object) -> Taken:
        """Return the result of a document, after it was stored.

        Raises:
            StoreError: it could not be stored. Nothing has changed.
            ProblemError: the service does not run. Nothing has changed.
        """
        if not self.is_running:
            if self._loop is None and not self._told_to_run:
                self._told_to_run = True
                logger.error("nothing is taken: the application that mounts the service has to enter Service.running()")
            raise ProblemError(503, "Not running", "Nothing was stored: the service starts or stops. Send it again.")
        try:
            taken = await self._committer.take(document)
        except StoreError as error:
            self.metrics.failures.inc()
            if type(error) is StoreError:  # the others are of one session, or of one race
                self._storing.failed(error)
            raise
        self._storing.worked()
        self.metrics.took(taken)
        self.feed.look()
        return taken

    def end_streams(self) -> None:
        """End the streams of changes. Their readers go on elsewhere, or later, where they were.

        A server that waits for its connections has to call it before, as `cobrowse-session serve` does.
        """
        self.feed.stop()

    # --- Inside ---------------------------------------------------------------------------------------------------------------

    def _renew(self) -> None:
        self.timers_failed = False
        self.feed = Feed(self.store.outbox)
        self._committer = Committer(self.inbox, self.clock, self.tracer)
        self._storing = _Outage("nothing can be stored", "what comes is stored again")
        self._firing = _Outage("no timer can fire", "timers fire again")
        self.timers = TimerRunner(
            self.inbox,
            self.delay,
            forget_after=self.forget_after,
            told=self._advanced,
            failed=self._timers_stuck,
            worked=self._firing.worked,
            clock=self.clock,
        )

    async def _can_write(self) -> bool:
        """Return whether the store can write a row. It is asked once a second at most, for each time waits for the disk."""
        # All requests wait for the same write. Otherwise each one that asks a database that hangs would keep a thread busy, until
        # no thread is left for other requests.
        now = monotonic()
        if self._probe is None or (self._probe[1].done() and now - self._probe[0] >= PROBE_EVERY):
            self._probe = now, self._prober.submit(self._write)
        began, result = self._probe
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(result), began + PROBE_SECONDS - now)
        return result.done() and result.result()

    def _write(self) -> bool:
        try:
            self.store.probe()
        except StoreError:
            return False
        return True

    def _openapi(self, described: Callable[[], dict[str, Any]]) -> dict[str, Any]:  # JSON
        is_new = self.app.openapi_schema is None
        document = described()  # kept by the application
        return with_components(document, self.store.lifecycle.table) if is_new else document

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        async with self._running():
            yield

    def _advanced(self, advanced: Advanced) -> None:
        self.metrics.advanced(advanced)
        if self._loop is not None:  # this is a thread of the timers
            self._loop.call_soon_threadsafe(self.feed.look)

    def _timers_stuck(self, error: StoreError) -> None:
        self.metrics.failures.inc()
        self._firing.failed(error)

    def _timers_ended(self, timers: "asyncio.Task[None]") -> None:
        """Log what ended the timers. The service goes on, but it is not ready any more."""
        if not timers.cancelled() and (error := timers.exception()) is not None:
            self.timers_failed = True
            logger.critical("no timer fires any more", exc_info=error)
