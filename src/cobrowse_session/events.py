"""The events: one frozen class for each kind (KIND-1), with its rank in the order (ORDER-2).

An event is one fact about one session. Its identity is (`subject`, `source`, `id`). Copies of it may differ, and
`stream/copies.py` makes one event of them. `canonical.py` has the order and the canonical form.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any, ClassVar, cast, get_args, get_origin

import attrs
from attrs import converters, field, frozen

from cobrowse_session.checks import (
    MAX_DEPTH,
    NO_EXTRA,
    Extra,
    check_fields,
    check_keys,
    check_not_empty,
    check_number,
    copy_json,
    extra_key,
    json_text,
    members_of,
    own_extra,
    shown,
)
from cobrowse_session.model import NO_CONTEXT, NO_DETAILS, Context, Details, vendor_name
from cobrowse_session.printable import short_repr
from cobrowse_session.settings import MAX_TIMEOUT, NO_SETTINGS, Settings
from cobrowse_session.times import event_time, milliseconds, utc
from cobrowse_session.vocabulary import (
    AfterCallWorkEndedBy,
    AfterCallWorkState,
    ConnectionState,
    DisconnectType,
    Vocabulary,
    read_acw_state,
    read_disconnect_type,
    read_ended_by,
    read_words,
)

TYPE_PREFIX = "cobrowse.session."


def _named_time(name: str, moment: datetime, convert: Callable[[datetime], datetime] = event_time) -> datetime:
    try:
        return convert(moment)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from None


# attrs and mypy want converters to be named functions.


def _occurred_at(moment: datetime) -> datetime:
    return _named_time("occurred_at", moment)


def _received_at(moment: datetime | None) -> datetime | None:
    return None if moment is None else _named_time("received_at", moment)


def _provider_time(moment: datetime | None) -> datetime | None:
    return None if moment is None else _named_time("provider_time", moment)


def _without_null(extensions: Extra) -> Extra:
    """An envelope attribute that is null is absent. What is no mapping comes back as it is, for the check to refuse."""
    if not extensions or not isinstance(extensions, Mapping) or None not in extensions.values():
        return extensions
    return {key: value for key, value in extensions.items() if value is not None} or NO_EXTRA


@frozen(kw_only=True, repr=False)
class Event:
    """The attributes of every event.

    Args:
        subject: the session's id.
        source: the CloudEvents source that sent it.
        id: unique within its source and subject.
        occurred_at: when it happened, on the corrected provider clock. Aware, cut to the millisecond.
        received_at: when our side received it, on the cloud clock. None: unknown, and `occurred_at` stands in.
        provider_time: the uncorrected time of the provider's clock, if it differs.
        sequence: the edition of this fact. A copy with a higher one corrects the copies with lower ones.
        derived_from: what the time was derived from, if no source states it.
        context: conversation, participant, user and queue of the leg.
        details: the details of the leg that it states.
        settings: the settings that it states.
        extra: unknown keys of its data, and timeouts out of range, as they came.
        extensions: unknown keys of its envelope, as they came.

    Raises:
        TypeError: a field of another type, or a naive datetime.
        ValueError: a time outside the years 1970 to 9998, an empty id, source, subject or sequence, or text or JSON that cannot
            be written and read back.
    """

    #: What its type begins with. A kind of a table's own has a prefix of its own.
    prefix: ClassVar[str] = TYPE_PREFIX
    #: Its type without the prefix. The table knows it by this name.
    kind: ClassVar[str]
    #: Its place among events of the same instant (ORDER-2). A new kind takes one between two others, and moves none: tables of
    #: users have ranks between them, and saved logs were sorted by them.
    rank: ClassVar[int]
    #: The connection state that it names, if any.
    target_state: ClassVar[ConnectionState | str | None] = None
    #: Its own attributes that hold an enum's value.
    vocabulary: ClassVar[tuple[str, ...]] = ()

    subject: str
    source: str
    id: str
    occurred_at: datetime = field(converter=_occurred_at)
    received_at: datetime | None = field(default=None, converter=_received_at)
    provider_time: datetime | None = field(default=None, converter=_provider_time)
    sequence: str | None = None
    derived_from: str | None = None
    context: Context = NO_CONTEXT
    details: Details = NO_DETAILS
    settings: Settings = NO_SETTINGS
    extra: Extra = field(default=NO_EXTRA, eq=extra_key)
    extensions: Extra = field(default=NO_EXTRA, eq=extra_key, converter=_without_null)

    def __attrs_post_init__(self) -> None:
        check_fields(self)
        if not (self.subject and self.source and self.id):
            empty = next(name for name in ("subject", "source", "id") if not getattr(self, name))
            check_not_empty(f"{type(self).__name__}: {empty}", "")
        if self.sequence is not None:
            check_not_empty(f"{type(self).__name__}: sequence", self.sequence)
        if self.extra is not NO_EXTRA or self.extensions is not NO_EXTRA:
            own_extra(self, MAX_DEPTH - 1)
            own_extra(self, MAX_DEPTH, "extensions")
            self._check_unknown_keys()
        cls: type = type(self)
        for name, item in _plain_names(cls):
            if (value := getattr(self, name)) is not None:
                where = f"{cls.__name__}: {name}"
                read = plain_values if isinstance(value, tuple) else plain_value
                object.__setattr__(self, name, read(where, value, item))

    def _check_unknown_keys(self) -> None:
        name = type(self).__name__
        timeouts = {key for key in TIMEOUT_NAMES if is_out_of_range(self.extra.get(key))}
        check_keys(f"{name}: extra", self.extra, read_keys(type(self)) - timeouts)
        check_keys(f"{name}: extensions", self.extensions, self._envelope_keys())
        if not is_json_type(self.extensions.get("datacontenttype")) and (self.extra or any(stated(self))):
            raise ValueError(f"{name}: extensions: expected a JSON datacontenttype, found {self.extensions['datacontenttype']!r}")

    def _envelope_keys(self) -> frozenset[str]:
        return _ENVELOPE_KEYS | {"data_base64"}

    __repr__ = short_repr

    @property
    def type(self) -> str:
        """Its CloudEvents type."""
        return self.prefix + self.kind

    @property
    def received(self) -> datetime:
        """The time when our side learned of it. If nobody stamped it, the time when it happened."""
        return self.received_at or self.occurred_at


def is_json_type(content_type: object) -> bool:
    """Return whether a `datacontenttype` is absent or JSON: subtype `json` or `…+json`, case and parameters aside."""
    return content_type is None or (isinstance(content_type, str) and _JSON_TYPE.fullmatch(content_type) is not None)


_JSON_TYPE = re.compile(r"\s*[^\s/;]+/(?:[^\s/;]+\+)?json\s*(?:;.*)?", re.IGNORECASE | re.DOTALL)


# --- The kinds, in the order of their rank ------------------------------------------------------------------------------------

# The rank decides between events of one instant. Example: the agent asks for after-call work and the leg ends, both at 09:00:13.
#
#     acw.required, disconnected   the request is applied, and after-call work begins
#     disconnected, acw.required   after-call work is skipped, because nobody asked for it, and the request is refused
#
# So the kinds that need a connected leg come before its end, and the kinds that need an ended one come after it.


@frozen(kw_only=True, repr=False)
class Entered(Event):
    """The leg entered a state. This is the base of six kinds.

    Args:
        segment_type: the type of the segment that begins, if the provider has its own type for it.
    """

    #: The type of the segment that begins, where the event does not say one.
    segment: ClassVar[str]

    segment_type: str | None = None


@frozen(kw_only=True, repr=False)
class Scheduled(Entered):
    """The leg is scheduled for a later time."""

    kind, rank, target_state, segment = "scheduled", 0, ConnectionState.SCHEDULED, "Scheduled"


@frozen(kw_only=True, repr=False)
class Offering(Entered):
    """The leg is offered."""

    kind, rank, target_state, segment = "offering", 10, ConnectionState.OFFERING, "System"


@frozen(kw_only=True, repr=False)
class Contacting(Entered):
    """The agent's own station is being reached."""

    kind, rank, target_state, segment = "contacting", 20, ConnectionState.CONTACTING, "Contacting"


