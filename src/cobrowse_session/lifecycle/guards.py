"""What a row may ask: pure predicates over (session, event, policy), each marked with whom it asks.

A guard that asks the session can be answered before an event is there; `Lifecycle.allowed` lives on that.
"""

from typing import Any

from cobrowse_session.events import (
    PLATFORM_STATES,
    AfterCallWorkEnded,
    AfterCallWorkStarted,
    AlertingTimeout,
    Ended,
    Event,
    Timer,
    WrapupSaved,
)
from cobrowse_session.lifecycle.actions import details_taken, grants_count, prepared, saved, settings_count
from cobrowse_session.lifecycle.row import Policy, reads_event, reads_session
from cobrowse_session.model import NO_DETAILS, Communication, is_connected, is_ended
from cobrowse_session.settings import NO_SETTINGS
from cobrowse_session.vocabulary import AfterCallWorkEndedBy, AfterCallWorkState, WrapupPrompt

# --- What the event brings ----------------------------------------------------------------------------------------------------


@reads_event
def has_changes(session: Communication, event: Event, policy: Policy) -> bool:
    """It carries details or settings that differ from what the session holds, and that count here."""
    return _details_differ(session, event) or (settings_count(session, event) and has_other_settings(session, event, policy))


@reads_event
def has_other_grant(session: Communication, event: Event, _: Policy) -> bool:
    """It carries a grant to control that differs and does not count here."""
    grant = event.details.controlling
    return grant is not None and not grants_count(session, event) and grant != getattr(session, "controlling", None)


@reads_event
def has_other_settings(session: Communication, event: Event, _: Policy) -> bool:
    """It carries settings that differ from what the session holds."""
    return event.settings is not NO_SETTINGS and event.settings.with_defaults(session.settings) != session.settings


def _details_differ(session: Communication, event: Event) -> bool:
    return event.details is not NO_DETAILS and any(
        getattr(session, name) != value for name, value in details_taken(session, event)
    )


# --- The connection -----------------------------------------------------------------------------------------------------------


@reads_event
def adds_disconnect_type(session: Communication, event: Ended, _: Policy) -> bool:
    """It says why the leg ended, and nothing has said so yet."""
    return event.disconnect_type is not None and session.disconnect_type is None


@reads_session
def not_connected(session: Communication, _event: Event, _: Policy) -> bool:
    """The leg is not connected."""
    return not is_connected(session)


@reads_session
def connected(session: Communication, _event: Event, _: Policy) -> bool:
    """The leg is connected."""
    return is_connected(session)


@reads_session
def has_ended(session: Communication, _event: Event, _: Policy) -> bool:
    """The leg has ended."""
    return is_ended(session)


@reads_session
def not_ended(session: Communication, _event: Event, _: Policy) -> bool:
    """The leg has not ended."""
    return not is_ended(session)


@reads_session
def not_yet_connected(session: Communication, _event: Event, _: Policy) -> bool:
    """The leg is neither connected nor ended."""
    return not is_connected(session) and not is_ended(session)


# --- The end of the leg -------------------------------------------------------------------------------------------------------


@reads_event
def alerting_timed_out(_session: Communication, event: Event | Timer, _: Policy) -> bool:
    """The library ended an alert that nobody answered."""
    return isinstance(event, AlertingTimeout)


@reads_session
def without_prompt(_session: Communication, _event: Event, policy: Policy) -> bool:
    """The queue gives this leg no after-call work."""
    return policy.prompt is None


@reads_session
def unanswered(session: Communication, _event: Event, policy: Policy) -> bool:
    """The leg never connected, and the lifecycle gives such legs no after-call work (`acw_when_unanswered`)."""
    return session.connected_time is None and not policy.acw_when_unanswered


@reads_session
def transferred(session: Communication, _event: Event, policy: Policy) -> bool:
    """The leg was transferred, and the lifecycle gives such legs no after-call work (`acw_after_transfer`)."""
    return (session.disconnect_type or "").lower().startswith("transfer") and not policy.acw_after_transfer


@reads_session
def unrequested(session: Communication, _event: Event, policy: Policy) -> bool:
    """After-call work is the agent's to ask for, and the agent did not."""
    return policy.prompt == WrapupPrompt.AGENT_REQUESTED and session.after_call_work_required is not True


# --- After-call work ----------------------------------------------------------------------------------------------------------


@reads_session
def may_exit_early(_session: Communication, _event: Event, policy: Policy) -> bool:
    """The prompt lets the agent leave before the time is over."""
    return policy.prompt != WrapupPrompt.FORCED_TIMEOUT


