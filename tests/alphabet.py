"""The letters of the exhaustive search: events of every kind with the values that guards tell apart, and a deadline that passes.

Every letter is an event at a fixed instant. The search moves its sessions in time instead, so that each changed last at `NOW`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import product
from typing import Any

from attrs import evolve, fields, frozen
from tests.reading import Event as ReadingEvent
from tests.reading import read_event

from cobrowse_session.events import Event, UnknownEvent
from cobrowse_session.lifecycle.policy import DEFAULT_TIMEOUT_CODE
from cobrowse_session.model import NO_DETAILS, Details
from cobrowse_session.settings import NO_SETTINGS, Settings
from cobrowse_session.tables import Table
from cobrowse_session.testing import START
from cobrowse_session.wire import encode_event

STEP = timedelta(seconds=1)
"""The unit of time of a search. Timeouts are one or two steps."""
NOW = START
SUBJECT = "s1"

Values = Mapping[str, Sequence[Any]]  # `Any`: the values of an event's own attributes

FEW: Values = {
    "disconnect_type": (None, "transfer"),
    "required": (True, False),
    "code": (None, "sale"),
    "provisional": (False, True),
    "disable_end_time_updates": (False, True),
    "by": ("agent", "offline", "platform", "robot"),
    "state": ("complete", "skipped", "notApplicable", "lost"),
    "type": ("com.acme.unknown",),
}
"""The values of the events' own attributes. What no guard reads is unset."""
MORE: Values = {
    **FEW,
    "disconnect_type": (None, "peer", "transfer"),
    "code": (None, "sale", DEFAULT_TIMEOUT_CODE),
    "notes": (None, "n"),
}
DRAFTS: Values = {**FEW, "disconnect_type": (None,), "required": (True,), "disable_end_time_updates": (False,)}
ONE: Values = {**DRAFTS, "provisional": (False,)}


@frozen
class Letter:
    """An event, or a deadline that passes.

    Attributes:
        event: None: time passes until the next deadline.
        line: the event as a line of JSON, as the second reading of the specification has it.
    """

    event: Event | None
    line: ReadingEvent | None = None

    @property
    def name(self) -> str:
        """Its kind, and when it occurs."""
        if self.event is None:
            return "deadline"
        return f"{self.event.kind} {(self.event.occurred_at - NOW) // STEP:+d}"


DEADLINE = Letter(None)


Stated = tuple[Details, Settings]
"""The details and settings that an event states."""


def letters(table: Table, values: Values = FEW, stated: Iterable[Stated] = (), *, is_late: bool = True) -> tuple[Letter, ...]:
    """Return the letters of a table.

    Args:
        table: every kind of event that it has occurs now. One event is older than the session.
        values: of the events' own attributes.
        stated: each event states each of these, too.
        is_late: each event may occur a step later, too.
    """
    events = [event for kind in table.kinds.values() for event in _with_values(kind, values)]
    known = [event for event in events if not isinstance(event, UnknownEvent)]
    events += [evolve(event, details=details, settings=settings) for details, settings in stated for event in known]
    old = next(event for event in events if event.kind == "updated")
    late = [_letter(evolve(event, occurred_at=NOW + STEP)) for event in events if is_late]
    return (DEADLINE, *map(_letter, events), *late, _letter(evolve(old, occurred_at=NOW - STEP)))


def _with_values(kind: type[Event], values: Values) -> Iterator[Event]:
    names = [attribute.alias or attribute.name for attribute in fields(kind)]
    own = {name: values[name] for name in names if name in values}
    for chosen in product(*own.values()):
        stated = dict(zip(own, chosen, strict=True))
        if "by" in stated and stated["by"] != "platform":
            if stated["state"] != values["state"][0]:
                continue
            stated["state"] = None
        yield kind(subject=SUBJECT, source="/acme", id="e1", occurred_at=NOW, **stated)


def _letter(event: Event) -> Letter:
    is_own = not event.type.startswith("cobrowse.session.") and not isinstance(event, UnknownEvent)
    return Letter(event, None if is_own else read_event(encode_event(event)))


def with_each(**values: Sequence[Any]) -> tuple[Stated, ...]:  # `Any`: the values of details
    """Return statements of one of these details each."""
    return tuple((Details(**{name: value}), NO_SETTINGS) for name, some in values.items() for value in some)


def with_settings(settings: Iterable[Settings]) -> tuple[Stated, ...]:
    """Return statements of one of these settings each."""
    return tuple((NO_DETAILS, one) for one in settings)
