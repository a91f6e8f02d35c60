"""A simulated world: a provider, a network that loses, repeats and garbles, and an inbox whose host crashes.

Everything follows from a seed: which faults there are, what happens, when, and what arrives. Nothing sleeps and no clock is read:
time is a number in a heap of steps. What must hold stands first, as a short function each; then the provider; then the world.

The world keeps a book of its own about each session (`Life`): which copies arrived, by which offset they were to be corrected, to
when time had come, which rows were told. A host that crashes loses what it had not saved, and those lines of the book with it.

`python -m tests.soak --seed N` tells what happened in one world.
"""

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any, Self

from attrs import define, evolve, field

from cobrowse_session import (
    AfterCallWorkEnded,
    AfterCallWorkRequired,
    AfterCallWorkStarted,
    Alerting,
    Change,
    Connected,
    Contacting,
    Context,
    Details,
    Dialing,
    Disconnected,
    Event,
    Late,
    Lifecycle,
    Offering,
    ProviderClock,
    Repeat,
    Scheduled,
    SessionLog,
    Settings,
    Terminated,
    UnknownEvent,
    UnknownPrompt,
    Updated,
    WrapupPrompt,
    WrapupSaved,
)
from cobrowse_session.canonical import OrderKey, order
from cobrowse_session.events import Timer
from cobrowse_session.io.inbox import Inbox, Received
from cobrowse_session.io.replay import SHOWN, Rejected
from cobrowse_session.store import DurableInbox
from cobrowse_session.stream import FoldResult, TraceEntry, fold
from cobrowse_session.testing import START
from cobrowse_session.times import time_text
from cobrowse_session.vocabulary import ENDED_STATES
from cobrowse_session.wire import encode_entry, encode_event, encode_session, restore_log, save_log
from cobrowse_session.wire.trace import trace_entry

Identity = tuple[str, str]
SECOND = timedelta(seconds=1)
GRAIN = timedelta(milliseconds=10)
"""All that happens stands on this grid; what the host calls `now` when it advances does not, so that it shows where it leaks."""

# --- What must hold -----------------------------------------------------------------------------------------------------------
# After each step, of the world:


def rejects_are_the_garbled(world: "World") -> bool:
    """What is rejected is what the network garbled: all of it, in order, and nothing else."""
    return [(rejected.text, rejected.length) for rejected in world.rejected] == world.garbled


def no_ghosts(world: "World") -> bool:
    """There is a log for each session of which an event was taken, and for no other."""
    sealed = {life.session for life in world.lives.values() if life.sealed is not None}
    return world.inbox.logs.keys() == world.lives.keys() - sealed


def inbox_waits_for_the_earliest_deadline(world: "World") -> bool:
    """The inbox's deadline is the earliest of its logs'."""
    return world.inbox.deadline == min((due for log in world.inbox.logs.values() if (due := log.deadline)), default=None)


def clocks_learn_from_what_is_taken(world: "World") -> bool:
    """The first copy of an event that has its provider's own time teaches one clock one pair; rubbish teaches none."""
    return sum(clock.pairs for clock in world.inbox.clocks.values()) == world.pairs


def what_comes_too_late_is_counted(world: "World") -> bool:
    """The inbox counts what it handed back."""
    return world.inbox.late == world.late


# After each step, of the sessions that it touched:


def stamped_as_agreed(life: "Life") -> bool:
    """An event is taken as it was sent, but for when it was received, if it did not say so, and for its session's one offset."""
    return life.answer is None or life.was_sealed or life.copies[-1] == life.answer.event


def late_is_what_comes_after_the_seal(life: "Life") -> bool:
    """What comes for a sealed session is a repeat if its log held it, else late and handed back; nothing else is late."""
    if life.answer is None:
        return True
    outcome, event = life.answer.outcome, life.answer.event
    if not life.was_sealed:
        return not isinstance(outcome, Late)
    is_held = text(event) in map(text, life.copies)
    return outcome == (Repeat.match() if is_held else Late.match(event=event))


def no_identity_stands_twice(life: "Life") -> bool:
    """No event and no timer has two rows in a trace."""
    return len(life.log.trace) == len(rows(life.log))


def changes_add_up(life: "Life") -> bool:
    """The changes that were told, one after the other, amount to the trace."""
    return life.rows == rows(life.log)


def time_never_goes_back(life: "Life") -> bool:
    """A log was advanced as far as the world knows it was, whatever the host's clock did since."""
    return life.advanced is None or life.sealed is not None or (life.log.advanced or START) >= life.advanced


def no_log_is_ahead(life: "Life") -> bool:
    """A log was advanced no further than the world knows it was: a clock that was ahead holds for no later session."""
    return life.sealed is not None or life.log.advanced is None or life.log.advanced <= (life.until or START)


