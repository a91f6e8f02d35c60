"""The events: one frozen class a kind, with its rank in the order and its canonical form (specification, sections 2 and 7).

An event is one fact about one session. Its identity is (`subject`, `source`, `id`); copies of it may differ, and then one of them
is kept: `preference` says which. `order` is the one time line on which all events of a session stand.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

import attrs
from attrs import converters, field, frozen

from cobrowse_session.model import (
    NO_DETAILS,
    NO_SETTINGS,
    NOTHING,
    Address,
    AfterCallWorkEndedBy,
    AfterCallWorkState,
    ConnectionState,
    Details,
    DisconnectType,
    Extra,
    Settings,
    event_time,
    milliseconds,
    read_acw_state,
    read_disconnect_type,
    read_ended_by,
    read_words,
    time_text,
    vendor_name,
)

TYPE_PREFIX = "cobrowse.session."


@frozen(kw_only=True)
class Event:
    """What every event says.

    Args:
        subject: the session's id.
        source: who says it; a CloudEvents source.
        id: unique within its source and subject.
        occurred_at: when it happened, in the corrected provider clock; aware, cut to the millisecond.
        received_at: when our side learned of it, in the cloud clock; None: nobody stamped it, `occurred_at` stands in.
        provider_time: the uncorrected time of the provider's clock, where it differs.
        conversation_id: the conversation that the leg belongs to.
        details: what it says about the leg.
        settings: what it says about the queue's rules.
        extra: unknown keys of its data, and timeouts out of bounds, as they came.
        extensions: unknown keys of its envelope, as they came.

    Raises:
        TypeError: a naive datetime.
        ValueError: a time outside the years 1970 to 9998.
    """

    #: Its type without the prefix; the name under which the table knows it.
    kind: ClassVar[str]
    #: Its place among events of the same instant.
    rank: ClassVar[int]
    #: The connection state that it names, if any.
    enters: ClassVar[ConnectionState | None] = None
    #: Its own attributes that hold an enum's value.
    vocabulary: ClassVar[tuple[str, ...]] = ()

    subject: str
    source: str
    id: str
    occurred_at: datetime = field(converter=event_time)
    received_at: datetime | None = field(default=None, converter=converters.optional(event_time))
    provider_time: datetime | None = field(default=None, converter=converters.optional(event_time))
    conversation_id: str | None = None
    details: Details = NO_DETAILS
    settings: Settings = NO_SETTINGS
    extra: Extra = NOTHING
    extensions: Extra = NOTHING

    @property
    def type(self) -> str:
        """Its CloudEvents type."""
        return TYPE_PREFIX + self.kind

    @property
    def received(self) -> datetime:
        """When our side learned of it; where nobody stamped it, when it happened."""
        return self.received_at or self.occurred_at


# --- The kinds, in the order of their rank ------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Entered(Event):
    """The leg entered a state (base of the six that say so).

    Args:
        segment_type: the type of the segment that begins, where the provider has a word of its own for it.
    """

    #: The type of the segment that begins, where the event does not say one.
    segment: ClassVar[str]

    segment_type: str | None = None


@frozen(kw_only=True)
class Scheduled(Entered):
    """The leg is scheduled for a later time."""

    kind, rank, enters, segment = "scheduled", 0, ConnectionState.SCHEDULED, "Scheduled"


@frozen(kw_only=True)
class Offering(Entered):
    """The leg is offered."""

    kind, rank, enters, segment = "offering", 1, ConnectionState.OFFERING, "System"


@frozen(kw_only=True)
class Contacting(Entered):
    """The agent's own station is being reached."""

    kind, rank, enters, segment = "contacting", 2, ConnectionState.CONTACTING, "Contacting"


@frozen(kw_only=True)
class Dialing(Entered):
    """The other party is being called."""

    kind, rank, enters, segment = "dialing", 3, ConnectionState.DIALING, "Dialing"


@frozen(kw_only=True)
class Alerting(Entered):
    """The agent is being alerted."""

    kind, rank, enters, segment = "alerting", 4, ConnectionState.ALERTING, "Alert"


@frozen(kw_only=True)
class Connected(Entered):
    """Both sides are connected."""

    kind, rank, enters, segment = "connected", 5, ConnectionState.CONNECTED, "Interact"


