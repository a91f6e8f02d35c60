"""The values: a communication, its parts, its details and its context.

Everything here is a plain value. `Address`, `Segment`, `Wrapup` and `AfterCallWork` are frozen: the lifecycle *replaces* them
and never changes them in place, so `copy.copy(session)` is a whole copy. A session itself is mutable, and only the lifecycle
should write to it, because its attributes depend on each other.
"""

from datetime import datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Self

from attrs import converters, define, evolve, field, fields, frozen, setters

from cobrowse_session.checks import MAX_DEPTH, NO_EXTRA, Extra, check_fields, check_keys, extra_key, own_extra
from cobrowse_session.printable import short_repr
from cobrowse_session.segments import Segments, time_line
from cobrowse_session.settings import NO_SETTINGS, Settings
from cobrowse_session.vocabulary import (
    AfterCallWorkState,
    CobrowseRole,
    ConnectionState,
    DisconnectType,
    read_role,
    read_state,
    read_words,
)

# --- Names ---------------------------------------------------------------------------------------------------------------------


@cache
def vendor_name(attribute: str) -> str:
    """Return the vendor's name: `afterCallWork` for `after_call_work`. Timeouts have a unit: `wrapupTimeoutMs`."""
    head, *tail = attribute.split("_")
    return head + "".join(map(str.capitalize, tail)) + ("Ms" if attribute.endswith("_timeout") else "")


# --- Context ------------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True, cache_hash=True, repr=False)
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

    __repr__ = short_repr

    def __attrs_post_init__(self) -> None:
        check_fields(self)

    def with_defaults(self, earlier: Self) -> Self:
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


@frozen(kw_only=True, repr=False)
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
    extra: Extra = field(default=NO_EXTRA, eq=extra_key)

    __repr__ = short_repr

    def __attrs_post_init__(self) -> None:
        check_fields(self)
        own_extra(self, MAX_DEPTH - 2)
        check_keys("Address: extra", self.extra, _ADDRESS_NAMES)


_ADDRESS_NAMES = frozenset(vendor_name(a.name) for a in fields(Address) if a.name != "extra")


@frozen(kw_only=True, repr=False)
class Wrapup:
    """The agent's record of the leg.

    Args:
        code: the wrap-up code.
        name: the code's name.
        notes: free text.
        tags: free words.
        duration_seconds: from the end of the leg to the end of the wrap-up, in whole seconds, rounded down.
        end_time: when it was saved, on the corrected provider clock. None: it is prepared only (WRAP-5).
        provisional: it is a draft (WRAP-6).
        extra: unknown keys, as they came.
    """

    code: str | None = None
    name: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] | None = None
    duration_seconds: int | None = None
    end_time: datetime | None = None
    provisional: bool = False
    extra: Extra = field(default=NO_EXTRA, eq=extra_key)

    __repr__ = short_repr

    def __attrs_post_init__(self) -> None:
        if self.extra is not NO_EXTRA:
            own_extra(self, MAX_DEPTH - 1)

    def ended(self, end: datetime, seconds: int | None) -> "Wrapup":
        """Return this wrap-up as final, with its end."""
        return Wrapup(
            code=self.code,
            name=self.name,
            notes=self.notes,
            tags=self.tags,
            duration_seconds=seconds,
            end_time=end,
            extra=self.extra,
        )


@frozen(kw_only=True, repr=False)
class AfterCallWork:
    """After-call work: its state, and its times on the corrected provider clock.

    Args:
        start_time: when the leg ended, to the millisecond (ACW-6).
        end_time: when it was completed or skipped, or the deadline. None: it is pending.
        state: `pending`, `complete` or `skipped`. The platform may send others.
        extra: unknown keys, as they came.
    """

    start_time: datetime | None = None
    end_time: datetime | None = None
    state: AfterCallWorkState | str | None = None
    extra: Extra = field(default=NO_EXTRA, eq=extra_key)

    __repr__ = short_repr

    def __attrs_post_init__(self) -> None:
        if self.extra is not NO_EXTRA:
            own_extra(self, MAX_DEPTH - 1)

    def at(self, start: datetime | None, end: datetime | None) -> "AfterCallWork":
        """Return this after-call work with other times."""
        return AfterCallWork(start_time=start, end_time=end, state=self.state, extra=self.extra)

    def in_state(self, state: AfterCallWorkState | str) -> "AfterCallWork":
        """Return this after-call work in another state."""
        return AfterCallWork(start_time=self.start_time, end_time=self.end_time, state=state, extra=self.extra)


NO_WORK = AfterCallWork()


def _unless_empty(work: AfterCallWork | None) -> AfterCallWork | None:
    """Return after-call work, or None for an empty one. The platform writes `{}` for legs that have none (KEEP-7)."""
    return None if work == NO_WORK else work


@cache
def _field_names(cls: type) -> tuple[str, ...]:
    return tuple(attribute.name for attribute in fields(cls))


# --- Communications -----------------------------------------------------------------------------------------------------------


