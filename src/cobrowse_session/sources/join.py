"""The memory of one input: legs under two ids, and the times that legs lack.

A flattened payload has the participant's id, a conversation has the communication's. They can be joined if a payload names both
ids. Example: a conversation shows that participant p1 has the call c1. So the leg p1 of the topic of calls is c1. If a payload of
the topic came before that, it has been converted already. That is a warning.
"""

from collections.abc import Iterable
from typing import Any

from attrs import define, evolve, field

from cobrowse_session.errors import Problem
from cobrowse_session.events import Event
from cobrowse_session.sources.leg import Leg
from cobrowse_session.sources.source import Converted

_Participant = tuple[str, str]  # the source of the events, and the participant's id


MAX_REMEMBERED = 100_000
"""The number of participants that are remembered. The oldest one is forgotten first."""


@define
class Joiner:
    """Gives the legs of one input their communication's id, where a payload names both ids, and a warning once for a leg."""

    _communications: dict[_Participant, dict[str, str | None]] = field(factory=dict)
    _left: dict[_Participant, str | None] = field(factory=dict)  # the kind of media
    _warned: dict[tuple[str, str], None] = field(factory=dict)  # the leg, and the time that it lacks

    def join(self, converted: Converted) -> Converted:
        """Return what a payload states, with the ids of communications. A leg that keeps the other id may give a warning."""
        kept = tuple(self._once(converted.warnings))
        warnings = [*self._learn(converted.legs)]
        new: dict[tuple[str, str], str] = {}
        for leg in converted.legs:
            if leg.is_participant and (found := self._of(leg)):
                new[leg.source, leg.id] = found
            elif leg.is_participant:
                warnings += self._ambiguous(leg)
                self._left.setdefault((leg.source, leg.id), leg.context.media_type)
        _forget_oldest(self._communications)
        _forget_oldest(self._left)
        _forget_oldest(self._warned)
        if not new and not warnings and len(kept) == len(converted.warnings):
            return converted
        legs = tuple(evolve(leg, id=new.get((leg.source, leg.id), leg.id)) for leg in converted.legs)
        events = tuple(_renamed(event, new.get((event.source, event.subject))) for event in converted.events)
        return evolve(converted, legs=legs, events=events, warnings=(*kept, *warnings))

    def recall(self, source: str, participant: str, communication: str, media: str | None) -> None:
        """Take an id that is named, or was named before a restart."""
        known = self._communications.setdefault((source, participant), {})
        known[communication] = media or known.get(communication)

    def _once(self, warnings: Iterable[Problem]) -> Iterable[Problem]:
        """Yield the warnings, but what the platform sends again and again only once: a leg without a time, an unknown topic."""
        for one in warnings:
            if not (one.error == "unknown_topic" or (one.error == "no_time" and one.leg)):  # LOST-6, SKIP-4
                yield one
                continue
            key = one.leg or one.error, f"{one.path.rpartition('.')[2]} {one.found}"
            if key not in self._warned:
                self._warned[key] = None
                yield one

    def _learn(self, legs: Iterable[Leg]) -> Iterable[Problem]:
        """Take the ids that these legs name. Yield a warning for each leg that came before under its participant's id."""
        for leg in legs:
            participant = leg.context.participant_id
            if leg.is_participant or participant is None:
                continue
            media = leg.context.media_type
            self.recall(leg.source, participant, leg.id, media)
            if (leg.source, participant) in self._left and _may_be(media, self._left[leg.source, participant]):
                del self._left[leg.source, participant]
                expected = "payloads of one family, or those that name both ids first"
                yield Problem("two_ids", leg.path, f"{leg.id}, which came before as {participant}", expected)

    def _ambiguous(self, leg: Leg) -> Iterable[Problem]:
        """Yield a warning if a flattened leg may be one of several communications."""
        if ids := self._communications.get((leg.source, leg.id)):
            yield Problem("two_ids", leg.path, f"{leg.id}, which may be {' or '.join(ids)}", "payloads of one family")

    def _of(self, leg: Leg) -> str | None:
        """Return the communication of a flattened leg. None: none is known, or several."""
        known = self._communications.get((leg.source, leg.id), {})
        fitting = [one for one, media in known.items() if _may_be(leg.context.media_type, media)]
        return fitting[0] if len(fitting) == 1 else None


def _may_be(media: str | None, other: str | None) -> bool:
    """Return whether two kinds of media may be the same one. None: it is not known."""
    return media is None or other is None or media == other


def _forget_oldest(remembered: dict[tuple[str, str], Any]) -> None:  # whatever is remembered of them
    while len(remembered) > MAX_REMEMBERED:
        del remembered[next(iter(remembered))]


def _renamed(event: Event, subject: str | None) -> Event:
    if subject is None:
        return event
    return evolve(event, subject=subject, id=subject + event.id.removeprefix(event.subject))
