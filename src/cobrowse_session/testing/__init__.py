"""The test kit: build streams, run them, match the outcomes. Time is in the events. Nothing is patched, and nothing sleeps."""

from cobrowse_session.testing.expect import expect
from cobrowse_session.testing.lines import from_jsonl, to_jsonl, together
from cobrowse_session.testing.run import Run, RunStep, run
from cobrowse_session.testing.stream import START, Stream, conversation, duration, stream

__all__ = [
    "START",
    "Run",
    "RunStep",
    "Stream",
    "conversation",
    "duration",
    "expect",
    "from_jsonl",
    "run",
    "stream",
    "to_jsonl",
    "together",
]
