"""The conformance of a source of payloads: a class of tests for pytest that every source passes."""

import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from unittest import SkipTest

from attrs import evolve

from cobrowse_session.errors import DecodeError, Problem
from cobrowse_session.events import Event
from cobrowse_session.io.replay import replay
from cobrowse_session.lifecycle import Lifecycle
from cobrowse_session.model import Communication
from cobrowse_session.sources import Converted, Source, convert
from cobrowse_session.sources.join import Joiner
from cobrowse_session.sources.reconcile import reconcile
from cobrowse_session.sources.registry import checked_sources
from cobrowse_session.stream import SessionLog
from cobrowse_session.wire import decode_event, encode_event

__all__ = ["SourceConformance"]

Json: TypeAlias = Any  # parsed JSON
Trail = tuple[str | int, ...]

_ABSENT = object()
_NESTED: Json = "deep"
for _ in range(50):
    _NESTED = [_NESTED]

_HOSTILE: Mapping[str, Json] = {
    "absent": _ABSENT,
    "null": None,
    "true": True,
    "a number": -1,
    "a large number": 10**30,
    "a fraction": 1e300,
    "an empty text": "",
    "another text": "\u202e0000-99-99T99:99:99Z",
    "a long text": "é" * 100_000,
    "an empty list": [],
    "a list of numbers": [1, 2],
    "an empty object": {},
    "another object": {"": {"": ""}},
    "a deep list": _NESTED,
}
"""What takes the place of each part of a payload."""

_OF_NOBODY: Sequence[Json] = ({}, {"": None}, {"specversion": "1.0", "type": "x", "subject": "s", "source": "/s", "id": "1"})
_RECEIVED, _PLACE, _PATH = datetime(2030, 1, 1, tzinfo=UTC), 70, "$.records[3]"
"""What is known of a payload beside its content."""