def what_is_due_has_fired(life: "Life") -> bool:
    """No deadline lies at or before the latest advance."""
    return life.log.deadline is None or life.until is None or life.log.deadline > life.until


def sealed_is_over_and_never_changes(life: "Life") -> bool:
    """Sealed is what has ended, waits for no deadline and heard nothing since the horizon; and it stays as it is."""
    if life.sealed is None or life.horizon is None:
        return not life.log.sealed
    latest = life.log.latest
    has_ended = life.log.session.state in ENDED_STATES
    is_over = has_ended and life.log.deadline is None and latest is not None and latest < life.horizon
    return life.log.sealed and is_over and shown(life.log) == life.sealed


def a_repeat_is_what_changes_nothing(life: "Life") -> bool:
    """An outcome is a repeat exactly when the log held the event and the copy changes nothing."""
    if life.answer is None or life.was_sealed:
        return True
    change = life.answer.change
    only_timers = all(isinstance(step.event, Timer) for step in change.new) and not change.withdrawn and not change.changed
    return not isinstance(life.answer.outcome, Repeat) or (only_timers and len(life.copies) > len(life.kept))


# In the end, now and then before it, and after each crash, of each session:


def reads_as_the_fold(life: "Life") -> bool:
    """Session, trace and counts are the reference fold of the copies that arrived, to the latest advance."""
    expected, log = life.fold(), life.log
    return (log.trace, log.session, log.session.settings, log.repeats, log.conflicts) == (
        expected.trace,
        expected.session,
        expected.session.settings,
        expected.repeats,
        expected.conflicts,
    )


def acknowledged_is_there(life: "Life") -> bool:
    """What was acknowledged, for it had been saved, is in the log or was handed back."""
    return life.acknowledged <= life.there


def deadlines_fire_at_their_own_instant(life: "Life") -> bool:
    """After-call work ends a timeout after the leg, an alert a timeout and the grace after it began; whenever anyone noticed."""
    session, lifecycle = life.log.session, life.lifecycle
    settings = session.settings.with_defaults(lifecycle.settings)
    stated = {event.settings.wrapup_timeout for event in life.kept} | {lifecycle.settings.wrapup_timeout}
    for step in life.log.trace:
        if step.event.kind == "timer.acw":  # reopened work may have had another timeout
            began = session.disconnected_time
            lasts = began and step.event.occurred_at - began
            if lasts not in stated:
                return False
        elif step.event.kind == "timer.alerting":
            began = session.segments[-1].start_time if session.segments else None
            lasts = settings.alerting_timeout and settings.alerting_timeout + (lifecycle.alerting_grace or timedelta(0))
        else:
            continue
        if not (began and lasts and step.event.occurred_at == getattr(step.outcome, "at", None) == began + lasts):
            return False
    return True


def a_wrapup_in_time_beats_the_timer(life: "Life") -> bool:
    """What occurred by the deadline stands before it, and the timeout's code nowhere that a final wrap-up was saved by then."""
    trace, session = life.log.trace, life.log.session
    place = next((place for place, step in enumerate(trace) if step.event.kind == "timer.acw"), len(trace))
    by_then = [step.event for step in trace[:place]]
    saved = any(isinstance(event, WrapupSaved) and event.code and not event.provisional for event in by_then[_end(by_then) :])
    in_order = all(step.event.occurred_at > trace[place].event.occurred_at for step in trace[place + 1 :])
    return in_order and not (saved and session.wrapup and session.wrapup.code == "ININ-WRAP-UP-TIMEOUT")


def _end(events: Sequence[Event | Timer]) -> int:
    return next((place for place, event in enumerate(events) if isinstance(event, Disconnected | Terminated)), len(events))


def the_hosts_clock_never_shows(life: "Life") -> bool:
    """Each time in a session is when a kept event occurred or was received, or a timer's own instant."""
    said = {time_text(moment) for event in life.kept for moment in (event.occurred_at, event.received)}
    timers = {time_text(step.event.occurred_at) for step in life.log.trace if isinstance(step.event, Timer)}
    return said | timers >= set(re.findall(r"\d{4}-\d\d-\d\dT[\d:.]+Z", encode_session(life.log.session)))


# In the end:


def restored_shows_the_same(life: "Life") -> bool:
    """A log that was saved and restored shows the same bytes, and would be saved as the same again."""
    saved = save_log(life.log)
    again = restore_log(json.loads(json.dumps(saved)))
    return (shown(again), save_log(again)) == (shown(life.log), saved)


def nothing_is_lost(life: "Life") -> bool:
    """What its sender went on sending is in the log, or was handed back."""
    return life.world.sent[life.session] <= life.there


