"""When a session is sealed, by each inbox and by a store, and what is forgotten."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO

import pytest
from attrs import evolve
from examples.tables import short_calls
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import examples
from tests.stores import Place, proved
from tests.strategies import SECOND, at

from cobrowse_session import Event, Lifecycle, SessionLog, Settings, SettingsError, WrapupPrompt, history
from cobrowse_session.io.answers import Received
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.store import DurableInbox, Store, TimerRunner
from cobrowse_session.store.transfer import Imported, import_lines
from cobrowse_session.testing import Stream, stream
from cobrowse_session.wire import encode_event, save_log

DAY = timedelta(days=1)
PLAIN = Lifecycle()
MANDATORY = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.MANDATORY))
ENDED = stream("s1").alerting().after(3).connected().after(60).disconnected("peer")  # at 63 s
WRAPUP = ENDED.after(20).wrapup("sale").events[-1]
BACKLOG = 5 * DAY  # how long a sender was cut off
WEEK = 7 * DAY

AnyInbox = Inbox | DurableInbox
Make = Callable[..., AnyInbox]


@pytest.fixture(params=["memory", "durable"])
def make(request: pytest.FixtureRequest, place: Place) -> Make:
    """Return what makes an inbox of each kind."""
    if request.param == "memory":
        return Inbox
    return lambda lifecycle, **options: DurableInbox(place.open(lifecycle), **options)


def take(inbox: AnyInbox, received: timedelta, *events: Event) -> list[str]:
    """Take events that are received so long after the start, and return their outcomes."""
    answers = [inbox.receive(encode_event(event), at(0) + received) for event in events]
    return [answer.outcome.kind for answer in answers]


def sealed(inbox: AnyInbox, now: timedelta) -> list[str]:
    """Advance to so long after the start, and return what was sealed."""
    return [log.session_id for log in inbox.advance(at(0) + now).sealed]


# --- When ---------------------------------------------------------------------------------------------------------------------


def test_a_session_of_a_backlog_that_is_older_than_seal_after_is_sealed_so_long_after_its_receipt(make: Make) -> None:
    inbox = make(MANDATORY, seal_after=DAY)

    assert take(inbox, BACKLOG, *ENDED) == ["applied"] * 3
    assert sealed(inbox, BACKLOG) == []
    assert take(inbox, BACKLOG + SECOND, WRAPUP) == ["applied"]
    assert sealed(inbox, BACKLOG + SECOND + DAY) == []
    assert sealed(inbox, BACKLOG + 1.001 * SECOND + DAY) == ["s1"]


@pytest.mark.parametrize(
    "copy", [evolve(ENDED.events[1], sequence="2"), evolve(ENDED.events[1], id="new")], ids=["copy", "event"]
)
def test_any_copy_that_is_kept_keeps_a_session_open_from_its_receipt_on(make: Make, copy: Event) -> None:
    inbox = make(PLAIN, seal_after=DAY)
    take(inbox, 100 * SECOND, *ENDED)

    take(inbox, BACKLOG, copy)

    assert sealed(inbox, BACKLOG + DAY) == []
    assert sealed(inbox, BACKLOG + DAY + SECOND) == ["s1"]


def test_a_session_whose_events_a_relay_received_long_ago_is_sealed_so_long_after_they_arrived_here(make: Make) -> None:
    inbox = make(MANDATORY, seal_after=DAY)
    ended = [evolve(event, received_at=event.occurred_at) for event in ENDED]

    assert take(inbox, BACKLOG, *ended) == ["applied"] * 3
    assert sealed(inbox, BACKLOG) == []
    assert take(inbox, BACKLOG + SECOND, evolve(WRAPUP, received_at=WRAPUP.occurred_at)) == ["applied"]
    assert sealed(inbox, BACKLOG + SECOND + DAY) == []
    assert sealed(inbox, BACKLOG + 1.001 * SECOND + DAY) == ["s1"]


@pytest.mark.parametrize("make_anew", [False, True])
def test_a_timer_that_fires_late_does_not_change_from_when_on_a_session_waits_to_be_sealed(
    place: Place, *, make_anew: bool
) -> None:
    timed = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=30 * SECOND))
    inbox = DurableInbox(place.open(timed), seal_after=DAY)
    take(inbox, BACKLOG, *(evolve(event, received_at=event.occurred_at) for event in ENDED))
    if make_anew:
        inbox.store.close()
        inbox = DurableInbox(place.open(timed), seal_after=DAY)

    assert [inbox.advance(at(0) + BACKLOG).changes.keys(), sealed(inbox, BACKLOG + DAY)] == [{"s1"}, []]
    assert sealed(inbox, BACKLOG + DAY + SECOND) == ["s1"]
    assert proved(inbox.store) == 1


def test_events_that_are_appended_with_their_arrival_are_sealed_so_long_after_it(place: Place) -> None:
    store = place.open(PLAIN)
    store.append(ENDED.events[:2])

    store.append(ENDED.events[2:], now=at(0) + BACKLOG)

    assert store.seal(at(0) + BACKLOG) == ()
    assert store.seal(at(0) + BACKLOG + SECOND) == ("s1",)
    with pytest.raises(TypeError, match="aware datetime"):
        store.append(ENDED, now=datetime(2026, 3, 1))  # noqa: DTZ001 (the point)


def test_an_event_that_came_too_late_says_after_what_time_sessions_are_sealed(make: Make) -> None:
    inbox = make(PLAIN, seal_after=DAY)
    take(inbox, SECOND, *ENDED)
    sealed(inbox, WEEK)

    answer = inbox.receive(encode_event(WRAPUP), at(0) + WEEK)

    assert isinstance(answer, Received)
    assert answer.outcome.kind == "late"
    assert answer.notes == ("a session that is over is sealed when nothing came for 1 day, 0:00:00 (seal_after)",)


def test_after_call_work_without_a_deadline_keeps_a_session_open_for_a_week(make: Make) -> None:
    inbox = make(MANDATORY, seal_after=DAY)
    take(inbox, 63 * SECOND, *ENDED)

    assert sealed(inbox, 2 * DAY) == []
    assert sealed(inbox, 63 * SECOND + WEEK) == []
    assert sealed(inbox, 64 * SECOND + WEEK) == ["s1"]


def test_work_that_ends_meanwhile_is_sealed_as_any_other(make: Make) -> None:
    inbox = make(MANDATORY, seal_after=DAY)
    take(inbox, 63 * SECOND, *ENDED)
    assert sealed(inbox, 2 * DAY) == []
    assert take(inbox, 3 * DAY, evolve(WRAPUP, occurred_at=at(0) + 3 * DAY)) == ["applied"]

    assert sealed(inbox, 4 * DAY) == []
    assert sealed(inbox, 4 * DAY + SECOND) == ["s1"]


@pytest.mark.parametrize(("unfinished", "kept"), [(3 * DAY, 3 * DAY), (SECOND, DAY), (timedelta(0), DAY)])
def test_the_time_for_unfinished_work_is_an_argument_and_never_shorter_than_for_other_sessions(
    make: Make, unfinished: timedelta, kept: timedelta
) -> None:
    inbox = make(MANDATORY, seal_after=DAY, seal_unfinished_after=unfinished)
    take(inbox, 63 * SECOND, *ENDED)

    assert sealed(inbox, 63 * SECOND + kept) == []
    assert sealed(inbox, 64 * SECOND + kept) == ["s1"]


def test_the_time_for_unfinished_work_is_checked(make: Make) -> None:
    with pytest.raises(SettingsError, match="seal_unfinished_after: expected a timedelta of 0 or more"):
        make(PLAIN, seal_unfinished_after=-SECOND)
    with pytest.raises(TypeError, match="seal_unfinished_after: expected timedelta"):
        make(PLAIN, seal_unfinished_after=None)


@examples(40)
@given(data=st.data())
def test_an_inbox_seals_what_is_over_and_of_which_nothing_occurred_or_came_since_the_horizon(data: st.DataObject) -> None:
    after, unfinished = (data.draw(st.integers(0, 100), label=name) * SECOND for name in ("seal_after", "unfinished"))
    lifecycle = data.draw(st.sampled_from((PLAIN, MANDATORY)))
    inbox = Inbox(lifecycle, seal_after=after, seal_unfinished_after=unfinished)
    events = data.draw(st.permutations((*ENDED.events, WRAPUP)))
    now, log = at(0), SessionLog(lifecycle, "s1")
    for event in events[: data.draw(st.integers(1, 4))]:
        now += data.draw(st.integers(0, 90)) * SECOND
        answer = inbox.receive(encode_event(evolve(event, received_at=None)), max(now, event.occurred_at))
        assert isinstance(answer, Received)
        log.add(answer.event)
        found = inbox.advance(now).sealed

        heard = max(max(copy.occurred_at, copy.received) for copy in log.copies)
        work = log.session.after_call_work
        is_pending = work is not None and work.state == "pending"
        is_over = log.session.state == "disconnected" and now - heard > (max(after, unfinished) if is_pending else after)
        assert bool(found) is is_over
        if found:
            return


def test_a_store_seals_by_the_same_times(place: Place) -> None:
    store = place.open(MANDATORY)
    store.append(evolve(event, received_at=at(500)) for event in (*ENDED, WRAPUP))
    store.append(evolve(event, subject="pending") for event in ENDED)

    assert store.seal(at(500)) == ()
    assert store.seal(at(500.001)) == ("s1",)
    assert store.seal(at(63) + WEEK) == ()
    assert store.seal(at(100), unfinished=at(63)) == ()
    assert store.seal(at(100), unfinished=at(63.001)) == ("pending",)
    assert proved(store) == 2


# --- What comes afterwards ----------------------------------------------------------------------------------------------------


def test_the_history_of_a_stored_session_counts_what_came_after_it_was_sealed(place: Place) -> None:
    store = place.open(PLAIN)
    store.append(ENDED)
    store.seal(at(1000))
    log = store.load("s1")
    assert log is not None
    before = history(log)
    store.append([evolve(WRAPUP, id=name) for name in ("w1", "w2", "w2")])
    log = store.load("s1")
    assert log is not None

    assert history(log) == [*before, "2 events came after the session was sealed, and changed nothing."]


# --- Forgotten ----------------------------------------------------------------------------------------------------------------


def test_a_time_in_the_future_forgets_what_was_sealed_and_makes_no_new_session_late(place: Place) -> None:
    store = place.open(PLAIN)
    store.append(ENDED)
    store.seal(at(200))
    store.outbox.acknowledge(store.outbox.pending())

    assert store.forget(at(0) + 1000 * DAY) == 1

    assert store.forgotten == at(63.001)
    kinds = [change.outcome and change.outcome.kind for change in store.append([one("new", 63.001), one("old", 63)])]
    assert kinds == ["applied", "late"]


def test_where_nothing_was_sealed_nothing_is_forgotten_and_nothing_is_late(place: Place) -> None:
    store = place.open(PLAIN)
    store.append(ENDED)

    assert store.forget(at(1000)) == 0

    assert store.forgotten is None
    assert [change.outcome and change.outcome.kind for change in store.append([one("new", 1)])] == ["applied"]


def test_a_sealed_log_that_is_put_can_be_forgotten(place: Place) -> None:
    log = SessionLog.of(ENDED)
    assert log.seal(at(200))
    inbox = DurableInbox(place.open(PLAIN))
    inbox.put(log)

    assert inbox.store.forget(at(1000)) == 1
    assert take(inbox, 300 * SECOND, *ENDED) == ["late"] * 3


def test_what_is_late_for_a_forgotten_session_says_what_is_known(place: Place) -> None:
    store = place.open(PLAIN)
    store.append(ENDED)
    store.seal(at(200))
    store.outbox.acknowledge(store.outbox.pending())
    store.forget(at(200))

    (change,) = store.append([one("never seen", 10)])

    assert change.outcome is not None
    assert change.outcome.reason.startswith("No session of this id is stored. The event may belong to one that was sealed")


def forget_all(store: Store) -> None:
    """Seal and forget what is over."""
    store.seal(at(1000))
    store.outbox.acknowledge(store.outbox.pending())
    store.forget(at(0) + 1000 * DAY)


def test_whatever_is_stored_of_a_forgotten_session_is_late_if_it_comes_again(place: Place) -> None:
    store = place.open(PLAIN)
    store.append(ENDED)
    store.seal(at(70))
    store.append([WRAPUP])  # too late, and after the latest event of the session
    forget_all(store)

    kinds = [change.outcome and change.outcome.kind for change in store.append([*ENDED, WRAPUP])]

    assert (kinds, store.count()) == (["late"] * 4, 0)


@pytest.mark.parametrize("way", ["put", "import"])
def test_a_saved_log_does_not_bring_back_a_session_that_was_forgotten(place: Place, way: str) -> None:
    log = SessionLog.of((*ENDED, WRAPUP), PLAIN)
    inbox = DurableInbox(place.open(PLAIN))
    inbox.store.append(log.events)
    forget_all(inbox.store)

    if way == "put":
        put = inbox.put(log)
        assert (put.log, put.late) == (None, log.copies)
    else:
        late = {"lateEvents": [json.loads(encode_event(evolve(WRAPUP, id="w2", occurred_at=at(500))))]}
        line = json.dumps({**save_log(log), **late}).encode()
        assert import_lines(inbox.store, BytesIO(line), print) == Imported(sessions=1, forgotten=5)

    assert (inbox.store.count(), inbox.store.seal(at(1000))) == (0, ())


# --- A clock that is wrong ----------------------------------------------------------------------------------------------------


def test_a_session_that_begins_after_a_clock_was_ahead_has_its_timers_at_their_own_time(make: Make) -> None:
    timed = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=30 * SECOND))
    inbox = make(timed, seal_after=SECOND)
    inbox.advance(at(0) + DAY)
    inbox.advance(at(1))

    take(inbox, 63 * SECOND, *ENDED)

    assert (inbox.deadline, sealed(inbox, 64 * SECOND)) == (at(93), [])
    assert take(inbox, 83 * SECOND, WRAPUP) == ["applied"]
    (log,) = inbox.logs.values()
    assert log.session.wrapup is not None
    assert log.session.wrapup.code == "sale"


def test_a_session_is_not_late_because_ids_were_forgotten_and_a_clock_was_ahead() -> None:
    inbox = Inbox(PLAIN, seal_after=SECOND, remember_sessions=0)
    take(inbox, 63 * SECOND, *ENDED)
    assert sealed(inbox, DAY) == ["s1"]
    inbox.advance(at(70))

    assert take(inbox, 70 * SECOND, one("s2", 70)) == ["applied"]


def test_a_clock_that_was_ahead_while_sessions_were_forgotten_makes_no_new_session_late(place: Place) -> None:
    clock = [at(1000)]
    inbox = DurableInbox(place.open(PLAIN), seal_after=SECOND)
    runner = TimerRunner(inbox, forget_after=DAY, clock=lambda: clock[0])
    calls = [evolve(event, subject=name) for name in ("s1", "s2") for event in ENDED]

    def look() -> int:
        runner._step()  # noqa: SLF001 (one slice)
        inbox.store.outbox.acknowledge(inbox.store.outbox.pending())
        return inbox.store.count()

    take(inbox, 63 * SECOND, *calls[:3])
    assert look() == 1
    clock[0] += 365 * DAY
    assert look() == 0
    clock[0] = at(1000)
    assert take(inbox, 1000 * SECOND, one("new", 1000), one("old", 63)) == ["applied", "late"]
    runner._next_forgetting = at(0) + 365 * DAY  # noqa: SLF001 (as the clock that was ahead left it)
    clock[0] += 2 * DAY
    take(inbox, 1000 * SECOND, *(evolve(event, subject="s2", occurred_at=event.occurred_at + 100 * SECOND) for event in ENDED))
    assert look() == 2
    clock[0] += DAY
    assert look() == 1


def test_sessions_that_a_new_table_does_not_seal_keep_no_other_one_open(place: Place) -> None:
    timed = Lifecycle(settings=Settings(wrapup_prompt=WrapupPrompt.TIMEOUT, wrapup_timeout=30 * SECOND))
    short = stream("s0").alerting().after(3).connected().after(5).disconnected("peer")
    place.open(evolve(timed, table=short_calls.TABLE)).append(
        evolve(event, subject=f"s{number}") for number in range(5) for event in short
    )
    store = place.open(timed)
    store.append([*(evolve(event, subject="z") for event in (*ENDED, WRAPUP))])

    slices = [(list(store.advance(at(1000), limit=2)), store.seal(at(1000), limit=2)) for _ in range(8)]

    assert {session for fired, _ in slices for session in fired} == {f"s{number}" for number in range(5)}
    assert {session for _, over in slices for session in over} == {"z", *(f"s{number}" for number in range(5))}
    assert sum(message.kind == "refolded" for message in store.outbox.pending()) == 5
    assert proved(store) == 6


def one(session: str, second: float) -> Event:
    """An event of a session."""
    call: Stream = stream(session, start=at(second)).alerting()
    return call.events[0]
