"""A worker process over a store, for the tests that kill it: `python tests/store_worker.py ROLE URL`.

`take` reads CloudEvents from the standard input, a batch a line, and writes the number of each batch when it is stored. Between
batches, it fires what is due. `bill` writes a bill for each message of the outbox, in the transaction in which it acknowledges.
"""

import json
import os
import sys
from datetime import datetime, timedelta
from threading import Thread
from time import sleep

from sqlalchemy import Column, Integer, MetaData, Table, Text, insert

from cobrowse_session import Lifecycle, Settings, WrapupPrompt
from cobrowse_session.errors import ConflictError, StoreError
from cobrowse_session.store import DurableInbox, Store

LIFECYCLE = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=timedelta(seconds=30)))
BILLS = Table(
    "bills",
    MetaData(),
    Column("id", Integer, primary_key=True),  # a message that is billed twice has two rows
    Column("message", Integer, nullable=False),
    Column("session", Text, nullable=False),
)


def take(store: Store) -> None:
    """Take batches, and answer each when it is stored."""
    inbox = DurableInbox(store, seal_after=timedelta(hours=1))
    print("ready", flush=True)  # noqa: T201 (the answer)
    for line in sys.stdin:
        batch = json.loads(line)
        if batch["events"]:
            inbox.take(batch["events"], datetime.fromisoformat(batch["now"]))
        if batch["advance"] is not None:
            inbox.advance(datetime.fromisoformat(batch["advance"]), limit=50)
        print(batch["number"], flush=True)  # noqa: T201 (the answer)


def bill(store: Store) -> None:
    """Write a bill for each message, until the process is killed, or the test that started it has ended."""
    Thread(target=lambda: (sys.stdin.read(), os._exit(1)), daemon=True).start()
    while True:
        messages = store.outbox.pending(limit=7)
        if not messages:
            print("done", flush=True)  # noqa: T201 (the answer)
            sleep(0.01)
            continue
        try:
            with store.writing() as connection:
                connection.execute(insert(BILLS), [{"message": one.id, "session": one.stored.id} for one in messages])
                store.outbox.acknowledge(messages, connection)
        except ConflictError:
            continue  # another consumer was first


if __name__ == "__main__":
    try:
        {"take": take, "bill": bill}[sys.argv[1]](Store(sys.argv[2], LIFECYCLE))
    except StoreError as error:
        sys.exit(str(error))
