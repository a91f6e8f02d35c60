"""The limit: the step, written by hand. It does the work of the standard table, and nothing is data.

It decides every kind of event in every state, with all settings, and returns the same outcomes: row, reason, citations, states,
fields, notes, and the timers that fired. `tests/test_bench.py` compares it with the package on random streams.

It calls nothing of the package but constructors of values and outcomes. The sentences and citations of the rows are texts. They
are read from the table, so that they are not typed twice. The session is a `CobrowseSession`.

An event may be any object with the attributes of an event. `own` has the attributes of its kind, `details` its details: the
replay by hand has them in other places than the package.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

from cobrowse_session import (
    AfterCallWork,
    AfterCallWorkState,
    Applied,
    CobrowseSession,
    ConnectionState,
    Duplicate,
    Ignored,
    Lifecycle,
    Outcome,
    Refused,
    Segment,
    Segments,
    Settings,
    Stale,
    Wrapup,
    WrapupPrompt,
)
from cobrowse_session.events import Event
from cobrowse_session.lifecycle.outcome import Fired
from cobrowse_session.lifecycle.table import AFTER_CALL_WORK, CONNECTION
from cobrowse_session.model import NO_DETAILS, Details
from cobrowse_session.settings import NO_SETTINGS
from cobrowse_session.vocabulary import AfterCallWorkEndedBy, CobrowseRole, DisconnectType, UnknownPrompt

NONE, SCHEDULED, OFFERING, CONTACTING, DIALING, ALERTING, CONNECTED, DISCONNECTED, TERMINATED = ConnectionState
UNKNOWN, NOT_APPLICABLE, SKIPPED, PENDING, COMPLETE = AfterCallWorkState
AGENT, OFFLINE, PLATFORM = AfterCallWorkEndedBy
MANDATORY, OPTIONAL, AGENT_REQUESTED, TIMEOUT, FORCED_TIMEOUT, NO_WORK = WrapupPrompt

TARGETS = {str(state): state for state in ConnectionState if state is not NONE}
SEGMENTS = {
    "scheduled": "Scheduled",
    "offering": "System",
    "contacting": "Contacting",
    "dialing": "Dialing",
    "alerting": "Alert",
    "connected": "Interact",
}
TOLERANCE = timedelta(seconds=2)
SECOND = timedelta(seconds=1)
DETAILS = (
    *("self", "provider", "peer_id", "cobrowse_session_id", "cobrowse_role", "controlling", "viewer_url", "initial_state"),
    "after_call_work_required",
)
WORDY = ("disconnected", "terminated", "acw.ended")
"""The kinds of event whose own attributes may be unknown words."""
read_details = attrgetter(*DETAILS)

WORDS = {row.name: (row.reason, row.cites) for row in (*CONNECTION, *AFTER_CALL_WORK)}
"""The sentence and the citations of each row: texts, which are not typed twice."""

_CLOSED = ("controlling", "disconnect_type", "disconnected_time")
_ENTERED = ("initial_state", "segments", "state")
WRITES: dict[str, tuple[str, ...]] = {
    "pending": _ENTERED,
    "alerting": (*_ENTERED, "start_alerting_time"),
    "connected": (*_ENTERED, "connected_time"),
    "ended": (*_ENTERED, *_CLOSED),
    "alert_timed_out": ("segments", "state", *_CLOSED),
    "released": ("disconnect_type", "segments", "state"),
    "end_named": ("disconnect_type", "segments"),
    "details": (),
    **dict.fromkeys(("none_when_unanswered", "none_by_prompt", "none_without_prompt"), ("wrapup",)),
    "none_after_alert_timeout": (),
    "begins": ("after_call_work",),
    **dict.fromkeys(("prepared", "saved_again", "draft", "saved_without_exit"), ("wrapup",)),
    **dict.fromkeys(("request", "request_withdrawn"), ("after_call_work_required",)),
}
_WORK = ("after_call_work", "wrapup")
"""What every other row writes: those that begin or end after-call work."""

Said = dict[str, Any]  # details that an event states; a detail may be anything
Taken = list[tuple[str, Any]]  # those that the session takes
NOTHING: Said = {}


class Policy(NamedTuple):
    """The settings in force: the prompt as it counts, and both timeouts where they count."""

    prompt: WrapupPrompt | None
    acw_timeout: timedelta | None
    alerting_timeout: timedelta | None


class ByHand:
    """The step, by hand.

    Args:
        lifecycle: its settings are used, and nothing else of it.
    """

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle
        self._policies: dict[Settings, Policy] = {}
        self._merged: dict[tuple[Settings, Settings], Settings] = {}
        self._outcomes: dict[tuple[object, ...], Any] = {}
        # Each takes (session, event, own, details, policy): the kinds of event that are no connection state.
        self._kinds: dict[str, Callable[..., Outcome]] = {
            "updated": self._no_change,
            "acw.required": self._required,
            "acw.started": self._started,
            "wrapup": self._wrapup,
            "acw.ended": self._work_ended,
            "unknown": self._unknown,
        }

    def apply(self, session: CobrowseSession, event: Event) -> Outcome:
        """Apply one event in order, as `Lifecycle.apply`."""
        if event.subject != session.id:
            raise ValueError(f"expected an event of session {session.id!r}, found one of {event.subject!r}")
        at = event.occurred_at
        due = self.acw_deadline(session)
        timers = (self.fire_work(session, due),) if due is not None and due < at else ()
        work = session.after_call_work
        if (
            ((latest := session.provider_event_time) and at < latest)
            or ((latest := session.disconnected_time) and at < latest)
            or (work is not None and work.end_time and at < work.end_time)
        ):
            outcome: Outcome = Stale(
                row=None,
                reason=STALE,
                from_state=session.state,
                acw=work.state if work else None,
                notes=notes(event, event, stated(event.details)),
            )
        else:
            outcome = self.decide(session, event, event, event.details)
        return _changed(outcome, fired=timers) if timers else outcome

    def decide(self, session: CobrowseSession, event: Any, own: Any, details: Any) -> Outcome:
        """Decide an event that is in order. `Any`: see the module."""
        said = NOTHING if details is NO_DETAILS else stated(details)
        settings = session.settings
        if event.settings is not NO_SETTINGS and (not _has_ended(session) or event.kind == "acw.started"):
            settings = self._over(event.settings, settings)
        policy = self._policies.get(settings) or self._policy(settings)
        target = TARGETS.get(event.kind)
        if target is None:
            outcome = self._kinds[event.kind](session, event, own, said, policy)
        else:
            outcome = self._state_event(session, event, own, said, target)
        if (
            said
            or event.settings is not NO_SETTINGS
            or event.kind in WORDY
            or event.extra
            or event.derived_from is not None
            or event.provider_time is not None
        ) and (noted := notes(event, own, said)):
            return _changed(outcome, notes=noted)
        return outcome

    # --- The settings ---------------------------------------------------------------------------------------------------------

    def _over(self, stated: Settings, held: Settings) -> Settings:
        if held is NO_SETTINGS or stated is held:
            return stated
        found = self._merged.get((stated, held))
        if found is None:
            found = self._merged[stated, held] = Settings(
                wrapup_prompt=held.wrapup_prompt if stated.wrapup_prompt is None else stated.wrapup_prompt,
                wrapup_timeout=held.wrapup_timeout if stated.wrapup_timeout is None else stated.wrapup_timeout,
                alerting_timeout=held.alerting_timeout if stated.alerting_timeout is None else stated.alerting_timeout,
            )
        return found

    def _policy(self, own: Settings) -> Policy:
        defaults, grace = self._lifecycle.settings, self._lifecycle.alerting_grace
        prompt = defaults.wrapup_prompt if own.wrapup_prompt is None else own.wrapup_prompt
        timeout = defaults.wrapup_timeout if own.wrapup_timeout is None else own.wrapup_timeout
        alerting = defaults.alerting_timeout if own.alerting_timeout is None else own.alerting_timeout
        if isinstance(prompt, UnknownPrompt):
            prompt = OPTIONAL
        if prompt in (TIMEOUT, FORCED_TIMEOUT) and timeout is None:
            prompt = MANDATORY
        found = self._policies[own] = Policy(
            prompt,
            timeout if prompt in (TIMEOUT, FORCED_TIMEOUT, AGENT_REQUESTED) else None,
            None if alerting is None or grace is None else alerting + grace,
        )
        return found

    # --- Deadlines ------------------------------------------------------------------------------------------------------------

    def deadline(self, session: CobrowseSession) -> datetime | None:
        """Return the next deadline. A leg that alerts has no after-call work."""
        return self.acw_deadline(session) or self._alert_deadline(session)

    def acw_deadline(self, session: CobrowseSession) -> datetime | None:
        """Return the deadline of after-call work. None: none is pending, or it has no limit."""
        work = session.after_call_work
        if work is None or work.state is not PENDING or work.start_time is None:
            return None
        lasts = (self._policies.get(session.settings) or self._policy(session.settings)).acw_timeout
        return _after(work.start_time, lasts)

    def _alert_deadline(self, session: CobrowseSession) -> datetime | None:
        if session.state is not ALERTING or not session.segments or session.segments[-1].start_time is None:
            return None
        lasts = (self._policies.get(session.settings) or self._policy(session.settings)).alerting_timeout
        return _after(session.segments[-1].start_time, lasts)

    def advance(self, session: CobrowseSession, now: datetime) -> list[Fired]:
        """Fire what is due, in order, as `Lifecycle.advance`."""
        fired = []
        if (due := self._alert_deadline(session)) is not None and due <= now:
            fired.append(self._fire_alert(session, due))
        if (due := self.acw_deadline(session)) is not None and due <= now:
            fired.append(self.fire_work(session, due))
        return fired

    def fire_work(self, session: CobrowseSession, due: datetime) -> Fired:
        """End pending after-call work at its deadline."""
        wrapup = session.wrapup
        if wrapup is None or wrapup.code is None:
            held = wrapup or Wrapup()
            code = self._lifecycle.timeout_code
            wrapup = _wrapup(held, code, None, held.duration_seconds, held.end_time, provisional=held.provisional)
        _end_work(session, due, COMPLETE)
        session.wrapup = wrapup
        _finish(session, due)
        return _fired("timer.acw", "complete_by_timeout", due, session.state, session, ("after_call_work", "wrapup"))

    def _fire_alert(self, session: CobrowseSession, due: datetime) -> Fired:
        if session.disconnect_type is None:
            session.disconnect_type = DisconnectType.SYSTEM
        _close(session, due)
        session.state = DISCONNECTED
        return _fired(
            "timer.alerting", "alert_timed_out+none_after_alert_timeout", due, ALERTING, session, WRITES["alert_timed_out"]
        )

    # --- Outcomes -------------------------------------------------------------------------------------------------------------

    # Outcomes are shared. The hash of an enum's member is a call in Python, so the key has its `id`. The outcome holds the
    # member, so no other value ever has that id.

    def _refused(self, session: CobrowseSession, row: str, rule: str) -> Outcome:
        return self._judged(session, row, rule, Refused)

    def _ignored(self, session: CobrowseSession, row: str, rule: str) -> Outcome:
        return self._judged(session, row, rule, Ignored)

    def _judged(self, session: CobrowseSession, row: str, rule: str, kind: type[Refused | Ignored]) -> Outcome:
        work = session.after_call_work
        state, acw = session.state, work.state if work else None
        key = row, id(state), id(acw)
        found: Outcome | None = self._outcomes.get(key)
        if found is None:
            reason, cites = WORDS[row]
            found = self._outcomes[key] = kind(rule=rule, row=row, reason=reason, cites=cites, from_state=state, acw=acw)
        return found

    def _duplicate(self, session: CobrowseSession) -> Outcome:
        work = session.after_call_work
        state, acw = session.state, work.state if work else None
        key = "duplicate", id(state), id(acw)
        found: Outcome | None = self._outcomes.get(key)
        if found is None:
            reason, cites = WORDS["duplicate"]
            found = self._outcomes[key] = Duplicate(row="duplicate", reason=reason, cites=cites, from_state=state, acw=acw)
        return found

    def _applied(self, session: CobrowseSession, before: ConnectionState | str, row: str, said: Said, then: str = "") -> Outcome:
        work = session.after_call_work
        names, acw = tuple(said), work.state if work else None
        key = row, then, id(before), id(session.state), id(acw), names
        found: Outcome | None = self._outcomes.get(key)
        if found is None:
            rows = [row, then] if then else [row]
            found = self._outcomes[key] = Applied(
                row="+".join(rows),
                reason=" ".join(WORDS[one][0] for one in rows),
                cites=tuple(rule for one in rows for rule in WORDS[one][1]),
                from_state=before,
                to_state=session.state,
                acw=acw,
                set=tuple(sorted({"provider_event_time", *names, *(name for one in rows for name in WRITES.get(one, _WORK))})),
            )
        return found

    # --- Details --------------------------------------------------------------------------------------------------------------

    def _take(self, session: CobrowseSession, event: Any, said: Said, target: ConnectionState | str | None = None) -> None:
        """Take details, settings and the time: what every applied event writes."""
        has_ended = _has_ended(session)
        if said:
            for name, value in _taken(session, said, target or session.state, has_ended=has_ended):
                setattr(session, name, value)
        if event.settings is not NO_SETTINGS and (not has_ended or event.kind == "acw.started"):
            session.settings = self._over(event.settings, session.settings)
        session.provider_event_time = event.occurred_at

    def _no_change(
        self, session: CobrowseSession, event: Any, _own: Any, said: Said, _policy: object, *, only: str = ""
    ) -> Outcome:
        """Decide an event that says what is already so. `only`: its kind cannot reach all rows."""
        state = session.state
        has_ended = state is DISCONNECTED or state is TERMINATED
        target = TARGETS.get(event.kind, state)
        counts = not has_ended or event.kind == "acw.started"
        other = event.settings is not NO_SETTINGS and self._over(event.settings, session.settings) != session.settings
        if (other and counts) or (
            said and any(getattr(session, name) != value for name, value in _taken(session, said, target, has_ended=has_ended))
        ):
            self._take(session, event, said, target)
            return self._applied(session, state, "details", said)
        if only != "details":
            grant = said.get("controlling")
            if grant is not None and target is not CONNECTED and grant != session.controlling:
                return self._ignored(session, "grant_outside_connected", "not_connected")
            if only != "grant" and has_ended and other:
                return self._ignored(session, "settings_after_end", "settings_after_end")
        return self._duplicate(session)

    def _unknown(self, session: CobrowseSession, *_: object) -> Outcome:
        return self._ignored(session, "unknown_type", "unknown_type")

    # --- The connection -------------------------------------------------------------------------------------------------------

    def _state_event(self, session: CobrowseSession, event: Any, own: Any, said: Said, target: ConnectionState) -> Outcome:
        state = session.state
        if target is DISCONNECTED or target is TERMINATED:
            if state is not DISCONNECTED and state is not TERMINATED:
                return self._end(session, event, own, said, target)
            if state is DISCONNECTED and target is TERMINATED:
                return self._name_end(session, event, own, said, "released", target)
            if own.disconnect_type is not None and session.disconnect_type is None:
                return self._name_end(session, event, own, said, "end_named", state)
            return self._no_change(session, event, own, said, None)
        if state is target:
            return self._no_change(session, event, own, said, None)
        if state is CONNECTED:
            return self._refused(session, "no_way_back", "no_way_back")
        if state is DISCONNECTED or state is TERMINATED:
            return self._refused(session, "session_is_over", "session_is_over")
        return self._enter(session, event, own, said, target)

    def _enter(self, session: CobrowseSession, event: Any, own: Any, said: Said, target: ConnectionState) -> Outcome:
        before, at = session.state, event.occurred_at
        self._take(session, event, said, target)
        if session.initial_state is None:
            session.initial_state = target
        name = own.segment_type or SEGMENTS[event.kind]
        begun = Segment(start_time=at, type=name)
        session.segments = Segments((*_closed(session, at, name), begun))
        row = "pending"
        if target is ALERTING or target is CONNECTED:
            received = event.received_at or at
            stamp = received if abs(received - at) <= TOLERANCE else at
            if target is CONNECTED:
                row = "connected"
                if session.connected_time is None:
                    session.connected_time = max(stamp, session.start_alerting_time or stamp)
            else:
                row = "alerting"
                if session.start_alerting_time is None:
                    session.start_alerting_time = stamp
        session.state = target
        return self._applied(session, before, row, said)

    def _end(self, session: CobrowseSession, event: Any, own: Any, said: Said, target: ConnectionState) -> Outcome:
        before = session.state
        self._take(session, event, said, target)
        if session.initial_state is None:
            session.initial_state = target
        if session.disconnect_type is None:
            session.disconnect_type = own.disconnect_type
        _close(session, event.occurred_at)
        session.state = target
        return self._applied(session, before, "ended", said, self._begin_work(session, event.occurred_at))

    def _begin_work(self, session: CobrowseSession, at: datetime) -> str:
        """Begin after-call work, or not. Return the name of the row."""
        prompt = (self._policies.get(session.settings) or self._policy(session.settings)).prompt
        ended = session.disconnected_time
        row = None
        if session.connected_time is None and not self._lifecycle.acw_when_unanswered:
            row = "none_when_unanswered"
        elif prompt is NO_WORK:
            row = "none_by_prompt"
        elif prompt is None:
            row = "none_without_prompt"
        elif not self._lifecycle.acw_after_transfer and (session.disconnect_type or "").lower().startswith("transfer"):
            row = "skipped_after_transfer"
        elif prompt is AGENT_REQUESTED and session.after_call_work_required is not True:
            row = "skipped_unrequested"
        else:
            _set_work(session, ended, None, PENDING)
            return "begins"
        if row.startswith("skipped"):
            _set_work(session, ended, ended, SKIPPED)
        _finish(session, at)
        return row

    def _name_end(
        self, session: CobrowseSession, event: Any, own: Any, said: Said, row: str, target: ConnectionState | str
    ) -> Outcome:
        before = session.state
        self._take(session, event, said)
        if session.disconnect_type is None:
            session.disconnect_type = own.disconnect_type
        segments = session.segments
        if segments and segments[-1].disconnect_type is None:
            last = segments[-1]
            named = _segment(last, last.end_time, last.how_ended, session.disconnect_type)
            session.segments = Segments((*segments[:-1], named))
        session.state = target
        return self._applied(session, before, row, said)

    # --- After-call work ------------------------------------------------------------------------------------------------------

    def _required(self, session: CobrowseSession, event: Any, own: Any, said: Said, _: Policy) -> Outcome:
        if session.state is not CONNECTED:
            return self._refused(session, "request_not_connected", "not_connected")
        stated = said.get("after_call_work_required")
        if own.required is (session.after_call_work_required if stated is None else stated):
            return self._no_change(session, event, own, said, None, only="details")
        self._take(session, event, said)
        session.after_call_work_required = own.required
        return self._applied(session, session.state, "request" if own.required else "request_withdrawn", said)

    def _started(self, session: CobrowseSession, event: Any, own: Any, said: Said, policy: Policy) -> Outcome:
        if not _has_ended(session):
            return self._refused(session, "started_not_ended", "not_ended")
        ended, timeout = session.disconnected_time, policy.acw_timeout
        if timeout is not None and ended is not None and event.occurred_at - ended > timeout:
            return self._ignored(session, "deadline_passed", "deadline_passed")
        work = session.after_call_work
        if work is not None and work.state is PENDING:
            return self._no_change(session, event, own, said, None, only="grant")
        self._take(session, event, said)
        _set_work(session, ended, None, PENDING)
        if (kept := self._without_timeout_code(session.wrapup)) is not None:
            kept = _wrapup(kept, kept.code, kept.name, None, None, provisional=kept.provisional)
        session.wrapup = kept
        return self._applied(session, session.state, "started_by_platform", said)

    def _without_timeout_code(self, wrapup: Wrapup | None) -> Wrapup | None:
        if wrapup is None or wrapup.code != self._lifecycle.timeout_code:
            return wrapup
        if wrapup.notes is None and wrapup.tags is None:
            return None
        return _wrapup(wrapup, None, None, wrapup.duration_seconds, wrapup.end_time, provisional=True)

    def _work_ended(self, session: CobrowseSession, event: Any, own: Any, said: Said, policy: Policy) -> Outcome:
        by, state = own.by, own.state
        if type(by) is not AfterCallWorkEndedBy or state not in (None, COMPLETE, SKIPPED, NOT_APPLICABLE):
            return self._ignored(session, "unknown_value", "unknown_value")
        if not _has_ended(session):
            return self._refused(session, "not_ended", "not_ended")
        work = session.after_call_work
        if by is PLATFORM:
            return self._reported(session, event, own, said)
        if work is None or work.state not in (PENDING, COMPLETE, SKIPPED):
            return self._refused(session, "no_after_call_work", "no_after_call_work")
        if work.state is not PENDING:
            return self._no_change(session, event, own, said, None)
        row = "complete_by_offline"
        if by is AGENT:
            row = "complete_by_agent"
            if policy.prompt is FORCED_TIMEOUT:
                return self._refused(session, "done_no_early_exit", "no_early_exit")
            if session.wrapup is None or session.wrapup.code is None:
                if policy.prompt is MANDATORY or policy.prompt is TIMEOUT:
                    return self._refused(session, "done_code_required", "code_required")
                row = "skipped_without_code"
        self._take(session, event, said)
        _end_work(session, event.occurred_at, SKIPPED if row == "skipped_without_code" else COMPLETE)
        _finish(session, event.occurred_at)
        return self._applied(session, session.state, row, said)

    def _reported(self, session: CobrowseSession, event: Any, own: Any, said: Said) -> Outcome:
        """Decide the platform's own report of after-call work, after the end."""
        work, at, ended, state = session.after_call_work, event.occurred_at, session.disconnected_time, own.state
        if state is NOT_APPLICABLE:
            if work is None:
                return self._no_change(session, event, own, said, None)
            self._take(session, event, said)
            session.wrapup = self._without_timeout_code(session.wrapup)
            _finish(session, ended or at)
            session.after_call_work = None
            return self._applied(session, session.state, "none_by_platform", said)
        if work is not None and (work.state, work.start_time, work.end_time) == (state, ended, at):
            return self._no_change(session, event, own, said, None)
        self._take(session, event, said)
        _set_work(session, ended, at, state)
        if state is SKIPPED:
            session.wrapup = self._without_timeout_code(session.wrapup)
        _finish(session, at)
        return self._applied(session, session.state, f"{state}_by_platform", said)

    # --- Wrap-up --------------------------------------------------------------------------------------------------------------

    def _wrapup(self, session: CobrowseSession, event: Any, own: Any, said: Said, policy: Policy) -> Outcome:
        work = session.after_call_work
        if work is not None and work.state is PENDING:
            return self._wrapup_pending(session, event, own, said, policy)
        is_connected, held = session.state is CONNECTED, session.wrapup
        is_absent = work is None or (work.state is not COMPLETE and work.state is not SKIPPED)
        if is_absent and not is_connected and not _has_ended(session):
            return self._refused(session, "wrapup_not_connected", "not_connected")
        if own.code is None and not own.provisional:
            return self._ignored(session, "nothing_to_skip", "nothing_to_save")
        if own.provisional and held is not None and not held.provisional and is_absent:
            return self._ignored(session, "draft_after_final", "already_final")
        if is_connected:
            row, made = "prepared", _prepared(own)
        elif own.provisional:
            return self._ignored(session, "draft_too_late", "already_final")
        else:
            kept = held.end_time if held and own.disable_end_time_updates else None
            row, made = "saved_again", _final(session, own, kept or event.occurred_at)
        if made == held:
            return self._no_change(session, event, own, said, None)
        self._take(session, event, said)
        session.wrapup = made
        return self._applied(session, session.state, row, said)

    def _wrapup_pending(self, session: CobrowseSession, event: Any, own: Any, said: Said, policy: Policy) -> Outcome:
        held, prompt, at = session.wrapup, policy.prompt, event.occurred_at
        if own.provisional or (own.code is not None and prompt is FORCED_TIMEOUT):
            if own.provisional and held is not None and not held.provisional:
                return self._ignored(session, "draft_after_final", "already_final")
            if (made := _prepared(own)) == held:
                return self._no_change(session, event, own, said, None)
            self._take(session, event, said)
            session.wrapup = made
            return self._applied(session, session.state, "draft" if own.provisional else "saved_without_exit", said)
        if own.code is not None:
            self._take(session, event, said)
            session.wrapup = _final(session, own, at)
            _end_work(session, at, COMPLETE)
            return self._applied(session, session.state, "complete_by_code", said)
        if prompt is FORCED_TIMEOUT:
            return self._refused(session, "skip_no_early_exit", "no_early_exit")
        if prompt is MANDATORY or prompt is TIMEOUT:
            return self._refused(session, "skip_code_required", "code_required")
        self._take(session, event, said)
        if held is not None and held.provisional:
            session.wrapup = None
        _end_work(session, at, SKIPPED)
        _finish(session, at)
        return self._applied(session, session.state, "skipped_by_agent", said)


