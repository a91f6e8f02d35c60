"""Each fact once, and a fact that is sent again as it was received first (EDITION-1 to EDITION-6)."""

from datetime import timedelta

import pytest
from attrs import evolve

from cobrowse_session import Event
from cobrowse_session.events import Updated
from cobrowse_session.model import Details
from cobrowse_session.sources.repeats import as_received_first, may_be_sent_again, without_arrival, without_repeats
from cobrowse_session.times import EPOCH

MS = timedelta(milliseconds=1)


def fact(
    url: str = "a", *, sequence: str | None = None, at: int = 5, received: int | None = None, words: str | None = None
) -> Event:
    """A detail of a leg, at so many milliseconds."""
    return Updated(
        subject="leg",
        source="/s",
        id="leg/viewerUrl",
        occurred_at=EPOCH + at * MS,
        received_at=None if received is None else EPOCH + received * MS,
        sequence=sequence,
        derived_from=words,
        details=Details(viewer_url=url),
    )


def edition(own: int, received: int = 0, place: int = 0) -> str:
    return f"{own:013}{received:013}{place:07}"


# --- Each fact once -----------------------------------------------------------------------------------------------------------


def shown(*copies: tuple[str, str | None]) -> list[tuple[str, str | None]]:
    events = [fact(url, sequence=sequence) for url, sequence in copies]
    return [(str(event.details.viewer_url), event.sequence) for event in without_repeats(events)]


@pytest.mark.parametrize(
    ("copies", "kept"),
    [
        ([("a", edition(900, place=1)), ("a", edition(900, place=2))], [0]),
        ([("a", edition(900, place=1)), ("b", edition(900, place=2)), ("a", edition(900, place=3))], [0, 1, 2]),
        ([("a", edition(900, place=1)), ("a", edition(901, place=2)), ("b", edition(900, place=3))], [0, 1, 2]),
        ([("a", None), ("b", None), ("a", None)], [0, 1]),
        ([("a", "1"), ("a", "2"), ("a", "2")], [0, 1]),
    ],
    ids=["a later place", "a correction and back", "a later time", "no edition", "another form of editions"],
)
def test_a_copy_that_states_nothing_new_is_left_out(copies: list[tuple[str, str | None]], kept: list[int]) -> None:
    assert shown(*copies) == [copies[index] for index in kept]


# --- A payload that is sent again ---------------------------------------------------------------------------------------------

RECEIVED = "the time at which it was received"


@pytest.mark.parametrize(
    ("event", "copy"),
    [
        pytest.param(
            fact(sequence=edition(900, 960), received=960), fact(sequence=edition(900, 901), received=901), id="a time of its own"
        ),
        pytest.param(
            fact(sequence=edition(960, 960), at=960, received=960),
            fact(sequence=edition(901, 901), at=901, received=901),
            id="no time of its own, but the time of a fact",
        ),
        pytest.param(
            fact(sequence=edition(960, 960), received=960),
            fact(sequence=edition(901, 901), received=901),
            id="a stamp of its own",
        ),
        pytest.param(
            fact(at=960, received=960, words=RECEIVED), fact(at=901, received=901, words=RECEIVED), id="a state that was seen"
        ),
    ],
)
def test_a_payload_that_is_sent_again_was_received_when_it_was_received_first(event: Event, copy: Event) -> None:
    assert as_received_first(event, [copy]) == evolve(event, sequence=copy.sequence, occurred_at=copy.occurred_at)


@pytest.mark.parametrize(
    ("event", "copies"),
    [
        pytest.param(fact(sequence=edition(900, 960)), [], id="no copy"),
        pytest.param(fact(sequence=edition(900, 960)), [fact("b", sequence=edition(900, 901))], id="another content"),
        pytest.param(fact(sequence=edition(950, 951)), [fact(sequence=edition(900, 901))], id="another time"),
        pytest.param(
            fact(sequence=edition(900, 901, 1)), [fact(sequence=edition(900, 901))], id="a later place of the same arrival"
        ),
        pytest.param(
            fact(sequence=edition(960, 960)),
            [fact(sequence=edition(901, 901)), fact("b", sequence=edition(951, 951))],
            id="a correction between",
        ),
        pytest.param(fact(sequence=edition(960, 960)), [fact(sequence=edition(900, 901))], id="only the copy has a time"),
        pytest.param(fact(sequence=edition(900, 901)), [fact(sequence="1")], id="another form of editions"),
        pytest.param(fact(words=RECEIVED), [fact(sequence=edition(901, 901), words=RECEIVED)], id="only the copy has an edition"),
        pytest.param(
            fact(sequence=edition(901, 901), words=RECEIVED), [fact(words=RECEIVED)], id="only the event has an edition"
        ),
        pytest.param(
            fact(at=5, sequence=edition(900, 901), received=901),
            [fact(at=900, sequence=edition(900, 900), received=900)],
            id="only the copy has the time of its arrival",
        ),
        pytest.param(
            fact(at=6, received=960, words="eventTime"), [fact(at=5, received=901, words="eventTime")], id="two derived times"
        ),
        pytest.param(fact(at=6, sequence=edition(960, 960)), [fact(at=5, sequence=edition(901, 901))], id="another stamp"),
        pytest.param(fact(at=960, received=960), [fact(at=901, received=901)], id="two times that are not derived"),
    ],
)
def test_another_fact_is_no_repeat(event: Event, copies: list[Event]) -> None:
    assert as_received_first(event, copies) is event


@pytest.mark.parametrize(
    ("sequence", "kept"),
    [
        (edition(900, 901), "0000000000900"),
        (edition(900, 0, 7), "0000000000900"),
        (edition(901, 901), edition(901, 901)),
        ("0" * 33, "0" * 33),
        ("1", "1"),
        (None, None),
    ],
)
def test_a_fact_of_a_payload_with_a_time_of_its_own_is_the_same_whenever_it_was_received(
    sequence: str | None, kept: str | None
) -> None:
    assert without_arrival(fact(sequence=sequence)) == fact(sequence=kept)


@pytest.mark.parametrize(
    ("event", "may_be"),
    [
        (fact(sequence=edition(900, 901)), True),
        (fact(sequence="0" * 33), True),
        (fact(sequence="0" * 32), False),
        (fact(sequence="0" * 34), False),
        (fact(sequence="\u0660" * 33), False),
        (fact(sequence="a" * 33), False),
        (fact(sequence="1", words=RECEIVED), False),
        (fact(words=RECEIVED), True),
        (fact(), False),
    ],
)
def test_a_fact_with_an_edition_of_a_payload_or_a_derived_time_may_be_sent_again(event: Event, *, may_be: bool) -> None:
    assert may_be_sent_again(event) == may_be
