"""What holds for every log, and the logs of a test: the fixture `cobrowse` of the pytest plugin."""

import json
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from traceback import extract_tb
from typing import Any, Generic, Self, TypeVar

from attrs import define, field, frozen

from cobrowse_session.canonical import canonical, edition, identity
from cobrowse_session.checks import check_type, shown
from cobrowse_session.errors import StoreError
from cobrowse_session.events import Event
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.io.receiver import Receiver
from cobrowse_session.io.replay import Rejected
from cobrowse_session.lifecycle import Late, Lifecycle, Refused
from cobrowse_session.printable import printable
from cobrowse_session.stream import Change, SessionLog, TraceEntry, fold, history
from cobrowse_session.stream.copies import merge_copies
from cobrowse_session.stream.observers import raised_by_observers
from cobrowse_session.testing.arguments import checked_events
from cobrowse_session.testing.chain import builder_chain
from cobrowse_session.testing.coverage import Coverage, coverage, merged_coverages
from cobrowse_session.testing.differences import differences
from cobrowse_session.testing.stream import START, Stream
from cobrowse_session.times import time_text
from cobrowse_session.wire import restore_log, save_log

__all__ = ["Logs", "check_log", "story"]

T = TypeVar("T", bound=SessionLog[Any] | Receiver)
V = TypeVar("V")
Key = tuple[int, str]
"""What has a log (its `id`), and the session."""


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


@frozen
class _Finding(Generic[V]):
    """A point that a test has to look at.

    Attributes:
        key: the same as long as it is the same. What was looked at is remembered by it.
        value: what a property of `Logs` returns.
        text: the problem.
    """

    key: Hashable
    value: V
    text: str


@define(eq=False, repr=False)
class _Watched:
    """A log or an inbox that is watched."""

    one: SessionLog[Any] | Receiver
    logs: "Logs"
    _reject: Callable[[Rejected], object] | None = field(default=None, init=False)  # that of the handler

    def begin(self) -> None:
        """Observe it, unless it is observed."""
        if self.observe not in self.one.observers:
            self.one.observers = (*self.one.observers, self.observe)
        if isinstance(self.one, Receiver) and self.one.reject != self.reject:
            self._reject, self.one.reject = self.one.reject, self.reject

    def end(self) -> None:
        """Leave it as it was."""
        self.one.observers = tuple(one for one in self.one.observers if one != self.observe)
        if isinstance(self.one, Receiver) and self.one.reject == self.reject:
            self.one.reject = self._reject

    def observe(self, log: SessionLog[Any], change: Change) -> None:
        """Keep the log, and an event that came too late for its session."""
        if isinstance(change.outcome, Late):
            self.logs._late.append(change.outcome.event)  # noqa: SLF001 (a part of it)
        if log.copies and isinstance(self.one, Receiver):  # an evicted session has an empty log
            self.logs._keep(self.one, log)  # noqa: SLF001 (as above)

    def reject(self, rejected: Rejected) -> None:
        """Keep what was rejected, and hand it to the handler."""
        self.logs._rejected.append(rejected)  # noqa: SLF001 (as above)
        if self._reject is not None:
            self._reject(rejected)

    @property
    def replaced(self) -> str:
        """The problem if a part of an inbox was replaced since. Empty: none was."""
        if not isinstance(self.one, Receiver):
            return ""
        if self.observe not in self.one.observers:
            return (
                "the observers were replaced after it was watched, so what followed was not seen. Watch it again afterwards, "
                "or keep them: inbox.observers = (*inbox.observers, ...)"
            )
        if self.one.reject != self.reject:
            return "`reject` was replaced after it was watched, so what followed was not seen. Watch it again afterwards"
        return ""


