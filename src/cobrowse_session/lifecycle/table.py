"""The lifecycle, as data.

Theory of operation
===================

Two machines share the work. The *connection* follows the leg: none, the pending states, connected, disconnected, terminated.
*After-call work* begins where the leg ends: absent, pending, complete, skipped. Each kind of event belongs to one of them, by
its name. When the connection's outcome says that the leg has ended, `lifecycle.py` fires `leg_ended` on the other machine; no row
fires anything.

A row says: *these* events, from *these* states of its machine, when *all* of these guards hold, give *this*, write *that*,
*because*. What a row gives is a state or a verdict: a refusal is a row like any other, one that writes nothing. Within one
(event, state) the order of the rows is their meaning: the first whose guards hold decides. The last one has no guard and all
others have one, so every event in every state gets exactly one outcome; `machine.py` checks that when it builds the machines.
Settings are read by guards, so the same holds for every setting.

Every applied row of an outside event also takes the event's details and settings and stamps `providerEventTime`; the builder
adds that, so that rows stay short.

What is not in the table: a stale event and one of an unknown subject (`lifecycle.py` asks that first), and when a timer is due
(`lifecycle.py` computes deadlines; the rows say what a timer does, once it fired). Timers fire only in the state that waits for them.
"""

from cobrowse_session.lifecycle.actions import (
    apply_platform_report,
    apply_request,
    assign_timeout_code,
    begin_after_call_work,
    begin_segment,
    clear_controlling,
    close_segments,
    drop_draft,
    end_after_call_work,
    finish_wrapup,
    finish_wrapup_at_end,
    prepare_wrapup,
    reopen_wrapup,
    save_final_wrapup,
    save_wrapup,
    set_disconnect_type,
    set_initial_state,
    set_segment_disconnect_type,
    set_zero_length_acw,
    stamp_alerting,
    stamp_connected,
    stamp_disconnected,
    withdraw_timeout_code,
)
from cobrowse_session.lifecycle.guards import (
    adds_disconnect_type,
    alerting_timed_out,
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
    has_changes,
    has_ended,
    has_other_grant,
    has_other_settings,
    has_unknown_value,
    is_a_draft,
    is_a_skip,
    is_final,
    may_exit_early,
    no_early_exit,
    not_connected,
    not_ended,
    not_yet_connected,
    reports_completion,
    reports_none,
    reports_skip,
    transferred,
    unanswered,
    unrequested,
    without_prompt,
)
from cobrowse_session.lifecycle.row import (
    DUPLICATE,
    EVENT_STATE,
    NO_TRANSITION,
    SAME_STATE,
    Guard,
    Row,
    ignored,
    other_states,
    refused,
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


def no_change_rows(
    on: tuple[str, ...], source: tuple[str, ...] | str, *, guards: tuple[Guard, ...] = (), without: tuple[str, ...] = ()
) -> tuple[Row, ...]:
    """Rows for an event that repeats the current state: applied if its details or settings differ, else a duplicate.

    Args:
        on: the kinds of event.
        source: the states of the machine.
        guards: what each of these rows asks first.
        without: the names of rows that cannot hold there.
    """
    rows = (
        Row(
            name="details",
            on=on,
            source=source,
            guards=(*guards, has_changes),
            result=NO_TRANSITION,
            reason="It brings details or settings that are new.",
        ),
        Row(
            name="grant_outside_connected",
            on=on,
            source=source,
            guards=(*guards, has_other_grant),
            result=ignored("not_connected"),
            reason="A grant to control counts only while the leg is connected.",
        ),
        Row(
            name="settings_after_end",
            on=on,
            source=source,
            guards=(*guards, has_ended, has_other_settings),
            result=ignored("settings_after_end"),
            reason="The queue's rules for a leg are settled when it ends.",
        ),
        Row(
            name="duplicate",
            on=on,
            source=source,
            guards=guards,
            result=DUPLICATE,
            reason="It says what is so already.",
        ),
    )
    return tuple(row for row in rows if row.name not in without)


# --- The connection -----------------------------------------------------------------------------------------------------------

CONNECTION: tuple[Row, ...] = (
    Row(
        name="unknown_type",
        on=("unknown",),
        source=CONNECTION_STATES,
        result=ignored("unknown_type"),
        reason="Nothing is known of events of this type.",
    ),
    Row(
        name="pending",
        on=BEFORE_ALERTING,
        source=other_states(*NOT_YET_CONNECTED),
        result=EVENT_STATE,
        actions=(set_initial_state, begin_segment),
        reason="The leg is on its way; the states before connected have no order among themselves.",
    ),
    Row(
        name="alerting",
        on=("alerting",),
        source=other_states(*NOT_YET_CONNECTED),
        result="alerting",
        actions=(set_initial_state, begin_segment, stamp_alerting),
        reason="The agent is being alerted.",
    ),
    Row(
        name="connected",
        on=("connected",),
        source=NOT_YET_CONNECTED,
        result="connected",
        actions=(set_initial_state, begin_segment, stamp_connected),
        reason="Both sides are connected.",
    ),
    Row(
        name="ended",
        on=ENDED,
        source=(*NOT_YET_CONNECTED, "connected"),
        result=EVENT_STATE,
        actions=(set_initial_state, set_disconnect_type, close_segments, stamp_disconnected, clear_controlling),
        reason="The leg ended.",
    ),
    Row(
        name="released",
        on=("terminated",),
        source=("disconnected",),
        result="terminated",
        actions=(set_disconnect_type, set_segment_disconnect_type),
        reason="The leg had ended; now its connection is released.",
    ),
    Row(
        name="end_named",
        on=ENDED,
        source=SAME_STATE,
        guards=(adds_disconnect_type,),
        result=NO_TRANSITION,
        actions=(set_disconnect_type, set_segment_disconnect_type),
        reason="The leg had ended; now it is known why.",
    ),
    *no_change_rows(on=STATE_EVENTS, source=SAME_STATE),
    *no_change_rows(on=("updated",), source=CONNECTION_STATES),
    Row(
        name="no_way_back",
        on=PENDING,
        source=("connected",),
        result=refused("no_way_back"),
        reason="A connected leg does not go back to a state before it; a new offer is a new leg with a new id.",
    ),
    Row(
        name="session_is_over",
        on=(*PENDING, "connected"),
        source=ENDED,
        result=refused("session_is_over"),
        reason="The leg has ended; a new offer is a new leg with a new id.",
    ),
    Row(
        name="alert_timed_out",
        on=("timer.alerting",),
        source=("alerting",),
        result="disconnected",
        actions=(set_disconnect_type, close_segments, stamp_disconnected, clear_controlling),
        reason="Nobody answered the alert in time, and the provider's own end of it never came.",
    ),
)

# --- After-call work ----------------------------------------------------------------------------------------------------------

AFTER_CALL_WORK: tuple[Row, ...] = (
    # The end of the leg: the first of these that holds.
    Row(
        name="none_after_alert_timeout",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        guards=(alerting_timed_out,),
        result=NO_TRANSITION,
        reason="An alert that timed out has no after-call work.",
    ),
    Row(
        name="none_when_unanswered",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        guards=(unanswered,),
        result=NO_TRANSITION,
        actions=(finish_wrapup,),
        reason="A leg that never connected has no after-call work.",
    ),
    Row(
        name="none_without_prompt",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        guards=(without_prompt,),
        result=NO_TRANSITION,
        actions=(finish_wrapup,),
        reason="The queue gives this leg no after-call work.",
    ),
    Row(
        name="skipped_after_transfer",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        guards=(transferred,),
        result="skipped",
        actions=(set_zero_length_acw, finish_wrapup),
        reason="A transferred leg needs no after-call work.",
    ),
    Row(
        name="skipped_unrequested",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        guards=(unrequested,),
        result="skipped",
        actions=(set_zero_length_acw, finish_wrapup),
        reason="After-call work is the agent's to ask for while connected, and the agent did not.",
    ),
    Row(
        name="begins",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        result="pending",
        actions=(begin_after_call_work,),
        reason="After-call work begins.",
    ),
    # The platform reports that it is pending.
    Row(
        name="started_not_ended",
        on=("acw.started",),
        source=AFTER_CALL_WORK_STATES,
        guards=(not_ended,),
        result=refused("not_ended"),
        reason="After-call work cannot start before the leg has ended.",
    ),
    Row(
        name="deadline_passed",
        on=("acw.started",),
        source=AFTER_CALL_WORK_STATES,
        guards=(deadline_passed,),
        result=ignored("deadline_passed"),
        reason="The time for after-call work is over already.",
    ),
    Row(
        name="started_by_platform",
        on=("acw.started",),
        source=("absent", *CLOSED),
        result="pending",
        actions=(begin_after_call_work, reopen_wrapup),
        reason="The platform reports that after-call work is pending.",
    ),
    *no_change_rows(on=("acw.started",), source=("pending",), without=("settings_after_end",)),
    # The agent asks for it.
    Row(
        name="request_not_connected",
        on=("acw.required",),
        source=AFTER_CALL_WORK_STATES,
        guards=(not_connected,),
        result=refused("not_connected"),
        reason="After-call work can be asked for only while the leg is connected.",
    ),
    Row(
        name="request",
        on=("acw.required",),
        source=AFTER_CALL_WORK_STATES,
        guards=(changes_the_request,),
        result=NO_TRANSITION,
        actions=(apply_request,),
        reason="The agent said whether after-call work is wanted.",
    ),
    *no_change_rows(
        on=("acw.required",), source=AFTER_CALL_WORK_STATES, without=("grant_outside_connected", "settings_after_end")
    ),
    # A wrap-up while none is awaited: before the leg, while connected, after it all.
    Row(
        name="wrapup_not_connected",
        on=("wrapup",),
        source=("absent",),
        guards=(not_yet_connected,),
        result=refused("not_connected"),
        reason="There is nothing to wrap up before the leg is connected.",
    ),
    Row(
        name="nothing_to_skip",
        on=("wrapup",),
        source=("absent", *CLOSED),
        guards=(is_a_skip,),
        result=ignored("nothing_to_save"),
        reason="No after-call work is pending, so there is nothing to skip.",
    ),
    Row(
        name="draft_after_final",
        on=("wrapup",),
        source=("absent", "pending"),
        guards=(final_one_exists, is_a_draft),
        result=ignored("already_final"),
        reason="A draft never replaces a final wrap-up.",
    ),
    Row(
        name="prepared",
        on=("wrapup",),
        source=("absent",),
        guards=(connected, changes_the_preparation),
        result=NO_TRANSITION,
        actions=(prepare_wrapup,),
        reason="The agent prepares the wrap-up while connected.",
    ),
    Row(
        name="draft_too_late",
        on=("wrapup",),
        source=("absent", *CLOSED),
        guards=(not_connected, is_a_draft),
        result=ignored("already_final"),
        reason="A draft counts only while the leg is connected or after-call work is pending.",
    ),
    Row(
        name="saved_again",
        on=("wrapup",),
        source=("absent", *CLOSED),
        guards=(not_connected, changes_the_wrapup),
        result=NO_TRANSITION,
        actions=(save_wrapup,),
        reason="The agent saved the wrap-up; after-call work stays as it was.",
    ),
    *no_change_rows(on=("wrapup",), source=("absent", *CLOSED)),
    # A wrap-up while after-call work is pending.
    Row(
        name="draft",
        on=("wrapup",),
        source=("pending",),
        guards=(is_a_draft, changes_the_preparation),
        result=NO_TRANSITION,
        actions=(prepare_wrapup,),
        reason="The agent saved a draft; after-call work goes on.",
    ),
    Row(
        name="saved_without_exit",
        on=("wrapup",),
        source=("pending",),
        guards=(no_early_exit, is_final, changes_the_preparation),
        result=NO_TRANSITION,
        actions=(prepare_wrapup,),
        reason="The agent saved the wrap-up; the time goes on, for this prompt knows no early exit.",
    ),
    Row(
        name="complete_by_code",
        on=("wrapup",),
        source=("pending",),
        guards=(may_exit_early, is_final),
        result="complete",
        actions=(save_final_wrapup, end_after_call_work),
        reason="The agent saved the wrap-up, and after-call work is done.",
    ),
    Row(
        name="skip_no_early_exit",
        on=("wrapup",),
        source=("pending",),
        guards=(no_early_exit, is_a_skip),
        result=refused("no_early_exit"),
        reason="This prompt knows no early exit; after-call work ends when its time is over.",
    ),
    Row(
        name="skip_code_required",
        on=("wrapup",),
        source=("pending",),
        guards=(code_is_required, is_a_skip),
        result=refused("code_required"),
        reason="This prompt wants a wrap-up code before after-call work may end.",
    ),
    Row(
        name="skipped_by_agent",
        on=("wrapup",),
        source=("pending",),
        guards=(is_a_skip,),
        result="skipped",
        actions=(drop_draft, end_after_call_work, finish_wrapup),
        reason="The agent skipped the wrap-up.",
    ),
    *no_change_rows(on=("wrapup",), source=("pending",)),
    # Someone says that after-call work has ended.
    Row(
        name="unknown_value",
        on=("acw.ended",),
        source=AFTER_CALL_WORK_STATES,
        guards=(has_unknown_value,),
        result=ignored("unknown_value"),
        reason="Who ended after-call work, or how, is a word that has no meaning here.",
    ),
    Row(
        name="not_ended",
        on=("acw.ended",),
        source=AFTER_CALL_WORK_STATES,
        guards=(not_ended,),
        result=refused("not_ended"),
        reason="After-call work cannot end before the leg has.",
    ),
    Row(
        name="complete_by_platform",
        on=("acw.ended",),
        source=AFTER_CALL_WORK_STATES,
        guards=(reports_completion,),
        result="complete",
        actions=(apply_platform_report, finish_wrapup),
        reason="The platform itself reports after-call work as complete.",
    ),
    Row(
        name="skipped_by_platform",
        on=("acw.ended",),
        source=AFTER_CALL_WORK_STATES,
        guards=(reports_skip,),
        result="skipped",
        actions=(apply_platform_report, withdraw_timeout_code, finish_wrapup),
        reason="The platform itself reports after-call work as skipped.",
    ),
    Row(
        name="none_by_platform",
        on=("acw.ended",),
        source=("pending", *CLOSED),
        guards=(reports_none,),
        result="absent",
        actions=(withdraw_timeout_code, finish_wrapup_at_end),
        reason="The platform reports that this leg has no after-call work.",
    ),
    *no_change_rows(on=("acw.ended",), source=("absent",), guards=(by_platform,)),
    Row(
        name="no_after_call_work",
        on=("acw.ended",),
        source=("absent",),
        result=refused("no_after_call_work"),
        reason="This leg has no after-call work to end.",
    ),
    *no_change_rows(on=("acw.ended",), source=CLOSED),
    Row(
        name="done_no_early_exit",
        on=("acw.ended",),
        source=("pending",),
        guards=(no_early_exit, by_agent),
        result=refused("no_early_exit"),
        reason="This prompt knows no early exit; after-call work ends when its time is over.",
    ),
    Row(
        name="complete_by_agent",
        on=("acw.ended",),
        source=("pending",),
        guards=(code_is_saved, by_agent),
        result="complete",
        actions=(end_after_call_work, finish_wrapup),
        reason="The agent is done, and a code is saved.",
    ),
    Row(
        name="done_code_required",
        on=("acw.ended",),
        source=("pending",),
        guards=(code_is_required, by_agent),
        result=refused("code_required"),
        reason="This prompt wants a wrap-up code before after-call work may end.",
    ),
    Row(
        name="skipped_without_code",
        on=("acw.ended",),
        source=("pending",),
        guards=(by_agent,),
        result="skipped",
        actions=(end_after_call_work, finish_wrapup),
        reason="The agent is done without a code, which this prompt allows.",
    ),
    Row(
        name="complete_by_offline",
        on=("acw.ended",),
        source=("pending",),
        result="complete",
        actions=(end_after_call_work, finish_wrapup),
        reason="The agent went offline, which completes after-call work.",
    ),
    # Time itself.
    Row(
        name="complete_by_timeout",
        on=("timer.acw",),
        source=("pending",),
        result="complete",
        actions=(assign_timeout_code, end_after_call_work, finish_wrapup),
        reason="The time for after-call work is over.",
    ),
)
