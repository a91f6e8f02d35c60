"""Changes of logs, kept until they are handed over, and joined."""

from attrs import define, evolve, field

from cobrowse_session.stream import Change, SessionLog, TraceEntry


@define
class Passed:
    """The changes of an `advance` until they are handed over. See `Advanced`."""

    changes: dict[str, Change] = field(factory=dict)
    logs: dict[str, SessionLog] = field(factory=dict)
    sealed: dict[str, SessionLog] = field(factory=dict)

    def leave_unchanged(self, session: str) -> None:
        """Leave a session out, unless it has changed."""
        if not self.changes[session]:
            del self.changes[session], self.logs[session]


def joined(earlier: Change | None, change: Change) -> Change:
    """Return the change of two advances of a log, the first of which was interrupted, as one."""
    return change if earlier is None else evolve(change, new=(*earlier.new, *change.new))


def with_fired(fired: tuple[TraceEntry, ...], change: Change) -> Change:
    """Return a change that follows timers as one with them. A timer that fired and was withdrawn again is not in it."""
    # A log was put into the inbox, a timer was due, and the event that comes next makes it fire. The caller has not seen the
    # timer yet. Examples:
    #
    #     fired                 the event does                       the caller gets
    #     timer.alerting        `connected`: withdraws it            the event as new. Of the timer nothing.
    #     timer.acw 09:01:30    corrects the end by -10 s: moves it  timer.acw of 09:01:20 as new, the end as changed
    #     timer.acw 09:01:30    leaves it as it is                   the timer and the event as new
    withdrawn = set(map(id, change.withdrawn))
    stayed = [entry for entry in fired if id(entry) not in withdrawn and all(entry is not before for before, _ in change.changed)]
    return evolve(
        change,
        new=(*stayed, *change.new, *(after for before, after in change.changed if before in fired)),
        withdrawn=tuple(entry for entry in change.withdrawn if entry not in fired),
        changed=tuple((before, after) for before, after in change.changed if before not in fired),
    )
