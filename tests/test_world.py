"""The simulated world: what must hold holds in every seed, and every planted bug is found.

More worlds: `make soak`. One, and what happened in it: `.venv/bin/python -m tests.soak --seed N`.
"""

# ruff: noqa: SLF001 (a bug is planted where the code is, and that is within)

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from attrs import evolve
from tests import world as world_module
from tests.effort import share
from tests.soak import OUTCOMES, explore, soak
from tests.world import FAULTS, BrokenError, World

from cobrowse_session import DecodeError, Event, Fired, Lifecycle, ProviderClock, Refused, Repeat, SessionLog
from cobrowse_session.events import Timer
from cobrowse_session.io import memory as memory_module
from cobrowse_session.io import receiver as receiver_module
from cobrowse_session.io.arrival import stamped as real_stamped
from cobrowse_session.io.inbox import Advanced, Inbox, Put, Received
from cobrowse_session.io.memory import SealedSessions
from cobrowse_session.io.replay import Rejected
from cobrowse_session.io.waiting import Waiting
from cobrowse_session.model import CobrowseSession, Communication
from cobrowse_session.stream import Change, TraceEntry
from cobrowse_session.stream import copies as copies_module
from cobrowse_session.stream import log as log_module
from cobrowse_session.testing import START
from cobrowse_session.times import utc
from cobrowse_session.wire import restore_log, save_log

SEEDS = range(share(1000))


def test_what_must_hold_holds_in_every_world_and_everything_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    figures = soak(SEEDS)

    with capsys.disabled():
        print(f"\n{figures}")  # noqa: T201 (the figures are wanted)
    assert figures.worlds == len(SEEDS)
    assert figures.missing == []


def test_a_seed_is_a_world() -> None:
    assert list(World(7).run().story()) == list(World(7).run().story())


def test_what_was_never_seen_is_missing() -> None:
    figures = explore(())
    figures.outcomes["stale"] += 1

    missing = figures.missing

    assert {f"fault: {fault}" for fault in FAULTS} | {f"outcome: {kind}" for kind in OUTCOMES} <= {*missing}
    assert "row: after-call work, complete_by_timeout" in missing
    assert "outcome that no log gives: stale" in missing


def test_a_world_that_breaks_says_how_to_repeat_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "run", lambda _: 1 / 0)

    with pytest.raises(BrokenError, match=r"ZeroDivisionError(.|\n)*\.venv/bin/python -m tests\.soak --seed 17"):
        explore(range(17, 18))


# --- Planted bugs -------------------------------------------------------------------------------------------------------------
# Each changes the real code in one place, as a tired engineer might. A world that does not find one is not worth its time.

Plant = Callable[[pytest.MonkeyPatch], None]
real_add = SessionLog.add
real_go_back, real_settle = SessionLog._go_back, SessionLog._settle
real_receive = Inbox._receive
real_advance = Lifecycle.advance


def timers_are_not_undone(patch: pytest.MonkeyPatch) -> None:
    """A late event goes behind a timer that has fired already."""

    def go_back(log: SessionLog, place: int) -> list[TraceEntry]:
        fired = [number for number, step in enumerate(log._steps, 1) if isinstance(step.event, Timer)]
        return real_go_back(log, max([place, *fired]))

    patch.setattr(SessionLog, "_go_back", go_back)


def a_deadline_is_stamped_when_it_is_noticed(patch: pytest.MonkeyPatch) -> None:
    def advance(lifecycle: Lifecycle, session: Communication, now: datetime) -> tuple[Fired, ...]:
        due = lifecycle.deadline(session)
        if due is None or due > utc(now):
            return ()
        kind = type(lifecycle.timer_of(session, real_advance(lifecycle, copy_of(session), due)[0]))
        outcome = lifecycle.decide(session, kind(subject=session.id or "", occurred_at=utc(now)))
        assert isinstance(outcome, Fired)
        return (outcome,)

    patch.setattr(Lifecycle, "advance", advance)


def copy_of(session: Communication) -> CobrowseSession:
    assert isinstance(session, CobrowseSession)
    return evolve(session)


def an_event_at_the_deadline_comes_after_it(patch: pytest.MonkeyPatch) -> None:
    def fire_before(lifecycle: Lifecycle, session: Communication, event: Event) -> tuple[Fired, ...]:
        return lifecycle._fire_until(session, event.occurred_at + timedelta(milliseconds=1))

    patch.setattr(Lifecycle, "fire_before", fire_before)