class Logs:
    """The logs of one test. At the end of the test, each is checked."""

    def __init__(self) -> None:
        self._logs: dict[Key, list[SessionLog[Any]]] = {}  # the current one is last
        self._watched: dict[int, _Watched] = {}  # by the id of what is watched, which is kept so that the id is not used again
        self._rejected: list[Rejected] = []
        self._late: list[Event] = []
        self._errors: list[Exception] = []
        self._looked_at: set[Hashable] = set()  # keys of findings
        self._there: set[Hashable] = set()  # keys of those that an inbox had when it was watched
        self._before: dict[Key, tuple[TraceEntry, ...]] = {}  # the traces that an inbox had when it was watched

    @classmethod
    @contextmanager
    def checked(
        cls,
        *,
        allow_refused: bool = False,
        allow_pending: bool = False,
        allow_rejected: bool = False,
        allow_lost: bool = False,
    ) -> Iterator[Self]:
        """Yield logs that are checked at the end of the block. For `@given`, which runs a test many times with one fixture.

        Args:
            allow_refused: refusals that nobody looked at are no problem.
            allow_pending: deadlines that nobody fired are no problem.
            allow_rejected: input that was rejected and that nobody looked at is no problem.
            allow_lost: events that were lost and that nobody looked at are no problem. See `lost`.

        Raises:
            AssertionError: there is a problem. An error in the block is raised as it is.
            TypeError: an argument is no bool.

        >>> from cobrowse_session.testing import stream
        >>> with Logs.checked() as logs:
        ...     log = logs.log(stream("s1").alerting().after(3).connected())
        """
        allowed = {
            "allow_refused": allow_refused,
            "allow_pending": allow_pending,
            "allow_rejected": allow_rejected,
            "allow_lost": allow_lost,
        }
        for name, value in allowed.items():
            check_type(f"Logs.checked: {name}", value, bool)
        with cls.open() as logs:
            yield logs
            if problems := logs.problems(**allowed):
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

        What an inbox has already is not of this test, because an inbox may live longer than one. What a log has already is.

        Args:
            one: a log, an `Inbox` or a `DurableInbox`. It gets one observer more, and an inbox another `reject`, which calls its
                own. At the end of the test they are removed. If those of an inbox are replaced in the meantime, that is a problem
                at the end of the test, unless it is watched again.

        Returns:
            The same.

        Raises:
            TypeError: it is something else.
        """
        if not isinstance(one, SessionLog | Receiver):
            raise TypeError(f"Logs.watch: expected a SessionLog, an Inbox or a DurableInbox, found {shown(one)}")
        is_first, known = id(one) not in self._watched, self._keys()
        self._watched.setdefault(id(one), _Watched(one, self)).begin()
        if isinstance(one, SessionLog):
            one.trace  # noqa: B018 (its store reads the events now: at the end of the test it may be closed)
            self._keep(one, one)
            return one
        for log in getattr(one, "logs", {}).values():
            self._keep(one, log)
            if is_first:
                self._before[id(one), log.session_id] = log.trace
        if is_first:
            self._there |= self._keys() - known
        return one

    @property
    def logs(self) -> tuple[SessionLog[Any], ...]:
        """The logs so far, in the order in which they were first seen."""
        self._look_again()
        return tuple(chain.from_iterable(self._logs.values()))

    @property
    def refusals(self) -> list[Refused]:
        """The refusals so far, which count as looked at from now on: `assert cobrowse.refusals == [Refused.match(...)]`."""
        return self._looked(self._refused())

    @property
    def rejections(self) -> list[Rejected]:
        """The input that inboxes rejected so far, which counts as looked at from now on. `error` has the reason."""
        return self._looked(self._rejections())

    @property
    def lost(self) -> list[Event]:
        """The events so far that no session shows, which count as looked at from now on.

        They came after their session was sealed, or contradict another copy of the event, and that copy counts.
        """
        return self._looked(self._lost())

    @property
    def errors(self) -> list[Exception]:
        """The exceptions so far of observers, of `reject`, and of guards and actions when a timer was due.

        They count as looked at from now on.
        """
        return self._looked(self._raised())

    # --- What the plugin calls ------------------------------------------------------------------------------------------------

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Self]:
        """Yield logs that get what observers raise in the block. At its end, nothing is watched any more."""
        logs = cls()
        with raised_by_observers() as logs._errors:
            try:
                yield logs
            finally:
                for watched in logs._watched.values():
                    watched.end()

    def problems(
        self,
        *,
        allow_refused: bool = False,
        allow_pending: bool = False,
        allow_rejected: bool = False,
        allow_lost: bool = False,
        of_fixture: bool = False,
    ) -> list[str]:
        """Return what is wrong at the end of the test, each problem with what can be done.

        Args:
            allow_refused: as for `checked`.
            allow_pending: as above.
            allow_rejected: as above.
            allow_lost: as above.
            of_fixture: these logs are the fixture `cobrowse`. Otherwise they are those of `Logs.checked`.
        """
        name, call = ("cobrowse", "@pytest.mark.cobrowse") if of_fixture else ("logs", "Logs.checked")
        found = [f"{type(one.one).__name__}: {one.replaced}" for one in self._watched.values() if one.replaced]
        for log in self.logs:
            try:
                check_log(log)
            except AssertionError as error:
                found.append(str(error))
            except Exception as error:  # noqa: BLE001 (a guard or an action of an own table may raise any: the other logs count, too)
                what = f"session {log.session_id!r}: it could not be checked: {type(error).__name__}: {error}"
                found.append(printable(what))
        found += [f"{one.text} If it shall raise: look at {name}.errors" for one in self._new(self._raised())]
        for is_allowed, argument, what, findings in (
            (allow_rejected, "allow_rejected", f"Look at {name}.rejections", self._rejections()),
            (allow_refused, "allow_refused", f"Compare {name}.refusals", self._refused()),
            (allow_lost, "allow_lost", f"Look at {name}.lost", self._lost()),
            (allow_pending, "allow_pending", "Advance to it", self._pending()),
        ):
            if not is_allowed:
                found += [f"{one.text} {what}, or allow it: {call}({argument}=True)" for one in self._new(findings)]
        return found

    def story(self) -> str:
        """Return the stories of all logs."""
        return "\n".join(map(story, self.logs))

    def coverages(self) -> list[Coverage]:
        """Return what the logs took of each table. What an inbox had when it was watched counts if it has changed since.

        A log that was sealed under another table does not count: rows of that table decided.
        """
        changed = (log for key, log in self._every() if self._before.get(key) != log.trace)
        return merged_coverages(coverage(log, table=log.lifecycle.table) for log in changed if not _is_of_another_table(log))

    # --- Inside ---------------------------------------------------------------------------------------------------------------

    def _keep(self, one: SessionLog[Any] | Receiver, log: SessionLog[Any]) -> None:
        """Keep a log of what is watched. It takes the place of those whose events it has: another object after `put`."""
        known = self._logs.setdefault((id(one), log.session_id), [])
        known[:] = [other for other in known if other is not log and not all(map(log.holds, other.events))] + [log]

    def _look_again(self) -> None:
        """Keep the logs that were put into an inbox, of which observers hear nothing."""
        for watched in self._watched.values():
            if isinstance(watched.one, Inbox):
                for log in watched.one.logs.values():
                    self._keep(watched.one, log)

    def _looked(self, findings: Iterable[_Finding[V]]) -> list[V]:
        """Return the values of findings, which count as looked at from now on."""
        found = [one for one in findings if one.key not in self._there]
        self._looked_at |= {one.key for one in found}
        return [one.value for one in found]

    def _new(self, findings: Iterable[_Finding[Any]]) -> Iterator[_Finding[Any]]:
        """Return the findings that nobody looked at."""
        return (one for one in findings if one.key not in self._looked_at | self._there)

    def _keys(self) -> set[Hashable]:
        """Return the keys of what follows from the logs."""
        return {one.key for findings in (self._refused(), self._lost(), self._pending()) for one in findings}

    def _refused(self) -> Iterator[_Finding[Refused]]:
        for key, log in self._every():
            for entry in log.trace:
                if isinstance(entry.event, Event) and isinstance(entry.outcome, Refused):  # a timer is never refused
                    what = f"was refused, and nobody looked at it: {entry.outcome.rule}: {entry.outcome.reason}"
                    yield _Finding(("refused", key, identity(entry.event)), entry.outcome, _text(entry.event, what))

    def _rejections(self) -> Iterator[_Finding[Rejected]]:
        for number, rejected in enumerate(self._rejected):
            text = printable(f"input was rejected, and nobody looked at it: {rejected.error}.")
            yield _Finding(("rejected", number), rejected, text)

    def _lost(self) -> Iterator[_Finding[Event]]:
        for number, event in enumerate(self._late):
            what = "came after its session was sealed, and nobody looked at it."
            yield _Finding(("late", number), event, _text(event, what))
        for key, log in self._every():
            for event in _contradicting(log):
                what = "contradicts the copy that counts, and nobody looked at it."
                yield _Finding(("contradicts", key, identity(event), canonical(event)), event, _text(event, what))

    def _raised(self) -> Iterator[_Finding[Exception]]:
        for number, error in enumerate(self._errors):
            place = "".join(
                f" ({frame.filename}:{frame.lineno}, in {frame.name})" for frame in extract_tb(error.__traceback__)[-1:]
            )
            what = str(error).partition("\n")[0]
            text = printable(f"a function of yours raised {type(error).__name__}: {what}{place}.")
            yield _Finding(("raised", number), error, text)

    def _pending(self) -> Iterator[_Finding[SessionLog[Any]]]:
        """Yield the logs with a deadline that somebody could fire. Nobody can for a session that was dropped."""
        for key, logs in self._logs.items():
            log = _current(self._watched[key[0]].one, logs[-1])
            if log is not None and log.deadline is not None:
                text = f"session {log.session_id!r}: the deadline {time_text(log.deadline)} was not fired."
                yield _Finding(("pending", key, log.deadline), log, printable(text))

    def _every(self) -> Iterator[tuple[Key, SessionLog[Any]]]:
        self._look_again()
        for key, logs in self._logs.items():
            yield from ((key, log) for log in logs)


def _current(one: SessionLog[Any] | Receiver, seen: SessionLog[Any]) -> SessionLog[Any] | None:
    """Return the log of a session as it is now. Another worker may have changed it. None: the inbox has it no more."""
    if isinstance(one, SessionLog):
        return one
    try:
        return one.find(seen.session_id)
    except StoreError:  # the store was closed
        return seen


def _is_of_another_table(log: SessionLog[Any]) -> bool:
    return log.restored is not None and log.restored.as_saved and log.restored.table_changed


def _contradicting(log: SessionLog[Any]) -> Iterator[Event]:
    """Yield the copies of the highest edition of each event that differ from the one that counts."""
    for copies in merge_copies(log.copies)[1].values() if log.conflicts else ():
        last = max(edition(event.sequence) for event in copies)
        of_last = [event for event in copies if edition(event.sequence) == last]
        yield from sorted(of_last, key=lambda event: (event.received, canonical(event)))[1:]


def _text(event: Event, what: str) -> str:
    return printable(f"session {event.subject!r}: {event.kind} {event.id!r} {what}")
