"""The limit of a replay, file to file, by hand: `python -m bench.replay_by_hand EVENTS SESSIONS TRACE`.

It reads with msgspec, keeps the events, decides with the step by hand, takes late events and repeats, fires timers, and writes
the same bytes as the command: sessions in order, and a trace with what each event changed. Copies that differ raise an error. It
observes no clocks and prints no summary.
"""

import gc
import sys
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
from attrs import define, field
from msgspec import Struct

from bench.by_hand import ByHand
from bench.lines import Fact, NotPlainError, read
from cobrowse_session import Applied, CobrowseSession, Context, Ignored, Lifecycle, Outcome, Refused, Segment, Wrapup
from cobrowse_session.lifecycle.outcome import Fired
from cobrowse_session.model import NO_CONTEXT

FIELDS = (
    *("state", "initial_state", "id", "disconnect_type", "self", "provider_event_time", "start_alerting_time", "connected_time"),
    *("disconnected_time", "provider", "peer_id", "segments", "wrapup", "after_call_work", "after_call_work_required"),
    *("cobrowse_session_id", "cobrowse_role", "controlling", "viewer_url"),
)
SEGMENT = ("start_time", "end_time", "type", "how_ended", "disconnect_type")
WRAPUP = ("code", "name", "notes", "tags", "duration_seconds", "end_time", "provisional")
WORK = ("start_time", "end_time", "state")
SETTINGS = ("wrapup_prompt", "wrapup_timeout", "alerting_timeout")
PARTS = {"wrapup": WRAPUP, "after_call_work": WORK}
read_fields = attrgetter(*FIELDS)
encode = msgspec.json.Encoder().encode


def json_name(name: str) -> str:
    """Return the name of an attribute in JSON."""
    head, *tail = name.split("_")
    return head + "".join(map(str.capitalize, tail)) + ("Ms" if name.endswith("_timeout") else "")


NAMES = {name: json_name(name) for name in (*FIELDS, *SEGMENT, *WRAPUP, *WORK, *SETTINGS)}


class Row(Struct, omit_defaults=True):
    """A row of the trace."""

    session: str
    conversation: str | None = None
    participant: str | None = None
    user: str | None = None
    queue: str | None = None
    purpose: str | None = None
    media: str | None = None
    event: str | None = None
    source: str | None = None
    type: str | None = None
    at: str | None = None
    received: str | None = None
    outcome: str | None = None
    row: str | None = None
    rule: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None
    acw: str | None = None
    set: list[str] | None = None
    notes: tuple[str, ...] | None = None
    changed: dict[str, list[Any]] | None = None  # values of any field


@define
class Leg:
    """One session: what is kept of it."""

    session: CobrowseSession
    context: Context = NO_CONTEXT
    facts: list[Fact] = field(factory=list)  # in order
    held: dict[tuple[str, str], Fact] = field(factory=dict)
    rows: list[bytes] = field(factory=list)


