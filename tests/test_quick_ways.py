"""The quick ways to read: they give what the thorough ways give, or leave the text to them."""

import json
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import share
from tests.strategies import events, json_values
from tests.test_cloudevents import ENVELOPE, mutated

from cobrowse_session import DecodeError, Event
from cobrowse_session.events import KINDS, Entered, kind_of
from cobrowse_session.testing import stream
from cobrowse_session.wire import decode_event, encode_event
from cobrowse_session.wire.cloudevents import MAX_FUTURE, read_event, read_thoroughly
from cobrowse_session.wire.quick_json import parsed
from cobrowse_session.wire.strict_json import read_json, read_text
from cobrowse_session.wire.usual import read_usual

LINES = [line for file in (Path(__file__).parents[1] / "examples").glob("*.jsonl") for line in file.read_text().splitlines()]


def result(read: Callable[..., object], *arguments: object) -> object:
    """What is read, or the problems. The text of a value tells 1 from 1.0 and True, and has the keys in their order."""
    try:
        value = read(*arguments)
    except DecodeError as error:
        return error.problems
    return (value, attrs.asdict(value)) if isinstance(value, Event) else repr(value)


# --- msgspec ------------------------------------------------------------------------------------------------------------------

PIECES = (
    *'{}[]:,"\\ \t\n',
    *(
        '":',
        '" :',
        '",',
        '":"',
        "\\u00fc",
        "\\ud83d\\ude00",
        "\\ud800",
        '\\"',
        "\\\\",
        "\\x",
        "ü",
        "😀",
        "\x00",
        "\x7f",
        "\ufeff",
    ),
    *("0", "-0", "-0.0", "1e5", "1E400", "1e-400", "01", ".5", "1.", "NaN", "Infinity", "null", "true", "nul"),
    *("9" * 400, f"0.{'3' * 300}", '"a":1', '"a":2,', '"data":{', "[" * 70, "{" * 70),
)


def agree(text: str) -> bool:
    """Check that msgspec gives what `json` gives, and return whether it took the text."""
    if (document := parsed(text)) is None:
        return False
    assert result(read_text, text) == repr(document), text
    return True


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{"a" :1,"b":"\\":"}',
        '{"a"\n:1,"b":"\\":"}',
        '{"a":1,"a":"\\":"}',
        '{"a":{"b":1,"b":2}}',
        '{"a":[{"b":1,"b":2}]}',
        '{"a":"\\ud800"}',
        '{"a":1e999}',
        '{"a":NaN}',
        f'{{"a":{"9" * 5000}}}',
        f'{{"a":{"[" * 65}{"]" * 65}}}',
        "[1]",
        '\ufeff{"a":1}',
        '{"a":1}}',
        "",
    ],
)
def test_msgspec_is_not_given_what_it_would_read_in_another_way(text: str) -> None:
    assert parsed(text) is None


def test_msgspec_takes_the_lines_that_this_package_writes() -> None:
    call = stream("s1", delay=0.1).alerting(wrapup_prompt="timeout", wrapup_timeout=30).connected().wrapup("Zoë", tags=["a", "b"])

    assert all(agree(encode_event(event)) for event in call)


@pytest.mark.parametrize("seed", range(8))
def test_msgspec_gives_what_json_gives_for_lines_that_are_broken_at_random(seed: int) -> None:
    rng, taken = random.Random(seed), 0
    for _ in range(share(4000)):
        text = rng.choice(LINES)
        for _ in range(rng.randrange(4)):
            start = rng.randrange(len(text) + 1)
            text = text[:start] + rng.choice(PIECES) + text[start + rng.randrange(4) :]
        taken += agree(text)
    assert taken  # some are left that can be read


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join) | st.dictionaries(st.text(), json_values).map(json.dumps))
def test_msgspec_gives_what_json_gives_for_any_text(text: str) -> None:
    agree(text)
    agree(f'{{"a":{text}}}')


# --- One pass -----------------------------------------------------------------------------------------------------------------


def both_ways(document: Any, max_future: timedelta = MAX_FUTURE) -> None:
    """Check that one pass gives the event of the thorough way, or nothing."""
    event = KINDS.get(kind_of(str(document.get("type"))) or "")
    if event is not None and (usual := read_usual(document, event, max_future)) is not None:
        assert result(lambda: usual) == result(read_thoroughly, document, event, max_future)


@given(events())
def test_one_pass_gives_the_event_of_the_thorough_way(event: Event) -> None:
    both_ways(json.loads(encode_event(event)))


@given(mutated())
def test_a_mutated_event_is_the_same_event_or_the_same_error_in_both_ways(raw: str) -> None:
    try:
        document = read_json(raw)
    except DecodeError:
        return
    if isinstance(document, dict):
        both_ways(document)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "changed",
    [
        {"specversion": None},
        {"specversion": "1.1"},
        {"id": ""},
        {"time": "2026-03-02T09:00:00.001Z", "receivedtime": "2026-03-01T09:00:00Z"},
        {"time": "2026-02-30T09:00:00.000Z"},
        {"time": "20260301T090000Z"},
        {"time": "9999-01-01T00:00:00.000Z"},
        {"receivedtime": None, "odd": None, "data": {"odd": None, "viewerUrl": None}},
        {"data_base64": None},
        {"data_base64": "e30="},
        {"datacontenttype": "text/plain"},
        {"datacontenttype": "text/plain", "data": {}},
        {"data": {"wrapupTimeoutMs": 0}},
        {"data": {"wrapupTimeoutMs": 86_400_001, "by": "platform"}},
        {"data": {"wrapupPrompt": "new", "by": "agent", "required": False}},
        {"data": []},
    ],
)
def test_an_unusual_event_is_the_same_event_or_the_same_error_in_both_ways(kind: str, changed: dict[str, Any]) -> None:
    both_ways({**ENVELOPE, "type": f"cobrowse.session.{kind}", **changed})


@attrs.frozen(kw_only=True, repr=False)
class Held(Entered):
    """A kind of a user's own."""

    kind = "held"

    seconds: int
    music: str | None = None


def test_an_own_kind_is_read_in_one_pass_and_its_problems_have_their_paths() -> None:
    kinds = {**KINDS, "held": Held}
    document = {**ENVELOPE, "type": "cobrowse.session.held", "data": {"seconds": 5, "segmentType": "Hold", "new": 1}}

    held = read_usual(document, Held, MAX_FUTURE)

    assert isinstance(held, Held)
    assert (held.seconds, held.music, held.segment_type, held.extra) == (5, None, "Hold", {"new": 1})
    assert read_event(document, kinds=kinds) == held == read_thoroughly(document, Held, MAX_FUTURE)
    with pytest.raises(DecodeError, match=r"\$\.data\.seconds"):
        decode_event(json.dumps({**document, "data": {"music": "waltz"}}), kinds=kinds)
