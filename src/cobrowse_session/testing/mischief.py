"""Mischief: what networks, providers and hosts do to events. Each function states the guarantee that still holds.

A function takes events in the order in which they arrive, and returns a list in such an order. The events of several sessions may
be mixed. Functions can be combined in any order: `delay(shuffle(duplicate(call, 1), 2), "2m")`. The same seed gives the same
list, and nothing is global. A delay, an outage or a kind that would change nothing is an error.
"""

from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from random import Random
from typing import TypeAlias

from attrs import evolve

from cobrowse_session.checks import shown
from cobrowse_session.events import Event
from cobrowse_session.testing.arguments import check_share, checked_events
from cobrowse_session.testing.stream import Duration, duration
from cobrowse_session.times import event_time, time_text, utc

__tracebackhide__ = True  # a failed test shows the line that called the kit, and not the kit. `pytest --full-trace` shows all

__all__ = ["delay", "drop", "duplicate", "outage", "shuffle", "skew", "split"]

Seed: TypeAlias = int | Random
"""A seed, or the random numbers themselves, for several functions in turn."""

_as_received = attrgetter("received")


def duplicate(events: Iterable[Event], seed: Seed = 0, *, share: float = 0.5) -> list[Event]:
    """Return the events, some of which come again, at once or later.

    Guarantee: a log, an inbox and a store have the same session and the same trace as without the copies. Each copy is a `Repeat`
    (COPY-1). `Lifecycle.apply` knows no ids: it applies, refuses or ignores a copy like another event.

    Args:
        events: in the order of arrival.
        seed: decides which events come again, and when.
        share: the share of the events that come again. Above 0, at least one comes again.

    >>> from cobrowse_session.testing import stream
    >>> call = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")
    >>> [event.id for event in duplicate(call, seed=1)]
    ['e1', 'e2', 'e1', 'e3']
    """
    # Copies wait, and after each event some of them come. So a copy never precedes its event, and it may come after any number of
    # others. What still waits in the end comes last.
    check_share("duplicate: share", share)
    chance, every = _chance(seed), checked_events("duplicate", events)
    arriving: list[Event] = []
    waiting: list[Event] = []
    for event in every:
        arriving.append(event)
        if chance.random() < share:
            waiting.append(event)
        while waiting and chance.random() < 0.5:
            arriving.append(waiting.pop(chance.randrange(len(waiting))))
    if share and every and len(arriving + waiting) == len(every):  # none comes again, and the test would prove nothing
        waiting.append(every[chance.randrange(len(every))])
    return arriving + waiting


def shuffle(events: Iterable[Event], seed: Seed = 0) -> list[Event]:
    """Return the events in another order of arrival. Their times are the same.

    Guarantee: a log, an inbox and a store have the same session and the same trace for every order (STREAM-6). For
    `Lifecycle.apply`, which takes events in order, some are `Stale`.

    >>> from cobrowse_session.testing import stream
    >>> [event.id for event in shuffle(stream("s1").alerting().after(3).connected().after(60).disconnected("peer"), seed=2)]
    ['e2', 'e3', 'e1']
    """
    arriving = checked_events("shuffle", events)
    _chance(seed).shuffle(arriving)
    return arriving


def drop(events: Iterable[Event], *kinds: str, seed: Seed = 0, share: float = 0.25) -> list[Event]:
    """Return the events of which some are lost.

    Guarantee: each event that arrives has its outcome, and nothing is raised. If the lost events arrive later, a log, an inbox
    and a store have the session and the trace of all events (LOG-3). Without a lost `connected`, a leg that ended counts as
    unanswered: it has no after-call work (ACW-3), and a wrap-up is saved beside it.

    Args:
        events: in the order of arrival.
        kinds: all events of these kinds are lost: `connected`, `acw.ended`. None at all: any kind may be lost.
        seed: decides which events are lost, if no kinds are named.
        share: the share of the events that are lost, if no kinds are named. Above 0, at least one is lost.

    Raises:
        ValueError: no event is of a kind that is named.

    >>> from cobrowse_session.testing import run, stream
    >>> call = stream("s1").alerting(wrapup_prompt="mandatory").after(3).connected().after(60).disconnected("peer")
    >>> run(drop(call, "connected")).expect(state="disconnected", connected_time=None, after_call_work=None)
    """
    check_share("drop: share", share)
    chance, every = _chance(seed), checked_events("drop", events)
    _check_kinds(kinds, every)
    return [event for event, is_lost in zip(every, _chosen(every, kinds, chance, share), strict=True) if not is_lost]


