"""The lifecycle, as data.

Theory of operation
===================

There are two machines. The *connection* follows the leg: none, the pending states, connected, disconnected, terminated.
*After-call work* begins where the leg ends: absent, pending, complete, skipped. Each kind of event belongs to one machine. When
the connection's outcome is that the leg ended, `lifecycle.py` fires `leg_ended` on the other machine. No row fires anything.

A row has kinds of event, source states, guards, a result, actions, a reason, and the rules of the specification that it cites.
The result is a state or an outcome without a transition. A refusal is a row like any other. It has no actions.

The order of the rows has meaning. Of the rows of one kind of event in one state, the first one whose guards all hold decides.
The last one is the default row: it has no guards, and all others have some. So every event in every state has exactly one
outcome, for all settings, because only guards read settings. `check.py` verifies this when the machines are built.

Example: `wrapup` in `pending`, saved as a draft that differs. `draft_after_final` comes first, and its guard `has_final_wrapup`
fails. `draft` is next. Its guards `is_a_draft` and `changes_prepared_wrapup` hold, so it decides: the state stays, the action
writes the wrap-up, and the outcome is applied.

Every applied row of an outside event also takes the event's details and settings and stamps `providerEventTime`. `machine.py`
adds these actions, so that rows stay short.

`lifecycle.py` decides what is not in the table: stale events, events of another session, and when a timer is due. The rows of a
timer decide what it does. It fires only in the states that have rows for it.
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
    changes_prepared_wrapup,
    changes_request,
    changes_saved_wrapup,
    code_is_required,
    code_is_saved,
    connected,
    deadline_passed,
    has_changes,
    has_ended,
    has_final_wrapup,
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
    prompt_is_none,
    prompt_is_unknown,
    reports_completion,
    reports_none,
    reports_skip,
    requests_acw,
    transferred,
    unanswered,
    unrequested,
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
from cobrowse_session.lifecycle.states import (
    AFTER_CALL_WORK_STATES,
    CLOSED,
    CONNECTION_STATES,
    ENDED,
    NOT_YET_CONNECTED,
    PENDING,
)

# --- The kinds of event, as groups --------------------------------------------------------------------------------------------

BEFORE_ALERTING = tuple(state for state in PENDING if state != "alerting")
STATE_EVENTS = CONNECTION_STATES[1:]
LEG_ENDED = "leg_ended"


def no_change_rows(
    on: tuple[str, ...], source: tuple[str, ...] | str, *, guards: tuple[Guard, ...] = (), without: tuple[str, ...] = ()
) -> tuple[Row, ...]:
    """Rows for an event that repeats the current state: applied if its details or settings differ, else a duplicate.

    Args:
        on: the kinds of event.
        source: the states of the machine.
        guards: the first guards of each of these rows.
        without: the names of rows whose guards never hold there.
    """
    rows = (
        Row(
            name="details",
            on=on,
            source=source,
            guards=(*guards, has_changes),
            result=NO_TRANSITION,
            reason="Details or settings changed.",
            cites=("SAME-4",),
        ),
        Row(
            name="grant_outside_connected",
            on=on,
            source=source,
            guards=(*guards, has_other_grant),
            result=ignored("not_connected"),
            reason="A grant to control counts only while the leg is connected.",
            cites=("SAME-5", "SAME-7"),
        ),
        Row(
            name="settings_after_end",
            on=on,
            source=source,
            guards=(*guards, has_ended, has_other_settings),
            result=ignored("settings_after_end"),
            reason="Settings no longer count after the leg has ended.",
            cites=("SAME-6",),
        ),
        Row(
            name="duplicate",
            on=on,
            source=source,
            guards=guards,
            result=DUPLICATE,
            reason="The event repeats the current state.",
            cites=("OUTCOME-3",),
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
        reason="The type of the event is unknown.",
        cites=("KEEP-11",),
    ),
    Row(
        name="pending",
        on=BEFORE_ALERTING,
        source=other_states(*NOT_YET_CONNECTED),
        result=EVENT_STATE,
        actions=(set_initial_state, begin_segment),
        reason="The leg entered a pending state. Pending states have no order among themselves.",
        cites=("CONN-2", "CONN-9"),
    ),
    Row(
        name="alerting",
        on=("alerting",),
        source=other_states(*NOT_YET_CONNECTED),
        result="alerting",
        actions=(set_initial_state, begin_segment, stamp_alerting),
        reason="The agent is being alerted.",
        cites=("CONN-2", "STAMP-2"),
    ),
    Row(
        name="connected",
        on=("connected",),
        source=NOT_YET_CONNECTED,
        result="connected",
        actions=(set_initial_state, begin_segment, stamp_connected),
        reason="Both sides are connected.",
        cites=("CONN-2", "STAMP-3"),
    ),
    Row(
        name="ended",
        on=ENDED,
        source=(*NOT_YET_CONNECTED, "connected"),
        result=EVENT_STATE,
        # `set_disconnect_type` before `close_segments`, which copies the session's disconnect type into the last segment.
        actions=(set_initial_state, set_disconnect_type, close_segments, stamp_disconnected, clear_controlling),
        reason="The leg ended.",
        cites=("CONN-2", "CONN-3", "STAMP-4"),
    ),
    Row(
        name="released",
        on=("terminated",),
        source=("disconnected",),
        result="terminated",
        actions=(set_disconnect_type, set_segment_disconnect_type),
        reason="The leg had ended. Now its connection is released.",
        cites=("CONN-5",),
    ),
    # Before `details`: an event that names the end and has new details, too, is decided by one row, and `details` takes no
    # disconnect type.
    Row(
        name="end_named",
        on=ENDED,
        source=SAME_STATE,
        guards=(adds_disconnect_type,),
        result=NO_TRANSITION,
        actions=(set_disconnect_type, set_segment_disconnect_type),
        reason="The leg had ended. Now its disconnect type is known.",
        cites=("CONN-15",),
    ),
    *no_change_rows(on=STATE_EVENTS, source=SAME_STATE),
    *no_change_rows(on=("updated",), source=CONNECTION_STATES),
    Row(
        name="no_way_back",
        on=PENDING,
        source=("connected",),
        result=refused("no_way_back"),
        reason="A connected leg does not return to a pending state. A new offer is a new leg with a new id.",
        cites=("CONN-4", "CONN-14"),
    ),
    Row(
        name="session_is_over",
        on=(*PENDING, "connected"),
        source=ENDED,
        result=refused("session_is_over"),
        reason="The leg has ended. A new offer is a new leg with a new id.",
        cites=("CONN-8", "CONN-14"),
    ),
    Row(
        name="alert_timed_out",
        on=("timer.alerting",),
        source=("alerting",),
        result="disconnected",
        actions=(set_disconnect_type, close_segments, stamp_disconnected, clear_controlling),
        reason="Nobody answered the alert in time, and the provider reported no end.",
        cites=("ALERT-3",),
    ),
)

# --- After-call work ----------------------------------------------------------------------------------------------------------

AFTER_CALL_WORK: tuple[Row, ...] = (
    # The leg ended (ACW-2).
    # The order matters where several rows would decide. Examples, with the prompt `agentRequested` and `acw_after_transfer` off:
    #
    #     the leg                                  decides                 would decide, if it came first
    #     never connected, ended by `transfer`     none_when_unanswered    skipped_after_transfer, skipped_unrequested
    #     connected, ended by `transfer`           skipped_after_transfer  skipped_unrequested
    #     connected, ended by `peer`, no request   skipped_unrequested     begins
    #
    # Rows for no after-call work come first. Behind the others, a leg that never connected would show skipped after-call work.
    Row(
        name="none_after_alert_timeout",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        guards=(alerting_timed_out,),
        result=NO_TRANSITION,
        reason="A leg that the alerting timeout ended has no after-call work.",
        cites=("ALERT-4",),
    ),
    Row(
        name="none_when_unanswered",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        guards=(unanswered,),
        result=NO_TRANSITION,
        actions=(finish_wrapup,),
        reason="A leg that never connected has no after-call work.",
        cites=("ACW-3", "ACW-7"),
    ),
    Row(
        name="none_by_prompt",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        guards=(prompt_is_none,),
        result=NO_TRANSITION,
        actions=(finish_wrapup,),
        reason="The wrap-up prompt of this leg is none, so it has no after-call work.",
        cites=("ACW-3", "ACW-7"),
    ),
    Row(
        name="none_without_prompt",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        guards=(prompt_is_unknown,),
        result=NO_TRANSITION,
        actions=(finish_wrapup,),
        reason="No setting of the leg begins after-call work.",
        cites=("ACW-3", "ACW-7"),
    ),
    Row(
        name="skipped_after_transfer",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        guards=(transferred,),
        result="skipped",
        actions=(set_zero_length_acw, finish_wrapup),
        reason="A transferred leg needs no after-call work.",
        cites=("ACW-4", "ACW-11"),
    ),
    Row(
        name="skipped_unrequested",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        guards=(unrequested,),
        result="skipped",
        actions=(set_zero_length_acw, finish_wrapup),
        reason="The agent did not request after-call work.",
        cites=("ACW-5", "ACW-11"),
    ),
    Row(
        name="begins",
        on=(LEG_ENDED,),
        source=AFTER_CALL_WORK_STATES,
        result="pending",
        actions=(begin_after_call_work,),
        reason="After-call work begins.",
        cites=("ACW-6",),
    ),
    # The platform reports pending after-call work.
    Row(
        name="started_not_ended",
        on=("acw.started",),
        source=AFTER_CALL_WORK_STATES,
        guards=(not_ended,),
        result=refused("not_ended"),
        reason="After-call work cannot start before the leg has ended.",
        cites=("ACW-35",),
    ),
    # Before `started_by_platform`. Example: the leg ended at 09:01:00, the prompt allows 30 s, and the platform reports `pending`
    # at 09:02:00. After-call work starts when the leg ended. So it would be reopened with a deadline at 09:01:30, which has
    # passed.
    Row(
        name="deadline_passed",
        on=("acw.started",),
        source=AFTER_CALL_WORK_STATES,
        guards=(deadline_passed,),
        result=ignored("deadline_passed"),
        reason="The deadline of after-call work has passed.",
        cites=("ACW-41",),
    ),
    Row(
        name="started_by_platform",
        on=("acw.started",),
        source=("absent", *CLOSED),
        result="pending",
        actions=(begin_after_call_work, reopen_wrapup),
        reason="The platform reports that after-call work is pending.",
        cites=("ACW-37", "ACW-38", "ACW-39"),
    ),
    *no_change_rows(on=("acw.started",), source=("pending",), without=("settings_after_end",)),
    # The agent requests after-call work.
    Row(
        name="request_not_connected",
        on=("acw.required",),
        source=AFTER_CALL_WORK_STATES,
        guards=(not_connected,),
        result=refused("not_connected"),
        reason="After-call work can be requested only while the leg is connected.",
        cites=("ACW-48",),
    ),
    Row(
        name="request",
        on=("acw.required",),
        source=AFTER_CALL_WORK_STATES,
        guards=(changes_request, requests_acw),
        result=NO_TRANSITION,
        actions=(apply_request,),
        reason="The agent requested after-call work.",
        cites=("ACW-47",),
    ),
    # Behind `request`, which asks one thing more. In the other order `request` would never decide, and `check.py` refuses it.
    Row(
        name="request_withdrawn",
        on=("acw.required",),
        source=AFTER_CALL_WORK_STATES,
        guards=(changes_request,),
        result=NO_TRANSITION,
        actions=(apply_request,),
        reason="The agent does not request after-call work.",
        cites=("ACW-47",),
    ),
    *no_change_rows(
        on=("acw.required",), source=AFTER_CALL_WORK_STATES, without=("grant_outside_connected", "settings_after_end")
    ),
    # A wrap-up while no after-call work is pending.
    Row(
        name="wrapup_not_connected",
        on=("wrapup",),
        source=("absent",),
        guards=(not_yet_connected,),
        result=refused("not_connected"),
        reason="A wrap-up cannot be saved before the leg is connected.",
        cites=("WRAP-4",),
    ),
    # Before `prepared` and `saved_again`: a skip has no code, and they would replace a saved wrap-up by an empty one.
    Row(
        name="nothing_to_skip",
        on=("wrapup",),
        source=("absent", *CLOSED),
        guards=(is_a_skip,),
        result=ignored("nothing_to_save"),
        reason="No after-call work is pending, so there is nothing to skip.",
        cites=("WRAP-7",),
    ),
    # Before `prepared` and `draft`, whose guards hold for this save, too. Example: the agent saves the code `sale` while
    # connected. Then the panel sends its draft again, with another code. Behind `prepared`, the draft would replace the code.
    Row(
        name="draft_after_final",
        on=("wrapup",),
        source=("absent", "pending"),
        guards=(has_final_wrapup, is_a_draft),
        result=ignored("already_final"),
        reason="A draft does not replace a final wrap-up.",
        cites=("WRAP-6",),
    ),
    Row(
        name="prepared",
        on=("wrapup",),
        source=("absent",),
        guards=(connected, changes_prepared_wrapup),
        result=NO_TRANSITION,
        actions=(prepare_wrapup,),
        reason="The agent prepared the wrap-up while connected.",
        cites=("WRAP-5",),
    ),
    Row(
        name="draft_too_late",
        on=("wrapup",),
        source=("absent", *CLOSED),
        guards=(not_connected, is_a_draft),
        result=ignored("already_final"),
        reason="A draft counts only while the leg is connected or after-call work is pending.",
        cites=("WRAP-6",),
    ),
    Row(
        name="saved_again",
        on=("wrapup",),
        source=("absent", *CLOSED),
        guards=(not_connected, changes_saved_wrapup),
        result=NO_TRANSITION,
        actions=(save_wrapup,),
        reason="The agent saved the wrap-up. After-call work did not change.",
        cites=("WRAP-10",),
    ),
    *no_change_rows(on=("wrapup",), source=("absent", *CLOSED)),
    # A wrap-up while after-call work is pending.
    Row(
        name="draft",
        on=("wrapup",),
        source=("pending",),
        guards=(is_a_draft, changes_prepared_wrapup),
        result=NO_TRANSITION,
        actions=(prepare_wrapup,),
        reason="The agent saved a draft. After-call work stays pending.",
        cites=("ACW-13",),
    ),
    Row(
        name="saved_without_exit",
        on=("wrapup",),
        source=("pending",),
        guards=(no_early_exit, is_final, changes_prepared_wrapup),
        result=NO_TRANSITION,
        actions=(prepare_wrapup,),
        reason="The agent saved the wrap-up. This prompt has no early exit, so after-call work stays pending.",
        cites=("ACW-12", "WRAP-9"),
    ),
    Row(
        name="complete_by_code",
        on=("wrapup",),
        source=("pending",),
        guards=(may_exit_early, is_final),
        result="complete",
        actions=(save_final_wrapup, end_after_call_work),
        reason="The agent saved the wrap-up, which completes after-call work.",
        cites=("ACW-12", "WRAP-8"),
    ),
    # Three rows for a skip, from the narrowest to the widest: no early exit, a code is required, every other prompt.
    Row(
        name="skip_no_early_exit",
        on=("wrapup",),
        source=("pending",),
        guards=(no_early_exit, is_a_skip),
        result=refused("no_early_exit"),
        reason="This prompt has no early exit. After-call work ends at its deadline.",
        cites=("ACW-14",),
    ),
    Row(
        name="skip_code_required",
        on=("wrapup",),
        source=("pending",),
        guards=(code_is_required, is_a_skip),
        result=refused("code_required"),
        reason="This prompt requires a wrap-up code before after-call work ends.",
        cites=("ACW-14",),
    ),
    Row(
        name="skipped_by_agent",
        on=("wrapup",),
        source=("pending",),
        guards=(is_a_skip,),
        result="skipped",
        # `drop_draft` first: `finish_wrapup` makes a draft final, and then it is none that a skip drops.
        actions=(drop_draft, end_after_call_work, finish_wrapup),
        reason="The agent skipped the wrap-up.",
        cites=("ACW-14", "ACW-21"),
    ),
    *no_change_rows(on=("wrapup",), source=("pending",)),
    # The agent or the platform ends after-call work.
    Row(
        name="unknown_value",
        on=("acw.ended",),
        source=AFTER_CALL_WORK_STATES,
        guards=(has_unknown_value,),
        result=ignored("unknown_value"),
        reason="The event has an unknown value for who ended after-call work, or how.",
        cites=("KEEP-9",),
    ),
    Row(
        name="not_ended",
        on=("acw.ended",),
        source=AFTER_CALL_WORK_STATES,
        guards=(not_ended,),
        result=refused("not_ended"),
        reason="After-call work cannot end before the leg has ended.",
        cites=("ACW-34", "ACW-44"),
    ),
    Row(
        name="complete_by_platform",
        on=("acw.ended",),
        source=AFTER_CALL_WORK_STATES,
        guards=(reports_completion,),
        result="complete",
        actions=(apply_platform_report, finish_wrapup),
        reason="The platform reports after-call work as complete.",
        cites=("ACW-28", "ACW-29"),
    ),
    Row(
        name="skipped_by_platform",
        on=("acw.ended",),
        source=AFTER_CALL_WORK_STATES,
        guards=(reports_skip,),
        result="skipped",
        actions=(apply_platform_report, withdraw_timeout_code, finish_wrapup),
        reason="The platform reports after-call work as skipped.",
        cites=("ACW-28", "ACW-29", "ACW-30"),
    ),
    Row(
        name="none_by_platform",
        on=("acw.ended",),
        source=("pending", *CLOSED),
        guards=(reports_none,),
        result="absent",
        actions=(withdraw_timeout_code, finish_wrapup_at_end),
        reason="The platform reports that this leg has no after-call work.",
        cites=("ACW-30", "ACW-31"),
    ),
    *no_change_rows(on=("acw.ended",), source=("absent",), guards=(by_platform,)),
    Row(
        name="no_after_call_work",
        on=("acw.ended",),
        source=("absent",),
        result=refused("no_after_call_work"),
        reason="This leg has no after-call work to end.",
        cites=("ACW-45",),
    ),
    *no_change_rows(on=("acw.ended",), source=CLOSED),
    Row(
        name="done_no_early_exit",
        on=("acw.ended",),
        source=("pending",),
        guards=(no_early_exit, by_agent),
        result=refused("no_early_exit"),
        reason="This prompt has no early exit. After-call work ends at its deadline.",
        cites=("ACW-15", "ACW-16"),
    ),
    # Before `done_code_required`: with the prompt `mandatory`, a click on Done completes if a code is saved, and is refused if
    # none is.
    Row(
        name="complete_by_agent",
        on=("acw.ended",),
        source=("pending",),
        guards=(code_is_saved, by_agent),
        result="complete",
        actions=(end_after_call_work, finish_wrapup),
        reason="The agent finished after-call work, and a code is saved.",
        cites=("ACW-15", "ACW-19"),
    ),
    Row(
        name="done_code_required",
        on=("acw.ended",),
        source=("pending",),
        guards=(code_is_required, by_agent),
        result=refused("code_required"),
        reason="This prompt requires a wrap-up code before after-call work ends.",
        cites=("ACW-16",),
    ),
    Row(
        name="skipped_without_code",
        on=("acw.ended",),
        source=("pending",),
        guards=(by_agent,),
        result="skipped",
        actions=(end_after_call_work, finish_wrapup),
        reason="The agent finished after-call work without a code, which this prompt allows.",
        cites=("ACW-16",),
    ),
    Row(
        name="complete_by_offline",
        on=("acw.ended",),
        source=("pending",),
        result="complete",
        actions=(end_after_call_work, finish_wrapup),
        reason="The agent went offline, which completes after-call work.",
        cites=("ACW-17",),
    ),
    # The deadline.
    Row(
        name="complete_by_timeout",
        on=("timer.acw",),
        source=("pending",),
        result="complete",
        # `assign_timeout_code` before `finish_wrapup`: without a wrap-up there is nothing to finish.
        actions=(assign_timeout_code, end_after_call_work, finish_wrapup),
        reason="The deadline of after-call work has passed.",
        cites=("ACW-18", "ACW-22", "ACW-23"),
    ),
)
