"""The values: a communication, its parts, its settings and their vocabulary.

Everything here is a plain value. `Address`, `Segment`, `Wrapup` and `AfterCallWork` are frozen: the lifecycle *replaces* them
and never changes them in place, so `copy.copy(session)` is a whole copy. A session itself is mutable, and only the lifecycle
should write to it: its attributes are correlated.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, NoReturn, Self, TypeVar, overload

from attrs import converters, define, evolve, field, fields, frozen, setters

from cobrowse_session.checks import MAX_DEPTH, check_fields, check_object, json_text, shown
from cobrowse_session.errors import SettingsError

Extra = Mapping[str, Any]
"""Unknown keys, kept as they came. `Any`: whatever JSON the sender thought of."""


class _Nothing(dict[str, Any]):
    """No unknown keys. Almost every value holds it, so all of them share one, and nobody can put anything into it."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("unknown keys are replaced, never changed in place: attrs.evolve(value, extra={...})")

    __setitem__ = update = setdefault = __ior__ = _refuse

    def __reduce__(self) -> str:
        return "NOTHING"


NOTHING = _Nothing()


def extra_key(extra: Extra) -> str:
    """Return what unknown keys are compared by: their JSON, for Python takes 1 and True for equal."""
    return json_text(dict(extra)) if extra else ""


# --- Time ---------------------------------------------------------------------------------------------------------------------