STALE = "The event is older than what the session has already seen. Use a SessionLog for events in any order."


# --- Values -------------------------------------------------------------------------------------------------------------------


def stated(details: Any) -> Said:
    """Return the details that are not None, by name. `Any`: see the module."""
    if type(details) is Details:  # they know which ones they state
        return {name: getattr(details, name) for name in details.names}
    return {name: value for name, value in zip(DETAILS, read_details(details)) if value is not None}


def _has_ended(session: CobrowseSession) -> bool:
    return session.state is DISCONNECTED or session.state is TERMINATED


def _after(start: datetime, lasts: timedelta | None) -> datetime | None:
    if lasts is None:
        return None
    try:
        return start + lasts
    except OverflowError:
        return None


def _taken(session: CobrowseSession, said: Said, state: ConnectionState | str, *, has_ended: bool) -> Taken:
    """Return the details that the session takes. `state`: the one that the event names, else that of the session."""
    taken = []
    for name, value in said.items():
        if name == "controlling":
            if state is not CONNECTED:
                continue
        elif name == "initial_state":
            if session.initial_state is not None:
                continue
        elif name == "after_call_work_required" and has_ended:
            continue
        taken.append((name, value))
    return taken


def _closed(session: CobrowseSession, at: datetime, how: str) -> tuple[Segment, ...]:
    """Return the segments with the open one closed."""
    segments = tuple(session.segments or ())
    if segments and (last := segments[-1]).end_time is None:
        return (*segments[:-1], _segment(last, at, how, last.disconnect_type))
    return segments


