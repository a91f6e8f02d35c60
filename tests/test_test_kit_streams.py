"""Streams of several sessions: the legs of a conversation on one clock, streams merged by time, streams as JSON lines."""

from datetime import timedelta
from itertools import permutations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import events, streams

from cobrowse_session import DecodeError, Event, Lifecycle, SessionLog
from cobrowse_session.io.replay import replay
from cobrowse_session.testing import START, conversation, expect, from_jsonl, run, stream, to_jsonl, together
from cobrowse_session.testing.chain import builder_chain

CALL = (
    conversation("c1", media_type="call")
    .leg("customer", purpose="customer")
    .connected()
    .after(2)
    .leg("ann", purpose="agent", user_id="ann")
    .alerting()
    .after(3)
    .connected()
    .leg("customer")
    .updated(provider="acme")
    .after(60)
    .disconnected("client")
    .leg("ann")
    .disconnected("peer")
)


# --- Conversations ------------------------------------------------------------------------------------------------------------


def test_the_legs_of_a_conversation_have_one_clock_and_one_order() -> None:
    assert [(event.subject, event.kind, (event.occurred_at - START).seconds) for event in CALL] == [
        ("customer", "connected", 0),
        ("ann", "alerting", 2),
        ("ann", "connected", 5),
        ("customer", "updated", 5),
        ("customer", "disconnected", 65),
        ("ann", "disconnected", 65),
    ]


def test_every_event_has_an_id_of_its_own() -> None:
    assert [event.id for event in CALL] == ["e1", "e2", "e3", "e4", "e5", "e6"]


def test_a_log_takes_events_of_one_kind_and_instant_in_the_order_in_which_they_were_written() -> None:  # ORDER-1
    call = stream("s1").connected().after(60).disconnected()
    for number in range(120):
        call = call.wrapup(f"code {number}")
    log = SessionLog.of(call)

    assert [event.id for event in log.events] == [event.id for event in call]
    assert log.session == run(call).session


@given(st.lists(st.none() | st.sampled_from([f"e{number}" for number in range(1, 8)]), max_size=6))
def test_a_generated_id_is_never_one_that_an_earlier_event_has(ids: list[str | None]) -> None:
    made = stream()
    for given_id in ids:
        used = {event.id for event in made}
        made = made.updated() if given_id is None else made.updated(id=given_id)

        assert made.events[-1].id == given_id or made.events[-1].id not in used


def test_every_event_of_a_stream_is_in_its_log() -> None:
    made = stream().alerting(id="e2").connected()

    assert [event.id for event in made] == ["e2", "e3"]
    assert SessionLog.of(made).session == run(made).session
    assert builder_chain(made) == "stream('s1').alerting(id='e2').connected()"


def test_two_streams_of_one_session_are_merged_by_their_sources() -> None:
    merged = together(stream("s1").alerting(), stream("s1", source="/b").after(3).connected())

    expect(SessionLog.of(merged), state="connected")
    with pytest.raises(ValueError, match="two of one session need a `source` each"):
        stream().after(-1)


def test_a_leg_keeps_its_context_and_shares_that_of_the_conversation() -> None:
    assert {(one.context.conversation_id, one.context.media_type) for one in CALL} == {("c1", "call")}
    assert [one.context.purpose for one in CALL] == ["customer", "agent", "agent", "customer", "customer", "agent"]
    assert [one.context.user_id for one in CALL] == [None, "ann", "ann", None, None, "ann"]


def test_an_event_may_change_its_context_and_a_leg_may_from_here_on() -> None:
    first, second, third = CALL.leg("ann").updated(user_id="bob").updated().leg("ann", user_id="bob").updated().events[-3:]

    assert [one.context.user_id for one in (first, second, third)] == ["bob", "ann", "bob"]
    assert third.context.purpose == "agent"


def test_a_conversation_is_a_value_so_a_beginning_can_be_shared() -> None:
    begun = conversation("c1").leg("a").alerting()

    assert [one.subject for one in begun.leg("b").alerting()] == ["a", "b"]
    assert [one.subject for one in begun.connected()] == ["a", "a"]
    assert repr(begun.leg("b").alerting()) == "Stream('b', a alerting, b alerting)"


def test_a_conversation_needs_a_leg_before_its_first_event() -> None:
    with pytest.raises(ValueError, match=r"call leg\('s1'\) first"):
        conversation("c1").alerting()


