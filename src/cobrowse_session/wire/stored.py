"""The parts of a log that a store keeps beside its events: its rules, and the session that follows.

It is what a saved log has (`saved.py`), in parts. A store appends an event without reading and writing the others again.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from cobrowse_session.checks import json_text
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Lifecycle
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.model import Context, S_co
from cobrowse_session.settings import Settings
from cobrowse_session.stream import Restored, SessionLog
from cobrowse_session.times import milliseconds
from cobrowse_session.wire.cloudevents import encode_event
from cobrowse_session.wire.converter import plain, structured
from cobrowse_session.wire.digest import table_digest
from cobrowse_session.wire.own_fields import types_of
from cobrowse_session.wire.saved import (
    changed_fields,
    known_lifecycle,
    known_settings,
    read_context,
    read_offsets,
    restore_log,
    save_context,
    save_lifecycle,
    save_log,
    save_settings,
)
from cobrowse_session.wire.session import encode_session, session_class
from cobrowse_session.wire.strict_json import dump


@lru_cache(maxsize=256)
def save_rules(lifecycle: Lifecycle) -> str:
    """Return a lifecycle and the digest of its table, as JSON with sorted keys.

    Raises:
        TableError: an event or the session of the table has a field that cannot be written or read.
    """
    types_of(lifecycle.table)
    digest = table_digest(lifecycle.table)
    return json_text({"lifecycle": save_lifecycle(lifecycle), "table": {"rows": digest.rows, "code": digest.code}})


@lru_cache(maxsize=256)
def restore_rules(text: str, table: Table[S_co]) -> tuple[Lifecycle[S_co], bool]:
    """Return the lifecycle that `save_rules` wrote, and whether its table was the one that is given."""
    saved = json.loads(text)
    digest = table_digest(table)
    is_same = digest.code is not None and saved["table"] == {"rows": digest.rows, "code": digest.code}
    return cast(Lifecycle[S_co], known_lifecycle(tuple(saved["lifecycle"].items()), table)), is_same


def save_view(log: SessionLog) -> str:
    """Return the session that follows from a log's events, its settings, context and offsets, as JSON.

    Of a sealed log, it has everything but the events: it is restored as it was, whatever the rules.
    """
    if log.sealed:
        return dump({**save_log(log), "events": [], "context": save_context(log.context)})
    parts = {
        "state": encode_session(log.session),
        "sessionSettings": _settings_text(log.session.settings),
        "context": _context_text(log.context),
        "offsets": dump({source: milliseconds(offset) for source, offset in log.offsets.items()}) if log.offsets else "{}",
    }
    return "{" + ",".join(f'"{key}":{text}' for key, text in parts.items()) + "}"


# Few queues have settings of their own, and the events of a session share a context.


@lru_cache(maxsize=256)
def _settings_text(settings: Settings) -> str:
    return dump(save_settings(settings))


@lru_cache(maxsize=1024)
def _context_text(context: Context) -> str:
    return dump(save_context(context))


def restore_view(  # noqa: PLR0913 (what a store has)
    view: Mapping[str, Any],
    load: Callable[[], Iterable[Event]],
    lifecycle: Lifecycle[S_co],
    session_id: str,
    *,
    is_same_table: bool,
    advanced: datetime | None,
) -> SessionLog[S_co]:
    """Return the log of a session that is not sealed. Its events are loaded when they are needed. `Any`: JSON.

    Args:
        view: what `save_view` wrote.
        load: returns the copies of its events, in any order.
        lifecycle: its rules.
        session_id: the session's id.
        is_same_table: the table of the rules is the one under which it was stored. Otherwise the events are folded anew.
        advanced: the latest time to which the log was advanced, on the corrected provider clock.
    """
    log = SessionLog(lifecycle, session_id)
    log.offsets = dict(read_offsets(view["offsets"], "$.offsets"))
    if not is_same_table:
        log.restore(load(), advanced=advanced)
        before = plain(structured(view["state"], session_class(lifecycle.table), "$.state"))
        log.restored = Restored(changed=tuple(changed_fields(before, log.session)), table_changed=True)
        return log
    session, context = read_view(view, lifecycle.table)
    log.restore_as_saved(load, session, context, advanced=advanced, repeats=0, late=0)
    log.restored = Restored()
    return log


def read_view(view: Mapping[str, Any], table: Table[S_co]) -> tuple[S_co, Context]:
    """Return the session and the context of what `save_view` wrote. `Any`: JSON."""
    session = structured(view["state"], session_class(table), "$.state")
    session.settings = known_settings(tuple(view["sessionSettings"].items()))
    return cast(S_co, session), read_context(view["context"])


def restore_sealed_view(view: Mapping[str, Any], events: Iterable[Event], table: Table[S_co]) -> SessionLog[S_co]:
    """Return a sealed log: what `save_view` wrote, with its events. `Any`: JSON."""
    return restore_log({**view, "events": [json.loads(encode_event(event)) for event in events]}, table=table)
