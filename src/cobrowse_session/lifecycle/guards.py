"""What a row may ask: pure predicates over (session, event, rules), each marked with whom it asks.

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
from cobrowse_session.lifecycle.row import Rules, asks_event, asks_session
from cobrowse_session.lifecycle.stamps import details_taken, grants_count, prepared, saved, settings_count
from cobrowse_session.model import (
    NO_DETAILS,
    NO_SETTINGS,
    AfterCallWorkEndedBy,
    AfterCallWorkState,
    Communication,
    WrapupPrompt,
    is_connected,
    is_ended,
)

# --- What the event brings ----------------------------------------------------------------------------------------------------


@asks_event
def brings_news(session: Communication, event: Event, rules: Rules) -> bool:
    """It carries details or settings that differ from what the session holds, and that count here."""
    return _details_differ(session, event) or (settings_count(session, event) and brings_settings(session, event, rules))


@asks_event
def brings_a_grant(session: Communication, event: Event, _: Rules) -> bool:
    """It carries a grant to control that differs and does not count here."""
    grant = event.details.controlling
    return grant is not None and not grants_count(session, event) and grant != getattr(session, "controlling", None)


@asks_event
def brings_settings(session: Communication, event: Event, _: Rules) -> bool:
    """It carries settings that differ from what the session holds."""
    return event.settings is not NO_SETTINGS and event.settings.over(session.settings) != session.settings


def _details_differ(session: Communication, event: Event) -> bool:
    return event.details is not NO_DETAILS and any(
        getattr(session, name) != value for name, value in details_taken(session, event)
    )


# --- The connection -----------------------------------------------------------------------------------------------------------


@asks_event
def names_the_missing_disconnect_type(session: Communication, event: Ended, _: Rules) -> bool:
    """It says why the leg ended, and nothing has said so yet."""
    return event.disconnect_type is not None and session.disconnect_type is None


@asks_session
def not_connected(session: Communication, _event: Event, _: Rules) -> bool:
    """The leg is not connected."""
    return not is_connected(session)


@asks_session
def connected(session: Communication, _event: Event, _: Rules) -> bool:
    """The leg is connected."""
    return is_connected(session)


@asks_session
def has_ended(session: Communication, _event: Event, _: Rules) -> bool:
    """The leg has ended."""
    return is_ended(session)


@asks_session
def not_ended(session: Communication, _event: Event, _: Rules) -> bool:
    """The leg has not ended."""
    return not is_ended(session)


@asks_session
def not_yet_connected(session: Communication, _event: Event, _: Rules) -> bool:
    """The leg is neither connected nor ended."""
    return not is_connected(session) and not is_ended(session)


# --- The end of the leg -------------------------------------------------------------------------------------------------------


@asks_event
def alert_ran_out(_session: Communication, event: Event | Timer, _: Rules) -> bool:
    """The library ended an alert that nobody answered."""
    return isinstance(event, AlertingTimeout)


@asks_session
def without_prompt(_session: Communication, _event: Event, rules: Rules) -> bool:
    """The queue gives this leg no after-call work."""
    return rules.prompt is None


@asks_session
def unanswered(session: Communication, _event: Event, rules: Rules) -> bool:
    """The leg never connected, and the lifecycle gives such legs no after-call work (`acw_when_unanswered`)."""
    return session.connected_time is None and not rules.acw_when_unanswered


@asks_session
def transferred(session: Communication, _event: Event, rules: Rules) -> bool:
    """The leg was transferred, and the lifecycle gives such legs no after-call work (`acw_after_transfer`)."""
    return (session.disconnect_type or "").lower().startswith("transfer") and not rules.acw_after_transfer


@asks_session
def unrequested(session: Communication, _event: Event, rules: Rules) -> bool:
    """After-call work is the agent's to ask for, and the agent did not."""
    return rules.prompt == WrapupPrompt.AGENT_REQUESTED and session.after_call_work_required is not True


# --- After-call work ----------------------------------------------------------------------------------------------------------


@asks_session
def may_exit_early(_session: Communication, _event: Event, rules: Rules) -> bool:
    """The prompt lets the agent leave before the time is over."""
    return rules.prompt != WrapupPrompt.FORCED_TIMEOUT


@asks_session
def no_early_exit(_session: Communication, _event: Event, rules: Rules) -> bool:
    """The prompt keeps the agent until the time is over."""
    return rules.prompt == WrapupPrompt.FORCED_TIMEOUT


