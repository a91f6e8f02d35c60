"""Copies of one event, their editions, and what of them counts (docs/lifecycle.md, section 7)."""

import json
import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cmp_to_key
from itertools import permutations
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.calls import calls
from tests.effort import examples
from tests.strategies import at, lifecycles, moments, streams

from cobrowse_session import (
    Address,
    Alerting,
    Context,
    Details,
    Disconnected,
    Event,
    Lifecycle,
    Repeat,
    Settings,
    UnknownEvent,
    Updated,
    WrapupSaved,
)
from cobrowse_session.canonical import canonical, edition, identity
from cobrowse_session.stream import SessionLog, fold
from cobrowse_session.stream.copies import Copies, merge_copies
from cobrowse_session.testing import START, stream
from cobrowse_session.wire import decode_event, encode_event, encode_session, restore_log, save_log
from cobrowse_session.wire.trace import trace_entry

SECOND = timedelta(seconds=1)
Shown = tuple[str, list[Any], int, int, int]


def shown(log: SessionLog) -> Shown:
    return encode_session(log.session), list(map(trace_entry, log.trace)), log.repeats, log.conflicts, log.corrected


def log_of(events: Sequence[Event], lifecycle: Lifecycle | None = None) -> SessionLog:
    log = SessionLog(lifecycle or Lifecycle(), "s1")
    for event in events:
        log.add(event)
    return log


def ended(sequence: str | None = None, *, received: float = 0, **said: Any) -> Disconnected:
    given = {"id": "e1", "source": "/a", "occurred_at": START, "received_at": at(received), **said}
    return Disconnected(subject="s1", sequence=sequence, **given)


# --- The order of editions ----------------------------------------------------------------------------------------------------

SEQUENCES = st.none() | st.from_regex(r"[0-9]{1,40}", fullmatch=True) | st.text(min_size=1, max_size=4) | st.just("٣")


def compared(one: str | None, other: str | None) -> int:
    """As the specification says it: none, then ASCII digits as integers and then by code point, then other text."""

    def rank(text: str | None) -> int:
        return 0 if text is None else 1 if text.isascii() and text.isdigit() else 2

    ours, theirs = rank(one), rank(other)
    if ours != theirs or one is None or other is None:
        return ours - theirs
    if ours == 1 and int(one) != int(other):
        return 1 if int(one) > int(other) else -1
    return (one > other) - (one < other)


@given(st.lists(SEQUENCES, max_size=8))
def test_sequences_are_in_the_order_of_the_specification(sequences: list[str | None]) -> None:  # ORDER-3, ORDER-4, ORDER-5
    assert sorted(sequences, key=edition) == sorted(sequences, key=cmp_to_key(compared))


def test_the_length_of_a_sequence_has_no_bound() -> None:  # ORDER-4
    assert edition("9" * 5000) < edition("1" + "0" * 5000) < edition("a")


def test_the_sequence_orders_facts_of_one_instant_before_their_ids() -> None:  # EVENT-7, ORDER-1
    first, second = (
        stream("s1").updated(id="z", sequence="1", peer_id="a"),
        stream("s1").updated(id="a", sequence="2", peer_id="b"),
    )

    assert fold([*second, *first]).session.peer_id == "b"


# --- Which copy counts --------------------------------------------------------------------------------------------------------


def test_the_highest_edition_counts_then_the_earliest_received_then_the_smallest_canonical_form() -> None:  # COPY-2, COPY-3
    assert Copies(ended("1", disconnect_type="client"), ended("2", received=9, disconnect_type="peer")).merged.received == START
    for copies, counts in (
        ([ended("1", disconnect_type="client"), ended("2", received=9, disconnect_type="peer")], "peer"),
        ([ended("2", received=5, disconnect_type="client"), ended("2", received=4, disconnect_type="peer")], "peer"),
        ([ended("2", disconnect_type="transfer"), ended("2", disconnect_type="client")], "client"),
        ([ended(None, disconnect_type="client"), ended("0", disconnect_type="peer")], "peer"),
    ):
        for order in permutations(copies):
            assert Copies(*order).merged.disconnect_type == counts  # type: ignore[attr-defined]  # Disconnected


def test_absence_is_no_correction() -> None:  # COPY-4, COPY-5
    full = ended(
        "1",
        disconnect_type="peer",
        details=Details(viewer_url="https://v", self_=Address(name="Ann")),
        settings=Settings(wrapup_prompt="optional", wrapup_timeout=3 * SECOND),
        context=Context(queue_id="q"),
    )
    later = ended("2", received=5, details=Details(peer_id="p"), settings=Settings(wrapup_timeout=9 * SECOND))

    merged = Copies(full, later).merged

    assert merged == evolve(
        full,
        sequence="2",
        details=Details(viewer_url="https://v", self_=Address(name="Ann"), peer_id="p"),
        settings=Settings(wrapup_prompt="optional", wrapup_timeout=9 * SECOND),
    )


