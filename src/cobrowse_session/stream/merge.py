"""Two logs of one session become one: a saved one that is put back while a new one has received events meanwhile.

Example: the saved log has events a and b, and received b twice (one repeat)::

    the new log                           events    repeats
    a, b, b, c: a later state of it       a, b, c   1: it counts the repeat already
    b, c: it began while the other ended  a, b, c   2: b came twice there and once here

A sealed log is not folded anew. So the events of the other log are added to it, and come back as late, or count as repeats.
"""

from attrs import frozen

from cobrowse_session.canonical import order
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Late
from cobrowse_session.stream.log import SessionLog


@frozen
class MergedLogs:
    """Two logs as one.

    Attributes:
        log: the union of their events and copies, advanced to the later of their times. If one of them is sealed: that one.
        late: events of the other one that came too late for a sealed log, handed back.
        differences: in what the logs differ where only one can count: `lifecycle`, and `offset of SOURCE`. The log with the
            earlier first event counts.
    """

    log: SessionLog
    late: tuple[Event, ...] = ()
    differences: tuple[str, ...] = ()


def merge_logs(one: SessionLog, other: SessionLog) -> MergedLogs:
    """Return two logs of one session as one.

    Raises:
        ValueError: they are of different sessions.
    """
    if one.session_id != other.session_id:
        raise ValueError(f"expected two logs of one session, found {one.session_id!r} and {other.session_id!r}")
    first, second = (other, one) if _begins_before(other, one) else (one, other)
    differences = tuple(differences_of(first, second))
    if first.sealed or second.sealed:
        sealed, rest = (first, second) if first.sealed else (second, first)
        outcomes = [sealed.add(copy).outcome for copy in rest.copies]
        return MergedLogs(sealed, tuple(outcome.event for outcome in outcomes if isinstance(outcome, Late)), differences)
    log = SessionLog(first.lifecycle, first.session_id)
    log.offsets = {**second.offsets, **first.offsets}
    received = [len(each.events) + each.repeats for each in (first, second)]
    is_state_of_other = set(first.copies) <= set(second.copies) or set(second.copies) <= set(first.copies)
    advanced = max(filter(None, (first.advanced, second.advanced)), default=None)
    # An earlier state of the other log was received with it. Otherwise each log received copies of its own.
    total = max(received) if is_state_of_other else sum(received)
    log.restore([*first.copies, *second.copies], advanced=advanced, late=first.late + second.late, received=total)
    return MergedLogs(log, (), differences)


def _begins_before(one: SessionLog, other: SessionLog) -> bool:
    if not one.events or not other.events:
        return bool(one.events)
    return order(one.events[0]) < order(other.events[0])


def differences_of(first: SessionLog, second: SessionLog) -> list[str]:
    """Return in what two logs of a session differ where only one can count. See `MergedLogs`."""
    sources = sorted(first.offsets.keys() & second.offsets.keys())
    found = ["lifecycle"] if first.lifecycle != second.lifecycle else []
    return found + [f"offset of {source}" for source in sources if first.offsets[source] != second.offsets[source]]
