"""The step: one event, one session, one outcome. Nothing here reads a clock. Time is an argument."""

from copy import copy
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal, TypedDict, cast

from attrs import evolve, field, frozen

from cobrowse_session.canonical import notes
from cobrowse_session.checks import check_fields, check_not_empty, check_text, shown
from cobrowse_session.errors import RefusedError, SettingsError, StaleError
from cobrowse_session.events import KINDS, AfterCallWorkTimeout, AlertingTimeout, Event, Timer, UnknownEvent
from cobrowse_session.lifecycle.actions import settings_count
from cobrowse_session.lifecycle.machine import RowTransition, machines
from cobrowse_session.lifecycle.outcome import Applied, Duplicate, Fired, Ignored, Outcome, Refused, Stale
from cobrowse_session.lifecycle.row import WRAPUP_TIMED_OUT, Guard, Policy, Row, RowOutcome, reads_the_event
from cobrowse_session.lifecycle.table import LEG_ENDED
from cobrowse_session.model import NO_DETAILS, CobrowseSession, Communication, is_ended
from cobrowse_session.settings import MAX_TIMEOUT, NO_SETTINGS, Settings, check_duration
from cobrowse_session.times import EPOCH, MAX_TIME, utc
from cobrowse_session.vocabulary import AfterCallWorkState, ConnectionState, UnknownPrompt, WrapupPrompt

_LIMITED = (WrapupPrompt.TIMEOUT, WrapupPrompt.FORCED_TIMEOUT)


@frozen
class Allowed:
    """The answer to whether events of one kind would be applied now.

    Attributes:
        event: the kind of event.
        answer: `yes`; `no`; or `depends`: on what the event says.
        rules: the names of the rules that say no, or might; `duplicate` and `stale` among them.
        reasons: the same for a person.
    """

    event: type[Event]
    answer: Literal["yes", "no", "depends"]
    rules: tuple[str, ...]
    reasons: tuple[str, ...]


def _grace(grace: timedelta | None) -> timedelta | None:
    return check_duration("alerting_grace", grace, timedelta(0), MAX_TIMEOUT)


