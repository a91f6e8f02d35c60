"""The decoders and sources that take bytes from strangers: each raises a documented error, and what it accepts can be written.

A target takes bytes. If it raises anything, the fuzzer has found a defect.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.own_tables import LIVE  # a table with kinds, fields and states of its own

from cobrowse_session import DecodeError, Event, FormatVersionError, Lifecycle
from cobrowse_session.io.inbox import Inbox
from cobrowse_session.io.replay import Rejected
from cobrowse_session.sources.registry import convert
from cobrowse_session.testing import START, run, stream
from cobrowse_session.wire import (
    decode_event,
    decode_session,
    encode_entry,
    encode_event,
    encode_session,
    restore_log,
    save_log,
)
from cobrowse_session.wire.clock import restore_clock, save_clock
from cobrowse_session.wire.inbox_state import restore_state, save_state
from cobrowse_session.wire.strict_json import dump, read_json, read_object
from cobrowse_session.wire.trace import decode_entry, trace_lines

ROOT = Path(__file__).parents[2]
MAX_WORDS = 1000


# --- Targets ------------------------------------------------------------------------------------------------------------------


def event(raw: bytes) -> None:
    """An event is read, and what was read is written and read again."""
    _survives(decode_event(raw))


def own_event(raw: bytes) -> None:
    """An event of a table with kinds and fields of its own."""
    read = decode_event(raw, table=LIVE)
    assert decode_event(encode_event(read), table=LIVE, max_future=timedelta.max) == read


def session(raw: bytes) -> None:
    """A session."""
    written = encode_session(decode_session(raw))
    assert encode_session(decode_session(written)) == written


def entry(raw: bytes) -> None:
    """An entry of a trace."""
    read = decode_entry(raw)
    assert decode_entry(encode_entry(read)) == read


def log(raw: bytes) -> None:
    """A saved log. A log that was restored shows its trace and is saved again."""
    restored = restore_log(_object(raw))
    saved = save_log(restored)
    list(trace_lines(restored))
    assert save_log(restore_log(saved)) == saved


def clock(raw: bytes) -> None:
    """A saved clock."""
    saved = save_clock(restore_clock(_object(raw)))
    assert save_clock(restore_clock(saved)) == saved


def inbox_state(raw: bytes) -> None:
    """The saved state of an inbox."""
    saved = save_state(restore_state(_object(raw)))
    assert save_state(restore_state(saved)) == saved


def payload(raw: bytes) -> None:
    """A payload of any source and family. Its events are written and read again."""
    for made in convert(read_json(raw)).events:
        _survives(made)


def delivery(raw: bytes) -> None:
    """Whatever a transport delivers. An inbox answers everything and raises nothing."""
    rejected: list[Rejected] = []
    inbox = Inbox(Lifecycle(), reject=rejected.append)
    taken = inbox.take(raw, START)
    inbox.advance(START + timedelta(days=1))
    assert [answer for answer in taken.answers if isinstance(answer, Rejected)] == rejected


def _survives(read: Event) -> None:
    assert decode_event(encode_event(read), max_future=timedelta.max) == read


def _object(raw: bytes) -> Mapping[str, Any]:  # JSON
    return read_object(raw)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    target.__name__.replace("_", "-"): target
    for target in (event, own_event, session, entry, log, clock, inbox_state, payload, delivery)
}
"""What is fuzzed, by name."""


def check(target: Callable[[bytes], None], raw: bytes) -> None:
    """Give bytes to a target. A documented error is a right answer."""
    with suppress(DecodeError, FormatVersionError):
        target(raw)


# --- Seeds --------------------------------------------------------------------------------------------------------------------


def seeds() -> Iterator[bytes]:
    """Yield documents of every format, from the examples, the corpus and the package itself."""
    for pattern in ("examples/**/*.json*", "tests/corpus/**/*.json*"):
        for file in sorted(ROOT.glob(pattern)):
            raw = file.read_bytes()
            yield from raw.splitlines()[:50] if file.suffix == ".jsonl" else [raw]
    call = stream("s1").alerting(wrapup_prompt="timeout", wrapup_timeout=30).after(3).connected(controlling=["p1"])
    call = call.after(60).disconnected("peer").after(5).wrapup("sale", tags=["a"]).after(1).terminated()
    yield encode_session(run(call).session).encode()
    yield from (encode_event(one).encode() for one in call)
    inbox = Inbox(Lifecycle(), seal_after=timedelta(hours=1), correct={"/test": timedelta(seconds=1)})
    for one in call:
        inbox.receive(encode_event(one), one.received)
    for later in (timedelta(0), timedelta(days=1)):
        made = inbox.logs["s1"]
        yield dump(save_log(made)).encode()
        yield from (line.encode() for line in trace_lines(made))
        sealed = inbox.advance(call.now + later).sealed
        yield dump(inbox.save_state()).encode()
    yield from (dump(save_log(one)).encode() for one in sealed)
    yield from (dump(save_clock(one)).encode() for one in inbox.clocks.values())


def words() -> list[str]:
    """Return the keys and the words of all seeds, for the fuzzer to put anywhere."""
    found = Counter(word for seed in seeds() for word in re.findall(rb'"([A-Za-z0-9_.:-]{2,40})"', seed))
    return [word.decode() for word, _ in found.most_common(MAX_WORDS)]