def ties_are_resolved_by_arrival(patch: pytest.MonkeyPatch) -> None:
    arrived = count()
    numbers: dict[Event, int] = {}

    def by_arrival(event: Event) -> tuple[object, ...]:
        number = numbers.setdefault(event, next(arrived))
        return event.occurred_at, 0, "", (0, 0, "", str(number)), ""

    patch.setattr(log_module, "order", by_arrival)


def marks_are_not_copied(patch: pytest.MonkeyPatch) -> None:
    """Steps are taken again on the mark itself, so that the next late event begins where the last one ended."""

    def go_back(log: SessionLog, place: int) -> list[TraceEntry]:
        withdrawn = real_go_back(log, place)
        if withdrawn and log._marks:
            log._marks[-1] = log._state
        return withdrawn

    patch.setattr(log_module, "MARK_EVERY", 4)  # sessions of a world are short
    patch.setattr(SessionLog, "_go_back", go_back)


def marks_stay_after_a_late_event(patch: pytest.MonkeyPatch) -> None:
    def go_back(log: SessionLog, place: int) -> list[TraceEntry]:
        marks = list(log._marks)
        withdrawn = real_go_back(log, place)
        log._marks[:] = marks
        return withdrawn

    patch.setattr(SessionLog, "_go_back", go_back)


def the_copy_last_received_is_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(copies_module._Copy, "dedup_key", property(lambda copy: (START - copy.event.received, "")))