@define(kw_only=True, on_setattr=setters.NO_OP, repr=False)
class Communication:
    """One leg of one participant. Calls, callbacks, chats and co-browse sessions share these attributes.

    Args:
        state: the connection state.
        initial_state: the state in which the leg was first seen, or the platform's own value (DETAIL-6).
        id: the id of the communication. Events have it as their `subject`.
        disconnect_type: the cause of the end. None: the leg has not ended, or no event named a cause (CONN-15).
        self_: address and name of this side. The attribute is called `self`, as in the vendor's model.
        provider_event_time: the time of the last applied event, on the corrected provider clock (STAMP-6).
        start_alerting_time: the time of the first alert, on the cloud clock (STAMP-2).
        connected_time: the time of the connection, on the cloud clock (STAMP-3).
        disconnected_time: the time of the end, on the corrected provider clock (STAMP-4).
        provider: the name of the provider. None: no event named it.
        peer_id: the id of the communication of the other side.
        segments: the time line. None: no state was entered yet.
        wrapup: the agent's record. None: nothing was saved.
        after_call_work: None: there is none.
        after_call_work_required: the agent's request. It counts under the prompt `agentRequested` only (ACW-47).
        extra: unknown keys, as they came.
        settings: the settings that its events stated. They are not in the vendor's model, so equality and the session JSON leave
            them out.
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
    segments: Segments | None = field(default=None, converter=time_line)
    wrapup: Wrapup | None = None
    after_call_work: AfterCallWork | None = field(default=None, converter=_unless_empty)
    after_call_work_required: bool | None = None
    extra: Extra = field(default=NO_EXTRA, eq=extra_key)
    settings: Settings = field(default=NO_SETTINGS, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.extra is not NO_EXTRA:
            own_extra(self, MAX_DEPTH)

    def __copy__(self) -> Self:
        """Return an independent copy. It shares the values, which are replaced and never changed."""
        cls: type = type(self)
        made: Self = object.__new__(cls)
        for name in _field_names(cls):  # the default way, through a state to pickle, costs three times as much
            setattr(made, name, getattr(self, name))
        return made

    def __repr__(self) -> str:
        """Return the fields that matter most. `attrs.asdict(session)` has all."""
        shown = {"id": self.id, "state": str(self.state), "disconnect_type": self.disconnect_type and str(self.disconnect_type)}
        if self.after_call_work:
            shown["after_call_work"] = self.after_call_work.state and str(self.after_call_work.state)
        if self.wrapup:
            shown["wrapup"] = self.wrapup.code
        fields = ", ".join(f"{name}={value!r}" for name, value in shown.items() if value is not None)
        return f"{type(self).__name__}({fields}, …)"


@define(kw_only=True, on_setattr=setters.NO_OP, repr=False)
class CobrowseSession(Communication):
    """The platform's `Cobrowsesession`: a communication whose two sides share a page.

    Args:
        cobrowse_session_id: the id of the shared page's session, which both sides have.
        cobrowse_role: whether this side shares its page or looks at it.
        controlling: the participants whose page this side may control. Empty: none. None: no event stated it.
        viewer_url: where the page can be looked at.
    """

    cobrowse_session_id: str | None = None
    cobrowse_role: CobrowseRole | str | None = None
    controlling: tuple[str, ...] | None = None
    viewer_url: str | None = None


if TYPE_CHECKING:
    from typing_extensions import TypeVar  # `typing.TypeVar` takes a default from Python 3.13 on

    S_co = TypeVar("S_co", bound=CobrowseSession, default=CobrowseSession, covariant=True)
    T = TypeVar("T", bound=CobrowseSession, default=CobrowseSession)
else:
    from typing import TypeVar

    S_co = TypeVar("S_co", bound=CobrowseSession, covariant=True)
    T = TypeVar("T", bound=CobrowseSession)
# The class of the sessions of a table, a lifecycle and a log. Without a table of one's own it is `CobrowseSession`.


@frozen(kw_only=True, repr=False)
class Details:
    """The details of a leg that any event may state. None states nothing, and never clears (DETAIL-4).

    Args:
        self_: address and name of this side.
        provider: who provides it.
        peer_id: the communication of the other side.
        cobrowse_session_id: the id of the shared page's session.
        cobrowse_role: whether this side shares its page or looks at it.
        controlling: the participants whose page this side may control. Taken while connected only (DETAIL-7).
        viewer_url: where the page can be looked at.
        initial_state: the platform's own value of the first state. Taken once (DETAIL-6).
        after_call_work_required: the platform's own value. Taken until the leg has ended (DETAIL-3).

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

    __repr__ = short_repr

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "names", check_fields(self))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The attributes that are not None."""
        # Of unpickled details. Others have them from the constructor, because a step reads them several times.
        return check_fields(self)

    def items(self) -> tuple[tuple[str, Any], ...]:
        """Return what is not None, as (attribute, value) pairs. `Any`: the values' types differ."""
        return tuple([(name, getattr(self, name)) for name in self.names])


NO_DETAILS = Details()