def test_a_leg_has_no_context_of_another_name() -> None:
    with pytest.raises(TypeError, match="user"):
        conversation("c1").leg("a", user="ann")


def test_a_stream_may_go_on_with_a_leg_of_another_session() -> None:
    assert [one.subject for one in stream("s1").alerting().leg("s2").alerting().leg("s1").connected()] == ["s1", "s2", "s1"]


def test_the_legs_of_a_conversation_are_sessions() -> None:
    ann, customer = sorted(replay(CALL, Lifecycle()), key=lambda log: log.session_id)

    expect(ann, state="disconnected", disconnect_type="peer", context__user_id="ann")
    expect(customer, state="disconnected", disconnect_type="client", provider="acme", context__conversation_id="c1")


# --- Merged by time -----------------------------------------------------------------------------------------------------------


@given(st.lists(streams(), min_size=1, max_size=3))
def test_merged_streams_have_every_event_once_in_the_order_of_time(drawn: list[list[Event]]) -> None:
    some = [[evolve(event, source=f"/{number}") for event in one] for number, one in enumerate(drawn)]
    merged = together(*some)

    assert sorted(map(repr, merged)) == sorted(repr(event) for one in some for event in one)
    assert [event.occurred_at for event in merged] == sorted(event.occurred_at for event in merged)


def test_two_streams_with_events_of_one_identity_that_differ_are_an_error_that_names_both() -> None:
    expected = (
        r"^together: two events have the session 's1', the source '/test' and the id 'e1', but differ: Alerting\(.*\) and "
        r"Connected\(.*\); give one stream another source: stream\('s1', source='/b'\)$"
    )
    with pytest.raises(ValueError, match=expected):
        together(stream("s1").alerting(), stream("s2").alerting(), stream("s1").after(3).connected())


@pytest.mark.parametrize("order", [*permutations(range(3))], ids=str)
def test_two_streams_with_events_of_one_identity_and_edition_that_differ_are_an_error_beside_any_other_edition(
    order: tuple[int, ...],
) -> None:
    editions = [
        stream("s1").alerting(sequence="1").alerting(id="e1", sequence="2"),
        stream("s1").alerting(sequence="3"),
        stream("s1").alerting(sequence="1", viewer_url="https://example.com"),
    ]

    with pytest.raises(ValueError, match="the id 'e1', but differ"):
        together(*(editions[place] for place in order))


def test_equal_copies_and_corrections_are_merged() -> None:
    begin = stream("s1").alerting()
    one, other = begin.after(3).connected(), begin.after(9).disconnected()
    received, corrected = stream("s1", delay=1).alerting(), stream("s1").alerting(sequence="2", viewer_url="https://example.com")

    merged = together(begin, received, corrected, begin.after(3).connected())
    assert [event.id for event in merged] == ["e1", "e1", "e1", "e1", "e2"]
    with pytest.raises(ValueError, match="the id 'e2'"):
        together(one, other)


def test_at_one_instant_the_earlier_stream_comes_first() -> None:
    assert [one.subject for one in together(stream("b").alerting(), stream("a").alerting())] == ["b", "a"]


# --- JSON lines ---------------------------------------------------------------------------------------------------------------


@given(st.lists(events(), max_size=4))
def test_what_is_written_as_json_lines_is_read_again(some: list[Event]) -> None:
    assert from_jsonl(to_jsonl(some)) == tuple(some)
    assert from_jsonl(to_jsonl(some).encode()) == tuple(some)


def test_blank_lines_are_skipped_and_every_end_of_a_line_is_taken() -> None:
    text = to_jsonl(CALL)

    assert from_jsonl("\n" + text.replace("\n", "\r\n\r\n")) == CALL.events
    assert from_jsonl(text.removesuffix("\n")) == CALL.events
    assert from_jsonl("") == ()


def test_an_event_that_lies_far_ahead_is_read_again() -> None:
    (event,) = stream("s1", delay=timedelta(days=-9)).alerting()

    assert from_jsonl(to_jsonl([event])) == (event,)


def test_a_line_that_cannot_be_read_is_an_error_with_its_number() -> None:
    with pytest.raises(DecodeError, match=r"^line 8: not_json: ") as caught:
        from_jsonl(to_jsonl(CALL) + "\n{broken")

    assert caught.value.line == 8