@frozen(kw_only=True)
class Updated(Event):
    """Details or settings changed, the state did not."""

    kind, rank = "updated", 6


@frozen(kw_only=True)
class AfterCallWorkRequired(Event):
    """The agent asks for after-call work, or takes it back.

    Args:
        required: whether it is asked for.
    """

    kind, rank = "acw.required", 7

    required: bool


@frozen(kw_only=True)
class Ended(Event):
    """The leg ended (base of the two that say so).

    Args:
        disconnect_type: what ended it.
    """

    vocabulary = ("disconnect_type",)

    disconnect_type: DisconnectType | str | None = field(default=None, converter=converters.optional(read_disconnect_type))


@frozen(kw_only=True)
class Disconnected(Ended):
    """The leg ended."""

    kind, rank, enters = "disconnected", 8, ConnectionState.DISCONNECTED


@frozen(kw_only=True)
class Terminated(Ended):
    """The leg ended and its connection is released."""

    kind, rank, enters = "terminated", 9, ConnectionState.TERMINATED


def _code(code: str | None) -> str | None:
    return code or None


@frozen(kw_only=True)
class WrapupSaved(Event):
    """The agent saved a wrap-up; one without a code that is not provisional says that the agent skipped it [D].

    Args:
        code: the wrap-up code; `""` is none.
        name: the code's name.
        notes: free text.
        tags: free words.
        provisional: a draft, to be used later; needs no code [D].
        disable_end_time_updates: keep the `end_time` that the wrap-up has. An instruction, never stored.
    """

    kind, rank = "wrapup", 10

    code: str | None = field(default=None, converter=_code)
    name: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] | None = field(default=None, converter=converters.optional(read_words))
    provisional: bool = False
    disable_end_time_updates: bool = False


@frozen(kw_only=True)
class AfterCallWorkEnded(Event):
    """After-call work was ended.

    Args:
        by: who says so.
        state: how it ended, `complete` or `skipped`; the platform must say it.

    Raises:
        ValueError: the platform says no state.
    """

    kind, rank = "acw.ended", 11
    vocabulary = ("by", "state")

    by: AfterCallWorkEndedBy | str = field(converter=read_ended_by)
    state: AfterCallWorkState | str | None = field(default=None, converter=converters.optional(read_acw_state))

    def __attrs_post_init__(self) -> None:
        if self.by == AfterCallWorkEndedBy.PLATFORM and self.state is None:
            raise ValueError("a platform's acw.ended must say the state: 'complete' or 'skipped'")


def _data_unless_empty(data: Any) -> Any:
    return None if data == {} else data


@frozen(kw_only=True)
class UnknownEvent(Event):
    """An event of a type that this package does not know; only its envelope is read.

    Args:
        type: its full type, as it came.
        data: its data, as it came.
    """

    kind, rank = "unknown", 12

    type_: str = field(alias="type")
    data: Any = field(default=None, converter=_data_unless_empty)  # whatever JSON the sender thought of

    def __attrs_post_init__(self) -> None:
        if self.details != NO_DETAILS or self.settings != NO_SETTINGS or self.extra:
            raise ValueError(f"only the envelope of {self.type} is read; what it says belongs into data")

    @property
    def type(self) -> str:
        """Its CloudEvents type."""
        return self.type_


KINDS: Mapping[str, type[Event]] = {
    event.kind: event
    for event in (
        Scheduled,
        Offering,
        Contacting,
        Dialing,
        Alerting,
        Connected,
        Updated,
        AfterCallWorkRequired,
        Disconnected,
        Terminated,
        WrapupSaved,
        AfterCallWorkEnded,
        UnknownEvent,
    )
}
"""Every kind of event, in the order of its rank."""


# --- Timers: what time itself says --------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Timer:
    """A deadline that has passed. Never sent by anyone; `occurred_at` is the deadline itself, not when it was noticed."""

    kind: ClassVar[str]
    enters: ClassVar[ConnectionState | None] = None

    subject: str
    occurred_at: datetime

    @property
    def type(self) -> str:
        """Its name in the trace."""
        return self.kind


@frozen(kw_only=True)
class AlertingTimeout(Timer):
    """Nobody answered the alert, and nobody told us that the provider ended it."""

    kind, enters = "timer.alerting", ConnectionState.DISCONNECTED
    disconnect_type: ClassVar[DisconnectType] = DisconnectType.SYSTEM