@frozen(kw_only=True, repr=False)
class Dialing(Entered):
    """The other party is being called."""

    kind, rank, target_state, segment = "dialing", 30, ConnectionState.DIALING, "Dialing"


@frozen(kw_only=True, repr=False)
class Alerting(Entered):
    """The agent is being alerted."""

    kind, rank, target_state, segment = "alerting", 40, ConnectionState.ALERTING, "Alert"


@frozen(kw_only=True, repr=False)
class Connected(Entered):
    """Both sides are connected."""

    kind, rank, target_state, segment = "connected", 50, ConnectionState.CONNECTED, "Interact"


@frozen(kw_only=True, repr=False)
class Updated(Event):
    """Details or settings changed. The state did not."""

    kind, rank = "updated", 60


@frozen(kw_only=True, repr=False)
class AfterCallWorkRequired(Event):
    """The agent asks for after-call work, or withdraws the request.

    Args:
        required: whether it is asked for.
    """

    kind, rank = "acw.required", 70

    required: bool


@frozen(kw_only=True, repr=False)
class Ended(Event):
    """The leg ended. This is the base of two kinds.

    Args:
        disconnect_type: what ended it.
    """

    vocabulary = ("disconnect_type",)

    disconnect_type: DisconnectType | str | None = field(default=None, converter=converters.optional(read_disconnect_type))


