"""Live use with asyncio: one task takes events from a network, another fires deadlines. Both print what changed."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

from cobrowse_session import Change, Lifecycle, Settings
from cobrowse_session.io.inbox import Inbox, Received
from cobrowse_session.testing import stream
from cobrowse_session.wire import encode_event

LAG = timedelta(milliseconds=250)  # how long events may be on their way: deadlines are fired that much later


async def write(inbox: Inbox, queue: asyncio.Queue[str | None], news: asyncio.Event) -> None:
    """Take events, one after the other, until None comes."""
    while raw := await queue.get():
        if isinstance(received := inbox.receive(raw), Received):
            show(received.event.subject, received.change)
            news.set()
    news.set()


async def fire(inbox: Inbox, news: asyncio.Event, writer: asyncio.Task[None]) -> None:
    """Sleep until the next deadline, or until an event may have moved it. End when no event and no deadline is left."""
    while (due := inbox.deadline) or not writer.done():
        try:
            await asyncio.wait_for(news.wait(), (due + LAG - datetime.now(UTC)).total_seconds() if due else None)
        except TimeoutError:
            for session, change in inbox.advance(datetime.now(UTC) - LAG).changes.items():
                show(session, change)
        news.clear()


def show(session: str, change: Change) -> None:
    """Print the trace entries that are new (+), withdrawn (-) and changed (~)."""
    for sign, steps in ("+", change.new), ("-", change.withdrawn), ("~", [after for _, after in change.changed]):
        for step in steps:
            print(f"{sign} {session:<4} {step.event.kind:<12} {step.outcome.kind}")


async def main() -> None:
    """Deliver the events of three sessions late, out of order and some twice. End when the last deadline has fired."""
    inbox = Inbox(Lifecycle(settings=Settings(wrapup_prompt="timeout", wrapup_timeout=timedelta(seconds=0.4))), reject=print)
    queue, news, chance, sent = asyncio.Queue[str | None](), asyncio.Event(), random.Random(2), []  # noqa: S311 (it is an example)
    for name in ("anna", "ben", "cleo"):
        call = stream(name, start=datetime.now(UTC)).alerting().after(0.05).connected().after(0.05).disconnected()
        for event in (*call, *call) if name == "cleo" else call.after(0.2).wrapup("sale"):  # cleo's agent saves nothing
            slow = 0.9 if (name, event.kind) == ("ben", "wrapup") else 0  # saved in time, received after the deadline
            sent.append((event.occurred_at + timedelta(seconds=slow + chance.uniform(0, 0.2)), encode_event(event)))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fire(inbox, news, tasks.create_task(write(inbox, queue, news))))
        for arrives, raw in *sorted(sent), (datetime.now(UTC), None):
            await asyncio.sleep((arrives - datetime.now(UTC)).total_seconds())
            queue.put_nowait(raw)


if __name__ == "__main__":
    asyncio.run(main())
