"""Types of the core, for mypy and pyright: what a user writes, and mistakes that must stay errors.

No test runs this file. A mistake has an ignore comment. Both checkers report a comment that ignores nothing.
"""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, assert_never, assert_type

from examples.tables import hold

from cobrowse_session import (
    Alerting,
    Applied,
    Change,
    CobrowseSession,
    Disconnected,
    Duplicate,
    Event,
    Fired,
    Ignored,
    Late,
    Lifecycle,
    Outcome,
    Refused,
    Repeat,
    SessionLog,
    Settings,
    Stale,
    WrapupPrompt,
    WrapupSaved,
)
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.observe import AsyncObserver, LoggingObserver
from cobrowse_session.stream import Observer
from cobrowse_session.wire import decode_session, restore_log


def a_session_goes_through_its_life(moment: datetime) -> None:
    lifecycle = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=timedelta(seconds=30)))
    session = lifecycle.new("s1")
    event = Alerting(subject="s1", source="/acme", id="e1", occurred_at=moment)

    assert_type(session, CobrowseSession)
    assert_type(lifecycle.apply(session, event), Outcome)
    assert_type(lifecycle.advance(session, moment), tuple[Fired, ...])
    assert_type(lifecycle.deadline(session), datetime | None)
    lifecycle.new(1)  # type: ignore[arg-type]
    lifecycle.apply(session, "alerting")  # type: ignore[arg-type]
    lifecycle.advance(session, 0)  # type: ignore[arg-type]
    lifecycle.apply(session)  # type: ignore[call-arg]


def an_outcome_is_told_by_its_class(outcome: Applied | Duplicate | Stale | Ignored | Refused | Repeat | Late) -> str | None:
    match outcome:
        case Fired(timer=timer):
            return assert_type(timer, str)
        case Applied(to_state=state):
            return state
        case Ignored() | Refused():
            return assert_type(outcome.rule, str)
        case Late(event=event):
            return assert_type(event.id, str)
        case Duplicate() | Stale() | Repeat():
            return assert_type(outcome.row, str | None)
        case _:
            assert_never(outcome)


def an_outcome_has_only_the_attributes_of_its_class(outcome: Outcome, refused: Refused) -> None:
    outcome.rule  # type: ignore[attr-defined]  # noqa: B018
    refused.rule = "another"  # type: ignore[misc]


def settings_have_prompts_and_durations() -> None:
    assert_type(Settings().wrapup_timeout, timedelta | None)
    Settings(wrapup_prompt="timeout")
    Settings(wrapup_timeout=30)  # type: ignore[arg-type]
    Settings(acw_timeout=timedelta(seconds=30))  # type: ignore[call-arg]
    Settings().wrapup_timeout = timedelta(seconds=30)  # type: ignore[misc]


def events_have_the_attributes_of_their_kind(moment: datetime) -> None:
    WrapupSaved(subject="s1", source="/acme", id="e1", occurred_at=moment, code="sale", tags=("a", "b"))
    Disconnected(subject="s1", source="/acme", id="e1", occurred_at=moment, disconnect_type="peer")
    Alerting(subject="s1", source="/acme", occurred_at=moment)  # type: ignore[call-arg]
    Alerting(subject="s1", source="/acme", id="e1", occurred_at="2026-03-01T09:00:00Z")  # type: ignore[arg-type]
    Alerting(subject="s1", source="/acme", id="e1", occurred_at=moment, code="sale")  # type: ignore[call-arg]


def observers_are_functions_of_a_log_and_a_change(inbox: Inbox) -> None:
    def show(log: SessionLog, change: Change) -> str:
        return f"{log.session_id} {change.outcome}"

    async def publish(log: SessionLog, change: Change) -> None: ...

    def of_an_event(event: Alerting) -> None: ...

    log = SessionLog(Lifecycle(), "s1", observers=[show, AsyncObserver(publish), LoggingObserver()])
    assert_type(log.observers, tuple[Observer, ...])
    log.observers = [show]
    inbox.observers = (show,)
    SessionLog(Lifecycle(), "s1", observers=[of_an_event])  # type: ignore[list-item]
    SessionLog(Lifecycle(), "s1", observers=show)  # type: ignore[arg-type]
    AsyncObserver(show)  # type: ignore[arg-type]


def a_log_takes_events_and_returns_changes(moment: datetime) -> None:
    log = SessionLog(Lifecycle(), "s1")
    change = log.add(Alerting(subject="s1", source="/acme", id="e1", occurred_at=moment))

    assert_type(change, Change)
    assert_type(change.outcome, Outcome | None)
    assert_type(log.advance(moment), Change)
    assert_type(log.session, CobrowseSession)
    assert_type(log.as_of(moment), SessionLog)
    log.add({"type": "alerting"})  # type: ignore[arg-type]
    change.outcome.kind  # type: ignore[union-attr]  # noqa: B018
    log.session = CobrowseSession(id="s1")  # type: ignore[misc]


def an_own_session_is_known_wherever_its_table_goes(data: Mapping[str, Any], event: Event) -> None:
    rules = Lifecycle(table=hold.TABLE)
    log = SessionLog(rules, "s1")

    assert_type(rules.new("s1"), hold.HoldSession)
    assert_type(log.session.hold_count, int | None)
    assert_type(SessionLog.of([event], rules).session, hold.HoldSession)
    assert_type(restore_log(data, table=hold.TABLE).session, hold.HoldSession)
    assert_type(decode_session("{}", table=hold.TABLE), hold.HoldSession)
    assert_type(hold.TABLE.extended("more").session, type[hold.HoldSession])
    assert_type(restore_log(data).session, CobrowseSession)
    assert_type(Lifecycle().new("s1"), CobrowseSession)
    Lifecycle().new("s1").hold_count  # type: ignore[attr-defined]  # noqa: B018
