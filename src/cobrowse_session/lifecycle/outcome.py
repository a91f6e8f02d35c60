"""The outcome of an event: exactly one of these, and never an exception (OUTCOME-1)."""

from datetime import datetime
from typing import Any, ClassVar

import attrs
from attrs import frozen

from cobrowse_session.events import Event
from cobrowse_session.printable import short_repr
from cobrowse_session.vocabulary import AfterCallWorkState, ConnectionState


@frozen(kw_only=True, repr=False)
class Outcome:
    """The attributes of every outcome.

    Attributes:
        row: the stable name of the row that decided, `ended+begins` for two. None: no row decided (stale, late).
        reason: one sentence.
        cites: the rules of the specification that the row implements.
        from_state: the connection state in which the event was decided.
        acw: the state of after-call work afterwards. None: there is none.
        notes: sentences about parts of the event that were kept but not understood.
        fired: the timers that fired before the event was decided, in order.
    """

    kind: ClassVar[str]

    row: str | None
    reason: str
    from_state: ConnectionState | str
    acw: AfterCallWorkState | str | None = None
    cites: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    fired: "tuple[Fired, ...]" = ()

    __repr__ = short_repr

    @classmethod
    def match(cls, **expected: object) -> "Match":
        """A value that equals every outcome of this class with these attributes, for tests.

        >>> from cobrowse_session import Refused
        >>> Refused(row="r", rule="no_way_back", reason="No.", from_state="connected") == Refused.match(rule="no_way_back")
        True

        Raises:
            TypeError: this outcome has no such attribute.
        """
        unknown = expected.keys() - {attribute.name for attribute in attrs.fields(cls)}
        if unknown:
            raise TypeError(f"{cls.__name__} has no attribute {', '.join(sorted(unknown))}")
        return Match(cls, expected)


@frozen(kw_only=True, repr=False)
class Applied(Outcome):
    """The session changed.

    Attributes:
        to_state: the connection state afterwards.
        set: the attributes that the row may write and the event's details, changed or not, sorted.
    """

    kind = "applied"

    to_state: ConnectionState | str
    set: tuple[str, ...] = ()


@frozen(kw_only=True, repr=False)
class Fired(Applied):
    """A timer fired.

    Attributes:
        timer: which: `timer.acw` or `timer.alerting`.
        at: the deadline itself, on the corrected provider clock. It may have been noticed later.
    """

    timer: str
    at: datetime


@frozen(kw_only=True, repr=False)
class Duplicate(Outcome):
    """The event repeats the current state. Nothing changed."""

    kind = "duplicate"


@frozen(kw_only=True, repr=False)
class Stale(Outcome):
    """The event is older than what the session has seen. Nothing changed. Only the step returns this, a log never does."""

    kind = "stale"


@frozen(kw_only=True, repr=False)
class Ignored(Outcome):
    """The event has no meaning here. Nothing changed.

    Attributes:
        rule: the rule's name.
    """

    kind = "ignored"

    rule: str


@frozen(kw_only=True, repr=False)
class Refused(Outcome):
    """The event breaks a rule. Nothing changed.

    Attributes:
        rule: the rule's name.
    """

    kind = "refused"

    rule: str


@frozen(kw_only=True, repr=False)
class Repeat(Outcome):
    """The log holds this event already, and the copy changes nothing. Only a log gives this outcome. It has no trace entry.

    Attributes:
        kept: the outcome of the event that is kept. None: the log was evicted, and only fingerprints of its events are known.
    """

    kind = "repeat"

    kept: Outcome | None = None


@frozen(kw_only=True, repr=False)
class Late(Outcome):
    """The session was sealed before the event came. Nothing changed. Only a log returns this.

    Attributes:
        event: the event, handed back.
    """

    kind = "late"

    event: Event


@frozen(eq=False, repr=False)
class Match:
    """Equal to every outcome of a class that has the expected attributes. It is no outcome itself."""

    outcome: type[Outcome]
    expected: dict[str, Any]  # an attribute's value may be anything

    def __eq__(self, other: object) -> bool:
        return isinstance(other, self.outcome) and all(getattr(other, k) == v for k, v in self.expected.items())

    __hash__ = None  # type: ignore[assignment]  # equal to many things that differ among themselves

    def __repr__(self) -> str:
        return f"{self.outcome.__name__}.match({', '.join(f'{k}={v!r}' for k, v in self.expected.items())})"
