"""The list of who is alerting, connected or in after-call work at a time: `replay --by`."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Annotated

import typer
from attrs import define, field

from cobrowse_session.cli.options import FILES, TIME, time_of
from cobrowse_session.cli.screen import plural
from cobrowse_session.cli.suggest import unknown_value
from cobrowse_session.printable import printable
from cobrowse_session.stream import Activity, SessionLog, activity
from cobrowse_session.stream.activity import AFTER_CALL_WORK, STATES, in_order
from cobrowse_session.stream.words import clock_time, length
from cobrowse_session.times import MAX_TIME
from cobrowse_session.wire.explained import activity_json
from cobrowse_session.wire.strict_json import dump

_GROUPS = ("queue", "user")


@define
class Listing:
    """The activities of the sessions of a replay, by queue or by user.

    Attributes:
        by: `queue` or `user`.
        at: the time that was asked for. None: that to which all sessions are advanced.
        as_json: one JSON object per line, for programs.
        found: of the legs of agents.
        others: how many legs of others there are, by purpose.
    """

    by: str
    at: datetime | None = None
    as_json: bool = False
    found: list[Activity] = field(factory=list)
    others: Counter[str] = field(factory=Counter)

    def check(self, until: datetime | None) -> None:
        """Check that the times that were asked for go together."""
        if until == MAX_TIME:
            raise typer.BadParameter("expected a time of the list, found --until end. Give --at TIME", param_hint="--by")
        if until and self.at:
            raise typer.BadParameter("expected one of --until and --at, found both", param_hint="--at")

    def take(self, log: SessionLog) -> None:
        """Take the log of a session. It is not kept."""
        # With `--seal-after`, logs come here while the file is read, and the time of the list is not known yet. They are over, or
        # have after-call work without a limit: neither changes until then. So where they were advanced to is as good. The
        # duration is computed when the list is written.
        one = activity(log, self.at or log.advanced)
        if one and one.is_of_an_agent:
            self.found.append(one)
        elif one:
            self.others[one.context.purpose or ""] += 1

    @property
    def not_listed(self) -> str:
        """The number of legs that are not listed, in a sentence. It is empty if all are."""
        purposes = ", ".join(f"{printable(purpose)} {count:,}" for purpose, count in sorted(self.others.items()))
        return f"Not listed: {plural(self.others.total(), 'leg')} of no agent ({purposes})." if purposes else ""

    def lines(self, reached: datetime | None) -> Iterator[str]:
        """Yield the lines of the list.

        Args:
            reached: the time to which all sessions are advanced. None: there is none.
        """
        at = self.at or reached
        if at is None:
            return
        found = in_order(self.found, self.by)
        yield from (dump(activity_json(one, at)) for one in found) if self.as_json else self._text(found, at)

    def _text(self, found: tuple[Activity, ...], at: datetime) -> Iterator[str]:
        states = Counter(one.state for one in found)
        counts = ", ".join(f"{_words(state)} {states[state]:,}" for state in STATES if states[state])
        yield f"At {clock_time(at)} UTC: {counts or 'no leg of an agent goes on'}."
        # Example, by queue. A column has one width in all groups, and a deadline or conversation that a leg has not leaves a gap:
        #
        #     sales
        #       alerting         5 s        since 09:05:20.000  user ben   session s2
        #       after-call work  1 min 5 s  since 09:04:20.000  user ann   session s1  conversation c1  until 09:07:00.000, …
        #     support
        #       connected        55 s       since 09:04:30.000  user cleo  session s3  conversation c2
        rows = [tuple(map(printable, _cells(one, at, self.by))) for one in found]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for group, some in groupby(zip(found, rows, strict=True), key=lambda pair: _id(pair[0], self.by)):
            yield printable(group)
            for _, row in some:
                yield "  " + "  ".join(map(str.ljust, row, widths)).rstrip()
        if self.not_listed:
            yield self.not_listed


def listing_of(
    by: Annotated[
        str | None,
        typer.Option(
            metavar="queue|user",
            help="Write no sessions, but who is alerting, connected or in after-call work, and for how long.",
            rich_help_panel=FILES,
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="The time of the list of --by (RFC 3339, with its zone, on the provider's clock). Only events that occurred by "
            "then count. Default: the time to which all sessions are advanced.",
            rich_help_panel=TIME,
        ),
    ] = None,
    json: Annotated[  # noqa: FBT002 (typer's option)
        bool, typer.Option("--json", help="Write the list of --by as one JSON object per line.", rich_help_panel=FILES)
    ] = False,
) -> Listing | None:
    """Return the list that the options ask for. None: none."""
    if by is None:
        for option, given in (("--at", at is not None), ("--json", json)):
            if given:
                raise typer.BadParameter("expected it with --by queue or --by user only", param_hint=option)
        return None
    if by not in _GROUPS:
        raise unknown_value(by, _GROUPS, "--by")
    return Listing(by, time_of("--at", at), json)


def _cells(one: Activity, at: datetime, by: str) -> tuple[str, ...]:
    """Return the columns of a line: state, duration, start, the user or queue, session, conversation, deadline."""
    other = "user" if by == "queue" else "queue"
    context = one.context
    return (
        _words(one.state),
        length(one.lasted(at)),
        f"since {clock_time(one.since)}",
        _id(one, other) if getattr(context, f"{other}_id") is None else f"{other} {_id(one, other)}",
        f"session {one.session}",
        f"conversation {context.conversation_id}" if context.conversation_id else "",
        f"until {clock_time(one.deadline)}, {length(one.deadline - at)} left" if one.deadline else "",
    )


def _words(state: str) -> str:
    return "after-call work" if state == AFTER_CALL_WORK else state


def _id(one: Activity, what: str) -> str:
    found: str | None = getattr(one.context, f"{what}_id")
    return f"(no {what})" if found is None else found