def _close(session: CobrowseSession, at: datetime) -> None:
    """Close the leg: segments, time and grants."""
    if session.segments:
        *earlier, last = session.segments
        end, how = (at, "Disconnect") if last.end_time is None else (last.end_time, last.how_ended)
        session.segments = Segments((*earlier, _segment(last, end, how, session.disconnect_type)))
    if session.disconnected_time is None:
        session.disconnected_time = at
    if session.controlling:
        session.controlling = ()


def _segment(one: Segment, end: datetime | None, how: str | None, disconnect_type: Any) -> Segment:
    return Segment(
        start_time=one.start_time, end_time=end, type=one.type, how_ended=how, disconnect_type=disconnect_type, extra=one.extra
    )


def _set_work(session: CobrowseSession, start: datetime | None, end: datetime | None, state: AfterCallWorkState) -> None:
    work = session.after_call_work
    if work is None:
        session.after_call_work = AfterCallWork(start_time=start, end_time=end, state=state)
    else:
        session.after_call_work = AfterCallWork(start_time=start, end_time=end, state=state, extra=work.extra)


def _end_work(session: CobrowseSession, at: datetime, state: AfterCallWorkState) -> None:
    work = session.after_call_work
    _set_work(session, (work.start_time if work else None) or session.disconnected_time, at, state)