@frozen(kw_only=True, cache_hash=True)
class Lifecycle:
    """The rules of a contact-centre session, applied one event at a time.

    Args:
        settings: the queue's rules for what a session's own events leave unset.
        acw_when_unanswered: a leg that never connected may have after-call work, too [O: rare].
        acw_after_transfer: a transferred leg may have after-call work like any other [D, O].
        alerting_grace: end an unanswered alert this long after its timeout; None: leave that to the provider [O]. Advice:
            250 ms or more.
        timeout_code: the wrap-up code that the timer assigns if the agent saved none. The default is Genesys Cloud's own [D].
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
    timeout_code: str = WRAPUP_TIMED_OUT
    strict: bool = False

    def __attrs_post_init__(self) -> None:
        check_fields(self)
        if not self.timeout_code:
            raise SettingsError("timeout_code", "a wrap-up code", "''")
        if self.settings.wrapup_prompt in _LIMITED and self.settings.wrapup_timeout is None:
            expected = f"a timeout, because the prompt {self.settings.wrapup_prompt!s} has a time limit"
            raise SettingsError("wrapup_timeout", expected, "None")

    # --- What a user calls ----------------------------------------------------------------------------------------------------

    def new(self, session_id: str) -> CobrowseSession:
        """A session before its first event.

        Args:
            session_id: the communication's id; events name it as their `subject`.

        Raises:
            TypeError: it is no text.
            ValueError: it is empty, or has a lone surrogate.
        """
        check_text("session_id", session_id)
        check_not_empty("session_id", session_id)
        return CobrowseSession(id=session_id)

    def apply(self, session: Communication, event: Event) -> Outcome:
        """Apply one event to a session, in place, all or nothing.

        An after-call-work deadline before the event fires first, exactly as `advance` would; the outcome lists it in `fired`.

        Args:
            session: changed by an applied event and by a timer, by nothing else.
            event: events are taken in order of `occurred_at`, the corrected provider clock; an older one is stale.

        Returns:
            Exactly one outcome, for every event in every state (OUTCOME-1).

        Raises:
            ValueError: the event is of another session.
            RefusedError: refused, and this lifecycle is strict.
            StaleError: stale, and this lifecycle is strict.
        """
        fired = self.fire_before(session, event)
        outcome = self._stale(session, event) or self.decide(session, event)
        if fired:
            outcome = evolve(outcome, fired=fired)
        if self.strict and isinstance(outcome, Refused):
            raise RefusedError(event.subject, f"{event.type} {event.id!r}", outcome)
        if self.strict and isinstance(outcome, Stale):
            raise StaleError(event.subject, f"{event.type} {event.id!r}", outcome)
        return outcome

    def advance(self, session: Communication, now: datetime) -> tuple[Fired, ...]:
        """Fire what is due at `now`, in order, each timer at its own instant.

        Args:
            session: changed by the timers.
            now: corrected provider clock; advice for live use: some seconds ago.

        Returns:
            What fired, in order; nothing where nothing is due, or `now` lies in the past.

        Raises:
            TypeError: `now` is naive.
        """
        now = utc(now)
        fired = []
        due = self.deadline(session)
        while due is not None and due <= now:
            fired.append(self._fire(session, due))
            if (following := self.deadline(session)) == due:
                raise RuntimeError(
                    f"session {session.id!r}: row {fired[-1].row!r} leaves its own deadline {due}, which would fire for ever"
                )
            due = following
        return tuple(fired)

    def deadline(self, session: Communication) -> datetime | None:
        """Return when `advance` has something to do next, on the corrected provider clock. None: never. Derived, never stored."""
        due = [time for time in (self._acw_deadline(session), self._alert_deadline(session)) if time is not None]
        return min(due, default=None)

    def allowed(self, session: Communication, now: datetime) -> tuple[Allowed, ...]:
        """Return which kinds of event would be applied `now`: yes, no with the rule, or it depends on their content.

        Args:
            session: left as it is.
            now: corrected provider clock. An after-call-work deadline before it counts as fired.

        Raises:
            TypeError: `now` is naive.
        """
        now = utc(now)
        then = copy(session)
        if (due := self._acw_deadline(then)) is not None and due < now:
            self._fire(then, due)
        kinds = (event for event in KINDS.values() if event is not UnknownEvent)
        if now < _latest(then):
            return tuple(Allowed(event, "no", (Stale.kind,), (_STALE,)) for event in kinds)
        return tuple(self._allowed(then, event) for event in kinds)

    # --- What a log calls -----------------------------------------------------------------------------------------------------

    def fire_before(self, session: Communication, event: Event) -> tuple[Fired, ...]:
        """Fire the after-call-work deadline where it lies before an event; one at the same instant comes after it.

        Raises:
            ValueError: the event is of another session.
        """
        if not isinstance(event, Event):
            raise TypeError(f"expected an Event (decode_event reads one from CloudEvents JSON), found {shown(event)}")
        if event.subject != session.id:
            raise ValueError(f"expected an event of session {session.id!r}, found one of {event.subject!r}")
        due = self._acw_deadline(session)
        return (self._fire(session, due),) if due is not None and due < event.occurred_at else ()

    def decide(self, session: Communication, event: Event | Timer) -> Outcome:
        """Let the table decide about an event that is in order. It is never stale nor strict, and no timer fires.

        Args:
            session: changed, if the event is applied.
            event: an event of this session, not older than what it has seen.
        """
        before = session.state
        was_ended = is_ended(session)
        triggers = machines().triggers
        cells: tuple[RowTransition, ...] = (triggers[event.kind].decide(session, event, self.policy_for(session, event)),)
        if is_ended(session) and not was_ended:
            cells += (triggers[LEG_ENDED].decide(session, event, self.policy(session)),)
        if isinstance(event, Timer):
            return _fired(cells, before, session, event)
        said = tuple(name for name, _ in event.details.items()) if event.details is not NO_DETAILS else ()
        outcome = _outcome(cells, before, session.state, _acw(session), said)
        return evolve(outcome, notes=noted) if (noted := notes(event)) else outcome

    def policy(self, session: Communication) -> Policy:
        """Return the rules in force for a session: its own settings over the defaults."""
        return _policy(_known(session.settings), self)

    def policy_for(self, session: Communication, event: Event | Timer) -> Policy:
        """Return the rules by which an event is decided: its settings are in force, if they count."""
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
        lasts = self.policy(session).alerting_timeout_and_grace
        return _after(session.segments[-1].start_time, lasts)

    def _fire(self, session: Communication, due: datetime) -> Fired:
        timer = AfterCallWorkTimeout if due == self._acw_deadline(session) else AlertingTimeout
        return cast(Fired, self.decide(session, timer(subject=session.id or "", occurred_at=due)))

    def _stale(self, session: Communication, event: Event) -> Stale | None:
        if event.occurred_at >= _latest(session):
            return None
        return Stale(row=None, reason=_STALE, from_state=session.state, acw=_acw(session), notes=notes(event))

    def _allowed(self, session: Communication, event: type[Event]) -> Allowed:
        possible = self._possible(session, event)
        no = [row for row in possible if not row.is_applied]
        answer: Literal["yes", "no", "depends"] = "yes" if not no else "no" if len(no) == len(possible) else "depends"
        rules = dict.fromkeys(row.result.rule or row.result.kind for row in no)  # type: ignore[union-attr]  # a verdict, or it were applied
        return Allowed(event, answer, tuple(rules), tuple(dict.fromkeys(row.reason for row in no)))

    def _possible(self, session: Communication, event: type[Event]) -> list[Row]:
        """The rows that could decide, as far as can be said before the event is there."""
        possible: list[Row] = []
        asked: list[frozenset[Guard]] = []
        for row in machines().rows(event.kind, session):
            of_event = frozenset(filter(reads_the_event, row.guards))
            if any(earlier <= of_event for earlier in asked):
                continue  # an event that meets this row has met an earlier one
            if all(guard(session, None, self.policy(session)) for guard in row.guards if guard not in of_event):
                possible.append(row)
                asked.append(of_event)
        return possible


def timer_of(fired: Fired, session: Communication) -> Timer:
    """The timer that fired, as it stands in a trace."""
    timer = AlertingTimeout if fired.timer == AlertingTimeout.kind else AfterCallWorkTimeout
    return timer(subject=session.id or "", occurred_at=fired.at)


_STALE = "It occurred before something that this session has already seen; the step takes events in order."


def _after(start: datetime, lasts: timedelta | None) -> datetime | None:
    """Return a deadline. One beyond the end of time never comes."""
    return None if lasts is None or lasts > MAX_TIME - start else start + lasts


def _latest(session: Communication) -> datetime:
    """Return the time that an event must not be older than. Equal is not older."""
    ended = session.after_call_work.end_time if session.after_call_work else None
    return max(filter(None, (session.provider_event_time, session.disconnected_time, ended)), default=EPOCH)


def _acw(session: Communication) -> AfterCallWorkState | str | None:
    return session.after_call_work.state if session.after_call_work else None


def _known(settings: Settings) -> Settings:
    """Return settings whose prompt is known. An unknown one behaves as optional, and may be too long to be kept in a cache."""
    if type(settings.wrapup_prompt) is not UnknownPrompt:
        return settings
    return evolve(settings, wrapup_prompt=WrapupPrompt.OPTIONAL)


@lru_cache(maxsize=4096)
def _policy(own: Settings, lifecycle: Lifecycle) -> Policy:
    settings = own.with_defaults(lifecycle.settings)
    prompt = settings.wrapup_prompt
    if prompt in (None, WrapupPrompt.NONE):
        effective = None
    elif prompt in _LIMITED and settings.wrapup_timeout is None:
        effective = WrapupPrompt.MANDATORY
    else:
        effective = prompt if isinstance(prompt, WrapupPrompt) else WrapupPrompt.OPTIONAL
    has_limit = effective in (*_LIMITED, WrapupPrompt.AGENT_REQUESTED)
    alert, grace = settings.alerting_timeout, lifecycle.alerting_grace
    return Policy(
        prompt=effective,
        acw_timeout=settings.wrapup_timeout if has_limit else None,
        alerting_timeout_and_grace=None if alert is None or grace is None else alert + grace,
        acw_when_unanswered=lifecycle.acw_when_unanswered,
        acw_after_transfer=lifecycle.acw_after_transfer,
        timeout_code=lifecycle.timeout_code,
    )


@lru_cache(maxsize=4096)
def _outcome(
    cells: tuple[RowTransition, ...],
    before: ConnectionState | str,
    after: ConnectionState | str,
    acw: AfterCallWorkState | str | None,
    said: tuple[str, ...],
) -> Outcome:
    """The outcome of one row, or of two where the leg ended. Shared by all that read the same; building one is dear."""
    verdict = cells[0].row.result
    common = _Common(row=_name(cells), reason=_reason(cells), from_state=before, acw=acw)
    match verdict:
        case RowOutcome("ignored", str(rule)):
            return Ignored(rule=rule, **common)
        case RowOutcome("refused", str(rule)):
            return Refused(rule=rule, **common)
        case RowOutcome("duplicate"):
            return Duplicate(**common)
        case _:
            return Applied(to_state=after, set=_set(cells, said), **common)


def _fired(cells: tuple[RowTransition, ...], before: ConnectionState | str, session: Communication, timer: Timer) -> Fired:
    return Fired(
        timer=timer.kind,
        at=timer.occurred_at,
        row=_name(cells),
        reason=_reason(cells),
        from_state=before,
        to_state=session.state,
        acw=_acw(session),
        set=_set(cells, ()),
    )


class _Common(TypedDict):
    row: str
    reason: str
    from_state: ConnectionState | str
    acw: AfterCallWorkState | str | None


def _name(cells: tuple[RowTransition, ...]) -> str:
    """An event that ends the leg is decided by two rows: `ended+begins`."""
    return "+".join(cell.row.name for cell in cells)


def _reason(cells: tuple[RowTransition, ...]) -> str:
    return " ".join(cell.row.reason for cell in cells)


def _set(cells: tuple[RowTransition, ...], said: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({name for cell in cells for name in cell.set}.union(said)))
