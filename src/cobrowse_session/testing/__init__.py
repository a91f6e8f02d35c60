"""The test kit: build streams, run them, match what came of them. Time is in the events; nothing is patched, nothing sleeps."""

from cobrowse_session.testing.run import Run, RunStep, run
from cobrowse_session.testing.stream import START, Stream, duration, stream

__all__ = ["START", "Run", "RunStep", "Stream", "duration", "run", "stream"]