def utc(moment: datetime) -> datetime:
    """Bring a moment to UTC and cut it to the millisecond. Nothing finer exists here.

    Args:
        moment: an aware datetime, on any clock.

    Raises:
        TypeError: `moment` is naive, or no datetime at all.
        ValueError: `moment` lies before 1970 or after 9999.
    """
    if type(moment) is datetime and moment.tzinfo is UTC and moment.year >= 1970 and not moment.microsecond % 1000:
        return moment  # it was converted before
    if not isinstance(moment, datetime) or not isinstance(offset := moment.utcoffset(), timedelta):
        raise TypeError(f"expected an aware datetime, for example datetime(..., tzinfo=UTC), found {shown(moment)}")
    try:
        # A subclass (pendulum, pandas) may count nanoseconds and compare by them. Only a plain datetime is kept.
        day, clock = (moment.year, moment.month, moment.day), (moment.hour, moment.minute, moment.second, moment.microsecond)
        plain = datetime(*day, *clock, tzinfo=UTC) - offset
    except OverflowError:  # the year 0 or 10000, once in UTC
        raise ValueError(f"expected a time from 1970 to 9999, found {shown(moment)}") from None
    if plain.year < 1970:
        raise ValueError(f"expected a time from 1970 to 9999, found {shown(moment)}")
    return plain.replace(microsecond=plain.microsecond // 1000 * 1000)


def event_time(moment: datetime) -> datetime:
    """`utc`, for what an event says: the year 9999 is left to the deadlines that follow from it.

    Raises:
        TypeError: `moment` is naive, or no datetime at all.
        ValueError: `moment` lies outside the years 1970 to 9998.
    """
    if (moment := utc(moment)).year > 9998:
        raise ValueError(f"expected a time in the years 1970 to 9998, found {shown(moment)}")
    return moment


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The earliest time."""
FOREVER = datetime.max.replace(microsecond=999_000, tzinfo=UTC)
"""Later than every deadline."""


def milliseconds(duration: timedelta) -> int:
    """A duration as whole milliseconds, rounded down."""
    return duration // timedelta(milliseconds=1)


def time_text(moment: datetime) -> str:
    """A moment as every format here writes it: `2026-03-01T09:00:00.000Z`."""
    return utc(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- Vocabulary ---------------------------------------------------------------------------------------------------------------


class Vocabulary(StrEnum):
    """An enum of the vendor's words, which the vendor spells in several ways.

    >>> DisconnectType.read("NO_ANSWER_TRANSFER"), DisconnectType.read("noAnswerTransfer")
    (<DisconnectType.TRANSFER_NOANSWER: 'transfer.noanswer'>, <DisconnectType.TRANSFER_NOANSWER: 'transfer.noanswer'>)
    """

    @classmethod
    def read(cls, text: str) -> Self | str:
        """Return the member that `text` spells, in any case and any vendor spelling, else `text` itself, so nothing is lost."""
        members: Mapping[str, Self] = _spellings(cls)
        # A constructor converts before it checks, so this may be no text at all.
        return members.get(text.lower(), text) if isinstance(text, str) and text.isascii() else text

    @classmethod
    def other_spellings(cls) -> dict[str, Self]:
        """Spellings that no rule yields from the member's own value: text in lower case to member."""
        return {}


V = TypeVar("V", bound=Vocabulary)


@cache
def _spellings(vocabulary: type[V]) -> Mapping[str, V]:
    """Spelling, in lower case, to member: `transfer.conference` is also `conferenceTransfer` and `CONFERENCE_TRANSFER`."""
    table = vocabulary.other_spellings()
    for member in vocabulary:
        first, dot, second = member.value.partition(".")
        in_order, turned = (first, second), (second, first)
        if dot:
            table.update({joint.join(parts): member for parts in (in_order, turned) for joint in ("", "_")})
        table[_SMALL_THEN_LARGE.sub(r"\1_\2", member.value).lower()] = member
        table[member.value.lower()] = member
    return table


_SMALL_THEN_LARGE = re.compile("([a-z])([A-Z])")


class ConnectionState(Vocabulary):
    """The state of the leg."""

    #: Before the first event.
    NONE = "none"
    #: It will begin at a later time (callbacks).
    SCHEDULED = "scheduled"
    #: It is offered to whoever may take it (voice: the customer's and the queue's legs begin so).
    OFFERING = "offering"
    #: The agent's own station is being reached.
    CONTACTING = "contacting"
    #: The other party is being called.
    DIALING = "dialing"
    #: The agent is being alerted.
    ALERTING = "alerting"
    #: Both sides are connected.
    CONNECTED = "connected"
    #: The leg has ended.
    DISCONNECTED = "disconnected"
    #: The leg has ended and its connection is released (voice only).
    TERMINATED = "terminated"


class DisconnectType(Vocabulary):
    """The cause of the end of the leg, relative to its participant."""

    #: This user's device, or the closed browser.
    ENDPOINT = "endpoint"
    #: The user interface of this user: the agent declined or hung up.
    CLIENT = "client"
    #: The cloud or the provider, an alert that timed out among others.
    SYSTEM = "system"
    #: A time-out of the system, while dialing.
    TIMEOUT = "timeout"
    #: Transferred to someone else.
    TRANSFER = "transfer"
    #: Transferred into a conference.
    TRANSFER_CONFERENCE = "transfer.conference"
    #: Transferred after a consultation.
    TRANSFER_CONSULT = "transfer.consult"
    #: Forwarded.
    TRANSFER_FORWARD = "transfer.forward"
    #: The media connection failed.
    TRANSPORT_FAILURE = "transport.failure"
    #: An error of the provider.
    ERROR = "error"
    #: Another participant ended it.
    PEER = "peer"
    #: None of the other reasons.
    OTHER = "other"
    #: Marked as spam.
    SPAM = "spam"
    #: The number cannot be called.
    UNCALLABLE = "uncallable"
    #: The endpoint does not want to be disturbed (notifications).
    ENDPOINT_DND = "endpoint.dnd"
    #: Transferred because the endpoint does not want to be disturbed (notifications).
    TRANSFER_DND = "transfer.dnd"
    #: Transferred after an alert that nobody answered (notifications).
    TRANSFER_NOANSWER = "transfer.noanswer"
    #: Transferred because nobody was available (notifications).
    TRANSFER_NOTAVAILABLE = "transfer.notavailable"
    #: Nothing happened for too long (notifications).
    INACTIVITY = "inactivity"
    #: The session behind it expired (notifications).
    SESSION_EXPIRED = "session.expired"
    #: Someone else took it over (notifications).
    TAKEOVER = "takeover"

    @classmethod
    def other_spellings(cls) -> dict[str, Self]:
        """The REST media participant writes `donotdisturb` for `dnd`; detail events divide what the model writes as one word."""
        return {
            "endpoint.donotdisturb": cls.ENDPOINT_DND,
            "transfer.donotdisturb": cls.TRANSFER_DND,
            "no_answer_transfer": cls.TRANSFER_NOANSWER,
            "not_available_transfer": cls.TRANSFER_NOTAVAILABLE,
        }


class WrapupPrompt(Vocabulary):
    """The after-call-work rule that the queue gives the leg."""

    #: The agent must choose a code; no limit.
    MANDATORY = "mandatory"
    #: The agent may leave without a code.
    OPTIONAL = "optional"
    #: After-call work happens only where the agent asked for it while connected.
    AGENT_REQUESTED = "agentRequested"
    #: A limit; the agent may finish early with a code.
    TIMEOUT = "timeout"
    #: A limit, and no early exit: saving a code does not end it.
    FORCED_TIMEOUT = "forcedTimeout"
    #: This leg has no after-call work, whatever the default.
    NONE = "none"

    @classmethod
    def other_spellings(cls) -> dict[str, Self]:
        """The queue's spelling says `MANDATORY_` before both time limits."""
        return {"mandatory_timeout": cls.TIMEOUT, "mandatory_forced_timeout": cls.FORCED_TIMEOUT}


class AfterCallWorkState(Vocabulary):
    """The state of after-call work. The lifecycle itself writes `pending`, `complete` and `skipped`."""

    #: The platform does not know.
    UNKNOWN = "unknown"
    #: This kind of leg has none.
    NOT_APPLICABLE = "notApplicable"
    #: It ended without being done.
    SKIPPED = "skipped"
    #: It is going on.
    PENDING = "pending"
    #: It is done.
    COMPLETE = "complete"


class AfterCallWorkEndedBy(Vocabulary):
    """The one who ended after-call work."""

    #: The agent clicked Done.
    AGENT = "agent"
    #: The agent went offline, where the organisation completes after-call work then.
    OFFLINE = "offline"
    #: The platform's own report.
    PLATFORM = "platform"


class CobrowseRole(Vocabulary):
    """The side of the shared page on which this client is."""

    #: Shows its page.
    SHARER = "sharer"
    #: Looks at the page.
    VIEWER = "viewer"


# attrs and mypy want converters to be named functions; each keeps a word that nobody knows as it came.


def read_state(text: str) -> ConnectionState | str:
    """A connection state."""
    return ConnectionState.read(text)


def read_disconnect_type(text: str) -> DisconnectType | str:
    """A disconnect type."""
    return DisconnectType.read(text)


def read_acw_state(text: str) -> AfterCallWorkState | str:
    """A state of after-call work."""
    return AfterCallWorkState.read(text)


def read_ended_by(text: str) -> AfterCallWorkEndedBy | str:
    """Return who ended after-call work."""
    return AfterCallWorkEndedBy.read(text)


def read_role(text: str) -> CobrowseRole | str:
    """A co-browse role."""
    return CobrowseRole.read(text)


def read_words(words: Iterable[str]) -> tuple[str, ...]:
    """Return a list of words as a tuple. A value that is no list comes back as it is, for `check_fields` to refuse."""
    return tuple(words) if isinstance(words, Sequence | set | frozenset | Iterator) and not isinstance(words, str) else words  # type: ignore[return-value]  # see above


PENDING_STATES = (
    ConnectionState.SCHEDULED,
    ConnectionState.OFFERING,
    ConnectionState.CONTACTING,
    ConnectionState.DIALING,
    ConnectionState.ALERTING,
)
ENDED_STATES = (ConnectionState.DISCONNECTED, ConnectionState.TERMINATED)


# --- Settings -----------------------------------------------------------------------------------------------------------------

LONGEST_TIMEOUT = timedelta(days=1)
"""The vendor's largest bound so far (it has been 15 minutes and an hour, too) [D]."""


class UnknownPrompt(str):
    """A wrap-up prompt that this version does not know, as a payload stated it. It behaves as `optional`.

    In code a prompt is a member of `WrapupPrompt` or its text; a misspelt one is an error. What a platform sends is kept.
    """

    __slots__ = ()


def read_prompt(text: str) -> WrapupPrompt | UnknownPrompt:
    """Return the wrap-up prompt that a text spells, or the text as an unknown prompt."""
    known = WrapupPrompt.read(text)
    return known if isinstance(known, WrapupPrompt) else UnknownPrompt(known)


def _prompt(prompt: WrapupPrompt | str | None) -> WrapupPrompt | UnknownPrompt | None:
    if prompt is None or isinstance(prompt, WrapupPrompt):
        return prompt
    if not isinstance(prompt, str):
        raise TypeError(f"Settings: wrapup_prompt: expected WrapupPrompt, text or None, found {shown(prompt)}")
    if isinstance(known := WrapupPrompt.read(prompt), WrapupPrompt):
        return known
    if isinstance(prompt, UnknownPrompt):
        return prompt
    raise SettingsError("wrapup_prompt", f"one of {', '.join(WrapupPrompt)}", f"{prompt!r}{_nearest_prompt(prompt)}")


def _nearest_prompt(prompt: str) -> str:
    known = {member.lower(): member for member in WrapupPrompt}
    nearest = difflib.get_close_matches(prompt.lower(), known, n=1)
    return f" (did you mean {known[nearest[0]].value!r}?)" if nearest else ""


def check_duration(name: str, duration: timedelta | None, least: timedelta, most: timedelta) -> timedelta | None:
    """Return a duration cut to whole milliseconds.

    Args:
        name: of the setting, for the error.
        duration: None: unset.
        least: the shortest duration that makes sense.
        most: the longest one.

    Raises:
        TypeError: it is no timedelta.
        SettingsError: it is too short or too long.
    """
    if duration is None:
        return None
    if not isinstance(duration, timedelta):
        raise TypeError(f"{name}: expected timedelta or None, found {shown(duration)}")
    if not least <= duration <= most:
        raise SettingsError(name, f"a timedelta from {_length(least)} to {_length(most)}", shown(duration))
    return timedelta(milliseconds=milliseconds(plain(duration)))


def plain(duration: timedelta) -> timedelta:
    """Return a duration as a plain timedelta: a subclass (pendulum, pandas) may count nanoseconds, or divide in its own way."""
    return timedelta(duration.days, duration.seconds, duration.microseconds)


def _length(duration: timedelta) -> str:
    return f"{milliseconds(duration)} ms"


_SHORTEST_TIMEOUT = timedelta(milliseconds=1)


def _wrapup_timeout(duration: timedelta | None) -> timedelta | None:
    return check_duration("wrapup_timeout", duration, _SHORTEST_TIMEOUT, LONGEST_TIMEOUT)


def _alerting_timeout(duration: timedelta | None) -> timedelta | None:
    return check_duration("alerting_timeout", duration, _SHORTEST_TIMEOUT, LONGEST_TIMEOUT)


@frozen(kw_only=True, cache_hash=True)
class Settings:
    """The rules that the queue gives a session. The defaults of the `Lifecycle` fill in what is unset.

    Args:
        wrapup_prompt: when after-call work happens and how it may end.
        wrapup_timeout: how long timed after-call work lasts; whole milliseconds, 1 ms to 1 day.
        alerting_timeout: how long the agent has to answer; whole milliseconds, 1 ms to 1 day.

    Raises:
        TypeError: a value of another type.
        SettingsError: an unknown prompt (the error names the nearest known one), or a timeout out of range.
    """

    wrapup_prompt: WrapupPrompt | UnknownPrompt | None = field(default=None, converter=_prompt)
    wrapup_timeout: timedelta | None = field(default=None, converter=_wrapup_timeout)
    alerting_timeout: timedelta | None = field(default=None, converter=_alerting_timeout)

    def __attrs_post_init__(self) -> None:
        if type(self.wrapup_prompt) is UnknownPrompt:
            check_fields(self)

    def over(self, defaults: Self) -> Self:
        """Return these settings with the unset ones taken from `defaults`."""
        if defaults is NO_SETTINGS:
            return self
        if self is NO_SETTINGS:
            return defaults
        return type(self)(
            wrapup_prompt=self.wrapup_prompt if self.wrapup_prompt is not None else defaults.wrapup_prompt,
            wrapup_timeout=self.wrapup_timeout if self.wrapup_timeout is not None else defaults.wrapup_timeout,
            alerting_timeout=self.alerting_timeout if self.alerting_timeout is not None else defaults.alerting_timeout,
        )


NO_SETTINGS = Settings()


# --- Names ---------------------------------------------------------------------------------------------------------------------


@cache
def vendor_name(attribute: str) -> str:
    """The vendor's name of an attribute: `after_call_work` is `afterCallWork`, a timeout says its unit: `wrapupTimeoutMs`."""
    head, *tail = attribute.split("_")
    return head + "".join(map(str.capitalize, tail)) + ("Ms" if attribute.endswith("_timeout") else "")


# --- Context ------------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True, cache_hash=True)
class Context:
    """The conversation, participant and queue of a leg. It is kept beside the session, outside of its JSON and its equality.

    Args:
        conversation_id: the conversation that the leg belongs to.
        participant_id: the participant whose leg it is.
        user_id: the agent.
        queue_id: the queue that routed the leg.
        purpose: the participant's purpose, for example `agent` or `customer`.
        media_type: the kind of leg, for example `call` or `cobrowse`.

    Raises:
        TypeError: a field of another type.
        ValueError: text that cannot be written.
    """

    conversation_id: str | None = None
    participant_id: str | None = None
    user_id: str | None = None
    queue_id: str | None = None
    purpose: str | None = None
    media_type: str | None = None

    def __attrs_post_init__(self) -> None:
        check_fields(self)

    def over(self, earlier: Self) -> Self:
        """Return this context with the unset fields taken from an earlier one."""
        if earlier is NO_CONTEXT or self is earlier:
            return self
        if self is NO_CONTEXT:
            return earlier
        stated = {name: value for name in _CONTEXT_NAMES if (value := getattr(self, name)) is not None}
        return evolve(earlier, **stated) if len(stated) < len(_CONTEXT_NAMES) else self


_CONTEXT_NAMES = tuple(attribute.name for attribute in fields(Context))
NO_CONTEXT = Context()


# --- Parts of a communication -------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Address:
    """Address and name of one side of the leg.

    Args:
        name: for a person.
        name_raw: as the provider sent it.
        address_normalized: in one form for all providers.
        address_raw: as the provider sent it.
        address_displayable: for a person.
        extra: unknown keys, as they came.

    Raises:
        TypeError: a field of another type.
        ValueError: text or JSON that cannot be written and read back.
    """

    name: str | None = None
    name_raw: str | None = None
    address_normalized: str | None = None
    address_raw: str | None = None
    address_displayable: str | None = None
    extra: Extra = field(default=NOTHING, eq=extra_key)

    def __attrs_post_init__(self) -> None:
        check_fields(self)
        check_object("Address: extra", self.extra, MAX_DEPTH - 2)
        check_keys("Address: extra", self.extra, _ADDRESS_NAMES)


def check_keys(name: str, extra: Extra, known: Iterable[str]) -> None:
    """Check that unknown keys are unknown indeed: a known one among them would be read back as the field.

    Raises:
        ValueError: a key belongs to a field.
    """
    if extra and (twice := sorted(set(known) & extra.keys())):
        raise ValueError(f"{name}: expected unknown keys only, found {', '.join(twice)}, which the class has fields for")


_ADDRESS_NAMES = frozenset(vendor_name(a.name) for a in fields(Address) if a.name != "extra")


@frozen(kw_only=True)
class Segment:
    """One stretch of the leg's time line, all on the corrected provider clock.

    Args:
        start_time: when the state was entered.
        end_time: when it was left; None: it is open.
        type: the provider's word for it, or `Scheduled`, `System`, `Contacting`, `Dialing`, `Alert`, `Interact` [O].
        how_ended: the next segment's type, or `Disconnect` [O].
        disconnect_type: on the last one only, what ended the leg [O].
        extra: unknown keys, as they came.
    """

    start_time: datetime | None = None
    end_time: datetime | None = None
    type: str | None = None
    how_ended: str | None = None
    disconnect_type: DisconnectType | str | None = None
    extra: Extra = field(default=NOTHING, eq=extra_key)


class Segments(Sequence[Segment]):
    """The time line of a leg: an immutable sequence that shares what it can, so that one more segment costs one step.

    A tuple would be copied for each segment, and a leg that alternates between two states would cost the square of its length.

    The segments stand in a list that many time lines share; each reads as many of them as it counts. Only the last segment ever
    changes, so it is kept apart. `and_then` appends to the shared list where that ends with this time line, else to a copy.

    Example: after alerting and connected the list is [Alert], the count 1 and the last segment Interact. A copy of the session
    shares all three. Whichever goes on first appends Interact to the list. The other one then finds the list longer than its
    count, copies its one segment and appends there.
    """

    __slots__ = ("_count", "_earlier", "_last")

    def __init__(self, segments: Iterable[Segment] = ()) -> None:
        """Make a time line.

        Args:
            segments: in order.
        """
        self._earlier = list(segments)
        self._last = self._earlier.pop() if self._earlier else None
        self._count = len(self._earlier)

    def and_then(self, segment: Segment) -> "Segments":
        """Return this time line with one more segment."""
        return self._with(*self._shared(), segment)

    def ending_with(self, segment: Segment) -> "Segments":
        """Return this time line with its last segment replaced."""
        return self._with(self._earlier, self._count, segment)

    def _shared(self) -> tuple[list[Segment], int]:
        if self._last is None:
            return self._earlier, 0
        earlier = self._earlier if len(self._earlier) == self._count else self._earlier[: self._count]
        earlier.append(self._last)
        return earlier, self._count + 1

    @staticmethod
    def _with(earlier: list[Segment], count: int, last: Segment) -> "Segments":
        made = Segments.__new__(Segments)
        made._earlier, made._count, made._last = earlier, count, last  # noqa: SLF001 (of this very class)
        return made

    def __len__(self) -> int:
        return self._count + (self._last is not None)

    @overload
    def __getitem__(self, index: int) -> Segment: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Segment, ...]: ...
    def __getitem__(self, index: int | slice) -> Segment | tuple[Segment, ...]:
        if index in (-1, self._count) and self._last is not None:
            return self._last
        if isinstance(index, int) and 0 <= index < self._count:
            return self._earlier[index]
        return tuple(self)[index]

    def __iter__(self) -> Iterator[Segment]:
        yield from self._earlier[: self._count]
        if self._last is not None:
            yield self._last

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Segments | tuple):
            return NotImplemented
        return len(self) == len(other) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def __reduce__(self) -> tuple[type["Segments"], tuple[tuple[Segment, ...]]]:
        return Segments, (tuple(self),)


