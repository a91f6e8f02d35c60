"""The test kit: build streams, run them, match the outcomes. Time is in the events. Nothing is patched, and nothing sleeps."""

from cobrowse_session.testing.run import Run, RunStep, run
from cobrowse_session.testing.stream import START, Stream, duration, stream

__all__ = ["START", "Run", "RunStep", "Stream", "duration", "run", "stream"]
