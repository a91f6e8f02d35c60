"""Writes what describes the service into a folder: `python -m cobrowse_session.service FOLDER`."""

import json
import sys
from pathlib import Path

from cobrowse_session.lifecycle import Table
from cobrowse_session.service.app import Service
from cobrowse_session.service.schemas import asyncapi, event_schema, session_schema
from cobrowse_session.store import DurableInbox, Store


def write(folder: Path) -> None:
    """Write the schemas, and the documents of OpenAPI and AsyncAPI, for the standard table."""
    table = Table.standard()
    with Store("sqlite://") as store:
        openapi = Service(DurableInbox(store)).app.openapi()
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in {
        "event": event_schema(table),
        "session": session_schema(table),
        "openapi": openapi,
        "asyncapi": asyncapi(table),
    }.items():
        text = json.dumps(document, indent=2, ensure_ascii=False)
        (folder / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