@frozen(kw_only=True, repr=False)
class Disconnected(Ended):
    """The leg ended."""

    kind, rank, target_state = "disconnected", 80, ConnectionState.DISCONNECTED


@frozen(kw_only=True, repr=False)
class Terminated(Ended):
    """The leg ended and its connection is released."""

    kind, rank, target_state = "terminated", 90, ConnectionState.TERMINATED


def _code(code: str | None) -> str | None:
    return code or None


@frozen(kw_only=True, repr=False)
class AfterCallWorkStarted(Event):
    """The platform reports that after-call work is pending, or that it may last longer. Its settings count after the end, too."""

    kind, rank = "acw.started", 100


@frozen(kw_only=True, repr=False)
class WrapupSaved(Event):
    """The agent saved a wrap-up. Without a code and not provisional: the agent skipped it (ACW-14).

    Args:
        code: the wrap-up code. `""` is none (KEEP-6).
        name: the code's name.
        notes: free text.
        tags: free words.
        provisional: a draft. It needs no code (WRAP-6).
        disable_end_time_updates: keep the `end_time` that the wrap-up has. An instruction, never stored.
    """

    kind, rank = "wrapup", 110

    code: str | None = field(default=None, converter=_code)
    name: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] | None = field(default=None, converter=converters.optional(read_words))
    provisional: bool = False
    disable_end_time_updates: bool = False


@frozen(kw_only=True, repr=False)
class AfterCallWorkEnded(Event):
    """After-call work was ended.

    Args:
        by: who ended it, or reports its end.
        state: how it ended: `complete`, `skipped` or `notApplicable`. The platform must state it.

    Raises:
        ValueError: a report of the platform without a state.
    """

    kind, rank = "acw.ended", 120
    vocabulary = ("by", "state")

    by: AfterCallWorkEndedBy | str = field(converter=read_ended_by)
    state: AfterCallWorkState | str | None = field(default=None, converter=converters.optional(read_acw_state))

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.by == AfterCallWorkEndedBy.PLATFORM and self.state is None:
            raise ValueError(f"AfterCallWorkEnded: state: expected {PLATFORM_STATES_TEXT}, from the platform, found None")


PLATFORM_STATES = (AfterCallWorkState.COMPLETE, AfterCallWorkState.SKIPPED, AfterCallWorkState.NOT_APPLICABLE)
"""How the platform may report that after-call work ended."""
PLATFORM_STATES_TEXT = "complete, skipped or notApplicable"


def _data_unless_empty(data: Any) -> Any:
    return None if data == {} and isinstance(data, dict) else data


@frozen(kw_only=True, repr=False)
class UnknownEvent(Event):
    """An event of a type that this package does not know. Only its envelope is read.

    Args:
        type: its full type, as it came.
        data: its data, as it came.

    Raises:
        ValueError: the type is a known one, or there are details, settings or unknown keys outside of `data`.
    """

    kind, rank = "unknown", 130

    type_: str = field(alias="type")
    # `Any`: whatever JSON the sender wrote.
    data: Any = field(default=None, converter=_data_unless_empty, eq=json_text)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        check_not_empty("UnknownEvent: type", self.type_)
        if KINDS.get(kind_of(self.type_) or "", UnknownEvent) is not UnknownEvent:
            raise ValueError(f"UnknownEvent: type: expected an unknown type, found {self.type_}; use the class of that event")
        for name, empty in {"details": NO_DETAILS, "settings": NO_SETTINGS, "extra": NO_EXTRA}.items():
            if (found := getattr(self, name)) != empty:
                raise ValueError(f"UnknownEvent: {name}: expected nothing, found {shown(found)}. Put it into data.")
        if self.data is not None:
            object.__setattr__(self, "data", copy_json("UnknownEvent: data", self.data, MAX_DEPTH - 1))

    def _check_unknown_keys(self) -> None:
        check_keys("UnknownEvent: extensions", self.extensions, _ENVELOPE_KEYS)

    @property
    def type(self) -> str:
        """Its CloudEvents type."""
        return self.type_


