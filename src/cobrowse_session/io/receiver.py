"""The receiver: what an inbox does with an event before it reaches the log of its session.

It recognises documents, stamps and corrects times, and lets the clocks of the sources learn. There are two kinds: `Inbox` has the
logs in memory, `DurableInbox` has them in a store.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import define, field

from cobrowse_session.checks import nearest, shown
from cobrowse_session.errors import DecodeError
from cobrowse_session.events import CONTEXT_NAMES, DETAIL_NAMES, SETTING_NAMES, Event, UnknownEvent, own_names
from cobrowse_session.io.answers import Advanced, Received, Taken
from cobrowse_session.io.arguments import (
    Correction,
    check_count,
    checked_corrections,
    checked_seal_after,
    checked_seal_unfinished_after,
)
from cobrowse_session.io.arrival import SourceClocks, check_future, corrected, stamped
from cobrowse_session.io.documents import Recogniser, as_bytes, check_recognisable
from cobrowse_session.io.replay import Rejected
from cobrowse_session.io.waiting import UNFINISHED
from cobrowse_session.lifecycle import Late
from cobrowse_session.lifecycle.definition import Table
from cobrowse_session.sources import BUILT_IN, Converted, Source
from cobrowse_session.sources.join import Joiner
from cobrowse_session.sources.registry import checked_sources
from cobrowse_session.sources.repeats import as_received_first, may_be_sent_again
from cobrowse_session.stream import Change, Observer, ProviderClock, SessionLog
from cobrowse_session.stream.observers import checked_observers, report
from cobrowse_session.times import utc
from cobrowse_session.wire.cloudevents import MAX_FUTURE, decode_event, encode_event, read_event
from cobrowse_session.wire.strict_json import MAX_LINE_BYTES


@define
class Receiver(ABC):
    """The receiver of raw events. See `Inbox` for its arguments."""

    reject: Callable[[Rejected], object] | None = field(default=None, kw_only=True)
    seal_after: timedelta | None = field(default=None, converter=checked_seal_after, kw_only=True)
    seal_unfinished_after: timedelta = field(default=UNFINISHED, converter=checked_seal_unfinished_after, kw_only=True)
    correct: dict[str, Correction] = field(factory=dict, converter=checked_corrections, kw_only=True)
    max_future: timedelta = field(default=MAX_FUTURE, kw_only=True)
    max_line_bytes: int = field(default=MAX_LINE_BYTES, kw_only=True)
    sources: tuple[Source, ...] = field(default=BUILT_IN, converter=checked_sources, kw_only=True)
    observers: tuple[Observer, ...] = field(default=(), converter=checked_observers, kw_only=True)
    clocks: dict[str, ProviderClock] = field(factory=dict, init=False)
    """The clocks of the sources that were heard, by source."""
    _sources: SourceClocks = field(init=False, repr=False)
    _joiner: Joiner = field(factory=Joiner, init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.max_future, timedelta):
            raise TypeError(f"{type(self).__name__}: max_future: expected timedelta, found {shown(self.max_future)}")
        check_count("max_line_bytes", self.max_line_bytes, 1)
        self._sources = SourceClocks(self.correct, self.clocks)

    # --- What each kind has of its own ----------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def table(self) -> Table:
        """The table by which events are read."""

    @abstractmethod
    def find(self, session: str) -> SessionLog | None:
        """Return the log of a session that is here, also a sealed one. Read it only. None: there is none."""

    @abstractmethod
    def advance(self, now: datetime, limit: int | None = None) -> Advanced:
        """Fire what is due in all sessions, and seal those that are over."""

    @abstractmethod
    def _one_writer(self) -> AbstractContextManager[None]:
        """Keep others out while an event is taken."""

    @abstractmethod
    def _fixed_offset(self, event: Event) -> timedelta | None:
        """Return the correction of the event's source that was fixed for its session. None: it was not."""

    @abstractmethod
    def _is_first(self, event: Event) -> bool:
        """Return whether an event is the first copy, of a session that is not over."""

    @abstractmethod
    def _copies(self, event: Event) -> Iterable[Event]:
        """Return the copies of an event that are held, also those that came too late."""

    @abstractmethod
    def _add(self, event: Event, now: datetime, offset: timedelta | None = None) -> Change:
        """Add an event to the log of its session.

        Args:
            event: it, stamped and corrected.
            now: when it arrived, on the cloud clock.
            offset: what was added to its time. None: its time needs no correction.
        """

    # --- Events ---------------------------------------------------------------------------------------------------------------

    def receive(self, raw: str | bytes, now: datetime | None = None) -> Received | Rejected:
        """Take one raw event.

        Args:
            raw: CloudEvents JSON, as text or UTF-8.
            now: when it arrived, on the cloud clock. None: now. A `receivedtime` that is earlier is kept, a later one is cut.

        Returns:
            The event and its effect, or the reason why it was rejected. Both have an `outcome` with a `kind`.

        Raises:
            TypeError: `raw` is no text, or `now` is naive.
            RuntimeError: a second writer.
        """
        if isinstance(raw, Event):
            raise TypeError("expected CloudEvents JSON as text or bytes, found an Event; use inbox.add(event)")
        if not isinstance(raw, str | bytes):
            raise TypeError(f"expected CloudEvents JSON as text or bytes, found {shown(raw)}; inbox.take recognises documents")
        with self._one_writer():
            now = arrival(now)
            try:
                event = decode_event(raw, table=self.table, max_future=timedelta.max, max_line_bytes=self.max_line_bytes)
                return self._receive(event, now)
            except DecodeError as error:
                return self._reject(error, as_bytes(raw))

    def add(self, event: Event, now: datetime | None = None) -> Received | Rejected:
        """Take one event whose times need no correction, as those converted from the platform's payloads.

        A payload may state what happened an hour ago. Its times teach nothing about a clock, so no clock learns from them.

        A fact of a payload that was sent again is a repeat. It keeps the `sequence` with which it came first.

        Args:
            event: as it is. `received_at` is stamped if it is unset, and cut if it is later than `now`.
            now: when it arrived, on the cloud clock. None: now.

        Returns:
            The event and its effect, or the reason why it was rejected: it lies too far ahead.

        Raises:
            TypeError: it is no event, or `now` is naive.
            RuntimeError: a second writer.
        """
        if not isinstance(event, Event):
            raise TypeError(f"expected an Event, found {shown(event)}; use inbox.receive(raw) for CloudEvents JSON")
        with self._one_writer():
            try:
                now = arrival(now)
                taken, notes = stamped(event, now)
                check_future(taken.occurred_at, taken.received, self.max_future)
                if may_be_sent_again(taken):
                    taken = as_received_first(taken, self._copies(taken))
                change = self._add(taken, now)
                return Received(taken, change, notes=notes + self._notes(taken, change))
            except DecodeError as error:
                return self._reject(error, encode_event(event).encode())

    def take(self, document: object, now: datetime | None = None) -> Taken:
        """Take whatever a transport delivers, and recognise it.

        Args:
            document: an event, or CloudEvents JSON, one or a batch, or a payload of one of the sources, or a list of them. As
                text, bytes or parsed JSON.
            now: when it arrived, on the cloud clock. None: now.

        Returns:
            The result of each event, the warnings of the converter, and the kinds of payloads that state nothing of a leg.

        Raises:
            TypeError: it is none of these, or `now` is naive.
            RuntimeError: a second writer.
        """
        check_recognisable(document)
        now = arrival(now)
        recogniser = Recogniser(
            add=lambda event: self.add(event, now),
            receive=lambda parsed: self._receive_object(parsed, now),
            reject=self._reject,
            max_line_bytes=self.max_line_bytes,
            sources=self.sources,
            received_at=now,
            join=self._join,
        )
        return recogniser.take(document)

    # --- Inside ---------------------------------------------------------------------------------------------------------------

    def _receive_object(self, document: Mapping[str, Any], now: datetime) -> Received:  # JSON
        with self._one_writer():
            return self._receive(read_event(document, table=self.table, max_future=timedelta.max), now)

    def _receive(self, event: Event, now: datetime) -> Received:
        """Stamp an event, let the source's clock learn from it, correct it and add it."""
        # In this order, and why:
        #
        #     stamp     a time of receipt that is later than the arrival would teach the clock a delay that there was not
        #     correct   for the check alone: an event too far ahead is rejected before anything changes
        #     learn     from the uncorrected time, and from first copies only: a copy is late by the time until it was sent again
        #     correct   with what is known now
        #     add       nothing raises behind it, so the caller gets the change of whatever was added
        raw, notes = stamped(event, now)
        self._correct(raw)  # an event that is rejected teaches nothing
        # The clock learns first: the event may close a window and begin a session, and the offset of the session is due then.
        if event.provider_time is None and event.derived_from is None and self._is_first(event):
            notes += self._sources.learn(raw)
        taken, offset = self._correct(raw)
        change = self._add(taken, now, offset if event.provider_time is None else None)
        return Received(taken, change, offset, notes + self._notes(taken, change))

    def _notes(self, event: Event, change: Change) -> tuple[str, ...]:
        """Return what the sender of an event should know."""
        notes = tuple(misplaced(event))
        if isinstance(change.outcome, Late) and self.seal_after is not None:
            notes += (f"a session that is over is sealed when nothing came for {self.seal_after} (seal_after)",)
        if isinstance(event, UnknownEvent) and (meant := _meant(event.type, self.table.types)):
            notes += (f"the type {event.type} is not known.{meant}",)
        return notes

    def _join(self, converted: Converted) -> Converted:
        return self._joiner.join(converted)

    def _correct(self, raw: Event) -> tuple[Event, timedelta]:
        """Return an event on our clock, and what was added to its time."""
        offset = self._offset(raw) if raw.provider_time is None else timedelta(0)
        event = corrected(raw, offset)
        check_future(event.occurred_at, raw.received, self.max_future)
        return event, offset

    def _offset(self, event: Event) -> timedelta:
        """Return the correction of a source in a session: what was known when its first event came."""
        # Example: the clock of a source is adopted as 10 s slow at 10:00. A session that began at 09:50 keeps an offset of zero
        # to its end, and one that begins at 10:01 has 10 s. Otherwise the first would have ten seconds between two of its events
        # that never passed, and a copy of an event would be another event (CLOCK-8).
        fixed = self._fixed_offset(event)
        return self._sources.offset(event.source) if fixed is None else fixed

    def _reject(self, error: DecodeError, content: bytes, count: int = 1) -> Rejected:
        rejected = Rejected.of(error, None, content, count=count)
        self._tell_rejected(rejected)
        return rejected

    def _tell_rejected(self, rejected: Rejected) -> None:
        if self.reject is None:
            return
        try:
            self.reject(rejected)
        except Exception as error:  # noqa: BLE001 (what came with it is taken, so no error may hide the answer: as for an observer)
            report(error, "%s: it was rejected, but `reject` raised: %r", rejected.error, self.reject)