Invariant = Callable[["Life"], bool]
OF_THE_WORLD: tuple[Callable[["World"], bool], ...] = (
    rejects_are_the_garbled,
    no_ghosts,
    inbox_waits_for_the_earliest_deadline,
    clocks_learn_from_what_is_taken,
    what_comes_too_late_is_counted,
)
ALWAYS: tuple[Invariant, ...] = (
    stamped_as_agreed,
    late_is_what_comes_after_the_seal,
    a_repeat_is_what_changes_nothing,
    no_identity_stands_twice,
    changes_add_up,
    time_never_goes_back,
    no_log_is_ahead,
    what_is_due_has_fired,
    sealed_is_over_and_never_changes,
)
THOROUGHLY: tuple[Invariant, ...] = (
    reads_as_the_fold,
    acknowledged_is_there,
    deadlines_fire_at_their_own_instant,
    a_wrapup_in_time_beats_the_timer,
    the_hosts_clock_never_shows,
)
AFTER_ALL: tuple[Invariant, ...] = (restored_shows_the_same, nothing_is_lost)


class BrokenError(AssertionError):
    """Something that must hold did not."""


# --- What the world knows of a session by itself ------------------------------------------------------------------------------


@define
class Life:
    """One session's page of the book. What a crash takes from the host, it takes from here, too."""

    world: "World"
    session: str
    lifecycle: Lifecycle
    sent: list[Event] = field(factory=list)
    """As they were sent: what came since the last save is sent again after a crash."""
    copies: list[Event] = field(factory=list)
    """As they were to be taken."""
    offsets: dict[str, timedelta] = field(factory=dict)
    advanced: datetime | None = None
    """The latest advance that reached its log."""
    rows: dict[Identity | str, TraceEntry] = field(factory=dict)
    received: int = 0
    """How many copies its log received."""
    acknowledged: frozenset[Identity] = frozenset()
    handed_back: frozenset[Identity] = frozenset()
    sealed: str | None = None
    """What it showed when it was sealed."""
    horizon: datetime | None = None
    is_behind: bool = False
    """Its log was put into an inbox in which time had gone on."""
    answer: Received | None = None
    """What became of the event that came last."""
    was_sealed: bool = False

    @property
    def log(self) -> SessionLog:
        return self.world.log_of(self.session)

    @property
    def until(self) -> datetime | None:
        """The latest advance that it has to show."""
        return max(filter(None, (self.advanced, None if self.is_behind else self.world.advanced)), default=None)

    @property
    def there(self) -> frozenset[Identity]:
        return self.handed_back.union((event.source, event.id) for event in self.log.events)

    @property
    def kept(self) -> list[Event]:
        """Of the copies of each event, the one that is kept; said anew, as the specification says it."""
        told = self.by_identity().values()
        return [copies[0] if len(copies) == 1 else min(copies, key=lambda copy: (copy.received, text(copy))) for copies in told]

    def fold(self) -> FoldResult:
        """What it amounts to."""
        kept = self.kept
        conflicts = sum(len(copies) > 1 and len(set(map(text, copies))) > 1 for copies in self.by_identity().values())
        return evolve(fold(kept, self.until, lifecycle=self.lifecycle), repeats=self.received - len(kept), conflicts=conflicts)

    def by_identity(self) -> Mapping[Identity, list[Event]]:
        """The copies of each event, as they arrived."""
        copies = defaultdict(list)
        for event in self.copies:
            copies[event.source, event.id].append(event)
        return copies

    @property
    def differing(self) -> set[tuple[str, datetime]]:
        """The copies that a log keeps: of those that say the same, the one received first."""
        return {(said, min(one.received for one in self.copies if text(one) == said)) for said in set(map(text, self.copies))}

    @property
    def restamped(self) -> int:
        """How many events have copies that say the same and were received at different times."""
        groups = [copies for copies in self.by_identity().values() if len({copy.received_at for copy in copies}) > 1]
        return sum(len(set(map(text, copies))) == 1 for copies in groups)

    def told(self, change: Change) -> None:
        """Note how its trace changed."""
        rows = list(self.rows.values())
        for step in (*change.withdrawn, *(before for before, _ in change.changed)):
            assert step in rows, "a row that was never there is withdrawn"
            rows.remove(step)
        rows += [*change.new, *(after for _, after in change.changed)]
        numbers = Counter[str]()
        self.rows = {}
        for step in sorted(rows, key=lambda step: step.event.occurred_at):
            numbers[step.event.kind] += 1
            self.rows[row_id(step, numbers[step.event.kind])] = step

    def merge_logs(self, fresh: "Life") -> None:
        """Write down what came while its log was on the disk: the log with the earlier first event gives rules and offsets."""
        first = fresh if _first(fresh) < _first(self) else self
        self.lifecycle = first.lifecycle
        self.offsets = {**self.offsets, **fresh.offsets, **first.offsets}
        mine, others = (life.differing for life in (self, fresh))
        is_state_of_other = mine <= others or others <= mine
        self.received = max(self.received, fresh.received) if is_state_of_other else self.received + fresh.received
        self.copies += fresh.copies
        self.sent += fresh.sent
        self.advanced = max(filter(None, (self.advanced, fresh.until)), default=None)

    def copy(self) -> "Life":
        """The page as it is now."""
        return evolve(
            self, sent=[*self.sent], copies=[*self.copies], offsets={**self.offsets}, rows={}, answer=None, was_sealed=False
        )