def test_the_highest_lower_edition_that_states_it_fills_in() -> None:  # COPY-4
    copies = [
        ended("1", details=Details(viewer_url="first", peer_id="first")),
        ended("2", details=Details(viewer_url="second")),
        ended("3"),
    ]
    for order in permutations(copies):
        assert Copies(*order).merged.details == Details(viewer_url="second", peer_id="first")


def test_a_copy_of_the_same_edition_fills_nothing_in() -> None:
    merged = Copies(ended("1", details=Details(peer_id="p")), ended("1", received=-1)).merged

    assert merged.details == Details()


def test_the_types_fill_in_only_what_they_share() -> None:  # COPY-4, COPY-5, COPY-6
    disconnected = ended("1", disconnect_type="peer", details=Details(peer_id="p"))
    alerting = Alerting(subject="s1", source="/a", id="e1", occurred_at=START, sequence="2", segment_type="IVR")
    unknown = UnknownEvent(subject="s1", source="/a", id="e1", occurred_at=START, sequence="3", type="x")
    wrapup = WrapupSaved(subject="s1", source="/a", id="e1", occurred_at=START, sequence="2", code="sale", name="Sale")

    assert Copies(disconnected, alerting).merged == evolve(alerting, details=Details(peer_id="p"))
    assert Copies(disconnected, unknown).merged == unknown
    assert Copies(unknown, evolve(disconnected, sequence="4")).merged == evolve(disconnected, sequence="4")
    assert Copies(wrapup, evolve(wrapup, sequence="3", name=None)).merged == evolve(wrapup, sequence="3", name=None)


def test_to_restate_a_fact_does_not_move_when_it_was_learned_but_another_time_does() -> None:  # COPY-7
    first, restated, moved = ended("1", received=1), ended("2", received=60), ended("3", received=90, occurred_at=at(5))

    assert Copies(restated, first).merged.received == at(1)
    assert Copies(restated, first, moved).merged.received == at(90)


def test_a_content_type_that_data_would_contradict_gives_way_to_what_is_filled_in() -> None:
    plain = ended("2", extensions={"datacontenttype": "text/plain", "hops": 1})

    merged = Copies(ended("1", disconnect_type="peer"), plain).merged

    assert merged.extensions == {"hops": 1}
    assert decode_event(encode_event(merged)) == merged
    assert Copies(ended("1"), plain).merged == plain
    assert Copies(ended("1", context=Context(queue_id="q")), plain).merged.extensions == plain.extensions


@given(st.lists(st.tuples(st.sampled_from((None, "1", "2")), st.integers(0, 2), st.sampled_from("abc")), min_size=1, max_size=6))
def test_the_copy_that_counts_is_the_best_of_all_whatever_came_before(copies: list[tuple[str | None, int, str]]) -> None:
    """The reference is plain: of the highest edition, the first received, then the smallest canonical form. COPY-3."""
    events = [ended(sequence, received=received, disconnect_type=word) for sequence, received, word in copies]
    top = max(edition(event.sequence) for event in events)
    best = min((one for one in events if edition(one.sequence) == top), key=lambda one: (one.received, canonical(one)))

    merged = Copies(*events).merged

    assert merged == evolve(best, received_at=min(event.received for event in events))


def test_copies_that_differ_only_in_when_they_were_received_are_one() -> None:  # COPY-16
    first, second = (stream("s1", start=START).alerting(received_at=at(number)).events[0] for number in (2, 1))

    assert merge_copies([first, second]) == ([second], {})


def test_another_subject_is_another_event() -> None:  # WORD-6, COPY-8
    assert identity(ended()) != identity(evolve(ended(), subject="s2"))


# --- Counts -------------------------------------------------------------------------------------------------------------------


def test_conflicts_are_of_the_highest_edition_and_corrections_of_lower_ones() -> None:  # COPY-17, COPY-18, COPY-19
    one, two = ended("1", disconnect_type="client"), ended("1", disconnect_type="peer")
    top = ended("2", disconnect_type="peer")

    assert shown(log_of([one, two]))[2:] == (1, 1, 0)
    assert shown(log_of([one, two, top]))[2:] == (2, 0, 1)
    assert shown(log_of([two, top, top]))[2:] == (2, 0, 0)
    assert shown(log_of([one, ended("2")]))[2:] == (1, 0, 0)  # absence is no correction
    assert shown(log_of([ended("1"), evolve(one, sequence="2")]))[2:] == (1, 0, 0)  # nor is more than before