def misplaced(event: Event) -> Iterator[str]:
    """Yield a note for each key of an event that is kept as unknown, but is a known one in another case or in another place."""
    # Example: {"data": {"userId": "ann"}} names no user, because whose leg it is stands in the envelope, as `userid`.
    if isinstance(event, UnknownEvent) or not (event.extra or event.extensions):
        return
    names = (*DETAIL_NAMES, *SETTING_NAMES, *own_names(type(event)))  # a timeout that is out of range is among the unknown keys
    known = {_plain(key): f"{key}, in data" for key in names} | {key: f"{key}, beside data" for key in CONTEXT_NAMES}
    for path, keys in (("data.", event.extra.keys() - set(names)), ("", event.extensions)):
        yield from (f"{path}{key} is not read. It is {known[_plain(key)]}" for key in sorted(keys) if _plain(key) in known)


def _plain(key: str) -> str:
    # Without its unit, too: `wrapupTimeout` is `wrapupTimeoutMs`. Otherwise the deadline would be missing without a word.
    return key.replace("_", "").replace("-", "").lower().removesuffix("ms")


def _meant(found: str, types: Collection[str]) -> str:
    """Return a question that names the type that is meant, also if only its prefix is missing. It is empty if none is near."""
    whole = next((known for known in types if known.endswith(f".{found}")), found)
    return nearest(whole, types)


def arrival(now: datetime | None) -> datetime:
    """Return when something arrived: at a given time, or now."""
    return current_time() if now is None else utc(now)


def current_time() -> datetime:
    """Return the time. This is the only place of the package that reads a clock."""
    return datetime.now(UTC)
