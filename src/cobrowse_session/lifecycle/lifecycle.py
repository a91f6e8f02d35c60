"""The lifecycle: one event, one session, one outcome. It reads no clock. Time is an argument."""

from copy import copy
from datetime import datetime, timedelta
from functools import lru_cache
from typing import cast

from attrs import evolve, field, frozen

from cobrowse_session.canonical import notes
from cobrowse_session.checks import check_fields, check_not_empty, check_text, shown
from cobrowse_session.errors import RefusedError, SettingsError, StaleError
from cobrowse_session.events import AfterCallWorkTimeout, AlertingTimeout, Event, Timer
from cobrowse_session.lifecycle.actions import settings_count
from cobrowse_session.lifecycle.allowed import Allowed, answers, refusals
from cobrowse_session.lifecycle.decision import Decision, acw_state, fired, outcome_of
from cobrowse_session.lifecycle.machine import machines
from cobrowse_session.lifecycle.outcome import Fired, Outcome, Refused, Stale
from cobrowse_session.lifecycle.policy import (
    DEFAULT_TIMEOUT_CODE,
    TIMED_PROMPTS,
    Policy,
    acw_timeout_in_force,
    alerting_timeout_in_force,
    prompt_in_force,
)
from cobrowse_session.lifecycle.table import LEG_ENDED
from cobrowse_session.model import NO_DETAILS, CobrowseSession, Communication, is_ended
from cobrowse_session.settings import MAX_TIMEOUT, NO_SETTINGS, Settings, check_duration
from cobrowse_session.times import EPOCH, MAX_TIME, utc
from cobrowse_session.vocabulary import AfterCallWorkState, ConnectionState, UnknownPrompt, WrapupPrompt


def _grace(grace: timedelta | None) -> timedelta | None:
    return check_duration("alerting_grace", grace, timedelta(0), MAX_TIMEOUT)


