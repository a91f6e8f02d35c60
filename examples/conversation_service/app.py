"""A conversation service of one's own: takes webhooks, shows sessions, writes one bill for each session that is over.

uvicorn --app-dir examples/conversation_service app:app
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from sqlalchemy import text
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cobrowse_session import ConflictError, Lifecycle, Settings, StoreError
from cobrowse_session.durations import durations
from cobrowse_session.io.inbox import Received
from cobrowse_session.store import DurableInbox, Store, TimerRunner
from cobrowse_session.wire import encode_session

STORE = os.environ.get("STORE", "sqlite:///conversations.db")
SEAL_AFTER = timedelta(seconds=float(os.environ.get("SEAL_AFTER", "3600")))  # how long a session that is over may change
SETTINGS = Settings(wrapup_prompt="timeout", wrapup_timeout=timedelta(seconds=30))
BILLS = "create table if not exists bills (session text, message bigint, seconds integer, primary key (session, message))"
BILL = "insert into bills values (:session, :message, :seconds) on conflict do nothing"

logger = logging.getLogger("conversations")


async def webhook(request: Request) -> Response:
    """Take CloudEvents, one or a batch, or a payload of the platform. What is answered is on disk."""
    try:
        taken = await run_in_threadpool(request.app.state.inbox.take, await request.body())
    except StoreError:
        logger.exception("nothing was stored")
        return Response("try again later", 503)
    outcomes = [answer.outcome.kind for answer in taken.answers]
    is_taken = not taken.answers or any(isinstance(answer, Received) for answer in taken.answers)
    return JSONResponse(outcomes, 200 if is_taken else 400)


def session(request: Request) -> Response:
    """Show a session as it is stored."""
    found = request.app.state.inbox.store.get(request.path_params["id"])
    return Response(encode_session(found.session), media_type="application/json") if found else Response("unknown", 404)


def bills(request: Request) -> Response:
    """Show all bills."""
    with request.app.state.inbox.store.database.reading() as connection:
        return JSONResponse(
            [tuple(row) for row in connection.execute(text("select session, seconds from bills order by session"))]
        )


def write_bills(store: Store) -> None:
    """Write what is to be billed. The bill and the acknowledgement are one transaction, so each bill is written once."""
    while messages := store.outbox.pending():
        with suppress(ConflictError), store.writing() as connection:  # another worker acknowledged first, so it billed, too
            for message in messages:
                talk = durations(message.stored.session).talk  # all on one clock, which the stamps of a session are not
                if message.kind == "sealed" and talk:
                    bill = {"session": message.stored.id, "message": message.id, "seconds": talk // timedelta(seconds=1)}
                    connection.execute(text(BILL), bill)
            store.outbox.acknowledge(messages, connection)


async def keep_billing(store: Store, stop: asyncio.Event) -> None:
    """Write bills once a second, until the service stops."""
    while not stop.is_set():
        try:
            await asyncio.to_thread(write_bills, store)
        except StoreError:
            logger.exception("bills are written later")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Open the store. Timers and bills run beside the requests, and end what they began."""
    with Store(STORE, Lifecycle(settings=SETTINGS)) as store:
        with suppress(ConflictError), store.writing() as connection:  # another worker makes the table at the same time
            connection.execute(text(BILLS))
        app.state.inbox, stop = DurableInbox(store, seal_after=SEAL_AFTER), asyncio.Event()
        timers = TimerRunner(app.state.inbox, failed=lambda error: logger.error("timers: %s", error))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(timers.run())
            tasks.create_task(keep_billing(store, stop))
            yield
            timers.stop()
            stop.set()


routes = [Route("/webhook", webhook, methods=["POST"]), Route("/sessions/{id:path}", session), Route("/bills", bills)]
app = Starlette(routes=routes, lifespan=lifespan)
