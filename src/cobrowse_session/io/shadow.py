"""Shadow mode: an inbox beside another program that handles the same events. It changes nothing and reports where both differ.

Theory of operation
===================

The shadow gets each document that the program gets, and folds it in an inbox of its own. The program's record of a session is
compared with ours whenever the program passes it. The latest comparison of a session counts, until the session is sealed: the
first one afterwards is final.

`take`, `advance` and `compare` raise nothing, for they are called in the middle of the other program. What they cannot do is a
problem in the report. A field of a record that cannot be read is left out, and the others are compared.

A session that came here and is never compared is a problem, too: the program may have lost it. It is counted from its first event
until its first comparison.

Memory is bounded. Of all sessions there are counts. Of the latest `remember` ones there are differences, and the events in the
order in which they arrived, because the likely causes follow from it.
"""

import csv
import io
import logging
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from threading import RLock
from typing import Any, TypeVar

from attrs import define, field, frozen

from cobrowse_session.checks import check_type, shown
from cobrowse_session.errors import DecodeError
from cobrowse_session.events import Event
from cobrowse_session.io.answers import Received
from cobrowse_session.io.arguments import check_count
from cobrowse_session.io.comparison import UNKNOWN, Comparison, Difference, Verdict, compare, read_readable
from cobrowse_session.io.receiver import Receiver
from cobrowse_session.io.replay import Rejected
from cobrowse_session.lifecycle import Late, Repeat
from cobrowse_session.printable import printable
from cobrowse_session.stream import SessionLog
from cobrowse_session.wire.strict_json import dump

VERDICTS: tuple[Verdict, ...] = ("equal", "different", "only ours", "only theirs")
MOST = 1000
"""How many events of a session, and how many different problems, are kept."""
SHOWN = 20
"""How many sessions that were never compared are named in the problem."""
_INDEX = re.compile(r"\.[0-9]+")
_COLUMNS = ("session", "field", "verdict", "ours", "theirs", "cause", "because", "setBy", "row", "clock", "basis")

logger = logging.getLogger("cobrowse_session.shadow")
Kept = TypeVar("Kept")


@frozen
class Report:
    """The comparison of all sessions so far.

    Attributes:
        sessions: how many were compared.
        final: how many of them are sealed, so that their comparison will not change.
        fields: how often each field was equal, differed, or was set on one side only. An item of a list has no index here.
        differences: of the sessions that are remembered.
        problems: what could not be taken or compared, and how often. The sessions that were never compared are one of them.
        never_compared: the sessions that came here and were not compared, the oldest first. Only those that are remembered.
    """

    sessions: int
    final: int
    fields: Mapping[str, Mapping[Verdict, int]]
    differences: tuple[Difference, ...]
    problems: Mapping[str, int]
    never_compared: tuple[str, ...]

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """The number of fields with each result."""
        return {verdict: sum(one.get(verdict, 0) for one in self.fields.values()) for verdict in VERDICTS}

    @property
    def causes(self) -> Mapping[str, int]:
        """The number of differences with each likely cause, the most frequent first."""
        return dict(Counter(one.cause or UNKNOWN for one in self.differences).most_common())

    def __str__(self) -> str:
        lines = [f"sessions: {self.sessions:,} compared, {self.final:,} of them final", _counted("fields", self.counts)]
        wrong = {name: found for name, found in self.fields.items() if set(found) - {"equal"}}
        width = max(map(len, wrong), default=0)
        lines += [_counted(f"  {name:<{width}}", found) for name, found in wrong.items()]
        if self.causes:
            lines.append(_counted("likely causes", self.causes))
        lines += [f"problem ({count:,}): {problem}" for problem, count in self.problems.items()]
        for one in self.differences:
            lines += ["", *str(one).split("\n")]
        return "\n".join(map(printable, lines))

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON (`Any`)."""
        return {
            "sessions": self.sessions,
            "final": self.final,
            "fields": {name: dict(found) for name, found in self.fields.items()},
            "causes": dict(self.causes),
            "problems": dict(self.problems),
            "neverCompared": list(self.never_compared),
            "differences": [one.as_json() for one in self.differences],
        }

    def as_csv(self) -> str:
        """Return the differences as CSV, with a head."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(map(_row, self.differences))
        return text.getvalue()


def _counted(what: str, counts: Mapping[Any, int]) -> str:  # words
    return f"{what}: {', '.join(f'{count:,} {name}' for name, count in counts.items() if count) or 'none'}"