def copies_received_at_once_are_kept_by_arrival(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(copies_module._Copy, "dedup_key", property(lambda copy: (copy.event.received, "")))


def a_copy_that_gives_way_stays(patch: pytest.MonkeyPatch) -> None:
    real = SessionLog._fold_from
    patch.setattr(SessionLog, "_fold_from", lambda log, place, event, _instead_of: real(log, place, event, None))


def a_repeat_has_a_row(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SessionLog, "_add_copy", lambda log, _held, event: log._take(event))


def copies_received_at_other_times_are_in_conflict(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(copies_module, "canonical", repr)


def an_alert_that_timed_out_stays_so(patch: pytest.MonkeyPatch) -> None:
    """It stands between the events, as the other timer does."""

    def settle(log: SessionLog) -> tuple[TraceEntry, ...]:
        log._last, log._view = (), log._state.session
        fired = tuple(log._state.advance(log._advanced)) if log._advanced else ()
        log._append(fired)
        return fired

    patch.setattr(SessionLog, "_settle", settle)


def going_back_goes_back(patch: pytest.MonkeyPatch) -> None:
    def advance(log: SessionLog, now: datetime) -> Change:
        log._advanced, before = utc(now), log._last
        fired = tuple(real_settle(log))
        return Change(new=(*fired, *log._last[len(before) :]))

    patch.setattr(SessionLog, "advance", advance)


def all_that_comes_for_a_sealed_session_is_a_repeat(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SealedSessions, "answer", lambda _sealed, _event: Repeat(row=None, reason="No.", from_state="none"))


def a_repeat_for_a_sealed_session_is_late(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(memory_module, "fingerprint", lambda event: str(id(event)).encode())


def a_deadline_does_not_keep_a_log_open(patch: pytest.MonkeyPatch) -> None:
    def seal(log: SessionLog, horizon: datetime) -> bool:
        latest = log.latest
        log._sealed = log._sealed or (log.session.disconnected_time is not None and latest is not None and latest < horizon)
        return log._sealed

    patch.setattr(SessionLog, "seal", seal)


def the_change_is_silent_about_timers_undone(patch: pytest.MonkeyPatch) -> None:
    real_changed = log_module._changed
    patch.setattr(log_module, "_changed", lambda *args, **more: evolve(real_changed(*args, **more), withdrawn=()))


def _restored(patch: pytest.MonkeyPatch, spoil: Callable[[dict[str, Any]], object]) -> None:
    def restore(data: dict[str, Any]) -> SessionLog:
        data = {**data}
        spoil(data)
        return restore_log(data)

    patch.setattr(world_module, "restore_log", restore)


def a_restored_log_forgets_refused_events(patch: pytest.MonkeyPatch) -> None:
    def save(log: SessionLog) -> dict[str, Any]:
        refused = {step.event.id for step in log.trace if isinstance(step.event, Event) and isinstance(step.outcome, Refused)}
        return {**(data := save_log(log)), "events": [event for event in data["events"] if event["id"] not in refused]}

    patch.setattr(world_module, "save_log", save)


def a_restored_log_forgets_how_far_it_was(patch: pytest.MonkeyPatch) -> None:
    _restored(patch, lambda data: data.update(advanced=None))


def a_restored_log_forgets_its_offsets(patch: pytest.MonkeyPatch) -> None:
    _restored(patch, lambda data: data.update(offsets={}))


def a_restored_log_is_open_again(patch: pytest.MonkeyPatch) -> None:
    _restored(patch, lambda data: data.update(sealed=False))


def a_restored_log_goes_on_by_other_rules(patch: pytest.MonkeyPatch) -> None:
    _restored(patch, lambda data: data["lifecycle"].update(acwWhenUnanswered=True))


def a_restored_log_forgets_its_timers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Inbox, "put", lambda inbox, log: inbox.logs.update({log.session_id: log}))


def each_event_is_corrected_by_what_the_clock_knows_now(patch: pytest.MonkeyPatch) -> None:
    def offset(inbox: Inbox, event: Event) -> timedelta:
        correction = inbox.correct.get(event.source, timedelta(0))
        return correction.offset if isinstance(correction, ProviderClock) else correction

    patch.setattr(Inbox, "_offset", offset)


def the_hosts_clock_is_used_where_received_is_stamped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(receiver_module, "stamped", lambda event, now: real_stamped(evolve(event, received_at=None), now))


def a_timer_that_comes_nearer_is_not_noticed(patch: pytest.MonkeyPatch) -> None:
    real = Waiting.add

    def add(waiting: Waiting, log: SessionLog) -> None:
        if log.session_id not in waiting._latest_deadline:
            real(waiting, log)

    patch.setattr(Waiting, "add", add)


def a_host_that_was_ahead_keeps_the_inbox_there(patch: pytest.MonkeyPatch) -> None:
    real_advance = Inbox.advance

    def advance(inbox: Inbox, now: datetime) -> Advanced:
        return real_advance(inbox, max(now, inbox._advanced or now))

    patch.setattr(Inbox, "advance", advance)


def an_event_that_makes_a_deadline_due_does_not_fire_it(patch: pytest.MonkeyPatch) -> None:
    def add(inbox: Inbox, event: Event, now: datetime, offset: timedelta | None = None) -> Change:
        inbox._advanced, then = None, inbox._advanced
        change = real(inbox, event, now, offset)
        inbox._advanced = then
        return change

    real = Inbox._add
    patch.setattr(Inbox, "_add", add)


def what_was_let_go_is_born_again(patch: pytest.MonkeyPatch) -> None:
    real_advance = Inbox.advance

    def advance(inbox: Inbox, now: datetime) -> Advanced:
        advanced = real_advance(inbox, now)
        inbox._sealed._sessions.clear()
        return advanced

    patch.setattr(Inbox, "advance", advance)


def what_cannot_be_read_is_dropped_silently(patch: pytest.MonkeyPatch) -> None:
    real = Inbox.receive

    def receive(inbox: Inbox, raw: bytes, now: datetime) -> Received | Rejected:
        told, inbox.reject = inbox.reject, None
        try:
            return real(inbox, raw, now)
        finally:
            inbox.reject = told

    patch.setattr(Inbox, "receive", receive)


def what_is_rejected_begins_a_session(patch: pytest.MonkeyPatch) -> None:
    def receive(inbox: Inbox, event: Event, now: datetime) -> Received:
        inbox.logs.setdefault(event.subject, SessionLog(inbox.lifecycle, event.subject))
        return real_receive(inbox, event, now)

    patch.setattr(Inbox, "_receive", receive)


def what_is_rejected_teaches_the_clock(patch: pytest.MonkeyPatch) -> None:
    def receive(inbox: Inbox, event: Event, now: datetime) -> Received:
        try:
            return real_receive(inbox, event, now)
        except DecodeError:
            inbox._sources.learn(evolve(event, received_at=now))
            raise

    patch.setattr(Inbox, "_receive", receive)


def a_copy_teaches_the_clock(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Inbox, "_is_first", lambda _inbox, _event: True)


def a_receivedtime_after_the_arrival_stays(patch: pytest.MonkeyPatch) -> None:
    def stamped(event: Event, now: datetime) -> tuple[Event, tuple[str, ...]]:
        return evolve(event, received_at=event.received_at or now), ()

    patch.setattr(receiver_module, "stamped", stamped)


def a_log_that_is_put_replaces_what_came_meanwhile(patch: pytest.MonkeyPatch) -> None:
    real = Inbox.put

    def put(inbox: Inbox, log: SessionLog) -> Put:
        inbox.logs.pop(log.session_id, None)
        return real(inbox, log)

    patch.setattr(Inbox, "put", put)


def a_sealed_log_that_is_put_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    real = Inbox.put

    def put(inbox: Inbox, log: SessionLog) -> Put:
        done = real(inbox, log)
        inbox._sealed.take_back(log.session_id)
        return done

    patch.setattr(Inbox, "put", put)


def a_log_that_is_put_goes_on_by_the_rules_of_the_inbox(patch: pytest.MonkeyPatch) -> None:
    real = Inbox.put
    patch.setattr(Inbox, "put", lambda inbox, log: real(inbox, restore_log(save_log(log), inbox.lifecycle)))


def a_backlog_is_taken_for_a_slow_clock(patch: pytest.MonkeyPatch) -> None:
    real = Inbox._offset
    patch.setattr(Inbox, "_offset", lambda inbox, event: real(inbox, event) or _smallest(inbox, event))


def _smallest(inbox: Inbox, event: Event) -> timedelta:
    clock = inbox.clocks.get(event.source)
    return clock.current.smallest[0] if clock and clock.current and clock.pairs >= 3 else timedelta(0)


def what_fires_before_an_event_is_not_told(patch: pytest.MonkeyPatch) -> None:
    real = Inbox._add

    def add(inbox: Inbox, event: Event, now: datetime, offset: timedelta | None = None) -> Change:
        if event.subject in inbox.logs and inbox._advanced is not None:
            inbox.logs[event.subject].advance(inbox._advanced)
        return real(inbox, event, now, offset)

    patch.setattr(Inbox, "_add", add)


PLANTED: tuple[Plant, ...] = (
    timers_are_not_undone,
    a_deadline_is_stamped_when_it_is_noticed,
    an_event_at_the_deadline_comes_after_it,
    ties_are_resolved_by_arrival,
    marks_are_not_copied,
    marks_stay_after_a_late_event,
    the_copy_last_received_is_kept,
    copies_received_at_once_are_kept_by_arrival,
    a_copy_that_gives_way_stays,
    a_repeat_has_a_row,
    copies_received_at_other_times_are_in_conflict,
    an_alert_that_timed_out_stays_so,
    going_back_goes_back,
    all_that_comes_for_a_sealed_session_is_a_repeat,
    a_repeat_for_a_sealed_session_is_late,
    a_deadline_does_not_keep_a_log_open,
    the_change_is_silent_about_timers_undone,
    a_restored_log_forgets_refused_events,
    a_restored_log_forgets_how_far_it_was,
    a_restored_log_forgets_its_offsets,
    a_restored_log_is_open_again,
    a_restored_log_goes_on_by_other_rules,
    a_restored_log_forgets_its_timers,
    each_event_is_corrected_by_what_the_clock_knows_now,
    the_hosts_clock_is_used_where_received_is_stamped,
    a_timer_that_comes_nearer_is_not_noticed,
    a_host_that_was_ahead_keeps_the_inbox_there,
    an_event_that_makes_a_deadline_due_does_not_fire_it,
    what_was_let_go_is_born_again,
    what_cannot_be_read_is_dropped_silently,
    what_is_rejected_begins_a_session,
    what_is_rejected_teaches_the_clock,
    what_fires_before_an_event_is_not_told,
    a_copy_teaches_the_clock,
    a_receivedtime_after_the_arrival_stays,
    a_log_that_is_put_replaces_what_came_meanwhile,
    a_sealed_log_that_is_put_is_forgotten,
    a_log_that_is_put_goes_on_by_the_rules_of_the_inbox,
    a_backlog_is_taken_for_a_slow_clock,
)


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)

    with pytest.raises(BrokenError):
        explore(range(500))