class SourceConformance:
    """Tests that every source passes. Make a subclass whose name begins with `Test`, and run it with pytest.

    They do not know what a payload means. So a field that is never read, or one name for two clocks, is not found.

    Attributes:
        source: the source.
    """

    source: Source

    def conversations(self) -> Sequence[Sequence[Json]]:
        """Return a list of conversations, each a list of the payloads that the platform sends while it grows, in their order."""
        raise NotImplementedError

    def records(self) -> Sequence[Json]:
        """Return the platform's own record of each conversation. Default: its payloads, of which the final ones count."""
        return [list(payloads) for payloads in self._conversations()]

    # --- The source -----------------------------------------------------------------------------------------------------------

    def test_it_is_a_source_with_a_name_and_families(self) -> None:
        """The command line and errors name it and its families."""
        (source,) = checked_sources([self.source])
        assert source.name, "the name is empty"
        assert source.families, "there are no families"
        assert all(isinstance(word, str) for word in (source.name, *source.families)), "a name is no text"
        assert isinstance(source.lifecycle, Lifecycle), "lifecycle is no Lifecycle"

    def test_it_can_be_pickled(self) -> None:
        """Workers in other processes get it."""
        again = pickle.loads(pickle.dumps(self.source))  # noqa: S301 (our own bytes)
        assert (again.name, list(again.families)) == (self.source.name, list(self.source.families))

    def test_the_family_that_it_recognises_is_the_one_that_it_converts(self) -> None:
        """A family that is chosen gives the same events. Another word is for a payload that is skipped or rejected."""
        for payload in self._payloads():
            kind = self.source.recognise(payload)
            assert kind is not None, f"it does not recognise {_cut(payload)}"
            if kind in self.source.families:
                assert self._convert(payload, kind) == self._convert(payload), f"as {kind}: {_cut(payload)}"
            else:
                assert _is_skipped_or_rejected(self.source, payload), f"{kind} is no family, but it gave events: {_cut(payload)}"

    def test_it_recognises_no_payload_of_nobody(self) -> None:
        """Every source is asked about the payloads of the others."""
        for payload in _OF_NOBODY:
            assert self.source.recognise(payload) is None, f"it recognises {payload}"

    def test_a_payload_of_nobody_is_a_decode_error(self) -> None:
        """Of any family, and of none. To convert it to nothing would lose it."""
        for payload in _OF_NOBODY:
            for family in (None, *self.source.families):
                try:
                    converted = self.source.convert(payload, family)
                except DecodeError:
                    continue
                raise AssertionError(f"expected a DecodeError for {payload} as {family}, found {converted}")

    def test_it_looks_like_its_own_files(self) -> None:
        """A command reads the beginning of a file, and asks every source."""
        own = [{step for trail in _every_trail(payload) for step in trail if isinstance(step, str)} for payload in self._own()]
        for keys, is_own in [*((keys, True) for keys in own), *((set(payload), False) for payload in _OF_NOBODY)]:
            try:
                found = self.source.looks_like(set(keys))
            except Exception as error:
                raise AssertionError(f"looks_like raises {error!r}: {keys}") from error
            assert bool(found) is is_own, f"looks_like: expected {is_own}, found {found!r}: {keys}"

    # --- Facts ----------------------------------------------------------------------------------------------------------------

    def test_each_family_of_the_conversations_gives_events(self) -> None:
        """A source that converts a family to nothing would pass the other tests."""
        families = {self.source.recognise(payload) for payload in self._own()}
        giving = {self.source.recognise(payload) for payload in self._own() if self._convert(payload).events}
        known = ", ".join(self.source.families)
        assert families, f"conversations(): expected payloads of a family ({known}), found none"
        assert giving == families, f"no payload gives an event: {', '.join(map(str, families - giving))}"

    def test_what_is_known_of_a_payload_is_in_what_it_gives(self) -> None:
        """When it was received, its place in the input, and its path in a larger document."""
        for payload in self._own():
            converted = self.source.convert(payload, received_at=_RECEIVED, place=_PLACE, path=_PATH)
            for leg in converted.legs:
                assert leg.origin.received_at == _RECEIVED, f"received_at is not that of the payload: {leg}"
                assert leg.origin.place >= _PLACE, f"place is not that of the payload: {leg}"
            for path in (*(leg.path for leg in converted.legs), *(warning.path for warning in converted.warnings)):
                assert path.startswith(_PATH), f"path: expected one that begins with {_PATH}, found {path}"

    def test_a_payload_that_comes_twice_states_each_fact_once(self) -> None:
        """No identity is added, and no session is different."""
        for payloads in self._conversations():
            once, twice = self._events(payloads), self._events([payload for payload in payloads for _ in range(2)])
            assert set(map(_identity, twice)) == set(map(_identity, once)), f"other identities: {_cut(payloads)}"
            self._expect_same(once, twice, "each payload comes twice")

    def test_payloads_with_times_of_their_own_give_the_same_sessions_in_any_order(self) -> None:
        """A conversation in which only the place of payloads shows which one is later is left out."""
        ordered = [payloads for payloads in self._conversations() if len(payloads) > 1 and self._have_times(payloads)]
        if not ordered:
            raise SkipTest("no conversation has several payloads with times of their own")
        for payloads in ordered:
            expected = self._events(payloads)
            for number, order in enumerate(_orders(payloads)):
                self._expect_same(expected, self._events(order), f"order {number}")

    def test_growing_snapshots_end_in_the_sessions_of_all_of_them_at_once(self) -> None:
        """A live feed and a file of the same payloads give the same sessions."""
        for payloads in self._conversations():
            logs: dict[str, SessionLog] = {}
            events = self._feed(payloads)
            for event in events:
                logs.setdefault(event.subject, SessionLog(self.source.lifecycle, event.subject)).add(event)
            for log in logs.values():
                log.advance(max(event.occurred_at for event in events))
            whole = convert(list(payloads), sources=(self.source,)).events
            live = {name: log.session for name, log in logs.items()}
            assert live == self._sessions(whole), f"live and at once differ: {_cut(payloads)}"

    def test_every_event_can_be_written_and_read(self) -> None:
        """What is read again is the same event."""
        for payload in self._payloads():
            for event in self._convert(payload).events:
                assert _read_again(event) == event, f"read again, it differs: {event}"

    def test_a_payload_reconciles_with_its_own_events(self) -> None:
        """The sessions of a payload have all that it states, and nothing else."""
        for payload in self._payloads():
            self._expect_no_difference(self._convert(payload).events, payload)

    def test_a_record_reconciles_with_the_events_of_its_conversation(self) -> None:
        """The sessions of a conversation agree with the platform's own record."""
        conversations, records = self._conversations(), self.records()
        found = len(records) if isinstance(records, list | tuple) else records
        assert found == len(conversations), (
            f"records(): expected one for each of {len(conversations)} conversations, found {found}"
        )
        for payloads, record in zip(conversations, records, strict=True):
            self._expect_no_difference(self._feed(payloads), record)

    # --- Hostile payloads -----------------------------------------------------------------------------------------------------

    def test_a_hostile_payload_gives_events_or_warnings_or_a_decode_error(self) -> None:
        """A part is absent, or has another type, or is deep or long. Nothing else is raised, and all events can be read."""
        tried = set[tuple[str | None, Trail]]()
        for payload in sorted(self._payloads(), key=lambda payload: len(repr(payload))):  # the shortest are the fastest
            kind = self.source.recognise(payload)
            family = kind if kind in self.source.families else None
            for trail in _every_trail(payload):
                part = (family, tuple(step if isinstance(step, str) else 0 for step in trail))
                if part not in tried:
                    tried.add(part)
                    self._try_parts(payload, trail, family)

    def _try_parts(self, payload: Json, trail: Trail, family: str | None) -> None:
        for what, value in _HOSTILE.items():
            where = f"{what} at {'.'.join(map(str, trail))} of {_cut(payload)}"
            self._try(_replaced(payload, trail, value), family, where)

    def _try(self, payload: Json, family: str | None, where: str) -> None:
        try:
            kind = self.source.recognise(payload)
        except Exception as error:
            raise AssertionError(f"recognise raises {error!r}: {where}") from error
        for chosen in {None, family if family != kind else None}:
            try:
                converted = self._convert(payload, chosen)
            except DecodeError:
                continue
            except Exception as error:
                raise AssertionError(f"convert raises {error!r}: {where}") from error
            assert all(isinstance(warning, Problem) for warning in converted.warnings), f"a warning is no Problem: {where}"
            assert all(_read_again(event) == event for event in converted.events), f"an event cannot be read again: {where}"

    # --- Inside ---------------------------------------------------------------------------------------------------------------

    def _conversations(self) -> Sequence[Sequence[Json]]:
        """Return the conversations, after a check."""
        every = self.conversations()
        assert isinstance(every, list | tuple), f"conversations(): expected a list of lists of payloads, found {_cut(every)}"
        assert every, "conversations(): expected one at least, found none"
        for payloads in every:
            is_list = isinstance(payloads, list | tuple) and payloads
            assert is_list, f"conversations(): expected each as a list of payloads, found {_cut(payloads)}"
            for payload in payloads:
                assert isinstance(payload, dict), f"conversations(): expected a payload as an object, found {_cut(payload)}"
        return every

    def _own(self) -> Iterator[Json]:
        """Yield the payloads of a family. Others are skipped or rejected."""
        return (payload for payload in self._payloads() if self.source.recognise(payload) in self.source.families)

    def _payloads(self) -> Iterator[Json]:
        return (payload for payloads in self._conversations() for payload in payloads)

    def _convert(self, payload: Json, family: str | None = None, place: int = 0) -> Converted:
        return convert(payload, family, sources=(self.source,), place=place)

    def _events(self, payloads: Iterable[Json]) -> list[Event]:
        """Return the events of payloads that are converted one by one."""
        return [event for place, payload in enumerate(payloads) for event in self._convert(payload, place=place).events]

    def _feed(self, payloads: Iterable[Json]) -> list[Event]:
        """Return the events of the payloads of one input. A leg under two ids is one where a payload names both."""
        joiner = Joiner()
        converted = (joiner.join(self._convert(payload, place=place)) for place, payload in enumerate(payloads))
        return [event for one in converted for event in one.events]

    def _sessions(self, events: Iterable[Event]) -> dict[str, Communication]:
        return {log.session_id: log.session for log in replay(events, self.source.lifecycle)}

    def _expect_same(self, expected: Iterable[Event], found: Iterable[Event], what: str) -> None:
        ours, theirs = self._sessions(expected), self._sessions(found)
        differing = [name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)]
        assert not differing, f"{what}: session {differing[0]} was {ours.get(differing[0])}, is {theirs.get(differing[0])}"

    def _expect_no_difference(self, events: Iterable[Event], record: Json) -> None:
        differences = reconcile(self._sessions(events).values(), self._convert(record).legs).differences
        assert not differences, "\n".join(map(str, differences))

    def _have_times(self, payloads: Iterable[Json]) -> bool:
        """Return whether no two copies of a fact differ that only the place of their payloads puts in order."""
        # Every payload has the place 0 here. So two copies of one edition that differ have no time that puts them in order.
        copies: dict[tuple[str, str, str, str], str] = {}
        for payload in payloads:
            for event in self._convert(payload).events:
                content = encode_event(evolve(event, sequence=None))
                if event.sequence and copies.setdefault((*_identity(event), event.sequence), content) != content:
                    return False
        return True