def _prepared(own: Any) -> Wrapup:
    return Wrapup(code=own.code, name=own.name, notes=own.notes, tags=own.tags, provisional=own.provisional)


def _final(session: CobrowseSession, own: Any, end: datetime) -> Wrapup:
    seconds = _seconds(session, end)
    return Wrapup(code=own.code, name=own.name, notes=own.notes, tags=own.tags, duration_seconds=seconds, end_time=end)


def _seconds(session: CobrowseSession, end: datetime) -> int | None:
    since = session.disconnected_time
    return None if since is None else (end - since) // SECOND if end > since else 0


def _finish(session: CobrowseSession, end: datetime) -> None:
    held = session.wrapup
    if held is None:
        return
    if held.end_time is None:
        session.wrapup = _wrapup(held, held.code, held.name, _seconds(session, end), end, provisional=False)
    elif held.provisional:
        session.wrapup = _wrapup(held, held.code, held.name, held.duration_seconds, held.end_time, provisional=False)


def _wrapup(
    held: Wrapup, code: str | None, name: str | None, seconds: int | None, end: datetime | None, *, provisional: bool
) -> Wrapup:
    """Return a wrap-up with the notes and tags of another one."""
    return Wrapup(
        code=code,
        name=name,
        notes=held.notes,
        tags=held.tags,
        duration_seconds=seconds,
        end_time=end,
        provisional=provisional,
        extra=held.extra,
    )


