"""A mistake in an argument of the test kit is an error that says what was expected and what was found."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cobrowse_session import Event, Lifecycle, SessionLog
from cobrowse_session.events import Entered
from cobrowse_session.store import Store
from cobrowse_session.tables import Table
from cobrowse_session.testing import START, conversation, duration, from_jsonl, run, stream, to_jsonl, together
from cobrowse_session.testing.chain import builder_chain
from cobrowse_session.testing.checked import Logs, check_log, story
from cobrowse_session.testing.coverage import coverage
from cobrowse_session.testing.mischief import delay, drop, duplicate, outage, shuffle, skew, split
from cobrowse_session.testing.paths import pairs, rows, shortest_paths
from cobrowse_session.testing.strategies import any_streams, conversations, events, legal_streams, lifecycles, payloads, sessions

CALL = stream("s1").alerting().after(3).connected()
TABLE: Any = Table.standard()  # given where something else is expected
LIFECYCLE: Any = Lifecycle()
LOG: Any = SessionLog.of(CALL)
NONE: Any = None
TEXT: Any = "abc"
ONE: Any = 1
ONES: Any = [1]
NAIVE = datetime(2026, 3, 1)  # noqa: DTZ001 (a naive one is the mistake)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
SEEDED: dict[str, Callable[[Any], object]] = {
    "duplicate": lambda seed: duplicate(CALL, seed),
    "shuffle": lambda seed: shuffle(CALL, seed),
    "drop": lambda seed: drop(CALL, seed=seed),
    "drop, a kind": lambda seed: drop(CALL, "connected", seed=seed),
    "delay": lambda seed: delay(CALL, 5, seed=seed),
    "split": lambda seed: split(CALL, seed),
}
SHIFTING: dict[str, Callable[[Any], object]] = {
    "delay": lambda by: delay(CALL, by, share=1),
    "delay, a kind": lambda by: delay(CALL, by, "connected"),
    "outage": lambda by: outage(CALL, START, by),
    "skew": lambda by: skew(CALL, by),
}
SHARED: dict[str, Callable[[Any], object]] = {
    "duplicate": lambda share: duplicate(CALL, share=share),
    "drop": lambda share: drop(CALL, share=share),
    "delay": lambda share: delay(CALL, 5, share=share),
}
WORKERS: Any = 2.5
STREAMS: Any = [CALL, CALL]
RUN: Any = run(CALL)
PATH: Any = Path("events.jsonl")

WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "run, text": (lambda: run(TEXT), TypeError, "run: expected a stream or other events, found 'abc'"),
    "run, no events": (lambda: run(ONES), TypeError, "run: expected events, found 1"),
    "run, a table": (lambda: run(CALL, lifecycle=TABLE), TypeError, "run: lifecycle: expected a Lifecycle, found Table"),
    "run, a log": (lambda: run(CALL, session=LOG), TypeError, "run: session: expected a Communication, found SessionLog"),
    "stream, None": (lambda: stream(NONE), TypeError, "stream: session: expected text, found None"),
    "stream, empty": (lambda: stream(""), ValueError, "stream: session: expected text that is not empty"),
    "stream, a text": (lambda: stream(start=TEXT), TypeError, "expected an aware datetime, .* found 'abc'"),
    "stream, naive": (lambda: stream(start=NAIVE), TypeError, "expected an aware datetime"),
    "conversation, None": (lambda: conversation(NONE), TypeError, "conversation_id: expected text, found None"),
    "conversation, naive": (lambda: conversation("c1", start=NAIVE), TypeError, "expected an aware datetime"),
    "leg, empty": (lambda: CALL.leg(""), ValueError, "leg: session: expected text that is not empty"),
    "leg, None": (lambda: CALL.leg(NONE), TypeError, "leg: session: expected text, found None"),
    "after, too long": (
        lambda: CALL.after("9999999d"),
        ValueError,
        "after: expected a time .* found 9999999 days, 0:00:00 after 2026",
    ),
    "delay, too long": (lambda: stream(delay="9999999d").alerting(), ValueError, "delay: expected a time"),
    "an attribute": (lambda: CALL.updated(self=ONE), TypeError, "updated: expected self_, found self"),
    "a misspelt setting": (lambda: CALL.connected(wrapup_promt="timeout"), TypeError, "connected: .* Did you mean wrapup_prompt"),
    "a misspelt detail": (lambda: CALL.updated(viewer_ulr="x"), TypeError, "updated: .* Did you mean viewer_url"),
    "a misspelt field of the context": (lambda: CALL.alerting(usr_id="ann"), TypeError, "alerting: .* Did you mean user_id"),
    "a misspelt attribute of the event": (lambda: CALL.wrapup("sale", note="x"), TypeError, "wrapup: .* Did you mean notes"),
    "an attribute that no event has": (lambda: CALL.alerting(zzz=1), TypeError, "alerting: there is no attribute 'zzz'\\.$"),
    "leg, a misspelt field": (lambda: CALL.leg("s1", usr_id="ann"), TypeError, "leg: .* Did you mean user_id"),
    "event, no kind": (lambda: CALL.event(Event), TypeError, "event: expected a class of events with a kind, found "),
    "event, a base": (lambda: CALL.event(Entered), TypeError, "event: expected a class of events with a kind, found "),
    "builder_chain": (lambda: builder_chain(ONES), TypeError, r"builder_chain: expected a Stream, found \[1\]"),
    "log, text": (lambda: Logs().log(TEXT), TypeError, "Logs.log: expected a stream or other events, found 'abc'"),
    "log, a table": (lambda: Logs().log(CALL, TABLE), TypeError, "expected a Lifecycle, found Table"),
    "watch": (lambda: Logs().watch(ONE), TypeError, "Logs.watch: expected a SessionLog, an Inbox or a DurableInbox, found 1"),
    "check_log": (lambda: check_log(ONE), TypeError, "check_log: expected a SessionLog, found 1"),
    "story": (lambda: story(ONE), TypeError, "story: expected a SessionLog, found 1"),
    "coverage, events": (lambda: coverage(CALL), TypeError, r"found events: coverage\(run\(events\)\)"),  # type: ignore[arg-type] # the mistake
    "coverage, a number": (lambda: coverage(ONE), TypeError, "expected a log, a run or the entries of a trace, found 1"),
    "coverage, numbers": (lambda: coverage(ONES), TypeError, "expected a log, a run or the entries of a trace, found 1"),
    "coverage, a lifecycle": (lambda: coverage(table=LIFECYCLE), TypeError, "coverage: table: expected a Table, found Lifecycle"),
    "legal_streams": (lambda: legal_streams(TABLE).example(), TypeError, "legal_streams: lifecycle: expected a Lifecycle"),
    "any_streams": (lambda: any_streams(LIFECYCLE).example(), TypeError, "any_streams: table: expected a Table"),
    "sessions": (lambda: sessions(TABLE), TypeError, "sessions: lifecycle: expected a Lifecycle, found Table"),
    "lifecycles": (lambda: lifecycles(LIFECYCLE).example(), TypeError, "lifecycles: table: expected a Table"),
    "events": (lambda: events(LIFECYCLE).example(), TypeError, "events: table: expected a Table"),
    "events, empty": (lambda: events(session="").example(), ValueError, "session: expected text that is not empty"),
    "events, no kinds": (
        lambda: events(kinds=[]).example(),
        ValueError,
        "events: kinds: expected at least one class, found none",
    ),
    "events, a text": (lambda: events(kinds=[TEXT]).example(), TypeError, "events: kinds: .* with a kind, found 'abc'"),
    "events, a base": (
        lambda: events(kinds=[Event]).example(),
        TypeError,
        "events: kinds: expected a class of events with a kind",
    ),
    "any_streams, 0": (
        lambda: any_streams(max_size=0).example(),
        ValueError,
        "any_streams: max_size: expected at least 1, found 0",
    ),
    "legal_streams, 0": (lambda: legal_streams(max_size=0).example(), ValueError, "legal_streams: max_size: expected at least 1"),
    "conversations": (lambda: conversations(TABLE).example(), TypeError, "conversations: lifecycle: expected a Lifecycle"),
    "conversations, 1": (
        lambda: conversations(max_size=1).example(),
        ValueError,
        "conversations: max_size: expected at least 2, found 1",
    ),
    "conversations, one session": (
        lambda: conversations(sessions=("a", "a")).example(),
        ValueError,
        r"conversations: sessions: expected at least two ids, found \('a', 'a'\)",
    ),
    "legal_streams, a number": (lambda: legal_streams(session=ONE).example(), TypeError, "session: expected text"),
    "payloads": (lambda: payloads("abc"), ValueError, "family: expected one of conversation"),
    "payloads, a table": (lambda: payloads(lifecycle=TABLE), TypeError, "payloads: lifecycle: expected a Lifecycle"),
    "payloads, envelope": (lambda: payloads("media", envelope="abc"), ValueError, "envelope of media: expected notification"),
    "payloads, any envelope": (lambda: payloads(envelope="abc"), ValueError, "expected notification, eventbridge, sqs, found"),
    "rows": (lambda: rows(TABLE), TypeError, "lifecycle: expected a Lifecycle, found Table"),
    "pairs": (lambda: pairs(TABLE), TypeError, "lifecycle: expected a Lifecycle, found Table"),
    "shortest_paths": (lambda: shortest_paths(TABLE), TypeError, "lifecycle: expected a Lifecycle, found Table"),
    "duration, nan": (lambda: duration(math.nan), ValueError, "expected a duration that a timedelta can have, found nan"),
    "duration, infinite": (lambda: duration(math.inf), ValueError, "expected a duration that .* found inf"),
    "duration, too long": (lambda: duration("9" * 30 + "d"), ValueError, "expected a duration that .* found '999"),
    "duration, endless": (lambda: duration("9" * 999 + "d"), ValueError, "expected a duration that .* found '999"),
    "duration, huge": (lambda: duration(10**400), ValueError, "expected a duration that .* found 1000"),
    "duration, None": (lambda: duration(None), TypeError, "expected a duration as a timedelta, seconds or text, found None"),  # type: ignore[arg-type] # the mistake
    "duplicate": (lambda: duplicate(CALL, share=2), ValueError, "duplicate: share: expected a number from 0 to 1, found 2"),
    "drop": (lambda: drop(CALL, share=-1), ValueError, "drop: share: expected a number from 0 to 1, found -1"),
    "delay": (lambda: delay(CALL, 1, share=math.nan), ValueError, "delay: share: expected a number from 0 to 1, found nan"),
    "shuffle": (lambda: shuffle(TEXT), TypeError, "shuffle: expected a stream or other events, found 'abc'"),
    "skew": (lambda: skew(CALL, "late"), ValueError, "expected a duration as 250ms, .* found 'late'"),
    "delay, nothing": (lambda: delay(CALL, 0), ValueError, "delay: by: expected at least 1ms, found 0"),
    "delay, earlier": (lambda: delay(CALL, -5), ValueError, "delay: by: expected at least 1ms, found -5"),
    "outage, earlier": (lambda: outage(CALL, START, -5), ValueError, "outage: lasts: expected at least 1ms, found -5"),
    "delay, a fraction": (lambda: delay(CALL, 0.0009), ValueError, r"delay: by: expected at least 1ms, found 0\.0009"),
    "outage, nothing": (lambda: outage(CALL, START, 0), ValueError, "outage: lasts: expected at least 1ms, found 0"),
    "outage, before": (
        lambda: outage(CALL, START - DAY, 5),
        ValueError,
        "outage: expected an event that is received from .*, found none",
    ),
    "outage, after": (
        lambda: outage(CALL, START + DAY, 5),
        ValueError,
        "outage: expected an event that is received from .*, found none",
    ),
    "outage, between": (lambda: outage(CALL, START + SECOND, 1), ValueError, "found none"),
    "outage, no events": (lambda: outage([], START, 5), ValueError, "found none"),
    **{
        f"{name}, seed {found}": (partial(function, seed), TypeError, f"seed: expected an integer or a Random, found {found}")
        for name, function in SEEDED.items()
        for seed, found in ((None, "None"), ("1", "'1'"), (True, "True"), (0.5, "0.5"))
    },
    **{
        f"{name}, {by:+}": (partial(function, by), ValueError, "expected a time (that an event can have|in the years|from 1970)")
        for name, function in SHIFTING.items()
        for by in (251_603_600_000, 8 * 10**13, *((-(10**10), -(8 * 10**13)) if name == "skew" else ()))
    },
    **{
        f"{name}, share {found}": (
            partial(function, share),
            TypeError,
            f"{name}: share: expected a number from 0 to 1, found {found}",
        )
        for name, function in SHARED.items()
        for share, found in (("x", "'x'"), (None, "None"), (True, "True"))
    },
    **{
        f"split, workers {found}": (
            partial(split, CALL, workers=workers),
            TypeError,
            f"split: workers: expected an integer, found {found}",
        )
        for workers, found in ((WORKERS, "2.5"), (TEXT, "'abc'"), (True, "True"))
    },
    "after, a bool": (
        lambda: stream("s1").after(True),
        TypeError,
        "expected a duration as a timedelta, seconds or text, found True",
    ),
    "together, None": (lambda: together(NONE), TypeError, "together: expected a stream or other events, found None"),
    "together, an event": (lambda: together(*CALL), TypeError, "together: expected a stream or other events, found Alerting"),
    "together, a list of streams": (lambda: together(STREAMS), TypeError, "together: expected events, found Stream"),
    "to_jsonl, a run": (lambda: to_jsonl(RUN), TypeError, "to_jsonl: expected a stream or other events, found Run"),
    "to_jsonl, text": (lambda: to_jsonl(TEXT), TypeError, "to_jsonl: expected a stream or other events, found 'abc'"),
    "from_jsonl, a path": (lambda: from_jsonl(PATH), TypeError, "from_jsonl: expected text or bytes, found "),
    "from_jsonl, events": (lambda: from_jsonl(STREAMS), TypeError, "from_jsonl: expected text or bytes, found "),
    "checked, refused": (
        lambda: Logs.checked(allow_refused=TEXT).__enter__(),
        TypeError,
        "allow_refused: expected a bool, found 'abc'",
    ),
    "checked, pending": (
        lambda: Logs.checked(allow_pending=ONE).__enter__(),
        TypeError,
        "allow_pending: expected a bool, found 1",
    ),
    "split": (lambda: split(CALL, workers=0), ValueError, "split: workers: expected at least 1, found 0"),
    "outage": (lambda: outage(CALL, NAIVE, 1), TypeError, "aware"),
}


@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_in_an_argument_is_named(name: str) -> None:
    call, error, message = WRONG[name]

    with pytest.raises(error, match=message):
        call()


def test_a_store_is_no_receiver() -> None:
    store: Any = Store("sqlite://")
    with pytest.raises(TypeError, match="DurableInbox, found Store"):
        Logs().watch(store)
    store.close()
