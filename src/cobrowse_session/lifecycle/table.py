"""The lifecycle, as data.

Theory of operation
===================

Two machines share the work. The *connection* follows the leg: none, the pending states, connected, disconnected, terminated.
*After-call work* begins where the leg ends: absent, pending, complete, skipped. Each kind of event belongs to one of them, by
its name. When the connection's outcome says that the leg has ended, `step.py` fires `leg_ended` on the other machine; no row
fires anything.

A row says: *these* events, from *these* states of its machine, when *all* of these guards hold, give *this*, write *that*,
*because*. What a row gives is a state or a verdict: a refusal is a row like any other, one that writes nothing. Within one
(event, state) the order of the rows is their meaning: the first whose guards hold decides. The last one has no guard and all
others have one, so every event in every state gets exactly one outcome; `machine.py` checks that when it builds the machines.
Settings are read by guards, so the same holds for every setting.

Every applied row of an outside event also takes the event's details and settings and stamps `providerEventTime`; the builder
adds that, so that rows stay short.

What is not in the table: a stale event and one of an unknown subject (`step.py` asks that first), and when a timer is due
(`step.py` computes deadlines; the rows say what a timer does, once it fired). Timers fire only in the state that waits for them.
"""

from cobrowse_session.lifecycle.guards import (
    alert_ran_out,
    brings_a_grant,
    brings_news,
    brings_settings,
    by_agent,
    by_platform,
    changes_the_preparation,
    changes_the_request,
    changes_the_wrapup,
    code_is_required,
    code_is_saved,
    connected,
    deadline_passed,
    final_one_exists,
    has_ended,
    is_a_draft,
    is_a_skip,
    is_final,
    may_exit_early,
    names_the_missing_disconnect_type,
    no_early_exit,
    not_connected,
    not_ended,
    not_yet_connected,
    reports_a_skip,
    reports_completion,
    reports_none,
    says_the_unknown,
    transferred,
    unanswered,
    unrequested,
    without_prompt,
)
from cobrowse_session.lifecycle.row import ALREADY, DUPLICATE, NAMED, STAY, Guard, Row, elsewhere, ignored, refused
from cobrowse_session.lifecycle.stamps import (
    assign_timeout_code,
    begin_after_call_work,
    begin_segment,
    close_segments,
    drop_draft,
    end_after_call_work,
    finish_wrapup,
    finish_wrapup_at_end,
    name_the_end,
    note_initial_state,
    pass_over_after_call_work,
    prepare_wrapup,
    reopen_wrapup,
    save_final_wrapup,
    save_wrapup,
    stamp_alerting,
    stamp_connected,
    stamp_disconnected,
    take_disconnect_type,
    take_report,
    take_request,
    withdraw_grants,
    withdraw_timeout_code,
)

# --- The states, as groups ----------------------------------------------------------------------------------------------------

PENDING = ("scheduled", "offering", "contacting", "dialing", "alerting")
NOT_YET_CONNECTED = ("none", *PENDING)
ENDED = ("disconnected", "terminated")
CONNECTION_STATES = (*NOT_YET_CONNECTED, "connected", *ENDED)

CLOSED = ("complete", "skipped")
AFTER_CALL_WORK_STATES = ("absent", "pending", *CLOSED)

# --- The kinds of event, as groups --------------------------------------------------------------------------------------------

BEFORE_ALERTING = ("scheduled", "offering", "contacting", "dialing")
STATE_EVENTS = (*CONNECTION_STATES[1:],)
LEG_ENDED = "leg_ended"


def said_before(
    on: tuple[str, ...], source: tuple[str, ...] | str, *, when: tuple[Guard, ...] = (), without: tuple[str, ...] = ()
) -> tuple[Row, ...]:
    """Rows for an event that repeats the current state: applied if its details or settings differ, else a duplicate.

    Args:
        on: the kinds of event.
        source: the states of the machine.
        when: what each of these rows asks first.
        without: the names of rows that cannot hold there.
    """
    rows = (
        Row(
            name="details",
            on=on,
            source=source,
            when=(*when, brings_news),
            gives=STAY,
            because="It brings details or settings that are new.",
        ),
        Row(
            name="grant_outside_connected",
            on=on,
            source=source,
            when=(*when, brings_a_grant),
            gives=ignored("not_connected"),
            because="A grant to control counts only while the leg is connected.",
        ),
        Row(
            name="settings_after_end",
            on=on,
            source=source,
            when=(*when, has_ended, brings_settings),
            gives=ignored("settings_after_end"),
            because="The queue's rules for a leg are settled when it ends.",
        ),
        Row(
            name="duplicate",
            on=on,
            source=source,
            when=when,
            gives=DUPLICATE,
            because="It says what is so already.",
        ),
    )
    return tuple(row for row in rows if row.name not in without)


