"""All formats, in and out. Nothing above this package knows their JSON keys."""

from cobrowse_session.wire.cloudevents import decode_event, encode_event
from cobrowse_session.wire.saved import restore_log, save_log
from cobrowse_session.wire.session import decode_session, encode_session
from cobrowse_session.wire.trace import encode_entry, trace_entries

__all__ = [
    "decode_event",
    "decode_session",
    "encode_entry",
    "encode_event",
    "encode_session",
    "restore_log",
    "save_log",
    "trace_entries",
]
