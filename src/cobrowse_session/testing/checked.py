"""What holds for every log, and the logs of a test: the fixture `cobrowse` of the pytest plugin."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, Self, TypeVar

from cobrowse_session.canonical import Identity, identity
from cobrowse_session.checks import check_type, shown
from cobrowse_session.events import Event
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.io.receiver import Receiver
from cobrowse_session.lifecycle import Lifecycle, Refused
from cobrowse_session.printable import printable
from cobrowse_session.stream import Change, Observer, SessionLog, TraceEntry, fold, history
from cobrowse_session.testing.arguments import checked_events
from cobrowse_session.testing.chain import builder_chain
from cobrowse_session.testing.coverage import Coverage, coverage, merged_coverages
from cobrowse_session.testing.differences import differences
from cobrowse_session.testing.stream import START, Stream
from cobrowse_session.times import time_text
from cobrowse_session.wire import restore_log, save_log

__all__ = ["Logs", "check_log", "story"]

T = TypeVar("T", bound=SessionLog[Any] | Receiver)


def check_log(log: SessionLog[Any]) -> None:
    """Check what holds for every log: it shows the fold of its events, settings included, and a saved log reads back.

    Raises:
        TypeError: it is no log.
        AssertionError: it does not. Something else wrote to the session, or a guard or an action of a table of your own reads
            more than its arguments. Or it is a defect of this package.
    """
    check_type("check_log", log, SessionLog)
    name, lifecycle = f"session {log.session_id!r}", log.lifecycle
    if log.copies and not (log.restored and log.restored.as_saved):
        folded = fold(log.copies, log.advanced, lifecycle=lifecycle)
        _check_same(f"{name} is not the fold of its events", log.session, folded.session)
        # Two sessions are equal if their settings differ. But a deadline follows from them.
        _check_same(f"{name}: the settings are not the fold of its events", log.session.settings, folded.session.settings)
        _check_same(f"{name}: the context is not the fold of its events", log.context, folded.context)
        _check_same(f"{name}: the trace is not the fold of the events", log.trace, folded.trace)
    again = restore_log(json.loads(json.dumps(save_log(log))), lifecycle)
    _check_same(f"{name}: the saved log does not read back", again.session, log.session)
    _check_same(f"{name}: the trace of the saved log does not read back", again.trace, log.trace)


def _check_same(problem: str, found: object, expected: object) -> None:
    """Check that two values of a log are equal. Otherwise the error names what differs."""
    if found != expected:
        title, *lines = differences(found, expected) or [f"{found!r} != {expected!r}"]
        raise AssertionError("\n  ".join([f"{problem} (found != expected):", *(lines or [title])]))


def story(log: SessionLog[Any]) -> str:
    """Return what happened in a log in sentences, and the Python that builds its events again."""
    check_type("story", log, SessionLog)
    events = log.copies
    made = Stream(log.session_id, log.latest or START, events=events)
    return "\n".join([*history(log), "", "The same events:", builder_chain(made), ""])


class Logs:
    """The logs of one test. At the end of the test, each is checked."""

    def __init__(self) -> None:
        self._logs: dict[tuple[int, str], list[SessionLog[Any]]] = {}  # by what has them and the session; the current one is last
        self._watched: dict[int, tuple[SessionLog[Any] | Receiver, Observer | None]] = {}  # so that an id is not used again
        self._looked_at: set[tuple[tuple[int, str], Identity]] = set()  # the key of a log, and an event

    @classmethod
    @contextmanager
    def checked(cls, *, allow_refused: bool = False, allow_pending: bool = False) -> Iterator[Self]:
        """Yield logs that are checked at the end of the block. For `@given`, which runs a test many times with one fixture.

        Args:
            allow_refused: refusals that nobody looked at are no problem.
            allow_pending: deadlines that nobody fired are no problem.

        Raises:
            AssertionError: there is a problem. An error in the block is raised as it is.
            TypeError: an argument is no bool.

        >>> from cobrowse_session.testing import stream
        >>> with Logs.checked() as logs:
        ...     log = logs.log(stream("s1").alerting().after(3).connected())
        """
        check_type("Logs.checked: allow_refused", allow_refused, bool)
        check_type("Logs.checked: allow_pending", allow_pending, bool)
        logs = cls()
        yield logs
        if problems := logs.problems(allow_refused=allow_refused, allow_pending=allow_pending):
            raise AssertionError("\n".join(problems))

    # --- What a test calls ----------------------------------------------------------------------------------------------------

    def log(
        self, events: Iterable[Event] = (), lifecycle: Lifecycle[Any] | None = None, *, session: str = "s1"
    ) -> SessionLog[Any]:
        """Return a log of events. It is checked at the end of the test.

        Args:
            events: of one session, in any order.
            lifecycle: None: the default one.
            session: the id of the session, if there are no events yet.
        """
        every = checked_events("Logs.log", events)
        log = SessionLog(lifecycle or Lifecycle(), every[0].subject if every else session)
        for event in every:
            log.add(event)
        return self.watch(log)

    def inbox(self, lifecycle: Lifecycle[Any] | None = None, **arguments: Any) -> Inbox:
        """Return an inbox. Its logs are checked at the end of the test.

        Args:
            lifecycle: None: the default one.
            arguments: of `Inbox`.
        """
        return self.watch(Inbox(lifecycle or Lifecycle(), **arguments))

    def watch(self, one: T) -> T:
        """Check a log, or the logs of an inbox, at the end of the test. Your own code may have made it.

        Args:
            one: a log, an `Inbox` or a `DurableInbox`. An inbox gets one observer more. If its observers are replaced
                afterwards, that is a problem at the end of the test, unless it is watched again.

        Returns:
            The same.

        Raises:
            TypeError: it is something else.
        """
        if not isinstance(one, SessionLog | Receiver):
            raise TypeError(f"Logs.watch: expected a SessionLog, an Inbox or a DurableInbox, found {shown(one)}")
        _, known = self._watched.get(id(one), (one, None))
        if isinstance(one, SessionLog):
            self._watched[id(one)] = one, None
            self._keep(one, one)
            return one
        for log in getattr(one, "logs", {}).values():
            self._keep(one, log)

        def keep(log: SessionLog[Any], _: Change) -> None:
            if log.copies:  # an evicted session has an empty log
                self._keep(one, log)

        if known not in one.observers:
            self._watched[id(one)] = one, keep
            one.observers = (*one.observers, keep)
        return one

    @property
    def logs(self) -> tuple[SessionLog[Any], ...]:
        """The logs so far, in the order in which they were first seen."""
        self._look_again()
        return tuple(chain.from_iterable(self._logs.values()))

    @property
    def refusals(self) -> list[Refused]:
        """The refusals so far, which count as looked at from now on: `assert cobrowse.refusals == [Refused.match(...)]`."""
        found = list(self._refused())
        self._looked_at |= {(key, identity_of(entry)) for key, entry, _ in found}
        return [outcome for _, _, outcome in found]

    # --- What the plugin calls ------------------------------------------------------------------------------------------------

    def problems(self, *, allow_refused: bool = False, allow_pending: bool = False, of_fixture: bool = False) -> list[str]:
        """Return what is wrong at the end of the test, each problem with what can be done.

        Args:
            allow_refused: refusals that nobody looked at are no problem.
            allow_pending: deadlines that nobody fired are no problem.
            of_fixture: these logs are the fixture `cobrowse`. Otherwise they are those of `Logs.checked`.
        """
        name, call = ("cobrowse", "@pytest.mark.cobrowse") if of_fixture else ("logs", "Logs.checked")
        found = [
            f"{type(one).__name__}: the observers were replaced after it was watched, so what followed was not seen. "
            "Watch it again afterwards, or keep them: inbox.observers = (*inbox.observers, ...)"
            for one, keep in self._watched.values()
            if keep is not None and keep not in one.observers
        ]
        for log in self.logs:
            try:
                check_log(log)
            except AssertionError as error:
                found.append(str(error))
            except Exception as error:  # noqa: BLE001 (a guard or an action of an own table may raise any: the other logs count, too)
                found.append(f"session {log.session_id!r}: it could not be checked: {type(error).__name__}: {error}")
        if not allow_refused:
            found += [
                f"{_refusal(entry, outcome)} Compare {name}.refusals, or allow it: {call}(allow_refused=True)"
                for key, entry, outcome in self._refused()
                if (key, identity_of(entry)) not in self._looked_at
            ]
        if not allow_pending:
            advice = f"Advance to it, or allow it: {call}(allow_pending=True)"
            found += [f"{_pending(log)} {advice}" for log in self._waiting()]
        return found

    def story(self) -> str:
        """Return the stories of all logs."""
        return "\n".join(map(story, self.logs))

    def coverages(self) -> list[Coverage]:
        """Return what the logs took of each table."""
        return merged_coverages(coverage(log, table=log.lifecycle.table) for log in self.logs)

    # --- Inside ---------------------------------------------------------------------------------------------------------------

    def _keep(self, one: SessionLog[Any] | Receiver, log: SessionLog[Any]) -> None:
        """Keep a log of what is watched. It takes the place of those whose events it has: another object after `put`."""
        known = self._logs.setdefault((id(one), log.session_id), [])
        known[:] = [other for other in known if other is not log and not all(map(log.holds, other.events))] + [log]

    def _look_again(self) -> None:
        """Keep the logs that were put into an inbox, of which observers hear nothing."""
        for one, _ in self._watched.values():
            if isinstance(one, Inbox):
                for log in one.logs.values():
                    self._keep(one, log)

    def _waiting(self) -> Iterator[SessionLog[Any]]:
        """Yield the logs with a deadline that somebody could fire. Nobody can for a session that was dropped."""
        for (owner, session), logs in self._logs.items():
            one, _ = self._watched[owner]
            if logs[-1].deadline is not None and not (isinstance(one, Inbox) and session not in one.logs):
                yield logs[-1]

    def _refused(self) -> Iterator[tuple[tuple[int, str], TraceEntry, Refused]]:
        self._look_again()
        for key, logs in self._logs.items():
            for entry in chain.from_iterable(log.trace for log in logs):
                if isinstance(entry.outcome, Refused):
                    yield key, entry, entry.outcome


def identity_of(entry: TraceEntry) -> Identity:
    """Return the identity of the event of an entry. A timer is never refused."""
    assert isinstance(entry.event, Event)
    return identity(entry.event)


def _refusal(entry: TraceEntry, outcome: Refused) -> str:
    event, _, name = entry.event.kind, *identity_of(entry)[1:]
    what = f"{event} {name!r} was refused, and nobody looked at it: {outcome.rule}: {outcome.reason}"
    return printable(f"session {entry.event.subject!r}: {what}")


def _pending(log: SessionLog[Any]) -> str:
    due = time_text(log.deadline) if log.deadline else ""
    return printable(f"session {log.session_id!r}: the deadline {due} was not fired.")