def delay(events: Iterable[Event], by: Duration, *kinds: str, seed: Seed = 0, share: float = 0.25) -> list[Event]:
    """Return the events of which some are received late. What is not late keeps its order.

    Guarantee: `occurred_at` is the same, so the session has the same state, segments, wrap-up and after-call work. Only
    `start_alerting_time` and `connected_time` may differ: the stamp of an event that is received more than 2 s late is its
    `occurred_at` (TIME-8). Until a late event arrives, `log.as_of` shows the session without it (LOG-2). Of copies that
    contradict each other, the one that is received first counts (COPY-3), so they may not be among the events.

    Args:
        events: in the order of arrival.
        by: how much later they are received. At least 1 ms.
        kinds: all events of these kinds are late. None at all: any kind may be late.
        seed: decides which events are late, if no kinds are named.
        share: the share of the events that are late, if no kinds are named. Above 0, at least one is late.

    Raises:
        ValueError: no event is of a kind that is named, or `by` is below 1 ms, or leads behind the year 9998.

    >>> from cobrowse_session.testing import stream
    >>> call = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")
    >>> [(event.id, f"{event.received:%H:%M:%S}") for event in delay(call, "2m", "connected")]
    [('e1', '09:00:00'), ('e3', '09:01:03'), ('e2', '09:02:03')]
    """
    check_share("delay: share", share)
    chance, late, every = _chance(seed), _positive("delay: by", by), checked_events("delay", events)
    _check_kinds(kinds, every)

    is_late = iter(_chosen(every, kinds, chance, share))
    return _held_back(every, lambda event: _shifted(event.received, late) if next(is_late) else event.received)


def skew(events: Iterable[Event], by: Duration) -> list[Event]:
    """Return the events with the times of a provider whose clock is off. They are received when they really happened.

    Guarantee: the times between the events are the same. `Inbox(lifecycle, correct={source: -by})` corrects what comes by
    `receive`: then the session has the times of a right clock, and the events keep the wrong ones as `provider_time` (CLOCK-8).
    A log corrects nothing, and neither does `Inbox.add`. There, stamps that compare `occurred_at` with the receipt may differ
    (TIME-8). An inbox rejects what lies more than its `max_future`, a day by default, after its receipt.

    Args:
        events: in the order of arrival, without a `provider_time`.
        by: how much too late the clock shows, in whole milliseconds. Negative, as a number or a timedelta: too early.

    Raises:
        ValueError: `by` is no whole number of milliseconds, or leads out of the years 1970 to 9998.

    >>> from cobrowse_session.testing import stream
    >>> (event,) = skew(stream("s1").alerting(), -10)
    >>> f"occurred {event.occurred_at:%H:%M:%S}, received {event.received:%H:%M:%S}"
    'occurred 08:59:50, received 09:00:00'
    """
    # The clock of the provider is wrong, ours is right. An event without `received_at` was received when it really happened.
    off = duration(by)
    if off % timedelta(milliseconds=1):  # times of events are cut to milliseconds, so no correction would give them back
        raise ValueError(f"skew: by: expected whole milliseconds, found {shown(by)}")
    every = checked_events("skew", events)
    return [evolve(event, occurred_at=_shifted(event.occurred_at, off), received_at=event.received) for event in every]


def split(events: Iterable[Event], seed: Seed = 0, *, workers: int = 2) -> list[list[Event]]:
    """Return the events that each of several workers gets. An event goes to one worker, and each keeps the order.

    Each worker gets at least one event, if there are enough. Guarantee: `cobrowse_session.stream.merge_logs(one, other).log` of
    the logs of two workers is the log of all events (STREAM-7). Workers that share a store have one session. A worker by itself
    has the session of its events only.

    Args:
        events: in the order of arrival.
        seed: decides which worker gets an event.
        workers: the number of workers.

    Raises:
        TypeError: the number of workers is no integer.
        ValueError: there is no worker.

    >>> from cobrowse_session.testing import stream
    >>> call = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")
    >>> [[event.id for event in some] for some in split(call, seed=1)]
    [['e2', 'e3'], ['e1']]
    """
    if not isinstance(workers, int) or isinstance(workers, bool):
        raise TypeError(f"split: workers: expected an integer, found {shown(workers)}")
    if workers < 1:
        raise ValueError(f"split: workers: expected at least 1, found {workers!r}")
    chance, every = _chance(seed), checked_events("split", events)
    places = [*range(workers), *(chance.randrange(workers) for _ in every[workers:])]  # one for each worker, and the rest
    chance.shuffle(places)
    parts: list[list[Event]] = [[] for _ in range(workers)]
    for event, place in zip(every, places, strict=False):  # there may be more workers than events
        parts[place].append(event)
    return parts


