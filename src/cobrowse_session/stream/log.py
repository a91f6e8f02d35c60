"""The log: events of one session as they arrive, in any order and any number of times (STREAM-6).

Theory of operation
===================

What a log shows depends only on the set of events that were added (copies included), on the latest `advance`, and on its
lifecycle, never on the order of arrival. `fold` defines the result. The log reaches the same result piece by piece.

Steps are in order, after-call-work timers among them. An event that is next in order costs one step. A late event goes to its
place: the session goes back to the nearest *mark* (a copy, one every 16 steps) and takes the steps from there again. Timers
fire anew, or not at all. A copy that changes the event that counts is late in the same way.

The alerting timeout is a last resort, and is never between events: it is kept apart, in the `_last` steps of another session, and
found anew after each change. A table may have other last resorts.

The events are what a log holds. Steps, marks and session follow from them. While they are being changed, the log is *dirty*. If
anything raises on the way, the events are put back, the log stays dirty, and the next call folds the events anew. So a guard that
raises, or a signal at any line, loses no event. Observers are called last, when the log is clean.

One writer per log: it has no locks, and two threads that add to it at once would spoil it.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from itertools import chain
from typing import Generic, TypeVar, cast

from attrs import field, frozen

from cobrowse_session.canonical import NO_EDITION, Identity, OrderKey, canonical, identity, order
from cobrowse_session.checks import check_type
from cobrowse_session.events import Event, UnknownEvent
from cobrowse_session.lifecycle import Allowed, Late, Lifecycle, Outcome, Repeat
from cobrowse_session.lifecycle.allowed import refusals
from cobrowse_session.lifecycle.states import STANDARD
from cobrowse_session.model import NO_CONTEXT, CobrowseSession, Context, S_co, T
from cobrowse_session.stream.copies import Copies, contradictions, is_same, merge_copies
from cobrowse_session.stream.fold import FoldState, TraceEntry
from cobrowse_session.stream.observers import Observer, checked_observers, notify
from cobrowse_session.times import utc
from cobrowse_session.vocabulary import ConnectionState

K = TypeVar("K")
MARK_EVERY = 16
"""The steps from one mark to the next. A call has about ten, so most logs have no mark."""
INDEX_FROM = 16
"""The number of events from which on they are found by an index. A search of fewer is as fast, and takes less room."""
_SEALED = "The session was sealed before the event came."


@frozen(repr=False)
class Change:
    """The change of a log's trace.

    Attributes:
        outcome: the outcome of the event that was added: `Repeat` for a copy that changes nothing, `Late` after the log was
            sealed. None: time was advanced.
        new: entries that were added.
        withdrawn: entries that were removed: timers that were undone.
        changed: entries that differ now, as (before, after).
        out_of_order: the event occurred before others that had come already.
        context: conversation, participant, user and queue of the leg, afterwards.
        ended: the connection states of the table in which a leg has ended.
    """

    outcome: Outcome | None = None
    new: tuple[TraceEntry, ...] = ()
    withdrawn: tuple[TraceEntry, ...] = ()
    changed: tuple[tuple[TraceEntry, TraceEntry], ...] = ()
    out_of_order: bool = False
    context: Context = NO_CONTEXT
    ended: AbstractSet[str] = field(default=STANDARD.ended, eq=False)

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(some)} {name}" for name in ("new", "withdrawn", "changed") if (some := getattr(self, name)))
        return f"{type(self).__name__}({', '.join(filter(None, [self.outcome.kind if self.outcome else '', counts]))})"

    def __bool__(self) -> bool:
        """Return whether the trace changed at all."""
        return bool(self.new or self.withdrawn or self.changed)

    @property
    def is_revision(self) -> bool:
        """True if an earlier entry was withdrawn, or decided anew: another event, from-state or row."""
        # Example: the platform sends `acw.started` and `terminated` of one millisecond in this order. `terminated` precedes it
        # in the order (ORDER-2), so `acw.started` comes from `terminated` afterwards, no longer from `disconnected`. Both are
        # ends, and the same row applies it. Nothing that was known is different. An alert that comes after the connection is a
        # revision: the leg was first seen connected, and now it was first seen alerting.
        return bool(self.withdrawn) or any(
            _decided(before, self.ended) != _decided(after, self.ended) for before, after in self.changed
        )


class Sealed(Change):
    """The log was sealed, and the trace is as it was. Observers get this once, as the last change before `Late` and `Repeat`."""

    __slots__ = ()


@frozen
class Restored:
    """The result of restoring a saved log.

    Attributes:
        as_saved: the log is sealed, so session and trace are those that were saved. They were not folded anew.
        changed: the fields of the session JSON that differ under today's table, and `trace` if its entries do. Empty for a
            sealed log.
        table_changed: the table of the lifecycle is not the one under which the log was saved.
        sealed_under: the digest of the table under which a log was sealed: of its rows, and of its code. None: it is not sealed.
    """

    as_saved: bool = False
    changed: tuple[str, ...] = ()
    table_changed: bool = False
    sealed_under: tuple[str, str | None] | None = None


class SessionLog(Generic[S_co]):
    """The events of one session, in any order, and the session and the trace that follow from them.

    Args:
        lifecycle: the lifecycle that decides. The log never raises on an outcome, strict or not (OUTCOME-13).
        session_id: the session's id.
        observers: called in order with the log and its change, after `add`, after an `advance` that fired something, and after
            `seal`. An exception of an observer is reported to `logging`, and changes nothing.

    Raises:
        TypeError: an argument of another type.
        ValueError: the session's id is empty.

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
        "_copies",
        "_dirty",
        "_events",
        "_known",
        "_last",
        "_late",
        "_lifecycle",
        "_load",
        "_marks",
        "_observers",
        "_repeats",
        "_sealed",
        "_session_id",
        "_state",
        "_steps",
        "_view",
        "offsets",
        "restored",
    )

    def __init__(self, lifecycle: Lifecycle[S_co], session_id: str, observers: Iterable[Observer] = ()) -> None:
        check_type("SessionLog: lifecycle", lifecycle, Lifecycle)
        self._lifecycle = lifecycle
        self._session_id = session_id
        self._observers = checked_observers(observers)
        self.offsets: dict[str, timedelta] = {}
        """By how much each source's times are corrected in this session, fixed with its first event (CLOCK-8)."""
        self.restored: Restored | None = None
        """How the log was restored; None: it was not."""
        self._advanced: datetime | None = None
        self._events: list[Event] = []  # one of each identity, in order
        self._copies: dict[Identity, Copies] = {}  # of the identities that have several
        self._repeats = 0
        self._late = 0
        self._sealed = False
        self._dirty = False
        self._known: dict[str, dict[str, Event]] | None = None  # by source and id, where there are many
        self._load: Callable[[], Iterable[Event]] | None = None  # reads the events of a saved log, until they are needed
        self._start()

    @staticmethod
    def of(events: Iterable[Event], lifecycle: Lifecycle[T] | None = None, *, until: datetime | None = None) -> "SessionLog[T]":
        """Return the log of all events of one session.

        Args:
            events: at least one, in any order, with any repetition.
            lifecycle: the rules. None: the default ones.
            until: advance to this time, on the corrected provider clock. None: time does not go on.

        Raises:
            ValueError: no events, or events of different sessions.
        """
        every = list(events)
        if not every:
            raise ValueError("expected at least one event, found none")
        log = SessionLog(lifecycle or cast(Lifecycle[T], Lifecycle()), every[0].subject)
        for event in every:
            log.add(event)
        if until is not None:
            log.advance(until)
        return log

    def _start(self) -> None:
        self._steps: list[TraceEntry] = []
        self._state = self._new_state()
        self._marks: list[FoldState] = []  # the session before step 16, 32, …
        self._last: tuple[TraceEntry, ...] = ()  # a last resort that fired, and the timers beside it
        self._view = self._state.session

    def _new_state(self) -> FoldState:
        return FoldState(self._lifecycle, self._lifecycle.new(self._session_id))

    def __repr__(self) -> str:
        count = f"{len(self._events)} events" if self._load is None else "events not loaded"
        return f"SessionLog({self._session_id!r}, {count}, state={str(self._view.state)!r})"

    # --- What it shows --------------------------------------------------------------------------------------------------------

    @property
    def lifecycle(self) -> Lifecycle[S_co]:
        """The rules of this log."""
        return self._lifecycle

    @property
    def session_id(self) -> str:
        """The session's id."""
        return self._session_id

    @property
    def observers(self) -> tuple[Observer, ...]:
        """The functions that are called with each change. Assign them to a log that was restored or merged: it has none."""
        return self._observers

    @observers.setter
    def observers(self, observers: Iterable[Observer]) -> None:
        self._observers = checked_observers(observers)

    @property
    def session(self) -> S_co:
        """The session that follows from the events. Read it, or copy it. Only the log may write to it."""
        if self._load is None:
            self._clean()
        return cast(S_co, self._view)

    @property
    def trace(self) -> tuple[TraceEntry, ...]:
        """Every kept event and every timer, in order, with its outcome."""
        self._clean()
        return (*self._steps, *self._last)

    @property
    def context(self) -> Context:
        """Whose leg it is: of each field, what the latest event in order states."""
        if self._load is None:
            self._clean()
        return self._state.context

    @property
    def deadline(self) -> datetime | None:
        """The next deadline, on the corrected provider clock. None: there is none."""
        return None if self._sealed else self._lifecycle.deadline(self.session)

    @property
    def advanced(self) -> datetime | None:
        """The latest time to which the log was advanced, on the corrected provider clock."""
        return self._advanced

    @property
    def sealed(self) -> bool:
        """True if the log takes no more events."""
        return self._sealed

    @property
    def latest(self) -> datetime | None:
        """The time of the latest kept event, on the corrected provider clock. None: there is none."""
        self._clean()
        return self._events[-1].occurred_at if self._events else None

    @property
    def events(self) -> tuple[Event, ...]:
        """The kept events, in order: one of each identity, made of its copies."""
        self._clean()
        return tuple(self._events)

    @property
    def copies(self) -> tuple[Event, ...]:
        """All copies that differ, as they were received: in the order of their events, then by canonical form."""
        self._clean()
        several = self._copies
        return tuple(copy for event in self._events for copy in several.get(identity(event), (event,)))

    @property
    def repeats(self) -> int:
        """The number of copies that were received beyond one of each event."""
        return self._repeats

    @property
    def late(self) -> int:
        """The number of events that came after the log was sealed."""
        return self._late

    @property
    def conflicts(self) -> int:
        """The number of events with copies of their highest edition that differ in more than the time of receipt."""
        self._clean()
        return sum(copies.in_conflict for copies in self._copies.values())

    @property
    def corrected(self) -> int:
        """The number of events with a lower edition that states something else than what counts."""
        self._clean()
        return sum(copies.is_corrected for copies in self._copies.values())

    def holds(self, event: Event) -> bool:
        """Return whether the log has an event of this identity."""
        self._clean()
        return self._held(event) is not None

    def keeps(self, event: Event) -> bool:
        """Return whether `add` would keep a copy: no copy here says the same, or each that does was received later."""
        copies = self.copies_of(event)
        if not copies:
            return True
        form = canonical(event)
        return all(event.received < copy.received for copy in copies if canonical(copy) == form)

    def copies_of(self, event: Event) -> tuple[Event, ...]:
        """Return the copies of this identity that differ, as they were received, by canonical form."""
        self._clean()
        held = self._held(event)
        return () if held is None else tuple(self._copies.get(identity(event), (held,)))

    def as_of(self, moment: datetime) -> "SessionLog[S_co]":
        """Return the log as it was at a moment: of the copies received by then, advanced to then.

        Args:
            moment: on the cloud clock.

        Raises:
            TypeError: `moment` is naive.
        """
        moment = utc(moment)
        then = SessionLog(self._lifecycle, self._session_id)
        then.restore([copy for copy in self.copies if copy.received <= moment])
        then.advance(moment)
        return then

    def allowed(self, at: datetime) -> tuple[Allowed, ...]:
        """Return which kinds of event would be applied in their place if one had occurred at a time: yes, no or depends.

        What is known of later does not count. Nothing is allowed in a log that is sealed.

        Args:
            at: corrected provider clock. Kept events of the same instant count as earlier.

        Raises:
            TypeError: `at` is naive.
        """
        at = utc(at)
        if self._sealed:
            return refusals(Late.kind, _SEALED, self._lifecycle.table)
        # Not `session`: an alert that was given up meanwhile is taken up again by a `connected` that comes late.
        before = SessionLog(self._lifecycle, self._session_id)
        before.restore(event for event in self.events if event.occurred_at <= at)
        return self._lifecycle.allowed(before.session, at)

    # --- What changes it ------------------------------------------------------------------------------------------------------

    def add(self, event: Event) -> Change:
        """Take an event: the next one, a late one, or a copy. If this raises, the log is what it was.

        Returns:
            How the trace changed, and the outcome of the event. It is `Repeat` for a copy that changes nothing. After `seal` it
            is `Late`, with the event handed back.

        Raises:
            TypeError: it is no event, or of a class that the table does not have.
            ValueError: the event is of another session.
        """
        self._lifecycle.check_event(event, self._session_id)
        if self._dirty:
            self._clean()
        held, steps = self._held(event), self._steps
        if self._sealed:
            change = self._add_to_sealed(held, event)
        elif held is not None:
            change = self._add_copy(held, event)
        elif not steps or steps[-1].event.occurred_at < event.occurred_at or _key(steps[-1]) < order(event):
            change = self._take_next(event)
        else:
            change = self._take(event)
        if self._observers:
            notify(self._observers, self, change)
        return change

    def advance(self, now: datetime) -> Change:
        """Fire what is due: each timer at its own instant, in order. An earlier time than before changes nothing.

        Args:
            now: corrected provider clock. Advice for live use: some seconds ago, as long as events take to arrive.

        Returns:
            How the trace changed. `new` lists what fired.

        Raises:
            TypeError: `now` is naive.
        """
        now = utc(now)
        if self._sealed or (self._advanced is not None and now <= self._advanced):
            return Change(context=self.context)
        if self._load is not None and ((due := self.deadline) is None or due > now):
            self._advanced = now  # nothing is due, so no event is needed
            return Change(context=self._state.context)
        self._clean()
        before, last = self._advanced, self._last
        self._dirty = True
        try:
            self._advanced = now
            fired = self._settle()
        except BaseException:
            # Otherwise the next call would fold up to the new time, and fire what this call never returned.
            self._advanced = before
            raise
        self._dirty = False
        change = Change(new=(*fired, *self._last[len(last) :]), context=self._state.context)
        if self._observers and change:
            notify(self._observers, self, change)
        return change

    def seal(self, horizon: datetime) -> bool:
        """Close the log, if nothing can come that matters. Whatever is added afterwards is late, or a repeat.

        Only a session that has ended, has no deadline left and whose latest event occurred before the horizon is sealed.

        Args:
            horizon: corrected provider clock.

        Returns:
            Whether the log is sealed now.

        Raises:
            TypeError: `horizon` is naive.
        """
        latest, horizon = self.latest, utc(horizon)
        ended = self.session.state in self._lifecycle.table.states.ended
        over = ended and self.deadline is None and latest is not None and latest < horizon
        if over and not self._sealed:
            self._sealed = True
            notify(self._observers, self, Sealed(context=self._state.context))
        return self._sealed

    # --- What restores it -----------------------------------------------------------------------------------------------------

    def restore(
        self, copies: Iterable[Event], *, advanced: datetime | None = None, received: int | None = None, late: int = 0
    ) -> None:
        """Take all copies of a saved log at once, into a log that has none yet.

        Args:
            copies: as `SessionLog.copies` lists them.
            advanced: the latest time to which the log was advanced, on the corrected provider clock.
            received: the number of copies that were received in all. None: those that are given.
            late: how many events came after the log was sealed.
        """
        every = list(copies)
        self._events, self._copies = merge_copies(every)
        self._repeats = (len(every) if received is None else received) - len(self._events)
        self._advanced, self._late, self._dirty = advanced and utc(advanced), late, True
        self._clean()

    def restore_as_saved(  # noqa: PLR0913 (what a saved log has)
        self,
        load: Callable[[], Iterable[Event]],
        session: CobrowseSession,
        context: Context,
        *,
        advanced: datetime | None,
        repeats: int,
        late: int,
    ) -> None:
        """Take a saved log whose session can be trusted. Its events are loaded when they are needed.

        Args:
            load: returns the copies, as `SessionLog.copies` lists them.
            session: as it was saved.
            context: as it was saved.
            advanced: the latest time to which the log was advanced, on the corrected provider clock.
            repeats: how many copies were received beyond one of each event.
            late: how many events came after the log was sealed.
        """
        self._load, self._dirty = load, True
        self._view, self._state.context = session, context
        self._advanced, self._repeats, self._late = advanced, repeats, late

    def restore_sealed(  # noqa: PLR0913 (what a saved log has)
        self,
        copies: Iterable[Event],
        session: CobrowseSession,
        trace: Iterable[TraceEntry],
        *,
        advanced: datetime | None,
        repeats: int,
        late: int,
    ) -> None:
        """Take a sealed log as it was saved: its session and trace are not folded anew.

        Args:
            copies: as `SessionLog.copies` lists them.
            session: as it was saved.
            trace: as it was saved.
            advanced: the latest time to which the log was advanced, on the corrected provider clock.
            repeats: how many copies were received beyond one of each event.
            late: how many events came after the log was sealed.
        """
        self._events, self._copies = merge_copies(copies)
        self._advanced, self._repeats, self._late = advanced, repeats, late
        for event in self._events:
            self._state.take_context(event)
        self._state.session = self._view = session
        self._steps, self._sealed = list(trace), True
        place = self._lifecycle.last_resort_in(step.event for step in self._steps)  # the last rows, whatever their time
        self._last = tuple(self._steps[place:])
        del self._steps[place:]

    # --- Within ---------------------------------------------------------------------------------------------------------------

    def _clean(self) -> None:
        """Fold the events anew, if a change was interrupted."""
        if not self._dirty:
            return
        if self._load is not None:
            self._events, self._copies = merge_copies(self._load())
            self._load = None
        single = (event for event in self._events if identity(event) not in self._copies)
        self._events, self._copies = merge_copies([*single, *chain.from_iterable(self._copies.values())])
        self._known = None
        self._start()
        for event in self._events:
            self._append(self._state.take(event))
        self._settle()
        self._dirty = False

    def _held(self, event: Event) -> Event | None:
        """Return the kept event of this identity."""
        if self._known is None and len(self._events) < INDEX_FROM:
            for one in self._events:
                if one.id == event.id and one.source == event.source:
                    return one
            return None
        if self._known is None:
            self._known = {}
            for one in self._events:
                self._known.setdefault(one.source, {})[one.id] = one
        return self._known.get(event.source, {}).get(event.id)

    def _add_to_sealed(self, held: Event | None, event: Event) -> Change:
        if held is not None and is_same(Copies(*self._copies.get(identity(event), (held,)), event).merged, held):
            self._repeats += 1
            return self._repeated(held, event)
        self._late += 1
        work = self._view.after_call_work
        late = Late(
            row=None,
            reason=_SEALED,
            from_state=self._view.state,
            acw=work.state if work else None,
            event=event,
        )
        return Change(late, context=self._state.context)

    def _add_copy(self, held: Event, event: Event) -> Change:
        """Take a copy. It may change the event that counts, and is kept if it differs."""
        key = identity(event)
        if key not in self._copies and is_same(event, held):
            self._repeats += 1
            return self._repeated(held, held)
        # Example: the log holds the end of a leg, sequence 1 with `peer`. These copies arrive, one after the other:
        #
        #     copy                  outcome   disconnectType afterwards
        #     sequence 2, transfer  applied   transfer: the event that counts is replaced, and its steps are taken again
        #     sequence 1, peer      repeat    transfer: the very copy that came first
        #     sequence 1, client    repeat    transfer: it differs and is kept, but a lower edition does not count
        #     sequence 3, no type   applied   transfer: absence is no correction
        #
        # Each of the four counts as one repeat. If anything raises, the copies are built anew without the one that came.
        copies = self._copies.setdefault(key, Copies(held))
        try:
            copies.add(event)
            merged = copies.merged
            if is_same(merged, held):
                change = self._repeated(held, event if len(copies) > 1 else held)
            else:
                change = self._take(merged, instead_of=held)
        except BaseException:
            self._dirty = True
            self._copies[key] = copies.undone()
            raise
        copies.commit()
        if len(copies) == 1:  # it differs in nothing but when it was received
            del self._copies[key]
        self._repeats += 1
        return change

    def _repeated(self, held: Event, copy: Event) -> Change:
        return Change(self._repeat_of(held, copy), context=self._state.context)

    def _repeat_of(self, held: Event, copy: Event) -> Repeat:
        kept = self._steps[self._place(order(held))].outcome
        reason = "The log holds this event already."
        # A sender that uses an id a second time, for another fact, must be able to find that out.
        if copy is not held and (differing := contradictions(held, copy)):
            reason = f"The log holds this event already, and that one counts. This copy has another {', '.join(differing)}."
        return Repeat(row=kept.row, reason=reason, from_state=kept.from_state, acw=kept.acw, kept=kept)

    def _take_next(self, event: Event) -> Change:
        """Hold an event that comes behind all others, as most do, and take its steps."""
        last = self._last
        self._dirty = True
        try:
            self._events.append(event)
            if self._known is not None:
                self._known.setdefault(event.source, {})[event.id] = event
            taken = self._state.take(event)
            self._append(taken)
            fired = () if self._advanced is None else self._settle()
        except BaseException:
            self._events = [one for one in self._events if one is not event]
            raise
        self._dirty = False
        rows = (*taken, *fired, *self._last)
        if not last:
            return Change(taken[-1].outcome, rows, context=self._state.context)
        return _changed(last, rows, event, self._state)

    def _take(self, event: Event, instead_of: Event | None = None) -> Change:
        """Hold an event, and take the steps from its place on."""
        key = order(event)
        # A corrected time moves an event. If 09:01:00 becomes 09:00:50, the entries change from the new place on. If it becomes
        # 09:01:10, they change from the old place on. So the earlier of both counts.
        place = self._place(key if instead_of is None else min(key, order(instead_of)))
        self._dirty = True
        try:
            self._hold(event, instead_of)
            change = self._fold_from(place, event, instead_of)
        except BaseException:
            # It is not known how far `_hold` came, so `instead_of` may be there twice now.
            # `_clean` makes one event of each identity.
            self._events = [one for one in self._events if one is not event]
            if instead_of is not None:
                self._events.append(instead_of)  # `_clean` sorts
            raise
        self._dirty = False
        return change

    def _hold(self, event: Event, instead_of: Event | None) -> None:
        if instead_of is not None:  # both are among the copies, so nothing is lost in between
            del self._events[bisect_left(self._events, order(instead_of), key=order)]
        insort(self._events, event, lo=_near_end(self._events, order(event), order), key=order)
        if self._known is not None:
            self._known.setdefault(event.source, {})[event.id] = event

    def _place(self, key: OrderKey) -> int:
        """Return where a step of this key is, or would be."""
        return bisect_left(self._steps, key, lo=_near_end(self._steps, key, _key), key=_key)

    def _fold_from(self, place: int, event: Event, instead_of: Event | None) -> Change:
        """Take an event in its place, and everything after it again."""
        # Example, with the prompt `timeout` and 30 s. The log holds `alerting`, `connected`, `disconnected` and `updated` when
        # the wrap-up of 09:01:20 arrives. Its place is 3.
        #
        #     place   before                  afterwards
        #     0 to 2  09:00:00 to 09:01:00    the same entries: the session goes back to mark 0 and takes them again
        #     3       timer.acw  09:01:30     wrapup     09:01:20, row `complete_by_code`
        #     4       updated    09:02:00     updated    09:02:00
        #
        # Only events are taken again. `take` fires a timer anew if it is still due, and here it is not. The change has `wrapup`
        # as new and the timer as withdrawn. `updated` has the same outcome as before, so it is not in the change.
        withdrawn, last = self._go_back(place), self._last
        after = [step.event for step in withdrawn if isinstance(step.event, Event) and step.event is not instead_of]
        after.insert(bisect_left(after, order(event), key=order), event)
        for one in after:
            self._append(self._state.take(one))
        self._settle()
        rows = (*self._steps[place:], *self._last)
        out_of_order = after[-1].occurred_at > event.occurred_at
        return _changed((*withdrawn, *last), rows, event, self._state, out_of_order=out_of_order)

    def _append(self, steps: Iterable[TraceEntry]) -> None:
        """Append steps that were taken at once: an event with the timers before it, or the timers of an `advance`."""
        self._steps += steps
        # Example: step 15 is a timer, and step 16 the event after it. Both were taken at once, so mark 1 is in between and is not
        # the session of now.
        while len(self._steps) >= (len(self._marks) + 1) * MARK_EVERY:
            self._marks.append(self._before((len(self._marks) + 1) * MARK_EVERY))

    def _before(self, place: int) -> FoldState:
        """Return the session before the step at a place."""
        if place == len(self._steps):
            return self._state.copy()
        mark = min(place // MARK_EVERY, len(self._marks))
        state = self._marks[mark - 1].copy() if mark else self._new_state()
        # Not `FoldState.take`: the timers before an event are steps of their own here, and it would fire them a second time.
        for step in self._steps[mark * MARK_EVERY : place]:
            self._lifecycle.decide_again(state.session, step.event, step.outcome)
            state.take_context(step.event)
        return state

    def _go_back(self, place: int) -> list[TraceEntry]:
        """Undo the steps from a place on, and hand them back."""
        # Invariant: mark `i` is the session before step 16 * i. Mark 0 is a new session and is not kept, so there are
        # `len(steps) // 16` marks. Example: of 201 steps, place 130 is changed. Mark 8 is before step 128. Steps 128 and 129 are
        # taken again here, and `_fold_from` takes the rest.
        withdrawn = self._steps[place:]
        self._state = self._before(place)
        del self._steps[place:], self._marks[place // MARK_EVERY :]
        return withdrawn

    def _settle(self) -> tuple[TraceEntry, ...]:
        """Fire what the latest `advance` finds due, and return it."""
        self._last, self._view = (), self._state.session
        due = None if self._advanced is None else self._lifecycle.deadline(self._view)
        if self._advanced is None or due is None or due > self._advanced:
            return ()
        then = self._state.copy()
        fired = tuple(then.advance(self._advanced))
        self._view = then.session
        # Example: an alert of 09:00:00 with a timeout of 20 s and a grace of 1 s, advanced to 09:00:45. The last row is
        # `timer.alerting` of 09:00:21, and the log shows `disconnected`. Then `connected` of 09:01:00 arrives.
        #
        #     `_last` on a copy        the timer is withdrawn, and the leg is connected, as `fold` of both events finds
        #     a step among the others  the leg has ended at 09:00:21, and `connected` is refused: session_is_over
        #
        # So the result would depend on the order of arrival (STREAM-7, TIMER-4). What fires behind a last resort follows from it.
        # What fires before it fires anew, so all timers of the copy are apart.
        if any(self._lifecycle.is_last_resort_timer(step.event) for step in fired):
            self._last = fired
            return ()
        self._state = then
        self._append(fired)
        return fired


def _decided(step: TraceEntry, ended: AbstractSet[str]) -> tuple[object, ...]:
    """Return what decided an entry. The ends are one state here: they have the same rows."""
    outcome = step.outcome
    before = ConnectionState.DISCONNECTED if outcome.from_state in ended else outcome.from_state
    return outcome.kind, outcome.row, before, step.event


def _near_end(items: Sequence[K], key: OrderKey, key_of: Callable[[K], OrderKey]) -> int:
    """Return an index before the place of a key. Most late events belong near the end, so it is sought from there."""
    reach = 1
    while reach < len(items) and key <= key_of(items[-reach]):
        reach *= 2
    return max(0, len(items) - reach)


def _key(step: TraceEntry) -> OrderKey:
    """Return the place of an entry in the order. A timer comes after the events of its instant (ACW-26)."""
    event = step.event
    # Timers are no events and have no rank. One more than the greatest rank puts a timer behind all events of its instant, so the
    # steps are sorted by this key, and `_place` may bisect.
    return order(event) if isinstance(event, Event) else (event.occurred_at, UnknownEvent.rank + 1, "", NO_EDITION, "")


def _changed(
    before: Iterable[TraceEntry], after: Iterable[TraceEntry], event: Event, state: FoldState, *, out_of_order: bool = False
) -> Change:
    """Compare the rows of two ends of a trace that begin at the same place."""
    # Both sides begin at the same place. So the first timer of one side is the first of the other, and a timer that moves has
    # changed. Example: the end of the leg is corrected from 09:01:00 to 09:00:50. The after-call-work timer of 09:01:30 is listed
    # as changed to 09:01:20, not as withdrawn and new.
    old, new = dict(_by_row(before)), []
    changed: list[tuple[TraceEntry, TraceEntry]] = []
    outcome = None
    for key, step in _by_row(after):
        held = old.pop(key, None)
        if step.event is event:
            outcome = step.outcome
        if held is None:
            new.append(step)
        elif _differ(held, step):
            changed.append((held, step))
    ended = state.lifecycle.table.states.ended
    return Change(outcome, tuple(new), tuple(old.values()), tuple(changed), out_of_order, state.context, ended)


def _differ(one: TraceEntry, other: TraceEntry) -> bool:
    # Most parts are the same object in both, and equality would compare all fields of the event.
    return (
        (one.event is not other.event and one.event != other.event)
        or (one.outcome is not other.outcome and one.outcome != other.outcome)
        or (one.context is not other.context and one.context != other.context)
    )


def _by_row(steps: Iterable[TraceEntry]) -> Iterator[tuple[tuple[str, str | int], TraceEntry]]:
    """Yield entries with their identity: source and id of the event, or the type and the number of a timer (TRACE-11).

    A session can have several timers of one type: work that is reopened can time out again.
    """
    numbers = Counter[str]()
    for step in steps:
        event = step.event
        if isinstance(event, Event):
            yield (event.source, event.id), step
        else:
            numbers[event.kind] += 1
            yield (event.kind, numbers[event.kind]), step