def _first(life: Life) -> OrderKey:
    return min(map(order, life.kept))


def row_id(step: TraceEntry, number: int = 1) -> Identity | str:
    return (step.event.source, step.event.id) if isinstance(step.event, Event) else f"{step.event.kind} {number}"


def rows(log: SessionLog) -> dict[Identity | str, TraceEntry]:
    """The rows of a trace; a timer is known by its type and its number."""
    numbers = Counter[str]()
    found = {}
    for step in log.trace:
        numbers[step.event.kind] += 1
        found[row_id(step, numbers[step.event.kind])] = step
    return found


def text(event: Event) -> str:
    document = json.loads(encode_event(event))
    document.pop("receivedtime", None)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def shown(log: SessionLog) -> str:
    """Session and trace, as bytes would have them."""
    return "\n".join([encode_session(log.session), *map(encode_entry, map(trace_entry, log.trace))])


# --- The provider -------------------------------------------------------------------------------------------------------------

PENDING = (Scheduled, Offering, Contacting, Dialing, Alerting, Alerting, Alerting)
ENDS = ((Disconnected,), (Disconnected,), (Terminated,), (Disconnected, Terminated))
DURING = (Updated, AfterCallWorkRequired, WrapupSaved)
AFTERWARDS = (WrapupSaved, WrapupSaved, AfterCallWorkEnded, AfterCallWorkEnded, AfterCallWorkStarted, Updated, Terminated)

SAYS: Mapping[type[Event], Sequence[Mapping[str, Any]]] = {
    **dict.fromkeys((Scheduled, Offering, Contacting, Dialing, Alerting, Connected), ({}, {}, {"segment_type": "IVR"})),
    Updated: ({},),
    AfterCallWorkRequired: ({"required": True}, {"required": True}, {"required": False}),
    **dict.fromkeys(
        (Disconnected, Terminated), ({}, *({"disconnect_type": word} for word in ("peer", "client", "TRANSFER", "meteor")))
    ),
    WrapupSaved: (
        {},
        {"code": "", "notes": "nothing to say"},
        {"code": "sale"},
        {"code": "Zoë 😀", "name": "Zoë", "tags": ["a", ""]},
        {"code": "sale", "disable_end_time_updates": True},
        {"code": "sale", "provisional": True},
        {"notes": "draft", "provisional": True},
    ),
    AfterCallWorkStarted: ({},),
    AfterCallWorkEnded: (
        *({"by": by} for by in ("agent", "agent", "offline", "robot")),
        *({"by": "platform", "state": state} for state in ("complete", "skipped", "notApplicable", "lost")),
    ),
    UnknownEvent: ({"type": "com.example.unheard"}, {"type": "cobrowse.session.Alerting", "data": [1, None]}),
}
DETAILS = (
    *[Details()] * 5,
    Details(cobrowse_role="viewer", viewer_url="https://v"),
    Details(cobrowse_role="spectator", provider="acme"),
    Details(controlling=["p1"]),
    Details(controlling=[]),
    Details(initial_state="CONTACTING", peer_id="p"),
)
TIMEOUTS = (1, 2, 3, 5, 10)
"""Whole seconds, as between events: instants and deadlines meet."""


def some_settings(chance: random.Random) -> Settings:
    """Any prompt, known or not, with a time that its limit needs, and any alerting timeout."""
    return Settings(
        wrapup_prompt=chance.choice((None, UnknownPrompt("newfangled"), *WrapupPrompt, "timeout", "forcedTimeout")),
        wrapup_timeout=chance.choice(TIMEOUTS) * SECOND,
        alerting_timeout=chance.choice((None, *(seconds * SECOND for seconds in TIMEOUTS))),
    )


def some_lifecycle(chance: random.Random) -> Lifecycle:
    return Lifecycle(
        settings=chance.choice((Settings(), some_settings(chance))),
        acw_when_unanswered=chance.random() < 0.3,
        acw_after_transfer=chance.random() < 0.3,
        alerting_grace=chance.choice((None, 0 * SECOND, 0.25 * SECOND, SECOND)),
    )


