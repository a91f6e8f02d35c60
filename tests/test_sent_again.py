"""A payload that is sent again is a repeat: it was received when it was received first (EDITION-2)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.stores import Place
from tests.test_test_kit_payloads import SHOWN, lives

from cobrowse_session import Lifecycle
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.sources import convert
from cobrowse_session.store import DurableInbox, Store
from cobrowse_session.testing import START, stream
from cobrowse_session.testing.payloads import payloads
from cobrowse_session.wire import encode_event

Json = dict[str, Any]  # `Any`: JSON
LATER = START + timedelta(days=1)
MINUTE = timedelta(minutes=1)
SEAL_AFTER = timedelta(hours=1)
OPENED: list[Store] = []


def a_store() -> Store:
    OPENED.append(Store("sqlite://"))
    return OPENED[-1]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close the stores of a test."""
    yield
    while OPENED:
        OPENED.pop().close()


INBOXES: dict[str, Callable[[], Inbox | DurableInbox]] = {
    "in memory": lambda: Inbox(Lifecycle(), seal_after=SEAL_AFTER),
    "durable": lambda: DurableInbox(a_store(), seal_after=SEAL_AFTER),
}
of_each_inbox = pytest.mark.parametrize("make", INBOXES.values(), ids=INBOXES.keys())
OVER = {"state": "disconnected", "initialState": "alerting", "wrapupPrompt": "none"}
OVER |= {"connectedTime": "2026-03-01T09:00:03.000Z", "disconnectedTime": "2026-03-01T09:05:00.000Z"}


def snapshot(*, seen: str | None = None, **leg: Any) -> Json:
    """A conversation whose leg has ended. `seen`: the second after nine and five minutes that the leg states as its time."""
    own = {"providerEventTime": f"2026-03-01T09:05:{seen}Z"} if seen else {}
    return {"id": "conv", "participants": [{"id": "p1", "purpose": "agent", "calls": [{"id": "c1", **OVER, **own, **leg}]}]}


CLIENT, TRANSFER = snapshot(seen="01.000", disconnectType="client"), snapshot(seen="02.000", disconnectType="transfer")
"""Two payloads of different times."""
BEFORE, BEHIND = snapshot(disconnectType="client"), snapshot(disconnectType="transfer")
"""The same, without a time."""


def take_all(inbox: Inbox | DurableInbox, documents: Iterable[object], now: datetime = LATER) -> list[str]:
    """Take documents, one a minute, and return the outcomes of the last one."""
    kinds: list[str] = []
    for number, document in enumerate(documents):
        kinds = [answer.outcome.kind for answer in inbox.take(document, now + number * MINUTE).answers]
    return kinds


def reason(inbox: Inbox | DurableInbox) -> str:
    log = inbox.find("c1")
    assert log is not None
    return str(log.session.disconnect_type)


def copies(inbox: Inbox | DurableInbox) -> list[str]:
    """All that is stored."""
    return [encode_event(copy) for log in inbox.logs.values() for copy in log.copies]


# --- A time of its own --------------------------------------------------------------------------------------------------------


@of_each_inbox
def test_an_older_payload_that_is_sent_again_does_not_win_over_a_newer_one(make: Callable[[], Inbox | DurableInbox]) -> None:
    inbox = make()
    assert take_all(inbox, (CLIENT, TRANSFER)) == ["applied", "applied"]
    before = copies(inbox)

    assert take_all(inbox, (CLIENT, TRANSFER, CLIENT), LATER + 10 * MINUTE) == ["repeat", "repeat"]
    assert reason(inbox) == "transfer"
    assert copies(inbox) == before


@of_each_inbox
def test_two_payloads_of_one_time_count_in_the_order_in_which_they_came_first(make: Callable[[], Inbox | DurableInbox]) -> None:
    inbox, other = make(), snapshot(seen="01.000", disconnectType="transfer")

    assert take_all(inbox, (CLIENT, other, CLIENT)) == ["repeat", "repeat"]
    assert reason(inbox) == "transfer"


