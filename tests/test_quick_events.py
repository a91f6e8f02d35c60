"""Lines of the usual form, read by msgspec: they give what the thorough way gives, or are left to it."""

import json
import random

import attrs
import pytest
from hypothesis import given
from tests.effort import share
from tests.strategies import events
from tests.test_cloudevents import ENVELOPE, mutated
from tests.test_quick_ways import LINES, PIECES

from cobrowse_session import Event
from cobrowse_session.events import KINDS, UnknownEvent, Updated
from cobrowse_session.tables import Table
from cobrowse_session.wire import decode_event, encode_event
from cobrowse_session.wire.cloudevents import MAX_FUTURE, read_thoroughly
from cobrowse_session.wire.quick_events import quick_event
from cobrowse_session.wire.strict_json import read_text


def is_quick(raw: bytes) -> bool:
    """Check that the quick way gives the event of the thorough way, and return whether it took the line."""
    if (event := quick_event(raw, MAX_FUTURE)) is None:
        return False
    expected = read_thoroughly(read_text(raw.decode()), type(event), MAX_FUTURE)
    assert event == expected, raw
    # An enum's member equals its text, and an int equals a bool. Their `repr` differ.
    assert repr(attrs.asdict(event, recurse=False)) == repr(attrs.asdict(expected, recurse=False)), raw
    return True


@given(events())
def test_a_form_gives_the_event_of_the_thorough_way(event: Event) -> None:
    is_quick(encode_event(event).encode())


@given(mutated())
def test_a_form_gives_the_event_of_the_thorough_way_for_a_mutated_event(raw: str) -> None:
    is_quick(raw.encode())


@pytest.mark.parametrize("seed", range(8))
def test_a_form_gives_the_event_of_the_thorough_way_for_lines_that_are_broken_at_random(seed: int) -> None:
    rng, taken = random.Random(seed), 0
    for _ in range(share(4000)):
        text = rng.choice(LINES)
        for _ in range(rng.randrange(4)):
            start = rng.randrange(len(text) + 1)
            text = text[:start] + rng.choice(PIECES) + text[start + rng.randrange(4) :]
        taken += is_quick(text.encode(errors="surrogatepass"))
    assert taken


def test_a_form_is_made_for_every_standard_kind() -> None:
    own: dict[str, dict[str, object]] = {
        "acw.required": {"required": False},
        "acw.ended": {"by": "AGENT"},
        "disconnected": {"disconnectType": "meteor"},
    }
    own["wrapup"] = {"code": "", "tags": ["a", "b"], "provisional": True}
    envelope = {**ENVELOPE, "sequence": "7", "conversationid": "c1", "receivedtime": ENVELOPE["time"]}
    common = {"viewerUrl": "ü", "cobrowseRole": "SHARER", "wrapupPrompt": "new", "wrapupTimeoutMs": 86_400_000, "controlling": []}
    for kind in KINDS.keys() - {UnknownEvent.kind}:
        document = {**envelope, "type": f"cobrowse.session.{kind}", "data": {**common, **own.get(kind, {})}}
        assert is_quick(json.dumps(document).encode()), kind


@pytest.mark.parametrize(
    "changed",
    [
        '"id":"e1","id":"e1"',
        '"id" :"e0","id" :"e1","sequence":"\\":"',
        '"id"\n:"e0","id"\n:"e1","sequence":"\\":"',
        '"id":""',
        '"id":"e1","sequence":""',
        '"id":"e1","odd":1',
        '"id":"e1","receivedtime":null',
        '"id":"e1","sequence":"\\ud800"',
        '"id":"e1","providertime":"9999-01-01T00:00:00.000Z"',
        '"id":"e1","receivedtime":"2020-01-01T00:00:00.000Z"',
        '"id":"e1","data":{"required":true,"odd":1}',
        '"id":"e1","data":{"required":1}',
        '"id":"e1","data":{"required":true,"required":true}',
        '"id":"e1","data":{"required":true,"wrapupTimeoutMs":30000.0}',
        '"id":"e1","data":{"required":true,"wrapupTimeoutMs":0}',
        '"id":"e1","data":{"required":true,"wrapupTimeoutMs":86400001}',
        '"id":"e1","data":{"required":true,"controlling":[1]}',
        '"id":"e1","data":{"required":true,"self":{"name":"n"}}',
        '"id":"e1","data":{}',
        '"id":"e1","data":null',
        f'"id":"{"e" * 2048}"',
    ],
)
def test_a_line_that_a_form_would_read_in_another_way_is_left_to_the_thorough_way(changed: str) -> None:
    assert is_quick(_required('"id":"e1"'))
    assert not is_quick(_required(changed))


def _required(keys: str) -> bytes:
    """Return the line of a request with some keys. It has data, unless they are among the keys."""
    others = '"specversion":"1.0","source":"/a","type":"cobrowse.session.acw.required","subject":"s1"'
    data = "" if '"data"' in keys else ',"data":{"required":true}'
    return f'{{{others},"time":"2026-03-01T09:00:00.000Z",{keys}{data}}}'.encode()


def test_a_report_of_the_platform_without_a_state_has_no_form() -> None:
    document = {**ENVELOPE, "type": "cobrowse.session.acw.ended", "data": {"by": "platform"}}

    assert not is_quick(json.dumps(document).encode())
    assert is_quick(json.dumps({**document, "data": {"by": "platform", "state": "skipped"}}).encode())


def test_a_table_of_ones_own_is_not_read_into_forms() -> None:
    @attrs.frozen(kw_only=True, repr=False)
    class Noted(Updated):
        """A kind of a user's own, beside the standard ones."""

        prefix, kind, rank = "com.acme.", "noted", 61

    table = Table.standard().extended("noting", kinds=(Noted,), like={"noted": "updated"})
    raw = json.dumps({**ENVELOPE, "type": "com.acme.noted"}).encode()

    assert type(decode_event(raw, table=table)) is Noted
    assert type(decode_event(raw)) is UnknownEvent
