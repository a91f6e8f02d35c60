"""The sessions of a file of events, as the options of a command ask for them."""

from contextlib import ExitStack
from datetime import datetime
from typing import NoReturn

import typer
from attrs import field, frozen

from cobrowse_session import Lifecycle
from cobrowse_session.cli.errors import usage_errors
from cobrowse_session.cli.inputs import many_objects, open_input
from cobrowse_session.cli.options import Events, Until, grouped, lifecycle_of, moment_of
from cobrowse_session.cli.screen import ProblemReporter, inform
from cobrowse_session.io.replay import read_events, replay
from cobrowse_session.printable import printable
from cobrowse_session.stream import SessionLog


@frozen
class Sessions:
    """The sessions of a file of events.

    Attributes:
        events: the name of the file.
        until: the time to which all sessions are advanced.
        lifecycle: the rules.
        bad: the lines that cannot be read.
    """

    events: str
    until: datetime | None
    lifecycle: Lifecycle
    bad: ProblemReporter = field()

    @bad.default
    def _reporter(self) -> ProblemReporter:
        return ProblemReporter(self.events, inform)

    def read(self) -> tuple[SessionLog, ...]:
        """Return the logs of all sessions."""
        with usage_errors(), ExitStack() as files, many_objects():
            return replay(read_events(open_input(files, self.events), self.bad), self.lifecycle, self.until)
        raise AssertionError  # `usage_errors` lets nothing through

    def exit_code(self) -> None:
        """Exit with 1 if a line cannot be read."""
        if self.bad.lines:
            raise typer.Exit(1)


@grouped(lifecycle=lifecycle_of)
def sessions_of(events: Events, until: Until = None, *, lifecycle: Lifecycle) -> Sessions:
    """Return the sessions that the options ask for."""
    return Sessions(events, moment_of(until), lifecycle)


def log_of(logs: tuple[SessionLog, ...], session: str) -> SessionLog:
    """Return the log of one session. An id that no event names is wrong usage."""
    return next((log for log in logs if log.session_id == session), None) or _no_session(logs, session)


def _no_session(logs: tuple[SessionLog, ...], session: str) -> NoReturn:
    known = ", ".join(printable(log.session_id) for log in logs[:10])
    raise typer.BadParameter(f"no session {session!r} in these events; they tell of {known or 'none'}", param_hint="SESSION")
