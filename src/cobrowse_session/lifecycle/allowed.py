"""The kinds of event that would be applied now, answered before there is an event."""

from collections.abc import Iterable
from typing import Literal

from attrs import frozen

from cobrowse_session.events import Event
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.machine import Machines, machines
from cobrowse_session.lifecycle.policy import Policy
from cobrowse_session.lifecycle.row import Guard, Row, needs_event
from cobrowse_session.model import Communication


@frozen
class Allowed:
    """The answer to whether events of one kind would be applied now.

    Attributes:
        event: the kind of event.
        answer: `yes`, `no`, or `depends`: on the content of the event.
        rules: the rules by which it would not be applied, or might not. `duplicate` and `stale` are among them.
        reasons: one sentence for each of the rows.
    """

    event: type[Event]
    answer: Literal["yes", "no", "depends"]
    rules: tuple[str, ...]
    reasons: tuple[str, ...]


def answers(session: Communication, policy: Policy, table: Table) -> tuple[Allowed, ...]:
    """Return the answer for each kind of event of the table."""
    return tuple(_answer(session, policy, event, machines(table)) for event in table.types.values())


def refusals(rule: str, reason: str, table: Table) -> tuple[Allowed, ...]:
    """Return the answer "no" for each kind of event of the table."""
    return tuple(Allowed(event, "no", (rule,), (reason,)) for event in table.types.values())


def _answer(session: Communication, policy: Policy, event: type[Event], built: Machines) -> Allowed:
    possible = _possible_rows(session, policy, built.rows(event.kind, session))
    no = [row for row in possible if not row.is_applied]
    answer: Literal["yes", "no", "depends"] = "yes" if not no else "no" if len(no) == len(possible) else "depends"
    rules = dict.fromkeys(row.outcome.rule or row.outcome.kind for row in no if row.outcome)
    return Allowed(event, answer, tuple(rules), tuple(dict.fromkeys(row.reason for row in no)))


def _possible_rows(session: Communication, policy: Policy, rows: Iterable[Row]) -> list[Row]:
    """Return the rows that could decide, depending on the content of the event."""
    possible: list[Row] = []
    guards_before: list[frozenset[Guard]] = []
    # Example: `wrapup` while after-call work is pending, with the prompt `mandatory` and no wrap-up yet. Guards that read the
    # event have a star. The others are asked now.
    #
    #     row                 guards                                  possible
    #     draft_after_final   has_final_wrapup, is_a_draft*           no: no wrap-up is saved
    #     draft               is_a_draft*, changes_prepared_wrapup*   yes
    #     complete_by_code    may_exit_early, is_final*               yes
    #     skip_no_early_exit  no_early_exit, is_a_skip*               no: the prompt has an early exit
    #     skip_code_required  code_is_required, is_a_skip*            yes
    #     skipped_by_agent    is_a_skip*                              no: for every skip, `skip_code_required` decides
    #     duplicate           none                                    yes
    #
    # The answer is `depends`. Three more rows, for changed details, grants and settings, are possible as well. While the leg is
    # connected, `acw.ended` has `not_ended` as its last possible row, because nothing is left to ask of the event there. So its
    # answer is `no`.
    for row in rows:
        of_event = frozenset(filter(needs_event, row.guards))
        if any(earlier <= of_event for earlier in guards_before):
            continue  # an event for which these guards hold is decided by an earlier row
        if all(guard(session, None, policy) for guard in row.guards if guard not in of_event):
            possible.append(row)
            guards_before.append(of_event)
    return possible