@define
class Provider:
    """One source of events: its clock, and which times it writes down."""

    offset: timedelta
    drift: float
    corrects: bool
    """Its events bear times that were corrected already, its own beside them."""
    stamps: bool
    """Its events pass a gate that says when they were received, on the cloud clock."""

    def tells(self, event: Event, now: datetime) -> Event:
        own = tidy(now + self.offset + (now - START) * self.drift)
        return evolve(event, occurred_at=now, provider_time=own) if self.corrects else evolve(event, occurred_at=own)


def tidy(moment: datetime) -> datetime:
    return START + (moment - START) // GRAIN * GRAIN


# --- The network --------------------------------------------------------------------------------------------------------------

GARBLES: tuple[Callable[[bytes], bytes], ...] = (
    lambda raw: raw[: len(raw) // 2],
    lambda raw: b"\xff" + raw,
    lambda raw: b"[" + raw + b"]",
    lambda raw: raw.replace(b'"id":', b'"di":'),
    lambda raw: raw.replace(b'"subject":"', b'"subject":5,"was":"'),
    lambda raw: raw.replace(b'"time":"2026', b'"time":"1926'),
    lambda raw: raw.replace(b'"specversion":"1.0"', b'"specversion":"2.0"'),
)
FAULTS = (
    "lost",  # never arrives, and its sender does not care
    "dropped",  # does not arrive, and is sent again
    "duplicated",
    "delayed",
    "reordered",
    "partitioned",
    "restamped",  # a copy differs in when it was received, and in nothing else
    "conflicting",  # a copy says something else
    "garbled",  # arrives unreadable, and is sent again
    "from tomorrow",  # unreadable, for it lies a day and more ahead
    "provider off",
    "provider drifts",
    "provider jumps",
    "host jumps",
    "host crashes",
    "forgotten",  # came after the last save before a crash, and is sent again
    "restored late",  # time went on in the new inbox before the log was put into it
    "restored meanwhile",  # events came to the new inbox before the log was put into it
    "restored sealed",  # a sealed log is put into the new inbox
    "backlog",  # the inbox is cold, and everything of a while comes at once
    "rules changed",  # at a restart; what has begun goes on by its own
    "sealed",
)


# --- The world ----------------------------------------------------------------------------------------------------------------


@define
class Saved:
    """One log on the disk."""

    text: str
    life: Life
    shown: str


class World:
    """Everything that follows from one seed."""

    always, thoroughly, after_all = ALWAYS, THOROUGHLY, AFTER_ALL

    def __init__(self, seed: int) -> None:
        self.chance = chance = random.Random(seed)
        self.on = frozenset(fault for fault in FAULTS if chance.random() < 0.5)
        self.faults: Counter[str] = Counter()
        self.history: list[tuple[datetime, str, object]] = []
        self.now = START
        self._agenda: list[tuple[datetime, int, Callable[..., None], tuple[Any, ...]]] = []
        self._numbers = count()

        self.providers = {source: self._provider() for source in ("/a", "/b")}
        self.sent: dict[str, set[Identity]] = defaultdict(set)
        self.garbled: list[tuple[str, int]] = []
        self.parted = (tidy(START + chance.uniform(0, 40) * SECOND), tidy(START + chance.uniform(40, 90) * SECOND))

        self.host_offset = chance.choice((0, 0, -2, 7)) * SECOND
        self.lag = chance.choice((0, 1, 5)) * SECOND
        self.seal_after = chance.choice((1, 5, 20)) * SECOND if "sealed" in self.on else None
        self.correct = {source: self._correction() for source in self.providers if chance.random() < 0.5}
        self.backlog = tidy(START + chance.uniform(5, 40) * SECOND) if self._fault("backlog") else START
        self.lifecycle = some_lifecycle(chance)
        self.rejected: list[Rejected] = []
        self.touched: list[Life] = []
        self.disk: dict[str, Saved] = {}
        self._start()

        for number in range(chance.choice((1, 1, 1, 1, 1, 2, 2, 3, 4))):
            self._plan(f"s{number}")
        tick = START
        while tick < START + 90 * SECOND:
            tick += chance.choice((1, 3, 10, 30)) * SECOND
            self._at(tick, self.ticks)
        for fault, step in (("host jumps", self.host_jumps), ("provider jumps", self.provider_jumps)):
            for _ in range(chance.choice((1, 2)) if fault in self.on else 0):
                self._at(tidy(START + chance.uniform(1, 60) * SECOND), step)

    def run(self) -> Self:
        """Let everything happen, and look at it after each step."""
        crash = 0.04 if "host crashes" in self.on else 0
        while self._agenda:
            self.now, _, step, arguments = heappop(self._agenda)
            step(*arguments)
            self._check(self.always + (self.thoroughly if self.chance.random() < 0.05 else ()))
            if self.lives and self.chance.random() < 0.07:
                self.saves()
            if self.chance.random() < crash:
                self.crashes()
        self.now += timedelta(hours=1)
        self._advance(self._lagged)
        self.touched = list(self.lives.values())
        self._check(self.always + self.thoroughly + self.after_all)
        self.faults["restamped"] += sum(life.restamped for life in self.touched)
        return self

    # --- What happens ---------------------------------------------------------------------------------------------------------

    def happens(self, event: Event) -> None:
        """The provider tells of an event; now and then it tells two stories."""
        self._sends(self.providers[event.source].tells(event, self.now))
        if self._fault("conflicting", 0.15):
            kind = self.chance.choice((type(event), *SAYS))
            other = self._draw(kind, event.subject, event.id, event.source)
            then = self.now - self.chance.choice((0, 0, 1, 3)) * SECOND
            self._sends(self.providers[event.source].tells(other, then))

    def arrives(self, event: Event) -> None:
        """An event comes to the inbox: at last, or as rubbish."""
        self.touched = []
        raw = encode_event(event).encode()
        if self.now < self.backlog:
            self._at(self.backlog + self.chance.randrange(9) * GRAIN, self.arrives, event)
        elif self.parted[0] <= self.now < self.parted[1] and "partitioned" in self.on:
            self.faults["partitioned"] += 1
            self._at(self.parted[1] + self.chance.randrange(100) * GRAIN, self.arrives, event)
        elif self._fault("garbled", 0.1):
            self._receives_rubbish(self.chance.choice(GARBLES)(raw))
            self._at(self.now + 3 * SECOND, self.arrives, event)
        elif self._fault("from tomorrow", 0.1):
            tomorrow = evolve(event, occurred_at=self.now + timedelta(days=2), received_at=None, provider_time=None)
            unborn = evolve(tomorrow, subject=self.chance.choice((event.subject, "unborn")))
            self._receives_rubbish(encode_event(unborn).encode())
            self._at(self.now + 3 * SECOND, self.arrives, event)
        else:
            self._receives(event)

    def ticks(self) -> None:
        """The host lets time go on: to some seconds ago, or to the very instant that the inbox waits for."""
        now = self._lagged
        if self.inbox.deadline is not None and self.chance.random() < 0.3:
            now = min(now, self.inbox.deadline)
        self._advance(now)

    def host_jumps(self) -> None:
        """Somebody sets the host's clock."""
        self.faults["host jumps"] += 1
        self.host_offset += self.chance.choice((-30, -2, 2, 40)) * SECOND

    def provider_jumps(self) -> None:
        """Somebody sets the provider's clock."""
        self.faults["provider jumps"] += 1
        self.providers["/a"].offset += self.chance.choice((-20, -3, 3, 20)) * SECOND

    def saves(self) -> None:
        """The host saves some logs, and acknowledges what they hold."""
        for life in self.chance.sample(list(self.lives.values()), self.chance.randint(1, len(self.lives))):
            life.acknowledged = life.there
            self.disk[life.session] = Saved(json.dumps(save_log(life.log)), life.copy(), shown(life.log))

    def crashes(self) -> None:
        """The host falls over and comes back with what it had saved; the provider sends the rest again."""
        self._note("crashes", None)
        self.faults["host crashes"] += 1
        for life in self.lives.values():
            saved = len(self.disk[life.session].life.sent) if life.session in self.disk else 0
            self.faults["forgotten"] += len(life.sent) - saved
            for event in life.sent[saved:]:
                self._at(self.now + self.chance.randrange(500) * GRAIN, self.arrives, event)
        if self._fault("rules changed", 0.5):
            self.lifecycle = some_lifecycle(self.chance)
        self._start()
        for session in self.chance.sample(list(self.disk), len(self.disk)):
            if self._fault("restored late", 0.5):
                self._advance(self._lagged)
            log, life = restore_log(json.loads(self.disk[session].text)), self.disk[session].life.copy()
            if shown(log) != self.disk[session].shown:
                raise self._broken("restored shows other bytes", session)
            if life.sealed is None and self._fault("restored meanwhile", 0.5):
                for event in self.chance.choices(life.sent, k=self.chance.choice((1, 2))):
                    self._receives(event)
            self._puts(log, life)
        self.touched = list(self.lives.values())
        self._check(self.always + self.thoroughly)

    # --- The receiving side, and the book about it ----------------------------------------------------------------------------

    @property
    def _host(self) -> datetime:
        """The host's clock."""
        return self.now + self.host_offset

    @property
    def _lagged(self) -> datetime:
        """To when time is let go on."""
        return tidy(self._host - self.lag) + GRAIN / 2

    def log_of(self, session: str) -> SessionLog:
        """The log of a session, sealed or not."""
        return self.inbox.logs.get(session) or self.archive[session]

    def _puts(self, log: SessionLog, life: Life) -> None:
        """Put a restored log into the inbox, and write down what it amounts to there."""
        fresh = self.lives.get(life.session)
        self.lives[life.session] = life
        put = self.inbox.put(log)
        if life.sealed is not None:
            self.archive[life.session] = log
            self.faults["restored sealed"] += 1
        if fresh is not None:
            life.merge_logs(fresh)
        life.rows, life.is_behind = rows(put.log or log), self.advanced is not None and put.log is not None
        if put.log is None and life.sealed is None:
            raise self._broken("a log that was put is not there", life.session)

    def _correction(self) -> timedelta | ProviderClock:
        stated = self.chance.choice((-90, -1, 1, 40)) * SECOND
        learned = ProviderClock(window=self.chance.choice((2, 5)) * SECOND, min_pairs=3, fast_windows=1, slow_windows=2)
        return self.chance.choice((stated, learned))

    def _start(self) -> None:
        fresh = {source: deepcopy(correction) for source, correction in self.correct.items()}
        self.inbox = self._opened(fresh)
        self.advanced: datetime | None = None
        self.archive: dict[str, SessionLog] = {}
        self.lives: dict[str, Life] = {}
        self.pairs = self.late = self.repeats = 0
        self.touched = []

    def _opened(self, correct: dict[str, timedelta | ProviderClock]) -> Inbox | DurableInbox:
        return Inbox(self.lifecycle, reject=self.rejected.append, seal_after=self.seal_after, correct=correct)

    def _advance(self, now: datetime) -> None:
        self._note("advances", now)
        advanced = self.inbox.advance(now)
        self.advanced = now
        for life in self.lives.values():
            life.is_behind = False
        for session, change in advanced.changes.items():
            self.lives[session].told(change)
            self.lives[session].advanced = self.lives[session].until
        for log in advanced.sealed:
            life = self.lives[log.session_id]
            if life.sealed is not None:
                raise self._broken("a log is handed over as sealed twice", log.session_id)
            self.faults["sealed"] += 1
            life.sealed, life.horizon, life.advanced = shown(log), self.advanced - (self.seal_after or 0 * SECOND), life.until
            self.archive[log.session_id] = log
        self.touched = [
            self.lives[session] for session in {**advanced.changes, **{log.session_id: None for log in advanced.sealed}}
        ]

    def _receives(self, event: Event) -> None:
        self._note("receives", event)
        correction = self.inbox.correct.get(event.source, timedelta(0))
        known = correction.offset if isinstance(correction, ProviderClock) else correction
        answer = self.inbox.receive(encode_event(event).encode(), now=self._host)
        if isinstance(answer, Received):  # or an invariant says so
            self._took(event, answer, known)

    def _receives_rubbish(self, raw: bytes) -> None:
        self._note("receives", raw)
        self.garbled.append((raw[: 4 * SHOWN].decode(errors="replace")[:SHOWN], len(raw)))
        self.inbox.receive(raw, now=self._host)

    def _took(self, sent: Event, answer: Received, known: timedelta) -> None:
        life = self.lives.setdefault(sent.subject, Life(self, sent.subject, self.lifecycle))
        is_known = life.sealed is not None or any((one.source, one.id) == (sent.source, sent.id) for one in life.copies)
        self.pairs += sent.provider_time is None and not is_known
        life.sent.append(sent)
        self.repeats += isinstance(answer.outcome, Repeat)
        life.answer, life.was_sealed = answer, life.sealed is not None
        if life.sealed is not None:
            life.handed_back |= {(sent.source, sent.id)}
            self.late += isinstance(answer.outcome, Late)
        else:
            life.received += 1
            life.copies.append(self._reckoned(life, sent, known))
            life.is_behind = False
            life.advanced = life.until
            life.told(answer.change)
            self.faults["reordered"] += answer.change.out_of_order
        self.touched = [life]

    def _reckoned(self, life: Life, sent: Event, known: timedelta) -> Event:
        """The event as it is to be taken: a source's first one in a session fixes the offset of all."""
        received = min(sent.received_at or self._host, self._host)
        if sent.provider_time is not None:
            return evolve(sent, received_at=received)
        if not (offset := life.offsets.setdefault(sent.source, known)):
            return evolve(sent, received_at=received)
        return evolve(sent, received_at=received, occurred_at=sent.occurred_at + offset, provider_time=sent.occurred_at)

    # --- The provider and the network -----------------------------------------------------------------------------------------

    def _provider(self) -> Provider:
        return Provider(
            offset=self.chance.choice((-7200, -90, -1, 1, 40, 3600)) * SECOND if self._fault("provider off") else 0 * SECOND,
            drift=self.chance.choice((-1e-3, -1e-4, 1e-4, 1e-3)) if self._fault("provider drifts") else 0,
            corrects=self.chance.random() < 0.15,
            stamps=self.chance.random() < 0.5,
        )

    def _plan(self, session: str) -> None:
        """A life: most of it plausible."""
        chance = self.chance
        kinds: list[type[Event]] = [*chance.sample(PENDING, chance.choice((0, 1, 1, 2)))]
        kinds += [Connected] if chance.random() < 0.8 else []
        kinds += [Updated] * chance.choices((0, 15, 80), (96, 3.5, 0.5))[0]  # long enough for the index and the marks of a log
        kinds += chance.choices(DURING, k=chance.choice((0, 0, 1, 2)))
        kinds += chance.choice(ENDS) if chance.random() < 0.9 else ()
        kinds += chance.choices(AFTERWARDS, k=chance.choice((0, 1, 1, 2)))
        for _ in range(chance.choice((0, 0, 0, 1, 2, 4)) or not kinds):
            kinds.insert(chance.randint(0, len(kinds)), chance.choice(tuple(SAYS)))
        moment = START + chance.randrange(20) * SECOND
        home = chance.choice(tuple(self.providers))
        for number, kind in enumerate(kinds):
            moment += chance.choice((0, 0, 1, 1, 2, 3, 5, 10)) * SECOND / (50 if len(kinds) > 80 else 1)
            source = home if chance.random() < 0.9 else chance.choice(tuple(self.providers))
            self._at(moment, self.happens, self._draw(kind, session, f"e{number}", source, first=not number))

    def _draw(self, kind: type[Event], session: str, name: str, source: str, *, first: bool = False) -> Event:
        """An event of a kind that says one thing or another."""
        chance = self.chance
        said: dict[str, Any] = {}
        if kind is not UnknownEvent:
            said["details"] = chance.choice((*DETAILS, *[Details(viewer_url=f"https://v/{name}")] * (kind is Updated) * 5))
            said["settings"] = some_settings(chance) if chance.random() < (0.8 if first else 0.15) else Settings()
            if chance.random() < 0.1:
                said["extra"] = {"future": [1, None]} if said["settings"] != Settings() else {"wrapupTimeoutMs": 0}
        conversation = chance.choice((None, "c1", "c2"))
        own = chance.choice(SAYS[kind])
        return kind(
            subject=session,
            source=source,
            id=name,
            occurred_at=START,
            context=Context(conversation_id=conversation),
            **said,
            **own,
        )

    def _sends(self, event: Event) -> None:
        """The network takes an event."""
        chance = self.chance
        for _ in range(1 + (chance.choice((1, 1, 2)) if self._fault("duplicated", 0.25) else 0)):
            if self._fault("lost", 0.1):
                continue
            self.sent[event.subject].add((event.source, event.id))
            arrival = self.now + chance.choice((3, 4, 6, 9)) * GRAIN
            if self._fault("dropped", 0.15):
                arrival += chance.choice((4, 9, 30)) * SECOND
            if self._fault("delayed", 0.15):
                arrival += chance.choice((1, 5, 20, 120)) * SECOND
            if "reordered" in self.on:
                arrival += chance.randrange(300) * GRAIN
            at_the_gate = chance.choice((self.now + 2 * GRAIN, arrival - GRAIN))
            stamped = evolve(event, received_at=at_the_gate) if self.providers[event.source].stamps else event
            self._at(arrival, self.arrives, stamped)

    # --- Within ---------------------------------------------------------------------------------------------------------------

    def _at(self, moment: datetime, step: Callable[..., None], *arguments: Any) -> None:
        heappush(self._agenda, (moment, next(self._numbers), step, arguments))

    def _fault(self, fault: str, probability: float = 0.7) -> bool:
        strikes = fault in self.on and self.chance.random() < probability
        self.faults[fault] += strikes
        return strikes

    def _note(self, what: str, thing: object) -> None:
        self.history.append((self.now, what, thing))

    def story(self) -> Iterator[str]:
        """What happened, a line a step, and what each session amounts to."""
        for moment, what, thing in self.history:
            said = encode_event(thing) if isinstance(thing, Event) else thing
            yield f"{moment:%H:%M:%S.%f}"[:-3] + f"  {what}  {said}"
        for life in self.lives.values():
            yield f"{life.session}: advanced to {life.log.advanced}, deadline {life.log.deadline}, sealed {life.log.sealed}"
            yield from (f"    {encode_entry(row)}" for row in map(trace_entry, life.log.trace))

    def _check(self, invariants: Iterable[Invariant]) -> None:
        for of_world in OF_THE_WORLD:
            if not of_world(self):
                raise self._broken(f"{of_world.__name__}: {of_world.__doc__}", "")
        for life in self.touched:
            for of_life in invariants:
                if not of_life(life):
                    raise self._broken(f"{of_life.__name__}: {of_life.__doc__}", life.session)

    def _broken(self, what: str, where: object) -> BrokenError:
        return BrokenError(f"{what} ({where}, {self.now:%H:%M:%S.%f})")