@of_each_inbox
def test_payloads_of_one_list_count_in_their_places(make: Callable[[], Inbox | DurableInbox]) -> None:
    inbox, other = make(), snapshot(seen="01.000", disconnectType="transfer")
    take_all(inbox, ([CLIENT, other, CLIENT],))
    assert reason(inbox) == "client"
    before = copies(inbox)

    assert set(take_all(inbox, ([CLIENT, other, CLIENT],), LATER + MINUTE)) == {"repeat"}
    assert copies(inbox) == before


@of_each_inbox
def test_a_payload_of_another_time_that_states_the_same_is_new(make: Callable[[], Inbox | DurableInbox]) -> None:
    inbox = make()
    take_all(inbox, (CLIENT, snapshot(seen="03.000", disconnectType="client"), TRANSFER))

    assert reason(inbox) == "client"


# --- No time ------------------------------------------------------------------------------------------------------------------


@of_each_inbox
def test_a_payload_without_a_time_is_a_repeat_if_it_states_what_the_latest_one_stated(
    make: Callable[[], Inbox | DurableInbox],
) -> None:
    inbox = make()
    take_all(inbox, (BEFORE, BEHIND))
    before = copies(inbox)

    assert take_all(inbox, (BEHIND, BEHIND), LATER + 10 * MINUTE) == ["repeat", "repeat"]
    assert copies(inbox) == before


@of_each_inbox
def test_without_a_time_an_older_payload_that_is_sent_again_may_be_true_again_so_it_counts(
    make: Callable[[], Inbox | DurableInbox],
) -> None:
    inbox = make()
    take_all(inbox, (BEFORE, BEHIND, BEFORE))

    assert reason(inbox) == "client"


@of_each_inbox
def test_a_payload_without_a_time_is_no_repeat_of_one_that_has_a_time(make: Callable[[], Inbox | DurableInbox]) -> None:
    inbox = make()
    take_all(inbox, (CLIENT, BEFORE, TRANSFER))  # what was seen at the arrival of the second is later than the third

    assert reason(inbox) == "client"


@of_each_inbox
def test_a_time_that_is_known_from_the_arrival_alone_is_that_of_the_first_arrival(
    make: Callable[[], Inbox | DurableInbox],
) -> None:
    leg = {"id": "c1", "state": "connected", "initialState": "connected", "peerId": "p9"}
    inbox, unstamped = make(), {"id": "conv", "participants": [{"id": "p1", "purpose": "agent", "calls": [leg]}]}
    take_all(inbox, (unstamped,))
    before = copies(inbox)

    assert set(take_all(inbox, [unstamped] * 5, LATER + timedelta(microseconds=1_500))) == {"repeat"}
    assert copies(inbox) == before


@of_each_inbox
def test_a_stated_time_that_is_corrected_is_new(make: Callable[[], Inbox | DurableInbox]) -> None:
    inbox = make()
    take_all(inbox, (BEFORE, snapshot(disconnectType="client", disconnectedTime="2026-03-01T09:04:59.000Z")))

    log = inbox.find("c1")
    assert log is not None
    assert log.session.disconnected_time is not None
    assert log.session.disconnected_time.second == 59


# --- After its session was sealed ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", [CLIENT, BEFORE])
@of_each_inbox
def test_a_session_is_sealed_however_often_its_end_is_sent_again(
    make: Callable[[], Inbox | DurableInbox], document: Json
) -> None:
    inbox, sealed = make(), list[str]()
    for minute in range(70):
        inbox.take(document, LATER + minute * MINUTE)
        sealed += [log.session_id for log in inbox.advance(LATER + minute * MINUTE).sealed]

    assert sealed == ["c1"]


@of_each_inbox
def test_a_payload_that_is_sent_again_after_its_session_was_sealed_is_a_repeat(
    make: Callable[[], Inbox | DurableInbox],
) -> None:
    inbox = make()
    take_all(inbox, (CLIENT, TRANSFER))
    assert [log.session_id for log in inbox.advance(LATER + 2 * SEAL_AFTER).sealed] == ["c1"]

    assert take_all(inbox, (TRANSFER, CLIENT), LATER + 3 * SEAL_AFTER) == ["repeat", "repeat"]