def _row(one: Difference) -> tuple[str, ...]:
    why = one.explanation
    set_by = f"{why.entry.event.kind} {getattr(why.entry.event, 'id', '')}".rstrip() if why and why.entry else ""
    values = ("" if value is None else value if isinstance(value, str) else dump(value) for value in (one.ours, one.theirs))
    first = (one.session, one.field, one.verdict, *values, one.cause, one.because)
    return (*first, set_by, "+".join(why.rows) if why else "", (why and why.clock) or "", one.basis)


@define
class Tally:
    """The comparisons of many sessions. The latest one of each counts, until it is final.

    Args:
        remember: of how many sessions the differences are kept. Of the others there are counts.
    """

    remember: int = 10_000
    _latest: dict[str, Comparison] = field(factory=dict, init=False)
    _earlier: Counter[tuple[str, Verdict]] = field(factory=Counter, init=False)
    _counts: Counter[str] = field(factory=Counter, init=False)  # of the sessions that are not remembered
    _problems: Counter[str] = field(factory=Counter, init=False)

    def __contains__(self, session: str) -> bool:
        """Return whether a session was compared and is remembered."""
        return session in self._latest

    def is_final(self, session: str) -> bool:
        """Return whether the comparison of a session will not change."""
        return session in self._latest and self._latest[session].is_final

    def add(self, comparison: Comparison) -> None:
        """Add the comparison of a session. It replaces an earlier one, unless that is final."""
        if not self.is_final(comparison.session):
            for forgotten in _keep(self._latest, comparison.session, comparison, self.remember):
                self._earlier.update(_verdicts(forgotten))
                self._counts.update(sessions=1, final=forgotten.is_final)

    def problem(self, text: str) -> None:
        """Count what could not be taken or compared."""
        self._problems[text if text in self._problems or len(self._problems) < MOST else "others"] += 1

    def report(self, never_compared: Sequence[str] = (), more: int = 0) -> Report:
        """Return the report.

        Args:
            never_compared: the sessions that came and were not compared.
            more: how many others there are, whose ids are not known any more.
        """
        kept = tuple(self._latest.values())
        found = self._earlier + Counter(one for comparison in kept for one in _verdicts(comparison))
        fields: dict[str, dict[Verdict, int]] = {}
        for (name, verdict), count in found.items():
            fields.setdefault(name, {})[verdict] = count
        return Report(
            self._counts["sessions"] + len(kept),
            self._counts["final"] + sum(one.is_final for one in kept),
            fields,
            tuple(difference for one in kept for difference in one.differences),
            {**self._problems, **_never_compared(never_compared, more)},
            tuple(never_compared),
        )


def _never_compared(sessions: Sequence[str], more: int) -> dict[str, int]:
    """Return the problem that sessions were never compared, with the first of them and the number of all."""
    if not (count := len(sessions) + more):
        return {}
    first = sessions[:SHOWN]
    others = [f"and {count - len(first):,} more"] if count > len(first) else []
    return {f"session came here and was never compared: {', '.join([*first, *others])}": count}


def _verdicts(comparison: Comparison) -> Iterator[tuple[str, Verdict]]:
    return ((_INDEX.sub("[]", name), verdict) for name, verdict in comparison.verdicts)


def _keep(kept: dict[str, Kept], session: str, one: Kept, most: int) -> tuple[Kept, ...]:
    """Put something into what is kept, as the latest, and return what is dropped."""
    kept.pop(session, None)
    kept[session] = one
    return tuple(kept.pop(next(iter(kept))) for _ in range(len(kept) - most))


