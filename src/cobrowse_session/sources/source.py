"""What a source of payloads is: a platform whose payloads can be turned into events.

A source is an object of any class with the attributes of `Source`. `registry.py` has the built-in ones. Another package adds one
by an entry point of the group `cobrowse_session.sources`.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Protocol

from attrs import field, frozen

from cobrowse_session.errors import Problem
from cobrowse_session.events import Event
from cobrowse_session.lifecycle import Lifecycle
from cobrowse_session.sources.leg import Leg

__all__ = ["Converted", "Source"]


@frozen
class Converted:
    """The statements of a payload.

    Attributes:
        events: in the order of the payload. The same fact is the same event in every payload.
        warnings: what could not be understood, and contradictions, each with its path: the first ones, and their number.
        legs: the legs as the platform shows them.
        skipped: the kinds of payloads that state nothing of a leg, such as `heartbeat`, one for each payload.
    """

    events: tuple[Event, ...] = ()
    warnings: tuple[Problem, ...] = ()
    legs: tuple[Leg, ...] = field(default=(), repr=False)
    skipped: tuple[str, ...] = ()

    def place_after(self, place: int) -> int:
        """Return the place of the next payload, after this one at a place. A list in a payload takes several places."""
        return max([place, *(leg.origin.place for leg in self.legs)]) + 1


class Source(Protocol):
    """A platform whose payloads can be turned into events."""

    @property
    def name(self) -> str:
        """The name by which it is chosen, such as `genesys`."""
        ...

    @property
    def families(self) -> Collection[str]:
        """The names of its families of payloads."""
        ...

    @property
    def lifecycle(self) -> Lifecycle:
        """The recommended rules for its sessions."""
        ...

    def looks_like(self, keys: set[str]) -> bool:
        """Return whether a file of which only the beginning was read has payloads of this platform.

        Args:
            keys: all keys in the beginning of the file, at any depth.
        """
        ...

    def recognise(self, payload: Any) -> str | None:
        """Return the family of a payload. None: it is none of this platform. Nothing is raised.

        Another word than one of `families` is for a payload of this platform that states nothing of a leg (`heartbeat`), or that
        cannot be converted. `convert` skips it, or raises the error that describes it.

        Args:
            payload: parsed JSON, one object, in its envelope or bare. `Any`: JSON.
        """
        ...

    def convert(
        self, payload: Any, family: str | None = None, *, received_at: datetime | None = None, place: int = 0, path: str = "$"
    ) -> Converted:
        """Return the events of a payload.

        Args:
            payload: parsed JSON that was checked (`check_document`), one object. `Any`: JSON.
            family: one of `families`. None: it is recognised.
            received_at: when it was received, on the cloud clock. None: it is not known.
            place: its place in the input, from 0. Of equal times, the later place corrects the earlier one.
            path: its path in a larger document.

        Raises:
            DecodeError: it is no payload of this family, or of any. Nothing was converted.
        """
        ...
