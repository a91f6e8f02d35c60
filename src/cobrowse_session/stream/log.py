"""The log: events of one session as they arrive, in any order and any number of times (specification, section 7).

Theory of operation
===================

What a log shows depends only on the set of events that were added (copies included), on the latest `advance`, and on its
lifecycle: never on the order of arrival. `fold` says what that is; the log reaches the same piece by piece.

Steps stand in order, after-call-work timers among them. An event that is next in order costs one step. One that is late goes to
its place: the session goes back to the nearest *mark* (a copy, one every 64 steps) and takes the steps from there again; timers
fire anew, or not at all. A copy that replaces another is late in the same way.

The alerting timeout is a last resort, and never stands between events: it is kept apart, as the `_last` step of a session of its
own, and found anew after each change.

One writer a log: it has no locks, and two threads that add to it at once would spoil it.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from attrs import evolve, frozen

from cobrowse_session.events import Event, UnknownEvent, canonical, identity, order, preference
from cobrowse_session.lifecycle import Late, Lifecycle, Outcome
from cobrowse_session.model import CobrowseSession, ConnectionState, is_ended, utc
from cobrowse_session.stream.fold import Folded, Step, Stepper

MARK_EVERY = 64

Key = tuple[datetime, int, str, str]


@frozen
class Change:
    """How the trace of a log changed.

    Attributes:
        outcome: what became of the event that was added; for a repeat, of the copy that is kept. None: time was advanced.
        new: rows that were not there before.
        withdrawn: rows that are there no longer: timers that were undone.
        changed: rows that read differently, as (before, after).
        out_of_order: the event stands before others that had come already.
    """

    outcome: Outcome | None = None
    new: tuple[Step, ...] = ()
    withdrawn: tuple[Step, ...] = ()
    changed: tuple[tuple[Step, Step], ...] = ()
    out_of_order: bool = False

    def __bool__(self) -> bool:
        """Whether the trace changed at all."""
        return bool(self.new or self.withdrawn or self.changed)


class SessionLog:
    """The events of one session, in whatever order they come; the session and the trace that follow from them.

    Args:
        lifecycle: the rules; the log keeps them as they are now. Whether it is strict makes no difference: a log never raises
            on an outcome.
        session_id: the session's id.

    >>> from cobrowse_session.testing import stream
    >>> call = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")
    >>> log = SessionLog(Lifecycle(), "s1")
    >>> for event in reversed(call.events):
    ...     change = log.add(event)
    >>> log.session.connected_time == call.events[1].occurred_at, [step.outcome.kind for step in log.trace]
    (True, ['applied', 'applied', 'applied'])
    """

    __slots__ = (
        "_advanced",
        "_conflicts",
        "_known",
        "_last",
        "_marks",
        "_stepper",
        "_steps",
        "_view",
        "late",
        "lifecycle",
        "offsets",
        "repeats",
        "sealed",
        "session_id",
    )

    def __init__(self, lifecycle: Lifecycle, session_id: str) -> None:
        self.lifecycle = lifecycle
        self.session_id = session_id
        self.repeats = 0
        """How many copies were dropped."""
        self.late = 0
        """How many events came after the log was sealed."""
        self.sealed = False
        """Whether the log takes no more events."""
        self.offsets: dict[str, timedelta] = {}
        """By how much the edge corrected each source's times in this session, fixed with its first event (section 8)."""
        self._advanced: datetime | None = None
        self._known: dict[tuple[str, str, str], Event] | None = None  # the kept copy of each event, where there are many
        self._conflicts: set[tuple[str, str, str]] = set()
        self._steps: list[Step] = []
        self._stepper = Stepper(lifecycle, lifecycle.new(session_id))
        self._marks = [self._stepper.copy()]  # where the session was before step 0, 64, 128, …
        self._last: Step | None = None
        self._view = self._stepper.session

    # --- What it shows --------------------------------------------------------------------------------------------------------

    @property
    def session(self) -> CobrowseSession:
        """The session that follows from the events. Read it, or copy it; only the log may write to it."""
        return self._view

    @property
    def trace(self) -> tuple[Step, ...]:
        """Every kept event and every timer, in order, with what became of it."""
        return tuple(self._steps) if self._last is None else (*self._steps, self._last)

    @property
    def folded(self) -> Folded:
        """Session and trace as `explain` and `tell` read them."""
        return Folded(self.lifecycle, self.session, self.trace, self.repeats, self.conflicts)

    @property
    def deadline(self) -> datetime | None:
        """When `advance` has something to do next; None: never."""
        return self.lifecycle.deadline(self._view)

    @property
    def conflicts(self) -> int:
        """How many events had copies that differ in more than when they were received."""
        return len(self._conflicts)

    @property
    def advanced(self) -> datetime | None:
        """The latest time to which the log was advanced."""
        return self._advanced

    @property
    def latest(self) -> datetime | None:
        """When the latest kept event occurred; None: there is none."""
        return next((step.event.occurred_at for step in reversed(self._steps) if isinstance(step.event, Event)), None)

    @property
    def events(self) -> Iterator[Event]:
        """The kept events, in order."""
        return (step.event for step in self._steps if isinstance(step.event, Event))

    @property
    def conflicting(self) -> frozenset[tuple[str, str, str]]:
        """The identities (subject, source, id) of the events whose copies differ."""
        return frozenset(self._conflicts)

    def as_of(self, moment: datetime) -> "SessionLog":
        """What was believed at a moment: the events received up to it, and the time line at it.

        Args:
            moment: on the cloud clock.
        """
        then = SessionLog(self.lifecycle, self.session_id)
        for event in self.events:
            if event.received <= utc(moment):
                then.add(event)
        then.advance(moment)
        return then

    # --- What changes it ------------------------------------------------------------------------------------------------------

    def add(self, event: Event) -> Change:
        """Take an event: the next one, a late one, or a repeat.

        Returns:
            How the trace changed; and what became of the event. After `seal` that is `Late`, with the event handed back.

        Raises:
            ValueError: the event is of another session.
        """
        if event.subject != self.session_id:
            raise ValueError(f"expected an event of session {self.session_id!r}, found one of {event.subject!r}")
        if self.sealed:
            self.late += 1
            return Change(self._too_late(event))
        known = self._copy_of(event)
        if known is not None:
            return self._add_copy(known, event)
        if self._known is not None:
            self._known[identity(event)] = event
        return self._insert(event, self._place(order(event)))

    def advance(self, now: datetime) -> Change:
        """Fire what is due: each timer at its own instant, in order. An earlier time than before changes nothing.

        Args:
            now: corrected provider clock. Advice for live use: some seconds ago, as long as events take to arrive.

        Returns:
            How the trace changed; `new` lists what fired.

        Raises:
            TypeError: `now` is naive.
        """
        now = utc(now)
        if self.sealed or (self._advanced is not None and now <= self._advanced):
            return Change()
        self._advanced = now
        before = self._last
        fired = tuple(self._settle())
        return Change(new=(*fired, *([self._last] if self._last and not before else [])))

    def seal(self, horizon: datetime) -> bool:
        """Close the log, if nothing can come that matters: whatever is added afterwards, repeats included, is late.

        Only a session that has ended, has no deadline left and whose latest event occurred before the horizon is sealed.

        Args:
            horizon: corrected provider clock.

        Returns:
            Whether the log is sealed now.
        """
        latest = self.latest
        over = is_ended(self._view) and self.deadline is None and latest is not None and latest < utc(horizon)
        self.sealed = self.sealed or over
        return self.sealed

    def restore_counts(self, *, repeats: int, late: int, sealed: bool, conflicting: Iterable[tuple[str, str, str]]) -> None:
        """Set what the events alone do not tell, after a saved log's events were added again."""
        self.repeats, self.late, self.sealed = repeats, late, sealed
        self._conflicts = set(conflicting)

    # --- Within ---------------------------------------------------------------------------------------------------------------

    def _too_late(self, event: Event) -> Late:
        work = self._view.after_call_work
        return Late(
            row=None,
            sentence="The session was sealed before it came.",
            from_state=self._view.state,
            acw=work.state if work else None,
            event=event,
        )

    def _copy_of(self, event: Event) -> Event | None:
        """The kept copy of an event. Most sessions are short, and looking through them takes less room than a dict."""
        if self._known is None and len(self._steps) < MARK_EVERY // 4:
            return next((one for one in self.events if one.id == event.id and one.source == event.source), None)
        if self._known is None:
            self._known = {identity(one): one for one in self.events}
        return self._known.get(identity(event))

    def _add_copy(self, known: Event, event: Event) -> Change:
        """Of copies, one is kept; what the other said is gone, its time included."""
        self.repeats += 1
        if event == known:
            return Change(self._outcome_of(known))
        if canonical(event) != canonical(known):
            self._conflicts.add(identity(event))
        if preference(event) >= preference(known):
            return Change(self._outcome_of(known))
        if self._known is not None:
            self._known[identity(event)] = event
        return self._insert(event, self._place(min(order(known), order(event))), instead_of=known)

    def _outcome_of(self, event: Event) -> Outcome:
        return self._steps[self._place(order(event))].outcome

    def _place(self, key: Key) -> int:
        """Where a step of this key stands, or would stand."""
        if not self._steps or _key(self._steps[-1]) < key:
            return len(self._steps)
        return bisect_left(self._steps, key, key=_key)

    def _insert(self, event: Event, place: int, instead_of: Event | None = None) -> Change:
        """Put an event in its place, and take everything after it again."""
        withdrawn, last = self._go_back(place), self._last
        after = [step.event for step in withdrawn if isinstance(step.event, Event) and step.event is not instead_of]
        after.insert(bisect_left(after, order(event), key=order), event)
        for one in after:
            for step in self._stepper.take(one):
                self._append(step)
        list(self._settle())
        rows = (*self._steps[place:], *filter(None, [self._last]))
        if not withdrawn and last is None:  # in order, as most are
            return Change(self._steps[-1 if len(rows) == 1 else self._place(order(event))].outcome, rows)
        changed = _changed((*withdrawn, *filter(None, [last])), rows, event)
        return evolve(changed, out_of_order=after[-1] is not event)

    def _append(self, step: Step) -> None:
        self._steps.append(step)
        if len(self._steps) % MARK_EVERY == 0:
            self._marks.append(self._stepper.copy())

    def _go_back(self, place: int) -> list[Step]:
        """Undo the steps from a place on, and hand them back."""
        withdrawn = self._steps[place:]
        if withdrawn:
            mark = place // MARK_EVERY
            del self._steps[place:], self._marks[mark + 1 :]
            self._stepper = self._marks[mark].copy()
            for step in self._steps[mark * MARK_EVERY :]:
                self._again(step)
        return withdrawn

    def _again(self, step: Step) -> None:
        """Take a step whose outcome is known."""
        self.lifecycle.judge(self._stepper.session, step.event)
        self._stepper.conversation = step.conversation

    def _settle(self) -> Iterator[Step]:
        """Fire what the latest `advance` finds due."""
        self._last, self._view = None, self._stepper.session
        if self._advanced is None:
            return
        if self._view.state == ConnectionState.ALERTING:  # the last resort: it must leave no trace where an event comes
            apart = self._stepper.copy()
            self._last = next(apart.advance(self._advanced), None)
            self._view = apart.session
        else:
            for step in self._stepper.advance(self._advanced):
                self._append(step)
                yield step


def _key(step: Step) -> Key:
    """Where a step stands; a timer after the events of its instant."""
    event = step.event
    return order(event) if isinstance(event, Event) else (event.occurred_at, UnknownEvent.rank + 1, "", "")


def _changed(before: Iterable[Step], after: Iterable[Step], event: Event) -> Change:
    """Compare the rows of two ends of a trace. A row is known by its event's identity, a timer's by its type."""
    old, new = ({_row_id(step): step for step in steps} for steps in (before, after))
    return Change(
        outcome=new[identity(event)].outcome,
        new=tuple(step for key, step in new.items() if key not in old),
        withdrawn=tuple(step for key, step in old.items() if key not in new),
        changed=tuple((old[key], step) for key, step in new.items() if key in old and old[key] != step),
    )


def _row_id(step: Step) -> tuple[str, str, str] | str:
    return identity(step.event) if isinstance(step.event, Event) else step.event.kind