@pytest.mark.parametrize(("one", "other"), [(1, True), (2, 2.0), (0.0, -0.0), ([1], [True]), ({"a": 0}, {"a": False})])
@pytest.mark.parametrize("place", ["extra", "address", "data", "extension"])
def test_what_python_takes_for_equal_and_json_does_not_is_a_conflict(one: Any, other: Any, place: str) -> None:  # COPY-16
    def event(value: Any) -> Event:
        given: dict[str, Any] = {"subject": "s1", "source": "/a", "id": "e1", "occurred_at": START}
        if place == "data":
            return UnknownEvent(**given, type="x", data={"k": value})
        if place == "address":
            return Updated(**given, details=Details(self_=Address(extra={"k": value})))
        return Updated(**{**given, "extra" if place == "extra" else "extensions": {"k": value}})

    assert event(one) != event(other)
    assert shown(log_of([event(one), event(other)])) == shown(log_of([event(other), event(one)]))
    assert log_of([event(one), event(other)]).conflicts == 1
    if place == "address":  # and it is news
        assert log_of([event(one), evolve(event(other), id="e2")]).trace[1].outcome.kind == "applied"


# --- Permutations converge ----------------------------------------------------------------------------------------------------


@st.composite
def editions(draw: st.DrawFn) -> list[Event]:
    """Events of one session, and copies of them with other sequences, times and words."""
    events = draw(streams(most=5))
    for event in draw(st.lists(st.sampled_from(events), max_size=5)):
        changes: dict[str, Any] = {"sequence": draw(st.sampled_from((None, "1", "2", "03", "b")))}
        changes["received_at"] = draw(st.sampled_from((None, at(0), at(7), at(300))))
        if not isinstance(event, UnknownEvent):
            changes["details"] = draw(st.sampled_from((Details(), Details(peer_id="x"), Details(viewer_url="y"))))
            changes["settings"] = draw(st.sampled_from((Settings(), Settings(wrapup_prompt="timeout", wrapup_timeout=SECOND))))
        if draw(st.booleans()):
            changes["occurred_at"] = draw(moments)
        events.append(evolve(event, **changes))
    return events


@examples(300)
@given(editions(), lifecycles(), st.integers(0, 20).map(at), st.integers(0, 2**32))
# STREAM-7, COPY-20
def test_any_order_with_editions_advances_and_restarts_converges(
    events: list[Event], lifecycle: Lifecycle, until: Any, seed: int
) -> None:
    chance = random.Random(seed)
    expected = fold(events, until, lifecycle=lifecycle)
    log = SessionLog(lifecycle, "s1")
    log.advance(at(-5))
    for event in chance.sample(events, len(events)):
        log.add(event)
        if chance.random() < 0.2:
            log.advance(min(until, at(chance.randrange(20))))
        if chance.random() < 0.2:
            log = restore_log(json.loads(json.dumps(save_log(log))))
    log.advance(until)

    assert list(map(trace_entry, log.trace)) == list(map(trace_entry, expected.trace))
    assert (log.session, log.session.settings, log.context) == (expected.session, expected.session.settings, expected.context)
    assert (log.repeats, log.conflicts, log.corrected) == (expected.repeats, expected.conflicts, expected.corrected)


@examples(200)
@given(editions(), lifecycles(), st.integers(-2, 20).map(at), st.integers(0, 2**32))
# LOG-1, LOG-2
def test_as_of_is_the_log_of_the_copies_received_by_then(
    events: list[Event], lifecycle: Lifecycle, moment: Any, seed: int
) -> None:
    log = log_of(random.Random(seed).sample(events, len(events)), lifecycle)
    received = [event for event in events if event.received <= moment]
    expected = log_of(received, lifecycle)
    expected.advance(moment)

    for then in (log.as_of(moment), restore_log(save_log(log)).as_of(moment)):
        assert shown(then)[:2] == shown(expected)[:2]
        assert (then.conflicts, then.corrected) == (expected.conflicts, expected.corrected)


@examples(200)
@given(editions())
def test_the_merged_event_can_be_written_and_read(events: list[Event]) -> None:
    for event in log_of(events).events:
        again = decode_event(encode_event(event), max_future=timedelta.max)
        assert canonical(again) == canonical(event)


def saved(sequence: str, **fields: Any) -> WrapupSaved:
    return WrapupSaved(subject="s1", source="/a", id="e1", occurred_at=START, sequence=sequence, **fields)