@define(eq=False)
class Shadow:
    """An inbox beside another program. It reports where the sessions of both differ, and why.

    Several threads may use it. They take turns.

    Args:
        inbox: an `Inbox` or a `DurableInbox` that nobody else gives events to.
        tolerance: by how much a time may differ.
        remember: of how many sessions the differences and the order of arrival are kept, and how many that were not compared are
            known by their ids.

    Raises:
        TypeError: an argument of another type.
        SettingsError: `remember` is below 1.

    >>> from cobrowse_session import Lifecycle
    >>> from cobrowse_session.io.inbox import Inbox
    >>> from cobrowse_session.testing import stream
    >>> shadow = Shadow(Inbox(Lifecycle()))
    >>> for event in stream("s1", delay=0.2).alerting().after(3).connected().after(60).disconnected("peer"):
    ...     shadow.take(event)
    >>> shadow.compare("s1", {"state": "disconnected", "disconnectedTime": "2026-03-01T09:01:03.200Z"})
    >>> shadow.report().causes
    {'time of receipt': 1}
    """

    inbox: Receiver
    tolerance: timedelta = field(default=timedelta(0), kw_only=True)
    remember: int = field(default=10_000, kw_only=True)
    _tally: Tally = field(init=False, repr=False)
    _arrived: dict[str, list[Event]] = field(factory=dict, init=False, repr=False)
    _sealed: dict[str, SessionLog] = field(factory=dict, init=False, repr=False)  # that the inbox has evicted
    _missing: dict[str, None] = field(factory=dict, init=False, repr=False)  # not compared yet, the oldest first
    _more_missing: int = field(default=0, init=False, repr=False)  # that are not remembered
    _lock: RLock = field(factory=RLock, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        check_type("Shadow: inbox", self.inbox, Receiver)
        check_type("Shadow: tolerance", self.tolerance, timedelta)
        check_count("remember", self.remember, 1)
        self._tally = Tally(self.remember)

    def take(self, document: object, now: datetime | None = None) -> None:
        """Take what the program takes. See `Inbox.take`. Nothing is raised: a problem is in the report."""
        with self._harmless("take"):
            for answer in self.inbox.take(document, now).answers:
                if isinstance(answer, Rejected):
                    self._tally.problem(f"rejected: {answer.error}")
                else:
                    self._note(answer)

    def advance(self, now: datetime, limit: int | None = None) -> None:
        """Fire what is due and seal what is over. See `Inbox.advance`. Nothing is raised: a problem is in the report.

        Without it no timer fires and no comparison becomes final. With a `TimerRunner` on the inbox it is not needed.
        """
        with self._harmless("advance"):
            for log in self.inbox.advance(now, limit).sealed:
                if self.inbox.find(log.session_id) is None:
                    _keep(self._sealed, log.session_id, log, self.remember)

    def compare(self, session: str, theirs: object) -> None:
        """Compare a session with the program's record of it. Nothing is raised: a problem is in the report.

        Args:
            session: its id.
            theirs: session JSON, as text, UTF-8 or parsed, a session, or a mapping of some of its fields. See `read_record`.
        """
        with self._harmless(f"compare {session}"):
            record, problems = read_readable(theirs, self.inbox.table.session)
            for problem in problems:
                self._problem(f"compare {session}", str(problem))
            if self._tally.is_final(session):
                return
            log = self.inbox.find(session) or self._sealed.get(session)
            if log is None:
                self._tally.problem(f"session {session}: no event of it came here")
            else:
                self._found(session)
                arrived = self._arrived.get(session, ())
                self._tally.add(compare(log, record, tolerance=self.tolerance, arrived=arrived))
                if log.sealed:  # this was final, so the log has no further use
                    self._sealed.pop(session, None)
                    self._arrived.pop(session, None)

    def report(self, not_over: Collection[str] = ()) -> Report:
        """Return what was compared so far: as text by `str`, as JSON and as CSV.

        A session of which an event came here, and that was never compared, is a problem of the report.

        Args:
            not_over: the ids of sessions that the program has and will compare later. They are no problem.

        Raises:
            TypeError: `not_over` is a text.
        """
        if isinstance(not_over, str):
            raise TypeError(f"not_over: expected the ids of sessions, as [{not_over!r}], found {shown(not_over)}")
        with self._lock:
            known = frozenset(not_over)
            return self._tally.report([session for session in self._missing if session not in known], self._more_missing)

    def _found(self, session: str) -> None:
        """A session is compared, so it is not missing."""
        if session in self._missing:
            del self._missing[session]
        elif session not in self._tally:  # it came before those that are remembered
            self._more_missing = max(0, self._more_missing - 1)

    def _note(self, answer: Received) -> None:
        session = answer.event.subject
        # A repeat or a late event may be of a session that was compared long ago. The first event of a session is neither.
        is_known = session in self._missing or session in self._arrived or session in self._tally
        if not is_known and not isinstance(answer.outcome, Repeat | Late):
            self._more_missing += len(_keep(self._missing, session, None, self.remember))
        events = self._arrived.get(session, [])
        if len(events) < MOST:
            events.append(answer.event)
        _keep(self._arrived, session, events, self.remember)

    @contextmanager
    def _harmless(self, what: str) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (DecodeError, TypeError) as error:  # what the program passed
                self._problem(what, f"{type(error).__name__}: {error}")
            except Exception as error:  # none may reach the program
                self._tally.problem(f"{what}: {type(error).__name__}: {error}")
                with suppress(Exception):  # a handler of the program may raise as well
                    logger.exception("shadow, %s", printable(what))

    def _problem(self, what: str, problem: str) -> None:
        self._tally.problem(f"{what}: {problem}")
        with suppress(Exception):
            logger.warning("shadow, %s", printable(f"{what}: {problem}"))
