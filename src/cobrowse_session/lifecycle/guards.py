"""The guards: conditions over (session, event, policy). Each one is marked with what it reads.

The first sentence of a docstring is the condition itself, because `explain` and the diagrams print it.
"""

from collections.abc import Mapping

from cobrowse_session.events import (
    PLATFORM_STATES,
    AfterCallWorkEnded,
    AfterCallWorkRequired,
    AfterCallWorkStarted,
    AlertingTimeout,
    Ended,
    Event,
    Timer,
    WrapupSaved,
)
from cobrowse_session.lifecycle.actions import details_taken, grants_count, prepared, saved, settings_count
from cobrowse_session.lifecycle.policy import Policy
from cobrowse_session.lifecycle.row import Guard, reads_event, reads_session
from cobrowse_session.model import NO_DETAILS, Communication
from cobrowse_session.settings import NO_SETTINGS
from cobrowse_session.vocabulary import AfterCallWorkEndedBy, AfterCallWorkState, WrapupPrompt

# --- What the event brings ----------------------------------------------------------------------------------------------------


@reads_event
def has_changes(session: Communication, event: Event, policy: Policy) -> bool:
    """The event has details or settings that differ from the session's and count here (SAME-4)."""
    return _details_differ(session, event, policy) or (
        settings_count(session, event, policy) and has_other_settings(session, event, policy)
    )


@reads_event
def has_other_grant(session: Communication, event: Event, policy: Policy) -> bool:
    """The event has a grant to control that differs from the session's and does not count here (SAME-5)."""
    grant = event.details.controlling
    return grant is not None and not grants_count(session, event, policy) and grant != getattr(session, "controlling", None)


@reads_event
def has_other_settings(session: Communication, event: Event, _: Policy) -> bool:
    """The event has settings that differ from the session's (SAME-6)."""
    return event.settings is not NO_SETTINGS and event.settings.with_defaults(session.settings) != session.settings


def _details_differ(session: Communication, event: Event, policy: Policy) -> bool:
    return event.details is not NO_DETAILS and any(
        [getattr(session, name) != value for name, value in details_taken(session, event, policy)]  # noqa: C419 (faster)
    )


# --- The connection -----------------------------------------------------------------------------------------------------------


@reads_event
def adds_disconnect_type(session: Communication, event: Ended, _: Policy) -> bool:
    """The event names a disconnect type, and the session has none (CONN-15)."""
    return event.disconnect_type is not None and session.disconnect_type is None


@reads_session
def not_connected(session: Communication, _event: Event, policy: Policy) -> bool:
    """The leg is not connected."""
    return session.state not in policy.states.connected


@reads_session
def connected(session: Communication, _event: Event, policy: Policy) -> bool:
    """The leg is connected."""
    return session.state in policy.states.connected


@reads_session
def has_ended(session: Communication, _event: Event, policy: Policy) -> bool:
    """The leg has ended."""
    return session.state in policy.states.ended


@reads_session
def not_ended(session: Communication, _event: Event, policy: Policy) -> bool:
    """The leg has not ended."""
    return session.state not in policy.states.ended


@reads_session
def not_yet_connected(session: Communication, _event: Event, policy: Policy) -> bool:
    """The leg is neither connected nor ended."""
    return session.state not in policy.states.connected and session.state not in policy.states.ended


# --- The end of the leg -------------------------------------------------------------------------------------------------------


@reads_event
def alerting_timed_out(_session: Communication, event: Event | Timer, _: Policy) -> bool:
    """The library ended an unanswered alert (ALERT-4)."""
    return isinstance(event, AlertingTimeout)


@reads_session
def prompt_is_unknown(_session: Communication, _event: Event, policy: Policy) -> bool:
    """No event and no default names a wrap-up prompt (ACW-3)."""
    return policy.prompt is None


@reads_session
def prompt_is_none(_session: Communication, _event: Event, policy: Policy) -> bool:
    """The wrap-up prompt is `none` (ACW-3)."""
    return policy.prompt == WrapupPrompt.NONE


@reads_session
def unanswered(session: Communication, _event: Event, policy: Policy) -> bool:
    """The leg never connected, and `acw_when_unanswered` is off (ACW-3, ACW-8)."""
    return session.connected_time is None and not policy.acw_when_unanswered


@reads_session
def transferred(session: Communication, _event: Event, policy: Policy) -> bool:
    """The leg was transferred, and `acw_after_transfer` is off (ACW-4)."""
    return (session.disconnect_type or "").lower().startswith("transfer") and not policy.acw_after_transfer


@reads_session
def unrequested(session: Communication, _event: Event, policy: Policy) -> bool:
    """The prompt is `agentRequested`, and the agent did not request after-call work (ACW-5)."""
    return policy.prompt == WrapupPrompt.AGENT_REQUESTED and session.after_call_work_required is not True


# --- After-call work ----------------------------------------------------------------------------------------------------------


@reads_session
def may_exit_early(_session: Communication, _event: Event, policy: Policy) -> bool:
    """The prompt has an early exit (ACW-12)."""
    return policy.prompt != WrapupPrompt.FORCED_TIMEOUT


@reads_session
def no_early_exit(_session: Communication, _event: Event, policy: Policy) -> bool:
    """The prompt has no early exit (ACW-12)."""
    return policy.prompt == WrapupPrompt.FORCED_TIMEOUT


