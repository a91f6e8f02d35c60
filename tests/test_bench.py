"""What `make bench` compares does the same work: on random streams, with refusals and outcomes, to the last attribute."""

from collections.abc import Callable
from copy import copy
from datetime import timedelta

import pytest
from bench.by_hand import ByHand
from tests.effort import share
from tests.reading_run import GENERATORS, as_lifecycle
from tests.reading_streams import Stream

from cobrowse_session.canonical import order
from cobrowse_session.wire import decode_event


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("in_order", [True, False])
def test_the_step_by_hand_gives_every_outcome_and_session_of_the_package(
    generator: Callable[[int], Stream], *, in_order: bool
) -> None:
    for seed in range(share(400)):
        given = generator(seed)
        lifecycle = as_lifecycle(given.options)
        events = [decode_event(line) for line in given.lines]
        subject = next((event.subject for event in events), "none")
        events = [event for event in events if event.subject == subject]
        ours, theirs, hand = lifecycle.new(subject), lifecycle.new(subject), ByHand(lifecycle)
        for event in sorted(events, key=order) if in_order else events:
            at = event.occurred_at - timedelta(seconds=1)
            assert tuple(hand.advance(theirs, at)) == lifecycle.advance(ours, at), (seed, event)
            before = copy(ours)
            assert hand.apply(theirs, event) == lifecycle.apply(ours, event), (seed, event, before)
            assert theirs == ours, (seed, event)
            assert theirs.settings == ours.settings, (seed, event)
