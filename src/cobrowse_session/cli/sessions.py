"""The sessions of a file of events, as the options of a command ask for them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import datetime
from typing import Annotated, Self

import typer
from attrs import define, field, frozen

from cobrowse_session import Lifecycle
from cobrowse_session.cli.errors import FileError, usage_errors
from cobrowse_session.cli.inputs import many_objects, open_input
from cobrowse_session.cli.options import TIME, Events, Until, grouped, lifecycle_of, moment_of, time_of
from cobrowse_session.cli.problems import ProblemReporter
from cobrowse_session.cli.screen import inform, plural, progress
from cobrowse_session.cli.stored import shows_stored, stored_logs
from cobrowse_session.cli.suggest import did_you_mean, listed
from cobrowse_session.events import Event
from cobrowse_session.io.replay import Replay, read_events, sort_key
from cobrowse_session.stream import SessionLog
from cobrowse_session.stream.words import clock_time, session_name
from cobrowse_session.times import time_text


@define
class Known:
    """Selects the events that were received by a time.

    Attributes:
        at: the time, on the cloud clock. None: every event counts.
        total: how many events were read, with their copies.
        received: how many of them were received by then.
        later: when the first event was received, for each session with a later event.
        unstamped: how many events have no `receivedtime`. They count from the time when they occurred.
    """

    at: datetime | None = None
    total: int = 0
    received: int = 0
    later: dict[str, datetime] = field(factory=dict)
    unstamped: int = 0

    def select(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the events that were received by then."""
        for event in events:
            if self.at is None:
                yield event
                continue
            self.total += 1
            self.unstamped += event.received_at is None
            if event.received <= self.at:
                self.received += 1
                yield event
            else:
                self.later[event.subject] = min(event.received, self.later.get(event.subject, event.received))

    def join(self, other: Self) -> None:
        """Add what was counted elsewhere, of other sessions."""
        self.total += other.total
        self.received += other.received
        self.unstamped += other.unstamped
        self.later |= other.later

    def inform(self) -> None:
        """Print how many events were received by then, and how many do not state when."""
        if self.at:
            were = "was" if self.received == 1 else "were"
            inform(f"{self.received:,} of {plural(self.total, 'event')} {were} received by {clock_time(self.at)} UTC.")
        if self.unstamped:
            has = "has" if self.unstamped == 1 else "have"
            inform(f"--known-at: {plural(self.unstamped, 'event')} {has} no receivedtime, so the time of occurrence counts.")


def known_at_of(
    until: Until = None,
    known_at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Show the sessions as they were known at this time (RFC 3339, with its zone, on the cloud clock): "
            "with the events received by then, advanced to then.",
            rich_help_panel=TIME,
        ),
    ] = None,
) -> tuple[datetime | None, Known]:
    """Return the time to which all sessions are advanced, and the events that count."""
    if until is not None and known_at is not None:
        raise typer.BadParameter("expected one of --until and --known-at, found both", param_hint="--known-at")
    known = Known(time_of("--known-at", known_at))
    return known.at or moment_of(until), known


@contextmanager
def reported(bad: ProblemReporter) -> Iterator[None]:
    """Report a file that cannot be read, and go on."""
    try:
        yield
    except FileError as error:
        bad.lines += 1
        bad.inform(f"cobrowse-session: {error}")


@frozen
class Sessions:
    """The sessions of a file of events.

    Attributes:
        events: the name of the file.
        until: the time to which all sessions are advanced.
        known: the events that count.
        lifecycle: the rules.
        bad: the lines that cannot be read.
    """

    events: str
    until: datetime | None
    known: Known
    lifecycle: Lifecycle
    bad: ProblemReporter

    def read(self, names: Sequence[str] = (), session: str | None = None) -> Sequence[SessionLog]:
        """Return the logs of all sessions, in the order in which they are written.

        Args:
            names: the files of a folder. One that cannot be read is reported. None: the file or the store that the command names.
            session: the session that is shown. Of a store, the others need not be read.
        """
        if not names and shows_stored(self.events, self.lifecycle):
            with usage_errors(), many_objects():
                logs = [*stored_logs(self.events, self.lifecycle.table, self.until, self.known, session)]
            self.known.inform()
            return sorted(logs, key=sort_key)
        with usage_errors(), many_objects(), progress() as steps:
            replay = Replay(self.lifecycle)
            for name in names or (self.events,):
                self.bad.name = name
                with reported(self.bad) if names else nullcontext(), ExitStack() as files:
                    source = open_input(files, name, "events")
                    found = read_events(source, self.bad, table=self.lifecycle.table)
                    for event in self.known.select(steps.reading(found, source)):
                        replay.add(event)
            with steps.waiting("Finishing"):
                _, logs = replay.finish(self.until, exactly=self.known.at is not None)
        self.known.inform()
        return sorted(logs, key=sort_key)

    def find(self, logs: Sequence[SessionLog], session: str | None) -> SessionLog:
        """Return the log of a session. Without an id it is the only one."""
        if session is None:
            return self._only(logs)
        for log in logs:
            if log.session_id == session:
                return log
        if first := self.known.later.get(session):
            raise typer.BadParameter(
                f"session {session!r} was not known at {time_text(self.known.at or first)}. "
                f"Its first event was received at {time_text(first)}.",
                param_hint="SESSION",
            )
        ids = [log.session_id for log in logs]
        help_ = did_you_mean(session, ids) or f" The sessions are: {listed(ids) or 'none'}."
        raise typer.BadParameter(f"no event is of session {session!r}.{help_}", param_hint="SESSION")

    def _only(self, logs: Sequence[SessionLog]) -> SessionLog:
        if len(logs) == 1:
            return logs[0]
        if not logs and self.known.later:
            first = min(self.known.later.values())
            raise typer.BadParameter(
                f"no session was known at that time. The first event was received at {time_text(first)}.", param_hint="--known-at"
            )
        if not logs:
            raise typer.BadParameter("the file has no event that can be read.", param_hint="EVENTS.jsonl")
        ids = listed([session_name(log.session_id, log.context) for log in logs])
        raise typer.BadParameter(
            f"expected the id of a session, for the file has {plural(len(logs), 'session')}: {ids}.", param_hint="SESSION"
        )

    def exit_if_rejected(self) -> None:
        """Exit with 1 if a line cannot be read."""
        if self.bad.lines:
            raise typer.Exit(1)


@grouped(known_at=known_at_of, lifecycle=lifecycle_of)
def sessions_of(events: Events, *, known_at: tuple[datetime | None, Known], lifecycle: Lifecycle) -> Sessions:
    """Return the sessions that the options ask for."""
    return Sessions(events, *known_at, lifecycle, ProblemReporter(events, inform))