class ReplayByHand:
    """A replay of events of any number of sessions."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._hand = ByHand(lifecycle)
        self._legs: dict[str, Leg] = {}
        self._said: dict[int, tuple[Outcome, tuple[Any, ...]]] = {}

    def add(self, fact: Fact) -> None:
        """Take the next event, in the order of arrival."""
        leg = self._legs.get(fact.subject)
        if leg is None:
            leg = self._legs[fact.subject] = Leg(CobrowseSession(id=fact.subject))
        identity = fact.source, fact.id
        held = leg.held.setdefault(identity, fact)
        if held is not fact:
            if held != fact:
                raise NotPlainError(f"copies of {identity} that differ")
            return
        if not leg.facts or leg.facts[-1].key < fact.key:
            leg.facts.append(fact)
            self._take(leg, fact)
            return
        leg.facts = sorted([*leg.facts, fact], key=lambda one: one.key)
        leg.session, leg.context, leg.rows = CobrowseSession(id=fact.subject), NO_CONTEXT, []
        for one in leg.facts:
            self._take(leg, one)

    def finish(self) -> list[Leg]:
        """Advance all sessions to the latest event. Return them in the order in which they are written."""
        until = max(leg.facts[-1].occurred_at for leg in self._legs.values())
        for leg in self._legs.values():
            due = self._hand.deadline(leg.session)
            if due is not None and due <= until:
                before, settings = read_fields(leg.session), leg.session.settings
                for fired in self._hand.advance(leg.session, until):
                    self._write(leg, None, fired, before, settings)
                    before = read_fields(leg.session)
        return sorted(self._legs.values(), key=lambda leg: (leg.facts[0].occurred_at, leg.session.id))

    def _take(self, leg: Leg, fact: Fact) -> None:
        session = leg.session
        due = self._hand.acw_deadline(session)
        if due is not None and due < fact.occurred_at:
            before, settings = read_fields(session), session.settings
            self._write(leg, None, self._hand.fire_work(session, due), before, settings)
        before, settings = read_fields(session), session.settings
        outcome = self._hand.decide(session, fact, fact.own, fact.details)
        context = fact.context
        if context is not NO_CONTEXT and context is not leg.context:
            leg.context = context if leg.context is NO_CONTEXT else over(context, leg.context)
        self._write(leg, fact, outcome, before, settings)

    def _write(self, leg: Leg, fact: Fact | None, outcome: Outcome, before: tuple[Any, ...], settings: object) -> None:
        """Write a row. `Any`: the values of all fields."""
        context, session = leg.context, leg.session
        changed = changes(before, read_fields(session), settings, session.settings) if isinstance(outcome, Applied) else None
        sent: tuple[str | None, ...]
        if isinstance(outcome, Fired):
            sent = (None, None, outcome.timer, text(outcome.at), None)
        else:
            assert fact is not None
            sent = fact.id, fact.source, "cobrowse.session." + fact.kind, fact.time, fact.receivedtime
        columns = (
            session.id,
            context.conversation_id,
            context.participant_id,
            context.user_id,
            context.queue_id,
            context.purpose,
            context.media_type,
            *sent,
            *self._words(outcome),
            changed,
        )
        leg.rows.append(encode(Row(*columns)))

    def _words(self, outcome: Outcome) -> tuple[Any, ...]:
        """Return what a row has of an outcome. Most outcomes are shared, so it is made once. `Any`: columns of any type."""
        found = self._said.get(id(outcome))
        if found is not None and found[0] is outcome:
            return found[1]
        applied = outcome if isinstance(outcome, Applied) else None
        words = (
            outcome.kind,
            outcome.row,
            outcome.rule if isinstance(outcome, Ignored | Refused) else None,
            str(outcome.from_state),
            str(applied.to_state) if applied else None,
            None if outcome.acw is None else str(outcome.acw),
            (sorted(map(json_name, applied.set)) or None) if applied else None,
            outcome.notes or None,
        )
        if len(self._said) < 4096:
            self._said[id(outcome)] = outcome, words
        return words


def over(context: Context, earlier: Context) -> Context:
    """Return a context with what it leaves unset from an earlier one."""
    names = ("conversation_id", "participant_id", "user_id", "queue_id", "purpose", "media_type")
    return Context(**{name: getattr(context, name) or getattr(earlier, name) for name in names})


# --- What is written ----------------------------------------------------------------------------------------------------------


def text(at: datetime) -> str:
    """Return a time as it is written. msgspec writes microseconds, or no fraction: five times as fast as `isoformat`."""
    written = encode(at).decode()
    return f"{written[1:24]}Z" if at.microsecond else f"{written[1:20]}.000Z"


def plain(value: Any) -> Any:  # any field's, and JSON
    """Return a value as JSON has it."""
    if type(value) is datetime:
        return text(value)
    return value // timedelta(milliseconds=1) if type(value) is timedelta else value


def changes(before: tuple[Any, ...], after: tuple[Any, ...], was: Any, now: Any) -> dict[str, list[Any]] | None:
    """Return the fields that differ, before and after. `Any`: the values of all fields."""
    found: dict[str, list[Any]] = {}
    for name, old, new in zip(FIELDS, before, after):
        if old is new or old == new:
            continue
        if name == "segments":
            _segments(found, tuple(old or ()), tuple(new or ()))
        elif name in PARTS:
            _inside(found, NAMES[name], PARTS[name], old, new)
        else:
            found[NAMES[name]] = [plain(old), plain(new)]
    if was is not now:
        _inside(found, "settings", SETTINGS, was, now)
    return found or None


def _inside(found: dict[str, list[Any]], prefix: str, names: tuple[str, ...], old: Any, new: Any) -> None:
    for name in names:
        a, b = getattr(old, name, None), getattr(new, name, None)
        if a is b or a == b:
            continue
        if (a := None if a is False else a) != (b := None if b is False else b):
            found[f"{prefix}.{NAMES[name]}"] = [plain(a), plain(b)]


def _segments(found: dict[str, list[Any]], old: tuple[Segment, ...], new: tuple[Segment, ...]) -> None:
    for index in range(max(len(old), len(new))):
        a = old[index] if index < len(old) else None
        b = new[index] if index < len(new) else None
        if a is not b:
            _inside(found, f"segments.{index}", SEGMENT, a, b)


def session_json(session: CobrowseSession) -> bytes:
    """Return a session as one line."""
    written: dict[str, Any] = {}
    for name, value in zip(FIELDS, read_fields(session)):
        if value is None:
            continue
        if name == "segments":
            written["segments"] = [_part(one, SEGMENT) for one in value]
        elif name in PARTS:
            written[NAMES[name]] = _part(value, PARTS[name])
        else:
            written[NAMES[name]] = plain(value)
    return encode(written)


def _part(part: Segment | Wrapup, names: tuple[str, ...]) -> dict[str, Any]:
    values = ((name, getattr(part, name)) for name in names)
    return {NAMES[name]: plain(value) for name, value in values if value is not None and value is not False}


def replay(events: Path, sessions: Path, trace: Path) -> None:
    """Replay a file."""
    by_hand = ReplayByHand(Lifecycle())
    with events.open("rb") as file:
        for line in file:
            by_hand.add(read(line[:-1]))
    with sessions.open("wb") as one, trace.open("wb") as other:
        for leg in by_hand.finish():
            one.write(session_json(leg.session) + b"\n")
            other.write(b"\n".join(leg.rows) + b"\n")


if __name__ == "__main__":
    gc.set_threshold(100_000, 50, 100)  # as the command does
    replay(*map(Path, sys.argv[1:]))