def _time_line(segments: Iterable[Segment] | None) -> Segments | None:
    return segments if segments is None or isinstance(segments, Segments) else Segments(segments)


@frozen(kw_only=True)
class Wrapup:
    """The agent's record of the leg.

    Args:
        code: the wrap-up code.
        name: the code's name.
        notes: free text.
        tags: free words.
        duration_seconds: from the leg's end to its own, in whole seconds, rounded down [O].
        end_time: when it was saved, on the corrected provider clock; None: it is a preparation [D].
        provisional: a draft, to be used later [D].
        extra: unknown keys, as they came.
    """

    code: str | None = None
    name: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] | None = None
    duration_seconds: int | None = None
    end_time: datetime | None = None
    provisional: bool = False
    extra: Extra = field(default=NOTHING, eq=extra_key)


@frozen(kw_only=True)
class AfterCallWork:
    """After-call work: its state, and its times on the corrected provider clock.

    Args:
        start_time: when the leg ended, to the millisecond [O].
        end_time: when it was done, skipped, or over; None: it is pending.
        state: how far it has come.
        extra: unknown keys, as they came.
    """

    start_time: datetime | None = None
    end_time: datetime | None = None
    state: AfterCallWorkState | str | None = None
    extra: Extra = field(default=NOTHING, eq=extra_key)