@pytest.mark.parametrize(
    "lower",
    [
        ended("1", extra={"roomId": "r"}),
        ended("1", extra={"wrapupTimeoutMs": 0}),
        ended("1", extensions={"datacontenttype": "text/plain"}),
        ended("1", derived_from="the envelope"),
        ended("1", details=Details(peer_id="p"), disconnect_type="peer"),
    ],
)
def test_what_the_highest_edition_leaves_unset_is_not_corrected(lower: Event) -> None:  # COPY-18
    assert not Copies(ended("2"), lower).is_corrected


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        (saved("1"), saved("2", code="sale")),
        (saved("1", code="sale"), saved("2")),
        (saved("1", code="sale"), saved("2", code="sale", notes="n")),
        (saved("1", code="sale"), saved("2", code="sale", provisional=True)),
        (saved("1", code="sale"), saved("2", code="sale", tags=())),
    ],
)
def test_a_wrap_up_is_corrected_where_one_of_its_own_fields_changes(lower: Event, higher: Event) -> None:  # COPY-18
    assert Copies(higher, lower).is_corrected


def test_data_of_an_unknown_type_are_one_statement() -> None:
    def parked(sequence: str, data: Any) -> Event:
        return UnknownEvent(subject="s1", source="/a", id="e1", type="parked", occurred_at=START, sequence=sequence, data=data)

    assert Copies(parked("2", {"required": 1}), parked("1", "text")).is_corrected
    assert not Copies(parked("2", None), parked("1", "text")).is_corrected


# --- Cost ---------------------------------------------------------------------------------------------------------------------


COPIES: dict[str, Callable[[int], Event]] = {
    "rising editions": lambda number: ended(str(number), details=Details(peer_id=str(number))),
    "falling editions": lambda number: ended(str(10**6 - number), details=Details(peer_id=str(number))),
    "one edition": lambda number: ended("1", details=Details(peer_id=f"{number:06}")),
    "one edition, each received earlier": lambda number: ended("1", received=-number, details=Details(peer_id=str(number))),
}


@pytest.mark.parametrize("copies", COPIES)
def test_a_copy_costs_at_most_one_step(copies: str) -> None:
    def steps(count: int) -> int:
        log, decided = SessionLog(Counting(), "s1"), Counting.decided
        for number in range(count):
            log.add(COPIES[copies](number))
        return Counting.decided - decided

    assert steps(400) <= 400


@pytest.mark.parametrize("copies", COPIES)
def test_twice_as_many_copies_of_one_event_cost_twice_as_many_calls(copies: str) -> None:
    every = [COPIES[copies](number) for number in range(2_000)]

    assert calls(lambda: log_of(every)) < 2.1 * calls(lambda: log_of(every[:1_000]))


class Counting(Lifecycle):
    """Counts what is decided."""

    decided = 0

    def decide(self, session: Any, event: Any) -> Any:
        Counting.decided += 1
        return super().decide(session, event)


def test_a_time_line_shares_what_it_can_and_goes_its_own_way() -> None:
    log = SessionLog(Lifecycle(), "s1")
    for number in range(300):
        log.add(
            (stream("s1", start=at(number)).alerting if number % 2 else stream("s1", start=at(number)).offering)(
                id=str(number)
            ).events[0]
        )
    before = list(log.session.segments or ())

    log.add(stream("s1", start=at(100.5)).dialing(id="late").events[0])

    assert [segment.type for segment in log.session.segments or ()][:103] == [s.type for s in before[:101]] + ["Dialing", "Alert"]
    assert len(log.session.segments or ()) == 301
    assert log.session.segments == fold(log.events).session.segments


# --- An id that is used twice -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_sealed", [False, True])
@pytest.mark.parametrize(
    ("first", "second", "differing"),
    [
        ({"occurred_at": at(5)}, {"occurred_at": at(6), "received_at": at(60)}, "time"),
        ({"sequence": "2", "disconnect_type": "peer"}, {"sequence": "1", "disconnect_type": "client"}, "disconnectType"),
        ({"sequence": "2"}, {"sequence": "1", "disconnect_type": "client"}, None),  # absence is no contradiction
        ({"received_at": at(5)}, {"received_at": at(60)}, None),
    ],
    ids=["another time", "another reason", "not stated", "the same"],
)
def test_a_copy_that_states_something_else_and_does_not_count_says_so(
    first: dict[str, Any], second: dict[str, Any], differing: str | None, *, is_sealed: bool
) -> None:  # OUTCOME-15
    end = Disconnected(subject="s1", source="/a", id="e1", occurred_at=at(5))
    log = SessionLog.of([evolve(end, **first)])
    if differing is None and second.get("disconnect_type"):
        log.add(evolve(end, **second))  # what a lower edition adds is filled in
    if is_sealed:
        assert log.seal(at(1000))

    for _ in range(2):
        outcome = log.add(evolve(end, **second)).outcome
        assert isinstance(outcome, Repeat)
        assert outcome.reason == (
            f"The log holds this event already, and that one counts. This copy has another {differing}."
            if differing
            else "The log holds this event already."
        )
