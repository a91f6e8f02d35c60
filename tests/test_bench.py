"""What `make bench` compares does the same work: on random streams, with refusals and outcomes, to the last attribute."""

import random
from collections.abc import Callable
from copy import copy
from datetime import timedelta
from pathlib import Path

import pytest
from bench import replay_by_hand, world
from bench.by_hand import ByHand
from tests.effort import share
from tests.reading_run import GENERATORS, as_lifecycle
from tests.reading_streams import Stream
from typer.testing import CliRunner

from cobrowse_session.canonical import order
from cobrowse_session.cli import app
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


@pytest.mark.parametrize("in_order", [True, False])
def test_the_replay_by_hand_writes_the_bytes_of_the_command(tmp_path: Path, *, in_order: bool) -> None:
    events = tmp_path / "events.jsonl"
    world.write(events, 1000)
    if not in_order:
        lines = events.read_bytes().splitlines(keepends=True)
        random.Random(1).shuffle(lines)
        events.write_bytes(b"".join(lines))

    CliRunner().invoke(app, ["replay", str(events), "-o", f"{tmp_path}/ours", "--trace", f"{tmp_path}/our-trace"])
    replay_by_hand.replay(events, tmp_path / "theirs", tmp_path / "their-trace")

    assert (tmp_path / "theirs").read_bytes() == (tmp_path / "ours").read_bytes()
    assert (tmp_path / "their-trace").read_bytes() == (tmp_path / "our-trace").read_bytes()
    assert (tmp_path / "our-trace").stat().st_size > 100_000