@asks_session
def code_is_required(_session: Communication, _event: Event, rules: Rules) -> bool:
    """The prompt wants a code."""
    return rules.prompt in (WrapupPrompt.MANDATORY, WrapupPrompt.TIMEOUT)


@asks_session
def code_is_saved(session: Communication, _event: Event, _: Rules) -> bool:
    """A code is saved, provisional or not."""
    return session.wrapup is not None and session.wrapup.code is not None


@asks_event
def deadline_passed(session: Communication, event: AfterCallWorkStarted, rules: Rules) -> bool:
    """It is later than the deadline that pending after-call work would have."""
    if rules.acw_lasts is None or session.disconnected_time is None:
        return False
    return event.occurred_at - session.disconnected_time > rules.acw_lasts


@asks_event
def says_the_unknown(_session: Communication, event: AfterCallWorkEnded, _: Rules) -> bool:
    """Its `by` or `state` is a word that has no meaning here."""
    return not isinstance(event.by, AfterCallWorkEndedBy) or (event.state is not None and event.state not in PLATFORM_STATES)


@asks_event
def reports_completion(session: Communication, event: AfterCallWorkEnded, _: Rules) -> bool:
    """The platform says `complete`, and the session says otherwise."""
    return event.state == AfterCallWorkState.COMPLETE and _reports_news(session, event)


@asks_event
def reports_a_skip(session: Communication, event: AfterCallWorkEnded, _: Rules) -> bool:
    """The platform says `skipped`, and the session says otherwise."""
    return event.state == AfterCallWorkState.SKIPPED and _reports_news(session, event)


@asks_event
def reports_none(session: Communication, event: AfterCallWorkEnded, _: Rules) -> bool:
    """The platform reports that there is no after-call work, and the session has some."""
    is_report = event.by == AfterCallWorkEndedBy.PLATFORM
    return is_report and event.state == AfterCallWorkState.NOT_APPLICABLE and session.after_call_work is not None


@asks_event
def by_platform(_session: Communication, event: AfterCallWorkEnded, _: Rules) -> bool:
    """It is a report of the platform."""
    return event.by == AfterCallWorkEndedBy.PLATFORM


def _reports_news(session: Communication, event: AfterCallWorkEnded) -> bool:
    ours = session.after_call_work
    told = (event.state, session.disconnected_time, event.occurred_at)
    return event.by == AfterCallWorkEndedBy.PLATFORM and told != (ours and (ours.state, ours.start_time, ours.end_time))


@asks_event
def by_agent(_session: Communication, event: AfterCallWorkEnded, _: Rules) -> bool:
    """The agent clicked Done."""
    return event.by == AfterCallWorkEndedBy.AGENT


@asks_event
def changes_the_request(session: Communication, event: Any, _: Rules) -> bool:
    """The agent wants something else than before; unset differs from false. The event's own detail counts as in force."""
    stated = event.details.after_call_work_required
    return bool(event.required is not (session.after_call_work_required if stated is None else stated))


# --- Wrap-up ------------------------------------------------------------------------------------------------------------------


@asks_event
def is_a_skip(_session: Communication, event: WrapupSaved, _: Rules) -> bool:
    """No code, and no draft: the agent skipped it [D]."""
    return event.code is None and not event.provisional


@asks_event
def is_a_draft(_session: Communication, event: WrapupSaved, _: Rules) -> bool:
    """Provisional: to be used later [D]."""
    return event.provisional


@asks_event
def is_final(_session: Communication, event: WrapupSaved, _: Rules) -> bool:
    """A code, and no draft."""
    return event.code is not None and not event.provisional


@asks_session
def final_one_exists(session: Communication, _event: WrapupSaved, _: Rules) -> bool:
    """A final wrap-up is there already."""
    return session.wrapup is not None and not session.wrapup.provisional


@asks_event
def changes_the_preparation(session: Communication, event: WrapupSaved, _: Rules) -> bool:
    """What it prepares is not what is prepared."""
    return prepared(event) != session.wrapup


@asks_event
def changes_the_wrapup(session: Communication, event: WrapupSaved, _: Rules) -> bool:
    """What it saves is not what is saved; an end that moves is a change."""
    return saved(session, event) != session.wrapup