# --- The connection -----------------------------------------------------------------------------------------------------------

CONNECTION: tuple[Row, ...] = (
    Row(
        name="unknown_type",
        on=("unknown",),
        source=CONNECTION_STATES,
        gives=ignored("unknown_type"),
        because="Nothing is known of events of this type.",
    ),
    Row(
        name="pending",
        on=BEFORE_ALERTING,
        source=elsewhere(*NOT_YET_CONNECTED),
        gives=NAMED,
        then=(note_initial_state, begin_segment),
        because="The leg is on its way; the states before connected have no order among themselves.",
    ),
    Row(
        name="alerting",
        on=("alerting",),
        source=elsewhere(*NOT_YET_CONNECTED),
        gives="alerting",
        then=(note_initial_state, begin_segment, stamp_alerting),
        because="The agent is being alerted.",
    ),
    Row(
        name="connected",
        on=("connected",),
        source=NOT_YET_CONNECTED,
        gives="connected",
        then=(note_initial_state, begin_segment, stamp_connected),
        because="Both sides are connected.",
    ),
    Row(
        name="ended",
        on=ENDED,
        source=(*NOT_YET_CONNECTED, "connected"),
        gives=NAMED,
        then=(note_initial_state, take_disconnect_type, close_segments, stamp_disconnected, withdraw_grants),
        because="The leg ended.",
    ),
    Row(
        name="released",
        on=("terminated",),
        source=("disconnected",),
        gives="terminated",
        then=(take_disconnect_type, name_the_end),
        because="The leg had ended; now its connection is released.",
    ),
    Row(
        name="end_named",
        on=ENDED,
        source=ALREADY,
        when=(names_the_missing_disconnect_type,),
        gives=STAY,
        then=(take_disconnect_type, name_the_end),
        because="The leg had ended; now it is known why.",
    ),
    *said_before(on=STATE_EVENTS, source=ALREADY),
    *said_before(on=("updated",), source=CONNECTION_STATES),
    Row(
        name="no_way_back",
        on=PENDING,
        source=("connected",),
        gives=refused("no_way_back"),
        because="A connected leg does not go back to a state before it; a new offer is a new leg with a new id.",
    ),
    Row(
        name="session_is_over",
        on=(*PENDING, "connected"),
        source=ENDED,
        gives=refused("session_is_over"),
        because="The leg has ended; a new offer is a new leg with a new id.",
    ),
    Row(
        name="alert_timed_out",
        on=("timer.alerting",),
        source=("alerting",),
        gives="disconnected",
        then=(take_disconnect_type, close_segments, stamp_disconnected, withdraw_grants),
        because="Nobody answered the alert in time, and the provider's own end of it never came.",
    ),
)

# --- After-call work ----------------------------------------------------------------------------------------------------------