@reads_session
def code_is_required(_session: Communication, _event: Event, policy: Policy) -> bool:
    """The prompt requires a wrap-up code (ACW-14, ACW-16)."""
    return policy.prompt in (WrapupPrompt.MANDATORY, WrapupPrompt.TIMEOUT)


@reads_session
def code_is_saved(session: Communication, _event: Event, _: Policy) -> bool:
    """A wrap-up code is saved, provisional or not (ACW-19)."""
    return session.wrapup is not None and session.wrapup.code is not None


@reads_event
def deadline_passed(session: Communication, event: AfterCallWorkStarted, policy: Policy) -> bool:
    """The event is later than the deadline that pending after-call work would have (ACW-41)."""
    if policy.acw_timeout is None or session.disconnected_time is None:
        return False
    return event.occurred_at - session.disconnected_time > policy.acw_timeout


@reads_event
def has_unknown_value(_session: Communication, event: AfterCallWorkEnded, _: Policy) -> bool:
    """The `by` or `state` of the event is unknown here (KEEP-9)."""
    return not isinstance(event.by, AfterCallWorkEndedBy) or (event.state is not None and event.state not in PLATFORM_STATES)


@reads_event
def reports_completion(session: Communication, event: AfterCallWorkEnded, _: Policy) -> bool:
    """The platform reports `complete`, and the session differs (ACW-28)."""
    return event.state == AfterCallWorkState.COMPLETE and _reports_news(session, event)


@reads_event
def reports_skip(session: Communication, event: AfterCallWorkEnded, _: Policy) -> bool:
    """The platform reports `skipped`, and the session differs (ACW-28)."""
    return event.state == AfterCallWorkState.SKIPPED and _reports_news(session, event)


@reads_event
def reports_none(session: Communication, event: AfterCallWorkEnded, _: Policy) -> bool:
    """The platform reports `notApplicable`, and the session has after-call work (ACW-31)."""
    is_report = event.by == AfterCallWorkEndedBy.PLATFORM
    return is_report and event.state == AfterCallWorkState.NOT_APPLICABLE and session.after_call_work is not None


@reads_event
def by_platform(_session: Communication, event: AfterCallWorkEnded, _: Policy) -> bool:
    """The event is a report of the platform (ACW-27)."""
    return event.by == AfterCallWorkEndedBy.PLATFORM


def _reports_news(session: Communication, event: AfterCallWorkEnded) -> bool:
    ours = session.after_call_work
    told = (event.state, session.disconnected_time, event.occurred_at)
    return event.by == AfterCallWorkEndedBy.PLATFORM and told != (ours and (ours.state, ours.start_time, ours.end_time))


@reads_event
def by_agent(_session: Communication, event: AfterCallWorkEnded, _: Policy) -> bool:
    """The agent clicked Done (ACW-15)."""
    return event.by == AfterCallWorkEndedBy.AGENT


@reads_event
def changes_request(session: Communication, event: AfterCallWorkRequired, _: Policy) -> bool:
    """The request differs from the session's. Unset differs from false (SAME-8)."""
    stated = event.details.after_call_work_required
    return bool(event.required is not (session.after_call_work_required if stated is None else stated))


@reads_event
def requests_acw(_session: Communication, event: AfterCallWorkRequired, _: Policy) -> bool:
    """The event requests after-call work (ACW-47)."""
    return event.required


# --- Wrap-up ------------------------------------------------------------------------------------------------------------------


@reads_event
def is_a_skip(_session: Communication, event: WrapupSaved, _: Policy) -> bool:
    """The save has no code and is not provisional: the agent skipped the wrap-up (ACW-14)."""
    return event.code is None and not event.provisional


@reads_event
def is_a_draft(_session: Communication, event: WrapupSaved, _: Policy) -> bool:
    """The save is provisional (WRAP-6)."""
    return event.provisional


@reads_event
def is_final(_session: Communication, event: WrapupSaved, _: Policy) -> bool:
    """The save has a code and is not provisional (ACW-12)."""
    return event.code is not None and not event.provisional


@reads_session
def has_final_wrapup(session: Communication, _event: WrapupSaved, _: Policy) -> bool:
    """A final wrap-up is saved (WRAP-6)."""
    return session.wrapup is not None and not session.wrapup.provisional


@reads_event
def changes_prepared_wrapup(session: Communication, event: WrapupSaved, _: Policy) -> bool:
    """The save differs from the prepared wrap-up (WRAP-3)."""
    return _has_other_code(session, event) or prepared(event) != session.wrapup


@reads_event
def changes_saved_wrapup(session: Communication, event: WrapupSaved, _: Policy) -> bool:
    """The save differs from the saved wrap-up. An end that moves is a change (WRAP-3)."""
    return _has_other_code(session, event) or saved(session, event) != session.wrapup


def _has_other_code(session: Communication, event: WrapupSaved) -> bool:
    # Most saves differ in their code, and a whole wrap-up is made to compare the rest.
    return session.wrapup is None or session.wrapup.code != event.code


_PAIRS: tuple[tuple[Guard, Guard], ...] = ((connected, not_connected), (has_ended, not_ended), (may_exit_early, no_early_exit))
OPPOSITES: Mapping[Guard, Guard] = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}
"""Guards of which exactly one holds."""