def outage(events: Iterable[Event], start: datetime, lasts: Duration) -> list[Event]:
    """Return the events as they arrive if nothing arrives for a while, and then all at once. The others keep their order.

    Guarantee: that of `delay`. A timer that fired in the meantime is withdrawn, if an event shows that the agent was in time
    (LOG-4).

    Args:
        events: in the order of arrival.
        start: when the outage begins, on the cloud clock.
        lasts: how long it lasts.

    Raises:
        TypeError: `start` is naive.
        ValueError: no event is received meanwhile, or `lasts` is below 1 ms, or leads behind the year 9998.

    >>> from cobrowse_session.testing import stream
    >>> call = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")
    >>> [f"{event.id} {event.received:%H:%M:%S}" for event in outage(call, call.events[1].occurred_at, "10s")]
    ['e1 09:00:00', 'e2 09:00:13', 'e3 09:01:03']
    """
    start = utc(start)
    end, every = _shifted(start, _positive("outage: lasts", lasts)), checked_events("outage", events)
    if not any(start <= event.received < end for event in every):
        when = f"from {time_text(start)} to {time_text(end)}"
        raise ValueError(f"outage: expected an event that is received {when}, found none")
    return _held_back(every, lambda event: end if start <= event.received < end else event.received)


def _held_back(events: Iterable[Event], arrival: Callable[[Event], datetime]) -> list[Event]:
    """Return events in the order of arrival, of which some arrive later than they were received. The others keep their order."""
    # A late event comes before the next one that is received after it. It is not sorted in: `shuffle` and `duplicate` gave the
    # others an order that is not that of their receipt.
    arriving: list[Event] = []
    waiting: list[Event] = []
    for event in events:
        at = arrival(event)
        if at > event.received:
            insort(waiting, evolve(event, received_at=at), key=_as_received)  # of one instant, a network keeps the order
            continue
        while waiting and waiting[0].received <= event.received:
            arriving.append(waiting.pop(0))
        arriving.append(event)
    return arriving + waiting


def _check_kinds(kinds: Iterable[object], events: Iterable[Event]) -> None:
    """Check that there are events of the kinds. A misspelt one would change nothing, and the test would prove nothing."""
    known = sorted({event.kind for event in events})
    for kind in kinds:
        if kind not in known:
            raise ValueError(f"expected a kind of the events ({', '.join(known)}), found {shown(kind)}")


def _chosen(events: Sequence[Event], kinds: Iterable[str], chance: Random, share: float) -> list[bool]:
    """Return for each event whether it is changed: those of the kinds, or a share of all, at least one of them."""
    if kinds:
        return [event.kind in kinds for event in events]
    chosen = [chance.random() < share for _ in events]
    if share and events and not any(chosen):  # a test whose events stay as they are would prove nothing
        chosen[chance.randrange(len(events))] = True
    return chosen


def _shifted(at: datetime, by: timedelta) -> datetime:
    """Return a time plus a duration, as an event can have it."""
    try:
        return event_time(at + by)
    except OverflowError:
        raise ValueError(f"expected a time that an event can have, found {time_text(at)} and {by}") from None


def _positive(name: str, by: Duration) -> timedelta:
    """Return a duration, after a check. A shorter one than the millisecond of events would change nothing."""
    found = duration(by)
    if found < timedelta(milliseconds=1):
        raise ValueError(f"{name}: expected at least 1ms, found {shown(by)}")
    return found


def _chance(seed: Seed) -> Random:
    if not isinstance(seed, int | Random) or isinstance(seed, bool):
        raise TypeError(f"seed: expected an integer or a Random, found {shown(seed)}")
    return seed if isinstance(seed, Random) else Random(seed)  # noqa: S311 (a seed must repeat, not surprise)