AFTER_CALL_WORK: tuple[Row, ...] = (
    # The end of the leg: the first of these that holds.
    Row(
        name="none_after_alert_timeout",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        when=(alert_ran_out,),
        gives=STAY,
        because="An alert that timed out has no after-call work.",
    ),
    Row(
        name="none_when_unanswered",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        when=(unanswered,),
        gives=STAY,
        then=(finish_wrapup,),
        because="A leg that never connected has no after-call work.",
    ),
    Row(
        name="none_without_prompt",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        when=(without_prompt,),
        gives=STAY,
        then=(finish_wrapup,),
        because="The queue gives this leg no after-call work.",
    ),
    Row(
        name="skipped_after_transfer",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        when=(transferred,),
        gives="skipped",
        then=(pass_over_after_call_work, finish_wrapup),
        because="A transferred leg needs no after-call work.",
    ),
    Row(
        name="skipped_unrequested",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        when=(unrequested,),
        gives="skipped",
        then=(pass_over_after_call_work, finish_wrapup),
        because="After-call work is the agent's to ask for while connected, and the agent did not.",
    ),
    Row(
        name="begins",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        gives="pending",
        then=(begin_after_call_work,),
        because="After-call work begins.",
    ),
    # The platform reports that it is pending.
    Row(
        name="started_not_ended",
        on=("acw.started",),
        source=AFTER_CALL_WORK_STATES,
        when=(not_ended,),
        gives=refused("not_ended"),
        because="After-call work cannot start before the leg has ended.",
    ),
    Row(
        name="deadline_passed",
        on=("acw.started",),
        source=AFTER_CALL_WORK_STATES,
        when=(deadline_passed,),
        gives=ignored("deadline_passed"),
        because="The time for after-call work is over already.",
    ),
    Row(
        name="started_by_platform",
        on=("acw.started",),
        source=("absent", *CLOSED),
        gives="pending",
        then=(begin_after_call_work, reopen_wrapup),
        because="The platform reports that after-call work is pending.",
    ),
    *said_before(on=("acw.started",), source=("pending",), without=("settings_after_end",)),
    # The agent asks for it.
    Row(
        name="request_not_connected",
        on=("acw.required",),
        source=AFTER_CALL_WORK_STATES,
        when=(not_connected,),
        gives=refused("not_connected"),
        because="After-call work can be asked for only while the leg is connected.",
    ),
    Row(
        name="request",
        on=("acw.required",),
        source=AFTER_CALL_WORK_STATES,
        when=(changes_the_request,),
        gives=STAY,
        then=(take_request,),
        because="The agent said whether after-call work is wanted.",
    ),
    *said_before(on=("acw.required",), source=AFTER_CALL_WORK_STATES, without=("grant_outside_connected", "settings_after_end")),
    # A wrap-up while none is awaited: before the leg, while connected, after it all.
    Row(
        name="wrapup_not_connected",
        on=("wrapup",),
        source=("absent",),
        when=(not_yet_connected,),
        gives=refused("not_connected"),
        because="There is nothing to wrap up before the leg is connected.",
    ),
    Row(
        name="nothing_to_skip",
        on=("wrapup",),
        source=("absent", *CLOSED),
        when=(is_a_skip,),
        gives=ignored("nothing_to_save"),
        because="No after-call work is pending, so there is nothing to skip.",
    ),
    Row(
        name="draft_after_final",
        on=("wrapup",),
        source=("absent", "pending"),
        when=(final_one_exists, is_a_draft),
        gives=ignored("already_final"),
        because="A draft never replaces a final wrap-up.",
    ),
    Row(
        name="prepared",
        on=("wrapup",),
        source=("absent",),
        when=(connected, changes_the_preparation),
        gives=STAY,
        then=(prepare_wrapup,),
        because="The agent prepares the wrap-up while connected.",
    ),
    Row(
        name="draft_too_late",
        on=("wrapup",),
        source=("absent", *CLOSED),
        when=(not_connected, is_a_draft),
        gives=ignored("already_final"),
        because="A draft counts only while the leg is connected or after-call work is pending.",
    ),
    Row(
        name="saved_again",
        on=("wrapup",),
        source=("absent", *CLOSED),
        when=(not_connected, changes_the_wrapup),
        gives=STAY,
        then=(save_wrapup,),
        because="The agent saved the wrap-up; after-call work stays as it was.",
    ),
    *said_before(on=("wrapup",), source=("absent", *CLOSED)),
    # A wrap-up while after-call work is pending.
    Row(
        name="draft",
        on=("wrapup",),
        source=("pending",),
        when=(is_a_draft, changes_the_preparation),
        gives=STAY,
        then=(prepare_wrapup,),
        because="The agent saved a draft; after-call work goes on.",
    ),
    Row(
        name="saved_without_exit",
        on=("wrapup",),
        source=("pending",),
        when=(no_early_exit, is_final, changes_the_preparation),
        gives=STAY,
        then=(prepare_wrapup,),
        because="The agent saved the wrap-up; the time goes on, for this prompt knows no early exit.",
    ),
    Row(
        name="complete_by_code",
        on=("wrapup",),
        source=("pending",),
        when=(may_exit_early, is_final),
        gives="complete",
        then=(save_final_wrapup, end_after_call_work),
        because="The agent saved the wrap-up, and after-call work is done.",
    ),
    Row(
        name="skip_no_early_exit",
        on=("wrapup",),
        source=("pending",),
        when=(no_early_exit, is_a_skip),
        gives=refused("no_early_exit"),
        because="This prompt knows no early exit; after-call work ends when its time is over.",
    ),
    Row(
        name="skip_code_required",
        on=("wrapup",),
        source=("pending",),
        when=(code_is_required, is_a_skip),
        gives=refused("code_required"),
        because="This prompt wants a wrap-up code before after-call work may end.",
    ),
    Row(
        name="skipped_by_agent",
        on=("wrapup",),
        source=("pending",),
        when=(is_a_skip,),
        gives="skipped",
        then=(drop_draft, end_after_call_work, finish_wrapup),
        because="The agent skipped the wrap-up.",
    ),
    *said_before(on=("wrapup",), source=("pending",)),
    # Someone says that after-call work has ended.
    Row(
        name="unknown_value",
        on=("acw.ended",),
        source=AFTER_CALL_WORK_STATES,
        when=(says_the_unknown,),
        gives=ignored("unknown_value"),
        because="Who ended after-call work, or how, is a word that has no meaning here.",
    ),
    Row(
        name="not_ended",
        on=("acw.ended",),
        source=AFTER_CALL_WORK_STATES,
        when=(not_ended,),
        gives=refused("not_ended"),
        because="After-call work cannot end before the leg has.",
    ),
    Row(
        name="complete_by_platform",
        on=("acw.ended",),
        source=AFTER_CALL_WORK_STATES,
        when=(reports_completion,),
        gives="complete",
        then=(take_report, finish_wrapup),
        because="The platform itself reports after-call work as complete.",
    ),
    Row(
        name="skipped_by_platform",
        on=("acw.ended",),
        source=AFTER_CALL_WORK_STATES,
        when=(reports_a_skip,),
        gives="skipped",
        then=(take_report, withdraw_timeout_code, finish_wrapup),
        because="The platform itself reports after-call work as skipped.",
    ),
    Row(
        name="none_by_platform",
        on=("acw.ended",),
        source=("pending", *CLOSED),
        when=(reports_none,),
        gives="absent",
        then=(withdraw_timeout_code, finish_wrapup_at_end),
        because="The platform reports that this leg has no after-call work.",
    ),
    *said_before(on=("acw.ended",), source=("absent",), when=(by_platform,)),
    Row(
        name="no_after_call_work",
        on=("acw.ended",),
        source=("absent",),
        gives=refused("no_after_call_work"),
        because="This leg has no after-call work to end.",
    ),
    *said_before(on=("acw.ended",), source=CLOSED),
    Row(
        name="done_no_early_exit",
        on=("acw.ended",),
        source=("pending",),
        when=(no_early_exit, by_agent),
        gives=refused("no_early_exit"),
        because="This prompt knows no early exit; after-call work ends when its time is over.",
    ),
    Row(
        name="complete_by_agent",
        on=("acw.ended",),
        source=("pending",),
        when=(code_is_saved, by_agent),
        gives="complete",
        then=(end_after_call_work, finish_wrapup),
        because="The agent is done, and a code is saved.",
    ),
    Row(
        name="done_code_required",
        on=("acw.ended",),
        source=("pending",),
        when=(code_is_required, by_agent),
        gives=refused("code_required"),
        because="This prompt wants a wrap-up code before after-call work may end.",
    ),
    Row(
        name="skipped_without_code",
        on=("acw.ended",),
        source=("pending",),
        when=(by_agent,),
        gives="skipped",
        then=(end_after_call_work, finish_wrapup),
        because="The agent is done without a code, which this prompt allows.",
    ),
    Row(
        name="complete_by_offline",
        on=("acw.ended",),
        source=("pending",),
        gives="complete",
        then=(end_after_call_work, finish_wrapup),
        because="The agent went offline, which completes after-call work.",
    ),
    # Time itself.
    Row(
        name="complete_by_timeout",
        on=("timer.acw",),
        source=("pending",),
        gives="complete",
        then=(assign_timeout_code, end_after_call_work, finish_wrapup),
        because="The time for after-call work is over.",
    ),
)
