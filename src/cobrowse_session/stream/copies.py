"""Copies of one event: which one counts, and what the others add (COPY-2, COPY-4).

Theory of operation
===================

A platform states the same fact in many payloads. All of them have one identity, and `sequence` is the edition. The copy with
the highest sequence counts. Of several, the one received first counts, then the one with the smallest canonical form. What that
copy leaves unset is filled in from lower editions, because absence is no correction.

Everything is kept up to date with each copy, so that many copies of one event cost one step each:

- the copies of the highest edition, and the one of them that counts,
- for each field, the best copy of a lower edition that states it.

Example: edition 1 states `peer` and a viewer's address, edition 2 states `transfer`. The event is `transfer`, with the address.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import attrs
from attrs import evolve, frozen

from cobrowse_session.canonical import Edition, Identity, canonical, edition, identity, order, statements
from cobrowse_session.events import TYPE_PREFIX, Event, UnknownEvent, is_json_type
from cobrowse_session.model import Context, Details
from cobrowse_session.settings import Settings

_PARTS = {"details": Details, "settings": Settings, "context": Context}
_FILLED_BY_OWN_TYPE = ("disconnect_type", "segment_type")
Field = tuple[str, str]


@frozen(order=False)
class _Copy:
    event: Event
    edition: Edition
    canonical: str

    @property
    def dedup_key(self) -> tuple[datetime, str]:
        """Of the copies of one edition, the one with the smallest dedup_key counts."""
        return self.event.received, self.canonical

    def precedes(self, other: "_Copy") -> bool:
        """Return whether this copy counts before another one."""
        return self.dedup_key < other.dedup_key if self.edition == other.edition else self.edition > other.edition


def is_same(one: Event, other: Event) -> bool:
    """Return whether two copies of an event do not differ, not even in when they were received (COPY-16)."""
    # Fields of a class of a user's own may be left out of `==`, and 0.0 equals -0.0.
    return one == other and (one.prefix is TYPE_PREFIX or canonical(one) == canonical(other))


class Copies:
    """The copies of one event that differ, and the event that they amount to.

    Args:
        events: at least one. All have one identity.
    """

    __slots__ = ("_best", "_earliest", "_forms", "_lower", "_merged", "_top", "_undo")

    def __init__(self, *events: Event) -> None:
        self._forms: dict[str, _Copy] = {}
        self._top: dict[str, _Copy] = {}
        self._best: _Copy | None = None
        self._lower: dict[Field, tuple[_Copy, Any]] = {}  # a field's value may be anything
        self._earliest: dict[tuple[str, datetime], datetime] = {}
        self._merged: Event | None = None
        self._undo: tuple[_Copy, _Copy | None] | None = None
        for event in events:
            self.add(event)
        self.commit()

    def __iter__(self) -> Iterator[Event]:
        return (self._forms[form].event for form in sorted(self._forms))  # in any order of arrival the same

    def __len__(self) -> int:
        return len(self._forms)

    def add(self, event: Event) -> None:
        """Take one more copy. Of two with the same canonical form, the one received first is kept."""
        copy = _Copy(event, edition(event.sequence), canonical(event))
        same = self._forms.get(copy.canonical)
        if same is not None and same.event.received <= event.received:
            return
        # Before the first write, so that `undone` is right wherever an exception comes from.
        self._undo = copy, same
        self._forms[copy.canonical] = copy
        self._merged = None
        self._rank(copy)
        moment = event.type, event.occurred_at
        self._earliest[moment] = min(event.received, self._earliest.get(moment, event.received))

    def commit(self) -> None:
        """Keep what `add` took."""
        self._undo = None

    def undone(self) -> "Copies":
        """Return the copies as they were before what `add` took since the last `commit`."""
        if self._undo is None:
            return Copies(*self)
        taken, same = self._undo
        return Copies(*(event for event in self if event is not taken.event), *([same.event] if same else []))

    @property
    def merged(self) -> Event:
        """The event that the copies amount to."""
        if self._merged is None:
            assert self._best is not None, "there is at least one copy"
            self._merged = self._received_first(self._filled(self._best.event))
        return self._merged

    @property
    def in_conflict(self) -> bool:
        """True if copies of the highest edition differ in more than the time of receipt."""
        return len(self._top) > 1

    @property
    def is_corrected(self) -> bool:
        """True if a lower edition states something else than what counts. Absence is no correction."""
        lower = (copy.event for form, copy in self._forms.items() if form not in self._top)
        return any(contradictions(self.merged, event) for event in lower)

    # --- Within ---------------------------------------------------------------------------------------------------------------

    def _rank(self, copy: _Copy) -> None:
        # Example. Copies of the end of a leg come in this order, as (sequence, type, viewerUrl, second of receipt):
        #
        #     copy                       highest edition    counts            kept of lower editions
        #     1, peer, v, 5              1                  peer              nothing
        #     2, transfer, unset, 6      2                  transfer          peer, v
        #     2, t.forward, unset, 4     2, two: conflict   t.forward: first  peer, v
        #     1, client, w, 3            2, two: conflict   t.forward         client, w: received before the other copy of 1
        #     3, unset, unset, 9         3                  unset             t.forward of 2, w of 1
        #
        # The event is then `t.forward` with `w`, received at second 3. Any other order of arrival gives the same.
        best = self._best
        if best is not None and copy.edition < best.edition:
            self._consider(copy)
            return
        if best is not None and copy.edition > best.edition:
            # All copies of what was the highest edition, not only the one that counted: a field that it left unset may be stated
            # by another copy of the same edition.
            for lower in self._top.values():
                self._consider(lower)
            self._top = {}
        self._top[copy.canonical] = copy
        if best is None or copy.precedes(best):
            self._best = copy

    def _consider(self, copy: _Copy) -> None:
        """Remember what a lower edition states, where no better copy states it."""
        for field, value in _fillable(copy.event):
            known = self._lower.get(field)
            if known is None or copy.precedes(known[0]):
                self._lower[field] = copy, value

    def _filled(self, event: Event) -> Event:
        """Return the copy that counts, with what it leaves unset from lower editions."""
        # Example: edition 1 states `peer` and viewerUrl `v`, edition 2 states neither. `viewer_url` is taken from edition 1 for
        # every type of event, `disconnect_type` only if edition 1 is of the same type. That is why the key of `_lower` has a
        # group: the part, or the type. A wrap-up's own fields are in no group (COPY-6): a save replaces the whole wrap-up.
        if not self._lower or isinstance(event, UnknownEvent):
            return event
        changes: dict[str, Any] = {}  # arguments of any type
        for part in _PARTS:
            held = getattr(event, part)
            if unset := self._unset(part, held, _ARGUMENTS[part]):
                changes[part] = evolve(held, **unset)
        changes |= self._unset(event.type, event, _OWN_ARGUMENTS)
        if changes.keys() - {"context"} and not is_json_type(
            event.extensions.get("datacontenttype")
        ):  # it had no data, and has some now
            changes["extensions"] = {key: value for key, value in event.extensions.items() if key != "datacontenttype"}
        return evolve(event, **changes)

    def _unset(self, group: str, held: object, arguments: dict[str, str]) -> dict[str, Any]:
        """Return what lower editions state of the fields that are unset."""
        return {
            argument: self._lower[group, name][1]
            for name, argument in arguments.items()
            if (group, name) in self._lower and getattr(held, name) is None
        }

    def _received_first(self, event: Event) -> Event:
        """Return the event as received when its fact was first received: to restate it does not move that."""
        # A copy with another time states another fact. It was learned when that copy came, so the key has the time (COPY-7).
        earliest = self._earliest[event.type, event.occurred_at]
        return event if event.received == earliest else evolve(event, received_at=earliest)


def contradictions(counts: Event, copy: Event) -> tuple[str, ...]:
    """Return what a copy states otherwise than the event that counts. Absence is no contradiction."""
    stated = statements(counts)
    return tuple(key[-1] for key, value in statements(copy).items() if stated.get(key, value) != value)


_ARGUMENTS = {part: {a.name: a.alias or a.name for a in attrs.fields(cls)} for part, cls in _PARTS.items()}
_OWN_ARGUMENTS = {name: name for name in _FILLED_BY_OWN_TYPE}


def _fillable(event: Event) -> Iterator[tuple[Field, Any]]:
    """Yield what an event states and a higher edition may leave unset, as (group, name) and value."""
    if isinstance(event, UnknownEvent):
        return
    for part, arguments in _ARGUMENTS.items():
        held = getattr(event, part)
        yield from (((part, name), value) for name in arguments if (value := getattr(held, name)) is not None)
    for name in _FILLED_BY_OWN_TYPE:
        if (value := getattr(event, name, None)) is not None:
            yield (event.type, name), value


def merge_copies(events: Iterable[Event]) -> tuple[list[Event], dict[Identity, Copies]]:
    """Return one event of each identity, in order, and the copies of those that have several that differ."""
    kept: dict[Identity, Event] = {}
    several: dict[Identity, Copies] = {}
    for event in events:
        key = identity(event)
        first = kept.setdefault(key, event)
        if key in several:
            several[key].add(event)
        elif first is not event and not is_same(first, event):
            several[key] = Copies(first, event)
    kept.update((key, copies.merged) for key, copies in several.items())
    return sorted(kept.values(), key=order), {key: copies for key, copies in several.items() if len(copies) > 1}
