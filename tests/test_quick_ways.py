"""The quick ways to read and to write: they give what the thorough ways give, or leave the text to them."""

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
from tests.strategies import decoded, events, json_values, lifecycles, reached, session_documents, streams
from tests.test_cloudevents import ENVELOPE, mutated

from cobrowse_session import CobrowseSession, DecodeError, Event, Lifecycle, SessionLog, WrapupSaved
from cobrowse_session.canonical import as_json
from cobrowse_session.events import CONTEXT_NAMES, KINDS, Entered, kind_of
from cobrowse_session.tables import Table
from cobrowse_session.testing import START, stream
from cobrowse_session.wire import decode_event, decode_session, encode_entry, encode_event, encode_session, trace_entries
from cobrowse_session.wire.cloudevents import MAX_FUTURE, read_event, read_thoroughly
from cobrowse_session.wire.converter import plain, structured
from cobrowse_session.wire.quick_json import parsed
from cobrowse_session.wire.strict_json import dump, read_json, read_text
from cobrowse_session.wire.trace import trace_lines
from cobrowse_session.wire.usual import read_usual
from cobrowse_session.wire.usual_session import read_session

LINES = [line for file in (Path(__file__).parents[1] / "examples").glob("*.jsonl") for line in file.read_text().splitlines()]


def result(read: Callable[..., object], *arguments: object) -> object:
    """What is read, or the problems. The text of a value tells 1 from 1.0 and True, and has the keys in their order."""
    try:
        value = read(*arguments)
    except DecodeError as error:
        return error.problems
    except ValueError as error:  # NaN under an unknown key. No JSON that was read has it.
        return str(error)
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

    prefix, kind, rank, segment = "com.acme.", "held", 52, "Hold"

    seconds: int
    music: str | None = None


OWN = Table.standard().extended("own", kinds=(Held,), like={"held": "updated"})


def test_an_own_kind_is_read_in_one_pass_and_its_problems_have_their_paths() -> None:
    document = {**ENVELOPE, "type": "com.acme.held", "data": {"seconds": 5, "segmentType": "Hold", "new": 1}}

    held = read_usual(document, Held, MAX_FUTURE)

    assert isinstance(held, Held)
    assert (held.seconds, held.music, held.segment_type, held.extra) == (5, None, "Hold", {"new": 1})
    assert read_event(document, table=OWN) == held == read_thoroughly(document, Held, MAX_FUTURE)
    with pytest.raises(DecodeError, match=r"\$\.data\.seconds"):
        decode_event(json.dumps({**document, "data": {"music": "waltz"}}), table=OWN)


def session_both_ways(document: object, cls: type[CobrowseSession] = CobrowseSession) -> None:
    """Check that one pass gives the session, or the problems, of the thorough way. The text of a value tells 1 from True."""

    def parts(read: Callable[..., CobrowseSession]) -> str:
        return repr(attrs.asdict(read(document, cls)))

    assert result(parts, read_session) == result(parts, structured)


@given(session_documents, st.data())
def test_a_session_is_the_same_session_or_the_same_error_in_both_ways(document: dict[str, Any], data: st.DataObject) -> None:
    places = [document, *(part for part in document.values() if isinstance(part, dict)), *(document.get("segments") or [])]
    for part in data.draw(st.lists(st.sampled_from([place for place in places if place]), max_size=2)):
        part[data.draw(st.sampled_from(sorted(part)))] = data.draw(json_values | st.just(float("nan")))

    session_both_ways(document)


@given(reached())
def test_a_session_that_this_package_writes_is_read_in_one_pass(session: CobrowseSession) -> None:
    document = json.loads(encode_session(session))

    session_both_ways(document)
    assert read_session(document, CobrowseSession) == session


@pytest.mark.parametrize("document", [None, [], "s1", {"segments": {}}, {"self": []}, {"controlling": "p"}, {"segments": [None]}])
def test_what_is_no_session_has_the_problems_of_the_thorough_way(document: object) -> None:
    session_both_ways(document)
    with pytest.raises(DecodeError):
        read_session(document, CobrowseSession)


# --- Out ----------------------------------------------------------------------------------------------------------------------


@given(reached() | decoded)
def test_a_session_is_written_as_json_writes_it(session: CobrowseSession) -> None:
    assert encode_session(session) == dump(plain(session))


@given(events(), st.dictionaries(st.text(min_size=1), json_values))
def test_an_event_is_written_as_json_writes_it(event: Event, extensions: dict[str, Any]) -> None:
    known = as_json(event).keys() | {"data_base64", "datacontenttype", "received", *CONTEXT_NAMES}
    with_extensions = attrs.evolve(event, extensions={key: value for key, value in extensions.items() if key not in known})
    for one in (event, with_extensions):
        assert encode_event(one) == dump(as_json(one))


@pytest.mark.parametrize("number", [1e22, 1e16, 1e-7, 5e-324, -0.0, 123456789.123456789, 2**64, -(2**70)])
def test_unknown_numbers_are_written_as_json_writes_them(number: float) -> None:
    text = f'{{"state":"none","id":"s1","x":{json.dumps(number)},"y":[{{"z":{json.dumps(number)}}}]}}'

    assert encode_session(decode_session(text)) == text


@given(streams(), lifecycles(), st.none() | st.text())
def test_a_trace_is_written_as_json_writes_it(made: list[Event], lifecycle: Lifecycle, notes: str | None) -> None:
    log = SessionLog.of([*made, WrapupSaved(subject="s1", source="/a", id="w", occurred_at=START, notes=notes)], lifecycle)

    assert list(trace_lines(log)) == list(map(encode_entry, trace_entries(log)))


@attrs.define(kw_only=True, on_setattr=attrs.setters.NO_OP, repr=False)
class ScoredSession(CobrowseSession):
    """A session of a user's own."""

    score: float | None = None
    lasts: timedelta | None = None


@pytest.mark.parametrize("own", [{"score": 1.5}, {"score": 1}, {"lasts": 1000}, {"lasts": -1.5}, {"score": None, "new": None}])
def test_an_own_session_is_the_same_session_or_the_same_error_in_both_ways(own: dict[str, Any]) -> None:
    session_both_ways({"id": "s1", **own}, ScoredSession)


def test_the_fields_of_an_own_session_are_written_as_json_writes_them() -> None:
    scored = Table.standard().extended("scored", session=ScoredSession)
    session = ScoredSession(id="s1", score=1e22, lasts=timedelta(seconds=1))

    assert encode_session(session) == '{"state":"none","id":"s1","score":1e+22,"lasts":1000}'
    assert decode_session('{"id":"s1","score":1e+22}', table=scored) == ScoredSession(id="s1", score=1e22)
