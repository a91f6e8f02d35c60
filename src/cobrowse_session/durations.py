"""The durations of a session by name: ring, talk, hold, after-call work, handle.

They come from segments and after-call work, which are all on one clock, the corrected provider clock. The stamps of a session
are on two clocks: `startAlertingTime` and `connectedTime` are cloud times, `disconnectedTime` is a provider time (STAMP-2,
STAMP-3, STAMP-4). A difference between the two would contain the delay of delivery and the offset of the clocks. It can be
negative.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from attrs import frozen

from cobrowse_session.model import Communication
from cobrowse_session.times import utc

_TYPES = {"alert": "ring", "interact": "talk", "hold": "hold"}


@frozen
class Durations:
    """The durations of a session. None: the session had none of it.

    Attributes:
        ring: of all `Alert` segments.
        talk: of all `Interact` segments.
        hold: of all `Hold` segments.
        after_call_work: from the end of the leg to the end of after-call work. Zero: it was skipped at the end of the leg.
    """

    ring: timedelta | None = None
    talk: timedelta | None = None
    hold: timedelta | None = None
    after_call_work: timedelta | None = None

    @property
    def handle(self) -> timedelta | None:
        """Talk, hold and after-call work together. None: the session had none of these."""
        parts = [part for part in (self.talk, self.hold, self.after_call_work) if part is not None]
        return sum(parts, timedelta(0)) if parts else None


def durations(session: Communication, now: datetime | None = None) -> Durations:
    """Return the durations of a session.

    Args:
        session: any communication.
        now: what is still open lasts until then, on the corrected provider clock. None: what is still open does not count.

    Raises:
        TypeError: `now` is naive.

    >>> from cobrowse_session.testing import run, stream
    >>> call = stream("s1").alerting().after(3).connected(wrapup_prompt="optional").after("5m").disconnected("peer")
    >>> found = durations(run(call.after(14.22).wrapup("sale")).session)
    >>> str(found.ring), str(found.talk), str(found.after_call_work), str(found.handle)
    ('0:00:03', '0:05:00', '0:00:14.220000', '0:05:14.220000')
    """
    now = None if now is None else utc(now)
    found: dict[str, timedelta] = {}
    for name, length in _lengths(session, now):
        found[name] = found.get(name, timedelta(0)) + length
    return Durations(**found)


def _lengths(session: Communication, now: datetime | None) -> Iterator[tuple[str, timedelta]]:
    for segment in session.segments or ():
        name = _TYPES.get((segment.type or "").lower())
        if name and (length := _length(segment.start_time, segment.end_time or now)) is not None:
            yield name, length
    work = session.after_call_work
    if work is not None and (length := _length(work.start_time, work.end_time or now)) is not None:
        yield "after_call_work", length


def _length(start: datetime | None, end: datetime | None) -> timedelta | None:
    return None if start is None or end is None else max(end - start, timedelta(0))