def test_a_late_payload_is_stored_once_however_often_it_is_sent(place: Place) -> None:
    store = place.open()
    inbox = DurableInbox(store, seal_after=SEAL_AFTER)
    take_all(inbox, (CLIENT,))
    inbox.advance(LATER + 2 * SEAL_AFTER)

    assert take_all(inbox, [TRANSFER] * 3, LATER + 3 * SEAL_AFTER) == ["late", "late"]
    stored = store.get("c1")
    assert stored is not None
    assert stored.events == 4  # two facts of each payload


# --- Workers, and events of others --------------------------------------------------------------------------------------------


def test_it_is_a_repeat_after_a_restart_and_for_another_worker(place: Place) -> None:
    one, other = DurableInbox(place.open(), worker="one"), DurableInbox(place.open(), worker="other")
    take_all(one, (CLIENT,))
    take_all(other, (TRANSFER,), LATER + MINUTE)
    stored, messages = one.store.get("c1"), one.store.outbox.count()

    for inbox in (other, one, DurableInbox(place.open(), worker="new")):
        assert take_all(inbox, (CLIENT, TRANSFER), LATER + 10 * MINUTE) == ["repeat", "repeat"]
    assert one.store.get("c1") == stored
    assert one.store.outbox.count() == messages


@pytest.mark.parametrize("sequence", [None, "7", "x" * 33, "²" * 33])
@of_each_inbox
def test_only_copies_with_editions_of_payloads_are_of_a_payload_that_was_sent_again(
    make: Callable[[], Inbox | DurableInbox], sequence: str | None
) -> None:
    (event,) = stream("s1").alerting()
    inbox = make()
    for edition in (sequence, f"{1:013}{1:013}{0:07}", "8"):
        inbox.add(evolve(event, sequence=edition), LATER)

    log = inbox.find("s1")
    assert log is not None
    assert [copy.sequence for copy in log.copies_of(event)] == [copy.sequence for copy in log.copies]
    assert len(log.copies) == 3


# --- Payloads of the kit ------------------------------------------------------------------------------------------------------


def has_times(documents: Sequence[Json]) -> bool:
    """Whether each payload has a time of its own."""
    editions = [event.sequence for document in documents for event in convert(document, received_at=LATER).events]
    return all(one is None or one[:13] != one[13:26] for one in editions)


def run(inbox: Inbox | DurableInbox, arrivals: Iterable[tuple[int, Json]]) -> tuple[object, list[str]]:
    """Take payloads, each in its second. Return the sessions, and all that is stored."""
    for second, document in arrivals:
        inbox.take(document, LATER + timedelta(seconds=second))
    return {name: log.session for name, log in inbox.logs.items()}, copies(inbox)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[tuple[int, Json]], list[tuple[int, Json]]]:
    """Payloads of a life in any order, with retries and without, each with the second of its arrival."""
    family, envelope = draw(st.sampled_from(SHOWN))
    sent = payloads(draw(lives()), family, envelope=envelope, until=LATER)
    order = draw(st.permutations(sent))
    first: list[tuple[int, Json]] = []
    every: list[tuple[int, Json]] = []
    for document in order:
        first.append((len(every), document))
        every.append(first[-1])
        # Without a time, only the latest payload can be known to be sent again. A grant has its time in its id (FACT-7).
        possible = [one for _, one in first] if has_times(sent) else [] if "controlling" in str(document) else [document]
        again = draw(st.lists(st.sampled_from(possible), max_size=3)) if possible else []
        every += [(len(every) + number, one) for number, one in enumerate(again)]
    return first, every


@of_each_inbox
@given(drawn=deliveries())
def test_payloads_in_any_order_with_any_retries_show_what_they_show_without(
    make: Callable[[], Inbox | DurableInbox], drawn: tuple[list[tuple[int, Json]], list[tuple[int, Json]]]
) -> None:
    first, every = drawn

    assert run(make(), every) == run(make(), first)