KINDS: Mapping[str, type[Event]] = {
    event.kind: event
    for event in (  # in the order of their rank
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
        AfterCallWorkStarted,
        WrapupSaved,
        AfterCallWorkEnded,
        UnknownEvent,
    )
}
"""Every kind of event, in the order of its rank."""

# --- Timers -------------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True, repr=False)
class Timer:
    """A deadline that has passed. Nobody sends it. `occurred_at` is the deadline itself, not when it was noticed."""

    kind: ClassVar[str]
    target_state: ClassVar[ConnectionState | str | None] = None

    subject: str
    occurred_at: datetime

    __repr__ = short_repr

    @property
    def type(self) -> str:
        """Its name in the trace."""
        return self.kind


@frozen(kw_only=True, repr=False)
class AlertingTimeout(Timer):
    """Nobody answered the alert in time, and the provider reported no end (ALERT-3)."""

    kind, target_state = "timer.alerting", ConnectionState.DISCONNECTED
    disconnect_type: ClassVar[DisconnectType] = DisconnectType.SYSTEM


@frozen(kw_only=True, repr=False)
class AfterCallWorkTimeout(Timer):
    """The time for after-call work is over."""

    kind = "timer.acw"


@frozen(kw_only=True, repr=False)
class UnknownTimer(Timer):
    """A timer of another table, in the trace of a log that was sealed under that table.

    Attributes:
        name: its kind there.
    """

    kind = "timer.unknown"

    name: str

    @property
    def type(self) -> str:
        """Its name in the trace."""
        return self.name


# --- JSON keys ----------------------------------------------------------------------------------------------------------------

DETAIL_NAMES = {vendor_name(attribute.name): attribute.name for attribute in attrs.fields(Details)}
SETTING_NAMES = {vendor_name(attribute.name): attribute.name for attribute in attrs.fields(Settings)}
CONTEXT_NAMES = {attribute.name.replace("_", ""): attribute.name for attribute in attrs.fields(Context)}
"""The context is in the envelope, and CloudEvents allows lower case only there."""
TIMEOUT_NAMES = tuple(key for key, name in SETTING_NAMES.items() if name.endswith("timeout"))
_ENVELOPE_KEYS = frozenset(
    ("specversion", "id", "source", "type", "subject", "time", "receivedtime", "providertime", "sequence", "derivedfrom", "data")
).union(CONTEXT_NAMES)
_BASE = frozenset(attribute.name for attribute in attrs.fields(Event))


def kind_of(type_: str) -> str | None:
    """Return the kind that a CloudEvents type names. None: it lacks the prefix. Types are case-sensitive (KEEP-11)."""
    return type_.removeprefix(TYPE_PREFIX) if type_.startswith(TYPE_PREFIX) else None


# A log keeps what a constructor accepts, and what it saved is read strictly. Example, an own attribute `until: datetime`:
#
#     naive                        no deadline could be compared with it: an error here, and not in `advance`
#     with microseconds            the wire writes milliseconds, so it would be another event after a restart: cut here
#
# And of `mood: Mood | str`, the text "GOOD" is read back as `Mood.GOOD`: read here, as the words of the standard kinds are.


@cache
def _plain_names(event: type[Event]) -> tuple[tuple[str, type], ...]:
    """Return the own attributes of a class that need more than a check of their type, each with the type of its values."""
    found, is_own = [], event.prefix != TYPE_PREFIX  # those of the standard kinds have converters
    for name in own_names(event).values():
        wanted: Any = attrs.fields_dict(event)[name].type  # any annotation; `check_fields` has resolved it
        for member in members_of(wanted):
            item = get_args(member)[0] if get_origin(member) is tuple else member
            of_enum = is_own and isinstance(item, type) and issubclass(item, Vocabulary)
            if item in (datetime, timedelta, int, float) or (item is bool and item is not member) or of_enum:
                found.append((name, item))
    return tuple(found)


PLAIN_TYPES = (str, bool, int, float, datetime, timedelta)
"""The types that an own attribute may have, apart from enums and tuples. A duration is whole milliseconds."""