@frozen(kw_only=True, cache_hash=True)
class Lifecycle:
    """The rules of a contact-centre session, applied one event at a time.

    Args:
        settings: the defaults for settings that no event of a session states (SETTING-5).
        acw_when_unanswered: a leg that never connected may have after-call work (ACW-8).
        acw_after_transfer: a transferred leg may have after-call work, like any other (ACW-9).
        alerting_grace: end an unanswered alert this long after its timeout (ALERT-2). 250 ms or more is advised. None: the
            provider ends it.
        timeout_code: the wrap-up code that the timer assigns if the agent saved none (ACW-24). The default is Genesys Cloud's.
        strict: `apply` raises on refused and stale events instead of returning them.

    Raises:
        TypeError: an argument of another type.
        SettingsError: a prompt with a time limit but no timeout, a grace out of range, or an empty timeout code.

    >>> from datetime import UTC
    >>> from cobrowse_session import Alerting
    >>> lifecycle = Lifecycle()
    >>> session = lifecycle.new("s1")
    >>> nine = datetime(2026, 3, 1, 9, tzinfo=UTC)
    >>> lifecycle.apply(session, Alerting(subject="s1", source="/acme", id="e1", occurred_at=nine)).kind
    'applied'
    >>> session.state
    <ConnectionState.ALERTING: 'alerting'>
    """

    settings: Settings = NO_SETTINGS
    acw_when_unanswered: bool = False
    acw_after_transfer: bool = True
    alerting_grace: timedelta | None = field(default=None, converter=_grace)
    timeout_code: str = DEFAULT_TIMEOUT_CODE
    strict: bool = False

    def __attrs_post_init__(self) -> None:
        check_fields(self)
        if not self.timeout_code:
            raise SettingsError("timeout_code", "a wrap-up code", "''")
        if self.settings.wrapup_prompt in TIMED_PROMPTS and self.settings.wrapup_timeout is None:
            expected = f"a timeout, because the prompt {self.settings.wrapup_prompt!s} has a time limit"
            raise SettingsError("wrapup_timeout", expected, "None")

    # --- What a user calls ----------------------------------------------------------------------------------------------------

    def new(self, session_id: str) -> CobrowseSession:
        """Return a session before its first event.

        Args:
            session_id: the id of the communication. Events have it as their `subject`.

        Raises:
            TypeError: it is no text.
            ValueError: it is empty, or has a lone surrogate.
        """
        check_text("session_id", session_id)
        check_not_empty("session_id", session_id)
        return CobrowseSession(id=session_id)

    def apply(self, session: Communication, event: Event) -> Outcome:
        """Apply one event to a session, in place, all or nothing.

        An after-call-work deadline before the event fires first, as in `advance` (OUTCOME-8). The outcome has it in `fired`.

        Args:
            session: changed by an applied event and by a timer only.
            event: events come in order of `occurred_at`, on the corrected provider clock. An older one is stale.

        Returns:
            Exactly one outcome, for every event in every state (OUTCOME-1).

        Raises:
            ValueError: the event is of another session.
            RefusedError: refused, and this lifecycle is strict.
            StaleError: stale, and this lifecycle is strict.
        """
        timers = self.fire_before(session, event)
        outcome = self._stale(session, event) or self.decide(session, event)
        if timers:
            outcome = evolve(outcome, fired=timers)
        if self.strict and isinstance(outcome, Refused):
            raise RefusedError(event.subject, f"{event.type} {event.id!r}", outcome)
        if self.strict and isinstance(outcome, Stale):
            raise StaleError(event.subject, f"{event.type} {event.id!r}", outcome)
        return outcome

    def advance(self, session: Communication, now: datetime) -> tuple[Fired, ...]:
        """Fire the timers that are due at `now`, in order, each at its own deadline.

        Args:
            session: changed by the timers.
            now: corrected provider clock. Advice for live use: some seconds ago.

        Returns:
            The timers that fired, in order. None if none is due.

        Raises:
            TypeError: `now` is naive.
        """
        now = utc(now)
        done = []
        due = self.deadline(session)
        while due is not None and due <= now:
            done.append(self._fire(session, due))
            if (following := self.deadline(session)) == due:
                raise RuntimeError(
                    f"session {session.id!r}: row {done[-1].row!r} leaves its own deadline {due}, which would fire for ever"
                )
            due = following
        return tuple(done)

    def deadline(self, session: Communication) -> datetime | None:
        """Return the next deadline, on the corrected provider clock. None: there is none. It is derived and never stored."""
        due = [time for time in (self._acw_deadline(session), self._alert_deadline(session)) if time is not None]
        return min(due, default=None)

    def allowed(self, session: Communication, now: datetime) -> tuple[Allowed, ...]:
        """Return which kinds of event would be applied `now`: yes, no with the rule, or depends on their content.

        Args:
            session: not changed.
            now: corrected provider clock. An after-call-work deadline before it counts as fired.

        Raises:
            TypeError: `now` is naive.
        """
        now = utc(now)
        then = copy(session)
        if (due := self._acw_deadline(then)) is not None and due < now:
            self._fire(then, due)
        if now < _latest(then):
            return refusals(Stale.kind, _STALE)
        return answers(then, self.policy(then))

    # --- What a log calls -----------------------------------------------------------------------------------------------------

    def fire_before(self, session: Communication, event: Event) -> tuple[Fired, ...]:
        """Fire the after-call-work deadline if it is before an event. At the same instant, the event comes first (ACW-26).

        Raises:
            ValueError: the event is of another session.
        """
        if not isinstance(event, Event):
            raise TypeError(f"expected an Event (decode_event reads one from CloudEvents JSON), found {shown(event)}")
        if event.subject != session.id:
            raise ValueError(f"expected an event of session {session.id!r}, found one of {event.subject!r}")
        due = self._acw_deadline(session)
        # Only the after-call-work deadline. An alerting deadline before the event must not fire, because the event shows that the
        # leg went on (TIMER-4). One is enough: a fired timer leaves no deadline of its own.
        return (self._fire(session, due),) if due is not None and due < event.occurred_at else ()

    def decide(self, session: Communication, event: Event | Timer) -> Outcome:
        """Return the outcome that the table decides, for an event in order. No timer fires, and it is never stale.

        Args:
            session: changed, if the event is applied.
            event: an event of this session that is not stale, or a timer.
        """
        before = session.state
        was_ended = is_ended(session)
        triggers = machines().triggers
        decision: Decision = (triggers[event.kind].decide(session, event, self.policy_for(session, event)),)
        if is_ended(session) and not was_ended:
            # `policy`, not `policy_for`: the first row has taken the settings of the event. They are the session's now.
            decision += (triggers[LEG_ENDED].decide(session, event, self.policy(session)),)
        if isinstance(event, Timer):
            return fired(decision, before, session, event)
        details = tuple(name for name, _ in event.details.items()) if event.details is not NO_DETAILS else ()
        outcome = outcome_of(decision, before, session.state, acw_state(session), details)
        return evolve(outcome, notes=noted) if (noted := notes(event)) else outcome

    def policy(self, session: Communication) -> Policy:
        """Return the policy of a session: its own settings over the defaults."""
        return _policy(_known(session.settings), self)

    def policy_for(self, session: Communication, event: Event | Timer) -> Policy:
        """Return the policy for an event: its settings are in force already, if they count (SAME-1)."""
        if isinstance(event, Timer) or event.settings is NO_SETTINGS or not settings_count(session, event):
            return _policy(_known(session.settings), self)
        return _policy(_known(event.settings.with_defaults(session.settings)), self)

    # --- Within ---------------------------------------------------------------------------------------------------------------

    def _acw_deadline(self, session: Communication) -> datetime | None:
        work = session.after_call_work
        if work is None or work.state != AfterCallWorkState.PENDING or work.start_time is None:
            return None
        lasts = self.policy(session).acw_timeout
        return _after(work.start_time, lasts)

    def _alert_deadline(self, session: Communication) -> datetime | None:
        if session.state != ConnectionState.ALERTING or not session.segments or session.segments[-1].start_time is None:
            return None
        lasts = self.policy(session).alerting_timeout
        return _after(session.segments[-1].start_time, lasts)

    def _fire(self, session: Communication, due: datetime) -> Fired:
        timer = AfterCallWorkTimeout if due == self._acw_deadline(session) else AlertingTimeout
        return cast(Fired, self.decide(session, timer(subject=session.id or "", occurred_at=due)))

    def _stale(self, session: Communication, event: Event) -> Stale | None:
        if event.occurred_at >= _latest(session):
            return None
        return Stale(row=None, reason=_STALE, from_state=session.state, acw=acw_state(session), notes=notes(event))


