"""The lifecycle: one event, one session, one outcome. It reads no clock. Time is an argument."""

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from typing import Any, Generic, cast

import attrs
from attrs import evolve, field, frozen

from cobrowse_session.canonical import notes
from cobrowse_session.checks import check_fields, check_not_empty, check_text, shown
from cobrowse_session.errors import RefusedError, SettingsError, StaleError
from cobrowse_session.events import Event, Timer, UnknownEvent
from cobrowse_session.lifecycle.actions import settings_count
from cobrowse_session.lifecycle.allowed import Allowed, answers, refusals
from cobrowse_session.lifecycle.deadline import Deadline
from cobrowse_session.lifecycle.decision import Decision, acw_state, fired, outcome_of
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.lifecycle.machine import Machines, Trigger, machines
from cobrowse_session.lifecycle.outcome import Applied, Fired, Outcome, Refused, Stale
from cobrowse_session.lifecycle.own_values import is_own
from cobrowse_session.lifecycle.policy import (
    DEFAULT_TIMEOUT_CODE,
    TIMED_PROMPTS,
    Policy,
    acw_timeout_in_force,
    alerting_timeout_in_force,
    prompt_in_force,
)
from cobrowse_session.lifecycle.table import LEG_ENDED
from cobrowse_session.model import Communication, S_co
from cobrowse_session.settings import MAX_TIMEOUT, NO_SETTINGS, Settings, check_duration
from cobrowse_session.times import EPOCH, utc
from cobrowse_session.vocabulary import UnknownPrompt, WrapupPrompt


def _grace(grace: timedelta | None) -> timedelta | None:
    return check_duration("alerting_grace", grace, timedelta(0), MAX_TIMEOUT)


@frozen
class _Following:
    """A timer that is due next, and when, on the corrected provider clock."""

    timer: type[Timer]
    at: datetime


class _Due:
    """A deadline, with the states in which it can fire: those that have rows for it."""

    __slots__ = ("due", "is_last_resort", "state_of", "states", "timer")

    def __init__(self, deadline: Deadline, built: Machines) -> None:
        self.timer, self.due, self.is_last_resort = deadline.timer, deadline.at, deadline.last_resort
        self.state_of = built.of_kind(deadline.timer.kind).state_of
        self.states = frozenset(built.triggers[deadline.timer.kind].transitions)