def plain_value(name: str, value: Any, item: type) -> Any:  # a value of an own attribute, of any type
    """Return a value as it will be read back: a time as `utc` cuts it, a duration in whole milliseconds, a word as its enum.

    Args:
        name: for the error.
        value: the value of an attribute, or of an own field of a session.
        item: the type that it must have.

    Raises:
        TypeError: it has another type.
        ValueError: JSON cannot hold it.
    """
    if issubclass(item, Vocabulary):
        return item.read(value)
    if not isinstance(value, item) or (type(value) is bool and item is not bool):
        raise TypeError(f"{name}: expected {item.__name__}, found {shown(value)}")
    if isinstance(value, datetime):
        return _named_time(name, value, utc)
    if isinstance(value, timedelta):
        return timedelta(milliseconds=milliseconds(value))
    check_number(name, cast(float, value))
    return value


def plain_values(name: str, values: Iterable[Any], item: type) -> tuple[Any, ...]:  # as above
    """Return the items of a tuple as they will be read back. See `plain_value`."""
    return tuple(plain_value(f"{name}[{place}]", one, item) for place, one in enumerate(values))


@cache
def word_names(event: type) -> tuple[str, ...]:
    """Return the own attributes of a class that hold a word: those of `vocabulary`, and those of a type with a `Vocabulary`."""
    found = [a.name for a in attrs.fields(event) if a.name not in _BASE and any(map(_is_vocabulary, members_of(a.type)))]
    return tuple(dict.fromkeys((*getattr(event, "vocabulary", ()), *found)))


def _is_vocabulary(member: Any) -> bool:  # of an annotation
    return isinstance(member, type) and issubclass(member, Vocabulary)


def own_names(event: type) -> Mapping[str, str]:
    """Return JSON key to attribute of what events of this class have beyond details and settings."""
    return _keys(event).own


def read_keys(event: type) -> frozenset[str]:
    """Return the keys of the data that events of this class read."""
    return _keys(event).read


@frozen
class _Keys:
    """The keys of the data of a class of events."""

    own: Mapping[str, str]
    read: frozenset[str]
    false_by_default: frozenset[str]  # their attributes; a false one is not written (COPY-10)
    nulls: Mapping[str, str]  # key to argument of what is written as null if it is None: its default is another value


@cache
def _keys(event: type) -> _Keys:
    own = {vendor_name(a.name): a.name for a in attrs.fields(event) if a.name not in _BASE}
    false_by_default = (a.name for a in attrs.fields(event) if a.default is False)
    nulls = (
        dict(_own_nulls(event)) if getattr(event, "prefix", TYPE_PREFIX) != TYPE_PREFIX else {}
    )  # those of the standard kinds are never None
    return _Keys(own, frozenset((*DETAIL_NAMES, *SETTING_NAMES, *own)), frozenset(false_by_default), nulls)


def _own_nulls(event: type) -> Iterator[tuple[str, str]]:
    with suppress(NameError):  # annotations from __future__, of a class whose names are not known here
        attrs.resolve_types(event)
    for attribute in attrs.fields(event):
        if attribute.name not in _BASE and attribute.default is not None and type(None) in members_of(attribute.type):
            yield vendor_name(attribute.name), attribute.alias or attribute.name


def null_keys(event: type) -> Mapping[str, str]:
    """Return the keys of own attributes that are null in the data if they are None, and their arguments.

    Of the others, null is absent (KEEP-5).
    """
    return _keys(event).nulls


def is_out_of_range(timeout: object) -> bool:
    """Return whether a value is a number, but no timeout. It is kept in `extra` and noted."""
    if type(timeout) is not int:
        return type(timeout) is float
    return not 1 <= timeout <= milliseconds(MAX_TIMEOUT)


def stated(event: Event) -> Iterator[tuple[str, Any]]:
    """Yield what an event states in its data, apart from unknown keys: JSON key and value. `Any`: the values' types differ."""
    cls: type = type(event)  # mypy takes `type[Event]` for unhashable
    keys = _keys(cls)
    for names, part in ((DETAIL_NAMES, event.details), (SETTING_NAMES, event.settings), (keys.own, event)):
        if part is NO_DETAILS or part is NO_SETTINGS:
            continue
        for key, name in names.items():
            value = getattr(part, name)
            if value is None:
                if key in keys.nulls:
                    yield key, None
            elif value is not False or name not in keys.false_by_default:
                yield key, value