# --- Outcomes -----------------------------------------------------------------------------------------------------------------


def _fired(
    timer: str, row: str, at: datetime, before: ConnectionState | str, session: CobrowseSession, written: tuple[str, ...]
) -> Fired:
    rows, work = row.split("+"), session.after_call_work
    return Fired(
        timer=timer,
        at=at,
        row=row,
        reason=" ".join(WORDS[one][0] for one in rows),
        cites=tuple(rule for one in rows for rule in WORDS[one][1]),
        from_state=before,
        to_state=session.state,
        acw=work.state if work else None,
        set=tuple(sorted(written)),
    )


def _changed(outcome: Outcome, **other: Any) -> Outcome:
    names = ("row", "reason", "from_state", "acw", "cites", "notes", "fired", "to_state", "set", "rule")
    held = {name: getattr(outcome, name) for name in names if hasattr(outcome, name)}
    return type(outcome)(**{**held, **other})


def notes(event: Any, own: Any, said: Said) -> tuple[str, ...]:
    """Return what was kept but not understood, as sentences. `Any`: see the module."""
    found = []
    if event.derived_from is not None:
        found.append(f"time derived from {event.derived_from}")
    if event.provider_time is not None and event.provider_time != event.occurred_at:
        found.append(f"time corrected by {(event.occurred_at - event.provider_time).total_seconds():+.3f} s")
    kind, extra = event.kind, event.extra
    if kind == "unknown":
        return tuple(found)
    if kind in ("disconnected", "terminated"):
        _note_word(found, "disconnectType", own.disconnect_type, DisconnectType)
    elif kind == "acw.ended":
        _note_word(found, "by", own.by, AfterCallWorkEndedBy)
        _note_word(found, "state", own.state, AfterCallWorkState)
    if said:
        _note_word(found, "cobrowseRole", said.get("cobrowse_role"), CobrowseRole)
        _note_word(found, "initialState", said.get("initial_state"), ConnectionState)
    _note_word(found, "wrapupPrompt", event.settings.wrapup_prompt, WrapupPrompt)
    if extra:
        timeouts = [key for key in ("wrapupTimeoutMs", "alertingTimeoutMs") if key in extra]
        found += [f"{key} {_short(extra[key])} is out of bounds, not taken" for key in timeouts]
        if kind == "wrapup" and own.code is None:
            others = sorted(key for key in extra if key not in timeouts)
            found += [f"key {_short(key)} is not read, and the wrap-up has no code" for key in others]
    return tuple(found)


def _note_word(found: list[str], key: str, value: object, known: type) -> None:
    if value is not None and type(value) is not known:
        found.append(f"unknown {key} {str(value)!r}, kept as it came")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