@frozen(kw_only=True)
class AfterCallWorkTimeout(Timer):
    """The time for after-call work is over."""

    kind = "timer.acw"


# --- Order --------------------------------------------------------------------------------------------------------------------


def order(event: Event) -> tuple[datetime, int, str, str]:
    """Where an event stands among the events of its session [C]."""
    return event.occurred_at, event.rank, event.source, event.id


def identity(event: Event) -> tuple[str, str, str]:
    """What makes two events copies of each other."""
    return event.subject, event.source, event.id


def preference(event: Event) -> tuple[datetime, str]:
    """Of the copies of one event, the one whose preference is smallest is kept [C]."""
    return event.received, canonical(event)


def canonical(event: Event) -> str:
    """The event as JSON, keys sorted, without when it was received: copies that read the same here are not in conflict."""
    written = as_json(event)
    written.pop("receivedtime", None)
    return json.dumps(written, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


# --- As JSON ------------------------------------------------------------------------------------------------------------------

DETAIL_NAMES = {vendor_name(attribute.name): attribute.name for attribute in attrs.fields(Details)}
SETTING_NAMES = {vendor_name(attribute.name): attribute.name for attribute in attrs.fields(Settings)}
_BASE = frozenset(attribute.name for attribute in attrs.fields(Event))


def own_names(event: type[Event]) -> Mapping[str, str]:
    """JSON key to attribute of what events of this kind say beyond details and settings."""
    return {vendor_name(a.name): a.name for a in attrs.fields(event) if a.name not in _BASE}


_ALWAYS_SAID = frozenset(a.name for event in KINDS.values() for a in attrs.fields(event) if a.default is attrs.NOTHING)
_OWN_NAMES = {kind: own_names(event) for kind, event in KINDS.items() if event is not UnknownEvent}


def as_json(event: Event) -> dict[str, Any]:
    """The event as a CloudEvents 1.0 JSON object; what says nothing is left out. `Any`: JSON."""
    envelope = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": time_text(event.occurred_at),
        "receivedtime": event.received_at and time_text(event.received_at),
        "providertime": event.provider_time and time_text(event.provider_time),
        "conversationid": event.conversation_id,
        **event.extensions,
        "data": event.data if isinstance(event, UnknownEvent) else dict(_data(event)),
    }
    return {key: value for key, value in envelope.items() if key in event.extensions or (value is not None and value != {})}


def _data(event: Event) -> Iterator[tuple[str, Any]]:
    for names, said in ((DETAIL_NAMES, event.details), (SETTING_NAMES, event.settings), (_OWN_NAMES[event.kind], event)):
        for key, name in names.items():
            value = getattr(said, name)
            if value is not None and (value is not False or name in _ALWAYS_SAID):
                yield key, _plain(value)
    yield from event.extra.items()


def _plain(value: Any) -> Any:
    """A value as JSON has it. `Any`: JSON."""
    match value:
        case timedelta():
            return milliseconds(value)
        case tuple():
            return list(value)
        case Address():
            said = {vendor_name(a.name): getattr(value, a.name) for a in attrs.fields(Address) if a.name != "extra"}
            return {key: part for key, part in said.items() if part is not None} | dict(value.extra)
        case _:
            return value


def notes(event: Event) -> tuple[str, ...]:
    """What was kept but could not be understood: words outside the vocabulary, timeouts out of bounds."""
    if event.rank == UnknownEvent.rank:
        return ()
    found = [(name, getattr(event, name)) for name in event.vocabulary]
    if event.details is not NO_DETAILS:
        found += ("cobrowse_role", event.details.cobrowse_role), ("initial_state", event.details.initial_state)
    if event.settings is not NO_SETTINGS:
        found.append(("wrapup_prompt", event.settings.wrapup_prompt))
    unknown = [f"unknown {vendor_name(name)} {value!r}, kept as it came" for name, value in found if type(value) is str]
    bounds = [f"{key} {_short(event.extra[key])} is out of bounds, not taken" for key in SETTING_NAMES if key in event.extra]
    return (*unknown, *bounds)


def _short(number: object) -> str:
    text = str(number)
    return text if len(text) <= 40 else f"{text[:40]}…"