@reads_session
def no_early_exit(_session: Communication, _event: Event, policy: Policy) -> bool:
    """The prompt keeps the agent until the time is over."""
    return policy.prompt == WrapupPrompt.FORCED_TIMEOUT


@reads_session
def code_is_required(_session: Communication, _event: Event, policy: Policy) -> bool:
    """The prompt wants a code."""
    return policy.prompt in (WrapupPrompt.MANDATORY, WrapupPrompt.TIMEOUT)


@reads_session
def code_is_saved(session: Communication, _event: Event, _: Policy) -> bool:
    """A code is saved, provisional or not."""
    return session.wrapup is not None and session.wrapup.code is not None


@reads_event
def deadline_passed(session: Communication, event: AfterCallWorkStarted, policy: Policy) -> bool:
    """It is later than the deadline that pending after-call work would have."""
    if policy.acw_timeout is None or session.disconnected_time is None:
        return False
    return event.occurred_at - session.disconnected_time > policy.acw_timeout


@reads_event
def has_unknown_value(_session: Communication, event: AfterCallWorkEnded, _: Policy) -> bool:
    """Its `by` or `state` is a word that has no meaning here."""
    return not isinstance(event.by, AfterCallWorkEndedBy) or (event.state is not None and event.state not in PLATFORM_STATES)


@reads_event
def reports_completion(session: Communication, event: AfterCallWorkEnded, _: Policy) -> bool:
    """The platform says `complete`, and the session says otherwise."""
    return event.state == AfterCallWorkState.COMPLETE and _reports_news(session, event)


@reads_event
def reports_skip(session: Communication, event: AfterCallWorkEnded, _: Policy) -> bool:
    """The platform says `skipped`, and the session says otherwise."""
    return event.state == AfterCallWorkState.SKIPPED and _reports_news(session, event)


@reads_event
def reports_none(session: Communication, event: AfterCallWorkEnded, _: Policy) -> bool:
    """The platform reports that there is no after-call work, and the session has some."""
    is_report = event.by == AfterCallWorkEndedBy.PLATFORM
    return is_report and event.state == AfterCallWorkState.NOT_APPLICABLE and session.after_call_work is not None


@reads_event
def by_platform(_session: Communication, event: AfterCallWorkEnded, _: Policy) -> bool:
    """It is a report of the platform."""
    return event.by == AfterCallWorkEndedBy.PLATFORM


def _reports_news(session: Communication, event: AfterCallWorkEnded) -> bool:
    ours = session.after_call_work
    told = (event.state, session.disconnected_time, event.occurred_at)
    return event.by == AfterCallWorkEndedBy.PLATFORM and told != (ours and (ours.state, ours.start_time, ours.end_time))


@reads_event
def by_agent(_session: Communication, event: AfterCallWorkEnded, _: Policy) -> bool:
    """The agent clicked Done."""
    return event.by == AfterCallWorkEndedBy.AGENT


@reads_event
def changes_the_request(session: Communication, event: Any, _: Policy) -> bool:
    """The agent wants something else than before; unset differs from false. The event's own detail counts as in force."""
    stated = event.details.after_call_work_required
    return bool(event.required is not (session.after_call_work_required if stated is None else stated))


# --- Wrap-up ------------------------------------------------------------------------------------------------------------------


@reads_event
def is_a_skip(_session: Communication, event: WrapupSaved, _: Policy) -> bool:
    """No code, and no draft: the agent skipped it [D]."""
    return event.code is None and not event.provisional


@reads_event
def is_a_draft(_session: Communication, event: WrapupSaved, _: Policy) -> bool:
    """Provisional: to be used later [D]."""
    return event.provisional


@reads_event
def is_final(_session: Communication, event: WrapupSaved, _: Policy) -> bool:
    """A code, and no draft."""
    return event.code is not None and not event.provisional


@reads_session
def final_one_exists(session: Communication, _event: WrapupSaved, _: Policy) -> bool:
    """A final wrap-up is there already."""
    return session.wrapup is not None and not session.wrapup.provisional


@reads_event
def changes_the_preparation(session: Communication, event: WrapupSaved, _: Policy) -> bool:
    """What it prepares is not what is prepared."""
    return prepared(event) != session.wrapup


@reads_event
def changes_the_wrapup(session: Communication, event: WrapupSaved, _: Policy) -> bool:
    """What it saves is not what is saved; an end that moves is a change."""
    return saved(session, event) != session.wrapup