def _unless_empty(work: AfterCallWork | None) -> AfterCallWork | None:
    """After-call work that says nothing is none: the platform writes `{}` for legs that have none [O]."""
    return None if work == _NOTHING else work


_NOTHING = AfterCallWork()


# --- Communications -----------------------------------------------------------------------------------------------------------


@define(kw_only=True, on_setattr=setters.NO_OP)
class Communication:
    """One leg of one participant: what a call, a callback, a chat and a co-browse session share.

    Args:
        state: where the leg is in its life.
        initial_state: the state in which it was first seen, or the platform's own word for it.
        id: the communication's id; events name it as their `subject`.
        disconnect_type: what ended it; None: it has not ended, or nothing has said why.
        self_: address and name of this side; the attribute itself is called `self`, as the vendor has it.
        provider_event_time: when the last applied event happened, on the corrected provider clock [D].
        start_alerting_time: when it was first put into alerting, on the cloud clock [O].
        connected_time: when it was connected, on the cloud clock [D].
        disconnected_time: when it ended, on the corrected provider clock [D, C].
        provider: who provides it; None: no event named the provider.
        peer_id: the communication of the other side.
        segments: its time line; None: no state was entered yet.
        wrapup: what the agent noted.
        after_call_work: None: there is none.
        after_call_work_required: whether the agent asked for it; it counts under the prompt `agentRequested` only [D].
        extra: unknown keys, as they came.
        settings: what its events said of the queue's rules. No part of the vendor's model: equality and the session JSON
            leave it out.
    """

    # Setting an attribute runs no hook: the lifecycle writes nothing that a converter would change, and writes often.

    state: ConnectionState | str = ConnectionState.NONE
    initial_state: ConnectionState | str | None = None
    id: str | None = None
    disconnect_type: DisconnectType | str | None = None
    self: Address | None = field(default=None, alias="self_")  # the vendor's name; as an argument it would hide the instance
    provider_event_time: datetime | None = None
    start_alerting_time: datetime | None = None
    connected_time: datetime | None = None
    disconnected_time: datetime | None = None
    provider: str | None = None
    peer_id: str | None = None
    segments: Segments | None = field(default=None, converter=_time_line)
    wrapup: Wrapup | None = None
    after_call_work: AfterCallWork | None = field(default=None, converter=_unless_empty)
    after_call_work_required: bool | None = None
    extra: Extra = field(default=NOTHING, eq=extra_key)
    settings: Settings = field(default=NO_SETTINGS, eq=False)