def timer_of(outcome: Fired, session: Communication) -> Timer:
    """Return the timer that fired, for a trace."""
    timer = AlertingTimeout if outcome.timer == AlertingTimeout.kind else AfterCallWorkTimeout
    return timer(subject=session.id or "", occurred_at=outcome.at)


_STALE = "The event is older than what the session has already seen. Use a SessionLog for events in any order."


def _after(start: datetime, lasts: timedelta | None) -> datetime | None:
    """Return a deadline. None: there is no limit, or it is beyond `MAX_TIME`."""
    return None if lasts is None or lasts > MAX_TIME - start else start + lasts


def _latest(session: Communication) -> datetime:
    """Return the time before which an event is stale (OUTCOME-4)."""
    ended = session.after_call_work.end_time if session.after_call_work else None
    return max(filter(None, (session.provider_event_time, session.disconnected_time, ended)), default=EPOCH)


def _known(settings: Settings) -> Settings:
    """Return settings whose prompt is known. An unknown one behaves as optional (SETTING-6), and may be too long for a cache."""
    if type(settings.wrapup_prompt) is not UnknownPrompt:
        return settings
    return evolve(settings, wrapup_prompt=WrapupPrompt.OPTIONAL)


@lru_cache(maxsize=4096)
def _policy(own: Settings, lifecycle: Lifecycle) -> Policy:
    settings = own.with_defaults(lifecycle.settings)
    return Policy(
        prompt=prompt_in_force(settings),
        acw_timeout=acw_timeout_in_force(settings),
        alerting_timeout=alerting_timeout_in_force(settings, lifecycle.alerting_grace),
        acw_when_unanswered=lifecycle.acw_when_unanswered,
        acw_after_transfer=lifecycle.acw_after_transfer,
        timeout_code=lifecycle.timeout_code,
    )