def _identity(event: Event) -> tuple[str, str, str]:
    return event.subject, event.source, event.id


def _read_again(event: Event) -> Event:
    return decode_event(encode_event(event), max_future=timedelta.max)


def _is_skipped_or_rejected(source: Source, payload: Json) -> bool:
    try:
        converted = convert(payload, sources=(source,))
    except DecodeError:
        return True
    return bool(converted.skipped) and not converted.events


def _orders(payloads: Sequence[Json]) -> Iterator[list[Json]]:
    """Yield every rotation of the payloads, forwards and backwards."""
    for some in (list(payloads), list(reversed(payloads))):
        yield from (some[first:] + some[:first] for first in range(len(some)))


def _every_trail(value: Json, trail: Trail = ()) -> Iterator[Trail]:
    """Yield the way to each part of a payload."""
    steps: Iterable[tuple[str | int, Json]] = ()
    if isinstance(value, dict):
        steps = value.items()
    elif isinstance(value, list):
        steps = enumerate(value)
    for step, part in steps:
        yield (*trail, step)
        yield from _every_trail(part, (*trail, step))


def _replaced(value: Json, trail: Trail, new: Json) -> Json:
    """Return a payload with another part at the end of the way."""
    if not trail:
        return new
    step, *rest = trail
    copy = value.copy()
    copy[step] = _replaced(value[step], tuple(rest), new)
    if copy[step] is _ABSENT:
        del copy[step]
    return copy


def _cut(payload: Json) -> str:
    return f"{payload!r:.200}"