@define(kw_only=True, on_setattr=setters.NO_OP)
class CobrowseSession(Communication):
    """The platform's `Cobrowsesession`: a communication whose two sides share a page.

    Args:
        cobrowse_session_id: the id of the shared page's session, which both sides have.
        cobrowse_role: whether this side shares its page or looks at it.
        controlling: the participants whose page this side may control; empty: none [D]; None: nothing was said.
        viewer_url: where the page can be looked at.
    """

    cobrowse_session_id: str | None = None
    cobrowse_role: CobrowseRole | str | None = None
    controlling: tuple[str, ...] | None = None
    viewer_url: str | None = None


def is_ended(session: Communication) -> bool:
    """Return whether the leg has ended."""
    return session.state in ENDED_STATES


def is_connected(session: Communication) -> bool:
    """Return whether both sides are connected."""
    return session.state == ConnectionState.CONNECTED


@frozen(kw_only=True)
class Details:
    """What any event may state about the leg. None states nothing, and never clears.

    Args:
        self_: address and name of this side.
        provider: who provides it.
        peer_id: the communication of the other side.
        cobrowse_session_id: the id of the shared page's session.
        cobrowse_role: whether this side shares its page or looks at it.
        controlling: the participants whose page this side may control; taken while connected only [C].
        viewer_url: where the page can be looked at.
        initial_state: the platform's own word for the state in which the leg began; taken once.
        after_call_work_required: the platform's own word for whether after-call work is required; taken until the leg has ended.

    Raises:
        TypeError: a field of another type.
        ValueError: text that cannot be written.
    """

    self: Address | None = field(default=None, alias="self_")
    provider: str | None = None
    peer_id: str | None = None
    cobrowse_session_id: str | None = None
    cobrowse_role: CobrowseRole | str | None = field(default=None, converter=converters.optional(read_role))
    controlling: tuple[str, ...] | None = field(default=None, converter=converters.optional(read_words))
    viewer_url: str | None = None
    initial_state: ConnectionState | str | None = field(default=None, converter=converters.optional(read_state))
    after_call_work_required: bool | None = None

    def __attrs_post_init__(self) -> None:
        check_fields(self)

    def said(self) -> tuple[tuple[str, Any], ...]:
        """Return what is not None, as (attribute, value) pairs. `Any`: the values' types differ."""
        return tuple((name, value) for name in _DETAIL_NAMES if (value := getattr(self, name)) is not None)


_DETAIL_NAMES = tuple(attribute.name for attribute in fields(Details))
NO_DETAILS = Details()