@frozen(kw_only=True, cache_hash=True)
class Lifecycle(Generic[S_co]):
    """The rules of a contact-centre session, applied one event at a time.

    Args:
        settings: the defaults for settings that no event of a session states (SETTING-5).
        acw_when_unanswered: a leg that never connected may have after-call work (ACW-8).
        acw_after_transfer: a transferred leg may have after-call work, like any other (ACW-9).
        alerting_grace: end an unanswered alert this long after its timeout (ALERT-2). 250 ms or more is advised. None: the
            provider ends it.
        timeout_code: the wrap-up code that the timer assigns if the agent saved none (ACW-24). The default is Genesys Cloud's.
        strict: `apply` raises on refused and stale events instead of returning them.
        table: the table of rows. It may have kinds of event, states and rows of your own: `Table.standard().extended(...)`.

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
    table: Table[S_co] = field(factory=cast(Callable[[], Table[S_co]], Table.standard))
    # They follow from the rest, so they are in neither equality nor pickle.
    machines: Machines = field(init=False, eq=False, repr=False)
    _due: tuple[_Due, ...] = field(init=False, eq=False, repr=False)
    _between: tuple[_Due, ...] = field(init=False, eq=False, repr=False)
    _careful: frozenset[str] = field(init=False, eq=False, repr=False)
    _policies: dict[Settings, Policy] = field(init=False, eq=False, repr=False)
    _triggers: Mapping[str, Trigger] = field(init=False, eq=False, repr=False)
    _ended: frozenset[str] = field(init=False, eq=False, repr=False)
    _kinds: Mapping[str, type[Event]] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        check_fields(self)
        if not self.timeout_code:
            raise SettingsError("timeout_code", "a wrap-up code", "''")
        if self.settings.wrapup_prompt in TIMED_PROMPTS and self.settings.wrapup_timeout is None:
            expected = f"a timeout, because the prompt {self.settings.wrapup_prompt!s} has a time limit"
            raise SettingsError("wrapup_timeout", expected, "None")
        built = machines(self.table)
        object.__setattr__(self, "machines", built)
        due = tuple(_Due(deadline, built) for deadline in self.table.deadlines)
        object.__setattr__(self, "_due", due)
        object.__setattr__(self, "_between", tuple(one for one in due if not one.is_last_resort))
        object.__setattr__(self, "_careful", _with_own_code(self.table))
        object.__setattr__(self, "_policies", {})
        object.__setattr__(self, "_triggers", built.triggers)
        object.__setattr__(self, "_ended", self.table.states.ended)
        object.__setattr__(self, "_kinds", self.table.kinds)

    def __reduce__(self) -> tuple[object, ...]:
        return _lifecycle, ({name: getattr(self, name) for name in _ARGUMENTS},)

    # --- What a user calls ----------------------------------------------------------------------------------------------------

    def new(self, session_id: str) -> S_co:
        """Return a session before its first event.

        Args:
            session_id: the id of the communication. Events have it as their `subject`.

        Raises:
            TypeError: it is no text.
            ValueError: it is empty, or has a lone surrogate.
        """
        check_text("session_id", session_id)
        check_not_empty("session_id", session_id)
        return self.table.session(id=session_id)

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
        self.check_event(event, session.id)
        # A copy costs a third of a step. So it is made only where code of a user's own may raise after the first write.
        is_due = self._is_due(session, event.occurred_at)
        before = copy(session) if is_due or event.kind in self._careful else None
        try:
            timers = self._fire_until(session, event.occurred_at) if is_due else ()
            outcome = self._stale(session, event) if event.occurred_at < _latest(session) else self.decide(session, event)
        except BaseException:
            if before is not None:
                _restore(session, before)
            raise
        if timers:
            outcome = evolve(outcome, fired=timers)
        if self.strict:
            _raise(outcome, event)
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
        following = self._next(session, self._due)
        if following is None or following.at > now:
            return ()
        done: list[Fired] = []
        before = copy(session)
        try:
            while following is not None and following.at <= now:
                done.append(self._fire(session, following))
                following = self._after(session, done, self._due)
        except BaseException:
            _restore(session, before)
            raise
        return tuple(done)

    def deadline(self, session: Communication) -> datetime | None:
        """Return the next deadline, on the corrected provider clock. None: there is none. It is derived and never stored."""
        following = self._next(session, self._due)
        return None if following is None else following.at

    def allowed(self, session: Communication, now: datetime) -> tuple[Allowed, ...]:
        """Return which kinds of event would be applied `now`: yes, no with the rule, or depends on their content.

        Args:
            session: not changed.
            now: corrected provider clock. A deadline before it counts as fired, unless it is a last resort.

        Raises:
            TypeError: `now` is naive.
        """
        now = utc(now)
        then = copy(session)
        self._fire_until(then, now)
        if now < _latest(then):
            return refusals(Stale.kind, _STALE, self.table)
        return answers(then, self.policy(then), self.table)

    # --- What a log calls -----------------------------------------------------------------------------------------------------

    def check_event(self, event: Event, session_id: str | None) -> None:
        """Check that an event is of this session and of a class that the table has.

        Raises:
            TypeError: it is no event, or of a class that the table does not have.
            ValueError: it is of another session, or its type has a class.
        """
        if self._kinds.get(getattr(event, "kind", "")) is not type(event):
            if not isinstance(event, Event):
                raise TypeError(f"expected an Event (decode_event reads one from CloudEvents JSON), found {shown(event)}")
            known = ", ".join(one.__name__ for one in self.table.events)
            expected = f"an event of a class that the table {self.table.name!r} has: {known}"
            raise TypeError(f"expected {expected}, found {type(event).__name__}; Table.extended(kinds=...) adds a class")
        if event.subject != session_id:
            raise ValueError(f"expected an event of session {session_id!r}, found one of {event.subject!r}")
        if type(event) is UnknownEvent and event.type in self.table.types:
            raise ValueError(f"expected {self.table.types[event.type].__name__} for the type {event.type}, found an UnknownEvent")

    def timer_of(self, session: Communication, outcome: Fired) -> Timer:
        """Return the timer that fired, for a trace."""
        return self.table.timers[outcome.timer](subject=session.id or "", occurred_at=outcome.at)

    def fire_before(self, session: Communication, event: Event) -> tuple[Fired, ...]:
        """Fire the deadlines before an event. At the same instant, the event comes first (ACW-26)."""
        for one in self._between:
            if one.state_of(session) in one.states:
                return self._fire_until(session, event.occurred_at)
        return ()  # as for most events

    def last_resort_in(self, trace: Iterable[Event | Timer]) -> int:
        """Return the place of the first timer in a trace that fires only where no event follows, or the length of the trace."""
        place = 0
        for place, event in enumerate(trace, 1):
            if self.is_last_resort_timer(event):
                return place - 1
        return place

    def is_last_resort_timer(self, event: Event | Timer) -> bool:
        """Return whether an entry of a trace is such a timer."""
        return any(one.is_last_resort and one.timer is type(event) for one in self._due)

    def decide(self, session: Communication, event: Event | Timer) -> Outcome:
        """Return the outcome that the table decides, for an event in order. No timer fires, and it is never stale.

        Args:
            session: changed, if the event is applied.
            event: an event of this session that is not stale, or a timer.
        """
        before = session.state
        decision: Decision = (self._triggers[event.kind].decide(session, event, self.policy_for(session, event)),)
        after = session.state
        if after is not before and after in self._ended and before not in self._ended:
            # `policy`, not `policy_for`: the first row has taken the settings of the event. They are the session's now.
            decision += (self._triggers[LEG_ENDED].decide(session, event, self.policy(session)),)
        if isinstance(event, Timer):
            return fired(decision, before, session, event)
        work = session.after_call_work
        outcome = outcome_of(decision, before, after, work and work.state, event.details.names)
        return evolve(outcome, notes=noted) if (noted := notes(event)) else outcome

    def decide_again(self, session: Communication, event: Event | Timer, outcome: Outcome) -> None:
        """Write once more what was decided about an event, without asking again.

        Args:
            session: as it was before the event.
            event: the event, or the timer.
            outcome: its outcome.

        Raises:
            LookupError: the table has no such row in this state.
        """
        if not isinstance(outcome, Applied):
            return
        first, _, second = (outcome.row or "").partition("+")
        self._triggers[event.kind].decide_again(first, session, event, self.policy_for(session, event))
        if second:
            self._triggers[LEG_ENDED].decide_again(second, session, event, self.policy(session))

    def policy(self, session: Communication) -> Policy:
        """Return the policy of a session: its own settings over the defaults."""
        return self._policies.get(session.settings) or self._policy(session.settings)

    def policy_for(self, session: Communication, event: Event | Timer) -> Policy:
        """Return the policy for an event: its settings are in force already, if they count (SAME-1)."""
        policy = self._policies.get(session.settings) or self._policy(session.settings)
        if isinstance(event, Timer) or event.settings is NO_SETTINGS or not settings_count(session, event, policy):
            return policy
        settings = event.settings.with_defaults(session.settings)
        return self._policies.get(settings) or self._policy(settings)

    # --- Within ---------------------------------------------------------------------------------------------------------------

    def _is_due(self, session: Communication, moment: datetime) -> bool:
        """Return whether a timer fires before a moment at which the leg goes on."""
        for one in self._between:
            if one.state_of(session) in one.states:
                at = self._due_at(one, session, session.provider_event_time)
                if at is not None and at < moment:
                    return True
        return False  # as for most events

    def _policy(self, own: Settings) -> Policy:
        """Return the policy of settings, and keep it: a service has few queues."""
        if type(own.wrapup_prompt) is UnknownPrompt:  # it behaves as optional (SETTING-6), and may be too long to be kept
            own = evolve(own, wrapup_prompt=WrapupPrompt.OPTIONAL)
        settings = own.with_defaults(self.settings)
        policy = Policy(
            prompt=prompt_in_force(settings),
            acw_timeout=acw_timeout_in_force(settings),
            alerting_timeout=alerting_timeout_in_force(settings, self.alerting_grace),
            acw_when_unanswered=self.acw_when_unanswered,
            acw_after_transfer=self.acw_after_transfer,
            timeout_code=self.timeout_code,
            states=self.table.states,
        )
        if len(self._policies) < _MOST_POLICIES:
            self._policies[own] = policy
        return policy

    def _next(self, session: Communication, timers: Iterable[_Due], since: datetime | None = None) -> _Following | None:
        """Return the timer that is due next. Of two at one instant, the one that the table has first."""
        since = since or session.provider_event_time
        found: _Following | None = None
        for one in timers:
            if one.state_of(session) in one.states:
                at = self._due_at(one, session, since)
                if at is not None and (found is None or at < found.at):
                    found = _Following(one.timer, at)
        return found

    def _due_at(self, one: _Due, session: Communication, since: datetime | None) -> datetime | None:
        """Return when a timer is due, at the earliest at the last event. None: never."""
        at = one.due(session, self.policy(session))
        # A deadline of a table's own may have passed when an event makes it known. Example: an event of 09:00:20 cuts a limit to
        # 09:00:05. If the timer fired at 09:00:05, it would stand before events that did not know of it.
        return since if at is not None and since is not None and at < since and not one.is_last_resort else at

    def _after(self, session: Communication, done: list[Fired], timers: Iterable[_Due]) -> _Following | None:
        """Return the timer that is due after those that fired.

        Raises:
            RuntimeError: it has fired already, at the same instant.
        """
        following = self._next(session, timers, done[-1].at)
        if following is not None:
            at_once = takewhile(lambda one: one.at == following.at, reversed(done))
            if following.timer.kind in [one.timer for one in at_once]:
                kind, at = following.timer.kind, following.at
                raise RuntimeError(f"session {session.id!r}: {kind} leaves its own deadline {at}: it would fire for ever")
        return following

    def _fire_until(self, session: Communication, moment: datetime) -> tuple[Fired, ...]:
        """Fire what is due before a moment at which the leg went on. So the last resorts do not fire (TIMER-4)."""
        following = self._next(session, self._between)
        if following is None or following.at >= moment:
            return ()
        # Several may fire, for a table may have deadlines of its own. Example, with the table of `examples/tables/pause.py`: the
        # agent pauses after-call work at 09:01:10 and is not heard of again. The pause ends after-call work at 09:16:10. The
        # standard table has one deadline in between, which leaves none behind.
        done: list[Fired] = []
        while following is not None and following.at < moment:
            done.append(self._fire(session, following))
            following = self._after(session, done, self._between)
        return tuple(done)

    def _fire(self, session: Communication, due: _Following) -> Fired:
        return cast(Fired, self.decide(session, due.timer(subject=session.id or "", occurred_at=due.at)))

    def _stale(self, session: Communication, event: Event) -> Stale:
        return Stale(row=None, reason=_STALE, from_state=session.state, acw=acw_state(session), notes=notes(event))


def _raise(outcome: Outcome, event: Event) -> None:
    if isinstance(outcome, Refused):
        raise RefusedError(event.subject, f"{event.type} {event.id!r}", outcome)
    if isinstance(outcome, Stale):
        raise StaleError(event.subject, f"{event.type} {event.id!r}", outcome)


_STALE = "The event is older than what the session has already seen. Use a SessionLog for events in any order."


def _latest(session: Communication) -> datetime:
    """Return the time before which an event is stale (OUTCOME-4)."""
    latest = session.provider_event_time or EPOCH
    if session.disconnected_time is not None and session.disconnected_time > latest:
        latest = session.disconnected_time
    work = session.after_call_work
    return work.end_time if work is not None and work.end_time is not None and work.end_time > latest else latest


@lru_cache(maxsize=64)
def _with_own_code(table: Table) -> frozenset[str]:
    """Return the kinds of event for which code of a user's own is called after the first write."""
    built = machines(table)
    # The end of a leg is a write. The guards of after-call work are asked behind it.
    asks = any(is_own(part) for one in built.triggers[LEG_ENDED].all_transitions() for part in (*one.row.guards, *one.actions))
    ended = table.states.ended if asks else ()
    return frozenset(
        kind
        for kind, trigger in built.triggers.items()
        if any(one.dest in ended or any(map(is_own, one.actions)) for one in trigger.all_transitions())
    )


def _restore(session: Communication, before: Communication) -> None:
    """Let a session be what it was."""
    cls: type = type(session)
    for attribute in attrs.fields(cls):
        setattr(session, attribute.name, getattr(before, attribute.name))


_MOST_POLICIES = 4096
_ARGUMENTS = tuple(attribute.name for attribute in attrs.fields(Lifecycle) if attribute.init)


def _lifecycle(arguments: dict[str, Any]) -> Lifecycle:  # `Any`: the arguments' types differ
    return Lifecycle(**arguments)
