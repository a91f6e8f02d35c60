"""The answers of an inbox: the result of an event, of a document, of a log that is put there, and of an advance."""

from collections.abc import Mapping
from datetime import timedelta

from attrs import frozen

from cobrowse_session.errors import Problem
from cobrowse_session.events import Event
from cobrowse_session.io.replay import Rejected
from cobrowse_session.lifecycle import Outcome
from cobrowse_session.stream import Change, SessionLog


@frozen
class Received:
    """The result of an event that was taken.

    Attributes:
        event: the event as it was taken: corrected, and stamped.
        change: the change of its session's trace.
        offset: the duration that was added to the provider's time.
        notes: sentences for its sender: of a `receivedtime` later than the arrival, a clock that is off, a misspelt type, a
            key in another place, and of when sessions are sealed.
    """

    event: Event
    change: Change
    offset: timedelta = timedelta(0)
    notes: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The outcome of the event: `Repeat` for a copy that changes nothing, `Late` for a session that was evicted."""
        assert self.change.outcome is not None, "an event that was added has an outcome"
        return self.change.outcome


@frozen
class Taken:
    """The result of `take` for a document.

    Attributes:
        answers: the result of each event, or the reason why it was rejected.
        warnings: what a payload states and the converter could not use.
        skipped: the kinds of payloads that state nothing of a leg, such as `heartbeat`, one for each payload.
    """

    answers: tuple[Received | Rejected, ...]
    warnings: tuple[Problem, ...] = ()
    skipped: tuple[str, ...] = ()


@frozen
class Put:
    """The result of `put` for a log.

    Attributes:
        log: the log that is in the inbox now. None: the session is sealed, and its log is not kept here.
        late: events of an unsealed log that came too late for a sealed one. They are handed back.
        differences: the points in which two logs of the session differ and only one can count. See `MergedLogs`.
    """

    log: SessionLog | None
    late: tuple[Event, ...] = ()
    differences: tuple[str, ...] = ()


@frozen
class Advanced:
    """The changes of an `advance`.

    Attributes:
        changes: the change of the trace, by session.
        logs: the logs that changed, sealed ones included, each once.
        sealed: the logs that were sealed. They are no longer in the inbox, and are handed over once only.
            What an earlier call changed that was interrupted is among all three.
        more: the limit was reached before everything was done. Call `advance` again.
    """

    changes: Mapping[str, Change]
    logs: tuple[SessionLog, ...]
    sealed: tuple[SessionLog, ...]
    more: bool = False
